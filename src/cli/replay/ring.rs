//! One ring of a replay: what would have been sent, when, and why it is shown as it is.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cli::style::{self, paint, plain};
use crate::cli::words::date;
use crate::outbox::delivery::Delivery;
use crate::presence::model::UserId;
use crate::rehearsal::spoken::in_words;
use crate::time::Moment;

/// So much of a message is shown.
const WORDS_CHARS_MAX: usize = 300;

/// Parts that say how a message is sent, not what it says.
const UNSPOKEN: [&str; 3] = ["content_type", "headers", "method"];

#[derive(Clone, Debug)]
pub struct Ring {
    pub now: Moment,
    pub what: What,
}

/// What makes two rings the same, whenever they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct What {
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    pub called: Option<Arc<str>>,
    pub target: Arc<str>,
    /// The message's texts, one after another.
    pub words: String,
}

impl Ring {
    pub fn of(now: Moment, delivery: Delivery) -> Self {
        let words = in_words(&delivery, &UNSPOKEN, WORDS_CHARS_MAX);
        let Delivery { rule, person, called, target, .. } = delivery;
        Self { now, what: What { rule, person, called, target, words } }
    }

    /// `2026-01-01 12:00:03  friend-online  ada  phone  Ada is online`
    pub fn line(&self, zone: &TimeZone) -> String {
        let What { rule, target, words, .. } = &self.what;
        let at = paint(style::FAINT, day_and_time(self.now.wall_ms, zone));
        let rule = paint(style::HEAD, format!("{:<16}", plain(rule)));
        let who = paint(style::NAME, format!("{:<10}", self.what.who()));
        format!("{at}  {rule}  {who}  {:<8}  {words}", plain(target))
    }

    pub fn as_json(&self, what: &str) -> Value {
        let What { rule, person, called, target, words } = &self.what;
        json!({
            "what": what, "at": date(self.now.wall_ms), "rule": &**rule,
            "person": person.map(|id| id.to_string()), "called": called.as_deref(), "target": &**target,
            "text": words,
        })
    }
}

impl What {
    fn who(&self) -> String {
        match (&self.called, self.person) {
            (Some(called), _) => plain(called),
            (None, Some(id)) => id.to_string(),
            (None, None) => "–".to_owned(),
        }
    }
}

pub fn day_and_time(wall_ms: i64, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(wall_ms).map_or_else(
        |_| wall_ms.to_string(),
        |at| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
