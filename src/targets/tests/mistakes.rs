//! What targets and messages cannot be.

use super::*;

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
        ("ntfy", json!({"priority": 9}), "priority", "`priority` is 9"),
        ("ntfy", json!({"tags": ["wave, tada"]}), "tags.0", "`wave, tada` is one tag, with a comma in it"),
        ("ntfy", json!({"click": "nowhere"}), "click", "`click` is not an address"),
        ("ntfy", json!({"icon": "mailto:a@b.c"}), "icon", "`icon` is not an address"),
        ("ntfy", json!({"delay": "30"}), "delay", "`30` has no unit"),
        ("ntfy", json!({"actions": {"action": "view"}}), "actions", "`actions` is a list of buttons"),
        ("ntfy", json!({"actions": ["view"]}), "actions.0", "a button is a mapping"),
        (
            "ntfy",
            json!({"actions": [{"action": "veiw", "label": "x"}]}),
            "actions.0.action",
            "ntfy knows no action `veiw`",
        ),
        (
            "ntfy",
            json!({"actions": [{"action": "view", "label": "x"}]}),
            "actions.0",
            "a button without `url`",
        ),
        ("ntfy", json!({"actions": [{"action": "broadcast"}]}), "actions.0", "a button without `label`"),
        ("gotify", json!({"priority": "high"}), "priority", "`high` is not a number"),
        ("teams", json!({"card": "{{user.name}}"}), "card", "`card` is a mapping, or a list of elements"),
        ("teams", json!({"card": [], "text": "x"}), "text", "`text` and `card` exclude each other"),
        ("pushover", json!({"priority": 3}), "priority", "`priority` is 3"),
        ("pushover", json!({"url": "nowhere"}), "url", "`url` is not an address"),
        ("pushover", json!({"url_title": "x"}), "url_title", "`url_title` goes with `url`"),
        (
            "pushover",
            json!({"priority": "high", "retry_every": "1m"}),
            "retry_every",
            "`retry_every` goes with `priority: emergency`",
        ),
        (
            "pushover",
            json!({"priority": 2, "retry_every": "10s"}),
            "retry_every",
            "Pushover repeats no more often than each `30s`",
        ),
        (
            "pushover",
            json!({"priority": "emergency", "retry_for": "4h"}),
            "retry_for",
            "Pushover repeats for `3h` at most",
        ),
        (
            "apprise",
            json!({"format": "{{status}}"}),
            "format",
            "`format` is no template: values are escaped for it",
        ),
        ("apprise", json!({"type": "fatal"}), "type", "`fatal` is not one of its words"),
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
fn what_ntfy_takes() {
    for parts in [
        json!({"priority": 5, "tags": ["wave", "{{a}}, b"], "click": "geo:0,0", "delay": "tomorrow, 10am"}),
        json!({"priority": "{{#if late}}9{{/if}}", "delay": "{{kv.delay}}", "click": "{{track.album_art_url}}"}),
        json!({"actions": [{"action": "http", "label": "Off", "url": "https://a", "method": "PUT"}]}),
        json!({"actions": "view, Open, https://example.org"}),
    ] {
        let problems = (kind("ntfy").check)(&object(&parts));
        assert!(problems.is_empty(), "{parts} {problems:?}");
    }
}

#[test]
fn an_entity_is_named_as_home_assistant_names_them() {
    let sent = sent(
        "home_assistant",
        least_settings("home_assistant"),
        json!({"state": "sensor.{{user.name}}", "value": "on"}),
    );
    assert_eq!(sent["to"], "POST http://ha:8123/api/states/sensor.alice_3");
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
        ("matrix", json!({"server": HOOK, "token": "x", "room": "#alias:a"}), "room"),
        ("matrix", json!({"server": HOOK, "token": "x", "room": "General"}), "room"),
        ("apprise", json!({"url": HOOK}), "url"),
        ("apprise", json!({"url": HOOK, "key": "a", "urls": "json://a"}), "urls"),
        ("apprise", json!({"url": HOOK, "key": "a/b"}), "key"),
    ] {
        let problems = Target::build("it", kind(name), &object(&settings)).unwrap_err();
        assert!(problems.iter().any(|(path, _)| path == &[key.to_owned()]), "{name} {key}: {problems:?}");
    }
}

#[test]
fn what_a_target_only_seems_to_be() {
    for (name, settings, warnings) in [
        ("teams", json!({"url": "https://acme.webhook.office.com/webhookb2/x"}), &["url"][..]),
        ("teams", json!({"url": "https://prod.eu.logic.azure.com/workflows/x?api-version=1"}), &["url"]),
        ("teams", json!({"url": "https://prod.eu.logic.azure.com/workflows/x?sv=1.0&sig=y"}), &[]),
        ("teams", json!({"url": "https://x.eu.environment.api.powerplatform.com:443/a?sig=y"}), &[]),
        ("teams", json!({"url": HOOK}), &[]),
        ("pushover", json!({"token": "a".repeat(30), "user": "me@example.org"}), &["user"]),
        ("pushover", json!({"token": "a".repeat(29), "user": "u".repeat(30)}), &["token"]),
        ("pushover", json!({"token": "x", "user": "y", "server": "http://push.example"}), &[]),
    ] {
        let told = target(name, settings.clone()).warnings();
        let keys: Vec<&str> = told.iter().map(|(path, _)| path[0].as_str()).collect();
        assert_eq!(keys, warnings, "{name} {settings}");
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
