//! The part of the reference that is about tests in the rules file.

use std::fmt::Write as _;

use doorchime::rules::keys::{self, Setting};
use doorchime::rules::scope::ObjectKind;
use doorchime::rules::story::words;

use super::{capital, row};

const TESTS: &str = r"
## Tests

What stands under `tests:` is played by `doorchime test` and by `check`; `run --require-tests` neither starts with nor
reloads a file whose tests fail. The clock is a virtual one: nothing is connected to or sent, and hours pass in no time.

```yaml
tests:
  - name: a short visit does not ring
    steps:
      - {at: 0s,  ada: {status: online, playing: Factorio, platforms: [desktop]}}
      - {at: 20s, ada: {status: online}}
    expect: []
```

- **The start.** At `0s` doorchime starts, knows nothing from before, and finds people as the steps at `0s` say; everybody else is
  known to Lanyard and offline. That is how things are, not a change: no `when` rings. (A `while` that holds then begins then.) What
  is to be a change comes later: `{at: 5s, ada: online}` is `went_online`.
- **A step** says all of how a person is from then on: what it leaves out is not there any more, be it a game, a song or a custom
  status. Who is described without `status` is online; who is online without `platforms` is on the desktop. Only `kv`, `user` and
  `name` stay until they are said anew, and a step that says nothing but these leaves the rest as it was.
- In one word a person is `online`, `idle`, `dnd`, `offline`, or `unmonitored` (Lanyard does not know them). A mapping with Lanyard's
  own keys (`discord_status`, `activities`, …) is a presence as Lanyard sends it. A group's name stands for each of its members, and for
  rules with `who: everyone` a quoted user id for somebody who is not in the file.
- Everything else is as in earnest: smoothing holds back what may only have blinked, so that `went_offline` rings 60 seconds after the
  step; cooldowns run; what happens while Lanyard is down, or doorchime away, is found out later.
- **What rings** must be expected, all of it, in any order. An expectation (`{rule: friend-online, person: ada}`, or a rule's id
  alone) stands for one firing, whatever it sends and to how many targets; with `to` or `text` it asks for one message of it.
- A `text` is a [pattern](#patterns) for one of the texts of a message as they are sent, escaped for their target; what comes from
  `${NAME}` reads `${NAME}`.
- If rules ring that a test is not about, `only: [rule, rule]` leaves all others out.
";

pub fn tests(text: &mut String) {
    *text += TESTS;
    for (title, keys) in [
        ("A test", keys::TEST),
        ("A step: people and groups, and", keys::STEP),
        ("What is expected: a rule's id, or", keys::EXPECT),
    ] {
        let _ = write!(text, "\n| {} | takes | |\n|---|---|---|\n", title.to_lowercase());
        for key in keys {
            row(text, &format!("`{}`", key.name), &[takes(key), key.doc]);
        }
    }
    *text += "\nWhat a step can say of a person has the names that conditions use:\n\n| of | |\n|---|---|\n";
    for of in [
        ObjectKind::Person,
        ObjectKind::Activity,
        ObjectKind::Track,
        ObjectKind::CustomStatus,
        ObjectKind::Emoji,
        ObjectKind::Party,
        ObjectKind::Platforms,
        ObjectKind::User,
    ] {
        let names: Vec<String> = words::fields(of).map(|field| format!("`{}`", field.name)).collect();
        row(text, &capital(of.spoken()), &[&format!("{}{}", names.join(", "), in_short(of))]);
    }
    *text += "\n`type` is for the list `activities` only: elsewhere the key says it.\n";
}

/// What may stand instead of a mapping.
fn in_short(of: ObjectKind) -> &'static str {
    match of {
        ObjectKind::Activity => "; or its name alone, and for several a list",
        ObjectKind::Track => "; or the song alone. On Spotify, unless `player` says otherwise",
        ObjectKind::CustomStatus => "; or the text alone",
        ObjectKind::Emoji => "; or the emoji alone",
        ObjectKind::Platforms => "; or one of them, or a list",
        _ => "",
    }
}

/// What a key takes, in words.
fn takes(key: &Setting) -> &'static str {
    match (key.name, key.takes) {
        ("steps" | "expect", _) => "list; needed",
        ("only", _) => "list of rules",
        ("text", _) => "pattern, or list of them",
        ("rule" | "person" | "to" | "name", _) => "text",
        (_, "start") => "time",
        (_, "moment") => "length of time, or time of day",
        (_, "duration") => "length of time",
        (_, "lanyard_step") => "`down` or `up`",
        (_, "restart") => "length of time, or `true`",
        (name, takes) => panic!("`{name}` takes `{takes}`: say so in words"),
    }
}
