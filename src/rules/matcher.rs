//! Narrowed changes: which of a kind of change a rule is for.
//!
//! `when: {started_playing: {name: ["Factorio", "Counter*"]}}` is one `Narrow` over the field `name`; all the
//! narrows of a trigger must hold, and of each narrow one pattern.

use std::borrow::Cow;

use super::mistake::Mistake;
use super::pattern::Pattern;
use super::scope::{Changed, Field, Happened, Kind, Object, ObjectKind, Sight, Value};
use crate::presence::change::{ChangeKind, Subject};
use crate::presence::model::{ActivityType, Platform, Status};

/// The most patterns of one narrow.
pub const PATTERNS_MAX: usize = 1000;

/// One field of a change and the patterns of which one must match.
#[derive(Clone, Debug)]
pub struct Narrow {
    field: &'static str,
    reading: Reading,
    any: Vec<Pattern>,
    /// The patterns as they are written, for those who ask.
    written: Box<[Box<str>]>,
}

/// Something wrong with a narrow, and in which of its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The place among the patterns; `None` is the field's name.
    pub pattern: Option<usize>,
    pub mistake: Mistake,
}

impl Narrow {
    /// `field` of a change of `kind` must match one of `patterns` (texts, globs, `/regexes/`). `known` is what
    /// only the file tells that it can be.
    pub fn compile(
        kind: ChangeKind,
        field: &str,
        patterns: &[&str],
        known: &[&str],
    ) -> Result<Self, Vec<Misfit>> {
        let in_field = |mistake| vec![Misfit { pattern: None, mistake }];
        let Some((name, reading)) = readings(kind).find(|(name, _)| *name == field) else {
            return Err(in_field(unknown_field(kind, field)));
        };
        if patterns.is_empty() || patterns.len() > PATTERNS_MAX {
            let what = if patterns.is_empty() {
                format!("no pattern for `{field}`, so nothing can match")
            } else {
                format!("more than {PATTERNS_MAX} patterns for `{field}`")
            };
            return Err(in_field(Mistake::new(0..field.len(), what)));
        }
        let words = [&words(kind, name), known].concat();
        let mut any = Vec::with_capacity(patterns.len());
        let mut misfits = Vec::new();
        for (at, source) in patterns.iter().enumerate() {
            match Pattern::compile(source).and_then(|pattern| fitting(pattern, source, kind, name, &words)) {
                Ok(pattern) => any.push(pattern),
                Err(mistake) => misfits.push(Misfit { pattern: Some(at), mistake }),
            }
        }
        if misfits.is_empty() {
            let written = patterns.iter().map(|&pattern| pattern.into()).collect();
            Ok(Self { field: name, reading, any, written })
        } else {
            Err(misfits)
        }
    }

    pub fn field(&self) -> &'static str {
        self.field
    }

    /// What the patterns are held against.
    pub fn value<'c>(&self, happened: Happened<'c>) -> Cow<'c, str> {
        self.reading.text(happened)
    }

    /// The patterns as they are written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(|pattern| &**pattern)
    }

    /// Whether a change of the kind it was compiled for is meant. What is missing is an empty text.
    pub fn holds(&self, happened: Happened<'_>) -> bool {
        let value = self.reading.text(happened);
        self.any.iter().any(|pattern| pattern.matches(&value))
    }
}

/// Whether no change of this kind can be what these narrows are for: a status that changes is another
/// afterwards.
pub fn contradict(kind: ChangeKind, narrows: &[Narrow]) -> bool {
    let of = |field: &str| narrows.iter().find(|narrow| narrow.field == field);
    let (Subject::Status, Some(from), Some(to)) = (kind.subject(), of("from"), of("to")) else {
        return false;
    };
    let fit = |narrow: &Narrow, word: &str| narrow.any.iter().any(|pattern| pattern.matches(word));
    let (before, after) = (words(kind, "from"), words(kind, "to"));
    !before.iter().any(|was| fit(from, was) && after.iter().any(|now| now != was && fit(to, now)))
}

