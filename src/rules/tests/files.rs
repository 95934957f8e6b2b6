//! The file as a whole: YAML, its sections, people and groups.

use super::*;

#[test]
fn what_is_not_yaml_is_told_as_the_slip_it_is() {
    for (text, expected) in [
        ("", "1:1 error: the file is empty (`doorchime init` writes one to start from)"),
        ("# only a comment\n", "1:1 error: the file is empty (`doorchime init` writes one to start from)"),
        (
            "hello",
            "1:1 error: a rules file is a mapping, and this is a text (it begins with keys such as `people:`, `targets:` and `rules:`; see `doorchime init`)",
        ),
        (
            "a: {{x}} is\n",
            "1:4 error: a text that begins with `{{` must be quoted (write it as \"{{x}} is\")",
        ),
        (
            "a: {{#if x}}\"b\"{{/if}}\n",
            "1:4 error: a text that begins with `{{` must be quoted (write it as '{{#if x}}\"b\"{{/if}}')",
        ),
        (
            "a: [{b: {{x}} is}]\n",
            "1:9 error: a text that begins with `{{` must be quoted (write it as \"{{x}} is\")",
        ),
        ("a:1\nb: 2\n", "1:2 error: a space is missing after this `:`"),
        (
            "a: 1\n b: 2\n",
            "2:2 error: this line begins too far in (the line above already has its value; the keys of one mapping begin in one column)",
        ),
        ("if: !online\n", "1:5 error: `!online` is a YAML tag (put a text that begins with `!` in quotes)"),
        (
            "a: *x\n",
            "1:4 error: `*` begins a YAML alias, and there is no such anchor (put a text that begins with `*` in quotes)",
        ),
        ("a: @x\n", "1:4 error: a text that begins with `@` must be quoted (put it in quotes)"),
        ("é: %x\n", "1:4 error: a text that begins with `%` must be quoted (put it in quotes)"),
        ("a:\n\tb: 1\n", "2:1 error: a tab cannot indent a line of YAML (use spaces)"),
        ("a: \"x\nb: 1\n", "1:4 error: this quote is never closed (close it at the end of the text)"),
        (
            "a: 'it's'\n",
            "1:8 error: the text goes on after its closing quote (a `'` in single quotes is written `''`, a `\"` in double quotes `\\\"`)",
        ),
        (
            "a: \"\\d\"\n",
            "1:4 error: unknown escape in double quotes (use single quotes for regexes and the like: `'/\\d+/'`)",
        ),
        ("a: b: c\n", "1:5 error: a second `: ` in one line (put a text that has `: ` in it in quotes)"),
        ("a: {b: ${X}}\n", "1:8 error: a `${…}` inside brackets must be quoted (write it as `\"${NAME}\"`)"),
        (
            "a: 1\n---\nb: 2\n",
            "2:1 error: a second document begins here (a rules file is one document: leave out the `---`)",
        ),
        (
            "a: [1, 2\nb: 3\n",
            "1:4 error: this `[` is never closed (close it with `]`; texts with `,`, `:`, brackets or braces in them must be quoted here)",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn people_groups_and_settings() {
    check(
        "people:
  alice: 94490510688792576
  alice: 94490510688792577
  now: 1e17
  bob: bobby
  everyone: 0
  1x: 18446744073709551616
  zoe: {id: \"94490510688792576\", nmae: Zoe}
groups:
  squad: [alice, bop]
  bob: [zoe]
timezone: Berlin
catch_up: 15
rulez: []
lanyard: {url: https://x/y, subscribe: some, resync: 1ms, frame_max: 1MB}
smoothing: {offlin: 1s, listening: 2h}
",
        "
        3:3 error: `alice` is there twice (keep one of them)
        4:3 error: `now` cannot be a name: it means something else in conditions (choose another, such as `now_` or `my_now`)
        4:8 error: `1e17` is a rounded number, and a Discord user id must be exact (in Discord, with developer mode on: right-click the person, `Copy User ID`)
        5:8 error: `bobby` is not a Discord user id (in Discord, with developer mode on: right-click the person, `Copy User ID`)
        6:3 error: `everyone` cannot be a name: it means something else in conditions (choose another, such as `everyone_` or `my_everyone`)
        6:13 error: no Discord user has the id 0 (in Discord, with developer mode on: right-click the person, `Copy User ID`)
        7:3 error: this cannot be the name of a person (names begin with a letter and are made of letters, digits, `_` and `-`)
        7:7 error: `18446744073709551616` is too large to be a Discord user id (in Discord, with developer mode on: right-click the person, `Copy User ID`)
        8:3 warning: `zoe` has the id of somebody else
        8:34 error: unknown key `nmae` of a person (did you mean `name`?)
        10:18 error: unknown person `bop` (did you mean `bob`?)
        11:3 error: `bob` is already the name of a person (choose another name)
        12:11 error: unknown time zone `Berlin` (did you mean `Europe/Berlin`?)
        13:11 error: `15` has no unit (`15s` are seconds, `15m` minutes)
        14:1 error: unknown key `rulez` of the file (did you mean `rules`?)
        15:16 error: this is not the address of a Lanyard server (it is spoken to over a WebSocket: `wss://x/y`)
        15:40 error: unknown word for `subscribe`: `some` (known here: `auto`, `ids`, `id`, `all`)
        15:54 error: `resync` is between 10s and 1d
        15:70 error: `1MB` is not a size (write it like `64MiB`, `512KiB`, or a number of bytes)
        16:13 error: unknown key `offlin` of `smoothing` (did you mean `offline`?)
        16:36 error: `listening` is between 0 and 1h
        ",
    );
}

#[test]
fn a_file_without_rules_is_fine_but_odd() {
    let text = "version: 1\ntimezone: Europe/Berlin\npeople: {alice: 94490510688792576, bob: \"156114103033790464\"}\nlanyard: {url: ws://127.0.0.1:4001/socket, resync: 1m}\nsmoothing: {offline: 0}\n";
    check(text, "1:1 warning: there are no rules, so nothing will ever ring (add one under `rules:`)");
    let set = load(text).unwrap_or_else(|findings| panic!("{}", findings.render(false))).set;
    let ids: Vec<u64> = set.people.iter().map(|person| person.id.0).collect();
    assert_eq!(ids, [94_490_510_688_792_576, 156_114_103_033_790_464]);
    assert!(set.people[0].smoothing.offline.is_zero() && set.smoothing.activity.as_secs() == 10);
    assert_eq!(set.lanyard.url, "ws://127.0.0.1:4001/socket");
    assert_eq!(set.timezone.iana_name(), Some("Europe/Berlin"));
}
