//! A message as the rules file writes it: its parts as templates, rendered for one firing.

use serde_json::{Map, Value, json};

use super::filled::{Filled, Step, escaped_for_json};
use super::place::{Apart, Escape, Fit, Form, Place};
use super::{EVENT, Kind, Main, Placed, Shape, phrase};
use crate::outbox::delivery::Parts;
use crate::rules::mistake::Mistake;
use crate::rules::scope::{Names, Scope};
use crate::rules::template::{Inlay, Inlays, Origin, Segment, Template};

/// The parts of one `send:` entry, compiled.
#[derive(Debug)]
pub struct Message {
    pub(super) parts: Vec<(&'static str, Part)>,
    pub(super) main: Main,
    /// Where the main text stands, given or not.
    main_place: Place,
}

/// One value of a message.
#[derive(Debug)]
pub(super) enum Part {
    Constant(Value),
    Text {
        template: Template,
        place: Place,
        /// Inside of a JSON tree, where `{{json …}}` alone is the value itself.
        tree: bool,
    },
    /// A number, a truth or one of some words, as a template may make it.
    Typed {
        template: Template,
        shape: Shape,
    },
    List(Vec<Part>),
    Map(Vec<(String, Part)>),
}

impl Message {
    /// Compiles what stands beside `to:`, whose keys and shapes have been checked against `kind.parts`. `inlays`
    /// tells what of it was filled in.
    pub fn compile(
        kind: &'static Kind,
        parts: &Map<String, Value>,
        inlays: &Inlays,
        names: &Names<'_>,
    ) -> Result<Self, Vec<Placed>> {
        let mut compiler = Compiler { kind, parts, inlays, names, problems: (kind.check)(parts) };
        for key in kind.parts.iter().filter(|key| key.required && !parts.contains_key(key.name)) {
            compiler.problems.push((Vec::new(), Mistake::new(0..0, format!("`{}` is missing", key.name))));
        }
        let mut compiled = Vec::new();
        for (name, value) in parts.iter().filter(|(_, value)| !value.is_null()) {
            let Some(key) = kind.parts.iter().find(|key| key.name == name) else {
                let mistake = Mistake::new(0..0, format!("`{}` takes no `{name}`", kind.name));
                let known = kind.parts.iter().map(|key| key.name);
                compiler.problems.push((vec![name.clone()], mistake.nearest(name, known)));
                continue;
            };
            let part = compiler.part(&mut vec![name.clone()], value, key.shape);
            compiled.push((key.name, part));
        }
        compiled.extend((kind.implied)(parts).map(|(name, value)| (name, Part::Constant(value))));
        if compiler.problems.is_empty() {
            let main_part = match kind.main {
                Main::Text { part, .. } => part,
                Main::Event { .. } => EVENT,
            };
            let main_place = (kind.place)(&[main_part], parts);
            Ok(Self { parts: compiled, main: kind.main, main_place })
        } else {
            Err(compiler.problems)
        }
    }

    /// What could not be rendered in one of its texts, told once for each.
    pub fn untold_faults(&self) -> Vec<&str> {
        let mut faults = Vec::new();
        self.parts.iter().for_each(|(_, part)| part.untold_faults(&mut faults));
        faults
    }

    /// Renders every part: escaped for its place, cut to the target's limits.
    pub fn render(&self, scope: &Scope<'_>) -> Parts {
        let mut apart = Filled::default();
        let rendered = self.parts.iter().filter_map(|(name, part)| {
            Some(((*name).to_owned(), apart.below(Step::Key(name), |apart| part.render(scope, apart))?))
        });
        let mut parts: Parts = rendered.collect();
        let given = |names: &[&str]| names.iter().any(|name| parts.contains_key(*name));
        match self.main {
            Main::Text { part, instead } => {
                let blank = parts.get(part).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
                // Services refuse a message without words; what changed can always be said.
                if blank && !given(instead) {
                    parts.insert(part.to_owned(), Value::from(self.main_place.fit(&phrase::of(scope)).text));
                }
            }
            Main::Event { instead } => {
                if !given(instead) {
                    parts.insert(EVENT.to_owned(), phrase::event(scope));
                }
            }
        }
        apart.note(&mut parts);
        parts
    }
}

struct Compiler<'c> {
    kind: &'static Kind,
    parts: &'c Map<String, Value>,
    inlays: &'c Inlays,
    names: &'c Names<'c>,
    problems: Vec<Placed>,
}

