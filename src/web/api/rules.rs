//! The rules, how often each rang, and what became of it last.

use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::asked::{self, Answer, Asked, No, Page, limit, named, yes};
use crate::engine::tally::Last;
use crate::engine::timers::Timers;
use crate::engine::verdict::Verdict;
use crate::presence::model::UserId;
use crate::rules::set::{Occasion, Rule, RuleSet, Who};
use crate::time::date;
use crate::web::questions::{Became, InForce, Question};
use crate::web::server::Web;

/// Of the people whom a rule is about, so many are named.
const WHO_MAX: usize = 100;

pub async fn list(State(web): State<Web>, Asked(page): Asked<Page>) -> Answer {
    yes(&listed(&web, &page).await?)
}

pub async fn listed(web: &Web, page: &Page) -> Result<Value, No> {
    let limit = limit(page.limit)?;
    let from = match &page.after {
        Some(after) => asked::rule(&web.desk.in_force().rules, after)? + 1,
        None => 0,
    };
    let in_force = web.desk.in_force();
    let answer = web.desk.ask(|answer| Question::Rules { from, limit, answer }).await?;
    let (rules, count) = (&answer.rules, answer.tallies.len());
    let listed = rules.rules.iter().skip(from).zip(answer.became());
    let last = rules.rules.get(from + count.saturating_sub(1));
    let more = from + count < rules.rules.len();
    Ok(json!({
        "rules": listed.map(|(rule, became)| as_json(&in_force, rule, became)).collect::<Vec<_>>(),
        "next": last.filter(|_| more).map(|rule| &*rule.id),
    }))
}

pub async fn one(State(web): State<Web>, Path(named): Path<String>) -> Answer {
    yes(&known(&web, &named).await?)
}

pub async fn known(web: &Web, named: &str) -> Result<Value, No> {
    let from = asked::rule(&web.desk.in_force().rules, named)?;
    let in_force = web.desk.in_force();
    let answer = web.desk.ask(|answer| Question::Rules { from, limit: 1, answer }).await?;
    // Other rules may have come in between.
    let rule = answer.rules.rules.get(from).filter(|rule| *rule.id == *named).zip(answer.became().next());
    let (rule, became) = rule.ok_or_else(|| No::nothing_there(format!("there is no rule `{named}`")))?;
    Ok(as_json(&in_force, rule, became))
}

fn as_json(in_force: &InForce, rule: &Rule, became: Became<'_>) -> Value {
    let Became { tally, on, timers } = became;
    let counts =
        Verdict::WORDS.iter().zip(tally.verdicts).map(|(word, count)| ((*word).to_owned(), count.into()));
    let (kind, changes, condition) = match &rule.occasion {
        Occasion::When(when) => {
            let changes: Vec<&str> = when.triggers.iter().map(|trigger| trigger.kind.name()).collect();
            ("when", changes, when.condition.as_ref())
        }
        Occasion::While(holds) => ("while", Vec::new(), Some(&holds.condition)),
    };
    let mut targets: Vec<&str> = rule.sends().map(|send| &*send.to).collect();
    targets.sort_unstable();
    targets.dedup();
    json!({
        "id": &*rule.id,
        "enabled": rule.enabled,
        "kind": kind,
        "who": who(in_force, rule),
        "changes": changes,
        "condition": condition.map(|condition| shown(&in_force.rules, condition.source())),
        "targets": targets,
        "on": rule.holds().map(|_| on),
        "timers": timers_as_json(in_force, timers),
        "verdicts": counts.collect::<Map<String, Value>>(),
        "rang": tally.rang.map(|(person, last)| last_as_json(in_force, person, last)),
        "last": tally.last.map(|(person, last)| last_as_json(in_force, person, last)),
    })
}

fn timers_as_json(in_force: &InForce, timers: &Timers) -> Value {
    let next = timers.next.iter().map(|timer| {
        json!({
            "kind": timer.kind.word(),
            "person": timer.person.map(|id| named(in_force, id, None)),
            "at": timer.at_ms.map(date),
        })
    });
    json!({"count": timers.count, "next": next.collect::<Vec<_>>()})
}

/// Names in place of secrets, and one line in place of several.
pub fn shown(rules: &RuleSet, condition: &str) -> String {
    rules.shown(&condition.lines().map(str::trim).collect::<Vec<_>>().join(" "))
}

fn who(in_force: &InForce, rule: &Rule) -> Value {
    match &rule.who {
        None => Value::Null,
        Some(Who::Everyone) => json!({"everyone": true, "people": [], "count": null}),
        Some(Who::People(ids)) => {
            let people: Vec<Value> = ids.iter().take(WHO_MAX).map(|&id| named(in_force, id, None)).collect();
            json!({"everyone": false, "people": people, "count": ids.len()})
        }
    }
}

pub fn last_as_json(in_force: &InForce, person: Option<UserId>, last: Last) -> Value {
    json!({
        "at": date(last.at_ms),
        "person": person.map(|id| named(in_force, id, None)),
        "cause": last.cause.name(),
        "verdict": verdict_as_json(&last.verdict),
    })
}

pub fn verdict_as_json(verdict: &Verdict) -> Value {
    json!({"word": verdict.word(), "rings": *verdict == Verdict::Fired, "text": verdict.to_string()})
}
