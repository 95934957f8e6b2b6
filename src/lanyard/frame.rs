//! What a frame from Lanyard says. Bytes in, a `Frame` or a named error out, whatever the bytes are.
//!
//! Text or zlib is decided by the frame's type, never by what was asked for. Nothing relies on the order of
//! keys: `d` may stand before the `t` that names it, and a large `d` is read while it is inflated, so the
//! shape of `d` decides what it is. Keys that are ids make it a map of people; anything else is one presence.

use std::ops::Range;
use std::time::Duration;

use super::window::{Room, Window};
use crate::presence::model::{Presence, UserId};
use crate::presence::reading::PresenceError;

/// A frame as it came over the socket.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    Text(&'a str),
    /// One complete zlib stream.
    Binary(&'a [u8]),
}

/// What a frame says. Borrows from the payload, or from the decoder.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack, and boxing would cost every update an allocation"
)]
pub enum Frame<'a> {
    Hello {
        heartbeat: Duration,
    },
    InitState(InitState<'a>),
    Update(UserId, Presence<'a>),
    /// Well-formed, and nothing that this program knows.
    Unknown {
        op: Option<u64>,
        event: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("not a zlib stream: {0}")]
    Zlib(#[from] flate2::DecompressError),
    #[error("the frame ends in the middle")]
    CutShort,
    #[error("the frame inflates to more than {max} bytes")]
    Oversized { max: usize },
    #[error("not JSON: {0}")]
    Json(serde_json::Error),
    #[error("not JSON: something unexpected at byte {at}")]
    Syntax { at: usize },
    #[error("neither `op` nor `t` in the frame")]
    Nameless,
    #[error("`{0}` has no usable `d`")]
    Shapeless(&'static str),
    #[error("a map of people in a frame that is no INIT_STATE")]
    Mislabelled,
    #[error(transparent)]
    Presence(#[from] PresenceError),
    #[error("a person's presence is not an object, or an empty one")]
    EmptyPresence,
    #[error("a person listed under something that is no id")]
    BadId,
}

/// Reads frames, one after the other, reusing its room.
pub struct Decoder {
    room: Room,
    inflated_bytes_max: usize,
}

impl Decoder {
    pub fn new(inflated_bytes_max: usize) -> Self {
        Self { room: Room::default(), inflated_bytes_max }
    }

    pub fn decode<'a>(&'a mut self, payload: Payload<'a>) -> Result<Frame<'a>, FrameError> {
        let mut window = match payload {
            Payload::Text(text) => Window::text(text.as_bytes()),
            Payload::Binary(deflated) => Window::zlib(&mut self.room, deflated, self.inflated_bytes_max),
        };
        window.pass(b'{')?;
        let mut envelope = Envelope::default();
        if envelope.read(&mut window)? {
            return Ok(Frame::InitState(InitState(Rest::Map { window, envelope, first: true })));
        }
        envelope.frame(window)
    }
}

#[cfg(test)]
impl Decoder {
    pub(super) fn room_bytes(&self) -> usize {
        self.room.bytes()
    }
}

/// The people of one INIT_STATE, read as they are asked for.
pub struct InitState<'a>(Rest<'a>);

enum Rest<'a> {
    Map {
        window: Window<'a>,
        envelope: Envelope,
        first: bool,
    },
    Bare(&'a str),
    /// All were read.
    End,
    /// What follows cannot be read.
    Broken,
}

impl InitState<'_> {
    /// The next person. An error loses one person, or what is left: `whole` tells, at the end.
    pub fn next_person(&mut self) -> Option<Result<(UserId, Presence<'_>), FrameError>> {
        let place = match &mut self.0 {
            Rest::Map { window, envelope, first } => match next_pair(window, envelope, first) {
                Ok(Some(place)) => place,
                Ok(None) => {
                    self.0 = Rest::End;
                    return None;
                }
                Err(error) => {
                    self.0 = Rest::Broken;
                    return Some(Err(error));
                }
            },
            Rest::Bare(text) => {
                let text = *text;
                self.0 = Rest::End;
                return Some(Presence::parse(text, None).map_err(FrameError::from));
            }
            Rest::End | Rest::Broken => return None,
        };
        let Rest::Map { window, .. } = &self.0 else { return None };
        Some(person(window.bytes(place.0), window.bytes(place.1)))
    }

    /// Whether every person in the frame was reached.
    pub fn whole(&self) -> bool {
        matches!(self.0, Rest::End)
    }
}

type Pair = (Range<usize>, Range<usize>);

fn next_pair(
    window: &mut Window<'_>,
    envelope: &mut Envelope,
    first: &mut bool,
) -> Result<Option<Pair>, FrameError> {
    window.forget_before(window.at());
    let Some(key) = window.key(std::mem::take(first))? else {
        // The envelope goes on behind the map; it may yet say that this was something else.
        envelope.read(window)?;
        return if envelope.may_be_init_state() { Ok(None) } else { Err(FrameError::Mislabelled) };
    };
    let value = window.value()?;
    Ok(Some((key, value)))
}

fn person<'a>(key: &'a [u8], value: &'a [u8]) -> Result<(UserId, Presence<'a>), FrameError> {
    let id = unquoted(key).parse().map_err(|_| FrameError::BadId)?;
    let text = std::str::from_utf8(value).map_err(|_| FrameError::EmptyPresence)?;
    if !is_filled_object(text) {
        return Err(FrameError::EmptyPresence);
    }
    Ok(Presence::parse(text, Some(id))?)
}

/// A presence always says something; `null` and `{}` in its place mean that nothing is known.
fn is_filled_object(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|rest| !rest.trim_start().starts_with('}'))
}

