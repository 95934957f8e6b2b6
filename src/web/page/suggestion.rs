//! What *Try it* begins with: a change that one of the rules about a person looks for, made of how they are now.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::engine::view::PersonView;
use crate::presence::change::{ChangeKind, diff};
use crate::presence::model::Presence;
use crate::rules::scope::Changed;
use crate::rules::set::{Rule, RuleSet, Trigger, When};
use crate::rules::story::Event;
use crate::rules::story::trial::{Asked, read};
use crate::rules::story::written::written;

/// So many rules are looked at.
const RULES_MAX: usize = 100;
const OFFLINE: &str = "status: offline\n";
const ONLINE: &str = "status: online\nplatforms: [desktop]\n";

pub struct Suggestion {
    pub before: String,
    pub after: String,
    /// The rule that looks for it, and what it calls it; nothing where no rule's change is easily made.
    pub of: Option<(Arc<str>, ChangeKind)>,
}

pub fn suggestion(rules: &RuleSet, person: &PersonView) -> Suggestion {
    let shown = person.shown();
    let now = shown.as_ref().map_or_else(|| OFFLINE.to_owned(), written);
    let online = shown.as_ref().is_some_and(Presence::online);
    let about = rules.rules.iter().filter(|rule| rule.enabled && rule.is_about(Some(person.id)));
    let mut about: Vec<(&Rule, &When)> =
        about.filter_map(|rule| Some((rule, rule.when()?))).take(RULES_MAX).collect();
    // First those that ring, and that ring at once.
    about.sort_by_key(|(_, when)| (when.condition.is_some(), when.hold_for));
    let mut second = None;
    for (rule, when) in about {
        for trigger in &when.triggers {
            let Some((before, after)) = change(rules, trigger, &now, online) else { continue };
            if !is_meant(rules, person, trigger, (&before, &after)) {
                continue;
            }
            let of = Some((Arc::clone(&rule.id), trigger.kind));
            let rank = (when.condition.is_some(), when.hold_for);
            // Of those that are as good, one that begins with how they are now.
            match second.take() {
                Some((better, suggestion)) if better < rank => return suggestion,
                _ if before == now => return Suggestion { before, after, of },
                other => second = other.or(Some((rank, Suggestion { before, after, of }))),
            }
        }
    }
    if let Some((_, suggestion)) = second {
        return suggestion;
    }
    let after = if online { OFFLINE } else { ONLINE };
    Suggestion { before: now, after: after.to_owned(), of: None }
}

/// Before and after a change of a kind, as near as can be to how things are now.
fn change(rules: &RuleSet, trigger: &Trigger, now: &str, online: bool) -> Option<(String, String)> {
    use ChangeKind as K;
    let base = if online { now } else { ONLINE };
    let wanted = |field: &str| wanted(rules, trigger, field);
    let or = |field: &str, word: &str| wanted(field).unwrap_or_else(|| quoted(word));
    let track =
        || format!("{{song: {}, artist: {}}}", or("song", "Little Wing"), or("artist", "Jimi Hendrix"));
    let begins = |field: &str, what: String| {
        let before = without(base, field);
        let after = with(&before, field, &what);
        (before, after)
    };
    let ends = |field: &str, what: String| {
        let (after, before) = begins(field, what);
        (before, after)
    };
    Some(match trigger.kind {
        K::WentOnline => (OFFLINE.to_owned(), base.to_owned()),
        K::WentOffline => (base.to_owned(), OFFLINE.to_owned()),
        K::ChangedStatus => {
            let status =
                |word: &str| if word == "offline" { OFFLINE.to_owned() } else { with(base, "status", word) };
            let before = wanted("from").map_or_else(|| now.to_owned(), |from| status(from.trim_matches('"')));
            let is = |word: &&&str| before.starts_with(&format!("status: {word}\n"));
            let other = ["idle", "online"].iter().find(|word| !is(word)).copied().unwrap_or_default();
            let after = status(wanted("to").as_deref().map_or(other, |to| to.trim_matches('"')));
            (before, after)
        }
        K::JoinedPlatform => {
            (OFFLINE.to_owned(), with(base, "platforms", &format!("[{}]", or("platform", "desktop"))))
        }
        K::LeftPlatform => {
            (with(base, "platforms", &format!("[{}]", or("platform", "desktop"))), OFFLINE.to_owned())
        }
        K::StartedListening => begins("track", track()),
        K::StoppedListening => ends("track", track()),
        K::ChangedTrack => (
            with(base, "track", "{song: The Wind Cries Mary, artist: Jimi Hendrix}"),
            with(base, "track", &track()),
        ),
        K::StartedPlaying | K::StartedActivity => begins("playing", or("name", "Factorio")),
        K::StoppedPlaying | K::StoppedActivity => ends("playing", or("name", "Factorio")),
        K::StartedStreaming => begins("streaming", or("name", "Chess")),
        K::StoppedStreaming => ends("streaming", or("name", "Chess")),
        K::StartedWatching => begins("watching", or("name", "Big Buck Bunny")),
        K::StoppedWatching => ends("watching", or("name", "Big Buck Bunny")),
        K::ChangedCustomStatus => (base.to_owned(), with(base, "custom_status", &or("to", "back soon"))),
        K::ChangedKv => {
            let kept =
                line(now, "kv").and_then(|kv| kv.strip_prefix('{')?.strip_suffix('}')).unwrap_or_default();
            let unknown = ["scene", "mood", "colour"].iter().find(|key| !kept.contains(**key));
            let (key, to) = (or("key", unknown?), or("to", "movie"));
            let comma = if kept.is_empty() { "" } else { ", " };
            (now.to_owned(), with(now, "kv", &format!("{{{key}: {to}{comma}{kept}}}")))
        }
        _ => return None,
    })
}

