//! A frame's text, inflated no further than it is read: what has been read makes room for what follows.

use std::ops::Range;

use flate2::{Decompress, FlushDecompress, Status};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::FrameError;

/// The room that zlib frames are inflated into; most fit in it whole.
const ROOM_BYTES: usize = 64 << 10;
/// What a frame that needed more room leaves behind, at most.
const ROOM_BYTES_KEPT: usize = 1 << 20;
/// The largest single value in a zlib frame: a presence with 512 KV entries of 30,000 characters, and then some.
const VALUE_BYTES_MAX: usize = 32 << 20;

/// Lent to one frame after another.
pub(super) struct Room {
    zlib: Decompress,
    /// As long as it ever was; how much of it is filled, the window knows.
    bytes: Vec<u8>,
}

impl Default for Room {
    fn default() -> Self {
        Self { zlib: Decompress::new(true), bytes: Vec::new() }
    }
}

#[cfg(test)]
impl Room {
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Places in it count from the beginning of the frame's text, whatever of that is still in the room.
pub(super) struct Window<'a> {
    source: Source<'a>,
    /// The place that is read next.
    at: usize,
    /// What stands before this place is not needed any more.
    kept_from: usize,
}

enum Source<'a> {
    Text(&'a [u8]),
    Zlib(Inflating<'a>),
}

struct Inflating<'a> {
    room: &'a mut Room,
    deflated: &'a [u8],
    /// The place of the room's first byte.
    begins: usize,
    filled: usize,
    text_bytes_max: usize,
    ended: bool,
}

impl<'a> Window<'a> {
    pub(super) fn text(text: &'a [u8]) -> Self {
        Self { source: Source::Text(text), at: 0, kept_from: 0 }
    }

    pub(super) fn zlib(room: &'a mut Room, deflated: &'a [u8], text_bytes_max: usize) -> Self {
        room.zlib.reset(true);
        if room.bytes.len() > ROOM_BYTES_KEPT {
            room.bytes = Vec::new();
        }
        if room.bytes.is_empty() {
            room.bytes.resize(ROOM_BYTES, 0);
        }
        let inflating = Inflating { room, deflated, begins: 0, filled: 0, text_bytes_max, ended: false };
        Self { source: Source::Zlib(inflating), at: 0, kept_from: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes to a place that is still kept.
    pub(super) fn go(&mut self, place: usize) {
        debug_assert!(place >= self.kept_from);
        self.at = place;
    }

    /// Lets go of everything before this place.
    pub(super) fn forget_before(&mut self, place: usize) {
        self.kept_from = place;
    }

    /// The next byte that is no white space, without passing it.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, FrameError> {
        loop {
            match self.unread().first().copied() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(Some(byte)),
                None if self.fill()? => {}
                None => return Ok(None),
            }
        }
    }

    /// Passes this byte, and white space before it.
    pub(super) fn pass(&mut self, wanted: u8) -> Result<(), FrameError> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(FrameError::Syntax { at: self.at }),
            None => Err(FrameError::CutShort),
        }
    }

    /// Passes one whole JSON value, and says where it stands.
    pub(super) fn value(&mut self) -> Result<Range<usize>, FrameError> {
        if self.peek()?.is_none() {
            return Err(FrameError::CutShort);
        }
        loop {
            let unread = self.unread();
            let mut reader = serde_json::Deserializer::from_slice(unread);
            let read = match <&RawValue>::deserialize(&mut reader) {
                Ok(raw) => Ok(raw.get().len()),
                Err(error) if touches_end(&error, unread) => Err(error),
                Err(error) => return Err(FrameError::Json(error)),
            };
            // What touches the end may go on behind it, even a number that looks whole.
            let to_the_end = read.as_ref().map_or(true, |&bytes| bytes == unread.len());
            if to_the_end && self.fill()? {
                continue;
            }
            return match read {
                Ok(bytes) => {
                    self.at += bytes;
                    Ok(self.at - bytes..self.at)
                }
                Err(error) if error.is_eof() => Err(FrameError::CutShort),
                Err(error) => Err(FrameError::Json(error)),
            };
        }
    }

    /// Passes the key of an object's next pair and its colon; or, at the object's end, its brace.
    pub(super) fn key(&mut self, first: bool) -> Result<Option<Range<usize>>, FrameError> {
        if self.peek()? == Some(b'}') {
            self.at += 1;
            return Ok(None);
        }
        if !first {
            self.pass(b',')?;
        }
        match self.peek()? {
            Some(b'"') => {}
            Some(_) => return Err(FrameError::Syntax { at: self.at }),
            None => return Err(FrameError::CutShort),
        }
        let key = self.value()?;
        self.pass(b':')?;
        Ok(Some(key))
    }

    /// The bytes of a place that is still kept.
    pub(super) fn bytes(&self, place: Range<usize>) -> &[u8] {
        let begins = self.begins();
        &self.filled()[place.start - begins..place.end - begins]
    }

    /// The same, for as long as the frame lives.
    pub(super) fn into_bytes(self, place: Range<usize>) -> &'a [u8] {
        let begins = self.begins();
        let filled = match self.source {
            Source::Text(text) => text,
            Source::Zlib(inflating) => &inflating.room.bytes[..inflating.filled],
        };
        &filled[place.start - begins..place.end - begins]
    }
}

