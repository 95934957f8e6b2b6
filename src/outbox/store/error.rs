//! What can be wrong with the data directory and its database, each with what to do.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{}` is not a directory: give `--data` a directory of its own", .0.display())]
    NotADirectory(PathBuf),
    #[error("`{}` cannot be made because its parent is missing: create that first, or choose another `--data`", .0.display())]
    NoParent(PathBuf),
    #[error("`{}` cannot be used ({why}): give it to the user that runs doorchime, or choose another `--data`", dir.display())]
    Denied { dir: PathBuf, why: String },
    #[error("`{}` is in use by another doorchime{}: stop that one, or choose another `--data`", dir.display(), holder(*pid))]
    Locked { dir: PathBuf, pid: Option<u32> },
    #[error("there is no outbox in `{}` yet: `doorchime run` makes it; `--data` says where", .0.display())]
    Missing(PathBuf),
    #[error("`{}` is not a database of doorchime, and was left as it is: move it away, or choose another `--data`", .0.display())]
    Foreign(PathBuf),
    #[error("`{}` was written by a newer doorchime (schema {found}, this one knows {known}), and was left as it is: use the newer one, or another `--data`", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("`{}` is in use by an older doorchime{}: stop that one and start this one in its place", dir.display(), holder(*pid))]
    Older { dir: PathBuf, pid: Option<u32> },
    #[error("`{}` is damaged ({why}), and was left as it is: restore it, repair it with `sqlite3 … .recover`, or move it away to begin afresh", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("`{}` is read-only: give it to the user that runs doorchime", .0.display())]
    ReadOnly(PathBuf),
    #[error("the disk that holds `{}` is full", .0.display())]
    Full(PathBuf),
    #[error("`{}` has been deleted or moved away under a running doorchime: put it back, or start doorchime again", .0.display())]
    Gone(PathBuf),
    #[error("`{}`: {why}", path.display())]
    Other { path: PathBuf, why: String },
    #[error("the outbox's store has ended")]
    Closed,
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl StoreError {
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                Self::Denied { dir: path.to_path_buf(), why: "permission denied".to_owned() }
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { dir: path.to_path_buf(), why: "the file system is read-only".to_owned() }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.to_path_buf()),
            _ => Self::Other { path: path.to_path_buf(), why: error.to_string() },
        }
    }

    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, why: error.to_string() }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly(path),
            Some(ErrorCode::DiskFull) => Self::Full(path),
            _ => Self::Other { path, why: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_is_one_sentence_that_names_the_place_and_the_way_out() {
        let dir = || PathBuf::from("/data");
        let told = [
            StoreError::NotADirectory(dir()),
            StoreError::NoParent(dir()),
            StoreError::Denied { dir: dir(), why: "permission denied".into() },
            StoreError::Locked { dir: dir(), pid: Some(7) },
            StoreError::Locked { dir: dir(), pid: None },
            StoreError::Missing(dir()),
            StoreError::Foreign(dir()),
            StoreError::Newer { path: dir(), found: 3, known: 1 },
            StoreError::Older { dir: dir(), pid: Some(7) },
            StoreError::Damaged { path: dir(), why: "file is not a database".into() },
            StoreError::ReadOnly(dir()),
            StoreError::Gone(dir()),
        ]
        .map(|error| error.to_string());
        for sentence in &told {
            assert!(sentence.contains("`/data`") && sentence.contains(": "), "{sentence}");
            assert!(!sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
        }
        assert!(told[3].contains("another doorchime (process 7): stop"), "{}", told[3]);
    }
}
