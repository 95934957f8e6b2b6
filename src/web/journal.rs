//! What happened lately, kept for whoever looks: the last changes and verdicts, each with a number by which to
//! go on from it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::engine::effects::Told;
use crate::engine::tally::Last;
use crate::engine::watch::Missed;
use crate::presence::model::UserId;
use crate::printable;
use crate::time::Moment;

/// So many happenings are kept.
pub const ENTRIES_MAX: usize = 1000;
/// Of a name or a text in one, so many characters.
pub const TEXT_CHARS_MAX: usize = 200;
/// Of the values that decided a condition, so many.
pub const VALUES_MAX: usize = 16;
/// So many happenings wait for each of those who follow; who is slower misses the oldest.
pub const WAITING_MAX: usize = 256;

/// What the engine tells is written down within this time.
const WRITTEN_WITHIN_MS: i64 = 1000;

/// Kept by the task that has the engine: writing to it takes no lock that a reader could hold.
pub struct Journal {
    entries: VecDeque<Arc<Entry>>,
    next: u64,
    missed: Missed,
    live: broadcast::Sender<Arc<Entry>>,
}

/// One happening.
#[derive(Debug)]
pub struct Entry {
    /// Ever larger, from one run of the bot to the next as well.
    pub number: u64,
    pub at_ms: i64,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    Told(Told),
    /// More happened at once than is kept.
    Missed(Missed),
}

/// Which happenings are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those after this number.
    pub since: Option<u64>,
    /// Only those before this number.
    pub before: Option<u64>,
    pub person: Option<UserId>,
    pub rule: Option<Arc<str>>,
    pub limit: usize,
}

/// Happenings, the oldest first.
#[derive(Debug, Default)]
pub struct Stretch {
    pub entries: Vec<Arc<Entry>>,
    /// Some that were wanted are not kept any more.
    pub gap: bool,
    /// Go on from here: everything up to this number has been looked at.
    pub upto: u64,
}

impl Journal {
    pub fn new(now: Moment) -> Self {
        // Numbers begin with the time of the start, so that none of an earlier run is taken for one of this.
        let next = u64::try_from(now.wall_ms).unwrap_or(0) * 1000 + 1;
        Self {
            entries: VecDeque::new(),
            next,
            missed: Missed::default(),
            live: broadcast::channel(WAITING_MAX).0,
        }
    }

    /// Where happenings come out as they are written.
    pub fn live(&self) -> broadcast::Sender<Arc<Entry>> {
        self.live.clone()
    }

    pub fn write(&mut self, now: Moment, mut told: Told) {
        cut(&mut told);
        self.write_missed(now);
        self.push(now, What::Told(told));
    }

    /// Notes that some happenings were left out; it is written down before the next one.
    pub fn miss(&mut self, missed: Missed) {
        self.missed.changes += missed.changes;
        self.missed.verdicts += missed.verdicts;
    }

    pub fn read(&mut self, now: Moment, wanted: &Wanted) -> Stretch {
        self.write_missed(now);
        let oldest = self.entries.front().map_or(self.next, |entry| entry.number);
        let after = wanted.since.unwrap_or(0);
        let fits = |entry: &&Arc<Entry>| {
            entry.number > after
                && wanted.before.is_none_or(|before| entry.number < before)
                && wanted.fits(entry)
        };
        let newest = self.next - 1;
        // Whoever goes on from a place wants what comes next; whoever has none, the latest.
        if wanted.since.is_some() {
            let entries: Vec<_> = self.entries.iter().filter(fits).take(wanted.limit).cloned().collect();
            let full = entries.len() == wanted.limit;
            let upto = entries.last().filter(|_| full).map_or(newest.max(after), |last| last.number);
            return Stretch { entries, gap: after + 1 < oldest, upto };
        }
        let mut entries: Vec<_> =
            self.entries.iter().rev().filter(fits).take(wanted.limit).cloned().collect();
        entries.reverse();
        Stretch { entries, gap: false, upto: newest }
    }

