//! Texts that mean nothing special here, though they look as if their authors thought so.

use super::mistake::Mistake;

/// A setting of a target in which somebody expects something to be filled in. The text itself is never
/// repeated: it may be a secret.
pub fn unfilled(text: &str) -> Option<Mistake> {
    if let Some((at, name)) = shell_variable(text) {
        let what = format!("`${name}` is taken as it stands");
        return Some(Mistake::new(at..at + 1 + name.len(), what).help(format!("write `${{{name}}}`")));
    }
    let open = text.find("{{").filter(|&open| text[open..].contains("}}"))?;
    let inner = text[open + 2..].split("}}").next().unwrap_or_default().trim();
    let example = if is_variable(inner) { inner } else { "NAME" };
    let mistake = Mistake::new(0..0, "templates are not filled in here");
    Some(mistake.help(format!("a variable is written `${{{example}}}`")))
}

/// A header's `Bearer` in a setting that is only the token.
pub fn bearer(text: &str) -> Option<Mistake> {
    let word = text.trim_start().get(..7)?;
    word.eq_ignore_ascii_case("bearer ").then(|| {
        Mistake::new(0..0, "`Bearer` is part of the token here")
            .help("leave it out: it is put before the token")
    })
}

/// A text of a message in the syntax of other templates.
pub fn other_template(text: &str) -> Option<Mistake> {
    if let Some(open) = text.find("{%") {
        return Some(
            Mistake::new(open..open + 2, "`{%` is sent as it stands")
                .help("templates are Handlebars: `{{#if online}}…{{/if}}`"),
        );
    }
    let bytes = text.as_bytes();
    for (open, _) in text.match_indices('{') {
        let inside = open.checked_sub(1).is_some_and(|before| matches!(bytes[before], b'{' | b'$' | b'\\'));
        let Some(end) = text[open + 1..].find(['{', '}']).map(|end| open + 1 + end) else { break };
        let name = &text[open + 1..end];
        let is_path = name.contains('.')
            && name.split('.').all(|part| {
                part.starts_with(|c: char| c.is_ascii_lowercase())
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            });
        if !inside && is_path && bytes[end] == b'}' && bytes.get(end + 1) != Some(&b'}') {
            let what = format!("`{{{name}}}` is sent as it stands");
            return Some(
                Mistake::new(open..end + 1, what).help(format!("a name is written `{{{{{name}}}}}`")),
            );
        }
    }
    None
}

/// A pattern that is taken as a text or a glob, and was probably meant as a regex.
pub fn regex(pattern: &str) -> Option<Mistake> {
    if pattern.starts_with('/') || pattern.len() < 2 {
        return None;
    }
    let group = pattern.contains('(') && pattern.contains('|') && pattern.contains(')');
    let anchored = pattern.starts_with('^') || (pattern.ends_with('$') && !pattern.ends_with(" $"));
    let classes = [".*", ".+", "\\d", "\\w", "\\s", "\\b", "[a-z", "[A-Z", "[0-9", "[^", "(?"];
    if !(group || anchored || classes.iter().any(|class| pattern.contains(class))) {
        return None;
    }
    let what = format!("`{pattern}` looks like a regex, and is taken as a text");
    Some(Mistake::new(0..pattern.len(), what).help(format!("write `/{pattern}/i`")))
}

/// The first `$NAME`, as shells write it, that stands alone.
fn shell_variable(text: &str) -> Option<(usize, &str)> {
    text.match_indices('$').find_map(|(at, _)| {
        let alone = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let ends = rest[end..].chars().next().is_none_or(char::is_whitespace);
        (alone && ends && is_variable(&rest[..end])).then_some((at, &rest[..end]))
    })
}

/// Capital letters, as the environment's variables have them: a secret seldom looks like that.
fn is_variable(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_otherwise_is_told() {
        for text in ["a$$b", "$", "$pent", "pa$WORD", "{{", "{{a", "x"] {
            assert_eq!(unfilled(text), None, "{text}");
        }
        for text in
            ["{{user.name}}", "{a}", "{{{user.name}}}", "{1.5}x", "${file.x}", "{a.b", "\\{a.b}", "{A.b}"]
        {
            assert_eq!(other_template(text), None, "{text}");
        }
        for text in ["Counter*", "Half-Life 2?", "C++", "/x.*/", "[Beta] x", "(a) b", "US $", "$"] {
            assert_eq!(regex(text), None, "{text}");
        }
        assert!(bearer("bearer x").is_some() && bearer("bearertoken").is_none() && bearer("ab").is_none());
    }
}
