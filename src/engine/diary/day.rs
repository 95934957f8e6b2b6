//! One person's day: what has ended and what goes on, and nothing of what nobody saw.

use super::book::{KEPT_MS, Pages};
use super::stretch::{Lane, Span, Stretch, cut, track_name};
use crate::engine::person::{Since, Standing};
use crate::engine::view::PersonView;
use crate::presence::model::{Presence, Status};

/// The last hours of a person, by wall time.
#[derive(Debug, PartialEq, Eq)]
pub struct Day {
    pub from_ms: i64,
    pub to_ms: i64,
    /// Of what was before this nothing is told: there was too much.
    pub kept_from_ms: Option<i64>,
    /// In the order of `Lane::ALL`.
    pub lanes: Vec<(Lane, Vec<Bar>)>,
    /// When the person was not watched, in order and apart.
    pub unwatched: Vec<Span>,
}

/// A stretch, as far as it was seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Bar {
    /// Empty for several in a row.
    pub name: Box<str>,
    pub span: Span,
    /// How many short ones it is made of.
    pub parts: u32,
    /// It is not over.
    pub goes_on: bool,
}

impl Day {
    pub fn of(now_ms: i64, pages: Pages, person: &PersonView) -> Self {
        let Pages { mut stretches, mut unwatched, unseen_since, let_go_ms } = pages;
        let from_ms = now_ms.saturating_sub(KEPT_MS);
        let kept_from_ms = let_go_ms.filter(|&ms| ms > from_ms);
        let told = Span { from_ms: kept_from_ms.unwrap_or(from_ms), to_ms: now_ms };
        if person.standing != Standing::Live {
            let from_ms = unseen_since.or(person.heard_ms).unwrap_or(i64::MIN);
            unwatched.push(Span { from_ms, to_ms: i64::MAX });
        }
        let unwatched = apart(unwatched, told);
        if let Some(presence) = person.shown() {
            // A status whose beginning is not known began at the earliest where the one before it ended.
            let of_status = stretches.iter().rev().find(|stretch| stretch.lane == Lane::Status);
            let before_ms = of_status.map(|stretch| stretch.to_ms);
            stretches.extend(going_on(&presence, &person.since, before_ms));
        }
        let lane = |lane| {
            let of_lane = stretches.iter().filter(|stretch| stretch.lane == lane);
            let mut bars: Vec<Bar> = of_lane.flat_map(|stretch| seen(stretch, told, &unwatched)).collect();
            bars.sort_by_key(|bar| (bar.span.from_ms, bar.span.to_ms));
            (lane, bars)
        };
        let lanes = Lane::ALL.map(lane).into();
        Self { from_ms, to_ms: now_ms, kept_from_ms, lanes, unwatched }
    }
}

/// What a person does now, without an end.
fn going_on(presence: &Presence<'_>, since: &Since, before_ms: Option<i64>) -> Vec<Stretch> {
    let endless = |lane, name: &str, began_ms: Option<i64>| Stretch {
        lane,
        name: cut(name),
        from_ms: began_ms.unwrap_or(i64::MIN),
        to_ms: i64::MAX,
        parts: 1,
    };
    let status_ms = if presence.status == Status::Offline { since.online_ms() } else { since.status_ms() };
    let status = endless(Lane::Status, presence.status.word(), status_ms.or(before_ms));
    let track = presence.track.as_ref();
    let track = track.map(|track| endless(Lane::Listening, &track_name(track), since.track_ms()));
    let doing = presence.activities.iter().filter_map(|activity| {
        let lane = Lane::of_activity(activity.kind)?;
        Some(endless(lane, &activity.name, since.seen_ms(activity)))
    });
    std::iter::once(status).chain(track).chain(doing).collect()
}

/// What was seen of a stretch: its parts in `told` and outside of `unwatched`.
fn seen(stretch: &Stretch, told: Span, unwatched: &[Span]) -> Vec<Bar> {
    let bar = |from_ms, to_ms| Bar {
        name: stretch.name.clone(),
        span: Span { from_ms, to_ms },
        parts: stretch.parts,
        goes_on: stretch.to_ms == i64::MAX && to_ms == told.to_ms,
    };
    let (from_ms, to_ms) = (stretch.from_ms.max(told.from_ms), stretch.to_ms.min(told.to_ms));
    let (mut at_ms, mut bars) = (from_ms, Vec::new());
    for blind in unwatched.iter().filter(|blind| blind.to_ms > from_ms && blind.from_ms < to_ms) {
        bars.push(bar(at_ms, blind.from_ms));
        at_ms = blind.to_ms;
    }
    bars.push(bar(at_ms, to_ms));
    bars.retain(|bar| bar.span.from_ms < bar.span.to_ms);
    bars
}

/// The same times within `told`, in order and apart.
fn apart(mut spans: Vec<Span>, told: Span) -> Vec<Span> {
    spans.sort_by_key(|span| span.from_ms);
    let mut apart: Vec<Span> = Vec::new();
    for Span { from_ms, to_ms } in spans {
        let span = Span { from_ms: from_ms.max(told.from_ms), to_ms: to_ms.min(told.to_ms) };
        match apart.last_mut() {
            Some(last) if span.from_ms <= last.to_ms => last.to_ms = last.to_ms.max(span.to_ms),
            _ if span.from_ms < span.to_ms => apart.push(span),
            _ => {}
        }
    }
    apart
}
