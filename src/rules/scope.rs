//! The names that conditions and templates may use, what each of them is, and how it is read.
//!
//! One table serves the type check, the evaluation, the templates' context, the reference and the editors:
//! a name that is not in it does not exist.

pub mod firings;
mod tables;

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::cause::Cause;
use crate::presence::change::{Change, ChangeKind, Subject};
use crate::presence::model::{Activity, Platforms, Presence, Text, Track, UserId};
use firings::Firings;
use tables::{
    ACTIVITY, CHANGE_ACTIVITY, CHANGE_ANY, CHANGE_CUSTOM_STATUS, CHANGE_KV, CHANGE_OWN, CHANGE_PERSON,
    CHANGE_PROFILE, CHANGE_TEXT, CHANGE_TRACK, CUSTOM_STATUS, EMOJI, NOW, PARTY, PERSON, PLATFORMS, TRACK,
    USER,
};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Text,
    Bool,
    Number,
    /// A point in time, Unix milliseconds.
    Time,
    /// A length of time, milliseconds.
    Duration,
    Object(ObjectKind),
    List(ObjectKind),
    /// Texts by name: Lanyard's KV.
    TextMap,
    /// Anything at all: unchecked below this name (`raw`, or `change.from` of a rule with unlike changes).
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Person,
    User,
    Platforms,
    Activity,
    Party,
    Emoji,
    CustomStatus,
    Track,
    Change(Option<Subject>),
    Now,
    /// One of several that are told together.
    Firing(Firings),
}

/// A person as the rules see them: who they are in the file, and their presence.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    pub id: UserId,
    /// The key under `people`, empty for `everyone`.
    pub key: &'a str,
    /// The `name` given in the file, empty if none.
    pub name: &'a str,
    pub presence: &'a Presence<'a>,
}

/// A change together with the presences it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    pub change: Change,
    pub before: &'a Presence<'a>,
    pub after: &'a Presence<'a>,
}

/// A change of doorchime's own ways.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    pub kind: ChangeKind,
    /// The target's name; empty where it is about Lanyard.
    pub target: &'a str,
    /// Why it fails, in words that may be shown; empty where it does no more.
    pub why: &'a str,
}

/// What a rule is told of.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'a> {
    Change(Changed<'a>),
    News(News<'a>),
}

/// The calendar's view of the moment, in the file's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub wall_ms: i64,
    pub year: i16,
    pub month: i8,
    pub day: i8,
    pub hour: i8,
    pub minute: i8,
    /// `monday` to `sunday`.
    pub weekday: &'static str,
}

impl Now {
    pub fn at(wall_ms: i64, zone: &jiff::tz::TimeZone) -> Self {
        const DAYS: [&str; 7] =
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let moment = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default();
        let here = zone.to_datetime(moment);
        let weekday = DAYS[usize::from(here.weekday().to_monday_zero_offset().unsigned_abs())];
        Self {
            wall_ms,
            year: here.year(),
            month: here.month(),
            day: here.day(),
            hour: here.hour(),
            minute: here.minute(),
            weekday,
        }
    }
}

