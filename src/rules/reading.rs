//! Reading a tree without stopping at mistakes: each reader tells what is wrong and hands back what it can.

use std::time::Duration;

use super::diagnostic::{Problem, Problems};
use super::duration::{parse_duration, parse_size};
use super::keys::Setting;
use super::mistake::Mistake;
use super::places::{Source, Span};
use super::scalar;
use super::tree::{Entry, Node, Scalar, Sort, Value};
use crate::targets::Key;

/// A word of the file and its place.
#[derive(Clone, Copy, Debug)]
pub struct Name<'n> {
    pub text: &'n str,
    pub at: Span,
}

pub struct Reader<'r> {
    pub source: &'r Source,
    pub problems: &'r mut Problems,
}

/// The pairs of one mapping.
#[derive(Clone, Copy)]
pub struct Fields<'n> {
    entries: &'n [Entry],
}

/// The keys that a mapping may have.
pub struct Allowed<'t> {
    /// The mapping in words: "a rule".
    pub of: &'t str,
    pub fixed: &'static [Setting],
    /// Those of a kind of target.
    pub more: &'static [Key],
    /// What to do instead of writing another key.
    pub instead: &'t dyn Fn(&str) -> Option<String>,
}

impl<'t> Allowed<'t> {
    pub fn fixed(
        of: &'t str,
        fixed: &'static [Setting],
        instead: &'t dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { of, fixed, more: &[], instead }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        let fixed = self.fixed.iter().map(|key| key.name);
        fixed.chain(self.more.iter().map(|key| key.name))
    }
}

impl<'n> Fields<'n> {
    /// The pairs of a mapping; none of anything else.
    pub fn of(node: &'n Node) -> Self {
        Self { entries: node.entries().unwrap_or(&[]) }
    }

    pub fn entries(self) -> &'n [Entry] {
        self.entries
    }

    pub fn get(self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn iter(self) -> impl Iterator<Item = &'n Entry> {
        self.entries.iter()
    }
}

