//! What a template looks at, as JSON: made from the scope by the vocabulary's own tables, and only of the
//! names that the template uses.
//!
//! JSON knows neither times nor lengths of time, so they are written as an object of one hidden key, which
//! `value` reads again. A stranger who forges one gets a time shown, no more.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use super::format;
use crate::rules::scope::{Field, Object, ObjectKind, Root, Scope, Value};

/// Hidden keys: a time, a length of time (both in milliseconds), and an object that counts as false.
pub(super) const TIME: &str = "\u{1}time";
pub(super) const DURATION: &str = "\u{1}duration";
pub(super) const NOTHING: &str = "\u{1}nothing";

/// The names that a template uses, and which of people's fields.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub roots: Vec<(Box<str>, Root)>,
    pub of_people: OfPeople,
}

/// Of a group of a thousand, what is needed is often one field.
#[derive(Debug, Default)]
pub(super) struct OfPeople {
    pub fields: Vec<&'static str>,
    /// A person as a whole, as `{{json bob}}` writes them.
    pub all: bool,
}

/// How times are written, and what is left out.
#[derive(Clone, Copy)]
enum For<'a> {
    Template(&'a OfPeople),
    Reader(&'a TimeZone),
}

pub(super) fn of(uses: &Uses, scope: &Scope<'_>) -> Json {
    let how = For::Template(&uses.of_people);
    let roots = uses.roots.iter().map(|(name, root)| {
        let json = match root {
            Root::Raw => raw(scope),
            root => json(scope.value(*root), how),
        };
        (String::from(&**name), json)
    });
    Json::Object(roots.collect())
}

/// A value as people's programs read it: times as RFC 3339, lengths of time in milliseconds, what is
/// missing as null.
pub(super) fn for_reader(value: Value<'_>, zone: &TimeZone) -> Json {
    json(value, For::Reader(zone))
}

fn raw(scope: &Scope<'_>) -> Json {
    let raw = scope.person.map_or("null", |sight| sight.presence.raw);
    serde_json::from_str(raw).unwrap_or(Json::Null)
}

fn json(value: Value<'_>, how: For<'_>) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Text(text) => Json::String(without_controls(text)),
        Value::Bool(bool) => Json::Bool(bool),
        Value::Number(value) => number(value),
        Value::Time(ms) => match how {
            For::Template(_) => hidden(TIME, ms),
            For::Reader(zone) => Json::String(format::rfc3339(ms, zone)),
        },
        Value::Duration(ms) => match how {
            For::Template(_) => hidden(DURATION, ms),
            For::Reader(_) => Json::from(ms),
        },
        Value::Object(it) => object(it, how),
        Value::List(list) => Json::Array(list.into_iter().map(|item| object(item, how)).collect()),
        Value::TextMap(pairs) => {
            let written = |text: &str| without_controls(Cow::Borrowed(text));
            let pairs = pairs.iter().map(|(key, value)| (written(key), Json::String(written(value))));
            Json::Object(pairs.collect())
        }
    }
}

fn object(object: Object<'_>, how: For<'_>) -> Json {
    let kind = object.kind();
    let wanted = |field: &&Field| match how {
        For::Template(people) if matches!(kind, ObjectKind::Person | ObjectKind::Firing(_)) => {
            people.all || field.name == "id" || people.fields.contains(&field.name)
        }
        _ => true,
    };
    let fields = kind.fields().iter().filter(wanted).filter_map(|field| {
        let read = json(object.value(field), how);
        let keeps = matches!(how, For::Reader(_)) || !read.is_null();
        keeps.then(|| (field.name.to_owned(), read))
    });
    let mut map: Map<String, Json> = fields.collect();
    if let (Object::Platforms(platforms), For::Template(_)) = (object, how)
        && platforms.iter().next().is_none()
    {
        map.insert(NOTHING.to_owned(), Json::Null);
    }
    Json::Object(map)
}

/// A whole number without a dot, where it is one.
pub(super) fn number(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { Json::from(number as i64) } else { Json::from(number) }
}

pub(super) fn hidden(key: &str, ms: i64) -> Json {
    Json::Object(Map::from_iter([(key.to_owned(), Json::from(ms))]))
}

/// Strangers' control characters move cursors and end headers; only line breaks and tabs mean anything.
pub(super) fn without_controls(text: Cow<'_, str>) -> String {
    let harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(harmful) { text.chars().filter(|c| !harmful(*c)).collect() } else { text.into_owned() }
}
