//! What the log says of troubles that come again and again, and of what somebody does: few lines, each once.

use std::sync::atomic::{AtomicUsize, Ordering};

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use doorchime::simulator::server::Mood;
use serde_json::Value;

use crate::home::{Home, people};
use crate::program::run;
use crate::web::ask;

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0s, listening: 0s, activity: 0s}
targets: {hook: {type: webhook, url: RECEIVER/hook, concurrency: 8}}
rules:
  - {id: kv, who: everyone, when: changed_kv, send: {to: hook, body: x}}
"#;

/// How many have something to tell.
const CROWD: u64 = 150;

/// Has so many rings asked for at once, each in a lane of its own.
async fn ring(home: &Home) {
    for id in people(CROWD) {
        home.lanyard.set(&PresenceJson::new(id).status("online").kv("k", "1"));
    }
    home.until("all is owed", || home.owed() as u64 >= CROWD).await;
}

async fn home(script: impl Fn(usize) -> Play + Send + Sync + 'static) -> Home {
    let attempts = AtomicUsize::new(0);
    let script = move |_: &Heard| script(attempts.fetch_add(1, Ordering::Relaxed));
    let home = Home::new(RULES, script).await;
    for id in people(CROWD) {
        home.lanyard.set(&PresenceJson::new(id).status("online"));
    }
    home
}

