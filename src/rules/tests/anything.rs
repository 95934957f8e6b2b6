//! Any bytes give a rule set or mistakes, and all of it can be shown.

use proptest::prelude::*;

use super::*;

/// Pieces that rules files are made of, in any order.
const PIECES: [&str; 44] = [
    "people:",
    "\n",
    "\n  ",
    "\n    ",
    "  - ",
    "- ",
    ": ",
    "alice",
    "94490510688792576",
    "targets:",
    "rules:",
    "who: ",
    "when: ",
    "send: ",
    "id: ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    "\"",
    "{{user.name}}",
    "${TOPIC}",
    "${",
    "&a ",
    "*a",
    "!x ",
    "|",
    ">-",
    "#",
    "\t",
    "é",
    "\u{1b}",
    "\r\n",
    "type: console",
    "went_online",
    "everyone",
    "<<: ",
    "? ",
    "~",
    "---",
    "groups:",
    "if: online &&",
];

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,200}") {
        show(&text);
    }

    /// The example with a part of it gone and something else in its place.
    #[test]
    fn any_wound(from in 0..12_000_usize, gone in 0..20_usize, piece in 0..PIECES.len()) {
        let text = include_str!("../../../rules.example.yaml");
        let from = text.floor_char_boundary(from);
        let until = text.floor_char_boundary(from + gone).max(from);
        show(&[&text[..from], PIECES[piece], &text[until..]].concat());
    }

    #[test]
    fn any_pieces(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        show(&pieces.into_iter().map(|at| PIECES[at]).collect::<String>());
    }
}

fn show(text: &str) {
    let findings = match load(text) {
        Ok(loaded) => loaded.warnings,
        Err(findings) => {
            assert!(findings.errors() > 0, "refused without a reason: {text:?}");
            findings
        }
    };
    let shown = findings.render(true);
    assert!(!shown.is_empty());
    findings.to_json();
}

#[test]
fn depth_and_aliases_are_bounded() {
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    check(&deep, "1:51 error: nested too deeply (at most 48 levels are read)");
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, after) in
        ["a", "b", "c", "d", "e", "f", "g", "h", "i"].windows(2).map(|two| (two[0], two[1]))
    {
        let nine = vec![format!("*{before}"); 9].join(", ");
        bomb += &[after, ": &", after, " [", &nine, "]\n"].concat();
    }
    assert!(said(&bomb).contains("the file's aliases grow too large"), "{}", said(&bomb));
    check("a: &x [*x]\n", "1:8 error: this alias is part of what it stands for");
}
