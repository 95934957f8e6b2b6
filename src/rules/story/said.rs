//! A part of the file as it is written, in one line: what a test's steps and expectations are called.

use crate::printable::cut;
use crate::rules::places::Source;
use crate::rules::tree::{Node, Value};

/// Longer ones are cut.
const SAID_CHARS_MAX: usize = 160;

/// A mapping's pairs, but for those of `but`; anything else whole. Variables stay as they are written.
pub fn said(source: &Source, node: &Node, but: &[&str]) -> Box<str> {
    let whole = match node.entries() {
        Some(entries) => {
            let told = entries.iter().filter(|entry| !but.contains(&entry.key.as_str()));
            let told = told.map(|entry| format!("{}: {}", entry.key, flow(source, &entry.value)));
            told.collect::<Vec<_>>().join(", ")
        }
        None => flow(source, node),
    };
    cut(whole, SAID_CHARS_MAX).into()
}

fn flow(source: &Source, node: &Node) -> String {
    match &node.value {
        Value::Map(entries) => {
            let pairs = entries.iter().map(|entry| format!("{}: {}", entry.key, flow(source, &entry.value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::List(items) => {
            let items = items.iter().map(|item| flow(source, item));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::Scalar(_) => source.slice(node.at).split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Broken => "…".to_owned(),
    }
}
