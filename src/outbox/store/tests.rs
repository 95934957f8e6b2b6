//! The store on a real disk: what survives, what is refused, who may write.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::error::StoreError;
use super::handle::{Durability, Nudge, StoreHandle, StoreState, StoreThread, open};
use super::ledger::{Filter, Ledger, LookupError};
use super::rows::ATTEMPTS_KEPT;
use super::{beside, place, schema};
use crate::clock::Clock;
use crate::outbox::delivery::{
    Attempt, Baseline, Commit, Delivery, DeliveryId, DiaryNote, End, Failure, Fate, Mark, MarkKind, Memory,
    Note, NoteKind, Owed, Part, Settled,
};
use crate::presence::model::UserId;

const HOUR_MS: i64 = 3_600_000;

fn delivery(target: &str, rule: &str, person: u64, text: &str) -> Delivery {
    let created_ms = Clock::start().now().wall_ms;
    Delivery {
        id: DeliveryId::from_u128(u128::from(person)),
        target: target.into(),
        rule: rule.into(),
        person: Some(UserId(person)),
        called: None,
        cause: None,
        parts: json!({ "text": text }).as_object().unwrap().clone(),
        created_ms,
        expires_ms: created_ms + HOUR_MS,
        fallbacks: Vec::new(),
        origin: None,
    }
}

fn owing(deliveries: Vec<Delivery>) -> Commit {
    Commit { deliveries, ..Commit::default() }
}

fn end(fate: Fate) -> End {
    match fate {
        Fate::Delivered | Fate::Rehearsed => End::Delivered,
        Fate::Dead => End::Refused,
        Fate::Pending { .. } | Fate::Expired => End::Later,
    }
}

fn settled(owed: &Owed, fate: Fate, status: u16) -> Settled {
    let attempt = Attempt {
        status: Some(status),
        answer: "why\0not".into(),
        took: Duration::from_millis(12),
        end: end(fate),
    };
    Settled { seq: owed.seq, fate, attempt: Some(attempt), at_ms: Clock::start().now().wall_ms }
}

/// A commit that waits is given up after this.
const A_WHILE: Duration = Duration::from_secs(30);

async fn until_blocked(store: &StoreHandle, why: &str) {
    let mut state = store.state();
    let blocked =
        |state: &StoreState| matches!(state, StoreState::Blocked { why: told } if told.contains(why));
    tokio::time::timeout(A_WHILE, state.wait_for(blocked)).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_could_not_be_found_again_is_not_written() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, away) = (temp.path().join("data"), temp.path().join("away"));
    let (store, thread) = start(&dir);
    store.commit(owing(vec![delivery("a", "r", 1, "one")])).await.unwrap();
    let mut watching = JoinSet::new();
    watching.spawn(beside::watch(dir.clone(), store.clone(), Clock::start()));
    tokio::task::yield_now().await;
    std::fs::rename(&dir, &away).unwrap();
    // Noticed without anything to write, and no write goes through.
    until_blocked(&store, "deleted or moved").await;
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let store = store.clone();
        async move { store.commit(owing(vec![delivery("a", "r", 2, "two")])).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(waiting.try_join_next().is_none());
    std::fs::rename(&away, &dir).unwrap();
    assert_eq!(tokio::time::timeout(A_WHILE, waiting.join_next()).await.unwrap().unwrap().unwrap()[0].seq, 2);
    assert_eq!(*store.state().borrow(), StoreState::Writable);
    // Somebody else begins afresh under the same name: it is theirs.
    std::fs::remove_dir_all(&dir).unwrap();
    let (other, other_thread) = start(&dir);
    waiting.spawn({
        let store = store.clone();
        async move { store.commit(owing(vec![delivery("a", "r", 3, "three")])).await.unwrap() }
    });
    until_blocked(&store, "deleted or moved").await;
    assert_eq!(other.commit(owing(vec![delivery("a", "r", 4, "four")])).await.unwrap()[0].seq, 1);
    drop(other);
    other_thread.join();
    waiting.shutdown().await;
    watching.shutdown().await;
    drop(store);
    thread.join();
}

