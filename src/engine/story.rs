//! Stories for tests: lines of what happens, at seconds, to people and to the bot; lines of what it leads to.
//!
//! | a line | means |
//! |---|---|
//! | `5 ada online desktop playing=Factorio` | an update: she looks like this now |
//! | `5 all ada online, bob offline` | an INIT_STATE; whoever is not named is absent |
//! | `5 disconnected` | |
//! | `5 unmonitored ada` | REST says that Lanyard does not know her |
//! | `5 restart 60`, `5 kill 60` | the process ends, in order or not, and starts again after 60 s |
//! | `5 clock 3600` | the wall clock is set forward by an hour |
//! | `5 rules 1` | a reload, with the second of the given rule files |
//! | `5` | nothing; time has passed |
//!
//! What it leads to is a line for each message, `5 RULE: TEXT`, and for each reason not to ring,
//! `5 RULE ada enter (waiting)`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Told};
use super::machine::Engine;
use super::verdict::Verdict;
use super::watch::Telling;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::{Commit, Memory};
use crate::presence::model::{Presence, UserId};
use crate::rehearsal::disk::Disk;
use crate::rules::compile::compile;
use crate::rules::places::Source;
use crate::rules::set::RuleSet;
use crate::rules::vars::NoVars;
use crate::time::Moment;

const PEOPLE: [&str; 3] = ["ada", "bob", "carol"];
/// How long a process has run when its engine begins.
const STARTED: Duration = Duration::from_millis(3);

/// 2026-01-05, a Monday, 12:00 UTC.
const START_MS: i64 = 1_767_614_400_000;

pub struct Story {
    files: Vec<Arc<RuleSet>>,
    pub rules: Arc<RuleSet>,
    pub engine: Engine,
    effects: Effects,
    disk: Disk,
    now: Moment,
    /// When the process that runs has begun.
    begun: Duration,
    told: Vec<String>,
    /// What is written down, and told, only when a line says so; `None` if everything is at once.
    unwritten: Option<Vec<(Moment, Commit, Vec<String>)>>,
}

/// A rules file about the three of them, of whom two are a squad.
fn file(smoothing: &str, rules: &str) -> Arc<RuleSet> {
    let text = format!(
        "smoothing: {{{smoothing}}}
people: {{ada: {}, bob: {}, carol: {}}}
groups: {{squad: [ada, bob]}}
targets: {{screen: {{type: console}}}}
{rules}",
        id("ada"),
        id("bob"),
        id("carol")
    );
    match compile(Source::new("rules.yaml", &text), &NoVars) {
        Ok(loaded) => Arc::new(loaded.set),
        Err(findings) => panic!("{}", findings.render(false)),
    }
}

fn id(name: &str) -> UserId {
    let at = PEOPLE.iter().position(|person| *person == name).unwrap_or_else(|| panic!("who is {name}?"));
    UserId(90_000_000_000_000_000 + u64::try_from(at).unwrap())
}

impl Story {
    pub fn new(files: &[&str]) -> Self {
        Self::smoothed("offline: 0, listening: 0, activity: 0", files)
    }

    pub fn smoothed(smoothing: &str, files: &[&str]) -> Self {
        let files: Vec<Arc<RuleSet>> = files.iter().map(|rules| file(smoothing, rules)).collect();
        let rules = Arc::clone(&files[0]);
        let now = Moment { mono: Duration::ZERO, wall_ms: START_MS };
        let mut engine = Engine::new(Arc::clone(&rules), Memory::default(), now, 1);
        engine.watch(Telling::Everything);
        Self {
            files,
            rules,
            engine,
            effects: Effects::default(),
            disk: Disk::default(),
            now,
            begun: Duration::ZERO,
            told: Vec::new(),
            unwritten: None,
        }
    }

    /// Nothing is on its way before a line `5 write`, and what is not is lost by a kill.
    pub fn lazy(files: &[&str]) -> Self {
        Self { unwritten: Some(Vec::new()), ..Self::new(files) }
    }

    pub fn now(&self) -> Moment {
        self.now
    }

