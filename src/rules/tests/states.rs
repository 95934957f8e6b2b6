//! Rules with `while`, and `for`: what they compile to, and what is said of those that are wrong.

use std::time::Duration;

use super::said;
use super::stories::check_rules;
use crate::rules::set::RuleSet;

fn compiled(rules: &str) -> RuleSet {
    let text = format!(
        "people: {{alice: 94490510688792576, bob: 156114103033790464}}
groups: {{squad: [alice, bob]}}
targets: {{screen: {{type: console}}}}
rules:
{rules}"
    );
    let source = crate::rules::places::Source::new("rules.yaml", text);
    match crate::rules::compile::compile(source, &crate::rules::vars::NoVars) {
        Ok(loaded) => loaded.set,
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

#[test]
fn a_state_has_its_times_and_messages() {
    let set = compiled(
        "  - {id: a, who: alice, while: playing, for: 30s, grace: 2m, enter: screen, exit: [screen, {to: screen, text: '{{lasted}}'}]}
  - {id: b, while: 'squad.exists(p, p.online)', enter: [{to: screen, text: '{{since}} {{late_by}}'}]}
  - {id: c, who: alice, when: went_online, for: 5m, send: screen}
",
    );
    let [a, b, c] = &set.rules[..] else { panic!() };
    let holds = a.holds().unwrap();
    assert_eq!((holds.hold_for, holds.grace), (Duration::from_secs(30), Duration::from_secs(120)));
    assert_eq!((holds.enter.len(), holds.exit.len(), a.sends().count()), (1, 2, 3));
    let holds = b.holds().unwrap();
    assert_eq!((holds.hold_for, holds.grace, b.who.is_none()), (Duration::ZERO, Duration::ZERO, true));
    assert_eq!(c.when().unwrap().hold_for, Duration::from_secs(300));
}

#[test]
fn keys_of_the_other_sort_of_rule() {
    check_rules(
        "  - {id: a, who: bob, when: went_online, while: online, send: screen, enter: screen}
  - {id: b, who: bob, while: online, if: platforms.desktop, send: screen}
  - {id: c, who: bob, when: went_online, send: screen, enter: screen, exit: screen, grace: 5m}
  - {id: d, who: bob, while: online, for: 5m}
  - {id: e, who: bob, while: online, grace: 5m, enter: screen}
  - {id: f, who: bob, while: online, enter: [], exit: nowhere}
  - {id: g, who: [], while: online, enter: screen}
  - {id: h, while: '', enter: screen}
  - {id: i, while: bob.online, group: {wait: 30s, by: person}, enter: screen}
",
        "
        5:42 error: a rule has `when` or `while`, not both (`when` rings at a change, `while` holds for as long as something is so: write one rule for each)
        6:42 error: `if` belongs to `when` (join the two: `while: (online) && (platforms.desktop)`)
        6:61 error: `send` belongs to `when` (write `enter` for the messages when it begins, and `exit` for those when it is over)
        7:56 error: `enter` belongs to `while` (a change is told with `send`; a state, which begins and ends, is looked for with `while`)
        7:71 error: `exit` belongs to `while` (for the end of something write a rule with `when: went_offline`, `stopped_playing`, …, or look for the state itself with `while`)
        7:85 error: `grace` belongs to `while` (a change has no end; how long it must have been so is `for`)
        8:10 error: a rule with `while` without `enter` (say what to send when it begins, and where: `enter: [phone]`; or when it is over: `exit: [phone]`)
        10:38 error: `enter` names no target, so the rule does nothing (name a target, such as `enter: phone`, or set `enabled: false`)
        10:55 error: unknown target `nowhere` (known here: `phone`, `screen`)
        11:13 error: `who` names nobody, so the rule can never ring (name a person or a group)
        12:21 error: an empty condition (write what must be true, such as `online && platforms.desktop`)
        13:32 error: `by: person` parts the firings of several people, and this rule is about nobody (leave `by` out, or say `who` the rule is about)
        ",
    );
}

#[test]
fn names_that_a_state_does_not_have() {
    check_rules(
        "  - {id: a, who: bob, while: before.online, enter: {to: screen, text: '{{change.kind}} {{before.name}}'}}
  - {id: b, while: online || alice.onlin, enter: {to: screen, text: '{{name}} {{alice.nam}}'}}
  - {id: c, who: bob, while: 'lasted > duration(\"1h\")', enter: screen}
",
        "
        5:30 error: unknown name `before` (only a rule with `who` and `when` has a before and an after)
        5:74 error: unknown name `change` (only a rule with `when` has a change)
        5:90 error: unknown name `before` (only a rule with `who` and `when` has a before and an after)
        6:20 error: unknown name `online` (a rule without `who` is about nobody: say whose it is, as in `alice.online`)
        6:36 error: unknown field `onlin` of a person (did you mean `online`?)
        6:72 error: unknown name `name` (only a rule with `who` is about one person)
        6:87 error: unknown field `nam` of a person (did you mean `name`?)
        7:31 error: unknown name `lasted` (only rules with `when` know it: it is about what began or ended)
        ",
    );
}

#[test]
fn words_from_elsewhere() {
    for (word, expected) in [
        ("until: offline", "until"),
        ("then: screen", "then"),
        ("else: screen", "else"),
        ("on_enter: screen", "write `enter`"),
        ("on_exit: screen", "write `exit`"),
        ("unless: online", "`&& !( … )`"),
        ("duration: 5m", "write `for`"),
        ("after: 5m", "write `for`"),
        ("delay: 5m", "write `for`"),
    ] {
        let text = format!(
            "people: {{bob: 156114103033790464}}
targets: {{screen: {{type: console}}}}
rules:
  - {{id: a, who: bob, while: online, enter: screen, {word}}}
"
        );
        let said = said(&text);
        assert!(said.contains("unknown key") && said.contains(expected), "{word}: {said}");
    }
}

#[test]
fn a_condition_that_its_change_rules_out() {
    check_rules(
        "  - {id: a, who: bob, when: went_offline, if: online, send: screen}
  - {id: b, who: bob, when: went_offline, if: 'platforms.desktop || playing.details == \"x\"', send: screen}
  - {id: c, who: bob, when: went_offline, if: before.platforms.desktop, send: screen}
  - {id: d, who: bob, when: went_offline, if: '!online || kv.mode == \"x\"', send: screen}
  - {id: e, who: bob, when: [went_offline, went_online], if: online, send: screen}
  - {id: f, who: bob, when: went_offline, if: 'online && kv.mode == \"x\"', send: screen}
",
        "
        5:47 warning: whoever has just gone offline is none of this, so the rule can never ring (the person before the change is `before`, as in `before.platforms.desktop`)
        6:47 warning: whoever has just gone offline is none of this, so the rule can never ring (the person before the change is `before`, as in `before.platforms.desktop`)
        ",
    );
}
