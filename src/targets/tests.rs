//! From what the rules file says to the request that is sent, and from an answer to what it means.

use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::message::Message;
use super::{KINDS, Kind, Outgoing, Placed, Shape, Target};
use crate::outbox::delivery::{Answer, Delivery, DeliveryId, Parts, Reading, Request};
use crate::presence::change::Subject;
use crate::presence::model::UserId;
use crate::rules::scope::{Keys, Names};
use crate::rules::template::tests::{with_scope, with_scope_of};

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;
const ID: DeliveryId = DeliveryId::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0001);
const HOOK: &str = "https://hooks.example/T0PSECRET";

fn kind(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.name == name).unwrap()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[expect(clippy::needless_pass_by_value, reason = "tables read better")]
fn target(name: &str, settings: Value) -> Target {
    Target::build("it", kind(name), &object(&settings))
        .unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

#[expect(clippy::needless_pass_by_value, reason = "tables read better")]
fn message(name: &str, parts: Value) -> Result<Message, Vec<Placed>> {
    let (people, groups) = (Keys::from_iter(["alice".to_owned()]), Keys::default());
    let change = Some(Some(Subject::Track));
    let names = Names { people: &people, groups: &groups, has_person: true, change, in_template: true };
    Message::compile(kind(name), &object(&parts), &names)
}

fn delivery(parts: Parts) -> Delivery {
    Delivery {
        id: ID,
        target: "it".into(),
        rule: "new track".into(),
        person: Some(UserId(7)),
        parts,
        created_ms: NOW_MS,
        expires_ms: NOW_MS,
    }
}

fn request(target: &Target, parts: Parts) -> Request {
    match target.request(&delivery(parts), NOW_MS, false) {
        Outgoing::Http(request) => request,
        Outgoing::Print(line) => panic!("printed {line}"),
    }
}

/// A request as JSON; the body too, where it is some.
fn shown(request: &Request) -> Value {
    let headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), json!(value.expose_secret()))).collect();
    let body = serde_json::from_slice(&request.body)
        .unwrap_or_else(|_| json!(String::from_utf8(request.body.clone()).unwrap()));
    json!({"to": format!("{} {}", request.method, request.url.expose_secret()), "headers": headers, "body": body})
}

fn sent(name: &str, settings: Value, parts: Value) -> Value {
    let target = target(name, settings);
    let message = message(name, parts).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    shown(&request(&target, with_scope(|scope| message.render(scope))))
}

