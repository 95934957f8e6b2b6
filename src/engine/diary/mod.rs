//! What each person's day was: which status they had, what they heard and played, and when nobody watched.
//!
//! Only what has ended is noted; what goes on is known of the person already, with its beginning. It is kept for a
//! day, within bounds, whatever people do; and a time in which nobody watched is never told as one that was seen.

pub mod book;
pub mod day;
mod ended;
pub mod stretch;
mod written;

#[cfg(test)]
mod tests;
