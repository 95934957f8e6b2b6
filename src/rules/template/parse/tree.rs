//! A template as written: what stands where.

use std::ops::Range;

#[derive(Debug)]
pub enum Node {
    Text(String),
    Output { what: Expr, raw: bool },
    Block(Block),
}

/// `{{#head …}} body {{else}} otherwise {{/head}}`.
#[derive(Debug)]
pub struct Block {
    pub head: Call,
    /// `as |item index|`.
    pub params: Vec<Word>,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

#[derive(Debug)]
pub struct Call {
    pub name: Word,
    pub args: Vec<Expr>,
    /// `key=value`.
    pub named: Vec<(Word, Expr)>,
    pub at: Range<usize>,
}

#[derive(Debug)]
pub enum Expr {
    Path(Path),
    Text(String, Range<usize>),
    Number(f64, Range<usize>),
    Bool(bool, Range<usize>),
    Null(Range<usize>),
    Call(Box<Call>),
}

impl Expr {
    pub fn at(&self) -> Range<usize> {
        match self {
            Self::Path(path) => path.at.clone(),
            Self::Text(_, at) | Self::Number(_, at) | Self::Bool(_, at) | Self::Null(at) => at.clone(),
            Self::Call(call) => call.at.clone(),
        }
    }
}

/// `../@index`, `@root.user.name`, `this.[a key]`.
#[derive(Debug)]
pub struct Path {
    pub at: Range<usize>,
    /// How many `../`.
    pub up: usize,
    /// It begins with `this`, `.` or `./`: never a block's parameter.
    pub this: bool,
    /// It begins with `@`.
    pub local: bool,
    pub words: Vec<Word>,
}

#[derive(Clone, Debug)]
pub struct Word {
    pub text: String,
    pub at: Range<usize>,
}
