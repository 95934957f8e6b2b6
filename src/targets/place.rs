//! Where a text ends up: how strangers' words are made harmless there, and how much of the whole it takes.
//!
//! Cutting and escaping go together. A text is cut between two graphemes, so that no emoji is torn and no
//! escape is halved, at the last place at which the escaped whole and an ellipsis still fit.

use std::borrow::Cow;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use super::address;
use crate::rules::slug::slug;
use crate::rules::template::{Origin, Segment};

/// How interpolated values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    None,
    /// `&`, `<` and `>` as entities: without `<`, Slack reads no mention and no link.
    Slack,
    /// Backslashes before what Markdown reads (Discord's, ntfy's, Gotify's and Mattermost's).
    Markdown,
    /// Backslashes before the little of Markdown that an Adaptive Card reads: what it does not read, it would
    /// show with its backslash.
    Card,
    /// Entities for HTML and XML, quotes included.
    Html,
    /// As the inside of a JSON string.
    Json,
    /// Percent-encoded.
    Url,
    /// Small letters, digits and `_`, as Home Assistant names its entities.
    Slug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Chars,
    /// What JavaScript and many services count.
    Utf16,
}

/// A place for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub escape: Escape,
    pub max: usize,
    pub unit: Unit,
    /// Whether the limit counts what is read (an entity is one letter) or what is written.
    pub as_read: bool,
    /// People see it: marks that turn the direction of what follows are taken out.
    pub shown: bool,
    /// A space of no width parts `@` from what follows: a value mentions nobody.
    pub calls_nobody: bool,
    pub form: Form,
}

/// What may stand in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Lines,
    /// One line: breaks become spaces.
    Line,
    /// One line that means something as a whole, like an address: left out if it comes out empty.
    Word,
}

/// No place takes more.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

const ELLIPSIS: char = '…';

impl Place {
    const fn new(escape: Escape, shown: bool) -> Self {
        Self {
            escape,
            max: TEXT_BYTES_MAX,
            unit: Unit::Bytes,
            as_read: false,
            shown,
            calls_nobody: false,
            form: Form::Lines,
        }
    }

    /// For people's eyes.
    pub const fn shown(escape: Escape) -> Self {
        Self::new(escape, true)
    }

    /// For programs: as it is, but for control characters.
    pub const fn machine() -> Self {
        Self::new(Escape::None, false)
    }

    #[must_use]
    pub const fn bytes(self, max: usize) -> Self {
        Self { max, unit: Unit::Bytes, ..self }
    }

    #[must_use]
    pub const fn chars(self, max: usize) -> Self {
        Self { max, unit: Unit::Chars, ..self }
    }

    #[must_use]
    pub const fn utf16(self, max: usize) -> Self {
        Self { max, unit: Unit::Utf16, ..self }
    }

    #[must_use]
    pub const fn as_read(self) -> Self {
        Self { as_read: true, ..self }
    }

    #[must_use]
    pub const fn calling_nobody(self) -> Self {
        Self { calls_nobody: true, ..self }
    }

    #[must_use]
    pub const fn line(self) -> Self {
        Self { form: Form::Line, ..self }
    }

    #[must_use]
    pub const fn word(self) -> Self {
        Self { form: Form::Word, ..self }
    }

    /// The segments as one text: strangers' words escaped, the whole cut to the limit. Values from outside of the
    /// rules file are counted and not written.
    pub fn fit(self, segments: &[Segment]) -> Fit {
        if self.escape == Escape::Slug && segments.iter().any(|segment| segment.origin == Origin::Value) {
            // A name's letters are not escaped one by one: blanks at its ends are nothing at all.
            let slugs: Vec<Segment> = segments.iter().map(slugged).collect();
            return Self { escape: Escape::None, ..self }.fit(&slugs);
        }
        let mut fitted = Fitted::new(self);
        for segment in segments {
            if let Origin::Outside(name) = &segment.origin {
                if fitted.push_apart(name, &segment.text) {
                    continue;
                }
                fitted.cut();
                break;
            }
            let value = segment.origin == Origin::Value;
            let escape = if value { self.escape } else { Escape::None };
            let tamed = self.tame(segment);
            if fitted.push_whole(&tamed, escape, value && self.calls_nobody) {
                continue;
            }
            let mut graphemes = tamed.graphemes(true);
            if !graphemes.all(|grapheme| fitted.push(grapheme, escape, value && self.calls_nobody)) {
                fitted.cut();
                break;
            }
        }
        fitted.fit
    }

