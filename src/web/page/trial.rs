//! The view *Try it*: a form that is asked what would ring, and the answer below it.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::View;
use super::pick::pick;
use super::suggestion::{Suggestion, suggestion};
use super::views::Shown;
use crate::rules::duration::spell_duration;
use crate::rules::story::trial::WATCHED_MAX;
use crate::web::api::asked::{No, person};
use crate::web::api::trial::BODY_BYTES_MAX;
use crate::web::questions::Question;
use crate::web::server::Web;
use crate::web::trials::{self, Refused};

/// A form may write one byte in three.
pub const FORM_BYTES_MAX: usize = 3 * BODY_BYTES_MAX;

/// What somebody has filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filled {
    person: String,
    before: String,
    after: String,
    at: String,
    wait: String,
}

/// Something to begin with: its name in an address, its name for people, and how the person is before and after.
const EXAMPLES: [(&str, &str, &str, &str); 5] = [
    ("online", "comes online", "offline", "status: online\nplatforms: [desktop]"),
    ("offline", "goes offline", "status: online", "offline"),
    ("factorio", "starts Factorio", "status: online", "status: online\nplaying: Factorio"),
    (
        "song",
        "listens to a song",
        "status: online",
        "status: online\ntrack: {song: Little Wing, artist: Jimi Hendrix, album: \"Axis: Bold as Love\"}",
    ),
    ("phone", "is there with the phone alone", "status: online", "status: online\nplatforms: [mobile]"),
];

/// The form before anything was tried: with an example, or with how the person is now and a change that rings.
pub async fn empty(web: &Web, named: Option<&str>, example: Option<&str>) -> Result<Shown, No> {
    let in_force = web.desk.in_force();
    let first = in_force.rules.people.first().map(|person| person.key.as_str());
    let named = named.or(first).unwrap_or_default().to_owned();
    let filled = Filled { person: named, ..Filled::default() };
    let example = example.map(|word| {
        let found = EXAMPLES.iter().find(|(known, ..)| *known == word);
        found.ok_or_else(|| No::nothing_there(format!("there is no example `{word}`")))
    });
    if let Some((_, _, before, after)) = example.transpose()? {
        let (before, after) = ((*before).to_owned(), (*after).to_owned());
        return Ok(shown(web, &Filled { before, after, ..filled }));
    }
    if filled.person.is_empty() {
        return Ok(shown(web, &filled));
    }
    let id = person(&in_force, &filled.person)?;
    let known = web.desk.ask(|answer| Question::Person { id, answer }).await?;
    let Suggestion { before, after, of } = suggestion(&in_force.rules, &known);
    let mut shown = shown(web, &Filled { before, after, ..filled });
    let rule = of.as_ref().map(|(rule, _)| &**rule);
    shown.value["begins"] = json!({"rule": rule, "change": of.as_ref().map(|(_, kind)| kind.name())});
    Ok(shown)
}

/// The form as it was filled in, and what comes of it.
pub async fn tried(web: &Web, filled: Result<Form<Filled>, FormRejection>) -> Shown {
    let Form(filled) = match filled {
        Ok(filled) => filled,
        Err(rejection) => {
            let why = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    No::too_large(format!("the form takes at most {} KiB", FORM_BYTES_MAX >> 10))
                }
                _ => No::bad("this is not what the form sends"),
            };
            return Shown::refused(View::Try, why);
        }
    };
    // A browser ends lines in its own way.
    let plain = |text: &str| text.replace("\r\n", "\n");
    let filled = Filled { before: plain(&filled.before), after: plain(&filled.after), ..filled };
    let Filled { person, before, after, at, wait } = filled.clone();
    let mut shown = shown(web, &filled);
    if before.len().max(after.len()) > BODY_BYTES_MAX {
        let why = format!("a presence has at most {} KiB", BODY_BYTES_MAX >> 10);
        return refused(shown, StatusCode::PAYLOAD_TOO_LARGE, vec![why]);
    }
    match trials::attempt(web, trials::Wanted { person, before, after, at, wait }).await {
        Ok(mut result) => {
            for_people(&mut result);
            shown.value["result"] = result;
            shown
        }
        Err(Refused::No(no)) => refused(shown, no.status(), vec![no.why()]),
        Err(Refused::Slips(slips)) => {
            refused(shown, StatusCode::BAD_REQUEST, slips.iter().map(ToString::to_string).collect())
        }
    }
}

fn refused(mut shown: Shown, status: StatusCode, why: Vec<String>) -> Shown {
    shown.status = status;
    shown.value["mistakes"] = why.into();
    shown
}

fn shown(web: &Web, filled: &Filled) -> Shown {
    let Filled { person, before, after, at, wait } = filled;
    let examples = EXAMPLES.map(|(word, title, ..)| json!({"word": word, "title": title}));
    let mut picked =
        pick("person", &web.desk.in_force().rules, Some(person.as_str()).filter(|name| !name.is_empty()));
    // It is always about somebody.
    picked["any"] = person.is_empty().into();
    let value = json!({
        "person": person, "before": before, "after": after, "moment": at, "wait": wait,
        "picks": [picked], "examples": examples, "mistakes": [], "result": null,
        "begins": null, "wait_max": spell_duration(WATCHED_MAX),
    });
    Shown::new(View::Try, "try", value, "")
}

/// Lengths of time in words, and each request as one text.
fn for_people(result: &mut Value) {
    for of in ["before", "watched"] {
        let ms = result[format!("{of}_ms")].as_u64().unwrap_or_default();
        result[format!("{of}_for")] = spell_duration(Duration::from_millis(ms)).into();
    }
    each(&mut result["changes"], &mut said_when);
    each(&mut result["rules"], &mut |rule| {
        let several = rule["rang"].as_array().is_some_and(|rang| rang.len() > 1);
        each(&mut rule["rang"], &mut |ring| {
            said_when(ring);
            ring["several"] = several.into();
            each(&mut ring["messages"], &mut |message| {
                each(&mut message["instead"], &mut one_text);
                one_text(message);
            });
        });
    });
}

fn each(list: &mut Value, what: &mut dyn FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(what);
}

fn said_when(value: &mut Value) {
    let ms = value["after_ms"].as_u64().unwrap_or_default();
    let after = Duration::from_millis(ms);
    value["when"] =
        if after.is_zero() { "at once".to_owned() } else { format!("after {}", spell_duration(after)) }
            .into();
}

/// The whole request as it could be written down; JSON in it over several lines.
fn one_text(message: &mut Value) {
    let request = &message["request"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    message["text"] = if request.is_null() {
        message["line"].clone()
    } else {
        let mut whole = format!("{} {}\n", text(&request["method"]), text(&request["address"]));
        for header in request["headers"].as_array().into_iter().flatten() {
            let _ = writeln!(whole, "{}: {}", text(&header["name"]), text(&header["value"]));
        }
        let body = text(&request["body"]);
        let pretty = serde_json::from_str::<Value>(&body).map(|json| format!("{json:#}"));
        let cut = if request["cut"] == true { "\n… and so on" } else { "" };
        format!("{whole}\n{}{cut}", pretty.unwrap_or(body)).into()
    };
}
