//! What one target does not take, another one gets: once, whatever happens in between.

use std::time::Duration;

use doorchime::outbox::delivery::{Delivery, Fallback, Fate};
use doorchime::outbox::health::Health;
use doorchime::simulator::receiver::{Heard, Play, Receiver};
use tempfile::TempDir;

use super::outbox::{HOUR, LOOPBACK, Run, delivery, entries, next_id, quick, said, webhook, within};

/// The same, and to these should it not be taken.
fn or_else(delivery: Delivery, targets: &[&str]) -> Delivery {
    let parts = delivery.parts.clone();
    let fallbacks = targets.iter().map(|&target| Fallback {
        id: next_id(),
        target: target.into(),
        parts: parts.clone(),
        expire_ms: 3_600_000,
    });
    Delivery { fallbacks: fallbacks.collect(), ..delivery }
}

fn fates(dir: &TempDir) -> Vec<(i64, String, Fate)> {
    entries(dir).iter().map(|entry| (entry.seq, entry.delivery.target.to_string(), entry.fate)).collect()
}

async fn receiver(script: impl Fn(&Heard) -> Play + Send + Sync + 'static) -> Receiver {
    Receiver::start(LOOPBACK, script).await.unwrap()
}

fn paths(receiver: &Receiver) -> Vec<String> {
    receiver.heard().iter().map(|heard| heard.path.clone()).collect()
}

#[tokio::test]
async fn a_refusal_goes_down_the_chain_with_an_id_for_each() {
    let dir = TempDir::new().unwrap();
    let receiver = receiver(|heard| Play::status(if heard.path == "/pager" { 204 } else { 400 })).await;
    let targets = ["phone", "chat", "pager"];
    let run = Run::start(
        dir.path(),
        quick(),
        targets.map(|name| webhook(name, &receiver.url(&format!("/{name}")))),
    );
    let owed = or_else(delivery("phone", 1, 1, HOUR), &["chat", "pager"]);
    let ids: Vec<String> = [owed.id]
        .into_iter()
        .chain(owed.fallbacks.iter().map(|next| next.id))
        .map(|id| id.to_string())
        .collect();
    run.owe(vec![owed]).await;
    run.until_nothing_is_owed().await;
    run.stop().await;
    let heard = receiver.heard();
    assert_eq!(paths(&receiver), ["/phone", "/chat", "/pager"]);
    let told: Vec<&str> = heard.iter().map(|heard| heard.header("idempotency-key").unwrap()).collect();
    assert_eq!(told, ids);
    assert_eq!(said(&heard[2]), (1, 1));
    let expected = [(1, "phone", Fate::Dead), (2, "chat", Fate::Dead), (3, "pager", Fate::Delivered)];
    assert_eq!(fates(&dir), expected.map(|(seq, target, fate)| (seq, target.to_owned(), fate)));
}

/// A target that is away, and one that is disabled: what is for them waits until it expires, and then goes on.
#[tokio::test]
async fn what_has_expired_goes_on_even_from_a_target_that_is_disabled() {
    let dir = TempDir::new().unwrap();
    let receiver = receiver(|heard| {
        Play::status(match heard.path.as_str() {
            "/away" => 503,
            "/gone" => 410,
            _ => 204,
        })
    })
    .await;
    let targets = ["away", "gone", "chat"].map(|name| webhook(name, &receiver.url(&format!("/{name}"))));
    let run = Run::start(dir.path(), quick(), targets);
    let soon = Duration::from_millis(300);
    run.owe(vec![
        or_else(delivery("away", 1, 1, soon), &["chat"]),
        or_else(delivery("gone", 2, 2, soon), &["chat"]),
    ])
    .await;
    run.until_health("gone", |health| matches!(health, Health::Disabled { .. })).await;
    // The first one is settled before what takes its place is owed to anybody who asks.
    run.until_nothing_is_owed().await;
    run.stop().await;
    let mut arrived: Vec<(u64, u64)> =
        receiver.heard().iter().filter(|heard| heard.path == "/chat").map(said).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, [(1, 1), (2, 2)]);
    let settled: Vec<Fate> = fates(&dir).into_iter().map(|(_, _, fate)| fate).collect();
    assert_eq!(settled, [Fate::Expired, Fate::Expired, Fate::Delivered, Fate::Delivered]);
}

/// Other deliveries to the fallback are committed and told of while it takes over: none is passed over.
#[tokio::test]
async fn what_is_owed_to_the_fallback_anyway_is_not_passed_over() {
    const EACH: u64 = 300;
    let dir = TempDir::new().unwrap();
    let receiver = receiver(|heard| Play::status(if heard.path == "/phone" { 400 } else { 204 })).await;
    let run = Run::start(
        dir.path(),
        quick(),
        ["phone", "chat"].map(|name| webhook(name, &receiver.url(&format!("/{name}")))),
    );
    for n in 0..EACH {
        run.owe(vec![or_else(delivery("phone", n, 1, HOUR), &["chat"]), delivery("chat", n, 2, HOUR)]).await;
    }
    run.until_nothing_is_owed().await;
    run.stop().await;
    let mut arrived: Vec<(u64, u64)> =
        receiver.heard().iter().filter(|heard| heard.path == "/chat").map(said).collect();
    arrived.sort_unstable();
    let expected: Vec<(u64, u64)> = (0..EACH).flat_map(|n| [(n, 1), (n, 2)]).collect();
    assert_eq!(arrived, expected);
}

/// Cut off again and again, at whatever point: each notification gets to the fallback, and what comes more than once
/// carries the same id.
#[tokio::test]
async fn kills_in_between_lose_nothing_and_double_nothing() {
    const COUNT: u64 = 40;
    let dir = TempDir::new().unwrap();
    let receiver = receiver(|heard| Play::status(if heard.path == "/phone" { 400 } else { 204 })).await;
    let start = || {
        let targets = ["phone", "chat"].map(|name| webhook(name, &receiver.url(&format!("/{name}"))));
        Run::start(dir.path(), quick(), targets)
    };
    let mut run = start();
    run.owe((0..COUNT).map(|n| or_else(delivery("phone", n, 1, HOUR), &["chat"])).collect()).await;
    for requests in [1, 10, 30, 45, 60, 75] {
        within(receiver.hears(requests)).await;
        run.kill().await;
        run = start();
    }
    run.until_nothing_is_owed().await;
    run.stop().await;
    let ids: std::collections::BTreeMap<String, (u64, u64)> = receiver
        .heard()
        .iter()
        .filter(|heard| heard.path == "/chat")
        .map(|heard| (heard.header("idempotency-key").unwrap().to_owned(), said(heard)))
        .collect();
    let arrived: std::collections::BTreeSet<(u64, u64)> = ids.values().copied().collect();
    assert_eq!((ids.len() as u64, arrived.len() as u64), (COUNT, COUNT));
    assert_eq!(entries(&dir).len() as u64, 2 * COUNT);
}
