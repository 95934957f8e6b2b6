//! `test`: the tests in the rules file, played on a virtual clock.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::json;

use super::args::Test;
use super::check;
use super::exit::{Ended, Exit, Failure};
use super::rules_file;
use super::style::{self, paint, plain};
use super::words::count;
use crate::printable;
use crate::rehearsal::report::Report;
use crate::rehearsal::story::{Asked, Played};
use crate::rehearsal::telling::{Said, Tone, tell, width};
use crate::rules::compile::Loaded;
use crate::rules::pattern::Pattern;
use crate::rules::set::RuleSet;
use crate::rules::story::Story;

pub(super) fn test(args: &Test) -> Ended {
    let (name, read) = rules_file::read(args.rules.rules.as_deref())?;
    let Loaded { set, stories, .. } = match read {
        Ok(loaded) => loaded,
        Err(findings) => return check::refused(args.json, &name, &findings),
    };
    let picked = pick(&stories, args.only.as_deref())?;
    let set = Arc::new(set);
    let mut written = Ok(());
    let report = Report::play(&set, picked, |story, played| {
        if !args.json && written.is_ok() {
            written = show(&name, &set, story, played, args.timeline);
        }
    });
    written?;
    let mut out = anstream::stdout().lock();
    if args.json {
        let mut told = report.to_json();
        told["file"] = json!(name);
        told["ok"] = json!(report.failed.is_empty());
        writeln!(out, "{}", printable::json(&told))?;
    } else {
        writeln!(out, "{}", summary(&name, &report, stories.is_empty()))?;
    }
    Ok(if report.failed.is_empty() { Exit::Fine } else { Exit::Findings })
}

/// The tests whose names fit.
fn pick<'s>(stories: &'s [Story], only: Option<&str>) -> Result<Vec<&'s Story>, Failure> {
    let Some(only) = only else { return Ok(stories.iter().collect()) };
    let pattern = Pattern::compile(only).map_err(|mistake| {
        let help = mistake.help.map_or_else(String::new, |help| format!("; {help}"));
        Failure::Usage(format!("`--only {}`: {}{help}", plain(only), mistake.what))
    })?;
    let part = pattern.is_plain().then(|| only.to_lowercase());
    let fits = |story: &&Story| {
        let within = part.as_ref().is_some_and(|part| story.name.to_lowercase().contains(part));
        within || pattern.matches(&story.name)
    };
    let picked: Vec<&Story> = stories.iter().filter(fits).collect();
    if picked.is_empty() && !stories.is_empty() {
        let names = stories.iter().take(5).map(|story| format!("`{}`", plain(&story.name)));
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!("no test is called `{}`; there is {names}", plain(only))));
    }
    Ok(picked)
}

/// One test's line, and what happened in it if it failed.
pub(super) fn show(
    file: &str,
    rules: &RuleSet,
    story: &Story,
    played: &Played,
    timeline: bool,
) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let passed = played.passed();
    let (style, word) = if passed { (style::GOOD, "passed") } else { (style::BAD, "failed") };
    let place = if passed { String::new() } else { format!(" ({}:{})", plain(file), story.line) };
    writeln!(out, "{}  {}{}", paint(style, word), plain(&story.name), paint(style::FAINT, place))?;
    if !passed || timeline {
        write!(out, "{}", in_colour(&tell(rules, story, played)))?;
    }
    Ok(())
}

/// A test's lines, for a terminal.
fn in_colour(said: &[Said]) -> String {
    let wide = width(said);
    let line = |line: &Said| {
        let at = paint(style::FAINT, format!("{:>wide$}", line.at));
        let (style, mark) = match line.tone {
            Tone::Step => (style::HEAD, ""),
            Tone::Change | Tone::Rings(Asked::Not) => (style::FAINT, ""),
            Tone::Quiet => (style::ODD, ""),
            Tone::Rings(Asked::Expected) => (style::GOOD, ""),
            Tone::Rings(Asked::Unexpected) => (style::BAD, "  <- not expected"),
            Tone::Missing => (style::BAD, ""),
            Tone::Hint => (style::NAME, ""),
        };
        format!("  {at}  {}\n", paint(style, format!("{}{}{mark}", line.tone.word(), line.text)))
    };
    said.iter().map(line).collect()
}

fn summary(file: &str, report: &Report<'_>, none: bool) -> String {
    let head = paint(style::HEAD, plain(file));
    if none {
        return format!("{head} has no tests: write them under `tests:`");
    }
    let failed = report.failed.len();
    let tests = count(report.played, "test", "tests");
    if failed == 0 {
        format!("{head}: {}", paint(style::GOOD, format!("{tests} passed")))
    } else {
        format!("{head}: {}", paint(style::BAD, format!("{failed} of {tests} failed")))
    }
}