/// The field that is meant by a pattern without one.
pub fn main_field(kind: ChangeKind) -> Option<&'static str> {
    match kind.subject() {
        Subject::Status => Some("to"),
        Subject::Platform => Some("platform"),
        Subject::Track => Some("song"),
        Subject::Activity | Subject::Profile => Some("name"),
        Subject::CustomStatus => Some("text"),
        Subject::Kv => Some("key"),
        Subject::Own if is_about_target(kind) => Some("target"),
        Subject::Person | Subject::Own => None,
    }
}

/// The fields by which a kind of change can be narrowed, each with a sentence about it.
pub fn narrow_fields(kind: ChangeKind) -> impl Iterator<Item = (&'static str, &'static str)> {
    readings(kind).map(|(name, reading)| (name, reading.doc()))
}

/// The words that `field` of a change of `kind` can be, if they are known: for editors, and for the check.
pub fn words(kind: ChangeKind, field: &str) -> Vec<&'static str> {
    const OFFLINE: &str = Status::NAMES[Status::Offline as usize];
    match (kind.subject(), field) {
        (Subject::Status, _) => {
            let offline = match (kind, field) {
                (ChangeKind::WentOnline, "from") | (ChangeKind::WentOffline, "to") => Some(true),
                (ChangeKind::WentOnline, "to") | (ChangeKind::WentOffline, "from") => Some(false),
                _ => None,
            };
            let possible = |word: &&str| offline.is_none_or(|offline| offline == (*word == OFFLINE));
            Status::NAMES.into_iter().filter(possible).collect()
        }
        (Subject::Platform, _) => Platform::NAMES.to_vec(),
        (Subject::Activity, "type") => match kind {
            ChangeKind::StartedPlaying | ChangeKind::StoppedPlaying => vec![ActivityType::Playing.word()],
            ChangeKind::StartedStreaming | ChangeKind::StoppedStreaming => {
                vec![ActivityType::Streaming.word()]
            }
            ChangeKind::StartedWatching | ChangeKind::StoppedWatching => vec![ActivityType::Watching.word()],
            ChangeKind::StartedCompeting | ChangeKind::StoppedCompeting => {
                vec![ActivityType::Competing.word()]
            }
            _ => {
                let shown = |word: &&str| *word != ActivityType::Custom.word();
                ActivityType::NAMES.into_iter().filter(shown).collect()
            }
        },
        _ => Vec::new(),
    }
}

/// A pattern, unless it can never match one of `words`. No words: any text may come.
fn fitting(
    pattern: Pattern,
    source: &str,
    kind: ChangeKind,
    field: &str,
    words: &[&str],
) -> Result<Pattern, Mistake> {
    if words.is_empty() || words.iter().any(|word| pattern.matches(word)) {
        return Ok(pattern);
    }
    let verb = if pattern.is_plain() { "is never" } else { "never matches" };
    let what = format!("`{field}` of `{}` {verb} `{source}`", kind.name());
    Err(Mistake::new(0..source.len(), what).nearest(source, words.iter().copied()))
}

fn unknown_field(kind: ChangeKind, field: &str) -> Mistake {
    let mistake = Mistake::new(0..field.len(), format!("`{}` has no field `{field}`", kind.name()));
    let known: Vec<&str> = readings(kind).map(|(name, _)| name).collect();
    if known.is_empty() {
        return mistake.help(format!("write `{}` alone: it cannot be narrowed", kind.name()));
    }
    mistake.nearest(field, known)
}

fn is_about_target(kind: ChangeKind) -> bool {
    matches!(kind, ChangeKind::TargetFailing | ChangeKind::TargetRecovered)
}

/// How the text of a narrow is found.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// A field of the change itself.
    OfChange(Named),
    /// The place of `joined_platform` and `left_platform`, whichever side has it.
    Platform,
    /// A field of what the change is about: what is now, else what was.
    OfThing(Subject, Named),
    /// A field of the custom status as it is now; none when it was cleared.
    OfCustomStatus(Named),
    Emoji,
    /// A field of the profile as it is now.
    OfProfile(Named),
}

