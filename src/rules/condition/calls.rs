//! Functions, methods and macros: what they take, and what people call them elsewhere.

use super::check::{Checker, Typed};
use super::expr::{Expr, ExprKind, Word};
use super::functions::{DURATION_METHODS, FUNCTIONS, Function, LIST_METHODS, TEXT_METHODS, names};
use super::literal;
use super::parser::word_operator;
use super::reckon::{Convert, Unit};
use super::tree::{Loop, MACROS_MAX, Macro, Node, TextMap, TextTest};
use super::types::Type;
use crate::rules::mistake::{Mistake, nearest};
use crate::rules::pattern;

/// What other languages call them.
const ELSEWHERE: [(&str, &str); 16] = [
    ("lower", "lowerAscii"),
    ("toLowerCase", "lowerAscii"),
    ("to_lowercase", "lowerAscii"),
    ("upper", "upperAscii"),
    ("toUpperCase", "upperAscii"),
    ("includes", "contains"),
    ("has", "contains"),
    ("match", "matches"),
    ("starts_with", "startsWith"),
    ("ends_with", "endsWith"),
    ("length", "size"),
    ("len", "size"),
    ("count", "size"),
    ("any", "exists"),
    ("some", "exists"),
    ("every", "all"),
];

pub fn function(checker: &mut Checker<'_>, expr: &Expr, word: &Word, args: &[Expr]) -> Option<Typed> {
    let name = &*word.name;
    let convert = match name {
        "has" => return has(checker, expr, args),
        "size" => {
            let [of] = exactly(checker, expr, word, args)?;
            return size(checker, of);
        }
        "matches" => {
            let [text, regex] = exactly(checker, expr, word, args)?;
            return matches(checker, text, regex);
        }
        "duration" => Convert::Duration,
        "timestamp" => Convert::Time,
        "int" => Convert::Int,
        "uint" => Convert::Uint,
        "double" => Convert::Double,
        "string" => Convert::Text,
        _ => return unknown_function(checker, word, args),
    };
    let [of] = exactly(checker, expr, word, args)?;
    conversion(checker, word, convert, of)
}

pub fn method(
    checker: &mut Checker<'_>,
    expr: &Expr,
    of: &Expr,
    word: &Word,
    args: &[Expr],
) -> Option<Typed> {
    let name = &*word.name;
    let receiver = checker.typed(of)?;
    if let (Type::List(_) | Type::Map, Some(kind)) = (&receiver.kind, macro_named(name)) {
        return list_macro(checker, expr, receiver, word, kind, args);
    }
    let test = match (&receiver.kind, name) {
        (Type::Text(_) | Type::Any, "contains") => TextTest::Contains,
        (Type::Text(_) | Type::Any, "startsWith") => TextTest::StartsWith,
        (Type::Text(_) | Type::Any, "endsWith") => TextTest::EndsWith,
        (Type::Text(_) | Type::Any, "matches") => {
            let [regex] = exactly(checker, expr, word, args)?;
            return matches_typed(checker, receiver, regex);
        }
        (Type::Text(_) | Type::Any, "lowerAscii" | "upperAscii") => {
            let [] = exactly(checker, expr, word, args)?;
            let map = if name == "lowerAscii" { TextMap::LowerAscii } else { TextMap::UpperAscii };
            return Some(Typed::new(Node::Map(map, Box::new(receiver.node)), Type::Text(None)));
        }
        (Type::Text(_) | Type::List(_) | Type::Map | Type::Any, "size") => {
            let [] = exactly(checker, expr, word, args)?;
            return Some(Typed::new(Node::Size(Box::new(receiver.node)), Type::Int));
        }
        (Type::Duration, "getHours" | "getMinutes" | "getSeconds") => {
            let [] = exactly(checker, expr, word, args)?;
            let unit = match name {
                "getHours" => Unit::Hours,
                "getMinutes" => Unit::Minutes,
                _ => Unit::Seconds,
            };
            return Some(Typed::new(Node::Units(unit, Box::new(receiver.node)), Type::Int));
        }
        _ => {
            let mistake = unknown_method(&checker.quote(of), &receiver.kind, word);
            return checker.wrong(mistake);
        }
    };
    let [part_expr] = exactly(checker, expr, word, args)?;
    let part = checker.typed(part_expr)?;
    if !part.kind.is_like(&Type::Text(None)) {
        let quote = checker.quote(part_expr);
        let what = format!("`{name}` takes a text, and `{quote}` is {}", part.kind.spoken());
        return checker.wrong(Mistake::new(part_expr.at.clone(), what).help("a text is in quotes"));
    }
    Some(Typed::new(Node::TextTest(test, Box::new([receiver.node, part.node])), Type::Bool))
}

