//! A presence in a person's words, written out with all the keys that a real server sends: the other way round
//! from `reading`. For people who are made up, in the simulator and in the tests of a rules file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::{Track, User, UserId};

/// Builds the JSON of one presence, step by step.
#[derive(Clone, Debug)]
pub struct PresenceJson {
    id: UserId,
    user: User<'static>,
    status: &'static str,
    platforms: Vec<&'static str>,
    activities: Vec<Value>,
    spotify: Value,
    kv: BTreeMap<String, String>,
    at_ms: i64,
}

impl PresenceJson {
    /// Somebody offline.
    pub fn new(id: UserId) -> Self {
        Self {
            id,
            user: called(&format!("user_{id}")),
            status: "offline",
            platforms: Vec::new(),
            activities: Vec::new(),
            spotify: Value::Null,
            kv: BTreeMap::new(),
            at_ms: 1_767_225_600_000,
        }
    }

    /// The display name; the username is made of it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.user = called(name);
        self
    }

    /// The whole profile, but for the id.
    #[must_use]
    pub fn user(mut self, user: User<'static>) -> Self {
        self.user = user;
        self
    }

    /// The time that `created_at` and `timestamps` are made of, in Unix milliseconds.
    #[must_use]
    pub fn at(mut self, at_ms: i64) -> Self {
        self.at_ms = at_ms;
        self
    }

    /// `online`, `idle` or `dnd`, on the desktop unless `on` says otherwise; `offline` ends everything.
    #[must_use]
    pub fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        if status == "offline" {
            self.platforms.clear();
            self.activities.clear();
            self.spotify = Value::Null;
        } else if self.platforms.is_empty() {
            self.platforms.push("desktop");
        }
        self
    }

    /// Where: `desktop`, `mobile`, `web`, `embedded`, `vr`.
    #[must_use]
    pub fn on(mut self, platforms: &[&'static str]) -> Self {
        self.platforms = platforms.to_vec();
        self
    }

    #[must_use]
    pub fn playing(self, game: &str) -> Self {
        self.doing(0, game, json!({"application_id": application(game)}))
    }

    /// A game with the two lines below its name.
    #[must_use]
    pub fn playing_at(self, game: &str, details: &str, state: &str) -> Self {
        let more = json!({"application_id": application(game), "details": details, "state": state});
        self.doing(0, game, more)
    }

    #[must_use]
    pub fn streaming(self, title: &str, url: &str) -> Self {
        self.doing(1, title, json!({"url": url}))
    }

    #[must_use]
    pub fn watching(self, what: &str) -> Self {
        self.doing(3, what, json!({}))
    }

    #[must_use]
    pub fn competing(self, what: &str) -> Self {
        self.doing(5, what, json!({}))
    }

    /// On Spotify.
    #[must_use]
    pub fn listening(self, song: &str, artist: &str, album: &str) -> Self {
        let id = track_id(song, artist, album);
        let art = format!("https://i.scdn.co/image/{id}");
        let at_ms = self.at_ms;
        self.hearing(&Track {
            id: id.into(),
            song: song.into(),
            artist: artist.into(),
            album: album.into(),
            album_art_url: art.into(),
            player: SPOTIFY.into(),
            started_at_ms: at_ms,
            ends_at_ms: at_ms + 200_000,
        })
    }

    /// On any player: what Spotify plays is in `spotify` and among the activities, as Discord shows it, what
    /// others play among the activities only.
    #[must_use]
    pub fn hearing(mut self, track: &Track<'_>) -> Self {
        let Track { id, song, artist, album, .. } = track;
        let span = json!({"start": track.started_at_ms, "end": track.ends_at_ms});
        let mut more = json!({
            "details": song, "state": artist, "assets": {"large_text": album}, "timestamps": span,
        });
        if track.player == SPOTIFY {
            self.spotify = json!({
                "track_id": id, "song": song, "artist": artist, "album": album,
                "album_art_url": track.album_art_url, "timestamps": span,
            });
            more["id"] = SPOTIFY_ACTIVITY.into();
            more["sync_id"] = json!(id);
            more["assets"]["large_image"] = format!("spotify:{id}").into();
            more["party"] = json!({"id": format!("spotify:{}", self.id)});
            more["flags"] = 48.into();
            self.activities.retain(|activity| activity["id"] != SPOTIFY_ACTIVITY);
        }
        self.doing(2, &track.player, more)
    }

    /// On another player: an activity only.
    #[must_use]
    pub fn listening_on(self, player: &str, song: &str, artist: &str) -> Self {
        self.doing(2, player, json!({"details": song, "state": artist}))
    }

    /// The custom status; its emoji may be empty.
    #[must_use]
    pub fn custom(self, emoji: &str, text: &str) -> Self {
        let emoji = if emoji.is_empty() { Value::Null } else { json!({"name": emoji}) };
        self.doing(4, "Custom Status", json!({"id": "custom", "state": text, "emoji": emoji}))
    }

    /// No activity any more, custom status and music included.
    #[must_use]
    pub fn doing_nothing(mut self) -> Self {
        self.activities.clear();
        self.spotify = Value::Null;
        self
    }

    #[must_use]
    pub fn kv(mut self, key: &str, value: &str) -> Self {
        self.kv.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The JSON text.
    pub fn json(&self) -> String {
        Value::Object(self.object()).to_string()
    }

    /// The JSON object.
    pub fn object(&self) -> Map<String, Value> {
        let on = |platform: &'static str| self.platforms.contains(&platform);
        let or_null = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let User { username, global_name, display_name, avatar, discriminator, bot, .. } = &self.user;
        let written = json!({
            "discord_user": {
                "id": self.id.to_string(), "username": username, "global_name": or_null(global_name),
                "display_name": or_null(display_name), "avatar": or_null(avatar), "discriminator": discriminator,
                "public_flags": 0, "bot": bot, "primary_guild": null, "avatar_decoration_data": null,
                "collectibles": null, "display_name_styles": null,
            },
            "discord_status": self.status,
            "active_on_discord_web": on("web"), "active_on_discord_desktop": on("desktop"),
            "active_on_discord_mobile": on("mobile"), "active_on_discord_embedded": on("embedded"),
            "active_on_discord_vr": on("vr"),
            "listening_to_spotify": !self.spotify.is_null(), "spotify": self.spotify,
            "activities": self.activities, "kv": self.kv,
        });
        match written {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }

    pub fn id(&self) -> UserId {
        self.id
    }

    /// Any activity, by Discord's number for its type; `more` is an object of what else Discord says of it.
    #[must_use]
    pub fn doing(mut self, kind: u8, name: &str, more: Value) -> Self {
        if self.status == "offline" {
            self = self.status("online");
        }
        let mut activity = Map::new();
        activity.insert("type".into(), kind.into());
        activity.insert("name".into(), name.into());
        activity.insert("id".into(), application(&format!("{kind}{name}")).into());
        activity.insert("created_at".into(), self.at_ms.into());
        activity.insert("session_id".into(), format!("{:032x}", self.at_ms).into());
        if kind == 0 {
            activity.insert("timestamps".into(), json!({"start": self.at_ms}));
        }
        if let Value::Object(more) = more {
            activity.extend(more);
        }
        self.activities.push(activity.into());
        self
    }
}

const SPOTIFY: &str = "Spotify";
const SPOTIFY_ACTIVITY: &str = "spotify:1";

/// Somebody who is called this by everybody; the username is made of it.
pub fn called(name: &str) -> User<'static> {
    User {
        username: name.to_lowercase().replace(' ', "_").into(),
        global_name: name.to_owned().into(),
        display_name: name.to_owned().into(),
        discriminator: "0".into(),
        ..User::default()
    }
}

/// An invented id for a track on Spotify, the same for the same track.
pub fn track_id(song: &str, artist: &str, album: &str) -> String {
    format!("{:0>22}", application(&format!("{song}{artist}{album}")))
}

/// An application's id, the same for the same name.
fn application(name: &str) -> String {
    let mixed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (100_000_000_000_000_000 + mixed % 900_000_000_000_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::model::{ActivityType, Platform, Presence, Status};

    #[test]
    fn reads_back_as_it_was_said() {
        let json = PresenceJson::new(UserId(7))
            .named("Alice A")
            .status("dnd")
            .on(&["mobile", "web"])
            .playing_at("Factorio", "Nauvis", "Rocket silo")
            .listening("Song", "Artist", "Album")
            .custom("🔥", "busy")
            .kv("scene", "movie")
            .json();
        let (id, presence) = Presence::parse(&json, None).unwrap();
        assert_eq!((id, presence.status), (UserId(7), Status::Dnd));
        assert!(presence.platforms.has(Platform::Web) && !presence.platforms.has(Platform::Desktop));
        assert_eq!(presence.doing(ActivityType::Playing).unwrap().details, "Nauvis");
        assert_eq!(presence.custom_status().unwrap().state, "busy");
        assert_eq!(presence.track.as_ref().unwrap().song, "Song");
        assert_eq!((&*presence.kv[0].0, &*presence.kv[0].1), ("scene", "movie"));
        assert_eq!(&**presence.user.shown_name(), "Alice A");
        assert_eq!(serde_json::from_str::<Map<String, Value>>(&json).unwrap().len(), 11);
    }

    #[test]
    fn offline_ends_everything_but_kv() {
        let json =
            PresenceJson::new(UserId(7)).playing("G").listening("S", "A", "B").kv("a", "1").status("offline");
        let json = json.json();
        let (_, presence) = Presence::parse(&json, None).unwrap();
        assert!(!presence.online() && presence.activities.is_empty() && presence.track.is_none());
        assert_eq!(presence.kv.len(), 1);
    }
}
