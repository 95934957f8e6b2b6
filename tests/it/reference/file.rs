//! The part of the reference that is about the rules file itself: its keys, patterns and conditions.

use std::fmt::Write as _;

use doorchime::presence::change::ChangeKind;
use doorchime::rules::condition::functions::{
    DURATION_METHODS, FUNCTIONS, Function, LIST_METHODS, TEXT_METHODS,
};
use doorchime::rules::keys::{self, Setting};
use doorchime::rules::matcher::narrow_fields;

use super::row;

const FILE: &str = "## The rules file

One YAML document. Every mistake that `check` finds is told at once, with its place; where the text is not YAML at all, only the
first.

- A **length of time** is made of whole numbers with units: `500ms`, `90s`, `10m`, `1h30m`, `2d`, `1w`. Only `0` needs no unit.
- A **size** is a number of bytes, or one with `KiB`, `MiB` or `GiB`.
- `${NAME}` in any value is taken from the environment, `${NAME:-default}` has a default for what is unset or empty, `${file:PATH}`
  is a file's text without its last line break; `$${` is a plain `${`. They are filled in after the YAML is read, so that no value
  can change the file's structure, nor a template's: a value is text, and has no place between braces. Paths count from the rules
  file's folder.
- An anchor repeats a whole value: `first: &name …`, `second: *name`. `<<` does not mix mappings, and there is no place for keys of
  one's own (`x-…`): put the anchor where the value is first used.
";

const STATES: &str = r"
### States: `while`

A rule with `while` stands, for each person of `who`, or once if there is no `who`, somewhere between off and on.

- It begins when its condition has been true for `for`, and is over when it has been false for `grace`. A state that is over before
  `for` is, was nothing; one that is back before `grace` is over, was never gone.
- At the first sight of a person, and after any gap, however long, it is judged by what is seen: what holds begins, what does not is
  over. What is found that way is `late`.
- Of people whom nobody tells us about, nothing is concluded: no state of theirs changes and no timer of theirs ends until they are seen
  again; then time counts from its first start. A rule without `who` rests while none of the people that it names is seen. While a
  snapshot comes in, rules that look at several people wait for its end.
- `cooldown`, `dedupe`, `limit` and `active` stand before `enter`. An `exit` is sent if and only if its `enter` was: a light that was
  switched on is switched off, and none that was not. Of a rule with `exit` alone, they stand before that.
- Its condition is asked when a person whom it names, or whom the rule is about, looks different, and when the clock moves: at the turn
  of the minute, the hour or the day that it looks at, in the file's time zone, and if it compares `now.time`, every five seconds.
- Reloads keep states. With another condition, a state that is on is judged by the new one, and one that is not yet on begins afresh.
  A removed rule, or one that is not about the person any more, is over without a word. With `enabled: false` nothing moves.
- There is no change in such a rule: no `if`, no `send`, no `change`, no `before`. What else must hold is joined with `&&`.

### Changes that last: `for` with `when`

The rule waits, and rings when that which the change led to has lasted so long: they are still online, or offline; the status, the
track, the custom status, the profile, the value of the KV key is the one that it became; the game or other activity is still there, or
still gone; somebody is still heard on a player, or not; Lanyard still knows them, or does not. If it is no more, the wait is over, and
the next such change begins anew. Each game, platform and key waits for itself, sixteen for a rule and person at most. `if` and all that
keeps a rule quiet is asked at the end: of the change as it was, and of the person as they are then. After a gap it rings late, unless
the gap was longer than `catch_up`.
";

const PATTERNS: &str = r"
### Patterns

