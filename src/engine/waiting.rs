//! Firings that wait for their `for`: a change that was found, and what it led to must last before it rings.
//!
//! Times are milliseconds by the monotonic clock, before zero for what an earlier run found; what is written
//! down is the wall time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use crate::outbox::delivery::{Note, NoteKind};
use crate::presence::by_id::ById;
use crate::presence::model::UserId;
use crate::rules::set::{Rule, RuleSet, When};
use crate::time::{Moment, millis};

/// So many firings of one rule may wait for one person: a game, a platform, a KV key each.
pub const WAITS_MAX: usize = 16;

#[derive(Clone)]
pub struct Wait {
    /// The rule's place in the file.
    pub rule: u32,
    /// The change's name and what it is about: tells a rule's waits for one person apart.
    pub key: Box<str>,
    pub since: i64,
    pub kept: Kept,
}

impl Wait {
    /// When it is over.
    pub fn until(&self, when: &When) -> i64 {
        self.since.saturating_add(millis(when.hold_for))
    }
}

#[derive(Default)]
pub struct Waiting {
    waits: ById<Vec<Wait>>,
    /// When waits are over. An entry may be out of date; the wait decides.
    ends: BinaryHeap<Reverse<(Duration, UserId)>>,
}

impl Waiting {
    /// Whether anything waits for this person.
    pub fn has(&self, person: UserId) -> bool {
        self.waits.contains_key(&person)
    }

    pub fn of(&self, person: UserId) -> &[Wait] {
        self.waits.get(&person).map_or(&[], Vec::as_slice)
    }

    pub fn all(&self) -> impl Iterator<Item = (UserId, &Wait)> {
        self.waits.iter().flat_map(|(&person, waits)| waits.iter().map(move |wait| (person, wait)))
    }

    /// Begins to wait, anew if it waited already, and returns what is to be written down; nothing if too
    /// many wait.
    pub fn add(&mut self, now: Moment, rule: &Rule, person: UserId, wait: Wait) -> Option<Note> {
        let waits = self.waits.entry(person).or_default();
        waits.retain(|other| (other.rule, &other.key) != (wait.rule, &wait.key));
        if waits.iter().filter(|other| other.rule == wait.rule).count() >= WAITS_MAX {
            return None;
        }
        let note = note(now, rule, person, &wait);
        let until = rule.when().map_or(wait.since, |when| wait.until(when));
        waits.push(wait);
        self.ends.push(Reverse((Duration::from_millis(u64::try_from(until).unwrap_or(0)), person)));
        Some(note)
    }

    /// Waits no more, and returns what is to be struck out.
    pub fn remove(&mut self, rule: &Rule, person: UserId, wait: &Wait) -> Note {
        if let Some(waits) = self.waits.get_mut(&person) {
            waits.retain(|other| (other.rule, &other.key) != (wait.rule, &wait.key));
            if waits.is_empty() {
                self.waits.remove(&person);
            }
        }
        struck_out(rule, person, &wait.key)
    }

    /// The next person for whom a wait may be over.
    pub fn ended(&mut self, now: Moment) -> Option<UserId> {
        let &Reverse((until, person)) = self.ends.peek().filter(|Reverse((until, _))| *until <= now.mono)?;
        while self.ends.peek() == Some(&Reverse((until, person))) {
            self.ends.pop();
        }
        Some(person)
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.ends.peek().map(|Reverse((until, _))| *until)
    }

    /// Takes up a note that an earlier run wrote down; false if it means nothing any more.
    pub fn recall(&mut self, now: Moment, (at, rule): (usize, &Rule), note: &Note) -> bool {
        let (Ok(at), Some(person)) = (u32::try_from(at), note.person) else { return false };
        let Ok(Written { since_ms, kept }) = serde_json::from_str(&note.text) else { return false };
        let since = since_ms.saturating_sub(now.ahead_ms()).min(millis(now.mono));
        let wait = Wait { rule: at, key: note.key.clone(), since, kept };
        waits_for(rule, person, &wait) && self.add(now, rule, person, wait).is_some()
    }

    /// All of it, for writing down anew.
    pub fn notes(&self, now: Moment, rules: &RuleSet) -> impl Iterator<Item = Note> {
        self.all().map(move |(person, wait)| note(now, &rules.rules[wait.rule as usize], person, wait))
    }

    /// Goes over to other rules. A wait stays while its rule looks for that change of that person. Returns what
    /// is struck out.
    pub fn adopt(
        &mut self,
        now: Moment,
        old: &RuleSet,
        rules: &RuleSet,
        wanted: impl Fn(UserId) -> bool,
    ) -> Vec<Note> {
        let mut struck = Vec::new();
        for (person, waits) in std::mem::take(self).waits {
            for wait in waits {
                let before = &old.rules[wait.rule as usize];
                let Some(at) = rules.place(&before.id) else { continue };
                let rule = &rules.rules[at];
                let stays = wanted(person) && waits_for(rule, person, &wait);
                let key = wait.key.clone();
                let wait = Wait { rule: u32::try_from(at).unwrap_or(u32::MAX), ..wait };
                if !(stays && self.add(now, rule, person, wait).is_some()) {
                    struck.push(struck_out(before, person, &key));
                }
            }
        }
        struck
    }
}

/// Whether a rule could still be waiting for this.
fn waits_for(rule: &Rule, person: UserId, wait: &Wait) -> bool {
    let looks_for =
        |when: &When| wait.kept.kind().is_some_and(|kind| when.triggers.iter().any(|it| it.kind == kind));
    rule.is_about(Some(person)) && rule.when().is_some_and(looks_for)
}

#[derive(Serialize, Deserialize)]
struct Written<K = Kept> {
    since_ms: i64,
    kept: K,
}

fn note(now: Moment, rule: &Rule, person: UserId, wait: &Wait) -> Note {
    let written = Written { since_ms: wait.since.saturating_add(now.ahead_ms()), kept: &wait.kept };
    let text = serde_json::to_string(&written).unwrap_or_default();
    Note { text: text.into(), ..struck_out(rule, person, &wait.key) }
}

fn struck_out(rule: &Rule, person: UserId, key: &str) -> Note {
    Note {
        rule: Arc::clone(&rule.id),
        person: Some(person),
        kind: NoteKind::Waiting,
        key: key.into(),
        text: Box::default(),
    }
}
