//! What the dialects of answers have in common.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::outbox::delivery::{Answer, Reading};

/// Reads an answer by its status alone. `disabling` are those that say that the target itself is gone, or
/// lets us in no more.
pub fn by_status(answer: &Answer, now_ms: i64, disabling: &[u16]) -> Reading {
    let asked = retry_after(answer, now_ms);
    match answer.status {
        200..=299 => Reading::Delivered,
        status if disabling.contains(&status) => Reading::Disable,
        429 => Reading::Wait(asked),
        // "Elsewhere for now" is what a page for maintenance or a login in between says; where it points is
        // never followed.
        302 | 303 | 307 => asked.map_or(Reading::Again, |wait| Reading::Wait(Some(wait))),
        // "Not implemented" will not be implemented a minute later.
        501 => Reading::Refused,
        408 | 425 | 500..=599 => asked.map_or(Reading::Again, |wait| Reading::Wait(Some(wait))),
        _ => Reading::Refused,
    }
}

/// `Retry-After`, as seconds (some send fractions) or as a date. A date is measured from the answer's own
/// `Date` where it has one, so that our clock need not be right.
pub fn retry_after(answer: &Answer, now_ms: i64) -> Option<Duration> {
    let value = answer.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return seconds_f64(seconds);
    }
    let until_ms = http_date(value)?;
    let from_ms = answer.header("date").and_then(http_date).unwrap_or(now_ms);
    Some(Duration::from_millis(u64::try_from(until_ms.saturating_sub(from_ms)).unwrap_or(0)))
}

/// The three forms that RFC 9110 part 5.6.7 asks us to read.
fn http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(date) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(date.as_millisecond());
    }
    let civil = |format: &str| -> Option<DateTime> { strtime::parse(format, text).ok()?.to_datetime().ok() };
    let date = civil("%A, %d-%b-%y %H:%M:%S GMT").or_else(|| civil("%a %b %e %H:%M:%S %Y"))?;
    Some(TimeZone::UTC.to_timestamp(date).ok()?.as_millisecond())
}

/// Seconds from an answer: never negative, never endless.
pub fn seconds_f64(seconds: f64) -> Option<Duration> {
    const LONGEST_S: f64 = 7.0 * 86_400.0;
    seconds.is_finite().then(|| Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_S)))
}

/// The body as JSON; null if it is something else.
pub fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

/// Slack's way of saying yes, and Mattermost's and Telegram's: the body is `ok`, or a JSON object that says so.
/// One that begins with it and breaks off has said it, too.
pub fn says_ok(answer: &Answer) -> bool {
    let body = answer.body.trim_ascii();
    body == b"ok" || body.starts_with(br#"{"ok":true,"#) || json(answer)["ok"] == Value::Bool(true)
}

/// What a success without a yes means. A service that refuses says so in JSON or in one word; prose and pages
/// come from something in between (a gateway, a login), and the service has never seen the request.
pub fn no_yes(answer: &Answer) -> Reading {
    let body = answer.body.trim_ascii();
    let word = body.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    if !answer.whole {
        Reading::Unsure
    } else if word || json(answer).is_object() {
        Reading::Refused
    } else {
        Reading::Again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW_MS: i64 = 1_767_225_600_000;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: Vec::new(), whole: true }
    }

    #[test]
    fn statuses() {
        let seconds = |s| Reading::Wait(Some(Duration::from_secs(s)));
        for (status, headers, expected) in [
            (200, &[][..], Reading::Delivered),
            (204, &[], Reading::Delivered),
            (301, &[], Reading::Refused),
            (302, &[], Reading::Again),
            (303, &[("retry-after", "30")], seconds(30)),
            (307, &[], Reading::Again),
            (308, &[], Reading::Refused),
            (400, &[], Reading::Refused),
            (404, &[], Reading::Refused),
            (408, &[], Reading::Again),
            (410, &[], Reading::Disable),
            (425, &[], Reading::Again),
            (429, &[], Reading::Wait(None)),
            (429, &[("retry-after", "7")], seconds(7)),
            (429, &[("retry-after", "Thu, 01 Jan 2026 00:01:00 GMT")], seconds(60)),
            (429, &[("retry-after", "Wed, 31 Dec 2025 23:00:00 GMT")], seconds(0)),
            (429, &[("retry-after", "Thursday, 01-Jan-26 00:01:00 GMT")], seconds(60)),
            (429, &[("retry-after", "Thu Jan  1 00:01:00 2026")], seconds(60)),
            (
                503,
                &[
                    ("retry-after", "Thu, 01 Jan 2026 05:00:30 GMT"),
                    ("date", "Thu, 01 Jan 2026 05:00:00 GMT"),
                ],
                seconds(30),
            ),
            (429, &[("retry-after", "inf")], Reading::Wait(None)),
            (429, &[("retry-after", "soon")], Reading::Wait(None)),
            (429, &[("retry-after", "-5")], seconds(0)),
            (500, &[], Reading::Again),
            (501, &[], Reading::Refused),
            (503, &[("retry-after", "30")], seconds(30)),
            (599, &[], Reading::Again),
        ] {
            assert_eq!(by_status(&answer(status, headers), NOW_MS, &[410]), expected, "{status} {headers:?}");
        }
    }
}
