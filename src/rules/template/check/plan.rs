//! What a template compiles to, and what its expressions will be.

use crate::rules::scope::{Field, Kind, Root};
use crate::rules::template::helpers::Helper;

/// A stretch of a compiled template.
#[derive(Debug)]
pub enum Piece {
    Text(Box<str>),
    Value { what: Plan, raw: bool },
    If { test: Plan, zero_holds: bool, negated: bool, body: Vec<Piece>, otherwise: Vec<Piece> },
    Each { list: Plan, body: Vec<Piece>, otherwise: Vec<Piece> },
    With { what: Plan, body: Vec<Piece>, otherwise: Vec<Piece> },
}

/// How a value is come by.
#[derive(Debug)]
pub enum Plan {
    Text(Box<str>),
    Number(f64),
    Bool(bool),
    Missing,
    Path { from: From, steps: Vec<Step> },
    Call { helper: &'static Helper, args: Vec<Plan> },
    Lookup { of: Box<Plan>, key: Box<Plan> },
    Pluck { list: Box<Plan>, steps: Vec<Step> },
    Where { list: Box<Plan>, steps: Vec<Step>, equals: Option<Box<Plan>> },
}

/// Where a path begins. Numbers are blocks that give a `this`, counted from the outermost.
#[derive(Clone, Copy, Debug)]
pub enum From {
    Root(Root),
    This(usize),
    Index(usize),
    Key(usize),
    First(usize),
    Last(usize),
}

pub enum Step {
    Field(&'static Field),
    /// A key of KV or JSON, or a field of something that is only known when it is there.
    Name(Box<str>),
    Item(usize),
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name),
            Self::Name(name) => write!(f, "[{name}]"),
            Self::Item(at) => write!(f, "[{at}]"),
        }
    }
}

impl std::fmt::Debug for Helper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What an expression will be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    Is(Kind),
    /// A list of values out of a list of things.
    Plucked(Kind),
}

impl Type {
    /// Whether it can be written as it is.
    pub fn is_plain(self) -> bool {
        matches!(
            self,
            Type::Is(Kind::Text | Kind::Bool | Kind::Number | Kind::Time | Kind::Duration | Kind::Any)
        )
    }

    /// How a mistake names it.
    pub fn spoken(self) -> &'static str {
        match self {
            Type::Is(Kind::Text) => "a text",
            Type::Is(Kind::Bool) => "true or false",
            Type::Is(Kind::Number) => "a number",
            Type::Is(Kind::Time) => "a time",
            Type::Is(Kind::Duration) => "a length of time",
            Type::Is(Kind::Object(object)) => object.spoken(),
            Type::Is(Kind::List(_)) => "a list",
            Type::Is(Kind::TextMap) => "a map of texts",
            Type::Is(Kind::Any) => "anything",
            Type::Plucked(_) => "a list of values",
        }
    }
}
