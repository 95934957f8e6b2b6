//! Handlebars' grammar: a template's text as a tree that knows where each word stands.
//!
//! Written here, and not taken from a crate, for what the rules file promises: a mistake underlined to the
//! letter and named in words. What is here means what Handlebars says; partials, decorators and raw blocks
//! are refused. The parser keeps its own stack and its bounds, so no text makes it run deep or long.

use std::ops::Range;

use crate::rules::mistake::Mistake;

/// Blocks within blocks, an `else if` counting as one.
pub(super) const BLOCKS_MAX: usize = 48;
/// Parentheses within parentheses.
pub(super) const PARENS_MAX: usize = 16;

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Output { what: Expr, raw: bool },
    Block(Block),
}

/// `{{#head …}} body {{else}} otherwise {{/head}}`.
#[derive(Debug)]
pub(super) struct Block {
    pub head: Call,
    /// `as |item index|`.
    pub params: Vec<Word>,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub name: Word,
    pub args: Vec<Expr>,
    /// `key=value`.
    pub named: Vec<(Word, Expr)>,
    pub at: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Expr {
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
pub(super) struct Path {
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
pub(super) struct Word {
    pub text: String,
    pub at: Range<usize>,
}

/// The tree, or everything that is wrong with the text.
pub(super) fn parse(source: &str) -> Result<Vec<Node>, Vec<Mistake>> {
    let mut parser = Parser { source, at: 0, open: vec![Open::default()], mistakes: Vec::new() };
    parser.template();
    let Parser { mut open, mistakes, .. } = parser;
    match open.pop() {
        Some(root) if mistakes.is_empty() => Ok(root.nodes),
        _ => Err(mistakes),
    }
}

struct Parser<'s> {
    source: &'s str,
    at: usize,
    /// The blocks that are open here, outermost first; the first one is the template itself.
    open: Vec<Open>,
    mistakes: Vec<Mistake>,
}

#[derive(Default)]
struct Open {
    /// None for the template itself.
    head: Option<(Call, Vec<Word>)>,
    /// The branch that is being read.
    nodes: Vec<Node>,
    /// The first branch, once `else` has come.
    body: Option<Vec<Node>>,
    /// Made by an `else if`: closed together with the block before it.
    chained: bool,
}

/// A tag: its place, what it does to the white space around it, and what it is.
struct Tag {
    at: Range<usize>,
    trim_before: bool,
    trim_after: bool,
    kind: TagKind,
}

enum TagKind {
    Output {
        what: Expr,
        raw: bool,
    },
    Open(Call, Vec<Word>),
    /// `{{else}}`, `{{^}}`.
    Else,
    /// `{{else if …}}`.
    ElseOpen(Call, Vec<Word>),
    Close(Word),
    Comment,
    /// `\{{`: two braces that are only text.
    Braces,
}

/// The white space of a text that the tag beside it takes away.
#[derive(Clone, Copy)]
enum Trim {
    Nothing,
    /// `~`.
    All,
    /// What is left of the line that the tag has for itself.
    Line,
}

impl Trim {
    fn of(all: bool, line: bool) -> Self {
        match (all, line) {
            (true, _) => Self::All,
            (_, true) => Self::Line,
            _ => Self::Nothing,
        }
    }
}

type Parsed<T> = Result<T, Mistake>;

impl Parser<'_> {
    fn template(&mut self) {
        let mut text_from = 0;
        let mut trim_start = Trim::Nothing;
        while let Some(begin) = self.source[self.at..].find("{{").map(|found| self.at + found) {
            self.at = begin;
            let mut text_to = begin;
            let tag = match self.escaped(&mut text_to).map_or_else(|| self.tag(), Ok) {
                Ok(tag) => tag,
                Err(mistake) => {
                    self.mistakes.push(mistake);
                    if self.mistakes.len() >= 20 {
                        return;
                    }
                    let rest = self.source[self.at..].find("}}").map(|found| self.at + found + 2);
                    self.at = rest.unwrap_or(self.source.len()).max(begin + 2);
                    text_from = self.at;
                    continue;
                }
            };
            let alone = tag.kind.may_stand_alone() && stands_alone(self.source, &tag.at);
            let text = &self.source[text_from..text_to];
            self.text(text, trim_start, Trim::of(tag.trim_before, alone));
            trim_start = Trim::of(tag.trim_after, alone);
            self.at = tag.at.end;
            text_from = self.at;
            self.take(tag.kind, tag.at);
            if self.open.len() > BLOCKS_MAX {
                let at = self
                    .open
                    .last()
                    .and_then(|open| open.head.as_ref())
                    .map_or(0..0, |(call, _)| call.at.clone());
                self.mistakes.push(Mistake::new(at, "blocks are nested too deeply"));
                return;
            }
        }
        let text = &self.source[text_from..];
        self.text(text, trim_start, Trim::Nothing);
        self.close_all();
    }

    /// Adds a stretch of text, without the white space that the tags around it take away.
    fn text(&mut self, mut text: &str, start: Trim, end: Trim) {
        text = match start {
            Trim::Nothing => text,
            Trim::All => text.trim_start(),
            Trim::Line => {
                let rest = text.trim_start_matches([' ', '\t']);
                rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest)
            }
        };
        text = match end {
            Trim::Nothing => text,
            Trim::All => text.trim_end(),
            Trim::Line => text.trim_end_matches([' ', '\t']),
        };
        self.push_text(text);
    }

    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let nodes = self.nodes();
        if let Some(Node::Text(before)) = nodes.last_mut() {
            before.push_str(text);
        } else {
            nodes.push(Node::Text(text.to_owned()));
        }
    }

    fn nodes(&mut self) -> &mut Vec<Node> {
        if self.open.is_empty() {
            self.open.push(Open::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last].nodes
    }

    fn take(&mut self, kind: TagKind, at: Range<usize>) {
        match kind {
            TagKind::Comment => {}
            TagKind::Braces => self.push_text("{{"),
            TagKind::Output { what, raw } => self.nodes().push(Node::Output { what, raw }),
            TagKind::Open(call, params) => self.open(call, params, false),
            TagKind::Else => self.otherwise(at),
            TagKind::ElseOpen(call, params) => {
                self.otherwise(at);
                self.open(call, params, true);
            }
            TagKind::Close(word) => self.close(&word),
        }
    }

    fn open(&mut self, call: Call, params: Vec<Word>, chained: bool) {
        self.open.push(Open { head: Some((call, params)), chained, ..Open::default() });
    }

    fn otherwise(&mut self, at: Range<usize>) {
        let mistake = match self.open.last_mut() {
            Some(Open { head: Some(_), nodes, body: body @ None, .. }) => {
                *body = Some(std::mem::take(nodes));
                return;
            }
            Some(Open { head: Some((call, _)), .. }) => {
                format!("a second `{{{{else}}}}` in `{{{{#{}}}}}`", call.name.text)
            }
            _ => "`{{else}}` outside of any block".to_owned(),
        };
        self.mistakes.push(Mistake::new(at, mistake));
    }

    fn close(&mut self, word: &Word) {
        let opener = self.open.iter().rev().find(|open| !open.chained).and_then(|open| open.head.as_ref());
        let Some((call, _)) = opener else {
            let what = format!("`{{{{/{}}}}}` closes nothing", word.text);
            self.mistakes.push(Mistake::new(word.at.clone(), what));
            return;
        };
        let name = &call.name.text;
        if *name != word.text {
            let what = format!("`{{{{/{}}}}}` where `{{{{#{name}}}}}` is open", word.text);
            let mistake =
                Mistake::new(word.at.clone(), what).help(format!("close it first, with `{{{{/{name}}}}}`"));
            self.mistakes.push(mistake);
            // A block further out is what was meant, if there is one: then only the inner ones are at fault.
            let meant = |open: &Open| open.head.as_ref().is_some_and(|(call, _)| call.name.text == word.text);
            if !self.open.iter().any(meant) {
                return;
            }
            while self.open.last().is_some_and(|open| open.chained || !meant(open)) {
                self.finish_block();
            }
        }
        while self.finish_block() {}
    }

    /// Closes the innermost block; true if it was an `else if`, so that the one before it ends here, too.
    fn finish_block(&mut self) -> bool {
        let Some(Open { head: Some((head, params)), nodes, body, chained }) = self.open.pop() else {
            return false;
        };
        let (body, otherwise) = match body {
            Some(body) => (body, nodes),
            None => (nodes, Vec::new()),
        };
        self.nodes().push(Node::Block(Block { head, params, body, otherwise }));
        chained
    }

    fn close_all(&mut self) {
        for open in self.open.iter().filter(|open| !open.chained) {
            if let Some((call, _)) = &open.head {
                let name = &call.name.text;
                let mistake = Mistake::new(call.at.clone(), format!("`{{{{#{name}}}}}` is never closed"));
                self.mistakes.push(mistake.help(format!("end it with `{{{{/{name}}}}}`")));
            }
        }
    }

    /// `\{{` is text; `\\{{` is a backslash and a tag.
    fn escaped(&self, text_to: &mut usize) -> Option<Tag> {
        let before = &self.source[..self.at];
        if !before.ends_with('\\') {
            return None;
        }
        *text_to = self.at - 1;
        if before.ends_with("\\\\") {
            return None;
        }
        let at = self.at..self.at + 2;
        Some(Tag { at, trim_before: false, trim_after: false, kind: TagKind::Braces })
    }

    /// Reads the tag that begins here.
    fn tag(&mut self) -> Parsed<Tag> {
        let begin = self.at;
        let rest = &self.source[begin..];
        if rest.starts_with("{{{{") {
            let mistake = Mistake::new(begin..begin + 4, "raw blocks are not offered");
            return Err(mistake.help("write `\\{{` for two braces that are only text"));
        }
        self.at += 2;
        let mut raw = rest.starts_with("{{{");
        self.at += usize::from(raw);
        let trim_before = self.eat("~");
        if !raw && self.peek() == Some('!') {
            return self.comment(begin, trim_before);
        }
        if !raw && trim_before && self.eat("{") {
            raw = true;
        }
        let closer = if raw { "}}}" } else { "}}" };
        let kind = if raw { self.output(true)? } else { self.tag_kind()? };
        self.skip_space();
        // `{{~{x}~}}` and `{{{~x~}}}` are both in use.
        let trim_after = self.eat("~") || (raw && self.source[self.at..].starts_with("}~}}"));
        if raw && self.eat("}~}}") {
            return Ok(Tag { at: begin..self.at, trim_before, trim_after, kind });
        }
        if !self.eat(closer) {
            return Err(self.expected_end(begin, closer));
        }
        Ok(Tag { at: begin..self.at, trim_before, trim_after, kind })
    }

    fn tag_kind(&mut self) -> Parsed<TagKind> {
        let at = self.at;
        let refuse = |what: &str| Err(Mistake::new(at..at + 1, format!("{what} are not offered")));
        self.skip_space();
        match self.peek() {
            Some('>') => refuse("partials"),
            Some('*') => refuse("decorators"),
            Some('&') => {
                self.at += 1;
                self.output(true)
            }
            Some('#') => {
                self.at += 1;
                match self.peek() {
                    Some('>') => refuse("partials"),
                    Some('*') => refuse("inline partials"),
                    _ => self.opening().map(|(call, params)| TagKind::Open(call, params)),
                }
            }
            Some('/') => {
                self.at += 1;
                self.skip_space();
                self.word().map(TagKind::Close)
            }
            Some('^') => {
                self.at += 1;
                self.after_else()
            }
            _ if self.eat_word("else") => self.after_else(),
            _ => self.output(false),
        }
    }

    /// What follows `else`: nothing, or the head of a block.
    fn after_else(&mut self) -> Parsed<TagKind> {
        self.skip_space();
        if self.at_end() {
            return Ok(TagKind::Else);
        }
        self.opening().map(|(call, params)| TagKind::ElseOpen(call, params))
    }

    fn comment(&mut self, begin: usize, trim_before: bool) -> Parsed<Tag> {
        let rest = &self.source[self.at..];
        let long = rest.starts_with("!--");
        let end = if long {
            let plain = rest.find("--}}").map(|at| (at, 4, false));
            let trimming = rest.find("--~}}").map(|at| (at, 5, true));
            [plain, trimming].into_iter().flatten().min()
        } else {
            rest.find("}}").map(|at| (at, 2, rest[..at].ends_with('~')))
        };
        let Some((at, closer, trim_after)) = end else {
            let closer = if long { "--}}" } else { "}}" };
            return Err(Mistake::new(begin..begin + 3, "a comment without an end")
                .help(format!("end it with `{closer}`")));
        };
        let end = self.at + at + closer;
        Ok(Tag { at: begin..end, trim_before, trim_after, kind: TagKind::Comment })
    }

    fn output(&mut self, raw: bool) -> Parsed<TagKind> {
        self.skip_space();
        if self.at_end() {
            let at = self.at.saturating_sub(2)..self.at;
            return Err(Mistake::new(at, "nothing between the braces")
                .help("write `\\{{` for two braces that are only text"));
        }
        let what = self.call_or_value(0)?;
        Ok(TagKind::Output { what, raw })
    }

    /// `name arg key=value as |item index|`.
    fn opening(&mut self) -> Parsed<(Call, Vec<Word>)> {
        self.skip_space();
        let name = self.word()?;
        let (args, named) = self.args(0)?;
        let at = name.at.start..self.at;
        let params = if self.eat_word("as") { self.block_params()? } else { Vec::new() };
        Ok((Call { name, args, named, at: trimmed(self.source, at) }, params))
    }

    fn block_params(&mut self) -> Parsed<Vec<Word>> {
        let begin = self.at;
        let mistake = |at| Mistake::new(at, "`as` names what the block gives").help("like `as |item index|`");
        self.skip_space();
        if !self.eat("|") {
            return Err(mistake(begin..self.at));
        }
        let mut params = Vec::new();
        loop {
            self.skip_space();
            if self.eat("|") {
                break;
            }
            if self.at_end() {
                return Err(mistake(begin..self.at));
            }
            params.push(self.word()?);
        }
        if params.is_empty() || params.len() > 2 {
            return Err(mistake(begin..self.at));
        }
        Ok(params)
    }

    /// The inside of a tag or of parentheses: a call if anything follows the name, else a value.
    fn call_or_value(&mut self, depth: usize) -> Parsed<Expr> {
        let first = self.value(depth)?;
        let begin = first.at().start;
        let (args, named) = self.args(depth)?;
        if args.is_empty() && named.is_empty() {
            return Ok(first);
        }
        match first {
            Expr::Path(path) if path.up == 0 && !path.local && !path.this && path.words.len() == 1 => {
                let name = path.words.into_iter().next().unwrap_or(Word { text: String::new(), at: path.at });
                let at = trimmed(self.source, begin..self.at);
                Ok(Expr::Call(Box::new(Call { name, args, named, at })))
            }
            other => {
                let spelled = &self.source[other.at()];
                let mistake =
                    Mistake::new(other.at(), format!("`{spelled}` is no helper, and something follows it"));
                Err(mistake.help("close the braces after it, or begin with a helper's name"))
            }
        }
    }

    fn args(&mut self, depth: usize) -> Parsed<(Vec<Expr>, Vec<(Word, Expr)>)> {
        let (mut args, mut named) = (Vec::new(), Vec::new());
        loop {
            self.skip_space();
            if self.at_end() || self.peek() == Some(')') || self.at_word("as") {
                return Ok((args, named));
            }
            let from = self.at;
            if let Some(key) = self.key() {
                named.push((key, self.value(depth)?));
            } else {
                args.push(self.value(depth)?);
            }
            if self.at == from {
                return Err(self.unexpected());
            }
        }
    }

    /// `key=`, if that is what stands here.
    fn key(&mut self) -> Option<Word> {
        let from = self.at;
        let length = self.source[from..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?;
        if length == 0 || !self.source[from + length..].starts_with('=') {
            return None;
        }
        self.at = from + length + 1;
        Some(Word { text: self.source[from..from + length].to_owned(), at: from..from + length })
    }

    fn value(&mut self, depth: usize) -> Parsed<Expr> {
        self.skip_space();
        match self.peek() {
            Some('(') => self.parens(depth + 1),
            Some(quote @ ('"' | '\'')) => self.string(quote),
            _ => self.literal_or_path(),
        }
    }

    fn parens(&mut self, depth: usize) -> Parsed<Expr> {
        let begin = self.at;
        if depth > PARENS_MAX {
            return Err(Mistake::new(begin..begin + 1, "parentheses are nested too deeply"));
        }
        self.at += 1;
        let mut inner = self.call_or_value(depth)?;
        self.skip_space();
        if !self.eat(")") {
            let mistake = Mistake::new(begin..begin + 1, "`(` without `)`");
            return Err(mistake.help("close it with `)`"));
        }
        if let Expr::Path(Path { words, up: 0, this: false, local: false, at }) = &mut inner
            && let [name] = words.as_slice()
        {
            // `(now)` may be a name or a helper without arguments; the checker knows.
            let (name, at) = (name.clone(), at.clone());
            inner = Expr::Call(Box::new(Call { name, args: Vec::new(), named: Vec::new(), at }));
        }
        Ok(inner)
    }

    fn string(&mut self, quote: char) -> Parsed<Expr> {
        let begin = self.at;
        let mut text = String::new();
        let mut letters = self.source[begin + 1..].char_indices();
        while let Some((at, c)) = letters.next() {
            match c {
                c if c == quote => {
                    self.at = begin + 1 + at + c.len_utf8();
                    return Ok(Expr::Text(text, begin..self.at));
                }
                '\\' => match letters.next().map(|(_, escape)| escape) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('u') => {
                        let hex: String = letters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        let letter = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                        text.push(letter.ok_or_else(|| {
                            let place = begin + 1 + at;
                            Mistake::new(place..place + 2, "`\\u` is followed by four hexadecimal digits")
                        })?);
                    }
                    Some(other) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        let mistake = Mistake::new(begin..begin + 1, format!("a text that begins with {quote} has no end"));
        Err(mistake.help(format!("close it with {quote}")))
    }

    fn literal_or_path(&mut self) -> Parsed<Expr> {
        let begin = self.at;
        let end = begin + path_length(&self.source[begin..]);
        if end == begin {
            return Err(self.unexpected());
        }
        self.at = end;
        let (text, at) = (&self.source[begin..end], begin..end);
        Ok(match text {
            "true" => Expr::Bool(true, at),
            "false" => Expr::Bool(false, at),
            "null" | "undefined" => Expr::Null(at),
            _ => match text.parse::<f64>() {
                Ok(number)
                    if number.is_finite() && text.starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
                {
                    Expr::Number(number, at)
                }
                _ => Expr::Path(path(text, begin)?),
            },
        })
    }

    fn word(&mut self) -> Parsed<Word> {
        let begin = self.at;
        let rest = &self.source[begin..];
        let length = rest
            .find(|c: char| {
                c.is_whitespace() || matches!(c, '(' | ')' | '{' | '}' | '=' | '|' | '"' | '\'' | '~')
            })
            .unwrap_or(rest.len());
        if length == 0 {
            return Err(self.unexpected());
        }
        self.at += length;
        Ok(Word { text: rest[..length].to_owned(), at: begin..self.at })
    }

    fn unexpected(&self) -> Mistake {
        match self.peek() {
            Some(c) => Mistake::new(self.at..self.at + c.len_utf8(), format!("`{c}` is not expected here")),
            None => {
                Mistake::new(self.at..self.at, "the template ends inside of a tag").help("close it with `}}`")
            }
        }
    }

    fn expected_end(&self, begin: usize, closer: &str) -> Mistake {
        let opener = if closer == "}}}" { "{{{" } else { "{{" };
        let missing = match self.peek() {
            Some(c) if c != '}' => return self.unexpected().help(format!("the tag ends with `{closer}`")),
            _ => Mistake::new(begin..begin + opener.len(), format!("`{opener}` without `{closer}`")),
        };
        missing.help(format!("close it with `{closer}`"))
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn skip_space(&mut self) {
        self.at = self.source.len() - self.source[self.at..].trim_start().len();
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.source[self.at..].starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Whether this word stands here, whole.
    fn at_word(&self, word: &str) -> bool {
        self.source[self.at..]
            .strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '}' | '~' | '|')))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// At the end of the tag's inside, or of the template.
    fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some('}' | '~'))
    }
}

impl TagKind {
    /// Tags that write nothing take the line that they have for themselves with them.
    fn may_stand_alone(&self) -> bool {
        !matches!(self, Self::Output { .. } | Self::Braces)
    }
}

/// Whether a tag has its line for itself.
fn stands_alone(source: &str, at: &Range<usize>) -> bool {
    let before = source[..at.start].trim_end_matches([' ', '\t']);
    let after = source[at.end..].trim_start_matches([' ', '\t']);
    (before.is_empty() || before.ends_with('\n'))
        && (after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n"))
}

fn trimmed(source: &str, at: Range<usize>) -> Range<usize> {
    at.start..at.start + source[at.clone()].trim_end().len()
}

/// How far a path goes: `[…]` may hold what would end it outside.
fn path_length(text: &str) -> usize {
    let mut bracketed = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' => bracketed = true,
            ']' => bracketed = false,
            _ if bracketed && c != '\n' => {}
            c if c.is_whitespace()
                || matches!(
                    c,
                    '(' | ')'
                        | '{'
                        | '}'
                        | '='
                        | '|'
                        | '"'
                        | '\''
                        | '~'
                        | ','
                        | ';'
                        | '!'
                        | '#'
                        | '%'
                        | '&'
                        | '*'
                        | '+'
                        | '<'
                        | '>'
                        | '^'
                        | '`'
                        | '\\'
                ) =>
            {
                return at;
            }
            _ => {}
        }
    }
    text.len()
}

