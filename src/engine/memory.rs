//! What outlasts a run: taken up at the start, written down on the way, handed over to other rules.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::effects::Effects;
use super::gates::{longest_marks, struck_out};
use super::machine::Engine;
use super::person::{Known, Standing};
use super::tally::places_before;
use crate::outbox::delivery::{Failure, Memory, NoteKind};
use crate::presence::by_id::ById;
use crate::presence::model::UserId;
use crate::rules::set::RuleSet;
use crate::time::{Moment, millis};

/// A baseline that rang nothing is written down this much later, together with others.
const BASELINES_WAIT: Duration = Duration::from_secs(1);
/// So many baselines go into one transaction at the most.
pub(super) const BASELINES_A_COMMIT: usize = 1000;
/// How often it is written down that everybody who is live is being watched, so that after a kill the gap is
/// known: a third of `catch_up`, within these.
const VOUCH_LEAST: Duration = Duration::from_secs(20);
const VOUCH_MOST: Duration = Duration::from_secs(300);
/// A wall clock that moves against ours by less is being adjusted, not set.
const CLOCK_SET_LEAST_MS: u64 = 10_000;

impl Engine {
    /// If the wall clock has been set, what is written down by it is written anew: it would mean another time.
    pub(super) fn heed_clock(&mut self, now: Moment, effects: &mut Effects) {
        if now.ahead_ms().abs_diff(self.ahead_ms) < CLOCK_SET_LEAST_MS {
            return;
        }
        self.ahead_ms = now.ahead_ms();
        self.bell.gates.write_anew(now, &mut effects.commit);
        effects.commit.failures.extend(self.troubles.told(now));
        effects.commit.notes.extend(self.holding.notes(now, &self.rules));
        effects.commit.notes.extend(self.bell.waiting.notes(now, &self.rules));
        self.pending.all = !self.rules.onlookers.is_empty();
        if self.vouch_at.is_some() {
            self.vouch(now, effects);
        }
        let heard: Vec<UserId> = self
            .known
            .iter_mut()
            .filter_map(|(&id, known)| {
                let ago = now.mono.saturating_sub(known.heard.mono?);
                known.heard.wall_ms = now.wall_ms.saturating_sub(millis(ago));
                Some(id)
            })
            .collect();
        for id in heard {
            self.note_unsaved(now, id);
        }
    }

    /// Everybody who is live has been watched until now.
    pub(super) fn vouch(&mut self, now: Moment, effects: &mut Effects) {
        effects.commit.heard_ms = Some(now.wall_ms);
        if let Some(note) = self.bell.diary.as_mut().and_then(|diary| diary.write(now)) {
            effects.commit.note_diary(note);
        }
        self.vouch_at = Some(now.mono + (self.rules.catch_up / 3).clamp(VOUCH_LEAST, VOUCH_MOST));
    }

    pub(super) fn recall(&mut self, now: Moment, memory: Memory) {
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
        let there: HashSet<&str> = self.rules.rules.iter().map(|rule| &*rule.id).collect();
        let longest = longest_marks(&self.rules);
        let mut retired = BTreeSet::new();
        for mark in memory.marks {
            match longest.get(&(&*mark.rule, mark.kind)) {
                Some(&longest) => self.bell.gates.marks.recall(now, mark, longest),
                None if there.contains(&*mark.rule) => {}
                None => drop(retired.insert(mark.rule)),
            }
        }
        let rules = Arc::clone(&self.rules);
        for note in memory.notes {
            let Some(at) = rules.place(&note.rule) else {
                retired.insert(note.rule);
                continue;
            };
            let rule = &rules.rules[at];
            let means_something = match note.kind {
                NoteKind::Holding => self.holding.recall(now, (at, rule), &note),
                NoteKind::Waiting => self.bell.waiting.recall(now, (at, rule), &note),
                _ => self.bell.gates.recall(now, rule, &note),
            };
            if !means_something {
                self.struck.push(struck_out(note));
            }
        }
        self.retired.extend(retired);
        let clean = self.retired.is_empty() && self.struck.is_empty();
        self.save_at = (!clean).then_some(now.mono);
        self.recall_failures(now, memory.failures);
    }

