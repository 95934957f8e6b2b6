//! The picture of somebody's day: where each bar, mark and hour stands in it, and what is to be read there.
//!
//! Its width is that of a day, and stays so: where there is less room it is moved under one's finger. What is
//! narrower than a dot is drawn together with what is beside it, and says how much that is.

use serde_json::{Value, json};

use super::clockwork::{Clockwork, length, ms_of};
use crate::engine::diary::stretch::Lane;

/// In dots, as are all that follow: the hours, and the names beside them.
const WIDTH: f64 = 960.0;
/// A lane, and the bar in it.
const LANE: i32 = 28;
const BAR: i32 = 20;
/// What a mark is wide.
const MARK: f64 = 12.0;
/// A name is written in a bar that has room for some letters of it.
const LETTER: f64 = 7.5;
const LETTERS_MIN: usize = 4;
/// Of a mark that stands for many, so many rules are named.
const RULES_NAMED: usize = 5;
/// So many rows the table has: the latest.
const ROWS_MAX: usize = 200;
/// A label for so many hours.
const LABEL_HOURS: i8 = 3;

/// Where something lies, in time.
#[derive(Clone, Copy)]
struct Span {
    from_ms: i64,
    to_ms: i64,
}

struct Scale<'c> {
    clock: &'c Clockwork,
    whole: Span,
}

/// What is drawn as one.
struct Bar<'d> {
    span: Span,
    left: f64,
    right: f64,
    /// Nothing for several of different names.
    name: Option<&'d str>,
    parts: u64,
    goes_on: bool,
}

/// What is drawn and what stands in the table, made of an answer of the API.
pub fn picture(clock: &Clockwork, day: &Value) -> Value {
    let whole = span(day);
    let scale = Scale { clock, whole };
    let shown: Vec<&Value> =
        list(&day["lanes"]).iter().filter(|lane| !list(&lane["stretches"]).is_empty()).collect();
    let lanes = shown.iter().zip(1..).map(|(lane, row)| {
        let word = lane["lane"].as_str().unwrap_or_default();
        let bars = bars(&scale, list(&lane["stretches"]));
        json!({
            "lane": word,
            "y": row * LANE,
            "label_y": row * LANE + BAR - 5,
            "bars": bars.iter().map(|bar| drawn(&scale, word, bar)).collect::<Vec<_>>(),
        })
    });
    let lanes: Vec<Value> = lanes.collect();
    let base = (i32::try_from(lanes.len()).unwrap_or(0) + 1) * LANE;
    let mut rows = rows(day);
    let more_rows = rows.len().saturating_sub(ROWS_MAX);
    rows.drain(..more_rows);
    rows.reverse();
    json!({
        "why": null,
        "id": day["person"]["id"],
        "width": WIDTH,
        "height": base + LANE,
        "base": base,
        "bar": BAR,
        "hours": hours(&scale),
        "hours_y": base + BAR - 4,
        "unwatched": list(&day["unwatched"]).iter().map(|blind| {
            let span = span(blind);
            let left = scale.x(span.from_ms);
            json!({"x": round(left), "width": round((scale.x(span.to_ms) - left).max(1.0)), "title": scale.title("not watched", span)})
        }).collect::<Vec<_>>(),
        "lanes": lanes,
        "marks": marks(&scale, list(&day["marks"])),
        "rows": rows,
        "more_rows": more_rows,
        "kept_from": day["kept_from"],
        "more_marks": day["more_marks"],
    })
}

impl Scale<'_> {
    /// How far to the right a time is.
    fn x(&self, ms: i64) -> f64 {
        let Span { from_ms, to_ms } = self.whole;
        let part = (ms - from_ms) as f64 / (to_ms - from_ms).max(1) as f64;
        (part * WIDTH).clamp(0.0, WIDTH)
    }

    fn title(&self, what: &str, Span { from_ms, to_ms }: Span) -> String {
        let today = |ms| self.clock.written(ms, "%F") == self.clock.written(self.clock.now_ms, "%F");
        let time = |ms| self.clock.written(ms, if today(ms) { "%H:%M" } else { "%a %H:%M" });
        format!("{what}: {} to {} ({})", time(from_ms), time(to_ms), length(to_ms - from_ms))
    }
}

