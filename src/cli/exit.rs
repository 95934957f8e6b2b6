//! How a command ends: its exit code, and the sentence that says what to do.

use std::io;
use std::process::ExitCode;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Fine,
    /// 1: the command did its work, and found something to look at.
    Findings,
    /// 2: what was asked for cannot be done as asked: arguments, rules file, data directory, address.
    Usage,
    /// 70: something broke that the asker could not have known.
    Fault,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Fault => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// It has an answer, and the answer is a finding: the sentence goes to stderr, the exit code is 1.
    Finding(String),
    /// One sentence, and what to do.
    Usage(String),
    Fault(String),
    /// Everything has been said already.
    Told(Exit),
    /// The output could not be written. A reader that has left (`| head`) is no failure.
    Output(io::Error),
}

impl Failure {
    /// For `map_err`.
    pub fn usage(text: impl std::fmt::Display) -> Self {
        Self::Usage(text.to_string())
    }

    /// For `map_err`.
    pub fn fault(text: impl std::fmt::Display) -> Self {
        Self::Fault(text.to_string())
    }
}

impl From<io::Error> for Failure {
    /// For `?` on writes of output; other I/O has an error of its own that names the thing.
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What a command returns.
pub type Ended = Result<Exit, Failure>;
