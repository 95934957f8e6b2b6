//! How many instructions the hot path takes, beside the figures in `benches/counts.txt`: wall time is noise where
//! other things run, instructions are not.
//!
//! `counts` compares and fails where one takes more than it did; `counts --store` writes the figures down. Each
//! path is run twice under Valgrind, once for so many turns and once for twice as many: the difference is what
//! the turns cost, without the start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use doorchime::clock::Clock;
use doorchime::outbox::store::handle::{Durability, open};

use super::stage::{Line, VARIANTS, deflate, file, frames, never, presence, update};

/// A path, and how it is told.
const PATHS: [(&str, &str, fn(usize)); 2] = [
    ("update", "from a frame to the decision that nothing matches", updates),
    ("firing", "from a frame to a message rendered and committed", firings),
];
const TURNS: usize = 2000;
/// More than this and it is a finding; compilers, C libraries and processors differ by less.
const TOLERANCE: f64 = 0.05;
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.txt");
const STORE: &str = "cargo bench --profile counts --bench parts -- counts --store";

const PEOPLE: usize = 200;
const RULES: usize = 100;
const COMMITTED_TOGETHER: usize = 10;

pub fn run(args: &[String]) -> ExitCode {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--store"] => store(),
        ["turns", path, turns] => {
            let (_, _, path) = PATHS.iter().find(|(name, ..)| *name == path).unwrap();
            path(turns.parse().unwrap());
            ExitCode::SUCCESS
        }
        _ => panic!("`counts` and `counts --store` are all there is"),
    }
}

fn compare() -> ExitCode {
    let Some(counted) = count() else {
        println!(
            "SKIPPED: the instructions were not counted. Valgrind is missing (Debian: apt-get install valgrind)"
        );
        return ExitCode::SUCCESS;
    };
    let stored = stored();
    let mut worse = false;
    for (name, told, _) in PATHS {
        let now = counted[name];
        let Some(&before) = stored.get(&key(name)) else {
            println!("{name}: {now} instructions {told}; NOT COMPARED, none are stored for {}", machine());
            continue;
        };
        let change = now as f64 / before as f64 - 1.0;
        println!("{name}: {now} instructions {told}; {before} are stored, {:+.1} %", change * 100.0);
        if change > TOLERANCE {
            worse = true;
        } else if change < -TOLERANCE {
            println!("  That is better than what is stored, which would hide the next loss: {STORE}");
        }
    }
    if worse {
        println!("\nThe hot path takes more than {} % more instructions than it did.", TOLERANCE * 100.0);
        println!(
            "Where they go: valgrind --tool=callgrind {} counts turns update {TURNS}",
            program().display()
        );
        println!("If what they buy is worth it, store the new figures and say in the commit what it is:");
        println!("  {STORE}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn store() -> ExitCode {
    let counted = count().expect("Valgrind counts them");
    let mut stored = stored();
    stored.extend(counted.into_iter().map(|(name, count)| (key(name), count)));
    let lines: String = stored.iter().map(|(key, count)| format!("{key} {count}\n")).collect();
    std::fs::write(FILE, format!("# Instructions for one turn, by processor and compiler: {STORE}\n{lines}"))
        .unwrap();
    println!("{lines}");
    ExitCode::SUCCESS
}

fn stored() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(key, count)| (key.to_owned(), count.parse().unwrap()))
        .collect()
}

fn key(name: &str) -> String {
    format!("{} {name}", machine())
}

/// The processor's kind, and the compiler's version without its patches.
fn machine() -> String {
    let told = Command::new("rustc").arg("--version").output().expect("there is a compiler").stdout;
    let told = String::from_utf8(told).unwrap();
    let version = told.split_whitespace().nth(1).and_then(|version| version.rsplit_once('.')).unwrap().0;
    format!("{} rustc-{version}", std::env::consts::ARCH)
}

/// None without Valgrind.
fn count() -> Option<BTreeMap<&'static str, u64>> {
    Command::new("valgrind").arg("--version").output().ok()?;
    let each = |(name, ..): (&'static str, &str, fn(usize))| {
        let spent = instructions(name, 2 * TURNS) - instructions(name, TURNS);
        (name, spent / TURNS as u64)
    };
    Some(PATHS.map(each).into())
}

fn instructions(name: &str, turns: usize) -> u64 {
    let mut valgrind = Command::new("valgrind");
    // Counts as callgrind does, in a quarter of the time: it does not ask who called whom.
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).arg(program());
    let ended = valgrind.args(["counts", "turns", name, &turns.to_string()]).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    let counted =
        told.lines().find_map(|line| line.split_once("refs:")?.1.trim().replace(',', "").parse().ok());
    counted.unwrap_or_else(|| panic!("Valgrind does not tell: {told}"))
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn updates(turns: usize) {
    let frames = frames(PEOPLE);
    let mut line = Line::new(never(PEOPLE, RULES), PEOPLE);
    for turn in 0..turns {
        line.take(&frames[turn % frames.len()]);
    }
    assert_eq!(line.firings(), 0);
}

fn firings(turns: usize) {
    let rule = "  - {id: r, who: everyone, when: changed_kv, cooldown: 1ms, send: {to: out, body: '{{user.name}} {{change.to}}'}}\n";
    let frames: Vec<Vec<u8>> = (0..VARIANTS * PEOPLE)
        .map(|n| deflate(&update(&presence(n % PEOPLE, 0).kv("k", &(n / PEOPLE).to_string()))))
        .collect();
    let mut line = Line::new(file(PEOPLE, rule), PEOPLE);
    let dir = tempfile::tempdir().unwrap();
    let (store, thread) = open(dir.path(), Durability::Normal, Clock::start()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for turn in 0..turns {
        line.take(&frames[turn % frames.len()]);
        if line.firings() >= COMMITTED_TOGETHER {
            runtime.block_on(store.commit(std::mem::take(&mut line.effects.commit))).unwrap();
        }
    }
    drop(store);
    thread.join();
}
