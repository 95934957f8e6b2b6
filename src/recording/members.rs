//! The compressed file: gzip members, each beginning with a mark by which it is found again behind a place that
//! cannot be read. A file that was cut off is read up to its cut, and what was appended later, too.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};

use flate2::write::{GzDecoder, GzEncoder};
use flate2::{Compression, GzBuilder};

/// So much text goes into one member: a place that cannot be read costs no more than this.
const MEMBER_TEXT_BYTES: usize = 4 << 20;
/// The longest line that is read: a presence with a full KV, with room beside it.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// gzip's extra field, of our own: the subfield `DC` without content.
const EXTRA: [u8; 4] = *b"DC\0\0";
/// How a member of ours begins; 4 bytes of time and 2 of level and system stand between.
const MARK_HEAD: [u8; 4] = [0x1f, 0x8b, 8, 4];
const MARK_TAIL: [u8; 6] = [4, 0, b'D', b'C', 0, 0];
const MARK_BYTES: usize = 16;

/// Compresses lines into members.
pub struct Packer<W: Write> {
    encoder: GzEncoder<W>,
    text_bytes: usize,
    dirty: bool,
}

impl<W: Write> Packer<W> {
    pub fn new(inner: W) -> Self {
        Self { encoder: member(inner), text_bytes: 0, dirty: false }
    }

    /// Adds a line, which brings its end.
    pub fn push(&mut self, line: &str) -> io::Result<()> {
        self.encoder.write_all(line.as_bytes())?;
        self.text_bytes += line.len();
        self.dirty = true;
        Ok(())
    }

    /// Sees to it that all lines so far can be read, whatever happens to us.
    pub fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty) { self.encoder.flush() } else { Ok(()) }
    }

    /// Ends the member if it is full, and begins the next.
    pub fn turn(self) -> io::Result<Self> {
        if self.text_bytes < MEMBER_TEXT_BYTES { Ok(self) } else { self.finish().map(Self::new) }
    }

    /// What the members are written to.
    pub fn inner(&self) -> &W {
        self.encoder.get_ref()
    }

    pub fn finish(self) -> io::Result<W> {
        let mut inner = self.encoder.finish()?;
        inner.flush()?;
        Ok(inner)
    }
}

fn member<W: Write>(inner: W) -> GzEncoder<W> {
    GzBuilder::new().extra(EXTRA).write(inner, Compression::default())
}

/// One thing found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'r> {
    /// A line without its end, and its number.
    Line(u64, &'r str),
    /// What follows this line cannot be read, up to the next member or to the end.
    Broken(u64, Break),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It ends in the middle, as after a kill.
    CutOff,
    /// The compressed bytes are not what was written.
    Damaged,
    NotUtf8,
    TooLong,
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CutOff => "the recording was cut off here, as when a recorder is killed",
            Self::Damaged => "the file is damaged here: its compressed bytes are not what was written",
            Self::NotUtf8 => "the line is not UTF-8",
            Self::TooLong => "the line is longer than any that doorchime writes",
        })
    }
}

/// Reads lines out of a file, compressed by us, compressed by somebody else, or plain.
pub struct Unpacker<R> {
    inner: R,
    packed: Packed,
    state: State,
    /// Text not yet handed out begins at `from`.
    text: Vec<u8>,
    from: usize,
    /// Up to here there is no line's end.
    searched: usize,
    number: u64,
    /// To be told once the text before it has been handed out.
    broken: Option<Break>,
    /// In the midst of a line that is too long.
    skipping: bool,
}

enum State {
    Start,
    Plain,
    Inflating(Box<GzDecoder<Vec<u8>>>),
    /// Behind a member's end, or behind something that cannot be read: until the next mark.
    Between {
        told: bool,
    },
}

/// Compressed bytes are read in pieces of this size, and inflated in smaller ones: a thousandfold each at most.
const READ_BYTES: usize = 64 << 10;
const INFLATE_BYTES: usize = 4 << 10;

