//! Why the bot could not start, or had to stop.

use crate::outbox::store::error::StoreError;
use crate::outbox::worker::handle::WorkerError;
use crate::recording::tape::TapeError;
use crate::web::listen::ListenError;
use crate::web::token::BadToken;

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("{0}")]
    Token(#[from] BadToken),
    #[error("{0}")]
    Lanyard(String),
    #[error("{0}")]
    Http(String),
    /// A target's CA file, or a proxy in the environment, cannot be used.
    #[error("{0}")]
    Sender(#[from] WorkerError),
    #[error("{0}")]
    Record(#[from] TapeError),
    /// What the environment says of traces cannot be.
    #[error("{0}")]
    Traces(String),
    #[error("cannot take over signals: {0}")]
    Signals(std::io::Error),
    /// A part of the program ended that should not have.
    #[error("the {name} task ended: {why}; what was written to disk is sent at the next start")]
    Task { name: &'static str, why: String },
}

impl Fault {
    /// Whether the operator can mend it by starting the program differently.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Store(_)
                | Self::Listen(_)
                | Self::Token(_)
                | Self::Lanyard(_)
                | Self::Sender(_)
                | Self::Record(_)
                | Self::Traces(_)
        )
    }
}
