//! What `/api/v1` can be asked and answers, as an `OpenAPI` document. Words that the program has tables of come
//! from those tables.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::PAGE_MAX;
use super::asked::{JSON, json_text};
use super::schemas::schemas;
use crate::outbox::delivery::Fate;

/// It is always the same, and large.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| json_text(&openapi()));

pub async fn document() -> Response {
    ([(header::CONTENT_TYPE, JSON)], DOCUMENT.as_str()).into_response()
}

/// One thing that can be asked.
struct Route {
    method: &'static str,
    path: &'static str,
    says: &'static str,
    /// After the `?`.
    asks: Vec<Param>,
    /// The schema of what is sent along.
    body: Option<&'static str>,
    /// The schema of a good answer.
    answer: &'static str,
    /// What else it may answer, beside what everything may.
    also: &'static [u16],
}

struct Param {
    name: &'static str,
    says: &'static str,
    schema: Value,
}

pub fn openapi() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let at = paths.entry(route.path).or_insert_with(|| json!({}));
        at[route.method] = operation(&route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "doorchime",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running doorchime knows, did, and did not do. Times are RFC 3339 in UTC. What an answer \
                            may hold beside what is described here comes with a version of its own.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that doorchime was started with. Reading needs none on the machine that it runs \
                                    on; what changes something needs it wherever there is one.",
                },
            },
            "headers": {
                "RetryAfter": {
                    "description": "After so many seconds it may be so.",
                    "schema": {"type": "integer"},
                },
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let says = match name {
            "person" => "The person's name in the rules file, or their id.",
            "rule" => "The rule's id.",
            _ => "The delivery's number, or its id or the beginning of it.",
        };
        json!({"name": name, "in": "path", "required": true, "description": says, "schema": {"type": "string"}})
    });
    let asked = route.asks.iter().map(
        |param| json!({"name": param.name, "in": "query", "description": param.says, "schema": param.schema}),
    );
    let parameters: Vec<Value> = in_path.chain(asked).collect();
    let content = if route.answer == EVENTS {
        json!({"text/event-stream": {"schema": {"type": "string"}}})
    } else {
        json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{}", route.answer)}}})
    };
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({"description": "As asked.", "content": content}));
    for status in [400, 503].iter().chain(route.also) {
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        responses.insert(status.to_string(), json!({"description": meaning(*status), "content": content}));
    }
    for status in [401, 403, 429] {
        responses.insert(status.to_string(), json!({"description": meaning(status)}));
    }
    for status in ["429", "503"] {
        responses[status]["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/RetryAfter"}});
    }
    if route.method == "post" {
        responses.insert("408".to_owned(), json!({"description": meaning(408)}));
    }
    let mut operation = json!({"description": route.says, "parameters": parameters, "responses": responses});
    if let Some(body) = route.body {
        let content =
            json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{body}")}}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "It cannot be asked like that; `error` says why.",
        401 => "The token is missing or wrong.",
        403 => {
            "Not from there: another page, another name, or beyond this machine without a token being set."
        }
        404 => "Nobody and nothing is called that.",
        408 => "What comes with the request did not come in time.",
        409 => "It has arrived already.",
        413 => "That is too much to be read.",
        429 => {
            "Too many wrong tokens came from there: of those that come from there only one in some seconds is looked at."
        }
        _ => {
            "Not now: doorchime is leaving, its outbox cannot be read, or too many are connected, follow or try things."
        }
    }
}

const EVENTS: &str = "";

