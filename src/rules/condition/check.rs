//! From the tree as written to the tree that runs: every name, field and type is checked, and every mistake
//! is collected. A part that is wrong is silent afterwards: its mistake is told once.

use std::ops::Range;

use super::expr::{Expr, ExprKind, Word};
use super::parser::word_operator;
use super::tree::Node;
use super::types::{Type, Words};
use super::worth::CHANGED_THINGS;
use super::{Sees, calls};
use crate::printable::cut;
use crate::rules::elsewhere;
use crate::rules::mistake::{Mistake, nearest};
use crate::rules::scope::{Names, ObjectKind, Root};

/// A part that was checked.
pub struct Typed {
    pub node: Node,
    pub kind: Type,
}

impl Typed {
    pub fn new(node: Node, kind: Type) -> Self {
        Self { node, kind }
    }
}

pub struct Checker<'c> {
    pub source: &'c str,
    pub names: &'c Names<'c>,
    /// The variables of the macros around, outermost first.
    pub variables: Vec<(String, Type)>,
    pub mistakes: Vec<Mistake>,
    pub sees: Sees,
}

impl<'c> Checker<'c> {
    pub fn new(source: &'c str, names: &'c Names<'c>) -> Self {
        Self { source, names, variables: Vec::new(), mistakes: Vec::new(), sees: Sees::default() }
    }

    /// Notes a mistake; what it was about has no type.
    pub fn wrong<T>(&mut self, mistake: Mistake) -> Option<T> {
        self.mistakes.push(mistake);
        None
    }

    /// A part of the condition as it is written, for a mistake; long ones are cut.
    pub fn quote(&self, expr: &Expr) -> String {
        let text = self.source.get(expr.at.clone()).unwrap_or_default();
        cut(text.to_owned(), 60)
    }

    /// A part where true or false is wanted. An object stands for whether it is there.
    pub fn boolean(&mut self, expr: &Expr) -> Option<Node> {
        if let ExprKind::Choose(parts) = &expr.kind {
            // In a boolean place its two ends are in one too.
            let parts = parts.each_ref().map(|part| self.boolean(part));
            let [Some(condition), Some(then), Some(otherwise)] = parts else { return None };
            return Some(Node::Choose(Box::new([condition, then, otherwise])));
        }
        let Typed { node, kind } = self.typed(expr)?;
        let quote = self.quote(expr);
        let help = match &kind {
            Type::Bool | Type::Object(_) | Type::Any => return Some(node),
            Type::Text(_) if matches!(expr.kind, ExprKind::Text(_)) => {
                "a text alone is neither; compare something with it".to_owned()
            }
            Type::Text(_) if matches!(expr.kind, ExprKind::Select(..)) => {
                format!("compare it, as in `{quote} == \"…\"`, or ask whether it is there: `has({quote})`")
            }
            Type::Text(_) => format!("compare it, as in `{quote} == \"…\"`"),
            Type::Int | Type::Uint | Type::Double => format!("compare it, as in `{quote} > 0`"),
            Type::List(of) => match **of {
                Type::Object(ObjectKind::Person) => {
                    format!("`{quote}.exists(p, p.online)`: some of them; `all`: all of them")
                }
                _ => format!("to ask whether there is any, write `{quote}.size() > 0`"),
            },
            Type::Map => format!("to ask for one of its keys, write `has({quote}.key)`"),
            Type::Duration => format!("compare it, as in `{quote} > duration(\"5m\")`"),
            Type::Time => "compare it, as in `now.time - track.started_at > duration(\"5m\")`".to_owned(),
            Type::Null => "to ask whether something is missing, write `playing == null`".to_owned(),
        };
        let what = format!("`{quote}` is {}, not true or false", kind.spoken());
        self.wrong(Mistake::new(expr.at.clone(), what).help(help))
    }

    pub fn typed(&mut self, expr: &Expr) -> Option<Typed> {
        let typed = match &expr.kind {
            ExprKind::Null => Typed::new(Node::Null, Type::Null),
            ExprKind::Bool(truth) => Typed::new(Node::Bool(*truth), Type::Bool),
            ExprKind::Int(number) => Typed::new(Node::Int(*number), Type::Int),
            ExprKind::Uint(number) => Typed::new(Node::Uint(*number), Type::Uint),
            ExprKind::Double(number) => Typed::new(Node::Double(*number), Type::Double),
            ExprKind::Text(text) => Typed::new(Node::Text(text.as_str().into()), Type::Text(None)),
            ExprKind::List(items) => self.list(items)?,
            ExprKind::Name(name) => self.name(name, &expr.at)?,
            ExprKind::Select(of, word) => self.select(of, word)?,
            ExprKind::Index(of, index) => self.index(of, index)?,
            ExprKind::Call(word, args) => calls::function(self, expr, word, args)?,
            ExprKind::Method(of, word, args) => calls::method(self, expr, of, word, args)?,
            ExprKind::Not(of) => Typed::new(Node::Not(Box::new(self.boolean(of)?)), Type::Bool),
            ExprKind::Negate(of) => self.negate(of)?,
            ExprKind::And(terms) => Typed::new(Node::And(self.booleans(terms)?), Type::Bool),
            ExprKind::Or(terms) => Typed::new(Node::Or(self.booleans(terms)?), Type::Bool),
            ExprKind::Choose(parts) => self.choose(expr, parts)?,
            ExprKind::Binary(left, operator, right) => self.binary(expr, left, *operator, right)?,
        };
        Some(typed)
    }

