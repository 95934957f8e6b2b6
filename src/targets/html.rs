//! HTML as chats read it, and what is left of it without its markup.

/// Tags after which a line ends.
const BREAKS: [&str; 6] = ["br", "/p", "/li", "/h", "/div", "/blockquote"];

/// What a reader would see: no tags, entities as what they stand for. With `lines`, tags that end a line do.
pub(super) fn without_markup(html: &str, lines: Lines) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_tag = rest[1..].starts_with(|c: char| c == '/' || c.is_ascii_alphabetic());
        match rest.find('>') {
            Some(end) if is_tag => {
                let name = rest[1..end].to_ascii_lowercase();
                if lines == Lines::ByTags && BREAKS.iter().any(|tag| name.starts_with(tag)) {
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

/// Where lines end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Where they are written, as in Telegram.
    AsWritten,
    /// After a `<br>`, a paragraph and the like, too.
    ByTags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_a_reader_sees() {
        for (html, as_written, by_tags) in [
            ("<b>a &lt; b</b> 1 < 2 &amp;lt;", "a < b 1 < 2 &lt;", "a < b 1 < 2 &lt;"),
            ("Ada&#39;s &quot;x&quot; &gt;", "Ada's \"x\" >", "Ada's \"x\" >"),
            ("<p>a</p><ul><li>b</li></ul>c<br/>d<BR>e", "abcde", "a\nb\nc\nd\ne"),
            ("<a href=\"https://x\">y</a> <", "y <", "y <"),
        ] {
            assert_eq!(without_markup(html, Lines::AsWritten), as_written);
            assert_eq!(without_markup(html, Lines::ByTags), by_tags);
        }
    }
}
