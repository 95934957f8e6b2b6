//! The one place that reads clocks.
#![expect(clippy::disallowed_methods, reason = "this is the room that reads clocks")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::{Moment, millis};

/// Reads the time and waits for it. A copy reads the same clock.
///
/// Both readings and waits go through tokio, so that a test with paused time moves them together.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    wall: Wall,
}

#[derive(Clone, Copy, Debug)]
enum Wall {
    /// The system's, read each time: it may be set while we run.
    System,
    /// What it was when the clock began; moves with the monotonic one.
    Anchored { began_ms: i64 },
}

/// As far ahead as a wait may lie; tokio's timers do not take much more.
const WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

impl Clock {
    /// The system's clocks, `mono` counted from now.
    pub fn start() -> Self {
        Self { began: Instant::now(), wall: Wall::System }
    }

    /// A clock for tests: it says `began_ms` now, and goes forward with tokio's time, paused or not.
    pub fn anchored(began_ms: i64) -> Self {
        Self { began: Instant::now(), wall: Wall::Anchored { began_ms } }
    }

    pub fn now(&self) -> Moment {
        let mono = self.began.elapsed();
        let wall_ms = match self.wall {
            Wall::System => system_ms(),
            Wall::Anchored { began_ms } => began_ms.saturating_add(millis(mono)),
        };
        Moment { mono, wall_ms }
    }

    /// Waits until `mono`; a time that has passed is waited for no longer than a turn of the runtime.
    pub async fn sleep_until(&self, mono: Duration) {
        let ahead = mono.saturating_sub(self.began.elapsed()).min(WAIT_MAX);
        tokio::time::sleep(ahead).await;
    }

    /// Waits until `mono`, or for ever where there is nothing to wait for.
    pub async fn sleep_until_some(&self, mono: Option<Duration>) {
        match mono {
            Some(mono) => self.sleep_until(mono).await,
            None => std::future::pending().await,
        }
    }
}

/// A clock set before 1970 reads as 1970: nothing was created earlier.
fn system_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_anchored_clock_follows_paused_time() {
        let clock = Clock::anchored(1_000_000);
        clock.sleep_until(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), Moment { mono: Duration::from_secs(90), wall_ms: 1_090_000 });
        clock.sleep_until(Duration::from_secs(1)).await;
        assert_eq!(clock.now().mono, Duration::from_secs(90), "the past is not waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_end_can_be_begun() {
        let clock = Clock::anchored(0);
        let waited = tokio::time::timeout(Duration::from_secs(1), clock.sleep_until(Duration::MAX)).await;
        assert!(waited.is_err());
        let waited = tokio::time::timeout(Duration::from_secs(1), clock.sleep_until_some(None)).await;
        assert!(waited.is_err());
    }

    #[test]
    fn the_system_clock_is_read_in_milliseconds() {
        let now = Clock::start().now();
        assert!(now.wall_ms > 1_700_000_000_000, "{now:?}");
        assert!(now.mono < Duration::from_secs(60), "{now:?}");
    }
}
