//! The outbox on disk.

pub mod handle;
