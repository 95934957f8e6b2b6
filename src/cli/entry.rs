//! From `main` to a command, and back to an exit code.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches};
use tracing::Level;

use super::args::{Args, Command, Schema};
use super::demo::show;
use super::exit::{Ended, Exit, Failure};
use super::style::{self, paint};
use super::{
    check, completions, explain, healthcheck, init, outbox, record, replay, run, schema, send, test, watch,
};
use crate::logging;

/// The whole program.
pub fn start() -> ExitCode {
    panic::set_hook(Box::new(tell_panic));
    let asked = forget_empty(Args::command()).try_get_matches();
    let args = match asked.and_then(|asked| Args::from_arg_matches(&asked)) {
        Ok(args) => args,
        // Help and version come this way too, with exit code 0; a reader that has left is no failure.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Fine.into() };
        }
    };
    // A panic in here has been told by the hook.
    let ended = panic::catch_unwind(|| dispatch(args)).unwrap_or(Ok(Exit::Fault));
    conclude(ended).into()
}

/// An empty variable is how people unset one in a compose file: it says nothing.
fn forget_empty(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            if value.is_some_and(|value| value.is_empty()) { arg.env(Resettable::Reset) } else { arg }
        })
        .mut_subcommands(forget_empty)
}

fn dispatch(args: Args) -> Ended {
    let otherwise = match args.command {
        Command::Run(_) => Level::INFO,
        // It shows what happens by itself; some of it is meant to go wrong.
        Command::Demo(_) | Command::Watch(_) | Command::Record(_) => Level::ERROR,
        _ => Level::WARN,
    };
    logging::start(args.log.log_format, args.log.log_level.as_deref(), otherwise).map_err(Failure::usage)?;
    match args.command {
        Command::Init(args) => init::init(&args),
        Command::Completions(args) => completions::completions(&args),
        Command::Healthcheck(args) => healthcheck::healthcheck(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Outbox(args) => outbox::outbox(&args),
        Command::Check(args) => check::check(&args),
        Command::Test(args) => test::test(&args),
        Command::Send(args) => send::send(&args),
        Command::Schema(Schema {}) => schema::schema(),
        Command::Run(args) => run::run(args),
        Command::Demo(args) => show::demo(&args),
        Command::Watch(args) => watch::watch(&args),
        Command::Record(args) => record::record(&args),
        Command::Replay(args) => replay::replay(&args),
    }
}

fn conclude(ended: Ended) -> Exit {
    let (exit, text) = match ended {
        Ok(exit) | Err(Failure::Told(exit)) => return exit,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Exit::Fine,
        Err(Failure::Output(error)) => (Exit::Fault, format!("the output could not be written: {error}")),
        Err(Failure::Finding(text)) => (Exit::Findings, text),
        Err(Failure::Usage(text)) => (Exit::Usage, text),
        Err(Failure::Fault(text)) => (Exit::Fault, text),
    };
    if logging::is_for_machines() {
        tracing::error!(exit = exit.code(), "{text}");
        return exit;
    }
    let head = paint(style::BAD, "error:");
    // Nobody is left to be told if this fails.
    let _ = writeln!(anstream::stderr().lock(), "{head} {text}");
    exit
}

/// One line instead of a page; with `RUST_BACKTRACE=1`, the page as well.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    let text = panic.payload_as_str().unwrap_or("no reason given");
    if logging::is_for_machines() {
        tracing::error!(
            "fault: {}{place}; this is a mistake in doorchime, please report it",
            style::plain(text)
        );
        return;
    }
    let head = paint(style::BAD, "fault:");
    let mut stderr = anstream::stderr().lock();
    let _ = writeln!(
        stderr,
        "{head} {}{place}; this is a mistake in doorchime, please report it",
        style::plain(text)
    );
    let trace = std::backtrace::Backtrace::capture();
    if trace.status() == std::backtrace::BacktraceStatus::Captured {
        let _ = writeln!(stderr, "{trace}");
    }
}
