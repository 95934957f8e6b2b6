//! JSON Schema of the rules file, for editors: made from the tables that the checker reads.

mod tests;

use serde_json::{Map, Value, json};

use super::keys::{self, GROUP_BY, OTHERWISE, SUBSCRIBE, Setting};
use super::matcher::{narrow_fields, words};
use super::scope::ObjectKind;
use crate::presence::change::ChangeKind;
use crate::targets::{KINDS, Key, Kind, Shape};

/// What every text may hold instead of its value: `${VAR}` is filled in later.
const VARIABLE: &str = r"\$\{";

/// The whole schema, draft 2020-12.
pub fn schema() -> Value {
    let mut defs = Map::new();
    for (name, definition) in fixed_definitions() {
        defs.insert(name.to_owned(), definition);
    }
    for kind in KINDS {
        defs.insert(target_name(kind), target(kind));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "doorchime rules",
        "description": "Who is watched, where messages go, and when what is sent.",
        "$defs": defs,
        "type": "object",
        "properties": properties(keys::FILE),
        "additionalProperties": false,
    })
}

fn fixed_definitions() -> Vec<(&'static str, Value)> {
    let duration = format!(r"^\s*(0|([0-9]+\s*(ms|s|m|h|d|w)\s*)+)\s*$|{VARIABLE}");
    let size = format!(r"^\s*[0-9]+\s*(B|KiB|MiB|GiB)?\s*$|{VARIABLE}");
    let named = |values: &str| json!({"type": ["object", "null"], "additionalProperties": reference(values)});
    vec![
        ("anything", json!(true)),
        ("text", json!({"type": ["string", "number", "boolean"]})),
        ("texts", one_or_list(&reference("text"))),
        (
            "boolean",
            json!({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": format!("^(true|false)$|{VARIABLE}")}]}),
        ),
        ("number", json!({"anyOf": [{"type": "number"}, {"type": "string", "pattern": VARIABLE}]})),
        ("duration", json!({"anyOf": [{"type": "string", "pattern": duration}, {"const": 0}]})),
        ("size", json!({"anyOf": [{"type": "string", "pattern": size}, {"type": "integer"}]})),
        ("version", json!({"const": 1})),
        (
            "user_id",
            json!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": format!("^[0-9]{{1,20}}$|{VARIABLE}")}]}),
        ),
        ("rule_id", json!({"type": ["string", "number"]})),
        ("subscribe", json!({"enum": SUBSCRIBE})),
        ("lanyard", object(keys::LANYARD, &[])),
        ("smoothing", object(keys::SMOOTHING, &[])),
        ("people", named("person")),
        ("person", json!({"anyOf": [reference("user_id"), object(keys::PERSON, &["id"])]})),
        ("groups", named("members")),
        ("members", json!({"anyOf": [{"type": "null"}, one_or_list(&reference("text"))]})),
        ("targets", named("target")),
        ("target", any_target()),
        ("rules", json!({"type": ["array", "null"], "items": reference("rule")})),
        ("rule", rule()),
        ("who", one_or_list(&reference("text"))),
        (
            "change",
            json!({"oneOf": ChangeKind::ALL.iter().map(|kind| {
            json!({"const": kind.name(), "description": kind.doc()})
        }).collect::<Vec<_>>()}),
        ),
        ("narrowed", narrowed()),
        ("when", one_or_list(&json!({"anyOf": [reference("change"), reference("narrowed")]}))),
        ("own_when", own_when()),
        ("dedupe", json!({"anyOf": [{"type": "string"}, object(keys::DEDUPE, &["key"])]})),
        ("limit", object(keys::LIMIT, &["count", "per"])),
        ("group", object(keys::GROUP, &["wait"])),
        ("group_by", json!({"enum": GROUP_BY})),
        ("group_max", whole_number(2, 500)),
        ("count", whole_number(1, 1000)),
        ("active", one_or_list(&object(keys::ACTIVE, &[]))),
        ("days", one_or_list(&json!({"type": "string"}))),
        (
            "clock",
            json!({"type": "string", "pattern": format!(r"^\s*([01]?[0-9]:[0-5][0-9]|2[0-3]:[0-5][0-9]|24:00)\s*$|{VARIABLE}")}),
        ),
        ("otherwise", json!({"enum": OTHERWISE})),
        ("send", one_or_list(&json!({"anyOf": [{"type": "string"}, reference("message")]}))),
        ("message", message()),
        ("fallback", parts(Map::new(), &[])),
    ]
    .into_iter()
    .chain(tests::definitions())
    .collect()
}

fn whole_number(least: usize, most: usize) -> Value {
    let text = format!(r"^\s*[0-9]+\s*$|{VARIABLE}");
    json!({"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, {"type": "string", "pattern": text}]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn one_or_list(item: &Value) -> Value {
    json!({"anyOf": [item, {"type": "array", "items": item}]})
}

fn described(mut definition: Value, doc: &str) -> Value {
    if let Value::Object(definition) = &mut definition {
        definition.insert("description".to_owned(), json!(doc));
    }
    definition
}

fn properties(settings: &[Setting]) -> Map<String, Value> {
    settings.iter().map(|it| (it.name.to_owned(), described(reference(it.takes), it.doc))).collect()
}

fn object(settings: &[Setting], required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties(settings),
        "required": required,
        "additionalProperties": false,
    })
}

fn rule() -> Value {
    let mut rule = object(keys::RULE, &["id"]);
    // What belongs to the other sort of rule has no place.
    rule["if"] = json!({"required": ["while"]});
    rule["then"] = json!({
        "properties": {"when": false, "if": false, "send": false},
        "anyOf": [{"required": ["enter"]}, {"required": ["exit"]}],
    });
    rule["else"] = json!({
        "properties": {"enter": false, "exit": false, "grace": false},
        "required": ["when", "send"],
        // What is about doorchime itself is about nobody.
        "oneOf": [{"required": ["who"]}, {"properties": {"when": described(reference("own_when"), "A change of doorchime itself.")}}],
    });
    let names = ObjectKind::Person
        .fields()
        .iter()
        .map(|field| format!("`{}`: {}", field.name, field.doc))
        .collect::<Vec<_>>();
    let more = "`before`: the same before the change. `change`: its `kind`, `from`, `to`. \
                `now`: `hour`, `weekday`, … And each person and group by name.";
    let doc = format!("A condition that must hold. Names: {} {more}", names.join(" "));
    rule["properties"]["if"] = described(reference("text"), &doc);
    let while_doc = properties(keys::RULE)["while"]["description"].as_str().unwrap_or_default().to_owned();
    let while_doc = format!(
        "{while_doc} Names: as in `if`, but for `before` and `change`; without `who`, people and groups by name."
    );
    rule["properties"]["while"] = described(reference("text"), &while_doc);
    rule
}

fn target_name(kind: &Kind) -> String {
    format!("target_{}", kind.name)
}

/// Which keys a target has depends on its type.
fn any_target() -> Value {
    let kinds = KINDS.iter().map(|kind| json!({"const": kind.name, "description": kind.doc}));
    let branches = KINDS.iter().map(|kind| {
        json!({
            "if": {"properties": {"type": {"const": kind.name}}, "required": ["type"]},
            "then": reference(&target_name(kind)),
        })
    });
    json!({
        "type": "object",
        "properties": {"type": {"oneOf": kinds.collect::<Vec<_>>(), "description": "What kind of target it is."}},
        "required": ["type"],
        "allOf": branches.collect::<Vec<_>>(),
    })
}

fn target(kind: &Kind) -> Value {
    let mut properties = properties(keys::TARGET);
    properties.insert("type".to_owned(), json!({"const": kind.name, "description": kind.doc}));
    for key in kind.settings {
        properties.insert(key.name.to_owned(), described(shape(key.shape, false), key.doc));
    }
    let required = kind.settings.iter().filter(|key| key.required).map(|key| key.name);
    json!({
        "type": "object",
        "description": kind.doc,
        "properties": properties,
        "required": required.chain(["type"]).collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

/// A message's keys depend on the type of the target it names, which a schema cannot look up: any type's
/// keys may stand here, each with what it is for which type.
fn message() -> Value {
    parts(properties(keys::SEND), &["to"])
}

fn parts(mut properties: Map<String, Value>, required: &[&str]) -> Value {
    for key in KINDS.iter().flat_map(|kind| kind.parts) {
        if properties.contains_key(key.name) {
            continue;
        }
        let users: Vec<(&Kind, &Key)> = KINDS
            .iter()
            .filter_map(|kind| Some((kind, kind.parts.iter().find(|part| part.name == key.name)?)))
            .collect();
        let docs: Vec<String> =
            users.iter().map(|(kind, part)| format!("{}: {}", kind.name, part.doc)).collect();
        let mut shapes: Vec<Value> = Vec::new();
        for (_, part) in &users {
            let shape = shape(part.shape, true);
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        let shape = if shapes.len() == 1 { shapes.remove(0) } else { json!({"anyOf": shapes}) };
        properties.insert(key.name.to_owned(), described(shape, &docs.join(" ")));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn shape(shape: Shape, template: bool) -> Value {
    let or_template = |exact: Value| {
        let stand_in = if template { format!(r"\{{\{{|{VARIABLE}") } else { VARIABLE.to_owned() };
        json!({"anyOf": [exact, {"type": "string", "pattern": stand_in}]})
    };
    match shape {
        Shape::Text | Shape::Secret => json!({"type": ["string", "number", "boolean"]}),
        Shape::Url => json!({"type": "string", "pattern": format!("^[Hh][Tt][Tt][Pp][Ss]?://|{VARIABLE}")}),
        Shape::Number => or_template(json!({"type": "number"})),
        Shape::NumberOr(words) => or_template(json!({"anyOf": [{"type": "number"}, {"enum": words}]})),
        Shape::Bool => or_template(json!({"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]})),
        Shape::Duration => or_template(json!({"$ref": "#/$defs/duration"})),
        Shape::Choice(words) => or_template(json!({"enum": words})),
        Shape::TextMap => json!({"type": ["object", "null"], "additionalProperties": reference("text")}),
        Shape::TextList => json!({"$ref": "#/$defs/texts"}),
        Shape::Tree => json!({"type": ["object", "array", "string", "number", "boolean", "null"]}),
    }
}

/// Changes of doorchime itself.
fn own_when() -> Value {
    let own: Vec<ChangeKind> = ChangeKind::ALL.iter().copied().filter(|kind| kind.is_own()).collect();
    let names: Vec<&str> = own.iter().map(|kind| kind.name()).collect();
    let narrowed = own.iter().map(|kind| (kind.name().to_owned(), json!({"description": kind.doc()})));
    let narrowed: Map<_, _> = narrowed.collect();
    let narrowed = json!({"type": "object", "properties": narrowed, "additionalProperties": false});
    one_or_list(&json!({"anyOf": [{"enum": names}, narrowed]}))
}

/// `{started_playing: {name: …}}`.
fn narrowed() -> Value {
    let changes = ChangeKind::ALL.iter().map(|&kind| {
        let patterns = narrow_fields(kind).map(|(name, doc)| {
            let words = words(kind, name);
            let mut patterns = described(reference("texts"), doc);
            if !words.is_empty() {
                patterns["examples"] = json!(words);
            }
            (name.to_owned(), patterns)
        });
        let fields = json!({
            "type": "object",
            "description": kind.doc(),
            "properties": patterns.collect::<Map<_, _>>(),
            "additionalProperties": false,
        });
        (kind.name().to_owned(), fields)
    });
    json!({
        "type": "object",
        "properties": changes.collect::<Map<_, _>>(),
        "additionalProperties": false,
        "minProperties": 1,
    })
}
