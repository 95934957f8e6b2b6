//! doorchime rings webhooks when people's Discord presence changes, as Lanyard sees it.

/// Who we say we are over HTTP.
pub const AGENT: &str = concat!("doorchime/", env!("CARGO_PKG_VERSION"));

pub mod app;
pub mod cli;
pub mod clock;
pub mod engine;
pub mod file_watch;
pub mod lanyard;
pub mod logging;
pub mod metrics;
pub mod outbox;
pub mod presence;
pub mod printable;
pub mod proxies;
pub mod rarely;
pub mod recording;
pub mod rehearsal;
pub mod rules;
pub mod simulator;
pub mod targets;
pub mod time;
pub mod tls;
pub mod traces;
pub mod web;
