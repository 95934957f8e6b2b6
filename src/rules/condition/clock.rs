//! When time alone can change what a condition says.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::tree::{Loop, Node};
use crate::rules::scope::Root;
use crate::time::millis;

/// The finest part of the clock that a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hand {
    /// The date and the day of the week.
    Day,
    Hour,
    Minute,
    /// `now.time`, which is never the same twice.
    Moment,
}

/// How late a condition that compares `now.time` with something may be told that time has moved.
const MOMENT_EVERY: Duration = Duration::from_secs(5);

impl Hand {
    pub const ALL: [Self; 4] = [Self::Day, Self::Hour, Self::Minute, Self::Moment];

    /// How long after the wall time `now_ms` it moves next, as clocks in `zone` show it.
    pub fn moves_in(self, now_ms: i64, zone: &TimeZone) -> Duration {
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let local_ms = now_ms.saturating_add(i64::from(zone.to_offset(now).seconds()) * 1000);
        let minutes = match self {
            Self::Day => 24 * 60,
            Self::Hour => 60,
            Self::Minute | Self::Moment => 1,
        };
        let every_ms = minutes * 60_000;
        let mut wait_ms = every_ms - local_ms.rem_euclid(every_ms);
        // Where the offset changes, so may everything else.
        if let Some(change) = zone.following(now).next() {
            wait_ms = wait_ms.min((change.timestamp().as_millisecond() - now_ms).max(1));
        }
        if self == Self::Moment {
            wait_ms = wait_ms.min(millis(MOMENT_EVERY));
        }
        Duration::from_millis(wait_ms.unsigned_abs())
    }
}

/// The finest hand that a part of a condition looks at.
pub(super) fn finest(node: &Node) -> Option<Hand> {
    let of = |nodes: &[&Node]| nodes.iter().filter_map(|node| finest(node)).max();
    match node {
        Node::Root(Root::Now) => Some(Hand::Moment),
        Node::Field(of, field) if matches!(**of, Node::Root(Root::Now)) => Some(match field.name {
            "time" => Hand::Moment,
            "minute" => Hand::Minute,
            "hour" => Hand::Hour,
            _ => Hand::Day,
        }),
        Node::Null
        | Node::Bool(_)
        | Node::Int(_)
        | Node::Uint(_)
        | Node::Double(_)
        | Node::Text(_)
        | Node::Time(_)
        | Node::Duration(_)
        | Node::Root(_)
        | Node::Variable(_) => None,
        Node::List(items) | Node::And(items) | Node::Or(items) => items.iter().filter_map(finest).max(),
        Node::Field(one, _)
        | Node::AnyField(one, _)
        | Node::Has(one)
        | Node::Not(one)
        | Node::TextIs(one, _)
        | Node::IsNull(one)
        | Node::TextIn(one, _)
        | Node::Negate(one)
        | Node::Matches(one, _)
        | Node::Map(_, one)
        | Node::Size(one)
        | Node::Convert(_, one)
        | Node::Units(_, one) => finest(one),
        Node::Key(one, other) | Node::Item(one, other) => of(&[one, other]),
        Node::Choose(parts) => parts.iter().filter_map(finest).max(),
        Node::Equal(sides)
        | Node::Order(sides, _)
        | Node::TimeOrder(sides, _)
        | Node::In(sides)
        | Node::KeyIn(sides)
        | Node::Arithmetic(_, sides)
        | Node::TextTest(_, sides) => sides.iter().filter_map(finest).max(),
        Node::Macro(_, inner) => {
            let Loop { over, only, body, .. } = &**inner;
            only.as_ref().and_then(finest).max(of(&[over, body]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::condition::Condition;
    use crate::rules::scope::{Keys, Names};

    fn hand(source: &str) -> Option<Hand> {
        let (people, groups) = (Keys::from_iter(["bob".to_owned()]), Keys::from_iter(["squad".to_owned()]));
        let names = Names {
            people: &people,
            groups: &groups,
            has_person: true,
            change: None,
            in_template: false,
            gathered: None,
        };
        Condition::compile(source, &names).unwrap().hand()
    }

    #[test]
    fn the_finest_hand_counts_wherever_it_stands() {
        for (source, expected) in [
            ("online && bob.online", None),
            ("online && now.weekend", Some(Hand::Day)),
            ("now.month == 12 && !(now.weekday in ['monday'])", Some(Hand::Day)),
            ("now.hour >= 22 || now.weekend", Some(Hand::Hour)),
            ("now.hour * 60 + now.minute > 1290", Some(Hand::Minute)),
            ("squad.exists(p, p.online && now.hour == 3)", Some(Hand::Hour)),
            ("playing && now.time - playing.started_at > duration('1h')", Some(Hand::Moment)),
            ("(online ? now.minute : 3) == 3", Some(Hand::Minute)),
            (
                "squad.filter(p, now.time - p.track.started_at > duration('1h')).size() > 1",
                Some(Hand::Moment),
            ),
            ("string(now.hour) + 'x' in ['3x']", Some(Hand::Hour)),
            ("now != null", Some(Hand::Moment)),
        ] {
            assert_eq!(hand(source), expected, "{source}");
        }
    }

    #[test]
    fn hands_move_where_the_local_clock_does() {
        let zone = |name| TimeZone::get(name).unwrap();
        let (berlin, kathmandu) = (zone("Europe/Berlin"), zone("Asia/Kathmandu"));
        for (hand, zone, from, to) in [
            (Hand::Minute, &berlin, "2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z"),
            (Hand::Hour, &berlin, "2026-03-01T10:59:59.999Z", "2026-03-01T11:00:00Z"),
            (Hand::Hour, &kathmandu, "2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z"),
            (Hand::Day, &berlin, "2026-03-01T10:00:00Z", "2026-03-01T23:00:00Z"),
            // The night in which two o'clock is three, and that in which there are two of it.
            (Hand::Day, &berlin, "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"),
            (Hand::Day, &berlin, "2026-03-29T01:00:00Z", "2026-03-29T22:00:00Z"),
            (Hand::Day, &berlin, "2026-10-25T01:00:00Z", "2026-10-25T23:00:00Z"),
            (Hand::Hour, &berlin, "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
            (Hand::Moment, &berlin, "2026-03-01T10:00:01Z", "2026-03-01T10:00:06Z"),
            (Hand::Moment, &berlin, "2026-03-01T10:00:58Z", "2026-03-01T10:01:00Z"),
        ] {
            let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
            let after = hand.moves_in(ms(from), zone);
            assert_eq!(ms(from) + millis(after), ms(to), "{hand:?} from {from}");
        }
    }
}
