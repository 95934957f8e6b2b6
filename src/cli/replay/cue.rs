//! What one thing that was recorded means for an engine.

use crate::lanyard::observation::Observation;
use crate::recording::playback::Event;
use crate::rehearsal::play::{Rehearsal, Sink};
use crate::time::Moment;

#[derive(Clone, Copy)]
pub enum Cue<'a> {
    Observe(&'a Observation<'a>),
    Live,
    Lost(&'static str),
    Pass,
}

/// The cues of an event, which may be at the recording's beginning.
pub fn of(event: Event<'_>, begins: bool) -> impl Iterator<Item = Cue<'_>> {
    let cues = match event {
        Event::Start(_, header) => [(begins && !header.goes_on).then_some(Cue::Lost("no answer yet")), None],
        Event::Blind(_) => [Some(Cue::Observe(&Observation::Disconnected)), None],
        Event::Passed(_) => [Some(Cue::Pass), None],
        Event::Observed(_, observation) => {
            let word = match observation {
                Observation::Connected => Some(Cue::Live),
                Observation::Disconnected => Some(Cue::Lost("the connection was lost")),
                _ => None,
            };
            [Some(Cue::Observe(observation)), word]
        }
        Event::Trouble { .. } => [None, None],
    };
    cues.into_iter().flatten()
}

impl Cue<'_> {
    pub fn give(self, rehearsal: &mut Rehearsal, now: Moment, sink: Sink<'_>) {
        match self {
            Self::Observe(observation) => rehearsal.observe(now, observation.clone(), sink),
            Self::Live => rehearsal.hear_lanyard(now, Ok(()), sink),
            Self::Lost(why) => rehearsal.hear_lanyard(now, Err(why), sink),
            Self::Pass => rehearsal.settle(now, sink),
        }
    }
}
