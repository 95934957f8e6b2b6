//! What each view of the page shows: answers of the API, chosen for people.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::asked::{View, Wanted};
use super::clockwork::Clockwork;
use super::day::picture;
use super::groups::Groups;
use super::pick::pick;
use super::trial;
use crate::engine::verdict::Verdict;
use crate::printable::cut;
use crate::targets::address::encode;
use crate::web::api::asked::{No, Page};
use crate::web::api::{activity, day, deliveries, explain, people, rules, status};
use crate::web::server::Web;

/// So much is shown at once.
const PEOPLE_SHOWN: usize = 60;
const RULES_SHOWN: usize = 60;
const ENTRIES_SHOWN: usize = 100;
const DELIVERIES_SHOWN: usize = 40;
/// Beside a person or a rule.
const BESIDE_SHOWN: usize = 12;
/// Beside what rang, so many deliveries are looked up.
const SENT_MAX: usize = 500;
/// Of each message in a list.
const MESSAGE_CHARS_MAX: usize = 2000;

/// One view, ready to be printed.
pub struct Shown {
    pub status: StatusCode,
    pub view: View,
    pub title: String,
    pub template: &'static str,
    pub value: Value,
    /// The events at which it is to be made again, beside those that concern every view.
    pub hears: &'static str,
    /// Where they come from; nowhere, where what is wrong with the question stays wrong.
    pub follow: String,
}

const EVENTS: &str = "/api/v1/events";

impl Shown {
    pub fn new(view: View, template: &'static str, value: Value, hears: &'static str) -> Self {
        Self {
            status: StatusCode::OK,
            view,
            title: view.title().to_owned(),
            template,
            value,
            hears,
            follow: EVENTS.to_owned(),
        }
    }

    fn titled(mut self, title: String) -> Self {
        self.title = title;
        self
    }

    fn following(mut self, query: &str) -> Self {
        if !query.is_empty() {
            self.follow = format!("{EVENTS}?{query}");
        }
        self
    }
}

pub async fn show(web: &Web, asked: Wanted) -> Shown {
    let (view, wanted) = (asked.view, asked.clone());
    let shown = match (view, &wanted.person, &wanted.rule, &wanted.delivery) {
        (View::People, Some(named), _, _) => person(web, named).await,
        (View::People, None, _, _) => everybody(web, wanted).await,
        (View::Rules, person, Some(rule), _) => one_rule(web, rule, person.as_deref()).await,
        (View::Rules, _, None, _) => all_rules(web, wanted).await,
        (View::Activity, ..) => happenings(web, wanted).await,
        (View::Deliveries, _, _, Some(named)) => delivery(web, named).await,
        (View::Deliveries, _, _, None) => outbox(web, wanted).await,
        (View::Try, person, ..) => trial::empty(web, person.as_deref(), wanted.example.as_deref()).await,
    };
    shown.unwrap_or_else(|no| Shown::refused(view, no).or_near(&web.desk.in_force().rules, &asked))
}

async fn everybody(web: &Web, wanted: Wanted) -> Result<Shown, No> {
    let paged = wanted.after.is_some();
    let page = Page { after: wanted.after, limit: Some(PEOPLE_SHOWN) };
    let mut value = people::listed(web, &page).await?;
    value["paged"] = paged.into();
    value["picks"] = json!([pick("person", &web.desk.in_force().rules, None)]);
    Ok(Shown::new(View::People, "people", value, "change"))
}

async fn person(web: &Web, named: &str) -> Result<Shown, No> {
    let person = people::known(web, named).await?;
    let id = person["id"].as_str().unwrap_or_default().to_owned();
    let title = [&person["name"], &person["key"], &person["id"]].into_iter().find_map(Value::as_str);
    let title = title.unwrap_or_default().to_owned();
    let filter = activity::Filter {
        person: Some(id.clone()),
        limit: Some(BESIDE_SHOWN),
        ..activity::Filter::default()
    };
    let day = match day::told(web, &id).await {
        Ok(day) => picture(&Clockwork::now(web), &day),
        Err(no) => json!({"why": no.why()}),
    };
    let (groups, _) = grouped(web, &filter).await?;
    let value = json!({"person": person, "day": day, "groups": groups});
    let shown = Shown::new(View::People, "person", value, "change verdict deliveries").titled(title);
    Ok(shown.following(&format!("person={}", encode(&id))))
}

async fn all_rules(web: &Web, wanted: Wanted) -> Result<Shown, No> {
    let paged = wanted.after.is_some();
    let page = Page { after: wanted.after, limit: Some(RULES_SHOWN) };
    let mut value = rules::listed(web, &page).await?;
    value["paged"] = paged.into();
    value["rules"].as_array_mut().into_iter().flatten().for_each(count);
    Ok(Shown::new(View::Rules, "rules", value, "verdict"))
}

