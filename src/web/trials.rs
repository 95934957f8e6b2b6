//! What is tried: played by an engine of its own, off every task of the bot, and each message made into the
//! request that its target would get. Nothing is sent, and nothing is written.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::api::activity::values_as_json;
use super::api::asked::{self, No, named};
use super::api::rules::verdict_as_json;
use super::questions::{InForce, Question};
use super::server::Web;
use crate::clock::Clock;
use crate::engine::effects::Told;
use crate::engine::view::PersonView;
use crate::outbox::delivery::{Delivery, Fallback};
use crate::outbox::masked::{self, Masked};
use crate::outbox::sender::Sender;
use crate::presence::model::UserId;
use crate::printable::plain;
use crate::rehearsal::trial::{self, Asked, Change, Idle, Outcome, Ring, Tried, imagined_id};
use crate::rules::duration::spell_duration;
use crate::rules::story::trial::{self as reading, Slip, Trial};
use crate::targets::Outgoing;
use crate::time::{date, millis};

/// So many are played at once; the machine has other things to do.
const AT_ONCE_MAX: usize = 2;
/// One is given up after so long.
const TAKES_MAX: Duration = Duration::from_secs(2);
/// So much of requests is told in one answer.
const TOLD_BYTES_MAX: usize = 512 << 10;

/// What is told with every answer.
const NOTES: [&str; 4] = [
    "Nothing was sent, and nothing that the bot knows or counts has changed.",
    "It was played from a fresh memory: no `cooldown`, `dedupe` or `limit` of what has rung before counts, and \
     everybody else is offline.",
    "The person's profile and KV are what they are now, where nothing else was said.",
    "The ids of the messages are imagined (they begin with zeros), and signatures are left out.",
];

/// Where things are tried.
#[derive(Clone)]
pub struct Trials {
    /// Builds requests as it would send them.
    sender: Arc<Sender>,
    places: Arc<Semaphore>,
}

impl Trials {
    pub fn new(sender: Sender) -> Self {
        Self { sender: Arc::new(sender), places: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }
}

/// What somebody wants to try, as they have written it. What is empty is not given.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub person: String,
    pub before: String,
    pub after: String,
    pub at: String,
    pub wait: String,
}

/// Why something cannot be tried.
pub enum Refused {
    No(No),
    /// By what is wrong with what was written.
    Slips(Vec<Slip>),
}

impl From<No> for Refused {
    fn from(no: No) -> Self {
        Self::No(no)
    }
}

