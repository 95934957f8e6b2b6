//! What may be sent next. Pure: a machine that is told what happens and says what to do.
//!
//! Each target has lanes, one for each (rule, person): within a lane one delivery after the other, the next
//! one when the last is settled. Lanes of one target share its concurrency and its pace; targets take turns.
//! A target that fails whatever lane asks is braked: one attempt at a time, further and further apart, until one
//! succeeds; then all lanes go on at once, whatever they had been waiting for.
//! Every operation but the end of a brake costs no more than the logarithm of what waits.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::delivery::{Delivery, Outcome, Owed};
use super::store::rows::Page;
use crate::presence::model::UserId;
use crate::time::{Backoff, Moment, Steady, millis};

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// Attempts under way, over all targets.
    pub flying_max: usize,
    /// Deliveries in memory for one target; what is beyond stays in the store until there is room.
    pub rows_max: usize,
    /// Deliveries that are read from the store at a time.
    pub page_rows: usize,
    /// No written-down wait is longer than this, whatever the wall clock says.
    pub wait_most: Duration,
    /// From so many failures in a row on, in more than one lane, it is the target that fails, not a delivery.
    pub brake_after: u32,
    /// Between attempts at a target that fails.
    pub brake: Backoff,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            flying_max: 256,
            rows_max: 10_000,
            page_rows: 1_000,
            wait_most: Duration::from_secs(3600),
            brake_after: 4,
            brake: Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) },
        }
    }
}

/// How fast a target may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Attempts under way at once.
    pub concurrency: usize,
    /// The least time between the beginnings of two attempts.
    pub min_gap: Duration,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// These are the targets now. Those that were disabled get another chance; for those that are not among
    /// them, deliveries wait.
    Targets(BTreeMap<Arc<str>, Pace>),
    /// The store holds deliveries for the target that nobody has told us about: an earlier run's, or some that took
    /// over from others. Those of later commits are told after this.
    Stored(Arc<str>),
    /// Deliveries as they are committed, in that order.
    Owed(Vec<Owed>),
    /// What `Action::Page` asked for.
    Paged { target: Arc<str>, page: Page },
    /// What became of these attempts is on disk: their lanes go on. So after a kill no more than the last
    /// delivery of a lane comes twice.
    Settled(Vec<i64>),
    /// An attempt ended.
    Finished { seq: i64, outcome: Outcome },
    /// A person wants a delivery tried again, now.
    Retried(Owed),
    /// A person dropped a delivery.
    Gone(i64),
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make an attempt, then tell with `Event::Finished`.
    Start(Start),
    /// A delivery's time is over; it is not in the queue any more.
    Expired { seq: i64, delivery: Arc<Delivery> },
    /// Read the next deliveries after `after`, then tell with `Event::Paged`.
    Page { target: Arc<str>, after: i64, limit: usize },
}

/// An attempt to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    pub seq: i64,
    pub delivery: Arc<Delivery>,
    /// Attempts before this one.
    pub attempts: u32,
    /// Without markup.
    pub plain: bool,
}

type TargetAt = usize;
type LaneId = u64;

pub struct Queue {
    settings: QueueSettings,
    targets: Vec<Target>,
    by_name: HashMap<Arc<str>, TargetAt>,
    lanes: HashMap<LaneId, Lane>,
    by_key: HashMap<LaneKey, LaneId>,
    next_lane: LaneId,
    /// The lane of everything that is in memory, by number.
    rows: HashMap<i64, LaneId>,
    /// Lanes whose last outcome is not on disk yet, by its number.
    unsettled: HashMap<i64, LaneId>,
    /// So that a clock set back keeps nothing longer than it was wanted.
    steady: Steady,
    /// When what is not under way expires, by the steady calendar.
    expiries: BTreeSet<(i64, i64)>,
    timers: BTreeSet<(Duration, Timer)>,
    /// Targets that may have something to start, the next one first.
    turns: VecDeque<TargetAt>,
    /// Targets with room for more from the store.
    hungry: BTreeSet<TargetAt>,
    flying: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Lane(LaneId),
    Target(TargetAt),
}

