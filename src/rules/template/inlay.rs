//! Values that are filled into a template's text. Handlebars never sees them: what stands in a variable or in a
//! file can neither open a tag nor end one.
//!
//! While the text is parsed, a veil of the same length lies over each, so that all places in it stay what they
//! are; `check` lifts it and puts the value there as a piece of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// A value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inlay {
    pub at: Range<usize>,
    /// What was asked for, if the value does not stand in the file itself.
    pub name: Option<Arc<str>>,
}

/// The values in the texts of a tree, by the keys and list places that lead to each.
pub type Inlays = BTreeMap<Vec<String>, Vec<Inlay>>;

/// Two letters that no text has, so that of two values side by side each is told from the other.
const VEILS: [char; 2] = ['\u{4}', '\u{5}'];
/// What becomes of these letters where an author has written one: another that is left out of every text.
const NEITHER: &str = "\u{7f}";

/// The text with a veil over each value.
pub(super) fn veil<'s>(source: &'s str, inlays: &[Inlay]) -> Cow<'s, str> {
    if inlays.is_empty() && !source.contains(VEILS) {
        return Cow::Borrowed(source);
    }
    let (mut veiled, mut from) = (String::with_capacity(source.len()), 0);
    let veils = VEILS.iter().cycle();
    let values = inlays.iter().filter(|inlay| !inlay.at.is_empty());
    for (Inlay { at, .. }, veil) in values.zip(veils) {
        veiled.push_str(&source[from..at.start].replace(VEILS, NEITHER));
        veiled.extend(std::iter::repeat_n(veil, at.len()));
        from = at.end;
    }
    veiled.push_str(&source[from..].replace(VEILS, NEITHER));
    Cow::Owned(veiled)
}

/// The first veil in a part of a text.
pub(super) fn find(veiled: &str) -> Option<Range<usize>> {
    let begin = veiled.find(VEILS)?;
    Some(begin..begin + veil_length(&veiled[begin..]))
}

/// A piece of a text under its veils.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'s> {
    Text(&'s str),
    Veil,
}

pub(super) fn pieces(veiled: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), veiled);
    while let Some(found) = find(rest) {
        if found.start > 0 {
            pieces.push(Piece::Text(&rest[..found.start]));
        }
        pieces.push(Piece::Veil);
        rest = &rest[found.end..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// How long the veil is with which a text begins.
fn veil_length(text: &str) -> usize {
    let veil = text.chars().next();
    text.find(|c| Some(c) != veil).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veil_is_as_long_as_its_value_and_ends_where_the_next_begins() {
        let inlay = |at| Inlay { at, name: None };
        let text = "a{{\u{4}é}}b";
        let veiled = veil(text, &[inlay(1..1), inlay(1..4), inlay(4..6), inlay(6..8)]);
        assert_eq!(veiled, "a\u{4}\u{4}\u{4}\u{5}\u{5}\u{4}\u{4}b");
        assert_eq!(
            pieces(&veiled),
            [Piece::Text("a"), Piece::Veil, Piece::Veil, Piece::Veil, Piece::Text("b")]
        );
        assert_eq!(veil("\u{4}", &[]), NEITHER);
        assert!(matches!(veil("{{name}}", &[]), Cow::Borrowed(_)));
    }
}
