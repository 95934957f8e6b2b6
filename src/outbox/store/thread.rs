//! The thread that owns the database: gathers what waits, writes it in one transaction, then answers.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tracing::{error, info, warn};

use super::error::StoreError;
use super::handle::{Command, Nudge, Read, StoreState, Wires, Write, Written};
use super::place::{Lock, Seen};
use super::{fallbacks, rows};
use crate::clock::Clock;
use crate::outbox::delivery::{Fate, FellBack, Owed};
use crate::rarely::{Rarely, Spell};
use crate::time::Backoff;

/// No more rows than this go into one transaction by gathering; a single commit may hold more.
const GATHERED_ROWS_MAX: u32 = 4_096;
/// Between tries while the database cannot be written.
const BLOCKED: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(10) };
/// Settled rows are kept this long, and of each state no more than this many.
const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
const KEPT_ROWS_MAX: u64 = 10_000;
/// Pruning waits until this many rows are too many: one pass instead of a delete beside each insert.
const PRUNED_ROWS_MIN: u64 = 500;
/// How often age is looked at, at most; it happens along with a write.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

pub struct Thread {
    path: PathBuf,
    db: Connection,
    /// The database's file.
    seen: Seen,
    /// The directory is ours while this lives; it goes after the database is closed.
    lock: Lock,
    clock: Clock,
    wires: Wires,
    /// What could not be written yet, or waits for its transaction.
    held: Vec<Write>,
    blocked: Option<Blocked>,
    /// What the log is told of that, and of a database that cannot be looked at.
    trouble: Spell,
    unseen: Rarely,
    next_seq: i64,
    history: History,
    data_version: i64,
}

struct Blocked {
    failures: u32,
    until: Duration,
}

/// How much is settled, by state, so that pruning need not count.
#[derive(Clone, Copy)]
struct History {
    counts: [u64; rows::SETTLED.len()],
    pruned: Option<Duration>,
}

/// What one write of a transaction has found.
#[derive(Default)]
struct Found {
    /// The number of its first delivery.
    first_seq: i64,
    fell_back: Vec<FellBack>,
    nudges: Vec<Nudge>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inbox {
    Open,
    Closed,
}

impl Thread {
    pub fn new(
        path: PathBuf,
        db: Connection,
        lock: Lock,
        clock: Clock,
        wires: Wires,
    ) -> Result<Self, StoreError> {
        let failed = |error: rusqlite::Error| StoreError::sqlite(&path, &error);
        let seen = Seen::new(&path)?;
        let next_seq = rows::next_seq(&db).map_err(failed)?;
        let history = History { counts: count_history(&db).map_err(failed)?, pruned: None };
        let data_version = data_version(&db).map_err(failed)?;
        let held = Vec::new();
        Ok(Self {
            path,
            db,
            seen,
            lock,
            clock,
            wires,
            held,
            blocked: None,
            trouble: Spell::default(),
            unseen: Rarely::default(),
            next_seq,
            history,
            data_version,
        })
    }

    pub fn run(mut self) {
        while self.turn() == Inbox::Open {}
        if !self.held.is_empty() {
            error!(commands = self.held.len(), "the store ends with writes that the disk did not take");
        }
        // A small file, complete in itself, is a kindness to whoever makes a copy of it.
        let _ = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Waits for commands and does what they say.
    fn turn(&mut self) -> Inbox {
        let mut reads = Vec::new();
        let inbox = self.gather(&mut reads);
        let due = self.blocked.as_ref().map(|blocked| blocked.until <= self.clock.now().mono);
        if !self.held.is_empty() {
            if due.unwrap_or(true) || inbox == Inbox::Closed {
                self.write_held();
            }
        } else if due == Some(true) {
            self.look_beside();
        }
        for read in reads {
            self.read(read);
        }
        inbox
    }

    /// Waits for a first command, then takes what else is there, up to a bound. Without any, and with nothing to
    /// be tried again, it waits for ever.
    fn gather(&mut self, reads: &mut Vec<Read>) -> Inbox {
        let first = match &self.blocked {
            None => self.wires.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(Blocked { until, .. }) => {
                self.wires.commands.recv_timeout(until.saturating_sub(self.clock.now().mono))
            }
        };
        let mut next = match first {
            Ok(command) => command,
            Err(RecvTimeoutError::Timeout) => return Inbox::Open,
            Err(RecvTimeoutError::Disconnected) => return Inbox::Closed,
        };
        let mut rows: u32 = 0;
        loop {
            match next {
                Command::Write(write) => {
                    rows += write.rows;
                    self.held.push(write);
                }
                Command::Read(read) => reads.push(read),
            }
            if rows >= GATHERED_ROWS_MAX {
                return Inbox::Open;
            }
            next = match self.wires.commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return Inbox::Open,
                Err(TryRecvError::Disconnected) => return Inbox::Closed,
            };
        }
    }

