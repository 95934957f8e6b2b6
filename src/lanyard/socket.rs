//! Lanyard's socket: carries out what the session decides, and hands out what frames say.
//!
//! One loop drives it: `ready().await` inside a `select!`, then `take`. No task, no channel, no lock; what
//! `take` hands out borrows from the frame just read, and the next frame is read when `ready` is awaited
//! again, so a loop that is busy slows Lanyard down instead of filling memory.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tracing::{debug, warn};

use super::address::{Address, AddressError};
use super::counts::LanyardCounts;
use super::dial::{DialError, Dialer, Socket};
use super::frame::{Decoder, Frame, FrameError, InitState, Payload};
use super::journal;
use super::notice::Notice;
use super::observation::Observation;
use super::session::{HEARTBEAT, Input, Output, Session};
use super::settings::LanyardSettings;
use crate::presence::model::UserId;
use crate::time::Moment;

/// Room for what the server does not take: heartbeats, and the questions of a reload.
const UNSENT_BYTES_MAX: usize = 8 << 20;
/// How long an orderly goodbye may take.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

/// A connection to Lanyard that comes back by itself.
pub struct Client {
    session: Session,
    decoder: Decoder,
    hands: Hands,
    arrival: Option<Arrival>,
    alarm: Alarm,
}

/// What the session's decisions are carried out with.
struct Hands {
    dialer: Arc<Dialer>,
    link: Link,
    /// Something was sent that may not have left yet.
    unflushed: bool,
    counts: LanyardCounts,
    /// Of the present socket, as counted last.
    socket_bytes: u64,
    /// One garbage frame a connection is worth a warning.
    complained: bool,
    trouble: Option<String>,
}

enum Link {
    Down,
    Dialling(Pin<Box<dyn Future<Output = Result<Box<Socket>, DialError>> + Send>>),
    Up(Box<Socket>),
}

enum Arrival {
    /// Nothing came; it is time to look at the session.
    Due,
    Dialled(Result<Box<Socket>, DialError>),
    Message(Message),
    Broken(WsError),
    /// The socket ended without a word.
    Ended,
    /// Part of a frame.
    Bytes,
}

/// One timer, moved only when it has to ring earlier than it is set for.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    set_for: Option<Duration>,
}

impl Client {
    /// Connects when it is first driven. `seed` places the jitter of reconnects. Proxies come from the
    /// environment: `HTTPS_PROXY` for `wss`, `HTTP_PROXY` for `ws`, `ALL_PROXY`, `NO_PROXY`.
    pub fn new(
        settings: &LanyardSettings,
        tls: rustls::ClientConfig,
        seed: u64,
    ) -> Result<Self, AddressError> {
        Self::with_proxies(settings, tls, seed, Matcher::from_env())
    }

    /// The same, through this proxy, whatever the environment says.
    pub fn through(
        proxy: &str,
        settings: &LanyardSettings,
        tls: rustls::ClientConfig,
        seed: u64,
    ) -> Result<Self, AddressError> {
        Self::with_proxies(settings, tls, seed, Matcher::builder().all(proxy).build())
    }

    fn with_proxies(
        settings: &LanyardSettings,
        tls: rustls::ClientConfig,
        seed: u64,
        proxies: Matcher,
    ) -> Result<Self, AddressError> {
        let mut limits = WebSocketConfig::default();
        limits.max_frame_size = Some(settings.frame_bytes_max);
        limits.max_message_size = Some(settings.frame_bytes_max);
        limits.max_write_buffer_size = UNSENT_BYTES_MAX;
        limits.write_buffer_size = 0;
        let dialer = Dialer {
            address: Address::parse(&settings.url)?,
            compression: settings.compression,
            tls: Arc::new(tls),
            limits,
            proxies,
        };
        let hands = Hands {
            dialer: Arc::new(dialer),
            link: Link::Down,
            unflushed: false,
            counts: LanyardCounts::default(),
            socket_bytes: 0,
            complained: false,
            trouble: None,
        };
        Ok(Self {
            session: Session::new(settings.subscribe, settings.resync, seed),
            decoder: Decoder::new(settings.inflated_bytes_max),
            hands,
            arrival: None,
            alarm: Alarm::default(),
        })
    }

