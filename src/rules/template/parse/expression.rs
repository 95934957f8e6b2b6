//! Expressions: names, texts, numbers, and helpers with what they take.

use super::tree::{Call, Expr, Path, Word};
use super::{PARENS_MAX, Parsed, Parser, trimmed};
use crate::rules::mistake::Mistake;

impl Parser<'_> {
    /// The inside of a tag or of parentheses: a call if anything follows the name, else a value.
    pub(super) fn call_or_value(&mut self, depth: usize) -> Parsed<Expr> {
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

    pub(super) fn args(&mut self, depth: usize) -> Parsed<(Vec<Expr>, Vec<(Word, Expr)>)> {
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
    pub(super) fn key(&mut self) -> Option<Word> {
        let from = self.at;
        let length = self.source[from..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?;
        if length == 0 || !self.source[from + length..].starts_with('=') {
            return None;
        }
        self.at = from + length + 1;
        Some(Word { text: self.source[from..from + length].to_owned(), at: from..from + length })
    }

    pub(super) fn value(&mut self, depth: usize) -> Parsed<Expr> {
        self.skip_space();
        match self.peek() {
            Some('(') => self.parens(depth + 1),
            Some(quote @ ('"' | '\'')) => self.string(quote),
            _ => self.literal_or_path(),
        }
    }

    pub(super) fn parens(&mut self, depth: usize) -> Parsed<Expr> {
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

    pub(super) fn string(&mut self, quote: char) -> Parsed<Expr> {
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

    pub(super) fn literal_or_path(&mut self) -> Parsed<Expr> {
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

    pub(super) fn word(&mut self) -> Parsed<Word> {
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
