//! Where notifications go: each kind's request, limits, escaping, and how its answers read.
//!
//! One file a kind, with its table at the top. `place` is where escaping and cutting happen, `message` is a
//! `send:` entry compiled, `settings` and `address` read what stands under `targets:`, `reading` holds what
//! the dialects have in common.

pub mod address;
pub mod apprise;
pub mod console;
pub mod discord;
pub mod filled;
pub mod gotify;
pub mod home_assistant;
mod html;
pub mod matrix;
pub mod mattermost;
pub mod message;
pub mod ntfy;
pub mod phrase;
pub mod place;
pub mod pushover;
pub mod reading;
mod retold;
pub mod settings;
pub mod slack;
pub mod teams;
pub mod telegram;
#[cfg(test)]
mod tests;
pub mod webhook;

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::outbox::delivery::{Answer, Delivery, Parts, Reading, Request};
use crate::rules::elsewhere::Elsewhere;
use crate::rules::mistake::Mistake;
use crate::rules::template::{Origin, Segment};
use filled::Values;
use place::Place;
use settings::{DeliverySettings, Settings};

/// A mistake somewhere inside a mapping: the keys and list places that lead to it (`blocks`, `0`, `text`).
pub type Placed = (Vec<String>, Mistake);

/// A target's kind: its name and what it takes, as a table for the checker, the reference and the editors.
pub struct Kind {
    pub name: &'static str,
    pub doc: &'static str,
    /// The keys under `targets: NAME:`.
    pub settings: &'static [Key],
    /// The keys of a `send:` entry.
    pub parts: &'static [Key],
    /// Keys that people write in either, and what to do instead.
    pub elsewhere: &'static [Elsewhere],
    /// What is sent when a `send:` entry says nothing.
    pub(crate) main: Main,
    /// Where a text of a message ends up: its escaping and its limit. Told the way to the text, beginning
    /// with the part's name, and all parts as written.
    pub(crate) place: fn(&[&str], &Map<String, Value>) -> Place,
    /// What no single key's shape can say: parts that exclude or need each other.
    pub(crate) check: fn(&Map<String, Value>) -> Vec<Placed>,
    /// A part that follows from the others as they are written.
    pub(crate) implied: fn(&Map<String, Value>) -> Option<(&'static str, Value)>,
}

/// What carries the message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Main {
    /// A text part; left out, it says in words what changed, unless one of `instead` is given.
    Text { part: &'static str, instead: &'static [&'static str] },
    /// The default JSON event, unless one of these is given.
    Event { instead: &'static [&'static str] },
}

/// The part under which a message keeps the default JSON event. No kind's table has such a key, so no file
/// can write it.
pub(crate) const EVENT: &str = "_event";

/// One key of a target or of a message.
#[derive(Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// One sentence for the reference and for editors.
    pub doc: &'static str,
}

impl Key {
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: false, doc }
    }

    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// What may stand as a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    /// A text that is never shown.
    Secret,
    /// An `http(s)` address; never shown either.
    Url,
    Number,
    /// A number, or one of these words.
    NumberOr(&'static [&'static str]),
    Bool,
    Duration,
    Choice(&'static [&'static str]),
    TextMap,
    TextList,
    /// Any YAML; its texts are templates where it is part of a message.
    Tree,
}

/// Every kind there is.
pub const KINDS: &[Kind] = &[
    webhook::KIND,
    slack::KIND,
    discord::KIND,
    ntfy::KIND,
    home_assistant::KIND,
    gotify::KIND,
    telegram::KIND,
    mattermost::KIND,
    teams::KIND,
    matrix::KIND,
    pushover::KIND,
    apprise::KIND,
    console::KIND,
];

/// A target as the file describes it, ready to make requests.
pub struct Target {
    name: Arc<str>,
    kind: &'static Kind,
    delivery: DeliverySettings,
    service: Service,
    /// What messages are filled in with as they are sent.
    values: Arc<Values>,
}