impl Reader<'_> {
    /// A mapping with any keys; nothing at all is an empty one.
    pub fn mapping<'n>(&mut self, key: &str, node: &'n Node) -> Fields<'n> {
        if node.entries().is_none() && !node.is_nothing() {
            self.wrong_kind(key, node, "a mapping");
        }
        Fields::of(node)
    }

    /// Tells of the keys that are not in the tables.
    pub fn check_keys(&mut self, fields: Fields<'_>, allowed: &Allowed<'_>) {
        for (at, entry) in fields.entries.iter().enumerate() {
            let mut known = allowed.names();
            if known.any(|name| name == entry.key) {
                continue;
            }
            let instead = self
                .indented_too_little(&fields.entries[..at], entry.key_at)
                .or_else(|| (allowed.instead)(&entry.key));
            self.problems.unknown_key(entry.key_at, &entry.key, allowed.of, instead, allowed.names());
        }
    }

    /// What to say of a key that stands below an empty one, as if it were to be inside of it.
    fn indented_too_little(&self, before: &[Entry], at: Span) -> Option<String> {
        let empty = before.last().filter(|entry| entry.value.is_nothing())?;
        let (above, below) = (self.source.line_column(empty.key_at.start), self.source.line_column(at.start));
        (above.0 < below.0 && above.1 == below.1)
            .then(|| format!("`{}` above it is empty: if this belongs to it, indent it further", empty.key))
    }

    /// The items of a list; one item alone is a list of one, nothing at all an empty list.
    pub fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Broken => &[],
            _ if node.is_nothing() => &[],
            _ => std::slice::from_ref(node),
        }
    }

    /// A text; numbers and booleans are taken as they are spelled.
    pub fn text<'n>(&mut self, key: &str, node: &'n Node) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) if scalar.sort == Sort::Nothing => {
                self.problems.empty_value(node.at, key, "a text");
                None
            }
            Value::Scalar(scalar) => Some(scalar),
            _ => {
                self.wrong_kind(key, node, "a text");
                None
            }
        }
    }

    pub fn name<'n>(&mut self, key: &str, node: &'n Node) -> Option<Name<'n>> {
        let scalar = self.text(key, node)?;
        Some(Name { text: scalar.text.trim(), at: node.at })
    }

    pub fn boolean(&mut self, key: &str, node: &Node) -> Option<bool> {
        match node.scalar().map(|scalar| (&scalar.sort, scalar.text.trim())) {
            Some((Sort::Bool(value), _)) => Some(*value),
            // A variable's value is a text.
            Some((Sort::Text, "true")) => Some(true),
            Some((Sort::Text, "false")) => Some(false),
            _ => {
                self.wrong_kind(key, node, "`true` or `false`");
                None
            }
        }
    }

    pub fn duration(&mut self, key: &str, node: &Node) -> Option<Duration> {
        let scalar = self.measured(key, node, "a length of time such as `10m`")?;
        self.judge(node, parse_duration(&scalar.text))
    }

    /// A length of time between two others.
    pub fn duration_within(
        &mut self,
        key: &str,
        node: &Node,
        least: Duration,
        most: Duration,
    ) -> Option<Duration> {
        let duration = self.duration(key, node)?;
        if (least..=most).contains(&duration) {
            return Some(duration);
        }
        let spelled = super::duration::spell_duration;
        let what = format!("`{key}` is between {} and {}", spelled(least), spelled(most));
        self.problems.add(Problem::error(node.at, what));
        None
    }

    /// A whole number between two others.
    pub fn number(&mut self, key: &str, node: &Node, least: usize, most: usize) -> Option<usize> {
        let scalar = self.measured(key, node, "a whole number")?;
        let number = scalar.text.trim().parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let what = format!("`{key}` is a whole number between {least} and {most}");
            self.problems.add(Problem::error(node.at, what));
        }
        number
    }

    pub fn size(&mut self, key: &str, node: &Node) -> Option<usize> {
        let scalar = self.measured(key, node, "a size such as `64MiB`")?;
        self.judge(node, parse_size(&scalar.text))
    }

    pub fn choice(&mut self, key: &str, node: &Node, words: &[&'static str]) -> Option<&'static str> {
        let name = self.name(key, node)?;
        let found = words.iter().find(|word| **word == name.text).copied();
        if found.is_none() {
            let sort = format!("word for `{key}`:");
            self.problems.unknown_name(node.at, &sort, name.text, None, words.iter().copied());
        }
        found
    }

    /// Tells what a compiler of a text found wrong with it, at the places in the file.
    pub fn tell(&mut self, node: &Node, mistakes: impl IntoIterator<Item = Mistake>) {
        for mistake in mistakes {
            let at = scalar::place(self.source, node, mistake.at.clone());
            self.problems.add(Problem::from_mistake(at, mistake));
        }
    }

    pub fn wrong_kind(&mut self, key: &str, node: &Node, wanted: &str) {
        self.wrong_kind_but(key, node, wanted, None);
    }

    /// The same, with what to write instead.
    pub fn wrong_kind_but(&mut self, key: &str, node: &Node, wanted: &str, help: Option<String>) {
        if node.is_broken() {
            return;
        }
        if node.is_nothing() {
            return self.problems.empty_value(node.at, key, wanted);
        }
        let at = self.source.first_line_of(node.at);
        // Not one of a time of day.
        let is_key = |text: &str| {
            text.split_once(':').is_some_and(|(key, _)| key.ends_with(|c: char| !c.is_ascii_digit()))
        };
        let colon = node.scalar().is_some_and(|scalar| wanted == "a mapping" && is_key(&scalar.text));
        let found = if colon { "a text (is a space missing after its `:`?)" } else { node.spoken() };
        self.problems.wrong_kind(at, key, wanted, found, help);
    }

    fn measured<'n>(&mut self, key: &str, node: &'n Node, wanted: &str) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) if matches!(scalar.sort, Sort::Text | Sort::Number(_)) => Some(scalar),
            _ => {
                self.wrong_kind(key, node, wanted);
                None
            }
        }
    }

    fn judge<T>(&mut self, node: &Node, read: Result<T, Mistake>) -> Option<T> {
        read.map_err(|mistake| self.problems.add(Problem::from_mistake(node.at, mistake))).ok()
    }
}
