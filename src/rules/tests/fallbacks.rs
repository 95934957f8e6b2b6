//! What a target does not take goes to another: which, and what that one is told.

use super::*;

const HEAD: &str = "people: {alice: 94490510688792576}\ntargets:\n";

fn rule(sends: &str) -> String {
    format!("rules:\n  - {{id: r, who: alice, when: went_online, send: {sends}}}\n")
}

#[test]
fn fallbacks_that_cannot_be() {
    let targets = "  a: {type: console, fallback: b}
  b: {type: console, fallback: c}
  c: {type: console, fallback: a}
  d: {type: console, fallback: d}
  e: {type: console, fallback: ff}
  f: {type: console, fallback: [a]}
  g: {type: console, fallback: b}
";
    check(
        &format!("{HEAD}{targets}{}", rule("[a, b, c, d, e, f, g]")),
        "
        3:32 error: fallbacks go round in a circle: `a` → `b` → `c` → `a` (one of them must be the last)
        6:32 error: `d` is its own fallback (name another target, or leave `fallback` out)
        7:32 error: unknown target `ff` (did you mean `f`?)
        8:32 error: `fallback` takes a text, and this is a list
        ",
    );
}

#[test]
fn a_chain_has_an_end() {
    let link = |n| format!("  t{n}: {{type: console, fallback: t{}}}\n", n + 1);
    let chain = (0..10).map(link).collect::<Vec<_>>().concat();
    check(
        &format!("{HEAD}{chain}  t10: {{type: console}}\n{}", rule("t0")),
        "
        3:33 error: more than 8 fallbacks one after the other
        4:33 error: more than 8 fallbacks one after the other
        ",
    );
}

#[test]
fn a_target_that_only_takes_over_is_used() {
    let targets = "  a: {type: console, fallback: b}
  b: {type: console, fallback: c}
  c: {type: console}
  d: {type: console, fallback: e}
  e: {type: console}
";
    check(
        &format!("{HEAD}{targets}{}", rule("a")),
        "
        6:3 warning: no rule uses the target `d`
        7:3 warning: no rule uses the target `e`
        ",
    );
}

#[test]
fn what_a_fallback_is_told_must_fit_it() {
    let targets = "  phone: {type: ntfy, topic: a, fallback: team}
  team: {type: slack, url: \"http://a\"}
  house: {type: home_assistant, url: \"http://a\", token: t, fallback: hook}
  hook: {type: home_assistant, url: \"http://a\", webhook_id: w}
";
    check(
        &format!(
            "{HEAD}{targets}rules:
  - id: r
    who: alice
    when: went_online
    send:
      - {{to: phone, fallback: {{text: \"{{{{nmae}}}}\", message: x, to: team}}}}
      - {{to: phone, fallback: team}}
      - {{to: team, fallback: {{text: x}}}}
      - {{to: house, event: rang}}
      - {{to: house, event: rang, fallback: {{json: {{a: 1}}}}}}
      - {{to: house}}
"
        ),
        "
        6:3 warning: Home Assistant says yes to any `webhook_id`, even one that no automation has (fire an `event`, with a token: then nothing gets lost in silence)
        12:41 error: unknown name `nmae` (did you mean `name`?)
        12:50 error: unknown key `message` of a message to a target of type `slack` (write `text`)
        12:62 error: unknown key `to` of a message to a target of type `slack` (the fallback is named at the target, under `targets:`)
        13:31 error: `fallback` takes a mapping, and this is a text (the other target is named under `targets:`; here stands what it is told, as `{text: …}`)
        14:30 error: `team` has no fallback (name the other target under `targets:`, as `fallback: OTHER`)
        15:9 error: `hook`, the fallback of `house`, cannot be told this: `event` needs `token` at the target (say what it is told instead: `fallback: {…}` in the message)
        ",
    );
}

#[test]
fn templates_of_a_fallback_are_checked() {
    let targets =
        "  phone: {type: ntfy, topic: a, fallback: team}\n  team: {type: slack, url: \"http://a\"}\n";
    check(
        &format!("{HEAD}{targets}{}", rule("[{to: phone, fallback: {text: \"{{nmae}}\"}}]")),
        "6:83 error: unknown name `nmae` (did you mean `name`?)",
    );
}