struct Target {
    name: Arc<str>,
    /// Nothing for one that is not in the rules file (any more).
    pace: Option<Pace>,
    disabled: bool,
    /// Lanes whose first delivery may start, the oldest first.
    ready: BTreeSet<(i64, LaneId)>,
    flying: usize,
    rows: usize,
    paused_until: Duration,
    next_start: Duration,
    failing: Failing,
    wake: Option<Duration>,
    has_turn: bool,
    backlog: Backlog,
    /// Everything up to this number has passed through here.
    seen_upto: i64,
}

/// How a target fails, if it does.
#[derive(Clone, Copy, Default)]
enum Failing {
    /// It took the last attempt, or said no like somebody who is there.
    #[default]
    Not,
    /// One lane, so far or alone: its own backoff is enough.
    Once { failures: u32, lane: LaneId },
    /// Several lanes, and not often enough yet.
    Several { failures: u32 },
    /// One attempt at a time, the next not before `until`. `probe` is the one under way.
    Braked { probes: u32, until: Duration, probe: Option<i64> },
}

/// What is owed to a target and not in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backlog {
    Nothing,
    Stored,
    /// A page is being read; `grew` if something was committed meanwhile that it may not have.
    Reading {
        grew: bool,
    },
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct LaneKey {
    target: TargetAt,
    rule: Arc<str>,
    person: Option<UserId>,
}

struct Lane {
    key: LaneKey,
    /// By number, ascending.
    rows: VecDeque<Row>,
    place: Place,
}

/// Where a lane is registered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Ready(i64),
    Resting(Duration),
    Flying(i64),
    /// Until the outcome of the last attempt is on disk.
    Unsettled,
}

struct Row {
    seq: i64,
    delivery: Arc<Delivery>,
    attempts: u32,
    plain: bool,
    due: Duration,
    /// By the steady calendar.
    expires_at: i64,
    /// Dropped by a person while it was under way.
    gone: bool,
}

/// However far off the next expiry is, look at the wall clock this often: it may have been set.
const WALL_LOOKED_AT: Duration = Duration::from_secs(60);

impl Queue {
    pub fn new(settings: QueueSettings) -> Self {
        Self {
            settings,
            targets: Vec::new(),
            by_name: HashMap::new(),
            lanes: HashMap::new(),
            by_key: HashMap::new(),
            next_lane: 0,
            rows: HashMap::new(),
            unsettled: HashMap::new(),
            steady: Steady::default(),
            expiries: BTreeSet::new(),
            timers: BTreeSet::new(),
            turns: VecDeque::new(),
            hungry: BTreeSet::new(),
            flying: 0,
        }
    }

    pub fn handle(&mut self, now: Moment, event: Event) {
        self.steady.note(now);
        match event {
            Event::Targets(paces) => self.retarget(now, &paces),
            Event::Stored(name) => {
                let at = self.target(&name);
                self.note_stored(at);
            }
            Event::Owed(owed) => owed.into_iter().for_each(|owed| self.take(now, owed)),
            Event::Paged { target, page } => self.take_page(now, &target, page),
            Event::Finished { seq, outcome } => self.finish(now, seq, &outcome),
            Event::Settled(seqs) => seqs.into_iter().for_each(|seq| self.release(now, seq)),
            Event::Retried(owed) => self.retry(now, owed),
            Event::Gone(seq) => self.forget(now, seq),
        }
    }

