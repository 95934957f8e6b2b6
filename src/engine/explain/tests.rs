//! What is explained is what the bot does: tables of how things are and what each gate says.

use std::sync::Arc;

use super::*;
use crate::engine::effects::Effects;
use crate::engine::verdict::Verdict;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::Memory;
use crate::presence::writing::PresenceJson;
use crate::rules::cause::Cause;
use crate::rules::compile::compile;
use crate::rules::places::Source;
use crate::rules::vars::{NoVars, Vars};
use std::time::Duration;

const ADA: UserId = UserId(7);
const BOB: UserId = UserId(8);

fn at(second: u64) -> Moment {
    // A Monday, 00:00 UTC.
    Moment { mono: Duration::ZERO, wall_ms: 1_767_571_200_000 }.plus(Duration::from_secs(second))
}

fn engine(rules: &str, vars: &dyn Vars) -> Engine {
    let text = format!(
        "timezone: UTC\nsmoothing: {{offline: 0s, listening: 0s, activity: 0s}}\npeople: {{ada: 7, bob: 8}}\n\
         targets: {{screen: {{type: console}}}}\nrules:\n{rules}\n"
    );
    let loaded = compile(Source::new("rules.yaml".to_owned(), text), vars);
    let rules = loaded.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false))).set;
    Engine::new(Arc::new(rules), Memory::default(), at(0), 1)
}

fn seen(engine: &mut Engine, second: u64, presence: &PresenceJson) {
    let raw = presence.json();
    let (id, presence) = Presence::parse(&raw, None).unwrap();
    engine.observe(at(second), Observation::Updated(id, presence), &mut Effects::default());
}

fn ada() -> PresenceJson {
    PresenceJson::new(ADA).named("Ada").status("online").on(&["desktop"])
}

/// Each gate as `name stands`, with its values.
fn gates(explained: &Explained) -> Vec<String> {
    let told = explained.gates.iter().map(|gate| {
        let values: Vec<String> =
            gate.values.iter().map(|(part, value)| format!(" {part}={value}")).collect();
        format!("{} {}{}", gate.name, gate.stands.word(), values.concat())
    });
    told.collect()
}

#[test]
fn each_gate_says_how_it_stands() {
    let rules = r#"
  - {id: online, who: ada, when: went_online, if: platforms.desktop && now.hour < 12, cooldown: 10m, send: screen}
  - {id: game, who: [ada], when: {started_playing: {name: [Factorio, "Counter*"]}}, if: 'change.to.name == "Braid"', send: screen}
  - {id: off, who: everyone, when: went_offline, enabled: false, send: screen}
  - {id: song, who: ada, when: changed_track, dedupe: {key: "{{track.id}}", window: 1h}, limit: {count: 1, per: 1h}, send: screen}
  - {id: night, who: ada, when: {changed_status: {to: dnd}}, active: {from: "22:00", to: "06:00"}, send: screen}"#;
    let mut engine = engine(rules, &NoVars);
    let told = |engine: &Engine, second: u64, rule: usize, person| {
        let explained = engine.explain(at(second), rule, Some(person));
        let shut = explained.shut().map(|gate| gate.name);
        (gates(&explained), shut)
    };
    // Nothing was heard yet.
    let (shown, shut) = told(&engine, 0, 0, ADA);
    assert_eq!(
        shown,
        [
            "who open",
            "presence shut",
            "when waits",
            "if shut platforms.desktop=false now.hour=0",
            "cooldown open"
        ]
    );
    assert_eq!(shut, Some("presence"));
    seen(&mut engine, 1, &ada().status("offline").on(&[]));
    seen(&mut engine, 2, &ada().playing("Braid"));
    let (shown, shut) = told(&engine, 3, 0, ADA);
    assert_eq!(
        shown,
        [
            "who open",
            "presence open",
            "when waits",
            "if open platforms.desktop=true now.hour=0",
            "cooldown shut"
        ]
    );
    assert_eq!(shut, Some("cooldown"));
    assert_eq!(told(&engine, 700, 0, ADA).1, None);
    assert_eq!(told(&engine, 3, 0, BOB).1, Some("who"));
    // The nearest miss: what is played now, held against what is waited for.
    let (shown, shut) = told(&engine, 3, 1, ADA);
    assert_eq!(shown[2], "when waits started_playing.name=\"Braid\"");
    assert_eq!((shown[3].as_str(), shut), ("if waits change.to.name=missing", None));
    let why = engine.explain(at(3), 1, Some(ADA)).gates.remove(2).why;
    assert_eq!(
        why,
        "asked at `started_playing` with name: `Factorio`, `Counter*`; what is so now would not do"
    );
    assert_eq!(told(&engine, 3, 2, ADA).1, Some("enabled"));
    seen(&mut engine, 4, &ada().listening("One", "A", "B"));
    seen(&mut engine, 5, &ada().listening("Two", "A", "B"));
    let (shown, _) = told(&engine, 6, 3, ADA);
    assert!(shown[3].starts_with("dedupe shut key=\"") && shown[4] == "limit shut", "{shown:?}");
    let (shown, shut) = told(&engine, 6, 4, ADA);
    assert_eq!(shown[2..], ["when waits changed_status.to=\"online\"", "active open"]);
    assert_eq!(shut, None);
    let gates = engine.explain(at(7 * 3600), 4, Some(ADA)).gates;
    assert_eq!(gates[3].why, "it is outside of its hours until 2026-01-05T22:00:00Z");
}