async fn one_rule(web: &Web, named: &str, person: Option<&str>) -> Result<Shown, No> {
    let mut rule = rules::known(web, named).await?;
    count(&mut rule);
    let explained = match explain::explained(web, named, person).await {
        Ok(explained) => with_reasons(explained),
        Err(no) => json!({"explained": [], "more": 0, "why": no.why()}),
    };
    let filter = activity::Filter {
        rule: Some(named.to_owned()),
        person: person.map(ToOwned::to_owned),
        limit: Some(BESIDE_SHOWN),
        ..activity::Filter::default()
    };
    let (groups, _) = grouped(web, &filter).await?;
    // A rule about nobody in particular, or about one, leaves nothing to pick.
    let picks = if rule["who"].is_null() || rule["who"]["count"] == 1 {
        json!([])
    } else {
        json!([pick("person", &web.desk.in_force().rules, person)])
    };
    let value = json!({"rule": rule, "explained": explained, "groups": groups, "picks": picks});
    let shown = Shown::new(View::Rules, "rule", value, "change verdict deliveries").titled(named.to_owned());
    Ok(shown)
}

/// How often a rule was given each verdict, in words; those first that rang.
fn count(rule: &mut Value) {
    let times = Verdict::WORDS
        .iter()
        .zip(Verdict::MEANINGS)
        .map(|(word, meaning)| json!({"word": word, "meaning": meaning, "times": rule["verdicts"][word]}));
    rule["counts"] = times.filter(|one| one["times"] != 0).collect();
}

/// Beside each answer the values of the gate that it is about.
fn with_reasons(mut explained: Value) -> Value {
    for one in explained["explained"].as_array_mut().into_iter().flatten() {
        let gates = one["gates"].as_array().into_iter().flatten();
        let shut = gates.clone().find(|gate| gate["gate"] == one["shut"]);
        one["because"] = shut.map_or_else(|| json!([]), |gate| gate["values"].clone());
    }
    explained
}

async fn happenings(web: &Web, wanted: Wanted) -> Result<Shown, No> {
    let filter = activity::Filter {
        before: wanted.before,
        person: wanted.person,
        rule: wanted.rule,
        limit: Some(ENTRIES_SHOWN),
        ..activity::Filter::default()
    };
    let (groups, older) = grouped(web, &filter).await?;
    let mut value = json!({"groups": groups, "older": older, "paged": wanted.before.is_some()});
    value["person"] = filter.person.as_deref().into();
    value["rule"] = filter.rule.as_deref().into();
    let in_force = web.desk.in_force();
    let asked = [("person", filter.person.as_deref()), ("rule", filter.rule.as_deref())];
    value["picks"] = asked.map(|(name, picked)| pick(name, &in_force.rules, picked)).into_iter().collect();
    let follow = query(&asked);
    Ok(Shown::new(View::Activity, "activity", value, "change verdict left_out deliveries").following(&follow))
}

async fn outbox(web: &Web, wanted: Wanted) -> Result<Shown, No> {
    let filter = deliveries::Filter {
        state: wanted.state.clone(),
        target: wanted.target.clone(),
        rule: wanted.rule.clone(),
        person: wanted.person.clone(),
        before: wanted.before.map(|before| i64::try_from(before).unwrap_or(i64::MAX)),
        limit: Some(DELIVERIES_SHOWN),
    };
    let mut value = deliveries::listed(web, filter).await?;
    value["paged"] = wanted.before.is_some().into();
    value["targets"] = status::told(web)["targets"].take();
    // What is asked for stays asked for on the next page.
    let asked = [
        ("state", wanted.state.as_deref()),
        ("target", wanted.target.as_deref()),
        ("rule", wanted.rule.as_deref()),
        ("person", wanted.person.as_deref()),
    ];
    let in_force = web.desk.in_force();
    value["picks"] = asked.map(|(name, picked)| pick(name, &in_force.rules, picked)).into_iter().collect();
    for delivery in value["deliveries"].as_array_mut().into_iter().flatten() {
        delivery["message"] = beginning(&delivery["message"]).into();
    }
    value["asking"] = query(&asked).into();
    Ok(Shown::new(View::Deliveries, "deliveries", value, "deliveries"))
}

async fn delivery(web: &Web, named: &str) -> Result<Shown, No> {
    let mut value = deliveries::known(web, named.to_owned()).await?;
    value["message"] = format!("{:#}", value["message"]).into();
    let title = format!("Delivery {}", value["number"]);
    Ok(Shown::new(View::Deliveries, "delivery", value, "deliveries").titled(title))
}

/// What happened, in groups, and where the list goes on.
async fn grouped(web: &Web, filter: &activity::Filter) -> Result<(Value, Value), No> {
    let mut listed = activity::listed(web, filter).await?;
    let count = listed["entries"].as_array().map_or(0, Vec::len);
    let more = filter.limit == Some(count);
    let groups = Groups::of(&mut listed["entries"], more);
    let older = groups.oldest().filter(|_| more).cloned().unwrap_or_default();
    let sent = match groups.rang_between() {
        Some(between) => {
            let sent = web.outbox.look(move |ledger| Ok(ledger.sent(None, between, SENT_MAX)?)).await;
            // What happened can be told without it.
            sent.unwrap_or_default()
        }
        None => Vec::new(),
    };
    Ok((groups.told(&sent), older))
}

/// A message as it is shown among others.
fn beginning(message: &Value) -> String {
    cut(format!("{message:#}"), MESSAGE_CHARS_MAX)
}

fn query(asked: &[(&str, Option<&str>)]) -> String {
    let filled = asked.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
    filled.collect::<Vec<_>>().join("&")
}
