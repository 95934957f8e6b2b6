//! The bot: everything opened in order, run, and closed in the order of the flow.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::fault::Fault;
use super::pipeline::{Pipeline, ask_for};
use super::publish::Publisher;
use super::reload::{Reloader, RulesFile, count_rules};
use super::tasks::{Ended, Tasks};
use super::{census, committer};
use crate::clock::Clock;
use crate::engine::diary::book::Diary;
use crate::engine::effects::Told;
use crate::engine::machine::Engine;
use crate::lanyard::rest::Rest;
use crate::lanyard::socket::Client;
use crate::metrics::Metrics;
use crate::outbox::delivery::Memory;
use crate::outbox::health::{Health, Healths};
use crate::outbox::store::beside;
use crate::outbox::store::handle::{self, Durability, StoreState};
use crate::outbox::worker::handle::WorkerHandle;
use crate::outbox::worker::{Worker, WorkerSettings};
use crate::proxies::Proxies;
use crate::recording::recorder::{Recorder, Reel};
use crate::recording::tape::TapeError;
use crate::rules::set::RuleSet;
use crate::time::Moment;
use crate::traces;
use crate::traces::bridge::Traces;
use crate::web::access::Access;
use crate::web::api::{Followers, Outbox};
use crate::web::avatars::Avatars;
use crate::web::avatars::source::AvatarsFrom;
use crate::web::journal::Journal;
use crate::web::listen::{Listen, bind};
use crate::web::places::Limits;
use crate::web::questions::Desk;
use crate::web::server::{self, About, Web};
use crate::web::status::Status;
use crate::web::token::Token;
use crate::web::trials::Trials;

/// So many people can wait for the census; those who do not fit are asked about next time.
const ABSENT_MAX: usize = 1024;
/// How long a task that leaves may take; the worker's attempts under way have their own time beside it. With a
/// disk that takes nothing all of it goes by, and is still less than the ten seconds that Docker waits.
const GRACE: Duration = Duration::from_secs(2);

/// What to run, and how.
pub struct Bot {
    pub rules: Arc<RuleSet>,
    /// Where they came from, if they can change while it runs.
    pub file: Option<RulesFile>,
    pub data: PathBuf,
    pub durability: Durability,
    pub listen: Listen,
    /// What opens the HTTP side to those who are not on this machine, or want to change something.
    pub token: Option<Token>,
    /// Where the HTTP side gets pictures of people.
    pub avatars: AvatarsFrom,
    /// Everything but the requests.
    pub dry_run: bool,
    /// Where to keep what Lanyard lets us know.
    pub record: Option<Reel>,
    /// Whoever wants to be told what happens.
    pub tap: Option<mpsc::Sender<Told>>,
}

