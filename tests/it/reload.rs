//! Other rules without a restart.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};

use super::home::Home;

const ALICE: UserId = UserId(94_490_510_688_792_576);
const BOB: UserId = UserId(156_114_103_033_790_464);

const ALICE_ONLY: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576}
targets: {hook: {type: webhook, url: RECEIVER}}
rules:
  - {id: kv, who: alice, when: changed_kv, cooldown: 1h, send: {to: hook, body: "alice {{change.to}}"}}
"#;

const ALICE_AND_BOB: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576, bob: 156114103033790464}
targets: {hook: {type: webhook, url: RECEIVER}, other: {type: webhook, url: RECEIVER/other}}
rules:
  - {id: kv, who: alice, when: changed_kv, cooldown: 1h, send: {to: hook, body: "alice {{change.to}}"}}
  - {id: bobs, who: bob, when: changed_kv, send: {to: other, body: "bob {{change.to}}"}}
"#;

fn fine(_: &Heard) -> Play {
    Play::status(204)
}

fn set(home: &Home, id: UserId, value: &str) {
    home.lanyard.set(&PresenceJson::new(id).status("online").kv("k", value));
}

async fn at_home() -> Home {
    let home = Home::new(ALICE_ONLY, fine).await;
    set(&home, ALICE, "0");
    set(&home, BOB, "0");
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_takes_other_rules_on_the_live_connection_and_keeps_what_stays() {
    let home = at_home().await;
    let bot = home.start_and_subscribe().await;
    set(&home, ALICE, "1");
    home.rings(1).await;
    let asked = home.subscriptions();
    home.write_rules(ALICE_AND_BOB);
    bot.signal("HUP");
    home.until("it asks for bob", || home.subscriptions() > asked).await;
    // The cooldown of alice's rule is still running.
    set(&home, ALICE, "2");
    set(&home, BOB, "1");
    assert_eq!(home.rings(2).await, ["alice 1", "bob 1"]);
    assert_eq!(home.lanyard.connects(), 1);
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!(home.rung().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_says_so() {
    let home = at_home().await;
    let bot = home.start_and_subscribe().await;
    home.write_rules(&ALICE_AND_BOB.replace("who: bob", "who: bbo"));
    bot.signal("HUP");
    home.until("the log says so", || home.log().contains("was not taken")).await;
    assert!(home.log().contains("bbo"), "{}", home.log());
    set(&home, ALICE, "1");
    assert_eq!(home.rings(1).await, ["alice 1"]);
    home.write_rules(&ALICE_ONLY.replace("LANYARD", "ws://127.0.0.1:1/socket"));
    bot.signal("HUP");
    home.until("the log names what needs a restart", || home.log().contains("lanyard.url")).await;
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_is_noticed() {
    let home = at_home().await;
    let bot = home.start_and_subscribe().await;
    let asked = home.subscriptions();
    // As editors do it: a new file takes the old one's place.
    home.write_rules(ALICE_AND_BOB);
    std::fs::rename(home.path("rules.yaml"), home.path("new.yaml")).unwrap();
    std::fs::rename(home.path("new.yaml"), home.path("rules.yaml")).unwrap();
    home.until("it asks for bob", || home.subscriptions() > asked).await;
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_that_turns_is_noticed() {
    let home = at_home().await;
    // As Kubernetes does it: the file is a link into a folder that is itself a link.
    for (folder, rules) in [("first", ALICE_ONLY), ("second", ALICE_AND_BOB)] {
        home.write_rules(rules);
        std::fs::create_dir(home.path(folder)).unwrap();
        std::fs::rename(home.path("rules.yaml"), home.path(folder).join("rules.yaml")).unwrap();
    }
    std::os::unix::fs::symlink("first", home.path("current")).unwrap();
    std::os::unix::fs::symlink("current/rules.yaml", home.path("rules.yaml")).unwrap();
    let bot = home.start_and_subscribe().await;
    let asked = home.subscriptions();
    std::os::unix::fs::symlink("second", home.path("next")).unwrap();
    std::fs::rename(home.path("next"), home.path("current")).unwrap();
    home.until("it asks for bob", || home.subscriptions() > asked).await;
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_anew_is_noticed_and_so_is_each_later_time() {
    let home = at_home().await;
    let bot = home.start_and_subscribe().await;
    for rules in [ALICE_AND_BOB, ALICE_ONLY, ALICE_AND_BOB] {
        let taken = home.log().matches("rules read again").count();
        home.write_rules(rules);
        home.until("it takes them", || home.log().matches("rules read again").count() > taken).await;
    }
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_goes_and_comes_back_with_other_rules_is_noticed() {
    let home = at_home().await;
    let folder = home.path("rules");
    let move_in = |rules: &str| {
        home.write_rules(rules);
        std::fs::create_dir(&folder).unwrap();
        std::fs::rename(home.path("rules.yaml"), folder.join("rules.yaml")).unwrap();
    };
    move_in(ALICE_ONLY);
    std::os::unix::fs::symlink("rules/rules.yaml", home.path("rules.yaml")).unwrap();
    let bot = home.start_and_subscribe().await;
    std::fs::remove_dir_all(&folder).unwrap();
    home.until("it says that the file is gone", || home.log().contains("is not there")).await;
    let asked = home.subscriptions();
    std::fs::remove_file(home.path("rules.yaml")).unwrap();
    move_in(ALICE_AND_BOB);
    std::os::unix::fs::symlink("rules/rules.yaml", home.path("rules.yaml")).unwrap();
    home.until("it asks for bob", || home.subscriptions() > asked).await;
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_over_http_tells_what_became_of_it() {
    let home = at_home().await;
    let (bot, address) = home.start_listening().await;
    let (status, said) = home.post(&address, "/-/reload").await;
    assert_eq!((status, said.as_str()), (200, "taken: 1 person, 1 target, 1 rule\n"));
    home.write_rules(&ALICE_ONLY.replace("changed_kv", "changed_vk"));
    let (status, said) = home.post(&address, "/-/reload").await;
    assert_eq!(status, 422);
    assert!(said.contains("changed_vk") && said.contains("changed_kv"), "{said}");
    let ready = home.ask(&address, "/readyz").await;
    assert!(ready.contains("1 error in"), "{ready}");
    let metrics = home.ask(&address, "/metrics").await;
    assert!(metrics.contains(r#"doorchime_rules_loads_total{result="refused"} 1"#), "{metrics}");
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_ends_its_request_does_not_hold_up_the_leaving() {
    use std::io::Write as _;
    let home = at_home().await;
    let (bot, address) = home.start_listening().await;
    let mut stuck = std::net::TcpStream::connect(&address).unwrap();
    stuck.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX").unwrap();
    assert!(bot.stop().await.success(), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_cannot_ask_for_a_reload() {
    let home = at_home().await;
    let (bot, address) = home.start_listening().await;
    let tls = doorchime::tls::client_config(None).unwrap();
    let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
    let post = http.post(format!("http://{address}/-/reload")).header("origin", "https://evil.example");
    assert_eq!(post.send().await.unwrap().status().as_u16(), 403);
    bot.kill();
}

/// Alice's rules, and one test of them: of this value of hers the rule tells nothing but `expected`.
fn tested(expected: &str) -> String {
    format!(
        "{ALICE_ONLY}tests: [{{name: tells the value, steps: [{{at: 5s, alice: {{kv: {{k: new}}}}}}], expect: [{{text: {expected}}}]}}]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_tests_fail_is_not_taken_where_they_are_required() {
    let home = Home::new(&tested("alice new"), fine).await;
    set(&home, ALICE, "0");
    let (bot, address) = home.start_listening_with(&["--require-tests"]).await;
    home.write_rules(&tested("alice new").replace("{{change.to}}", "{{change.from}}"));
    bot.signal("HUP");
    home.until("the log says so", || home.log().contains("was not taken")).await;
    let why = "1 of 1 test failed: `tells the value`";
    assert!(home.log().contains(why), "{}", home.log());
    let (status, said) = home.post(&address, "/-/reload").await;
    assert_eq!(status, 422);
    for told in [why, "rings kv for alice -> hook: alice", "missing: text: alice new"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    home.until_said(&address, "/readyz", |said| said.contains(why)).await;
    let refused = |line: &str| line.contains(r#"loads_total{result="refused"}"#) && !line.ends_with(" 0");
    home.until_said(&address, "/metrics", |said| said.lines().any(refused)).await;
    set(&home, ALICE, "1");
    assert_eq!(home.rings(1).await, ["alice 1"]);
    assert!(bot.stop().await.success(), "{}", home.log());
}
