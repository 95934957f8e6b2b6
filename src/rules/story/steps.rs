//! The steps of a test: when they are, and what happens in them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::clock::Clock;
use super::person::{Last, Said};
use super::said::said;
use super::words;
use super::{Cast, EVENTS_MAX, Event, LASTS_MAX, STEPS_MAX, Step};
use crate::presence::model::UserId;
use crate::rules::diagnostic::Problem;
use crate::rules::duration::spell_duration;
use crate::rules::elsewhere::{self, instead};
use crate::rules::keys;
use crate::rules::reading::{Fields, Reader};
use crate::rules::set::Who;
use crate::rules::tree::{Entry, Node, Sort, Value};
use crate::time::millis;

/// Who has just been restarted is away for so long.
const RESTART: Duration = Duration::from_secs(1);

impl Step {
    /// When all of it has happened.
    pub fn settled(&self) -> Duration {
        let away = self.events.iter().map(|event| match event {
            Event::Restart(away) => *away,
            _ => Duration::ZERO,
        });
        self.at.saturating_add(away.max().unwrap_or_default())
    }
}

/// Where the steps have come to.
#[derive(Default)]
struct Progress {
    at: Option<Duration>,
    /// Whether it is still the start.
    starting: bool,
    /// Whom a step at the start has described.
    begun: HashSet<UserId>,
    /// How each person was last described.
    last: HashMap<UserId, Last>,
}

impl Cast<'_> {
    pub(super) fn steps(&self, entry: &Entry, clock: Clock<'_>, reader: &mut Reader<'_>) -> Vec<Step> {
        let nodes = reader.list(&entry.value);
        if nodes.len() > STEPS_MAX {
            reader.problems.too_many(entry.key_at, "steps of one test", STEPS_MAX);
            return Vec::new();
        }
        let mut progress = Progress::default();
        let mut steps = Vec::with_capacity(nodes.len());
        for node in nodes {
            if !matches!(node.value, Value::Map(_)) {
                let help = "write `- {at: 5s, ada: {status: online}}`".to_owned();
                reader.wrong_kind_but("steps", node, "mappings, each with its time", Some(help));
                continue;
            }
            let given = time(Fields::of(node), node, progress.at, clock, reader);
            let at = given.or(progress.at).unwrap_or_default();
            progress.at = Some(at);
            progress.starting = given == Some(Duration::ZERO);
            let events = self.events(node, at, clock, &mut progress, reader);
            steps.push(Step { at, said: said(reader.source, node, &["at", "after"]), events });
        }
        steps
    }

    fn events(
        &self,
        node: &Node,
        at: Duration,
        clock: Clock<'_>,
        progress: &mut Progress,
        reader: &mut Reader<'_>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let happens: Vec<&Entry> =
            Fields::of(node).iter().filter(|entry| !matches!(entry.key.as_str(), "at" | "after")).collect();
        if happens.is_empty() {
            let here = reader.source.first_line_of(node.at);
            let help = "say what happens: `ada: {status: online}`, `lanyard: down` or `restart: 5m`";
            reader.problems.add(Problem::error(here, "nothing happens in this step").help(help));
        }
        for entry in happens {
            match entry.key.as_str() {
                word @ ("lanyard" | "restart") => {
                    if progress.starting {
                        let what = format!("`{word}` cannot be part of the start");
                        let help = "doorchime starts at 0s, and Lanyard is up; give it a later time";
                        reader.problems.add(Problem::error(entry.key_at, what).help(help));
                    }
                    events.extend(of_machine(entry, reader));
                }
                _ => self.person(entry, at, clock, progress, &mut events, reader),
            }
        }
        events
    }

    /// What becomes of a person, or of each member of a group.
    fn person(
        &self,
        entry: &Entry,
        at: Duration,
        clock: Clock<'_>,
        progress: &mut Progress,
        events: &mut Vec<Event>,
        reader: &mut Reader<'_>,
    ) {
        let Some(ids) = self.who(entry, reader) else { return };
        let step_ms = clock.start_ms.saturating_add(millis(at));
        self.events.set(self.events.get().saturating_add(ids.len()));
        if self.events.get() > EVENTS_MAX {
            return;
        }
        for (id, key) in ids {
            if progress.starting && !progress.begun.insert(id) {
                let what = format!("`{}` is described twice at the start", entry.key);
                let help =
                    "what is so at 0s is one picture: put it into one step, or let one of them be later";
                reader.problems.add(Problem::error(entry.key_at, what).help(help));
            }
            let last = progress.last.entry(id).or_insert_with(|| Last::offline(id, key));
            match reader.said(&entry.key, &entry.value, id, last, step_ms) {
                Some(Said::Presence) => events.push(Event::Presence(id, last.json())),
                Some(Said::Unmonitored) => events.push(Event::Unmonitored(id)),
                None => return,
            }
        }
    }

    /// Whom a key of a step is about: ids, and names in the file.
    fn who(&self, entry: &Entry, reader: &mut Reader<'_>) -> Option<Vec<(UserId, Option<&str>)>> {
        let key = entry.key.as_str();
        if let Some(places) = self.people(key) {
            let people = places.into_iter().map(|at| &self.known.people[at]);
            return Some(people.map(|person| (person.id, Some(person.key.as_str()))).collect());
        }
        if self.known.unread.people {
            return None;
        }
        if let Ok(id) = key.parse::<UserId>() {
            if let Some(person) = self.known.people.iter().find(|person| person.id == id) {
                let problem = Problem::error(entry.key_at, "people of the file are named here, not numbered");
                reader.problems.add(problem.help(format!("write `{}`", person.key)));
                return None;
            }
            if !self.whole || self.rules.values().any(|rule| matches!(rule.who, Some(Who::Everyone))) {
                return Some(vec![(id, None)]);
            }
            let what = format!("no rule is about `{key}`");
            let help = "give the id a name under `people:`, or write a rule with `who: everyone`";
            reader.problems.add(Problem::error(entry.key_at, what).help(help));
            return None;
        }
        let a_presence = words::fields(crate::rules::scope::ObjectKind::Person)
            .any(|field| field.name == key)
            || words::LANYARDS.contains(&key);
        let whose = || a_presence.then(|| format!("say whose it is: `ada: {{{key}: …}}`"));
        let instead = instead(elsewhere::STEP, key).or_else(whose).or_else(|| self.people_hint(key));
        let known = keys::STEP.iter().map(|key| key.name);
        reader.problems.unknown_name(entry.key_at, "person or group", key, instead, known);
        None
    }
}

