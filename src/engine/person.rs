//! What the engine keeps of one person between two observations.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outbox::delivery::Baseline;
use crate::presence::change::{Change, ChangeKind, diff};
use crate::presence::model::{Activity, Presence, Status, UserId};
use crate::presence::settle::{Held, Hold, Smoothing, put_back};
use crate::time::Moment;

/// How much our picture of a person is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing heard yet.
    #[default]
    Unknown,
    /// Lanyard tells us of every change.
    Live,
    /// Heard before; now the connection is down, or the person was absent from a snapshot.
    Stale,
    /// Lanyard does not know the person.
    Unmonitored,
}

impl Standing {
    /// All that `word` says.
    pub const WORDS: [&str; 4] = ["unknown", "live", "stale", "unmonitored"];

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

/// When Lanyard last vouched for a person: by our own clock in this run, by the calendar before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    pub mono: Option<Duration>,
    pub wall_ms: i64,
}

impl Heard {
    pub fn at(now: Moment) -> Self {
        Self { mono: Some(now.mono), wall_ms: now.wall_ms }
    }

    /// For how long nobody vouched.
    pub fn gap(self, now: Moment) -> Duration {
        match self.mono {
            Some(mono) => now.mono.saturating_sub(mono),
            None => Duration::from_millis(u64::try_from(now.wall_ms - self.wall_ms).unwrap_or(0)),
        }
    }
}

#[derive(Default)]
pub struct Known {
    /// The last presence observed, as Lanyard sent it; empty if there never was one.
    pub raw: String,
    pub holds: Vec<Hold>,
    /// Until when the fleet guard keeps this person from going offline, unless a snapshot confirms it.
    pub guarded_until: Option<Duration>,
    /// Since when Lanyard says that it does not know this person, who was known before.
    pub disowned_since: Option<Duration>,
    /// Whether rules see the person online, kept for counting.
    pub online: bool,
    pub standing: Standing,
    pub heard: Heard,
    pub since: Since,
    /// What is kept here is newer than what is on disk.
    pub unsaved: bool,
}

impl Known {
    /// The presence as rules see it: what was observed, with what is held put back.
    pub fn shown(&self, id: UserId) -> Option<Presence<'_>> {
        if self.raw.is_empty() {
            return None;
        }
        let (_, seen) = Presence::parse(&self.raw, Some(id)).ok()?;
        Some(if self.holds.is_empty() { seen } else { put_back(id, seen, &self.holds) })
    }

    /// Whether this presence, to the letter, is what is known already, with nothing held or doubted.
    pub fn is_calmly(&self, raw: &str) -> bool {
        self.standing == Standing::Live && self.holds.is_empty() && self.raw == raw
    }

    /// When a hold ends; the whole person's not while the fleet guard doubts that they went.
    pub fn hold_ends(&self, hold: &Hold) -> Duration {
        match self.guarded_until {
            Some(guarded) if hold.what == Held::Everything => hold.until.max(guarded),
            _ => hold.until,
        }
    }

    /// When the first hold ends. None does while nobody tells us of the person: who is held may be back.
    pub fn first_end(&self) -> Option<Duration> {
        if self.standing != Standing::Live {
            return None;
        }
        self.holds.iter().map(|hold| self.hold_ends(hold)).min()
    }

    pub fn baseline(&self, person: UserId) -> Baseline {
        let notes = Notes {
            live: self.standing == Standing::Live,
            unmonitored: self.standing == Standing::Unmonitored,
            since: self.since.0.clone(),
            held: self.holds.iter().map(HeldNote::of).collect(),
        };
        Baseline {
            person,
            raw: self.raw.as_str().into(),
            notes: serde_json::to_string(&notes).unwrap_or_default().into(),
            heard_ms: self.heard.wall_ms,
        }
    }

    /// What would have been written down of somebody who has been like this since `began`; nothing of what is no
    /// presence.
    pub fn like_this_since(began: Moment, id: UserId, raw: &str) -> Option<Baseline> {
        let (_, seen) = Presence::parse(raw, Some(id)).ok()?;
        let status = if seen.online() { Status::Offline } else { Status::Online };
        let other = Presence { user: seen.user.clone(), status, ..Presence::default() };
        let (mut changes, mut since) = (Vec::new(), Since::default());
        diff(&other, &seen, &mut changes);
        for change in changes {
            since.tell(change, &other, &seen, began.wall_ms, began);
        }
        let standing = Standing::Live;
        let known = Self { raw: raw.to_owned(), standing, heard: Heard::at(began), since, ..Self::default() };
        Some(known.baseline(id))
    }

    /// Takes up what an earlier run wrote down. Holds begin anew: nobody watched while we were away.
    /// `heard_ms` is when that run last heard of anybody who was live.
    pub fn recall(now: Moment, baseline: Baseline, heard_ms: i64, smoothing: Smoothing) -> Self {
        let notes: Notes = serde_json::from_str(&baseline.notes).unwrap_or_default();
        let heard = if notes.live { baseline.heard_ms.max(heard_ms) } else { baseline.heard_ms };
        Self {
            raw: baseline.raw.into(),
            holds: notes.held.into_iter().map(|note| note.begin(now, smoothing)).collect(),
            guarded_until: None,
            disowned_since: None,
            online: false,
            standing: if notes.unmonitored { Standing::Unmonitored } else { Standing::Stale },
            heard: Heard { mono: None, wall_ms: heard },
            since: Since(notes.since),
            unsaved: false,
        }
    }
}

