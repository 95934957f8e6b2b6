//! What is counted, for `/metrics`. Labels are names from the rules file and words of ours, never people.
//!
//! Handles are atomics and cheap to call. Where a label is looked up, a read lock is taken: that is for what
//! happens a few times a second, not for each frame.

pub mod stages;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::stages::Stages;
use crate::presence::change::ChangeKind;

/// What `encode` writes, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Word = [(&'static str, &'static str); 1];
type Name = [(&'static str, Arc<str>); 1];
type NameAndWord = ([(&'static str, Arc<str>); 1], [(&'static str, &'static str); 1]);

/// Why a session with Lanyard ended.
pub const CLOSES: &[&str] = &["lost", "refused"];
/// What of a frame could not be read.
pub const GARBAGE: &[&str] = &["json", "oversized", "unknown", "person"];
/// What became of a rules file.
pub const LOADS: &[&str] = &["taken", "refused"];
/// How an attempt ended: `End`'s words, and what is no answer.
pub const ANSWERS: &[&str] =
    &["delivered", "later", "paused", "plain", "refused", "disabled", "unsent", "unanswered", "dry_run"];
/// How a delivery ended.
pub const ENDS: &[&str] = &["delivered", "refused", "expired", "dry_run"];
/// Why somebody was turned away from the HTTP side: what is wrong with the request, too many of them, or too slow.
pub const TURNED_AWAY: &[&str] = &[
    "closed",
    "no_token",
    "wrong_token",
    "braked",
    "foreign_host",
    "foreign_page",
    "full",
    "gave_way",
    "slow",
    "unread",
];

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    pub lanyard: LanyardMetrics,
    pub rules: RulesMetrics,
    pub outbox: OutboxMetrics,
    pub store: StoreMetrics,
    pub stages: Stages,
    pub http: HttpMetrics,
}

/// Who comes to the HTTP side.
#[derive(Clone, Default)]
pub struct HttpMetrics {
    pub connections: Gauge,
    turned_away: Family<Word, Counter>,
}

impl HttpMetrics {
    /// Somebody was; `cause` is one of `TURNED_AWAY`.
    pub fn turned_away(&self, cause: &'static str) {
        debug_assert!(TURNED_AWAY.contains(&cause), "{cause}");
        self.turned_away.get_or_create(&[("cause", cause)]).inc();
    }
}

/// The connection to Lanyard and what comes over it.
#[derive(Clone, Default)]
pub struct LanyardMetrics {
    /// 1 while a session is live.
    pub connected: Gauge,
    /// 1 once there was none for `down_after`.
    pub down: Gauge,
    /// Sessions that came to life.
    pub sessions: Counter,
    pub frames: Counter,
    /// As they came over the network, compressed or not.
    pub bytes: Counter,
    /// People in an `INIT_STATE`.
    pub seen: Counter,
    /// `PRESENCE_UPDATE`s.
    pub updates: Counter,
    closes: Family<Word, Counter>,
    garbage: Family<Word, Counter>,
    /// People in the rules file that Lanyard does not know.
    pub unmonitored: Gauge,
}

impl LanyardMetrics {
    /// Sessions ended: `reason` is one of a handful of words of ours, not the server's text.
    pub fn closed(&self, reason: &'static str, times: u64) {
        debug_assert!(CLOSES.contains(&reason), "{reason}");
        self.closes.get_or_create(&[("reason", reason)]).inc_by(times);
    }

    /// Things arrived that could not be read.
    pub fn garbage(&self, kind: &'static str, times: u64) {
        debug_assert!(GARBAGE.contains(&kind), "{kind}");
        self.garbage.get_or_create(&[("kind", kind)]).inc_by(times);
    }
}

/// What the rules make of it.
#[derive(Clone)]
pub struct RulesMetrics {
    changes: Arc<[Counter]>,
    firings: Family<Name, Counter>,
    verdicts: Family<Word, Counter>,
    states_on: Family<Name, Gauge>,
    pub people: Gauge,
    pub targets: Gauge,
    pub rules: Gauge,
    loads: Family<Word, Counter>,
    pub template_faults: Counter,
}

impl RulesMetrics {
    pub fn changed(&self, kind: ChangeKind, times: u64) {
        self.changes[kind as usize].inc_by(times);
    }

    pub fn fired(&self, rule: &Arc<str>, times: u64) {
        self.firings.get_or_create(&[("rule", Arc::clone(rule))]).inc_by(times);
    }

    /// For so many people, or for everybody together, a `while` rule holds now.
    pub fn states_on(&self, rule: &Arc<str>, states: usize) {
        let states = i64::try_from(states).unwrap_or(i64::MAX);
        self.states_on.get_or_create(&[("rule", Arc::clone(rule))]).set(states);
    }

    /// The file has no such rule any more.
    pub fn forget(&self, rule: &Arc<str>) {
        self.states_on.remove(&[("rule", Arc::clone(rule))]);
        self.firings.remove(&[("rule", Arc::clone(rule))]);
    }

    /// Rules were asked about changes; `verdict` is a word of `Verdict::WORDS`.
    pub fn judged(&self, verdict: &'static str, times: u64) {
        self.verdicts.get_or_create(&[("verdict", verdict)]).inc_by(times);
    }

    /// A rules file was read, and taken (`ok`) or not.
    pub fn loaded(&self, ok: bool) {
        self.loads.get_or_create(&[("result", if ok { "taken" } else { "refused" })]).inc();
    }
}

/// What is owed and what became of it.
#[derive(Clone)]
pub struct OutboxMetrics {
    owed: Family<Name, Counter>,
    attempts: Family<NameAndWord, Counter>,
    durations: Family<Name, Histogram, Buckets>,
    settled: Family<NameAndWord, Counter>,
    fell_back: Family<Name, Counter>,
    pending: Family<Name, Gauge>,
    disabled: Family<Name, Gauge>,
    /// When the oldest delivery that is still owed was written down; zero if nothing is owed.
    oldest_ms: Arc<AtomicI64>,
    /// How long ago that was, when somebody last asked.
    oldest_pending: Gauge<f64, AtomicU64>,
}

impl OutboxMetrics {
    /// A delivery was written down.
    pub fn owed(&self, target: &Arc<str>) {
        self.owed.get_or_create(&[("target", Arc::clone(target))]).inc();
    }

    /// One attempt ended; `answer` is one of `ANSWERS`.
    pub fn attempted(&self, target: &Arc<str>, answer: &'static str, took: Duration) {
        debug_assert!(ANSWERS.contains(&answer), "{answer}");
        let name = [("target", Arc::clone(target))];
        self.durations.get_or_create(&name).observe(took.as_secs_f64());
        self.attempts.get_or_create(&(name, [("answer", answer)])).inc();
    }

    /// A delivery came to its end; `end` is one of `ENDS`.
    pub fn settled(&self, target: &Arc<str>, end: &'static str) {
        debug_assert!(ENDS.contains(&end), "{end}");
        self.settled.get_or_create(&([("target", Arc::clone(target))], [("end", end)])).inc();
    }

    /// What the target did not take went to its fallback.
    pub fn fell_back(&self, target: &Arc<str>) {
        self.fell_back.get_or_create(&[("target", Arc::clone(target))]).inc();
    }

    pub fn pending(&self, target: &Arc<str>, rows: u64) {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.pending.get_or_create(&[("target", Arc::clone(target))]).set(rows);
    }

    pub fn disabled(&self, target: &Arc<str>, disabled: bool) {
        self.disabled.get_or_create(&[("target", Arc::clone(target))]).set(i64::from(disabled));
    }

    /// The file has no such target any more.
    pub fn forget(&self, target: &Arc<str>) {
        let name = [("target", Arc::clone(target))];
        for answer in ANSWERS {
            self.attempts.remove(&(name.clone(), [("answer", *answer)]));
        }
        for end in ENDS {
            self.settled.remove(&(name.clone(), [("end", *end)]));
        }
        self.owed.remove(&name);
        self.fell_back.remove(&name);
        self.durations.remove(&name);
        self.pending.remove(&name);
        self.disabled.remove(&name);
    }

    /// When the oldest delivery that is still owed was written down, if any is.
    pub fn oldest_pending(&self, written_ms: Option<i64>) {
        self.oldest_ms.store(written_ms.unwrap_or(0), Ordering::Relaxed);
    }

    /// A delivery is owed: the oldest one, if none was before.
    pub fn perhaps_oldest(&self, written_ms: i64) {
        // If it fails, there is an older one.
        let _ = self.oldest_ms.compare_exchange(0, written_ms, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// What is counted in passing of time, as it is now.
    fn age(&self, now_ms: i64) {
        let oldest_ms = self.oldest_ms.load(Ordering::Relaxed);
        let waited_ms = if oldest_ms == 0 { 0 } else { now_ms.saturating_sub(oldest_ms).max(0) };
        self.oldest_pending.set(Duration::from_millis(waited_ms.unsigned_abs()).as_secs_f64());
    }
}

/// The database.
#[derive(Clone)]
pub struct StoreMetrics {
    /// 1 while it can be written.
    pub writable: Gauge,
    pub commits: Counter,
    /// Deliveries, baselines and marks written.
    pub rows: Counter,
    frame_to_commit: Histogram,
}

impl StoreMetrics {
    /// From a frame's arrival to the end of the transaction that holds what followed from it.
    pub fn frame_committed(&self, took: Duration) {
        self.frame_to_commit.observe(took.as_secs_f64());
    }
}

/// Upper bounds of an attempt's duration in seconds; the timeout is 10.
#[derive(Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
    }
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("doorchime");
        let build: Family<Word, Gauge> = Family::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build_info", "Always 1; the version is a label", build);
        let lanyard = register_lanyard(registry.sub_registry_with_prefix("lanyard"));
        let rules = register_rules(&mut registry);
        let outbox = register_outbox(&mut registry);
        let store = register_store(registry.sub_registry_with_prefix("store"));
        let stages = Stages::register(&mut registry);
        let http = register_http(registry.sub_registry_with_prefix("http"));
        Arc::new(Self { registry, lanyard, rules, outbox, store, stages, http })
    }

    /// All of it as OpenMetrics text, as it is at the wall time `now_ms`.
    pub fn encode(&self, now_ms: i64) -> Result<String, fmt::Error> {
        self.outbox.age(now_ms);
        self.stages.age(now_ms);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn register_lanyard(registry: &mut Registry) -> LanyardMetrics {
    let m = LanyardMetrics::default();
    registry.register("connected", "1 while a session with Lanyard is live", m.connected.clone());
    registry.register("down", "1 once there was no session with Lanyard for down_after", m.down.clone());
    registry.register("sessions", "Sessions with Lanyard that came to life", m.sessions.clone());
    registry.register("closes", "Sessions that ended, by reason", m.closes.clone());
    registry.register("frames", "Frames received", m.frames.clone());
    registry.register_with_unit(
        "received",
        "What was received, as it came over the network",
        Unit::Bytes,
        m.bytes.clone(),
    );
    registry.register("seen", "Presences received in snapshots", m.seen.clone());
    registry.register("updates", "Presence updates received", m.updates.clone());
    registry.register("garbage", "Frames that could not be read, by kind", m.garbage.clone());
    registry.register("unmonitored_people", "People that Lanyard does not know", m.unmonitored.clone());
    m
}

fn register_rules(registry: &mut Registry) -> RulesMetrics {
    let changes: Family<Word, Counter> = Family::default();
    let each = |kind: &ChangeKind| changes.get_or_create_owned(&[("change", kind.name())]);
    let m = RulesMetrics {
        changes: ChangeKind::ALL.iter().map(each).collect(),
        firings: Family::default(),
        verdicts: Family::default(),
        states_on: Family::default(),
        people: Gauge::default(),
        targets: Gauge::default(),
        rules: Gauge::default(),
        loads: Family::default(),
        template_faults: Counter::default(),
    };
    registry.register("changes", "Changes of people, by kind", changes);
    registry.register("firings", "Rules that rang, by rule", m.firings.clone());
    registry.register("verdicts", "What rules that were asked answered, by reason", m.verdicts.clone());
    registry.register("states_on", "People for whom a while rule holds, by rule", m.states_on.clone());
    registry.register("people", "People in the rules file", m.people.clone());
    registry.register("targets", "Targets in the rules file", m.targets.clone());
    registry.register("rules", "Rules in the rules file", m.rules.clone());
    registry.register("rules_loads", "Rules files read, by result", m.loads.clone());
    registry.register(
        "template_faults",
        "Renderings in which an expression could not be rendered and was left empty",
        m.template_faults.clone(),
    );
    m
}

fn register_outbox(registry: &mut Registry) -> OutboxMetrics {
    let m = OutboxMetrics {
        owed: Family::default(),
        attempts: Family::default(),
        durations: Family::new_with_constructor(Buckets),
        settled: Family::default(),
        fell_back: Family::default(),
        pending: Family::default(),
        disabled: Family::default(),
        oldest_ms: Arc::default(),
        oldest_pending: Gauge::default(),
    };
    registry.register("deliveries_owed", "Deliveries written down, by target", m.owed.clone());
    registry.register("attempts", "Requests made, by target and answer", m.attempts.clone());
    registry.register_with_unit(
        "attempt_duration",
        "How long requests took, by target",
        Unit::Seconds,
        m.durations.clone(),
    );
    registry.register("deliveries", "Deliveries settled, by target and end", m.settled.clone());
    registry.register(
        "fallbacks",
        "Deliveries that went to their target's fallback, by the target that did not take them",
        m.fell_back.clone(),
    );
    registry.register("pending", "Deliveries still owed, by target", m.pending.clone());
    registry.register(
        "target_disabled",
        "1 while a target waits for a person to mend it",
        m.disabled.clone(),
    );
    registry.register_with_unit(
        "oldest_pending",
        "How long the oldest delivery still owed has waited",
        Unit::Seconds,
        m.oldest_pending.clone(),
    );
    m
}

fn register_http(registry: &mut Registry) -> HttpMetrics {
    let m = HttpMetrics::default();
    registry.register("connections", "Connections to the HTTP side", m.connections.clone());
    registry.register(
        "turned_away",
        "Requests refused and connections refused or cut at the HTTP side, by cause",
        m.turned_away.clone(),
    );
    m
}

fn register_store(registry: &mut Registry) -> StoreMetrics {
    let buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
    let m = StoreMetrics {
        writable: Gauge::default(),
        commits: Counter::default(),
        rows: Counter::default(),
        frame_to_commit: Histogram::new(buckets),
    };
    registry.register("writable", "1 while the database can be written", m.writable.clone());
    registry.register("commits", "Transactions", m.commits.clone());
    registry.register("rows", "Rows written", m.rows.clone());
    registry.register_with_unit(
        "frame_to_commit",
        "From a frame's arrival until what followed from it is on disk",
        Unit::Seconds,
        m.frame_to_commit.clone(),
    );
    m
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new();
        let (target, rule): (Arc<str>, Arc<str>) = ("team".into(), "new-track".into());
        metrics.lanyard.connected.set(1);
        metrics.lanyard.bytes.inc_by(12);
        metrics.lanyard.closed("lost", 1);
        metrics.lanyard.garbage("json", 1);
        metrics.rules.changed(ChangeKind::ChangedTrack, 1);
        metrics.rules.fired(&rule, 1);
        metrics.rules.judged("cooldown", 1);
        metrics.rules.loaded(true);
        metrics.outbox.owed(&target);
        metrics.outbox.attempted(&target, "delivered", Duration::from_millis(20));
        metrics.outbox.settled(&target, "delivered");
        metrics.outbox.pending(&target, 3);
        metrics.outbox.disabled(&target, true);
        metrics.outbox.perhaps_oldest(1_000);
        metrics.outbox.perhaps_oldest(2_000);
        metrics.store.frame_committed(Duration::from_millis(3));
        let text = metrics.encode(2_500).unwrap();
        for line in [
            concat!("doorchime_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "doorchime_lanyard_connected 1",
            "doorchime_lanyard_received_bytes_total 12",
            "doorchime_lanyard_closes_total{reason=\"lost\"} 1",
            "doorchime_lanyard_garbage_total{kind=\"json\"} 1",
            "doorchime_changes_total{change=\"changed_track\"} 1",
            "doorchime_changes_total{change=\"went_online\"} 0",
            "doorchime_firings_total{rule=\"new-track\"} 1",
            "doorchime_verdicts_total{verdict=\"cooldown\"} 1",
            "doorchime_rules_loads_total{result=\"taken\"} 1",
            "doorchime_deliveries_owed_total{target=\"team\"} 1",
            "doorchime_attempts_total{target=\"team\",answer=\"delivered\"} 1",
            "doorchime_attempt_duration_seconds_bucket{le=\"0.025\",target=\"team\"} 1",
            "doorchime_deliveries_total{target=\"team\",end=\"delivered\"} 1",
            "doorchime_pending{target=\"team\"} 3",
            "doorchime_target_disabled{target=\"team\"} 1",
            "doorchime_oldest_pending_seconds 1.5",
            "doorchime_store_frame_to_commit_seconds_bucket{le=\"0.005\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is missing from\n{text}");
        }
        let oldest = |now_ms: i64| {
            let text = metrics.encode(now_ms).unwrap();
            let line = text.lines().find(|line| line.starts_with("doorchime_oldest_pending_seconds "));
            line.unwrap().rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        assert!((oldest(61_000) - 60.0).abs() < 1e-9, "it ages by itself");
        metrics.outbox.oldest_pending(None);
        assert!(oldest(99_000).abs() < 1e-9, "nothing is owed");
    }
}
