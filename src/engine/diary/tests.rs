//! Days as the engine notes them.

use std::sync::Arc;
use std::time::Duration;

use super::book::{Diary, KEPT_MS, SPANS_MAX, STRETCHES_MAX, TOTAL_MAX};
use super::day::Day;
use super::stretch::{Lane, Stretch};
use crate::engine::effects::Effects;
use crate::engine::machine::Engine;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{DiaryNote, Memory};
use crate::presence::model::{Presence, UserId};
use crate::rules::compile::compile;
use crate::rules::places::Source;
use crate::rules::vars::NoVars;
use crate::time::Moment;

const ADA: UserId = UserId(5);
const BOB: UserId = UserId(3);
/// So that a whole day lies before.
const BEGIN_MS: i64 = 10 * KEPT_MS;

/// An engine with a diary, on minutes.
struct Life {
    engine: Engine,
    effects: Effects,
}

fn at(minute: i64) -> Moment {
    Moment { mono: Duration::from_secs(minute.unsigned_abs() * 60), wall_ms: BEGIN_MS + minute * 60_000 }
}

impl Life {
    fn begin(memory: Memory, minute: i64) -> Self {
        let text = "people: {ada: 5, bob: 3}\nsmoothing: {offline: 60s, listening: 0s, activity: 0s}\n\
                    targets: {screen: {type: console}}\n\
                    rules: [{id: r, who: [ada, bob], when: changed_kv, send: screen}]\n";
        let loaded = compile(Source::new("rules.yaml".to_owned(), text.to_owned()), &NoVars);
        let rules = loaded.unwrap_or_else(|mistakes| panic!("{}", mistakes.summary())).set;
        let mut memory = memory;
        let diary = Diary::recall(at(minute), memory.diary.take());
        let mut engine = Engine::new(Arc::new(rules), memory, at(minute), 1);
        engine.keep_diary(diary);
        Self { engine, effects: Effects::default() }
    }

    /// A snapshot that shows these, and of the two nobody else.
    fn snapshot(&mut self, minute: i64, shown: &[(UserId, &str)]) {
        for (id, parts) in shown {
            let raw = raw(*id, parts);
            let presence = Presence::parse(&raw, None).unwrap().1;
            self.engine.observe(at(minute), Observation::Seen(*id, presence), &mut self.effects);
        }
        let absent = [ADA, BOB].into_iter().filter(|id| shown.iter().all(|(shown, _)| shown != id)).collect();
        self.engine.observe(at(minute), Observation::SnapshotEnd { absent }, &mut self.effects);
    }

    fn update(&mut self, minute: i64, parts: &str) {
        let raw = raw(ADA, parts);
        let presence = Presence::parse(&raw, None).unwrap().1;
        self.engine.observe(at(minute), Observation::Updated(ADA, presence), &mut self.effects);
    }

    fn go_blind(&mut self, minute: i64) {
        self.engine.observe(at(minute), Observation::Disconnected, &mut self.effects);
    }

    fn tick(&mut self, minute: i64) {
        self.engine.tick(at(minute), &mut self.effects);
    }

    /// What a clean end leaves behind.
    fn end(mut self, minute: i64) -> Memory {
        self.engine.save_all(at(minute), &mut self.effects);
        self.killed()
    }

    /// What is on disk.
    fn killed(self) -> Memory {
        let commit = self.effects.commit;
        let mut baselines = commit.baselines;
        baselines.reverse();
        baselines.dedup_by_key(|baseline| baseline.person);
        Memory { baselines, heard_ms: commit.heard_ms, diary: commit.diary, ..Memory::default() }
    }

    /// A person's day in a line, in minutes.
    fn day(&self, id: UserId, minute: i64) -> String {
        let pages = self.engine.pages(id).unwrap();
        let day = Day::of(at(minute).wall_ms, pages, &self.engine.person(id));
        let minutes = |ms: i64| (ms - BEGIN_MS) as f64 / 60_000.0;
        let bars = day.lanes.iter().flat_map(|(_, bars)| bars).map(|bar| {
            let to = if bar.goes_on { String::new() } else { minutes(bar.span.to_ms).to_string() };
            format!("{} {}-{to}", bar.name, minutes(bar.span.from_ms))
        });
        let blind = day
            .unwatched
            .iter()
            .filter(|span| span.to_ms > BEGIN_MS)
            .map(|span| format!("? {}-{}", minutes(span.from_ms.max(BEGIN_MS)), minutes(span.to_ms)));
        bars.chain(blind).collect::<Vec<_>>().join(", ")
    }
}

