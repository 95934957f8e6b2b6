//! A presence in the words in which a test's step says one: the other way round from `person`, to be read and
//! changed by people. Pictures are left out, and so is when things began.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::presence::model::{Activity, ActivityType, Presence, Track};
use crate::printable::{escaped, moves};

/// A KV that is longer is not written out.
const KV_BYTES_MAX: usize = 4 << 10;

/// YAML, a line for each thing.
pub fn written(presence: &Presence<'_>) -> String {
    let mut lines = format!("status: {}\n", presence.status.word());
    let mut line = |name: &str, what: String| {
        let _ = writeln!(lines, "{name}: {what}");
    };
    if presence.online() {
        let platforms: Vec<&str> =
            presence.platforms.iter().map(crate::presence::model::Platform::word).collect();
        line("platforms", format!("[{}]", platforms.join(", ")));
        for kind in [
            ActivityType::Playing,
            ActivityType::Streaming,
            ActivityType::Listening,
            ActivityType::Watching,
            ActivityType::Competing,
        ] {
            if kind == ActivityType::Listening && presence.track.is_some() {
                continue;
            }
            let some: Vec<String> =
                named(presence, kind).map(|activity| self::activity(activity, false)).collect();
            match some.as_slice() {
                [] => {}
                [one] => line(kind.word(), one.clone()),
                more => line(kind.word(), format!("[{}]", more.join(", "))),
            }
        }
        if let Some(track) = presence.track.as_ref().filter(|track| !track.song.is_empty()) {
            line("track", self::track(track));
        }
        let others: Vec<String> =
            named(presence, ActivityType::Other).map(|activity| self::activity(activity, true)).collect();
        if !others.is_empty() {
            line("activities", format!("[{}]", others.join(", ")));
        }
        if let Some(custom) = presence.custom_status() {
            let emoji = &custom.emoji;
            let mut fields = Fields::default();
            fields.text("text", &custom.state);
            let mut own = Fields::default();
            own.text("name", &emoji.name);
            own.text("id", &emoji.id);
            fields.add("emoji", &if emoji.id.is_empty() { text(&emoji.name) } else { own.braced() });
            line("custom_status", fields.braced());
        }
    }
    let mut kv = Fields::default();
    presence.kv.iter().for_each(|(key, value)| kv.add(&text(key), &quoted(value)));
    let kv = kv.braced();
    if kv.len() > KV_BYTES_MAX {
        lines.push_str("# Their KV is long: it stays as it is.\n");
    } else if !presence.kv.is_empty() {
        let _ = writeln!(lines, "kv: {kv}");
    }
    lines
}

/// Activities of a type; Discord has none without a name, but who knows.
fn named<'p>(presence: &'p Presence<'_>, kind: ActivityType) -> impl Iterator<Item = &'p Activity<'p>> {
    presence.activities.iter().filter(move |it| it.kind == kind && !it.name.trim().is_empty())
}

fn activity(activity: &Activity<'_>, typed: bool) -> String {
    let mut fields = Fields::default();
    if typed {
        fields.add("type", activity.kind.word());
    }
    fields.text("name", &activity.name);
    for (name, value) in [
        ("details", &activity.details),
        ("state", &activity.state),
        ("url", &activity.url),
        ("application_id", &activity.application_id),
        ("large_text", &activity.large_text),
        ("small_text", &activity.small_text),
    ] {
        fields.text(name, value);
    }
    let (size, max) = (activity.party_size, activity.party_max);
    if size > 0 && u32::try_from(size.max(max)).is_ok() {
        fields.add("party", &format!("{{size: {size}, max: {max}}}"));
    }
    if fields.count == 1 { text(&activity.name) } else { fields.braced() }
}

fn track(track: &Track<'_>) -> String {
    let mut fields = Fields::default();
    fields.text("song", &track.song);
    for (name, value) in [("artist", &track.artist), ("album", &track.album)] {
        fields.text(name, value);
    }
    if track.player != "Spotify" {
        fields.text("player", &track.player);
    }
    fields.braced()
}

#[derive(Default)]
struct Fields {
    count: usize,
    pairs: String,
}