/// Everything in here may be secret.
enum Service {
    Webhook(webhook::Webhook),
    Slack(slack::Slack),
    Discord(discord::Discord),
    Ntfy(ntfy::Ntfy),
    HomeAssistant(home_assistant::HomeAssistant),
    Gotify(gotify::Gotify),
    Telegram(telegram::Telegram),
    Mattermost(mattermost::Mattermost),
    Teams(teams::Teams),
    Matrix(matrix::Matrix),
    Pushover(pushover::Pushover),
    Apprise(apprise::Apprise),
    Console(console::Console),
}

/// What an attempt is made of.
#[derive(Clone, Debug)]
pub enum Outgoing {
    Http(Request),
    /// One line for the terminal, without anything that could move its cursor.
    Print(String),
    /// Something that it is made of is missing, and may be there again.
    Unready {
        why: String,
    },
}

/// One attempt at one delivery.
#[derive(Clone, Copy)]
pub(crate) struct Call<'c> {
    pub delivery: &'c Delivery,
    /// The delivery's, complete.
    pub parts: &'c Parts,
    /// Dates signatures.
    pub now_ms: i64,
    /// No markup this time.
    pub plain: bool,
}

impl<'c> Call<'c> {
    fn parts(&self) -> &'c Parts {
        self.parts
    }

    /// A part as text; empty if it is not there.
    fn text(&self, part: &str) -> &str {
        self.parts().get(part).and_then(Value::as_str).unwrap_or_default()
    }

    fn flag(&self, part: &str) -> bool {
        self.parts().get(part).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The named parts that are there, under their own names.
    fn object(&self, parts: &[&str]) -> Map<String, Value> {
        parts.iter().filter_map(|&part| Some((part.to_owned(), self.parts().get(part)?.clone()))).collect()
    }
}

impl Target {
    /// Builds a target from its settings (`type` and what `Kind::settings` lists), whose keys and shapes have
    /// been checked against the table and whose variables have been filled in.
    pub fn build(
        name: &str,
        kind: &'static Kind,
        settings: &Map<String, Value>,
    ) -> Result<Self, Vec<Placed>> {
        let mut settings = Settings::new(settings);
        let from = &mut settings;
        let (service, min_gap) = match kind.name {
            "webhook" => (webhook::Webhook::build(from).map(Service::Webhook), webhook::MIN_GAP),
            "slack" => (slack::Slack::build(from).map(Service::Slack), slack::MIN_GAP),
            "discord" => (discord::Discord::build(from).map(Service::Discord), discord::MIN_GAP),
            "ntfy" => (ntfy::Ntfy::build(from).map(Service::Ntfy), ntfy::MIN_GAP),
            "home_assistant" => (
                home_assistant::HomeAssistant::build(from).map(Service::HomeAssistant),
                home_assistant::MIN_GAP,
            ),
            "gotify" => (gotify::Gotify::build(from).map(Service::Gotify), gotify::MIN_GAP),
            "telegram" => (telegram::Telegram::build(from).map(Service::Telegram), telegram::MIN_GAP),
            "mattermost" => {
                (mattermost::Mattermost::build(from).map(Service::Mattermost), mattermost::MIN_GAP)
            }
            "teams" => (teams::Teams::build(from).map(Service::Teams), teams::MIN_GAP),
            "matrix" => (matrix::Matrix::build(from).map(Service::Matrix), matrix::MIN_GAP),
            "pushover" => (pushover::Pushover::build(from).map(Service::Pushover), pushover::MIN_GAP),
            "apprise" => (apprise::Apprise::build(from).map(Service::Apprise), apprise::MIN_GAP),
            _ => (Some(Service::Console(console::Console)), console::MIN_GAP),
        };
        let delivery = settings.delivery(min_gap);
        let service = settings.done(service)?;
        Ok(Self { name: name.into(), kind, delivery, service, values: Arc::default() })
    }

