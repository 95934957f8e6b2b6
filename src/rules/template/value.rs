//! What an expression is worth while a template is rendered: JSON, with times and lengths of time in it.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use super::context::{self, DURATION, NOTHING, TIME};
use super::format;
use crate::time;

/// `Missing` is false, empty and 0, never a failure.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Missing,
    Text(Cow<'a, str>),
    Bool(bool),
    Number(f64),
    Time(i64),
    Duration(i64),
    List(&'a [Json]),
    Object(&'a Map<String, Json>),
}

impl<'a> From<&'a Json> for Val<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Missing,
            Json::Bool(bool) => Self::Bool(*bool),
            Json::Number(number) => number.as_f64().map_or(Self::Missing, Self::Number),
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Array(list) => Self::List(list),
            Json::Object(map) if map.len() == 1 => {
                let hidden = |key| map.get(key).and_then(Json::as_i64);
                let time = hidden(TIME).map(Self::Time);
                time.or_else(|| hidden(DURATION).map(Self::Duration)).unwrap_or(Self::Object(map))
            }
            Json::Object(map) => Self::Object(map),
        }
    }
}

impl<'a> Val<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// What `if` asks. As in Handlebars, 0 and everything empty are false.
    pub fn holds(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Text(text) => !text.is_empty(),
            Self::Bool(bool) => *bool,
            Self::Number(number) => *number != 0.0,
            Self::Time(ms) | Self::Duration(ms) => *ms != 0,
            Self::List(list) => !list.is_empty(),
            Self::Object(map) => !map.is_empty() && !map.contains_key(NOTHING),
        }
    }

    /// What `default` replaces: nothing there, or a text or a list without anything in it.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => text.is_empty(),
            Self::List(_) => !self.holds(),
            Self::Object(map) => map.is_empty(),
            _ => false,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Time(ms) | Self::Duration(ms) => Some(*ms as f64),
            Self::Bool(bool) => Some(f64::from(u8::from(*bool))),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Missing | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// As it is written where it is interpolated.
    pub fn show(&self, zone: &TimeZone) -> Cow<'a, str> {
        match self {
            Self::Missing => Cow::Borrowed(""),
            Self::Text(text) => text.clone(),
            Self::Bool(bool) => Cow::Borrowed(if *bool { "true" } else { "false" }),
            Self::Number(number) => Cow::Owned(format::number(*number, None, "")),
            Self::Time(ms) => Cow::Owned(format::rfc3339(*ms, zone)),
            Self::Duration(ms) => Cow::Owned(time::length(*ms)),
            Self::List(_) | Self::Object(_) => Cow::Owned(self.for_reader(zone).to_string()),
        }
    }

    /// As JSON for people's programs: times as RFC 3339, lengths of time in milliseconds, nothing hidden.
    pub fn for_reader(&self, zone: &TimeZone) -> Json {
        match self {
            Self::Time(ms) => Json::from(format::rfc3339(*ms, zone)),
            Self::Duration(ms) => Json::from(*ms),
            Self::List(list) => list.iter().map(|item| Val::from(item).for_reader(zone)).collect(),
            Self::Object(map) => {
                let shown = map.iter().filter(|(key, _)| !key.starts_with('\u{1}'));
                shown.map(|(key, item)| (key.clone(), Val::from(item).for_reader(zone))).collect()
            }
            other => other.clone().into_json(),
        }
    }

    /// As JSON for the next helper, which can read it again.
    pub fn into_json(self) -> Json {
        match self {
            Self::Missing => Json::Null,
            Self::Text(text) => Json::String(text.into_owned()),
            Self::Bool(bool) => Json::Bool(bool),
            Self::Number(number) => context::number(number),
            Self::Time(ms) => context::hidden(TIME, ms),
            Self::Duration(ms) => context::hidden(DURATION, ms),
            Self::List(list) => Json::Array(list.to_vec()),
            Self::Object(map) => Json::Object(map.clone()),
        }
    }

    /// What stands under a name, or at a place.
    pub fn field(&self, name: &str) -> Self {
        match self {
            Self::Object(map) => map.get(name).map_or(Self::Missing, Self::from),
            Self::List(list) if matches!(name, "length" | "size") => Self::Number(list.len() as f64),
            Self::List(list) => {
                let at = name.parse::<usize>().ok();
                at.and_then(|at| list.get(at)).map_or(Self::Missing, Self::from)
            }
            _ => Self::Missing,
        }
    }

    /// How many: of a list its items, of a text its letters.
    pub fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Object(map) => map.len(),
            Self::Text(text) => text.chars().count(),
            _ => 0,
        }
    }

    /// The items of a list, or the values of a map.
    pub fn items(&self) -> Box<dyn Iterator<Item = &'a Json> + 'a> {
        match self {
            Self::List(list) => Box::new(list.iter()),
            Self::Object(map) => Box::new(map.values()),
            _ => Box::new(std::iter::empty()),
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
