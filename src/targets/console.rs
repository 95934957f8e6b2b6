//! `console`: prints one line, for trying things out.

use std::time::Duration;

use super::place::{Escape, Place};
use super::{Call, Key, Kind, Main, Shape, nothing_implied, unchecked};
use crate::printable::moves;

pub(super) const KIND: Kind = Kind {
    name: "console",
    doc: "Prints one line where doorchime runs, for trying things out.",
    settings: &[],
    parts: &[Key::new("text", Shape::Text, "The line; says what changed if not given.")],
    elsewhere: &[("message", "write `text`"), ("body", "write `text`"), ("content", "write `text`")],
    main: Main::Text { part: "text", instead: &[] },
    place: |_, _| Place::shown(Escape::None).chars(4_000).line(),
    check: unchecked,
    implied: nothing_implied,
};

pub(super) const MIN_GAP: Duration = Duration::ZERO;

pub(super) struct Console;

impl Console {
    /// Terminal-safe whatever wrote the parts: they have been on disk since they were rendered.
    #[expect(clippy::unused_self, reason = "like every other kind's")]
    pub(super) fn line(&self, call: Call<'_>) -> String {
        call.text("text").chars().map(|c| if moves(c) { ' ' } else { c }).collect()
    }
}
