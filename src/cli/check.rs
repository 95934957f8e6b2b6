//! `check`: every mistake in the rules file, its tests, and on request what Lanyard and the targets say of it.

use std::io::Write;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::Check;
use super::exit::{Ended, Exit};
use super::online::{self, Online};
use super::rules_file;
use super::style::{self, paint};
use super::test;
use super::words::count;
use crate::printable;
use crate::rehearsal::report::Report;
use crate::rules::compile::Loaded;
use crate::rules::diagnostic::Findings;
use crate::rules::set::RuleSet;

pub(super) fn check(args: &Check) -> Ended {
    let (name, read) = rules_file::read(args.rules.rules.as_deref())?;
    let Loaded { set, stories, warnings } = match read {
        Ok(loaded) => loaded,
        Err(findings) => return refused(args.json, &name, &findings),
    };
    let set = Arc::new(set);
    let report = Report::play(&set, &stories, |_, _| {});
    let online = if args.online { Some(online::ask(&set, args.json)?) } else { None };
    let fine = report.failed.is_empty() && online.as_ref().is_none_or(Online::fine);
    let exit = if fine { Exit::Fine } else { Exit::Findings };
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{}", printable::json(&as_json(&name, &set, &warnings, &report, online.as_ref())))?;
        return Ok(exit);
    }
    if !warnings.is_empty() {
        writeln!(out, "{}", warnings.render(true))?;
    }
    for failed in &report.failed {
        test::show(&name, &set, failed.story, &failed.played, false)?;
    }
    for line in online.iter().flat_map(Online::lines) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", summary(&name, &set, &report, warnings.is_empty() && fine))?;
    Ok(exit)
}

/// Shows the mistakes of a file that cannot be used.
pub(super) fn refused(as_json: bool, name: &str, findings: &Findings) -> Ended {
    let mut out = anstream::stdout().lock();
    if as_json {
        let told = json!({
            "file": name,
            "ok": false,
            "errors": findings.errors(),
            "warnings": findings.warnings(),
            "problems": findings.to_json(),
        });
        writeln!(out, "{}", printable::json(&told))?;
    } else {
        write!(out, "{}", findings.render(true))?;
    }
    Ok(rules_file::exit_for(findings))
}

fn summary(name: &str, set: &RuleSet, report: &Report<'_>, spotless: bool) -> String {
    let off = set.rules.iter().filter(|rule| !rule.enabled).count();
    let off = if off > 0 { format!(" ({off} not enabled)") } else { String::new() };
    let people = count(set.people.len(), "person", "people");
    let targets = count(set.targets.len(), "target", "targets");
    let rules = count(set.rules.len(), "rule", "rules");
    let fine = if spotless { "is fine" } else { "can be used" };
    let tests = match (report.played, report.failed.len()) {
        (0, _) => String::new(),
        (played, 0) => {
            format!(", {}", paint(style::GOOD, format!("{} passed", count(played, "test", "tests"))))
        }
        (played, failed) => {
            let tests = count(played, "test", "tests");
            format!(", {}", paint(style::BAD, format!("{failed} of {tests} failed")))
        }
    };
    let head = format!("{} {}", paint(style::HEAD, name), paint(style::GOOD, fine));
    format!("{head}: {people}, {targets}, {rules}{off}{tests}")
}

fn as_json(
    name: &str,
    set: &RuleSet,
    warnings: &Findings,
    report: &Report<'_>,
    online: Option<&Online>,
) -> Value {
    json!({
        "file": name,
        "ok": report.failed.is_empty(),
        "errors": 0,
        "warnings": warnings.warnings(),
        "problems": warnings.to_json(),
        "people": set.people.len(),
        "targets": set.targets.len(),
        "rules": set.rules.len(),
        "tests": report.to_json(),
        "online": online.map(Online::as_json),
    })
}
