//! Has the store look up when somebody else works in its directory: an `outbox` command, or who moves it away.

use std::path::PathBuf;
use std::time::Duration;

use super::handle::StoreHandle;
use crate::clock::Clock;
use crate::file_watch::FileWatch;

/// What happens within this time is looked at once.
const GATHER: Duration = Duration::from_millis(50);

/// Watches the directory until the store has ended. The store itself keeps its files open: what others have
/// written, they close, and that is what is heard.
pub async fn watch(dir: PathBuf, store: StoreHandle, clock: Clock) -> Result<(), String> {
    let mut watch = FileWatch::new();
    loop {
        watch.over([&dir]);
        // It came before it was watched, perhaps.
        store.look_beside().map_err(|error| error.to_string())?;
        let look_at = clock.now().mono + watch.patience();
        tokio::select! {
            () = watch.stirred() => clock.sleep_until(clock.now().mono + GATHER).await,
            () = clock.sleep_until(look_at) => {}
        }
    }
}
