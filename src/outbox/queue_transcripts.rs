//! The queue, told as stories in virtual time, and held against a naive model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::delivery::{Delivery, DeliveryId, Outcome, Owed, Parts};
use super::queue::{Action, Event, Pace, Queue, QueueSettings, Start};
use super::store::rows::Page;
use crate::presence::model::UserId;
use crate::time::Moment;

const BEGAN_MS: i64 = 1_000_000_000;
const FREE: Pace = Pace { concurrency: 100, min_gap: Duration::ZERO };

fn owed(seq: i64, target: &str, rule: &str, person: u64, expires_ms: i64) -> Owed {
    let delivery = Delivery {
        id: DeliveryId::nil(),
        target: target.into(),
        rule: rule.into(),
        person: Some(UserId(person)),
        called: None,
        cause: None,
        parts: Parts::new(),
        created_ms: BEGAN_MS,
        expires_ms,
        fallbacks: Vec::new(),
        origin: None,
    };
    Owed { seq, delivery, attempts: 0, next_ms: 0 }
}

fn at(ms: u64) -> Moment {
    Moment { mono: Duration::from_millis(ms), wall_ms: BEGAN_MS + ms as i64 }
}

fn later(ms: u64) -> Outcome {
    Outcome::Later { after: Duration::from_millis(ms), pause_target: false }
}

fn pause(ms: u64) -> Outcome {
    Outcome::Later { after: Duration::from_millis(ms), pause_target: true }
}

const DELIVERED: Outcome = Outcome::Delivered { pause: None };

/// A queue that writes down what it does.
struct Story {
    queue: Queue,
    now: u64,
}

impl Story {
    fn new(targets: &[(&str, Pace)]) -> Self {
        Self::bounded(targets, QueueSettings::default())
    }

    fn bounded(targets: &[(&str, Pace)], settings: QueueSettings) -> Self {
        let mut story = Self { queue: Queue::new(settings), now: 0 };
        story.tell(Event::Targets(targets.iter().map(|&(name, pace)| (name.into(), pace)).collect()));
        story
    }

    fn tell(&mut self, event: Event) {
        self.queue.handle(at(self.now), event);
    }

    /// Rows `seq target rule person`, expiring in an hour.
    fn owe(&mut self, rows: &[(i64, &str, &str, u64)]) {
        let hour = BEGAN_MS + 3_600_000;
        let rows = rows.iter().map(|&(seq, target, rule, who)| owed(seq, target, rule, who, hour)).collect();
        self.tell(Event::Owed(rows));
    }

    fn finish(&mut self, seq: i64, outcome: Outcome) {
        self.tell(Event::Finished { seq, outcome });
        self.tell(Event::Settled(vec![seq]));
    }

    /// Everything that it wants to do now.
    fn does(&mut self) -> String {
        let mut told = String::new();
        while let Some(action) = self.queue.poll(at(self.now)) {
            if !told.is_empty() {
                told.push(' ');
            }
            match action {
                Action::Start(start) => {
                    let plain = if start.plain { "~" } else { "" };
                    let _ = write!(told, "{}{plain}{}", start.seq, "'".repeat(start.attempts as usize));
                }
                Action::Expired { seq, .. } => {
                    let _ = write!(told, "x{seq}");
                }
                Action::Page { target, after, limit } => {
                    let _ = write!(told, "{target}>{after}+{limit}");
                }
            }
        }
        told
    }

    /// Goes to the deadline, and says what happens there.
    fn waits(&mut self) -> String {
        let Some(deadline) = self.queue.deadline(at(self.now)) else { return "nothing".to_owned() };
        self.now = u64::try_from(deadline.as_millis()).unwrap();
        format!("{} at {}", self.does(), self.now)
    }
}

#[test]
fn a_lane_is_in_order_and_lanes_do_not_wait_for_each_other() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "api", "r", 1), (2, "api", "r", 1), (3, "api", "r", 2), (4, "api", "s", 1)]);
    assert_eq!(story.does(), "1 3 4");
    story.finish(1, later(1_000));
    story.finish(3, DELIVERED);
    assert_eq!(story.does(), "", "2 waits for 1, which backs off");
    assert_eq!(story.waits(), "1' at 1000");
    story.finish(1, DELIVERED);
    assert_eq!(story.does(), "2");
    story.finish(2, Outcome::Refused);
    story.finish(4, DELIVERED);
    assert_eq!((story.does(), story.waits()), (String::new(), "nothing".to_owned()));
}

