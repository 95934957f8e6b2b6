//! The integration tests.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod access;
mod api;
mod avatars;
mod backpressure;
mod browser;
mod check_cli;
mod cli;
mod cookbook;
mod explain_cli;
mod fallback;
mod fallback_bot;
mod filled;
mod home;
mod lanyard;
mod lanyard_network;
mod metrics;
mod misfortunes;
mod misfortunes_outbox;
mod outbox;
mod outbox_cli;
mod page;
mod program;
mod promises;
mod readme;
mod recording;
mod reference;
mod reload;
mod replay;
mod run_cli;
mod sender;
mod shape;
mod states;
mod test_cli;
mod watch;
mod web;
