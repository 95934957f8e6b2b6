//! `ntfy`: a push through ntfy.sh or a server of one's own. <https://docs.ntfy.sh/publish/#publish-as-json>

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::place::{Escape, Place};
use super::settings::{Settings, with_common_settings};
use super::{
    Call, Headers, Key, Kind, Main, Placed, Shape, address, bearer, fetch, header, nothing_implied,
    post_json, reading,
};
use crate::outbox::delivery::{Answer, Reading, Request};
use crate::rules::mistake::Mistake;

const SERVER: &str = "https://ntfy.sh";
/// The words ntfy knows for its priorities, 1 to 5.
const PRIORITIES: &[&str] = &["min", "low", "default", "high", "max", "urgent"];

pub(super) const KIND: Kind = Kind {
    name: "ntfy",
    doc: "A push to phones through ntfy.sh or a ntfy server of one's own.",
    settings: with_common_settings![
        Key::new("server", Shape::Url, "The server's address; `https://ntfy.sh` if not given."),
        Key::new("topic", Shape::Secret, "The topic; on a public server it is as good as a password.")
            .required(),
        Key::new("token", Shape::Secret, "An access token, `tk_…`."),
        Key::new("user", Shape::Text, "A user's name, with `password`, instead of a token."),
        Key::new("password", Shape::Secret, "The user's password."),
    ],
    parts: &[
        Key::new("title", Shape::Text, "The title."),
        Key::new("message", Shape::Text, "The message; says what changed if not given."),
        Key::new("priority", Shape::NumberOr(PRIORITIES), "1 to 5, or a word."),
        Key::new("tags", Shape::TextList, "Tags; names of emojis are shown as emojis."),
        Key::new("click", Shape::Text, "The address that a tap opens."),
        Key::new("icon", Shape::Text, "The address of a picture to show beside it."),
        Key::new("attach", Shape::Text, "The address of a file to attach."),
        Key::new("filename", Shape::Text, "The attached file's name."),
        Key::new("actions", Shape::Tree, "A list of action buttons."),
        Key::new("markdown", Shape::Bool, "Whether the message is Markdown."),
        Key::new("delay", Shape::Text, "When ntfy is to show it: `30min`, `tomorrow, 10am`, …"),
        Key::new("email", Shape::Text, "An address that gets it as a mail, too."),
        Key::new("call", Shape::Text, "A phone number that gets it as a call, too."),
    ],
    elsewhere: &[
        (
            "url",
            "write `topic`, and `server` if it is not ntfy.sh: `{server: https://ntfy.sh, topic: mytopic}`",
        ),
        ("host", "write `server`"),
        ("bearer", "write `token`"),
        ("username", "write `user`"),
        ("text", "write `message`"),
        ("body", "write `message`"),
        ("content", "write `message`"),
        ("tag", "write `tags`"),
        ("emoji", "write `tags`: names of emojis are shown as emojis"),
        ("url_open", "write `click`"),
        ("link", "write `click`"),
        ("image", "write `attach`, or `icon`"),
        ("in", "write `delay`"),
        ("at", "write `delay`"),
    ],
    main: Main::Text { part: "message", instead: &[] },
    place: |path, parts| match path {
        ["title" | "filename"] | ["tags", ..] | ["actions", .., "label"] => {
            Place::shown(Escape::None).bytes(250).line()
        }
        ["message"] if parts.get("markdown").is_some_and(|markdown| *markdown != json!(false)) => {
            Place::shown(Escape::Markdown).bytes(4_096)
        }
        ["message"] => Place::shown(Escape::None).bytes(4_096),
        ["actions", .., "url"] => Place::machine().word(),
        ["actions", ..] => Place::machine(),
        _ => Place::machine().word(),
    },
    check,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;
const DISABLING: &[u16] = &[401, 403];
const DAY_MS: i64 = 86_400_000;

pub(super) struct Ntfy {
    server: SecretString,
    topic: SecretString,
    login: Option<Login>,
}

enum Login {
    Token(SecretString),
    User { name: String, password: SecretString },
}

impl Ntfy {
    pub(super) fn build(settings: &mut Settings<'_>) -> Option<Self> {
        let server = settings.base_url("server").unwrap_or_else(|| SERVER.to_owned());
        let topic = settings.secret("topic");
        if let Some(topic) = topic.as_ref().map(ExposeSecret::expose_secret)
            && !(topic.len() <= 64
                && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
        {
            let mistake = Mistake::new(0..0, "ntfy takes no such topic");
            settings
                .problem("topic", mistake.help("1 to 64 letters, digits, `-` and `_`, without the server"));
        }
        let login = login(settings);
        Some(Self { server: server.into(), topic: topic?, login })
    }

    pub(super) fn request(&self, call: Call<'_>) -> Request {
        let mut body = call.object(&[
            "title", "message", "tags", "click", "icon", "attach", "filename", "actions", "delay", "email",
            "call",
        ]);
        body.insert("topic".to_owned(), json!(self.topic.expose_secret()));
        if let Some(priority) = call.parts().get("priority").and_then(priority) {
            body.insert("priority".to_owned(), json!(priority));
        }
        if call.flag("markdown") && !call.plain {
            body.insert("markdown".to_owned(), json!(true));
        }
        self.hiding(post_json(self.server.expose_secret().to_owned(), self.headers(), &Value::Object(body)))
    }

    pub(super) fn health(&self) -> Request {
        self.hiding(fetch(format!("{}/v1/health", self.server.expose_secret()), self.headers()))
    }

    /// Whoever knows a topic can read it. A login shows itself in its header.
    fn hiding(&self, request: Request) -> Request {
        Request { secrets: vec![self.topic.clone()], ..request }
    }

    fn headers(&self) -> Headers {
        match &self.login {
            None => Vec::new(),
            Some(Login::Token(token)) => vec![bearer(token)],
            Some(Login::User { name, password }) => {
                let pair = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
                vec![header("authorization", &format!("Basic {pair}"))]
            }
        }
    }
}

fn login(settings: &mut Settings<'_>) -> Option<Login> {
    let (token, name, password) =
        (settings.secret("token"), settings.filled("user"), settings.secret("password"));
    match (token, name, password) {
        (Some(token), None, None) => Some(Login::Token(token)),
        (None, Some(name), Some(password)) => Some(Login::User { name, password }),
        (None, None, None) => None,
        (Some(_), ..) => {
            settings.problem("token", Mistake::new(0..0, "`token` and `user`/`password` exclude each other"));
            None
        }
        (None, name, _) => {
            let (given, missing) = if name.is_some() { ("user", "password") } else { ("password", "user") };
            settings.problem(given, Mistake::new(0..0, format!("`{given}` needs `{missing}` beside it")));
            None
        }
    }
}

/// The kinds of button that ntfy knows, and what each needs beside its label.
const ACTIONS: &[(&str, &[&str])] =
    &[("view", &["url"]), ("http", &["url"]), ("broadcast", &[]), ("copy", &["value"])];
const ACTIONS_MAX: usize = 3;

/// What ntfy would refuse, or take for something else, of what is known before it is rendered.
fn check(parts: &Map<String, Value>) -> Vec<Placed> {
    let mut problems = Vec::new();
    let mut problem = |path: &[&str], mistake: Mistake| {
        problems.push((path.iter().map(|&key| key.to_owned()).collect(), mistake));
    };
    let written = |part: &str| parts.get(part).and_then(Value::as_str).filter(|text| !text.contains("{{"));
    if let Some(number) = parts.get("priority").and_then(Value::as_f64)
        && !(number.fract() == 0.0 && (1.0..=5.0).contains(&number))
    {
        let mistake = Mistake::new(0..0, format!("`priority` is {number}"));
        problem(&["priority"], mistake.help("ntfy's go from 1 (`min`) to 5 (`max`)"));
    }
    for (at, tag) in parts.get("tags").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let Some(tag) = tag.as_str().filter(|tag| tag.contains(',') && !tag.contains("{{")) {
            let tags: Vec<&str> = tag.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
            let mistake = Mistake::new(0..tag.len(), format!("`{tag}` is one tag, with a comma in it"));
            problem(&["tags", &at.to_string()], mistake.help(format!("write `[{}]`", tags.join(", "))));
        }
    }
    for part in ["click", "icon", "attach"] {
        let Some(address) = written(part) else { continue };
        // A tap may open any app's address; pictures and files are fetched.
        let fit = match part {
            "click" => {
                address.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
            }
            _ => address::check(address).is_ok(),
        };
        if !fit {
            let mistake = Mistake::new(0..address.len(), format!("`{part}` is not an address"));
            problem(&[part], mistake.help("it looks like `https://example.org/path`"));
        }
    }
    if let Some(delay) = written("delay")
        && delay.trim().parse::<u32>().is_ok()
    {
        let mistake = Mistake::new(0..delay.len(), format!("`{delay}` has no unit"));
        problem(
            &["delay"],
            mistake.help(format!("write `{delay}s` or `{delay}min`, from 10 seconds to 3 days")),
        );
    }
    if let Some(actions) = parts.get("actions") {
        check_actions(actions, &mut problem);
    }
    problems
}

fn check_actions(actions: &Value, problem: &mut dyn FnMut(&[&str], Mistake)) {
    let example = "write `actions: [{action: view, label: Open, url: \"https://example.org\"}]`";
    let Some(list) = actions.as_array() else {
        // ntfy's short form is a text, and a template may make one.
        if !actions.is_string() {
            problem(&["actions"], Mistake::new(0..0, "`actions` is a list of buttons").help(example));
        }
        return;
    };
    if list.len() > ACTIONS_MAX {
        problem(&["actions"], Mistake::new(0..0, format!("ntfy shows {ACTIONS_MAX} buttons at most")));
    }
    for (at, action) in list.iter().enumerate() {
        let at = at.to_string();
        let Some(button) = action.as_object() else {
            problem(&["actions", &at], Mistake::new(0..0, "a button is a mapping").help(example));
            continue;
        };
        let kind = button.get("action").and_then(Value::as_str).unwrap_or_default();
        let needed = ACTIONS.iter().find(|(name, _)| *name == kind).map(|(_, needed)| *needed);
        if needed.is_none() && !kind.contains("{{") {
            let what = if kind.is_empty() {
                "a button without `action`".to_owned()
            } else {
                format!("ntfy knows no action `{kind}`")
            };
            let mistake = Mistake::new(0..kind.len(), what);
            let path: &[&str] = if kind.is_empty() { &["actions", &at] } else { &["actions", &at, "action"] };
            problem(path, mistake.nearest(kind, ACTIONS.iter().map(|(name, _)| *name)));
        }
        for key in needed.unwrap_or_default().iter().chain(&["label"]) {
            if !button.contains_key(*key) {
                let mistake = Mistake::new(0..0, format!("a button without `{key}`"));
                problem(&["actions", &at], mistake.help(example));
            }
        }
    }
}

/// 1 to 5. A number out of range, as a template may make it, becomes the nearest.
fn priority(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(number.as_f64()?.round().clamp(1.0, 5.0) as i64),
        Value::String(word) => match word.as_str() {
            "min" => Some(1),
            "low" => Some(2),
            "default" => Some(3),
            "high" => Some(4),
            "max" | "urgent" => Some(5),
            _ => None,
        },
        _ => None,
    }
}

/// ntfy's own codes tell a burst (which drains in seconds) from a daily quota (which is reset at midnight UTC).
pub(super) fn read(answer: &Answer, now_ms: i64) -> Reading {
    if answer.status == 429 {
        let code = reading::json(answer)["code"].as_u64();
        // 42905: the day's attachment bandwidth; 42908: the day's messages.
        if matches!(code, Some(42_905 | 42_908)) {
            let left_ms = DAY_MS - now_ms.rem_euclid(DAY_MS);
            return Reading::Wait(Some(Duration::from_millis(left_ms.unsigned_abs())));
        }
    }
    reading::by_status(answer, now_ms, DISABLING)
}

pub(super) fn read_health(answer: &Answer, now_ms: i64) -> Reading {
    let healthy = reading::json(answer)["healthy"] == Value::Bool(true);
    match reading::by_status(answer, now_ms, DISABLING) {
        Reading::Delivered if !healthy => Reading::Again,
        reading => reading,
    }
}
