//! A place inside a text is a place in the file, whatever way the text is written.

use super::*;
use crate::rules::diagnostic::Problems;
use crate::rules::places::Span;
use crate::rules::{scalar, vars, yaml};

/// The file's characters that a part of the value under `a` was made from.
fn written(text: &str, part: &str) -> String {
    let source = Source::new("rules.yaml", text);
    let mut problems = Problems::default();
    let mut root = yaml::read(&source, &mut problems).unwrap();
    vars::fill(&mut root, &source, &Room, &mut problems);
    assert!(!problems.any_errors(), "{text}");
    let node = root.find(&["a".to_owned()]);
    let value = &node.scalar().unwrap().text;
    let start = value.find(part).unwrap_or_else(|| panic!("`{part}` is not in {value:?}"));
    let place: Span = scalar::place(&source, node, start..start + part.len());
    source.slice(place).to_owned()
}

#[test]
fn every_way_of_writing_a_text() {
    for (text, part, expected) in [
        ("a: one two three\n", "two", "two"),
        ("é: ü\na: one zwö three\n", "zwö", "zwö"),
        ("a: 'it''s two'\n", "two", "two"),
        ("a: 'it''s two'\n", "it's", "it''s"),
        ("a: \"x\\ty \\u00e9 two\"\n", "two", "two"),
        ("a: \"x\\ty \\u00e9 two\"\n", "é", "\\u00e9"),
        ("a: \"\\U0001F600 \\x41 two\"\n", "two", "two"),
        ("a: \"one\\\n   two\"\n", "two", "two"),
        ("a: one\n  two\n\n  three\n", "two", "two"),
        ("a: one\n  two\n\n  three\n", "three", "three"),
        ("a: 'one\n\n\n  two'\n", "two", "two"),
        ("a: |\n  one\n    two\n  three\n", "two", "two"),
        ("a: |\n  one\n\n    two\n  three\n", "three", "three"),
        ("a: |-\r\n  one\r\n  two\r\n", "two", "two"),
        ("a: >\n  one\n  two\n  three\n", "three", "three"),
        ("a: >-\n  one\n\n  two\n   three\n  four\n", "two", "two"),
        ("a: |\n\n  one\n  two\n", "two", "two"),
        ("a: |2\n    one\n  two\n", "two", "two"),
        ("a: &anchor one two\n", "two", "two"),
        ("b: &x one two\na: *x\n", "two", "two"),
        ("a: ${TOPIC} two\n", "two", "two"),
        ("a: one ${TOPIC} two\n", "two", "two"),
        ("a: one ${TOPIC} two\n", "ells", "${TOPIC}"),
        ("a: one ${TOPIC}${TOPIC} two\n", "two", "two"),
        ("a: 'it''s ${TOPIC:-x} $${y} two'\n", "two", "two"),
        ("a: 'it''s ${TOPIC:-x} $${y} two'\n", "${y}", "$${y}"),
    ] {
        assert_eq!(written(text, part), expected, "`{part}` in {text:?}");
    }
}
