//! HTML as chats read it, and what is left of it without its markup.

/// Tags after which a line ends.
const BREAKS: [&str; 6] = ["br", "/p", "/li", "/h", "/div", "/blockquote"];

/// What a reader would see: no tags but their line breaks, entities as what they stand for.
pub(super) fn without_markup(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_tag = rest[1..].starts_with(|c: char| c == '/' || c.is_ascii_alphabetic());
        match rest.find('>') {
            Some(end) if is_tag => {
                let name = rest[1..end].to_ascii_lowercase();
                if BREAKS.iter().any(|tag| name.starts_with(tag)) {
                    plain.push('\n');
                }
                rest = &rest[end + 1..];
            }
            _ => {
                plain.push('<');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    // `&amp;` last: `&amp;lt;` is a written `&lt;`.
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        plain = plain.replace(entity, letter);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_a_reader_sees() {
        for (html, plain) in [
            ("<b>a &lt; b</b> 1 < 2 &amp;lt;", "a < b 1 < 2 &lt;"),
            ("Ada&#39;s &quot;x&quot; &gt;", "Ada's \"x\" >"),
            ("<p>a</p><ul><li>b</li></ul>c<br/>d<BR>e", "a\nb\nc\nd\ne"),
            ("<a href=\"https://x\">y</a> <", "y <"),
        ] {
            assert_eq!(without_markup(html), plain, "{html}");
        }
    }
}