/// The lines that say this.
fn lines(home: &Home, what: &str) -> usize {
    home.log().lines().filter(|line| line.contains(what)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_takes_every_other_delivery_is_not_told_of_each_time() {
    let home = home(|attempt| Play::status(if attempt % 2 == 0 { 500 } else { 204 })).await;
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/api/v1/people?limit=1", |said| said.contains("\"live\"")).await;
    ring(&home).await;
    home.until("half has failed", || home.receiver.heard().len() as u64 > CROWD).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let told = (lines(&home, "target fails"), lines(&home, "takes deliveries again"));
    assert!((1..=2).contains(&told.0) && told.1 <= 2, "{told:?}\n{}", home.log());
    assert!(home.log().lines().count() < 20, "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_and_a_lanyard_that_are_away_are_told_once() {
    let home = home(|_| Play::Silence).await;
    home.write_rules(&RULES.replace("RECEIVER/hook", "http://127.0.0.1:9/hook"));
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/api/v1/people?limit=1", |said| said.contains("\"live\"")).await;
    ring(&home).await;
    home.until_said(&address, "/api/v1/status", |said| said.contains("connection refused")).await;
    home.lanyard.set_mood(Mood { refuses: true, ..home.lanyard.mood() });
    home.lanyard.drop_all();
    home.until("it is tried again", || lines(&home, "failures=4") == 1).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!(lines(&home, "target fails"), 1, "{}", home.log());
    assert!(home.log().lines().count() < 20, "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_are_refused_between_others_are_not_told_one_by_one() {
    let home = home(|attempt| Play::status(if attempt % 2 == 0 { 403 } else { 204 })).await;
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/api/v1/people?limit=1", |said| said.contains("\"live\"")).await;
    ring(&home).await;
    home.until_said(&address, "/api/v1/deliveries?state=pending", |said| said.contains("\"deliveries\":[]"))
        .await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let told = (lines(&home, "refused for good"), lines(&home, "takes deliveries again"));
    assert!((1..=2).contains(&told.0) && told.1 <= 2, "{told:?}\n{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_that_is_saved_again_is_told_once_and_what_hands_did_is_told() {
    let home = home(|_| Play::status(403)).await;
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/api/v1/people?limit=1", |said| said.contains("\"live\"")).await;
    let broken = std::fs::read_to_string(home.path("rules.yaml"))
        .unwrap()
        .replace("when: changed_kv", "when: cahnged_kv");
    for times in 1..=4 {
        std::fs::write(home.path("rules.yaml"), &broken).unwrap();
        home.until("it is read", || lines(&home, "not taken; the rules before it go on") == times).await;
    }
    assert_eq!(home.post(&address, "/-/reload").await.0, 422);
    assert_eq!(lines(&home, "a mistake in the rules file"), 1, "{}", home.log());
    assert_eq!(lines(&home, "was still not taken"), 4);

    ring(&home).await;
    let dead =
        home.until_said(&address, "/api/v1/deliveries?state=dead", |said| said.contains("\"number\"")).await;
    let dead: Value = serde_json::from_str(&dead).unwrap();
    let number = &dead["deliveries"][0]["number"];
    assert_eq!(home.post(&address, &format!("/api/v1/deliveries/{number}/drop")).await.0, 200);
    let line = format!("dropped by hand deliveries=\"{number}\"");
    home.until("it is told", || lines(&home, &line) == 1).await;
    let retried = run(&home.path(""), ["outbox", "retry", "--all-dead"]);
    assert_eq!(retried.code, Some(0), "{}", retried.err);
    home.until("it is told, too", || lines(&home, "sent again by hand") >= 1).await;
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_at_the_token_does_not_fill_the_log_and_finds_no_token_in_it() {
    let home = home(|_| Play::status(204)).await;
    let (bot, address) = home.start_listening_with(&["--token", "T0PSECRET-TOKEN"]).await;
    let at = address.parse().unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..15 {
        let request = format!(
            "POST /-/reload?x=T0PSECRET-QUERY HTTP/1.0\r\nAuthorization: Bearer T0PSECRET-GUESS-{n}\r\n\r\n"
        );
        asked.spawn(async move { ask(at, &request).await });
        let body = format!("token=T0PSECRET-GUESS-{n}");
        let request =
            format!("POST /login HTTP/1.0\r\nHost: {at}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        asked.spawn(async move { ask(at, &request).await });
        asked.spawn(async move { ask(at, "POST /-/reload HTTP/1.0\r\n\r\n").await });
    }
    for answer in asked.join_all().await {
        assert!(!answer.starts_with("HTTP/1.0 200"), "{answer}");
    }
    let elsewhere =
        "GET / HTTP/1.0\r\nHost: evil.example\r\nX-Forwarded-For: x, 203.0.113.7\r\nOrigin: null\r\n\r\n";
    ask(at, elsewhere).await;
    assert!(bot.stop().await.success());
    let log = home.log();
    assert_eq!(lines(&home, "peer=127.0.0.1 client=203.0.113.7 path="), 1, "{log}");
    let told = ["its token was wrong", "too many wrong tokens", "it had no token", "turned away"];
    assert_eq!(told.map(|what| lines(&home, what)), [1, 1, 1, 4], "{log}");
    assert_eq!(lines(&home, "peer=127.0.0.1 path="), 3, "{log}");
    assert!(!log.contains("T0PSECRET"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_all_connections_is_told_of_once() {
    let home = home(|_| Play::status(204)).await;
    let (bot, address) = home.start_listening().await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(tokio::net::TcpStream::connect(&*address).await.unwrap());
    }
    assert_eq!(home.ask(&address, "/healthz").await, "ok\n");
    assert!(bot.stop().await.success());
    let told = "an address has too many connections to --listen: one was turned away peer=127.0.0.1";
    assert_eq!(lines(&home, told), 1, "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_takes_too_long_is_told_once() {
    let many = format!("[{}]", vec!["1"; 900].join(","));
    let costly = format!("{many}.all(x, {many}.exists(y, y == 2 && x == 1) || true)");
    let home = home(|_| Play::status(204)).await;
    let rules =
        format!("{RULES}  - {{id: costly, who: everyone, when: changed_kv, if: '{costly}', send: hook}}\n");
    home.write_rules(&rules);
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/api/v1/people?limit=1", |said| said.contains("\"live\"")).await;
    ring(&home).await;
    home.until("it is told", || lines(&home, "too many steps") == 1).await;
    assert!(home.log().contains("rule=costly"), "{}", home.log());
    assert!(bot.stop().await.success());
    assert_eq!(lines(&home, "too many steps"), 1);
}

/// Every line is one object with these, and no name twice.
fn must_be_json(log: &str) -> Vec<Value> {
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "message"] {
            assert!(value[key].is_string(), "{line}");
        }
        let keys = value.as_object().unwrap().keys();
        for key in keys {
            assert_eq!(line.matches(&format!("\"{key}\":")).count(), 1, "{line}");
        }
        value
    };
    log.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn for_machines_every_line_is_an_object() {
    let home = home(|_| Play::status(403)).await;
    let nobody = UserId(42);
    home.write_rules(&format!("{RULES}people: {{unused: {nobody}}}\n"));
    let asked = home.subscriptions();
    let bot = home.start_with_args(&["run", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    home.until("it subscribes", || home.subscriptions() > asked).await;
    ring(&home).await;
    home.until("it is refused", || home.log().contains("refused for good")).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let told = must_be_json(&home.log());
    let of = |message: &str| told.iter().find(|line| line["message"].as_str().unwrap().contains(message));
    let doubt = of("a doubt about the rules file").unwrap();
    assert_eq!((doubt["level"].as_str(), doubt["line"].is_u64()), (Some("WARN"), true), "{doubt}");
    assert_eq!(of("refused for good").unwrap()["target"], "hook");

    for (rules, code) in [("rules: [", 2), ("targets: {x: {type: nope}}\n", 2)] {
        std::fs::write(home.path("rules.yaml"), rules).unwrap();
        let ran = run(&home.path(""), ["run", "--log-format", "json"]);
        assert_eq!((ran.code, must_be_json(&ran.err).is_empty()), (Some(code), false), "{}", ran.err);
    }
    let ran = run(&home.path(""), ["run", "nowhere.yaml", "--log-format", "json"]);
    assert_eq!((ran.code, must_be_json(&ran.err).len()), (Some(2), 1), "{}", ran.err);
    let ran = run(&home.path(""), ["send", "nobody", "--log-format", "json"]);
    assert!(!must_be_json(&ran.err).is_empty(), "{}", ran.err);
}
