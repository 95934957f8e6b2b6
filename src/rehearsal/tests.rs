//! What a rehearsal shows, and when.

mod stories;

use std::sync::Arc;
use std::time::Duration;

use super::play::{Rehearsal, Scene};
use crate::engine::effects::Told;
use crate::engine::person::Standing;
use crate::lanyard::observation::Observation;
use crate::presence::model::{Presence, UserId};
use crate::rules::file;
use crate::rules::set::RuleSet;
use crate::time::Moment;

const START: Moment = Moment { mono: Duration::ZERO, wall_ms: 1_767_225_600_000 };
const ADA: UserId = UserId(7);

fn rules(rules: &str) -> Arc<RuleSet> {
    let text = format!("people: {{ada: 7}}\ntargets: {{screen: {{type: console}}}}\nrules: [{rules}]\n");
    match file::load_from("rules.yaml", text.as_bytes()) {
        Ok(loaded) => Arc::new(loaded.set),
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

fn second(second: u64) -> Moment {
    START.plus(Duration::from_secs(second))
}

/// What a scene shows, a line each.
fn lines(scene: &Scene<'_>, shown: &mut Vec<String>) {
    let at = scene.now.mono.as_secs();
    assert_eq!(scene.now.wall_ms - START.wall_ms, i64::try_from(at).unwrap() * 1000, "both clocks go alike");
    let online = scene.presence(ADA).is_some_and(|seen| seen.online());
    for told in &*scene.told {
        shown.push(match told {
            Told::Change { kind, .. } => format!("{at} {} online={online}", kind.name()),
            Told::Verdict { rule, verdict, .. } => format!("{at} {rule}: {}", verdict.word()),
        });
    }
    for owed in &*scene.owed {
        shown.push(format!(
            "{at} {} to {}: {}",
            owed.rule,
            owed.target,
            owed.parts["text"].as_str().unwrap()
        ));
    }
}

fn see(rehearsal: &mut Rehearsal, at: u64, status: &str, shown: &mut Vec<String>) {
    let raw = format!(r#"{{"discord_user":{{"id":"7","username":"ada"}},"discord_status":"{status}"}}"#);
    let (id, presence) = Presence::parse(&raw, None).unwrap();
    let mut sink = |scene: Scene<'_>| lines(&scene, shown);
    rehearsal.observe(second(at), Observation::Updated(id, presence), &mut sink);
}

#[test]
fn what_is_due_happens_at_its_own_time_and_not_before() {
    let rules =
        rules("{id: off, who: ada, when: went_offline, send: {to: screen, text: 'after {{lasted}}'}}");
    let mut rehearsal = Rehearsal::new(rules, START).watched();
    let mut shown = Vec::new();
    see(&mut rehearsal, 0, "offline", &mut shown);
    see(&mut rehearsal, 10, "online", &mut shown);
    see(&mut rehearsal, 100, "offline", &mut shown);
    rehearsal.settle(second(159), &mut |scene| lines(&scene, &mut shown));
    assert_eq!(shown, ["10 went_online online=true", "10 changed_status online=true"]);
    shown.clear();
    // The hold of a minute ends in the midst of an hour that passes at once.
    rehearsal.settle(second(3600), &mut |scene| lines(&scene, &mut shown));
    assert_eq!(
        shown,
        [
            "160 went_offline online=false",
            "160 off: fired",
            "160 changed_status online=false",
            "160 off to screen: after 1 min 30 s"
        ]
    );
    assert_eq!(rehearsal.now(), second(3600));
}

#[test]
fn nobody_is_told_of_what_is_not_watched() {
    let rules = rules("{id: on, who: ada, when: went_online, send: {to: screen, text: hi}}");
    let mut rehearsal = Rehearsal::new(rules, START);
    let mut shown = Vec::new();
    see(&mut rehearsal, 0, "offline", &mut shown);
    see(&mut rehearsal, 1, "dnd", &mut shown);
    assert_eq!(shown, ["1 on to screen: hi"]);
}

#[test]
fn a_restart_goes_on_from_what_was_written_down() {
    let rules = rules(
        "{id: any, who: ada, when: changed_status, cooldown: 10m, send: {to: screen, text: '{{status}}{{#if late}} late{{/if}}'}}",
    );
    let mut rehearsal = Rehearsal::new(rules, START).watched().restartable();
    let mut shown = Vec::new();
    see(&mut rehearsal, 0, "idle", &mut shown);
    see(&mut rehearsal, 60, "online", &mut shown);
    rehearsal.restart(second(120), Duration::from_secs(240), &mut |scene| lines(&scene, &mut shown));
    assert_eq!(rehearsal.now(), second(360));
    assert_eq!(rehearsal.engine().standing(ADA), Standing::Stale);
    see(&mut rehearsal, 361, "dnd", &mut shown);
    see(&mut rehearsal, 700, "idle", &mut shown);
    assert_eq!(
        shown,
        [
            "60 changed_status online=true",
            "60 any: fired",
            "60 any to screen: online",
            "361 changed_status online=true",
            "361 any: cooldown",
            "700 changed_status online=true",
            "700 any: fired",
            "700 any to screen: idle",
        ]
    );
}

#[test]
fn other_rules_go_on_where_the_old_ones_were() {
    let ring = |text: &str| {
        rules(&format!("{{id: any, who: ada, when: changed_status, send: {{to: screen, text: {text}}}}}"))
    };
    let mut rehearsal = Rehearsal::new(ring("old"), START);
    let mut shown = Vec::new();
    see(&mut rehearsal, 0, "idle", &mut shown);
    rehearsal.adopt(second(5), ring("new"), &mut |scene| lines(&scene, &mut shown));
    see(&mut rehearsal, 6, "dnd", &mut shown);
    assert_eq!(shown, ["6 any to screen: new"]);
}
