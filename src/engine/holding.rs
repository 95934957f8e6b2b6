//! Where each `while` rule stands with each person: rising, on, falling, or off, which needs no place.
//!
//! Times are milliseconds by the monotonic clock, before zero for what an earlier run began, so that a wall
//! clock that is set moves nothing. What is written down is the wall time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outbox::delivery::{Note, NoteKind};
use crate::presence::model::UserId;
use crate::rules::set::{Rule, RuleSet, While};
use crate::time::{Moment, millis};

/// A rule's place, and whom of its people it is about.
pub type Key = (u32, Option<UserId>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its condition is true, but not for long enough.
    Rising { since: i64, late_ms: Option<i64> },
    /// `told`: its `enter` was let through.
    On { since: i64, told: bool },
    /// Its condition is false, but not for long enough.
    Falling { since: i64, told: bool, fell: i64, late_ms: Option<i64> },
}

/// What the condition, true or false, means for a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Stays,
    /// True, and `for` begins.
    Rises(State),
    /// False before `for` was over.
    Lapses,
    Enters {
        since: i64,
        late_ms: Option<i64>,
    },
    /// False, and `grace` begins.
    Falls(State),
    /// True again before `grace` was over.
    Recovers(State),
    Exits {
        since: i64,
        told: bool,
        fell: i64,
        late_ms: Option<i64>,
    },
}

impl While {
    /// What follows for a state from what the condition says at `now`; `late_ms` if it says so after a gap.
    pub fn turn(&self, state: Option<State>, truth: bool, now: i64, late_ms: Option<i64>) -> Turn {
        let rises = |since, late_ms| {
            if now - since >= millis(self.hold_for) {
                Turn::Enters { since, late_ms }
            } else {
                Turn::Rises(State::Rising { since, late_ms })
            }
        };
        let falls = |since, told, fell, late_ms| {
            if now - fell >= millis(self.grace) {
                Turn::Exits { since, told, fell, late_ms }
            } else {
                Turn::Falls(State::Falling { since, told, fell, late_ms })
            }
        };
        match (state, truth) {
            (None, false) | (Some(State::On { .. }), true) => Turn::Stays,
            (None, true) => rises(now, late_ms),
            (Some(State::Rising { since, late_ms: rose_late }), true) => {
                match rises(since, rose_late.max(late_ms)) {
                    Turn::Rises(_) => Turn::Stays,
                    turn => turn,
                }
            }
            (Some(State::Rising { .. }), false) => Turn::Lapses,
            (Some(State::On { since, told }), false) => falls(since, told, now, late_ms),
            (Some(State::Falling { since, told, .. }), true) => Turn::Recovers(State::On { since, told }),
            (Some(State::Falling { since, told, fell, late_ms: fell_late }), false) => {
                match falls(since, told, fell, fell_late.max(late_ms)) {
                    Turn::Falls(_) => Turn::Stays,
                    turn => turn,
                }
            }
        }
    }
}

impl State {
    /// When its timer ends, if one runs.
    pub fn until(self, holds: &While) -> Option<i64> {
        match self {
            Self::Rising { since, .. } => Some(since.saturating_add(millis(holds.hold_for))),
            Self::On { .. } => None,
            Self::Falling { fell, .. } => Some(fell.saturating_add(millis(holds.grace))),
        }
    }

    /// Whether the rule has begun and is not over.
    pub fn is_on(self) -> bool {
        !matches!(self, Self::Rising { .. })
    }
}

#[derive(Default)]
pub struct Holding {
    states: HashMap<Key, State>,
    /// When timers end. An entry may be out of date; the state decides.
    ends: BinaryHeap<Reverse<(Duration, u32, Option<UserId>)>>,
    /// How many states of each rule are on.
    on: Vec<usize>,
}

impl Holding {
    pub fn new(rules: &RuleSet) -> Self {
        Self { on: vec![0; rules.rules.len()], ..Self::default() }
    }

    pub fn state(&self, key: Key) -> Option<State> {
        self.states.get(&key).copied()
    }

    /// Every state that is not off.
    pub fn states(&self) -> impl Iterator<Item = (Key, State)> {
        self.states.iter().map(|(key, state)| (*key, *state))
    }

    /// How many states of each rule are on, by its place.
    pub fn on(&self) -> &[usize] {
        &self.on
    }

    /// Sets a state, nothing for off, and returns what is to be written down.
    pub fn set(&mut self, now: Moment, rule: &Rule, key: Key, state: Option<State>) -> Note {
        let before = match state {
            Some(state) => self.states.insert(key, state),
            None => self.states.remove(&key),
        };
        let on = &mut self.on[key.0 as usize];
        *on = *on + usize::from(state.is_some_and(State::is_on))
            - usize::from(before.is_some_and(State::is_on));
        self.note_end(rule, key);
        note(now, rule, key.1, state)
    }

