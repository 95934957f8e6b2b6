//! `webhook`: any HTTP request, signed as <https://www.standardwebhooks.com> says if there is a secret.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, EVENT, Headers, Key, Kind, Main, Placed, Shape, address, header, header_value};
use crate::outbox::delivery::Request;
use crate::rules::mistake::{Mistake, nearest};

const METHODS: &[&str] = &["POST", "PUT", "PATCH", "GET", "DELETE"];
const FORMATS: &[&str] = &["json", "cloudevents"];

pub(super) const KIND: Kind = Kind {
    name: "webhook",
    doc: "Any HTTP endpoint: an API, a script, a service without a kind of its own.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The address.").required(),
        Key::new("method", Shape::Choice(METHODS), "The method; `POST` if not given."),
        Key::new("headers", Shape::TextMap, "Headers of every request, like `Authorization`; never shown."),
        Key::new("query", Shape::TextMap, "Added to the address's query; never shown."),
        Key::new(
            "secret",
            Shape::Secret,
            "Signs each request as Standard Webhooks says; `whsec_…` or any text."
        ),
        Key::new(
            "format",
            Shape::Choice(FORMATS),
            "`cloudevents` wraps the JSON as a CloudEvent; `json` if not given."
        ),
    ],
    parts: &[
        Key::new(
            "json",
            Shape::Tree,
            "The body, as JSON; an event that tells the whole change if no body is given.",
        ),
        Key::new("form", Shape::TextMap, "The body, as an HTML form sends it."),
        Key::new("body", Shape::Text, "The body, as text."),
        Key::new(
            "content_type",
            Shape::Text,
            "The type of `body`; guessed from its first letter if not given.",
        ),
        Key::new("method", Shape::Choice(METHODS), "Another method than the target's."),
        Key::new("path", Shape::Text, "Added to the address's path."),
        Key::new("query", Shape::TextMap, "Added to the address's query."),
        Key::new("headers", Shape::TextMap, "Further headers."),
    ],
    elsewhere: &[
        ("address", "write `url`"),
        ("endpoint", "write `url`"),
        ("verb", "write `method`"),
        ("header", "write `headers`"),
        ("params", "write `query`"),
        ("data", "write `json`, `form` or `body`"),
        ("payload", "write `json`, `form` or `body`"),
        ("text", "write `body`, or a tree under `json`"),
        ("message", "write `body`, or a tree under `json`"),
        ("token", "write `headers: {Authorization: \"Bearer …\"}`"),
    ],
    main: Main::Event { instead: BODIES },
    place: |path, parts| match path {
        ["body"] => Place { escape: body_escape(parts), ..Place::machine() },
        ["headers", _] => Place::machine().bytes(4_096).line(),
        ["path"] => Place { escape: Escape::Url, ..Place::machine() }.bytes(2_048),
        ["query", _] => Place::machine().bytes(4_096),
        ["content_type" | "method"] => Place::machine().line(),
        _ => Place::machine(),
    },
    check,
    implied: |parts| {
        let guessed = parts.contains_key("body") && !parts.contains_key("content_type");
        guessed.then(|| ("content_type", Value::from(content_type(parts))))
    },
};

const BODIES: &[&str] = &["json", "form", "body"];

pub(super) const MIN_GAP: Duration = Duration::ZERO;
/// Our credentials are not taken, whatever the message; and "gone", which is how a receiver says that it wants no
/// more (Standard Webhooks). A 403 or 404 may be about one message: a firewall's word, a path made of its parts.
pub(super) const DISABLING: &[u16] = &[401, 410];

pub(super) struct Webhook {
    url: SecretString,
    method: &'static str,
    headers: Headers,
    key: Option<SigningKey>,
    cloudevents: bool,
}

