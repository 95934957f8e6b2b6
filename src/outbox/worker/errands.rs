//! What the worker has the store do, and what it does once that is done. It never waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use tracing::{error, info, warn};

use super::{HandingOn, Worker};
use crate::clock::Clock;
use crate::outbox::delivery::FellBack;
use crate::outbox::queue::Event;
use crate::outbox::store::error::StoreError;
use crate::outbox::store::handle::Nudge;
use crate::outbox::store::rows::{Page, Waiting};
use crate::rarely::Rarely;
use crate::time::Moment;
use crate::traces::happening::{About, Happening};

/// Deliveries that one line of the log names.
const NUDGES_NAMED_MAX: usize = 10;
/// Between tries to read from a store that fails.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What was asked of the store, as it comes back.
pub(super) enum Errand {
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
    /// Has the store write what has come to an end. While it does, the next outcomes gather: thousands of them
    /// are a handful of transactions.
    pub(super) fn settle(&mut self) {
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

    pub(super) fn read_page(&mut self, target: Arc<str>, after: i64, limit: usize) {
        let (store, clock) = (self.store.clone(), self.clock);
        let look = async move {
            match read(clock, &target, || store.pending(target.clone(), after, limit)).await {
                Some(page) => Errand::Paged { target, page },
                None => Errand::Closed,
            }
        };
        self.errands.push(look.boxed());
    }

    pub(super) fn take_nudges(&mut self) {
        let store = self.store.clone();
        let take = async move { store.take_nudges().await.map_or(Errand::Closed, Errand::Nudged) };
        self.errands.push(take.boxed());
    }

    pub(super) fn come_back(&mut self, errand: Errand) {
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

    pub(super) fn recount(&mut self) {
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

/// Reads from the store, however often that takes; nothing if it has ended.
pub(super) async fn read<T, F: Future<Output = Result<T, StoreError>>>(
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
