//! The part of the schema that is about `tests:`.

use serde_json::{Map, Value, json};

use super::{VARIABLE, described, object, one_or_list, reference};
use crate::presence::model::{Platform, Status};
use crate::rules::keys::{self, LANYARD_STEPS};
use crate::rules::scope::{Field, Kind, ObjectKind};
use crate::rules::story::words;

pub(super) fn definitions() -> Vec<(&'static str, Value)> {
    let status: Vec<&str> = Status::NAMES.into_iter().chain([words::UNMONITORED]).collect();
    let moment = r"^\s*[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?\s*$";
    vec![
        ("tests", json!({"type": ["array", "null"], "items": reference("test")})),
        ("test", object(keys::TEST, &["steps", "expect"])),
        ("start", json!({"type": "string"})),
        ("moment", json!({"anyOf": [reference("duration"), {"type": "string", "pattern": moment}]})),
        ("steps", one_or_list(&reference("step"))),
        ("step", step()),
        ("lanyard_step", json!({"enum": LANYARD_STEPS})),
        ("restart", json!({"anyOf": [reference("duration"), {"const": true}]})),
        ("expected", one_or_list(&json!({"anyOf": [reference("rule_id"), reference("expectation")]}))),
        ("expectation", expectation()),
        (
            "described",
            json!({"anyOf": [
                {"enum": status, "description": "The status alone; or that Lanyard does not know the person."},
                reference("presence"),
                reference("whole_presence"),
            ]}),
        ),
        ("presence", said(ObjectKind::Person)),
        ("whole_presence", whole()),
        ("platform", json!({"enum": Platform::NAMES})),
        (
            "platforms_said",
            json!({"anyOf": [one_or_list(&reference("platform")), said(ObjectKind::Platforms)]}),
        ),
        ("activity_said", text_or(ObjectKind::Activity)),
        ("party_said", said(ObjectKind::Party)),
        ("track_said", text_or(ObjectKind::Track)),
        ("custom_status_said", text_or(ObjectKind::CustomStatus)),
        ("emoji_said", text_or(ObjectKind::Emoji)),
        ("user_said", said(ObjectKind::User)),
    ]
}

/// Beside a step's own keys there are people.
fn step() -> Value {
    let mut step = object(keys::STEP, &[]);
    step["additionalProperties"] = described(
        reference("described"),
        "How a person, or each member of a group, is from here on: all of it, what is left out is not there. Only `kv`, `user` and `name` stay until they are said anew.",
    );
    step
}

fn expectation() -> Value {
    let mut expectation = object(keys::EXPECT, &[]);
    expectation["minProperties"] = json!(1);
    expectation
}

/// A presence as Lanyard sends it: with one of the keys that nobody else has.
fn whole() -> Value {
    let any = words::LANYARDS.iter().map(|key| json!({"required": [key]}));
    json!({
        "type": "object",
        "description": "A presence as Lanyard sends it.",
        "anyOf": any.collect::<Vec<_>>(),
    })
}

fn text_or(of: ObjectKind) -> Value {
    json!({"anyOf": [reference("text"), said(of)]})
}

/// A mapping of what a test can say of a thing. Null is the same as not saying it.
fn said(of: ObjectKind) -> Value {
    let fields = words::fields(of).map(|field| {
        let value = json!({"anyOf": [value(of, field), {"type": "null"}]});
        (field.name.to_owned(), described(value, field.doc))
    });
    json!({"type": "object", "properties": fields.collect::<Map<_, _>>(), "additionalProperties": false})
}

fn value(of: ObjectKind, field: &Field) -> Value {
    match (of, field.name, field.kind) {
        (ObjectKind::Person, "status", _) => {
            json!({"anyOf": [{"enum": Status::NAMES}, {"type": "string", "pattern": VARIABLE}]})
        }
        (ObjectKind::Activity, "type", _) => json!({"enum": words::types().collect::<Vec<_>>()}),
        (_, _, Kind::Bool) => reference("boolean"),
        (_, _, Kind::Number) => reference("number"),
        (_, _, Kind::TextMap) => json!({"type": "object", "additionalProperties": reference("text")}),
        (_, _, Kind::List(_) | Kind::Object(ObjectKind::Activity)) => {
            one_or_list(&reference("activity_said"))
        }
        (_, _, Kind::Object(ObjectKind::Platforms)) => reference("platforms_said"),
        (_, _, Kind::Object(ObjectKind::Party)) => reference("party_said"),
        (_, _, Kind::Object(ObjectKind::Track)) => reference("track_said"),
        (_, _, Kind::Object(ObjectKind::CustomStatus)) => reference("custom_status_said"),
        (_, _, Kind::Object(ObjectKind::Emoji)) => reference("emoji_said"),
        (_, _, Kind::Object(ObjectKind::User)) => reference("user_said"),
        _ => reference("text"),
    }
}
