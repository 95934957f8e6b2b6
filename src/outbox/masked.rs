//! One request as people may see it: what the rules file's author and Discord put into it, and nothing of what
//! only the target is to know.
//!
//! Of an address and of headers nothing is shown but what is known to be no secret; in the body everything is
//! but what is known to be one. A signature is a secret, too: with it, a message that was never sent could be.

use secrecy::ExposeSecret;
use serde_json::Value;

use super::blot::{BLOT, Secrets};
use super::delivery::{Delivery, Request};
use super::excerpt::add_secrets;
use super::sender::{ACCEPTED, Built};
use crate::AGENT;
use crate::targets::address;
use crate::targets::filled::{self, Values};

/// So much of a body is shown.
const BODY_BYTES_MAX: usize = 32 << 10;
/// No header and no address is longer.
const LINE_BYTES_MAX: usize = 4 << 10;

#[derive(Debug, PartialEq, Eq)]
pub struct Masked {
    pub method: &'static str,
    pub address: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Whether the body goes on.
    pub cut: bool,
}

/// `built` is what the sender makes of `request`, which is one for `delivery` with names in place of what the message
/// takes from outside; `values` are the rules file's, for what the target's settings take.
pub fn masked(delivery: &Delivery, request: &Request, built: &Built, values: &Values) -> Masked {
    let own = Own::of(delivery);
    let mut secrets = Secrets::default();
    for (name, value) in values {
        let named = format!("${{{name}}}");
        if filled::is_secret(value) {
            secrets.add_named(value.expose_secret(), &named);
        }
        // However the body spells the name itself, it is to be read.
        secrets.add_named(&named, &named);
    }
    add_secrets(&mut secrets, request, |piece| own.has(piece));
    let line = |text: String| text[..text.floor_char_boundary(LINE_BYTES_MAX)].to_owned();
    let headers = built.headers.iter().map(|(name, value)| {
        let value = header(name, value.expose_secret());
        (name.clone(), value.map_or_else(|| BLOT.to_owned(), line))
    });
    let (body, cut) = body(&built.body, &secrets);
    Masked {
        method: request.method,
        address: line(address(built.url.expose_secret(), &own)),
        headers: headers.collect(),
        body,
        cut,
    }
}

/// A header's value, or as much of it as is no secret.
fn header(name: &str, value: &str) -> Option<String> {
    match name {
        "content-type" | "idempotency-key" | "webhook-id" | "webhook-timestamp" => Some(value.to_owned()),
        "accept" if value == ACCEPTED => Some(value.to_owned()),
        "user-agent" if value == AGENT => Some(value.to_owned()),
        "webhook-signature" => Some(format!("v1,{BLOT}")),
        "authorization" => {
            let scheme = value.split(' ').next().filter(|scheme| ["Bearer", "Basic"].contains(scheme))?;
            Some(format!("{scheme} {BLOT}"))
        }
        _ => None,
    }
}

/// What the message itself brings along.
struct Own {
    id: String,
    /// All its texts, as they may be shown.
    texts: Vec<String>,
    /// What of it goes into an address, in pieces.
    steps: Vec<String>,
    /// Names in its `query`.
    names: Vec<String>,
}

/// Parts that become steps of an address.
const STEPS: [&str; 4] = ["event", "service", "state", "path"];

impl Own {
    fn of(delivery: &Delivery) -> Self {
        let parts = filled::shown(&delivery.parts);
        let steps = STEPS.iter().filter_map(|part| parts.get(*part)?.as_str());
        let names = parts.get("query").and_then(Value::as_object).into_iter().flatten();
        let names = names.map(|(name, _)| name.clone()).collect();
        // A service is two of them, a path as many as it has slashes.
        let steps = steps.flat_map(|part| part.split('/').chain(part.split('.'))).map(decoded).collect();
        let mut texts = Vec::new();
        parts.values().for_each(|part| gather(part, &mut texts));
        Self { id: delivery.id.to_string(), texts, steps, names }
    }