| written | matches |
|---|---|
| `Factorio` | that text, whole; upper and lower case are alike |
| `Counter*`, `Half-Life ?` | a glob over the whole text: `*` is anything, `?` is one character; upper and lower case are alike |
| `/^Half-Life/i` | a [regex](https://docs.rs/regex/latest/regex/#syntax) anywhere in the text; flags `i` (case ignored), `s`, `m`, `x` |

A backslash takes the meaning from `*`, `?` and `\`, and from a `/` at the beginning. What is missing is an empty text: `text: ''`
of `changed_custom_status` is one that was cleared. In YAML, a pattern with `: `, ` #`, or a `*`, `?`, `[` or `{` at its beginning is
quoted.
";

const CONDITIONS: &str = r#"
## Conditions

What stands under `if:` or `while:` is a part of [CEL](https://cel.dev). Its names are those [below](#names); names, fields and types are checked
when the file is read. In YAML, a condition that begins with `!`, or has `: ` or ` #` in it, is quoted.

| | |
|---|---|
| literals | `null`, `true`, `7`, `1.5`, `"text"`, `'text'`, `r"\d"`, `["a", "b"]` |
| operators, tightest first | `!` `-`, then `*` `/` `%`, then `+` `-`, then `==` `!=` `<` `<=` `>` `>=` `in`, then `&&`, then `\|\|`, then `… ? … : …` |
| fields and places | `playing.name`, `kv.scene`, `kv["scene"]`, `"scene" in kv`, `activities[0]` |

- What is missing is false, empty or 0, never an error; `playing.details == null` asks for it.
- A thing where true or false is wanted asks whether it is there: `playing && !streaming`.
- Times and lengths of time can be compared, added and subtracted: `now.time - track.started_at > duration("1m")`.
- A name with a `-` is written in backticks: `` `my-friend`.online ``.
- List macros nest two deep. A condition that takes too many steps does not hold, and the log says so once.
"#;

pub fn file(text: &mut String) {
    *text += FILE;
    for (title, of, keys) in [
        ("The file", "", keys::FILE),
        ("`lanyard`", "", keys::LANYARD),
        ("`smoothing`", "", keys::SMOOTHING),
        (
            "`people`",
            "`NAME: ID`, or `NAME:` with these. A name begins with a letter and is made of letters, digits, `_` and `-`.",
            keys::PERSON,
        ),
        ("`groups`", "`NAME: [person, person]`. Groups hold people, not groups.", &[]),
        (
            "`targets`",
            "`NAME:` with these, and with the keys of its type: see [Targets](#targets).",
            keys::TARGET,
        ),
        (
            "`rules`",
            "A list of mappings with these keys. What may keep a rule quiet is asked in this order: what narrows its change, `catch_up`, \
             `if`, `for`, `active`, `cooldown`, `dedupe`, `limit`, and last `group`. Only what passes all of them counts for `cooldown`, \
             `dedupe` and `limit`, each of which is kept for each person, and across restarts.",
            keys::RULE,
        ),
        (
            "`dedupe`",
            "A template (`\"{{track.id}}\"`), or a mapping. Each rule remembers its keys for each person; an empty key is none.",
            keys::DEDUPE,
        ),
        (
            "`limit`",
            "Beyond it, nothing rings until the first of those that count is `per` ago.",
            keys::LIMIT,
        ),
        (
            "`active`",
            "A mapping, or a list of them: one that is open is enough. What counts is what a clock on the wall shows, also where it is set \
             for summer time. What waits (`otherwise: defer`) rings when a window opens, if that which the change led to still holds, \
             `if` is still true, and the person is being watched, or else as soon as they are; `now` is then the time at which it rings. \
             Of two that wait about the same thing, the later one counts, and of one rule and person 16 wait at most.",
            keys::ACTIVE,
        ),
        (
            "`group`",
            "With it, messages know `firings`, a list, and `count`; each of them has the names that a message about it alone would have: \
             `{{#each firings}}{{user.name}} {{/each}}`. With `by: person`, the person's names stand outside of it, too, as they are when \
             the message is sent. What is gathered has passed everything else that may hold it back, and is told even if its rule is \
             changed or turned off meanwhile.",
            keys::GROUP,
        ),
        (
            "`send`",
            "A target's name, a mapping with these keys and the [parts of its target's type](#targets), or a list of both.",
            keys::SEND,
        ),
    ] {
        let _ = write!(text, "\n### {title}\n\n");
        if !of.is_empty() {
            let _ = writeln!(text, "{of}\n");
        }
        if keys.is_empty() {
            text.truncate(text.trim_end().len());
            text.push('\n');
            continue;
        }
        *text += "| key | takes | |\n|---|---|---|\n";
        for key in keys {
            row(text, &format!("`{}`", key.name), &[takes(key), key.doc]);
        }
    }
    *text += "\n### Narrowed changes\n\nA [change](#changes) alone rings whatever it is about; `{started_playing: {name: [Factorio, \"Counter*\"]}}` rings for some. All the\nfields that are given must match, and of each list one pattern.\n\n| change | fields |\n|---|---|\n";
    let mut changes: Vec<(String, String)> = Vec::new();
    for &kind in ChangeKind::ALL {
        let fields: Vec<String> = narrow_fields(kind).map(|(name, _)| format!("`{name}`")).collect();
        let fields = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
        let name = format!("`{}`", kind.name());
        match changes.iter_mut().find(|(_, others)| *others == fields) {
            Some((names, _)) => {
                let _ = write!(names, ", {name}");
            }
            None => changes.push((name, fields)),
        }
    }
    for (names, fields) in &changes {
        row(text, names, &[fields]);
    }
    *text += PATTERNS;
    *text += STATES;
    *text += CONDITIONS;
    for (title, functions) in [
        ("Functions", FUNCTIONS),
        ("Methods of texts", TEXT_METHODS),
        ("Macros and methods of lists, and of `kv`, whose keys they look at", LIST_METHODS),
        ("Methods of lengths of time", DURATION_METHODS),
    ] {
        table(text, title, functions);
    }
}

fn table(text: &mut String, title: &str, functions: &[Function]) {
    let _ = write!(text, "\n### {title}\n\n| written | is |\n|---|---|\n");
    for function in functions {
        row(text, &format!("`{}`", function.usage), &[function.doc]);
    }
}

/// What a key takes, in words.
fn takes(key: &Setting) -> &'static str {
    match (key.name, key.takes) {
        ("type", _) => "one of the [types](#targets); needed",
        ("id", "user_id") | ("count", _) => "number; needed",
        ("who", _) => "text or list; needed with `when`",
        ("when", _) => {
            "[change](#changes), [narrowed change](#narrowed-changes), or a list of them; needed, or `while`"
        }
        ("send", _) => "text, mapping or list; needed with `when`",
        ("enter" | "exit", _) => "text, mapping or list; one of them needed with `while`",
        ("id", _) | ("to", "text") => "text; needed",
        ("key", _) => "template; needed",
        ("if" | "while", _) => "[condition](#conditions)",
        (_, "version") => "`1`",
        (_, "text") => "text",
        (_, "boolean") => "true or false",
        ("per" | "wait", "duration") => "length of time; needed",
        (_, "duration") => "length of time",
        (_, "size") => "size",
        (_, "subscribe") => "`auto`, `ids`, `id` or `all`",
        (_, "rules") => "list",
        (_, "tests") => "list of [tests](#tests)",
        (_, "dedupe") => "template or mapping",
        (_, "active") => "mapping, or a list of them",
        (_, "days") => "text or list",
        (_, "clock") => "time of day",
        (_, "group_by") => "`rule` or `person`",
        (_, "group_max") => "number",
        (_, "otherwise") => "`drop` or `defer`",
        (_, "group" | "lanyard" | "limit" | "smoothing" | "people" | "groups" | "targets" | "fallback") => {
            "mapping"
        }
        (name, takes) => panic!("`{name}` takes `{takes}`: say so in words"),
    }
}
