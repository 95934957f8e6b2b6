//! The whole path from a zlib frame to the decision, beside a bare loop that only inflates and parses the same
//! frames with the same crates.

use std::hint::black_box;

use super::stage::{Inflater, Line, Sizes, frames, never};
use super::stopwatch::{each_us, tell};

pub fn bench(sizes: Sizes) {
    println!("{} people, {} rules that never match", sizes.people, sizes.rules);
    let frames = frames(sizes.people);
    let (bare, whole) = compare(&frames, sizes);
    tell("inflate and parse to a tree: the bare loop", bare, "");
    tell("frame to decision", whole, &format!("{:.2} × bare", whole / bare));
}

/// The bare loop and the whole path, in turns, so that a noisy neighbour meets both; microseconds of each.
pub fn compare(frames: &[Vec<u8>], sizes: Sizes) -> (f64, f64) {
    const TURNS: usize = 5;
    let mut inflater = Inflater::new();
    let mut line = Line::new(never(sizes.people, sizes.rules), sizes.people);
    let mut taken = 0;
    let (mut bare, mut whole) = (0.0, 0.0);
    for _ in 0..TURNS {
        bare += each_us(sizes.updates / TURNS, |i| {
            let inflated = inflater.inflate(&frames[i % frames.len()]);
            black_box(serde_json::from_slice::<serde_json::Value>(inflated).unwrap());
        });
        whole += each_us(sizes.updates / TURNS, |_| {
            line.take(&frames[taken % frames.len()]);
            taken += 1;
        });
    }
    assert_eq!(line.firings(), 0);
    (bare / TURNS as f64, whole / TURNS as f64)
}
