//! SIGTERM and SIGINT: the first asks the bot to leave, the second does not ask.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Both signals that end a process.
pub struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over. Call it before anything is started that a signal could interrupt.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Cancels `leave` at the first signal; returns at the second.
    pub async fn twice(mut self, leave: CancellationToken) {
        let first = self.next().await;
        tracing::info!(signal = first, "leaving; a second signal leaves at once");
        leave.cancel();
        let second = self.next().await;
        tracing::warn!(signal = second, "leaving at once; what is owed stays on disk");
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
