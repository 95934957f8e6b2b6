//! The real program with a fallback: what one service refuses, or has not taken in time, rings at another.

use std::collections::BTreeSet;

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use serde_json::{Value, json};

use super::home::{Home, people};
use super::program::run;

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576}
targets:
  phone: {type: ntfy, server: RECEIVER/ntfy, topic: bells, expire: EXPIRE, fallback: chat}
  chat: {type: telegram, server: RECEIVER, token: "1000:invented", chat_id: 5, fallback: api}
  api: {type: webhook, url: RECEIVER/api}
rules:
  - id: online
    who: alice
    when: went_online
    send: {to: phone, title: "{{user.name}} <3", message: "is online ${file:key}"}
"#;

fn alice(status: &'static str) -> PresenceJson {
    PresenceJson::new(UserId(94_490_510_688_792_576)).named("Alice").status(status)
}

/// Each service by its path.
fn services(phone: u16) -> impl Fn(&Heard) -> Play {
    move |heard| match heard.path.as_str() {
        "/ntfy" => Play::status(phone),
        "/api" => Play::status(204),
        _ => Play::body(200, "{\"ok\":true}"),
    }
}

async fn home(expire: &str, script: impl Fn(&Heard) -> Play + Send + Sync + 'static) -> Home {
    let home = Home::new(&RULES.replace("EXPIRE", expire), script).await;
    std::fs::write(home.path("key"), "T0PSECRET").unwrap();
    home.lanyard.set(&alice("offline"));
    home
}

fn to_chat(home: &Home) -> Vec<Value> {
    home.receiver.heard().iter().filter(|heard| heard.path.starts_with("/bot")).map(Heard::json).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_rings_elsewhere_once_and_the_outbox_tells_of_both() {
    let home = home("1h", services(400)).await;
    let (bot, address) = home.start_listening().await;
    home.lanyard.set(&alice("online"));
    let metrics = home
        .until_said(&address, "/metrics", |said| said.contains(r#"_total{target="chat",end="delivered"} 1"#))
        .await;
    assert!(metrics.contains(r#"doorchime_fallbacks_total{target="phone"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"doorchime_deliveries_owed_total{target="chat"} 1"#), "{metrics}");
    assert!(bot.stop().await.success(), "{}", home.log());
    let text = "Alice &lt;3\nis online T0PSECRET";
    assert_eq!(to_chat(&home), [json!({"chat_id": 5, "text": text, "parse_mode": "HTML"})]);
    let here = home.path("");
    let list = run(&here, ["outbox", "list"]).out;
    assert!(list.contains("dead: 400 (then 2 to chat)") && list.contains("delivered (for 1)"), "{list}");
    let (first, second) = (run(&here, ["outbox", "show", "1"]).out, run(&here, ["outbox", "show", "2"]).out);
    assert!(first.contains("fallback  2 to chat took over"), "{first}");
    assert!(second.contains("fallback  in place of 1 to phone"), "{second}");
    assert!(second.contains("fallback  to api, should it not be taken"), "{second}");
    let told: Value = serde_json::from_str(&run(&here, ["outbox", "show", "2", "--json"]).out).unwrap();
    assert_eq!(told["fallback_of"], json!({"number": 1, "target": "phone"}));
    assert_eq!((&told["fell_back_to"], &told["fallbacks"]), (&Value::Null, &json!(["api"])));
    // What the message took from outside is in neither row, nor is anything else secret.
    let database = std::fs::read(home.path("data/doorchime.db")).unwrap();
    let told = [first, second, list, home.log(), String::from_utf8_lossy(&database).into_owned()].concat();
    assert!(!told.contains("T0PSECRET") && !told.contains("invented"), "{told}");
    // A second start owes nothing any more.
    let bot = home.start_and_subscribe().await;
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!((home.receiver.heard().len(), home.owed()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_rings_elsewhere_even_if_nobody_was_running() {
    let home = home("1s", services(503)).await;
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice("online"));
    home.until("the phone is asked", || !home.receiver.heard().is_empty()).await;
    bot.kill();
    assert!(to_chat(&home).is_empty());
    let bot = home.start_and_subscribe().await;
    home.until("the chat has it", || !to_chat(&home).is_empty()).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!(to_chat(&home).len(), 1);
    let list = run(&home.path(""), ["outbox", "list"]).out;
    assert!(list.contains("expired: 503 (then 2 to chat)"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_say_what_its_fallback_is_told_and_a_dry_run_prints_it() {
    let home = home("1h", services(400)).await;
    let own = "message: x, fallback: {text: '<i>{{user.name}}</i> is here', silent: true}";
    let rules = RULES.replace("EXPIRE", "1h").replace("message: \"is online ${file:key}\"", own);
    home.write_rules(&rules);
    let dry = home.start_dry().await;
    home.lanyard.set(&alice("online"));
    home.until("it is printed", || home.printed().contains("; or else api: {\"_event\"")).await;
    let printed = home.printed();
    assert!(dry.stop().await.success(), "{}", home.log());
    assert!(
        printed.contains("; or else chat: {\"silent\":true,\"text\":\"<i>Alice</i> is here\"}; or else api"),
        "{printed}"
    );
    assert!(home.receiver.heard().is_empty());
}

/// Twenty people at once, a phone that refuses all of them, and `kill -9` at whatever point.
#[tokio::test(flavor = "multi_thread")]
async fn kills_in_between_lose_nothing_and_double_nothing() {
    const COUNT: u64 = 20;
    let named: Vec<String> = people(COUNT).enumerate().map(|(n, id)| format!("p{n}: \"{}\"", id.0)).collect();
    let rules = format!(
        "lanyard: {{url: \"LANYARD\"}}
people: {{{}}}
targets:
  phone: {{type: ntfy, server: RECEIVER/ntfy, topic: bells, fallback: api, concurrency: 1}}
  api: {{type: webhook, url: RECEIVER/api, concurrency: 1}}
rules: [{{id: r, who: everyone, when: went_online, send: phone}}]
",
        named.join(", ")
    );
    let home = Home::new(&rules, services(400)).await;
    for id in people(COUNT) {
        home.lanyard.set(&PresenceJson::new(id).status("offline"));
    }
    let mut bot = home.start_and_subscribe().await;
    for id in people(COUNT) {
        home.lanyard.set(&PresenceJson::new(id).status("online"));
    }
    home.until("all is owed", || home.owed() as u64 >= COUNT).await;
    for requests in [3, 12, 25] {
        home.until("some are asked", || home.receiver.heard().len() >= requests).await;
        bot.kill();
        bot = home.start();
    }
    let arrived = || -> BTreeSet<(String, String)> {
        let heard = home.receiver.heard();
        let api = heard.iter().filter(|heard| heard.path == "/api").map(|heard| {
            let person = heard.json()["person"]["id"].as_str().unwrap().to_owned();
            (person, heard.header("idempotency-key").unwrap().to_owned())
        });
        api.collect()
    };
    home.until("all have arrived", || arrived().len() as u64 >= COUNT).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let arrived = arrived();
    let whom: BTreeSet<&str> = arrived.iter().map(|(person, _)| person.as_str()).collect();
    // One delivery for each of them, whatever was sent twice.
    assert_eq!((arrived.len() as u64, whom.len() as u64), (COUNT, COUNT));
    assert_eq!(home.owed() as u64, 2 * COUNT);
}