    /// Whom to know about from now on, on the live connection too.
    pub fn want(&mut self, now: Moment, people: impl IntoIterator<Item = UserId>, everyone: bool) {
        let people = people.into_iter().collect();
        self.session.handle(now.mono, Input::Want { people, everyone });
        self.be_due();
    }

    /// Asks for everybody again at once, where the last news is doubted.
    pub fn ask_again(&mut self, now: Moment) {
        self.session.handle(now.mono, Input::Doubt);
        self.be_due();
    }

    /// Waits until there is something to `take`. With `read: false` nothing is read, so that Lanyard waits
    /// for us; heartbeats go out all the same. Dropping the future loses nothing.
    pub async fn ready(&mut self, now: Moment, read: bool) {
        if !read {
            self.session.handle(now.mono, Input::Deaf);
        }
        std::future::poll_fn(|cx| self.poll_ready(cx, now, read)).await;
    }

    /// Takes in what has come, hands out what it says, and does what is due.
    pub fn take(&mut self, now: Moment, sink: &mut impl FnMut(Observation<'_>)) {
        match self.arrival.take() {
            Some(Arrival::Message(Message::Binary(bytes))) => {
                self.take_frame(now, &Framed::Binary(bytes), sink);
            }
            Some(Arrival::Message(Message::Text(text))) => {
                self.take_frame(now, &Framed::Text(text), sink);
            }
            Some(Arrival::Message(Message::Close(close))) => {
                let (code, reason) = close.map_or((None, String::new()), |close| {
                    (Some(u16::from(close.code)), close.reason.as_str().to_owned())
                });
                // Its echo is queued already; a goodbye is worth one attempt.
                if let Link::Up(socket) = &mut self.hands.link {
                    let _ = socket.flush().now_or_never();
                }
                self.session.handle(now.mono, Input::Closed { code, reason });
            }
            Some(Arrival::Message(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                self.hands.unflushed = true;
                self.session.handle(now.mono, Input::Heard);
            }
            Some(Arrival::Dialled(result)) => self.take_dialled(now, result),
            Some(Arrival::Broken(error)) => self.take_broken(now, &error),
            Some(Arrival::Ended) => {
                self.session.handle(now.mono, Input::Closed { code: None, reason: String::new() });
            }
            Some(Arrival::Bytes) => self.session.handle(now.mono, Input::Heard),
            Some(Arrival::Due) | None => {}
        }
        // A flood of updates must not keep the heartbeats waiting.
        if self.session.deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.session.handle(now.mono, Input::Tick);
        }
        self.hands.carry_out(&mut self.session, sink);
    }

    /// Leaves in good order; the client stays down.
    pub async fn close(&mut self, now: Moment) {
        self.session.handle(now.mono, Input::Leave);
        while let Some(output) = self.session.poll() {
            if let (Output::Close, Link::Up(socket)) = (output, &mut self.hands.link) {
                let goodbye = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
                let _ = tokio::time::timeout(GOODBYE_WAIT, socket.send(Message::Close(Some(goodbye)))).await;
            }
        }
        self.hands.link = Link::Down;
        self.arrival = None;
    }

    /// Whether Lanyard has answered on the present connection.
    pub fn live(&self) -> bool {
        self.session.live()
    }

    /// Why there is no connection, if there is none.
    pub fn trouble(&self) -> Option<&str> {
        self.hands.trouble.as_deref()
    }

    pub fn counts(&self) -> LanyardCounts {
        self.hands.counts
    }

    fn be_due(&mut self) {
        self.arrival.get_or_insert(Arrival::Due);
    }
}

/// Waiting.
impl Client {
    fn poll_ready(&mut self, cx: &mut Context<'_>, now: Moment, read: bool) -> Poll<()> {
        if self.arrival.is_none() {
            self.arrival = self.poll_link(cx, read);
        }
        if self.arrival.is_some() {
            return Poll::Ready(());
        }
        let Some(deadline) = self.session.deadline() else { return Poll::Pending };
        let ringing = self.alarm.poll(cx, now.mono, deadline);
        if ringing.is_ready() {
            self.be_due();
        }
        ringing
    }