/// What a trigger is narrowed to, as YAML: the first of its patterns, `*` taken for nothing. No secret.
fn wanted(rules: &RuleSet, trigger: &Trigger, field: &str) -> Option<String> {
    let narrow = trigger.narrow.iter().find(|narrow| narrow.field() == field)?;
    let pattern = narrow.patterns().next()?;
    (rules.shown(pattern) == pattern).then(|| quoted(&pattern.replace('*', "")))
}

fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ')
        && text.starts_with(|c: char| c.is_ascii_alphabetic());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Whether what is written is the change that is looked for.
fn is_meant(rules: &RuleSet, person: &PersonView, trigger: &Trigger, (before, after): (&str, &str)) -> bool {
    let asked = Asked { known: person.raw(), before, after, ..Asked::default() };
    let Ok(trial) = read(rules, person.id, asked, 0) else { return false };
    let said = trial.story.steps.iter().flat_map(|step| &step.events).filter_map(|event| match event {
        Event::Presence(id, raw) => Some(Presence::parse(raw, Some(*id)).ok()?.1),
        _ => None,
    });
    let said: Vec<Presence<'_>> = said.collect();
    let [before, after] = said.as_slice() else { return false };
    let mut changes = Vec::new();
    diff(before, after, &mut changes);
    let mut of_kind = changes.into_iter().filter(|change| change.kind == trigger.kind);
    of_kind.any(|change| trigger.holds(Changed { change, before, after }.into()))
}

/// What a line of a presence says, as `written` writes it.
fn line<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn with(text: &str, name: &str, what: &str) -> String {
    let begin = format!("{name}: ");
    let mut there = false;
    let mut lines = String::new();
    for line in text.lines() {
        let is = line.starts_with(&begin);
        there |= is;
        let _ = if is { writeln!(lines, "{begin}{what}") } else { writeln!(lines, "{line}") };
    }
    if !there {
        let _ = writeln!(lines, "{begin}{what}");
    }
    lines
}

