//! A test of the rules file, played: what happened, what rang, and what of it was expected.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::play::{Rehearsal, Scene};
use super::reckoning;
use crate::engine::effects::{GoOn, Told};
use crate::engine::machine::Engine;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Delivery, Memory};
use crate::presence::model::{Presence, UserId};
use crate::rules::set::RuleSet;
use crate::rules::story::{Event, Step, Story, words};
use crate::time::Moment;

/// Lanyard answers a request for everybody after so long.
const ANSWER: Duration = Duration::from_secs(1);
/// Lanyard is asked again about somebody whom it does not know, until that is believed.
const ASK_UNMONITORED: Duration = Duration::from_secs(60);
const ASKS_MAX: u32 = 6;

/// How much of a test is played, and how much is kept.
pub struct Bounds {
    /// What is known at its start.
    pub memory: Memory,
    /// What happens before is not kept.
    pub from: Duration,
    /// So many lines of what happened, and so many firings.
    pub lines_max: usize,
    pub firings_max: usize,
    /// Of the file's people, so many beside those whom the test names: others are not heard of.
    pub people_max: usize,
    /// Asked again and again whether to go on; if nobody is, it goes on to its end.
    pub go_on: Option<GoOn>,
}

/// A test that goes beyond has failed anyway.
const LINES_MAX: usize = 2_000;
const FIRINGS_MAX: usize = 5_000;

/// What became of a test.
#[derive(Debug, Default)]
pub struct Played {
    /// What happened, in the order of time.
    pub lines: Vec<Line>,
    /// What rang, in the order of time.
    pub firings: Vec<Firing>,
    /// Places in the story's `expect` of what did not ring.
    pub missing: Vec<usize>,
    /// More rang than is kept.
    pub flooded: bool,
    /// When it was given up, if before its end.
    pub broken_off: Option<Duration>,
}

#[derive(Debug)]
pub struct Line {
    pub now: Moment,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    /// A step, by its place in the story.
    Step(usize),
    Told(Told),
    /// A firing, by its place among the firings.
    Rang(usize),
}

/// A rule that rang, and what it would have sent.
#[derive(Debug)]
pub struct Firing {
    pub now: Moment,
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    /// The person's name in the rules file.
    pub called: Option<Arc<str>>,
    pub messages: Vec<Delivery>,
    pub asked: Asked,
}

/// What the test says of a firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Expected,
    Unexpected,
    /// The test is about other rules.
    Not,
}

impl Played {
    pub fn passed(&self) -> bool {
        self.missing.is_empty() && self.unexpected() == 0 && !self.flooded
    }

    pub fn unexpected(&self) -> usize {
        self.firings.iter().filter(|firing| firing.asked == Asked::Unexpected).count()
    }
}

/// Plays a test from its start to its end.
pub fn play(rules: &Arc<RuleSet>, story: &Story) -> Played {
    let bounds = Bounds {
        memory: Memory::default(),
        from: Duration::ZERO,
        lines_max: LINES_MAX,
        firings_max: FIRINGS_MAX,
        people_max: usize::MAX,
        go_on: None,
    };
    play_within(rules, story, bounds, |_, _| ()).0
}

/// The same within bounds, and what an engine in which it has been played is made into.
pub fn play_within<T>(
    rules: &Arc<RuleSet>,
    story: &Story,
    mut bounds: Bounds,
    at_end: impl FnOnce(Moment, &Engine) -> T,
) -> (Played, T) {
    let memory = std::mem::take(&mut bounds.memory);
    let rehearsal = Rehearsal::with_memory(Arc::clone(rules), memory, story.start)
        .watched()
        .restartable()
        .on_a_leash(bounds.go_on.take());
    let mut player = Player {
        story,
        rehearsal,
        people: everybody(rules, story, bounds.people_max),
        connected: true,
        due: VecDeque::new(),
        script: Script { played: Played::default(), messages: messages(rules), ask_again: false, bounds },
    };
    player.begin();
    let mut steps = story.steps.iter().enumerate().filter(|(_, step)| !step.at.is_zero()).peekable();
    while let Some((at, step)) = steps.next() {
        player.settle(step.at);
        player.script.line(player.rehearsal.now(), What::Step(at));
        for event in &step.events {
            match event {
                Event::Restart(away) => {
                    let back = step.at.saturating_add(*away);
                    let mut meanwhile = Vec::new();
                    while let Some(next) = steps.next_if(|(_, step)| step.at < back) {
                        meanwhile.push(next);
                    }
                    player.restart(*away, &meanwhile);
                }
                event => player.happen(event),
            }
        }
    }
    player.settle(story.ends);
    let made = at_end(player.rehearsal.now(), player.rehearsal.engine());
    let mut played = player.script.played;
    played.missing = reckoning::reckon(story, &mut played.firings);
    (played, made)
}

