//! The clock of a test: when it begins, and what its steps' times mean.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::TimeZone;

use super::LASTS_MAX;
use crate::rules::diagnostic::Problem;
use crate::rules::reading::Reader;
use crate::rules::tree::Node;

/// The Monday on which tests begin that do not say when.
const MONDAY: Date = date(2026, 1, 5);
const NOON: Time = Time::constant(12, 0, 0, 0);
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

#[derive(Clone, Copy)]
pub(super) struct Clock<'c> {
    pub start_ms: i64,
    zone: &'c TimeZone,
}

impl<'c> Clock<'c> {
    /// Begins as `start` says.
    pub fn read(start: Option<&Node>, zone: &'c TimeZone, reader: &mut Reader<'_>) -> Self {
        let given = start.and_then(|node| {
            let text = reader.text("start", node)?.text.trim();
            let begins = begins(text, MONDAY);
            if begins.is_none() {
                let what = format!("`{text}` is no time to begin at");
                reader.problems.add(Problem::error(node.at, what).help(how_to_write(text)));
            }
            begins
        });
        let begins = given.unwrap_or_else(|| MONDAY.to_datetime(NOON));
        let start_ms = zone.to_timestamp(begins).map(jiff::Timestamp::as_millisecond);
        Self { start_ms: start_ms.unwrap_or_default(), zone }
    }

    /// A moment of the test, counted from its start: `5m`, or a time of day, which is the first one from `from` on.
    pub fn moment(self, reader: &mut Reader<'_>, key: &str, node: &Node, from: Duration) -> Option<Duration> {
        let text = node.scalar().map(|scalar| scalar.text.trim());
        match text.and_then(time_of_day) {
            Some(time) => self.next(time, from),
            None => reader.duration_within(key, node, Duration::ZERO, LASTS_MAX),
        }
    }

    /// The first time from `from` on that the clock on the wall shows `time`.
    fn next(self, time: Time, from: Duration) -> Option<Duration> {
        let from_ms = self.start_ms.saturating_add(crate::time::millis(from));
        let here = self.zone.to_datetime(jiff::Timestamp::from_millisecond(from_ms).ok()?);
        let on = |date: Date| {
            let ms = self.zone.to_timestamp(date.to_datetime(time)).ok()?.as_millisecond();
            (ms >= from_ms).then(|| Duration::from_millis(ms.saturating_sub(self.start_ms).unsigned_abs()))
        };
        on(here.date()).or_else(|| on(here.date().checked_add(1.day()).ok()?))
    }
}

/// What to do about a time that cannot be read.
pub(super) fn how_to_write(text: &str) -> &'static str {
    let offset = text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|end| end.contains('+'));
    if offset {
        "it is a time in the file's `timezone`: leave the offset out"
    } else {
        "write it like `2026-11-24 21:30`, `saturday 21:30` or `21:30`"
    }
}

/// A date and time as people write it: a time alone is on `today`, a weekday the first from then on.
pub(super) fn begins(text: &str, today: Date) -> Option<DateTime> {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let lowered = first.to_lowercase();
    let day = DAYS.iter().position(|day| lowered.len() > 2 && day.starts_with(&lowered));
    if let Some(day) = day {
        let time = if rest.is_empty() { NOON } else { time_of_day(rest.trim())? };
        let here = i64::from(today.weekday().to_monday_zero_offset());
        let ahead = (i64::try_from(day).ok()? - here).rem_euclid(7);
        return Some(today.checked_add(ahead.days()).ok()?.to_datetime(time));
    }
    if let Some(time) = time_of_day(text) {
        return Some(today.to_datetime(time));
    }
    text.parse::<DateTime>().ok().filter(|_| !text.contains(['Z', 'z', '+', '[']))
}

/// `22:00`, `22:00:30`.
fn time_of_day(text: &str) -> Option<Time> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &str| {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i8>().ok()).flatten()
    };
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (number(hour)?, number(minute)?, 0),
        [hour, minute, second] => (number(hour)?, number(minute)?, number(second)?),
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_begin_when_they_say() {
        for (text, expected) in [
            ("2026-11-24 21:30", Some("2026-11-24T21:30:00")),
            ("2026-11-24T21:30:15", Some("2026-11-24T21:30:15")),
            ("2026-11-24", Some("2026-11-24T00:00:00")),
            ("21:30", Some("2026-01-05T21:30:00")),
            ("Saturday 9:05", Some("2026-01-10T09:05:00")),
            ("sun", Some("2026-01-11T12:00:00")),
            ("2026-11-24T21:30Z", None),
            ("2026-11-24T21:30+01:00", None),
            ("25:00", None),
            ("soon", None),
            ("m 21:30", None),
            ("", None),
        ] {
            assert_eq!(begins(text, MONDAY).map(|at| at.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_weekday_is_the_first_one_from_today_on() {
        let friday = date(2026, 11, 27);
        for (text, expected) in [
            ("friday 9:00", "2026-11-27"),
            ("sat", "2026-11-28"),
            ("thursday", "2026-12-03"),
            ("8:30", "2026-11-27"),
        ] {
            assert_eq!(begins(text, friday).unwrap().date().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one_whatever_the_season() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let start = date(2026, 3, 28).at(22, 0, 0, 0);
        let start_ms = zone.to_timestamp(start).unwrap().as_millisecond();
        let clock = Clock { start_ms, zone: &zone };
        let at = |text: &str, from: u64| {
            let found = clock.next(time_of_day(text).unwrap(), Duration::from_secs(from * 60)).unwrap();
            found.as_secs() / 60
        };
        assert_eq!(at("22:00", 0), 0);
        assert_eq!(at("22:30", 0), 30);
        assert_eq!(at("22:00", 1), 23 * 60, "the night in which an hour is missing");
        assert_eq!(at("2:30", 0), 4 * 60 + 30, "which there is none of");
        assert_eq!(at("7:00", 0), 8 * 60);
    }
}
