//! A bot with something in every view: people of each standing, rules of each kind, deliveries of each fate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorchime::clock::Clock;
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};

use super::page::Page;
use crate::home::{Bot, Home};

pub const ALICE: UserId = UserId(94_490_510_688_792_576);
pub const BOB: UserId = UserId(156_114_103_033_790_464);

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
timezone: Europe/Berlin
smoothing: {offline: 0s, listening: 0s, activity: 0s}
people:
  alice: 94490510688792576
  bob: {id: "156114103033790464", name: Bobby}
  stranger: {id: "268473310986240001", name: A stranger}
targets:
  hook: {type: webhook, url: "RECEIVER/T0PSECRET"}
  moody: {type: webhook, url: RECEIVER/moody}
  broken: {type: webhook, url: RECEIVER/broken}
rules:
  - {id: around, who: [alice, bob], while: online, enter: hook}
  - {id: scene, who: alice, when: changed_kv, cooldown: 1h, send: {to: hook, body: "{{change.to}}"}}
  - {id: gaming, who: alice, when: started_playing, if: 'playing.name == "Braid"', send: hook}
  - {id: long, who: alice, when: started_playing, for: 1h, send: hook}
  - {id: said, who: alice, when: changed_custom_status, send: {to: broken, body: "{{custom_status.text}}"}}
  - {id: heard, who: bob, when: changed_kv, send: {to: moody, body: "{{change.to}}"}}
  - {id: off, enabled: false, who: [alice, stranger], when: {went_offline: {from: dnd}}, send: hook}
"#;

/// Every view, each with something in it, and what it is called on pictures.
pub const VIEWS: [(&str, &str); 10] = [
    ("people", "/"),
    ("person", "/?view=people&person=alice"),
    ("unmonitored", "/?view=people&person=stranger"),
    ("rules", "/?view=rules"),
    ("rule", "/?view=rules&rule=gaming&person=alice"),
    ("activity", "/?view=activity"),
    ("deliveries", "/?view=deliveries"),
    ("delivery", "/?view=deliveries&delivery=DEAD"),
    ("try", "/?view=try&person=alice"),
    ("refused", "/?view=people&person=alcie"),
];

pub struct Town {
    pub home: Home,
    pub address: String,
    /// Whether `moody` and `broken` take what they get.
    pub kind: Arc<AtomicBool>,
    /// The number of a delivery that was refused.
    pub dead: u64,
    bot: Bot,
}

impl Town {
    pub async fn new(more: &[&str]) -> Self {
        let kind = Arc::new(AtomicBool::new(false));
        let is_kind = Arc::clone(&kind);
        let play = move |heard: &Heard| match heard.path.as_str() {
            "/moody" if !is_kind.load(Ordering::Relaxed) => Play::body(500, "not today"),
            "/broken" if !is_kind.load(Ordering::Relaxed) => Play::body(403, "never"),
            _ => Play::status(204),
        };
        let home = Home::new(RULES, play).await;
        let (bob, alice) = (bob().kv("mood", "bad"), alice());
        home.lanyard.set(&bob.clone().kv("mood", "good"));
        home.lanyard.set(&alice);
        let (bot, address) = home.start_listening_with(more).await;
        let mut town = Self { home, address, kind, dead: 0, bot };
        let known = r#""standing":"unmonitored""#;
        town.home.until_said(&town.address, "/api/v1/people/stranger", |said| said.contains(known)).await;
        town.home.lanyard.set(&bob);
        town.home.lanyard.set(
            &alice.playing_at("Factorio", "Nauvis", "Rocket silo").custom("🦀", "rusty").kv("scene", "movie"),
        );
        let told = town
            .home
            .until_said(&town.address, "/api/v1/deliveries?state=dead", |said| said.contains("number"))
            .await;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        town.dead = told["deliveries"][0]["number"].as_u64().unwrap();
        let tried = |said: &str| said.contains("not today");
        town.home.until_said(&town.address, "/api/v1/deliveries?target=moody", tried).await;
        town
    }

    /// The bot is killed and comes back where it was.
    pub async fn restart(self) -> Self {
        let Self { home, address, kind, dead, bot } = self;
        bot.kill();
        let (bot, address) = home.start_listening_at(&address, &[]).await;
        Self { home, address, kind, dead, bot }
    }

    /// A browser that looks at it.
    pub fn page(&self, name: &'static str) -> Option<Page> {
        Page::new(name, &self.address)
    }

    /// The views with the path of each.
    pub fn views(&self) -> impl Iterator<Item = (&'static str, String)> {
        let dead = self.dead.to_string();
        VIEWS.into_iter().map(move |(name, path)| (name, path.replace("DEAD", &dead)))
    }
}

pub fn alice() -> PresenceJson {
    PresenceJson::new(ALICE).named("Alice").status("online").on(&["desktop", "mobile"])
}

/// A minute into a song.
pub fn bob() -> PresenceJson {
    let now_ms = Clock::start().now().wall_ms;
    PresenceJson::new(BOB).named("Bob").at(now_ms - 60_000).status("dnd").listening(
        "Teardrop",
        "Massive Attack",
        "Mezzanine",
    )
}
