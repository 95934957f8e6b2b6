//! How a test describes a person: in the words of conditions, in one word, or as Lanyard does.

use serde_json::{Map, Value as Json, json};

use super::words;
use crate::presence::model::{ActivityType, Status, Track, UserId};
use crate::presence::writing::PresenceJson;
use crate::rules::diagnostic::Problem;
use crate::rules::elsewhere::{self, instead};
use crate::rules::reading::{Fields, Reader};
use crate::rules::scope::{Kind, ObjectKind};
use crate::rules::tree::{Entry, Node, Value};

/// A person as a test has last described them: Lanyard's JSON.
pub(super) struct Last {
    seen: Map<String, Json>,
}

/// What a step says of a person.
pub(super) enum Said {
    /// How they are; it stands in `Last`.
    Presence,
    /// Lanyard does not know them.
    Unmonitored,
}

/// The names that say nothing of the presence itself: what they leave out stays as it was.
const LASTING: [&str; 3] = ["kv", "user", "name"];

/// A song lasts so long, by what its player says.
const SONG_MS: i64 = 200_000;

impl Last {
    pub fn offline(id: UserId, key: Option<&str>) -> Self {
        Self { seen: words::offline(id, key).object() }
    }

    /// The same with the profile and the KV of somebody as Lanyard has them.
    pub fn with_lasting(mut self, raw: &str) -> Self {
        if let Ok(Json::Object(mut known)) = serde_json::from_str(raw) {
            for lasting in ["discord_user", "kv"] {
                self.seen.extend(known.remove_entry(lasting).filter(|(_, value)| value.is_object()));
            }
        }
        self
    }

    pub fn json(&self) -> Box<str> {
        json!(self.seen).to_string().into()
    }

    /// Another presence; what Lanyard keeps of a person whatever they do stays.
    fn replace(&mut self, mut seen: Map<String, Json>) {
        for lasting in ["discord_user", "kv"] {
            seen.extend(self.seen.remove_entry(lasting));
        }
        keep_beginnings(&self.seen, &mut seen);
        self.seen = seen;
    }
}

