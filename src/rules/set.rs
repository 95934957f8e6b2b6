//! The compiled rule set: immutable, indexed, shared by everything that runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::condition::Condition;
use super::matcher::Narrow;
use super::noise::Noise;
use super::onlookers::Onlookers;
use super::scope::{Happened, Scope};
use crate::lanyard::settings::LanyardSettings;
use crate::outbox::delivery::Parts;
use crate::presence::by_id::ById;
use crate::presence::change::ChangeKind;
use crate::presence::model::UserId;
use crate::presence::settle::Smoothing;
use crate::printable;
use crate::targets::filled::{self, Values};
use crate::targets::message::Message;
use crate::targets::{Kind, Target};

/// The whole file, compiled.
pub struct RuleSet {
    pub timezone: TimeZone,
    pub lanyard: LanyardSettings,
    pub smoothing: Smoothing,
    /// Changes found after a gap longer than this stay silent.
    pub catch_up: Duration,
    /// Lanyard counts as down when it was gone this long.
    pub down_after: Duration,
    pub people: Vec<Person>,
    /// Places in `people`, by the place of the group in the file.
    pub groups: Vec<Group>,
    pub targets: BTreeMap<Arc<str>, Arc<Target>>,
    pub rules: Vec<Rule>,
    pub index: Index,
    /// What `${…}` in the file stand for: shown by name alone.
    pub values: Values,
    pub onlookers: Onlookers,
}

impl RuleSet {
    /// A text of the file, or what came of one, fit to be shown.
    pub fn shown(&self, text: &str) -> String {
        printable::plain(&filled::named(text, &self.values))
    }

    /// Whether a rule is about everyone whom Lanyard knows.
    pub fn for_everyone(&self) -> bool {
        self.rules.iter().any(|rule| rule.enabled && matches!(rule.who, Some(Who::Everyone)))
    }

    /// The rule of a name, enabled or not.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.get(self.place(id)?)
    }

    /// Its place in the file.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.index.places.get(id).copied()
    }
}

#[derive(Clone)]
pub struct Person {
    pub key: String,
    pub id: UserId,
    /// Empty if the file gives none.
    pub name: String,
    /// The global smoothing, or the person's own.
    pub smoothing: Smoothing,
}

pub struct Group {
    pub key: String,
    pub members: Vec<usize>,
}

pub struct Rule {
    /// State is kept under this name.
    pub id: Arc<str>,
    pub enabled: bool,
    /// Nobody in particular, for a rule without `who`.
    pub who: Option<Who>,
    pub occasion: Occasion,
    pub noise: Noise,
}

/// What a rule looks for, and what it then sends.
pub enum Occasion {
    When(When),
    While(While),
}

/// A change.
pub struct When {
    /// Any of these starts the rule.
    pub triggers: Vec<Trigger>,
    pub condition: Option<Condition>,
    /// How long that which the change led to must have held.
    pub hold_for: Duration,
    pub send: Vec<Send>,
}

/// A state.
pub struct While {
    pub condition: Condition,
    /// How long the condition must have been true.
    pub hold_for: Duration,
    /// How long it must have been false.
    pub grace: Duration,
    pub enter: Vec<Send>,
    pub exit: Vec<Send>,
}

impl When {
    /// Whether one of its triggers is this change.
    pub fn triggered_by(&self, happened: Happened<'_>) -> bool {
        let mut of_kind = self.triggers.iter().filter(|trigger| trigger.kind == happened.kind());
        of_kind.any(|trigger| trigger.holds(happened))
    }
}

impl Trigger {
    /// Whether a change of its kind is what it is narrowed to.
    pub fn holds(&self, happened: Happened<'_>) -> bool {
        self.narrow.iter().all(|narrow| narrow.holds(happened))
    }
}

impl Rule {
    pub fn when(&self) -> Option<&When> {
        match &self.occasion {
            Occasion::When(when) => Some(when),
            Occasion::While(_) => None,
        }
    }

    pub fn holds(&self) -> Option<&While> {
        match &self.occasion {
            Occasion::When(_) => None,
            Occasion::While(holds) => Some(holds),
        }
    }

    /// How long it may wait, once something is so, before it rings.
    pub fn longest_wait(&self) -> Duration {
        match &self.occasion {
            Occasion::When(when) => when.hold_for,
            Occasion::While(holds) => holds.hold_for.max(holds.grace),
        }
    }

    /// Every message it may send.
    pub fn sends(&self) -> impl Iterator<Item = &Send> {
        let (first, then) = match &self.occasion {
            Occasion::When(when) => (&when.send[..], &[][..]),
            Occasion::While(holds) => (&holds.enter[..], &holds.exit[..]),
        };
        first.iter().chain(then)
    }
}

