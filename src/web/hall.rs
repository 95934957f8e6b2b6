//! Lets connections in, each on a place of its own, and sees to it that none is held for nothing.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;
use tracing::{debug, warn};

use super::guest::{Answer, Guest, Wire};
use super::peer::Peer;
use super::places::{Full, Limits, Places, Seat};
use crate::clock::Clock;
use crate::metrics::HttpMetrics;
use crate::rarely::{RarelyEach, Told};

/// Pause after a failed accept (no file handle left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// A request's head is at most so long, and no more of an answer is kept for a slow reader.
const BUFFER_BYTES_MAX: usize = 32 << 10;
/// How long requests under way hold up the leaving.
const FINISH_MAX: Duration = Duration::from_secs(1);

/// What is said to whoever finds no place, before a request is read.
const NO_PLACE: &str = "HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 52\r\n\
    retry-after: 5\r\n\
    connection: close\r\n\r\n\
    too many are connected just now: ask again in a bit\n";

/// Where guests are received.
pub struct Hall {
    clock: Clock,
    limits: Limits,
    places: Mutex<Places>,
    metrics: HttpMetrics,
}

impl Hall {
    pub fn new(limits: Limits, metrics: HttpMetrics) -> Arc<Self> {
        let places = Mutex::new(Places::new(limits.clone()));
        Arc::new(Self { clock: Clock::start(), limits, places, metrics })
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn now(&self) -> Duration {
        self.clock.now().mono
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn leaves(&self, seat: Seat) {
        let mut places = self.places();
        places.leaves(seat);
        self.count(&places);
    }

    pub fn turned_away(&self, cause: &'static str) {
        self.metrics.turned_away(cause);
    }

    fn count(&self, places: &Places) {
        self.metrics.connections.set(i64::try_from(places.taken()).unwrap_or(i64::MAX));
    }

    /// Receives whoever comes, until `leaving`; requests under way have a moment to finish.
    pub async fn receive(
        self: &Arc<Self>,
        listener: TcpListener,
        router: Router,
        leaving: CancellationToken,
    ) {
        let mut doorman =
            Doorman { hall: Arc::clone(self), all: RarelyEach::default(), share: RarelyEach::default() };
        let mut guests = JoinSet::new();
        loop {
            tokio::select! {
                () = leaving.cancelled() => break,
                Some(_) = guests.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => if let Some((stream, guest)) = doorman.seat(stream, from) {
                        guests.spawn(attend(stream, guest, router.clone(), leaving.clone()));
                        // Let them ask before others come: whoever asks keeps their place.
                        tokio::task::yield_now().await;
                    },
                    Err(error) if is_over(&error) => {}
                    Err(error) => {
                        debug!(%error, "no connection accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        let finished = async { while guests.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FINISH_MAX, finished).await;
    }
}

/// Whether it is only that the other end has left already.
fn is_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Gives places to those who come, and says so when there are none.
struct Doorman {
    hall: Arc<Hall>,
    /// By network.
    all: RarelyEach<Peer>,
    share: RarelyEach<Peer>,
}

impl Doorman {
    fn seat(&mut self, stream: TcpStream, from: SocketAddr) -> Option<(TcpStream, Arc<Guest>)> {
        let hall = Arc::clone(&self.hall);
        let (peer, now) = (Peer::new(from.ip()), hall.now());
        let came = {
            let mut places = hall.places();
            let came = places.come(peer, now);
            hall.count(&places);
            came
        };
        match came {
            Ok(seated) => {
                if let Some((full, gone)) = seated.instead_of {
                    hall.turned_away("gave_way");
                    self.tell(full, gone, now);
                }
                Some((stream, Arc::new(Guest::new(peer, hall, seated))))
            }
            Err(full) => {
                hall.turned_away("full");
                self.tell(full, peer, now);
                no_place(stream);
                None
            }
        }
    }

    fn tell(&mut self, full: Full, peer: Peer, now: Duration) {
        let rarely = match full {
            Full::All => &mut self.all,
            Full::Share => &mut self.share,
        };
        let Some(Told { more, together }) = rarely.tell(peer.network(), now) else { return };
        match full {
            Full::All => {
                let places = self.hall.limits.places;
                warn!(%peer, addresses = together, places, more, "all connections to --listen are taken: one was turned away");
            }
            Full::Share => {
                warn!(%peer, addresses = together, more, "an address has too many connections to --listen: one was turned away");
            }
        }
    }
}

/// A last word, if it can be said at once.
fn no_place(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(NO_PLACE.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
    }
}

/// Answers one guest, until they leave or have to.
async fn attend(stream: TcpStream, guest: Arc<Guest>, router: Router, leaving: CancellationToken) {
    // What is told as it happens is told at once.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(Arc::clone(&guest), router.clone(), request));
    let wire = TokioIo::new(Wire { stream, guest: Arc::clone(&guest) });
    let served = http1::Builder::new().max_buf_size(BUFFER_BYTES_MAX).serve_connection(wire, service);
    let mut served = pin!(served);
    let cut = tokio::select! {
        _ = served.as_mut() => return,
        cut = guest.outstays() => cut,
        () = leaving.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
            return;
        }
    };
    debug!(peer = %guest.peer, ?cut, "a connection was cut");
    guest.was_cut(cut);
}

async fn answer(
    guest: Arc<Guest>,
    mut router: Router,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let answering = guest.asks();
    request.extensions_mut().insert(guest);
    let response = router.call(request).await?;
    // However many requests have come over one connection at once, after each it is others' turn.
    others_turn().await;
    Ok(response.map(|body| Answer::new(body, answering)))
}

/// Gives way in a task of its own: a connection's is woken by whatever goes over its wire, and would be back too soon.
async fn others_turn() {
    let mut turn = JoinSet::new();
    turn.spawn(tokio::task::yield_now());
    turn.join_next().await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn whoever_asks_much_at_once_lets_others_be_answered_in_between() {
        const MANY: usize = 500;
        let answered = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&answered);
        let router = Router::new().route("/", get(async move || _ = counts.fetch_add(1, Ordering::Relaxed)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut guest = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let hall = Hall::new(Limits::default(), HttpMetrics::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { hall.receive(listener, router, CancellationToken::new()).await });
        guest.write_all("GET / HTTP/1.1\r\n\r\n".repeat(MANY).as_bytes()).await.unwrap();
        tasks.spawn(async move {
            let mut some = [0; 4096];
            while guest.read(&mut some).await.is_ok_and(|bytes| bytes > 0) {}
        });
        let mut most_between = 0;
        let others = async {
            loop {
                let before = answered.load(Ordering::Relaxed);
                tokio::task::yield_now().await;
                let after = answered.load(Ordering::Relaxed);
                most_between = most_between.max(after - before);
                if after == MANY {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), others).await.unwrap();
        assert_eq!(most_between, 1);
    }
}
