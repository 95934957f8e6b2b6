//! Bytes to a tree: `serde_yaml` says what each value is, `saphyr-parser` where it stands.

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::diagnostic::{Problem, Problems};
use super::places::{CharPlaces, Source, Span};
use super::scalar::Style;
use super::syntax;
use super::tree::{Entry, Node, Scalar, Sort, Value};

/// The largest rules file.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Lists in mappings in lists.
const DEPTH_MAX: usize = 48;
/// What a file may grow to when its aliases are followed, in bytes of text and 16 for each value.
const EXPANDED_BYTES_MAX: usize = 64 << 20;

/// Reads a document; `None` if it is not YAML, empty, or beyond a bound, which has then been told.
pub fn read(source: &Source, problems: &mut Problems) -> Option<Node> {
    read_within(source, EXPANDED_BYTES_MAX, problems)
}

/// The same of a document whose aliases may grow to less.
pub fn read_within(source: &Source, expanded_max: usize, problems: &mut Problems) -> Option<Node> {
    let marks = match marks(source, expanded_max) {
        Ok(marks) => marks,
        Err(problem) => {
            problems.add(problem);
            return None;
        }
    };
    if marks.is_empty() {
        problems.add(
            Problem::error(Span::default(), "the file is empty")
                .help("`doorchime init` writes one to start from"),
        );
        return None;
    }
    let mut builder = Builder { source, marks: &marks, next: 0, problems };
    let document = serde_yaml::Deserializer::from_str(source.text());
    match Seed(&mut builder).deserialize(document) {
        Ok(node) => Some(node),
        Err(error) => {
            let places = CharPlaces::new(source.text());
            let at = error.location().map_or(0, |at| places.byte(at.index()));
            problems.add(syntax::problem(source, at, &error.to_string()));
            None
        }
    }
}

/// A YAML event, and where it is.
struct Mark {
    what: What,
    at: Span,
}

enum What {
    Scalar {
        text: String,
        style: Style,
    },
    ListStart,
    MapStart,
    End,
    /// Leads to the mark where the anchored value begins.
    Alias(usize),
}

/// The document's events in order, everything that would be refused anyway refused here with its place.
fn marks(source: &Source, expanded_max: usize) -> Result<Vec<Mark>, Problem> {
    let places = CharPlaces::new(source.text());
    let mut marks: Vec<Mark> = Vec::new();
    let mut anchors: HashMap<usize, (usize, usize)> = HashMap::new();
    // For each open collection: its mark, its anchor, its weight so far.
    let mut open: Vec<(usize, usize, usize)> = Vec::new();
    let mut documents = 0;
    for event in Parser::new_from_str(source.text()) {
        let (event, span) = event
            .map_err(|error| syntax::problem(source, places.byte(error.marker().index()), error.info()))?;
        let at = Span::new(places.byte(span.start.index()), places.byte(span.end.index()));
        let (what, anchor, tag, weight) = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Problem::error(source.first_line_of(at), "a second document begins here")
                        .help("a rules file is one document: leave out the `---`"));
                }
                continue;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let weight = 16 + text.len();
                let what = What::Scalar { text: text.into_owned(), style: style_of(style) };
                (what, anchor, tag, weight)
            }
            Event::SequenceStart(anchor, tag) => (What::ListStart, anchor, tag, 16),
            Event::MappingStart(anchor, tag) => (What::MapStart, anchor, tag, 16),
            Event::SequenceEnd | Event::MappingEnd => (What::End, 0, None, 0),
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(&(mark, weight)) => (What::Alias(mark), 0, None, weight),
                None => return Err(Problem::error(at, "this alias is part of what it stands for")),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            return Err(syntax::tag(source, at, &tag.suffix));
        }
        let here = marks.len();
        let mut closed = None;
        match what {
            What::ListStart | What::MapStart => {
                if open.len() >= DEPTH_MAX {
                    return Err(Problem::error(source.first_line_of(at), "nested too deeply")
                        .help(format!("at most {DEPTH_MAX} levels are read")));
                }
                open.push((here, anchor, weight));
            }
            What::End => closed = open.pop(),
            _ => closed = Some((here, anchor, weight)),
        }
        if let Some((begun, anchor, weight)) = closed {
            if anchor > 0 {
                anchors.insert(anchor, (begun, weight));
            }
            if let Some((_, _, outer)) = open.last_mut() {
                *outer = outer.saturating_add(weight);
                if *outer > expanded_max {
                    return Err(Problem::error(
                        source.first_line_of(at),
                        "the file's aliases grow too large",
                    ));
                }
            }
        }
        marks.push(Mark { what, at });
    }
    Ok(marks)
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

/// Walks the marks while `serde_yaml` walks the values.
struct Builder<'b> {
    source: &'b Source,
    marks: &'b [Mark],
    next: usize,
    problems: &'b mut Problems,
}

