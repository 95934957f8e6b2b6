//! Inflating a frame, reading the presence in it, and finding what differs.

use std::hint::black_box;

use doorchime::lanyard::frame::{Decoder, Payload};
use doorchime::presence::change::diff;
use doorchime::presence::model::Presence;

use super::stage::{Inflater, Sizes, frames, presence};
use super::stopwatch::{each_us, tell};

pub fn bench(sizes: Sizes) {
    let frames = frames(sizes.people.min(1000));
    let order = |i: usize| &frames[i % frames.len()][..];
    let mean = frames.iter().map(Vec::len).sum::<usize>() / frames.len();
    let mut inflater = Inflater::new();
    println!("frames of {mean} bytes, {} inflated", inflater.inflate(&frames[0]).len());
    let inflate = each_us(sizes.updates, |i| {
        black_box(inflater.inflate(order(i)).len());
    });
    tell("inflate", inflate, "");
    let tree = each_us(sizes.updates, |i| {
        black_box(serde_json::from_slice::<serde_json::Value>(inflater.inflate(order(i))).unwrap());
    });
    tell("inflate, parse to a tree (the bare loop)", tree, "");
    let mut decoder = Decoder::new(64 << 20);
    let decode = each_us(sizes.updates, |i| {
        black_box(decoder.decode(Payload::Binary(order(i))).is_ok());
    });
    tell("inflate, parse to a presence", decode, &format!("{:.2} × bare", decode / tree));

    let (before, after) = (presence(1, 0).json(), presence(1, 1).json());
    let parse = each_us(sizes.updates, |_| {
        black_box(Presence::parse(black_box(&after), None).is_ok());
    });
    tell("parse a presence", parse, "");
    let before = Presence::parse(&before, None).unwrap().1;
    let after = Presence::parse(&after, None).unwrap().1;
    let mut changes = Vec::new();
    for (name, after) in [("diff of two that differ in an activity", &after), ("diff of two alike", &before)]
    {
        let took = each_us(sizes.updates, |_| {
            changes.clear();
            diff(black_box(&before), black_box(after), &mut changes);
            black_box(changes.len());
        });
        tell(name, took, "");
    }
}
