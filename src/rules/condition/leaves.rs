//! The parts of a condition that decide it: what `explain` shows beside a yes or a no.

use super::check::Checker;
use super::expr::{Expr, ExprKind, Operator};
use super::tree::Node;

/// The most parts that are shown.
const LEAVES_MAX: usize = 64;

/// The parts of a condition that was checked, each once, in the order in which they are written.
pub fn leaves(expr: &Expr, checker: &mut Checker<'_>) -> Box<[(Box<str>, Node)]> {
    let mut found = Vec::new();
    gather(expr, &mut found);
    let mut leaves: Vec<(Box<str>, Node)> = Vec::new();
    for expr in found {
        let Some(written) = checker.source.get(expr.at.clone()) else { continue };
        if leaves.len() == LEAVES_MAX || leaves.iter().any(|(known, _)| **known == *written) {
            continue;
        }
        if let Some(typed) = checker.typed(expr) {
            leaves.push((written.into(), typed.node));
        }
    }
    leaves.into()
}

fn gather<'x>(expr: &'x Expr, found: &mut Vec<&'x Expr>) {
    match &expr.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::List(parts) => {
            for part in parts {
                gather(part, found);
            }
        }
        ExprKind::Choose(parts) => {
            for part in &**parts {
                gather(part, found);
            }
        }
        ExprKind::Not(of) | ExprKind::Negate(of) => gather(of, found),
        ExprKind::Binary(left, operator, right) => {
            // A sum is shown as one value, the two sides of a comparison each by itself.
            if operator.is_relation() || *operator == Operator::In {
                gather(left, found);
                gather(right, found);
            } else if !is_constant(expr) {
                found.push(expr);
            }
        }
        ExprKind::Method(of, word, args) if is_text_test(&word.name) => {
            gather(of, found);
            for arg in args {
                gather(arg, found);
            }
        }
        ExprKind::Call(word, args) if word.name == "has" || word.name == "matches" => {
            for arg in args {
                gather(arg, found);
            }
        }
        _ if is_constant(expr) => {}
        _ => found.push(expr),
    }
}

fn is_text_test(method: &str) -> bool {
    matches!(method, "contains" | "startsWith" | "endsWith" | "matches" | "lowerAscii" | "upperAscii")
}

fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => false,
        ExprKind::Select(of, _) | ExprKind::Not(of) | ExprKind::Negate(of) => is_constant(of),
        ExprKind::Index(of, at) => is_constant(of) && is_constant(at),
        ExprKind::Method(of, _, args) => is_constant(of) && args.iter().all(is_constant),
        ExprKind::Call(_, parts) | ExprKind::List(parts) | ExprKind::And(parts) | ExprKind::Or(parts) => {
            parts.iter().all(is_constant)
        }
        ExprKind::Choose(parts) => parts.iter().all(is_constant),
        ExprKind::Binary(left, _, right) => is_constant(left) && is_constant(right),
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Uint(_)
        | ExprKind::Double(_)
        | ExprKind::Text(_) => true,
    }
}