/// What is rewritten again and again must not fill a small disk with its log.
#[tokio::test]
async fn the_log_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let (store, thread) = start(dir.path());
    let mut largest = 0;
    for n in 0..400 {
        let baseline = Baseline {
            person: UserId(1),
            raw: "x".repeat(20_000).into(),
            notes: n.to_string().into(),
            heard_ms: n,
        };
        store.commit(Commit { baselines: vec![baseline], ..Commit::default() }).await.unwrap();
        let log = dir.path().join("doorchime.db-wal").metadata().unwrap().len();
        largest = largest.max(log);
    }
    drop(store);
    thread.join();
    assert!((100_000..1_500_000).contains(&largest), "{largest}");
}

fn start(dir: &Path) -> (StoreHandle, StoreThread) {
    open(dir, Durability::Full, Clock::start()).unwrap()
}

fn stop((store, thread): (StoreHandle, StoreThread)) {
    drop(store);
    thread.join();
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn all(store: &StoreHandle, target: &str) -> Vec<Owed> {
    store.pending(target.into(), 0, 1_000_000).await.unwrap().owed
}

#[tokio::test]
async fn what_is_committed_is_there_after_a_restart() {
    let dir = temp();
    // The largest number that a person can have does not fit into SQLite's signed ones.
    let hostile = "\u{202e}\"'\0; DROP TABLE deliveries; --\r\n🎧";
    let deliveries = vec![delivery("api", "r", u64::MAX, hostile), delivery("phone", "r", 2, "b")];
    let baseline = |person, raw: &str| Baseline {
        person: UserId(person),
        raw: raw.into(),
        notes: "{}".into(),
        heard_ms: 5,
    };
    let mark = |key: &str, until_ms| Mark {
        rule: "r".into(),
        person: None,
        kind: MarkKind::Dedupe,
        key: key.into(),
        until_ms,
    };
    let note = |rule: &str, key: &str, text: &str| Note {
        rule: rule.into(),
        person: Some(UserId(u64::MAX)),
        kind: NoteKind::Waiting,
        key: key.into(),
        text: text.into(),
    };
    let failure = |target: &str, since_ms| Failure { part: Part::Target(target.into()), since_ms };
    let down = |since_ms| Failure { part: Part::Lanyard, since_ms };
    let far = i64::MAX;
    {
        let running = start(dir.path());
        let store = &running.0;
        let first = Commit {
            baselines: vec![baseline(1, "old"), baseline(u64::MAX, "{}")],
            marks: vec![mark("a", 1), mark("b", far), Mark { rule: "gone".into(), ..mark("a", far) }],
            notes: vec![note("r", "1", "{}"), note("r", "2", "{}"), note("gone", "", "{}")],
            failures: vec![down(Some(5)), failure("api", Some(6)), failure("lanyard_down_ms", Some(7))],
            heard_ms: Some(3),
            diary: Some(DiaryNote { upto_ms: 3, text: Some("{}".into()) }),
            deliveries: deliveries.clone(),
            ..Commit::default()
        };
        let owed = store.commit(first).await.unwrap();
        assert_eq!(owed.iter().map(|owed| owed.seq).collect::<Vec<_>>(), [1, 2]);
        let second = Commit {
            baselines: vec![baseline(1, "new")],
            forgotten: vec![UserId(u64::MAX)],
            marks: vec![mark("a", far)],
            notes: vec![note("r", "1", ""), note("r", "2", "{2}")],
            retired: vec!["gone".into()],
            failures: vec![down(None), failure("api", Some(8))],
            heard_ms: Some(9),
            diary: Some(DiaryNote { upto_ms: 9, text: None }),
            ..Commit::default()
        };
        assert_eq!(store.commit(second).await.unwrap(), []);
        stop(running);
    }
    let running = start(dir.path());
    let memory = running.0.load().await.unwrap();
    assert_eq!(
        memory,
        Memory {
            baselines: vec![baseline(1, "new")],
            marks: vec![mark("a", far), mark("b", far)],
            notes: vec![note("r", "2", "{2}")],
            failures: vec![failure("api", Some(8)), failure("lanyard_down_ms", Some(7))],
            heard_ms: Some(9),
            diary: Some(DiaryNote { upto_ms: 9, text: Some("{}".into()) }),
        }
    );
    for (place, target) in ["api", "phone"].into_iter().enumerate() {
        let expected =
            Owed { seq: place as i64 + 1, delivery: deliveries[place].clone(), attempts: 0, next_ms: 0 };
        assert_eq!(all(&running.0, target).await, [expected]);
    }
    let owed = running.0.commit(owing(vec![delivery("api", "r", 1, "c")])).await.unwrap();
    assert_eq!(owed[0].seq, 3, "numbers go on");
    stop(running);
}

#[tokio::test]
async fn outcomes_are_written_down() {
    let dir = temp();
    let running = start(dir.path());
    let store = &running.0;
    let texts = ["delivered", "later", "dead", "expired"];
    let owed = store.commit(owing(texts.map(|text| delivery("api", "r", 1, text)).to_vec())).await.unwrap();
    let later = Fate::Pending { next_ms: 77 };
    store
        .settle(vec![
            settled(&owed[0], Fate::Delivered, 200),
            settled(&owed[1], later, 503),
            settled(&owed[1], later, 500),
            settled(&owed[2], Fate::Dead, 400),
            Settled { attempt: None, ..settled(&owed[3], Fate::Expired, 0) },
            // What is settled stays so: a late word about it changes nothing.
            settled(&owed[0], Fate::Dead, 404),
        ])
        .await
        .unwrap();
    assert_eq!(all(store, "api").await, [Owed { attempts: 2, next_ms: 77, ..owed[1].clone() }]);
    let waiting = store.waiting().await.unwrap();
    assert_eq!((waiting.len(), waiting[0].count), (1, 1));
    assert_eq!(waiting[0].oldest_ms, owed[1].delivery.created_ms);

    let ledger = Ledger::open(dir.path()).unwrap();
    let entries = ledger.list(&Filter { limit: 10, ..Filter::default() }).unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.seq, entry.fate, entry.attempts, entry.attempt.as_ref().and_then(|a| a.status)))
        .collect();
    assert_eq!(
        told,
        [
            (4, Fate::Expired, 0, None),
            (3, Fate::Dead, 1, Some(400)),
            (2, later, 2, Some(500)),
            (1, Fate::Delivered, 1, Some(200))
        ]
    );
    assert_eq!(entries[1].attempt.as_ref().unwrap().answer, "why\0not");
    let dead = ledger.list(&Filter { state: Some("dead".into()), limit: 10, ..Filter::default() }).unwrap();
    assert_eq!(dead.len(), 1);
    stop(running);
}

