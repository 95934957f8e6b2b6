//! Expressions, and whether what a helper is given fits it.

use std::ops::Range;

use super::plan::{Plan, Step, Type};
use super::{Checked, Checker, Noted};
use crate::rules::mistake::Mistake;
use crate::rules::scope::{Kind, ObjectKind};
use crate::rules::template::helpers::{self, Gives, Helper, Takes, What};
use crate::rules::template::parse::tree::{Call, Expr, Path, Word};

impl Checker<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Checked<(Plan, Type)> {
        match expr {
            Expr::Text(text, _) => Ok((Plan::Text(text.as_str().into()), Type::Is(Kind::Text))),
            Expr::Number(number, _) => Ok((Plan::Number(*number), Type::Is(Kind::Number))),
            Expr::Bool(bool, _) => Ok((Plan::Bool(*bool), Type::Is(Kind::Bool))),
            Expr::Null(_) => Ok((Plan::Missing, Type::Is(Kind::Any))),
            Expr::Path(path) => self.path(path),
            Expr::Call(call)
                if call.args.is_empty()
                    && call.named.is_empty()
                    && helpers::find(&call.name.text).is_none() =>
            {
                let words = vec![call.name.clone()];
                self.path(&Path { at: call.at.clone(), up: 0, this: false, local: false, words })
            }
            Expr::Call(call) => self.call(call),
        }
    }

    pub(super) fn call(&mut self, call: &Call) -> Checked<(Plan, Type)> {
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
                self.helper(helper, call)
            }
        }
    }

    pub(super) fn unknown_helper(&mut self, word: &Word) -> Noted {
        let name = word.text.as_str();
        self.note(if self.lookup_quietly(name) {
            let mistake =
                Mistake::new(word.at.clone(), format!("`{name}` is a name, no helper, and takes nothing"));
            mistake.help("close the braces after it, or begin with a helper's name")
        } else {
            Mistake::new(word.at.clone(), format!("unknown helper `{name}`")).nearest(name, helpers::names())
        })
    }

    pub(super) fn helper(&mut self, helper: &'static Helper, call: &Call) -> Checked<(Plan, Type)> {
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
                args.push(Plan::Missing);
                continue;
            };
            let Ok((plan, kind)) = self.value(expr) else {
                fine = false;
                continue;
            };
            fine &= self.fits(helper, *takes, &plan, kind, expr.at()).is_ok();
            if place == 0 {
                first = kind;
            }
            args.push(plan);
        }
        // An argument that was left out in the middle is as if nobody had asked: its helper's default.
        while matches!(args.last(), Some(Plan::Missing)) && given.last().is_some_and(Option::is_none) {
            args.pop();
        }
        let gives = match helper.gives {
            Gives::Kind(kind) => Type::Is(kind),
            Gives::First => first,
        };
        if fine { Ok((Plan::Call { helper, args }, gives)) } else { Err(Noted) }
    }

    pub(super) fn wrong_count(
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

    pub(super) fn fits(
        &mut self,
        helper: &Helper,
        takes: Takes,
        plan: &Plan,
        kind: Type,
        at: Range<usize>,
    ) -> Checked<()> {
        let is_any = kind == Type::Is(Kind::Any);
        let fits = is_any
            || match takes.what {
                What::Anything => true,
                What::Plain => kind.is_plain(),
                What::List => matches!(kind, Type::Plucked(_) | Type::Is(Kind::List(_) | Kind::TextMap)),
                What::Number => {
                    matches!(kind, Type::Is(Kind::Number | Kind::Time | Kind::Duration | Kind::Text))
                }
                What::Time => matches!(kind, Type::Is(Kind::Number | Kind::Time)),
                What::Format => kind == Type::Is(Kind::Text),
                What::User => matches!(kind, Type::Is(Kind::Object(ObjectKind::Person | ObjectKind::User))),
                What::Image => {
                    matches!(
                        kind,
                        Type::Is(Kind::Text | Kind::Object(ObjectKind::Activity | ObjectKind::Track))
                    )
                }
            };
        if let (What::Format, Plan::Text(format)) = (takes.what, plan)
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
        Err(self.note(mistake))
    }

    pub(super) fn lookup(&mut self, call: &Call) -> Checked<(Plan, Type)> {
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
        let found = match (kind, &key) {
            (Type::Is(Kind::Object(_)), Plan::Text(name)) => {
                let word = Word { text: name.to_string(), at: key_expr.at() };
                self.step(kind, &word)?.1
            }
            (Type::Is(Kind::TextMap), _) => Type::Is(Kind::Text),
            (Type::Is(Kind::Any | Kind::Object(_)), _) => Type::Is(Kind::Any),
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
        Ok((Plan::Lookup { of: of.into(), key: key.into() }, found))
    }

    pub(super) fn pluck(&mut self, call: &Call) -> Checked<(Plan, Type)> {
        self.no_named(call);
        let [list, field] = call.args.as_slice() else {
            return Err(self.wrong_count(call, call.at.clone(), 2, 2, "pluck squad 'name'"));
        };
        let (list, item) = self.list(call, list)?;
        let (steps, kind) = self.field_path(call, item, field)?;
        let plucked = match kind {
            Type::Is(kind) => Type::Plucked(kind),
            Type::Plucked(_) => Type::Is(Kind::Any),
        };
        Ok((Plan::Pluck { list: list.into(), steps }, plucked))
    }

    pub(super) fn where_(&mut self, call: &Call) -> Checked<(Plan, Type)> {
        self.no_named(call);
        let (list_expr, field, equals) = match call.args.as_slice() {
            [list, field] => (list, field, None),
            [list, field, equals] => (list, field, Some(equals)),
            _ => return Err(self.wrong_count(call, call.at.clone(), 2, 3, "where squad 'online'")),
        };
        let (list, item) = self.list(call, list_expr)?;
        let kept = match self.value(list_expr) {
            Ok((_, kind)) => kind,
            Err(noted) => return Err(noted),
        };
        let (steps, _) = self.field_path(call, item, field)?;
        let equals = match equals {
            Some(equals) => Some(Box::new(self.value(equals)?.0)),
            None => None,
        };
        Ok((Plan::Where { list: list.into(), steps, equals }, kept))
    }

    /// A list, and what its items are.
    pub(super) fn list(&mut self, call: &Call, expr: &Expr) -> Checked<(Plan, Type)> {
        let (plan, kind) = self.value(expr)?;
        match kind {
            Type::Is(Kind::List(object)) => Ok((plan, Type::Is(Kind::Object(object)))),
            Type::Is(Kind::Any) => Ok((plan, kind)),
            Type::Plucked(item @ (Kind::Object(_) | Kind::Any)) => Ok((plan, Type::Is(item))),
            other => {
                let what =
                    format!("`{}` takes a list of things, and this is {}", call.name.text, other.spoken());
                Err(self.note(Mistake::new(expr.at(), what).help("lists are `activities` and each group")))
            }
        }
    }

    /// A field's name given as a text: `'name'`, `'playing.name'`.
    pub(super) fn field_path(&mut self, call: &Call, item: Type, field: &Expr) -> Checked<(Vec<Step>, Type)> {
        let Expr::Text(path, at) = field else {
            let what = format!("`{}` takes a field's name as a text", call.name.text);
            let mistake = Mistake::new(field.at(), what);
            return Err(self.note(match field {
                Expr::Path(path) if path.up == 0 && !path.words.is_empty() => {
                    let words: Vec<&str> = path.words.iter().map(|word| word.text.as_str()).collect();
                    mistake.help(format!("write `'{}'`", words.join(".")))
                }
                _ => mistake.help("like `'name'`"),
            }));
        };
        let (mut steps, mut kind) = (Vec::new(), item);
        for name in path.split('.') {
            let (step, next) = self.step(kind, &Word { text: name.to_owned(), at: at.clone() })?;
            steps.push(step);
            kind = next;
        }
        Ok((steps, kind))
    }
}
