//! When doorchime's own troubles are news, as transcripts: what is heard at seconds in, news at seconds out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effects::Effects;
use super::machine::Engine;
use super::troubles::{News, Turn};
use crate::outbox::delivery::{Failure, Memory, Part};
use crate::outbox::health::Health;
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
}
use Event::{Adopt, Clock, Gone, Live, Restart, Target};

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

fn rules(targets: &str) -> Arc<RuleSet> {
    let targets: Vec<String> = targets.split(' ').map(|name| format!("{name}: {{type: console}}")).collect();
    let text = format!(
        "people: {{ada: 7}}\ntargets: {{{}}}\nrules: [{{id: r, who: ada, when: went_online, send: phone}}]\n",
        targets.join(", ")
    );
    match file::load_from("rules.yaml", text.as_bytes()) {
        Ok(loaded) => Arc::new(loaded.set),
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

/// Plays events at seconds, and ten minutes longer; tells the news as `second what`, with how long it was.
fn play(events: &[(u64, Event)]) -> Vec<String> {
    let start = Moment { mono: Duration::from_secs(5), wall_ms: 1_700_000_000_000 };
    let mut rules = rules("phone team");
    let mut engine = Engine::new(Arc::clone(&rules), Memory::default(), start, 1);
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
                    rules = self::rules(targets);
                    engine.adopt(now, Arc::clone(&rules), &mut effects);
                }
                Restart(seconds) => {
                    engine.save_all(now, &mut effects);
                    write(&mut disk, &mut effects);
                    away += seconds;
                    now = now.plus(Duration::from_secs(seconds));
                    let failures = disk
                        .iter()
                        .map(|(part, since_ms)| Failure { part: part.clone(), since_ms: Some(*since_ms) });
                    let memory = Memory { failures: failures.collect(), ..Memory::default() };
                    engine = Engine::new(Arc::clone(&rules), memory, now, 1);
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
        write(&mut disk, &mut effects);
    }
    told
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
