//! Which part of a recording is looked at, and whose rings.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::cli::exit::Failure;
use crate::cli::style::plain;
use crate::presence::model::UserId;
use crate::rules::duration::parse_duration;
use crate::time::{Moment, millis};

/// From when to when. What happened before is played all the same: it says how things were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub from: Option<When>,
    pub to: Option<When>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Wall(i64),
    /// Since the recording began.
    After(Duration),
}

impl Span {
    pub fn read(from: Option<&str>, to: Option<&str>, zone: &TimeZone) -> Result<Self, Failure> {
        let read = |name: &str, text: Option<&str>| text.map(|text| When::read(name, text, zone)).transpose();
        Ok(Self { from: read("--from", from)?, to: read("--to", to)? })
    }

    pub fn has_begun(&self, began: Moment, now: Moment) -> bool {
        self.from.is_none_or(|from| from.is_past(began, now))
    }

    pub fn is_over(&self, began: Moment, now: Moment) -> bool {
        self.to.is_some_and(|to| to.is_past(began, now))
    }

    /// The moment at which it is over, for what is due until then.
    pub fn end(&self, began: Moment) -> Option<Moment> {
        self.to.map(|to| to.moment(began))
    }
}

impl When {
    /// What `name`, an option, says.
    pub fn read(name: &str, text: &str, zone: &TimeZone) -> Result<Self, Failure> {
        when(text, zone).ok_or_else(|| unclear(name, text))
    }

    pub fn moment(self, began: Moment) -> Moment {
        match self {
            Self::After(after) => began.plus(after),
            Self::Wall(wall_ms) => {
                let after = Duration::from_millis(u64::try_from(wall_ms - began.wall_ms).unwrap_or(0));
                Moment { mono: began.mono + after, wall_ms }
            }
        }
    }

    pub fn is_before(self, began: Moment, now: Moment) -> bool {
        self.order(began, now).is_lt()
    }

    pub fn is_after(self, began: Moment, now: Moment) -> bool {
        self.order(began, now).is_gt()
    }

    fn is_past(self, began: Moment, now: Moment) -> bool {
        self.order(began, now).is_le()
    }

    fn order(self, began: Moment, now: Moment) -> Ordering {
        match self {
            Self::Wall(wall_ms) => wall_ms.cmp(&now.wall_ms),
            Self::After(after) => millis(after).cmp(&millis(now.mono.saturating_sub(began.mono))),
        }
    }
}

fn when(text: &str, zone: &TimeZone) -> Option<When> {
    let text = text.trim();
    let in_zone = |at: DateTime| {
        at.to_zoned_datetime(zone.clone()).ok().map(|zoned| zoned.timestamp().as_millisecond())
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(When::Wall(at.as_millisecond()));
    }
    if let Ok(at) = text.parse::<DateTime>() {
        return in_zone(at).map(When::Wall);
    }
    if let Ok(date) = text.parse::<Date>() {
        return in_zone(date.to_datetime(jiff::civil::Time::midnight())).map(When::Wall);
    }
    parse_duration(text).ok().map(When::After)
}

fn unclear(name: &str, text: &str) -> Failure {
    Failure::Usage(format!(
        "`{name} {}` is no time: write it like `2026-11-24 18:30`, `2026-11-24T18:30:00Z`, or `90m` from the \
         recording's beginning",
        plain(text)
    ))
}

/// Whose rings, and when.
pub struct Picked {
    pub span: Span,
    /// Everybody's if it is empty.
    pub people: BTreeSet<UserId>,
}

impl Picked {
    pub fn has(&self, began: Moment, now: Moment, person: Option<UserId>) -> bool {
        self.span.has_begun(began, now)
            && (self.people.is_empty() || person.is_some_and(|id| self.people.contains(&id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_can_be_written_in_several_ways() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let noon = When::Wall(1_767_265_200_000);
        for text in
            ["2026-01-01T11:00:00Z", "2026-01-01T12:00:00+01:00", "2026-01-01 12:00", "2026-01-01T12:00:00"]
        {
            assert_eq!(when(text, &zone), Some(noon), "{text}");
        }
        assert_eq!(when("2026-01-01", &zone), Some(When::Wall(1_767_222_000_000)));
        assert_eq!(when("1h30m", &zone), Some(When::After(Duration::from_secs(5400))));
        assert_eq!(when("noon", &zone), None);
    }

    #[test]
    fn a_span_begins_and_ends() {
        let began = Moment { mono: Duration::from_secs(5), wall_ms: 1_000_000 };
        let at = |second: u64| began.plus(Duration::from_secs(second));
        for (from, to) in [
            (When::After(Duration::from_secs(10)), When::After(Duration::from_secs(20))),
            (When::Wall(1_010_000), When::Wall(1_020_000)),
        ] {
            let span = Span { from: Some(from), to: Some(to) };
            let seen = [9, 10, 19, 20].map(|s| (span.has_begun(began, at(s)), span.is_over(began, at(s))));
            assert_eq!(seen, [(false, false), (true, false), (true, false), (true, true)]);
            assert_eq!(span.end(began), Some(at(20)));
        }
    }
}
