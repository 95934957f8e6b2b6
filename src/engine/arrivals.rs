//! One person: a presence that comes in, a hold that ends, a person who is lost or met.

use std::cmp::Reverse;
use std::time::Duration;

use super::bell::Step;
use super::effects::Effects;
use super::guard::{FLAP_MOST, Word, may_be_told};
use super::machine::Engine;
use super::person::{Heard, Known, Since, Standing};
use super::ripening::sight;
use crate::presence::change::{Change, ChangeKind, diff};
use crate::presence::model::{Presence, User, UserId};
use crate::presence::settle::{Held, Hold, anything_gone, holds_after, put_back};
use crate::time::{Moment, millis};

/// Lanyard must disown a person for this long: just after its own restart it knows nobody.
const DISOWNED_FOR: Duration = Duration::from_secs(300);

/// While everybody is doubted, even those who are not smoothed are held; the guard decides for how long.
const HELD_LEAST: Duration = Duration::from_millis(1);

/// What is kept of a person after an observation.
struct Kept<'k> {
    raw: &'k str,
    holds: Vec<Hold>,
    since: Option<Since>,
    /// Whether rules see the person online.
    online: bool,
}

/// How an observation reached us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Snapshot,
    Update,
}

impl Engine {
    /// A presence has come in.
    pub(super) fn arrive(
        &mut self,
        now: Moment,
        id: UserId,
        seen: Presence<'_>,
        source: Source,
        effects: &mut Effects,
    ) {
        self.observed += 1;
        if !self.wanted(id) {
            return;
        }
        if let Some(known) = self.known.get_mut(&id).filter(|known| known.is_calmly(seen.raw)) {
            // Lanyard sends the same again and again.
            known.heard = Heard::at(now);
            self.unchanged += 1;
            return;
        }
        let mut smoothing = self.smoothing(id);
        let Some(known) = self.known.get(&id) else { return self.meet(now, id, &seen, effects) };
        let Some(last) = known.shown(id) else { return self.meet(now, id, &seen, effects) };
        // A live person's update is a change as it happens; everything else was found out later.
        let told_late = known.standing != Standing::Live || source == Source::Snapshot;
        let late_ms = told_late.then(|| millis(known.heard.gap(now)));
        let long_gone = late_ms.is_some_and(|late_ms| late_ms > millis(self.rules.catch_up));
        let seen_online = seen.online();
        let held = known.holds.iter().any(|hold| hold.what == Held::Everything);
        let doubt = (last.online() && !seen_online && !held && !long_gone)
            .then(|| self.guard.fall(now.mono, id, self.online))
            .filter(|word| *word != Word::Believe);
        if doubt.is_some() {
            // Whoever wants to be told at once is not lied to at once.
            smoothing.offline = smoothing.offline.max(HELD_LEAST);
        }
        let calm = long_gone || (known.holds.is_empty() && !anything_gone(&last, &seen));
        let mut holds = if calm {
            Vec::new()
        } else {
            holds_after(now, &known.holds, &last, &known.raw, &seen, smoothing, late_ms)
        };
        if told_late {
            // What ran out while nobody told us ends now.
            let over = holds.iter_mut().filter(|hold| hold.until <= now.mono);
            over.for_each(|hold| hold.late_ms = hold.late_ms.max(late_ms));
        }
        let raw = seen.raw;
        let heard_again = known.standing != Standing::Live;
        if heard_again && let Some(diary) = &mut self.bell.diary {
            diary.find(now.wall_ms, id, Some(known.heard.wall_ms));
        }
        let shown = if holds.is_empty() { seen } else { put_back(id, seen, &holds) };
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        diff(&last, &shown, &mut changes);
        if known.standing == Standing::Unmonitored {
            changes.push(Change::plain(ChangeKind::BecameMonitored));
        }
        let waits = self.bell.waiting.has(id);
        if waits {
            let sight = sight(&self.rules, self.places.get(&id).copied(), id, &shown);
            self.bell.give_up(now, sight, late_ms, effects);
        }
        let mut since = None;
        if changes.is_empty() {
            self.unchanged += 1;
        } else {
            let step = Step {
                now,
                id,
                place: self.places.get(&id).copied(),
                before: &last,
                after: &shown,
                before_held: &known.holds,
                after_held: &holds,
                late_ms,
                ended_ms: now.wall_ms,
            };
            let since = since.insert(known.since.clone());
            self.bell.ring(&step, &changes, since, &self.known, effects);
        }
        self.changes = changes;
        let online = shown.online();
        let asked = !self.rules.onlookers.is_empty() && (heard_again || !last.shows_like(&shown));
        drop((last, shown));
        self.keep(now, id, Kept { raw, holds, since, online }, effects);
        if let Some(word) = doubt {
            self.doubt(now, id, word);
        }
        if source == Source::Snapshot && !seen_online {
            self.confirm(now, id);
        }
        if waits {
            self.ring_ripe(now, id, late_ms, effects);
        }
        if asked {
            self.ask_about(now, id, late_ms, effects);
        }
        if heard_again {
            self.ring_deferred_of(now, id, effects);
        }
    }