/// When a step is, counted from the start.
fn time(
    fields: Fields<'_>,
    node: &Node,
    last: Option<Duration>,
    clock: Clock<'_>,
    reader: &mut Reader<'_>,
) -> Option<Duration> {
    let before = last.unwrap_or_default();
    let here = reader.source.first_line_of(node.at);
    match (fields.get("at"), fields.get("after")) {
        (Some(_), Some(after)) => {
            let what = "`at` counts from the start, `after` from the step before";
            reader.problems.add(Problem::error(after.key_at, what).help("keep one of them"));
            None
        }
        (Some(at), None) => clock.moment(reader, "at", &at.value, before).and_then(|time| {
            if time < before {
                let what = "steps stand in the order of time, and this is before the one above it";
                let help = "put it above, or write `after:` to count from the step before";
                reader.problems.add(Problem::error(at.value.at, what).help(help));
                return None;
            }
            Some(time)
        }),
        (None, Some(after)) => {
            let wait = reader.duration_within("after", &after.value, Duration::ZERO, LASTS_MAX);
            let time = wait.map(|wait| before.saturating_add(wait));
            if time.is_some_and(|time| time > LASTS_MAX) {
                let most = spell_duration(LASTS_MAX);
                let what = format!("a test lasts no longer than {most}");
                reader.problems.add(Problem::error(after.value.at, what));
                return None;
            }
            time
        }
        (None, None) if last.is_none() => Some(Duration::ZERO),
        (None, None) => {
            let help = "say when: `at: 30s` counts from the start, `after: 30s` from the step before";
            reader.problems.missing_key(here, "at", "a step", help);
            None
        }
    }
}

/// `lanyard` and `restart`: what happens to doorchime itself.
fn of_machine(entry: &Entry, reader: &mut Reader<'_>) -> Option<Event> {
    if entry.key == "lanyard" {
        return Some(match reader.choice("lanyard", &entry.value, &keys::LANYARD_STEPS)? {
            "down" => Event::LanyardDown,
            _ => Event::LanyardUp,
        });
    }
    let away = match entry.value.scalar().map(|scalar| &scalar.sort) {
        Some(Sort::Bool(true)) => Some(RESTART),
        Some(Sort::Bool(false)) => {
            let help = "leave it out, or say how long doorchime is away: `restart: 5m`";
            reader.problems.add(Problem::error(entry.value.at, "`restart: false` says nothing").help(help));
            None
        }
        _ => reader.duration_within("restart", &entry.value, Duration::ZERO, LASTS_MAX),
    };
    away.map(Event::Restart)
}
