//! `record`: what Lanyard lets us know, into a file.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::looking::Record;
use super::exit::{Ended, Exit, Failure};
use super::run::spoken;
use super::watch::news::{News, tell};
use super::whom::{self, Whom};
use super::words::{ago, bytes, count};
use crate::app::lookout::Lookout;
use crate::app::signals::Signals;
use crate::clock::Clock;
use crate::lanyard::observation::Observation;
use crate::presence::model::UserId;
use crate::recording::recorder::{Recorder, Reel};
use crate::recording::tape::Existing;
use crate::time::millis;

/// How often it is looked how the recorder does, and shown.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn record(args: &Record) -> Ended {
    let whom = whom::find(&args.look(), &args.person)?;
    let existing = match (args.force, args.append) {
        (true, _) => Existing::Overwrite,
        (_, true) => Existing::Append,
        _ => Existing::Refuse,
    };
    let reel = Reel { path: args.file.clone(), existing, bytes_max: args.max_size };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    runtime.block_on(go(&whom, &reel, args.length))
}

async fn go(whom: &Whom, reel: &Reel, length: Option<Duration>) -> Ended {
    let Whom { rules, everyone } = whom;
    let clock = Clock::start();
    let leave = CancellationToken::new();
    let mut signals = pin!(Signals::listen().map_err(Failure::fault)?.twice(leave.clone()));
    let mut lookout = Lookout::new(clock, rules, *everyone, 0).map_err(spoken)?;
    let recorder = Recorder::start(reel, rules, *everyone, clock).map_err(Failure::usage)?;
    let mut news = News::new(rules, *everyone);
    let mut count = Count::default();
    let shown = Shown::new();
    let until = length.map(|length| clock.now().mono + length);
    let mut look_at = clock.now().mono + LOOK;
    loop {
        tokio::select! {
            () = &mut signals => break,
            () = leave.cancelled() => break,
            () = lookout.next(Some(look_at.min(until.unwrap_or(Duration::MAX))), |now, observation| {
                count.note(&observation, &mut news);
                recorder.record(now, &observation);
            }) => {}
        }
        let now = clock.now().mono;
        let lines = news.look(now, lookout.live(), lookout.trouble());
        if !lines.is_empty() {
            shown.clear();
            tell(&lines);
        }
        if let Some(why) = recorder.trouble() {
            shown.clear();
            return Err(Failure::Fault(format!("cannot write `{}`: {why}", reel.path.display())));
        }
        if until.is_some_and(|until| now >= until) {
            break;
        }
        if now >= look_at {
            look_at = now + LOOK;
            shown.show(&count.line(now, recorder.progress().file_bytes));
        }
    }
    lookout.close().await;
    shown.clear();
    let now = clock.now();
    let written = recorder
        .finish(now)
        .map_err(|why| Failure::Fault(format!("cannot write `{}`: {why}", reel.path.display())))?;
    let told = count.line(now.mono, written.file_bytes);
    writeln!(anstream::stderr().lock(), "{}: {told}", reel.path.display())?;
    Ok(Exit::Fine)
}

/// What has come so far.
#[derive(Default)]
struct Count {
    people: HashSet<UserId>,
    updates: usize,
}

impl Count {
    fn note(&mut self, observation: &Observation<'_>, news: &mut News) {
        match observation {
            Observation::Seen(id, _) => drop(self.people.insert(*id)),
            Observation::Updated(id, _) => {
                self.people.insert(*id);
                self.updates += 1;
            }
            Observation::Unmonitored(id) if !self.people.contains(id) => news.stranger(*id),
            _ => {}
        }
    }

    fn line(&self, now: Duration, file_bytes: u64) -> String {
        format!(
            "{} of {} in {}, {}",
            count(self.updates, "update", "updates"),
            count(self.people.len(), "person", "people"),
            ago(millis(now)),
            bytes(file_bytes)
        )
    }
}

/// One line that is written over and over, on a terminal only.
struct Shown(bool);

impl Shown {
    fn new() -> Self {
        Self(std::io::stderr().is_terminal())
    }

    fn show(&self, line: &str) {
        if self.0 {
            let _ = write!(std::io::stderr(), "\r\u{1b}[Krecording: {line}");
        }
    }

    fn clear(&self) {
        if self.0 {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}