/// The stretches of a lane as they are drawn: those narrower than a dot together.
fn bars<'d>(scale: &Scale<'_>, stretches: &'d [Value]) -> Vec<Bar<'d>> {
    let mut bars: Vec<Bar<'d>> = Vec::new();
    for stretch in stretches {
        let span = span(stretch);
        let (left, right) = (scale.x(span.from_ms), scale.x(span.to_ms));
        let (narrow, left) = (right - left < 1.0, left.min(WIDTH - 1.0));
        let name = stretch["name"].as_str();
        let parts = stretch["parts"].as_u64().unwrap_or(1);
        let goes_on = stretch["goes_on"] == true;
        match bars.last_mut() {
            Some(last) if narrow && last.right - last.left <= 1.0 && left - last.right < 1.0 => {
                // It stays as wide as a dot.
                last.span.to_ms = last.span.to_ms.max(span.to_ms);
                last.parts += parts;
                last.name = last.name.filter(|last| name == Some(last));
                last.goes_on |= goes_on;
            }
            _ => bars.push(Bar { span, left, right: right.max(left + 1.0), name, parts, goes_on }),
        }
    }
    bars
}

fn drawn(scale: &Scale<'_>, lane: &str, bar: &Bar<'_>) -> Value {
    let width = bar.right - bar.left;
    // The status has its own colours, everything else that of its lane.
    let class = if lane == Lane::Status.word() { bar.name.unwrap_or("several") } else { lane };
    let what = match (bar.name, bar.parts) {
        (Some(name), 1) => name.to_owned(),
        (Some(name), parts) => format!("{name}, {parts} short ones"),
        (None, parts) => format!("{parts} short ones"),
    };
    let letters = (width / LETTER) as usize;
    let text = bar.name.filter(|_| letters >= LETTERS_MIN).map(|name| shortened(name, letters));
    json!({
        "x": round(bar.left),
        "width": round(width),
        "class": class,
        "title": scale.title(&what, bar.span),
        "text": text,
        "text_x": round(bar.left + 4.0),
    })
}