/// The settings that each kind cannot do without.
fn least_settings(name: &str) -> Value {
    match name {
        "ntfy" => json!({"topic": "doors"}),
        "home_assistant" => json!({"url": "http://ha:8123", "token": "T0P"}),
        "gotify" => json!({"url": "https://gotify.example/", "token": "T0P"}),
        "telegram" => json!({"token": "1:T0P", "chat_id": "42"}),
        "console" => json!({}),
        _ => json!({"url": HOOK}),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn requests() {
    let json_header = json!({"content-type": "application/json"});
    let bearer = json!({"content-type": "application/json", "authorization": "Bearer T0P"});
    for (name, settings, parts, to, headers, body) in [
        (
            "slack",
            json!({"url": HOOK}),
            json!({"text": "*{{user.name}}* <https://a|b>"}),
            "POST https://hooks.example/T0PSECRET",
            &json_header,
            json!({"text": "*Alice &lt;3* <https://a|b>"}),
        ),
        (
            "slack",
            json!({"url": HOOK}),
            json!({}),
            "POST https://hooks.example/T0PSECRET",
            &json_header,
            json!({"text": "Alice &lt;3 listens to Song by A; B"}),
        ),
        (
            "slack",
            json!({"url": HOOK}),
            json!({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "{{user.name}}"}}, {"type": "image", "image_url": "{{image_url track}}", "alt_text": "&"}], "unfurl_links": false}),
            "POST https://hooks.example/T0PSECRET",
            &json_header,
            json!({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "Alice &lt;3"}}, {"type": "image", "image_url": "https://i.scdn.co/image/x", "alt_text": "&"}], "unfurl_links": false}),
        ),
        (
            "discord",
            json!({"url": format!("{HOOK}?thread_id=5")}),
            json!({"content": "**{{user.name}}** {{{status}}}", "username": "door", "silent": true}),
            "POST https://hooks.example/T0PSECRET?thread_id=5&wait=true",
            &json_header,
            json!({"content": "**Alice \\<3** dnd", "username": "door", "flags": 4096, "allowed_mentions": {"parse": []}}),
        ),
        (
            "discord",
            json!({"url": HOOK, "thread_id": 77}),
            json!({"embeds": [{"title": "{{track.song}}", "color": 5, "url": "{{playing.url}}", "thumbnail": {"url": "{{track.album_art_url}}"}, "fields": [{"name": "x", "value": "{{kv.none}}", "inline": true}]}]}),
            "POST https://hooks.example/T0PSECRET?wait=true&thread_id=77",
            &json_header,
            json!({"embeds": [{"title": "Song", "color": 5, "thumbnail": {"url": "https://i.scdn.co/image/x"}, "fields": [{"name": "x", "value": "\u{200b}", "inline": true}]}], "allowed_mentions": {"parse": []}}),
        ),
        (
            "ntfy",
            json!({"topic": "doors", "token": "T0P", "server": "https://n.example/"}),
            json!({"title": "{{user.name}} is online", "message": "{{kv.scene}}", "priority": "{{#if online}}high{{/if}}", "tags": ["door", "{{status}}"], "click": "{{playing.url}}"}),
            "POST https://n.example",
            &bearer,
            json!({"topic": "doors", "title": "Alice <3 is online", "message": "movie", "priority": 4, "tags": ["door", "dnd"]}),
        ),
        (
            "ntfy",
            json!({"topic": "doors"}),
            json!({"message": "{{user.name}}_", "markdown": true, "priority": 9, "tags": "door"}),
            "POST https://ntfy.sh",
            &json_header,
            json!({"topic": "doors", "message": "Alice \\<3_", "markdown": true, "priority": 5, "tags": ["door"]}),
        ),
        (
            "home_assistant",
            least_settings("home_assistant"),
            json!({"event": "presence", "data": {"who": "{{user.name}}", "size": "{{json playing.party.size}}", "on": true}}),
            "POST http://ha:8123/api/events/presence",
            &bearer,
            json!({"who": "Alice <3", "size": 2, "on": true}),
        ),
        (
            "home_assistant",
            least_settings("home_assistant"),
            json!({"service": "light.turn_on", "data": {"entity_id": "light.desk"}}),
            "POST http://ha:8123/api/services/light/turn_on",
            &bearer,
            json!({"entity_id": "light.desk"}),
        ),
        (
            "home_assistant",
            least_settings("home_assistant"),
            json!({"state": "sensor.alice", "value": "{{status}}", "attributes": {"track": "{{track.song}}"}}),
            "POST http://ha:8123/api/states/sensor.alice",
            &bearer,
            json!({"state": "dnd", "attributes": {"track": "Song"}}),
        ),
        (
            "home_assistant",
            json!({"url": "http://ha:8123", "webhook_id": "a/b"}),
            json!({"json": {"x": "{{status}}"}}),
            "POST http://ha:8123/api/webhook/a%2Fb",
            &json_header,
            json!({"x": "dnd"}),
        ),
        (
            "gotify",
            least_settings("gotify"),
            json!({"title": "{{status}}", "message": "{{user.name}}", "priority": "{{playing.party.size}}", "extras": {"a::b": {"c": "{{status}}"}}, "markdown": true}),
            "POST https://gotify.example/message",
            &json!({"content-type": "application/json", "x-gotify-key": "T0P"}),
            json!({"title": "dnd", "message": "Alice \\<3", "priority": 2, "extras": {"a::b": {"c": "dnd"}, "client::display": {"contentType": "text/markdown"}}}),
        ),
        (
            "telegram",
            least_settings("telegram"),
            json!({"text": "<b>{{user.name}}</b>", "silent": true, "preview": false}),
            "POST https://api.telegram.org/bot1:T0P/sendMessage",
            &json_header,
            json!({"chat_id": 42, "text": "<b>Alice &lt;3</b>", "parse_mode": "HTML", "disable_notification": true, "link_preview_options": {"is_disabled": true}}),
        ),
        (
            "mattermost",
            json!({"url": HOOK}),
            json!({"text": "{{user.name}} @here", "channel": "town-square"}),
            "POST https://hooks.example/T0PSECRET",
            &json_header,
            json!({"text": "Alice \\<3 @here", "channel": "town-square"}),
        ),
    ] {
        let expected = json!({"to": to, "headers": headers, "body": body});
        assert_eq!(sent(name, settings, parts), expected, "{name}");
    }
}

