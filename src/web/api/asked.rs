//! What was asked, whom and what it names, and answers in JSON.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::PAGE_MAX;
use crate::outbox::store::error::StoreError;
use crate::outbox::store::ledger::LookupError;
use crate::presence::model::UserId;
use crate::printable;
use crate::rules::mistake::hint;
use crate::rules::set::RuleSet;
use crate::web::questions::{Gone, InForce};
use crate::web::server::answer;

pub const JSON: &str = "application/json";

/// Which part of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    pub after: Option<String>,
    pub limit: Option<usize>,
}

/// Why there is no answer: one sentence.
#[derive(Debug)]
pub struct No(StatusCode, String);

impl No {
    pub fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    pub fn nothing_there(why: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, why.into())
    }

    pub fn conflict(why: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, why.into())
    }

    pub fn status(&self) -> StatusCode {
        self.0
    }

    pub fn why(self) -> String {
        self.1
    }

    pub fn too_large(why: impl Into<String>) -> Self {
        Self(StatusCode::PAYLOAD_TOO_LARGE, why.into())
    }

    pub fn not_now(why: impl Into<String>) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, why.into())
    }
}

impl axum::response::IntoResponse for No {
    fn into_response(self) -> Response {
        shown(self.0, &json!({"error": self.1}))
    }
}

impl From<Gone> for No {
    fn from(gone: Gone) -> Self {
        Self::not_now(gone.to_string())
    }
}

impl From<StoreError> for No {
    fn from(error: StoreError) -> Self {
        Self::not_now(error.to_string())
    }
}

impl From<LookupError> for No {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Store(error) => error.into(),
            LookupError::Unknown(name) => Self::nothing_there(format!("there is no delivery `{name}`")),
            LookupError::Ambiguous(_) => Self::bad(error.to_string()),
        }
    }
}

pub type Answer = Result<Response, No>;

#[expect(clippy::unnecessary_wraps, reason = "it is the last word of every handler, which may also say no")]
pub fn yes(value: &Value) -> Answer {
    Ok(shown(StatusCode::OK, value))
}

fn shown(status: StatusCode, value: &Value) -> Response {
    answer(status, JSON, json_text(value))
}

/// As an answer has it.
pub fn json_text(value: &Value) -> String {
    printable::json_line(value) + "\n"
}

pub async fn nowhere() -> No {
    No::nothing_there("there is nothing here: /api/v1/openapi.json lists what there is")
}

pub async fn not_like_that() -> No {
    No(StatusCode::METHOD_NOT_ALLOWED, "this is not asked with that method".to_owned())
}

/// What stands behind the `?`. A name that is not known is a mistake, as anywhere else.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, No> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => {
                let why = std::error::Error::source(&rejection).map_or_else(String::new, ToString::to_string);
                Err(No::bad(format!("this cannot be asked: {why}")))
            }
        }
    }
}

/// How many are wanted, within bounds.
pub fn limit(asked: Option<usize>) -> Result<usize, No> {
    match asked {
        None => Ok(PAGE_MAX),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(_) => Err(No::bad(format!("`limit` is 1 to {PAGE_MAX}"))),
    }
}

/// Who is meant, by their name in the file or by their id.
pub fn person(in_force: &InForce, named: &str) -> Result<UserId, No> {
    let rules = &in_force.rules;
    if let Some(person) = rules.people.iter().find(|person| person.key == named) {
        return Ok(person.id);
    }
    named.parse().map_err(|_| {
        let hint = hint(named, rules.people.iter().map(|person| person.key.as_str()));
        No::nothing_there(with_hint(&format!("there is no person `{named}` in the rules file"), hint))
    })
}

/// The place of the rule that is meant.
pub fn rule(rules: &RuleSet, named: &str) -> Result<usize, No> {
    rules.place(named).ok_or_else(|| {
        let hint = hint(named, rules.rules.iter().map(|rule| &*rule.id));
        No::nothing_there(with_hint(&format!("there is no rule `{named}`"), hint))
    })
}

fn with_hint(what: &str, hint: Option<String>) -> String {
    hint.map_or_else(|| what.to_owned(), |hint| format!("{what}: {hint}"))
}

/// A person as others name them: id, key in the file, and the name that is shown.
pub fn named(in_force: &InForce, id: UserId, name: Option<&str>) -> Value {
    let known = in_force.person(id);
    let name = name.filter(|name| !name.is_empty());
    json!({"id": id, "key": known.map(|person| person.key.as_str()), "name": name})
}