impl From<Refused> for No {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::No(no) => no,
            Refused::Slips(slips) => {
                No::bad(slips.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// Tries it, under the rules in force.
pub async fn attempt(web: &Web, wanted: Wanted) -> Result<Value, Refused> {
    let in_force = web.desk.in_force();
    let person = somebody(&in_force, wanted.person.trim())?;
    let busy = || No::not_now("others are trying things just now: ask again in a moment");
    let place = Arc::clone(&web.trials.places).try_acquire_owned().map_err(|_| busy())?;
    let sender = Arc::clone(&web.trials.sender);
    let known = web.desk.ask(|answer| Question::Person { id: person, answer }).await.map_err(No::from)?;
    let work = tokio::task::spawn_blocking(move || {
        // Whoever asked may have left; the work goes on to its end, and keeps its place until then.
        let _place = place;
        play(&in_force, &sender, &known, &wanted)
    });
    work.await.map_err(|_| No::not_now("doorchime is leaving"))?
}

/// Who it is about: somebody of whom rules may hear.
fn somebody(in_force: &InForce, name: &str) -> Result<UserId, No> {
    if name.is_empty() {
        return Err(No::bad("say who it is about: `person` is a name in the rules file, or an id"));
    }
    let id = asked::person(in_force, name)?;
    if in_force.person(id).is_none() && !in_force.rules.for_everyone() {
        return Err(No::nothing_there(format!("no rule is about {id}: give the id a name under `people:`")));
    }
    Ok(id)
}

fn play(in_force: &InForce, sender: &Sender, person: &PersonView, wanted: &Wanted) -> Result<Value, Refused> {
    let clock = Clock::start();
    let Wanted { before, after, at, wait, .. } = wanted;
    let asked = reading::Asked { known: person.raw(), before, after, at, wait };
    let trial =
        reading::read(&in_force.rules, person.id, asked, clock.now().wall_ms).map_err(Refused::Slips)?;
    let go_on = Arc::new(move || clock.now().mono < TAKES_MAX);
    let tried = trial::play(&in_force.rules, &trial, go_on);
    let tried = tried.ok_or_else(|| No::not_now("these rules take too long to be tried"))?;
    Ok(Teller { in_force, sender, told_bytes: 0, messages: 0, left_out: 0 }.all(&trial, tried))
}

/// Makes the answer, within bounds.
struct Teller<'t> {
    in_force: &'t InForce,
    sender: &'t Sender,
    told_bytes: usize,
    messages: usize,
    left_out: usize,
}

impl Teller<'_> {
    fn all(mut self, trial: &Trial, tried: Tried) -> Value {
        let Tried { at, until, broken_off, changes, rules, more, others, flooded } = tried;
        let said: Vec<&str> = trial.story.steps.iter().map(|step| &*step.said).collect();
        let rules: Vec<Value> = rules.into_iter().map(|outcome| self.outcome(outcome)).collect();
        json!({
            "person": named(self.in_force, trial.person, None),
            "before": said.first(),
            "after": said.last(),
            "before_ms": millis(trial.changes_at),
            "at": date(at.wall_ms),
            "watched_ms": millis(until),
            "given_up": broken_off,
            "changes": changes.iter().filter_map(|change| self.change(change)).collect::<Vec<_>>(),
            "rules": rules,
            "more": more,
            "others": others,
            "flooded": flooded,
            "left_out": self.left_out,
            "notes": NOTES,
        })
    }

    fn change(&self, Change { after, told }: &Change) -> Option<Value> {
        let Told::Change { person, name, kind, key, from, to, .. } = told else { return None };
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Some(json!({
            "after_ms": millis(*after),
            "person": named(self.in_force, *person, Some(name)),
            "change": kind.name(),
            "key": filled(key),
            "from": filled(from),
            "to": filled(to),
        }))
    }

    fn outcome(&mut self, outcome: Outcome) -> Value {
        let (why, values) = why(&outcome);
        let values = values_as_json(values);
        let asked: Vec<Value> = outcome.asked.iter().map(|asked| self.asked(asked)).collect();
        json!({
            "rule": &*outcome.rule,
            "rings": !outcome.rings.is_empty(),
            "why": why,
            "values": values,
            "asked": asked,
            "rang": outcome.rings.into_iter().map(|ring| self.ring(ring)).collect::<Vec<_>>(),
        })
    }

    fn asked(&self, asked: &Asked) -> Value {
        json!({
            "after_ms": millis(asked.after),
            "person": asked.person.map(|id| named(self.in_force, id, Some(&asked.name))),
            "cause": asked.cause.name(),
            "verdict": verdict_as_json(&asked.verdict),
            "values": values_as_json(&asked.values),
        })
    }

    fn ring(&mut self, Ring { after, firing }: Ring) -> Value {
        let mut messages = Vec::new();
        for message in firing.messages {
            messages.extend(self.message(message, firing.now.wall_ms));
        }
        json!({
            "after_ms": millis(after),
            "person": firing.person.map(|id| named(self.in_force, id, None)),
            "messages": messages,
        })
    }

    /// What the first target would get, and what others would, should it not take it.
    fn message(&mut self, mut message: Delivery, now_ms: i64) -> Option<Value> {
        if self.told_bytes > TOLD_BYTES_MAX {
            self.left_out += 1;
            return None;
        }
        let instead = std::mem::take(&mut message.fallbacks);
        let mut told = self.request(&mut message, now_ms);
        let instead = instead.into_iter().map(|Fallback { target, parts, expire_ms, .. }| {
            let expires_ms = now_ms.saturating_add(expire_ms);
            let mut other = Delivery { target, parts, expires_ms, ..message.clone() };
            self.request(&mut other, now_ms)
        });
        let instead = instead.map(Value::Object).collect();
        told.insert("instead".to_owned(), instead);
        Some(Value::Object(told))
    }

    fn request(&mut self, message: &mut Delivery, now_ms: i64) -> Map<String, Value> {
        self.messages += 1;
        message.id = imagined_id(self.messages);
        let rules = &self.in_force.rules;
        let target = rules.targets.get(&message.target);
        let (mut request, mut line, mut unready) = (Value::Null, Value::Null, Value::Null);
        match target.map(|target| target.request_named(message, now_ms)) {
            Some(Outgoing::Http(mut http)) => match self.sender.built(&mut http) {
                Ok(built) => {
                    let masked = masked::masked(message, &http, &built, &rules.values);
                    self.told_bytes += masked.body.len() + masked.address.len();
                    request = masked_as_json(&masked);
                }
                Err(why) => unready = why.into(),
            },
            Some(Outgoing::Print(text)) => {
                let text = plain(&text);
                self.told_bytes += text.len();
                line = text.into();
            }
            Some(Outgoing::Unready { why }) => unready = why.into(),
            None => unready = "there is no such target".into(),
        }
        let mut told = Map::new();
        told.insert("to".to_owned(), (*message.target).into());
        told.insert("type".to_owned(), target.map(|target| target.kind().name).into());
        told.insert("request".to_owned(), request);
        told.insert("line".to_owned(), line);
        told.insert("unready".to_owned(), unready);
        told
    }
}

/// In one sentence, and by which values.
fn why(outcome: &Outcome) -> (String, &[(String, String)]) {
    if let Some(ring) = outcome.rings.first() {
        let more = match outcome.rings.len() {
            1 => String::new(),
            rings => format!(", {rings} times in all"),
        };
        let when = if ring.after.is_zero() { "at once".to_owned() } else { later(ring.after) };
        return (format!("rings {when}{more}"), &[]);
    }
    if let Some(asked) = outcome.telling() {
        let when = if asked.after.is_zero() { String::new() } else { format!(", {}", later(asked.after)) };
        return (format!("{}: {}{when}", asked.cause.name(), asked.verdict), &asked.values);
    }
    match &outcome.idle {
        Some(Idle { gate: "when", why, values }) => (format!("not asked: it is {why}"), values),
        Some(Idle { gate, why, values }) => (format!("not asked: `{gate}`: {why}"), values),
        None => ("not asked".to_owned(), &[]),
    }
}

fn later(after: Duration) -> String {
    format!("after {}", spell_duration(after))
}

fn masked_as_json(masked: &Masked) -> Value {
    let headers = masked.headers.iter().map(|(name, value)| json!({"name": name, "value": value}));
    json!({
        "method": masked.method,
        "address": masked.address,
        "headers": headers.collect::<Vec<_>>(),
        "body": masked.body,
        "cut": masked.cut,
    })
}

#[cfg(test)]
mod tests;
