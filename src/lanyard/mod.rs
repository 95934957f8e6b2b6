//! Lanyard: its frames, a session with it, and the socket.

mod absence;
pub mod address;
pub(crate) mod chance;
pub mod counts;
pub mod dial;
mod echoes;
pub mod frame;
#[cfg(test)]
mod frame_tests;
mod journal;
pub mod notice;
pub mod observation;
mod question;
#[cfg(test)]
mod replay;
pub mod rest;
pub mod session;
pub mod settings;
pub mod socket;
#[cfg(test)]
mod transcripts;
mod window;
