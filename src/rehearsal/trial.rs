//! Something that is tried, played: of each rule whether it rings, when and why, or why not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::story::{Bounds, Firing, Line, Played, What, play_within};
use crate::engine::effects::{GoOn, Told};
use crate::engine::explain::Stands;
use crate::engine::machine::Engine;
use crate::engine::person::Known;
use crate::engine::verdict::Verdict;
use crate::outbox::delivery::{DeliveryId, Memory};
use crate::presence::model::UserId;
use crate::rules::cause::Cause;
use crate::rules::set::RuleSet;
use crate::rules::story::Event;
use crate::rules::story::trial::Trial;
use crate::time::Moment;

/// So many rules are told of; the rest are counted.
const RULES_MAX: usize = 200;
/// So many changes are told.
const CHANGES_MAX: usize = 200;
/// Of one rule, so many times that it was asked.
const ASKED_MAX: usize = 20;
/// So many firings in all.
const FIRINGS_MAX: usize = 200;
const LINES_MAX: usize = 20_000;
/// Of a larger file, so many people are there while it is played.
const PEOPLE_MAX: usize = 500;

/// What comes of what was tried. Times count from the change.
#[derive(Debug)]
pub struct Tried {
    /// When it begins, by the clock on the wall.
    pub at: Moment,
    /// How far it was played.
    pub until: Duration,
    /// Whether it was given up there.
    pub broken_off: bool,
    /// What changed, in the order of time.
    pub changes: Vec<Change>,
    /// Those that ring first, then those that were asked, then those that were not.
    pub rules: Vec<Outcome>,
    /// Rules about this person, or about nobody, that are not told of.
    pub more: usize,
    /// Rules that are about other people, and were not asked.
    pub others: usize,
    /// More rang, or more happened, than is told.
    pub flooded: bool,
}

#[derive(Debug)]
pub struct Change {
    pub after: Duration,
    pub told: Told,
}

/// What comes of one rule.
#[derive(Debug)]
pub struct Outcome {
    pub rule: Arc<str>,
    pub rings: Vec<Ring>,
    pub asked: Vec<Asked>,
    /// Why it was not asked at all.
    pub idle: Option<Idle>,
}

/// The rule rings.
#[derive(Debug)]
pub struct Ring {
    pub after: Duration,
    pub firing: Firing,
}

/// The rule was asked, and this came of it.
#[derive(Debug)]
pub struct Asked {
    pub after: Duration,
    pub person: Option<UserId>,
    pub name: String,
    pub cause: Cause,
    pub verdict: Verdict,
    pub values: Vec<(String, String)>,
}

/// The gate at which a rule stands that was not asked, and what it says.
#[derive(Debug)]
pub struct Idle {
    pub gate: &'static str,
    pub why: String,
    pub values: Vec<(String, String)>,
}

/// Plays it while `go_on` says so; `None` if that was not even as far as the change.
pub fn play(rules: &Arc<RuleSet>, trial: &Trial, go_on: GoOn) -> Option<Tried> {
    let from = trial.changes_at;
    let (lines_max, firings_max, people_max) = (LINES_MAX, FIRINGS_MAX, PEOPLE_MAX);
    let go_on = Some(go_on);
    let bounds = Bounds { memory: memory(trial), from, lines_max, firings_max, people_max, go_on };
    let person = Some(trial.person);
    let about: Vec<usize> = (0..rules.rules.len())
        .filter(|&at| rules.rules[at].is_about(person) || rules.rules[at].who.is_none())
        .collect();
    let (played, mut idle) = play_within(rules, &trial.story, bounds, |now, engine| {
        let some = about.iter().take(RULES_MAX);
        some.map(|&at| (at, idle(engine, now, at, trial.person))).collect::<HashMap<_, _>>()
    });
    let Played { lines, firings, flooded, broken_off, .. } = played;
    let until = broken_off.unwrap_or(trial.story.ends).checked_sub(from)?;
    let flooded = flooded || lines.len() == LINES_MAX;
    let (changes, mut found) = sort(rules, from, lines, firings);
    let strangers = found.keys().filter(|at| about.binary_search(at).is_err()).count();
    for &at in &about {
        if let Some(idle) = idle.remove(&at).filter(|_| !found.contains_key(&at)) {
            found.insert(at, Outcome { idle: Some(idle), ..Outcome::of(rules, at) });
        }
    }
    let mut places: Vec<usize> = found.keys().copied().collect();
    places.sort_unstable_by_key(|at| (found[at].rank(), *at));
    let told: Vec<Outcome> = places.iter().take(RULES_MAX).filter_map(|at| found.remove(at)).collect();
    let more = about.len() + strangers - told.len();
    let others = rules.rules.len() - about.len() - strangers;
    let at = trial.story.start.plus(from);
    Some(Tried { at, until, broken_off: broken_off.is_some(), changes, rules: told, more, others, flooded })
}

