//! `replay`: a recording through rules, at full speed: what would have rung.

mod as_test;
pub(super) mod cue;
mod difference;
pub(super) mod progress;
pub(super) mod ring;
pub(super) mod screen;
pub(super) mod span;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use self::cue::Cue;
use self::difference::{Pairing, Side};
use self::progress::Progress;
use self::ring::Ring;
use self::screen::Screen;
use self::span::{Picked, Span};
use super::args::looking::Replay;
use super::exit::{Ended, Exit, Failure};
use super::rules_file;
use super::style::{self, paint, plain};
use super::whom;
use crate::recording::playback::{self, Event};
use crate::recording::shelf;
use crate::rehearsal::play::{Rehearsal, Scene};
use crate::rules::set::RuleSet;
use crate::time::Moment;

pub(super) fn replay(args: &Replay) -> Ended {
    let (path, loaded) = rules_file::load(args.rules.rules.as_deref())?;
    let rules = Arc::new(loaded.set);
    let against = match &args.against {
        Some(file) => Some(Arc::new(rules_file::load(Some(file))?.1.set)),
        None => None,
    };
    let files = shelf::files(&args.file).map_err(|error| unusable(&args.file, &error))?;
    let span = Span::read(args.from.as_deref(), args.to.as_deref(), &rules.timezone)?;
    let people = whom::named(&rules, &args.person, Some(&path))?;
    let picked = Picked { span, people: people.iter().map(|person| person.id).collect() };
    if let Some(name) = &args.as_test {
        return as_test::as_test(name, &files, &path, &rules, &picked);
    }
    let mut screen = Screen::new(&rules, against.as_deref(), args.json);
    let mut stage = Stage::new(Arc::clone(&rules), against.clone(), picked);
    let read_bytes = Arc::new(AtomicU64::new(0));
    let mut progress = Progress::new(shelf::bytes(&files), Arc::clone(&read_bytes), args.json);
    let mut written = Ok(());
    playback::play(&files, &read_bytes, &mut |event| {
        let flow = stage.take(event, &mut screen);
        progress.step(stage.observed, screen.rings());
        written = screen.write(&mut progress);
        if written.is_err() { ControlFlow::Break(()) } else { flow }
    })
    .map_err(|error| unusable(&args.file, &error.into()))?;
    written?;
    stage.finish(&mut screen);
    progress.clear();
    screen.write(&mut progress)?;
    if stage.observed == 0 {
        writeln!(
            anstream::stderr().lock(),
            "{}",
            paint(style::ODD, "nothing was observed in this recording")
        )?;
    }
    let names = (path.as_path(), args.against.as_deref());
    screen.summary(names, stage.observed, stage.length())?;
    Ok(if screen.findings() { Exit::Findings } else { Exit::Fine })
}

pub(super) fn unusable(file: &Path, error: &shelf::ShelfError) -> Failure {
    let file = plain(&file.display().to_string());
    Failure::Usage(match error {
        shelf::ShelfError::NoRecording => {
            format!("`{file}` is no recording: `doorchime record {file}` would write one")
        }
        shelf::ShelfError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("the recording `{file}` is not there: `doorchime record` writes one")
        }
        shelf::ShelfError::Io(error) => format!("cannot read `{file}`: {error}"),
    })
}

/// Where the recording is played: one rule set, or two side by side.
struct Stage {
    sides: Vec<(Side, Arc<RuleSet>, Option<Rehearsal>)>,
    pairing: Option<Pairing>,
    picked: Picked,
    began: Option<Moment>,
    now: Option<Moment>,
    observed: u64,
}

impl Stage {
    fn new(rules: Arc<RuleSet>, against: Option<Arc<RuleSet>>, picked: Picked) -> Self {
        let pairing = against.is_some().then(Pairing::default);
        let others = against.map(|rules| (Side::Others, rules, None));
        let sides = std::iter::once((Side::These, rules, None)).chain(others).collect();
        Self { sides, pairing, picked, began: None, now: None, observed: 0 }
    }

    fn take(&mut self, event: Event<'_>, screen: &mut Screen) -> ControlFlow<()> {
        screen.notice(&event);
        let Some(now) = event.moment() else { return ControlFlow::Continue(()) };
        let began = *self.began.get_or_insert(now);
        if self.picked.span.is_over(began, now) {
            if let Some(end) = self.picked.span.end(began) {
                self.play(end, Cue::Pass, screen);
            }
            return ControlFlow::Break(());
        }
        self.now = Some(now);
        self.observed += u64::from(matches!(event, Event::Observed(..)));
        cue::of(event, began == now).for_each(|cue| self.play(now, cue, screen));
        ControlFlow::Continue(())
    }

    /// Hands a cue to each side, and what rings to the screen.
    fn play(&mut self, now: Moment, cue: Cue<'_>, screen: &mut Screen) {
        let Self { sides, pairing, picked, began, .. } = self;
        let began = began.unwrap_or(now);
        // Each side's rings up to now, then in the order of time.
        let mut rings: Vec<(Side, Ring)> = Vec::new();
        for (side, rules, rehearsal) in sides {
            let rehearsal = rehearsal.get_or_insert_with(|| Rehearsal::new(Arc::clone(rules), now));
            let mut sink = |scene: Scene<'_>| {
                let now = scene.now;
                let owed = scene.owed.drain(..).filter(|owed| picked.has(began, now, owed.person));
                rings.extend(owed.map(|owed| (*side, Ring::of(now, owed))));
            };
            cue.give(rehearsal, now, &mut sink);
        }
        let Some(pairing) = pairing else {
            return rings.into_iter().for_each(|(_, ring)| screen.ring(&ring));
        };
        rings.sort_by_key(|(_, ring)| ring.now.mono);
        for (side, ring) in rings {
            pairing.take(side, ring, &mut |difference| screen.difference(difference));
        }
        pairing.pass(now.mono, &mut |difference| screen.difference(difference));
    }

    fn finish(&mut self, screen: &mut Screen) {
        if let Some(pairing) = self.pairing.take() {
            pairing.finish(&mut |difference| screen.difference(difference));
        }
    }

    /// How long what was played took when it happened.
    fn length(&self) -> std::time::Duration {
        match (self.began, self.now) {
            (Some(began), Some(now)) => now.mono.saturating_sub(began.mono),
            _ => std::time::Duration::ZERO,
        }
    }
}