/// Number, status and end of each attempt that is known of a delivery.
fn tried(ledger: &Ledger, name: &str) -> Vec<(i64, Option<u16>, End)> {
    let tried = ledger.attempts(&ledger.find(name).unwrap()).unwrap();
    tried.iter().map(|tried| (tried.number, tried.attempt.status, tried.attempt.end)).collect()
}

fn count(dir: &Path, table: &str) -> i64 {
    let db = Connection::open(place::database(dir)).unwrap();
    db.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn each_attempt_that_did_not_deliver_is_kept_and_goes_with_its_delivery() {
    let dir = temp();
    let running = start(dir.path());
    let store = &running.0;
    let texts = ["at once", "at last", "never", "stubborn"];
    let owed = store.commit(owing(texts.map(|text| delivery("api", "r", 1, text)).to_vec())).await.unwrap();
    let later = |next_ms| Fate::Pending { next_ms };
    store
        .settle(vec![
            settled(&owed[0], Fate::Delivered, 200),
            settled(&owed[1], later(77), 503),
            settled(&owed[1], later(99), 500),
            settled(&owed[1], Fate::Delivered, 204),
            settled(&owed[2], Fate::Dead, 400),
        ])
        .await
        .unwrap();
    assert_eq!(count(dir.path(), "attempts"), 3, "what arrives at once writes no extra row");
    let mut ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(tried(&ledger, "1"), [(1, Some(200), End::Delivered)]);
    assert_eq!(
        tried(&ledger, "2"),
        [(1, Some(503), End::Later), (2, Some(500), End::Later), (3, Some(204), End::Delivered)]
    );
    assert_eq!(tried(&ledger, "3"), [(1, Some(400), End::Refused)]);
    let first = &ledger.attempts(&ledger.find("2").unwrap()).unwrap()[0];
    assert_eq!((first.next_ms, first.attempt.answer.as_str()), (Some(77), "why\0not"));
    assert!(first.at_ms.is_some_and(|at_ms| at_ms >= owed[1].delivery.created_ms));

    // Sent again by a person: what was before is not forgotten, and numbers go on.
    let now_ms = owed[0].delivery.created_ms;
    assert!(ledger.retry(2, now_ms).unwrap() && ledger.retry(3, now_ms).unwrap());
    assert_eq!(tried(&ledger, "2")[2], (3, Some(204), End::Delivered));
    store
        .settle(vec![settled(&owed[1], later(5), 502), settled(&owed[2], Fate::Delivered, 200)])
        .await
        .unwrap();
    assert_eq!(tried(&ledger, "2")[3..], [(4, Some(502), End::Later)]);
    assert_eq!(tried(&ledger, "3"), [(1, Some(400), End::Refused), (2, Some(200), End::Delivered)]);

    for nth in 0..30 {
        store.settle(vec![settled(&owed[3], later(nth), 500)]).await.unwrap();
    }
    let last = tried(&ledger, "4");
    assert_eq!(last.len() as i64, ATTEMPTS_KEPT);
    assert_eq!((last[0].0, last.last().unwrap().0), (11, 30));
    assert_eq!(ledger.troubles().unwrap()["api"].attempt.status, Some(500));

    // The second has arrived before: at first only its second sending is dropped.
    for seq in [1, 2, 2, 3, 4] {
        assert!(ledger.drop(seq).unwrap());
    }
    assert_eq!(count(dir.path(), "attempts"), 0);
    assert!(ledger.troubles().unwrap().is_empty());
    stop(running);
}

#[tokio::test]
async fn a_file_of_the_first_version_is_taken_over() {
    for beside in [false, true] {
        let dir = temp();
        let path = place::database(dir.path());
        schema::create_first(&path);
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "INSERT INTO deliveries (seq, id, target, rule, person, parts, created_ms, expires_ms, state, attempts,
                    next_ms, status, answer, took_ms)
                 VALUES (7, zeroblob(16), 'api', 'r', 5, '{}', 1, 9000000000000, 'pending', 3, 12, 503, 'busy', 40)",
            )
            .unwrap();
        if beside {
            let ledger = Ledger::open(dir.path()).unwrap();
            let entry = ledger.find("7").unwrap();
            let tried = ledger.attempts(&entry).unwrap();
            assert_eq!((tried.len(), tried[0].number, tried[0].at_ms), (1, 3, None));
            assert_eq!((tried[0].attempt.status, tried[0].next_ms), (Some(503), Some(12)));
        }
        let running = start(dir.path());
        let owed = all(&running.0, "api").await;
        assert_eq!((owed[0].seq, owed[0].attempts, &owed[0].delivery.called), (7, 3, &None));
        running.0.settle(vec![settled(&owed[0], Fate::Pending { next_ms: 1 }, 500)]).await.unwrap();
        assert_eq!(count(dir.path(), "attempts"), 1);
        let diary = Some(DiaryNote { upto_ms: 5, text: Some("{}".into()) });
        running.0.commit(Commit { diary: diary.clone(), ..Commit::default() }).await.unwrap();
        stop(running);
        let running = start(dir.path());
        assert_eq!(running.0.load().await.unwrap().diary, diary);
        stop(running);
    }
}

