//! What holds firings back, told as stories: what happens at which time, and what is said and sent then.

use std::sync::Arc;
use std::time::Duration;

use super::effects::Told;
use crate::lanyard::observation::Observation;
use crate::presence::model::{Presence, UserId};
use crate::rehearsal::play::{Rehearsal, Scene};
use crate::rules::file;
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// Monday, 2026-01-05 00:00 in Berlin.
const START: Moment = Moment { mono: Duration::ZERO, wall_ms: 1_767_567_600_000 };

/// What happens at a time.
enum Event {
    /// A PRESENCE_UPDATE: a person, and the keys of their presence.
    Update(u64, &'static str),
    /// An INIT_STATE with these people.
    Snapshot(&'static [(u64, &'static str)]),
    Disconnect,
    /// The process ends in good order, is gone for so many seconds, and starts again.
    Restart(u64),
    /// The same, with what was written by then.
    Kill(u64),
    /// Other rules.
    Rules(&'static str),
}

use Event::{Disconnect, Kill, Restart, Rules, Snapshot, Update};

const ADA: u64 = 7;
const BOB: u64 = 8;
const OFF: &str = "";
const ON: &str = r#""discord_status":"online","#;
const DND: &str = r#""discord_status":"dnd","#;
const IDLE: &str = r#""discord_status":"idle","#;

