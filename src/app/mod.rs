//! The bot put together: its tasks, how they hand on to each other, and how they end.
//!
//! ```text
//! pipeline ──commits──▶ committer ──owed──▶ worker ──▶ targets
//!  ▲    │absent
//!  │    ▼
//!  census (Lanyard's REST side)
//! ```

pub mod bot;
pub mod census;
pub mod committer;
pub mod fault;
pub mod lookout;
pub mod pipeline;
pub mod publish;
pub mod reload;
pub mod signals;
pub mod tasks;