impl Bot {
    /// Runs until `leave`, or until something breaks that only a new start mends.
    pub async fn run(self, leave: CancellationToken) -> Result<(), Fault> {
        let clock = Clock::start();
        let metrics = Metrics::new();
        let status = Status::new();
        Proxies::from_env().check().map_err(|error| Fault::Lanyard(error.to_string()))?;
        let (stops, mut tasks) = (Stops::default(), Tasks::default());
        let traces = start_traces(&mut tasks, clock, &stops)?;
        let door = open_door(&self.listen, self.token).await?;
        let tls = crate::tls::client_config(None).map_err(|error| Fault::Http(error.to_string()))?;
        if self.dry_run {
            tell_dry_run(&self.data);
        }
        let recorder = start_recorder(self.record.as_ref(), &self.rules, clock)?;
        let (seed, dice) = chance();
        let (mut client, rest) = ways_to_lanyard(&self.rules, tls, dice)?;
        let (store, thread) = handle::open(&self.data, self.durability, clock)?;
        let memory = store.load().await?;
        let now = clock.now();
        ask_for(&mut client, now, &self.rules);
        let engine = start_engine(Arc::clone(&self.rules), memory, now, seed);
        let settings = worker_settings(self.dry_run, &metrics, traces.clone());
        let grace = settings.grace + GRACE;
        let (worker, mail) = Worker::new(settings, clock, store.clone(), self.rules.targets.clone())?;
        count_rules(&self.rules, &metrics, &status);
        metrics.rules.loaded(true);

        let (commits, to_commit) = mpsc::channel(1);
        let (absent, to_ask) = mpsc::channel(ABSENT_MAX);
        let (found, unmonitored) = mpsc::channel(ABSENT_MAX);
        tasks.start("data watch", beside::watch(self.data.clone(), store.clone(), clock));
        tell_parts(&mut tasks, &stops, (store.state(), mail.health()), &status, &metrics);
        let (adopt, reloads) = mpsc::channel(1);
        let (ask, asked) = mpsc::channel(1);
        let ask = self.file.is_some().then_some(ask);
        let journal = Journal::new(now);
        let (desk, counter) = Desk::new(&journal, Arc::clone(&self.rules));
        if let Some(file) = self.file {
            let hangups = signal(SignalKind::hangup()).map_err(Fault::Signals)?;
            let (running, worker, pipeline) = (Arc::clone(&self.rules), mail.clone(), adopt);
            let (metrics, status) = (Arc::clone(&metrics), Arc::clone(&status));
            let reloader = Reloader { clock, file, hangups, running, worker, pipeline, metrics, status };
            tasks.start("reloader", reloader.run(asked, stops.pipeline.clone()));
        }
        if let Some((listener, address, access)) = door {
            access.tell(address);
            let (metrics, status) = (Arc::clone(&metrics), Arc::clone(&status));
            let (outbox, followers) = (Outbox::new(self.data), Followers::default());
            let (reload, leaving, trials) = (ask, stops.web.clone(), Trials::new(mail.sender()));
            let (avatars, about) = (Avatars::new(self.avatars), about(now, self.dry_run, &mail));
            let web = Web {
                access,
                metrics,
                status,
                reload,
                desk,
                outbox,
                followers,
                avatars,
                trials,
                about,
                leaving,
            };
            tasks.start("web", serve(listener, web));
        }
        let cut_off = Arc::new(AtomicUsize::new(0));
        tasks.start("worker", run_worker(worker, stops.worker.clone(), Arc::clone(&cut_off)));
        let healths = mail.health();
        let (counted, stages) = (metrics.store.clone(), metrics.stages.clone());
        let (full, told) = (stages.clone(), traces.clone());
        tasks.start("committer", committer::run(to_commit, store.clone(), mail, clock, counted, full, told));
        tasks.start("census", census::run(clock, rest, to_ask, found));
        let publisher = Publisher::new(Arc::clone(&metrics), Arc::clone(&status), Arc::clone(&self.rules));
        let pipeline = Pipeline {
            clock,
            client,
            engine,
            commits,
            absent,
            unmonitored,
            healths,
            reloads,
            tap: self.tap,
            recorder,
            journal,
            counter,
            asked_at: None,
            publisher,
            stages,
            since: None,
            traces,
            traced: 0,
        };
        tasks.start("pipeline", pipeline.run(stops.pipeline.clone()));
        drop(store);
        tell_running(&self.rules);

        let fault = run_until(leave, tasks, &stops, grace, &status).await;
        // With the last handle gone the store's thread writes what it has and closes its file.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        fault.map_or(Ok(()), Err)?;
        tell_left(cut_off.load(Ordering::Relaxed));
        Ok(())
    }
}

/// To its socket, and to its REST side.
fn ways_to_lanyard(rules: &RuleSet, tls: rustls::ClientConfig, dice: u64) -> Result<(Client, Rest), Fault> {
    let client = Client::new(&rules.lanyard, tls.clone(), dice);
    let client = client.map_err(|error| Fault::Lanyard(error.to_string()))?;
    let rest = Rest::new(&rules.lanyard, tls).map_err(|error| Fault::Lanyard(error.to_string()))?;
    Ok((client, rest))
}

/// The engine, with the diary of those whom it is about.
fn start_engine(rules: Arc<RuleSet>, mut memory: Memory, now: Moment, seed: u64) -> Engine {
    let diary = Diary::recall(now, memory.diary.take());
    let mut engine = Engine::new(rules, memory, now, seed);
    engine.keep_diary(diary);
    engine
}

fn worker_settings(dry_run: bool, metrics: &Metrics, traces: Traces) -> WorkerSettings {
    let (counted, stages) = (metrics.outbox.clone(), metrics.stages.clone());
    WorkerSettings { dry_run, metrics: counted, stages, traces, ..WorkerSettings::default() }
}

/// Opens the way to whoever collects traces, if the build and the environment know one.
fn start_traces(tasks: &mut Tasks, clock: Clock, stops: &Stops) -> Result<Traces, Fault> {
    let opened = traces::bridge::open(clock, stops.traces.clone());
    let (traces, task) = opened.map_err(|error| Fault::Traces(error.to_string()))?;
    if let Some(task) = task {
        tasks.start("traces", task);
    }
    Ok(traces)
}

/// What the HTTP side tells of the bot, and what it follows.
fn about(now: Moment, dry_run: bool, worker: &WorkerHandle) -> About {
    About { started_ms: now.wall_ms, dry_run, healths: worker.health(), pending: worker.pending() }
}

/// Where to listen, if that is wanted, and who may see what over it.
async fn open_door(
    listen: &Listen,
    token: Option<Token>,
) -> Result<Option<(TcpListener, SocketAddr, Arc<Access>)>, Fault> {
    let Some(listener) = bind(listen).await? else { return Ok(None) };
    let address = listener.local_addr().map_err(|error| Fault::Http(error.to_string()))?;
    let access = Access::new(token, address, listen.host())?;
    Ok(Some((listener, address, Arc::new(access))))
}

fn start_recorder(reel: Option<&Reel>, rules: &RuleSet, clock: Clock) -> Result<Option<Recorder>, TapeError> {
    let start = |reel| Recorder::start(reel, rules, rules.for_everyone(), clock);
    reel.map(start).transpose()
}

