//! What README.md and the starter file show can be used as it stands.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::program::{doorchime, run};

const PEOPLE: &str = "people: {ada: \"94490510688792576\"}\n";

/// The YAML blocks of a Markdown text.
fn blocks(text: &str) -> Vec<&str> {
    text.split("\n```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A value that suits a variable's name.
fn invented(variable: &str) -> &'static str {
    match variable {
        "TELEGRAM_TOKEN" => "123456789:invented",
        "TELEGRAM_CHAT" => "-1001",
        name if name.starts_with("PUSHOVER") => "inventedinventedinventedinvent",
        name if name.ends_with("URL") => "http://127.0.0.1:9/invented",
        _ => "invented",
    }
}

#[test]
fn every_rules_file_in_the_readme_passes_check() {
    let here = tempdir().unwrap();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks = blocks(&readme);
    assert!(blocks.len() > 9, "{blocks:?}");
    for block in blocks {
        let needs_people = block.contains("ada") && !block.contains("people:");
        let whole = if needs_people { format!("{PEOPLE}{block}") } else { block.to_owned() };
        fs::write(here.path().join("rules.yaml"), &whole).unwrap();
        let mut check = doorchime(here.path(), ["check"]);
        for name in whole.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()) {
            check.env(name, invented(name));
        }
        let checked = check.output().unwrap();
        let told = String::from_utf8(checked.stdout).unwrap();
        // A webhook of Home Assistant never says no, and `check` says that.
        let fit = if whole.contains("webhook_id") { "1 warning in" } else { "is fine" };
        assert!(checked.status.success() && told.contains(fit), "{whole}\n{told}");
    }
}

#[test]
fn the_files_to_begin_with_pass_check() {
    let here = tempdir().unwrap();
    assert_eq!(run(here.path(), ["init"]).code, Some(0));
    let checked = run(here.path(), ["check"]);
    assert_eq!(checked.out, "rules.yaml is fine: 1 person, 1 target, 2 rules\n", "{}", checked.err);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.example.yaml");
    let checked = run(here.path(), ["check".as_ref(), example.as_os_str()]);
    assert_eq!(checked.code, Some(0), "{}", checked.out);
    // It shows each feature, a webhook of Home Assistant among them.
    assert!(
        checked.out.contains("any `webhook_id`") && checked.out.contains("\n1 warning in "),
        "{}",
        checked.out
    );
}
