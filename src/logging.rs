//! Logs, to stderr: for people as text, for machines as JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, error, warn};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::rules::diagnostic::Findings;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One object a line, for machines.
    Json,
}

/// Starts logging. `level` is `error`, `warn`, `info`, `debug`, `trace`, or a list of directives such as
/// `info,doorchime::outbox=debug`; what it does not speak of stays at `otherwise`.
pub fn start(format: Format, level: Option<&str>, otherwise: Level) -> Result<(), BadLevel> {
    let level = level.map(str::trim).filter(|level| !level.is_empty());
    let filter = filter(level, otherwise)?.and(filter_fn(may_be_told));
    let colour = io::stderr().is_terminal() && anstream::AutoStream::choice(&io::stderr()) != NEVER;
    let layer = fmt::layer().with_writer(|| Lines(io::stderr()));
    // The name of a module would stand under `target`, where the name of a target belongs.
    let layer = layer.with_target(false);
    let layer = match format {
        Format::Text => layer.with_ansi(colour).boxed(),
        Format::Json => layer.with_ansi(false).json().flatten_event(true).boxed(),
    };
    // Only a second start fails, and then the first one goes on.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    FOR_MACHINES.store(format == Format::Json, Ordering::Relaxed);
    Ok(())
}

static FOR_MACHINES: AtomicBool = AtomicBool::new(false);

/// Whether a program reads the log: then nothing but lines of it goes to stderr.
pub fn is_for_machines() -> bool {
    FOR_MACHINES.load(Ordering::Relaxed)
}

/// Of what is wrong with a rules file, so much is told in the log.
const FINDINGS_MAX: usize = 20;

/// What is wrong with a rules file, a line for each mistake.
pub fn tell_findings(findings: &Findings) {
    let told = findings.to_json();
    let told = told.as_array().map_or(&[][..], Vec::as_slice);
    for problem in told.iter().take(FINDINGS_MAX) {
        let text = |key: &str| problem[key].as_str();
        let (file, line, column) = (text("file"), problem["line"].as_u64(), problem["column"].as_u64());
        let is_mistake = text("severity") == Some("error");
        let (problem, help) = (text("message"), text("help"));
        if is_mistake {
            error!(file, line, column, problem, help, "a mistake in the rules file");
        } else {
            warn!(file, line, column, problem, help, "a doubt about the rules file");
        }
    }
    if told.len() > FINDINGS_MAX {
        let more = told.len() - FINDINGS_MAX;
        warn!(more, "more is wrong with the rules file: `doorchime check` shows all of it");
    }
}

const NEVER: anstream::ColorChoice = anstream::ColorChoice::Never;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no log level: error, warn, info, debug, trace, or directives such as `info,doorchime::outbox=debug`"
)]
pub struct BadLevel(String);

fn filter(level: Option<&str>, otherwise: Level) -> Result<Targets, BadLevel> {
    let ours = |level: &str| format!("warn,doorchime={level}");
    // A lone word is read as the name of a crate, so that a mistyped level would pass as one.
    let mistyped = |directive: &str| {
        let known = directive.parse::<LevelFilter>().is_ok() || directive.starts_with("doorchime");
        !known && !directive.contains(['=', ':'])
    };
    if level.is_some_and(|level| level.split(',').any(|directive| mistyped(directive.trim()))) {
        return Err(BadLevel(level.unwrap_or_default().to_owned()));
    }
    let directives = match level {
        None => ours(otherwise.as_str()),
        Some(level) if level.parse::<LevelFilter>().is_ok() => ours(level),
        Some(directives) => format!("{},{directives}", ours(otherwise.as_str())),
    };
    directives.parse().map_err(|_| BadLevel(level.unwrap_or_default().to_owned()))
}

/// The HTTP and TLS libraries tell addresses at `debug` and headers at `trace`. Those are secrets here, so
/// that no setting opens them.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target() == "doorchime" || metadata.target().starts_with("doorchime::");
    ours || *metadata.level() <= Level::WARN
}

/// Stderr, with one line for each event: what a stranger wrote (a close reason, an answer) cannot pretend to be
/// a line of ours.
struct Lines(io::Stderr);

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(&one_line(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// An event as it is formatted, its inner line ends made visible.
fn one_line(event: &[u8]) -> Cow<'_, [u8]> {
    let line = event.strip_suffix(b"\n").unwrap_or(event);
    if !line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Cow::Borrowed(event);
    }
    let mut whole = Vec::with_capacity(event.len() + 8);
    for &byte in line {
        match byte {
            b'\n' => whole.extend(b"\\n"),
            b'\r' => whole.extend(b"\\r"),
            byte => whole.push(byte),
        }
    }
    whole.extend(&event[line.len()..]);
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_words_or_directives() {
        for (level, expected) in [
            (None, "warn,doorchime=info"),
            (Some("debug"), "warn,doorchime=debug"),
            (Some("WARN"), "warn,doorchime=warn"),
            (Some("off"), "warn,doorchime=off"),
            (Some("doorchime::outbox=trace"), "doorchime::outbox=trace,doorchime=info,warn"),
        ] {
            let mut told: Vec<String> =
                filter(level, Level::INFO).unwrap().to_string().split(',').map(str::to_lowercase).collect();
            let mut expected: Vec<String> = expected.split(',').map(str::to_lowercase).collect();
            told.sort();
            expected.sort();
            assert_eq!(told, expected, "{level:?}");
        }
        for wrong in ["loud", "doorchime=loud", "a=b=c"] {
            assert_eq!(filter(Some(wrong), Level::INFO).unwrap_err(), BadLevel(wrong.to_owned()));
        }
    }

    #[test]
    fn an_event_is_one_line() {
        for (event, shown) in
            [("a b\n", "a b\n"), ("a\nERROR b\r\n", "a\\nERROR b\\r\n"), ("", ""), ("a\rb", "a\\rb")]
        {
            assert_eq!(one_line(event.as_bytes()), shown.as_bytes());
        }
    }
}
