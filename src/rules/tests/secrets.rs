//! Secrets in the file are not shown when its lines are.

use super::*;

const HIDDEN: &str = "T0PSECRET";

#[test]
fn no_line_shows_a_secret() {
    for text in [
        "targets:\n  a: {type: slack, url: https://hooks.slack.com/services/T0PSECRET, nope: 1}\n",
        "targets:\n  a: {type: slack, url: \"htps://hooks.slack.com/services/T0PSECRET\"}\n",
        "targets:\n  a: {type: slack, url: \"T0PSECRET\"}\n",
        "targets:\n  a: {type: slack, url: \"https://me:T0PSECRET@example.org\", nope: 1}\n",
        "targets:\n  a: {type: ntfy, topic: x, tokne: T0PSECRET}\n",
        "targets:\n  a: {type: ntfy, topic: T0PSECRET, nope: 1}\n",
        "targets:\n  a: {type: ntfy, topic: x, token: 'x${NONE}T0PSECRET'}\n",
        "targets:\n  a: {type: webhook, url: http://a, headers: {Authorization: Bearer T0PSECRET}, nope: 1}\n",
        "targets:\n  a: {type: webhoook, url: http://a/T0PSECRET}\n",
        "targets:\n  a: {typ: webhook, url: http://a/T0PSECRET}\n",
        "targets:\n  a: {type: webhook, url: http://a/T0PSECRET, url: http://b/T0PSECRET}\n",
        // Not YAML at all: only the words tell.
        "targets:\n  a: {type: ntfy, token: T0PSECRET\n",
        "targets:\n  a: {type: x, url: https://discord.com/api/webhooks/1234567890123/T0PSECRET, @\n",
        "password: 'T0PSECRET'x'\n",
    ] {
        let Err(findings) = load(text) else { panic!("{text}") };
        for colour in [false, true] {
            let shown = findings.render(colour);
            assert!(!shown.contains(HIDDEN), "{text}\n{shown}");
        }
        assert!(!findings.to_json().to_string().contains(HIDDEN), "{text}");
    }
}

#[test]
fn a_value_from_outside_in_a_wrong_place_is_told_as_it_is_written() {
    let base = "people: {ada: 94490510688792576}\ntargets: {a: {type: console}}\nrules:\n";
    let rule = |rest: &str| format!("{base}  - {{id: r, who: ada, when: went_online, send: a, {rest}}}\n");
    for wrong in [
        "targets: {a: {type: \"${V}\"}}".to_owned(),
        "targets: {a: {type: webhook, url: http://a, method: \"${V}\"}}".to_owned(),
        "targets: {a: {type: webhook, url: http://a, timeout: \"${V}\"}}".to_owned(),
        "timezone: \"${V}\"\n".to_owned(),
        format!("{base}  - {{id: r, who: \"${{V}}\", when: went_online, send: a}}\n"),
        format!("{base}  - {{id: r, who: ada, when: \"${{V}}\", send: a}}\n"),
        format!("{base}  - {{id: r, who: ada, when: went_online, send: \"${{V}}\"}}\n"),
        rule("if: \"${V} == status\""),
        rule("cooldown: \"${V}\""),
        rule("dedupe: \"{{${V}}}\""),
    ] {
        for (name, value) in [("SECRET", "T0PSECRET"), ("PIN", "4711")] {
            let text = wrong.replace("${V}", &format!("${{{name}}}"));
            let Err(findings) = load(&text) else { continue };
            let shown = findings.render(false) + &findings.to_json().to_string();
            assert!(!shown.contains(value), "{text}\n{shown}");
            assert!(shown.contains(&format!("${{{name}}}")), "{text}\n{shown}");
        }
    }
}

#[test]
fn what_is_not_secret_stays_readable() {
    let text = "targets:\n  a: {type: slack, url: 'https://hooks.slack.com/${KEY}/x', nope: ${NONE:-1}}\n";
    let Err(findings) = load(&text.replace("${NONE:-1}", "1")) else { panic!() };
    let shown = findings.render(false);
    assert!(shown.contains("https://hooks.slack.com/${KEY}**"), "{shown}");
}

#[test]
fn a_file_moves_no_cursor() {
    let Err(findings) = load("\"\\u001b[2J\": 1\nrulez\u{9b}: 2\n") else { panic!() };
    let shown = findings.render(false);
    assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown}");
}
