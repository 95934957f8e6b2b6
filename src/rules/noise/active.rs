//! `active`: the hours in which a rule rings, by the clock on the wall of the file's time zone.

mod clock;
mod read;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Hours as weeks repeat them; of two windows, one is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    windows: Vec<Window>,
    pub otherwise: Otherwise,
}

/// What becomes of a firing at another time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    #[default]
    Drop,
    /// It waits, and rings if it is still true.
    Defer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    /// The days on which it begins, Monday first.
    days: [bool; 7],
    from: Time,
    to: To,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    SameDay(Time),
    Midnight,
    NextDay(Time),
}

/// No window is further away: it begins each week, unless the clock jumps over it in one.
const LOOK_AHEAD_DAYS: i64 = 15;

impl Active {
    /// Whether the clock stands within a window. Where it is set back, an hour is shown twice and counts twice;
    /// where it is set forward, what is not shown is not waited for.
    pub fn is_open(&self, zone: &TimeZone, wall_ms: i64) -> bool {
        self.shows(zone.to_datetime(moment(wall_ms)))
    }

    /// When a window opens next, after `wall_ms`. None within two weeks: it is only ever at times that no clock
    /// shows.
    pub fn opens_ms(&self, zone: &TimeZone, wall_ms: i64) -> Option<i64> {
        let now = moment(wall_ms);
        let end = now.checked_add(jiff::SignedDuration::from_hours(24 * LOOK_AHEAD_DAYS)).ok()?;
        let today = zone.to_datetime(now).date();
        let days = (-1..=LOOK_AHEAD_DAYS).filter_map(|day| today.checked_add(Span::new().days(day)).ok());
        let begins = days.flat_map(|day| self.windows.iter().map(move |window| day.to_datetime(window.from)));
        let shown = begins.flat_map(|begin| {
            let ambiguous = zone.to_ambiguous_timestamp(begin);
            [ambiguous.earlier(), ambiguous.later()].into_iter().flatten()
        });
        // Where the clock is set, it may come into a window without passing its beginning.
        let set = zone.following(now).map(|set| set.timestamp()).take_while(|at| *at <= end);
        let after = shown.chain(set).map(Timestamp::as_millisecond).filter(|at| *at > wall_ms);
        after.filter(|at| self.is_open(zone, *at) && !self.is_open(zone, at - 1)).min()
    }

    fn shows(&self, shown: DateTime) -> bool {
        self.windows.iter().any(|window| window.shows(shown))
    }
}

impl Window {
    fn shows(&self, shown: DateTime) -> bool {
        let (day, time) = (shown.date().weekday(), shown.time());
        let (today, yesterday) = (self.begins_on(day), self.begins_on(day.previous()));
        match self.to {
            To::SameDay(to) => today && time >= self.from && time < to,
            To::Midnight => today && time >= self.from,
            To::NextDay(to) => (today && time >= self.from) || (yesterday && time < to),
        }
    }

    fn begins_on(&self, day: Weekday) -> bool {
        self.days[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }
}

fn moment(wall_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(wall_ms).unwrap_or_default()
}
