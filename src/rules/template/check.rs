//! From the tree as written to what is rendered: each name found in the vocabulary, each argument fitting.
//!
//! The checker and the renderer share one resolution: what a name stands for is decided here, once, and the
//! renderer only follows. So nothing that passed can be unknown later.

mod call;
mod path;
pub(super) mod plan;

use std::ops::Range;

use super::helpers::{self, Gives};
use super::parse::tree::{Block, Call, Expr, Node, Word};
use crate::rules::mistake::Mistake;
use crate::rules::scope::{Kind, Names};
use plan::{Piece, Plan, Type};

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

    /// What stands between braces must be something to write.
    fn shown(&mut self, kind: Type, at: Range<usize>) -> Checked<()> {
        if kind.is_plain() {
            return Ok(());
        }
        let mistake = Mistake::new(at, format!("this is {}, not a text", kind.spoken()));
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
                let mistake =
                    Mistake::new(at, format!("`each` takes a list, and this is {}", other.spoken()));
                Err(self.note(mistake.help("lists are `activities`, each group, and `kv`")))
            }
        }
    }
}
