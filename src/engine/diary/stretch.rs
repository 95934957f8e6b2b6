//! A stretch of somebody's day, and a stretch of time.

use crate::presence::model::{ActivityType, Track};

/// What a stretch is about. Their numbers are written down: new ones come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Status,
    Listening,
    Playing,
    Streaming,
    Watching,
    Competing,
}

impl Lane {
    pub const ALL: [Self; 6] =
        [Self::Status, Self::Listening, Self::Playing, Self::Streaming, Self::Watching, Self::Competing];
    /// All that `word` says.
    pub const WORDS: [&str; 6] = ["status", "listening", "playing", "streaming", "watching", "competing"];

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// Where an activity stands; what is heard stands there as a track.
    pub fn of_activity(kind: ActivityType) -> Option<Self> {
        match kind {
            ActivityType::Playing => Some(Self::Playing),
            ActivityType::Streaming => Some(Self::Streaming),
            ActivityType::Watching => Some(Self::Watching),
            ActivityType::Competing => Some(Self::Competing),
            ActivityType::Listening | ActivityType::Custom | ActivityType::Other => None,
        }
    }
}

/// Something that lasted for a while and is over. Times are wall times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub lane: Lane,
    /// The status' word, or what was heard or done; empty for several in a row.
    pub name: Box<str>,
    pub from_ms: i64,
    pub to_ms: i64,
    /// How many short ones it is made of.
    pub parts: u32,
}

/// A time in which somebody, or nobody, was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// A name is kept up to so many characters.
const NAME_CHARS_MAX: usize = 60;

/// A stretch that is shorter joins the one before it, if that is short too …
const SHORT_MS: i64 = 60_000;
/// … and over so little time at the most that they still tell when it was.
const JOINED_MS: i64 = 600_000;
/// The one begins where the other ends: within this.
const NEAR_MS: i64 = 2_000;

impl Stretch {
    pub fn new(lane: Lane, name: &str, from_ms: i64, to_ms: i64) -> Self {
        Self { lane, name: cut(name), from_ms, to_ms, parts: 1 }
    }

    /// Takes in the one that follows, if both are short.
    pub fn join(&mut self, next: &Self) -> bool {
        let near = (next.from_ms - self.to_ms).abs() <= NEAR_MS;
        let short = next.to_ms - next.from_ms < SHORT_MS
            && (self.parts > 1 || self.to_ms - self.from_ms < SHORT_MS)
            && next.to_ms - self.from_ms <= JOINED_MS;
        let joins = self.lane == next.lane && near && short;
        if joins {
            self.to_ms = self.to_ms.max(next.to_ms);
            self.parts = self.parts.saturating_add(next.parts);
            if self.name != next.name {
                self.name = Box::default();
            }
        }
        joins
    }
}

/// How a track is called.
pub fn track_name(track: &Track<'_>) -> String {
    if track.artist.is_empty() {
        track.song.to_string()
    } else {
        format!("{} · {}", track.song, track.artist)
    }
}

/// A name as it is kept: cut, and without what moves a cursor.
pub fn cut(name: &str) -> Box<str> {
    let mut chars = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut kept: String = chars.by_ref().take(NAME_CHARS_MAX).collect();
    if chars.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_in_a_row_are_one_that_says_how_many() {
        let stretch =
            |name, from_s: i64, to_s: i64| Stretch::new(Lane::Status, name, from_s * 1000, to_s * 1000);
        for (last, next, joined) in [
            (stretch("online", 0, 5), stretch("idle", 5, 9), Some(("", 9))),
            (stretch("online", 0, 5), stretch("online", 6, 9), Some(("online", 9))),
            (stretch("online", 0, 60), stretch("idle", 60, 61), None),
            (stretch("online", 0, 5), stretch("idle", 5, 65), None),
            (stretch("online", 0, 5), stretch("idle", 8, 9), None),
            (Stretch { parts: 9, ..stretch("", 0, 590) }, stretch("idle", 590, 600), Some(("", 600))),
            (Stretch { parts: 9, ..stretch("", 0, 590) }, stretch("idle", 590, 601), None),
            (stretch("online", 0, 5), Stretch { lane: Lane::Playing, ..stretch("idle", 5, 9) }, None),
        ] {
            let mut both = last.clone();
            let joins = both.join(&next);
            let told = joins.then_some((&*both.name, both.to_ms / 1000));
            assert_eq!(told, joined, "{last:?} {next:?}");
            assert_eq!(both.parts, last.parts + u32::from(joins));
        }
    }

    #[test]
    fn a_name_is_cut() {
        assert_eq!(&*cut("a\nb\u{1b}c"), "a b c");
        assert_eq!(&*cut(&"ü".repeat(60)), "ü".repeat(60));
        assert_eq!(&*cut(&"ü".repeat(61)), format!("{}…", "ü".repeat(59)));
    }
}
