//! Cut, damaged and foreign files.

use super::*;

fn lines(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(|n| format!("line {n} {}", "x".repeat(n * 7 % 300))).collect()
}

/// One recorder's lines, flushed after each, and what the file was long after each flush.
fn packed(lines: &[String]) -> (Vec<u8>, Vec<usize>) {
    let mut packer = Packer::new(Vec::new());
    let mut lengths = Vec::new();
    for line in lines {
        packer.push(&format!("{line}\n")).unwrap();
        packer.flush().unwrap();
        lengths.push(packer.encoder.get_ref().len());
    }
    (packer.finish().unwrap(), lengths)
}

/// A source that gives a few bytes at a time.
struct Drip<'b>(&'b [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(room.len()).min(self.0.len());
        room[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn unpacked(bytes: &[u8], drip: usize) -> (Vec<String>, Vec<Break>) {
    let mut unpacker = Unpacker::new(Drip(bytes, drip));
    let (mut lines, mut breaks) = (Vec::new(), Vec::new());
    while let Some(found) = unpacker.next().unwrap() {
        match found {
            Found::Line(number, line) => {
                assert!(number > lines.len() as u64, "{number}: {line}");
                lines.push(line.to_owned());
            }
            Found::Broken(_, why) => breaks.push(why),
        }
    }
    (lines, breaks)
}

#[test]
fn whatever_the_cut_what_was_flushed_and_what_was_appended_is_read() {
    let (first, second) = (lines(0, 12), lines(12, 5));
    let (bytes, lengths) = packed(&first);
    let (appended, _) = packed(&second);
    for cut in 0..=bytes.len() {
        let kept = lengths.iter().filter(|length| **length <= cut).count();
        let broken = cut > 0 && cut < bytes.len();
        let (read, breaks) = unpacked(&bytes[..cut], 997);
        // Some of what was not flushed may be there, too.
        assert!(read.len() >= kept && first.starts_with(&read), "cut at {cut}: {read:?}");
        let kept = read.len();
        assert_eq!(breaks.len(), usize::from(broken), "cut at {cut}: {breaks:?}");
        if cut < 2 {
            // Not even the beginning of a recording.
            continue;
        }
        let (read, breaks) = unpacked(&[&bytes[..cut], &appended].concat(), 61);
        assert_eq!(read, [&first[..kept], &second].concat(), "cut at {cut}, then appended");
        assert_eq!(breaks.len(), usize::from(broken), "cut at {cut}, then appended: {breaks:?}");
    }
}

#[test]
fn a_damaged_place_costs_its_member_at_most() {
    let all: Vec<Vec<String>> = (0..3).map(|n| lines(n * 100, 60)).collect();
    let members: Vec<Vec<u8>> = all.iter().map(|lines| packed(lines).0).collect();
    let whole = members.concat();
    let (from, to) = (members[0].len(), members[0].len() + members[1].len());
    for at in (from..to).step_by(13) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let (read, breaks) = unpacked(&bytes, 4096);
        assert!(read.starts_with(&all[0]), "damaged at {at}: {breaks:?} {} {:?}", read.len(), read.last());
        assert!(read.ends_with(&all[2]), "damaged at {at}: {breaks:?} {} {:?}", read.len(), read.last());
        // A flipped byte in gzip's header may mean nothing.
        assert!(!breaks.is_empty() || at < from + MARK_BYTES, "damaged at {at}");
    }
}

#[test]
fn full_members_follow_one_another() {
    let line = format!("{}\n", "y".repeat(1 << 20));
    let mut packer = Packer::new(Vec::new());
    for _ in 0..10 {
        packer.push(&line).unwrap();
        packer = packer.turn().unwrap();
    }
    let bytes = packer.finish().unwrap();
    assert_eq!(bytes.windows(6).filter(|window| **window == MARK_TAIL).count(), 3);
    let (read, breaks) = unpacked(&bytes, 1 << 20);
    assert_eq!((read.len(), breaks), (10, Vec::new()));
}

#[test]
fn what_others_made_is_read_too() {
    let text = "one\r\ntwo\nthree";
    let by_others = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let two = [by_others("one\ntwo\nth"), by_others("ree\n")].concat();
    for bytes in [text.as_bytes(), &by_others(text), &two] {
        for drip in [1, 7, 4096] {
            let (read, breaks) = unpacked(bytes, drip);
            assert_eq!((read.join(" "), breaks), ("one two three".to_owned(), Vec::new()));
        }
    }
    let (read, breaks) = unpacked(&[&by_others("one\n")[..], b"rubbish"].concat(), 4096);
    assert_eq!((read.len(), breaks), (1, vec![Break::Damaged]));
    assert_eq!(unpacked(b"a\n\xff\xfe\nb\n", 4096).1, [Break::NotUtf8]);
    assert_eq!(unpacked(b"", 1), (Vec::new(), Vec::new()));
}

#[test]
fn a_line_without_end_costs_no_memory() {
    let mut bytes = vec![b'z'; LINE_BYTES_MAX * 2 + 10];
    bytes.extend(b"\nlast\n");
    let mut unpacker = Unpacker::new(&bytes[..]);
    assert_eq!(unpacker.next().unwrap(), Some(Found::Broken(1, Break::TooLong)));
    assert_eq!(unpacker.next().unwrap(), Some(Found::Line(2, "last")));
    assert!(unpacker.text.capacity() < LINE_BYTES_MAX * 2 + (1 << 20));
    assert_eq!(unpacker.next().unwrap(), None);
}
