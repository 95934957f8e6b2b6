//! Narrowed changes as a table: what was, what is, and which patterns mean it.

use super::*;
use crate::presence::change::diff;
use crate::presence::model::Presence;

const NOBODY: &str = r#"{"user_id":"1"}"#;
const DOING: &str = r#"{"user_id":"1","discord_user":{"username":"al","global_name":"Älice"},
    "discord_status":"dnd","active_on_discord_vr":true,
    "activities":[{"type":0,"name":"Half-Life: Alyx","details":"ch. 1"},{"type":4,"state":"brb","emoji":{"name":"🦀"}}],
    "spotify":{"track_id":"t","song":"Song","artist":"Ärzte"},
    "kv":{"scene":"movie"}}"#;
const ELSE: &str = r#"{"user_id":"1","discord_user":{"username":"al2"},"discord_status":"idle",
    "activities":[{"type":0,"name":"Half-Life: Alyx","details":"ch. 2"}],
    "spotify":{"track_id":"u","song":"Other"},
    "kv":{"scene":"work"}}"#;

/// Whether the first change of `kind` between two presences is meant.
fn holds(before: &str, after: &str, kind: &str, field: &str, patterns: &[&str]) -> bool {
    let kind = ChangeKind::from_name(kind).unwrap();
    let narrow = Narrow::compile(kind, field, patterns, &[]).unwrap();
    let before = Presence::parse(before, None).unwrap().1;
    let after = Presence::parse(after, None).unwrap().1;
    let mut changes = Vec::new();
    diff(&before, &after, &mut changes);
    let change = changes.into_iter().find(|change| change.kind == kind).expect("such a change");
    narrow.holds(Changed { change, before: &before, after: &after }.into())
}

#[test]
fn each_kind_of_change_is_narrowed_by_its_own_fields() {
    let table: &[(&str, &str, &str, &str, &[&str], bool)] = &[
        (NOBODY, DOING, "changed_status", "to", &["dnd"], true),
        (NOBODY, DOING, "changed_status", "to", &["DND"], true),
        (NOBODY, DOING, "changed_status", "from", &["off*"], true),
        (NOBODY, DOING, "changed_status", "from", &["idle", "/on/"], false),
        (NOBODY, DOING, "went_online", "to", &["idle", "dnd"], true),
        (DOING, NOBODY, "went_offline", "from", &["idle"], false),
        (NOBODY, DOING, "joined_platform", "platform", &["vr"], true),
        (NOBODY, DOING, "joined_platform", "platform", &["desktop"], false),
        (DOING, NOBODY, "left_platform", "platform", &["vr"], true),
        (NOBODY, DOING, "started_listening", "song", &["song"], true),
        (NOBODY, DOING, "started_listening", "artist", &["ärzte"], true),
        (DOING, ELSE, "changed_track", "song", &["Other"], true),
        (DOING, ELSE, "changed_track", "song", &["Song"], false),
        (DOING, ELSE, "changed_track", "artist", &[""], true),
        (DOING, NOBODY, "stopped_listening", "song", &["Song"], true),
        (NOBODY, DOING, "started_playing", "name", &["Factorio", "Counter*", "/^Half-Life/i"], true),
        (NOBODY, DOING, "started_playing", "name", &["half-life"], false),
        (NOBODY, DOING, "started_activity", "type", &["playing"], true),
        (DOING, ELSE, "changed_activity", "details", &["*2"], true),
        (DOING, ELSE, "changed_activity", "details", &["*1"], false),
        (DOING, NOBODY, "stopped_playing", "name", &["Half*"], true),
        (NOBODY, DOING, "changed_custom_status", "text", &["brb"], true),
        (NOBODY, DOING, "changed_custom_status", "emoji", &["🦀"], true),
        (DOING, NOBODY, "changed_custom_status", "text", &[""], true),
        (DOING, NOBODY, "changed_custom_status", "text", &["?*"], false),
        (DOING, ELSE, "changed_profile", "username", &["al2"], true),
        (DOING, ELSE, "changed_profile", "name", &["al2"], true),
        (NOBODY, DOING, "changed_profile", "name", &["älice"], true),
        (DOING, ELSE, "changed_kv", "key", &["scene"], true),
        (DOING, ELSE, "changed_kv", "from", &["movie"], true),
        (DOING, ELSE, "changed_kv", "to", &["movie"], false),
        (DOING, NOBODY, "changed_kv", "to", &[""], true),
        (DOING, NOBODY, "changed_kv", "key", &["scene"], true),
    ];
    for (before, after, kind, field, patterns, expected) in table {
        assert_eq!(holds(before, after, kind, field, patterns), *expected, "{kind}.{field} {patterns:?}");
    }
}