#[test]
fn a_lane_goes_on_when_the_last_outcome_is_on_disk() {
    let mut story = Story::new(&[("api", Pace { concurrency: 1, ..FREE })]);
    story.owe(&[(1, "api", "r", 1), (2, "api", "r", 1), (3, "api", "r", 2)]);
    assert_eq!(story.does(), "1");
    story.tell(Event::Finished { seq: 1, outcome: DELIVERED });
    assert_eq!(story.does(), "3", "another lane takes the free place");
    story.tell(Event::Settled(vec![1]));
    assert_eq!(story.does(), "");
    story.finish(3, DELIVERED);
    assert_eq!(story.does(), "2");
}

#[test]
fn a_pause_stops_the_whole_target_and_no_other() {
    let mut story = Story::new(&[("api", FREE), ("phone", FREE)]);
    story.owe(&[(1, "api", "r", 1), (2, "api", "r", 2)]);
    assert_eq!(story.does(), "1 2");
    story.finish(1, pause(5_000));
    story.owe(&[(3, "api", "r", 3), (4, "phone", "r", 3)]);
    assert_eq!(story.does(), "4");
    // A shorter pause does not end a longer one.
    story.finish(2, pause(1_000));
    assert_eq!(story.waits(), "1' 2' 3 at 5000");
    story.finish(1, Outcome::Delivered { pause: Some(Duration::from_secs(2)) });
    story.owe(&[(5, "api", "r", 1)]);
    assert_eq!(story.does(), "");
    assert_eq!(story.waits(), "5 at 7000");
}

#[test]
fn pace_and_concurrency_are_kept() {
    let second = Duration::from_secs(1);
    let mut story = Story::new(&[("slow", Pace { concurrency: 1, min_gap: second })]);
    story.owe(&[(1, "slow", "r", 1), (2, "slow", "r", 2), (3, "slow", "r", 3)]);
    assert_eq!(story.does(), "1");
    story.now = 300;
    story.finish(1, DELIVERED);
    assert_eq!(story.does(), "");
    assert_eq!(story.waits(), "2 at 1000");
    story.now = 2_500;
    assert_eq!(story.does(), "", "one at a time, however long it takes");
    story.finish(2, DELIVERED);
    assert_eq!(story.does(), "3");
}

#[test]
fn a_target_that_fails_whoever_asks_is_asked_by_one_at_a_time() {
    let mut story = Story::new(&[("api", FREE), ("phone", FREE)]);
    let rows: Vec<_> = (1..=6).map(|n| (n, "api", "r", n as u64)).collect();
    story.owe(&rows[..3]);
    assert_eq!(story.does(), "1 2 3");
    for seq in 1..=3 {
        story.finish(seq, later(700));
    }
    // Three failures could still be three bad messages.
    story.owe(&rows[3..5]);
    assert_eq!(story.does(), "4 5");
    story.finish(4, later(90_000));
    story.owe(&rows[5..]);
    assert_eq!(story.does(), "", "braked: 6 waits, though nobody has tried it");
    story.finish(5, later(90_000));
    assert_eq!(story.does(), "", "5 was under way before");
    story.owe(&[(7, "phone", "r", 1)]);
    assert_eq!(story.does(), "7", "no other target waits");
    story.finish(7, DELIVERED);
    assert_eq!(story.waits(), " at 700", "1, 2 and 3 could go, and must not");
    assert_eq!(story.waits(), "1' at 1000");
    story.now = 2_000;
    assert_eq!(story.does(), "", "none beside it, however long it takes");
    story.finish(1, later(400_000));
    assert_eq!((story.does(), story.waits()), (String::new(), "2' at 4000".to_owned()));
    story.finish(2, later(400_000));
    assert_eq!((story.does(), story.waits()), (String::new(), "3' at 8000".to_owned()));
    story.finish(3, DELIVERED);
    assert_eq!(
        story.does(),
        "1'' 2'' 4' 5' 6",
        "all at once and in order, whatever they had been waiting for"
    );
}

