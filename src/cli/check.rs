//! `check`: every mistake in the rules file, and on request what Lanyard and the targets say of it.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::args::Check;
use super::exit::{Ended, Exit};
use super::online::{self, Online};
use super::rules_file;
use super::style::{self, paint};
use super::words::count;
use crate::printable;
use crate::rules::compile::Loaded;
use crate::rules::diagnostic::Findings;
use crate::rules::file;
use crate::rules::set::RuleSet;

pub(super) fn check(args: &Check) -> Ended {
    let path = rules_file::find(args.rules.rules.as_deref())?;
    let piped = path == Path::new("-");
    let name = if piped { "<stdin>".to_owned() } else { path.display().to_string() };
    let read = if piped { file::load_from(&name, std::io::stdin().lock()) } else { file::load(&path) };
    let loaded = match read {
        Ok(loaded) => loaded,
        Err(findings) => return refused(args, &name, &findings),
    };
    let online = if args.online { Some(online::ask(&loaded.set, args.json)?) } else { None };
    let exit = if online.as_ref().is_none_or(Online::fine) { Exit::Fine } else { Exit::Findings };
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{}", printable::json(&as_json(&name, &loaded, online.as_ref())))?;
        return Ok(exit);
    }
    if !loaded.warnings.is_empty() {
        writeln!(out, "{}", loaded.warnings.render(true))?;
    }
    for line in online.iter().flat_map(Online::lines) {
        writeln!(out, "{line}")?;
    }
    let spotless = loaded.warnings.is_empty() && exit == Exit::Fine;
    writeln!(out, "{}", summary(&name, &loaded, spotless))?;
    Ok(exit)
}

fn refused(args: &Check, name: &str, findings: &Findings) -> Ended {
    let mut out = anstream::stdout().lock();
    if args.json {
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

fn summary(name: &str, loaded: &Loaded, spotless: bool) -> String {
    let set = &loaded.set;
    let off = set.rules.iter().filter(|rule| !rule.enabled).count();
    let off = if off > 0 { format!(" ({off} not enabled)") } else { String::new() };
    let people = count(set.people.len(), "person", "people");
    let targets = count(set.targets.len(), "target", "targets");
    let rules = count(set.rules.len(), "rule", "rules");
    let fine = if spotless { "is fine" } else { "can be used" };
    format!("{} {}: {people}, {targets}, {rules}{off}", paint(style::HEAD, name), paint(style::GOOD, fine))
}

fn as_json(name: &str, loaded: &Loaded, online: Option<&Online>) -> Value {
    let RuleSet { people, targets, rules, .. } = &loaded.set;
    json!({
        "file": name,
        "ok": true,
        "errors": 0,
        "warnings": loaded.warnings.warnings(),
        "problems": loaded.warnings.to_json(),
        "people": people.len(),
        "targets": targets.len(),
        "rules": rules.len(),
        "online": online.map(Online::as_json),
    })
}
