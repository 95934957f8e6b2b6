//! The way to the worker: what is owed is handed over to it, and so are other targets; how it does can be followed.

use std::path::Path;

use tokio::sync::{mpsc, watch};

use super::Targets;
use crate::outbox::delivery::Owed;
use crate::outbox::health::Healths;
use crate::outbox::pending::Counts;
use crate::outbox::sender::{Sender, SenderError};

/// Hand-overs that may wait for the worker; the pipeline waits with the next.
pub(super) const MAIL_MAX: usize = 64;

/// A way to the worker.
#[derive(Clone)]
pub struct WorkerHandle {
    pub(super) mail: mpsc::Sender<Mail>,
    pub(super) healths: watch::Receiver<Healths>,
    pub(super) pending: watch::Receiver<Counts>,
    pub(super) sender: Sender,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the outbox worker has ended")]
    Gone,
    #[error(transparent)]
    Sender(#[from] SenderError),
}

/// What is handed over.
pub(super) enum Mail {
    Owed(Vec<Owed>),
    Targets(Targets, Sender),
}

impl WorkerHandle {
    /// Whether the next hand-over has to wait.
    pub fn is_full(&self) -> bool {
        self.mail.capacity() == 0
    }

    /// Hands over what commits returned, in the order of the commits. Waits while the worker has its hands full.
    pub async fn deliver(&self, owed: Vec<Owed>) -> Result<(), WorkerError> {
        self.mail.send(Mail::Owed(owed)).await.map_err(|_| WorkerError::Gone)
    }

    /// Puts other targets in place of the present ones; disabled ones get another chance. If a CA file cannot
    /// be read nothing changes.
    pub async fn retarget(&self, targets: Targets) -> Result<(), WorkerError> {
        let sender = self.sender.trusting(cas(&targets))?;
        self.mail.send(Mail::Targets(targets, sender)).await.map_err(|_| WorkerError::Gone)
    }

    /// One that sends as the worker does, but to private CAs.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// How each target does, by name; those that have not been used are missing.
    pub fn health(&self) -> watch::Receiver<Healths> {
        self.healths.clone()
    }

    /// How much is owed to each target, by name; changes whenever something in the outbox has moved.
    pub fn pending(&self) -> watch::Receiver<Counts> {
        self.pending.clone()
    }
}

/// The files of private CAs that targets name.
pub(super) fn cas(targets: &Targets) -> impl Iterator<Item = &Path> {
    targets.values().filter_map(|target| target.delivery_settings().ca.as_deref())
}
