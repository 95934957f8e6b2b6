//! Which stage is full, and how long it has been: a full one brakes the one before it, back to Lanyard's socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What can be full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many rows wait for their transaction that Lanyard is not read.
    Commit,
    /// So much that was written down waits for the worker that nothing more is written.
    Worker,
    /// So many outcomes wait for their transaction that no attempt is begun.
    Settle,
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::Commit, Self::Worker, Self::Settle];

    pub fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Worker => "worker",
            Self::Settle => "settle",
        }
    }
}

/// One of each stage; a copy counts for the same.
#[derive(Clone)]
pub struct Stages(Arc<[Fullness; Stage::ALL.len()]>);

struct Fullness {
    /// Wall time since when it is full and not counted yet; zero while it is not.
    since_ms: AtomicI64,
    full: Gauge,
    seconds: Counter<f64, AtomicU64>,
}

impl Stages {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let full: Family<[(&str, &str); 1], Gauge> = Family::default();
        let seconds: Family<[(&str, &str); 1], Counter<f64, AtomicU64>> = Family::default();
        let stages = Self(Arc::new(Stage::ALL.map(|stage| {
            let label = [("stage", stage.word())];
            Fullness {
                since_ms: AtomicI64::new(0),
                full: full.get_or_create_owned(&label),
                seconds: seconds.get_or_create_owned(&label),
            }
        })));
        registry.register("stage_full", "1 while a stage is full and brakes the one before it", full);
        registry.register_with_unit("stage_full", "How long each stage was full", Unit::Seconds, seconds);
        stages
    }

    /// Whether a stage is full at the wall time `now_ms`.
    pub fn set(&self, stage: Stage, full: bool, now_ms: i64) {
        let fullness = &self.0[stage as usize];
        if full == (fullness.since_ms.load(Ordering::Relaxed) != 0) {
            return;
        }
        fullness.full.set(i64::from(full));
        let before_ms = fullness.since_ms.swap(if full { now_ms } else { 0 }, Ordering::Relaxed);
        fullness.count(before_ms, now_ms);
    }

    /// Counts what has gone by since the last time, too, of what is still full.
    pub(super) fn age(&self, now_ms: i64) {
        for fullness in &*self.0 {
            let since_ms = fullness.since_ms.load(Ordering::Relaxed);
            let order = (Ordering::Relaxed, Ordering::Relaxed);
            // If it fails, it has just ended, and was counted.
            if since_ms != 0 && fullness.since_ms.compare_exchange(since_ms, now_ms, order.0, order.1).is_ok()
            {
                fullness.count(since_ms, now_ms);
            }
        }
    }
}

impl Fullness {
    /// A wall clock that was set back counts for nothing.
    fn count(&self, since_ms: i64, now_ms: i64) {
        if since_ms != 0 {
            let ms = now_ms.saturating_sub(since_ms).max(0).unsigned_abs();
            self.seconds.inc_by(Duration::from_millis(ms).as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_stage_that_is_full_is_told_while_it_is_and_how_long_it_was() {
        let metrics = Metrics::new();
        let told = |now_ms| {
            let text = metrics.encode(now_ms).unwrap();
            let of = |name: &str| {
                let name = format!("{name}{{stage=\"settle\"}} ");
                text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().to_owned()
            };
            (of("doorchime_stage_full"), of("doorchime_stage_full_seconds_total"))
        };
        let pair = |full: &str, seconds: &str| (full.to_owned(), seconds.to_owned());
        assert_eq!(told(1_000), pair("0", "0.0"));
        metrics.stages.set(Stage::Settle, true, 1_000);
        metrics.stages.set(Stage::Settle, true, 2_000);
        assert_eq!(told(3_500), pair("1", "2.5"));
        assert_eq!(told(4_000), pair("1", "3.0"));
        metrics.stages.set(Stage::Settle, false, 4_500);
        metrics.stages.set(Stage::Settle, false, 9_000);
        assert_eq!(told(9_000), pair("0", "3.5"));
        metrics.stages.set(Stage::Settle, true, 9_000);
        assert_eq!(told(5_000), pair("1", "3.5"), "the clock was set back");
    }
}
