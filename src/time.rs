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

    /// This moment, `by` later on both clocks.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self { mono: self.mono.saturating_add(by), wall_ms: self.wall_after(by) }
    }
}

/// A duration in whole milliseconds, as it is stored.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
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
    fn a_clock_set_back_does_not_lengthen_a_wait() {
        let now = Moment { mono: Duration::from_secs(5), wall_ms: 1_000_000 };
        let written = Moment { wall_ms: 1_000_000 + 3_600_000, ..now }.wall_after(Duration::from_secs(60));
        assert_eq!(now.mono_at(written, Duration::from_secs(60)), Duration::from_secs(65));
        assert_eq!(now.mono_at(0, Duration::from_secs(60)), now.mono);
    }
}
