//! The expressions of a parsed template, each word with its place.
//!
//! Handlebars' tree knows where an element begins, not where the words in it are. They are searched for,
//! from left to right, in the text of their tag.

use std::collections::HashMap;
use std::ops::Range;

use handlebars::template::{BlockParam, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path as Way, PathSeg};
use serde_json::Value as Json;

use super::scan::string_end;

#[derive(Debug)]
pub(super) struct Call {
    pub name: Word,
    pub args: Vec<Expr>,
    /// `key=value`.
    pub named: Vec<(Word, Expr)>,
    pub at: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Expr {
    Path(Path),
    Literal(Json, Range<usize>),
    Call(Box<Call>),
}

/// `../@index`, `@root.user.name`, `this.[a key]`.
#[derive(Debug)]
pub(super) struct Path {
    pub at: Range<usize>,
    pub begins: Begins,
    pub words: Vec<Word>,
    /// As Handlebars has it.
    pub way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// So many `../`.
    Up(usize),
    /// `@root`.
    Root,
    /// `@`, with so many `../`.
    Local(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Word {
    pub text: String,
    pub at: Range<usize>,
}

impl Expr {
    pub fn at(&self) -> Range<usize> {
        match self {
            Self::Path(path) => path.at.clone(),
            Self::Literal(_, at) => at.clone(),
            Self::Call(call) => call.at.clone(),
        }
    }

    /// A literal as it is given on.
    pub fn parameter(&self) -> Parameter {
        match self {
            Self::Literal(json, _) => Parameter::Literal(json.clone()),
            Self::Path(path) => Parameter::Path(path.way.clone()),
            Self::Call(_) => Parameter::Literal(Json::Null),
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Literal(Json::String(text), _) => Some(text),
            _ => None,
        }
    }
}

/// What a tag writes: a name, or a helper with what it takes.
pub(super) fn output(source: &str, tag: Range<usize>, said: &HelperTemplate) -> Expr {
    Finder::new(source, tag).expression(said)
}

/// The head of a block, and the names that `as` gives.
pub(super) fn head(source: &str, tag: Range<usize>, said: &HelperTemplate) -> (Call, Vec<Word>) {
    let mut finder = Finder::new(source, tag);
    let call = finder.call(said);
    let named = match &said.block_param {
        Some(BlockParam::Single(one)) => vec![one],
        Some(BlockParam::Pair((one, two))) => vec![one, two],
        _ => Vec::new(),
    };
    let params = named.into_iter().filter_map(Parameter::as_name);
    (call, params.map(|name| Word { text: name.to_owned(), at: finder.word(name) }).collect())
}

struct Finder<'s> {
    source: &'s str,
    tag: Range<usize>,
    /// What stands before it has been found.
    from: usize,
}

impl<'s> Finder<'s> {
    fn new(source: &'s str, tag: Range<usize>) -> Self {
        Self { source, from: tag.start, tag }
    }

    fn expression(&mut self, said: &HelperTemplate) -> Expr {
        if said.params.is_empty() && said.hash.is_empty() {
            return self.parameter(&said.name);
        }
        Expr::Call(Box::new(self.call(said)))
    }

    fn call(&mut self, said: &HelperTemplate) -> Call {
        let name = said.name.as_name().unwrap_or_default();
        let name = Word { text: name.to_owned(), at: self.word(name) };
        let args = said.params.iter().map(|param| self.parameter(param)).collect();
        let named = self.named(&said.hash, name.at.end);
        let at = name.at.start..self.from.max(name.at.end);
        Call { name, args, named, at }
    }

    /// What is given by name may stand between the rest, so each key is searched for from the call's name.
    fn named(&mut self, hash: &HashMap<String, Parameter>, call_from: usize) -> Vec<(Word, Expr)> {
        let mut end = self.from;
        let mut keys: Vec<(Word, &Parameter)> = hash
            .iter()
            .map(|(key, value)| {
                self.from = call_from;
                let written = self.word(&format!("{key}="));
                let at = written.start..written.end.min(written.start + key.len());
                (Word { text: key.clone(), at }, value)
            })
            .collect();
        keys.sort_by_key(|(word, _)| word.at.start);
        let found = keys.into_iter().map(|(word, value)| {
            self.from = word.at.end;
            let value = self.parameter(value);
            end = end.max(self.from);
            (word, value)
        });
        let found = found.collect();
        self.from = end;
        found
    }

