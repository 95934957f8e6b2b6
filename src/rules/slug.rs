//! A text as a name for machines: small letters, digits and `_`.

/// Letters with marks, and those that are two in one, as they are commonly written without.
const PLAIN: &[(&str, &str)] = &[
    ("àáâãäåāăą", "a"),
    ("çćĉċč", "c"),
    ("ďđð", "d"),
    ("èéêëēĕėęě", "e"),
    ("ĝğġģ", "g"),
    ("ĥħ", "h"),
    ("ìíîïĩīĭįı", "i"),
    ("ĵ", "j"),
    ("ķ", "k"),
    ("ĺļľŀł", "l"),
    ("ñńņňŋ", "n"),
    ("òóôõöøōŏő", "o"),
    ("ŕŗř", "r"),
    ("śŝşšș", "s"),
    ("ţťŧț", "t"),
    ("ùúûüũūŭůűų", "u"),
    ("ŵ", "w"),
    ("ýÿŷ", "y"),
    ("źżž", "z"),
    ("æ", "ae"),
    ("œ", "oe"),
    ("ß", "ss"),
    ("þ", "th"),
];

/// `Bob Ä.` is `bob_a`. What has no letter of these at all is `unknown`, so that there is always a name.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if let Some((_, plain)) = PLAIN.iter().find(|(marked, _)| marked.contains(c)) {
            slug.push_str(plain);
        } else if !(slug.is_empty() || slug.ends_with('_') || is_mark(c)) {
            slug.push('_');
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    if slug.is_empty() { "unknown".to_owned() } else { slug }
}

/// A mark that stands after its letter.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn names_become_slugs() {
        for (text, expected) in [
            ("Bob", "bob"),
            ("Bob Ä.", "bob_a"),
            ("  --Straße 7/8  ", "strasse_7_8"),
            ("e\u{301}t\u{e9}", "ete"),
            ("日本", "unknown"),
            ("ada-2_x", "ada_2_x"),
            ("", "unknown"),
            ("İx", "ix"),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
    }
}
