//! What a replay prints: rings or differences as they come, and what they were in all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::difference::{Difference, Side};
use super::progress::Progress;
use super::ring::Ring;
use crate::cli::style::{self, paint, plain};
use crate::cli::words::{ago, count};
use crate::presence::model::UserId;
use crate::printable;
use crate::recording::line::Header;
use crate::recording::playback::{Event, Trouble};
use crate::rules::set::RuleSet;
use crate::time::millis;

/// Places that cannot be read are shown one by one up to this many.
const TROUBLES_MAX: u64 = 20;

pub struct Screen {
    json: bool,
    zone: TimeZone,
    people: Vec<(UserId, String)>,
    strangers_told: bool,
    rules: BTreeMap<Arc<str>, Tally>,
    compares: bool,
    rings: u64,
    troubles: u64,
    /// Places that cannot be read, other than where a recorder was killed.
    damages: u64,
    out: Vec<String>,
    err: Vec<String>,
}

/// What one rule did.
#[derive(Default)]
struct Tally {
    /// With the rules that are replayed, and with the others.
    rang: [u64; 2],
    only: [u64; 2],
    moved: u64,
}

impl Screen {
    pub fn new(rules: &RuleSet, against: Option<&RuleSet>, json: bool) -> Self {
        let both = rules.rules.iter().chain(against.iter().flat_map(|rules| &rules.rules));
        Self {
            json,
            zone: rules.timezone.clone(),
            people: rules.people.iter().map(|person| (person.id, person.key.clone())).collect(),
            strangers_told: false,
            rules: both.map(|rule| (Arc::clone(&rule.id), Tally::default())).collect(),
            compares: against.is_some(),
            rings: 0,
            troubles: 0,
            damages: 0,
            out: Vec::new(),
            err: Vec::new(),
        }
    }

    pub fn rings(&self) -> u64 {
        self.rings
    }

    /// Whether there is something to look at: damage, or a difference.
    pub fn findings(&self) -> bool {
        let differs = |tally: &Tally| tally.only != [0, 0] || tally.moved > 0;
        self.damages > 0 || self.rules.values().any(differs)
    }

