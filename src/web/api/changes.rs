//! That something is not as it was, for those who follow: told at once, and again after a while at the earliest,
//! however often it changes. Nobody looks meanwhile, and whoever waits is not woken.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, select_all};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::web::server::Web;

/// Between two times that it is told.
pub const GAP: Duration = Duration::from_secs(1);

pub struct Changes {
    of: Vec<Box<dyn Watched>>,
    clock: Clock,
    /// It has changed, and that has not been told.
    due: bool,
    /// Not before this.
    rests_until: Duration,
}

impl Changes {
    /// What is owed, and to whom.
    pub fn of_deliveries(web: &Web) -> Self {
        Self::of(vec![Box::new(web.about.pending.clone())])
    }

    /// The bot's parts, its rules, and how its targets do.
    pub fn of_status(web: &Web) -> Self {
        let rules = web.desk.follow_rules();
        Self::of(vec![Box::new(web.status.follow()), Box::new(web.about.healths.clone()), Box::new(rules)])
    }

    /// How it is at first counts as a change.
    fn of(of: Vec<Box<dyn Watched>>) -> Self {
        let clock = Clock::start();
        Self { of, clock, due: true, rests_until: Duration::ZERO }
    }

    /// Waits until there is something to tell. Dropping the future loses nothing.
    pub async fn next(&mut self) {
        if !self.due {
            let changes = self.of.iter_mut().map(|of| of.changed());
            select_all(changes).await;
            self.due = true;
        }
        self.clock.sleep_until(self.rests_until).await;
        self.due = false;
        self.rests_until = self.clock.now().mono + GAP;
        self.of.iter_mut().for_each(|of| of.seen());
    }
}

/// A value that somebody else sets.
trait Watched: Send {
    fn changed(&mut self) -> BoxFuture<'_, ()>;
    fn seen(&mut self);
}

impl<T: Send + Sync> Watched for watch::Receiver<T> {
    fn changed(&mut self) -> BoxFuture<'_, ()> {
        let changed = async move {
            // What nobody can set any more does not change.
            if watch::Receiver::changed(self).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        changed.boxed()
    }

    fn seen(&mut self) {
        self.mark_unchanged();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn however_often_it_changes_it_is_told_once_in_a_while_and_never_missed() {
        let (first, second) = (watch::Sender::new(0), watch::Sender::new(0));
        let mut changes = Changes::of(vec![Box::new(first.subscribe()), Box::new(second.subscribe())]);
        let clock = Clock::start();
        changes.next().await;
        assert!(clock.now().mono < GAP, "how it is at first is told at once");
        assert!(changes.next().now_or_never().is_none());
        for value in 1..100 {
            first.send_replace(value);
            second.send_replace(value);
            // Others are told meanwhile, and the wait is begun anew.
            assert!(changes.next().now_or_never().is_none());
        }
        changes.next().await;
        assert!(clock.now().mono >= GAP);
        assert!(changes.next().now_or_never().is_none(), "all of it was one");
        tokio::time::sleep(GAP * 2).await;
        second.send_replace(0);
        let before = clock.now().mono;
        changes.next().await;
        assert!(clock.now().mono < before + GAP, "after a quiet time it is told at once");
        drop((first, second));
        assert!(tokio::time::timeout(GAP * 9, changes.next()).await.is_err());
    }
}
