//! Rules: whom they are about, what rings, what is sent.

use super::*;
use crate::presence::change::ChangeKind;
use crate::presence::model::UserId;
use crate::rules::set::Who;

const HEAD: &str = "people: {alice: 94490510688792576, bob: 156114103033790464}
groups: {squad: [bob, alice, bob], empty: []}
targets: {screen: {type: console}, phone: {type: ntfy, topic: t}}
rules:
";

/// A file with these rules after a head of four lines; the rest of the head is used, so that it is not told of.
fn with(rules: &str) -> String {
    format!(
        "{HEAD}{rules}  - {{id: rest, who: [squad, alice], when: went_offline, if: empty.size() > 0, send: [screen, phone]}}\n"
    )
}

pub(super) fn check_rules(rules: &str, expected: &str) {
    check(&with(rules), expected);
}

#[test]
fn a_rule_is_looked_up_and_compiled() {
    let text = with(
        "  - id: r
    who: [squad, alice]
    when: [went_online, {changed_status: {from: [online, idle], to: dnd}}]
    if: platforms.desktop && bob.online
    cooldown: 10m
    dedupe: \"{{status}}\"
    send:
      - screen
      - {to: phone, message: \"{{user.name}}\", priority: \"${NONE:-4}\", expire: 5m}
",
    );
    let loaded = load(&text).unwrap_or_else(|findings| panic!("{}", findings.render(false)));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(false));
    let rule = &loaded.set.rules[0];
    let (alice, bob) = (UserId(94_490_510_688_792_576), UserId(156_114_103_033_790_464));
    assert!(matches!(&rule.who, Some(Who::People(ids)) if *ids == [alice, bob]));
    let when = rule.when().unwrap();
    assert_eq!(when.triggers.iter().map(|trigger| trigger.narrow.len()).collect::<Vec<_>>(), [0, 2]);
    assert!(when.condition.is_some());
    assert_eq!(rule.noise.cooldown.map(|it| it.as_secs()), Some(600));
    assert_eq!(rule.noise.dedupe.as_ref().map(|it| it.window.as_secs()), Some(3600));
    let sent: Vec<_> = when.send.iter().map(|send| (&*send.to, send.expire.as_secs())).collect();
    assert_eq!(sent, [("screen", 3600), ("phone", 300)]);
    let rang: Vec<usize> = loaded.set.index.candidates(ChangeKind::WentOnline, bob).collect();
    assert_eq!(rang, [0]);
    assert_eq!(loaded.set.index.candidates(ChangeKind::WentOnline, UserId(1)).count(), 0);
}

#[test]
fn the_example_is_without_fault() {
    let name = "rules.example.yaml";
    let source = Source::new(name, include_str!("../../../rules.example.yaml"));
    let loaded =
        compile(source, &crate::rules::vars::NoVars).unwrap_or_else(|it| panic!("{}", it.render(false)));
    for warning in loaded.warnings.problems() {
        assert!(warning.what.contains("`webhook_id`"), "{}", warning.what);
    }
    for kind in crate::targets::KINDS {
        assert!(loaded.set.targets.values().any(|target| target.kind().name == kind.name), "{}", kind.name);
    }
}

#[test]
fn names_that_nobody_has() {
    check_rules(
        "  - {id: a, who: alcie, when: went_onlin, send: screeen}
  - {id: b, who: 94490510688792576, when: lanyard_donw, send: screen}
  - {id: c, who: [squad, everyone], when: [went_online, went_online, {went_online: {to: idle}}], send: screen}
",
        "
        5:18 error: unknown person or group `alcie` (did you mean `alice`?)
        5:31 error: unknown change `went_onlin` (did you mean `went_online`?)
        5:49 error: unknown target `screeen` (did you mean `screen`?)
        6:18 error: people are named here, not numbered (give the id a name under `people:`, and write the name)
        6:43 error: unknown change `lanyard_donw` (did you mean `lanyard_down`?)
        7:26 warning: `everyone` leaves nobody out: the other names change nothing
        7:57 warning: `went_online` is there twice (keep one of them)
        7:71 warning: `went_online` also stands here on its own, so narrowing it changes nothing
        ",
    );
}

