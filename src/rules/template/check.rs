//! From the tree as written to what is rendered: each name found in the vocabulary, each argument fitting.
//!
//! The checker and the renderer share one resolution: what a name stands for is decided here, once, and the
//! renderer only follows. So nothing that passed can be unknown later.

use std::ops::Range;

use super::helpers::{self, Gives, Helper, SPECIAL, Takes, What};
use super::parse::{Block, Call, Expr, Node, Path, Word};
use crate::rules::mistake::{Mistake, nearest};
use crate::rules::scope::{Field, Kind, Names, ObjectKind, Root};

/// A stretch of a compiled template.
#[derive(Debug)]
pub(super) enum Piece {
    Text(Box<str>),
    Value { what: Plan, raw: bool },
    If { test: Plan, zero_holds: bool, negated: bool, body: Vec<Piece>, otherwise: Vec<Piece> },
    Each { list: Plan, body: Vec<Piece>, otherwise: Vec<Piece> },
    With { what: Plan, body: Vec<Piece>, otherwise: Vec<Piece> },
}

/// How a value is come by.
#[derive(Debug)]
pub(super) enum Plan {
    Text(Box<str>),
    Number(f64),
    Bool(bool),
    Missing,
    Path { from: From, steps: Vec<Step> },
    Call { helper: &'static Helper, args: Vec<Plan> },
    Lookup { of: Box<Plan>, key: Box<Plan> },
    Pluck { list: Box<Plan>, steps: Vec<Step> },
    Where { list: Box<Plan>, steps: Vec<Step>, equals: Option<Box<Plan>> },
}

/// Where a path begins. Numbers are blocks that give a `this`, counted from the outermost.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    Root(Root),
    This(usize),
    Index(usize),
    Key(usize),
    First(usize),
    Last(usize),
}

pub(super) enum Step {
    Field(&'static Field),
    /// A key of KV or JSON, or a field of something that is only known when it is there.
    Name(Box<str>),
    Item(usize),
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name),
            Self::Name(name) => write!(f, "[{name}]"),
            Self::Item(at) => write!(f, "[{at}]"),
        }
    }
}

impl std::fmt::Debug for Helper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What an expression will be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Is(Kind),
    /// A list of values out of a list of things.
    Plucked(Kind),
}

/// What may follow an `@`.
const LOCALS: [&str; 5] = ["index", "key", "first", "last", "root"];

/// A block that gives a `this`.
struct Frame {
    this: Type,
    /// Inside of `each` there are `@index`, `@first` and `@last`, and `@key` where there are keys.
    each: bool,
    params: Vec<String>,
}

pub(super) fn compile(nodes: &[Node], names: &Names<'_>) -> Result<Vec<Piece>, Vec<Mistake>> {
    let mut checker = Checker { names, frames: Vec::new(), mistakes: Vec::new() };
    let pieces = checker.pieces(nodes);
    if checker.mistakes.is_empty() { Ok(pieces) } else { Err(checker.mistakes) }
}

struct Checker<'n> {
    names: &'n Names<'n>,
    frames: Vec<Frame>,
    mistakes: Vec<Mistake>,
}

/// A mistake has been noted; what follows from it is not worth another one.
struct Noted;

type Checked<T> = Result<T, Noted>;

