//! Whether JSON has the shape that a document says: the part of JSON Schema that ours is written in.

use serde_json::Value;

/// Panics with the place at which `value` is not what `schema` says.
pub fn must_fit(root: &Value, schema: &Value, value: &Value) {
    if let Err(why) = fits(root, schema, value, "") {
        panic!("{why}\n{value:#}");
    }
}

pub fn fits(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (word, says) in schema.as_object().unwrap() {
        let fine = match word.as_str() {
            "$ref" => {
                fits(root, root.pointer(&says.as_str().unwrap()[1..]).unwrap(), value, at)?;
                true
            }
            "type" => is_type(says.as_str().unwrap(), value),
            "const" => says == value,
            "enum" => says.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|value| value >= says.as_f64().unwrap()),
            "format" => {
                assert_eq!(says, "date-time");
                value
                    .as_str()
                    .is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok() && text.ends_with('Z'))
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    fits(root, says, item, &format!("{at}/{place}"))?;
                }
                true
            }
            "anyOf" | "oneOf" => {
                let tried: Vec<_> =
                    says.as_array().unwrap().iter().map(|one| fits(root, one, value, at)).collect();
                let fitting = tried.iter().filter(|one| one.is_ok()).count();
                if fitting == 0 {
                    return Err(tried
                        .into_iter()
                        .filter_map(Result::err)
                        .collect::<Vec<_>>()
                        .join("\n  or "));
                }
                word == "anyOf" || fitting == 1
            }
            "required" => {
                says.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = says.get(key) {
                        fits(root, schema, value, &format!("{at}/{key}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let more = value.as_object().into_iter().flatten();
                for (key, value) in
                    more.filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)))
                {
                    if says == &Value::Bool(false) {
                        return Err(format!("{at}: `{key}` is not described"));
                    }
                    fits(root, says, value, &format!("{at}/{key}"))?;
                }
                true
            }
            "description" => true,
            other => panic!("our schema uses `{other}`, which this check does not know"),
        };
        if !fine {
            return Err(format!("{at}: {value} is not {word} {says}"));
        }
    }
    Ok(())
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}
