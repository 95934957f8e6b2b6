//! `replay`: what a recording would have rung, and the difference that other rules make.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::Play;
use serde_json::Value;
use tempfile::TempDir;

use crate::home::{Home, people};
use crate::program::{Ran, run};

pub const ADA: UserId = UserId(94_490_510_688_792_576);
pub const BOB: UserId = UserId(156_114_103_033_790_464);

/// The rings that `replay --json` tells, in words.
fn rings(ran: &Ran) -> Vec<String> {
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rings = lines.filter(|line| line["what"] != "summary");
    let word = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    rings
        .map(|ring| {
            let head =
                if ring["what"] == "ring" { String::new() } else { format!("{} ", word(&ring["what"])) };
            format!("{head}{} {}: {}", word(&ring["rule"]), word(&ring["called"]), word(&ring["text"]))
        })
        .collect()
}

#[tokio::test]
async fn a_recording_rings_what_the_bot_rang() {
    let id = people(1).next().unwrap();
    let rules = format!(
        "lanyard: {{url: \"LANYARD\"}}\nsmoothing: {{offline: 200ms, listening: 200ms, activity: 100ms}}\n\
         people: {{ada: {id}}}\ntargets: {{api: {{type: webhook, url: \"RECEIVER\"}}}}\n\
         rules:\n\
         \x20 - {{id: status, who: ada, when: changed_status, cooldown: 300ms, send: {{to: api, body: \"is {{{{status}}}}\"}}}}\n\
         \x20 - {{id: song, who: ada, when: [started_listening, changed_track], dedupe: \"{{{{track.id}}}}\", send: {{to: api, body: \"{{{{track.song}}}}\"}}}}\n\
         \x20 - {{id: game, who: ada, when: {{stopped_playing: {{name: Factorio}}}}, send: {{to: api, body: \"no {{{{change.from.name}}}}\"}}}}\n\
         \x20 - {{id: last, who: ada, when: {{changed_kv: {{key: end}}}}, send: {{to: api, body: end}}}}\n"
    );
    let home = Home::new(&rules, |_| Play::status(204)).await;
    let ada = PresenceJson::new(id).status("online");
    home.lanyard.set(&ada);
    let asked = home.subscriptions();
    let bot = home.start_recording("day.gz");
    home.until("it subscribes", || home.subscriptions() > asked).await;
    home.lanyard.set(&ada.clone().status("dnd").playing("Factorio"));
    home.rings(1).await;
    home.lanyard.set(&ada.clone().listening("One", "X", "A"));
    home.rings(3).await;
    home.lanyard.set(&ada.clone().listening("Two", "X", "A"));
    home.lanyard.set(&ada.clone().listening("One", "X", "A"));
    home.rings(4).await;
    home.lanyard.drop_all();
    home.until("it is back", || home.subscriptions() > asked + 1).await;
    home.lanyard.set(&ada.clone().status("idle"));
    home.lanyard.set(&ada.clone().status("idle").kv("end", "1"));
    home.until("the last ring", || home.rung().contains(&"end".to_owned())).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let replayed = run(&home.path(""), ["replay", "day.gz", "--json"]);
    assert_eq!((replayed.code, replayed.err.as_str()), (Some(0), ""), "{}", replayed.out);
    let mut rung = home.rung();
    let mut replayed: Vec<String> =
        rings(&replayed).iter().map(|ring| ring.split(": ").nth(1).unwrap().to_owned()).collect();
    rung.sort();
    replayed.sort();
    assert_eq!(replayed, rung, "{}", home.log());
}

#[tokio::test]
async fn what_a_killed_bot_recorded_is_replayed() {
    let id = people(1).next().unwrap();
    let rules = format!(
        "lanyard: {{url: \"LANYARD\"}}\npeople: {{ada: {id}}}\ntargets: {{api: {{type: webhook, url: \"RECEIVER\"}}}}\n\
         rules: [{{id: status, who: ada, when: changed_status, send: {{to: api, body: \"is {{{{status}}}}\"}}}}]\n"
    );
    let home = Home::new(&rules, |_| Play::status(204)).await;
    let ada = PresenceJson::new(id);
    home.lanyard.set(&ada.clone().status("online"));
    let asked = home.subscriptions();
    let bot = home.start_recording("day.gz");
    home.until("it subscribes", || home.subscriptions() > asked).await;
    home.lanyard.set(&ada.clone().status("dnd"));
    home.rings(1).await;
    let file = home.path("day.gz");
    let flushed = || crate::recording::told(&file).contains(&"updated dnd".to_owned());
    home.until("it is flushed", flushed).await;
    bot.kill();
    let replayed = run(&home.path(""), ["replay", "day.gz"]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.err);
    assert!(replayed.err.contains("the recording was cut off here"), "{}", replayed.err);
    assert!(replayed.out.contains("is dnd") && replayed.out.contains("status  once"), "{}", replayed.out);
}

