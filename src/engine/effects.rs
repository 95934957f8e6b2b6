//! What an observation leads to.

use std::sync::Arc;

use super::troubles::News;
use super::verdict::Verdict;
use crate::outbox::delivery::Commit;
use crate::presence::change::ChangeKind;
use crate::presence::model::UserId;
use crate::rules::cause::Cause;

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
