//! Carries what the pipeline has counted over to the metrics and to `/readyz`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::engine::bell::Counts;
use crate::engine::machine::Engine;
use crate::engine::person::Standing;
use crate::engine::troubles::{News, Turn};
use crate::engine::verdict::Verdict;
use crate::lanyard::counts::LanyardCounts;
use crate::lanyard::socket::Client;
use crate::metrics::Metrics;
use crate::outbox::delivery::Part;
use crate::presence::change::ChangeKind;
use crate::rules::set::{Person, RuleSet, Send};
use crate::rules::template;
use crate::targets::message::Message;
use crate::web::status::{Connection, Status};

/// What happens often is counted in plain numbers, and carried over no more often than this: at once in a quiet
/// time, which then needs no wake-up of its own.
const LAG: Duration = Duration::from_millis(200);

pub struct Publisher {
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    rules: Arc<RuleSet>,
    /// As they were last carried over.
    counts: Counts,
    /// By the rule's place in the file.
    states_on: Vec<Option<usize>>,
    lanyard: LanyardCounts,
    template_faults: u64,
    connection: Connection,
    /// Rules of whose conditions the log was told that they are given up.
    too_costly: HashSet<Arc<str>>,
    due: Option<Duration>,
    carried: Option<Duration>,
    /// Somebody may have become known to Lanyard, or unknown.
    recount: bool,
}

impl Publisher {
    pub fn new(metrics: Arc<Metrics>, status: Arc<Status>, rules: Arc<RuleSet>) -> Self {
        let counts = Counts { firings: vec![0; rules.rules.len()], ..Counts::default() };
        let (lanyard, connection) = (LanyardCounts::default(), Connection::default());
        Self {
            metrics,
            status,
            rules,
            counts,
            states_on: Vec::new(),
            lanyard,
            template_faults: template::faults(),
            connection,
            too_costly: HashSet::new(),
            // Whom an earlier run found to be unknown counts from the start.
            due: Some(Duration::ZERO),
            carried: None,
            recount: true,
        }
    }

    /// Something may have been counted.
    pub fn note(&mut self, now: Duration) {
        self.due.get_or_insert(self.carried.map_or(now, |last| now.max(last + LAG)));
    }

    /// Lanyard was found not to know somebody.
    pub fn note_unmonitored(&mut self, now: Duration) {
        self.recount = true;
        self.note(now);
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.due
    }

