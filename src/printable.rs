//! Texts from outside, fit to be shown: nothing in them moves a cursor, ends a line or turns the direction of
//! writing.

use std::fmt::Write as _;

use serde_json::Value;

/// A text as one line, with `�` for whatever would do more than be read.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if moves(c) { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text, with an ellipsis where it is longer.
pub fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// With a capital letter and a full stop, for a text that stands by itself.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.is_empty() || text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// `1 rule`, `3 rules`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// JSON over several lines, to be read by programs and seen by people: what would do more than be read is
/// written as an escape.
pub fn json(value: &Value) -> String {
    // JSON has escaped those below a space already: what is left of them are its own line breaks.
    escaped(&format!("{value:#}"), |c| c > ' ' && moves(c))
}

/// JSON on one line.
pub fn json_line(value: &Value) -> String {
    escaped(&value.to_string(), moves)
}

/// JSON with these characters, which stand in its texts alone, as escapes.
pub fn escaped(json: &str, these: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if these(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters, line ends, and the marks that turn the direction of what follows.
pub fn moves(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EVIL: &str = "a\n\u{1b}[2J\u{7f}\u{9b}31m\u{61c}\u{200f}\u{2028}\u{2029}\u{202e}\u{2067}z";

    #[test]
    fn a_strangers_text_moves_no_cursor() {
        for (text, shown) in [
            ("Ümläut 🎧 ok", "Ümläut 🎧 ok"),
            ("a\nb\tc", "a\u{fffd}b\u{fffd}c"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("x\u{202e}gnp", "x\u{fffd}gnp"),
        ] {
            assert_eq!(plain(text), shown);
        }
        assert!(!plain(EVIL).contains(moves));
    }

    #[test]
    fn what_is_cut_says_so() {
        for (text, shown) in [("", ""), ("äöü", "äöü"), ("äöü🎧", "äöü…")] {
            assert_eq!(cut(text.to_owned(), 3), shown);
        }
        assert_eq!(sentence("über `x`"), "Über `x`.");
    }

    #[test]
    fn json_says_the_same_and_moves_none_either() {
        let value = json!({"é": [EVIL, "🎧"]});
        let written = json(&value);
        assert!(!written.contains(|c| moves(c) && c != '\n'), "{written:?}");
        assert!(written.contains("\\u009b31m\\u061c\\u200f\\u2028\\u2029\\u202e\\u2067z"), "{written}");
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        let line = json_line(&value);
        assert!(!line.contains(moves), "{line:?}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
