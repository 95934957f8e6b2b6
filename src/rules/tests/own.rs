//! Rules about doorchime itself: what is written, and what is said of it.

use super::*;
use crate::presence::change::ChangeKind;

const FILE: &str = "people: {ada: 94490510688792576}
targets: {phone: {type: ntfy, topic: t}, team: {type: slack, url: 'https://hooks.slack.example/s'}, screen: {type: console}}
rules:
  - {id: on, who: ada, when: went_online, send: [phone, team, screen]}
";

fn check_own(rows: &[(&str, &str)]) {
    for (rule, expected) in rows {
        check(&format!("{FILE}  - {{id: r, {rule}}}\n"), expected);
    }
}

#[test]
fn what_is_about_doorchime_itself_is_about_nobody() {
    check_own(&[
        ("when: lanyard_down, send: phone", ""),
        ("when: [lanyard_down, lanyard_up, target_failing, target_recovered], send: [phone, team]", ""),
        (
            "when: [lanyard_up, target_failing], send: [{to: phone, title: '{{change.kind}}', message: '{{change.target}} {{change.why}} {{since}} {{lasted}} {{rule}} {{ada.name}}'}, team]",
            "",
        ),
        ("when: lanyard_up, if: 'ada.online && lasted > duration(\"1h\") && now.hour > 7', send: phone", ""),
        (
            "when: target_failing, if: 'change.kind == \"target_failing\" && change.why != \"\"', send: [phone, team]",
            "",
        ),
        (
            "who: ada, when: lanyard_down, send: phone",
            "5:13 error: `lanyard_down` is about doorchime itself, not about a person (leave `who` out)",
        ),
        (
            "when: [went_online, lanyard_down], who: ada, send: phone",
            "5:33 error: `lanyard_down` is about doorchime itself, and `went_online` about a person (write one rule for each)",
        ),
        (
            "when: [went_online, lanyard_down], send: phone",
            "5:33 error: `lanyard_down` is about doorchime itself, and `went_online` about a person (write one rule for each)",
        ),
        (
            "when: lanyard_down, send: {to: phone, message: '{{name}} {{before.name}} {{change.from}}'}",
            "5:63 error: unknown name `name` (only a rule with `who` is about one person)
             5:72 error: unknown name `before` (only a rule with `who` is about one person)
             5:95 error: unknown field `from` of a change of doorchime itself (known here: `kind`, `target`, `why`)",
        ),
        (
            "when: lanyard_down, if: online, send: phone",
            "5:37 error: unknown name `online` (a rule without `who` is about nobody: say whose it is, as in `ada.online`)",
        ),
        ("when: disconnected, send: phone", "5:19 error: unknown change `disconnected` (write `lanyard_down`)"),
        ("when: target_failling, send: [phone, team]", "5:19 error: unknown change `target_failling` (did you mean `target_failing`?)"),
        (
            "when: lanyard_down, for: 10m, send: phone",
            "5:33 error: `for` waits for what people do to last (how long Lanyard or a target must fail is `down_after`, for the whole file)",
        ),
        (
            "when: went_online, send: phone",
            "5:10 error: a rule without `who` (name a person, a group, a list of both, or `everyone`)",
        ),
    ]);
}

#[test]
fn targets_are_picked_by_name() {
    check_own(&[
        ("when: {target_failing: {target: phone}}, send: team", ""),
        ("when: {target_failing: {target: [\"ph*\", /^te/]}}, send: [phone, team]", ""),
        (
            "when: {target_failing: {target: phnoe}}, send: team",
            "5:45 error: `target` of `target_failing` is never `phnoe` (did you mean `phone`?)",
        ),
        (
            "when: {target_failing: phone}, send: team",
            "5:36 error: `target_failing` takes a mapping, and this is a text (write `{target_failing: {target: phone}}`)",
        ),
        (
            "when: {target_failing: {why: x}}, send: team",
            "5:37 error: `target_failing` has no field `why` (known here: `target`)",
        ),
        (
            "when: {lanyard_down: {target: phone}}, send: team",
            "5:35 error: `lanyard_down` has no field `target` (write `lanyard_down` alone: it cannot be narrowed)",
        ),
    ]);
}

#[test]
fn nobody_hears_of_a_target_by_itself() {
    let deaf = "warning: when `phone` itself fails, nobody hears of it: this waits for `phone`, too (send it to another target as well, or write a second rule that does)";
    let at = |place: &str| format!("{place} {deaf}");
    check_own(&[
        ("when: target_failing, send: phone", &at("5:41")),
        ("when: target_failing, send: [phone, {to: phone, message: x}]", &at("5:42")),
        ("when: {target_failing: {target: [phone, team]}}, send: phone", &at("5:68")),
        ("when: {target_failing: {target: team}}, send: phone", ""),
        ("when: target_failing, send: [phone, team]", ""),
        ("when: target_failing, send: screen", ""),
        ("when: target_failing, if: 'change.target != \"phone\"', send: phone", ""),
        ("when: target_recovered, send: phone", ""),
        ("enabled: false, when: target_failing, send: phone", ""),
        (
            "when: target_failing, send: phone}\n  - {id: s, when: {target_failing: {target: phone}}, send: team",
            "",
        ),
    ]);
    check(
        "people: {ada: 94490510688792576}\ntargets: {phone: {type: ntfy, topic: t}}\nrules:\n  - {id: r, when: target_failing, if: '!ada.online', send: phone}\n",
        "4:60 warning: when `phone` itself fails, nobody hears of it: this waits for `phone`, too (send it to another target as well, of another service)",
    );
}

#[test]
fn own_rules_are_found_by_their_kind_alone() {
    let text = format!(
        "{FILE}  - {{id: d, when: lanyard_down, send: phone}}\n  - {{id: e, when: [lanyard_down, lanyard_up], send: team}}\n"
    );
    let set = load(&text).unwrap_or_else(|findings| panic!("{}", findings.render(false))).set;
    let own = |kind| set.index.own(kind).collect::<Vec<_>>();
    assert_eq!((own(ChangeKind::LanyardDown), own(ChangeKind::LanyardUp)), (vec![1, 2], vec![2]));
    assert!(own(ChangeKind::TargetFailing).is_empty());
    assert!(set.rules[1].who.is_none() && !set.for_everyone());
}