#[test]
fn rules_that_can_never_ring() {
    check_rules(
        "  - {id: a, who: [], when: [], send: []}
  - {id: b, who: empty, when: {changed_status: {to: dne}}, send: screen}
  - {id: c, who: bob, when: {joined_platform: {platform: destkop}, went_online: {to: offline}}, send: screen}
  - {id: d, who: bob, when: {started_playing: {name: []}}, send: screen}
  - {id: d, who: bob, when: went_online, send: screen}
",
        "
        5:13 error: `who` names nobody, so the rule can never ring (name a person or a group)
        5:22 error: `when` names no change, so the rule can never ring (name a change, such as `went_online`)
        5:32 error: `send` names no target, so the rule does nothing (name a target, such as `send: phone`, or set `enabled: false`)
        6:18 error: this group is empty, so the rule can never ring (add people to the group)
        6:53 error: `to` of `changed_status` is never `dne` (did you mean `dnd`?)
        7:58 error: `platform` of `joined_platform` is never `destkop` (did you mean `desktop`?)
        7:86 error: `to` of `went_online` is never `offline` (did you mean `online`?)
        8:48 error: no pattern for `name`, so nothing can match
        9:10 error: `d` is already the name of another rule (choose another name)
        ",
    );
}

#[test]
fn mistakes_inside_texts_have_their_places() {
    check_rules(
        "  - id: a
    who: bob
    when: {started_playing: {nam: x, name: [Factorio, '/(/']}}
    if: |
      online &&
        playing.nmae == \"x\"
    dedupe: {key: \"{{user.idd}}\", windw: 1h}
    send: {to: screen, text: 'it''s {{uper status}}'}
",
        "
        7:30 error: `started_playing` has no field `nam` (did you mean `name`?)
        7:57 error: not a regex: unclosed group
        10:17 error: unknown field `nmae` of an activity (did you mean `name`?)
        11:27 error: unknown field `idd` of a user (did you mean `id`?)
        11:35 error: unknown key `windw` of `dedupe` (did you mean `window`?)
        12:39 error: unknown helper `uper` (did you mean `upper`?)
        ",
    );
}

#[test]
fn keys_that_are_not_there() {
    check_rules(
        "  - {who: bob}
  - id: a
    who: bob
    whn: went_online
    whlie: online
    cooldown: 10
    enabled: maybe
    send:
      - {text: x}
      - {to: phone, txet: x, priority: highh, tags: {a: b}, markdown: 3}
  - just text
",
        "
        5:5 error: a rule without `id` (give it a name of its own: `id: friend-online`)
        5:5 error: a rule without `when` (name the change that rings: `when: went_online`)
        5:5 error: a rule without `send` (say what to send, and where: `send: [phone]`)
        6:9 error: a rule without `when` (name the change that rings: `when: went_online`)
        8:5 error: unknown key `whn` of a rule (did you mean `when`?)
        9:5 error: unknown key `whlie` of a rule (did you mean `while`?)
        10:15 error: `10` has no unit (`10s` are seconds, `10m` minutes)
        11:14 error: `enabled` takes `true` or `false`, and this is a text
        13:9 error: a message without `to` (name its target: `to: phone`)
        14:21 error: unknown key `txet` of a message to a target of type `ntfy` (known here: `to`, `expire`, `fallback`, `title`, `message`, `priority`, `tags`, `click`, `icon`, `attach`, `filename`, `actions`, `markdown`, `delay`, `email`, `call`)
        14:40 error: unknown word for `priority`: `highh` (did you mean `high`?)
        14:53 error: `tags` takes a text or a list of texts, and this is a mapping
        14:71 error: `markdown` takes `true` or `false`, and this is a number
        15:5 error: `rules` takes mappings, each begun with `- id:`, and this is a text
        ",
    );
}

#[test]
fn what_nothing_uses() {
    check(
        "people: {alice: 94490510688792576}
groups: {squad: [alice], spare: [alice]}
targets: {screen: {type: console}, spare: {type: console}}
rules: [{id: a, who: alice, when: went_online, if: 'squad.exists(p, p.online)', send: screen}]
",
        "
        2:26 warning: no rule uses the group `spare`
        3:36 warning: no rule uses the target `spare`
        ",
    );
}
