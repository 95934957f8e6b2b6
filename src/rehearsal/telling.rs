//! A test that was played, in lines for people: what happened, what rang, and what was to ring.

use std::collections::BTreeSet;
use std::time::Duration;

use super::reckoning::{Near, nearest};
use super::spoken::in_words;
use super::story::{Asked, Firing, Line, Played, What};
use crate::engine::effects::Told;
use crate::engine::verdict::Verdict;
use crate::printable::plain;
use crate::rules::cause::Cause;
use crate::rules::duration::spell_duration;
use crate::rules::scope::Now;
use crate::rules::set::RuleSet;
use crate::rules::story::Story;

/// So many lines of one test are shown.
const LINES_MAX: usize = 200;
/// A message is shown up to here.
const MESSAGE_CHARS_MAX: usize = 120;

/// Of the values that decided a condition, so many.
const VALUES_MAX: usize = 4;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When, counted from the start; nothing of what is said about the whole test.
    pub since: Option<Duration>,
    /// When, in words; empty if at the same time as the line before.
    pub at: String,
    pub tone: Tone,
    pub text: String,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Step,
    Change,
    Quiet,
    /// A firing, and what the test says of it.
    Rings(Asked),
    Missing,
    Hint,
}

impl Said {
    /// The line without colours.
    pub fn plain(&self, width: usize) -> String {
        let Self { at, tone, text, .. } = self;
        let mark = match tone {
            Tone::Rings(Asked::Unexpected) => "  <- not expected",
            _ => "",
        };
        format!("{at:>width$}  {}{text}{mark}", tone.word())
    }
}

impl Tone {
    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Change => "change",
            Self::Quiet => "quiet",
            Self::Rings(Asked::Expected) => "rings",
            Self::Rings(Asked::Unexpected) => "rings unexpectedly",
            Self::Rings(Asked::Not) => "rings aside",
            Self::Missing => "missing",
            Self::Hint => "hint",
        }
    }

    /// What stands before the line's text.
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "",
            Self::Change => "  ",
            Self::Quiet => "    quiet ",
            Self::Rings(_) => "    rings ",
            Self::Missing => "missing: ",
            Self::Hint => "         ",
        }
    }
}

/// How wide the times of these lines are.
pub fn width(lines: &[Said]) -> usize {
    lines.iter().map(|line| line.at.chars().count()).max().unwrap_or_default()
}

/// Everything about one test.
pub fn tell(rules: &RuleSet, story: &Story, played: &Played) -> Vec<Said> {
    let mut said = timeline(rules, story, played);
    let line = |tone, text| Said { since: None, at: String::new(), tone, text };
    for &at in &played.missing {
        let expected = &story.expect[at];
        said.push(line(Tone::Missing, format!("{} (line {})", plain(&expected.said), expected.line)));
        said.extend(
            nearest(expected, &played.firings).map(|near| line(Tone::Hint, near_miss(&near, played))),
        );
    }
    said.extend(hint(story, played).map(|hint| line(Tone::Hint, hint.to_owned())));
    said
}

fn timeline(rules: &RuleSet, story: &Story, played: &Played) -> Vec<Said> {
    let asked: BTreeSet<&str> =
        played.missing.iter().filter_map(|&at| story.expect[at].rule.as_deref()).collect();
    let mut said: Vec<Said> = Vec::new();
    let (mut left_out, mut last) = (0, None);
    for lines in played.lines.chunk_by(|one, other| one.now == other.now && same_person(one, other)) {
        let now = lines[0].now;
        let mut here: Vec<(Tone, String)> = Vec::new();
        here.extend(changes(lines).map(|text| (Tone::Change, text)));
        for line in lines {
            here.extend(match &line.what {
                What::Step(at) => Some((Tone::Step, plain(&story.steps[*at].said))),
                What::Rang(at) => {
                    let firing = &played.firings[*at];
                    Some((Tone::Rings(firing.asked), rings(firing)))
                }
                What::Told(told) => quiet(told, story, &asked).map(|text| (Tone::Quiet, text)),
            });
        }
        for (tone, text) in here {
            if said.len() >= LINES_MAX {
                left_out += 1;
                continue;
            }
            let at = if last == Some(now) { String::new() } else { time(rules, story, now) };
            last = Some(now);
            said.push(Said { since: Some(now.mono), at, tone, text });
        }
    }
    if left_out > 0 || played.flooded {
        let text = format!("… and {left_out} lines more");
        said.push(Said { since: None, at: String::new(), tone: Tone::Hint, text });
    }
    said
}

