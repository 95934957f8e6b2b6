//! What stands between `{{` and `}}`, but for the expressions in it.

use std::ops::Range;

use super::tree::{Call, Expr, Word};
use super::{Parsed, Parser, trimmed};
use crate::rules::mistake::Mistake;

/// A tag: its place, what it does to the white space around it, and what it is.
pub(super) struct Tag {
    pub at: Range<usize>,
    pub trim_before: bool,
    pub trim_after: bool,
    pub kind: TagKind,
}

pub(super) enum TagKind {
    Output {
        what: Expr,
        raw: bool,
    },
    Open(Call, Vec<Word>),
    /// `{{else}}`, `{{^}}`.
    Else,
    /// `{{else if …}}`.
    ElseOpen(Call, Vec<Word>),
    Close(Word),
    Comment,
    /// `\{{`: two braces that are only text.
    Braces,
}

impl Parser<'_> {
    /// `\{{` is text; `\\{{` is a backslash and a tag.
    pub(super) fn escaped(&self, text_to: &mut usize) -> Option<Tag> {
        let before = &self.source[..self.at];
        if !before.ends_with('\\') {
            return None;
        }
        *text_to = self.at - 1;
        if before.ends_with("\\\\") {
            return None;
        }
        let at = self.at..self.at + 2;
        Some(Tag { at, trim_before: false, trim_after: false, kind: TagKind::Braces })
    }

    /// Reads the tag that begins here.
    pub(super) fn tag(&mut self) -> Parsed<Tag> {
        let begin = self.at;
        let rest = &self.source[begin..];
        if rest.starts_with("{{{{") {
            let mistake = Mistake::new(begin..begin + 4, "raw blocks are not offered");
            return Err(mistake.help("write `\\{{` for two braces that are only text"));
        }
        self.at += 2;
        let mut raw = rest.starts_with("{{{");
        self.at += usize::from(raw);
        let trim_before = self.eat("~");
        if !raw && self.peek() == Some('!') {
            return self.comment(begin, trim_before);
        }
        if !raw && trim_before && self.eat("{") {
            raw = true;
        }
        let closer = if raw { "}}}" } else { "}}" };
        let kind = if raw { self.output(true)? } else { self.tag_kind()? };
        self.skip_space();
        // `{{~{x}~}}` and `{{{~x~}}}` are both in use.
        let trim_after = self.eat("~") || (raw && self.source[self.at..].starts_with("}~}}"));
        if raw && self.eat("}~}}") {
            return Ok(Tag { at: begin..self.at, trim_before, trim_after, kind });
        }
        if !self.eat(closer) {
            return Err(self.expected_end(begin, closer));
        }
        Ok(Tag { at: begin..self.at, trim_before, trim_after, kind })
    }

    pub(super) fn tag_kind(&mut self) -> Parsed<TagKind> {
        let at = self.at;
        let refuse = |what: &str| Err(Mistake::new(at..at + 1, format!("{what} are not offered")));
        self.skip_space();
        match self.peek() {
            Some('>') => refuse("partials"),
            Some('*') => refuse("decorators"),
            Some('&') => {
                self.at += 1;
                self.output(true)
            }
            Some('#') => {
                self.at += 1;
                match self.peek() {
                    Some('>') => refuse("partials"),
                    Some('*') => refuse("inline partials"),
                    _ => self.opening().map(|(call, params)| TagKind::Open(call, params)),
                }
            }
            Some('/') => {
                self.at += 1;
                self.skip_space();
                self.word().map(TagKind::Close)
            }
            Some('^') => {
                self.at += 1;
                self.after_else()
            }
            _ if self.eat_word("else") => self.after_else(),
            _ => self.output(false),
        }
    }

    /// What follows `else`: nothing, or the head of a block.
    pub(super) fn after_else(&mut self) -> Parsed<TagKind> {
        self.skip_space();
        if self.at_end() {
            return Ok(TagKind::Else);
        }
        self.opening().map(|(call, params)| TagKind::ElseOpen(call, params))
    }

    pub(super) fn comment(&mut self, begin: usize, trim_before: bool) -> Parsed<Tag> {
        let rest = &self.source[self.at..];
        let long = rest.starts_with("!--");
        let end = if long {
            let plain = rest.find("--}}").map(|at| (at, 4, false));
            let trimming = rest.find("--~}}").map(|at| (at, 5, true));
            [plain, trimming].into_iter().flatten().min()
        } else {
            rest.find("}}").map(|at| (at, 2, rest[..at].ends_with('~')))
        };
        let Some((at, closer, trim_after)) = end else {
            let closer = if long { "--}}" } else { "}}" };
            return Err(Mistake::new(begin..begin + 3, "a comment without an end")
                .help(format!("end it with `{closer}`")));
        };
        let end = self.at + at + closer;
        Ok(Tag { at: begin..end, trim_before, trim_after, kind: TagKind::Comment })
    }

    pub(super) fn output(&mut self, raw: bool) -> Parsed<TagKind> {
        self.skip_space();
        if self.at_end() {
            let at = self.at.saturating_sub(2)..self.at;
            return Err(Mistake::new(at, "nothing between the braces")
                .help("write `\\{{` for two braces that are only text"));
        }
        let what = self.call_or_value(0)?;
        Ok(TagKind::Output { what, raw })
    }

    /// `name arg key=value as |item index|`.
    pub(super) fn opening(&mut self) -> Parsed<(Call, Vec<Word>)> {
        self.skip_space();
        let name = self.word()?;
        let (args, named) = self.args(0)?;
        let at = name.at.start..self.at;
        let params = if self.eat_word("as") { self.block_params()? } else { Vec::new() };
        Ok((Call { name, args, named, at: trimmed(self.source, at) }, params))
    }

    pub(super) fn block_params(&mut self) -> Parsed<Vec<Word>> {
        let begin = self.at;
        let mistake = |at| Mistake::new(at, "`as` names what the block gives").help("like `as |item index|`");
        self.skip_space();
        if !self.eat("|") {
            return Err(mistake(begin..self.at));
        }
        let mut params = Vec::new();
        loop {
            self.skip_space();
            if self.eat("|") {
                break;
            }
            if self.at_end() {
                return Err(mistake(begin..self.at));
            }
            params.push(self.word()?);
        }
        if params.is_empty() || params.len() > 2 {
            return Err(mistake(begin..self.at));
        }
        Ok(params)
    }
}

impl TagKind {
    /// Tags that write nothing take the line that they have for themselves with them.
    pub(super) fn may_stand_alone(&self) -> bool {
        !matches!(self, Self::Output { .. } | Self::Braces)
    }
}

/// Whether a tag has its line for itself.
pub(super) fn stands_alone(source: &str, at: &Range<usize>) -> bool {
    let before = source[..at.start].trim_end_matches([' ', '\t']);
    let after = source[at.end..].trim_start_matches([' ', '\t']);
    (before.is_empty() || before.ends_with('\n'))
        && (after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n"))
}
