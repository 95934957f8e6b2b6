//! What answers mean.

use std::time::Duration;

use super::*;
use crate::outbox::delivery::{Answer, Reading};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn answers() {
    let wait = |ms| Reading::Wait(Some(Duration::from_millis(ms)));
    for (name, status, headers, body, expected) in [
        ("webhook", 202, &[][..], "", Reading::Delivered),
        ("webhook", 401, &[], "", Reading::Disable),
        ("webhook", 410, &[], "", Reading::Disable),
        ("webhook", 404, &[], "", Reading::Refused),
        ("slack", 200, &[], "ok", Reading::Delivered),
        ("slack", 200, &[], "<html>", Reading::Again),
        ("slack", 200, &[], "We will be back soon.", Reading::Again),
        ("slack", 200, &[], "no_text", Reading::Refused),
        ("slack", 200, &[], "", Reading::Refused),
        ("slack", 302, &[], "", Reading::Again),
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
        ("telegram", 200, &[], "<html>", Reading::Again),
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
        ("mattermost", 200, &[], "<!doctype html>", Reading::Again),
        ("mattermost", 400, &[], "{\"id\":\"web.incoming_webhook.invalid.app_error\"}", Reading::Disable),
        ("mattermost", 400, &[], "{\"id\":\"web.incoming_webhook.text.app_error\"}", Reading::Refused),
        ("mattermost", 501, &[], "{\"id\":\"web.incoming_webhook.disabled.app_error\"}", Reading::Disable),
        ("teams", 202, &[], "", Reading::Delivered),
        ("teams", 200, &[], "", Reading::Delivered),
        (
            "teams",
            400,
            &[],
            "{\"error\":{\"code\":\"WorkflowTriggerIsNotEnabled\",\"message\":\"… state 'Deleted'\"}}",
            Reading::Disable,
        ),
        ("teams", 400, &[], "{\"code\":\"WorkflowTriggerIsNotEnabled\"}", Reading::Disable),
        ("teams", 400, &[], "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\"}}", Reading::Refused),
        ("teams", 401, &[], "{\"error\":{\"code\":\"DirectApiAuthorizationRequired\"}}", Reading::Disable),
        ("teams", 404, &[], "{\"error\":{\"code\":\"WorkflowNotFound\"}}", Reading::Disable),
        ("teams", 413, &[], "", Reading::Refused),
        ("teams", 429, &[("retry-after", "12")], "", wait(12_000)),
        ("teams", 502, &[], "{\"error\":{\"code\":\"NoResponse\"}}", Reading::Again),
        ("matrix", 200, &[], "{\"event_id\":\"$x\"}", Reading::Delivered),
        ("matrix", 200, &[], "<!doctype html>", Reading::Again),
        ("matrix", 200, &[], "{}", Reading::Refused),
        ("matrix", 401, &[], "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":true}", Reading::Disable),
        ("matrix", 403, &[], "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"not in room\"}", Reading::Disable),
        (
            "matrix",
            403,
            &[],
            "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"This message has been rejected as probable spam\"}",
            Reading::Refused,
        ),
        ("matrix", 403, &[], "{\"errcode\":\"M_RESOURCE_LIMIT_EXCEEDED\"}", Reading::Wait(None)),
        ("matrix", 404, &[], "{\"errcode\":\"M_UNRECOGNIZED\"}", Reading::Disable),
        ("matrix", 413, &[], "{\"errcode\":\"M_TOO_LARGE\"}", Reading::Refused),
        ("matrix", 429, &[], "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":2500}", wait(2_500)),
        (
            "matrix",
            429,
            &[("retry-after", "4")],
            "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":2500}",
            wait(4_000),
        ),
        ("matrix", 429, &[], "{\"errcode\":\"M_LIMIT_EXCEEDED\"}", Reading::Wait(None)),
        ("matrix", 500, &[], "{\"errcode\":\"M_UNKNOWN\"}", Reading::Again),
        ("pushover", 200, &[], "{\"status\":1,\"request\":\"x\"}", Reading::Delivered),
        ("pushover", 200, &[], "{\"status\":0}", Reading::Refused),
        ("pushover", 200, &[], "<html>", Reading::Again),
        (
            "pushover",
            400,
            &[],
            "{\"token\":\"invalid\",\"errors\":[\"application token is invalid\"],\"status\":0}",
            Reading::Disable,
        ),
        (
            "pushover",
            400,
            &[],
            "{\"user\":\"invalid\",\"errors\":[\"user identifier is invalid\"],\"status\":0}",
            Reading::Disable,
        ),
        (
            "pushover",
            400,
            &[],
            "{\"sound\":\"invalid\",\"errors\":[\"no such sound\"],\"status\":0}",
            Reading::Refused,
        ),
        ("pushover", 429, &[("x-limit-app-reset", "1767226200")], "{\"status\":0}", wait(600_000)),
        ("pushover", 429, &[("retry-after", "9")], "", wait(9_000)),
        ("pushover", 429, &[], "", Reading::Wait(None)),
        ("pushover", 500, &[], "", wait(5_000)),
        ("pushover", 503, &[("retry-after", "30")], "", wait(30_000)),
        ("apprise", 200, &[], "Notification(s) sent.", Reading::Delivered),
        ("apprise", 204, &[], "", Reading::Disable),
        ("apprise", 400, &[], "{\"error\":\"Bad FORM Payload provided.\"}", Reading::Refused),
        ("apprise", 401, &[], "", Reading::Disable),
        ("apprise", 424, &[], "One or more notification could not be sent.", Reading::Refused),
        ("apprise", 500, &[], "", Reading::Again),
    ] {
        let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let answer = Answer { status, headers, body: body.as_bytes().to_vec(), whole: true };
        let reading = target(name, least_settings(name)).read(&answer, NOW_MS);
        assert_eq!(reading, expected, "{name} {status} {body}");
    }
}

