//! Any story leaves every `while` where its condition says, with as many ends as beginnings before.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::story::Story;

const RULES: &str = "
rules:
  - {id: at-once, who: [ada, bob, carol], while: playing, enter: {to: screen, text: '{{name}} on'}, exit: {to: screen, text: '{{name}} off'}}
  - {id: slow, who: everyone, while: playing, for: 4s, grace: 6s, enter: {to: screen, text: '{{name}} on'}, exit: {to: screen, text: '{{name}} off'}}
  - {id: looks, who: ada, while: playing && bob.playing, for: 2s, enter: {to: screen, text: '{{name}} on'}, exit: {to: screen, text: '{{name}} off'}}
  - {id: up, while: 'squad.filter(p, p.playing).size() >= 2', grace: 3s, enter: {to: screen, text: 'all on'}, exit: {to: screen, text: 'all off'}}
";
const PEOPLE: [&str; 3] = ["ada", "bob", "carol"];

#[derive(Clone, Debug)]
pub enum Event {
    /// A person plays, or not.
    Update(usize, bool),
    /// Those without a look are absent.
    Snapshot([Option<bool>; 3]),
    Disconnected,
    /// What is known and owed goes to disk.
    Write,
    Restart(u64),
    /// Only what was written is there at the next start.
    Kill(u64),
    Clock(i64),
}

pub fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..3_usize, any::<bool>()).prop_map(|(who, plays)| Event::Update(who, plays)),
        3 => proptest::array::uniform3(proptest::option::weighted(0.8, any::<bool>())).prop_map(Event::Snapshot),
        1 => Just(Event::Disconnected),
        3 => Just(Event::Write),
        1 => (0_u64..20).prop_map(Event::Restart),
        2 => (0_u64..20).prop_map(Event::Kill),
        1 => (-100_i64..100).prop_map(Event::Clock),
    ]
}

fn look(plays: bool) -> &'static str {
    if plays { "online playing=Braid" } else { "online" }
}

fn snapshot(looks: [Option<bool>; 3]) -> String {
    let seen = PEOPLE.iter().zip(looks).filter_map(|(who, plays)| Some(format!("{who} {}", look(plays?))));
    format!("all {}", seen.collect::<Vec<_>>().join(", "))
}

/// What is told in a story, and while it comes to rest with each person as they are in the end.
pub fn play(rules: &str, events: &[(u64, Event)], last: [bool; 3]) -> Vec<String> {
    let mut story = Story::lazy(&[rules]);
    let mut second = 0;
    for (wait, event) in events {
        second += wait;
        let (word, away) = match event {
            Event::Update(who, plays) => (format!("{} {}", PEOPLE[*who], look(*plays)), 0),
            Event::Snapshot(looks) => (snapshot(*looks), 0),
            Event::Disconnected => ("disconnected".to_owned(), 0),
            Event::Write => ("write".to_owned(), 0),
            Event::Restart(away) => (format!("restart {away}"), *away),
            Event::Kill(away) => (format!("kill {away}"), *away),
            Event::Clock(seconds) => (format!("clock {seconds}"), 0),
        };
        story.line(&format!("{second} {word}"));
        second += away;
    }
    story.play(&format!("{second} {}\n{} write", snapshot(last.map(Some)), second + 100))
}

/// What was sent for each rule and person, in order: true for a beginning.
fn sent(told: &[String]) -> BTreeMap<(String, String), Vec<bool>> {
    let mut sent: BTreeMap<(String, String), Vec<bool>> = BTreeMap::new();
    for line in told.iter().filter(|line| !line.ends_with(')')) {
        let words: Vec<&str> = line.split([' ', ':']).filter(|word| !word.is_empty()).collect();
        let [_, rule, who, turn] = words[..] else { panic!("{line}") };
        sent.entry((rule.to_owned(), who.to_owned())).or_default().push(turn == "on");
    }
    sent
}

/// What the rule without `for` and `grace` sends for one person, by a model that knows nothing but their looks.
fn naive(events: &[(u64, Event)], last: [bool; 3], who: usize) -> Vec<bool> {
    let (mut on, mut sent) = (false, Vec::new());
    let mut disk = (false, Vec::new());
    let see = |on: &mut bool, sent: &mut Vec<bool>, plays: bool| {
        if *on != plays {
            *on = plays;
            sent.push(plays);
        }
    };
    for (_, event) in events {
        match event {
            Event::Update(person, plays) if *person == who => see(&mut on, &mut sent, *plays),
            Event::Snapshot(looks) => looks[who].into_iter().for_each(|plays| see(&mut on, &mut sent, plays)),
            Event::Write | Event::Restart(_) => disk = (on, sent.clone()),
            Event::Kill(_) => (on, sent) = disk.clone(),
            _ => {}
        }
    }
    see(&mut on, &mut sent, last[who]);
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn every_beginning_has_its_end_and_the_end_is_as_last_seen(
        events in proptest::collection::vec((0_u64..9, any_event()), 0..40),
        last in proptest::array::uniform3(any::<bool>()),
    ) {
        let told = play(RULES, &events, last);
        let sent = sent(&told);
        for ((rule, who), turns) in &sent {
            for (at, on) in turns.iter().enumerate() {
                prop_assert_eq!(*on, at % 2 == 0, "{} {}: {:?} in {:#?}", rule, who, turns, told);
            }
        }
        let holds = |rule: &str, who: &str| {
            sent.get(&(rule.to_owned(), who.to_owned())).is_some_and(|turns| turns.last() == Some(&true))
        };
        for (at, who) in PEOPLE.iter().enumerate() {
            prop_assert_eq!(holds("at-once", who), last[at], "at-once {} in {:#?}", who, told);
            prop_assert_eq!(holds("slow", who), last[at], "slow {} in {:#?}", who, told);
            let turns = sent.get(&("at-once".to_owned(), (*who).to_owned())).cloned().unwrap_or_default();
            prop_assert_eq!(turns, naive(&events, last, at), "{} in {:#?}", who, told);
        }
        prop_assert_eq!(holds("looks", "ada"), last[0] && last[1], "{:#?}", told);
        prop_assert_eq!(holds("up", "all"), last[0] && last[1], "{:#?}", told);
    }
}
