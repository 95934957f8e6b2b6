//! The rules file: as written, its mistakes, and the rule set it compiles to.

pub mod cause;
pub mod compile;
pub mod condition;
mod contradiction;
pub mod diagnostic;
pub mod duration;
pub mod elsewhere;
mod fallback;
pub mod file;
pub mod keys;
pub mod lookalike;
pub mod mask;
pub mod matcher;
pub mod mistake;
pub mod names;
pub mod noise;
pub mod occasion;
pub mod onlookers;
mod own;
pub mod parts;
pub mod pattern;
pub mod places;
pub mod reading;
pub mod render;
pub mod rule;
pub mod scalar;
pub mod schema;
pub mod scope;
mod send;
pub mod set;
pub mod slug;
pub mod spec;
pub mod story;
pub mod syntax;
pub mod template;
pub mod tree;
pub mod vars;
pub mod yaml;

#[cfg(test)]
mod tests;
