//! The outbox whole: store, queue, worker and sender, with a real receiver at the other end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorchime::clock::Clock;
use doorchime::metrics::Metrics;
use doorchime::outbox::delivery::{Commit, Delivery, DeliveryId, End, Fate};
use doorchime::outbox::health::Health;
use doorchime::outbox::queue::QueueSettings;
use doorchime::outbox::retry::RetrySettings;
use doorchime::outbox::store::beside;
use doorchime::outbox::store::handle::{Durability, StoreHandle, StoreThread, open};
use doorchime::outbox::store::ledger::{Entry, Filter, Ledger};
use doorchime::outbox::worker::handle::WorkerHandle;
use doorchime::outbox::worker::{Targets, Worker, WorkerSettings};
use doorchime::presence::model::UserId;
use doorchime::simulator::receiver::{Heard, Play, Receiver};
use doorchime::targets::{KINDS, Target};
use doorchime::time::Backoff;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Waits that a test can sit out.
pub fn quick() -> WorkerSettings {
    let backoff = Backoff { first: Duration::from_millis(5), most: Duration::from_millis(40) };
    let retry = RetrySettings { backoff, wait_least: Duration::from_millis(5), ..RetrySettings::default() };
    let queue = QueueSettings { brake: backoff, ..QueueSettings::default() };
    WorkerSettings { retry, queue, grace: Duration::from_secs(2), ..WorkerSettings::default() }
}

fn target(name: &str, kind: &str, settings: &Value) -> (Arc<str>, Arc<Target>) {
    let kind = KINDS.iter().find(|known| known.name == kind).unwrap();
    let target = match Target::build(name, kind, settings.as_object().unwrap()) {
        Ok(target) => target,
        Err(mistakes) => panic!("{mistakes:?}"),
    };
    (name.into(), Arc::new(target))
}

pub fn webhook(name: &str, url: &str) -> (Arc<str>, Arc<Target>) {
    target(name, "webhook", &json!({ "url": url, "timeout": "400ms", "concurrency": 16 }))
}

/// Ids that no two tests share, in order.
pub fn next_id() -> DeliveryId {
    static LAST: AtomicU64 = AtomicU64::new(1);
    DeliveryId::from_u128(u128::from(LAST.fetch_add(1, Ordering::Relaxed)))
}

pub fn delivery(target: &str, person: u64, n: u64, expires_in: Duration) -> Delivery {
    let created_ms = Clock::start().now().wall_ms;
    Delivery {
        id: next_id(),
        target: target.into(),
        rule: "r".into(),
        person: Some(UserId(person)),
        called: None,
        cause: None,
        parts: json!({ "json": { "person": person, "n": n } }).as_object().unwrap().clone(),
        created_ms,
        expires_ms: created_ms + i64::try_from(expires_in.as_millis()).unwrap(),
        fallbacks: Vec::new(),
        origin: None,
    }
}

pub const HOUR: Duration = Duration::from_secs(3600);

