//! A message told to a target of another kind: its title and its text, without their form.
//!
//! What was written for one service's markup is none in another's, so all of it is escaped for its new place like a
//! stranger's words; tags of HTML are taken out before. Only what came from outside of the rules file stays as it is:
//! in no other form could it be kept out of the outbox.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::filled::{self, VALUE_BYTES_MIN, Values};
use super::html::without_markup;
use super::message::{Message, Part};
use super::place::Escape;
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
        if has_title {
            let title = place("title").fit(&title);
            if !title.trim().is_empty() {
                parts.insert("title".to_owned(), Value::from(title));
            }
        } else if is_blank(&text) {
            text = title;
        } else if !is_blank(&title) {
            let line = Segment { text: "\n".to_owned(), origin: Origin::Literal };
            text = title.into_iter().chain([line]).chain(text).collect();
        }
        parts.insert(main.to_owned(), Value::from(place(main).fit(&text)));
        filled::take_out(&mut parts, &self.values);
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
                plain(&template.render(scope), place.escape == Escape::Html, &self.values)
            }
            _ => Vec::new(),
        }
    }
}

fn is_blank(segments: &[Segment]) -> bool {
    segments.iter().all(|segment| segment.text.trim().is_empty())
}

/// All words as a stranger's, but for values from outside.
fn plain(segments: &[Segment], html: bool, values: &Values) -> Vec<Segment> {
    let mut secrets: Vec<&SecretString> =
        values.values().filter(|value| value.expose_secret().len() >= VALUE_BYTES_MIN).collect();
    secrets.sort_by_key(|value| std::cmp::Reverse(value.expose_secret().len()));
    let mut text = String::new();
    for Segment { text: written, origin } in segments {
        let mut written: String = written.chars().filter(|c| !HOLES.contains(c)).collect();
        if *origin == Origin::Literal {
            let mut holes = HOLES;
            for secret in &secrets {
                // Of more values than there are holes, the shortest are left out.
                let hole = holes.next().map_or_else(String::new, String::from);
                written = written.replace(secret.expose_secret(), &hole);
            }
        }
        let escape = if html && *origin == Origin::Value { Escape::Html } else { Escape::None };
        written.chars().for_each(|c| escape.push(c, &mut text));
    }
    if html {
        text = without_markup(&text);
    }
    let mut told = vec![Segment { text: String::new(), origin: Origin::Value }];
    for c in text.chars() {
        if HOLES.contains(&c) {
            let nth = u32::from(c) - u32::from(*HOLES.start());
            let secret = usize::try_from(nth).ok().and_then(|nth| secrets.get(nth));
            let text = secret.map_or_else(String::new, |secret| secret.expose_secret().to_owned());
            told.push(Segment { text, origin: Origin::Literal });
            told.push(Segment { text: String::new(), origin: Origin::Value });
        } else if let Some(last) = told.last_mut() {
            last.text.push(c);
        }
    }
    told
}
