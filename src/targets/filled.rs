//! Values that came from outside of the rules file (`${TOKEN}`) in a message: taken out before it is written to
//! disk or shown, put in again when it is sent.
//!
//! Where they belong is kept beside the texts, not inside of them: nothing that a stranger writes can ask for one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::outbox::delivery::Parts;

/// The part that says where values belong: for each text, by its JSON pointer, the places in it and the names
/// of what goes there. No kind's table has such a key, so no file can write it.
pub(crate) const FILLED: &str = "_filled";
/// Shorter values are words, not secrets.
pub(super) const VALUE_BYTES_MIN: usize = 4;
/// Parts whose values are never shown, wherever they come from.
const NEVER_SHOWN: [&str; 2] = ["headers", "query"];
/// What is shown in their place.
const HIDDEN: &str = "[secret]";

/// Values by what stands between `${` and `}`, without a default.
pub type Values = BTreeMap<Arc<str>, SecretString>;

/// Whether a value from outside is long enough to be a secret.
pub fn is_secret(value: &SecretString) -> bool {
    value.expose_secret().len() >= VALUE_BYTES_MIN
}

/// Takes the values out of a rendered message.
pub(super) fn take_out(parts: &mut Parts, values: &Values) {
    if values.is_empty() {
        return;
    }
    let mut taken = Map::new();
    for (name, value) in parts.iter_mut() {
        each_text(value, &format!("/{}", step(name)), &mut |at, text| {
            let (kept, places) = taken_out(text, values);
            if !places.is_empty() {
                *text = kept;
                taken.insert(at.to_owned(), Value::Array(places));
            }
        });
    }
    if !taken.is_empty() {
        parts.insert(FILLED.to_owned(), Value::Object(taken));
    }
}

/// The message with its values, and which they are; or the name of one that there is none of any more.
pub(super) fn put_in<'p>(
    parts: &'p Parts,
    values: &Values,
) -> Result<(Cow<'p, Parts>, Vec<SecretString>), String> {
    let mut used = Vec::new();
    let full = filled(parts, |name| {
        let Some(value) = values.get(name) else { return Err(name.to_owned()) };
        used.push(value.clone());
        Ok(value.expose_secret().to_owned())
    })?;
    Ok((full, used))
}

/// The message for people: names in place of values, nothing of what is never shown.
pub fn shown(parts: &Parts) -> Parts {
    let named = filled(parts, |name| Ok::<_, std::convert::Infallible>(format!("${{{name}}}")));
    let mut shown = match named {
        Ok(named) => named.into_owned(),
        Err(never) => match never {},
    };
    for name in NEVER_SHOWN {
        if let Some(part) = shown.get_mut(name) {
            each_text(part, "", &mut |_, text| HIDDEN.clone_into(text));
        }
    }
    shown
}

/// A text of the rules file, or what came of one, with names in place of values, also where they are quoted.
pub fn named(text: &str, values: &Values) -> String {
    let quoted = values.iter().filter_map(|(name, value)| {
        let (plain, quoted) = (value.expose_secret(), value.expose_secret().escape_debug().to_string());
        (quoted != plain && plain.len() >= VALUE_BYTES_MIN).then(|| (format!("${{{name}}}"), quoted))
    });
    let text = quoted.fold(Cow::Borrowed(text), |text, (name, quoted)| {
        if text.contains(&quoted) { Cow::Owned(text.replace(&quoted, &name)) } else { text }
    });
    let (mut named, places) = taken_out(&text, values);
    for place in places.iter().rev() {
        if let (Some(at), Some(name)) = (place[0].as_u64(), place[1].as_str()) {
            named.insert_str(usize::try_from(at).unwrap_or(usize::MAX), &format!("${{{name}}}"));
        }
    }
    named
}

