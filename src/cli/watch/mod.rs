//! `watch`: people's changes live, as rules would see them.

mod lines;
pub(super) mod news;

use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::lines::Lines;
use self::news::{News, tell};
use super::args::looking::Watch;
use super::exit::{Ended, Exit, Failure};
use super::run::spoken;
use super::whom::{self, Whom};
use crate::app::lookout::Lookout;
use crate::app::signals::Signals;
use crate::clock::Clock;
use crate::engine::effects::Effects;
use crate::engine::machine::Engine;
use crate::engine::person::Standing;
use crate::engine::watch::Telling;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Commit, Memory};
use crate::presence::settle::Smoothing;
use crate::rules::set::RuleSet;

pub(super) fn watch(args: &Watch) -> Ended {
    let mut whom = whom::find(&args.look, &args.who)?;
    if args.raw {
        unsmooth(&mut whom.rules);
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    runtime.block_on(look_on(whom, args.json))
}

fn unsmooth(rules: &mut RuleSet) {
    rules.smoothing = Smoothing::NONE;
    rules.people.iter_mut().for_each(|person| person.smoothing = Smoothing::NONE);
}

async fn look_on(whom: Whom, json: bool) -> Ended {
    let Whom { rules, everyone } = whom;
    let rules = Arc::new(rules);
    let clock = Clock::start();
    let leave = CancellationToken::new();
    let mut signals = pin!(Signals::listen().map_err(Failure::fault)?.twice(leave.clone()));
    let mut lookout = Lookout::new(clock, &rules, everyone, 0).map_err(spoken)?;
    let mut engine = Engine::new(Arc::clone(&rules), Memory::default(), clock.now(), 0);
    engine.watch(Telling::Everything);
    if everyone {
        engine.heed_everyone();
    }
    let mut lines = Lines::new(&rules, json);
    let mut news = News::new(&rules, everyone);
    let mut effects = Effects::default();
    loop {
        let due = engine.deadline();
        tokio::select! {
            () = &mut signals => break,
            () = leave.cancelled() => break,
            () = lookout.next(due, |now, observation| {
                match &observation {
                    Observation::Seen(id, presence) | Observation::Updated(id, presence)
                        if engine.standing(*id) == Standing::Unknown =>
                    {
                        lines.seen(now, *id, presence);
                    }
                    Observation::SnapshotEnd { .. } => lines.snapshot_ends(),
                    Observation::Unmonitored(id) if engine.standing(*id) == Standing::Unknown => {
                        news.stranger(*id);
                    }
                    _ => {}
                }
                engine.observe(now, observation, &mut effects);
                lines.changed(now, effects.told.drain(..));
            }) => {}
        }
        let now = clock.now();
        engine.tick(now, &mut effects);
        lines.changed(now, effects.told.drain(..));
        // Nothing is owed and nothing is kept here.
        effects.commit = Commit::default();
        if std::mem::take(&mut effects.ask_again) {
            lookout.ask_again();
        }
        tell(&news.look(now.mono, lookout.live(), lookout.trouble()));
        say(&lines.take())?;
    }
    lookout.close().await;
    Ok(Exit::Fine)
}

fn say(lines: &[String]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.flush()
}