impl Webhook {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let url = settings.url("url");
        let method = settings.text("method").map_or(Some("POST"), |method| listed(METHODS, &method));
        if method.is_none() {
            settings
                .problem("method", Mistake::new(0..0, "no such method").nearest("", METHODS.iter().copied()));
        }
        let mut headers = Headers::new();
        for (name, value) in settings.text_map("headers") {
            match refused_header(&name) {
                Some(mistake) => settings.problem("headers", mistake),
                None => headers.push(header(&name.to_ascii_lowercase(), &value)),
            }
        }
        let query = settings.text_map("query");
        let url =
            url.map(|url| address::with_query(&url, query.iter().map(|(k, v)| (k.as_str(), v.as_str()))));
        let secret = settings.secret("secret");
        let key = secret.as_ref().and_then(|secret| SigningKey::new(secret.expose_secret()));
        if secret.is_some() && key.is_none() {
            let mistake = Mistake::new(0..0, "what follows `whsec_` is not Base64");
            settings
                .problem("secret", mistake.help("copy the secret whole, or use any text without `whsec_`"));
        }
        let cloudevents = settings.text("format").is_some_and(|format| format == "cloudevents");
        Some(Self { url: url?.into(), method: method?, headers, key, cloudevents })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let id = call.delivery.id.to_string();
        let method = listed(METHODS, call.text("method")).unwrap_or(self.method);
        let (content_type, body) = self.body(call, method);
        let mut headers = self.headers.clone();
        for (name, value) in texts(call, "headers") {
            let name = name.to_ascii_lowercase();
            // A message's own header takes the place of the target's.
            headers.retain(|(other, _)| *other != name);
            headers.push(header(&name, value));
        }
        if !content_type.is_empty() {
            headers.push(header("content-type", &content_type));
        }
        headers.push(header("idempotency-key", &id));
        if let Some(key) = &self.key {
            let seconds = call.now_ms.div_euclid(1_000);
            headers.push(header("webhook-id", &id));
            headers.push(header("webhook-timestamp", &seconds.to_string()));
            headers.push(header("webhook-signature", &key.sign(&id, seconds, &body)));
        }
        Request { method, url: self.address(call).into(), headers, body, secrets: Vec::new() }
    }

    fn address(&self, call: Call<'_>) -> String {
        let mut url = self.url.expose_secret().to_owned();
        let path = address::tidy_path(call.text("path"));
        if !path.is_empty() {
            url = address::with_path(&url, &path);
        }
        address::with_query(&url, texts(call, "query"))
    }

    /// The content type and the body. What is only fetched carries none of its own accord.
    fn body(&self, call: Call<'_>, method: &str) -> (String, Vec<u8>) {
        let parts = call.parts();
        if parts.contains_key("form") {
            let pairs = texts(call, "form");
            let form: Vec<String> = pairs
                .map(|(name, value)| format!("{}={}", address::encode(name), address::encode(value)))
                .collect();
            return ("application/x-www-form-urlencoded".to_owned(), form.join("&").into_bytes());
        }
        if parts.contains_key("body") {
            let content_type = header_value(call.text("content_type"));
            return (content_type, call.text("body").as_bytes().to_vec());
        }
        let written = parts.get("json").cloned();
        if written.is_none() && method == "GET" {
            return (String::new(), Vec::new());
        }
        if self.cloudevents {
            let event = cloud_event(call, written);
            return ("application/cloudevents+json".to_owned(), event.to_string().into_bytes());
        }
        let json = written.unwrap_or_else(|| event_of(call));
        ("application/json".to_owned(), json.to_string().into_bytes())
    }

    pub(super) fn check_parts(&self, parts: &Map<String, Value>) -> Vec<Placed> {
        ["form", "body"]
            .iter()
            .filter(|part| self.cloudevents && parts.contains_key(**part))
            .map(|part| {
                let mistake = Mistake::new(0..0, format!("a CloudEvent has no `{part}`"));
                (vec![(*part).to_owned()], mistake.help("write `json`: it becomes the event's `data`"))
            })
            .collect()
    }
}

/// The default event as it was rendered, with what only its delivery knows.
pub(super) fn event_of(call: Call<'_>) -> Value {
    let mut event = call.parts().get(EVENT).cloned().unwrap_or_else(|| json!({}));
    event["id"] = json!(call.delivery.id.to_string());
    if event.get("timestamp").is_none() {
        event["timestamp"] = json!(rfc3339(call.delivery.created_ms));
    }
    event
}

/// CloudEvents 1.0 in structured mode.
fn cloud_event(call: Call<'_>, written: Option<Value>) -> Value {
    let event = event_of(call);
    let kind = event["type"].as_str().unwrap_or("notification");
    let mut cloud = json!({
        "specversion": "1.0",
        "id": call.delivery.id.to_string(),
        "source": format!("/doorchime/rules/{}", address::encode(&call.delivery.rule)),
        "type": format!("doorchime.{kind}"),
        "time": rfc3339(call.delivery.created_ms),
        "datacontenttype": "application/json",
    });
    if let Some(person) = call.delivery.person {
        cloud["subject"] = json!(person.to_string());
    }
    cloud["data"] = written.unwrap_or(event);
    cloud
}

