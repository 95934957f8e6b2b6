//! `mattermost`: an incoming webhook. <https://developers.mattermost.com/integrate/webhooks/incoming/>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Shape, nothing_implied, post_json, reading, unchecked};
use crate::outbox::delivery::{Answer, Reading, Request};

pub(super) const KIND: Kind = Kind {
    name: "mattermost",
    doc: "A Mattermost incoming webhook.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The webhook's address, `https://…/hooks/…`.").required(),
    ],
    parts: &[
        Key::new(
            "text",
            Shape::Text,
            "The message, in Markdown; says what changed if neither it nor `attachments` is given.",
        ),
        Key::new("attachments", Shape::Tree, "A list of message attachments."),
        Key::new("username", Shape::Text, "Shown as the sender, where the server allows it."),
        Key::new("icon_url", Shape::Text, "The sender's picture, where the server allows it."),
        Key::new("icon_emoji", Shape::Text, "An emoji as the sender's picture, where the server allows it."),
        Key::new("channel", Shape::Text, "Another channel than the webhook's own."),
        Key::new("props", Shape::Tree, "Further properties of the post, like `card`."),
    ],
    elsewhere: &[
        ("webhook", "write `url`"),
        ("webhook_url", "write `url`"),
        ("message", "write `text`"),
        ("body", "write `text`"),
        ("content", "write `text`"),
        ("title", "write it into `text`: `**title**`"),
    ],
    main: Main::Text { part: "text", instead: &["attachments"] },
    place: |path, _| match path {
        ["text"] => Place::shown(Escape::Markdown).calling_nobody().chars(16_383),
        ["username"] => Place::shown(Escape::None).chars(64).line(),
        ["icon_url" | "icon_emoji" | "channel"]
        | [
            ..,
            "image_url" | "thumb_url" | "title_link" | "author_link" | "author_icon" | "footer_icon" | "url"
            | "color",
        ] => Place::machine().word(),
        _ => Place::shown(Escape::Markdown).calling_nobody().chars(7_000),
    },
    check: unchecked,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;

pub(super) struct Mattermost {
    url: SecretString,
}

impl Mattermost {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        Some(Self { url: settings.url("url")?.into() })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let body =
            call.object(&["text", "attachments", "username", "icon_url", "icon_emoji", "channel", "props"]);
        post_json(self.url.expose_secret().to_owned(), Vec::new(), &Value::Object(body))
    }
}

/// A webhook that was deleted or switched off is told by an error id, with 400 or 501 as its status.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    if answer.status >= 400 {
        let body = reading::json(answer);
        let id = body["id"].as_str().unwrap_or_default();
        if [
            "web.incoming_webhook.invalid.",
            "web.incoming_webhook.disabled.",
            "web.incoming_webhook.channel.",
            "web.incoming_webhook.user.",
        ]
        .iter()
        .any(|gone| id.starts_with(gone))
        {
            return Reading::Disable;
        }
    }
    match reading::by_status(answer, now_ms, &[401, 403, 404, 410]) {
        Reading::Delivered if !reading::says_ok(answer) => reading::no_yes(answer),
        reading => reading,
    }
}
