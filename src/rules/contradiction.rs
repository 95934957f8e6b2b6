//! A condition that can never hold when its own change comes.

use jiff::tz::TimeZone;

use super::condition::{Condition, Judged};
use super::scope::{Nobody, Now, Scope, Sight};
use super::set::Trigger;
use crate::presence::change::ChangeKind;
use crate::presence::model::{Presence, UserId};

/// What somebody who is offline still has: with one of these in it, nobody can say.
const LASTING: [&str; 5] = ["kv", "user", "name", "id", "key"];

/// Whether a condition is false of everybody who has just gone offline, and the rule waits for nothing else.
pub fn never_holds(triggers: &[Trigger], condition: &Condition) -> bool {
    let goes = !triggers.is_empty() && triggers.iter().all(|trigger| trigger.kind == ChangeKind::WentOffline);
    let sees = condition.sees();
    let elsewhere =
        sees.before || sees.change || sees.now || !sees.people.is_empty() || !sees.groups.is_empty();
    let mut words = condition.source().split(|c: char| !c.is_alphanumeric() && c != '_');
    if !goes || !sees.person || elsewhere || words.any(|word| LASTING.contains(&word)) {
        return false;
    }
    let gone = Presence::default();
    let sight = Sight { id: UserId(0), key: "", name: "", presence: &gone };
    let utc = TimeZone::UTC;
    let scope = Scope { person: Some(sight), ..Scope::of("", Now::at(0, &utc), &utc, &Nobody) };
    condition.judge(&scope) == Judged::False
}
