//! `teams`: a Microsoft Teams workflow's webhook.
//! <https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Placed, Shape, address, nothing_implied, post_json, reading};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

pub(super) const KIND: Kind = Kind {
    name: "teams",
    doc: "A Microsoft Teams channel or chat, through a workflow that posts what its webhook gets.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The workflow's webhook address, with its `sig=…`.").required(),
    ],
    parts: &[
        Key::new("title", Shape::Text, "The title, in bold."),
        Key::new(
            "text",
            Shape::Text,
            "The message, in the little Markdown that cards know; says what changed if neither it nor `card` is given.",
        ),
        Key::new(
            "card",
            Shape::Tree,
            "An Adaptive Card, or the list of elements of its body, instead of `title` and `text`.",
        ),
    ],
    elsewhere: &[
        ("webhook", "write `url`"),
        ("webhook_url", "write `url`"),
        ("message", "write `text`"),
        ("body", "write `text`"),
        ("content", "write `text`"),
        ("subject", "write `title`"),
        ("summary", "write `title`"),
        ("attachments", "write `card`: an Adaptive Card without what is around it"),
        ("sections", "workflows take Adaptive Cards: write `card`"),
        ("channel", "a workflow posts where it was made to"),
    ],
    main: Main::Text { part: "text", instead: &["card"] },
    place: |path, _| match path {
        ["title"] => Place::shown(Escape::Card).chars(250).line(),
        ["card", .., "url" | "iconUrl" | "backgroundImage" | "type" | "id" | "style" | "color" | "size"] => {
            Place::machine().word()
        }
        // These show Markdown as it is written.
        ["card", .., "altText"] | ["card", .., "inlines", _] | ["card", .., "inlines", _, "text"] => {
            Place::shown(Escape::None).chars(2_000)
        }
        // Teams takes 28 KiB, and each line break becomes four bytes on the way.
        _ => Place::shown(Escape::Card).bytes(10_000),
    },
    check,
    implied: nothing_implied,
};

/// A flow posts about a hundred cards a minute; what comes faster fails after it has been accepted.
pub(super) const MIN_GAP: Duration = Duration::from_secs(1);

const CARD_TYPE: &str = "application/vnd.microsoft.card.adaptive";
const CARD_SCHEMA: &str = "http://adaptivecards.io/schemas/adaptive-card.json";
const CARD_VERSION: &str = "1.4";

pub(super) struct Teams {
    url: SecretString,
}

impl Teams {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        Some(Self { url: settings.url("url")?.into() })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let body = json!({
            "type": "message",
            "attachments": [{"contentType": CARD_TYPE, "contentUrl": null, "content": card(call)}],
        });
        post_json(self.url.expose_secret().to_owned(), Vec::new(), &body)
    }

    /// An address that posts nothing, or not any more.
    pub(super) fn warnings(&self) -> Vec<Placed> {
        let (host, path) = address::host_and_path(self.url.expose_secret());
        let within = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        let (what, help) = if within("webhook.office.com") {
            (
                "this is the webhook of a connector, and Microsoft has retired those",
                "make a workflow: the channel's … → Workflows → Send webhook alerts to a channel",
            )
        } else if (within("logic.azure.com") || within("powerplatform.com"))
            && !address::has_query(path, "sig")
        {
            (
                "this address has no `sig=…`: without it only people who have logged in may call it",
                "let anyone trigger the workflow, and copy the whole address once more",
            )
        } else {
            return Vec::new();
        };
        vec![(vec!["url".to_owned()], Mistake::new(0..0, what).help(help))]
    }
}

/// A card may be a list or a mapping, not a text; and it is the whole message.
fn check(parts: &Map<String, Value>) -> Vec<Placed> {
    let Some(card) = parts.get("card") else { return Vec::new() };
    let at = |key: &str| vec![key.to_owned()];
    if !(card.is_object() || card.is_array()) {
        let mistake = Mistake::new(0..0, "`card` is a mapping, or a list of elements");
        return vec![(at("card"), mistake.help("write `card: [{type: TextBlock, text: …}]`"))];
    }
    let beside = ["title", "text"].into_iter().find(|part| parts.contains_key(*part));
    beside.map_or_else(Vec::new, |part| {
        let mistake = Mistake::new(0..0, format!("`{part}` and `card` exclude each other"));
        vec![(at(part), mistake.help("write it into the card, as a TextBlock"))]
    })
}

/// The message as an Adaptive Card.
fn card(call: Call<'_>) -> Value {
    let mut card = match call.parts().get("card") {
        Some(Value::Object(card)) => card.clone(),
        Some(elements @ Value::Array(_)) => Map::from_iter([("body".to_owned(), elements.clone())]),
        _ => Map::from_iter([("body".to_owned(), blocks(call))]),
    };
    for (key, value) in [("$schema", CARD_SCHEMA), ("type", "AdaptiveCard"), ("version", CARD_VERSION)] {
        card.entry(key).or_insert_with(|| json!(value));
    }
    // Else a card is as wide as a phone.
    card.entry("msteams").or_insert_with(|| json!({"width": "Full"}));
    Value::Object(card)
}

fn blocks(call: Call<'_>) -> Value {
    let (title, text) = (call.text("title"), call.text("text"));
    let mut blocks = Vec::new();
    if !title.trim().is_empty() {
        blocks.push(json!({
            "type": "TextBlock", "text": title, "wrap": true, "weight": "Bolder", "size": "Medium",
        }));
    }
    blocks.push(json!({"type": "TextBlock", "text": paragraphs(text), "wrap": true}));
    Value::Array(blocks)
}

/// A card reads a single line break as a space, and several as one.
fn paragraphs(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n\n")
}

/// 202 says that the flow will run, and not that it has posted. A flow that was switched off or deleted answers
/// 400 with a code; 401 wants a login, since the flow's trigger is not for anyone or the signature is missing.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    if answer.status == 400 {
        let body = reading::json(answer);
        let code = body["error"]["code"].as_str().or(body["code"].as_str()).unwrap_or_default();
        if matches!(code, "WorkflowTriggerIsNotEnabled" | "WorkflowNotFound") {
            return Reading::Disable;
        }
    }
    reading::by_status(answer, now_ms, &[401, 403, 404, 410])
}
