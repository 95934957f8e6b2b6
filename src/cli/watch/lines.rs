//! What `watch` prints: how people are, and what changes; for people or as JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::cli::style::{self, paint, plain};
use crate::cli::words::{ago, count, date};
use crate::engine::effects::Told;
use crate::presence::by_id::ById;
use crate::presence::model::{Activity, ActivityType, Presence, UserId};
use crate::printable;
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// Of a crowd, so many are shown one by one; a script is told of all of them.
const SEEN_MAX: usize = 50;
/// Names are written one below the other up to this many characters.
const NAME_CHARS_MAX: usize = 24;
/// The longest name of a change.
const CHANGE_CHARS: usize = 21;
/// Of a custom status or a KV value, so much is shown; a script is given all of it.
const TEXT_CHARS_MAX: usize = 200;

pub struct Lines {
    json: bool,
    zone: TimeZone,
    /// Name and display name in the rules file.
    called: ById<(String, String)>,
    name_width: usize,
    /// Seen for the first time since a snapshot began; who is online first.
    seen: Vec<(bool, String)>,
    unshown: usize,
    unshown_online: usize,
    ready: Vec<String>,
}

impl Lines {
    pub fn new(rules: &RuleSet, json: bool) -> Self {
        let people = rules.people.iter();
        let called: ById<_> =
            people.map(|person| (person.id, (person.key.clone(), person.name.clone()))).collect();
        let widest = called.values().map(|(key, _)| plain(key).chars().count()).max().unwrap_or(0);
        Self {
            json,
            zone: TimeZone::system(),
            called,
            name_width: widest.clamp(8, NAME_CHARS_MAX),
            seen: Vec::new(),
            unshown: 0,
            unshown_online: 0,
            ready: Vec::new(),
        }
    }

    /// Somebody is heard of for the first time.
    pub fn seen(&mut self, now: Moment, id: UserId, presence: &Presence<'_>) {
        if self.json {
            let line = self.seen_json(now, id, presence);
            return self.ready.push(line);
        }
        if self.seen.len() >= SEEN_MAX {
            self.unshown += 1;
            self.unshown_online += usize::from(presence.online());
            return;
        }
        let shown = presence.user.shown_name();
        let who = self.who(id, shown);
        let line = format!("{}  {who}  is {}", self.time(now), state(presence));
        self.seen.push((presence.online(), line));
    }

    /// All who are there have been seen.
    pub fn snapshot_ends(&mut self) {
        self.seen.sort_by_key(|(online, _)| !*online);
        self.ready.extend(self.seen.drain(..).map(|(_, line)| line));
        let (more, online) = (std::mem::take(&mut self.unshown), std::mem::take(&mut self.unshown_online));
        if more > 0 {
            self.ready.push(format!("and {}, {online} of them not offline", count(more, "other", "others")));
        }
    }

    pub fn changed(&mut self, now: Moment, told: impl Iterator<Item = Told>) {
        for told in told {
            let Told::Change { person, name, kind, key, from, to, late_ms } = told else { continue };
            let line = if self.json {
                let some = |text: String| if text.is_empty() { Value::Null } else { text.into() };
                let mut line = self.head(now, person, &name, kind.name());
                line.insert("key".to_owned(), some(key));
                line.insert("from".to_owned(), some(from));
                line.insert("to".to_owned(), some(to));
                line.insert("late".to_owned(), late_ms.is_some().into());
                line.insert("gap_ms".to_owned(), late_ms.into());
                printable::json_line(&line.into())
            } else {
                let who = self.who(person, &name);
                let what = paint(style::HEAD, format!("{:<CHANGE_CHARS$}", kind.name()));
                let key = if key.is_empty() { String::new() } else { format!("  {}:", short(&key)) };
                let late = late_ms.map_or_else(String::new, |gap_ms| {
                    paint(style::ODD, format!("  (late: found after a gap of {})", ago(gap_ms)))
                });
                format!("{}  {who}  {what}{key}{}{late}", self.time(now), sides(&from, &to))
            };
            self.ready.push(line);
        }
    }

    /// What is to be printed now.
    pub fn take(&mut self) -> Vec<String> {
        // Whoever turns up in an update is in no snapshot.
        self.snapshot_ends();
        std::mem::take(&mut self.ready)
    }

