//! From the tree as written to the tree that runs: every name, field and type is checked, and every mistake
//! is collected. A part that is wrong is silent afterwards: its mistake is told once.

use std::ops::Range;

use super::parser::{Expr, ExprKind, Operator, Word, word_operator};
use super::tree::{Arithmetic, Node, Wanted};
use super::types::{Type, Words};
use super::worth::CHANGED_THINGS;
use super::{Sees, calls};
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
        match text.char_indices().nth(60) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text.to_owned(),
        }
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
            Type::Time => format!("compare it, as in `now.time - {quote} > duration(\"5m\")`")
                .replace("now.time - now.time", "now.time - track.started_at"),
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
            return self.wrong(mistake);
        };
        match root {
            Root::OwnField(_) => self.sees.person = true,
            Root::Before => self.sees.before = true,
            Root::Change => self.sees.change = true,
            Root::Now => self.sees.now = true,
            Root::Person(at) => note(&mut self.sees.people, at),
            Root::Group(at) => note(&mut self.sees.groups, at),
            Root::Rule | Root::Late | Root::LateBy | Root::Since | Root::Lasted | Root::Raw => {}
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
            return mistake.help(format!(
                "a rule without `who` is about nobody: say whose it is, as in `alice.{name}`"
            ));
        }
        match name {
            "change" => return mistake.help("only rules with `when` have a change"),
            "rule" | "late" | "late_by" | "since" | "lasted" | "raw" => {
                return mistake.help("only templates know it");
            }
            _ => {}
        }
        if let Some(whole) = self.dashed(at) {
            return mistake.help(format!("a name with a `-` is written in backticks: `` `{whole}` ``"));
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
        let mut named = self.names.people.iter().chain(self.names.groups);
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
                let known = object.fields().iter().map(|field| field.name);
                self.wrong(Mistake::new(word.at.clone(), what).nearest(name, known))
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

    fn binary(&mut self, expr: &Expr, left: &Expr, operator: Operator, right: &Expr) -> Option<Typed> {
        let (one, other) = (self.typed(left), self.typed(right));
        let (one, other) = (one?, other?);
        let sides = Sides { at: expr.at.clone(), left, right };
        let node = match operator {
            Operator::Equal => self.equal(&sides, one, other)?,
            Operator::Unequal => Node::Not(Box::new(self.equal(&sides, one, other)?)),
            Operator::Less => self.order(&sides, one, other, operator, Wanted::Less)?,
            Operator::AtMost => self.order(&sides, one, other, operator, Wanted::AtMost)?,
            Operator::Greater => self.order(&sides, one, other, operator, Wanted::Greater)?,
            Operator::AtLeast => self.order(&sides, one, other, operator, Wanted::AtLeast)?,
            Operator::In => self.within(&sides, one, other)?,
            Operator::Add => return self.arithmetic(&sides, one, other, operator, Arithmetic::Add),
            Operator::Subtract => return self.arithmetic(&sides, one, other, operator, Arithmetic::Subtract),
            Operator::Multiply => return self.arithmetic(&sides, one, other, operator, Arithmetic::Multiply),
            Operator::Divide => return self.arithmetic(&sides, one, other, operator, Arithmetic::Divide),
            Operator::Remainder => {
                return self.arithmetic(&sides, one, other, operator, Arithmetic::Remainder);
            }
        };
        Some(Typed::new(node, Type::Bool))
    }

    fn equal(&mut self, sides: &Sides<'_>, left: Typed, right: Typed) -> Option<Node> {
        match (&left.kind, &right.kind) {
            (Type::Null, _) => return Some(Node::IsNull(Box::new(right.node))),
            (_, Type::Null) => return Some(Node::IsNull(Box::new(left.node))),
            (Type::Object(kind), Type::Object(_)) => {
                let what = format!("{} cannot be compared as a whole", kind.spoken());
                let help = whole_help(&self.quote(sides.left), *kind);
                return self.wrong(Mistake::new(sides.at.clone(), what).help(help));
            }
            (Type::Map, _) | (_, Type::Map) => {}
            (one, other) if one.is_like(other) => {
                self.possible(sides.left, one, sides.right, &right.node)?;
                self.possible(sides.right, other, sides.left, &left.node)?;
                return Some(equal_nodes(left, right));
            }
            _ => {}
        }
        self.mismatch(sides, &left.kind, &right.kind)
    }

    /// Whether a text written out is one of the words that what it is compared with always is.
    fn possible(&mut self, of: &Expr, kind: &Type, expr: &Expr, node: &Node) -> Option<()> {
        let (Node::Text(text), Type::Text(Some(words))) = (node, kind) else { return Some(()) };
        let all = words.all();
        // Empty is what is missing, and anything but the present moment can be.
        if all.contains(&&**text) || text.is_empty() && *words != Words::Weekday {
            return Some(());
        }
        let mistake = Mistake::new(expr.at.clone(), format!("`{}` is never `{text}`", self.quote(of)));
        let lowered = text.to_lowercase();
        let mut begun = all.iter().filter(|word| !lowered.is_empty() && word.starts_with(&lowered));
        self.wrong(match (begun.next(), begun.next()) {
            (Some(word), None) => mistake.help(format!("did you mean `{word}`?")),
            _ => mistake.nearest(text, all),
        })
    }

    fn order(
        &mut self,
        sides: &Sides<'_>,
        left: Typed,
        right: Typed,
        operator: Operator,
        wanted: Wanted,
    ) -> Option<Node> {
        let both = |test: fn(&Type) -> bool| {
            let fits = |kind: &Type| test(kind) || *kind == Type::Any;
            fits(&left.kind) && fits(&right.kind)
        };
        if both(Type::is_number) || both(Type::is_text) {
            return Some(Node::Order(Box::new([left.node, right.node]), wanted));
        }
        if both(Type::is_time) && left.kind.is_like(&right.kind) {
            return Some(Node::TimeOrder(Box::new([left.node, right.node]), wanted));
        }
        if let ExprKind::Binary(_, inner, middle) = &sides.left.kind
            && inner.is_relation()
        {
            let (first, middle) = (self.quote(sides.left), self.quote(middle));
            let last = self.quote(sides.right);
            return self.wrong(
                Mistake::new(sides.at.clone(), "comparisons cannot be chained")
                    .help(format!("write `{first} && {middle} {} {last}`", operator.sign())),
            );
        }
        if left.kind.is_like(&right.kind) {
            let what =
                format!("`{}` needs numbers, texts or times, not {}", operator.sign(), left.kind.spoken());
            return self.wrong(Mistake::new(sides.at.clone(), what));
        }
        self.mismatch(sides, &left.kind, &right.kind)
    }

    fn within(&mut self, sides: &Sides<'_>, element: Typed, list: Typed) -> Option<Node> {
        let (left, right) = (self.quote(sides.left), self.quote(sides.right));
        let wrong = |checker: &mut Self, what: String, help: String| {
            checker.wrong(Mistake::new(sides.at.clone(), what).help(help))
        };
        let of = match &list.kind {
            Type::List(of) => of,
            Type::Map if element.kind.is_like(&Type::Text(None)) => {
                return Some(Node::KeyIn(Box::new([element.node, list.node])));
            }
            Type::Map => {
                let what = format!("a key of `{right}` is a text, and `{left}` is {}", element.kind.spoken());
                return wrong(self, what, "put it in quotes".into());
            }
            Type::Text(_) => {
                let what = format!("`in` looks into lists, and `{right}` is a text");
                return wrong(self, what, format!("write `{right}.contains({left})`"));
            }
            Type::Object(ObjectKind::Platforms) => {
                let what = "`in` looks into lists, and platforms are fields".to_owned();
                return wrong(self, what, format!("write `{right}.desktop`, for example"));
            }
            kind => {
                let what = format!("`in` looks into lists, and `{right}` is {}", kind.spoken());
                return wrong(self, what, "write a list: `status in [\"idle\", \"dnd\"]`".into());
            }
        };
        if matches!(**of, Type::Object(_)) {
            let what = format!("`in` cannot compare {} as a whole", of.spoken());
            return wrong(self, what, format!("write `{right}.exists(x, x.name == …)`"));
        }
        if **of != Type::Null && !element.kind.is_like(of) {
            let what = format!("`{left}` is {}, and the list is of {}", element.kind.spoken(), plural(of));
            return self.wrong(Mistake::new(sides.at.clone(), what));
        }
        if let (ExprKind::List(items), Node::List(nodes)) = (&sides.right.kind, &list.node) {
            let pairs = items.iter().zip(nodes);
            let possible: Vec<_> =
                pairs.map(|(item, node)| self.possible(sides.left, &element.kind, item, node)).collect();
            possible.into_iter().collect::<Option<Vec<()>>>()?;
            let texts = nodes.iter().map(|node| match node {
                Node::Text(text) => Some(text.clone()),
                _ => None,
            });
            if let Some(texts) = texts.collect::<Option<Vec<_>>>().filter(|_| element.kind.is_text()) {
                return Some(Node::TextIn(Box::new(element.node), texts));
            }
        }
        Some(Node::In(Box::new([element.node, list.node])))
    }

    fn arithmetic(
        &mut self,
        sides: &Sides<'_>,
        left: Typed,
        right: Typed,
        operator: Operator,
        arithmetic: Arithmetic,
    ) -> Option<Typed> {
        use Type::{Any, Double, Duration, Int, Text, Time, Uint};
        let kind = match (&left.kind, arithmetic, &right.kind) {
            (Int, _, Int) => Some(Int),
            (Uint, _, Uint) => Some(Uint),
            (Double, Arithmetic::Remainder, Double) => None,
            (Double, _, Double) => Some(Double),
            (Text(_), Arithmetic::Add, Text(_)) => Some(Text(None)),
            (Time, Arithmetic::Subtract, Time)
            | (Duration, Arithmetic::Add | Arithmetic::Subtract, Duration) => Some(Duration),
            (Time, Arithmetic::Add | Arithmetic::Subtract, Duration) | (Duration, Arithmetic::Add, Time) => {
                Some(Time)
            }
            (Any, _, _) | (_, _, Any) => Some(Any),
            _ => None,
        };
        if let Some(kind) = kind {
            let node = Node::Arithmetic(arithmetic, Box::new([left.node, right.node]));
            return Some(Typed::new(node, kind));
        }
        let (one, other) = (self.quote(sides.left), self.quote(sides.right));
        let sign = operator.sign();
        if left.kind.is_number() && right.kind.is_number() && left.kind != right.kind {
            let what = format!("`{sign}` needs two numbers of one kind");
            let help = format!("write `double({one}) {sign} double({other})`");
            return self.wrong(Mistake::new(sides.at.clone(), what).help(help));
        }
        let (a, b) = (left.kind.spoken(), right.kind.spoken());
        let what = if a == b {
            format!("`{sign}` cannot be used on {}", plural(&left.kind))
        } else {
            format!("`{sign}` cannot be used between {a} (`{one}`) and {b} (`{other}`)")
        };
        let mistake = Mistake::new(sides.at.clone(), what);
        let help = match (&left.kind, &right.kind) {
            (Time | Duration, Int) => Some(format!("a length of time is written `duration(\"{other}m\")`")),
            (Text(_), number) if number.is_number() => Some(format!("write `{one} {sign} string({other})`")),
            (number, Text(_)) if number.is_number() => Some(format!("write `string({one}) {sign} {other}`")),
            _ => None,
        };
        self.wrong(match help {
            Some(help) => mistake.help(help),
            None => mistake,
        })
    }

    fn mismatch<T>(&mut self, sides: &Sides<'_>, left: &Type, right: &Type) -> Option<T> {
        let (one, other) = (self.quote(sides.left), self.quote(sides.right));
        let what = format!("`{one}` is {} and cannot be compared with {}", left.spoken(), right.spoken());
        let mistake = Mistake::new(sides.at.clone(), what);
        let help = mismatch_help((sides.left, &one, left), (sides.right, &other, right))
            .or_else(|| mismatch_help((sides.right, &other, right), (sides.left, &one, left)));
        self.wrong(match help {
            Some(help) => mistake.help(help),
            None => mistake,
        })
    }
}