/// Whatever has fields.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    Person(Sight<'a>),
    User(Sight<'a>),
    Platforms(Platforms),
    Activity(&'a Activity<'a>),
    Party(&'a Activity<'a>),
    Emoji(&'a Activity<'a>),
    CustomStatus(&'a Activity<'a>),
    Track(&'a Track<'a>),
    Change(Changed<'a>),
    News(News<'a>),
    Now(Now),
    Firing(&'a Scope<'a>),
}

/// What a name is worth right now. `Missing` is false, empty and 0, never a failure.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Missing,
    Text(Cow<'a, str>),
    Bool(bool),
    Number(f64),
    Time(i64),
    Duration(i64),
    Object(Object<'a>),
    List(Vec<Object<'a>>),
    TextMap(&'a [(Text<'a>, Text<'a>)]),
}

/// One name of an object.
#[derive(Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// One sentence for the reference and for editors.
    pub doc: &'static str,
    pub read: for<'a> fn(Object<'a>) -> Value<'a>,
}

impl<'a> Object<'a> {
    /// What one of its fields is worth.
    pub fn value(self, field: &Field) -> Value<'a> {
        match self {
            Self::Firing(scope) => firings::value(scope, field),
            object => (field.read)(object),
        }
    }

    /// What kind of thing it is: whose table its fields stand in.
    pub fn kind(self) -> ObjectKind {
        match self {
            Self::Person(_) => ObjectKind::Person,
            Self::User(_) => ObjectKind::User,
            Self::Platforms(_) => ObjectKind::Platforms,
            Self::Activity(_) => ObjectKind::Activity,
            Self::Party(_) => ObjectKind::Party,
            Self::Emoji(_) => ObjectKind::Emoji,
            Self::CustomStatus(_) => ObjectKind::CustomStatus,
            Self::Track(_) => ObjectKind::Track,
            Self::Change(changed) => ObjectKind::Change(Some(changed.change.kind.subject())),
            Self::News(news) => ObjectKind::Change(Some(news.kind.subject())),
            Self::Now(_) => ObjectKind::Now,
            Self::Firing(scope) => ObjectKind::Firing(Firings::of(scope)),
        }
    }
}

impl ObjectKind {
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Person => PERSON,
            Self::User => USER,
            Self::Platforms => PLATFORMS,
            Self::Activity => ACTIVITY,
            Self::Party => PARTY,
            Self::Emoji => EMOJI,
            Self::CustomStatus => CUSTOM_STATUS,
            Self::Track => TRACK,
            Self::Now => NOW,
            Self::Firing(of) => of.fields(),
            Self::Change(None) => CHANGE_ANY,
            Self::Change(Some(subject)) => match subject {
                Subject::Status | Subject::Platform => CHANGE_TEXT,
                Subject::Track => CHANGE_TRACK,
                Subject::Activity => CHANGE_ACTIVITY,
                Subject::CustomStatus => CHANGE_CUSTOM_STATUS,
                Subject::Profile => CHANGE_PROFILE,
                Subject::Kv => CHANGE_KV,
                Subject::Person => CHANGE_PERSON,
                Subject::Own => CHANGE_OWN,
            },
        }
    }

    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// How a mistake names such a thing: "an activity".
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Person => "a person",
            Self::User => "a user",
            Self::Platforms => "platforms",
            Self::Activity => "an activity",
            Self::Party => "a party",
            Self::Emoji => "an emoji",
            Self::CustomStatus => "a custom status",
            Self::Track => "a track",
            Self::Change(Some(Subject::Own)) => "a change of doorchime itself",
            Self::Change(_) => "a change",
            Self::Now => "now",
            Self::Firing(_) => "a firing",
        }
    }
}

/// Everything a condition or a template can look at when one rule is considered.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Nobody, for rules without `who`.
    pub person: Option<Sight<'a>>,
    /// The same person before the change.
    pub before: Option<Sight<'a>>,
    /// Why the rule is asked; nothing while a state is only looked at.
    pub cause: Option<Cause>,
    pub change: Option<Happened<'a>>,
    pub now: Now,
    /// The file's time zone, in which times are shown.
    pub zone: &'a TimeZone,
    pub people: &'a dyn People,
    /// The rule's id.
    pub rule: &'a str,
    /// How long we were away, for a change found after a gap.
    pub late_ms: Option<i64>,
    /// When the state that began or ended had begun.
    pub since_ms: Option<i64>,
    /// How long the state that ended had lasted.
    pub lasted_ms: Option<i64>,
    /// Those that are told together, for a rule that gathers them.
    pub firings: &'a [Scope<'a>],
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("rule", &self.rule)
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// Everybody in the file, by their place in it.
pub trait People {
    /// The person at a place in `people`, if anything is known of them.
    fn person(&self, at: usize) -> Option<Sight<'_>>;
    /// The members of a group, by its place in `groups`; those of whom nothing is known are left out.
    fn group(&self, at: usize) -> Vec<Sight<'_>>;
}

/// Nobody at all, for scopes that have no other people.
pub struct Nobody;

impl People for Nobody {
    fn person(&self, _: usize) -> Option<Sight<'_>> {
        None
    }
    fn group(&self, _: usize) -> Vec<Sight<'_>> {
        Vec::new()
    }
}

