//! One line of a recording, as text and as what it says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::lanyard::observation::Observation;
use crate::presence::model::{Presence, UserId};
use crate::presence::reading::PresenceError;
use crate::time::{Moment, millis};

/// The format that is written. A reader takes older ones, and refuses younger ones.
pub const FORMAT: u32 = 1;

/// A line, read.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack, and boxing would cost every line an allocation"
)]
#[derive(Debug)]
pub enum Line<'a> {
    /// A recorder begins, or goes on in another file.
    Start(Header),
    Observed(Stamp, Observation<'a>),
    /// So many observations could not be kept.
    Missed(Stamp, u64),
    /// The recorder left in good order.
    Ended(Stamp),
    /// Something that a younger recorder may write, and that changes nobody.
    Unknown(Stamp),
}

/// When something was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub wall_ms: i64,
    /// By the recorder's own clock, which is never set; `None` in a recording that somebody wrote by hand.
    pub mono: Option<Duration>,
}

/// What a recorder says before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub stamp: Stamp,
    /// When the recording began of which this file is a part, as the first part says it.
    pub begun_ms: i64,
    /// 1 for the first file of a recording.
    pub part: u32,
    /// The recorder went on without a gap, in another file.
    pub goes_on: bool,
    /// People by their names in the rules file.
    pub people: BTreeMap<String, UserId>,
    pub everyone: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("is not JSON: {0}")]
    Json(serde_json::Error),
    #[error("has no `{0}`")]
    Missing(&'static str),
    #[error("says when with something that is no time: `{0}`")]
    Time(String),
    #[error("names somebody with something that is no id: `{0}`")]
    Id(String),
    #[error("holds no presence: {0}")]
    Presence(#[from] PresenceError),
    #[error("is of format {0}, which a younger doorchime wrote: this one reads formats up to {FORMAT}")]
    Format(u32),
}

/// The file as written. A missing `what` is a header's.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
    #[serde(default)]
    ms: Option<u64>,
    #[serde(borrow, default)]
    what: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    person: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    presence: Option<&'a RawValue>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    count: u64,
    #[serde(borrow, default)]
    header: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WrittenHeader {
    format: u32,
    begun: Option<String>,
    #[serde(default = "one")]
    part: u32,
    #[serde(default)]
    goes_on: bool,
    #[serde(default)]
    people: BTreeMap<String, String>,
    #[serde(default)]
    everyone: bool,
}

fn one() -> u32 {
    1
}

/// Reads one line, without its end.
pub fn read(text: &str) -> Result<Line<'_>, LineError> {
    let written: Written<'_> = serde_json::from_str(text).map_err(LineError::Json)?;
    let at = written.at.ok_or(LineError::Missing("at"))?;
    let stamp = Stamp { wall_ms: time(&at)?, mono: written.ms.map(Duration::from_millis) };
    let what = written.what.ok_or(LineError::Missing("what"))?;
    let person = written.person;
    let presence = || -> Result<(UserId, Presence<'_>), LineError> {
        let known = person.as_deref().map(id).transpose()?;
        let raw = written.presence.ok_or(LineError::Missing("presence"))?;
        Ok(Presence::parse(raw.get(), known)?)
    };
    Ok(match &*what {
        "start" => {
            let header = written.header.ok_or(LineError::Missing("header"))?;
            Line::Start(read_header(stamp, header)?)
        }
        "connected" => Line::Observed(stamp, Observation::Connected),
        "disconnected" => Line::Observed(stamp, Observation::Disconnected),
        "seen" => {
            let (id, presence) = presence()?;
            Line::Observed(stamp, Observation::Seen(id, presence))
        }
        "updated" => {
            let (id, presence) = presence()?;
            Line::Observed(stamp, Observation::Updated(id, presence))
        }
        "snapshot" => {
            let absent = written.absent.iter().map(|word| id(word)).collect::<Result<_, _>>()?;
            Line::Observed(stamp, Observation::SnapshotEnd { absent })
        }
        "unmonitored" => {
            let person = person.ok_or(LineError::Missing("person"))?;
            Line::Observed(stamp, Observation::Unmonitored(id(&person)?))
        }
        "missed" => Line::Missed(stamp, written.count),
        "ended" => Line::Ended(stamp),
        _ => Line::Unknown(stamp),
    })
}

