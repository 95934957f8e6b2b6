//! All tests of a file, played: how many passed, and everything about those that did not.

use std::sync::Arc;

use serde_json::{Value, json};

use super::story::{Asked, Firing, Played, play};
use super::telling::{Said, tell, width};
use crate::outbox::delivery::Delivery;
use crate::printable::{count, plain};
use crate::rules::set::RuleSet;
use crate::rules::story::Story;
use crate::targets::filled;
use crate::time::millis;

/// So many tests that failed are named in one sentence.
const NAMED_MAX: usize = 3;

pub struct Report<'s> {
    rules: &'s Arc<RuleSet>,
    pub played: usize,
    pub failed: Vec<Failed<'s>>,
}

/// A test that failed.
pub struct Failed<'s> {
    pub story: &'s Story,
    pub played: Played,
}

impl<'s> Report<'s> {
    /// Plays the tests, one after another; `after_each` may show how far it is.
    pub fn play(
        rules: &'s Arc<RuleSet>,
        stories: impl IntoIterator<Item = &'s Story>,
        mut after_each: impl FnMut(&'s Story, &Played),
    ) -> Self {
        let mut report = Self { rules, played: 0, failed: Vec::new() };
        for story in stories {
            let played = play(rules, story);
            after_each(story, &played);
            report.played += 1;
            if !played.passed() {
                report.failed.push(Failed { story, played });
            }
        }
        report
    }

    /// "2 of 5 tests failed: `a`, `b`"; nothing if none did.
    pub fn sentence(&self) -> Option<String> {
        let failed = self.failed.len();
        let names = self.failed.iter().take(NAMED_MAX).map(|it| format!("`{}`", plain(&it.story.name)));
        let more = failed.saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names.collect::<Vec<_>>().join(", ");
        (failed > 0)
            .then(|| format!("{failed} of {} failed: {names}{more}", count(self.played, "test", "tests")))
    }

    /// What happened in each test that failed, without colours.
    pub fn text(&self) -> String {
        let each = self.failed.iter().map(|Failed { story, played }| {
            let said = tell(self.rules, story, played);
            let wide = width(&said);
            let lines = said.iter().map(|line| format!("  {}\n", line.plain(wide)));
            format!("{} (line {})\n{}", plain(&story.name), story.line, lines.collect::<String>())
        });
        each.collect::<Vec<_>>().join("\n")
    }

    /// For other programs.
    pub fn to_json(&self) -> Value {
        json!({
            "passed": self.played - self.failed.len(),
            "failed": self.failed.iter().map(|failed| failed.to_json(self.rules)).collect::<Vec<_>>(),
        })
    }
}

impl Failed<'_> {
    fn to_json(&self, rules: &RuleSet) -> Value {
        let Self { story, played } = self;
        let missing = played.missing.iter().map(|&at| {
            let expected = &story.expect[at];
            json!({"line": expected.line, "expected": &*expected.said})
        });
        let unexpected = played.firings.iter().filter(|firing| firing.asked == Asked::Unexpected);
        json!({
            "name": story.name,
            "line": story.line,
            "missing": missing.collect::<Vec<_>>(),
            "unexpected": unexpected.map(firing_json).collect::<Vec<_>>(),
            "timeline": tell(rules, story, played).iter().map(said_json).collect::<Vec<_>>(),
        })
    }
}

fn firing_json(firing: &Firing) -> Value {
    let message =
        |message: &Delivery| json!({"to": &*message.target, "parts": filled::shown(&message.parts)});
    json!({
        "rule": &*firing.rule,
        "person": firing.called.as_deref(),
        "person_id": firing.person.map(|person| person.to_string()),
        "at_ms": millis(firing.now.mono),
        "messages": firing.messages.iter().map(message).collect::<Vec<_>>(),
    })
}

fn said_json(said: &Said) -> Value {
    json!({"at_ms": said.since.map(millis), "about": said.tone.name(), "text": said.text})
}
