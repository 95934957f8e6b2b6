//! The two promises, kept by the real program: it never rings for nothing, and it never loses a ring.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use serde_json::Value;

use super::home::{Home, people};

const ALICE: UserId = UserId(94_490_510_688_792_576);

/// Rings for everything that can change, at once.
const EVERYTHING: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0, listening: 0, activity: 0}
people: {alice: 94490510688792576}
targets: {hook: {type: webhook, url: RECEIVER}}
rules:
  - id: all
    who: alice
    when: [went_online, went_offline, changed_status, joined_platform, left_platform, started_listening,
      changed_track, stopped_listening, started_playing, stopped_playing, started_activity, changed_activity,
      stopped_activity, changed_custom_status, changed_profile, changed_kv, became_monitored, became_unmonitored]
    send: {to: hook, body: "{{change.kind}}"}
"#;

fn alice() -> PresenceJson {
    PresenceJson::new(ALICE).named("Alice").status("online").on(&["desktop"])
}

fn fine(_: &Heard) -> Play {
    Play::status(204)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_rings_once_and_a_repeat_does_not() {
    let home = Home::new(EVERYTHING, fine).await;
    home.lanyard.set(&alice());
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice());
    home.lanyard.set(&alice().playing("Factorio"));
    home.lanyard.set(&alice().playing("Factorio"));
    home.lanyard.set(&alice().playing("Factorio").kv("scene", "movie"));
    assert_eq!(home.rings(2).await, ["started_playing", "changed_kv"]);
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!(home.rung().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_restarts_ring_nothing() {
    let home = Home::new(EVERYTHING, fine).await;
    home.lanyard.set(&alice().playing("Factorio").listening("Song", "Artist", "Album").custom("🦀", "hi"));
    for restart in 0..20 {
        let bot = home.start_and_subscribe().await;
        if restart % 2 == 0 {
            assert!(bot.stop().await.success(), "{}", home.log());
        } else {
            bot.kill();
        }
    }
    // What would have rung at the restarts would ring before this.
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice().status("dnd"));
    home.lanyard.set(&alice().status("dnd").kv("last", "one"));
    home.until("the last change rings", || home.rung().iter().any(|text| text == "changed_kv")).await;
    bot.kill();
    let expected = [
        "changed_status",
        "stopped_listening",
        "stopped_playing",
        "stopped_activity",
        "changed_custom_status",
        "changed_kv",
    ];
    let rung: HashSet<String> = home.rung().into_iter().collect();
    for one in &rung {
        assert!(expected.contains(&one.as_str()), "{one} rang for nothing: {rung:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnect_rings_only_what_changed_behind_our_back() {
    let home = Home::new(EVERYTHING, fine).await;
    home.lanyard.set(&alice().playing("Factorio"));
    let bot = home.start_and_subscribe().await;
    for (round, end) in ["close", "drop", "cut"].into_iter().enumerate() {
        let asked = home.subscriptions();
        match end {
            "close" => home.lanyard.close_all(1000, ""),
            "drop" => home.lanyard.drop_all(),
            _ => home.lanyard.cut_all_mid_frame(),
        }
        if round == 2 {
            home.lanyard.set(&alice().playing("Factorio").kv("changed", "meanwhile"));
        }
        home.until("it subscribes again", || home.subscriptions() > asked).await;
    }
    assert_eq!(home.rings(1).await, ["changed_kv"]);
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!(home.rung().len(), 1);
}

/// Everybody's KV changes ring, with who and which.
const COUNTERS: &str = r#"
lanyard: {url: "LANYARD"}
targets: {hook: {type: webhook, url: RECEIVER, concurrency: 32}}
rules:
  - id: count
    who: everyone
    when: changed_kv
    send: {to: hook, json: {who: "{{user.id}}", n: "{{change.to}}"}}
"#;

/// Checks that each person's numbers came, each once but for repeats that carry the same id, in order.
fn check_counters(heard: &[Heard], people: u64, numbers: u64, repeats_max: usize) {
    let mut ids: HashMap<(String, u64), String> = HashMap::new();
    let mut last: HashMap<String, u64> = HashMap::new();
    let mut repeats = 0;
    for request in heard {
        let body: Value = request.json();
        let who = body["who"].as_str().unwrap().to_owned();
        let n: u64 = body["n"].as_str().unwrap().parse().unwrap();
        let id = request.header("webhook-id").or(request.header("idempotency-key")).unwrap().to_owned();
        if let Some(first) = ids.insert((who.clone(), n), id.clone()) {
            assert_eq!(first, id, "a repeat of {who} {n} has another id");
            repeats += 1;
            continue;
        }
        let before = last.insert(who.clone(), n).unwrap_or(0);
        assert_eq!(before + 1, n, "{who}: {n} came after {before}");
    }
    assert_eq!(ids.len() as u64, people * numbers, "some were lost");
    assert!(repeats <= repeats_max, "{repeats} repeats");
}

/// Every person's counter goes from 0 to `numbers`, as fast as the socket takes it.
fn count_up(home: &Home, count: u64, numbers: u64) {
    for n in 1..=numbers {
        for id in people(count) {
            home.lanyard.set(&PresenceJson::new(id).status("online").kv("n", &n.to_string()));
        }
    }
}

async fn counters_at_zero(count: u64, script: impl Fn(&Heard) -> Play + Send + Sync + 'static) -> Home {
    let home = Home::new(COUNTERS, script).await;
    for id in people(count) {
        home.lanyard.set(&PresenceJson::new(id).status("online").kv("n", "0"));
    }
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_twenty_thousand_arrives_whole_and_in_order() {
    let home = counters_at_zero(2000, fine).await;
    let bot = home.start_and_subscribe().await;
    count_up(&home, 2000, 10);
    home.rings(20_000).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    check_counters(&home.receiver.heard(), 2000, 10, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_at_random_gets_everything_in_the_end() {
    let rolls = Mutex::new(0_u64);
    let fails = move |_: &Heard| {
        let mut roll = rolls.lock().unwrap();
        *roll = roll.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (*roll >> 33) % 10 {
            0 => Play::status(503),
            1 => Play::header(429, "retry-after", "0"),
            _ => Play::status(200),
        }
    };
    let home = counters_at_zero(50, fails).await;
    let bot = home.start_and_subscribe().await;
    count_up(&home, 50, 4);
    let arrived = || home.receiver.heard().iter().map(Heard::text).collect::<HashSet<_>>().len();
    home.until("all of them were heard", || arrived() >= 200).await;
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_in_the_middle_of_twenty_thousand_lose_nothing() {
    const PEOPLE: usize = 1000;
    const ROUNDS: usize = 20;
    let home = counters_at_zero(PEOPLE as u64, fine).await;
    let mut bot = home.start_and_subscribe().await;
    for round in 1..=ROUNDS {
        for id in people(PEOPLE as u64) {
            home.lanyard.set(&PresenceJson::new(id).status("online").kv("n", &round.to_string()));
        }
        // Lanyard holds on to the last number of each alone: the round has to be owed before the kill, which
        // then comes in the middle of the sending.
        home.until("the round is on disk", || home.owed() >= round * PEOPLE).await;
        bot.kill();
        bot = home.start_and_subscribe().await;
    }
    let arrived = || home.receiver.heard().iter().map(Heard::text).collect::<HashSet<_>>().len();
    home.until("all of them were heard", || arrived() >= ROUNDS * PEOPLE).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    // What was in flight, and what had been answered but was not on disk yet.
    check_counters(&home.receiver.heard(), PEOPLE as u64, ROUNDS as u64, ROUNDS * (32 + 256));
}
