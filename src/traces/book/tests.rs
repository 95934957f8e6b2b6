//! Stories of notifications, and the traces that they leave.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::presence::model::UserId;

const BEGAN_MS: i64 = 1_700_000_000_000;
const ID: DeliveryId = DeliveryId::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0007);

/// So many milliseconds after the beginning.
fn at(ms: f64) -> Moment {
    let mono = Duration::from_secs(60) + Duration::from_secs_f64(ms / 1000.0);
    Moment { mono, wall_ms: BEGAN_MS + ms.floor() as i64 }
}

fn about() -> About {
    About {
        id: ID,
        number: Some(12),
        target: "phone".into(),
        rule: "friend-online".into(),
        person: Some(UserId(94_490_510_688_792_576)),
        cause: Some("went_online"),
        created_ms: BEGAN_MS,
        instead_of: None,
        fallback: None,
    }
}

fn decided() -> [Happening; 2] {
    let about = About { number: None, ..about() };
    [
        Happening::Decided { about, came: Some(at(0.0)), at: at(0.5) },
        Happening::Committed { id: ID, number: 12, at: at(2.0) },
    ]
}

fn tried(ms: f64, took_ms: u64, before: u32, status: Option<u16>, end: End) -> Happening {
    let fate = match end {
        End::Delivered => Fate::Delivered,
        End::Refused => Fate::Dead,
        _ => Fate::Pending { next_ms: 0 },
    };
    let word = if status.is_some() { end.word() } else { "unsent" };
    let silence = status.is_none().then(|| "connection refused: nothing listens there".to_owned());
    let (began, took) = (at(ms), Duration::from_millis(took_ms));
    let tried = Tried { before, began, took, method: Some("POST"), status, silence, word, end, fate };
    Happening::Tried { about: about(), tried }
}

/// All spans that a new book makes of it.
fn spans(story: impl IntoIterator<Item = Happening>) -> Vec<Span> {
    let mut book = Book::new(Sampler::All);
    let mut spans = Vec::new();
    story.into_iter().for_each(|happening| book.note(happening, &mut spans));
    spans
}

/// What each whole says, whatever has become of it.
fn always() -> [(&'static str, Value); 4] {
    [
        ("doorchime.rule", "friend-online".into()),
        ("doorchime.person", "94490510688792576".into()),
        ("doorchime.target", "phone".into()),
        ("doorchime.delivery.id", ID.to_string().into()),
    ]
}

/// One line a span: its stretch in milliseconds, its name, and what it says.
fn told(story: impl IntoIterator<Item = Happening>) -> Vec<String> {
    let spans = spans(story);
    let ids: std::collections::HashSet<u64> = spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), spans.len(), "each has an id of its own: {spans:#?}");
    let line = |span: &Span| {
        let Span { began_ns, ended_ns, name, .. } = span;
        assert!(span.notification == ID && began_ns <= ended_ns, "{span:#?}");
        if name.starts_with("ring ") {
            assert!(always().iter().all(|one| span.attributes.contains(one)), "{span:#?}");
        }
        let ms = |ns: &i64| (ns - BEGAN_MS * MS_NS) as f64 / MS_NS as f64;
        let below = match span.parent {
            None => "",
            Some(parent) if parent == ids::root(ID) => "- ",
            Some(_) => "- - ",
        };
        let mut line = format!("{below}{name} {:.1}..{:.1}", ms(began_ns), ms(ended_ns));
        for (key, value) in span.attributes.iter().filter(|one| !always().contains(one)) {
            let key = key.strip_prefix("doorchime.").unwrap_or(key);
            let _ =
                write!(line, " {key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        if let Some(why) = &span.failed {
            let _ = write!(line, " FAILED: {why}");
        }
        line
    };
    spans.iter().map(line).collect()
}

#[test]
fn from_the_frame_to_a_yes_after_two_nos() {
    let tries = [
        tried(2.5, 10, 0, None, End::Later),
        tried(1_000.0, 200, 1, Some(503), End::Later),
        tried(3_000.0, 50, 2, Some(204), End::Delivered),
    ];
    let expected = [
        "- decide 0.0..0.5 cause=went_online",
        "- commit 0.5..2.0",
        "- wait 2.0..2.5 wait=turn",
        "- attempt 2.5..12.5 http.request.method=POST error.type=unsent end=later \
         FAILED: connection refused: nothing listens there",
        "- wait 12.5..1000.0 wait=backoff",
        "- attempt 1000.0..1200.0 http.request.method=POST http.request.resend_count=1 \
         http.response.status_code=503 error.type=503 end=later FAILED: HTTP 503",
        "- wait 1200.0..3000.0 wait=backoff",
        "- attempt 3000.0..3050.0 http.request.method=POST http.request.resend_count=2 \
         http.response.status_code=204 end=delivered",
        "ring friend-online 0.0..3050.0 cause=went_online delivery.number=12 end=delivered",
    ];
    assert_eq!(told(decided().into_iter().chain(tries)), expected);
}

