//! The task that sends what is owed: it feeds the queue, makes the attempts that the queue asks for, and has
//! their outcomes written down.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::attempt::{self, Attempted};
use super::delivery::{Attempt, End, Fate, FellBack, Outcome, Owed, Settled};
use super::health::Healths;
use super::pending::{Counts, Pending};
use super::queue::{Action, Event, Pace, Queue, QueueSettings};
use super::retry::RetrySettings;
use super::sender::{Sender, SenderError};
use super::store::error::StoreError;
use super::store::handle::{Nudge, StoreHandle};
use super::store::rows::{Page, Waiting};
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

/// Hand-overs that may wait for the worker; the pipeline waits with the next.
const MAIL_MAX: usize = 64;
/// No new attempts while more outcomes than this are not on disk: after a kill they would all be repeated.
/// A disk that takes 30 ms for a transaction still lets 8,000 a second through.
const UNSETTLED_MAX: usize = 256;
/// Deliveries that one line of the log names.
const NUDGES_NAMED_MAX: usize = 10;
/// Between tries to read from a store that fails.
const READ_AGAIN: Duration = Duration::from_secs(1);

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

/// A way to the worker.
#[derive(Clone)]
pub struct WorkerHandle {
    mail: mpsc::Sender<Mail>,
    healths: watch::Receiver<Healths>,
    pending: watch::Receiver<Counts>,
    sender: Sender,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the outbox worker has ended")]
    Gone,
    #[error(transparent)]
    Sender(#[from] SenderError),
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

enum Mail {
    Owed(Vec<Owed>),
    Targets(Targets, Sender),
}

/// What was asked of the store, as it comes back.
enum Errand {
    /// These numbers, and what took over from some of them.
    Settled(Vec<i64>, Vec<FellBack>),
    Paged {
        target: Arc<str>,
        page: Page,
    },
    Nudged(Vec<Nudge>),
    Counted(Vec<Waiting>),
    Uncounted(StoreError),
    /// The store has ended: nothing more comes of it.
    Closed,
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
                    self.errands
                        .push(read_page(self.store.clone(), self.clock, target, after, limit).boxed());
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
            Outcome::Refused => (Fate::Dead, Some("refused")),
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

    /// Has the store write what has come to an end. While it does, the next outcomes gather: thousands of them
    /// are a handful of transactions.
    fn settle(&mut self) {
        if self.settling > 0 || self.unsettled.is_empty() {
            return;
        }
        self.settling = self.unsettled.len();
        self.handing_on = HandingOn { next: false, now: self.handing_on.next };
        let settled = std::mem::take(&mut self.unsettled);
        let store = self.store.clone();
        let write = async move {
            let seqs = settled.iter().map(|settled| settled.seq).collect();
            match store.settle(settled).await {
                Ok(fell_back) => Errand::Settled(seqs, fell_back),
                Err(_) => Errand::Closed,
            }
        };
        self.errands.push(write.boxed());
    }

    fn take_nudges(&mut self) {
        let store = self.store.clone();
        let take = async move { store.take_nudges().await.map_or(Errand::Closed, Errand::Nudged) };
        self.errands.push(take.boxed());
    }

    fn come_back(&mut self, errand: Errand) {
        let now = self.clock.now();
        match errand {
            Errand::Settled(seqs, fell_back) => {
                self.settling = 0;
                self.pending.stir();
                self.queue.handle(now, Event::Settled(seqs));
                self.take_over(now, &fell_back);
                self.handing_on.now = false;
                // What had to wait comes before the next outcomes are written, or it might wait forever.
                while let Ok(mail) = self.mail.try_recv() {
                    self.open(mail);
                }
                if self.queue.is_idle() {
                    self.counted(Vec::new());
                }
            }
            Errand::Paged { target, page } => self.queue.handle(now, Event::Paged { target, page }),
            Errand::Nudged(nudges) => {
                let nudged = !nudges.is_empty();
                tell_nudges(&nudges);
                for nudge in nudges {
                    self.trace_nudge(now, &nudge);
                    match nudge {
                        Nudge::Retry(owed) => {
                            self.ward.reprieve(&owed.delivery.target);
                            self.queue.handle(now, Event::Retried(owed));
                        }
                        Nudge::Gone(seq) => self.queue.handle(now, Event::Gone(seq)),
                    }
                }
                if nudged {
                    self.pending.stir();
                    self.recount();
                }
            }
            // A count that was read before the last outcome was written is out of date.
            Errand::Counted(_) if self.queue.is_idle() => self.counted(Vec::new()),
            Errand::Counted(waiting) => self.counted(waiting),
            Errand::Uncounted(error) => {
                if let Some(more) = self.uncounted.tell(now.mono) {
                    warn!(%error, more, "the outbox cannot be counted");
                }
            }
            Errand::Closed => {}
        }
    }

    fn trace_nudge(&self, now: Moment, nudge: &Nudge) {
        self.settings.traces.tell(|| match nudge {
            Nudge::Retry(owed) => {
                Happening::Retried { about: About::of(&owed.delivery, Some(owed.seq)), at: now }
            }
            Nudge::Gone(seq) => Happening::Dropped { number: *seq, at: now },
        });
    }

    /// Others are owed now in place of some that were not taken. They are read from the store, where they stand
    /// in order with what the committer has not told of yet.
    fn take_over(&mut self, now: Moment, fell_back: &[FellBack]) {
        let mut counts: BTreeMap<(&Arc<str>, &Arc<str>), u64> = BTreeMap::new();
        for FellBack { from, to, created_ms } in fell_back {
            *counts.entry((&from.target, &to.target)).or_default() += 1;
            self.settings.metrics.fell_back(&from.target);
            self.settings.metrics.owed(&to.target);
            self.settings.metrics.perhaps_oldest(*created_ms);
            self.pending.more(&to.target);
        }
        for ((target, fallback), deliveries) in counts {
            info!(%target, %fallback, deliveries, "what was refused or has expired goes to the fallback");
            self.queue.handle(now, Event::Stored(Arc::clone(fallback)));
        }
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

    fn recount(&mut self) {
        self.pending.counting(self.clock.now().mono);
        let store = self.store.clone();
        let count = async move {
            match store.waiting().await {
                Ok(waiting) => Errand::Counted(waiting),
                Err(StoreError::Closed) => Errand::Closed,
                Err(error) => Errand::Uncounted(error),
            }
        };
        self.errands.push(count.boxed());
    }

    fn counted(&mut self, waiting: Vec<Waiting>) {
        let (targets, now) = (&self.targets, self.clock.now().mono);
        self.pending.set(now, waiting, |target| targets.contains_key(target));
    }
}

impl WorkerHandle {
    /// Whether the next hand-over has to wait.
    pub fn is_full(&self) -> bool {
        self.mail.capacity() == 0
    }

    /// Hands over what commits returned, in the order of the commits. Waits while the worker has its hands full.
    pub async fn deliver(&self, owed: Vec<Owed>) -> Result<(), WorkerError> {
        self.mail.send(Mail::Owed(owed)).await.map_err(|_| WorkerError::Gone)
    }

    /// Puts other targets in place of the present ones; disabled ones get another chance. If a CA file cannot
    /// be read nothing changes.
    pub async fn retarget(&self, targets: Targets) -> Result<(), WorkerError> {
        let sender = self.sender.trusting(cas(&targets))?;
        self.mail.send(Mail::Targets(targets, sender)).await.map_err(|_| WorkerError::Gone)
    }

    /// One that sends as the worker does, but to private CAs.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// How each target does, by name; those that have not been used are missing.
    pub fn health(&self) -> watch::Receiver<Healths> {
        self.healths.clone()
    }

    /// How much is owed to each target, by name; changes whenever something in the outbox has moved.
    pub fn pending(&self) -> watch::Receiver<Counts> {
        self.pending.clone()
    }
}

/// What somebody has done by hand, on the page or with `doorchime outbox`.
fn tell_nudges(nudges: &[Nudge]) {
    let spell = |seqs: Vec<i64>| {
        let mut named: Vec<String> = seqs.iter().take(NUDGES_NAMED_MAX).map(i64::to_string).collect();
        if seqs.len() > NUDGES_NAMED_MAX {
            named.push(format!("and {} more", seqs.len() - NUDGES_NAMED_MAX));
        }
        named.join(", ")
    };
    let again = nudges.iter().filter_map(|nudge| match nudge {
        Nudge::Retry(owed) => Some(owed.seq),
        Nudge::Gone(_) => None,
    });
    let gone = nudges.iter().filter_map(|nudge| match nudge {
        Nudge::Retry(_) => None,
        Nudge::Gone(seq) => Some(*seq),
    });
    let (again, gone): (Vec<i64>, Vec<i64>) = (again.collect(), gone.collect());
    if !again.is_empty() {
        info!(deliveries = spell(again), "sent again by hand");
    }
    if !gone.is_empty() {
        info!(deliveries = spell(gone), "dropped by hand");
    }
}

async fn read_page(store: StoreHandle, clock: Clock, target: Arc<str>, after: i64, limit: usize) -> Errand {
    match read(clock, &target, || store.pending(target.clone(), after, limit)).await {
        Some(page) => Errand::Paged { target, page },
        None => Errand::Closed,
    }
}

/// Reads from the store, however often that takes; nothing if it has ended.
async fn read<T, F: Future<Output = Result<T, StoreError>>>(
    clock: Clock,
    what: &str,
    read: impl Fn() -> F,
) -> Option<T> {
    let mut trouble = Rarely::default();
    let mut failed = false;
    loop {
        match read().await {
            Ok(found) => {
                if failed {
                    info!(what, "deliveries can be read again");
                }
                return Some(found);
            }
            Err(StoreError::Closed) => return None,
            Err(error) => {
                failed = true;
                let now = clock.now().mono;
                if let Some(more) = trouble.tell(now) {
                    error!(what, %error, more, "deliveries cannot be read");
                }
                clock.sleep_until(now + READ_AGAIN).await;
            }
        }
    }
}

fn cas(targets: &Targets) -> impl Iterator<Item = &std::path::Path> {
    targets.values().filter_map(|target| target.delivery_settings().ca.as_deref())
}

fn pace(target: &Target) -> Pace {
    let settings = target.delivery_settings();
    Pace { concurrency: settings.concurrency, min_gap: settings.min_gap }
}
