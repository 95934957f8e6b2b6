//! What `while` rules do, as stories.

use super::story::check;

const LIGHT: &str = r#"
rules:
  - id: light
    who: ada
    while: playing.name == "Factorio" && platforms.desktop
    for: 30s
    grace: 120s
    enter: {to: screen, text: "on{{#if late}} late{{/if}}"}
    exit: {to: screen, text: "off after {{duration lasted}}{{#if late}} late{{/if}}"}
"#;

#[test]
fn it_begins_after_for_and_is_over_after_grace() {
    check(
        &[LIGHT],
        "0 all ada online desktop
         10 ada online desktop playing=Factorio
         100 ada online desktop
         300",
        "10 light ada enter (waiting)
         40 light: on
         100 light ada exit (waiting)
         220 light: off after 1 min 30 s",
    );
}

#[test]
fn what_does_not_last_is_nothing() {
    check(
        &[LIGHT],
        "0 all ada online desktop
         10 ada online desktop playing=Factorio
         39 ada online desktop
         50 ada online desktop playing=Factorio
         100 ada online desktop
         110 ada online mobile playing=Factorio
         219 ada online desktop playing=Factorio
         400",
        "10 light ada enter (waiting)
         39 light ada enter (lapsed)
         50 light ada enter (waiting)
         80 light: on
         100 light ada exit (waiting)
         219 light ada exit (lapsed)",
    );
}

#[test]
fn what_holds_at_the_first_sight_begins() {
    check(
        &[LIGHT],
        "0 all ada online desktop playing=Factorio
         100",
        "0 light ada enter (waiting)
         30 light: on",
    );
}

#[test]
fn it_outlives_restarts_and_kills_wherever_it_stands() {
    for (end, late) in [("restart", ""), ("kill", "")] {
        check(
            &[LIGHT],
            &format!(
                "0 all ada online desktop
                 10 ada online desktop playing=Factorio
                 20 {end} 5
                 26 all ada online desktop playing=Factorio
                 60 {end} 20
                 81 all ada online desktop playing=Factorio
                 100 ada online desktop
                 110 {end} 20
                 131 all ada online desktop
                 150 {end} 1
                 152 all ada online desktop
                 300 {end} 1
                 302 all ada online desktop
                 400"
            ),
            &format!(
                "10 light ada enter (waiting)
                 40 light: on{late}
                 100 light ada exit (waiting)
                 220 light: off after 1 min 30 s"
            ),
        );
    }
}

#[test]
fn a_timer_that_ends_in_a_gap_ends_late() {
    for gap in ["disconnected", "restart 60", "kill 60", "restart 100000"] {
        let away = gap.split(' ').nth(1).map_or(0, |seconds| seconds.parse::<u64>().unwrap());
        let back = 20 + away.max(60);
        let told = super::story::Story::new(&[LIGHT]).play(&format!(
            "0 all ada online desktop
             10 ada online desktop playing=Factorio
             20 {gap}
             {back} all ada online desktop playing=Factorio
             {}",
            back + 10
        ));
        assert_eq!(
            told,
            ["10 light ada enter (waiting)".to_owned(), format!("{back} light: on late")],
            "{gap}"
        );
    }
}

#[test]
fn after_any_gap_it_converges() {
    for away in [30, 100_000] {
        let back = 100 + away;
        // It ended behind our back.
        check(
            &[LIGHT],
            &format!(
                "0 all ada online desktop playing=Factorio
                 100 restart {away}
                 {back} all ada online desktop
                 {}",
                back + 200
            ),
            &format!(
                "0 light ada enter (waiting)
                 30 light: on
                 {back} light ada exit (waiting)
                 {} light: off after {} late",
                back + 120,
                if away == 30 { "2 min 10 s" } else { "1 d 3 h" }
            ),
        );
        // It began behind our back.
        check(
            &[LIGHT],
            &format!(
                "0 all ada online desktop
                 100 kill {away}
                 {back} all ada online desktop playing=Factorio
                 {}",
                back + 100
            ),
            &format!(
                "{back} light ada enter (waiting)
                 {} light: on late",
                back + 30
            ),
        );
    }
}

#[test]
fn our_own_blindness_changes_nobody() {
    check(
        &[LIGHT],
        "0 all ada online desktop playing=Factorio
         100 disconnected
         200 all bob online
         300 all ada online desktop playing=Factorio
         310 ada online desktop
         320 disconnected
         1000
         1010 all bob online
         1020 all ada online desktop playing=Factorio
         1100",
        "0 light ada enter (waiting)
         30 light: on
         310 light ada exit (waiting)
         1020 light ada exit (lapsed)",
    );
}