    /// The values that decided the condition at a rule's last verdict for a person, if they are still kept.
    pub fn last_values(&self, rule: &str, person: Option<UserId>, last: Last) -> Vec<(String, String)> {
        let newest = self.entries.iter().rev().find_map(|entry| match &entry.what {
            What::Told(Told::Verdict { rule: of, person: whose, verdict, values, .. })
                if **of == *rule && *whose == person =>
            {
                Some((entry.at_ms, *verdict, values))
            }
            _ => None,
        });
        // If the last one was left out here, the newest is another.
        let told = |at_ms: i64| (0..=WRITTEN_WITHIN_MS).contains(&(at_ms - last.at_ms));
        let same = newest.filter(|(at_ms, verdict, _)| told(*at_ms) && *verdict == last.verdict);
        same.map(|(_, _, values)| values.clone()).unwrap_or_default()
    }

    fn write_missed(&mut self, now: Moment) {
        let missed = std::mem::take(&mut self.missed);
        if missed != Missed::default() {
            self.push(now, What::Missed(missed));
        }
    }

    fn push(&mut self, now: Moment, what: What) {
        let entry = Arc::new(Entry { number: self.next, at_ms: now.wall_ms, what });
        self.next += 1;
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        // Nobody may be there.
        let _ = self.live.send(Arc::clone(&entry));
        self.entries.push_back(entry);
    }
}

impl Wanted {
    /// Whether a happening is about whom and what is wanted. That something was left out concerns everybody.
    pub fn fits(&self, entry: &Entry) -> bool {
        let (of_rule, whose) = match &entry.what {
            What::Missed(_) => return true,
            What::Told(Told::Change { person, .. }) => (None, Some(*person)),
            What::Told(Told::Verdict { rule, person, .. }) => (Some(rule), *person),
        };
        self.person.is_none_or(|wanted| whose == Some(wanted))
            && self.rule.as_ref().is_none_or(|wanted| of_rule == Some(wanted))
    }
}