impl Compiler<'_> {
    fn part(&mut self, path: &mut Vec<String>, value: &Value, shape: Shape) -> Part {
        match (shape, value) {
            (Shape::TextMap, Value::Object(map)) => self.map(path, map, Shape::Text),
            (Shape::Tree, Value::Object(map)) => self.map(path, map, Shape::Tree),
            // One text where a list of them may stand is a list of one.
            (Shape::TextList, Value::String(_)) => Part::List(vec![self.part(path, value, Shape::Text)]),
            (Shape::TextList, Value::Array(list)) => self.list(path, list, Shape::Text),
            (Shape::Tree, Value::Array(list)) => self.list(path, list, Shape::Tree),
            (Shape::Tree, Value::Null | Value::Bool(_) | Value::Number(_)) => Part::Constant(value.clone()),
            (Shape::Number | Shape::NumberOr(_), Value::Number(_)) | (Shape::Bool, Value::Bool(_)) => {
                Part::Constant(value.clone())
            }
            (Shape::Number | Shape::NumberOr(_) | Shape::Bool | Shape::Choice(_), Value::String(text)) => {
                self.typed(path, text, shape)
            }
            (_, Value::String(text)) => self.text(path, text, shape),
            // YAML makes numbers and truths of words like `1` and `yes`; where a text stands they are texts.
            (_, Value::Number(number)) => self.text(path, &number.to_string(), shape),
            (_, Value::Bool(bool)) => self.text(path, &bool.to_string(), shape),
            _ => {
                self.problem(path, Mistake::new(0..0, format!("`{}` is {}", path.join("."), wanted(shape))));
                Part::Constant(Value::Null)
            }
        }
    }

    fn map(&mut self, path: &mut Vec<String>, map: &Map<String, Value>, shape: Shape) -> Part {
        let mut parts = Vec::with_capacity(map.len());
        for (key, value) in map {
            path.push(key.clone());
            parts.push((key.clone(), self.part(path, value, shape)));
            path.pop();
        }
        Part::Map(parts)
    }

    fn list(&mut self, path: &mut Vec<String>, list: &[Value], shape: Shape) -> Part {
        let mut parts = Vec::with_capacity(list.len());
        for (at, value) in list.iter().enumerate() {
            path.push(at.to_string());
            parts.push(self.part(path, value, shape));
            path.pop();
        }
        Part::List(parts)
    }

    fn text(&mut self, path: &[String], text: &str, shape: Shape) -> Part {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        let inlays = self.inlays.get(path).map_or(&[][..], Vec::as_slice);
        match Template::compile_inlaid(text, inlays, self.names) {
            Ok(template) => {
                let place = (self.kind.place)(&keys, self.parts);
                let in_lines = |inlay: &&Inlay| text[inlay.at.clone()].contains(char::is_control);
                if place.form != Form::Lines
                    && let Some(inlay) = inlays.iter().find(in_lines)
                {
                    let what = "this has more than one line, and the text takes one";
                    return self.wrong(path, vec![Mistake::new(inlay.at.clone(), what)]);
                }
                Part::Text { template, place, tree: shape == Shape::Tree }
            }
            Err(mistakes) => self.wrong(path, mistakes),
        }
    }

    fn typed(&mut self, path: &[String], text: &str, shape: Shape) -> Part {
        let template = match Template::compile(text, self.names) {
            Ok(template) => template,
            Err(mistakes) => return self.wrong(path, mistakes),
        };
        let Some(constant) = template.constant() else { return Part::Typed { template, shape } };
        if let Some(value) = typed(constant, shape) {
            return Part::Constant(value);
        }
        let mistake = Mistake::new(0..text.len(), format!("`{text}` is not {}", wanted(shape)));
        let mistake = match shape {
            Shape::Choice(words) | Shape::NumberOr(words) => mistake.nearest(text, words.iter().copied()),
            _ => mistake,
        };
        self.wrong(path, vec![mistake])
    }

    fn wrong(&mut self, path: &[String], mistakes: Vec<Mistake>) -> Part {
        for mistake in mistakes {
            self.problem(path, mistake);
        }
        Part::Constant(Value::Null)
    }

    fn problem(&mut self, path: &[String], mistake: Mistake) {
        self.problems.push((path.to_vec(), mistake));
    }
}