#[test]
fn a_brake_opens_no_wider_than_a_minute() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&(1..=40).map(|n| (n, "api", "r", n as u64)).collect::<Vec<_>>());
    let first: Vec<i64> = story.does().split(' ').map(|seq| seq.parse().unwrap()).collect();
    assert_eq!(first.len(), 40);
    for seq in first {
        story.finish(seq, later(100));
    }
    let mut gaps = Vec::new();
    for seq in 1..=9 {
        let before = story.now;
        assert_eq!(story.does(), "");
        while story.waits().starts_with(' ') {}
        gaps.push((story.now - before) / 1000);
        story.finish(seq, later(3_000_000));
    }
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn one_bad_message_brakes_nobody() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "api", "r", 1)]);
    for _ in 0..9 {
        assert!(!story.does().is_empty() || !story.waits().is_empty());
        story.finish(1, later(1_000));
    }
    story.owe(&[(2, "api", "r", 2)]);
    assert_eq!(story.does(), "2", "another lane is another question");
    story.finish(2, DELIVERED);
    assert_eq!(story.does(), "", "1 goes on at its own pace");
    assert_eq!(story.waits(), "1''''''''' at 9000");
    // Whoever says no is there.
    story.owe(&[(3, "api", "r", 3), (4, "api", "r", 4), (5, "api", "r", 5)]);
    assert_eq!(story.does(), "3 4 5");
    story.finish(1, later(50_000));
    story.finish(3, later(50_000));
    story.finish(4, Outcome::Refused);
    story.finish(5, later(50_000));
    story.owe(&[(6, "api", "r", 6), (7, "api", "r", 7)]);
    assert_eq!(story.does(), "6 7");
}

/// What cannot be written any more has asked no target anything.
#[test]
fn a_message_that_cannot_be_written_brakes_nobody_and_probes_nothing() {
    let mut story = Story::new(&[("api", FREE)]);
    for seq in 1..9 {
        story.owe(&[(seq, "api", "r", seq.unsigned_abs())]);
        assert_eq!(story.does(), seq.to_string());
        story.finish(seq, Outcome::Unfit);
    }
    story.owe(&[
        (11, "api", "r", 1),
        (12, "api", "r", 2),
        (13, "api", "r", 3),
        (14, "api", "r", 4),
        (15, "api", "r", 5),
    ]);
    assert_eq!(story.does(), "11 12 13 14 15");
    for seq in 11..16 {
        story.finish(seq, later(500_000));
    }
    story.owe(&[(16, "api", "r", 6), (17, "api", "r", 7), (18, "api", "r", 8)]);
    assert_eq!(story.does(), "", "it is braked");
    story.now += 60_000;
    let probe = story.does();
    assert_eq!(probe, "16");
    story.finish(16, Outcome::Unfit);
    assert_eq!(story.does(), "17", "another probes in its place, at once and alone");
}

#[test]
fn a_reload_and_a_person_end_the_wait_of_a_braked_target() {
    let mut story = Story::new(&[("api", FREE)]);
    let braked = |story: &mut Story, seqs: std::ops::RangeInclusive<i64>| {
        for seq in seqs {
            story.finish(seq, later(500_000));
        }
        assert_eq!(story.does(), "");
    };
    story.owe(&(1..=4).map(|n| (n, "api", "r", n as u64)).collect::<Vec<_>>());
    assert_eq!(story.does(), "1 2 3 4");
    braked(&mut story, 1..=4);
    story.tell(Event::Targets(BTreeMap::from([("api".into(), FREE)])));
    assert_eq!(story.does(), "1' 2' 3' 4'");
    braked(&mut story, 1..=4);
    story.tell(Event::Retried(owed(3, "api", "r", 3, BEGAN_MS + 3_600_000)));
    assert_eq!(story.does(), "3", "wanted now: that is the one attempt");
    story.finish(3, DELIVERED);
    assert_eq!(story.does(), "1'' 2'' 4''");
}

#[test]
fn targets_take_turns() {
    let settings = QueueSettings { flying_max: 4, ..QueueSettings::default() };
    let mut story = Story::bounded(&[("a", FREE), ("b", FREE)], settings);
    let rows: Vec<_> =
        (1..=6).map(|n| (n, "a", "r", n as u64)).chain([(7, "b", "r", 1), (8, "b", "r", 2)]).collect();
    story.owe(&rows);
    assert_eq!(story.does(), "1 7 2 8");
    story.finish(7, DELIVERED);
    story.finish(8, DELIVERED);
    assert_eq!(story.does(), "3 4");
}