#[test]
fn webhooks() {
    let id = ID.to_string();
    let headers = |content_type: &str| json!({"content-type": content_type, "idempotency-key": id});
    for (settings, parts, to, headers, body) in [
        (
            json!({"url": format!("{HOOK}?a=1"), "query": {"k": "v w"}}),
            json!({"json": {"who": "{{user.name}}", "n": 1, "list": ["{{status}}", null], "raw": "{{json platforms.desktop}}"}}),
            "POST https://hooks.example/T0PSECRET?a=1&k=v%20w",
            headers("application/json"),
            json!({"who": "Alice <3", "n": 1, "list": ["dnd", null], "raw": true}),
        ),
        (
            json!({"url": HOOK, "method": "put"}),
            json!({"form": {"a b": "{{user.name}}&x", "c": "ü"}}),
            "PUT https://hooks.example/T0PSECRET",
            headers("application/x-www-form-urlencoded"),
            json!("a%20b=Alice%20%3C3%26x&c=%C3%BC"),
        ),
        (
            json!({"url": HOOK}),
            json!({"body": "{{user.name}}!"}),
            "POST https://hooks.example/T0PSECRET",
            headers("text/plain; charset=utf-8"),
            json!("Alice <3!"),
        ),
        (
            json!({"url": HOOK}),
            json!({"body": "<p>{{user.name}}</p>"}),
            "POST https://hooks.example/T0PSECRET",
            headers("application/xml"),
            json!("<p>Alice &lt;3</p>"),
        ),
        (
            json!({"url": HOOK}),
            json!({"body": "{\"a\": \"{{user.name}}\"}"}),
            "POST https://hooks.example/T0PSECRET",
            headers("application/json"),
            json!({"a": "Alice <3"}),
        ),
        (
            json!({"url": HOOK}),
            json!({"body": "q={{user.name}}", "content_type": "application/x-www-form-urlencoded"}),
            "POST https://hooks.example/T0PSECRET",
            headers("application/x-www-form-urlencoded"),
            json!("q=Alice%20%3C3"),
        ),
        (
            json!({"url": format!("{HOOK}/?q=1")}),
            json!({"method": "DELETE", "path": "people/{{user.name}}/..", "query": {"s": "{{status}}&"}, "body": "x"}),
            "DELETE https://hooks.example/T0PSECRET/people/Alice%20%3C3/?q=1&s=dnd%26",
            headers("text/plain; charset=utf-8"),
            json!("x"),
        ),
    ] {
        assert_eq!(sent("webhook", settings, parts), json!({"to": to, "headers": headers, "body": body}));
    }
}

#[test]
fn headers_of_a_message_take_the_place_of_the_targets() {
    let settings = json!({"url": HOOK, "headers": {"Authorization": "Bearer T0P", "X-Who": "target"}});
    let request =
        sent("webhook", settings, json!({"json": {}, "headers": {"x-who": "{{user.name}}\r\nX-Evil: 1"}}));
    assert_eq!(request["headers"]["authorization"], "Bearer T0P");
    assert_eq!(request["headers"]["x-who"], "Alice <3  X-Evil: 1");
}

#[test]
fn without_a_body_the_event_tells_everything() {
    let request =
        sent("webhook", json!({"url": HOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}), json!({}));
    let body = &request["body"];
    assert_eq!(body["id"], ID.to_string());
    for (pointer, expected) in [
        ("/type", json!("changed_track")),
        ("/timestamp", json!("2026-01-01T00:00:00Z")),
        ("/rule", json!("new-track")),
        ("/late", json!(false)),
        ("/lasted_ms", json!(7_500_000)),
        ("/person", json!({"id": "94490510688792576", "key": "alice", "name": "Alice <3"})),
        ("/change/kind", json!("changed_track")),
        ("/change/from", Value::Null),
        ("/change/to/song", json!("Song")),
        ("/data/status", json!("dnd")),
        ("/data/playing/name", json!("Factorio")),
        ("/data/playing/party/size", json!(2)),
        ("/data/streaming", Value::Null),
        ("/data/platforms/desktop", json!(true)),
        ("/data/kv/scene", json!("movie")),
        ("/data/track/ends_at", json!("2026-01-01T01:02:00+01:00")),
    ] {
        assert_eq!(body.pointer(pointer), Some(&expected), "{pointer}");
    }
    let headers = &request["headers"];
    assert_eq!(headers["webhook-id"], headers["idempotency-key"]);
    assert_eq!(headers["webhook-timestamp"], (NOW_MS / 1_000).to_string());
    assert!(headers["webhook-signature"].as_str().unwrap().starts_with("v1,"));
}

