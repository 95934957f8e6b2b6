//! The HTTP side of `run`: health, readiness, metrics, and who may see them.

pub mod access;
mod gate;
pub mod journal;
pub mod listen;
mod login;
pub mod questions;
pub mod server;
pub mod status;