#[test]
fn a_file_that_an_older_doorchime_runs_on_is_left_alone() {
    let dir = temp();
    schema::create_first(&place::database(dir.path()));
    let _held = place::take(dir.path()).unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(StoreError::Older { pid: Some(_), .. })));
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let dir = temp();
    let running = start(dir.path());
    let store = &running.0;
    let deliveries = (0..10).map(|n| delivery(["api", "phone"][n % 2], "r", 1, &n.to_string())).collect();
    store.commit(owing(deliveries)).await.unwrap();
    let mut after = 0;
    let mut seen = Vec::new();
    loop {
        let page = store.pending("api".into(), after, 2).await.unwrap();
        seen.extend(page.owed.iter().map(|owed| owed.seq));
        after = page.upto;
        if page.end {
            break;
        }
    }
    assert_eq!(seen, [1, 3, 5, 7, 9]);
    stop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_shares_transactions_and_each_gets_its_own_back() {
    let dir = temp();
    let running = start(dir.path());
    let mut crowd = tokio::task::JoinSet::new();
    for n in 0..500_u64 {
        let store = running.0.clone();
        crowd.spawn(async move {
            let mine = vec![delivery("api", "r", n, "x"), delivery("api", "r", n, "y")];
            let owed = store.commit(owing(mine.clone())).await.unwrap();
            assert_eq!(owed.iter().map(|owed| owed.delivery.clone()).collect::<Vec<_>>(), mine);
            (owed[0].seq, owed[1].seq)
        });
    }
    let mut pairs = crowd.join_all().await;
    pairs.sort_unstable();
    let numbers: Vec<_> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>(), "each number once, a commit's own side by side");
    assert_eq!(all(&running.0, "api").await.len(), 1000);
    stop(running);
}