/// What is written down of a person beside the presence.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Notes {
    live: bool,
    unmonitored: bool,
    since: Vec<(u64, i64)>,
    held: Vec<HeldNote>,
}

/// A hold as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldNote {
    what: Held,
    raw: String,
    gone_ms: i64,
    #[serde(default)]
    late_ms: Option<i64>,
}

impl HeldNote {
    pub fn of(hold: &Hold) -> Self {
        Self {
            what: hold.what.clone(),
            raw: hold.raw.to_string(),
            gone_ms: hold.gone_ms,
            late_ms: hold.late_ms,
        }
    }

    fn begin(self, now: Moment, smoothing: Smoothing) -> Hold {
        let hold_for = match &self.what {
            Held::Everything | Held::Platform(_) => smoothing.offline,
            Held::Track => smoothing.listening,
            Held::Activity(kind, _) if kind == "listening" => smoothing.listening,
            Held::Activity(..) => smoothing.activity,
        };
        Hold { until: now.mono.saturating_add(hold_for), ..self.endless() }
    }

    /// The hold as it was, without its end: for looking back.
    pub fn endless(self) -> Hold {
        let Self { what, raw, gone_ms, late_ms } = self;
        Hold { what, raw: Arc::from(raw), until: Duration::MAX, gone_ms, late_ms }
    }
}

/// When each state of a person began, by a number that stands for the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since(Vec<(u64, i64)>);

/// What a change says of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When the state that the change tells of began.
    pub since_ms: Option<i64>,
    /// How long the state that ended had lasted.
    pub lasted_ms: Option<i64>,
}

impl Since {
    /// What a change says of time, and notes it. `ended_ms` is when it came about: now, or when the thing
    /// that was held was gone.
    pub fn tell(
        &mut self,
        change: Change,
        before: &Presence<'_>,
        after: &Presence<'_>,
        ended_ms: i64,
        now: Moment,
    ) -> Span {
        let Some(state) = State::of(change, before, after) else { return Span::default() };
        let began = self.began(state.number).or(state.told_ms);
        match state.turn {
            Turn::Began => {
                self.set(state.number, now.wall_ms);
                Span {
                    since_ms: Some(now.wall_ms),
                    lasted_ms: began.map(|began| (now.wall_ms - began).max(0)),
                }
            }
            Turn::Ended => {
                self.set(state.number, ended_ms);
                if state.passing {
                    self.forget(state.number);
                }
                Span { since_ms: began, lasted_ms: began.map(|began| (ended_ms - began).max(0)) }
            }
            Turn::GoesOn => Span { since_ms: began, lasted_ms: None },
        }
    }

    /// Since when the person is online or offline, as far as that is known.
    pub fn online_ms(&self) -> Option<i64> {
        self.began(number(&["online"]))
    }

