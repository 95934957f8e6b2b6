//! What happens, as it happens: server-sent events.
//!
//! Each follower has a bounded queue; whoever reads slower than things happen misses the oldest, and is told
//! how many. There is a bounded number of followers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::activity::{Filter, as_json, type_of};
use super::asked::{Asked, No};
use crate::printable;
use crate::web::journal::{ENTRIES_MAX, Entry, Wanted};
use crate::web::questions::{Desk, Question};
use crate::web::server::Web;

/// So many follow at once.
pub const FOLLOWERS_MAX: usize = 16;

/// A line that says nothing, often enough that no connection seems idle: ours are cut after `SILENT_MAX`.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Says that some events were missed.
pub const LOST: &str = "lost";

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
        desk: web.desk.clone(),
        live,
        past: VecDeque::new(),
        upto: 0,
        lost: None,
        wanted,
        leaving: web.leaving.clone(),
        _place: place,
    };
    if follower.wanted.since.is_some() {
        let wanted = follower.wanted.clone();
        let stretch = web.desk.ask(|answer| Question::Activity { wanted, answer }).await?;
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

struct Follower {
    desk: Desk,
    live: broadcast::Receiver<Arc<Entry>>,
    /// What happened between the number to go on from and now.
    past: VecDeque<Arc<Entry>>,
    /// Everything up to this number has been told.
    upto: u64,
    lost: Option<Lost>,
    wanted: Wanted,
    leaving: CancellationToken,
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
            if let Some(lost) = self.lost.take() {
                let count = if let Lost::So(many) = lost { Some(many) } else { None };
                return Some(Event::default().event(LOST).data(json!({"events": count}).to_string()));
            }
            let past = self.past.pop_front();
            let heard = if let Some(entry) = past { Ok(entry) } else { self.hear().await };
            let entry = match heard {
                Ok(entry) => entry,
                Err(RecvError::Lagged(lost)) => {
                    self.lost = Some(Lost::So(lost));
                    continue;
                }
                Err(RecvError::Closed) => return None,
            };
            if entry.number > self.upto && self.wanted.fits(&entry) {
                self.upto = entry.number;
                let data = printable::json_line(&as_json(&self.desk.in_force(), &entry));
                return Some(Event::default().event(type_of(&entry)).id(entry.number.to_string()).data(data));
            }
        }
    }

    /// Nothing more comes once it is time to leave.
    async fn hear(&mut self) -> Result<Arc<Entry>, RecvError> {
        tokio::select! {
            () = self.leaving.cancelled() => Err(RecvError::Closed),
            heard = self.live.recv() => heard,
        }
    }
}