#[test]
fn what_waits_is_told_with_its_end() {
    let rules = r#"
  - {id: lasting, who: ada, when: went_online, for: 5m, send: screen}
  - {id: night, who: ada, when: went_online, active: {from: "08:00", otherwise: defer}, send: screen}
  - {id: together, who: [ada, bob], when: went_online, group: {wait: 1m}, send: screen}"#;
    let mut engine = engine(rules, &NoVars);
    let gate = |engine: &Engine, second: u64, rule: usize| {
        let gate = engine.explain(at(second), rule, Some(ADA)).gates.pop().unwrap();
        (gate.name, gate.stands, gate.why, gate.values.first().map(|(part, value)| format!("{part} {value}")))
    };
    seen(&mut engine, 1, &ada().status("offline").on(&[]));
    let quiet = "it rings once what the change led to has lasted for 5m";
    assert_eq!(gate(&engine, 1, 0), ("for", Stands::Waits, quiet.to_owned(), None));
    let (_, _, why, waiting) = gate(&engine, 1, 1);
    assert!(why.starts_with("it is outside of its hours until 2026-01-05T08:00:00Z;"), "{why}");
    assert_eq!(waiting.as_deref(), Some("waiting 0"));
    let first = "the first that gets here is told with those of the next 1m";
    assert_eq!(gate(&engine, 1, 2), ("group", Stands::Waits, first.to_owned(), None));
    seen(&mut engine, 2, &ada());
    assert_eq!(gate(&engine, 3, 0).3.as_deref(), Some("went_online until 2026-01-05T00:05:02Z"));
    assert_eq!(gate(&engine, 3, 1).3.as_deref(), Some("waiting 1"));
    assert_eq!(gate(&engine, 3, 2).2, "1 gathered so far, told in one message at 2026-01-05T00:01:02Z");
}

#[test]
fn the_last_verdict_comes_with_it() {
    let mut engine =
        engine("  - {id: r, who: ada, when: went_online, if: platforms.vr, send: screen}", &NoVars);
    assert_eq!(engine.explain(at(0), 0, Some(ADA)).last, None);
    seen(&mut engine, 1, &ada().status("offline").on(&[]));
    seen(&mut engine, 2, &ada());
    let last = Last {
        at_ms: at(2).wall_ms,
        cause: Cause::Change(crate::presence::change::ChangeKind::WentOnline),
        verdict: Verdict::ConditionFalse,
    };
    assert_eq!(engine.explain(at(9), 0, Some(ADA)).last, Some(last));
}

