//! Why a rule rings or not: each of its gates as it stands now, in the order in which they are asked. Nothing is
//! changed by asking.

mod answer;
mod noise;
mod occasion;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::crowd::Crowd;
use super::machine::Engine;
use super::person::{Known, Standing};
use super::states::{Stage, StateView};
use super::tally::Last;
use crate::presence::model::{Presence, User, UserId};
use crate::rules::cause::Cause;
use crate::rules::condition::{Condition, Judged};
use crate::rules::duration::spell_duration;
use crate::rules::scope::{Changed, Now, Scope, Sight};
use crate::rules::set::{Occasion, Rule, RuleSet, Who};
use crate::time::{Moment, date};

/// A rule and whom it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    /// Whether it would ring now, in one sentence that begins with yes or no.
    pub answer: String,
    pub gates: Vec<Gate>,
    /// What became of it last.
    pub last: Option<Last>,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// As the rules file calls it, where it does.
    pub name: &'static str,
    pub stands: Stands,
    /// One sentence.
    pub why: String,
    /// What it looks at, and what that is.
    pub values: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Open,
    /// It holds the rule back.
    Shut,
    /// Only a change, or time, can tell.
    Waits,
}

impl Stands {
    pub const WORDS: [&str; 3] = ["open", "shut", "waits"];

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

impl Explained {
    /// The first gate that holds the rule back.
    pub fn shut(&self) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.stands == Stands::Shut)
    }
}

impl Gate {
    fn new(name: &'static str, stands: Stands, why: impl Into<String>) -> Self {
        Self { name, stands, why: why.into(), values: Vec::new() }
    }

    fn with(mut self, values: Vec<(String, String)>) -> Self {
        self.values = values;
        self
    }
}

impl Engine {
    /// How the rule at a place in the file stands with a person, or with nobody in particular.
    pub fn explain(&self, now: Moment, at: usize, person: Option<UserId>) -> Explained {
        let rule = &self.rules.rules[at];
        let mut gates = Vec::new();
        if !rule.enabled {
            gates.push(Gate::new("enabled", Stands::Shut, "the rule is switched off: `enabled: false`"));
        }
        gates.extend(rule.who.as_ref().zip(person).map(|(who, id)| self.meant(who, id)));
        gates.extend(person.map(|id| self.heard_of(now, id)));
        let known = person.and_then(|id| self.known.get(&id));
        let shown = person.zip(known).and_then(|(id, known)| known.shown(id));
        let present = shown.unwrap_or_else(|| nobody_there(person));
        let gone = nobody_there(person);
        let gone = Presence { user: present.user.clone(), ..gone };
        let states = self.states_of(at, person);
        let met = match &rule.occasion {
            Occasion::When(when) => {
                let (gate, met) = occasion::when(&self.rules, when, &gone, &present);
                gates.push(gate);
                met
            }
            Occasion::While(_) => None,
        };
        let crowd = Crowd::new(&self.rules, &self.known, person.map(|id| (id, &present)));
        let scope = self.scope(now, rule, person, met, &present, &crowd);
        match &rule.occasion {
            Occasion::When(when) => {
                gates.extend(when.condition.as_ref().map(|condition| self.judged("if", condition, &scope)));
                if !when.hold_for.is_zero() {
                    gates.push(occasion::wait(when, &states));
                }
            }
            Occasion::While(holds) => {
                let state = self.holding.state((u32::try_from(at).unwrap_or(u32::MAX), person));
                gates.push(occasion::turned(self.judged("while", &holds.condition, &scope), state));
                gates.push(occasion::state(now, holds, state));
            }
        }
        // An `exit` is owed to whoever got its `enter`: nothing keeps it quiet.
        let owed = rule.holds().is_some_and(|holds| !holds.enter.is_empty() && is_on(&states));
        if !owed {
            self.explain_noise(now, rule, person, &scope, &mut gates);
        }
        let answer = answer::of(&self.rules, rule, &gates, &states);
        let last = self.tally().last(at, person);
        Explained { rule: Arc::clone(&rule.id), person, answer, gates, last }
    }

    fn meant(&self, who: &Who, id: UserId) -> Gate {
        const NAMED_MAX: usize = 10;
        let Who::People(ids) = who else { return Gate::new("who", Stands::Open, "it is about everyone") };
        if ids.contains(&id) {
            return Gate::new(
                "who",
                Stands::Open,
                format!("{} is among those whom it is about", self.called(id)),
            );
        }
        let named: Vec<String> = ids.iter().take(NAMED_MAX).map(|&id| self.called(id)).collect();
        let more = if ids.len() > NAMED_MAX {
            format!(" and {} more", ids.len() - NAMED_MAX)
        } else {
            String::new()
        };
        let why =
            format!("{} is not among those whom it is about: {}{more}", self.called(id), named.join(", "));
        Gate::new("who", Stands::Shut, why)
    }

