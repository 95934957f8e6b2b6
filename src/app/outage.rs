//! Whether Lanyard counts as down: gone for `down_after`, and not only between two connections.

use std::time::Duration;

#[derive(Default)]
pub struct Outage {
    /// Since when there is no live connection.
    since: Option<Duration>,
    told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Down,
    /// It is back, after so long.
    Up(Duration),
}

impl Outage {
    pub fn look(&mut self, now: Duration, live: bool, down_after: Duration) -> Option<News> {
        if live {
            let since = self.since.take()?;
            return std::mem::take(&mut self.told).then(|| News::Up(now.saturating_sub(since)));
        }
        let since = *self.since.get_or_insert(now);
        let news = !self.told && now >= since.saturating_add(down_after);
        self.told |= news;
        news.then_some(News::Down)
    }

    /// When an outage is long enough to be told.
    pub fn deadline(&self, down_after: Duration) -> Option<Duration> {
        self.since.filter(|_| !self.told).map(|since| since.saturating_add(down_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_an_outage_and_it_is_told_once() {
        let second = Duration::from_secs;
        let mut outage = Outage::default();
        let table = [
            (0, false, None),
            (299, false, None),
            (299, true, None),
            (400, false, None),
            (699, false, None),
            (700, false, Some(News::Down)),
            (9000, false, None),
            (9001, true, Some(News::Up(second(8601)))),
            (9002, true, None),
        ];
        for (at, live, expected) in table {
            assert_eq!(outage.look(second(at), live, second(300)), expected, "{at}");
            let waits = matches!((at, live), (0 | 299 | 400 | 699, false));
            assert_eq!(outage.deadline(second(300)).is_some(), waits, "{at}");
        }
    }
}
