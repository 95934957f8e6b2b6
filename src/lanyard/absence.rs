//! The people whom Lanyard did not show: asked for again, less and less often.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::presence::model::UserId;
use crate::time::Backoff;

const ASK_AGAIN: Backoff = Backoff { first: Duration::from_secs(30), most: Duration::from_secs(600) };
/// Whoever is due this soon is asked for along with the others.
const TOGETHER: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Absent {
    people: BTreeMap<UserId, Absence>,
    /// The earliest `again_at`.
    next_at: Option<Duration>,
}

#[derive(Debug)]
struct Absence {
    times: u32,
    /// None while a question about the person is under way.
    again_at: Option<Duration>,
}

impl Absent {
    /// Whether this is the first time.
    pub(super) fn note(&mut self, now: Duration, id: UserId, roll: f64) -> bool {
        let absence = self.people.entry(id).or_insert(Absence { times: 0, again_at: None });
        absence.times += 1;
        let again_at = now + ASK_AGAIN.wait(absence.times, roll);
        absence.again_at = Some(again_at);
        self.next_at = Some(self.next_at.map_or(again_at, |next| next.min(again_at)));
        absence.times == 1
    }

    /// Whether the person had been noted.
    pub(super) fn found(&mut self, id: UserId) -> bool {
        !self.people.is_empty() && self.people.remove(&id).is_some_and(|absence| absence.times > 0)
    }

    /// Nobody wants to know any more.
    pub(super) fn forget(&mut self, people: &BTreeSet<UserId>) {
        self.people.retain(|id, _| !people.contains(id));
    }

    pub(super) fn due_at(&self) -> Option<Duration> {
        self.next_at
    }

    /// Whom to ask for now.
    pub(super) fn due(&mut self, now: Duration) -> BTreeSet<UserId> {
        let mut due = BTreeSet::new();
        if self.next_at.is_none_or(|next| next > now) {
            return due;
        }
        for (&id, absence) in &mut self.people {
            if absence.again_at.is_some_and(|at| at <= now + TOGETHER) {
                absence.again_at = None;
                due.insert(id);
            }
        }
        self.next_at = self.people.values().filter_map(|absence| absence.again_at).min();
        due
    }

    /// Everybody is being asked for anyway.
    pub(super) fn all_asked(&mut self) {
        self.people.values_mut().for_each(|absence| absence.again_at = None);
        self.next_at = None;
    }

    /// The answer about these could not be read: asked for again, and not called absent.
    pub(super) fn spoilt(&mut self, now: Duration, people: impl IntoIterator<Item = UserId>, roll: f64) {
        for id in people {
            let again_at = now + ASK_AGAIN.wait(1, roll);
            self.people.entry(id).or_insert(Absence { times: 0, again_at: None }).again_at = Some(again_at);
            self.next_at = Some(self.next_at.map_or(again_at, |next| next.min(again_at)));
        }
    }
}
