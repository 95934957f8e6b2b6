//! A session with Lanyard: when to connect, what to say, whom to ask for, and when to give a connection up.
//!
//! A machine without clock and socket: what happens goes in through `handle`, what is to be done comes out of
//! `poll`, and `deadline` says when `handle(now, Input::Tick)` is wanted at the latest. The two things that
//! happen a hundred thousand times a second, `updated` and `seen`, are methods of their own.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::absence::Absent;
use super::chance::Chance;
use super::notice::{Loss, Notice, refusal};
use super::observation::Observation;
use super::question::{self, Questions};
use super::settings::Subscribe;
use crate::presence::model::UserId;
use crate::time::Backoff;

/// Op 3.
pub const HEARTBEAT: &str = r#"{"op":3}"#;

/// From the decision to connect until the socket is open.
const CONNECT_WAIT: Duration = Duration::from_secs(20);
const HELLO_WAIT: Duration = Duration::from_secs(15);
/// A connection on which nothing came for this long is asked whether it still is one. Together with the wait
/// for the answer, a half-open connection is noticed after 40 s.
const PING_AFTER: Duration = Duration::from_secs(20);
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// While Lanyard builds the state of everyone it answers nothing, not even a Ping: 20 s at 100,000 people.
const SILENCE_MAX_EVERYONE: Duration = Duration::from_secs(180);
/// From a question to its INIT_STATE, however alive the connection is.
const ANSWER_WAIT: Duration = Duration::from_secs(90);
const ANSWER_WAIT_EVERYONE: Duration = Duration::from_secs(600);

const RECONNECT: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(120) };
/// A connection that lived this long was a good one: the next failure counts as the first.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// After our own mistake nothing will be better in a second.
const RECONNECT_REFUSED: Backoff =
    Backoff { first: Duration::from_secs(300), most: Duration::from_secs(3600) };
/// The state of everyone is much work for the server, and its subscribers hear of newcomers anyway.
const RESYNC_EVERYONE_MIN: Duration = Duration::from_secs(1800);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The socket is open.
    Opened,
    /// It could not be opened; `why` is a sentence for people.
    Failed {
        why: String,
    },
    Hello {
        heartbeat: Duration,
    },
    InitStateBegins,
    /// `whole`: every person in it was reached.
    InitStateEnds {
        whole: bool,
    },
    /// Any bytes came: a Pong, or a part of a frame.
    Heard,
    /// Nothing was read on purpose, so silence proves nothing.
    Deaf,
    Closed {
        code: Option<u16>,
        reason: String,
    },
    Broken {
        why: String,
    },
    /// Whom to know about, from now on.
    Want {
        people: Vec<UserId>,
        everyone: bool,
    },
    /// Ask for everybody again now: somebody doubts what came last.
    Doubt,
    Leave,
}

/// What is to be done.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful a minute")]
pub enum Output {
    Connect,
    /// Op 3.
    Heartbeat,
    /// A text frame.
    Send(String),
    Ping,
    /// Drop the socket, or what is about to become one.
    Drop,
    /// Say goodbye (1000) and drop the socket.
    Close,
    Observe(Observation<'static>),
    Note(Notice),
}

#[derive(Debug)]
enum Phase {
    Resting { until: Duration },
    Connecting { until: Duration },
    Greeting { until: Duration },
    Live(Live),
    Left,
}

#[derive(Debug)]
struct Live {
    since: Duration,
    heartbeat: Duration,
    beat_at: Duration,
    heard_at: Duration,
    pinged: bool,
    /// A first INIT_STATE has come.
    answered: bool,
    /// Everyone is subscribed to, not only the wanted.
    everyone: bool,
    questions: Questions,
    resync_at: Option<Duration>,
}

pub struct Session {
    subscribe: Subscribe,
    resync: Duration,
    chance: Chance,
    phase: Phase,
    /// Whom rules name, and whether they were ever seen.
    people: HashMap<UserId, bool>,
    /// Rules want to hear of everyone.
    everyone: bool,
    absent: Absent,
    failures: u32,
    refusals: u32,
    outputs: VecDeque<Output>,
}

impl Session {
    /// Connects at the first tick. `seed` places the jitter.
    pub fn new(subscribe: Subscribe, resync: Duration, seed: u64) -> Self {
        Self {
            subscribe,
            resync,
            chance: Chance::new(seed),
            phase: Phase::Resting { until: Duration::ZERO },
            people: HashMap::new(),
            everyone: false,
            absent: Absent::default(),
            failures: 0,
            refusals: 0,
            outputs: VecDeque::new(),
        }
    }