fn rules(rules: &str) -> Arc<RuleSet> {
    let text = format!(
        "timezone: Europe/Berlin\nsmoothing: {{offline: 0, listening: 0, activity: 0}}\npeople: {{ada: 7, bob: 8}}\ngroups: {{both: [ada, bob]}}\ntargets: {{screen: {{type: console}}, api: {{type: webhook, url: 'https://x'}}}}\nrules:\n{rules}"
    );
    match file::load_from("rules.yaml", text.as_bytes()) {
        Ok(loaded) => Arc::new(loaded.set),
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

/// `d hh:mm:ss`, without what is zero at its beginning, as seconds.
fn seconds(time: &str) -> u64 {
    let (days, clock) = time.split_once(' ').unwrap_or(("0", time));
    let parts = clock.split(':').map(|part| part.parse::<u64>().unwrap());
    days.parse::<u64>().unwrap() * 86_400 + parts.fold(0, |sum, part| sum * 60 + part)
}

fn clock(second: u64) -> String {
    let (day, hour, minute) = (second / 86_400, second / 3_600 % 24, second / 60 % 60);
    let clock = format!("{hour:02}:{minute:02}:{:02}", second % 60);
    if day == 0 { clock } else { format!("{day} {clock}") }
}

/// Plays a story until `until`, and tells what is said of rules and what they send.
fn play(set: &str, events: &[(&str, Event)], until: &str) -> Vec<String> {
    let mut rehearsal = Rehearsal::new(rules(set), START).watched().restartable();
    let mut told = Vec::new();
    let mut sink = |scene: Scene<'_>| {
        let at = clock(u64::try_from(scene.now.wall_ms - START.wall_ms).unwrap() / 1000);
        for one in scene.told.iter() {
            if let Told::Verdict { rule, verdict, .. } = one {
                told.push(format!("{at} {rule}: {}", verdict.word()));
            }
        }
        for owed in scene.owed.iter() {
            let parts = serde_json::Value::Object(owed.parts.clone());
            let text = owed
                .parts
                .get("text")
                .map_or_else(|| parts.to_string(), |text| text.as_str().unwrap().to_owned());
            told.push(format!("{at} {} > {text}", owed.rule));
        }
    };
    let mut away = 0;
    for (time, event) in events {
        let at = START.plus(Duration::from_secs(seconds(time) + away));
        let whole = |id: u64, part: &str| {
            format!(r#"{{"discord_user":{{"id":"{id}","username":"u{id}"}},{part}"x":0}}"#)
        };
        match event {
            Update(id, part) => {
                let raw = whole(*id, part);
                let (id, presence) = Presence::parse(&raw, None).unwrap();
                rehearsal.observe(at, Observation::Updated(id, presence), &mut sink);
            }
            Snapshot(people) => {
                for (id, part) in *people {
                    let raw = whole(*id, part);
                    let (id, presence) = Presence::parse(&raw, None).unwrap();
                    rehearsal.observe(at, Observation::Seen(id, presence), &mut sink);
                }
                let absent = [ADA, BOB].into_iter().filter(|id| people.iter().all(|(there, _)| there != id));
                let absent = absent.map(UserId).collect();
                rehearsal.observe(at, Observation::SnapshotEnd { absent }, &mut sink);
            }
            Disconnect => rehearsal.observe(at, Observation::Disconnected, &mut sink),
            Restart(seconds) => {
                rehearsal.restart(at, Duration::from_secs(*seconds), &mut sink);
                away += seconds;
            }
            Kill(seconds) => {
                rehearsal.kill(at, Duration::from_secs(*seconds), &mut sink);
                away += seconds;
            }
            Rules(set) => rehearsal.adopt(at, rules(set), &mut sink),
        }
    }
    rehearsal.settle(START.plus(Duration::from_secs(seconds(until) + away)), &mut sink);
    told
}

fn check(set: &str, events: &[(&str, Event)], until: &str, expected: &[&str]) {
    assert_eq!(play(set, events, until), expected, "{set}");
}

const LIMITED: &str = "  - {id: r, who: both, when: changed_status, limit: {count: 2, per: 10m}, send: {to: screen, text: '{{name}} {{status}}'}}\n";

#[test]
fn a_limit_counts_for_each_person_and_outlives_every_end() {
    for end in [Restart(5), Kill(5)] {
        check(
            LIMITED,
            &[
                ("0", Snapshot(&[(ADA, ON), (BOB, ON)])),
                ("1:00", Update(ADA, DND)),
                ("2:00", Update(ADA, ON)),
                ("3:00", Update(ADA, DND)),
                ("3:00", Update(BOB, DND)),
                ("4:00", end),
                ("5:00", Snapshot(&[(ADA, ON), (BOB, DND)])),
                // Five seconds away, and the first of the two is ten minutes ago.
                ("10:54", Update(ADA, DND)),
                ("10:56", Update(ADA, ON)),
                ("10:57", Update(ADA, DND)),
            ],
            "20:00",
            &[
                "00:01:00 r: fired",
                "00:01:00 r > u7 dnd",
                "00:02:00 r: fired",
                "00:02:00 r > u7 online",
                "00:03:00 r: limit",
                "00:03:00 r: fired",
                "00:03:00 r > u8 dnd",
                "00:05:05 r: limit",
                "00:10:59 r: limit",
                "00:11:01 r: fired",
                "00:11:01 r > u7 online",
                "00:11:02 r: limit",
            ],
        );
    }
}

#[test]
fn another_limit_takes_up_what_the_old_one_counted() {
    const TIGHTER: &str = "  - {id: r, who: both, when: changed_status, limit: {count: 1, per: 5m}, send: {to: screen, text: x}}\n";
    const NONE: &str = "  - {id: r, who: both, when: changed_status, send: {to: screen, text: x}}\n";
    const RESTS: &str = "  - {id: r, who: both, when: changed_status, enabled: false, limit: {count: 2, per: 10m}, send: {to: screen, text: x}}\n";
    let with = |set: &'static str, then: &'static str| {
        let events = [
            ("0", Snapshot(&[(ADA, ON), (BOB, ON)])),
            ("1:00", Update(ADA, DND)),
            ("2:00", Update(ADA, ON)),
            ("3:00", Rules(set)),
            ("3:01", Rules(then)),
            ("6:30", Update(ADA, DND)),
            ("6:59", Kill(0)),
            ("6:59", Snapshot(&[(ADA, DND), (BOB, ON)])),
            ("7:00", Update(ADA, ON)),
        ];
        let told = play(LIMITED, &events, "8:00");
        told.into_iter().skip(4).filter(|line| !line.contains('>')).collect::<Vec<_>>()
    };
    assert_eq!(with(TIGHTER, TIGHTER), ["00:06:30 r: limit", "00:07:00 r: fired"]);
    assert_eq!(with(RESTS, LIMITED), ["00:06:30 r: limit", "00:07:00 r: limit"]);
    assert_eq!(
        with(NONE, LIMITED),
        ["00:06:30 r: fired", "00:07:00 r: fired"],
        "what is not counted is forgotten"
    );
    assert_eq!(
        with("", LIMITED),
        ["00:06:30 r: fired", "00:07:00 r: fired"],
        "a rule that was gone starts afresh"
    );
}

#[test]
fn outside_of_its_hours_a_rule_is_silent() {
    check(
        "  - {id: r, who: ada, when: changed_status, active: {days: mon, from: '9:00', to: '17:00'}, cooldown: 1h, send: {to: screen, text: '{{status}}'}}\n",
        &[
            ("0", Snapshot(&[(ADA, ON)])),
            ("8:59:59", Update(ADA, DND)),
            ("9:00:00", Update(ADA, ON)),
            ("10:00:00", Update(ADA, IDLE)),
            ("16:59:59", Update(ADA, DND)),
            ("17:00:00", Update(ADA, ON)),
            ("1 12:00:00", Update(ADA, DND)),
        ],
        "2 0:00:00",
        &[
            "08:59:59 r: inactive",
            "09:00:00 r: fired",
            "09:00:00 r > online",
            "10:00:00 r: fired",
            "10:00:00 r > idle",
            "16:59:59 r: fired",
            "16:59:59 r > dnd",
            "17:00:00 r: inactive",
            "1 12:00:00 r: inactive",
        ],
    );
}

#[test]
fn what_is_found_after_a_gap_counts_like_everything_else() {
    check(
        "  - {id: r, who: ada, when: changed_status, limit: {count: 2, per: 10m}, send: {to: screen, text: '{{status}}{{#if late}} late{{/if}}'}}\n",
        &[
            ("0", Snapshot(&[(ADA, ON)])),
            ("1:00", Update(ADA, DND)),
            ("2:00", Disconnect),
            ("3:00", Snapshot(&[(ADA, OFF)])),
            ("4:00", Update(ADA, ON)),
        ],
        "5:00",
        &[
            "00:01:00 r: fired",
            "00:01:00 r > dnd",
            "00:03:00 r: fired",
            "00:03:00 r > offline late",
            "00:04:00 r: limit",
        ],
    );
}

const NIGHTS: &str = "  - {id: r, who: both, when: [went_online, went_offline, changed_custom_status], if: 'status != \"idle\"', active: {from: '9:00', to: '23:00', otherwise: defer}, send: {to: screen, text: '{{name}} {{change.kind}} {{time since \"%H:%M\"}}'}}\n";

/// What is sent, without what is only said.
fn sent(set: &str, events: &[(&str, Event)], until: &str) -> Vec<String> {
    play(set, events, until).into_iter().filter(|line| line.contains('>')).collect()
}

#[test]
fn what_waits_for_its_hours_rings_then_if_it_is_still_true() {
    check(
        NIGHTS,
        &[
            ("0", Snapshot(&[(ADA, OFF), (BOB, OFF)])),
            ("2:00:00", Update(ADA, ON)),
            ("3:00:00", Update(BOB, ON)),
            ("4:00:00", Update(BOB, OFF)),
            ("8:00:00", Update(BOB, DND)),
            // Of two about the same, the later one counts.
            ("8:30:00", Update(BOB, OFF)),
        ],
        "10:00:00",
        &[
            "02:00:00 r: deferred",
            "03:00:00 r: deferred",
            "04:00:00 r: deferred",
            "08:00:00 r: deferred",
            "08:30:00 r: deferred",
            "09:00:00 r: fired",
            "09:00:00 r: fired",
            "09:00:00 r > u7 went_online 02:00",
            "09:00:00 r > u8 went_offline 08:00",
        ],
    );
}

#[test]
fn what_is_over_when_the_hours_come_does_not_ring() {
    const ONLINE: &str = "  - {id: r, who: both, when: went_online, if: 'status != \"idle\"', active: {from: '9:00', otherwise: defer}, send: {to: screen, text: '{{name}}'}}\n";
    check(
        ONLINE,
        &[
            ("0", Snapshot(&[(ADA, OFF), (BOB, OFF)])),
            ("1:00:00", Update(ADA, ON)),
            ("2:00:00", Update(ADA, OFF)),
            ("3:00:00", Update(BOB, ON)),
            ("4:00:00", Update(BOB, IDLE)),
        ],
        "10:00:00",
        &["01:00:00 r: deferred", "03:00:00 r: deferred", "09:00:00 r: over", "09:00:00 r: condition_false"],
    );
}

#[test]
fn what_waits_for_its_hours_outlives_every_end() {
    for end in [Restart(60), Kill(60)] {
        for at in ["2:00:01", "8:58:00"] {
            let told = sent(
                NIGHTS,
                &[
                    ("0", Snapshot(&[(ADA, OFF), (BOB, OFF)])),
                    ("2:00:00", Update(ADA, ON)),
                    (
                        at,
                        match end {
                            Restart(away) => Restart(away),
                            _ => Kill(60),
                        },
                    ),
                    ("8:58:30", Snapshot(&[(ADA, ON), (BOB, OFF)])),
                ],
                "10:00:00",
            );
            assert_eq!(told, ["09:00:00 r > u7 went_online 02:00"], "{at}");
        }
    }
    // Away when the window opens: whoever is seen again is asked again.
    for (looks, expected) in [(ON, &["13:00:10 r > u7 went_online 02:00"][..]), (OFF, &[])] {
        let seen: &'static [(u64, &'static str)] = if looks == ON { &[(ADA, ON)] } else { &[(ADA, OFF)] };
        let told = sent(
            NIGHTS,
            &[
                ("0", Snapshot(&[(ADA, OFF)])),
                ("2:00:00", Update(ADA, ON)),
                ("3:00:00", Kill(36_000)),
                ("3:00:10", Snapshot(seen)),
            ],
            "10:00:00",
        );
        assert_eq!(told, expected);
    }
    let told = sent(
        NIGHTS,
        &[
            ("0", Snapshot(&[(ADA, OFF), (BOB, OFF)])),
            ("2:00:00", Update(ADA, ON)),
            ("2:00:00", Update(BOB, ON)),
            ("8:59:00", Disconnect),
            ("9:10:00", Snapshot(&[(ADA, ON)])),
            ("9:20:00", Update(BOB, ON)),
        ],
        "10:00:00",
    );
    assert_eq!(told, ["09:10:00 r > u7 went_online 02:00", "09:20:00 r > u8 went_online 02:00"]);
}