impl Fields {
    fn text(&mut self, name: &str, value: &str) {
        if !value.trim().is_empty() {
            self.add(name, &text(value));
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        let comma = if self.count > 0 { ", " } else { "" };
        let _ = write!(self.pairs, "{comma}{name}: {value}");
        self.count += 1;
    }

    fn braced(&self) -> String {
        format!("{{{}}}", self.pairs)
    }
}

/// A text as YAML takes it within braces: as it stands where it is a plain word, else in quotes.
fn text(text: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '\'');
    let begins = text.starts_with(char::is_alphabetic);
    let ends = text.ends_with(|c: char| c.is_alphanumeric() || c == '.');
    let means_more = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = begins && ends && text.chars().all(word) && !means_more.contains(&&*text.to_lowercase());
    if plain { text.to_owned() } else { quoted(text) }
}

/// In quotes, with escapes for whatever does more than be read, which YAML knows as JSON does.
fn quoted(text: &str) -> String {
    let unknown_to_yaml = |c| matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    escaped(&Json::from(text).to_string(), |c| moves(c) || unknown_to_yaml(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::presence::model::UserId;
    use crate::presence::writing::PresenceJson;
    use crate::rules::compile::compile;
    use crate::rules::places::Source;
    use crate::rules::set::RuleSet;
    use crate::rules::story::Event;
    use crate::rules::story::trial::{Asked, read};
    use crate::rules::vars::NoVars;

    const ADA: UserId = UserId(7);

    fn rules() -> RuleSet {
        compile(Source::new("rules.yaml", "people: {ada: 7}"), &NoVars).ok().unwrap().set
    }

    /// What is written, read again.
    fn read_back(rules: &RuleSet, after: &str) -> String {
        let asked = Asked { after, ..Asked::default() };
        let trial = read(rules, ADA, asked, 0).unwrap_or_else(|slips| panic!("{slips:?}\n{after}"));
        match &trial.story.steps[1].events[0] {
            Event::Presence(_, raw) => raw.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn seen(raw: &str) -> Presence<'_> {
        Presence::parse(raw, Some(ADA)).unwrap().1
    }

    #[test]
    fn a_presence_is_written_as_people_would() {
        let ada = PresenceJson::new(ADA).named("Ada");
        for (presence, expected) in [
            (ada.clone(), "status: offline\n"),
            (ada.clone().kv("a: b", "no"), "status: offline\nkv: {\"a: b\": \"no\"}\n"),
            (
                ada.clone().status("dnd").on(&["desktop", "web"]).playing("Half-Life 2").watching("No"),
                "status: dnd\nplatforms: [desktop, web]\nplaying: {name: Half-Life 2, application_id: ",
            ),
            (
                ada.clone().listening("Song, (live)", "Ed", "").custom("🔥", "busy: no"),
                "status: online\nplatforms: [desktop]\ntrack: {song: \"Song, (live)\", artist: Ed}\n\
                 custom_status: {text: \"busy: no\", emoji: \"🔥\"}\n",
            ),
            (
                ada.listening_on("Tidal", "S", "A"),
                "status: online\nplatforms: [desktop]\ntrack: {song: S, artist: A, player: Tidal}\n",
            ),
        ] {
            let raw = presence.json();
            let written = written(&seen(&raw));
            assert!(written.starts_with(expected), "{written}");
            let back = read_back(&rules(), &written);
            assert_eq!(self::written(&seen(&back)), written);
        }
    }

    proptest! {
        #[test]
        fn whatever_somebody_is_called_and_does_is_read_back(
            texts in proptest::array::uniform8(r"(\PC|[\x00-\x1f\u{85}\u{2028}\u{202e}\u{feff}]|[-{}:#&*!|>'%@`,?\[\]\\]){0,12}"),
        ) {
            let [game, details, state, song, artist, text, key, value] = &texts;
            let presence = PresenceJson::new(ADA)
                .playing_at(&format!("g{game}"), details, state)
                .competing(game)
                .listening(&format!("s{song}"), artist, "")
                .custom("", text)
                .kv(&format!("k{key}"), value);
            let raw = presence.json();
            let shown = seen(&raw);
            let written = written(&shown);
            let back = read_back(&rules(), &written);
            let back = seen(&back);
            let doing = |presence: &Presence<'_>| {
                presence.doing(ActivityType::Playing).map(|it| [it.name.trim(), it.details.trim(), it.state.trim()].join("|"))
            };
            prop_assert_eq!(doing(&back), doing(&shown), "{}", written);
            prop_assert_eq!(back.track.map(|it| it.song.trim().to_owned()), shown.track.as_ref().map(|it| it.song.trim().to_owned()));
            prop_assert_eq!(back.kv.first().map(|it| it.1.to_string()), shown.kv.first().map(|it| it.1.to_string()));
        }
    }
}
