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
