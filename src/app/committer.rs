//! Writes down what is known and owed, and only then hands on what is owed.

use tokio::sync::mpsc;

use crate::outbox::delivery::Commit;
use crate::outbox::store::handle::StoreHandle;
use crate::outbox::worker::WorkerHandle;

/// Takes commits until the pipeline has gone. While one transaction is under way the pipeline gathers the
/// next: a burst becomes a handful of large ones.
pub async fn run(
    mut commits: mpsc::Receiver<Commit>,
    store: StoreHandle,
    worker: WorkerHandle,
) -> Result<(), String> {
    while let Some(commit) = commits.recv().await {
        let owed = store.commit(commit).await.map_err(|error| error.to_string())?;
        if !owed.is_empty() {
            worker.deliver(owed).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