    /// The next thing to do now, if there is any. Ask until there is none.
    pub fn poll(&mut self, now: Moment) -> Option<Action> {
        self.steady.note(now);
        self.fire_timers(now);
        if let Some(action) = self.poll_expired(now) {
            return Some(action);
        }
        if let Some(at) = self.hungry.pop_first() {
            let target = &mut self.targets[at];
            target.backlog = Backlog::Reading { grew: false };
            let limit = self.settings.page_rows.min(self.settings.rows_max);
            return Some(Action::Page { target: target.name.clone(), after: target.seen_upto, limit });
        }
        while self.flying < self.settings.flying_max {
            let at = self.turns.pop_front()?;
            self.targets[at].has_turn = false;
            if let Some(start) = self.start_one(now, at) {
                self.offer(at);
                return Some(Action::Start(start));
            }
        }
        None
    }

    /// When to poll again if nothing happens before.
    pub fn deadline(&self, now: Moment) -> Option<Duration> {
        let timer = self.timers.first().map(|&(at, _)| at);
        let expiry = self.expiries.first().map(|&(expires_at, _)| {
            let left_ms = expires_at.saturating_sub(self.steady.ms(now)).clamp(0, millis(WALL_LOOKED_AT));
            now.mono.saturating_add(Duration::from_millis(left_ms.unsigned_abs()))
        });
        [timer, expiry].into_iter().flatten().min()
    }

    /// Attempts under way.
    pub fn flying(&self) -> usize {
        self.flying
    }

    /// Before when nothing is sent to the target, because it has asked for silence or is braked.
    pub fn silent_until(&self, name: &str) -> Option<Duration> {
        self.by_name.get(name).map(|&at| {
            let target = &self.targets[at];
            target.paused_until.max(target.braked_until())
        })
    }

    /// Whether nothing is owed at all, in memory or beyond.
    pub fn is_idle(&self) -> bool {
        self.rows.is_empty() && self.targets.iter().all(|target| target.backlog == Backlog::Nothing)
    }

    fn retarget(&mut self, now: Moment, paces: &BTreeMap<Arc<str>, Pace>) {
        for name in paces.keys() {
            self.target(name);
        }
        for at in 0..self.targets.len() {
            let target = &mut self.targets[at];
            target.pace = paces.get(&target.name).copied();
            target.disabled = false;
            self.recover(now, at);
            self.offer(at);
        }
    }

    fn take(&mut self, now: Moment, owed: Owed) {
        let at = self.target(&owed.delivery.target);
        let target = &mut self.targets[at];
        if owed.seq <= target.seen_upto {
            // A page has brought it already.
            return;
        }
        if target.backlog == Backlog::Nothing && target.rows < self.settings.rows_max {
            target.seen_upto = owed.seq;
            self.insert(now, at, owed);
        } else {
            self.note_stored(at);
        }
    }

    fn take_page(&mut self, now: Moment, name: &Arc<str>, page: Page) {
        let at = self.target(name);
        let grew = self.targets[at].backlog == Backlog::Reading { grew: true };
        for owed in page.owed {
            if owed.seq > self.targets[at].seen_upto {
                self.insert(now, at, owed);
            }
        }
        let target = &mut self.targets[at];
        target.seen_upto = target.seen_upto.max(page.upto);
        target.backlog = if page.end && !grew { Backlog::Nothing } else { Backlog::Stored };
        self.feed(at);
    }