    /// Since when they have this status.
    pub fn status_ms(&self) -> Option<i64> {
        self.began(number(&["status"]))
    }

    /// Since when an activity goes on: as Discord says, else as it was seen to begin.
    pub fn activity_ms(&self, activity: &Activity<'_>) -> Option<i64> {
        let (kind, who) = activity.identity();
        let told = Some(activity.started_at_ms).filter(|&ms| ms > 0);
        told.or_else(|| self.began(number(&["activity", kind.word(), who])))
    }

    /// Since when the track is heard that is heard now, as it was seen to begin.
    pub fn track_ms(&self) -> Option<i64> {
        // The note of a change of track outlasts the listening.
        self.began(number(&["track"])).max(self.began(number(&["listening"])))
    }

    /// Since when an activity goes on, as it was seen to begin.
    pub fn seen_ms(&self, activity: &Activity<'_>) -> Option<i64> {
        let (kind, who) = activity.identity();
        self.began(number(&["kind", kind.word(), who]))
    }

    fn began(&self, number: u64) -> Option<i64> {
        self.0.iter().find(|(known, _)| *known == number).map(|(_, ms)| *ms)
    }

    fn set(&mut self, number: u64, began_ms: i64) {
        self.forget(number);
        self.0.push((number, began_ms));
    }

    fn forget(&mut self, number: u64) {
        self.0.retain(|(known, _)| *known != number);
    }
}

struct State {
    number: u64,
    turn: Turn,
    /// Gone for good when it ends: an activity. The others only change sides.
    passing: bool,
    /// When it began, as Discord says, for a state that we met in its middle.
    told_ms: Option<i64>,
}

#[derive(Clone, Copy)]
enum Turn {
    Began,
    Ended,
    GoesOn,
}

impl State {
    fn of(change: Change, before: &Presence<'_>, after: &Presence<'_>) -> Option<Self> {
        use ChangeKind as K;
        let lasting =
            |slot: &str, turn| Some(Self { number: number(&[slot]), turn, passing: false, told_ms: None });
        let platform = |at: Option<u16>, turn| lasting(&format!("platform {}", at.unwrap_or(0)), turn);
        match change.kind {
            K::WentOnline => lasting("online", Turn::Began),
            K::WentOffline => lasting("online", Turn::Ended),
            K::ChangedStatus => lasting("status", Turn::Began),
            K::JoinedPlatform => platform(change.to, Turn::Began),
            K::LeftPlatform => platform(change.from, Turn::Ended),
            K::StartedListening => lasting("listening", Turn::Began),
            K::StoppedListening => lasting("listening", Turn::Ended),
            K::ChangedTrack => lasting("track", Turn::Began),
            K::ChangedCustomStatus => lasting("custom status", Turn::Began),
            K::ChangedProfile | K::ChangedKv | K::BecameMonitored | K::BecameUnmonitored => None,
            _ => {
                let from = change.from.and_then(|at| before.activities.get(usize::from(at)));
                let to = change.to.and_then(|at| after.activities.get(usize::from(at)));
                let (activity, turn) = match (from, to) {
                    (Some(_), Some(to)) => (to, Turn::GoesOn),
                    (None, Some(to)) => (to, Turn::Began),
                    (Some(from), None) => (from, Turn::Ended),
                    (None, None) => return None,
                };
                let (kind, who) = activity.identity();
                let told_ms = (activity.started_at_ms > 0 && !matches!(turn, Turn::Began))
                    .then_some(activity.started_at_ms);
                // `stopped_playing` is told before `stopped_activity` of the same one: each has its own note.
                let family = if is_any_activity(change.kind) { "activity" } else { "kind" };
                Some(Self { number: number(&[family, kind.word(), who]), turn, passing: true, told_ms })
            }
        }
    }
}

fn is_any_activity(kind: ChangeKind) -> bool {
    matches!(kind, ChangeKind::StartedActivity | ChangeKind::ChangedActivity | ChangeKind::StoppedActivity)
}

/// FNV-1a over the parts: the same in every version, since it is written down.
fn number(parts: &[&str]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.bytes().chain([0]))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
