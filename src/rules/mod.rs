//! The rules file: as written, its mistakes, and the rule set it compiles to.

pub mod condition;
pub mod matcher;
pub mod mistake;
pub mod scope;
pub mod set;
pub mod template;
