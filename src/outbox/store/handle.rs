//! How the rest of the program talks to the store's thread.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::outbox::delivery::{Commit, Memory, Owed, Settled};

/// Opens the outbox in the data directory `dir`, which is made if its parent is there, and starts the
/// store's thread. The directory belongs to this process until the thread has ended.
pub fn open(
    _dir: &Path,
    _durability: Durability,
    _clock: Clock,
) -> Result<(StoreHandle, StoreThread), StoreError> {
    todo!()
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut.
    #[default]
    Full,
    /// A kill; a power cut may take the last seconds with it. For SD cards.
    Normal,
}

/// A way to the store's thread; the thread ends when the last one is gone.
#[derive(Clone)]
pub struct StoreHandle {}

/// The store's thread, to be waited for at the end.
pub struct StoreThread {}

/// Whether the store can write, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    Writable,
    /// Nothing is lost: what was asked is kept and tried again.
    Blocked {
        why: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store has ended")]
    Closed,
}

impl StoreHandle {
    /// What the last run left behind.
    pub async fn load(&self) -> Result<Memory, StoreError> {
        todo!()
    }

    /// Writes all of it or nothing, and returns when it is durable, with the deliveries as they are now owed,
    /// in their order. While the disk is full or read-only this waits: that is the brake.
    pub async fn commit(&self, _commit: Commit) -> Result<Vec<Owed>, StoreError> {
        todo!()
    }

    /// Writes down what became of attempts.
    pub async fn settle(&self, _settled: Vec<Settled>) -> Result<(), StoreError> {
        todo!()
    }

    /// The first `limit` deliveries that a target is owed after `after`, in their order.
    pub async fn pending(
        &self,
        _target: Arc<str>,
        _after: i64,
        _limit: usize,
    ) -> Result<Vec<Owed>, StoreError> {
        todo!()
    }

    pub fn state(&self) -> watch::Receiver<StoreState> {
        todo!()
    }
}

impl StoreThread {
    /// Waits until everything is written and the files are closed. Drop every handle first.
    pub fn join(self) {
        todo!()
    }
}
