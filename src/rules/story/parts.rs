//! The parts of a presence as a test describes them: platforms, activities, a track, a custom status.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

use super::words;
use crate::presence::model::{Platform, Track};
use crate::presence::writing::track_id;
use crate::rules::diagnostic::Problem;
use crate::rules::elsewhere;
use crate::rules::reading::{Fields, Reader};
use crate::rules::scope::ObjectKind;
use crate::rules::tree::{Entry, Node, Value};

impl Reader<'_> {
    /// A word, a list of words, or a mapping of truths.
    pub(super) fn platforms(&mut self, node: &Node) -> Vec<&'static str> {
        if let Some(entries) = node.entries() {
            let mut on = Vec::new();
            for entry in entries {
                match Platform::NAMES.into_iter().find(|name| *name == entry.key) {
                    Some(name) if self.boolean(name, &entry.value) == Some(true) => on.push(name),
                    Some(_) => {}
                    None => self.unknown_field(ObjectKind::Platforms, entry),
                }
            }
            return on;
        }
        let items = self.list(node);
        let mut on = Vec::new();
        for item in items {
            let phrase =
                item.scalar().and_then(|word| elsewhere::field(ObjectKind::Platforms, word.text.trim()));
            if let Some(meant) = phrase {
                let text = item.scalar().map_or("", |word| word.text.trim());
                let help = format!("write `{meant}`");
                self.problems.unknown_name(item.at, "platform", text, Some(help), []);
            } else {
                on.extend(self.choice("platforms", item, &Platform::NAMES));
            }
        }
        on
    }

    /// Discord's number for what an activity in a list is.
    pub(super) fn activity_type(&mut self, node: &Node) -> u8 {
        let Some(entry) = Fields::of(node).get("type") else { return 0 };
        let known: Vec<&'static str> = words::types().collect();
        match self.choice("type", &entry.value, &known) {
            Some("streaming") => 1,
            Some("listening") => 2,
            Some("watching") => 3,
            Some("competing") => 5,
            Some("other") => 6,
            _ => 0,
        }
    }

    /// A name, or a mapping of what an activity has; as a name and what Discord says beside it.
    pub(super) fn activity(&mut self, key: &str, node: &Node, typed: bool) -> Option<(String, Json)> {
        if !matches!(node.value, Value::Map(_)) {
            let name = self.text(key, node)?.text.trim().to_owned();
            let more = if name.is_empty() { return None } else { json!({}) };
            return Some((name, more));
        }
        let (mut name, mut more, mut assets) = (String::new(), Map::new(), Map::new());
        for entry in Fields::of(node).iter().filter(|entry| !entry.value.is_nothing()) {
            let field = words::fields(ObjectKind::Activity).find(|field| field.name == entry.key);
            match (entry.key.as_str(), field) {
                ("type", _) if typed => {}
                ("type", _) => {
                    let what = format!("`{key}` is the type");
                    self.problems.add(Problem::error(entry.key_at, what).help("leave `type` out"));
                }
                (_, None) => self.unknown_field(ObjectKind::Activity, entry),
                ("party", _) => {
                    if let Some(size) = self.party(&entry.value) {
                        more.insert("party".to_owned(), json!({"size": size}));
                    }
                }
                (field, _) => {
                    let Some(text) = self.text(field, &entry.value).map(|scalar| scalar.text.clone()) else {
                        continue;
                    };
                    match field {
                        "name" => text.trim().clone_into(&mut name),
                        field if field.starts_with("large_") || field.starts_with("small_") => {
                            drop(assets.insert(field.to_owned(), text.into()));
                        }
                        field => drop(more.insert(field.to_owned(), text.into())),
                    }
                }
            }
        }
        if name.is_empty() {
            let at = self.source.first_line_of(node.at);
            self.problems.missing_key(
                at,
                "name",
                "an activity",
                "name the game: `{name: Factorio, details: …}`",
            );
            return None;
        }
        if !assets.is_empty() {
            more.insert("assets".to_owned(), Json::Object(assets));
        }
        Some((name, Json::Object(more)))
    }

    /// How many are in, and how many can be.
    fn party(&mut self, node: &Node) -> Option<[u64; 2]> {
        let mut size = [0, 0];
        if node.entries().is_none() {
            self.wrong_kind("party", node, "a mapping such as `{size: 2, max: 4}`");
            return None;
        }
        for entry in Fields::of(node).iter() {
            let place = match entry.key.as_str() {
                "size" => 0,
                "max" => 1,
                _ => {
                    self.unknown_field(ObjectKind::Party, entry);
                    continue;
                }
            };
            match self.text(&entry.key, &entry.value).map(|scalar| scalar.text.trim().parse::<u32>()) {
                Some(Ok(number)) => size[place] = number.into(),
                Some(Err(_)) => self.wrong_kind(&entry.key, &entry.value, "a whole number"),
                None => {}
            }
        }
        Some(size)
    }

    /// A song's name, or a mapping of what a track has.
    pub(super) fn track(&mut self, node: &Node) -> Option<Track<'static>> {
        let mut track = Track { player: Cow::Borrowed("Spotify"), ..Track::default() };
        let mut id = None;
        if matches!(node.value, Value::Map(_)) {
            for entry in Fields::of(node).iter().filter(|entry| !entry.value.is_nothing()) {
                if words::fields(ObjectKind::Track).all(|field| field.name != entry.key) {
                    self.unknown_field(ObjectKind::Track, entry);
                    continue;
                }
                let Some(text) = self.text(&entry.key, &entry.value).map(|it| it.text.clone()) else {
                    continue;
                };
                match entry.key.as_str() {
                    "id" => id = Some(text),
                    "song" => track.song = text.into(),
                    "artist" => track.artist = text.into(),
                    "album" => track.album = text.into(),
                    "album_art_url" => track.album_art_url = text.into(),
                    _ => track.player = text.into(),
                }
            }
        } else {
            track.song = self.text("track", node)?.text.trim().to_owned().into();
            if track.song.is_empty() {
                return None;
            }
        }
        // Other players have no ids.
        let invented = || track_id(&track.song, &track.artist, &track.album);
        track.id =
            id.unwrap_or_else(|| if track.player == "Spotify" { invented() } else { String::new() }).into();
        Some(track)
    }

    /// A text, or a mapping with an emoji.
    pub(super) fn custom_status(&mut self, node: &Node) -> Option<Json> {
        let (mut text, mut emoji) = (String::new(), Json::Null);
        if matches!(node.value, Value::Map(_)) {
            for entry in Fields::of(node).iter().filter(|entry| !entry.value.is_nothing()) {
                match entry.key.as_str() {
                    "text" => text.clone_from(&self.text("text", &entry.value)?.text),
                    "emoji" => emoji = self.emoji(&entry.value)?,
                    _ => self.unknown_field(ObjectKind::CustomStatus, entry),
                }
            }
        } else {
            self.text("custom_status", node)?.text.clone_into(&mut text);
        }
        let shown = !(text.is_empty() && emoji.is_null());
        shown.then(|| json!({"id": "custom", "state": text, "emoji": emoji}))
    }

    fn emoji(&mut self, node: &Node) -> Option<Json> {
        if !matches!(node.value, Value::Map(_)) {
            return Some(json!({"name": self.text("emoji", node)?.text}));
        }
        let mut emoji = Map::new();
        for entry in Fields::of(node).iter() {
            let said = match entry.key.as_str() {
                "animated" => self.boolean("animated", &entry.value).map(Json::from),
                "name" | "id" => self.text(&entry.key, &entry.value).map(|it| it.text.clone().into()),
                _ => {
                    self.unknown_field(ObjectKind::Emoji, entry);
                    None
                }
            };
            emoji.extend(said.map(|said| (entry.key.clone(), said)));
        }
        Some(Json::Object(emoji))
    }

    pub(super) fn unknown_field(&mut self, of: ObjectKind, entry: &Entry) {
        let timed = of.field(&entry.key).map(|_| "in a test it begins with its step".to_owned());
        let instead =
            timed.or_else(|| elsewhere::field(of, &entry.key).map(|field| format!("write `{field}`")));
        let known = words::fields(of).map(|field| field.name);
        self.problems.unknown_key(entry.key_at, &entry.key, of.spoken(), instead, known);
    }
}
