//! The engine: one observation at a time, what it changes, which rules it rings.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::bell::{Bell, Counts, Step};
use super::effects::Effects;
use super::guard::{Guard, Word};
use super::ids::Ids;
use super::marks::Marks;
use super::person::{Heard, Known, Since, Standing};
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{MarkKind, Memory};
use crate::presence::change::{Change, ChangeKind, diff};
use crate::presence::model::{Presence, User, UserId};
use crate::presence::settle::{Held, Hold, Smoothing, anything_gone, holds_after, put_back};
use crate::rules::set::{Rule, RuleSet};
use crate::time::{Moment, millis};

/// A baseline that rang nothing is written down this much later, together with others.
const BASELINES_WAIT: Duration = Duration::from_secs(1);
/// So many baselines go into one transaction at the most.
const BASELINES_A_COMMIT: usize = 1000;

pub struct Engine {
    rules: Arc<RuleSet>,
    /// The place in the file of each person in it.
    places: HashMap<UserId, usize>,
    everyone: bool,
    known: HashMap<UserId, Known>,
    bell: Bell,
    guard: Guard,
    /// How many people rules see online.
    online: usize,
    /// When holds end. An entry may be out of date; the person's own holds decide.
    ends: BinaryHeap<Reverse<(Duration, UserId)>>,
    unsaved: Vec<UserId>,
    /// Rules of an earlier run that are gone, still to be written down.
    retired: Vec<Arc<str>>,
    save_at: Option<Duration>,
    observed: u64,
    unchanged: u64,
    /// Reused from one update to the next.
    changes: Vec<Change>,
}

/// What is kept of a person after an observation.
struct Kept<'k> {
    raw: &'k str,
    holds: Vec<Hold>,
    since: Option<Since>,
    /// Whether rules see the person online.
    online: bool,
}

/// How an observation reached us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Snapshot,
    Update,
}

impl Engine {
    /// An engine that goes on where `memory` stopped. `seed` is chance, for the ids of deliveries.
    pub fn new(rules: Arc<RuleSet>, memory: Memory, now: Moment, seed: u64) -> Self {
        let mut engine = Self {
            places: places(&rules),
            everyone: rules.for_everyone(),
            known: HashMap::new(),
            bell: Bell {
                marks: Marks::default(),
                ids: Ids::new(seed),
                watched: false,
                counts: Counts { firings: vec![0; rules.rules.len()], ..Counts::default() },
                rules: Arc::clone(&rules),
            },
            guard: Guard::default(),
            online: 0,
            ends: BinaryHeap::new(),
            unsaved: Vec::new(),
            retired: Vec::new(),
            save_at: None,
            observed: 0,
            unchanged: 0,
            changes: Vec::new(),
            rules,
        };
        engine.recall(now, memory);
        engine
    }

    fn recall(&mut self, now: Moment, memory: Memory) {
        let heard_ms = memory.heard_ms.unwrap_or(i64::MIN);
        for baseline in memory.baselines.into_iter().filter(|baseline| !baseline.raw.is_empty()) {
            let id = baseline.person;
            if self.wanted(id) {
                let mut known = Known::recall(now, baseline, heard_ms, self.smoothing(id));
                known.online = known.shown(id).is_some_and(|presence| presence.online());
                self.online += usize::from(known.online);
                self.known.insert(id, known);
                self.note_end(id);
            }
        }
        let longest = longest_marks(&self.rules);
        for mark in memory.marks {
            match longest.get(&(&*mark.rule, mark.kind)) {
                Some(&longest) => self.bell.marks.recall(now, mark, longest),
                None => self.retired.push(mark.rule),
            }
        }
        self.retired.sort_unstable();
        self.retired.dedup();
        self.save_at = (!self.retired.is_empty()).then_some(now.mono);
    }

    /// Goes over to another rule set. What is known of people and the waits of rules that are still there
    /// stay; who and what is gone is forgotten.
    pub fn adopt(&mut self, now: Moment, rules: Arc<RuleSet>, effects: &mut Effects) {
        let mut firings = vec![0; rules.rules.len()];
        for (at, rule) in rules.rules.iter().enumerate() {
            let before = self.rules.rules.iter().position(|before| before.id == rule.id);
            firings[at] = before.map_or(0, |before| self.bell.counts.firings[before]);
        }
        self.bell.counts.firings = firings;
        self.places = places(&rules);
        self.everyone = rules.for_everyone();
        let gone: Vec<UserId> = self.known.keys().copied().filter(|&id| !self.wanted(id)).collect();
        for id in gone {
            let online = self.known.remove(&id).is_some_and(|known| known.online);
            self.online -= usize::from(online);
            effects.commit.forgotten.push(id);
        }
        let longest = longest_marks(&rules);
        let retired = self.bell.marks.adopt(now, |rule, kind| longest.get(&(rule, kind)).copied());
        effects.commit.retired.extend(retired);
        self.bell.rules = Arc::clone(&rules);
        self.rules = rules;
    }

