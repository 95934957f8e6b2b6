//! What a test can say of a person: the names that conditions use, but for what nobody can choose.

use crate::presence::model::{ActivityType, UserId};
use crate::presence::writing::{PresenceJson, called};
use crate::rules::scope::{Field, Kind, ObjectKind};

/// A person whom Lanyard does not know, in a word.
pub const UNMONITORED: &str = "unmonitored";

/// Keys that only Lanyard's own presences have: with one of these, a presence is not in words but whole.
pub const LANYARDS: [&str; 9] = [
    "discord_status",
    "discord_user",
    "active_on_discord_desktop",
    "active_on_discord_mobile",
    "active_on_discord_web",
    "active_on_discord_embedded",
    "active_on_discord_vr",
    "listening_to_spotify",
    "spotify",
];

/// The fields of a thing that a test can say. Ids and times are given by the file and by the step.
pub fn fields(of: ObjectKind) -> impl Iterator<Item = &'static Field> {
    of.fields().iter().filter(move |field| {
        field.kind != Kind::Time
            && match of {
                ObjectKind::Person => !matches!(field.name, "id" | "key"),
                ObjectKind::User => !matches!(field.name, "id" | "name"),
                _ => true,
            }
    })
}

/// The types of activity that `activities` may list.
pub fn types() -> impl Iterator<Item = &'static str> {
    ActivityType::NAMES.into_iter().filter(|name| *name != ActivityType::Custom.word())
}

/// A person of whom nothing has been said yet: known to Lanyard, offline, and called as the file calls them.
pub fn offline(id: UserId, key: Option<&str>) -> PresenceJson {
    let known = PresenceJson::new(id);
    match key {
        Some(key) => known.user(called(key)),
        None => known,
    }
}
