//! Handlebars templates: compiled and checked when the file is loaded, rendered from a `Scope`.
//!
//! The `handlebars` crate parses and renders. Around it: `scan` looks at the text before the crate does,
//! `check` finds each name of its tree in the vocabulary and makes the tree fit for what we promise, `context`
//! makes the JSON that the template looks at, `engine` renders and keeps strangers' words apart.

mod check;
mod context;
mod engine;
mod format;
pub mod helpers;
mod infix;
mod inlay;
mod scan;
#[cfg(test)]
pub(crate) mod tests;
mod value;
mod view;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use handlebars::template::Template as Tree;
use handlebars::{TemplateError, TemplateErrorReason};
use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::mistake::Mistake;
use super::scope::{Names, Scope, Value};
pub use inlay::{Inlay, Inlays};

/// A template's text takes no more than this.
pub const SOURCE_BYTES_MAX: usize = 64 << 10;
/// What is rendered is cut here, whatever its place takes.
pub const RENDERED_BYTES_MAX: usize = 64 << 10;

/// Renderings in which Handlebars refused an expression, since the start.
static FAULTS: AtomicU64 = AtomicU64::new(0);

/// How many renderings had an expression that could not be rendered and came out empty. What was checked can
/// be rendered, so this stays 0 unless the checker has a gap.
pub fn faults() -> u64 {
    FAULTS.load(Ordering::Relaxed)
}

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    checked: engine::Checked,
    /// Its text, if it is nothing but text.
    constant: Option<String>,
    /// Whether it is nothing but `{{json …}}`.
    json_alone: bool,
    fault: OnceLock<String>,
    fault_told: AtomicBool,
}

/// A stretch of rendered text, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub text: String,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The template's author.
    Literal,
    /// A stranger: to be escaped.
    Value,
    /// A stranger, by the author's wish as it is: `{{{triple}}}`.
    Raw,
    /// Nobody in the file: a value that is filled in from outside of it, by its name.
    Outside(Arc<str>),
}

impl Template {
    /// Compiles a template, or says everything that is wrong with it.
    pub fn compile(source: &str, names: &Names<'_>) -> Result<Self, Vec<Mistake>> {
        Self::compile_inlaid(source, &[], names)
    }

    /// The same of a text into which values were filled, in the order in which they stand there. What they say
    /// is text and nothing else, and it is never between braces.
    pub fn compile_inlaid(source: &str, inlays: &[Inlay], names: &Names<'_>) -> Result<Self, Vec<Mistake>> {
        if source.len() > SOURCE_BYTES_MAX {
            let what = format!("a template of {} bytes", source.len());
            return Err(vec![
                Mistake::new(0..0, what).help(format!("{SOURCE_BYTES_MAX} bytes are the most")),
            ]);
        }
        let veiled = inlay::veil(source, inlays);
        let tags = scan::scan(&veiled)?;
        let tree = Tree::compile(&veiled).map_err(|error| vec![mistake(&veiled, &tags, &error)])?;
        let json_alone = check::json_alone(&tree);
        let values = inlays.iter().filter(|inlay| !inlay.at.is_empty());
        let values = values.map(|inlay| (inlay.name.clone(), &source[inlay.at.clone()])).collect();
        let checked = check::check(&veiled, tree, tags, values, names)?;
        let constant = engine::constant(&checked.tree);
        Ok(Self { checked, constant, json_alone, fault: OnceLock::new(), fault_told: AtomicBool::new(false) })
    }

    /// The rendered text in stretches, so that its place can cut it and escape what strangers wrote. Control
    /// characters are gone from their part; the whole takes at most 64 KiB.
    pub fn render(&self, scope: &Scope<'_>) -> Vec<Segment> {
        if let Some(text) = self.constant() {
            let said = (!text.is_empty()).then(|| Segment { text: text.to_owned(), origin: Origin::Literal });
            return said.into_iter().collect();
        }
        self.rendered(scope).segments
    }

