//! A firing that waits, for its time or for others: enough of it to ask its rule again and to render it later,
//! in another run if need be.

use serde::{Deserialize, Serialize};

use super::bell::Step;
use super::person::{HeldNote, Known, Span};
use crate::presence::change::{Change, ChangeKind, diff};
use crate::presence::model::{Presence, UserId};
use crate::presence::settle::{Hold, put_back};
use crate::rules::cause::Cause;
use crate::rules::scope::{Changed, Happened, News};
use crate::time::Moment;

/// A change of one person, with the presences that it was made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The change's name, or `enter` or `exit`.
    kind: String,
    from: Option<u16>,
    to: Option<u16>,
    before: Look,
    after: Look,
    /// What news of doorchime itself are about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    target: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    why: String,
    /// When it came about.
    pub at_ms: i64,
    pub since_ms: Option<i64>,
    pub lasted_ms: Option<i64>,
    pub late_ms: Option<i64>,
}

/// How a person looked to rules: what was observed, and what was held.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
            target: String::new(),
            why: String::new(),
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

    /// A state that began or ended, and how the person looked; nobody for a rule that is about nobody.
    pub fn of_state(
        now: Moment,
        cause: Cause,
        person: Option<&Known>,
        span: Span,
        late_ms: Option<i64>,
    ) -> Self {
        let after = person.map(|known| Look {
            raw: known.raw.clone(),
            held: known.holds.iter().map(HeldNote::of).collect(),
        });
        Self {
            kind: cause.name().to_owned(),
            from: None,
            to: None,
            before: Look::default(),
            after: after.unwrap_or_default(),
            target: String::new(),
            why: String::new(),
            at_ms: now.wall_ms,
            since_ms: span.since_ms,
            lasted_ms: span.lasted_ms,
            late_ms,
        }
    }

    /// News of doorchime itself.
    pub fn of_news(now: Moment, news: News<'_>, span: Span) -> Self {
        let state = Self::of_state(now, Cause::Change(news.kind), None, span, None);
        Self { target: news.target.to_owned(), why: news.why.to_owned(), ..state }
    }

    /// Why the rule was asked; nothing that this version knows, in a note that another one wrote.
    pub fn cause(&self) -> Option<Cause> {
        match self.kind.as_str() {
            "enter" => Some(Cause::Enter),
            "exit" => Some(Cause::Exit),
            kind => ChangeKind::from_name(kind).map(Cause::Change),
        }
    }

    /// The same, found out later than it was kept.
    #[must_use]
    pub fn as_late_as(&self, late_ms: Option<i64>) -> Self {
        Self { late_ms, ..self.clone() }
    }

    /// What was held: `read` borrows from it.
    pub fn holds(&self) -> Holds {
        Holds { before: self.before.holds(), after: self.after.holds() }
    }

    /// How the person looked, and the change as it was. `None` if it cannot be made out any more, in a note that
    /// another version wrote.
    pub fn read<'k>(&'k self, person: Option<UserId>, holds: &'k Holds) -> Option<Seen<'k>> {
        let before = self.before.shown(person, &holds.before)?;
        let after = self.after.shown(person, &holds.after)?;
        let Cause::Change(kind) = self.cause()? else {
            return Some(Seen { change: None, news: None, before, after });
        };
        if kind.is_own() {
            let news = Some(News { kind, target: &self.target, why: &self.why });
            return Some(Seen { change: None, news, before, after });
        }
        let change = Change { kind, from: self.from, to: self.to };
        let mut changes = Vec::new();
        diff(&before, &after, &mut changes);
        let told_alone = matches!(kind, ChangeKind::BecameMonitored | ChangeKind::BecameUnmonitored);
        (told_alone || changes.contains(&change)).then_some(Seen {
            change: Some(change),
            news: None,
            before,
            after,
        })
    }

    /// Shows the change as it was.
    pub fn show<R>(&self, person: UserId, look: impl FnOnce(Changed<'_>) -> R) -> Option<R> {
        let holds = self.holds();
        let seen = self.read(Some(person), &holds)?;
        Some(look(seen.changed()?))
    }
}

/// What was held before and after.
pub struct Holds {
    before: Vec<Hold>,
    after: Vec<Hold>,
}

/// A kept firing, read.
pub struct Seen<'k> {
    change: Option<Change>,
    news: Option<News<'k>>,
    pub before: Presence<'k>,
    pub after: Presence<'k>,
}

impl Seen<'_> {
    pub fn changed(&self) -> Option<Changed<'_>> {
        Some(Changed { change: self.change?, before: &self.before, after: &self.after })
    }

    /// What the rule was told of.
    pub fn happened(&self) -> Option<Happened<'_>> {
        self.changed().map(Happened::Change).or(self.news.map(Happened::News))
    }
}

impl Look {
    fn of(presence: &Presence<'_>, held: &[Hold]) -> Self {
        Self { raw: presence.raw.to_owned(), held: held.iter().map(HeldNote::of).collect() }
    }

    fn holds(&self) -> Vec<Hold> {
        self.held.iter().cloned().map(HeldNote::endless).collect()
    }

    fn shown<'a>(&'a self, person: Option<UserId>, holds: &'a [Hold]) -> Option<Presence<'a>> {
        if self.raw.is_empty() {
            return Some(Presence::default());
        }
        let (id, seen) = Presence::parse(&self.raw, person).ok()?;
        Some(put_back(id, seen, holds))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::presence::settle::Held;

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
