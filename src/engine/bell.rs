//! Rules at a change: which could match, which do, and what they then owe.

use std::sync::Arc;
use std::time::Duration;

use super::crowd::Crowd;
use super::diary::book::Diary;
use super::effects::{Effects, Told};
use super::gates::{Gates, Keep};
use super::ids::Ids;
use super::kept::Kept;
use super::person::{Known, Since, Span};
use super::ripening::sight;
use super::tally::{Last, Tally};
use super::verdict::Verdict;
use super::waiting::Waiting;
use super::watch::Telling;
use crate::outbox::delivery::{Delivery, Fallback};
use crate::presence::by_id::ById;
use crate::presence::change::{Change, ChangeKind};
use crate::presence::model::{Presence, UserId};
use crate::presence::settle::Hold;
use crate::rules::cause::Cause;
use crate::rules::condition::{Condition, Judged};
use crate::rules::scope::{Changed, Now, Object, ObjectKind, Scope, Sight, Value};
use crate::rules::set::{Rule, RuleSet, Send, When};
use crate::time::{Moment, millis};

pub struct Bell {
    pub rules: Arc<RuleSet>,
    pub gates: Gates,
    /// Firings that wait for their `for`.
    pub waiting: Waiting,
    pub ids: Ids,
    /// Who looks on: only then is it told what happens.
    pub watch: Telling,
    /// What people did lately, if that is kept.
    pub diary: Option<Box<Diary>>,
    /// What became of each rule last.
    pub tally: Tally,
    pub counts: Counts,
}

/// What rules have made of changes, for the metrics.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub changes: [u64; ChangeKind::ALL.len()],
    pub verdicts: [u64; Verdict::WORDS.len()],
    /// Conditions of `while` that were asked.
    pub asked: u64,
    /// By the rule's place in the file.
    pub firings: Vec<u64>,
}

/// One person's step from one presence to the next.
pub struct Step<'s> {
    pub now: Moment,
    pub id: UserId,
    /// The person's place in the file; nobody's for `everyone`.
    pub place: Option<usize>,
    pub before: &'s Presence<'s>,
    pub after: &'s Presence<'s>,
    /// What of `before` and `after` was held, and had gone already.
    pub before_held: &'s [Hold],
    pub after_held: &'s [Hold],
    /// For how long nobody had been watching.
    pub late_ms: Option<i64>,
    /// When what has ended was gone.
    pub ended_ms: i64,
}

impl Step<'_> {
    pub fn sight<'a>(&self, rules: &'a RuleSet, presence: &'a Presence<'a>) -> Sight<'a> {
        sight(rules, self.place, self.id, presence)
    }

    fn too_late(&self, catch_up: Duration) -> bool {
        self.late_ms.is_some_and(|late_ms| late_ms > millis(catch_up))
    }
}

/// A rule that has matched, and what it would send.
pub struct Firing<'f> {
    pub now: Moment,
    pub rule: &'f Rule,
    pub person: Option<UserId>,
    /// The person's name in the file.
    pub called: Option<Arc<str>>,
    pub sends: &'f [Send],
}

/// What became of a rule.
#[derive(Clone, Copy)]
pub struct Judgement<'j> {
    /// The rule's place in the file.
    pub at: usize,
    pub who: Option<Sight<'j>>,
    pub cause: Cause,
    pub verdict: Verdict,
}

impl Bell {
    /// Tells every change of a step to the rules that could match it.
    pub fn ring(
        &mut self,
        step: &Step<'_>,
        changes: &[Change],
        since: &mut Since,
        known: &ById<Known>,
        effects: &mut Effects,
    ) {
        let rules = Arc::clone(&self.rules);
        let crowd = Crowd::new(&rules, known, Some((step.id, step.after)));
        let mut now = None;
        // A rule rings once for one happening, however many names it has.
        let mut rung: Vec<(usize, Happening)> = Vec::new();
        for &change in changes {
            self.counts.changes[change.kind as usize] += 1;
            if let Some(diary) = &mut self.diary {
                diary.hear(step, change, since);
            }
            let span = since.tell(change, step.before, step.after, step.ended_ms, step.now);
            let changed = Changed { change, before: step.before, after: step.after };
            if self.watch.tells_change(step.now.mono) {
                effects.told.push(tell(&rules, step, changed));
            }
            for at in rules.index.candidates(change.kind, step.id) {
                let now = *now.get_or_insert_with(|| Now::at(step.now.wall_ms, &rules.timezone));
                let rule = &rules.rules[at];
                let Some(when) = rule.when() else { continue };
                let scope = scope(&rules, step, rule, changed, span, now, &crowd);
                let happening = Happening::of(change);
                let verdict = if rung.contains(&(at, happening)) {
                    Verdict::ToldAlready
                } else {
                    self.consider(step, (rule, when), (changed, span), &scope, effects)
                };
                if verdict.is_through()
                    || matches!(verdict, Verdict::Waiting { .. } | Verdict::Deferred { .. })
                {
                    rung.push((at, happening));
                }
                let who = Some(step.sight(&rules, step.after));
                let judged = Judgement { at, who, cause: Cause::Change(change.kind), verdict };
                let values = || deciding_values(&rules, when.condition.as_ref(), &scope, verdict);
                self.note(step.now, judged, values, effects);
            }
        }
    }

