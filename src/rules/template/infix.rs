//! Signs between values, which other languages have where templates have helpers: `==`, `&&`, `|`.

use std::ops::Range;

use super::scan::string_end;
use crate::rules::mistake::Mistake;

/// Each sign and the helper that does its work.
const SIGNS: [(&str, &str); 10] = [
    ("==", "eq"),
    ("===", "eq"),
    ("!=", "ne"),
    ("!==", "ne"),
    ("<", "lt"),
    ("<=", "le"),
    (">", "gt"),
    (">=", "ge"),
    ("&&", "and"),
    ("||", "or"),
];

/// The first sign inside of a tag. `before` is what the tag begins with: `#`, `else` or nothing.
pub(super) fn slip(source: &str, inner: Range<usize>, before: &str) -> Option<Mistake> {
    let words = words(source, inner);
    let text = |at: usize| words.get(at).map_or("…", |word| &source[word.clone()]);
    let in_block = !before.is_empty() && matches!(text(0), "if" | "unless");
    let first = usize::from(in_block);
    let write = |call: String, whole: bool| {
        let space = if before == "else" { " " } else { "" };
        match (whole, in_block) {
            (true, true) => format!("write `{{{{{before}{space}{} ({call})}}}}`", text(0)),
            (true, false) => format!("write `{{{{{call}}}}}`"),
            (false, _) => format!("write `({call})`"),
        }
    };
    for at in first..words.len() {
        let (sign, place) = (text(at), words[at].clone());
        let unknown = |place: Range<usize>| {
            Mistake::new(place.clone(), format!("`{}` is not known in templates", &source[place]))
        };
        if let Some(of) = sign.strip_prefix('!').filter(|of| in_block && of.starts_with(char::is_alphabetic))
        {
            let mistake = unknown(place.start..place.start + 1);
            return Some(mistake.help(write(format!("not {of}"), words.len() == first + 1)));
        }
        if at == first {
            continue;
        }
        let whole = words.len() == first + 3 && at == first + 1;
        let helper = SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, helper)| helper);
        if let Some(helper) = helper {
            let call = format!("{helper} {} {}", text(at - 1), text(at + 1));
            return Some(unknown(place).help(write(call, whole)));
        }
        // `as | x |` names something.
        if sign == "|"
            && text(at - 1) != "as"
            && !words[..at].iter().any(|word| source[word.clone()] == *"as")
        {
            return Some(unknown(place).help(write(format!("{} {}", text(at + 1), text(at - 1)), whole)));
        }
        if sign == "+" {
            let help = "texts that follow each other are one text: `{{name}}{{status}}`";
            return Some(unknown(place).help(help));
        }
    }
    None
}

/// What white space parts, texts in quotes kept whole.
fn words(source: &str, inner: Range<usize>) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let (mut at, mut begun) = (inner.start, None);
    while at < inner.end {
        let Some(c) = source[at..].chars().next() else { break };
        if c.is_whitespace() {
            words.extend(begun.take().map(|begun| begun..at));
            at += c.len_utf8();
            continue;
        }
        begun.get_or_insert(at);
        at = match c {
            '\'' | '"' => string_end(source, at).unwrap_or(inner.end).min(inner.end),
            c => at + c.len_utf8(),
        };
    }
    words.extend(begun.map(|begun| begun..inner.end));
    words
}
