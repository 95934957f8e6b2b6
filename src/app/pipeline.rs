//! The main loop: what comes from Lanyard goes through the engine, and what follows from it to the committer.
//!
//! One task owns the connection and the engine, so an update crosses no channel and takes no lock.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::committer::Gathered;
use super::publish::Publisher;
use crate::clock::Clock;
use crate::engine::effects::{Effects, Told};
use crate::engine::machine::Engine;
use crate::engine::person::Standing;
use crate::engine::watch::Telling;
use crate::lanyard::observation::Observation;
use crate::lanyard::socket::Client;
use crate::metrics::stages::{Stage, Stages};
use crate::outbox::health::Healths;
use crate::presence::model::UserId;
use crate::recording::recorder::Recorder;
use crate::rules::set::RuleSet;
use crate::time::Moment;
use crate::traces::bridge::Traces;
use crate::traces::happening::{About, Happening};
use crate::web::journal::Journal;
use crate::web::questions::Counter;

/// With so much not yet handed to the committer, nothing more is read from Lanyard: the brake.
const PENDING_ROWS_MAX: usize = 20_000;

/// So long a recording may take to be closed.
const RECORDER_GRACE: Duration = Duration::from_millis(500);

/// So many frames are taken before the loop looks at anything else.
const FRAMES_A_TURN: usize = 64;

/// Between two questions; each is answered in less.
const QUESTIONS_GAP: Duration = Duration::from_millis(1);

pub struct Pipeline {
    pub clock: Clock,
    pub client: Client,
    pub engine: Engine,
    pub commits: mpsc::Sender<Gathered>,
    /// People whom a snapshot did not show, for the census; and those it found to be unmonitored.
    pub absent: mpsc::Sender<UserId>,
    pub unmonitored: mpsc::Receiver<UserId>,
    /// How targets do. Neither side waits for the other: what was missed in between is over.
    pub healths: watch::Receiver<Healths>,
    /// Other rules to go over to.
    pub reloads: mpsc::Receiver<Arc<RuleSet>>,
    /// Keeps what Lanyard lets us know; slows nothing down.
    pub recorder: Option<Recorder>,
    /// Whoever looks on; slow ones miss something.
    pub tap: Option<mpsc::Sender<Told>>,
    /// What happened lately, and those who ask for it and for what is known.
    pub journal: Journal,
    pub counter: Counter,
    /// When the last question was answered.
    pub asked_at: Option<Duration>,
    pub publisher: Publisher,
    pub stages: Stages,
    /// When the first frame came that something in the next commit is owed for.
    pub since: Option<Duration>,
    /// Who is told what is owed, and how much of the next commit has been told.
    pub traces: Traces,
    pub traced: usize,
}

impl Pipeline {
    /// Runs until `leave`; then closes the connection and writes down all that is known.
    pub async fn run(mut self, leave: CancellationToken) -> Result<(), String> {
        let mut effects = Effects::default();
        let commits = self.commits.clone();
        // The demo shows everything; those who look at a bot must not slow it down.
        self.engine.watch(if self.tap.is_some() { Telling::Everything } else { Telling::paced() });
        loop {
            let now = self.clock.now();
            let read = effects.commit.rows() < PENDING_ROWS_MAX;
            self.stages.set(Stage::Commit, !read, now.wall_ms);
            // However much is asked, whatever else waits gets its turn in between.
            let patience = self.asked_at.map(|at| at + QUESTIONS_GAP).filter(|&until| until > now.mono);
            let due = [self.engine.deadline().filter(|_| read), self.publisher.deadline(), patience];
            tokio::select! {
                biased;
                () = leave.cancelled() => break,
                permit = commits.reserve(), if !effects.commit.is_empty() => {
                    let permit = permit.map_err(|_| "the committer has gone".to_owned())?;
                    permit.send(self.gathered(&mut effects));
                }
                Some(question) = self.counter.questions.recv(), if patience.is_none() => {
                    let now = self.clock.now();
                    self.asked_at = Some(now.mono);
                    question.answer(now, &self.engine, &mut self.journal);
                }
                () = self.client.ready(now, read) => self.take_all(&mut effects),
                () = self.clock.sleep_until_some(due.into_iter().flatten().min()) => {
                    if read {
                        let now = self.clock.now();
                        self.engine.tick(now, &mut effects);
                        self.publisher.note(now.mono);
                    }
                }
                Ok(()) = self.healths.changed(), if read => {
                    // The worker is not kept from noting the next one meanwhile.
                    let healths = self.healths.borrow_and_update().clone();
                    self.engine.hear_targets(self.clock.now(), &healths, &mut effects);
                }
                Some(rules) = self.reloads.recv() => self.adopt(rules, &mut effects),
                Some(id) = self.unmonitored.recv() => {
                    let now = self.clock.now();
                    if let Some(recorder) = &mut self.recorder {
                        recorder.offer(now, &Observation::Unmonitored(id));
                    }
                    self.engine.observe(now, Observation::Unmonitored(id), &mut effects);
                    self.publisher.note_unmonitored(now.mono);
                }
            }
            self.hear_lanyard(&mut effects);
            self.tell(&mut effects);
        }
        self.client.close(self.clock.now()).await;
        self.engine.save_all(self.clock.now(), &mut effects);
        if !effects.commit.is_empty() {
            commits
                .send(self.gathered(&mut effects))
                .await
                .map_err(|_| "the committer has gone".to_owned())?;
        }
        if let Some(recorder) = self.recorder {
            let now = self.clock.now();
            // A disk that hangs must not keep us: what is flushed can be read.
            let finished = tokio::task::spawn_blocking(move || recorder.finish(now));
            drop(tokio::time::timeout(RECORDER_GRACE, finished).await);
        }
        Ok(())
    }

