//! What the demo shows: who does what, what rings, and what stays quiet and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::receiver::Got;
use crate::cli::style::{self, paint, plain};
use crate::cli::words::count;
use crate::engine::effects::Told;
use crate::engine::verdict::Verdict;
use crate::rules::set::RuleSet;

/// The lines, and what has been counted for the summary.
pub struct Screen {
    /// Targets by rule, for what rings.
    targets: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    changes: usize,
    rules: BTreeMap<Arc<str>, Tally>,
}

/// What one rule did.
#[derive(Default)]
struct Tally {
    rang: usize,
    /// By the verdict's word.
    quiet: BTreeMap<&'static str, usize>,
}

impl Screen {
    pub fn new(rules: &RuleSet) -> Self {
        let enabled = rules.rules.iter().filter(|rule| rule.enabled);
        let targets = enabled.map(|rule| (&rule.id, rule.sends().map(|send| &send.to)));
        Self::of(targets.map(|(id, to)| (id.clone(), to.cloned().collect())).collect())
    }

    fn of(targets: BTreeMap<Arc<str>, Vec<Arc<str>>>) -> Self {
        let rules = targets.keys().map(|rule| (Arc::clone(rule), Tally::default())).collect();
        Self { targets, changes: 0, rules }
    }

    /// The lines for what doorchime made of it: one for each person, then one for each rule that has
    /// something to say.
    pub fn happened(&mut self, told: &[Told]) -> Vec<String> {
        let mut lines = Vec::new();
        for batch in told.chunk_by(|one, other| about(one) == about(other)) {
            lines.extend(self.person(batch));
            lines.extend(batch.iter().filter_map(|told| self.verdict(told)));
        }
        lines
    }

    /// One line: the person, and all that changed about them.
    fn person(&mut self, batch: &[Told]) -> Option<String> {
        let (mut who, mut changes, mut detail) = (None, Vec::new(), String::new());
        for told in batch {
            let Told::Change { name, kind, from, to, late_ms, .. } = told else { continue };
            self.changes += 1;
            who = Some(name);
            if changes.last() != Some(&kind.name()) {
                changes.push(kind.name());
            }
            if detail.is_empty() && !(from.is_empty() && to.is_empty()) {
                let side = |text: &str| if text.is_empty() { "–".to_owned() } else { plain(text) };
                detail = format!("  {} → {}", side(from), side(to));
            }
            if late_ms.is_some() && !detail.ends_with("(late)") {
                detail.push_str(" (late)");
            }
        }
        let line = format!("{}: {}{detail}", plain(who?), changes.join(", "));
        Some(format!("          {}", paint(style::FAINT, line)))
    }

    fn verdict(&mut self, told: &Told) -> Option<String> {
        let Told::Verdict { rule, verdict, .. } = told else { return None };
        let tally = self.rules.entry(Arc::clone(rule)).or_default();
        if *verdict == Verdict::Fired {
            tally.rang += 1;
            let to = self.targets.get(rule).map_or_else(String::new, |to| to.join(", "));
            let rings = paint(style::GOOD, format!("rings {}", plain(rule)));
            return Some(format!("          {rings} → {to}"));
        }
        // That a rule is about something else, or has just rung for the same thing, is no news.
        if matches!(verdict, Verdict::Narrowed | Verdict::ToldAlready) {
            return None;
        }
        *tally.quiet.entry(verdict.word()).or_default() += 1;
        Some(format!("          {}", paint(style::ODD, format!("quiet {}: {verdict}", plain(rule)))))
    }

    pub fn changes(&self) -> usize {
        self.changes
    }

