//! The command line: its arguments, and one file for each command.

pub mod args;
pub mod entry;
pub mod exit;
mod explain;
pub mod style;

mod check;
mod completions;
mod demo;
mod healthcheck;
mod init;
mod online;
mod outbox;
mod record;
mod replay;
mod rules_file;
mod run;
mod schema;
mod send;
mod test;
mod watch;
mod whom;
mod words;
