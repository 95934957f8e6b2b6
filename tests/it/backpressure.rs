//! A disk that is slower than Lanyard: memory stays bounded, the metrics say what is full, nothing is dropped.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::Play;
use rusqlite::Connection;

use super::home::Home;

const ALICE: UserId = UserId(94_490_510_688_792_576);
/// Together more rows than can be on their way to the disk: one lot gathered, and one handed over.
const UPDATES: usize = 1000;
const SENDS: usize = 64;

fn rules() -> String {
    let sends = vec!["{to: hook, body: '{{change.to}}'}"; SENDS].join(", ");
    // Nobody listens there: what is owed stays.
    format!(
        "lanyard: {{url: \"LANYARD\"}}\npeople: {{alice: {ALICE}}}\n\
         targets: {{hook: {{type: webhook, url: 'http://127.0.0.1:9/'}}}}\n\
         rules: [{{id: kv, who: alice, when: changed_kv, send: [{sends}]}}]\n"
    )
}

fn number(metrics: &str, name: &str) -> f64 {
    let line =
        metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{metrics}"));
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_brakes_lanyard_and_drops_nothing() {
    let home = Home::new(&rules(), |_| Play::status(204)).await;
    let alice = || PresenceJson::new(ALICE).status("online");
    home.lanyard.set(&alice().kv("n", "first"));
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/metrics", |told| number(told, "doorchime_lanyard_seen_total") > 0.0).await;

    let disk = Connection::open(home.path("data").join("doorchime.db")).unwrap();
    disk.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..UPDATES {
        home.lanyard.set(&alice().kv("n", &n.to_string()));
    }
    let full = |full: &'static str| {
        move |told: &str| told.contains(&format!("doorchime_stage_full{{stage=\"commit\"}} {full}\n"))
    };
    let told = home.until_said(&address, "/metrics", full("1")).await;
    let read = number(&told, "doorchime_lanyard_updates_total");
    assert!(read < UPDATES as f64, "{read} were read while nothing could be written");

    disk.execute_batch("ROLLBACK").unwrap();
    let owed = "doorchime_deliveries_owed_total{target=\"hook\"}";
    let all = (UPDATES * SENDS) as f64;
    let done = |told: &str| told.contains(owed) && number(told, owed) >= all;
    let told = home.until_said(&address, "/metrics", done).await;
    assert!((number(&told, owed) - all).abs() < 0.5, "{told}");
    assert!(number(&told, "doorchime_stage_full_seconds_total{stage=\"commit\"}") > 0.0, "{told}");
    home.until_said(&address, "/metrics", full("0")).await;
    assert_eq!(home.owed(), UPDATES * SENDS);
    assert!(bot.stop().await.success(), "{}", home.log());
}
