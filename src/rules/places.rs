//! The text of a rules file, and places in it.

use std::ops::Range;

/// A place in a file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The part of this place at `inner`, which counts from its start.
    #[must_use]
    pub fn part(self, inner: Range<usize>) -> Self {
        Self::new(self.start + inner.start, self.start + inner.end)
    }
}

/// A file's name and text, and where its lines begin.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    text: String,
    lines: Vec<usize>,
}

impl Source {
    /// A byte order mark at the start is not part of the text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Self { name: name.into(), text, lines }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands at a place; empty if the place is not in this text.
    pub fn slice(&self, at: Span) -> &str {
        self.text.get(at.range()).unwrap_or("")
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn line_column(&self, at: usize) -> (usize, usize) {
        let line = self.line_at(at);
        let before = self.text.get(self.lines[line]..at.min(self.text.len())).unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }

    /// The whole line around a byte, without its end.
    pub fn line_span(&self, at: usize) -> Span {
        let line = self.line_at(at);
        let end = self.lines.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let span = Span::new(self.lines[line], end);
        Span::new(span.start, span.start + self.slice(span).trim_end_matches('\r').len())
    }

    /// The place, cut off where its first line ends: what can be underlined in one go.
    pub fn first_line_of(&self, at: Span) -> Span {
        let line = self.line_span(at.start);
        Span::new(at.start.min(line.end), at.end.min(line.end))
    }

    fn line_at(&self, at: usize) -> usize {
        self.lines.partition_point(|&start| start <= at).saturating_sub(1)
    }
}

/// From places counted in characters, as the YAML reader tells them, to bytes.
pub struct CharPlaces {
    /// After so many characters, so many more bytes than characters; only where the difference grows.
    drifts: Vec<(usize, usize)>,
}

impl CharPlaces {
    pub fn new(text: &str) -> Self {
        let mut drifts = Vec::new();
        let mut drift = 0;
        if !text.is_ascii() {
            for (at, char) in text.chars().enumerate().filter(|(_, char)| !char.is_ascii()) {
                drift += char.len_utf8() - 1;
                drifts.push((at + 1, drift));
            }
        }
        Self { drifts }
    }

    pub fn byte(&self, char: usize) -> usize {
        let passed = self.drifts.partition_point(|&(after, _)| after <= char);
        char + passed.checked_sub(1).map_or(0, |last| self.drifts[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("f", "\u{feff}ab\r\né: x\n\nend");
        for (needle, expected) in [("ab", (1, 1)), ("é", (2, 1)), ("x", (2, 4)), ("end", (4, 1))] {
            let at = source.text().find(needle).unwrap();
            assert_eq!(source.line_column(at), expected, "{needle}");
        }
        assert_eq!(source.slice(source.line_span(0)), "ab");
        assert_eq!(source.slice(source.line_span(source.text().len())), "end");
        assert_eq!(source.line_column(source.text().len()), (4, 4));
    }

    #[test]
    fn characters_become_bytes() {
        let text = "aé€b𝄞c";
        let places = CharPlaces::new(text);
        for (char, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(places.byte(char), byte);
        }
        assert_eq!(places.byte(text.chars().count()), text.len());
    }
}
