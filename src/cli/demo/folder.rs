//! A data directory for a short life.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// A new folder among the temporary ones; gone when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> io::Result<Self> {
        // The process's number alone would not do: in a container it is always the same.
        let chance = RandomState::new().hash_one(std::process::id());
        let path = std::env::temp_dir().join(format!("doorchime-demo-{chance:016x}"));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed here, the system clears away.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