/// How many messages a firing of a rule has: a `while` has those of its beginning or those of its end, and does
/// not ring twice at one moment.
fn messages(rules: &RuleSet) -> HashMap<Arc<str>, usize> {
    let each = rules.rules.iter().filter_map(|rule| Some((Arc::clone(&rule.id), rule.when()?.send.len())));
    each.collect()
}

/// Everybody whom the file (up to a bound) or the test names: offline, or as Lanyard has them.
fn everybody(rules: &RuleSet, story: &Story, people_max: usize) -> BTreeMap<UserId, Option<Box<str>>> {
    let of_file = rules.people.iter().take(people_max).map(|person| (person.id, Some(person.key.as_str())));
    let events = || story.steps.iter().flat_map(|step| &step.events);
    let others = events().filter_map(|event| match event {
        Event::Presence(id, _) | Event::Unmonitored(id) => Some((*id, None)),
        _ => None,
    });
    let mut people = BTreeMap::new();
    for (id, key) in of_file.chain(others) {
        people.entry(id).or_insert_with(|| Some(words::offline(id, key).json().into()));
    }
    people
}

/// Plays Lanyard, and doorchime's surroundings.
struct Player<'s> {
    story: &'s Story,
    rehearsal: Rehearsal,
    /// How everybody is; nothing of whom Lanyard does not know.
    people: BTreeMap<UserId, Option<Box<str>>>,
    connected: bool,
    /// What Lanyard is going to say, in the order of time.
    due: VecDeque<(Duration, Due)>,
    script: Script,
}

#[derive(Clone, Copy)]
enum Due {
    /// It shows everybody.
    Snapshot,
    /// It says that it does not know somebody, and will be asked so many times more.
    Unknown(UserId, u32),
}