fn filled<E>(parts: &Parts, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<Cow<'_, Parts>, E> {
    let Some(places) = parts.get(FILLED).and_then(Value::as_object) else { return Ok(Cow::Borrowed(parts)) };
    let mut rest = parts.clone();
    rest.remove(FILLED);
    let mut full = Value::Object(rest);
    for (pointer, places) in places {
        let Some(Value::String(text)) = full.pointer_mut(pointer) else { continue };
        // From the end: what is put in moves nothing that comes before it.
        for place in places.as_array().into_iter().flatten().rev() {
            let (Some(at), Some(name)) = (place[0].as_u64(), place[1].as_str()) else { continue };
            let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
            text.insert_str(text.floor_char_boundary(at), &value(name)?);
        }
    }
    match full {
        Value::Object(full) => Ok(Cow::Owned(full)),
        _ => Ok(Cow::Borrowed(parts)),
    }
}

/// A text without the values in it, and where they were.
fn taken_out(text: &str, values: &Values) -> (String, Vec<Value>) {
    // Most texts hold none, and are searched for each as a whole, not looked at letter by letter.
    let held: Vec<(&Arc<str>, &str)> = values
        .iter()
        .map(|(name, value)| (name, value.expose_secret()))
        .filter(|(_, value)| value.len() >= VALUE_BYTES_MIN && text.contains(value))
        .collect();
    if held.is_empty() {
        return (text.to_owned(), Vec::new());
    }
    let (mut kept, mut places, mut rest) = (String::new(), Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let here = held.iter().filter(|(_, value)| rest.starts_with(value));
        if let Some(&(name, value)) = here.max_by_key(|(_, value)| value.len()) {
            places.push(json!([kept.len(), &**name]));
            rest = &rest[value.len()..];
        } else {
            kept.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    (kept, places)
}

/// Each text in a value, with its JSON pointer.
fn each_text(value: &mut Value, at: &str, seen: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) => seen(at, text),
        Value::Array(list) => {
            for (place, item) in list.iter_mut().enumerate() {
                each_text(item, &format!("{at}/{place}"), seen);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                each_text(item, &format!("{at}/{}", step(key)), seen);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A key in a JSON pointer (RFC 6901).
fn step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(list: &[(&str, &str)]) -> Values {
        list.iter().map(|(name, value)| ((*name).into(), SecretString::from(*value))).collect()
    }

    fn parts(value: &Value) -> Parts {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn values_are_kept_apart_and_come_back() {
        let values =
            values(&[("TOK", "T0PSECRET"), ("LONG", "T0PSECRETER"), ("file:/key", "kéy1"), ("ONE", "1")]);
        let full = parts(&json!({
            "json": {"a/b~": ["T0PSECRET kéy1T0PSECRETER 1", 5], "c": "T0PSECRE"},
            "query": {"q": "x"},
        }));
        let mut kept = full.clone();
        take_out(&mut kept, &values);
        let written = json!(kept).to_string();
        assert!(!written.contains("T0PSECRET") && !written.contains("kéy1"), "{written}");
        let (back, used) = put_in(&kept, &values).unwrap();
        assert_eq!((&*back, used.len()), (&full, 3));
        assert_eq!(
            json!(shown(&kept)),
            json!({
                "json": {"a/b~": ["${TOK} ${file:/key}${LONG} 1", 5], "c": "T0PSECRE"},
                "query": {"q": "[secret]"},
            })
        );
        assert_eq!(put_in(&kept, &Values::new()).unwrap_err(), "LONG");
    }

    #[test]
    fn a_text_names_what_it_holds() {
        let values = values(&[("TOK", "T0P\"SECRET"), ("LONG", "T0P\"SECRETER"), ("ONE", "1")]);
        for (text, shown) in [
            (r#"kv.code == 'T0P"SECRET' && 1 < 2"#, "kv.code == '${TOK}' && 1 < 2"),
            (r#"kv.code: "T0P\"SECRETER!""#, r#"kv.code: "${LONG}!""#),
            (r#"T0P"SECRET and T0P"SECRET"#, "${TOK} and ${TOK}"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(named(text, &values), shown);
        }
    }

    #[test]
    fn without_values_nothing_changes() {
        let full = parts(&json!({"text": "a ${TOK} [0,\"TOK\"]"}));
        let mut kept = full.clone();
        take_out(&mut kept, &values(&[("TOK", "T0PSECRET")]));
        assert_eq!(kept, full);
        assert!(matches!(put_in(&kept, &Values::new()), Ok((Cow::Borrowed(_), used)) if used.is_empty()));
    }
}
