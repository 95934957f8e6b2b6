//! The keys of targets and of messages, held against the tables of their kinds.

use serde_json::{Map, Number, Value as Json};

use super::diagnostic::Problem;
use super::duration::parse_duration;
use super::elsewhere::{self, Elsewhere};
use super::keys::{self, Setting};
use super::lookalike;
use super::mask::Mask;
use super::mistake::Mistake;
use super::places::{Source, Span};
use super::reading::{Allowed, Reader};
use super::scalar;
use super::spec::TargetSpec;
use super::tree::{Entry, Node, Sort, Value};
use crate::targets::{KINDS, Key, Kind, Placed, Shape};

/// A target's settings, if all of them can be read.
pub fn settings(
    reader: &mut Reader<'_>,
    spec: &TargetSpec<'_>,
    kind: &'static Kind,
) -> Option<Map<String, Json>> {
    let table =
        Table { fixed: keys::TARGET, keys: kind.settings, elsewhere: elsewhere::TARGET, texts: Texts::Plain };
    read(reader, spec.key.at, spec.settings, kind, table)
}

/// What a message says beside `to`, if all of it can be read.
pub fn message(
    reader: &mut Reader<'_>,
    at: Span,
    node: &Node,
    kind: &'static Kind,
) -> Option<Map<String, Json>> {
    let table =
        Table { fixed: keys::SEND, keys: kind.parts, elsewhere: elsewhere::SEND, texts: Texts::Templates };
    read(reader, at, node, kind, table)
}

/// What a message says to its target's fallback, if all of it can be read.
pub fn fallback(
    reader: &mut Reader<'_>,
    at: Span,
    node: &Node,
    kind: &'static Kind,
) -> Option<Map<String, Json>> {
    let table =
        Table { fixed: &[], keys: kind.parts, elsewhere: elsewhere::FALLBACK, texts: Texts::Templates };
    read(reader, at, node, kind, table)
}

/// Tells mistakes that are placed by keys and list places.
pub fn tell_placed(reader: &mut Reader<'_>, at: Span, node: &Node, mistakes: Vec<Placed>) {
    tell_placed_as(Problem::from_mistake, reader, at, node, mistakes);
}

/// The same of what works but is seldom meant.
pub fn doubt_placed(reader: &mut Reader<'_>, at: Span, node: &Node, mistakes: Vec<Placed>) {
    tell_placed_as(Problem::doubt, reader, at, node, mistakes);
}

fn tell_placed_as(
    problem: fn(Span, Mistake) -> Problem,
    reader: &mut Reader<'_>,
    at: Span,
    node: &Node,
    mistakes: Vec<Placed>,
) {
    for (path, mistake) in mistakes {
        let found = node.find(&path);
        if found.scalar().is_some() && !path.is_empty() {
            let place = if mistake.at.is_empty() {
                found.at
            } else {
                scalar::place(reader.source, found, mistake.at.clone())
            };
            reader.problems.add(problem(place, mistake));
        } else {
            let place = if path.is_empty() { at } else { key_of(node, &path).unwrap_or(at) };
            reader.problems.add(problem(reader.source.first_line_of(place), mistake));
        }
    }
}

/// Notes every value of the file that may be a secret, known key or not: a misspelled `token` has a token, too.
pub fn hide_secrets(root: &Node, source: &Source, mask: &mut Mask) {
    let section =
        |key: &str| root.entries().and_then(|entries| entries.iter().find(|entry| entry.key == key));
    for target in section("targets").and_then(|entry| entry.value.entries()).unwrap_or(&[]) {
        let entries = target.value.entries().unwrap_or(&[]);
        let named = entries.iter().find(|entry| entry.key == "type").and_then(|entry| entry.value.scalar());
        let kind = named.and_then(|name| KINDS.iter().find(|kind| kind.name == name.text));
        for entry in entries.iter().filter(|entry| keys::TARGET.iter().all(|key| key.name != entry.key)) {
            let key = kind.and_then(|kind| kind.settings.iter().find(|key| key.name == entry.key));
            let looks_like_url = entry.value.scalar().is_some_and(|scalar| scalar.text.contains("://"));
            let unknown = if looks_like_url { Shape::Url } else { Shape::Secret };
            hide(&entry.value, source, mask, key.map_or(unknown, |key| key.shape));
        }
    }
    let rules = section("rules").map(|entry| &entry.value);
    for rule in items(rules) {
        let entries = rule.entries().unwrap_or(&[]).iter();
        let sends = entries.filter(|entry| matches!(entry.key.as_str(), "send" | "enter" | "exit"));
        for message in sends.flat_map(|entry| items(Some(&entry.value))) {
            hide_message(message, source, mask);
        }
    }
}

