//! One presence, as a view that borrows from the JSON text it was read from.
//!
//! What is kept of a person, in memory and on disk, is that text; this view of it is made when it is needed, in
//! about two microseconds (`reading`).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Text from a presence. Missing and null are empty: neither means anything to a person.
pub type Text<'a> = Cow<'a, str>;

/// A Discord user's id (a snowflake), exact: it never passes through a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a Discord user id is 1 to 20 digits")]
pub struct BadUserId;

impl FromStr for UserId {
    type Err = BadUserId;

    fn from_str(text: &str) -> Result<Self, BadUserId> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadUserId);
        }
        text.parse().map(UserId).map_err(|_| BadUserId)
    }
}

impl serde::Serialize for UserId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What Discord shows beside a name. Invisible people are `Offline`: nobody can tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    Online,
    Idle,
    Dnd,
    #[default]
    Offline,
}

impl Status {
    pub const NAMES: [&str; 4] = ["online", "idle", "dnd", "offline"];

    /// Null, missing and unknown words count as offline.
    pub fn from_word(word: &str) -> Self {
        match word {
            "online" => Self::Online,
            "idle" => Self::Idle,
            "dnd" => Self::Dnd,
            _ => Self::Offline,
        }
    }

    pub fn word(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Where a person is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    Desktop,
    Mobile,
    Web,
    Embedded,
    Vr,
}

impl Platform {
    pub const ALL: [Self; 5] = [Self::Desktop, Self::Mobile, Self::Web, Self::Embedded, Self::Vr];
    pub const NAMES: [&str; 5] = ["desktop", "mobile", "web", "embedded", "vr"];

    pub fn word(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A set of platforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Platforms(u8);

impl Platforms {
    pub fn has(self, platform: Platform) -> bool {
        self.0 & (1 << platform as u8) != 0
    }

    pub fn set(&mut self, platform: Platform, on: bool) {
        let bit = 1 << platform as u8;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    pub fn iter(self) -> impl Iterator<Item = Platform> {
        Platform::ALL.into_iter().filter(move |&platform| self.has(platform))
    }
}

/// Discord's activity types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActivityType {
    #[default]
    Playing,
    Streaming,
    Listening,
    Watching,
    Custom,
    Competing,
    /// A type that Discord has added since; the number is not kept apart.
    Other,
}

impl ActivityType {
    pub const NAMES: [&str; 7] =
        ["playing", "streaming", "listening", "watching", "custom", "competing", "other"];

    pub(super) fn from_number(number: f64) -> Self {
        const BY_NUMBER: [ActivityType; 6] = [
            ActivityType::Playing,
            ActivityType::Streaming,
            ActivityType::Listening,
            ActivityType::Watching,
            ActivityType::Custom,
            ActivityType::Competing,
        ];
        let exact = (0.0..6.0).contains(&number) && number.fract() == 0.0;
        if exact { BY_NUMBER[number as usize] } else { Self::Other }
    }

    pub fn word(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A person's Discord profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User<'a> {
    pub id: Option<UserId>,
    pub username: Text<'a>,
    pub global_name: Text<'a>,
    pub display_name: Text<'a>,
    pub avatar: Text<'a>,
    pub discriminator: Text<'a>,
    pub bot: bool,
}

impl<'a> User<'a> {
    /// The name people see: display name, else global name, else username.
    pub fn shown_name(&self) -> &Text<'a> {
        [&self.display_name, &self.global_name]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or(&self.username)
    }
}

/// The emoji of a custom status. A server's own emoji has an id, a Unicode one only its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emoji<'a> {
    pub name: Text<'a>,
    pub id: Text<'a>,
    pub animated: bool,
}

/// One activity, whatever its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity<'a> {
    pub kind: ActivityType,
    pub id: Text<'a>,
    pub application_id: Text<'a>,
    pub name: Text<'a>,
    pub details: Text<'a>,
    pub state: Text<'a>,
    pub url: Text<'a>,
    pub sync_id: Text<'a>,
    pub large_image: Text<'a>,
    pub large_text: Text<'a>,
    pub small_image: Text<'a>,
    pub small_text: Text<'a>,
    pub emoji: Emoji<'a>,
    /// Members and places; 0 where not given.
    pub party_size: u64,
    pub party_max: u64,
    /// Unix milliseconds; 0 where not given.
    pub started_at_ms: i64,
    pub ends_at_ms: i64,
    /// Gone, but put back by smoothing.
    pub held: bool,
}

impl Activity<'_> {
    /// What makes two activities the same one: the type, and the application or else the name.
    pub fn identity(&self) -> (ActivityType, &str) {
        let who = if self.application_id.is_empty() { &self.name } else { &self.application_id };
        (self.kind, who)
    }

    /// Whether a person would notice a difference between two pictures of the same activity.
    pub fn reads_like(&self, other: &Activity<'_>) -> bool {
        self.name == other.name
            && self.details == other.details
            && self.state == other.state
            && self.url == other.url
            && self.large_text == other.large_text
            && self.small_text == other.small_text
            && self.party_size == other.party_size
            && self.party_max == other.party_max
    }
}

/// What a person hears, on any player.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track<'a> {
    /// Spotify's track id; empty for local files and other players.
    pub id: Text<'a>,
    pub song: Text<'a>,
    pub artist: Text<'a>,
    pub album: Text<'a>,
    pub album_art_url: Text<'a>,
    pub player: Text<'a>,
    /// Unix milliseconds; 0 where not given.
    pub started_at_ms: i64,
    pub ends_at_ms: i64,
}

impl Track<'_> {
    /// The id decides where both have one; else song, artist and album.
    pub fn same_as(&self, other: &Track<'_>) -> bool {
        if !self.id.is_empty() && !other.id.is_empty() {
            return self.id == other.id;
        }
        self.song == other.song && self.artist == other.artist && self.album == other.album
    }
}

/// Lanyard's picture of a person at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Presence<'a> {
    /// The JSON text all of this was read from.
    pub raw: &'a str,
    pub user: User<'a>,
    pub status: Status,
    pub platforms: Platforms,
    pub track: Option<Track<'a>>,
    /// In an order of our own (by identity), since Discord's changes from update to update.
    pub activities: Vec<Activity<'a>>,
    /// By key.
    pub kv: Vec<(Text<'a>, Text<'a>)>,
}

impl<'a> Presence<'a> {
    /// Restores the order that `diff` walks in.
    pub fn sort_activities(&mut self) {
        self.activities.sort_by(|a, b| a.identity().cmp(&b.identity()).then_with(|| a.id.cmp(&b.id)));
    }

    /// Whether rules can see no difference, however the texts differ.
    pub fn shows_like(&self, other: &Presence<'_>) -> bool {
        self.status == other.status
            && self.platforms == other.platforms
            && self.track == other.track
            && self.activities == other.activities
            && self.kv == other.kv
            && self.user == other.user
    }

    pub fn online(&self) -> bool {
        self.status != Status::Offline
    }

    /// The first activity of a type, one that goes on before one that is held.
    pub fn doing(&self, kind: ActivityType) -> Option<&Activity<'a>> {
        self.activities.iter().filter(|activity| activity.kind == kind).min_by_key(|activity| activity.held)
    }

    pub fn custom_status(&self) -> Option<&Activity<'a>> {
        self.doing(ActivityType::Custom)
    }
}
