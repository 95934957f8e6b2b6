//! The receivers of the demo: one small HTTP server on loopback for each target, answering as its service does.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Nothing that a target sends is larger.
const BODY_BYTES_MAX: usize = 256 << 10;
/// Of what arrived, so many characters are shown.
const SHOWN_CHARS_MAX: usize = 72;

/// One request that arrived.
#[derive(Debug)]
pub struct Got {
    /// The target's name in the rules file.
    pub target: &'static str,
    /// What a person would read of it.
    pub said: String,
    pub answered: StatusCode,
}

/// A service that targets of the example talk to.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    pub kind: &'static str,
    /// The target, and the one that calls a webhook of the same service, where there is one.
    pub target: &'static str,
    pub hook: Option<&'static str>,
    /// The variable of the example that holds its address, and what stands in it after the host.
    pub variable: &'static str,
    pub path: &'static str,
    /// Whether its first answer is "not now".
    pub stumbles: bool,
}

/// A receiver that has its address and is ready to serve.
pub struct Receiver {
    service: Service,
    listener: TcpListener,
}

impl Receiver {
    /// The receiver, and the address that the example is to be told.
    pub async fn bind(service: Service) -> io::Result<(Self, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = format!("http://{}{}", listener.local_addr()?, service.path);
        Ok((Self { service, listener }, address))
    }

    /// Serves until `leaving`; what arrives is told to `got`.
    pub async fn serve(self, got: mpsc::Sender<Got>, leaving: CancellationToken) -> io::Result<()> {
        let stumbles = Arc::new(AtomicBool::new(self.service.stumbles));
        let router = Router::new()
            .fallback(receive)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Desk { service: self.service, stumbles, got });
        axum::serve(self.listener, router).with_graceful_shutdown(leaving.cancelled_owned()).await
    }
}

#[derive(Clone)]
struct Desk {
    service: Service,
    stumbles: Arc<AtomicBool>,
    got: mpsc::Sender<Got>,
}

async fn receive(State(desk): State<Desk>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let service = desk.service;
    let target = match service.hook {
        Some(hook) if uri.path().starts_with("/api/webhook/") => hook,
        _ => service.target,
    };
    let said = said(service.kind, uri.path(), &body);
    let (answered, content_type, answer) = if desk.stumbles.swap(false, Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "not now")
    } else {
        answer(service.kind, &headers)
    };
    // A demo that has ended does not look any more.
    let _ = desk.got.send(Got { target, said, answered }).await;
    (answered, [(header::CONTENT_TYPE, content_type)], answer).into_response()
}

/// What each service says to a notification that it takes.
fn answer(kind: &str, headers: &HeaderMap) -> (StatusCode, &'static str, &'static str) {
    const JSON: &str = "application/json";
    const PLAIN: &str = "text/plain";
    match kind {
        "slack" | "mattermost" => (StatusCode::OK, PLAIN, "ok"),
        "discord" => (StatusCode::OK, JSON, r#"{"id":"1"}"#),
        "ntfy" => (StatusCode::OK, JSON, r#"{"id":"demo","event":"message"}"#),
        "telegram" => (StatusCode::OK, JSON, r#"{"ok":true,"result":{"message_id":1}}"#),
        "gotify" => (StatusCode::OK, JSON, r#"{"id":1}"#),
        "home_assistant" => (StatusCode::OK, JSON, "[]"),
        "teams" => (StatusCode::ACCEPTED, PLAIN, ""),
        "matrix" => (StatusCode::OK, JSON, r#"{"event_id":"$invented"}"#),
        "pushover" => (StatusCode::OK, JSON, r#"{"status":1,"request":"invented"}"#),
        "apprise" => (StatusCode::OK, PLAIN, "Notification(s) sent."),
        // A webhook that is signed carries these three together.
        _ if headers.contains_key("webhook-signature") && !headers.contains_key("webhook-id") => {
            (StatusCode::BAD_REQUEST, PLAIN, "a signature without an id")
        }
        _ => (StatusCode::NO_CONTENT, PLAIN, ""),
    }
}

/// The part of a request that a person would read.
fn said(kind: &str, path: &str, body: &[u8]) -> String {
    let Ok(tree) = serde_json::from_slice::<Value>(body) else {
        return shorten(&String::from_utf8_lossy(body));
    };
    let text = |pointer: &str| tree.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let parts = match kind {
        "slack" | "mattermost" | "telegram" => vec![text("/text")],
        "discord" => vec![text("/content"), text("/embeds/0/title"), text("/embeds/0/description")],
        "ntfy" | "gotify" | "pushover" => vec![text("/title"), text("/message")],
        "matrix" => vec![text("/body")],
        "apprise" => vec![text("/title"), text("/body")],
        "teams" => {
            const CARD: &str = "/attachments/0/content/body";
            vec![text(&format!("{CARD}/0/text")), text(&format!("{CARD}/1/text"))]
        }
        "home_assistant" if !path.starts_with("/api/webhook/") => {
            vec![path.trim_start_matches("/api/"), text("/entity_id"), text("/state"), text("/person/name")]
        }
        _ => vec![],
    };
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mut texts = Vec::new();
    if parts.is_empty() {
        gather(&tree, &mut texts);
    }
    let parts = if texts.is_empty() { parts } else { texts };
    shorten(&if parts.is_empty() { tree.to_string() } else { parts.join(" · ") })
}

/// The texts of a tree that are for people: no addresses, no ids.
fn gather<'t>(tree: &'t Value, texts: &mut Vec<&'t str>) {
    match tree {
        Value::String(text) => {
            let machine = text.starts_with("http") || text.bytes().all(|b| b.is_ascii_digit());
            texts.extend((!machine).then_some(text.as_str()));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, texts)),
        _ => {}
    }
}

fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_reads_is_picked_out() {
        for (kind, path, body, expected) in [
            ("slack", "/x", r#"{"text":"Ada is online"}"#, "Ada is online"),
            ("ntfy", "/", r#"{"topic":"t","title":"Ada","message":"is online"}"#, "Ada · is online"),
            ("discord", "/x", r#"{"content":"","embeds":[{"title":"Now"}]}"#, "Now"),
            ("matrix", "/x", r#"{"body":"Ada","msgtype":"m.text"}"#, "Ada"),
            (
                "teams",
                "/x",
                r#"{"attachments":[{"content":{"body":[{"text":"Ada"},{"text":"says hi"}]}}]}"#,
                "Ada · says hi",
            ),
            (
                "home_assistant",
                "/api/services/light/turn_on",
                r#"{"entity_id":"light.desk"}"#,
                "services/light/turn_on · light.desk",
            ),
            ("home_assistant", "/api/webhook/secret", r#"{"scene":"movie","by":"Ada"}"#, "Ada · movie"),
            ("webhook", "/x", r#"{"a":1}"#, r#"{"a":1}"#),
            ("webhook", "/x", r#"{"a":[{"b":"it","c":"https://x"},"7"],"d":""}"#, "it"),
            ("webhook", "/x", "a=1", "a=1"),
        ] {
            assert_eq!(said(kind, path, body.as_bytes()), expected, "{kind}");
        }
        assert_eq!(said("webhook", "/", "é".repeat(200).as_bytes()).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
