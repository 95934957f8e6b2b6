//! What is owed: kept on disk before it is sent, and sent until it is settled.

pub mod attempt;
pub mod blot;
pub mod delivery;
pub mod excerpt;
pub mod health;
pub mod masked;
pub mod pending;
pub mod queue;
pub mod retry;
mod says;
pub mod sender;
pub mod shown;
pub mod store;
pub mod ward;
pub mod worker;

#[cfg(test)]
mod long_outage;
#[cfg(test)]
mod queue_transcripts;