impl Reader<'_> {
    /// Reads how a step describes a person. `at_ms` is when it does.
    pub(super) fn said(
        &mut self,
        key: &str,
        node: &Node,
        id: UserId,
        last: &mut Last,
        at_ms: i64,
    ) -> Option<Said> {
        let Value::Map(entries) = &node.value else {
            return self.said_in_a_word(key, node, id, last, at_ms);
        };
        let whole = entries.iter().find(|entry| words::LANYARDS.contains(&entry.key.as_str()));
        if let Some(whole) = whole {
            self.whole(whole, node, id, last)?;
            return Some(Said::Presence);
        }
        let fields = Fields::of(node);
        self.check_words(fields);
        if entries.is_empty() {
            let what = format!("this says nothing of `{key}`");
            let help = "write `{status: online}`, or whatever else is so";
            self.problems.add(Problem::error(self.source.first_line_of(node.at), what).help(help));
        }
        if fields.iter().any(|entry| !LASTING.contains(&entry.key.as_str())) {
            let presence = self.presence(fields, PresenceJson::new(id).at(at_ms), at_ms);
            last.replace(presence.object());
        }
        self.lasting(fields, last);
        Some(Said::Presence)
    }

    /// `online`, `idle`, `dnd`, `offline`, `unmonitored`.
    fn said_in_a_word(
        &mut self,
        key: &str,
        node: &Node,
        id: UserId,
        last: &mut Last,
        at_ms: i64,
    ) -> Option<Said> {
        let word = node.scalar().map(|scalar| scalar.text.trim());
        if word == Some(words::UNMONITORED) {
            return Some(Said::Unmonitored);
        }
        let known = || Status::NAMES.into_iter().chain([words::UNMONITORED]);
        let Some(status) = word.and_then(|word| Status::NAMES.into_iter().find(|name| *name == word)) else {
            match word.filter(|_| !node.is_nothing()) {
                Some(word) => {
                    let help = "a presence has braces: `{playing: Factorio}`; in one word it is `online`, `idle`, `dnd`, `offline` or `unmonitored`";
                    let near = crate::rules::mistake::nearest(word, known());
                    let help = near.map_or_else(|| help.to_owned(), |near| format!("did you mean `{near}`?"));
                    let sort = format!("word for `{key}`:");
                    self.problems.unknown_name(node.at, &sort, word, Some(help), []);
                }
                None => self.wrong_kind(key, node, "a presence, such as `{status: online}`"),
            }
            return None;
        };
        last.replace(PresenceJson::new(id).at(at_ms).status(status).object());
        Some(Said::Presence)
    }

    /// A presence as Lanyard sends it.
    fn whole(&mut self, first: &Entry, node: &Node, id: UserId, last: &mut Last) -> Option<()> {
        let mine = |entry: &&Entry| {
            let name = entry.key.as_str();
            !matches!(name, "kv" | "activities")
                && words::fields(ObjectKind::Person).any(|field| field.name == name)
        };
        if let Some(word) = Fields::of(node).iter().find(mine) {
            let what = format!(
                "`{}` is Lanyard's word and `{}` is not: a presence is written one way or the other",
                first.key, word.key
            );
            let help = instead(elsewhere::NAMES, &first.key);
            self.problems.add(Problem { help, ..Problem::error(word.key_at, what) });
            return None;
        }
        let Json::Object(mut seen) = node.to_json() else { return None };
        let given = seen.get("discord_user").and_then(|user| user.get("id"));
        if given.is_some_and(|given| {
            given.as_str().map_or_else(|| given.to_string(), ToOwned::to_owned) != id.to_string()
        }) {
            let at = node.find(&["discord_user".to_owned(), "id".to_owned()]).at;
            let what = "this is the presence of somebody else";
            self.problems.add(Problem::error(at, what).help(format!("the id is {id} in this file")));
            return None;
        }
        for (name, value) in std::mem::take(&mut last.seen) {
            if name == "discord_user" || name == "kv" {
                seen.entry(name).or_insert(value);
            }
        }
        last.seen = seen;
        Some(())
    }

    fn check_words(&mut self, fields: Fields<'_>) {
        let known = || words::fields(ObjectKind::Person).map(|field| field.name);
        for entry in fields.iter().filter(|entry| known().all(|name| name != entry.key)) {
            let key = entry.key.as_str();
            let given = match key {
                "id" | "key" => Some("a person's id stands under `people:`".to_owned()),
                "data" | "d" => Some(
                    "write what stands inside of it: `discord_status`, `activities` and so on".to_owned(),
                ),
                _ => None,
            };
            let instead = given.or_else(|| instead(elsewhere::NAMES, key)).or_else(|| {
                elsewhere::field(ObjectKind::Person, key).map(|field| format!("write `{field}`"))
            });
            self.problems.unknown_key(entry.key_at, key, "a presence in a test", instead, known());
        }
    }

    /// All that is not lasting, from what is said of it.
    fn presence(&mut self, fields: Fields<'_>, begun: PresenceJson, at_ms: i64) -> PresenceJson {
        let there = |name: &str| fields.get(name).filter(|entry| !entry.value.is_nothing());
        let status = there("status").and_then(|it| self.choice("status", &it.value, &Status::NAMES));
        let online = there("online").and_then(|it| self.boolean("online", &it.value));
        if let (Some(status), Some(online)) = (status, online)
            && (status != "offline") != online
            && let Some(entry) = there("online")
        {
            let what = format!("`online: {online}` and `status: {status}` cannot both be so");
            self.problems.add(Problem::error(entry.key_at, what).help("keep `status`"));
        }
        let status = status.unwrap_or(if online == Some(false) { "offline" } else { "online" });
        if status == "offline" {
            self.nothing_else(fields);
            return begun.status(status);
        }
        let mut presence = begun.status(status);
        if let Some(platforms) = there("platforms") {
            presence = presence.on(&self.platforms(&platforms.value));
        }
        for (number, kind) in [
            (0, ActivityType::Playing),
            (1, ActivityType::Streaming),
            (2, ActivityType::Listening),
            (3, ActivityType::Watching),
            (5, ActivityType::Competing),
        ] {
            let Some(entry) = there(kind.word()) else { continue };
            if kind == ActivityType::Listening && there("track").is_some() {
                let what = "`track` says what is heard and on which player";
                let help = "leave `listening` out; `track: {song: …, player: …}`";
                self.problems.add(Problem::error(entry.key_at, what).help(help));
                continue;
            }
            for node in self.list(&entry.value) {
                if let Some((name, more)) = self.activity(kind.word(), node, false) {
                    presence = presence.doing(number, &name, more);
                }
            }
        }
        if let Some(track) = there("track").and_then(|entry| self.track(&entry.value)) {
            let (started_at_ms, ends_at_ms) = (at_ms, at_ms.saturating_add(SONG_MS));
            presence = presence.hearing(&Track { started_at_ms, ends_at_ms, ..track });
        }
        for node in there("activities").map(|entry| self.list(&entry.value)).unwrap_or_default() {
            let number = self.activity_type(node);
            if let Some((name, more)) = self.activity("activities", node, true) {
                presence = presence.doing(number, &name, more);
            }
        }
        if let Some(status) = there("custom_status").and_then(|entry| self.custom_status(&entry.value)) {
            presence = presence.doing(4, "Custom Status", status);
        }
        presence
    }

    /// Who is offline shows nothing.
    fn nothing_else(&mut self, fields: Fields<'_>) {
        let shows = |entry: &&Entry| {
            !LASTING.contains(&entry.key.as_str())
                && !matches!(entry.key.as_str(), "status" | "online")
                && !entry.value.is_nothing()
                && !matches!(&entry.value.value, Value::List(items) if items.is_empty())
        };
        for entry in fields.iter().filter(shows) {
            let what = format!("who is offline shows no `{}`", entry.key);
            self.problems.add(Problem::error(entry.key_at, what).help("leave it out, or let them be online"));
        }
    }

    /// Lanyard's KV, and the profile: each stays as it is until it is said anew.
    fn lasting(&mut self, fields: Fields<'_>, last: &mut Last) {
        if let Some(entry) = fields.get("kv") {
            let mut kv = Map::new();
            for entry in self.mapping("kv", &entry.value).iter() {
                if let Some(text) = self.text(&entry.key, &entry.value) {
                    kv.insert(entry.key.clone(), text.text.clone().into());
                }
            }
            last.seen.insert("kv".to_owned(), Json::Object(kv));
        }
        let name = fields.get("name").and_then(|it| self.text("name", &it.value)).map(|it| it.text.clone());
        let mut said: Vec<(&str, Json)> = Vec::new();
        for key in ["global_name", "display_name"] {
            said.extend(name.as_ref().map(|name| (key, json!(name))));
        }
        if let Some(entry) = fields.get("user") {
            for entry in self.mapping("user", &entry.value).iter() {
                let Some(field) = words::fields(ObjectKind::User).find(|field| field.name == entry.key)
                else {
                    self.unknown_field(ObjectKind::User, entry);
                    continue;
                };
                let value = match field.kind {
                    Kind::Bool => self.boolean(field.name, &entry.value).map(Json::from),
                    _ if entry.value.is_nothing() => Some(Json::Null),
                    _ => self.text(field.name, &entry.value).map(|it| it.text.clone().into()),
                };
                said.extend(value.map(|value| (field.name, value)));
            }
        }
        if let Some(Json::Object(user)) = last.seen.get_mut("discord_user") {
            user.extend(said.into_iter().map(|(key, value)| (key.to_owned(), value)));
        }
    }
}

/// What goes on has begun when it began, not with the step that still shows it.
fn keep_beginnings(last: &Map<String, Json>, seen: &mut Map<String, Json>) {
    let same = |one: &Json, other: &Json, keys: &[&str]| keys.iter().all(|key| one[key] == other[key]);
    let before = last.get("activities").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    for activity in seen.get_mut("activities").and_then(Json::as_array_mut).into_iter().flatten() {
        let song: &[&str] = if activity["type"] == 2 { &["details", "state"] } else { &[] };
        let was =
            before.iter().find(|was| same(was, activity, &["type", "name"]) && same(was, activity, song));
        for key in ["timestamps", "created_at"] {
            if let Some(began) = was.and_then(|was| was.get(key)).filter(|began| !began.is_null()) {
                activity[key] = began.clone();
            }
        }
    }
    let (Some(was), Some(now)) = (last.get("spotify"), seen.get_mut("spotify")) else { return };
    if now.is_object() && same(was, now, &["track_id", "song", "artist"]) {
        now["timestamps"] = was["timestamps"].clone();
    }
}
