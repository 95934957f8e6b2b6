//! Firings that have waited: those whose hours have come ring if they are still true, and those that were gathered
//! are told together.

use std::sync::Arc;

use super::bell::{Firing, Judgement};
use super::crowd::Crowd;
use super::deferred;
use super::effects::Effects;
use super::gathering;
use super::holding::State;
use super::kept::{Holds, Kept, Seen};
use super::lasting::lasts;
use super::machine::Engine;
use super::person::Standing;
use super::ripening::sight;
use super::verdict::Verdict;
use crate::outbox::delivery::Part;
use crate::presence::change::ChangeKind;
use crate::presence::model::UserId;
use crate::rules::cause::Cause;
use crate::rules::condition::Judged;
use crate::rules::noise::group::By;
use crate::rules::scope::{Happened, Now, Scope, Sight};
use crate::rules::set::{Occasion, Rule, RuleSet, Send};
use crate::time::Moment;

impl Engine {
    /// Does what is due.
    pub(super) fn ring_waiting(&mut self, now: Moment, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        if self.bell.gates.deferred.deadline().is_some_and(|at| at <= now.mono) {
            for key in self.bell.gates.deferred.ready(now, &rules, None) {
                self.ring_deferred(now, &key, effects);
            }
            self.bell.gates.deferred.wind(now, &rules);
        }
        while let Some(key) = self.bell.gates.gathering.ready(now) {
            self.tell_together(now, &key, effects);
        }
    }

    /// A person is seen again: what waited for them, and for their sight, rings.
    pub(super) fn ring_deferred_of(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        if !self.bell.gates.deferred.is_empty() {
            let rules = Arc::clone(&self.rules);
            for key in self.bell.gates.deferred.ready(now, &rules, Some(id)) {
                self.ring_deferred(now, &key, effects);
            }
        }
    }

    /// Tells what other rules would not tell together any more, as long as these rules are there.
    pub(super) fn tell_strangers(&mut self, now: Moment, rules: &RuleSet, effects: &mut Effects) {
        let group = |rule: &str| rules.rule(rule)?.noise.group;
        while let Some(key) = self.bell.gates.gathering.stranger(group) {
            self.tell_together(now, &key, effects);
        }
    }

    /// Rings for what has waited for its hours, if it is still true; of somebody whom nobody tells us about, it
    /// waits on.
    fn ring_deferred(&mut self, now: Moment, key: &deferred::Key, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        let Some((at, rule)) = rules.place(&key.rule).map(|at| (at, &rules.rules[at])) else { return };
        let Some(cause) = self.bell.gates.deferred.get(key).and_then(Kept::cause) else {
            self.bell.gates.deferred.take(key, &mut effects.commit);
            return;
        };
        let standing = key.person.map(|id| self.standing(id));
        let is_seen = match standing {
            None | Some(Standing::Live) => true,
            Some(standing) => {
                standing == Standing::Unmonitored && cause == Cause::Change(ChangeKind::BecameUnmonitored)
            }
        };
        if !is_seen {
            return;
        }
        let Some(kept) = self.bell.gates.deferred.take(key, &mut effects.commit) else { return };
        let shown = key.person.and_then(|id| Some((id, self.known.get(&id)?.shown(id)?)));
        let person =
            shown.as_ref().map(|(id, shown)| sight(&rules, self.places.get(id).copied(), *id, shown));
        let holds = kept.holds();
        let seen = kept.read(key.person, &holds);
        let (verdict, told) = match (&rule.occasion, &seen) {
            (_, Some(_)) if !rule.is_about(key.person) => (Verdict::Over, None),
            (Occasion::When(when), Some(seen)) => {
                let lasts = seen.happened().is_some_and(|happened| self.lasts(now, happened))
                    || seen.changed().is_some_and(|changed| match (changed.change.kind, person) {
                        (ChangeKind::BecameUnmonitored, _) => standing == Some(Standing::Unmonitored),
                        (_, person) => person.is_some_and(|sight| lasts(changed, sight.presence)),
                    });
                let crowd = Crowd::new(&rules, &self.known, None);
                let scope = scope(&rules, now, rule, &crowd, cause, &kept, seen, person);
                let verdict = match effects.judge(when.condition.as_ref(), &scope) {
                    _ if !lasts => Verdict::Over,
                    Judged::True => {
                        let firing = firing(now, rule, person, &when.send);
                        self.bell.fire_in_hours(&firing, &|| kept.clone(), &scope, effects)
                    }
                    Judged::False => Verdict::ConditionFalse,
                    Judged::TooCostly => Verdict::ConditionTooCostly,
                };
                (verdict, None)
            }
            (Occasion::While(holds), Some(seen)) => {
                let pair = (at as u32, key.person);
                let state = self.holding.state(pair);
                let (lasts, sends) = match (cause, state) {
                    (Cause::Enter, Some(State::On { told: false, .. })) => (true, &holds.enter),
                    (Cause::Exit, state) => (state.is_none_or(|state| !state.is_on()), &holds.exit),
                    _ => (false, &holds.enter),
                };
                let crowd = Crowd::new(&rules, &self.known, None);
                let scope = scope(&rules, now, rule, &crowd, cause, &kept, seen, person);
                let verdict = if lasts {
                    let firing = firing(now, rule, person, sends);
                    self.bell.fire_in_hours(&firing, &|| kept.clone(), &scope, effects)
                } else {
                    Verdict::Over
                };
                let entered = verdict.is_through() && cause == Cause::Enter;
                (verdict, state.filter(|_| entered).map(|state| (pair, state)))
            }
            (_, None) => (Verdict::Over, None),
        };
        let judged = Judgement { at, who: person, cause, verdict };
        self.bell.note(now, judged, Vec::new, effects);
        drop(shown);
        if let Some((pair, State::On { since, .. })) = told {
            let note = self.holding.set(now, rule, pair, Some(State::On { since, told: true }));
            effects.commit.notes.push(note);
        }
        if let Some(id) = key.person {
            self.save_if_owed(id, effects);
        }
    }

