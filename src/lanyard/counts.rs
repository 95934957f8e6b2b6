//! What came and went, counted.

/// Since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LanyardCounts {
    pub connects: u64,
    pub connect_failures: u64,
    /// Connections that ended, whoever ended them; those that Lanyard refused (4004 to 4006) among them.
    pub losses: u64,
    pub refusals: u64,
    /// Text and binary frames.
    pub frames: u64,
    /// As they came over the network, before TLS is taken off.
    pub bytes: u64,
    /// `PRESENCE_UPDATE`s that somebody wants, and those that nobody does.
    pub updates: u64,
    pub unwanted: u64,
    /// `INIT_STATE`s, and the people in them.
    pub snapshots: u64,
    pub people: u64,
    /// Frames that are not Lanyard's JSON.
    pub garbage: u64,
    /// Frames over a limit, before or after inflating.
    pub oversized: u64,
    /// Ops and events that this program does not know.
    pub unknown: u64,
    /// People in a map whose presence cannot be read.
    pub broken_people: u64,
    pub heartbeats: u64,
    pub pings: u64,
}