/// Changes and verdicts about one person belong together.
fn same_person(one: &Line, other: &Line) -> bool {
    let about = |line: &Line| match &line.what {
        What::Told(Told::Change { person, .. }) => Some(*person),
        What::Told(Told::Verdict { person, .. }) => *person,
        _ => None,
    };
    about(one).is_some() && about(one) == about(other)
}

/// A moment as people say it; with the clock on the wall, where the test begins at one.
fn time(rules: &RuleSet, story: &Story, now: crate::time::Moment) -> String {
    let since = spoken(now.mono);
    if !story.dated {
        return since;
    }
    let Now { hour, minute, .. } = Now::at(now.wall_ms, &rules.timezone);
    format!("{hour:02}:{minute:02} {since:>6}")
}

fn spoken(at: Duration) -> String {
    if at.is_zero() { "0s".to_owned() } else { spell_duration(at) }
}

/// All that changed about one person at one moment.
fn changes(lines: &[Line]) -> Option<String> {
    let (mut who, mut kinds, mut detail, mut late) = (None, Vec::new(), String::new(), "");
    for line in lines {
        let What::Told(Told::Change { name, kind, from, to, late_ms, .. }) = &line.what else { continue };
        who = Some(name);
        if kinds.last() != Some(&kind.name()) {
            kinds.push(kind.name());
        }
        if detail.is_empty() && !(from.is_empty() && to.is_empty()) {
            let side = |text: &str| if text.is_empty() { "nothing".to_owned() } else { plain(text) };
            detail = format!(" ({} -> {})", side(from), side(to));
        }
        if late_ms.is_some() {
            late = ", found out late";
        }
    }
    Some(format!("{}: {}{detail}{late}", plain(who?), kinds.join(", ")))
}

/// Why a rule did not ring, and what decided it. That it is about something else is no news, unless it was to ring.
fn quiet(told: &Told, story: &Story, asked: &BTreeSet<&str>) -> Option<String> {
    let Told::Verdict { rule, verdict, cause, values, .. } = told else { return None };
    let about = story.only.as_ref().is_none_or(|only| only.contains(rule));
    let aside = matches!(verdict, Verdict::Narrowed | Verdict::ToldAlready);
    if *verdict == Verdict::Fired || !about || (aside && !asked.contains(&**rule)) {
        return None;
    }
    let of = match cause {
        Cause::Change(_) if !aside => String::new(),
        cause => format!(" ({})", cause.name()),
    };
    let values = values.iter().take(VALUES_MAX);
    let values: Vec<String> =
        values.map(|(part, worth)| format!("{} = {}", plain(part), plain(worth))).collect();
    let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
    Some(format!("{}{of}: {verdict}{values}", plain(rule)))
}

fn rings(firing: &Firing) -> String {
    let whom = firing.called.as_ref().map_or_else(
        || firing.person.map_or_else(String::new, |person| format!(" for {person}")),
        |called| format!(" for {}", plain(called)),
    );
    let messages: Vec<String> = firing
        .messages
        .iter()
        .map(|message| {
            let texts = in_words(message, &[], MESSAGE_CHARS_MAX);
            let joint = if texts.is_empty() { "" } else { ": " };
            format!("{}{joint}{texts}", plain(&message.target))
        })
        .collect();
    format!("{}{whom} -> {}", plain(&firing.rule), messages.join("; "))
}

fn near_miss(near: &Near, played: &Played) -> String {
    match near {
        Near::Then(at) => format!("it rang at {}", spoken(*at)),
        Near::Reads(firing, message) => {
            format!(
                "it reads: {}",
                in_words(&played.firings[*firing].messages[*message], &[], MESSAGE_CHARS_MAX)
            )
        }
        Near::SentTo(target) => format!("it was sent to `{}`", plain(target)),
        Near::RangFor(person) => format!("it rang for `{}`", plain(person)),
        Near::Taken => "it rang, but not as often as it is expected".to_owned(),
    }
}

/// What is probably meant by a test that failed.
fn hint(story: &Story, played: &Played) -> Option<&'static str> {
    if !played.missing.is_empty() && story.steps.iter().all(|step| step.at.is_zero()) {
        return Some(
            "what is so at 0s is how things are at the start, and no change: let the step be later, `at: 5s`",
        );
    }
    let named =
        |firing: &&Firing| story.expect.iter().any(|expected| expected.rule.as_ref() == Some(&firing.rule));
    let stranger =
        played.firings.iter().filter(|firing| firing.asked == Asked::Unexpected).any(|it| !named(&it));
    (stranger && played.missing.is_empty())
        .then_some("if the test is not about it, name those rules in `only` that it is about")
}