    /// Writes everything that is held, in one transaction, and answers; or notes why not, and keeps it.
    fn write_held(&mut self) {
        if !self.in_place() {
            return self.note_blocked(&StoreError::Gone(self.path.clone()));
        }
        let mut written = self.transact();
        if written.as_ref().is_err_and(is_full) && self.make_room() {
            written = self.transact();
        }
        match written {
            Ok((found, next_seq)) => {
                self.next_seq = next_seq;
                self.note_writable();
                for (write, found) in self.held.drain(..).zip(found) {
                    answer(write, found);
                }
            }
            Err(error) => self.note_blocked(&StoreError::sqlite(&self.path, &error)),
        }
    }

    /// Whether what we write can be found by its name. What cannot would be lost with us, and meanwhile another
    /// process may begin afresh and ring everything once more.
    fn in_place(&self) -> bool {
        self.lock.holds() && self.seen.is_there()
    }

    /// Puts the write-ahead log away, whose space is perhaps all that is missing.
    fn make_room(&self) -> bool {
        let busy = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        busy.is_ok_and(|busy| busy == 0)
    }

    fn note_writable(&mut self) {
        if self.blocked.take().is_some() {
            if self.trouble.is_over() {
                info!("the outbox can be written again");
            }
            self.wires.state.send_replace(StoreState::Writable);
        }
    }

    /// One transaction with all of `held` in it. Returns for each what it found, and the number of the delivery
    /// after these; changes our own numbers only if it was committed.
    fn transact(&mut self) -> rusqlite::Result<(Vec<Found>, i64)> {
        let now = self.clock.now();
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut history = self.history;
        let mut seq = self.next_seq;
        let mut answers = Vec::with_capacity(self.held.len());
        for write in &self.held {
            let mut found = Found { first_seq: seq, ..Found::default() };
            match &write.what {
                Written::Commit(commit, _) => {
                    rows::write_commit(&transaction, commit, seq)?;
                    seq += commit.deliveries.len() as i64;
                }
                Written::Settle(settled, _) => {
                    for settled in settled {
                        if rows::write_settled(&transaction, settled)? {
                            history.count(settled.fate);
                            let fell_back = fallbacks::fall_back(&transaction, settled, seq)?;
                            seq += i64::from(fell_back.is_some());
                            found.fell_back.extend(fell_back);
                        }
                    }
                }
                Written::TakeNudges(_) => {
                    for seq in rows::take_nudges(&transaction)? {
                        let row = rows::pending_one(&transaction, seq)?;
                        found.nudges.push(row.map_or(Nudge::Gone(seq), Nudge::Retry));
                    }
                    history.counts = count_history(&transaction)?;
                }
            }
            answers.push(found);
        }
        history.prune(&transaction, now.mono, now.wall_ms)?;
        transaction.commit()?;
        self.history = history;
        Ok((answers, seq))
    }

    fn note_blocked(&mut self, error: &StoreError) {
        let why = error.to_string();
        let failures = self.blocked.as_ref().map_or(0, |blocked| blocked.failures).saturating_add(1);
        if let Some(more) = self.trouble.is_so(self.clock.now().mono) {
            error!(%why, more, "the outbox cannot be written: nothing is lost, but everything waits");
        }
        // Should the disk have taken it all the same, its numbers are not ours to give again.
        self.next_seq = rows::next_seq(&self.db).map_or(self.next_seq, |seq| seq.max(self.next_seq));
        // Alone in its process, this thread needs no jitter.
        let until = self.clock.now().mono + BLOCKED.wait(failures, 1.0);
        self.blocked = Some(Blocked { failures, until });
        self.wires.state.send_if_modified(|state| {
            let blocked = StoreState::Blocked { why };
            let changed = *state != blocked;
            *state = blocked;
            changed
        });
    }

    /// Whoever asked may have gone meanwhile; then nobody hears the answer.
    fn read(&mut self, read: Read) {
        let failed = |error: rusqlite::Error| StoreError::sqlite(&self.path, &error);
        match read {
            Read::Load(answer) => {
                let _ = answer.send(rows::memory(&self.db, self.clock.now().wall_ms).map_err(failed));
            }
            Read::Pending { target, after, limit, answer } => {
                let _ = answer.send(rows::pending(&self.db, &target, after, limit).map_err(failed));
            }
            Read::Waiting(answer) => {
                let _ = answer.send(rows::waiting(&self.db).map_err(failed));
            }
            Read::Beside => self.look_beside(),
        }
    }

    /// Looks whether the directory is still there, and whether somebody else has written into the database.
    fn look_beside(&mut self) {
        if !self.in_place() {
            return self.note_blocked(&StoreError::Gone(self.path.clone()));
        }
        if self.held.is_empty() {
            self.note_writable();
        }
        match data_version(&self.db) {
            Ok(version) if version != self.data_version => {
                self.data_version = version;
                self.wires.nudged.send_replace(());
            }
            Ok(_) => {}
            Err(error) => {
                if let Some(more) = self.unseen.tell(self.clock.now().mono) {
                    warn!(%error, more, "the outbox cannot be looked at");
                }
            }
        }
    }
}

/// Answers one write that has become durable.
fn answer(write: Write, found: Found) {
    match write.what {
        Written::Commit(commit, answer) => {
            let numbered = (found.first_seq..).zip(commit.deliveries);
            let owed = numbered.map(|(seq, delivery)| Owed { seq, delivery, attempts: 0, next_ms: 0 });
            let _ = answer.send(owed.collect());
        }
        Written::Settle(_, answer) => {
            let _ = answer.send(found.fell_back);
        }
        Written::TakeNudges(answer) => {
            let _ = answer.send(found.nudges);
        }
    }
    drop(write.room);
}

impl History {
    fn count(&mut self, fate: Fate) {
        if let Some(at) = rows::SETTLED.iter().position(|&settled| settled == fate) {
            self.counts[at] += 1;
        }
    }

