//! One attempt at one delivery, from the request to what is kept of the answer.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::{End, Fallback, Fate, Outcome, Reading, Reply};
use super::excerpt::excerpt;
use super::queue::Start;
use super::retry::{self, Heard, RetrySettings, Try};
use super::sender::Sender;
use crate::clock::Clock;
use crate::printable::{moves, plain};
use crate::targets::{Outgoing, Target, filled};
use crate::time::Moment;
use crate::traces::bridge::Traces;
use crate::traces::happening::{About, Happening, Tried};

/// An attempt that has ended.
pub struct Attempted {
    pub start: Start,
    pub target: Arc<Target>,
    /// Missing where it was no HTTP.
    pub method: Option<&'static str>,
    pub heard: Heard,
    /// What is kept of the answer, or why there is none; without secrets.
    pub kept: String,
    pub began: Moment,
    pub took: Duration,
}

/// Makes the attempt.
pub async fn make(
    sender: Arc<Sender>,
    target: Arc<Target>,
    start: Start,
    clock: Clock,
    traces: Traces,
) -> Attempted {
    let began = clock.now();
    let mut method = None;
    let (heard, kept) = match target.request(&start.delivery, began.wall_ms, start.plain) {
        Outgoing::Print(line) => (printed(&line), String::new()),
        Outgoing::Unready { why } => (Heard::Unfit, why),
        Outgoing::Http(mut request) => {
            method = Some(request.method);
            traces.pass_on(&mut request, start.delivery.id, start.attempts, began);
            let settings = target.delivery_settings();
            let reply = sender.send(&mut request, settings.timeout, settings.ca.as_deref()).await;
            match reply {
                Reply::Answer(answer) => {
                    let reading = target.read(&answer, clock.now().wall_ms);
                    // A yes is not kept: that it was one says it.
                    let kept = match reading {
                        Reading::Delivered | Reading::DeliveredThenPause(_) => String::new(),
                        Reading::Unsure => {
                            format!("the answer broke off: {}", excerpt(&answer, &request))
                        }
                        _ => excerpt(&answer, &request),
                    };
                    (Heard::Answer { status: Some(answer.status), reading }, kept)
                }
                Reply::Unsent { why } => (Heard::Unsent, why),
                Reply::Unanswered { why } => (Heard::Unanswered, why),
            }
        }
    };
    let took = clock.now().mono.saturating_sub(began.mono);
    Attempted { start, target, method, heard, kept, began, took }
}

/// Says what would be sent, without its address, and takes it as delivered.
pub fn rehearse(target: Arc<Target>, start: Start, began: Moment) -> Attempted {
    let delivery = &start.delivery;
    let about = match (&delivery.called, delivery.person) {
        (Some(name), _) => format!(" ({name})"),
        (None, Some(person)) => format!(" ({person})"),
        (None, None) => String::new(),
    };
    let shown = |parts| serde_json::to_string(&filled::shown(parts)).unwrap_or_default();
    let parts = shown(&delivery.parts);
    let mut line = format!("dry run: {} <- {}{about}: {parts}", delivery.target, delivery.rule);
    for Fallback { target, parts, .. } in &delivery.fallbacks {
        let _ = write!(line, "; or else {target}: {}", shown(parts));
    }
    let heard = printed(&line);
    let kept = "dry run: not sent".to_owned();
    Attempted { start, target, method: None, heard, kept, began, took: Duration::ZERO }
}

/// Prints one line; nothing in it may move the cursor or turn the text around.
fn printed(line: &str) -> Heard {
    match writeln!(anstream::stdout(), "{}", plain(line)) {
        Ok(()) => Heard::Answer { status: None, reading: Reading::Delivered },
        // Nobody reads the pipe any more; perhaps after the next start.
        Err(_) => Heard::Unsent,
    }
}

impl Attempted {
    pub fn status(&self) -> Option<u16> {
        match self.heard {
            Heard::Answer { status, .. } => status,
            _ => None,
        }
    }

    pub fn judge(&self, roll: f64, settings: &RetrySettings) -> Outcome {
        let retry_on_timeout = self.target.delivery_settings().retry_on_timeout;
        let settings = RetrySettings { retry_on_timeout, ..*settings };
        let attempt = Try { failures: self.start.attempts.saturating_add(1), plain: self.start.plain, roll };
        retry::judge(&self.heard, attempt, &settings)
    }

    /// How it failed, in one line.
    pub fn why(&self) -> String {
        let Some(status) = self.status() else { return self.kept.clone() };
        let kept: String = self.kept.chars().take(200).map(|c| if moves(c) { ' ' } else { c }).collect();
        format!("HTTP {status} {}", kept.trim()).trim_end().to_owned()
    }

    /// For traces, with what followed from it: nothing of the answer but its status.
    pub fn happening(&self, word: &'static str, end: End, fate: Fate) -> Happening {
        let Start { seq, delivery, attempts, .. } = &self.start;
        let silent = !matches!(self.heard, Heard::Answer { .. });
        let tried = Tried {
            before: *attempts,
            began: self.began,
            took: self.took,
            method: self.method,
            status: self.status(),
            silence: silent.then(|| self.kept.clone()).filter(|why| !why.is_empty()),
            word,
            end,
            fate,
        };
        Happening::Tried { about: About::of(delivery, Some(*seq)), tried }
    }

    /// A word for metrics.
    pub fn word(&self, outcome: &Outcome) -> &'static str {
        match (&self.heard, outcome) {
            (Heard::Unsent | Heard::Unfit, _) => "unsent",
            (Heard::Unanswered, _) => "unanswered",
            (Heard::Answer { .. }, outcome) => End::of(outcome).word(),
        }
    }
}
