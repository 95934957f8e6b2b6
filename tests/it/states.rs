//! Rules that look for a state, kept by the real program across whatever happens to it.

use doorchime::outbox::store::ledger::{Filter, Ledger};
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};

use super::home::Home;

const ALICE: UserId = UserId(94_490_510_688_792_576);
const BOB: UserId = UserId(156_114_103_033_790_464);
const CAROL: UserId = UserId(268_473_310_986_240_001);

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0, listening: 0, activity: 0}
people: {alice: 94490510688792576, bob: 156114103033790464, carol: 268473310986240001}
groups: {squad: [alice, bob, carol]}
targets: {house: {type: webhook, url: RECEIVER}, team: {type: webhook, url: RECEIVER}}
rules:
  - id: gaming-light
    who: alice
    while: playing.name == "Factorio" && platforms.desktop
    for: 200ms
    grace: 100ms
    enter: [{to: house, body: "light on{{#if late}} late{{/if}}"}]
    exit: [{to: house, body: "light off{{#if late}} late{{/if}}"}]
  - id: squad-is-up
    while: squad.filter(p, p.online).size() >= 3
    enter: [{to: team, body: "Three of us are on: {{join (pluck (where squad 'online') 'name') ', '}}"}]
  - {id: kv, who: alice, when: changed_kv, send: {to: house, body: "{{change.to}}"}}
"#;

fn fine(_: &Heard) -> Play {
    Play::status(204)
}

fn alice() -> PresenceJson {
    PresenceJson::new(ALICE).named("alice").status("online").on(&["desktop"])
}

/// Waits until it is written down that so many have arrived: what is not would be sent again after a kill.
async fn settled(home: &Home, rings: usize) {
    let arrived = Filter { state: Some("delivered".to_owned()), limit: 100, ..Filter::default() };
    let count = || Ledger::open(&home.path("data")).unwrap().list(&arrived).unwrap().len();
    home.until("the last ring is settled", || count() >= rings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_light_that_was_switched_on_is_switched_off_once_whatever_happens() {
    let home = Home::new(RULES, fine).await;
    home.lanyard.set(&alice());
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice().playing("Factorio"));
    assert_eq!(home.rings(1).await, ["light on"]);

    settled(&home, 1).await;
    // Nothing is switched again by a restart, nor by a kill.
    assert!(bot.stop().await.success(), "{}", home.log());
    let bot = home.start_and_subscribe().await;
    bot.kill();
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice().playing("Factorio").kv("k", "1"));
    assert_eq!(home.rings(2).await[1], "1");

    // It ends while nobody looks.
    settled(&home, 2).await;
    bot.kill();
    home.lanyard.set(&alice().kv("k", "1"));
    let bot = home.start_and_subscribe().await;
    assert_eq!(home.rings(3).await[2], "light off late");

    // A reload keeps it on, and another condition ends it.
    home.lanyard.set(&alice().playing("Factorio").kv("k", "1"));
    assert_eq!(home.rings(4).await[3], "light on");
    home.write_rules(&RULES.replace("for: 200ms", "for: 300ms").replace("grace: 100ms", "grace: 50ms"));
    bot.signal("HUP");
    home.until("it is taken", || home.log().matches("rules read again").count() >= 1).await;
    home.lanyard.set(&alice().playing("Factorio").kv("k", "2"));
    assert_eq!(home.rings(5).await[4], "2");
    home.write_rules(&RULES.replace("\"Factorio\"", "\"Braid\""));
    bot.signal("HUP");
    assert_eq!(home.rings(6).await[5], "light off");
    home.rings_only(bot, &["light on", "1", "light off late", "light on", "2", "light off"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_squad_is_up_once() {
    let home = Home::new(RULES, fine).await;
    let on = |id, name: &str| PresenceJson::new(id).named(name).status("idle");
    let off = |id, name: &str| PresenceJson::new(id).named(name).status("offline");
    home.lanyard.set(&off(ALICE, "alice"));
    home.lanyard.set(&on(BOB, "bob"));
    home.lanyard.set(&on(CAROL, "carol"));
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&on(ALICE, "alice"));
    let up = "Three of us are on: alice, bob, carol";
    assert_eq!(home.rings(1).await, [up]);
    settled(&home, 1).await;
    for _ in 0..3 {
        let asked = home.subscriptions();
        home.lanyard.drop_all();
        home.until("it subscribes again", || home.subscriptions() > asked).await;
    }
    bot.kill();
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&off(BOB, "bob"));
    home.lanyard.set(&on(BOB, "bob"));
    assert_eq!(home.rings(2).await[1], up);
    home.rings_only(bot, &[up, up]).await;
}