    fn finish(&mut self, now: Moment, seq: i64, outcome: &Outcome) {
        let Some(&id) = self.rows.get(&seq) else { return };
        let lane = self.lanes.get_mut(&id).expect("a row's lane lives as long as the row");
        if lane.place != Place::Flying(seq) {
            return;
        }
        lane.place = Place::Unsettled;
        self.unsettled.insert(seq, id);
        let at = lane.key.target;
        let place = lane.find(seq).expect("a row is in its lane");
        let row = &mut lane.rows[place];
        row.attempts += 1;
        let target = &mut self.targets[at];
        target.flying -= 1;
        self.flying -= 1;
        target.note(now, &self.settings, (id, seq), outcome);
        let stays = match *outcome {
            Outcome::Delivered { pause } => {
                target.pause(now, pause.unwrap_or_default());
                false
            }
            Outcome::Refused | Outcome::Unfit => false,
            Outcome::Later { after, pause_target: true } => {
                target.pause(now, after);
                true
            }
            Outcome::Later { after, pause_target: false } => {
                row.due = now.mono.saturating_add(after);
                true
            }
            Outcome::AgainPlain => {
                row.plain = true;
                true
            }
            Outcome::Disabled => {
                target.disabled = true;
                true
            }
        };
        if stays && !row.gone {
            self.expiries.insert((row.expires_at, seq));
        } else {
            lane.rows.remove(place);
            self.rows.remove(&seq);
            target.rows -= 1;
        }
        if outcome.shows_life() {
            self.recover(now, at);
        }
        self.offer(at);
        self.feed(at);
    }

    /// The target is there, or gets another chance: if it was braked, its lanes go on at once.
    fn recover(&mut self, now: Moment, at: TargetAt) {
        let before = std::mem::take(&mut self.targets[at].failing);
        if !matches!(before, Failing::Braked { .. }) {
            return;
        }
        let resting = |(&id, lane): (&LaneId, &mut Lane)| {
            let rests = lane.key.target == at && matches!(lane.place, Place::Resting(_));
            if rests && let Some(first) = lane.rows.front_mut() {
                first.due = Duration::ZERO;
            }
            rests.then_some(id)
        };
        let lanes: Vec<LaneId> = self.lanes.iter_mut().filter_map(resting).collect();
        for id in lanes {
            self.arrange(now, id);
        }
    }