    fn time(&self, now: Moment) -> String {
        let time = Timestamp::from_millisecond(now.wall_ms).map_or_else(
            |_| "--:--:--".to_owned(),
            |at| at.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string(),
        );
        paint(style::FAINT, time)
    }

    /// The name in the rules file, else the one that Discord shows.
    fn who(&self, id: UserId, shown: &str) -> String {
        let name = self.called(id).unwrap_or(shown);
        let name = if name.is_empty() { id.to_string() } else { short(name) };
        paint(style::NAME, format!("{name:<width$}", width = self.name_width))
    }

    /// The name in the rules file, if there is one.
    fn called(&self, id: UserId) -> Option<&str> {
        self.called.get(&id).map(|(key, _)| key.as_str()).filter(|key| *key != id.to_string())
    }

    fn head(&self, now: Moment, id: UserId, name: &str, change: &str) -> Map<String, Value> {
        let head = json!({
            "at": date(now.wall_ms), "person": id.to_string(), "called": self.called(id), "name": name, "change": change,
        });
        if let Value::Object(head) = head { head } else { Map::new() }
    }

    fn seen_json(&self, now: Moment, id: UserId, presence: &Presence<'_>) -> String {
        let name = self.called.get(&id).map(|(_, name)| name.as_str()).filter(|name| !name.is_empty());
        let mut line = self.head(now, id, name.unwrap_or(presence.user.shown_name()), "seen");
        let doing = |kind| presence.doing(kind).map(|activity| activity.name.to_string());
        let more = json!({
            "key": null, "from": null, "to": presence.status.word(), "late": false, "gap_ms": null,
            "platforms": presence.platforms.iter().map(crate::presence::model::Platform::word).collect::<Vec<_>>(),
            "playing": doing(ActivityType::Playing),
            "streaming": doing(ActivityType::Streaming),
            "listening": heard(presence),
            "watching": doing(ActivityType::Watching),
            "competing": doing(ActivityType::Competing),
            "custom_status": presence.custom_status().map(said),
        });
        if let Value::Object(more) = more {
            line.extend(more);
        }
        printable::json_line(&line.into())
    }
}

/// `  from → to`, or the side that is there.
fn sides(from: &str, to: &str) -> String {
    match (from.is_empty(), to.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!("  {}", short(to)),
        (false, true) => format!("  {} → –", short(from)),
        (false, false) => format!("  {} → {}", short(from), short(to)),
    }
}

/// `online on desktop, web; plays Factorio; hears Song by Artist; “brb”`
fn state(presence: &Presence<'_>) -> String {
    let on: Vec<&str> = presence.platforms.iter().map(crate::presence::model::Platform::word).collect();
    let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(", ")) };
    let word = presence.status.word();
    let style = if presence.online() { style::GOOD } else { style::FAINT };
    let mut parts = vec![format!("{}{on}", paint(style, word))];
    for (kind, verb) in [
        (ActivityType::Playing, "plays"),
        (ActivityType::Streaming, "streams"),
        (ActivityType::Watching, "watches"),
        (ActivityType::Competing, "competes in"),
    ] {
        parts.extend(presence.doing(kind).map(|activity| format!("{verb} {}", short(&activity.name))));
    }
    parts.extend(heard(presence).map(|heard| format!("hears {}", short(&heard))));
    let says = presence.custom_status().map(said).filter(|said| !said.is_empty());
    parts.extend(says.map(|said| format!("“{}”", short(&said))));
    parts.join("; ")
}

fn heard(presence: &Presence<'_>) -> Option<String> {
    presence.track.as_ref().map(|track| format!("{} by {}", track.song, track.artist))
}

fn said(status: &Activity<'_>) -> String {
    [&*status.emoji.name, &*status.state].join(" ").trim().to_owned()
}

