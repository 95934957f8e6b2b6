//! Something to try: how a person is and what they change to, in the words of a test's step or as Lanyard says it,
//! when that is, and for how long what follows is watched.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::clock::{begins, how_to_write};
use super::person::{Last, Said};
use super::said::said;
use super::{Event, REST_LEAST, Step, Story};
use crate::presence::model::UserId;
use crate::printable::plain;
use crate::rules::diagnostic::{Problem, Problems};
use crate::rules::duration::{parse_duration, spell_duration};
use crate::rules::mistake::Mistake;
use crate::rules::places::Source;
use crate::rules::reading::Reader;
use crate::rules::set::{Rule, RuleSet};
use crate::rules::tree::Node;
use crate::rules::yaml;
use crate::time::{Moment, millis};

/// A person has been as they are for so long when they change, or longer, if rules wait for longer.
const BEFORE_LEAST: Duration = Duration::from_hours(1);
/// No longer, before and after.
pub const WATCHED_MAX: Duration = Duration::from_hours(7 * 24);
/// What a presence may grow to when its aliases are followed.
const EXPANDED_BYTES_MAX: usize = 256 << 10;
/// So many mistakes of one text are told.
const SLIPS_MAX: usize = 5;

/// In place of a time and of a length of time: what they are if they are not given.
pub const NOW: &str = "now";
pub const LONG_ENOUGH: &str = "long enough";

/// As somebody writes it. What is empty is not given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'t> {
    /// How Lanyard has the person now: their profile and KV are those until something else is said.
    pub known: &'t str,
    pub before: &'t str,
    pub after: &'t str,
    pub at: &'t str,
    pub wait: &'t str,
}

/// Ready to be played.
#[derive(Debug)]
pub struct Trial {
    pub person: UserId,
    /// Two steps, and nothing that is expected.
    pub story: Story,
    /// When the second one is, counted from the story's start.
    pub changes_at: Duration,
}

/// A mistake in what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// In which of its texts.
    pub part: &'static str,
    /// Line and column, from 1, of a text that has several.
    pub place: Option<(usize, usize)>,
    pub what: String,
    pub help: Option<String>,
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.part)?;
        if let Some((line, column)) = self.place {
            write!(f, ", line {line}, column {column}")?;
        }
        write!(f, ": {}", self.what)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl Slip {
    fn new(part: &'static str, mistake: Mistake) -> Self {
        Self { part, place: None, what: plain(&mistake.what), help: mistake.help.map(|help| plain(&help)) }
    }
}

/// Reads what is to be tried with a person. A time alone is one of the day that `now_ms` is in.
pub fn read(rules: &RuleSet, person: UserId, asked: Asked<'_>, now_ms: i64) -> Result<Trial, Vec<Slip>> {
    let mut slips = Vec::new();
    let known = rules.people.iter().find(|known| known.id == person);
    let smoothing = known.map_or(rules.smoothing, |known| known.smoothing);
    let waits = rules.rules.iter().map(longest_wait).max().unwrap_or_default();
    let rest = smoothing.longest().saturating_add(waits).saturating_add(Duration::from_mins(1));
    let wait = wait(asked.wait).unwrap_or_else(|slip| {
        slips.push(slip);
        None
    });
    let wait = wait.unwrap_or_else(|| rest.max(REST_LEAST).min(WATCHED_MAX));
    let at_ms = at(rules, asked.at, now_ms).unwrap_or_else(|slip| {
        slips.push(slip);
        now_ms
    });
    let changes_at = rest.max(BEFORE_LEAST).min(WATCHED_MAX);
    let start_ms = at_ms.saturating_sub(millis(changes_at));
    let last = Last::offline(person, known.map(|known| known.key.as_str()));
    let mut last = last.with_lasting(asked.known);
    let mut step = |part, text: &str, at, at_ms| match event(part, text, person, &mut last, at_ms) {
        Ok((said, event)) => vec![Step { at, said, events: vec![event] }],
        Err(mut found) => {
            slips.append(&mut found);
            Vec::new()
        }
    };
    let before = if asked.before.trim().is_empty() { "offline" } else { asked.before };
    let mut steps = step("before", before, Duration::ZERO, start_ms);
    steps.append(&mut step("after", asked.after, changes_at, at_ms));
    if !slips.is_empty() {
        return Err(slips);
    }
    let story = Story {
        name: "a try".to_owned(),
        line: 1,
        start: Moment { mono: Duration::ZERO, wall_ms: start_ms },
        dated: true,
        ends: changes_at.saturating_add(wait),
        steps,
        expect: Vec::new(),
        only: None,
    };
    Ok(Trial { person, story, changes_at })
}

