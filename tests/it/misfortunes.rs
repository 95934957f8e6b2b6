//! What Lanyard, Discord and people do that must not ring, or must ring all the same: each with the real program.
//!
//! That something does not ring is shown by a later change that does.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use doorchime::simulator::server::Mood;

use super::home::{Home, people};

const ALICE: UserId = UserId(94_490_510_688_792_576);
const BOB: UserId = UserId(156_114_103_033_790_464);

/// Rings for whatever can change, with who it was.
fn everything(lanyard: &str, smoothing: &str, people: &str) -> String {
    let keys = people.split(", ").filter_map(|person| person.split(':').next());
    let who = keys.collect::<Vec<_>>().join(", ");
    format!(
        r#"
lanyard: {{url: "LANYARD"{lanyard}}}
smoothing: {{{smoothing}}}
people: {{{people}}}
targets: {{hook: {{type: webhook, url: RECEIVER}}}}
rules:
  - id: all
    who: [{who}]
    when: [went_online, went_offline, changed_status, joined_platform, left_platform, started_listening,
      changed_track, stopped_listening, started_playing, stopped_playing, started_activity, changed_activity,
      stopped_activity, changed_custom_status, changed_profile, changed_kv, became_monitored, became_unmonitored]
    send: {{to: hook, body: "{{{{user.name}}}} {{{{change.kind}}}}"}}
"#
    )
}

const TWO: &str = "alice: 94490510688792576, bob: 156114103033790464";

fn alice() -> PresenceJson {
    PresenceJson::new(ALICE).named("Alice").status("online")
}

fn bob() -> PresenceJson {
    PresenceJson::new(BOB).named("Bob").status("online")
}

fn fine(_: &Heard) -> Play {
    Play::status(204)
}

