//! Brakes whoever guesses at the token. Pure: time is handed in.
//!
//! So many wrong ones may be given at once, and they are forgotten at a steady rate. Beyond that no token from there
//! is looked at, the right one neither, for some seconds; then the next one is, and while somebody goes on guessing
//! that is theirs, so that whoever shares their address waits until they stop. An address that has given no wrong one
//! is always heard: however many guess, and from wherever, nobody elsewhere is locked out by it.

use std::collections::HashMap;
use std::time::Duration;

use super::peer::{Caller, Peer};

/// How many wrong ones may be given at once, and in which time one of them is forgotten.
struct Rate {
    most: u32,
    forgets: Duration,
}

const BY_ADDRESS: Rate = Rate { most: 10, forgets: Duration::from_secs(6) };
/// Of all behind one proxy, or in one IPv6 network: whoever is there can choose among addresses.
const BY_NETWORK: Rate = Rate { most: 40, forgets: Duration::from_millis(1500) };
/// While more come from everywhere together, each address may give one at a time.
const BY_ALL: Rate = Rate { most: 120, forgets: Duration::from_millis(500) };

/// After so long a token is looked at again, from wherever it comes: the first one that does.
pub const AGAIN_AFTER: Duration = BY_ADDRESS.forgets;

/// So many addresses and networks are remembered. One that is new then takes the place of one that is free soonest.
const REMEMBERED_MAX: usize = 2048;

/// When all that was given will be forgotten.
#[derive(Clone, Copy, Debug, Default)]
struct Given(Duration);

impl Given {
    fn is_enough(self, rate: &Rate, now: Duration) -> bool {
        self.0 > now + rate.forgets * (rate.most - 1)
    }

    fn one_more(&mut self, rate: &Rate, now: Duration) {
        self.0 = self.0.max(now) + rate.forgets;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum From {
    /// And for whom it says that it asks.
    Address(Peer, Option<Peer>),
    Network(Peer),
}

impl From {
    fn all(Caller { peer, client }: Caller) -> [(Self, &'static Rate); 2] {
        let client = client.map(Peer::network);
        [(Self::Address(peer, client), &BY_ADDRESS), (Self::Network(peer.network()), &BY_NETWORK)]
    }
}

#[derive(Debug, Default)]
pub struct Brake {
    given: HashMap<From, Given>,
    by_all: Given,
}

impl Brake {
    /// Whether a token from there is looked at now.
    pub fn lets(&self, caller: Caller, now: Duration) -> bool {
        !From::all(caller)
            .iter()
            .any(|(from, rate)| self.given.get(from).is_some_and(|given| given.is_enough(rate, now)))
    }

    /// One from there was wrong.
    pub fn wrong(&mut self, caller: Caller, now: Duration) {
        let flooded = self.by_all.is_enough(&BY_ALL, now);
        if !flooded {
            self.by_all.one_more(&BY_ALL, now);
        }
        for (from, rate) in From::all(caller) {
            self.make_room(from, now);
            let given = self.given.entry(from).or_default();
            given.one_more(rate, now);
            if flooded && matches!(from, From::Address(..)) {
                given.0 = given.0.max(now + rate.forgets * rate.most);
            }
        }
    }

    fn make_room(&mut self, newcomer: From, now: Duration) {
        if self.given.len() < REMEMBERED_MAX || self.given.contains_key(&newcomer) {
            return;
        }
        self.given.retain(|_, given| given.0 > now);
        while self.given.len() >= REMEMBERED_MAX {
            let Some(soonest) = self.given.iter().min_by_key(|(_, given)| given.0).map(|(from, _)| *from)
            else {
                return;
            };
            self.given.remove(&soonest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(address: &str) -> Caller {
        Caller::new(Peer::new(address.parse().unwrap()), None)
    }

    fn nth(n: u32) -> Caller {
        Caller::new(Peer::new(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into()), None)
    }

    /// Gives wrong ones as long as they are looked at; how many were.
    fn guess(brake: &mut Brake, caller: Caller, now: Duration) -> u32 {
        (0..1000).take_while(|_| brake.lets(caller, now).then(|| brake.wrong(caller, now)).is_some()).count()
            as u32
    }

    #[test]
    fn an_address_has_some_at_once_and_then_one_in_a_while() {
        let (mut brake, one) = (Brake::default(), caller("192.0.2.1"));
        assert_eq!(guess(&mut brake, one, Duration::ZERO), BY_ADDRESS.most);
        assert!(brake.lets(caller("192.0.2.2"), Duration::ZERO), "nobody else is braked");
        let hour = (1..=3600).map(Duration::from_secs);
        let guessed: u32 = hour.map(|now| guess(&mut brake, one, now)).sum();
        assert_eq!(u64::from(guessed), 3600 / BY_ADDRESS.forgets.as_secs());
        let rested = Duration::from_secs(3600) + BY_ADDRESS.forgets * BY_ADDRESS.most;
        assert_eq!(guess(&mut brake, one, rested), BY_ADDRESS.most);
        assert!(brake.lets(one, rested + AGAIN_AFTER), "no wait is longer than it is said to be");
    }

    #[test]
    fn whoever_chooses_among_the_addresses_of_a_network_is_braked_all_the_same() {
        let mut brake = Brake::default();
        let own = (0..1000).map(|n| caller(&format!("2001:db8::{n:x}")));
        let guessed: u32 = own.map(|own| guess(&mut brake, own, Duration::ZERO)).sum();
        assert_eq!(guessed, BY_NETWORK.most);
        assert!(brake.lets(caller("2001:db8:0:1::1"), Duration::ZERO));
    }

    #[test]
    fn behind_a_proxy_one_who_guesses_locks_nobody_out_and_many_together_are_braked() {
        let proxy = Peer::new("172.17.0.1".parse().unwrap());
        let behind = |client: &str| Caller::new(proxy, Some(client));
        let mut brake = Brake::default();
        assert_eq!(guess(&mut brake, behind("203.0.113.7"), Duration::ZERO), BY_ADDRESS.most);
        assert!(brake.lets(behind("203.0.113.8"), Duration::ZERO));
        let made_up: u32 =
            (0..200).map(|n| guess(&mut brake, behind(&format!("10.0.0.{n}")), Duration::ZERO)).sum();
        assert_eq!(made_up, BY_NETWORK.most - BY_ADDRESS.most, "whoever makes names up has no more for it");
    }

    #[test]
    fn where_very_many_guess_each_has_one_and_nobody_else_is_locked_out() {
        let mut brake = Brake::default();
        let guessed: Vec<u32> = (0..40).map(|n| guess(&mut brake, nth(n), Duration::ZERO)).collect();
        assert_eq!(guessed[..12], [10; 12]);
        assert_eq!(guessed[12..], [1; 28]);
        let owner = caller("192.0.2.1");
        assert!(brake.lets(owner, Duration::ZERO));
        brake.wrong(owner, Duration::ZERO);
        assert!(!brake.lets(owner, Duration::from_secs(1)) && brake.lets(owner, AGAIN_AFTER));
    }

    #[test]
    fn what_it_remembers_is_bounded() {
        let mut brake = Brake::default();
        for n in 0..5000 {
            brake.wrong(nth(n), Duration::ZERO);
        }
        assert_eq!(brake.given.len(), REMEMBERED_MAX);
        brake.wrong(caller("192.0.2.2"), Duration::from_secs(3600));
        assert_eq!(brake.given.len(), 2, "what is over is forgotten");
    }
}
