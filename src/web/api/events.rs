//! What happens, as it happens: server-sent events.
//!
//! Each follower has a bounded queue; whoever reads slower than things happen misses the oldest, and is told
//! how many. There is a bounded number of followers. Beside what happens they are told how the bot is and how much
//! is owed, once something of it has changed: those have no number, and nobody waits in a queue for them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::{Filter, as_json, type_of};
use super::asked::{Asked, No};
use super::changes::Changes;
use super::status;
use crate::printable;
use crate::web::journal::{ENTRIES_MAX, Entry, Wanted};
use crate::web::questions::Question;
use crate::web::server::Web;

/// So many follow at once.
pub const FOLLOWERS_MAX: usize = 16;

/// A line that says nothing, often enough that no proxy takes the connection for dead, and that we hear of it if
/// it is.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Says that some events were missed.
pub const LOST: &str = "lost";
/// Says that something in the outbox has moved.
pub const DELIVERIES: &str = "deliveries";
/// Says that the bot or a target is not as it was.
pub const STATUS: &str = "status";

/// Places for those who follow.
#[derive(Clone)]
pub struct Followers(Arc<Semaphore>);

impl Default for Followers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(FOLLOWERS_MAX)))
    }
}

pub async fn follow(
    State(web): State<Web>,
    headers: HeaderMap,
    Asked(mut filter): Asked<Filter>,
) -> Result<Response, No> {
    let place = Arc::clone(&web.followers.0).try_acquire_owned();
    let place = place.map_err(|_| No::not_now(format!("{FOLLOWERS_MAX} are following already")))?;
    // A browser that lost its connection says from where it goes on.
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()?.parse().ok());
    filter.since = last.or(filter.since);
    let mut wanted = filter.wanted(&web.desk.in_force())?;
    wanted.limit = ENTRIES_MAX;
    // First the ear, then the past: nothing falls between them.
    let live = web.desk.follow();
    let mut follower = Follower {
        live,
        moves: Changes::of_deliveries(&web),
        states: Changes::of_status(&web),
        past: VecDeque::new(),
        upto: 0,
        lost: None,
        wanted,
        web,
        _place: place,
    };
    if follower.wanted.since.is_some() {
        let wanted = follower.wanted.clone();
        let stretch = follower.web.desk.ask(|answer| Question::Activity { wanted, answer }).await?;
        follower.lost = stretch.gap.then_some(Lost::NobodyKnows);
        follower.past = stretch.entries.into();
    }
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(follower.events()).keep_alive(keep_alive).into_response())
}

/// Events that a follower has missed.
enum Lost {
    So(u64),
    NobodyKnows,
}

/// What a follower is to be told next.
enum Heard {
    Entry(Arc<Entry>),
    Lost(Lost),
    Moved,
    Changed,
}

struct Follower {
    live: broadcast::Receiver<Arc<Entry>>,
    moves: Changes,
    states: Changes,
    /// What happened between the number to go on from and now.
    past: VecDeque<Arc<Entry>>,
    /// Everything up to this number has been told.
    upto: u64,
    lost: Option<Lost>,
    wanted: Wanted,
    web: Web,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut follower| {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let heard = if let Some(lost) = self.lost.take() {
                Heard::Lost(lost)
            } else if let Some(entry) = self.past.pop_front() {
                Heard::Entry(entry)
            } else {
                self.hear().await?
            };
            match heard {
                Heard::Entry(entry) if entry.number <= self.upto || !self.wanted.fits(&entry) => {}
                Heard::Entry(entry) => {
                    self.upto = entry.number;
                    let event = event(type_of(&entry), &as_json(&self.web.desk.in_force(), &entry));
                    return Some(event.id(entry.number.to_string()));
                }
                Heard::Lost(lost) => {
                    let count = if let Lost::So(many) = lost { Some(many) } else { None };
                    return Some(event(LOST, &json!({"events": count})));
                }
                Heard::Moved => return Some(event(DELIVERIES, &self.owed())),
                Heard::Changed => return Some(event(STATUS, &status::told(&self.web))),
            }
        }
    }

    /// Nothing more comes once it is time to leave.
    async fn hear(&mut self) -> Option<Heard> {
        tokio::select! {
            () = self.web.leaving.cancelled() => None,
            heard = self.live.recv() => match heard {
                Ok(entry) => Some(Heard::Entry(entry)),
                Err(RecvError::Lagged(lost)) => Some(Heard::Lost(Lost::So(lost))),
                Err(RecvError::Closed) => None,
            },
            () = self.moves.next() => Some(Heard::Moved),
            () = self.states.next() => Some(Heard::Changed),
        }
    }

    /// How much is owed to each target that is owed something.
    fn owed(&self) -> Value {
        let pending = self.web.about.pending.borrow().clone();
        let owed = pending.iter().filter(|(_, count)| **count > 0);
        let owed = owed.map(|(target, count)| (target.to_string(), Value::from(*count)));
        json!({"pending": owed.collect::<Map<String, Value>>()})
    }
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(printable::json_line(data))
}
