//! `home_assistant`: events, services, states, webhooks. <https://developers.home-assistant.io/docs/api/rest>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::webhook::event_of;
use super::{
    Call, EVENT, Key, Kind, Main, Placed, Shape, address, bearer, fetch, nothing_implied, post_json,
};
use crate::outbox::delivery::Request;
use crate::rules::mistake::Mistake;

pub(super) const KIND: Kind = Kind {
    name: "home_assistant",
    doc: "A Home Assistant: fires an event, calls a service, sets a state, or calls a webhook.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "Home Assistant's address, without `/api`.").required(),
        Key::new("token", Shape::Secret, "A long-lived access token: for `event`, `service` and `state`."),
        Key::new("webhook_id", Shape::Secret, "A webhook trigger's id: for `json`, without a token."),
    ],
    parts: &[
        Key::new(
            "event",
            Shape::Text,
            "The event to fire; `doorchime` if nothing is given, with the whole change.",
        ),
        Key::new("service", Shape::Text, "The service to call, like `light.turn_on`."),
        Key::new("data", Shape::Tree, "What goes with the event or to the service."),
        Key::new("state", Shape::Text, "The entity whose state is set, like `sensor.alice`."),
        Key::new("value", Shape::Text, "The new state; needed with `state`."),
        Key::new("attributes", Shape::Tree, "The attributes set beside the state."),
        Key::new("json", Shape::Tree, "What the webhook gets; needs `webhook_id` at the target."),
    ],
    elsewhere: &[
        ("host", "write `url`"),
        ("server", "write `url`"),
        ("access_token", "write `token`"),
        ("webhook", "write `webhook_id`"),
        ("action", "write `service`"),
        ("call", "write `service`"),
        ("entity", "put it under `data:`, as in `data: {entity_id: light.desk}`"),
        ("entity_id", "put it under `data:`, as in `data: {entity_id: light.desk}`"),
        ("area_id", "put it under `data:`, as in `data: {area_id: kitchen}`"),
        ("device_id", "put it under `data:`, as in `data: {device_id: …}`"),
        ("target", "put what it holds under `data:`, as in `data: {entity_id: light.desk}`"),
        ("service_data", "write `data`"),
        ("event_type", "write `event`"),
        ("event_data", "write `data`"),
        ("message", "put it under `data:`, as in `{service: notify.notify, data: {message: …}}`"),
        ("title", "put it under `data:`, as in `{service: notify.notify, data: {title: …, message: …}}`"),
        ("to_state", "write `value`"),
    ],
    // An event without `data` tells the whole change.
    main: Main::Event { instead: &["data", "service", "state", "json"] },
    place: |path, _| match path {
        // An entity's name takes small letters, digits and `_`, and people's names are not made of those.
        ["state"] => Place { escape: Escape::Slug, ..Place::machine().bytes(255).line() },
        ["event" | "service"] => Place::machine().bytes(255).line(),
        // Home Assistant takes no longer state than this.
        ["value"] => Place::machine().chars(255),
        _ => Place::machine(),
    },
    check,
    implied: nothing_implied,
};

/// The parts that each say what is to be done.
const WAYS: &[&str] = &["event", "service", "state", "json"];
/// Each part that only goes with some of the ways.
const COMPANIONS: &[(&str, &[&str])] =
    &[("data", &["event", "service"]), ("value", &["state"]), ("attributes", &["state"])];

pub(super) const MIN_GAP: Duration = Duration::ZERO;
pub(super) const DISABLING: &[u16] = &[401, 403];
const EVENT_NAME: &str = "doorchime";

pub(super) struct HomeAssistant {
    url: SecretString,
    token: Option<SecretString>,
    webhook_id: Option<SecretString>,
}