fn routes() -> Vec<Route> {
    let route =
        |method, path, says, asks, answer, also| Route { method, path, says, asks, body: None, answer, also };
    vec![
        route("get", "/status", "How the bot is, and how each target does.", vec![], "Status", &[]),
        route(
            "get",
            "/people",
            "Who is where. People of the rules file come first, in its order; where a rule is for `everyone`, all others \
             follow by their ids.",
            vec![after(), limit()],
            "People",
            &[],
        ),
        route("get", "/people/{person}", "One person.", vec![], "Person", &[404]),
        route("get", "/people/{person}/day", DAY_SAYS, vec![], "Day", &[404]),
        route(
            "get",
            "/rules",
            "The rules in the file's order, how often each rang, what became of it last, and which of its timers run: how \
             many, and those that end first.",
            vec![after(), limit()],
            "Rules",
            &[404],
        ),
        route("get", "/rules/{rule}", "One rule.", vec![], "Rule", &[404]),
        route(
            "get",
            "/rules/{rule}/explain",
            "Why a rule rings or not: each gate as it stands now, and what became of it last. Without a person, for \
             those whom the rule is about.",
            vec![text(
                "person",
                "Only this person: a name in the rules file, or an id.",
                json!({"type": "string"}),
            )],
            "Explanations",
            &[404],
        ),
        route(
            "get",
            "/activity",
            "What happened lately, the oldest first: the latest, or what came next after `since`. A thousand happenings \
             are kept.",
            vec![
                since(),
                text("before", "Only what has a lower number.", whole()),
                person(),
                rule(),
                limit(),
            ],
            "Activity",
            &[404],
        ),
        route("get", "/events", EVENTS_SAY, vec![since(), person(), rule()], EVENTS, &[404]),
        route(
            "get",
            "/deliveries",
            "What is on its way, what arrived and what did not, the youngest first.",
            vec![
                text("state", "Only those in this state.", json!({"enum": Fate::WORDS})),
                text("target", "Only those for this target.", json!({"type": "string"})),
                text("rule", "Only those of this rule.", json!({"type": "string"})),
                person(),
                text("before", "Only those with a lower number: `next` of the page before.", whole()),
                limit(),
            ],
            "Deliveries",
            &[404],
        ),
        route(
            "get",
            "/deliveries/{delivery}",
            "One delivery, with each attempt at it.",
            vec![],
            "DeliveryWithTries",
            &[404],
        ),
        route(
            "post",
            "/deliveries/{delivery}/retry",
            "Sends a delivery again, or at once, whatever became of it. The bot takes it up within seconds.",
            vec![text(
                "force",
                "Also if it has arrived: it comes twice.",
                json!({"type": "boolean", "default": false}),
            )],
            "DeliveryWithTries",
            &[404, 409],
        ),
        route(
            "post",
            "/deliveries/{delivery}/drop",
            "Gives a delivery up, or its second sending. An attempt under way is not called back.",
            vec![],
            "Dropped",
            &[404],
        ),
        Route { body: Some("Trial"), ..route("post", "/try", TRY_SAYS, vec![], "Tried", &[404, 413]) },
        route("get", "/openapi.json", "This document.", vec![], "Document", &[]),
    ]
}

const EVENTS_SAY: &str = "What happens, as it happens, as server-sent events. An event's name is the `type` of an entry of \
    `/activity`, its data that entry, its id the entry's number; with `Last-Event-ID` or `since` it begins with what \
    happened after that number. Beside these, and without an id: `lost` says how many events were missed by reading too \
    slowly (`null`: nobody knows; its data is `Lost`). `deliveries` says that something in the outbox has moved (its data is \
    `Owed`), `status` says that a target, the connection to Lanyard, the outbox or the rules are not as they were (its data is \
    `Status`); both come once at the beginning, and then when something has changed, each once in a second at the most. At \
    most 16 can follow.";

const DAY_SAYS: &str = "The last 24 hours of one person: how long each status, track and activity lasted as rules saw it, \
    and what rang. Nothing is told of times in which the person was not watched. Short ones in a row are one of so many \
    `parts`, without a name where their names differ. At most 400 are kept of one person and 10000 of all: of what was \
    before `kept_from` nothing is told.";

const TRY_SAYS: &str = "What would ring if somebody changed in a way: each rule, whether it rings, when, and why or why not, \
    and each message as the exact request that its target would get, secrets masked. It is played with the rules in \
    force, by an engine of its own with a fresh memory, and everybody else is offline. Nothing is sent, and nothing is \
    changed.";

fn text(name: &'static str, says: &'static str, schema: Value) -> Param {
    Param { name, says, schema }
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn after() -> Param {
    text("after", "Where the list goes on: `next` of the page before.", json!({"type": "string"}))
}

fn since() -> Param {
    text("since", "Only what has a higher number: `cursor` of the answer before.", whole())
}

fn limit() -> Param {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_MAX});
    text("limit", "At most so many.", schema)
}

fn person() -> Param {
    text("person", "Only this person: a name in the rules file, or an id.", json!({"type": "string"}))
}

fn rule() -> Param {
    text("rule", "Only this rule.", json!({"type": "string"}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::diary::book::{STRETCHES_MAX, TOTAL_MAX};
    use crate::web::api::{activity, events};

    #[test]
    fn what_it_says_of_bounds_is_so() {
        assert!(EVENTS_SAY.contains(&format!("most {} can", events::FOLLOWERS_MAX)));
        for event in [events::LOST, events::DELIVERIES, events::STATUS] {
            assert!(EVENTS_SAY.contains(&format!("`{event}` says")), "{event}");
        }
        assert!(
            DAY_SAYS.contains(&format!("most {STRETCHES_MAX} are kept of one person and {TOTAL_MAX} of all"))
        );
        let types = schemas()["Entry"]["oneOf"].as_array().map_or(0, Vec::len);
        assert_eq!(types, activity::TYPES.len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(root: &Value, value: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(at)) = map.get("$ref") {
                        assert!(root.pointer(&at[1..]).is_some(), "{at}");
                    }
                    map.values().for_each(|value| walk(root, value));
                }
                Value::Array(items) => items.iter().for_each(|value| walk(root, value)),
                _ => {}
            }
        }
        let document = openapi();
        walk(&document, &document);
    }
}
