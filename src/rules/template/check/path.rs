//! Names, and the way from one to the next.

use super::plan::{From, Plan, Step, Type};
use super::{Checked, Checker, Noted};
use crate::rules::mistake::{Mistake, nearest};
use crate::rules::scope::{Kind, Names, ObjectKind};
use crate::rules::template::helpers::{self, SPECIAL};
use crate::rules::template::parse::tree::{Path, Word};

/// What may follow an `@`.
const LOCALS: [&str; 5] = ["index", "key", "first", "last", "root"];

impl Checker<'_> {
    pub(super) fn path(&mut self, path: &Path) -> Checked<(Plan, Type)> {
        if path.local {
            return self.local(path);
        }
        if path.up > self.frames.len() {
            let mistake = Mistake::new(path.at.clone(), "`../` leads out of the template");
            let help = "only `{{#each}}` and `{{#with}}` are steps to come back from, not `{{#if}}`";
            return Err(self.note(mistake.help(help)));
        }
        let depth = self.frames.len() - path.up;
        if path.up == 0
            && !path.this
            && let Some((first, rest)) = path.words.split_first()
            && let Some(found) = self.param(&first.text)
        {
            return self.steps(found, rest);
        }
        match (depth.checked_sub(1), path.words.split_first()) {
            (Some(at), _) => {
                let this = self.frames[at].this;
                self.steps((From::This(at), this), &path.words)
            }
            (None, Some((first, rest))) => {
                let Some((root, kind)) = self.names.root(&first.text) else {
                    return Err(self.unknown_name(first));
                };
                self.steps((From::Root(root), Type::Is(kind)), rest)
            }
            (None, None) => {
                let mistake =
                    Mistake::new(path.at.clone(), "`this` is nothing outside of `{{#each}}` and `{{#with}}`");
                Err(self.note(mistake.help("write a name, like `user.name`")))
            }
        }
    }

    /// `@index`, `@root.user.name`, …
    pub(super) fn local(&mut self, path: &Path) -> Checked<(Plan, Type)> {
        let Some((first, rest)) = path.words.split_first() else {
            return Err(self.note(Mistake::new(path.at.clone(), "`@` is followed by a name")));
        };
        if first.text == "root" {
            let Some((name, rest)) = rest.split_first() else {
                return Err(self.note(
                    Mistake::new(path.at.clone(), "`@root` is followed by a name")
                        .help("like `@root.user.name`"),
                ));
            };
            let Some((root, kind)) = self.names.root(&name.text) else {
                return Err(self.unknown_name(name));
            };
            return self.steps((From::Root(root), Type::Is(kind)), rest);
        }
        if !LOCALS.contains(&first.text.as_str()) {
            let at = path.at.start..first.at.end;
            let mistake = Mistake::new(at, format!("unknown name `@{}`", first.text));
            return Err(self.note(match nearest(&first.text, LOCALS) {
                Some(near) => mistake.help(format!("did you mean `@{near}`?")),
                None => mistake.help("known here: `@index`, `@key`, `@first`, `@last`, `@root`"),
            }));
        }
        // The innermost `each`, so many further out as `../` says.
        let eaches = (0..self.frames.len()).rev().filter(|at| self.frames[*at].each);
        let Some(at) = eaches.skip(path.up).find(|_| true) else {
            let at = path.at.clone();
            return Err(self
                .note(Mistake::new(at, format!("`@{}` is nothing outside of `{{{{#each}}}}`", first.text))));
        };
        let found = match first.text.as_str() {
            "index" => (From::Index(at), Type::Is(Kind::Number)),
            "key" => (From::Key(at), Type::Is(Kind::Text)),
            "first" => (From::First(at), Type::Is(Kind::Bool)),
            _ => (From::Last(at), Type::Is(Kind::Bool)),
        };
        self.steps(found, rest)
    }

    /// A name that `as |…|` gave, innermost first.
    pub(super) fn param(&self, name: &str) -> Option<(From, Type)> {
        self.frames.iter().enumerate().rev().find_map(|(at, frame)| {
            match frame.params.iter().position(|param| param == name)? {
                0 => Some((From::This(at), frame.this)),
                // The second one is the key where there are keys, and else the place.
                _ => Some((From::Key(at), Type::Is(Kind::Any))),
            }
        })
    }

    pub(super) fn steps(&mut self, (from, mut kind): (From, Type), words: &[Word]) -> Checked<(Plan, Type)> {
        let mut steps = Vec::with_capacity(words.len());
        for word in words {
            let (step, next) = self.step(kind, word)?;
            steps.push(step);
            kind = next;
        }
        Ok((Plan::Path { from, steps }, kind))
    }

    pub(super) fn step(&mut self, kind: Type, word: &Word) -> Checked<(Step, Type)> {
        let name = word.text.as_str();
        let by_name = || Step::Name(name.into());
        let place = name.parse::<usize>().ok();
        let length = matches!(name, "length" | "size");
        match (kind, place) {
            (Type::Is(Kind::Object(object)), _) => {
                let found = object.field(name).map(|field| (Step::Field(field), Type::Is(field.kind)));
                found.ok_or_else(|| self.unknown_field(object, word))
            }
            (Type::Is(Kind::Any), _) => Ok((by_name(), kind)),
            (Type::Is(Kind::TextMap), _) => Ok((by_name(), Type::Is(Kind::Text))),
            (Type::Is(Kind::List(object)), Some(at)) => Ok((Step::Item(at), Type::Is(Kind::Object(object)))),
            (Type::Plucked(kind), Some(at)) => Ok((Step::Item(at), Type::Is(kind))),
            (Type::Is(Kind::List(_)) | Type::Plucked(_), None) if length => {
                Ok((by_name(), Type::Is(Kind::Number)))
            }
            (other, _) => {
                let mistake = Mistake::new(
                    word.at.clone(),
                    format!("`{name}` of {}: it has no fields", other.spoken()),
                );
                Err(self.note(match (other, self.further_out(name)) {
                    (Type::Is(Kind::List(_)), _) => mistake.help(format!(
                        "use `{{{{#each …}}}}`, `{{{{pluck … '{name}'}}}}`, or a place, like `.0`"
                    )),
                    (_, Some(help)) => mistake.help(help),
                    _ => mistake,
                }))
            }
        }
    }

    pub(super) fn unknown_field(&mut self, object: ObjectKind, word: &Word) -> Noted {
        let name = word.text.as_str();
        let mistake = Mistake::new(word.at.clone(), format!("unknown field `{name}` of {}", object.spoken()));
        let fields = object.fields().iter().map(|field| field.name);
        self.note(match (nearest(name, fields.clone()), self.further_out(name)) {
            (None, Some(help)) => mistake.help(help),
            _ => mistake.nearest(name, fields),
        })
    }

    /// Inside of a block a name may be meant that is only known outside.
    pub(super) fn further_out(&self, name: &str) -> Option<String> {
        if self.frames.is_empty() {
            return None;
        }
        let in_frame = (0..self.frames.len() - 1).rev().find(|at| match self.frames[*at].this {
            Type::Is(Kind::Object(object)) => object.field(name).is_some(),
            _ => false,
        });
        let up = match in_frame {
            Some(at) => self.frames.len() - 1 - at,
            None if self.names.root(name).is_some() => self.frames.len(),
            None => return None,
        };
        Some(format!("in this block it is `{}{name}`", "../".repeat(up)))
    }

    pub(super) fn unknown_name(&mut self, word: &Word) -> Noted {
        let name = &word.text;
        let mistake = Mistake::new(word.at.clone(), format!("unknown name `{name}`"));
        if let Some(helper) = helpers::find(name) {
            return self.note(
                mistake.help(format!("`{name}` is a helper, written like `{{{{{}}}}}`", helper.usage)),
            );
        }
        if let Some((_, usage, _)) = SPECIAL.iter().find(|(special, ..)| special == name) {
            return self.note(mistake.help(format!("`{name}` is written like `{{{{{usage}}}}}`")));
        }
        if let Some(why) = self.missing_because(name) {
            return self.note(mistake.help(why));
        }
        let near = {
            let helpers: Vec<&str> = helpers::names().collect();
            let known = self.names.all();
            nearest(name, known.iter().chain(&helpers).copied()).map(str::to_owned)
        };
        self.note(if let Some(near) = near {
            mistake.help(format!("did you mean `{near}`?"))
        } else {
            let words: Vec<String> =
                self.names.all().iter().take(12).map(|name| format!("`{name}`")).collect();
            mistake.help(format!("known here: {}, …", words.join(", ")))
        })
    }

    /// Why a name that exists elsewhere does not exist in this rule.
    pub(super) fn missing_because(&self, name: &str) -> Option<&'static str> {
        let person = Names { has_person: true, ..*self.names };
        if !self.names.has_person && person.root(name).is_some() {
            return Some("only a rule with `who` is about one person");
        }
        (name == "change").then_some("only a rule with `when` has a change")
    }

    pub(super) fn lookup_quietly(&self, name: &str) -> bool {
        if self.param(name).is_some() {
            return true;
        }
        match self.frames.last().map(|frame| frame.this) {
            Some(Type::Is(Kind::Object(object))) => object.field(name).is_some(),
            Some(_) => false,
            None => self.names.root(name).is_some(),
        }
    }
}
