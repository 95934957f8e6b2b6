//! What can be tried, and what comes of it.

use serde_json::{Value, json};

use super::{Named, cause, change, list, object, one_of, or_null, reference, text, time, truth, whole};
use crate::presence::model::Status;
use crate::rules::duration::spell_duration;
use crate::rules::story::trial::{LONG_ENOUGH, NOW, WATCHED_MAX};
use crate::targets::KINDS;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Trial", trial()),
        (
            "Tried",
            object(json!({
                "person": reference("PersonName"),
                "before": text(),
                "after": text(),
                "before_ms": whole(),
                "at": time(),
                "watched_ms": whole(),
                "given_up": truth(),
                "changes": list("TriedChange"),
                "rules": list("TriedRule"),
                "more": whole(),
                "others": whole(),
                "flooded": truth(),
                "left_out": whole(),
                "notes": {"type": "array", "items": text()},
            })),
        ),
        (
            "TriedChange",
            object(json!({
                "after_ms": whole(),
                "person": reference("PersonName"),
                "change": change(),
                "key": or_null(text()),
                "from": or_null(text()),
                "to": or_null(text()),
            })),
        ),
        (
            "TriedRule",
            object(json!({
                "rule": text(),
                "rings": truth(),
                "why": text(),
                "values": list("PartOfCondition"),
                "asked": list("TriedVerdict"),
                "rang": list("TriedRing"),
            })),
        ),
        (
            "TriedVerdict",
            object(json!({
                "after_ms": whole(),
                "person": or_null(reference("PersonName")),
                "cause": cause(),
                "verdict": reference("Verdict"),
                "values": list("PartOfCondition"),
            })),
        ),
        (
            "TriedRing",
            object(json!({
                "after_ms": whole(),
                "person": or_null(reference("PersonName")),
                "messages": list("TriedMessage"),
            })),
        ),
        ("TriedMessage", message(json!({"instead": {"type": "array", "items": message(json!({}))}}))),
        (
            "MaskedRequest",
            object(json!({
                "method": text(),
                "address": text(),
                "headers": {"type": "array", "items": object(json!({"name": text(), "value": text()}))},
                "body": text(),
                "cut": truth(),
            })),
        ),
    ]
}

/// Exactly one of `request`, `line` and `unready` is there.
fn message(mut more: Value) -> Value {
    more["to"] = text();
    more["type"] = or_null(one_of(KINDS.iter().map(|kind| kind.name)));
    more["request"] = or_null(reference("MaskedRequest"));
    more["line"] = or_null(text());
    more["unready"] = or_null(text());
    object(more)
}

fn trial() -> Value {
    let words = Status::NAMES.join("`, `");
    let presence = |says: &str| {
        json!({
            "anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}],
            "description": format!(
                "{says} As a step of `tests:` says it (`{{\"status\": \"online\", \"playing\": \"Factorio\"}}`), as \
                 Lanyard does, as a text in YAML, or in a word: `{words}`, `unmonitored`."
            ),
        })
    };
    let most = spell_duration(WATCHED_MAX);
    let described = |says: &str| json!({"type": "string", "description": says});
    json!({
        "type": "object",
        "properties": {
            "person": described("The person's name in the rules file, or their id."),
            "before": presence("How the person has been; offline if it is not given."),
            "after": presence("How they are from then on."),
            "at": described(&format!(
                "When that is, by the file's time zone: `21:30`, `saturday 21:30` or `2026-11-24 21:30`; `{NOW}` if it is \
                 not given."
            )),
            "wait": described(&format!(
                "For how long what follows is watched: `5m`, at most `{most}`; `{LONG_ENOUGH}` for the longest `for`, `grace` \
                 and `smoothing` if it is not given."
            )),
        },
        "required": ["person", "after"],
        "additionalProperties": false,
    })
}
