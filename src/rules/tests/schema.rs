//! The schema says what the checker says, as far as a schema can.

use regex::Regex;
use serde_json::{Value, json};

use crate::rules::schema::schema;

/// Whether `value` is what `schema` says: the part of JSON Schema that ours is written in.
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(words) = schema.as_object() else { return schema != &json!(false) };
    words.iter().all(|(word, says)| match word.as_str() {
        "$ref" => fits(root, root.pointer(&says.as_str().unwrap()[1..]).unwrap(), value),
        "type" => match says {
            Value::String(one) => is_type(one, value),
            _ => says.as_array().unwrap().iter().any(|one| is_type(one.as_str().unwrap(), value)),
        },
        "const" => says == value,
        "enum" => says.as_array().unwrap().contains(value),
        "minimum" => value.as_f64().is_none_or(|value| value >= says.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|value| value <= says.as_f64().unwrap()),
        "pattern" => {
            value.as_str().is_none_or(|text| Regex::new(says.as_str().unwrap()).unwrap().is_match(text))
        }
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(root, says, item))),
        "anyOf" => says.as_array().unwrap().iter().any(|one| fits(root, one, value)),
        "oneOf" => says.as_array().unwrap().iter().filter(|one| fits(root, one, value)).count() == 1,
        "allOf" => says.as_array().unwrap().iter().all(|one| fits(root, one, value)),
        "if" => {
            let branch = if fits(root, says, value) { "then" } else { "else" };
            words.get(branch).is_none_or(|branch| fits(root, branch, value))
        }
        "required" => value.as_object().is_none_or(|map| {
            says.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
        }),
        "minProperties" => value.as_object().is_none_or(|map| map.len() as u64 >= says.as_u64().unwrap()),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| says.get(key).is_none_or(|schema| fits(root, schema, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known = words.get("properties").and_then(Value::as_object);
            let more = map.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
            more.into_iter().all(|(_, value)| fits(root, says, value))
        }),
        "then" | "else" | "$schema" | "$defs" | "title" | "description" | "examples" => true,
        other => panic!("our schema uses `{other}`, which this check does not know"),
    })
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}

fn accepts(yaml: &str) -> bool {
    let root = schema();
    fits(&root, &root, &serde_yaml::from_str::<Value>(yaml).unwrap())
}

#[test]
fn the_example_and_the_starter_fit() {
    assert!(accepts(include_str!("../../../rules.example.yaml")));
    assert!(accepts(include_str!("../../cli/starter.yaml")));
}

#[test]
fn what_the_documents_show_fits() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown = Vec::new();
    for folder in ["docs/cookbook", "tests/stories"] {
        let files = std::fs::read_dir(here.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let yaml = files.filter(|file| file.extension().is_some_and(|end| end == "yaml"));
        shown.extend(yaml.map(|file| std::fs::read_to_string(file).unwrap()));
    }
    assert!(shown.len() > 20);
    let readme = std::fs::read_to_string(here.join("README.md")).unwrap();
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let ours = blocks.filter(|block| ["people:", "rules:", "tests:"].iter().any(|key| block.contains(key)));
    let before = shown.len();
    shown.extend(ours.map(str::to_owned));
    assert!(shown.len() > before);
    for yaml in shown {
        assert!(accepts(&yaml), "{yaml}");
    }
}

#[test]
fn what_the_checker_refuses_does_not_fit() {
    for yaml in [
        "rules: [{id: a, who: b, when: {changed_status: {to: dnd}}, send: c}]",
        "rules: [{id: a, who: b, when: went_online, for: 5m, send: c}]",
        "rules: [{id: a, when: lanyard_down, send: c}]",
        "rules: [{id: a, when: [lanyard_up, {target_failing: {target: [a, b]}}], send: c}]",
        "rules: [{id: a, while: bob.online, enter: c}]",
        "rules: [{id: a, who: b, while: online, for: 5m, grace: 2m, cooldown: 1h, enter: c, exit: [c, {to: d}]}]",
    ] {
        assert!(accepts(yaml), "{yaml}");
    }
    assert!(accepts(
        "tests:
  - steps:
      - {ada: {playing: [G, {name: H, details: D, party: {size: 1, max: 2}}], platforms: web, kv: {a: 1}}, bob: idle}
      - {at: 22:00, lanyard: down, ada: {track: {song: S, artist: A}, custom_status: {text: a, emoji: {id: '1'}}}}
      - {after: 5m, restart: true, ada: {discord_status: dnd, activities: [{type: 0, name: G}], new: 1}}
      - {at: 1h, restart: 5m, squad: {online: false, playing: null, activities: [{type: watching, name: W}]}}
    expect: [a, {rule: a, at: 5s, text: [b, /c/]}]
    only: [a]
    start: 21:30
  - {steps: {ada: unmonitored}, expect: a}"
    ));
    for yaml in [
        "rulez: []",
        "version: 2",
        "people: {alice: bob}",
        "people: {alice: {name: Alice}}",
        "catch_up: 15",
        "targets: {phone: {type: pager}}",
        "targets: {phone: {type: ntfy}}",
        "targets: {team: {type: slack, url: http://a, topic: b}}",
        "rules: [{id: a, who: b, when: went_onlin, send: c}]",
        "rules: [{id: a, who: b, when: {changed_status: {tu: dnd}}, send: c}]",
        "rules: [{id: a, who: b, when: went_online}]",
        "rules: [{id: a, who: b, when: went_online, send: {to: c, txet: d}}]",
        "rules: [{id: a, who: b, when: went_online, send: c, exit: d}]",
        "rules: [{id: a, who: b, when: went_online, send: c, grace: 5m}]",
        "rules: [{id: a, when: went_online, send: c}]",
        "rules: [{id: a, who: b, when: lanyard_down, send: c}]",
        "rules: [{id: a, when: {target_failing: {why: c}}, send: c}]",
        "rules: [{id: a, while: bob.online}]",
        "rules: [{id: a, while: bob.online, if: ada.online, enter: c}]",
        "rules: [{id: a, while: bob.online, send: c, enter: c}]",
        "rules: [{id: a, who: b, while: online, when: went_online, enter: c}]",
        "tests: [{steps: []}]",
        "tests: [{steps: [{at: 5, ada: online}], expect: []}]",
        "tests: [{steps: [{ada: onlin}], expect: []}]",
        "tests: [{steps: [{ada: {plying: G}}], expect: []}]",
        "tests: [{steps: [{ada: {track: {title: S}}}], expect: []}]",
        "tests: [{steps: [], expect: [{}]}]",
        "tests: [{steps: [{at: 5s, lanyard: away}], expect: [{target: a}]}]",
    ] {
        assert!(!accepts(yaml), "{yaml}");
    }
}

#[test]
fn every_key_is_described() {
    fn walk(value: &Value, path: &str) {
        if let Some(properties) =
            value.get("properties").and_then(Value::as_object).filter(|_| !path.ends_with("/if"))
        {
            for (key, property) in properties {
                let forbidden = property == &json!(false);
                assert!(forbidden || property.get("description").is_some(), "{path}/{key}");
            }
        }
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}"))),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, it)| walk(it, &format!("{path}/{at}")));
            }
            _ => {}
        }
    }
    walk(&schema(), "");
}
