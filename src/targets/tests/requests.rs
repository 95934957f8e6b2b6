//! From a `send:` entry to the request that is sent.

use super::*;

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
            json!({"message": "{{user.name}}_", "markdown": true, "priority": "{{#if online}}9{{/if}}", "tags": "door"}),
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
        (
            "teams",
            json!({"url": format!("{HOOK}?sig=T0P")}),
            json!({"title": "{{user.name}}", "text": "**{{user.name}}** [{{kv.scene}}]\n\n\nand _more_"}),
            "POST https://hooks.example/T0PSECRET?sig=T0P",
            &json_header,
            json!({"type": "message", "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "msteams": {"width": "Full"},
                    "body": [
                        {"type": "TextBlock", "text": "Alice <3", "wrap": true, "weight": "Bolder", "size": "Medium"},
                        {"type": "TextBlock", "text": "**Alice <3** [movie]\n\nand _more_", "wrap": true},
                    ],
                },
            }]}),
        ),
        (
            "matrix",
            least_settings("matrix"),
            json!({"formatted_body": "<b>{{user.name}}</b><br>is {{status}}", "notice": true}),
            "PUT https://matrix.example/_matrix/client/v3/rooms/%21room%3Amatrix.example/send/m.room.message/01970000-0000-7000-8000-000000000001",
            &bearer,
            json!({
                "msgtype": "m.notice", "body": "Alice <3\nis dnd", "format": "org.matrix.custom.html",
                "formatted_body": "<b>Alice &lt;3</b><br>is dnd", "m.mentions": {},
            }),
        ),
        (
            "matrix",
            least_settings("matrix"),
            json!({}),
            "PUT https://matrix.example/_matrix/client/v3/rooms/%21room%3Amatrix.example/send/m.room.message/01970000-0000-7000-8000-000000000001",
            &bearer,
            json!({"msgtype": "m.text", "body": "Alice <3 listens to Song by A; B", "m.mentions": {}}),
        ),
        (
            "pushover",
            least_settings("pushover"),
            json!({"title": "{{status}}", "message": "<b>{{user.name}}</b>", "html": true, "url": "{{playing.url}}", "sound": "magic", "priority": "{{#if online}}high{{/if}}", "ttl": "90m"}),
            "POST https://api.pushover.net/1/messages.json",
            &json_header,
            json!({
                "token": "T0P", "user": "T0PUSER", "title": "dnd", "message": "<b>Alice &lt;3</b>", "html": 1,
                "sound": "magic", "priority": 1, "ttl": 5_400, "timestamp": NOW_MS / 1_000,
            }),
        ),
        (
            "pushover",
            json!({"token": "T0P", "user": "U", "server": "http://push.example/"}),
            json!({"message": "{{user.name}}", "priority": "emergency", "retry_every": "2m", "url": "https://a/{{status}}", "url_title": "look"}),
            "POST http://push.example/1/messages.json",
            &json_header,
            json!({
                "token": "T0P", "user": "U", "message": "Alice <3", "priority": 2, "retry": 120, "expire": 3_600,
                "url": "https://a/dnd", "url_title": "look", "timestamp": NOW_MS / 1_000,
            }),
        ),
        (
            "apprise",
            json!({"url": "https://apprise.example/", "key": "T0P", "tag": "phones"}),
            json!({"title": "Door", "body": "*{{user.name}}*", "format": "markdown", "type": "success"}),
            "POST https://apprise.example/notify/T0P",
            &json_header,
            json!({"title": "Door", "body": "*Alice \\<3*", "format": "markdown", "type": "success", "tag": "phones"}),
        ),
        (
            "apprise",
            json!({"url": "https://apprise.example", "urls": "tgram://T0P/1,json://localhost"}),
            json!({"body": "{{user.name}}", "tag": "{{status}}"}),
            "POST https://apprise.example/notify",
            &json_header,
            json!({"body": "Alice <3", "format": "text", "tag": "dnd", "urls": "tgram://T0P/1,json://localhost"}),
        ),
    ] {
        let expected = json!({"to": to, "headers": headers, "body": body});
        assert_eq!(sent(name, settings, parts), expected, "{name}");
    }
}

#[test]
fn cards_of_ones_own() {
    let card = |card: Value| {
        let sent = sent("teams", json!({"url": HOOK}), json!({"card": card}));
        sent["body"]["attachments"][0]["content"].clone()
    };
    let block = json!({"type": "TextBlock", "text": "{{user.name}} {{kv.none}}", "color": "{{kv.none}}"});
    let list = card(json!([block, {"type": "Image", "url": "{{track.album_art_url}}", "altText": "a_b"}]));
    assert_eq!(
        (&list["type"], &list["body"]),
        (
            &json!("AdaptiveCard"),
            &json!([
                {"type": "TextBlock", "text": "Alice <3 "},
                {"type": "Image", "url": "https://i.scdn.co/image/x", "altText": "a_b"},
            ])
        )
    );
    let whole = card(json!({"version": "1.5", "body": [], "msteams": {"width": "Auto"}}));
    assert_eq!((&whole["version"], &whole["msteams"]["width"]), (&json!("1.5"), &json!("Auto")));
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
fn telegram_once_more_as_plain_text() {
    let target = target("telegram", least_settings("telegram"));
    let parts = object(&json!({"text": "<b>a &lt; b</b> 1 < 2 &amp;lt; it&#39;s"}));
    let Outgoing::Http(request) = target.request(&delivery(parts), NOW_MS, true) else { panic!() };
    assert_eq!(shown(&request)["body"], json!({"chat_id": 42, "text": "a < b 1 < 2 &lt; it's"}));
}

#[test]
fn a_test_notification_can_be_sent_to_each() {
    for kind in KINDS {
        let target = target(kind.name, least_settings(kind.name));
        match target.request(&delivery(target.test_parts("a test")), NOW_MS, false) {
            Outgoing::Http(request) => assert!(String::from_utf8(request.body).unwrap().contains("test")),
            Outgoing::Print(line) => assert!(line.contains("test")),
            Outgoing::Unready { why } => panic!("{why}"),
        }
    }
}
