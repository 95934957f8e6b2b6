//! A receiver that is away for an hour: queue, retry and a store on disk, in virtual time, with scripted answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::delivery::{Attempt, Commit, Delivery, DeliveryId, End, Fate, Outcome, Parts, Reading, Settled};
use super::queue::{Action, Event, Pace, Queue, QueueSettings, Start};
use super::retry::{Heard, RetrySettings, Try, judge};
use super::store::handle::{Durability, StoreHandle, StoreThread, open};
use super::store::ledger::{Entry, Filter, Ledger};
use crate::clock::Clock;
use crate::presence::model::UserId;
use crate::time::{Backoff, Moment, millis};

const BEGAN_MS: i64 = 1_700_000_000_000;
const TOOK: Duration = Duration::from_millis(50);
const PACE: Pace = Pace { concurrency: 2, min_gap: Duration::from_millis(200) };

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

const AWAY: std::ops::Range<Duration> = minutes(5)..minutes(65);

/// An attempt as it went.
struct Made {
    at: Duration,
    seq: i64,
    delivered: bool,
}

/// The lower half of the bot, without its clock and its network.
struct Half {
    dir: TempDir,
    running: Option<(StoreHandle, StoreThread)>,
    queue: Queue,
    now: Moment,
    flying: BTreeMap<(Duration, i64), Start>,
    rolls: u64,
    made: Vec<Made>,
    expired: HashMap<i64, Duration>,
}

impl Half {
    async fn start() -> Self {
        let mut half = Self {
            dir: tempfile::tempdir().unwrap(),
            running: None,
            queue: Queue::new(QueueSettings::default()),
            now: Moment { mono: Duration::ZERO, wall_ms: BEGAN_MS },
            flying: BTreeMap::new(),
            rolls: 1,
            made: Vec::new(),
            expired: HashMap::new(),
        };
        half.open().await;
        half
    }

    async fn open(&mut self) {
        let running = open(self.dir.path(), Durability::Normal, Clock::anchored(BEGAN_MS)).unwrap();
        self.queue = Queue::new(QueueSettings::default());
        let paces = ["busy", "lonely"].map(|name| (Arc::from(name), PACE));
        self.queue.handle(self.now, Event::Targets(paces.into_iter().collect()));
        for waiting in running.0.waiting().await.unwrap() {
            self.queue.handle(self.now, Event::Stored(waiting.target));
        }
        self.running = Some(running);
    }

    /// What is under way is cut off, before it had any effect.
    fn kill(&mut self) {
        self.flying.clear();
        let (store, thread) = self.running.take().unwrap();
        drop(store);
        thread.join();
    }

    fn store(&self) -> StoreHandle {
        self.running.as_ref().unwrap().0.clone()
    }

    async fn owe(&mut self, target: &str, person: u64, expires_in: Duration) {
        let delivery = Delivery {
            id: DeliveryId::from_u128(self.now.mono.as_nanos() << 8 | u128::from(person)),
            target: target.into(),
            rule: "r".into(),
            person: Some(UserId(person)),
            called: None,
            cause: None,
            parts: Parts::new(),
            created_ms: self.now.wall_ms,
            expires_ms: self.now.wall_after(expires_in),
            fallbacks: Vec::new(),
            origin: None,
        };
        let commit = Commit { deliveries: vec![delivery], ..Commit::default() };
        let owed = self.store().commit(commit).await.unwrap();
        self.queue.handle(self.now, Event::Owed(owed));
    }

    /// Lets time pass until `until`, and does what there is to do on the way.
    async fn pass(&mut self, until: Duration) {
        loop {
            self.act().await;
            let finish = self.flying.first_key_value().map(|(&(at, _), _)| at);
            let next = [finish, self.queue.deadline(self.now), Some(until)].into_iter().flatten().min();
            let next = next.unwrap().max(self.now.mono);
            self.now = self.now.plus(next.saturating_sub(self.now.mono));
            self.finish().await;
            if self.now.mono >= until {
                return;
            }
        }
    }