/// The names a text of one rule may use: what the compiler of conditions and of templates is told.
#[derive(Clone, Copy, Debug)]
pub struct Names<'n> {
    /// The keys of `people` and `groups`, in the file's order.
    pub people: &'n Keys,
    pub groups: &'n Keys,
    /// Whether the rule is about one person: without `who`, the person's own names do not exist.
    pub has_person: bool,
    /// For `when` rules: what their changes are about, if they agree. `None`: the rule has no change.
    pub change: Option<Option<Subject>>,
    /// Templates know more than conditions: `rule` and `raw`, and without a change `since` and `lasted`.
    pub in_template: bool,
    /// For the messages of a rule that gathers its firings: what each of them is.
    pub gathered: Option<Firings>,
}

/// The keys of a part of the file, in its order, and the place of each.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    list: Vec<String>,
    places: HashMap<String, usize>,
}

impl Keys {
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub fn as_slice(&self) -> &[String] {
        &self.list
    }
}

impl FromIterator<String> for Keys {
    fn from_iter<I: IntoIterator<Item = String>>(keys: I) -> Self {
        let list: Vec<String> = keys.into_iter().collect();
        let places = list.iter().enumerate().map(|(at, key)| (key.clone(), at)).collect();
        Self { list, places }
    }
}

/// What a first name stands for, and where its value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A field of the person the rule is about, by its place in the person's fields.
    OwnField(usize),
    Before,
    Change,
    Now,
    Person(usize),
    Group(usize),
    Rule,
    Late,
    LateBy,
    Since,
    Lasted,
    Firings,
    Count,
    /// The presence as Lanyard sent it, unknown fields and all.
    Raw,
}

impl Names<'_> {
    /// Finds a first name. A person's own fields come before people, people before groups.
    pub fn root(&self, name: &str) -> Option<(Root, Kind)> {
        self.own_field(name)
            .or_else(|| self.word(name))
            .or_else(|| {
                let at = self.people.place(name)?;
                Some((Root::Person(at), Kind::Object(ObjectKind::Person)))
            })
            .or_else(|| {
                let at = self.groups.place(name)?;
                Some((Root::Group(at), Kind::List(ObjectKind::Person)))
            })
    }

    fn own_field(&self, name: &str) -> Option<(Root, Kind)> {
        let at = PERSON.iter().position(|field| field.name == name)?;
        self.has_person.then_some((Root::OwnField(at), PERSON[at].kind))
    }

    fn word(&self, name: &str) -> Option<(Root, Kind)> {
        let (root, kind) = match name {
            "now" => (Root::Now, Kind::Object(ObjectKind::Now)),
            "before" if self.has_person && self.change.is_some() => {
                (Root::Before, Kind::Object(ObjectKind::Person))
            }
            "change" => (Root::Change, Kind::Object(ObjectKind::Change(self.change?))),
            "rule" => (Root::Rule, Kind::Text),
            "late" => (Root::Late, Kind::Bool),
            "late_by" => (Root::LateBy, Kind::Duration),
            "since" => (Root::Since, Kind::Time),
            "lasted" => (Root::Lasted, Kind::Duration),
            "raw" if self.has_person => (Root::Raw, Kind::Any),
            "firings" => (Root::Firings, Kind::List(ObjectKind::Firing(self.gathered?))),
            "count" if self.gathered.is_some() => (Root::Count, Kind::Number),
            _ => return None,
        };
        let is_there = match root {
            Root::Rule | Root::Raw => self.in_template,
            // Each firing has its own.
            Root::LateBy | Root::Since | Root::Lasted if self.gathered.is_some() => false,
            // What is said of a change; a condition that holds for a time has none.
            Root::Late | Root::LateBy | Root::Since | Root::Lasted => {
                self.in_template || self.change.is_some()
            }
            _ => true,
        };
        is_there.then_some((root, kind))
    }

    /// The first name of which the thing has a field of this name, for hints.
    pub fn owner(&self, field: &str) -> Option<&'static str> {
        let has_it = |owner: &&str| {
            let root = self.root(owner);
            root.is_some_and(
                |(_, kind)| matches!(kind, Kind::Object(object) if object.field(field).is_some()),
            )
        };
        ["platforms", "now", "track", "playing", "user", "custom_status", "change"].into_iter().find(has_it)
    }

    /// Every first name, for hints.
    pub fn all(&self) -> Vec<&str> {
        const WORDS: [&str; 11] = [
            "firings", "count", "now", "before", "change", "rule", "late", "late_by", "since", "lasted",
            "raw",
        ];
        let own = PERSON.iter().map(|field| field.name).filter(|_| self.has_person);
        let words = WORDS.into_iter().filter(|word| self.word(word).is_some());
        own.chain(words)
            .chain(self.people.as_slice().iter().map(String::as_str))
            .chain(self.groups.as_slice().iter().map(String::as_str))
            .collect()
    }
}

