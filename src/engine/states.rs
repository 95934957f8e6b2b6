//! Where rules stand, for those who look: the states of a `while`, and firings that wait for their `for`.

use super::holding::State;
use super::machine::Engine;
use crate::presence::change::ChangeKind;
use crate::presence::model::UserId;
use crate::time::millis;

/// Where a rule stands with one person, or with everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateView {
    pub person: Option<UserId>,
    pub stage: Stage,
    /// When that which it looks for began.
    pub since_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The condition of a `while` is true, and `enter` comes if it stays so.
    Rising { until_ms: i64 },
    /// `told`: `enter` was let through, so `exit` will be sent.
    On { told: bool },
    /// The condition is false, and it is over if it stays so.
    Falling { told: bool, until_ms: i64 },
    /// A change has been found, and rings if what it led to lasts.
    Waiting { kind: ChangeKind, until_ms: i64 },
}

impl Engine {
    /// Where the rule at this place in the file stands; of nobody with whom it is off. In the order of ids, at
    /// most `limit`.
    pub fn states(&self, rule: usize, limit: usize) -> Vec<StateView> {
        let mut states = self.all_states(rule);
        states.sort_unstable_by_key(|state| (state.person, state.since_ms));
        states.truncate(limit);
        states
    }

    /// Where it stands with one person, or without one.
    pub fn states_of(&self, rule: usize, person: Option<UserId>) -> Vec<StateView> {
        let Ok(at) = u32::try_from(rule) else { return Vec::new() };
        let held = self.holding.state((at, person)).and_then(|state| self.held(rule, person, state));
        let waits = person.map_or(&[][..], |person| self.bell.waiting.of(person));
        let waits = waits.iter().filter(|wait| wait.rule == at);
        held.into_iter().chain(waits.filter_map(|wait| self.waits(rule, person?, wait))).collect()
    }

    /// How many states of each rule are on, by its place in the file.
    pub fn states_on(&self) -> &[usize] {
        self.holding.on()
    }

    fn all_states(&self, rule: usize) -> Vec<StateView> {
        let Ok(at) = u32::try_from(rule) else { return Vec::new() };
        let held = self.holding.states().filter(|((rule, _), _)| *rule == at);
        let held = held.filter_map(|((_, person), state)| self.held(rule, person, state));
        let waits = self.bell.waiting.all().filter(|(_, wait)| wait.rule == at);
        held.chain(waits.filter_map(|(person, wait)| self.waits(rule, person, wait))).collect()
    }

    fn held(&self, rule: usize, person: Option<UserId>, state: State) -> Option<StateView> {
        let until_ms =
            state.until(self.rules.rules.get(rule)?.holds()?).map_or(0, |until| self.wall_ms(until));
        let (since, stage) = match state {
            State::Rising { since, .. } => (since, Stage::Rising { until_ms }),
            State::On { since, told } => (since, Stage::On { told }),
            State::Falling { since, told, .. } => (since, Stage::Falling { told, until_ms }),
        };
        Some(StateView { person, stage, since_ms: self.wall_ms(since) })
    }

    fn waits(&self, rule: usize, person: UserId, wait: &super::waiting::Wait) -> Option<StateView> {
        let hold_for = millis(self.rules.rules.get(rule)?.when()?.hold_for);
        let since_ms = self.wall_ms(wait.since);
        let stage = Stage::Waiting { kind: wait.kept.kind()?, until_ms: since_ms.saturating_add(hold_for) };
        Some(StateView { person: Some(person), stage, since_ms })
    }

    fn wall_ms(&self, mono_ms: i64) -> i64 {
        mono_ms.saturating_add(self.ahead_ms)
    }
}
