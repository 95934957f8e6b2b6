//! Numbers and times as people say them.

pub use crate::printable::count;
pub use crate::time::date;

/// `3s`, `12m`, `5h`, `2d`: the age of something.
pub fn ago(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `in 12m`
pub fn within(ms: i64) -> String {
    format!("in {}", ago(ms.saturating_add(999)))
}

/// `812 B`, `3.4 KiB`, `1.2 MiB`, `2.0 GiB`.
pub fn bytes(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", tenths(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{} MiB", tenths(1 << 20)),
        _ => format!("{} GiB", tenths(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let spoken = [0, 59_999, 60_000, 3_599_999, 7_200_000, 172_800_000, -5].map(ago);
        assert_eq!(spoken, ["0s", "59s", "1m", "59m", "2h", "2d", "0s"]);
        assert_eq!([within(1), within(1000)], ["in 1s", "in 1s"]);
        let sizes = [0, 1023, 1024, 1_300_000, 5 << 30].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.2 MiB", "5.0 GiB"]);
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(i64::MAX), i64::MAX.to_string());
        assert_eq!([count(1, "rule", "rules"), count(0, "rule", "rules")], ["1 rule", "0 rules"]);
    }
}
