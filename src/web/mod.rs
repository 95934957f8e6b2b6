//! The HTTP side of `run`: health, readiness, metrics.

pub mod listen;
pub mod server;
pub mod status;
