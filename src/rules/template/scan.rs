//! A first look at a template's text, before Handlebars parses it: where its tags are, and what Handlebars
//! would not survive, explain or be offered here.
//!
//! The crate's parser calls itself for each block and parenthesis, so their nesting is bounded here. Its
//! errors say where it stopped; what was meant (a block that nobody closed, far above) is found here.

use std::ops::Range;

use super::{infix, inlay};
use crate::rules::mistake::Mistake;

/// Blocks within blocks, an `else if` counting as one.
const BLOCKS_MAX: usize = 48;
/// Parentheses within parentheses.
const PARENS_MAX: usize = 16;
/// Tags in one text: the crate counts lines anew for each, so that its time grows with their square.
const TAGS_MAX: usize = 1_000;
/// So many mistakes are told of one text.
const MISTAKES_MAX: usize = 20;

/// The insides of all tags that hold an expression, in the text's order; or everything that is wrong.
pub(super) fn scan(source: &str) -> Result<Vec<Range<usize>>, Vec<Mistake>> {
    let mut scanner = Scanner { source, open: Vec::new(), inner: Vec::new(), mistakes: Vec::new() };
    let (mut at, mut tags) = (0, 0);
    while let Some(begin) = source[at..].find("{{").map(|found| at + found) {
        let slashes = source[at..begin].len() - source[at..begin].trim_end_matches('\\').len();
        at = if slashes == 1 {
            // `\{{` is text; `\\{{` is a backslash and a tag.
            begin + if source[begin..].starts_with("{{{{") { 4 } else { 2 }
        } else {
            scanner.tag(begin).unwrap_or_else(|mistake| {
                let from = mistake.at.start.max(begin + 2);
                scanner.mistakes.push(mistake);
                source[from..].find("}}").map_or(source.len(), |found| from + found + 2)
            })
        };
        tags += 1;
        if tags > TAGS_MAX {
            scanner.mistakes.push(Mistake::new(begin..begin + 2, format!("more than {TAGS_MAX} tags")));
        }
        if tags > TAGS_MAX || scanner.mistakes.len() >= MISTAKES_MAX {
            return Err(scanner.mistakes);
        }
        if scanner.depth() > BLOCKS_MAX {
            let at = scanner.open.last().map_or(0..0, |open| open.at.clone());
            scanner.mistakes.push(Mistake::new(at, "blocks are nested too deeply"));
            return Err(scanner.mistakes);
        }
    }
    scanner.never_closed();
    if scanner.mistakes.is_empty() { Ok(scanner.inner) } else { Err(scanner.mistakes) }
}

/// The end of the text that begins with the quote at `begin`, behind its closing quote.
pub(super) fn string_end(source: &str, begin: usize) -> Option<usize> {
    let quote = source[begin..].chars().next()?;
    let mut letters = source[begin + 1..].char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' => drop(letters.next()),
            c if c == quote => return Some(begin + 1 + at + 1),
            _ => {}
        }
    }
    None
}

struct Scanner<'s> {
    source: &'s str,
    open: Vec<Open<'s>>,
    inner: Vec<Range<usize>>,
    mistakes: Vec<Mistake>,
}

/// A block that is open.
struct Open<'s> {
    name: &'s str,
    at: Range<usize>,
    /// How many `else if` it has.
    chained: usize,
    /// Whether its plain `else` has come.
    ended: bool,
}

type Scanned<T> = Result<T, Mistake>;

