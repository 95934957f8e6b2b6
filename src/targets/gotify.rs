//! `gotify`: a message to a Gotify application. <https://gotify.net/docs/pushmsg>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Shape, fetch, header, nothing_implied, post_json, reading, unchecked};
use crate::outbox::delivery::{Answer, Reading, Request};

pub(super) const KIND: Kind = Kind {
    name: "gotify",
    doc: "A message to an application of a Gotify server.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The server's address, without `/message`.").required(),
        Key::new("token", Shape::Secret, "The application's token.").required(),
    ],
    parts: &[
        Key::new("title", Shape::Text, "The title; the application's name if not given."),
        Key::new("message", Shape::Text, "The message; says what changed if not given."),
        Key::new("priority", Shape::Number, "0 to 10; the application's default if not given."),
        Key::new("markdown", Shape::Bool, "Whether the message is Markdown."),
        Key::new("extras", Shape::Tree, "Gotify's extras, like `client::notification`."),
    ],
    elsewhere: &[
        ("server", "write `url`"),
        ("host", "write `url`"),
        ("app_token", "write `token`"),
        ("text", "write `message`"),
        ("body", "write `message`"),
        ("content", "write `message`"),
    ],
    main: Main::Text { part: "message", instead: &[] },
    place: |path, parts| match path {
        ["title"] => Place::shown(Escape::None).chars(250).line(),
        ["message"] if parts.get("markdown").is_some_and(|markdown| *markdown != json!(false)) => {
            Place::shown(Escape::Markdown).chars(32_000)
        }
        ["message"] => Place::shown(Escape::None).chars(32_000),
        _ => Place::machine(),
    },
    check: unchecked,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;
pub(super) const DISABLING: &[u16] = &[401, 403];

pub(super) struct Gotify {
    url: SecretString,
    token: SecretString,
}

impl Gotify {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let (url, token) = (settings.base_url("url"), settings.secret("token"));
        Some(Self { url: url?.into(), token: token? })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let mut body = call.object(&["title", "message", "extras"]);
        if let Some(priority) = call.parts().get("priority").and_then(Value::as_f64) {
            body.insert("priority".to_owned(), json!(priority as i64));
        }
        if call.flag("markdown") && !call.plain {
            let extras = body.entry("extras").or_insert_with(|| json!({}));
            if let Some(extras) = extras.as_object_mut() {
                extras.insert("client::display".to_owned(), json!({"contentType": "text/markdown"}));
            }
        }
        let headers = vec![header("x-gotify-key", self.token.expose_secret())];
        let request =
            post_json(format!("{}/message", self.url.expose_secret()), headers, &Value::Object(body));
        Request { secrets: vec![self.token.clone()], ..request }
    }

    pub(super) fn health(&self) -> Request {
        fetch(format!("{}/health", self.url.expose_secret()), Vec::new())
    }
}

pub(super) fn read_health(answer: &Answer, now_ms: i64) -> Reading {
    let green = reading::json(answer)["health"] == "green";
    match reading::by_status(answer, now_ms, DISABLING) {
        Reading::Delivered if !green => Reading::Again,
        reading => reading,
    }
}