/// Takes a path apart. `text` has no spaces but in brackets.
fn path(text: &str, begin: usize) -> Parsed<Path> {
    let whole = begin..begin + text.len();
    let wrong =
        || Mistake::new(whole.clone(), format!("`{text}` is no name")).help("names are parted by one dot");
    let mut path = Path { at: whole.clone(), up: 0, this: false, local: false, words: Vec::new() };
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("./") {
        (path.this, rest) = (true, after);
    }
    if let Some(after) = rest.strip_prefix('@') {
        (path.local, rest) = (true, after);
    }
    while let Some(after) = rest.strip_prefix("../") {
        path.up += 1;
        rest = after;
    }
    if rest == ".." {
        path.up += 1;
        rest = "";
    }
    if matches!(rest, "." | "this") && !path.local {
        path.this = true;
        rest = "";
    } else if let Some(after) = rest.strip_prefix("this.").or_else(|| rest.strip_prefix("this/"))
        && !path.local
    {
        (path.this, rest) = (true, after);
    }
    if rest.is_empty() {
        return if path.this || (path.up > 0 && !path.local) { Ok(path) } else { Err(wrong()) };
    }
    loop {
        let at = begin + text.len() - rest.len();
        let length = match rest.strip_prefix('[') {
            Some(inner) => inner.find(']').ok_or_else(wrong)? + 2,
            None => rest.find(['.', '/']).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        let name = word.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        if word.is_empty() || (name.is_none() && word.contains(['[', ']', '@'])) {
            return Err(wrong());
        }
        path.words.push(Word { text: name.unwrap_or(word).to_owned(), at: at..at + length });
        match after.strip_prefix(['.', '/']) {
            Some(next) if !next.is_empty() => rest = next,
            None if after.is_empty() => return Ok(path),
            _ => return Err(wrong()),
        }
    }
}
