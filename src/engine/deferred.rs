//! Firings that wait for their hours: of each rule and person the newest about each thing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::gates::struck_out;
use super::kept::Kept;
use crate::outbox::delivery::{Commit, Note, NoteKind};
use crate::presence::model::UserId;
use crate::rules::noise::active::Otherwise;
use crate::rules::set::{Rule, RuleSet};
use crate::time::Moment;

/// So many of one rule for one person; the oldest makes room.
pub const DEFERRED_MAX: usize = 16;
/// So many of all rules; the oldest makes room.
const ALL_DEFERRED_MAX: usize = 10_000;

#[derive(Default)]
pub struct Deferred {
    waiting: BTreeMap<Key, Kept>,
    /// When the next window opens for one that waits.
    wake_at: Option<Duration>,
}

/// A firing that waits: whose, of which rule, and about what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub person: Option<UserId>,
    pub rule: Arc<str>,
    pub about: Box<str>,
}

impl Deferred {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn get(&self, key: &Key) -> Option<&Kept> {
        self.waiting.get(key)
    }

    /// All that wait.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.waiting.keys()
    }

    /// How many of a rule wait for a person.
    pub fn count(&self, rule: &str, person: Option<UserId>) -> usize {
        self.waiting.keys().filter(|key| &*key.rule == rule && key.person == person).count()
    }

    /// When `tick` has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        self.wake_at
    }

    /// Keeps a firing until `opens_ms`.
    pub fn keep(&mut self, now: Moment, key: &Key, kept: Kept, opens_ms: i64, commit: &mut Commit) {
        commit.notes.push(key.note(&kept));
        self.waiting.insert(key.clone(), kept);
        self.make_room(key, commit);
        let opens = now.mono.saturating_add(wait(now, opens_ms));
        self.wake_at = Some(self.wake_at.map_or(opens, |at| at.min(opens)));
    }

    fn make_room(&mut self, key: &Key, commit: &mut Commit) {
        let of_pair = || self.of_person(key.person).filter(|(other, _)| other.rule == key.rule);
        let crowded = of_pair().count() > DEFERRED_MAX;
        let full = self.waiting.len() > ALL_DEFERRED_MAX;
        let oldest = match (crowded, full) {
            (true, _) => oldest(of_pair()),
            (false, true) => oldest(self.waiting.iter()),
            (false, false) => None,
        };
        if let Some(oldest) = oldest {
            self.take(&oldest, commit);
        }
    }

    /// Takes a firing out, for good.
    pub fn take(&mut self, key: &Key, commit: &mut Commit) -> Option<Kept> {
        let kept = self.waiting.remove(key)?;
        commit.notes.push(struck_out(key.note(&kept)));
        Some(kept)
    }

    /// Those whose window is open, oldest first; of one person, or of all.
    pub fn ready(&self, now: Moment, rules: &RuleSet, person: Option<UserId>) -> Vec<Key> {
        let in_hours = |key: &Key| {
            let rule = rules.rule(&key.rule).filter(|rule| rule.enabled);
            rule.and_then(|rule| rule.noise.active.as_ref())
                .is_some_and(|active| active.is_open(&rules.timezone, now.wall_ms))
        };
        let mut ready: Vec<(&Key, &Kept)> = match person {
            Some(_) => self.of_person(person).filter(|(key, _)| in_hours(key)).collect(),
            None => self.waiting.iter().filter(|(key, _)| in_hours(key)).collect(),
        };
        ready.sort_by_key(|(_, kept)| kept.at_ms);
        ready.into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// Finds out anew when the next window opens.
    pub fn wind(&mut self, now: Moment, rules: &RuleSet) {
        let mut waits: Vec<&Arc<str>> = self.waiting.keys().map(|key| &key.rule).collect();
        waits.sort_unstable();
        waits.dedup();
        let opens = waits.into_iter().filter_map(|rule| {
            let active = rules.rule(rule)?.noise.active.as_ref()?;
            active.opens_ms(&rules.timezone, now.wall_ms)
        });
        self.wake_at = opens.min().map(|opens_ms| now.mono.saturating_add(wait(now, opens_ms)));
    }

    /// Takes up a note of an earlier run; false if it means nothing any more.
    pub fn recall(&mut self, now: Moment, rule: &Rule, note: &Note) -> bool {
        let Some(kept) = serde_json::from_str(&note.text).ok().filter(|_| defers(rule)) else { return false };
        let (person, rule) = (note.person, Arc::clone(&note.rule));
        self.waiting.insert(Key { person, rule, about: note.key.clone() }, kept);
        self.wake(now);
        true
    }

    /// Goes over to other rules.
    pub fn adopt(&mut self, now: Moment, rules: &RuleSet, commit: &mut Commit) {
        let defers =
            |key: &Key| rules.rule(&key.rule).is_some_and(|rule| defers(rule) && rule.is_about(key.person));
        let gone: Vec<Key> = self.waiting.keys().filter(|key| !defers(key)).cloned().collect();
        for key in gone {
            self.take(&key, commit);
        }
        self.wake(now);
    }

    /// Other rules, another clock: looks at once what is due.
    pub fn wake(&mut self, now: Moment) {
        self.wake_at = (!self.is_empty()).then_some(now.mono);
    }

    fn of_person(&self, person: Option<UserId>) -> impl Iterator<Item = (&Key, &Kept)> {
        let first = Key { person, rule: "".into(), about: "".into() };
        self.waiting.range(first..).take_while(move |(key, _)| key.person == person)
    }
}

impl Key {
    fn note(&self, kept: &Kept) -> Note {
        let text = serde_json::to_string(kept).unwrap_or_default().into();
        let (rule, key) = (Arc::clone(&self.rule), self.about.clone());
        Note { rule, person: self.person, kind: NoteKind::Deferred, key, text }
    }
}

fn defers(rule: &Rule) -> bool {
    rule.noise.active.as_ref().is_some_and(|active| active.otherwise == Otherwise::Defer)
}

fn oldest<'d>(of: impl Iterator<Item = (&'d Key, &'d Kept)>) -> Option<Key> {
    of.min_by_key(|(_, kept)| kept.at_ms).map(|(key, _)| key.clone())
}

fn wait(now: Moment, until_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(until_ms.saturating_sub(now.wall_ms)).unwrap_or(0)).max(ONE)
}

/// A window that should be open and is not is asked again a little later, not at once.
const ONE: Duration = Duration::from_millis(1);
