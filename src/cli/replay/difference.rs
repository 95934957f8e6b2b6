//! What rings with one rules file and not with another, told as it streams by.

use std::collections::VecDeque;
use std::time::Duration;

use super::ring::Ring;

/// The same ring so much earlier or later is the same ring, moved.
const MOVED_WITHIN: Duration = Duration::from_secs(600);
/// So many rings without a counterpart wait for one.
const WAITING_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The rules file that is replayed.
    These,
    /// The one it is compared with.
    Others,
}

#[derive(Clone, Debug)]
pub enum Difference {
    /// Rings with both, at the same time.
    Same(Ring),
    /// Rings with both, with these rules so much later (or earlier, below zero), in milliseconds.
    Moved(Ring, i64),
    Only(Side, Ring),
}

/// Pairs the rings of two rule sets.
#[derive(Default)]
pub struct Pairing {
    waiting: VecDeque<(Side, Ring)>,
}

impl Pairing {
    /// Takes a ring, in the order of time whatever its side. What is certain by then goes to the sink.
    pub fn take(&mut self, side: Side, ring: Ring, sink: &mut impl FnMut(Difference)) {
        self.pass(ring.now.mono, sink);
        let partner = self.waiting.iter().position(|(other, it)| *other != side && it.what == ring.what);
        let Some((_, partner)) = partner.and_then(|at| self.waiting.remove(at)) else {
            self.waiting.push_back((side, ring));
            if self.waiting.len() > WAITING_MAX {
                self.give_up(sink);
            }
            return;
        };
        if partner.now.mono == ring.now.mono {
            return sink(Difference::Same(ring));
        }
        let late_ms = crate::time::millis(ring.now.mono.saturating_sub(partner.now.mono));
        sink(match side {
            Side::These => Difference::Moved(ring, late_ms),
            Side::Others => Difference::Moved(partner, -late_ms),
        });
    }

    /// Time has gone by: whoever still waits has no counterpart.
    pub fn pass(&mut self, now: Duration, sink: &mut impl FnMut(Difference)) {
        while self.waiting.front().is_some_and(|(_, ring)| ring.now.mono + MOVED_WITHIN < now) {
            self.give_up(sink);
        }
    }

    pub fn finish(mut self, sink: &mut impl FnMut(Difference)) {
        while !self.waiting.is_empty() {
            self.give_up(sink);
        }
    }

    fn give_up(&mut self, sink: &mut impl FnMut(Difference)) {
        if let Some((side, ring)) = self.waiting.pop_front() {
            sink(Difference::Only(side, ring));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::replay::ring::What;
    use crate::time::Moment;

    fn ring(second: u64, words: &str) -> Ring {
        let now = Moment { mono: Duration::from_secs(second), wall_ms: 0 };
        let what = What {
            rule: "r".into(),
            person: None,
            called: None,
            target: "t".into(),
            words: words.to_owned(),
        };
        Ring { now, what }
    }

    #[test]
    fn each_ring_finds_its_counterpart_or_stands_alone() {
        use Side::{Others, These};
        let rings = [
            (These, 0, "both"),
            (Others, 0, "both"),
            (Others, 10, "later"),
            (These, 20, "new"),
            (These, 70, "later"),
            (These, 80, "twice"),
            (These, 80, "twice"),
            (Others, 80, "twice"),
            (Others, 100, "gone"),
            (These, 200, "sooner"),
            (Others, 230, "sooner"),
            // Too far away to be the same.
            (These, 1_000, "gone"),
        ];
        let mut pairing = Pairing::default();
        let mut told = Vec::new();
        let mut sink = |difference: Difference| {
            told.push(match difference {
                Difference::Same(ring) => format!("= {}", ring.what.words),
                Difference::Moved(ring, ms) => format!("~ {} {ms}", ring.what.words),
                Difference::Only(These, ring) => format!("+ {} {}", ring.what.words, ring.now.mono.as_secs()),
                Difference::Only(Others, ring) => {
                    format!("- {} {}", ring.what.words, ring.now.mono.as_secs())
                }
            });
        };
        for (side, second, words) in rings {
            pairing.take(side, ring(second, words), &mut sink);
        }
        pairing.finish(&mut sink);
        assert_eq!(
            told,
            [
                "= both",
                "~ later 60000",
                "= twice",
                "~ sooner -30000",
                "+ new 20",
                "+ twice 80",
                "- gone 100",
                "+ gone 1000"
            ]
        );
    }
}
