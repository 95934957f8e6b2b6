//! What may hold a firing back once its rule matches. They are asked in this order: `active`, `cooldown`, `dedupe`,
//! `limit`.
//!
//! What a gate remembers of a firing is only written down when all of them have let it through.

use std::collections::HashMap;
use std::time::Duration;

use super::bell::Firing;
use super::limits::Limits;
use super::marks::Marks;
use super::verdict::Verdict;
use crate::outbox::delivery::{Commit, MarkKind, Note, NoteKind};
use crate::rules::scope::Scope;
use crate::rules::set::{Rule, RuleSet};
use crate::time::Moment;

#[derive(Default)]
pub struct Gates {
    pub marks: Marks,
    pub limits: Limits,
}

impl Gates {
    /// Asks each gate; the first that holds the firing back says why.
    pub fn ask(
        &mut self,
        firing: &Firing<'_>,
        scope: &Scope<'_>,
        commit: &mut Commit,
    ) -> Result<(), Verdict> {
        let Firing { now, rule, person, .. } = *firing;
        let noise = &rule.noise;
        if noise.active.as_ref().is_some_and(|active| !active.is_open(scope.zone, now.wall_ms)) {
            return Err(Verdict::Inactive);
        }
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
        match (note.kind, rule.noise.limit) {
            (NoteKind::Limit, Some(limit)) => self.limits.recall(now, note, limit),
            (NoteKind::Limit, None) => false,
            _ => true,
        }
    }

    /// Everything that is written down by the wall clock, which has been set.
    pub fn write_anew(&self, now: Moment, commit: &mut Commit) {
        commit.marks.extend(self.marks.all(now));
        commit.notes.extend(self.limits.all(now));
    }

    /// Goes over to other rules: a gate that a rule has no more forgets what it knew of it.
    pub fn adopt(&mut self, now: Moment, rules: &RuleSet, commit: &mut Commit) {
        let longest = longest_marks(rules);
        self.marks.adopt(now, |rule, kind| longest.get(&(rule, kind)).copied());
        self.limits.adopt(|rule| rules.rule(rule)?.noise.limit, commit);
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
