//! The file's `tests:`: stories of what happens, step by step, and of what is expected to ring.
//!
//! Read and checked with the rest of the file, and kept beside the rule set: only those who play them pay for
//! them.

mod clock;
mod expect;
mod parts;
mod person;
pub mod said;
mod steps;
pub mod trial;
pub mod words;
pub mod written;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use self::clock::Clock;
use super::compile::Known;
use super::diagnostic::Problem;
use super::elsewhere::{self, instead};
use super::keys;
use super::mistake::hint;
use super::pattern::Pattern;
use super::places::Span;
use super::reading::{Allowed, Fields, Name, Reader};
use super::set::Rule;
use super::tree::{Entry, Node, Value};
use crate::presence::model::UserId;
use crate::time::Moment;

/// Tests of one file.
const TESTS_MAX: usize = 10_000;
/// Steps of one test.
const STEPS_MAX: usize = 10_000;
/// What happens to people in all tests of a file; a group is as many as it has members.
const EVENTS_MAX: usize = 200_000;
/// What one test expects.
const EXPECTED_MAX: usize = 1_000;
/// A test is over after so long, by its own clock.
const LASTS_MAX: Duration = Duration::from_hours(24 * 62);
/// After its last step a test goes on for so long at least, so that what is held can come down.
const REST_LEAST: Duration = Duration::from_mins(10);

/// One test, ready to be played.
#[derive(Debug)]
pub struct Story {
    pub name: String,
    /// Where it stands, from 1.
    pub line: usize,
    pub start: Moment,
    /// Whether the test says when it begins.
    pub dated: bool,
    /// When it is over, counted from its start.
    pub ends: Duration,
    /// In the order of time.
    pub steps: Vec<Step>,
    pub expect: Vec<Expected>,
    /// The rules that it is about, if not all of them.
    pub only: Option<Vec<Arc<str>>>,
}

/// Something that happens.
#[derive(Debug)]
pub struct Step {
    /// Counted from the start.
    pub at: Duration,
    /// As it is written, in one line.
    pub said: Box<str>,
    pub events: Vec<Event>,
}

#[derive(Debug)]
pub enum Event {
    /// How somebody is from here on, as Lanyard would say it.
    Presence(UserId, Box<str>),
    /// Lanyard does not know somebody (any more).
    Unmonitored(UserId),
    LanyardDown,
    LanyardUp,
    /// doorchime ends, and is back after so long.
    Restart(Duration),
}

/// Something that is to ring. What is not given may be anything.
#[derive(Debug)]
pub struct Expected {
    /// As it is written, in one line.
    pub said: Box<str>,
    /// Where it stands, from 1.
    pub line: usize,
    pub rule: Option<Arc<str>>,
    pub person: Option<UserId>,
    pub to: Option<Arc<str>>,
    /// Counted from the start.
    pub at: Option<Duration>,
    /// One of these fits one of the message's texts; none: any will do.
    pub text: Vec<Pattern>,
}

/// What the tests are read against.
struct Cast<'c> {
    known: &'c Known<'c>,
    /// The rules' ids as they are written, whatever is wrong with the rules.
    ids: Vec<&'c str>,
    rules: HashMap<&'c str, &'c Rule>,
    /// What has happened to people in all tests so far.
    events: Cell<usize>,
    /// Whether all rules could be compiled.
    whole: bool,
    zone: &'c TimeZone,
    /// Lanyard counts as down when it was gone this long.
    down_after: Duration,
    /// For how long things may be held, and rules may wait.
    rest: Duration,
}

/// Reads the tests of a file. `ids` are the ids of its rules as they are written, `rules` those that have been
/// compiled.
pub fn compile_all(
    entry: Option<&Entry>,
    known: &Known<'_>,
    (ids, rules): (Vec<&str>, &[Rule]),
    (zone, down_after): (&TimeZone, Duration),
    reader: &mut Reader<'_>,
) -> Vec<Story> {
    let Some(entry) = entry else { return Vec::new() };
    if matches!(entry.value.value, Value::Map(_)) {
        reader.wrong_kind("tests", &entry.value, "a list, each test begun with `- name:`");
        return Vec::new();
    }
    let tests = reader.list(&entry.value);
    if tests.len() > TESTS_MAX {
        reader.problems.too_many(entry.key_at, "tests", TESTS_MAX);
        return Vec::new();
    }
    let holds = known.people.iter().map(|person| person.smoothing.longest()).max().unwrap_or_default();
    let waits = rules.iter().map(Rule::longest_wait).max().unwrap_or_default();
    let cast = Cast {
        known,
        events: Cell::new(0),
        whole: ids.len() == rules.len(),
        ids,
        rules: rules.iter().map(|rule| (&*rule.id, rule)).collect(),
        zone,
        down_after,
        rest: REST_LEAST.max(holds + waits + Duration::from_mins(1)),
    };
    let mut names: HashMap<&str, Span> = HashMap::new();
    let mut stories = Vec::with_capacity(tests.len());
    for (at, node) in tests.iter().enumerate() {
        if reader.problems.are_plenty() {
            break;
        }
        let Value::Map(_) = node.value else {
            reader.wrong_kind("tests", node, "mappings, each begun with `- name:`");
            continue;
        };
        let name = Fields::of(node).get("name").and_then(|name| reader.name("name", &name.value));
        if let Some(name) = name {
            if let Some(&first) = names.get(name.text) {
                reader.problems.name_taken(name.at, name.text, first, "another test");
            }
            names.entry(name.text).or_insert(name.at);
        }
        let name = name.map_or_else(|| format!("test {}", at + 1), |name| name.text.to_owned());
        stories.extend(cast.story(name, node, reader));
        if cast.events.get() > EVENTS_MAX {
            reader.problems.too_many(entry.key_at, "presences in the tests of one file", EVENTS_MAX);
            break;
        }
    }
    stories
}