/// A field from the table in `scope`, with a `Debug` that says its name.
#[derive(Clone, Copy)]
struct Named(&'static Field);

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

fn readings(kind: ChangeKind) -> impl Iterator<Item = (&'static str, Reading)> {
    let texts = |of: ObjectKind| of.fields().iter().filter(|field| field.kind == Kind::Text);
    let subject = kind.subject();
    let mut readings: Vec<(&'static str, Reading)> = Vec::new();
    let change = texts(ObjectKind::Change(Some(subject))).filter(|field| field.name != "kind");
    match subject {
        Subject::Status | Subject::Kv => {
            readings.extend(change.map(|field| (field.name, Reading::OfChange(Named(field)))));
        }
        Subject::Platform => readings.push(("platform", Reading::Platform)),
        Subject::Track => readings.extend(
            texts(ObjectKind::Track).map(|field| (field.name, Reading::OfThing(subject, Named(field)))),
        ),
        Subject::Activity => readings.extend(
            texts(ObjectKind::Activity).map(|field| (field.name, Reading::OfThing(subject, Named(field)))),
        ),
        Subject::CustomStatus => {
            readings.extend(
                texts(ObjectKind::CustomStatus)
                    .map(|field| (field.name, Reading::OfCustomStatus(Named(field)))),
            );
            readings.push(("emoji", Reading::Emoji));
        }
        Subject::Profile => readings.extend(
            texts(ObjectKind::User)
                .filter(|field| matches!(field.name, "username" | "name"))
                .map(|field| (field.name, Reading::OfProfile(Named(field)))),
        ),
        Subject::Own if is_about_target(kind) => {
            let named = change.filter(|field| field.name == "target");
            readings.extend(named.map(|field| (field.name, Reading::OfChange(Named(field)))));
        }
        Subject::Person | Subject::Own => {}
    }
    readings.into_iter()
}

impl Reading {
    fn doc(self) -> &'static str {
        match self {
            Self::Platform => "`desktop`, `mobile`, `web`, `embedded` or `vr`.",
            Self::Emoji => "The emoji itself, or the name of a server's own one.",
            Self::OfProfile(Named(field)) if field.name == "name" => "The name that Discord shows.",
            Self::OfChange(Named(field))
            | Self::OfThing(_, Named(field))
            | Self::OfCustomStatus(Named(field))
            | Self::OfProfile(Named(field)) => field.doc,
        }
    }

    fn text(self, happened: Happened<'_>) -> Cow<'_, str> {
        let value = match (self, happened) {
            (Self::OfChange(Named(field)), _) => (field.read)(happened.object()),
            (_, Happened::Change(changed)) => return self.text_of_person(changed),
            (_, Happened::News(_)) => Value::Missing,
        };
        plain(value)
    }

    fn text_of_person(self, changed: Changed<'_>) -> Cow<'_, str> {
        let value = match self {
            Self::OfChange(Named(field)) => (field.read)(Object::Change(changed)),
            Self::Platform => {
                let place = changed.change.to.or(changed.change.from).map(usize::from);
                return place.and_then(|at| Platform::NAMES.get(at)).map_or("".into(), |&name| name.into());
            }
            Self::OfThing(subject, Named(field)) => {
                thing(subject, changed).map_or(Value::Missing, |thing| (field.read)(thing))
            }
            Self::OfCustomStatus(Named(field)) => {
                let status = changed.after.custom_status();
                status.map_or(Value::Missing, |status| (field.read)(Object::CustomStatus(status)))
            }
            Self::Emoji => {
                let status = changed.after.custom_status();
                return status.map_or("".into(), |status| Cow::Borrowed(&*status.emoji.name));
            }
            Self::OfProfile(Named(field)) => changed.after.user.id.map_or(Value::Missing, |id| {
                (field.read)(Object::User(Sight { id, key: "", name: "", presence: changed.after }))
            }),
        };
        plain(value)
    }
}

fn plain(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => text,
        _ => "".into(),
    }
}

fn thing(subject: Subject, changed: Changed<'_>) -> Option<Object<'_>> {
    let Changed { change, before, after } = changed;
    match subject {
        Subject::Track => after.track.as_ref().or(before.track.as_ref()).map(Object::Track),
        Subject::Activity => {
            let now = change.to.and_then(|at| after.activities.get(usize::from(at)));
            let was = || change.from.and_then(|at| before.activities.get(usize::from(at)));
            now.or_else(was).map(Object::Activity)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
