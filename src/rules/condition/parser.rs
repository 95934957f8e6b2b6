//! CEL's grammar: tokens to a tree whose every node knows its place.
//!
//! Precedence climbing. It stops at the first mistake: what follows would be guesswork. `&&` and `||` are flat,
//! so that a long list of alternatives is not a deep tree; everything else may nest `LEVELS_MAX` deep, which
//! bounds the recursion of every walk over the tree.

use std::ops::Range;

use super::expr::{Expr, ExprKind, Operator, Word};
use super::lexer::{Spanned, Token, tokens};
use crate::rules::mistake::Mistake;

/// The longest condition, in bytes.
pub const SOURCE_BYTES_MAX: usize = 4096;
/// The deepest nesting. CEL asks for 32 at least.
pub const LEVELS_MAX: usize = 64;

/// Words that CEL keeps for itself and that therefore are no names.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

pub fn parse(source: &str) -> Result<Expr, Mistake> {
    if source.len() > SOURCE_BYTES_MAX {
        let what = format!("a condition of {} bytes; {SOURCE_BYTES_MAX} is the most", source.len());
        return Err(Mistake::new(0..source.len(), what));
    }
    let tokens = tokens(source)?;
    if tokens.len() == 1 {
        return Err(Mistake::new(0..source.len(), "an empty condition")
            .help("write what must be true, such as `online && platforms.desktop`"));
    }
    let mut parser = Parser { tokens, next: 0, level: 0, opened: Vec::new() };
    let expr = parser.expr()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.misplaced()),
    }
}

struct Parser {
    tokens: Vec<Spanned>,
    next: usize,
    level: usize,
    /// The brackets that are open, outermost first.
    opened: Vec<(&'static str, Range<usize>)>,
}

type Parsed = Result<Expr, Mistake>;

impl Parser {
    fn expr(&mut self) -> Parsed {
        self.level += 1;
        if self.level > LEVELS_MAX {
            return Err(too_deep(self.at()));
        }
        let condition = self.chain("||")?;
        let expr = if self.eat("?") {
            let then = self.chain("||")?;
            if !self.eat(":") {
                return Err(self.misplaced_with("`? …` needs a `: …`"));
            }
            let otherwise = self.expr()?;
            let at = condition.at.start..otherwise.at.end;
            let height = condition.height.max(then.height).max(otherwise.height);
            node(at, height, ExprKind::Choose(Box::new([condition, then, otherwise])))?
        } else {
            condition
        };
        self.level -= 1;
        Ok(expr)
    }

