//! `pushover`: a push to the devices of a Pushover user or group. <https://pushover.net/api>

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{Call, Key, Kind, Main, Placed, Shape, nothing_implied, post_json, reading};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::duration::parse_duration;
use crate::rules::mistake::Mistake;

const SERVER: &str = "https://api.pushover.net";
/// -2 to 2.
const PRIORITIES: &[&str] = &["lowest", "low", "normal", "high", "emergency"];
const EMERGENCY: i64 = 2;

pub(super) const KIND: Kind = Kind {
    name: "pushover",
    doc: "A push to the devices of a Pushover user or group.",
    settings: with_common_settings![
        Key::new("token", Shape::Secret, "The application's API token.").required(),
        Key::new("user", Shape::Secret, "The key of the user or group that gets it.").required(),
        Key::new("server", Shape::Url, "A server of one's own; `https://api.pushover.net` if not given."),
    ],
    parts: &[
        Key::new("title", Shape::Text, "The title; the application's name if not given."),
        Key::new("message", Shape::Text, "The message; says what changed if not given."),
        Key::new("html", Shape::Bool, "Whether the message is Pushover's HTML."),
        Key::new("priority", Shape::NumberOr(PRIORITIES), "-2 to 2, or a word."),
        Key::new(
            "retry_every",
            Shape::Duration,
            "With `priority: emergency`: how often it is repeated until somebody confirms it, at least `30s`; `1m` if not given.",
        ),
        Key::new(
            "retry_for",
            Shape::Duration,
            "With `priority: emergency`: for how long, at most `3h`; `1h` if not given.",
        ),
        Key::new("url", Shape::Text, "An address to go with the message."),
        Key::new("url_title", Shape::Text, "What is shown instead of the address."),
        Key::new("sound", Shape::Text, "The sound's name; the user's own choice if not given."),
        Key::new("device", Shape::Text, "The name of one device, or of several, with commas."),
        Key::new("ttl", Shape::Duration, "After this Pushover takes it off the devices."),
    ],
    elsewhere: &[
        ("api_token", "write `token`"),
        ("app_token", "write `token`"),
        ("user_key", "write `user`"),
        ("key", "write `user`"),
        ("group", "write `user`, with the group's key"),
        ("text", "write `message`"),
        ("body", "write `message`"),
        ("content", "write `message`"),
        ("retry", "write `retry_every`"),
        ("link", "write `url`"),
        ("click", "write `url`"),
    ],
    main: Main::Text { part: "message", instead: &[] },
    place: |path, parts| match path {
        ["title"] => Place::shown(Escape::None).chars(250).line(),
        ["message"] if parts.get("html").is_some_and(|html| *html != json!(false)) => {
            Place::shown(Escape::Html).chars(1_024)
        }
        ["message"] => Place::shown(Escape::None).chars(1_024),
        ["url"] => Place::machine().chars(512).word(),
        ["url_title"] => Place::shown(Escape::None).chars(100).line(),
        _ => Place::machine().word(),
    },
    check,
    implied: nothing_implied,
};

/// Pushover asks for two connections at most, and for no bursts.
pub(super) const MIN_GAP: Duration = Duration::from_millis(500);
/// As long as Pushover wants to be left alone after an error of its own.
const AFTER_ERROR: Duration = Duration::from_secs(5);
const RETRY_LEAST: Duration = Duration::from_secs(30);
const RETRY_EVERY: Duration = Duration::from_mins(1);
const RETRY_FOR: Duration = Duration::from_hours(1);
const RETRY_FOR_MAX: Duration = Duration::from_hours(3);

pub(super) struct Pushover {
    server: SecretString,
    token: SecretString,
    user: SecretString,
}

impl Pushover {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let server = settings.base_url("server").unwrap_or_else(|| SERVER.to_owned());
        let (token, user) = (settings.secret("token"), settings.secret("user"));
        Some(Self { server: server.into(), token: token?, user: user? })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let mut body = call.object(&["title", "message", "url", "url_title", "sound", "device"]);
        // What comes late still says when it happened.
        body.insert("timestamp".to_owned(), json!(call.delivery.created_ms / 1_000));
        if call.flag("html") && !call.plain {
            body.insert("html".to_owned(), json!(1));
        }
        let seconds = |part: &str| parse_duration(call.text(part)).ok();
        if let Some(priority) = call.parts().get("priority").and_then(priority) {
            body.insert("priority".to_owned(), json!(priority));
            if priority == EMERGENCY {
                let retry = seconds("retry_every").unwrap_or(RETRY_EVERY).max(RETRY_LEAST);
                let expire = seconds("retry_for").unwrap_or(RETRY_FOR).min(RETRY_FOR_MAX);
                body.insert("retry".to_owned(), json!(retry.as_secs()));
                body.insert("expire".to_owned(), json!(expire.as_secs()));
            }
        }
        if let Some(ttl) = seconds("ttl").filter(|ttl| !ttl.is_zero()) {
            body.insert("ttl".to_owned(), json!(ttl.as_secs().max(1)));
        }
        self.ask("messages.json", body)
    }

    /// Tells whether there is such a user; nothing is sent.
    pub(super) fn health(&self) -> Request {
        self.ask("users/validate.json", Map::new())
    }

    fn ask(&self, what: &str, mut body: Map<String, Value>) -> Request {
        body.insert("token".to_owned(), json!(self.token.expose_secret()));
        body.insert("user".to_owned(), json!(self.user.expose_secret()));
        let url = format!("{}/1/{what}", self.server.expose_secret());
        let secrets = vec![self.token.clone(), self.user.clone()];
        Request { secrets, ..post_json(url, Vec::new(), &Value::Object(body)) }
    }

    /// Something else in a key's place.
    pub(super) fn warnings(&self) -> Vec<Placed> {
        if self.server.expose_secret() != SERVER {
            return Vec::new();
        }
        let doubt = |(key, secret): (&str, &SecretString)| {
            let secret = secret.expose_secret();
            let fit = secret.len() == 30 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let what = format!("`{key}` is not what Pushover gives: 30 letters and digits");
            let help = match key {
                "token" => "the application's API token is on its page at pushover.net",
                _ => {
                    "the user's key is at the top of pushover.net, once one has logged in; it is no mail address"
                }
            };
            (!fit).then(|| (vec![key.to_owned()], Mistake::new(0..0, what).help(help)))
        };
        [("token", &self.token), ("user", &self.user)].into_iter().filter_map(doubt).collect()
    }
}