    /// Renders without any escaping, for keys and for plain text; at most 64 KiB.
    pub fn render_plain(&self, scope: &Scope<'_>) -> String {
        self.render(scope).into_iter().map(|segment| segment.text).collect()
    }

    /// Its text, if it is nothing but text.
    pub fn constant(&self) -> Option<&str> {
        self.constant.as_deref()
    }

    /// The value of a template that is nothing but `{{json …}}`; null if it is larger than a text may be.
    pub fn render_json(&self, scope: &Scope<'_>) -> Option<Json> {
        self.json_alone.then(|| {
            let rendered = self.rendered(scope);
            let text: String = rendered.segments.into_iter().map(|segment| segment.text).collect();
            if rendered.whole { serde_json::from_str(&text).unwrap_or(Json::Null) } else { Json::Null }
        })
    }

    /// What Handlebars refused of this template, the first time that anybody asks after it has.
    pub fn untold_fault(&self) -> Option<&str> {
        let fault = self.fault.get()?;
        (!self.fault_told.swap(true, Ordering::Relaxed)).then_some(fault)
    }

    fn rendered(&self, scope: &Scope<'_>) -> engine::Rendered {
        let mut rendered = engine::render(&self.checked, scope);
        if let Some(fault) = rendered.fault.take() {
            FAULTS.fetch_add(1, Ordering::Relaxed);
            self.fault.get_or_init(|| fault);
        }
        rendered
    }
}

/// A value as JSON, with all its fields, as `{{json …}}` writes it.
pub fn json_of(value: Value<'_>, zone: &TimeZone) -> Json {
    context::for_reader(value, zone)
}

/// What stopped Handlebars, in our words: it says where, and little more.
fn mistake(source: &str, tags: &[Range<usize>], error: &TemplateError) -> Mistake {
    let at = error.pos().map_or(source.len(), |(line, column)| offset(source, line, column));
    if let TemplateErrorReason::InvalidParam(text) = error.reason() {
        let begin = source.find(text.as_str()).unwrap_or(at);
        let end = (begin + text.len()).min(source.len());
        return Mistake::new(begin..end, format!("`{text}` is no value"));
    }
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '(' | ')' | '=' | '|' | '~' | '"' | '\'');
    let begin = source[..at].rfind(ends).map_or(0, |found| source[..found].len() + 1);
    let begin = source.ceil_char_boundary(begin).min(at);
    let end = source[at..].find(ends).map_or(source.len(), |found| at + found);
    let word = &source[begin..end];
    if let "." | ".." = word {
        let help = if word == "." { "write `this`" } else { "write `../this`" };
        return Mistake::new(begin..end, format!("`{word}` is no name")).help(help);
    }
    if word.contains(['.', '/', '@', '[', ']']) {
        return Mistake::new(begin..end, format!("`{word}` is no name")).help("names are parted by one dot");
    }
    // Only a plain word takes something.
    let tag = tags.iter().find(|tag| tag.contains(&at)).cloned().unwrap_or(at..at);
    let head = source[tag.clone()].find(ends).map_or(tag.end, |length| tag.start + length);
    let head = tag.start..head;
    if at > head.end && source[head.clone()].contains(['.', '/', '@', '[']) {
        let what = format!("`{}` is no helper, and something follows it", &source[head.clone()]);
        return Mistake::new(head, what).help("close the braces after it, or begin with a helper's name");
    }
    if word == "as" {
        return as_names(begin..end);
    }
    if word.is_empty() {
        return scan::unexpected(source, at);
    }
    Mistake::new(begin..end, format!("`{word}` is not expected here"))
}

/// `as` with something else after it than one or two names between bars.
fn as_names(at: Range<usize>) -> Mistake {
    Mistake::new(at, "`as` names what the block gives").help("like `as |item index|`")
}

/// The byte at a line and a column, both counted from 1, columns in letters.
fn offset(source: &str, line: usize, column: usize) -> usize {
    let start: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let letters = source[start..].char_indices().map(|(at, _)| start + at);
    letters.chain([source.len()]).nth(column.saturating_sub(1)).unwrap_or(source.len())
}