    /// Goes over to another rule set. What is known of people and the waits of rules that are still there
    /// stay; who and what is gone is forgotten.
    pub fn adopt(&mut self, now: Moment, rules: Arc<RuleSet>, effects: &mut Effects) {
        self.tell_strangers(now, &rules, effects);
        let mut firings = vec![0; rules.rules.len()];
        for (at, rule) in rules.rules.iter().enumerate() {
            let before = self.rules.place(&rule.id);
            firings[at] = before.map_or(0, |before| self.bell.counts.firings[before]);
        }
        self.bell.counts.firings = firings;
        self.bell.tally.adopt(&places_before(&self.rules, &rules));
        self.places = places(&rules);
        self.everyone = rules.for_everyone();
        let gone: Vec<UserId> = self.known.keys().copied().filter(|&id| !self.wanted(id)).collect();
        for id in gone {
            let online = self.known.remove(&id).is_some_and(|known| known.online);
            self.online -= usize::from(online);
            if let Some(diary) = &mut self.bell.diary {
                diary.forget(id);
            }
            effects.commit.forgotten.push(id);
        }
        self.bell.gates.adopt(now, &rules, &mut effects.commit);
        let there: HashSet<&str> = rules.rules.iter().map(|rule| &*rule.id).collect();
        for rule in self.rules.rules.iter().filter(|rule| !there.contains(&*rule.id)) {
            effects.commit.retire(Arc::clone(&rule.id));
        }
        let wanted = |id: UserId| self.everyone || self.places.contains_key(&id);
        let struck = self.holding.adopt(now, &self.rules, &rules, wanted);
        effects.commit.notes.extend(struck);
        let struck = self.bell.waiting.adopt(now, &self.rules, &rules, wanted);
        effects.commit.notes.extend(struck);
        self.bell.rules = Arc::clone(&rules);
        self.rules = rules;
        self.adopt_failures(effects);
        self.pending.after_snapshot.clear();
        self.pending.hands = Default::default();
        self.pending.all = !self.rules.onlookers.is_empty();
    }

    /// Writes down everything that is known, before the process ends.
    pub fn save_all(&mut self, now: Moment, effects: &mut Effects) {
        self.heed_clock(now, effects);
        self.save(now, usize::MAX, effects);
        if self.known.values().any(|known| known.standing == Standing::Live) {
            effects.commit.heard_ms = Some(now.wall_ms);
        }
        if let Some(diary) = &mut self.bell.diary {
            effects.commit.note_diary(diary.write_all(now));
        }
    }

    pub(super) fn save(&mut self, now: Moment, most: usize, effects: &mut Effects) {
        let from = self.unsaved.len().saturating_sub(most);
        for id in self.unsaved.split_off(from) {
            if let Some(known) = self.known.get_mut(&id).filter(|known| known.unsaved) {
                known.unsaved = false;
                effects.commit.baselines.push(known.baseline(id));
            }
        }
        for rule in self.retired.drain(..) {
            effects.commit.retire(rule);
        }
        effects.commit.notes.append(&mut self.struck);
        let healed = self.healed.drain(..).map(|part| Failure { part, since_ms: None });
        effects.commit.failures.extend(healed);
        self.save_at = (!self.unsaved.is_empty()).then_some(now.mono);
    }

    pub(super) fn note_unsaved(&mut self, now: Moment, id: UserId) {
        let Some(known) = self.known.get_mut(&id) else { return };
        if !std::mem::replace(&mut known.unsaved, true) {
            self.unsaved.push(id);
            self.save_at.get_or_insert(now.mono + BASELINES_WAIT);
        }
    }

    /// What is owed for a person goes into one transaction with what is known of them.
    pub(super) fn save_if_owed(&mut self, id: UserId, effects: &mut Effects) {
        let owes = effects.commit.deliveries.last().is_some_and(|owed| owed.person == Some(id));
        let marked = effects.commit.marks.last().is_some_and(|mark| mark.person == Some(id));
        let noted = effects.commit.notes.last().is_some_and(|note| note.person == Some(id));
        if (owes || marked || noted)
            && let Some(known) = self.known.get_mut(&id).filter(|known| known.unsaved)
        {
            known.unsaved = false;
            effects.commit.baselines.push(known.baseline(id));
        }
    }
}

pub(super) fn places(rules: &RuleSet) -> ById<usize> {
    rules.people.iter().enumerate().map(|(at, person)| (person.id, at)).collect()
}
