//! When a firing that waits is given up, and when it rings.
//!
//! It is given up as soon as that which the change led to is no more, and after a gap longer than `catch_up`.
//! Of a person whom nobody tells us about it neither rings nor is given up. What is asked at the end, of the
//! change as it was and of the person as they are then: `if`, and everything that keeps a rule quiet.

use std::sync::Arc;

use super::bell::{Bell, Firing, Judgement, Step, deciding_values};
use super::crowd::Crowd;
use super::effects::Effects;
use super::gates::Keep;
use super::kept::Kept;
use super::lasting::{about, lasts};
use super::machine::Engine;
use super::person::{Span, Standing};
use super::verdict::Verdict;
use super::waiting::Wait;
use crate::presence::change::ChangeKind;
use crate::presence::model::{Presence, UserId};
use crate::rules::cause::Cause;
use crate::rules::condition::Judged;
use crate::rules::scope::{Changed, Now, Scope, Sight};
use crate::rules::set::{Rule, RuleSet, When};
use crate::time::{Moment, millis};

impl Bell {
    /// Begins to wait for `for`, instead of ringing.
    pub fn wait(
        &mut self,
        step: &Step<'_>,
        (rule, when): (&Rule, &When),
        changed: Changed<'_>,
        span: Span,
        effects: &mut Effects,
    ) -> Verdict {
        let Some(at) = self.rules.place(&rule.id).and_then(|at| u32::try_from(at).ok()) else {
            return Verdict::TooManyWait;
        };
        let key = format!("{}: {}", changed.change.kind.name(), about(changed)).into();
        let kept = Kept::of(step, changed.change, span);
        let wait = Wait { rule: at, key, since: millis(step.now.mono), kept };
        match self.waiting.add(step.now, rule, step.id, wait) {
            Some(note) => {
                effects.commit.notes.push(note);
                Verdict::Waiting { left_ms: millis(when.hold_for) }
            }
            None => Verdict::TooManyWait,
        }
    }

    /// Gives up what waits for a person and is no more, now that they look like `sight`.
    pub fn give_up(&mut self, now: Moment, sight: Sight<'_>, late_ms: Option<i64>, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        let too_late = late_ms.is_some_and(|late_ms| late_ms > millis(rules.catch_up));
        for wait in self.waiting.of(sight.id).to_vec() {
            let still = wait.kept.show(sight.id, |changed| {
                changed.change.kind != ChangeKind::BecameUnmonitored && lasts(changed, sight.presence)
            });
            match still {
                Some(true) if too_late => self.end_wait(now, &wait, sight, Verdict::TooLate, effects),
                Some(true) => {}
                _ => self.end_wait(now, &wait, sight, Verdict::Lapsed, effects),
            }
        }
    }

    /// A wait is over, one way or the other.
    fn end_wait(
        &mut self,
        now: Moment,
        wait: &Wait,
        who: Sight<'_>,
        verdict: Verdict,
        effects: &mut Effects,
    ) {
        let rules = Arc::clone(&self.rules);
        let at = wait.rule as usize;
        effects.commit.notes.push(self.waiting.remove(&rules.rules[at], who.id, wait));
        if let (Some(kind), true) = (wait.kept.kind(), rules.rules[at].enabled) {
            let judged = Judgement { at, who: Some(who), cause: Cause::Change(kind), verdict };
            self.note(now, judged, Vec::new, effects);
        }
    }
}

impl Engine {
    /// Rings what has waited long enough for a person who may look different, or is heard of again.
    pub(super) fn ring_ripe(&mut self, now: Moment, id: UserId, late_ms: Option<i64>, effects: &mut Effects) {
        if !self.bell.waiting.has(id) {
            return;
        }
        let rules = Arc::clone(&self.rules);
        let waits = self.bell.waiting.of(id).to_vec();
        let Some(known) = self.known.get(&id) else { return };
        let live = known.standing == Standing::Live;
        let unmonitored = known.standing == Standing::Unmonitored;
        let Some(presence) = known.shown(id) else { return };
        let sight = sight(&rules, self.places.get(&id).copied(), id, &presence);
        let crowd = Crowd::new(&rules, &self.known, Some((id, &presence)));
        for wait in &waits {
            let rule = &rules.rules[wait.rule as usize];
            let Some(when) = rule.when().filter(|_| rule.enabled) else { continue };
            let overdue = millis(now.mono).saturating_sub(wait.until(when));
            let about_lanyard = wait.kept.kind() == Some(ChangeKind::BecameUnmonitored);
            if overdue < 0 || !(if about_lanyard { unmonitored } else { live }) {
                continue;
            }
            let ripe = Ripe { now, rules: &rules, wait, rule, when, sight, crowd: &crowd, late_ms };
            self.bell.ring_one(&ripe, overdue, effects);
        }
        drop(presence);
        self.save_if_owed(id, effects);
    }

