//! The words of delivery: what is owed, one request, its answer, and what the answer means.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::presence::model::UserId;

/// A delivery's id: a `UUIDv7`, sent along wherever a target has a place for it, the same at each attempt.
pub type DeliveryId = uuid::Uuid;

/// The parts of a message as its target's table names them (`text`, `title`, `json`, …), rendered and cut,
/// without any secret: address and token are added when it is sent.
pub type Parts = Map<String, Value>;

/// A firing rendered for one target, on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub id: DeliveryId,
    /// By name; the target's address is looked up at each attempt.
    pub target: Arc<str>,
    pub rule: Arc<str>,
    /// Nobody, for rules that are not about one person.
    pub person: Option<UserId>,
    /// The person's name in the rules file, for people who read the log and the outbox.
    pub called: Option<Arc<str>>,
    /// Why it came about, as rules call it: for traces, and not kept on disk.
    pub cause: Option<&'static str>,
    pub parts: Parts,
    pub created_ms: i64,
    /// Wall time after which nobody wants it any more.
    pub expires_ms: i64,
    /// Where it goes instead if its target refuses it or does not take it in time: to the first of these, with the
    /// rest.
    pub fallbacks: Vec<Fallback>,
    /// The one in whose place it is.
    pub origin: Option<Sibling>,
}

/// A notification for another target, should the one before it not take its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    pub id: DeliveryId,
    pub target: Arc<str>,
    pub parts: Parts,
    /// How long it is wanted, from when it takes over.
    pub expire_ms: i64,
}

/// A delivery as another one speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    pub seq: i64,
    pub target: Arc<str>,
}

/// A delivery that took over from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FellBack {
    pub from: Sibling,
    pub to: Sibling,
    pub created_ms: i64,
}

/// What a person was last settled as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    pub person: UserId,
    /// The presence as Lanyard sent it.
    pub raw: Box<str>,
    /// The engine's own notes beside it (since when which state holds), as JSON.
    pub notes: Box<str>,
    /// When Lanyard last vouched for it.
    pub heard_ms: i64,
}

/// Something a rule must not do again before a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    pub kind: MarkKind,
    /// Empty for a cooldown; the rendered key of a `dedupe`.
    pub key: Box<str>,
    pub until_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    Cooldown,
    Dedupe,
}

/// What a rule keeps in mind from one run to the next: a state that holds, a firing that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    pub kind: NoteKind,
    /// Tells a rule's notes of one kind apart; empty where there is one at the most.
    pub key: Box<str>,
    /// The engine's own words, as JSON; empty to strike the note out.
    pub text: Box<str>,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Where a `while` stands.
    Holding,
    /// A firing that waits for its `for`.
    Waiting,
    /// When the rule last rang, for its `limit`.
    Limit,
    /// A firing that waits for its hours.
    Deferred,
    /// A firing that waits for others, to go with them in one message.
    Gathered,
}

impl NoteKind {
    const ALL: [Self; 5] = [Self::Holding, Self::Waiting, Self::Limit, Self::Deferred, Self::Gathered];

    /// What the database calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holding => "holding",
            Self::Waiting => "waiting",
            Self::Limit => "limit",
            Self::Deferred => "deferred",
            Self::Gathered => "gathered",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A part of doorchime's own ways that may fail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Lanyard,
    /// By name.
    Target(Arc<str>),
}

/// That a part fails, as far as rules have been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub part: Part,
    /// Wall time; `None` to strike it out.
    pub since_ms: Option<i64>,
}

/// What people did lately, as the engine writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiaryNote {
    /// Wall time until which all that was to be told is in it.
    pub upto_ms: i64,
    /// The engine's own words, as JSON; `None` if nothing has been added.
    pub text: Option<Box<str>>,
}

/// What is now known and what is now owed: one transaction, all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    pub baselines: Vec<Baseline>,
    /// People that nobody asks about any more.
    pub forgotten: Vec<UserId>,
    /// Rules that are gone, whose marks and notes go with them: a new rule of that name starts afresh.
    pub retired: Vec<Arc<str>>,
    pub marks: Vec<Mark>,
    pub notes: Vec<Note>,
    pub failures: Vec<Failure>,
    pub deliveries: Vec<Delivery>,
    /// Wall time until which everybody who is live was being watched.
    pub heard_ms: Option<i64>,
    pub diary: Option<DiaryNote>,
}

impl Commit {
    /// What people did lately; a text that waits here already goes along with what only says that it still holds.
    pub fn note_diary(&mut self, note: DiaryNote) {
        let waits = self.diary.take().and_then(|before| before.text);
        self.diary = Some(DiaryNote { text: note.text.or(waits), ..note });
    }

    /// A rule is gone, and with it what it has left here already.
    pub fn retire(&mut self, rule: Arc<str>) {
        self.marks.retain(|mark| mark.rule != rule);
        self.notes.retain(|note| note.rule != rule);
        self.retired.push(rule);
    }

    /// How many rows it will write.
    pub fn rows(&self) -> usize {
        self.baselines.len()
            + self.forgotten.len()
            + self.retired.len()
            + self.marks.len()
            + self.notes.len()
            + self.failures.len()
            + self.deliveries.len()
            + usize::from(self.diary.is_some())
    }

