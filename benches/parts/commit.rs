//! Writing down: transactions of so many deliveries, on the disk that holds the temporary folder.

use std::time::Instant;

use doorchime::clock::Clock;
use doorchime::outbox::delivery::{Commit, Delivery, DeliveryId};
use doorchime::outbox::store::handle::{Durability, open};
use serde_json::json;

use super::stage::{Sizes, id};

const BATCHES: [usize; 3] = [1, 100, 10_000];
/// So many rows in all, or so many transactions, whichever is less.
const ROWS: usize = 60_000;
const TRANSACTIONS: usize = 2000;

pub fn bench(_: Sizes) {
    println!("by the wall, since it waits for the disk; each transaction is durable when the next begins");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for batch in BATCHES {
        let dir = tempfile::tempdir().unwrap();
        let (store, thread) = open(dir.path(), Durability::Full, Clock::start()).unwrap();
        let times = (ROWS / batch).clamp(1, TRANSACTIONS);
        #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
        let began = Instant::now();
        runtime.block_on(async {
            for n in 0..times {
                let deliveries = (0..batch).map(|row| delivery(n * batch + row)).collect();
                store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
            }
        });
        let took = began.elapsed().as_secs_f64();
        println!(
            "{batch:>6} a transaction {:>9.0} transactions a second {:>9.0} deliveries a second",
            times as f64 / took,
            (times * batch) as f64 / took
        );
        drop(store);
        thread.join();
    }
}

pub fn delivery(n: usize) -> Delivery {
    Delivery {
        id: DeliveryId::from_u128(n as u128),
        target: "out".into(),
        rule: "r".into(),
        person: Some(id(n % 1000)),
        called: Some("somebody".into()),
        cause: None,
        parts: json!({ "body": "x".repeat(300) }).as_object().unwrap().clone(),
        created_ms: n as i64,
        expires_ms: i64::MAX,
        fallbacks: Vec::new(),
        origin: None,
    }
}