fn shortened(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

/// What rang; marks that would cover each other are one.
fn marks(scale: &Scale<'_>, marks: &[Value]) -> Vec<Value> {
    let mut drawn: Vec<(f64, Vec<&Value>)> = Vec::new();
    for mark in marks {
        let x = scale.x(ms(&mark["at"])).clamp(MARK / 2.0, WIDTH - MARK / 2.0);
        match drawn.last_mut() {
            Some((last, together)) if x - *last < MARK => together.push(mark),
            _ => drawn.push((x, vec![mark])),
        }
    }
    let drawn = drawn.into_iter().map(|(x, together)| {
        let states = together.iter().flat_map(|mark| list(&mark["deliveries"])).map(|sent| &sent["state"]);
        let worst = states.filter_map(Value::as_str).max_by_key(|state| {
            ["delivered", "dry-run", "pending", "expired", "dead"].iter().position(|known| known == state)
        });
        let first = together[0];
        let time = |mark: &Value| scale.clock.written(ms(&mark["at"]), "%H:%M:%S");
        let title = match together.as_slice() {
            [mark] => {
                let sent = list(&mark["deliveries"]).iter().map(|sent| {
                    format!(
                        "{} {}",
                        sent["target"].as_str().unwrap_or_default(),
                        sent["state"].as_str().unwrap_or_default()
                    )
                });
                let sent = sent.collect::<Vec<_>>().join(", ");
                format!("{} rang at {}: {sent}", mark["rule"].as_str().unwrap_or_default(), time(mark))
            }
            several => {
                let mut rules: Vec<&str> = several.iter().filter_map(|mark| mark["rule"].as_str()).collect();
                rules.sort_unstable();
                rules.dedup();
                let more = if rules.len() > RULES_NAMED { ", …" } else { "" };
                rules.truncate(RULES_NAMED);
                format!("rang {} times from {} on: {}{more}", several.len(), time(first), rules.join(", "))
            }
        };
        json!({
            "x": round(x),
            "count": if together.len() > 1 { json!(together.len()) } else { Value::Null },
            "state": worst,
            "delivery": list(&first["deliveries"]).first().map(|sent| &sent["number"]),
            "title": title,
        })
    });
    drawn.collect()
}

/// The hours of the clock on the wall, however many the day has.
fn hours(scale: &Scale<'_>) -> Vec<Value> {
    const QUARTER_MS: i64 = 15 * 60 * 1000;
    let Span { from_ms, to_ms } = scale.whole;
    let first = from_ms.div_euclid(QUARTER_MS) + 1;
    let quarters = (first..).map(|quarter| quarter * QUARTER_MS).take_while(|&ms| ms <= to_ms);
    let hour = |ms| {
        let local = scale.clock.local(ms)?;
        if local.minute() != 0 {
            return None;
        }
        let midnight = local.hour() == 0;
        let label = (local.hour() % LABEL_HOURS == 0)
            .then(|| scale.clock.written(ms, if midnight { "%a %-d" } else { "%H:%M" }));
        let x = scale.x(ms);
        let inside = (24.0..WIDTH - 24.0).contains(&x);
        Some(json!({"x": round(x), "label": label.filter(|_| inside), "midnight": midnight}))
    };
    quarters.filter_map(hour).collect()
}

/// The same as a table, in order of time: what lasted, when nobody watched, and what rang.
fn rows(day: &Value) -> Vec<Value> {
    let row = |what: &Value, stretch: &Value, unwatched: &Value, mark: &Value| json!({"what": what, "stretch": stretch, "unwatched": unwatched, "mark": mark});
    let mut rows: Vec<(i64, Value)> = Vec::new();
    for lane in list(&day["lanes"]) {
        for stretch in list(&lane["stretches"]) {
            rows.push((ms(&stretch["from"]), row(&lane["lane"], stretch, &Value::Null, &Value::Null)));
        }
    }
    for span in list(&day["unwatched"]) {
        rows.push((ms(&span["from"]), row(&json!("not watched"), &Value::Null, span, &Value::Null)));
    }
    for mark in list(&day["marks"]) {
        rows.push((ms(&mark["at"]), row(&json!("rang"), &Value::Null, &Value::Null, mark)));
    }
    rows.sort_by_key(|(ms, _)| *ms);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn ms(time: &Value) -> i64 {
    ms_of(time).unwrap_or(0)
}

fn span(value: &Value) -> Span {
    Span { from_ms: ms(&value["from"]), to_ms: ms(&value["to"]) }
}

/// To a tenth of a dot.
fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::time::date;

    const HOUR_MS: i64 = 3_600_000;

    fn clock(zone: &str, now: &str) -> Clockwork {
        let now_ms = now.parse::<Timestamp>().unwrap().as_millisecond();
        Clockwork { now_ms, zone: TimeZone::get(zone).unwrap() }
    }

    /// A day with these lanes, each stretch by its name and its seconds before the end.
    fn day(clock: &Clockwork, lanes: &[(&str, &[(Option<&str>, f64, f64)])], marks: &Value) -> Value {
        let before = |seconds: f64| date(clock.now_ms - (seconds * 1000.0) as i64);
        let stretch = |(name, from, to): &(Option<&str>, f64, f64)| json!({"name": name, "from": before(*from), "to": before(*to), "goes_on": *to == 0.0, "parts": 1});
        let lanes = lanes.iter().map(|(lane, stretches)| {
            json!({"lane": lane, "stretches": stretches.iter().map(stretch).collect::<Vec<_>>()})
        });
        json!({
            "person": {"id": "5"},
            "from": date(clock.now_ms - 24 * HOUR_MS),
            "to": date(clock.now_ms),
            "kept_from": null,
            "lanes": lanes.collect::<Vec<_>>(),
            "unwatched": [{"from": before(86_400.0), "to": before(43_200.0)}],
            "marks": marks,
            "more_marks": false,
        })
    }

    #[test]
    fn bars_stand_where_they_were() {
        let clock = clock("UTC", "2026-11-27T12:00:00Z");
        let stretches = [(Some("online"), 43_200.0, 3600.0), (Some("dnd"), 3600.0, 0.0)];
        let drawn = picture(&clock, &day(&clock, &[("status", &stretches), ("playing", &[])], &json!([])));
        let lanes = drawn["lanes"].as_array().unwrap();
        assert_eq!(lanes.len(), 1, "an empty lane is not drawn");
        let bars = &lanes[0]["bars"];
        assert_eq!((&bars[0]["x"], &bars[0]["width"]), (&json!(480.0), &json!(440.0)));
        assert_eq!(bars[0]["title"], "online: 00:00 to 11:00 (11 h)");
        assert_eq!(
            (&bars[1]["x"], &bars[1]["class"], &bars[1]["text"]),
            (&json!(920.0), &json!("dnd"), &json!("dnd"))
        );
        assert_eq!(
            (&drawn["unwatched"][0]["x"], &drawn["unwatched"][0]["width"]),
            (&json!(0.0), &json!(480.0))
        );
        assert_eq!(drawn["rows"].as_array().unwrap().len(), 3);
        assert_eq!(drawn["rows"][0]["stretch"]["name"], "dnd", "the latest first");
    }

    #[test]
    fn what_is_narrower_than_a_dot_is_drawn_together_and_counted() {
        let clock = clock("UTC", "2026-11-27T12:00:00Z");
        let flapping: Vec<(Option<&str>, f64, f64)> = (0..20_000)
            .map(|n| (Some(["online", "idle"][n % 2]), f64::from(n as u32) + 1.0, f64::from(n as u32)))
            .rev()
            .collect();
        let same: Vec<(Option<&str>, f64, f64)> =
            (0..10).map(|n| (Some("Braid"), f64::from(n) + 0.5, f64::from(n))).rev().collect();
        let drawn = picture(&clock, &day(&clock, &[("status", &flapping), ("playing", &same)], &json!([])));
        let bars = drawn["lanes"][0]["bars"].as_array().unwrap();
        assert!(bars.len() < 20_000 / 85, "{}", bars.len());
        assert!(bars[1]["title"].as_str().unwrap().contains(" short ones: "), "{}", bars[1]);
        assert_eq!(bars[1]["class"], "several");
        let title = drawn["lanes"][1]["bars"][0]["title"].as_str().unwrap();
        assert!(title.starts_with("Braid, 10 short ones: "), "{title}");
        assert_eq!(drawn["rows"].as_array().unwrap().len(), ROWS_MAX);
        assert_eq!(drawn["more_rows"], 20_000 + 10 + 1 - ROWS_MAX);
    }

    #[test]
    fn marks_that_cover_each_other_are_one_in_the_colour_of_the_worst() {
        let clock = clock("UTC", "2026-11-27T12:00:00Z");
        let mark = |seconds: i64, number: i64, state: &str| {
            json!({
                "rule": "r",
                "at": date(clock.now_ms - seconds * 1000),
                "deliveries": [{"number": number, "target": "api", "state": state}],
            })
        };
        let marks = json!([
            mark(7200, 1, "delivered"),
            mark(60, 2, "delivered"),
            mark(50, 3, "dead"),
            mark(0, 4, "pending")
        ]);
        let drawn = picture(&clock, &day(&clock, &[], &marks));
        let marks = drawn["marks"].as_array().unwrap();
        assert_eq!(marks.len(), 2, "{marks:?}");
        assert_eq!(marks[0]["title"], "r rang at 10:00:00: api delivered");
        assert_eq!((&marks[0]["count"], &marks[0]["delivery"]), (&Value::Null, &json!(1)));
        assert_eq!(marks[1]["title"], "rang 3 times from 11:59:00 on: r");
        assert_eq!((&marks[1]["count"], &marks[1]["state"]), (&json!(3), &json!("dead")));
    }

    #[test]
    fn a_day_has_the_hours_of_its_time_zone() {
        let labels = |zone: &str, now: &str| {
            let clock = clock(zone, now);
            let drawn = picture(&clock, &day(&clock, &[], &json!([])));
            let hours = drawn["hours"].as_array().unwrap();
            let told = hours.iter().filter_map(|hour| hour["label"].as_str()).collect::<Vec<_>>().join(" ");
            (hours.len(), told)
        };
        assert_eq!(
            labels("Europe/Berlin", "2026-11-27T11:50:00Z"),
            (24, "15:00 18:00 21:00 Fri 27 03:00 06:00 09:00 12:00".to_owned())
        );
        // The hour from two to three comes twice, or not at all.
        let (_, autumn) = labels("Europe/Berlin", "2026-10-25T11:50:00Z");
        assert_eq!(autumn, "15:00 18:00 21:00 Sun 25 03:00 06:00 09:00 12:00");
        let (_, spring) = labels("Europe/Berlin", "2026-03-29T10:50:00Z");
        assert_eq!(spring, "15:00 18:00 21:00 Sun 29 03:00 06:00 09:00 12:00");
        assert_eq!(
            labels("Asia/Kathmandu", "2026-11-27T11:30:00Z").0,
            24,
            "a quarter past a whole hour of UTC"
        );
    }
}
