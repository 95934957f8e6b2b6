//! The diary of everybody.

use std::collections::VecDeque;
use std::time::Duration;

use super::ended::ended;
use super::stretch::{Span, Stretch};
use super::written;
use crate::engine::bell::Step;
use crate::engine::person::Since;
use crate::outbox::delivery::DiaryNote;
use crate::presence::by_id::ById;
use crate::presence::change::Change;
use crate::presence::model::UserId;
use crate::time::Moment;

/// For so long anything is kept.
pub const KEPT_MS: i64 = 24 * 3600 * 1000;
/// So much is kept of one person, and of all together; the oldest goes first.
pub const STRETCHES_MAX: usize = 400;
pub const TOTAL_MAX: usize = 10_000;
/// So many times in which nobody, or somebody, was not watched are told apart.
pub const SPANS_MAX: usize = 100;
/// What changes is written down no more often than this.
const WRITTEN_EVERY: Duration = Duration::from_secs(180);
/// Where what is met next may join what was noted last.
const JOINED_AMONG: usize = 8;

pub struct Diary {
    pub(super) people: ById<Person>,
    /// When nobody was watched, the oldest first.
    pub(super) blind: VecDeque<Span>,
    /// Since when nobody is; from the beginning of time if nobody ever was.
    pub(super) blind_since: Option<i64>,
    /// Of what was before this, nobody's is told: there was too much.
    pub(super) let_go_ms: Option<i64>,
    /// How much is kept of people.
    pub(super) total: usize,
    /// There is more here than on disk.
    changed: bool,
    written: Option<Duration>,
}

#[derive(Default)]
pub(super) struct Person {
    /// In the order in which they ended.
    pub stretches: VecDeque<Stretch>,
    /// When this one was not watched though others were.
    pub unseen: VecDeque<Span>,
    pub unseen_since: Option<i64>,
    /// Of what was before this nothing is told.
    pub let_go_ms: Option<i64>,
}

/// What is noted of one person, copied.
#[derive(Debug, Default)]
pub struct Pages {
    pub stretches: Vec<Stretch>,
    /// In no order; they may overlap.
    pub unwatched: Vec<Span>,
    pub unseen_since: Option<i64>,
    pub let_go_ms: Option<i64>,
}

impl Diary {
    /// Goes on with what an earlier run wrote down, which knew all until then; or begins.
    pub fn recall(now: Moment, note: Option<DiaryNote>) -> Self {
        let mut diary = Self {
            people: ById::default(),
            blind: VecDeque::new(),
            blind_since: Some(i64::MIN),
            let_go_ms: None,
            total: 0,
            changed: false,
            written: None,
        };
        if let Some(DiaryNote { upto_ms, text: Some(text) }) = note
            && written::read(&text, &mut diary)
        {
            diary.blind_since = Some(diary.blind_since.map_or(upto_ms, |since| since.min(upto_ms)));
            diary.bound(now.wall_ms);
        }
        diary
    }

    /// A change: notes what it ends. `since` is as it was before.
    pub fn hear(&mut self, step: &Step<'_>, change: Change, since: &Since) {
        if let Some(stretch) = ended(step, change, since) {
            self.note(step.now.wall_ms, step.id, stretch);
        }
    }

    pub(super) fn note(&mut self, now_ms: i64, id: UserId, stretch: Stretch) {
        self.changed = true;
        let person = self.people.entry(id).or_default();
        let lately = person.stretches.iter_mut().rev().take(JOINED_AMONG);
        let mut lately = lately.filter(|last| last.lane == stretch.lane);
        if lately.next().is_some_and(|last| last.join(&stretch)) {
            return;
        }
        person.stretches.push_back(stretch);
        self.total += 1;
        self.total -= person.outlive(now_ms);
        if person.stretches.len() > STRETCHES_MAX
            && let Some(gone) = person.stretches.pop_front()
        {
            person.let_go_ms = person.let_go_ms.max(Some(gone.to_ms));
            self.total -= 1;
        }
        if self.total > TOTAL_MAX {
            self.bound(now_ms);
        }
    }

    /// The connection is gone.
    pub fn go_blind(&mut self, now_ms: i64) {
        if self.blind_since.is_none() {
            self.blind_since = Some(now_ms);
            self.changed = true;
        }
    }

    /// Everybody who is live is being watched.
    pub fn see(&mut self, now_ms: i64) {
        if let Some(from_ms) = self.blind_since.take() {
            self.changed = true;
            add(&mut self.blind, Span { from_ms, to_ms: now_ms });
            self.blind.retain(|span| span.to_ms > now_ms - KEPT_MS);
        }
    }

    /// One person is not watched any more.
    pub fn lose(&mut self, now_ms: i64, id: UserId) {
        self.changed = true;
        self.people.entry(id).or_default().unseen_since.get_or_insert(now_ms);
    }

