//! `group`: firings that are told together.

use std::time::Duration;

use crate::rules::diagnostic::Problem;
use crate::rules::duration::parse_duration;
use crate::rules::elsewhere::{self, instead};
use crate::rules::keys::{self, GROUP_BY};
use crate::rules::reading::{Allowed, Reader};
use crate::rules::scope::Names;
use crate::rules::scope::firings::Firings;
use crate::rules::tree::{Entry, Value};

const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));
const FIRINGS: usize = 100;
const FIRINGS_MAX: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// From the first firing to the message.
    pub wait: Duration,
    pub by: By,
    /// So many are told at once: with the last of them, the message is sent.
    pub max: usize,
}

/// Whose firings go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All people's.
    Rule,
    /// Each person's.
    Person,
}

/// What a message of a rule knows that would know `alone` of one firing: what several have in common, and each of
/// them.
pub fn in_message(alone: Names<'_>, group: Option<Group>) -> Names<'_> {
    let Some(group) = group else { return alone };
    let gathered = Some(Firings { has_person: alone.has_person, change: alone.change });
    Names { has_person: alone.has_person && group.by == By::Person, change: None, gathered, ..alone }
}

impl Group {
    pub fn read(entry: &Entry, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Scalar(scalar) = &entry.value.value
            && !entry.value.is_nothing()
        {
            let wait = if parse_duration(&scalar.text).is_ok() { scalar.text.trim() } else { "30s" };
            let help = format!("write `group: {{wait: {wait}}}`");
            reader.wrong_kind_but("group", &entry.value, "a mapping", Some(help));
            return None;
        }
        let fields = reader.mapping("group", &entry.value);
        let other = |key: &str| instead(elsewhere::GROUP, key);
        reader.check_keys(fields, &Allowed::fixed("`group`", keys::GROUP, &other));
        let (least, most) = WAIT;
        let wait = match fields.get("wait") {
            Some(it) => reader.duration_within("wait", &it.value, least, most),
            None if entry.value.is_broken() => None,
            None => {
                let help = "say how long to gather: `group: {wait: 30s}`";
                reader.problems.missing_key(entry.key_at, "wait", "`group`", help);
                None
            }
        };
        let by = fields.get("by").map_or(Some(By::Rule), |it| {
            let word = it.value.scalar().map_or("", |scalar| scalar.text.trim());
            if let Some(help) = instead(elsewhere::GROUP_BY, word) {
                let what = format!("unknown word for `by`: `{word}`");
                reader.problems.add(Problem::error(it.value.at, what).help(help));
                return None;
            }
            let word = reader.choice("by", &it.value, &GROUP_BY)?;
            Some(if word == "person" { By::Person } else { By::Rule })
        });
        let max =
            fields.get("max").map_or(Some(FIRINGS), |it| reader.number("max", &it.value, 2, FIRINGS_MAX));
        Some(Self { wait: wait?, by: by?, max: max? })
    }
}
