//! When doorchime's own troubles are news, as transcripts: what is heard at seconds in, news at seconds out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Told};
use super::machine::Engine;
use super::troubles::{News, Turn};
use super::verdict::Verdict;
use super::watch::Telling;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Failure, Memory, Part};
use crate::outbox::health::Health;
use crate::presence::model::Presence;
use crate::rules::file;
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// What is heard.
#[derive(Clone, Copy)]
enum Event {
    /// Lanyard is there, or not.
    Live,
    Gone,
    /// A target does so.
    Target(&'static str, Does),
    /// The process ends in order, is gone for so many seconds, and starts again.
    Restart(u64),
    /// The wall clock is set, by so many seconds.
    Clock(i64),
    /// Other rules, with these targets.
    Adopt(&'static str),
    /// The same targets, and these rules.
    AdoptRules(&'static str),
    /// Ada's status is this.
    Ada(&'static str),
}
use Event::{Ada, Adopt, AdoptRules, Clock, Gone, Live, Restart, Target};

#[derive(Clone, Copy)]
enum Does {
    Well,
    Fails,
    Pauses,
    Refuses(u32),
    IsDisabled,
    IsUntried,
}
use Does::{Fails, IsDisabled, IsUntried, Pauses, Refuses, Well};

impl Does {
    fn health(self) -> Health {
        let (since_ms, why) = (0, "HTTP 500".to_owned());
        match self {
            Well => Health::Ok,
            Fails => Health::Failing { since_ms, failures: 1, why },
            Pauses => Health::Paused { since_ms, until_ms: 0, why },
            Refuses(refusals) => Health::Refusing { since_ms, refusals, why },
            IsDisabled => Health::Disabled { since_ms, why },
            IsUntried => Health::Untried,
        }
    }
}

/// A rule that has nothing to do with it.
const OTHER: &str = "{id: on, who: ada, when: went_online, send: phone}";

fn rules(targets: &str, rules: &str) -> Arc<RuleSet> {
    let targets: Vec<String> = targets.split(' ').map(|name| format!("{name}: {{type: console}}")).collect();
    let text = format!("people: {{ada: 7}}\ntargets: {{{}}}\nrules: [{rules}]\n", targets.join(", "));
    match file::load_from("rules.yaml", text.as_bytes()) {
        Ok(loaded) => Arc::new(loaded.set),
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

/// Plays events at seconds, and ten minutes longer; tells the news as `second what`, with how long it was.
fn play(events: &[(u64, Event)]) -> Vec<String> {
    play_by(OTHER, events).0
}

/// The same by these rules: the news, and what rang as `second target: text`, or `second (why not)`.
fn play_by(text: &str, events: &[(u64, Event)]) -> (Vec<String>, Vec<String>) {
    let start = Moment { mono: Duration::from_secs(5), wall_ms: 1_700_000_000_000 };
    let mut rules = rules("phone team", text);
    let mut engine = Engine::new(Arc::clone(&rules), Memory::default(), start, 1);
    engine.watch(Telling::Everything);
    let mut rang = Vec::new();
    let mut marks = Vec::new();
    let mut disk: BTreeMap<Part, i64> = BTreeMap::new();
    let (mut live, mut healths) = (true, BTreeMap::new());
    let (mut told, mut away, mut set_ms) = (Vec::new(), 0, 0);
    let end = events.last().map_or(0, |(at, _)| *at) + 600;
    for second in 0..=end {
        let mut effects = Effects::default();
        let mut now = start.plus(Duration::from_secs(second + away));
        now.wall_ms += set_ms;
        engine.tick(now, &mut effects);
        for (_, event) in events.iter().filter(|(when, _)| *when == second) {
            match *event {
                Live => live = true,
                Gone => live = false,
                Target(name, does) => drop(healths.insert(name.into(), does.health())),
                Clock(seconds) => set_ms += seconds * 1000,
                Adopt(targets) => {
                    rules = self::rules(targets, text);
                    engine.adopt(now, Arc::clone(&rules), &mut effects);
                }
                AdoptRules(text) => {
                    rules = self::rules("phone team", text);
                    engine.adopt(now, Arc::clone(&rules), &mut effects);
                }
                Ada(status) => {
                    let raw = format!(r#"{{"discord_user":{{"id":"7"}},"discord_status":"{status}"}}"#);
                    let (id, presence) = Presence::parse(&raw, None).unwrap();
                    engine.observe(now, Observation::Updated(id, presence), &mut effects);
                }
                Restart(seconds) => {
                    engine.save_all(now, &mut effects);
                    write(&mut disk, &mut effects);
                    away += seconds;
                    now = now.plus(Duration::from_secs(seconds));
                    let failures = disk
                        .iter()
                        .map(|(part, since_ms)| Failure { part: part.clone(), since_ms: Some(*since_ms) });
                    let memory =
                        Memory { failures: failures.collect(), marks: marks.clone(), ..Memory::default() };
                    engine = Engine::new(Arc::clone(&rules), memory, now, 1);
                    engine.watch(Telling::Everything);
                    healths.clear();
                }
            }
        }
        engine.hear_lanyard(now, if live { Ok(()) } else { Err("refused") }, &mut effects);
        engine.hear_targets(now, &healths, &mut effects);
        told.extend(effects.news.iter().map(|news| {
            assert_eq!(now.wall_ms - news.since_ms, lasted(news).unwrap_or(now.wall_ms - news.since_ms));
            format!("{second} {}", spell(news))
        }));
        rang.extend(effects.commit.deliveries.iter().map(|owed| {
            assert_eq!(effects.commit.failures.len(), 1, "in one transaction with what is known then");
            assert_eq!((owed.person, owed.created_ms), (None, now.wall_ms));
            format!("{second} {}: {}", owed.target, owed.parts["text"].as_str().unwrap())
        }));
        rang.extend(effects.told.drain(..).filter_map(|told| match told {
            Told::Verdict { person: None, verdict, .. } if verdict != Verdict::Fired => {
                Some(format!("{second} ({})", verdict.word()))
            }
            _ => None,
        }));
        marks.extend(effects.commit.marks.iter().cloned());
        write(&mut disk, &mut effects);
    }
    (told, rang)
}

fn write(disk: &mut BTreeMap<Part, i64>, effects: &mut Effects) {
    for Failure { part, since_ms } in std::mem::take(&mut effects.commit).failures {
        match since_ms {
            Some(since_ms) => disk.insert(part, since_ms),
            None => disk.remove(&part),
        };
    }
}

fn lasted(news: &News) -> Option<i64> {
    match news.turn {
        Turn::Fails { .. } => None,
        Turn::Recovered { lasted_ms } => Some(lasted_ms),
    }
}

fn spell(news: &News) -> String {
    let part = match &news.part {
        Part::Lanyard => "lanyard",
        Part::Target(target) => target,
    };
    match &news.turn {
        Turn::Fails { why } => format!("{part} fails: {why}"),
        Turn::Recovered { lasted_ms } => format!("{part} after {}", lasted_ms / 1000),
    }
}

#[test]
fn an_outage_is_news_when_it_lasts_and_when_it_is_over() {
    let table: &[(&[(u64, Event)], &[&str])] = &[
        (&[(0, Live)], &[]),
        (&[(0, Gone), (299, Live), (400, Gone), (699, Live)], &[]),
        (&[(0, Gone), (9000, Live)], &["300 lanyard fails: refused", "9000 lanyard after 9000"]),
        // A restart neither tells it twice nor forgets its end.
        (
            &[(0, Gone), (400, Restart(100)), (800, Live)],
            &["300 lanyard fails: refused", "800 lanyard after 900"],
        ),
        (
            &[(0, Gone), (400, Restart(100)), (400, Live)],
            &["300 lanyard fails: refused", "400 lanyard after 500"],
        ),
        // While nobody looked it may have been there.
        (&[(0, Gone), (200, Restart(100))], &["500 lanyard fails: refused"]),
        (&[(0, Gone), (200, Restart(0)), (201, Live)], &[]),
        // However the wall clock is set.
        (
            &[(0, Gone), (100, Clock(3600)), (400, Live)],
            &["300 lanyard fails: refused", "400 lanyard after 400"],
        ),
        (
            &[(0, Gone), (310, Clock(-3600)), (400, Live)],
            &["300 lanyard fails: refused", "400 lanyard after 400"],
        ),
        (
            &[(0, Gone), (310, Clock(3600)), (400, Restart(10)), (500, Live)],
            &["300 lanyard fails: refused", "500 lanyard after 510"],
        ),
    ];
    for (events, expected) in table {
        assert_eq!(play(events), *expected);
    }
}

#[test]
fn a_target_fails_when_it_takes_nothing_for_long_or_says_so() {
    let at_once = &["10 phone fails: HTTP 500"][..];
    let later = &["310 phone fails: HTTP 500"][..];
    for (does, expected) in [
        (Well, &[][..]),
        (IsUntried, &[]),
        (Refuses(2), &[]),
        (Refuses(3), at_once),
        (IsDisabled, at_once),
        (Fails, later),
        (Pauses, later),
    ] {
        assert_eq!(play(&[(10, Target("phone", does))]), expected);
    }
    let (phone, team) = (|does| Target("phone", does), |does| Target("team", does));
    let table: &[(&[(u64, Event)], &[&str])] = &[
        (&[(0, phone(Fails)), (100, phone(Well)), (200, phone(Fails)), (499, phone(Well))], &[]),
        (&[(0, phone(Fails)), (200, phone(Pauses))], &["300 phone fails: HTTP 500"]),
        (&[(0, phone(Fails)), (100, phone(IsDisabled))], &["100 phone fails: HTTP 500"]),
        (
            &[(0, phone(Fails)), (10, team(IsDisabled)), (500, phone(Well)), (600, team(Well))],
            &[
                "10 team fails: HTTP 500",
                "300 phone fails: HTTP 500",
                "500 phone after 500",
                "600 team after 590",
            ],
        ),
        // Another chance is not a success, and what fails again then is no other trouble.
        (
            &[(0, phone(IsDisabled)), (50, phone(IsUntried)), (60, phone(IsDisabled)), (99, phone(Well))],
            &["0 phone fails: HTTP 500", "99 phone after 99"],
        ),
        // Neither is a restart; the next delivery that it takes is.
        (
            &[(0, phone(IsDisabled)), (50, Restart(50)), (60, phone(IsDisabled)), (99, phone(Well))],
            &["0 phone fails: HTTP 500", "99 phone after 149"],
        ),
    ];
    for (events, expected) in table {
        assert_eq!(play(events), *expected);
    }
}

#[test]
fn what_comes_and_goes_is_told_no_more_often_than_it_would_have_to_last() {
    let phone = |does| Target("phone", does);
    let mut events = Vec::new();
    for second in 0..600 {
        events.push((second, phone(if second % 2 == 0 { IsDisabled } else { Well })));
    }
    assert_eq!(
        play(&events),
        ["0 phone fails: HTTP 500", "1 phone after 1", "301 phone fails: HTTP 500", "301 phone after 1"]
    );
    // What still lasts when the quiet is over is told then.
    assert_eq!(
        play(&[(0, phone(IsDisabled)), (10, phone(Well)), (20, phone(IsDisabled))]),
        ["0 phone fails: HTTP 500", "10 phone after 10", "310 phone fails: HTTP 500"]
    );
}

#[test]
fn a_target_that_is_gone_is_forgotten() {
    let phone = |does| Target("phone", does);
    let told = &["0 phone fails: HTTP 500"][..];
    assert_eq!(play(&[(0, phone(IsDisabled)), (9, Adopt("phone")), (20, phone(IsUntried))]), told);
    assert_eq!(
        play(&[
            (0, Target("team", IsDisabled)),
            (9, Adopt("phone")),
            (20, Adopt("phone team")),
            (20, Target("team", Well))
        ]),
        ["0 team fails: HTTP 500"],
        "there is nothing to recover from"
    );
    assert_eq!(
        play(&[
            (0, Target("team", IsDisabled)),
            (9, Adopt("phone")),
            (10, Restart(1)),
            (20, Adopt("phone team")),
            (20, Target("team", Well))
        ]),
        ["0 team fails: HTTP 500"],
        "neither after a restart"
    );
}

#[test]
fn news_ring_in_words_of_their_own() {
    let phone = |does| Target("phone", does);
    let all = "{id: own, when: [lanyard_down, lanyard_up, target_failing, target_recovered], send: team}";
    assert_eq!(
        play_by(all, &[(0, Gone), (400, Live), (500, phone(IsDisabled)), (590, phone(Well))]).1,
        [
            "300 team: Lanyard is down, and nobody is watched: refused",
            "400 team: Lanyard is back after 6 min 40 s",
            "500 team: phone fails: HTTP 500",
            "590 team: phone works again after 1 min 30 s",
        ]
    );
    let said = "{id: own, when: [lanyard_up, target_failing], send: [{to: team, text: \"{{change.kind}} {{default change.target 'nothing'}} {{default change.why 'well'}} {{lasted}} {{rule}} {{late}} {{time since '%H:%M:%S'}}\"}]}";
    assert_eq!(
        play_by(said, &[(0, Gone), (400, Live), (500, phone(IsDisabled))]).1,
        [
            "400 team: lanyard_up nothing well 6 min 40 s own false 22:13:20",
            "500 team: target_failing phone HTTP 500  own false 22:21:40",
        ]
    );
}

#[test]
fn a_restart_rings_nothing_and_forgets_nothing() {
    let all = "{id: own, when: [lanyard_down, lanyard_up, target_failing, target_recovered], send: {to: team, text: '{{change.kind}}'}}";
    let phone = |does| Target("phone", does);
    assert_eq!(
        play_by(all, &[(0, Gone), (10, phone(IsDisabled)), (400, Restart(60)), (500, Restart(60))]).1,
        ["10 team: target_failing", "300 team: lanyard_down"]
    );
    assert_eq!(
        play_by(
            all,
            &[
                (0, Gone),
                (10, phone(IsDisabled)),
                (400, Restart(60)),
                (401, Live),
                (402, phone(Well)),
                (450, Restart(1))
            ]
        )
        .1,
        [
            "10 team: target_failing",
            "300 team: lanyard_down",
            "401 team: lanyard_up",
            "402 team: target_recovered"
        ]
    );
}

#[test]
fn own_rules_are_narrowed_asked_and_held_back_like_others() {
    let (phone, team) = (|does| Target("phone", does), |does| Target("team", does));
    let two: &[(u64, Event)] =
        &[(0, phone(IsDisabled)), (1, team(IsDisabled)), (700, team(Well)), (1400, team(IsDisabled))];
    for (keys, expected) in [
        ("when: {target_failing: {target: te*}}", &["0 (narrowed)", "1 team", "1400 team"][..]),
        (
            "when: target_failing, if: 'change.target == \"phone\" && change.why.contains(\"500\")'",
            &["0 team", "1 (condition_false)", "1400 (condition_false)"],
        ),
        ("when: target_failing, cooldown: 10m", &["0 team", "1 (cooldown)", "1400 team"]),
        ("when: target_failing, dedupe: '{{change.target}}'", &["0 team", "1 team", "1400 (duplicate)"]),
        ("when: target_failing, limit: {count: 1, per: 10m}", &["0 team", "1 (limit)", "1400 team"]),
        // It is a quarter past ten in the evening.
        (
            "when: target_failing, active: {from: '06:00', to: '22:00'}",
            &["0 (inactive)", "1 (inactive)", "1400 (inactive)"],
        ),
        ("when: target_failing, if: 'now.hour == 22'", &["0 team", "1 team", "1400 team"]),
        ("when: target_failing, enabled: false", &[]),
    ] {
        let rule = format!("{OTHER}, {{id: own, {keys}, send: {{to: team, text: x}}}}");
        let rang: Vec<String> = play_by(&rule, two).1.iter().map(|line| line.replace(": x", "")).collect();
        assert_eq!(rang, expected, "{keys}");
    }
    let by_ada = "{id: own, when: lanyard_down, if: ada.online, send: {to: team, text: x}}";
    assert_eq!(play_by(by_ada, &[(0, Ada("online")), (1, Gone)]).1, ["301 team: x"]);
    assert_eq!(play_by(by_ada, &[(0, Ada("offline")), (1, Gone)]).1, ["301 (condition_false)"]);
    assert_eq!(play_by(by_ada, &[(1, Gone)]).1, ["301 (condition_false)"]);
    let cools = "{id: own, when: target_failing, cooldown: 1h, send: {to: team, text: x}}";
    let events = [(0, phone(IsDisabled)), (10, Restart(10)), (20, phone(Well)), (1000, phone(IsDisabled))];
    assert_eq!(play_by(cools, &events).1, ["0 team: x", "1000 (cooldown)"], "a cooldown outlives a restart");
}

#[test]
fn other_rules_are_told_of_what_is_new_and_not_of_what_is_known() {
    let phone = |does| Target("phone", does);
    let both =
        "{id: own, when: [target_failing, target_recovered], send: {to: team, text: '{{change.kind}}'}}";
    let events = [(0, phone(IsDisabled)), (50, AdoptRules(both)), (90, phone(Well))];
    assert_eq!(play_by(OTHER, &events).1, ["90 team: target_recovered"]);
    let rests = "{id: own, enabled: false, when: [target_failing, target_recovered], send: {to: team, text: '{{change.kind}}'}}";
    let events = [(0, phone(IsDisabled)), (50, AdoptRules(rests)), (90, phone(Well)), (95, AdoptRules(both))];
    assert_eq!(play_by(both, &events).1, ["0 team: target_failing"]);
}

#[test]
fn what_is_sent_to_the_target_that_fails_makes_no_further_news() {
    // It refuses whatever it is sent, and first of all what it is told about itself.
    let rule = "{id: own, when: [target_failing, target_recovered], send: [{to: phone, text: a}, {to: phone, text: b}, {to: phone, text: c}]}";
    let phone = |does| Target("phone", does);
    let mut events = vec![(0, phone(Refuses(3)))];
    events.extend((1..1200).map(|second| (second, phone(Refuses(6)))));
    assert_eq!(play_by(rule, &events).1, ["0 phone: a", "0 phone: b", "0 phone: c"]);
}
