//! Blots secrets out of a text, however the text spells them: as they are, percent-encoded, escaped for JSON
//! or HTML, or one around the other.

use std::ops::Range;

/// What stands in a secret's place.
pub const BLOT: &str = "[secret]";
/// A secret shorter than this is only blotted as a word of its own: `42` inside of `1427` is not one.
const ANYWHERE_BYTES_MIN: usize = 8;
/// At the end of a text that was cut off, so much of a secret's beginning is taken for the secret.
const BEGUN_BYTES_MIN: usize = 4;
/// How often an escape inside of an escape is undone.
const LAYERS_MAX: usize = 4;

/// Texts that must not be shown.
#[derive(Default)]
pub struct Secrets {
    /// Each once, the longest first: a part must not leave the rest of a whole.
    all: Vec<Secret>,
}

struct Secret {
    plain: Vec<u8>,
    /// What stands in its place.
    shown: Box<str>,
}

/// Where a short secret is blotted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Short {
    /// Where it is a word of its own.
    Words,
    Left,
}

/// One byte of a text once nothing is escaped any more, and where it was written.
struct Letter {
    byte: u8,
    at: Range<usize>,
}

impl Secrets {
    pub fn add(&mut self, secret: &str) {
        self.add_named(secret, BLOT);
    }

    /// The same, with what is to stand in its place.
    pub fn add_named(&mut self, secret: &str, shown: &str) {
        let plain: Vec<u8> = letters(secret.trim()).iter().map(|letter| letter.byte).collect();
        // A blank would blot every space.
        if plain.iter().any(u8::is_ascii_graphic) && self.all.iter().all(|other| other.plain != plain) {
            let place = self.all.partition_point(|other| other.plain.len() >= plain.len());
            self.all.insert(place, Secret { plain, shown: shown.into() });
        }
    }

    /// The beginning of a text, up to `bytes_max`, with each secret blotted out. With `cut` the text is not
    /// all there is, and its end may be the beginning of a secret.
    pub fn blot(&self, text: &str, bytes_max: usize, cut: bool) -> String {
        self.blotted(text, bytes_max, cut, Short::Words)
    }

    fn blotted(&self, text: &str, bytes_max: usize, cut: bool, short: Short) -> String {
        // Of a letter that was cut in two, nothing can be told.
        let text = if cut { text.trim_end_matches('\u{fffd}') } else { text };
        let letters = letters(text);
        let plain: Vec<u8> = letters.iter().map(|letter| letter.byte).collect();
        let mut shown = String::new();
        let (mut from, mut at) = (0, 0);
        while at < plain.len() && shown.len() + (letters[at].at.start.saturating_sub(from)) < bytes_max {
            let Some((length, blot)) = self.secret_at(&plain, at, cut, short) else {
                at += 1;
                continue;
            };
            let start = text.floor_char_boundary(letters[at].at.start).max(from);
            shown.push_str(&text[from..start]);
            shown.push_str(blot);
            at += length;
            from = text.ceil_char_boundary(letters[at - 1].at.end);
        }
        shown.push_str(&text[from..text.len().min(text.floor_char_boundary(from + bytes_max))]);
        shown.truncate(shown.floor_char_boundary(bytes_max));
        shown
    }

    /// The same of one of a request's values, which is a short secret only as a whole: `1` in a text is a word.
    pub fn blot_value(&self, text: &str) -> String {
        let plain: Vec<u8> = letters(text.trim()).iter().map(|letter| letter.byte).collect();
        if let Some(whole) = self.all.iter().find(|secret| secret.plain == plain) {
            return whole.shown.to_string();
        }
        self.blotted(text, usize::MAX / 2, false, Short::Left)
    }

    /// How many letters of a secret begin here, and what stands in their place.
    fn secret_at(&self, plain: &[u8], at: usize, cut: bool, short: Short) -> Option<(usize, &str)> {
        let rest = &plain[at..];
        let in_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let alone = |length: usize| {
            !in_word(at.checked_sub(1).and_then(|before| plain.get(before))) && !in_word(rest.get(length))
        };
        let whole = self.all.iter().find(|Secret { plain, .. }| {
            rest.starts_with(plain)
                && (plain.len() >= ANYWHERE_BYTES_MIN || short == Short::Words && alone(plain.len()))
        });
        if let Some(Secret { plain, shown }) = whole {
            return Some((plain.len(), shown));
        }
        let begun = cut && rest.len() >= BEGUN_BYTES_MIN;
        (begun && self.all.iter().any(|secret| secret.plain.starts_with(rest))).then_some((rest.len(), BLOT))
    }
}

/// A text without its escapes, in small letters. A `+` counts as the space that forms write so, and so does whatever else
/// parts lines and columns: escaped, it is one.
fn letters(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> =
        text.bytes().enumerate().map(|(at, byte)| Letter { byte, at: at..at + 1 }).collect();
    for _ in 0..LAYERS_MAX {
        let before = letters.len();
        letters = unescaped(&letters);
        if letters.len() == before {
            break;
        }
    }
    for letter in &mut letters {
        letter.byte = match letter.byte {
            b'+' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => b' ',
            other => other.to_ascii_lowercase(),
        };
    }
    letters
}

