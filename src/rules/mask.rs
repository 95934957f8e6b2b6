//! Secrets written into the file itself, hidden where its lines are shown.

use super::places::{Source, Span};

/// The places that are never shown.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    hidden: Vec<Span>,
}

/// A key with one of these in its name has a value that nobody should see over a shoulder.
const SECRET_WORDS: [&str; 9] =
    ["token", "secret", "password", "passwd", "authorization", "api_key", "apikey", "cookie", "bearer"];

impl Mask {
    /// Hides a value, but for `${VAR}` in it: a variable's name tells nothing.
    pub fn hide(&mut self, source: &Source, at: Span) {
        let text = source.slice(at);
        let mut from = 0;
        while let Some(open) = text[from..].find("${").map(|found| from + found) {
            self.push(at.part(from..open));
            from = text[open..].find('}').map_or(text.len(), |found| open + found + 1);
        }
        self.push(at.part(from..text.len()));
    }

    /// Hides an address behind its host, where webhooks keep their keys.
    pub fn hide_url(&mut self, source: &Source, at: Span) {
        let text = source.slice(at);
        let hidden = match text.find("://").map(|found| found + 3) {
            // Before an `@` stands a password.
            Some(host) if text[host..].contains('@') => host,
            Some(host) => text[host..].find(['/', '?', '#']).map_or(text.len(), |end| host + end + 1),
            None if text.contains("${") => 0,
            None => text.len().min(1),
        };
        self.hide(source, at.part(hidden..text.len()));
    }

    /// The text of a place with each hidden byte as `*`: as long as before, so that columns still fit.
    pub fn shown(&self, source: &Source, at: Span) -> String {
        let mut bytes = source.slice(at).as_bytes().to_vec();
        let mut hide = |from: usize, to: usize| {
            let (from, to) = (from.max(at.start), to.min(at.end));
            for byte in
                bytes.get_mut(from.saturating_sub(at.start)..to.saturating_sub(at.start)).unwrap_or(&mut [])
            {
                if !matches!(byte, b'\n' | b'\r' | b'"' | b'\'' | b' ') {
                    *byte = b'*';
                }
            }
        };
        for span in &self.hidden {
            hide(span.start, span.end);
        }
        for span in suspects(source, at) {
            hide(span.start, span.end);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn push(&mut self, at: Span) {
        if at.start < at.end {
            self.hidden.push(at);
        }
    }
}

/// Where a value ends of which nobody knows whether it is YAML: rather a little too late than too early.
fn value_end(value: &str, in_brackets: bool) -> usize {
    let ends_here = |at: usize, marks: &[char]| {
        let rest = value[at..].trim_end();
        rest.is_empty() || rest.starts_with(marks)
    };
    let start = value.len() - value.trim_start().len();
    if let Some(mark) = value[start..].chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let closes = value[start + 1..].find(mark).map(|end| start + end + 2);
        if let Some(end) = closes.filter(|&end| ends_here(end, &[',', '}', ']', ' '])) {
            return end;
        }
    }
    let mut in_variable = false;
    let end = value.char_indices().find(|&(at, c)| {
        let after = at + c.len_utf8();
        match c {
            '{' if value[..at].ends_with('$') => in_variable = true,
            '}' if in_variable => in_variable = false,
            ',' => return value[after..].starts_with(' ') || key_follows(&value[after..]),
            '}' | ']' => return ends_here(after, &[',', '}', ']', ' ']),
            _ => {}
        }
        false
    });
    end.filter(|_| in_brackets).map_or(value.len(), |(at, _)| at)
}

/// Whether a text begins with `word:`.
fn key_follows(text: &str) -> bool {
    let word = text.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''));
    word.len() < text.len() && word.starts_with(':')
}

/// What looks like a secret though nobody has said so: a file that is not even YAML has lines to show, too.
fn suspects(source: &Source, at: Span) -> Vec<Span> {
    let mut found = Mask::default();
    let mut start = at.start;
    for line in source.slice(at).split_inclusive('\n') {
        let here = Span::new(start, start + line.trim_end().len());
        start += line.len();
        // Only ASCII is lowered: the places stay the same.
        let lowered = line.to_ascii_lowercase();
        for word in SECRET_WORDS {
            for (at, _) in lowered.match_indices(word) {
                let rest = &line[at..];
                let key = rest.len()
                    - rest.trim_start_matches(|c: char| c.is_alphanumeric() || "_-\"'".contains(c)).len();
                let Some(value) = rest[key..].strip_prefix(':') else { continue };
                let in_brackets = line[..at].contains(['{', '[']);
                let value = value[..value_end(value, in_brackets)].trim_end();
                let from = at + key + 1 + (value.len() - value.trim_start().len());
                found.hide(source, here.part(from..at + key + 1 + value.len()));
            }
        }
        for (url, _) in line.match_indices("://") {
            let scheme = line[..url].trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len();
            if !line[scheme..url].starts_with("http") {
                continue;
            }
            let end = line[url..].find([' ', '"', '\'', ',', '\n', '\r']).map_or(line.len(), |e| url + e);
            if line[url + 3..end].len() > 40 {
                found.hide_url(source, here.part(scheme..end));
            }
        }
    }
    found.hidden
}
