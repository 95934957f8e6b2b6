//! Whether a rule would ring now, in one sentence: by the first gate that holds it back or, where none does, by what
//! it waits for.

use super::occasion::{once, spelled};
use super::{Gate, Stands};
use crate::engine::states::{Stage, StateView};
use crate::rules::duration::spell_duration;
use crate::rules::set::{Occasion, Rule, RuleSet, When, While};
use crate::time::date;

pub(super) fn of(rules: &RuleSet, rule: &Rule, gates: &[Gate], states: &[StateView]) -> String {
    if let Some(gate) = gates.iter().find(|gate| gate.stands == Stands::Shut) {
        return match gate.name {
            "if" | "while" => format!("no: `{}` is {}", gate.name, gate.why),
            _ => format!("no: {}", gate.why),
        };
    }
    let answer = match &rule.occasion {
        Occasion::When(when) => rules.shown(&at_a_change(when, gates, states)),
        Occasion::While(holds) => of_a_state(holds, states.first().map(|state| state.stage)),
    };
    let but = |name, why: &str| {
        let waits = gates.iter().any(|gate| gate.name == name && gate.stands == Stands::Waits);
        if waits && answer.starts_with("yes") { why.to_owned() } else { String::new() }
    };
    [
        answer.clone(),
        but("presence", ", and once somebody tells of this person again"),
        but("active", ", but not before its hours come"),
        but("group", ", told together with others"),
    ]
    .concat()
}

fn at_a_change(when: &When, gates: &[Gate], states: &[StateView]) -> String {
    let waiting = states.iter().filter_map(|state| match state.stage {
        Stage::Waiting { until_ms, .. } => Some(until_ms),
        _ => None,
    });
    if let Some(until_ms) = waiting.min() {
        return format!("yes, at {}, if what it has found lasts until then", date(until_ms));
    }
    let fits = gates.iter().any(|gate| gate.name == "if" && gate.stands == Stands::Waits);
    let fits = if fits { ", if the change is as `if` wants it" } else { "" };
    let lasts = if when.hold_for.is_zero() {
        String::new()
    } else {
        format!(", once what it led to has lasted for {}", spell_duration(when.hold_for))
    };
    format!("yes, at the next {}{fits}{lasts}", spelled(when))
}

fn of_a_state(holds: &While, stage: Option<Stage>) -> String {
    let exits = !holds.exit.is_empty();
    match stage {
        Some(Stage::On { told: false } | Stage::Falling { told: false, .. }) if exits => {
            "no: its `enter` was kept quiet, and so is its `exit`".to_owned()
        }
        Some(Stage::On { .. }) if exits => {
            format!("no, not before it is over: `exit` is sent {}", once("false", holds.grace))
        }
        Some(Stage::On { .. }) => "no: it has begun already, and rings again when it begins anew".to_owned(),
        Some(Stage::Falling { until_ms, .. }) if exits => {
            format!("yes, `exit` at {}, if the condition stays false", date(until_ms))
        }
        Some(Stage::Falling { .. }) => "no: it is nearly over, and nothing is sent then".to_owned(),
        _ if holds.enter.is_empty() => "no: nothing is sent when it begins, only when it is over".to_owned(),
        Some(Stage::Rising { until_ms }) => {
            format!("yes, `enter` at {}, if the condition stays true", date(until_ms))
        }
        _ => format!("yes, {}", once("true", holds.hold_for)),
    }
}