    fn parameter(&mut self, said: &Parameter) -> Expr {
        match said {
            Parameter::Path(way) => Expr::Path(self.path(way)),
            Parameter::Literal(json @ Json::String(text)) => Expr::Literal(json.clone(), self.string(text)),
            Parameter::Literal(json) => Expr::Literal(json.clone(), self.word(&json.to_string())),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(said) => self.expression(said),
                _ => Expr::Literal(Json::Null, self.tag.clone()),
            },
            other => {
                let name = other.as_name().unwrap_or_default();
                let way = Way::Relative((vec![PathSeg::Named(name.to_owned())], name.to_owned()));
                Expr::Path(self.path(&way))
            }
        }
    }

    fn path(&mut self, way: &Way) -> Path {
        let (raw, begins, names) = match way {
            Way::Local((up, name, raw)) => (raw, Begins::Local(*up), vec![name.as_str()]),
            Way::Relative((segments, raw)) => {
                let names = segments.iter().filter_map(|segment| match segment {
                    PathSeg::Named(name) => Some(name.as_str()),
                    _ => None,
                });
                (raw, begins(raw), names.collect())
            }
        };
        let at = self.word(raw);
        let mut from = at.start;
        let words = names.into_iter().map(|name| {
            let found = find_word(self.source, from..at.end, name).unwrap_or_else(|| at.clone());
            from = found.end;
            Word { text: name.to_owned(), at: found }
        });
        Path { words: words.collect(), at, begins, way: way.clone() }
    }

    fn word(&mut self, word: &str) -> Range<usize> {
        let found = find_word(self.source, self.from..self.tag.end, word)
            .or_else(|| find_word(self.source, self.tag.clone(), word))
            .unwrap_or_else(|| self.tag.clone());
        self.from = found.end;
        found
    }

    /// A text, whichever its quotes are. One with escapes is the next that has quotes.
    fn string(&mut self, text: &str) -> Range<usize> {
        let rest = &self.source[self.from.min(self.tag.end)..self.tag.end];
        let as_written = [format!("'{text}'"), format!("\"{text}\"")];
        let found = as_written
            .iter()
            .filter_map(|written| rest.find(written.as_str()).map(|at| (at, written.len())))
            .min()
            .map(|(at, length)| self.from + at..self.from + at + length)
            .or_else(|| {
                let begin = self.from + rest.find(['\'', '"'])?;
                Some(begin..string_end(self.source, begin)?.min(self.tag.end))
            })
            .unwrap_or_else(|| self.tag.clone());
        self.from = found.end;
        found
    }
}

fn begins(raw: &str) -> Begins {
    let raw = ["this.", "this/", "./"].iter().find_map(|this| raw.strip_prefix(this)).unwrap_or(raw);
    if raw.starts_with("@root.") || raw.starts_with("@root/") {
        return Begins::Root;
    }
    let (mut rest, mut up) = (raw, 0);
    while let Some(after) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("...")) {
        (rest, up) = (after, up + 1);
    }
    Begins::Up(up)
}

/// The first place at which a word stands that is no part of a longer one.
fn find_word(source: &str, within: Range<usize>, word: &str) -> Option<Range<usize>> {
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ':');
    let mut from = within.start;
    while let Some(found) = source.get(from..within.end)?.find(word).filter(|_| !word.is_empty()) {
        let at = from + found..from + found + word.len();
        let before = source[within.start..at.start].chars().next_back();
        let after = source[at.end..within.end].chars().next();
        let begins = !word.starts_with(in_word) || !before.is_some_and(in_word);
        let ends = !word.ends_with(in_word) || !after.is_some_and(in_word);
        if begins && ends {
            return Some(at);
        }
        from = at.start + word.chars().next().map_or(1, char::len_utf8);
    }
    None
}
