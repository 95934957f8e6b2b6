//! Which timers of a rule run, for those who look. One pass over all of them serves a whole page of rules, and
//! kinds that none of its rules can have are passed over.

use std::collections::HashMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::deferred::Deferred;
use super::gathering::Gathering;
use super::holding::Holding;
use super::limits::Limits;
use super::machine::Engine;
use super::marks::Marks;
use super::waiting::Waiting;
use crate::outbox::delivery::MarkKind;
use crate::presence::model::UserId;
use crate::rules::noise::active::Active;
use crate::rules::set::Rule;
use crate::time::{Moment, millis};

/// Of each rule so many are named.
pub const NEXT_MAX: usize = 5;

/// The timers of one rule. Keys of `dedupe` are not among them: each of those is about something else, and
/// `explain` tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    pub count: usize,
    /// Those that end first, `NEXT_MAX` at the most.
    pub next: Vec<Timer>,
}

/// One that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it ends. Nothing if it has ended: then it waits until its person is seen again, or its rule is
    /// switched on.
    pub at_ms: Option<i64>,
    pub kind: TimerKind,
    pub person: Option<UserId>,
}

/// By what a rule waits, as the rules file calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// It rings if things stay as they are.
    For,
    /// It is over if things stay as they are.
    Grace,
    /// A firing waits for its hours.
    Active,
    /// It has rung, and is quiet.
    Cooldown,
    /// It has rung often enough, and is quiet.
    Limit,
    /// Firings are gathered.
    Group,
}

impl TimerKind {
    pub const WORDS: [&str; 6] = ["for", "grace", "active", "cooldown", "limit", "group"];

    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

impl Timers {
    fn add(&mut self, timer: Timer) {
        self.count += 1;
        if self.next.len() < NEXT_MAX || self.next.last().is_some_and(|last| timer < *last) {
            let at = self.next.partition_point(|other| *other < timer);
            self.next.insert(at, timer);
            self.next.truncate(NEXT_MAX);
        }
    }
}

impl Engine {
    /// The timers of the rules at these places in the file.
    pub fn timers(&self, now: Moment, places: Range<usize>) -> Vec<Timers> {
        let mut page = Page::new(now, places.start, &self.rules.rules[places]);
        let gates = &self.bell.gates;
        page.add_held(&self.holding);
        page.add_waiting(&self.bell.waiting);
        page.add_deferred(&gates.deferred, &self.rules.timezone);
        page.add_cooling(&gates.marks);
        page.add_limited(&gates.limits);
        page.add_gathering(&gates.gathering);
        page.timers
    }
}

/// The rules that are asked about.
struct Page<'e> {
    now: Moment,
    /// The place in the file of the first of them.
    from: usize,
    rules: &'e [Rule],
    timers: Vec<Timers>,
    /// Where each of them stands in the page.
    places: HashMap<&'e str, usize>,
    /// The ends of their ids: most rules are not on the page, and one look at the end of theirs tells.
    ends: [bool; ENDS],
}

const ENDS: usize = 1 << 12;

fn end_of(id: &str) -> usize {
    let last =
        id.bytes().rev().take(4).fold(id.len() as u32, |end, byte| end.rotate_left(8) ^ u32::from(byte));
    last.wrapping_mul(0x9e37_79b9) as usize >> 20
}

impl<'e> Page<'e> {
    fn new(now: Moment, from: usize, rules: &'e [Rule]) -> Self {
        let places = rules.iter().enumerate().map(|(at, rule)| (&*rule.id, at)).collect();
        let mut ends = [false; ENDS];
        for rule in rules {
            ends[end_of(&rule.id)] = true;
        }
        Self { now, from, rules, timers: vec![Timers::default(); rules.len()], places, ends }
    }

    fn named(&self, rule: &str) -> Option<usize> {
        if self.ends[end_of(rule)] { self.places.get(rule).copied() } else { None }
    }

    fn any(&self, has: impl Fn(&Rule) -> bool) -> bool {
        self.rules.iter().any(has)
    }

    /// Where a rule stands in the page, by its place in the file.
    fn place(&self, at: u32) -> Option<usize> {
        (at as usize).checked_sub(self.from).filter(|place| *place < self.rules.len())
    }