impl Rule {
    /// Whether it is about this person, or about nobody.
    pub fn is_about(&self, person: Option<UserId>) -> bool {
        match (&self.who, person) {
            (None, None) | (Some(Who::Everyone), Some(_)) => true,
            (Some(Who::People(ids)), Some(id)) => ids.binary_search(&id).is_ok(),
            _ => false,
        }
    }
}

/// Whom a rule is about.
pub enum Who {
    Everyone,
    /// Ids, sorted.
    People(Vec<UserId>),
}

/// One change, perhaps narrowed.
pub struct Trigger {
    pub kind: ChangeKind,
    /// All of these must hold.
    pub narrow: Vec<Narrow>,
}

/// One notification of a firing.
pub struct Send {
    pub to: Arc<str>,
    pub message: Message,
    pub expire: Duration,
    /// Where it goes if it is not taken, one after the other.
    pub fallbacks: Vec<Instead>,
}

/// What goes to another target, should the one before it not take its own.
pub struct Instead {
    pub to: Arc<str>,
    pub words: Words,
    pub expire: Duration,
}

/// How a fallback is told what the first target was to be told.
pub enum Words {
    /// It is of the same kind.
    Same,
    /// It is of this one.
    Retold(&'static Kind),
    /// The rules file says what.
    Own(Box<Message>),
}

impl Send {
    /// All that may be rendered.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        let own = self.fallbacks.iter().filter_map(|instead| match &instead.words {
            Words::Own(message) => Some(&**message),
            Words::Same | Words::Retold(_) => None,
        });
        std::iter::once(&self.message).chain(own)
    }

    /// What its fallbacks are told, if the first target is told `parts`.
    pub fn instead<'s>(
        &'s self,
        parts: &'s Parts,
        scope: &'s Scope<'_>,
    ) -> impl Iterator<Item = (&'s Instead, Parts)> {
        self.fallbacks.iter().map(move |instead| {
            let parts = match &instead.words {
                Words::Same => parts.clone(),
                Words::Retold(kind) => self.message.retell(kind, scope),
                Words::Own(message) => message.render(scope),
            };
            (instead, parts)
        })
    }
}

/// Which rules a change could match, by kind and person.
pub struct Index {
    /// Rules for everyone, or for nobody, by kind.
    everyone: [Vec<u32>; ChangeKind::ALL.len()],
    /// The kinds that a person's rules are for, each with its rules.
    people: ById<Vec<(ChangeKind, Vec<u32>)>>,
    places: HashMap<Arc<str>, usize>,
}

impl Index {
    pub fn new(rules: &[Rule]) -> Self {
        let mut index = Self {
            everyone: std::array::from_fn(|_| Vec::new()),
            people: ById::default(),
            places: HashMap::new(),
        };
        index.places = rules.iter().enumerate().map(|(at, rule)| (Arc::clone(&rule.id), at)).collect();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.enabled) {
            let at = u32::try_from(at).expect("a file of 4 billion rules was refused long before");
            for trigger in rule.when().map_or(&[][..], |when| &when.triggers) {
                match &rule.who {
                    // What is about nobody is about doorchime itself.
                    Some(Who::Everyone) | None => add(&mut index.everyone[trigger.kind as usize], at),
                    Some(Who::People(ids)) => {
                        for &id in ids {
                            index.add_own(id, trigger.kind, at);
                        }
                    }
                }
            }
        }
        index
    }

    fn add_own(&mut self, id: UserId, kind: ChangeKind, at: u32) {
        let kinds = self.people.entry(id).or_default();
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, list)) => add(list, at),
            None => kinds.push((kind, vec![at])),
        }
    }

    /// The rules that such a change of doorchime itself could match, in the file's order.
    pub fn own(&self, kind: ChangeKind) -> impl Iterator<Item = usize> + '_ {
        self.everyone[kind as usize].iter().map(|&at| at as usize)
    }

    /// The rules that a change of this kind and person could match, in the file's order.
    pub fn candidates(&self, kind: ChangeKind, person: UserId) -> impl Iterator<Item = usize> + '_ {
        let everyone = self.everyone[kind as usize].as_slice();
        let own = self.people.get(&person).and_then(|kinds| kinds.iter().find(|(known, _)| *known == kind));
        Merged { left: everyone, right: own.map_or(&[], |(_, list)| list) }.map(|at| at as usize)
    }
}

/// A rule may name one change twice, each narrowed differently; it is still one candidate.
fn add(list: &mut Vec<u32>, at: u32) {
    if list.last() != Some(&at) {
        list.push(at);
    }
}

/// Two ascending lists as one.
struct Merged<'i> {
    left: &'i [u32],
    right: &'i [u32],
}

impl Iterator for Merged<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let from_left = match (self.left.first(), self.right.first()) {
            (Some(left), Some(right)) => left <= right,
            (left, _) => left.is_some(),
        };
        let list = if from_left { &mut self.left } else { &mut self.right };
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(*first)
    }
}
