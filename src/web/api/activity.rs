//! What happened lately: changes, and what rules made of them.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{self, Answer, Asked, No, limit, named, yes};
use super::rules::verdict_as_json;
use crate::engine::effects::Told;
use crate::engine::watch::Missed;
use crate::time::date;
use crate::web::journal::{Entry, Wanted, What};
use crate::web::questions::{InForce, Question};
use crate::web::server::Web;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub since: Option<u64>,
    pub before: Option<u64>,
    pub person: Option<String>,
    pub rule: Option<String>,
    pub limit: Option<usize>,
}

impl Filter {
    pub fn wanted(&self, in_force: &InForce) -> Result<Wanted, No> {
        let rule = self.rule.as_deref().map(|named| asked::rule(&in_force.rules, named)).transpose()?;
        Ok(Wanted {
            since: self.since,
            before: self.before,
            person: self.person.as_deref().map(|named| asked::person(in_force, named)).transpose()?,
            rule: rule.map(|at| Arc::clone(&in_force.rules.rules[at].id)),
            limit: limit(self.limit)?,
        })
    }
}

pub async fn list(State(web): State<Web>, Asked(filter): Asked<Filter>) -> Answer {
    yes(&listed(&web, &filter).await?)
}

pub async fn listed(web: &Web, filter: &Filter) -> Result<Value, No> {
    let in_force = web.desk.in_force();
    let wanted = filter.wanted(&in_force)?;
    let stretch = web.desk.ask(|answer| Question::Activity { wanted, answer }).await?;
    Ok(json!({
        "entries": stretch.entries.iter().map(|entry| as_json(&in_force, entry)).collect::<Vec<_>>(),
        "gap": stretch.gap,
        "cursor": stretch.upto,
    }))
}

/// The words by which entries are told apart.
pub const TYPES: [&str; 3] = ["change", "verdict", "left_out"];

/// Which of `TYPES` an entry is.
pub fn type_of(entry: &Entry) -> &'static str {
    let [change, verdict, left_out] = TYPES;
    match &entry.what {
        What::Told(Told::Change { .. }) => change,
        What::Told(Told::Verdict { .. }) => verdict,
        What::Missed(_) => left_out,
    }
}

pub fn as_json(in_force: &InForce, entry: &Entry) -> Value {
    let mut value = match &entry.what {
        What::Told(Told::Change { person, name, kind, key, from, to, late_ms }) => json!({
            "person": named(in_force, *person, Some(name)),
            "change": kind.name(),
            "key": Some(key).filter(|key| !key.is_empty()),
            "from": Some(from).filter(|from| !from.is_empty()),
            "to": Some(to).filter(|to| !to.is_empty()),
            "late_ms": late_ms,
        }),
        What::Told(Told::Verdict { rule, person, name, cause, verdict, values }) => json!({
            "rule": &**rule,
            "person": person.map(|id| named(in_force, id, Some(name))),
            "cause": cause.name(),
            "verdict": verdict_as_json(verdict),
            "values": values_as_json(values),
        }),
        What::Missed(Missed { changes, verdicts }) => json!({"changes": changes, "verdicts": verdicts}),
    };
    value["number"] = entry.number.into();
    value["at"] = date(entry.at_ms).into();
    value["type"] = type_of(entry).into();
    value
}

pub fn values_as_json(values: &[(String, String)]) -> Value {
    values.iter().map(|(part, value)| json!({"part": part, "value": value})).collect()
}