    fn release(&mut self, now: Moment, seq: i64) {
        let Some(id) = self.unsettled.remove(&seq) else { return };
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.place = Place::Nowhere;
            self.arrange(now, id);
        }
    }

    fn retry(&mut self, now: Moment, owed: Owed) {
        let at = self.target(&owed.delivery.target);
        // A person who asks again has mended it, or wants to know.
        self.targets[at].disabled = false;
        if let Failing::Braked { until, .. } = &mut self.targets[at].failing {
            *until = now.mono;
        }
        self.offer(at);
        if let Some(&id) = self.rows.get(&owed.seq) {
            let lane = self.lanes.get_mut(&id).expect("a row's lane lives as long as the row");
            if lane.place == Place::Flying(owed.seq) {
                return;
            }
            let place = lane.find(owed.seq).expect("a row is in its lane");
            let row = &mut lane.rows[place];
            self.expiries.remove(&(row.expires_at, owed.seq));
            row.expires_at = self.steady.at(now, owed.delivery.expires_ms);
            self.expiries.insert((row.expires_at, owed.seq));
            row.delivery = Arc::new(owed.delivery);
            row.attempts = owed.attempts;
            row.due = Duration::ZERO;
            self.arrange(now, id);
        } else if owed.seq <= self.targets[at].seen_upto {
            self.insert(now, at, owed);
        } else {
            self.note_stored(at);
        }
    }

    fn forget(&mut self, now: Moment, seq: i64) {
        let Some(&id) = self.rows.get(&seq) else { return };
        let lane = self.lanes.get_mut(&id).expect("a row's lane lives as long as the row");
        if lane.place == Place::Flying(seq) {
            let place = lane.find(seq).expect("a row is in its lane");
            lane.rows[place].gone = true;
        } else {
            self.remove(now, seq);
        }
    }

    fn fire_timers(&mut self, now: Moment) {
        while let Some(&(due, timer)) = self.timers.first() {
            if due > now.mono {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::Lane(id) => self.arrange(now, id),
                Timer::Target(at) => {
                    self.targets[at].wake = None;
                    self.offer(at);
                }
            }
        }
    }

    fn poll_expired(&mut self, now: Moment) -> Option<Action> {
        let &(expires_at, seq) = self.expiries.first()?;
        if expires_at > self.steady.ms(now) {
            return None;
        }
        let delivery = self.remove(now, seq)?;
        Some(Action::Expired { seq, delivery })
    }

    fn start_one(&mut self, now: Moment, at: TargetAt) -> Option<Start> {
        let target = &mut self.targets[at];
        let pace = target.pace?;
        if target.disabled || target.flying >= pace.concurrency.max(1) || target.ready.is_empty() {
            return None;
        }
        if target.flying > 0 && matches!(target.failing, Failing::Braked { .. }) {
            return None;
        }
        let free_at = target.paused_until.max(target.next_start).max(target.braked_until());
        if free_at > now.mono {
            if target.wake != Some(free_at) {
                if let Some(earlier) = target.wake.replace(free_at) {
                    self.timers.remove(&(earlier, Timer::Target(at)));
                }
                self.timers.insert((free_at, Timer::Target(at)));
            }
            return None;
        }
        let (seq, id) = target.ready.pop_first()?;
        if let Failing::Braked { probe, .. } = &mut target.failing {
            *probe = Some(seq);
        }
        target.flying += 1;
        target.next_start = now.mono + pace.min_gap;
        self.flying += 1;
        let lane = self.lanes.get_mut(&id).expect("a lane that is ready lives");
        lane.place = Place::Flying(seq);
        let row = lane.rows.front().expect("a lane that is ready has a row");
        self.expiries.remove(&(row.expires_at, seq));
        Some(Start { seq, delivery: row.delivery.clone(), attempts: row.attempts, plain: row.plain })
    }

    fn insert(&mut self, now: Moment, at: TargetAt, owed: Owed) {
        let Owed { seq, delivery, attempts, next_ms } = owed;
        let key = LaneKey { target: at, rule: delivery.rule.clone(), person: delivery.person };
        let id = *self.by_key.entry(key).or_insert_with_key(|key| {
            self.next_lane += 1;
            let lane = Lane { key: key.clone(), rows: VecDeque::with_capacity(1), place: Place::Nowhere };
            self.lanes.insert(self.next_lane, lane);
            self.next_lane
        });
        let lane = self.lanes.get_mut(&id).expect("made just now");
        let Err(place) = lane.rows.binary_search_by_key(&seq, |row| row.seq) else { return };
        let due = if next_ms == 0 { Duration::ZERO } else { now.mono_at(next_ms, self.settings.wait_most) };
        let expires_at = self.steady.at(now, delivery.expires_ms);
        self.expiries.insert((expires_at, seq));
        lane.rows.insert(
            place,
            Row { seq, delivery: Arc::new(delivery), attempts, plain: false, due, expires_at, gone: false },
        );
        self.rows.insert(seq, id);
        self.targets[at].rows += 1;
        self.arrange(now, id);
    }

    /// Takes a row out that is not under way.
    fn remove(&mut self, now: Moment, seq: i64) -> Option<Arc<Delivery>> {
        let id = self.rows.remove(&seq)?;
        let lane = self.lanes.get_mut(&id)?;
        let at = lane.key.target;
        let row = lane.find(seq).and_then(|place| lane.rows.remove(place))?;
        self.expiries.remove(&(row.expires_at, seq));
        self.targets[at].rows -= 1;
        self.arrange(now, id);
        self.feed(at);
        Some(row.delivery)
    }

    /// Registers a lane where its first row belongs, or ends it if there is none. One that is under way, or not
    /// settled, stays.
    fn arrange(&mut self, now: Moment, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let at = lane.key.target;
        match lane.place {
            Place::Flying(_) | Place::Unsettled => return,
            Place::Nowhere => {}
            Place::Ready(seq) => {
                self.targets[at].ready.remove(&(seq, id));
            }
            Place::Resting(until) => {
                self.timers.remove(&(until, Timer::Lane(id)));
            }
        }
        match lane.rows.front() {
            None => {
                self.by_key.remove(&lane.key);
                self.lanes.remove(&id);
            }
            Some(row) if row.due > now.mono => {
                lane.place = Place::Resting(row.due);
                self.timers.insert((row.due, Timer::Lane(id)));
            }
            Some(row) => {
                lane.place = Place::Ready(row.seq);
                self.targets[at].ready.insert((row.seq, id));
                self.offer(at);
            }
        }
    }

    /// Gives a target a turn, if it has none.
    fn offer(&mut self, at: TargetAt) {
        let target = &mut self.targets[at];
        if !target.has_turn && !target.ready.is_empty() {
            target.has_turn = true;
            self.turns.push_back(at);
        }
    }

    /// Notes that the store holds more than we do.
    fn note_stored(&mut self, at: TargetAt) {
        let backlog = &mut self.targets[at].backlog;
        *backlog = match *backlog {
            Backlog::Nothing | Backlog::Stored => Backlog::Stored,
            Backlog::Reading { .. } => Backlog::Reading { grew: true },
        };
        self.feed(at);
    }

    /// Asks for the next page once half of the room is free.
    fn feed(&mut self, at: TargetAt) {
        let target = &self.targets[at];
        if target.backlog == Backlog::Stored && target.rows <= self.settings.rows_max / 2 {
            self.hungry.insert(at);
        }
    }

    fn target(&mut self, name: &Arc<str>) -> TargetAt {
        if let Some(&at) = self.by_name.get(name) {
            return at;
        }
        let at = self.targets.len();
        self.targets.push(Target {
            name: name.clone(),
            pace: None,
            disabled: false,
            ready: BTreeSet::new(),
            flying: 0,
            rows: 0,
            paused_until: Duration::ZERO,
            next_start: Duration::ZERO,
            failing: Failing::default(),
            wake: None,
            has_turn: false,
            backlog: Backlog::Nothing,
            seen_upto: 0,
        });
        self.by_name.insert(name.clone(), at);
        at
    }
}