impl Player<'_> {
    /// doorchime starts and finds people as the steps at 0s say.
    fn begin(&mut self) {
        for (at, step) in self.story.steps.iter().enumerate().filter(|(_, step)| step.at.is_zero()) {
            self.script.line(self.story.start, What::Step(at));
            for event in &step.events {
                self.note(event);
            }
        }
        self.connect();
        for (id, _) in self.people.clone().into_iter().filter(|(_, seen)| seen.is_none()) {
            self.disown(id, 0);
        }
    }

    /// Something happens, as Lanyard tells it.
    fn happen(&mut self, event: &Event) {
        let connected = self.connected;
        self.note(event);
        match event {
            Event::Presence(id, raw) if connected => {
                if let Ok((_, presence)) = Presence::parse(raw, Some(*id)) {
                    self.observe(Observation::Updated(*id, presence));
                }
            }
            Event::Unmonitored(id) if connected => {
                self.observe(Observation::SnapshotEnd { absent: vec![*id] });
                self.disown(*id, ASKS_MAX);
            }
            Event::LanyardDown if connected => self.observe(Observation::Disconnected),
            Event::LanyardUp if !connected => self.connect(),
            _ => {}
        }
    }

    /// Something happens, whether or not anybody is told.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Presence(id, raw) => drop(self.people.insert(*id, Some(raw.clone()))),
            Event::Unmonitored(id) => drop(self.people.insert(*id, None)),
            Event::LanyardDown => self.connected = false,
            Event::LanyardUp => self.connected = true,
            Event::Restart(_) => {}
        }
    }

    /// Whether there is more to be played; once there is not, there never is again.
    fn goes_on(&mut self) -> bool {
        if self.script.played.broken_off.is_none() && self.rehearsal.is_enough() {
            self.script.played.broken_off = Some(self.rehearsal.now().mono);
        }
        self.script.played.broken_off.is_none()
    }

    /// Lets time pass until `until`, counted from the start.
    fn settle(&mut self, until: Duration) {
        loop {
            let deadline = self.rehearsal.engine().deadline();
            let due = self.due.front().map(|(at, _)| *at);
            let next = [deadline, due].into_iter().flatten().min().filter(|next| *next < until);
            if !self.goes_on() {
                return;
            }
            let Self { rehearsal, script, .. } = self;
            let at = self.story.start.plus(next.unwrap_or(until));
            rehearsal.settle(at, &mut |scene| script.take(scene));
            if std::mem::take(&mut self.script.ask_again) {
                self.schedule(ANSWER, Due::Snapshot);
            }
            while let Some((_, due)) = self.due.pop_front_if(|(at, _)| *at <= self.rehearsal.now().mono) {
                match due {
                    Due::Snapshot if self.connected => self.show_everybody(),
                    Due::Unknown(id, asks) => self.disown(id, asks),
                    Due::Snapshot => {}
                }
            }
            if next.is_none() {
                return;
            }
        }
    }

    /// doorchime ends, is away, and starts again; what happens meanwhile it finds out then.
    fn restart(&mut self, away: Duration, meanwhile: &[(usize, &Step)]) {
        let now = self.rehearsal.now();
        let Self { rehearsal, script, .. } = self;
        rehearsal.restart(now, away, &mut |scene| script.take(scene));
        for (at, step) in meanwhile {
            self.script.line(self.story.start.plus(step.at), What::Step(*at));
            for event in &step.events {
                self.note(event);
            }
        }
        if self.connected {
            self.connect();
        }
    }

    fn connect(&mut self) {
        self.observe(Observation::Connected);
        self.show_everybody();
    }

    fn show_everybody(&mut self) {
        let people = std::mem::take(&mut self.people);
        let mut absent = Vec::new();
        for (id, seen) in &people {
            match seen.as_ref().map(|raw| Presence::parse(raw, Some(*id))) {
                Some(Ok((_, presence))) => self.observe(Observation::Seen(*id, presence)),
                _ => absent.push(*id),
            }
        }
        self.observe(Observation::SnapshotEnd { absent });
        self.people = people;
    }

    /// Lanyard says that it does not know somebody.
    fn disown(&mut self, id: UserId, asks: u32) {
        let unknown = self.people.get(&id).is_some_and(Option::is_none);
        if unknown && self.connected {
            self.observe(Observation::Unmonitored(id));
            if let Some(asks) = asks.checked_sub(1) {
                self.schedule(ASK_UNMONITORED, Due::Unknown(id, asks));
            }
        }
    }

    fn observe(&mut self, observation: Observation<'_>) {
        let now = self.rehearsal.now();
        let Self { rehearsal, script, .. } = self;
        rehearsal.observe(now, observation, &mut |scene| script.take(scene));
    }

    fn schedule(&mut self, wait: Duration, due: Due) {
        let at = self.rehearsal.now().mono.saturating_add(wait);
        let place = self.due.partition_point(|(before, _)| *before <= at);
        self.due.insert(place, (at, due));
    }
}

/// What has happened so far.
struct Script {
    played: Played,
    messages: HashMap<Arc<str>, usize>,
    /// Everybody is to be asked for again.
    ask_again: bool,
    bounds: Bounds,
}

impl Script {
    fn take(&mut self, Scene { now, told, owed, ask_again, .. }: Scene<'_>) {
        self.ask_again |= ask_again;
        for told in told.drain(..) {
            self.line(now, What::Told(told));
        }
        for owed in owed.drain(..) {
            self.ring(now, owed);
        }
    }

    /// Messages of one rule about one person at one moment are one firing.
    fn ring(&mut self, now: Moment, owed: Delivery) {
        if now.mono < self.bounds.from {
            return;
        }
        let firings = &mut self.played.firings;
        let whole = self.messages.get(&owed.rule).copied().unwrap_or(usize::MAX);
        let same = firings.last_mut().filter(|last| {
            let whose = last.rule == owed.rule && last.person == owed.person;
            last.now == now && whose && last.messages.len() < whole
        });
        if let Some(firing) = same {
            return firing.messages.push(owed);
        }
        if firings.len() == self.bounds.firings_max {
            self.played.flooded = true;
            return;
        }
        firings.push(Firing {
            now,
            rule: Arc::clone(&owed.rule),
            person: owed.person,
            called: owed.called.clone(),
            messages: vec![owed],
            asked: Asked::Not,
        });
        let place = firings.len() - 1;
        self.line(now, What::Rang(place));
    }

    fn line(&mut self, now: Moment, what: What) {
        if self.played.lines.len() < self.bounds.lines_max && now.mono >= self.bounds.from {
            self.played.lines.push(Line { now, what });
        }
    }
}
