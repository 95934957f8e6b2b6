//! A session with Lanyard: when to connect, what to say, whom to ask for, and when to give a connection up.
//!
//! A machine without clock and socket: what happens goes in through `handle`, what is to be done comes out of
//! `poll`, and `deadline` says when `handle(now, Input::Tick)` is wanted at the latest. The two things that
//! happen a hundred thousand times a second, `updated` and `seen`, are methods of their own.

mod live;
mod way;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use self::live::Live;
use super::absence::Absent;
use super::chance::Chance;
use super::notice::{Loss, Notice};
use super::observation::Observation;
use super::settings::Subscribe;
use crate::presence::model::UserId;

/// Op 3.
pub const HEARTBEAT: &str = r#"{"op":3}"#;

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
    /// Every update comes twice: `hears_double` said so.
    Doubled,
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
    /// The server doubles subscriptions, so it is asked again by connecting afresh.
    doubles: bool,
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
            doubles: false,
            failures: 0,
            refusals: 0,
            outputs: VecDeque::new(),
        }
    }

    pub fn handle(&mut self, now: Duration, input: Input) {
        match input {
            Input::Tick => {}
            Input::Opened => self.opened(now),
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
            Input::Doubled => self.doubled(now),
            Input::Leave => self.leave(),
        }
        self.tick(now);
    }

    /// A PRESENCE_UPDATE about this person has come: whether anybody wants it.
    pub fn updated(&mut self, now: Duration, id: UserId) -> bool {
        let Phase::Live(live) = &mut self.phase else { return false };
        live.heard_at = now;
        live.pinged = false;
        self.meet(id)
    }

    /// The update as it was sent: whether they are now known to come twice, for `Input::Doubled`.
    pub fn hears_double(&mut self, id: UserId, raw: &str) -> bool {
        match &mut self.phase {
            Phase::Live(live) if !live.everyone => live.echoes.hear(id, raw),
            _ => false,
        }
    }

    /// A person in an INIT_STATE: whether anybody wants to know.
    pub fn seen(&mut self, id: UserId) -> bool {
        let Phase::Live(live) = &mut self.phase else { return false };
        live.questions.saw(id);
        self.meet(id)
    }

    /// Whether `poll` has something.
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
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
            Phase::Live(live) => Some(live.deadline(self.absent.due_at())),
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