    fn booleans(&mut self, terms: &[Expr]) -> Option<Vec<Node>> {
        // All of them are looked at, so that all mistakes are found.
        let nodes: Vec<Option<Node>> = terms.iter().map(|term| self.boolean(term)).collect();
        nodes.into_iter().collect()
    }

    fn list(&mut self, items: &[Expr]) -> Option<Typed> {
        let typed: Vec<Option<Typed>> = items.iter().map(|item| self.typed(item)).collect();
        let typed = typed.into_iter().collect::<Option<Vec<_>>>()?;
        let mut of: Option<Type> = None;
        let mut nodes = Vec::with_capacity(typed.len());
        for (item, Typed { node, kind }) in items.iter().zip(typed) {
            let spoken = kind.spoken();
            of = match of {
                None => Some(kind),
                Some(before) => {
                    let other = before.spoken();
                    let Some(joined) = before.joined(kind) else {
                        let what = format!(
                            "`{}` is {spoken} in a list of which the first is {other}",
                            self.quote(item)
                        );
                        return self.wrong(Mistake::new(item.at.clone(), what));
                    };
                    Some(joined)
                }
            };
            nodes.push(node);
        }
        Some(Typed::new(Node::List(nodes), Type::List(Box::new(of.unwrap_or(Type::Null)))))
    }

    fn name(&mut self, name: &str, at: &Range<usize>) -> Option<Typed> {
        if let Some(depth) = self.variables.iter().rposition(|(variable, _)| variable == name) {
            return Some(Typed::new(Node::Variable(depth), self.variables[depth].1.clone()));
        }
        let Some((root, kind)) = self.names.root(name) else {
            let mistake = self.unknown_name(name, at);
            // The other half of a name with a `-`.
            let told =
                self.dashed(at).is_some() && self.mistakes.iter().any(|other| other.help == mistake.help);
            return if told { None } else { self.wrong(mistake) };
        };
        match root {
            Root::OwnField(_) => self.sees.person = true,
            Root::Before => self.sees.before = true,
            Root::Change | Root::Late | Root::LateBy | Root::Since | Root::Lasted => self.sees.change = true,
            Root::Now => self.sees.now = true,
            Root::Person(at) => note(&mut self.sees.people, at),
            Root::Group(at) => note(&mut self.sees.groups, at),
            Root::Rule | Root::Raw | Root::Firings | Root::Count => {}
        }
        let kind = match root {
            Root::OwnField(_) => Type::of_field(ObjectKind::Person, name, kind),
            _ => Type::of_field(ObjectKind::User, name, kind),
        };
        Some(Typed::new(Node::Root(root), kind))
    }

