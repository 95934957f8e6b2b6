//! `limit`: so many firings of a rule for a person in any stretch of time.

use std::time::Duration;

use crate::rules::diagnostic::Problem;
use crate::rules::duration::parse_duration;
use crate::rules::elsewhere::{self, instead};
use crate::rules::keys;
use crate::rules::reading::{Allowed, Fields, Reader};
use crate::rules::spec::KEPT_MAX;
use crate::rules::tree::{Entry, Value};

/// The time of each firing is kept.
const COUNT_MAX: usize = 1_000;
const PER_LEAST: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub count: usize,
    pub per: Duration,
}

impl Limit {
    pub fn read(entry: &Entry, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Scalar(scalar) = &entry.value.value
            && !entry.value.is_nothing()
        {
            let help = format!("write `limit: {}`", in_short(&scalar.text));
            reader.wrong_kind_but("limit", &entry.value, "a mapping", Some(help));
            return None;
        }
        let fields = reader.mapping("limit", &entry.value);
        let other = |key: &str| instead(elsewhere::LIMIT, key);
        reader.check_keys(fields, &Allowed::fixed("`limit`", keys::LIMIT, &other));
        let needed = |fields: Fields<'_>, key: &str, reader: &mut Reader<'_>| {
            if fields.get(key).is_none() && !entry.value.is_broken() {
                let help = "write `limit: {count: 5, per: 1h}`";
                reader.problems.missing_key(entry.key_at, key, "`limit`", help);
            }
        };
        needed(fields, "count", reader);
        needed(fields, "per", reader);
        let count = fields.get("count").and_then(|it| {
            if it.value.scalar().is_some_and(|scalar| scalar.text.trim() == "0") {
                let what = "a rule that may ring 0 times never rings";
                let help = "`enabled: false` rests a rule";
                reader.problems.add(Problem::error(it.value.at, what).help(help));
                return None;
            }
            reader.number("count", &it.value, 1, COUNT_MAX)
        });
        let per =
            fields.get("per").and_then(|it| reader.duration_within("per", &it.value, PER_LEAST, KEPT_MAX));
        Some(Self { count: count?, per: per? })
    }
}

/// What `5/h`, `5 per 10m` and the like are here; an example of anything else.
fn in_short(text: &str) -> String {
    let read = || {
        let text = text.trim().to_lowercase();
        let (count, per) = text.split_once('/').or_else(|| text.split_once(" per "))?;
        let count = count.trim().parse::<usize>().ok()?;
        let per = per.trim();
        let unit = match per {
            "s" | "sec" | "second" => "1s",
            "m" | "min" | "minute" => "1m",
            "h" | "hour" => "1h",
            "d" | "day" => "1d",
            "w" | "week" => "1w",
            per => parse_duration(per).ok().map(|_| per)?,
        };
        Some(format!("{{count: {count}, per: {unit}}}"))
    };
    read().unwrap_or_else(|| "{count: 5, per: 1h}".to_owned())
}
