//! Other rules without a restart: on SIGHUP, when the file changes, on `POST /-/reload`.
//!
//! Everything that can fail comes first. A file that cannot be taken changes nothing, and is told in the log,
//! in `/readyz` and in the metrics.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock::Clock;
use crate::file_watch::{self, FileWatch};
use crate::logging;
use crate::metrics::Metrics;
use crate::outbox::worker::handle::WorkerHandle;
use crate::printable::count;
use crate::rehearsal::report::Report;
use crate::rules::compile::Loaded;
use crate::rules::diagnostic::Findings;
use crate::rules::file;
use crate::rules::set::RuleSet;
use crate::web::server::Asked;
use crate::web::status::{Loaded as InForce, Status};

/// A file that is still being written is left alone until it has been the same for so long.
const AT_REST: Duration = Duration::from_millis(250);

/// The rules file, as it was when it was about to be read.
pub struct RulesFile {
    path: PathBuf,
    stamp: Stamp,
    /// Its own tests must pass, or it is not taken.
    tests_required: bool,
    /// What the log was told of one that was not taken, until one is.
    told: Option<String>,
}

impl RulesFile {
    /// Call it before the file is read: what changes from then on is read again.
    pub fn about_to_be_read(path: PathBuf) -> Self {
        let stamp = Stamp::of(std::fs::metadata(&path).ok());
        Self { path, stamp, tests_required: false, told: None }
    }