#[test]
fn who_is_not_heard_of_rings_nothing() {
    let mut engine = engine("  - {id: r, who: [ada, bob], when: went_online, send: screen}", &NoVars);
    seen(&mut engine, 0, &ada());
    let mut effects = Effects::default();
    engine.observe(at(10), Observation::Disconnected, &mut effects);
    engine.observe(at(10), Observation::Unmonitored(BOB), &mut effects);
    let presence = |second, person| {
        let explained = engine.explain(at(second), 0, Some(person));
        let gate = &explained.gates[1];
        (gate.stands, gate.why.clone())
    };
    let (stands, why) = presence(60, ADA);
    assert_eq!(stands, Stands::Waits);
    assert!(why.contains("2026-01-05T00:00:10Z") && why.contains("rings as `late`"), "{why}");
    let (stands, why) = presence(10 + 901, ADA);
    assert_eq!(stands, Stands::Shut);
    assert!(why.contains("longer than `catch_up` (15m)"), "{why}");
    assert!(presence(60, BOB).1.contains("join its Discord server"));
    assert!(presence(60, UserId(9)).1.contains("nobody asks Lanyard"));
}

#[test]
fn a_while_says_where_it_stands_and_when_it_turns() {
    let rules = "
  - {id: w, who: ada, while: 'playing.name == \"Braid\"', for: 30s, grace: 2m, enter: screen, exit: screen}
  - {id: both, while: 'ada.online && bob.online', enter: screen}";
    let mut engine = engine(rules, &NoVars);
    let step = |engine: &mut Engine, second| engine.tick(at(second), &mut Effects::default());
    let told = |engine: &Engine, second, rule, person| {
        let explained = engine.explain(at(second), rule, person);
        let last = explained.gates.last().map(|gate| (gate.name, gate.why.clone())).unwrap();
        (gates(&explained), explained.shut().map(|gate| gate.name), last)
    };
    seen(&mut engine, 0, &ada());
    let (shown, shut, last) = told(&engine, 1, 0, Some(ADA));
    assert_eq!(shown, ["who open", "presence open", "while shut playing.name=missing", "for waits"]);
    assert_eq!((shut, last.0), (Some("while"), "for"));
    seen(&mut engine, 10, &ada().playing("Braid"));
    let (shown, shut, last) = told(&engine, 20, 0, Some(ADA));
    assert_eq!((shown[2].as_str(), shut), ("while open playing.name=\"Braid\"", None));
    assert!(
        last.1.contains("true since 2026-01-05T00:00:10Z") && last.1.contains("at 2026-01-05T00:00:40Z"),
        "{last:?}"
    );
    step(&mut engine, 40);
    let (_, shut, last) = told(&engine, 41, 0, Some(ADA));
    assert_eq!((shut, last.0), (None, "grace"));
    assert!(last.1.contains("false for 2m"), "{last:?}");
    seen(&mut engine, 50, &ada());
    let (shown, shut, last) = told(&engine, 51, 0, Some(ADA));
    assert_eq!((shown[2].as_str(), shut), ("while waits playing.name=missing", None));
    assert!(last.1.contains("it is over at 2026-01-05T00:02:50Z"), "{last:?}");
    // About nobody in particular.
    let (shown, shut, _) = told(&engine, 51, 1, None);
    assert_eq!((shown[0].as_str(), shut), ("while shut ada.online=true bob.online=missing", Some("while")));
}

/// One secret.
struct Secret;

impl Vars for Secret {
    fn variable(&self, _: &str) -> Option<String> {
        Some("T0P\"SECRET".to_owned())
    }
    fn file(&self, _: &str) -> Result<String, String> {
        Err("is not there".to_owned())
    }
}

#[test]
fn no_secret_is_explained() {
    let rules = r"
  - {id: r, who: ada, when: {changed_kv: {key: 'k', to: '${CODE}'}}, if: 'kv.k == ''${CODE}'' && kv[''${CODE}''] == null', dedupe: {key: 'x{{kv.k}}', window: 1h}, send: screen}";
    let mut engine = engine(rules, &Secret);
    seen(&mut engine, 0, &ada().kv("k", "T0P\"SECRET"));
    let shown = format!("{:?}", engine.explain(at(1), 0, Some(ADA)));
    assert!(!shown.contains("SECRET") && shown.contains("${CODE}"), "{shown}");
}

