//! How the bot is, and how each target does.

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::asked::{Answer, yes};
use crate::outbox::health::Health;
use crate::time::date;
use crate::web::server::Web;

pub async fn status(State(web): State<Web>) -> Answer {
    yes(&told(&web))
}

pub fn told(web: &Web) -> Value {
    let in_force = web.desk.in_force();
    let rules = &in_force.rules;
    let healths = web.about.healths.borrow().clone();
    let targets = rules.targets.iter().map(|(name, target)| {
        let mut value = health_as_json(healths.get(name));
        value["kind"] = target.kind().name.into();
        (name.to_string(), value)
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": date(web.about.started_ms),
        "dry_run": web.about.dry_run,
        "timezone": rules.timezone.iana_name(),
        "parts": web.status.report(),
        "targets": targets.collect::<Map<String, Value>>(),
    })
}

/// The words for how a target does.
pub const HEALTHS: [&str; 6] = ["untried", "ok", "failing", "paused", "refusing", "disabled"];

fn health_as_json(health: Option<&Health>) -> Value {
    let [untried, ok, failing, paused, refusing, disabled] = HEALTHS;
    let (state, until_ms) = match health {
        None | Some(Health::Untried) => (untried, None),
        Some(Health::Ok) => (ok, None),
        Some(Health::Failing { .. }) => (failing, None),
        Some(Health::Paused { until_ms, .. }) => (paused, Some(*until_ms)),
        Some(Health::Refusing { .. }) => (refusing, None),
        Some(Health::Disabled { .. }) => (disabled, None),
    };
    json!({
        "state": state,
        "since": health.and_then(Health::since_ms).map(date),
        "until": until_ms.map(date),
        "why": health.and_then(Health::why),
    })
}
