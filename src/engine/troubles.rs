//! What is wrong with doorchime's own ways: Lanyard that is gone, targets that take nothing. It is news when it
//! has lasted, and once more when it is over; never twice for one trouble, in this run or the next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effects::Effects;
use super::machine::Engine;
use crate::outbox::delivery::{Failure, Part};
use crate::outbox::health::{Health, Healths};
use crate::rules::set::RuleSet;
use crate::time::{Moment, millis};

/// So many refusals in a row are the target's doing, not a delivery's.
const REFUSALS: u32 = 3;

/// A part that has been failing, or does no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub part: Part,
    pub turn: Turn,
    /// Wall time at which the trouble began.
    pub since_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// `why` is in words that may be shown.
    Fails {
        why: String,
    },
    Recovered {
        lasted_ms: i64,
    },
}

/// The parts that are in trouble, or just were.
#[derive(Default)]
pub(super) struct Troubles {
    parts: BTreeMap<Part, Trouble>,
}

struct Trouble {
    phase: Phase,
    /// A part that fails again and again is not told of again before this.
    quiet_until: Duration,
}

enum Phase {
    Over,
    /// It is news when it has lasted until `due`.
    Begun {
        since: Since,
        due: Duration,
        why: String,
    },
    Told {
        since: Since,
    },
}

/// How a part looks from outside.
#[derive(Clone, Copy)]
enum Look<'l> {
    Well,
    /// Nothing is known of it just now: what was told stands.
    Unknown,
    Ill {
        why: &'l str,
        /// How long it must last to be news.
        patience: Duration,
    },
}

/// When a trouble began: by our own clock in this run, by the calendar before it.
#[derive(Clone, Copy)]
struct Since {
    mono: Option<Duration>,
    wall_ms: i64,
}

impl Engine {
    /// Whether Lanyard tells us of people, and if not, why.
    pub fn hear_lanyard(&mut self, now: Moment, live: Result<(), &str>, effects: &mut Effects) {
        let look = match live {
            Ok(()) => Look::Well,
            Err(why) => Look::Ill { why, patience: self.rules.down_after },
        };
        self.look(now, &Part::Lanyard, look, effects);
    }

    /// How targets do.
    pub fn hear_targets(&mut self, now: Moment, healths: &Healths, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        for (target, health) in healths.iter().filter(|(target, _)| rules.targets.contains_key(*target)) {
            let why = health.why().unwrap_or_default();
            let look = match health {
                Health::Ok => Look::Well,
                Health::Failing { .. } | Health::Paused { .. } => {
                    Look::Ill { why, patience: rules.down_after }
                }
                Health::Disabled { .. } => Look::Ill { why, patience: Duration::ZERO },
                Health::Refusing { refusals, .. } if *refusals >= REFUSALS => {
                    Look::Ill { why, patience: Duration::ZERO }
                }
                Health::Refusing { .. } | Health::Untried => Look::Unknown,
            };
            self.look(now, &Part::Target(Arc::clone(target)), look, effects);
        }
    }

    /// Whether rules have been told that Lanyard is down, and not yet that it is back.
    pub fn lanyard_is_down(&self) -> bool {
        let trouble = self.troubles.parts.get(&Part::Lanyard);
        matches!(trouble, Some(Trouble { phase: Phase::Told { .. }, .. }))
    }

    fn look(&mut self, now: Moment, part: &Part, look: Look<'_>, effects: &mut Effects) {
        if let Some(news) = self.troubles.look(now, part, look, self.rules.down_after) {
            self.tell(now, news, effects);
        }
        self.end_patience(now, effects);
    }

    /// Tells what has lasted long enough.
    pub(super) fn end_patience(&mut self, now: Moment, effects: &mut Effects) {
        while let Some(news) = self.troubles.pop_due(now) {
            self.tell(now, news, effects);
        }
    }

    /// What rules make of it goes into one transaction with the fact that they were told.
    fn tell(&mut self, now: Moment, news: News, effects: &mut Effects) {
        let since_ms = matches!(news.turn, Turn::Fails { .. }).then_some(news.since_ms);
        effects.commit.failures.push(Failure { part: news.part.clone(), since_ms });
        self.bell.ring_own(now, &news, &self.known, effects);
        effects.news.push(news);
    }

    pub(super) fn recall_failures(&mut self, now: Moment, failures: Vec<Failure>) {
        for Failure { part, since_ms } in failures {
            if !is_there(&part, &self.rules) {
                self.healed.push(part);
                self.save_at = Some(now.mono);
            } else if let Some(wall_ms) = since_ms {
                let phase = Phase::Told { since: Since { mono: None, wall_ms } };
                self.troubles.parts.insert(part, Trouble { phase, quiet_until: Duration::ZERO });
            }
        }
    }