#[test]
fn what_can_never_match_is_a_mistake() {
    let table: &[(&str, &str, &[&str], &str)] = &[
        (
            "changed_status",
            "to",
            &["onlin"],
            "0: `to` of `changed_status` is never `onlin`; did you mean `online`?",
        ),
        (
            "went_online",
            "from",
            &["idle"],
            "0: `from` of `went_online` is never `idle`; known here: `offline`",
        ),
        (
            "went_online",
            "to",
            &["idle", "offline"],
            "1: `to` of `went_online` is never `offline`; did you mean `online`?",
        ),
        (
            "changed_status",
            "to",
            &["x*", "/^y/"],
            "0: `to` of `changed_status` never matches `x*`; known here: `online`, `idle`, `dnd`, `offline` | \
             1: `to` of `changed_status` never matches `/^y/`; known here: `online`, `idle`, `dnd`, `offline`",
        ),
        (
            "joined_platform",
            "platform",
            &["dekstop"],
            "0: `platform` of `joined_platform` is never `dekstop`; did you mean `desktop`?",
        ),
        (
            "started_playing",
            "type",
            &["watching"],
            "0: `type` of `started_playing` is never `watching`; known here: `playing`",
        ),
        (
            "started_playing",
            "nmae",
            &["x"],
            "field: `started_playing` has no field `nmae`; did you mean `name`?",
        ),
        (
            "became_monitored",
            "name",
            &["x"],
            "field: `became_monitored` has no field `name`; write `became_monitored` alone: it cannot be narrowed",
        ),
        (
            "changed_kv",
            "kind",
            &["x"],
            "field: `changed_kv` has no field `kind`; known here: `key`, `from`, `to`",
        ),
        ("changed_kv", "to", &[], "field: no pattern for `to`, so nothing can match"),
        ("changed_kv", "to", &["/(/"], "0: not a regex: unclosed group"),
    ];
    for (kind, field, patterns, expected) in table {
        let misfits =
            Narrow::compile(ChangeKind::from_name(kind).unwrap(), field, patterns, &[]).unwrap_err();
        let told: Vec<String> = misfits
            .into_iter()
            .map(|Misfit { pattern, mistake }| {
                let place = pattern.map_or("field".to_owned(), |at| at.to_string());
                let help = mistake.help.map_or(String::new(), |help| format!("; {help}"));
                format!("{place}: {}{help}", mistake.what)
            })
            .collect();
        assert_eq!(told.join(" | "), *expected, "{kind}.{field} {patterns:?}");
    }
}

#[test]
fn every_field_can_be_read_and_is_explained() {
    let after = Presence::parse(DOING, None).unwrap().1;
    let before = Presence::parse(ELSE, None).unwrap().1;
    let mut changes = Vec::new();
    diff(&before, &after, &mut changes);
    for change in changes {
        for (field, doc) in narrow_fields(change.kind) {
            assert!(!doc.is_empty(), "{field}");
            let any = Narrow::compile(change.kind, field, &["*"], &[]).unwrap();
            assert!(any.holds(Changed { change, before: &before, after: &after }.into()), "{field}");
        }
    }
}
