//! The operators with two sides: which types go together, and what to write where they do not.

use std::ops::Range;

use super::check::{Checker, Typed};
use super::expr::{Expr, ExprKind, Operator, Word};
use super::reckon::{Arithmetic, Wanted};
use super::tree::Node;
use super::types::{Type, Words};
use crate::rules::mistake::Mistake;
use crate::rules::scope::ObjectKind;

impl Checker<'_> {
    pub fn binary(&mut self, expr: &Expr, left: &Expr, operator: Operator, right: &Expr) -> Option<Typed> {
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
        (Type::Bool, ExprKind::Text(_) | ExprKind::Int(_)) | (Type::Object(_), ExprKind::Bool(_)) => {
            format!("write `{quote}` alone, or `!{quote}`")
        }
        (Type::Map, _) => format!("compare one of its keys, as in `{quote}.scene`"),
        (Type::Text(_), ExprKind::Name(name))
            if *of == Type::Bool && !matches!(side.kind, ExprKind::Text(_)) =>
        {
            format!("a text is in quotes: `\"{name}\"`")
        }
        (Type::Text(_), ExprKind::Bool(truth)) => format!("a text is in quotes: `\"{truth}\"`"),
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
