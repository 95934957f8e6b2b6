//! When each rule has rung for whom, for its `limit`: exact times, no more than the limit counts.
//!
//! Times are milliseconds by the monotonic clock, before zero for those of an earlier run, so that a wall clock
//! that is set moves nothing. What is written down is the wall time of each.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::outbox::delivery::{Commit, Note, NoteKind};
use crate::presence::model::UserId;
use crate::rules::noise::limit::Limit;
use crate::time::{Moment, millis};

#[derive(Default)]
pub struct Limits {
    rung: HashMap<Key, Rung>,
    /// Those that are over are swept out when the map has grown to this.
    sweep_at: usize,
}

type Key = (Arc<str>, Option<UserId>);

/// When a rule has rung for somebody.
pub struct Rung {
    /// Oldest first.
    at: VecDeque<i64>,
    /// When all of it is past.
    over: i64,
}

const SWEEP_AT_LEAST: usize = 1024;
/// So many are swept out in one transaction at the most.
const SWEEP_AT_MOST: usize = 4096;

impl Limits {
    /// The milliseconds until the rule may ring again; none if it may now.
    pub fn left_ms(&self, now: Moment, rule: &Arc<str>, person: Option<UserId>, limit: Limit) -> Option<i64> {
        self.rung.get(&(Arc::clone(rule), person))?.left_ms(now, limit)
    }

    /// How often each rule has rung for each person.
    pub fn all_rung(&self) -> impl Iterator<Item = (&str, Option<UserId>, &Rung)> {
        self.rung.iter().map(|((rule, person), rung)| (&**rule, *person, rung))
    }

    /// The rule rings: that is written down.
    pub fn count(
        &mut self,
        now: Moment,
        rule: &Arc<str>,
        person: Option<UserId>,
        limit: Limit,
        commit: &mut Commit,
    ) {
        self.sweep(now, commit);
        let key = (Arc::clone(rule), person);
        let rung = self.rung.entry(key.clone()).or_insert_with(|| Rung { at: VecDeque::new(), over: 0 });
        let own_ms = millis(now.mono);
        rung.at.push_back(own_ms);
        while rung.at.len() > limit.count {
            rung.at.pop_front();
        }
        rung.over = own_ms.saturating_add(millis(limit.per));
        commit.notes.push(rung.note(now, &key));
    }

    /// Takes up what an earlier run wrote down; false if it means nothing any more. What lies ahead of a wall
    /// clock that was set back has just been.
    pub fn recall(&mut self, now: Moment, note: &Note, limit: Limit) -> bool {
        let Ok(written) = serde_json::from_str::<Vec<i64>>(&note.text) else { return false };
        let own_ms = millis(now.mono);
        let age = |wall_ms: i64| now.wall_ms.saturating_sub(wall_ms).max(0);
        let mut at: Vec<i64> = written
            .into_iter()
            .filter(|wall_ms| age(*wall_ms) < millis(limit.per))
            .map(|wall_ms| own_ms.saturating_sub(age(wall_ms)))
            .collect();
        at.sort_unstable();
        let Some(newest) = at.last() else { return false };
        let over = newest.saturating_add(millis(limit.per));
        self.rung.insert((Arc::clone(&note.rule), note.person), Rung { at: at.into(), over });
        true
    }

    /// All of it, for writing down.
    pub fn all(&self, now: Moment) -> impl Iterator<Item = Note> {
        self.rung.iter().map(move |(key, rung)| rung.note(now, key))
    }

    /// Goes over to other rules: `limit` is that of a rule, nothing where it has none any more.
    pub fn adopt(&mut self, limit: impl Fn(&str) -> Option<Limit>, commit: &mut Commit) {
        self.rung.retain(|key, rung| {
            let Some(limit) = limit(&key.0) else {
                commit.notes.push(struck_out(key));
                return false;
            };
            rung.over = rung.at.back().map_or(0, |newest| newest.saturating_add(millis(limit.per)));
            true
        });
    }

    fn sweep(&mut self, now: Moment, commit: &mut Commit) {
        if self.rung.len() < self.sweep_at.max(SWEEP_AT_LEAST) {
            return;
        }
        let own_ms = millis(now.mono);
        let mut swept = 0;
        self.rung.retain(|key, rung| {
            let past = rung.over <= own_ms && swept < SWEEP_AT_MOST;
            if past {
                swept += 1;
                commit.notes.push(struck_out(key));
            }
            !past
        });
        self.sweep_at = if swept < SWEEP_AT_MOST { self.rung.len() * 2 } else { 0 };
    }
}

