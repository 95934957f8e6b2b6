//! What stands inside of texts: CEL's escapes, lengths and points of time.

use crate::rules::mistake::Mistake;

/// Resolves the escapes of a text's body, which stands at byte `at` of the condition.
pub fn unescape(body: &str, at: usize) -> Result<String, Mistake> {
    let mut text = String::with_capacity(body.len());
    let mut done = 0;
    while let Some(offset) = body[done..].find('\\') {
        let escape_at = done + offset;
        text.push_str(&body[done..escape_at]);
        let (c, len) = escape(&body[escape_at..]).ok_or_else(|| {
            let len = 1 + body[escape_at + 1..].chars().next().map_or(0, char::len_utf8);
            let written = &body[escape_at..escape_at + len];
            Mistake::new(at + escape_at..at + escape_at + len, format!("`{written}` is not an escape"))
                .help("a backslash itself is written `\\\\`; a raw text is written r\"…\"")
        })?;
        text.push(c);
        done = escape_at + len;
    }
    text.push_str(&body[done..]);
    Ok(text)
}

/// The character an escape stands for, and the escape's length.
fn escape(rest: &str) -> Option<(char, usize)> {
    let kind = rest[1..].chars().next()?;
    let hex = |from: usize, len: usize| {
        let digits = rest.get(from..from + len)?;
        let all_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        all_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let plain = |c| Some((c, 2));
    match kind {
        '\\' | '?' | '"' | '\'' | '`' => plain(kind),
        'a' => plain('\x07'),
        'b' => plain('\x08'),
        'f' => plain('\x0c'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\x0b'),
        'x' | 'X' => Some((char::from_u32(hex(2, 2)?)?, 4)),
        'U' => Some((char::from_u32(hex(2, 8)?)?, 10)),
        'u' => {
            let unit = hex(2, 4)?;
            if let Some(c) = char::from_u32(unit) {
                return Some((c, 6));
            }
            // The first half of a surrogate pair needs the second.
            let second = rest[6..].starts_with("\\u").then(|| hex(8, 4)).flatten()?;
            let paired = (0xd800..0xdc00).contains(&unit) && (0xdc00..0xe000).contains(&second);
            let c = paired.then(|| 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00))?;
            Some((char::from_u32(c)?, 12))
        }
        '0'..='3' => {
            let digits = rest.get(1..4)?;
            let octal = digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
            let code = octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten()?;
            Some((char::from_u32(code)?, 4))
        }
        _ => None,
    }
}

/// Reads a length of time as CEL writes it, `1h30m` or `-1.5s`, in whole milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 7] =
        [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3600e3)];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut ms = 0.0;
    let mut parts = 0;
    while !rest.is_empty() {
        let len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let count: f64 = rest[..len].parse().ok()?;
        let (unit, size) = UNITS.into_iter().find(|(unit, _)| rest[len..].starts_with(unit))?;
        ms += count * size;
        rest = &rest[len + unit.len()..];
        parts += 1;
    }
    let whole = (sign * ms).trunc();
    (parts > 0 && whole.abs() < 9e15).then_some(whole as i64)
}

/// Reads a point in time as RFC 3339 writes it, in Unix milliseconds.
pub fn time_ms(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
