//! What became of each rule last: how often, when, and for whom. For those who ask why it did not ring.

use std::hash::BuildHasherDefault;
use std::sync::Arc;

use super::verdict::Verdict;
use crate::presence::by_id::IdHasher;
use crate::presence::model::UserId;
use crate::rules::cause::Cause;
use crate::rules::set::RuleSet;

/// Of so many pairs of rule and person at least the last verdict is known, and of twice as many at most.
pub const LASTS_MIN: usize = 20_000;

#[derive(Default)]
pub struct Tally {
    /// By the rule's place in the file.
    rules: Vec<RuleTally>,
    /// The pairs told of lately, and those before them: when the young ones are many, the old ones are
    /// forgotten and the young ones are the old.
    young: Lasts,
    old: Lasts,
}

type Lasts = std::collections::HashMap<Pair, Last, BuildHasherDefault<IdHasher>>;

/// What became of one rule so far.
#[derive(Clone, Debug, Default)]
pub struct RuleTally {
    /// How often each verdict was given, in the order of `Verdict::WORDS`.
    pub verdicts: [u64; Verdict::WORDS.len()],
    pub last: Option<(Option<UserId>, Last)>,
    /// The last one that rang.
    pub rang: Option<(Option<UserId>, Last)>,
}

/// One verdict, and at what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    pub at_ms: i64,
    pub cause: Cause,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Pair {
    rule: u32,
    /// 0 for nobody.
    person: u64,
}

impl std::hash::Hash for Pair {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // The hasher takes one number. Those of rules are small: they are spread over all of its bits, since what
        // lies in the high ones alone never gets to where a map's buckets are counted.
        state.write_u64(self.person.wrapping_add(u64::from(self.rule).wrapping_mul(0xd6e8_feb8_6659_fd93)));
    }
}

impl Tally {
    pub fn new(rules: &RuleSet) -> Self {
        Self { rules: vec![RuleTally::default(); rules.rules.len()], ..Self::default() }
    }

