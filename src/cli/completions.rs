//! `completions`: a script for a shell.

use std::io::Write;

use clap::CommandFactory;

use super::args::{Args, Completions};
use super::exit::{Ended, Exit};

pub(super) fn completions(args: &Completions) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "doorchime", &mut script);
    anstream::stdout().lock().write_all(&script)?;
    Ok(Exit::Fine)
}
