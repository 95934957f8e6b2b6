//! Recording beside whatever else goes on: a thread of its own packs and writes, behind a bounded queue.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::{info, warn};

use super::line::{self, Header, Stamp, Stamper};
use super::tape::{Existing, Tape, TapeError};
use crate::clock::Clock;
use crate::lanyard::observation::Observation;
use crate::rarely::Spell;
use crate::rules::set::RuleSet;
use crate::time::Moment;

/// What can wait to be written, in lines and in bytes.
const QUEUED_LINES_MAX: usize = 8192;
const QUEUED_BYTES_MAX: u64 = 32 << 20;
/// A kill costs what came within this time at most.
const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// When the disk did not take something, it is tried again after this time.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Where to record, and what.
#[derive(Clone, Debug)]
pub struct Reel {
    pub path: PathBuf,
    pub existing: Existing,
    /// Of all files of the recording together.
    pub bytes_max: u64,
}

pub struct Recorder {
    lines: SyncSender<Job>,
    stamper: Stamper,
    shared: Arc<Shared>,
    /// Those that found the queue full, and have not been told of in the recording.
    missed: u64,
    thread: JoinHandle<()>,
}

struct Job {
    stamp: Stamp,
    line: String,
}

#[derive(Default)]
struct Shared {
    queued_bytes: AtomicU64,
    text_bytes: AtomicU64,
    file_bytes: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Before and after compression; of the present file only.
    pub text_bytes: u64,
    pub file_bytes: u64,
}

impl Recorder {
    /// Opens the file and starts the thread.
    pub fn start(reel: &Reel, rules: &RuleSet, everyone: bool, clock: Clock) -> Result<Self, TapeError> {
        let now = clock.now();
        let stamper = Stamper::new(now);
        let header = Header {
            stamp: stamper.stamp(now),
            begun_ms: now.wall_ms,
            part: 1,
            goes_on: false,
            people: rules.people.iter().map(|person| (person.key.clone(), person.id)).collect(),
            everyone,
        };
        let tape = Tape::open(&reel.path, reel.existing, reel.bytes_max, header.clone())?;
        let shared = Arc::new(Shared::default());
        let (lines, jobs) = sync_channel(QUEUED_LINES_MAX);
        let writer = Writer {
            clock,
            reel: reel.clone(),
            header,
            shared: Arc::clone(&shared),
            tape: Some(tape),
            lost: 0,
            flush_at: now.mono + FLUSH_EVERY,
            again_at: Duration::ZERO,
            trouble: Spell::default(),
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let thread = thread
            .spawn(move || writer.run(&jobs))
            .map_err(|error| TapeError::Io(reel.path.display().to_string(), error))?;
        Ok(Self { lines, stamper, shared, missed: 0, thread })
    }

    /// Records, and waits while the disk is behind.
    pub fn record(&self, now: Moment, observation: &Observation<'_>) {
        let stamp = self.stamper.stamp(now);
        let line = line::observed(stamp, observation);
        self.shared.queued_bytes.fetch_add(line.len() as u64, Ordering::Relaxed);
        // Whoever asks how it goes is told of a thread that is gone.
        let _ = self.lines.send(Job { stamp, line });
    }

    /// Records if there is room, and never waits. What was missed is counted in the recording.
    pub fn offer(&mut self, now: Moment, observation: &Observation<'_>) {
        let stamp = self.stamper.stamp(now);
        if self.shared.queued_bytes.load(Ordering::Relaxed) > QUEUED_BYTES_MAX {
            self.missed += 1;
            return;
        }
        if self.missed > 0 && self.put(stamp, line::missed(stamp, self.missed)) {
            self.missed = 0;
        }
        if self.missed > 0 || !self.put(stamp, line::observed(stamp, observation)) {
            self.missed += 1;
        }
    }

    fn put(&self, stamp: Stamp, line: String) -> bool {
        let bytes = line.len() as u64;
        self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.lines.try_send(Job { stamp, line }) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                false
            }
        }
    }

    pub fn progress(&self) -> Progress {
        Progress {
            text_bytes: self.shared.text_bytes.load(Ordering::Relaxed),
            file_bytes: self.shared.file_bytes.load(Ordering::Relaxed),
        }
    }

    /// Why nothing can be written, if nothing can.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// Writes what is queued, and closes the file. May take as long as the disk does.
    pub fn finish(self, now: Moment) -> Result<Progress, String> {
        let stamp = self.stamper.stamp(now);
        let _ = self.lines.send(Job { stamp, line: line::ended(stamp) });
        drop(self.lines);
        let _ = self.thread.join();
        match self.shared.trouble() {
            Some(why) => Err(why),
            None => Ok(Progress {
                text_bytes: self.shared.text_bytes.load(Ordering::Relaxed),
                file_bytes: self.shared.file_bytes.load(Ordering::Relaxed),
            }),
        }
    }
}

