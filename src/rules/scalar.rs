//! From a place inside a text to the place in the file, whatever way the text is quoted or folded.

use std::ops::Range;

use super::places::{Source, Span};
use super::tree::{Fill, Node, Scalar};

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

/// The place in the file of a part of a scalar's text (after variables were filled in); the whole scalar
/// where it cannot be told.
pub fn place(source: &Source, node: &Node, part: Range<usize>) -> Span {
    let Some(scalar) = node.scalar() else { return node.at };
    let part = before_fills(&scalar.fills, part);
    exact(source, node.at, scalar, &part).unwrap_or(node.at)
}

/// The same part in the text as written: a place inside a filled-in value becomes the whole `${…}`.
fn before_fills(fills: &[Fill], part: Range<usize>) -> Range<usize> {
    let back = |at: usize, is_end: bool| {
        let mut shift = 0_isize;
        for fill in fills {
            if at < fill.now.start || (is_end && at == fill.now.start) {
                break;
            }
            if at < fill.now.end || (is_end && at == fill.now.end) {
                return if is_end { fill.written.end } else { fill.written.start };
            }
            shift = fill.written.end as isize - fill.now.end as isize;
        }
        at.saturating_add_signed(shift)
    };
    let start = back(part.start, false);
    start..back(part.end, true).max(start)
}

/// Walks the file and the text side by side until the part is reached; `None` if they lose each other.
fn exact(source: &Source, at: Span, scalar: &Scalar, part: &Range<usize>) -> Option<Span> {
    let text = if scalar.fills.is_empty() { scalar.text.as_str() } else { "" };
    let written = source.slice(at);
    let indent = at.start - source.line_span(at.start).start;
    let mut walk = Walk::new(written, scalar.style, indent)?;
    // An empty part is shown as the character it stands before.
    let part_end = part.end.max(part.start + 1);
    // A block's place begins after its first, empty lines.
    let empty = scalar.text.len() - scalar.text.trim_start_matches('\n').len();
    let is_block = matches!(scalar.style, Style::Literal | Style::Folded);
    let (mut value_at, mut start) = (if is_block { empty } else { 0 }, None);
    loop {
        let step = walk.step();
        let here = step.as_ref().map_or(walk.end, |step| step.written.start);
        if value_at == part.start {
            // Again after a step that tells nothing, such as an escaped line break.
            start = Some(here);
        }
        if value_at >= part_end {
            return start.map(|start| at.part(start..here));
        }
        let Some(step) = step else {
            return start.map(|start| at.part(start..walk.end));
        };
        if !step.told(walk.written, text, value_at) {
            return None;
        }
        value_at += step.len;
    }
}

/// One character of the text and the bytes in the file that it was made from.
struct Step {
    written: Range<usize>,
    /// Bytes in the text.
    len: usize,
}

impl Step {
    /// Whether the text has what the file says here, as far as that is seen at a glance.
    fn told(&self, written: &str, text: &str, at: usize) -> bool {
        let (Some(now), Some(then)) = (text.as_bytes().get(at), written.as_bytes().get(self.written.start))
        else {
            return true;
        };
        match then {
            b'\\' => true,
            b'\n' | b'\r' | b' ' | b'\t' => now.is_ascii_whitespace(),
            _ => now == then,
        }
    }
}

struct Walk<'s> {
    written: &'s str,
    at: usize,
    end: usize,
    style: Style,
    /// How far in the lines of a block begin.
    indent: usize,
}

impl<'s> Walk<'s> {
    fn new(written: &'s str, style: Style, indent: usize) -> Option<Self> {
        let (at, end) = match style {
            // An anchor or a tag may stand before the text.
            Style::Plain if written.starts_with(['&', '!']) => (written.find(' ')? + 1, written.len()),
            Style::Plain | Style::Literal | Style::Folded => (0, written.len()),
            Style::SingleQuoted => (written.find('\'')? + 1, written.rfind('\'')?),
            Style::DoubleQuoted => (written.find('"')? + 1, written.rfind('"')?),
        };
        Some(Self { written, at, end: end.max(at), style, indent })
    }

    fn step(&mut self) -> Option<Step> {
        let rest = &self.written[self.at..self.end];
        let char = rest.chars().next()?;
        let start = self.at;
        let (taken, len) = match (self.style, char) {
            (_, '\n' | '\r') => return Some(self.line_break()),
            (Style::Plain | Style::SingleQuoted | Style::DoubleQuoted, ' ' | '\t') => {
                // Blanks before a line break are not part of the text.
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                if rest[blanks..].starts_with(['\n', '\r']) {
                    self.at += blanks;
                    return Some(self.line_break());
                }
                (1, 1)
            }
            (Style::SingleQuoted, '\'') => (2, 1),
            (Style::DoubleQuoted, '\\') => escape(rest),
            _ => (char.len_utf8(), char.len_utf8()),
        };
        self.at = (start + taken).min(self.end);
        Some(Step { written: start..self.at, len })
    }

    /// A line break and the indent after it. In a literal block each break is one; elsewhere one break is a
    /// space, and of more the first is dropped.
    fn line_break(&mut self) -> Step {
        let start = self.at;
        let rest = &self.written[start..self.end];
        let mut len = 1;
        if self.style == Style::Literal {
            let (end, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let blanks = after.len() - after.trim_start_matches(' ').len();
            self.at += end.len() + 1 + blanks.min(self.indent);
        } else {
            let blank = rest.len() - rest.trim_start().len();
            let breaks = rest[..blank].bytes().filter(|&byte| byte == b'\n').count();
            self.at += blank;
            len = breaks.saturating_sub(1).max(1);
        }
        self.at = self.at.min(self.end);
        Step { written: start..self.at, len }
    }
}

/// The bytes of an escape in the file and of the character it stands for.
fn escape(rest: &str) -> (usize, usize) {
    let hex = |digits: usize| {
        let code = rest.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        (2 + digits, code.and_then(char::from_u32).map_or(1, char::len_utf8))
    };
    match rest.chars().nth(1) {
        Some('x') => hex(2),
        Some('u') => hex(4),
        Some('U') => hex(8),
        Some('N' | '_') => (2, 2),
        Some('L' | 'P') => (2, 3),
        Some('\n' | '\r') => {
            let after = rest[2..].len() - rest[2..].trim_start().len();
            (2 + after, 0)
        }
        Some(other) => (1 + other.len_utf8(), 1),
        None => (1, 1),
    }
}
