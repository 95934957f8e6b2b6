//! What a target of another kind is told.

use super::*;
use crate::targets::filled;

fn retold(from: &str, parts: Value, to: &str) -> Value {
    let message = message(from, parts).unwrap_or_else(|problems| panic!("{from}: {problems:?}"));
    Value::Object(with_scope(|scope| message.retell(kind(to), scope)))
}

#[test]
fn a_title_and_a_text_in_the_others_form() {
    let said = "Alice <3 listens to Song by A; B";
    for (from, parts, to, expected) in [
        (
            "ntfy",
            json!({"title": "{{user.name}}", "message": "is <b> & *{{status}}*", "priority": 5}),
            "telegram",
            json!({"text": "Alice &lt;3\nis &lt;b&gt; &amp; *dnd*"}),
        ),
        ("ntfy", json!({"title": "{{user.name}}!"}), "slack", json!({"text": "Alice &lt;3!"})),
        (
            "ntfy",
            json!({"title": "{{user.name}}!"}),
            "gotify",
            json!({"title": "Alice <3!", "message": said}),
        ),
        (
            "telegram",
            json!({"text": "<b>{{user.name}}</b> &amp; <a href=\"{{track.album_art_url}}\">{{{status}}}</a>"}),
            "ntfy",
            json!({"message": "Alice <3 & dnd"}),
        ),
        (
            "matrix",
            json!({"formatted_body": "<p>{{user.name}}</p>is &lt;on&gt;"}),
            "discord",
            json!({"content": "Alice \\<3\nis \\<on\\>"}),
        ),
        ("slack", json!({"text": "*{{user.name}}*"}), "teams", json!({"text": "\\*Alice <3\\*"})),
        ("discord", json!({"embeds": [{"title": "x"}]}), "pushover", json!({"message": said})),
        ("webhook", json!({"json": {"a": "{{status}}"}}), "apprise", json!({"body": said})),
        ("home_assistant", json!({"service": "light.turn_on"}), "console", json!({"text": said})),
        (
            "ntfy",
            json!({"title": "{{kv.none}}", "message": " "}),
            "telegram",
            json!({"text": "Alice &lt;3 listens to Song by A; B"}),
        ),
        ("teams", json!({"title": "a", "text": "b"}), "console", json!({"text": "a b"})),
    ] {
        assert_eq!(retold(from, parts, to), expected, "{from} → {to}");
    }
    let event = retold("ntfy", json!({"message": "x"}), "webhook");
    assert_eq!(event["_event"]["type"], "changed_track");
}

/// In whatever form it is told: what came from outside of the file is not kept.
#[test]
fn what_came_from_outside_is_not_kept() {
    let values = [("TOK", "T0P_*<S&CRET"), ("LONG", "T0P_*<S&CRET_and_more")];
    let told = "<b>${LONG}</b> {{user.name}} ${TOK}";
    for from in ["ntfy", "telegram", "discord"] {
        let part = if from == "ntfy" {
            "message"
        } else if from == "telegram" {
            "text"
        } else {
            "content"
        };
        let message = message_with(from, json!({part: told}), &values).unwrap();
        for to in ["slack", "discord", "telegram", "gotify", "matrix", "teams", "console"] {
            let parts = with_scope(|scope| message.retell(kind(to), scope));
            let kept = Value::Object(parts.clone()).to_string();
            assert!(!kept.contains("CRET"), "{from} → {to}: {kept}");
            let shown = Value::Object(filled::shown(&parts)).to_string();
            assert!(shown.contains("${LONG}") && shown.contains("${TOK}"), "{from} → {to}: {shown}");
        }
    }
}

/// A stranger's words are told, and do no harm in their new place either.
#[test]
fn a_stranger_cannot_ask_for_what_came_from_outside() {
    use crate::rules::template::tests::with_scope_of;
    let raw = json!({"user_id": "7", "discord_status": "online",
        "discord_user": {"id": "7", "username": "\u{fdd0}<!channel>\u{fdd1}"}})
    .to_string();
    let parts = json!({"message": "{{{user.name}}}${TOK}"});
    let message = message_with("ntfy", parts, &[("TOK", "T0PSECRET")]).unwrap();
    let parts = with_scope_of(&raw, |scope| message.retell(kind("slack"), scope));
    assert_eq!(
        Value::Object(parts),
        json!({"text": "&lt;!channel&gt;", "_filled": {"/text": [[16, "TOK"]]}})
    );
}
