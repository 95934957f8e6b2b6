//! How much is owed to each target: for the metrics, and for those who follow what moves in the outbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::store::rows::Waiting;
use crate::metrics::OutboxMetrics;

/// How often what waits is counted, while anything does.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// Deliveries that are owed, by their target's name.
pub type Counts = BTreeMap<Arc<str>, u64>;

pub struct Pending {
    counts: watch::Sender<Counts>,
    metrics: OutboxMetrics,
    counted: Option<Duration>,
    /// Something in the outbox has moved since that was told.
    stirred: bool,
}

impl Pending {
    pub fn new(metrics: OutboxMetrics) -> Self {
        Self { counts: watch::Sender::default(), metrics, counted: None, stirred: false }
    }

    /// The counts, which change whenever something in the outbox has moved: something is owed, settled or put off.
    pub fn watch(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// A delivery is owed.
    pub fn more(&mut self, target: &Arc<str>) {
        self.note(target, 1);
    }

    /// A delivery is owed no more.
    pub fn fewer(&mut self, target: &Arc<str>) {
        self.note(target, -1);
    }

    /// Something has moved, and is on disk: whoever looks finds it.
    pub fn stir(&mut self) {
        self.stirred = true;
    }

    /// Tells those who follow, if something has moved.
    pub fn tell(&mut self) {
        if std::mem::take(&mut self.stirred) {
            self.counts.send_modify(|_| ());
        }
    }

    /// When to count again; never while nothing waits.
    pub fn count_at(&self) -> Option<Duration> {
        let waits = self.counts.borrow().values().any(|&count| count > 0);
        if waits { Some(self.counted.map_or(Duration::ZERO, |last| last + COUNT_EVERY)) } else { None }
    }

    /// It is being counted.
    pub fn counting(&mut self, now: Duration) {
        self.counted = Some(now);
    }

    /// It has been counted: what is not in `waiting` waits no more. Of targets that are not `known`, only what is
    /// owed is told.
    pub fn set(&mut self, now: Duration, waiting: Vec<Waiting>, known: impl Fn(&str) -> bool) {
        self.counted = Some(now);
        self.metrics.oldest_pending(waiting.iter().map(|waiting| waiting.oldest_ms).min());
        let (before, metrics) = (self.counts.borrow().clone(), &self.metrics);
        self.quietly(|counts| {
            for count in counts.values_mut() {
                *count = 0;
            }
            counts.extend(waiting.into_iter().map(|Waiting { target, count, .. }| (target, count)));
            counts.retain(|target, &mut count| {
                let wanted = count > 0 || known(target);
                if wanted {
                    metrics.pending(target, count);
                } else {
                    metrics.forget(target);
                }
                wanted
            });
        });
        self.stirred |= before != *self.counts.borrow();
    }

    /// A target is gone. What is still owed to it is told until it has expired.
    pub fn forget(&mut self, target: &Arc<str>) {
        let owes = self.counts.borrow().get(target).is_some_and(|&count| count > 0);
        if !owes {
            self.quietly(|counts| {
                counts.remove(target);
            });
            self.metrics.forget(target);
        }
    }

    fn note(&mut self, target: &Arc<str>, change: i64) {
        let metrics = &self.metrics;
        self.quietly(|counts| {
            let count = counts.entry(Arc::clone(target)).or_default();
            *count = count.saturating_add_signed(change);
            metrics.pending(target, *count);
        });
    }

    /// Those who follow are told once a turn, not of each count.
    fn quietly(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_if_modified(|counts| {
            change(counts);
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn those_who_follow_are_told_once_of_all_that_has_moved() {
        let mut pending = Pending::new(Metrics::new().outbox.clone());
        let mut follower = pending.watch();
        let (team, phone): (Arc<str>, Arc<str>) = ("team".into(), "phone".into());
        pending.more(&team);
        pending.more(&phone);
        assert!(!follower.has_changed().unwrap(), "it is not on disk yet");
        pending.stir();
        pending.tell();
        assert_eq!(*follower.borrow_and_update(), Counts::from([(team.clone(), 1), (phone.clone(), 1)]));
        pending.tell();
        assert!(!follower.has_changed().unwrap());
        pending.fewer(&team);
        pending.set(Duration::ZERO, Vec::new(), |target| target == "team");
        assert_eq!(*follower.borrow(), Counts::from([(team, 0)]));
        assert_eq!(pending.count_at(), None);
    }
}