    pub fn note(&mut self, rule: usize, person: Option<UserId>, last: Last) {
        let tally = &mut self.rules[rule];
        tally.verdicts[last.verdict.number()] += 1;
        tally.last = Some((person, last));
        if last.verdict == Verdict::Fired {
            tally.rang = Some((person, last));
        }
        if self.young.len() >= LASTS_MIN {
            // What the old ones had room in is used again.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(Pair::of(rule, person), last);
    }

    pub fn rule(&self, rule: usize) -> &RuleTally {
        &self.rules[rule]
    }

    /// What became of a rule for a person last, if it is still known.
    pub fn last(&self, rule: usize, person: Option<UserId>) -> Option<Last> {
        let pair = Pair::of(rule, person);
        self.young.get(&pair).or_else(|| self.old.get(&pair)).copied()
    }

    /// Goes over to other rules: `before` says where in the file a rule was, by its new place.
    pub fn adopt(&mut self, before: &[Option<usize>]) {
        let mut after = vec![None; self.rules.len()];
        for (now, then) in before.iter().enumerate() {
            if let Some(then) = then {
                after[*then] = u32::try_from(now).ok();
            }
        }
        let moved = |lasts: &Lasts| {
            let kept = lasts.iter().filter_map(|(pair, last)| {
                let rule = after.get(pair.rule as usize).copied().flatten()?;
                Some((Pair { rule, ..*pair }, *last))
            });
            kept.collect::<Lasts>()
        };
        (self.young, self.old) = (moved(&self.young), moved(&self.old));
        let rules =
            before.iter().map(|then| then.map_or_else(RuleTally::default, |at| self.rules[at].clone()));
        self.rules = rules.collect();
    }
}

impl Pair {
    fn of(rule: usize, person: Option<UserId>) -> Self {
        let rule = u32::try_from(rule).unwrap_or(u32::MAX);
        Self { rule, person: person.map_or(0, |id| id.0) }
    }
}

/// Where each rule of `after` stands in `before`.
pub fn places_before(before: &RuleSet, after: &RuleSet) -> Vec<Option<usize>> {
    let known: std::collections::HashMap<&Arc<str>, usize> =
        before.rules.iter().enumerate().map(|(at, rule)| (&rule.id, at)).collect();
    after.rules.iter().map(|rule| known.get(&rule.id).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::change::ChangeKind;

    fn last(at_ms: i64, verdict: Verdict) -> Last {
        Last { at_ms, cause: Cause::Change(ChangeKind::WentOnline), verdict }
    }

    fn tally(rules: usize) -> Tally {
        Tally { rules: vec![RuleTally::default(); rules], ..Tally::default() }
    }

    #[test]
    fn the_last_verdict_of_each_pair_is_known_and_what_rang_is_not_forgotten() {
        let mut tally = tally(2);
        let (ada, bob) = (Some(UserId(1)), Some(UserId(2)));
        tally.note(0, ada, last(1, Verdict::Fired));
        tally.note(0, ada, last(2, Verdict::ConditionFalse));
        tally.note(0, bob, last(3, Verdict::TooLate));
        tally.note(1, None, last(4, Verdict::Fired));
        assert_eq!(tally.last(0, ada), Some(last(2, Verdict::ConditionFalse)));
        assert_eq!(tally.last(1, ada), None);
        assert_eq!(tally.last(1, None), Some(last(4, Verdict::Fired)));
        let first = tally.rule(0);
        assert_eq!(
            (first.last, first.rang),
            (Some((bob, last(3, Verdict::TooLate))), Some((ada, last(1, Verdict::Fired))))
        );
        assert_eq!(first.verdicts.iter().sum::<u64>(), 3);
    }

    #[test]
    fn pairs_of_one_person_and_pairs_of_one_rule_spread() {
        use std::hash::BuildHasher;
        let hash = |pair| BuildHasherDefault::<IdHasher>::default().hash_one(pair);
        let of_one_person = (0..1024).map(|rule| Pair { rule, person: 94_490_510_688_792_576 });
        let of_one_rule = (0..1024).map(|n| Pair { rule: 7, person: 94_490_510_688_792_576 + (n << 22) });
        for hashes in [of_one_person.map(hash).collect::<Vec<u64>>(), of_one_rule.map(hash).collect()] {
            // hashbrown takes the bucket from the low bits and a tag from the seven highest.
            let buckets: std::collections::HashSet<u64> = hashes.iter().map(|hash| hash % 2048).collect();
            let tags: std::collections::HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            assert!(buckets.len() > 500 && tags.len() > 100, "{} {}", buckets.len(), tags.len());
        }
    }

    #[test]
    fn however_many_people_it_is_bounded() {
        let mut tally = tally(1);
        for id in 0..10 * LASTS_MIN as u64 {
            tally.note(0, Some(UserId(id + 1)), last(1, Verdict::Fired));
            assert!(tally.young.len() + tally.old.len() <= 2 * LASTS_MIN);
        }
        let newest = 10 * LASTS_MIN as u64;
        assert!(tally.last(0, Some(UserId(newest - LASTS_MIN as u64 / 2))).is_some());
        assert!(tally.last(0, Some(UserId(1))).is_none());
    }

    #[test]
    fn other_rules_keep_what_is_theirs() {
        let mut tally = tally(3);
        for rule in 0..3 {
            tally.note(rule, Some(UserId(1)), last(rule as i64, Verdict::Fired));
        }
        // The middle one is gone, a new one comes first, the other two change places.
        tally.adopt(&[None, Some(2), Some(0)]);
        let at = |rule: usize| tally.last(rule, Some(UserId(1))).map(|last| last.at_ms);
        assert_eq!([at(0), at(1), at(2)], [None, Some(2), Some(0)]);
        assert_eq!(tally.rule(1).verdicts[Verdict::Fired.number()], 1);
        assert!(tally.rule(0).last.is_none());
    }
}