    /// From now on, `Effects::told` says what happens.
    pub fn watch(&mut self, watched: bool) {
        self.bell.watched = watched;
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

    /// Takes one thing learned from Lanyard.
    pub fn observe(&mut self, now: Moment, observation: Observation<'_>, effects: &mut Effects) {
        match observation {
            Observation::Connected => {}
            Observation::Disconnected => self.go_blind(now, effects),
            Observation::Seen(id, presence) => self.arrive(now, id, presence, Source::Snapshot, effects),
            Observation::Updated(id, presence) => self.arrive(now, id, presence, Source::Update, effects),
            Observation::SnapshotEnd { absent } => {
                effects.commit.heard_ms = Some(now.wall_ms);
                self.guard.rest();
                for id in absent {
                    self.lose(now, id);
                }
            }
            Observation::Unmonitored(id) => self.leave(now, id, effects),
        }
    }

    /// Does what is due: holds that end, baselines that wait to be written down.
    pub fn tick(&mut self, now: Moment, effects: &mut Effects) {
        while let Some(&Reverse((until, id))) = self.ends.peek()
            && until <= now.mono
        {
            self.ends.pop();
            self.end_holds(now, id, effects);
        }
        if self.save_at.is_some_and(|at| at <= now.mono) {
            self.save(now, BASELINES_A_COMMIT, effects);
        }
    }

    /// When `tick` has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        let hold_ends = self.ends.peek().map(|Reverse((until, _))| *until);
        [hold_ends, self.save_at].into_iter().flatten().min()
    }

    /// Writes down everything that is known, before the process ends.
    pub fn save_all(&mut self, now: Moment, effects: &mut Effects) {
        self.save(now, usize::MAX, effects);
        if self.known.values().any(|known| known.standing == Standing::Live) {
            effects.commit.heard_ms = Some(now.wall_ms);
        }
    }

    fn save(&mut self, now: Moment, most: usize, effects: &mut Effects) {
        let from = self.unsaved.len().saturating_sub(most);
        for id in self.unsaved.split_off(from) {
            if let Some(known) = self.known.get_mut(&id).filter(|known| known.unsaved) {
                known.unsaved = false;
                effects.commit.baselines.push(known.baseline(id));
            }
        }
        effects.commit.retired.append(&mut self.retired);
        self.save_at = (!self.unsaved.is_empty()).then_some(now.mono);
    }

    /// Whether anybody asks about this person.
    fn wanted(&self, id: UserId) -> bool {
        self.everyone || self.places.contains_key(&id)
    }

    fn smoothing(&self, id: UserId) -> Smoothing {
        self.places.get(&id).map_or(self.rules.smoothing, |&at| self.rules.people[at].smoothing)
    }

    /// The connection is gone: our own blindness changes nobody.
    fn go_blind(&mut self, now: Moment, effects: &mut Effects) {
        for known in self.known.values_mut().filter(|known| known.standing == Standing::Live) {
            known.standing = Standing::Stale;
            known.heard = Heard::at(now);
            effects.commit.heard_ms = Some(now.wall_ms);
        }
    }

    /// A person whom a snapshot did not show: unknown, not offline.
    fn lose(&mut self, now: Moment, id: UserId) {
        if let Some(known) = self.known.get_mut(&id).filter(|known| known.standing == Standing::Live) {
            known.standing = Standing::Stale;
            self.note_unsaved(now, id);
        }
    }

