//! The task that sends what is owed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::delivery::Owed;
use super::store::handle::StoreHandle;
use crate::clock::Clock;
use crate::targets::Target;

pub type Targets = BTreeMap<Arc<str>, Arc<Target>>;

/// How the worker works.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Everything but the requests.
    pub dry_run: bool,
    /// How long attempts under way may take after a stop.
    pub grace: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { dry_run: false, grace: Duration::from_secs(10) }
    }
}

/// The task's state, ready to run.
pub struct Worker {}

/// A way to the worker.
#[derive(Clone)]
pub struct WorkerHandle {}

#[derive(Debug, thiserror::Error)]
#[error("the outbox worker has ended")]
pub struct WorkerGone;

/// How a target does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ok,
    Failing { since_ms: i64, failures: u32, why: String },
    Paused { until_ms: i64 },
    Disabled { since_ms: i64, why: String },
}

impl Worker {
    pub fn new(
        _settings: WorkerSettings,
        _clock: Clock,
        _store: StoreHandle,
        _targets: Targets,
    ) -> Result<(Self, WorkerHandle), WorkerGone> {
        todo!()
    }

    /// Sends what is owed until `stop`; then finishes the attempts under way and settles them.
    pub async fn run(self, _stop: CancellationToken) {
        todo!()
    }
}

impl WorkerHandle {
    /// Hands over what a commit returned, in the order of the commits.
    pub async fn deliver(&self, _owed: Vec<Owed>) -> Result<(), WorkerGone> {
        todo!()
    }

    /// Puts other targets in place of the present ones; disabled ones get another chance.
    pub async fn retarget(&self, _targets: Targets) -> Result<(), WorkerGone> {
        todo!()
    }

    /// How each target does, by name; those that have not been used are missing.
    pub fn health(&self) -> watch::Receiver<BTreeMap<Arc<str>, Health>> {
        todo!()
    }
}
