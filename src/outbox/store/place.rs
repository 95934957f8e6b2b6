//! The data directory: made, owned by one process, and readable by its user alone.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The database's name in the data directory.
const DATABASE: &str = "doorchime.db";
/// Held by the process that runs; its text is that process's id.
const LOCK: &str = "doorchime.lock";

pub fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// The directory as ours: nobody else runs on it until the lock is dropped.
pub struct Lock {
    _file: File,
    seen: Seen,
}

impl Lock {
    /// Whether the directory is still where it was: whoever deleted or moved it has freed its name for another
    /// process.
    pub fn holds(&self) -> bool {
        self.seen.is_there()
    }
}

/// A file, to be known again by more than its name.
pub struct Seen {
    path: PathBuf,
    id: FileId,
}

impl Seen {
    pub fn new(path: &Path) -> Result<Self, StoreError> {
        let metadata = path.metadata().map_err(|error| StoreError::io(path, &error))?;
        Ok(Self { path: path.to_owned(), id: file_id(&metadata) })
    }

    /// Whether its name still leads to it. A disk that does not answer is no proof of the contrary.
    pub fn is_there(&self) -> bool {
        match self.path.metadata() {
            Ok(metadata) => file_id(&metadata) == self.id,
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        }
    }
}

/// Device and number; all the same where files have no such.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(metadata: &Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn file_id(_: &Metadata) -> FileId {
    (0, 0)
}

/// Makes the directory if its parent is there, and takes it for this process.
pub fn take(dir: &Path) -> Result<Lock, StoreError> {
    make(dir)?;
    let path = dir.join(LOCK);
    let mut file = private_file().truncate(false).open(&path).map_err(|error| StoreError::io(dir, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked { dir: dir.into(), pid: pid(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, &error)),
    }
    // The number is only for the message that a second process shows: a full disk must not keep us out.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(Lock { _file: file, seen: Seen::new(&path)? })
}

/// Makes an empty database file that only its user can read; `SQLite` gives its side files the same mode.
pub fn make_database(path: &Path) -> Result<(), StoreError> {
    private_file().truncate(false).open(path).map(drop).map_err(|error| StoreError::io(path, &error))
}

fn make(dir: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => {
            Err(StoreError::NotADirectory(dir.into()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(StoreError::NoParent(dir.into())),
        Err(error) => Err(StoreError::io(dir, &error)),
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_private_and_taken_once() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let lock = take(&dir).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
            make_database(&database(&dir)).unwrap();
            assert_eq!(database(&dir).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        match take(&dir) {
            Err(StoreError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{:?}", other.err()),
        }
        drop(lock);
        take(&dir).unwrap();
    }

    #[test]
    fn what_is_no_place_is_told_apart() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(take(&file), Err(StoreError::NotADirectory(_))));
        assert!(matches!(take(&file.join("below")), Err(StoreError::NotADirectory(_))));
        assert!(matches!(take(&temp.path().join("not/there")), Err(StoreError::NoParent(_))));
    }
}
