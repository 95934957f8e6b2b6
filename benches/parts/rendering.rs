//! Firing: what a message costs beyond the decision, by what is in it.

use super::stage::{Line, Sizes, VARIANTS, file, presence};
use super::stopwatch::{each_us, tell};

const MESSAGES: [(&str, &str); 5] = [
    ("a text without names", "body: hello"),
    ("a text with two names", "body: '{{user.name}} plays {{playing.name}}'"),
    (
        "a text with helpers",
        "body: '{{truncate (upper user.name) 5}} {{default track.song \"nothing\"}} {{#if platforms.desktop}}here{{/if}}'",
    ),
    (
        "a JSON tree of six texts",
        "json: {a: '{{user.name}}', b: '{{playing.name}}', c: {d: '{{status}}', e: ['{{user.id}}', '{{rule}}', '{{playing.state}}']}}",
    ),
    ("the default event", ""),
];
const PEOPLE: usize = 100;

pub fn bench(sizes: Sizes) {
    let raws: Vec<String> = (0..VARIANTS * PEOPLE).map(|n| presence(n % PEOPLE, n / PEOPLE).json()).collect();
    let times = sizes.updates / 8;
    let silent = "  - {id: r, who: everyone, when: changed_kv, send: out}\n";
    let mut line = Line::new(file(PEOPLE, silent), PEOPLE);
    let decision = each_us(times, |i| line.take_presence(&raws[i % raws.len()]));
    tell("a presence that fires nothing", decision, "");
    for (name, message) in MESSAGES {
        let rule =
            format!("  - {{id: r, who: everyone, when: changed_activity, send: {{to: out, {message}}}}}\n");
        let mut line = Line::new(file(PEOPLE, &rule), PEOPLE);
        let mut firings = 0;
        let took = each_us(times, |i| {
            line.take_presence(&raws[i % raws.len()]);
            firings += line.firings();
            line.effects.commit.deliveries.clear();
        });
        assert!(firings > times / 2, "{firings} of {times}");
        tell(&format!("one that fires {name}"), took, &format!("{:.2} µs more", took - decision));
    }
}
