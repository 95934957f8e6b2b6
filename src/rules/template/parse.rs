//! Handlebars' grammar: a template's text as a tree that knows where each word stands.
//!
//! Written here, and not taken from a crate, for what the rules file promises: a mistake underlined to the
//! letter and named in words. What is here means what Handlebars says; partials, decorators and raw blocks
//! are refused. The parser keeps its own stack and its bounds, so no text makes it run deep or long.

mod expression;
mod tag;
pub(super) mod tree;

use std::ops::Range;

use crate::rules::mistake::Mistake;
use tag::{TagKind, stands_alone};
use tree::{Block, Call, Node, Word};

/// Blocks within blocks, an `else if` counting as one.
const BLOCKS_MAX: usize = 48;
/// Parentheses within parentheses.
const PARENS_MAX: usize = 16;

/// The tree, or everything that is wrong with the text.
pub(super) fn parse(source: &str) -> Result<Vec<Node>, Vec<Mistake>> {
    let mut parser = Parser { source, at: 0, open: vec![Open::default()], mistakes: Vec::new() };
    parser.template();
    let Parser { mut open, mistakes, .. } = parser;
    match open.pop() {
        Some(root) if mistakes.is_empty() => Ok(root.nodes),
        _ => Err(mistakes),
    }
}

struct Parser<'s> {
    source: &'s str,
    at: usize,
    /// The blocks that are open here, outermost first; the first one is the template itself.
    open: Vec<Open>,
    mistakes: Vec<Mistake>,
}

#[derive(Default)]
struct Open {
    /// None for the template itself.
    head: Option<(Call, Vec<Word>)>,
    /// The branch that is being read.
    nodes: Vec<Node>,
    /// The first branch, once `else` has come.
    body: Option<Vec<Node>>,
    /// Made by an `else if`: closed together with the block before it.
    chained: bool,
}

/// The white space of a text that the tag beside it takes away.
#[derive(Clone, Copy)]
enum Trim {
    Nothing,
    /// `~`.
    All,
    /// What is left of the line that the tag has for itself.
    Line,
}

impl Trim {
    fn of(all: bool, line: bool) -> Self {
        match (all, line) {
            (true, _) => Self::All,
            (_, true) => Self::Line,
            _ => Self::Nothing,
        }
    }
}

type Parsed<T> = Result<T, Mistake>;