#[test]
fn cloud_events() {
    let settings = json!({"url": HOOK, "format": "cloudevents"});
    let event = sent("webhook", settings.clone(), json!({"json": {"song": "{{track.song}}"}}));
    assert_eq!(event["headers"]["content-type"], "application/cloudevents+json");
    let expected = json!({
        "specversion": "1.0", "id": ID.to_string(), "source": "/doorchime/rules/new%20track", "subject": "7",
        "type": "doorchime.notification", "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
        "data": {"song": "Song"}});
    assert_eq!(event["body"], expected);
    let whole = sent("webhook", settings.clone(), json!({}));
    assert_eq!(whole["body"]["type"], "doorchime.changed_track");
    assert_eq!(whole["body"]["data"]["change"]["to"]["song"], "Song");
    let problems = target("webhook", settings).check_parts(&object(&json!({"form": {}})));
    assert_eq!(problems[0].1.what, "a CloudEvent has no `form`");
}

#[test]
fn home_assistant_tells_the_whole_change_when_nothing_else_is_said() {
    let request = sent("home_assistant", least_settings("home_assistant"), json!({}));
    assert_eq!(request["to"], "POST http://ha:8123/api/events/doorchime");
    assert_eq!(request["body"]["type"], "changed_track");
    let named = sent("home_assistant", least_settings("home_assistant"), json!({"event": "gone"}));
    assert_eq!(named["to"], "POST http://ha:8123/api/events/gone");
    assert_eq!(named["body"]["rule"], "new-track");
    let hook = sent("home_assistant", json!({"url": "http://ha", "webhook_id": "x"}), json!({}));
    assert_eq!(hook["to"], "POST http://ha/api/webhook/x");
}

#[test]
fn what_messages_cannot_be() {
    for (name, parts, path, what) in [
        (
            "home_assistant",
            json!({"event": "x", "service": "light.turn_on"}),
            "service",
            "`service` and `event` exclude each other",
        ),
        ("home_assistant", json!({"data": {}}), "data", "`data` goes with `event` or `service`"),
        (
            "home_assistant",
            json!({"state": "sensor.x"}),
            "state",
            "`state` names the entity and needs `value`, what its state becomes",
        ),
        (
            "home_assistant",
            json!({"service": "turn_on"}),
            "service",
            "`turn_on` is no name of a service in Home Assistant",
        ),
        ("home_assistant", json!({"service": "light.turn_on", "data": ["x"]}), "data", "`data` is a mapping"),
        ("webhook", json!({"json": {}, "body": "x"}), "body", "`body` and `json` exclude each other"),
        (
            "webhook",
            json!({"content_type": "text/plain"}),
            "content_type",
            "`content_type` is the type of `body`, and there is no `body`",
        ),
        ("webhook", json!({"headers": {"a b": "x"}}), "headers.a b", "`a b` is no name of a header"),
        (
            "webhook",
            json!({"headers": {"Webhook-Id": "x"}}),
            "headers.Webhook-Id",
            "the header `webhook-id` is doorchime's own to set",
        ),
        ("webhook", json!({"json": {"a": [{"b": "{{nmae}}"}]}}), "json.a.0.b", "unknown name `nmae`"),
        ("ntfy", json!({"priority": "hihg"}), "priority", "`hihg` is not a number or one of its words"),
        ("gotify", json!({"priority": "high"}), "priority", "`high` is not a number"),
        ("telegram", json!({"silent": "maybe"}), "silent", "`maybe` is not `true` or `false`"),
        ("slack", json!({"txt": "x"}), "txt", "`slack` takes no `txt`"),
        ("slack", json!({"text": ["x"]}), "text", "`text` is a text"),
        ("webhook", json!({"_event": {}}), "_event", "`webhook` takes no `_event`"),
    ] {
        let problems = message(name, parts).err().unwrap_or_else(|| panic!("{name} {path} is fine"));
        assert!(
            problems.iter().any(|(at, mistake)| at.join(".") == path && mistake.what == what),
            "{name} {path}: {problems:?}"
        );
    }
}

