//! One rule: its people, its changes, its condition and its messages looked up and compiled.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::compile::{Known, Referent};
use super::condition::Condition;
use super::contradiction;
use super::diagnostic::Problem;
use super::elsewhere;
use super::lookalike;
use super::matcher::{self, Narrow};
use super::names;
use super::noise::group;
use super::occasion;
use super::own;
use super::places::Span;
use super::reading::{Name, Reader};
use super::scalar;
use super::scope::Names;
use super::send;
use super::set::{Occasion, Rule, Send, Trigger, When, Who};
use super::spec::{RuleSpec, SendSpec, TriggerSpec};
use super::tree::{Entry, Node};
use crate::presence::change::{ChangeKind, Subject};
use crate::presence::model::UserId;

/// Rules times the people each of them is about.
const LINKS_MAX: usize = 10_000_000;

/// Compiles what can be compiled; the rules only count if nothing was told.
pub fn compile_all(specs: &[RuleSpec<'_>], known: &Known<'_>, reader: &mut Reader<'_>) -> Vec<Rule> {
    let mut first: HashMap<&str, Span> = HashMap::new();
    let mut links = 0_usize;
    let mut rules = Vec::with_capacity(specs.len());
    for spec in specs {
        if let Some(id) = spec.id {
            if let Some(&first) = first.get(id.text) {
                reader.problems.name_taken(id.at, id.text, first, "another rule");
            }
            first.entry(id.text).or_insert(id.at);
        }
        let rule = compile(spec, known, reader);
        if let Some(Who::People(ids)) = rule.as_ref().and_then(|rule| rule.who.as_ref()) {
            links += ids.len();
            if links > LINKS_MAX {
                let what = format!("the rules are about more than {LINKS_MAX} people in all");
                reader
                    .problems
                    .add(Problem::error(spec.at, what).help("use `who: everyone` with a condition"));
                break;
            }
        }
        rules.extend(rule);
    }
    own::tell_deaf(specs, &rules, known, reader);
    rules
}

fn compile(spec: &RuleSpec<'_>, known: &Known<'_>, reader: &mut Reader<'_>) -> Option<Rule> {
    let id = spec.id.filter(|id| names::check_rule(reader, *id));
    let place = spec.id.map_or(spec.at, |id| id.at);
    occasion::tell_mixed(spec, reader);
    let own = own::is_own(spec, reader);
    let nobody = own || (spec.who.is_none() && spec.hold.is_some());
    let who = if nobody { None } else { who(spec, place, known, reader) };
    let change = match spec.hold {
        Some(_) => None,
        None => Some(when(spec, place, known, reader)),
    };
    let names = Names {
        people: &known.person_keys,
        groups: &known.group_keys,
        has_person: !nobody,
        change: change.as_ref().map(|(_, subject)| *subject),
        in_template: false,
        gathered: None,
    };
    let in_template = Names { in_template: true, ..names };
    // A search for the nearest name looks at all of them: enough is enough.
    if reader.problems.are_plenty() || known.unread.people {
        return None;
    }
    let noise = spec.noise.compile(&in_template, reader);
    let occasion = match (spec.hold, change) {
        (Some(hold), _) => occasion::state(spec, hold, known, &names, reader),
        (None, Some((triggers, _))) => {
            let condition = spec.condition.and_then(|node| {
                let scalar = node.scalar()?;
                let compiled = Condition::compile(&scalar.text, &names);
                let condition = compiled.map_err(|mistakes| reader.tell(node, mistakes)).ok()?;
                if contradiction::never_holds(&triggers, &condition) {
                    let what = "whoever has just gone offline is none of this, so the rule can never ring";
                    let help = "the person before the change is `before`, as in `before.platforms.desktop`";
                    reader.problems.add(Problem::warning(node.at, what).help(help));
                }
                Some(condition)
            });
            let send = sends(spec, place, known, &group::in_message(in_template, noise.group), reader);
            let hold_for = spec.hold_for.map_or(Duration::ZERO, |(_, hold_for)| hold_for);
            Some(Occasion::When(When { triggers, condition, hold_for, send }))
        }
        (None, None) => None,
    };
    let who = if nobody { None } else { Some(who?) };
    Some(Rule { id: Arc::from(id?.text), enabled: spec.enabled, who, occasion: occasion?, noise })
}

/// Whom the rule is about. `None` if it was told that something is wrong.
fn who(spec: &RuleSpec<'_>, place: Span, known: &Known<'_>, reader: &mut Reader<'_>) -> Option<Who> {
    let Some((key_at, names)) = &spec.who else {
        let help = "name a person, a group, a list of both, or `everyone`";
        reader.problems.missing_key(place, "who", "a rule", help);
        return None;
    };
    if names.is_empty() {
        reader.problems.unreachable(
            *key_at,
            "`who` names nobody, so the rule can never ring",
            "name a person or a group",
        );
        return None;
    }
    let mut people: Vec<UserId> = Vec::new();
    let mut everyone = None;
    for name in names {
        match known.referents.get(name.text) {
            _ if name.text == "everyone" => everyone = Some(name.at),
            Some(&Referent::Person(at)) => people.push(known.people[at].id),
            Some(&Referent::Group(at)) => {
                people.extend(known.groups[at].members.iter().map(|&at| known.people[at].id));
            }
            None => {
                let unread = known.unread.people;
                let known = names::in_order(known.referents.keys().copied()).into_iter().chain(["everyone"]);
                let at = name.at;
                if name.text.parse::<UserId>().is_ok() {
                    let problem = Problem::error(at, "people are named here, not numbered");
                    reader
                        .problems
                        .add(problem.help("give the id a name under `people:`, and write the name"));
                } else if !unread {
                    let instead = elsewhere::instead(elsewhere::WHO, name.text)
                        .or_else(|| elsewhere::as_list(name.text));
                    reader.problems.unknown_name(at, "person or group", name.text, instead, known);
                }
            }
        }
    }
    if everyone.is_some() {
        if names.len() > 1 {
            let what = "`everyone` leaves nobody out: the other names change nothing";
            reader.problems.add(Problem::warning(everyone.unwrap_or(*key_at), what));
        }
        return Some(Who::Everyone);
    }
    if people.is_empty() {
        if names.iter().all(|name| known.referents.contains_key(name.text)) {
            let help = "add people to the group";
            reader.problems.unreachable(names[0].at, "this group is empty, so the rule can never ring", help);
        }
        return None;
    }
    people.sort_unstable();
    people.dedup();
    Some(Who::People(people))
}

/// The rule's changes, and what they are about if they agree.
fn when(
    spec: &RuleSpec<'_>,
    place: Span,
    known: &Known<'_>,
    reader: &mut Reader<'_>,
) -> (Vec<Trigger>, Option<Subject>) {
    let Some((key_at, specs)) = &spec.when else {
        let help = "name the change that rings: `when: went_online`";
        reader.problems.missing_key(place, "when", "a rule", help);
        return (Vec::new(), None);
    };
    if specs.is_empty() {
        reader.problems.unreachable(
            *key_at,
            "`when` names no change, so the rule can never ring",
            "name a change, such as `went_online`",
        );
    }
    tell_repeats(specs, reader);
    let mut triggers = Vec::with_capacity(specs.len());
    let mut all_known = true;
    for spec in specs {
        let Some(kind) = change(spec.change, reader) else {
            all_known = false;
            continue;
        };
        let narrow: Vec<Narrow> =
            spec.narrows.iter().filter_map(|entry| narrow(kind, entry, known, reader)).collect();
        if matcher::contradict(kind, &narrow) {
            let name = kind.name();
            let what =
                format!("`from` and `to` of `{name}` only agree here on one status, and that is no change");
            reader.problems.unreachable(spec.change.at, what, "name two different ones");
        }
        triggers.push(Trigger { kind, narrow });
    }
    let subject = triggers.first().map(|trigger| trigger.kind.subject());
    let agree = all_known && triggers.iter().all(|trigger| Some(trigger.kind.subject()) == subject);
    (triggers, subject.filter(|_| agree))
}

fn change(name: Name<'_>, reader: &mut Reader<'_>) -> Option<ChangeKind> {
    let kind = ChangeKind::from_name(name.text);
    if kind.is_none() {
        let known = ChangeKind::ALL.iter().map(|kind| kind.name());
        let instead =
            elsewhere::instead(elsewhere::CHANGES, name.text).or_else(|| elsewhere::as_list(name.text));
        reader.problems.unknown_name(name.at, "change", name.text, instead, known);
    }
    kind
}

/// One `field: pattern` of a narrowed change.
fn narrow(kind: ChangeKind, entry: &Entry, known: &Known<'_>, reader: &mut Reader<'_>) -> Option<Narrow> {
    let items: Vec<&Node> = reader.list(&entry.value).iter().collect();
    let mut patterns = Vec::with_capacity(items.len());
    for item in &items {
        patterns.push(reader.text(&entry.key, item)?.text.as_str());
    }
    if entry.value.is_broken() {
        return None;
    }
    let names: Vec<&str> = known.targets.keys().copied().collect();
    let words = if kind.is_own() && !known.unread.targets { &names[..] } else { &[] };
    match Narrow::compile(kind, &entry.key, &patterns, words) {
        Ok(narrow) => {
            for (node, pattern) in items.iter().zip(&patterns) {
                if let Some(doubt) = lookalike::regex(pattern) {
                    let at = scalar::place(reader.source, node, doubt.at.clone());
                    reader.problems.add(Problem::doubt(at, doubt));
                }
            }
            Some(narrow)
        }
        Err(misfits) => {
            for misfit in misfits {
                match misfit.pattern.and_then(|at| items.get(at)) {
                    Some(node) => reader.tell(node, [misfit.mistake]),
                    None => reader.problems.add(Problem::from_mistake(entry.key_at, misfit.mistake)),
                }
            }
            None
        }
    }
}

/// A change that is there twice, or narrowed beside its plain self.
fn tell_repeats(specs: &[TriggerSpec<'_>], reader: &mut Reader<'_>) {
    let plain: HashSet<&str> =
        specs.iter().filter(|spec| spec.narrows.is_empty()).map(|spec| spec.change.text).collect();
    let mut seen = HashSet::new();
    for spec in specs {
        let change = spec.change;
        if spec.narrows.is_empty() && !seen.insert(change.text) {
            let what = format!("`{}` is there twice", change.text);
            reader.problems.add(Problem::warning(change.at, what).help("keep one of them"));
        } else if !spec.narrows.is_empty() && plain.contains(change.text) {
            let what =
                format!("`{}` also stands here on its own, so narrowing it changes nothing", change.text);
            reader.problems.add(Problem::warning(change.at, what));
        }
    }
}

fn sends(
    spec: &RuleSpec<'_>,
    place: Span,
    known: &Known<'_>,
    names: &Names<'_>,
    reader: &mut Reader<'_>,
) -> Vec<Send> {
    match &spec.send {
        None => {
            reader.problems.missing_key(
                place,
                "send",
                "a rule",
                "say what to send, and where: `send: [phone]`",
            );
            Vec::new()
        }
        Some((key_at, sends)) => messages(*key_at, "send", sends, known, names, reader),
    }
}

/// The messages under `key`.
pub fn messages(
    key_at: Span,
    key: &str,
    sends: &[SendSpec<'_>],
    known: &Known<'_>,
    names: &Names<'_>,
    reader: &mut Reader<'_>,
) -> Vec<Send> {
    if sends.is_empty() {
        let help = format!("name a target, such as `{key}: phone`, or set `enabled: false`");
        let what = format!("`{key}` names no target, so the rule does nothing");
        reader.problems.unreachable(key_at, what, help);
    }
    sends.iter().filter_map(|spec| send::compile(spec, known, names, reader)).collect()
}
