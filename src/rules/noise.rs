//! What keeps a rule quiet once it matches: as written, and compiled.

pub mod active;
pub mod group;
pub mod limit;

use std::time::Duration;

use super::diagnostic::Problem;
use super::duration::parse_duration;
use super::elsewhere::{self, instead};
use super::keys;
use super::places::Span;
use super::reading::{Allowed, Fields, Reader};
use super::scope::Names;
use super::template::Template;
use super::tree::{Entry, Node, Value};
use active::Active;
use group::{By, Group};
use limit::Limit;

const DEDUPE_WINDOW: Duration = Duration::from_hours(1);

/// Each of these may hold a firing back.
#[derive(Default)]
pub struct Noise {
    /// After it rang for a person, silence for them.
    pub cooldown: Option<Duration>,
    pub dedupe: Option<Dedupe>,
    pub limit: Option<Limit>,
    pub active: Option<Active>,
    pub group: Option<Group>,
}

/// The same key only once in a window.
pub struct Dedupe {
    pub key: Template,
    pub window: Duration,
}

/// As written.
pub struct NoiseSpec<'n> {
    cooldown: Option<Duration>,
    dedupe: Option<(&'n Node, Duration)>,
    limit: Option<Limit>,
    active: Option<Active>,
    group: Option<(Span, Group)>,
}

impl<'n> NoiseSpec<'n> {
    /// Reads what a rule says of it.
    pub fn read(fields: Fields<'n>, reader: &mut Reader<'_>) -> Self {
        Self {
            cooldown: fields.get("cooldown").and_then(|it| reader.kept("cooldown", &it.value)),
            dedupe: fields.get("dedupe").and_then(|it| reader.dedupe(it)),
            limit: fields.get("limit").and_then(|it| Limit::read(it, reader)),
            active: fields.get("active").and_then(|it| Active::read(it, reader)),
            group: fields.get("group").and_then(|it| Some((it.key_at, Group::read(it, reader)?))),
        }
    }

    pub fn group(&self) -> Option<Group> {
        self.group.map(|(_, group)| group)
    }

    /// Compiles it. `names` are those of the rule's templates.
    pub fn compile(&self, names: &Names<'_>, reader: &mut Reader<'_>) -> Noise {
        let dedupe = self.dedupe.and_then(|(node, window)| {
            let scalar = node.scalar()?;
            let key = Template::compile_inlaid(&scalar.text, &scalar.inlays(), names);
            let key = key.map_err(|mistakes| reader.tell(node, mistakes)).ok()?;
            Some(Dedupe { key, window })
        });
        if let Some((at, Group { by: By::Person, .. })) = self.group
            && !names.has_person
        {
            let what = "`by: person` parts the firings of several people, and this rule is about nobody";
            reader
                .problems
                .add(Problem::error(at, what).help("leave `by` out, or say `who` the rule is about"));
        }
        Noise {
            cooldown: self.cooldown.filter(|cooldown| !cooldown.is_zero()),
            dedupe,
            limit: self.limit,
            active: self.active.clone(),
            group: self.group(),
        }
    }
}

impl Reader<'_> {
    /// A template alone, or with its window.
    fn dedupe<'n>(&mut self, entry: &'n Entry) -> Option<(&'n Node, Duration)> {
        if !matches!(entry.value.value, Value::Map(_)) {
            let text = self.text("dedupe", &entry.value)?.text.trim();
            if parse_duration(text).is_ok() {
                let what =
                    format!("`dedupe` takes what must not ring twice, and `{text}` is a length of time");
                let help = format!(
                    "write `cooldown: {text}`, or `dedupe: {{key: \"{{{{track.id}}}}\", window: {text}}}`"
                );
                self.problems.add(Problem::error(entry.value.at, what).help(help));
                return None;
            }
            return Some((self.telling(&entry.value)?, DEDUPE_WINDOW));
        }
        let fields = Fields::of(&entry.value);
        self.check_keys(
            fields,
            &Allowed::fixed("`dedupe`", keys::DEDUPE, &|key| instead(elsewhere::DEDUPE, key)),
        );
        let window = fields.get("window").and_then(|it| self.kept("window", &it.value));
        let Some(key) = fields.get("key") else {
            self.problems.missing_key(
                entry.key_at,
                "key",
                "`dedupe`",
                "write what must not ring twice: `key: \"{{track.id}}\"`",
            );
            return None;
        };
        self.text("key", &key.value)?;
        Some((self.telling(&key.value)?, window.unwrap_or(DEDUPE_WINDOW)))
    }

    /// A key that tells one ringing from another.
    fn telling<'n>(&mut self, key: &'n Node) -> Option<&'n Node> {
        if !key.scalar()?.text.contains("{{") {
            let what = "this key is always the same, so the rule rings once for each person in its window";
            let help = "what tells one ringing from another is a name in braces: `{{track.id}}`";
            self.problems.add(Problem::warning(key.at, what).help(help));
        }
        Some(key)
    }
}