    /// How often each rule rang, and stayed quiet.
    pub fn summary(&self) -> Vec<String> {
        let width = self.rules.keys().map(|rule| rule.chars().count()).max().unwrap_or_default();
        let line = |(rule, tally): (&Arc<str>, &Tally)| {
            let quiet: Vec<String> =
                tally.quiet.iter().map(|(word, times)| format!("{word} {times}")).collect();
            let quiet =
                if quiet.is_empty() { String::new() } else { format!("  quiet: {}", quiet.join(", ")) };
            let rang = format!("rang {}", count(tally.rang, "time", "times"));
            format!("  {:<width$}  {}{}", plain(rule), paint(style::GOOD, rang), paint(style::ODD, quiet))
        };
        self.rules.iter().map(line).collect()
    }
}

/// The line for something that somebody does.
pub fn done(at: Duration, who: &str, what: &str) -> String {
    let clock = paint(style::FAINT, format!("{:6.1} s", at.as_secs_f64()));
    format!("{clock}  {} {}", paint(style::NAME, plain(who)), paint(style::HEAD, plain(what)))
}

/// The line for what arrived.
pub fn arrived(got: &Got) -> String {
    let answer = if got.answered.is_success() {
        String::new()
    } else {
        paint(style::BAD, format!("  answered {}, to be tried again", got.answered.as_u16()))
    };
    format!(
        "                {} {}{answer}",
        paint(style::HEAD, format!("{:<8}", got.target)),
        plain(&got.said)
    )
}

fn about(told: &Told) -> Option<crate::presence::model::UserId> {
    match told {
        Told::Change { person, .. } => Some(*person),
        Told::Verdict { person, .. } => *person,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::presence::change::ChangeKind;
    use crate::presence::model::UserId;
    use crate::rules::cause::Cause;

    fn change(kind: ChangeKind, from: &str, to: &str) -> Told {
        let (person, name) = (UserId(7), "Ada\u{1b}[2J".to_owned());
        let (key, from, to) = (String::new(), from.to_owned(), to.to_owned());
        Told::Change { person, name, kind, key, from, to, late_ms: None }
    }

    fn judged(rule: &str, verdict: Verdict) -> Told {
        let (name, cause) = ("Ada".to_owned(), Cause::Change(ChangeKind::WentOnline));
        Told::Verdict { rule: rule.into(), person: Some(UserId(7)), name, cause, verdict, values: Vec::new() }
    }

    #[test]
    fn one_line_a_person_and_one_for_each_rule_with_something_to_say() {
        let targets = BTreeMap::from([("friend".into(), vec!["phone".into(), "team".into()])]);
        let mut screen = Screen::of(targets);
        let told = [
            change(ChangeKind::WentOnline, "offline", "online"),
            judged("friend", Verdict::Fired),
            judged("other", Verdict::Narrowed),
            change(ChangeKind::JoinedPlatform, "", "desktop"),
            change(ChangeKind::JoinedPlatform, "", "web"),
            judged("again", Verdict::Cooling { left_ms: 8_000 }),
        ];
        let lines = screen.happened(&told);
        let bare: Vec<String> =
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            bare,
            [
                "          Ada\u{fffd}[2J: went_online, joined_platform  offline → online",
                "          rings friend → phone, team",
                "          quiet again: `cooldown` for another 8 s",
            ]
        );
        assert_eq!(screen.changes(), 3);
        let line = done(Duration::from_millis(1_500), "Ada", "comes online");
        assert_eq!(anstream::adapter::strip_str(&line).to_string(), "   1.5 s  Ada comes online");
        let got =
            Got { target: "phone", said: "Ada\nis".to_owned(), answered: StatusCode::SERVICE_UNAVAILABLE };
        let line = anstream::adapter::strip_str(&arrived(&got)).to_string();
        assert_eq!(line, "                phone    Ada\u{fffd}is  answered 503, to be tried again");
        let summary = screen.summary().join("\n");
        let summary = anstream::adapter::strip_str(&summary).to_string();
        assert!(summary.contains("friend  rang 1 time\n") || summary.ends_with("rang 1 time"), "{summary}");
        assert!(summary.contains("again   rang 0 times  quiet: cooldown 1"), "{summary}");
    }
}
