//! Time as an argument: nothing below `clock` reads a clock.

use std::time::Duration;

/// One point in time by both clocks.
///
/// `mono` never goes back and is what waits are measured by; `wall_ms` is what a calendar says, may be set
/// in either direction, and is what is written to disk and shown to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Since the process began.
    pub mono: Duration,
    /// Milliseconds since 1970-01-01 UTC.
    pub wall_ms: i64,
}

impl Moment {
    /// The wall time at which `wait` from now will be over, for writing down.
    pub fn wall_after(self, wait: Duration) -> i64 {
        self.wall_ms.saturating_add(millis(wait))
    }

    /// The monotonic time of a written-down wall time, never further away than `longest`: a clock that was
    /// set back must not make a wait longer than it was meant to be.
    pub fn mono_at(self, wall_ms: i64, longest: Duration) -> Duration {
        let left = Duration::from_millis(u64::try_from(wall_ms.saturating_sub(self.wall_ms)).unwrap_or(0));
        self.mono.saturating_add(left.min(longest))
    }

    /// How far the wall clock is ahead of the monotonic one, in milliseconds.
    pub fn ahead_ms(self) -> i64 {
        self.wall_ms.saturating_sub(millis(self.mono))
    }

    /// This moment, `by` later on both clocks.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self { mono: self.mono.saturating_add(by), wall_ms: self.wall_after(by) }
    }
}

/// A calendar that is never set back: where the wall clock is, it goes on as before; where that is set forward,
/// or the machine was asleep, it goes along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady {
    /// The most that wall time has been ahead of monotonic time.
    ahead_ms: Option<i64>,
}

impl Steady {
    /// Takes note of the clocks.
    pub fn note(&mut self, now: Moment) {
        self.ahead_ms = self.ahead_ms.max(Some(now.ahead_ms()));
    }

    /// Now, by this calendar.
    pub fn ms(self, now: Moment) -> i64 {
        let ahead_ms = self.ahead_ms.max(Some(now.ahead_ms())).unwrap_or_default();
        millis(now.mono).saturating_add(ahead_ms)
    }

    /// Where a wall time, as the clock stands now, lies in this calendar.
    pub fn at(self, now: Moment, wall_ms: i64) -> i64 {
        wall_ms.saturating_add(self.ms(now).saturating_sub(now.wall_ms))
    }
}

/// RFC 3339, in UTC.
pub fn date(wall_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(wall_ms).map_or_else(|_| wall_ms.to_string(), |at| at.to_string())
}

/// A duration in whole milliseconds, as it is stored.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// "2 h 5 min", "45 s": the two largest units that say something.
pub fn length(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let mut left = ms.unsigned_abs() / 1_000 * 1_000;
    let mut words = Vec::new();
    for (unit, word) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
        let count = left / unit;
        left %= unit;
        if count > 0 {
            words.push(format!("{count} {word}"));
        } else if !words.is_empty() {
            break;
        }
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() { "0 s".to_owned() } else { format!("{sign}{}", words.join(" ")) }
}

/// How long something still takes. Rounded up, so that a wait that is nearly over is not "0 s"; of a long one
/// nobody wants to know the seconds.
pub fn left(ms: i64) -> String {
    const LONG_MS: i64 = 600_000;
    let unit = if ms > LONG_MS { 60_000 } else { 1_000 };
    length(ms.max(0).saturating_add(unit - 1) / unit * unit)
}

/// Exponential waits with full jitter above a half: attempt after attempt twice as long, up to a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub most: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row (1 is the first). `roll` in `0.0..1.0` places it between
    /// a half and the whole of the exponential step, so that many waiters do not come back together.
    pub fn wait(self, failures: u32, roll: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let step = self.first.saturating_mul(1 << doublings).min(self.most);
        step.mul_f64(0.5 + 0.5 * roll.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300) };
        for (failures, roll, expected_ms) in
            [(1, 1.0, 1_000), (1, 0.0, 500), (2, 1.0, 2_000), (5, 1.0, 16_000), (40, 1.0, 300_000)]
        {
            assert_eq!(backoff.wait(failures, roll), Duration::from_millis(expected_ms), "{failures} {roll}");
        }
    }

    #[test]
    fn lengths_of_time() {
        for (ms, expected) in [
            (0, "0 s"),
            (999, "0 s"),
            (45_000, "45 s"),
            (60_000, "1 min"),
            (330_000, "5 min 30 s"),
            (7_500_000, "2 h 5 min"),
            (7_230_000, "2 h"),
            (90_000_000, "1 d 1 h"),
            (-60_000, "-1 min"),
            (i64::MIN, "-106751991167 d 7 h"),
        ] {
            assert_eq!(length(ms), expected, "{ms}");
        }
    }

    #[test]
    fn what_is_left_is_told_in_the_units_that_say_most() {
        for (ms, expected) in [
            (-5, "0 s"),
            (1, "1 s"),
            (420_000, "7 min"),
            (419_001, "7 min"),
            (90_001, "1 min 31 s"),
            (600_001, "11 min"),
            (2_700_000, "45 min"),
            (3_536_000, "59 min"),
            (7_800_000, "2 h 10 min"),
            (180_000_000, "2 d 2 h"),
        ] {
            assert_eq!(left(ms), expected, "{ms}");
        }
        assert!(left(i64::MAX).ends_with(" h"));
    }

    #[test]
    fn the_steady_calendar_goes_forward_whatever_the_wall_clock_does() {
        let at =
            |mono_s: u64, wall_s: i64| Moment { mono: Duration::from_secs(mono_s), wall_ms: wall_s * 1000 };
        let mut steady = Steady::default();
        let mut seen = Vec::new();
        // As usual, set back by 50 s, set right again, set forward by 50 s, set back to what is right.
        for now in [at(0, 100), at(10, 110), at(20, 70), at(30, 130), at(40, 190), at(50, 150)] {
            steady.note(now);
            seen.push(steady.ms(now) / 1000);
        }
        assert_eq!(seen, [100, 110, 120, 130, 190, 200]);
        assert_eq!(steady.at(at(50, 150), 160_000), 210_000, "ten seconds from now");
    }

    #[test]
    fn a_clock_set_back_does_not_lengthen_a_wait() {
        let now = Moment { mono: Duration::from_secs(5), wall_ms: 1_000_000 };
        let written = Moment { wall_ms: 1_000_000 + 3_600_000, ..now }.wall_after(Duration::from_secs(60));
        assert_eq!(now.mono_at(written, Duration::from_secs(60)), Duration::from_secs(65));
        assert_eq!(now.mono_at(0, Duration::from_secs(60)), now.mono);
    }
}
