//! `active` as it is written.

use jiff::civil::Time;

use super::clock;
use super::{Active, Otherwise, To, Window};
use crate::rules::diagnostic::Problem;
use crate::rules::elsewhere::{self, instead};
use crate::rules::keys::{self, OTHERWISE};
use crate::rules::reading::{Allowed, Fields, Reader};
use crate::rules::tree::{Entry, Node, Value};

const WINDOWS_MAX: usize = 32;

impl Active {
    /// One window, or a list of them.
    pub fn read(entry: &Entry, reader: &mut Reader<'_>) -> Option<Self> {
        let before = reader.problems.errors();
        if let Value::Scalar(scalar) = &entry.value.value
            && !entry.value.is_nothing()
        {
            let help = format!("write `active: {}`", in_short(&scalar.text));
            reader.wrong_kind_but("active", &entry.value, "a mapping", Some(help));
            return None;
        }
        let items = reader.list(&entry.value);
        if items.len() > WINDOWS_MAX {
            reader.problems.too_many(entry.key_at, "windows of one rule", WINDOWS_MAX);
            return None;
        }
        if items.is_empty() {
            reader.wrong_kind("active", &entry.value, "a mapping");
        }
        let mut otherwise: Option<&'static str> = None;
        let mut windows = Vec::with_capacity(items.len());
        for item in items {
            let fields = reader.mapping("active", item);
            let other = |key: &str| instead(elsewhere::ACTIVE, key);
            reader.check_keys(fields, &Allowed::fixed("`active`", keys::ACTIVE, &other));
            windows.extend(window(item, fields, reader));
            if let Some(it) = fields.get("otherwise")
                && let Some(word) = reader.choice("otherwise", &it.value, &OTHERWISE)
                && *otherwise.get_or_insert(word) != word
            {
                let what = "`otherwise` is one for all windows of a rule, and they differ";
                reader.problems.add(Problem::error(it.value.at, what).help("write it once"));
            }
        }
        let otherwise = if otherwise == Some("defer") { Otherwise::Defer } else { Otherwise::Drop };
        (reader.problems.errors() == before && !entry.value.is_broken())
            .then_some(Self { windows, otherwise })
    }
}

fn window(node: &Node, fields: Fields<'_>, reader: &mut Reader<'_>) -> Option<Window> {
    if ["days", "from", "to"].iter().all(|key| fields.get(key).is_none()) {
        if node.entries().is_some() {
            let at = reader.source.first_line_of(node.at);
            let problem = Problem::error(at, "`active` says neither on which days nor at what time");
            reader.problems.add(problem.help("write `{days: [mon..fri], from: \"09:00\", to: \"17:00\"}`"));
        }
        return None;
    }
    let days = fields.get("days").map(|it| days(it, reader));
    let mut time = |key: &str| fields.get(key).map(|it| (it, time(it, reader)));
    let (from, to) = (time("from"), time("to"));
    let midnight = Time::midnight();
    let begin = match from {
        None => midnight,
        Some((it, Some(None))) => {
            let problem = Problem::error(it.value.at, "nothing begins at the end of a day");
            reader.problems.add(problem.help("write `from: \"00:00\"`"));
            return None;
        }
        Some((_, read)) => read??,
    };
    let end = match to {
        None | Some((_, Some(None))) => To::Midnight,
        Some((it, Some(Some(end)))) if end == begin => {
            let problem = Problem::error(it.value.at, "`from` and `to` are the same time");
            reader.problems.add(problem.help("for the whole day leave both out"));
            return None;
        }
        Some((_, Some(Some(end)))) if end == midnight => To::Midnight,
        Some((_, Some(Some(end)))) if end < begin => To::NextDay(end),
        Some((_, Some(Some(end)))) => To::SameDay(end),
        Some((_, None)) => return None,
    };
    Some(Window { days: days.unwrap_or([true; 7]), from: begin, to: end })
}

fn days(entry: &Entry, reader: &mut Reader<'_>) -> [bool; 7] {
    let mut marked = [false; 7];
    let items = reader.list(&entry.value);
    if items.is_empty() && !entry.value.is_broken() {
        let what = "`days` names no day, so the rule can never ring";
        reader.problems.unreachable(entry.key_at, what, "name days, or leave `days` out");
    }
    for item in items {
        let Some(name) = reader.name("days", item) else { continue };
        if let Err(mistake) = clock::days(name.text, &mut marked) {
            reader.problems.add(Problem::from_mistake(name.at, mistake));
        }
    }
    marked
}

/// The outer `None` is a mistake, the inner one the end of the day.
#[expect(clippy::option_option, reason = "a mistake that was told, and the end of the day, are two things")]
fn time(entry: &Entry, reader: &mut Reader<'_>) -> Option<Option<Time>> {
    let scalar = reader.text(&entry.key, &entry.value)?;
    let read = clock::time(&scalar.text);
    read.map_err(|mistake| reader.problems.add(Problem::from_mistake(entry.value.at, mistake))).ok()
}

/// What `9-17`, `09:00 - 17:00` and `weekdays` are here; an example of anything else.
fn in_short(text: &str) -> String {
    let hours =
        text.split_once(['-', '–']).or_else(|| text.split_once("..")).or_else(|| text.split_once(" to "));
    let hours = hours.and_then(|(from, to)| Some((clock::loose_time(from)?, clock::loose_time(to)?)));
    match hours {
        Some((from, to)) => format!("{{from: \"{from}\", to: \"{to}\"}}"),
        None if clock::days(text, &mut [false; 7]).is_ok() => format!("{{days: {}}}", text.trim()),
        None => "{days: [mon..fri], from: \"09:00\", to: \"17:00\"}".to_owned(),
    }
}