/// The keys around `d`.
#[derive(Default)]
struct Envelope {
    started: bool,
    op: Option<u64>,
    event: Event,
    d: Option<Range<usize>>,
}

#[derive(Default, PartialEq, Eq)]
enum Event {
    #[default]
    None,
    InitState,
    Update,
    Other(String),
}

impl Envelope {
    /// Reads on to the frame's end; or only to the first person, if `d` is a map of people (true).
    fn read(&mut self, window: &mut Window<'_>) -> Result<bool, FrameError> {
        loop {
            if self.d.is_none() {
                window.forget_before(window.at());
            }
            let first = !std::mem::replace(&mut self.started, true);
            let Some(key) = window.key(first)? else { return Ok(false) };
            match window.bytes(key) {
                b"\"op\"" => {
                    let value = window.value()?;
                    self.op = unquoted(window.bytes(value)).parse().ok();
                }
                b"\"t\"" => {
                    let value = window.value()?;
                    self.event = Event::read(window.bytes(value));
                }
                b"\"d\"" => {
                    window.peek()?;
                    window.forget_before(window.at());
                    self.d = None;
                    if self.may_be_init_state() && people_follow(window)? {
                        return Ok(true);
                    }
                    self.d = Some(window.value()?);
                }
                // `seq`, and whatever else Lanyard may add.
                _ => {
                    window.value()?;
                }
            }
        }
    }

    fn may_be_init_state(&self) -> bool {
        matches!(self.op, None | Some(0)) && matches!(self.event, Event::None | Event::InitState)
    }

    fn frame(self, window: Window<'_>) -> Result<Frame<'_>, FrameError> {
        let d = match self.d {
            // JSON that was read once is UTF-8.
            Some(place) => std::str::from_utf8(window.into_bytes(place)).unwrap_or(""),
            None => "",
        };
        match (self.op, self.event) {
            (Some(1), _) => Ok(Frame::Hello { heartbeat: heartbeat(d) }),
            (None | Some(0), Event::InitState) if is_filled_object(d) => {
                Ok(Frame::InitState(InitState(Rest::Bare(d))))
            }
            (None | Some(0), Event::InitState) if d.starts_with('{') => {
                Ok(Frame::InitState(InitState(Rest::End)))
            }
            (None | Some(0), Event::InitState) => Err(FrameError::Shapeless("INIT_STATE")),
            (None | Some(0), Event::Update) if is_filled_object(d) => {
                let (id, presence) = Presence::parse(d, None)?;
                Ok(Frame::Update(id, presence))
            }
            (None | Some(0), Event::Update) => Err(FrameError::Shapeless("PRESENCE_UPDATE")),
            (None, Event::None) => Err(FrameError::Nameless),
            (op, Event::Other(event)) => Ok(Frame::Unknown { op, event }),
            (op, _) => Ok(Frame::Unknown { op, event: String::new() }),
        }
    }
}

impl Event {
    fn read(value: &[u8]) -> Self {
        const SHOWN_CHARS_MAX: usize = 40;
        match value {
            b"\"INIT_STATE\"" => Self::InitState,
            b"\"PRESENCE_UPDATE\"" => Self::Update,
            b"null" => Self::None,
            other => Self::Other(unquoted(other).chars().take(SHOWN_CHARS_MAX).collect()),
        }
    }
}

/// At the beginning of `d`: whether its first key is an id. If so, stands before that key.
fn people_follow(window: &mut Window<'_>) -> Result<bool, FrameError> {
    let begin = window.at();
    if window.peek()? != Some(b'{') {
        return Ok(false);
    }
    window.go(begin + 1);
    let people = window.peek()? == Some(b'"') && {
        let first = window.value()?;
        let key = unquoted(window.bytes(first));
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
    };
    window.go(if people { begin + 1 } else { begin });
    Ok(people)
}

/// The Hello's interval, within reason: nobody is made to send a thousand heartbeats a second.
fn heartbeat(d: &str) -> Duration {
    #[derive(serde::Deserialize)]
    struct Greeting {
        heartbeat_interval: u64,
    }
    let stated_ms = serde_json::from_str(d).map_or(30_000, |greeting: Greeting| greeting.heartbeat_interval);
    Duration::from_millis(stated_ms.clamp(1_000, 300_000))
}

fn unquoted(token: &[u8]) -> &str {
    let text = std::str::from_utf8(token).unwrap_or("");
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}
