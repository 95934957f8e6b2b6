//! `docs/reference.md` says what the program's own tables say.
//!
//! `UPDATE_REFERENCE=1 cargo test --test it reference` writes it anew.

mod file;
mod tests;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use doorchime::outbox::delivery::{Answer, Reading};
use doorchime::presence::change::{ChangeKind, Subject};
use doorchime::rules::scope::{Kind, ObjectKind};
use doorchime::rules::template::helpers::{HELPERS, SPECIAL};
use doorchime::targets::{KINDS, Key, Kind as TargetKind, Shape, Target};
use serde_json::json;

#[test]
fn the_reference_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let written = reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &written).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == written,
        "docs/reference.md is not up to date: UPDATE_REFERENCE=1 cargo test --test it reference"
    );
}

const HEAD: &str = "# Reference

Made from the tables that `check` uses; what is not here does not exist.

";

const TEMPLATES: &str = r#"
## Templates

Every text of a message is a [Handlebars](https://handlebarsjs.com) template, also inside of `json`, `data`, `blocks` and the like
(keys are not). `{{name}}` is escaped for the place it stands in, so that nobody's song can break a format or call a channel;
`{{{name}}}` is not. `~` takes white space away, a block or comment alone on its line takes the line with it, `\{{` writes two braces.
Partials, inline partials, decorators and raw blocks are not offered, and the item of a loop is `{{this}}`, not `{{.}}`.

- What is missing is empty, false or 0. A text that comes out empty where a service wants one says what changed instead; an address
  that comes out empty is left out.
- A text longer than its target takes is cut between two letters, with `…`. A whole text has 64 KiB at most,
  and a template 1,000 tags.
- Inside of `{{#each}}` and `{{#with}}`, names are those of the item; `../name` and `@root.name` look outside.
- Times are written as RFC 3339 in the file's time zone, and lengths of time as `2 h 5 min`; see `time`, `ago` and `duration`.
- In a tree, a text that is nothing but `{{json value}}` becomes the value itself: a number, a list, true or false.
- A number or a truth may be a template, too: `priority: "{{#if (eq status 'dnd')}}1{{else}}4{{/if}}"`.

"#;

const EVENT: &str = r#"
## The default event

What a `webhook` gets without `json`, `form` or `body`, and what a `home_assistant` event tells without `data`:

```json
{
  "id": "0197…", "type": "changed_track", "timestamp": "2026-01-01T00:00:00Z", "rule": "new-track",
  "late": false,
  "person": {"id": "94490510688792576", "key": "ada", "name": "Ada"},
  "change": {"kind": "changed_track", "from": {"song": "…"}, "to": {"song": "…"}},
  "data": {"key": "ada", "status": "online", "online": true, "playing": null, "track": {"song": "…"}, "kv": {}}
}
```

`type` is the change's name, or of a `while` rule `enter` or `exit`; without a change there is no `change`, and without `who` no
`person` and no `data`. `data` has every field of [a person](#a-person); what is missing is null. `late_by_ms`, `since_ms` and
`lasted_ms` are there where they mean something. Of several firings (`group`), the event is of the type `group`, with their
`count` and, as `firings`, the event of each. `id` is the delivery's, the same at each attempt, and also in the header
`Idempotency-Key`. An event takes 256 KiB at most: of somebody with more than that in their presence, `kv` and `activities` are left
out. With `secret`, requests are signed as [Standard Webhooks](https://www.standardwebhooks.com) says; with `format: cloudevents`,
the body is a [CloudEvent](https://cloudevents.io) in structured mode, whose `data` is the `json` of the message, or this event.
"#;

const ANSWERS: &str = "
## Answers

What becomes of a delivery after an attempt, whatever the target's type:

| answer | then |
|---|---|
| 2xx, and what the type calls a yes | delivered |
| 429, or a busy answer with `Retry-After` | the whole target waits as long as it asks, an hour at most |
| no connection, 408, 425, 5xx but 501 | again, after 1 s, 2 s, 4 s and so on, 5 minutes at most |
| no answer in time | the same, unless `retry_on_timeout: false`: then it is dead |
| one of those below | the target is disabled: everything for it waits until the rules file is mended and read again, or until `doorchime outbox retry` |
| anything else, redirects among them | dead: kept with the answer, and not tried again |

After four failures in a row, from more than one rule or person, the target is taken to be away: it is asked by one delivery at a
time, after 1 s, 2 s, 4 s and so on, a minute at most, until one is delivered or refused. Then all of them go on at once, in order.

| type | disabled by |
|---|---|
";

const FALLBACKS: &str = r#"
## Fallbacks

```yaml
targets:
  phone: {type: ntfy, topic: "${NTFY_TOPIC}", expire: 10m, fallback: chat}
  chat: {type: telegram, token: "${TELEGRAM_TOKEN}", chat_id: "${TELEGRAM_CHAT}"}
```

What `phone` refuses for good, or has not taken when it expires, goes to `chat`: once, as a delivery of its own with an id of its own,
written down in the same transaction as the end of the first one. It is wanted there for as long as `chat`'s `expire` says, counted
from then. `chat` may have a fallback, too, up to eight one after the other; a circle is a mistake.

- `expire` at a target with a fallback is how long that target is tried. A target that is away, or that is disabled, keeps what is
  for it until then; only a refusal goes on at once.
- A fallback of the same type is told the same. One of another type is told the message's title and text in its own form, escaped
  as a stranger's words are, HTML without its tags; a message without a text says what changed, and a `webhook` or
  `home_assistant` gets the default event. `fallback:` in a message says what the first fallback is told instead:
  `{to: phone, title: "{{user.name}}", fallback: {text: "<b>{{user.name}}</b>"}}`.
- What is told, and whom, is settled when the rule rings: a later change of the rules file does not change it.
- `outbox list` and `outbox show` name both deliveries, and `doorchime_fallbacks_total` counts them. `outbox retry` sends the first
  one again; its fallback does not ring a second time.
- With `retry_on_timeout: false`, no answer in time is a refusal: then the same news may come at both.
"#;

/// Answers that disable by what their body says, as people would look for them.
const BY_BODY: &[(&str, &str)] = &[
    ("discord", "a 404 with code 10015, a 403 with code 50027"),
    ("telegram", "a 400 that says `chat not found` or `upgraded to a supergroup`"),
    ("mattermost", "an error id that says the webhook, its channel or its user is gone or switched off"),
    ("teams", "a 400 with the code `WorkflowTriggerIsNotEnabled`: the workflow is switched off or deleted"),
    ("pushover", "a 400 that calls `token` or `user` invalid"),
    ("apprise", "a 204: nothing is kept under the `key`, or none of the `urls` is known"),
];

/// The statuses that disable a target of a type, found by trying.
fn disabling(kind: &'static TargetKind) -> String {
    let settings = json!({
        "url": "https://example.org/hook", "server": "https://example.org", "topic": "t", "chat_id": "1",
        "token": "123456789:invented", "room": "!r:example.org", "user": "u", "key": "k",
    });
    let mut settings = settings.as_object().unwrap().clone();
    settings.retain(|name, _| {
        kind.settings.iter().any(|key| key.name == name && (key.required || name == "key"))
    });
    if kind.name == "home_assistant" {
        settings.insert("token".to_owned(), json!("invented"));
    }
    let target = Target::build("it", kind, &settings).unwrap_or_else(|_| panic!("{} wants more", kind.name));
    let disables =
        |&status: &u16| target.read(&Answer { status, ..Answer::default() }, 0) == Reading::Disable;
    let mut told: Vec<String> = (300..600).filter(disables).map(|status| status.to_string()).collect();
    told.extend(BY_BODY.iter().filter(|(name, _)| *name == kind.name).map(|(_, body)| (*body).to_owned()));
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

fn reference() -> String {
    let mut text = HEAD.to_owned();
    file::file(&mut text);
    text += TEMPLATES;
    text += "### Helpers\n\n| written | does |\n|---|---|\n";
    let helpers = HELPERS.iter().map(|helper| (helper.usage, helper.doc));
    for (usage, doc) in SPECIAL.iter().map(|(_, usage, doc)| (*usage, *doc)).chain(helpers) {
        row(&mut text, &format!("`{{{{{usage}}}}}`"), &[doc]);
    }
    text += "\n## Names\n\nOf a rule with `who`: all fields of [a person](#a-person). Of a rule with `when`: `change`, and `before`, the same person before\nit. Of every rule: `now`, each person and each group by its name in the file. Of a change, conditions and templates know `late`\nand `late_by` (whether and how long we were away when it happened), and `since` and `lasted` of the state that began or ended:\n`lasted > duration(\"2h\")`. The messages of a `while` know them, too: `since` is when it began, `lasted`, in `exit`, how long it\nheld. Templates also know `rule`, and `raw`, the presence as Lanyard sent it.\n";
    for object in [
        ObjectKind::Person,
        ObjectKind::User,
        ObjectKind::Platforms,
        ObjectKind::Activity,
        ObjectKind::Party,
        ObjectKind::Track,
        ObjectKind::CustomStatus,
        ObjectKind::Emoji,
        ObjectKind::Now,
        ObjectKind::Change(Some(Subject::Kv)),
        ObjectKind::Change(Some(Subject::Own)),
    ] {
        let _ = write!(text, "\n### {}\n\n| name | is | |\n|---|---|---|\n", capital(object.spoken()));
        for field in object.fields() {
            row(&mut text, &format!("`{}`", field.name), &[&kind(field.kind), field.doc]);
        }
    }
    text += "\n`key` is there for `changed_kv` only. `from` and `to` are what the change is about:\n\n## Changes\n\n| name | `from` and `to` | |\n|---|---|---|\n";
    for change in ChangeKind::ALL {
        row(&mut text, &format!("`{}`", change.name()), &[subject(change.subject()), change.doc()]);
    }
    tests::tests(&mut text);
    text += EVENT;
    text += "\n## Targets\n";
    for target in KINDS {
        let _ = write!(text, "\n### `{}`\n\n{}\n", target.name, target.doc);
        for (title, keys) in [("Under `targets:`", target.settings), ("Beside `to:`", target.parts)] {
            if keys.is_empty() {
                continue;
            }
            let _ = write!(text, "\n| {} | | |\n|---|---|---|\n", title.to_lowercase());
            for key in keys {
                row(&mut text, &format!("`{}`", key.name), &[&shape(key), key.doc]);
            }
        }
    }
    text += ANSWERS;
    for target in KINDS {
        row(&mut text, &format!("`{}`", target.name), &[&disabling(target)]);
    }
    text += FALLBACKS;
    text
}

fn row(text: &mut String, first: &str, rest: &[&str]) {
    let cells: Vec<String> =
        std::iter::once(&first).chain(rest).map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Time => "time".to_owned(),
        Kind::Duration => "length of time".to_owned(),
        Kind::Object(object) => object.spoken().to_owned(),
        Kind::List(object) => format!("list, each {}", object.spoken()),
        Kind::TextMap => "texts by name".to_owned(),
        Kind::Any => "anything".to_owned(),
    }
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Status => "a status word",
        Subject::Platform => "a platform's name",
        Subject::Track => "a track",
        Subject::Activity => "an activity",
        Subject::CustomStatus => "a custom status",
        Subject::Profile => "a user",
        Subject::Kv => "a text",
        Subject::Person | Subject::Own => "",
    }
}

fn shape(key: &Key) -> String {
    let words = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let shape = match key.shape {
        Shape::Text => "text".to_owned(),
        Shape::Secret => "text, never shown".to_owned(),
        Shape::Url => "address, never shown".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::NumberOr(list) => format!("number, or {}", words(list)),
        Shape::Bool => "true or false".to_owned(),
        Shape::Duration => "length of time".to_owned(),
        Shape::Choice(list) => words(list),
        Shape::TextMap => "texts by name".to_owned(),
        Shape::TextList => "list of texts".to_owned(),
        Shape::Tree => "any YAML".to_owned(),
    };
    if key.required { format!("{shape}; needed") } else { shape }
}