    /// `until` is by the engine's own clock.
    fn add(&mut self, place: usize, kind: TimerKind, person: Option<UserId>, until: i64) {
        let left_ms = until.saturating_sub(millis(self.now.mono));
        let at_ms = (left_ms > 0).then(|| self.now.wall_ms.saturating_add(left_ms));
        self.timers[place].add(Timer { at_ms, kind, person });
    }

    /// `while` rules that are about to begin, or to end.
    fn add_held(&mut self, holding: &Holding) {
        if !self.any(|rule| rule.holds().is_some()) {
            return;
        }
        for ((at, person), state) in holding.states() {
            let place = self.place(at);
            if let Some(place) = place
                && let Some(until) = self.rules[place].holds().and_then(|holds| state.until(holds))
            {
                let kind = if state.is_on() { TimerKind::Grace } else { TimerKind::For };
                self.add(place, kind, person, until);
            }
        }
    }

    /// Changes that were found, and ring if what they led to lasts.
    fn add_waiting(&mut self, waiting: &Waiting) {
        for (person, wait) in waiting.all() {
            if let Some(place) = self.place(wait.rule)
                && let Some(when) = self.rules[place].when()
            {
                self.add(place, TimerKind::For, Some(person), wait.until(when));
            }
        }
    }

    /// Firings that wait for the hours of their rule.
    fn add_deferred(&mut self, deferred: &Deferred, zone: &TimeZone) {
        let now = self.now;
        let opens_ms = |active: &Active| {
            if active.is_open(zone, now.wall_ms) {
                return now.wall_ms;
            }
            active.opens_ms(zone, now.wall_ms).unwrap_or(i64::MAX)
        };
        let mut opens: HashMap<usize, i64> = HashMap::new();
        for key in deferred.keys() {
            if let Some(place) = self.named(&key.rule)
                && let Some(active) = &self.rules[place].noise.active
            {
                // It is the same for all of a rule, and takes a while to find out.
                let opens_ms = *opens.entry(place).or_insert_with(|| opens_ms(active));
                self.add(place, TimerKind::Active, key.person, opens_ms.saturating_sub(now.ahead_ms()));
            }
        }
    }

    /// Rules that have rung, and are quiet for a while.
    fn add_cooling(&mut self, marks: &Marks) {
        if !self.any(|rule| rule.noise.cooldown.is_some()) {
            return;
        }
        for (rule, person, until) in marks.that_hold(self.now, MarkKind::Cooldown) {
            if let Some(place) = self.named(rule) {
                self.add(place, TimerKind::Cooldown, person, millis(until));
            }
        }
    }

    /// Rules that have rung often enough.
    fn add_limited(&mut self, limits: &Limits) {
        if !self.any(|rule| rule.noise.limit.is_some()) {
            return;
        }
        let now = self.now;
        for (rule, person, rung) in limits.all_rung() {
            if let Some(place) = self.named(rule)
                && let Some(left_ms) =
                    self.rules[place].noise.limit.and_then(|limit| rung.left_ms(now, limit))
            {
                self.add(place, TimerKind::Limit, person, millis(now.mono).saturating_add(left_ms));
            }
        }
    }

