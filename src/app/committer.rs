//! Writes down what is known and owed, and only then hands on what is owed.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::metrics::StoreMetrics;
use crate::metrics::stages::{Stage, Stages};
use crate::outbox::delivery::{Commit, Owed};
use crate::outbox::store::handle::StoreHandle;
use crate::outbox::worker::handle::WorkerHandle;
use crate::traces::bridge::Traces;
use crate::traces::happening::Happening;

/// What the pipeline gathered for one transaction.
pub struct Gathered {
    pub commit: Commit,
    /// When the first frame came that something in it is owed for; a hold that ended has no frame.
    pub since: Option<Duration>,
}

/// Takes commits until the pipeline has gone. While one transaction is under way the pipeline gathers the
/// next: a burst becomes a handful of large ones.
pub async fn run(
    mut gathered: mpsc::Receiver<Gathered>,
    store: StoreHandle,
    worker: WorkerHandle,
    clock: Clock,
    metrics: StoreMetrics,
    stages: Stages,
    traces: Traces,
) -> Result<(), String> {
    while let Some(Gathered { commit, since }) = gathered.recv().await {
        let rows = commit.rows() as u64;
        let owed = store.commit(commit).await.map_err(|error| error.to_string())?;
        metrics.commits.inc();
        metrics.rows.inc_by(rows);
        if let Some(since) = since {
            metrics.frame_committed(clock.now().mono.saturating_sub(since));
        }
        for Owed { seq, delivery, .. } in &owed {
            traces.tell(|| Happening::Committed { id: delivery.id, number: *seq, at: clock.now() });
        }
        if !owed.is_empty() {
            stages.set(Stage::Worker, worker.is_full(), clock.now().wall_ms);
            worker.deliver(owed).await.map_err(|error| error.to_string())?;
            stages.set(Stage::Worker, false, clock.now().wall_ms);
        }
    }
    Ok(())
}
