//! `outbox`: what is on its way, what arrived, what did not and why.

use std::io::Write;

use serde_json::{Value, json};

use super::args::{Outbox, OutboxCommand, OutboxList, OutboxShow, OutboxSome};
use super::exit::{Ended, Exit, Failure};
use super::style::{self, paint, plain};
use super::words::{ago, count, date, within};
use crate::clock::Clock;
use crate::outbox::delivery::Fate;
use crate::outbox::store::ledger::{Entry, Filter, Ledger};

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
    };
    let entries = ledger.list(&filter).map_err(Failure::fault)?;
    let mut out = anstream::stdout().lock();
    if args.json {
        let list: Vec<Value> = entries.iter().map(as_json).collect();
        writeln!(out, "{:#}", Value::from(list))?;
        return Ok(Exit::Fine);
    }
    if entries.is_empty() {
        let such =
            if args.state.is_some() || args.target.is_some() { "such deliveries" } else { "deliveries" };
        writeln!(out, "No {such} in {}.", args.data.dir.display())?;
        return Ok(Exit::Fine);
    }
    let now_ms = Clock::start().now().wall_ms;
    let rows: Vec<[String; 6]> = entries.iter().map(|entry| row(entry, now_ms)).collect();
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

fn row(entry: &Entry, now_ms: i64) -> [String; 6] {
    let answer = entry.attempt.as_ref().map(|attempt| {
        let shown: String =
            plain(attempt.answer.lines().next().unwrap_or_default()).chars().take(ANSWER_CHARS_MAX).collect();
        match attempt.status {
            Some(status) => format!("{status} {shown}"),
            None => shown,
        }
    });
    let state = match entry.fate {
        Fate::Pending { next_ms } if next_ms > now_ms => {
            format!("pending, again {}", within(next_ms - now_ms))
        }
        fate => word(fate).to_owned(),
    };
    let state = match (entry.fate, answer) {
        (Fate::Delivered, _) | (_, None) => state,
        (_, Some(answer)) => format!("{state}: {}", answer.trim()),
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

fn show(args: &OutboxShow) -> Ended {
    let ledger = Ledger::open(&args.data.dir).map_err(Failure::usage)?;
    let entry = ledger.find(&args.id).map_err(Failure::usage)?;
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", as_json(&entry))?;
        return Ok(Exit::Fine);
    }
    let delivery = &entry.delivery;
    let mut say =
        |name: &str, value: &str| writeln!(out, "{} {value}", paint(style::HEAD, format!("{name:9}")));
    say("number", &entry.seq.to_string())?;
    say("id", &delivery.id.to_string())?;
    say("state", &paint(colour(entry.fate), word(entry.fate)))?;
    say("target", &plain(&delivery.target))?;
    say("rule", &plain(&delivery.rule))?;
    if let Some(person) = delivery.person {
        say("person", &person.to_string())?;
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
    if let Some(attempt) = &entry.attempt {
        let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        say("last try", &format!("{status}, after {} ms", attempt.took.as_millis()))?;
        for answer in attempt.answer.lines() {
            say("", &plain(answer))?;
        }
    }
    let parts = format!("{:#}", Value::Object(delivery.parts.clone()));
    for (number, part) in parts.lines().enumerate() {
        say(if number == 0 { "message" } else { "" }, &plain(part))?;
    }
    Ok(Exit::Fine)
}

fn retry(args: &OutboxSome) -> Ended {
    let now_ms = Clock::start().now().wall_ms;
    mend(args, "to be sent again", |ledger, seq| ledger.retry(seq, now_ms))
}

fn drop(args: &OutboxSome) -> Ended {
    mend(args, "dropped", Ledger::drop)
}

fn mend<E: std::fmt::Display>(
    args: &OutboxSome,
    done: &str,
    mut change: impl FnMut(&mut Ledger, i64) -> Result<bool, E>,
) -> Ended {
    let mut ledger = Ledger::open(&args.data.dir).map_err(Failure::usage)?;
    let seqs: Vec<i64> = if args.all_dead {
        let filter = Filter { state: Some("dead".to_owned()), target: None, limit: usize::MAX };
        ledger.list(&filter).map_err(Failure::fault)?.iter().map(|entry| entry.seq).collect()
    } else {
        // All of them are looked up first: a mistyped one changes nothing.
        args.ids
            .iter()
            .map(|id| ledger.find(id).map(|entry| entry.seq))
            .collect::<Result<_, _>>()
            .map_err(Failure::usage)?
    };
    let mut changed = 0;
    for seq in seqs {
        changed += usize::from(change(&mut ledger, seq).map_err(Failure::fault)?);
    }
    writeln!(anstream::stdout().lock(), "{} {done}.", count(changed, "delivery", "deliveries"))?;
    Ok(Exit::Fine)
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Pending { .. } => "pending",
        Fate::Delivered => "delivered",
        Fate::Dead => "dead",
        Fate::Expired => "expired",
    }
}

fn colour(fate: Fate) -> clap::builder::styling::Style {
    match fate {
        Fate::Pending { .. } => style::ODD,
        Fate::Delivered => style::GOOD,
        Fate::Dead => style::BAD,
        Fate::Expired => style::FAINT,
    }
}

fn as_json(entry: &Entry) -> Value {
    let delivery = &entry.delivery;
    let next_ms = match entry.fate {
        Fate::Pending { next_ms } if next_ms > 0 => Some(next_ms),
        _ => None,
    };
    json!({
        "number": entry.seq,
        "id": delivery.id.to_string(),
        "state": word(entry.fate),
        "target": &*delivery.target,
        "rule": &*delivery.rule,
        "person": delivery.person,
        "created": date(delivery.created_ms),
        "expires": date(delivery.expires_ms),
        "next": next_ms.map(date),
        "settled": entry.settled_ms.map(date),
        "attempts": entry.attempts,
        "last_attempt": entry.attempt.as_ref().map(|attempt| json!({
            "status": attempt.status,
            "answer": attempt.answer,
            "took_ms": attempt.took.as_millis() as u64,
        })),
        "message": delivery.parts,
    })
}