impl Target {
    fn pause(&mut self, now: Moment, wait: Duration) {
        self.paused_until = self.paused_until.max(now.mono.saturating_add(wait));
    }

    fn braked_until(&self) -> Duration {
        match self.failing {
            Failing::Braked { until, .. } => until,
            _ => Duration::ZERO,
        }
    }

    /// Notes that an attempt failed, if it did.
    fn note(&mut self, now: Moment, settings: &QueueSettings, (lane, seq): (LaneId, i64), outcome: &Outcome) {
        match (outcome, &mut self.failing) {
            (Outcome::Later { pause_target: false, .. }, _) => {}
            // It has probed nothing: the next may.
            (Outcome::Unfit, Failing::Braked { until, probe, .. }) if *probe == Some(seq) => {
                (*until, *probe) = (now.mono, None);
                return;
            }
            _ => return,
        }
        // One at a time needs no jitter.
        let until = |probes| now.mono.saturating_add(settings.brake.wait(probes, 1.0));
        let several = |failures| {
            if failures < settings.brake_after {
                return Failing::Several { failures };
            }
            Failing::Braked { probes: 1, until: until(1), probe: None }
        };
        self.failing = match self.failing {
            Failing::Not => Failing::Once { failures: 1, lane },
            Failing::Once { failures, lane: first } if first == lane => {
                Failing::Once { failures: failures.saturating_add(1), lane }
            }
            Failing::Once { failures, .. } | Failing::Several { failures } => {
                several(failures.saturating_add(1))
            }
            Failing::Braked { probes, probe, .. } if probe == Some(seq) => {
                let probes = probes.saturating_add(1);
                Failing::Braked { probes, until: until(probes), probe: None }
            }
            // It was under way before the brake.
            braked @ Failing::Braked { .. } => braked,
        };
    }
}

impl Lane {
    fn find(&self, seq: i64) -> Option<usize> {
        self.rows.binary_search_by_key(&seq, |row| row.seq).ok()
    }
}
