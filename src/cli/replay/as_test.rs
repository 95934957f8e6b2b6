//! `replay --as-test`: a stretch of a recording as a test for the rules file.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::span::Picked;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::Delivery;
use crate::presence::model::UserId;
use crate::printable::{moves, plain};
use crate::recording::playback::{self, Event};
use crate::rehearsal::story::{Firing, Played, play};
use crate::rules::duration::spell_duration;
use crate::rules::file;
use crate::rules::pattern::Pattern;
use crate::rules::set::RuleSet;
use crate::targets::filled;
use crate::time::Moment;

/// As many steps as a test takes, and as much as it may expect.
const STEPS_MAX: usize = 10_000;
const EXPECTED_MAX: usize = 1_000;
/// A longer text is not asked for.
const TEXT_CHARS_MAX: usize = 200;

pub(super) fn as_test(
    name: &str,
    files: &[PathBuf],
    rules_file: &Path,
    rules: &RuleSet,
    picked: &Picked,
) -> Ended {
    let mut script = Script::new(rules, picked);
    playback::play(files, &Arc::new(AtomicU64::new(0)), &mut |event| script.take(event))
        .map_err(|error| Failure::Usage(format!("cannot read the recording: {error}")))?;
    let begin = script.begin();
    if script.steps.len() > STEPS_MAX {
        return Err(too_long(&format!("more than {STEPS_MAX} steps")));
    }
    let start = Timestamp::from_millisecond(begin.wall_ms).unwrap_or_default();
    let start = start.to_zoned_datetime(rules.timezone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut test = format!("tests:\n  - name: {}\n    start: {}\n    steps:\n", quoted(name), quoted(&start));
    for step in script.steps() {
        test.push_str(&step);
    }
    let bare = rehearse(rules_file, &format!("{test}    expect: []\n"))?;
    if bare.firings.len() > EXPECTED_MAX || bare.flooded {
        return Err(too_long(&format!("more than {EXPECTED_MAX} rings")));
    }
    if bare.firings.is_empty() {
        test.push_str("    expect: []\n");
    } else {
        test.push_str("    expect:\n");
        bare.firings.iter().for_each(|firing| test.push_str(&expected(firing)));
    }
    let played = rehearse(rules_file, &test)?;
    write!(anstream::stdout().lock(), "{test}")?;
    if played.passed() {
        Ok(Exit::Fine)
    } else {
        Err(Failure::Finding("this test does not pass as it stands: look at what it expects".to_owned()))
    }
}

fn too_long(what: &str) -> Failure {
    Failure::Usage(format!("a test of this would have {what}: take less, with --from, --to and --person"))
}

fn rehearse(rules_file: &Path, test: &str) -> Result<Played, Failure> {
    let loaded = file::load_with_tests(rules_file, test).map_err(|findings| {
        Failure::Finding(format!("the rules file does not take this test:\n{}", findings.render(false)))
    })?;
    let set = Arc::new(loaded.set);
    let story = loaded.stories.first().ok_or_else(|| Failure::fault("the test was not found"))?;
    Ok(play(&set, story))
}

/// What happens in the stretch.
struct Script<'r> {
    picked: &'r Picked,
    everyone: bool,
    /// By their names in the rules file.
    names: BTreeMap<UserId, String>,
    /// How those were last seen who count; nothing of whom Lanyard does not know.
    last: BTreeMap<UserId, Option<Box<str>>>,
    began: Option<Moment>,
    /// When the stretch begins, once it has.
    begin: Option<Moment>,
    /// The picture at the beginning is complete.
    settled: bool,
    connected: bool,
    now: Moment,
    steps: Vec<(Duration, Happening)>,
}

enum Happening {
    Person(UserId, Option<Box<str>>),
    Down,
    Up,
}

