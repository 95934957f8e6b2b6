//! How the cost of one update grows with people, with rules, and with what they ring.

use doorchime::clock::Clock;
use doorchime::outbox::store::handle::{Durability, open};

use super::path::compare;
use super::stage::{Line, Sizes, VARIANTS, deflate, file, frames, presence, update};
use super::stopwatch::{each_us, tell};

const PEOPLE: [usize; 5] = [10, 100, 1000, 10_000, 100_000];
const RULES: [usize; 5] = [1, 10, 100, 1000, 10_000];
/// Of a hundred updates, so many fire.
const FIRINGS: [usize; 5] = [0, 1, 10, 50, 100];
/// What was rung is written down in transactions of so many.
const BATCH: usize = 256;

pub fn bench(sizes: Sizes) {
    let told = |name: String, people: usize, rules: usize| {
        let (bare, whole) = compare(&frames(people), Sizes { people, rules, ..sizes });
        tell(&name, whole, &format!("{:.2} × bare", whole / bare));
    };
    for people in PEOPLE {
        told(format!("{people} people, {} rules", sizes.rules), people, sizes.rules);
    }
    for rules in RULES {
        told(format!("{rules} rules, {} people", sizes.people), sizes.people, rules);
    }
    println!("this thread alone; another one writes what it hands over");
    for firings in FIRINGS {
        firing(firings, sizes);
    }
}

fn firing(of_hundred: usize, sizes: Sizes) {
    let people = sizes.people.min(1000);
    let rule = "  - {id: r, who: everyone, when: changed_kv, send: {to: out, body: '{{user.name}} {{change.to}}'}}\n";
    let mut line = Line::new(file(people, rule), people);
    let frames: Vec<Vec<u8>> = (0..VARIANTS * people)
        .map(|n| {
            let (person, variant) = (n % people, n / people);
            let presence = presence(person, variant);
            // Whoever fires does so in every variant.
            let kv = if person % 100 < of_hundred { variant.to_string() } else { "same".to_owned() };
            deflate(&update(&presence.kv("k", &kv)))
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let (store, thread) = open(dir.path(), Durability::Full, Clock::start()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let took = each_us(sizes.updates / 10, |i| {
        line.take(&frames[i % frames.len()]);
        if line.firings() >= BATCH {
            let commit = std::mem::take(&mut line.effects.commit);
            runtime.block_on(store.commit(commit)).unwrap();
        }
    });
    tell(&format!("{of_hundred} of a hundred updates fire"), took, "");
    drop(store);
    thread.join();
}
