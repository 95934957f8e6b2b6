//! Tests in the rules file: how they are read, and what is said of their mistakes.

use std::time::Duration;

use super::*;
use crate::presence::model::{Presence, UserId};
use crate::rules::story::{Event, Story};

const HEAD: &str = "people: {ada: 94490510688792576, bob: 156114103033790464}
groups: {squad: [ada, bob]}
targets: {screen: {type: console}, phone: {type: ntfy, topic: t}}
rules:
  - {id: on, who: squad, when: went_online, send: [screen, phone]}
  - {id: song, who: ada, when: changed_track, send: screen}
  - {id: rests, enabled: false, who: squad, when: went_offline, send: screen}
tests:
";

/// Each row is a test from line 9 on, and what is said of it.
fn check_tests(rows: &[(&str, &str)]) {
    for (test, expected) in rows {
        check(&format!("{HEAD}{test}\n"), expected);
    }
}

fn check_steps(rows: &[(&str, &str)]) {
    for (steps, expected) in rows {
        check(&format!("{HEAD}  - expect: []\n    steps:\n{steps}\n"), expected);
    }
}

fn stories(tests: &str) -> Vec<Story> {
    match load(&format!("{HEAD}{tests}\n")) {
        Ok(loaded) => loaded.stories,
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

/// The presences that one test's steps give, in words.
fn shown(steps: &str) -> Vec<String> {
    let stories = stories(&format!("  - expect: []\n    steps:\n{steps}"));
    let events = stories[0].steps.iter().flat_map(|step| step.events.iter().map(move |event| (step, event)));
    let each = events.map(|(step, event)| {
        let at = step.at.as_secs();
        match event {
            Event::Presence(id, raw) => {
                let seen = Presence::parse(raw, None).unwrap();
                assert_eq!(seen.0, *id);
                format!("{at} {}", in_words(&seen.1))
            }
            other => format!("{at} {other:?}"),
        }
    });
    each.collect()
}

fn in_words(seen: &Presence<'_>) -> String {
    let mut words = vec![seen.user.shown_name().to_string(), seen.status.word().to_owned()];
    words.extend(seen.platforms.iter().map(|platform| platform.word().to_owned()));
    for activity in &seen.activities {
        let parts =
            [&activity.name, &activity.details, &activity.state, &activity.large_text, &activity.emoji.name];
        let parts: Vec<&str> =
            parts.into_iter().map(|part| &**part).filter(|part| !part.is_empty()).collect();
        words.push(format!("{}:{}", activity.kind.word(), parts.join("/")));
        if activity.party_size > 0 {
            words.push(format!("party {}/{}", activity.party_size, activity.party_max));
        }
    }
    words.extend(
        seen.track
            .as_ref()
            .map(|track| format!("hears {} by {} on {}", track.song, track.artist, track.player)),
    );
    words.extend(seen.kv.iter().map(|(key, value)| format!("{key}={value}")));
    words.join(" ")
}

#[test]
fn a_step_says_all_of_a_person_but_what_lasts() {
    let found = shown(
        "      - {bob: {user: {username: rob}}, ada: {playing: Factorio, kv: {scene: movie}}}
      - {after: 5s, ada: {status: dnd, custom_status: busy}}
      - {after: 5s, ada: {name: Ada L}}
      - {after: 5s, ada: offline}
      - {after: 5s, squad: {platforms: [mobile, web], track: {song: S, artist: A, album: B}}}
      - {after: 5s, ada: {kv: {}, track: {song: S, player: Tidal}}, bob: unmonitored}
      - {at: 1m, ada: {playing: [{name: G, details: D, state: T, large_text: L, party: {size: 2, max: 4}}, H], custom_status: {text: hi, emoji: x}, listening: Tidal}}
      - {at: 2m, ada: {activities: [{type: watching, name: W}], streaming: S, watching: V, competing: C, platforms: {vr: true}}}
      - {at: 3m, ada: {online: false, playing: null}}
      - {at: 4m, ada: {discord_status: idle, active_on_discord_vr: true, activities: [{type: 0, name: Z}]}}
      - {at: 5m, ada: {kv: {a: 1}}}
      - {at: 6m, lanyard: down}
      - {at: 7m, restart: true}
      - {at: 8m, lanyard: up, restart: 3m}",
    );
    assert_eq!(
        found,
        [
            "0 bob offline",
            "0 ada online desktop playing:Factorio scene=movie",
            "5 ada dnd desktop custom:Custom Status/busy scene=movie",
            "10 Ada L dnd desktop custom:Custom Status/busy scene=movie",
            "15 Ada L offline scene=movie",
            "20 Ada L online mobile web listening:Spotify/S/A/B hears S by A on Spotify scene=movie",
            "20 bob online mobile web listening:Spotify/S/A/B hears S by A on Spotify",
            "25 Ada L online desktop listening:Tidal/S hears S by  on Tidal",
            "25 Unmonitored(UserId(156114103033790464))",
            "60 Ada L online desktop playing:G/D/T/L party 2/4 playing:H listening:Tidal custom:Custom Status/hi/x hears  by  on Tidal",
            "120 Ada L online vr streaming:S watching:V watching:W competing:C",
            "180 Ada L offline",
            "240 Ada L idle vr playing:Z",
            "300 Ada L idle vr playing:Z a=1",
            "360 LanyardDown",
            "420 Restart(1s)",
            "480 LanyardUp",
            "480 Restart(180s)",
        ]
    );
}

#[test]
fn what_goes_on_began_when_it_began() {
    let stories = stories(
        "  - expect: []
    start: 2026-11-24 21:30
    steps:
      - {at: 5s, ada: {playing: G, track: S}}
      - {at: 65s, ada: {playing: {name: G, details: D}, track: S}}
      - {at: 75s, ada: {playing: H, track: T}}",
    );
    assert_eq!(stories[0].start.wall_ms, 1_795_555_800_000);
    let began: Vec<(i64, i64)> = stories[0]
        .steps
        .iter()
        .map(|step| {
            let Event::Presence(_, raw) = &step.events[0] else { panic!("{step:?}") };
            let (_, seen) = Presence::parse(raw, None).unwrap();
            let since = |ms: i64| (ms - stories[0].start.wall_ms) / 1000;
            (since(seen.activities[0].started_at_ms), since(seen.track.unwrap().started_at_ms))
        })
        .collect();
    assert_eq!(began, [(5, 5), (5, 5), (75, 75)]);
}

#[test]
fn times_of_day_and_ends() {
    let found = stories(
        "  - name: a
    start: 21:30
    until: 2h
    steps: [{at: 5s, ada: online}, {at: \"22:00\", ada: idle}, {after: 1m, ada: dnd}]
    expect: [on, {rule: on, person: ada, to: phone, at: \"22:30\", text: [a, b]}]
  - {steps: {at: 5s, ada: online}, expect: {rule: on, at: 2m}}
  - {steps: {at: 5s, restart: 1h}, expect: on}",
    );
    let at: Vec<u64> = found[0].steps.iter().map(|step| step.at.as_secs()).collect();
    assert_eq!(at, [5, 1800, 1860]);
    assert_eq!(found[0].expect[1].at, Some(Duration::from_secs(3600)));
    assert_eq!((&*found[0].name, found[0].line, found[0].ends.as_secs()), ("a", 9, 7200));
    assert_eq!((&*found[1].name, found[1].line), ("test 2", 14));
    assert_eq!(found[1].ends, Duration::from_secs(120 + 600), "long enough for what is held");
    assert_eq!(found[2].ends, Duration::from_secs(3605 + 600));
    assert_eq!(found[0].expect[1].person, Some(UserId(94_490_510_688_792_576)));
    assert_eq!(&*found[0].expect[1].said, "rule: on, person: ada, to: phone, at: \"22:30\", text: [a, b]");
}

#[test]
fn tests_that_are_not_quite_tests() {
    check_tests(&[
        ("  - x", "9:5 error: `tests` takes mappings, each begun with `- name:`, and this is a text"),
        (
            "  - {name: a, given: [], then: []}",
            "9:5 error: a test without `steps` (say what happens: `steps: [{at: 5s, ada: {status: online}}]`)
             9:5 error: a test without `expect` (say what rings, such as `expect: [{rule: friend-online}]`, or `expect: []`)
             9:15 error: unknown key `given` of a test (write `steps`; what is so at `0s` is how things are at the start)
             9:26 error: unknown key `then` of a test (write `expect`)",
        ),
        (
            "  - {name: a, steps: []}",
            "9:5 error: a test without `expect` (say what rings, such as `expect: [{rule: friend-online}]`, or `expect: []`)",
        ),
        (
            "  - {name: a, steps: [], expect: []}\n  - {name: a, steps: [], expect: }",
            "10:12 error: `a` is already the name of another test (choose another name)
             10:26 error: `expect` is empty (write `expect: []` for a test in which nothing rings)",
        ),
        (
            "  - {steps: [], expect: [], start: soon}\n  - {steps: [], expect: [], start: \"2026-11-24T21:30Z\"}",
            "9:36 error: `soon` is no time to begin at (write it like `2026-11-24 21:30`, `saturday 21:30` or `21:30`)
             10:36 error: `2026-11-24T21:30Z` is no time to begin at (it is a time in the file's `timezone`: leave the offset out)",
        ),
        (
            "  - {steps: [{at: 1h, ada: online}], expect: [on, {rule: on, at: 3h}], until: 1m}",
            "9:51 error: this is expected after the test has ended (let `until` be later)
             9:79 error: the test ends before its last step (leave `until` out, or let it be later)",
        ),
        (
            "  - {steps: [], expect: [song, {rule: off}, {person: squad}, {rule: song, person: bob, to: phone}, {rule: rests}, {to: phne, text: '/(/'}, {}, {target: x}], only: [on, onn]}",
            "9:39 error: unknown rule `off` (known here: `on`, `song`, `rests`)
             9:54 error: `squad` is a group, and a rule rings for one person at a time (name one person)
             9:83 error: the rule `song` is not about `bob`
             9:92 error: the rule `song` sends nothing to `phone` (it sends to `screen`)
             9:107 error: `rests` is not enabled, so it never rings
             9:120 error: unknown target `phne` (did you mean `phone`?)
             9:134 error: not a regex: unclosed group
             9:140 error: this expects nothing in particular (name the rule: `{rule: friend-online}`)
             9:145 error: unknown key `target` of an expectation (write `to`)
             9:158 error: `song` is expected to ring, but `only` leaves it out (name it there, too)
             9:158 error: `rests` is expected to ring, but `only` leaves it out (name it there, too)
             9:169 error: unknown rule `onn` (did you mean `on`?)",
        ),
    ]);
}

#[test]
fn steps_that_are_not_quite_steps() {
    check_steps(&[
        ("      - ada", "11:9 error: `steps` takes mappings, each with its time, and this is a text (write `- {at: 5s, ada: {status: online}}`)"),
        (
            "      - {ada: online}\n      - {at: 0s, ada: idle}\n      - {at: 5s}\n      - {bob: idle}\n      - {at: 3s, ada: dnd}\n      - {at: 9s, after: 1s, ada: dnd}",
            "12:18 error: `ada` is described twice at the start (what is so at 0s is one picture: put it into one step, or let one of them be later)
             13:9 error: nothing happens in this step (say what happens: `ada: {status: online}`, `lanyard: down` or `restart: 5m`)
             14:9 error: a step without `at` (say when: `at: 30s` counts from the start, `after: 30s` from the step before)
             15:14 error: steps stand in the order of time, and this is before the one above it (put it above, or write `after:` to count from the step before)
             16:18 error: `at` counts from the start, `after` from the step before (keep one of them)",
        ),
        (
            "      - {at: 0s, lanyard: down}",
            "11:18 error: `lanyard` cannot be part of the start (doorchime starts at 0s, and Lanyard is up; give it a later time)",
        ),
        (
            "      - {at: 10, lanyard: down}\n      - {at: 63d, ada: dnd}\n      - {at: 62d, ada: dnd}\n      - {after: 1d, ada: dnd}\n      - {after: 1s, lanyard: away, restart: false}",
            "11:14 error: `10` has no unit (`10s` are seconds, `10m` minutes)
             12:14 error: `at` is between 0 and 62d
             14:17 error: a test lasts no longer than 62d
             15:17 error: a test lasts no longer than 62d
             15:30 error: unknown word for `lanyard`: `away` (known here: `down`, `up`)
             15:45 error: `restart: false` says nothing (leave it out, or say how long doorchime is away: `restart: 5m`)",
        ),
        (
            "      - {at: 1s, adda: online, status: dnd, who: ada, 94490510688792576: dnd, 94490510688792577: dnd, spotify: {}}",
            "11:18 error: unknown person or group `adda` (did you mean `ada`?)
             11:32 error: unknown person or group `status` (say whose it is: `ada: {status: …}`)
             11:45 error: unknown person or group `who` (the person's name is the key: `ada: {status: online}`)
             11:55 error: people of the file are named here, not numbered (write `ada`)
             11:79 error: no rule is about `94490510688792577` (give the id a name under `people:`, or write a rule with `who: everyone`)
             11:103 error: unknown person or group `spotify` (say whose it is: `ada: {spotify: …}`)",
        ),
    ]);
}

#[test]
fn presences_that_nobody_has() {
    check_steps(&[
        (
            "      - {ada: onlin}\n      - {at: 1s, ada: Factorio}\n      - {at: 2s, ada: }\n      - {at: 3s, ada: {}}",
            "11:15 error: unknown word for `ada`: `onlin` (did you mean `online`?)
             12:23 error: unknown word for `ada`: `Factorio` (a presence has braces: `{playing: Factorio}`; in one word it is `online`, `idle`, `dnd`, `offline` or `unmonitored`)
             13:21 error: `ada` is empty (it takes a presence, such as `{status: online}`)
             14:23 error: this says nothing of `ada` (write `{status: online}`, or whatever else is so)",
        ),
        (
            "      - {ada: {game: G, discord: x, id: 1, plying: G, d: {}}}",
            "11:16 error: unknown key `game` of a presence in a test (write `playing`)
             11:25 error: unknown key `discord` of a presence in a test (known here: `name`, `status`, `online`, `platforms`, `playing`, `streaming`, `listening`, `watching`, `competing`, `track`, `custom_status`, `activities`, `kv`, `user`)
             11:37 error: unknown key `id` of a presence in a test (a person's id stands under `people:`)
             11:44 error: unknown key `plying` of a presence in a test (did you mean `playing`?)
             11:55 error: unknown key `d` of a presence in a test (write what stands inside of it: `discord_status`, `activities` and so on)",
        ),
        (
            "      - {ada: {status: busy, online: 3, platforms: [desk, phone], playing: {nmae: x, type: playing, started_at: 1, party: {siz: 1, max: x}}}}",
            "11:24 error: unknown word for `status`: `busy` (known here: `online`, `idle`, `dnd`, `offline`)
             11:38 error: `online` takes `true` or `false`, and this is a number
             11:53 error: unknown word for `platforms`: `desk` (known here: `desktop`, `mobile`, `web`, `embedded`, `vr`)
             11:59 error: unknown platform `phone` (write `mobile`)
             11:76 error: an activity without `name` (name the game: `{name: Factorio, details: …}`)
             11:77 error: unknown key `nmae` of an activity (did you mean `name`?)
             11:86 error: `playing` is the type (leave `type` out)
             11:101 error: unknown key `started_at` of an activity (in a test it begins with its step)
             11:124 error: unknown key `siz` of a party (did you mean `size`?)
             11:137 error: `max` takes a whole number, and this is a text",
        ),
        (
            "      - {ada: {status: offline, online: true, playing: G, track: }}\n      - {at: 1s, ada: {track: {title: x, track_id: y}, listening: Tidal, user: {nick: x}, custom_status: {state: x}}}",
            "11:33 error: `online: true` and `status: offline` cannot both be so (keep `status`)
             11:47 error: who is offline shows no `playing` (leave it out, or let them be online)
             12:32 error: unknown key `title` of a track (write `song`)
             12:42 error: unknown key `track_id` of a track (write `id`)
             12:56 error: `track` says what is heard and on which player (leave `listening` out; `track: {song: …, player: …}`)
             12:81 error: unknown key `nick` of a user (known here: `username`, `global_name`, `display_name`, `avatar`, `discriminator`, `bot`)
             12:107 error: unknown key `state` of a custom status (write `text`)",
        ),
        (
            "      - {ada: {discord_status: online, playing: G}}\n      - {at: 1s, ada: {discord_status: online, discord_user: {id: \"5\"}}}",
            "11:40 error: `discord_status` is Lanyard's word and `playing` is not: a presence is written one way or the other (write `status`)
             12:67 error: this is the presence of somebody else (the id is 94490510688792576 in this file)",
        ),
    ]);
}
