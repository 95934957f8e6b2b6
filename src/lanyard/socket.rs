//! Lanyard's socket: carries out what the session decides, and hands out what frames say.
//!
//! One loop drives it: `ready().await` inside a `select!`, then `take`. No task, no channel, no lock; what
//! `take` hands out borrows from the frame just read, and the next frame is read when `ready` is awaited
//! again, so a loop that is busy slows Lanyard down instead of filling memory.

mod hands;
mod intake;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use self::hands::{Arrival, Hands};
use super::address::{Address, AddressError};
use super::counts::LanyardCounts;
use super::dial::Dialer;
use super::frame::Decoder;
use super::observation::Observation;
use super::session::{Input, Session};
use super::settings::LanyardSettings;
use crate::presence::model::UserId;
use crate::proxies::Proxies;
use crate::time::Moment;

/// Room for what the server does not take: heartbeats, and the questions of a reload.
const UNSENT_BYTES_MAX: usize = 8 << 20;

/// A connection to Lanyard that comes back by itself.
pub struct Client {
    session: Session,
    decoder: Decoder,
    hands: Hands,
    arrival: Option<Arrival>,
    alarm: Alarm,
}

/// One timer, moved only when it has to ring earlier than it is set for.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    set_for: Option<Duration>,
}

impl Client {
    /// Connects when it is first driven. `seed` places the jitter of reconnects. Proxies come from the
    /// environment: `HTTPS_PROXY` for `wss`, `HTTP_PROXY` for `ws`, `ALL_PROXY`, `NO_PROXY`; none for this machine.
    pub fn new(
        settings: &LanyardSettings,
        tls: rustls::ClientConfig,
        seed: u64,
    ) -> Result<Self, AddressError> {
        Self::with_proxies(settings, tls, seed, Proxies::from_env().matcher())
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
        Ok(Self {
            session: Session::new(settings.subscribe, settings.resync, seed),
            decoder: Decoder::new(settings.inflated_bytes_max),
            hands: Hands::new(dialer),
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

    /// What the rules file calls people, for the log.
    pub fn name(&mut self, names: impl IntoIterator<Item = (UserId, String)>) {
        self.hands.journal.names = names.into_iter().collect();
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
            if self.session.has_output() {
                // A heartbeat that came due just now must not wait for the next deadline.
                self.be_due();
            }
        }
        std::future::poll_fn(|cx| self.poll_ready(cx, now, read)).await;
    }

    /// Takes in what has come, hands out what it says, and does what is due.
    pub fn take(&mut self, now: Moment, sink: &mut impl FnMut(Observation<'_>)) {
        if let Some(arrival) = self.arrival.take() {
            self.take_in(now, arrival, sink);
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
        self.hands.close().await;
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
            self.arrival = self.hands.poll(cx, read);
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
