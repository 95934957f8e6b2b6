//! Conditions (`if`): CEL's grammar, checked when the file is loaded, evaluated by a typed tree of our own.

use super::mistake::Mistake;
use super::scope::{Names, Scope};

/// A compiled condition.
pub struct Condition {}

impl Condition {
    /// Compiles a condition, or says everything that is wrong with it.
    pub fn compile(_source: &str, _names: &Names<'_>) -> Result<Self, Vec<Mistake>> {
        todo!()
    }

    /// Whether it holds. What is missing is false or empty; nothing in here can fail.
    pub fn holds(&self, _scope: &Scope<'_>) -> bool {
        todo!()
    }
}