    pub fn handle(&mut self, now: Duration, input: Input) {
        match input {
            Input::Tick => {}
            Input::Opened => {
                if let Phase::Connecting { .. } = self.phase {
                    self.phase = Phase::Greeting { until: now + HELLO_WAIT };
                }
            }
            Input::Failed { why } => self.connect_failed(now, why),
            Input::Hello { heartbeat } => self.greet(now, heartbeat),
            Input::InitStateBegins => self.init_state_begins(now),
            Input::InitStateEnds { whole } => self.init_state_ends(now, whole),
            Input::Heard => self.heard(now),
            Input::Deaf => self.deaf(now),
            Input::Closed { code, reason } => self.closed(now, code, reason),
            Input::Broken { why } => self.lose(now, Loss::Broken { why }),
            Input::Want { people, everyone } => self.want(now, people, everyone),
            Input::Doubt => self.doubt(now),
            Input::Leave => self.leave(),
        }
        self.tick(now);
    }

    fn doubt(&mut self, now: Duration) {
        if let Phase::Live(live) = &mut self.phase {
            live.resync_at = Some(now);
        }
    }

    /// A PRESENCE_UPDATE about this person has come: whether anybody wants it.
    pub fn updated(&mut self, now: Duration, id: UserId) -> bool {
        let Phase::Live(live) = &mut self.phase else { return false };
        live.heard_at = now;
        live.pinged = false;
        self.meet(id)
    }