    pub fn is_empty(&self) -> bool {
        self.baselines.is_empty()
            && self.forgotten.is_empty()
            && self.retired.is_empty()
            && self.marks.is_empty()
            && self.notes.is_empty()
            && self.failures.is_empty()
            && self.deliveries.is_empty()
            && self.heard_ms.is_none()
            && self.diary.is_none()
    }
}

/// What the last run left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub baselines: Vec<Baseline>,
    pub marks: Vec<Mark>,
    pub notes: Vec<Note>,
    pub failures: Vec<Failure>,
    pub heard_ms: Option<i64>,
    pub diary: Option<DiaryNote>,
}

/// One HTTP request, complete. Everything in it may be secret.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub url: SecretString,
    pub headers: Vec<(String, SecretString)>,
    pub body: Vec<u8>,
    /// What in it is secret and cannot be told from its address and headers: no answer that repeats one of
    /// these is shown as it is.
    pub secrets: Vec<SecretString>,
}

/// What came back for one attempt.
#[derive(Clone, Debug)]
pub enum Reply {
    Answer(Answer),
    /// Nothing of the request can have had an effect: not resolved, not connected, no TLS.
    Unsent {
        why: String,
    },
    /// The request went out and no answer came: it may have had its effect.
    Unanswered {
        why: String,
    },
}

/// An HTTP answer, its body read up to a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether that is all of it: it neither broke off nor went on beyond the bound.
    pub whole: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a target makes of an answer, in its own dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Delivered,
    /// Delivered, and it was the last that the target takes before this has passed.
    DeliveredThenPause(Duration),
    /// The target asks for a pause; `None` where it does not say how long.
    Wait(Option<Duration>),
    /// Not now; perhaps later.
    Again,
    /// What would have told broke off: it may be delivered, or not.
    Unsure,
    /// The markup was refused: once more, as plain text.
    AgainPlain,
    /// Never: kept with the answer.
    Refused,
    /// The target itself is gone or revoked: everything for it waits for a person.
    Disable,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With `pause`, nothing else goes to the target until it has passed.
    Delivered {
        pause: Option<Duration>,
    },
    /// Again after `after`; with `pause_target` nothing else goes to the target until then.
    Later {
        after: Duration,
        pause_target: bool,
    },
    /// At once, as plain text.
    AgainPlain,
    Refused,
    /// It cannot be written any more. No target has seen it, and nothing is known of one.
    Unfit,
    /// Waits until a person has mended the target.
    Disabled,
}

impl Outcome {
    /// Whether somebody who is well has answered, be it with a no.
    pub fn shows_life(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::AgainPlain | Self::Refused)
    }
}

/// A delivery as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Owed {
    /// Its place in the order of creation, and its short name for people.
    pub seq: i64,
    pub delivery: Delivery,
    /// Attempts so far, none of which has settled it.
    pub attempts: u32,
    /// Wall time before which it is not tried; 0 for at once.
    pub next_ms: i64,
}

/// An attempt, or the lack of one, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub seq: i64,
    pub fate: Fate,
    /// None for a delivery that expired while it waited.
    pub attempt: Option<Attempt>,
    pub at_ms: i64,
}

/// What an attempt left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Missing where no answer came.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there is none.
    pub answer: String,
    pub took: Duration,
    /// What followed from it.
    pub end: End,
}

/// What followed from an attempt, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    Delivered,
    /// It is tried again.
    #[default]
    Later,
    /// The target asked for silence.
    Paused,
    /// Once more, without markup.
    Plain,
    Refused,
    /// The target waits for a person.
    Disabled,
}

impl End {
    pub const ALL: [Self; 6] =
        [Self::Delivered, Self::Later, Self::Paused, Self::Plain, Self::Refused, Self::Disabled];

    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Delivered { .. } => Self::Delivered,
            Outcome::Later { pause_target: true, .. } => Self::Paused,
            Outcome::Later { .. } => Self::Later,
            Outcome::AgainPlain => Self::Plain,
            Outcome::Refused | Outcome::Unfit => Self::Refused,
            Outcome::Disabled => Self::Disabled,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Later => "later",
            Self::Paused => "paused",
            Self::Plain => "plain",
            Self::Refused => "refused",
            Self::Disabled => "disabled",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.word() == word)
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// Still owed; not tried before `next_ms`.
    Pending {
        next_ms: i64,
    },
    Delivered,
    /// Printed instead of sent, by a dry run.
    Rehearsed,
    /// Refused for good.
    Dead,
    Expired,
}

impl Fate {
    /// All that `word` says.
    pub const WORDS: [&str; 5] = ["pending", "delivered", "dry-run", "dead", "expired"];

    /// What the database and people call it.
    pub fn word(self) -> &'static str {
        let at = match self {
            Self::Pending { .. } => 0,
            Self::Delivered => 1,
            Self::Rehearsed => 2,
            Self::Dead => 3,
            Self::Expired => 4,
        };
        Self::WORDS[at]
    }
}