    /// The same, with the values that the rules file's messages take from outside of it.
    #[must_use]
    pub fn with_values(self, values: &Arc<Values>) -> Self {
        Self { values: Arc::clone(values), ..self }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    pub fn delivery_settings(&self) -> &DeliverySettings {
        &self.delivery
    }

    /// The request for one attempt. `now_ms` dates signatures; `plain` asks for no markup.
    pub fn request(&self, delivery: &Delivery, now_ms: i64, plain: bool) -> Outgoing {
        match filled::put_in(&delivery.parts, &self.values) {
            Ok((parts, secrets)) => match self.called(Call { delivery, parts: &parts, now_ms, plain }) {
                Outgoing::Http(mut request) => {
                    // Matrix is told a text twice, once without its markup.
                    let plain = secrets.iter().map(|value| html::without_markup(value.expose_secret()));
                    request.secrets.extend(plain.map(SecretString::from));
                    request.secrets.extend(secrets);
                    Outgoing::Http(request)
                }
                other => other,
            },
            Err(name) => Outgoing::Unready { why: format!("the rules file fills in no `${{{name}}}` now") },
        }
    }

    /// The same to be looked at: with names in place of the values that the message takes from outside.
    pub fn request_named(&self, delivery: &Delivery, now_ms: i64) -> Outgoing {
        let parts = filled::with_names(&delivery.parts);
        self.called(Call { delivery, parts: &parts, now_ms, plain: false })
    }

    fn called(&self, call: Call<'_>) -> Outgoing {
        Outgoing::Http(match &self.service {
            Service::Webhook(webhook) => webhook.request(call),
            Service::Slack(slack) => slack.request(call),
            Service::Discord(discord) => discord.request(call),
            Service::Ntfy(ntfy) => ntfy.request(call),
            Service::HomeAssistant(home_assistant) => home_assistant.request(call),
            Service::Gotify(gotify) => gotify.request(call),
            Service::Telegram(telegram) => telegram.request(call),
            Service::Mattermost(mattermost) => mattermost.request(call),
            Service::Teams(teams) => teams.request(call),
            Service::Matrix(matrix) => matrix.request(call),
            Service::Pushover(pushover) => pushover.request(call),
            Service::Apprise(apprise) => apprise.request(call),
            Service::Console(console) => return Outgoing::Print(console.line(call)),
        })
    }

    /// What an answer means in this target's dialect.
    pub fn read(&self, answer: &Answer, now_ms: i64) -> Reading {
        match &self.service {
            Service::Webhook(_) => reading::by_status(answer, now_ms, webhook::DISABLING),
            Service::Slack(_) => slack::read(answer, now_ms),
            Service::Discord(_) => discord::read(answer, now_ms),
            Service::Ntfy(_) => ntfy::read(answer, now_ms),
            Service::HomeAssistant(_) => reading::by_status(answer, now_ms, home_assistant::DISABLING),
            Service::Gotify(_) => reading::by_status(answer, now_ms, gotify::DISABLING),
            Service::Telegram(_) => telegram::read(answer, now_ms),
            Service::Mattermost(_) => mattermost::read(answer, now_ms),
            Service::Teams(_) => teams::read(answer, now_ms),
            Service::Matrix(_) => matrix::read(answer, now_ms),
            Service::Pushover(_) => pushover::read(answer, now_ms),
            Service::Apprise(_) => apprise::read(answer, now_ms),
            Service::Console(_) => Reading::Delivered,
        }
    }

    /// What is wrong with a message's parts, as written, for this very target: what the kind's table alone
    /// cannot know, since it depends on the target's settings.
    pub fn check_parts(&self, parts: &Map<String, Value>) -> Vec<Placed> {
        match &self.service {
            Service::Webhook(webhook) => webhook.check_parts(parts),
            Service::HomeAssistant(home_assistant) => home_assistant.check_parts(parts),
            _ => Vec::new(),
        }
    }

    /// What is not wrong but worth knowing, for `check`.
    pub fn warnings(&self) -> Vec<Placed> {
        match &self.service {
            Service::HomeAssistant(home_assistant) => home_assistant.warnings(),
            Service::Slack(slack) => slack.warnings(),
            Service::Discord(discord) => discord.warnings(),
            Service::Telegram(telegram) => telegram.warnings(),
            Service::Teams(teams) => teams.warnings(),
            Service::Pushover(pushover) => pushover.warnings(),
            _ => Vec::new(),
        }
    }

    /// The parts of a test notification that says `text`, escaped for its place as a value is.
    pub fn test_parts(&self, text: &str) -> Parts {
        let mut parts = Parts::new();
        match self.kind.main {
            Main::Event { .. } => {
                parts.insert(EVENT.to_owned(), json!({"type": "test", "message": text}));
            }
            Main::Text { part, .. } => {
                let said = Segment { text: text.to_owned(), origin: Origin::Value };
                let said = (self.kind.place)(&[part], &Map::new()).fit(&[said]).text;
                parts.insert(part.to_owned(), said.into());
                if self.kind.parts.iter().any(|key| key.name == "title") {
                    parts.insert("title".to_owned(), "doorchime".into());
                }
            }
        }
        parts
    }

    /// A request that changes nothing and tells whether the service is there and lets us in, where there is
    /// such a thing. Its answer is read by `read_health`.
    pub fn health(&self) -> Option<Request> {
        match &self.service {
            Service::Discord(discord) => Some(discord.health()),
            Service::Ntfy(ntfy) => Some(ntfy.health()),
            Service::HomeAssistant(home_assistant) => home_assistant.health(),
            Service::Gotify(gotify) => Some(gotify.health()),
            Service::Telegram(telegram) => Some(telegram.health()),
            Service::Matrix(matrix) => Some(matrix.health()),
            Service::Pushover(pushover) => Some(pushover.health()),
            Service::Apprise(apprise) => Some(apprise.health()),
            Service::Webhook(_)
            | Service::Slack(_)
            | Service::Mattermost(_)
            | Service::Teams(_)
            | Service::Console(_) => None,
        }
    }

    /// `Delivered` means healthy.
    pub fn read_health(&self, answer: &Answer, now_ms: i64) -> Reading {
        match &self.service {
            Service::Ntfy(_) => ntfy::read_health(answer, now_ms),
            Service::Gotify(_) => gotify::read_health(answer, now_ms),
            Service::Matrix(_) => matrix::read_health(answer, now_ms),
            _ => self.read(answer, now_ms),
        }
    }
}

/// The name and the kind; the rest is secret.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("kind", &self.kind.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.name).finish()
    }
}