#[test]
fn other_rules_and_what_waits_for_its_hours() {
    const ONLY_DROPS: &str =
        "  - {id: r, who: both, when: went_online, active: {from: '9:00'}, send: {to: screen, text: x}}\n";
    const EARLIER: &str = "  - {id: r, who: both, when: went_online, active: {from: '8:00', otherwise: defer}, send: {to: screen, text: early}}\n";
    const RESTS: &str = "  - {id: r, who: both, when: went_online, enabled: false, active: {from: '8:00', otherwise: defer}, send: {to: screen, text: early}}\n";
    const BOB_ALONE: &str = "  - {id: r, who: bob, when: went_online, active: {from: '9:00', otherwise: defer}, send: {to: screen, text: x}}\n";
    let with = |set: &'static str, then: &'static str| {
        let events = [
            ("0", Snapshot(&[(ADA, OFF), (BOB, OFF)])),
            ("2:00:00", Update(ADA, ON)),
            ("3:00:00", Rules(set)),
            ("3:00:01", Kill(0)),
            ("3:00:02", Snapshot(&[(ADA, ON), (BOB, OFF)])),
            ("8:30:00", Rules(then)),
        ];
        sent(NIGHTS, &events, "10:00:00")
    };
    assert_eq!(with(NIGHTS, NIGHTS), ["09:00:00 r > u7 went_online 02:00"]);
    assert_eq!(with(ONLY_DROPS, NIGHTS), [""; 0]);
    assert_eq!(with("", NIGHTS), [""; 0]);
    assert_eq!(with(EARLIER, NIGHTS), ["08:00:00 r > early"]);
    assert_eq!(with(RESTS, EARLIER), ["08:30:00 r > early"]);
    assert_eq!(with(BOB_ALONE, BOB_ALONE), [""; 0], "the rule is not about her any more");
}

