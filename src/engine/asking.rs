//! When a `while` rule is asked again, about whom, and what its answer leads to.
//!
//! It is asked when a person whom it can see may look different, when a hand of the clock moves that it looks at,
//! when its timer ends, and once when other rules come into force. Of a person whom nobody tells us about, it
//! is not asked: its state and its timer stay as they are.

use std::sync::Arc;
use std::time::Duration;

use super::bell::{Bell, Firing, Judgement};
use super::crowd::Crowd;
use super::effects::Effects;
use super::holding::{Holding, Key, State, Turn};
use super::kept::Kept;
use super::machine::Engine;
use super::person::{Known, Span, Standing};
use super::ripening::sight;
use super::verdict::Verdict;
use crate::presence::by_id::ById;
use crate::presence::model::UserId;
use crate::rules::cause::Cause;
use crate::rules::condition::Judged;
use crate::rules::condition::clock::Hand;
use crate::rules::scope::{Now, Scope, Sight};
use crate::rules::set::{Rule, RuleSet, Send, While, Who};
use crate::time::{Moment, millis};

/// What rules wait for before they are asked.
#[derive(Default)]
pub(super) struct Pending {
    /// Rules that look at more than one person, while a snapshot comes in person by person; with how long
    /// nobody had been watching.
    pub after_snapshot: std::collections::BTreeMap<u32, Option<i64>>,
    pub in_snapshot: bool,
    /// When each hand of the clock that a rule looks at moves next, and when to look whether it has.
    pub hands: [Option<Due>; Hand::ALL.len()],
    /// All rules are to be asked at once.
    pub all: bool,
}

/// A clock that was set, or a machine that was asleep, is noticed this soon if a rule looks at the clock.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(super) struct Due {
    look_at: Duration,
    moves_ms: i64,
}

impl Pending {
    pub fn deadline(&self) -> Option<Duration> {
        let looks = self.hands.into_iter().flatten().map(|due| due.look_at);
        self.all.then_some(Duration::ZERO).into_iter().chain(looks).min()
    }
}

impl Engine {
    /// A person may look different from before, or is heard of again.
    pub(super) fn ask_about(&mut self, now: Moment, id: UserId, late_ms: Option<i64>, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        if rules.onlookers.is_empty() {
            return;
        }
        let written = written(effects);
        let alone = |at: u32| rules.rules[at as usize].holds().is_some_and(|holds| !sees_others(holds));
        let mut others = rules.onlookers.looking_at(id);
        let mut own = Vec::new();
        for at in rules.onlookers.about(id) {
            if !self.pending.in_snapshot || alone(at) {
                own.push(at);
            } else {
                others.insert(at);
            }
        }
        // What looks at them anyway is asked about everybody below.
        own.retain(|at| !others.contains(at));
        if !own.is_empty() {
            self.asking(now, late_ms, effects).person(id, &own);
        }
        if self.pending.in_snapshot {
            for at in others {
                let late = self.pending.after_snapshot.entry(at).or_default();
                *late = (*late).max(late_ms);
            }
        } else if !others.is_empty() {
            let mut asking = self.asking(now, late_ms, effects);
            for at in others {
                asking.everybody(at);
            }
        }
        self.save_if_written(id, written, effects);
    }

    /// Everybody in a snapshot has been seen.
    pub(super) fn ask_after_snapshot(&mut self, now: Moment, effects: &mut Effects) {
        self.pending.in_snapshot = false;
        let waited = std::mem::take(&mut self.pending.after_snapshot);
        if !waited.is_empty() {
            let mut asking = self.asking(now, None, effects);
            for (at, late_ms) in waited {
                asking.late_ms = late_ms;
                asking.everybody(at);
            }
        }
    }

    /// Does what is due: timers, hands of the clock.
    pub(super) fn ask_in_time(&mut self, now: Moment, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        if std::mem::take(&mut self.pending.all) {
            let mut asking = self.asking(now, None, effects);
            rules.onlookers.all().iter().for_each(|&at| asking.everybody(at));
            for hand in Hand::ALL {
                self.set_hand(now, hand);
            }
        }
        while let Some((at, person)) = self.holding.ended(&rules, now) {
            let mut asking = self.asking(now, None, effects);
            match person {
                Some(id) => asking.person(id, &[at]),
                None => asking.everybody(at),
            }
        }
        for hand in Hand::ALL {
            let due = self.pending.hands[hand as usize].filter(|due| due.look_at <= now.mono);
            let Some(due) = due else { continue };
            if due.moves_ms <= now.wall_ms {
                let mut asking = self.asking(now, None, effects);
                rules.onlookers.of_hand(hand).iter().for_each(|&at| asking.everybody(at));
            }
            self.set_hand(now, hand);
        }
    }

