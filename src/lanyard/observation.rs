//! What Lanyard lets us know, in the program's own words.

use crate::presence::model::{Presence, UserId};

/// One thing learned from Lanyard. Borrows from the frame it came in.
#[derive(Clone, Debug)]
pub enum Observation<'a> {
    /// The connection is up and Lanyard has answered a subscription for the first time on it.
    Connected,
    /// The connection is gone; nothing is known of anybody from here on.
    Disconnected,
    /// A person in an INIT_STATE: how things are, perhaps after a gap.
    Seen(UserId, Presence<'a>),
    /// The end of one INIT_STATE: of those asked for, these were absent. Absent means unknown, never offline.
    SnapshotEnd { absent: Vec<UserId> },
    /// A person in a PRESENCE_UPDATE: how things have just become.
    Updated(UserId, Presence<'a>),
    /// Lanyard's REST side says that it does not know this person.
    Unmonitored(UserId),
}
