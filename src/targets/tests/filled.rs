//! Values from outside of the rules file on their way: into no text that is kept, and back when it is sent.

use super::*;
use crate::targets::filled;

const VALUES: [(&str, &str); 4] =
    [("TOK", "T0P\"S{{ECRET}}"), ("ROOM", "den"), ("N", "1"), ("PEM", "-----\nline\n-----")];

/// What is kept of a message, and what is sent: the body and the header `x`.
fn told(parts: Value) -> (Value, String) {
    let message = message_with("webhook", parts, &VALUES).unwrap();
    let kept = with_scope(|scope| message.render(scope));
    let target = target("webhook", json!({"url": HOOK})).with_values(&values(&VALUES));
    let sent = request(&target, kept.clone());
    let header = sent.headers.iter().find(|(name, _)| name == "x");
    let header = header.map(|(_, value)| value.expose_secret().to_owned());
    let body = String::from_utf8(sent.body).unwrap();
    (Value::Object(kept), header.unwrap_or(body))
}

#[test]
fn a_value_is_kept_apart_and_sent_as_it_is() {
    for (parts, kept, sent) in [
        (
            json!({"json": {"a": ["${TOK}${TOK} in ${ROOM}, {{user.name}}"]}}),
            json!({"json": {"a": [" in , Alice <3"]},
                "_filled": {"/json/a/0": [[0, "TOK"], [0, "TOK"], [4, "ROOM"]]}}),
            r#"{"a":["T0P\"S{{ECRET}}T0P\"S{{ECRET}} in den, Alice <3"]}"#,
        ),
        (
            json!({"headers": {"x": "Key ${TOK}"}, "body": "b"}),
            json!({"body": "b", "headers": {"x": "Key "}, "_filled": {"/headers/x": [[4, "TOK"]]}}),
            r#"Key T0P"S{{ECRET}}"#,
        ),
        (
            json!({"body": "{{#if online}}${PEM}{{else}}${TOK}{{/if}}", "content_type": "text/plain"}),
            json!({"body": "", "_filled": {"/body": [[0, "PEM"]]}}),
            "-----\nline\n-----",
        ),
        // Escaped where the JSON would be broken, and only there.
        (
            json!({"body": r#"{"n": ${N}, "key": "${TOK}"}"#}),
            json!({"body": r#"{"n": , "key": ""}"#, "_filled": {"/body": [[6, "N", "json"], [16, "TOK", "json"]]}}),
            r#"{"n": 1, "key": "T0P\"S{{ECRET}}"}"#,
        ),
        (
            json!({"body": r#"{"n": ${N}}"#}),
            json!({"body": r#"{"n": }"#, "_filled": {"/body": [[6, "N"]]}}),
            r#"{"n": 1}"#,
        ),
        (
            json!({"body": r#"{"é ${TOK}"#}),
            json!({"body": r#""{\"é ""#, "_filled": {"/body": [[7, "TOK", "json"]]}}),
            r#""{\"é T0P\"S{{ECRET}}""#,
        ),
    ] {
        let mut told = told(parts.clone());
        told.0.as_object_mut().unwrap().remove("content_type");
        assert_eq!((told.0, told.1.as_str()), (kept, sent), "{parts}");
    }
}

/// Nor is one looked for: who writes what reads like a value has written just that.
#[test]
fn a_stranger_who_writes_a_value_has_written_a_text() {
    let message =
        message_with("webhook", json!({"json": {"n": "{{user.name}}", "k": "${N}"}}), &[("N", "Alice <3")]);
    let kept = with_scope(|scope| message.unwrap().render(scope));
    let expected = json!({"json": {"n": "Alice <3", "k": ""}, "_filled": {"/json/k": [[0, "N"]]}});
    assert_eq!(Value::Object(kept), expected);
}

/// A value counts, is never cut in two, and does not come out by being cut.
#[test]
fn a_value_that_does_not_fit_is_left_out_whole() {
    let long = "V".repeat(1500);
    let values = [("LONG", long.as_str())];
    let message = message_with("discord", json!({"content": "${LONG} ${LONG} end"}), &values).unwrap();
    let kept = with_scope(|scope| message.render(scope));
    assert_eq!(Value::Object(kept.clone()), json!({"content": " …", "_filled": {"/content": [[0, "LONG"]]}}));
    assert_eq!(json!(filled::shown(&kept))["content"], "${LONG} …");
}

#[test]
fn where_one_line_is_taken_a_value_has_one() {
    let told = message_with("ntfy", json!({"title": "a ${PEM}", "message": "${PEM}"}), &VALUES).unwrap_err();
    let told: Vec<String> =
        told.into_iter().map(|(at, it)| format!("{at:?} {:?} {}", it.at, it.what)).collect();
    assert_eq!(told, [r#"["title"] 2..18 this has more than one line, and the text takes one"#]);
}

/// A list from which something was left out has its values where they belong.
#[test]
fn a_value_is_found_behind_what_was_left_out() {
    let parts = json!({"message": "m", "tags": ["{{kv.none}}", "${ROOM}"]});
    let message = message_with("ntfy", parts, &VALUES).unwrap();
    let kept = with_scope(|scope| message.render(scope));
    let shown = json!(filled::shown(&kept));
    assert!(shown["tags"].as_array().unwrap().contains(&json!("${ROOM}")), "{shown}");
}

/// An answer that repeats the request is searched for the value in all the ways in which it was sent.
#[test]
fn a_value_is_a_secret_of_its_request_with_markup_and_without() {
    let secret = [("KEY", "<b>T0P</b>SECRET")];
    let parts = json!({"formatted_body": "<p>${KEY}</p>"});
    let kept = with_scope(|scope| message_with("matrix", parts, &secret).unwrap().render(scope));
    let settings = json!({"server": "https://m.example", "token": "t", "room": "!r:m.example"});
    let sent = request(&target("matrix", settings).with_values(&values(&secret)), kept);
    let secrets: Vec<&str> = sent.secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert!(secrets.contains(&"T0PSECRET") && secrets.contains(&"<b>T0P</b>SECRET"), "{secrets:?}");
}