fn raw(id: UserId, parts: &str) -> String {
    format!(r#"{{"discord_user":{{"id":"{id}"}},{parts}}}"#)
}

const ON: &str = r#""discord_status":"online""#;
const DND: &str = r#""discord_status":"dnd""#;
const OFF: &str = r#""discord_status":"offline""#;
const GAME: &str = r#""discord_status":"online","activities":[{"type":0,"name":"Braid"}]"#;
const SONG: &str =
    r#""discord_status":"online","activities":[{"type":2,"name":"Spotify","details":"One","state":"Us"}]"#;
const OTHER: &str =
    r#""discord_status":"online","activities":[{"type":2,"name":"Spotify","details":"Two","state":"Us"}]"#;

#[test]
fn a_day_is_what_rules_saw() {
    let mut life = Life::begin(Memory::default(), 0);
    assert_eq!(life.day(ADA, 5), "? 0-5");
    life.snapshot(10, &[(ADA, ON), (BOB, OFF)]);
    assert_eq!(life.day(ADA, 20), "online 10-, ? 0-10");
    life.update(20, GAME);
    life.update(30, SONG);
    life.update(40, OTHER);
    life.update(50, DND);
    life.update(60, OFF);
    life.tick(61);
    life.update(70, ON);
    assert_eq!(
        life.day(ADA, 80),
        "online 10-50, dnd 50-60, offline 60-70, online 70-, One · Us 30-40, Two · Us 40-50, Braid 20-30, ? 0-10"
    );
    assert_eq!(life.day(BOB, 80), "offline 10-, ? 0-10");
}

#[test]
fn what_only_blinked_was_not() {
    let mut life = Life::begin(Memory::default(), 0);
    life.snapshot(0, &[(ADA, ON)]);
    life.update(20, OFF);
    life.update(20, ON);
    assert_eq!(life.day(ADA, 30), "online 0-");
}

#[test]
fn what_nobody_watched_is_not_told() {
    let mut life = Life::begin(Memory::default(), 0);
    life.snapshot(0, &[(ADA, ON), (BOB, ON)]);
    life.go_blind(10);
    assert_eq!(life.day(ADA, 15), "online 0-10, ? 10-15");
    life.snapshot(20, &[(ADA, DND)]);
    // Bob was not in it.
    assert_eq!(life.day(ADA, 30), "online 0-10, dnd 20-, ? 10-20");
    assert_eq!(life.day(BOB, 30), "online 0-10, ? 10-30");
    life.snapshot(40, &[(ADA, DND), (BOB, ON)]);
    assert_eq!(life.day(BOB, 50), "online 0-10, online 40-, ? 10-40");
    // Now he is lost while others are seen.
    life.snapshot(60, &[(ADA, DND)]);
    assert_eq!(life.day(BOB, 65), "online 0-10, online 40-60, ? 10-40, ? 60-65");
    life.go_blind(70);
    life.snapshot(80, &[(ADA, DND), (BOB, ON)]);
    assert_eq!(life.day(BOB, 90), "online 0-10, online 40-60, online 80-, ? 10-40, ? 60-80");
    assert_eq!(life.day(ADA, 90), "online 0-10, dnd 20-70, dnd 80-, ? 10-20, ? 70-80");
}

#[test]
fn a_day_goes_on_after_a_restart() {
    let mut life = Life::begin(Memory::default(), 0);
    life.snapshot(0, &[(ADA, ON), (BOB, ON)]);
    life.update(10, GAME);
    life.update(20, DND);
    life.snapshot(30, &[(ADA, DND)]);
    let mut life = Life::begin(life.end(40), 45);
    assert_eq!(life.day(ADA, 46), "online 0-20, dnd 20-40, Braid 10-20, ? 40-46");
    life.snapshot(50, &[(ADA, DND), (BOB, ON)]);
    assert_eq!(life.day(ADA, 60), "online 0-20, dnd 20-40, dnd 50-, Braid 10-20, ? 40-50");
    assert_eq!(life.day(BOB, 60), "online 0-30, online 50-, ? 30-50");
    // Once more, cut off while nobody was watched.
    life.go_blind(70);
    let mut life = Life::begin(life.end(80), 90);
    life.snapshot(100, &[(ADA, DND), (BOB, ON)]);
    assert_eq!(life.day(BOB, 110), "online 0-30, online 50-70, online 100-, ? 30-50, ? 70-100");
}

#[test]
fn after_a_kill_what_was_not_written_down_was_not_watched() {
    let mut life = Life::begin(Memory::default(), 0);
    life.snapshot(0, &[(ADA, ON)]);
    life.update(1, GAME);
    life.update(2, ON);
    life.tick(5);
    life.update(6, GAME);
    life.tick(7);
    life.update(8, ON);
    let mut life = Life::begin(life.killed(), 9);
    life.snapshot(10, &[(ADA, ON)]);
    assert_eq!(life.day(ADA, 20), "online 0-5, online 10-, Braid 1-2, ? 5-10");
}

#[test]
fn it_is_written_down_now_and_then_and_only_what_is_new() {
    let mut diary = Diary::recall(at(0), None);
    diary.see(at(0).wall_ms);
    let written = |diary: &mut Diary, minute| diary.write(at(minute)).map(|note| note.text.is_some());
    assert_eq!(written(&mut diary, 0), Some(true));
    assert_eq!(written(&mut diary, 1), Some(false), "all is on disk");
    diary.lose(at(1).wall_ms, ADA);
    assert_eq!(written(&mut diary, 2), None, "it is not, and it is too early");
    assert_eq!(written(&mut diary, 3), Some(true));
    diary.find(at(3).wall_ms, ADA, None);
    assert!(diary.write_all(at(4)).text.is_some(), "at the end all is");
}

#[test]
fn a_text_of_another_kind_is_no_diary() {
    for text in ["", "[7]", "{\"people\":5}", "\u{0}"] {
        let note = DiaryNote { upto_ms: at(0).wall_ms, text: Some(text.into()) };
        let diary = Diary::recall(at(1), Some(note));
        assert_eq!(diary.read(ADA).unwatched[0].from_ms, i64::MIN, "{text}");
    }
    // A lane that another version knows is left out, the rest is there.
    let text = r#"{"people":[{"id":5,"was":[[0,"idle",1,2,1],[99,"x",1,2,1]],"more":1}],"x":2}"#;
    let note = DiaryNote { upto_ms: 5, text: Some(text.into()) };
    let diary = Diary::recall(Moment::default(), Some(note));
    assert_eq!(diary.read(ADA).stretches, [Stretch::new(Lane::Status, "idle", 1, 2)]);
}

/// A status that lasted so many seconds and ended at a second.
fn lasted(diary: &mut Diary, id: UserId, name: &str, from_s: i64, to_s: i64) {
    let (from_ms, to_ms) = (BEGIN_MS + from_s * 1000, BEGIN_MS + to_s * 1000);
    diary.note(to_ms, id, Stretch::new(Lane::Status, name, from_ms, to_ms));
}

#[test]
fn a_status_that_flaps_each_second_all_day_is_bounded_and_whole() {
    let mut diary = Diary::recall(at(0), None);
    for second in 0..86_400 {
        lasted(&mut diary, ADA, ["online", "idle"][second as usize % 2], second, second + 1);
    }
    let pages = diary.read(ADA);
    assert!(pages.stretches.len() < 150, "{}", pages.stretches.len());
    assert_eq!(pages.let_go_ms, None, "nothing of it is left out");
    assert_eq!(pages.stretches.iter().map(|stretch| stretch.parts).sum::<u32>(), 86_400);
    let length: i64 = pages.stretches.iter().map(|stretch| stretch.to_ms - stretch.from_ms).sum();
    assert_eq!(length, 86_400_000);
}

#[test]
fn whatever_people_do_what_is_kept_is_bounded_and_says_so() {
    let mut diary = Diary::recall(at(0), None);
    for minute in 0..600 {
        lasted(&mut diary, ADA, "online", minute * 61, minute * 61 + 61);
    }
    let pages = diary.read(ADA);
    assert_eq!(pages.stretches.len(), STRETCHES_MAX);
    assert_eq!(pages.let_go_ms, Some(BEGIN_MS + 200 * 61_000));
    // A hundred thousand people, each of whom does something; some are lost and found.
    for number in 0..100_000_i64 {
        let id = UserId(1000 + number.unsigned_abs());
        lasted(&mut diary, id, &"🦀\u{1}\"".repeat(50), number, number + 100);
        if number % 10 == 0 {
            diary.lose(BEGIN_MS + number * 1000, id);
            diary.find(BEGIN_MS + number * 1000 + 500, id, None);
        }
    }
    assert!(diary.total <= TOTAL_MAX && diary.people.len() <= TOTAL_MAX, "{}", diary.total);
    let counted: usize = diary.people.values().map(super::book::Person::len).sum();
    assert_eq!(diary.total, counted);
    assert!(diary.read(ADA).let_go_ms > Some(BEGIN_MS + 80_000_000));
    let text = diary.write_all(at(3000)).text.unwrap();
    assert!(text.len() < 3_000_000, "{}", text.len());
    // A connection that comes and goes.
    for second in 0..10_000 {
        diary.go_blind(BEGIN_MS + second * 2000);
        diary.see(BEGIN_MS + second * 2000 + 1000);
    }
    assert_eq!(diary.blind.len(), SPANS_MAX);
    assert_eq!(diary.blind[1].from_ms - diary.blind[0].to_ms, 1000);
}

#[test]
fn what_is_a_day_old_is_forgotten() {
    let mut diary = Diary::recall(at(0), None);
    lasted(&mut diary, ADA, "online", 0, 100);
    lasted(&mut diary, BOB, "online", 0, 86_450);
    assert_eq!(diary.read(ADA).stretches.len(), 1);
    diary.write_all(Moment { wall_ms: BEGIN_MS + KEPT_MS + 100_000, ..at(0) });
    assert_eq!((diary.read(ADA).stretches.len(), diary.read(BOB).stretches.len()), (0, 1));
    diary.forget(BOB);
    assert_eq!((diary.total, diary.people.len()), (0, 0));
}
