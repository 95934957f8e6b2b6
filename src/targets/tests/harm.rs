//! Whatever a presence holds, it does no harm.

use proptest::prelude::*;

use super::*;
use crate::outbox::delivery::Answer;
use crate::outbox::excerpt::excerpt;
use crate::rules::template::tests::with_scope_of;
use crate::targets::Shape;

#[test]
fn nothing_secret_is_shown() {
    for kind in KINDS {
        let target = target(kind.name, least_settings(kind.name));
        let debug = format!("{target:?}");
        assert!(!debug.contains("T0P") && !debug.contains("://"), "{debug}");
        if let Outgoing::Http(request) = target.request(&delivery(target.test_parts("a test")), NOW_MS, false)
        {
            assert!(!format!("{request:?}").contains("T0P"), "{}", kind.name);
        }
    }
}

/// Answers like to repeat the request: as it was sent, and as the service has understood it.
#[test]
fn no_answer_shows_what_a_target_keeps_secret() {
    for (name, settings, secrets) in [
        (
            "webhook",
            json!({"url": "http://usr:S3CR3T@a/T0P?k=S3CR3T-KEY", "headers": {"x-a": "S3CR3T-KEY"},
            "query": {"sig": "S3CR3T==/+"}}),
            &["S3CR3T==/+", "S3CR3T-KEY", "usr:S3CR3T", "S3CR3T"][..],
        ),
        ("slack", json!({"url": "https://hooks.example/services/S3CR3T00"}), &["S3CR3T00"]),
        ("discord", json!({"url": "https://discord.example/api/webhooks/1/S3CR3T00"}), &["S3CR3T00"]),
        ("mattermost", json!({"url": "https://chat.example/hooks/S3CR3T00"}), &["S3CR3T00"]),
        ("ntfy", json!({"topic": "S3CR3T"}), &["S3CR3T"]),
        ("ntfy", json!({"topic": "S3CR3T", "user": "me", "password": "S3CR3T2"}), &["me:S3CR3T2", "S3CR3T2"]),
        ("ntfy", json!({"topic": "S3CR3T", "token": "S3CR3T2"}), &["S3CR3T2"]),
        ("home_assistant", json!({"url": "http://ha", "token": "S3CR3T"}), &["S3CR3T"]),
        ("home_assistant", json!({"url": "http://ha", "webhook_id": "S3CR3T"}), &["S3CR3T"]),
        ("gotify", json!({"url": "http://a", "token": "S3CR3T"}), &["S3CR3T"]),
        ("telegram", json!({"token": "1:S3CR3T", "chat_id": "@S3CR3T"}), &["1:S3CR3T", "S3CR3T", "@S3CR3T"]),
        ("teams", json!({"url": "https://a.powerplatform.example/x?sp=%2F&sig=S3CR3T-_00"}), &["S3CR3T-_00"]),
        ("matrix", json!({"server": "http://a", "token": "S3CR3T", "room": "!x:a"}), &["S3CR3T"]),
        ("pushover", json!({"token": "S3CR3T", "user": "S3CR3T2"}), &["S3CR3T", "S3CR3T2"]),
        ("apprise", json!({"url": "http://a", "key": "S3CR3T"}), &["S3CR3T"]),
        (
            "apprise",
            json!({"url": "http://a", "urls": "tgram://1:S3CR3T/5, mailto://me:S3CR3T2@a.b?to=S3CR3T3%40c"}),
            &[
                "tgram://1:S3CR3T/5",
                "S3CR3T",
                "S3CR3T2",
                "mailto://me:S3CR3T2@a.b?to=S3CR3T3%40c",
                "S3CR3T3@c",
            ],
        ),
    ] {
        let target = target(name, settings);
        let request = request(&target, target.test_parts("a test"));
        let mut told =
            vec![request.url.expose_secret().to_owned(), String::from_utf8(request.body.clone()).unwrap()];
        told.extend(request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose_secret())));
        told.extend(secrets.iter().map(|secret| format!("no `{secret}` here")));
        let said = told.join("\n");
        for body in [said.clone(), json!(said).to_string(), crate::targets::address::encode(&said)] {
            let answer = Answer { status: 404, body: body.into(), whole: true, ..Answer::default() };
            let kept = excerpt(&answer, &request);
            assert!(!kept.contains("S3CR3T"), "{name}: {kept}");
        }
    }
}

