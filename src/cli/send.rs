//! `send`: one test notification to one target, and its answer in words.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::args::Send;
use super::exit::{Ended, Exit, Failure};
use super::rules_file;
use super::style::{self, paint, plain};
use crate::clock::Clock;
use crate::outbox::delivery::{Answer, Delivery, DeliveryId, Reading, Reply};
use crate::outbox::excerpt::excerpt;
use crate::outbox::sender::Sender;
use crate::printable;
use crate::rules::compile::Alone;
use crate::rules::file;
use crate::rules::mistake::nearest;
use crate::rules::set::RuleSet;
use crate::targets::{Outgoing, Target};
use crate::time::millis;

/// Under this rule's name a test goes out.
const RULE: &str = "test";
/// For targets that date what they show.
const EXPIRES: Duration = Duration::from_secs(3600);

/// What came of it.
struct Sent {
    /// Whether the target has it.
    ok: bool,
    status: Option<u16>,
    /// One sentence.
    said: String,
    /// What the target answered, without secrets.
    answer: String,
    took: Duration,
}

pub(super) fn send(args: &Send) -> Ended {
    let target = find(args)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    let sent = runtime.block_on(attempt(&target, &args.text))?;
    let exit = if sent.ok { Exit::Fine } else { Exit::Findings };
    let mut out = anstream::stdout().lock();
    let took_ms = sent.took.as_millis() as u64;
    if args.json {
        let told = json!({
            "target": &**target.name(),
            "type": target.kind().name,
            "ok": sent.ok,
            "status": sent.status,
            "said": sent.said,
            "answer": sent.answer,
            "took_ms": took_ms,
        });
        writeln!(out, "{}", printable::json(&told))?;
        return Ok(exit);
    }
    let style = if sent.ok { style::GOOD } else { style::BAD };
    let name = paint(style::HEAD, plain(target.name()));
    let status = sent.status.map_or_else(String::new, |status| format!("HTTP {status}, "));
    writeln!(
        out,
        "{name} ({}): {} ({status}{took_ms} ms)",
        target.kind().name,
        paint(style, plain(&sent.said))
    )?;
    for line in sent.answer.lines().filter(|line| !line.trim().is_empty()) {
        writeln!(out, "  {}", paint(style::FAINT, plain(line)))?;
    }
    Ok(exit)
}

/// The target, and on stderr what is odd about it. Mistakes elsewhere in the file are no hindrance, unless the
/// target is not there.
fn find(args: &Send) -> Result<Arc<Target>, Failure> {
    let path = rules_file::find(args.rules.rules.as_deref())?;
    let findings = match file::load_target(&path, &args.target) {
        Ok(Some(Alone { target, warnings })) => {
            if !warnings.is_empty() {
                write!(anstream::stderr().lock(), "{}", warnings.render(true))?;
            }
            return Ok(target);
        }
        Ok(None) => {
            let (path, loaded) = rules_file::load(Some(&path))?;
            return Err(Failure::Usage(unknown(&args.target, &path, &loaded.set)));
        }
        Err(findings) => findings,
    };
    write!(anstream::stderr().lock(), "{}", findings.render(true))?;
    Err(Failure::Told(Exit::Usage))
}

async fn attempt(target: &Target, text: &str) -> Result<Sent, Failure> {
    let clock = Clock::start();
    let began = clock.now();
    let delivery = Delivery {
        id: id(),
        target: target.name().clone(),
        rule: RULE.into(),
        person: None,
        called: None,
        cause: None,
        parts: target.test_parts(text),
        created_ms: began.wall_ms,
        expires_ms: began.wall_ms + millis(EXPIRES),
        fallbacks: Vec::new(),
        origin: None,
    };
    let mut request = match target.request(&delivery, began.wall_ms, false) {
        Outgoing::Http(request) => request,
        Outgoing::Unready { why } => return Ok(unsent(format!("cannot be written: {why}"), Duration::ZERO)),
        Outgoing::Print(line) => {
            writeln!(anstream::stdout().lock(), "{line}")?;
            let (said, answer) = ("printed it".to_owned(), String::new());
            return Ok(Sent { ok: true, status: None, said, answer, took: Duration::ZERO });
        }
    };
    let settings = target.delivery_settings();
    let sender =
        Sender::new().and_then(|sender| sender.trusting(settings.ca.as_deref())).map_err(Failure::usage)?;
    let reply = sender.send(&mut request, settings.timeout, settings.ca.as_deref()).await;
    let ended = clock.now();
    let took = ended.mono.saturating_sub(began.mono);
    Ok(match reply {
        Reply::Answer(answer) => {
            let reading = target.read(&answer, ended.wall_ms);
            let ok = matches!(reading, Reading::Delivered | Reading::DeliveredThenPause(_));
            let said = spoken(&reading, &answer);
            Sent { ok, status: Some(answer.status), said, answer: excerpt(&answer, &request), took }
        }
        Reply::Unsent { why } => unsent(format!("could not be reached: {why}"), took),
        Reply::Unanswered { why } => unsent(format!("may have it, or not: {why}"), took),
    })
}

fn unsent(said: String, took: Duration) -> Sent {
    Sent { ok: false, status: None, said, answer: String::new(), took }
}

fn spoken(reading: &Reading, answer: &Answer) -> String {
    match reading {
        Reading::Delivered | Reading::DeliveredThenPause(_) => "has it".to_owned(),
        Reading::Wait(Some(wait)) => format!("asks to wait {} s; the bot would do so", wait.as_secs().max(1)),
        Reading::Wait(None) => "asks to wait; the bot would do so".to_owned(),
        Reading::Again | Reading::Refused if (300..400).contains(&answer.status) => {
            "points elsewhere, and doorchime follows no redirects: is the address complete, with `https`?"
                .to_owned()
        }
        Reading::Unsure => "may have it, or not: its answer broke off".to_owned(),
        Reading::Again => "cannot take it now; the bot would try again".to_owned(),
        Reading::AgainPlain => "refuses the markup; the bot would send it as plain text".to_owned(),
        Reading::Refused => "refuses it".to_owned(),
        Reading::Disable => "does not let us in: its address or token is not valid (any more)".to_owned(),
    }
}

fn unknown(name: &str, path: &Path, set: &RuleSet) -> String {
    let known = || set.targets.keys().map(AsRef::as_ref);
    let hint = match nearest(name, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            format!("there are {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
    };
    format!("`{}` has no target `{}`: {hint}", path.display(), plain(name))
}

#[expect(clippy::disallowed_methods, reason = "one id for one request that is not kept")]
fn id() -> DeliveryId {
    DeliveryId::now_v7()
}