fn read_header(stamp: Stamp, header: &RawValue) -> Result<Header, LineError> {
    let header: WrittenHeader = serde_json::from_str(header.get()).map_err(LineError::Json)?;
    if header.format > FORMAT {
        return Err(LineError::Format(header.format));
    }
    let person = |(name, word): (String, String)| Ok((name, id(&word)?));
    Ok(Header {
        stamp,
        begun_ms: header.begun.as_deref().map_or(Ok(stamp.wall_ms), time)?,
        part: header.part,
        goes_on: header.goes_on,
        people: header.people.into_iter().map(person).collect::<Result<_, LineError>>()?,
        everyone: header.everyone,
    })
}

fn time(text: &str) -> Result<i64, LineError> {
    let read: Result<Timestamp, _> = text.parse();
    read.map(Timestamp::as_millisecond).map_err(|_| LineError::Time(text.to_owned()))
}

fn id(text: &str) -> Result<UserId, LineError> {
    text.parse().map_err(|_| LineError::Id(text.to_owned()))
}

/// A moment as lines say it: both clocks, the second one from the recorder's beginning.
fn head(stamp: Stamp, what: &str) -> String {
    let at = Timestamp::from_millisecond(stamp.wall_ms).unwrap_or_default();
    let ms = stamp.mono.map_or(0, millis);
    format!(r#"{{"at":"{at:.3}","ms":{ms},"what":"{what}""#)
}

/// The line for an observation, with its end.
pub fn observed(stamp: Stamp, observation: &Observation<'_>) -> String {
    let (mut line, person) = match observation {
        Observation::Connected => (head(stamp, "connected"), None),
        Observation::Disconnected => (head(stamp, "disconnected"), None),
        Observation::Seen(id, presence) => (head(stamp, "seen"), Some((*id, Some(presence)))),
        Observation::Updated(id, presence) => (head(stamp, "updated"), Some((*id, Some(presence)))),
        Observation::SnapshotEnd { absent } => {
            let mut line = head(stamp, "snapshot");
            let _ = write!(line, r#","absent":{}"#, json!(absent));
            (line, None)
        }
        Observation::Unmonitored(id) => (head(stamp, "unmonitored"), Some((*id, None))),
    };
    if let Some((id, presence)) = person {
        let _ = write!(line, r#","person":"{id}""#);
        if let Some(presence) = presence {
            line.push_str(r#","presence":"#);
            // Between two tokens a line's end is a space; within a text there is none.
            line.extend(presence.raw.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        }
    }
    line.push_str("}\n");
    line
}

pub fn missed(stamp: Stamp, count: u64) -> String {
    format!("{},\"count\":{count}}}\n", head(stamp, "missed"))
}

pub fn ended(stamp: Stamp) -> String {
    format!("{}}}\n", head(stamp, "ended"))
}

pub fn start(header: &Header) -> String {
    let begun = Timestamp::from_millisecond(header.begun_ms).unwrap_or_default();
    let people: serde_json::Map<String, Value> =
        header.people.iter().map(|(name, id)| (name.clone(), id.to_string().into())).collect();
    let told = json!({
        "format": FORMAT, "doorchime": env!("CARGO_PKG_VERSION"), "begun": format!("{begun:.3}"),
        "part": header.part, "goes_on": header.goes_on, "people": people, "everyone": header.everyone,
    });
    format!("{},\"header\":{told}}}\n", head(header.stamp, "start"))
}

/// The clocks of one recorder: what it says of time counts from its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Stamper {
    began: Duration,
}

impl Stamper {
    pub fn new(now: Moment) -> Self {
        Self { began: now.mono }
    }

    pub fn stamp(self, now: Moment) -> Stamp {
        Stamp { wall_ms: now.wall_ms, mono: Some(now.mono.saturating_sub(self.began)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { wall_ms: 1_767_225_600_007, mono: Some(Duration::from_millis(1_500)) };
    const HEAD: &str = r#"{"at":"2026-01-01T00:00:00.007Z","ms":1500,"what":"#;

    /// What a line says, for people who compare.
    fn told(line: &Line<'_>) -> String {
        match line {
            Line::Observed(stamp, Observation::Seen(id, presence) | Observation::Updated(id, presence)) => {
                format!("{stamp:?} {id} {}", presence.raw)
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_observation_reads_back_as_it_was() {
        let raw = "{\"discord_user\":{\"id\":\"7\"},\n\"discord_status\":\"dnd\\n\"}";
        let presence = || Presence::parse(raw, None).unwrap().1;
        let flat = raw.replace('\n', " ");
        let table = [
            (Observation::Connected, r#""connected"}"#.to_owned()),
            (Observation::Disconnected, r#""disconnected"}"#.to_owned()),
            (Observation::Seen(UserId(7), presence()), format!(r#""seen","person":"7","presence":{flat}}}"#)),
            (
                Observation::Updated(UserId(u64::MAX), presence()),
                format!(r#""updated","person":"18446744073709551615","presence":{flat}}}"#),
            ),
            (
                Observation::SnapshotEnd { absent: vec![UserId(1), UserId(2)] },
                r#""snapshot","absent":["1","2"]}"#.to_owned(),
            ),
            (Observation::Unmonitored(UserId(9)), r#""unmonitored","person":"9"}"#.to_owned()),
        ];
        for (observation, expected) in table {
            let line = observed(STAMP, &observation);
            assert_eq!(line, format!("{HEAD}{expected}\n"));
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            let again = read(line.trim_end()).unwrap();
            let Line::Observed(stamp, read) = again else { panic!("{line}") };
            assert_eq!(stamp, STAMP);
            assert_eq!(observed(stamp, &read), line);
        }
        assert_eq!(told(&read(missed(STAMP, 3).trim_end()).unwrap()), format!("Missed({STAMP:?}, 3)"));
        assert_eq!(told(&read(ended(STAMP).trim_end()).unwrap()), format!("Ended({STAMP:?})"));
    }

    #[test]
    fn a_header_reads_back_as_it_was() {
        let header = Header {
            stamp: STAMP,
            begun_ms: 1_767_225_500_000,
            part: 3,
            goes_on: true,
            people: BTreeMap::from([("ada".to_owned(), UserId(94_490_510_688_792_576))]),
            everyone: false,
        };
        let line = start(&header);
        match read(line.trim_end()).unwrap() {
            Line::Start(read) => assert_eq!(read, header),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let table = [
            ("", "is not JSON"),
            (r#"{"at":"2026-01-01T00:00:00Z""#, "is not JSON"),
            (r#"{"what":"connected"}"#, "has no `at`"),
            (r#"{"at":"yesterday","what":"connected"}"#, "no time: `yesterday`"),
            (r#"{"at":"2026-01-01T00:00:00Z"}"#, "has no `what`"),
            (r#"{"at":"2026-01-01T00:00:00Z","what":"seen"}"#, "has no `presence`"),
            (r#"{"at":"2026-01-01T00:00:00Z","what":"seen","presence":7}"#, "holds no presence"),
            (r#"{"at":"2026-01-01T00:00:00Z","what":"unmonitored","person":"ada"}"#, "no id: `ada`"),
            (r#"{"at":"2026-01-01T00:00:00Z","what":"start"}"#, "has no `header`"),
            (r#"{"at":"2026-01-01T00:00:00Z","what":"start","header":{"format":2}}"#, "younger doorchime"),
        ];
        for (text, expected) in table {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_line_can_be_written_by_hand() {
        let by_hand = r#"{ "what": "updated", "at": "2026-01-01T01:00:00+01:00", "presence":
            {"discord_user": {"id": "7"}, "discord_status": "online"}, "note": "mine" }"#;
        let line = read(by_hand).unwrap();
        assert!(told(&line).starts_with("Stamp { wall_ms: 1767225600000, mono: None } 7 "), "{line:?}");
        let unknown = r#"{"at":"2026-01-01T00:00:00Z","what":"sneezed"}"#;
        assert!(matches!(read(unknown), Ok(Line::Unknown(_))));
    }
}
