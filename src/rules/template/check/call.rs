//! Expressions, and whether what a helper is given fits it.

use std::ops::Range;

use handlebars::template::Parameter;
use serde_json::Value as Json;

use super::kind::Type;
use super::{Checked, Checker, Noted};
use crate::rules::mistake::Mistake;
use crate::rules::scope::{Kind, ObjectKind};
use crate::rules::template::engine::Tool;
use crate::rules::template::helpers::{self, Gives, Helper, Takes, What};
use crate::rules::template::view::{Begins, Call, Expr, Word};

impl Checker<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Checked<(Parameter, Type)> {
        let kind = match expr {
            Expr::Path(path) => return self.path(path),
            Expr::Call(call) => return self.call(call),
            Expr::Literal(Json::String(_), _) => Kind::Text,
            Expr::Literal(Json::Number(_), _) => Kind::Number,
            Expr::Literal(Json::Bool(_), _) => Kind::Bool,
            Expr::Literal(Json::Null, _) => Kind::Any,
            Expr::Literal(Json::Array(_) | Json::Object(_), at) => {
                let mistake = Mistake::new(at.clone(), "templates have no lists or maps of their own");
                return Err(self.note(mistake));
            }
        };
        let Expr::Literal(json, _) = expr else { return Err(Noted) };
        Ok((Parameter::Literal(json.clone()), Type::Is(kind)))
    }

    pub(super) fn call(&mut self, call: &Call) -> Checked<(Parameter, Type)> {
        match call.name.text.as_str() {
            "lookup" => self.lookup(call),
            "pluck" => self.pluck(call),
            "where" => self.where_(call),
            "if" | "unless" | "each" | "with" => {
                let name = &call.name.text;
                let mistake = Mistake::new(call.name.at.clone(), format!("`{name}` is a block"));
                Err(self.note(mistake.help(format!("write `{{{{#{name} …}}}} … {{{{/{name}}}}}`"))))
            }
            name => {
                let Some(helper) = helpers::find(name) else { return Err(self.unknown_helper(&call.name)) };
                let (args, kind) = self.helper(helper, call)?;
                Ok((self.tool(Tool::Table(helper), args), kind))
            }
        }
    }

    fn unknown_helper(&mut self, word: &Word) -> Noted {
        let name = word.text.as_str();
        self.note(if self.is_name(name) {
            let mistake =
                Mistake::new(word.at.clone(), format!("`{name}` is a name, no helper, and takes nothing"));
            mistake.help("close the braces after it, or begin with a helper's name")
        } else {
            Mistake::new(word.at.clone(), format!("unknown helper `{name}`")).nearest(name, helpers::names())
        })
    }

    /// What a helper of the table is given, in its places, and what it gives.
    pub(super) fn helper(&mut self, helper: &'static Helper, call: &Call) -> Checked<(Vec<Parameter>, Type)> {
        self.need(Tool::Table(helper));
        let most = if helper.many { usize::MAX } else { helper.takes.len() };
        let mut given: Vec<Option<&Expr>> = call.args.iter().map(Some).collect();
        for (key, value) in &call.named {
            let Some(at) = helper.takes.iter().position(|takes| takes.name == key.text) else {
                let what = format!("`{}` is nothing that `{}` takes", key.text, helper.name);
                let mistake = Mistake::new(key.at.clone(), what);
                return Err(
                    self.note(mistake.nearest(&key.text, helper.takes.iter().map(|takes| takes.name)))
                );
            };
            given.resize(given.len().max(at + 1), None);
            if given[at].replace(value).is_some() {
                let mistake = Mistake::new(key.at.clone(), format!("`{}` is given twice", key.text));
                return Err(self.note(mistake));
            }
        }
        let missing = given.iter().take(helper.least).any(Option::is_none) || given.len() < helper.least;
        if missing || given.len() > most {
            let at = call.args.get(most).map_or_else(|| call.at.clone(), Expr::at);
            return Err(self.wrong_count(call, at, helper.least, most, helper.usage));
        }
        let (mut args, mut first) = (Vec::new(), Type::Is(Kind::Any));
        let mut fine = true;
        for (place, expr) in given.iter().enumerate() {
            let takes = helper.takes.get(place).or(helper.takes.last());
            let (Some(expr), Some(takes)) = (expr, takes) else {
                args.push(Parameter::Literal(Json::Null));
                continue;
            };
            let Ok((arg, kind)) = self.value(expr) else {
                fine = false;
                continue;
            };
            fine &= self.fits(helper, *takes, expr, kind).is_ok();
            self.people_given(*takes, kind);
            if place == 0 {
                first = kind;
            }
            args.push(arg);
        }
        let gives = match helper.gives {
            Gives::Kind(kind) => Type::Is(kind),
            Gives::First => first,
        };
        if fine { Ok((args, gives)) } else { Err(Noted) }
    }

    /// What a helper may look at in people that it is given.
    fn people_given(&mut self, takes: Takes, kind: Type) {
        if kind.is_people() {
            match takes.what {
                What::User => self.uses.of_people.fields.push("user"),
                _ => self.uses.of_people.all = true,
            }
        }
    }

    fn wrong_count(
        &mut self,
        call: &Call,
        at: Range<usize>,
        least: usize,
        most: usize,
        usage: &str,
    ) -> Noted {
        let wanted = match (least, most) {
            (least, usize::MAX) => format!("{least} or more values"),
            (1, 1) => "one value".to_owned(),
            (least, most) if least == most => format!("{least} values"),
            (least, most) => format!("{least} to {most} values"),
        };
        let given = call.args.len() + call.named.len();
        let what = format!(
            "`{}` takes {wanted}, and {} given",
            call.name.text,
            match given {
                1 => "1 is".to_owned(),
                given => format!("{given} are"),
            }
        );
        self.note(Mistake::new(at, what).help(format!("like `{{{{{usage}}}}}`")))
    }

    fn fits(&mut self, helper: &Helper, takes: Takes, expr: &Expr, kind: Type) -> Checked<()> {
        let at = expr.at();
        let is_any = kind == Type::Is(Kind::Any);
        let fits = is_any
            || match takes.what {
                What::Anything => true,
                What::Plain => kind.is_plain(),
                What::List => matches!(kind, Type::Plucked(_) | Type::Is(Kind::List(_) | Kind::TextMap)),
                What::Number => {
                    matches!(kind, Type::Is(Kind::Number | Kind::Time | Kind::Duration | Kind::Text))
                }
                // A number that is written out may be meant; `now.hour` is not.
                What::Time => {
                    kind == Type::Is(Kind::Time)
                        || (kind == Type::Is(Kind::Number) && matches!(expr, Expr::Literal(..)))
                }
                What::Format => kind == Type::Is(Kind::Text),
                What::User => matches!(kind, Type::Is(Kind::Object(ObjectKind::Person | ObjectKind::User))),
                What::Image => {
                    matches!(
                        kind,
                        Type::Is(Kind::Text | Kind::Object(ObjectKind::Activity | ObjectKind::Track))
                    )
                }
            };
        if let (What::Format, Some(format)) = (takes.what, expr.text())
            && !helpers::is_format(format)
        {
            let mistake = Mistake::new(at, format!("`{format}` is no format for times"));
            return Err(self.note(mistake.help("like `%H:%M`, `%A`, `%Y-%m-%d`; two `%` write one")));
        }
        if fits {
            return Ok(());
        }
        let wanted = match takes.what {
            What::Anything | What::Plain => "a text or a number",
            What::List => "a list",
            What::Number => "a number",
            What::Time => "a time",
            What::Format => "a format, as a text",
            What::User => "a person or a user",
            What::Image => "an activity, a track or a picture's key",
        };
        let what = format!("`{}` takes {wanted} here, and this is {}", helper.name, kind.spoken());
        let mut mistake = Mistake::new(at, what);
        if let (What::Plain, Type::Is(Kind::Object(object))) = (takes.what, kind) {
            let fields = object.fields().iter().take(6).map(|field| format!("`.{}`", field.name));
            mistake = mistake.help(format!("add a field: {}", fields.collect::<Vec<_>>().join(", ")));
        }
        match (takes.what, kind) {
            (What::Time, Type::Is(Kind::Object(ObjectKind::Now))) => {
                mistake = mistake.help("write `now.time`");
            }
            (What::Time, Type::Is(Kind::Number)) => {
                let help =
                    "times are `now.time`, `since`, `track.started_at`, `playing.started_at` and the like";
                mistake = mistake.help(help);
            }
            _ => {}
        }
        Err(self.note(mistake))
    }

    fn lookup(&mut self, call: &Call) -> Checked<(Parameter, Type)> {
        self.no_named(call);
        let [of, key] = call.args.as_slice() else {
            return Err(self.wrong_count(call, call.at.clone(), 2, 2, "lookup kv 'scene'"));
        };
        let (of, key_expr) = (self.value(of), key);
        let ((of, kind), (key, key_kind)) = (of?, self.value(key_expr)?);
        if !key_kind.is_plain() {
            let mistake = Mistake::new(
                key_expr.at(),
                format!("`lookup` takes a name or a place, and this is {}", key_kind.spoken()),
            );
            return Err(self.note(mistake));
        }
        let found = match (kind, key_expr.text()) {
            (Type::Is(Kind::Object(_)), Some(name)) => {
                let word = Word { text: name.to_owned(), at: key_expr.at() };
                self.step(kind, &word)?
            }
            (Type::Is(Kind::TextMap), _) => Type::Is(Kind::Text),
            (Type::Is(Kind::Any | Kind::Object(_)), _) => {
                self.uses.of_people.all |= kind.is_people();
                Type::Is(Kind::Any)
            }
            (Type::Is(Kind::List(object)), _) => Type::Is(Kind::Object(object)),
            (Type::Plucked(kind), _) => Type::Is(kind),
            (other, _) => {
                let mistake = Mistake::new(
                    call.args[0].at(),
                    format!("`lookup` looks into lists and things, and this is {}", other.spoken()),
                );
                return Err(self.note(mistake));
            }
        };
        Ok((self.tool(Tool::Lookup, vec![of, key]), found))
    }

    fn pluck(&mut self, call: &Call) -> Checked<(Parameter, Type)> {
        self.no_named(call);
        let [list, field] = call.args.as_slice() else {
            return Err(self.wrong_count(call, call.at.clone(), 2, 2, "pluck squad 'name'"));
        };
        let (list, item) = self.list(call, list)?;
        let kind = self.field_path(call, item, field)?;
        let plucked = match kind {
            Type::Is(kind) => Type::Plucked(kind),
            Type::Plucked(_) => Type::Is(Kind::Any),
        };
        Ok((self.tool(Tool::Pluck, vec![list, field.parameter()]), plucked))
    }

    fn where_(&mut self, call: &Call) -> Checked<(Parameter, Type)> {
        self.no_named(call);
        let (list_expr, field, equals) = match call.args.as_slice() {
            [list, field] => (list, field, None),
            [list, field, equals] => (list, field, Some(equals)),
            _ => return Err(self.wrong_count(call, call.at.clone(), 2, 3, "where squad 'online'")),
        };
        let (list, item) = self.list(call, list_expr)?;
        self.field_path(call, item, field)?;
        let mut args = vec![list, field.parameter()];
        if let Some(equals) = equals {
            args.push(self.value(equals)?.0);
        }
        let kept = match item {
            Type::Is(Kind::Object(object)) => Type::Is(Kind::List(object)),
            other => other,
        };
        Ok((self.tool(Tool::Where, args), kept))
    }

    /// A list, and what its items are.
    fn list(&mut self, call: &Call, expr: &Expr) -> Checked<(Parameter, Type)> {
        let (list, kind) = self.value(expr)?;
        match kind {
            Type::Is(Kind::List(object)) => Ok((list, Type::Is(Kind::Object(object)))),
            Type::Is(Kind::Any) => Ok((list, kind)),
            Type::Plucked(item @ (Kind::Object(_) | Kind::Any)) => Ok((list, Type::Is(item))),
            other => {
                let what =
                    format!("`{}` takes a list of things, and this is {}", call.name.text, other.spoken());
                Err(self.note(Mistake::new(expr.at(), what).help("lists are `activities` and each group")))
            }
        }
    }

    /// A field's name given as a text: `'name'`, `'playing.name'`.
    fn field_path(&mut self, call: &Call, item: Type, field: &Expr) -> Checked<Type> {
        let Some(path) = field.text() else {
            let what = format!("`{}` takes a field's name as a text", call.name.text);
            let mistake = Mistake::new(field.at(), what);
            return Err(self.note(match field {
                Expr::Path(path) if path.begins == Begins::Up(0) && !path.words.is_empty() => {
                    let words: Vec<&str> = path.words.iter().map(|word| word.text.as_str()).collect();
                    mistake.help(format!("write `'{}'`", words.join(".")))
                }
                _ => mistake.help("like `'name'`"),
            }));
        };
        path.split('.')
            .try_fold(item, |kind, name| self.step(kind, &Word { text: name.to_owned(), at: field.at() }))
    }
}