#[test]
fn a_wall_clock_that_is_set_moves_nothing() {
    for set in [-86_400, 86_400] {
        for end in ["", "41 restart 1\n43 all ada online desktop playing=Factorio\n"] {
            check(
                &[LIGHT],
                &format!(
                    "0 all ada online desktop
                     10 ada online desktop playing=Factorio
                     15 clock {set}
                     20
                     25 restart 1
                     27 all ada online desktop playing=Factorio
                     {end}100 ada online desktop
                     150 clock {set}
                     300"
                ),
                "10 light ada enter (waiting)
                 40 light: on
                 100 light ada exit (waiting)
                 220 light: off after 1 min 30 s",
            );
        }
    }
}

const UP: &str = "
rules:
  - id: up
    while: squad.filter(p, p.online).size() >= 2
    enter: {to: screen, text: \"{{join (pluck (where squad 'online') 'name') ', '}}\"}
    exit: {to: screen, text: over}
";

#[test]
fn without_who_there_is_one_state_over_everybody() {
    check(
        &[UP],
        "0 all ada online, bob offline, carol online
         10 carol offline
         20 bob idle
         30 ada dnd
         40 bob offline
         50 carol online
         60 bob online",
        "20 up: ada, bob
         40 up: over
         60 up: ada, bob",
    );
}

#[test]
fn no_state_passes_while_a_snapshot_comes_in_person_by_person() {
    check(
        &[UP],
        "0 all ada online, bob offline
         10 disconnected
         20 all bob online, ada offline
         30 disconnected
         40 all ada online, bob online
         50 restart 100
         151 all ada offline, bob online
         160 restart 100
         261 all bob offline, ada online",
        "40 up: ada, bob
         151 up: over",
    );
}

#[test]
fn without_who_it_rests_while_nobody_of_its_people_is_seen() {
    check(
        &["
rules:
  - {id: off, while: '!ada.online && !bob.online', for: 10s, enter: {to: screen, text: nobody}}
"],
        "0 all ada online, bob offline
         10 ada offline
         15 disconnected
         30
         40 all carol online
         60 all bob offline
         70",
        "10 off enter (waiting)
         60 off: nobody",
    );
}

#[test]
fn a_rule_of_one_person_can_look_at_another() {
    let rules = "
rules:
  - {id: together, who: ada, while: playing && playing.name == bob.playing.name, enter: {to: screen, text: '{{playing.name}}'}, exit: {to: screen, text: over}}
";
    check(
        &[rules],
        "0 all ada online, bob online
         10 bob online playing=Braid
         20 ada online playing=Braid
         30 bob online playing=Factorio
         40 ada online playing=Factorio
         50 disconnected
         60 all ada online playing=Braid, bob online playing=Braid
         70 all bob offline
         80 bob online playing=Braid
         90 bob online",
        "20 together: Braid
         30 together: over
         40 together: Factorio",
    );
}

#[test]
fn an_exit_is_sent_if_its_enter_was() {
    let rules = |more: &str| format!("rules: [{{id: r, who: ada, while: playing, cooldown: 100s, {more}}}]");
    let story = "0 all ada online
         10 ada online playing=Braid
         20 ada online
         30 ada online playing=Braid
         40 ada online
         120 ada online playing=Braid
         130 ada online";
    check(
        &[&rules("enter: {to: screen, text: 'on'}, exit: {to: screen, text: 'off'}")],
        story,
        "10 r: on
         20 r: off
         30 r ada enter (cooldown)
         40 r ada exit (never_entered)
         120 r: on
         130 r: off",
    );
    check(
        &[&rules("enter: {to: screen, text: 'on'}")],
        story,
        "10 r: on\n30 r ada enter (cooldown)\n120 r: on",
    );
    check(
        &[&rules("exit: {to: screen, text: 'off'}")],
        story,
        "20 r: off\n40 r ada exit (cooldown)\n130 r: off",
    );
}

#[test]
fn that_an_enter_was_held_back_is_known_after_a_restart() {
    check(
        &[
            "rules: [{id: r, who: ada, while: playing, cooldown: 100s, enter: {to: screen, text: 'on'}, exit: {to: screen, text: 'off'}}]",
        ],
        "0 all ada online playing=Braid
         10 ada online
         20 ada online playing=Braid
         30 restart 5
         36 all ada online playing=Braid
         40 ada online",
        "0 r: on
         10 r: off
         20 r ada enter (cooldown)
         40 r ada exit (never_entered)",
    );
}

#[test]
fn the_clock_alone_can_begin_and_end_it() {
    // It is Monday, 12:00 in UTC and 13:00 in Berlin.
    let rules = |condition: &str| {
        format!(
            "timezone: Europe/Berlin
rules:
  - {{id: r, while: '{condition}', enter: {{to: screen, text: \"{{{{time now.time '%H:%M'}}}}\"}}, exit: {{to: screen, text: over}}}}"
        )
    };
    check(&[&rules("now.hour == 14")], "0\n10000", "3600 r: 14:00\n7200 r: over");
    check(&[&rules("now.hour == 13")], "0\n10000", "0 r: 13:00\n3600 r: over");
    check(&[&rules("now.minute == 30")], "0\n3600", "1800 r: 13:30\n1860 r: over");
    check(&[&rules("now.weekday == \"tuesday\"")], "0\n200000", "39600 r: 00:00\n126000 r: over");
    check(
        &[&rules("now.hour == 14")],
        "0\n10 clock 3600\n100\n200 clock -3600\n300",
        "60 r: 14:01\n240 r: over",
    );
    // Nobody needs to be seen for it.
    check(&[&rules("now.hour >= 14")], "0\n10 restart 7200\n7300", "7210 r: 15:00");
}

#[test]
fn what_compares_instants_is_asked_soon_enough() {
    let told = super::story::Story::new(&["
rules:
  - {id: long, who: ada, while: now.time - playing.started_at > duration('1h'), enter: {to: screen, text: 'take a break'}}
"])
    .play("0 all ada online playing=Braid since=-3000\n10000");
    let [line] = &told[..] else { panic!("{told:?}") };
    let second: u64 = line.strip_suffix(" long: take a break").unwrap().parse().unwrap();
    assert!((600..=610).contains(&second), "{second}");
}

#[test]
fn nobody_is_woken_for_nothing() {
    let mut story = super::story::Story::new(&[UP]);
    story.line("0 all ada online, bob offline");
    story.line("1000 ada dnd");
    story.line("1010");
    let due = story.engine.deadline().unwrap();
    assert!(due > std::time::Duration::from_secs(1100), "only to note that people are watched: {due:?}");
}

#[test]
fn a_change_asks_only_the_rules_that_can_see_it() {
    let rules = "
rules:
  - {id: of-ada, who: ada, while: online, enter: screen}
  - {id: of-squad, who: squad, while: playing, enter: screen}
  - {id: of-everyone, who: everyone, while: playing, enter: screen}
  - {id: with-bob, who: ada, while: bob.online && online, enter: screen}
  - {id: of-group, while: 'squad.exists(p, p.playing)', enter: screen}
  - {id: of-carol, while: carol.online && now.hour > 3, enter: screen}
  - {id: off, enabled: false, who: everyone, while: online, enter: screen}
";
    let mut story = super::story::Story::new(&[rules]);
    story.line("0 all ada online, bob online, carol online");
    story.line("5");
    let mut asked = |line: &str| {
        let before = story.engine.counts().asked;
        story.line(line);
        story.engine.counts().asked - before
    };
    assert_eq!(asked("10 ada dnd"), 5, "all of hers, and the group's");
    assert_eq!(asked("11 ada dnd"), 0, "the same again");
    assert_eq!(asked("12 ada dnd noise=1"), 5, "her KV");
    assert_eq!(asked("13 bob idle"), 4, "his two, the one of hers that looks at him, and the group's");
    assert_eq!(asked("14 carol idle"), 2, "everyone's, and the one that names her");
    assert_eq!(asked("15 all ada dnd noise=1, bob idle, carol idle"), 0, "a snapshot without news");
    assert_eq!(asked("20"), 0, "time passes");
    assert_eq!(asked("3601"), 1, "and the hour moves");
}

#[test]
fn a_reload_keeps_states_and_timers() {
    let rules = |more: &str| {
        format!(
            "rules: [{{id: r, who: ada, {more}, enter: {{to: screen, text: 'on'}}, exit: {{to: screen, text: 'off'}}}}]"
        )
    };
    let playing = rules("while: playing, for: 30s, grace: 60s");
    let rising = |other: &str| {
        super::story::Story::new(&[&playing, other]).play(
            "0 all ada online playing=Braid
             10 rules 1
             100",
        )
    };
    // The same condition: `for` is measured anew.
    assert_eq!(rising(&rules("while: playing, for: 50s"))[1..], ["50 r: on"]);
    assert_eq!(rising(&rules("while: playing, for: 5s"))[1..], ["10 r: on"]);
    // Another one begins afresh.
    assert_eq!(
        rising(&rules("while: playing && online, for: 50s"))[1..],
        ["10 r ada enter (waiting)", "60 r: on"]
    );
    // What is gone is gone without a word, and so is what became another rule.
    assert_eq!(rising(&playing.replace("id: r", "id: s"))[1..], ["10 s ada enter (waiting)", "40 s: on"]);
    assert_eq!(rising("rules: [{id: r, who: ada, when: went_online, send: screen}]").len(), 1);
    let on = |other: &str, rest: &str| {
        super::story::Story::new(&[&playing, other])
            .play(&format!("0 all ada online playing=Braid\n50 rules 1\n{rest}"))
            .split_off(2)
    };
    assert_eq!(
        on(&rules("while: playing, grace: 5s"), "60 ada online\n100"),
        ["60 r ada exit (waiting)", "65 r: off"]
    );
    // A state that is on stays on, so that its exit comes, and is judged by the new condition.
    assert_eq!(on(&rules("while: streaming"), "60"), ["50 r: off"]);
    assert_eq!(on(&rules("while: online"), "60 ada offline"), ["60 r: off"]);
    // Without `who`, or without her, it is another state.
    assert!(on(&rules("while: playing").replace("ada", "bob"), "60 ada online\n61 bob online").is_empty());
    assert_eq!(
        on("rules: [{id: r, while: ada.playing, enter: {to: screen, text: anew}}]", "60"),
        ["50 r: anew"]
    );
    // A disabled rule does nothing and forgets nothing.
    let disabled = rules("enabled: false, while: playing, for: 30s, grace: 60s");
    let told = super::story::Story::new(&[&playing, &disabled])
        .play("0 all ada online playing=Braid\n50 rules 1\n60 ada online\n70 restart 1\n72 all ada online\n500 rules 0\n600");
    assert_eq!(told[2..], ["500 r ada exit (waiting)", "560 r: off"]);
}

#[test]
fn new_rules_are_asked_at_once() {
    check(
        &["rules: [{id: a, who: ada, when: went_online, send: screen}]", UP],
        "0 all ada online, bob online
         50 rules 1
         60",
        "50 up: ada, bob",
    );
}

#[test]
fn every_person_has_a_state_of_their_own() {
    check(
        &["
rules:
  - {id: on, who: everyone, while: online, enter: {to: screen, text: '{{name}} on'}, exit: {to: screen, text: '{{name}} off after {{duration lasted}}'}}
"],
        "0 all ada online, bob offline
         10 bob online
         20 ada offline
         30 carol online
         40 bob offline",
        "0 on: ada on
         10 on: bob on
         20 on: ada off after 20 s
         30 on: carol on
         40 on: bob off after 30 s",
    );
}

#[test]
fn conditions_see_what_smoothing_shows() {
    let rules = "
rules: [{id: r, who: ada, while: playing, enter: {to: screen, text: 'on'}, exit: {to: screen, text: 'off'}}]
";
    let story = super::story::Story::smoothed("offline: 60s, listening: 15s, activity: 10s", &[rules]);
    assert_eq!(
        story.play(
            "0 all ada online playing=Braid
             10 ada online
             19 ada online playing=Braid
             30 ada offline
             80 ada online playing=Braid
             90 ada online
             200"
        ),
        ["0 r: on", "100 r: off"]
    );
}

#[test]
fn where_a_rule_stands_can_be_looked_at() {
    use super::states::{Stage, StateView};
    use crate::presence::change::ChangeKind;

    let mut story = super::story::Story::new(&["
rules:
  - {id: a, who: squad, while: playing, for: 30s, grace: 20s, enter: screen, exit: screen}
  - {id: b, while: 'squad.exists(p, p.playing)', enter: screen}
  - {id: c, who: ada, when: started_playing, for: 1h, send: screen}
"]);
    let start_ms = 1_767_614_400_000;
    let mut stages = |line: &str, rule: usize| {
        story.line(line);
        let views = story.engine.states(rule, 9);
        for StateView { person, .. } in &views {
            let own = story.engine.states_of(rule, *person);
            assert!(own.iter().all(|state| views.contains(state)) && !own.is_empty());
        }
        assert_eq!(story.engine.states(rule, 1).len(), views.len().min(1));
        let relative = |state: StateView| (state.stage, (state.since_ms - start_ms) / 1000);
        views.into_iter().map(relative).collect::<Vec<_>>()
    };
    let at = |second: i64| start_ms + second * 1000;
    assert_eq!(
        stages("0 all ada online, bob online playing=Braid", 0),
        [(Stage::Rising { until_ms: at(30) }, 0)]
    );
    assert_eq!(
        stages("40 ada online playing=Braid", 0),
        [(Stage::Rising { until_ms: at(70) }, 40), (Stage::On { told: true }, 0)]
    );
    assert_eq!(stages("40", 1), [(Stage::On { told: true }, 0)]);
    let waiting = Stage::Waiting { kind: ChangeKind::StartedPlaying, until_ms: at(40 + 3600) };
    assert_eq!(stages("40", 2), [(waiting, 40)]);
    assert_eq!(stages("50 bob online", 0)[1], (Stage::Falling { told: true, until_ms: at(70) }, 0));
    assert_eq!(stages("70", 0), [(Stage::On { told: true }, 40)]);
    assert_eq!(story.engine.states_on(), [1, 1, 0]);
}