/// How long a rule may wait before it rings, its `group` included.
fn longest_wait(rule: &Rule) -> Duration {
    let gathers = rule.noise.group.map_or(Duration::ZERO, |group| group.wait);
    rule.longest_wait().saturating_add(gathers)
}

fn wait(text: &str) -> Result<Option<Duration>, Slip> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case(LONG_ENOUGH) {
        return Ok(None);
    }
    let most = format!("at most `{}`", spell_duration(WATCHED_MAX));
    let wait = parse_duration(text).map_err(|mistake| Slip {
        help: mistake.help.clone().or(Some(most.clone())),
        ..Slip::new("wait", mistake)
    })?;
    if wait > WATCHED_MAX {
        return Err(Slip::new("wait", Mistake::new(0..0, format!("`{text}` is too long")).help(most)));
    }
    Ok(Some(wait))
}

fn at(rules: &RuleSet, text: &str, now_ms: i64) -> Result<i64, Slip> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case(NOW) {
        return Ok(now_ms);
    }
    let zone = &rules.timezone;
    let today = zone.to_datetime(jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default()).date();
    let at = begins(text, today).and_then(|at| zone.to_timestamp(at).ok());
    at.map(jiff::Timestamp::as_millisecond).ok_or_else(|| {
        let mistake = Mistake::new(0..0, format!("`{text}` is no time of day"));
        Slip::new("at", mistake.help(how_to_write(text)))
    })
}

/// What a text says of a person, and in one line how it says so.
fn event(
    part: &'static str,
    text: &str,
    person: UserId,
    last: &mut Last,
    at_ms: i64,
) -> Result<(Box<str>, Event), Vec<Slip>> {
    if text.trim().is_empty() {
        let mistake = Mistake::new(0..0, format!("`{part}` is empty"));
        let help = "say how the person is, such as `{status: online, playing: Factorio}`, or `offline`";
        return Err(vec![Slip::new(part, mistake.help(help))]);
    }
    let source = Source::new(part, with_whole_characters(text));
    let mut problems = Problems::default();
    let told = yaml::read_within(&source, EXPANDED_BYTES_MAX, &mut problems).and_then(|root| {
        let node = unwrapped(&root);
        let mut reader = Reader { source: &source, problems: &mut problems };
        let event = match reader.said(part, node, person, last, at_ms)? {
            Said::Presence => Event::Presence(person, last.json()),
            Said::Unmonitored => Event::Unmonitored(person),
        };
        Some((said(&source, node, &[]), event))
    });
    match told {
        Some(told) if !problems.any_errors() => Ok(told),
        _ => Err(slips(part, source, problems)),
    }
}

fn slips(part: &'static str, source: Source, problems: Problems) -> Vec<Slip> {
    let findings = problems.into_findings(source, crate::rules::mask::Mask::default());
    let slip = |Problem { at, what, help, .. }: &Problem| Slip {
        part,
        place: at.map(|at| findings.source().line_column(at.start)),
        what: plain(what),
        help: help.as_deref().map(plain),
    };
    findings.problems().iter().take(SLIPS_MAX).map(slip).collect()
}

/// The presence inside of an answer of Lanyard's REST side, or of a frame of its socket.
fn unwrapped(root: &Node) -> &Node {
    let entries = root.entries().unwrap_or_default();
    let all = |known: &[&str]| entries.iter().all(|entry| known.contains(&entry.key.as_str()));
    let inner = if all(&["success", "data"]) {
        "data"
    } else if all(&["op", "t", "seq", "d"]) {
        "d"
    } else {
        return root;
    };
    entries.iter().find(|entry| entry.key == inner).map_or(root, |entry| &entry.value)
}

/// JSON may write a character outside of the basic plane as two escapes, which YAML does not know: here it is the
/// character itself.
fn with_whole_characters(text: &str) -> Cow<'_, str> {
    const ESCAPE: usize = "\\ud83d".len();
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escaped) = rest.split_at(at);
        whole.push_str(plain);
        let pair = unit(escaped).zip(escaped.get(ESCAPE..).and_then(unit));
        let character = pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        let length = if let Some(character) = character.filter(|character| character.len_utf16() == 2) {
            whole.push(character);
            ESCAPE * 2
        } else {
            // What follows a backslash is no escape of its own.
            let length = 1 + escaped[1..].chars().next().map_or(0, char::len_utf8);
            whole.push_str(&escaped[..length]);
            length
        };
        rest = &escaped[length..];
    }
    if whole.is_empty() {
        return Cow::Borrowed(text);
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}