    /// Whether a file whose tests fail is refused.
    #[must_use]
    pub fn requiring_tests(self, tests_required: bool) -> Self {
        Self { tests_required, ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

pub struct Reloader {
    pub clock: Clock,
    pub file: RulesFile,
    /// SIGHUP.
    pub hangups: Signal,
    pub running: Arc<RuleSet>,
    pub worker: WorkerHandle,
    pub pipeline: mpsc::Sender<Arc<RuleSet>>,
    pub metrics: Arc<Metrics>,
    pub status: Arc<Status>,
}

/// Why a file was not taken.
enum Refused {
    Mistakes(Findings),
    /// Its tests fail: in one sentence, and what happened in them.
    Tests {
        short: String,
        long: String,
    },
    /// These settings only count at a start.
    NeedsRestart(Vec<&'static str>),
    Other(String),
}

impl Reloader {
    /// Watches until `leave`. Where the file may have changed, only what its folder says of it is looked at: so
    /// a file that an editor replaces and a symlink that Kubernetes turns are both noticed.
    pub async fn run(
        mut self,
        mut asked: mpsc::Receiver<Asked>,
        leave: CancellationToken,
    ) -> Result<(), String> {
        let mut watch = FileWatch::new();
        let mut taken = self.file.stamp;
        let mut moving = None;
        // At once, since it may have changed before it is watched.
        let (mut look_at, mut stirred) = (self.clock.now().mono, true);
        let mut looked = Duration::ZERO;
        loop {
            tokio::select! {
                () = leave.cancelled() => return Ok(()),
                Some(Asked(answer)) = asked.recv() => {
                    taken = self.stamp().await;
                    // Whoever asked may have left.
                    let _ = answer.send(self.reload("asked for").await);
                }
                Some(()) = self.hangups.recv() => {
                    taken = self.stamp().await;
                    // The log has told it.
                    let _ = self.reload("SIGHUP").await;
                }
                () = watch.stirred(), if !stirred => {
                    stirred = true;
                    look_at = look_at.min(looked + AT_REST);
                }
                () = self.clock.sleep_until(look_at) => {
                    let stamp;
                    (watch, stamp) = self.look(watch).await?;
                    if stamp == taken {
                        moving = None;
                    } else if moving == Some(stamp) {
                        (taken, moving) = (stamp, None);
                        let _ = self.reload("the file has changed").await;
                    } else {
                        moving = Some(stamp);
                    }
                    looked = self.clock.now().mono;
                    stirred = moving.is_some();
                    look_at = looked + if stirred { AT_REST } else { watch.patience() };
                }
            }
        }
    }

    async fn reload(&mut self, why: &'static str) -> Result<String, String> {
        let file = self.file.path.display().to_string();
        let refused = match self.take().await {
            Ok(said) => {
                info!(%file, why, rules = said, "rules read again");
                self.file.told = None;
                self.metrics.rules.loaded(true);
                return Ok(said);
            }
            Err(refused) => refused,
        };
        self.metrics.rules.loaded(false);
        let (short, long) = match refused {
            Refused::Mistakes(findings) => {
                let long = findings.render(false);
                if self.file.told.as_ref() != Some(&long) {
                    logging::tell_findings(&findings);
                }
                (findings.summary(), long)
            }
            Refused::Tests { short, long } => {
                let said = format!("{short}\n\n{long}");
                (short, said)
            }
            Refused::NeedsRestart(settings) => {
                let names = settings.join(", ");
                let said = format!("`{names}` only counts at a start: restart to change it");
                (said.clone(), said)
            }
            Refused::Other(said) => (said.clone(), said),
        };
        let again = if self.file.told.as_ref() == Some(&long) { "still " } else { "" };
        error!(%file, why, problem = short, "the rules file was {again}not taken; the rules before it go on");
        self.file.told = Some(long.clone());
        self.status.rules_refused(short);
        Err(long)
    }

    /// Reads the file; if it is good, hands it to all who work with it. Returns what is in it.
    async fn take(&mut self) -> Result<String, Refused> {
        let (path, tests_required) = (self.file.path.clone(), self.file.tests_required);
        let (rules, warnings) = tokio::task::spawn_blocking(move || load(&path, tests_required))
            .await
            .map_err(|error| Refused::Other(format!("the rules file could not be read: {error}")))??;
        let restart = rules.lanyard.needs_restart(&self.running.lanyard);
        if !restart.is_empty() {
            return Err(Refused::NeedsRestart(restart));
        }
        logging::tell_findings(&warnings);
        // The targets come first: by the time that something is owed to a new one, the worker knows it.
        self.worker
            .retarget(rules.targets.clone())
            .await
            .map_err(|error| Refused::Other(error.to_string()))?;
        let gone = "the pipeline has ended";
        self.pipeline.send(Arc::clone(&rules)).await.map_err(|_| Refused::Other(gone.to_owned()))?;
        count_rules(&rules, &self.metrics, &self.status);
        let said = format!(
            "{}, {}, {}",
            count(rules.people.len(), "person", "people"),
            count(rules.targets.len(), "target", "targets"),
            count(rules.rules.len(), "rule", "rules"),
        );
        self.running = rules;
        Ok(said)
    }

    /// Watches the file wherever it is by now, then looks at it: what happens later stirs.
    async fn look(&self, mut watch: FileWatch) -> Result<(FileWatch, Stamp), String> {
        let path = self.file.path.clone();
        let look = move || {
            watch.over(file_watch::way_to(&path));
            (watch, Stamp::of(std::fs::metadata(&path).ok()))
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.map_err(|error| format!("the rules file could not be looked at: {error}"))
    }

    async fn stamp(&self) -> Stamp {
        Stamp::of(tokio::fs::metadata(&self.file.path).await.ok())
    }
}

/// Reads the file and, if they must pass, plays its tests.
fn load(path: &Path, tests_required: bool) -> Result<(Arc<RuleSet>, Findings), Refused> {
    let Loaded { set, stories, warnings } = file::load(path).map_err(Refused::Mistakes)?;
    let rules = Arc::new(set);
    if tests_required {
        let report = Report::play(&rules, &stories, |_, _| {});
        if let Some(short) = report.sentence() {
            return Err(Refused::Tests { short, long: report.text() });
        }
    }
    Ok((rules, warnings))
}

/// Tells the metrics and `/readyz` what rules are in force.
pub fn count_rules(rules: &RuleSet, metrics: &Metrics, status: &Status) {
    let loaded =
        InForce { people: rules.people.len(), targets: rules.targets.len(), rules: rules.rules.len() };
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    metrics.rules.people.set(number(loaded.people));
    metrics.rules.targets.set(number(loaded.targets));
    metrics.rules.rules.set(number(loaded.rules));
    status.rules(loaded);
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(Option<(u64, u64, Option<SystemTime>, u64)>);

impl Stamp {
    fn of(metadata: Option<std::fs::Metadata>) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.map(|file| (file.dev(), file.ino(), file.modified().ok(), file.len())))
    }
}
