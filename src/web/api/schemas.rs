//! The shapes of answers, for the `OpenAPI` document.
#![expect(clippy::needless_pass_by_value, reason = "a schema is written where it is used")]

mod trials;

use serde_json::{Map, Value, json};

use super::activity::TYPES;
use super::status::HEALTHS;
use crate::engine::diary::stretch::Lane;
use crate::engine::explain::Stands;
use crate::engine::person::Standing;
use crate::engine::timers::TimerKind;
use crate::engine::verdict::Verdict;
use crate::outbox::delivery::{End, Fate};
use crate::outbox::shown::Waits;
use crate::presence::change::ChangeKind;
use crate::presence::model::{ActivityType, Platform, Status};
use crate::rules::cause::Cause;
use crate::targets::KINDS;

/// By name, as references call them.
pub fn schemas() -> Value {
    let mut all = Map::new();
    for (name, schema) in answers()
        .into_iter()
        .chain(people())
        .chain(days())
        .chain(happenings())
        .chain(deliveries())
        .chain(trials::schemas())
    {
        all.insert(name.to_owned(), schema);
    }
    all.into()
}

type Named = (&'static str, Value);

fn answers() -> Vec<Named> {
    let verdicts = Verdict::WORDS.iter().map(|word| ((*word).to_owned(), whole())).collect::<Map<_, _>>();
    vec![
        ("Error", object(json!({"error": text()}))),
        ("Document", json!({"type": "object"})),
        (
            "Status",
            object(json!({
                "version": text(),
                "started": time(),
                "dry_run": truth(),
                "timezone": or_null(text()),
                "parts": {"type": "object", "description": "As `/readyz` says it."},
                "targets": {"type": "object", "additionalProperties": reference("Target")},
            })),
        ),
        (
            "Target",
            object(json!({
                "kind": one_of(KINDS.iter().map(|kind| kind.name)),
                "state": one_of(HEALTHS),
                "since": or_null(time()),
                "until": or_null(time()),
                "why": or_null(text()),
            })),
        ),
        ("Rules", object(json!({"rules": list("Rule"), "next": or_null(text())}))),
        (
            "Rule",
            object(json!({
                "id": text(),
                "enabled": truth(),
                "kind": one_of(["when", "while"]),
                "who": or_null(object(json!({
                    "everyone": truth(),
                    "people": list("PersonName"),
                    "count": or_null(whole()),
                }))),
                "changes": {"type": "array", "items": change()},
                "condition": or_null(text()),
                "targets": {"type": "array", "items": text()},
                "on": or_null(whole()),
                "timers": object(json!({
                    "count": {"type": "integer", "minimum": 0, "description": "How many run. Keys of `dedupe` are not counted."},
                    "next": list("Timer"),
                })),
                "verdicts": object(verdicts.into()),
                "rang": or_null(reference("Last")),
                "last": or_null(reference("Last")),
            })),
        ),
        (
            "Timer",
            object(json!({
                "kind": one_of(TimerKind::WORDS),
                "person": or_null(reference("PersonName")),
                "at": {
                    "anyOf": [time(), {"type": "null"}],
                    "description": "When it ends; `null` if it has, and waits for its person to be seen again or for the rule \
                                    to be switched on.",
                },
            })),
        ),
        ("Explanations", object(json!({"rule": text(), "explained": list("Explanation"), "more": whole()}))),
        (
            "Explanation",
            object(json!({
                "person": or_null(reference("PersonName")),
                "answer": {
                    "type": "string",
                    "description": "Whether it would ring now: a sentence that begins with `yes` or `no`.",
                },
                "shut": or_null(text()),
                "gates": list("Gate"),
                "last": or_null(reference("Last")),
                "last_values": list("PartOfCondition"),
            })),
        ),
        (
            "Gate",
            object(json!({
                "gate": text(),
                "stands": one_of(Stands::WORDS),
                "why": text(),
                "values": list("PartOfCondition"),
            })),
        ),
        (
            "Last",
            object(json!({
                "at": time(),
                "person": or_null(reference("PersonName")),
                "cause": cause(),
                "verdict": reference("Verdict"),
            })),
        ),
        ("Verdict", object(json!({"word": verdict_word(), "rings": truth(), "text": text()}))),
    ]
}

fn verdict_word() -> Value {
    let meant =
        Verdict::WORDS.iter().zip(Verdict::MEANINGS).map(|(word, means)| format!("`{word}`: {means}"));
    json!({"enum": Verdict::WORDS, "description": meant.collect::<Vec<_>>().join(", ")})
}

fn people() -> Vec<Named> {
    vec![
        ("People", object(json!({"people": list("Person"), "next": or_null(text())}))),
        ("PersonName", object(json!({"id": text(), "key": or_null(text()), "name": or_null(text())}))),
        (
            "Person",
            object(json!({
                "id": text(),
                "key": or_null(text()),
                "name": or_null(text()),
                "standing": one_of(Standing::WORDS),
                "advice": or_null(text()),
                "heard": or_null(time()),
                "smoothed": truth(),
                "presence": or_null(reference("Presence")),
            })),
        ),
        (
            "Presence",
            object(json!({
                "username": or_null(text()),
                "display_name": {
                    "anyOf": [text(), {"type": "null"}],
                    "description": "What Discord shows in place of `username`.",
                },
                "avatar_url": text(),
                "status": one_of(Status::NAMES),
                "status_since": or_null(time()),
                "online": truth(),
                "online_since": or_null(time()),
                "platforms": {"type": "array", "items": one_of(Platform::NAMES)},
                "custom_status": or_null(object(json!({"text": or_null(text()), "emoji": or_null(text())}))),
                "activities": list("DiscordActivity"),
                "track": or_null(reference("Track")),
            })),
        ),
        (
            "DiscordActivity",
            object(json!({
                "type": one_of(ActivityType::NAMES),
                "name": text(),
                "details": or_null(text()),
                "state": or_null(text()),
                "since": or_null(time()),
                "ends": or_null(time()),
                "smoothed": truth(),
            })),
        ),
        (
            "Track",
            object(json!({
                "song": text(),
                "artist": or_null(text()),
                "album": or_null(text()),
                "player": or_null(text()),
                "album_art_url": or_null(text()),
                "started": or_null(time()),
                "ends": or_null(time()),
            })),
        ),
    ]
}

fn days() -> Vec<Named> {
    vec![
        (
            "Day",
            object(json!({
                "person": reference("PersonName"),
                "from": time(),
                "to": time(),
                "kept_from": or_null(time()),
                "lanes": list("Lane"),
                "unwatched": {"type": "array", "items": object(json!({"from": time(), "to": time()}))},
                "marks": list("Mark"),
                "more_marks": truth(),
            })),
        ),
        ("Lane", object(json!({"lane": one_of(Lane::WORDS), "stretches": list("Stretch")}))),
        (
            "Stretch",
            object(json!({
                "name": or_null(text()),
                "from": time(),
                "to": time(),
                "goes_on": truth(),
                "parts": whole(),
            })),
        ),
        ("Mark", object(json!({"rule": text(), "at": time(), "deliveries": list("MarkDelivery")}))),
        ("MarkDelivery", object(json!({"number": whole(), "target": text(), "state": one_of(Fate::WORDS)}))),
    ]
}

fn happenings() -> Vec<Named> {
    let entry = |word: &str, mut more: Value| {
        more["number"] = whole();
        more["at"] = time();
        more["type"] = json!({"const": word});
        object(more)
    };
    let [changed, judged, left_out] = TYPES;
    let change = entry(
        changed,
        json!({
            "person": reference("PersonName"),
            "change": change(),
            "key": or_null(text()),
            "from": or_null(text()),
            "to": or_null(text()),
            "late_ms": or_null(json!({"type": "integer"})),
        }),
    );
    let verdict = entry(
        judged,
        json!({
            "rule": text(),
            "person": or_null(reference("PersonName")),
            "cause": cause(),
            "verdict": reference("Verdict"),
            "values": list("PartOfCondition"),
        }),
    );
    let missed = entry(left_out, json!({"changes": whole(), "verdicts": whole()}));
    vec![
        ("Activity", object(json!({"entries": list("Entry"), "gap": truth(), "cursor": whole()}))),
        ("Entry", json!({"oneOf": [change, verdict, missed]})),
        ("Lost", object(json!({"events": or_null(whole())}))),
        (
            "Owed",
            object(json!({
                "pending": {
                    "type": "object",
                    "description": "By target, deliveries that are on their way; without those that are owed nothing.",
                    "additionalProperties": whole(),
                },
            })),
        ),
        ("PartOfCondition", object(json!({"part": text(), "value": text()}))),
    ]
}

fn deliveries() -> Vec<Named> {
    let delivery = json!({
        "number": whole(),
        "id": text(),
        "state": one_of(Fate::WORDS),
        "target": text(),
        "rule": text(),
        "person": or_null(text()),
        "called": or_null(text()),
        "created": time(),
        "expires": time(),
        "next": or_null(time()),
        "settled": or_null(time()),
        "attempts": whole(),
        "last_attempt": or_null(reference("Attempt")),
        "fallback_of": or_null(reference("Sibling")),
        "fell_back_to": or_null(reference("Sibling")),
        "fallbacks": json!({"type": "array", "items": text()}),
        "says": {
            "anyOf": [text(), {"type": "null"}],
            "description": "The first line of its text, or what comes nearest to one; `null` if it has no words.",
        },
        "message": {"type": "object"},
        "waits": or_null(object(json!({
            "for": one_of(Waits::WORDS),
            "until": or_null(time()),
            "last_attempt": or_null(reference("Attempt")),
        }))),
    });
    let mut with_tries = delivery.clone();
    with_tries["tries"] = list("Try");
    vec![
        ("Deliveries", object(json!({"deliveries": list("Delivery"), "next": or_null(whole())}))),
        ("Delivery", object(delivery)),
        ("DeliveryWithTries", object(with_tries)),
        ("Dropped", object(json!({"number": whole(), "dropped": truth()}))),
        ("Sibling", object(json!({"number": whole(), "target": text()}))),
        ("Attempt", object(json!({"status": or_null(whole()), "answer": text(), "took_ms": whole()}))),
        (
            "Try",
            object(json!({
                "number": whole(),
                "ended": or_null(time()),
                "status": or_null(whole()),
                "answer": text(),
                "took_ms": whole(),
                "then": one_of(End::ALL.map(End::word)),
                "next": or_null(time()),
            })),
        ),
    ]
}

/// An object with exactly these, none of them missing.
fn object(properties: Value) -> Value {
    let required: Vec<String> =
        properties.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn list(of: &str) -> Value {
    json!({"type": "array", "items": reference(of)})
}

fn reference(to: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{to}")})
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> Value {
    json!({"enum": words.into_iter().collect::<Vec<_>>()})
}

fn change() -> Value {
    one_of(ChangeKind::ALL.iter().map(|kind| kind.name()))
}

fn cause() -> Value {
    let changes = ChangeKind::ALL.iter().map(|&kind| Cause::Change(kind));
    one_of(changes.chain([Cause::Enter, Cause::Exit]).map(Cause::name))
}

fn text() -> Value {
    json!({"type": "string"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn truth() -> Value {
    json!({"type": "boolean"})
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}