fn hide_message(node: &Node, source: &Source, mask: &mut Mask) {
    for entry in node.entries().unwrap_or(&[]) {
        let secret = KINDS
            .iter()
            .flat_map(|kind| kind.parts)
            .any(|key| key.name == entry.key && key.shape == Shape::Secret);
        if secret || entry.key == "headers" {
            hide(&entry.value, source, mask, Shape::Secret);
        } else if entry.key == "fallback" {
            hide_message(&entry.value, source, mask);
        }
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => node.map_or(&[], std::slice::from_ref),
    }
}

fn hide(node: &Node, source: &Source, mask: &mut Mask, shape: Shape) {
    match (&node.value, shape) {
        (Value::Scalar(_), Shape::Url) => mask.hide_url(source, node.at),
        (Value::Scalar(_), Shape::Secret | Shape::TextMap) => mask.hide(source, node.at),
        (Value::Map(entries), Shape::Secret | Shape::TextMap) => {
            for entry in entries {
                hide(&entry.value, source, mask, Shape::Secret);
            }
        }
        (Value::List(items), Shape::Secret | Shape::TextMap) => {
            for item in items {
                hide(item, source, mask, Shape::Secret);
            }
        }
        _ => {}
    }
}

#[derive(Clone, Copy)]
struct Table {
    fixed: &'static [Setting],
    keys: &'static [Key],
    /// What people write for the fixed ones.
    elsewhere: &'static [Elsewhere],
    texts: Texts,
}

/// What a text of this mapping is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    Plain,
    Templates,
}

fn read(
    reader: &mut Reader<'_>,
    at: Span,
    node: &Node,
    kind: &'static Kind,
    table: Table,
) -> Option<Map<String, Json>> {
    let of = &match table.texts {
        Texts::Plain => format!("a target of type `{}`", kind.name),
        Texts::Templates => format!("a message to a target of type `{}`", kind.name),
    };
    let fields = reader.mapping("this", node);
    let instead = |key: &str| instead(kind, table, key);
    reader.check_keys(fields, &Allowed { of, fixed: table.fixed, more: table.keys, instead: &instead });
    // An unknown key does not keep the rest from being looked at.
    let before = reader.problems.errors();
    let mut read = Map::new();
    let mut broken = node.is_broken();
    for entry in fields.iter() {
        let Some(key) = table.keys.iter().find(|key| key.name == entry.key) else { continue };
        broken |= holds_broken(&entry.value);
        if let Some(value) = value(reader, entry, key, table.texts) {
            read.insert(entry.key.clone(), value);
        }
    }
    for key in table.keys.iter().filter(|key| key.required && fields.get(key.name).is_none()) {
        let help = format!("`{}`: {}", key.name, key.doc);
        reader.problems.missing_key(at, key.name, of, help);
    }
    (!broken && reader.problems.errors() == before).then_some(read)
}

/// What to do instead of writing `key` in a target or in a message to it.
fn instead(kind: &Kind, table: Table, key: &str) -> Option<String> {
    let other = match table.texts {
        Texts::Plain => kind.parts,
        Texts::Templates => kind.settings,
    };
    let texts = table.texts;
    let misplaced = other.iter().any(|known| known.name == key)
        || (texts == Texts::Templates && keys::TARGET.iter().any(|known| known.name == key));
    if misplaced {
        return Some(match texts {
            Texts::Plain => "it belongs to a message: write it beside `to:`".to_owned(),
            Texts::Templates => "it belongs to the target, under `targets:`".to_owned(),
        });
    }
    elsewhere::instead(kind.elsewhere, key).or_else(|| elsewhere::instead(table.elsewhere, key))
}

/// What is taken as it stands, though its author seems to expect something else.
fn doubt(reader: &mut Reader<'_>, node: &Node, key: &Key, texts: Texts) {
    let mut doubts = Vec::new();
    let mut look = |node: &Node| {
        let Some(scalar) = node.scalar() else { return };
        doubts.extend(match texts {
            Texts::Templates => lookalike::other_template(&scalar.text)
                .map(|it| (scalar::place(reader.source, node, it.at.clone()), it)),
            Texts::Plain => {
                let token = (key.name == "token").then(|| lookalike::bearer(&scalar.text)).flatten();
                token.or_else(|| lookalike::unfilled(&scalar.text)).map(|it| {
                    (
                        if it.at.is_empty() {
                            node.at
                        } else {
                            scalar::place(reader.source, node, it.at.clone())
                        },
                        it,
                    )
                })
            }
        });
    };
    each_scalar(node, &mut look);
    for (at, mistake) in doubts {
        reader.problems.add(Problem::doubt(at, mistake));
    }
}