fn rfc3339(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default().to_string()
}

/// A part of texts by name.
fn texts<'c>(call: Call<'c>, part: &str) -> impl Iterator<Item = (&'c str, &'c str)> {
    let map = call.parts.get(part).and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

fn listed(list: &[&'static str], word: &str) -> Option<&'static str> {
    list.iter().copied().find(|known| known.eq_ignore_ascii_case(word))
}

/// The escaping that fits a body of this type, given or guessed.
fn body_escape(parts: &Map<String, Value>) -> Escape {
    let content_type = content_type(parts).to_ascii_lowercase();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.ends_with("json") {
        Escape::Json
    } else if essence.ends_with("xml") || essence == "text/html" {
        Escape::Html
    } else if essence == "application/x-www-form-urlencoded" {
        Escape::Url
    } else {
        Escape::None
    }
}

/// The type of `body`: as written, or as its first letter suggests.
fn content_type(parts: &Map<String, Value>) -> String {
    if let Some(written) = parts.get("content_type").and_then(Value::as_str) {
        return written.to_owned();
    }
    let body = parts.get("body").and_then(Value::as_str).unwrap_or_default().trim_start();
    // `{{` begins a template, whose output is not known here.
    let guessed = match body.as_bytes() {
        [b'{', b'{', ..] => "text/plain; charset=utf-8",
        [b'{' | b'[', ..] => "application/json",
        [b'<', ..] => "application/xml",
        _ => "text/plain; charset=utf-8",
    };
    guessed.to_owned()
}

fn check(parts: &Map<String, Value>) -> Vec<Placed> {
    let mut problems = Vec::new();
    let mut bodies = BODIES.iter().copied().filter(|body| parts.contains_key(*body));
    let first = bodies.next().unwrap_or_default();
    for other in bodies {
        problems.push((
            vec![other.to_owned()],
            Mistake::new(0..0, format!("`{other}` and `{first}` exclude each other")),
        ));
    }
    if parts.contains_key("content_type") && !parts.contains_key("body") {
        let mistake = Mistake::new(0..0, "`content_type` is the type of `body`, and there is no `body`");
        problems.push((vec!["content_type".to_owned()], mistake));
    }
    if let Some(written) = parts.get("content_type").and_then(Value::as_str)
        && (written.contains("{{") || !written.contains('/'))
    {
        let mistake = Mistake::new(0..written.len(), "a content type looks like `application/json`");
        problems.push((vec!["content_type".to_owned()], mistake.help("it cannot be a template")));
    }
    for name in parts.get("headers").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        if let Some(mistake) = refused_header(name) {
            problems.push((vec!["headers".to_owned(), name.clone()], mistake));
        }
    }
    problems
}

/// Headers that are no header at all, or that would break the request.
fn refused_header(name: &str) -> Option<Mistake> {
    const OURS: [&str; 9] = [
        "content-length",
        "transfer-encoding",
        "connection",
        "host",
        "idempotency-key",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "upgrade",
    ];
    let token = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !token {
        return Some(Mistake::new(0..0, format!("`{name}` is no name of a header")));
    }
    let lowered = name.to_ascii_lowercase();
    if lowered == "content-type" {
        return Some(
            Mistake::new(0..0, "the content type is not a header here")
                .help("write `content_type:` beside `body:`"),
        );
    }
    nearest(&lowered, OURS)
        .filter(|ours| *ours == lowered)
        .map(|ours| Mistake::new(0..0, format!("the header `{ours}` is doorchime's own to set")))
}

/// What requests are signed with.
struct SigningKey(Vec<u8>);

impl SigningKey {
    /// `whsec_` and Base64, or any other text as it is.
    fn new(secret: &str) -> Option<Self> {
        match secret.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).ok().map(Self),
            None => Some(Self(secret.as_bytes().to_vec())),
        }
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that Standard Webhooks' libraries are tested with.
    #[test]
    fn the_known_signature() {
        let key = SigningKey::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(SigningKey::new("whsec_***").is_none());
    }
}