    /// What is to be said of the recording itself.
    pub fn notice(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(_, header) => self.started(header),
            Event::Trouble { file, line, why } => self.trouble(file, *line, why),
            _ => {}
        }
    }

    /// Who is in the rules and was not recorded, once.
    fn started(&mut self, header: &Header) {
        if header.everyone || std::mem::replace(&mut self.strangers_told, true) {
            return;
        }
        let recorded: BTreeSet<UserId> = header.people.values().copied().collect();
        let missing: Vec<String> =
            self.people.iter().filter(|(id, _)| !recorded.contains(id)).map(|(_, key)| plain(key)).collect();
        if !missing.is_empty() {
            self.err.push(format!("not recorded: {}; their rules ring nothing", missing.join(", ")));
        }
    }

    pub fn ring(&mut self, ring: &Ring) {
        self.rings += 1;
        self.tally(ring).rang[0] += 1;
        let line =
            if self.json { printable::json_line(&ring.as_json("ring")) } else { ring.line(&self.zone) };
        self.out.push(line);
    }

    pub fn difference(&mut self, difference: Difference) {
        let (mark, style, word, ring, moved_ms) = match difference {
            Difference::Same(ring) => {
                self.rings += 1;
                let tally = self.tally(&ring);
                tally.rang = tally.rang.map(|rang| rang + 1);
                return;
            }
            Difference::Moved(ring, moved_ms) => {
                self.rings += 1;
                let tally = self.tally(&ring);
                tally.rang = tally.rang.map(|rang| rang + 1);
                tally.moved += 1;
                ('~', style::ODD, "moved", ring, Some(moved_ms))
            }
            Difference::Only(side, ring) => {
                let at = usize::from(side == Side::Others);
                let tally = self.tally(&ring);
                tally.rang[at] += 1;
                tally.only[at] += 1;
                self.rings += u64::from(side == Side::These);
                match side {
                    Side::These => ('+', style::GOOD, "added", ring, None),
                    Side::Others => ('-', style::BAD, "removed", ring, None),
                }
            }
        };
        let line = if self.json {
            let mut line = ring.as_json(word);
            if let Value::Object(line) = &mut line {
                line.insert("moved_ms".to_owned(), moved_ms.into());
            }
            printable::json_line(&line)
        } else {
            let moved = moved_ms.map_or_else(String::new, |ms| {
                format!("  ({} {})", ago(ms.abs()), if ms > 0 { "later" } else { "earlier" })
            });
            format!("{} {}{moved}", paint(style, mark), ring.line(&self.zone))
        };
        self.out.push(line);
    }

    fn trouble(&mut self, file: &Path, line: u64, why: &Trouble) {
        self.troubles += 1;
        self.damages += u64::from(!why.is_cut_off());
        if self.troubles <= TROUBLES_MAX {
            self.err.push(format!(
                "{}:{line}: {}",
                plain(&file.display().to_string()),
                plain(&why.to_string())
            ));
        } else if self.troubles == TROUBLES_MAX + 1 {
            self.err.push("there are more such places; they are not shown one by one".to_owned());
        }
    }

    /// Prints what has come.
    pub fn write(&mut self, progress: &mut Progress) -> io::Result<()> {
        if self.out.is_empty() && self.err.is_empty() {
            return Ok(());
        }
        progress.clear();
        let mut out = anstream::stdout().lock();
        for line in self.out.drain(..) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        let mut err = anstream::stderr().lock();
        for line in self.err.drain(..) {
            writeln!(err, "{}", paint(style::ODD, line))?;
        }
        Ok(())
    }

    pub fn summary(
        &self,
        (rules, against): (&Path, Option<&Path>),
        observed: u64,
        length: Duration,
    ) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            return writeln!(out, "{}", printable::json_line(&self.summary_json(observed, length)));
        }
        let observed = count(usize::try_from(observed).unwrap_or(usize::MAX), "observation", "observations");
        let heading = format!("{observed} in {}", ago(millis(length)));
        writeln!(out, "{}{}", if self.rings > 0 { "\n" } else { "" }, paint(style::HEAD, heading))?;
        let width = self.rules.keys().map(|rule| plain(rule).chars().count()).max().unwrap_or_default();
        for (rule, tally) in &self.rules {
            writeln!(out, "  {:<width$}  {}", plain(rule), self.words(tally, (rules, against)))?;
        }
        Ok(())
    }

    fn words(&self, tally: &Tally, (rules, against): (&Path, Option<&Path>)) -> String {
        let times = |rang: u64| match rang {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            rang => format!("{rang} times"),
        };
        let Some(against) = against.filter(|_| self.compares) else {
            let style = if tally.rang[0] > 0 { style::GOOD } else { style::FAINT };
            return paint(style, times(tally.rang[0]));
        };
        let [added, removed] = tally.only;
        let differs = if added + removed + tally.moved == 0 {
            paint(style::FAINT, "no difference")
        } else {
            let moved = if tally.moved > 0 { format!(" ~{}", tally.moved) } else { String::new() };
            paint(style::ODD, format!("+{added} −{removed}{moved}"))
        };
        let name = |path: &Path| plain(&path.display().to_string());
        let [with, before] = tally.rang.map(times);
        format!("{differs}  ({with} with {}, {before} with {})", name(rules), name(against))
    }

    fn summary_json(&self, observed: u64, length: Duration) -> Value {
        let rules: serde_json::Map<String, Value> = self
            .rules
            .iter()
            .map(|(rule, tally)| {
                let told = if self.compares {
                    json!({
                        "rang": tally.rang[0], "rang_against": tally.rang[1],
                        "added": tally.only[0], "removed": tally.only[1], "moved": tally.moved,
                    })
                } else {
                    json!({ "rang": tally.rang[0] })
                };
                (rule.to_string(), told)
            })
            .collect();
        json!({
            "what": "summary", "observations": observed, "length_ms": millis(length), "rules": rules,
            "unreadable": self.troubles,
        })
    }

    fn tally(&mut self, ring: &Ring) -> &mut Tally {
        self.rules.entry(Arc::clone(&ring.what.rule)).or_default()
    }
}
