//! The outbox on disk: what is known, what is owed, and what became of it.
//!
//! One file, `doorchime.db`, written by one thread of one process. Whatever waits for that thread goes into
//! one transaction, so that a burst of thousands costs a handful of syncs. `outbox` commands read and mend
//! it from beside, see `ledger`.

pub mod beside;
pub mod error;
mod fallbacks;
pub mod handle;
pub mod ledger;
mod place;
pub mod rows;
mod schema;
mod thread;

#[cfg(test)]
mod tests;