impl<'a> Scope<'a> {
    /// Of a rule that is asked about nobody and about no change.
    pub fn of(rule: &'a str, now: Now, zone: &'a TimeZone, people: &'a dyn People) -> Self {
        Self {
            person: None,
            before: None,
            change: None,
            cause: None,
            now,
            zone,
            people,
            rule,
            late_ms: None,
            since_ms: None,
            lasted_ms: None,
            firings: &[],
        }
    }

    /// The value of a first name. `Raw` has no value here: templates read it from the presence's text.
    pub fn value(&self, root: Root) -> Value<'a> {
        let person =
            |sight: Option<Sight<'a>>| sight.map_or(Value::Missing, |s| Value::Object(Object::Person(s)));
        match root {
            Root::OwnField(at) => self.own_field(&PERSON[at]),
            Root::Before => person(self.before),
            Root::Change => self.change.map_or(Value::Missing, |happened| Value::Object(happened.object())),
            Root::Now => Value::Object(Object::Now(self.now)),
            Root::Person(at) => person(self.people.person(at)),
            Root::Group(at) => Value::List(self.people.group(at).into_iter().map(Object::Person).collect()),
            Root::Rule => Value::Text(Cow::Borrowed(self.rule)),
            Root::Late => Value::Bool(self.late_ms.is_some()),
            Root::LateBy => self.late_ms.map_or(Value::Missing, Value::Duration),
            Root::Since => self.since_ms.map_or(Value::Missing, Value::Time),
            Root::Lasted => self.lasted_ms.map_or(Value::Missing, Value::Duration),
            Root::Firings => Value::List(self.firings.iter().map(Object::Firing).collect()),
            Root::Count => Value::Number(self.firings.len() as f64),
            Root::Raw => Value::Missing,
        }
    }

    /// A field of the person. For a game that has just started, `playing` is that game, whatever else is
    /// being played; the same for the other types.
    fn own_field(&self, field: &Field) -> Value<'a> {
        if field.kind == Kind::Object(ObjectKind::Activity)
            && let Some(Happened::Change(changed)) = self.change
            && let Some(activity) = changed.activity_now()
            && activity.kind.word() == field.name
        {
            return Value::Object(Object::Activity(activity));
        }
        self.person.map_or(Value::Missing, |sight| (field.read)(Object::Person(sight)))
    }
}

impl<'a> Happened<'a> {
    pub fn kind(self) -> ChangeKind {
        match self {
            Self::Change(changed) => changed.change.kind,
            Self::News(news) => news.kind,
        }
    }

    pub fn object(self) -> Object<'a> {
        match self {
            Self::Change(changed) => Object::Change(changed),
            Self::News(news) => Object::News(news),
        }
    }
}

impl<'a> From<Changed<'a>> for Happened<'a> {
    fn from(changed: Changed<'a>) -> Self {
        Self::Change(changed)
    }
}

impl<'a> Changed<'a> {
    /// The activity that began or goes on, if the change is about one.
    pub fn activity_now(self) -> Option<&'a Activity<'a>> {
        let at = self.change.to.filter(|_| self.change.kind.subject() == Subject::Activity)?;
        self.after.activities.get(usize::from(at))
    }

    /// The activity before the change, if the change is about one.
    pub fn activity_before(self) -> Option<&'a Activity<'a>> {
        let at = self.change.from.filter(|_| self.change.kind.subject() == Subject::Activity)?;
        self.before.activities.get(usize::from(at))
    }
}