/// What to write where somebody took a field of something that has none.
pub fn help_for_field(quote: &str, kind: &Type, field: &str) -> Option<String> {
    let methods = methods_of(kind);
    let method = elsewhere(field, methods).or_else(|| nearest(field, names(methods)));
    if let Some(method) = method {
        return Some(format!("write `{quote}.{}`", called(method)));
    }
    match kind {
        Type::List(_) => Some(format!(
            "of a list, ask `{quote}.exists(x, x.{field})`, `{quote}.all(x, x.{field})`, or take `{quote}[0]`"
        )),
        Type::Time => Some("hours, minutes and weekdays are fields of `now`".into()),
        _ => None,
    }
}

fn has(checker: &mut Checker<'_>, expr: &Expr, args: &[Expr]) -> Option<Typed> {
    let [of] = args else {
        let mistake = Mistake::new(expr.at.clone(), format!("`has` takes one field, not {}", args.len()));
        return checker.wrong(mistake.help("write `has(playing.details)`"));
    };
    if !matches!(of.kind, ExprKind::Select(..)) {
        let quote = checker.quote(of);
        let help = match &of.kind {
            ExprKind::Name(_) => {
                format!("write `{quote} != null`, or ask for a field, as in `has(playing.details)`")
            }
            ExprKind::Index(map, _) => format!("write `… in {}`", checker.quote(map)),
            _ => "write `has(playing.details)`".to_owned(),
        };
        let what = format!("`has` takes a field, and `{quote}` is none");
        return checker.wrong(Mistake::new(of.at.clone(), what).help(help));
    }
    let typed = checker.typed(of)?;
    Some(Typed::new(Node::Has(Box::new(typed.node)), Type::Bool))
}

fn size(checker: &mut Checker<'_>, of: &Expr) -> Option<Typed> {
    let typed = checker.typed(of)?;
    if matches!(typed.kind, Type::Text(_) | Type::List(_) | Type::Map | Type::Any) {
        return Some(Typed::new(Node::Size(Box::new(typed.node)), Type::Int));
    }
    let what = format!("`{}` is {} and has no size", checker.quote(of), typed.kind.spoken());
    checker.wrong(Mistake::new(of.at.clone(), what).help("texts, lists and `kv` have one"))
}

fn matches(checker: &mut Checker<'_>, text: &Expr, regex: &Expr) -> Option<Typed> {
    let typed = checker.typed(text)?;
    if !typed.kind.is_like(&Type::Text(None)) {
        let what =
            format!("`matches` takes a text, and `{}` is {}", checker.quote(text), typed.kind.spoken());
        return checker.wrong(Mistake::new(text.at.clone(), what));
    }
    matches_typed(checker, typed, regex)
}

fn matches_typed(checker: &mut Checker<'_>, text: Typed, regex: &Expr) -> Option<Typed> {
    let ExprKind::Text(source) = &regex.kind else {
        let what = format!("the regex of `matches` is written out, unlike `{}`", checker.quote(regex));
        return checker.wrong(Mistake::new(regex.at.clone(), what).help("write `matches(\"^Half-Life\")`"));
    };
    match pattern::regex(source, "", regex.at.clone()) {
        Ok(regex) => Some(Typed::new(Node::Matches(Box::new(text.node), regex), Type::Bool)),
        Err(mistake) => checker.wrong(mistake),
    }
}

