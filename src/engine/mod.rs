//! From what Lanyard says to what is owed: baselines, changes, rules, firings. Pure: no clock, no disk.
//!
//! `Engine::observe` takes one observation and adds to `Effects` what must now be written down and sent.

mod arrivals;
mod asking;
pub mod bell;
pub mod crowd;
pub mod deferred;
pub mod diary;
pub mod effects;
pub mod explain;
pub mod gates;
pub mod gathering;
pub mod guard;
pub mod holding;
pub mod ids;
pub mod kept;
pub mod lasting;
mod later;
pub mod limits;
pub mod machine;
pub mod marks;
mod memory;
mod own;
pub mod person;
mod ripening;
pub mod states;
pub mod tally;
pub mod timers;
pub mod troubles;
pub mod verdict;
pub mod view;
pub mod waiting;
pub mod watch;

#[cfg(test)]
mod any_gathering;
#[cfg(test)]
mod any_holding;
#[cfg(test)]
mod any_story;
#[cfg(test)]
mod holding_transcripts;
#[cfg(test)]
mod noise_stories;
#[cfg(test)]
mod story;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod troubles_transcripts;
#[cfg(test)]
mod waiting_transcripts;