    /// Terms between `||`, or within them between `&&`.
    fn chain(&mut self, sign: &'static str) -> Parsed {
        let term = |parser: &mut Self| if sign == "||" { parser.chain("&&") } else { parser.binary(1) };
        let first = term(self)?;
        if !self.is(sign) {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.eat(sign) {
            terms.push(term(self)?);
        }
        let at = span(&terms);
        let height = tallest(&terms);
        node(at, height, if sign == "||" { ExprKind::Or(terms) } else { ExprKind::And(terms) })
    }

    fn binary(&mut self, level: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((operator, binds)) = self.operator().filter(|(_, binds)| *binds >= level) {
            self.next += 1;
            let right = self.binary(binds + 1)?;
            let at = left.at.start..right.at.end;
            let height = left.height.max(right.height);
            left = node(at, height, ExprKind::Binary(Box::new(left), operator, Box::new(right)))?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        match self.peek() {
            Token::Sign(sign) => Operator::of(sign),
            Token::Name(name) if name == "in" => Operator::of(name),
            _ => None,
        }
    }

    fn unary(&mut self) -> Parsed {
        let start = self.at().start;
        let Some(sign) = ["!", "-"].into_iter().find(|sign| self.is(sign)) else { return self.member() };
        let mut signs = 0;
        while self.eat(sign) {
            signs += 1;
        }
        let mut operand = match self.negative(sign) {
            Some(literal) => {
                signs -= 1;
                let literal = node(literal.1, 0, literal.0)?;
                self.members(literal)?
            }
            None => self.member()?,
        };
        for _ in 0..signs {
            let (at, height) = (start..operand.at.end, operand.height);
            let inner = Box::new(operand);
            operand =
                node(at, height, if sign == "!" { ExprKind::Not(inner) } else { ExprKind::Negate(inner) })?;
        }
        operand.at.start = start;
        Ok(operand)
    }

    /// A number right after its minus is a literal: the least int has no positive half to be negated.
    fn negative(&mut self, sign: &str) -> Option<(ExprKind, Range<usize>)> {
        let kind = match *self.peek() {
            Token::Int(value) if sign == "-" && value <= 1 << 63 => {
                ExprKind::Int((value as i64).wrapping_neg())
            }
            Token::Double(value) if sign == "-" => ExprKind::Double(-value),
            _ => return None,
        };
        let at = self.before() - 1..self.at().end;
        self.next += 1;
        Some((kind, at))
    }

    fn member(&mut self) -> Parsed {
        let primary = self.primary()?;
        self.members(primary)
    }

    fn members(&mut self, mut of: Expr) -> Parsed {
        loop {
            if self.eat(".") {
                let word = self.word()?;
                if let Some(bracket) = self.open("(") {
                    let args = self.list(")")?;
                    self.close(")", bracket)?;
                    let height = of.height.max(tallest(&args));
                    let at = of.at.start..self.before();
                    of = node(at, height, ExprKind::Method(Box::new(of), word, args))?;
                } else {
                    let (at, height) = (of.at.start..word.at.end, of.height);
                    of = node(at, height, ExprKind::Select(Box::new(of), word))?;
                }
            } else if let Some(bracket) = self.open("[") {
                let index = self.expr()?;
                self.close("]", bracket)?;
                let height = of.height.max(index.height);
                of =
                    node(of.at.start..self.before(), height, ExprKind::Index(Box::new(of), Box::new(index)))?;
            } else {
                return Ok(of);
            }
        }
    }

    /// A name after a dot, where keywords are names like any other.
    fn word(&mut self) -> Result<Word, Mistake> {
        match self.tokens[self.next].clone() {
            (Token::Name(name) | Token::Quoted(name), at) => {
                self.next += 1;
                Ok(Word { name, at })
            }
            (token, at) => {
                let mistake = Mistake::new(at, format!("expected a name after `.`, not {}", token.spoken()));
                Err(if matches!(token, Token::Sign(".") | Token::Int(_)) {
                    mistake.help(RANGE)
                } else {
                    mistake
                })
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let (token, at) = self.tokens[self.next].clone();
        let kind = match token {
            Token::Int(value) => match i64::try_from(value) {
                Ok(value) => ExprKind::Int(value),
                Err(_) => return Err(Mistake::new(at, format!("`{value}` is too large"))),
            },
            Token::Uint(value) => ExprKind::Uint(value),
            Token::Double(value) => ExprKind::Double(value),
            Token::Text(text) => ExprKind::Text(text),
            Token::Quoted(name) => ExprKind::Name(name),
            Token::Name(name) => return self.named(name, at),
            Token::Sign("(") => {
                let bracket = self.open("(").unwrap_or(at);
                let start = bracket.start;
                let mut inner = self.expr()?;
                self.close(")", bracket)?;
                inner.at = start..self.before();
                return Ok(inner);
            }
            Token::Sign("[") => {
                let bracket = self.open("[").unwrap_or(at);
                let start = bracket.start;
                let items = self.list("]")?;
                self.close("]", bracket)?;
                let height = tallest(&items);
                return node(start..self.before(), height, ExprKind::List(items));
            }
            Token::Sign("{") => {
                return Err(Mistake::new(at, "conditions have no maps of their own")
                    .help("to compare with several texts, write `name in [\"a\", \"b\"]`"));
            }
            Token::Sign(_) | Token::End => return Err(self.misplaced()),
        };
        self.next += 1;
        node(at, 0, kind)
    }

    fn named(&mut self, name: String, at: Range<usize>) -> Parsed {
        let kind = match &*name {
            "in" => return Err(self.misplaced()),
            "null" => ExprKind::Null,
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            reserved if RESERVED.contains(&reserved) => {
                return Err(Mistake::new(at, format!("`{name}` is a word that CEL keeps for itself"))
                    .help(format!("a person or group of that name is written `` `{name}` ``")));
            }
            _ => {
                self.next += 1;
                let Some(bracket) = self.open("(") else {
                    return node(at, 0, ExprKind::Name(name));
                };
                let args = self.list(")")?;
                self.close(")", bracket)?;
                let height = tallest(&args);
                return node(at.start..self.before(), height, ExprKind::Call(Word { name, at }, args));
            }
        };
        self.next += 1;
        node(at, 0, kind)
    }

    /// Expressions between commas, up to the closing bracket, which is left standing.
    fn list(&mut self, closing: &'static str) -> Result<Vec<Expr>, Mistake> {
        let mut items = Vec::new();
        while !self.is(closing) {
            items.push(self.expr()?);
            if !self.eat(",") {
                break;
            }
        }
        Ok(items)
    }

    fn open(&mut self, bracket: &'static str) -> Option<Range<usize>> {
        let at = self.at();
        self.eat(bracket).then(|| {
            self.opened.push((bracket, at.clone()));
            at
        })
    }

    fn close(&mut self, bracket: &'static str, opened: Range<usize>) -> Result<(), Mistake> {
        if self.eat(bracket) {
            self.opened.pop();
            return Ok(());
        }
        if *self.peek() == Token::End {
            let what =
                if bracket == ")" { "a `(` that is never closed" } else { "a `[` that is never closed" };
            return Err(Mistake::new(opened, what).help(format!("add a `{bracket}`")));
        }
        Err(self.misplaced())
    }

    /// What is wrong with the next token, where it stands.
    fn misplaced(&self) -> Mistake {
        let after_value = self.next > 0 && ends_value(&self.tokens[self.next - 1].0);
        let (token, at) = self.tokens[self.next].clone();
        let previous = self.next.checked_sub(1).map(|at| &self.tokens[at].0);
        match (&token, previous) {
            (Token::End, Some(previous)) => {
                let before = self.tokens[self.next - 1].1.clone();
                return match self.opened.last() {
                    Some((bracket, opened)) if after_value => {
                        Mistake::new(opened.clone(), format!("a `{bracket}` that is never closed"))
                    }
                    _ => Mistake::new(before, format!("something is missing after {}", previous.spoken())),
                };
            }
            (_, Some(Token::Name(word))) if word_operator(word).is_some() => {
                let at = self.tokens[self.next - 1].1.clone();
                return not_an_operator(word, at);
            }
            (Token::Name(word), _) if after_value => {
                if word_operator(word).is_some() {
                    return not_an_operator(word, at);
                }
                let help = spoken_operator(word)
                    .unwrap_or("conditions are joined by `&&` and `||`; texts are in quotes");
                return Mistake::new(at, format!("expected an operator before `{word}`")).help(help);
            }
            (Token::Sign(sign @ (")" | "]" | "}")), _) if after_value => {
                let mistake = Mistake::new(at, format!("a `{sign}` that nothing opened"));
                return match self.opened.last() {
                    Some((opened, _)) => mistake.help(format!("the bracket that is open is a `{opened}`")),
                    None => mistake.help("leave it out, or add the opening one"),
                };
            }
            (Token::Sign("{"), _) if after_value => {
                return Mistake::new(at, "conditions make no objects of their own");
            }
            _ => {}
        }
        if after_value {
            let mistake = Mistake::new(at, format!("expected an operator before {}", token.spoken()));
            return if token == Token::Sign(":") { mistake.help(CLOCK) } else { mistake };
        }
        Mistake::new(at, format!("expected a value, not {}", token.spoken()))
    }

    fn misplaced_with(&self, help: &str) -> Mistake {
        let mistake = self.misplaced();
        if mistake.help.is_some() { mistake } else { mistake.help(help) }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn at(&self) -> Range<usize> {
        self.tokens[self.next].1.clone()
    }

    /// Where the token before this one ended.
    fn before(&self) -> usize {
        self.tokens[self.next.saturating_sub(1)].1.end
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(next) if *next == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.next += usize::from(found);
        found
    }
}

fn node(at: Range<usize>, below: usize, kind: ExprKind) -> Parsed {
    if below >= LEVELS_MAX {
        return Err(too_deep(at));
    }
    Ok(Expr { at, height: below + 1, kind })
}

fn too_deep(at: Range<usize>) -> Mistake {
    Mistake::new(at, format!("nested more than {LEVELS_MAX} levels deep"))
}

fn span(exprs: &[Expr]) -> Range<usize> {
    let start = exprs.first().map_or(0, |expr| expr.at.start);
    start..exprs.last().map_or(start, |expr| expr.at.end)
}

fn tallest(exprs: &[Expr]) -> usize {
    exprs.iter().map(|expr| expr.height).max().unwrap_or(0)
}

fn ends_value(token: &Token) -> bool {
    match token {
        Token::Sign(sign) => matches!(*sign, ")" | "]"),
        Token::Name(name) => name != "in",
        Token::End => false,
        _ => true,
    }
}

/// What people write for an operator in other languages.
pub fn word_operator(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 6] =
        [("and", "&&"), ("or", "||"), ("not", "!"), ("is", "=="), ("equals", "=="), ("then", "?")];
    WORDS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, sign)| sign)
}

const CLOCK: &str =
    "for a time of day compare `now.hour` and `now.minute`, as in `now.hour >= 22 || now.hour < 6`";
const RANGE: &str = "a range is two comparisons: `now.hour >= 9 && now.hour < 17`";

/// What people write between two values where there is a method, or two comparisons.
fn spoken_operator(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 8] = [
        ("between", RANGE),
        ("contains", "write `custom_status.text.contains(\"brb\")`"),
        ("includes", "write `custom_status.text.contains(\"brb\")`"),
        ("like", "write `playing.name.matches(\"^Half-Life\")`"),
        ("matches", "write `playing.name.matches(\"^Half-Life\")`"),
        ("startswith", "write `playing.name.startsWith(\"Half\")`"),
        ("starts_with", "write `playing.name.startsWith(\"Half\")`"),
        ("unless", "write `&& !(…)`"),
    ];
    WORDS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, help)| help)
}

fn not_an_operator(word: &str, at: Range<usize>) -> Mistake {
    let sign = word_operator(word).unwrap_or("&&");
    Mistake::new(at, format!("`{word}` is not an operator")).help(format!("write `{sign}`"))
}
