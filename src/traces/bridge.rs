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
use super::ids::{self, Sampler};
use super::settings::{BadSetting, Settings};
use crate::clock::Clock;
use crate::outbox::delivery::{DeliveryId, Request};
use crate::outbox::sender::{Sender, SenderError};
use crate::time::Moment;

const TRACEPARENT: &str = "traceparent";
/// So much may wait until it is looked at.
const INBOX_MAX: usize = 8_192;

/// A way to whoever makes traces of it; in most runs there is nobody.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Way>);

#[derive(Clone, Debug)]
struct Way {
    inbox: mpsc::Sender<Happening>,
    lost: Arc<AtomicU64>,
    /// Whether targets are told which trace they are part of, and which are taken.
    passed_on: Option<Sampler>,
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
    let (sender, passed_on) = (Sender::new()?, settings.passed_on.then_some(settings.sampler));
    let (traces, heard) = Traces::wired(passed_on);
    Ok((traces, Some(Export::new(settings, heard, sender, clock).run(leave).boxed())))
}

impl Traces {
    pub fn wired(passed_on: Option<Sampler>) -> (Self, Heard) {
        let (way, inbox) = mpsc::channel(INBOX_MAX);
        let lost = Arc::<AtomicU64>::default();
        (Self(Some(Way { inbox: way, lost: Arc::clone(&lost), passed_on })), Heard { inbox, lost })
    }

    /// What an attempt that begins now tells its target of the trace that it is in, if anything. Headers that the
    /// author has written stay as they are.
    pub fn pass_on(&self, request: &mut Request, id: DeliveryId, before: u32, began: Moment) {
        let Some(sampler) = self.0.as_ref().and_then(|way| way.passed_on) else { return };
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT)) {
            let parent = ids::traceparent(id, ids::attempt(id, before, began), sampler.takes(id));
            request.headers.push((TRACEPARENT.to_owned(), parent.into()));
        }
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
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn targets_are_told_of_their_trace_if_that_is_wanted_and_the_author_says_nothing_of_it() {
        let told = |passed_on, own: Option<&str>| {
            let header = own.map(|own| ("TraceParent".to_owned(), own.to_owned().into()));
            let headers = header.into_iter().collect();
            let (url, body, secrets) = (String::new().into(), Vec::new(), Vec::new());
            let mut request = Request { method: "POST", url, headers, body, secrets };
            Traces::wired(passed_on).0.pass_on(&mut request, DeliveryId::from_u128(7), 0, Moment::default());
            let told: Vec<_> =
                request.headers.iter().map(|(_, value)| value.expose_secret().to_owned()).collect();
            told.join(", ")
        };
        assert_eq!(told(None, None), "");
        let (taken, not) = (told(Some(Sampler::All), None), told(Some(Sampler::None), None));
        assert!(
            taken.starts_with("00-00000000000000000000000000000007-") && taken.ends_with("-01"),
            "{taken}"
        );
        assert!(not.ends_with("-00"), "{not}");
        assert_eq!(told(Some(Sampler::All), Some("own")), "own");
    }

    #[test]
    fn telling_never_waits() {
        let (traces, mut heard) = Traces::wired(None);
        for number in 0..INBOX_MAX as i64 + 3 {
            traces.tell(|| Happening::Dropped { number, at: Moment::default() });
        }
        assert_eq!(heard.lost.load(Ordering::Relaxed), 3);
        assert!(matches!(heard.inbox.try_recv(), Ok(Happening::Dropped { number: 0, .. })));
        Traces::default().tell(|| unreachable!("nobody is told, so nothing is made up"));
    }
}