async fn home_of_two(lanyard: &str, smoothing: &str) -> Home {
    let home = Home::new(&everything(lanyard, smoothing, TWO), fine).await;
    home.lanyard.set(&alice());
    home.lanyard.set(&bob());
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_within_its_hold_never_went() {
    let home = home_of_two("", "offline: 20s, listening: 20s, activity: 20s").await;
    let busy = || alice().playing("Factorio").listening("One", "Artist", "Album");
    home.lanyard.set(&busy());
    let bot = home.start_and_subscribe().await;
    for gone in [alice().status("offline"), alice().on(&["mobile"]), alice().playing("Factorio"), alice()] {
        home.lanyard.set(&gone);
        home.lanyard.set(&busy());
    }
    home.lanyard.set(&busy().kv("sentinel", "1"));
    // The mobile one is told: going up is immediate.
    let mobile = ["Alice joined_platform", "Alice changed_kv"];
    home.rings_only(bot, &mobile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_would_notice_is_nothing() {
    let home = home_of_two("", "").await;
    let now = || {
        alice().playing("Factorio").playing("Braid").listening("One", "Artist", "Album").custom("🦀", "hi")
    };
    home.lanyard.set(&now());
    let bot = home.start_and_subscribe().await;
    let reordered =
        alice().custom("🦀", "hi").listening("One", "Artist", "Album").playing("Braid").playing("Factorio");
    home.lanyard.set(&reordered);
    let later = alice().at(1_800_000_000_000).playing("Factorio").playing("Braid");
    home.lanyard.set(&later.listening("One", "Artist", "Album").custom("🦀", "hi"));
    home.lanyard.set(&now());
    home.lanyard.set(&now().kv("sentinel", "1"));
    home.rings_only(bot, &["Alice changed_kv"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gap_between_two_songs_is_nothing_and_the_next_song_rings_once() {
    let home = home_of_two("", "").await;
    home.lanyard.set(&alice().listening("One", "Artist", "Album"));
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice());
    home.lanyard.set(&alice().listening("Two", "Artist", "Album"));
    home.lanyard.set(&alice().listening("Two", "Artist", "Album"));
    home.lanyard.set(&alice().listening("Two", "Artist", "Album").kv("sentinel", "1"));
    let expected = ["Alice changed_track", "Alice changed_activity", "Alice changed_kv"];
    home.rings_only(bot, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_away_rings_once_its_hold_is_over() {
    let home = home_of_two("", "offline: 1s, listening: 1s, activity: 1s").await;
    home.lanyard.set(&alice().playing("Factorio"));
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice().status("offline"));
    let expected = ["Alice went_offline", "Alice left_platform", "Alice stopped_playing"];
    home.rings(expected.len()).await;
    home.lanyard.set(&alice().status("offline"));
    home.lanyard.set(&alice().status("offline").kv("sentinel", "1"));
    home.rings_only(bot, &[&expected[..], &["Alice changed_kv"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_everybody_flaps_nobody_went() {
    let fleet: Vec<UserId> = people(10).collect();
    let named = fleet.iter().map(|id| format!("p{id}: {id}")).collect::<Vec<_>>().join(", ");
    let rules = everything("", "offline: 500ms, activity: 3s", &format!("{TWO}, {named}"));
    let home = Home::new(&rules, fine).await;
    let show = |status: &'static str| {
        for &id in &fleet {
            home.lanyard.set(&PresenceJson::new(id).status(status));
        }
    };
    show("online");
    home.lanyard.set(&alice().playing("Factorio"));
    home.lanyard.set(&bob());
    let bot = home.start_and_subscribe().await;
    show("offline");
    home.lanyard.set(&alice());
    // Alice's hold is six times as long as theirs.
    assert_eq!(home.rings(1).await, ["Alice stopped_playing"]);
    show("online");
    home.lanyard.set(&alice().kv("sentinel", "1"));
    home.rings_only(bot, &["Alice stopped_playing", "Alice changed_kv"]).await;
}

/// These take their time, for waits of the program's own: all of them at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_its_time() {
    tokio::join!(
        a_server_that_restarts_empty_changes_nobody(),
        what_was_missed_or_lost_is_found_by_asking_again(),
        a_doubled_subscription_rings_once_and_is_cured(),
        a_connection_that_is_dead_is_given_up(),
    );
}

async fn a_server_that_restarts_empty_changes_nobody() {
    let home = home_of_two(", resync: 10s", "").await;
    home.lanyard.set(&alice().playing("Factorio"));
    let bot = home.start_and_subscribe().await;
    let asked = home.subscriptions();
    home.lanyard.forget_everyone();
    home.lanyard.close_all(1000, "");
    home.until("it subscribes again", || home.subscriptions() > asked).await;
    // Lanyard fills its table; nobody is told, since `{}` subscribed to nobody.
    home.lanyard.set(&alice().playing("Factorio"));
    home.lanyard.set(&bob().kv("changed", "meanwhile"));
    // Asking again finds bob's change, and subscribes again.
    assert_eq!(home.rings(1).await, ["Bob changed_kv"]);
    home.lanyard.set(&alice().playing("Factorio").kv("sentinel", "1"));
    home.rings_only(bot, &["Bob changed_kv", "Alice changed_kv"]).await;
}

async fn what_was_missed_or_lost_is_found_by_asking_again() {
    let home = home_of_two(", resync: 10s", "").await;
    let bot = home.start_and_subscribe().await;
    // Between the snapshot and the subscription.
    home.lanyard.set_unheard(&alice().kv("missed", "1"));
    // Left, and returned: lost to us without a word.
    home.lanyard.remove(BOB);
    home.lanyard.set(&bob().kv("lost", "1"));
    home.rings(2).await;
    home.lanyard.set(&bob().kv("lost", "2"));
    home.rings_only(bot, &["Alice changed_kv", "Bob changed_kv", "Bob changed_kv"]).await;
}

async fn a_doubled_subscription_rings_once_and_is_cured() {
    let home = home_of_two(", resync: 10s", "").await;
    home.lanyard.set_mood(Mood { old: true, ..Mood::default() });
    let bot = home.start_and_subscribe().await;
    home.until("it asks again", || home.subscriptions() >= 2).await;
    let mut expected = Vec::new();
    for n in 1..=8 {
        home.lanyard.set(&alice().kv("n", &n.to_string()));
        expected.push("Alice changed_kv");
        home.rings(expected.len()).await;
    }
    home.until("it connects afresh", || home.lanyard.connects() == 2).await;
    home.until("and subscribes", || home.subscriptions() >= 3).await;
    home.lanyard.set(&bob().kv("sentinel", "1"));
    expected.push("Bob changed_kv");
    home.rings_only(bot, &expected).await;
}

async fn a_connection_that_is_dead_is_given_up() {
    let home = home_of_two("", "").await;
    home.lanyard.set_mood(Mood { heartbeat_interval_ms: 3_000, ..Mood::default() });
    let bot = home.start_and_subscribe().await;
    home.lanyard.stall_all();
    home.lanyard.set_unheard(&alice().kv("missed", "1"));
    home.until("it connects again", || home.lanyard.connects() == 2).await;
    assert!(home.log().contains("not even a Pong"), "{}", home.log());
    home.rings(1).await;
    home.lanyard.set(&bob().kv("sentinel", "1"));
    home.rings_only(bot, &["Alice changed_kv", "Bob changed_kv"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_once_it_lasts_and_when_it_is_over() {
    let rules = everything("", "offline: 60s", TWO) + "down_after: 500ms\n";
    let home = Home::new(&rules, fine).await;
    home.lanyard.set(&alice());
    home.lanyard.set(&bob());
    let bot = home.start_and_subscribe().await;
    let usual = home.lanyard.mood();
    home.lanyard.set_mood(Mood { refuses: true, ..usual });
    home.lanyard.drop_all();
    home.until("the log tells it", || home.log().contains("Lanyard is down")).await;
    home.lanyard.set_mood(usual);
    home.until("the log tells its end", || home.log().contains("Lanyard is back")).await;
    home.lanyard.set(&alice().kv("after", "all"));
    home.rings_only(bot, &["Alice changed_kv"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_an_outage_tells_it_once_and_its_end_too() {
    let own = r#"  - {id: own, when: [lanyard_down, lanyard_up], send: {to: hook, body: "{{change.kind}}"}}
down_after: 500ms
"#;
    let home = Home::new(&(everything("", "offline: 60s", TWO) + own), fine).await;
    home.lanyard.set(&alice());
    home.lanyard.set(&bob());
    let bot = home.start_and_subscribe().await;
    let usual = home.lanyard.mood();
    home.lanyard.set_mood(Mood { refuses: true, ..usual });
    home.lanyard.drop_all();
    assert_eq!(home.rings(1).await, ["lanyard_down"]);
    assert!(bot.stop().await.success(), "{}", home.log());
    let tries = || home.log().matches("cannot connect").count();
    let tried = tries();
    let bot = home.start();
    home.until("it finds Lanyard still gone", || tries() > tried).await;
    bot.kill();
    home.lanyard.set_mood(usual);
    let bot = home.start_and_subscribe().await;
    assert_eq!(home.rings(2).await, ["lanyard_down", "lanyard_up"]);
    // Nothing of it is left for the next start.
    assert!(bot.stop().await.success(), "{}", home.log());
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice().kv("after", "all"));
    home.rings_only(bot, &["lanyard_down", "lanyard_up", "Alice changed_kv"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_by_an_hour_moves_no_wait_and_ages_no_news() {
    let rules = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576}
targets: {hook: {type: webhook, url: RECEIVER, expire: 10m}}
rules:
  - {id: once, who: alice, when: changed_kv, cooldown: 30m, send: {to: hook, body: "once {{change.to}}"}}
  - {id: each, who: alice, when: changed_kv, send: {to: hook, body: "{{change.to}} {{late}} {{now.hour}}"}}
"#;
    let home = Home::new(rules, fine).await;
    home.set_clock("+0");
    home.lanyard.set(&alice().kv("k", "0"));
    let Some(bot) = home.start_with_clock().await else {
        eprintln!("SKIPPED: without libfaketime no clock can be set");
        return;
    };
    home.lanyard.set(&alice().kv("k", "1"));
    home.rings(2).await;
    for (clock, value) in [("+1h", "2"), ("-1h", "3"), ("+0", "4"), ("-1h", "5")] {
        home.set_clock(clock);
        home.lanyard.set(&alice().kv("k", value));
        let so_far = value.parse::<usize>().unwrap() + 1;
        home.rings(so_far).await;
    }
    assert!(bot.stop().await.success(), "{}", home.log());
    // An hour ahead of what was written down, and then where it was.
    for clock in ["+0", "-1h"] {
        home.set_clock(clock);
        let bot = home.start_with_clock().await.unwrap();
        assert!(bot.stop().await.success(), "{}", home.log());
    }
    let mut rung = home.rung();
    rung.sort();
    assert_eq!(rung.pop().as_deref(), Some("once 1"), "{rung:?}");
    let told: Vec<Vec<&str>> = rung.iter().map(|ring| ring.split(' ').collect()).collect();
    assert!(told.iter().all(|told| told[1] == "false"), "nothing was late: {told:?}");
    let hours: Vec<i32> = told.iter().map(|told| told[2].parse().unwrap()).collect();
    let moved = |from: usize, to: usize| (hours[to] - hours[from]).rem_euclid(24);
    assert!((1..=2).contains(&moved(0, 1)) && moved(1, 2) >= 21, "the clock was set: {hours:?}");
    assert_eq!(told.len(), 5, "{told:?}");
}