    /// One person is watched, who was not; `heard_ms` is when somebody last vouched for them, `None` if nobody ever
    /// has.
    pub fn find(&mut self, now_ms: i64, id: UserId, heard_ms: Option<i64>) {
        let lost_ms = self.people.get_mut(&id).and_then(|person| person.unseen_since.take());
        let from_ms = lost_ms.or(heard_ms).unwrap_or(i64::MIN);
        if self.blind_since.is_some_and(|since| since <= from_ms) || from_ms >= now_ms {
            return;
        }
        self.changed = true;
        let person = self.people.entry(id).or_default();
        let before = person.unseen.len();
        add(&mut person.unseen, Span { from_ms, to_ms: now_ms });
        self.total += person.unseen.len() - before;
        if self.total > TOTAL_MAX {
            self.bound(now_ms);
        }
    }

    /// Nobody asks about this person any more.
    pub fn forget(&mut self, id: UserId) {
        if let Some(person) = self.people.remove(&id) {
            self.total -= person.len();
            self.changed = true;
        }
    }

    /// What is noted of one person.
    pub fn read(&self, id: UserId) -> Pages {
        let goes_on = self.blind_since.map(|from_ms| Span { from_ms, to_ms: i64::MAX });
        let mut pages = Pages {
            unwatched: self.blind.iter().copied().chain(goes_on).collect(),
            let_go_ms: self.let_go_ms,
            ..Pages::default()
        };
        if let Some(person) = self.people.get(&id) {
            pages.stretches.extend(person.stretches.iter().cloned());
            pages.unwatched.extend(&person.unseen);
            pages.unseen_since = person.unseen_since;
            pages.let_go_ms = pages.let_go_ms.max(person.let_go_ms);
        }
        pages
    }

    /// What to write down with something else that is: that what is on disk goes until now, or if it is time, all.
    pub fn write(&mut self, now: Moment) -> Option<DiaryNote> {
        let rested = self.written.is_none_or(|last| now.mono.saturating_sub(last) >= WRITTEN_EVERY);
        (rested || !self.changed).then(|| self.write_all(now))
    }

    /// The same, whenever the last time was.
    pub fn write_all(&mut self, now: Moment) -> DiaryNote {
        let changed = std::mem::take(&mut self.changed);
        let text = changed.then(|| {
            self.written = Some(now.mono);
            self.bound(now.wall_ms);
            written::write(self).into()
        });
        DiaryNote { upto_ms: now.wall_ms, text }
    }

    /// Lets go of what is too old, and if that is not enough, of the older quarter.
    fn bound(&mut self, now_ms: i64) {
        let aged_ms = now_ms.saturating_sub(KEPT_MS);
        self.let_go_ms = self.let_go_ms.filter(|&ms| ms > aged_ms);
        self.shorten(|person| person.let_go(aged_ms));
        if self.total <= TOTAL_MAX / 4 * 3 {
            return;
        }
        let spans = self.people.values().flat_map(|person| &person.unseen).map(|span| span.to_ms);
        let stretches =
            self.people.values().flat_map(|person| &person.stretches).map(|stretch| stretch.to_ms);
        let mut ends: Vec<i64> = spans.chain(stretches).collect();
        let surplus = ends.len() - TOTAL_MAX / 4 * 3;
        let (_, &mut upto_ms, _) = ends.select_nth_unstable(surplus);
        self.let_go_ms = self.let_go_ms.max(Some(upto_ms));
        self.shorten(|person| person.let_go(upto_ms));
    }

    /// Shortens what is kept of each person, and forgets those of whom nothing is left.
    fn shorten(&mut self, shorten: impl Fn(&mut Person)) {
        self.people.retain(|_, person| {
            shorten(person);
            person.len() > 0 || person.unseen_since.is_some() || person.let_go_ms.is_some()
        });
        self.total = self.people.values().map(Person::len).sum();
    }
}

impl Person {
    pub fn len(&self) -> usize {
        self.stretches.len() + self.unseen.len()
    }

    /// Forgets the oldest that is over for so long that nobody looks at it; returns how much that was.
    fn outlive(&mut self, now_ms: i64) -> usize {
        let before = self.stretches.len();
        while self.stretches.front().is_some_and(|first| first.to_ms <= now_ms.saturating_sub(KEPT_MS)) {
            self.stretches.pop_front();
        }
        before - self.stretches.len()
    }

    /// Forgets all that was over by then.
    fn let_go(&mut self, upto_ms: i64) {
        self.let_go_ms = self.let_go_ms.filter(|&ms| ms > upto_ms);
        self.stretches.retain(|stretch| stretch.to_ms > upto_ms);
        self.unseen.retain(|span| span.to_ms > upto_ms);
    }
}

/// Adds a span; where there are too many, the two oldest become one, with what is between them.
fn add(spans: &mut VecDeque<Span>, span: Span) {
    if span.from_ms >= span.to_ms {
        return;
    }
    spans.push_back(span);
    if spans.len() > SPANS_MAX
        && let Some(oldest) = spans.pop_front()
        && let Some(next) = spans.front_mut()
    {
        next.from_ms = next.from_ms.min(oldest.from_ms);
    }
}
