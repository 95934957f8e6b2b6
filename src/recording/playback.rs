//! A recording played back: its files in order, each line as an event with its moment.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::line::{self, Header, Line};
use super::members::{Break, Found};
use super::shelf;
use super::timeline::Timeline;
use crate::lanyard::observation::Observation;
use crate::time::Moment;

#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A recorder begins.
    Start(Moment, &'a Header),
    Observed(Moment, &'a Observation<'a>),
    /// Nothing is known of what happened until now: nobody recorded, or what was recorded is lost.
    Blind(Moment),
    /// Time has gone by.
    Passed(Moment),
    /// A place that cannot be read. It goes on behind it.
    Trouble {
        file: &'a Path,
        line: u64,
        why: &'a Trouble,
    },
}

impl Event<'_> {
    /// When it was, of what has a time.
    pub fn moment(&self) -> Option<Moment> {
        match *self {
            Self::Start(now, _) | Self::Observed(now, _) | Self::Blind(now) | Self::Passed(now) => Some(now),
            Self::Trouble { .. } => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Broken(Break),
    #[error("the line {0}")]
    Line(#[from] line::LineError),
}

impl Trouble {
    /// A recorder that was killed is no fault of the recording.
    pub fn is_cut_off(&self) -> bool {
        matches!(self, Self::Broken(Break::CutOff))
    }
}

/// Plays the files, the oldest first, until their end or until the sink has had enough.
pub fn play(
    files: &[PathBuf],
    read_bytes: &Arc<AtomicU64>,
    sink: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut player = Player { timeline: Timeline::default(), now: None, blind: false };
    for file in files {
        let mut unpacker = shelf::unpack(file, Arc::clone(read_bytes))?;
        while let Some(found) = unpacker.next()? {
            if player.take(file, found, sink).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Player {
    timeline: Timeline,
    now: Option<Moment>,
    /// Something could not be read; to be told with the next moment.
    blind: bool,
}

impl Player {
    fn take(
        &mut self,
        file: &Path,
        found: Found<'_>,
        sink: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (number, text) = match found {
            Found::Line(_, text) if text.trim().is_empty() => return ControlFlow::Continue(()),
            Found::Line(number, text) => (number, text),
            Found::Broken(line, why) => {
                self.blind = true;
                return sink(Event::Trouble { file, line, why: &why.into() });
            }
        };
        let read = match line::read(text) {
            Ok(read) => read,
            Err(error) => {
                self.blind = true;
                return sink(Event::Trouble { file, line: number, why: &error.into() });
            }
        };
        match read {
            Line::Start(header) => {
                let now = self.timeline.start(&header);
                let first = self.now.replace(now).is_none();
                if !first && (!header.goes_on || self.blind) {
                    sink(Event::Blind(now))?;
                }
                self.blind = false;
                sink(Event::Start(now, &header))
            }
            Line::Observed(stamp, observation) => {
                let now = self.pass(self.blind, stamp, sink)?;
                sink(Event::Observed(now, &observation))
            }
            Line::Missed(stamp, _) => self.pass(true, stamp, sink).map_continue(|_| ()),
            Line::Ended(stamp) | Line::Unknown(stamp) => {
                let now = self.pass(self.blind, stamp, sink)?;
                sink(Event::Passed(now))
            }
        }
    }

    fn pass(
        &mut self,
        blind: bool,
        stamp: line::Stamp,
        sink: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<(), Moment> {
        let now = self.timeline.at(stamp);
        self.now = Some(now);
        self.blind = false;
        if blind {
            sink(Event::Blind(now))?;
        }
        ControlFlow::Continue(now)
    }
}

impl From<Break> for Trouble {
    fn from(why: Break) -> Self {
        Self::Broken(why)
    }
}
