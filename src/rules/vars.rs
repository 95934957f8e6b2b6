//! `${VAR}`, `${VAR:-default}` and `${file:PATH}`: filled in texts after the YAML is parsed, so that no value
//! can change the file's structure. `$${` is a plain `${`.

use std::ops::Range;

use super::diagnostic::{Problem, Problems};
use super::places::Source;
use super::scalar;
use super::tree::{Fill, Node, Origin, Sort, Value};

/// The largest value of a variable or of a file named by `${file:…}`.
pub const VALUE_BYTES_MAX: usize = 64 << 10;

/// Where values come from.
pub trait Vars {
    /// A variable's value; `None` if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// A file's text, or why it cannot be had, in words: "is not there".
    fn file(&self, path: &str) -> Result<String, String>;

    /// Where a file of CA certificates is, or why it cannot be used, in words. Where there are no files, it is
    /// taken on trust.
    fn ca(&self, path: &str) -> Result<String, String> {
        Ok(path.to_owned())
    }
}

/// No variables and no files at all.
pub struct NoVars;

impl Vars for NoVars {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &str) -> Result<String, String> {
        Err("cannot be read here".to_owned())
    }
}

/// Fills in every text of the tree and tells what is missing.
pub fn fill(node: &mut Node, source: &Source, vars: &dyn Vars, problems: &mut Problems) {
    match &mut node.value {
        Value::Map(entries) => {
            for entry in entries {
                fill(&mut entry.value, source, vars, problems);
            }
        }
        Value::List(items) => {
            for item in items {
                fill(item, source, vars, problems);
            }
        }
        Value::Scalar(found) if found.sort == Sort::Text && found.text.contains("${") => {
            fill_text(node, source, vars, problems);
        }
        _ => {}
    }
}

fn fill_text(node: &mut Node, source: &Source, vars: &dyn Vars, problems: &mut Problems) {
    let Some(written) = node.scalar().map(|scalar| scalar.text.clone()) else { return };
    let (mut now, mut fills, mut told) = (String::new(), Vec::new(), false);
    let mut from = 0;
    while let Some(open) = written[from..].find("${").map(|at| from + at) {
        now.push_str(&written[from..open]);
        let (value, origin, end) = match use_at(&written, open) {
            Use::Literal => {
                now.pop();
                ("${".to_owned(), Origin::Spelled, open + 2)
            }
            Use::Unclosed => {
                let place = scalar::place(source, node, open..written.len());
                let what = "this `${` is never closed";
                problems.add(
                    Problem::error(place, what).help("close it with `}`, or write `$${` for a plain `${`"),
                );
                told = true;
                break;
            }
            Use::Of { inner, end } => match value_of(&written[inner], vars) {
                Ok((value, from)) => (value, from, end),
                Err(wrong) => {
                    let place = scalar::place(source, node, open..end);
                    match wrong {
                        Wrong::Missing(name) => problems.missing_variable(place, &name),
                        Wrong::Other(what, help) => problems.add(Problem::error(place, what).help(help)),
                    }
                    told = true;
                    (String::new(), Origin::Default, end)
                }
            },
        };
        // Of `$${`, the first `$` is gone from the text, too.
        let start = now.len();
        let written_start = if origin == Origin::Spelled { open - 1 } else { open };
        now.push_str(&value);
        if let Some(name) = origin.name() {
            problems.filled(&value, name);
        }
        fills.push(Fill { now: start..now.len(), written: written_start..end, from: origin });
        from = end;
    }
    if told {
        node.value = Value::Broken;
        return;
    }
    now.push_str(&written[from..]);
    if let Value::Scalar(scalar) = &mut node.value {
        scalar.text = now;
        scalar.fills = fills;
    }
}

/// What a `${` turns out to be.
enum Use {
    Literal,
    Unclosed,
    Of { inner: Range<usize>, end: usize },
}

fn use_at(text: &str, open: usize) -> Use {
    if text[..open].ends_with('$') {
        return Use::Literal;
    }
    match text[open..].find('}') {
        Some(close) => Use::Of { inner: open + 2..open + close, end: open + close + 1 },
        None => Use::Unclosed,
    }
}

enum Wrong {
    Missing(String),
    Other(String, String),
}

/// A value, and where it comes from.
fn value_of(inner: &str, vars: &dyn Vars) -> Result<(String, Origin), Wrong> {
    let (value, origin) = if let Some(path) = inner.strip_prefix("file:") {
        let path = path.trim();
        let text = vars.file(path).map_err(|why| {
            Wrong::Other(
                format!("the file `{path}` {why}"),
                "the path counts from the rules file's folder".to_owned(),
            )
        })?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        (text.strip_suffix('\r').unwrap_or(text).to_owned(), Origin::Outside(format!("file:{path}").into()))
    } else {
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name.trim(), Some(default)),
            None => (inner.trim(), None),
        };
        let well_made = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !well_made {
            let help = "write `${NAME}`, `${NAME:-default}` or `${file:PATH}`; a plain `${` is written `$${`";
            return Err(Wrong::Other(format!("`{inner}` is not the name of a variable"), help.to_owned()));
        }
        match (vars.variable(name).filter(|value| default.is_none() || !value.is_empty()), default) {
            (Some(value), _) => (value, Origin::Outside(name.into())),
            (None, Some(default)) => (default.to_owned(), Origin::Default),
            (None, None) => return Err(Wrong::Missing(name.to_owned())),
        }
    };
    if value.len() > VALUE_BYTES_MAX {
        let what = format!("the value of `{inner}` is larger than {} KiB", VALUE_BYTES_MAX >> 10);
        return Err(Wrong::Other(what, "is it the right one?".to_owned()));
    }
    Ok((value, origin))
}
