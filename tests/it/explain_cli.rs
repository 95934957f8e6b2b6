//! `explain` against a running bot.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use serde_json::Value;
use tempfile::tempdir;

use crate::home::Home;
use crate::program::{doorchime, ran, run};
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
         if        shut   false: playing.name == \"Factorio\"\n                   \
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
    let told = ran(explain.env("DOORCHIME_TOKEN", "0123456789abcdef-token"));
    assert!(told.err.contains("there is no rule `r`"), "{}", told.err);
    for url in ["nonsense", "ftp://127.0.0.1", "http://"] {
        let told = run(here.path(), ["explain", "r", "--url", url]);
        assert_eq!(told.code, Some(2), "{}", told.err);
        assert!(told.err.contains("no http:// or https:// address"), "{}", told.err);
    }
}