    /// Firings that are told together, before long.
    fn add_gathering(&mut self, gathering: &Gathering) {
        for (rule, person, until) in gathering.untils() {
            if let Some(place) = self.named(rule) {
                self.add(place, TimerKind::Group, person, millis(until));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::story::Story;

    const RULES: &str = r#"
timezone: UTC
rules:
  - {id: light, who: squad, while: playing, for: 30s, grace: 60s, enter: {to: screen, text: x}}
  - {id: both, while: ada.online && bob.online, for: 1h, enter: {to: screen, text: x}}
  - {id: game, who: everyone, when: started_playing, for: 20s, send: {to: screen, text: x}}
  - {id: cool, who: everyone, when: started_playing, cooldown: 10m, send: {to: screen, text: x}}
  - {id: once, who: squad, when: started_playing, limit: {count: 1, per: 1h}, send: {to: screen, text: x}}
  - {id: night, who: ada, when: started_playing, active: {from: "22:00", otherwise: defer}, send: {to: screen, text: x}}
  - {id: told, who: squad, when: started_playing, group: {wait: 40s}, send: {to: screen, text: x}}
  - {id: keys, who: squad, when: started_playing, dedupe: {key: "{{playing.name}}", window: 1h}, send: {to: screen, text: x}}
  - {id: plain, who: squad, when: started_playing, send: {to: screen, text: x}}
"#;

    /// What runs, each rule with the seconds after which its next timers end.
    fn running(story: &Story) -> Vec<String> {
        let rules = &story.rules.rules;
        let whole = story.engine.timers(story.now(), 0..rules.len());
        // However many rules are asked about at once.
        for at in 0..rules.len() {
            assert_eq!(story.engine.timers(story.now(), at..at + 1), whole[at..=at]);
        }
        let spell = |timer: &Timer| {
            let who = timer.person.map(|id| format!(" {}", ["ada", "bob", "carol"][(id.0 % 10) as usize]));
            let after = timer.at_ms.map(|at| (at - story.now().wall_ms + 999) / 1000);
            let after = after.map_or("due".to_owned(), |after| after.to_string());
            format!("{}{} {after}", timer.kind.word(), who.unwrap_or_default())
        };
        let told = rules.iter().zip(&whole).filter(|(_, timers)| timers.count > 0);
        let told = told.map(|(rule, timers)| {
            let next: Vec<String> = timers.next.iter().map(spell).collect();
            format!("{} {}: {}", rule.id, timers.count, next.join(", "))
        });
        told.collect()
    }

    /// Plays lines, and holds what runs then against the lines that are expected.
    fn check(story: &mut Story, lines: &str, expected: &str) {
        lines.lines().for_each(|line| story.line(line.trim()));
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(running(story).join("\n"), expected.join("\n"), "{lines}");
    }

    #[test]
    fn what_runs_is_told_with_whom_and_when_it_ends() {
        let mut story = Story::new(&[RULES]);
        check(&mut story, "0 all ada online, bob online, carol online", "both 1: for 3600");
        let begun = "light 1: for ada 30
             both 1: for 3600
             game 1: for ada 20
             cool 1: cooldown ada 600
             once 1: limit ada 3600
             night 1: active ada 36000
             told 1: group 40";
        check(&mut story, "0 ada online playing=Factorio", begun);
        let later = "light 2: for ada 25, for bob 30
             both 1: for 3595
             game 2: for ada 15, for bob 20
             cool 2: cooldown ada 595, cooldown bob 600
             once 2: limit ada 3595, limit bob 3600
             night 1: active ada 35995
             told 1: group 35";
        check(&mut story, "5 bob online playing=Factorio", later);
        // All of it is on disk.
        check(&mut story, "5 kill 0", later);
        let falls = "light 1: grace ada 60
             both 1: for 3565
             cool 2: cooldown ada 565, cooldown bob 570
             once 2: limit ada 3565, limit bob 3570
             night 1: active ada 35965
             told 1: group 5";
        check(
            &mut story,
            "5 all ada online playing=Factorio, bob online playing=Factorio\n34.5 ada online\n35",
            falls,
        );
    }

    #[test]
    fn what_has_ended_waits_for_whom_nobody_sees() {
        let mut story = Story::new(&[RULES]);
        let lines = "0 all ada online, bob offline, carol online
             0 ada online playing=Factorio
             1 disconnected
             36001";
        let waiting = "light 1: for ada due
             game 1: for ada due
             night 1: active ada due";
        check(&mut story, lines, waiting);
    }

    #[test]
    fn of_many_the_soonest_are_told() {
        let mut timers = Timers::default();
        for n in [7, 3, 9, 1, 8, 2, 5, 4, 6] {
            timers.add(Timer { at_ms: Some(n), kind: TimerKind::Cooldown, person: None });
        }
        timers.add(Timer { at_ms: None, kind: TimerKind::For, person: None });
        let next: Vec<_> = timers.next.iter().map(|timer| timer.at_ms).collect();
        assert_eq!((timers.count, next), (10, vec![None, Some(1), Some(2), Some(3), Some(4)]));
    }
}
