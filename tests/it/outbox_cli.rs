//! `outbox list | show | retry | drop`, on an outbox that the store wrote.

use std::path::Path;
use std::time::Duration;

use doorchime::clock::Clock;
use doorchime::outbox::delivery::{Attempt, Commit, Delivery, End, Fate, Settled};
use doorchime::outbox::store::handle::{Durability, open};
use doorchime::presence::model::UserId;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::program::{Ran, run};

/// Three deliveries: 1 arrived, 2 was refused with a hostile answer, 3 waits for its next try.
fn outbox(dir: &Path) {
    let clock = Clock::start();
    let now_ms = clock.now().wall_ms;
    let delivery = |target: &str, nth: u128| Delivery {
        id: uuid::Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + nth),
        target: target.into(),
        rule: "friend-online".into(),
        person: Some(UserId(94_490_510_688_792_576)),
        called: Some("ada".into()),
        cause: None,
        parts: json!({"text": "Ada\u{1b}[2J\u{9b}\u{2028} is online"}).as_object().unwrap().clone(),
        created_ms: now_ms - 120_000,
        expires_ms: now_ms + 3_600_000,
        fallbacks: Vec::new(),
        origin: None,
    };
    let deliveries = vec![delivery("phone", 1), delivery("team", 2), delivery("team", 3)];
    let (store, thread) = open(dir, Durability::Full, clock).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let owed = store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
        let fates = [
            (Fate::Delivered, Some(200), "ok", End::Delivered),
            (Fate::Dead, Some(404), "no_team\u{1b}]0;gotcha\u{7}\nsecond line", End::Refused),
            (Fate::Pending { next_ms: now_ms + 90_000 }, None, "connection refused", End::Later),
        ];
        let settled = owed.iter().zip(fates).map(|(owed, (fate, status, answer, end))| Settled {
            seq: owed.seq,
            fate,
            attempt: Some(Attempt {
                status,
                answer: answer.to_owned(),
                took: Duration::from_millis(12),
                end,
            }),
            at_ms: now_ms,
        });
        store.settle(settled.collect()).await.unwrap();
    });
    drop(store);
    thread.join();
}

fn states(here: &Path) -> Vec<(i64, String)> {
    let ran = run(here, ["outbox", "list", "--json"]);
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    let told =
        |entry: &Value| (entry["number"].as_i64().unwrap(), entry["state"].as_str().unwrap().to_owned());
    list.as_array().unwrap().iter().map(told).collect()
}

fn fine(ran: &Ran) -> &str {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    &ran.out
}

#[test]
fn what_became_of_deliveries_is_shown() {
    let here = tempdir().unwrap();
    outbox(&here.path().join("data"));
    let listed = run(here.path(), ["outbox", "list"]);
    let lines: Vec<&str> = fine(&listed).lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["NUMBER", "AGE", "TARGET", "RULE", "TRIES", "STATE"]
    );
    assert!(
        lines[1].starts_with('3') && lines[1].contains("pending, again in 1m: connection refused"),
        "{listed:?}"
    );
    assert!(lines[2].starts_with('2') && lines[2].contains("dead: 404 no_team"), "{listed:?}");
    assert!(lines[3].starts_with('1') && lines[3].ends_with("delivered"), "{listed:?}");
    let of_team = run(here.path(), ["outbox", "list", "--target", "team", "--state", "dead"]);
    assert_eq!(fine(&of_team).lines().count(), 2);
    assert!(
        fine(&run(here.path(), ["outbox", "list", "--target", "nobody"])).starts_with("No such deliveries")
    );

    for name in ["2", "01980000-0000-7000-8000-000000000002"] {
        let shown = run(here.path(), ["outbox", "show", name]);
        for told in [
            "dead",
            "team",
            "friend-online",
            "ada (94490510688792576)",
            "second line",
            "HTTP 404 after 12 ms; refused for good",
        ] {
            assert!(fine(&shown).contains(told), "{name}: {told}: {}", shown.out);
        }
        assert!(!shown.out.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{2028}']), "{}", shown.out);
    }
    let shown = run(here.path(), ["outbox", "show", "3", "--json"]);
    assert!(!shown.out.contains(['\u{9b}', '\u{2028}']), "{}", shown.out);
    let shown: Value = serde_json::from_str(fine(&shown)).unwrap();
    assert_eq!(shown["last_attempt"], json!({"status": null, "answer": "connection refused", "took_ms": 12}));
    assert_eq!(shown["message"]["text"], "Ada\u{1b}[2J\u{9b}\u{2028} is online");
    assert_eq!((&shown["tries"][0]["number"], &shown["tries"][0]["then"]), (&json!(1), &json!("later")));
    assert!(shown["tries"][0]["next"].is_string() && shown["tries"][0]["ended"].is_string(), "{shown:#}");
    assert_eq!(shown["called"], "ada");
}

