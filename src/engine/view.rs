//! What the engine knows, for those who look: copied quickly, made something of elsewhere.

use super::diary::book::Pages;
use super::machine::Engine;
use super::person::{Known, Since, Standing};
use super::tally::Tally;
use crate::presence::model::{Presence, UserId};
use crate::presence::settle::{Hold, put_back};

/// One person as they are kept.
#[derive(Clone, Debug)]
pub struct PersonView {
    pub id: UserId,
    pub standing: Standing,
    /// The presence as Lanyard sent it; empty if there never was one.
    raw: String,
    holds: Vec<Hold>,
    /// When Lanyard last vouched for it.
    pub heard_ms: Option<i64>,
    pub since: Since,
}

/// Where a list of people goes on: those of the file come first, in its order, then all others by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeopleAfter {
    #[default]
    Nobody,
    /// The one at this place in the file.
    Place(usize),
    /// This one, who is not in the file.
    Other(UserId),
}

impl PersonView {
    /// The presence as rules see it.
    pub fn shown(&self) -> Option<Presence<'_>> {
        if self.raw.is_empty() {
            return None;
        }
        let (_, seen) = Presence::parse(&self.raw, Some(self.id)).ok()?;
        Some(put_back(self.id, seen, &self.holds))
    }

    /// The presence as Lanyard sent it; empty if there never was one.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Whether something that has gone is still shown, since it may come back.
    pub fn holds_anything(&self) -> bool {
        !self.holds.is_empty()
    }
}

impl Engine {
    pub fn tally(&self) -> &Tally {
        &self.bell.tally
    }

    /// For how many people the `while` rule at a place in the file has begun and is not over.
    pub fn on(&self, rule: usize) -> usize {
        self.holding.on().get(rule).copied().unwrap_or(0)
    }

    /// One person, whether anything is known of them or not.
    pub fn person(&self, id: UserId) -> PersonView {
        match self.known.get(&id) {
            Some(known) => view(id, known),
            None => view(id, &Known::default()),
        }
    }

    /// What is noted of a person's day; nothing where no diary is kept.
    pub fn pages(&self, id: UserId) -> Option<Pages> {
        self.bell.diary.as_ref().map(|diary| diary.read(id))
    }

    /// At most `limit` people, and where the list goes on if there are more.
    pub fn people(&self, after: PeopleAfter, limit: usize) -> (Vec<PersonView>, Option<PeopleAfter>) {
        let from = match after {
            PeopleAfter::Nobody => 0,
            PeopleAfter::Place(at) => at.saturating_add(1),
            PeopleAfter::Other(_) => usize::MAX,
        };
        let in_file = self.rules.people.iter().enumerate().skip(from);
        let in_file = in_file.map(|(at, person)| (PeopleAfter::Place(at), person.id));
        let mut list: Vec<(PeopleAfter, UserId)> = in_file.take(limit + 1).collect();
        if list.len() <= limit {
            let last = if let PeopleAfter::Other(id) = after { Some(id) } else { None };
            let missing = limit + 1 - list.len();
            let others = self.others(last, missing);
            list.extend(others.into_iter().map(|id| (PeopleAfter::Other(id), id)));
        }
        let more = list.len() > limit;
        list.truncate(limit);
        let next = list.last().map(|(at, _)| *at).filter(|_| more);
        (list.into_iter().map(|(_, id)| self.person(id)).collect(), next)
    }

    /// People who are known but not in the file, with the lowest ids after `last`.
    fn others(&self, last: Option<UserId>, limit: usize) -> Vec<UserId> {
        if !self.everyone || limit == 0 {
            return Vec::new();
        }
        let mut lowest = std::collections::BinaryHeap::with_capacity(limit + 1);
        for &id in self.known.keys().filter(|&&id| last.is_none_or(|last| id > last)) {
            if lowest.len() == limit && lowest.peek().is_some_and(|highest| id >= *highest) {
                continue;
            }
            if self.places.contains_key(&id) {
                continue;
            }
            lowest.push(id);
            if lowest.len() > limit {
                lowest.pop();
            }
        }
        lowest.into_sorted_vec()
    }
}

fn view(id: UserId, known: &Known) -> PersonView {
    PersonView {
        id,
        standing: known.standing,
        raw: known.raw.clone(),
        holds: known.holds.clone(),
        heard_ms: Some(known.heard.wall_ms).filter(|_| !known.raw.is_empty()),
        since: known.since.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::effects::Effects;
    use crate::lanyard::observation::Observation;
    use crate::outbox::delivery::Memory;
    use crate::rules::compile::compile;
    use crate::rules::places::Source;
    use crate::rules::vars::NoVars;
    use crate::time::Moment;

    fn engine(who: &str) -> Engine {
        let text = format!(
            "people: {{ada: 5, bob: 3, eve: 8}}\ntargets: {{screen: {{type: console}}}}\n\
             rules: [{{id: r, who: {who}, when: went_online, send: screen}}]\n"
        );
        let loaded = compile(Source::new("rules.yaml".to_owned(), text), &NoVars);
        let rules = loaded.unwrap_or_else(|mistakes| panic!("{}", mistakes.summary())).set;
        let mut engine = Engine::new(Arc::new(rules), Memory::default(), Moment::default(), 1);
        for id in [9, 3, 1, 7] {
            let raw = format!(r#"{{"discord_user":{{"id":"{id}"}},"discord_status":"dnd"}}"#);
            let (id, presence) = Presence::parse(&raw, None).unwrap();
            engine.observe(Moment::default(), Observation::Seen(id, presence), &mut Effects::default());
        }
        engine
    }

    /// All of them, so many at a time.
    fn all(engine: &Engine, limit: usize) -> Vec<u64> {
        let (mut ids, mut after) = (Vec::new(), PeopleAfter::Nobody);
        loop {
            let (people, next) = engine.people(after, limit);
            assert!(people.len() <= limit);
            ids.extend(people.iter().map(|person| person.id.0));
            match next {
                Some(next) => after = next,
                None => return ids,
            }
        }
    }

    #[test]
    fn however_many_at_a_time_everybody_is_listed_once() {
        let everyone = engine("everyone");
        let some = engine("[ada, bob, eve]");
        for limit in 1..9 {
            assert_eq!(all(&everyone, limit), [5, 3, 8, 1, 7, 9], "{limit}");
            assert_eq!(all(&some, limit), [5, 3, 8], "{limit}");
        }
    }

    #[test]
    fn a_person_is_shown_as_rules_see_them() {
        let engine = engine("everyone");
        let bob = engine.person(UserId(3));
        assert_eq!((bob.standing, bob.heard_ms), (Standing::Live, Some(0)));
        assert_eq!(bob.shown().map(|presence| presence.status.word()), Some("dnd"));
        let ada = engine.person(UserId(5));
        assert_eq!((ada.standing, ada.heard_ms, ada.shown()), (Standing::Unknown, None, None));
    }
}