    fn poll_link(&mut self, cx: &mut Context<'_>, read: bool) -> Option<Arrival> {
        match &mut self.hands.link {
            Link::Down => None,
            Link::Dialling(dialling) => match dialling.as_mut().poll(cx) {
                Poll::Ready(result) => {
                    self.hands.link = Link::Down;
                    Some(Arrival::Dialled(result))
                }
                Poll::Pending => None,
            },
            Link::Up(socket) => {
                if self.hands.unflushed {
                    match socket.poll_flush_unpin(cx) {
                        Poll::Ready(Ok(())) => self.hands.unflushed = false,
                        Poll::Ready(Err(error)) => return Some(Arrival::Broken(error)),
                        Poll::Pending => {}
                    }
                }
                if !read {
                    return None;
                }
                let next = socket.poll_next_unpin(cx);
                let bytes = socket.get_ref().get_ref().bytes();
                let new_bytes = bytes - std::mem::replace(&mut self.hands.socket_bytes, bytes);
                self.hands.counts.bytes += new_bytes;
                match next {
                    Poll::Ready(Some(Ok(message))) => Some(Arrival::Message(message)),
                    Poll::Ready(Some(Err(error))) => Some(Arrival::Broken(error)),
                    Poll::Ready(None) => Some(Arrival::Ended),
                    Poll::Pending if new_bytes > 0 => Some(Arrival::Bytes),
                    Poll::Pending => None,
                }
            }
        }
    }
}

impl Alarm {
    /// `deadline` and `now` are on the session's clock; `now` may be a little old, so the alarm is late by as
    /// much as the caller waited, never early.
    fn poll(&mut self, cx: &mut Context<'_>, now: Duration, deadline: Duration) -> Poll<()> {
        // Made here, inside the runtime, so that a client can be made outside of one.
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::ZERO)));
        if self.set_for.is_none_or(|set_for| set_for > deadline) {
            sleep.as_mut().reset(tokio::time::sleep(deadline.saturating_sub(now)).deadline());
            self.set_for = Some(deadline);
        }
        let ringing = sleep.as_mut().poll(cx);
        if ringing.is_ready() {
            self.set_for = None;
        }
        ringing
    }
}

/// A data frame; holds on to the bytes that observations borrow from.
enum Framed {
    Text(Utf8Bytes),
    Binary(Bytes),
}

