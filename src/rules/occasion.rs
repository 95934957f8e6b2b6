//! What a rule looks for: a change (`when`) or a state (`while`), each with the keys that belong to it.

use std::time::Duration;

use super::compile::Known;
use super::condition::Condition;
use super::diagnostic::Problem;
use super::noise::group;
use super::places::Span;
use super::reading::Reader;
use super::rule::messages;
use super::scope::Names;
use super::set::{Occasion, While};
use super::spec::{RuleSpec, SendSpec};
use super::tree::Node;

/// Tells of keys that belong to the other sort of rule.
pub fn tell_mixed(spec: &RuleSpec<'_>, reader: &mut Reader<'_>) {
    let mut belongs = |at: Span, key: &str, to: &str, help: String| {
        reader.problems.add(Problem::error(at, format!("`{key}` belongs to `{to}`")).help(help));
    };
    let Some((at, condition)) = spec.hold else {
        if let Some((at, _)) = spec.enter {
            let help =
                "a change is told with `send`; a state, which begins and ends, is looked for with `while`";
            belongs(at, "enter", "while", help.to_owned());
        }
        if let Some((at, _)) = spec.exit {
            let help = "for the end of something write a rule with `when: went_offline`, `stopped_playing`, …, \
                        or look for the state itself with `while`";
            belongs(at, "exit", "while", help.to_owned());
        }
        if let Some((at, _)) = spec.grace {
            let help = "a change has no end; how long it must have been so is `for`";
            belongs(at, "grace", "while", help.to_owned());
        }
        return;
    };
    if let Some((when_at, _)) = spec.when {
        let help =
            "`when` rings at a change, `while` holds for as long as something is so: write one rule for each";
        let problem =
            Problem::error(at, "a rule has `when` or `while`, not both").also(when_at, "`when` is here");
        return reader.problems.add(problem.help(help));
    }
    if let Some(more) = spec.condition {
        let written = |node: &Node| node.scalar().map_or("", |scalar| scalar.text.trim()).to_owned();
        let joined = match (written(condition), written(more)) {
            (hold, more) if hold.len() + more.len() < 100 && !hold.contains('\n') && !more.contains('\n') => {
                format!("join the two: `while: ({hold}) && ({more})`")
            }
            _ => "join the two with `&&` under `while`".to_owned(),
        };
        belongs(more.at, "if", "when", joined);
    }
    if let Some((at, _)) = spec.send {
        let help = "write `enter` for the messages when it begins, and `exit` for those when it is over";
        belongs(at, "send", "when", help.to_owned());
    }
}

/// The state that a rule with `while` looks for.
pub fn state(
    spec: &RuleSpec<'_>,
    (at, condition): (Span, &Node),
    known: &Known<'_>,
    names: &Names<'_>,
    reader: &mut Reader<'_>,
) -> Option<Occasion> {
    let in_template = group::in_message(Names { in_template: true, ..*names }, spec.noise.group());
    let compiled = condition.scalar().and_then(|scalar| {
        let compiled = Condition::compile(&scalar.text, names);
        compiled.map_err(|mistakes| reader.tell(condition, mistakes)).ok()
    });
    let mut sends = |key: &str, sends: &Option<(Span, Vec<SendSpec<'_>>)>| match sends {
        Some((at, sends)) => messages(*at, key, sends, known, &in_template, reader),
        None => Vec::new(),
    };
    let (enter, exit) = (sends("enter", &spec.enter), sends("exit", &spec.exit));
    if spec.enter.is_none() && spec.exit.is_none() && spec.send.is_none() {
        let help = "say what to send when it begins, and where: `enter: [phone]`; or when it is over: `exit: [phone]`";
        reader.problems.missing_key(spec.id.map_or(at, |id| id.at), "enter", "a rule with `while`", help);
    }
    let grace = spec.grace.map_or(Duration::ZERO, |(_, grace)| grace);
    let hold_for = spec.hold_for.map_or(Duration::ZERO, |(_, hold_for)| hold_for);
    Some(Occasion::While(While { condition: compiled?, hold_for, grace, enter, exit }))
}
