//! Spans from what happens. Pure: what is told of a notification, in the order in which it happens, gives the
//! stretches of its way as they end.

use std::collections::HashMap;

use serde_json::Value;

use super::happening::{About, Happening, Tried};
use super::ids::{self, Part, Sampler};
use super::otlp::{Kind, Span};
use crate::outbox::delivery::{DeliveryId, End, Fate};
use crate::time::Moment;

/// So many notifications that have not ended are kept in mind. Of others the whole still gets its span, and each
/// attempt; what is missing is the wait between two.
const OPEN_MAX: usize = 10_000;
/// When the two clocks have moved against each other by so much, the wall clock was set.
const SET_NS: i64 = 50_000_000;
const MS_NS: i64 = 1_000_000;

pub struct Book {
    open: HashMap<DeliveryId, Open>,
    sampler: Sampler,
    /// How far wall time is ahead of monotonic time: the wall clock has milliseconds, and an attempt may have less.
    ahead_ns: Option<i64>,
}

/// A notification that has not ended.
struct Open {
    about: About,
    began_ns: i64,
    /// Since when nothing is done for it, and why.
    idle: Option<(i64, &'static str)>,
    /// What its spans belong to: the whole, or a further go that a person asked for.
    parent: u64,
}

impl Open {
    fn new(about: About, began_ns: i64, idle: Option<(i64, &'static str)>) -> Self {
        let parent = ids::root(about.id);
        Self { about, began_ns, idle, parent }
    }

    /// One that was not told from its beginning.
    fn known_late(about: About, idle: Option<&'static str>) -> Self {
        let began_ns = ns_of(about.created_ms);
        Self::new(about, began_ns, idle.map(|why| (began_ns, why)))
    }

    fn span(&self, part: Part, name: &str, (began_ns, ended_ns): (i64, i64)) -> Span {
        Span {
            notification: self.about.id,
            id: ids::part(self.about.id, part, began_ns),
            parent: Some(self.parent),
            name: name.to_owned(),
            kind: Kind::Internal,
            began_ns,
            ended_ns: ended_ns.max(began_ns),
            attributes: Vec::new(),
            goes_on: None,
            failed: None,
        }
    }

    /// What it has waited until now.
    fn wait(&mut self, until_ns: i64) -> Option<Span> {
        let (since_ns, why) = self.idle.take()?;
        let mut span = self.span(Part::Wait, "wait", (since_ns, until_ns));
        span.attributes.push(("doorchime.wait", why.into()));
        Some(span)
    }

    fn attempt(&self, tried: &Tried, began_ns: i64, ended_ns: i64) -> Span {
        let mut span = self.span(Part::Attempt, "attempt", (began_ns, ended_ns));
        span.id = ids::attempt(self.about.id, tried.before, tried.began);
        span.kind = Kind::Client;
        let failed = tried.end != End::Delivered;
        let error =
            failed.then(|| tried.status.map_or_else(|| tried.word.to_owned(), |code| code.to_string()));
        let resent = (tried.before > 0).then(|| tried.before.into());
        span.attributes = present([
            ("doorchime.target", Some((*self.about.target).into())),
            ("http.request.method", tried.method.map(Value::from)),
            ("http.request.resend_count", resent),
            ("http.response.status_code", tried.status.map(Value::from)),
            ("error.type", error.map(Value::from)),
            ("doorchime.end", Some(tried.end.word().into())),
        ]);
        let why = || tried.silence.clone().or_else(|| Some(format!("HTTP {}", tried.status?)));
        span.failed = failed.then(|| why().unwrap_or_else(|| tried.end.word().to_owned()));
        span
    }

    /// The whole, now that it has ended.
    fn whole(self, end: &'static str, ended_ns: i64) -> Span {
        let (id, again) = (self.about.id, self.parent != ids::root(self.about.id));
        let name = if again {
            format!("ring {} again", self.about.rule)
        } else {
            format!("ring {}", self.about.rule)
        };
        let fell = [Fate::Dead.word(), Fate::Expired.word()].contains(&end);
        let About { number, target, rule, person, cause, instead_of, fallback, .. } = self.about;
        Span {
            notification: id,
            id: self.parent,
            parent: again.then(|| ids::root(id)),
            name,
            kind: Kind::Internal,
            began_ns: self.began_ns,
            ended_ns: ended_ns.max(self.began_ns),
            attributes: present([
                ("doorchime.rule", Some((*rule).into())),
                ("doorchime.person", person.map(|person| person.to_string().into())),
                ("doorchime.cause", cause.map(Value::from)),
                ("doorchime.target", Some((*target).into())),
                ("doorchime.instead_of", instead_of.map(|target| (*target).into())),
                ("doorchime.delivery.id", Some(id.to_string().into())),
                ("doorchime.delivery.number", number.map(Value::from)),
                ("doorchime.end", Some(end.into())),
            ]),
            goes_on: fallback.filter(|_| fell),
            failed: fell.then(|| end.to_owned()),
        }
    }
}

impl Book {
    pub fn new(sampler: Sampler) -> Self {
        Self { open: HashMap::new(), sampler, ahead_ns: None }
    }

