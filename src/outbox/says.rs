//! What a message says, in one line: for those who look through many.

use serde_json::Value;

use super::delivery::Parts;
use crate::printable::{cut, plain};
use crate::targets::filled;

const CHARS_MAX: usize = 160;

/// What goes before the text itself, in the words of targets.
const TITLES: [&str; 2] = ["title", "thread_name"];
/// The text itself.
const TEXTS: [&str; 5] = ["text", "message", "content", "body", "formatted_body"];
/// What stands for itself where there is no text: what is done in a home, and to what.
const DEEDS: [&[&str]; 3] = [&["service", "data"], &["state", "value"], &["event"]];
/// How it is sent.
const UNSPOKEN: [&str; 6] = ["content_type", "headers", "method", "path", "query", "url"];

/// The first line of its text, or what comes nearest to one; names in place of secrets. `None` if it has no words.
pub fn says(parts: &Parts) -> Option<String> {
    let parts = filled::shown(parts);
    let first = |names: &[&str]| names.iter().find_map(|name| line(parts.get(*name)?.as_str()?));
    let (title, text) = (first(&TITLES), first(&TEXTS));
    let mut said: Vec<String> = title.into_iter().chain(text).collect();
    let title_or_text = !said.is_empty();
    if let Some(event) = parts.get(crate::targets::EVENT).filter(|_| said.is_empty()) {
        let of = |at| event.pointer(at).and_then(Value::as_str).and_then(line);
        said.extend(of("/type").into_iter().chain(of("/person/name").or_else(|| of("/person/key"))));
    }
    if said.is_empty()
        && let Some(deed) = DEEDS.iter().find(|deed| parts.get(deed[0]).is_some_and(Value::is_string))
    {
        deed.iter().filter_map(|name| parts.get(*name)).for_each(|part| gather(part, &mut said));
    }
    if said.is_empty() {
        let spoken = parts.iter().filter(|(name, _)| !UNSPOKEN.contains(&name.as_str()));
        spoken.for_each(|(_, part)| gather(part, &mut said));
    }
    let said = said.join(if title_or_text { ": " } else { " · " });
    (!said.is_empty()).then(|| cut(said, CHARS_MAX))
}

/// Every word in it but addresses and ids.
fn gather(value: &Value, said: &mut Vec<String>) {
    const WORDS_MAX: usize = 8;
    match value {
        _ if said.len() == WORDS_MAX => {}
        Value::String(text) if !is_address(text) => said.extend(line(text)),
        Value::Array(items) => items.iter().for_each(|item| gather(item, said)),
        Value::Object(map) => map.values().for_each(|value| gather(value, said)),
        _ => {}
    }
}

fn is_address(text: &str) -> bool {
    text.contains("://") || text.bytes().all(|byte| byte.is_ascii_digit())
}

fn line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(plain(&line.chars().take(CHARS_MAX + 1).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_told_by_its_first_line() {
        for (parts, told) in [
            (
                json!({"title": "Bob is online", "message": "They are online now.\nReally.", "priority": 4}),
                "Bob is online: They are online now.",
            ),
            (json!({"text": "\n Three of us are on\nand more"}), "Three of us are on"),
            (json!({"body": "rusty", "content_type": "text/plain; charset=utf-8"}), "rusty"),
            (json!({"formatted_body": "Dora hears <i>Roads</i>", "notice": true}), "Dora hears <i>Roads</i>"),
            (
                json!({"service": "light.turn_on", "data": {"entity_id": "light.desk"}}),
                "light.turn_on · light.desk",
            ),
            (
                json!({"attributes": {"icon": "mdi:headset"}, "state": "sensor.friend", "value": "Carol"}),
                "sensor.friend · Carol",
            ),
            (
                json!({"embeds": [{"title": "Roads", "description": "Portishead", "thumbnail": {"url": "https://i.scdn.co/x"}}]}),
                "Portishead · Roads",
            ),
            (
                json!({"json": {"what": "went_online", "who": {"id": "123", "name": "Bob"}}, "headers": {"x": "y"}}),
                "went_online · Bob",
            ),
            (
                json!({"_event": {"type": "went_online", "rule": "r", "person": {"key": "bob", "name": "Bob"}, "data": {"x": "y"}}}),
                "went_online · Bob",
            ),
            (json!({"_event": {"type": "enter", "person": {"key": "bob", "name": ""}}}), "enter · bob"),
            (json!({"text": "a\u{202e}b"}), "a\u{fffd}b"),
            (json!({"json": {"n": 1}}), ""),
        ] {
            let parts = parts.as_object().unwrap();
            assert_eq!(says(parts).unwrap_or_default(), told, "{parts:?}");
        }
    }

    #[test]
    fn it_is_short_and_tells_no_secret() {
        let long = says(json!({"text": "ä".repeat(5000)}).as_object().unwrap()).unwrap();
        assert_eq!(long.chars().count(), CHARS_MAX + 1);
        let many = says(json!({"json": vec!["word".repeat(5); 5000]}).as_object().unwrap()).unwrap();
        assert!(many.chars().count() <= CHARS_MAX + 1);
        let secret = json!({"text": "key  here", "_filled": {"/text": [[4, "KEY"]]}});
        assert_eq!(says(secret.as_object().unwrap()).as_deref(), Some("key ${KEY} here"));
    }
}
