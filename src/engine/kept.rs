//! A firing that waits, for its time or for others: enough of it to ask its rule again and to render it later,
//! in another run if need be.

use serde::{Deserialize, Serialize};

use super::bell::Step;
use super::person::{HeldNote, Span};
use crate::presence::change::{Change, ChangeKind, diff};
use crate::presence::model::{Presence, UserId};
use crate::presence::settle::{Hold, put_back};
use crate::rules::scope::Changed;

/// A change of one person, with the presences that it was made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The change's name.
    kind: String,
    from: Option<u16>,
    to: Option<u16>,
    before: Look,
    after: Look,
    /// When it came about.
    pub at_ms: i64,
    pub since_ms: Option<i64>,
    pub lasted_ms: Option<i64>,
    pub late_ms: Option<i64>,
}

/// How a person looked to rules: what was observed, and what was held.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Look {
    raw: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    held: Vec<HeldNote>,
}

impl Kept {
    pub fn of(step: &Step<'_>, change: Change, span: Span) -> Self {
        Self {
            kind: change.kind.name().to_owned(),
            from: change.from,
            to: change.to,
            before: Look::of(step.before, step.before_held),
            after: Look::of(step.after, step.after_held),
            at_ms: step.now.wall_ms,
            since_ms: span.since_ms,
            lasted_ms: span.lasted_ms,
            late_ms: step.late_ms,
        }
    }

    /// The change's kind, if this version knows it.
    pub fn kind(&self) -> Option<ChangeKind> {
        ChangeKind::from_name(&self.kind)
    }

    /// Shows the change as it was. `None` if it cannot be made out any more, in a note that another version
    /// wrote.
    pub fn show<R>(&self, person: UserId, look: impl FnOnce(Changed<'_>) -> R) -> Option<R> {
        let change = Change { kind: ChangeKind::from_name(&self.kind)?, from: self.from, to: self.to };
        let (held_before, held_after) = (self.before.holds(), self.after.holds());
        let before = self.before.shown(person, &held_before)?;
        let after = self.after.shown(person, &held_after)?;
        let mut changes = Vec::new();
        diff(&before, &after, &mut changes);
        let told_alone = matches!(change.kind, ChangeKind::BecameMonitored | ChangeKind::BecameUnmonitored);
        if !told_alone && !changes.contains(&change) {
            return None;
        }
        Some(look(Changed { change, before: &before, after: &after }))
    }
}

impl Look {
    fn of(presence: &Presence<'_>, held: &[Hold]) -> Self {
        Self { raw: presence.raw.to_owned(), held: held.iter().map(HeldNote::of).collect() }
    }

    fn holds(&self) -> Vec<Hold> {
        self.held.iter().cloned().map(HeldNote::endless).collect()
    }

    fn shown<'a>(&'a self, person: UserId, holds: &'a [Hold]) -> Option<Presence<'a>> {
        if self.raw.is_empty() {
            return Some(Presence::default());
        }
        let (_, seen) = Presence::parse(&self.raw, Some(person)).ok()?;
        Some(put_back(person, seen, holds))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::presence::settle::Held;
    use crate::time::Moment;

    #[test]
    fn what_is_kept_shows_the_change_as_it_was() {
        let person = UserId(7);
        let on = r#"{"discord_user":{"id":"7","username":"ada"},"discord_status":"online","activities":[{"type":0,"name":"Braid"},{"type":0,"name":"Factorio"}]}"#;
        let off = r#"{"discord_user":{"id":"7","username":"ada"},"discord_status":"offline"}"#;
        let held = [Hold {
            what: Held::Everything,
            raw: Arc::from(on),
            until: Duration::from_secs(60),
            gone_ms: 5,
            late_ms: None,
        }];
        let parse = |raw| Presence::parse(raw, Some(person)).unwrap().1;
        let (before, after) = (put_back(person, parse(off), &held), parse(off));
        let mut changes = Vec::new();
        diff(&before, &after, &mut changes);
        let step = Step {
            now: Moment { mono: Duration::ZERO, wall_ms: 9 },
            id: person,
            place: None,
            before: &before,
            after: &after,
            before_held: &held,
            after_held: &[],
            late_ms: Some(3),
            ended_ms: 5,
        };
        assert!(changes.len() > 4, "{changes:?}");
        for change in changes {
            let kept = Kept::of(&step, change, Span::default());
            let written = serde_json::to_string(&kept).unwrap();
            let read: Kept = serde_json::from_str(&written).unwrap();
            let name = |presence: &Presence<'_>, at: Option<u16>| {
                at.and_then(|at| Some(presence.activities.get(usize::from(at))?.name.to_string()))
            };
            let shown = read.show(person, |changed| {
                assert_eq!(changed.change, change);
                assert_eq!(name(changed.before, change.from), name(&before, change.from));
                (changed.before.online(), changed.after.online())
            });
            assert_eq!(shown, Some((true, false)), "{change:?}");
        }
        let other = Kept {
            kind: "went_online".to_owned(),
            ..Kept::of(&step, Change::plain(ChangeKind::ChangedStatus), Span::default())
        };
        assert_eq!(other.show(person, |_| ()), None, "a change that is none is not told");
    }
}