    /// The next key whose timer has ended.
    pub fn ended(&mut self, rules: &RuleSet, now: Moment) -> Option<Key> {
        while let Some(&Reverse((until, at, person))) = self.ends.peek()
            && until <= now.mono
        {
            self.ends.pop();
            let key = (at, person);
            let until =
                self.states.get(&key).and_then(|state| state.until(rules.rules[at as usize].holds()?));
            if until.is_some_and(|until| until <= millis(now.mono)) {
                return Some(key);
            }
        }
        None
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.ends.peek().map(|Reverse((until, ..))| *until)
    }

    fn note_end(&mut self, rule: &Rule, key: Key) {
        let until = self.states.get(&key).and_then(|state| state.until(rule.holds()?));
        if let Some(until) = until {
            self.ends.push(Reverse((Duration::from_millis(u64::try_from(until).unwrap_or(0)), key.0, key.1)));
        }
    }

    /// Takes up a note that an earlier run wrote down; `false` if it means nothing any more.
    pub fn recall(&mut self, now: Moment, (at, rule): (usize, &Rule), note: &Note) -> bool {
        let Ok(at) = u32::try_from(at) else { return false };
        let Some(holds) = rule.holds() else { return false };
        let written = serde_json::from_str::<Written>(&note.text).ok();
        let state = written.and_then(|written| written.state(now, holds));
        let Some(state) = state.filter(|_| rule.is_about(note.person)) else { return false };
        let _ = self.set(now, rule, (at, note.person), Some(state));
        true
    }

    /// All of it, for writing down anew.
    pub fn notes(&self, now: Moment, rules: &RuleSet) -> impl Iterator<Item = Note> {
        self.states
            .iter()
            .map(move |(key, state)| note(now, &rules.rules[key.0 as usize], key.1, Some(*state)))
    }

    /// Goes over to other rules. A state stays while its rule is about the same person; one that is rising,
    /// only if the condition is the same. `wanted` says who is still in the file. Returns what is struck out.
    pub fn adopt(
        &mut self,
        now: Moment,
        old: &RuleSet,
        rules: &RuleSet,
        wanted: impl Fn(UserId) -> bool,
    ) -> Vec<Note> {
        let mut struck = Vec::new();
        let states = std::mem::take(&mut self.states);
        *self = Self::new(rules);
        for ((at, person), state) in states {
            let before = &old.rules[at as usize];
            let Some(at) = rules.place(&before.id) else { continue };
            let rule = &rules.rules[at];
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let stays = rule.holds().zip(before.holds()).is_some_and(|(holds, before)| {
                state.is_on() || holds.condition.source() == before.condition.source()
            });
            if stays && rule.is_about(person) && person.is_none_or(&wanted) {
                let _ = self.set(now, rule, (at, person), Some(state));
            } else {
                struck.push(note(now, before, person, None));
            }
        }
        struck
    }
}

/// A state as it is written down, in wall times.
#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Written {
    Rising { since_ms: i64, late_ms: Option<i64>, condition: u64 },
    On { since_ms: i64, told: bool },
    Falling { since_ms: i64, told: bool, fell_ms: i64, late_ms: Option<i64> },
}

impl Written {
    fn of(now: Moment, holds: &While, state: State) -> Self {
        let wall = |ms: i64| ms.saturating_add(now.ahead_ms());
        match state {
            State::Rising { since, late_ms } => {
                Self::Rising { since_ms: wall(since), late_ms, condition: number(holds.condition.source()) }
            }
            State::On { since, told } => Self::On { since_ms: wall(since), told },
            State::Falling { since, told, fell, late_ms } => {
                Self::Falling { since_ms: wall(since), told, fell_ms: wall(fell), late_ms }
            }
        }
    }

    /// A wall clock that was set back since makes no wait longer. A rising state is that of its condition.
    fn state(self, now: Moment, holds: &While) -> Option<State> {
        let mono = |ms: i64| ms.saturating_sub(now.ahead_ms()).min(millis(now.mono));
        Some(match self {
            Self::Rising { condition, .. } if condition != number(holds.condition.source()) => return None,
            Self::Rising { since_ms, late_ms, .. } => State::Rising { since: mono(since_ms), late_ms },
            Self::On { since_ms, told } => State::On { since: mono(since_ms), told },
            Self::Falling { since_ms, told, fell_ms, late_ms } => {
                State::Falling { since: mono(since_ms), told, fell: mono(fell_ms), late_ms }
            }
        })
    }
}

fn note(now: Moment, rule: &Rule, person: Option<UserId>, state: Option<State>) -> Note {
    let written = state.zip(rule.holds()).map(|(state, holds)| Written::of(now, holds, state));
    let text = written.and_then(|written| serde_json::to_string(&written).ok()).unwrap_or_default();
    Note {
        rule: Arc::clone(&rule.id),
        person,
        kind: NoteKind::Holding,
        key: Box::default(),
        text: text.into(),
    }
}

/// FNV-1a: the same in every version, since it is written down.
fn number(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
