//! Reckoning with what parts of a condition are worth: sums, orders, conversions. None of it can fail: what has
//! no result is missing.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::literal;
use super::worth::Worth;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convert {
    Int,
    Uint,
    Double,
    Text,
    Time,
    Duration,
}

/// The whole of a duration in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Hours,
    Minutes,
    Seconds,
}

impl Wanted {
    pub fn is(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Unit {
    pub fn ms(self) -> i64 {
        match self {
            Self::Hours => 3_600_000,
            Self::Minutes => 60_000,
            Self::Seconds => 1000,
        }
    }
}

impl Arithmetic {
    /// An overflow and a division by zero are missing; so is anything with a time that is missing. A number
    /// or text that is missing is 0 or empty.
    pub fn of<'e>(self, left: Worth<'e>, right: Worth<'e>) -> Worth<'e> {
        use Worth::{Double, Duration, Int, Missing, Text, Time, Uint};
        let made = match (left, right) {
            (Int(a), Int(b)) => self.ints(a, b).map(Int),
            (Int(a), Missing) => self.ints(a, 0).map(Int),
            (Missing, Int(b)) => self.ints(0, b).map(Int),
            (Uint(a), Uint(b)) => self.uints(a, b).map(Uint),
            (Uint(a), Missing) => self.uints(a, 0).map(Uint),
            (Missing, Uint(b)) => self.uints(0, b).map(Uint),
            (Double(a), Double(b)) => self.doubles(a, b).map(Double),
            (Double(a), Missing) => self.doubles(a, 0.0).map(Double),
            (Missing, Double(b)) => self.doubles(0.0, b).map(Double),
            (Text(a), Missing) if self == Self::Add => Some(Text(a)),
            (Missing, Text(b)) if self == Self::Add => Some(Text(b)),
            (Text(a), Text(b)) if self == Self::Add => Some(Text(Cow::Owned(a.into_owned() + &b))),
            (Time(a), Time(b)) if self == Self::Subtract => a.checked_sub(b).map(Duration),
            (Time(a), Duration(b)) | (Duration(a), Time(b)) if self == Self::Add => {
                a.checked_add(b).map(Time)
            }
            (Time(a), Duration(b)) if self == Self::Subtract => a.checked_sub(b).map(Time),
            (Duration(a), Duration(b)) => match self {
                Self::Add => a.checked_add(b).map(Duration),
                Self::Subtract => a.checked_sub(b).map(Duration),
                _ => None,
            },
            _ => None,
        };
        made.unwrap_or(Missing)
    }

    fn ints(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::Divide => a.checked_div(b),
            Self::Remainder => a.checked_rem(b),
        }
    }

    fn uints(self, a: u64, b: u64) -> Option<u64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::Divide => a.checked_div(b),
            Self::Remainder => a.checked_rem(b),
        }
    }

    /// As IEEE 754 has it: a double divided by zero is infinite, or no number at all.
    fn doubles(self, a: f64, b: f64) -> Option<f64> {
        match self {
            Self::Add => Some(a + b),
            Self::Subtract => Some(a - b),
            Self::Multiply => Some(a * b),
            Self::Divide => Some(a / b),
            Self::Remainder => None,
        }
    }
}

impl Convert {
    /// What cannot be converted is missing.
    pub fn of(self, worth: Worth<'_>) -> Worth<'_> {
        use Worth::{Bool, Double, Duration, Int, Missing, Text, Time, Uint};
        let made = match (self, worth) {
            (Self::Int, Int(number)) => Some(Int(number)),
            (Self::Int, Uint(number)) => i64::try_from(number).ok().map(Int),
            (Self::Int, Double(number)) => {
                (number.abs() < 9_223_372_036_854_774_784.0).then_some(Int(number as i64))
            }
            (Self::Int, Text(text)) => text.parse().ok().map(Int),
            (Self::Int, Time(ms)) => Some(Int(ms.div_euclid(1000))),
            (Self::Uint, Uint(number)) => Some(Uint(number)),
            (Self::Uint, Int(number)) => u64::try_from(number).ok().map(Uint),
            (Self::Uint, Double(number)) => {
                (number > -1.0 && number < 18_446_744_073_709_549_568.0).then_some(Uint(number as u64))
            }
            (Self::Uint, Text(text)) => text.parse().ok().map(Uint),
            (Self::Double, Double(number)) => Some(Double(number)),
            (Self::Double, Int(number)) => Some(Double(number as f64)),
            (Self::Double, Uint(number)) => Some(Double(number as f64)),
            (Self::Double, Text(text)) => text.parse().ok().map(Double),
            (Self::Text, Text(text)) => Some(Text(text)),
            (Self::Text, Int(number)) => Some(Text(Cow::Owned(number.to_string()))),
            (Self::Text, Uint(number)) => Some(Text(Cow::Owned(number.to_string()))),
            (Self::Text, Double(number)) => Some(Text(Cow::Owned(number.to_string()))),
            (Self::Text, Bool(truth)) => Some(Text(Cow::Borrowed(if truth { "true" } else { "false" }))),
            (Self::Time, Time(ms)) => Some(Time(ms)),
            (Self::Time, Text(text)) => literal::time_ms(&text).map(Time),
            (Self::Duration, Duration(ms)) => Some(Duration(ms)),
            (Self::Duration, Text(text)) => literal::duration_ms(&text).map(Duration),
            _ => None,
        };
        made.unwrap_or(Missing)
    }
}