    fn unknown_name(&self, name: &str, at: &Range<usize>) -> Mistake {
        let mistake = Mistake::new(at.clone(), format!("unknown name `{name}`"));
        if let Some(sign) = word_operator(name) {
            return mistake.help(format!("write `{sign}`"));
        }
        if !self.names.has_person && (ObjectKind::Person.field(name).is_some() || name == "before") {
            let whose = self.names.people.as_slice().first().map_or("alice", String::as_str);
            return mistake.help(format!(
                "a rule without `who` is about nobody: say whose it is, as in `{whose}.{name}`"
            ));
        }
        match name {
            "change" => return mistake.help("only rules with `when` have a change"),
            "before" => return mistake.help("only a rule with `who` and `when` has a before and an after"),
            "none" | "None" | "nil" | "undefined" | "NULL" => return mistake.help("write `null`"),
            "rule" | "raw" => return mistake.help("only templates know it"),
            "late" | "late_by" | "since" | "lasted" => {
                return mistake.help("only rules with `when` know it: it is about what began or ended");
            }
            _ => {}
        }
        if let Some(whole) = self.dashed(at) {
            return mistake.help(format!("a name with a `-` is written in backticks: `` `{whole}` ``"));
        }
        if let Some(instead) = elsewhere::instead(elsewhere::NAMES, name) {
            return mistake.help(instead);
        }
        if let Some(owner) = self.names.owner(name) {
            return mistake.help(format!("did you mean `{owner}.{name}`?"));
        }
        if Words::anywhere(name) {
            return mistake.help(format!("a text is in quotes: `\"{name}\"`"));
        }
        let variables = self.variables.iter().map(|(variable, _)| variable.as_str());
        let known = self.names.all().into_iter().chain(variables).chain(["true", "false", "null"]);
        match nearest(name, known) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.nearest(name, self.names.all()),
        }
    }

    /// A person or group whose name has a `-`, which reads as a subtraction.
    fn dashed(&self, at: &Range<usize>) -> Option<&str> {
        let (before, from) = (self.source.get(..at.end)?, self.source.get(at.start..)?);
        let mut named = self.names.people.as_slice().iter().chain(self.names.groups.as_slice());
        let found =
            named.find(|name| name.contains('-') && (from.starts_with(*name) || before.ends_with(*name)));
        found.map(String::as_str)
    }

    fn select(&mut self, of: &Expr, word: &Word) -> Option<Typed> {
        let Typed { node, kind } = self.typed(of)?;
        let name = &*word.name;
        match kind {
            Type::Object(object) => {
                if let Some(field) = object.field(name) {
                    let kind = Type::of_field(object, name, field.kind);
                    return Some(Typed::new(Node::Field(Box::new(node), field), kind));
                }
                let what = format!("unknown field `{name}` of {}", object.spoken());
                let mistake = Mistake::new(word.at.clone(), what);
                if matches!(name, "duration" | "elapsed" | "length") && object.field("started_at").is_some() {
                    let quote = self.quote(of);
                    return self.wrong(mistake.help(format!("write `now.time - {quote}.started_at`")));
                }
                if let Some(field) = elsewhere::field(object, name) {
                    return self.wrong(mistake.help(format!("did you mean `{field}`?")));
                }
                let known = object.fields().iter().map(|field| field.name);
                self.wrong(mistake.nearest(name, known))
            }
            Type::Map => {
                let key = Box::new(Node::Text(name.into()));
                Some(Typed::new(Node::Key(Box::new(node), key), Type::Text(None)))
            }
            Type::Any => {
                let mut known =
                    CHANGED_THINGS.iter().flat_map(|object| object.fields()).map(|field| field.name);
                if known.any(|known| known == name) {
                    return Some(Typed::new(Node::AnyField(Box::new(node), name.into()), Type::Any));
                }
                let known = CHANGED_THINGS.iter().flat_map(|object| object.fields()).map(|field| field.name);
                let what = format!("nothing that a change is about has a field `{name}`");
                self.wrong(Mistake::new(word.at.clone(), what).nearest(name, known))
            }
            // The rest of a name with a `-`, of which the first part was told already: `dave-2.online`.
            Type::Int if matches!(of.kind, ExprKind::Int(_)) && !self.mistakes.is_empty() => None,
            kind => {
                let what = format!("unknown field `{name}`: `{}` is {}", self.quote(of), kind.spoken());
                let mistake = Mistake::new(word.at.clone(), what);
                let help = calls::help_for_field(&self.quote(of), &kind, name);
                self.wrong(match help {
                    Some(help) => mistake.help(help),
                    None => mistake,
                })
            }
        }
    }

    fn index(&mut self, of: &Expr, index: &Expr) -> Option<Typed> {
        let (list, at) = (self.typed(of), self.typed(index));
        let (list, at) = (list?, at?);
        match (list.kind, at.kind) {
            (Type::Map, Type::Text(_)) => {
                Some(Typed::new(Node::Key(Box::new(list.node), Box::new(at.node)), Type::Text(None)))
            }
            (Type::List(of), Type::Int) => {
                Some(Typed::new(Node::Item(Box::new(list.node), Box::new(at.node)), *of))
            }
            (Type::Map, _) => {
                let mistake =
                    Mistake::new(index.at.clone(), format!("a key is a text, not {}", self.quote(index)));
                self.wrong(mistake)
            }
            (Type::List(_), _) => {
                let what = format!("a place in a list is a whole number, not `{}`", self.quote(index));
                self.wrong(Mistake::new(index.at.clone(), what).help("the first one is `[0]`"))
            }
            (kind, _) => {
                let what = format!("`{}` is {} and has no `[…]`", self.quote(of), kind.spoken());
                self.wrong(Mistake::new(of.at.clone(), what))
            }
        }
    }

    fn negate(&mut self, of: &Expr) -> Option<Typed> {
        let Typed { node, kind } = self.typed(of)?;
        if matches!(kind, Type::Int | Type::Double) {
            return Some(Typed::new(Node::Negate(Box::new(node)), kind));
        }
        let what = format!("`-` needs a number, and `{}` is {}", self.quote(of), kind.spoken());
        let mistake = Mistake::new(of.at.clone(), what);
        self.wrong(if kind == Type::Bool { mistake.help("write `!`") } else { mistake })
    }

    fn choose(&mut self, expr: &Expr, parts: &[Expr; 3]) -> Option<Typed> {
        let [condition, then, otherwise] = parts;
        let condition = self.boolean(condition);
        let (then, otherwise) = (self.typed(then), self.typed(otherwise));
        let (condition, then, otherwise) = (condition?, then?, otherwise?);
        let (one, other) = (then.kind.spoken(), otherwise.kind.spoken());
        let Some(kind) = then.kind.joined(otherwise.kind) else {
            let what = format!("`? :` chooses between {one} and {other}");
            return self.wrong(Mistake::new(expr.at.clone(), what).help("both must be of one type"));
        };
        Some(Typed::new(Node::Choose(Box::new([condition, then.node, otherwise.node])), kind))
    }
}

fn note(places: &mut Vec<usize>, at: usize) {
    if let Err(place) = places.binary_search(&at) {
        places.insert(place, at);
    }
}