impl Scanner<'_> {
    /// Reads the tag at `begin`; gives its end.
    fn tag(&mut self, begin: usize) -> Scanned<usize> {
        let source = self.source;
        let rest = &source[begin..];
        if rest.starts_with("{{!") {
            let end = comment(source, begin)?;
            return no_value(source, begin..end).map(|()| end);
        }
        if rest.starts_with("{{{{") {
            return Err(Mistake::new(begin..begin + 4, "raw blocks are not offered")
                .help("write `\\{{` for two braces that are only text"));
        }
        let head = rest[2..].trim_start_matches('~').trim_start();
        let sigil = source.len() - head.len();
        let (opener, closer) = if head.starts_with('{') { ("{{{", "}}}") } else { ("{{", "}}") };
        // `{{elsewhere.name}}` is a name, but `{{elsewhere}}` is read as `{{else where}}`.
        let is_else = head.starts_with("else") && !word(head).contains(['.', '/']);
        let from = sigil
            + match head.chars().next() {
                Some('{' | '&' | '#' | '/' | '^' | '>' | '*') => 1,
                _ if is_else => "else".len(),
                _ => 0,
            };
        let (to, end) = self.inside(begin, from, opener, closer)?;
        // What is wrong is noted, and the tag still opens its block.
        self.mistakes.extend(no_value(source, begin..end).err());
        let inner = trimmed(source, from..to);
        let text = &source[inner.clone()];
        let before = match head.chars().next() {
            Some('#') => "#",
            _ if is_else => "else",
            _ => "",
        };
        let slip = infix::slip(source, inner.clone(), before);
        match head.chars().next() {
            Some('#') if text.starts_with(['*', '>']) => {
                let name = word(text[1..].trim_start());
                self.open.push(Open { name, at: inner, chained: 0, ended: false });
                return Err(Mistake::new(sigil..sigil + 1, "inline partials are not offered"));
            }
            Some('>') => return Err(Mistake::new(sigil..sigil + 1, "partials are not offered")),
            Some('*') => return Err(Mistake::new(sigil..sigil + 1, "decorators are not offered")),
            Some('/') => self.close(inner)?,
            Some('^') => self.otherwise(begin..end, inner)?,
            _ if is_else => self.otherwise(begin..end, inner)?,
            _ if text.is_empty() => {
                return Err(Mistake::new(begin..begin + 2, "nothing between the braces")
                    .help("write `\\{{` for two braces that are only text"));
            }
            Some('#') => {
                let at = head_of(source, inner.clone());
                self.open.push(Open { name: word(text), at, chained: 0, ended: false });
                self.inner.push(inner);
            }
            _ => self.inner.push(inner),
        }
        slip.map_or(Ok(end), Err)
    }

    /// Where the inside of a tag ends, and where the tag does.
    fn inside(&self, begin: usize, from: usize, opener: &str, closer: &str) -> Scanned<(usize, usize)> {
        let source = self.source;
        let unclosed = || {
            Mistake::new(begin..begin + opener.len(), format!("`{opener}` without `{closer}`"))
                .help(format!("close it with `{closer}`"))
        };
        let (mut at, mut parens) = (from, Vec::new());
        loop {
            let Some(c) = source[at..].chars().next() else { return Err(unclosed()) };
            let rest = &source[at..];
            match c {
                '\'' | '"' => {
                    let no_end = || {
                        Mistake::new(at..at + 1, format!("a text that begins with {c} has no end"))
                            .help(format!("close it with {c}"))
                    };
                    at = string_end(source, at).ok_or_else(no_end)?;
                    continue;
                }
                '[' => {
                    let length = rest.find(']').ok_or_else(|| unexpected(source, at))?;
                    if let Some(second) = rest[1..length].find('[') {
                        return Err(unexpected(source, at + 1 + second));
                    }
                    at += length;
                }
                '(' => {
                    parens.push(at);
                    if parens.len() > PARENS_MAX {
                        return Err(Mistake::new(at..at + 1, "parentheses are nested too deeply"));
                    }
                }
                ')' if parens.pop().is_none() => return Err(unexpected(source, at)),
                '}' if rest.starts_with("}}") || rest.starts_with("}~}}") => {
                    if let Some(open) = parens.last() {
                        return Err(
                            Mistake::new(*open..*open + 1, "`(` without `)`").help("close it with `)`")
                        );
                    }
                    let tilde = usize::from(rest.starts_with("}~"));
                    let triple = closer == "}}}";
                    if triple != (rest.starts_with("}}}") || tilde == 1) {
                        return Err(if triple {
                            unclosed()
                        } else {
                            unexpected(source, at + 2 * (1 - tilde))
                        });
                    }
                    return Ok((at, at + closer.len() + tilde));
                }
                '{' | '}' => return Err(unexpected(source, at).help(format!("the tag ends with `{closer}`"))),
                _ => {}
            }
            at += source[at..].chars().next().map_or(1, char::len_utf8);
        }
    }

    /// How deep the innermost block is, as Handlebars counts when it renders.
    fn depth(&self) -> usize {
        self.open.iter().map(|open| 1 + open.chained).sum()
    }

    fn otherwise(&mut self, tag: Range<usize>, inner: Range<usize>) -> Scanned<()> {
        let Some(open) = self.open.last_mut() else {
            return Err(Mistake::new(tag, "`{{else}}` outside of any block"));
        };
        if open.ended {
            let what = format!("a second `{{{{else}}}}` in `{{{{#{}}}}}`", open.name);
            return Err(Mistake::new(tag, what));
        }
        if inner.is_empty() {
            open.ended = true;
        } else {
            open.chained += 1;
            self.inner.push(inner);
        }
        Ok(())
    }

    fn close(&mut self, at: Range<usize>) -> Scanned<()> {
        let name = &self.source[at.clone()];
        let Some(open) = self.open.last() else {
            return Err(Mistake::new(at, format!("`{{{{/{name}}}}}` closes nothing")));
        };
        if open.name == name {
            self.open.pop();
            return Ok(());
        }
        let opened = open.name;
        // A block further out is what was meant, if there is one: then only the inner ones are at fault.
        if let Some(meant) = self.open.iter().rposition(|open| open.name == name) {
            self.open.truncate(meant);
        }
        let what = format!("`{{{{/{name}}}}}` where `{{{{#{opened}}}}}` is open");
        Err(Mistake::new(at, what).help(format!("close it first, with `{{{{/{opened}}}}}`")))
    }

    fn never_closed(&mut self) {
        for open in self.open.drain(..) {
            let mistake = Mistake::new(open.at, format!("`{{{{#{}}}}}` is never closed", open.name));
            self.mistakes.push(mistake.help(format!("end it with `{{{{/{}}}}}`", open.name)));
        }
    }
}

