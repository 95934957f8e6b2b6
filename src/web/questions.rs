//! What the HTTP side asks the task that has the engine. It is answered between two frames, and only copies are
//! made there; whatever takes time is done with them afterwards.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::journal::{Entry, Journal, Stretch, Wanted};
use crate::engine::diary::book::Pages;
use crate::engine::explain::Explained;
use crate::engine::machine::Engine;
use crate::engine::tally::RuleTally;
use crate::engine::timers::Timers;
use crate::engine::view::{PeopleAfter, PersonView};
use crate::presence::by_id::ById;
use crate::presence::model::UserId;
use crate::rules::set::{Person, RuleSet};
use crate::time::Moment;

/// So many questions may wait.
pub const QUESTIONS_MAX: usize = 8;
/// An answer holds at most so many people.
pub const PEOPLE_MAX: usize = 200;
/// An answer holds at most so many rules.
pub const RULES_MAX: usize = 200;

pub enum Question {
    People {
        after: PeopleAfter,
        limit: usize,
        answer: oneshot::Sender<PeopleAnswer>,
    },
    Person {
        id: UserId,
        answer: oneshot::Sender<PersonView>,
    },
    /// What somebody's day was.
    Day {
        id: UserId,
        answer: oneshot::Sender<DayAnswer>,
    },
    /// What became of `limit` rules from a place in the file on.
    Rules {
        from: usize,
        limit: usize,
        answer: oneshot::Sender<RulesAnswer>,
    },
    /// Nothing where there is no such rule any more.
    Explain {
        rule: Arc<str>,
        person: Option<UserId>,
        answer: oneshot::Sender<Option<Explanation>>,
    },
    Activity {
        wanted: Wanted,
        answer: oneshot::Sender<Stretch>,
    },
}

pub struct PeopleAnswer {
    pub people: Vec<PersonView>,
    pub next: Option<PeopleAfter>,
}

pub struct DayAnswer {
    pub person: PersonView,
    pub pages: Pages,
}

pub struct RulesAnswer {
    pub rules: Arc<RuleSet>,
    /// In the file's order, from the place that was asked for.
    pub tallies: Vec<RuleTally>,
    /// For how many people each of them has begun and is not over, if it is a `while`.
    pub on: Vec<usize>,
    /// What runs of each of them.
    pub timers: Vec<Timers>,
}

/// What became of one rule.
#[derive(Clone, Copy)]
pub struct Became<'a> {
    pub tally: &'a RuleTally,
    pub on: usize,
    pub timers: &'a Timers,
}

impl RulesAnswer {
    /// Of one after the other.
    pub fn became(&self) -> impl Iterator<Item = Became<'_>> {
        let each = self.tallies.iter().zip(&self.on).zip(&self.timers);
        each.map(|((tally, &on), timers)| Became { tally, on, timers })
    }
}

pub struct Explanation {
    pub explained: Explained,
    /// What decided its condition the last time, if that is still known.
    pub values: Vec<(String, String)>,
}

impl Question {
    pub fn answer(self, now: Moment, engine: &Engine, journal: &mut Journal) {
        // Whoever asked may have left.
        match self {
            Self::People { after, limit, answer } => {
                let (people, next) = engine.people(after, limit.min(PEOPLE_MAX));
                let _ = answer.send(PeopleAnswer { people, next });
            }
            Self::Person { id, answer } => drop(answer.send(engine.person(id))),
            Self::Day { id, answer } => {
                let pages = engine.pages(id).unwrap_or_default();
                let _ = answer.send(DayAnswer { person: engine.person(id), pages });
            }
            Self::Rules { from, limit, answer } => {
                let rules = engine.rules();
                let end = from.saturating_add(limit.min(RULES_MAX)).min(rules.rules.len());
                let places = from.min(end)..end;
                let tallies = places.clone().map(|at| engine.tally().rule(at).clone()).collect();
                let on = places.clone().map(|at| engine.on(at)).collect();
                let timers = engine.timers(now, places);
                let _ = answer.send(RulesAnswer { rules, tallies, on, timers });
            }
            Self::Explain { rule, person, answer } => {
                let at = engine.rules().place(&rule);
                let explanation = at.map(|at| {
                    let explained = engine.explain(now, at, person);
                    let last = explained.last.map(|last| journal.last_values(&rule, person, last));
                    Explanation { explained, values: last.unwrap_or_default() }
                });
                let _ = answer.send(explanation);
            }
            Self::Activity { wanted, answer } => drop(answer.send(journal.read(now, &wanted))),
        }
    }
}

/// Where to ask.
#[derive(Clone)]
pub struct Desk {
    questions: mpsc::Sender<Question>,
    live: broadcast::Sender<Arc<Entry>>,
    in_force: watch::Receiver<Arc<InForce>>,
}

/// The other side of the desk, in the task that answers.
pub struct Counter {
    pub questions: mpsc::Receiver<Question>,
    in_force: watch::Sender<Arc<InForce>>,
}

/// The rules in force, to look people up in.
pub struct InForce {
    pub rules: Arc<RuleSet>,
    places: ById<usize>,
}

impl InForce {
    pub fn new(rules: Arc<RuleSet>) -> Arc<Self> {
        let places = rules.people.iter().enumerate().map(|(at, person)| (person.id, at)).collect();
        Arc::new(Self { rules, places })
    }

    /// Somebody who is in the file.
    pub fn person(&self, id: UserId) -> Option<&Person> {
        self.places.get(&id).map(|&at| &self.rules.people[at])
    }
}

impl Counter {
    /// Other rules are in force.
    pub fn adopt(&self, rules: Arc<RuleSet>) {
        self.in_force.send_replace(InForce::new(rules));
    }
}

/// The task that answers is on its way out.
#[derive(Debug, thiserror::Error)]
#[error("doorchime is leaving")]
pub struct Gone;

impl Desk {
    /// A desk and its other side.
    pub fn new(journal: &Journal, rules: Arc<RuleSet>) -> (Self, Counter) {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        let (adopted, in_force) = watch::channel(InForce::new(rules));
        let counter = Counter { questions: asked, in_force: adopted };
        (Self { questions, live: journal.live(), in_force }, counter)
    }

    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.borrow())
    }

    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(question(answer)).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }

    /// Changes when other rules are in force.
    pub fn follow_rules(&self) -> watch::Receiver<Arc<InForce>> {
        self.in_force.clone()
    }

    /// What happens from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.live.subscribe()
    }
}
