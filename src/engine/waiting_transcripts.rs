//! What `when` rules with `for` do, as stories.

use super::story::check;

const DND: &str = r#"
rules:
  - id: quiet
    who: ada
    when: {changed_status: {to: dnd}}
    for: 60s
    if: "!playing"
    send: {to: screen, text: "{{change.from}} to {{change.to}}{{#if late}} late{{/if}}, since {{time since}}"}
"#;

#[test]
fn it_rings_if_what_the_change_led_to_has_held_that_long() {
    check(
        &[DND],
        "0 all ada online
         10 ada dnd
         20 ada dnd desktop says=busy
         100",
        "10 quiet ada changed_status (waiting)
         70 quiet: online to dnd, since 2026-01-05 12:00",
    );
}

#[test]
fn it_is_given_up_as_soon_as_it_is_no_more_and_begins_anew() {
    check(
        &[DND],
        "0 all ada online
         10 ada dnd
         40 ada idle
         50 ada dnd
         120",
        "10 quiet ada changed_status (waiting)
         40 quiet ada changed_status (lapsed)
         40 quiet ada changed_status (narrowed)
         50 quiet ada changed_status (waiting)
         110 quiet: idle to dnd, since 2026-01-05 12:00",
    );
}

#[test]
fn if_is_asked_at_the_end_of_the_person_as_they_are_then() {
    check(
        &[DND],
        "0 all ada online playing=Braid
         10 ada dnd playing=Braid
         20 ada dnd
         100 ada online
         110 ada dnd
         120 ada dnd playing=Braid
         200",
        "10 quiet ada changed_status (waiting)
         70 quiet: online to dnd, since 2026-01-05 12:00
         100 quiet ada changed_status (narrowed)
         110 quiet ada changed_status (waiting)
         170 quiet ada changed_status (condition_false)",
    );
}

#[test]
fn it_outlives_a_restart_and_a_kill() {
    for end in ["restart", "kill"] {
        check(
            &[DND],
            &format!(
                "0 all ada online
                 10 ada dnd
                 30 {end} 10
                 41 all ada dnd
                 100"
            ),
            "10 quiet ada changed_status (waiting)
             70 quiet: online to dnd, since 2026-01-05 12:00",
        );
    }
}

#[test]
fn after_a_gap_it_rings_late_if_it_is_still_so() {
    check(
        &[DND],
        "0 all ada online
         10 ada dnd
         30 disconnected
         90
         100 all ada dnd",
        "10 quiet ada changed_status (waiting)
         100 quiet: online to dnd late, since 2026-01-05 12:00",
    );
    check(
        &[DND],
        "0 all ada online
         10 ada dnd
         30 restart 60
         100 all ada online
         200",
        "10 quiet ada changed_status (waiting)
         100 quiet ada changed_status (lapsed)
         100 quiet ada changed_status (narrowed)",
    );
}

#[test]
fn after_a_gap_longer_than_catch_up_it_is_too_late() {
    check(
        &[DND],
        "0 all ada online
         10 ada dnd
         30 disconnected
         1000 all ada dnd
         2000",
        "10 quiet ada changed_status (waiting)
         1000 quiet ada changed_status (too_late)",
    );
}

#[test]
fn a_wall_clock_that_is_set_moves_no_wait() {
    for set in [-86_400, 86_400] {
        check(
            &[DND],
            &format!(
                "0 all ada online
                 10 ada dnd
                 20 clock {set}
                 30 restart 5
                 36 all ada dnd
                 100"
            ),
            "10 quiet ada changed_status (waiting)
             70 quiet: online to dnd, since 2026-01-05 12:00",
        );
    }
}

const GAMES: &str = r#"
rules:
  - id: game
    who: squad
    when: [started_playing, stopped_playing, started_activity]
    for: 30s
    send: {to: screen, text: "{{name}} {{change.kind}} {{default change.to.name change.from.name}}"}
"#;

