//! Mistakes in a rules file: each with its place, what is wrong and what to do, all of them together.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::mask::Mask;
use super::mistake::{Mistake, hint};
use super::places::{Source, Span};
use super::render;

/// So many are kept; the rest are counted. Nobody reads the two hundred and first.
const PROBLEMS_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file is not used.
    Error,
    /// The file is used, but does not do what its author probably wants.
    Warning,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// Nowhere, when there is no file to point into.
    pub at: Option<Span>,
    /// Another place that matters, and why.
    pub also: Option<(Span, &'static str)>,
    /// Lower case, no full stop.
    pub what: String,
    pub help: Option<String>,
}

impl Problem {
    pub fn error(at: Span, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, at: Some(at), also: None, what: what.into(), help: None }
    }

    pub fn warning(at: Span, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, what) }
    }

    /// About the file as a whole.
    pub fn nowhere(what: impl Into<String>) -> Self {
        Self { at: None, ..Self::error(Span::default(), what) }
    }

    /// A mistake found inside a text, of which the place is now known.
    pub fn from_mistake(at: Span, mistake: Mistake) -> Self {
        Self { help: mistake.help, ..Self::error(at, mistake.what) }
    }

    /// The same, of something that works but is seldom meant.
    pub fn doubt(at: Span, mistake: Mistake) -> Self {
        Self { severity: Severity::Warning, ..Self::from_mistake(at, mistake) }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn also(mut self, at: Span, why: &'static str) -> Self {
        self.also = Some((at, why));
        self
    }
}

/// From this length on, a value is looked for within words, too.
const LONG_VALUE: usize = 6;

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    /// A part of the file that is used twice through an alias is only wrong once.
    seen: HashSet<(Option<Span>, String)>,
    untold: usize,
    errors: usize,
    /// What `${…}` were filled with, and how they are written.
    filled: Vec<(String, String)>,
}

impl Problems {
    /// A value that came from outside of the file: mistakes say how it is written there, never what it is.
    pub fn filled(&mut self, value: &str, name: &str) {
        if !value.is_empty() {
            self.filled.push((value.to_owned(), format!("${{{name}}}")));
        }
    }

    fn as_written(&self, mut text: String) -> String {
        for (value, written) in &self.filled {
            if value.len() >= LONG_VALUE {
                text = text.replace(value, written);
            } else {
                // A short value may be part of any word; what is quoted is what stood in the file.
                let parts = text.split('`').enumerate();
                let told = parts
                    .map(|(i, part)| if i % 2 == 1 { part.replace(value, written) } else { part.to_owned() });
                text = told.collect::<Vec<_>>().join("`");
            }
        }
        text
    }

    pub fn any_errors(&self) -> bool {
        self.errors > 0
    }

    pub fn errors(&self) -> usize {
        self.errors
    }

    /// More would not be shown.
    pub fn are_plenty(&self) -> bool {
        self.kept.len() >= PROBLEMS_MAX
    }