fn without(text: &str, name: &str) -> String {
    let begin = format!("{name}: ");
    text.split_inclusive('\n').filter(|line| !line.starts_with(&begin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::effects::Effects;
    use crate::engine::machine::Engine;
    use crate::lanyard::observation::Observation;
    use crate::outbox::delivery::Memory;
    use crate::presence::model::UserId;
    use crate::presence::writing::PresenceJson;
    use crate::rules::compile::compile;
    use crate::rules::places::Source;
    use crate::rules::vars::Vars;
    use crate::time::Moment;

    const ADA: UserId = UserId(7);

    struct Secret;

    impl Vars for Secret {
        fn variable(&self, _: &str) -> Option<String> {
            Some("T0PSECRET".to_owned())
        }
        fn file(&self, _: &str) -> Result<String, String> {
            Err("is not there".to_owned())
        }
    }

    fn suggested(rules: &str, ada: &PresenceJson) -> Suggestion {
        let text = format!("people: {{ada: 7}}\ntargets: {{screen: {{type: console}}}}\nrules:\n{rules}\n");
        let loaded = compile(Source::new("rules.yaml", text), &Secret);
        let rules = Arc::new(loaded.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false))).set);
        let mut engine = Engine::new(Arc::clone(&rules), Memory::default(), Moment::default(), 1);
        let raw = ada.json();
        let (id, presence) = Presence::parse(&raw, Some(ADA)).unwrap();
        engine.observe(Moment::default(), Observation::Seen(id, presence), &mut Effects::default());
        suggestion(&rules, &engine.person(ADA))
    }

    #[test]
    fn it_is_a_change_that_a_rule_looks_for() {
        let offline = PresenceJson::new(ADA);
        let online = offline.clone().status("online").on(&["desktop"]);
        let busy = online.clone().playing("Braid").listening("One", "A", "B").kv("k", "v");
        for when in [
            "went_online",
            "went_offline",
            "changed_status",
            "{changed_status: {to: dnd}}",
            "{changed_status: {from: offline, to: idle}}",
            "joined_platform",
            "{left_platform: {platform: mobile}}",
            "started_listening",
            "stopped_listening",
            "changed_track",
            "{changed_track: {artist: Hendrix*}}",
            "started_playing",
            "{started_playing: {name: [Half-Life 2, Factorio]}}",
            "stopped_playing",
            "started_watching",
            "stopped_streaming",
            "started_activity",
            "changed_custom_status",
            "changed_kv",
            "{changed_kv: {key: k, to: movie}}",
        ] {
            for ada in [&offline, &online, &busy] {
                let Suggestion { before, after, of } =
                    suggested(&format!("  - {{id: r, who: ada, when: {when}, send: screen}}"), ada);
                // The same key twice cannot be written.
                if of.is_none() && when.contains("key: k") {
                    continue;
                }
                let (rule, kind) = of.unwrap_or_else(|| panic!("{when}: {before}\n{after}"));
                assert!(&*rule == "r" && when.contains(kind.name()), "{when}: {before}\n{after}");
            }
        }
        let Suggestion { before, after, .. } = suggested(
            "  - {id: r, who: ada, when: {started_playing: {name: Half-Life 2}}, send: screen}",
            &online,
        );
        assert_eq!(before, "status: online\nplatforms: [desktop]\n");
        assert_eq!(after, "status: online\nplatforms: [desktop]\nplaying: \"Half-Life 2\"\n");
    }

    #[test]
    fn one_that_rings_goes_before_one_that_may_and_no_secret_is_suggested() {
        let rules = "  - {id: off, enabled: false, who: ada, when: went_online, send: screen}
  - {id: may, who: ada, when: went_online, if: platforms.vr, send: screen}
  - {id: secret, who: ada, when: {changed_kv: {key: '${CODE}'}}, send: screen}
  - {id: rings, who: ada, when: went_offline, send: screen}";
        let ada = PresenceJson::new(ADA).status("online");
        let (rule, kind) = suggested(rules, &ada).of.unwrap();
        assert_eq!((&*rule, kind), ("rings", ChangeKind::WentOffline));
        let secret =
            suggested("  - {id: s, who: ada, when: {changed_kv: {key: '${CODE}'}}, send: screen}", &ada);
        assert!(secret.of.is_none() && !secret.after.contains("T0PSECRET"), "{}", secret.after);
        let rules = "  - {id: other, who: ada, when: went_online, send: screen}
  - {id: now, who: ada, when: [joined_platform, changed_status], send: screen}
  - {id: may, who: ada, when: went_offline, if: platforms.vr, send: screen}";
        let Suggestion { before, of, .. } = suggested(rules, &ada);
        assert_eq!((&*of.unwrap().0, &*before), ("now", "status: online\nplatforms: [desktop]\n"));
        let rules = "  - {id: other, who: ada, when: went_online, send: screen}
  - {id: may, who: ada, when: went_offline, if: platforms.vr, send: screen}";
        assert_eq!(&*suggested(rules, &ada).of.unwrap().0, "other", "what rings for sure goes first");
        let holds = suggested("  - {id: w, who: ada, while: online, enter: screen}", &ada);
        assert!(holds.of.is_none() && holds.before != holds.after);
    }
}