#[test]
fn the_other_gates_are_asked_when_it_rings() {
    let told = play(
        "  - {id: r, who: ada, when: [started_playing, started_listening], cooldown: 1h, active: {from: '9:00', otherwise: defer}, send: {to: screen, text: '{{change.kind}}'}}\n",
        &[
            ("0", Snapshot(&[(ADA, ON)])),
            ("1:00:00", Update(ADA, r#""discord_status":"online","activities":[{"type":0,"name":"A"}],"#)),
            (
                "2:00:00",
                Update(
                    ADA,
                    r#""discord_status":"online","activities":[{"type":0,"name":"A"}],"spotify":{"track_id":"a"},"#,
                ),
            ),
        ],
        "10:00:00",
    );
    assert_eq!(
        told,
        [
            "01:00:00 r: deferred",
            "02:00:00 r: deferred",
            "09:00:00 r: fired",
            "09:00:00 r: cooldown",
            "09:00:00 r > started_playing",
        ]
    );
}

const TOGETHER: &str = "  - {id: r, who: both, when: changed_status, dedupe: '{{status}}', group: {wait: 30s, max: 3}, send: {to: screen, text: '{{count}}: {{#each firings}}{{name}} {{change.from}}-{{change.to}}{{#unless @last}}, {{/unless}}{{/each}}'}}\n";

#[test]
fn what_comes_together_is_told_together() {
    check(
        TOGETHER,
        &[
            ("0", Snapshot(&[(ADA, ON), (BOB, ON)])),
            ("1:00", Update(ADA, DND)),
            ("1:20", Update(BOB, IDLE)),
            ("2:00", Update(ADA, IDLE)),
            ("2:01", Update(ADA, DND)),
            ("2:02", Update(BOB, OFF)),
            ("2:03", Update(BOB, DND)),
        ],
        "10:00",
        &[
            "00:01:00 r: gathered",
            "00:01:20 r: gathered",
            "00:01:30 r: fired",
            "00:01:30 r > 2: u7 online-dnd, u8 online-idle",
            "00:02:00 r: gathered",
            "00:02:01 r: duplicate",
            "00:02:02 r: gathered",
            // So many are told at once.
            "00:02:03 r: gathered",
            "00:02:03 r: fired",
            "00:02:03 r > 3: u7 dnd-idle, u8 idle-offline, u8 offline-dnd",
        ],
    );
}

#[test]
fn what_is_gathered_outlives_every_end_and_is_told_once() {
    for end in [|| Restart(5), || Kill(5)] {
        for at in ["1:00", "1:20", "1:25", "1:31", "1:40"] {
            let mut events = vec![
                ("0", Snapshot(&[(ADA, ON), (BOB, ON)])),
                ("1:00", Update(ADA, DND)),
                ("1:20", Update(BOB, IDLE)),
                ("2:00", Update(ADA, ON)),
            ];
            let place = events.iter().rposition(|(time, _)| seconds(time) <= seconds(at)).unwrap() + 1;
            events.insert(place, (at, end()));
            let (ada, bob) = (if place > 1 { DND } else { ON }, if place > 2 { IDLE } else { ON });
            let seen: &'static [(u64, &'static str)] = Box::leak(Box::new([(ADA, ada), (BOB, bob)]));
            events.insert(place + 1, (at, Snapshot(seen)));
            let told: Vec<String> = sent(TOGETHER, &events, "10:00")
                .into_iter()
                .map(|line| line.split_once('>').unwrap().1.to_owned())
                .collect();
            assert_eq!(told, [" 2: u7 online-dnd, u8 online-idle", " 1: u7 dnd-online"], "{at}");
        }
    }
}

