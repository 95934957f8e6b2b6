//! What an observation leads to.

use std::sync::Arc;

use super::troubles::News;
use super::verdict::Verdict;
use crate::outbox::delivery::Commit;
use crate::presence::change::ChangeKind;
use crate::presence::model::UserId;
use crate::rules::cause::Cause;
use crate::rules::condition::{Condition, Judged};
use crate::rules::scope::Scope;

/// What must be written down and sent, and what can be told to whoever looks on.
#[derive(Default)]
pub struct Effects {
    pub commit: Commit,
    /// Filled only while somebody looks on.
    pub told: Vec<Told>,
    /// Lanyard should be asked for everybody's presence again, soon.
    pub ask_again: bool,
    /// What is new of doorchime's own ways, for the log.
    pub news: Vec<News>,
    /// How much may come of it where something is only tried; the bot itself does whatever rules ask for.
    pub leash: Option<Leash>,
}

/// So many messages may pile up within one observation that is only tried, and so much that is told.
const MESSAGES_MAX: usize = 1_000;
const TOLD_MAX: usize = 20_000;

/// Whether to go on: asked before each condition, each message and each thing that is told.
pub type GoOn = Arc<dyn Fn() -> bool + Send + Sync>;

pub struct Leash {
    go_on: GoOn,
    /// It was enough once, and stays so.
    taut: bool,
}

impl Leash {
    pub fn new(go_on: GoOn) -> Self {
        Self { go_on, taut: false }
    }
}

impl Effects {
    /// Whether enough was tried: then no condition is judged, nothing rendered and nothing told any more. What comes of
    /// it is to be broken off.
    pub fn is_enough(&mut self) -> bool {
        let Some(leash) = &mut self.leash else { return false };
        leash.taut = leash.taut
            || self.commit.deliveries.len() >= MESSAGES_MAX
            || self.told.len() >= TOLD_MAX
            || !(leash.go_on)();
        leash.taut
    }

    /// What a condition says; where there is none, nothing is in the way.
    pub fn judge(&mut self, condition: Option<&Condition>, scope: &Scope<'_>) -> Judged {
        match condition {
            _ if self.is_enough() => Judged::TooCostly,
            Some(condition) => condition.judge(scope),
            None => Judged::True,
        }
    }
}

/// One thing that happened, for the terminal and the page.
#[derive(Clone, Debug)]
pub enum Told {
    Change {
        person: UserId,
        name: String,
        kind: ChangeKind,
        /// The KV key of `changed_kv`; else empty.
        key: String,
        from: String,
        to: String,
        late_ms: Option<i64>,
    },
    /// `person` is nobody, and `name` empty, for a rule without `who`.
    Verdict {
        rule: Arc<str>,
        person: Option<UserId>,
        name: String,
        cause: Cause,
        verdict: Verdict,
        /// What decided a condition that did not hold: its parts as they are written, and what each was worth.
        values: Vec<(String, String)>,
    },
}