#[test]
fn what_goes_on_after_a_restart_belongs_to_the_same_trace() {
    let before = spans(decided().into_iter().chain([tried(2.5, 10, 0, Some(503), End::Later)]));
    // Another process, which knows what the outbox knows: when it came about, but not why.
    let mut later = tried(60_000.0, 50, 1, Some(204), End::Delivered);
    if let Happening::Tried { about, .. } = &mut later {
        about.cause = None;
    }
    let root = spans([later.clone()]).pop().unwrap();
    assert!(root.parent.is_none() && before.iter().all(|span| span.parent == Some(root.id)));
    let expected = [
        "- attempt 60000.0..60050.0 http.request.method=POST http.request.resend_count=1 \
         http.response.status_code=204 end=delivered",
        "ring friend-online 0.0..60050.0 delivery.number=12 end=delivered",
    ];
    assert_eq!(told([later]), expected);
}

#[test]
fn a_first_attempt_that_nothing_was_told_before_has_waited_since_it_was_owed() {
    let expected = [
        "- wait 0.0..60000.0 wait=turn",
        "- attempt 60000.0..60050.0 http.request.method=POST http.response.status_code=204 end=delivered",
        "ring friend-online 0.0..60050.0 cause=went_online delivery.number=12 end=delivered",
    ];
    assert_eq!(told([tried(60_000.0, 50, 0, Some(204), End::Delivered)]), expected);
}

#[test]
fn every_end_is_told() {
    // After `decide` and `commit`.
    let after = |story: Vec<Happening>| told(decided().into_iter().chain(story)).split_off(2);
    let whole =
        |end: &str| format!("ring friend-online 0.0..9.0 cause=went_online delivery.number=12 end={end}");
    let expired = Happening::Expired { about: about(), at: at(9.0) };
    let waited = "- wait 2.0..9.0 wait=turn".to_owned();
    assert_eq!(after(vec![expired.clone()]), [waited, whole("expired FAILED: expired")]);
    assert_eq!(told([expired]), [whole("expired FAILED: expired")]);
    let paused = tried(2.5, 1, 0, Some(429), End::Paused);
    let dropped = after(vec![paused, Happening::Dropped { number: 12, at: at(9.0) }]);
    assert_eq!(dropped[2..], ["- wait 3.5..9.0 wait=target paused".to_owned(), whole("dropped")]);
    let refused = after(vec![tried(2.5, 6_500, 0, Some(400), End::Refused)]);
    assert_eq!(refused[2..], [whole("dead FAILED: dead").replace("9.0", "6502.5")]);
}

#[test]
fn what_a_person_sends_again_is_a_further_part_of_its_trace() {
    let story = [
        tried(2.5, 1, 0, Some(400), End::Refused),
        Happening::Retried { about: about(), at: at(5_000.0) },
        tried(5_001.0, 1, 0, Some(204), End::Delivered),
    ];
    let expected = [
        "- - wait 5000.0..5001.0 wait=turn",
        "- - attempt 5001.0..5002.0 http.request.method=POST http.response.status_code=204 end=delivered",
        "- ring friend-online again 5000.0..5002.0 cause=went_online delivery.number=12 end=delivered",
    ];
    assert_eq!(told(decided().into_iter().chain(story)).split_off(5), expected);
}

#[test]
fn a_fallback_is_linked_and_says_in_whose_place_it_is() {
    let next = DeliveryId::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0009);
    let story = |about: About, end| {
        let Happening::Tried { tried, .. } = tried(2.5, 1, 0, Some(400), end) else { unreachable!() };
        spans([Happening::Tried { about, tried }]).pop().unwrap()
    };
    let first = About { fallback: Some(next), ..about() };
    assert_eq!(story(first.clone(), End::Refused).goes_on, Some(next));
    assert_eq!(story(first, End::Delivered).goes_on, None);
    let second = About { id: next, instead_of: Some("phone".into()), target: "chat".into(), ..about() };
    assert!(story(second, End::Delivered).attributes.contains(&("doorchime.instead_of", "phone".into())));
}

#[test]
fn a_hold_that_ended_has_no_frame_and_begins_when_it_was_owed() {
    let about = About { created_ms: BEGAN_MS + 1, ..about() };
    let spans = spans([Happening::Decided { about, came: None, at: at(0.5) }]);
    let ns = (BEGAN_MS + 1) * MS_NS;
    assert_eq!((spans[0].began_ns, spans[0].ended_ns), (ns, ns), "no span ends before it begins");
}

#[test]
fn a_wall_clock_that_is_set_moves_what_comes_after() {
    let mut book = Book::new(Sampler::All);
    let first = book.ns(at(0.9));
    assert_eq!(book.ns(at(1.1)) - first, 200_000, "in between it is the monotonic clock that counts");
    let set = Moment { wall_ms: BEGAN_MS + 3_600_000, ..at(2.0) };
    assert_eq!(book.ns(set), set.wall_ms * MS_NS);
}

#[test]
fn what_is_not_sampled_leaves_nothing_and_what_is_kept_in_mind_is_bounded() {
    let mut book = Book::new(Sampler::None);
    let mut spans = Vec::new();
    let story = decided().into_iter().chain([tried(2.5, 1, 0, Some(204), End::Delivered)]);
    story.for_each(|happening| book.note(happening, &mut spans));
    assert!(spans.is_empty() && book.open.is_empty());
    let mut book = Book::new(Sampler::All);
    for n in 0..OPEN_MAX as u128 + 5 {
        let about = About { id: DeliveryId::from_u128(n), ..about() };
        book.note(Happening::Decided { about, came: None, at: at(0.0) }, &mut spans);
    }
    assert_eq!((book.open.len(), spans.len()), (OPEN_MAX, OPEN_MAX + 5));
}