/// The person has been as they are before: what ends has lasted since then.
fn memory(trial: &Trial) -> Memory {
    let start = trial.story.start;
    let known =
        trial.story.steps.first().and_then(|step| step.events.first()).and_then(|event| match event {
            Event::Presence(id, raw) => Known::like_this_since(start, *id, raw),
            _ => None,
        });
    Memory { baselines: known.into_iter().collect(), heard_ms: Some(start.wall_ms), ..Memory::default() }
}

/// What happened, by what it is about: changes, and what rules made of them.
fn sort(
    rules: &RuleSet,
    from: Duration,
    lines: Vec<Line>,
    firings: Vec<Firing>,
) -> (Vec<Change>, HashMap<usize, Outcome>) {
    let (mut changes, mut found) = (Vec::new(), HashMap::new());
    let after = |now: Moment| now.mono.saturating_sub(from);
    for Line { now, what } in lines {
        match what {
            What::Told(Told::Verdict { rule, person, name, cause, verdict, values }) => {
                let Some(at) = rules.place(&rule) else { continue };
                let outcome = found.entry(at).or_insert_with(|| Outcome::of(rules, at));
                if outcome.asked.len() < ASKED_MAX {
                    outcome.asked.push(Asked { after: after(now), person, name, cause, verdict, values });
                }
            }
            What::Told(told) if changes.len() < CHANGES_MAX => {
                changes.push(Change { after: after(now), told });
            }
            _ => {}
        }
    }
    for firing in firings {
        let Some(at) = rules.place(&firing.rule) else { continue };
        let outcome = found.entry(at).or_insert_with(|| Outcome::of(rules, at));
        outcome.rings.push(Ring { after: after(firing.now), firing });
    }
    (changes, found)
}

/// Why a rule was not asked, by how it stands in the end.
fn idle(engine: &Engine, now: Moment, at: usize, person: UserId) -> Idle {
    let about = engine.rules().rules[at].who.is_some().then_some(person);
    let gates = engine.explain(now, at, about).gates;
    let shut = gates.iter().find(|gate| gate.stands == Stands::Shut);
    let looks = gates.iter().find(|gate| matches!(gate.name, "when" | "while"));
    let Some(gate) = shut.or(looks) else {
        return Idle { gate: "when", why: "asked at something else".to_owned(), values: Vec::new() };
    };
    let goes_on = gate.name == "while" && gate.stands != Stands::Shut;
    let why = if goes_on {
        format!("{}: it had begun before, and has not ended", gate.why)
    } else {
        gate.why.clone()
    };
    Idle { gate: gate.name, why, values: gate.values.clone() }
}

impl Outcome {
    fn of(rules: &RuleSet, at: usize) -> Self {
        Self { rule: Arc::clone(&rules.rules[at].id), rings: Vec::new(), asked: Vec::new(), idle: None }
    }

    /// What says best why it does not ring.
    pub fn telling(&self) -> Option<&Asked> {
        let all = || self.asked.iter().filter(|asked| asked.verdict != Verdict::Fired);
        all().rfind(|asked| !asked.is_aside()).or_else(|| all().next_back())
    }

    fn rank(&self) -> u8 {
        match self {
            Self { rings, .. } if !rings.is_empty() => 0,
            Self { asked, .. } if asked.iter().any(|asked| !asked.is_aside()) => 1,
            Self { asked, .. } if !asked.is_empty() => 2,
            _ => 3,
        }
    }
}

impl Asked {
    /// It was about something else.
    fn is_aside(&self) -> bool {
        matches!(self.verdict, Verdict::Narrowed | Verdict::ToldAlready)
    }
}

/// The id of an imagined delivery: no real one is of the year 1970.
pub fn imagined_id(number: usize) -> DeliveryId {
    const FIRST: u128 = 0x0000_0000_0000_7000_8000_0000_0000_0000;
    DeliveryId::from_u128(FIRST + number as u128)
}
