//! Who has a place at the HTTP side, and whose place goes to whom when all are taken. Pure: time is handed in.
//!
//! A place is there to be answered on. Whoever is not being answered just now keeps theirs only while nobody else
//! wants it; where most wait, one goes first. Nobody takes all of them, and some are kept for those on this machine
//! who ask how the bot is.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::peer::Peer;

/// How much of the world is let in at once, and how long it may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub places: usize,
    /// So many of them for one network that has not shown the token …
    pub strangers: usize,
    /// … and so many for this machine, where a proxy may stand for many.
    pub here: usize,
    /// Beyond those, so many for this machine, on which nothing is answered but how the bot is.
    pub reserve: usize,
    /// A request's head is whole so long after it began, and the first one after the connection was made.
    pub head_max: Duration,
    /// What comes with a request is there so long after its head.
    pub body_max: Duration,
    /// So long a connection may wait for its next request …
    pub idle_max: Duration,
    /// … and so long if it is a stranger's, or half of the places are taken.
    pub idle_scarce: Duration,
    /// Somebody who takes nothing of an answer for so long is cut.
    pub unread_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            places: 64,
            strangers: 16,
            here: 48,
            reserve: 8,
            head_max: Duration::from_secs(5),
            body_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(60),
            idle_scarce: Duration::from_secs(5),
            unread_max: Duration::from_secs(20),
        }
    }
}

/// The number of a place.
pub type Seat = u64;

/// Which places are all taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All that there are.
    All,
    /// All that one network may have without the token.
    Share,
}

/// What a newcomer gets.
#[derive(Debug)]
pub struct Seated {
    pub seat: Seat,
    /// On a place that is kept for asking how the bot is.
    pub reserved: bool,
    /// Cancelled when the place is given to somebody else.
    pub cut: CancellationToken,
    /// Whether somebody has lost theirs for it, and who: of the network where most wait, who has waited longest.
    pub instead_of: Option<(Full, Peer)>,
}

pub struct Places {
    limits: Limits,
    sitting: HashMap<Seat, Sitting>,
    next: Seat,
}

struct Sitting {
    peer: Peer,
    reserved: bool,
    /// Has shown the token with the request that is being answered, or was answered last.
    known: bool,
    /// Since when nothing is being answered there.
    idle: Option<Duration>,
    cut: CancellationToken,
}

impl Sitting {
    fn is_strange(&self) -> bool {
        !self.known && !self.peer.is_here()
    }
}

impl Places {
    pub fn new(limits: Limits) -> Self {
        Self { limits, sitting: HashMap::new(), next: 0 }
    }

    pub fn taken(&self) -> usize {
        self.sitting.len()
    }

    /// Somebody wants a place. If there is none, it is said why.
    pub fn come(&mut self, peer: Peer, now: Duration) -> Result<Seated, Full> {
        let network = peer.network();
        let common = |sitting: &Sitting| !sitting.reserved;
        let own = |sitting: &Sitting| common(sitting) && !sitting.known && sitting.peer.network() == network;
        let share = if peer.is_here() { self.limits.here } else { self.limits.strangers };
        let room = self.make_room(share, own).map_err(|()| Full::Share).and_then(|first| {
            let also = self.make_room(self.limits.places, common).map_err(|()| Full::All)?;
            Ok(first.map(|peer| (Full::Share, peer)).or(also.map(|peer| (Full::All, peer))))
        });
        match room {
            Ok(instead_of) => Ok(self.sit(peer, false, now, instead_of)),
            Err(full) if peer.is_here() => {
                let instead = self.make_room(self.limits.reserve, |sitting| sitting.reserved);
                let instead = instead.map_err(|()| full)?;
                Ok(self.sit(peer, true, now, instead.map(|peer| (full, peer))))
            }
            Err(full) => Err(full),
        }
    }

    /// Makes room for one more among at most `most` of a kind; tells who had to go for it. That is one who waits in
    /// the network where most do: however fast somebody comes again, they only drive out themselves.
    fn make_room(&mut self, most: usize, kind: impl Fn(&Sitting) -> bool) -> Result<Option<Peer>, ()> {
        let of_kind = || self.sitting.iter().filter(|(_, sitting)| kind(sitting));
        if of_kind().count() < most {
            return Ok(None);
        }
        let idle = || of_kind().filter_map(|(seat, sitting)| Some((sitting, sitting.idle?, *seat)));
        let mut by_network: HashMap<Peer, usize> = HashMap::new();
        for (sitting, ..) in idle() {
            *by_network.entry(sitting.peer.network()).or_default() += 1;
        }
        let of_network = |sitting: &Sitting| by_network.get(&sitting.peer.network());
        let last = idle().min_by_key(|&(sitting, since, seat)| (Reverse(of_network(sitting)), since, seat));
        let (.., seat) = last.ok_or(())?;
        let gone = self.sitting.remove(&seat).ok_or(())?;
        gone.cut.cancel();
        Ok(Some(gone.peer))
    }

