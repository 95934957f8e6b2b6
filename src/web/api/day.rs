//! What somebody's day was, and what rang in it.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::asked::{Answer, No, named, person, yes};
use super::people::{name_of, nothing_known};
use crate::clock::Clock;
use crate::engine::diary::day::{Bar, Day};
use crate::engine::diary::stretch::Lane;
use crate::engine::person::Standing;
use crate::outbox::store::ledger::Sent;
use crate::time::date;
use crate::web::questions::{DayAnswer, Question};
use crate::web::server::Web;

/// So many deliveries are marks in a day.
const SENT_MAX: usize = 500;

pub async fn one(State(web): State<Web>, Path(named): Path<String>) -> Answer {
    yes(&told(&web, &named).await?)
}

pub async fn told(web: &Web, who: &str) -> Result<Value, No> {
    let in_force = web.desk.in_force();
    let id = person(&in_force, who)?;
    let DayAnswer { person, pages } = web.desk.ask(|answer| Question::Day { id, answer }).await?;
    let known = in_force.person(id);
    if person.standing == Standing::Unknown && known.is_none() {
        return Err(nothing_known(id));
    }
    let Day { from_ms, to_ms, kept_from_ms, lanes, unwatched } =
        Day::of(Clock::start().now().wall_ms, pages, &person);
    let mut sent =
        web.outbox.look(move |ledger| Ok(ledger.sent(Some(id), (from_ms, i64::MAX), SENT_MAX + 1)?)).await?;
    let more = sent.len() > SENT_MAX;
    sent.truncate(SENT_MAX);
    let name = name_of(known, person.shown().as_ref());
    let lane = |(lane, bars): &(Lane, Vec<Bar>)| json!({"lane": lane.word(), "stretches": bars.iter().map(bar_as_json).collect::<Vec<_>>()});
    Ok(json!({
        "person": named(&in_force, id, Some(&name)),
        "from": date(from_ms),
        "to": date(to_ms),
        "kept_from": kept_from_ms.map(date),
        "lanes": lanes.iter().map(lane).collect::<Vec<_>>(),
        "unwatched": unwatched
            .iter()
            .map(|span| json!({"from": date(span.from_ms), "to": date(span.to_ms)}))
            .collect::<Vec<_>>(),
        "marks": marks(&sent),
        "more_marks": more,
    }))
}

fn bar_as_json(bar: &Bar) -> Value {
    json!({
        "name": Some(&*bar.name).filter(|name| !name.is_empty()),
        "from": date(bar.span.from_ms),
        "to": date(bar.span.to_ms),
        "goes_on": bar.goes_on,
        "parts": bar.parts,
    })
}

/// What rang, the oldest first. What one firing sent to several targets is one mark.
fn marks(sent: &[Sent]) -> Value {
    let firings = sent.chunk_by(|a, b| a.rule == b.rule && a.created_ms == b.created_ms);
    let mark = |firing: &[Sent]| {
        let deliveries = firing
            .iter()
            .rev()
            .map(|sent| json!({"number": sent.seq, "target": &*sent.target, "state": sent.state}));
        json!({
            "rule": &*firing[0].rule,
            "at": date(firing[0].created_ms),
            "deliveries": deliveries.collect::<Vec<_>>(),
        })
    };
    firings.rev().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_firing_sent_is_one_mark() {
        let sent = |seq, target: &str, rule: &str, created_ms| Sent {
            seq,
            target: target.into(),
            rule: rule.into(),
            person: None,
            created_ms,
            state: "delivered".to_owned(),
        };
        let sent = [
            sent(5, "b", "late", 9000),
            sent(4, "b", "other", 5000),
            sent(3, "b", "r", 5000),
            sent(2, "a", "r", 5000),
            sent(1, "a", "r", 4000),
        ];
        let told = marks(&sent);
        let told: Vec<String> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|mark| {
                let numbers =
                    mark["deliveries"].as_array().unwrap().iter().map(|sent| sent["number"].to_string());
                format!("{} {}", mark["rule"].as_str().unwrap(), numbers.collect::<Vec<_>>().join("+"))
            })
            .collect();
        assert_eq!(told, ["r 1", "r 2+3", "other 4", "late 5"]);
    }
}