    /// Carries over what has been counted, if it is time.
    pub fn tick(&mut self, now: Duration, engine: &Engine, client: &Client) {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            self.carried = Some(now);
            self.carry(engine, client);
            if std::mem::take(&mut self.recount) {
                self.carry_unmonitored(engine);
            }
        }
        self.metrics.lanyard.down.set(i64::from(engine.lanyard_is_down()));
        self.carry_connection(client);
    }

    /// Says in the log what is new of our own ways.
    pub fn tell(&self, news: impl Iterator<Item = News>) {
        for News { part, turn, .. } in news {
            let for_s = self.rules.down_after.as_secs();
            match (part, turn) {
                (Part::Lanyard, Turn::Fails { why }) => {
                    error!(for_s, why, "Lanyard is down: nobody is watched, and silence means nothing");
                }
                (Part::Lanyard, Turn::Recovered { lasted_ms }) => {
                    info!(after_s = lasted_ms / 1000, "Lanyard is back");
                }
                (Part::Target(target), Turn::Fails { why }) => {
                    error!(%target, why, "target fails: what is meant for it does not arrive");
                }
                (Part::Target(target), Turn::Recovered { lasted_ms }) => {
                    info!(%target, after_s = lasted_ms / 1000, "target has recovered");
                }
            }
        }
    }

    /// Other rules are in force: `engine` has gone over to them, and what it counts is by their places.
    pub fn adopt(&mut self, engine: &Engine, rules: Arc<RuleSet>) {
        self.counts.clone_from(engine.counts());
        self.states_on.clear();
        let there: HashSet<&str> = rules.rules.iter().map(|rule| &*rule.id).collect();
        for rule in self.rules.rules.iter().filter(|rule| !there.contains(&*rule.id)) {
            self.metrics.rules.forget(&rule.id);
        }
        self.rules = rules;
        self.too_costly.clear();
        self.recount = true;
    }

    /// Carries over everything at once.
    pub fn carry(&mut self, engine: &Engine, client: &Client) {
        self.tell_too_costly(engine);
        self.carry_engine(engine.counts());
        self.carry_states(engine.states_on());
        self.carry_lanyard(client.counts());
        self.carry_template_faults();
    }

    /// A condition that takes too many steps does so at every update; it is told once.
    fn tell_too_costly(&mut self, engine: &Engine) {
        let number = Verdict::ConditionTooCostly.number();
        if engine.counts().verdicts[number] == self.counts.verdicts[number] {
            return;
        }
        for (at, rule) in self.rules.rules.iter().enumerate() {
            if engine.tally().rule(at).verdicts[number] > 0 && self.too_costly.insert(Arc::clone(&rule.id)) {
                warn!(rule = %rule.id, "its condition takes too many steps to tell, and counts as false");
            }
        }
    }

    fn carry_engine(&mut self, counts: &Counts) {
        let rules = &self.metrics.rules;
        for (kind, (new, old)) in ChangeKind::ALL.iter().zip(counts.changes.iter().zip(self.counts.changes)) {
            rules.changed(*kind, new - old);
        }
        for (word, (new, old)) in Verdict::WORDS.iter().zip(counts.verdicts.iter().zip(self.counts.verdicts))
        {
            rules.judged(word, new - old);
        }
        for (rule, (new, old)) in self.rules.rules.iter().zip(counts.firings.iter().zip(&self.counts.firings))
        {
            if new > old {
                rules.fired(&rule.id, new - old);
            }
        }
        let monitored = ChangeKind::BecameMonitored as usize;
        self.recount |= counts.changes[monitored] != self.counts.changes[monitored];
        self.counts.clone_from(counts);
    }

    fn carry_states(&mut self, on: &[usize]) {
        self.states_on.resize(on.len(), None);
        for ((rule, &new), old) in self.rules.rules.iter().zip(on).zip(&mut self.states_on) {
            if rule.holds().is_some() && *old != Some(new) {
                self.metrics.rules.states_on(&rule.id, new);
                *old = Some(new);
            }
        }
    }

    fn carry_unmonitored(&self, engine: &Engine) {
        let unmonitored = |person: &&Person| engine.standing(person.id) == Standing::Unmonitored;
        let count = self.rules.people.iter().filter(unmonitored).count();
        self.metrics.lanyard.unmonitored.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.status.unmonitored(count);
    }

    /// Nothing of the kind should happen; each template that it happens to is logged once.
    fn carry_template_faults(&mut self) {
        let faults = template::faults();
        let new = faults - self.template_faults;
        self.template_faults = faults;
        if new == 0 {
            return;
        }
        self.metrics.rules.template_faults.inc_by(new);
        for rule in &self.rules.rules {
            let key = rule.noise.dedupe.as_ref().and_then(|dedupe| dedupe.key.untold_fault());
            for fault in rule.sends().flat_map(Send::messages).flat_map(Message::untold_faults).chain(key) {
                warn!(rule = %rule.id, fault, "an expression could not be rendered and is left empty");
            }
        }
    }

    fn carry_lanyard(&mut self, counts: LanyardCounts) {
        let (metrics, old) = (&self.metrics.lanyard, self.lanyard);
        metrics.sessions.inc_by(counts.connects - old.connects);
        metrics.frames.inc_by(counts.frames - old.frames);
        metrics.bytes.inc_by(counts.bytes - old.bytes);
        metrics.seen.inc_by(counts.people - old.people);
        metrics.updates.inc_by(counts.updates - old.updates);
        metrics.garbage("json", counts.garbage - old.garbage);
        metrics.garbage("oversized", counts.oversized - old.oversized);
        metrics.garbage("unknown", counts.unknown - old.unknown);
        metrics.garbage("person", counts.broken_people - old.broken_people);
        metrics.closed("refused", counts.refusals - old.refusals);
        metrics.closed("lost", (counts.losses - counts.refusals) - (old.losses - old.refusals));
        self.lanyard = counts;
    }

    fn carry_connection(&mut self, client: &Client) {
        let connection = match (client.live(), client.trouble()) {
            (true, _) => Connection::Live,
            (false, Some(why)) => match &self.connection {
                Connection::Down { why: known } if known == why => return,
                _ => Connection::Down { why: why.to_owned() },
            },
            (false, None) => Connection::Starting,
        };
        if connection != self.connection {
            self.metrics.lanyard.connected.set(i64::from(connection == Connection::Live));
            self.status.connection(connection.clone());
            self.connection = connection;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::delivery::{Baseline, Memory};
    use crate::rules::compile::compile;
    use crate::rules::places::Source;
    use crate::rules::vars::NoVars;
    use crate::time::Moment;

    #[test]
    fn whom_an_earlier_run_found_to_be_unknown_is_counted_from_the_start() {
        let text = "people: {ada: 94490510688792576, bob: 156114103033790464}\n\
                    targets: {screen: {type: console}}\n\
                    rules: [{id: r, who: [ada, bob], when: went_online, send: screen}]\n";
        let loaded = compile(Source::new("rules.yaml".to_owned(), text.to_owned()), &NoVars);
        let rules = Arc::new(loaded.unwrap_or_else(|mistakes| panic!("{}", mistakes.summary())).set);
        let bob = rules.people[1].id;
        let baseline = Baseline {
            person: bob,
            raw: r#"{"discord_user":{"id":"156114103033790464"},"discord_status":"online"}"#.into(),
            notes: r#"{"unmonitored":true}"#.into(),
            heard_ms: 1,
        };
        let memory = Memory { baselines: vec![baseline], ..Memory::default() };
        let engine = Engine::new(Arc::clone(&rules), memory, Moment::default(), 1);
        assert_eq!(engine.standing(bob), Standing::Unmonitored);
        let tls = crate::tls::client_config(None).unwrap();
        let client = Client::new(&rules.lanyard, tls, 1).unwrap();
        let (metrics, status) = (Metrics::new(), Status::new());
        let mut publisher = Publisher::new(Arc::clone(&metrics), Arc::clone(&status), rules);
        assert!(publisher.deadline().is_some(), "it need not wait for a frame");
        publisher.tick(Duration::ZERO, &engine, &client);
        assert_eq!(metrics.lanyard.unmonitored.get(), 1);
        assert!(serde_json::to_string(&status.report()).unwrap().contains(r#""unmonitored":1"#));
    }
}
