//! The task that sends what is owed: it feeds the queue, makes the attempts that the queue asks for, and has
//! their outcomes written down. `handle` is the way to it, `errands` what it has the store do.

mod errands;
pub mod handle;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use self::errands::{Errand, read};
use self::handle::{MAIL_MAX, Mail, WorkerError, WorkerHandle, cas};
use super::attempt::{self, Attempted};
use super::delivery::{Attempt, End, Fate, Outcome, Settled};
use super::pending::Pending;
use super::queue::{Action, Event, Pace, Queue, QueueSettings};
use super::retry::RetrySettings;
use super::sender::Sender;
use super::store::handle::StoreHandle;
use super::store::rows::Waiting;
use super::ward::Ward;
use crate::clock::Clock;
use crate::lanyard::chance::Chance;
use crate::metrics::stages::{Stage, Stages};
use crate::metrics::{Metrics, OutboxMetrics};
use crate::rarely::Rarely;
use crate::targets::Target;
use crate::time::Moment;
use crate::traces::bridge::Traces;
use crate::traces::happening::{About, Happening};

pub type Targets = BTreeMap<Arc<str>, Arc<Target>>;

/// How the worker works.
#[derive(Clone)]
pub struct WorkerSettings {
    /// Everything but the requests: each is printed instead, and kept as rehearsed.
    pub dry_run: bool,
    /// How long attempts under way may take after a stop.
    pub grace: Duration,
    pub queue: QueueSettings,
    pub retry: RetrySettings,
    /// Where to count.
    pub metrics: OutboxMetrics,
    pub stages: Stages,
    /// Who is told what becomes of notifications.
    pub traces: Traces,
    /// Of the jitter.
    pub seed: u64,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        // Counted, and shown nowhere.
        let unseen = Metrics::new();
        Self {
            dry_run: false,
            grace: Duration::from_secs(10),
            queue: QueueSettings::default(),
            retry: RetrySettings::default(),
            metrics: unseen.outbox.clone(),
            stages: unseen.stages.clone(),
            traces: Traces::default(),
            seed: RandomState::new().hash_one(0),
        }
    }
}

/// No new attempts while more outcomes than this are not on disk: after a kill they would all be repeated.
/// A disk that takes 30 ms for a transaction still lets 8,000 a second through.
const UNSETTLED_MAX: usize = 256;

/// The task's state, ready to run.
pub struct Worker {
    settings: WorkerSettings,
    clock: Clock,
    store: StoreHandle,
    mail: mpsc::Receiver<Mail>,
    sender: Arc<Sender>,
    targets: Targets,
    queue: Queue,
    ward: Ward,
    chance: Chance,
    attempts: FuturesUnordered<BoxFuture<'static, Attempted>>,
    errands: FuturesUnordered<BoxFuture<'static, Errand>>,
    /// Outcomes that wait for the store; the next ones gather while it writes.
    unsettled: Vec<Settled>,
    /// How many the store writes just now.
    settling: usize,
    handing_on: HandingOn,
    pending: Pending,
    uncounted: Rarely,
}

/// Whether deliveries are about to take over from others. What takes over has a number before those of later
/// commits, and the queue hears of numbers in order.
#[derive(Default)]
struct HandingOn {
    /// Among what waits for the store.
    next: bool,
    /// Among what it writes just now.
    now: bool,
}

impl Worker {
    /// Fails if the CA file of a target cannot be read.
    pub fn new(
        settings: WorkerSettings,
        clock: Clock,
        store: StoreHandle,
        targets: Targets,
    ) -> Result<(Self, WorkerHandle), WorkerError> {
        let sender = Sender::new()?;
        let (post, mail) = mpsc::channel(MAIL_MAX);
        let ward = Ward::default();
        let pending = Pending::new(settings.metrics.clone());
        let (healths, counts) = (ward.watch(), pending.watch());
        let handle = WorkerHandle { mail: post, healths, pending: counts, sender: sender.clone() };
        let mut worker = Self {
            queue: Queue::new(settings.queue),
            chance: Chance::new(settings.seed),
            settings,
            clock,
            store,
            mail,
            sender: Arc::new(sender.trusting(cas(&targets))?),
            targets: Targets::new(),
            ward,
            attempts: FuturesUnordered::new(),
            errands: FuturesUnordered::new(),
            unsettled: Vec::new(),
            settling: 0,
            handing_on: HandingOn::default(),
            pending,
            uncounted: Rarely::default(),
        };
        worker.retarget(targets);
        Ok((worker, handle))
    }

