//! How the rest of the program tells what happens to its notifications. Telling never waits: what finds no room is
//! lost, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::export::Export;
use super::happening::Happening;
use super::settings::{BadSetting, Settings};
use crate::clock::Clock;
use crate::outbox::sender::{Sender, SenderError};

/// So much may wait until it is looked at.
const INBOX_MAX: usize = 8_192;

/// A way to whoever makes traces of it; in most runs there is nobody.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Way>);

#[derive(Clone, Debug)]
struct Way {
    inbox: mpsc::Sender<Happening>,
    lost: Arc<AtomicU64>,
}

/// What reads the other end.
pub struct Heard {
    pub inbox: mpsc::Receiver<Happening>,
    /// How much found no room since it was asked last.
    pub lost: Arc<AtomicU64>,
}

/// The task that exports, ready to run until it is told to leave.
pub type Task = BoxFuture<'static, Result<(), String>>;

#[derive(Debug, thiserror::Error)]
pub enum NoTraces {
    #[error(transparent)]
    Setting(#[from] BadSetting),
    #[error(transparent)]
    Sender(#[from] SenderError),
}

/// Opens the way that the environment speaks of, if it does.
pub fn open(clock: Clock, leave: CancellationToken) -> Result<(Traces, Option<Task>), NoTraces> {
    let Some(settings) = Settings::from_env()? else { return Ok((Traces::default(), None)) };
    info!(from = settings.from, "traces are exported");
    if settings.other_protocol {
        warn!(
            "OTEL_EXPORTER_OTLP_PROTOCOL asks for gRPC: traces go by HTTP as JSON, most often to port 4318"
        );
    }
    let (sender, (traces, heard)) = (Sender::new()?, Traces::wired());
    Ok((traces, Some(Export::new(settings, heard, sender, clock).run(leave).boxed())))
}

impl Traces {
    pub fn wired() -> (Self, Heard) {
        let (way, inbox) = mpsc::channel(INBOX_MAX);
        let lost = Arc::<AtomicU64>::default();
        (Self(Some(Way { inbox: way, lost: Arc::clone(&lost) })), Heard { inbox, lost })
    }

    /// Tells what has happened, if anybody listens.
    pub fn tell(&self, happening: impl FnOnce() -> Happening) {
        let Some(way) = &self.0 else { return };
        if way.inbox.try_send(happening()).is_err() {
            way.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Moment;

    #[test]
    fn telling_never_waits() {
        let (traces, mut heard) = Traces::wired();
        for number in 0..INBOX_MAX as i64 + 3 {
            traces.tell(|| Happening::Dropped { number, at: Moment::default() });
        }
        assert_eq!(heard.lost.load(Ordering::Relaxed), 3);
        assert!(matches!(heard.inbox.try_recv(), Ok(Happening::Dropped { number: 0, .. })));
        Traces::default().tell(|| unreachable!("nobody is told, so nothing is made up"));
    }
}
