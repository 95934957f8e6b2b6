//! `apprise`: whatever an Apprise API server passes it on to. <https://github.com/caronc/apprise-api>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Placed, Shape, fetch, nothing_implied, post_json, reading};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

const FORMATS: &[&str] = &["text", "markdown", "html"];
const TAG: &str = "Only services with this tag get it: `a, b` for either of them, `a b` for those with both.";

pub(super) const KIND: Kind = Kind {
    name: "apprise",
    doc: "Any of Apprise's services, through an Apprise API server. Values mention nobody.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The server's address, without `/notify`.").required(),
        Key::new("key", Shape::Secret, "The key under which the server keeps where to send."),
        Key::new("urls", Shape::Secret, "Apprise's URLs, with commas between them, instead of a `key`."),
        Key::new("tag", Shape::Text, TAG),
    ],
    parts: &[
        Key::new("title", Shape::Text, "The title."),
        Key::new("body", Shape::Text, "The message; says what changed if not given."),
        Key::new(
            "type",
            Shape::Choice(&["info", "success", "warning", "failure"]),
            "What sort of news it is; `info` if not given.",
        ),
        Key::new("format", Shape::Choice(FORMATS), "What the message is written in; `text` if not given."),
        Key::new("tag", Shape::Text, "Instead of the target's `tag`."),
    ],
    elsewhere: &[
        ("server", "write `url`"),
        ("host", "write `url`"),
        ("config", "write `key`"),
        ("token", "write `key`"),
        ("tags", "write `tag`"),
        ("message", "write `body`"),
        ("text", "write `body`"),
        ("content", "write `body`"),
        ("subject", "write `title`"),
        ("notify_type", "write `type`"),
    ],
    main: Main::Text { part: "body", instead: &[] },
    place: |path, parts| match path {
        ["title"] => Place::shown(Escape::None).chars(250).line().calling_nobody(),
        ["body"] => {
            let escape = match parts.get("format").and_then(Value::as_str) {
                Some("html") => Escape::Html,
                Some("markdown") => Escape::Markdown,
                _ => Escape::None,
            };
            // Behind it may stand a service that reads mentions in any of them.
            Place::shown(escape).chars(30_000).calling_nobody()
        }
        _ => Place::machine().line(),
    },
    check,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;
const DISABLING: &[u16] = &[401, 403, 404];
/// Shorter pieces of Apprise's URLs are words.
const SECRET_BYTES_MIN: usize = 4;

pub(super) struct Apprise {
    url: SecretString,
    way: Way,
    tag: Option<String>,
}

/// Where the server is to send.
enum Way {
    Key(SecretString),
    Urls(SecretString),
}

impl Apprise {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let url = settings.base_url("url");
        let tag = settings.filled("tag").map(|tag| tag.trim().to_owned());
        let way = way(settings);
        Some(Self { url: url?.into(), way: way?, tag })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let mut body = call.object(&["title", "body", "type", "format", "tag"]);
        // Without it, Apprise passes the text on as if it were written for each service.
        body.entry("format").or_insert_with(|| json!("text"));
        if let Some(tag) = &self.tag {
            body.entry("tag").or_insert_with(|| json!(tag));
        }
        let path = match &self.way {
            Way::Key(key) => format!("/notify/{}", key.expose_secret()),
            Way::Urls(urls) => {
                body.insert("urls".to_owned(), json!(urls.expose_secret()));
                "/notify".to_owned()
            }
        };
        self.hiding(post_json(self.address(&path), Vec::new(), &Value::Object(body)))
    }

    /// Whether the server keeps something under the key; without one, whether it is well.
    pub(super) fn health(&self) -> Request {
        let path = match &self.way {
            Way::Key(key) => format!("/json/urls/{}?privacy=1", key.expose_secret()),
            Way::Urls(_) => "/status".to_owned(),
        };
        self.hiding(fetch(self.address(&path), Vec::new()))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url.expose_secret())
    }

    /// Whoever knows the key can send, and an answer may name the URLs as it has understood them.
    fn hiding(&self, request: Request) -> Request {
        let secrets = match &self.way {
            Way::Key(key) => vec![key.clone()],
            Way::Urls(urls) => {
                let urls = urls.expose_secret();
                let each = urls.split(|c: char| c == ',' || c.is_whitespace());
                let pieces = urls.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.~%+".contains(c)));
                let long = each.chain(pieces).filter(|piece| piece.len() >= SECRET_BYTES_MIN);
                long.map(SecretString::from).collect()
            }
        };
        Request { secrets, ..request }
    }
}

fn way(settings: &mut Settings<'_>) -> Option<Way> {
    match (settings.secret("key"), settings.secret("urls")) {
        (Some(key), None) => {
            let text = key.expose_secret();
            let fit = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            if !fit || text.len() > 128 {
                let mistake = Mistake::new(0..0, "Apprise takes no such key");
                settings.problem("key", mistake.help("1 to 128 letters, digits, `-` and `_`"));
            }
            Some(Way::Key(key))
        }
        (None, Some(urls)) => Some(Way::Urls(urls)),
        (Some(_), Some(_)) => {
            settings.problem("urls", Mistake::new(0..0, "`key` and `urls` exclude each other"));
            None
        }
        (None, None) => {
            let mistake = Mistake::new(0..0, "Apprise needs `key`, or `urls`");
            settings.problem("url", mistake.help("a `key` names what the server's own page was told"));
            None
        }
    }
}

/// How values are escaped hangs on the format, so that it cannot be left to a template.
fn check(parts: &Map<String, Value>) -> Vec<Placed> {
    let format = parts.get("format").and_then(Value::as_str).unwrap_or_default();
    if !format.contains("{{") {
        return Vec::new();
    }
    let mistake = Mistake::new(0..0, "`format` is no template: values are escaped for it");
    vec![(vec!["format".to_owned()], mistake.help("write `text`, `markdown` or `html`"))]
}

/// 204 is a key that the server keeps nothing under, or URLs of which it knows none: nobody was told, and nobody
/// will be before that is mended. 424 is a service behind it that refused, or a tag that none has: others may
/// have it already, so it is not sent again.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    match answer.status {
        204 => Reading::Disable,
        _ => reading::by_status(answer, now_ms, DISABLING),
    }
}