    /// Plays the lines of a story, and tells what it led to.
    pub fn play(mut self, lines: &str) -> Vec<String> {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line);
        }
        self.told
    }

    pub fn line(&mut self, line: &str) {
        let (second, rest) = line.split_once(' ').unwrap_or((line, ""));
        self.wait_until(Duration::from_secs_f64(second.parse().unwrap()));
        let (word, rest) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let number = || rest.trim().parse::<i64>().unwrap();
        match word {
            "" => {}
            "all" => self.snapshot(rest),
            "disconnected" => self.observe(Observation::Disconnected),
            "restart" | "kill" => {
                if word == "restart" {
                    self.engine.save_all(self.now, &mut self.effects);
                    self.show();
                    self.write();
                }
                self.unwritten = self.unwritten.as_ref().map(|_| Vec::new());
                self.effects = Effects::default();
                // Not even the shortest absence is over before the process has begun.
                self.now = self.now.plus(Duration::from_secs(number().unsigned_abs()).max(STARTED));
                self.begun += self.now.mono.saturating_sub(STARTED);
                self.now.mono = STARTED;
                self.engine = Engine::new(Arc::clone(&self.rules), self.disk.memory(), self.now, 1);
                self.engine.watch(Telling::Everything);
            }
            "write" => self.write(),
            "clock" => self.now.wall_ms += number() * 1000,
            "rules" => {
                self.rules = Arc::clone(&self.files[usize::try_from(number()).unwrap()]);
                self.engine.adopt(self.now, Arc::clone(&self.rules), &mut self.effects);
            }
            "unmonitored" => self.observe(Observation::Unmonitored(id(rest.trim()))),
            who => {
                let raw = look(who, rest);
                let (id, presence) = Presence::parse(&raw, None).unwrap();
                self.observe(Observation::Updated(id, presence));
            }
        }
        self.wait_until(Duration::ZERO);
        self.show();
    }

    fn snapshot(&mut self, looks: &str) {
        let looks: Vec<(&str, &str)> = looks
            .split(',')
            .map(str::trim)
            .filter(|look| !look.is_empty())
            .map(|look| look.split_once(' ').unwrap())
            .collect();
        for (who, how) in &looks {
            let raw = look(who, how);
            let (id, presence) = Presence::parse(&raw, None).unwrap();
            self.observe(Observation::Seen(id, presence));
        }
        let absent = PEOPLE.iter().filter(|who| looks.iter().all(|(seen, _)| seen != *who));
        self.observe(Observation::SnapshotEnd { absent: absent.map(|who| id(who)).collect() });
    }

    fn observe(&mut self, observation: Observation<'_>) {
        self.engine.observe(self.now, observation, &mut self.effects);
    }

    /// Time passes until `at` of the story, and the engine is woken whenever it wants to be.
    fn wait_until(&mut self, at: Duration) {
        let until = self.now.plus(at.saturating_sub(self.begun + self.now.mono));
        for _ in 0..10_000 {
            let Some(due) = self.engine.deadline().filter(|&due| due <= until.mono) else {
                self.now = until;
                return;
            };
            self.now = self.now.plus(due.saturating_sub(self.now.mono));
            self.engine.tick(self.now, &mut self.effects);
            self.show();
        }
        panic!("woken without end at {:?}", self.now);
    }

    fn write(&mut self) {
        for (at, commit, told) in self.unwritten.iter_mut().flat_map(|unwritten| unwritten.drain(..)) {
            self.disk.write(commit, at);
            self.told.extend(told);
        }
    }

    /// Notes what came of it, and writes it down.
    fn show(&mut self) {
        let at = (self.begun + self.now.mono).as_secs_f64();
        let mut lines = Vec::new();
        for told in self.effects.told.drain(..) {
            let Told::Verdict { rule, name, cause, verdict, .. } = told else { continue };
            if verdict != Verdict::Fired {
                let name = if name.is_empty() { String::new() } else { format!(" {name}") };
                lines.push(format!("{at:.0} {rule}{name} {} ({})", cause.name(), verdict.word()));
            }
        }
        let commit = std::mem::take(&mut self.effects.commit);
        for owed in &commit.deliveries {
            lines.push(format!("{at:.0} {}: {}", owed.rule, owed.parts["text"].as_str().unwrap()));
        }
        if let Some(unwritten) = &mut self.unwritten {
            unwritten.push((self.now, commit, lines));
        } else {
            self.disk.write(commit, self.now);
            self.told.extend(lines);
        }
    }
}

/// Plays a story with the first of the files, and compares what it leads to.
pub fn check(files: &[&str], story: &str, expected: &str) {
    let told = Story::new(files).play(story).join("\n");
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told, expected.join("\n"), "{story}");
}

/// A presence from a few words.
fn look(who: &str, words: &str) -> String {
    let (mut json, mut activities, mut kv) = (String::new(), Vec::new(), Vec::new());
    for word in words.split_whitespace() {
        match word.split_once('=') {
            None if matches!(word, "online" | "idle" | "dnd" | "offline") => {
                write!(json, r#""discord_status":"{word}","#).unwrap();
            }
            None => write!(json, r#""active_on_discord_{word}":true,"#).unwrap(),
            Some(("playing", game)) => activities.push(format!(r#"{{"type":0,"name":"{game}"}}"#)),
            // A game that began at a second of the story.
            Some(("since", second)) => {
                let ms = START_MS + second.parse::<i64>().unwrap() * 1000;
                let game = activities.pop().unwrap();
                activities.push(game.replace('}', &format!(r#","timestamps":{{"start":{ms}}}}}"#)));
            }
            Some(("says", text)) => {
                activities.push(format!(r#"{{"type":4,"name":"Custom Status","state":"{text}"}}"#));
            }
            Some(("track", song)) => {
                write!(json, r#""spotify":{{"track_id":"{song}","song":"{song}","artist":"x"}},"#).unwrap();
            }
            Some(("named", name)) => {
                write!(json, r#""discord_user":{{"id":"{}","username":"{name}"}},"#, id(who)).unwrap();
            }
            Some((key, value)) => kv.push(format!(r#""{key}":"{value}""#)),
        }
    }
    if !json.contains("discord_user") {
        write!(json, r#""discord_user":{{"id":"{}","username":"{who}"}},"#, id(who)).unwrap();
    }
    format!(r#"{{{json}"activities":[{}],"kv":{{{}}}}}"#, activities.join(","), kv.join(","))
}
