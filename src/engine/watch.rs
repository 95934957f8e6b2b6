//! Who looks on, and how much they are told: looking on must not slow down what is looked at.
//!
//! Telling costs a handful of small texts. Those who look on for as long as the bot runs are told so much a
//! second and no more; what matters more is told for longer, and what is left out is counted.

use std::time::Duration;

use super::verdict::Verdict;

/// How much is told.
#[derive(Clone, Copy, Debug, Default)]
pub enum Telling {
    #[default]
    Nothing,
    /// Told everything, whatever it costs.
    Everything,
    /// Told `TOLD_A_SECOND_MAX` at the most.
    Paced(Pace),
}

/// So much is told in a second.
pub const TOLD_A_SECOND_MAX: u32 = 1000;
/// Changes are told until so much is left for verdicts …
const KEPT_FOR_VERDICTS: u32 = 500;
/// … and verdicts until so much is left for those that ring.
const KEPT_FOR_RINGS: u32 = 250;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// When the second began.
    began: Option<Duration>,
    left: u32,
    missed: Missed,
}

/// What was not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    pub changes: u64,
    pub verdicts: u64,
}

impl Telling {
    pub fn paced() -> Self {
        Self::Paced(Pace::default())
    }

    /// Whether a change may be told.
    pub fn tells_change(&mut self, now: Duration) -> bool {
        self.tells(now, KEPT_FOR_VERDICTS, |missed| &mut missed.changes)
    }

    /// Whether a verdict may be told.
    pub fn tells_verdict(&mut self, now: Duration, verdict: Verdict) -> bool {
        let kept = if verdict == Verdict::Fired { 0 } else { KEPT_FOR_RINGS };
        self.tells(now, kept, |missed| &mut missed.verdicts)
    }

    /// What has not been told since the last call.
    pub fn take_missed(&mut self) -> Missed {
        match self {
            Self::Paced(pace) => std::mem::take(&mut pace.missed),
            _ => Missed::default(),
        }
    }

    fn tells(&mut self, now: Duration, kept: u32, missed: impl FnOnce(&mut Missed) -> &mut u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Paced(pace) => {
                if pace.began.is_none_or(|began| now.saturating_sub(began) >= SECOND) {
                    (pace.began, pace.left) = (Some(now), TOLD_A_SECOND_MAX);
                }
                let tells = pace.left > kept;
                if tells {
                    pace.left -= 1;
                } else {
                    *missed(&mut pace.missed) += 1;
                }
                tells
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_flood_what_matters_is_told_for_longer_and_the_rest_is_counted() {
        let mut watch = Telling::paced();
        let times = |watch: &mut Telling, ms, count, tells: fn(&mut Telling, Duration) -> bool| {
            (0..count).filter(|_| tells(watch, Duration::from_millis(ms))).count()
        };
        let change: fn(&mut Telling, Duration) -> bool = |watch, now| watch.tells_change(now);
        let no: fn(&mut Telling, Duration) -> bool =
            |watch, now| watch.tells_verdict(now, Verdict::ConditionFalse);
        let ring: fn(&mut Telling, Duration) -> bool = |watch, now| watch.tells_verdict(now, Verdict::Fired);
        assert_eq!(times(&mut watch, 0, 2000, change), 500);
        assert_eq!(times(&mut watch, 500, 2000, no), 250);
        assert_eq!(times(&mut watch, 999, 2000, ring), 250);
        assert_eq!(watch.take_missed(), Missed { changes: 1500, verdicts: 3500 });
        assert_eq!(watch.take_missed(), Missed::default());
        assert_eq!(times(&mut watch, 1000, 10, change), 10);
    }

    #[test]
    fn nobody_is_told_nothing_and_everything_is_everything() {
        let told = |mut watch: Telling| (0..5000).filter(|_| watch.tells_change(Duration::ZERO)).count();
        assert_eq!((told(Telling::Nothing), told(Telling::Everything)), (0, 5000));
        assert_eq!(Telling::Nothing.take_missed(), Missed::default());
    }
}