/// People's texts may be as long as a frame.
fn cut(told: &mut Told) {
    let shorten = |text: &mut String| *text = printable::cut(std::mem::take(text), TEXT_CHARS_MAX);
    match told {
        Told::Change { name, key, from, to, .. } => [name, key, from, to].into_iter().for_each(shorten),
        Told::Verdict { name, values, .. } => {
            shorten(name);
            values.truncate(VALUES_MAX);
            for (part, worth) in values {
                shorten(part);
                shorten(worth);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::verdict::Verdict;
    use crate::presence::change::ChangeKind;
    use crate::rules::cause::Cause;

    const START: Moment = Moment { mono: std::time::Duration::ZERO, wall_ms: 1_700_000_000_000 };

    fn change(person: u64) -> Told {
        let (name, kind) = ("Ada".to_owned(), ChangeKind::WentOnline);
        Told::Change {
            person: UserId(person),
            name,
            kind,
            key: String::new(),
            from: "offline".into(),
            to: "online".into(),
            late_ms: None,
        }
    }

    fn verdict(person: u64, rule: &str) -> Told {
        Told::Verdict {
            rule: rule.into(),
            person: Some(UserId(person)),
            name: "Ada".into(),
            cause: Cause::Change(ChangeKind::WentOnline),
            verdict: Verdict::ConditionFalse,
            values: vec![("playing.name".into(), "\"Braid\"".into())],
        }
    }

    fn read(journal: &mut Journal, wanted: &Wanted) -> (Vec<u64>, bool, u64) {
        let first = START.wall_ms.unsigned_abs() * 1000;
        let stretch = journal.read(START, wanted);
        let numbers = stretch.entries.iter().map(|entry| entry.number - first).collect();
        (numbers, stretch.gap, stretch.upto - first)
    }

    #[test]
    fn one_goes_on_from_a_number_and_is_told_of_a_gap() {
        let mut journal = Journal::new(START);
        let first = START.wall_ms.unsigned_abs() * 1000;
        for person in 1..=1500 {
            journal.write(START, change(person));
        }
        let since = |number: u64| Wanted { since: Some(first + number), limit: 3, ..Wanted::default() };
        assert_eq!(read(&mut journal, &since(600)), (vec![601, 602, 603], false, 603));
        assert_eq!(read(&mut journal, &since(1498)), (vec![1499, 1500], false, 1500));
        assert_eq!(read(&mut journal, &since(1500)), (vec![], false, 1500));
        assert_eq!(read(&mut journal, &since(500)), (vec![501, 502, 503], false, 503));
        assert_eq!(read(&mut journal, &since(499)), (vec![501, 502, 503], true, 503));
        let earlier_run = Wanted { since: Some(first - 5000), limit: 1, ..Wanted::default() };
        assert_eq!(read(&mut journal, &earlier_run), (vec![501], true, 501));
        let latest = Wanted { limit: 2, ..Wanted::default() };
        assert_eq!(read(&mut journal, &latest), (vec![1499, 1500], false, 1500));
        let before = Wanted { before: Some(first + 1000), limit: 2, ..Wanted::default() };
        assert_eq!(read(&mut journal, &before).0, [998, 999]);
        assert_eq!(journal.entries.len(), ENTRIES_MAX);
    }

    #[test]
    fn one_person_or_one_rule_alone_and_what_was_left_out_concerns_all() {
        let mut journal = Journal::new(START);
        journal.write(START, change(1));
        journal.write(START, verdict(1, "a"));
        journal.write(START, verdict(2, "a"));
        journal.write(START, verdict(2, "b"));
        journal.miss(Missed { changes: 3, verdicts: 0 });
        journal.miss(Missed { changes: 0, verdicts: 2 });
        let of = |person: Option<u64>, rule: Option<&str>| Wanted {
            person: person.map(UserId),
            rule: rule.map(Arc::from),
            limit: 100,
            ..Wanted::default()
        };
        assert_eq!(read(&mut journal, &of(Some(1), None)).0, [1, 2, 5]);
        assert_eq!(read(&mut journal, &of(None, Some("a"))).0, [2, 3, 5]);
        assert_eq!(read(&mut journal, &of(Some(2), Some("b"))).0, [4, 5]);
        let left_out = &journal.entries[4].what;
        assert!(matches!(left_out, What::Missed(Missed { changes: 3, verdicts: 2 })), "{left_out:?}");
    }

    #[test]
    fn long_texts_are_cut_and_the_last_values_are_found() {
        let mut journal = Journal::new(START);
        let Told::Change { person, kind, from, late_ms, .. } = change(1) else { unreachable!() };
        let (name, to) = ("ä".repeat(5000), "x".repeat(TEXT_CHARS_MAX));
        journal.write(START, Told::Change { person, key: String::new(), name, kind, from, to, late_ms });
        let What::Told(Told::Change { name, to, .. }) = &journal.entries[0].what else { unreachable!() };
        assert_eq!((name.chars().count(), to.chars().count()), (TEXT_CHARS_MAX + 1, TEXT_CHARS_MAX));
        journal.write(START, verdict(1, "a"));
        let last = |verdict, at_ms| Last { at_ms, cause: Cause::Change(ChangeKind::WentOnline), verdict };
        let values = |rule: &str, person: u64, last| journal.last_values(rule, Some(UserId(person)), last);
        let when = START.wall_ms - 5;
        assert_eq!(values("a", 1, last(Verdict::ConditionFalse, when))[0].0, "playing.name");
        assert!(values("b", 1, last(Verdict::ConditionFalse, when)).is_empty());
        assert!(values("a", 2, last(Verdict::ConditionFalse, when)).is_empty());
        // What was last is not what is kept.
        assert!(values("a", 1, last(Verdict::Fired, when)).is_empty());
        assert!(values("a", 1, last(Verdict::ConditionFalse, when + 6)).is_empty());
    }

    #[test]
    fn who_is_slow_misses_the_oldest_and_is_told_how_many() {
        let mut journal = Journal::new(START);
        let mut follower = journal.live().subscribe();
        for person in 0..WAITING_MAX as u64 + 7 {
            journal.write(START, change(person));
        }
        let missed = follower.try_recv().unwrap_err();
        assert_eq!(missed, broadcast::error::TryRecvError::Lagged(7));
        assert!(follower.try_recv().is_ok());
    }
}
