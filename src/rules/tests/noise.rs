//! What keeps a rule quiet: what is written, what is said of it, and which hours follow.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::*;
use crate::rules::noise::active::Active;
use crate::rules::noise::group::{By, Group};
use crate::rules::noise::limit::Limit;

fn with(gate: &str) -> String {
    format!(
        "people: {{ada: 94490510688792576}}\ntargets: {{screen: {{type: console}}}}\nrules:\n  - id: r\n    who: ada\n    when: went_online\n    send: screen\n    {gate}\n"
    )
}

fn check_gates(rows: &[(&str, &str)]) {
    for (gate, expected) in rows {
        check(&with(gate), expected);
    }
}

fn active(gate: &str) -> Active {
    let loaded = load(&with(gate)).unwrap_or_else(|findings| panic!("{}", findings.render(false)));
    loaded.set.rules[0].noise.active.clone().unwrap()
}

#[test]
fn limits_as_people_write_them() {
    let limit = |gate: &str| {
        let loaded = load(&with(gate)).unwrap_or_else(|findings| panic!("{}", findings.render(false)));
        loaded.set.rules[0].noise.limit
    };
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(limit("limit: {count: 5, per: 1h}"), Some(Limit { count: 5, per: hour }));
    assert_eq!(limit("limit: {count: '1000', per: 60m}"), Some(Limit { count: 1000, per: hour }));
    check_gates(&[
        (
            "limit: 5/h",
            "8:12 error: `limit` takes a mapping, and this is a text (write `limit: {count: 5, per: 1h}`)",
        ),
        (
            "limit: 3 per 10m",
            "8:12 error: `limit` takes a mapping, and this is a text (write `limit: {count: 3, per: 10m}`)",
        ),
        (
            "limit: 5",
            "8:12 error: `limit` takes a mapping, and this is a number (write `limit: {count: 5, per: 1h}`)",
        ),
        (
            "limit: {}",
            "8:5 error: `limit` without `count` (write `limit: {count: 5, per: 1h}`)
             8:5 error: `limit` without `per` (write `limit: {count: 5, per: 1h}`)",
        ),
        (
            "limit: {count: 0, per: 1h}",
            "8:20 error: a rule that may ring 0 times never rings (`enabled: false` rests a rule)",
        ),
        ("limit: {count: 1001, per: 1h}", "8:20 error: `count` is a whole number between 1 and 1000"),
        ("limit: {count: 1.5, per: 1h}", "8:20 error: `count` is a whole number between 1 and 1000"),
        ("limit: {count: many, per: 1h}", "8:20 error: `count` is a whole number between 1 and 1000"),
        ("limit: {count: [5], per: 1h}", "8:20 error: `count` takes a whole number, and this is a list"),
        ("limit: {count: 5, per: 0}", "8:28 error: `per` is between 1s and 366d"),
        (
            "limit: {count: 5, per: hour}",
            "8:28 error: `hour` is not a length of time (write it like `90s`, `10m`, `1h30m` or `500ms`)",
        ),
        (
            "limit: {max: 5, window: 1h, cuont: 3}",
            "8:5 error: `limit` without `count` (write `limit: {count: 5, per: 1h}`)
             8:5 error: `limit` without `per` (write `limit: {count: 5, per: 1h}`)
             8:13 error: unknown key `max` of `limit` (write `count`)
             8:21 error: unknown key `window` of `limit` (write `per`)
             8:33 error: unknown key `cuont` of `limit` (did you mean `count`?)",
        ),
    ]);
}

