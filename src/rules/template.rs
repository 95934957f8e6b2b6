//! Handlebars templates: compiled and checked when the file is loaded, rendered from a `Scope`.

use super::mistake::Mistake;
use super::scope::{Names, Scope};

/// A compiled template.
pub struct Template {}

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
