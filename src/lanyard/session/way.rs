//! The way to a live connection and away from it: connecting, failing, being closed, leaving.

use std::time::Duration;

use super::{Output, Phase, Session};
use crate::lanyard::notice::{Loss, Notice, refusal};
use crate::lanyard::observation::Observation;
use crate::time::Backoff;

/// From the decision to connect until the socket is open.
const CONNECT_WAIT: Duration = Duration::from_secs(20);
const HELLO_WAIT: Duration = Duration::from_secs(15);
const RECONNECT: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(120) };
/// A connection that lived this long was a good one: the next failure counts as the first.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// After our own mistake nothing will be better in a second.
const RECONNECT_REFUSED: Backoff =
    Backoff { first: Duration::from_secs(300), most: Duration::from_secs(3600) };

impl Session {
    pub(super) fn tick(&mut self, now: Duration) {
        match &self.phase {
            Phase::Resting { until } if now >= *until => {
                self.phase = Phase::Connecting { until: now + CONNECT_WAIT };
                self.outputs.push_back(Output::Connect);
            }
            Phase::Connecting { until } if now >= *until => {
                self.outputs.push_back(Output::Drop);
                let why = format!("no connection within {} s", CONNECT_WAIT.as_secs());
                self.connect_failed(now, why);
            }
            Phase::Greeting { until } if now >= *until => self.lose(now, Loss::NoHello),
            Phase::Live(live) if now >= live.silent_at() => {
                let silent = now.saturating_sub(live.heard_at);
                self.lose(now, Loss::Silent { silent });
            }
            Phase::Live(live) if live.questions.open_since().is_some() && now >= live.answer_by() => {
                self.lose(now, Loss::NoInitState);
            }
            Phase::Live(_) => self.tick_live(now),
            Phase::Resting { .. } | Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Left => {}
        }
    }

    pub(super) fn opened(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Connecting { .. }) {
            self.phase = Phase::Greeting { until: Duration::ZERO };
            self.await_hello(now);
        }
    }

    /// The Hello has its whole time from now on.
    pub(super) fn await_hello(&mut self, now: Duration) {
        if let Phase::Greeting { until } = &mut self.phase {
            *until = now + HELLO_WAIT;
        }
    }

    pub(super) fn connect_failed(&mut self, now: Duration, why: String) {
        if matches!(self.phase, Phase::Connecting { .. }) {
            let again_in = self.rest_after_failure(now);
            self.note(Notice::ConnectFailed { why, failures: self.failures, again_in });
        }
    }

    pub(super) fn closed(&mut self, now: Duration, code: Option<u16>, reason: String) {
        let Some(code) = code.filter(|&code| refusal(code).is_some()) else {
            return self.lose(now, Loss::Closed { code, reason });
        };
        if self.hang_up(now).is_some() {
            self.refusals = self.refusals.saturating_add(1);
            let again_in = RECONNECT_REFUSED.wait(self.refusals, self.chance.roll());
            self.phase = Phase::Resting { until: now + again_in };
            self.note(Notice::Refused { code, again_in });
        }
    }

    pub(super) fn lose(&mut self, now: Duration, why: Loss) {
        if let Some(lived) = self.hang_up(now) {
            let again_in = self.rest_after_failure(now);
            self.note(Notice::Lost { why, lived, failures: self.failures, again_in });
        }
    }

    /// How long the connection lived, if there was one.
    pub(super) fn hang_up(&mut self, now: Duration) -> Option<Duration> {
        let lived = match &self.phase {
            Phase::Resting { .. } | Phase::Connecting { .. } | Phase::Left => return None,
            Phase::Greeting { .. } => Duration::ZERO,
            Phase::Live(live) => now.saturating_sub(live.since),
        };
        if self.live() {
            self.outputs.push_back(Output::Observe(Observation::Disconnected));
        }
        self.outputs.push_back(Output::Drop);
        if lived >= GOOD_LIFE {
            self.failures = 0;
            self.refusals = 0;
        }
        Some(lived)
    }

    pub(super) fn rest_after_failure(&mut self, now: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let again_in = RECONNECT.wait(self.failures, self.chance.roll());
        self.phase = Phase::Resting { until: now + again_in };
        again_in
    }

    pub(super) fn leave(&mut self) {
        match &self.phase {
            Phase::Greeting { .. } | Phase::Live(_) => self.outputs.push_back(Output::Close),
            Phase::Connecting { .. } => self.outputs.push_back(Output::Drop),
            Phase::Resting { .. } | Phase::Left => {}
        }
        self.phase = Phase::Left;
    }
}