/// No exclusions at all.
pub(crate) fn unchecked(_: &Map<String, Value>) -> Vec<Placed> {
    Vec::new()
}

/// No part follows from others.
pub(crate) fn nothing_implied(_: &Map<String, Value>) -> Option<(&'static str, Value)> {
    None
}

type Headers = Vec<(String, SecretString)>;

/// A header, its value rid of what cannot stand in one.
fn header(name: &str, value: &str) -> (String, SecretString) {
    (name.to_owned(), SecretString::from(header_value(value)))
}

/// Without control characters and line breaks: what follows one would be read as another header.
fn header_value(value: &str) -> String {
    let kept: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    kept.trim().to_owned()
}

fn bearer(token: &SecretString) -> (String, SecretString) {
    header("authorization", &format!("Bearer {}", token.expose_secret()))
}

fn post_json(url: String, headers: Headers, body: &Value) -> Request {
    send_json("POST", url, headers, body)
}

fn send_json(method: &'static str, url: String, mut headers: Headers, body: &Value) -> Request {
    headers.push(header("content-type", "application/json"));
    Request {
        method,
        url: SecretString::from(url),
        headers,
        body: body.to_string().into_bytes(),
        secrets: Vec::new(),
    }
}

fn fetch(url: String, headers: Headers) -> Request {
    Request { method: "GET", url: SecretString::from(url), headers, body: Vec::new(), secrets: Vec::new() }
}
