//! One core's whole path, from a zlib frame to the decision, beside a bare loop that only inflates and parses
//! the same frames with the same crates.
//!
//! `cargo bench --bench path -- [--people N] [--rules N] [--updates N]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a benchmark tells its figures, and a panic is its message"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorchime::engine::effects::Effects;
use doorchime::engine::machine::Engine;
use doorchime::lanyard::frame::{Decoder, Frame, Payload};
use doorchime::lanyard::observation::Observation;
use doorchime::outbox::delivery::Memory;
use doorchime::presence::model::{Presence, UserId};
use doorchime::presence::writing::PresenceJson;
use doorchime::rules::compile::compile;
use doorchime::rules::places::Source;
use doorchime::rules::set::RuleSet;
use doorchime::rules::vars::NoVars;
use doorchime::time::Moment;

/// Each person goes through so many different presences.
const VARIANTS: usize = 4;
const INFLATED_BYTES_MAX: usize = 64 << 20;

struct Sizes {
    people: usize,
    rules: usize,
    updates: usize,
}

fn main() {
    let sizes = sizes();
    println!("{} people, {} rules that never match, {} updates", sizes.people, sizes.rules, sizes.updates);
    let frames = frames(sizes.people);
    let mean = frames.iter().map(Vec::len).sum::<usize>() / frames.len();
    println!("frames of {mean} bytes, {} inflated\n", inflate(&frames[0]).len());
    let order = |i: usize| &frames[i % frames.len()];

    let mut inflater = Inflater::new();
    let bare_value = measure(sizes.updates, |i| {
        black_box(serde_json::from_slice::<serde_json::Value>(inflater.inflate(order(i))).unwrap());
    });
    let mut inflater = Inflater::new();
    let bare_inflate = measure(sizes.updates, |i| {
        black_box(inflater.inflate(order(i)).len());
    });
    let mut decoder = Decoder::new(INFLATED_BYTES_MAX);
    let decode = measure(sizes.updates, |i| {
        black_box(decoder.decode(Payload::Binary(order(i))).is_ok());
    });
    let mut decoder = Decoder::new(INFLATED_BYTES_MAX);
    let mut engine = engine(&sizes);
    let mut effects = Effects::default();
    let whole = measure(sizes.updates, |i| {
        let now = Moment { mono: Duration::from_micros(10 * i as u64), wall_ms: i as i64 / 100 };
        if let Ok(Frame::Update(id, presence)) = decoder.decode(Payload::Binary(order(i))) {
            engine.observe(now, Observation::Updated(id, presence), &mut effects);
        }
        if engine.deadline().is_some_and(|at| at <= now.mono) {
            engine.tick(now, &mut effects);
        }
        effects.commit.baselines.clear();
    });
    for (name, took) in [
        ("inflate", bare_inflate),
        ("inflate, parse to a tree (the bare loop)", bare_value),
        ("inflate, parse to a presence", decode),
        ("frame to decision", whole),
    ] {
        let each_us = took.as_secs_f64() * 1e6 / sizes.updates as f64;
        let ratio = took.as_secs_f64() / bare_value.as_secs_f64();
        println!("{name:<42} {each_us:>7.2} µs  {:>9.0} a second  {ratio:.2} × bare", 1e6 / each_us);
    }
}

fn sizes() -> Sizes {
    let mut sizes = Sizes { people: 10_000, rules: 1000, updates: 400_000 };
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(name) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok()).expect("each option takes a number");
        match name.as_str() {
            "--people" => sizes.people = value,
            "--rules" => sizes.rules = value,
            "--updates" => sizes.updates = value,
            _ => panic!("--people, --rules and --updates are all there is, not {name}"),
        }
    }
    sizes
}

fn measure(times: usize, mut one: impl FnMut(usize)) -> Duration {
    (0..times / 10).for_each(&mut one);
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    let began = Instant::now();
    (0..times).for_each(one);
    began.elapsed()
}

fn id(person: usize) -> UserId {
    UserId(900_000_000_000_000_000 + person as u64)
}

/// One zlib frame for each variant of each person, so that every update differs from the one before.
fn frames(people: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::with_capacity(people * VARIANTS);
    for variant in 0..VARIANTS {
        for person in 0..people {
            let presence = PresenceJson::new(id(person))
                .named("somebody")
                .status("online")
                .on(&["desktop"])
                .playing_at("Factorio", "In the mines", &format!("Rocket {variant}"))
                .custom("🦀", "rusty");
            let frame = format!(r#"{{"op":0,"d":{},"t":"PRESENCE_UPDATE"}}"#, presence.json());
            let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            deflater.write_all(frame.as_bytes()).unwrap();
            frames.push(deflater.finish().unwrap());
        }
    }
    frames
}

/// The bare loop's inflater: state and room are used again.
struct Inflater {
    state: flate2::Decompress,
    room: Vec<u8>,
}

impl Inflater {
    fn new() -> Self {
        Self { state: flate2::Decompress::new(true), room: Vec::with_capacity(64 << 10) }
    }

    fn inflate(&mut self, frame: &[u8]) -> &[u8] {
        self.state.reset(true);
        self.room.clear();
        self.state.decompress_vec(frame, &mut self.room, flate2::FlushDecompress::Finish).unwrap();
        &self.room
    }
}

fn inflate(frame: &[u8]) -> Vec<u8> {
    Inflater::new().inflate(frame).to_vec()
}

/// An engine that knows everybody, with rules that each look at somebody and never match.
fn engine(sizes: &Sizes) -> Engine {
    let mut engine = Engine::new(Arc::new(rules(sizes)), Memory::default(), Moment::default(), 1);
    let mut effects = Effects::default();
    for person in 0..sizes.people {
        let raw = PresenceJson::new(id(person)).status("online").json();
        let (id, presence) = Presence::parse(&raw, None).unwrap();
        engine.observe(Moment::default(), Observation::Seen(id, presence), &mut effects);
    }
    engine
}

fn rules(sizes: &Sizes) -> RuleSet {
    let mut file = String::from("targets: {out: {type: console}}\npeople:\n");
    for person in 0..sizes.people {
        file.push_str(&format!("  p{person}: {}\n", id(person)));
    }
    file.push_str("rules:\n");
    for rule in 0..sizes.rules {
        let who = rule % sizes.people;
        file.push_str(&format!(
            "  - {{id: r{rule}, who: p{who}, when: [went_online, changed_activity], if: 'playing.name == \"Tetris\"', send: out}}\n"
        ));
    }
    let source = Source::new("bench".to_owned(), file);
    match compile(source, &NoVars) {
        Ok(loaded) => loaded.set,
        Err(findings) => panic!("{}", findings.render(false)),
    }
}
