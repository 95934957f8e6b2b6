//! Any story ends as its last observation says, and rings what a naive model says that it rings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::effects::Effects;
use super::machine::Engine;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Commit, Delivery, Memory};
use crate::presence::change::{ChangeKind, diff};
use crate::presence::model::{Presence, UserId};
use crate::rules::compile::compile;
use crate::rules::places::Source;
use crate::rules::set::RuleSet;
use crate::rules::vars::Vars;
use crate::time::Moment;

/// Too few for the fleet guard to wake, which no naive model knows.
const FEW: u64 = 4;
/// Enough for it.
const FLEET: u64 = 6;

#[derive(Clone, Debug)]
enum Step {
    Update(u64, Look),
    /// An INIT_STATE: those without a look are absent.
    Snapshot(Vec<Option<Look>>),
    Disconnect,
    /// What is known and owed goes to disk, and so many milliseconds pass.
    Write(u64),
    Wait(u64),
    /// In order, with so many seconds until the next start.
    Restart(u64),
    /// Only what was written is there at the next start.
    Kill(u64),
}

/// How a person may look: a bit for each thing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look(u16);

impl Look {
    fn json(self, person: u64) -> String {
        let bit = |at: u16| self.0 >> at & 1 == 1;
        let kv = u16::from(bit(0));
        let head = format!(r#""discord_user":{{"id":"{person}","username":"u"}},"kv":{{"k":"{kv}"}}"#);
        if !bit(1) && !bit(2) {
            return format!(r#"{{{head},"discord_status":"offline","activities":[]}}"#);
        }
        let status = if bit(2) { "online" } else { "dnd" };
        let mut activities = Vec::new();
        for (at, name) in [(5, "Factorio"), (6, "Braid")] {
            if bit(at) {
                activities.push(format!(r#"{{"type":0,"name":"{name}","created_at":{}}}"#, self.0));
            }
        }
        let track = match (bit(7), bit(8)) {
            (false, _) => "null".to_owned(),
            (true, song) => format!(r#"{{"track_id":"t{}","song":"s"}}"#, u8::from(song)),
        };
        if bit(9) {
            activities.reverse();
        }
        format!(
            r#"{{{head},"discord_status":"{status}","active_on_discord_desktop":{},"active_on_discord_mobile":{},"activities":[{}],"spotify":{track}}}"#,
            bit(3),
            bit(4),
            activities.join(",")
        )
    }
}

fn any_look() -> impl Strategy<Value = Look> {
    prop_oneof![3 => (0_u16..1024).prop_map(Look), 1 => Just(Look(0)), 1 => Just(Look(0b10_1100))]
}

fn any_step(people: u64) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..people, any_look()).prop_map(|(who, look)| Step::Update(who, look)),
        2 => proptest::collection::vec(proptest::option::weighted(0.8, any_look()), people as usize)
            .prop_map(Step::Snapshot),
        1 => Just(Step::Snapshot(vec![Some(Look(0)); people as usize])),
        1 => Just(Step::Disconnect),
        2 => (0_u64..3_000).prop_map(Step::Write),
        2 => prop_oneof![0_u64..2_000, 0_u64..100_000].prop_map(Step::Wait),
        1 => (0_u64..100).prop_map(Step::Restart),
        1 => (0_u64..100).prop_map(Step::Kill),
    ]
}

/// How everybody looks at first, and what happens then.
fn any_story(people: u64) -> impl Strategy<Value = (Vec<Look>, Vec<Step>)> {
    let first = proptest::collection::vec(any_look(), people as usize);
    (first, proptest::collection::vec(any_step(people), 0..40))
}

struct Nothing;

impl Vars for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("is not there".to_owned())
    }
}