#[test]
fn what_nobody_wants_any_more_expires_wherever_it_waits() {
    let mut story = Story::new(&[("api", FREE), ("gone", FREE)]);
    let row = |seq, target, expires_in| owed(seq, target, "r", 1, BEGAN_MS + expires_in);
    story.tell(Event::Owed(vec![
        row(1, "api", 5_000),
        row(2, "api", 1_000),
        row(3, "api", 9_000),
        row(4, "gone", 2_000),
        row(5, "nowhere", 3_000),
    ]));
    assert_eq!(story.does(), "1 4");
    story.finish(4, Outcome::Disabled);
    assert_eq!(story.waits(), "x2 at 1000");
    assert_eq!(story.waits(), "x4 at 2000");
    assert_eq!(story.waits(), "x5 at 3000");
    story.now = 6_000;
    assert_eq!(story.does(), "", "an attempt under way is not cut off");
    story.finish(1, later(1_000));
    assert_eq!(story.does(), "x1 3", "and not repeated");
}

#[test]
fn a_clock_that_is_set_forward_expires_within_a_minute() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "nowhere", "r", 1)]);
    assert_eq!(story.queue.deadline(at(0)), Some(Duration::from_secs(60)));
    let set = Moment { mono: Duration::from_secs(60), wall_ms: BEGAN_MS + 3_600_000 };
    assert!(matches!(story.queue.poll(set), Some(Action::Expired { seq: 1, .. })));
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_longer() {
    let hour = 3_600_000;
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "nowhere", "r", 1), (2, "api", "r", 1)]);
    assert_eq!(story.does(), "2");
    story.finish(2, later(30_000));
    let set_back = |ms: u64| Moment { mono: Duration::from_millis(ms), wall_ms: BEGAN_MS + ms as i64 - hour };
    assert_eq!(story.queue.poll(set_back(29_999)), None);
    let tried = story.queue.poll(set_back(30_000));
    assert!(matches!(tried, Some(Action::Start(Start { seq: 2, .. }))), "a wait between tries is not moved");
    // What is owed from now on has its own time.
    let new = owed(3, "nowhere", "r", 3, BEGAN_MS + 60_000);
    story.queue.handle(set_back(30_000), Event::Owed(vec![new]));
    assert_eq!(story.queue.poll(set_back(3_599_999)), None);
    assert!(matches!(story.queue.poll(set_back(3_600_000)), Some(Action::Expired { seq: 1, .. })));
    assert_eq!(story.queue.poll(set_back(3_659_999)), None);
    assert!(matches!(story.queue.poll(set_back(3_660_000)), Some(Action::Expired { seq: 3, .. })));
}

#[test]
fn a_disabled_target_waits_for_a_person() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "api", "r", 1), (2, "api", "r", 2)]);
    assert_eq!(story.does(), "1 2");
    story.finish(1, Outcome::Disabled);
    story.finish(2, later(10));
    story.now = 1_000;
    assert_eq!(story.does(), "");
    story.tell(Event::Targets(BTreeMap::from([("api".into(), FREE)])));
    assert_eq!(story.does(), "1' 2'");
    story.finish(1, Outcome::Disabled);
    story.finish(2, DELIVERED);
    story.tell(Event::Retried(owed(1, "api", "r", 1, BEGAN_MS + 9_000_000)));
    assert_eq!(story.does(), "1");
}

#[test]
fn a_target_that_is_not_in_the_file_keeps_its_deliveries() {
    let mut story = Story::new(&[]);
    story.owe(&[(1, "api", "r", 1)]);
    assert_eq!(story.does(), "");
    story.tell(Event::Targets(BTreeMap::from([("api".into(), FREE)])));
    assert_eq!(story.does(), "1");
}

#[test]
fn refused_markup_is_sent_again_at_once_and_plain() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "api", "r", 1), (2, "api", "r", 1)]);
    assert_eq!(story.does(), "1");
    story.finish(1, Outcome::AgainPlain);
    assert_eq!(story.does(), "1~'");
    story.finish(1, DELIVERED);
    assert_eq!(story.does(), "2");
}

