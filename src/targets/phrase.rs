//! What is said when a `send:` entry says nothing: a sentence for people, an event for programs.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::presence::change::ChangeKind;
use crate::rules::cause::Cause;
use crate::rules::scope::{Keys, Names, Object, ObjectKind, Scope, Sight, Value as Seen};
use crate::rules::template::{Origin, Segment, Template, json_of};

/// An event takes no more; what is long and least missed is left out first.
const EVENT_BYTES_MAX: usize = 256 << 10;

/// A change, or the beginning or end of a state, in one sentence; of several, one sentence each.
pub(super) fn of(scope: &Scope<'_>) -> Vec<Segment> {
    if let Some((first, rest)) = scope.firings.split_first() {
        let comma = || Segment { text: ", ".to_owned(), origin: Origin::Literal };
        let rest = rest.iter().flat_map(|firing| std::iter::once(comma()).chain(of(firing)));
        return of(first).into_iter().chain(rest).collect();
    }
    let segments =
        SENTENCES.iter().find(|(of, _)| *of == scope.cause).map(|(_, sentence)| sentence.render(scope));
    let said = |segments: &Vec<Segment>| segments.iter().any(|segment| !segment.text.trim().is_empty());
    segments
        .filter(said)
        .unwrap_or_else(|| vec![Segment { text: scope.rule.to_owned(), origin: Origin::Value }])
}

fn sentence(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::WentOnline => "{{name}} is online",
        ChangeKind::WentOffline => "{{name}} is offline",
        ChangeKind::ChangedStatus => {
            "{{name}} {{#if (eq change.to 'dnd')}}does not want to be disturbed{{else}}is {{change.to}}{{/if}}"
        }
        ChangeKind::JoinedPlatform => "{{name}} is on {{change.to}}",
        ChangeKind::LeftPlatform => "{{name}} left {{change.from}}",
        ChangeKind::StartedListening | ChangeKind::ChangedTrack => {
            "{{name}} listens to {{default change.to.song change.to.player}}{{#if change.to.artist}} by {{change.to.artist}}{{/if}}"
        }
        ChangeKind::StoppedListening => "{{name}} stopped listening",
        ChangeKind::StartedPlaying => "{{name}} started playing {{change.to.name}}",
        ChangeKind::StoppedPlaying => "{{name}} stopped playing {{change.from.name}}",
        ChangeKind::StartedStreaming => {
            "{{name}} started streaming {{default change.to.details change.to.name}}"
        }
        ChangeKind::StoppedStreaming => {
            "{{name}} stopped streaming {{default change.from.details change.from.name}}"
        }
        ChangeKind::StartedWatching => {
            "{{name}} started watching {{default change.to.details change.to.name}}"
        }
        ChangeKind::StoppedWatching => {
            "{{name}} stopped watching {{default change.from.details change.from.name}}"
        }
        ChangeKind::StartedCompeting => "{{name}} started competing in {{change.to.name}}",
        ChangeKind::StoppedCompeting => "{{name}} stopped competing in {{change.from.name}}",
        ChangeKind::StartedActivity => "{{name}} started {{change.to.name}}",
        ChangeKind::ChangedActivity => {
            "{{name}}: {{change.to.name}}{{#if change.to.details}}, {{change.to.details}}{{/if}}{{#if change.to.state}}, {{change.to.state}}{{/if}}"
        }
        ChangeKind::StoppedActivity => "{{name}} stopped {{change.from.name}}",
        ChangeKind::ChangedCustomStatus => {
            "{{#if change.to}}{{name}}:{{#if change.to.emoji}} {{change.to.emoji.name}}{{/if}}{{#if change.to.text}} {{change.to.text}}{{/if}}{{else}}{{name}} cleared their status{{/if}}"
        }
        ChangeKind::ChangedProfile => "{{name}} changed their profile",
        ChangeKind::ChangedKv => {
            "{{name}} {{#if change.to}}set {{change.key}} to {{truncate change.to 200}}{{else}}cleared {{change.key}}{{/if}}"
        }
        ChangeKind::BecameMonitored => "Lanyard watches {{name}} now",
        ChangeKind::BecameUnmonitored => "Lanyard does not watch {{name}} any more",
        ChangeKind::LanyardDown => {
            "Lanyard is down, and nobody is watched{{#if change.why}}: {{change.why}}{{/if}}"
        }
        ChangeKind::LanyardUp => "Lanyard is back after {{lasted}}",
        ChangeKind::TargetFailing => "{{change.target}} fails{{#if change.why}}: {{change.why}}{{/if}}",
        ChangeKind::TargetRecovered => "{{change.target}} works again after {{lasted}}",
    }
}

/// What a state is, its rule's name says best.
const ENTER: &str = "{{#if name}}{{name}}: {{/if}}{{rule}}";
const EXIT: &str =
    "{{#if name}}{{name}}: {{/if}}{{rule}} is over{{#if lasted}} after {{duration lasted}}{{/if}}";

static SENTENCES: LazyLock<Vec<(Option<Cause>, Template)>> = LazyLock::new(|| {
    let kinds = ChangeKind::ALL.iter().map(|kind| (Some(Cause::Change(*kind)), sentence(*kind)));
    kinds
        .chain([(Some(Cause::Enter), ENTER), (Some(Cause::Exit), EXIT), (None, ENTER)])
        .map(|(cause, source)| {
            let change = match cause {
                Some(Cause::Change(kind)) => Some(Some(kind.subject())),
                _ => None,
            };
            let nobody = Keys::default();
            let has_person = !matches!(cause, Some(Cause::Change(kind)) if kind.is_own());
            let names = Names {
                people: &nobody,
                groups: &nobody,
                has_person,
                change,
                in_template: true,
                gathered: None,
            };
            (
                cause,
                Template::compile(source, &names)
                    .expect("the sentences above are templates, as a test makes sure"),
            )
        })
        .collect()
});

