//! Handlebars templates: compiled and checked when the file is loaded, rendered from a `Scope`.
//!
//! `parse` reads the grammar, `check` finds each name in the vocabulary and makes a plan, `render` follows
//! the plan. Nothing is left to find out at night: no context is built, and a rendering cannot fail.

mod check;
mod format;
pub mod helpers;
mod parse;
mod render;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::mistake::Mistake;
use super::scope::{Names, Scope, Value};
use check::plan::{Piece, Plan};

/// A template's text takes no more than this.
pub const SOURCE_BYTES_MAX: usize = 64 << 10;
/// What is rendered is cut here, whatever its place takes.
pub const RENDERED_BYTES_MAX: usize = 64 << 10;

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A stretch of rendered text, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub text: String,
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The template's author.
    Literal,
    /// A stranger: to be escaped.
    Value,
    /// A stranger, by the author's wish as it is: `{{{triple}}}`.
    Raw,
}

impl Template {
    /// Compiles a template, or says everything that is wrong with it.
    pub fn compile(source: &str, names: &Names<'_>) -> Result<Self, Vec<Mistake>> {
        if source.len() > SOURCE_BYTES_MAX {
            let what = format!("a template of {} bytes", source.len());
            return Err(vec![
                Mistake::new(0..0, what).help(format!("{SOURCE_BYTES_MAX} bytes are the most")),
            ]);
        }
        let nodes = parse::parse(source)?;
        check::compile(&nodes, names).map(|pieces| Self { pieces })
    }

    /// The rendered text in stretches, so that its place can cut it and escape what strangers wrote. Control
    /// characters are gone from their part; the whole takes at most 64 KiB.
    pub fn render(&self, scope: &Scope<'_>) -> Vec<Segment> {
        render::render(&self.pieces, scope)
    }

    /// Renders without any escaping, for keys and for plain text; at most 64 KiB.
    pub fn render_plain(&self, scope: &Scope<'_>) -> String {
        self.render(scope).into_iter().map(|segment| segment.text).collect()
    }

    /// Its text, if it is nothing but text.
    pub fn constant(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The value of a template that is nothing but `{{json …}}`; null if it is larger than a text may be.
    pub fn render_json(&self, scope: &Scope<'_>) -> Option<Json> {
        match self.pieces.as_slice() {
            [Piece::Value { what: Plan::Call { helper, args }, .. }] if helper.name == "json" => {
                let value = args.first().map(|what| render::value(what, scope))?;
                let fits = value.to_string().len() <= RENDERED_BYTES_MAX;
                Some(if fits { value } else { Json::Null })
            }
            _ => None,
        }
    }
}

/// A value as JSON, with all its fields, as `{{json …}}` writes it.
pub fn json_of(value: Value<'_>, zone: &TimeZone) -> Json {
    value::Val::from(value).to_json(zone)
}