/// What a dry run leaves behind may not be what its operator expects.
fn tell_dry_run(data: &Path) {
    let data = data.display();
    warn!(
        %data,
        "dry run: nothing is sent, each delivery is printed instead; cooldowns and dedupe keys are kept in the data \
         directory as if it had been: give a dry run one of its own"
    );
}

fn tell_running(rules: &RuleSet) {
    let (people, targets, rules) = (rules.people.len(), rules.targets.len(), rules.rules.len());
    info!(people, targets, rules, "running");
}

fn tell_left(cut_off: usize) {
    match cut_off {
        0 => info!("left in good order"),
        attempts => warn!(attempts, "left, with attempts cut off; what they were for is still owed"),
    }
}

/// Lets the tasks run until it is time to leave, or until one of them ends by itself; then ends them all.
async fn run_until(
    leave: CancellationToken,
    mut tasks: Tasks,
    stops: &Stops,
    grace: Duration,
    status: &Status,
) -> Option<Fault> {
    let broken = tokio::select! {
        () = leave.cancelled() => None,
        ended = tasks.next() => ended,
    };
    status.leaving();
    close(tasks, stops, grace, broken).await
}

/// Ends the tasks in the order of the flow. Returns what was wrong: with the task that ended by itself, if one
/// did, else with one that did not end as it should.
async fn close(mut tasks: Tasks, stops: &Stops, grace: Duration, broken: Option<Ended>) -> Option<Fault> {
    let first_fault = broken.map(|Ended { name, fault }| {
        let why = fault.unwrap_or_else(|| "ended before it was told to".to_owned());
        error!(task = name, why, "a part has ended; leaving");
        Fault::Task { name, why }
    });
    let mut ends = Vec::new();
    stops.pipeline.cancel();
    tasks.wait_for("pipeline", GRACE, &mut ends).await;
    tasks.wait_for("committer", GRACE, &mut ends).await;
    stops.worker.cancel();
    tasks.wait_for("worker", grace, &mut ends).await;
    stops.traces.cancel();
    tasks.wait_for("traces", GRACE, &mut ends).await;
    stops.web.cancel();
    tasks.wait_for("web", GRACE, &mut ends).await;
    first_fault.or_else(|| {
        ends.into_iter().find_map(|Ended { name, fault }| Some(Fault::Task { name, why: fault? }))
    })
}

#[derive(Default)]
struct Stops {
    pipeline: CancellationToken,
    worker: CancellationToken,
    traces: CancellationToken,
    web: CancellationToken,
}

/// Two numbers that nobody can foretell: the seed of ids, and of jitter.
fn chance() -> (u64, u64) {
    #[expect(clippy::disallowed_methods, reason = "wanted for its chance, not for its time")]
    let roll = || uuid::Uuid::now_v7().as_u64_pair().1;
    (roll(), roll())
}

async fn run_worker(
    worker: Worker,
    stop: CancellationToken,
    cut_off: Arc<AtomicUsize>,
) -> Result<(), String> {
    cut_off.store(worker.run(stop).await, Ordering::Relaxed);
    Ok(())
}

async fn serve(listener: TcpListener, web: Web) -> Result<(), String> {
    server::serve(listener, web, Limits::default()).await;
    Ok(())
}

/// Calls `tell` with each value, until `stop`.
async fn follow<T>(
    mut value: watch::Receiver<T>,
    stop: CancellationToken,
    mut tell: impl FnMut(&T),
) -> Result<(), String> {
    loop {
        tell(&value.borrow_and_update());
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = value.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// Has `/readyz` and the metrics told how the store and the targets do.
fn tell_parts(
    tasks: &mut Tasks,
    stops: &Stops,
    (store, targets): (watch::Receiver<StoreState>, watch::Receiver<Healths>),
    status: &Arc<Status>,
    metrics: &Arc<Metrics>,
) {
    let told_store = tell_store(Arc::clone(status), Arc::clone(metrics));
    tasks.start("store watch", follow(store, stops.web.clone(), told_store));
    let told_targets = tell_targets(Arc::clone(status), Arc::clone(metrics));
    tasks.start("target watch", follow(targets, stops.web.clone(), told_targets));
}

/// Whether the database can be written, for `/readyz`.
fn tell_store(status: Arc<Status>, metrics: Arc<Metrics>) -> impl FnMut(&StoreState) {
    move |state| {
        metrics.store.writable.set(i64::from(*state == StoreState::Writable));
        match state {
            StoreState::Writable => status.store_writable(),
            StoreState::Blocked { why } => status.store_broken(why.as_str()),
        }
    }
}

/// Which targets are disabled, for `/readyz`.
fn tell_targets(status: Arc<Status>, metrics: Arc<Metrics>) -> impl FnMut(&Healths) {
    move |targets| {
        for (target, health) in targets {
            metrics.outbox.disabled(target, matches!(health, Health::Disabled { .. }));
            match health {
                Health::Disabled { why, .. } => status.target_disabled(target, why.as_str()),
                _ => status.target_enabled(target),
            }
        }
    }
}
