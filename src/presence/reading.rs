//! Reading a presence leniently: anything may be missing, null, or of another type than documented.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::model::{
    Activity, ActivityType, Emoji, Platform, Platforms, Presence, Status, Text, Track, User, UserId,
};

#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    #[error("not a presence: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a presence without a user id")]
    Anonymous,
}

impl<'a> Presence<'a> {
    /// Reads a presence. `known_id` is the id under which it was listed, if it was.
    pub fn parse(raw: &'a str, known_id: Option<UserId>) -> Result<(UserId, Self), PresenceError> {
        let Object(mut seen) = serde_json::from_str::<Object<Written<'a>>>(raw)?;
        let id = known_id.or(seen.user_id).or(seen.user.id).ok_or(PresenceError::Anonymous)?;
        seen.kv.sort_unstable();
        seen.kv.dedup_by(|later, first| later.0 == first.0);
        let mut presence = Self {
            raw,
            user: User { id: Some(id), ..seen.user },
            status: seen.status,
            platforms: seen.platforms,
            track: seen.spotify,
            activities: seen.activities,
            kv: seen.kv,
        };
        presence.sort_activities();
        if presence.track.is_none() {
            presence.track = other_player(&presence.activities);
        }
        Ok((id, presence))
    }
}

/// A track from an activity of type 2 that is not Spotify's.
fn other_player<'a>(activities: &[Activity<'a>]) -> Option<Track<'a>> {
    let activity = activities.iter().find(|activity| activity.kind == ActivityType::Listening)?;
    Some(Track {
        id: activity.sync_id.clone(),
        song: activity.details.clone(),
        artist: activity.state.clone(),
        album: activity.large_text.clone(),
        album_art_url: Text::default(),
        player: activity.name.clone(),
        started_at_ms: activity.started_at_ms,
        ends_at_ms: activity.ends_at_ms,
    })
}

/// The keys of a presence as they come.
#[derive(Default)]
struct Written<'a> {
    user_id: Option<UserId>,
    user: User<'a>,
    status: Status,
    platforms: Platforms,
    spotify: Option<Track<'a>>,
    activities: Vec<Activity<'a>>,
    kv: Vec<(Text<'a>, Text<'a>)>,
}