fn each_scalar(node: &Node, look: &mut impl FnMut(&Node)) {
    match &node.value {
        Value::Scalar(_) => look(node),
        Value::List(items) => items.iter().for_each(|item| each_scalar(item, look)),
        Value::Map(entries) => entries.iter().for_each(|entry| each_scalar(&entry.value, look)),
        Value::Broken => {}
    }
}

fn value(reader: &mut Reader<'_>, entry: &Entry, key: &Key, texts: Texts) -> Option<Json> {
    let node = &entry.value;
    let name = entry.key.as_str();
    doubt(reader, node, key, texts);
    // What a template renders to is known when it is rendered, not before.
    if texts == Texts::Templates
        && let Some(scalar) = node.scalar().filter(|scalar| scalar.text.contains("{{"))
        && !matches!(key.shape, Shape::TextMap)
    {
        return Some(Json::String(scalar.text.clone()));
    }
    match key.shape {
        Shape::Text | Shape::Secret | Shape::Url => {
            reader.text(name, node).map(|text| Json::String(text.text.clone()))
        }
        Shape::Number => number(node).map(Json::Number).or_else(|| {
            let help = quoted_number(node).then(|| "a number is written without quotes".to_owned());
            reader.wrong_kind_but(name, node, "a number", help);
            None
        }),
        Shape::NumberOr(words) => match number(node) {
            Some(number) => Some(Json::Number(number)),
            None if quoted_number(node) => {
                let text = node.scalar().map_or("", |scalar| scalar.text.as_str());
                let sort = format!("word for `{name}`:");
                let help = format!("a number is written without quotes: `{text}`");
                reader.problems.unknown_name(node.at, &sort, text, Some(help), []);
                None
            }
            None => reader.choice(name, node, words).map(|word| Json::String(word.to_owned())),
        },
        Shape::Bool => reader.boolean(name, node).map(Json::Bool),
        Shape::Duration => {
            let scalar = reader.text(name, node)?;
            match parse_duration(&scalar.text) {
                Ok(_) => Some(Json::String(scalar.text.clone())),
                Err(mistake) => {
                    reader.problems.add(Problem::from_mistake(node.at, mistake));
                    None
                }
            }
        }
        Shape::Choice(words) => reader.choice(name, node, words).map(|word| Json::String(word.to_owned())),
        Shape::TextMap => {
            let fields = reader.mapping(name, node);
            let pairs = fields.iter().filter_map(|pair| {
                let text = reader.text(&pair.key, &pair.value)?;
                Some((pair.key.clone(), Json::String(text.text.clone())))
            });
            Some(Json::Object(pairs.collect()))
        }
        Shape::TextList if node.entries().is_some() => {
            reader.wrong_kind(name, node, "a text or a list of texts");
            None
        }
        Shape::TextList => {
            let items = reader.list(node).iter();
            let texts: Vec<Json> = items
                .filter_map(|item| reader.text(name, item).map(|text| Json::String(text.text.clone())))
                .collect();
            Some(Json::Array(texts))
        }
        Shape::Tree => Some(node.to_json()),
    }
}

fn number(node: &Node) -> Option<Number> {
    let scalar = node.scalar()?;
    match &scalar.sort {
        Sort::Number(number) => Some(number.clone()),
        // A variable's value is a text.
        Sort::Text if !scalar.fills.is_empty() => scalar.text.trim().parse().ok(),
        _ => None,
    }
}

fn quoted_number(node: &Node) -> bool {
    node.scalar().is_some_and(|scalar| scalar.sort == Sort::Text && scalar.text.trim().parse::<f64>().is_ok())
}

fn holds_broken(node: &Node) -> bool {
    match &node.value {
        Value::Broken => true,
        Value::List(items) => items.iter().any(holds_broken),
        Value::Map(entries) => entries.iter().any(|entry| holds_broken(&entry.value)),
        Value::Scalar(_) => false,
    }
}

/// The place of the last key that a path leads to.
fn key_of(node: &Node, path: &[String]) -> Option<Span> {
    let (first, rest) = path.split_first()?;
    match &node.value {
        Value::Map(entries) => {
            let entry = entries.iter().find(|entry| entry.key == *first)?;
            Some(key_of(&entry.value, rest).unwrap_or(entry.key_at))
        }
        Value::List(items) => {
            let item = items.get(first.parse::<usize>().ok()?)?;
            Some(key_of(item, rest).unwrap_or(item.at))
        }
        _ => None,
    }
}