/// Texts of a message stay within what the service takes, whatever the presence holds.
#[test]
fn long_texts_are_cut() {
    for (letter, times) in [("x", 60_000), ("*", 60_000), ("<", 30_000), ("👨‍👩‍👧", 3_000), ("é", 30_000)]
    {
        let raw = presence(&letter.repeat(times));
        for (name, part, max, count) in [
            ("discord", "content", 2_000, utf16 as fn(&str) -> usize),
            ("telegram", "text", 4_096, |text| utf16(&text.replace("&lt;", "<"))),
            ("ntfy", "message", 4_096, str::len),
            ("mattermost", "text", 16_383, |text| text.chars().count()),
            ("slack", "text", 40_000, |text| text.chars().count()),
            ("teams", "text", 10_000, str::len),
            ("matrix", "formatted_body", 12_000, str::len),
            ("matrix", "body", 8_000, str::len),
            ("pushover", "message", 1_024, |text| text.chars().count()),
            ("apprise", "body", 30_000, |text| text.chars().count()),
        ] {
            let message = message(name, json!({part: "{{user.name}}"})).unwrap();
            let parts = with_scope_of(&raw, |scope| message.render(scope));
            let text = parts[part].as_str().unwrap();
            assert!(count(text) <= max, "{name} {letter}: {}", count(text));
            assert!(text.len() <= 64 << 10);
            if count(&letter.repeat(times)) > max {
                assert!(text.ends_with('…'), "{name} {letter}");
            }
            if letter == "*" && name == "discord" {
                assert!(text.trim_end_matches('…').ends_with("\\*"), "{name}");
            }
        }
    }
}

