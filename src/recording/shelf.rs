//! A recording on disk when it is read: its files in order, and how far they have been read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::line::{self, Header, Line};
use super::members::{Found, Unpacker};

/// How many lines are looked at to find out whether a file is a recording: the first may have been cut off.
const FIRST_LINES: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("is no recording of doorchime")]
    NoRecording,
}

/// The file that holds what came before, where a recording is longer than one file.
pub fn before(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

/// The files of a recording, the oldest first.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, ShelfError> {
    let newest = header(&open(path)?)?;
    let before = before(path);
    let belongs = newest.part > 1
        && open(&before)
            .ok()
            .and_then(|file| header(&file).ok())
            .is_some_and(|older| older.begun_ms == newest.begun_ms && older.part + 1 == newest.part);
    Ok(if belongs { vec![before, path.to_owned()] } else { vec![path.to_owned()] })
}

/// What a file says of itself. It is read from its beginning, and stands somewhere afterwards.
pub fn header(mut file: &File) -> Result<Header, ShelfError> {
    file.seek(SeekFrom::Start(0))?;
    let mut unpacker = Unpacker::new(file);
    for _ in 0..FIRST_LINES {
        match unpacker.next()? {
            Some(Found::Line(_, text)) => {
                if let Ok(Line::Start(header)) = line::read(text) {
                    return Ok(header);
                }
            }
            Some(Found::Broken(..)) => {}
            None => break,
        }
    }
    Err(ShelfError::NoRecording)
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for somebody to write into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    File::open(path)
}

/// One file, read line by line; `read_bytes` counts how far it is.
pub fn unpack(path: &Path, read_bytes: Arc<AtomicU64>) -> io::Result<Unpacker<Counting>> {
    Ok(Unpacker::new(Counting { file: open(path)?, read_bytes }))
}

/// How long the files are together.
pub fn bytes(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
}

pub struct Counting {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(room)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
