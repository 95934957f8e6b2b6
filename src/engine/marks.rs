//! Cooldowns and dedupe keys: what a rule must not do again before a time.
//!
//! Waits are measured by the monotonic clock, so a wall clock that is set does not move them; what is
//! written down is the wall time at which they end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::outbox::delivery::{Mark, MarkKind};
use crate::presence::model::UserId;
use crate::time::{Moment, millis};

#[derive(Default)]
pub struct Marks {
    until: HashMap<Key, Duration>,
    /// Those that are over are swept out when the map has grown to this.
    sweep_at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    rule: Arc<str>,
    person: Option<UserId>,
    kind: MarkKind,
    text: Box<str>,
}

const SWEEP_AT_LEAST: usize = 1024;

impl Marks {
    /// Takes up a mark that an earlier run wrote down, if it still holds. `longest` is the wait that the
    /// rule has now: a wall clock set back does not lengthen it.
    pub fn recall(&mut self, now: Moment, mark: Mark, longest: Duration) {
        let until = now.mono_at(mark.until_ms, longest);
        if until > now.mono {
            let key = Key { rule: mark.rule, person: mark.person, kind: mark.kind, text: mark.key };
            self.until.insert(key, until);
        }
    }

    /// The milliseconds for which a mark still holds.
    pub fn left_ms(
        &self,
        now: Moment,
        rule: &Arc<str>,
        person: Option<UserId>,
        kind: MarkKind,
        key: &str,
    ) -> Option<i64> {
        let key = Key { rule: Arc::clone(rule), person, kind, text: key.into() };
        let until = self.until.get(&key)?;
        until.checked_sub(now.mono).filter(|left| !left.is_zero()).map(millis)
    }

    /// Sets a mark, and returns it for writing down.
    pub fn set(
        &mut self,
        now: Moment,
        rule: &Arc<str>,
        person: Option<UserId>,
        (kind, key): (MarkKind, &str),
        wait: Duration,
    ) -> Mark {
        self.sweep(now);
        let kept = Key { rule: Arc::clone(rule), person, kind, text: key.into() };
        self.until.insert(kept, now.mono.saturating_add(wait));
        Mark { rule: Arc::clone(rule), person, kind, key: key.into(), until_ms: now.wall_after(wait) }
    }

    /// All that still hold, for writing down.
    pub fn all(&self, now: Moment) -> impl Iterator<Item = Mark> {
        self.until.iter().filter(move |(_, until)| **until > now.mono).map(move |(key, until)| Mark {
            rule: Arc::clone(&key.rule),
            person: key.person,
            kind: key.kind,
            key: key.text.clone(),
            until_ms: now.wall_after(until.saturating_sub(now.mono)),
        })
    }

    /// Those of a kind that still hold: of which rule, for whom, and until when.
    pub fn that_hold(
        &self,
        now: Moment,
        kind: MarkKind,
    ) -> impl Iterator<Item = (&str, Option<UserId>, Duration)> {
        let of_kind = self.until.iter().filter(move |(key, until)| key.kind == kind && **until > now.mono);
        of_kind.map(|(key, until)| (&*key.rule, key.person, *until))
    }

    /// Goes over to other rules: `longest` says how long a mark of a rule may still hold, nothing where it
    /// sets none of the kind any more.
    pub fn adopt(&mut self, now: Moment, longest: impl Fn(&str, MarkKind) -> Option<Duration>) {
        self.until.retain(|key, until| {
            let Some(longest) = longest(&key.rule, key.kind) else { return false };
            *until = (*until).min(now.mono.saturating_add(longest));
            true
        });
    }

    fn sweep(&mut self, now: Moment) {
        if self.until.len() >= self.sweep_at.max(SWEEP_AT_LEAST) {
            self.until.retain(|_, until| *until > now.mono);
            self.sweep_at = self.until.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_mark_holds_for_its_wait_whatever_the_wall_clock_does() {
        let mut marks = Marks::default();
        let rule: Arc<str> = "r".into();
        let now = Moment { mono: MINUTE, wall_ms: 1_000_000 };
        let mark = marks.set(now, &rule, Some(UserId(1)), (MarkKind::Cooldown, ""), MINUTE);
        assert_eq!(mark.until_ms, 1_060_000);
        let left = |now| marks.left_ms(now, &rule, Some(UserId(1)), MarkKind::Cooldown, "");
        assert_eq!(left(now), Some(60_000));
        assert_eq!(left(Moment { wall_ms: 9_000_000, ..now }), Some(60_000));
        assert_eq!(left(now.plus(MINUTE)), None);
        assert_eq!(marks.left_ms(now, &rule, Some(UserId(2)), MarkKind::Cooldown, ""), None);
        assert_eq!(marks.left_ms(now, &rule, Some(UserId(1)), MarkKind::Dedupe, ""), None);
    }

    #[test]
    fn a_recalled_mark_waits_for_what_is_left() {
        let rule: Arc<str> = "r".into();
        let now = Moment { mono: Duration::ZERO, wall_ms: 1_000_000 };
        for (until_ms, left) in [(1_030_000, Some(30_000)), (999_999, None), (90_000_000, Some(60_000))] {
            let mut marks = Marks::default();
            let mark = Mark {
                rule: Arc::clone(&rule),
                person: None,
                kind: MarkKind::Dedupe,
                key: "k".into(),
                until_ms,
            };
            marks.recall(now, mark, MINUTE);
            assert_eq!(marks.left_ms(now, &rule, None, MarkKind::Dedupe, "k"), left, "{until_ms}");
        }
    }

    #[test]
    fn marks_that_are_over_are_swept_out() {
        let mut marks = Marks::default();
        let rule: Arc<str> = "r".into();
        for second in 0..20_000 {
            let now = Moment { mono: Duration::from_secs(second), wall_ms: 0 };
            marks.set(now, &rule, Some(UserId(second)), (MarkKind::Cooldown, ""), MINUTE);
        }
        assert!(marks.until.len() <= SWEEP_AT_LEAST, "{}", marks.until.len());
    }
}