impl<'de> Fields<'de> for Written<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "user_id" => self.user_id = text(map)?.parse().ok(),
            "discord_user" => self.user = object(map)?,
            "discord_status" => self.status = Status::from_word(&text(map)?),
            "active_on_discord_desktop" => self.platforms.set(Platform::Desktop, flag(map)?),
            "active_on_discord_mobile" => self.platforms.set(Platform::Mobile, flag(map)?),
            "active_on_discord_web" => self.platforms.set(Platform::Web, flag(map)?),
            "active_on_discord_embedded" => self.platforms.set(Platform::Embedded, flag(map)?),
            "active_on_discord_vr" => self.platforms.set(Platform::Vr, flag(map)?),
            "spotify" => self.spotify = map.next_value::<Maybe<Spotify<'de>>>()?.0.map(|found| found.0),
            "activities" => self.activities = map.next_value::<List<Activity<'de>>>()?.0,
            "kv" => self.kv = object::<_, Pairs<'de>>(map)?.0,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for User<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = text(map)?.parse().ok(),
            "username" => self.username = text(map)?,
            "global_name" => self.global_name = text(map)?,
            "display_name" => self.display_name = text(map)?,
            "avatar" => self.avatar = text(map)?,
            "discriminator" => self.discriminator = text(map)?,
            "bot" => self.bot = flag(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for Activity<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = ActivityType::from_number(number(map)?),
            "id" => self.id = text(map)?,
            "application_id" => self.application_id = text(map)?,
            "name" => self.name = text(map)?,
            "details" => self.details = text(map)?,
            "state" => self.state = text(map)?,
            "url" => self.url = text(map)?,
            "sync_id" => self.sync_id = text(map)?,
            "emoji" => self.emoji = object(map)?,
            "assets" => {
                let assets: Assets<'de> = object(map)?;
                self.large_image = assets.large_image;
                self.large_text = assets.large_text;
                self.small_image = assets.small_image;
                self.small_text = assets.small_text;
            }
            "party" => {
                let party: Party = object(map)?;
                self.party_size = party.size.first().map_or(0, |&n| n as u64);
                self.party_max = party.size.get(1).map_or(0, |&n| n as u64);
            }
            "timestamps" => {
                let span: Span = object(map)?;
                self.started_at_ms = span.start_ms;
                self.ends_at_ms = span.end_ms;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for Emoji<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = text(map)?,
            "id" => self.id = text(map)?,
            "animated" => self.animated = flag(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Spotify<'a>(Track<'a>);

impl<'de> Fields<'de> for Spotify<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let track = &mut self.0;
        track.player = Cow::Borrowed("Spotify");
        match key {
            "track_id" => track.id = text(map)?,
            "song" => track.song = text(map)?,
            "artist" => track.artist = text(map)?,
            "album" => track.album = text(map)?,
            "album_art_url" => track.album_art_url = text(map)?,
            "timestamps" => {
                let span: Span = object(map)?;
                track.started_at_ms = span.start_ms;
                track.ends_at_ms = span.end_ms;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Assets<'a> {
    large_image: Text<'a>,
    large_text: Text<'a>,
    small_image: Text<'a>,
    small_text: Text<'a>,
}

impl<'de> Fields<'de> for Assets<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "large_image" => self.large_image = text(map)?,
            "large_text" => self.large_text = text(map)?,
            "small_image" => self.small_image = text(map)?,
            "small_text" => self.small_text = text(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Party {
    size: Vec<f64>,
}

impl<'de> Fields<'de> for Party {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "size" => self.size = map.next_value::<List<Number>>()?.0.into_iter().map(|n| n.0).collect(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Span {
    start_ms: i64,
    end_ms: i64,
}

impl<'de> Fields<'de> for Span {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "start" => self.start_ms = number(map)? as i64,
            "end" => self.end_ms = number(map)? as i64,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// An object of texts: Lanyard's KV.
#[derive(Default)]
struct Pairs<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'de> Fields<'de> for Pairs<'de> {
    // The trait hands keys out as plain `&str`; KV is the one object whose keys are kept.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let value = text(map)?;
        self.0.push((Cow::Owned(key.to_owned()), value));
        Ok(())
    }
}

/// Discord shows a handful of activities. A server that sends thousands must not make us compare each with each.
const LIST_MAX: usize = 128;

// What follows reads JSON without ever refusing a value for its type.

/// A type read key by key; keys it does not know are skipped.
trait Fields<'de>: Default {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// An object, or the default where something else stands.
struct Object<T>(T);
/// An object, or nothing where something else stands.
struct Maybe<T>(Option<T>);
/// A list, its elements read as objects or numbers; empty where something else stands.
struct List<T>(Vec<T>);
/// A text; numbers and booleans are spelled out; anything else is empty.
struct Word<'a>(Text<'a>);
/// A number; anything else is 0.
struct Number(f64);
/// A boolean; anything else is false.
struct Flag(bool);

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Text<'de>, A::Error> {
    map.next_value::<Word<'de>>().map(|word| word.0)
}

fn number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<f64, A::Error> {
    map.next_value::<Number>().map(|number| number.0)
}

fn flag<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    map.next_value::<Flag>().map(|flag| flag.0)
}

fn object<'de, A: MapAccess<'de>, T: Fields<'de>>(map: &mut A) -> Result<T, A::Error> {
    map.next_value::<Object<T>>().map(|object| object.0)
}

fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

fn drain<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// One visitor for all of the above: what it makes of each JSON type is in `Lenient`.
struct Reader<T>(PhantomData<T>);

trait Lenient<'de>: Sized {
    /// Null, and every type that is not wanted.
    fn missing() -> Self;
    fn boolean(_: bool) -> Self {
        Self::missing()
    }
    fn number(_: f64, _spelled: impl fmt::Display) -> Self {
        Self::missing()
    }
    fn text(_: Text<'de>) -> Self {
        Self::missing()
    }
    fn seq<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        drain(seq).map(|()| Self::missing())
    }
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::missing())
    }
}

impl<'de, T: Lenient<'de>> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::missing())
    }
    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::boolean(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::number(value as f64, value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::number(value as f64, value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::number(value, value))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::seq(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }
}

macro_rules! read_leniently {
    ($([$($bound:tt)*] $type:ty),* $(,)?) => {$(
        impl<'de, $($bound)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader(PhantomData))
            }
        }
    )*};
}
read_leniently!([T: Fields<'de>] Object<T>, [T: Fields<'de>] Maybe<T>, [] Word<'de>, [] Number, [] Flag);

impl<'de> Lenient<'de> for Word<'de> {
    fn missing() -> Self {
        Word(Cow::Borrowed(""))
    }
    fn boolean(value: bool) -> Self {
        Word(Cow::Borrowed(if value { "true" } else { "false" }))
    }
    fn number(_: f64, spelled: impl fmt::Display) -> Self {
        Word(Cow::Owned(spelled.to_string()))
    }
    fn text(value: Text<'de>) -> Self {
        Word(value)
    }
}

impl Lenient<'_> for Number {
    fn missing() -> Self {
        Number(0.0)
    }
    fn number(value: f64, _: impl fmt::Display) -> Self {
        Number(value)
    }
}

impl Lenient<'_> for Flag {
    fn missing() -> Self {
        Flag(false)
    }
    fn boolean(value: bool) -> Self {
        Flag(value)
    }
}

impl<'de, T: Fields<'de>> Lenient<'de> for Object<T> {
    fn missing() -> Self {
        Object(T::default())
    }
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut value = T::default();
        while let Some(Word(key)) = map.next_key::<Word<'de>>()? {
            value.field(&key, &mut map)?;
        }
        Ok(Object(value))
    }
}

