//! `outbox`: what is on its way, what arrived, what did not and why.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use serde_json::Value;

use super::args::{Outbox, OutboxCommand, OutboxList, OutboxRetry, OutboxShow, OutboxSome};
use super::exit::{Ended, Exit, Failure};
use super::style::{self, paint, plain};
use super::words::{ago, count, date, within};
use crate::clock::Clock;
use crate::outbox::delivery::{Attempt, End, Fate, Sibling};
use crate::outbox::shown::{Waits, as_json, message, tried_as_json};
use crate::outbox::store::ledger::{Entry, Filter, Ledger, Tried, Trouble};
use crate::printable;

/// Of an answer, so many characters are shown in a table.
const ANSWER_CHARS_MAX: usize = 60;

pub(super) fn outbox(args: &Outbox) -> Ended {
    match &args.command {
        OutboxCommand::List(args) => list(args),
        OutboxCommand::Show(args) => show(args),
        OutboxCommand::Retry(args) => retry(args),
        OutboxCommand::Drop(args) => drop(args),
    }
}

fn list(args: &OutboxList) -> Ended {
    let ledger = Ledger::open(&args.data.dir).map_err(Failure::usage)?;
    let filter = Filter {
        state: args.state.map(|state| state.word().to_owned()),
        target: args.target.clone(),
        limit: args.limit,
        ..Filter::default()
    };
    let entries = ledger.list(&filter).map_err(Failure::fault)?;
    let mut out = anstream::stdout().lock();
    if args.json {
        let list: Vec<Value> = entries.iter().map(as_json).collect();
        writeln!(out, "{}", printable::json(&Value::from(list)))?;
        return Ok(Exit::Fine);
    }
    if entries.is_empty() {
        let such =
            if args.state.is_some() || args.target.is_some() { "such deliveries" } else { "deliveries" };
        writeln!(out, "No {such} in {}.", args.data.dir.display())?;
        return Ok(Exit::Fine);
    }
    let now_ms = Clock::start().now().wall_ms;
    let troubles = ledger.troubles().map_err(Failure::fault)?;
    let rows: Vec<[String; 6]> = entries.iter().map(|entry| row(entry, &troubles, now_ms)).collect();
    let head = ["NUMBER", "AGE", "TARGET", "RULE", "TRIES", "STATE"].map(str::to_owned);
    let mut widths = head.each_ref().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    writeln!(out, "{}", paint(style::HEAD, line(&head, &widths)))?;
    for (entry, row) in entries.iter().zip(&rows) {
        writeln!(out, "{}", paint(colour(entry.fate), line(row, &widths)))?;
    }
    if entries.len() == args.limit {
        writeln!(out, "{}", paint(style::FAINT, "There may be more: --limit shows them."))?;
    }
    Ok(Exit::Fine)
}

fn line(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}"));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn row(entry: &Entry, troubles: &BTreeMap<Arc<str>, Trouble>, now_ms: i64) -> [String; 6] {
    let answer = entry.attempt.as_ref().map(short);
    let state = match (entry.fate, answer) {
        (Fate::Pending { .. }, answer) => {
            let waits = Waits::of(entry, troubles, now_ms).unwrap_or(Waits::Nothing);
            pending(waits, answer, now_ms)
        }
        (fate @ (Fate::Delivered | Fate::Rehearsed), _) | (fate, None) => fate.word().to_owned(),
        (fate, Some(answer)) => format!("{}: {answer}", fate.word()),
    };
    let state = match (&entry.successor, &entry.delivery.origin) {
        (Some(next), _) => format!("{state} (then {} to {})", next.seq, plain(&next.target)),
        (None, Some(before)) => format!("{state} (for {})", before.seq),
        (None, None) => state,
    };
    [
        entry.seq.to_string(),
        ago(now_ms - entry.delivery.created_ms),
        plain(&entry.delivery.target),
        plain(&entry.delivery.rule),
        entry.attempts.to_string(),
        state,
    ]
}

