//! Handlebars templates: compiled and checked when the file is loaded, rendered from a `Scope`.

use super::mistake::Mistake;
use super::scope::{Names, Scope};

/// A compiled template.
pub struct Template {}

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
    pub fn compile(_source: &str, _names: &Names<'_>) -> Result<Self, Vec<Mistake>> {
        todo!()
    }

    /// Renders without any escaping, for keys and for plain text; at most 64 KiB.
    pub fn render_plain(&self, _scope: &Scope<'_>) -> String {
        todo!()
    }
}