impl Rung {
    /// The milliseconds until it may ring again; none if it may now.
    pub fn left_ms(&self, now: Moment, limit: Limit) -> Option<i64> {
        let oldest = self.at.get(self.at.len().checked_sub(limit.count)?)?;
        let left_ms = oldest.saturating_add(millis(limit.per)) - millis(now.mono);
        (left_ms > 0).then_some(left_ms)
    }

    fn note(&self, now: Moment, (rule, person): &Key) -> Note {
        let ahead_ms = now.ahead_ms();
        let wall: Vec<i64> = self.at.iter().map(|own_ms| own_ms.saturating_add(ahead_ms)).collect();
        let text = serde_json::to_string(&wall).unwrap_or_default().into();
        Note { rule: Arc::clone(rule), person: *person, kind: NoteKind::Limit, key: "".into(), text }
    }
}

fn struck_out((rule, person): &Key) -> Note {
    Note { rule: Arc::clone(rule), person: *person, kind: NoteKind::Limit, key: "".into(), text: "".into() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const PERSON: Option<UserId> = Some(UserId(7));

    fn limit(count: usize, seconds: u64) -> Limit {
        Limit { count, per: Duration::from_secs(seconds) }
    }

    fn at(second: u64) -> Moment {
        Moment { mono: Duration::ZERO, wall_ms: 1_700_000_000_000 }.plus(Duration::from_secs(second))
    }

    fn ring(limits: &mut Limits, now: Moment, limit: Limit) -> Option<Note> {
        let rule = "r".into();
        if limits.left_ms(now, &rule, PERSON, limit).is_some() {
            return None;
        }
        let mut commit = Commit::default();
        limits.count(now, &rule, PERSON, limit, &mut commit);
        commit.notes.pop()
    }

    #[test]
    fn the_window_slides() {
        let mut limits = Limits::default();
        let rang: Vec<u64> =
            (0..40).filter(|second| ring(&mut limits, at(*second), limit(3, 10)).is_some()).collect();
        assert_eq!(rang, [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]);
        assert_eq!(limits.left_ms(at(33), &"r".into(), PERSON, limit(3, 10)), Some(7_000));
        assert_eq!(limits.left_ms(at(33), &"r".into(), Some(UserId(8)), limit(3, 10)), None);
        assert_eq!(limits.left_ms(at(33), &"r".into(), PERSON, limit(4, 10)), None, "one more may");
        assert_eq!(limits.left_ms(at(33), &"r".into(), PERSON, limit(1, 10)), Some(9_000));
    }

    #[test]
    fn what_is_over_is_swept_out_on_disk_too() {
        let (mut limits, mut commit) = (Limits::default(), Commit::default());
        for second in 0..5_000 {
            limits.count(at(second), &"r".into(), Some(UserId(second)), limit(1, 60), &mut commit);
        }
        assert!(limits.rung.len() <= SWEEP_AT_LEAST, "{}", limits.rung.len());
        let struck = commit.notes.iter().filter(|note| note.text.is_empty()).count();
        assert_eq!(struck + limits.rung.len(), 5_000);
    }

    proptest! {
        /// However the rule is asked, and whatever ends the process or sets the clock, no window has more.
        #[test]
        fn no_window_ever_has_more(
            count in 1_usize..5,
            per in 2_u64..20,
            steps in proptest::collection::vec((0_u64..8, 0_u8..12, -500_i64..500), 1..120),
        ) {
            let limit = limit(count, per);
            let (mut limits, mut disk) = (Limits::default(), None);
            let (mut true_ms, mut mono_from, mut set_ms) = (0_i64, 0_i64, 0_i64);
            let mut rang: Vec<i64> = Vec::new();
            for (seconds, what, by) in steps {
                true_ms += seconds as i64 * 1_000;
                let now = |set_ms: i64, mono_from: i64| Moment {
                    mono: Duration::from_millis(u64::try_from(true_ms - mono_from).unwrap()),
                    wall_ms: 1_700_000_000_000 + true_ms + set_ms,
                };
                match what {
                    0 | 1 => {
                        mono_from = true_ms;
                        limits = Limits::default();
                        if let Some(note) = &disk {
                            limits.recall(now(set_ms, mono_from), note, limit);
                        }
                    }
                    2 => {
                        set_ms += by * 1_000;
                        // What a clock that was set leads to, with its tick.
                        disk = limits.all(now(set_ms, mono_from)).next().or(disk);
                    }
                    _ => {
                        if let Some(note) = ring(&mut limits, now(set_ms, mono_from), limit) {
                            rang.push(true_ms);
                            disk = Some(note);
                        }
                    }
                }
            }
            for (at, first) in rang.iter().enumerate() {
                let within = rang[at..].iter().take_while(|later| **later - first < per as i64 * 1_000);
                prop_assert!(within.count() <= count, "{rang:?}");
            }
        }
    }
}