impl<R: Read> Unpacker<R> {
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            packed: Packed::default(),
            state: State::Start,
            text: Vec::new(),
            from: 0,
            searched: 0,
            number: 0,
            broken: None,
            skipping: false,
        }
    }

    /// The next line, or what is wrong in its place; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "what it hands out borrows from it")]
    pub fn next(&mut self) -> io::Result<Option<Found<'_>>> {
        loop {
            if let Some(end) = self.text[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + end;
                let start = std::mem::replace(&mut self.from, end + 1);
                self.searched = end + 1;
                return Ok(Some(self.found(start, end)));
            }
            self.searched = self.text.len();
            if let Some(broken) = self.broken.take() {
                self.drop_text();
                return Ok(Some(Found::Broken(self.number, broken)));
            }
            self.text.drain(..self.from);
            (self.searched, self.from) = (self.searched - self.from, 0);
            if self.text.len() > LINE_BYTES_MAX {
                self.drop_text();
                self.skipping = true;
            }
            if !self.more()? {
                if self.text.is_empty() {
                    return Ok(None);
                }
                // A last line that lacks its end.
                self.text.push(b'\n');
            }
        }
    }

    fn found(&mut self, start: usize, end: usize) -> Found<'_> {
        self.number += 1;
        if std::mem::take(&mut self.skipping) {
            return Found::Broken(self.number, Break::TooLong);
        }
        match std::str::from_utf8(&self.text[start..end]) {
            Ok(line) => Found::Line(self.number, line.trim_end_matches('\r')),
            Err(_) => Found::Broken(self.number, Break::NotUtf8),
        }
    }

    fn drop_text(&mut self) {
        self.text.clear();
        (self.from, self.searched) = (0, 0);
    }

    /// Goes on by a step, which gets more text or finds something broken; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        self.packed.fill(&mut self.inner)?;
        let Packed { bytes, at_end, .. } = &mut self.packed;
        match &mut self.state {
            State::Start if bytes.len() < 2 && !*at_end => {}
            State::Start if bytes.starts_with(&MARK_HEAD[..2]) || *bytes == MARK_HEAD[..1] => self.begin(),
            State::Start => self.state = State::Plain,
            State::Plain => {
                self.text.append(bytes);
                return Ok(!*at_end);
            }
            State::Between { .. } => return Ok(self.find_next()),
            State::Inflating(_) => self.inflate(),
        }
        Ok(true)
    }

    /// Looks for the next member.
    fn find_next(&mut self) -> bool {
        let State::Between { told } = &mut self.state else { return true };
        if self.packed.bytes.is_empty() && self.packed.at_end {
            return false;
        }
        // Of somebody else's gzip, members follow one another without a mark.
        if !*told && self.packed.bytes.starts_with(&MARK_HEAD[..3]) {
            self.begin();
            return true;
        }
        let next = self.packed.mark();
        let junk = self.packed.before(next);
        if junk > 0 && !std::mem::replace(told, true) {
            self.broken = Some(Break::Damaged);
        }
        self.packed.drop_first(junk);
        if next.is_some() {
            self.begin();
        }
        true
    }

    /// Begins the member at hand: whatever mark comes next is another one's.
    fn begin(&mut self) {
        self.packed.mark_at = self.packed.mark_at.filter(|at| *at > 0);
        self.packed.searched = self.packed.searched.max(1);
        self.state = State::Inflating(Box::new(GzDecoder::new(Vec::new())));
    }

    /// Inflates a piece of the member, which ends at the next mark at the latest.
    fn inflate(&mut self) {
        let State::Inflating(decoder) = &mut self.state else { return };
        let next = self.packed.mark();
        let there = self.packed.before(next);
        let piece = &self.packed.bytes[..there.min(INFLATE_BYTES)];
        if piece.is_empty() && !self.packed.is_cut_at(there) {
            return;
        }
        let whole_piece = piece.len();
        let taken = decoder.write(piece);
        // What was good of it, too, where the rest is bad.
        let flushed = decoder.flush();
        self.text.append(decoder.get_mut());
        match taken.and_then(|taken| flushed.map(|()| taken)) {
            Ok(taken) if taken > 0 => self.packed.drop_first(taken),
            // At its end a member takes nothing more.
            Ok(_) => {
                let whole = decoder.try_finish().is_ok();
                self.text.append(decoder.get_mut());
                let why = if whole_piece == 0 { Break::CutOff } else { Break::Damaged };
                self.broken = (!whole).then_some(why);
                self.state = State::Between { told: !whole };
            }
            Err(_) => {
                self.packed.drop_first(whole_piece);
                self.broken = Some(if whole_piece == 0 { Break::CutOff } else { Break::Damaged });
                self.state = State::Between { told: true };
            }
        }
    }
}

/// Compressed bytes not yet inflated.
#[derive(Default)]
struct Packed {
    bytes: Vec<u8>,
    at_end: bool,
    /// Where the next member begins, if it has been found.
    mark_at: Option<usize>,
    /// No other member begins before this place.
    searched: usize,
}

impl Packed {
    fn fill(&mut self, source: &mut impl Read) -> io::Result<()> {
        if self.at_end || self.bytes.len() >= READ_BYTES {
            return Ok(());
        }
        let had = self.bytes.len();
        self.bytes.resize(had + READ_BYTES, 0);
        let read = loop {
            match source.read(&mut self.bytes[had..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(had + *read.as_ref().unwrap_or(&0));
        self.at_end = read? == 0;
        Ok(())
    }

    /// Where the next member of ours begins.
    fn mark(&mut self) -> Option<usize> {
        if self.mark_at.is_some() {
            return self.mark_at;
        }
        let is_mark = |window: &[u8]| window.starts_with(&MARK_HEAD) && window.ends_with(&MARK_TAIL);
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        self.mark_at = unsearched.windows(MARK_BYTES).position(is_mark).map(|at| at + self.searched);
        self.searched = match self.mark_at {
            Some(at) => at + 1,
            None => self.searched.max(self.bytes.len().saturating_sub(MARK_BYTES - 1)),
        };
        self.mark_at
    }

    /// So many bytes lie before the next member, as far as can be told.
    fn before(&self, next: Option<usize>) -> usize {
        match next {
            Some(at) => at,
            None if self.at_end => self.bytes.len(),
            // A mark may lie across the end of what has been read.
            None => self.bytes.len().saturating_sub(MARK_BYTES - 1),
        }
    }

    /// Whether all there will ever be of a member ends here.
    fn is_cut_at(&self, at: usize) -> bool {
        self.mark_at == Some(at) || (self.at_end && at == self.bytes.len())
    }

    fn drop_first(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        self.mark_at = self.mark_at.and_then(|at| at.checked_sub(count));
        self.searched = self.searched.saturating_sub(count);
    }
}
