//! Asking rules: those that are about somebody else, and those that are asked and answer no.

use super::stage::{Line, Sizes, VARIANTS, asking, file, presence};
use super::stopwatch::{each_us, tell};

const RULES: [usize; 5] = [0, 1, 100, 1000, 10_000];
const PEOPLE: usize = 100;

pub fn bench(sizes: Sizes) {
    let raws: Vec<String> = (0..VARIANTS * PEOPLE).map(|n| presence(n % PEOPLE, n / PEOPLE).json()).collect();
    println!("presences that are parsed already inflated, of {PEOPLE} people; each changes one activity");
    for rules in RULES {
        // The rules are about people who stay silent.
        let mut line = Line::new(
            file(2 * PEOPLE, &asking(rules, |rule| format!("p{}", PEOPLE + rule % PEOPLE))),
            PEOPLE,
        );
        let took = each_us(sizes.updates / 4, |i| line.take_presence(&raws[i % raws.len()]));
        tell(&format!("{rules} rules about somebody else"), took, "");
    }
    let mut without = None;
    for rules in RULES {
        let mut line = Line::new(file(PEOPLE, &asking(rules, |_| "everyone".to_owned())), PEOPLE);
        let times = (sizes.updates / 4 / rules.max(1)).max(10 * PEOPLE);
        let took = each_us(times, |i| line.take_presence(&raws[i % raws.len()]));
        let nobody = *without.get_or_insert(took);
        let each = if rules == 0 {
            String::new()
        } else {
            format!("{:.3} µs a rule", (took - nobody) / rules as f64)
        };
        tell(&format!("{rules} rules that are asked and answer no"), took, &each);
        assert_eq!(line.firings(), 0);
    }
}