/// What an owed delivery waits for: its own next try, or its target.
fn pending(waits: Waits<'_>, answer: Option<String>, now_ms: i64) -> String {
    let again = |next_ms: i64| format!("again {}", within(next_ms - now_ms));
    match (waits, answer) {
        (Waits::Disabled { trouble }, _) => {
            format!("waits: target disabled ({})", short(&trouble.attempt))
        }
        (Waits::Next { next_ms }, answer) => {
            format!("pending, {}: {}", again(next_ms), answer.unwrap_or_default())
        }
        (Waits::Pause { next_ms, trouble }, _) => {
            format!("waits: target asked for a pause, {} ({})", again(next_ms), short(&trouble.attempt))
        }
        (Waits::Failing { next_ms: Some(next_ms), trouble }, _) => {
            format!("waits: target fails, {} ({})", again(next_ms), short(&trouble.attempt))
        }
        (Waits::Failing { next_ms: None, trouble }, _) => {
            format!("waits: target fails ({})", short(&trouble.attempt))
        }
        (Waits::Nothing, Some(answer)) => format!("pending: {answer}"),
        (Waits::Nothing, None) => "pending".to_owned(),
    }
}

/// An attempt in a few words: its status, and the beginning of the answer.
fn short(attempt: &Attempt) -> String {
    let line = plain(attempt.answer.lines().next().unwrap_or_default());
    let shown: String = line.chars().take(ANSWER_CHARS_MAX).collect();
    let shown = match attempt.status {
        Some(status) => format!("{status} {shown}"),
        None => shown,
    };
    shown.trim().to_owned()
}

fn show(args: &OutboxShow) -> Ended {
    let ledger = Ledger::open(&args.data.dir).map_err(Failure::usage)?;
    let entry = ledger.find(&args.id).map_err(Failure::usage)?;
    let mut out = anstream::stdout().lock();
    let tried = ledger.attempts(&entry).map_err(Failure::fault)?;
    if args.json {
        let mut told = as_json(&entry);
        told["tries"] = tried.iter().map(tried_as_json).collect();
        writeln!(out, "{}", printable::json(&told))?;
        return Ok(Exit::Fine);
    }
    let delivery = &entry.delivery;
    let mut say =
        |name: &str, value: &str| writeln!(out, "{} {value}", paint(style::HEAD, format!("{name:9}")));
    say("number", &entry.seq.to_string())?;
    say("id", &delivery.id.to_string())?;
    say("state", &paint(colour(entry.fate), entry.fate.word()))?;
    say("target", &plain(&delivery.target))?;
    say("rule", &plain(&delivery.rule))?;
    match (&delivery.called, delivery.person) {
        (Some(name), Some(person)) => say("person", &format!("{} ({person})", plain(name)))?,
        (None, Some(person)) => say("person", &person.to_string())?,
        (_, None) => {}
    }
    for line in fallback_lines(&entry) {
        say("fallback", &line)?;
    }
    say("written", &date(delivery.created_ms))?;
    match (entry.fate, entry.settled_ms) {
        (Fate::Pending { next_ms }, _) => {
            if next_ms > 0 {
                say("next try", &date(next_ms))?;
            }
            say("expires", &date(delivery.expires_ms))?;
        }
        (_, Some(settled_ms)) => say("settled", &date(settled_ms))?,
        (_, None) => {}
    }
    say("tries", &entry.attempts.to_string())?;
    for Tried { number, at_ms, attempt, next_ms } in &tried {
        let at = at_ms.map_or_else(String::new, |at_ms| format!("{}: ", date(at_ms)));
        let status = attempt.status.map_or_else(
            || if entry.fate == Fate::Rehearsed { "not sent" } else { "no answer" }.to_owned(),
            |status| format!("HTTP {status}"),
        );
        let then = then(attempt.end, *next_ms);
        let took = attempt.took.as_millis();
        say(&format!("try {number}"), &format!("{at}{status} after {took} ms; {then}"))?;
        for answer in attempt.answer.lines() {
            say("", &plain(answer))?;
        }
    }
    let parts = format!("{:#}", Value::Object(message(delivery)));
    for (number, part) in parts.lines().enumerate() {
        say(if number == 0 { "message" } else { "" }, &plain(part))?;
    }
    Ok(Exit::Fine)
}

