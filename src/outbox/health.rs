//! The words for how a target does.

use std::collections::BTreeMap;
use std::sync::Arc;

/// How a target does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ok,
    /// Attempts fail and are repeated.
    Failing {
        /// Since when nothing has got through.
        since_ms: i64,
        /// In a row.
        failures: u32,
        why: String,
    },
    /// It asked for silence.
    Paused {
        since_ms: i64,
        until_ms: i64,
        why: String,
    },
    /// It answers, and takes nothing of what it is sent.
    Refusing {
        since_ms: i64,
        /// In a row.
        refusals: u32,
        why: String,
    },
    /// It is gone or has revoked us; everything for it waits for a person.
    Disabled {
        since_ms: i64,
        why: String,
    },
    /// It was disabled and gets another chance: the rules were read again, or a person asked.
    Untried,
}

/// By the target's name; those that have not been used are missing.
pub type Healths = BTreeMap<Arc<str>, Health>;

impl Health {
    /// Since when nothing has got through, where that is so.
    pub fn since_ms(&self) -> Option<i64> {
        match *self {
            Self::Ok | Self::Untried => None,
            Self::Failing { since_ms, .. }
            | Self::Paused { since_ms, .. }
            | Self::Refusing { since_ms, .. }
            | Self::Disabled { since_ms, .. } => Some(since_ms),
        }
    }

    /// Why nothing gets through, in words that may be shown.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Ok | Self::Untried => None,
            Self::Failing { why, .. }
            | Self::Paused { why, .. }
            | Self::Refusing { why, .. }
            | Self::Disabled { why, .. } => Some(why),
        }
    }
}
