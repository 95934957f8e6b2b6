//! What rang against what was expected: who stands for whom.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::story::{Asked, Firing};
use crate::outbox::delivery::Delivery;
use crate::rules::story::{Expected, Story};
use crate::targets::filled;

/// What is expected at a time may be off by less.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Says of each firing whether it was expected, and returns the places of what was and did not ring.
///
/// An expectation that names a message (its target, its text) stands for one message, another for a whole firing.
/// A firing of which one message is expected is expected.
pub fn reckon(story: &Story, firings: &mut [Firing]) -> Vec<usize> {
    for firing in firings.iter_mut() {
        let about = story.only.as_ref().is_none_or(|only| only.contains(&firing.rule));
        firing.asked = if about { Asked::Unexpected } else { Asked::Not };
    }
    let of_message = |expected: &Expected| expected.to.is_some() || !expected.text.is_empty();
    let mut missing = Vec::new();
    // First those who stand for one message: the firings that they leave are for the others.
    for messages in [true, false] {
        let asked: Vec<usize> =
            (0..story.expect.len()).filter(|&at| of_message(&story.expect[at]) == messages).collect();
        let offered: Vec<(usize, Option<usize>)> = if messages {
            let of_firing = |(at, firing): (usize, &Firing)| {
                (0..firing.messages.len()).map(move |message| (at, Some(message))).collect::<Vec<_>>()
            };
            let about = firings.iter().enumerate().filter(|(_, firing)| firing.asked != Asked::Not);
            about.flat_map(of_firing).collect()
        } else {
            let left = firings.iter().enumerate().filter(|(_, firing)| firing.asked == Asked::Unexpected);
            left.map(|(at, _)| (at, None)).collect()
        };
        let fits = |expected: usize, offer: usize| {
            let (firing, message) = offered[offer];
            fits(&story.expect[expected], &firings[firing], message)
        };
        let pairs = pair(asked.len(), offered.len(), |one, other| fits(asked[one], other));
        for (one, other) in pairs.into_iter().enumerate() {
            match other {
                Some(other) => firings[offered[other].0].asked = Asked::Expected,
                None => missing.push(asked[one]),
            }
        }
    }
    missing.sort_unstable();
    missing
}

fn fits(expected: &Expected, firing: &Firing, message: Option<usize>) -> bool {
    of_rule(expected, firing)
        && of_person(expected, firing)
        && in_time(expected, firing)
        && message.is_none_or(|at| {
            let message = &firing.messages[at];
            to_target(expected, message) && reads(expected, message)
        })
}

fn of_rule(expected: &Expected, firing: &Firing) -> bool {
    expected.rule.as_ref().is_none_or(|rule| *rule == firing.rule)
}

fn of_person(expected: &Expected, firing: &Firing) -> bool {
    expected.person.is_none_or(|person| firing.person == Some(person))
}

fn in_time(expected: &Expected, firing: &Firing) -> bool {
    expected.at.is_none_or(|at| firing.now.mono.abs_diff(at) < AT_LEAST)
}

fn to_target(expected: &Expected, message: &Delivery) -> bool {
    expected.to.as_ref().is_none_or(|to| *to == message.target)
}

fn reads(expected: &Expected, message: &Delivery) -> bool {
    let wanted = |shown: &str| expected.text.iter().any(|pattern| pattern.matches(shown));
    expected.text.is_empty() || any_text(message, wanted)
}

/// Something that rang and is nearly what was expected.
#[derive(Debug, PartialEq, Eq)]
pub enum Near {
    /// All the same, at this time.
    Then(Duration),
    /// It reads otherwise; the firing's place and the message's.
    Reads(usize, usize),
    /// It is sent elsewhere.
    SentTo(Arc<str>),
    /// It rang for somebody else.
    RangFor(Arc<str>),
    /// It is there, and something else was expected as well.
    Taken,
}

/// The firing that was most likely meant by what did not ring.
pub fn nearest(expected: &Expected, firings: &[Firing]) -> Option<Near> {
    let of_rule = || firings.iter().enumerate().filter(|(_, firing)| of_rule(expected, firing));
    let right = |message: &Delivery| to_target(expected, message) && reads(expected, message);
    let of_person = || of_rule().filter(|(_, firing)| of_person(expected, firing));
    let mut late = of_person().filter(|(_, firing)| firing.messages.iter().any(right));
    if let Some((_, firing)) = late.next() {
        let off = !in_time(expected, firing);
        return Some(if off { Near::Then(firing.now.mono) } else { Near::Taken });
    }
    for (place, firing) in of_person() {
        if let Some(at) = firing.messages.iter().position(|message| to_target(expected, message)) {
            return Some(Near::Reads(place, at));
        }
    }
    if let Some((_, firing)) = of_person().next() {
        return firing.messages.first().map(|message| Near::SentTo(Arc::clone(&message.target)));
    }
    of_rule().find_map(|(_, firing)| firing.called.clone()).map(Near::RangFor)
}

/// Whether one of a message's texts is as wanted. Variables read as they are written.
fn any_text(message: &Delivery, wanted: impl Fn(&str) -> bool) -> bool {
    fn within(value: &Value, wanted: &impl Fn(&str) -> bool) -> bool {
        match value {
            Value::String(text) => wanted(text) || wanted(text.trim()),
            Value::Array(items) => items.iter().any(|item| within(item, wanted)),
            Value::Object(map) => map.values().any(|value| within(value, wanted)),
            Value::Number(number) => wanted(&number.to_string()),
            Value::Bool(_) | Value::Null => false,
        }
    }
    filled::shown(&message.parts).values().any(|part| within(part, &wanted))
}

/// Pairs as many of the first as can be with one each of the others, those that come early with those that come
/// early: for each of the first, its partner.
fn pair(first: usize, others: usize, fits: impl Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    let mut taken: Vec<Option<usize>> = vec![None; others];
    for one in 0..first {
        let mut seen = vec![false; others];
        find(one, &fits, &mut seen, &mut taken);
    }
    let mut partners = vec![None; first];
    for (other, one) in taken.into_iter().enumerate() {
        if let Some(one) = one {
            partners[one] = Some(other);
        }
    }
    partners
}

/// Finds a partner for `one`, moving others to another of theirs if that makes room.
fn find(
    one: usize,
    fits: &impl Fn(usize, usize) -> bool,
    seen: &mut [bool],
    taken: &mut [Option<usize>],
) -> bool {
    for other in 0..taken.len() {
        if !seen[other] && fits(one, other) {
            seen[other] = true;
            if taken[other].is_none_or(|holder| find(holder, fits, seen, taken)) {
                taken[other] = Some(one);
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_can_be_find_a_partner() {
        let table: [(&[&[usize]], usize); 4] =
            [(&[&[0, 1], &[0]], 2), (&[&[0], &[0]], 1), (&[&[0, 1], &[0, 2], &[0]], 3), (&[&[], &[1]], 1)];
        for (fit, found) in table {
            let partners = pair(fit.len(), 3, |one, other| fit[one].contains(&other));
            assert_eq!(partners.iter().flatten().count(), found, "{fit:?}");
            for (one, other) in partners.into_iter().enumerate() {
                assert!(other.is_none_or(|other| fit[one].contains(&other)), "{fit:?}");
            }
        }
    }
}
