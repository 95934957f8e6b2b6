//! Tests of a rules file, played: which pass, and what is told of those that do not.

use std::sync::Arc;

use proptest::prelude::*;

use crate::rehearsal::report::Report;
use crate::rehearsal::story::{What, play};
use crate::rules::compile::Loaded;
use crate::rules::file;

const HEAD: &str = "timezone: Europe/Berlin
people:
  ada: 94490510688792576
  bob: {id: 156114103033790464, name: Bobby}
  cy: 268473310986240001
  dee: 819287687121993768
  eve: 175928847299117063
groups: {all: [ada, bob, cy, dee, eve]}
targets: {screen: {type: console}, team: {type: slack, url: \"http://127.0.0.1:9/x\"}}
rules:
  - {id: on, who: all, when: went_online, cooldown: 10m, send: [{to: screen, text: \"{{name}}!\"}, {to: team, text: \"{{name}} & co\"}]}
  - {id: off, who: all, when: went_offline, send: screen}
  - {id: song, who: ada, when: [started_listening, changed_track], send: {to: screen, text: \"{{track.song}} by {{track.artist}}\"}}
  - {id: night, who: all, when: changed_status, if: \"now.hour >= 22\", send: {to: screen, text: \"{{status}}{{#if late}} late{{/if}}\"}}
  - {id: gone, who: all, when: [became_unmonitored, became_monitored], send: screen}
  - {id: anybody, who: everyone, when: changed_kv, send: {to: screen, text: \"{{change.to}}\"}}
tests:
";

/// Rules that wait, for what lasts and for what comes together.
const WAITING: &str = "people: {ada: 94490510688792576, bob: 156114103033790464}
groups: {all: [ada, bob]}
targets: {house: {type: home_assistant, url: \"http://ha\", token: t}, screen: {type: console}}
rules:
  - id: light
    who: ada
    while: playing.name == \"Factorio\" && platforms.desktop
    for: 30s
    grace: 2m
    enter: [{to: house, service: light.turn_on}]
    exit: [{to: house, service: light.turn_off}]
  - {id: both, while: 'all.filter(p, p.online).size() >= 2', enter: screen}
  - {id: nobody, while: '!all.exists(p, p.online)', for: 30m, enter: screen}
  - {id: night, while: now.hour >= 22, enter: screen, exit: screen}
  - {id: long, who: bob, when: started_playing, for: 45m, send: screen}
  - {id: deaf, when: [lanyard_down, lanyard_up], send: screen}
tests:
";

fn load(tests: &str) -> Loaded {
    load_with(HEAD, tests)
}

fn load_with(head: &str, tests: &str) -> Loaded {
    match file::load_from("rules.yaml", format!("{head}{tests}\n").as_bytes()) {
        Ok(loaded) => loaded,
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

/// What is told of the tests that fail.
fn failures(tests: &str) -> String {
    failures_with(HEAD, tests)
}

fn failures_with(head: &str, tests: &str) -> String {
    let Loaded { set, stories, .. } = load_with(head, tests);
    Report::play(&Arc::new(set), &stories, |_, _| {}).text()
}

/// Each row is a test's steps and what is expected of them; all of them pass.
fn check_pass(rows: &[(&str, &str)]) {
    for (steps, expect) in rows {
        let told = failures(&format!("  - {{steps: [{steps}], expect: [{expect}]}}"));
        assert_eq!(told, "", "{steps}");
    }
}

/// What a test is told of when it fails.
fn check_fails(test: &str, expected: &str) {
    let told = failures(test);
    let trim = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trim(&told), trim(expected), "{test}\n{told}");
}

#[test]
fn what_people_would_expect_passes() {
    check_pass(&[
        ("{at: 0s, ada: {status: online, playing: G}}, {at: 20s, ada: {status: online}}", ""),
        ("{at: 5s, ada: online}", "on"),
        ("{at: 5s, ada: {playing: G}}", "{rule: on, person: ada, at: 5s}"),
        ("{at: 5s, all: online}", "on, on, on, on, on"),
        (
            "{at: 5s, ada: online}, {at: 1m, ada: offline}, {at: 3m, ada: online}",
            "{rule: off, at: 2m}, {rule: on, at: 5s}",
        ),
        ("{ada: online}, {at: 1m, ada: offline}, {at: 90s, ada: online}", ""),
        ("{at: 5s, bob: online}", "{text: \"Bobby!\"}"),
        ("{at: 5s, bob: online}", "{to: team, text: \"bobby & co\"}, {to: screen, text: /^bob/i}"),
        (
            "{ada: {track: S}}, {at: 5s, ada: {track: S}}, {at: 9s, ada: {track: T}}",
            "{rule: song, text: \"T by\"}",
        ),
        ("{at: 5s, ada: {kv: {scene: movie}}}, {at: 6s, ada: {name: Ada}}", "{rule: anybody, text: movie}"),
        ("{at: 5s, \"42\": {kv: {a: b}}}, {at: 6s, \"42\": online}", "{rule: anybody, person: \"42\"}"),
    ]);
}

#[test]
fn what_befalls_doorchime_itself_can_be_tested() {
    check_pass(&[
        // What happens unseen is found out later, unless it was too long.
        (
            "{ada: online}, {at: 10h, lanyard: down}, {after: 5m, ada: dnd}, {after: 5m, lanyard: up}",
            "{rule: night, at: 10h10m, text: dnd late}",
        ),
        ("{ada: online}, {at: 10h, lanyard: down}, {after: 5m, ada: dnd}, {after: 1h, lanyard: up}", ""),
        (
            "{ada: online}, {at: 10h, restart: 5m}, {after: 2m, ada: dnd}",
            "{rule: night, at: 10h5m, text: dnd late}",
        ),
        ("{ada: online}, {at: 10h, restart: true}, {after: 1m, ada: dnd}", "{rule: night, text: dnd}"),
        // A cooldown outlasts a restart.
        (
            "{at: 1m, ada: online}, {after: 1m, ada: offline}, {after: 2m, restart: 10s}, {after: 1m, ada: online}, {after: 1s, ada: idle}",
            "on, off",
        ),
        // Lanyard's own restart disowns nobody; only what lasts is believed.
        ("{ada: online}, {at: 5s, ada: unmonitored}, {at: 2m, ada: online}", ""),
        ("{ada: online}, {at: 5s, ada: unmonitored}", "{rule: gone, at: 5m5s}"),
        ("{ada: unmonitored}, {at: 5s, ada: online}", "gone"),
        // The fleet guard: all of them at once is Lanyard's doing, until Lanyard confirms it.
        ("{all: online}, {at: 1m, all: offline}, {at: 80s, all: online}", ""),
        ("{all: online}, {at: 1m, all: offline}", "off, off, off, off, off"),
    ]);
}

#[test]
fn what_waits_rings_in_its_time() {
    for (steps, expect) in [
        // Too short for `for`, whether it begins at the start or later.
        ("{ada: {playing: Factorio}}, {at: 20s, ada: online}", ""),
        ("{at: 5s, ada: {playing: Factorio}}, {at: 20s, ada: online}", ""),
        (
            "{at: 5s, ada: {playing: Factorio}}, {at: 10m, ada: online}",
            "{rule: light, text: light.turn_on, at: 35s}, {rule: light, text: light.turn_off, at: 12m10s}",
        ),
        ("{ada: {playing: Factorio}}, {at: 10s, restart: 5s}", "{rule: light, text: light.turn_on, at: 30s}"),
        ("{ada: online}, {at: 1m, bob: idle}", "both"),
        (
            "{at: 1h, ada: online}, {at: 2h, ada: offline}",
            "{rule: nobody, at: 30m}, {rule: nobody, at: 2h31m}",
        ),
        ("{bob: online}, {at: 5s, bob: {playing: G}}", "{rule: long, person: bob, at: 45m5s}"),
        ("{bob: online}, {at: 5s, bob: {playing: G}}, {at: 44m, bob: online}", ""),
        ("{bob: online}, {at: 1m, lanyard: down}, {after: 4m, lanyard: up}", ""),
        (
            "{bob: online}, {at: 1m, lanyard: down}, {after: 20m, lanyard: up}",
            "{rule: deaf, at: 6m}, {rule: deaf, at: 21m}",
        ),
    ] {
        let told = failures_with(WAITING, &format!("  - {{steps: [{steps}], expect: [{expect}]}}"));
        assert_eq!(told, "", "{steps}");
    }
    let night = "  - {start: 21:30, until: 12h, steps: [{ada: online}], expect: [{rule: night, at: \"22:00\"}, {rule: night, at: \"0:00\"}]}";
    assert_eq!(failures_with(WAITING, night), "");
    let waits = failures_with(
        WAITING,
        "  - {until: 1m, steps: [{bob: online}, {at: 5s, bob: {playing: G}}], expect: [long]}",
    );
    assert!(waits.contains("quiet long: if it stays so for another 45 min"), "{waits}");
}

#[test]
fn clocks_and_calendars_are_the_files_own() {
    for (start, expect) in [("21:59", "[]"), ("\"22:00\"", "[night]"), ("2026-07-01 22:30", "[night]")] {
        let test = format!(
            "  - {{start: {start}, only: [night], steps: [{{at: 5s, ada: online}}], expect: {expect}}}"
        );
        assert_eq!(failures(&test), "");
    }
}

#[test]
fn firings_of_other_rules_are_left_out_by_only() {
    let steps = "steps: [{at: 5s, ada: {track: S}}]";
    assert_eq!(failures(&format!("  - {{{steps}, only: [song], expect: [song]}}")), "");
    assert_eq!(failures(&format!("  - {{{steps}, only: song, expect: [{{at: 5s}}]}}")), "");
    assert!(failures(&format!("  - {{{steps}, expect: [song]}}")).contains("name those rules in `only`"));
}

#[test]
fn a_failure_tells_what_happened_and_what_did_not() {
    check_fails(
        "  - name: both
    steps: [{at: 5s, ada: online, cy: {track: S}}, {after: 1m, ada: offline}, {after: 2m, ada: online}]
    expect:
      - {rule: on, person: ada}
      - {rule: on, person: ada}
      - {rule: night, person: ada}
      - song",
        "both (line 18)
    5s  ada: online, cy: {track: S}
          ada: went_online, changed_status, joined_platform (offline -> online)
            quiet night: `if` is false: now.hour = 12
            rings on for ada -> screen: ada!; team: ada & co
          cy: went_online, changed_status, joined_platform, started_listening, started_activity (offline -> online)
            quiet night: `if` is false: now.hour = 12
            rings on for cy -> screen: cy!; team: cy & co  <- not expected
  1m5s  ada: offline
  2m5s    ada: went_offline, changed_status, left_platform (online -> offline)
            quiet night: `if` is false: now.hour = 12
            rings off for ada -> screen: ada is offline  <- not expected
  3m5s  ada: online
          ada: went_online, changed_status, joined_platform (offline -> online)
            quiet on: `cooldown` for another 7 min
            quiet night: `if` is false: now.hour = 12
        missing: rule: on, person: ada (line 22)
                 it rang, but not as often as it is expected
        missing: rule: night, person: ada (line 23)
        missing: song (line 24)
",
    );
}

#[test]
fn near_misses_and_common_slips_are_told() {
    for (steps, expect, told) in [
        ("{ada: online}", "on", "what is so at 0s is how things are at the start"),
        ("{at: 5s, ada: online}", "{rule: on, at: 7s}", "it rang at 5s"),
        ("{at: 5s, ada: online}", "{rule: on, person: bob}", "it rang for `ada`"),
        ("{at: 5s, ada: online}", "{rule: on, to: team, text: nobody}", "it reads: ada & co"),
        ("{at: 5s, ada: online}", "{to: screen}, {to: screen}", "not as often"),
        ("{at: 5s, ada: {track: S}}", "on, {rule: song, text: T}", "it reads: S by"),
    ] {
        let failed = failures(&format!("  - {{steps: [{steps}], expect: [{expect}]}}"));
        assert!(failed.contains(told), "{steps} {expect}:\n{failed}");
    }
}

#[test]
fn strangers_words_move_no_cursor() {
    let told = failures(
        "  - {name: \"a\\e[2J\", steps: [{at: 5s, ada: {name: \"x\\e[2J\\ny\"}}, {at: 6s, ada: online}], expect: []}",
    );
    assert!(told.contains("x\u{fffd}[2J\u{fffd}y: went_online"), "{told}");
    assert!(!told.contains(|c| crate::printable::moves(c) && c != '\n'), "{told:?}");
}

#[test]
fn all_deadlines_of_a_test_lie_within_it() {
    let Loaded { set, stories, .. } =
        load("  - {until: 90s, steps: [{ada: online}, {at: 1m, ada: offline}], expect: []}");
    let played = play(&Arc::new(set), &stories[0]);
    assert!(played.passed(), "the hold of a minute ends later");
    let last = played.lines.last().unwrap();
    assert!(matches!(last.what, What::Step(1)) && last.now.mono.as_secs() == 60, "{last:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The example's tests with a part of them gone and something else in its place are refused, or played.
    #[test]
    fn any_wound_of_a_test_is_refused_or_played(from in 0..3_000_usize, gone in 0..12_usize, piece in 0..PIECES.len()) {
        let text = include_str!("../../../rules.example.yaml");
        let tests = text.find("\ntests:").unwrap();
        let from = text.floor_char_boundary((tests + from).min(text.len()));
        let until = text.floor_char_boundary((from + gone).min(text.len())).max(from);
        let wounded = [&text[..from], PIECES[piece], &text[until..]].concat();
        if let Ok(Loaded { set, stories, .. }) = file::load_from("rules.yaml", wounded.as_bytes()) {
            let set = Arc::new(set);
            let report = Report::play(&set, &stories, |_, _| {});
            prop_assert_eq!(report.sentence().is_none(), report.text().is_empty());
            report.to_json();
        }
    }
}

const PIECES: [&str; 12] =
    ["", "0", "9", "s", "h", "[]", "{}", "~", "offline", "unmonitored", "é", ", lanyard: down"];
