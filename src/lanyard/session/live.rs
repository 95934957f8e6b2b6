//! What a session does on a live connection: beat, ping, ask, and keep up with what is wanted.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Output, Phase, Session};
use crate::lanyard::echoes::Echoes;
use crate::lanyard::notice::{Loss, Notice};
use crate::lanyard::observation::Observation;
use crate::lanyard::question::{self, Question, Questions};
use crate::lanyard::settings::Subscribe;
use crate::presence::model::UserId;

/// A connection on which nothing came for this long is asked whether it still is one. Together with the wait
/// for the answer, a half-open connection is noticed after 40 s; sooner where the server wants heartbeats
/// more often than every 30 s.
const PING_AFTER: Duration = Duration::from_secs(20);
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// However often it wants them.
const PING_AFTER_LEAST: Duration = Duration::from_secs(2);
const SILENCE_LEAST: Duration = Duration::from_secs(5);
/// While Lanyard builds the state of everyone it answers nothing, not even a Ping: 20 s at 100,000 people.
const SILENCE_MAX_EVERYONE: Duration = Duration::from_secs(180);
/// From a question to its INIT_STATE, however alive the connection is.
const ANSWER_WAIT: Duration = Duration::from_secs(90);
const ANSWER_WAIT_EVERYONE: Duration = Duration::from_secs(600);
/// The state of everyone is much work for the server, and its subscribers hear of newcomers anyway.
const RESYNC_EVERYONE_MIN: Duration = Duration::from_secs(1800);
/// Connecting afresh is a moment of blindness.
const RESYNC_AFRESH_MIN: Duration = Duration::from_secs(1800);

#[derive(Debug)]
pub(super) struct Live {
    pub(super) since: Duration,
    pub(super) heartbeat: Duration,
    pub(super) beat_at: Duration,
    pub(super) heard_at: Duration,
    pub(super) pinged: bool,
    /// A first INIT_STATE has come.
    pub(super) answered: bool,
    /// Everyone is subscribed to, not only the wanted.
    pub(super) everyone: bool,
    pub(super) questions: Questions,
    pub(super) resync_at: Option<Duration>,
    pub(super) echoes: Box<Echoes>,
}

impl Live {
    pub(super) fn deadline(&self, absent_due_at: Option<Duration>) -> Duration {
        let quiet_at = if self.pinged { self.silent_at() } else { self.ping_at() };
        let ask_at = match self.questions.open_since() {
            Some(_) => Some(self.answer_by()),
            None => earlier(self.resync_at, absent_due_at),
        };
        let soonest = self.beat_at.min(quiet_at);
        ask_at.map_or(soonest, |at| at.min(soonest))
    }

    fn ping_at(&self) -> Duration {
        self.heard_at + (self.heartbeat * 2 / 3).clamp(PING_AFTER_LEAST, PING_AFTER)
    }

    pub(super) fn silent_at(&self) -> Duration {
        match self.questions.open_since() {
            Some((since, true)) => self.heard_at.max(since) + SILENCE_MAX_EVERYONE,
            _ => self.heard_at + (self.heartbeat * 4 / 3).clamp(SILENCE_LEAST, SILENCE_MAX),
        }
    }

    pub(super) fn answer_by(&self) -> Duration {
        match self.questions.open_since() {
            Some((since, true)) => since + ANSWER_WAIT_EVERYONE,
            Some((since, false)) => since + ANSWER_WAIT,
            None => Duration::MAX,
        }
    }
}

impl Session {
    pub(super) fn greet(&mut self, now: Duration, heartbeat: Duration) {
        match &mut self.phase {
            Phase::Greeting { .. } => {}
            // A second Hello only changes the interval.
            Phase::Live(live) => {
                live.heartbeat = heartbeat;
                live.beat_at = live.beat_at.min(now + heartbeat);
                return;
            }
            _ => return,
        }
        self.note(Notice::Greeted { heartbeat });
        let mut live = Live {
            since: now,
            heartbeat,
            beat_at: now + heartbeat,
            heard_at: now,
            pinged: false,
            answered: false,
            everyone: false,
            questions: Questions::default(),
            resync_at: None,
            echoes: Box::default(),
        };
        self.ask_for_all(&mut live, now);
        self.phase = Phase::Live(live);
    }

    pub(super) fn tick_live(&mut self, now: Duration) {
        let Phase::Live(live) = &mut self.phase else { return };
        if now >= live.beat_at {
            live.beat_at = now + live.heartbeat;
            self.outputs.push_back(Output::Heartbeat);
        }
        if !live.pinged && now >= live.ping_at() {
            live.pinged = true;
            self.outputs.push_back(Output::Ping);
        }
        if live.questions.idle() {
            if live.resync_at.is_some_and(|at| now >= at) {
                if self.doubles && !live.everyone {
                    return self.lose(now, Loss::Renewed);
                }
                live.echoes.ask_again();
                self.resync(now);
            } else {
                let due = self.absent.due(now);
                live.questions.about(&due, self.subscribe);
            }
        }
        let Phase::Live(live) = &mut self.phase else { return };
        while let Some(text) = live.questions.ask(now) {
            self.outputs.push_back(Output::Send(text));
        }
    }