    /// Takes what has come from Lanyard, and in a flood what comes right behind it: one look at the clock, one
    /// turn of the loop and one commit serve many frames.
    fn take_all(&mut self, effects: &mut Effects) {
        let now = self.clock.now();
        self.publisher.note(now.mono);
        for _ in 0..FRAMES_A_TURN {
            self.take(now, effects);
            let more = effects.commit.rows() < PENDING_ROWS_MAX
                && self.client.ready(now, true).now_or_never().is_some();
            if !more {
                break;
            }
        }
    }

    fn take(&mut self, now: Moment, effects: &mut Effects) {
        let owed = effects.commit.deliveries.len();
        let Self { client, engine, absent, recorder, .. } = self;
        client.take(now, &mut |observation| {
            if let Some(recorder) = recorder {
                recorder.offer(now, &observation);
            }
            if let Observation::SnapshotEnd { absent: ids } = &observation {
                for &id in ids.iter().filter(|&&id| engine.standing(id) != Standing::Unmonitored) {
                    // A full channel loses nothing: whoever stays absent is asked for again.
                    let _ = absent.try_send(id);
                }
            }
            engine.observe(now, observation, effects);
        });
        if effects.commit.deliveries.len() > owed {
            self.since.get_or_insert(now.mono);
            self.trace(Some(now), effects);
        }
    }

    /// Tells of what has become owed since the last time; `came` is when the frame came that it is owed for.
    fn trace(&mut self, came: Option<Moment>, effects: &Effects) {
        let deliveries = &effects.commit.deliveries;
        for delivery in deliveries.iter().skip(self.traced) {
            let about = || About::of(delivery, None);
            self.traces.tell(|| Happening::Decided { about: about(), came, at: self.clock.now() });
        }
        self.traced = deliveries.len();
    }

    /// Goes over to other rules, on the live connection.
    fn adopt(&mut self, rules: Arc<RuleSet>, effects: &mut Effects) {
        let now = self.clock.now();
        ask_for(&mut self.client, now, &rules);
        self.publisher.carry(&self.engine, &self.client);
        self.engine.adopt(now, Arc::clone(&rules), effects);
        self.counter.adopt(Arc::clone(&rules));
        self.publisher.adopt(&self.engine, rules);
        self.publisher.note(now.mono);
    }

    fn hear_lanyard(&mut self, effects: &mut Effects) {
        let live = match (self.client.live(), self.client.trouble()) {
            (true, _) => Ok(()),
            (false, why) => Err(why.unwrap_or("no answer yet")),
        };
        self.engine.hear_lanyard(self.clock.now(), live, effects);
    }

    fn gathered(&mut self, effects: &mut Effects) -> Gathered {
        self.traced = 0;
        Gathered { commit: std::mem::take(&mut effects.commit), since: self.since.take() }
    }

    fn tell(&mut self, effects: &mut Effects) {
        self.trace(None, effects);
        if std::mem::take(&mut effects.ask_again) {
            self.client.ask_again(self.clock.now());
        }
        self.publisher.tick(self.clock.now().mono, &self.engine, &self.client);
        self.publisher.tell(effects.news.drain(..));
        self.journal.miss(self.engine.take_missed());
        if effects.told.is_empty() {
            return;
        }
        let now = self.clock.now();
        for told in effects.told.drain(..) {
            if let Some(tap) = &self.tap {
                let _ = tap.try_send(told.clone());
            }
            self.journal.write(now, told);
        }
    }
}

/// Has the client ask for those whom the rules are about, and call them by their names in the log.
pub fn ask_for(client: &mut Client, now: Moment, rules: &RuleSet) {
    client.name(rules.people.iter().map(|person| (person.id, person.key.clone())));
    client.want(now, rules.people.iter().map(|person| person.id), rules.for_everyone());
}
