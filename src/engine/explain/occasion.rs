//! The change that a rule waits for, held against how things are now: what would have to happen, and how near
//! what is so now comes to it.

use std::time::Duration;

use super::{Gate, Stands, shown_values};
use crate::engine::holding::State;
use crate::engine::states::{Stage, StateView};
use crate::presence::change::{Change, ChangeKind, diff};
use crate::presence::model::Presence;
use crate::rules::duration::spell_duration;
use crate::rules::scope::Changed;
use crate::rules::set::{RuleSet, Trigger, When, While};
use crate::time::{Moment, date, millis};

/// So many changes that come near are shown of each kind.
const NEAR_MAX: usize = 3;

/// What the rule waits for, and the change which it would take if what is so now had just begun, or just ended.
pub(super) fn when<'p>(
    rules: &RuleSet,
    when: &When,
    gone: &'p Presence<'p>,
    present: &'p Presence<'p>,
) -> (Gate, Option<Changed<'p>>) {
    let (mut met, mut values) = (None, Vec::new());
    for trigger in &when.triggers {
        let near = changes(trigger.kind, gone, present);
        met = met.or_else(|| near.iter().copied().find(|changed| trigger.holds((*changed).into())));
        for changed in near.iter().take(NEAR_MAX) {
            for narrow in &trigger.narrow {
                let part = format!("{}.{}", trigger.kind.name(), narrow.field());
                values.push((part, format!("{:?}", narrow.value((*changed).into()))));
            }
        }
    }
    values.dedup();
    let near = match met {
        Some(Changed { change, .. }) if is_end(change.kind) => "; what is so now would do, once it ends",
        Some(_) => "; what is so now would do, had it just begun",
        None if values.is_empty() => "",
        None => "; what is so now would not do",
    };
    let why = format!("asked at {}{near}", spelled(when));
    (Gate::new("when", Stands::Waits, rules.shown(&why)).with(shown_values(rules, values)), met)
}

/// The changes that a `when` waits for.
pub(super) fn spelled(when: &When) -> String {
    when.triggers.iter().map(spell).collect::<Vec<_>>().join(" or ")
}

/// Whether something that a `when` has found waits for its `for`.
pub(super) fn wait(when: &When, states: &[StateView]) -> Gate {
    let hold_for = spell_duration(when.hold_for);
    let running = states.iter().filter_map(|state| match state.stage {
        Stage::Waiting { kind, until_ms } => {
            Some((kind.name().to_owned(), format!("until {}", date(until_ms))))
        }
        _ => None,
    });
    let running: Vec<(String, String)> = running.collect();
    let why = if running.is_empty() {
        format!("it rings once what the change led to has lasted for {hold_for}")
    } else {
        format!("it has found what it looks for, and rings if that lasts for {hold_for}")
    };
    Gate::new("for", Stands::Waits, why).with(running)
}

/// The condition of a `while`: once it has begun, it is its end that rings.
pub(super) fn turned(condition: Gate, state: Option<State>) -> Gate {
    if state.is_some_and(State::is_on) { Gate { stands: Stands::Waits, ..condition } } else { condition }
}

/// Where a `while` stands, and when its timer ends.
pub(super) fn state(now: Moment, holds: &While, state: Option<State>) -> Gate {
    let wall = |own_ms: i64| date(now.wall_ms.saturating_add(own_ms - millis(now.mono)));
    let until = |state: State| state.until(holds).map_or_else(String::new, wall);
    let (name, why) = match state {
        None => ("for", format!("it has not begun: `enter` is sent {}", once("true", holds.hold_for))),
        Some(rising @ State::Rising { since, .. }) => {
            ("for", format!("it is true since {}, and `enter` is sent at {}", wall(since), until(rising)))
        }
        Some(State::On { since, .. }) => {
            let since = wall(since);
            ("grace", format!("it has begun at {since}: it is over {}", once("false", holds.grace)))
        }
        Some(falling @ State::Falling { fell, .. }) => {
            ("grace", format!("it is false since {}, and it is over at {}", wall(fell), until(falling)))
        }
    };
    Gate::new(name, Stands::Waits, why)
}

/// When the condition has been so for long enough.
pub(super) fn once(so: &str, wait: Duration) -> String {
    if wait.is_zero() {
        return format!("as soon as the condition is {so}");
    }
    format!("once the condition has been {so} for {}", spell_duration(wait))
}

/// A kind of change, and to what it is narrowed.
fn spell(trigger: &Trigger) -> String {
    let narrows: Vec<String> = trigger
        .narrow
        .iter()
        .map(|narrow| {
            let patterns = narrow.patterns().map(|pattern| format!("`{pattern}`"));
            format!("{}: {}", narrow.field(), patterns.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let kind = trigger.kind.name();
    if narrows.is_empty() { format!("`{kind}`") } else { format!("`{kind}` with {}", narrows.join(", ")) }
}

/// The changes of a kind that lead from nothing to what is so now, or from it to nothing.
fn changes<'p>(kind: ChangeKind, gone: &'p Presence<'p>, present: &'p Presence<'p>) -> Vec<Changed<'p>> {
    // These lead from one thing to another; what is so now is taken for the other.
    let stands_in = match kind {
        ChangeKind::ChangedTrack => ChangeKind::StartedListening,
        ChangeKind::ChangedActivity => ChangeKind::StartedActivity,
        kind => kind,
    };
    let (before, after) = if is_end(kind) { (present, gone) } else { (gone, present) };
    let mut changes = Vec::new();
    diff(before, after, &mut changes);
    let of_kind = changes.into_iter().filter(|change| change.kind == stands_in);
    of_kind.map(|change| Changed { change: Change { kind, ..change }, before, after }).collect()
}

fn is_end(kind: ChangeKind) -> bool {
    use ChangeKind as K;
    matches!(
        kind,
        K::WentOffline
            | K::LeftPlatform
            | K::StoppedListening
            | K::StoppedPlaying
            | K::StoppedStreaming
            | K::StoppedWatching
            | K::StoppedCompeting
            | K::StoppedActivity
    )
}