#[test]
fn of_each_person_what_is_theirs() {
    check(
        "  - {id: r, who: both, when: changed_status, group: {wait: 10s, by: person}, send: {to: screen, text: '{{name}} is {{status}} after {{firings.length}} {{join (pluck firings \"change.to\") \" \"}}'}}\n",
        &[
            ("0", Snapshot(&[(ADA, ON), (BOB, ON)])),
            ("1:00", Update(ADA, DND)),
            ("1:01", Update(BOB, IDLE)),
            ("1:02", Update(ADA, IDLE)),
            ("1:03", Update(ADA, DND)),
        ],
        "10:00",
        &[
            "00:01:00 r: gathered",
            "00:01:01 r: gathered",
            "00:01:02 r: gathered",
            "00:01:03 r: gathered",
            "00:01:10 r: fired",
            "00:01:10 r > u7 is dnd after 3 dnd idle dnd",
            "00:01:11 r: fired",
            "00:01:11 r > u8 is idle after 1 idle",
        ],
    );
}

#[test]
fn what_is_gathered_is_told_before_its_rule_changes() {
    const ALONE: &str =
        "  - {id: r, who: both, when: changed_status, send: {to: screen, text: '{{name}} alone'}}\n";
    const EACH: &str = "  - {id: r, who: both, when: changed_status, group: {wait: 30s, by: person}, send: {to: screen, text: '{{name}}'}}\n";
    const LONGER: &str = "  - {id: r, who: both, when: changed_status, group: {wait: 60s}, send: {to: screen, text: 'new {{count}}'}}\n";
    let with = |set: &'static str| {
        let events = [
            ("0", Snapshot(&[(ADA, ON), (BOB, ON)])),
            ("1:00", Update(ADA, DND)),
            ("1:01", Update(BOB, DND)),
            ("1:10", Rules(set)),
            ("1:11", Kill(0)),
            ("1:11", Snapshot(&[(ADA, DND), (BOB, DND)])),
        ];
        sent(TOGETHER, &events, "10:00")
    };
    for set in [ALONE, EACH, ""] {
        assert_eq!(with(set), ["00:01:10 r > 2: u7 online-dnd, u8 online-dnd"], "{set}");
    }
    assert_eq!(with(LONGER), ["00:01:30 r > new 2"]);
}

#[test]
fn messages_that_say_nothing_of_their_own() {
    let events =
        [("0", Snapshot(&[(ADA, OFF), (BOB, OFF)])), ("1:00", Update(ADA, ON)), ("1:01", Update(BOB, DND))];
    let told = sent(
        "  - {id: r, who: both, when: went_online, group: {wait: 30s}, send: [screen, api]}\n",
        &events,
        "10:00",
    );
    assert_eq!(told[0], "00:01:30 r > u7 is online, u8 is online");
    let event: serde_json::Value = serde_json::from_str(told[1].split_once("> ").unwrap().1).unwrap();
    let event = event.as_object().unwrap().values().next().unwrap();
    assert_eq!(
        (&event["type"], &event["count"], &event["rule"]),
        (&"group".into(), &2.into(), &"r".into()),
        "{event}"
    );
    let names: Vec<&str> = event["firings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["person"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["u7", "u8"]);
    assert_eq!(event["firings"][1]["change"]["to"], "dnd");
}