    /// Forgets targets that are gone.
    pub(super) fn adopt_failures(&mut self, effects: &mut Effects) {
        let rules = &self.rules;
        self.troubles.parts.retain(|part, trouble| {
            let stays = is_there(part, rules);
            if !stays && matches!(trouble.phase, Phase::Told { .. }) {
                effects.commit.failures.push(Failure { part: part.clone(), since_ms: None });
            }
            stays
        });
    }
}

fn is_there(part: &Part, rules: &RuleSet) -> bool {
    match part {
        Part::Lanyard => true,
        Part::Target(target) => rules.targets.contains_key(target),
    }
}

impl Troubles {
    pub fn deadline(&self) -> Option<Duration> {
        self.parts.values().filter_map(Trouble::due).min()
    }

    /// What has been told, by the wall clock as it stands now.
    pub fn told(&self, now: Moment) -> impl Iterator<Item = Failure> {
        self.parts.iter().filter_map(move |(part, trouble)| match trouble.phase {
            Phase::Told { since } => Some(Failure { part: part.clone(), since_ms: Some(since.wall_ms(now)) }),
            _ => None,
        })
    }

    /// Notes how a part looks. `calm` is how long it is not told of again once it was told to be over.
    fn look(&mut self, now: Moment, part: &Part, look: Look<'_>, calm: Duration) -> Option<News> {
        let Some(trouble) = self.parts.get_mut(part) else {
            if let Look::Ill { why, patience } = look {
                let since = Since { mono: Some(now.mono), wall_ms: now.wall_ms };
                let due = now.mono.saturating_add(patience);
                let phase = Phase::Begun { since, due, why: why.to_owned() };
                self.parts.insert(part.clone(), Trouble { phase, quiet_until: Duration::ZERO });
            }
            return None;
        };
        match (&mut trouble.phase, look) {
            (Phase::Told { since }, Look::Well) => {
                let since = *since;
                *trouble = Trouble { phase: Phase::Over, quiet_until: now.mono.saturating_add(calm) };
                let turn = Turn::Recovered { lasted_ms: since.lasted_ms(now) };
                return Some(News { part: part.clone(), turn, since_ms: since.wall_ms(now) });
            }
            (Phase::Told { .. }, _) => {}
            (Phase::Begun { since, due, why: known }, Look::Ill { why, patience }) => {
                let began = since.mono.unwrap_or(now.mono);
                *due = began.saturating_add(patience).max(trouble.quiet_until);
                if known != why {
                    why.clone_into(known);
                }
            }
            (Phase::Over, Look::Ill { why, patience }) => {
                let since = Since { mono: Some(now.mono), wall_ms: now.wall_ms };
                let due = now.mono.saturating_add(patience).max(trouble.quiet_until);
                trouble.phase = Phase::Begun { since, due, why: why.to_owned() };
            }
            (Phase::Begun { .. } | Phase::Over, Look::Well | Look::Unknown) => {
                trouble.phase = Phase::Over;
                if trouble.quiet_until <= now.mono {
                    self.parts.remove(part);
                }
            }
        }
        None
    }

    /// What has just become news.
    fn pop_due(&mut self, now: Moment) -> Option<News> {
        let is_due = |trouble: &Trouble| trouble.due().is_some_and(|due| due <= now.mono);
        let (part, trouble) = self.parts.iter_mut().find(|(_, trouble)| is_due(trouble))?;
        let Phase::Begun { since, why, .. } = &mut trouble.phase else { return None };
        let (since, why) = (*since, std::mem::take(why));
        trouble.phase = Phase::Told { since };
        Some(News { part: part.clone(), turn: Turn::Fails { why }, since_ms: since.wall_ms(now) })
    }
}

impl Trouble {
    fn due(&self) -> Option<Duration> {
        match self.phase {
            Phase::Begun { due, .. } => Some(due),
            _ => None,
        }
    }
}

impl Since {
    fn lasted_ms(self, now: Moment) -> i64 {
        now.wall_ms.saturating_sub(self.wall_ms(now)).max(0)
    }

    /// By the wall clock as it stands now, which may have been set since.
    fn wall_ms(self, now: Moment) -> i64 {
        let ago = self.mono.map(|mono| millis(now.mono.saturating_sub(mono)));
        ago.map_or(self.wall_ms, |ago| now.wall_ms.saturating_sub(ago))
    }
}