/// Where a delivery comes from and where it goes, if not from a rule to its target.
fn fallback_lines(entry: &Entry) -> Vec<String> {
    let sibling = |sibling: &Sibling| format!("{} to {}", sibling.seq, plain(&sibling.target));
    let mut lines = Vec::new();
    if let Some(before) = &entry.delivery.origin {
        lines.push(format!("in place of {}", sibling(before)));
    }
    if let Some(next) = &entry.successor {
        lines.push(format!("{} took over", sibling(next)));
    }
    let further: Vec<String> =
        entry.delivery.fallbacks.iter().map(|fallback| plain(&fallback.target)).collect();
    if !further.is_empty() {
        lines.push(format!("to {}, should it not be taken", further.join(", then ")));
    }
    lines
}

/// What followed from an attempt.
fn then(end: End, next_ms: Option<i64>) -> String {
    let at = |what: &str| {
        next_ms.map_or_else(|| what.to_owned(), |next_ms| format!("{what} at {}", date(next_ms)))
    };
    match end {
        End::Delivered => "it has it".to_owned(),
        End::Later => at("to be tried again"),
        End::Paused => at("it asked for a pause, to be tried again"),
        End::Plain => "markup refused, to be tried as plain text".to_owned(),
        End::Refused => "refused for good".to_owned(),
        End::Disabled => "target disabled: its address or token has to be mended".to_owned(),
    }
}

fn retry(args: &OutboxRetry) -> Ended {
    let mut ledger = Ledger::open(&args.some.data.dir).map_err(Failure::usage)?;
    let meant = meant(&ledger, &args.some)?;
    if let Some(arrived) = meant.iter().find(|entry| entry.fate == Fate::Delivered).filter(|_| !args.force) {
        let (number, target) = (arrived.seq, plain(&arrived.delivery.target));
        return Err(Failure::Usage(format!(
            "delivery {number} has arrived at `{target}` already: with --force it is sent once more"
        )));
    }
    let now_ms = Clock::start().now().wall_ms;
    let (mut again, mut at_once) = (0, 0);
    for entry in &meant {
        let changed = usize::from(ledger.retry(entry.seq, now_ms).map_err(Failure::fault)?);
        *if matches!(entry.fate, Fate::Pending { .. }) { &mut at_once } else { &mut again } += changed;
    }
    let mut told = Vec::new();
    if again > 0 || at_once == 0 {
        told.push(format!("{} to be sent again.", count(again, "delivery", "deliveries")));
    }
    if at_once > 0 {
        told.push(format!(
            "{} still on the way, to be tried at once.",
            count(at_once, "delivery is", "deliveries are")
        ));
    }
    writeln!(anstream::stdout().lock(), "{}", told.join(" "))?;
    Ok(Exit::Fine)
}

fn drop(args: &OutboxSome) -> Ended {
    let mut ledger = Ledger::open(&args.data.dir).map_err(Failure::usage)?;
    let mut dropped = 0;
    for entry in meant(&ledger, args)? {
        dropped += usize::from(ledger.drop(entry.seq).map_err(Failure::fault)?);
    }
    writeln!(anstream::stdout().lock(), "{} dropped.", count(dropped, "delivery", "deliveries"))?;
    Ok(Exit::Fine)
}

/// The deliveries that are meant. All of them are looked up first: a mistyped one changes nothing.
fn meant(ledger: &Ledger, args: &OutboxSome) -> Result<Vec<Entry>, Failure> {
    if args.all_dead {
        let filter = Filter { state: Some("dead".to_owned()), limit: usize::MAX, ..Filter::default() };
        return ledger.list(&filter).map_err(Failure::fault);
    }
    args.ids.iter().map(|id| ledger.find(id)).collect::<Result<_, _>>().map_err(Failure::usage)
}

fn colour(fate: Fate) -> clap::builder::styling::Style {
    match fate {
        Fate::Pending { .. } => style::ODD,
        Fate::Delivered => style::GOOD,
        Fate::Dead => style::BAD,
        Fate::Expired | Fate::Rehearsed => style::FAINT,
    }
}