    fn set_hand(&mut self, now: Moment, hand: Hand) {
        let looked_at = !self.rules.onlookers.of_hand(hand).is_empty();
        self.pending.hands[hand as usize] = looked_at.then(|| {
            let wait = hand.moves_in(now.wall_ms, &self.rules.timezone);
            Due { look_at: now.mono + wait.min(LOOK_AT_LEAST_EVERY), moves_ms: now.wall_after(wait) }
        });
    }

    /// What a rule keeps in mind goes into one transaction with what is known of the person that it is about.
    fn save_if_written(&mut self, id: UserId, before: (usize, usize), effects: &mut Effects) {
        if written(effects) != before
            && let Some(known) = self.known.get_mut(&id).filter(|known| known.unsaved)
        {
            known.unsaved = false;
            effects.commit.baselines.push(known.baseline(id));
        }
    }

    fn asking<'e>(&'e mut self, now: Moment, late_ms: Option<i64>, effects: &'e mut Effects) -> Asking<'e> {
        let view = View {
            now,
            calendar: Now::at(now.wall_ms, &self.rules.timezone),
            crowd: Crowd::new(&self.rules, &self.known, None),
            rules: &self.rules,
            places: &self.places,
            known: &self.known,
        };
        Asking { view, late_ms, bell: &mut self.bell, holding: &mut self.holding, effects }
    }
}

fn written(effects: &Effects) -> (usize, usize) {
    (effects.commit.notes.len(), effects.commit.deliveries.len())
}

fn sees_others(holds: &While) -> bool {
    let sees = holds.condition.sees();
    !sees.people.is_empty() || !sees.groups.is_empty()
}

/// What there is to be seen when rules are asked.
struct View<'e> {
    now: Moment,
    calendar: Now,
    crowd: Crowd<'e>,
    rules: &'e RuleSet,
    places: &'e ById<usize>,
    known: &'e ById<Known>,
}

/// Rules being asked.
struct Asking<'e> {
    view: View<'e>,
    /// How long nobody had been watching.
    late_ms: Option<i64>,
    bell: &'e mut Bell,
    holding: &'e mut Holding,
    effects: &'e mut Effects,
}

impl<'e> View<'e> {
    fn scope<'s>(&'s self, rule: &'s Rule, person: Option<Sight<'s>>) -> Scope<'s> {
        Scope { person, ..Scope::of(&rule.id, self.calendar, &self.rules.timezone, &self.crowd) }
    }

    fn firing(&self, at: u32, person: Option<Sight<'_>>, sends: &'e [Send]) -> Firing<'e> {
        let called = person.filter(|sight| !sight.key.is_empty()).map(|sight| Arc::from(sight.key));
        let rule = &self.rules.rules[at as usize];
        Firing { now: self.now, rule, person: person.map(|sight| sight.id), called, sends }
    }

    /// What is kept of a state that began or ended, should it have to wait.
    fn kept(&self, scope: &Scope<'_>) -> Kept {
        let known = scope.person.and_then(|sight| self.known.get(&sight.id));
        let span = Span { since_ms: scope.since_ms, lasted_ms: scope.lasted_ms };
        Kept::of_state(self.now, scope.cause.unwrap_or(Cause::Enter), known, span, scope.late_ms)
    }

    fn wall_ms(&self, mono_ms: i64) -> i64 {
        mono_ms.saturating_add(self.now.ahead_ms())
    }

    /// Whether a rule without `who` can see anybody. One that looks at nobody needs to see none.
    fn is_seen_by(&self, rule: &Rule) -> bool {
        let Some(sees) = rule.holds().map(|holds| holds.condition.sees()) else { return false };
        let named =
            sees.people.iter().chain(sees.groups.iter().flat_map(|&at| &self.rules.groups[at].members));
        let mut named = named.filter_map(|&place| self.known.get(&self.rules.people.get(place)?.id));
        (sees.people.is_empty() && sees.groups.is_empty())
            || named.any(|known| known.standing == Standing::Live)
    }
}

impl<'e> Asking<'e> {
    /// Asks a rule about all whom it is about.
    fn everybody(&mut self, at: u32) {
        let rule = &self.view.rules.rules[at as usize];
        match &rule.who {
            None if self.view.is_seen_by(rule) => self.ask(at, None),
            None => {}
            Some(Who::People(ids)) => ids.iter().for_each(|&id| self.person(id, &[at])),
            Some(Who::Everyone) => {
                let known = self.view.known;
                for &id in known.keys() {
                    self.person(id, &[at]);
                }
            }
        }
    }

