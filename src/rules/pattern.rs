//! Patterns over texts: equal (case ignored), globs, `/regexes/`; compiled once, matched without allocating.

use regex::{Regex, RegexBuilder};

use super::mistake::Mistake;

/// The longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 4096;
/// How large one compiled regex may become, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;
/// How deep groups in a regex may nest.
const REGEX_NESTING_MAX: u32 = 64;

/// What a text must look like.
///
/// | written | matches |
/// |---|---|
/// | `Factorio` | that text, whole, upper and lower case alike |
/// | `Counter*`, `Half-Life ?` | a glob over the whole text: `*` is anything, `?` one character; case ignored |
/// | `/^Half-Life/i` | a regex anywhere in the text; flags `i`, `s`, `m`, `x` |
///
/// A backslash takes the meaning from `*`, `?` and `\`, and from a `/` at the beginning. Case is ignored
/// character by character, as a regex's `i` does: `É` is `é`, but `ß` is not `ss`.
#[derive(Clone, Debug)]
pub struct Pattern(Shape);

#[derive(Clone, Debug)]
enum Shape {
    /// Folded.
    Equal(Box<str>),
    Glob(Box<[Piece]>),
    Regex(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// Folded.
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

impl Pattern {
    pub fn compile(source: &str) -> Result<Self, Mistake> {
        if source.len() > PATTERN_BYTES_MAX {
            let what = format!("a pattern of more than {PATTERN_BYTES_MAX} bytes");
            return Err(Mistake::new(0..source.len(), what));
        }
        if let Some(inner) = source.strip_prefix('/') {
            return slashed(source, inner).map(|regex| Self(Shape::Regex(regex)));
        }
        let pieces = pieces(source);
        let literal = pieces.iter().map(|&piece| match piece {
            Piece::Char(c) => Some(c),
            Piece::One | Piece::Many => None,
        });
        Ok(Self(match literal.collect::<Option<String>>() {
            Some(text) => Shape::Equal(text.into()),
            None => Shape::Glob(pieces.into()),
        }))
    }

    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Shape::Equal(wanted) => equal_folded(wanted, text),
            Shape::Glob(pieces) => glob(pieces, text),
            Shape::Regex(regex) => regex.is_match(text),
        }
    }

    /// Whether it is a text to be met exactly, neither glob nor regex.
    pub fn is_plain(&self) -> bool {
        matches!(self.0, Shape::Equal(_))
    }
}

/// A regex as conditions and patterns take them: Unicode, linear in the text, limited in size. `at` is where
/// `source` stands in the text that is being compiled.
pub fn regex(source: &str, flags: &str, at: std::ops::Range<usize>) -> Result<Regex, Mistake> {
    let mut builder = RegexBuilder::new(source);
    builder
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .nest_limit(REGEX_NESTING_MAX)
        .case_insensitive(flags.contains('i'))
        .dot_matches_new_line(flags.contains('s'))
        .multi_line(flags.contains('m'))
        .ignore_whitespace(flags.contains('x'));
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            Mistake::new(at, "this regex is too large").help("make its repetitions `{n,m}` smaller")
        }
        // The crate draws the regex with a caret over several lines; the reason is the last of them.
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim();
            Mistake::new(at, format!("not a regex: {}", reason.strip_prefix("error: ").unwrap_or(reason)))
        }
    })
}

/// `source` is `/` and `inner`.
fn slashed(source: &str, inner: &str) -> Result<Regex, Mistake> {
    let Some((body, flags)) = inner.rsplit_once('/') else {
        return Err(Mistake::new(0..source.len(), "a regex without its closing `/`")
            .help(format!("write `{source}/`; a text that begins with `/` is written `\\{source}`")));
    };
    let flags_at = source.len() - flags.len();
    if let Some((offset, flag)) = flags.char_indices().find(|(_, flag)| !"ismx".contains(*flag)) {
        let at = flags_at + offset;
        return Err(Mistake::new(at..at + flag.len_utf8(), format!("unknown regex flag `{flag}`")).help(
            format!("the flags are `i`, `s`, `m`, `x`; a text that begins with `/` is written `\\{source}`"),
        ));
    }
    regex(body, flags, 1..1 + body.len())
}

fn pieces(source: &str) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let first = pieces.is_empty();
        pieces.push(match c {
            '*' if pieces.last() == Some(&Piece::Many) => continue,
            '*' => Piece::Many,
            '?' => Piece::One,
            '\\' => match chars.next_if(|&next| matches!(next, '*' | '?' | '\\') || (first && next == '/')) {
                Some(next) => Piece::Char(next),
                None => Piece::Char('\\'),
            },
            c => Piece::Char(fold(c)),
        });
    }
    pieces
}

/// One character without its case: Unicode's simple case folding, by way of the upper case so that the three
/// sigmas and the long s come out alike. The dotless i is nobody's lower case but the Turks'.
fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    if c == 'ı' {
        return c;
    }
    let upper = only(c.to_uppercase()).unwrap_or(c);
    only(upper.to_lowercase()).unwrap_or(upper)
}

fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

fn equal_folded(folded: &str, text: &str) -> bool {
    if folded.is_ascii() && text.is_ascii() {
        return folded.eq_ignore_ascii_case(text);
    }
    folded.chars().eq(text.chars().map(fold))
}