/// One layer of escapes undone.
fn unescaped(letters: &[Letter]) -> Vec<Letter> {
    let bytes: Vec<u8> = letters.iter().map(|letter| letter.byte).collect();
    let mut plain = Vec::with_capacity(letters.len());
    let (mut at, mut meant) = (0, Vec::new());
    while at < bytes.len() {
        meant.clear();
        let length = unescape(&bytes[at..], &mut meant).unwrap_or_else(|| {
            meant.push(bytes[at]);
            1
        });
        let written = letters[at].at.start..letters[at + length - 1].at.end;
        plain.extend(meant.iter().map(|&byte| Letter { byte, at: written.clone() }));
        at += length;
    }
    plain
}

/// What an escape at the beginning stands for goes into `meant`; returns its length.
fn unescape(bytes: &[u8], meant: &mut Vec<u8>) -> Option<usize> {
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    let mut push = |code: u32| -> Option<()> {
        meant.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    };
    match bytes {
        [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            meant.push(u8::try_from(number(&[*high, *low], 16)?).ok()?);
            Some(3)
        }
        [b'\\', b'u', rest @ ..] => {
            push(number(rest.get(..4)?, 16)?)?;
            Some(6)
        }
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => {
            meant.push(b' ');
            Some(2)
        }
        [b'\\', plain @ (b'\\' | b'/' | b'"'), ..] => {
            meant.push(*plain);
            Some(2)
        }
        [b'&', rest @ ..] => {
            let name = rest.iter().take(8).position(|&byte| byte == b';').map(|end| &rest[..end])?;
            let code = match name {
                [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
                [b'#', digits @ ..] => number(digits, 10)?,
                b"amp" => u32::from(b'&'),
                b"lt" => u32::from(b'<'),
                b"gt" => u32::from(b'>'),
                b"quot" => u32::from(b'"'),
                b"apos" => u32::from(b'\''),
                _ => return None,
            };
            push(code)?;
            Some(name.len() + 2)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(list: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        for secret in list {
            secrets.add(secret);
        }
        secrets
    }

    #[test]
    fn a_secret_is_found_however_it_is_spelled() {
        for (secret, text, expected) in [
            ("a+b/c=d&e\"f", "so a+b/c=d&e\"f it is", "so [secret] it is"),
            ("a+b/c=d&e\"f", "a%2Bb%2fc%3Dd%26e%22f", "[secret]"),
            ("a%2Bb%2Fc%3Dd%26e%22f", "{\"a\": \"a+b\\/c=d\\u0026e\\\"f\"}", "{\"a\": \"[secret]\"}"),
            ("a+b/c=d&e\"f", "<b>a&#43;b&#x2F;c=d&amp;e&quot;f</b>", "<b>[secret]</b>"),
            ("a+b/c=d&e\"f", "a%252Bb%252Fc%253Dd%2526e%2522f", "[secret]"),
            ("a b c d e f", "a+b+c+d+e+f", "[secret]"),
            ("-----\nkey\tkey\u{8}\n", r"it was -----\nkey\tkey\b\n", "it was [secret]\\n"),
            ("-----\nkey\tkey", r"it was -----\nkey\u0009key!", "it was [secret]!"),
            ("pässwörter", "p%C3%A4ssw\\u00f6rter!", "[secret]!"),
            ("Abcdefgh", "xABCDEFGHx", "x[secret]x"),
            // As a word of its own only.
            ("pw", "pw pws upw, \"pw\"\\npw\\n", "[secret] pws upw, \"[secret]\"\\n[secret]\\n"),
            ("-42", "chat -42 (-427)", "chat [secret] (-427)"),
            (" ", "a b", "a b"),
        ] {
            assert_eq!(secrets(&[secret]).blot(text, 100, false), expected, "{secret} {text}");
        }
        assert_eq!(secrets(&["abcdefgh", "abcdefghij"]).blot("abcdefghij", 100, false), "[secret]");
    }

    #[test]
    fn an_end_that_was_cut_off_is_no_beginning_of_a_secret() {
        let at_the_end = |text, cut| secrets(&["abcdefghij"]).blot(text, 100, cut);
        assert_eq!(at_the_end("no abcdef", true), "no [secret]");
        assert_eq!(at_the_end("no abcdef\u{fffd}", true), "no [secret]");
        assert_eq!(at_the_end("no abcdef", false), "no abcdef");
        assert_eq!(at_the_end("no ab", true), "no ab");
    }

    #[test]
    fn whatever_the_bound_no_half_of_a_secret_is_shown() {
        let text = format!("{}äöü{}", "s3cr3tvalue".repeat(50), "s3cr3tvalue".repeat(50));
        for bytes_max in 0..900 {
            let shown = secrets(&["s3cr3tvalue"]).blot(&text, bytes_max, false);
            assert!(shown.len() <= bytes_max && !shown.contains("s3"), "{bytes_max}: {shown}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in r"(.|%[0-9A-F]{2}|\\u00[0-9a-f]{2}|&#[0-9]{1,4};|é){0,40}", secret in ".{0,12}", max in 0_usize..80) {
            let shown = secrets(&[&secret, "%C3", "%A9"]).blot(&text, max, true);
            prop_assert!(shown.len() <= max);
        }
    }
}
