//! Why a rule was asked: what happened to a person, or a state that began or ended.

use crate::presence::change::ChangeKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    Change(ChangeKind),
    /// The condition of a `while` holds.
    Enter,
    /// The condition of a `while` holds no more.
    Exit,
}

impl Cause {
    /// The word that rules use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Change(kind) => kind.name(),
            Self::Enter => "enter",
            Self::Exit => "exit",
        }
    }
}
