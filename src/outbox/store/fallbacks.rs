//! How a delivery that its target did not take goes on to the next one: within the transaction that settles it, so
//! that it neither gets lost nor comes twice.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Result, Transaction, params};
use serde_json::{Value, json};
use tracing::error;

use crate::outbox::delivery::{DeliveryId, Fallback, Fate, FellBack, Settled, Sibling};

/// Fallbacks as a row keeps them; nothing for none.
pub fn written(fallbacks: &[Fallback]) -> Option<String> {
    let each = fallbacks.iter().map(|fallback| {
        let Fallback { id, target, parts, expire_ms } = fallback;
        json!({"id": id.to_string(), "target": &**target, "parts": parts, "expire_ms": expire_ms})
    });
    (!fallbacks.is_empty()).then(|| Value::Array(each.collect()).to_string())
}

/// And back; `None` for what nobody of ours has written.
pub fn read(kept: &str) -> Option<Vec<Fallback>> {
    let each: Vec<Value> = serde_json::from_str(kept).ok()?;
    let fallback = |mut it: Value| {
        let id = DeliveryId::try_parse(it["id"].as_str()?).ok()?;
        let (target, expire_ms) = (Arc::from(it["target"].as_str()?), it["expire_ms"].as_i64()?);
        let Value::Object(parts) = it["parts"].take() else { return None };
        Some(Fallback { id, target, parts, expire_ms })
    };
    each.into_iter().map(fallback).collect()
}

