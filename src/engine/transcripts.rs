//! What rings and what does not, as transcripts: events at seconds in, verdicts at seconds out.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Told};
use super::machine::Engine;
use super::verdict::Verdict;
use super::watch::Telling;
use crate::lanyard::observation::Observation;
use crate::lanyard::settings::LanyardSettings;
use crate::outbox::delivery::{Commit, Memory};
use crate::presence::change::ChangeKind;
use crate::presence::model::{Presence, UserId};
use crate::presence::settle::Smoothing;
use crate::rules::noise::Noise;
use crate::rules::onlookers::Onlookers;
use crate::rules::set::{Index, Occasion, Person, Rule, RuleSet, Trigger, When, Who};
use crate::time::Moment;

const ALICE: UserId = UserId(7);

/// What happens to Alice.
enum Event {
    /// She is in an INIT_STATE, with these keys.
    Seen(&'static str),
    /// A PRESENCE_UPDATE.
    Updated(&'static str),
    /// An INIT_STATE without her.
    Absent,
    /// REST does not know her.
    Unmonitored,
    Disconnected,
    /// The process ends in order, is gone for so many seconds, and starts again.
    Restart(u64),
    /// The same, but without a chance to write anything down.
    Kill(u64),
    /// The wall clock is set, by so many seconds.
    Clock(i64),
}
use Event::{Absent, Clock, Disconnected, Kill, Restart, Seen, Unmonitored, Updated};

const ON: &str = r#""discord_status":"online","active_on_discord_desktop":true,"#;
const DND: &str = r#""discord_status":"dnd","active_on_discord_desktop":true,"#;
const OFF: &str = "";
const GAME: &str = r#""discord_status":"online","active_on_discord_desktop":true,
    "activities":[{"type":0,"name":"Factorio"}],"#;

fn rule(kinds: &[ChangeKind], cooldown: Option<u64>) -> Rule {
    Rule {
        id: kinds[0].name().into(),
        enabled: true,
        who: Some(Who::People(vec![ALICE])),
        occasion: Occasion::When(When {
            triggers: kinds.iter().map(|&kind| Trigger { kind, narrow: Vec::new() }).collect(),
            condition: None,
            hold_for: Duration::ZERO,
            send: Vec::new(),
        }),
        noise: Noise { cooldown: cooldown.map(Duration::from_secs), ..Noise::default() },
    }
}

fn rule_set(rules: Vec<Rule>) -> Arc<RuleSet> {
    Arc::new(RuleSet {
        timezone: jiff::tz::TimeZone::UTC,
        lanyard: LanyardSettings::default(),
        smoothing: Smoothing::default(),
        catch_up: Duration::from_secs(900),
        down_after: Duration::from_secs(300),
        people: vec![Person {
            key: "alice".into(),
            id: ALICE,
            name: String::new(),
            smoothing: Smoothing::default(),
        }],
        groups: Vec::new(),
        targets: std::collections::BTreeMap::new(),
        index: Index::new(&rules),
        onlookers: Onlookers::default(),
        rules,
        values: crate::targets::filled::Values::new(),
    })
}

/// Everything, so that nothing rings unnoticed.
fn rules_for_everything() -> Vec<Rule> {
    ChangeKind::ALL.iter().map(|&kind| rule(&[kind], None)).collect()
}

/// Plays events at seconds, and a while longer; tells every verdict as `second rule`, with its reason unless
/// it rang, and `late` where it was.
fn play(rules: Vec<Rule>, events: &[(u64, Event)]) -> Vec<String> {
    let rules = rule_set(rules);
    let mut disk = Disk::default();
    let mut engine = Engine::new(Arc::clone(&rules), Memory::default(), Moment::default(), 1);
    engine.watch(Telling::Everything);
    let mut told = Vec::new();
    let mut away = 0;
    let mut set_ms = 0;
    let at = |second, set_ms| Moment { wall_ms: at(second).wall_ms + set_ms, ..at(second) };
    let end = events.last().map_or(0, |(at, _)| *at) + 100;
    for second in 0..=end {
        let now = at(second + away, set_ms);
        let mut effects = Effects::default();
        engine.tick(now, &mut effects);
        for (_, event) in events.iter().filter(|(when, _)| *when == second) {
            observe(&mut engine, now, event, &mut effects);
            if let Restart(_) = event {
                engine.save_all(now, &mut effects);
            }
            tell(second, &mut effects, &mut told);
            disk.write(std::mem::take(&mut effects.commit));
            if let Clock(seconds) = event {
                set_ms += seconds * 1000;
            }
            if let Restart(seconds) | Kill(seconds) = event {
                away += seconds;
                engine = Engine::new(Arc::clone(&rules), disk.memory.clone(), at(second + away, set_ms), 1);
                engine.watch(Telling::Everything);
            }
        }
        tell(second, &mut effects, &mut told);
        disk.write(effects.commit);
    }
    told
}

fn at(second: u64) -> Moment {
    Moment { mono: Duration::ZERO, wall_ms: 1_700_000_000_000 }.plus(Duration::from_secs(second))
}

fn observe(engine: &mut Engine, now: Moment, event: &Event, effects: &mut Effects) {
    let whole = |part: &str| format!(r#"{{"discord_user":{{"id":"7","username":"alice"}},{part}"x":0}}"#);
    match event {
        Seen(part) => {
            let raw = whole(part);
            let (id, presence) = Presence::parse(&raw, None).unwrap();
            engine.observe(now, Observation::Seen(id, presence), effects);
            engine.observe(now, Observation::SnapshotEnd { absent: Vec::new() }, effects);
        }
        Updated(part) => {
            let raw = whole(part);
            let (id, presence) = Presence::parse(&raw, None).unwrap();
            engine.observe(now, Observation::Updated(id, presence), effects);
        }
        Absent => engine.observe(now, Observation::SnapshotEnd { absent: vec![ALICE] }, effects),
        Unmonitored => engine.observe(now, Observation::Unmonitored(ALICE), effects),
        Disconnected => engine.observe(now, Observation::Disconnected, effects),
        Restart(_) | Kill(_) | Clock(_) => {}
    }
}

fn tell(second: u64, effects: &mut Effects, told: &mut Vec<String>) {
    let mut late = false;
    for one in effects.told.drain(..) {
        match one {
            Told::Change { late_ms, .. } => late = late_ms.is_some(),
            Told::Verdict { rule, verdict, .. } => {
                let reason =
                    if verdict == Verdict::Fired { String::new() } else { format!(" ({})", verdict.word()) };
                told.push(format!("{second} {rule}{}{reason}", if late { " late" } else { "" }));
            }
        }
    }
}

/// What a store would hold.
#[derive(Default)]
struct Disk {
    memory: Memory,
}

impl Disk {
    fn write(&mut self, commit: Commit) {
        for baseline in commit.baselines {
            self.memory.baselines.retain(|old| old.person != baseline.person);
            self.memory.baselines.push(baseline);
        }
        self.memory.marks.extend(commit.marks);
        self.memory.heard_ms = commit.heard_ms.or(self.memory.heard_ms);
    }
}

fn check(events: &[(u64, Event)], expected: &[&str]) {
    assert_eq!(play(rules_for_everything(), events), expected);
}

#[test]
fn the_first_snapshot_rings_nothing() {
    check(&[(0, Seen(GAME))], &[]);
}

#[test]
fn changes_ring_as_they_happen() {
    check(
        &[(0, Seen(ON)), (5, Updated(DND)), (9, Updated(GAME))],
        &["5 changed_status", "9 changed_status", "9 started_playing", "9 started_activity"],
    );
}

#[test]
fn the_same_again_rings_nothing() {
    check(&[(0, Seen(GAME)), (1, Updated(GAME)), (2, Seen(GAME)), (3, Updated(GAME))], &[]);
}

#[test]
fn a_restart_with_unchanged_people_rings_nothing() {
    for away in [0, 1, 60, 100_000] {
        check(
            &[(0, Seen(GAME)), (5, Restart(away)), (6, Seen(GAME)), (7, Restart(away)), (8, Seen(GAME))],
            &[],
        );
        check(&[(0, Seen(GAME)), (5, Kill(away)), (6, Seen(GAME))], &[]);
    }
}

#[test]
fn a_change_during_a_short_gap_rings_late_and_during_a_long_one_not_at_all() {
    check(&[(0, Seen(ON)), (5, Restart(600)), (6, Seen(DND))], &["6 changed_status late"]);
    check(&[(0, Seen(ON)), (5, Restart(1000)), (6, Seen(DND))], &["6 changed_status late (too_late)"]);
    check(&[(0, Seen(ON)), (5, Disconnected), (60, Seen(DND))], &["60 changed_status late"]);
    check(
        &[(0, Seen(ON)), (5, Disconnected), (2000, Seen(DND)), (2001, Updated(ON))],
        &["2000 changed_status late (too_late)", "2001 changed_status"],
    );
}

#[test]
fn our_own_blindness_changes_nobody() {
    check(&[(0, Seen(GAME)), (5, Disconnected), (400, Seen(GAME))], &[]);
    check(&[(0, Seen(GAME)), (5, Absent), (100, Absent), (200, Seen(GAME))], &[]);
    check(&[(0, Seen(GAME)), (5, Absent), (9, Updated(GAME))], &[]);
}

#[test]
fn offline_for_thirty_seconds_is_nothing_and_for_longer_rings_once() {
    check(&[(0, Seen(GAME)), (5, Updated(OFF)), (35, Updated(GAME))], &[]);
    check(
        &[(0, Seen(ON)), (5, Updated(OFF)), (70, Updated(ON))],
        &[
            "65 went_offline",
            "65 changed_status",
            "65 left_platform",
            "70 went_online",
            "70 changed_status",
            "70 joined_platform",
        ],
    );
}

#[test]
fn offline_found_after_a_gap_is_held_and_then_told_late() {
    check(
        &[(0, Seen(ON)), (5, Restart(60)), (6, Seen(OFF))],
        &["66 went_offline late", "66 changed_status late", "66 left_platform late"],
    );
    check(&[(0, Seen(ON)), (5, Updated(OFF)), (20, Restart(5)), (21, Seen(ON))], &[]);
    check(
        &[(0, Seen(ON)), (5, Updated(OFF)), (20, Kill(5)), (21, Seen(OFF))],
        &["80 went_offline", "80 changed_status", "80 left_platform"],
    );
}

#[test]
fn what_is_held_is_held_as_long_as_nobody_tells_us() {
    check(&[(0, Seen(ON)), (5, Updated(OFF)), (10, Disconnected), (100, Seen(ON))], &[]);
    check(&[(0, Seen(ON)), (5, Updated(OFF)), (10, Absent), (100, Updated(ON))], &[]);
    check(&[(0, Seen(ON)), (5, Updated(OFF)), (6, Restart(5)), (100, Seen(ON))], &[]);
    check(
        &[(0, Seen(ON)), (5, Updated(OFF)), (10, Disconnected), (100, Seen(OFF))],
        &["101 went_offline late", "101 changed_status late", "101 left_platform late"],
    );
}

#[test]
fn a_kill_after_a_long_watch_is_a_short_gap() {
    check(&[(0, Seen(ON)), (5000, Kill(5)), (5001, Seen(DND))], &["5001 changed_status late"]);
}

#[test]
fn lanyard_begins_and_stops_to_know_somebody() {
    check(&[(0, Absent), (1, Unmonitored), (9, Seen(ON))], &["9 became_monitored"]);
    check(
        &[
            (0, Seen(ON)),
            (5, Absent),
            (6, Unmonitored),
            (310, Unmonitored),
            (311, Unmonitored),
            (320, Seen(ON)),
        ],
        &["310 became_unmonitored", "320 became_monitored late"],
    );
}

#[test]
fn a_server_that_has_just_started_knows_nobody_and_that_is_no_news() {
    check(&[(0, Seen(ON)), (5, Disconnected), (6, Absent), (6, Unmonitored), (40, Seen(ON))], &[]);
    check(
        &[
            (0, Seen(ON)),
            (5, Absent),
            (6, Unmonitored),
            (40, Seen(ON)),
            (300, Absent),
            (310, Unmonitored),
            (400, Seen(ON)),
        ],
        &[],
    );
    // An answer that was under way when she was seen.
    check(&[(0, Seen(ON)), (5, Absent), (6, Unmonitored), (320, Seen(ON)), (321, Unmonitored)], &[]);
}

#[test]
fn that_somebody_is_not_known_any_more_is_told_once_across_restarts() {
    for end in [Restart(5), Kill(5)] {
        check(
            &[
                (0, Seen(ON)),
                (5, Absent),
                (6, Unmonitored),
                (310, Unmonitored),
                (320, end),
                (321, Absent),
                (322, Unmonitored),
                (700, Unmonitored),
                (710, Seen(ON)),
            ],
            &["310 became_unmonitored", "710 became_monitored late"],
        );
    }
}

#[test]
fn a_cooldown_outlives_a_restart() {
    let rules = || vec![rule(&[ChangeKind::ChangedStatus], Some(600))];
    let events = [(0, Seen(ON)), (5, Updated(DND)), (9, Restart(30)), (10, Seen(ON)), (700, Updated(DND))];
    assert_eq!(
        play(rules(), &events),
        ["5 changed_status", "10 changed_status late (cooldown)", "700 changed_status"]
    );
}

/// An hour back or forth while we run, and what is waited for is waited for as long as it was meant to be.
#[test]
fn a_clock_that_is_set_moves_no_wait() {
    for hour in [3600, -3600] {
        let rules = || vec![rule(&[ChangeKind::ChangedStatus], Some(600))];
        let cooled =
            [(0, Seen(ON)), (5, Updated(DND)), (9, Clock(hour)), (590, Updated(ON)), (606, Updated(DND))];
        let expected = ["5 changed_status", "590 changed_status (cooldown)", "606 changed_status"];
        assert_eq!(play(rules(), &cooled), expected, "{hour}");
        check(&[(0, Seen(ON)), (5, Updated(OFF)), (9, Clock(hour)), (60, Updated(ON))], &[]);
        check(
            &[(0, Seen(ON)), (5, Updated(OFF)), (9, Clock(hour))],
            &["65 went_offline", "65 changed_status", "65 left_platform"],
        );
        // The gap is as long as it was.
        let gap = [(0, Seen(ON)), (5, Disconnected), (6, Clock(hour)), (60, Seen(DND))];
        check(&gap, &["60 changed_status late"]);
        let long_gap = [(0, Seen(ON)), (5, Disconnected), (6, Clock(hour)), (2000, Seen(DND))];
        check(&long_gap, &["2000 changed_status late (too_late)"]);
    }
}

/// What was written down before the clock was set means the same after a restart.
#[test]
fn a_clock_that_is_set_moves_nothing_that_is_written_down() {
    for hour in [3600, -3600] {
        for end in [Restart(5), Kill(5)] {
            let rules = || vec![rule(&[ChangeKind::ChangedStatus], Some(600))];
            let events = [
                (0, Seen(ON)),
                (5, Updated(DND)),
                (9, Clock(hour)),
                (300, end),
                (301, Seen(ON)),
                (615, Updated(DND)),
            ];
            let expected = ["5 changed_status", "301 changed_status late (cooldown)", "615 changed_status"];
            assert_eq!(play(rules(), &events), expected, "{hour}");
        }
        check(
            &[(0, Seen(ON)), (9, Clock(hour)), (100, Kill(5)), (101, Seen(DND))],
            &["101 changed_status late"],
        );
        let long_gap = [(0, Seen(ON)), (9, Clock(hour)), (100, Restart(1000)), (101, Seen(DND))];
        check(&long_gap, &["101 changed_status late (too_late)"]);
    }
}

#[test]
fn one_happening_rings_a_rule_once_whatever_it_is_called() {
    let rules = vec![
        rule(&[ChangeKind::WentOnline, ChangeKind::ChangedStatus], None),
        rule(&[ChangeKind::StartedPlaying, ChangeKind::StartedActivity, ChangeKind::JoinedPlatform], None),
    ];
    assert_eq!(
        play(rules, &[(0, Seen(OFF)), (5, Updated(GAME))]),
        [
            "5 went_online",
            "5 went_online (told_already)",
            "5 started_playing",
            "5 started_playing",
            "5 started_playing (told_already)"
        ]
    );
}

/// Ten people are online; all of them go offline within ten seconds. Tells at which second each `went_offline`
/// rings, and whether Lanyard was asked again.
fn flap(back_at: Option<u64>, snapshot_at: Option<u64>) -> (Vec<u64>, bool) {
    flap_with(Smoothing::default(), back_at, snapshot_at)
}

fn flap_with(smoothing: Smoothing, back_at: Option<u64>, snapshot_at: Option<u64>) -> (Vec<u64>, bool) {
    let ids: Vec<UserId> = (100..110).map(UserId).collect();
    let rules = vec![Rule { who: Some(Who::People(ids.clone())), ..rule(&[ChangeKind::WentOffline], None) }];
    let mut rules = Arc::into_inner(rule_set(rules)).unwrap();
    rules.people =
        ids.iter().map(|&id| Person { key: id.to_string(), id, name: String::new(), smoothing }).collect();
    let mut engine = Engine::new(Arc::new(rules), Memory::default(), Moment::default(), 1);
    engine.watch(Telling::Everything);
    let show = |engine: &mut Engine, second, id: UserId, status: &str, snapshot, effects: &mut Effects| {
        let raw = format!(r#"{{"discord_user":{{"id":"{id}"}},"discord_status":"{status}"}}"#);
        let (id, presence) = Presence::parse(&raw, None).unwrap();
        let seen =
            if snapshot { Observation::Seen(id, presence) } else { Observation::Updated(id, presence) };
        engine.observe(at(second), seen, effects);
    };
    let (mut rang, mut asked) = (Vec::new(), false);
    for second in 0..600 {
        let mut effects = Effects::default();
        engine.tick(at(second), &mut effects);
        for (i, &id) in ids.iter().enumerate() {
            match second {
                0 => show(&mut engine, second, id, "online", true, &mut effects),
                _ if second == 10 + i as u64 => {
                    show(&mut engine, second, id, "offline", false, &mut effects);
                }
                _ if Some(second) == back_at => show(&mut engine, second, id, "online", false, &mut effects),
                _ if Some(second) == snapshot_at => {
                    show(&mut engine, second, id, "offline", true, &mut effects);
                }
                _ => {}
            }
        }
        asked |= effects.ask_again;
        rang.extend(effects.told.iter().filter(|one| matches!(one, Told::Verdict { .. })).map(|_| second));
    }
    (rang, asked)
}

#[test]
fn when_everybody_flaps_nobody_went() {
    assert_eq!(flap(Some(120), None), (vec![], true));
    // A snapshot in the middle of it shows the same flap.
    assert_eq!(flap(Some(120), Some(25)), (vec![], true));
}

#[test]
fn without_smoothing_a_flap_is_doubted_from_the_fifth_on() {
    assert_eq!(flap_with(Smoothing::NONE, Some(120), None), (vec![10, 11, 12, 13], true));
}

#[test]
fn when_a_snapshot_confirms_it_everybody_went() {
    let (rang, asked) = flap(None, Some(100));
    assert_eq!((rang, asked), (vec![101; 10], true));
}

#[test]
fn without_a_snapshot_the_doubt_ends_by_itself() {
    let (rang, _) = flap(None, None);
    assert_eq!(rang, vec![314; 10]);
}

#[test]
fn other_rules_keep_what_is_known_and_the_waits_that_stay() {
    let status = |cooldown| rule(&[ChangeKind::ChangedStatus], cooldown);
    let raw = |part: &str| format!(r#"{{"discord_user":{{"id":"7"}},{part}"x":0}}"#);
    let (on, dnd) = (raw(ON), raw(DND));
    let parse = |raw| Presence::parse(raw, None).unwrap().1;
    let cooled = rule_set(vec![status(Some(600))]);
    let mut engine = Engine::new(Arc::clone(&cooled), Memory::default(), Moment::default(), 1);
    engine.watch(Telling::Everything);
    let mut ring = |after: Option<Vec<Rule>>, second, presence| {
        let mut effects = Effects::default();
        if let Some(rules) = after {
            engine.adopt(at(second), rule_set(rules), &mut effects);
        }
        engine.observe(at(second), Observation::Updated(ALICE, presence), &mut effects);
        let mut told = Vec::new();
        tell(second, &mut effects, &mut told);
        (told, effects.commit.retired)
    };
    let none: Vec<Arc<str>> = Vec::new();
    assert_eq!(ring(None, 0, parse(&on)), (vec![], none.clone()));
    assert_eq!(ring(None, 1, parse(&dnd)), (vec!["1 changed_status".to_owned()], none.clone()));
    let longer = Some(vec![rule(&[ChangeKind::ChangedKv], None), status(Some(900))]);
    assert_eq!(ring(longer, 2, parse(&on)).0, ["2 changed_status (cooldown)"]);
    let shorter = Some(vec![status(Some(10))]);
    assert_eq!(ring(shorter, 3, parse(&dnd)).0, ["3 changed_status (cooldown)"]);
    assert_eq!(ring(None, 13, parse(&on)).0, ["13 changed_status"]);
    let without = Some(vec![rule(&[ChangeKind::ChangedKv], None)]);
    assert_eq!(
        ring(without, 14, parse(&dnd)),
        (vec![], vec!["changed_status".into()]),
        "a rule that is gone leaves nothing behind"
    );
}
