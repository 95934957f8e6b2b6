//! Why a rule rings or not, gate by gate, from the engine as it stands.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::activity::values_as_json;
use super::asked::{self, Answer, Asked, No, named, yes};
use super::rules::last_as_json;
use crate::engine::explain::{Explained, Gate};
use crate::engine::tally::RuleTally;
use crate::presence::model::UserId;
use crate::rules::set::{Rule, Who};
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
    yes(&explained(&web, &rule_id, about.person.as_deref()).await?)
}

pub async fn explained(web: &Web, rule_id: &str, person: Option<&str>) -> Result<Value, No> {
    let in_force = web.desk.in_force();
    let at = asked::rule(&in_force.rules, rule_id)?;
    let person = person.map(|named| asked::person(&in_force, named)).transpose()?;
    let rule = &in_force.rules.rules[at];
    let (people, more) = match whom(rule, person)? {
        Whom::These(people, more) => (people, more),
        Whom::AskedLast => {
            let answer = web.desk.ask(|answer| Question::Rules { from: at, limit: 1, answer }).await?;
            (vec![Some(asked_last(rule_id, answer.tallies.first())?)], 0)
        }
    };
    let mut explained = Vec::with_capacity(people.len());
    for person in people {
        let rule = Arc::clone(&rule.id);
        let answer = web.desk.ask(|answer| Question::Explain { rule, person, answer }).await?;
        let answer = answer.ok_or_else(|| No::nothing_there(format!("there is no rule `{rule_id}`")))?;
        explained.push(answer);
    }
    Ok(as_json(&in_force, rule, &explained, more))
}

/// Whom a rule is explained for.
pub enum Whom {
    /// And so many more.
    These(Vec<Option<UserId>>, usize),
    AskedLast,
}

pub fn whom(rule: &Rule, person: Option<UserId>) -> Result<Whom, No> {
    Ok(match (&rule.who, person) {
        (None, Some(_)) => {
            return Err(No::bad(format!(
                "`{}` is about nobody in particular: leave the person out",
                rule.id
            )));
        }
        (None, None) => Whom::These(vec![None], 0),
        (Some(_), Some(id)) => Whom::These(vec![Some(id)], 0),
        (Some(Who::People(ids)), None) => {
            let people = ids.iter().take(PEOPLE_MAX).copied().map(Some).collect();
            Whom::These(people, ids.len().saturating_sub(PEOPLE_MAX))
        }
        (Some(Who::Everyone), None) => Whom::AskedLast,
    })
}

/// Whom a rule for everyone was asked about last.
pub fn asked_last(rule: &str, tally: Option<&RuleTally>) -> Result<UserId, No> {
    let last = tally.and_then(|tally| tally.last).and_then(|(person, _)| person);
    last.ok_or_else(|| {
        No::bad(format!("`{rule}` is about everyone, and was asked about nobody yet: name a person"))
    })
}

pub fn as_json(in_force: &InForce, rule: &Rule, explained: &[Explanation], more: usize) -> Value {
    let explained: Vec<Value> = explained.iter().map(|one| one_as_json(in_force, one)).collect();
    json!({"rule": &*rule.id, "explained": explained, "more": more})
}

fn one_as_json(in_force: &InForce, Explanation { explained, values }: &Explanation) -> Value {
    let Explained { person, answer, gates, last, .. } = explained;
    json!({
        "person": person.map(|id| named(in_force, id, None)),
        "answer": answer,
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