impl<'de, T: Fields<'de>> Lenient<'de> for Maybe<T> {
    fn missing() -> Self {
        Maybe(None)
    }
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Object::map(map).map(|object| Maybe(Some(object.0)))
    }
}

/// What a list keeps of an element; `None` drops it.
trait Element<'de>: Sized {
    type Read: Deserialize<'de>;
    fn kept(read: Self::Read) -> Option<Self>;
}

impl<'de> Element<'de> for Activity<'de> {
    type Read = Maybe<Self>;
    fn kept(read: Maybe<Self>) -> Option<Self> {
        read.0
    }
}

impl Element<'_> for Number {
    type Read = Self;
    fn kept(read: Self) -> Option<Self> {
        Some(read)
    }
}

impl<'de, T: Element<'de>> Lenient<'de> for List<T> {
    fn missing() -> Self {
        List(Vec::new())
    }
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < LIST_MAX {
            let Some(read) = seq.next_element::<T::Read>()? else { return Ok(List(kept)) };
            kept.extend(T::kept(read));
        }
        drain(seq).map(|()| List(kept))
    }
}
read_leniently!([T: Element<'de>] List<T>);

#[cfg(test)]
mod tests {
    use super::super::model::BadUserId;
    use super::*;

    fn parse(raw: &str) -> Presence<'_> {
        Presence::parse(raw, None).unwrap().1
    }

    #[test]
    fn any_value_may_be_null_missing_or_of_another_type() {
        for raw in [
            r#"{"user_id":"7"}"#,
            r#"{"user_id":7,"discord_user":null,"discord_status":null,"activities":null,"kv":null,"spotify":null}"#,
            r#"{"discord_user":{"id":7},"discord_status":3,"activities":"none","kv":[1],"spotify":false}"#,
            r#"{"discord_user":{"id":"7","avatar":{"a":1}},"activities":[null,1,"x",[{}]],"kv":{},"spotify":[]}"#,
        ] {
            let (id, presence) = Presence::parse(raw, None).unwrap();
            assert_eq!(id, UserId(7), "{raw}");
            assert_eq!((presence.status, presence.activities.len()), (Status::Offline, 0), "{raw}");
            assert!(presence.track.is_none() && presence.kv.is_empty(), "{raw}");
        }
    }

    #[test]
    fn a_presence_without_an_id_is_nobodys() {
        assert!(matches!(Presence::parse("{}", None), Err(PresenceError::Anonymous)));
        assert_eq!(Presence::parse("{}", Some(UserId(1))).unwrap().0, UserId(1));
    }

    #[test]
    fn no_list_is_longer_than_anybody_could_mean() {
        let many = vec!["{}"; 5000].join(",");
        let raw = format!(r#"{{"activities":[{many}],"user_id":"7"}}"#);
        let (id, presence) = Presence::parse(&raw, None).unwrap();
        assert_eq!((id, presence.activities.len()), (UserId(7), LIST_MAX));
    }

    #[test]
    fn ids_are_exact() {
        for id in ["94490510688792576", "18446744073709551615", "900000000000000001"] {
            let quoted = format!(r#"{{"discord_user":{{"id":"{id}"}}}}"#);
            let bare = format!(r#"{{"discord_user":{{"id":{id}}}}}"#);
            for raw in [quoted, bare] {
                assert_eq!(Presence::parse(&raw, None).unwrap().0.to_string(), id);
            }
        }
        for id in ["", "-1", "1.5", "0x10", "18446744073709551616", "１２"] {
            assert_eq!(id.parse::<UserId>(), Err(BadUserId), "{id}");
        }
    }

    #[test]
    fn other_players_are_heard_too() {
        let presence = parse(
            r#"{"user_id":"7","activities":[{"type":2,"name":"Tidal","details":"Song","state":"Artist",
                "assets":{"large_text":"Album"},"timestamps":{"start":1,"end":2}}],"spotify":null}"#,
        );
        let track = presence.track.unwrap();
        assert_eq!(
            (&*track.player, &*track.song, &*track.artist, &*track.album),
            ("Tidal", "Song", "Artist", "Album")
        );
        assert_eq!((track.started_at_ms, track.ends_at_ms), (1, 2));
    }

    #[test]
    fn texts_are_borrowed_from_the_frame() {
        let presence = parse(r#"{"user_id":"7","activities":[{"name":"plain"},{"name":"\u00e9"}]}"#);
        assert!(matches!(presence.activities[0].name, Cow::Borrowed("plain")));
        assert_eq!(presence.activities[1].name, "é");
    }

    #[test]
    fn large_and_broken_numbers_do_no_harm() {
        let presence = parse(
            r#"{"user_id":"7","activities":[{"type":-1},{"type":2.5},{"type":18446744073709551615,
                "party":{"size":[1e300,-4]},"timestamps":{"start":-1.5e300}}]}"#,
        );
        assert!(presence.activities.iter().all(|activity| activity.kind == ActivityType::Other));
    }
}
