//! One message of a rule: its target looked up, its texts compiled, and those of the targets that take over.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::compile::{Known, KnownTarget};
use super::diagnostic::Problem;
use super::elsewhere;
use super::fallback;
use super::names::in_order;
use super::parts;
use super::places::Span;
use super::reading::Reader;
use super::scope::Names;
use super::set::{Instead, Send, Words};
use super::spec::SendSpec;
use super::tree::Node;
use crate::targets::message::Message;
use crate::targets::{Kind, Placed};

pub fn compile(
    spec: &SendSpec<'_>,
    known: &Known<'_>,
    names: &Names<'_>,
    reader: &mut Reader<'_>,
) -> Option<Send> {
    let to = spec.to?;
    let Some(target) = known.targets.get(to.text) else {
        if !known.unread.targets {
            let known = in_order(known.targets.keys().copied());
            let instead = elsewhere::as_list(to.text);
            reader.problems.unknown_name(to.at, "target", to.text, instead, known);
        }
        return None;
    };
    let kind = target.kind?;
    let parts = match spec.parts {
        Some(node) => parts::message(reader, spec.at, node, kind)?,
        None => Map::new(),
    };
    let place = Place { at: spec.at, node: spec.parts, named_at: to.at };
    let message = message(target, kind, &parts, names, place, reader);
    let fallbacks = fallbacks(spec, target, &parts, known, names, reader);
    let expire = spec.expire.unwrap_or(target.spec.expire);
    Some(Send { to: Arc::from(to.text), message: message?, expire, fallbacks: fallbacks? })
}

/// Where a message stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    at: Span,
    /// Nothing if only the target is named.
    node: Option<&'p Node>,
    named_at: Span,
}

fn message(
    target: &KnownTarget<'_>,
    kind: &'static Kind,
    parts: &Map<String, Json>,
    names: &Names<'_>,
    place: Place<'_>,
    reader: &mut Reader<'_>,
) -> Option<Message> {
    let unfit = unfit(target, parts);
    let inlays = place.node.map(Node::inlays).unwrap_or_default();
    let compiled = match Message::compile(kind, parts, &inlays, names) {
        Ok(_) if !unfit.is_empty() => Err(unfit),
        Err(mistakes) => Err(mistakes.into_iter().chain(unfit).collect()),
        fit => fit,
    };
    match compiled {
        Ok(message) => Some(message),
        Err(mistakes) => {
            match place.node {
                Some(node) => parts::tell_placed(reader, place.at, node, mistakes),
                None => {
                    for (_, mistake) in mistakes {
                        reader.problems.add(Problem::from_mistake(place.named_at, mistake));
                    }
                }
            }
            None
        }
    }
}

/// What this very target does not take.
fn unfit(target: &KnownTarget<'_>, parts: &Map<String, Json>) -> Vec<Placed> {
    target.built.as_ref().map_or_else(Vec::new, |target| target.check_parts(parts))
}

/// What the targets after the first are told; `None` if something was wrong with it.
fn fallbacks(
    spec: &SendSpec<'_>,
    first: &KnownTarget<'_>,
    parts: &Map<String, Json>,
    known: &Known<'_>,
    names: &Names<'_>,
    reader: &mut Reader<'_>,
) -> Option<Vec<Instead>> {
    let name = first.spec.key.text;
    let chain = fallback::chain(name, &known.targets);
    if let Some(node) = spec.fallback
        && first.spec.fallback.is_none()
    {
        let problem =
            Problem::error(reader.source.first_line_of(node.at), format!("`{name}` has no fallback"));
        reader.problems.add(problem.help("name the other target under `targets:`, as `fallback: OTHER`"));
    }
    let mut own = spec.fallback;
    let mut fallbacks = Vec::with_capacity(chain.len());
    for target in chain {
        let kind = target.kind?;
        let words = if let Some(node) = own.take() {
            let at = reader.source.first_line_of(node.at);
            let parts = parts::fallback(reader, at, node, kind)?;
            let place = Place { at, node: Some(node), named_at: at };
            Words::Own(Box::new(message(target, kind, &parts, names, place, reader)?))
        } else if first.kind.is_some_and(|first| first.name == kind.name) {
            if let Some((_, mistake)) = unfit(target, parts).into_iter().next() {
                let what = format!(
                    "`{}`, the fallback of `{name}`, cannot be told this: {}",
                    target.spec.key.text, mistake.what
                );
                let problem = Problem::error(spec.at, what);
                reader
                    .problems
                    .add(problem.help("say what it is told instead: `fallback: {…}` in the message"));
                return None;
            }
            Words::Same
        } else {
            Words::Retold(kind)
        };
        fallbacks.push(Instead { to: Arc::from(target.spec.key.text), words, expire: target.spec.expire });
    }
    Some(fallbacks)
}