#[test]
fn hours_as_people_write_them() {
    let plain = active("active: {days: [mon..fri], from: \"09:00\", to: \"17:00\"}");
    for same in [
        "active: {days: weekdays, from: 9:00, to: 17:00}",
        "active: {days: mon..fri, from: '9:00', to: '17:00', otherwise: drop}",
        "active: [{days: [Mon, TUESDAY, wed..thu, friday], from: ' 09:00 ', to: 17:00}]",
        "active: {days: [mon ... fri], from: 09:00, to: 17:00}",
    ] {
        assert_eq!(active(same), plain, "{same}");
    }
    assert_eq!(active("active: {from: '22:00', to: 24:00}"), active("active: {from: '22:00'}"));
    assert_eq!(active("active: {to: '6:00'}"), active("active: {from: 0:00, to: 06:00, days: [sat..fri]}"));
    check_gates(&[
        ("active: 9-17", "8:13 error: `active` takes a mapping, and this is a text (write `active: {from: \"09:00\", to: \"17:00\"}`)"),
        ("active: 9am to 11:30 pm", "8:13 error: `active` takes a mapping, and this is a text (write `active: {from: \"09:00\", to: \"23:30\"}`)"),
        ("active: weekdays", "8:13 error: `active` takes a mapping, and this is a text (write `active: {days: weekdays}`)"),
        ("active: true", "8:13 error: `active` takes a mapping, and this is true or false (write `active: {days: [mon..fri], from: \"09:00\", to: \"17:00\"}`)"),
        ("active: {}", "8:13 error: `active` says neither on which days nor at what time (write `{days: [mon..fri], from: \"09:00\", to: \"17:00\"}`)"),
        ("active: []", "8:13 error: `active` takes a mapping, and this is a list"),
        ("active: {days: Mo}", "8:20 error: `Mo` is not a day (write `mon`)"),
        ("active: {days: [mon-fri, funday, 'mon, tue', 1]}", "8:21 error: `mon-fri` is not a day (write `mon..fri`)
          8:30 error: `funday` is not a day (did you mean `sunday`?)
          8:38 error: `mon, tue` is not a day (a list has brackets: `[mon, tue]`)
          8:50 error: `1` is not a day (days are `mon` to `sun`, spans like `mon..fri`, `weekdays` and `weekends`)"),
        ("active: {days: []}", "8:14 error: `days` names no day, so the rule can never ring (name days, or leave `days` out)"),
        ("active: {days: daily}", "8:20 error: `daily` is not a day (without `days`, it is every day)"),
        ("active: {from: 9am}", "8:20 error: `9am` is not a time of day (write `\"09:00\"`)"),
        ("active: {from: 9, to: 17.30}", "8:20 error: `9` is not a time of day (write `\"09:00\"`)
          8:27 error: `17.30` is not a time of day (write `\"17:30\"`)"),
        ("active: {from: noon, to: 12:00:00 pm}", "8:20 error: `noon` is not a time of day (write `\"12:00\"`)
          8:30 error: `12:00:00 pm` is not a time of day (write `\"12:00\"`)"),
        ("active: {from: 25:00, to: 9:0}", "8:20 error: `25:00` is not a time of day (write it like `\"09:00\"` or `\"23:30\"`)
          8:31 error: `9:0` is not a time of day (write `\"09:00\"`)"),
        ("active: {from: 24:00}", "8:20 error: nothing begins at the end of a day (write `from: \"00:00\"`)"),
        ("active: {from: 9:00, to: 09:00}", "8:30 error: `from` and `to` are the same time (for the whole day leave both out)"),
        ("active: {start: 9:00, until: 17:00, tz: UTC, from: '8:00'}", "8:14 error: unknown key `start` of `active` (write `from`)
          8:27 error: unknown key `until` of `active` (write `to`)
          8:41 error: unknown key `tz` of `active` (the zone is that of the file: `timezone` at its top)"),
    ]);
}

#[test]
fn what_becomes_of_the_rest_as_people_write_it() {
    check_gates(&[
        (
            "active: {from: 9:00, otherwise: wait}",
            "8:37 error: unknown word for `otherwise`: `wait` (known here: `drop`, `defer`)",
        ),
        ("active: [{days: mon, otherwise: defer}, {days: tue}]", ""),
        (
            "active: [{days: mon, otherwise: defer}, {days: tue, otherwise: drop}]",
            "8:68 error: `otherwise` is one for all windows of a rule, and they differ (write it once)",
        ),
    ]);
}

#[test]
fn groups_as_people_write_them() {
    let group = |gate: &str| {
        let loaded = load(&with(gate)).unwrap_or_else(|findings| panic!("{}", findings.render(false)));
        loaded.set.rules[0].noise.group
    };
    let wait = std::time::Duration::from_secs(30);
    assert_eq!(group("group: {wait: 30s}"), Some(Group { wait, by: By::Rule, max: 100 }));
    assert_eq!(group("group: {wait: 30s, by: person, max: 2}"), Some(Group { wait, by: By::Person, max: 2 }));
    check_gates(&[
        ("group: 1m", "8:12 error: `group` takes a mapping, and this is a text (write `group: {wait: 1m}`)"),
        (
            "group: person",
            "8:12 error: `group` takes a mapping, and this is a text (write `group: {wait: 30s}`)",
        ),
        ("group: {}", "8:5 error: `group` without `wait` (say how long to gather: `group: {wait: 30s}`)"),
        ("group: {wait: 0}", "8:19 error: `wait` is between 1s and 1d"),
        (
            "group: {wait: 30s, by: user, max: 1}",
            "8:28 error: unknown word for `by`: `user` (write `person`)
             8:39 error: `max` is a whole number between 2 and 500",
        ),
        (
            "group: {wait: 30s, by: peson}",
            "8:28 error: unknown word for `by`: `peson` (did you mean `person`?)",
        ),
        ("group: {window: 30s, wait: 30s}", "8:13 error: unknown key `window` of `group` (write `wait`)"),
        ("batch: 5", "8:5 error: unknown key `batch` of a rule (write `group: {wait: 30s}`)"),
        ("digest: daily", "8:5 error: unknown key `digest` of a rule (write `group: {wait: 30s}`)"),
    ]);
}

/// What is said of a message of a rule that gathers, each in a line of its own.
#[test]
fn messages_about_several_firings() {
    let rows: &[(&str, &str, &str)] = &[
        ("rule", "{{count}} of {{rule}}: {{#each firings}}{{user.name}} {{change.kind}} {{#if late}}{{late_by}}{{/if}} {{default lasted since}}{{/each}}", ""),
        ("rule", "{{#each firings as |one|}}{{one.name}} {{one.track.song}} {{../rule}} {{@index}}{{/each}} {{firings.0.name}}", ""),
        ("rule", "{{join (pluck (where firings 'online') 'name') ', '}} {{firings.length}} {{now.hour}} {{ada.name}}", ""),
        ("person", "{{user.name}} {{status}} {{firings.length}}", ""),
        (
            "rule",
            "{{user.name}}",
            "8:33 error: unknown name `user` (several may be told at once, and each has its own: write it inside of `{{#each firings}}`)",
        ),
        (
            "person",
            "{{change.to}} {{lasted}} {{before.status}}",
            "8:33 error: unknown name `change` (several may be told at once, and each has its own: write it inside of `{{#each firings}}`)
             8:47 error: unknown name `lasted` (several may be told at once, and each has its own: write it inside of `{{#each firings}}`)
             8:58 error: unknown name `before` (several may be told at once, and each has its own: write it inside of `{{#each firings}}`)",
        ),
        (
            "rule",
            "{{#each firings}}{{user.nmae}} {{chnge.to}} {{rule}} {{uper name}}{{/each}}",
            "8:55 error: unknown field `nmae` of a user (did you mean `name`?)
             8:64 error: unknown field `chnge` of a firing (did you mean `change`?)
             8:77 error: unknown field `rule` of a firing (in this block it is `../rule`)
             8:86 error: unknown helper `uper` (did you mean `upper`?)",
        ),
        ("rule", "{{#each firings}}{{change.to.name}}{{/each}}", "8:60 error: `name` of a text: it has no fields"),
        ("rule", "{{firings}}", "8:33 error: this is a list, not a text (use `{{#each …}}`, or `{{join (pluck … 'name') ', '}}`)"),
    ];
    for (by, text, expected) in rows {
        let rules = format!(
            "people: {{ada: 94490510688792576}}\ntargets: {{screen: {{type: console}}}}\nrules:\n  - id: r\n    who: ada\n    when: went_online\n    group: {{wait: 1s, by: {by}}}\n    send: {{to: screen, text: \"{text}\"}}\n"
        );
        check(&rules, expected);
    }
    check(
        &with("description: x")
            .replace("send: screen", "send: {to: screen, text: '{{firings.length}} {{count}}'}"),
        "7:33 error: unknown name `firings` (only a rule with `group` tells several at once)
         7:52 error: unknown name `count` (only a rule with `group` tells several at once)",
    );
}

/// Whether the clock of a zone stands within the hours at a time, given as UTC.
fn open(active: &Active, zone: &TimeZone, utc: &str) -> bool {
    active.is_open(zone, ms(utc))
}

fn ms(utc: &str) -> i64 {
    format!("{utc}Z").parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// When the hours begin next, as the zone's clock shows it.
fn opens(active: &Active, zone: &TimeZone, utc: &str) -> DateTime {
    let opens = active.opens_ms(zone, ms(utc)).unwrap();
    zone.to_datetime(jiff::Timestamp::from_millisecond(opens).unwrap())
}

#[test]
fn hours_of_a_week() {
    let utc = &TimeZone::UTC;
    // 2026-01-05 is a Monday.
    let week = active("active: {days: mon..fri, from: '9:00', to: '17:00'}");
    for (time, is_open, next) in [
        ("2026-01-05T08:59:59.999", false, "2026-01-05T09:00:00"),
        ("2026-01-05T09:00:00", true, "2026-01-06T09:00:00"),
        ("2026-01-05T16:59:59", true, "2026-01-06T09:00:00"),
        ("2026-01-05T17:00:00", false, "2026-01-06T09:00:00"),
        ("2026-01-09T17:00:00", false, "2026-01-12T09:00:00"),
        ("2026-01-10T12:00:00", false, "2026-01-12T09:00:00"),
    ] {
        assert_eq!(
            (open(&week, utc, time), opens(&week, utc, time)),
            (is_open, next.parse().unwrap()),
            "{time}"
        );
    }
    // Over midnight: the day is the one on which it begins.
    let night = active("active: {days: [fri, sat], from: '22:00', to: '2:00'}");
    for (time, is_open, next) in [
        ("2026-01-09T01:00:00", false, "2026-01-09T22:00:00"),
        ("2026-01-09T21:59:59", false, "2026-01-09T22:00:00"),
        ("2026-01-09T23:59:59", true, "2026-01-10T22:00:00"),
        ("2026-01-10T00:00:00", true, "2026-01-10T22:00:00"),
        ("2026-01-10T02:00:00", false, "2026-01-10T22:00:00"),
        ("2026-01-11T01:59:59", true, "2026-01-16T22:00:00"),
        ("2026-01-12T01:00:00", false, "2026-01-16T22:00:00"),
    ] {
        assert_eq!(
            (open(&night, utc, time), opens(&night, utc, time)),
            (is_open, next.parse().unwrap()),
            "{time}"
        );
    }
    let two =
        active("active: [{days: weekdays, from: '18:00'}, {days: weekends, from: '10:00', to: '12:00'}]");
    for (time, is_open) in [
        ("2026-01-05T17:59:59", false),
        ("2026-01-05T23:59:59", true),
        ("2026-01-06T00:00:00", false),
        ("2026-01-10T10:00:00", true),
        ("2026-01-10T19:00:00", false),
    ] {
        assert_eq!(open(&two, utc, time), is_open, "{time}");
    }
    let whole = active("active: {days: sun}");
    assert_eq!(opens(&whole, utc, "2026-01-05T00:00:00"), "2026-01-11T00:00:00".parse().unwrap());
}

#[test]
fn hours_where_the_clock_is_set() {
    let berlin = &TimeZone::get("Europe/Berlin").unwrap();
    // 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC. 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
    let half_past_two = active("active: {from: '2:30', to: '4:00'}");
    for (time, is_open, next) in [
        ("2026-03-29T00:59:59", false, "2026-03-29T03:00:00"),
        ("2026-03-29T01:00:00", true, "2026-03-30T02:30:00"),
        ("2026-03-29T01:59:59", true, "2026-03-30T02:30:00"),
        ("2026-03-29T02:00:00", false, "2026-03-30T02:30:00"),
        ("2026-10-25T00:29:59", false, "2026-10-25T02:30:00"),
        ("2026-10-25T00:30:00", true, "2026-10-25T02:30:00"),
        // Two o'clock again.
        ("2026-10-25T01:00:00", false, "2026-10-25T02:30:00"),
        ("2026-10-25T01:30:00", true, "2026-10-26T02:30:00"),
        ("2026-10-25T03:00:00", false, "2026-10-26T02:30:00"),
    ] {
        assert_eq!(
            (open(&half_past_two, berlin, time), opens(&half_past_two, berlin, time)),
            (is_open, next.parse().unwrap()),
            "{time}"
        );
    }
    // A window that ends in the hour that is shown twice opens again when the clock is set back.
    let until = active("active: {from: '1:00', to: '2:15'}");
    assert!(!open(&until, berlin, "2026-10-25T00:15:00"));
    assert_eq!(
        berlin.to_timestamp("2026-10-25T01:59:00".parse().unwrap()).unwrap().as_millisecond(),
        ms("2026-10-24T23:59:00")
    );
    let again = until.opens_ms(berlin, ms("2026-10-25T00:15:00")).unwrap();
    assert_eq!(again, ms("2026-10-25T01:00:00"));
    // A window in the hour that is not shown does not open that day.
    let never = active("active: {days: sun, from: '2:15', to: '2:45'}");
    assert_eq!(opens(&never, berlin, "2026-03-28T12:00:00"), "2026-04-05T02:15:00".parse().unwrap());
    // Elsewhere: half an hour, and a midnight that is not shown.
    let lord_howe = &TimeZone::get("Australia/Lord_Howe").unwrap();
    let two = active("active: {from: '2:00', to: '3:00'}");
    assert_eq!(opens(&two, lord_howe, "2026-10-03T15:00:00"), "2026-10-04T02:30:00".parse().unwrap());
    let cairo = &TimeZone::get("Africa/Cairo").unwrap();
    let friday = active("active: {days: fri}");
    // 2026-04-24 00:00 becomes 01:00.
    assert_eq!(opens(&friday, cairo, "2026-04-23T12:00:00"), "2026-04-24T01:00:00".parse().unwrap());
}

#[test]
fn words_from_elsewhere() {
    check_gates(&[
        (
            "throttle: 5m",
            "8:5 error: unknown key `throttle` of a rule (write `cooldown`, or `limit: {count: 5, per: 1h}`)",
        ),
        (
            "rate_limit: 5",
            "8:5 error: unknown key `rate_limit` of a rule (write `limit: {count: 5, per: 1h}`, or `cooldown`)",
        ),
        (
            "quiet_hours: 22-8",
            "8:5 error: unknown key `quiet_hours` of a rule (say when it may ring: `active: {from: \"08:00\", to: \"22:00\"}`)",
        ),
        (
            "schedule: x",
            "8:5 error: unknown key `schedule` of a rule (write `active: {from: \"09:00\", to: \"23:00\"}`)",
        ),
        ("debounce: 5s", "8:5 error: unknown key `debounce` of a rule (write `cooldown`)"),
    ]);
}