    fn prune(&mut self, db: &rusqlite::Transaction<'_>, now: Duration, now_ms: i64) -> rusqlite::Result<()> {
        let aged = self.pruned.is_none_or(|last| now >= last + PRUNE_EVERY);
        for (count, fate) in self.counts.iter_mut().zip(rows::SETTLED) {
            if aged {
                *count = count.saturating_sub(rows::prune_old(db, fate, now_ms - KEPT_MS)? as u64);
            }
            if *count >= KEPT_ROWS_MAX + PRUNED_ROWS_MIN {
                *count -= rows::prune_surplus(db, fate, *count - KEPT_ROWS_MAX)? as u64;
            }
        }
        if aged {
            rows::prune_marks(db, now_ms)?;
            self.pruned = Some(now);
        }
        Ok(())
    }
}

fn count_history(db: &Connection) -> rusqlite::Result<[u64; rows::SETTLED.len()]> {
    let mut counts = [0; rows::SETTLED.len()];
    for (count, fate) in counts.iter_mut().zip(rows::SETTLED) {
        *count = rows::settled_count(db, fate)?;
    }
    Ok(counts)
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// Changes when another connection has written.
fn data_version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA data_version", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::handle::{Durability, StoreHandle};
    use super::super::{place, schema};
    use super::*;
    use crate::outbox::delivery::{Commit, Delivery, DeliveryId, Parts};

    fn thread(dir: &TempDir) -> (StoreHandle, Thread) {
        let lock = place::take(dir.path()).unwrap();
        let path = place::database(dir.path());
        let db = schema::open(&path, Durability::Full).unwrap();
        let (handle, wires) = StoreHandle::wired();
        (handle, Thread::new(path, db, lock, Clock::start(), wires).unwrap())
    }

    /// A commit that needs some pages.
    fn large() -> Commit {
        let text = "x".repeat(20_000);
        let delivery = Delivery {
            id: DeliveryId::nil(),
            target: "api".into(),
            rule: "r".into(),
            person: None,
            called: None,
            cause: None,
            parts: Parts::from_iter([("text".to_owned(), text.into())]),
            created_ms: 0,
            expires_ms: i64::MAX,
            fallbacks: Vec::new(),
            origin: None,
        };
        Commit { deliveries: vec![delivery; 10], ..Commit::default() }
    }

    #[tokio::test]
    async fn a_full_disk_blocks_and_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut thread) = thread(&dir);
        let pages = |db: &Connection, pages: i64| {
            db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
        };
        let page_count: i64 = thread.db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        pages(&thread.db, page_count + 3);
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let store = store.clone();
            asked.spawn(async move { store.commit(large()).await.unwrap() });
        }
        tokio::task::yield_now().await;
        thread.turn();
        let state = store.state();
        let full = format!("the disk that holds `{}` is full", place::database(dir.path()).display());
        assert_eq!(*state.borrow(), StoreState::Blocked { why: full });
        assert_eq!(rows::next_seq(&thread.db).unwrap(), 1, "nothing of it is there");

        // Reading goes on meanwhile.
        let mut read = tokio::task::JoinSet::new();
        let reader = store.clone();
        read.spawn(async move { reader.waiting().await.unwrap() });
        tokio::task::yield_now().await;
        thread.turn();
        assert_eq!(read.join_all().await, [[]]);

        pages(&thread.db, 100_000);
        while thread.blocked.is_some() {
            thread.turn();
        }
        assert_eq!(*state.borrow(), StoreState::Writable);
        let mut seqs: Vec<_> = asked.join_all().await.into_iter().flatten().map(|owed| owed.seq).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn while_it_is_blocked_those_who_bring_more_have_to_wait() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut thread) = thread(&dir);
        thread.db.pragma_update(None, "query_only", true).unwrap();
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let store = store.clone();
            let commit =
                Commit { forgotten: vec![crate::presence::model::UserId(1); 1_000], ..Commit::default() };
            asked.spawn(async move { store.commit(commit).await.unwrap() });
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        for _ in 0..6 {
            thread.turn();
        }
        let rows: u32 = thread.held.iter().map(|write| write.rows).sum();
        assert_eq!(rows, 16_000, "no more than the bound is held");
        assert!(matches!(&*store.state().borrow(), StoreState::Blocked { why } if why.contains("read-only")));
        thread.db.pragma_update(None, "query_only", false).unwrap();
        while !asked.is_empty() {
            thread.turn();
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            while asked.try_join_next().is_some() {}
        }
        assert!(thread.held.is_empty());
    }
}
