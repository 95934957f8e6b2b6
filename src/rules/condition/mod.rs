//! Conditions (`if`, `while`): a part of CEL, checked when the file is loaded, evaluated by a typed tree.
//!
//! # What of CEL is there
//!
//! | | |
//! |---|---|
//! | literals | `null`, `true`, `7`, `0x1f`, `7u`, `1.5`, `1e3`, `"text"`, `'text'`, `"""text"""`, raw `r"\d"`, all escapes, `[lists]`, `// comments` |
//! | operators | `! - + * / %`, `== != < <= > >= in`, `&& \|\| ?:`, with CEL's precedence |
//! | fields | `playing.name`, `kv.scene`, `kv["scene"]`, `activities[0]`, `has(playing.details)` |
//! | texts | `contains startsWith endsWith matches lowerAscii upperAscii size` |
//! | lists | `exists all exists_one filter map size`; over `kv` they see its keys |
//! | times | `duration("5m")`, `timestamp("2026-12-24T18:00:00Z")`, `+ -` and the order between them, `getHours getMinutes getSeconds` of a length |
//! | conversions | `int uint double string`, of a text too: `int(kv.volume) > 50` |
//!
//! Bytes, maps and objects of one's own, `type`, `dyn` and functions not named here are not there. What is
//! there means what CEL says, with these differences:
//!
//! - A missing value is false, empty or 0, never an error; `x == null` asks for it. So is a text that is not a
//!   number for `int`, a place behind the end of a list, an overflow and a division by zero.
//! - No time is before or after one that is missing, and what is reckoned from it is missing too.
//! - An object where true or false is wanted asks whether it is there: `playing && !watching`.
//! - Times are in whole milliseconds.
//! - A name that is no CEL identifier is written in backticks: `` `my-friend`.online ``.
//! - List macros nest two deep, and an evaluation takes `tree::STEPS_MAX` steps at most; what needs more is
//!   `Judged::TooCostly`.

mod calls;
mod check;
pub mod clock;
mod expr;
pub mod functions;
mod leaves;
mod lexer;
mod literal;
mod operators;
mod parser;
#[cfg(test)]
mod props;
mod reckon;
#[cfg(test)]
mod tests;
mod tree;
mod types;
mod worth;

use self::check::Checker;
use self::clock::Hand;
use self::tree::{Node, Run, STEPS_MAX};
use super::mistake::Mistake;
use super::scope::{Names, Scope};

/// A compiled condition.
#[derive(Clone)]
pub struct Condition {
    source: Box<str>,
    root: Node,
    sees: Sees,
    leaves: Box<[(Box<str>, Node)]>,
}

/// Which parts of a scope a condition looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of parts, each looked at or not")]
pub struct Sees {
    /// The presence of the person the rule is about.
    pub person: bool,
    pub before: bool,
    pub change: bool,
    /// The clock or the calendar: it may change its mind without anybody doing anything.
    pub now: bool,
    /// Places in the file's `people`, ascending; whoever is named.
    pub people: Vec<usize>,
    /// Places in the file's `groups`, ascending.
    pub groups: Vec<usize>,
}

/// What became of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    True,
    False,
    /// It was given up after `STEPS_MAX` steps, and counts as false.
    TooCostly,
}

impl Condition {
    /// Compiles a condition, or says everything that is wrong with it.
    pub fn compile(source: &str, names: &Names<'_>) -> Result<Self, Vec<Mistake>> {
        let expr = parser::parse(source).map_err(|mistake| vec![mistake])?;
        let mut checker = Checker::new(source, names);
        let root = checker.boolean(&expr);
        let Some(root) = root.filter(|_| checker.mistakes.is_empty()) else {
            return Err(checker.mistakes);
        };
        let sees = std::mem::take(&mut checker.sees);
        let leaves = leaves::leaves(&expr, &mut checker);
        Ok(Self { source: source.into(), root, sees, leaves })
    }

    /// Whether it holds. What is missing is false or empty; nothing in here can fail.
    pub fn holds(&self, scope: &Scope<'_>) -> bool {
        self.judge(scope) == Judged::True
    }

    /// Whether it holds, or was too costly to say.
    pub fn judge(&self, scope: &Scope<'_>) -> Judged {
        self.judge_within(scope, STEPS_MAX)
    }

    fn judge_within(&self, scope: &Scope<'_>, steps: u32) -> Judged {
        let mut run = Run::new(scope, steps);
        match (self.root.truth(&mut run), run.is_spent()) {
            (_, true) => Judged::TooCostly,
            (true, false) => Judged::True,
            (false, false) => Judged::False,
        }
    }

    pub fn sees(&self) -> &Sees {
        &self.sees
    }

    /// How often time alone can change its mind; never, if it does not look at the clock.
    pub fn hand(&self) -> Option<Hand> {
        clock::finest(&self.root)
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The parts that decide, as they are written, each with its value now: what `explain` shows.
    pub fn values(&self, scope: &Scope<'_>) -> Vec<(String, String)> {
        let value = |node: &Node| {
            let mut run = Run::new(scope, STEPS_MAX);
            let worth = node.worth(&mut run);
            if run.is_spent() { "too costly".to_owned() } else { worth::shown(&worth) }
        };
        self.leaves.iter().map(|(written, node)| (written.to_string(), value(node))).collect()
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}