    /// Counts what became of a rule, and tells it to whoever looks on.
    pub fn note(
        &mut self,
        now: Moment,
        judged: Judgement<'_>,
        values: impl FnOnce() -> Vec<(String, String)>,
        effects: &mut Effects,
    ) {
        let Judgement { at, who, cause, verdict } = judged;
        let person = who.map(|sight| sight.id);
        self.counts.verdicts[verdict.number()] += 1;
        self.counts.firings[at] += u64::from(verdict == Verdict::Fired);
        self.tally.note(at, person, Last { at_ms: now.wall_ms, cause, verdict });
        if self.watch.tells_verdict(now.mono, verdict) && !effects.is_enough() {
            let rule = Arc::clone(&self.rules.rules[at].id);
            let name = who.map_or_else(String::new, shown_name);
            effects.told.push(Told::Verdict { rule, person, name, cause, verdict, values: values() });
        }
    }

    /// Whether a rule rings for a change, and if so, what it owes.
    fn consider(
        &mut self,
        step: &Step<'_>,
        (rule, when): (&Rule, &When),
        (changed, span): (Changed<'_>, Span),
        scope: &Scope<'_>,
        effects: &mut Effects,
    ) -> Verdict {
        if !when.triggered_by(changed.into()) {
            return Verdict::Narrowed;
        }
        if step.too_late(self.rules.catch_up) {
            return Verdict::TooLate;
        }
        if !when.hold_for.is_zero() {
            return self.wait(step, (rule, when), changed, span, effects);
        }
        match effects.judge(when.condition.as_ref(), scope) {
            Judged::True => {}
            Judged::False => return Verdict::ConditionFalse,
            Judged::TooCostly => return Verdict::ConditionTooCostly,
        }
        let called = step.place.map(|at| self.rules.people[at].key.as_str().into());
        let firing = Firing { now: step.now, rule, person: Some(step.id), called, sends: &when.send };
        self.fire(&firing, &|| Kept::of(step, changed.change, span), scope, effects)
    }

    /// Asks what may hold a firing back. If nothing does, what the rule sends is owed.
    pub fn fire(
        &mut self,
        firing: &Firing<'_>,
        keep: Keep<'_>,
        scope: &Scope<'_>,
        effects: &mut Effects,
    ) -> Verdict {
        match self.gates.ask(firing, keep, scope, &mut effects.commit) {
            Ok(()) => self.owe(firing, keep, scope, effects),
            Err(held_back) => held_back,
        }
    }

    /// The same of a firing whose hours have come.
    pub fn fire_in_hours(
        &mut self,
        firing: &Firing<'_>,
        keep: Keep<'_>,
        scope: &Scope<'_>,
        effects: &mut Effects,
    ) -> Verdict {
        match self.gates.ask_in_hours(firing, scope, &mut effects.commit) {
            Ok(()) => self.owe(firing, keep, scope, effects),
            Err(held_back) => held_back,
        }
    }

    /// What a rule sends is owed, at once or together with others.
    pub fn owe(
        &mut self,
        firing: &Firing<'_>,
        keep: Keep<'_>,
        scope: &Scope<'_>,
        effects: &mut Effects,
    ) -> Verdict {
        let Firing { now, rule, person, .. } = *firing;
        let Some(group) = rule.noise.group else {
            self.render(firing, scope, effects);
            return Verdict::Fired;
        };
        let left = self.gates.gathering.add(now, (rule, group), person, keep(), &mut effects.commit);
        Verdict::Gathered { left_ms: millis(left) }
    }

    /// Renders what a rule sends.
    pub fn render(&mut self, firing: &Firing<'_>, scope: &Scope<'_>, effects: &mut Effects) {
        let Firing { now, rule, person, called, sends } = firing;
        for send in *sends {
            if effects.is_enough() {
                return;
            }
            let id = self.ids.next(now.wall_ms);
            let parts = send.message.render(scope);
            let fallbacks = send.instead(&parts, scope).map(|(instead, parts)| Fallback {
                id: self.ids.next(now.wall_ms),
                target: Arc::clone(&instead.to),
                parts,
                expire_ms: millis(instead.expire),
            });
            let fallbacks = fallbacks.collect();
            effects.commit.deliveries.push(Delivery {
                id,
                target: Arc::clone(&send.to),
                rule: Arc::clone(&rule.id),
                person: *person,
                called: called.clone(),
                cause: scope.cause.map(Cause::name),
                parts,
                created_ms: now.wall_ms,
                expires_ms: now.wall_after(send.expire),
                fallbacks,
                origin: None,
            });
        }
    }
}

/// What a change is about, whatever it is called: `went_online` and `changed_status` tell of one happening.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Happening(crate::presence::change::Subject, Option<u16>, Option<u16>);

impl Happening {
    fn of(change: Change) -> Self {
        Self(change.kind.subject(), change.from, change.to)
    }
}

fn scope<'a>(
    rules: &'a RuleSet,
    step: &'a Step<'a>,
    rule: &'a Rule,
    changed: Changed<'a>,
    span: Span,
    now: Now,
    crowd: &'a Crowd<'a>,
) -> Scope<'a> {
    Scope {
        person: Some(step.sight(rules, step.after)),
        before: Some(step.sight(rules, step.before)),
        cause: Some(Cause::Change(changed.change.kind)),
        change: Some(changed.into()),
        now,
        zone: &rules.timezone,
        people: crowd,
        rule: &rule.id,
        late_ms: step.late_ms,
        since_ms: span.since_ms,
        lasted_ms: span.lasted_ms,
        firings: &[],
    }
}

