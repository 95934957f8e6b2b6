//! Rules for changes of doorchime itself: about nobody, and best told by a target that still works.

use std::collections::HashMap;

use super::compile::Known;
use super::diagnostic::Problem;
use super::elsewhere;
use super::mistake::nearest;
use super::places::Span;
use super::reading::Reader;
use super::scope::{Happened, News};
use super::set::{Rule, Trigger};
use super::spec::{RuleSpec, TriggerSpec};
use crate::presence::change::ChangeKind;

/// Whether a rule is about doorchime itself, and so about nobody. Tells of one that is about people as well.
pub fn is_own(spec: &RuleSpec<'_>, reader: &mut Reader<'_>) -> bool {
    let triggers = spec.when.as_ref().map_or(&[][..], |(_, triggers)| triggers);
    // Without `who`, a misspelt name is most likely to be about nobody.
    let kind = |it: &TriggerSpec<'_>| match spec.who {
        Some(_) => ChangeKind::from_name(it.change.text),
        None => meant(it.change.text),
    };
    let first = |own: bool| triggers.iter().find(|it| kind(it).is_some_and(|kind| kind.is_own() == own));
    let Some(TriggerSpec { change: own, .. }) = first(true) else { return false };
    if let Some(TriggerSpec { change: other, .. }) = first(false) {
        let what = format!("`{}` is about doorchime itself, and `{}` about a person", own.text, other.text);
        let problem = Problem::error(own.at, what).also(other.at, "this is about a person");
        reader.problems.add(problem.help("write one rule for each"));
        return spec.who.is_none();
    }
    if let Some((at, _)) = spec.who {
        let what = format!("`{}` is about doorchime itself, not about a person", own.text);
        reader.problems.add(Problem::error(at, what).help("leave `who` out"));
    }
    if let Some((at, _)) = spec.hold_for {
        let what = "`for` waits for what people do to last";
        let help = "how long Lanyard or a target must fail is `down_after`, for the whole file";
        reader.problems.add(Problem::error(at, what).help(help));
    }
    true
}

/// The change that a name stands for, or that it was perhaps meant to be.
fn meant(name: &str) -> Option<ChangeKind> {
    let by_habit = || {
        let instead = elsewhere::instead(elsewhere::CHANGES, name)?;
        ChangeKind::ALL.iter().copied().find(|kind| instead.contains(&format!("`{}`", kind.name())))
    };
    let by_look = || ChangeKind::from_name(nearest(name, ChangeKind::ALL.iter().map(|kind| kind.name()))?);
    ChangeKind::from_name(name).or_else(by_habit).or_else(by_look)
}

/// Tells of targets whose failing nobody would hear of, since those who are told of it are told by them.
pub fn tell_deaf(specs: &[RuleSpec<'_>], rules: &[Rule], known: &Known<'_>, reader: &mut Reader<'_>) {
    // Of a rule with mistakes it is not known what it is for.
    if reader.problems.any_errors() {
        return;
    }
    let places: HashMap<&str, &RuleSpec<'_>> =
        specs.iter().filter_map(|spec| Some((spec.id?.text, spec))).collect();
    let rules: Vec<&Rule> = rules.iter().filter(|rule| rule.enabled && tells_of_failing(rule)).collect();
    let tells_of = |rule: &Rule, target: &str| triggers(rule).any(|trigger| is_for(trigger, target));
    for rule in &rules {
        let Some(spec) = places.get(&*rule.id) else { continue };
        let Some(to) = rule.sends().next().map(|send| &*send.to) else { continue };
        let others = |rule: &Rule| rule.sends().any(|send| &*send.to != to);
        // A line on the terminal does not fail.
        let fails =
            known.targets.get(to).and_then(|target| target.kind).is_some_and(|it| it.name != "console");
        if !fails || !tells_of(rule, to) || picks_targets(spec) {
            continue;
        }
        if rules.iter().any(|other| tells_of(other, to) && others(other)) {
            continue;
        }
        let what = format!("when `{to}` itself fails, nobody hears of it: this waits for `{to}`, too");
        let help = match known.targets.len() {
            1 => "send it to another target as well, of another service".to_owned(),
            _ => "send it to another target as well, or write a second rule that does".to_owned(),
        };
        reader.problems.add(Problem::warning(place(spec), what).help(help));
    }
}

fn triggers(rule: &Rule) -> impl Iterator<Item = &Trigger> {
    let triggers = rule.when().map_or(&[][..], |when| &when.triggers);
    triggers.iter().filter(|trigger| trigger.kind == ChangeKind::TargetFailing)
}

fn tells_of_failing(rule: &Rule) -> bool {
    triggers(rule).next().is_some()
}

fn is_for(trigger: &Trigger, target: &str) -> bool {
    let news = News { kind: trigger.kind, target, why: "" };
    trigger.holds(Happened::News(news))
}

/// Whether its condition may have a say in which target it is about.
fn picks_targets(spec: &RuleSpec<'_>) -> bool {
    spec.condition.and_then(|node| node.scalar()).is_some_and(|condition| condition.text.contains("target"))
}

fn place(spec: &RuleSpec<'_>) -> Span {
    let send = spec.send.as_ref().and_then(|(_, sends)| sends.first()?.to);
    send.map_or(spec.at, |to| to.at)
}
