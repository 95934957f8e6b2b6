//! A recording on disk while it is written: one file, and when that is half of what may be kept, the one before.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::line::{self, Header, Stamp};
use super::members::Packer;
use super::shelf::{self, ShelfError};

/// A recording that is being written. Each file holds half of `bytes_max` at most, and two are kept.
pub struct Tape {
    path: PathBuf,
    bytes_max: u64,
    header: Header,
    packer: Option<Packer<Counted>>,
    /// What is packed already, in bytes of text.
    text_bytes: u64,
}

/// What to do with a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    Overwrite,
    Append,
}

#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    #[error(
        "`{0}` is there already: choose another name, add to it with --append, or overwrite it with --force"
    )]
    Exists(String),
    #[error("`{0}` is being written by another doorchime")]
    Locked(String),
    #[error("`{0}` is no recording, so nothing is added to it: choose another name")]
    NoRecording(String),
    #[error("the folder of `{0}` does not exist: make it first")]
    NoFolder(String),
    #[error("cannot write `{0}`: {1}")]
    Io(String, io::Error),
}

impl Tape {
    /// Opens the file and writes `header`, whose part and beginning are those of a recording that is there.
    pub fn open(
        path: &Path,
        existing: Existing,
        bytes_max: u64,
        mut header: Header,
    ) -> Result<Self, TapeError> {
        let failed = |error| of_io(path, error);
        let mut options = private_file();
        let create = match existing {
            Existing::Refuse => options.create_new(true),
            Existing::Overwrite | Existing::Append => options.create(true),
        };
        let mut file = create.open(path).map_err(failed)?;
        lock(&file, path)?;
        match existing {
            Existing::Overwrite => {
                file.set_len(0).map_err(failed)?;
                // The part before would be taken for this recording's.
                drop(fs::remove_file(shelf::before(path)));
            }
            Existing::Append if file.metadata().map_err(failed)?.len() > 0 => {
                let there = shelf::header(&file).map_err(|error| match error {
                    ShelfError::Io(error) => of_io(path, error),
                    ShelfError::NoRecording => TapeError::NoRecording(shown(path)),
                })?;
                (header.begun_ms, header.part) = (there.begun_ms, there.part);
                file.seek(SeekFrom::End(0)).map_err(failed)?;
            }
            _ => {}
        }
        let packer = Packer::new(Counted::new(file).map_err(failed)?);
        let mut tape = Self { path: path.to_owned(), bytes_max, header, packer: Some(packer), text_bytes: 0 };
        let first = line::start(&tape.header);
        tape.push(tape.header.stamp, &first).and_then(|()| tape.flush()).map_err(failed)?;
        Ok(tape)
    }

    /// Adds a line. Where the file is full, it becomes the one before, and a new one begins.
    pub fn push(&mut self, stamp: Stamp, line: &str) -> io::Result<()> {
        let mut packer = self.packer.take().ok_or_else(closed)?;
        packer.push(line)?;
        self.text_bytes += line.len() as u64;
        let packer = self.packer.insert(packer.turn()?);
        if packer.inner().bytes >= self.bytes_max / 2 { self.turn(stamp) } else { Ok(()) }
    }

    /// Sees to it that what was added can be read, whatever happens to us.
    pub fn flush(&mut self) -> io::Result<()> {
        self.packer.as_mut().ok_or_else(closed)?.flush()
    }

    /// The bytes of text written, and the bytes of the present file.
    pub fn bytes(&self) -> (u64, u64) {
        (self.text_bytes, self.packer.as_ref().map_or(0, |packer| packer.inner().bytes))
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.packer.take().ok_or_else(closed)?.finish()?.file.sync_all()
    }

    fn turn(&mut self, stamp: Stamp) -> io::Result<()> {
        self.packer.take().ok_or_else(closed)?.finish()?;
        fs::rename(&self.path, shelf::before(&self.path))?;
        let file = private_file().create_new(true).open(&self.path)?;
        lock(&file, &self.path).map_err(|error| io::Error::other(error.to_string()))?;
        self.header.part += 1;
        self.packer = Some(Packer::new(Counted::new(file)?));
        let header = Header { stamp, goes_on: true, ..self.header.clone() };
        self.push(stamp, &line::start(&header))
    }
}

fn closed() -> io::Error {
    io::Error::other("the file could not be written before")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn of_io(path: &Path, error: io::Error) -> TapeError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => TapeError::Exists(shown(path)),
        io::ErrorKind::NotFound => TapeError::NoFolder(shown(path)),
        _ => TapeError::Io(shown(path), error),
    }
}

