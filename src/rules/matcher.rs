//! Narrowed changes: which of a kind of change a rule is for.

use super::mistake::Mistake;
use super::scope::Changed;
use crate::presence::change::ChangeKind;

/// One field of a change and the patterns of which one must match.
pub struct Narrow {}

impl Narrow {
    /// `field` of a change of `kind` must match one of `patterns` (texts, globs, `/regexes/`).
    pub fn compile(_kind: ChangeKind, _field: &str, _patterns: &[&str]) -> Result<Self, Vec<Mistake>> {
        todo!()
    }

    pub fn holds(&self, _changed: Changed<'_>) -> bool {
        todo!()
    }
}
