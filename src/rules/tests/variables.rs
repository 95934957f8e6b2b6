//! `${…}`: what is filled in, what is missing, and that no value changes the file's structure.

use super::*;
use crate::rules::diagnostic::Problems;
use crate::rules::mask::Mask;
use crate::rules::{vars, yaml};

/// The value of `a` after filling in.
fn filled(text: &str) -> serde_json::Value {
    let source = Source::new("rules.yaml", text);
    let mut problems = Problems::default();
    let mut root = yaml::read(&source, &mut problems).unwrap();
    vars::fill(&mut root, &source, &Room, &mut problems);
    assert!(!problems.any_errors(), "{}", problems.into_findings(source, Mask::default()).render(false));
    root.to_json()["a"].clone()
}

#[test]
fn values_are_texts_and_nothing_else() {
    for (text, expected) in [
        ("a: ${TOPIC}", "bells"),
        ("a: x-${TOPIC}-${TOPIC}", "x-bells-bells"),
        ("a: \"${NONE:-default value}\"", "default value"),
        ("a: \"${EMPTY:-default}\"", "default"),
        ("a: \"${EMPTY}\"", ""),
        ("a: ${NONE:-}", ""),
        ("a: \"${file:token}\"", "tk_1"),
        ("a: $${TOPIC} $5 {}", "${TOPIC} $5 {}"),
        ("a: \"${YAML}\"", "a, b: [c]\nrules: []"),
        ("a: \"${NONE:-${}\"", "${"),
    ] {
        assert_eq!(filled(text), expected, "{text}");
    }
    // Keys are what they are.
    assert_eq!(filled("a: {\"${TOPIC}\": 1}"), serde_json::json!({"${TOPIC}": 1}));
}

#[test]
fn what_cannot_be_filled_in() {
    for (value, expected) in [
        (
            "x ${NONE} y",
            "1:14 error: the variable `NONE` is not set (set it where doorchime runs, or write `${NONE:-default}`)",
        ),
        (
            "x ${NO-NE}",
            "1:14 error: `NO-NE` is not the name of a variable (write `${NAME}`, `${NAME:-default}` or `${file:PATH}`; a plain `${` is written `$${`)",
        ),
        (
            "${file:nope}",
            "1:12 error: the file `nope` is not there (the path counts from the rules file's folder)",
        ),
        (
            "x ${TOPIC",
            "1:14 error: this `${` is never closed (close it with `}`, or write `$${` for a plain `${`)",
        ),
        ("${LONG}", "1:12 error: the value of `LONG` is larger than 64 KiB (is it the right one?)"),
    ] {
        check(&format!("timezone: \"{value}\"\n"), expected);
        check(&format!("timezone: '{value}'\n"), expected);
    }
}

#[test]
fn variables_stand_for_durations_and_flags_too() {
    let loaded = load("catch_up: ${TEN}\nlanyard: {compression: \"${NONE:-false}\"}\n");
    let set = loaded.unwrap_or_else(|findings| panic!("{}", findings.render(false))).set;
    assert_eq!((set.catch_up.as_secs(), set.lanyard.compression), (600, false));
}

/// What a helper made of a value could not be told from any other text: it would be kept, and shown.
#[test]
fn no_value_is_filled_in_between_braces() {
    let file = |text: &str| {
        format!(
            "people: {{ada: \"94490510688792576\"}}\ntargets: {{screen: {{type: console}}}}\nrules:\n  - {{id: on, who: ada, when: went_online, \
             send: {{to: screen, text: {text}}}}}\n"
        )
    };
    let refused = "error: a value is filled in between braces, where a helper would see it (write it beside the \
                   braces; what is compared belongs to the rule's `if` or `when`, as a plain text)";
    for text in [
        r#""{{truncate '${SECRET}' 3}}""#,
        r#""${SECRET} {{upper ${SECRET}}}""#,
        r#""{{#if (eq status '${BRACES}')}}a{{/if}}""#,
        // Whatever is set where the file is read.
        r#""{{slug '${NONE:-bells}'}}""#,
        r#""{{! ${SECRET} }}""#,
    ] {
        let file = file(text);
        let at = file.lines().nth(3).and_then(|line| line.rfind("${")).unwrap();
        check(&file, &format!("4:{} {refused}", at + 1));
    }
    for text in [r#""${BRACES}{{user.name}}${BRACES}""#, r#""\\{{ ${SECRET} }}""#, r#""$${ {{user.name}}""#] {
        check(&file(text), "");
    }
}
