//! What a part of a condition is worth while it is evaluated.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::presence::model::Text;
use crate::rules::scope::{Object, ObjectKind, Value};

/// `Missing` is false, empty or 0; a time or a length of time that is missing compares as false.
#[derive(Clone, Debug)]
pub enum Worth<'e> {
    Missing,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'e, str>),
    /// Unix milliseconds.
    Time(i64),
    /// Milliseconds.
    Duration(i64),
    Object(Object<'e>),
    List(Vec<Worth<'e>>),
    Map(&'e [(Text<'e>, Text<'e>)]),
}

impl<'e> From<Value<'e>> for Worth<'e> {
    fn from(value: Value<'e>) -> Self {
        match value {
            Value::Missing => Self::Missing,
            Value::Text(text) => Self::Text(text),
            Value::Bool(truth) => Self::Bool(truth),
            // All numbers of the vocabulary are whole.
            Value::Number(number) => Self::Int(number as i64),
            Value::Time(ms) => Self::Time(ms),
            Value::Duration(ms) => Self::Duration(ms),
            Value::Object(object) => Self::Object(object),
            Value::List(objects) => Self::List(objects.into_iter().map(Self::Object).collect()),
            Value::TextMap(pairs) => Self::Map(pairs),
        }
    }
}

impl Worth<'_> {
    /// In a boolean place: itself, or whether it is there at all.
    pub fn truth(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Bool(truth) => *truth,
            _ => true,
        }
    }

    /// A text; empty for what is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Whether `has` finds it: neither missing, nor an empty text or list.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            _ => true,
        }
    }

    /// Equality between values of one kind, what is missing taken for that kind's emptiness. Values of unlike
    /// kinds, which only `Any` can bring together, are unequal.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing, Self::Missing) => true,
            (Self::Missing, there) | (there, Self::Missing) => there.is_empty(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Time(a), Self::Time(b)) | (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// The order of two values of one kind; none where a time is missing, a number is none, or the kinds are
    /// unlike.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Time(a), Self::Time(b)) | (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Text(_), Self::Text(_) | Self::Missing) | (Self::Missing, Self::Text(_)) => {
                Some(self.text().cmp(other.text()))
            }
            _ => self.number()?.compare(other.number()?),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Missing | Self::Bool(false) | Self::Int(0) | Self::Uint(0) => true,
            Self::Double(number) => *number == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(pairs) => pairs.is_empty(),
            _ => false,
        }
    }

    fn number(&self) -> Option<Number> {
        match *self {
            Self::Missing => Some(Number::Whole(0)),
            Self::Int(number) => Some(Number::Whole(number.into())),
            Self::Uint(number) => Some(Number::Whole(number.into())),
            Self::Double(number) => Some(Number::Double(number)),
            _ => None,
        }
    }
}

/// A number of any of the three kinds, for exact comparisons between them.
#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Double(f64),
}

impl Number {
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(&b),
            (Self::Whole(a), Self::Double(b)) => whole_and_double(a, b),
            (Self::Double(a), Self::Whole(b)) => whole_and_double(b, a).map(Ordering::reverse),
        }
    }
}

/// Without rounding the whole number to a double. The cast saturates, which keeps the order.
fn whole_and_double(whole: i128, double: f64) -> Option<Ordering> {
    let order = whole.cmp(&(double.trunc() as i128)).then_with(|| {
        let fraction = double.fract();
        if fraction > 0.0 {
            Ordering::Less
        } else if fraction < 0.0 {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    });
    (!double.is_nan()).then_some(order)
}

/// The kinds of objects that `from` and `to` of a change can be, and what is in them.
pub const CHANGED_THINGS: [ObjectKind; 6] = [
    ObjectKind::Activity,
    ObjectKind::Track,
    ObjectKind::CustomStatus,
    ObjectKind::User,
    ObjectKind::Party,
    ObjectKind::Emoji,
];

/// A value as `explain` shows it: one line, short, without control characters.
pub fn shown(worth: &Worth<'_>) -> String {
    const CHARS_MAX: usize = 120;
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => "empty".to_owned(),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    match worth {
        Worth::Missing => "missing".into(),
        Worth::Bool(truth) => truth.to_string(),
        Worth::Int(number) => number.to_string(),
        Worth::Uint(number) => number.to_string(),
        Worth::Double(number) => format!("{number:?}"),
        Worth::Text(text) if text.chars().nth(CHARS_MAX).is_some() => {
            format!("{:?}", text.chars().take(CHARS_MAX).chain(['…']).collect::<String>())
        }
        Worth::Text(text) => format!("{text:?}"),
        Worth::Time(ms) => {
            jiff::Timestamp::from_millisecond(*ms).map_or_else(|_| format!("{ms} ms"), |t| t.to_string())
        }
        Worth::Duration(ms) => shown_duration(*ms),
        Worth::Object(Object::Activity(activity)) => shown(&Worth::Text(Cow::Borrowed(&activity.name))),
        Worth::Object(Object::Track(track)) => shown(&Worth::Text(Cow::Borrowed(&track.song))),
        Worth::Object(Object::Change(changed)) => changed.change.kind.name().into(),
        Worth::Object(Object::News(news)) => news.kind.name().into(),
        Worth::Object(_) => "present".into(),
        Worth::List(items) => counted(items.len(), "item", "items"),
        Worth::Map(pairs) => counted(pairs.len(), "key", "keys"),
    }
}

fn shown_duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let (hours, minutes, seconds, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    let mut text = sign.to_owned();
    for (count, unit) in [(hours, "h"), (minutes, "m"), (seconds, "s"), (rest, "ms")] {
        if count > 0 {
            text += &count.to_string();
            text += unit;
        }
    }
    if ms == 0 { "0s".into() } else { text }
}
