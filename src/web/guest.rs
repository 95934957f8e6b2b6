//! One connection to the HTTP side: its place, and how long it may still let us wait.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::hall::Hall;
use super::peer::Peer;
use super::places::Seated;

/// Somebody who is connected.
pub struct Guest {
    pub peer: Peer,
    hall: Arc<Hall>,
    seated: Seated,
    patience: watch::Sender<Patience>,
}

/// What we wait for.
#[derive(Clone, Copy, Debug)]
struct Patience {
    asking: Asking,
    /// Until when something of an answer must be taken, if there is something to take.
    taking: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum Asking {
    /// The next request may begin until then.
    Later { until: Duration },
    /// A head has begun, and must be whole by then.
    Now { until: Duration },
    /// It is whole, and is being answered.
    Done,
}

/// Why a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its place is somebody else's.
    GaveWay,
    /// It waited, and there was no next request.
    Idle,
    /// A request's head did not come.
    Slow,
    /// What it is answered is not taken.
    Unread,
}

impl Guest {
    pub fn new(peer: Peer, hall: Arc<Hall>, seated: Seated) -> Self {
        let until = hall.now() + hall.limits().head_max;
        let patience = watch::Sender::new(Patience { asking: Asking::Now { until }, taking: None });
        Self { peer, hall, seated, patience }
    }

    /// Whether it may only ask how the bot is: all other places are taken.
    pub fn only_probes(&self) -> bool {
        self.seated.reserved
    }

    /// It has shown the token with this request.
    pub fn is_known(&self) {
        self.hall.places().is_known(self.seated.seat);
    }

    /// It asks: a head is whole. It is being answered until what is returned is dropped.
    pub fn asks(self: &Arc<Self>) -> Answering {
        self.hall.places().asks(self.seated.seat);
        self.patience.send_modify(|patience| patience.asking = Asking::Done);
        Answering(Arc::clone(self))
    }

    fn is_answered(&self) {
        let now = self.hall.now();
        let until = now + self.hall.places().is_answered(self.seated.seat, now);
        self.patience.send_modify(|patience| patience.asking = Asking::Later { until });
    }

    /// Bytes have come. Those of a body are waited for elsewhere.
    fn says_something(&self) {
        self.patience.send_if_modified(|patience| {
            let begins = matches!(patience.asking, Asking::Later { .. });
            if begins {
                patience.asking = Asking::Now { until: self.hall.now() + self.hall.limits().head_max };
            }
            begins
        });
    }

    /// Whether something of an answer was taken, when there was something to take.
    fn takes(&self, taken: bool) {
        self.patience.send_if_modified(|patience| {
            let now = self.hall.now();
            match (taken, patience.taking) {
                (false, None) => {
                    patience.taking = Some(now + self.hall.limits().unread_max);
                    self.hall.places().lets_wait(self.seated.seat, now);
                }
                (true, Some(_)) => {
                    patience.taking = None;
                    match &mut patience.asking {
                        // The last of an answer that was handed over long ago: only now it can ask again.
                        Asking::Later { until } => {
                            *until = now + self.hall.places().is_answered(self.seated.seat, now);
                        }
                        Asking::Now { .. } | Asking::Done => self.hall.places().goes_on(self.seated.seat),
                    }
                }
                _ => return false,
            }
            true
        });
    }

    /// What comes with its request is waited for, until `came`; whether it came in time.
    pub async fn brings(&self, came: impl Future<Output = ()>) -> bool {
        self.hall.places().lets_wait(self.seated.seat, self.hall.now());
        let in_time = tokio::time::timeout(self.hall.limits().body_max, came).await.is_ok();
        self.hall.places().goes_on(self.seated.seat);
        in_time
    }

    /// It was cut; those that merely had nothing more to ask are not counted.
    pub fn was_cut(&self, cut: Cut) {
        match cut {
            Cut::Slow => self.hall.turned_away("slow"),
            Cut::Unread => self.hall.turned_away("unread"),
            Cut::Idle | Cut::GaveWay => {}
        }
    }

    /// Waits until it has let us wait too long, or has lost its place.
    pub async fn outstays(&self) -> Cut {
        let mut patience = self.patience.subscribe();
        loop {
            let Patience { asking, taking } = *patience.borrow_and_update();
            let first = match (taking, asking) {
                (Some(until), _) => Some((until, Cut::Unread)),
                (None, Asking::Later { until }) => Some((until, Cut::Idle)),
                (None, Asking::Now { until }) => Some((until, Cut::Slow)),
                (None, Asking::Done) => None,
            };
            let until = first.map(|(until, _)| until);
            if let Some((until, cut)) = first
                && until <= self.hall.now()
            {
                return cut;
            }
            tokio::select! {
                () = self.seated.cut.cancelled() => return Cut::GaveWay,
                // It cannot be over: the other end is ours.
                _ = patience.changed() => {}
                () = self.hall.clock().sleep_until_some(until) => {}
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.hall.leaves(self.seated.seat);
    }
}

/// Somebody is being answered.
pub struct Answering(Arc<Guest>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.is_answered();
    }
}

/// An answer; once all of it is handed over, its guest may ask again.
pub struct Answer {
    body: Body,
    _answering: Answering,
}

impl Answer {
    pub fn new(body: Body, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose guest is told of what goes over it.
pub struct Wire<S> {
    pub stream: S,
    pub guest: Arc<Guest>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.guest.says_something();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.guest.takes(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
