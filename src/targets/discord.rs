//! `discord`: a channel's webhook. <https://docs.discord.com/developers/resources/webhook#execute-webhook>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::place::{Escape, Place, cut_written};
use super::settings::{Settings, with_common_settings};
use super::{
    Call, Key, Kind, Main, Placed, Shape, address, fetch, nothing_implied, post_json, reading, unchecked,
};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

pub(super) const KIND: Kind = Kind {
    name: "discord",
    doc: "A Discord channel's webhook.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The webhook's address; `?thread_id=…` in it is kept.").required(),
        Key::new("thread_id", Shape::Text, "The thread to write into."),
    ],
    parts: &[
        Key::new(
            "content",
            Shape::Text,
            "The message, in Markdown; says what changed if neither it nor `embeds` is given.",
        ),
        Key::new("embeds", Shape::Tree, "A list of up to ten embeds."),
        Key::new("username", Shape::Text, "Shown as the sender."),
        Key::new("avatar_url", Shape::Text, "The sender's picture."),
        Key::new("thread_name", Shape::Text, "The new post's title, in forum channels."),
        Key::new("silent", Shape::Bool, "Whether it comes without a push."),
    ],
    elsewhere: &[
        ("webhook", "write `url`"),
        ("webhook_url", "write `url`"),
        ("token", "doorchime uses a channel's webhook: write its `url`"),
        ("channel", "a webhook writes into the channel that it was made for"),
        ("message", "write `content`"),
        ("text", "write `content`"),
        ("body", "write `content`"),
        ("title", "write it into `content`: `**title**`, or into `embeds`"),
        ("embed", "write `embeds`, a list"),
        ("avatar", "write `avatar_url`"),
        ("name", "write `username`"),
    ],
    main: Main::Text { part: "content", instead: &["embeds"] },
    place: |path, _| {
        let shown = Place::shown(Escape::Markdown);
        match path {
            ["content"] => shown.utf16(2_000),
            ["username"] => Place::shown(Escape::None).utf16(80).line(),
            ["thread_name"] => Place::shown(Escape::None).utf16(100).line(),
            ["embeds", .., "url" | "icon_url" | "proxy_url" | "timestamp"] | ["avatar_url"] => {
                Place::machine().word()
            }
            ["embeds", _, "title"] | ["embeds", _, "fields", _, "name"] => shown.utf16(256),
            ["embeds", _, "description"] => shown.utf16(4_096),
            ["embeds", _, "fields", _, "value"] => shown.utf16(1_024),
            // These two show Markdown as it is written.
            ["embeds", _, "author", "name"] => Place::shown(Escape::None).utf16(256),
            ["embeds", _, "footer", "text"] => Place::shown(Escape::None).utf16(2_048),
            _ => Place::machine(),
        }
    },
    check: unchecked,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;

const EMBEDS_MAX: usize = 10;
const FIELDS_MAX: usize = 25;
/// All texts of all embeds of one message together.
const EMBED_TEXT_MAX: usize = 6_000;
/// Discord's flag for a message that does not push.
const SUPPRESS_NOTIFICATIONS: u32 = 1 << 12;

pub(super) struct Discord {
    /// With `wait` and `thread_id` in its query.
    url: SecretString,
    webhook: SecretString,
}