/// One rule for each change, which tells what began or ended where that is an activity.
fn rule_set(people: u64, smoothing: &str) -> Arc<RuleSet> {
    let named: Vec<String> = (0..people).map(|n| format!("p{n}: {}", id(n))).collect();
    let rules = ChangeKind::ALL.iter().filter(|kind| !kind.is_own()).map(|kind| {
        let name = kind.name();
        let text = match name {
            "started_activity" => "{{change.to.name}}",
            "stopped_activity" => "{{change.from.name}}",
            _ => "x",
        };
        format!("  - {{id: {name}, who: everybody, when: {name}, send: {{to: screen, text: \"{text}\"}}}}\n")
    });
    let everybody: Vec<String> = (0..people).map(|n| format!("p{n}")).collect();
    let text = format!(
        "smoothing: {{{smoothing}}}\ncatch_up: 7d\npeople: {{{}}}\ngroups: {{everybody: [{}]}}\ntargets: {{screen: {{type: console}}}}\nrules:\n{}",
        named.join(", "),
        everybody.join(", "),
        rules.collect::<String>()
    );
    match compile(Source::new("rules.yaml", &text), &Nothing) {
        Ok(loaded) => Arc::new(loaded.set),
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

fn id(person: u64) -> UserId {
    UserId(100 + person)
}

/// The engine, and a disk that takes what is written when the story says so.
struct World {
    rules: Arc<RuleSet>,
    engine: Engine,
    now: Moment,
    pending: Effects,
    memory: Memory,
    owed: Vec<Delivery>,
}

impl World {
    fn new(people: u64, smoothing: &str) -> Self {
        let rules = rule_set(people, smoothing);
        let now = Moment { mono: Duration::ZERO, wall_ms: 1_700_000_000_000 };
        let engine = Engine::new(Arc::clone(&rules), Memory::default(), now, 1);
        let (pending, memory) = (Effects::default(), Memory::default());
        Self { rules, engine, now, pending, memory, owed: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Update(who, look) => self.see(*who, *look, false),
            Step::Snapshot(looks) => {
                let mut absent = Vec::new();
                for (who, look) in (0..).zip(looks) {
                    match look {
                        Some(look) => self.see(who, *look, true),
                        None => absent.push(id(who)),
                    }
                }
                self.observe(Observation::SnapshotEnd { absent });
            }
            Step::Disconnect => self.observe(Observation::Disconnected),
            Step::Write(ms) => {
                self.wait(Duration::from_millis(*ms));
                self.write();
            }
            Step::Wait(ms) => self.wait(Duration::from_millis(*ms)),
            Step::Restart(seconds) => {
                self.engine.save_all(self.now, &mut self.pending);
                self.write();
                self.start(*seconds);
            }
            Step::Kill(seconds) => self.start(*seconds),
        }
    }

    fn see(&mut self, who: u64, look: Look, snapshot: bool) {
        let raw = look.json(id(who).0);
        let (id, presence) = Presence::parse(&raw, None).unwrap();
        self.observe(if snapshot {
            Observation::Seen(id, presence)
        } else {
            Observation::Updated(id, presence)
        });
    }

    fn observe(&mut self, observation: Observation<'_>) {
        self.engine.observe(self.now, observation, &mut self.pending);
    }

    /// Time passes, and the engine is woken whenever it wants to be.
    fn wait(&mut self, by: Duration) {
        let until = self.now.plus(by);
        for _ in 0..10_000 {
            let Some(deadline) = self.engine.deadline().filter(|&at| at <= until.mono) else {
                self.now = until;
                return;
            };
            self.now = self.now.plus(deadline.saturating_sub(self.now.mono));
            self.engine.tick(self.now, &mut self.pending);
        }
        panic!("woken without end at {:?}", self.now);
    }

    fn write(&mut self) {
        let Commit { baselines, marks, deliveries, heard_ms, .. } = std::mem::take(&mut self.pending.commit);
        for baseline in baselines {
            self.memory.baselines.retain(|old| old.person != baseline.person);
            self.memory.baselines.push(baseline);
        }
        self.memory.marks.extend(marks);
        self.memory.heard_ms = heard_ms.or(self.memory.heard_ms);
        self.owed.extend(deliveries);
    }

    fn start(&mut self, seconds: u64) {
        self.pending = Effects::default();
        self.now = self.now.plus(Duration::from_secs(seconds));
        // A process counts its time from its own beginning.
        self.now.mono = Duration::from_millis(3);
        self.engine = Engine::new(Arc::clone(&self.rules), self.memory.clone(), self.now, 1);
    }

    /// What each person's rules owe, in order.
    fn rung(&self, who: u64) -> Vec<(String, String)> {
        let of = |owed: &&Delivery| owed.person == Some(id(who));
        let text = |owed: &Delivery| owed.parts["text"].as_str().unwrap().to_owned();
        self.owed.iter().filter(of).map(|owed| (owed.rule.to_string(), text(owed))).collect()
    }

    /// Whether rules see a person as this look.
    fn shows(&self, who: u64, look: Look) -> bool {
        let raw = look.json(id(who).0);
        let expected = Presence::parse(&raw, None).unwrap().1;
        let known = &self.engine.known[&id(who)];
        let mut changes = Vec::new();
        diff(&known.shown(id(who)).unwrap(), &expected, &mut changes);
        changes.is_empty() && known.holds.is_empty()
    }
}

/// Keeps the last look of each person, and says what differs. What is not written is forgotten by a kill.
#[derive(Default)]
struct Naive {
    looks: BTreeMap<u64, Look>,
    rung: Vec<(u64, &'static str)>,
    disk: (BTreeMap<u64, Look>, Vec<(u64, &'static str)>),
}

impl Naive {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Update(who, look) => self.see(*who, *look),
            Step::Snapshot(looks) => {
                for (who, look) in (0..).zip(looks) {
                    if let Some(look) = look {
                        self.see(who, *look);
                    }
                }
            }
            Step::Disconnect | Step::Wait(_) => {}
            Step::Write(_) | Step::Restart(_) => self.disk = (self.looks.clone(), self.rung.clone()),
            Step::Kill(_) => (self.looks, self.rung) = self.disk.clone(),
        }
    }

    fn see(&mut self, who: u64, look: Look) {
        let Some(before) = self.looks.insert(who, look) else { return };
        let (before, after) = (before.json(who), look.json(who));
        let mut changes = Vec::new();
        diff(&parse(&before), &parse(&after), &mut changes);
        self.rung.extend(changes.iter().map(|change| (who, change.kind.name())));
    }
}

fn parse(raw: &str) -> Presence<'_> {
    Presence::parse(raw, None).unwrap().1
}

/// An INIT_STATE with everybody.
fn whole(looks: &[Look]) -> Step {
    Step::Snapshot(looks.iter().copied().map(Some).collect())
}

/// What can begin and end, and whether a look has it.
fn pairs() -> [(&'static str, &'static str, &'static str, fn(&Presence<'_>) -> bool); 4] {
    [
        ("went_online", "went_offline", "x", |seen| seen.online()),
        ("started_listening", "stopped_listening", "x", |seen| seen.track.is_some()),
        ("started_activity", "stopped_activity", "Factorio", |seen| plays(seen, "Factorio")),
        ("started_activity", "stopped_activity", "Braid", |seen| plays(seen, "Braid")),
    ]
}

fn plays(seen: &Presence<'_>, game: &str) -> bool {
    seen.activities.iter().any(|activity| activity.name == game)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Without smoothing, what rings is what a naive comparison of one look with the next says.
    #[test]
    fn without_smoothing_it_rings_as_a_naive_model_does((first, story) in any_story(FEW)) {
        let mut world = World::new(FEW, "offline: 0, listening: 0, activity: 0");
        let mut naive = Naive::default();
        for step in [whole(&first), Step::Write(2_000)].iter().chain(&story).chain([&Step::Write(0)]) {
            naive.step(step);
            world.step(step);
        }
        for who in 0..FEW {
            let rung: Vec<String> = world.rung(who).into_iter().map(|(rule, _)| rule).collect();
            let of_person = naive.rung.iter().filter(|(person, _)| *person == who);
            let expected: Vec<&str> = of_person.map(|(_, kind)| *kind).collect();
            prop_assert_eq!(rung, expected, "person {}", who);
            let look = naive.looks[&who];
            prop_assert!(world.shows(who, look), "person {who} does not look like {look:?}");
        }
    }

    /// With smoothing, everything that began ends before it begins again, and in the end things are as last seen.
    #[test]
    fn with_smoothing_nothing_rings_twice_and_the_end_is_as_last_seen(
        (first, story) in any_story(FLEET),
        last in proptest::collection::vec(any_look(), FLEET as usize),
    ) {
        let mut world = World::new(FLEET, "offline: 20s, listening: 5s, activity: 3s");
        // The last holds, and the fleet guard's doubt.
        let rest = Step::Write(600_000);
        for step in [whole(&first), Step::Write(2_000)].iter().chain(&story).chain([&whole(&last), &rest]) {
            world.step(step);
        }
        for (who, (first, last)) in (0..).zip(first.iter().zip(&last)) {
            prop_assert!(world.shows(who, *last), "person {who} does not look like {last:?}");
            let rung = world.rung(who);
            let (first, last) = (first.json(id(who).0), last.json(id(who).0));
            for (begins, ends, what, has) in pairs() {
                let mut there = has(&parse(&first));
                for (rule, _) in rung.iter().filter(|(rule, text)| [begins, ends].contains(&rule.as_str()) && text == what) {
                    prop_assert_eq!(there, rule == ends, "person {}: {} out of turn: {:?}", who, rule, &rung);
                    there = rule == begins;
                }
                prop_assert_eq!(there, has(&parse(&last)), "person {}: {} {} in the end: {:?}", who, begins, what, &rung);
            }
        }
    }
}