/// One run of the bot's lower half.
pub struct Run {
    store: StoreHandle,
    thread: StoreThread,
    handle: WorkerHandle,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Run {
    pub fn start(
        dir: &Path,
        settings: WorkerSettings,
        targets: impl IntoIterator<Item = (Arc<str>, Arc<Target>)>,
    ) -> Self {
        let clock = Clock::start();
        let (store, thread) = open(dir, Durability::Full, clock).unwrap();
        let targets: Targets = targets.into_iter().collect();
        let (worker, handle) = Worker::new(settings, clock, store.clone(), targets).unwrap();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let working = worker.run(stop.clone());
        tasks.spawn(async move {
            working.await;
        });
        let (watching, stopped) = (beside::watch(dir.to_owned(), store.clone(), clock), stop.clone());
        tasks.spawn(async move {
            stopped.run_until_cancelled(watching).await.transpose().unwrap();
        });
        Self { store, thread, handle, stop, tasks }
    }

    pub async fn owe(&self, deliveries: Vec<Delivery>) {
        let owed = self.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
        self.handle.deliver(owed).await.unwrap();
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.end().await;
    }

    /// As a kill would: what is under way is cut off, what is not written is not written.
    pub async fn kill(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.end().await;
    }

    async fn end(self) {
        drop((self.store, self.handle));
        let thread = self.thread;
        tokio::task::spawn_blocking(|| thread.join()).await.unwrap();
    }

    pub async fn until_nothing_is_owed(&self) {
        within(async {
            while !self.store.waiting().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    pub async fn until_health(&self, target: &str, expected: impl Fn(&Health) -> bool) -> Health {
        let mut health = self.handle.health();
        let healths =
            within(health.wait_for(|healths| healths.get(target).is_some_and(&expected))).await.unwrap();
        healths[target].clone()
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("this takes too long")
}

pub fn entries(dir: &TempDir) -> Vec<Entry> {
    let mut entries =
        Ledger::open(dir.path()).unwrap().list(&Filter { limit: 100_000, ..Filter::default() }).unwrap();
    entries.reverse();
    entries
}

/// `(person, n)` of a request.
pub fn said(heard: &Heard) -> (u64, u64) {
    let body = heard.json();
    (body["person"].as_u64().unwrap(), body["n"].as_u64().unwrap())
}

/// Each person's deliveries have been answered yes in their order, and all of them.
fn assert_in_order(accepted: &[(u64, u64)], people: u64, each: u64) {
    let mut last: HashMap<u64, u64> = HashMap::new();
    for &(person, n) in accepted {
        let before = last.insert(person, n);
        // The last one of before a kill may come twice.
        assert!(
            before.map_or(n == 1, |before| n == before + 1 || n == before),
            "{person}: {n} after {before:?}"
        );
    }
    assert_eq!(last.len() as u64, people);
    assert!(last.values().all(|&n| n == each), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_at_random_gets_everything_in_order() {
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let count = AtomicU64::new(0);
    let receiver = Receiver::start(LOOPBACK, {
        let accepted = Arc::clone(&accepted);
        move |heard| match count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61 {
            0 => Play::status(500),
            1 => Play::status(503),
            2 => Play::header(429, "retry-after", "0.01"),
            _ => {
                accepted.lock().unwrap().push(said(heard));
                Play::status(200)
            }
        }
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    // A queue that holds a tenth of it, so that the rest goes through the store.
    let queue = QueueSettings { rows_max: 100, page_rows: 40, ..quick().queue };
    let run =
        Run::start(dir.path(), WorkerSettings { queue, ..quick() }, [webhook("api", &receiver.url("/"))]);
    for n in 1..=50 {
        run.owe((1..=20).map(|person| delivery("api", person, n, HOUR)).collect()).await;
    }
    run.until_nothing_is_owed().await;
    let accepted = accepted.lock().unwrap().clone();
    assert_eq!(accepted.len(), 1_000, "each once");
    assert_in_order(&accepted, 20, 50);
    assert!(entries(&dir).iter().all(|entry| entry.fate == Fate::Delivered));
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_repeat_only_what_they_cut_off() {
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let ids = Arc::new(Mutex::new(HashMap::new()));
    let receiver = Receiver::start(LOOPBACK, {
        let (accepted, ids) = (Arc::clone(&accepted), Arc::clone(&ids));
        move |heard| {
            accepted.lock().unwrap().push(said(heard));
            let id = heard.header("idempotency-key").or(heard.header("webhook-id")).unwrap().to_owned();
            ids.lock().unwrap().entry(said(heard)).or_insert_with(HashSet::new).insert(id);
            Play::After(Duration::from_millis(1), Box::new(Play::status(204)))
        }
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let target = || [webhook("api", &receiver.url("/"))];
    let mut run = Run::start(dir.path(), quick(), target());
    for n in 1..=40 {
        run.owe((1..=25).map(|person| delivery("api", person, n, HOUR)).collect()).await;
    }
    for round in 1..=5 {
        receiver.hears(round * 120).await;
        run.kill().await;
        run = Run::start(dir.path(), quick(), target());
    }
    run.until_nothing_is_owed().await;
    let accepted = accepted.lock().unwrap().clone();
    assert_in_order(&accepted, 25, 40);
    // No more than what can be under way, or answered and not yet written, at each of five kills.
    assert!(accepted.len() < 1_000 + 5 * 60, "{}", accepted.len());
    assert!(ids.lock().unwrap().values().all(|ids| ids.len() == 1), "a repeated delivery keeps its id");
    run.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_writes_it_down() {
    let receiver =
        Receiver::start(LOOPBACK, |_| Play::After(Duration::from_millis(150), Box::new(Play::status(200))))
            .await
            .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), quick(), [webhook("api", &receiver.url("/"))]);
    run.owe(vec![delivery("api", 1, 1, HOUR), delivery("api", 1, 2, HOUR)]).await;
    within(receiver.hears(1)).await;
    run.stop().await;
    let fates: Vec<_> = entries(&dir).into_iter().map(|entry| entry.fate).collect();
    assert_eq!(fates, [Fate::Delivered, Fate::Pending { next_ms: 0 }]);
    assert_eq!(receiver.heard().len(), 1);
}

#[tokio::test]
async fn each_end_is_kept_with_its_answer_and_without_secrets() {
    let receiver = Receiver::start(LOOPBACK, |heard| match heard.path.as_str() {
        "/refuses/s3cr3t-path" => Play::body(422, "POST /refuses/s3cr3t-path: no such field\0"),
        "/gone/s3cr3t-path" => Play::body(410, "gone"),
        "/hangs" => Play::Silence,
        "/moved" => Play::header(301, "location", "/refuses/s3cr3t-path"),
        _ => Play::body(200, "thanks"),
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let firm = json!({ "url": receiver.url("/hangs"), "timeout": "100ms", "retry_on_timeout": false });
    let run = Run::start(
        dir.path(),
        quick(),
        [
            webhook("fine", &receiver.url("/fine")),
            webhook("refuses", &receiver.url("/refuses/s3cr3t-path")),
            webhook("moved", &receiver.url("/moved")),
            target("firm", "webhook", &firm),
            webhook("gone", &receiver.url("/gone/s3cr3t-path")),
        ],
    );
    let names = ["fine", "refuses", "moved", "firm", "gone"];
    run.owe(names.map(|name| delivery(name, 1, 1, HOUR)).to_vec()).await;
    run.owe(vec![delivery("gone", 2, 1, Duration::from_secs(1))]).await;
    let disabled = run.until_health("gone", |health| matches!(health, Health::Disabled { .. })).await;
    assert!(matches!(disabled, Health::Disabled { why, .. } if why == "HTTP 410 gone"));
    within(async {
        while run.store.waiting().await.unwrap().iter().map(|waiting| waiting.count).sum::<u64>() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let told: Vec<_> = entries(&dir)
        .into_iter()
        .map(|entry| {
            let attempt = entry.attempt.unwrap_or_default();
            (entry.delivery.target.to_string(), entry.fate, attempt.status, attempt.answer)
        })
        .collect();
    let row = |name: &str, fate, status, answer: &str| (name.to_owned(), fate, status, answer.to_owned());
    assert_eq!(
        told[..4],
        [
            row("fine", Fate::Delivered, Some(200), ""),
            row("refuses", Fate::Dead, Some(422), "POST [secret]: no such field\0"),
            row("moved", Fate::Dead, Some(301), ""),
            row("firm", Fate::Dead, None, "no answer within 100ms"),
        ]
    );
    assert_eq!(
        told[4],
        row("gone", Fate::Pending { next_ms: 0 }, Some(410), "gone"),
        "it waits for a person"
    );
    assert_eq!(told[5].1, Fate::Expired);
    assert_eq!(receiver.heard().iter().filter(|heard| heard.path.starts_with("/refuses")).count(), 1);
    run.stop().await;
}

#[tokio::test]
async fn a_yes_that_breaks_off_is_no_refusal() {
    let count = AtomicU64::new(0);
    let beginning = String::new;
    let receiver = Receiver::start(LOOPBACK, move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Play::BrokenAnswer { status: 200, beginning: beginning() },
        1 => Play::HalfAnswer { status: 200, beginning: beginning() },
        2 => Play::body(200, "<html>back soon</html>"),
        3 => Play::header(302, "location", "/maintenance"),
        _ => Play::body(200, "ok"),
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let slack = json!({ "url": receiver.url("/"), "timeout": "300ms" });
    let run = Run::start(dir.path(), quick(), [target("team", "slack", &slack)]);
    let mut owed = delivery("team", 1, 1, HOUR);
    owed.parts = json!({"text": "hello"}).as_object().unwrap().clone();
    run.owe(vec![owed]).await;
    run.until_nothing_is_owed().await;
    assert_eq!(receiver.heard().len(), 5);
    run.stop().await;
    assert_eq!(entries(&dir)[0].fate, Fate::Delivered);
}

#[tokio::test]
async fn health_is_told_when_it_changes_and_a_target_recovers() {
    let count = AtomicU64::new(0);
    let receiver = Receiver::start(LOOPBACK, move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0..=4 => Play::body(503, "try\u{1b}[2J later"),
        _ => Play::status(200),
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), quick(), [webhook("api", &receiver.url("/"))]);
    run.owe(vec![delivery("api", 1, 1, HOUR)]).await;
    let failing = run.until_health("api", |health| matches!(health, Health::Failing { .. })).await;
    assert!(matches!(failing, Health::Failing { why, .. } if why == "HTTP 503 try [2J later"));
    run.until_health("api", |health| *health == Health::Ok).await;
    assert_eq!(receiver.heard().len(), 6);
    run.until_nothing_is_owed().await;
    assert_eq!(entries(&dir)[0].attempts, 6);
    run.stop().await;
}

#[tokio::test]
async fn a_pause_holds_the_whole_target() {
    let count = AtomicU64::new(0);
    let began = Clock::start();
    let times = Arc::new(Mutex::new(Vec::new()));
    let receiver = Receiver::start(LOOPBACK, {
        let times = Arc::clone(&times);
        move |heard| {
            times.lock().unwrap().push((began.now().mono, said(heard).0));
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => Play::header(429, "retry-after", "0.5"),
                _ => Play::status(200),
            }
        }
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), quick(), [webhook("api", &receiver.url("/"))]);
    run.owe(vec![delivery("api", 1, 1, HOUR)]).await;
    run.until_health("api", |health| matches!(health, Health::Paused { .. })).await;
    run.owe(vec![delivery("api", 2, 1, HOUR)]).await;
    run.until_nothing_is_owed().await;
    let times = times.lock().unwrap().clone();
    let people: Vec<_> = times.iter().map(|&(_, person)| person).collect();
    assert_eq!(people, [1, 1, 2], "the oldest goes first when the pause is over");
    assert!(times[1].0.abs_diff(times[0].0) >= Duration::from_millis(500), "{times:?}");
    run.stop().await;
}

#[tokio::test]
async fn the_outbox_is_mended_beside_a_running_worker() {
    let yes = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let receiver = Receiver::start(LOOPBACK, {
        let yes = Arc::clone(&yes);
        move |_| Play::status(if yes.load(Ordering::Relaxed) { 200 } else { 404 })
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), quick(), [webhook("api", &receiver.url("/"))]);
    run.owe(vec![delivery("api", 1, 1, HOUR)]).await;
    run.until_nothing_is_owed().await;
    let dead = &entries(&dir)[0];
    assert_eq!(dead.fate, Fate::Dead);
    yes.store(true, Ordering::Relaxed);
    assert!(Ledger::open(dir.path()).unwrap().retry(dead.seq, dead.delivery.created_ms).unwrap());
    within(receiver.hears(2)).await;
    run.until_nothing_is_owed().await;
    assert_eq!(entries(&dir)[0].fate, Fate::Delivered);
    run.stop().await;
}

#[tokio::test]
async fn other_targets_take_over_what_waits() {
    let receiver = Receiver::start(LOOPBACK, |_| Play::status(200)).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), quick(), []);
    run.owe(vec![delivery("api", 1, 1, HOUR)]).await;
    let bad =
        target("api", "webhook", &json!({ "url": "https://localhost/", "tls": { "ca": "/no/such.pem" } }));
    assert!(run.handle.retarget(BTreeMap::from([bad])).await.is_err(), "a bad CA file changes nothing");
    run.handle.retarget(BTreeMap::from([webhook("api", &receiver.url("/"))])).await.unwrap();
    within(receiver.hears(1)).await;
    run.until_nothing_is_owed().await;
    run.stop().await;
}

#[tokio::test]
async fn attempts_and_ages_are_told_while_a_target_is_away_and_after() {
    let yes = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let receiver = Receiver::start(LOOPBACK, {
        let yes = Arc::clone(&yes);
        move |_| if yes.load(Ordering::Relaxed) { Play::status(200) } else { Play::body(503, "busy") }
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let metrics = Metrics::new();
    let settings = WorkerSettings { metrics: metrics.outbox.clone(), ..quick() };
    let run = Run::start(dir.path(), settings, [webhook("api", &receiver.url("/"))]);
    run.owe((1..=8).map(|person| delivery("api", person, 1, HOUR)).collect()).await;
    let written_ms = entries(&dir)[0].delivery.created_ms;
    within(receiver.hears(20)).await;
    let told = |name: &str| {
        let text = metrics.encode(written_ms + 61_000).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let oldest = told("doorchime_oldest_pending_seconds");
    assert!((60.0..61.1).contains(&oldest), "{oldest}");
    yes.store(true, Ordering::Relaxed);
    run.until_nothing_is_owed().await;
    within(async {
        while told("doorchime_oldest_pending_seconds") > 0.0 || told("doorchime_pending{") > 0.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let ledger = Ledger::open(dir.path()).unwrap();
    let mut failed = 0;
    for entry in entries(&dir) {
        let tried = ledger.attempts(&entry).unwrap();
        assert_eq!(tried.len() as u32, entry.attempts.min(21));
        let (last, before) = tried.split_last().unwrap();
        assert_eq!((last.attempt.status, last.attempt.end), (Some(200), End::Delivered));
        assert!(before.iter().all(|tried| tried.attempt.answer == "busy" && tried.next_ms.is_some()));
        failed += before.len();
    }
    assert!(failed >= 20, "{failed}");
    run.stop().await;
}

#[tokio::test]
async fn a_dry_run_asks_nobody() {
    let receiver = Receiver::start(LOOPBACK, |_| Play::status(200)).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let settings = WorkerSettings { dry_run: true, ..quick() };
    let run = Run::start(dir.path(), settings, [webhook("api", &receiver.url("/"))]);
    run.owe(vec![delivery("api", 1, 1, HOUR)]).await;
    run.until_nothing_is_owed().await;
    let rehearsed = &entries(&dir)[0];
    assert_eq!(rehearsed.fate, Fate::Rehearsed, "not delivered");
    assert_eq!(rehearsed.attempt.as_ref().unwrap().answer, "dry run: not sent");
    assert!(receiver.heard().is_empty());
    run.stop().await;
}