/// Taking in.
impl Client {
    fn take_frame(&mut self, now: Moment, framed: &Framed, sink: &mut impl FnMut(Observation<'_>)) {
        self.hands.counts.frames += 1;
        let payload = match framed {
            Framed::Text(text) => Payload::Text(text),
            Framed::Binary(bytes) => Payload::Binary(bytes),
        };
        match self.decoder.decode(payload) {
            Ok(Frame::Update(id, presence)) => {
                if self.session.updated(now.mono, id) {
                    self.hands.counts.updates += 1;
                    sink(Observation::Updated(id, presence));
                } else {
                    self.hands.counts.unwanted += 1;
                }
            }
            Ok(Frame::InitState(people)) => {
                self.hands.counts.snapshots += 1;
                self.session.handle(now.mono, Input::InitStateBegins);
                // The news that we are connected goes before the first person.
                self.hands.carry_out(&mut self.session, sink);
                let whole = hand_out(people, &mut self.session, &mut self.hands.counts, sink);
                self.session.handle(now.mono, Input::InitStateEnds { whole });
            }
            Ok(Frame::Hello { heartbeat }) => self.session.handle(now.mono, Input::Hello { heartbeat }),
            Ok(Frame::Unknown { op, event }) => {
                self.hands.counts.unknown += 1;
                debug!(?op, event = ?event, "a frame of an unknown kind");
                self.session.handle(now.mono, Input::Heard);
            }
            Err(error) => {
                self.count_garbage(&error);
                self.session.handle(now.mono, Input::Heard);
            }
        }
    }

    fn count_garbage(&mut self, why: &FrameError) {
        match why {
            FrameError::Oversized { .. } => self.hands.counts.oversized += 1,
            _ => self.hands.counts.garbage += 1,
        }
        if std::mem::replace(&mut self.hands.complained, true) {
            debug!(%why, "a frame that cannot be read");
        } else {
            warn!(%why, "a frame that cannot be read; further ones on this connection are only counted");
        }
    }

    fn take_dialled(&mut self, now: Moment, result: Result<Box<Socket>, DialError>) {
        match result {
            Ok(socket) => {
                self.hands.counts.connects += 1;
                self.hands.link = Link::Up(socket);
                self.hands.socket_bytes = 0;
                self.hands.complained = false;
                self.session.handle(now.mono, Input::Opened);
            }
            Err(error) => self.session.handle(now.mono, Input::Failed { why: error.to_string() }),
        }
    }

    fn take_broken(&mut self, now: Moment, error: &WsError) {
        let why = match error {
            WsError::Capacity(_) => {
                self.hands.counts.oversized += 1;
                "a frame is larger than `lanyard.frame_bytes_max` allows".to_owned()
            }
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                return self.session.handle(now.mono, Input::Closed { code: None, reason: String::new() });
            }
            other => other.to_string(),
        };
        self.session.handle(now.mono, Input::Broken { why });
    }
}

fn hand_out(
    mut people: InitState<'_>,
    session: &mut Session,
    counts: &mut LanyardCounts,
    sink: &mut impl FnMut(Observation<'_>),
) -> bool {
    while let Some(person) = people.next_person() {
        match person {
            Ok((id, presence)) => {
                counts.people += 1;
                if session.seen(id) {
                    sink(Observation::Seen(id, presence));
                }
            }
            Err(error) => {
                counts.broken_people += 1;
                debug!(%error, "a person in an INIT_STATE cannot be read");
            }
        }
    }
    people.whole()
}

impl Hands {
    fn carry_out(&mut self, session: &mut Session, sink: &mut impl FnMut(Observation<'_>)) {
        while let Some(output) = session.poll() {
            match output {
                Output::Connect => {
                    let dialer = Arc::clone(&self.dialer);
                    self.link = Link::Dialling(Box::pin(async move { dialer.dial().await }));
                }
                Output::Heartbeat => {
                    self.counts.heartbeats += 1;
                    self.send(Message::text(HEARTBEAT));
                }
                Output::Send(text) => self.send(Message::text(text)),
                Output::Ping => {
                    self.counts.pings += 1;
                    self.send(Message::Ping(Bytes::new()));
                }
                Output::Drop | Output::Close => self.link = Link::Down,
                Output::Observe(observation) => sink(observation),
                Output::Note(notice) => self.note(&notice),
            }
        }
    }

    /// A socket that is broken says so when it is read next.
    fn send(&mut self, message: Message) {
        if let Link::Up(socket) = &mut self.link {
            self.unflushed = true;
            if let Err(error) = socket.start_send_unpin(message) {
                debug!(%error, "a message to Lanyard was not taken");
            }
        }
    }

    fn note(&mut self, notice: &Notice) {
        match notice {
            Notice::Subscribed => self.trouble = None,
            Notice::ConnectFailed { why, .. } => {
                self.counts.connect_failures += 1;
                self.trouble = Some(why.clone());
            }
            Notice::Lost { why, .. } => {
                self.counts.losses += 1;
                self.trouble = Some(why.to_string());
            }
            Notice::Refused { code, .. } => {
                self.counts.losses += 1;
                self.counts.refusals += 1;
                self.trouble = Some(format!("Lanyard refuses what doorchime sends ({code})"));
            }
            _ => {}
        }
        journal::write(notice, &self.dialer.address.place());
    }
}