    /// Keeps what was observed, and sees to it that it is written down: with what it rang, or a little later.
    fn keep(&mut self, now: Moment, id: UserId, kept: Kept<'_>, effects: &mut Effects) {
        let Kept { raw, holds, since, online } = kept;
        let Some(known) = self.known.get_mut(&id) else { return };
        let news = since.is_some() || known.holds != holds || known.standing != Standing::Live;
        let held = !holds.is_empty();
        known.raw.clear();
        known.raw.push_str(raw);
        self.online = self.online + usize::from(online) - usize::from(known.online);
        known.online = online;
        known.guarded_until = known.guarded_until.filter(|_| !holds.is_empty());
        known.standing = Standing::Live;
        known.disowned_since = None;
        known.heard = Heard::at(now);
        known.holds = holds;
        if let Some(since) = since {
            known.since = since;
        }
        if held {
            self.note_end(id);
        }
        if news {
            self.note_unsaved(now, id);
            self.save_if_owed(id, effects);
        }
    }

    /// The first time that anything is heard of a person: that is how things are, not what has changed. Only
    /// that Lanyard has begun to know them is news.
    fn meet(&mut self, now: Moment, id: UserId, seen: &Presence<'_>, effects: &mut Effects) {
        if let Some(diary) = &mut self.bell.diary {
            diary.find(now.wall_ms, id, None);
        }
        let known = self.known.entry(id).or_default();
        let news = known.standing == Standing::Unmonitored;
        seen.raw.clone_into(&mut known.raw);
        self.online = self.online + usize::from(seen.online()) - usize::from(known.online);
        known.online = seen.online();
        known.standing = Standing::Live;
        known.disowned_since = None;
        known.heard = Heard::at(now);
        self.note_unsaved(now, id);
        if news {
            let before = Presence { user: User { id: Some(id), ..User::default() }, ..Presence::default() };
            self.ring_alone(now, id, ChangeKind::BecameMonitored, &before, seen, effects);
        }
        self.ask_about(now, id, None, effects);
    }

    /// Everybody goes offline at once: nobody is believed to have gone.
    fn doubt(&mut self, now: Moment, id: UserId, word: Word) {
        let Word::Doubt { until, also, first } = word else { return };
        if first {
            self.ask_at = Some(now.mono + FLAP_MOST);
        }
        for id in also.into_iter().chain([id]) {
            if let Some(known) = self.known.get_mut(&id) {
                known.guarded_until = Some(until);
            }
            self.note_end(id);
        }
    }

    /// A snapshot says that a person is offline: the fleet guard's doubt is over, their own hold goes on.
    fn confirm(&mut self, now: Moment, id: UserId) {
        let Some(known) = self.known.get_mut(&id) else { return };
        if known.guarded_until.take_if(|until| may_be_told(*until, now.mono)).is_some() {
            self.note_end(id);
        }
    }

    /// The connection is gone: our own blindness changes nobody.
    pub(super) fn go_blind(&mut self, now: Moment, effects: &mut Effects) {
        self.vouch_at = None;
        self.pending.in_snapshot = false;
        if let Some(diary) = &mut self.bell.diary {
            diary.go_blind(now.wall_ms);
        }
        for known in self.known.values_mut().filter(|known| known.standing == Standing::Live) {
            known.standing = Standing::Stale;
            known.heard = Heard::at(now);
            effects.commit.heard_ms = Some(now.wall_ms);
        }
    }