impl Checker<'_> {
    fn pieces(&mut self, nodes: &[Node]) -> Vec<Piece> {
        nodes.iter().filter_map(|node| self.piece(node).ok()).collect()
    }

    fn piece(&mut self, node: &Node) -> Checked<Piece> {
        match node {
            Node::Text(text) => Ok(Piece::Text(text.as_str().into())),
            Node::Output { what, raw } => {
                let (plan, kind) = self.value(what)?;
                self.shown(kind, what.at())?;
                Ok(Piece::Value { what: plan, raw: *raw })
            }
            Node::Block(block) => self.block(block),
        }
    }

    fn block(&mut self, block: &Block) -> Checked<Piece> {
        let name = &block.head.name;
        match name.text.as_str() {
            "if" | "unless" => self.if_block(block),
            "each" => {
                let list = self.only_argument(&block.head);
                let item = match list {
                    Ok((_, kind)) => self.item_type(kind, block.head.args[0].at()),
                    Err(Noted) => Err(Noted),
                };
                self.inner(block, item, true, list.ok(), |list, body, otherwise| Piece::Each {
                    list,
                    body,
                    otherwise,
                })
            }
            "with" => {
                let what = self.only_argument(&block.head);
                let kind = what.as_ref().map(|(_, kind)| *kind).map_err(|_| Noted);
                self.inner(block, kind, false, what.ok(), |what, body, otherwise| Piece::With {
                    what,
                    body,
                    otherwise,
                })
            }
            other => match helpers::find(other) {
                Some(helper) if helper.gives == Gives::Kind(Kind::Bool) => self.if_block(block),
                _ => Err(self.no_block(name, &block.head)),
            },
        }
    }

    /// `if`, `unless`, and `{{#eq a b}}`, which is short for `{{#if (eq a b)}}`.
    fn if_block(&mut self, block: &Block) -> Checked<Piece> {
        self.no_params(block);
        let negated = block.head.name.text == "unless";
        let mut zero_holds = false;
        let test = if negated || block.head.name.text == "if" {
            for (key, value) in &block.head.named {
                match value {
                    Expr::Bool(holds, _) if key.text == "includeZero" => zero_holds = *holds,
                    _ => {
                        let mistake = Mistake::new(
                            key.at.clone(),
                            format!("`{}` is nothing that `if` takes", key.text),
                        );
                        self.mistakes.push(mistake.nearest(&key.text, ["includeZero"]));
                    }
                }
            }
            self.only_argument(&block.head).map(|(plan, _)| plan)
        } else {
            self.call(&block.head).map(|(plan, _)| plan)
        };
        let (body, otherwise) = (self.pieces(&block.body), self.pieces(&block.otherwise));
        Ok(Piece::If { test: test?, zero_holds, negated, body, otherwise })
    }

    /// The two branches of a block that gives a `this`. They are looked at whether or not its head is right.
    fn inner(
        &mut self,
        block: &Block,
        this: Checked<Type>,
        each: bool,
        head: Option<(Plan, Type)>,
        made: fn(Plan, Vec<Piece>, Vec<Piece>) -> Piece,
    ) -> Checked<Piece> {
        if each {
            self.no_named(&block.head);
        } else if block.params.len() > 1 {
            let at = block.params[1].at.clone();
            self.mistakes.push(Mistake::new(at, "`with` gives one thing, so it takes one name"));
        }
        let params = block.params.iter().map(|param| param.text.clone()).collect();
        // Below a head that is wrong any name may be right.
        self.frames.push(Frame { this: this.unwrap_or(Type::Is(Kind::Any)), each, params });
        let body = self.pieces(&block.body);
        self.frames.pop();
        let otherwise = self.pieces(&block.otherwise);
        head.map(|(plan, _)| made(plan, body, otherwise)).ok_or(Noted)
    }

    fn no_block(&mut self, name: &Word, head: &Call) -> Noted {
        let text = &name.text;
        let mistake = Mistake::new(name.at.clone(), format!("`{text}` is no block"));
        let is_name = head.args.is_empty() && self.lookup_quietly(text);
        self.note(if is_name {
            mistake
                .help(format!("write `{{{{#if {text}}}}}`, `{{{{#with {text}}}}}` or `{{{{#each {text}}}}}`"))
        } else if helpers::find(text).is_some() {
            mistake.help(format!("write it without `#`: `{{{{{text} …}}}}`"))
        } else {
            mistake.nearest(
                text,
                ["if", "unless", "each", "with", "eq", "ne", "gt", "lt", "ge", "le", "and", "or", "not"],
            )
        })
    }

    fn no_params(&mut self, block: &Block) {
        if let Some(param) = block.params.first() {
            let what = format!("`{}` gives nothing that `as` could name", block.head.name.text);
            self.mistakes.push(Mistake::new(param.at.clone(), what));
        }
    }

    fn no_named(&mut self, call: &Call) {
        if let Some((key, _)) = call.named.first() {
            let what = format!("`{}` takes nothing by name", call.name.text);
            self.mistakes.push(Mistake::new(key.at.clone(), what));
        }
    }

    fn note(&mut self, mistake: Mistake) -> Noted {
        self.mistakes.push(mistake);
        Noted
    }

    fn only_argument(&mut self, head: &Call) -> Checked<(Plan, Type)> {
        match head.args.as_slice() {
            [value] => self.value(value),
            args => {
                let name = &head.name.text;
                let at = args.get(1).map_or_else(|| head.at.clone(), Expr::at);
                let mistake =
                    Mistake::new(at, format!("`{name}` takes one value, and {} are given", args.len()));
                let first = args.first().and_then(|arg| match arg {
                    Expr::Path(path) => path.words.first(),
                    _ => None,
                });
                Err(self.note(match first {
                    Some(word) if args.len() > 1 && helpers::find(&word.text).is_some() => {
                        mistake.help(format!(
                            "put parentheses around what `{}` takes: `{name} ({} …)`",
                            word.text, word.text
                        ))
                    }
                    _ => mistake,
                }))
            }
        }
    }

    fn value(&mut self, expr: &Expr) -> Checked<(Plan, Type)> {
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

    fn call(&mut self, call: &Call) -> Checked<(Plan, Type)> {
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

    fn unknown_helper(&mut self, word: &Word) -> Noted {
        let name = word.text.as_str();
        self.note(if self.lookup_quietly(name) {
            let mistake =
                Mistake::new(word.at.clone(), format!("`{name}` is a name, no helper, and takes nothing"));
            mistake.help("close the braces after it, or begin with a helper's name")
        } else {
            Mistake::new(word.at.clone(), format!("unknown helper `{name}`")).nearest(name, helpers::names())
        })
    }

    fn helper(&mut self, helper: &'static Helper, call: &Call) -> Checked<(Plan, Type)> {
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

    fn fits(
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
                What::Plain => is_plain(kind),
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
        let what = format!("`{}` takes {wanted} here, and this is {}", helper.name, spoken(kind));
        let mut mistake = Mistake::new(at, what);
        if let (What::Plain, Type::Is(Kind::Object(object))) = (takes.what, kind) {
            let fields = object.fields().iter().take(6).map(|field| format!("`.{}`", field.name));
            mistake = mistake.help(format!("add a field: {}", fields.collect::<Vec<_>>().join(", ")));
        }
        Err(self.note(mistake))
    }

    /// What stands between braces must be something to write.
    fn shown(&mut self, kind: Type, at: Range<usize>) -> Checked<()> {
        if is_plain(kind) {
            return Ok(());
        }
        let mistake = Mistake::new(at, format!("this is {}, not a text", spoken(kind)));
        Err(self.note(match kind {
            Type::Is(Kind::Object(object)) => {
                let fields = object.fields().iter().take(6).map(|field| format!("`.{}`", field.name));
                mistake.help(format!("add a field: {}", fields.collect::<Vec<_>>().join(", ")))
            }
            Type::Is(Kind::List(_)) => mistake.help("use `{{#each …}}`, or `{{join (pluck … 'name') ', '}}`"),
            Type::Plucked(_) => mistake.help("use `{{join … ', '}}`"),
            Type::Is(_) => mistake.help("add a key, or use `{{#each …}}`"),
        }))
    }

    fn item_type(&mut self, kind: Type, at: Range<usize>) -> Checked<Type> {
        match kind {
            Type::Is(Kind::List(object)) => Ok(Type::Is(Kind::Object(object))),
            Type::Plucked(kind) => Ok(Type::Is(kind)),
            Type::Is(Kind::TextMap) => Ok(Type::Is(Kind::Text)),
            Type::Is(Kind::Any) => Ok(kind),
            other @ Type::Is(_) => {
                let mistake = Mistake::new(at, format!("`each` takes a list, and this is {}", spoken(other)));
                Err(self.note(mistake.help("lists are `activities`, each group, and `kv`")))
            }
        }
    }

    fn lookup(&mut self, call: &Call) -> Checked<(Plan, Type)> {
        self.no_named(call);
        let [of, key] = call.args.as_slice() else {
            return Err(self.wrong_count(call, call.at.clone(), 2, 2, "lookup kv 'scene'"));
        };
        let (of, key_expr) = (self.value(of), key);
        let ((of, kind), (key, key_kind)) = (of?, self.value(key_expr)?);
        if !is_plain(key_kind) {
            let mistake = Mistake::new(
                key_expr.at(),
                format!("`lookup` takes a name or a place, and this is {}", spoken(key_kind)),
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
                    format!("`lookup` looks into lists and things, and this is {}", spoken(other)),
                );
                return Err(self.note(mistake));
            }
        };
        Ok((Plan::Lookup { of: of.into(), key: key.into() }, found))
    }

    fn pluck(&mut self, call: &Call) -> Checked<(Plan, Type)> {
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

    fn where_(&mut self, call: &Call) -> Checked<(Plan, Type)> {
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
    fn list(&mut self, call: &Call, expr: &Expr) -> Checked<(Plan, Type)> {
        let (plan, kind) = self.value(expr)?;
        match kind {
            Type::Is(Kind::List(object)) => Ok((plan, Type::Is(Kind::Object(object)))),
            Type::Is(Kind::Any) => Ok((plan, kind)),
            Type::Plucked(item @ (Kind::Object(_) | Kind::Any)) => Ok((plan, Type::Is(item))),
            other => {
                let what =
                    format!("`{}` takes a list of things, and this is {}", call.name.text, spoken(other));
                Err(self.note(Mistake::new(expr.at(), what).help("lists are `activities` and each group")))
            }
        }
    }

    /// A field's name given as a text: `'name'`, `'playing.name'`.
    fn field_path(&mut self, call: &Call, item: Type, field: &Expr) -> Checked<(Vec<Step>, Type)> {
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

    fn path(&mut self, path: &Path) -> Checked<(Plan, Type)> {
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
    fn local(&mut self, path: &Path) -> Checked<(Plan, Type)> {
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
    fn param(&self, name: &str) -> Option<(From, Type)> {
        self.frames.iter().enumerate().rev().find_map(|(at, frame)| {
            match frame.params.iter().position(|param| param == name)? {
                0 => Some((From::This(at), frame.this)),
                // The second one is the key where there are keys, and else the place.
                _ => Some((From::Key(at), Type::Is(Kind::Any))),
            }
        })
    }

    fn steps(&mut self, (from, mut kind): (From, Type), words: &[Word]) -> Checked<(Plan, Type)> {
        let mut steps = Vec::with_capacity(words.len());
        for word in words {
            let (step, next) = self.step(kind, word)?;
            steps.push(step);
            kind = next;
        }
        Ok((Plan::Path { from, steps }, kind))
    }

    fn step(&mut self, kind: Type, word: &Word) -> Checked<(Step, Type)> {
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
                let mistake =
                    Mistake::new(word.at.clone(), format!("`{name}` of {}: it has no fields", spoken(other)));
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

    fn unknown_field(&mut self, object: ObjectKind, word: &Word) -> Noted {
        let name = word.text.as_str();
        let mistake = Mistake::new(word.at.clone(), format!("unknown field `{name}` of {}", object.spoken()));
        let fields = object.fields().iter().map(|field| field.name);
        self.note(match (nearest(name, fields.clone()), self.further_out(name)) {
            (None, Some(help)) => mistake.help(help),
            _ => mistake.nearest(name, fields),
        })
    }

    /// Inside of a block a name may be meant that is only known outside.
    fn further_out(&self, name: &str) -> Option<String> {
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

    fn unknown_name(&mut self, word: &Word) -> Noted {
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
    fn missing_because(&self, name: &str) -> Option<&'static str> {
        let person = Names { has_person: true, ..*self.names };
        if !self.names.has_person && person.root(name).is_some() {
            return Some("only a rule with `who` is about one person");
        }
        (name == "change").then_some("only a rule with `when` has a change")
    }

    fn lookup_quietly(&self, name: &str) -> bool {
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

fn is_plain(kind: Type) -> bool {
    matches!(kind, Type::Is(Kind::Text | Kind::Bool | Kind::Number | Kind::Time | Kind::Duration | Kind::Any))
}

fn spoken(kind: Type) -> &'static str {
    match kind {
        Type::Is(Kind::Text) => "a text",
        Type::Is(Kind::Bool) => "true or false",
        Type::Is(Kind::Number) => "a number",
        Type::Is(Kind::Time) => "a time",
        Type::Is(Kind::Duration) => "a length of time",
        Type::Is(Kind::Object(object)) => object.spoken(),
        Type::Is(Kind::List(_)) => "a list",
        Type::Is(Kind::TextMap) => "a map of texts",
        Type::Is(Kind::Any) => "anything",
        Type::Plucked(_) => "a list of values",
    }
}