/// Greedy, going back only to the last `*`: at worst the product of the two lengths.
fn glob(pieces: &[Piece], text: &str) -> bool {
    let mut at = 0;
    let mut rest = text.chars();
    let mut star: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match pieces.get(at) {
            Some(Piece::Many) => {
                star = Some((at + 1, rest.clone()));
                at += 1;
                continue;
            }
            Some(&piece) => {
                let mut ahead = rest.clone();
                let fits = ahead.next().is_some_and(|c| match piece {
                    Piece::Char(wanted) => fold(c) == wanted,
                    Piece::One | Piece::Many => true,
                });
                if fits {
                    rest = ahead;
                    at += 1;
                    continue;
                }
            }
            None if rest.as_str().is_empty() => return true,
            None => {}
        }
        // The last `*` takes one character more, if there is one.
        let Some((after_star, taken)) = &mut star else { return false };
        if taken.next().is_none() {
            return false;
        }
        at = *after_star;
        rest = taken.clone();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern).unwrap().matches(text)
    }

    #[test]
    fn texts_globs_and_regexes() {
        for (pattern, text, expected) in [
            ("Factorio", "factorio", true),
            ("Factorio", "Factorio!", false),
            ("", "", true),
            ("", "x", false),
            ("ÄRZTE", "ärzte", true),
            ("ΣΊΣΥΦΟΣ", "σίσυφος", true),
            ("straße", "STRASSE", false),
            ("strasse", "ſtraſſe", true),
            ("kelvin", "\u{212a}elvin", true),
            ("i", "ı", false),
            ("Counter*", "counter-strike 2", true),
            ("*", "", true),
            ("**", "anything", true),
            ("*strike*", "Counter-Strike 2", true),
            ("*strike", "Counter-Strike 2", false),
            ("c?unter*2", "Counter-Strike 2", true),
            ("?", "", false),
            ("?", "é", true),
            ("?", "éé", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            (r"What\?", "what?", true),
            (r"What\?", "whats", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"AC\DC", r"ac\dc", true),
            (r"AC\\DC", r"ac\dc", true),
            (r"\/etc*", "/etc/passwd", true),
            ("/^Half-Life/i", "half-life 2", true),
            ("/^Half-Life/", "half-life 2", false),
            ("/Life/", "Half-Life 2", true),
            ("/a.b/s", "a\nb", true),
            ("/a.b/", "a\nb", false),
            ("/^b$/m", "a\nb", true),
            ("/a b # c/x", "ab", true),
            ("/a/b/", "xa/bx", true),
            ("//", "anything", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn bad_patterns_say_where_and_what_to_do() {
        let long = "x".repeat(PATTERN_BYTES_MAX + 1);
        for (pattern, at, what) in [
            ("/abc", 0..4, "a regex without its closing `/`"),
            ("/home/me", 7..8, "unknown regex flag `e`"),
            ("/x/ig", 4..5, "unknown regex flag `g`"),
            ("/(/", 1..2, "not a regex: unclosed group"),
            (r"/\w{9999}{9999}/", 1..15, "this regex is too large"),
            (&long, 0..4097, "a pattern of more than 4096 bytes"),
        ] {
            let mistake = Pattern::compile(pattern).unwrap_err();
            assert_eq!((mistake.at, &*mistake.what), (at, what), "{pattern:.20}");
        }
    }

    #[test]
    fn case_is_ignored_as_a_regex_ignores_it() {
        let interesting = ('\u{80}'..'\u{600}').chain('\u{1e00}'..'\u{2200}').chain('\u{a640}'..'\u{a7c0}');
        for c in interesting.filter(|c| c.is_alphabetic()) {
            let regex = regex(&format!("^{c}$"), "i", 0..0).unwrap();
            for other in c.to_uppercase().chain(c.to_lowercase()).chain([c, 'k', 's', 'i', 'å', 'ß']) {
                let (pattern, text) = (c.to_string(), other.to_string());
                assert_eq!(matches(&pattern, &text), regex.is_match(&text), "{c} {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_glob_is_what_its_regex_is(pattern in "[aAéÉ*?b]{0,8}", text in "[aAéÉbB]{0,8}") {
            let body: String = pattern
                .chars()
                .map(|c| match c {
                    '*' => ".*".to_owned(),
                    '?' => ".".to_owned(),
                    c => regex::escape(&c.to_string()),
                })
                .collect();
            let reference = regex(&format!("^(?:{body})$"), "is", 0..0).unwrap();
            prop_assert_eq!(matches(&pattern, &text), reference.is_match(&text));
        }

        #[test]
        fn any_text_is_a_pattern_or_a_mistake_inside_of_it(source in ".{0,40}", text in ".{0,40}") {
            match Pattern::compile(&source) {
                Ok(pattern) => {
                    pattern.matches(&text);
                }
                Err(mistake) => prop_assert!(source.get(mistake.at).is_some()),
            }
        }

        #[test]
        fn a_text_with_its_signs_escaped_means_itself(text in r"[a-zé*?\\.+]{0,12}") {
            let escaped: String =
                text.chars().flat_map(|c| "*?\\".contains(c).then_some('\\').into_iter().chain([c])).collect();
            prop_assert!(matches(&escaped, &text), "{escaped}");
        }
    }
}
