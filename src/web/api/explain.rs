//! Why a rule rings or not, gate by gate, from the engine as it stands.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::activity::values_as_json;
use super::asked::{self, Answer, Asked, No, named, yes};
use super::rules::last_as_json;
use crate::engine::explain::{Explained, Gate};
use crate::presence::model::UserId;
use crate::rules::set::Who;
use crate::web::questions::{Explanation, InForce, Question};
use crate::web::server::Web;

/// Where nobody is named, it is explained for so many of those whom the rule is about.
const PEOPLE_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    person: Option<String>,
}

pub async fn explain(
    State(web): State<Web>,
    Path(rule_id): Path<String>,
    Asked(about): Asked<About>,
) -> Answer {
    let in_force = web.desk.in_force();
    let at = asked::rule(&in_force.rules, &rule_id)?;
    let person = about.person.as_deref().map(|named| asked::person(&in_force, named)).transpose()?;
    let rule = &in_force.rules.rules[at];
    let (people, more) = match (&rule.who, person) {
        (None, Some(_)) => {
            return Err(No::bad(format!("`{rule_id}` is about nobody in particular: leave the person out")));
        }
        (None, None) => (vec![None], 0),
        (Some(_), Some(id)) => (vec![Some(id)], 0),
        (Some(Who::People(ids)), None) => {
            (ids.iter().take(PEOPLE_MAX).copied().map(Some).collect(), ids.len().saturating_sub(PEOPLE_MAX))
        }
        (Some(Who::Everyone), None) => (vec![Some(asked_last(&web, at, &rule_id).await?)], 0),
    };
    let mut explained = Vec::with_capacity(people.len());
    for person in people {
        let rule = Arc::clone(&rule.id);
        let answer = web.desk.ask(|answer| Question::Explain { rule, person, answer }).await?;
        let answer = answer.ok_or_else(|| No::nothing_there(format!("there is no rule `{rule_id}`")))?;
        explained.push(as_json(&in_force, &answer));
    }
    yes(&json!({"rule": &*rule.id, "explained": explained, "more": more}))
}

/// Whom a rule for everyone was asked about last.
async fn asked_last(web: &Web, at: usize, rule: &str) -> Result<UserId, No> {
    let tallies = web.desk.ask(|answer| Question::Rules { from: at, limit: 1, answer }).await?.tallies;
    let last = tallies.first().and_then(|tally| tally.last).and_then(|(person, _)| person);
    last.ok_or_else(|| {
        No::bad(format!("`{rule}` is about everyone, and was asked about nobody yet: name a person"))
    })
}

fn as_json(in_force: &InForce, Explanation { explained, values }: &Explanation) -> Value {
    let Explained { person, gates, last, .. } = explained;
    json!({
        "person": person.map(|id| named(in_force, id, None)),
        "shut": explained.shut().map(|gate| gate.name),
        "gates": gates.iter().map(gate_as_json).collect::<Vec<_>>(),
        "last": last.map(|last| last_as_json(in_force, *person, last)),
        "last_values": values_as_json(values),
    })
}

fn gate_as_json(gate: &Gate) -> Value {
    let Gate { name, stands, why, values } = gate;
    json!({"gate": name, "stands": stands.word(), "why": why, "values": values_as_json(values)})
}
