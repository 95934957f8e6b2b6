//! Frames captured from a real server, replayed through decoder and session.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::frame::{Decoder, Frame, Payload};
use super::observation::Observation;
use super::session::{Input, Output, Session};
use super::settings::Subscribe;
use crate::presence::model::{Presence, UserId};

/// What a captured file tells, a line each; each connection for itself, since each has its own client.
fn replay(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lanyard").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    for line in &lines {
        let Some(conn) = line["conn"].as_str() else { continue };
        let now = Duration::from_secs_f64(line["ms"].as_f64().unwrap() / 1000.0);
        let client = clients.entry(conn).or_insert_with(|| Client::new(now, wanted(&lines, conn)));
        match line["dir"].as_str().unwrap() {
            "opened" => client.session.handle(now, Input::Opened),
            "recv" if line["type"] == "binary" => {
                let frame = BASE64_STANDARD.decode(line["b64"].as_str().unwrap()).unwrap();
                client.receive(now, Payload::Binary(&frame));
            }
            "recv" => client.receive(now, Payload::Text(line["text"].as_str().unwrap())),
            "close" => {
                let code = line["code"].as_u64().and_then(|code| u16::try_from(code).ok());
                client.session.handle(now, Input::Closed { code, reason: String::new() });
            }
            _ => {}
        }
        client.drain();
    }
    clients.into_iter().fold(String::new(), |mut told, (conn, client)| {
        writeln!(told, "{conn}\n{}", client.told).unwrap();
        told
    })
}

/// Whom the captured client asked for on this connection.
fn wanted(lines: &[Value], conn: &str) -> (Vec<UserId>, bool) {
    let sent = lines.iter().filter(|line| line["conn"] == conn && line["dir"] == "send");
    let asked: Vec<Value> =
        sent.filter_map(|line| serde_json::from_str(line["text"].as_str()?).ok()).collect();
    let ids = asked.iter().flat_map(|frame| {
        let d = &frame["d"];
        let many = d["subscribe_to_ids"].as_array().into_iter().flatten();
        many.chain([&d["subscribe_to_id"]]).filter_map(|id| id.as_str()?.parse().ok()).collect::<Vec<_>>()
    });
    (ids.collect(), asked.iter().any(|frame| frame["d"]["subscribe_to_all"] == true))
}

struct Client {
    decoder: Decoder,
    session: Session,
    told: String,
}

impl Client {
    fn new(now: Duration, (people, everyone): (Vec<UserId>, bool)) -> Self {
        let mut session = Session::new(Subscribe::Auto, Duration::ZERO, 1);
        session.handle(now, Input::Want { people, everyone });
        Self { decoder: Decoder::new(1 << 20), session, told: String::new() }
    }

    fn receive(&mut self, now: Duration, payload: Payload<'_>) {
        let Self { decoder, session, told } = self;
        match decoder.decode(payload) {
            Ok(Frame::Hello { heartbeat }) => session.handle(now, Input::Hello { heartbeat }),
            Ok(Frame::Update(id, presence)) => {
                let word = if session.updated(now, id) { "updated" } else { "unwanted" };
                writeln!(told, "  {word} {}", shown(id, &presence)).unwrap();
            }
            Ok(Frame::InitState(mut people)) => {
                session.handle(now, Input::InitStateBegins);
                let mut seen = Vec::new();
                while let Some(person) = people.next_person() {
                    let (id, presence) = person.unwrap();
                    let word = if session.seen(id) { "seen" } else { "unwanted" };
                    seen.push(format!("  {word} {}\n", shown(id, &presence)));
                }
                // The server's order of people is not a story.
                seen.sort();
                told.extend(seen);
                session.handle(now, Input::InitStateEnds { whole: people.whole() });
            }
            Ok(Frame::Unknown { op, event }) => writeln!(told, "  unknown {op:?} {event}").unwrap(),
            Err(error) => writeln!(told, "  error {error}").unwrap(),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Send(text) => writeln!(self.told, "  sent {text}").unwrap(),
                Output::Observe(Observation::SnapshotEnd { absent }) => {
                    writeln!(self.told, "  snapshot ends, absent: {absent:?}").unwrap();
                }
                _ => {}
            }
        }
    }
}

fn shown(id: UserId, presence: &Presence<'_>) -> String {
    let mut shown = format!("{id} {}", presence.status.word());
    for platform in presence.platforms.iter() {
        write!(shown, " {}", platform.word()).unwrap();
    }
    for activity in &presence.activities {
        write!(shown, ", {} {}", activity.kind.word(), activity.name.escape_debug()).unwrap();
    }
    if let Some(track) = &presence.track {
        write!(shown, ", hears {} by {}", track.song, track.artist).unwrap();
    }
    if !presence.kv.is_empty() {
        write!(shown, ", kv {:?}", presence.kv).unwrap();
    }
    shown
}

#[test]
fn text_and_zlib_tell_the_same() {
    for name in ["presence-lifecycle", "subscribe-to-all", "subscribe-to-ids-some-unmonitored"] {
        let text = replay(&format!("{name}.json.jsonl"));
        assert_eq!(text, replay(&format!("{name}.zlib.jsonl")), "{name}");
        assert!(!text.contains("error") && !text.contains("unknown"), "{text}");
    }
}

#[test]
fn what_the_captured_frames_tell() {
    for name in [
        "presence-lifecycle",
        "subscribe-to-all",
        "subscribe-to-id",
        "subscribe-to-ids-some-unmonitored",
        "initialize-twice",
        "user-appears-later",
        "user-leaves-and-returns",
    ] {
        insta::assert_snapshot!(name, replay(&format!("{name}.json.jsonl")));
    }
}