    /// Lanyard does not know a person any more, and what waited for the opposite is given up.
    pub(super) fn give_up_monitored(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        let Some(presence) = self.known.get(&id).and_then(|known| known.shown(id)) else { return };
        let sight = sight(&self.rules, self.places.get(&id).copied(), id, &presence);
        for wait in self.bell.waiting.of(id).to_vec() {
            if wait.kept.kind() == Some(ChangeKind::BecameMonitored) {
                self.bell.end_wait(now, &wait, sight, Verdict::Lapsed, effects);
            }
        }
    }
}

/// A wait that has been long enough.
struct Ripe<'r> {
    now: Moment,
    rules: &'r RuleSet,
    wait: &'r Wait,
    rule: &'r Rule,
    when: &'r When,
    sight: Sight<'r>,
    crowd: &'r Crowd<'r>,
    /// How long nobody had been watching, if that is found only now.
    late_ms: Option<i64>,
}

impl Bell {
    fn ring_one(&mut self, ripe: &Ripe<'_>, overdue: i64, effects: &mut Effects) {
        let Ripe { now, rules, wait, rule, when, sight, crowd, late_ms } = *ripe;
        if overdue > millis(rules.catch_up) {
            return self.end_wait(now, wait, sight, Verdict::TooLate, effects);
        }
        let kept = &wait.kept;
        let told = kept.show(sight.id, |changed| {
            let scope = Scope {
                person: Some(sight),
                before: Some(Sight { presence: changed.before, ..sight }),
                change: Some(changed.into()),
                cause: Some(Cause::Change(changed.change.kind)),
                now: Now::at(now.wall_ms, &rules.timezone),
                zone: &rules.timezone,
                people: crowd,
                rule: &rule.id,
                late_ms: kept.late_ms.max(late_ms),
                since_ms: kept.since_ms,
                lasted_ms: kept.lasted_ms,
                firings: &[],
            };
            let keep = || kept.as_late_as(scope.late_ms);
            let verdict = self.ask_ripe((rule, when), (now, sight), &keep, &scope, effects);
            (verdict, deciding_values(rules, when.condition.as_ref(), &scope, verdict))
        });
        effects.commit.notes.push(self.waiting.remove(rule, sight.id, wait));
        if let (Some((verdict, values)), Some(kind)) = (told, kept.kind()) {
            let at = wait.rule as usize;
            let judged = Judgement { at, who: Some(sight), cause: Cause::Change(kind), verdict };
            self.note(now, judged, || values, effects);
        }
    }

    /// Whether a rule that has waited rings.
    fn ask_ripe(
        &mut self,
        (rule, when): (&Rule, &When),
        (now, sight): (Moment, Sight<'_>),
        keep: Keep<'_>,
        scope: &Scope<'_>,
        effects: &mut Effects,
    ) -> Verdict {
        // Another file may narrow it otherwise than the one under which it began to wait.
        if scope.change.is_none_or(|changed| !when.triggered_by(changed)) {
            return Verdict::Narrowed;
        }
        match effects.judge(when.condition.as_ref(), scope) {
            Judged::True => {}
            Judged::False => return Verdict::ConditionFalse,
            Judged::TooCostly => return Verdict::ConditionTooCostly,
        }
        let called = Some(sight.key).filter(|key| !key.is_empty()).map(Arc::from);
        let firing = Firing { now, rule, person: Some(sight.id), called, sends: &when.send };
        self.fire(&firing, keep, scope, effects)
    }
}

/// A person by their place in the file, if they have one.
pub fn sight<'a>(
    rules: &'a RuleSet,
    place: Option<usize>,
    id: UserId,
    presence: &'a Presence<'a>,
) -> Sight<'a> {
    let person = place.map(|at| &rules.people[at]);
    let (key, name) = person.map_or(("", ""), |person| (&person.key, &person.name));
    Sight { id, key, name, presence }
}
