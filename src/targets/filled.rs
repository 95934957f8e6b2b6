//! Values that come from outside of the rules file (`${TOKEN}`) in a message: kept apart when it is rendered, so
//! that they are neither written to disk nor shown, and put in when it is sent.
//!
//! Where they belong is kept beside the texts, not inside of them: nothing that a stranger writes can ask for one.
//! Nor is any looked for: what a stranger writes that happens to read like one is left as it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::place::{Apart, Fit};
use crate::outbox::delivery::Parts;

/// The part that says where values belong: for each text, by its JSON pointer, the places in it and the names
/// of what goes there. No kind's table has such a key, so no file can write it.
pub(crate) const FILLED: &str = "_filled";
/// Follows a place whose value goes into a string of a JSON text.
const IN_JSON: &str = "json";
/// Shorter values are words, not secrets.
const VALUE_BYTES_MIN: usize = 4;
/// Parts whose values are never shown, wherever they come from.
const NEVER_SHOWN: [&str; 2] = ["headers", "query"];
/// What is shown in their place.
const HIDDEN: &str = "[secret]";

/// Values by what stands between `${` and `}`, without a default.
pub type Values = BTreeMap<Arc<str>, SecretString>;

/// Whether a value from outside is long enough to be looked for where it is not known to stand.
pub fn is_secret(value: &SecretString) -> bool {
    value.expose_secret().len() >= VALUE_BYTES_MIN
}

/// Where values belong in a message, gathered while it is rendered.
#[derive(Default)]
pub(super) struct Filled<'p> {
    /// The way to the text that is rendered just now.
    way: Vec<Step<'p>>,
    places: Map<String, Value>,
}

/// One step from a message to one of its texts.
#[derive(Clone, Copy)]
pub(super) enum Step<'p> {
    Key(&'p str),
    Place(usize),
}

impl<'p> Filled<'p> {
    /// Renders what lies one step further down.
    pub fn below<T>(&mut self, step: Step<'p>, render: impl FnOnce(&mut Self) -> T) -> T {
        self.way.push(step);
        let rendered = render(self);
        self.way.pop();
        rendered
    }

    /// Notes what belongs into the text here.
    pub fn here(&mut self, fit: &Fit) {
        if !fit.apart.is_empty() {
            let places = fit.apart.iter().map(|Apart { at, name, in_json, .. }| {
                if *in_json { json!([at, &**name, IN_JSON]) } else { json!([at, &**name]) }
            });
            self.places.insert(pointer(&self.way), places.collect());
        }
    }

    /// Writes beside the message's parts what belongs into them.
    pub fn note(self, parts: &mut Parts) {
        if !self.places.is_empty() {
            parts.insert(FILLED.to_owned(), Value::Object(self.places));
        }
    }
}

/// The inside of a JSON string.
pub(super) fn escaped_for_json(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A JSON pointer (RFC 6901).
fn pointer(way: &[Step<'_>]) -> String {
    let step = |step: &Step<'_>| match step {
        Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Step::Place(place) => format!("/{place}"),
    };
    way.iter().map(step).collect()
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

/// The message with names in place of values.
pub(super) fn with_names(parts: &Parts) -> Cow<'_, Parts> {
    let named = filled(parts, |name| Ok::<_, std::convert::Infallible>(format!("${{{name}}}")));
    match named {
        Ok(named) => named,
        Err(never) => match never {},
    }
}

/// The message for people: names in place of values, nothing of what is never shown.
pub fn shown(parts: &Parts) -> Parts {
    let mut shown = with_names(parts).into_owned();
    for name in NEVER_SHOWN {
        shown.get_mut(name).into_iter().for_each(hide);
    }
    shown
}

fn hide(value: &mut Value) {
    match value {
        Value::String(text) => HIDDEN.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(map) => map.values_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text of the rules file, or what came of one, with names in place of values, also where they are quoted.
pub fn named(text: &str, values: &Values) -> String {
    let mut spelled: Vec<(String, &str)> = Vec::new();
    for (name, value) in values.iter().filter(|(_, value)| is_secret(value)) {
        let (plain, name) = (value.expose_secret(), &**name);
        spelled.push((plain.escape_debug().to_string(), name));
        spelled.push((plain.to_owned(), name));
    }
    // A value may begin with another: the longer is meant.
    spelled.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let mut held = spelled.iter().filter(|(value, _)| text.contains(value.as_str())).peekable();
    if held.peek().is_none() {
        return text.to_owned();
    }
    let held: Vec<_> = held.collect();
    let (mut named, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        if let Some((value, name)) = held.iter().find(|(value, _)| rest.starts_with(value.as_str())) {
            named.extend(["${", name, "}"]);
            rest = &rest[value.len()..];
        } else {
            named.push(c);
            rest = &rest[c.len_utf8()..];
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
            let value = value(name)?;
            let value = if place[2] == IN_JSON { escaped_for_json(&value) } else { value };
            text.insert_str(text.floor_char_boundary(at), &value);
        }
    }
    match full {
        Value::Object(full) => Ok(Cow::Owned(full)),
        _ => Ok(Cow::Borrowed(parts)),
    }
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
            "json": {"a/b~": ["T0PSECRET kéy1T0PSECRETER 1", 5], "c": "T0PSECRET"},
            "query": {"q": "x"},
        }));
        let mut kept = parts(&json!({"json": {"a/b~": [" ", 5], "c": "T0PSECRET"}, "query": {"q": "x"}}));
        let apart = |at, name: &str| Apart { at, name: name.into(), value: String::new(), in_json: false };
        let text = Fit {
            text: "  ".to_owned(),
            apart: vec![apart(0, "TOK"), apart(1, "file:/key"), apart(1, "LONG"), apart(2, "ONE")],
        };
        kept["json"]["a/b~"][0] = json!(text.text);
        let mut filled = Filled::default();
        let way = [Step::Key("json"), Step::Key("a/b~"), Step::Place(0)];
        filled.way.extend(way);
        filled.here(&text);
        filled.note(&mut kept);
        let (back, used) = put_in(&kept, &values).unwrap();
        assert_eq!((&*back, used.len()), (&full, 4));
        assert_eq!(
            json!(shown(&kept)),
            json!({
                "json": {"a/b~": ["${TOK} ${file:/key}${LONG} ${ONE}", 5], "c": "T0PSECRET"},
                "query": {"q": "[secret]"},
            })
        );
        assert_eq!(put_in(&kept, &Values::new()).unwrap_err(), "ONE");
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
        let mut filled = Filled::default();
        filled.below(Step::Key("text"), |filled| filled.here(&Fit::default()));
        filled.note(&mut kept);
        assert_eq!(kept, full);
        assert!(matches!(put_in(&kept, &Values::new()), Ok((Cow::Borrowed(_), used)) if used.is_empty()));
    }
}
