//! What each step from a frame to a transaction costs on one core, and how that grows.
//!
//! `cargo bench --bench parts -- [reading] [matching] [rendering] [commit] [path] [growth] [--people N] [--rules N]
//! [--updates N]`; without a word, all of them. `counts` counts instructions, see `counts.rs`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a benchmark tells its figures, and a panic is its message"
)]

mod commit;
mod counts;
mod growth;
mod matching;
mod path;
mod reading;
mod rendering;
mod stage;
mod stopwatch;

use std::process::ExitCode;

use stage::Sizes;

const PARTS: [(&str, fn(Sizes)); 6] = [
    ("reading", reading::bench),
    ("matching", matching::bench),
    ("rendering", rendering::bench),
    ("commit", commit::bench),
    ("path", path::bench),
    ("growth", growth::bench),
];

fn main() -> ExitCode {
    let mut sizes = Sizes { people: 10_000, rules: 1000, updates: 400_000 };
    let mut wanted: Vec<String> = Vec::new();
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench").peekable();
    if args.next_if(|first| first == "counts").is_some() {
        return counts::run(&args.collect::<Vec<_>>());
    }
    while let Some(arg) = args.next() {
        let size = match arg.as_str() {
            "--people" => &mut sizes.people,
            "--rules" => &mut sizes.rules,
            "--updates" => &mut sizes.updates,
            _ => {
                assert!(PARTS.iter().any(|(name, _)| *name == arg), "there is no part `{arg}`");
                wanted.push(arg);
                continue;
            }
        };
        *size = args.next().and_then(|value| value.parse().ok()).expect("each size takes a number");
    }
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            println!("# {name}");
            part(sizes);
            println!();
        }
    }
    ExitCode::SUCCESS
}
