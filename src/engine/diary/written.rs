//! The diary as a text, to be kept on disk.

use serde::{Deserialize, Serialize};

use super::book::{Diary, Person};
use super::stretch::{Lane, Span, Stretch, cut};
use crate::presence::model::UserId;

/// Times are milliseconds; what may be missing is left out.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    blind: Vec<(i64, i64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blind_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    let_go: Option<i64>,
    people: Vec<WrittenPerson>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct WrittenPerson {
    id: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<(i64, i64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    let_go: Option<i64>,
    /// The lane's number, the name, from and to, and of how many it is made.
    was: Vec<(usize, Box<str>, i64, i64, u32)>,
}

pub fn write(diary: &Diary) -> String {
    let pairs =
        |spans: &mut dyn Iterator<Item = &Span>| spans.map(|span| (span.from_ms, span.to_ms)).collect();
    let person = |(id, person): (&UserId, &Person)| WrittenPerson {
        id: id.0,
        unseen: pairs(&mut person.unseen.iter()),
        unseen_since: person.unseen_since,
        let_go: person.let_go_ms,
        was: person
            .stretches
            .iter()
            .map(|was| (was.lane as usize, was.name.clone(), was.from_ms, was.to_ms, was.parts))
            .collect(),
    };
    let written = Written {
        blind: pairs(&mut diary.blind.iter()),
        blind_since: diary.blind_since,
        let_go: diary.let_go_ms,
        people: diary.people.iter().map(person).collect(),
    };
    serde_json::to_string(&written).unwrap_or_default()
}

/// Fills a fresh diary; false if the text is none of ours, and then nothing is known.
pub fn read(text: &str, diary: &mut Diary) -> bool {
    let Ok(written) = serde_json::from_str::<Written>(text) else { return false };
    let spans =
        |pairs: Vec<(i64, i64)>| pairs.into_iter().map(|(from_ms, to_ms)| Span { from_ms, to_ms }).collect();
    diary.blind = spans(written.blind);
    diary.blind_since = written.blind_since;
    diary.let_go_ms = written.let_go;
    for WrittenPerson { id, unseen, unseen_since, let_go, was } in written.people {
        let stretches = was.into_iter().filter_map(|(lane, name, from_ms, to_ms, parts)| {
            // A lane that only another version knows.
            let lane = *Lane::ALL.get(lane)?;
            Some(Stretch { lane, name: cut(&name), from_ms, to_ms, parts })
        });
        let person =
            Person { stretches: stretches.collect(), unseen: spans(unseen), unseen_since, let_go_ms: let_go };
        diary.people.insert(UserId(id), person);
    }
    true
}