    fn sit(&mut self, peer: Peer, reserved: bool, now: Duration, instead_of: Option<(Full, Peer)>) -> Seated {
        let (seat, cut) = (self.next, CancellationToken::new());
        self.next += 1;
        let sitting = Sitting { peer, reserved, known: false, idle: Some(now), cut: cut.clone() };
        self.sitting.insert(seat, sitting);
        Seated { seat, reserved, cut, instead_of }
    }

    /// Somebody asks, and is being answered; whether they have the token is not known yet.
    pub fn asks(&mut self, seat: Seat) {
        if let Some(sitting) = self.sitting.get_mut(&seat) {
            (sitting.idle, sitting.known) = (None, false);
        }
    }

    /// They have shown the token.
    pub fn is_known(&mut self, seat: Seat) {
        if let Some(sitting) = self.sitting.get_mut(&seat) {
            sitting.known = true;
        }
    }

    /// The answer is made. How long they may wait with the next request.
    pub fn is_answered(&mut self, seat: Seat, now: Duration) -> Duration {
        let scarce = self.taken() * 2 > self.limits.places;
        let Some(sitting) = self.sitting.get_mut(&seat) else { return Duration::ZERO };
        sitting.idle = Some(now);
        if scarce || sitting.is_strange() { self.limits.idle_scarce } else { self.limits.idle_max }
    }

    /// They let us wait with what comes with a request, or do not take what they are answered. Whoever has not shown
    /// the token has no claim to a place meanwhile, on this machine neither.
    pub fn lets_wait(&mut self, seat: Seat, now: Duration) {
        if let Some(sitting) = self.sitting.get_mut(&seat) {
            sitting.idle = (!sitting.known).then_some(now);
        }
    }

    /// They do not let us wait any more, and are being answered.
    pub fn goes_on(&mut self, seat: Seat) {
        if let Some(sitting) = self.sitting.get_mut(&seat) {
            sitting.idle = None;
        }
    }