#[test]
fn deliveries_are_sent_again_or_given_up() {
    let here = tempdir().unwrap();
    outbox(&here.path().join("data"));
    let (pending, dead) = ("pending".to_owned(), "dead".to_owned());
    let mistyped = run(here.path(), ["outbox", "retry", "2", "99"]);
    assert_eq!(mistyped.code, Some(2));
    assert!(mistyped.err.contains("no delivery `99`"), "{}", mistyped.err);
    assert_eq!(states(here.path())[1], (2, dead), "a mistyped number changes nothing");
    assert_eq!(fine(&run(here.path(), ["outbox", "retry", "--all-dead"])), "1 delivery to be sent again.\n");
    assert_eq!(states(here.path())[1], (2, pending));
    assert_eq!(fine(&run(here.path(), ["outbox", "drop", "1", "3"])), "2 deliveries dropped.\n");
    assert_eq!(states(here.path()).len(), 1);
    assert_eq!(fine(&run(here.path(), ["outbox", "drop", "--all-dead"])), "0 deliveries dropped.\n");
}

#[test]
fn what_has_arrived_is_not_sent_again_without_a_word() {
    let here = tempdir().unwrap();
    outbox(&here.path().join("data"));
    let refused = run(here.path(), ["outbox", "retry", "2", "1"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(refused.err.contains("delivery 1 has arrived at `phone` already"), "{}", refused.err);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(states(here.path())[1], (2, "dead".to_owned()), "all or none");
    let forced = run(here.path(), ["outbox", "retry", "--force", "1"]);
    assert_eq!(fine(&forced), "1 delivery to be sent again.\n");
    let waiting = run(here.path(), ["outbox", "retry", "2", "3"]);
    assert_eq!(
        fine(&waiting),
        "1 delivery to be sent again. 1 delivery is still on the way, to be tried at once.\n"
    );
    let shown = run(here.path(), ["outbox", "show", "1"]);
    assert!(fine(&shown).contains("HTTP 200 after 12 ms; it has it"), "{}", shown.out);
    let none = run(here.path(), ["outbox", "list", "--limit", "0"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    let help = run(here.path(), ["outbox", "list", "--help"]);
    assert!(!help.out.contains("made if"), "{}", help.out);
}

/// Deliveries to `team` that wait behind what became of the first.
fn held_up(dir: &Path, attempt: Attempt, next_in_ms: i64) {
    let clock = Clock::start();
    let now_ms = clock.now().wall_ms;
    let (store, thread) = open(dir, Durability::Full, clock).unwrap();
    let delivery = |nth: u128| Delivery {
        id: uuid::Uuid::from_u128(nth),
        target: "team".into(),
        rule: "r".into(),
        person: None,
        called: None,
        cause: None,
        parts: json!({"_event": {"type": "went_online"}}).as_object().unwrap().clone(),
        created_ms: now_ms,
        expires_ms: now_ms + 3_600_000,
        fallbacks: Vec::new(),
        origin: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let deliveries = vec![delivery(1), delivery(2), delivery(3)];
        let owed = store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
        let next_ms = if next_in_ms > 0 { now_ms + next_in_ms } else { 0 };
        let fate = Fate::Pending { next_ms };
        let first = Settled { seq: owed[0].seq, fate, attempt: Some(attempt), at_ms: now_ms };
        store.settle(vec![first]).await.unwrap();
        // The third could go on by itself, if its target were there.
        let due = Attempt { status: Some(500), ..Attempt::default() };
        let fate = Fate::Pending { next_ms: now_ms - 1 };
        let third = Settled { seq: owed[2].seq, fate, attempt: Some(due), at_ms: now_ms - 2 };
        store.settle(vec![third]).await.unwrap();
    });
    drop(store);
    thread.join();
}

#[test]
fn what_waits_for_its_target_says_so() {
    let attempt = |status, answer: &str, end| Attempt {
        status,
        answer: answer.to_owned(),
        took: Duration::from_millis(3),
        end,
    };
    for (attempt, next_in_ms, first, second) in [
        (
            attempt(Some(401), "bad token", End::Disabled),
            0,
            "waits: target disabled (401 bad token)",
            "waits: target disabled (401 bad token)",
        ),
        (
            attempt(None, "connection refused", End::Later),
            90_000,
            "pending, again in 1m: connection refused",
            "waits: target fails, again in 1m (connection refused)",
        ),
        (
            attempt(Some(429), "", End::Paused),
            90_000,
            "pending, again in 1m: 429",
            "waits: target asked for a pause, again in 1m (429)",
        ),
    ] {
        let here = tempdir().unwrap();
        held_up(&here.path().join("data"), attempt, next_in_ms);
        let listed = run(here.path(), ["outbox", "list"]);
        let lines: Vec<&str> = fine(&listed).lines().collect();
        assert!(lines[1].ends_with(second) && lines[2].ends_with(second), "{}", listed.out);
        assert!(lines[3].ends_with(first), "{}", listed.out);
        let shown = run(here.path(), ["outbox", "show", "2"]);
        assert!(!fine(&shown).contains("_event") && shown.out.contains("went_online"), "{}", shown.out);
    }
}

#[test]
fn no_outbox_is_one_sentence() {
    let here = tempdir().unwrap();
    let ran = run(here.path(), ["outbox", "list", "--data", "elsewhere"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("there is no outbox in `elsewhere` yet"), "{}", ran.err);
}