/// People's presences are for the owner's eyes.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn lock(file: &File, path: &Path) -> Result<(), TapeError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(TapeError::Locked(shown(path))),
        Err(TryLockError::Error(error)) => Err(of_io(path, error)),
    }
}

/// A file that knows how long it is.
struct Counted {
    file: File,
    bytes: u64,
}

impl Counted {
    fn new(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::recording::line::Line;
    use crate::recording::members::{Break, Found, Unpacker};

    fn header(wall_ms: i64) -> Header {
        Header {
            stamp: stamp(wall_ms),
            begun_ms: wall_ms,
            part: 1,
            goes_on: false,
            people: BTreeMap::new(),
            everyone: true,
        }
    }

    fn stamp(wall_ms: i64) -> Stamp {
        Stamp { wall_ms, mono: Some(Duration::from_millis(wall_ms as u64)) }
    }

    /// Lines that do not compress.
    fn noise(count: u64) -> Vec<String> {
        let mut dice = crate::lanyard::chance::Chance::new(count);
        let mut word = || format!("{:?}", dice.roll());
        (0..count).map(|n| format!("{n} {}", (0..20).map(|_| word()).collect::<String>())).collect()
    }

    fn told(path: &Path) -> (Vec<String>, Vec<Header>, Vec<Break>) {
        let (mut lines, mut headers, mut breaks) = (Vec::new(), Vec::new(), Vec::new());
        for file in shelf::files(path).unwrap() {
            let mut unpacker = Unpacker::new(File::open(file).unwrap());
            while let Some(found) = unpacker.next().unwrap() {
                match found {
                    Found::Line(_, text) => match line::read(text) {
                        Ok(Line::Start(header)) => headers.push(header),
                        _ => lines.push(text.to_owned()),
                    },
                    Found::Broken(_, why) => breaks.push(why),
                }
            }
        }
        (lines, headers, breaks)
    }

    #[test]
    fn the_newest_are_kept_within_the_bound() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("r.gz");
        let bytes_max = 64 << 10;
        let mut tape = Tape::open(&path, Existing::Refuse, bytes_max, header(1)).unwrap();
        let lines = noise(1_500);
        for (at, line) in lines.iter().enumerate() {
            tape.push(stamp(at as i64), &format!("{line}\n")).unwrap();
            tape.flush().unwrap();
            let there = shelf::bytes(&[path.clone(), shelf::before(&path)]);
            assert!(there <= bytes_max + 2_000, "{there} bytes after line {at}");
        }
        tape.finish().unwrap();
        let (kept, headers, breaks) = told(&path);
        assert!(lines.ends_with(&kept) && kept.len() < lines.len(), "{} of {}", kept.len(), lines.len());
        let there = shelf::bytes(&shelf::files(&path).unwrap());
        assert!(there > bytes_max / 2, "at least half of the bound is kept: {there}");
        assert!(breaks.is_empty() && headers.len() == 2 && headers.iter().all(|header| header.goes_on));
        assert_eq!(headers[0].part + 1, headers[1].part);
    }

    #[test]
    fn what_is_there_is_refused_added_to_or_overwritten() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("r.gz");
        let open = |existing, at| Tape::open(&path, existing, 1 << 20, header(at));
        let mut first = open(Existing::Refuse, 1).unwrap();
        first.push(stamp(1), "one\n").unwrap();
        assert!(matches!(open(Existing::Refuse, 2), Err(TapeError::Exists(_))));
        assert!(matches!(open(Existing::Append, 2), Err(TapeError::Locked(_))));
        first.finish().unwrap();
        // Cut off, as by a kill.
        let length = fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 3).unwrap();
        let mut second = open(Existing::Append, 7).unwrap();
        second.push(stamp(8), "two\n").unwrap();
        second.finish().unwrap();
        let (lines, headers, breaks) = told(&path);
        assert_eq!((lines, breaks), (vec!["one".to_owned(), "two".to_owned()], vec![Break::CutOff]));
        assert_eq!((headers[1].begun_ms, headers[1].stamp.wall_ms, headers[1].goes_on), (1, 7, false));
        fs::write(shelf::before(&path), "old").unwrap();
        open(Existing::Overwrite, 9).unwrap().finish().unwrap();
        assert!(told(&path).0.is_empty() && !shelf::before(&path).exists());
        fs::write(&path, "mine").unwrap();
        assert!(matches!(open(Existing::Append, 9), Err(TapeError::NoRecording(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let nowhere = Tape::open(&here.path().join("no/r.gz"), Existing::Append, 1, header(1));
        assert!(matches!(nowhere, Err(TapeError::NoFolder(_))));
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("r.gz");
        Tape::open(&path, Existing::Refuse, 1 << 20, header(1)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