#[test]
fn what_targets_cannot_be() {
    for (name, settings, key) in [
        ("slack", json!({"url": "hooks.slack.com/x"}), "url"),
        ("ntfy", json!({"topic": "a b"}), "topic"),
        ("ntfy", json!({"topic": "a", "user": "x"}), "user"),
        ("ntfy", json!({"topic": "a", "token": "x", "user": "x", "password": "y"}), "token"),
        ("home_assistant", json!({"url": "http://ha"}), "url"),
        ("telegram", json!({"token": "bot1:a", "chat_id": 1}), "token"),
        ("webhook", json!({"url": HOOK, "secret": "whsec_!"}), "secret"),
        ("webhook", json!({"url": HOOK, "headers": {"content-type": "x"}}), "headers"),
        ("gotify", json!({"url": HOOK, "token": "a\nb"}), "token"),
        ("discord", json!({"url": HOOK, "timeout": "1h"}), "timeout"),
    ] {
        let problems = Target::build("it", kind(name), &object(&settings)).unwrap_err();
        assert!(problems.iter().any(|(path, _)| path == &[key.to_owned()]), "{name} {key}: {problems:?}");
    }
}

#[test]
fn what_a_target_needs_of_its_messages() {
    let hook = target("home_assistant", json!({"url": "http://ha", "webhook_id": "x"}));
    assert_eq!(
        hook.check_parts(&object(&json!({"event": "x"})))[0].1.what,
        "`event` needs `token` at the target"
    );
    assert_eq!(hook.warnings().len(), 1);
    let token = target("home_assistant", least_settings("home_assistant"));
    assert_eq!(
        token.check_parts(&object(&json!({"json": {}})))[0].1.what,
        "`json` needs `webhook_id` at the target"
    );
    assert!(token.warnings().is_empty() && token.check_parts(&object(&json!({"event": "x"}))).is_empty());
}

#[test]
fn answers() {
    let wait = |ms| Reading::Wait(Some(Duration::from_millis(ms)));
    for (name, status, headers, body, expected) in [
        ("webhook", 202, &[][..], "", Reading::Delivered),
        ("webhook", 410, &[], "", Reading::Disable),
        ("webhook", 404, &[], "", Reading::Refused),
        ("slack", 200, &[], "ok", Reading::Delivered),
        ("slack", 200, &[], "<html>", Reading::Refused),
        ("slack", 400, &[], "invalid_blocks", Reading::Refused),
        ("slack", 403, &[], "invalid_token", Reading::Disable),
        ("slack", 404, &[], "no_service", Reading::Disable),
        ("slack", 429, &[("retry-after", "30")], "", wait(30_000)),
        ("slack", 500, &[], "rollup_error", Reading::Again),
        ("discord", 200, &[], "{\"id\":\"1\"}", Reading::Delivered),
        (
            "discord",
            200,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "1.5")],
            "{}",
            Reading::DeliveredThenPause(Duration::from_millis(1_500)),
        ),
        (
            "discord",
            200,
            &[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset-after", "1.5")],
            "{}",
            Reading::Delivered,
        ),
        ("discord", 429, &[("retry-after", "1")], "{\"retry_after\":0.65,\"global\":false}", wait(650)),
        ("discord", 429, &[("retry-after", "2")], "<html>", wait(2_000)),
        ("discord", 404, &[], "{\"code\":10015}", Reading::Disable),
        ("discord", 404, &[], "{\"code\":10003}", Reading::Refused),
        ("discord", 401, &[], "{\"code\":50027}", Reading::Disable),
        ("discord", 403, &[], "{\"code\":50027}", Reading::Disable),
        ("discord", 400, &[], "{\"code\":50006}", Reading::Refused),
        ("ntfy", 200, &[], "{}", Reading::Delivered),
        ("ntfy", 429, &[], "{\"code\":42901,\"http\":429}", Reading::Wait(None)),
        ("ntfy", 429, &[], "{\"code\":42908,\"http\":429}", wait(86_400_000)),
        ("ntfy", 403, &[], "{\"code\":40301}", Reading::Disable),
        ("ntfy", 507, &[], "", Reading::Again),
        ("home_assistant", 200, &[], "[]", Reading::Delivered),
        ("home_assistant", 201, &[], "{}", Reading::Delivered),
        ("home_assistant", 400, &[], "", Reading::Refused),
        ("home_assistant", 401, &[], "", Reading::Disable),
        ("gotify", 401, &[], "", Reading::Disable),
        ("telegram", 200, &[], "{\"ok\":true}", Reading::Delivered),
        ("telegram", 200, &[], "{\"ok\":false}", Reading::Refused),
        (
            "telegram",
            400,
            &[],
            "{\"ok\":false,\"description\":\"Bad Request: can't parse entities: x\"}",
            Reading::AgainPlain,
        ),
        (
            "telegram",
            400,
            &[],
            "{\"ok\":false,\"description\":\"Bad Request: chat not found\"}",
            Reading::Disable,
        ),
        (
            "telegram",
            403,
            &[],
            "{\"ok\":false,\"description\":\"Forbidden: bot was blocked by the user\"}",
            Reading::Disable,
        ),
        ("telegram", 404, &[], "{\"ok\":false}", Reading::Disable),
        ("telegram", 429, &[], "{\"ok\":false,\"parameters\":{\"retry_after\":7}}", wait(7_000)),
        ("mattermost", 200, &[], "ok", Reading::Delivered),
        ("mattermost", 400, &[], "{\"id\":\"web.incoming_webhook.invalid.app_error\"}", Reading::Disable),
        ("mattermost", 400, &[], "{\"id\":\"web.incoming_webhook.text.app_error\"}", Reading::Refused),
        ("mattermost", 501, &[], "{\"id\":\"web.incoming_webhook.disabled.app_error\"}", Reading::Disable),
    ] {
        let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let answer = Answer { status, headers, body: body.as_bytes().to_vec() };
        let reading = target(name, least_settings(name)).read(&answer, NOW_MS);
        assert_eq!(reading, expected, "{name} {status} {body}");
    }
}

