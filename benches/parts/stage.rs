//! The people, frames and rules that every part works with.

use std::io::Write as _;
use std::sync::Arc;

use doorchime::engine::diary::book::Diary;
use doorchime::engine::effects::Effects;
use doorchime::engine::machine::Engine;
use doorchime::lanyard::frame::{Decoder, Frame, Payload};
use doorchime::lanyard::observation::Observation;
use doorchime::outbox::delivery::Memory;
use doorchime::presence::model::{Presence, UserId};
use doorchime::presence::writing::PresenceJson;
use doorchime::rules::compile::compile;
use doorchime::rules::places::Source;
use doorchime::rules::vars::NoVars;
use doorchime::time::Moment;

/// Each person goes through so many different presences.
pub const VARIANTS: usize = 4;
const INFLATED_BYTES_MAX: usize = 64 << 20;

#[derive(Clone, Copy)]
pub struct Sizes {
    pub people: usize,
    pub rules: usize,
    pub updates: usize,
}

pub fn id(person: usize) -> UserId {
    UserId(900_000_000_000_000_000 + person as u64)
}

/// A person in the middle of a game; each variant differs in its state, and in a KV value.
pub fn presence(person: usize, variant: usize) -> PresenceJson {
    PresenceJson::new(id(person))
        .named("somebody")
        .status("online")
        .on(&["desktop"])
        .playing_at("Factorio", "In the mines", &format!("Rocket {variant}"))
        .custom("🦀", "rusty")
}

pub fn update(presence: &PresenceJson) -> String {
    format!(r#"{{"op":0,"d":{},"t":"PRESENCE_UPDATE"}}"#, presence.json())
}

pub fn deflate(text: &str) -> Vec<u8> {
    let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    deflater.write_all(text.as_bytes()).unwrap();
    deflater.finish().unwrap()
}

/// One zlib frame for each variant of each person, so that every update differs from the one before.
pub fn frames(people: usize) -> Vec<Vec<u8>> {
    let each = (0..VARIANTS).flat_map(|variant| (0..people).map(move |person| (person, variant)));
    each.map(|(person, variant)| deflate(&update(&presence(person, variant)))).collect()
}

/// So many rules that each look at somebody and never match.
pub fn never(people: usize, rules: usize) -> String {
    file(people, &asking(rules, |rule| format!("p{}", rule % people)))
}

/// Rules that are asked about each change of an activity of `who`, and answer no.
pub fn asking(rules: usize, who: impl Fn(usize) -> String) -> String {
    let rule = |rule| {
        let who = who(rule);
        format!(
            "  - {{id: r{rule}, who: {who}, when: [went_online, changed_activity], if: 'playing.name == \"Tetris\"', send: out}}\n"
        )
    };
    (0..rules).map(rule).collect()
}

/// A file with people p0, p1, …, a target `out` and these rules.
pub fn file(people: usize, rules: &str) -> String {
    let mut file = String::from("targets: {out: {type: webhook, url: 'http://127.0.0.1:9/'}}\npeople:\n");
    for person in 0..people {
        file.push_str(&format!("  p{person}: {}\n", id(person)));
    }
    if rules.is_empty() { file } else { file + "rules:\n" + rules }
}

/// One core between frames and what follows from them.
pub struct Line {
    decoder: Decoder,
    engine: Engine,
    pub effects: Effects,
    taken: u64,
}

impl Line {
    /// An engine with these rules that has seen so many people online.
    pub fn new(file: String, people: usize) -> Self {
        let rules = match compile(Source::new("bench".to_owned(), file), &NoVars) {
            Ok(loaded) => loaded.set,
            Err(findings) => panic!("{}", findings.render(false)),
        };
        let mut engine = Engine::new(Arc::new(rules), Memory::default(), Moment::default(), 1);
        engine.keep_diary(Diary::recall(Moment::default(), None));
        let mut effects = Effects::default();
        for person in 0..people {
            let raw = PresenceJson::new(id(person)).status("online").json();
            let (id, presence) = Presence::parse(&raw, None).unwrap();
            engine.observe(Moment::default(), Observation::Seen(id, presence), &mut effects);
        }
        effects.commit = doorchime::outbox::delivery::Commit::default();
        Self { decoder: Decoder::new(INFLATED_BYTES_MAX), engine, effects, taken: 0 }
    }

    /// From a zlib frame to the decision, 100,000 a second by the engine's clock.
    pub fn take(&mut self, frame: &[u8]) {
        let now = self.now();
        if let Ok(Frame::Update(id, presence)) = self.decoder.decode(Payload::Binary(frame)) {
            self.engine.observe(now, Observation::Updated(id, presence), &mut self.effects);
        }
        self.tick(now);
    }

    /// From an inflated presence to the decision.
    pub fn take_presence(&mut self, raw: &str) {
        let now = self.now();
        let (id, presence) = Presence::parse(raw, None).unwrap();
        self.engine.observe(now, Observation::Updated(id, presence), &mut self.effects);
        self.tick(now);
    }

    pub fn firings(&self) -> usize {
        self.effects.commit.deliveries.len()
    }

    fn now(&mut self) -> Moment {
        self.taken += 1;
        Moment {
            mono: std::time::Duration::from_micros(10 * self.taken),
            wall_ms: 1_700_000_000_000 + self.taken as i64 / 100,
        }
    }

    fn tick(&mut self, now: Moment) {
        if self.engine.deadline().is_some_and(|at| at <= now.mono) {
            self.engine.tick(now, &mut self.effects);
        }
        self.effects.commit.baselines.clear();
    }
}

/// The bare loop's inflater: state and room are used again.
pub struct Inflater {
    state: flate2::Decompress,
    room: Vec<u8>,
}

impl Inflater {
    pub fn new() -> Self {
        Self { state: flate2::Decompress::new(true), room: Vec::with_capacity(64 << 10) }
    }

    pub fn inflate(&mut self, frame: &[u8]) -> &[u8] {
        self.state.reset(true);
        self.room.clear();
        self.state.decompress_vec(frame, &mut self.room, flate2::FlushDecompress::Finish).unwrap();
        &self.room
    }
}
