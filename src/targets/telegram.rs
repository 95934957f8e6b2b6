//! `telegram`: a bot's message to a chat. <https://core.telegram.org/bots/api#sendmessage>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::html::without_markup;
use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Placed, Shape, fetch, nothing_implied, post_json, reading, unchecked};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

const SERVER: &str = "https://api.telegram.org";

pub(super) const KIND: Kind = Kind {
    name: "telegram",
    doc: "A Telegram bot's message to a person, a group or a channel.",
    settings: with_common_settings![
        Key::new("token", Shape::Secret, "The bot's token, as BotFather gave it.").required(),
        Key::new("chat_id", Shape::Text, "The chat's number, or `@name` of a public channel.").required(),
        Key::new("thread_id", Shape::Text, "The topic, in groups with topics."),
        Key::new(
            "server",
            Shape::Url,
            "A Bot API server of one's own; `https://api.telegram.org` if not given."
        ),
    ],
    parts: &[
        Key::new("text", Shape::Text, "The message, in Telegram's HTML; says what changed if not given."),
        Key::new("silent", Shape::Bool, "Whether it comes without a sound."),
        Key::new("preview", Shape::Bool, "Whether links are shown with a preview; `true` if not given."),
        Key::new("protect", Shape::Bool, "Whether forwarding and saving are switched off."),
    ],
    elsewhere: &[
        ("bot_token", "write `token`"),
        ("url", "write `token` and `chat_id`"),
        ("chat", "write `chat_id`"),
        ("channel", "write `chat_id`"),
        ("message_thread_id", "write `thread_id`"),
        ("topic", "write `thread_id`"),
        ("message", "write `text`"),
        ("body", "write `text`"),
        ("content", "write `text`"),
        ("title", "write it into `text`: `<b>title</b>`"),
        ("parse_mode", "`text` is always Telegram's HTML"),
        ("disable_notification", "write `silent: true`"),
    ],
    main: Main::Text { part: "text", instead: &[] },
    // The limit counts what is read, after the entities.
    place: |_, _| Place::shown(Escape::Html).utf16(4_096).as_read(),
    check: unchecked,
    implied: nothing_implied,
};

/// Telegram asks for no more than about one message a second to one chat.
pub(super) const MIN_GAP: Duration = Duration::from_secs(1);

pub(super) struct Telegram {
    /// The address up to the method's name, the token in it.
    base: SecretString,
    chat: Value,
    thread: Option<Value>,
}

impl Telegram {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let server = settings.base_url("server").unwrap_or_else(|| SERVER.to_owned());
        let (token, chat) = (settings.secret("token"), settings.filled("chat_id"));
        if let Some(token) = token.as_ref().map(ExposeSecret::expose_secret)
            && !looks_like_a_token(token)
        {
            let mistake = Mistake::new(0..0, "this is no Telegram bot's token");
            settings.problem("token", mistake.help("it looks like `123456789:AA…`, without `bot` before it"));
        }
        let thread = settings.filled("thread_id").map(|thread| number_or_text(&thread));
        let base = format!("{server}/bot{}", token?.expose_secret());
        Some(Self { base: base.into(), chat: number_or_text(&chat?), thread })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let text = call.text("text");
        let mut body = json!({"chat_id": self.chat});
        if call.plain {
            body["text"] = json!(without_markup(text));
        } else {
            body["text"] = json!(text);
            body["parse_mode"] = json!("HTML");
        }
        if let Some(thread) = &self.thread {
            body["message_thread_id"] = thread.clone();
        }
        if call.flag("silent") {
            body["disable_notification"] = json!(true);
        }
        if call.parts().get("preview") == Some(&Value::Bool(false)) {
            body["link_preview_options"] = json!({"is_disabled": true});
        }
        if call.flag("protect") {
            body["protect_content"] = json!(true);
        }
        self.hiding(post_json(format!("{}/sendMessage", self.base.expose_secret()), Vec::new(), &body))
    }

    /// A chat's title, instead of the chat.
    pub(super) fn warnings(&self) -> Vec<Placed> {
        if self.chat.as_str().is_none_or(|name| name.starts_with('@')) {
            return Vec::new();
        }
        let mistake = Mistake::new(0..0, "Telegram knows chats by number, and public channels by `@name`");
        let help =
            "write to the bot, then look for `chat` in `https://api.telegram.org/bot<token>/getUpdates`";
        vec![(vec!["chat_id".to_owned()], mistake.help(help))]
    }

    pub(super) fn health(&self) -> Request {
        self.hiding(fetch(format!("{}/getMe", self.base.expose_secret()), Vec::new()))
    }

    /// In the address the token has `bot` before it; an answer names it alone. Who knows a chat can be written
    /// to in it.
    fn hiding(&self, request: Request) -> Request {
        let base = self.base.expose_secret();
        let token = base.rsplit_once("/bot").map_or(base, |(_, token)| token);
        let chat = self.chat.as_str().map_or_else(|| self.chat.to_string(), str::to_owned);
        let key = token.split_once(':').map_or(token, |(_, key)| key);
        let secrets = [token, key, &chat].map(SecretString::from).to_vec();
        Request { secrets, ..request }
    }
}

fn looks_like_a_token(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, secret)| {
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_digit())
            && !secret.is_empty()
            && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

fn number_or_text(text: &str) -> Value {
    text.trim().parse::<i64>().map_or_else(|_| json!(text.trim()), |number| json!(number))
}

/// Telegram repeats the status in its JSON. 403 is a person who blocked the bot or a group that threw it out:
/// one chat is all this target is, so it waits for somebody to mend that.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    let body = reading::json(answer);
    let description = body["description"].as_str().unwrap_or_default().to_ascii_lowercase();
    if answer.status == 400 {
        if description.contains("can't parse entities") {
            return Reading::AgainPlain;
        }
        if description.contains("chat not found") || description.contains("upgraded to a supergroup") {
            return Reading::Disable;
        }
    }
    if answer.status == 429 {
        let asked = body["parameters"]["retry_after"].as_f64().and_then(reading::seconds_f64);
        return Reading::Wait(asked.or_else(|| reading::retry_after(answer, now_ms)));
    }
    match reading::by_status(answer, now_ms, &[401, 403, 404]) {
        Reading::Delivered if !reading::says_ok(answer) => reading::no_yes(answer),
        reading => reading,
    }
}
