//! Times of day and days of the week, as people write them.

use jiff::civil::Time;

use crate::rules::elsewhere::{DAYS as ELSEWHERE, as_list, instead};
use crate::rules::mistake::{Mistake, nearest};

/// Monday first.
const DAYS: [(&str, &str); 7] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];
/// Several days in one word.
const SPANS: [(&str, usize, usize); 2] = [("weekdays", 0, 4), ("weekends", 5, 6)];

/// Reads `9:00` or `09:00`; `None` is the day's end, `24:00`.
pub fn time(text: &str) -> Result<Option<Time>, Mistake> {
    let trimmed = text.trim();
    if trimmed == "24:00" {
        return Ok(None);
    }
    let digits = |part: &str, most: usize| {
        let plain = (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<i8>().ok()).flatten()
    };
    let exact = trimmed
        .split_once(':')
        .filter(|(_, minute)| minute.len() == 2)
        .and_then(|(hour, minute)| Time::new(digits(hour, 2)?, digits(minute, 2)?, 0, 0).ok());
    exact.map(Some).ok_or_else(|| {
        let mistake = Mistake::new(0..text.len(), format!("`{text}` is not a time of day"));
        mistake.help(match loose_time(trimmed) {
            Some(time) => format!("write `\"{time}\"`"),
            None => "write it like `\"09:00\"` or `\"23:30\"`".to_owned(),
        })
    })
}

/// What is meant by `9`, `9am`, `9.30`, `21h`, `9:00 pm`, `09:00:00`, `noon`.
pub fn loose_time(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    match text.as_str() {
        "noon" | "midday" => return Some("12:00".to_owned()),
        "midnight" => return Some("00:00".to_owned()),
        _ => {}
    }
    let (rest, half) = match text.strip_suffix("am").or_else(|| text.strip_suffix("a.m.")) {
        Some(rest) => (rest, Some(0)),
        None => match text.strip_suffix("pm").or_else(|| text.strip_suffix("p.m.")) {
            Some(rest) => (rest, Some(12)),
            None => (text.trim_end_matches("uhr").trim_end_matches('h'), None),
        },
    };
    let mut parts = rest.trim().split([':', '.', 'h']);
    let hour: i8 = parts.next()?.trim().parse().ok()?;
    let minute: i8 = parts.next().map_or(Some(0), |minute| minute.trim().parse().ok())?;
    if parts.next().is_some_and(|seconds| seconds.parse() != Ok(0)) || parts.next().is_some() {
        return None;
    }
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    let time = Time::new(hour, minute, 0, 0).ok()?;
    Some(format!("{:02}:{:02}", time.hour(), time.minute()))
}

/// Reads `mon`, `monday`, `mon..fri`, `weekdays` or `weekends`, and marks the days.
pub fn days(text: &str, marked: &mut [bool; 7]) -> Result<(), Mistake> {
    let word = text.trim().to_lowercase();
    if let Some((_, first, last)) = SPANS.iter().find(|(name, ..)| *name == word) {
        marked[*first..=*last].fill(true);
        return Ok(());
    }
    let (first, last) = match word.split_once("..") {
        Some((first, last)) => (day(first), day(last.trim_start_matches('.'))),
        None => (day(&word), day(&word)),
    };
    let (Some(first), Some(last)) = (first, last) else { return Err(no_day(text)) };
    // `sat..mon` goes on into the next week.
    for step in 0..=(last + 7 - first) % 7 {
        marked[(first + step) % 7] = true;
    }
    Ok(())
}

fn day(word: &str) -> Option<usize> {
    let word = word.trim();
    DAYS.iter().position(|(short, long)| word == *short || word == *long)
}

fn no_day(text: &str) -> Mistake {
    let mistake = Mistake::new(0..text.len(), format!("`{text}` is not a day"));
    let dashed = || {
        let (first, last) = text.split_once(['-', '–'])?;
        let short = |word: &str| Some(DAYS[day(&word.to_lowercase())?].0);
        Some(format!("write `{}..{}`", short(first)?, short(last)?))
    };
    let known = DAYS.iter().flat_map(|(short, long)| [*short, *long]).chain(SPANS.iter().map(|span| span.0));
    let help = as_list(text)
        .or_else(dashed)
        .or_else(|| instead(ELSEWHERE, text))
        .or_else(|| nearest(text, known).map(|near| format!("did you mean `{near}`?")));
    mistake.help(help.unwrap_or_else(|| {
        "days are `mon` to `sun`, spans like `mon..fri`, `weekdays` and `weekends`".to_owned()
    }))
}
