//! The types of a condition's parts, and the words that some texts are limited to.

use crate::presence::change::{ChangeKind, Subject};
use crate::presence::model::{ActivityType, Platform, Status};
use crate::rules::scope::{Kind, ObjectKind};

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text(Option<Words>),
    Time,
    Duration,
    Object(ObjectKind),
    List(Box<Type>),
    /// Texts by name.
    Map,
    Any,
}

/// The words of which a text is always one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    Status,
    Platform,
    Weekday,
    ActivityType,
    ChangeKind(Option<Subject>),
}

impl Type {
    /// The type of `field` of an object, which is of `kind`.
    pub fn of_field(object: ObjectKind, field: &str, kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Words::of_field(object, field)),
            Kind::Bool => Self::Bool,
            Kind::Number => Self::Int,
            Kind::Time => Self::Time,
            Kind::Duration => Self::Duration,
            Kind::Object(kind) => Self::Object(kind),
            Kind::List(kind) => Self::List(Box::new(Self::Object(kind))),
            Kind::TextMap => Self::Map,
            Kind::Any => Self::Any,
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub fn is_time(&self) -> bool {
        matches!(self, Self::Time | Self::Duration)
    }

    /// Whether values of the two can be equal. Numbers of any kind can; what is `Any` can be everything.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) | (Self::Text(_), Self::Text(_)) => true,
            // Of an empty list nothing is known.
            (Self::List(a), Self::List(b)) => **a == Self::Null || **b == Self::Null || a.is_like(b),
            _ => self == other || self.is_number() && other.is_number(),
        }
    }

    /// The one type of what is either this or that.
    pub fn joined(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Some(Self::Any),
            (Self::Null, known) | (known, Self::Null) => Some(known),
            (Self::Text(a), Self::Text(b)) => Some(Self::Text(a.filter(|_| a == b))),
            (Self::List(a), Self::List(b)) => Some(Self::List(Box::new(a.joined(*b)?))),
            (a, b) => (a == b).then_some(a),
        }
    }

    /// How a mistake names it: "a text".
    pub fn spoken(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Int | Self::Uint | Self::Double => "a number",
            Self::Text(_) => "a text",
            Self::Time => "a point in time",
            Self::Duration => "a length of time",
            Self::Object(ObjectKind::Now) => "the present moment",
            Self::Object(kind) => kind.spoken(),
            Self::List(_) => "a list",
            Self::Map => "a map of texts",
            Self::Any => "of no known type",
        }
    }
}

impl Words {
    fn of_field(object: ObjectKind, field: &str) -> Option<Self> {
        match (object, field) {
            (ObjectKind::Person, "status") | (ObjectKind::Change(Some(Subject::Status)), "from" | "to") => {
                Some(Self::Status)
            }
            (ObjectKind::Activity, "type") => Some(Self::ActivityType),
            (ObjectKind::Now, "weekday") => Some(Self::Weekday),
            (ObjectKind::Change(subject), "kind") => Some(Self::ChangeKind(subject)),
            (ObjectKind::Change(Some(Subject::Platform)), "from" | "to") => Some(Self::Platform),
            _ => None,
        }
    }

    /// Whether `word` is one of the words of any of them, so that quotes must have been forgotten.
    pub fn anywhere(word: &str) -> bool {
        [Self::Status, Self::Platform, Self::Weekday, Self::ActivityType, Self::ChangeKind(None)]
            .into_iter()
            .any(|words| words.all().contains(&word))
    }

    pub fn all(self) -> Vec<&'static str> {
        match self {
            Self::Status => Status::NAMES.to_vec(),
            Self::Platform => Platform::NAMES.to_vec(),
            Self::Weekday => {
                vec!["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
            }
            // A custom status is never shown as an activity.
            Self::ActivityType => {
                let shown = |word: &&str| *word != ActivityType::Custom.word();
                ActivityType::NAMES.into_iter().filter(shown).collect()
            }
            Self::ChangeKind(subject) => {
                let fits = |kind: &&ChangeKind| subject.is_none_or(|subject| kind.subject() == subject);
                ChangeKind::ALL.iter().filter(fits).map(|kind| kind.name()).collect()
            }
        }
    }
}
