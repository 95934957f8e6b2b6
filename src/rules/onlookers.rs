//! Which `while` rules must be asked again when something moves: a person, or a hand of the clock.

use std::collections::BTreeSet;

use super::condition::clock::Hand;
use super::set::{Group, Person, Rule, Who};
use crate::presence::by_id::ById;
use crate::presence::model::UserId;

/// Places of rules, by whom and what they look at.
#[derive(Default)]
pub struct Onlookers {
    /// About everyone whom Lanyard knows.
    everyone: Vec<u32>,
    /// About this person.
    own: ById<Vec<u32>>,
    /// Name this person, whoever they are about.
    person: ById<Vec<u32>>,
    /// Name this group, by its place.
    group: Vec<Vec<u32>>,
    /// The groups that a person is in, of those that a rule names.
    groups_of: ById<Vec<u32>>,
    /// By the finest hand that they look at.
    clock: [Vec<u32>; Hand::ALL.len()],
    all: Vec<u32>,
}

impl Onlookers {
    pub fn new(rules: &[Rule], people: &[Person], groups: &[Group]) -> Self {
        let mut onlookers = Self { group: vec![Vec::new(); groups.len()], ..Self::default() };
        let enabled = (0_u32..).zip(rules).filter(|(_, rule)| rule.enabled);
        for (at, rule, holds) in enabled.filter_map(|(at, rule)| Some((at, rule, rule.holds()?))) {
            onlookers.all.push(at);
            match &rule.who {
                Some(Who::Everyone) => onlookers.everyone.push(at),
                Some(Who::People(ids)) => {
                    for &id in ids {
                        onlookers.own.entry(id).or_default().push(at);
                    }
                }
                None => {}
            }
            let sees = holds.condition.sees();
            for person in sees.people.iter().filter_map(|&place| people.get(place)) {
                onlookers.person.entry(person.id).or_default().push(at);
            }
            for &place in &sees.groups {
                onlookers.group[place].push(at);
            }
            if let Some(hand) = holds.condition.hand() {
                onlookers.clock[hand as usize].push(at);
            }
        }
        for (at, group) in (0_u32..).zip(groups).filter(|(at, _)| !onlookers.group[*at as usize].is_empty()) {
            for person in group.members.iter().filter_map(|&place| people.get(place)) {
                onlookers.groups_of.entry(person.id).or_default().push(at);
            }
        }
        onlookers
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every rule that holds.
    pub fn all(&self) -> &[u32] {
        &self.all
    }

    /// The rules about this person.
    pub fn about(&self, person: UserId) -> impl Iterator<Item = u32> {
        let own = self.own.get(&person).map_or(&[][..], Vec::as_slice);
        self.everyone.iter().chain(own).copied()
    }

    /// The rules that name this person or a group of theirs, in the file's order.
    pub fn looking_at(&self, person: UserId) -> BTreeSet<u32> {
        let named = self.person.get(&person).into_iter().flatten();
        let groups = self.groups_of.get(&person).into_iter().flatten();
        named.chain(groups.flat_map(|&group| &self.group[group as usize])).copied().collect()
    }

    /// The rules that look at this hand of the clock, and at no finer one.
    pub fn of_hand(&self, hand: Hand) -> &[u32] {
        &self.clock[hand as usize]
    }
}
