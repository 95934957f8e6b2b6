//! A message as it is told to people: its texts, one after another.

use serde_json::Value;

use crate::outbox::delivery::Delivery;
use crate::printable::{cut, plain};
use crate::targets::filled;

/// All of its texts but those of the parts that are `unspoken`, up to `chars_max` characters.
pub fn in_words(message: &Delivery, unspoken: &[&str], chars_max: usize) -> String {
    let mut texts = Vec::new();
    let parts = filled::shown(&message.parts);
    let spoken = parts.iter().filter(|(name, _)| !unspoken.contains(&name.as_str()));
    spoken.for_each(|(_, part)| gather(part, &mut texts));
    cut(texts.join(" | "), chars_max)
}

fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.trim().is_empty() => texts.push(plain(text.trim())),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(map) => map.values().for_each(|value| gather(value, texts)),
        _ => {}
    }
}
