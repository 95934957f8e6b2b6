//! Recordings: what Lanyard let us know, line by line, to be looked at again. docs/recording.md tells the format.
//!
//! `line`, `members` and `timeline` are pure: a line as text, the compressed file as members that survive a cut, time.
//! `tape`, `shelf` and `playback` hold files, `recorder` a thread.

pub mod line;
pub mod members;
pub mod playback;
pub mod recorder;
pub mod shelf;
pub mod tape;
pub mod timeline;