impl Shared {
    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// The thread's side.
struct Writer {
    clock: Clock,
    reel: Reel,
    header: Header,
    shared: Arc<Shared>,
    /// None while the disk takes nothing.
    tape: Option<Tape>,
    /// What came meanwhile.
    lost: u64,
    flush_at: Duration,
    again_at: Duration,
    /// What the log is told of a disk that takes nothing.
    trouble: Spell,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let job = jobs.recv_timeout(FLUSH_EVERY);
            let now = self.clock.now().mono;
            match job {
                Ok(job) => {
                    self.shared.queued_bytes.fetch_sub(job.line.len() as u64, Ordering::Relaxed);
                    self.take(now, &job);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if now >= self.flush_at {
                self.flush_at = now + FLUSH_EVERY;
                let flushed = self.tape.as_mut().map_or(Ok(()), Tape::flush);
                self.heed(now, flushed);
            }
        }
        let finished = self.tape.take().map_or(Ok(()), Tape::finish);
        if let Err(error) = finished {
            self.shared.set_trouble(Some(error.to_string()));
        }
    }

    fn take(&mut self, now: Duration, job: &Job) {
        if self.tape.is_none() && now >= self.again_at {
            self.begin_again(now, job.stamp);
        }
        let Some(tape) = &mut self.tape else {
            self.lost += 1;
            return;
        };
        let written = tape.push(job.stamp, &job.line);
        self.heed(now, written);
    }

    /// Notes how long the file is, or that the disk took nothing.
    fn heed(&mut self, now: Duration, written: std::io::Result<()>) {
        match (written, &self.tape) {
            (Ok(()), Some(tape)) => {
                let (text_bytes, file_bytes) = tape.bytes();
                self.shared.text_bytes.store(text_bytes, Ordering::Relaxed);
                self.shared.file_bytes.store(file_bytes, Ordering::Relaxed);
            }
            (Err(error), _) => {
                if let Some(more) = self.trouble.is_so(now) {
                    warn!(file = %self.reel.path.display(), %error, more, "the recording cannot be written; tried again every minute");
                }
                self.shared.set_trouble(Some(error.to_string()));
                self.tape = None;
                self.lost += 1;
                self.again_at = now + TRY_AGAIN_AFTER;
            }
            (Ok(()), None) => {}
        }
    }

    fn begin_again(&mut self, now: Duration, stamp: Stamp) {
        self.header.stamp = stamp;
        let opened = Tape::open(&self.reel.path, Existing::Append, self.reel.bytes_max, self.header.clone());
        let Ok(mut tape) = opened else {
            self.again_at = now + TRY_AGAIN_AFTER;
            return;
        };
        if self.trouble.is_over() {
            info!(file = %self.reel.path.display(), missed = self.lost, "the recording can be written again");
        }
        self.shared.set_trouble(None);
        let told = tape.push(stamp, &line::missed(stamp, std::mem::take(&mut self.lost)));
        self.tape = Some(tape);
        self.heed(now, told);
    }
}
