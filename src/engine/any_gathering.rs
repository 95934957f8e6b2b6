//! In any story a rule that gathers tells what it would tell alone: each firing once, in order, none of them lost.

use proptest::prelude::*;

use super::any_holding::{Event, any_event, play};

const RULES: &str = "
rules:
  - {id: alone, who: everyone, when: [started_playing, stopped_playing], send: {to: screen, text: '{{name}} {{change.kind}};'}}
  - {id: together, who: everyone, when: [started_playing, stopped_playing], group: {wait: 7s, max: 3}, send: {to: screen, text: '{{#each firings}}{{name}} {{change.kind}};{{/each}}'}}
  - {id: apart, who: everyone, when: [started_playing, stopped_playing], group: {wait: 5s, by: person}, send: {to: screen, text: '{{#each firings}}{{name}} {{change.kind}};{{/each}}'}}
";
const MAX: usize = 3;

/// The messages of a rule, each as what it tells of.
fn messages(told: &[String], rule: &str) -> Vec<Vec<String>> {
    let of_rule = told.iter().filter(|line| line.split(' ').nth(1) == Some(&format!("{rule}:")));
    let tells = of_rule.map(|line| {
        let text = line.split_once(": ").map_or("", |(_, text)| text);
        text.split_terminator(';').map(|firing| firing.trim().to_owned()).collect()
    });
    tells.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn what_is_gathered_is_told_once_and_in_order(
        events in proptest::collection::vec((0_u64..4, any_event()), 0..40),
        last in proptest::array::uniform3(any::<bool>()),
    ) {
        let told = play(RULES, &events, last);
        let alone: Vec<String> = messages(&told, "alone").concat();
        let together = messages(&told, "together");
        prop_assert!(together.iter().all(|message| (1..=MAX).contains(&message.len())), "{:#?}", told);
        prop_assert_eq!(&together.concat(), &alone, "{:#?}", told);
        let apart = messages(&told, "apart").concat();
        for who in ["ada", "bob", "carol"] {
            let of_person = |firings: &[String]| -> Vec<String> {
                firings.iter().filter(|firing| firing.starts_with(who)).cloned().collect()
            };
            prop_assert_eq!(of_person(&apart), of_person(&alone), "{} in {:#?}", who, told);
        }
    }
}

/// The model would be content with silence: that it rings in such stories is shown here.
#[test]
fn what_comes_together_is_told_together() {
    let update = |who, plays| (0, Event::Update(who, plays));
    let events =
        [(0, Event::Snapshot([Some(false); 3])), update(0, true), update(1, true), (20, Event::Write)];
    let told = play(RULES, &events, [true, true, false]);
    assert_eq!(messages(&told, "together"), [["ada started_playing", "bob started_playing"]], "{told:#?}");
    assert_eq!(messages(&told, "apart"), [["ada started_playing"], ["bob started_playing"]], "{told:#?}");
}

#[test]
fn a_group_is_no_larger_than_it_may_be_whatever_comes_in_one_moment() {
    let update = |who, plays| (0, Event::Update(who, plays));
    let (ada, bob, carol) = (0, 1, 2);
    let came = [update(ada, true), update(bob, true), update(carol, true), update(ada, false)];
    let events: Vec<_> = [(0, Event::Snapshot([Some(false); 3]))].into_iter().chain(came).collect();
    let told = play(RULES, &events, [false, true, true]);
    let expected = [
        vec!["ada started_playing", "bob started_playing", "carol started_playing"],
        vec!["ada stopped_playing"],
    ];
    assert_eq!(messages(&told, "together"), expected, "{told:#?}");
}