#[tokio::test]
async fn history_is_bounded_and_what_is_owed_is_not_pruned() {
    let dir = temp();
    let running = start(dir.path());
    let store = &running.0;
    let owed = store.commit(owing(vec![delivery("api", "r", 1, "x"); 21_000])).await.unwrap();
    let (waiting, done) = owed.split_first().unwrap();
    for chunk in done.chunks(4_000) {
        let chunk = chunk.iter().map(|owed| settled(owed, Fate::Delivered, 200)).collect();
        store.settle(chunk).await.unwrap();
    }
    let ledger = Ledger::open(dir.path()).unwrap();
    let kept = ledger.list(&Filter { limit: 100_000, ..Filter::default() }).unwrap();
    assert!((10_001..10_501).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0].seq, 21_000, "the youngest are kept");
    assert_eq!(kept.last().unwrap().seq, waiting.seq);
    stop(running);
}

#[tokio::test]
async fn a_ledger_mends_beside_a_running_store_which_notices() {
    let dir = temp();
    let running = start(dir.path());
    let store = &running.0;
    let owed =
        store.commit(owing(vec![delivery("api", "r", 1, "a"), delivery("api", "r", 1, "b")])).await.unwrap();
    store.settle(vec![settled(&owed[0], Fate::Dead, 400)]).await.unwrap();
    let mut nudged = store.nudged();
    let mut watching = JoinSet::new();
    watching.spawn(beside::watch(dir.path().to_owned(), store.clone(), Clock::start()));
    assert_eq!(store.take_nudges().await.unwrap(), []);

    let mut ledger = Ledger::open(dir.path()).unwrap();
    assert!(ledger.retry(owed[0].seq, owed[0].delivery.created_ms).unwrap());
    assert!(ledger.drop(owed[1].seq).unwrap());
    assert!(!ledger.drop(99).unwrap());
    tokio::time::timeout(Duration::from_secs(20), nudged.changed()).await.unwrap().unwrap();
    assert_eq!(store.take_nudges().await.unwrap(), [Nudge::Retry(owed[0].clone()), Nudge::Gone(owed[1].seq)]);
    assert_eq!(store.take_nudges().await.unwrap(), []);
    watching.shutdown().await;
    stop(running);
}

