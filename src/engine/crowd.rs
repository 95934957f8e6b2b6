//! Everybody in the file, for conditions and templates that look at other people.

use std::cell::OnceCell;

use super::person::Known;
use crate::presence::by_id::ById;
use crate::presence::model::{Presence, UserId};
use crate::rules::scope::{People, Sight};
use crate::rules::set::RuleSet;

/// The people of the file as they are while one change is considered. A presence is read when it is first
/// asked for, and then kept.
pub struct Crowd<'e> {
    rules: &'e RuleSet,
    known: &'e ById<Known>,
    /// The person who is just changing, if anybody: as they are now.
    current: Option<(UserId, &'e Presence<'e>)>,
    read: OnceCell<Vec<Cell<'e>>>,
}

type Cell<'e> = OnceCell<Option<Box<Presence<'e>>>>;

impl<'e> Crowd<'e> {
    pub fn new(
        rules: &'e RuleSet,
        known: &'e ById<Known>,
        current: Option<(UserId, &'e Presence<'e>)>,
    ) -> Self {
        Self { rules, known, current, read: OnceCell::new() }
    }
}

impl People for Crowd<'_> {
    fn person(&self, at: usize) -> Option<Sight<'_>> {
        let person = self.rules.people.get(at)?;
        let presence = if let Some((_, presence)) = self.current.filter(|(id, _)| *id == person.id) {
            presence
        } else {
            let cells = self.read.get_or_init(|| self.rules.people.iter().map(|_| OnceCell::new()).collect());
            let read = || self.known.get(&person.id)?.shown(person.id).map(Box::new);
            cells.get(at)?.get_or_init(read).as_deref()?
        };
        Some(Sight { id: person.id, key: &person.key, name: &person.name, presence })
    }

    fn group(&self, at: usize) -> Vec<Sight<'_>> {
        let members = self.rules.groups.get(at).map_or(&[][..], |group| group.members.as_slice());
        members.iter().filter_map(|&member| self.person(member)).collect()
    }
}
