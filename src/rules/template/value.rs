//! What an expression is worth while a template is rendered: a scope's values, lists of them, and JSON.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use super::format;
use crate::presence::model::Text;
use crate::rules::scope::{Object, ObjectKind, Value};

/// `Missing` is false, empty and 0, never a failure.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Missing,
    Text(Cow<'a, str>),
    Bool(bool),
    Number(f64),
    Time(i64),
    Duration(i64),
    Object(Object<'a>),
    List(Vec<Val<'a>>),
    TextMap(&'a [(Text<'a>, Text<'a>)]),
    Json(&'a Json),
}

impl<'a> From<Value<'a>> for Val<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Missing => Self::Missing,
            Value::Text(text) => Self::Text(text),
            Value::Bool(bool) => Self::Bool(bool),
            Value::Number(number) => Self::Number(number),
            Value::Time(ms) => Self::Time(ms),
            Value::Duration(ms) => Self::Duration(ms),
            Value::Object(object) => Self::Object(object),
            Value::List(objects) => Self::List(objects.into_iter().map(Self::Object).collect()),
            Value::TextMap(pairs) => Self::TextMap(pairs),
        }
    }
}

impl<'a> Val<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Scalars inside of JSON count as scalars.
    pub fn plain(self) -> Self {
        match self {
            Self::Json(Json::Null) => Self::Missing,
            Self::Json(Json::Bool(bool)) => Self::Bool(*bool),
            Self::Json(Json::Number(number)) => number.as_f64().map_or(Self::Missing, Self::Number),
            Self::Json(Json::String(text)) => Self::text(text.as_str()),
            other => other,
        }
    }

    /// What `if` asks. As in Handlebars, 0 and everything empty are false.
    pub fn holds(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Text(text) => !text.is_empty(),
            Self::Bool(bool) => *bool,
            Self::Number(number) => *number != 0.0,
            Self::Time(ms) | Self::Duration(ms) => *ms != 0,
            Self::Object(Object::Platforms(platforms)) => platforms.iter().next().is_some(),
            Self::Object(_) => true,
            Self::List(list) => !list.is_empty(),
            Self::TextMap(pairs) => !pairs.is_empty(),
            Self::Json(Json::Array(list)) => !list.is_empty(),
            Self::Json(Json::Object(map)) => !map.is_empty(),
            Self::Json(json) => Val::Json(json).plain().holds_plain(),
        }
    }

    /// `holds` of what `plain` gives of a JSON scalar.
    fn holds_plain(&self) -> bool {
        !matches!(self, Self::Json(_)) && self.holds()
    }

    /// What `default` replaces: nothing there, or a text or a list without anything in it.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Missing | Self::Json(Json::Null) => true,
            Self::Text(text) => text.is_empty(),
            Self::Json(Json::String(text)) => text.is_empty(),
            Self::List(_) | Self::TextMap(_) | Self::Json(Json::Array(_) | Json::Object(_)) => !self.holds(),
            _ => false,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Time(ms) | Self::Duration(ms) => Some(*ms as f64),
            Self::Bool(bool) => Some(f64::from(u8::from(*bool))),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Json(Json::Number(number)) => number.as_f64(),
            Self::Json(Json::String(text)) => {
                text.trim().parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    /// As it is written where it is interpolated.
    pub fn show(&self, zone: &TimeZone) -> Cow<'a, str> {
        match self {
            Self::Missing | Self::Json(Json::Null) => Cow::Borrowed(""),
            Self::Text(text) => text.clone(),
            Self::Json(Json::String(text)) => Cow::Borrowed(text),
            Self::Bool(bool) => Cow::Borrowed(if *bool { "true" } else { "false" }),
            Self::Number(number) => Cow::Owned(format::number(*number, None, "")),
            Self::Time(ms) => Cow::Owned(format::rfc3339(*ms, zone)),
            Self::Duration(ms) => Cow::Owned(format::duration(*ms)),
            Self::Json(json) => Cow::Owned(json.to_string()),
            Self::List(list) => {
                let shown: Vec<Cow<'_, str>> = list.iter().map(|item| item.show(zone)).collect();
                Cow::Owned(shown.join(", "))
            }
            Self::Object(_) | Self::TextMap(_) => Cow::Owned(self.to_json(zone).to_string()),
        }
    }

    /// As JSON: times as RFC 3339, lengths of time in milliseconds, what is missing as null.
    pub fn to_json(&self, zone: &TimeZone) -> Json {
        match self {
            Self::Missing => Json::Null,
            Self::Text(text) => Json::from(without_controls(text)),
            Self::Bool(bool) => Json::from(*bool),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Json::from(*number as i64)
            }
            Self::Number(number) => Json::from(*number),
            Self::Time(ms) => Json::from(format::rfc3339(*ms, zone)),
            Self::Duration(ms) => Json::from(*ms),
            Self::Object(object) => {
                let fields = kind_of(*object).fields().iter();
                let read = fields
                    .map(|field| (field.name.to_owned(), Val::from((field.read)(*object)).to_json(zone)));
                Json::Object(read.collect())
            }
            Self::List(list) => Json::Array(list.iter().map(|item| item.to_json(zone)).collect()),
            Self::TextMap(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| (without_controls(key), Json::from(without_controls(value))));
                Json::Object(pairs.collect::<Map<_, _>>())
            }
            Self::Json(json) => (*json).clone(),
        }
    }

    /// What stands under a name.
    pub fn field(&self, name: &str) -> Self {
        match self {
            Self::Object(object) => {
                kind_of(*object).field(name).map_or(Self::Missing, |field| (field.read)(*object).into())
            }
            Self::TextMap(pairs) => {
                let found = pairs.iter().find(|(key, _)| key == name);
                found.map_or(Self::Missing, |(_, value)| Self::text(value.as_ref()))
            }
            Self::Json(Json::Object(map)) => map.get(name).map_or(Self::Missing, Self::Json),
            Self::List(_) | Self::Json(Json::Array(_)) if matches!(name, "length" | "size") => {
                Self::Number(self.len() as f64)
            }
            Self::List(_) | Self::Json(Json::Array(_)) => {
                name.parse().map_or(Self::Missing, |at| self.item(at))
            }
            _ => Self::Missing,
        }
    }

    pub fn item(&self, at: usize) -> Self {
        match self {
            Self::List(list) => list.get(at).cloned().unwrap_or(Self::Missing),
            Self::Json(Json::Array(list)) => list.get(at).map_or(Self::Missing, Self::Json),
            _ => Self::Missing,
        }
    }

    /// How many: of a list its items, of a text its letters.
    pub fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::TextMap(pairs) => pairs.len(),
            Self::Text(text) => text.chars().count(),
            Self::Json(Json::Array(list)) => list.len(),
            Self::Json(Json::Object(map)) => map.len(),
            Self::Json(Json::String(text)) => text.chars().count(),
            _ => 0,
        }
    }

    /// What `each` walks over: a key where there are keys, and the item. At most `most` of them.
    pub fn items(&self, most: usize) -> Vec<(Option<Cow<'a, str>>, Self)> {
        match self {
            Self::List(list) => list.iter().take(most).map(|item| (None, item.clone())).collect(),
            Self::TextMap(pairs) => {
                let pairs = pairs.iter().take(most);
                pairs.map(|(key, value)| (Some(Cow::Borrowed(&**key)), Self::text(&**value))).collect()
            }
            Self::Json(Json::Array(list)) => {
                list.iter().take(most).map(|item| (None, Self::Json(item))).collect()
            }
            Self::Json(Json::Object(map)) => map
                .iter()
                .take(most)
                .map(|(key, item)| (Some(Cow::Borrowed(key.as_str())), Self::Json(item)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether two values are the same to a reader: what is missing equals what is empty, false or 0.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing, other) | (other, Self::Missing) => !other.holds(),
            (Self::Bool(bool), other) | (other, Self::Bool(bool)) => match other {
                Self::Text(text) => text == if *bool { "true" } else { "false" },
                _ => other.holds() == *bool,
            },
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b).is_eq() || (a == 0.0 && b == 0.0),
                _ => self.show(&TimeZone::UTC) == other.show(&TimeZone::UTC),
            },
        }
    }

    /// Numbers by size, texts by their letters; nothing to say of anything else.
    pub fn order(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) if self.number().is_none() || other.number().is_none() => {
                Some(a.cmp(b))
            }
            (Self::Missing, _) => 0.0_f64.partial_cmp(&other.number()?),
            (_, Self::Missing) => self.number()?.partial_cmp(&0.0),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }
}

/// The table that an object's fields stand in.
pub(super) fn kind_of(object: Object<'_>) -> ObjectKind {
    match object {
        Object::Person(_) => ObjectKind::Person,
        Object::User(_) => ObjectKind::User,
        Object::Platforms(_) => ObjectKind::Platforms,
        Object::Activity(_) => ObjectKind::Activity,
        Object::Party(_) => ObjectKind::Party,
        Object::Emoji(_) => ObjectKind::Emoji,
        Object::CustomStatus(_) => ObjectKind::CustomStatus,
        Object::Track(_) => ObjectKind::Track,
        Object::Change(changed) => ObjectKind::Change(Some(changed.change.kind.subject())),
        Object::Now(_) => ObjectKind::Now,
    }
}

/// Strangers' control characters move cursors and end headers; only line breaks and tabs mean anything.
pub(super) fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