/// No value is filled in within a tag: what a helper makes of it could not be kept out of sight.
fn no_value(source: &str, tag: Range<usize>) -> Scanned<()> {
    let Some(found) = inlay::find(&source[tag.clone()]) else { return Ok(()) };
    let at = tag.start + found.start..tag.start + found.end;
    Err(Mistake::new(at, "a value is filled in between braces, where a helper would see it").help(
        "write it beside the braces; what is compared belongs to the rule's `if` or `when`, as a plain text",
    ))
}

fn comment(source: &str, begin: usize) -> Scanned<usize> {
    let rest = &source[begin + 3..];
    let long = rest.trim_start().starts_with("--");
    let end = rest.find("--}}").filter(|_| long).map(|found| found + 4);
    end.or_else(|| rest.find("}}").map(|found| found + 2)).map(|length| begin + 3 + length).ok_or_else(|| {
        let closer = if long { "--}}" } else { "}}" };
        Mistake::new(begin..begin + 3, "a comment without an end").help(format!("end it with `{closer}`"))
    })
}

pub(super) fn unexpected(source: &str, at: usize) -> Mistake {
    match source[at..].chars().next() {
        Some(c) => Mistake::new(at..at + c.len_utf8(), format!("`{c}` is not expected here")),
        None => Mistake::new(at..at, "the template ends inside of a tag").help("close it with `}}`"),
    }
}

/// The head of a block without what `as` names.
fn head_of(source: &str, inner: Range<usize>) -> Range<usize> {
    let text = &source[inner.clone()];
    let end = text.rfind(" as |").or_else(|| text.rfind(" as|")).unwrap_or(text.len());
    trimmed(source, inner.start..inner.start + end)
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '(' | '|' | '=' | '"' | '\'' | '}' | '~'));
    &text[..end.unwrap_or(text.len())]
}

/// Without the white space and the `~` at both ends.
fn trimmed(source: &str, at: Range<usize>) -> Range<usize> {
    let text = &source[at];
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '~');
    let begin = text.as_ptr() as usize - source.as_ptr() as usize;
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || c == '~');
    begin..begin + text.len()
}
