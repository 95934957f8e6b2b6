//! How the rest of the program talks to the store's thread.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::error::StoreError;
use super::rows::{Page, Waiting};
use super::thread::Thread;
use super::{place, schema};
use crate::clock::Clock;
use crate::outbox::delivery::{Commit, FellBack, Memory, Owed, Settled};

/// How many rows may wait for the thread; whoever brings more waits himself.
const WAITING_ROWS_MAX: u32 = 16_384;

/// Opens the outbox in the data directory `dir`, which is made if its parent is there, and starts the
/// store's thread. The directory belongs to this process until the thread has ended.
pub fn open(
    dir: &Path,
    durability: Durability,
    clock: Clock,
) -> Result<(StoreHandle, StoreThread), StoreError> {
    let lock = place::take(dir)?;
    let path = place::database(dir);
    let db = schema::open(&path, durability)?;
    let (handle, wires) = StoreHandle::wired();
    let thread = Thread::new(path.clone(), db, lock, clock, wires)?;
    let thread = std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || thread.run())
        .map_err(|error| StoreError::io(&path, &error))?;
    Ok((handle, StoreThread { thread }))
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut.
    #[default]
    Full,
    /// A kill; a power cut may take the last seconds with it. For SD cards.
    Normal,
}

/// A way to the store's thread; the thread ends when the last one is gone.
#[derive(Clone)]
pub struct StoreHandle {
    inbox: mpsc::Sender<Command>,
    room: Arc<Semaphore>,
    state: watch::Receiver<StoreState>,
    nudged: watch::Receiver<()>,
}

/// The store's thread, to be waited for at the end.
pub struct StoreThread {
    thread: JoinHandle<()>,
}

/// Whether the store can write, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    Writable,
    /// Nothing is lost: what was asked is kept and tried again.
    Blocked {
        why: String,
    },
}

/// What an `outbox` command did to a row beside us.
#[derive(Clone, Debug, PartialEq)]
pub enum Nudge {
    /// Owed again, and wanted at once.
    Retry(Owed),
    /// Not owed any more.
    Gone(i64),
}

/// The thread's ends of a handle.
pub(super) struct Wires {
    pub commands: mpsc::Receiver<Command>,
    pub state: watch::Sender<StoreState>,
    pub nudged: watch::Sender<()>,
}

pub(super) enum Command {
    Write(Write),
    Read(Read),
}

/// What goes into the next transaction. The permit is the room that it takes until it is answered.
pub(super) struct Write {
    pub what: Written,
    pub rows: u32,
    pub room: OwnedSemaphorePermit,
}

pub(super) enum Written {
    Commit(Box<Commit>, oneshot::Sender<Vec<Owed>>),
    Settle(Vec<Settled>, oneshot::Sender<Vec<FellBack>>),
    TakeNudges(oneshot::Sender<Vec<Nudge>>),
}

pub(super) enum Read {
    Load(Answer<Memory>),
    Pending {
        target: Arc<str>,
        after: i64,
        limit: usize,
        answer: Answer<Page>,
    },
    Waiting(Answer<Vec<Waiting>>),
    /// The directory may have changed.
    Beside,
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

impl StoreHandle {
    pub(super) fn wired() -> (Self, Wires) {
        let (inbox, commands) = mpsc::channel();
        let (state, state_seen) = watch::channel(StoreState::Writable);
        let (nudged, nudged_seen) = watch::channel(());
        let room = Arc::new(Semaphore::new(WAITING_ROWS_MAX as usize));
        let handle = Self { inbox, room, state: state_seen, nudged: nudged_seen };
        (handle, Wires { commands, state, nudged })
    }

    /// What the last run left behind.
    pub async fn load(&self) -> Result<Memory, StoreError> {
        self.read(Read::Load).await
    }

    /// Writes all of it or nothing, and returns when it is durable, with the deliveries as they are now owed,
    /// in their order. While the disk is full or read-only this waits: that is the brake.
    pub async fn commit(&self, commit: Commit) -> Result<Vec<Owed>, StoreError> {
        let rows = commit.rows();
        self.write(rows, |answer| Written::Commit(Box::new(commit), answer)).await
    }

    /// Writes down what became of attempts; returns when it is durable, with the deliveries that took over from
    /// those that were not taken. They are owed now, and nobody else is told of them.
    pub async fn settle(&self, settled: Vec<Settled>) -> Result<Vec<FellBack>, StoreError> {
        self.write(settled.len(), |answer| Written::Settle(settled, answer)).await
    }

    /// The first `limit` deliveries that a target is owed after the one numbered `after`, in their order.
    pub async fn pending(&self, target: Arc<str>, after: i64, limit: usize) -> Result<Page, StoreError> {
        self.read(|answer| Read::Pending { target, after, limit, answer }).await
    }

    /// What waits, by target.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read(Read::Waiting).await
    }

    /// Whether the store can write.
    pub fn state(&self) -> watch::Receiver<StoreState> {
        self.state.clone()
    }

    /// The directory may have changed: the thread looks whether it is in place, and whether an `outbox` command
    /// has been at work.
    pub(super) fn look_beside(&self) -> Result<(), StoreError> {
        self.inbox.send(Command::Read(Read::Beside)).map_err(|_| StoreError::Closed)
    }

    /// Changes when an `outbox` command has left nudges; `beside` notices.
    pub fn nudged(&self) -> watch::Receiver<()> {
        self.nudged.clone()
    }

    /// What `outbox` commands did since the last call.
    pub async fn take_nudges(&self) -> Result<Vec<Nudge>, StoreError> {
        self.write(1, Written::TakeNudges).await
    }

    async fn write<T>(
        &self,
        rows: usize,
        what: impl FnOnce(oneshot::Sender<T>) -> Written,
    ) -> Result<T, StoreError> {
        let rows = u32::try_from(rows).unwrap_or(WAITING_ROWS_MAX).clamp(1, WAITING_ROWS_MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(rows).await.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let write = Write { what: what(answer), rows, room };
        self.inbox.send(Command::Write(write)).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)
    }

    async fn read<T>(&self, what: impl FnOnce(Answer<T>) -> Read) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(Command::Read(what(answer))).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl StoreThread {
    /// Waits until everything is written and the files are closed. Drop every handle first.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the store's thread ended in a panic");
        }
    }
}
