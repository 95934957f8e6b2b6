//! What is asked of Lanyard on one connection: Initialize in its three forms, one batch after the other.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;
use std::time::Duration;

use super::settings::Subscribe;
use crate::presence::model::UserId;

/// Lanyard closes on frames over 10,000,000 bytes; its own work for one answer counts much earlier.
pub(super) const BATCH_PEOPLE_MAX: usize = 1_000;
/// How many questions about a single person may be under way.
const SINGLE_QUESTIONS_MAX: usize = 16;

/// One op 2 that wants an INIT_STATE.
#[derive(Debug)]
pub(super) enum Question {
    /// The named people are those whose absence is worth a word.
    Everyone {
        unseen: BTreeSet<UserId>,
    },
    Ids {
        unseen: BTreeSet<UserId>,
    },
    Id {
        person: UserId,
        seen: bool,
    },
}

impl Question {
    /// Op 2.
    fn text(&self) -> String {
        match self {
            Self::Everyone { .. } => r#"{"op":2,"d":{"subscribe_to_all":true}}"#.to_owned(),
            Self::Ids { unseen } => format!(r#"{{"op":2,"d":{{"subscribe_to_ids":{}}}}}"#, list(unseen)),
            Self::Id { person, .. } => format!(r#"{{"op":2,"d":{{"subscribe_to_id":"{person}"}}}}"#),
        }
    }

    fn asks_about(&self, id: UserId) -> bool {
        match self {
            Self::Everyone { .. } => true,
            Self::Ids { unseen } => unseen.contains(&id),
            Self::Id { person, seen } => *person == id && !seen,
        }
    }

    fn saw(&mut self, id: UserId) {
        match self {
            Self::Everyone { unseen } | Self::Ids { unseen } => drop(unseen.remove(&id)),
            Self::Id { person, seen } => *seen |= *person == id,
        }
    }

    pub(super) fn into_unseen(self) -> BTreeSet<UserId> {
        match self {
            Self::Everyone { unseen } | Self::Ids { unseen } => unseen,
            Self::Id { person, seen } => (!seen).then_some(person).into_iter().collect(),
        }
    }
}

/// Op 4 for these people, in batches.
pub(super) fn unsubscribe(people: &BTreeSet<UserId>) -> impl Iterator<Item = String> {
    batches(people).map(|batch| format!(r#"{{"op":4,"d":{{"unsubscribe_from_ids":{}}}}}"#, list(&batch)))
}

/// Op 4 for everyone.
pub(super) fn unsubscribe_from_all() -> String {
    r#"{"op":4,"d":{"unsubscribe_from_all":true}}"#.to_owned()
}

/// Ids are texts on the wire: numbers count as not monitored.
fn list(people: &BTreeSet<UserId>) -> String {
    let mut list = String::with_capacity(2 + people.len() * 23);
    for person in people {
        let comma = if list.is_empty() { "[" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(list, "{comma}\"{person}\"");
    }
    if list.is_empty() {
        list.push('[');
    }
    list.push(']');
    list
}

fn batches(people: &BTreeSet<UserId>) -> impl Iterator<Item = BTreeSet<UserId>> {
    let mut people = people.iter().copied().peekable();
    std::iter::from_fn(move || {
        people.peek()?;
        Some(people.by_ref().take(BATCH_PEOPLE_MAX).collect())
    })
}

/// The questions of one connection, in order: some asked and open, the others still to ask.
#[derive(Debug, Default)]
pub(super) struct Questions {
    waiting: VecDeque<Question>,
    open: VecDeque<Question>,
    /// When the latest was asked, or the one before it answered.
    since: Duration,
}

impl Questions {
    pub(super) fn everyone(&mut self, named: BTreeSet<UserId>) {
        self.waiting.push_back(Question::Everyone { unseen: named });
    }

    pub(super) fn about(&mut self, people: &BTreeSet<UserId>, form: Subscribe) {
        if form == Subscribe::Id {
            self.waiting.extend(people.iter().map(|&person| Question::Id { person, seen: false }));
        } else {
            self.waiting.extend(batches(people).map(|unseen| Question::Ids { unseen }));
        }
    }

    /// A subscription to nobody: the answer still tells that the server is there.
    pub(super) fn nobody(&mut self) {
        self.waiting.push_back(Question::Ids { unseen: BTreeSet::new() });
    }

    /// The next question that may be asked now: batches wait for the answer before.
    pub(super) fn ask(&mut self, now: Duration) -> Option<String> {
        let single = |question: &Question| matches!(question, Question::Id { .. });
        let next = self.waiting.front()?;
        let free = self.open.is_empty()
            || single(next) && self.open.iter().all(single) && self.open.len() < SINGLE_QUESTIONS_MAX;
        if !free {
            return None;
        }
        let question = self.waiting.pop_front()?;
        let text = question.text();
        self.open.push_back(question);
        self.since = now;
        Some(text)
    }

    pub(super) fn saw(&mut self, id: UserId) {
        let Some(front) = self.open.front_mut() else { return };
        if !front.asks_about(id) {
            // Answers come in the order of the questions; but an id that is another's answer is proof.
            if let Some(at) = self.open.iter().position(|question| question.asks_about(id)) {
                let question = self.open.remove(at);
                self.open.extend(question);
                self.open.rotate_right(1);
            }
        }
        if let Some(front) = self.open.front_mut() {
            front.saw(id);
        }
    }

    /// The end of an INIT_STATE: the question that it answered.
    pub(super) fn answered(&mut self, now: Duration) -> Option<Question> {
        self.since = now;
        self.open.pop_front()
    }

    /// The open question counts as asked just now.
    pub(super) fn put_off(&mut self, now: Duration) {
        self.since = now;
    }

    /// When the open question was asked, and whether it is about everyone.
    pub(super) fn open_since(&self) -> Option<(Duration, bool)> {
        let question = self.open.front()?;
        Some((self.since, matches!(question, Question::Everyone { .. })))
    }

    pub(super) fn idle(&self) -> bool {
        self.open.is_empty() && self.waiting.is_empty()
    }

    /// Nobody wants these any more; what was asked already is answered all the same.
    pub(super) fn forget(&mut self, people: &BTreeSet<UserId>) {
        for question in &mut self.waiting {
            match question {
                Question::Everyone { unseen } | Question::Ids { unseen } => {
                    unseen.retain(|person| !people.contains(person));
                }
                Question::Id { .. } => {}
            }
        }
        self.waiting
            .retain(|question| !matches!(question, Question::Id { person, .. } if people.contains(person)));
    }
}
