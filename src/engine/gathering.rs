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

struct Together {
    until: Duration,
    firings: Vec<Gathered>,
}

/// One of them.
pub struct Gathered {
    number: u64,
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
        let until = now.mono.saturating_add(group.wait);
        let together = self.together.entry(key).or_insert_with(|| Together { until, firings: Vec::new() });
        let number = self.next;
        self.next += 1;
        together.firings.push(Gathered { number, person, kept });
        if together.firings.len() >= group.max {
            together.until = now.mono;
        }
        let left = together.until.saturating_sub(now.mono);
        let until_ms = now.wall_after(left);
        commit.notes.extend(together.firings.last().map(|one| one.note(&rule.id, until_ms)));
        left
    }

    /// How many of a rule are gathered with a person's, and until when.
    pub fn gathered(&self, rule: &str, group: Group, person: Option<UserId>) -> Option<(usize, Duration)> {
        let person = if group.by == By::Rule { None } else { person };
        let mut with = self.together.iter().filter(|(key, _)| &*key.rule == rule && key.person == person);
        let (_, first) = with.next()?;
        let (until, count) = with.fold((first.until, first.firings.len()), |(until, count), (_, more)| {
            (until.min(more.until), count + more.firings.len())
        });
        Some((count, until))
    }

    /// All that is gathered: of which rule, for whom if it is for one, and until when.
    pub fn untils(&self) -> impl Iterator<Item = (&str, Option<UserId>, Duration)> {
        self.together.iter().map(|(key, together)| (&*key.rule, key.person, together.until))
    }

    /// When the first of them are told.
    pub fn deadline(&self) -> Option<Duration> {
        self.together.values().map(|together| together.until).min()
    }

    /// Those that are told now.
    pub fn ready(&self, now: Moment) -> Vec<Key> {
        let ready = self.together.iter().filter(|(_, together)| together.until <= now.mono);
        ready.map(|(key, _)| key.clone()).collect()
    }

    /// Those that would not be told together as they are now by another rule of that name.
    pub fn strangers(&self, group: impl Fn(&str) -> Option<Group>) -> Vec<Key> {
        let stays = |key: &Key| {
            let by = group(&key.rule).map(|group| group.by);
            by.is_some_and(|by| (by == By::Person) == key.person.is_some())
        };
        self.together.keys().filter(|key| !stays(key)).cloned().collect()
    }

    /// Takes them out, for good.
    pub fn take(&mut self, key: &Key, commit: &mut Commit) -> Vec<Gathered> {
        let firings = self.together.remove(key).map_or_else(Vec::new, |together| together.firings);
        commit.notes.extend(firings.iter().map(|one| struck_out(one.note(&key.rule, 0))));
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
        let together = self.together.entry(key).or_insert_with(|| Together { until, firings: Vec::new() });
        together.until = together.until.min(until);
        together.firings.push(Gathered { number, person: note.person, kept });
        together.firings.sort_by_key(|one| one.number);
        true
    }

    /// All of them, for writing down.
    pub fn all(&self, now: Moment) -> impl Iterator<Item = Note> {
        self.together.iter().flat_map(move |(key, together)| {
            let until_ms = now.wall_after(together.until.saturating_sub(now.mono));
            together.firings.iter().map(move |one| one.note(&key.rule, until_ms))
        })
    }
}

impl Gathered {
    fn note(&self, rule: &Arc<str>, until_ms: i64) -> Note {
        let written = Written { until_ms, kept: &self.kept };
        let text = serde_json::to_string(&written).unwrap_or_default().into();
        let (rule, key) = (Arc::clone(rule), self.number.to_string().into());
        Note { rule, person: self.person, kind: NoteKind::Gathered, key, text }
    }
}
