//! `slack`: an incoming webhook. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Placed, Shape, address, nothing_implied, post_json, reading, unchecked};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

pub(super) const KIND: Kind = Kind {
    name: "slack",
    doc: "A Slack incoming webhook.",
    settings: with_common_settings![
        Key::new("url", Shape::Url, "The webhook's address, `https://hooks.slack.com/services/…`.")
            .required(),
    ],
    parts: &[
        Key::new(
            "text",
            Shape::Text,
            "The message, in Slack's mrkdwn; says what changed if neither it nor `blocks` is given.",
        ),
        Key::new(
            "blocks",
            Shape::Tree,
            "A list of Block Kit blocks; `text` is then what notifications show.",
        ),
        Key::new("attachments", Shape::Tree, "A list of Slack's older attachments."),
        Key::new("thread_ts", Shape::Text, "The timestamp of the message to answer in a thread."),
        Key::new("unfurl_links", Shape::Bool, "Whether links are shown with a preview."),
        Key::new("unfurl_media", Shape::Bool, "Whether linked media are shown with a preview."),
    ],
    elsewhere: &[
        ("webhook", "write `url`"),
        ("webhook_url", "write `url`"),
        ("token", "doorchime uses an incoming webhook: write its `url`"),
        ("message", "write `text`"),
        ("body", "write `text`"),
        ("title", "write it into `text`: `*title*`, or into `blocks`"),
        ("channel", "a webhook writes into the channel that it was made for"),
        ("username", "a webhook writes under the name that it was made with"),
    ],
    main: Main::Text { part: "text", instead: &["blocks", "attachments"] },
    place: |path, _| match path {
        // Where `<!channel>`, `<@U…>` and links are read; Slack decodes the entities in plain texts too.
        ["text"] => Place::shown(Escape::Slack).chars(40_000),
        ["thread_ts"] => Place::machine(),
        [
            ..,
            "url" | "image_url" | "thumb_url" | "title_link" | "author_link" | "author_icon" | "footer_icon"
            | "value" | "action_id" | "block_id" | "type" | "style",
        ] => Place::machine().word(),
        [.., "alt_text"] => Place::shown(Escape::None).chars(2_000),
        _ => Place::shown(Escape::Slack).chars(3_000),
    },
    check: unchecked,
    implied: nothing_implied,
};

/// Slack takes one message a second from a webhook, with short bursts.
pub(super) const MIN_GAP: Duration = Duration::from_secs(1);

pub(super) struct Slack {
    url: SecretString,
}

impl Slack {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        Some(Self { url: settings.url("url")?.into() })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let body =
            call.object(&["text", "blocks", "attachments", "thread_ts", "unfurl_links", "unfurl_media"]);
        post_json(self.url.expose_secret().to_owned(), Vec::new(), &Value::Object(body))
    }

    /// A page for people, instead of a webhook.
    pub(super) fn warnings(&self) -> Vec<Placed> {
        let (host, _) = address::host_and_path(self.url.expose_secret());
        if !(host == "slack.com" || host.ends_with(".slack.com")) || host.starts_with("hooks.") {
            return Vec::new();
        }
        let mistake = Mistake::new(0..0, "this is no webhook's address");
        let help = "it looks like `https://hooks.slack.com/services/…`";
        vec![(vec!["url".to_owned()], mistake.help(help))]
    }
}

/// `ok` is the only yes. 403, 404 and 410 say that the webhook, its token or its channel is gone.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    match reading::by_status(answer, now_ms, &[403, 404, 410]) {
        Reading::Delivered if !reading::says_ok(answer) => reading::no_yes(answer),
        reading => reading,
    }
}
