//! Stories about rules files: what is written, and what is said about it.

mod anything;
mod disk;
mod fallbacks;
mod files;
mod noise;
mod own;
mod places;
mod schema;
mod secrets;
mod slips;
mod states;
mod stories;
mod story;
mod targets;
mod variables;

use super::compile::{Loaded, compile};
use super::diagnostic::Findings;
use super::places::Source;
use super::vars::Vars;

/// A few variables and files.
struct Room;

impl Vars for Room {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "TOPIC" => Some("bells".to_owned()),
            "EMPTY" => Some(String::new()),
            "LONG" => Some("x".repeat(100_000)),
            "YAML" => Some("a, b: [c]\nrules: []".to_owned()),
            "TEN" => Some("10m".to_owned()),
            "SECRET" => Some("T0PSECRET".to_owned()),
            "PIN" => Some("4711".to_owned()),
            "BRACES" => Some("}}\"{{nobody}} {{".to_owned()),
            _ => None,
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        if path == "token" { Ok("tk_1\n".to_owned()) } else { Err("is not there".to_owned()) }
    }

    fn ca(&self, path: &str) -> Result<String, String> {
        if path == "none.pem" { Err("is not there".to_owned()) } else { Ok(path.to_owned()) }
    }
}

fn load(text: &str) -> Result<Loaded, Findings> {
    compile(Source::new("rules.yaml", text), &Room)
}

/// Everything said about a file, a line each: `line:column severity: message (help)`.
fn said(text: &str) -> String {
    let findings = match load(text) {
        Ok(loaded) => loaded.warnings,
        Err(findings) => findings,
    };
    let mut said = String::new();
    for problem in findings.problems() {
        let (line, column) = problem.at.map_or((0, 0), |at| findings.source().line_column(at.start));
        let help = problem.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        let severity = problem.severity.word();
        said += &[&format!("{line}:{column} {severity}: "), problem.what.as_str(), &help, "\n"].concat();
    }
    said
}

fn check(text: &str, expected: &str) {
    let found = said(text);
    let trimmed: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, trimmed, "in\n{text}");
}