impl<'r> Script<'r> {
    fn new(rules: &'r RuleSet, picked: &'r Picked) -> Self {
        Self {
            picked,
            everyone: rules.for_everyone(),
            names: rules.people.iter().map(|person| (person.id, person.key.clone())).collect(),
            last: BTreeMap::new(),
            began: None,
            begin: None,
            settled: false,
            connected: true,
            now: Moment::default(),
            steps: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>) -> ControlFlow<()> {
        let now = match event {
            Event::Trouble { file, line, why } => {
                let told = format!("{}:{line}: {why}", file.display());
                // Nobody need hear it.
                let _ = writeln!(anstream::stderr().lock(), "{}", plain(&told));
                return ControlFlow::Continue(());
            }
            Event::Start(now, _) | Event::Observed(now, _) | Event::Blind(now) | Event::Passed(now) => now,
        };
        let began = *self.began.get_or_insert(now);
        if self.picked.span.is_over(began, now) || self.steps.len() > STEPS_MAX {
            return ControlFlow::Break(());
        }
        self.now = now;
        if self.begin.is_none() && self.settled && self.picked.span.has_begun(began, now) {
            self.open(now);
        }
        match event {
            Event::Observed(_, observation) => self.observe(observation),
            Event::Blind(_) => self.turn(false),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn observe(&mut self, observation: &Observation<'_>) {
        match observation {
            Observation::Connected => {}
            Observation::Disconnected => self.turn(false),
            Observation::Seen(id, presence) => self.see(*id, Some(presence.raw)),
            Observation::Updated(id, presence) => {
                self.settle();
                self.turn(true);
                self.see(*id, Some(presence.raw));
            }
            Observation::SnapshotEnd { .. } => {
                self.turn(true);
                self.settle();
            }
            Observation::Unmonitored(id) => self.see(*id, None),
        }
    }

    /// The first picture is complete: a stretch that begins with the recording begins here.
    fn settle(&mut self) {
        self.settled = true;
        let began = self.began.unwrap_or(self.now);
        if self.begin.is_none() && self.picked.span.has_begun(began, self.now) {
            self.open(self.now);
        }
    }

    /// The stretch begins: how people are is its first step.
    fn open(&mut self, now: Moment) {
        self.begin = Some(now);
        let people = std::mem::take(&mut self.last);
        for (id, raw) in &people {
            self.steps.push((Duration::ZERO, Happening::Person(*id, raw.clone())));
        }
        self.last = people;
        if !self.connected {
            self.happen(Happening::Down);
        }
    }

    fn see(&mut self, id: UserId, raw: Option<&str>) {
        let picked = &self.picked.people;
        let counts = if picked.is_empty() {
            self.everyone || self.names.contains_key(&id)
        } else {
            picked.contains(&id)
        };
        let raw = raw.map(Box::from);
        if !counts || self.last.get(&id) == Some(&raw) {
            return;
        }
        self.last.insert(id, raw.clone());
        self.happen(Happening::Person(id, raw));
    }

    /// Lanyard is gone, or back; it is back once it has told how everybody is.
    fn turn(&mut self, up: bool) {
        if std::mem::replace(&mut self.connected, up) != up {
            self.happen(if up { Happening::Up } else { Happening::Down });
        }
    }

    fn happen(&mut self, happening: Happening) {
        let Some(begin) = self.begin else { return };
        // What is so at 0s is the picture at the start.
        let after = self.now.mono.saturating_sub(begin.mono).max(Duration::from_millis(1));
        self.steps.push((after, happening));
    }

    fn begin(&mut self) -> Moment {
        if self.begin.is_none() {
            self.open(self.now);
        }
        self.begin.unwrap_or(self.now)
    }

    fn steps(&self) -> impl Iterator<Item = String> + '_ {
        self.steps.iter().map(|(at, happening)| {
            let at = if at.is_zero() { "0s".to_owned() } else { spell_duration(*at) };
            let what = match happening {
                Happening::Down => "lanyard: down".to_owned(),
                Happening::Up => "lanyard: up".to_owned(),
                Happening::Person(id, raw) => {
                    let key = self.names.get(id).map_or_else(|| quoted(&id.to_string()), |key| quoted(key));
                    let how = raw.as_deref().map_or_else(|| "unmonitored".to_owned(), flow);
                    format!("{key}: {how}")
                }
            };
            format!("      - {{at: {at}, {what}}}\n")
        })
    }
}

/// What a test says of a firing.
fn expected(firing: &Firing) -> String {
    let mut parts = vec![format!("rule: {}", quoted(&firing.rule))];
    let person = firing.called.as_ref().map(ToString::to_string);
    let person = person.or_else(|| firing.person.map(|id| id.to_string()));
    parts.extend(person.map(|person| format!("person: {}", quoted(&person))));
    parts.push(match firing.now.mono {
        at if at.is_zero() => "at: 0s".to_owned(),
        at => format!("at: {}", spell_duration(at)),
    });
    let text = firing.messages.first().and_then(first_text);
    parts.extend(text.map(|text| format!("text: {}", quoted(&text))));
    format!("      - {{{}}}\n", parts.join(", "))
}

/// The first text of a message that can be asked for as it stands.
fn first_text(message: &Delivery) -> Option<String> {
    let fits = |text: &&str| {
        let plain = Pattern::compile(text).is_ok_and(|pattern| pattern.is_plain() && pattern.matches(text));
        plain && text.chars().count() <= TEXT_CHARS_MAX && !text.trim().is_empty()
    };
    let parts = filled::shown(&message.parts);
    ["text", "title", "message", "content", "body"]
        .iter()
        .filter_map(|name| parts.get(*name)?.as_str())
        .find(fits)
        .map(str::to_owned)
}

fn quoted(text: &str) -> String {
    safe(&Value::from(text).to_string())
}

/// JSON as YAML's flow style takes it, on one line.
fn flow(raw: &str) -> String {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    let mut written = Vec::new();
    let told = value.serialize(&mut Serializer::with_formatter(&mut written, Spaced));
    if told.is_err() { "offline".to_owned() } else { safe(&String::from_utf8_lossy(&written)) }
}

/// What would do more than be read is written as an escape, which YAML knows, too.
fn safe(text: &str) -> String {
    use std::fmt::Write as _;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if moves(c) || c == '\u{feff}' {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Spaces where YAML wants them.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
