//! `matrix`: a message to a Matrix room.
//! <https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::html::without_markup;
use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{
    Call, Key, Kind, Main, Shape, address, bearer, fetch, nothing_implied, reading, send_json, unchecked,
};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

pub(super) const KIND: Kind = Kind {
    name: "matrix",
    doc: "A message to a Matrix room. It mentions nobody.",
    settings: with_common_settings![
        Key::new("server", Shape::Url, "The homeserver's address, without `/_matrix`.").required(),
        Key::new("token", Shape::Secret, "The access token of the account that writes.").required(),
        Key::new("room", Shape::Text, "The room's id, `!…`; the account must have joined it.").required(),
    ],
    parts: &[
        Key::new(
            "body",
            Shape::Text,
            "The message as plain text; made of `formatted_body`, or saying what changed, if not given.",
        ),
        Key::new("formatted_body", Shape::Text, "The message in Matrix's HTML, for clients that show it."),
        Key::new("notice", Shape::Bool, "Whether it is a notice, which most clients do not notify of."),
    ],
    elsewhere: &[
        ("homeserver", "write `server`"),
        ("url", "write `server`"),
        ("host", "write `server`"),
        ("access_token", "write `token`"),
        ("password", "doorchime does not log in: write the account's access token as `token`"),
        ("user", "doorchime does not log in: write the account's access token as `token`"),
        ("room_id", "write `room`"),
        ("room_alias", "write `room`, with the room's id"),
        ("message", "write `body`"),
        ("text", "write `body`"),
        ("content", "write `body`"),
        ("html", "write `formatted_body`"),
        ("format", "`formatted_body` is always HTML"),
        ("title", "write it into `formatted_body`: `<b>title</b>`"),
        ("msgtype", "write `notice: true` for `m.notice`"),
        ("silent", "write `notice: true`"),
    ],
    main: Main::Text { part: "body", instead: &["formatted_body"] },
    // An event has 64 KiB, both texts and what JSON makes of them together.
    place: |path, _| match path {
        ["formatted_body"] => Place::shown(Escape::Html).bytes(12_000),
        _ => Place::shown(Escape::None).bytes(8_000),
    },
    check: unchecked,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;
/// 404 and 405 come from what is no homeserver, or not of this version.
const DISABLING: &[u16] = &[401, 403, 404, 405];

pub(super) struct Matrix {
    server: SecretString,
    token: SecretString,
    room: String,
}

impl Matrix {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let (server, token) = (settings.base_url("server"), settings.secret("token"));
        let room = settings.filled("room").map(|room| room.trim().to_owned());
        if let Some(room) = room.as_deref().filter(|room| !room.starts_with('!')) {
            let mistake = Mistake::new(0..0, "this is no room's id");
            let help = if room.starts_with('#') {
                "an alias may come to mean another room: the id is in the room's settings, under Advanced"
            } else {
                "it begins with `!`: it is in the room's settings, under Advanced"
            };
            settings.problem("room", mistake.help(help));
        }
        Some(Self { server: server?.into(), token: token?, room: room? })
    }

    /// The delivery's id is the transaction's: a server that has had it does not post it again.
    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let (body, formatted) = (call.text("body"), call.text("formatted_body"));
        // Whatever a text says, it calls nobody.
        let mut event = json!({"m.mentions": {}});
        event["msgtype"] = json!(if call.flag("notice") { "m.notice" } else { "m.text" });
        event["body"] = if body.is_empty() { json!(without_markup(formatted)) } else { json!(body) };
        if !formatted.is_empty() {
            event["format"] = json!("org.matrix.custom.html");
            event["formatted_body"] = json!(formatted);
        }
        let path = format!("rooms/{}/send/m.room.message/{}", address::encode(&self.room), call.delivery.id);
        send_json("PUT", self.address(&path), vec![bearer(&self.token)], &event)
    }

    pub(super) fn health(&self) -> Request {
        fetch(self.address("account/whoami"), vec![bearer(&self.token)])
    }

    fn address(&self, path: &str) -> String {
        format!("{}/_matrix/client/v3/{path}", self.server.expose_secret())
    }
}

/// 401 is a token that is not valid any more. 403 is an account that is not in the room or may not write there:
/// one room is all this target is, so it waits for somebody to mend that.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    let body = reading::json(answer);
    let code = body["errcode"].as_str().unwrap_or_default();
    match (answer.status, code) {
        (429, _) => {
            let asked = reading::retry_after(answer, now_ms);
            let in_body = body["retry_after_ms"].as_f64().and_then(|ms| reading::seconds_f64(ms / 1_000.0));
            return Reading::Wait(asked.or(in_body));
        }
        // The server has had enough of everybody for a while.
        (403, "M_RESOURCE_LIMIT_EXCEEDED") => return Reading::Wait(None),
        // A server's filter refuses one message, not the account.
        (403, "M_FORBIDDEN") if mentions_spam(&body) => return Reading::Refused,
        _ => {}
    }
    said_yes(answer, now_ms, "event_id")
}

pub(super) fn read_health(answer: &Answer, now_ms: i64) -> Reading {
    said_yes(answer, now_ms, "user_id")
}

/// Only a homeserver names what it was asked for; a login page does not.
fn said_yes(answer: &Answer, now_ms: i64, names: &str) -> Reading {
    match reading::by_status(answer, now_ms, DISABLING) {
        Reading::Delivered if !says(answer, names) => reading::no_yes(answer),
        reading => reading,
    }
}

/// One that begins with it and breaks off has said it, too.
fn says(answer: &Answer, name: &str) -> bool {
    let begun = format!("{{\"{name}\":\"");
    answer.body.trim_ascii().starts_with(begun.as_bytes()) || reading::json(answer)[name].is_string()
}

fn mentions_spam(body: &Value) -> bool {
    body["error"].as_str().is_some_and(|error| error.to_ascii_lowercase().contains("spam"))
}