    /// The spans that end with what has happened.
    pub fn note(&mut self, happening: Happening, spans: &mut impl Extend<Span>) {
        match happening {
            Happening::Decided { about, came, at } if self.sampler.takes(about.id) => {
                let began_ns = came.map_or_else(|| ns_of(about.created_ms), |came| self.ns(came));
                let at_ns = self.ns(at).max(began_ns);
                let open = Open::new(about, began_ns, Some((at_ns, "commit")));
                let mut decide = open.span(Part::Decide, "decide", (began_ns, at_ns));
                decide.attributes = present([("doorchime.cause", open.about.cause.map(Value::from))]);
                spans.extend([decide]);
                self.keep(open);
            }
            Happening::Committed { id, number, at } => {
                let at_ns = self.ns(at);
                let Some(open) = self.open.get_mut(&id) else { return };
                open.about.number = Some(number);
                if let Some((since_ns, _)) = open.idle.replace((at_ns, "turn")) {
                    spans.extend([open.span(Part::Commit, "commit", (since_ns, at_ns))]);
                }
            }
            Happening::Tried { about, tried } if self.sampler.takes(about.id) => {
                self.tried(about, &tried, spans);
            }
            Happening::Expired { about, at } if self.sampler.takes(about.id) => {
                let at_ns = self.ns(at);
                let mut open = self.open.remove(&about.id).unwrap_or_else(|| Open::known_late(about, None));
                spans.extend(open.wait(at_ns));
                spans.extend([open.whole(Fate::Expired.word(), at_ns)]);
            }
            Happening::Retried { about, at } if self.sampler.takes(about.id) => {
                let at_ns = self.ns(at);
                // One that is owed still is only brought forward.
                if !self.open.contains_key(&about.id) {
                    let parent = ids::part(about.id, Part::Again, at_ns);
                    self.keep(Open { parent, ..Open::new(about, at_ns, Some((at_ns, "turn"))) });
                }
            }
            Happening::Dropped { number, at } => {
                let at_ns = self.ns(at);
                let found = self.open.values().find(|open| open.about.number == Some(number));
                let Some(mut open) = found.map(|open| open.about.id).and_then(|id| self.open.remove(&id))
                else {
                    return;
                };
                spans.extend(open.wait(at_ns));
                spans.extend([open.whole("dropped", at_ns)]);
            }
            _ => {}
        }
    }

    fn tried(&mut self, about: About, tried: &Tried, spans: &mut impl Extend<Span>) {
        let (began_ns, ended_ns) = (self.ns(tried.began), self.ns(tried.began.plus(tried.took)));
        // Before the first attempt nothing else was waited for since it was written down.
        let idle = (tried.before == 0).then_some("turn");
        let mut open = self.open.remove(&about.id).unwrap_or_else(|| Open::known_late(about, idle));
        spans.extend(open.wait(began_ns));
        spans.extend([open.attempt(tried, began_ns, ended_ns)]);
        if let Fate::Pending { .. } = tried.fate {
            let why = match tried.end {
                End::Paused => "target paused",
                End::Disabled => "target disabled",
                End::Plain => "turn",
                End::Delivered | End::Later | End::Refused => "backoff",
            };
            open.idle = Some((ended_ns, why));
            self.keep(open);
        } else {
            spans.extend([open.whole(tried.fate.word(), ended_ns)]);
        }
    }

    fn keep(&mut self, open: Open) {
        if self.open.len() < OPEN_MAX {
            self.open.insert(open.about.id, open);
        }
    }

    /// A moment in nanoseconds since 1970. Those of one run are as far apart as on the monotonic clock, unless
    /// the wall clock was set between them.
    fn ns(&mut self, at: Moment) -> i64 {
        let mono_ns = i64::try_from(at.mono.as_nanos()).unwrap_or(i64::MAX);
        let ahead_ns = ns_of(at.wall_ms).saturating_sub(mono_ns);
        let kept = self.ahead_ns.filter(|kept| kept.abs_diff(ahead_ns) < SET_NS.unsigned_abs());
        mono_ns.saturating_add(*self.ahead_ns.insert(kept.unwrap_or(ahead_ns)))
    }
}

fn ns_of(wall_ms: i64) -> i64 {
    wall_ms.saturating_mul(MS_NS)
}

fn present<const N: usize>(all: [(&'static str, Option<Value>); N]) -> Vec<(&'static str, Value)> {
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

#[cfg(test)]
mod tests;