/// What Pushover would refuse, of what is known before it is rendered.
fn check(parts: &Map<String, Value>) -> Vec<Placed> {
    let mut problems = Vec::new();
    let mut problem = |part: &str, mistake: Mistake| problems.push((vec![part.to_owned()], mistake));
    let written = |part: &str| parts.get(part).and_then(Value::as_str).filter(|text| !text.contains("{{"));
    if let Some(number) = parts.get("priority").and_then(Value::as_f64)
        && !(number.fract() == 0.0 && (-2.0..=2.0).contains(&number))
    {
        let mistake = Mistake::new(0..0, format!("`priority` is {number}"));
        problem("priority", mistake.help("Pushover's go from -2 (`lowest`) to 2 (`emergency`)"));
    }
    if let Some(url) = written("url")
        && !url.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
    {
        let mistake = Mistake::new(0..url.len(), "`url` is not an address");
        problem("url", mistake.help("it looks like `https://example.org/path`"));
    }
    if parts.contains_key("url_title") && !parts.contains_key("url") {
        problem("url_title", Mistake::new(0..0, "`url_title` goes with `url`"));
    }
    let may_be_emergency = match parts.get("priority") {
        Some(Value::String(text)) if text.contains("{{") => true,
        Some(value) => priority(value) == Some(EMERGENCY),
        None => false,
    };
    for part in ["retry_every", "retry_for"] {
        if parts.contains_key(part) && !may_be_emergency {
            let mistake = Mistake::new(0..0, format!("`{part}` goes with `priority: emergency`"));
            problem(part, mistake.help("nothing else is repeated until somebody confirms it"));
        }
    }
    let length = |part: &str| written(part).and_then(|text| parse_duration(text).ok());
    if length("retry_every").is_some_and(|every| every < RETRY_LEAST) {
        problem("retry_every", Mistake::new(0..0, "Pushover repeats no more often than each `30s`"));
    }
    if length("retry_for").is_some_and(|long| long > RETRY_FOR_MAX || long.is_zero()) {
        problem("retry_for", Mistake::new(0..0, "Pushover repeats for `3h` at most"));
    }
    problems
}

/// -2 to 2. A number out of range, as a template may make it, becomes the nearest.
fn priority(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(number.as_f64()?.round().clamp(-2.0, 2.0) as i64),
        Value::String(word) => {
            let at = PRIORITIES.iter().position(|known| known == word)?;
            i64::try_from(at).ok().map(|at| at - 2)
        }
        _ => None,
    }
}

/// Pushover names the parameter that is not valid: a token or user that was taken back is a person's to mend.
/// 429 is the month's quota, whose end a header tells.
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    let body = reading::json(answer);
    if answer.status == 400 && (body["token"] == "invalid" || body["user"] == "invalid") {
        return Reading::Disable;
    }
    if answer.status == 429 {
        return Reading::Wait(month_left(answer, now_ms).or_else(|| reading::retry_after(answer, now_ms)));
    }
    match reading::by_status(answer, now_ms, &[401, 403]) {
        Reading::Again if answer.status >= 500 => Reading::Wait(Some(AFTER_ERROR)),
        Reading::Delivered if !says_yes(answer) => reading::no_yes(answer),
        reading => reading,
    }
}

/// One that begins with it and breaks off has said it, too.
fn says_yes(answer: &Answer) -> bool {
    answer.body.trim_ascii().starts_with(br#"{"status":1,"#) || reading::json(answer)["status"] == 1
}

fn month_left(answer: &Answer, now_ms: i64) -> Option<Duration> {
    let reset_s: i64 = answer.header("x-limit-app-reset")?.trim().parse().ok()?;
    let left_ms = reset_s.checked_mul(1_000)?.checked_sub(now_ms)?;
    u64::try_from(left_ms).ok().map(Duration::from_millis)
}