    async fn act(&mut self) {
        let mut settled = Vec::new();
        while let Some(action) = self.queue.poll(self.now) {
            match action {
                Action::Start(start) => {
                    self.flying.insert((self.now.mono + TOOK, start.seq), start);
                }
                Action::Expired { seq, .. } => {
                    assert!(self.expired.insert(seq, self.now.mono).is_none(), "{seq} expired twice");
                    settled.push(Settled {
                        seq,
                        fate: Fate::Expired,
                        attempt: None,
                        at_ms: self.now.wall_ms,
                    });
                }
                Action::Page { target, after, limit } => {
                    let page = self.store().pending(Arc::clone(&target), after, limit).await.unwrap();
                    self.queue.handle(self.now, Event::Paged { target, page });
                }
            }
        }
        self.settle(settled).await;
    }

    async fn finish(&mut self) {
        let mut settled = Vec::new();
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now.mono) {
            let ((at, seq), start) = entry.remove_entry();
            let began = at.saturating_sub(TOOK);
            let heard = self.hear(began);
            let attempt = Try { failures: start.attempts + 1, plain: false, roll: self.roll() };
            let outcome = judge(&heard, attempt, &RetrySettings::default());
            let delivered = matches!(outcome, Outcome::Delivered { .. });
            self.made.push(Made { at: began, seq, delivered });
            let fate = match outcome {
                Outcome::Later { after, .. } => Fate::Pending { next_ms: self.now.wall_after(after) },
                _ => Fate::Delivered,
            };
            let attempt = Attempt { end: End::of(&outcome), took: TOOK, ..Attempt::default() };
            settled.push(Settled { seq, fate, attempt: Some(attempt), at_ms: self.now.wall_ms });
            self.queue.handle(self.now, Event::Finished { seq, outcome });
        }
        self.settle(settled).await;
    }

    async fn settle(&mut self, settled: Vec<Settled>) {
        if !settled.is_empty() {
            let seqs = settled.iter().map(|settled| settled.seq).collect();
            self.store().settle(settled).await.unwrap();
            self.queue.handle(self.now, Event::Settled(seqs));
        }
    }

    /// What comes back for an attempt that began then.
    fn hear(&mut self, began: Duration) -> Heard {
        if !AWAY.contains(&began) {
            return Heard::Answer { status: Some(200), reading: Reading::Delivered };
        }
        match self.made.len() % 3 {
            0 => Heard::Unsent,
            1 => Heard::Unanswered,
            _ => Heard::Answer { status: Some(503), reading: Reading::Again },
        }
    }

    fn roll(&mut self) -> f64 {
        self.rolls = self.rolls.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.rolls >> 40) as f64 / f64::from(1 << 24)
    }

    fn entries(&self) -> Vec<Entry> {
        let ledger = Ledger::open(self.dir.path()).unwrap();
        ledger.list(&Filter { limit: 100_000, ..Filter::default() }).unwrap()
    }
}

/// The least and the most attempts that fit into a time, if each waits as long, or as short, as it may.
fn attempts_within(backoff: Backoff, time: Duration) -> (usize, usize) {
    let count = |roll| {
        let mut left = time;
        let mut attempts = 1;
        while let Some(after) = left.checked_sub(backoff.wait(attempts, roll) + TOOK) {
            (left, attempts) = (after, attempts + 1);
        }
        attempts as usize
    };
    (count(1.0), count(0.0))
}