    pub fn leaves(&mut self, seat: Seat) {
        self.sitting.remove(&seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hall {
        places: Places,
        now: Duration,
    }

    impl Hall {
        /// Six places, of which a stranger has two and this machine four, and one in reserve.
        fn new() -> Self {
            let limits = Limits { places: 6, strangers: 2, here: 4, reserve: 1, ..Limits::default() };
            Self { places: Places::new(limits), now: Duration::ZERO }
        }

        fn come(&mut self, address: &str) -> Result<Seated, Full> {
            self.now += Duration::from_secs(1);
            self.places.come(Peer::new(address.parse().unwrap()), self.now)
        }

        /// Somebody who is being answered for good.
        fn busy(&mut self, address: &str) -> Result<Seated, Full> {
            let seated = self.come(address)?;
            self.places.asks(seated.seat);
            Ok(seated)
        }
    }

    #[test]
    fn one_address_has_its_share_and_no_more_until_it_shows_the_token() {
        let mut hall = Hall::new();
        let first = hall.busy("192.0.2.1").unwrap();
        let second = hall.come("192.0.2.1").unwrap();
        let third = hall.come("192.0.2.1").unwrap();
        assert!(
            second.cut.is_cancelled() && !first.cut.is_cancelled(),
            "whoever waits goes, not whoever is answered"
        );
        assert_eq!(third.instead_of, Some((Full::Share, Peer::new("192.0.2.1".parse().unwrap()))));
        hall.places.asks(third.seat);
        assert_eq!(hall.come("192.0.2.1").unwrap_err(), Full::Share);
        hall.places.is_known(third.seat);
        assert!(hall.come("192.0.2.1").is_ok());
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let mut hall = Hall::new();
        hall.busy("2001:db8::1").unwrap();
        hall.busy("2001:db8::2").unwrap();
        assert_eq!(hall.busy("2001:db8::3").unwrap_err(), Full::Share);
        assert!(hall.busy("2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn whoever_lets_us_wait_without_the_token_has_no_claim_to_a_place() {
        let mut hall = Hall::new();
        for (address, knows, loses) in [
            ("192.0.2.1", false, true),
            ("192.0.2.2", true, false),
            ("::1", false, true),
            ("127.0.0.1", true, false),
        ] {
            let seated = hall.busy(address).unwrap();
            if knows {
                hall.places.is_known(seated.seat);
            }
            hall.places.lets_wait(seated.seat, hall.now);
            let crowd: Vec<_> = (10..20).map(|n| hall.busy(&format!("192.0.2.{n}"))).collect();
            assert_eq!(seated.cut.is_cancelled(), loses, "{address}");
            for seated in crowd.into_iter().flatten().chain([seated]) {
                hall.places.leaves(seated.seat);
            }
        }
        let slow = hall.busy("192.0.2.1").unwrap();
        hall.places.lets_wait(slow.seat, hall.now);
        hall.places.goes_on(slow.seat);
        assert!((10..20).any(|n| hall.busy(&format!("192.0.2.{n}")).is_err()) && !slow.cut.is_cancelled());
    }

    #[test]
    fn where_all_are_taken_the_one_who_has_waited_longest_goes() {
        let mut hall = Hall::new();
        let seated: Vec<Seated> = (1..=6).map(|n| hall.come(&format!("192.0.2.{n}")).unwrap()).collect();
        hall.places.asks(seated[0].seat);
        hall.places.is_answered(seated[0].seat, hall.now);
        let newcomer = hall.come("192.0.2.7").unwrap();
        assert_eq!(newcomer.instead_of.unwrap().0, Full::All);
        let gone: Vec<usize> = (0..6).filter(|n| seated[*n].cut.is_cancelled()).collect();
        assert_eq!(gone, [1]);
        assert_eq!(hall.places.taken(), 6);
    }

    #[test]
    fn whoever_comes_again_and_again_drives_out_themselves_and_nobody_else() {
        let limits = Limits { places: 6, strangers: 3, ..Limits::default() };
        let mut hall = Hall { places: Places::new(limits), now: Duration::ZERO };
        let owner = hall.come("192.0.2.1").unwrap();
        for n in 0..1000 {
            hall.come(&format!("198.51.100.{}", n % 4)).unwrap();
        }
        assert!(!owner.cut.is_cancelled());
        hall.places.asks(owner.seat);
        hall.places.is_answered(owner.seat, hall.now);
        hall.come("198.51.100.9").unwrap();
        assert!(!owner.cut.is_cancelled());
    }

    #[test]
    fn where_nobody_waits_only_the_reserve_is_left_to_this_machine() {
        let mut hall = Hall::new();
        for n in 1..=6 {
            hall.busy(&format!("192.0.2.{n}")).unwrap();
        }
        assert_eq!(hall.come("192.0.2.7").unwrap_err(), Full::All);
        let probe = hall.come("127.0.0.1").unwrap();
        assert!(probe.reserved);
        assert!(hall.busy("::1").unwrap().reserved && probe.cut.is_cancelled());
        assert_eq!(hall.come("127.0.0.1").unwrap_err(), Full::All, "and that is taken, too");
    }

    #[test]
    fn this_machine_has_more_but_not_all() {
        let mut hall = Hall::new();
        for _ in 0..4 {
            assert!(!hall.busy("127.0.0.1").unwrap().reserved);
        }
        assert!(hall.busy("127.0.0.1").unwrap().reserved);
        assert!(hall.busy("192.0.2.1").is_ok());
    }

    #[test]
    fn slow_ones_on_this_machine_do_not_shut_out_others_there() {
        let mut hall = Hall::new();
        let slow: Vec<Seated> = (0..60)
            .map(|_| {
                let slow = hall.busy("127.0.0.1").unwrap();
                hall.places.lets_wait(slow.seat, hall.now);
                slow
            })
            .collect();
        let newcomer = hall.come("127.0.0.1").unwrap();
        assert!(!newcomer.reserved && slow[56].cut.is_cancelled() && !slow[57].cut.is_cancelled());
    }

    #[test]
    fn a_place_that_is_left_is_free_and_its_number_is_nobodys() {
        let mut hall = Hall::new();
        let one = hall.busy("192.0.2.1").unwrap().seat;
        let two = hall.busy("192.0.2.1").unwrap().seat;
        hall.places.leaves(one);
        let again = hall.busy("192.0.2.1").unwrap();
        assert!(again.seat != one && again.seat != two && again.instead_of.is_none());
        hall.places.leaves(one);
        assert_eq!(hall.places.taken(), 2);
    }

    #[test]
    fn waiting_is_short_for_strangers_and_for_everybody_where_places_are_scarce() {
        let mut hall = Hall::new();
        let Limits { idle_max, idle_scarce, .. } = hall.places.limits;
        let stranger = hall.busy("192.0.2.1").unwrap().seat;
        let here = hall.busy("127.0.0.1").unwrap().seat;
        let known = hall.busy("192.0.2.2").unwrap().seat;
        hall.places.is_known(known);
        for (seat, wait) in [(stranger, idle_scarce), (here, idle_max), (known, idle_max)] {
            assert_eq!(hall.places.is_answered(seat, hall.now), wait);
        }
        hall.busy("192.0.2.3").unwrap();
        assert_eq!(hall.places.is_answered(known, hall.now), idle_scarce);
    }
}