#[tokio::test]
async fn what_had_arrived_stays_known_when_its_second_sending_is_dropped() {
    let dir = temp();
    let running = start(dir.path());
    let store = &running.0;
    let owed =
        store.commit(owing(vec![delivery("api", "r", 1, "a"), delivery("api", "r", 1, "b")])).await.unwrap();
    store.settle(vec![settled(&owed[0], Fate::Delivered, 204)]).await.unwrap();
    store.settle(vec![settled(&owed[1], Fate::Rehearsed, 204)]).await.unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let story = |ledger: &Ledger| {
        let entry = ledger.find("1").unwrap();
        (ledger.attempts(&entry).unwrap(), entry)
    };
    let before = story(&ledger);
    for failed in [false, true] {
        assert!(ledger.retry(1, owed[0].delivery.created_ms).unwrap());
        if failed {
            let again = all(store, "api").await.remove(0);
            store.settle(vec![settled(&again, Fate::Pending { next_ms: 5 }, 500)]).await.unwrap();
            assert_eq!(story(&ledger).0.len(), 2);
        }
        assert!(ledger.drop(1).unwrap());
        let mut after = story(&ledger);
        // It is kept a little longer, should it have been about to expire.
        after.1.delivery.expires_ms = before.1.delivery.expires_ms;
        assert_eq!(after, before);
    }
    assert!(all(store, "api").await.is_empty(), "nothing is owed any more");
    // A dry run has never sent it.
    assert!(ledger.retry(2, owed[1].delivery.created_ms).unwrap() && ledger.drop(2).unwrap());
    assert!(matches!(ledger.find("2"), Err(LookupError::Unknown(_))));
    assert!(ledger.drop(1).unwrap() && ledger.find("1").is_err(), "by itself it can be forgotten");
    stop(running);
}

#[tokio::test]
async fn what_has_expired_gets_time_when_it_is_wanted_again() {
    let dir = temp();
    let running = start(dir.path());
    let owed = running.0.commit(owing(vec![delivery("api", "r", 1, "a")])).await.unwrap();
    let much_later = owed[0].delivery.expires_ms + 10 * HOUR_MS;
    Ledger::open(dir.path()).unwrap().retry(1, much_later).unwrap();
    assert_eq!(all(&running.0, "api").await[0].delivery.expires_ms, much_later + HOUR_MS);
    stop(running);
}

#[tokio::test]
async fn deliveries_are_found_by_number_and_by_the_beginning_of_an_id() {
    let dir = temp();
    let running = start(dir.path());
    let mut pair = vec![delivery("api", "r", 1, "a"), delivery("api", "r", 1, "b")];
    pair[0].id = "0190aaaa-0000-7000-8000-0000000000a1".parse().unwrap();
    pair[1].id = "0190aaaa-0000-7000-8000-0000000000b2".parse().unwrap();
    running.0.commit(owing(pair)).await.unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let find = |name| match ledger.find(name) {
        Ok(entry) => entry.seq.to_string(),
        Err(LookupError::Unknown(_)) => "unknown".to_owned(),
        Err(LookupError::Ambiguous(_)) => "ambiguous".to_owned(),
        Err(LookupError::Store(error)) => error.to_string(),
    };
    for (name, expected) in [
        ("1", "1"),
        ("2", "2"),
        ("3", "unknown"),
        ("0190aaaa-0000-7000-8000-0000000000b2", "2"),
        ("0190AAAA-0000-7000-8000-0000000000a", "1"),
        ("0190aaaa-", "ambiguous"),
        ("0190bbbb-", "unknown"),
        ("", "unknown"),
        ("%", "unknown"),
        ("' OR 1", "unknown"),
    ] {
        assert_eq!(find(name), expected, "{name}");
    }
    stop(running);
}

#[test]
fn a_second_process_is_refused_and_a_ledger_is_not() {
    let dir = temp();
    assert!(matches!(Ledger::open(dir.path()), Err(StoreError::Missing(_))));
    assert!(matches!(Ledger::open_own(dir.path()), Err(StoreError::Missing(_))));
    let running = start(dir.path());
    let second = open(dir.path(), Durability::Full, Clock::start());
    assert!(matches!(second, Err(StoreError::Locked { pid: Some(_), .. })));
    Ledger::open(dir.path()).unwrap();
    stop(running);
    stop(start(dir.path()));
}

