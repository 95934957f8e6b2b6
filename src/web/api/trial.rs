//! What would ring if somebody changed in a way, and what each target would get.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::asked::{Answer, No, yes};
use crate::web::server::Web;
use crate::web::trials::{Wanted, attempt};

/// A presence that somebody pastes has several KiB.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Presences stand here as they are, or as texts in YAML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'b> {
    person: String,
    #[serde(borrow)]
    before: Option<&'b RawValue>,
    #[serde(borrow)]
    after: &'b RawValue,
    at: Option<String>,
    wait: Option<String>,
}

pub async fn post(State(web): State<Web>, body: Result<Bytes, BytesRejection>) -> Answer {
    let body = body
        .map_err(|_| No::too_large(format!("what is asked here has at most {} KiB", BODY_BYTES_MAX >> 10)))?;
    let Body { person, before, after, at, wait } =
        serde_json::from_slice(&body).map_err(|error| No::bad(format!("this cannot be tried: {error}")))?;
    let wanted = Wanted {
        person,
        before: before.map_or_else(|| Ok(String::new()), written)?,
        after: written(after)?,
        at: at.unwrap_or_default(),
        wait: wait.unwrap_or_default(),
    };
    let tried = attempt(&web, wanted).await.map_err(No::from)?;
    yes(&tried)
}

/// A presence as it is written: what a text says, or the JSON itself.
fn written(value: &RawValue) -> Result<String, No> {
    let text = value.get();
    if text.starts_with('"') {
        return serde_json::from_str(text).map_err(|error| No::bad(format!("this cannot be tried: {error}")));
    }
    Ok(if text == "null" { String::new() } else { text.to_owned() })
}