#[test]
fn each_game_of_each_person_waits_for_itself() {
    check(
        &[GAMES],
        "0 all ada online, bob online
         10 ada online playing=Braid
         20 ada online playing=Braid playing=Factorio
         25 bob online playing=Braid
         45 ada online playing=Factorio
         100",
        "10 game ada started_playing (waiting)
         10 game ada started_activity (told_already)
         20 game ada started_playing (waiting)
         20 game ada started_activity (told_already)
         25 game bob started_playing (waiting)
         25 game bob started_activity (told_already)
         40 game: ada started_playing Braid
         45 game ada stopped_playing (waiting)
         50 game: ada started_playing Factorio
         55 game: bob started_playing Braid
         75 game: ada stopped_playing Braid",
    );
}

#[test]
fn no_more_than_so_many_wait() {
    let games: Vec<String> = (0..=super::waiting::WAITS_MAX).map(|n| format!("playing=Game{n:02}")).collect();
    let told = super::story::Story::new(&[GAMES])
        .play(&format!("0 all ada online\n1 ada online {}\n100", games.join(" ")));
    let of = |what: &str| told.iter().filter(|line| line.contains(what)).count();
    assert_eq!(of("(waiting)"), super::waiting::WAITS_MAX, "{told:#?}");
    assert_eq!(of("started_playing Game"), super::waiting::WAITS_MAX, "{told:#?}");
    assert_eq!(of("(too_many_wait)"), 2, "as `started_playing` and as `started_activity`: {told:#?}");
}

#[test]
fn what_keeps_a_rule_quiet_is_asked_at_the_end() {
    check(
        &["
rules:
  - {id: online, who: squad, when: went_online, for: 10s, cooldown: 100s, send: {to: screen, text: '{{name}}'}}
"],
        "0 all ada offline, bob offline
         10 ada online
         15 bob online
         25 ada offline
         30 ada online
         150",
        "10 online ada went_online (waiting)
         15 online bob went_online (waiting)
         20 online: ada
         25 online: bob
         30 online ada went_online (waiting)
         40 online ada went_online (cooldown)",
    );
}

#[test]
fn a_reload_keeps_what_waits_and_measures_it_anew() {
    let rules = |rest: &str| format!("rules: [{{id: r, who: ada, {rest}, send: {{to: screen, text: x}}}}]");
    let long = rules("when: went_online, for: 60s");
    let story = "0 all ada offline\n10 ada online\n20 rules 1\n30\n100";
    for (other, expected) in [
        (rules("when: went_online, for: 15s"), "25 r: x"),
        (rules("when: [went_offline, went_online], for: 30s"), "40 r: x"),
        (rules("when: went_online"), "20 r: x"),
        (rules("when: went_offline, for: 30s"), ""),
        (rules("when: went_online, for: 60s").replace("ada", "bob"), ""),
        (rules("while: online, for: 60s").replace("send", "enter"), "20 r ada enter (waiting)\n80 r: x"),
        (rules("enabled: false, when: went_online, for: 15s"), ""),
    ] {
        check(&[&long, &other], story, &format!("10 r ada went_online (waiting)\n{expected}"));
    }
    // A rule of another name has nothing to do with it.
    check(&[&long, &long.replace("id: r", "id: s")], story, "10 r ada went_online (waiting)");
    // What a disabled rule kept is not rung when it is long over.
    check(
        &[&rules("when: went_online, for: 15s"), &rules("enabled: false, when: went_online, for: 15s")],
        "0 all ada offline\n10 ada online\n20 rules 1\n2000 rules 0\n2001",
        "10 r ada went_online (waiting)\n2000 r ada went_online (too_late)",
    );
}

#[test]
fn lanyard_itself_can_be_waited_for() {
    check(
        &["
rules:
  - {id: r, who: ada, when: [became_unmonitored, became_monitored], for: 60s, send: {to: screen, text: '{{change.kind}}'}}
"],
        "0 all ada online
         10 all bob online
         11 unmonitored ada
         320 unmonitored ada
         400 ada online
         470 all bob online
         471 unmonitored ada
         775 unmonitored ada
         780 ada online
         900",
        "320 r ada became_unmonitored (waiting)
         380 r: became_unmonitored
         400 r ada became_monitored (waiting)
         460 r: became_monitored
         775 r ada became_unmonitored (waiting)
         780 r ada became_unmonitored (lapsed)
         780 r ada became_monitored (waiting)
         840 r: became_monitored",
    );
}
