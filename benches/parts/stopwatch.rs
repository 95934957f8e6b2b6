//! How long something took, by the time that this thread was on a core: others may be busy meanwhile.

use std::time::{Duration, Instant};

/// Runs `one` so many times, after a tenth of that for warmth; it is given its number. Returns how long one took,
/// in microseconds.
pub fn each_us(times: usize, mut one: impl FnMut(usize)) -> f64 {
    let warm = times.div_ceil(10);
    (0..warm).for_each(&mut one);
    let began = on_core();
    (warm..warm + times).for_each(one);
    on_core().saturating_sub(began).as_secs_f64() * 1e6 / times as f64
}

/// One line of a table.
pub fn tell(name: &str, each_us: f64, more: &str) {
    println!("{name:<52} {each_us:>10.3} µs {:>12.0} a second  {more}", 1e6 / each_us);
}

fn on_core() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat");
    let nanos = told.ok().and_then(|told| told.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(wall, Duration::from_nanos)
}

fn wall() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    BEGAN.get_or_init(Instant::now).elapsed()
}