    pub(super) fn resync(&mut self, now: Duration) {
        match std::mem::replace(&mut self.phase, Phase::Left) {
            Phase::Live(mut live) => {
                self.ask_for_all(&mut live, now);
                self.phase = Phase::Live(live);
            }
            other => self.phase = other,
        }
    }

    /// Op 2 for all whom anybody wants, and the time of the next one.
    pub(super) fn ask_for_all(&mut self, live: &mut Live, now: Duration) {
        let named: BTreeSet<UserId> = self.people.keys().copied().collect();
        live.everyone = self.subscribes_to_everyone();
        if live.everyone {
            live.questions.everyone(named);
        } else if named.is_empty() {
            live.questions.nobody();
        } else {
            live.questions.about(&named, self.subscribe);
        }
        self.absent.all_asked();
        let every = match (live.everyone, self.doubles) {
            (true, _) => self.resync.max(RESYNC_EVERYONE_MIN),
            (false, true) => self.resync.max(RESYNC_AFRESH_MIN),
            (false, false) => self.resync,
        };
        // A fifth to either side, so that many bots do not ask together.
        let wait = every.mul_f64(0.8 + 0.4 * self.chance.roll());
        live.resync_at = (!self.resync.is_zero()).then(|| now + wait);
    }

    pub(super) fn subscribes_to_everyone(&self) -> bool {
        match self.subscribe {
            Subscribe::Auto => self.everyone,
            Subscribe::All => true,
            Subscribe::Ids | Subscribe::Id => false,
        }
    }

    pub(super) fn heard(&mut self, now: Duration) {
        if let Phase::Live(live) = &mut self.phase {
            live.heard_at = now;
            live.pinged = false;
        }
    }

    pub(super) fn deaf(&mut self, now: Duration) {
        self.heard(now);
        self.await_hello(now);
        if let Phase::Live(live) = &mut self.phase {
            live.questions.put_off(now);
        }
    }

    pub(super) fn init_state_begins(&mut self, now: Duration) {
        self.heard(now);
        let Phase::Live(live) = &mut self.phase else { return };
        if !std::mem::replace(&mut live.answered, true) {
            self.note(Notice::Subscribed);
            self.outputs.push_back(Output::Observe(Observation::Connected));
        }
    }

    pub(super) fn init_state_ends(&mut self, now: Duration, whole: bool) {
        self.heard(now);
        let Phase::Live(live) = &mut self.phase else { return };
        let unseen = live.questions.answered(now).map(Question::into_unseen).unwrap_or_default();
        let unseen = unseen.into_iter().filter(|id| self.people.contains_key(id));
        let unseen: Vec<UserId> = unseen.collect();
        if live.questions.idle() {
            live.echoes.answered();
        }
        if !whole {
            self.note(Notice::Spoilt { unseen: unseen.len() });
            self.absent.spoilt(now, unseen, self.chance.roll());
            self.outputs.push_back(Output::Observe(Observation::SnapshotEnd { absent: Vec::new() }));
            return;
        }
        let (mut never_seen, mut gone) = (Vec::new(), Vec::new());
        for &id in &unseen {
            if self.absent.note(now, id, self.chance.roll()) {
                let met = self.people.get(&id).is_some_and(|&met| met);
                if met { gone.push(id) } else { never_seen.push(id) }
            }
        }
        if !never_seen.is_empty() {
            self.note(Notice::NeverSeen { people: never_seen });
        }
        if !gone.is_empty() {
            self.note(Notice::GoneMissing { people: gone });
        }
        self.outputs.push_back(Output::Observe(Observation::SnapshotEnd { absent: unseen }));
    }

    pub(super) fn want(&mut self, now: Duration, people: Vec<UserId>, everyone: bool) {
        let wanted: BTreeSet<UserId> = people.into_iter().collect();
        let removed: BTreeSet<UserId> =
            self.people.keys().copied().filter(|id| !wanted.contains(id)).collect();
        let added: BTreeSet<UserId> =
            wanted.iter().copied().filter(|id| !self.people.contains_key(id)).collect();
        self.people.retain(|id, _| wanted.contains(id));
        self.people.extend(added.iter().map(|&id| (id, false)));
        self.absent.forget(&removed);
        let heard_of_everyone = std::mem::replace(&mut self.everyone, everyone);

        let everyone = self.subscribes_to_everyone();
        let Phase::Live(live) = &mut self.phase else { return };
        live.questions.forget(&removed);
        if live.everyone != everyone {
            if !everyone {
                self.send(question::unsubscribe_from_all());
            }
            return self.resync(now);
        }
        if live.everyone {
            // Subscribed to already; but how things are with them may not have been wanted when it was told.
            if !heard_of_everyone {
                live.questions.about(&added, Subscribe::Ids);
            }
            return;
        }
        live.questions.about(&added, self.subscribe);
        self.outputs.extend(question::unsubscribe(&removed).map(Output::Send));
    }

    /// The cure for a doubled subscription is a fresh connection; and not to double it again.
    pub(super) fn doubled(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Live(_)) {
            self.doubles = true;
            self.lose(now, Loss::Doubled);
        }
    }

    pub(super) fn doubt(&mut self, now: Duration) {
        if let Phase::Live(live) = &mut self.phase {
            live.resync_at = Some(now);
        }
    }
}

fn earlier(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