    /// What no place of this sort takes from anybody, `{{{triple}}}` or not.
    fn tame(self, segment: &Segment) -> Cow<'_, str> {
        let foreign = segment.origin != Origin::Literal;
        let turns = |c: char| foreign && self.shown && turns_direction(c);
        let breaks = |c: char| self.form != Form::Lines && c.is_control();
        if !segment.text.contains(|c| turns(c) || breaks(c)) {
            return segment.text.as_str().into();
        }
        let kept = segment.text.chars().filter(|c| !turns(*c));
        kept.map(|c| if breaks(c) { ' ' } else { c }).collect::<String>().into()
    }
}

fn slugged(segment: &Segment) -> Segment {
    let text = if segment.origin == Origin::Value { slug(&segment.text) } else { segment.text.clone() };
    Segment { text, origin: segment.origin.clone() }
}

/// A text that fits its place, without the values that belong into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    pub text: String,
    pub apart: Vec<Apart>,
}

/// A value from outside of the rules file that belongs into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// Where in the text without it.
    pub at: usize,
    pub name: Arc<str>,
    pub value: String,
    /// Whether it belongs into the inside of a JSON string, and is escaped for it.
    pub in_json: bool,
}

impl Fit {
    /// The text with its values.
    pub fn whole(&self) -> Cow<'_, str> {
        let mut whole = Cow::Borrowed(self.text.as_str());
        // From the end: what is put in moves nothing that comes before it.
        for Apart { at, value, .. } in self.apart.iter().rev() {
            whole.to_mut().insert_str(*at, value);
        }
        whole
    }
}

/// A text on its way into its place.
struct Fitted {
    place: Place,
    fit: Fit,
    used: usize,
    /// Bytes, those of values included.
    bytes: usize,
    /// Up to here, in letters and in values, an ellipsis still fits behind it.
    keep: (usize, usize),
}

impl Fitted {
    fn new(place: Place) -> Self {
        Self { place, fit: Fit::default(), used: 0, bytes: 0, keep: (0, 0) }
    }

    fn end(&self) -> (usize, usize) {
        (self.fit.text.len(), self.fit.apart.len())
    }

    /// Adds a value whole, or says that it does not fit.
    fn push_apart(&mut self, name: &Arc<str>, value: &str) -> bool {
        let at = self.fit.text.len();
        self.fit.apart.push(Apart { at, name: Arc::clone(name), value: value.to_owned(), in_json: false });
        self.counted(self.place.unit.count(value), value.len())
    }

    /// Adds a text that need not be cut, whatever comes behind it; false, and nothing is added, if it may have to be.
    fn push_whole(&mut self, text: &str, escape: Escape, calls_nobody: bool) -> bool {
        let (begun, used, bytes, keep) = (self.fit.text.len(), self.used, self.bytes, self.keep);
        let fits = self.push(text, escape, calls_nobody) && self.keep == self.end();
        if !fits {
            self.fit.text.truncate(begun);
            (self.used, self.bytes, self.keep) = (used, bytes, keep);
        }
        fits
    }

    /// Adds a grapheme; false if the limit is passed.
    fn push(&mut self, grapheme: &str, escape: Escape, calls_nobody: bool) -> bool {
        let begun = self.fit.text.len();
        let text = &mut self.fit.text;
        if escape == Escape::None && !calls_nobody {
            text.push_str(grapheme);
        } else {
            for c in grapheme.chars() {
                escape.push(c, text);
                if calls_nobody && c == '@' {
                    text.push('\u{200b}');
                }
            }
        }
        let written = &self.fit.text[begun..];
        let used = self.place.unit.count(if self.place.as_read { grapheme } else { written });
        self.counted(used, written.len())
    }

