//! What a message takes from outside of the rules file is sent, and neither kept nor shown.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};

use super::home::Home;
use super::program::run;

const SECRET: &str = "T0PSECRET-VALUE";
const RULES: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576}
targets: {hook: {type: webhook, url: RECEIVER}}
rules:
  - id: kv
    who: alice
    when: changed_kv
    send:
      - to: hook
        headers: {X-Key: "Key ${file:key}"}
        query: {sig: "${file:key}"}
        json: {key: "${file:key}", said: "{{change.to}}"}
"#;

fn alice(n: &str) -> PresenceJson {
    PresenceJson::new(UserId(94_490_510_688_792_576)).named("Alice").status("online").kv("n", n)
}

fn echo(heard: &Heard) -> Play {
    Play::body(404, &format!("no {} {:?} {}", heard.path, heard.header("x-key"), heard.text()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_from_outside_is_sent_and_neither_kept_nor_shown() {
    let home = Home::new(RULES, echo).await;
    std::fs::write(home.path("key"), format!("{SECRET}\n")).unwrap();
    home.lanyard.set(&alice("0"));
    let (bot, address) = home.start_listening().await;
    // A stranger may know how places are kept; it does not get them anything.
    home.lanyard.set(&alice("${file:key} [4,\"file:key\"]"));
    home.rings(1).await;
    home.until_said(&address, "/metrics", |metrics| metrics.contains(r#"answer="refused"} 1"#)).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let heard = &home.receiver.heard()[0];
    assert_eq!(heard.header("x-key"), Some(format!("Key {SECRET}").as_str()));
    assert_eq!(heard.path, format!("/?sig={SECRET}"));
    let sent = serde_json::json!({"key": SECRET, "said": "${file:key} [4,\"file:key\"]"});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&heard.text()).unwrap(), sent);
    let here = home.path("");
    let shown = run(&here, ["outbox", "show", "1"]).out;
    assert!(
        shown.contains("\"key\": \"${file:key}\"") && shown.contains("\"X-Key\": \"[secret]\""),
        "{shown}"
    );
    let told = [
        shown,
        run(&here, ["outbox", "show", "1", "--json"]).out,
        run(&here, ["outbox", "list", "--json"]).out,
        home.log(),
        String::from_utf8_lossy(&std::fs::read(home.path("data/doorchime.db")).unwrap()).into_owned(),
    ];
    for told in told {
        assert!(told.contains("hook") && !told.contains(SECRET), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_value_a_message_is_given_up_and_holds_up_nothing() {
    let home = Home::new(RULES, |_| Play::status(503)).await;
    std::fs::write(home.path("key"), SECRET).unwrap();
    home.lanyard.set(&alice("0"));
    let (bot, _) = home.start_listening().await;
    home.lanyard.set(&alice("1"));
    home.rings(1).await;
    home.write_rules(&RULES.replace("${file:key}", "none"));
    bot.signal("HUP");
    let why = "the rules file fills in no `${file:key}` now";
    home.until("it is dead", || {
        run(&home.path(""), ["outbox", "list", "--state", "dead"]).out.contains(&why[..20])
    })
    .await;
    assert!(home.receiver.heard().iter().all(|heard| heard.path.contains(SECRET)));
    // Of the same rule, about the same person, to the same target.
    home.lanyard.set(&alice("2"));
    home.until("the next is sent", || {
        home.receiver
            .heard()
            .iter()
            .any(|heard| !heard.path.contains(SECRET) && heard.text().contains("\"2\""))
    })
    .await;
    assert!(home.log().contains("delivery cannot be written any more") && home.log().contains(why));
    assert!(bot.stop().await.success(), "{}", home.log());
}