/// The two sides of an operator, and the place of the whole.
struct Sides<'s> {
    at: Range<usize>,
    left: &'s Expr,
    right: &'s Expr,
}

fn note(places: &mut Vec<usize>, at: usize) {
    if let Err(place) = places.binary_search(&at) {
        places.insert(place, at);
    }
}

fn equal_nodes(left: Typed, right: Typed) -> Node {
    match (left, right) {
        (Typed { node, kind: Type::Text(_) }, Typed { node: Node::Text(text), .. })
        | (Typed { node: Node::Text(text), .. }, Typed { node, kind: Type::Text(_) }) => {
            Node::TextIs(Box::new(node), text)
        }
        (left, right) => Node::Equal(Box::new([left.node, right.node])),
    }
}

fn plural(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "true and false",
        Type::Int | Type::Uint | Type::Double => "numbers",
        Type::Text(_) => "texts",
        Type::Time => "points in time",
        Type::Duration => "lengths of time",
        Type::List(_) => "lists",
        Type::Map => "maps",
        Type::Object(_) => "objects",
        Type::Null | Type::Any => "anything",
    }
}

/// What to write instead of comparing an object.
fn whole_help(quote: &str, kind: ObjectKind) -> String {
    let telling = ["name", "song", "text", "desktop", "size", "hour", "to"];
    match telling.into_iter().find(|field| kind.field(field).is_some()) {
        Some(field) => format!("compare a field of it, such as `{quote}.{field}`"),
        None => "compare a field of it".to_owned(),
    }
}

