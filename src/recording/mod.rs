//! Recordings: what Lanyard let us know, line by line, to be looked at again. docs/recording.md tells the format.
//!
//! `line` and `members` are pure: a line as text, and the compressed file as members that survive a cut.
//! `tape` and `shelf` hold files, `recorder` a thread.

pub mod line;
pub mod members;
pub mod recorder;
pub mod shelf;
pub mod tape;