/// Hands on a delivery that was settled just now, if it was not taken and has somewhere to go: what takes over gets
/// the number `seq`. It goes once, even if a person has the first one tried again.
pub fn fall_back(db: &Transaction<'_>, settled: &Settled, seq: i64) -> Result<Option<FellBack>> {
    if !matches!(settled.fate, Fate::Dead | Fate::Expired) {
        return Ok(None);
    }
    let kept: Option<(String, Arc<str>, i64)> = db
        .prepare_cached(
            "SELECT fallbacks, target, created_ms FROM deliveries WHERE seq = ? AND fallbacks IS NOT NULL",
        )?
        .query_row([settled.seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((kept, from, created_ms)) = kept else { return Ok(None) };
    db.prepare_cached("UPDATE deliveries SET fallbacks = NULL WHERE seq = ?")?.execute([settled.seq])?;
    let Some(fallbacks) = read(&kept) else {
        // Somebody edited the database by hand.
        error!(seq = settled.seq, "a delivery's fallback cannot be read");
        return Ok(None);
    };
    let Some((next, rest)) = fallbacks.split_first() else { return Ok(None) };
    let parts = serde_json::to_string(&next.parts).expect("a map of JSON values is JSON");
    // It tells of what happened when the first one was written.
    db.prepare_cached(
        "INSERT INTO deliveries
            (seq, id, target, rule, person, parts, created_ms, expires_ms, state, called, fallbacks, origin,
             origin_target)
         SELECT ?, ?, ?, rule, person, ?, created_ms, ?, 'pending', called, ?, seq, target
         FROM deliveries WHERE seq = ?",
    )?
    .execute(params![
        seq,
        next.id.as_bytes(),
        next.target,
        parts,
        settled.at_ms.saturating_add(next.expire_ms),
        written(rest),
        settled.seq,
    ])?;
    let to = Sibling { seq, target: Arc::clone(&next.target) };
    Ok(Some(FellBack { from: Sibling { seq: settled.seq, target: from }, to, created_ms }))
}

#[cfg(test)]
mod tests {
    use super::super::handle::{Durability, StoreHandle, StoreThread, open};
    use super::super::ledger::{Entry, Ledger};
    use super::*;
    use crate::clock::Clock;
    use crate::outbox::delivery::{Commit, Delivery, Owed, Parts};
    use crate::presence::model::UserId;

    const HOUR_MS: i64 = 3_600_000;

    /// What was settled long ago would be forgotten.
    fn at_ms() -> i64 {
        static NOW_MS: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
        *NOW_MS.get_or_init(|| Clock::start().now().wall_ms)
    }

    fn id(nth: u128) -> DeliveryId {
        DeliveryId::from_u128(nth)
    }

    fn text(text: &str) -> Parts {
        Parts::from_iter([("text".to_owned(), json!(text))])
    }

    fn fallback(nth: u128, target: &str) -> Fallback {
        Fallback { id: id(nth), target: target.into(), parts: text(target), expire_ms: HOUR_MS }
    }

    /// To `phone`, and else to these.
    fn delivery(nth: u128, fallbacks: Vec<Fallback>) -> Delivery {
        Delivery {
            id: id(nth),
            target: "phone".into(),
            rule: "r".into(),
            person: Some(UserId(7)),
            called: Some("ada".into()),
            cause: None,
            parts: text("phone"),
            created_ms: at_ms(),
            expires_ms: at_ms() + HOUR_MS,
            fallbacks,
            origin: None,
        }
    }

    fn settled(seq: i64, fate: Fate) -> Settled {
        Settled { seq, fate, attempt: None, at_ms: at_ms() + HOUR_MS }
    }

    fn start(dir: &tempfile::TempDir) -> (StoreHandle, StoreThread) {
        open(dir.path(), Durability::Full, Clock::start()).unwrap()
    }

    async fn commit(store: &StoreHandle, deliveries: Vec<Delivery>) -> Vec<Owed> {
        store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap()
    }

    /// The only delivery that a target is owed.
    async fn owed(store: &StoreHandle, target: &str) -> Owed {
        let mut page = store.pending(target.into(), 0, 10).await.unwrap();
        assert_eq!(page.owed.len(), 1, "{target}: {page:?}");
        page.owed.remove(0)
    }

    fn siblings(entry: &Entry) -> (Option<i64>, Option<i64>) {
        let number = |sibling: &Option<Sibling>| sibling.as_ref().map(|sibling| sibling.seq);
        (number(&entry.delivery.origin), number(&entry.successor))
    }

    #[test]
    fn what_is_written_can_be_read() {
        let both = vec![fallback(1, "chat"), fallback(2, "a \"b\"")];
        assert_eq!(read(&written(&both).unwrap()), Some(both));
        assert_eq!(written(&[]), None);
        let half = r#"[{"id":"x","target":"a","parts":{},"expire_ms":1}]"#;
        for broken in ["", "{}", "[{}]", half] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_goes_down_the_chain_and_each_step_once() {
        let dir = tempfile::tempdir().unwrap();
        let (store, thread) = start(&dir);
        commit(&store, vec![delivery(1, vec![fallback(2, "chat"), fallback(3, "pager")])]).await;
        let fell_back = store.settle(vec![settled(1, Fate::Dead)]).await.unwrap();
        let from = Sibling { seq: 1, target: "phone".into() };
        let to = Sibling { seq: 2, target: "chat".into() };
        assert_eq!(fell_back, [FellBack { from: from.clone(), to, created_ms: at_ms() }]);
        let second = owed(&store, "chat").await;
        let expected = Delivery {
            id: id(2),
            target: "chat".into(),
            parts: text("chat"),
            expires_ms: at_ms() + 2 * HOUR_MS,
            fallbacks: vec![fallback(3, "pager")],
            origin: Some(from),
            ..delivery(1, Vec::new())
        };
        assert_eq!(second, Owed { seq: 2, delivery: expected, attempts: 0, next_ms: 0 });
        // A person has the first one tried again; its place is taken.
        let mut ledger = Ledger::open(dir.path()).unwrap();
        assert!(ledger.retry(1, at_ms()).unwrap());
        assert_eq!(store.settle(vec![settled(1, Fate::Dead)]).await.unwrap(), []);
        // The whole store is opened anew, and nothing is different.
        drop(store);
        thread.join();
        let (store, thread) = start(&dir);
        let fell_back = store.settle(vec![settled(2, Fate::Expired)]).await.unwrap();
        assert_eq!(fell_back[0].to, Sibling { seq: 3, target: "pager".into() });
        assert_eq!(owed(&store, "pager").await.delivery.expires_ms, at_ms() + 2 * HOUR_MS);
        // It is settled already, and the last one has nowhere to go.
        assert_eq!(store.settle(vec![settled(2, Fate::Expired)]).await.unwrap(), []);
        assert_eq!(store.settle(vec![settled(3, Fate::Dead)]).await.unwrap(), []);
        let ledger = Ledger::open(dir.path()).unwrap();
        let shown = ["1", "2", "3"].map(|number| siblings(&ledger.find(number).unwrap()));
        assert_eq!(shown, [(None, Some(2)), (Some(1), Some(3)), (Some(2), None)]);
        drop(store);
        thread.join();
    }

    #[tokio::test]
    async fn what_arrives_or_is_dropped_goes_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let (store, thread) = start(&dir);
        let to_chat = |nth| delivery(nth, vec![fallback(nth + 10, "chat")]);
        commit(&store, (1..=4).map(to_chat).collect()).await;
        let mut ledger = Ledger::open(dir.path()).unwrap();
        assert!(ledger.drop(4).unwrap());
        let fates = [Fate::Delivered, Fate::Rehearsed, Fate::Pending { next_ms: 1 }, Fate::Dead];
        let settled = fates.into_iter().zip(1..).map(|(fate, seq)| settled(seq, fate)).collect();
        assert_eq!(store.settle(settled).await.unwrap(), []);
        assert_eq!(store.pending("chat".into(), 0, 10).await.unwrap().owed, []);
        drop(store);
        thread.join();
    }

    /// Numbers are given in one row, whoever asks for them.
    #[tokio::test]
    async fn commits_and_fallbacks_share_the_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let (store, thread) = start(&dir);
        commit(&store, (1..=50).map(|nth| delivery(nth, vec![fallback(nth + 100, "chat")])).collect()).await;
        let mut tasks = tokio::task::JoinSet::new();
        for seq in 1..=50 {
            let settling = store.clone();
            tasks.spawn(async move {
                let fell_back = settling.settle(vec![settled(seq, Fate::Dead)]).await.unwrap();
                (fell_back[0].to.seq, 100 + u128::from(seq.unsigned_abs()))
            });
            let committing = store.clone();
            tasks.spawn(async move {
                let nth = 1_000 + u128::from(seq.unsigned_abs());
                (commit(&committing, vec![delivery(nth, Vec::new())]).await[0].seq, nth)
            });
        }
        let told = tasks.join_all().await;
        let ledger = Ledger::open(dir.path()).unwrap();
        for (seq, nth) in &told {
            assert_eq!(ledger.find(&seq.to_string()).unwrap().delivery.id, id(*nth));
        }
        let numbers: std::collections::BTreeSet<i64> = told.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(numbers, (51..=150).collect());
        drop(store);
        thread.join();
    }
}
