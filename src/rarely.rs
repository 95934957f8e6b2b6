//! The same trouble in the log: told at once, then rarely, with how often it was so meanwhile. Pure: time is handed
//! in.

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