/// Fit for a line.
fn short(text: &str) -> String {
    let mut chars = text.chars();
    let short: String = plain(&chars.by_ref().take(TEXT_CHARS_MAX).collect::<String>());
    if chars.next().is_some() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::change::ChangeKind;
    use crate::presence::writing::PresenceJson;
    use crate::rules::compile::compile_people;
    use crate::rules::places::Source;
    use crate::rules::vars::NoVars;

    const ADA: UserId = UserId(94_490_510_688_792_576);
    const NOW: Moment = Moment { mono: std::time::Duration::ZERO, wall_ms: 1_767_225_600_000 };

    fn lines(json: bool) -> Lines {
        let text = format!("people: {{ada: {ADA}}}\nrules: whatever, it is not read");
        let rules = compile_people(Source::new("rules.yaml", text), &NoVars);
        let rules = rules.unwrap_or_else(|mistakes| panic!("{}", mistakes.summary()));
        Lines { zone: TimeZone::UTC, ..Lines::new(&rules, json) }
    }

    fn change(kind: ChangeKind, key: &str, (from, to): (&str, &str), late_ms: Option<i64>) -> Told {
        let (key, from, to) = (key.to_owned(), from.to_owned(), to.to_owned());
        Told::Change { person: ADA, name: "Ada L".to_owned(), kind, key, from, to, late_ms }
    }

    fn story(lines: &mut Lines) -> Vec<String> {
        let ada = PresenceJson::new(ADA).named("Ada L").status("dnd").on(&["desktop", "web"]);
        let ada =
            ada.playing("Factorio").listening("Song", "Artist", "A").custom("🔥", "b\u{1b}[2Jrb").json();
        let stranger = PresenceJson::new(UserId(7)).named("Evil\u{202e}").json();
        for (id, raw) in [(UserId(7), &stranger), (ADA, &ada)] {
            lines.seen(NOW, id, &Presence::parse(raw, Some(id)).unwrap().1);
        }
        lines.snapshot_ends();
        let told = [
            change(ChangeKind::ChangedTrack, "", ("Song by Artist", "Next\n by Artist"), None),
            change(ChangeKind::StoppedPlaying, "", ("Factorio", ""), Some(185_000)),
            change(ChangeKind::ChangedKv, "scene", ("", "movie"), None),
        ];
        lines.changed(NOW, told.into_iter());
        lines.take().iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn lines_for_people_are_short_and_move_no_cursor() {
        assert_eq!(
            story(&mut lines(false)),
            [
                "00:00:00  ada       is dnd on desktop, web; plays Factorio; hears Song by Artist; “🔥 b\u{fffd}[2Jrb”",
                "00:00:00  Evil\u{fffd}     is offline",
                "00:00:00  ada       changed_track          Song by Artist → Next\u{fffd} by Artist",
                "00:00:00  ada       stopped_playing        Factorio → –  (late: found after a gap of 3m)",
                "00:00:00  ada       changed_kv             scene:  movie",
            ]
        );
    }

    #[test]
    fn lines_for_scripts_have_the_same_names_each_time() {
        let lines = story(&mut lines(true));
        let read: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (line, value) in lines.iter().zip(&read) {
            assert!(!line.contains(printable::moves), "{line:?}");
            for name in ["at", "person", "called", "name", "change", "key", "from", "to", "late", "gap_ms"] {
                assert!(value.get(name).is_some(), "{name}: {line}");
            }
        }
        assert_eq!(read[0]["called"], Value::Null);
        let (seen, track, late, kv) = (&read[1], &read[2], &read[3], &read[4]);
        assert_eq!(
            (&seen["change"], &seen["to"], &seen["called"]),
            (&json!("seen"), &json!("dnd"), &json!("ada"))
        );
        assert_eq!((&seen["platforms"], &seen["playing"]), (&json!(["desktop", "web"]), &json!("Factorio")));
        assert_eq!(
            (&track["at"], &track["to"]),
            (&json!("2026-01-01T00:00:00Z"), &json!("Next\n by Artist"))
        );
        assert_eq!(
            (&late["to"], &late["late"], &late["gap_ms"]),
            (&Value::Null, &json!(true), &json!(185_000))
        );
        assert_eq!((&kv["key"], &kv["from"], &kv["to"]), (&json!("scene"), &Value::Null, &json!("movie")));
    }

    #[test]
    fn of_a_crowd_only_some_are_shown() {
        let mut lines = lines(false);
        let raw = PresenceJson::new(UserId(7)).status("online").json();
        let (_, presence) = Presence::parse(&raw, None).unwrap();
        (0..200).for_each(|id| lines.seen(NOW, UserId(id), &presence));
        let shown = lines.take();
        assert_eq!(shown.len(), SEEN_MAX + 1);
        assert_eq!(shown[SEEN_MAX], "and 150 others, 150 of them not offline");
    }
}