#[test]
fn the_answer_comes_first_and_says_yes_or_no() {
    let rules = r#"
  - {id: online, who: ada, when: went_online, if: platforms.desktop, cooldown: 10m, send: screen}
  - {id: game, who: ada, when: {started_playing: {name: [Factorio, "Counter*"]}}, if: 'change.to.name == "Braid"', send: screen}
  - {id: off, who: ada, when: went_offline, enabled: false, send: screen}
  - {id: lasting, who: ada, when: [went_online, started_playing], for: 5m, send: screen}
  - {id: late, who: ada, when: went_online, active: {from: "08:00", otherwise: defer}, group: {wait: 1m}, send: screen}
  - {id: begins, who: ada, while: 'playing.name == "Braid"', for: 30s, enter: screen}
  - {id: both, who: ada, while: 'playing.name == "Braid"', grace: 2m, cooldown: 1h, enter: screen, exit: screen}
  - {id: ends, who: ada, while: 'playing.name == "Braid"', exit: screen}"#;
    let mut engine = engine(rules, &NoVars);
    let answer =
        |engine: &Engine, second: u64, rule: usize| engine.explain(at(second), rule, Some(ADA)).answer;
    assert!(answer(&engine, 0, 0).starts_with("no: nothing was heard of this person yet"));
    assert_eq!(answer(&engine, 0, 2), "no: the rule is switched off: `enabled: false`");
    seen(&mut engine, 1, &ada().status("offline").on(&[]));
    assert_eq!(answer(&engine, 1, 0), "no: `if` is false: `platforms.desktop`");
    let next = "yes, at the next `went_online` or `started_playing`, once what it led to has lasted for 5m";
    assert_eq!(answer(&engine, 1, 3), next);
    let hours = "yes, at the next `went_online`, but not before its hours come, told together with others";
    assert_eq!(answer(&engine, 1, 4), hours);
    assert_eq!(answer(&engine, 1, 5), "no: `while` is false: `playing.name == \"Braid\"`");
    seen(&mut engine, 10, &ada());
    assert_eq!(answer(&engine, 11, 0), "no: it has rung, and is quiet until 2026-01-05T00:10:10Z");
    assert_eq!(answer(&engine, 700, 0), "yes, at the next `went_online`");
    let narrowed = "yes, at the next `started_playing` with name: `Factorio`, `Counter*`, if the change is as `if` wants it";
    assert_eq!(answer(&engine, 11, 1), narrowed);
    let waits = "yes, at 2026-01-05T00:05:10Z, if what it has found lasts until then";
    assert_eq!(answer(&engine, 11, 3), waits);
    seen(&mut engine, 20, &ada().playing("Braid"));
    let rises = "yes, `enter` at 2026-01-05T00:00:50Z, if the condition stays true";
    assert_eq!(answer(&engine, 21, 5), rises);
    let holds = "no, not before it is over: `exit` is sent once the condition has been false for 2m";
    assert_eq!(answer(&engine, 21, 6), holds);
    let ends = "no, not before it is over: `exit` is sent as soon as the condition is false";
    assert_eq!(answer(&engine, 21, 7), ends);
    engine.tick(at(50), &mut Effects::default());
    assert_eq!(answer(&engine, 51, 5), "no: it has begun already, and rings again when it begins anew");
    seen(&mut engine, 60, &ada());
    // What keeps an `enter` quiet is nothing to an `exit`.
    let falls = "yes, `exit` at 2026-01-05T00:03:00Z, if the condition stays false";
    assert_eq!(answer(&engine, 61, 6), falls);
    assert_eq!(answer(&engine, 61, 7), "no: `while` is false: `playing.name == \"Braid\"`");
}
