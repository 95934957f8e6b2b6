//! The play: an engine that is handed its time, and woken whenever it wants to be.

use std::sync::Arc;
use std::time::Duration;

use super::disk::Disk;
use crate::engine::effects::{Effects, GoOn, Leash, Told};
use crate::engine::machine::Engine;
use crate::engine::person::Standing;
use crate::engine::watch::Telling;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Delivery, Memory};
use crate::presence::model::{Presence, UserId};
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// The ids of deliveries are the same in each rehearsal.
const SEED: u64 = 1;
/// An engine that is woken so often at one moment would never let time pass.
const WAKINGS_A_MOMENT_MAX: usize = 10_000;

/// One rehearsal of a rule set. What it leads to goes to a sink, scene by scene; nothing is gathered.
pub struct Rehearsal {
    rules: Arc<RuleSet>,
    engine: Engine,
    effects: Effects,
    now: Moment,
    disk: Option<Disk>,
    watched: bool,
}

/// What one moment led to.
pub struct Scene<'s> {
    pub now: Moment,
    /// Changes, each followed by what rules made of it; nothing unless the rehearsal is watched.
    pub told: &'s mut Vec<Told>,
    /// What would now be sent. What is left in these lists when the sink returns is dropped.
    pub owed: &'s mut Vec<Delivery>,
    /// The bot would now ask Lanyard for everybody again.
    pub ask_again: bool,
    engine: &'s Engine,
}

impl Scene<'_> {
    /// A person as rules see them now; `None` of whom nothing is known.
    pub fn presence(&self, id: UserId) -> Option<Presence<'_>> {
        self.engine.presence(id)
    }

    pub fn standing(&self, id: UserId) -> Standing {
        self.engine.standing(id)
    }
}

/// Takes scenes, in the order of time.
pub type Sink<'s> = &'s mut dyn FnMut(Scene<'_>);

impl Rehearsal {
    /// Begins at `start` with nothing known.
    pub fn new(rules: Arc<RuleSet>, start: Moment) -> Self {
        Self::with_memory(rules, Memory::default(), start)
    }

    /// Goes on where a run has stopped.
    pub fn with_memory(rules: Arc<RuleSet>, memory: Memory, start: Moment) -> Self {
        let engine = Engine::new(Arc::clone(&rules), memory, start, SEED);
        Self { rules, engine, effects: Effects::default(), now: start, disk: None, watched: false }
    }

    /// Scenes tell changes and verdicts, too.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.watched = true;
        self.engine.watch(Telling::Everything);
        self
    }

    /// Keeps what the bot would write down, for `restart`: to be asked for at the beginning.
    #[must_use]
    pub fn restartable(mut self) -> Self {
        self.disk = Some(Disk::default());
        self
    }

    /// Tries no more once `go_on` says no, or far too much comes of one observation.
    #[must_use]
    pub fn on_a_leash(mut self, go_on: Option<GoOn>) -> Self {
        self.effects.leash = go_on.map(Leash::new);
        self
    }

    /// Whether it has tried enough: what comes of it since then is not what rules say.
    pub fn is_enough(&mut self) -> bool {
        self.effects.is_enough()
    }

    pub fn now(&self) -> Moment {
        self.now
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Lets time pass until `until`: everything that is due by then happens, each at its own time.
    pub fn settle(&mut self, until: Moment, sink: Sink<'_>) {
        let mut wakings = 0;
        while let Some(due) = self.engine.deadline().filter(|&due| due <= until.mono) {
            let wait = due.saturating_sub(self.now.mono);
            wakings = if wait.is_zero() { wakings + 1 } else { 0 };
            if wakings > WAKINGS_A_MOMENT_MAX {
                debug_assert!(false, "woken without end at {:?}", self.now);
                break;
            }
            self.now = self.now.plus(wait);
            self.engine.tick(self.now, &mut self.effects);
            self.show(sink);
        }
        self.now = Moment { mono: self.now.mono.max(until.mono), wall_ms: until.wall_ms };
    }

    /// Lets time pass until `at`, and then learns one thing from Lanyard.
    pub fn observe(&mut self, at: Moment, observation: Observation<'_>, sink: Sink<'_>) {
        self.settle(at, sink);
        let live = match observation {
            Observation::Connected => Some(Ok(())),
            Observation::Disconnected => Some(Err("the connection is lost")),
            _ => None,
        };
        self.engine.observe(self.now, observation, &mut self.effects);
        if let Some(live) = live {
            self.engine.hear_lanyard(self.now, live, &mut self.effects);
        }
        self.show(sink);
    }

    /// Lets time pass until `at`, and then learns whether Lanyard tells of people, and if not, why.
    pub fn hear_lanyard(&mut self, at: Moment, live: Result<(), &str>, sink: Sink<'_>) {
        self.settle(at, sink);
        self.engine.hear_lanyard(self.now, live, &mut self.effects);
        self.show(sink);
    }

    /// The bot ends at `at` in good order, and starts again after `away`.
    ///
    /// # Panics
    /// If it was not made `restartable`.
    pub fn restart(&mut self, at: Moment, away: Duration, sink: Sink<'_>) {
        self.settle(at, sink);
        self.engine.save_all(self.now, &mut self.effects);
        self.show(sink);
        self.start_again(away);
    }

    /// The bot is killed at `at`, and starts again after `away` from what had been written down.
    ///
    /// # Panics
    /// If it was not made `restartable`.
    pub fn kill(&mut self, at: Moment, away: Duration, sink: Sink<'_>) {
        self.settle(at, sink);
        self.start_again(away);
    }

    fn start_again(&mut self, away: Duration) {
        self.now = self.now.plus(away);
        let disk = self.disk.as_ref().expect("only a rehearsal that keeps what is written down is restarted");
        self.engine = Engine::new(Arc::clone(&self.rules), disk.memory(), self.now, SEED);
        self.engine.watch(if self.watched { Telling::Everything } else { Telling::Nothing });
    }

    /// Goes over to other rules, as a reload does.
    pub fn adopt(&mut self, at: Moment, rules: Arc<RuleSet>, sink: Sink<'_>) {
        self.settle(at, sink);
        self.engine.adopt(self.now, Arc::clone(&rules), &mut self.effects);
        self.rules = rules;
        self.show(sink);
    }

    /// Writes down what the last call led to, and shows the rest.
    fn show(&mut self, sink: Sink<'_>) {
        let Effects { commit, told, ask_again, news, .. } = &mut self.effects;
        news.clear();
        let ask_again = std::mem::take(ask_again);
        let mut commit = std::mem::take(commit);
        let owed = &mut commit.deliveries;
        if !told.is_empty() || !owed.is_empty() || ask_again {
            sink(Scene { now: self.now, told, owed, ask_again, engine: &self.engine });
            told.clear();
        }
        if let Some(disk) = &mut self.disk {
            disk.write(commit, self.now);
        }
    }
}
