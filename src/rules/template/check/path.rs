//! Names, and the way from one to the next.

use handlebars::template::Parameter;
use handlebars::{Path as Way, PathSeg};
use serde_json::Value as Json;

use super::kind::Type;
use super::{Checked, Checker, Noted};
use crate::rules::elsewhere;
use crate::rules::mistake::{Mistake, nearest};
use crate::rules::scope::{Kind, Names, ObjectKind};
use crate::rules::template::engine::Tool;
use crate::rules::template::helpers::{self, SPECIAL};
use crate::rules::template::view::{Begins, Path, Word};

/// What may follow an `@`.
const LOCALS: [&str; 5] = ["index", "key", "first", "last", "root"];

impl Checker<'_> {
    pub(super) fn path(&mut self, path: &Path) -> Checked<(Parameter, Type)> {
        let up = match path.begins {
            Begins::Local(up) => return self.local(path, up),
            Begins::Root => self.frames.len(),
            Begins::Up(up) => up,
        };
        if up > self.frames.len() {
            let mistake = Mistake::new(path.at.clone(), "`../` leads out of the template");
            let help = "only `{{#each}}` and `{{#with}}` are steps to come back from, not `{{#if}}`";
            return Err(self.note(mistake.help(help)));
        }
        let Some((first, rest)) = path.words.split_first() else {
            let Some(at) = (self.frames.len() - up).checked_sub(1) else {
                let mistake =
                    Mistake::new(path.at.clone(), "`this` is nothing outside of `{{#each}}` and `{{#with}}`");
                return Err(self.note(mistake.help("write a name, like `user.name`")));
            };
            return Ok((Parameter::Path(path.way.clone()), self.frames[at].this));
        };
        let param = if path.begins == Begins::Root { None } else { self.param(&first.text) };
        if let Some(kind) = param {
            return self.steps(&path.way, kind, rest);
        }
        if let Some(at) = (self.frames.len() - up).checked_sub(1) {
            return self.steps(&path.way, self.frames[at].this, &path.words);
        }
        let kind = self.root(first)?;
        self.steps(&path.way, kind, rest)
    }

    /// A first name; the rendering will need what it stands for.
    fn root(&mut self, word: &Word) -> Checked<Type> {
        let Some((root, kind)) = self.names.root(&word.text) else { return Err(self.unknown_name(word)) };
        if !self.uses.roots.iter().any(|(name, _)| **name == *word.text) {
            self.uses.roots.push((word.text.as_str().into(), root));
        }
        Ok(Type::Is(kind))
    }

    /// `@index`, `@../key`, …
    fn local(&mut self, path: &Path, up: usize) -> Checked<(Parameter, Type)> {
        let Some(word) = path.words.first() else {
            return Err(self.note(Mistake::new(path.at.clone(), "`@` is followed by a name")));
        };
        let name = word.text.as_str();
        if name == "root" {
            let mistake = Mistake::new(path.at.clone(), "`@root` is followed by a name");
            return Err(self.note(mistake.help("like `@root.user.name`")));
        }
        if !LOCALS.contains(&name) {
            let at = path.at.start..word.at.end;
            let mistake = Mistake::new(at, format!("unknown name `@{name}`"));
            return Err(self.note(match nearest(name, LOCALS) {
                Some(near) => mistake.help(format!("did you mean `@{near}`?")),
                None => mistake.help("known here: `@index`, `@key`, `@first`, `@last`, `@root`"),
            }));
        }
        // `with` hands on what the block around it has.
        let frames = self.frames.iter().rev().skip(up);
        let Some(listed) = frames.skip_while(|frame| !frame.each).map(|frame| frame.listed).next() else {
            let what = format!("`@{name}` is nothing outside of `{{{{#each}}}}`");
            return Err(self.note(Mistake::new(path.at.clone(), what)));
        };
        let (name, kind) = match name {
            "key" if listed => ("index", Kind::Number),
            "key" => ("key", Kind::Text),
            "index" => ("index", Kind::Number),
            name => (name, Kind::Bool),
        };
        let way = Way::Local((up, name.to_owned(), format!("@{name}")));
        Ok((Parameter::Path(way), Type::Is(kind)))
    }

    /// A name that `as |…|` gave, innermost first.
    fn param(&self, name: &str) -> Option<Type> {
        self.frames.iter().rev().find_map(|frame| {
            match frame.params.iter().position(|param| param == name)? {
                0 => Some(frame.this),
                // The second one is the key where there are keys, and else the place.
                _ => Some(Type::Is(Kind::Any)),
            }
        })
    }

    /// The way through `words`, at the end of `way`. Where Handlebars would not find it or would give up, it
    /// is followed by a helper.
    fn steps(&mut self, way: &Way, mut kind: Type, words: &[Word]) -> Checked<(Parameter, Type)> {
        let mut plain = words.len();
        for (at, word) in words.iter().enumerate() {
            let length = kind.is_list() && word.text.parse::<usize>().is_err();
            if length || kind == Type::Is(Kind::Any) {
                plain = plain.min(at);
            }
            kind = self.step(kind, word)?;
        }
        let base = Parameter::Path(cut(way, words.len() - plain));
        if plain == words.len() {
            return Ok((base, kind));
        }
        let names = words[plain..].iter().map(|word| Parameter::Literal(Json::from(word.text.as_str())));
        let args = std::iter::once(base).chain(names).collect();
        Ok((self.tool(Tool::Dig, args), kind))
    }

    /// What stands under a name of something.
    pub(super) fn step(&mut self, kind: Type, word: &Word) -> Checked<Type> {
        let name = word.text.as_str();
        let place = name.parse::<usize>().is_ok();
        let length = matches!(name, "length" | "size");
        match kind {
            Type::Is(Kind::Object(object)) => {
                let Some(field) = object.field(name) else { return Err(self.unknown_field(object, word)) };
                let filtered = matches!(object, ObjectKind::Person | ObjectKind::Firing(_));
                if filtered && !self.uses.of_people.fields.contains(&field.name) {
                    self.uses.of_people.fields.push(field.name);
                }
                Ok(Type::Is(field.kind))
            }
            Type::Is(Kind::Any) => Ok(kind),
            Type::Is(Kind::TextMap) => Ok(Type::Is(Kind::Text)),
            Type::Is(Kind::List(object)) if place => Ok(Type::Is(Kind::Object(object))),
            Type::Plucked(kind) if place => Ok(Type::Is(kind)),
            Type::Is(Kind::List(_)) | Type::Plucked(_) if length => Ok(Type::Is(Kind::Number)),
            other => {
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
        if let Some(field) = elsewhere::field(object, name) {
            return self.note(mistake.help(format!("did you mean `{field}`?")));
        }
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
        if let Some(instead) = elsewhere::instead(elsewhere::NAMES, name) {
            return self.note(mistake.help(instead));
        }
        if let Some(owner) = self.names.owner(name) {
            return self.note(mistake.help(format!("did you mean `{owner}.{name}`?")));
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
        if let Some(firings) = self.names.gathered
            && ObjectKind::Firing(firings).field(name).is_some()
        {
            return Some(
                "several may be told at once, and each has its own: write it inside of `{{#each firings}}`",
            );
        }
        let person = Names { has_person: true, ..*self.names };
        if !self.names.has_person && person.root(name).is_some() {
            return Some("only a rule with `who` is about one person");
        }
        match name {
            "change" => Some("only a rule with `when` has a change"),
            "before" => Some("only a rule with `who` and `when` has a before and an after"),
            "firings" | "count" => Some("only a rule with `group` tells several at once"),
            _ => None,
        }
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
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

/// A way without its last `names`.
fn cut(way: &Way, names: usize) -> Way {
    match way {
        Way::Relative((segments, raw)) if names > 0 => {
            let kept: Vec<PathSeg> = segments[..segments.len().saturating_sub(names)].to_vec();
            Way::Relative((kept, raw.clone()))
        }
        way => way.clone(),
    }
}