    /// A person in an INIT_STATE: whether anybody wants to know.
    pub fn seen(&mut self, id: UserId) -> bool {
        let Phase::Live(live) = &mut self.phase else { return false };
        live.questions.saw(id);
        self.meet(id)
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Tick` is wanted at the latest.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Resting { until } | Phase::Connecting { until } | Phase::Greeting { until } => {
                Some(*until)
            }
            Phase::Live(live) => {
                let quiet_at = if live.pinged { live.silent_at() } else { live.heard_at + PING_AFTER };
                let mut earliest = live.beat_at.min(quiet_at);
                if live.questions.open_since().is_some() {
                    earliest = earliest.min(live.answer_by());
                } else if let Some(at) = earlier(live.resync_at, self.absent.due_at()) {
                    earliest = earliest.min(at);
                }
                Some(earliest)
            }
            Phase::Left => None,
        }
    }

    /// Whether Lanyard has answered on the present connection.
    pub fn live(&self) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.answered)
    }

    fn meet(&mut self, id: UserId) -> bool {
        let wanted = match self.people.get_mut(&id) {
            Some(met) => {
                *met = true;
                true
            }
            None => self.everyone,
        };
        if self.absent.found(id) && wanted {
            self.outputs.push_back(Output::Note(Notice::Found { person: id }));
        }
        wanted
    }

    fn note(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Note(notice));
    }

    fn send(&mut self, text: String) {
        self.outputs.push_back(Output::Send(text));
    }
}

/// The way to a live connection and away from it.
impl Session {
    fn tick(&mut self, now: Duration) {
        match &self.phase {
            Phase::Resting { until } if now >= *until => {
                self.phase = Phase::Connecting { until: now + CONNECT_WAIT };
                self.outputs.push_back(Output::Connect);
            }
            Phase::Connecting { until } if now >= *until => {
                self.outputs.push_back(Output::Drop);
                let why = format!("no connection within {} s", CONNECT_WAIT.as_secs());
                self.connect_failed(now, why);
            }
            Phase::Greeting { until } if now >= *until => self.lose(now, Loss::NoHello),
            Phase::Live(live) if now >= live.silent_at() => {
                let silent = now.saturating_sub(live.heard_at);
                self.lose(now, Loss::Silent { silent });
            }
            Phase::Live(live) if live.questions.open_since().is_some() && now >= live.answer_by() => {
                self.lose(now, Loss::NoInitState);
            }
            Phase::Live(_) => self.tick_live(now),
            Phase::Resting { .. } | Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Left => {}
        }
    }

    fn connect_failed(&mut self, now: Duration, why: String) {
        if matches!(self.phase, Phase::Connecting { .. }) {
            let again_in = self.rest_after_failure(now);
            self.note(Notice::ConnectFailed { why, failures: self.failures, again_in });
        }
    }

    fn closed(&mut self, now: Duration, code: Option<u16>, reason: String) {
        let Some(code) = code.filter(|&code| refusal(code).is_some()) else {
            return self.lose(now, Loss::Closed { code, reason });
        };
        if self.hang_up(now).is_some() {
            self.refusals = self.refusals.saturating_add(1);
            let again_in = RECONNECT_REFUSED.wait(self.refusals, self.chance.roll());
            self.phase = Phase::Resting { until: now + again_in };
            self.note(Notice::Refused { code, again_in });
        }
    }

    fn lose(&mut self, now: Duration, why: Loss) {
        if let Some(lived) = self.hang_up(now) {
            let again_in = self.rest_after_failure(now);
            self.note(Notice::Lost { why, lived, failures: self.failures, again_in });
        }
    }

    /// How long the connection lived, if there was one.
    fn hang_up(&mut self, now: Duration) -> Option<Duration> {
        let lived = match &self.phase {
            Phase::Resting { .. } | Phase::Connecting { .. } | Phase::Left => return None,
            Phase::Greeting { .. } => Duration::ZERO,
            Phase::Live(live) => now.saturating_sub(live.since),
        };
        if self.live() {
            self.outputs.push_back(Output::Observe(Observation::Disconnected));
        }
        self.outputs.push_back(Output::Drop);
        if lived >= GOOD_LIFE {
            self.failures = 0;
            self.refusals = 0;
        }
        Some(lived)
    }

    fn rest_after_failure(&mut self, now: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let again_in = RECONNECT.wait(self.failures, self.chance.roll());
        self.phase = Phase::Resting { until: now + again_in };
        again_in
    }

    fn leave(&mut self) {
        match &self.phase {
            Phase::Greeting { .. } | Phase::Live(_) => self.outputs.push_back(Output::Close),
            Phase::Connecting { .. } => self.outputs.push_back(Output::Drop),
            Phase::Resting { .. } | Phase::Left => {}
        }
        self.phase = Phase::Left;
    }
}

/// On a live connection.
impl Session {
    fn greet(&mut self, now: Duration, heartbeat: Duration) {
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
        };
        self.ask_for_all(&mut live, now);
        self.phase = Phase::Live(live);
    }

    fn tick_live(&mut self, now: Duration) {
        let Phase::Live(live) = &mut self.phase else { return };
        if now >= live.beat_at {
            live.beat_at = now + live.heartbeat;
            self.outputs.push_back(Output::Heartbeat);
        }
        if !live.pinged && now >= live.heard_at + PING_AFTER {
            live.pinged = true;
            self.outputs.push_back(Output::Ping);
        }
        if live.questions.idle() {
            if live.resync_at.is_some_and(|at| now >= at) {
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

    fn resync(&mut self, now: Duration) {
        match std::mem::replace(&mut self.phase, Phase::Left) {
            Phase::Live(mut live) => {
                self.ask_for_all(&mut live, now);
                self.phase = Phase::Live(live);
            }
            other => self.phase = other,
        }
    }

    /// Op 2 for all whom anybody wants, and the time of the next one.
    fn ask_for_all(&mut self, live: &mut Live, now: Duration) {
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
        let every = if live.everyone { self.resync.max(RESYNC_EVERYONE_MIN) } else { self.resync };
        // A fifth to either side, so that many bots do not ask together.
        let wait = every.mul_f64(0.8 + 0.4 * self.chance.roll());
        live.resync_at = (!self.resync.is_zero()).then(|| now + wait);
    }

    fn subscribes_to_everyone(&self) -> bool {
        match self.subscribe {
            Subscribe::Auto => self.everyone,
            Subscribe::All => true,
            Subscribe::Ids | Subscribe::Id => false,
        }
    }

    fn heard(&mut self, now: Duration) {
        if let Phase::Live(live) = &mut self.phase {
            live.heard_at = now;
            live.pinged = false;
        }
    }

    fn deaf(&mut self, now: Duration) {
        self.heard(now);
        match &mut self.phase {
            Phase::Greeting { until } => *until = now + HELLO_WAIT,
            Phase::Live(live) => live.questions.put_off(now),
            _ => {}
        }
    }

    fn init_state_begins(&mut self, now: Duration) {
        self.heard(now);
        let Phase::Live(live) = &mut self.phase else { return };
        if !std::mem::replace(&mut live.answered, true) {
            self.note(Notice::Subscribed);
            self.outputs.push_back(Output::Observe(Observation::Connected));
        }
    }

    fn init_state_ends(&mut self, now: Duration, whole: bool) {
        self.heard(now);
        let Phase::Live(live) = &mut self.phase else { return };
        let unseen =
            live.questions.answered(now).map(super::question::Question::into_unseen).unwrap_or_default();
        let unseen = unseen.into_iter().filter(|id| self.people.contains_key(id));
        let unseen: Vec<UserId> = unseen.collect();
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

    fn want(&mut self, now: Duration, people: Vec<UserId>, everyone: bool) {
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
}

impl Live {
    fn silent_at(&self) -> Duration {
        match self.questions.open_since() {
            Some((since, true)) => self.heard_at.max(since) + SILENCE_MAX_EVERYONE,
            _ => self.heard_at + SILENCE_MAX,
        }
    }

    fn answer_by(&self) -> Duration {
        match self.questions.open_since() {
            Some((since, true)) => since + ANSWER_WAIT_EVERYONE,
            Some((since, false)) => since + ANSWER_WAIT,
            None => Duration::MAX,
        }
    }
}

fn earlier(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