/// The default event: `type` (what happened, `enter` or `exit`), `timestamp`, `rule`, `person`, `change`, and the person's whole state as `data`.
/// The delivery's id joins it when it is sent. Of several firings it has the event of each, as `firings`.
pub(super) fn event(scope: &Scope<'_>) -> Value {
    if scope.firings.is_empty() {
        return shorten(event_of_one(scope));
    }
    let timestamp = jiff::Timestamp::from_millisecond(scope.now.wall_ms).unwrap_or_default();
    shorten_group(json!({
        "type": "group",
        "timestamp": timestamp.to_string(),
        "rule": scope.rule,
        "late": scope.late_ms.is_some(),
        "count": scope.firings.len(),
        "firings": scope.firings.iter().map(event_of_one).collect::<Vec<_>>(),
    }))
}

fn event_of_one(scope: &Scope<'_>) -> Value {
    let timestamp = jiff::Timestamp::from_millisecond(scope.now.wall_ms).unwrap_or_default();
    let mut event = json!({
        "type": scope.cause.map_or("notification", Cause::name),
        "timestamp": timestamp.to_string(),
        "rule": scope.rule,
        "late": scope.late_ms.is_some(),
    });
    for (name, ms) in
        [("late_by_ms", scope.late_ms), ("since_ms", scope.since_ms), ("lasted_ms", scope.lasted_ms)]
    {
        if let Some(ms) = ms {
            event[name] = json!(ms);
        }
    }
    if let Some(happened) = scope.change {
        event["change"] = json_of(Seen::Object(happened.object()), scope.zone);
    }
    if let Some(sight) = scope.person {
        let state = state(sight, scope);
        event["person"] = json!({"id": state["id"], "key": sight.key, "name": state["name"]});
        event["data"] = state;
    }
    event
}

/// All that is known of a person; of one who has megabytes of it, not the lists.
fn state(sight: Sight<'_>, scope: &Scope<'_>) -> Value {
    let huge = sight.presence.raw.len() > EVENT_BYTES_MAX;
    let fields = ObjectKind::Person.fields().iter();
    let shown = fields.filter(|field| !(huge && matches!(field.name, "kv" | "activities")));
    let read = shown.map(|field| {
        let value = (field.read)(Object::Person(sight));
        (field.name.to_owned(), json_of(value, scope.zone))
    });
    Value::Object(read.collect())
}

fn is_short(event: &Value) -> bool {
    let mut bytes = Bytes(0);
    serde_json::to_writer(&mut bytes, event).is_ok() && bytes.0 <= EVENT_BYTES_MAX
}

/// Counts what is written.
struct Bytes(usize);

impl std::io::Write for Bytes {
    fn write(&mut self, written: &[u8]) -> std::io::Result<usize> {
        self.0 += written.len();
        Ok(written.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a stranger wrote can be long.
fn shorten(mut event: Value) -> Value {
    for left_out in ["/data/kv", "/data/activities", "/change/from", "/change/to", "/data", "/person/name"] {
        if is_short(&event) {
            break;
        }
        if let Some(part) = event.pointer_mut(left_out) {
            *part = Value::Null;
            event["shortened"] = json!(true);
        }
    }
    event
}

/// Of many firings the persons' states go first, then everything but the persons and the kinds of change.
fn shorten_group(mut event: Value) -> Value {
    for left_out in ["data", "change", "person"] {
        if is_short(&event) {
            break;
        }
        for firing in event["firings"].as_array_mut().into_iter().flatten() {
            firing[left_out] = Value::Null;
        }
        event["shortened"] = json!(true);
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rules::template::tests::with_scope_of;

    #[test]
    fn an_event_of_megabytes_is_shortened() {
        let pairs: Vec<String> = (0..512).map(|at| format!(r#""k{at}":"{}""#, "x".repeat(30_000))).collect();
        let raw = format!(r#"{{"user_id":"7","discord_status":"idle","kv":{{{}}}}}"#, pairs.join(","));
        let told = with_scope_of(&raw, event);
        assert!(told.to_string().len() < EVENT_BYTES_MAX);
        assert_eq!((&told["data"]["status"], &told["person"]["id"]), (&json!("idle"), &json!("7")));
    }

    #[test]
    fn a_state_is_told_by_its_rules_name() {
        let said = |scope: &Scope<'_>| of(scope).into_iter().map(|part| part.text).collect::<String>();
        with_scope_of(r#"{"user_id":"7","discord_user":{"username":"ada"}}"#, |scope| {
            let state = |person, cause, lasted_ms| Scope {
                person,
                change: None,
                before: None,
                cause: Some(cause),
                lasted_ms,
                rule: "gaming-light",
                ..*scope
            };
            let hour = Some(3_600_000);
            for (person, alone, whole) in [
                (scope.person, "alice: gaming-light", "alice: gaming-light is over after 1 h"),
                (None, "gaming-light", "gaming-light is over after 1 h"),
            ] {
                let person = person.map(|sight| Sight { name: "alice", ..sight });
                let (enter, exit) = (state(person, Cause::Enter, None), state(person, Cause::Exit, hour));
                assert_eq!((said(&enter).as_str(), said(&exit).as_str()), (alone, whole));
                let told = event(&exit);
                assert_eq!((&told["type"], &told["lasted_ms"]), (&json!("exit"), &json!(3_600_000)));
                assert_eq!(told.get("data").is_some(), person.is_some());
            }
        });
    }

    #[test]
    fn there_is_a_sentence_for_each_change() {
        assert_eq!(SENTENCES.len(), ChangeKind::ALL.len() + 3);
    }
}
