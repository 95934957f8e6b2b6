//! The client's hands: the link, and what is done with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tracing::debug;

use crate::lanyard::counts::LanyardCounts;
use crate::lanyard::dial::{DialError, Dialer, Socket};
use crate::lanyard::journal::Journal;
use crate::lanyard::notice::Notice;
use crate::lanyard::observation::Observation;
use crate::lanyard::session::{HEARTBEAT, Output, Session};

/// How long an orderly goodbye may take.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

/// What the session's decisions are carried out with.
pub(super) struct Hands {
    pub(super) dialer: Arc<Dialer>,
    pub(super) link: Link,
    /// Something was sent that may not have left yet.
    pub(super) unflushed: bool,
    pub(super) counts: LanyardCounts,
    /// Of the present socket, as counted last.
    pub(super) socket_bytes: u64,
    /// One garbage frame a connection is worth a warning.
    pub(super) complained: bool,
    pub(super) trouble: Option<String>,
    /// For the log.
    pub(super) journal: Journal,
}

pub(super) enum Link {
    Down,
    Dialling(Pin<Box<dyn Future<Output = Result<Box<Socket>, DialError>> + Send>>),
    Up(Box<Socket>),
}

pub(super) enum Arrival {
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

impl Hands {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self {
            dialer: Arc::new(dialer),
            link: Link::Down,
            unflushed: false,
            counts: LanyardCounts::default(),
            socket_bytes: 0,
            complained: false,
            trouble: None,
            journal: Journal::new(),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Option<Arrival> {
        match &mut self.link {
            Link::Down => None,
            Link::Dialling(dialling) => match dialling.as_mut().poll(cx) {
                Poll::Ready(result) => {
                    self.link = Link::Down;
                    Some(Arrival::Dialled(result))
                }
                Poll::Pending => None,
            },
            Link::Up(socket) => {
                if self.unflushed {
                    match socket.poll_flush_unpin(cx) {
                        Poll::Ready(Ok(())) => self.unflushed = false,
                        Poll::Ready(Err(error)) => return Some(Arrival::Broken(error)),
                        Poll::Pending => {}
                    }
                }
                if !read {
                    return None;
                }
                let next = socket.poll_next_unpin(cx);
                let bytes = socket.get_ref().get_ref().bytes();
                let new_bytes = bytes - std::mem::replace(&mut self.socket_bytes, bytes);
                self.counts.bytes += new_bytes;
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

    /// Says goodbye, if there is anybody to hear it.
    pub(super) async fn close(&mut self) {
        if let Link::Up(socket) = &mut self.link {
            let goodbye = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
            let said = socket.send(Message::Close(Some(goodbye)));
            // Whoever does not take it within the time is left without.
            let _ = tokio::time::timeout(GOODBYE_WAIT, said).await;
        }
        self.link = Link::Down;
    }

    pub(super) fn carry_out(&mut self, session: &mut Session, sink: &mut impl FnMut(Observation<'_>)) {
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
        self.journal.write(notice, &self.dialer.address.place());
    }
}
