//! Where notifications go: each kind's request, limits, escaping, and how its answers read.

pub mod message;

use serde_json::{Map, Value};

use crate::outbox::delivery::{Answer, Delivery, Reading, Request};
use crate::rules::mistake::Mistake;

/// A mistake somewhere inside a mapping: the keys and list places that lead to it (`blocks`, `0`, `text`).
pub type Placed = (Vec<String>, Mistake);

/// A target's kind: its name and what it takes, as a table for the checker, the reference and the editors.
pub struct Kind {
    pub name: &'static str,
    pub doc: &'static str,
    /// The keys under `targets: NAME:`.
    pub settings: &'static [Key],
    /// The keys of a `send:` entry.
    pub parts: &'static [Key],
}

/// One key of a target or of a message.
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// One sentence for the reference and for editors.
    pub doc: &'static str,
}

/// What may stand as a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    /// A text that is never shown.
    Secret,
    /// An `http(s)` address; never shown either.
    Url,
    Number,
    Bool,
    Duration,
    Choice(&'static [&'static str]),
    TextMap,
    TextList,
    /// Any YAML; its texts are templates where it is part of a message.
    Tree,
}

/// Every kind there is.
pub const KINDS: &[Kind] = &[];

/// A target as the file describes it, ready to make requests.
pub struct Target {}

impl Target {
    /// Builds a target from its settings (`type` and what `Kind::settings` lists), whose keys and shapes have
    /// been checked against the table and whose variables have been filled in.
    pub fn build(
        _name: &str,
        _kind: &'static Kind,
        _settings: &Map<String, Value>,
    ) -> Result<Self, Vec<Placed>> {
        todo!()
    }

    pub fn kind(&self) -> &'static Kind {
        todo!()
    }

    /// The request for one attempt. `now_ms` dates signatures; `plain` asks for no markup.
    pub fn request(&self, _delivery: &Delivery, _now_ms: i64, _plain: bool) -> Request {
        todo!()
    }

    /// What an answer means in this target's dialect.
    pub fn read(&self, _answer: &Answer, _now_ms: i64) -> Reading {
        todo!()
    }
}