/// What a person is called, for whoever looks on.
pub fn shown_name(sight: Sight<'_>) -> String {
    let name = ObjectKind::Person.field("name").map(|field| (field.read)(Object::Person(sight)));
    match name {
        Some(Value::Text(name)) if !name.is_empty() => name.into_owned(),
        _ => sight.id.to_string(),
    }
}

/// What a condition that did not hold was made of.
pub fn deciding_values(
    rules: &RuleSet,
    condition: Option<&Condition>,
    scope: &Scope<'_>,
    verdict: Verdict,
) -> Vec<(String, String)> {
    let decided = matches!(verdict, Verdict::ConditionFalse | Verdict::ConditionTooCostly);
    match condition {
        Some(condition) if decided => {
            let values = condition.values(scope).into_iter();
            values.map(|(part, worth)| (rules.shown(&part), rules.shown(&worth))).collect()
        }
        _ => Vec::new(),
    }
}

/// A change in a few words, for whoever looks on.
fn tell(rules: &RuleSet, step: &Step<'_>, changed: Changed<'_>) -> Told {
    let kind = changed.change.kind;
    let side = |name: &str| {
        let fields = ObjectKind::Change(Some(kind.subject()));
        fields.field(name).map(|field| spell(kind, (field.read)(Object::Change(changed)))).unwrap_or_default()
    };
    Told::Change {
        person: step.id,
        name: shown_name(step.sight(rules, step.after)),
        kind,
        key: side("key"),
        from: side("from"),
        to: side("to"),
        late_ms: step.late_ms,
    }
}

fn spell(kind: ChangeKind, value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.into_owned(),
        // Its name is what stayed.
        Value::Object(Object::Activity(activity)) if kind == ChangeKind::ChangedActivity => {
            let parts = [&*activity.name, &*activity.details, &*activity.state];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
        }
        Value::Object(Object::Activity(activity)) => activity.name.to_string(),
        Value::Object(Object::Track(track)) => format!("{} by {}", track.song, track.artist),
        Value::Object(Object::CustomStatus(activity)) => {
            [&*activity.emoji.name, &*activity.state].join(" ").trim().to_owned()
        }
        Value::Object(Object::User(sight)) => sight.presence.user.shown_name().to_string(),
        _ => String::new(),
    }
}