/// A recording made by hand, of somebody's status at some second.
pub fn by_hand(here: &Path, lines: &[(u64, UserId, &'static str)]) {
    let at =
        |second: u64| format!("2026-01-01T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
    let mut text = format!(
        "{{\"at\":\"{}\",\"what\":\"start\",\"header\":{{\"format\":1,\"people\":{{\"ada\":\"{ADA}\",\"bob\":\"{BOB}\"}}}}}}\n",
        at(0)
    );
    for &(second, who, status) in lines {
        let what = if second == 0 { "seen" } else { "updated" };
        let presence =
            PresenceJson::new(who).named(if who == ADA { "Ada" } else { "Bob" }).status(status).json();
        writeln!(text, "{{\"at\":\"{}\",\"what\":\"{what}\",\"presence\":{presence}}}", at(second)).unwrap();
    }
    fs::write(here.join("day.jsonl"), text).unwrap();
}

pub fn write_rules(here: &Path, name: &str, rules: &str) {
    let text = format!(
        "timezone: Europe/Berlin\npeople: {{ada: {ADA}, bob: {BOB}}}\ntargets: {{screen: {{type: console}}}}\nrules:\n{rules}"
    );
    fs::write(here.join(name), text).unwrap();
}

const ONLINE: &str =
    "  - {id: on, who: [ada, bob], when: went_online, send: {to: screen, text: '{{user.name}} is on'}}\n";

#[test]
fn the_difference_between_two_rules_files_is_shown() {
    let here = TempDir::new().unwrap();
    let story = [
        (0, ADA, "offline"),
        (0, BOB, "offline"),
        (60, ADA, "online"),
        (90, BOB, "online"),
        (3600, ADA, "offline"),
        (7200, ADA, "online"),
        (9000, ADA, "offline"),
        (9200, ADA, "dnd"),
        (10_000, BOB, "offline"),
        (10_500, BOB, "offline"),
    ];
    by_hand(here.path(), &story);
    let off = "  - {id: off, who: ada, when: went_offline, send: {to: screen, text: off}}\n";
    write_rules(here.path(), "rules.yaml", &format!("{ONLINE}{off}"));
    let cooled = ONLINE.replace("when:", "cooldown: 1h, when:");
    let dnd = "  - {id: dnd, who: ada, when: {changed_status: {to: dnd}}, send: {to: screen, text: busy}}\n";
    write_rules(here.path(), "new.yaml", &format!("{cooled}{off}{dnd}smoothing: {{offline: 2m}}\n"));
    let plain = run(here.path(), ["replay", "day.jsonl"]);
    assert_eq!((plain.code, plain.err.as_str()), (Some(0), ""), "{}", plain.out);
    assert!(
        plain.out.contains("2026-01-01 01:01:00  on                ada         screen    Ada is on"),
        "{}",
        plain.out
    );
    assert!(
        plain.out.contains("10 observations in 2h\n  off  twice\n  on   4 times")
            || plain.out.contains("10 observations in 2h\n  off  2 times\n  on   4 times"),
        "{}",
        plain.out
    );
    let compared = ["replay", "day.jsonl", "new.yaml", "--against", "rules.yaml"];
    let told = run(here.path(), compared.iter().chain(&["--json"]));
    assert_eq!(told.code, Some(1), "{}", told.err);
    assert_eq!(
        rings(&told),
        ["moved off ada: off", "moved off ada: off", "added dnd ada: busy", "removed on ada: Ada is on"]
    );
    let told = run(here.path(), compared);
    for line in [
        "off  +0 −0 ~2",
        "on   +0 −1  (3 times with new.yaml, 4 times with rules.yaml)",
        "dnd  +1 −0",
        "(1m later)",
    ] {
        assert!(told.out.contains(line), "{line}: {}", told.out);
    }
    let same = run(here.path(), ["replay", "day.jsonl", "--against", "rules.yaml"]);
    assert!(same.code == Some(0) && same.out.contains("on   no difference"), "{}", same.out);
}

#[test]
fn a_part_of_a_recording_can_be_picked() {
    let here = TempDir::new().unwrap();
    let story = [
        (0, ADA, "offline"),
        (0, BOB, "offline"),
        (60, ADA, "online"),
        (90, BOB, "online"),
        (3600, ADA, "offline"),
        (7200, ADA, "online"),
    ];
    by_hand(here.path(), &story);
    write_rules(here.path(), "rules.yaml", ONLINE);
    let table: &[(&[&str], &[&str])] = &[
        (&["--person", "ada"], &["on ada: Ada is on", "on ada: Ada is on"]),
        (&["--from", "90s", "--to", "1h"], &["on bob: Bob is on"]),
        (&["--from", "2026-01-01 02:00"], &["on ada: Ada is on"]),
        (&["--to", "2026-01-01T00:01:30Z"], &["on ada: Ada is on"]),
    ];
    for (args, expected) in table {
        let ran = run(here.path(), ["replay", "day.jsonl", "--json"].iter().chain(*args));
        assert_eq!(rings(&ran), *expected, "{args:?}: {}", ran.err);
    }
    for (args, told) in [
        (&["--from", "noon"], "write it like `2026-11-24 18:30`"),
        (&["--person", "carl"], "neither an id nor a person"),
    ] {
        let ran = run(here.path(), ["replay", "day.jsonl"].iter().chain(args));
        assert!(ran.code == Some(2) && ran.err.contains(told), "{args:?}: {}", ran.err);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_line_and_passed_over() {
    let here = TempDir::new().unwrap();
    by_hand(
        here.path(),
        &[(0, ADA, "offline"), (60, ADA, "online"), (120, ADA, "offline"), (600, ADA, "online")],
    );
    write_rules(here.path(), "rules.yaml", ONLINE);
    let text = fs::read_to_string(here.path().join("day.jsonl")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(3, "{\"at\":\u{1b}[2J");
    fs::write(here.path().join("day.jsonl"), lines.join("\n")).unwrap();
    let ran = run(here.path(), ["replay", "day.jsonl"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("day.jsonl:4: the line is not JSON") && !ran.err.contains('\u{1b}'),
        "{}",
        ran.err
    );
    assert_eq!(ran.out.matches("Ada is on").count(), 2, "{}", ran.out);
    let table: &[(&str, &[u8], &str)] = &[
        ("notes.txt", b"mine\n", "`notes.txt` is no recording"),
        (
            "young.jsonl",
            br#"{"at":"2026-01-01T00:00:00Z","what":"start","header":{"format":9}}"#,
            "is no recording",
        ),
    ];
    for (name, bytes, told) in table {
        fs::write(here.path().join(name), bytes).unwrap();
        let ran = run(here.path(), ["replay", name]);
        assert!(ran.code == Some(2) && ran.err.contains(told), "{name}: {}", ran.err);
    }
    let none = run(here.path(), ["replay", "none.gz"]);
    assert!(none.code == Some(2) && none.err.contains("`none.gz` is not there"), "{}", none.err);
}

#[test]
fn a_stretch_becomes_a_test_that_passes() {
    let here = TempDir::new().unwrap();
    let story = [
        (0, ADA, "offline"),
        (0, BOB, "offline"),
        (60, ADA, "online"),
        (90, BOB, "online"),
        (3600, ADA, "offline"),
        (7200, ADA, "dnd"),
        (7210, BOB, "idle"),
    ];
    by_hand(here.path(), &story);
    let text = fs::read_to_string(here.path().join("day.jsonl")).unwrap();
    let blip = "{\"at\":\"2026-01-01T00:02:00Z\",\"what\":\"disconnected\"}\n{\"at\":\"2026-01-01T00:02:05Z\",\"what\":\"connected\"}\n{\"at\":\"2026-01-01T00:02:05Z\",\"what\":\"snapshot\"}\n";
    let at = text.find("{\"at\":\"2026-01-01T01:00:00Z").unwrap();
    let text =
        format!("{}{blip}{}", &text[..at], &text[at..]).replace("\"Ada\"", "\"A\\u001b[2Jda \u{1f600}\"");
    fs::write(here.path().join("day.jsonl"), text).unwrap();
    let old = "tests:\n  - {name: old, steps: [{at: 5s, ada: online}], expect: []}\n";
    for tests in ["", old] {
        write_rules(here.path(), "rules.yaml", &format!("{ONLINE}{tests}"));
        for (args, steps, rings) in [
            (&[][..], 9, 3),
            (&["--from", "1h", "--to", "2h"], 3, 0),
            (&["--from", "1h", "--person", "ada"], 3, 1),
        ] {
            let base = ["replay", "day.jsonl", "--as-test", "an 'evening': \u{1b}"];
            let made = run(here.path(), base.iter().chain(args));
            assert_eq!((made.code, made.err.as_str()), (Some(0), ""), "{args:?}: {}", made.out);
            assert_eq!(made.out.matches("- {at: ").count(), steps, "{args:?}: {}", made.out);
            assert_eq!(made.out.matches("- {rule: \"on\"").count(), rings, "{args:?}: {}", made.out);
            assert!(!made.out.contains('\u{1b}'), "{}", made.out);
            write_rules(here.path(), "tested.yaml", &format!("{ONLINE}{}", made.out));
            let tested = run(here.path(), ["test", "tested.yaml"]);
            assert_eq!(tested.code, Some(0), "{args:?}: {}{}", tested.out, tested.err);
            assert!(tested.out.contains("1 test"), "{}", tested.out);
        }
    }
}