impl Parser<'_> {
    fn template(&mut self) {
        let mut text_from = 0;
        let mut trim_start = Trim::Nothing;
        while let Some(begin) = self.source[self.at..].find("{{").map(|found| self.at + found) {
            self.at = begin;
            let mut text_to = begin;
            let tag = match self.escaped(&mut text_to).map_or_else(|| self.tag(), Ok) {
                Ok(tag) => tag,
                Err(mistake) => {
                    self.mistakes.push(mistake);
                    if self.mistakes.len() >= 20 {
                        return;
                    }
                    let rest = self.source[self.at..].find("}}").map(|found| self.at + found + 2);
                    self.at = rest.unwrap_or(self.source.len()).max(begin + 2);
                    text_from = self.at;
                    continue;
                }
            };
            let alone = tag.kind.may_stand_alone() && stands_alone(self.source, &tag.at);
            let text = &self.source[text_from..text_to];
            self.text(text, trim_start, Trim::of(tag.trim_before, alone));
            trim_start = Trim::of(tag.trim_after, alone);
            self.at = tag.at.end;
            text_from = self.at;
            self.take(tag.kind, tag.at);
            if self.open.len() > BLOCKS_MAX {
                let at = self
                    .open
                    .last()
                    .and_then(|open| open.head.as_ref())
                    .map_or(0..0, |(call, _)| call.at.clone());
                self.mistakes.push(Mistake::new(at, "blocks are nested too deeply"));
                return;
            }
        }
        let text = &self.source[text_from..];
        self.text(text, trim_start, Trim::Nothing);
        self.close_all();
    }

    /// Adds a stretch of text, without the white space that the tags around it take away.
    fn text(&mut self, mut text: &str, start: Trim, end: Trim) {
        text = match start {
            Trim::Nothing => text,
            Trim::All => text.trim_start(),
            Trim::Line => {
                let rest = text.trim_start_matches([' ', '\t']);
                rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest)
            }
        };
        text = match end {
            Trim::Nothing => text,
            Trim::All => text.trim_end(),
            Trim::Line => text.trim_end_matches([' ', '\t']),
        };
        self.push_text(text);
    }

    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let nodes = self.nodes();
        if let Some(Node::Text(before)) = nodes.last_mut() {
            before.push_str(text);
        } else {
            nodes.push(Node::Text(text.to_owned()));
        }
    }

    fn nodes(&mut self) -> &mut Vec<Node> {
        if self.open.is_empty() {
            self.open.push(Open::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last].nodes
    }

    fn take(&mut self, kind: TagKind, at: Range<usize>) {
        match kind {
            TagKind::Comment => {}
            TagKind::Braces => self.push_text("{{"),
            TagKind::Output { what, raw } => self.nodes().push(Node::Output { what, raw }),
            TagKind::Open(call, params) => self.open(call, params, false),
            TagKind::Else => self.otherwise(at),
            TagKind::ElseOpen(call, params) => {
                self.otherwise(at);
                self.open(call, params, true);
            }
            TagKind::Close(word) => self.close(&word),
        }
    }

    fn open(&mut self, call: Call, params: Vec<Word>, chained: bool) {
        self.open.push(Open { head: Some((call, params)), chained, ..Open::default() });
    }

    fn otherwise(&mut self, at: Range<usize>) {
        let mistake = match self.open.last_mut() {
            Some(Open { head: Some(_), nodes, body: body @ None, .. }) => {
                *body = Some(std::mem::take(nodes));
                return;
            }
            Some(Open { head: Some((call, _)), .. }) => {
                format!("a second `{{{{else}}}}` in `{{{{#{}}}}}`", call.name.text)
            }
            _ => "`{{else}}` outside of any block".to_owned(),
        };
        self.mistakes.push(Mistake::new(at, mistake));
    }

    fn close(&mut self, word: &Word) {
        let opener = self.open.iter().rev().find(|open| !open.chained).and_then(|open| open.head.as_ref());
        let Some((call, _)) = opener else {
            let what = format!("`{{{{/{}}}}}` closes nothing", word.text);
            self.mistakes.push(Mistake::new(word.at.clone(), what));
            return;
        };
        let name = &call.name.text;
        if *name != word.text {
            let what = format!("`{{{{/{}}}}}` where `{{{{#{name}}}}}` is open", word.text);
            let mistake =
                Mistake::new(word.at.clone(), what).help(format!("close it first, with `{{{{/{name}}}}}`"));
            self.mistakes.push(mistake);
            // A block further out is what was meant, if there is one: then only the inner ones are at fault.
            let meant = |open: &Open| open.head.as_ref().is_some_and(|(call, _)| call.name.text == word.text);
            if !self.open.iter().any(meant) {
                return;
            }
            while self.open.last().is_some_and(|open| open.chained || !meant(open)) {
                self.finish_block();
            }
        }
        while self.finish_block() {}
    }

    /// Closes the innermost block; true if it was an `else if`, so that the one before it ends here, too.
    fn finish_block(&mut self) -> bool {
        let Some(Open { head: Some((head, params)), nodes, body, chained }) = self.open.pop() else {
            return false;
        };
        let (body, otherwise) = match body {
            Some(body) => (body, nodes),
            None => (nodes, Vec::new()),
        };
        self.nodes().push(Node::Block(Block { head, params, body, otherwise }));
        chained
    }

    fn close_all(&mut self) {
        for open in self.open.iter().filter(|open| !open.chained) {
            if let Some((call, _)) = &open.head {
                let name = &call.name.text;
                let mistake = Mistake::new(call.at.clone(), format!("`{{{{#{name}}}}}` is never closed"));
                self.mistakes.push(mistake.help(format!("end it with `{{{{/{name}}}}}`")));
            }
        }
    }

    fn unexpected(&self) -> Mistake {
        match self.peek() {
            Some(c) => Mistake::new(self.at..self.at + c.len_utf8(), format!("`{c}` is not expected here")),
            None => {
                Mistake::new(self.at..self.at, "the template ends inside of a tag").help("close it with `}}`")
            }
        }
    }

    fn expected_end(&self, begin: usize, closer: &str) -> Mistake {
        let opener = if closer == "}}}" { "{{{" } else { "{{" };
        let missing = match self.peek() {
            Some(c) if c != '}' => return self.unexpected().help(format!("the tag ends with `{closer}`")),
            _ => Mistake::new(begin..begin + opener.len(), format!("`{opener}` without `{closer}`")),
        };
        missing.help(format!("close it with `{closer}`"))
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn skip_space(&mut self) {
        self.at = self.source.len() - self.source[self.at..].trim_start().len();
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.source[self.at..].starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Whether this word stands here, whole.
    fn at_word(&self, word: &str) -> bool {
        self.source[self.at..]
            .strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '}' | '~' | '|')))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// At the end of the tag's inside, or of the template.
    fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some('}' | '~'))
    }
}

fn trimmed(source: &str, at: Range<usize>) -> Range<usize> {
    at.start..at.start + source[at.clone()].trim_end().len()
}