impl Discord {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let webhook = settings.url("url")?;
        let mut url = webhook.clone();
        // Without `wait` Discord says 204 before it has looked at the message.
        if !address::has_query(&url, "wait") {
            url = address::with_query(&url, [("wait", "true")]);
        }
        if let Some(thread) =
            settings.filled("thread_id").filter(|_| !address::has_query(&webhook, "thread_id"))
        {
            url = address::with_query(&url, [("thread_id", thread.as_str())]);
        }
        Some(Self { url: url.into(), webhook: webhook.into() })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let mut body = call.object(&["content", "embeds", "username", "avatar_url", "thread_name"]);
        if let Some(Value::Array(embeds)) = body.get_mut("embeds") {
            within_limits(embeds);
        }
        if call.flag("silent") {
            body.insert("flags".to_owned(), json!(SUPPRESS_NOTIFICATIONS));
        }
        // Whatever a text says, it calls nobody.
        body.insert("allowed_mentions".to_owned(), json!({"parse": []}));
        post_json(self.url.expose_secret().to_owned(), Vec::new(), &Value::Object(body))
    }

    /// A page for people, instead of a webhook.
    pub(super) fn warnings(&self) -> Vec<Placed> {
        let (host, path) = address::host_and_path(self.webhook.expose_secret());
        let discord = ["discord.com", "discordapp.com"]
            .iter()
            .any(|ours| host == *ours || host.strip_suffix(ours).is_some_and(|rest| rest.ends_with('.')));
        if !discord || path.contains("/webhooks/") {
            return Vec::new();
        }
        let mistake = Mistake::new(0..0, "this is no webhook's address");
        let help =
            "it looks like `https://discord.com/api/webhooks/…`: Edit Channel → Integrations → Webhooks";
        vec![(vec!["url".to_owned()], mistake.help(help))]
    }

    /// The webhook tells about itself to whoever has its address.
    pub(super) fn health(&self) -> Request {
        let url = self.webhook.expose_secret();
        fetch(url.split(['?', '#']).next().unwrap_or(url).to_owned(), Vec::new())
    }
}

/// Discord refuses a whole message for one embed too many, one empty field, or one letter over the sum.
fn within_limits(embeds: &mut Vec<Value>) {
    embeds.truncate(EMBEDS_MAX);
    let mut left = EMBED_TEXT_MAX;
    embeds.retain_mut(|embed| {
        let room = left > 0;
        for text in ["/title", "/description", "/author/name", "/footer/text"] {
            shorten(embed, text, &mut left);
        }
        if let Some(Value::Array(fields)) = embed.get_mut("fields") {
            fields.truncate(FIELDS_MAX);
            fields.retain_mut(|field| {
                let room = left > 1;
                for text in ["/name", "/value"] {
                    fill(field, text);
                    shorten(field, text, &mut left);
                    fill(field, text);
                }
                room
            });
        }
        room
    });
}

/// A field's texts may not be empty; a space of no width is not.
fn fill(field: &mut Value, at: &str) {
    if let Some(Value::String(text)) = field.pointer_mut(at)
        && text.trim().is_empty()
    {
        "\u{200b}".clone_into(text);
    }
}

fn shorten(thing: &mut Value, at: &str, left: &mut usize) {
    if let Some(Value::String(text)) = thing.pointer_mut(at) {
        if utf16_len(text) > *left {
            *text = cut_written(text, *left);
        }
        *left -= utf16_len(text).min(*left);
    }
}

fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

/// 10015 is a webhook that was deleted, 50027 a token that was changed. A 404 with another code is about a
/// thread or a channel.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    let body = reading::json(answer);
    let code = body["code"].as_u64();
    if matches!((answer.status, code), (404, Some(10_015)) | (401 | 403, Some(50_027))) {
        return Reading::Disable;
    }
    if answer.status == 429 {
        // In the body the wait is exact; the header rounds it up to whole seconds.
        let exact = body["retry_after"].as_f64().and_then(reading::seconds_f64);
        return Reading::Wait(exact.or_else(|| reading::retry_after(answer, now_ms)));
    }
    match reading::by_status(answer, now_ms, &[401]) {
        Reading::Delivered => used_up(answer).map_or(Reading::Delivered, Reading::DeliveredThenPause),
        reading => reading,
    }
}

/// How long until the bucket is full again, if this request took the last of it.
fn used_up(answer: &Answer) -> Option<Duration> {
    let remaining: u64 = answer.header("x-ratelimit-remaining")?.trim().parse().ok()?;
    let reset: f64 = answer.header("x-ratelimit-reset-after")?.trim().parse().ok()?;
    (remaining == 0).then(|| reading::seconds_f64(reset)).flatten()
}