#[test]
fn a_person_retries_and_drops() {
    let mut story = Story::new(&[("api", FREE)]);
    story.owe(&[(1, "api", "r", 1), (2, "api", "r", 1), (3, "api", "r", 1)]);
    assert_eq!(story.does(), "1");
    story.finish(1, later(60_000));
    let again = owed(1, "api", "r", 1, BEGAN_MS + 3_600_000);
    story.tell(Event::Retried(again.clone()));
    assert_eq!(story.does(), "1", "no wait, and counted afresh");
    story.tell(Event::Retried(again));
    assert_eq!(story.does(), "", "it is under way");
    story.tell(Event::Gone(2));
    story.tell(Event::Gone(1));
    story.finish(1, later(1));
    assert_eq!(story.does(), "3", "1 was dropped under way: no more of it");
    story.finish(3, Outcome::Refused);
    story.tell(Event::Retried(owed(3, "api", "r", 1, BEGAN_MS + 3_600_000)));
    assert_eq!(story.does(), "3", "what was dead is owed again");
    story.finish(3, DELIVERED);
    story.finish(3, DELIVERED);
    story.tell(Event::Gone(77));
    assert_eq!(story.queue.flying(), 0, "words about nothing change nothing");
}

#[test]
fn beyond_its_bound_a_target_reads_from_the_store() {
    let settings = QueueSettings { rows_max: 4, page_rows: 3, ..QueueSettings::default() };
    let mut story = Story::bounded(&[("api", Pace { concurrency: 1, ..FREE })], settings);
    let row = |seq| owed(seq, "api", "r", 1, BEGAN_MS + 3_600_000);
    story.tell(Event::Owed((1..=7).map(row).collect()));
    assert_eq!(story.does(), "1");
    story.finish(1, DELIVERED);
    assert_eq!(story.does(), "2", "no page before half of the room is free");
    story.finish(2, DELIVERED);
    assert_eq!(story.does(), "api>4+3 3");
    // What is committed while the page is read may not be in it.
    story.tell(Event::Owed(vec![row(8)]));
    story.tell(Event::Paged {
        target: "api".into(),
        page: Page { owed: (5..=7).map(row).collect(), upto: 7, end: true },
    });
    story.finish(3, DELIVERED);
    story.finish(4, DELIVERED);
    assert_eq!(story.does(), "4");
    story.finish(4, DELIVERED);
    story.finish(5, DELIVERED);
    assert_eq!(story.does(), "5");
    story.finish(5, DELIVERED);
    assert_eq!(story.does(), "api>7+3 6");
    story.tell(Event::Paged { target: "api".into(), page: Page { owed: vec![row(8)], upto: 8, end: true } });
    // The word about it comes after the page that had it.
    story.tell(Event::Owed(vec![row(8), row(9)]));
    let mut order = Vec::new();
    for seq in 6..=9 {
        story.finish(seq, DELIVERED);
        order.push(story.does());
    }
    assert_eq!(order, ["7", "8", "9", ""]);
}

#[test]
fn what_takes_over_is_read_with_what_has_not_been_told_yet() {
    let hour = BEGAN_MS + 3_600_000;
    let mut story = Story::new(&[("phone", FREE), ("chat", FREE)]);
    story.owe(&[(1, "phone", "r", 1), (2, "chat", "r", 1)]);
    assert_eq!(story.does(), "1 2");
    story.finish(2, DELIVERED);
    // 1 is refused, and 4 takes over. 3 has been committed before and is on its way to us.
    story.finish(1, Outcome::Refused);
    story.tell(Event::Stored("chat".into()));
    assert_eq!(story.does(), "chat>2+1000");
    story.owe(&[(3, "chat", "r", 2), (5, "chat", "r", 1)]);
    assert_eq!(story.does(), "", "they are in that page, or in the next");
    let rows = [(3, 2), (4, 1)].map(|(seq, who)| owed(seq, "chat", "r", who, hour)).to_vec();
    story.tell(Event::Paged { target: "chat".into(), page: Page { owed: rows, upto: 4, end: true } });
    assert_eq!(story.does(), "chat>4+1000 3 4");
    let rows = vec![owed(5, "chat", "r", 1, hour)];
    story.tell(Event::Paged { target: "chat".into(), page: Page { owed: rows, upto: 5, end: true } });
    assert_eq!(story.does(), "", "5 waits for 4, whose lane it is");
    story.finish(4, DELIVERED);
    assert_eq!(story.does(), "5");
}

