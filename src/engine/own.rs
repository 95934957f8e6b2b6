//! Rules at a change of doorchime itself.

use std::sync::Arc;

use super::bell::{Bell, Firing, Judgement, deciding_values};
use super::crowd::Crowd;
use super::effects::Effects;
use super::kept::Kept;
use super::person::{Known, Span};
use super::troubles::{News, Turn};
use super::verdict::Verdict;
use crate::outbox::delivery::Part;
use crate::presence::by_id::ById;
use crate::presence::change::ChangeKind;
use crate::rules::cause::Cause;
use crate::rules::condition::Judged;
use crate::rules::scope::{self, Happened, Now, Scope};
use crate::time::Moment;

impl News {
    /// As rules see it.
    fn shown(&self) -> scope::News<'_> {
        let (target, fails, recovered) = match &self.part {
            Part::Lanyard => ("", ChangeKind::LanyardDown, ChangeKind::LanyardUp),
            Part::Target(target) => (&**target, ChangeKind::TargetFailing, ChangeKind::TargetRecovered),
        };
        match &self.turn {
            Turn::Fails { why } => scope::News { kind: fails, target, why },
            Turn::Recovered { .. } => scope::News { kind: recovered, target, why: "" },
        }
    }

    fn lasted_ms(&self) -> Option<i64> {
        match self.turn {
            Turn::Fails { .. } => None,
            Turn::Recovered { lasted_ms } => Some(lasted_ms),
        }
    }
}

impl Bell {
    /// Tells news of doorchime itself to the rules that look for it.
    pub fn ring_own(&mut self, now: Moment, news: &News, known: &ById<Known>, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        let crowd = Crowd::new(&rules, known, None);
        let shown = news.shown();
        let (happened, cause) = (Happened::News(shown), Cause::Change(shown.kind));
        self.counts.changes[shown.kind as usize] += 1;
        for at in rules.index.own(shown.kind) {
            let rule = &rules.rules[at];
            let Some(when) = rule.when() else { continue };
            let zone = &rules.timezone;
            let scope = Scope {
                change: Some(happened),
                cause: Some(cause),
                since_ms: Some(news.since_ms),
                lasted_ms: news.lasted_ms(),
                ..Scope::of(&rule.id, Now::at(now.wall_ms, zone), zone, &crowd)
            };
            let condition = when.condition.as_ref();
            let verdict = if when.triggered_by(happened) {
                match condition.map(|condition| condition.judge(&scope)) {
                    Some(Judged::False) => Verdict::ConditionFalse,
                    Some(Judged::TooCostly) => Verdict::ConditionTooCostly,
                    None | Some(Judged::True) => {
                        let firing = Firing { now, rule, person: None, called: None, sends: &when.send };
                        let span = Span { since_ms: scope.since_ms, lasted_ms: scope.lasted_ms };
                        self.fire(&firing, &|| Kept::of_news(now, shown, span), &scope, effects)
                    }
                }
            } else {
                Verdict::Narrowed
            };
            let values = || deciding_values(&rules, condition, &scope, verdict);
            self.note(now, Judgement { at, who: None, cause, verdict }, values, effects);
        }
    }
}
