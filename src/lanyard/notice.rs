//! What a session has to tell the people who run it: for logs, metrics and `/readyz`.

use std::fmt;
use std::time::Duration;

use crate::presence::model::UserId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The connection is up and the server has said Hello.
    Greeted { heartbeat: Duration },
    /// The first answer on this connection.
    Subscribed,
    /// The connection could not be made.
    ConnectFailed { why: String, failures: u32, again_in: Duration },
    /// The connection ended.
    Lost { why: Loss, lived: Duration, failures: u32, again_in: Duration },
    /// Lanyard says that we did something wrong: 4004, 4005, 4006.
    Refused { code: u16, again_in: Duration },
    /// These people were never seen: perhaps they have not joined Lanyard's Discord server.
    NeverSeen { people: Vec<UserId> },
    /// These people were seen before, and are absent now.
    GoneMissing { people: Vec<UserId> },
    /// A person who was absent is there.
    Found { person: UserId },
    /// An INIT_STATE could not be read to its end.
    Spoilt { unseen: usize },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Closed by the server: 1000 is an orderly shutdown, none is an end without a word (1006).
    Closed { code: Option<u16>, reason: String },
    /// Broken underneath: the network, or a frame over the limit.
    Broken { why: String },
    /// Nothing at all came for this long.
    Silent { silent: Duration },
    /// No Hello in time.
    NoHello,
    /// No INIT_STATE in time.
    NoInitState,
    /// Every update comes twice since everybody was asked for again.
    Doubled,
    /// Given up on purpose, to ask for everybody again.
    Renewed,
}

/// Our own mistake, as Lanyard's close codes name it.
pub fn refusal(code: u16) -> Option<&'static str> {
    match code {
        4004 => Some("unknown opcode"),
        4005 => Some("it wanted an object in `d`"),
        4006 => Some("invalid payload"),
        _ => None,
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { code: None, .. } => {
                f.write_str("the connection ended without a close frame (1006)")
            }
            Self::Closed { code: Some(1000), .. } => f.write_str("the server closed it in good order (1000)"),
            Self::Closed { code: Some(1002), .. } => {
                f.write_str("the server closed it (1002): it heard no heartbeat, or broken frames")
            }
            Self::Closed { code: Some(1009), .. } => {
                f.write_str("the server closed it (1009): a message of ours was too large")
            }
            Self::Closed { code: Some(1011), .. } => f.write_str("the server's side crashed (1011)"),
            Self::Closed { code: Some(1012), .. } => f.write_str("the server restarts (1012)"),
            Self::Closed { code: Some(code), reason } if reason.is_empty() => {
                write!(f, "the server closed it ({code})")
            }
            // A stranger's text: as a quoted literal it cannot move a cursor.
            Self::Closed { code: Some(code), reason } => {
                write!(f, "the server closed it ({code}, {reason:?})")
            }
            Self::Broken { why } => f.write_str(why),
            Self::Silent { silent } => write!(f, "nothing came for {} s, not even a Pong", silent.as_secs()),
            Self::NoHello => f.write_str("no Hello came; is it a Lanyard server?"),
            Self::Doubled => f.write_str(
                "it sends every update twice since it was asked again, as servers before July 2026 do; from now on it is asked again by connecting afresh",
            ),
            Self::Renewed => f.write_str("connecting afresh, to ask for everybody again"),
            Self::NoInitState => f.write_str("no INIT_STATE came in answer to a subscription"),
        }
    }
}
