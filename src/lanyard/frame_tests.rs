//! Frames in, what they say out.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::frame::{Decoder, Frame, FrameError, Payload};

const CAP: usize = 64 << 20;

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// What a frame says, in a line; an INIT_STATE read to its end.
fn told(decoded: Result<Frame<'_>, FrameError>) -> String {
    match decoded {
        Ok(Frame::Hello { heartbeat }) => format!("hello {heartbeat:?}"),
        Ok(Frame::Update(id, presence)) => format!("update {id} {}", presence.status.word()),
        Ok(Frame::Unknown { op, event }) => format!("unknown {op:?} {event:?}"),
        Ok(Frame::InitState(mut people)) => {
            let mut told = "init".to_owned();
            while let Some(person) = people.next_person() {
                match person {
                    Ok((id, presence)) => write!(told, " {id} {}", presence.status.word()).unwrap(),
                    Err(error) => write!(told, " [{error}]").unwrap(),
                }
            }
            told + if people.whole() { "." } else { " and then it breaks" }
        }
        Err(error) => format!("error: {error}"),
    }
}

fn told_of_text(text: &str) -> String {
    told(Decoder::new(CAP).decode(Payload::Text(text)))
}

fn told_of_zlib(text: &str) -> String {
    told(Decoder::new(CAP).decode(Payload::Binary(&deflate(text.as_bytes()))))
}