    pub fn add(&mut self, problem: Problem) {
        if !self.seen.insert((problem.at, problem.what.clone())) {
            return;
        }
        self.errors += usize::from(problem.severity == Severity::Error);
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(problem);
        } else {
            self.untold += 1;
        }
    }

    pub fn duplicate_key(&mut self, at: Span, key: &str, first: Span) {
        let what = format!("`{key}` is there twice");
        self.add(Problem::error(at, what).also(first, "first here").help("keep one of them"));
    }

    /// `of` is the mapping in words: "a rule". `instead` is what to do, where that is known better than by a
    /// likeness of names.
    pub fn unknown_key<'k>(
        &mut self,
        at: Span,
        key: &str,
        of: &str,
        instead: Option<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        self.unknown(at, format!("unknown key `{key}` of {of}"), key, instead, known);
    }

    pub fn merge_key(&mut self, at: Span) {
        let help = "write its keys out; a whole value can be repeated: `first: &name …`, `second: *name`";
        self.add(Problem::error(at, "`<<` does not mix mappings here").help(help));
    }

    pub fn missing_key(&mut self, at: Span, key: &str, of: &str, help: impl Into<String>) {
        self.add(Problem::error(at, format!("{of} without `{key}`")).help(help));
    }

    pub fn empty_value(&mut self, at: Span, key: &str, wanted: &str) {
        self.add(Problem::error(at, format!("`{key}` is empty")).help(format!("it takes {wanted}")));
    }

    /// `wanted` and `found` in words: "a mapping", "a list".
    pub fn wrong_kind(&mut self, at: Span, key: &str, wanted: &str, found: &str, help: Option<String>) {
        let what = format!("`{key}` takes {wanted}, and this is {found}");
        self.add(Problem { help, ..Problem::error(at, what) });
    }

    /// `sort` in words: "target", "person or group".
    pub fn unknown_name<'k>(
        &mut self,
        at: Span,
        sort: &str,
        name: &str,
        instead: Option<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        self.unknown(at, format!("unknown {sort} `{name}`"), name, instead, known);
    }

    pub fn name_taken(&mut self, at: Span, name: &str, first: Span, sort: &str) {
        let what = format!("`{name}` is already the name of {sort}");
        self.add(Problem::error(at, what).also(first, "first here").help("choose another name"));
    }

    pub fn reserved_name(&mut self, at: Span, name: &str) {
        let what = format!("`{name}` cannot be a name: it means something else in conditions");
        self.add(Problem::error(at, what).help(format!("choose another, such as `{name}_` or `my_{name}`")));
    }

    /// `sort` in words: "person", "rule".
    pub fn bad_name(&mut self, at: Span, sort: &str, help: &str) {
        self.add(Problem::error(at, format!("this cannot be the name of a {sort}")).help(help));
    }

    pub fn too_many(&mut self, at: Span, sort: &str, most: usize) {
        self.add(Problem::error(at, format!("more than {most} {sort}")));
    }

    pub fn unreachable(&mut self, at: Span, why: impl Into<String>, help: impl Into<String>) {
        self.add(Problem::error(at, why).help(help));
    }

    /// `sort` in words: "target", "group".
    pub fn unused(&mut self, at: Span, sort: &str, name: &str) {
        let what = format!("no rule uses the {sort} `{name}`");
        self.add(Problem::warning(at, what));
    }

    pub fn missing_variable(&mut self, at: Span, name: &str) {
        let what = format!("the variable `{name}` is not set");
        let help = format!("set it where doorchime runs, or write `${{{name}:-default}}`");
        self.add(Problem::error(at, what).help(help));
    }

    fn unknown<'k>(
        &mut self,
        at: Span,
        what: String,
        word: &str,
        instead: Option<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        // The search looks at every known name: not worth it for a mistake that nobody will be shown.
        let help = if self.are_plenty() { None } else { instead.or_else(|| hint(word, known)) };
        self.add(Problem { help, ..Problem::error(at, what) });
    }

    /// Everything found, in the order of the file.
    pub fn into_findings(mut self, source: Source, mask: Mask) -> Findings {
        // The longest first: one value may be a part of another.
        self.filled.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        let kept = std::mem::take(&mut self.kept).into_iter().map(|problem| Problem {
            what: self.as_written(problem.what),
            help: problem.help.map(|help| self.as_written(help)),
            ..problem
        });
        let mut problems: Vec<Problem> = kept.collect();
        problems.sort_by_key(|problem| problem.at.map_or(0, |at| at.start));
        Findings { source: Box::new(source), mask, problems, untold: self.untold, errors: self.errors }
    }
}

/// The mistakes of one file, ready to be shown.
#[derive(Debug)]
pub struct Findings {
    source: Box<Source>,
    mask: Mask,
    problems: Vec<Problem>,
    untold: usize,
    errors: usize,
}

impl Findings {
    /// One finding about a file that could not even be read.
    pub fn of_file(name: &str, problem: Problem) -> Self {
        let mut problems = Problems::default();
        problems.add(problem);
        problems.into_findings(Source::new(name, ""), Mask::default())
    }

    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn errors(&self) -> usize {
        self.errors
    }

    pub fn warnings(&self) -> usize {
        self.problems.len() + self.untold - self.errors
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// For a terminal or a log: each mistake with its line, and a last line that counts them.
    pub fn render(&self, colour: bool) -> String {
        let mut shown = String::new();
        for problem in &self.problems {
            shown.push_str(&render::problem(&self.source, &self.mask, problem, colour));
            shown.push_str("\n\n");
        }
        if self.untold > 0 {
            shown.push_str("… and at least ");
            shown.push_str(&self.untold.to_string());
            shown.push_str(" more\n\n");
        }
        shown.push_str(&self.summary());
        shown.push('\n');
        shown
    }

    /// "2 errors, 1 warning in rules.yaml".
    pub fn summary(&self) -> String {
        let count = |number: usize, one: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {one}s"),
        };
        let parts = [(self.errors(), "error"), (self.warnings(), "warning")];
        let parts: Vec<String> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, one)| count(n, one)).collect();
        let said = if parts.is_empty() { "nothing to find fault with".to_owned() } else { parts.join(", ") };
        format!("{said} in {}", self.source.name)
    }

    /// For other programs: a list of objects with `severity, file, line, column, message, help`.
    pub fn to_json(&self) -> Value {
        self.problems.iter().map(|problem| self.problem_json(problem)).collect()
    }

    fn problem_json(&self, problem: &Problem) -> Value {
        let place = problem.at.map(|at| (self.source.line_column(at.start), self.source.line_column(at.end)));
        json!({
            "severity": problem.severity.word(),
            "file": self.source.name,
            "line": place.map(|(start, _)| start.0),
            "column": place.map(|(start, _)| start.1),
            "end_line": place.map(|(_, end)| end.0),
            "end_column": place.map(|(_, end)| end.1),
            "message": problem.what,
            "help": problem.help,
        })
    }
}