    /// Counts what was added; false if the limit is passed.
    fn counted(&mut self, used: usize, bytes: usize) -> bool {
        self.used += used;
        self.bytes += bytes;
        let fits = |used: usize| used <= self.place.max && self.bytes <= TEXT_BYTES_MAX;
        if fits(self.used + self.place.unit.count_char(ELLIPSIS)) {
            self.keep = self.end();
        }
        fits(self.used)
    }

    fn cut(&mut self) {
        let (text, apart) = self.keep;
        self.fit.text.truncate(text);
        self.fit.apart.truncate(apart);
        if self.place.unit.count_char(ELLIPSIS) <= self.place.max {
            self.fit.text.push(ELLIPSIS);
        }
    }
}

/// Cuts a text that is escaped already, in UTF-16 units, without leaving half an escape at its end.
pub(super) fn cut_written(text: &str, max: usize) -> String {
    let mut fitted = Fitted::new(Place::machine().utf16(max));
    let mut graphemes = text.graphemes(true);
    if !graphemes.all(|grapheme| fitted.push(grapheme, Escape::None, false)) {
        fitted.cut();
        let text = &mut fitted.fit.text;
        let body = text.trim_end_matches(ELLIPSIS);
        let backslashes = body.len() - body.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            let whole = body.len() - 1;
            text.replace_range(whole..=whole, "");
        }
    }
    fitted.fit.text
}

impl Unit {
    fn count(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }

    fn count_char(self, c: char) -> usize {
        self.count(c.encode_utf8(&mut [0; 4]))
    }
}

impl Escape {
    /// Writes one letter of a value.
    pub fn push(self, c: char, into: &mut String) {
        match (self, c) {
            (Self::Slack | Self::Html, '&') => into.push_str("&amp;"),
            (Self::Slack | Self::Html, '<') => into.push_str("&lt;"),
            (Self::Slack | Self::Html, '>') => into.push_str("&gt;"),
            (Self::Html, '"') => into.push_str("&quot;"),
            (Self::Html, '\'') => into.push_str("&#39;"),
            (
                Self::Markdown,
                '\\' | '`' | '*' | '_' | '~' | '|' | '<' | '>' | '[' | ']' | '(' | ')' | '#' | '-' | '+'
                | '!' | '{' | '}',
            )
            | (Self::Card, '\\' | '`' | '*' | '_' | '~' | '[' | ']') => {
                into.push('\\');
                into.push(c);
            }
            (Self::Json, '"') => into.push_str("\\\""),
            (Self::Json, '\\') => into.push_str("\\\\"),
            (Self::Json, '\n') => into.push_str("\\n"),
            (Self::Json, '\t') => into.push_str("\\t"),
            (Self::Url, _) => address::encode_char(c, into),
            _ => into.push(c),
        }
    }
}

/// Marks that make what follows run the other way, across the end of the value.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_taken_whole_is_the_same_as_one_taken_by_its_graphemes() {
        let said = [
            (Origin::Literal, "Ada & "),
            (Origin::Value, "<e\u{301}👩\u{200d}👧>@"),
            (Origin::Raw, "*"),
            (Origin::Value, "a_b"),
        ];
        let segments = said.map(|(origin, text)| Segment { text: text.to_owned(), origin });
        for escape in [Escape::None, Escape::Html, Escape::Markdown, Escape::Url] {
            for unit in [Unit::Bytes, Unit::Chars, Unit::Utf16] {
                for (max, as_read) in (0..80).flat_map(|max| [(max, false), (max, true)]) {
                    let place = Place { max, unit, as_read, ..Place::shown(escape).calling_nobody() };
                    let mut fitted = Fitted::new(place);
                    let mut graphemes = segments.iter().flat_map(|segment| {
                        let value = segment.origin == Origin::Value;
                        let escape = if value { escape } else { Escape::None };
                        segment.text.graphemes(true).map(move |grapheme| (grapheme, escape, value))
                    });
                    if !graphemes.all(|(grapheme, escape, value)| fitted.push(grapheme, escape, value)) {
                        fitted.cut();
                    }
                    assert_eq!(place.fit(&segments), fitted.fit, "{place:?}");
                }
            }
        }
    }
}