impl Builder<'_> {
    /// Where an alias stands, the walk goes on at what it stands for; returns where to come back to.
    fn follow_alias(&mut self) -> Option<usize> {
        let What::Alias(target) = self.marks.get(self.next)?.what else { return None };
        let back = self.next + 1;
        self.next = target;
        Some(back)
    }

    fn take<E: serde::de::Error>(&mut self) -> Result<&Mark, E> {
        let mark = self.marks.get(self.next).ok_or_else(two_readings::<E>)?;
        self.next += 1;
        Ok(mark)
    }

    fn scalar<E: serde::de::Error>(&mut self, sort: Sort) -> Result<Node, E> {
        let source = self.source;
        let Mark { what: What::Scalar { text, style }, at } = self.take()? else {
            return Err(two_readings());
        };
        let shown = source.slice(*at);
        let at = if matches!(style, Style::Literal | Style::Folded) {
            Span::new(at.start, at.start + shown.trim_end().len())
        } else {
            *at
        };
        let scalar = Scalar { text: text.clone(), style: *style, sort, fills: Vec::new() };
        Ok(Node { at, value: Value::Scalar(scalar) })
    }

    /// One pair, or why its key cannot be one.
    fn entry(&mut self, key: Node, value: Node) -> Option<Entry> {
        if let Value::Scalar(scalar) = key.value {
            if scalar.text == "<<" && scalar.style == Style::Plain {
                self.problems.merge_key(key.at);
                return None;
            }
            return Some(Entry { key: scalar.text, key_at: key.at, value });
        }
        // `{{` has one mistake, told for the whole of it.
        let template =
            key.at.start > 0 && self.source.slice(Span::new(key.at.start - 1, key.at.end)).starts_with("{{");
        if !key.is_broken() && !template {
            let at = self.source.first_line_of(key.at);
            self.problems
                .add(Problem::error(at, "a key must be a text").help("write it on one line, in quotes"));
        }
        None
    }

    /// Keys that are there twice: YAML forbids them, and one of the two would silently win.
    fn tell_duplicates(&mut self, entries: &[Entry]) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for entry in entries {
            if let Some(&first) = first.get(entry.key.as_str()) {
                self.problems.duplicate_key(entry.key_at, &entry.key, first);
            } else {
                first.insert(&entry.key, entry.key_at);
            }
        }
    }
}

/// The two YAML readers never differ on what both accept; if they do, this is better than wrong places.
fn two_readings<E: serde::de::Error>() -> E {
    E::custom("this YAML can be read in two ways: write texts in quotes")
}

struct Seed<'s, 'b>(&'s mut Builder<'b>);

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let back = self.0.follow_alias();
        let node = deserializer.deserialize_any(Seed(&mut *self.0))?;
        self.0.next = back.unwrap_or(self.0.next);
        Ok(node)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.0.scalar(Sort::Nothing)
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node, E> {
        self.0.scalar(Sort::Bool(value))
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        self.0.scalar(Sort::Number(value.into()))
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        self.0.scalar(Sort::Number(value.into()))
    }
    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Node, E> {
        self.visit_f64(value as f64)
    }
    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Node, E> {
        self.visit_f64(value as f64)
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        // What JSON has no number for (`.inf`) stays the text it is.
        self.0.scalar(serde_json::Number::from_f64(value).map_or(Sort::Text, Sort::Number))
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Node, E> {
        self.0.scalar(Sort::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let Mark { what: What::ListStart, at } = *self.0.take()? else { return Err(two_readings()) };
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed(&mut *self.0))? {
            items.push(item);
        }
        let end = self.0.take::<A::Error>()?.at.end;
        let inner = items.last().map_or(at.end, |item| item.at.end);
        let flows = self.0.source.slice(Span::new(at.start, at.start + 1)) == "[";
        Ok(Node { at: Span::new(at.start, if flows { end } else { inner }), value: Value::List(items) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let Mark { what: What::MapStart, at } = *self.0.take()? else { return Err(two_readings()) };
        let (mut entries, mut inner) = (Vec::new(), at.end);
        while let Some(key) = map.next_key_seed(Seed(&mut *self.0))? {
            let value = map.next_value_seed(Seed(&mut *self.0))?;
            inner = value.at.end;
            entries.extend(self.0.entry(key, value));
        }
        let end = self.0.take::<A::Error>()?.at.end;
        let flows = self.0.source.slice(Span::new(at.start, at.start + 1)) == "{";
        let at = Span::new(at.start, if flows { end } else { inner });
        if flows && self.0.source.slice(at).starts_with("{{") {
            self.0.problems.add(syntax::unquoted_template(self.0.source, at));
            return Ok(Node { at, value: Value::Broken });
        }
        self.0.tell_duplicates(&entries);
        Ok(Node { at, value: Value::Map(entries) })
    }
}