#[test]
fn at_start_the_store_is_read_and_written_waits_go_on() {
    let mut story = Story::new(&[("api", FREE)]);
    story.tell(Event::Stored("api".into()));
    assert_eq!(story.does(), "api>0+1000");
    let hour = BEGAN_MS + 3_600_000;
    let waiting = Owed { attempts: 3, next_ms: BEGAN_MS + 700, ..owed(1, "api", "r", 1, hour) };
    let other = owed(2, "api", "r", 2, hour);
    let page = Page { owed: vec![waiting, other], upto: 2, end: true };
    story.tell(Event::Paged { target: "api".into(), page });
    assert_eq!(story.does(), "2");
    assert_eq!(story.waits(), "1''' at 700");
}

#[derive(Clone, Debug)]
enum Step {
    Owe {
        target: u8,
        rule: u8,
        person: u8,
        expires_in: i64,
    },
    /// The word about what was committed reaches the queue.
    Hear(usize),
    Finish {
        which: usize,
        outcome: u8,
    },
    Page,
    Settle,
    Pass(u64),
    Drop(usize),
    Retarget(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_u8, 0..2_u8, 0..2_u8, 50..3_000_i64)
            .prop_map(|(target, rule, person, expires_in)| Step::Owe { target, rule, person, expires_in }),
        4 => (1..5_usize).prop_map(Step::Hear),
        6 => (any::<usize>(), 0..9_u8).prop_map(|(which, outcome)| Step::Finish { which, outcome }),
        3 => Just(Step::Page),
        4 => Just(Step::Settle),
        3 => (0..400_u64).prop_map(Step::Pass),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => any::<bool>().prop_map(Step::Retarget),
    ];
    prop::collection::vec(step, 0..120)
}

