//! A message told to a target of another kind: its title and its text, without their form.
//!
//! What was written for one service's markup is none in another's, so all of it is escaped for its new place like a
//! stranger's words; tags of HTML are taken out before. Only what came from outside of the rules file stays as it is:
//! in no other form could it be kept out of the outbox.

use serde_json::{Map, Value};

use super::filled::{Filled, Step};
use super::html::without_markup;
use super::message::{Message, Part};
use super::place::{Escape, Fit};
use super::{EVENT, Kind, Main, phrase};
use crate::outbox::delivery::Parts;
use crate::rules::scope::Scope;
use crate::rules::template::{Origin, Segment};

/// Stand for values from outside while the text around them changes. Unicode has set these aside as letters that no
/// text has.
const HOLES: std::ops::RangeInclusive<char> = '\u{fdd0}'..='\u{fdef}';

impl Message {
    /// The message as a target of another kind can be told it: the default event where that is what the kind takes.
    pub fn retell(&self, kind: &Kind, scope: &Scope<'_>) -> Parts {
        let mut parts = Parts::new();
        let Main::Text { part: main, .. } = kind.main else {
            parts.insert(EVENT.to_owned(), phrase::event(scope));
            return parts;
        };
        let place = |part: &str| (kind.place)(&[part], &Map::new());
        let (title, mut text) = (self.told("title", scope), self.main_told(scope));
        let has_title = kind.parts.iter().any(|key| key.name == "title");
        if is_blank(&text) && (has_title || is_blank(&title)) {
            text = phrase::of(scope);
        }
        let mut apart = Filled::default();
        let mut tell = |part: &'static str, fit: Fit| {
            apart.below(Step::Key(part), |apart| apart.here(&fit));
            parts.insert(part.to_owned(), Value::from(fit.text));
        };
        if has_title {
            let title = place("title").fit(&title);
            if !title.whole().trim().is_empty() {
                tell("title", title);
            }
        } else if is_blank(&text) {
            text = title;
        } else if !is_blank(&title) {
            let line = Segment { text: "\n".to_owned(), origin: Origin::Literal };
            text = title.into_iter().chain([line]).chain(text).collect();
        }
        tell(main, place(main).fit(&text));
        apart.note(&mut parts);
        parts
    }

    /// The first of the parts that carry the message which is a text.
    fn main_told(&self, scope: &Scope<'_>) -> Vec<Segment> {
        let Main::Text { part, instead } = self.main else { return Vec::new() };
        let mut told = std::iter::once(&part).chain(instead).map(|part| self.told(part, scope));
        told.find(|segments| !is_blank(segments)).unwrap_or_default()
    }

    /// A text part as plain words; nothing if the message has none of that name.
    fn told(&self, name: &str, scope: &Scope<'_>) -> Vec<Segment> {
        match self.parts.iter().find(|(part, _)| *part == name) {
            Some((_, Part::Text { template, place, .. })) => {
                plain(&template.render(scope), place.escape == Escape::Html)
            }
            _ => Vec::new(),
        }
    }
}

fn is_blank(segments: &[Segment]) -> bool {
    segments.iter().all(|segment| segment.text.trim().is_empty())
}

/// All words as a stranger's, but for values from outside.
fn plain(segments: &[Segment], html: bool) -> Vec<Segment> {
    let (mut text, mut values) = (String::new(), Vec::new());
    for segment in segments {
        if matches!(segment.origin, Origin::Outside(_)) {
            // Of more values than there are holes, the last are left out.
            text.extend(HOLES.clone().nth(values.len()));
            values.push(segment);
            continue;
        }
        let escape = if html && segment.origin == Origin::Value { Escape::Html } else { Escape::None };
        segment.text.chars().filter(|c| !HOLES.contains(c)).for_each(|c| escape.push(c, &mut text));
    }
    if html {
        text = without_markup(&text);
    }
    let words = |text: &str| Segment { text: text.to_owned(), origin: Origin::Value };
    let (mut told, mut rest) = (Vec::new(), text.as_str());
    while let Some((at, hole)) = rest.char_indices().find(|(_, c)| HOLES.contains(c)) {
        told.push(words(&rest[..at]));
        told.extend(
            HOLES.clone().position(|c| c == hole).and_then(|nth| values.get(nth)).map(|&value| value.clone()),
        );
        rest = &rest[at + hole.len_utf8()..];
    }
    told.push(words(rest));
    told
}