/// How to write a comparison of two types that do not go together, seen from one side.
fn mismatch_help(one: (&Expr, &str, &Type), other: (&Expr, &str, &Type)) -> Option<String> {
    let (side, quote, kind) = one;
    let (expr, written, of) = other;
    Some(match (kind, &expr.kind) {
        (Type::Bool, ExprKind::Text(_) | ExprKind::Int(_)) => {
            format!("write `{quote}` alone, or `!{quote}`")
        }
        (Type::Map, _) => format!("compare one of its keys, as in `{quote}.scene`"),
        (Type::Text(_), ExprKind::Name(name))
            if *of == Type::Bool && !matches!(side.kind, ExprKind::Text(_)) =>
        {
            format!("a text is in quotes: `\"{name}\"`")
        }
        (Type::Text(_), ExprKind::Int(_) | ExprKind::Uint(_) | ExprKind::Double(_)) => {
            let quoted = format!("a text is in quotes: `\"{written}\"`");
            // Numbers that somebody keeps in their KV are texts all the same.
            let kept = matches!(&side.kind, ExprKind::Select(of, _) | ExprKind::Index(of, _)
                if matches!(&of.kind, ExprKind::Name(name) | ExprKind::Select(_, Word { name, .. }) if name == "kv"));
            if kept { format!("{quoted}; to compare it as a number, write `int({quote})`") } else { quoted }
        }
        (Type::Int | Type::Uint | Type::Double, ExprKind::Text(text)) if text.parse::<f64>().is_ok() => {
            format!("a number is not in quotes: `{text}`")
        }
        (Type::Object(kind), _) => whole_help(quote, *kind),
        (Type::Duration, ExprKind::Int(_)) => {
            format!("a length of time is written `duration(\"{written}s\")`")
        }
        (Type::Duration, ExprKind::Text(text)) => {
            format!("a length of time is written `duration(\"{text}\")`")
        }
        (Type::Time, ExprKind::Text(_)) => {
            "a point in time is written `timestamp(\"2026-12-24T18:00:00Z\")`; for a time of day there is \
             `now.hour`"
                .into()
        }
        (Type::List(_), _) => format!("write `{quote}.size()`, or `… in {quote}`"),
        _ => return None,
    })
}
