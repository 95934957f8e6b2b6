//! What becomes of a delivery after an attempt. Pure: the same answer, count and roll give the same outcome.

use std::time::Duration;

use super::delivery::{Outcome, Reading};
use crate::time::Backoff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Between attempts at one delivery, where the target does not say how long.
    pub backoff: Backoff,
    /// However long a target asks us to wait, after this we ask again.
    pub wait_most: Duration,
    /// However short it asks us to wait: after the first failure. It doubles with each further one, so that
    /// a target that asks for no wait at all is not asked at that pace for days.
    pub wait_least: Duration,
    /// Whether a request that may have had its effect is sent again.
    pub retry_on_timeout: bool,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            backoff: Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300) },
            wait_most: Duration::from_secs(3600),
            wait_least: Duration::from_millis(250),
            retry_on_timeout: true,
        }
    }
}

/// What came back, read in the target's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Without a status where it was no HTTP.
    Answer {
        status: Option<u16>,
        reading: Reading,
    },
    Unsent,
    Unanswered,
    /// There is no request that could be made.
    Unfit,
}

/// Which attempt it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Try {
    /// Failures so far, this one included if it is one; 1 is the first.
    pub failures: u32,
    /// Whether it was sent without markup already.
    pub plain: bool,
    /// Chance, in `0.0..1.0`.
    pub roll: f64,
}

/// Judges one attempt.
pub fn judge(heard: &Heard, attempt: Try, settings: &RetrySettings) -> Outcome {
    let again =
        Outcome::Later { after: settings.backoff.wait(attempt.failures, attempt.roll), pause_target: false };
    let reading = match heard {
        Heard::Answer { reading, .. } => reading,
        Heard::Unsent => return again,
        Heard::Unfit => return Outcome::Unfit,
        Heard::Unanswered => &Reading::Unsure,
    };
    match *reading {
        Reading::Delivered => Outcome::Delivered { pause: None },
        Reading::DeliveredThenPause(wait) => Outcome::Delivered { pause: Some(wait.min(settings.wait_most)) },
        Reading::Wait(Some(wait)) => {
            let least = Backoff { first: settings.wait_least, most: settings.backoff.most };
            let least = least.wait(attempt.failures, attempt.roll);
            Outcome::Later { after: wait.max(least).min(settings.wait_most), pause_target: true }
        }
        Reading::Wait(None) => Outcome::Later {
            after: settings.backoff.wait(attempt.failures, attempt.roll),
            pause_target: true,
        },
        Reading::Again => again,
        Reading::Unsure if settings.retry_on_timeout => again,
        Reading::AgainPlain if attempt.plain => Outcome::Refused,
        Reading::AgainPlain => Outcome::AgainPlain,
        Reading::Unsure | Reading::Refused => Outcome::Refused,
        Reading::Disable => Outcome::Disabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reading_has_its_outcome() {
        let settings = RetrySettings::default();
        let firm = RetrySettings { retry_on_timeout: false, ..settings };
        let later = |ms, pause_target| Outcome::Later { after: Duration::from_millis(ms), pause_target };
        let yes = |reading| Heard::Answer { status: Some(200), reading };
        let secs = Duration::from_secs;
        for (heard, failures, plain, settings, expected) in [
            (yes(Reading::Delivered), 1, false, &settings, Outcome::Delivered { pause: None }),
            (
                yes(Reading::DeliveredThenPause(secs(2))),
                1,
                false,
                &settings,
                Outcome::Delivered { pause: Some(secs(2)) },
            ),
            (yes(Reading::Again), 1, false, &settings, later(1_000, false)),
            (yes(Reading::Again), 4, false, &settings, later(8_000, false)),
            (yes(Reading::Again), 400, false, &settings, later(300_000, false)),
            (yes(Reading::Wait(None)), 3, false, &settings, later(4_000, true)),
            (yes(Reading::Wait(Some(secs(7)))), 5, false, &settings, later(7_000, true)),
            (yes(Reading::Wait(Some(secs(7)))), 9, false, &settings, later(64_000, true)),
            (yes(Reading::Wait(Some(secs(0)))), 4, false, &settings, later(2_000, true)),
            (yes(Reading::Wait(Some(secs(0)))), 400, false, &settings, later(300_000, true)),
            (yes(Reading::Unsure), 2, false, &settings, later(2_000, false)),
            (yes(Reading::Unsure), 2, false, &firm, Outcome::Refused),
            (yes(Reading::Wait(Some(secs(0)))), 1, false, &settings, later(250, true)),
            (yes(Reading::Wait(Some(secs(1 << 40)))), 1, false, &settings, later(3_600_000, true)),
            (yes(Reading::AgainPlain), 1, false, &settings, Outcome::AgainPlain),
            (yes(Reading::AgainPlain), 2, true, &settings, Outcome::Refused),
            (yes(Reading::Refused), 1, false, &settings, Outcome::Refused),
            (yes(Reading::Disable), 1, false, &settings, Outcome::Disabled),
            (Heard::Unsent, 2, false, &firm, later(2_000, false)),
            (Heard::Unfit, 1, false, &settings, Outcome::Unfit),
            (Heard::Unanswered, 1, false, &settings, later(1_000, false)),
            (Heard::Unanswered, 1, false, &firm, Outcome::Refused),
        ] {
            let outcome = judge(&heard, Try { failures, plain, roll: 1.0 }, settings);
            assert_eq!(outcome, expected, "{heard:?} {failures} {plain}");
        }
    }

    #[test]
    fn chance_spreads_waits_over_half_a_step() {
        let settings = RetrySettings::default();
        let after = |roll| {
            let attempt = Try { failures: 3, plain: false, roll };
            judge(&Heard::Unsent, attempt, &settings)
        };
        assert_eq!(after(0.0), Outcome::Later { after: Duration::from_secs(2), pause_target: false });
        assert_eq!(after(0.5), Outcome::Later { after: Duration::from_secs(3), pause_target: false });
    }
}