    /// A person whom a snapshot did not show: unknown, not offline.
    pub(super) fn lose(&mut self, now: Moment, id: UserId) {
        if let Some(known) = self.known.get_mut(&id).filter(|known| known.standing == Standing::Live) {
            known.standing = Standing::Stale;
            if let Some(diary) = &mut self.bell.diary {
                diary.lose(now.wall_ms, id);
            }
            self.note_unsaved(now, id);
        }
    }

    /// Lanyard does not know the person (any more).
    pub(super) fn leave(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        // Who is live was seen after Lanyard was asked.
        if !self.wanted(id) || matches!(self.standing(id), Standing::Unmonitored | Standing::Live) {
            return;
        }
        let known = self.known.entry(id).or_default();
        if !known.raw.is_empty() {
            let since = *known.disowned_since.get_or_insert(now.mono);
            if now.mono.saturating_sub(since) < DISOWNED_FOR {
                return;
            }
        }
        known.standing = Standing::Unmonitored;
        let raw = known.raw.clone();
        if let Ok((_, last)) = Presence::parse(&raw, Some(id)) {
            self.note_unsaved(now, id);
            self.give_up_monitored(now, id, effects);
            self.ring_alone(now, id, ChangeKind::BecameUnmonitored, &last, &last, effects);
        }
    }

    /// Rings for a change that no two presences show.
    fn ring_alone(
        &mut self,
        now: Moment,
        id: UserId,
        kind: ChangeKind,
        before: &Presence<'_>,
        after: &Presence<'_>,
        effects: &mut Effects,
    ) {
        let place = self.places.get(&id).copied();
        let step = Step {
            now,
            id,
            place,
            before,
            after,
            before_held: &[],
            after_held: &[],
            late_ms: None,
            ended_ms: now.wall_ms,
        };
        self.bell.ring(&step, &[Change::plain(kind)], &mut Since::default(), &self.known, effects);
        self.save_if_owed(id, effects);
    }

    /// Holds of a person have run out: what was held is now gone.
    pub(super) fn end_holds(&mut self, now: Moment, id: UserId, effects: &mut Effects) {
        let Some(known) = self.known.get(&id).filter(|known| known.standing == Standing::Live) else {
            return;
        };
        let (ended, mut holds): (Vec<Hold>, Vec<Hold>) =
            known.holds.iter().cloned().partition(|hold| known.hold_ends(hold) <= now.mono);
        let Some(gone_ms) = ended.iter().map(|hold| hold.gone_ms).min() else { return };
        let Some(last) = known.shown(id) else { return };
        let Ok((_, seen)) = Presence::parse(&known.raw, Some(id)) else { return };
        if ended.iter().any(|hold| hold.what == Held::Everything) {
            // The person is gone for good, and all that was theirs with them.
            holds.clear();
        }
        let kept = holds.clone();
        let shown = put_back(id, seen, &kept);
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        diff(&last, &shown, &mut changes);
        if self.bell.waiting.has(id) {
            let sight = sight(&self.rules, self.places.get(&id).copied(), id, &shown);
            self.bell.give_up(now, sight, None, effects);
        }
        let mut since = known.since.clone();
        let step = Step {
            now,
            id,
            place: self.places.get(&id).copied(),
            before: &last,
            after: &shown,
            before_held: &known.holds,
            after_held: &kept,
            late_ms: ended.iter().filter_map(|hold| hold.late_ms).max(),
            ended_ms: gone_ms,
        };
        let late_ms = step.late_ms;
        self.bell.ring(&step, &changes, &mut since, &self.known, effects);
        self.changes = changes;
        let online = shown.online();
        drop((last, shown));
        if let Some(known) = self.known.get_mut(&id) {
            known.holds = holds;
            known.since = since;
            self.online = self.online + usize::from(online) - usize::from(known.online);
            known.online = online;
            known.guarded_until = known.guarded_until.filter(|_| online);
        }
        self.note_end(id);
        self.note_unsaved(now, id);
        self.save_if_owed(id, effects);
        self.ask_about(now, id, late_ms, effects);
    }

    pub(super) fn note_end(&mut self, id: UserId) {
        if let Some(until) = self.known.get(&id).and_then(Known::first_end) {
            self.ends.push(Reverse((until, id)));
        }
    }
}