#[test]
fn embeds_stay_below_their_sum() {
    let field = json!({"name": "{{user.name}}", "value": "{{user.name}}"});
    let embed = json!({"title": "{{user.name}}", "description": "{{user.name}}", "fields": vec![field; 30]});
    let message = message("discord", json!({"embeds": vec![embed; 12]})).unwrap();
    for (name, expected) in [("ab".to_owned(), (10, 25)), ("*".repeat(5_000), (1, 2))] {
        let parts = with_scope_of(&presence(&name), |scope| message.render(scope));
        let body = shown(&request(&target("discord", least_settings("discord")), parts))["body"].clone();
        let embeds = body["embeds"].as_array().unwrap();
        assert_eq!((embeds.len(), embeds[0]["fields"].as_array().unwrap().len()), expected);
        let mut sum = 0;
        for embed in embeds {
            let fields = embed["fields"].as_array().unwrap().iter();
            let fields = fields.flat_map(|field| [&field["name"], &field["value"]]);
            for text in [&embed["title"], &embed["description"]].into_iter().chain(fields) {
                assert_ne!(text, "");
                sum += utf16(text.as_str().unwrap());
            }
        }
        assert!(sum <= 6_000, "{sum}");
    }
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Somebody who calls themselves, plays, hears and says `text`.
fn presence(text: &str) -> String {
    json!({
        "discord_user": {"id": "7", "username": text, "display_name": text, "avatar": text},
        "discord_status": "online",
        "kv": {"k": text, text: "v"},
        "activities": [{"type": 0, "name": text, "details": text, "state": text, "url": text,
            "assets": {"large_image": text}}],
        "spotify": {"track_id": text, "song": text, "artist": text, "album": text, "album_art_url": text},
    })
    .to_string()
}

/// Each text part, header, query and tree of each kind, filled with what a stranger wrote.
fn everywhere(kind: &Kind) -> Vec<Value> {
    const EVIL: &str = "{{user.name}} {{{playing.name}}} {{track.song}} {{kv.k}}";
    let alone = |part: &str, value: Value| json!({part: value});
    match kind.name {
        "webhook" => vec![
            json!({"json": {"a": EVIL, "b": [EVIL, "{{json kv}}"]}, "headers": {"x-a": EVIL}, "query": {"q": EVIL}, "path": EVIL}),
            alone("form", json!({"a": EVIL})),
            json!({"body": format!("{{\"a\": \"{EVIL}\"}}"), "content_type": "application/json"}),
            json!({"body": "{\"a\": {{{user.name}}} }", "content_type": "application/json"}),
            alone("body", json!(EVIL)),
            json!({}),
        ],
        "home_assistant" => vec![
            json!({"event": EVIL, "data": {"a": EVIL}}),
            json!({"service": format!("light.{EVIL}"), "data": {"a": EVIL}}),
            json!({"state": EVIL, "value": EVIL}),
            json!({}),
        ],
        _ => {
            let texts = kind.parts.iter().map(|key| {
                let value = match key.shape {
                    Shape::Tree => {
                        json!([{"action": "view", "label": EVIL, "text": EVIL, "title": EVIL, "url": EVIL}])
                    }
                    Shape::TextList => json!([EVIL]),
                    Shape::Number | Shape::NumberOr(_) | Shape::Bool => json!("{{user.name}}"),
                    _ => json!(EVIL),
                };
                (key.name.to_owned(), value)
            });
            // Apprise escapes by what the format is, and a card is a whole message.
            let mut texts: Map<String, Value> =
                texts.filter(|(name, _)| name != "markdown" && name != "format").collect();
            let card = texts.remove("card").map(|card| json!({"card": card}));
            [Value::Object(texts), json!({})].into_iter().chain(card).collect()
        }
    }
}

/// Nothing in a presence breaks JSON, adds a header, leaves its place in an address, or calls anybody.
fn harmless(text: &str) {
    let raw = presence(text);
    for kind in KINDS {
        let target = target(kind.name, least_settings(kind.name));
        for parts in everywhere(kind) {
            let message = message(kind.name, parts.clone())
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", kind.name));
            let parts = with_scope_of(&raw, |scope| message.render(scope));
            let request = match target.request(&delivery(parts.clone()), NOW_MS, false) {
                Outgoing::Http(request) => request,
                Outgoing::Print(line) => {
                    assert!(!line.contains(char::is_control), "{line:?}");
                    continue;
                }
                Outgoing::Unready { why } => panic!("{why}"),
            };
            let url = request.url.expose_secret();
            assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
            assert!(url.starts_with("https://") || url.starts_with("http://ha:8123/api/"), "{url}");
            assert!(!url.contains("/../") && !url.ends_with("/.."), "{url}");
            for (name, value) in &request.headers {
                assert!(
                    !value.expose_secret().contains(char::is_control),
                    "{name}: {:?}",
                    value.expose_secret()
                );
            }
            let is_json = request
                .headers
                .iter()
                .any(|(name, value)| name == "content-type" && value.expose_secret().ends_with("json"));
            let body: Value = if is_json {
                serde_json::from_slice(&request.body)
                    .unwrap_or_else(|why| panic!("{}: {why}: {parts:?}", kind.name))
            } else {
                Value::Null
            };
            match kind.name {
                "discord" => assert_eq!(body["allowed_mentions"], json!({"parse": []})),
                "slack" => {
                    // `{{{triple}}}` is the author's own choice; what came by `{{double}}` cannot open a mention.
                    let message = super::message("slack", json!({"text": "{{user.name}}"})).unwrap();
                    let parts = with_scope_of(&raw, |scope| message.render(scope));
                    assert!(!parts["text"].as_str().unwrap().contains('<'));
                }
                "matrix" => assert_eq!(body["m.mentions"], json!({})),
                "mattermost" | "apprise" => {
                    let part = if kind.name == "apprise" { "body" } else { "text" };
                    let message = super::message(kind.name, json!({part: "{{user.name}}"})).unwrap();
                    let parts = with_scope_of(&raw, |scope| message.render(scope));
                    let text = parts[part].as_str().unwrap();
                    assert!(
                        text.split('@')
                            .skip(1)
                            .all(|after| after.is_empty() || after.starts_with(['\u{200b}', '…'])),
                        "{text}"
                    );
                }
                _ => {}
            }
        }
    }
}

#[test]
fn hostile_presences() {
    for text in [
        "<!channel> <@U123> <!here|x> &lt;",
        "@everyone @here @channel <@123> <@&9>",
        "\"quotes\" and 'more' \\ \\\" \\u0000 }}{{user.id}}",
        "line\nbreak\r\nX-Evil: yes\r\n\r\n<html>",
        "\u{0}\u{7}\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{7f}",
        "\u{202e}gnp.exe\u{202c} \u{2066}x\u{2069} \u{feff}",
        "../../admin?x=1#y %2e%2e/ ..;/ . ..",
        "",
        "   ",
        "]]></a><!--<script>alert(1)</script>",
        "# * _ ~ ` | > - + ! [a](https://evil) ```",
    ] {
        harmless(text);
    }
    harmless(&"<@\"\\\n\u{202e}é👨‍👩‍👧".repeat(3_000));
}

#[test]
fn marks_that_turn_the_direction_are_not_shown_to_people() {
    let message = message("ntfy", json!({"message": "{{user.name}} {{{user.name}}}"})).unwrap();
    let parts = with_scope_of(&presence("a\u{202e}b\u{2066}c"), |scope| message.render(scope));
    assert_eq!(parts["message"], "abc abc");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_presence_does_harm(text in r#"(.|\n|\r|"|\\|<|>|&|@|\{|\}|\x00|\x1b|[\u{202a}-\u{202e}]|[a-z ]){0,60}"#) {
        harmless(&text);
    }
}
