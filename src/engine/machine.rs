//! The engine: one observation at a time, what it changes, which rules it rings.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::arrivals::Source;
use super::asking::Pending;
use super::bell::{Bell, Counts};
use super::diary::book::Diary;
use super::effects::Effects;
use super::gates::Gates;
use super::guard::Guard;
use super::holding::Holding;
use super::ids::Ids;
use super::memory::{BASELINES_A_COMMIT, places};
use super::person::{Known, Standing};
use super::tally::Tally;
use super::troubles::Troubles;
use super::waiting::Waiting;
use super::watch::{Missed, Telling};
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Memory, Note, Part};
use crate::presence::by_id::ById;
use crate::presence::change::Change;
use crate::presence::model::{Presence, UserId};
use crate::presence::settle::Smoothing;
use crate::rules::set::RuleSet;
use crate::time::Moment;

pub struct Engine {
    pub(super) rules: Arc<RuleSet>,
    /// The place in the file of each person in it.
    pub(super) places: ById<usize>,
    pub(super) everyone: bool,
    pub(super) known: ById<Known>,
    pub(super) bell: Bell,
    /// Where `while` rules stand.
    pub(super) holding: Holding,
    pub(super) pending: Pending,
    pub(super) guard: Guard,
    /// How many people rules see online.
    pub(super) online: usize,
    /// When holds end. An entry may be out of date; the person's own holds decide.
    pub(super) ends: BinaryHeap<Reverse<(Duration, UserId)>>,
    pub(super) unsaved: Vec<UserId>,
    /// Rules of an earlier run that are gone, still to be written down.
    pub(super) retired: Vec<Arc<str>>,
    /// Notes of an earlier run that mean nothing any more, to be struck out.
    pub(super) struck: Vec<Note>,
    pub(super) troubles: Troubles,
    /// Parts that an earlier run told to fail, and that are gone, still to be written down.
    pub(super) healed: Vec<Part>,
    pub(super) save_at: Option<Duration>,
    /// When to write down that people are being watched.
    pub(super) vouch_at: Option<Duration>,
    /// How far the wall clock is ahead of our own, as what is written down counts on.
    pub(super) ahead_ms: i64,
    /// When to ask for everybody again, since many are in doubt.
    pub(super) ask_at: Option<Duration>,
    pub(super) observed: u64,
    pub(super) unchanged: u64,
    /// Reused from one update to the next.
    pub(super) changes: Vec<Change>,
}

impl Engine {
    /// An engine that goes on where `memory` stopped. `seed` is chance, for the ids of deliveries.
    pub fn new(rules: Arc<RuleSet>, memory: Memory, now: Moment, seed: u64) -> Self {
        let mut engine = Self {
            places: places(&rules),
            everyone: rules.for_everyone(),
            known: ById::default(),
            bell: Bell {
                gates: Gates::default(),
                waiting: Waiting::default(),
                ids: Ids::new(seed),
                watch: Telling::Nothing,
                diary: None,
                tally: Tally::new(&rules),
                counts: Counts { firings: vec![0; rules.rules.len()], ..Counts::default() },
                rules: Arc::clone(&rules),
            },
            holding: Holding::new(&rules),
            pending: Pending { all: !rules.onlookers.is_empty(), ..Pending::default() },
            guard: Guard::default(),
            online: 0,
            ends: BinaryHeap::new(),
            unsaved: Vec::new(),
            retired: Vec::new(),
            struck: Vec::new(),
            troubles: Troubles::default(),
            healed: Vec::new(),
            save_at: None,
            vouch_at: None,
            ahead_ms: now.ahead_ms(),
            ask_at: None,
            observed: 0,
            unchanged: 0,
            changes: Vec::new(),
            rules,
        };
        engine.recall(now, memory);
        engine
    }

    /// From now on, `Effects::told` says what happens to whoever looks on.
    pub fn watch(&mut self, watch: Telling) {
        self.bell.watch = watch;
    }

