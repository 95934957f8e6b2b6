//! The HTTP side of `run`: health, readiness, metrics, the API, and who may see them.

pub mod access;
pub mod api;
pub mod avatars;
mod brake;
mod gate;
mod guest;
mod hall;
pub mod journal;
pub mod listen;
mod login;
mod page;
mod peer;
pub mod places;
pub mod questions;
pub mod server;
pub mod status;
pub mod token;
pub mod trials;
