//! A rule set on a virtual clock: timed observations in; what happens, why, and what would be sent out.
//! Pure: nothing is connected to, written or sent, and hours pass as fast as they are counted.

pub mod disk;
pub mod play;
mod reckoning;
pub mod report;
pub mod spoken;
pub mod story;
pub mod telling;
pub mod trial;

#[cfg(test)]
mod tests;
