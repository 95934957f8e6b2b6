//! Asks Lanyard's REST side about people whom a snapshot did not show: only it says "not monitored".

use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::lanyard::rest::{Lookup, Rest};
use crate::presence::model::UserId;

/// Between two questions: a file with thousands of unknown people is no reason to knock harder.
const GAP: Duration = Duration::from_millis(250);

/// Answers until the pipeline has gone.
pub async fn run(
    clock: Clock,
    rest: Rest,
    mut absent: mpsc::Receiver<UserId>,
    unmonitored: mpsc::Sender<UserId>,
) -> Result<(), String> {
    while let Some(id) = absent.recv().await {
        match rest.user(id).await {
            Lookup::NotMonitored => {
                if unmonitored.send(id).await.is_err() {
                    return Ok(());
                }
            }
            Lookup::Monitored(_) => {}
            Lookup::Failed(why) => tracing::debug!(%id, why, "cannot ask whether the person is monitored"),
        }
        clock.sleep_until(clock.now().mono + GAP).await;
    }
    Ok(())
}
