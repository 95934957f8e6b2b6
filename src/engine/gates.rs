//! What may hold a firing back once its rule matches. They are asked in this order: `active`, `cooldown`, `dedupe`,
//! `limit`; what they let through, `group` may gather.
//!
//! What a gate remembers of a firing is only written down when all of them have let it through.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::bell::Firing;
use super::deferred::{self, Deferred};
use super::gathering::Gathering;
use super::kept::Kept;
use super::lasting::about;
use super::limits::Limits;
use super::marks::Marks;
use super::verdict::Verdict;
use crate::outbox::delivery::{Commit, MarkKind, Note, NoteKind};
use crate::rules::noise::active::Otherwise;
use crate::rules::scope::{Happened, Scope};
use crate::rules::set::{Rule, RuleSet};
use crate::time::Moment;

#[derive(Default)]
pub struct Gates {
    pub marks: Marks,
    pub limits: Limits,
    pub deferred: Deferred,
    pub gathering: Gathering,
}

/// Makes a firing into what can be kept of it, should it have to wait.
pub type Keep<'k> = &'k dyn Fn() -> Kept;

impl Gates {
    /// Asks each gate; the first that holds the firing back says why.
    pub fn ask(
        &mut self,
        firing: &Firing<'_>,
        keep: Keep<'_>,
        scope: &Scope<'_>,
        commit: &mut Commit,
    ) -> Result<(), Verdict> {
        let Firing { now, rule, person, .. } = *firing;
        match &rule.noise.active {
            Some(active) if !active.is_open(scope.zone, now.wall_ms) => {
                let defers = active.otherwise == Otherwise::Defer;
                let opens_ms = if defers { active.opens_ms(scope.zone, now.wall_ms) } else { None };
                let Some(opens_ms) = opens_ms else { return Err(Verdict::Inactive) };
                let about = match scope.change {
                    None => String::new(),
                    Some(Happened::Change(changed)) => about(changed),
                    Some(Happened::News(news)) => format!("target {}", news.target),
                };
                let key = deferred::Key { person, rule: Arc::clone(&rule.id), about: about.into() };
                self.deferred.keep(now, &key, keep(), opens_ms, commit);
                Err(Verdict::Deferred { left_ms: opens_ms.saturating_sub(now.wall_ms) })
            }
            _ => self.ask_in_hours(firing, scope, commit),
        }
    }

    /// The same of a firing whose hours have come.
    pub fn ask_in_hours(
        &mut self,
        firing: &Firing<'_>,
        scope: &Scope<'_>,
        commit: &mut Commit,
    ) -> Result<(), Verdict> {
        let Firing { now, rule, person, .. } = *firing;
        let noise = &rule.noise;
        if let Some(left_ms) = self.marks.left_ms(now, &rule.id, person, MarkKind::Cooldown, "") {
            return Err(Verdict::Cooling { left_ms });
        }
        // An empty key names nothing (a local file has no track id): nothing is taken for its duplicate.
        let dedupe = noise.dedupe.as_ref().map(|dedupe| (dedupe.key.render_plain(scope), dedupe.window));
        let dedupe = dedupe.filter(|(key, _)| !key.trim().is_empty());
        if let Some((key, _)) = &dedupe
            && let Some(left_ms) = self.marks.left_ms(now, &rule.id, person, MarkKind::Dedupe, key)
        {
            return Err(Verdict::Duplicate { left_ms });
        }
        if let Some(limit) = noise.limit
            && let Some(left_ms) = self.limits.left_ms(now, &rule.id, person, limit)
        {
            return Err(Verdict::Limited { left_ms });
        }
        if let Some(wait) = noise.cooldown {
            commit.marks.push(self.marks.set(now, &rule.id, person, (MarkKind::Cooldown, ""), wait));
        }
        if let Some((key, window)) = dedupe {
            commit.marks.push(self.marks.set(now, &rule.id, person, (MarkKind::Dedupe, &key), window));
        }
        if let Some(limit) = noise.limit {
            self.limits.count(now, &rule.id, person, limit, commit);
        }
        Ok(())
    }

    /// Takes up a note that an earlier run wrote down; false if it means nothing any more.
    pub fn recall(&mut self, now: Moment, rule: &Rule, note: &Note) -> bool {
        match note.kind {
            NoteKind::Limit => rule.noise.limit.is_some_and(|limit| self.limits.recall(now, note, limit)),
            NoteKind::Deferred => self.deferred.recall(now, rule, note),
            NoteKind::Gathered => self.gathering.recall(now, rule, note),
            NoteKind::Holding | NoteKind::Waiting => true,
        }
    }

    /// Everything that is written down by the wall clock, which has been set.
    pub fn write_anew(&mut self, now: Moment, commit: &mut Commit) {
        commit.marks.extend(self.marks.all(now));
        commit.notes.extend(self.limits.all(now).chain(self.gathering.all(now)));
        self.deferred.wake(now);
    }

    /// Goes over to other rules: a gate that a rule has no more forgets what it knew of it.
    pub fn adopt(&mut self, now: Moment, rules: &RuleSet, commit: &mut Commit) {
        let longest = longest_marks(rules);
        self.marks.adopt(now, |rule, kind| longest.get(&(rule, kind)).copied());
        self.limits.adopt(|rule| rules.rule(rule)?.noise.limit, commit);
        self.deferred.adopt(now, rules, commit);
    }

    /// When something that waits is due.
    pub fn deadline(&self) -> Option<Duration> {
        self.deferred.deadline().into_iter().chain(self.gathering.deadline()).min()
    }
}

/// Nothing in place of a note.
pub fn struck_out(note: Note) -> Note {
    Note { text: "".into(), ..note }
}

/// How long a mark of each rule can hold; a disabled rule keeps its own.
pub fn longest_marks(rules: &RuleSet) -> HashMap<(&str, MarkKind), Duration> {
    let cooldown = |rule: &Rule| Some((MarkKind::Cooldown, rule.noise.cooldown?));
    let dedupe = |rule: &Rule| Some((MarkKind::Dedupe, rule.noise.dedupe.as_ref()?.window));
    let of_rule = |rule: &Rule| [cooldown(rule), dedupe(rule)].into_iter().flatten().collect::<Vec<_>>();
    let each = rules
        .rules
        .iter()
        .flat_map(|rule| of_rule(rule).into_iter().map(|(kind, longest)| ((&*rule.id, kind), longest)));
    each.collect()
}
