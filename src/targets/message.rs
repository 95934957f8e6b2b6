//! A message as the rules file writes it: its parts as templates, rendered for one firing.

use serde_json::{Map, Value};

use super::{Kind, Placed};
use crate::outbox::delivery::Parts;
use crate::rules::scope::{Names, Scope};

/// The parts of one `send:` entry, compiled.
pub struct Message {}

impl Message {
    /// Compiles what stands beside `to:`, whose keys and shapes have been checked against `kind.parts`.
    pub fn compile(
        _kind: &'static Kind,
        _parts: &Map<String, Value>,
        _names: &Names<'_>,
    ) -> Result<Self, Vec<Placed>> {
        todo!()
    }

    /// Renders every part: escaped for its place, cut to the target's limits.
    pub fn render(&self, _scope: &Scope<'_>) -> Parts {
        todo!()
    }
}