    /// Sends what is owed until `stop`; then finishes the attempts under way and settles them. Returns how many
    /// had to be left: their deliveries stay owed, and may come twice.
    pub async fn run(mut self, stop: CancellationToken) -> usize {
        self.begin().await;
        let mut nudged = self.store.nudged();
        let mut handles_left = true;
        while !stop.is_cancelled() {
            self.act();
            self.settle();
            self.pending.tell();
            let now = self.clock.now();
            // With too much unsettled the queue is not asked, and its deadlines are none.
            let may_start = self.may_start();
            self.settings.stages.set(Stage::Settle, !may_start, now.wall_ms);
            let queue = self.queue.deadline(now).filter(|_| may_start);
            let deadline = [queue, self.pending.count_at()].into_iter().flatten().min();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(attempted) = self.attempts.next() => self.finish_all(attempted),
                Some(errand) = self.errands.next() => self.come_back(errand),
                mail = self.mail.recv(), if handles_left && !self.handing_on.now => match mail {
                    Some(mail) => self.open(mail),
                    None => handles_left = false,
                },
                Ok(()) = nudged.changed() => self.take_nudges(),
                () = self.clock.sleep_until_some(deadline) => self.count(),
            }
        }
        self.leave().await
    }

    /// What the last run left behind is in the store.
    async fn begin(&mut self) {
        let store = self.store.clone();
        if let Some(waiting) = read(self.clock, "the outbox", || store.waiting()).await {
            self.recall(waiting);
        }
    }

    fn recall(&mut self, waiting: Vec<Waiting>) {
        let now = self.clock.now();
        for Waiting { target, count, .. } in &waiting {
            info!(%target, deliveries = count, "deliveries of an earlier run go on");
            if !self.targets.contains_key(target) {
                warn!(%target, deliveries = count, "the rules file has no such target: its deliveries wait until they expire");
            }
            self.queue.handle(now, Event::Stored(target.clone()));
        }
        self.counted(waiting);
    }

    fn open(&mut self, mail: Mail) {
        match mail {
            Mail::Owed(owed) => {
                for owed in &owed {
                    self.settings.metrics.owed(&owed.delivery.target);
                    self.settings.metrics.perhaps_oldest(owed.delivery.created_ms);
                    self.pending.more(&owed.delivery.target);
                }
                self.pending.stir();
                self.queue.handle(self.clock.now(), Event::Owed(owed));
            }
            Mail::Targets(targets, sender) => {
                self.sender = Arc::new(sender);
                self.retarget(targets);
            }
        }
    }

    fn retarget(&mut self, targets: Targets) {
        let paces = targets.iter().map(|(name, target)| (name.clone(), pace(target))).collect();
        self.queue.handle(self.clock.now(), Event::Targets(paces));
        self.ward.retarget(|name| targets.contains_key(name));
        let before = std::mem::replace(&mut self.targets, targets);
        for target in before.into_keys().filter(|name| !self.targets.contains_key(name)) {
            self.pending.forget(&target);
        }
    }

    /// Does what the queue says.
    fn act(&mut self) {
        let now = self.clock.now();
        while self.may_start() {
            match self.queue.poll(now) {
                None => return,
                Some(Action::Start(start)) => {
                    let Some(target) = self.targets.get(&start.delivery.target).cloned() else {
                        // The queue starts nothing for targets that it was not told of.
                        error!(target = %start.delivery.target, "an attempt at a target that is not there");
                        continue;
                    };
                    let traces = self.settings.traces.clone();
                    self.attempts.push(if self.settings.dry_run {
                        std::future::ready(attempt::rehearse(target, start, now)).boxed()
                    } else {
                        attempt::make(Arc::clone(&self.sender), target, start, self.clock, traces).boxed()
                    });
                }
                Some(Action::Expired { seq, delivery }) => {
                    self.ward.note_expiry(now, &delivery);
                    self.settings.metrics.settled(&delivery.target, "expired");
                    let about = || About::of(&delivery, Some(seq));
                    self.settings.traces.tell(|| Happening::Expired { about: about(), at: now });
                    self.pending.fewer(&delivery.target);
                    self.handing_on.next |= !delivery.fallbacks.is_empty();
                    self.unsettled.push(Settled {
                        seq,
                        fate: Fate::Expired,
                        attempt: None,
                        at_ms: now.wall_ms,
                    });
                }
                Some(Action::Page { target, after, limit }) => {
                    self.read_page(target, after, limit);
                }
            }
        }
    }

    fn may_start(&self) -> bool {
        self.unsettled.len() + self.settling < UNSETTLED_MAX
    }

    /// This attempt, and all others that have ended meanwhile.
    fn finish_all(&mut self, attempted: Attempted) {
        let now = self.clock.now();
        self.finish(now, attempted);
        while let Some(Some(attempted)) = self.attempts.next().now_or_never() {
            self.finish(now, attempted);
        }
    }

    fn finish(&mut self, now: Moment, attempted: Attempted) {
        let Attempted { start, .. } = &attempted;
        let (seq, delivery) = (start.seq, start.delivery.clone());
        let outcome = attempted.judge(self.chance.roll(), &self.settings.retry);
        self.ward.note(now, &delivery, &outcome, || attempted.why());
        debug!(
            target = %delivery.target, rule = %delivery.rule, id = %delivery.id,
            attempt = attempted.start.attempts + 1, took = ?attempted.took, ?outcome, "attempt"
        );
        let metrics = &self.settings.metrics;
        let word = if self.settings.dry_run { "dry_run" } else { attempted.word(&outcome) };
        metrics.attempted(&delivery.target, word, attempted.took);
        self.queue.handle(now, Event::Finished { seq, outcome: outcome.clone() });
        let (fate, end) = match outcome {
            Outcome::Delivered { .. } if self.settings.dry_run => (Fate::Rehearsed, Some("dry_run")),
            Outcome::Delivered { .. } => (Fate::Delivered, Some("delivered")),
            Outcome::Refused | Outcome::Unfit => (Fate::Dead, Some("refused")),
            Outcome::Later { after, .. } => {
                // The target as a whole may have to wait longer than this delivery.
                let silent = self.queue.silent_until(&delivery.target).unwrap_or_default();
                let after = after.max(silent.saturating_sub(now.mono));
                (Fate::Pending { next_ms: now.wall_after(after) }, None)
            }
            Outcome::AgainPlain | Outcome::Disabled => (Fate::Pending { next_ms: 0 }, None),
        };
        self.settings.traces.tell(|| attempted.happening(word, End::of(&outcome), fate));
        let attempt = Attempt {
            status: attempted.status(),
            end: End::of(&outcome),
            answer: attempted.kept,
            took: attempted.took,
        };
        let metrics = &self.settings.metrics;
        if let Some(end) = end {
            metrics.settled(&delivery.target, end);
            self.pending.fewer(&delivery.target);
        }
        self.handing_on.next |= fate == Fate::Dead && !delivery.fallbacks.is_empty();
        self.unsettled.push(Settled { seq, fate, attempt: Some(attempt), at_ms: now.wall_ms });
    }

    /// Finishes what is under way, and writes down what has come to an end; what is cut off stays owed.
    async fn leave(mut self) -> usize {
        let until = self.clock.now().mono + self.settings.grace;
        if !self.attempts.is_empty() {
            info!(attempts = self.attempts.len(), "waiting for attempts under way");
        }
        loop {
            self.settle();
            if self.attempts.is_empty() && self.settling == 0 {
                return 0;
            }
            tokio::select! {
                Some(attempted) = self.attempts.next() => self.finish_all(attempted),
                Some(errand) = self.errands.next() => match errand {
                    Errand::Settled(..) => self.settling = 0,
                    Errand::Closed => break,
                    _ => {}
                },
                () = self.clock.sleep_until(until) => break,
            }
        }
        warn!(
            attempts = self.attempts.len(),
            unsettled = self.unsettled.len(),
            "left while attempts were under way: they are repeated at the next start"
        );
        self.attempts.len() + self.unsettled.len() + self.settling
    }

    fn count(&mut self) {
        if self.pending.count_at().is_some_and(|at| at <= self.clock.now().mono) {
            self.recount();
        }
    }

    fn counted(&mut self, waiting: Vec<Waiting>) {
        let (targets, now) = (&self.targets, self.clock.now().mono);
        self.pending.set(now, waiting, |target| targets.contains_key(target));
    }
}

fn pace(target: &Target) -> Pace {
    let settings = target.delivery_settings();
    Pace { concurrency: settings.concurrency, min_gap: settings.min_gap }
}
