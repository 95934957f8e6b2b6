//! `explain` against a running bot, and from a recording.

use std::fs;

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use serde_json::Value;
use tempfile::tempdir;

use crate::home::Home;
use crate::program::{doorchime, ran, run};
use crate::replay::{ADA, BOB, by_hand, write_rules};
use crate::web::Door;

const ALICE: UserId = UserId(94_490_510_688_792_576);

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576, bob: 156114103033790464}
targets: {hook: {type: webhook, url: RECEIVER}}
rules:
  - {id: gaming, who: [alice, bob], when: started_playing, if: 'playing.name == "Factorio"', send: hook}
  - {id: "a/b ?", who: alice, when: changed_kv, cooldown: 1h, send: hook}
  - {id: all, who: everyone, when: went_offline, send: hook}
"#;

fn fine(_: &Heard) -> Play {
    Play::status(204)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_bot_says_why_a_rule_rings_or_not() {
    let home = Home::new(RULES, fine).await;
    let alice = || PresenceJson::new(ALICE).named("Alice\u{1b}[2J").status("online");
    home.lanyard.set(&alice());
    let (bot, address) = home.start_listening().await;
    let url = format!("http://{address}");
    let live = r#""standing":"live""#;
    home.until_said(&address, "/api/v1/people/alice", |said| said.contains(live)).await;
    home.lanyard.set(&alice().playing("Braid").kv("k", "1"));
    home.until_said(&address, "/api/v1/rules/gaming", |said| said.contains(r#""condition_false":1"#)).await;
    let explain = |args: &[&str]| run(&home.path(""), ["explain", "--url", &url].iter().chain(args));

    let told = explain(&["gaming", "--person", "alice"]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    let expected = "gaming for alice (94490510688792576)\n  \
         who       open   `alice` is among those whom it is about\n  \
         presence  open   Lanyard tells of every change\n  \
         when      waits  asked at `started_playing`; what is so now would do, had it just begun\n  \
         if        shut   false: `playing.name == \"Factorio\"`\n                   \
         playing.name = \"Braid\"\n\
         Now `if` holds it back.\n\
         Last asked 0s ago at `started_playing`: `if` is false\n  playing.name = \"Braid\"\n";
    let ago = told.out.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(ago, expected.replace(|c: char| c.is_ascii_digit(), "0"), "{}", told.out);

    // Everybody whom it is about, and for machines.
    let told = explain(&["gaming", "--json"]);
    let json: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(json["explained"][0]["shut"], "if");
    assert_eq!(json["explained"][1]["person"]["key"], "bob");
    let told = explain(&["a/b ?"]);
    assert!(
        told.out.contains("cooldown  shut") && told.out.contains("Now `cooldown` holds it back."),
        "{}",
        told.out
    );

    for (args, said) in [
        (&["gamign"][..], "did you mean `gaming`?"),
        (&["gaming", "--person", "alcie"], "did you mean `alice`?"),
        (&["all"], "name a person"),
    ] {
        let told = explain(args);
        assert_eq!((told.code, told.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(told.err.contains(said), "{args:?}: {}", told.err);
    }
    assert!(explain(&["all", "--person", "alice"]).out.contains("it is about everyone"));
    assert!(bot.stop().await.success(), "{}", home.log());
    let told = explain(&["gaming"]);
    assert_eq!(told.code, Some(2));
    assert!(told.err.contains("is `doorchime run` running"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_taken_from_where_the_bot_has_it() {
    let here = tempdir().unwrap();
    let door = Door::open("0.0.0.0", Some("0123456789abcdef-token")).await;
    let listen = door.at.to_string();
    let mut explain = doorchime(here.path(), ["explain", "r"]);
    let told = ran(explain.env("DOORCHIME_LISTEN", &listen));
    assert_eq!(told.code, Some(2));
    assert!(told.err.contains("wants its token: give it with --token or DOORCHIME_TOKEN"), "{}", told.err);
    let told = ran(explain.env("DOORCHIME_TOKEN", "0123456789abcdef-other"));
    assert!(told.err.contains("has another token than the one in --token"), "{}", told.err);
    let told = ran(explain.env("DOORCHIME_TOKEN", "0123456789abcdef-token"));
    assert!(told.err.contains("there is no rule `r`"), "{}", told.err);
    for url in ["nonsense", "ftp://127.0.0.1", "http://"] {
        let told = run(here.path(), ["explain", "r", "--url", url]);
        assert_eq!(told.code, Some(2), "{}", told.err);
        assert!(told.err.contains("no http:// or https:// address"), "{}", told.err);
    }
}

#[test]
fn a_recording_says_why_a_rule_rang_or_not() {
    let here = tempdir().unwrap();
    let story = [
        (0, ADA, "offline"),
        (0, BOB, "offline"),
        (60, ADA, "dnd"),
        (90, BOB, "online"),
        (3600, ADA, "offline"),
        (7200, ADA, "online"),
    ];
    by_hand(here.path(), &story);
    let rules = "  - {id: on, who: [ada, bob], when: went_online, cooldown: 1h, send: screen}\n  \
                 - {id: free, who: [ada, bob], when: went_online, if: 'status == \"online\"', send: screen}\n  \
                 - {id: all, who: everyone, when: went_online, send: screen}\n";
    write_rules(here.path(), "rules.yaml", rules);
    let explain =
        |args: &[&str]| run(here.path(), ["explain", "--recording", "day.jsonl"].iter().chain(args));

    // It rang just then, and what had not happened yet is not known.
    let told = explain(&["on", "--person", "ada", "--at", "2026-01-01 01:01:00"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    let expected = format!(
        "on for ada ({ADA})\n  \
         who       open   `ada` is among those whom it is about\n  \
         presence  open   Lanyard tells of every change\n  \
         when      waits  asked at `went_online`; what is so now would do, had it just begun\n  \
         cooldown  shut   it has rung, and is quiet until 2026-01-01T01:01:00Z\n\
         At 2026-01-01 01:01:00 `cooldown` holds it back.\n\
         Last asked 2026-01-01 01:01:00 (0s before) at `went_online`: rings\n"
    );
    assert_eq!(told.out, expected);

    // The other one did not ring, and its condition is told as it was, not as it is an hour later.
    let told = explain(&["free", "rules.yaml", "--person", "ada", "--at", "30m", "--json"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    let json: Value = serde_json::from_str(&told.out).unwrap();
    let one = &json["explained"][0];
    assert_eq!((&json["at"], &one["shut"]), (&"2026-01-01T00:30:00Z".into(), &"if".into()), "{}", told.out);
    assert_eq!(
        (&one["last"]["verdict"]["word"], &one["last"]["at"]),
        (&"condition_false".into(), &"2026-01-01T00:01:00Z".into())
    );
    assert_eq!(one["last_values"][0]["value"], "\"dnd\"", "{}", told.out);

    // At the end, for everybody whom it is about, or whom it was asked about last.
    let told = explain(&["free"]);
    assert!(told.out.contains("(0s before) at `went_online`: rings\n\nfree for bob"), "{}", told.out);
    assert!(explain(&["all"]).out.starts_with("all for ada "));
    assert!(explain(&["all", "--at", "2m"]).out.starts_with("all for bob "));
    assert!(explain(&["on", "--at", "0s"]).out.contains("It was not asked yet since the recording began."));

    let whole = fs::read_to_string(here.path().join("day.jsonl")).unwrap();
    fs::write(here.path().join("empty.jsonl"), whole.lines().next().unwrap()).unwrap();
    fs::write(here.path().join("notes.txt"), "mine\n").unwrap();
    for (args, said) in [
        (&["no"][..], "there is no rule `no`: did you mean `on`?"),
        (&["on", "--person", "adda"], "there is no person `adda` in the rules file: did you mean `ada`?"),
        (&["all", "--at", "0s"], "name a person"),
        (&["on", "--at", "2025-12-31"], "`--at` is before the recording's beginning, 2026-01-01 01:00:00"),
        (&["on", "--at", "3h"], "`--at` is after the recording's end, 2026-01-01 03:00:00"),
        (&["on", "--at", "noon"], "`--at noon` is no time"),
        (&["on", "--recording", "empty.jsonl"], "nothing was observed in this recording"),
        (&["on", "--recording", "notes.txt"], "`notes.txt` is no recording"),
        (&["on", "--recording", "none.gz"], "`none.gz` is not there"),
    ] {
        let usual = ["--recording", "day.jsonl"].iter().filter(|_| !args.contains(&"--recording"));
        let told = run(here.path(), ["explain"].iter().chain(args).chain(usual));
        assert_eq!((told.code, told.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(told.err.contains(said), "{args:?}: {}", told.err);
    }
    for without in [&["on", "rules.yaml"][..], &["on", "--at", "1h"]] {
        let told = run(here.path(), ["explain"].iter().chain(without));
        assert!(told.code == Some(2) && told.err.contains("--recording"), "{}", told.err);
    }

    // A place that cannot be read is told, and what is known after it is what was heard after it.
    let mut lines: Vec<&str> = whole.lines().collect();
    lines.insert(4, "{\"at\":");
    fs::write(here.path().join("day.jsonl"), lines.join("\n")).unwrap();
    let told = explain(&["on", "--person", "ada"]);
    assert_eq!(told.code, Some(1), "{}", told.err);
    assert!(told.err.contains("day.jsonl:5: the line is not JSON"), "{}", told.err);
    assert!(told.out.starts_with("on for ada "), "{}", told.out);
}
