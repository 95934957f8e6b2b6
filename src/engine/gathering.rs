//! Firings that wait for others, to be told with them in one message. Each is on disk with what it was made from,
//! until in one transaction it is struck out and the message is owed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::gates::struck_out;
use super::kept::Kept;
use crate::outbox::delivery::{Commit, Note, NoteKind};
use crate::presence::model::UserId;
use crate::rules::cause::Cause;
use crate::rules::noise::group::{By, Group};
use crate::rules::set::Rule;
use crate::time::Moment;

#[derive(Default)]
pub struct Gathering {
    together: BTreeMap<Key, Together>,
    /// The number of the next firing.
    next: u64,
}

/// What goes together: the firings of a rule or of one of its people, and those that end apart from those that
/// begin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub rule: Arc<str>,
    person: Option<UserId>,
    ends: bool,
}

/// In the order of their numbers, and at least one.
struct Together {
    /// Since when there are enough for a message.
    full: Option<Duration>,
    firings: Vec<Gathered>,
}

/// One of them.
pub struct Gathered {
    number: u64,
    /// When it is told at the latest.
    until: Duration,
    pub person: Option<UserId>,
    pub kept: Kept,
}

/// As it is written down.
#[derive(Serialize, Deserialize)]
struct Written<K> {
    until_ms: i64,
    kept: K,
}

impl Key {
    fn of(rule: &Rule, group: Option<Group>, person: Option<UserId>, kept: &Kept) -> Self {
        let person = if group.is_some_and(|group| group.by == By::Rule) { None } else { person };
        Self { rule: Arc::clone(&rule.id), person, ends: kept.cause() == Some(Cause::Exit) }
    }
}

impl Together {
    fn until(&self) -> Duration {
        let first = self.firings.iter().map(|one| one.until).min().unwrap_or_default();
        self.full.map_or(first, |full| full.min(first))
    }

    /// Looks whether there are enough for a message.
    fn count(&mut self, now: Moment, max: usize) {
        let full = self.firings.len() >= max;
        self.full = full.then(|| self.full.unwrap_or(now.mono));
    }
}

impl Gathering {
    /// Adds a firing, and says how many milliseconds are left until all of them are told.
    pub fn add(
        &mut self,
        now: Moment,
        (rule, group): (&Rule, Group),
        person: Option<UserId>,
        kept: Kept,
        commit: &mut Commit,
    ) -> Duration {
        let key = Key::of(rule, Some(group), person, &kept);
        let one = Gathered { number: self.next, until: now.mono.saturating_add(group.wait), person, kept };
        commit.notes.push(one.note(now, &rule.id));
        self.next += 1;
        let together = self.together.entry(key).or_insert(Together { full: None, firings: Vec::new() });
        together.firings.push(one);
        together.count(now, group.max);
        together.until().saturating_sub(now.mono)
    }

    /// How many of a rule are gathered with a person's, and until when.
    pub fn gathered(&self, rule: &str, group: Group, person: Option<UserId>) -> Option<(usize, Duration)> {
        let person = if group.by == By::Rule { None } else { person };
        let mut with = self.together.iter().filter(|(key, _)| &*key.rule == rule && key.person == person);
        let (_, first) = with.next()?;
        let (until, count) = with.fold((first.until(), first.firings.len()), |(until, count), (_, more)| {
            (until.min(more.until()), count + more.firings.len())
        });
        Some((count, until))
    }

    /// All that is gathered: of which rule, for whom if it is for one, and until when.
    pub fn untils(&self) -> impl Iterator<Item = (&str, Option<UserId>, Duration)> {
        self.together.iter().map(|(key, together)| (&*key.rule, key.person, together.until()))
    }

    /// When the first of them are told.
    pub fn deadline(&self) -> Option<Duration> {
        self.together.values().map(Together::until).min()
    }

    /// The first of those that are told now.
    pub fn ready(&self, now: Moment) -> Option<Key> {
        let mut ready = self.together.iter().filter(|(_, together)| together.until() <= now.mono);
        ready.next().map(|(key, _)| key.clone())
    }

    /// The first of those that would not be told together as they are now by another rule of that name.
    pub fn stranger(&self, group: impl Fn(&str) -> Option<Group>) -> Option<Key> {
        let stays = |key: &Key| {
            let by = group(&key.rule).map(|group| group.by);
            by.is_some_and(|by| (by == By::Person) == key.person.is_some())
        };
        self.together.keys().find(|key| !stays(key)).cloned()
    }

    /// Takes out those of one message, for good: so many at the most. What comes after them is told in another.
    pub fn take(&mut self, now: Moment, key: &Key, max: usize, commit: &mut Commit) -> Vec<Gathered> {
        let Some(mut together) = self.together.remove(key) else { return Vec::new() };
        let rest = together.firings.split_off(max.min(together.firings.len()));
        let firings = std::mem::replace(&mut together.firings, rest);
        if !together.firings.is_empty() {
            together.count(now, max);
            self.together.insert(key.clone(), together);
        }
        commit.notes.extend(firings.iter().map(|one| struck_out(one.note(now, &key.rule))));
        firings
    }

    /// Takes up a note of an earlier run; false if it cannot be read. A rule that gathers nothing any more tells
    /// each alone, at once.
    pub fn recall(&mut self, now: Moment, rule: &Rule, note: &Note) -> bool {
        let read = serde_json::from_str::<Written<Kept>>(&note.text).ok().zip(note.key.parse::<u64>().ok());
        let Some((Written { until_ms, kept }, number)) = read else { return false };
        let key = Key::of(rule, rule.noise.group, note.person, &kept);
        let longest = rule.noise.group.map_or(Duration::ZERO, |group| group.wait);
        let until = now.mono_at(until_ms, longest);
        self.next = self.next.max(number + 1);
        let together = self.together.entry(key).or_insert(Together { full: None, firings: Vec::new() });
        together.firings.push(Gathered { number, until, person: note.person, kept });
        together.firings.sort_by_key(|one| one.number);
        together.count(now, rule.noise.group.map_or(usize::MAX, |group| group.max));
        true
    }

    /// All of them, for writing down.
    pub fn all(&self, now: Moment) -> impl Iterator<Item = Note> {
        let all = self.together.iter();
        all.flat_map(move |(key, together)| together.firings.iter().map(move |one| one.note(now, &key.rule)))
    }
}

impl Gathered {
    fn note(&self, now: Moment, rule: &Arc<str>) -> Note {
        let until_ms = now.wall_after(self.until.saturating_sub(now.mono));
        let written = Written { until_ms, kept: &self.kept };
        let text = serde_json::to_string(&written).unwrap_or_default().into();
        let (rule, key) = (Arc::clone(rule), self.number.to_string().into());
        Note { rule, person: self.person, kind: NoteKind::Gathered, key, text }
    }
}