    /// From now on, what people do is noted.
    pub fn keep_diary(&mut self, diary: Diary) {
        self.bell.diary = Some(Box::new(diary));
    }

    /// What those who look on have not been told since the last call.
    pub fn take_missed(&mut self) -> Missed {
        self.bell.watch.take_missed()
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.rules)
    }

    /// Everyone whom Lanyard tells of is looked at, whether or not a rule asks.
    pub fn heed_everyone(&mut self) {
        self.everyone = true;
    }

    /// What rules have made of changes so far.
    pub fn counts(&self) -> &Counts {
        &self.bell.counts
    }

    /// Presences observed so far, and those of them in which nothing had changed.
    pub fn observed(&self) -> (u64, u64) {
        (self.observed, self.unchanged)
    }

    pub fn standing(&self, id: UserId) -> Standing {
        self.known.get(&id).map_or(Standing::Unknown, |known| known.standing)
    }

    /// A person as rules see them; `None` of whom nothing is known.
    pub fn presence(&self, id: UserId) -> Option<Presence<'_>> {
        self.known.get(&id)?.shown(id)
    }

    /// Takes one thing learned from Lanyard.
    pub fn observe(&mut self, now: Moment, observation: Observation<'_>, effects: &mut Effects) {
        match observation {
            Observation::Connected => {}
            Observation::Disconnected => self.go_blind(now, effects),
            Observation::Seen(id, presence) => {
                self.pending.in_snapshot = true;
                self.arrive(now, id, presence, Source::Snapshot, effects);
            }
            Observation::Updated(id, presence) => self.arrive(now, id, presence, Source::Update, effects),
            Observation::SnapshotEnd { absent } => {
                if let Some(diary) = &mut self.bell.diary {
                    diary.see(now.wall_ms);
                }
                self.vouch(now, effects);
                self.guard.rest(now.mono);
                for id in absent {
                    self.lose(now, id);
                }
                self.ask_after_snapshot(now, effects);
            }
            Observation::Unmonitored(id) => self.leave(now, id, effects),
        }
    }

    /// Does what is due: holds that end, baselines that wait to be written down.
    pub fn tick(&mut self, now: Moment, effects: &mut Effects) {
        self.heed_clock(now, effects);
        while let Some(&Reverse((until, id))) = self.ends.peek()
            && until <= now.mono
        {
            self.ends.pop();
            self.end_holds(now, id, effects);
        }
        while let Some(id) = self.bell.waiting.ended(now) {
            self.ring_ripe(now, id, None, effects);
        }
        self.ask_in_time(now, effects);
        self.ring_waiting(now, effects);
        if self.save_at.is_some_and(|at| at <= now.mono) {
            self.save(now, BASELINES_A_COMMIT, effects);
        }
        if self.vouch_at.is_some_and(|at| at <= now.mono) {
            self.vouch(now, effects);
        }
        self.end_patience(now, effects);
        if self.ask_at.is_some_and(|at| at <= now.mono) {
            self.ask_at = None;
            effects.ask_again = true;
        }
    }

    /// When `tick` has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        let hold_ends = self.ends.peek().map(|Reverse((until, _))| *until);
        let news = self.troubles.deadline();
        let asked = [self.holding.deadline(), self.pending.deadline(), self.bell.waiting.deadline()];
        let asked = asked.into_iter().chain([self.bell.gates.deadline()]).flatten().min();
        [hold_ends, asked, self.save_at, self.vouch_at, self.ask_at, news].into_iter().flatten().min()
    }

    /// Whether anybody asks about this person.
    pub(super) fn wanted(&self, id: UserId) -> bool {
        self.everyone || self.places.contains_key(&id)
    }

    pub(super) fn smoothing(&self, id: UserId) -> Smoothing {
        self.places.get(&id).map_or(self.rules.smoothing, |&at| self.rules.people[at].smoothing)
    }
}
