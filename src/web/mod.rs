//! The HTTP side of `run`: health, readiness, metrics, the API, and who may see them.

pub mod access;
pub mod api;
pub mod avatars;
mod gate;
pub mod journal;
pub mod listen;
mod login;
mod page;
pub mod questions;
pub mod server;
pub mod status;
pub mod trials;