fn conversion(checker: &mut Checker<'_>, word: &Word, convert: Convert, of: &Expr) -> Option<Typed> {
    let typed = checker.typed(of)?;
    let text_or_number = typed.kind.is_text() || typed.kind.is_number();
    let (result, takes) = match convert {
        Convert::Int => (Type::Int, text_or_number || typed.kind == Type::Time),
        Convert::Uint => (Type::Uint, text_or_number),
        Convert::Double => (Type::Double, text_or_number),
        Convert::Text => (Type::Text(None), text_or_number || typed.kind == Type::Bool),
        Convert::Time => (Type::Time, typed.kind.is_text() || typed.kind == Type::Time),
        Convert::Duration => (Type::Duration, typed.kind.is_text() || typed.kind == Type::Duration),
    };
    if !takes && typed.kind != Type::Any {
        let quote = checker.quote(of);
        let what = format!("`{}` cannot be made of `{quote}`, which is {}", word.name, typed.kind.spoken());
        let mistake = Mistake::new(of.at.clone(), what);
        let number = matches!(of.kind, ExprKind::Int(_));
        return checker.wrong(if number && convert == Convert::Duration {
            mistake.help(format!("write `duration(\"{quote}s\")`"))
        } else {
            mistake
        });
    }
    // What is written out is converted, or refused, at once.
    let node = match (&typed.node, convert) {
        (Node::Text(text), Convert::Duration) => {
            let Some(ms) = literal::duration_ms(text) else {
                let what = format!("`{text}` is not a length of time");
                let help = "write a number and its unit (`h`, `m`, `s`, `ms`), as in `duration(\"1h30m\")`; a day is `24h`";
                return checker.wrong(Mistake::new(of.at.clone(), what).help(help));
            };
            Node::Duration(ms)
        }
        (Node::Text(text), Convert::Time) => {
            let Some(ms) = literal::time_ms(text) else {
                let what = format!("`{text}` is not a point in time");
                let help = "write it with its zone, as in `timestamp(\"2026-12-24T18:00:00+01:00\")`";
                return checker.wrong(Mistake::new(of.at.clone(), what).help(help));
            };
            Node::Time(ms)
        }
        _ => Node::Convert(convert, Box::new(typed.node)),
    };
    Some(Typed::new(node, result))
}

fn macro_named(name: &str) -> Option<Macro> {
    Some(match name {
        "all" => Macro::All,
        "exists" => Macro::Exists,
        "exists_one" | "existsOne" => Macro::ExistsOne,
        "filter" => Macro::Filter,
        "map" => Macro::Map,
        _ => return None,
    })
}

fn list_macro(
    checker: &mut Checker<'_>,
    expr: &Expr,
    over: Typed,
    word: &Word,
    kind: Macro,
    args: &[Expr],
) -> Option<Typed> {
    let name = &word.name;
    let (variable, only, body) = match args {
        [variable, body] => (variable, None, body),
        [variable, only, body] if kind == Macro::Map => (variable, Some(only), body),
        _ => {
            let what = format!("`{name}` takes a name and a condition, not {}", count(args.len()));
            return checker
                .wrong(Mistake::new(expr.at.clone(), what).help(format!("write `{name}(p, p.online)`")));
        }
    };
    let ExprKind::Name(variable) = &variable.kind else {
        let what = format!(
            "`{name}` first takes a name for each element, and `{}` is none",
            checker.quote(variable)
        );
        return checker
            .wrong(Mistake::new(variable.at.clone(), what).help(format!("write `{name}(p, p.online)`")));
    };
    let depth = checker.variables.len();
    if depth == MACROS_MAX {
        let what = format!("list macros nested more than {MACROS_MAX} deep");
        return checker.wrong(Mistake::new(word.at.clone(), what));
    }
    let element = match over.kind.clone() {
        Type::List(element) => *element,
        _ => Type::Text(None),
    };
    checker.variables.push((variable.clone(), element.clone()));
    let only = only.map(|only| checker.boolean(only));
    let body = match kind {
        Macro::Map => checker.typed(body),
        _ => checker.boolean(body).map(|node| Typed::new(node, Type::Bool)),
    };
    checker.variables.pop();
    let (only, body) = (only.map_or(Some(None), |only| only.map(Some))?, body?);
    let result = match kind {
        Macro::All | Macro::Exists | Macro::ExistsOne => Type::Bool,
        Macro::Filter => Type::List(Box::new(element)),
        Macro::Map => Type::List(Box::new(body.kind)),
    };
    let inner = Loop { over: over.node, depth, only, body: body.node };
    Some(Typed::new(Node::Macro(kind, Box::new(inner)), result))
}

