//! What people write out of habit, and whether they are told how it is written here.

use super::*;

const HEAD: &str = "people: {ada: 94490510688792576, bob: 156114103033790464}
groups: {squad: [ada, bob]}
targets: {screen: {type: console}, phone: {type: ntfy, topic: t}, house: {type: home_assistant, url: \"http://ha\", token: t}}
rules:
  - {id: rest, who: squad, when: went_offline, send: [screen, phone, house]}
";

/// Each row is a rule from line 6 on, and what is said of it.
fn check_rules(rows: &[(&str, &str)]) {
    for (rule, expected) in rows {
        check(&format!("{HEAD}{rule}\n"), expected);
    }
}

#[test]
fn changes_that_are_narrowed_in_short() {
    check_rules(&[
        (
            "  - {id: r, who: ada, when: {started_playing: Factorio}, send: screen}",
            "6:47 error: `started_playing` takes a mapping, and this is a text (write `{started_playing: {name: Factorio}}`)",
        ),
        (
            "  - {id: r, who: ada, when: {joined_platform: mobile, changed_status: [dnd, idle]}, send: screen}",
            "6:47 error: `joined_platform` takes a mapping, and this is a text (write `{joined_platform: {platform: mobile}}`)
             6:71 error: `changed_status` takes a mapping, and this is a list (write `{changed_status: {to: [dnd, idle]}}`)",
        ),
        (
            "  - {id: r, who: ada, when: {changed_kv: scene}, send: screen}",
            "6:42 error: `changed_kv` takes a mapping, and this is a text (write `{changed_kv: {key: scene}}`)",
        ),
        (
            "  - {id: r, who: ada, when: {became_monitored: x}, send: screen}",
            "6:48 error: `became_monitored` takes a mapping, and this is a text (write `became_monitored` alone: it cannot be narrowed)",
        ),
        (
            "  - id: r
    who: ada
    when:
      - started_playing:
        name: Factorio
    send: screen",
            "10:9 error: unknown change `name` (if it narrows `started_playing`, indent it below it)",
        ),
    ]);
}

#[test]
fn words_from_elsewhere() {
    check_rules(&[
        (
            "  - {id: r, who: ada, when: [goes_online, offline, \"went_online, went_offline\", presence, song, game], send: screen}",
            "6:30 error: unknown change `goes_online` (write `went_online`)
             6:43 error: unknown change `offline` (write `went_offline`)
             6:52 error: unknown change `went_online, went_offline` (a list has brackets: `[went_online, went_offline]`)
             6:81 error: unknown change `presence` (name the changes that ring; there is no word for all of them)
             6:91 error: unknown change `song` (write `changed_track`)
             6:97 error: unknown change `game` (write `started_playing`)",
        ),
        (
            "  - {id: r, who: \"ada, bob\", when: dnd, send: \"screen, phone\"}",
            "6:18 error: unknown person or group `ada, bob` (a list has brackets: `[ada, bob]`)
             6:36 error: unknown change `dnd` (write `{changed_status: {to: dnd}}`)
             6:47 error: unknown target `screen, phone` (a list has brackets: `[screen, phone]`)",
        ),
        (
            "  - {id: r, who: all, when: went_online, send: screen}",
            "6:18 error: unknown person or group `all` (write `everyone`)",
        ),
        (
            "  - {name: r, user: ada, on: went_online, condition: online, actions: screen, throttle: 5m}",
            "6:5 error: a rule without `id` (give it a name of its own: `id: friend-online`)
             6:5 error: a rule without `who` (name a person, a group, a list of both, or `everyone`)
             6:5 error: a rule without `when` (name the change that rings: `when: went_online`)
             6:5 error: a rule without `send` (say what to send, and where: `send: [phone]`)
             6:6 error: unknown key `name` of a rule (write `id`; a sentence about it goes into `description`)
             6:15 error: unknown key `user` of a rule (write `who`)
             6:26 error: unknown key `on` of a rule (write `when`)
             6:43 error: unknown key `condition` of a rule (write `if`)
             6:62 error: unknown key `actions` of a rule (write `send`)
             6:79 error: unknown key `throttle` of a rule (write `cooldown`, or `limit: {count: 5, per: 1h}`)",
        ),
        (
            "  - {id: r, who: ada, when: went_online, send: {to: [screen, phone]}}",
            "6:53 error: `to` names one target, and this is a list (write `send: [screen, phone]`, or one message for each)",
        ),
        (
            "  - {id: r, description: Tells of Ada., who: ada, when: went_online, send: screen}",
            "",
        ),
        (
            "  - {id: r, who: ada, when: went_online, send: {to: phone, priority: \"4\"}}",
            "6:70 error: unknown word for `priority`: `4` (a number is written without quotes: `4`)",
        ),
    ]);
}

#[test]
fn keys_of_targets_and_messages() {
    check_rules(&[
        (
            "  - {id: r, who: ada, when: went_online, send: {to: phone, text: x, topic: y}}",
            "6:60 error: unknown key `text` of a message to a target of type `ntfy` (write `message`)
             6:69 error: unknown key `topic` of a message to a target of type `ntfy` (it belongs to the target, under `targets:`)",
        ),
        (
            "  - {id: r, who: ada, when: went_online, send: {to: house, service: light.turn_on, entity_id: light.desk}}",
            "6:84 error: unknown key `entity_id` of a message to a target of type `home_assistant` (put it under `data:`, as in `data: {entity_id: light.desk}`)",
        ),
        (
            "  - id: r
    who: ada
    when: went_online
    send:
      to: house
      action: light.turn_on
      target: {entity_id: light.desk}",
            "11:7 error: unknown key `action` of a message to a target of type `home_assistant` (write `service`)
             12:7 error: unknown key `target` of a message to a target of type `home_assistant` (put what it holds under `data:`, as in `data: {entity_id: light.desk}`)",
        ),
        (
            "  - id: r
    who: ada
    when: went_online
    send:
      to: house
      service: light.turn_on
      data:
      entity_id: light.desk",
            "12:11 error: `data` is a mapping (like `{entity_id: light.desk}`)
             13:7 error: unknown key `entity_id` of a message to a target of type `home_assistant` (`data` above it is empty: if this belongs to it, indent it further)",
        ),
    ]);
    for (target, expected) in [
        (
            "{type: ntfy, url: \"https://ntfy.sh/mytopic\"}",
            "1:11 error: a target of type `ntfy` without `topic` (`topic`: The topic; on a public server it is as good as a password.)
             1:28 error: unknown key `url` of a target of type `ntfy` (write `topic`, and `server` if it is not ntfy.sh: `{server: https://ntfy.sh, topic: mytopic}`)",
        ),
        (
            "{type: discord, webhook: \"https://discord.com/api/webhooks/1/x\"}",
            "1:11 error: a target of type `discord` without `url` (`url`: The webhook's address; `?thread_id=…` in it is kept.)
             1:31 error: unknown key `webhook` of a target of type `discord` (write `url`)",
        ),
        (
            "{type: ntfy, topic: x, priority: 4, bearer: y, timeout: 0:10}",
            "1:38 error: unknown key `priority` of a target of type `ntfy` (it belongs to a message: write it beside `to:`)
             1:51 error: unknown key `bearer` of a target of type `ntfy` (write `token`)
             1:71 error: `0:10` is not a length of time (write `10m`)",
        ),
    ] {
        check(
            &format!("targets: {{it: {target}}}\n"),
            expected,
        );
    }
}

#[test]
fn sections_by_other_names_and_in_other_forms() {
    for (text, expected) in [
        ("person: {ada: 94490510688792576}\n", "1:1 error: unknown key `person` of the file (write `people`)"),
        ("users: {}\nwebhooks: {}\nx-common: {}\n", "
            1:1 error: unknown key `users` of the file (write `people`)
            2:1 error: unknown key `webhooks` of the file (write `targets`)
            3:1 error: unknown key `x-common` of the file (there is no place for keys of one's own: put an anchor where the value is first used)"),
        (
            "people:\n  - {name: ada, id: 94490510688792576}\ngroups: {squad: ada}\ntargets: [{type: console}]\nrules:\n  - {id: r, who: [ada, squad], when: went_online, if: ada.online, send: screen}\n",
            "2:3 error: `people` takes a mapping, and this is a list (give each a name: `people: {ada: \"94490510688792576\"}`)
             4:10 error: `targets` takes a mapping, and this is a list (give each a name: `targets: {phone: {type: ntfy, topic: …}}`)",
        ),
        (
            "tests: {a: {steps: [], expect: []}}\ntest: []\n",
            "1:8 error: `tests` takes a list, each test begun with `- name:`, and this is a mapping
             2:1 error: unknown key `test` of the file (write `tests`)",
        ),
        (
            "catch_up: 00:10:00\ndown_after: 1h30\nsmoothing: {offline: 1:30}\n",
            "1:11 error: `00:10:00` is not a length of time (write `10m`)
             2:13 error: `1h30` has no unit at its end (write `1h30m`)
             3:22 error: `1:30` is not a length of time (write `1h30m`, or `1m30s`)",
        ),
        (
            "lanyard: {url: https://api.lanyard.rest/v1/users/94490510688792576}\n",
            "1:16 error: this is not the address of a Lanyard server (it is spoken to over a WebSocket: `wss://api.lanyard.rest/socket`)",
        ),
        (
            "people: {ada: 1234567890123456}\n",
            "1:15 warning: `1234567890123456` is too short to be a Discord user id (in Discord, with developer mode on: right-click the person, `Copy User ID`)",
        ),
    ] {
        let found = said(text);
        let found = found.replace("1:1 warning: there are no rules, so nothing will ever ring (add one under `rules:`)\n", "");
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "in\n{text}");
    }
}

#[test]
fn what_is_taken_but_seldom_meant() {
    check_rules(&[
        (
            "  - {id: r, who: ada, when: went_online, dedupe: 1h, send: screen}",
            "6:50 error: `dedupe` takes what must not ring twice, and `1h` is a length of time (write `cooldown: 1h`, or `dedupe: {key: \"{{track.id}}\", window: 1h}`)",
        ),
        (
            "  - {id: r, who: ada, when: went_online, dedupe: song, send: screen}",
            "6:50 warning: this key is always the same, so the rule rings once for each person in its window (what tells one ringing from another is a name in braces: `{{track.id}}`)",
        ),
        (
            "  - {id: r, who: ada, when: {started_playing: {name: [\"Half-Life.*\", \"(Factorio|Doom)\", \"^x$\", \"Counter*\", \"Who?\", \"C++\", \"$uicide (Deluxe)\"]}}, send: screen}",
            "6:56 warning: `Half-Life.*` looks like a regex, and is taken as a text (write `/Half-Life.*/i`)
             6:71 warning: `(Factorio|Doom)` looks like a regex, and is taken as a text (write `/(Factorio|Doom)/i`)
             6:90 warning: `^x$` looks like a regex, and is taken as a text (write `/^x$/i`)",
        ),
        (
            "  - {id: r, who: ada, when: went_online, send: {to: phone, title: \"{user.name} is on\", message: \"{% if online %}x\", expire: 0s}}",
            "6:68 warning: `{user.name}` is sent as it stands (a name is written `{{user.name}}`)
             6:98 warning: `{%` is sent as it stands (templates are Handlebars: `{{#if online}}…{{/if}}`)
             6:125 warning: what expires at once is never sent (leave `expire` out, or give it a time such as `10m`)",
        ),
        (
            "  - {id: r, who: ada, when: {changed_status: {from: [online, dnd], to: on*}}, send: screen}
  - {id: s, who: ada, when: {changed_status: {from: idle, to: idle}}, send: screen}",
            "7:30 error: `from` and `to` of `changed_status` only agree here on one status, and that is no change (name two different ones)",
        ),
    ]);
    for (target, expected) in [
        (
            "{type: home_assistant, url: \"http://ha:8123\", token: $HA_TOKEN}",
            "1:68 warning: `$HA_TOKEN` is taken as it stands (write `${HA_TOKEN}`)",
        ),
        (
            "{type: home_assistant, url: \"http://ha:8123\", token: \"{{HA_TOKEN}}\"}",
            "1:68 warning: templates are not filled in here (a variable is written `${HA_TOKEN}`)",
        ),
        (
            "{type: home_assistant, url: \"http://ha:8123\", token: Bearer abc}",
            "1:68 warning: `Bearer` is part of the token here (leave it out: it is put before the token)",
        ),
        (
            "{type: webhook, url: \"http://a\", headers: {Authorization: Bearer $TOKEN}}",
            "1:80 warning: `$TOKEN` is taken as it stands (write `${TOKEN}`)",
        ),
        (
            "{type: home_assistant, url: \"http://ha:8123/api\", token: x}",
            "1:43 warning: Home Assistant is at the root of its address (leave out what follows the host and the port)",
        ),
        (
            "{type: home_assistant, url: \"http://ha:8123/lovelace/0\", token: x}",
            "1:43 warning: Home Assistant is at the root of its address (leave out what follows the host and the port)",
        ),
        (
            "{type: discord, url: \"https://discord.com/channels/1/2\"}",
            "1:36 warning: this is no webhook's address (it looks like `https://discord.com/api/webhooks/…`: Edit Channel → Integrations → Webhooks)",
        ),
        (
            "{type: slack, url: \"https://myteam.slack.com/\"}",
            "1:34 warning: this is no webhook's address (it looks like `https://hooks.slack.com/services/…`)",
        ),
        (
            "{type: telegram, token: \"1:a\", chat_id: friends}",
            "1:55 warning: Telegram knows chats by number, and public channels by `@name` (write to the bot, then look for `chat` in `https://api.telegram.org/bot<token>/getUpdates`)",
        ),
        (
            "{type: console, expire: 0s}",
            "1:39 warning: what expires at once is never sent (leave `expire` out, or give it a time such as `10m`)",
        ),
        ("{type: webhook, url: \"https://example.org/$TOKEN\", secret: pa$$word}", ""),
        (
            "{type: ntfy, topic: a, tls: {ca: none.pem}}",
            "1:48 error: the file `none.pem` is not there (the path counts from the rules file's folder)",
        ),
    ] {
        let text = format!("targets: {{it: {target}}}\n");
        let found = said(&text);
        let found = found.replace(
            "1:1 warning: there are no rules, so nothing will ever ring (add one under `rules:`)\n",
            "",
        );
        assert_eq!(found.trim_end(), expected, "in\n{text}");
    }
}

#[test]
fn who_is_watched_for_nothing() {
    check(
        "people: {ada: 94490510688792576, bob: 156114103033790464, cy: 156114103033790465}
targets: {screen: {type: console}}
rules: [{id: a, who: ada, when: went_online, if: bob.online, send: screen}]
",
        "1:59 warning: no rule uses the person `cy`",
    );
    check(
        "people: {ada: 94490510688792576, cy: 156114103033790465}
targets: {screen: {type: console}}
rules: [{id: a, who: everyone, when: went_online, send: screen}]
",
        "",
    );
}

#[test]
fn a_second_colon_and_a_template_without_quotes() {
    for (text, expected) in [
        (
            "a: [{to: phone, title: {{user.name}} is online}]\n",
            "1:24 error: a text that begins with `{{` must be quoted (write it as \"{{user.name}} is online\")",
        ),
        (
            "a: [{to: phone, title: {{user.name}} is online, priority: 4}]\n",
            "1:24 error: a text that begins with `{{` must be quoted (write it as \"{{user.name}} is online\")",
        ),
        (
            "title: Online: {{user.name}}\n",
            "1:8 error: a text with `: ` in it must be quoted (write it as \"Online: {{user.name}}\")",
        ),
        (
            "a: {title: Online: {{user.name}}, b: c}\n",
            "1:12 error: a text with `: ` in it must be quoted (write it as \"Online: {{user.name}}\")",
        ),
        (
            "a:\n  - b: 1\n   c: 2\n",
            "3:4 error: this does not fit the lines above it (the keys of one mapping all begin in one column)",
        ),
        (
            "a:\n    - b: 1\n     c: 2\nd: 1\n",
            "3:6 error: this does not fit the lines above it (the keys of one mapping all begin in one column)",
        ),
        (
            "a: [1, 2\nb: 3\n",
            "1:4 error: this `[` is never closed (close it with `]`; texts with `,`, `:`, brackets or braces in them must be quoted here)",
        ),
        (
            "a: {b: [1, \"]\"], c: {d: 1}\ne: 3\n",
            "1:4 error: this `{` is never closed (close it with `}`; texts with `,`, `:`, brackets or braces in them must be quoted here)",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn only_the_secret_is_hidden() {
    for (text, expected) in [
        (
            "targets: {a: {type: ntfy, token: T0P, topic: xy, nope: 1}, bad: {type: console, no: 1}}\n",
            "targets: {a: {type: ntfy, token: ***, topic: **, nope: *}, bad: {type: console, no: *}}",
        ),
        ("a: {token: T0P} }\n", "a: {token: ***} }"),
        ("a: {b: {token: T0P,secret: x}, c: d} }\n", "a: {b: {token: ***,secret: *}, c: d} }"),
        ("a: [{token: \"T, 0}P\", c: d}] }\n", "a: [{token: \"**_***\", c: d}] }"),
        ("a: {token: ${T0P}, c: d} }\n", "a: {token: ${T0P}, c: d} }"),
        ("token: T0}P, x\na: ]\n", ""),
    ] {
        let Err(findings) = load(text) else { panic!("{text}") };
        let shown = findings.render(false);
        let expected = expected.replace('_', " ");
        assert!(shown.contains(&expected), "{expected}\n{shown}");
        assert!(!shown.contains("T0P") || shown.contains("${T0P}"), "{shown}");
    }
}