#[test]
fn what_frames_say() {
    for (text, expected) in [
        (r#"{"op":1,"d":{"heartbeat_interval":30000}}"#, "hello 30s"),
        (r#"{"d":{"heartbeat_interval":41250},"seq":1,"op":1}"#, "hello 41.25s"),
        (r#"{"op":1,"d":{"heartbeat_interval":0}}"#, "hello 1s"),
        (r#"{"op":1}"#, "hello 30s"),
        (r#"{"op":0,"t":"PRESENCE_UPDATE","d":{"user_id":"7","discord_status":"dnd"}}"#, "update 7 dnd"),
        (
            r#"{"d":{"discord_status":"idle","discord_user":{"id":"8"}},"op":0,"t":"PRESENCE_UPDATE"}"#,
            "update 8 idle",
        ),
        (
            " {\n\"seq\" : 3 ,\t\"t\":\"PRESENCE_UPDATE\",\"op\":0, \"d\" : { \"user_id\": 9 } } ",
            "update 9 offline",
        ),
        (r#"{"op":0,"t":"INIT_STATE","d":{}}"#, "init."),
        (r#"{"op":0,"d":{ },"t":"INIT_STATE"}"#, "init."),
        (
            r#"{"op":0,"d":{"1":{"discord_status":"online"},"2":{"kv":{}}},"t":"INIT_STATE"}"#,
            "init 1 online 2 offline.",
        ),
        (r#"{"t":"INIT_STATE","d":{"1":{"discord_status":"online"}},"op":0}"#, "init 1 online."),
        (
            r#"{"op":0,"d":{"discord_user":{"id":"5"},"discord_status":"dnd"},"t":"INIT_STATE"}"#,
            "init 5 dnd.",
        ),
        // The last one of two keys counts.
        (r#"{"op":3,"op":0,"t":"x","t":"PRESENCE_UPDATE","d":3,"d":{"user_id":"7"}}"#, "update 7 offline"),
        (r#"{"op":5,"d":null}"#, r#"unknown Some(5) """#),
        (r#"{"op":0,"t":"NEWS","d":{"1":{}}}"#, r#"unknown Some(0) "NEWS""#),
        // One broken presence loses nobody else; null and {} are no presence, and nobody is offline for it.
        (
            r#"{"op":0,"d":{"1":{"kv":1},"2":null,"3":{},"x":{"a":1},"99999999999999999999":{"a":1},"4":{"kv":{}}},"t":"INIT_STATE"}"#,
            "init 1 offline [a person's presence is not an object, or an empty one] [a person's presence is not an object, or an empty one] [a person listed under something that is no id] [a person listed under something that is no id] 4 offline.",
        ),
    ] {
        assert_eq!(told_of_text(text), expected, "{text}");
        assert_eq!(told_of_zlib(text), expected, "{text}");
    }
}

#[test]
fn what_no_frame_is() {
    for (text, expected) in [
        ("", "error: the frame ends in the middle"),
        ("nonsense", "error: not JSON: something unexpected at byte 0"),
        ("[]", "error: not JSON: something unexpected at byte 0"),
        ("{}", "error: neither `op` nor `t` in the frame"),
        (r#"{"op":0"#, "error: the frame ends in the middle"),
        (r#"{"op":0,"d":{"a":tru"#, "error: the frame ends in the middle"),
        (r#"{"op":0,"d":{"a":1,}}"#, "error: not JSON: key must be a string at line 1 column 8"),
        (r#"{"op" 0}"#, "error: not JSON: something unexpected at byte 6"),
        (r#"{"op":0,}"#, "error: not JSON: something unexpected at byte 8"),
        ("{op:0}", "error: not JSON: something unexpected at byte 1"),
        (r#"{"op":0,"t":"PRESENCE_UPDATE","d":{}}"#, "error: `PRESENCE_UPDATE` has no usable `d`"),
        (r#"{"op":0,"t":"PRESENCE_UPDATE"}"#, "error: `PRESENCE_UPDATE` has no usable `d`"),
        (r#"{"op":0,"t":"PRESENCE_UPDATE","d":{"kv":{}}}"#, "error: a presence without a user id"),
        (r#"{"op":0,"t":"INIT_STATE","d":[1]}"#, "error: `INIT_STATE` has no usable `d`"),
        (
            r#"{"op":0,"d":{"1":{"a":1}},"t":"NEWS"}"#,
            "init 1 offline [a map of people in a frame that is no INIT_STATE] and then it breaks",
        ),
        (
            r#"{"op":0,"d":{"1":{"a":1},"2":{"a":"#,
            "init 1 offline [the frame ends in the middle] and then it breaks",
        ),
        (
            r#"{"op":0,"d":{"1":{"a":1} "2":{}}}"#,
            "init 1 offline [not JSON: something unexpected at byte 25] and then it breaks",
        ),
    ] {
        assert_eq!(told_of_text(text), expected, "{text}");
        assert_eq!(told_of_zlib(text), expected, "{text}");
    }
}

#[test]
fn what_no_zlib_is() {
    let frame = r#"{"op":0,"t":"PRESENCE_UPDATE","d":{"user_id":"7"}}"#;
    let whole = deflate(frame.as_bytes());
    let told = |bytes: &[u8]| told(Decoder::new(CAP).decode(Payload::Binary(bytes)));
    assert!(told(b"{\"op\":1}").starts_with("error: not a zlib stream"));
    assert_eq!(told(b""), "error: the frame ends in the middle");
    // What comes after a stream's end does not matter.
    assert_eq!(told(&[&whole[..], b"more"].concat()), "update 7 offline");
    for end in 0..whole.len() - 6 {
        assert_eq!(told(&whole[..end]), "error: the frame ends in the middle", "cut at {end}");
    }
}

/// Numbers that end in the middle of a token wherever the room happens to end.
fn large_init_state(people: usize) -> (String, String) {
    let (mut text, mut expected) = (r#"{"op":0,"d":{"#.to_owned(), "init".to_owned());
    for id in 1..=people {
        let comma = if id == 1 { "" } else { "," };
        let numbers = "-1.5e-3,-7,null,true,\"\\u00e9\\\\\",".repeat(id % 40 + 1);
        write!(text, r#"{comma}"{id}":{{"discord_status":"idle","x":[{numbers}-0.25]}}"#).unwrap();
        write!(expected, " {id} idle").unwrap();
    }
    (text + r#"},"t":"INIT_STATE"}"#, expected + ".")
}

#[test]
fn a_large_init_state_is_read_in_pieces() {
    let (text, expected) = large_init_state(6_000);
    assert!(text.len() > 2 << 20);
    assert_eq!(told_of_text(&text), expected);
    let mut decoder = Decoder::new(CAP);
    assert_eq!(told(decoder.decode(Payload::Binary(&deflate(text.as_bytes())))), expected);
    assert!(decoder.room_bytes() <= 256 << 10, "{}", decoder.room_bytes());
    // And the next frame is an ordinary one.
    let hello = deflate(br#"{"op":1,"d":{"heartbeat_interval":30000}}"#);
    assert_eq!(told(decoder.decode(Payload::Binary(&hello))), "hello 30s");
}

#[test]
fn a_bomb_costs_no_more_than_the_cap() {
    let spaces = " ".repeat(20 << 20);
    let quoted = format!(r#"{{"op":0,"d":{{"1":{{"a":"{spaces}"}}}},"t":"INIT_STATE"}}"#);
    let bare = format!(r#"{{"op":0,{spaces}"t":"PRESENCE_UPDATE","d":{{}}}}"#);
    for bomb in [quoted, bare] {
        let mut decoder = Decoder::new(1 << 20);
        let told = told(decoder.decode(Payload::Binary(&deflate(bomb.as_bytes()))));
        assert!(told.contains("the frame inflates to more than 1048576 bytes"), "{told}");
        assert!(decoder.room_bytes() <= 4 << 20, "{}", decoder.room_bytes());
    }
}

#[test]
fn a_presence_larger_than_any_is_not_waited_for() {
    let endless = format!(r#"{{"op":0,"d":{{"1":{{"a":"{}"#, "x".repeat(34 << 20));
    let told = told_of_zlib(&endless);
    assert!(told.contains("more than 33554432 bytes"), "{told}");
}

#[test]
fn an_update_that_is_larger_than_the_room() {
    let large = format!(
        r#"{{"op":0,"d":{{"user_id":"7","kv":{{"a":"{}"}}}},"t":"PRESENCE_UPDATE"}}"#,
        "é".repeat(400_000)
    );
    assert_eq!(told_of_zlib(&large), "update 7 offline");
}

proptest! {
    #[test]
    fn any_bytes_give_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        told(Decoder::new(CAP).decode(Payload::Binary(&bytes)));
        told(Decoder::new(CAP).decode(Payload::Binary(&deflate(&bytes))));
        told(Decoder::new(CAP).decode(Payload::Text(&String::from_utf8_lossy(&bytes))));
    }

    #[test]
    fn any_damage_gives_a_frame_or_an_error(
        people in 0_usize..12,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (text, _) = large_init_state(people);
        let mut bytes = text.into_bytes();
        for (at, byte) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        told(Decoder::new(CAP).decode(Payload::Text(&String::from_utf8_lossy(&bytes))));
        let mut deflated = deflate(&bytes);
        let mut decoder = Decoder::new(CAP);
        told(decoder.decode(Payload::Binary(&deflated)));
        told(decoder.decode(Payload::Binary(&deflated[..cut.index(deflated.len())])));
        let at = cut.index(deflated.len());
        deflated[at] ^= damage[0].1;
        told(decoder.decode(Payload::Binary(&deflated)));
    }

    /// Text and zlib say the same, whatever stands between the tokens, in whatever order the keys come.
    #[test]
    fn text_and_zlib_agree(
        people in proptest::collection::vec((0_u64..1_000_000, "[ \n\t]{0,5}", "\\PC{0,30}"), 0..60),
        t_first in any::<bool>(),
    ) {
        let entries = people.iter().map(|(id, space, name)| {
            let name = serde_json::to_string(name).unwrap();
            format!(r#"{space}"{id}"{space}:{space}{{"discord_user":{space}{{"username":{name}}}}}{space}"#)
        });
        let d = format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
        let text = if t_first {
            format!(r#"{{"t":"INIT_STATE","op":0,"d":{d}}}"#)
        } else {
            format!(r#"{{"op":0,"d":{d},"t":"INIT_STATE"}}"#)
        };
        let mut expected = "init".to_owned();
        for (id, ..) in &people {
            write!(expected, " {id} offline").unwrap();
        }
        prop_assert_eq!(told_of_text(&text), expected + ".");
        prop_assert_eq!(told_of_zlib(&text), told_of_text(&text));
    }
}