/// Everything in the directory but the lock.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_none_or(|end| end != "lock"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_alone() {
    type Spoil = fn(&Path);
    type Expected = fn(&StoreError) -> bool;
    let cases: [(&str, Spoil, Expected); 6] = [
        (
            "newer",
            |path| Connection::open(path).unwrap().pragma_update(None, "user_version", 7).unwrap(),
            |error| matches!(error, StoreError::Newer { found: 7, known: 5, .. }),
        ),
        (
            "somebody else's database",
            |path| Connection::open(path).unwrap().pragma_update(None, "application_id", 5).unwrap(),
            |error| matches!(error, StoreError::Foreign(_)),
        ),
        (
            "no database",
            |path| std::fs::write(path, "all my passwords").unwrap(),
            |error| matches!(error, StoreError::Foreign(_)),
        ),
        (
            "a torn page",
            |path| {
                let mut bytes = std::fs::read(path).unwrap();
                bytes[4096..8192].fill(0xa5);
                std::fs::write(path, bytes).unwrap();
            },
            |error| matches!(error, StoreError::Damaged { .. }),
        ),
        (
            "cut short",
            |path| {
                let bytes = std::fs::read(path).unwrap();
                std::fs::write(path, &bytes[..5000]).unwrap();
            },
            |error| matches!(error, StoreError::Damaged { .. }),
        ),
        (
            "a directory",
            |path| {
                std::fs::remove_file(path).unwrap();
                std::fs::create_dir(path).unwrap();
            },
            |error| matches!(error, StoreError::Foreign(_)),
        ),
    ];
    for (name, spoil, expected) in cases {
        let dir = temp();
        stop(start(dir.path()));
        let path = place::database(dir.path());
        spoil(&path);
        let before = path.is_file().then(|| contents(dir.path()));
        for error in
            [open(dir.path(), Durability::Full, Clock::start()).err(), Ledger::open(dir.path()).err()]
        {
            let error = error.unwrap_or_else(|| panic!("{name} was opened"));
            assert!(expected(&error), "{name}: {error:?}");
        }
        if let Some(before) = before {
            let main = |files: &[(String, Vec<u8>)]| {
                files.iter().find(|(name, _)| name == "doorchime.db").map(|(_, bytes)| bytes.clone())
            };
            assert_eq!(main(&contents(dir.path())), main(&before), "{name} was changed");
        }
    }
}

#[tokio::test]
async fn a_copy_of_a_running_store_has_whole_commits_only() {
    // What a kill leaves behind is what the files hold at that moment: a copy of them is as good as a kill.
    let dir = temp();
    let running = start(dir.path());
    let mut seen = 0;
    let mut asked = tokio::task::JoinSet::new();
    for round in 0..40_u64 {
        let pair = vec![delivery("api", "r", round, "x"), delivery("phone", "r", round, "y")];
        let baselines = vec![Baseline {
            person: UserId(round + 1),
            raw: "x".repeat(3000).into(),
            notes: "{}".into(),
            heard_ms: 0,
        }];
        let commit = Commit { baselines, deliveries: pair, ..Commit::default() };
        let store = running.0.clone();
        asked.spawn(async move { store.commit(commit).await.map(drop) });
        if round % 4 == 0 {
            while let Some(committed) = asked.join_next().await {
                committed.unwrap().unwrap();
            }
            seen = round + 1;
        }
        let copy = temp();
        // The file itself does not change before its log has a thousand pages; this one never has.
        for name in ["doorchime.db", "doorchime.db-wal"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let after = start(copy.path());
        let memory = after.0.load().await.unwrap();
        let (api, phone) = (all(&after.0, "api").await, all(&after.0, "phone").await);
        assert_eq!((memory.baselines.len(), api.len()), (api.len(), phone.len()));
        assert!(api.len() as u64 >= seen, "what was told to be durable is there");
        stop(after);
    }
    // Each holds on to the store, whose thread ends with the last of them.
    assert!(asked.join_all().await.into_iter().all(|committed| committed.is_ok()));
    stop(running);
}

#[tokio::test]
async fn answers_stop_when_the_thread_does() {
    let dir = temp();
    let (store, thread) = start(dir.path());
    let target: Arc<str> = "api".into();
    assert_eq!(store.pending(target, 0, 5).await.unwrap().owed, []);
    drop(store);
    tokio::task::spawn_blocking(|| thread.join()).await.unwrap();
    let names: Vec<_> = contents(dir.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["doorchime.db"], "one file is left");
}
