//! What becomes of a notification, in words for traces: nothing of what it says, and nobody's address.

use std::sync::Arc;
use std::time::Duration;

use crate::outbox::delivery::{Delivery, DeliveryId, End, Fate};
use crate::presence::model::UserId;
use crate::time::Moment;

#[derive(Clone, Debug)]
pub enum Happening {
    /// It is rendered. `came` is when the frame was read that it is owed for; a hold that ended has none.
    Decided {
        about: About,
        came: Option<Moment>,
        at: Moment,
    },
    /// It is on disk.
    Committed {
        id: DeliveryId,
        number: i64,
        at: Moment,
    },
    Tried {
        about: About,
        tried: Tried,
    },
    /// Its time was over before it was tried again.
    Expired {
        about: About,
        at: Moment,
    },
    /// A person wants it sent again.
    Retried {
        about: About,
        at: Moment,
    },
    /// A person wants it no more.
    Dropped {
        number: i64,
        at: Moment,
    },
}

/// Which notification.
#[derive(Clone, Debug)]
pub struct About {
    pub id: DeliveryId,
    /// Its place in the outbox, once it is there.
    pub number: Option<i64>,
    pub target: Arc<str>,
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    /// As rules call it; not known any more after a restart.
    pub cause: Option<&'static str>,
    pub created_ms: i64,
    /// The target in whose place it goes to its own.
    pub instead_of: Option<Arc<str>>,
    /// What takes over should it not be taken.
    pub fallback: Option<DeliveryId>,
}

impl About {
    pub fn of(delivery: &Delivery, number: Option<i64>) -> Self {
        Self {
            id: delivery.id,
            number,
            target: Arc::clone(&delivery.target),
            rule: Arc::clone(&delivery.rule),
            person: delivery.person,
            cause: delivery.cause,
            created_ms: delivery.created_ms,
            instead_of: delivery.origin.as_ref().map(|origin| Arc::clone(&origin.target)),
            fallback: delivery.fallbacks.first().map(|fallback| fallback.id),
        }
    }
}

/// One attempt that has ended.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Attempts before this one.
    pub before: u32,
    pub began: Moment,
    pub took: Duration,
    /// Missing where it was no HTTP.
    pub method: Option<&'static str>,
    pub status: Option<u16>,
    /// Why no answer came, in our own words.
    pub silence: Option<String>,
    /// A word for how it ended, as the metrics have it.
    pub word: &'static str,
    pub end: End,
    pub fate: Fate,
}
