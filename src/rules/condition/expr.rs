//! A condition as it is written: a tree whose every node knows its place.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub at: Range<usize>,
    /// How many levels there are from here to the deepest leaf.
    pub height: usize,
    pub kind: ExprKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    List(Vec<Expr>),
    Name(String),
    Select(Box<Expr>, Word),
    Index(Box<Expr>, Box<Expr>),
    Call(Word, Vec<Expr>),
    Method(Box<Expr>, Word, Vec<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Binary(Box<Expr>, Operator, Box<Expr>),
    /// Condition, then, else.
    Choose(Box<[Expr; 3]>),
}

/// A name and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub name: String,
    pub at: Range<usize>,
}

macro_rules! operators {
    ($($variant:ident $sign:literal $level:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operator { $($variant,)* }

        impl Operator {
            pub fn sign(self) -> &'static str {
                match self { $(Self::$variant => $sign,)* }
            }

            /// The operator of a sign, and how tightly it binds.
            pub fn of(sign: &str) -> Option<(Self, u8)> {
                match sign { $($sign => Some((Self::$variant, $level)),)* _ => None }
            }
        }
    };
}
operators! {
    Equal "==" 1  Unequal "!=" 1  Less "<" 1  AtMost "<=" 1  Greater ">" 1  AtLeast ">=" 1  In "in" 1
    Add "+" 2  Subtract "-" 2
    Multiply "*" 3  Divide "/" 3  Remainder "%" 3
}

impl Operator {
    pub fn is_relation(self) -> bool {
        Self::of(self.sign()).is_some_and(|(_, level)| level == 1)
    }
}