#[test]
fn health() {
    for (name, url, body, reading) in [
        ("ntfy", "GET https://ntfy.sh/v1/health", "{\"healthy\":true}", Reading::Delivered),
        ("ntfy", "GET https://ntfy.sh/v1/health", "{\"healthy\":false}", Reading::Again),
        ("gotify", "GET https://gotify.example/health", "{\"health\":\"green\"}", Reading::Delivered),
        ("home_assistant", "GET http://ha:8123/api/", "{\"message\":\"API running.\"}", Reading::Delivered),
        ("telegram", "GET https://api.telegram.org/bot1:T0P/getMe", "{\"ok\":true}", Reading::Delivered),
        ("discord", "GET https://hooks.example/T0PSECRET", "{}", Reading::Delivered),
    ] {
        let target = target(name, least_settings(name));
        assert_eq!(shown(&target.health().unwrap())["to"], url);
        let answer = Answer { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
        assert_eq!(target.read_health(&answer, NOW_MS), reading, "{name} {body}");
    }
}

#[test]
fn telegram_once_more_as_plain_text() {
    let target = target("telegram", least_settings("telegram"));
    let parts = object(&json!({"text": "<b>a &lt; b</b> 1 < 2 &amp;lt;"}));
    let Outgoing::Http(request) = target.request(&delivery(parts), NOW_MS, true) else { panic!() };
    assert_eq!(shown(&request)["body"], json!({"chat_id": 42, "text": "a < b 1 < 2 &lt;"}));
}

#[test]
fn a_test_notification_can_be_sent_to_each() {
    for kind in KINDS {
        let target = target(kind.name, least_settings(kind.name));
        match target.request(&delivery(target.test_parts("a test")), NOW_MS, false) {
            Outgoing::Http(request) => assert!(String::from_utf8(request.body).unwrap().contains("test")),
            Outgoing::Print(line) => assert!(line.contains("test")),
        }
    }
}

#[test]
fn nothing_secret_is_shown() {
    for kind in KINDS {
        let target = target(kind.name, least_settings(kind.name));
        let debug = format!("{target:?}");
        assert!(!debug.contains("T0P") && !debug.contains("://"), "{debug}");
        if let Outgoing::Http(request) = target.request(&delivery(target.test_parts("a test")), NOW_MS, false)
        {
            assert!(!format!("{request:?}").contains("T0P"), "{}", kind.name);
        }
    }
}

/// Texts of a message stay within what the service takes, whatever the presence holds.
#[test]
fn long_texts_are_cut() {
    for (letter, times) in [("x", 60_000), ("*", 60_000), ("<", 30_000), ("👨‍👩‍👧", 3_000), ("é", 30_000)]
    {
        let raw = presence(&letter.repeat(times));
        for (name, part, max, count) in [
            ("discord", "content", 2_000, utf16 as fn(&str) -> usize),
            ("telegram", "text", 4_096, |text| utf16(&text.replace("&lt;", "<"))),
            ("ntfy", "message", 4_096, str::len),
            ("mattermost", "text", 16_383, |text| text.chars().count()),
            ("slack", "text", 40_000, |text| text.chars().count()),
        ] {
            let message = message(name, json!({part: "{{user.name}}"})).unwrap();
            let parts = with_scope_of(&raw, |scope| message.render(scope));
            let text = parts[part].as_str().unwrap();
            assert!(count(text) <= max, "{name} {letter}: {}", count(text));
            assert!(text.len() <= 64 << 10);
            if count(&letter.repeat(times)) > max {
                assert!(text.ends_with('…'), "{name} {letter}");
            }
            if letter == "*" && name == "discord" {
                assert!(text.trim_end_matches('…').ends_with("\\*"), "{name}");
            }
        }
    }
}

#[test]
fn embeds_stay_below_their_sum() {
    let field = json!({"name": "{{user.name}}", "value": "{{user.name}}"});
    let embed = json!({"title": "{{user.name}}", "description": "{{user.name}}", "fields": vec![field; 30]});
    let message = message("discord", json!({"embeds": vec![embed; 12]})).unwrap();
    for (name, expected) in [("ab".to_owned(), (10, 25)), ("*".repeat(5_000), (1, 2))] {
        let parts = with_scope_of(&presence(&name), |scope| message.render(scope));
        let body = shown(&request(&target("discord", least_settings("discord")), parts))["body"].clone();
        let embeds = body["embeds"].as_array().unwrap();
        assert_eq!((embeds.len(), embeds[0]["fields"].as_array().unwrap().len()), expected);
        let mut sum = 0;
        for embed in embeds {
            let fields = embed["fields"].as_array().unwrap().iter();
            let fields = fields.flat_map(|field| [&field["name"], &field["value"]]);
            for text in [&embed["title"], &embed["description"]].into_iter().chain(fields) {
                assert_ne!(text, "");
                sum += utf16(text.as_str().unwrap());
            }
        }
        assert!(sum <= 6_000, "{sum}");
    }
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Somebody who calls themselves, plays, hears and says `text`.
fn presence(text: &str) -> String {
    json!({
        "discord_user": {"id": "7", "username": text, "display_name": text, "avatar": text},
        "discord_status": "online",
        "kv": {"k": text, text: "v"},
        "activities": [{"type": 0, "name": text, "details": text, "state": text, "url": text,
            "assets": {"large_image": text}}],
        "spotify": {"track_id": text, "song": text, "artist": text, "album": text, "album_art_url": text},
    })
    .to_string()
}

/// Each text part, header, query and tree of each kind, filled with what a stranger wrote.
fn everywhere(kind: &Kind) -> Vec<Value> {
    const EVIL: &str = "{{user.name}} {{{playing.name}}} {{track.song}} {{kv.k}}";
    let alone = |part: &str, value: Value| json!({part: value});
    match kind.name {
        "webhook" => vec![
            json!({"json": {"a": EVIL, "b": [EVIL, "{{json kv}}"]}, "headers": {"x-a": EVIL}, "query": {"q": EVIL}, "path": EVIL}),
            alone("form", json!({"a": EVIL})),
            json!({"body": format!("{{\"a\": \"{EVIL}\"}}"), "content_type": "application/json"}),
            json!({"body": "{\"a\": {{{user.name}}} }", "content_type": "application/json"}),
            alone("body", json!(EVIL)),
            json!({}),
        ],
        "home_assistant" => vec![
            json!({"event": EVIL, "data": {"a": EVIL}}),
            json!({"service": format!("light.{EVIL}"), "data": {"a": EVIL}}),
            json!({"state": EVIL, "value": EVIL}),
            json!({}),
        ],
        _ => {
            let texts = kind.parts.iter().map(|key| {
                let value = match key.shape {
                    Shape::Tree => json!([{"text": EVIL, "title": EVIL, "url": EVIL}]),
                    Shape::TextList => json!([EVIL]),
                    Shape::Number | Shape::NumberOr(_) | Shape::Bool => json!("{{user.name}}"),
                    _ => json!(EVIL),
                };
                (key.name.to_owned(), value)
            });
            vec![Value::Object(texts.filter(|(name, _)| name != "markdown").collect()), json!({})]
        }
    }
}

/// Nothing in a presence breaks JSON, adds a header, leaves its place in an address, or calls anybody.
fn harmless(text: &str) {
    let raw = presence(text);
    for kind in KINDS {
        let target = target(kind.name, least_settings(kind.name));
        for parts in everywhere(kind) {
            let message = message(kind.name, parts.clone())
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", kind.name));
            let parts = with_scope_of(&raw, |scope| message.render(scope));
            let request = match target.request(&delivery(parts.clone()), NOW_MS, false) {
                Outgoing::Http(request) => request,
                Outgoing::Print(line) => {
                    assert!(!line.contains(char::is_control), "{line:?}");
                    continue;
                }
            };
            let url = request.url.expose_secret();
            assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
            assert!(url.starts_with("https://") || url.starts_with("http://ha:8123/api/"), "{url}");
            assert!(!url.contains("/../") && !url.ends_with("/.."), "{url}");
            for (name, value) in &request.headers {
                assert!(
                    !value.expose_secret().contains(char::is_control),
                    "{name}: {:?}",
                    value.expose_secret()
                );
            }
            let is_json = request
                .headers
                .iter()
                .any(|(name, value)| name == "content-type" && value.expose_secret().ends_with("json"));
            let body: Value = if is_json {
                serde_json::from_slice(&request.body)
                    .unwrap_or_else(|why| panic!("{}: {why}: {parts:?}", kind.name))
            } else {
                Value::Null
            };
            match kind.name {
                "discord" => assert_eq!(body["allowed_mentions"], json!({"parse": []})),
                "slack" => {
                    // `{{{triple}}}` is the author's own choice; what came by `{{double}}` cannot open a mention.
                    let message = self::message("slack", json!({"text": "{{user.name}}"})).unwrap();
                    let parts = with_scope_of(&raw, |scope| message.render(scope));
                    assert!(!parts["text"].as_str().unwrap().contains('<'));
                }
                "mattermost" => {
                    let message = self::message("mattermost", json!({"text": "{{user.name}}"})).unwrap();
                    let parts = with_scope_of(&raw, |scope| message.render(scope));
                    let text = parts["text"].as_str().unwrap();
                    assert!(
                        text.split('@')
                            .skip(1)
                            .all(|after| after.is_empty() || after.starts_with(['\u{200b}', '…'])),
                        "{text}"
                    );
                }
                _ => {}
            }
        }
    }
}

#[test]
fn hostile_presences() {
    for text in [
        "<!channel> <@U123> <!here|x> &lt;",
        "@everyone @here @channel <@123> <@&9>",
        "\"quotes\" and 'more' \\ \\\" \\u0000 }}{{user.id}}",
        "line\nbreak\r\nX-Evil: yes\r\n\r\n<html>",
        "\u{0}\u{7}\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{7f}",
        "\u{202e}gnp.exe\u{202c} \u{2066}x\u{2069} \u{feff}",
        "../../admin?x=1#y %2e%2e/ ..;/ . ..",
        "",
        "   ",
        "]]></a><!--<script>alert(1)</script>",
        "# * _ ~ ` | > - + ! [a](https://evil) ```",
    ] {
        harmless(text);
    }
    harmless(&"<@\"\\\n\u{202e}é👨‍👩‍👧".repeat(3_000));
}

#[test]
fn marks_that_turn_the_direction_are_not_shown_to_people() {
    let message = message("ntfy", json!({"message": "{{user.name}} {{{user.name}}}"})).unwrap();
    let parts = with_scope_of(&presence("a\u{202e}b\u{2066}c"), |scope| message.render(scope));
    assert_eq!(parts["message"], "abc abc");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_presence_does_harm(text in r#"(.|\n|\r|"|\\|<|>|&|@|\{|\}|\x00|\x1b|[\u{202a}-\u{202e}]|[a-z ]){0,60}"#) {
        harmless(&text);
    }
}