    /// Whether news of doorchime itself are still true.
    fn lasts(&self, now: Moment, happened: Happened<'_>) -> bool {
        let Happened::News(news) = happened else { return false };
        let fails = self.troubles.told(now).any(|failure| match &failure.part {
            Part::Lanyard => news.target.is_empty(),
            Part::Target(target) => **target == *news.target,
        });
        fails == matches!(news.kind, ChangeKind::LanyardDown | ChangeKind::TargetFailing)
    }

    /// One message for each `send`, about all that go together, or as many of them as one message tells.
    fn tell_together(&mut self, now: Moment, key: &gathering::Key, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        let place = rules.place(&key.rule).map(|at| (at, &rules.rules[at]));
        let max = place.and_then(|(_, rule)| rule.noise.group).map_or(usize::MAX, |group| group.max);
        let firings = self.bell.gates.gathering.take(now, key, max, &mut effects.commit);
        let Some((at, rule)) = place else { return };
        let holds: Vec<Holds> = firings.iter().map(|one| one.kept.holds()).collect();
        let read = firings
            .iter()
            .zip(&holds)
            .filter_map(|(one, holds)| Some((one, one.kept.cause()?, one.kept.read(one.person, holds)?)));
        let read: Vec<_> = read.collect();
        let crowd = Crowd::new(&rules, &self.known, None);
        let scopes: Vec<Scope<'_>> = read
            .iter()
            .map(|(one, cause, seen)| {
                let person =
                    one.person.map(|id| sight(&rules, self.places.get(&id).copied(), id, &seen.after));
                scope(&rules, now, rule, &crowd, *cause, &one.kept, seen, person)
            })
            .collect();
        let (Some(last), Some((_, cause, _))) = (scopes.last(), read.last()) else { return };
        let sends = match (&rule.occasion, cause) {
            (Occasion::When(when), _) => &when.send,
            (Occasion::While(holds), Cause::Exit) => &holds.exit,
            (Occasion::While(holds), _) => &holds.enter,
        };
        let Some(group) = rule.noise.group else {
            for scope in &scopes {
                self.bell.render(&firing(now, rule, scope.person, sends), scope, effects);
            }
            return;
        };
        let one_person = |scope: &&Scope<'_>| scope.person.map(|sight| sight.id);
        let alike = scopes.iter().all(|scope| one_person(&scope) == one_person(&last));
        let who = last.person.filter(|_| alike);
        let shown = who.and_then(|sight| self.known.get(&sight.id)?.shown(sight.id));
        let present = who.map(|sight| Sight { presence: shown.as_ref().unwrap_or(sight.presence), ..sight });
        let whole = Scope {
            person: present.filter(|_| group.by == By::Person),
            before: None,
            change: None,
            since_ms: None,
            lasted_ms: None,
            late_ms: scopes.iter().filter_map(|scope| scope.late_ms).max(),
            firings: &scopes,
            ..*last
        };
        self.bell.render(&firing(now, rule, who, sends), &whole, effects);
        let judged = Judgement { at, who, cause: *cause, verdict: Verdict::Fired };
        self.bell.note(now, judged, Vec::new, effects);
    }
}

#[expect(clippy::too_many_arguments, reason = "all that a firing is seen with")]
fn scope<'a>(
    rules: &'a RuleSet,
    now: Moment,
    rule: &'a Rule,
    crowd: &'a Crowd<'a>,
    cause: Cause,
    kept: &Kept,
    seen: &'a Seen<'a>,
    person: Option<Sight<'a>>,
) -> Scope<'a> {
    let changed = seen.happened();
    Scope {
        person,
        before: person.filter(|_| changed.is_some()).map(|sight| Sight { presence: &seen.before, ..sight }),
        change: changed,
        cause: Some(cause),
        now: Now::at(now.wall_ms, &rules.timezone),
        zone: &rules.timezone,
        people: crowd,
        rule: &rule.id,
        late_ms: kept.late_ms,
        since_ms: kept.since_ms,
        lasted_ms: kept.lasted_ms,
        firings: &[],
    }
}

fn firing<'f>(now: Moment, rule: &'f Rule, person: Option<Sight<'_>>, sends: &'f [Send]) -> Firing<'f> {
    let called = person.filter(|sight| !sight.key.is_empty()).map(|sight| Arc::from(sight.key));
    Firing { now, rule, person: person.map(|sight| sight.id), called, sends }
}
