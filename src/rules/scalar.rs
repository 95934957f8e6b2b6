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
    /// `|` or `>`.
    Block,
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

/// Walks the file and the text side by side until the part is reached.
fn exact(source: &Source, at: Span, scalar: &Scalar, part: &Range<usize>) -> Option<Span> {
    let mut walk = Walk::new(source.slice(at), scalar.style)?;
    let (mut value_at, mut start) = (0, None);
    loop {
        let step = walk.step();
        if value_at == part.start {
            // An empty part is shown as the character it stands before.
            start = Some(step.as_ref().map_or(walk.end(), |step| step.written.start));
        }
        let end = step.as_ref().map_or(walk.end(), |step| step.written.start);
        if value_at >= part.end.max(part.start + 1) || step.is_none() {
            let start = start?;
            return Some(at.part(start..end.max(start)));
        }
        value_at += step.map_or(0, |step| step.len);
    }
}

/// One character of the text and the bytes in the file that it was made from.
struct Step {
    written: Range<usize>,
    /// Bytes in the text.
    len: usize,
}

struct Walk<'s> {
    written: &'s str,
    at: usize,
    end: usize,
    style: Style,
    /// Line breaks in the file that stand for characters still to be told.
    indent: usize,
}

impl<'s> Walk<'s> {
    fn new(written: &'s str, style: Style) -> Option<Self> {
        let (at, end) = match style {
            Style::Plain | Style::Block => (0, written.len()),
            Style::SingleQuoted | Style::DoubleQuoted => {
                let quote = if style == Style::SingleQuoted { '\'' } else { '"' };
                (written.find(quote)? + 1, written.rfind(quote)?)
            }
        };
        // A block's lines all begin as far in as its first, whose indent the place does not hold.
        Some(Self { written, at, end: end.max(at), style, indent: 0 })
    }

    fn end(&self) -> usize {
        self.end
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

    /// A line break and the indent after it. In flowing text one break is a space and each further one a
    /// break; in a block each break is one. (A folded block counts as the latter: its breaks are as long.)
    fn line_break(&mut self) -> Step {
        let start = self.at;
        let rest = &self.written[start..self.end];
        if self.style == Style::Block {
            let break_len = if rest.starts_with("\r\n") { 2 } else { 1 };
            self.at += break_len;
            self.skip_indent();
            return Step { written: start..start + break_len, len: 1 };
        }
        let blank = rest.len() - rest.trim_start().len();
        let breaks = rest[..blank].bytes().filter(|&byte| byte == b'\n').count();
        self.at += blank;
        Step { written: start..self.at, len: breaks.saturating_sub(1).max(1) }
    }

    fn skip_indent(&mut self) {
        let rest = &self.written[self.at..self.end];
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        if self.indent == 0 {
            self.indent = blanks;
        }
        self.at += blanks.min(self.indent);
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
        Some('\n') => {
            let after = rest[2..].len() - rest[2..].trim_start().len();
            (2 + after, 0)
        }
        Some(other) => (1 + other.len_utf8(), 1),
        None => (1, 1),
    }
}