#[tokio::test]
async fn an_hour_away_costs_some_attempts_and_only_what_nobody_wants_any_more() {
    let mut half = Half::start().await;
    // Two deliveries a minute for ten people in turn, of which every third is wanted for a quarter of an hour.
    for minute in 0..90_u64 {
        for second in [0, 30] {
            half.pass(minutes(minute) + Duration::from_secs(second)).await;
            let expires_in = if (minute + second / 30) % 3 == 0 { minutes(15) } else { minutes(180) };
            half.owe("busy", minute % 10, expires_in).await;
            if (minute, second) == (5, 0) {
                half.owe("lonely", 77, minutes(180)).await;
            }
            if (minute, second) == (40, 30) {
                half.kill();
                half.open().await;
            }
        }
    }
    half.pass(minutes(91)).await;

    let entries = half.entries();
    assert_eq!(entries.len(), 181);
    let of = |name: &'static str| entries.iter().filter(move |entry| &*entry.delivery.target == name);
    let delivered: Vec<i64> = half.made.iter().filter(|made| made.delivered).map(|made| made.seq).collect();

    // It is noticed soon that it is back.
    let lonely = of("lonely").next().unwrap().seq;
    let busy: Vec<&Made> = half.made.iter().filter(|made| made.seq != lonely).collect();
    let back = busy.iter().find(|made| made.at >= AWAY.end && made.delivered).unwrap().at;
    let settings = QueueSettings::default();
    assert!(back <= AWAY.end + settings.brake.most + TOOK, "{back:?}");

    // Nothing is lost, nothing comes twice, and what expired is what could not come in time.
    for entry in &entries {
        let came = delivered.iter().filter(|&&seq| seq == entry.seq).count();
        let expired = half.expired.get(&entry.seq);
        let expires = Duration::from_millis((entry.delivery.expires_ms - BEGAN_MS).unsigned_abs());
        assert_eq!(
            (came, expired.is_some()),
            if entry.fate == Fate::Expired { (0, true) } else { (1, false) }
        );
        let created = Duration::from_millis((entry.delivery.created_ms - BEGAN_MS).unsigned_abs());
        let in_vain = created >= AWAY.start && expires <= back;
        assert_eq!(entry.fate == Fate::Expired, in_vain, "{} of {created:?}", entry.seq);
        if let Some(&at) = expired {
            assert!(at >= expires && at <= expires + minutes(1), "{} expired at {at:?}", entry.seq);
        }
    }
    assert!(half.expired.len() > 20, "{}", half.expired.len());

    // In order for each person.
    let mut last: HashMap<Option<UserId>, i64> = HashMap::new();
    for seq in &delivered {
        let entry = entries.iter().find(|entry| entry.seq == *seq).unwrap();
        if let Some(before) = last.insert(entry.delivery.person, *seq) {
            assert!(before < *seq, "{seq} came after {before}");
        }
    }

    // One that is alone is tried as often as its backoff says; many together hardly more often.
    let within = |seq: Option<i64>| {
        let made = half.made.iter().filter(|made| AWAY.contains(&made.at));
        made.filter(|made| seq.map_or(made.seq != lonely, |seq| made.seq == seq)).count()
    };
    let (least, most) = attempts_within(RetrySettings::default().backoff, AWAY.end.abs_diff(AWAY.start));
    assert!((least..=most).contains(&within(Some(lonely))), "{} of {least} to {most}", within(Some(lonely)));
    let (least, most) = attempts_within(
        Backoff { first: settings.brake.first * 2, ..settings.brake },
        AWAY.end.abs_diff(AWAY.start),
    );
    assert!((least..=most).contains(&within(None)), "{} of {least} to {most}", within(None));

    // What waited comes as fast as the target may be sent to.
    for pair in busy.windows(2) {
        assert!(pair[1].at.abs_diff(pair[0].at) >= PACE.min_gap, "{:?} after {:?}", pair[1].at, pair[0].at);
    }
    let burst = busy.iter().filter(|made| made.at >= back && made.at < back + minutes(1)).count();
    let waited = of("busy").filter(|entry| entry.fate == Fate::Delivered).filter(|entry| {
        (BEGAN_MS + millis(AWAY.start)..BEGAN_MS + millis(back)).contains(&entry.delivery.created_ms)
    });
    assert!(burst >= waited.count(), "{burst} in the first minute");
}