impl Cast<'_> {
    fn story(&self, name: String, node: &Node, reader: &mut Reader<'_>) -> Option<Story> {
        let fields = Fields::of(node);
        reader
            .check_keys(fields, &Allowed::fixed("a test", keys::TEST, &|key| instead(elsewhere::TEST, key)));
        let at = reader.source.first_line_of(node.at);
        let clock = Clock::read(fields.get("start").map(|start| &start.value), self.zone, reader);
        let steps = fields.get("steps").map(|steps| self.steps(steps, clock, reader));
        if steps.is_none() {
            let help = "say what happens: `steps: [{at: 5s, ada: {status: online}}]`";
            reader.problems.missing_key(at, "steps", "a test", help);
        }
        let expect = fields.get("expect").map(|expected| self.expect(expected, clock, reader));
        if expect.is_none() {
            let help = "say what rings, such as `expect: [{rule: friend-online}]`, or `expect: []`";
            reader.problems.missing_key(at, "expect", "a test", help);
        }
        let (steps, expect) = (steps?, expect?);
        let only = fields.get("only").map(|only| {
            let names: Vec<Name<'_>> =
                reader.list(&only.value).iter().filter_map(|it| reader.name("only", it)).collect();
            names.into_iter().filter_map(|name| self.rule(name, reader)).collect::<Vec<_>>()
        });
        if let Some(only) = &only {
            for (_, expected) in &expect {
                if let Some(rule) = expected.rule.as_ref().filter(|rule| !only.contains(*rule)) {
                    let what = format!("`{rule}` is expected to ring, but `only` leaves it out");
                    let place = fields.get("only").map_or(at, |only| only.key_at);
                    reader.problems.add(Problem::error(place, what).help("name it there, too"));
                }
            }
        }
        let last = steps.last().map_or(Duration::ZERO, Step::settled);
        let expected_last = expect.iter().filter_map(|(_, expected)| expected.at).max().unwrap_or_default();
        let until = fields.get("until").and_then(|until| {
            let given = clock.moment(reader, "until", &until.value, Duration::ZERO)?;
            if given < last {
                let what = "the test ends before its last step";
                reader
                    .problems
                    .add(Problem::error(until.value.at, what).help("leave `until` out, or let it be later"));
            }
            Some(given)
        });
        let downs =
            steps.iter().flat_map(|step| &step.events).any(|event| matches!(event, Event::LanyardDown));
        let down = if downs { self.down_after } else { Duration::ZERO };
        let ends = until.unwrap_or_else(|| last.max(expected_last).saturating_add(self.rest.max(down * 2)));
        for (place, _) in expect.iter().filter(|(_, expected)| expected.at.is_some_and(|at| at > ends)) {
            let what = "this is expected after the test has ended";
            reader.problems.add(Problem::error(*place, what).help("let `until` be later"));
        }
        Some(Story {
            name,
            line: reader.source.line_column(node.at.start).0,
            dated: fields.get("start").is_some(),
            start: Moment { mono: Duration::ZERO, wall_ms: clock.start_ms },
            ends: ends.min(LASTS_MAX),
            steps,
            expect: expect.into_iter().map(|(_, expected)| expected).collect(),
            only,
        })
    }

    /// A rule that the tests may name.
    fn rule(&self, name: Name<'_>, reader: &mut Reader<'_>) -> Option<Arc<str>> {
        if !self.ids.contains(&name.text) {
            let known = self.ids.iter().copied();
            reader.problems.unknown_name(name.at, "rule", name.text, elsewhere::as_list(name.text), known);
            return None;
        }
        Some(Arc::from(name.text))
    }

    /// The people that a name stands for: a person, or the members of a group.
    fn people(&self, name: &str) -> Option<Vec<usize>> {
        use super::compile::Referent;
        match *self.known.referents.get(name)? {
            Referent::Person(at) => Some(vec![at]),
            Referent::Group(at) => Some(self.known.groups[at].members.clone()),
        }
    }

    /// What to say to somebody who wrote `word` for a person.
    fn people_hint(&self, word: &str) -> Option<String> {
        let groups = self.known.group_keys.as_slice();
        let names = self.known.person_keys.as_slice().iter().chain(groups);
        hint(word, names.map(String::as_str))
    }
}
