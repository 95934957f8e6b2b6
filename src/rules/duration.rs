//! Lengths of time and of bytes, as people write them: `10m`, `1h30m`, `500ms`, `64MiB`.

use std::time::Duration;

use super::mistake::Mistake;

/// The longest length of time a file may ask for: ten years.
const LONGEST: Duration = Duration::from_hours(24 * 3660);
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
const SIZES: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const EXAMPLES: &str = "write it like `90s`, `10m`, `1h30m` or `500ms`";

/// Reads `1h30m`. Each unit once or more, largest first or not; only zero needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, Mistake> {
    let all = 0..text.len();
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(Mistake::new(all, "a length of time is missing").help(EXAMPLES));
    }
    let (mut total_ms, mut last) = (0_u64, "");
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        if after.starts_with(':') {
            let why = format!("`{text}` is not a length of time");
            return Err(Mistake::new(all, why).help(clock_help(text)));
        }
        if after.starts_with(['.', ',']) {
            let why = format!("`{text}` is not made of whole numbers");
            return Err(Mistake::new(all, why).help("half an hour more is written `1h30m`"));
        }
        let after = after.trim_start();
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() {
            return Err(Mistake::new(all, format!("`{text}` is not a length of time")).help(EXAMPLES));
        }
        if unit.is_empty() && !last.is_empty() {
            // `1h30` is an hour and a half: the next smaller unit is meant.
            let next = match last {
                "w" => "d",
                "d" => "h",
                "h" => "m",
                "m" => "s",
                _ => "ms",
            };
            let help = format!("write `{}{next}`", text.trim());
            return Err(Mistake::new(all, format!("`{text}` has no unit at its end")).help(help));
        }
        if unit.is_empty() {
            let why = format!("`{text}` has no unit");
            return Err(Mistake::new(all, why).help(format!("`{number}s` are seconds, `{number}m` minutes")));
        }
        let Some((_, unit_ms)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(Mistake::new(all, format!("unknown unit `{unit}` in `{text}`")).help(unit_help(unit)));
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_ms));
        let sum = part.and_then(|part| total_ms.checked_add(part));
        total_ms = match sum {
            Some(sum) if sum <= LONGEST.as_millis() as u64 => sum,
            _ => return Err(Mistake::new(all, format!("`{text}` is longer than ten years"))),
        };
        last = unit;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// Reads `64MiB`, or a plain number of bytes.
pub fn parse_size(text: &str) -> Result<usize, Mistake> {
    let trimmed = text.trim();
    let unit = SIZES.iter().find(|(name, _)| trimmed.ends_with(name));
    let (number, factor) = match unit {
        Some((name, factor)) => (trimmed.trim_end_matches(name).trim_end(), *factor),
        None => (trimmed, 1),
    };
    number.parse::<usize>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(|| {
        Mistake::new(0..text.len(), format!("`{text}` is not a size"))
            .help("write it like `64MiB`, `512KiB`, or a number of bytes")
    })
}

/// A length of time in the largest units that say it exactly.
pub fn spell_duration(duration: Duration) -> String {
    let mut left = duration.as_millis() as u64;
    let mut spelled = String::new();
    for (unit, unit_ms) in UNITS.iter().rev().filter(|(unit, _)| *unit != "w") {
        if left >= *unit_ms {
            spelled.push_str(&(left / unit_ms).to_string());
            spelled.push_str(unit);
            left %= unit_ms;
        }
    }
    if spelled.is_empty() { "0".to_owned() } else { spelled }
}

/// `00:10:00`, as clocks show it.
fn clock_help(text: &str) -> String {
    let parts: Vec<Option<u64>> = text.trim().split(':').map(|part| part.parse().ok()).collect();
    let spelled = |seconds: u64| spell_duration(Duration::from_secs(seconds.min(LONGEST.as_secs())));
    match parts[..] {
        [Some(hours), Some(minutes), Some(seconds)] => {
            let seconds = hours
                .saturating_mul(3_600)
                .saturating_add(minutes.saturating_mul(60))
                .saturating_add(seconds);
            format!("write `{}`", spelled(seconds))
        }
        [Some(0), Some(minutes)] => format!("write `{}`", spelled(minutes.saturating_mul(60))),
        [Some(more), Some(less)] => {
            let less_than =
                |unit: u64| spelled(more.saturating_mul(unit * 60).saturating_add(less.saturating_mul(unit)));
            format!("write `{}`, or `{}`", less_than(60), less_than(1))
        }
        _ => EXAMPLES.to_owned(),
    }
}

fn unit_help(unit: &str) -> String {
    let meant = match unit.to_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        "msec" | "millis" | "milliseconds" => "ms",
        _ => return "units are `ms`, `s`, `m`, `h`, `d` and `w`".to_owned(),
    };
    format!("write `{meant}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("0s", Ok(0)),
            ("500ms", Ok(500)),
            ("90s", Ok(90_000)),
            ("1h30m", Ok(5_400_000)),
            ("1h 30m", Ok(5_400_000)),
            ("1d", Ok(86_400_000)),
            ("10", Err("`10` has no unit")),
            ("10 minutes", Err("unknown unit `minutes` in `10 minutes`")),
            ("10min", Err("unknown unit `min` in `10min`")),
            ("-5s", Err("`-5s` is not a length of time")),
            ("1.5h", Err("`1.5h` is not made of whole numbers")),
            ("", Err("a length of time is missing")),
            ("99999999999999999999s", Err("`99999999999999999999s` is longer than ten years")),
            ("11000000h", Err("`11000000h` is longer than ten years")),
        ] {
            let read = parse_duration(text).map(|duration| duration.as_millis()).map_err(|it| it.what);
            assert_eq!(read, expected.map_err(ToOwned::to_owned), "{text}");
        }
    }

    #[test]
    fn what_is_spelled_is_read_back() {
        for ms in [0, 1, 999, 1_000, 61_001, 5_400_000, 90_061_000, 604_800_000] {
            let spelled = spell_duration(Duration::from_millis(ms));
            assert_eq!(parse_duration(&spelled).unwrap().as_millis(), u128::from(ms), "{spelled}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64MiB").unwrap(), 64 << 20);
        assert_eq!(parse_size("1024").unwrap(), 1024);
        assert!(
            parse_size("64MB").is_err()
                && parse_size("big").is_err()
                && parse_size("99999999999GiB").is_err()
        );
    }
}