    /// A presence has come in.
    fn arrive(&mut self, now: Moment, id: UserId, seen: Presence<'_>, source: Source, effects: &mut Effects) {
        self.observed += 1;
        if !self.wanted(id) {
            return;
        }
        let smoothing = self.smoothing(id);
        let Some(known) = self.known.get(&id) else { return self.meet(now, id, &seen, effects) };
        let Some(last) = known.shown(id) else { return self.meet(now, id, &seen, effects) };
        // A live person's update is a change as it happens; everything else was found out later.
        let told_late = known.standing != Standing::Live || source == Source::Snapshot;
        let late_ms = told_late.then(|| millis(known.heard.gap(now)));
        let long_gone = late_ms.is_some_and(|late_ms| late_ms > millis(self.rules.catch_up));
        let calm = long_gone || (known.holds.is_empty() && !anything_gone(&last, &seen));
        let holds = if calm {
            Vec::new()
        } else {
            holds_after(now, &known.holds, &last, &known.raw, &seen, smoothing, late_ms)
        };
        let (raw, seen_online) = (seen.raw, seen.online());
        let shown = if holds.is_empty() { seen } else { put_back(id, seen, &holds) };
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        diff(&last, &shown, &mut changes);
        if known.standing == Standing::Unmonitored {
            changes.push(Change::plain(ChangeKind::BecameMonitored));
        }
        let mut since = None;
        if changes.is_empty() {
            self.unchanged += 1;
        } else {
            let step = Step {
                now,
                id,
                place: self.places.get(&id).copied(),
                before: &last,
                after: &shown,
                late_ms,
                ended_ms: now.wall_ms,
            };
            let since = since.insert(known.since.clone());
            self.bell.ring(&step, &changes, since, &self.known, effects);
        }
        self.changes = changes;
        let online = shown.online();
        let fell = online && !seen_online && !known.holds.iter().any(|hold| hold.what == Held::Everything);
        drop((last, shown));
        self.keep(now, id, Kept { raw, holds, since, online }, effects);
        if fell {
            self.doubt(now, id, effects);
        }
        if source == Source::Snapshot && !seen_online {
            self.confirm(id);
        }
    }

    /// A person has gone offline, and is held. If everybody does so at once, nobody is believed.
    fn doubt(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        let Word::Doubt { until, also, first } = self.guard.fall(now.mono, id, self.online) else { return };
        effects.ask_again |= first;
        for id in also.into_iter().chain([id]) {
            if let Some(known) = self.known.get_mut(&id) {
                known.guarded_until = Some(until);
            }
            self.note_end(id);
        }
    }

    /// A snapshot says that a person is offline: the fleet guard's doubt is over, their own hold goes on.
    fn confirm(&mut self, id: UserId) {
        if self.known.get_mut(&id).and_then(|known| known.guarded_until.take()).is_some() {
            self.note_end(id);
        }
    }

    /// Keeps what was observed, and sees to it that it is written down: with what it rang, or a little later.
    fn keep(&mut self, now: Moment, id: UserId, kept: Kept<'_>, effects: &mut Effects) {
        let Kept { raw, holds, since, online } = kept;
        let Some(known) = self.known.get_mut(&id) else { return };
        let news = since.is_some() || known.holds != holds || known.standing != Standing::Live;
        let held = !holds.is_empty();
        known.raw.clear();
        known.raw.push_str(raw);
        self.online = self.online + usize::from(online) - usize::from(known.online);
        known.online = online;
        known.guarded_until = known.guarded_until.filter(|_| !holds.is_empty());
        known.standing = Standing::Live;
        known.heard = Heard::at(now);
        known.holds = holds;
        if let Some(since) = since {
            known.since = since;
        }
        if held {
            self.note_end(id);
        }
        if news {
            self.note_unsaved(now, id);
            self.save_if_owed(id, effects);
        }
    }

    /// The first time that anything is heard of a person: that is how things are, not what has changed. Only
    /// that Lanyard has begun to know them is news.
    fn meet(&mut self, now: Moment, id: UserId, seen: &Presence<'_>, effects: &mut Effects) {
        let known = self.known.entry(id).or_default();
        let news = known.standing == Standing::Unmonitored;
        seen.raw.clone_into(&mut known.raw);
        self.online = self.online + usize::from(seen.online()) - usize::from(known.online);
        known.online = seen.online();
        known.standing = Standing::Live;
        known.heard = Heard::at(now);
        self.note_unsaved(now, id);
        if news {
            let before = Presence { user: User { id: Some(id), ..User::default() }, ..Presence::default() };
            self.ring_alone(now, id, ChangeKind::BecameMonitored, &before, seen, effects);
        }
    }

    /// Lanyard does not know the person (any more).
    fn leave(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        if !self.wanted(id) || self.standing(id) == Standing::Unmonitored {
            return;
        }
        let known = self.known.entry(id).or_default();
        known.standing = Standing::Unmonitored;
        known.holds.clear();
        let raw = known.raw.clone();
        if let Ok((_, last)) = Presence::parse(&raw, Some(id)) {
            self.note_unsaved(now, id);
            self.ring_alone(now, id, ChangeKind::BecameUnmonitored, &last, &last, effects);
        }
    }

