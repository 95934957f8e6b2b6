//! What the store would hold, for the next start.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::outbox::delivery::{Baseline, Commit, Failure, Mark, MarkKind, Memory, Note, NoteKind, Part};
use crate::presence::model::UserId;
use crate::time::Moment;

#[derive(Default)]
pub struct Disk {
    baselines: BTreeMap<UserId, Baseline>,
    marks: BTreeMap<Key<MarkKind>, i64>,
    notes: BTreeMap<Key<NoteKind>, Box<str>>,
    failures: BTreeMap<Part, i64>,
    heard_ms: Option<i64>,
    /// Marks that are over are swept out when there are so many.
    sweep_at: usize,
}

type Key<K> = (Arc<str>, Option<UserId>, K, Box<str>);

const SWEEP_AT_LEAST: usize = 1024;

impl Disk {
    pub fn write(&mut self, commit: Commit, now: Moment) {
        self.baselines.extend(commit.baselines.into_iter().map(|baseline| (baseline.person, baseline)));
        for id in commit.forgotten {
            self.baselines.remove(&id);
        }
        for rule in commit.retired {
            self.marks.retain(|key, _| key.0 != rule);
            self.notes.retain(|key, _| key.0 != rule);
        }
        for Mark { rule, person, kind, key, until_ms } in commit.marks {
            self.marks.insert((rule, person, kind, key), until_ms);
        }
        if self.marks.len() >= self.sweep_at.max(SWEEP_AT_LEAST) {
            self.marks.retain(|_, until_ms| *until_ms > now.wall_ms);
            self.sweep_at = self.marks.len() * 2;
        }
        for Note { rule, person, kind, key, text } in commit.notes {
            let key = (rule, person, kind, key);
            if text.is_empty() {
                self.notes.remove(&key);
            } else {
                self.notes.insert(key, text);
            }
        }
        for Failure { part, since_ms } in commit.failures {
            match since_ms {
                Some(since_ms) => self.failures.insert(part, since_ms),
                None => self.failures.remove(&part),
            };
        }
        self.heard_ms = commit.heard_ms.or(self.heard_ms);
    }

    pub fn memory(&self) -> Memory {
        let marks = self.marks.iter().map(|((rule, person, kind, key), until_ms)| Mark {
            rule: Arc::clone(rule),
            person: *person,
            kind: *kind,
            key: key.clone(),
            until_ms: *until_ms,
        });
        let notes = self.notes.iter().map(|((rule, person, kind, key), text)| Note {
            rule: Arc::clone(rule),
            person: *person,
            kind: *kind,
            key: key.clone(),
            text: text.clone(),
        });
        let failures = self.failures.iter();
        let failures =
            failures.map(|(part, since_ms)| Failure { part: part.clone(), since_ms: Some(*since_ms) });
        Memory {
            baselines: self.baselines.values().cloned().collect(),
            marks: marks.collect(),
            notes: notes.collect(),
            failures: failures.collect(),
            heard_ms: self.heard_ms,
            diary: None,
        }
    }
}