impl Part {
    fn untold_faults<'p>(&'p self, faults: &mut Vec<&'p str>) {
        match self {
            Self::Constant(_) => {}
            Self::Text { template, .. } | Self::Typed { template, .. } => {
                faults.extend(template.untold_fault());
            }
            Self::List(parts) => parts.iter().for_each(|part| part.untold_faults(faults)),
            Self::Map(parts) => parts.iter().for_each(|(_, part)| part.untold_faults(faults)),
        }
    }

    /// None leaves the part out: an address that came out empty, a number that is none.
    fn render<'p>(&'p self, scope: &Scope<'_>, apart: &mut Filled<'p>) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Text { template, place, tree } => {
                if *tree && let Some(value) = template.render_json(scope) {
                    return Some(value);
                }
                let segments = template.render(scope);
                let mut fit = place.fit(&segments);
                if place.escape == Escape::Json {
                    fit = valid_json(fit, &segments, *place);
                }
                apart.here(&fit);
                let is_nothing = fit.text.is_empty() && fit.apart.is_empty();
                (!(place.form == Form::Word && is_nothing)).then_some(Value::String(fit.text))
            }
            Self::Typed { template, shape } => typed(template.render_plain(scope).trim(), *shape),
            Self::List(parts) => {
                let mut items = Vec::with_capacity(parts.len());
                for part in parts {
                    items.extend(apart.below(Step::Place(items.len()), |apart| part.render(scope, apart)));
                }
                Some(Value::Array(items))
            }
            Self::Map(parts) => {
                let rendered = parts.iter().filter_map(|(key, part)| {
                    Some((key.clone(), apart.below(Step::Key(key), |apart| part.render(scope, apart))?))
                });
                Some(Value::Object(rendered.collect()))
            }
        }
    }
}

/// A JSON body that a `{{{triple}}}` or a value from outside broke is written once more with everything escaped; if it is the
/// template's own text that is no JSON, or the end was cut off, it is sent as one JSON text.
fn valid_json(fit: Fit, segments: &[Segment], place: Place) -> Fit {
    let valid = |fit: &Fit| serde_json::from_str::<serde::de::IgnoredAny>(&fit.whole()).is_ok();
    if valid(&fit) {
        return fit;
    }
    let escaped: Vec<Segment> = segments
        .iter()
        .cloned()
        .map(|segment| match segment.origin {
            Origin::Literal => segment,
            Origin::Outside(_) => Segment { text: escaped_for_json(&segment.text), ..segment },
            Origin::Value | Origin::Raw => Segment { origin: Origin::Value, ..segment },
        })
        .collect();
    let mut safe = place.fit(&escaped);
    safe.apart.iter_mut().for_each(|apart| apart.in_json = true);
    if valid(&safe) {
        return safe;
    }
    let within = |at: usize| 1 + escaped_for_json(&fit.text[..at]).len();
    let apart = fit.apart.iter().map(|apart| Apart { at: within(apart.at), in_json: true, ..apart.clone() });
    Fit { apart: apart.collect(), text: json!(fit.text).to_string() }
}

/// A rendered text as what the shape asks for.
fn typed(text: &str, shape: Shape) -> Option<Value> {
    let number = || {
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        Some(if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) })
    };
    let word =
        |words: &[&str]| words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| json!(word));
    match shape {
        Shape::Number => number(),
        Shape::NumberOr(words) => number().or_else(|| word(words)),
        Shape::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(json!(true)),
            "false" | "no" | "off" | "0" | "" => Some(json!(false)),
            _ => None,
        },
        Shape::Choice(words) => word(words),
        _ => Some(json!(text)),
    }
}

fn wanted(shape: Shape) -> String {
    match shape {
        Shape::Number => "a number".to_owned(),
        Shape::NumberOr(_) => "a number or one of its words".to_owned(),
        Shape::Bool => "`true` or `false`".to_owned(),
        Shape::Choice(_) => "one of its words".to_owned(),
        Shape::TextMap => "a mapping of texts".to_owned(),
        Shape::TextList => "a list of texts".to_owned(),
        Shape::Text | Shape::Secret | Shape::Url | Shape::Duration => "a text".to_owned(),
        Shape::Tree => "a mapping or a list".to_owned(),
    }
}
