//! What an expression will be.

use crate::rules::scope::{Kind, ObjectKind};

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

    pub fn is_list(self) -> bool {
        matches!(self, Type::Is(Kind::List(_)) | Type::Plucked(_))
    }

    /// Whether it is a person, or a firing about one, or a list of these.
    pub fn is_people(self) -> bool {
        matches!(self, Type::Is(kind) | Type::Plucked(kind)
            if matches!(kind, Kind::Object(of) | Kind::List(of) if matches!(of, ObjectKind::Person | ObjectKind::Firing(_))))
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
