//! A YAML document as a tree in which everything knows its place.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::places::Span;
use super::scalar::Style;
use super::template::{Inlay, Inlays};
use crate::targets::filled::Values;

/// One value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub at: Span,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something whose mistake has been told: whoever reads it keeps quiet.
    Broken,
}

/// One pair of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_at: Span,
    pub value: Node,
}

/// A text, number, boolean or nothing, as it was spelled.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: String,
    pub style: Style,
    pub sort: Sort,
    /// Where variables were filled in.
    pub fills: Vec<Fill>,
}

/// What YAML takes a scalar for.
#[derive(Clone, Debug, PartialEq)]
pub enum Sort {
    Nothing,
    Bool(bool),
    Number(serde_json::Number),
    Text,
}

/// One filled-in variable: a part of the text as it is now, and the part of the text as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub now: std::ops::Range<usize>,
    pub written: std::ops::Range<usize>,
    pub from: Origin,
}

/// Where what was filled in comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `$${`, a plain `${`.
    Spelled,
    /// The default that the file gives.
    Default,
    /// From outside of the file, by what was asked for: `TOKEN`, `file:PATH`.
    Outside(Arc<str>),
}

impl Origin {
    pub fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Outside(name) => Some(name),
            Self::Spelled | Self::Default => None,
        }
    }
}

impl Scalar {
    /// What is filled in of it, as a template is told of it.
    pub fn inlays(&self) -> Vec<Inlay> {
        let values = self.fills.iter().filter(|fill| fill.from != Origin::Spelled);
        values.map(|fill| Inlay { at: fill.now.clone(), name: fill.from.name().cloned() }).collect()
    }
}

impl Node {
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Forgets all entries but these.
    pub fn keep_only(&mut self, keys: &[&str]) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|entry| keys.contains(&entry.key.as_str()));
        }
    }

    pub fn entry_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
            }
            _ => None,
        }
    }

    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn is_broken(&self) -> bool {
        matches!(self.value, Value::Broken)
    }

    pub fn is_nothing(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.sort == Sort::Nothing)
    }

    /// What it is, in words.
    pub fn spoken(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Broken => "broken",
            Value::Scalar(scalar) => match scalar.sort {
                Sort::Nothing => "nothing",
                Sort::Bool(_) => "true or false",
                Sort::Number(_) => "a number",
                Sort::Text => "a text",
            },
        }
    }

    /// The values from outside of the file that its texts are filled in with.
    pub fn values(&self) -> Values {
        let mut values = Values::new();
        self.gather_values(&mut values);
        values
    }

    fn gather_values(&self, values: &mut Values) {
        match &self.value {
            Value::Scalar(scalar) => {
                for fill in &scalar.fills {
                    let value = || SecretString::from(&scalar.text[fill.now.clone()]);
                    values.extend(fill.from.name().map(|name| (Arc::clone(name), value())));
                }
            }
            Value::List(items) => items.iter().for_each(|item| item.gather_values(values)),
            Value::Map(entries) => entries.iter().for_each(|entry| entry.value.gather_values(values)),
            Value::Broken => {}
        }
    }

    /// What is filled in of each of its texts, by the keys and list places that lead there.
    pub fn inlays(&self) -> Inlays {
        let mut inlays = Inlays::new();
        self.gather_inlays(&mut Vec::new(), &mut inlays);
        inlays
    }

    fn gather_inlays(&self, path: &mut Vec<String>, inlays: &mut Inlays) {
        let mut below = |step: String, node: &Self| {
            path.push(step);
            node.gather_inlays(path, inlays);
            path.pop();
        };
        match &self.value {
            Value::Scalar(scalar) => {
                let found = scalar.inlays();
                if !found.is_empty() {
                    inlays.insert(path.clone(), found);
                }
            }
            Value::List(items) => {
                items.iter().enumerate().for_each(|(at, item)| below(at.to_string(), item));
            }
            Value::Map(entries) => entries.iter().for_each(|entry| below(entry.key.clone(), &entry.value)),
            Value::Broken => {}
        }
    }

    /// Follows keys and list places as far as they lead.
    pub fn find(&self, path: &[String]) -> &Node {
        let Some((first, rest)) = path.split_first() else { return self };
        let next = match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == *first).map(|entry| &entry.value),
            Value::List(items) => first.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        };
        next.map_or(self, |next| next.find(rest))
    }

    /// The same tree without its places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Broken => Json::Null,
            Value::Scalar(scalar) => match &scalar.sort {
                Sort::Nothing => Json::Null,
                Sort::Bool(value) => Json::Bool(*value),
                Sort::Number(number) => Json::Number(number.clone()),
                Sort::Text => Json::String(scalar.text.clone()),
            },
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                Json::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}
