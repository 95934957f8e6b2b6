//! A person's day, across an end, a restart and a kill of the real program.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::Play;
use serde_json::Value;

use crate::home::{Bot, Home};

const ALICE: UserId = UserId(94_490_510_688_792_576);

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0s, listening: 0s, activity: 0s}
people: {alice: 94490510688792576}
targets: {hook: {type: webhook, url: RECEIVER}, other: {type: webhook, url: RECEIVER}}
rules:
  - {id: gaming, who: alice, when: started_playing, send: [hook, other]}
"#;

fn alice(status: &'static str) -> PresenceJson {
    PresenceJson::new(ALICE).named("alice").status(status)
}

/// Starts the bot, and waits until it has seen Alice.
async fn start(home: &Home) -> (Bot, String) {
    let (bot, at) = home.start_listening().await;
    home.until_said(&at, "/api/v1/people/alice", |said| said.contains("\"live\"")).await;
    (bot, at)
}

/// Alice's day, once so much of it is over or goes on.
async fn day(home: &Home, at: &str, stretches: usize) -> Value {
    let count = |said: &str| {
        let day: Value = serde_json::from_str(said).unwrap();
        day["lanes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lane| lane["stretches"].as_array().unwrap().len())
            .sum::<usize>()
    };
    let said = home.until_said(at, "/api/v1/people/alice/day", |said| count(said) == stretches).await;
    serde_json::from_str(&said).unwrap()
}

/// The names of a lane's stretches, `…` behind one that goes on.
fn names(day: &Value, lane: &str) -> String {
    let lanes = day["lanes"].as_array().unwrap();
    let lane = lanes.iter().find(|known| known["lane"] == lane).unwrap();
    let names = lane["stretches"].as_array().unwrap().iter().map(|stretch| {
        let goes_on = if stretch["goes_on"] == true { "…" } else { "" };
        format!("{}{goes_on}", stretch["name"].as_str().unwrap())
    });
    names.collect::<Vec<_>>().join(" ")
}

/// Beginnings and ends of the times in which she was not watched.
fn unwatched(day: &Value) -> Vec<(String, String)> {
    let spans = day["unwatched"].as_array().unwrap().iter();
    spans
        .map(|span| (span["from"].as_str().unwrap().to_owned(), span["to"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_lose_the_morning_and_nobody_watched_meanwhile() {
    let home = Home::new(RULES, |_| Play::status(204)).await;
    home.lanyard.set(&alice("online"));
    let (bot, at) = start(&home).await;
    home.lanyard.set(&alice("online").playing("Braid"));
    day(&home, &at, 2).await;
    home.lanyard.set(&alice("idle"));
    let first = day(&home, &at, 3).await;
    assert_eq!(
        (names(&first, "status").as_str(), names(&first, "playing").as_str()),
        ("online idle…", "Braid")
    );
    let before = unwatched(&first);
    assert_eq!(before.len(), 1, "all that was before the first start: {first}");
    home.rings(2).await;
    assert!(bot.stop().await.success(), "{}", home.log());

    // While nobody looks she does something else, and comes back to what she did.
    home.lanyard.set(&alice("dnd"));
    home.lanyard.set(&alice("idle"));
    let (bot, at) = start(&home).await;
    let second = day(&home, &at, 4).await;
    assert_eq!(names(&second, "status"), "online idle idle…", "not one that went on");
    assert_eq!(names(&second, "playing"), "Braid");
    let away = unwatched(&second);
    assert_eq!((away.len(), &away[0].1), (2, &before[0].1), "{second}");
    let ended = &second["lanes"][0]["stretches"][1]["to"];
    assert_eq!(ended.as_str(), Some(away[1].0.as_str()));
    let marks = second["marks"].as_array().unwrap();
    assert_eq!(marks.len(), 1, "two deliveries, one firing: {second}");
    assert_eq!((&marks[0]["rule"], marks[0]["deliveries"].as_array().unwrap().len()), (&"gaming".into(), 2));

    // A kill: what was not written down yet was not watched.
    home.lanyard.set(&alice("dnd"));
    day(&home, &at, 5).await;
    bot.kill();
    let (bot, at) = start(&home).await;
    let third = day(&home, &at, 4).await;
    assert_eq!(names(&third, "status"), "online idle dnd…", "{third}");
    assert_eq!(unwatched(&third).len(), 2, "{third}");
    assert!(bot.stop().await.success(), "{}", home.log());
}