    fn called(&self, id: UserId) -> String {
        let key = self.places.get(&id).map(|&at| &self.rules.people[at].key);
        key.map_or_else(|| id.to_string(), |key| format!("`{key}`"))
    }

    /// Whether changes of the person can be heard of at all.
    fn heard_of(&self, now: Moment, id: UserId) -> Gate {
        let gate = |stands, why: String| Gate::new("presence", stands, why);
        let standing = self.standing(id);
        let heard = self.known.get(&id).map(|known: &Known| known.heard).unwrap_or_default();
        match standing {
            Standing::Live => gate(Stands::Open, "Lanyard tells of every change".to_owned()),
            Standing::Unmonitored => {
                let why = "Lanyard does not know this person: they have to join its Discord server";
                gate(Stands::Shut, why.to_owned())
            }
            Standing::Unknown if !self.wanted(id) => {
                gate(Stands::Shut, "nobody in the rules file is this person, so nobody asks Lanyard".to_owned())
            }
            Standing::Unknown => gate(
                Stands::Shut,
                "nothing was heard of this person yet; the first that is heard is how things are, not a change".to_owned(),
            ),
            Standing::Stale => {
                let (gap, most) = (heard.gap(now), self.rules.catch_up);
                let since = format!("nobody has told of this person since {}", date(heard.wall_ms));
                if gap > most {
                    let why = format!(
                        "{since}: that is longer than `catch_up` ({}), so what has changed since rings nothing",
                        spell_duration(most)
                    );
                    return gate(Stands::Shut, why);
                }
                gate(Stands::Waits, format!("{since}; what has changed is found once somebody does, and rings as `late`"))
            }
        }
    }

    fn scope<'a>(
        &'a self,
        now: Moment,
        rule: &'a Rule,
        person: Option<UserId>,
        met: Option<Changed<'a>>,
        present: &'a Presence<'a>,
        crowd: &'a Crowd<'a>,
    ) -> Scope<'a> {
        let sight = |presence: &'a Presence<'a>| {
            let id = person?;
            let known = self.places.get(&id).map(|&at| &self.rules.people[at]);
            let (key, name) = known.map_or(("", ""), |known| (&*known.key, &*known.name));
            Some(Sight { id, key, name, presence })
        };
        let zone = &self.rules.timezone;
        Scope {
            person: sight(present),
            before: sight(met.map_or(present, |met| met.before)),
            change: met.map(Into::into),
            cause: met.map(|met| Cause::Change(met.change.kind)),
            ..Scope::of(&rule.id, Now::at(now.wall_ms, zone), zone, crowd)
        }
    }

    fn judged(&self, name: &'static str, condition: &Condition, scope: &Scope<'_>) -> Gate {
        let values = shown_values(&self.rules, condition.values(scope));
        let sees = condition.sees();
        let as_if = if (sees.change || sees.before) && scope.change.is_some() {
            ", as if what is so now had just begun"
        } else {
            ""
        };
        let (stands, what) = match condition.judge(scope) {
            Judged::True => (Stands::Open, "true"),
            Judged::False if (sees.change || sees.before) && scope.change.is_none() => {
                return Gate::new(name, Stands::Waits, "it looks at the change itself").with(values);
            }
            Judged::False => (Stands::Shut, "false"),
            Judged::TooCostly => (Stands::Shut, "too costly to tell, and counts as false"),
        };
        let source = self.rules.shown(&condition.source().split_whitespace().collect::<Vec<_>>().join(" "));
        Gate::new(name, stands, format!("{what}{as_if}: `{source}`")).with(values)
    }
}

fn is_on(states: &[StateView]) -> bool {
    states.iter().any(|state| matches!(state.stage, Stage::On { .. } | Stage::Falling { .. }))
}

/// A person of whom nothing is known.
fn nobody_there(person: Option<UserId>) -> Presence<'static> {
    Presence { user: User { id: person, ..User::default() }, ..Presence::default() }
}

/// Names in place of secrets.
fn shown_values(rules: &RuleSet, values: Vec<(String, String)>) -> Vec<(String, String)> {
    values.into_iter().map(|(part, worth)| (rules.shown(&part), rules.shown(&worth))).collect()
}