/// What the store holds, and everything that must be true of what the queue does.
struct Model {
    queue: Queue,
    settings: QueueSettings,
    now: u64,
    /// What is owed, by number: the truth.
    owed: BTreeMap<i64, Owed>,
    heard: i64,
    flying: BTreeSet<i64>,
    pages: Vec<(Arc<str>, i64, usize)>,
    started: HashMap<i64, u32>,
    dropped_flying: BTreeSet<i64>,
    unsettled: Vec<i64>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Model {
    fn new() -> Self {
        let settings = QueueSettings { flying_max: 4, rows_max: 4, page_rows: 3, ..QueueSettings::default() };
        let mut model = Self {
            queue: Queue::new(settings),
            settings,
            now: 0,
            owed: BTreeMap::new(),
            heard: 0,
            flying: BTreeSet::new(),
            pages: Vec::new(),
            started: HashMap::new(),
            dropped_flying: BTreeSet::new(),
            unsettled: Vec::new(),
        };
        model.retarget(true);
        model
    }

    fn retarget(&mut self, all: bool) {
        let names = if all { &NAMES[..] } else { &NAMES[..2] };
        let pace = Pace { concurrency: 2, min_gap: Duration::from_millis(5) };
        let targets = names.iter().map(|&name| (name.into(), pace)).collect();
        self.queue.handle(at(self.now), Event::Targets(targets));
    }

    fn hear(&mut self, upto: i64) {
        if upto <= self.heard {
            return;
        }
        let news = self.owed.range(self.heard + 1..=upto).map(|(_, owed)| owed.clone()).collect();
        self.heard = upto;
        self.queue.handle(at(self.now), Event::Owed(news));
    }

    fn step(&mut self, step: &Step, next: &mut i64) {
        match *step {
            Step::Owe { target, rule, person, expires_in } => {
                *next += 1;
                let rule = ["r", "s"][usize::from(rule)];
                let expires_ms = BEGAN_MS + self.now as i64 + expires_in;
                let owed = owed(*next, NAMES[usize::from(target)], rule, person.into(), expires_ms);
                self.owed.insert(*next, owed);
            }
            Step::Hear(count) => self.hear((self.heard + count as i64).min(*next)),
            Step::Finish { which, outcome } => {
                let Some(&seq) = self.flying.iter().nth(which % self.flying.len().max(1)) else { return };
                let outcome = match outcome {
                    0..=3 => DELIVERED,
                    4 => later(90),
                    5 => pause(40),
                    6 => Outcome::AgainPlain,
                    7 => Outcome::Unfit,
                    _ => Outcome::Disabled,
                };
                self.finish(seq, outcome);
            }
            Step::Page => self.answer_page(),
            Step::Settle => self.settle(),
            Step::Pass(ms) => self.now += ms,
            Step::Drop(which) => {
                let Some((&seq, _)) = self.owed.iter().nth(which % self.owed.len().max(1)) else { return };
                if self.flying.contains(&seq) {
                    self.dropped_flying.insert(seq);
                } else {
                    self.owed.remove(&seq);
                }
                // A row nobody has heard of is dropped in the store alone.
                self.queue.handle(at(self.now), Event::Gone(seq));
            }
            Step::Retarget(all) => self.retarget(all),
        }
    }

    fn finish(&mut self, seq: i64, outcome: Outcome) {
        self.flying.remove(&seq);
        if [DELIVERED, Outcome::Unfit].contains(&outcome) || self.dropped_flying.contains(&seq) {
            self.owed.remove(&seq);
        }
        self.queue.handle(at(self.now), Event::Finished { seq, outcome });
        self.unsettled.push(seq);
    }

    fn settle(&mut self) {
        let settled = std::mem::take(&mut self.unsettled);
        self.queue.handle(at(self.now), Event::Settled(settled));
    }

    fn answer_page(&mut self) {
        if self.pages.is_empty() {
            return;
        }
        let (target, after, limit) = self.pages.remove(0);
        let mut page = Page { upto: after, ..Page::default() };
        page.owed = self
            .owed
            .values()
            .filter(|owed| owed.seq > after && owed.delivery.target == target)
            .take(limit)
            .cloned()
            .collect();
        page.upto = page.owed.last().map_or(after, |owed| owed.seq);
        page.end = page.owed.len() < limit;
        self.queue.handle(at(self.now), Event::Paged { target, page });
    }

    fn drain(&mut self) {
        while let Some(action) = self.queue.poll(at(self.now)) {
            match action {
                Action::Start(start) => self.check_start(start.seq, start.attempts),
                Action::Expired { seq, .. } => {
                    let owed = self.owed.remove(&seq).expect("only what is owed expires");
                    assert!(owed.delivery.expires_ms <= at(self.now).wall_ms, "{seq} expired early");
                    assert!(!self.flying.contains(&seq), "{seq} expired under way");
                }
                Action::Page { target, after, limit } => {
                    assert!(limit <= self.settings.page_rows);
                    self.pages.push((target, after, limit));
                }
            }
        }
        assert_eq!(self.queue.flying(), self.flying.len());
    }

    fn check_start(&mut self, seq: i64, attempts: u32) {
        let owed = self.owed.get(&seq).unwrap_or_else(|| panic!("{seq} is not owed (any more)"));
        assert!(self.flying.insert(seq), "{seq} started twice");
        let made = self.started.entry(seq).or_default();
        assert_eq!(*made, attempts, "attempts of {seq}");
        *made += 1;
        let lane =
            |owed: &Owed| (owed.delivery.target.clone(), owed.delivery.rule.clone(), owed.delivery.person);
        for earlier in self.owed.range(..seq).map(|(_, owed)| owed) {
            assert_ne!(lane(earlier), lane(owed), "{seq} overtook {}", earlier.seq);
        }
        let beside = self.flying.iter().filter(|other| {
            self.owed.get(other).is_some_and(|other| other.delivery.target == owed.delivery.target)
        });
        assert!(beside.count() <= 2, "too many at once");
        assert!(self.flying.len() <= self.settings.flying_max);
    }

    /// From here on the world is kind: everything is delivered, or expires.
    fn end(&mut self, last: i64) {
        self.retarget(true);
        self.hear(last);
        for _ in 0..10_000 {
            self.drain();
            while !self.pages.is_empty() {
                self.answer_page();
            }
            self.drain();
            for seq in self.flying.clone() {
                self.finish(seq, DELIVERED);
            }
            self.settle();
            self.drain();
            if self.owed.is_empty() && self.flying.is_empty() && self.pages.is_empty() {
                return;
            }
            if self.flying.is_empty() && self.pages.is_empty() {
                let deadline =
                    self.queue.deadline(at(self.now)).expect("something is owed and nothing to wait for");
                self.now = self.now.max(u64::try_from(deadline.as_millis()).unwrap());
            }
        }
        panic!("still owed: {:?}", self.owed.keys());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_story_keeps_order_loses_nothing_and_starts_nothing_twice(steps in steps()) {
        let mut model = Model::new();
        let mut last = 0;
        for step in &steps {
            model.step(step, &mut last);
            model.drain();
        }
        model.end(last);
    }
}