impl HomeAssistant {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let url = settings.base_url("url");
        let (token, webhook_id) = (settings.secret("token"), settings.secret("webhook_id"));
        if token.is_none() && webhook_id.is_none() {
            let mistake = Mistake::new(0..0, "Home Assistant needs `token`, or `webhook_id`");
            settings.problem(
                "url",
                mistake.help("make a long-lived access token on your profile's page, under Security"),
            );
        }
        Some(Self { url: url?.into(), token, webhook_id })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let body = |part: &str| call.parts().get(part).cloned().unwrap_or_else(|| json!({}));
        let name = |part| address::encode(call.text(part));
        let has = |part| call.parts().contains_key(part);
        if has("event") {
            let data = if has("data") { body("data") } else { event_of(call) };
            self.api(&format!("events/{}", name("event")), &data)
        } else if has("service") {
            let service = call.text("service");
            let (domain, action) = service.split_once('.').unwrap_or(("", service));
            let path = format!("services/{}/{}", address::encode(domain), address::encode(action));
            self.api(&path, &body("data"))
        } else if has("state") {
            let mut state = json!({"state": call.text("value")});
            if has("attributes") {
                state["attributes"] = body("attributes");
            }
            self.api(&format!("states/{}", name("state")), &state)
        } else {
            let event = if has("json") { body("json") } else { event_of(call) };
            match &self.webhook_id {
                // The default event goes by the API where it can: there an unknown name is told.
                Some(id) if has("json") || self.token.is_none() => {
                    let path = format!(
                        "{}/api/webhook/{}",
                        self.url.expose_secret(),
                        address::encode(id.expose_secret())
                    );
                    Request { secrets: vec![id.clone()], ..post_json(path, Vec::new(), &event) }
                }
                _ => self.api(&format!("events/{EVENT_NAME}"), &event),
            }
        }
    }

    fn api(&self, path: &str, body: &Value) -> Request {
        let headers = self.token.iter().map(bearer).collect();
        post_json(format!("{}/api/{path}", self.url.expose_secret()), headers, body)
    }

    pub(super) fn health(&self) -> Option<Request> {
        let token = self.token.as_ref()?;
        Some(fetch(format!("{}/api/", self.url.expose_secret()), vec![bearer(token)]))
    }

    pub(super) fn check_parts(&self, parts: &Map<String, Value>) -> Vec<Placed> {
        let missing = |part: &str, setting: &str, help: &str| {
            let mistake = Mistake::new(0..0, format!("`{part}` needs `{setting}` at the target"));
            (vec![part.to_owned()], mistake.help(help))
        };
        WAYS.iter()
            .filter(|way| parts.contains_key(**way))
            .filter_map(|&way| match way {
                "json" if self.webhook_id.is_none() => Some(missing(
                    way,
                    "webhook_id",
                    "or fire an `event`, with `data`: a token is enough for that",
                )),
                "json" => None,
                _ if self.token.is_none() => Some(missing(way, "token", "or send `json` to the webhook")),
                _ => None,
            })
            .collect()
    }

    pub(super) fn warnings(&self) -> Vec<Placed> {
        let mut warnings = Vec::new();
        if self.webhook_id.is_some() {
            let what = "Home Assistant says yes to any `webhook_id`, even one that no automation has";
            let help = "fire an `event`, with a token: then nothing gets lost in silence";
            warnings.push((Vec::new(), Mistake::new(0..0, what).help(help)));
        }
        if !address::host_and_path(self.url.expose_secret()).1.is_empty() {
            let what = "Home Assistant is at the root of its address";
            let help = "leave out what follows the host and the port";
            warnings.push((vec!["url".to_owned()], Mistake::new(0..0, what).help(help)));
        }
        warnings
    }
}

/// One way at most, and nothing that does not go with it.
fn check(parts: &Map<String, Value>) -> Vec<Placed> {
    let mut problems = Vec::new();
    let mut problem = |part: &str, mistake| problems.push((vec![part.to_owned()], mistake));
    let mut ways = WAYS.iter().copied().filter(|way| parts.contains_key(*way));
    let way = ways.next();
    for other in ways {
        let first = way.unwrap_or_default();
        problem(
            other,
            Mistake::new(0..0, format!("`{other}` and `{first}` exclude each other"))
                .help("send twice to do both"),
        );
    }
    for (part, goes_with) in COMPANIONS {
        if parts.contains_key(*part) && !goes_with.iter().any(|way| parts.contains_key(*way)) {
            let needed = goes_with.iter().map(|way| format!("`{way}`")).collect::<Vec<_>>().join(" or ");
            problem(part, Mistake::new(0..0, format!("`{part}` goes with {needed}")));
        }
    }
    if parts.contains_key("state") && !parts.contains_key("value") {
        problem(
            "state",
            Mistake::new(0..0, "`state` names the entity and needs `value`, what its state becomes"),
        );
    }
    for (part, example) in [("service", "light.turn_on"), ("state", "sensor.alice")] {
        let Some(name) = parts.get(part).and_then(Value::as_str).filter(|name| !name.contains("{{")) else {
            continue;
        };
        let halves = name.split('.').collect::<Vec<_>>();
        let slug = |half: &&str| {
            !half.is_empty()
                && half.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if halves.len() != 2 || !halves.iter().all(slug) {
            let mistake =
                Mistake::new(0..name.len(), format!("`{name}` is no name of a {part} in Home Assistant"));
            problem(
                part,
                mistake.help(format!("it looks like `{example}`: small letters, digits and `_`, one dot")),
            );
        }
    }
    for part in ["data", "attributes"] {
        if parts.get(part).is_some_and(|value| !value.is_object()) {
            problem(
                part,
                Mistake::new(0..0, format!("`{part}` is a mapping")).help("like `{entity_id: light.desk}`"),
            );
        }
    }
    if parts.contains_key(EVENT) {
        problem(EVENT, Mistake::new(0..0, "this name is doorchime's own"));
    }
    problems
}
