//! CEL's words: a condition's text as tokens, each with its place in bytes.

use std::ops::Range;

use super::literal;
use crate::rules::mistake::Mistake;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Without its sign: a minus before it is an operator.
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(String),
    Name(String),
    /// A name in backticks: never a keyword, and free to have a `-` in it.
    Quoted(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

impl Token {
    /// How a mistake names it.
    pub fn spoken(&self) -> String {
        match self {
            Self::Int(_) | Self::Uint(_) | Self::Double(_) => "a number".into(),
            Self::Text(_) => "a text".into(),
            Self::Name(name) | Self::Quoted(name) => format!("`{name}`"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".into(),
        }
    }
}

pub type Spanned = (Token, Range<usize>);

/// The longer ones first.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "-", "+", "*", "/", "%", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}",
];

/// All tokens, the last of them `End`.
pub fn tokens(source: &str) -> Result<Vec<Spanned>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += blank(&source[at..]);
        let rest = &source[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, at..at));
            return Ok(tokens);
        };
        let (token, len) = match first {
            '"' | '\'' => text(rest, at)?,
            'r' | 'R' if rest[1..].starts_with(['"', '\'']) => text(rest, at)?,
            'b' | 'B' if begins_bytes(rest) => {
                return Err(Mistake::new(at..at + 2, "conditions have no bytes")
                    .help("leave out the `b`: a text in quotes is enough"));
            }
            '0'..='9' => number(rest, at)?,
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => number(rest, at)?,
            '`' => quoted_name(rest, at)?,
            c if c == '_' || c.is_ascii_alphabetic() => {
                let len = name_len(rest);
                (Token::Name(rest[..len].to_owned()), len)
            }
            c => sign(rest, at, c)?,
        };
        tokens.push((token, at..at + len));
        at += len;
    }
}

/// The length of the white space and comments at the beginning.
fn blank(rest: &str) -> usize {
    let mut left = rest;
    loop {
        let trimmed = left.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
        match trimmed.strip_prefix("//") {
            Some(comment) => left = &comment[comment.find(['\n', '\r']).unwrap_or(comment.len())..],
            None => return rest.len() - trimmed.len(),
        }
    }
}

fn name_len(rest: &str) -> usize {
    rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
}

fn begins_bytes(rest: &str) -> bool {
    rest[1..].trim_start_matches(['r', 'R']).starts_with(['"', '\''])
}

fn quoted_name(rest: &str, at: usize) -> Result<(Token, usize), Mistake> {
    match rest[1..].find(['`', '\n', '\r']) {
        Some(len) if len > 0 && rest[1 + len..].starts_with('`') => {
            Ok((Token::Quoted(rest[1..=len].to_owned()), len + 2))
        }
        Some(0) => Err(Mistake::new(at..at + 1, "an empty name in backticks")),
        _ => Err(Mistake::new(at..at + 1, "a backtick without its closing one")
            .help("backticks go around names; texts are in `\"` or `'`")),
    }
}

fn text(rest: &str, at: usize) -> Result<(Token, usize), Mistake> {
    let raw = rest.starts_with(['r', 'R']);
    let quotes = &rest[usize::from(raw)..];
    let quote = &quotes[..1];
    let triple = quote.repeat(3);
    let delimiter = if quotes.starts_with(&triple) { &*triple } else { quote };
    let opened = usize::from(raw) + delimiter.len();
    let mut end = opened;
    loop {
        let left = &rest[end..];
        let Some(c) = left.chars().next().filter(|c| delimiter.len() == 3 || !matches!(c, '\n' | '\r'))
        else {
            return Err(Mistake::new(at..at + opened, "a text without its closing quote")
                .help(format!("end it with `{delimiter}`")));
        };
        if left.starts_with(delimiter) {
            break;
        }
        end += c.len_utf8();
        if c == '\\' && !raw {
            end += rest[end..].chars().next().map_or(0, char::len_utf8);
        }
    }
    let body = &rest[opened..end];
    let text = if raw { body.to_owned() } else { literal::unescape(body, at + opened)? };
    Ok((Token::Text(text), end + delimiter.len()))
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), Mistake> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let hex = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    let mut len = digits(rest);
    let mut fractional = false;
    if let Some(hex) = hex {
        len = 2 + hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
    } else {
        let fraction = rest[len..].strip_prefix('.').map_or(0, digits);
        if fraction > 0 {
            len += 1 + fraction;
            fractional = true;
        }
        if let Some(exponent) = rest[len..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.trim_start_matches(['+', '-']);
            let count = digits(unsigned);
            if count > 0 && exponent.len() - unsigned.len() <= 1 {
                len += 1 + (exponent.len() - unsigned.len()) + count;
                fractional = true;
            }
        }
    }
    let written = &rest[..len];
    let unsigned = !fractional && rest[len..].starts_with(['u', 'U']);
    let tail = len + usize::from(unsigned);
    let trailing = name_len(&rest[tail..]);
    if trailing > 0 || hex.is_some() && len == 2 {
        let whole = &rest[..tail + trailing];
        let mistake = Mistake::new(at..at + whole.len(), format!("`{whole}` is not a number"));
        return Err(if literal::duration_ms(whole).is_some() {
            mistake.help(format!("a length of time is written `duration(\"{whole}\")`"))
        } else {
            mistake.help("a text is in quotes")
        });
    }
    let too_large = || Mistake::new(at..at + len, format!("`{written}` is too large"));
    if fractional {
        let value: f64 = written.parse().map_err(|_| too_large())?;
        return if value.is_finite() { Ok((Token::Double(value), len)) } else { Err(too_large()) };
    }
    let value = match hex {
        Some(_) => u64::from_str_radix(&written[2..], 16),
        None => written.parse(),
    };
    let value = value.map_err(|_| too_large())?;
    Ok((if unsigned { Token::Uint(value) } else { Token::Int(value) }, tail))
}

fn sign(rest: &str, at: usize, first: char) -> Result<(Token, usize), Mistake> {
    let wrong = |sign: &str, what: &str, help: &str| {
        Err(Mistake::new(at..at + sign.len(), format!("`{sign}` {what}")).help(help))
    };
    for (sign, what, help) in [
        ("===", "is not an operator", "write `==`"),
        ("!==", "is not an operator", "write `!=`"),
        ("<>", "is not an operator", "write `!=`"),
        ("=>", "is not an operator", "write `>=`"),
        ("{{", "is for templates", "write the name alone: `playing.name`, without braces"),
        ("${", "is not filled in here", "`${…}` is filled in where it is the whole of a value, not in CEL"),
    ] {
        if rest.starts_with(sign) {
            return wrong(sign, what, help);
        }
    }
    if let Some(&sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    match first {
        '=' => wrong("=", "is not a comparison", "write `==`"),
        '&' => wrong("&", "is not an operator", "write `&&`"),
        '|' => wrong("|", "is not an operator", "write `||`"),
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            wrong(&first.to_string(), "is not a quote here", "texts are in `\"` or `'`")
        }
        c if c.is_alphabetic() => {
            let mistake = Mistake::new(at..at + c.len_utf8(), format!("`{c}` cannot be part of a name"));
            Err(mistake.help("a text is in quotes; such a name is written in backticks"))
        }
        c => Err(Mistake::new(at..at + c.len_utf8(), format!("unexpected {c:?}"))),
    }
}
