//! Taking in: what has arrived goes to the session, and what it says to the sink.

use std::io;

use futures_util::{FutureExt, SinkExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tracing::{debug, warn};

use super::Client;
use super::hands::{Arrival, Link};
use crate::lanyard::counts::LanyardCounts;
use crate::lanyard::dial::{DialError, Socket};
use crate::lanyard::frame::{Frame, FrameError, InitState, Payload};
use crate::lanyard::observation::Observation;
use crate::lanyard::session::{Input, Session};
use crate::time::Moment;

impl Client {
    pub(super) fn take_in(&mut self, now: Moment, arrival: Arrival, sink: &mut impl FnMut(Observation<'_>)) {
        match arrival {
            Arrival::Message(Message::Binary(bytes)) => self.take_frame(now, Payload::Binary(&bytes), sink),
            Arrival::Message(Message::Text(text)) => self.take_frame(now, Payload::Text(&text), sink),
            Arrival::Message(Message::Close(close)) => {
                let (code, reason) = close.map_or((None, String::new()), |close| {
                    (Some(u16::from(close.code)), close.reason.as_str().to_owned())
                });
                // Its echo is queued already; a goodbye is worth one attempt.
                if let Link::Up(socket) = &mut self.hands.link {
                    let _ = socket.flush().now_or_never();
                }
                self.session.handle(now.mono, Input::Closed { code, reason });
            }
            Arrival::Message(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                self.hands.unflushed = true;
                self.session.handle(now.mono, Input::Heard);
            }
            Arrival::Dialled(result) => self.take_dialled(now, result),
            Arrival::Broken(error) => self.take_broken(now, &error),
            Arrival::Ended => {
                self.session.handle(now.mono, Input::Closed { code: None, reason: String::new() });
            }
            Arrival::Bytes => self.session.handle(now.mono, Input::Heard),
            Arrival::Due => {}
        }
    }

    fn take_frame(&mut self, now: Moment, payload: Payload<'_>, sink: &mut impl FnMut(Observation<'_>)) {
        self.hands.counts.frames += 1;
        match self.decoder.decode(payload) {
            Ok(Frame::Update(id, presence)) => {
                let doubled = self.session.hears_double(id, presence.raw);
                if self.session.updated(now.mono, id) {
                    self.hands.counts.updates += 1;
                    sink(Observation::Updated(id, presence));
                } else {
                    self.hands.counts.unwanted += 1;
                }
                if doubled {
                    self.session.handle(now.mono, Input::Doubled);
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
            // TLS's way to end without a word.
            WsError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return self.session.handle(now.mono, Input::Closed { code: None, reason: String::new() });
            }
            WsError::Io(error) => format!("the connection broke: {error}"),
            other => format!("what came is no WebSocket any more: {other}"),
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
