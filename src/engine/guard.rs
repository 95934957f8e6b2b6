//! The fleet guard: when half of everybody goes offline within seconds, it is the source, not the people.
//!
//! Lanyard replays every member when it re-identifies with Discord, and shows those missing from a chunk as
//! offline for a moment.

use std::collections::VecDeque;
use std::time::Duration;

use crate::presence::model::UserId;

/// So few people may well leave together.
const FLEET_LEAST: usize = 5;
/// Going offline within this time is going together.
const TOGETHER: Duration = Duration::from_secs(10);
/// Without a snapshot that confirms it, people are believed to be gone after this time.
const DOUBT_MOST: Duration = Duration::from_secs(300);
/// For so long a flap may last. A snapshot taken within it shows the flap, and confirms nothing.
pub const FLAP_MOST: Duration = Duration::from_secs(30);

#[derive(Default)]
pub struct Guard {
    /// Who went offline lately, and when.
    falls: VecDeque<(Duration, UserId)>,
    /// While it lasts, whoever goes offline is doubted, too.
    doubt_until: Option<Duration>,
}

/// What the guard says to one more person who goes offline.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    /// People do that.
    Believe,
    /// Nobody of these is believed to have gone, until `until` or a snapshot that confirms it.
    Doubt { until: Duration, also: Vec<UserId>, first: bool },
}

impl Guard {
    /// `online` is how many people were online before this one went, counting those who fell with them.
    pub fn fall(&mut self, now: Duration, id: UserId, online: usize) -> Word {
        while self.falls.front().is_some_and(|(at, _)| *at + TOGETHER < now) {
            self.falls.pop_front();
        }
        if let Some(until) = self.doubt_until.filter(|until| *until > now) {
            return Word::Doubt { until, also: Vec::new(), first: false };
        }
        // Who falls again and again is one person all the same.
        self.falls.retain(|(_, fallen)| *fallen != id);
        self.falls.push_back((now, id));
        if self.falls.len() < FLEET_LEAST || self.falls.len() * 2 < online {
            return Word::Believe;
        }
        let until = now + DOUBT_MOST;
        self.doubt_until = Some(until);
        let also = self.falls.drain(..).map(|(_, id)| id).filter(|fallen| *fallen != id).collect();
        Word::Doubt { until, also, first: true }
    }

    /// A snapshot has told how things are.
    pub fn rest(&mut self, now: Duration) {
        self.doubt_until = self.doubt_until.filter(|&until| !may_be_told(until, now));
    }
}

/// Whether a snapshot that comes now can end the doubt that lasts until `until`.
pub fn may_be_told(until: Duration, now: Duration) -> bool {
    now + DOUBT_MOST >= until + FLAP_MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falls(guard: &mut Guard, online: usize, at_seconds: &[u64]) -> Vec<bool> {
        let at = |seconds: &u64| Duration::from_secs(*seconds);
        at_seconds
            .iter()
            .enumerate()
            .map(|(i, second)| guard.fall(at(second), UserId(i as u64), online) != Word::Believe)
            .collect()
    }

    #[test]
    fn half_of_everybody_within_seconds_is_doubted() {
        let table: &[(usize, &[u64], &[bool])] = &[
            (10, &[0, 1, 2, 3, 4], &[false, false, false, false, true]),
            (11, &[0, 1, 2, 3, 4, 5], &[false, false, false, false, false, true]),
            (4, &[0, 0, 0, 0], &[false; 4]),
            (6, &[0, 5, 10, 15, 20, 25], &[false; 6]),
            (5, &[0, 0, 0, 0, 0, 299, 301], &[false, false, false, false, true, true, false]),
        ];
        for (online, at, expected) in table {
            assert_eq!(falls(&mut Guard::default(), *online, at), *expected, "{online} {at:?}");
        }
    }

    #[test]
    fn those_who_fell_first_are_doubted_with_the_last() {
        let mut guard = Guard::default();
        for i in 0..4 {
            guard.fall(Duration::ZERO, UserId(i), 8);
        }
        let Word::Doubt { also, first, .. } = guard.fall(Duration::from_secs(1), UserId(4), 8) else {
            panic!("believed");
        };
        assert_eq!((also.len(), first), (4, true));
    }

    #[test]
    fn one_person_who_falls_five_times_is_no_fleet() {
        let mut guard = Guard::default();
        for second in 0..9 {
            assert_eq!(guard.fall(Duration::from_secs(second), UserId(1), 5), Word::Believe);
        }
    }
}
