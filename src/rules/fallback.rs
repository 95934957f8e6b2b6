//! Where goes what a target does not take: names looked up, circles found.

use std::collections::{HashMap, HashSet};

use super::compile::KnownTarget;
use super::diagnostic::Problem;
use super::elsewhere;
use super::reading::Reader;
use super::spec::TargetSpec;

/// So many targets may stand one after the other: a delivery carries a message for each.
const CHAIN_MAX: usize = 8;

type Known<'k> = HashMap<&'k str, KnownTarget<'k>>;

/// Tells what is wrong with the targets' `fallback`s.
pub fn check(specs: &[TargetSpec<'_>], known: &Known<'_>, reader: &mut Reader<'_>) {
    for (nth, spec) in specs.iter().enumerate() {
        let Some(name) = spec.fallback else { continue };
        if !known.contains_key(name.text) {
            let names = known.keys().copied();
            let instead = elsewhere::as_list(name.text);
            reader.problems.unknown_name(name.at, "target", name.text, instead, names);
            continue;
        }
        let chain = chain(spec.key.text, known);
        let leads_back =
            |last: &&KnownTarget<'_>| last.spec.fallback.is_some_and(|it| it.text == spec.key.text);
        if name.text == spec.key.text {
            let problem = Problem::error(name.at, format!("`{}` is its own fallback", name.text));
            reader.problems.add(problem.help("name another target, or leave `fallback` out"));
        } else if chain.last().is_some_and(leads_back) {
            // It is in the circle of each of them, and told once, at the first.
            let place = |key: &str| specs.iter().position(|spec| spec.key.text == key);
            if chain.iter().all(|target| place(target.spec.key.text) > Some(nth)) {
                let around = chain.iter().map(|target| target.spec.key.text);
                let way: Vec<&str> =
                    [spec.key.text].into_iter().chain(around).chain([spec.key.text]).collect();
                let what = format!("fallbacks go round in a circle: `{}`", way.join("` → `"));
                reader.problems.add(Problem::error(name.at, what).help("one of them must be the last"));
            }
        } else if chain.len() > CHAIN_MAX {
            let what = format!("more than {CHAIN_MAX} fallbacks one after the other");
            reader.problems.add(Problem::error(name.at, what));
        }
    }
}

/// The targets that take over after one, in order; each once.
pub fn chain<'k>(first: &str, known: &'k Known<'k>) -> Vec<&'k KnownTarget<'k>> {
    let mut chain: Vec<&KnownTarget<'_>> = Vec::new();
    let mut next = known.get(first).and_then(|target| target.spec.fallback);
    while let Some(target) = next.and_then(|name| known.get(name.text)) {
        let name = target.spec.key.text;
        if name == first || chain.iter().any(|before| before.spec.key.text == name) {
            break;
        }
        chain.push(target);
        next = target.spec.fallback;
    }
    chain
}

/// Targets that are sent to, and those that take over from one of them.
pub fn with_fallbacks<'n>(specs: &[TargetSpec<'n>], mut used: HashSet<&'n str>) -> HashSet<&'n str> {
    let mut new: Vec<&str> = used.iter().copied().collect();
    while let Some(name) = new.pop() {
        let spec = specs.iter().find(|spec| spec.key.text == name);
        if let Some(next) = spec.and_then(|spec| spec.fallback)
            && used.insert(next.text)
        {
            new.push(next.text);
        }
    }
    used
}
