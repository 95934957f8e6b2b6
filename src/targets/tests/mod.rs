//! From what the rules file says to the request that is sent, and from an answer to what it means.

mod answers;
mod filled;
mod harm;
mod mistakes;
mod requests;
mod retold;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::filled::Values;
use super::message::Message;
use super::{KINDS, Kind, Outgoing, Placed, Target};
use crate::outbox::delivery::{Delivery, DeliveryId, Parts, Request};
use crate::presence::change::Subject;
use crate::presence::model::UserId;
use crate::rules::scope::{Keys, Names};
use crate::rules::template::tests::with_scope;
use crate::rules::template::{Inlay, Inlays};

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;
const ID: DeliveryId = DeliveryId::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0001);
const HOOK: &str = "https://hooks.example/T0PSECRET";

fn kind(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.name == name).unwrap()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[expect(clippy::needless_pass_by_value, reason = "tables read better")]
fn target(name: &str, settings: Value) -> Target {
    Target::build("it", kind(name), &object(&settings))
        .unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

fn message(name: &str, parts: Value) -> Result<Message, Vec<Placed>> {
    message_with(name, parts, &[])
}

/// A message whose texts hold `${NAME}` for some of these values.
fn message_with(name: &str, mut parts: Value, values: &[(&str, &str)]) -> Result<Message, Vec<Placed>> {
    let mut inlays = Inlays::new();
    fill(&mut parts, &mut Vec::new(), values, &mut inlays);
    let (people, groups) = (Keys::from_iter(["alice".to_owned()]), Keys::default());
    let change = Some(Some(Subject::Track));
    let names = Names {
        people: &people,
        groups: &groups,
        has_person: true,
        change,
        in_template: true,
        gathered: None,
    };
    Message::compile(kind(name), &object(&parts), &inlays, &names)
}

fn fill(value: &mut Value, way: &mut Vec<String>, values: &[(&str, &str)], inlays: &mut Inlays) {
    let mut below = |step: String, value: &mut Value| {
        way.push(step);
        fill(value, way, values, inlays);
        way.pop();
    };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                below(at.to_string(), item);
            }
        }
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| below(key.clone(), item)),
        Value::String(text) => {
            let mut found = Vec::new();
            while let Some(at) = text.find("${") {
                let end = at + text[at..].find('}').unwrap() + 1;
                let (name, value) = values.iter().find(|(name, _)| *name == &text[at + 2..end - 1]).unwrap();
                found.push(Inlay { at: at..at + value.len(), name: Some((*name).into()) });
                text.replace_range(at..end, value);
            }
            inlays.insert(way.clone(), found);
        }
        _ => {}
    }
}

fn values(list: &[(&str, &str)]) -> Arc<Values> {
    Arc::new(list.iter().map(|(name, value)| (Arc::from(*name), SecretString::from(*value))).collect())
}

fn delivery(parts: Parts) -> Delivery {
    Delivery {
        id: ID,
        target: "it".into(),
        rule: "new track".into(),
        person: Some(UserId(7)),
        called: None,
        cause: None,
        parts,
        created_ms: NOW_MS,
        expires_ms: NOW_MS,
        fallbacks: Vec::new(),
        origin: None,
    }
}

fn request(target: &Target, parts: Parts) -> Request {
    match target.request(&delivery(parts), NOW_MS, false) {
        Outgoing::Http(request) => request,
        other => panic!("{other:?}"),
    }
}

/// A request as JSON; the body too, where it is some.
fn shown(request: &Request) -> Value {
    let headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), json!(value.expose_secret()))).collect();
    let body = serde_json::from_slice(&request.body)
        .unwrap_or_else(|_| json!(String::from_utf8(request.body.clone()).unwrap()));
    json!({"to": format!("{} {}", request.method, request.url.expose_secret()), "headers": headers, "body": body})
}

fn sent(name: &str, settings: Value, parts: Value) -> Value {
    let target = target(name, settings);
    let message = message(name, parts).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    shown(&request(&target, with_scope(|scope| message.render(scope))))
}

/// The settings that each kind cannot do without.
fn least_settings(name: &str) -> Value {
    match name {
        "ntfy" => json!({"topic": "doors"}),
        "home_assistant" => json!({"url": "http://ha:8123", "token": "T0P"}),
        "gotify" => json!({"url": "https://gotify.example/", "token": "T0P"}),
        "telegram" => json!({"token": "1:T0P", "chat_id": "42"}),
        "matrix" => {
            json!({"server": "https://matrix.example/", "token": "T0P", "room": "!room:matrix.example"})
        }
        "pushover" => json!({"token": "T0P", "user": "T0PUSER"}),
        "apprise" => json!({"url": "https://apprise.example/", "key": "T0P"}),
        "console" => json!({}),
        _ => json!({"url": HOOK}),
    }
}