    /// Asks rules about one person.
    fn person(&mut self, id: UserId, rules: &[u32]) {
        let Some(known) = self.view.known.get(&id).filter(|known| known.standing == Standing::Live) else {
            return;
        };
        let Some(presence) = known.shown(id) else { return };
        let sight = sight(self.view.rules, self.view.places.get(&id).copied(), id, &presence);
        for &at in rules {
            self.ask(at, Some(sight));
        }
    }

    fn ask(&mut self, at: u32, person: Option<Sight<'_>>) {
        let rules = self.view.rules;
        let rule = &rules.rules[at as usize];
        let Some(holds) = rule.holds().filter(|_| rule.enabled) else { return };
        let key = (at, person.map(|sight| sight.id));
        self.bell.counts.asked += 1;
        let scope = self.view.scope(rule, person);
        let judged = self.effects.judge(Some(&holds.condition), &scope);
        if judged == Judged::TooCostly {
            self.tell(at, person, Cause::Enter, Verdict::ConditionTooCostly);
        }
        let state = self.holding.state(key);
        match holds.turn(state, judged == Judged::True, millis(self.view.now.mono), self.late_ms) {
            Turn::Stays => {}
            Turn::Rises(state) => {
                self.set(key, Some(state));
                self.tell_wait(at, person, Cause::Enter, state);
            }
            Turn::Lapses => {
                self.set(key, None);
                self.tell(at, person, Cause::Enter, Verdict::Lapsed);
            }
            Turn::Enters { since, late_ms } => {
                let told = self.enter((at, holds), person, since, late_ms);
                self.set(key, Some(State::On { since, told }));
            }
            Turn::Falls(state) => {
                self.set(key, Some(state));
                self.tell_wait(at, person, Cause::Exit, state);
            }
            Turn::Recovers(state) => {
                self.set(key, Some(state));
                self.tell(at, person, Cause::Exit, Verdict::Lapsed);
            }
            Turn::Exits { since, told, fell, late_ms } => {
                self.set(key, None);
                self.exit((at, holds), person, told, (since, fell), late_ms);
            }
        }
    }

    /// Whether `enter` was let through, or there is none.
    fn enter(
        &mut self,
        (at, holds): (u32, &'e While),
        person: Option<Sight<'_>>,
        since: i64,
        late_ms: Option<i64>,
    ) -> bool {
        if holds.enter.is_empty() {
            return true;
        }
        let scope = self.view.scope(&self.view.rules.rules[at as usize], person);
        let since_ms = Some(self.view.wall_ms(since));
        let scope = Scope { cause: Some(Cause::Enter), late_ms, since_ms, ..scope };
        let firing = self.view.firing(at, person, &holds.enter);
        let keep = || self.view.kept(&scope);
        let verdict = self.bell.fire(&firing, &keep, &scope, self.effects);
        self.tell(at, person, Cause::Enter, verdict);
        verdict.is_through()
    }

    fn exit(
        &mut self,
        (at, holds): (u32, &'e While),
        person: Option<Sight<'_>>,
        told: bool,
        (since, fell): (i64, i64),
        late_ms: Option<i64>,
    ) {
        if holds.exit.is_empty() {
            return;
        }
        let scope = self.view.scope(&self.view.rules.rules[at as usize], person);
        let (since_ms, lasted_ms) = (Some(self.view.wall_ms(since)), Some(fell.saturating_sub(since).max(0)));
        let scope = Scope { cause: Some(Cause::Exit), late_ms, since_ms, lasted_ms, ..scope };
        let firing = self.view.firing(at, person, &holds.exit);
        let keep = || self.view.kept(&scope);
        let verdict = if holds.enter.is_empty() {
            self.bell.fire(&firing, &keep, &scope, self.effects)
        } else if told {
            self.bell.owe(&firing, &keep, &scope, self.effects)
        } else {
            Verdict::NeverEntered
        };
        self.tell(at, person, Cause::Exit, verdict);
    }

    fn set(&mut self, key: Key, state: Option<State>) {
        let rule = &self.view.rules.rules[key.0 as usize];
        let note = self.holding.set(self.view.now, rule, key, state);
        self.effects.commit.notes.push(note);
    }

    /// Tells that something waits for its time, if anything is sent then.
    fn tell_wait(&mut self, at: u32, person: Option<Sight<'_>>, cause: Cause, state: State) {
        let until = self.view.rules.rules[at as usize].holds().and_then(|holds| state.until(holds));
        let left_ms = until.map_or(0, |until| until.saturating_sub(millis(self.view.now.mono)));
        self.tell(at, person, cause, Verdict::Waiting { left_ms });
    }

    fn tell(&mut self, at: u32, person: Option<Sight<'_>>, cause: Cause, verdict: Verdict) {
        let judged = Judgement { at: at as usize, who: person, cause, verdict };
        self.bell.note(self.view.now, judged, Vec::new, self.effects);
    }
}
