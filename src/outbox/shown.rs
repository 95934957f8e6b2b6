//! A delivery as JSON, for `outbox --json` and for the HTTP side: names instead of secrets, times as RFC 3339.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::delivery::{Attempt, Delivery, End, Fate, Sibling};
use super::says::says;
use super::store::ledger::{Entry, Tried, Trouble};
use crate::targets::{self, filled};
use crate::time::date;

/// What an owed delivery waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Waits<'t> {
    /// Nothing: it is about to be tried, or just being.
    Nothing,
    /// Its own next try.
    Next { next_ms: i64 },
    /// The target asked for silence.
    Pause { next_ms: i64, trouble: &'t Trouble },
    /// The target fails; it is asked again then, or at once.
    Failing { next_ms: Option<i64>, trouble: &'t Trouble },
    /// The target waits for a person.
    Disabled { trouble: &'t Trouble },
}

impl<'t> Waits<'t> {
    /// `None` for a delivery that is not owed any more.
    pub fn of(entry: &Entry, troubles: &'t BTreeMap<Arc<str>, Trouble>, now_ms: i64) -> Option<Self> {
        let Fate::Pending { next_ms } = entry.fate else { return None };
        let trouble = troubles.get(&entry.delivery.target);
        Some(match trouble {
            Some(trouble) if trouble.attempt.end == End::Disabled => Self::Disabled { trouble },
            _ if entry.attempt.is_some() && next_ms > now_ms => Self::Next { next_ms },
            Some(trouble @ Trouble { attempt, next_ms: Some(next_ms) }) if *next_ms > now_ms => {
                let next_ms = *next_ms;
                if attempt.end == End::Paused {
                    Self::Pause { next_ms, trouble }
                } else {
                    Self::Failing { next_ms: Some(next_ms), trouble }
                }
            }
            Some(trouble) if entry.attempt.is_none() => Self::Failing { next_ms: None, trouble },
            _ => Self::Nothing,
        })
    }

    pub const WORDS: [&'static str; 5] =
        ["nothing", "next_try", "target_paused", "target_failing", "target_disabled"];

    pub fn as_json(self) -> Value {
        let [nothing, next, paused, failing, disabled] = Self::WORDS;
        let (word, until, trouble) = match self {
            Self::Nothing => (nothing, None, None),
            Self::Next { next_ms } => (next, Some(next_ms), None),
            Self::Pause { next_ms, trouble } => (paused, Some(next_ms), Some(trouble)),
            Self::Failing { next_ms, trouble } => (failing, next_ms, Some(trouble)),
            Self::Disabled { trouble } => (disabled, None, Some(trouble)),
        };
        json!({
            "for": word,
            "until": until.map(date),
            "last_attempt": trouble.map(|trouble| attempt_as_json(&trouble.attempt)),
        })
    }
}

pub fn as_json(entry: &Entry) -> Value {
    let delivery = &entry.delivery;
    let next_ms = match entry.fate {
        Fate::Pending { next_ms } if next_ms > 0 => Some(next_ms),
        _ => None,
    };
    json!({
        "number": entry.seq,
        "id": delivery.id.to_string(),
        "state": entry.fate.word(),
        "target": &*delivery.target,
        "rule": &*delivery.rule,
        "person": delivery.person,
        "called": delivery.called.as_deref(),
        "created": date(delivery.created_ms),
        "expires": date(delivery.expires_ms),
        "next": next_ms.map(date),
        "settled": entry.settled_ms.map(date),
        "attempts": entry.attempts,
        "last_attempt": entry.attempt.as_ref().map(attempt_as_json),
        "fallback_of": delivery.origin.as_ref().map(sibling_as_json),
        "fell_back_to": entry.successor.as_ref().map(sibling_as_json),
        "fallbacks": delivery.fallbacks.iter().map(|fallback| &*fallback.target).collect::<Vec<_>>(),
        "says": says(&delivery.parts),
        "message": message(delivery),
    })
}

pub fn tried_as_json(tried: &Tried) -> Value {
    let Tried { number, at_ms, attempt, next_ms } = tried;
    json!({
        "number": number,
        "ended": at_ms.map(date),
        "status": attempt.status,
        "answer": attempt.answer,
        "took_ms": attempt.took.as_millis() as u64,
        "then": attempt.end.word(),
        "next": next_ms.map(date),
    })
}

/// The message as the rules file speaks of it.
pub fn message(delivery: &Delivery) -> Map<String, Value> {
    let shown = |(name, value): (&String, &Value)| {
        let name = if name == targets::EVENT { "event" } else { name };
        (name.to_owned(), value.clone())
    };
    filled::shown(&delivery.parts).iter().map(shown).collect()
}

fn sibling_as_json(sibling: &Sibling) -> Value {
    json!({"number": sibling.seq, "target": &*sibling.target})
}

fn attempt_as_json(attempt: &Attempt) -> Value {
    json!({
        "status": attempt.status,
        "answer": attempt.answer,
        "took_ms": attempt.took.as_millis() as u64,
    })
}