/// A status that was heard is a yes, where the body has nothing to say; else the rest of it might have.
#[test]
fn answers_that_break_off() {
    for (name, body, expected) in [
        ("slack", "", Reading::Unsure),
        ("slack", "o", Reading::Unsure),
        ("slack", "ok", Reading::Delivered),
        ("mattermost", "", Reading::Unsure),
        ("telegram", "", Reading::Unsure),
        ("telegram", "{\"ok\":true,\"resul", Reading::Delivered),
        ("telegram", "{\"ok\":fal", Reading::Unsure),
        ("webhook", "", Reading::Delivered),
        ("discord", "{\"id", Reading::Delivered),
        ("ntfy", "", Reading::Delivered),
        ("teams", "", Reading::Delivered),
        ("matrix", "{\"event_id\":\"$x", Reading::Delivered),
        ("matrix", "{\"eve", Reading::Unsure),
        ("pushover", "{\"status\":1,\"req", Reading::Delivered),
        ("pushover", "", Reading::Unsure),
        ("apprise", "Noti", Reading::Delivered),
    ] {
        let answer = Answer { status: 200, body: body.into(), ..Answer::default() };
        assert_eq!(target(name, least_settings(name)).read(&answer, NOW_MS), expected, "{name} {body}");
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
        (
            "matrix",
            "GET https://matrix.example/_matrix/client/v3/account/whoami",
            "{\"user_id\":\"@bot:matrix.example\"}",
            Reading::Delivered,
        ),
        (
            "pushover",
            "POST https://api.pushover.net/1/users/validate.json",
            "{\"status\":1}",
            Reading::Delivered,
        ),
        (
            "pushover",
            "POST https://api.pushover.net/1/users/validate.json",
            "{\"status\":0}",
            Reading::Refused,
        ),
        (
            "apprise",
            "GET https://apprise.example/json/urls/T0P?privacy=1",
            "{\"urls\":[]}",
            Reading::Delivered,
        ),
    ] {
        let target = target(name, least_settings(name));
        assert_eq!(shown(&target.health().unwrap())["to"], url);
        let answer = Answer { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec(), whole: true };
        assert_eq!(target.read_health(&answer, NOW_MS), reading, "{name} {body}");
    }
}
