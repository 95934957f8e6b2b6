//! What the HTTP side asks the task that has the engine. It is answered between two frames, and only copies are
//! made there; whatever takes time is done with them afterwards.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};

use super::journal::{Entry, Journal, Stretch, Wanted};
use crate::engine::machine::Engine;
use crate::engine::tally::RuleTally;
use crate::engine::view::{PeopleAfter, PersonView};
use crate::presence::model::UserId;
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// So many questions may wait.
pub const QUESTIONS_MAX: usize = 8;
/// An answer holds at most so many people.
pub const PEOPLE_MAX: usize = 200;

pub enum Question {
    People { after: PeopleAfter, limit: usize, answer: oneshot::Sender<PeopleAnswer> },
    Person { id: UserId, answer: oneshot::Sender<PersonView> },
    Rules { answer: oneshot::Sender<RulesAnswer> },
    Activity { wanted: Wanted, answer: oneshot::Sender<Stretch> },
}

pub struct PeopleAnswer {
    pub people: Vec<PersonView>,
    pub next: Option<PeopleAfter>,
}

pub struct RulesAnswer {
    pub rules: Arc<RuleSet>,
    /// In the file's order.
    pub tallies: Vec<RuleTally>,
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
            Self::Rules { answer } => {
                let rules = engine.rules();
                let tallies = (0..rules.rules.len()).map(|at| engine.tally().rule(at).clone()).collect();
                let _ = answer.send(RulesAnswer { rules, tallies });
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
}

/// The task that answers is on its way out.
#[derive(Debug, thiserror::Error)]
#[error("doorchime is leaving")]
pub struct Gone;

impl Desk {
    /// A desk, and what is brought to it.
    pub fn new(journal: &Journal) -> (Self, mpsc::Receiver<Question>) {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        (Self { questions, live: journal.live() }, asked)
    }

    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(question(answer)).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }

    /// What happens from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.live.subscribe()
    }
}