    /// Whether a piece of the address or of a header is the message's own.
    fn has(&self, piece: &str) -> bool {
        let piece = decoded(piece);
        piece == self.id || self.steps.contains(&piece) || self.texts.iter().any(|text| text.contains(&piece))
    }
}

fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(map) => map.values().for_each(|item| gather(item, texts)),
        _ => {}
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&address::decoded(text)).into_owned()
}

/// Servers that everybody knows: that a webhook is there says nothing of it.
const SERVICES: [&str; 7] = [
    "api.pushover.net",
    "api.telegram.org",
    "canary.discord.com",
    "discord.com",
    "hooks.slack.com",
    "ntfy.sh",
    "ptb.discord.com",
];

/// Steps of addresses that a service has for everybody.
const PUBLIC_STEPS: [&str; 25] = [
    "1",
    "_matrix",
    "api",
    "client",
    "events",
    "hooks",
    "invoke",
    "m.room.message",
    "message",
    "messages.json",
    "notify",
    "rooms",
    "send",
    "sendMessage",
    "service",
    "services",
    "states",
    "v1",
    "v3",
    "webhook",
    "webhooks",
    "workflows",
    "triggers",
    "manual",
    "paths",
];

/// Pairs of a query that we add ourselves.
const PUBLIC_PAIRS: [&str; 1] = ["wait=true"];

fn address(url: &str, own: &Own) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split('#').next().unwrap_or_default();
    let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let host = if is_no_secret(host) { host } else { BLOT };
    let step = |step: &str| {
        let known = step.is_empty() || PUBLIC_STEPS.contains(&step);
        let plain = decoded(step);
        if known || plain == own.id || own.steps.contains(&plain) { step.to_owned() } else { BLOT.to_owned() }
    };
    let path = path.split('/').map(step).collect::<Vec<_>>().join("/");
    let pair = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        if PUBLIC_PAIRS.contains(&pair) {
            pair.to_owned()
        } else if own.names.contains(&decoded(name)) || name == "thread_id" {
            format!("{name}={BLOT}")
        } else {
            BLOT.to_owned()
        }
    };
    let query = query.map(|query| query.split('&').map(pair).collect::<Vec<_>>().join("&"));
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{host}{path}{query}")
}

/// Whether a host and port may be shown: a service for everybody, or somebody's own network, where a name opens
/// nothing. Any other host may be a key by itself.
fn is_no_secret(authority: &str) -> bool {
    if authority.contains('@') {
        return false;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let at_home = [".local", ".lan", ".home.arpa", ".internal", ".localhost"];
    let private = match host.trim_matches(['[', ']']).parse() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => !host.contains('.') || at_home.iter().any(|end| host.ends_with(end)),
    };
    private || SERVICES.contains(&host)
}

/// The body and whether it goes on. JSON stays JSON.
fn body(body: &[u8], secrets: &Secrets) -> (String, bool) {
    let text = String::from_utf8_lossy(body);
    let shown = match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let mut masked = value.clone();
            mask(&mut masked, secrets);
            if masked == value { text.into_owned() } else { masked.to_string() }
        }
        Err(_) => blotted(&text, secrets),
    };
    let cut = shown.len() > BODY_BYTES_MAX;
    let end = shown.floor_char_boundary(BODY_BYTES_MAX);
    (shown[..end].to_owned(), cut)
}

/// Text, or a form with its pairs.
fn blotted(text: &str, secrets: &Secrets) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", secrets.blot_value(value)),
        None => secrets.blot_value(pair),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn mask(value: &mut Value, secrets: &Secrets) {
    let blot = |text: &str| secrets.blot_value(text);
    match value {
        Value::String(text) => *text = blot(text),
        Value::Number(number) => {
            let text = number.to_string();
            let shown = blot(&text);
            if shown != text {
                *value = Value::String(shown);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, secrets)),
        Value::Object(map) => {
            for (key, mut item) in std::mem::take(map) {
                mask(&mut item, secrets);
                map.insert(blot(&key), item);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}