fn exactly<'x, const N: usize>(
    checker: &mut Checker<'_>,
    expr: &Expr,
    word: &Word,
    args: &'x [Expr],
) -> Option<&'x [Expr; N]> {
    if let Ok(args) = args.try_into() {
        return Some(args);
    }
    let what = format!("`{}` takes {}, not {}", word.name, count(N), args.len());
    let mistake = Mistake::new(expr.at.clone(), what);
    let function = FUNCTIONS
        .iter()
        .find(|function| matches!(expr.kind, ExprKind::Call(..)) && *function.name == *word.name);
    checker.wrong(match function {
        Some(Function { usage, .. }) => mistake.help(format!("write `{usage}`")),
        None => mistake,
    })
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "nothing".into(),
        1 => "one argument".into(),
        count => format!("{count} arguments"),
    }
}

fn unknown_function(checker: &mut Checker<'_>, word: &Word, args: &[Expr]) -> Option<Typed> {
    let name = &*word.name;
    let mistake = Mistake::new(word.at.clone(), format!("unknown function `{name}`"));
    if let Some(sign) = word_operator(name) {
        return checker.wrong(mistake.help(format!("write `{sign}`")));
    }
    if let ("count", [first, _, ..]) = (name, args) {
        let receiver = checker.quote(first);
        return checker.wrong(mistake.help(counted(&receiver)));
    }
    let tables = [TEXT_METHODS, LIST_METHODS, DURATION_METHODS];
    let method = tables.into_iter().flat_map(names).find(|method| *method == name);
    let method = method.or_else(|| tables.into_iter().find_map(|methods| elsewhere(name, methods)));
    if let (Some(method), Some(first)) = (method, args.first()) {
        let receiver = checker.quote(first);
        return checker.wrong(mistake.help(format!("write `{receiver}.{}`", called(method))));
    }
    checker.wrong(mistake.nearest(name, names(FUNCTIONS)))
}

fn methods_of(kind: &Type) -> &'static [Function] {
    match kind {
        Type::Text(_) | Type::Any => TEXT_METHODS,
        Type::List(_) | Type::Map => LIST_METHODS,
        Type::Duration => DURATION_METHODS,
        _ => &[],
    }
}

fn counted(list: &str) -> String {
    format!("write `{list}.filter(x, …).size()`, or `{list}.size()` for all of them")
}

/// A method as it is called.
fn called(method: &str) -> String {
    match macro_named(method) {
        Some(_) => format!("{method}(x, …)"),
        None if matches!(method, "contains" | "startsWith" | "endsWith" | "matches") => {
            format!("{method}(…)")
        }
        None => format!("{method}()"),
    }
}

fn elsewhere(name: &str, methods: &'static [Function]) -> Option<&'static str> {
    let (_, here) = ELSEWHERE.into_iter().find(|(there, _)| there.eq_ignore_ascii_case(name))?;
    names(methods).find(|method| *method == here)
}

fn unknown_method(quote: &str, kind: &Type, word: &Word) -> Mistake {
    let name = &*word.name;
    let mistake =
        Mistake::new(word.at.clone(), format!("{} has no method `{name}`", kind_with_article(kind)));
    let methods = methods_of(kind);
    if let ("count", Type::List(_)) = (name, kind) {
        return mistake.help(counted(quote));
    }
    if let Some(here) = elsewhere(name, methods) {
        return mistake.help(format!("did you mean `{here}`?"));
    }
    match kind {
        Type::Time => mistake.help("hours, minutes and weekdays are fields of `now`"),
        Type::Object(object) if object.field(name).is_some() => {
            mistake.help(format!("it is a field: write `{quote}.{name}`"))
        }
        Type::Object(object) if macro_named(name).is_some() => {
            mistake.help(format!("lists have it, and `{quote}` is {}", object.spoken()))
        }
        Type::Object(object) => {
            let fields = object.fields().iter().map(|field| field.name);
            match nearest(name, fields) {
                Some(near) => mistake.help(format!("did you mean `{quote}.{near}`?")),
                None => mistake,
            }
        }
        _ => mistake.nearest(name, names(methods)),
    }
}

fn kind_with_article(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "a truth value",
        kind => kind.spoken(),
    }
}
