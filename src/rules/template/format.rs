//! How times, lengths of time and numbers are written for people.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

const RFC3339: &str = "%Y-%m-%dT%H:%M:%S%:z";
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

pub(super) fn rfc3339(unix_ms: i64, zone: &TimeZone) -> String {
    time(unix_ms, RFC3339, zone).unwrap_or_default()
}

/// A time in the file's zone, by a format as `strftime` has them. None if the format, or the time, is none.
pub(super) fn time(unix_ms: i64, format: &str, zone: &TimeZone) -> Option<String> {
    let zoned = ZonedDateTime::new(Timestamp::from_millisecond(unix_ms).ok()?, zone.clone());
    strtime::format(format, &zoned).ok()
}

/// "5 minutes ago", "in 2 hours", "just now".
pub(super) fn ago(unix_ms: i64, now_ms: i64) -> String {
    let ms = now_ms.saturating_sub(unix_ms);
    let length = ms.unsigned_abs();
    let units = [
        (365 * DAY_MS, "year"),
        (30 * DAY_MS, "month"),
        (DAY_MS, "day"),
        (HOUR_MS, "hour"),
        (MINUTE_MS, "minute"),
    ];
    let Some((count, word)) =
        units.iter().map(|(unit, word)| (length / unit, word)).find(|(count, _)| *count > 0)
    else {
        return if length < 10 * SECOND_MS {
            "just now".to_owned()
        } else {
            directed(length / SECOND_MS, "second", ms < 0)
        };
    };
    directed(count, word, ms < 0)
}

fn directed(count: u64, word: &str, ahead: bool) -> String {
    let plural = if count == 1 { "" } else { "s" };
    if ahead { format!("in {count} {word}{plural}") } else { format!("{count} {word}{plural} ago") }
}

/// A number with so many decimals, or as many as it has, and something between its thousands.
pub(super) fn number(number: f64, decimals: Option<usize>, thousands: &str) -> String {
    let written = match decimals {
        Some(decimals) => format!("{number:.decimals$}"),
        None => format!("{number}"),
    };
    if thousands.is_empty() || !number.is_finite() {
        return written;
    }
    let (sign, digits) = written.strip_prefix('-').map_or(("", written.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |dot| digits.split_at(dot));
    let mut grouped = String::with_capacity(written.len() * 2);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push_str(thousands);
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago() {
        let now = 1_767_225_600_000;
        for (before_ms, expected) in [
            (0, "just now"),
            (30_000, "30 seconds ago"),
            (60_000, "1 minute ago"),
            (300_000, "5 minutes ago"),
            (7_200_000, "2 hours ago"),
            (86_400_000, "1 day ago"),
            (-120_000, "in 2 minutes"),
            (400 * 86_400_000, "1 year ago"),
        ] {
            assert_eq!(ago(now - before_ms, now), expected);
        }
        assert_eq!(ago(i64::MIN, i64::MAX), "292471208 years ago");
    }

    #[test]
    fn numbers() {
        for (value, decimals, thousands, expected) in [
            (1234.5, None, "", "1234.5"),
            (3.0, None, "", "3"),
            (1_234_567.891, Some(2), ",", "1,234,567.89"),
            (-1234.0, Some(0), " ", "-1 234"),
            (999.0, Some(0), ",", "999"),
            (100_000.0, None, ".", "100.000"),
        ] {
            assert_eq!(number(value, decimals, thousands), expected);
        }
    }

    #[test]
    fn times_are_told_in_the_files_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(rfc3339(1_767_225_600_000, &berlin), "2026-01-01T01:00:00+01:00");
        assert_eq!(time(1_782_864_000_000, "%H:%M %Z", &berlin).as_deref(), Some("02:00 CEST"));
        assert_eq!(time(0, "%Q-nonsense %", &berlin), None);
    }
}
