//! The same trouble in the log: told at once, then rarely, with how often it was so meanwhile. Pure: time is handed
//! in.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

/// So long it is not told again; each time that it is, twice as long …
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// … up to this. When it has not been so for as long, it begins anew.
const AGAIN_MOST: Duration = Duration::from_secs(3600);

/// Of one trouble, when to tell it.
#[derive(Debug, Default)]
pub struct Rarely {
    last: Option<Last>,
    untold: u64,
}

#[derive(Debug)]
struct Last {
    told: Duration,
    seen: Duration,
    gap: Duration,
}

/// How often it was so since it was told last; nothing to tell if it was not.
pub type More = Option<u64>;

impl Rarely {
    /// It is so. Whether to tell it, and what more there is to tell.
    pub fn tell(&mut self, now: Duration) -> Option<More> {
        self.tell_if(now, false)
    }

    /// The same; `must` if it is to be told, however rarely that would be.
    fn tell_if(&mut self, now: Duration, must: bool) -> Option<More> {
        let gap = match &mut self.last {
            Some(last) if !must && now < last.told + last.gap => {
                last.seen = now;
                self.untold += 1;
                return None;
            }
            Some(last) if now < last.seen + last.gap => (last.gap * 2).min(AGAIN_MOST),
            None | Some(_) => AGAIN_AFTER,
        };
        self.last = Some(Last { told: now, seen: now, gap });
        let untold = std::mem::take(&mut self.untold);
        Some((untold > 0).then_some(untold))
    }

    /// Whether it has not been so for so long that it would begin anew.
    fn is_forgotten(&self, now: Duration) -> bool {
        self.last.as_ref().is_none_or(|last| now >= last.seen + last.gap)
    }
}

/// So many who make one trouble are told one by one, all others of them together …
const APART_MAX: usize = 16;
/// … and counted up to this.
const COUNTED_MAX: usize = 1024;

/// One trouble that many may make: nobody's hides that of somebody else.
#[derive(Debug)]
pub struct RarelyEach<W> {
    apart: HashMap<W, Rarely>,
    together: Rarely,
    untold: HashSet<W>,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub more: More,
    /// How many have made it since, if they are told together.
    pub together: Option<usize>,
}

impl<W> Default for RarelyEach<W> {
    fn default() -> Self {
        Self { apart: HashMap::new(), together: Rarely::default(), untold: HashSet::new() }
    }
}

impl<W: Copy + Eq + Hash> RarelyEach<W> {
    /// Somebody makes it. Whether to tell it, and what more there is to tell.
    pub fn tell(&mut self, who: W, now: Duration) -> Option<Told> {
        if self.apart.len() >= APART_MAX && !self.apart.contains_key(&who) {
            self.apart.retain(|_, rarely| !rarely.is_forgotten(now));
        }
        if self.apart.len() < APART_MAX || self.apart.contains_key(&who) {
            let more = self.apart.entry(who).or_default().tell(now)?;
            return Some(Told { more, together: None });
        }
        if self.untold.len() < COUNTED_MAX {
            self.untold.insert(who);
        }
        let more = self.together.tell(now)?;
        Some(Told { more, together: Some(std::mem::take(&mut self.untold).len()) })
    }
}

/// One that lasts so long is told however often it has come and gone: the last word must not be that it is over.
const LASTING: Duration = Duration::from_secs(30);

/// A trouble that comes and goes: its end is told if its beginning was.
#[derive(Debug, Default)]
pub struct Spell {
    rarely: Rarely,
    since: Option<Duration>,
    told: bool,
}

impl Spell {
    /// It has begun, or goes on: whether to tell it. Once that is done, only its end is.
    pub fn is_so(&mut self, now: Duration) -> Option<More> {
        let lasts = now >= *self.since.get_or_insert(now) + LASTING;
        if self.told {
            return None;
        }
        let more = self.rarely.tell_if(now, lasts)?;
        self.told = true;
        Some(more)
    }

    /// It is over: whether to tell that.
    pub fn is_over(&mut self) -> bool {
        self.since = None;
        std::mem::take(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which it is told that it is so, and how often it was meanwhile.
    fn told(seconds: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
        let mut rarely = Rarely::default();
        let told = |second| Some((second, rarely.tell(Duration::from_secs(second))?.unwrap_or(0)));
        seconds.into_iter().filter_map(told).collect()
    }

    #[test]
    fn what_is_so_every_second_is_told_ever_more_rarely_and_loses_no_count() {
        let lines = told(0..86_400);
        assert_eq!(lines[..4], [(0, 0), (60, 59), (180, 119), (420, 239)]);
        assert!(lines.len() < 32, "{lines:?}");
        let (last, _) = *lines.last().unwrap();
        assert_eq!(lines.iter().map(|(_, more)| more + 1).sum::<u64>(), last + 1);
    }

    #[test]
    fn what_is_so_once_in_a_while_is_told_each_time() {
        assert_eq!(told([5, 100, 200, 300]), [(5, 0), (100, 0), (200, 0), (300, 0)]);
        assert_eq!(told([0, 1, 60, 61, 5_000, 5_001]), [(0, 0), (60, 1), (5_000, 1)]);
    }

    #[test]
    fn nobodys_trouble_hides_that_of_somebody_else_and_many_are_told_together() {
        let mut rarely = RarelyEach::default();
        let told = |more, together| Some(Told { more, together });
        let second = Duration::from_secs;
        for who in 0..APART_MAX {
            assert_eq!(rarely.tell(who, second(0)), told(None, None));
            assert_eq!(rarely.tell(who, second(1)), None);
        }
        assert_eq!(rarely.tell(100, second(2)), told(None, Some(1)));
        for who in 100..200 {
            assert_eq!(rarely.tell(who, second(3)), None);
        }
        for who in 0..APART_MAX {
            assert_eq!(rarely.tell(who, second(59)), None);
        }
        assert_eq!(rarely.tell(0, second(60)), told(Some(2), None));
        assert_eq!(rarely.tell(100, second(62)), told(Some(100), Some(100)));
        for who in 0..5000 {
            rarely.tell(who, second(63));
        }
        assert_eq!(rarely.untold.len(), COUNTED_MAX);
        assert_eq!(rarely.tell(200, second(5000)), told(None, None), "whoever has ceased makes room");
        assert_eq!(rarely.apart.len(), 1);
    }

    #[test]
    fn an_end_is_told_if_its_beginning_was() {
        let mut spell = Spell::default();
        let mut lines = Vec::new();
        for second in 0..200 {
            // Every second it begins and ends; at last it stays.
            let now = Duration::from_secs(second);
            if spell.is_so(now).is_some() {
                lines.push(format!("{second} begins"));
            }
            if second < 100 && spell.is_over() {
                lines.push(format!("{second} ends"));
            }
        }
        assert_eq!(lines, ["0 begins", "0 ends", "60 begins", "60 ends", "130 begins"]);
        assert!(spell.is_over() && !spell.is_over());
    }
}