impl Window<'_> {
    fn begins(&self) -> usize {
        match &self.source {
            Source::Text(_) => 0,
            Source::Zlib(inflating) => inflating.begins,
        }
    }

    fn filled(&self) -> &[u8] {
        match &self.source {
            Source::Text(text) => text,
            Source::Zlib(inflating) => &inflating.room.bytes[..inflating.filled],
        }
    }

    fn unread(&self) -> &[u8] {
        &self.filled()[self.at - self.begins()..]
    }

    /// More text behind what is there; false at the end.
    fn fill(&mut self) -> Result<bool, FrameError> {
        match &mut self.source {
            Source::Text(_) => Ok(false),
            Source::Zlib(inflating) => inflating.fill(self.kept_from),
        }
    }
}

impl Inflating<'_> {
    fn fill(&mut self, kept_from: usize) -> Result<bool, FrameError> {
        if self.ended {
            return Ok(false);
        }
        self.make_room(kept_from)?;
        let Room { zlib, bytes } = &mut *self.room;
        loop {
            let (read, made) = (zlib.total_in(), zlib.total_out());
            // One byte more than allowed is enough to know.
            let allowed = (self.text_bytes_max as u64 + 1).saturating_sub(made);
            let end = bytes.len().min(self.filled.saturating_add(allowed as usize));
            let status =
                zlib.decompress(self.deflated, &mut bytes[self.filled..end], FlushDecompress::None)?;
            let (read, made) = (zlib.total_in() - read, zlib.total_out() - made);
            self.deflated = &self.deflated[read as usize..];
            self.filled += made as usize;
            self.ended = status == Status::StreamEnd;
            if zlib.total_out() > self.text_bytes_max as u64 {
                return Err(FrameError::Oversized { max: self.text_bytes_max });
            }
            if made > 0 || self.ended {
                return Ok(made > 0);
            }
            if read == 0 {
                return Err(FrameError::CutShort);
            }
        }
    }

    fn make_room(&mut self, kept_from: usize) -> Result<(), FrameError> {
        let bytes = &mut self.room.bytes;
        let read = kept_from - self.begins;
        if read > 0 {
            bytes.copy_within(read..self.filled, 0);
            self.begins += read;
            self.filled -= read;
        }
        if self.filled >= VALUE_BYTES_MAX {
            return Err(FrameError::Oversized { max: VALUE_BYTES_MAX });
        }
        if self.filled > bytes.len() / 2 {
            bytes.resize(bytes.len() * 2, 0);
        }
        Ok(())
    }
}

/// Whether an error may be only that the text goes on elsewhere. Most of those say so; but `serde_json` calls
/// a lone `-` or `1.` at the end a bad number.
fn touches_end(error: &serde_json::Error, text: &[u8]) -> bool {
    const LONGEST_TOKEN_CUT: usize = 8;
    if error.is_eof() {
        return true;
    }
    let (mut lines, mut last_line) = (0, 0);
    for line in text.split(|&byte| byte == b'\n') {
        (lines, last_line) = (lines + 1, line.len());
    }
    error.line() == lines && error.column() + LONGEST_TOKEN_CUT > last_line
}
