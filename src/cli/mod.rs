//! The command line: its arguments, and one file for each command.

pub mod args;
pub mod entry;
pub mod exit;
pub mod style;

mod completions;
mod healthcheck;
mod init;
mod outbox;
mod words;
