//! From what lines say of time to moments of one clock, whatever became of recorders in between.

use std::time::Duration;

use super::line::{Header, Stamp};
use crate::time::{Moment, millis};

/// Where a reader is in time. Time never goes back, whatever lines say.
#[derive(Debug, Default)]
pub struct Timeline {
    /// How far our clock is ahead of that of the recorder at hand.
    ahead_ms: i64,
    last: Option<Moment>,
}

impl Timeline {
    /// A recorder begins. While none was there, time went by as the calendar says.
    pub fn start(&mut self, header: &Header) -> Moment {
        let own_ms = header.stamp.mono.map_or(0, millis);
        if let Some(last) = self.last
            && !header.goes_on
        {
            let gap_ms = header.stamp.wall_ms.saturating_sub(last.wall_ms).max(0);
            self.ahead_ms = millis(last.mono).saturating_add(gap_ms).saturating_sub(own_ms);
        }
        self.at(header.stamp)
    }

    pub fn at(&mut self, stamp: Stamp) -> Moment {
        let least = self.last.map_or(Duration::ZERO, |last| last.mono);
        let mono = match (stamp.mono, self.last) {
            (Some(mono), _) => length(self.ahead_ms.saturating_add(millis(mono))),
            (None, Some(last)) => last.mono + length(stamp.wall_ms.saturating_sub(last.wall_ms)),
            (None, None) => Duration::ZERO,
        };
        let now = Moment { mono: mono.max(least), wall_ms: stamp.wall_ms };
        self.last = Some(now);
        now
    }
}

fn length(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn stamp(wall_ms: i64, mono_ms: Option<u64>) -> Stamp {
        Stamp { wall_ms, mono: mono_ms.map(Duration::from_millis) }
    }

    fn start(timeline: &mut Timeline, stamp: Stamp, goes_on: bool) -> u128 {
        let people = BTreeMap::new();
        let header = Header { stamp, begun_ms: 0, part: 1, goes_on, people, everyone: false };
        timeline.start(&header).mono.as_millis()
    }

    #[test]
    fn waits_go_by_the_recorders_clock_and_gaps_by_the_calendar() {
        let mut timeline = Timeline::default();
        assert_eq!(start(&mut timeline, stamp(1_000_000, Some(0)), false), 0);
        let at = |timeline: &mut Timeline, wall_ms, mono_ms| {
            let now = timeline.at(stamp(wall_ms, mono_ms));
            assert_eq!(now.wall_ms, wall_ms);
            now.mono.as_millis()
        };
        assert_eq!(at(&mut timeline, 1_005_000, Some(5_000)), 5_000);
        // The calendar is set by an hour, forth and back.
        assert_eq!(at(&mut timeline, 4_606_000, Some(6_000)), 6_000);
        assert_eq!(at(&mut timeline, 1_007_000, Some(7_000)), 7_000);
        // A line out of order.
        assert_eq!(at(&mut timeline, 1_007_000, Some(2_000)), 7_000);
        // Another file, and then another recorder, a minute later.
        assert_eq!(start(&mut timeline, stamp(1_008_000, Some(8_000)), true), 8_000);
        assert_eq!(start(&mut timeline, stamp(1_068_000, Some(0)), false), 68_000);
        assert_eq!(at(&mut timeline, 1_070_000, Some(2_000)), 70_000);
        // One whose calendar is behind.
        assert_eq!(start(&mut timeline, stamp(900_000, Some(50)), false), 70_000);
        assert_eq!(at(&mut timeline, 900_100, Some(150)), 70_100);
    }

    #[test]
    fn a_hand_needs_no_second_clock() {
        let mut timeline = Timeline::default();
        let times = [10_000, 12_500, 11_000, 13_000].map(|wall_ms| timeline.at(stamp(wall_ms, None)).mono);
        assert_eq!(times.map(|mono| mono.as_millis()), [0, 2_500, 2_500, 4_500]);
    }
}