    /// Rings for a change that no two presences show.
    fn ring_alone(
        &mut self,
        now: Moment,
        id: UserId,
        kind: ChangeKind,
        before: &Presence<'_>,
        after: &Presence<'_>,
        effects: &mut Effects,
    ) {
        let place = self.places.get(&id).copied();
        let step = Step { now, id, place, before, after, late_ms: None, ended_ms: now.wall_ms };
        self.bell.ring(&step, &[Change::plain(kind)], &mut Since::default(), &self.known, effects);
        self.save_if_owed(id, effects);
    }

    /// Holds of a person have run out: what was held is now gone.
    fn end_holds(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        let Some(known) = self.known.get(&id) else { return };
        let (ended, mut holds): (Vec<Hold>, Vec<Hold>) =
            known.holds.iter().cloned().partition(|hold| known.hold_ends(hold) <= now.mono);
        let Some(gone_ms) = ended.iter().map(|hold| hold.gone_ms).min() else { return };
        let Some(last) = known.shown(id) else { return };
        let Ok((_, seen)) = Presence::parse(&known.raw, Some(id)) else { return };
        if ended.iter().any(|hold| hold.what == Held::Everything) {
            // The person is gone for good, and all that was theirs with them.
            holds.clear();
        }
        let kept = holds.clone();
        let shown = put_back(id, seen, &kept);
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        diff(&last, &shown, &mut changes);
        let mut since = known.since.clone();
        let step = Step {
            now,
            id,
            place: self.places.get(&id).copied(),
            before: &last,
            after: &shown,
            late_ms: ended.iter().filter_map(|hold| hold.late_ms).max(),
            ended_ms: gone_ms,
        };
        self.bell.ring(&step, &changes, &mut since, &self.known, effects);
        self.changes = changes;
        let online = shown.online();
        drop((last, shown));
        if let Some(known) = self.known.get_mut(&id) {
            known.holds = holds;
            known.since = since;
            self.online = self.online + usize::from(online) - usize::from(known.online);
            known.online = online;
            known.guarded_until = known.guarded_until.filter(|_| online);
        }
        self.note_end(id);
        self.note_unsaved(now, id);
        self.save_if_owed(id, effects);
    }

    fn note_end(&mut self, id: UserId) {
        if let Some(until) = self.known.get(&id).and_then(Known::first_end) {
            self.ends.push(Reverse((until, id)));
        }
    }

    fn note_unsaved(&mut self, now: Moment, id: UserId) {
        let Some(known) = self.known.get_mut(&id) else { return };
        if !std::mem::replace(&mut known.unsaved, true) {
            self.unsaved.push(id);
            self.save_at.get_or_insert(now.mono + BASELINES_WAIT);
        }
    }

    /// What is owed for a person goes into one transaction with what is known of them.
    fn save_if_owed(&mut self, id: UserId, effects: &mut Effects) {
        let owes = effects.commit.deliveries.last().is_some_and(|owed| owed.person == Some(id));
        let marked = effects.commit.marks.last().is_some_and(|mark| mark.person == Some(id));
        if (owes || marked)
            && let Some(known) = self.known.get_mut(&id).filter(|known| known.unsaved)
        {
            known.unsaved = false;
            effects.commit.baselines.push(known.baseline(id));
        }
    }
}

fn places(rules: &RuleSet) -> HashMap<UserId, usize> {
    rules.people.iter().enumerate().map(|(at, person)| (person.id, at)).collect()
}

/// How long a mark of each rule can hold; a disabled rule keeps its own.
fn longest_marks(rules: &RuleSet) -> HashMap<(&str, MarkKind), Duration> {
    let cooldown = |rule: &Rule| Some((MarkKind::Cooldown, rule.cooldown?));
    let dedupe = |rule: &Rule| Some((MarkKind::Dedupe, rule.dedupe.as_ref()?.window));
    let of_rule = |rule: &Rule| [cooldown(rule), dedupe(rule)].into_iter().flatten().collect::<Vec<_>>();
    let each = rules
        .rules
        .iter()
        .flat_map(|rule| of_rule(rule).into_iter().map(|(kind, longest)| ((&*rule.id, kind), longest)));
    each.collect()
}
