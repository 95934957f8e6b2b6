//! `test`, and what `check` says of the tests in a rules file.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::program::{doorchime, run};

const RULES: &str = "people: {ada: 94490510688792576}
targets: {screen: {type: console}, phone: {type: ntfy, topic: \"${TOPIC:-invented-topic}\"}}
rules:
  - {id: on, who: ada, when: went_online, send: [screen, {to: phone, title: \"${TOPIC:-invented-topic}\", message: \"{{name}}\"}]}
";

const GOOD: &str = "tests:
  - {name: rings, steps: [{at: 5s, ada: online}], expect: [on]}
  - {name: stays quiet, steps: [{at: 0s, ada: online}], expect: []}
";

const BAD: &str = "  - {name: fails, steps: [{at: 5s, ada: online}], expect: [{rule: on, at: 1m}]}
";

fn home(rules: &str) -> TempDir {
    let here = tempdir().unwrap();
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    here
}

#[test]
fn tests_pass_or_tell_why_not() {
    let good = run(home(&format!("{RULES}{GOOD}")).path(), ["test"]);
    assert_eq!(good.code, Some(0), "{}", good.err);
    assert_eq!(good.out, "passed  rings\npassed  stays quiet\nrules.yaml: 2 tests passed\n");
    let bad = run(home(&format!("{RULES}{GOOD}{BAD}")).path(), ["test"]);
    assert_eq!(bad.code, Some(1), "{}", bad.err);
    for told in [
        "passed  rings\n",
        "failed  fails (rules.yaml:8)\n",
        "  5s  ada: online\n",
        "rings on for ada -> screen: ada is online; phone: ada | ",
        "<- not expected\n",
        "missing: rule: on, at: 1m (line 8)\n",
        "it rang at 5s\n",
        "rules.yaml: 1 of 3 tests failed\n",
    ] {
        assert!(bad.out.contains(told), "{told}: {}", bad.out);
    }
    assert!(!bad.out.contains('\u{1b}'), "colours in a pipe: {:?}", bad.out);
}

#[test]
fn some_can_be_picked_and_watched() {
    let here = home(&format!("{RULES}{GOOD}{BAD}"));
    for (only, out) in [
        ("QUIET", "passed  stays quiet\nrules.yaml: 1 test passed\n"),
        ("ring*", "passed  rings\nrules.yaml: 1 test passed\n"),
        ("/s$/", "rules.yaml: 1 of 2 tests failed\n"),
    ] {
        let ran = run(here.path(), ["test", "--only", only]);
        assert!(ran.out.ends_with(out), "{only}: {}", ran.out);
    }
    let none = run(here.path(), ["test", "--only", "nothing"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(none.err.contains("`nothing`") && none.err.contains("`stays quiet`"), "{}", none.err);
    assert_eq!(run(here.path(), ["test", "--only", "/(/"]).code, Some(2));
    let shown = run(here.path(), ["test", "--only", "rings", "--timeline"]);
    assert!(shown.out.contains("rings on for ada") && !shown.out.contains("not expected"), "{}", shown.out);
}

#[test]
fn scripts_are_told_in_one_document() {
    let here = home(&format!("{RULES}{GOOD}{BAD}"));
    let ran = run(here.path(), ["test", "--json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &told["ok"], &told["passed"]), (Some(1), &json!(false), &json!(2)));
    let failed = &told["failed"][0];
    assert_eq!(
        (&failed["name"], &failed["line"], &failed["missing"][0]["expected"]),
        (&json!("fails"), &json!(8), &json!("rule: on, at: 1m"))
    );
    let rang = &failed["unexpected"][0];
    assert_eq!((&rang["rule"], &rang["person"], &rang["at_ms"]), (&json!("on"), &json!("ada"), &json!(5000)));
    assert_eq!(rang["messages"][0]["parts"]["text"], json!("ada is online"));
    assert!(
        failed["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["about"] == "rings unexpectedly" && line["at_ms"] == 5000)
    );
}

#[test]
fn values_from_outside_are_not_shown() {
    let here = home(&format!("{RULES}tests: [{{name: a, steps: [{{at: 5s, ada: online}}], expect: []}}]\n"));
    let secret = "s3cr3t-t0pic";
    for args in [&["test"][..], &["test", "--json"], &["check"], &["check", "--json"]] {
        let ran = doorchime(here.path(), args).env("TOPIC", secret).output().unwrap();
        let out = String::from_utf8(ran.stdout).unwrap() + &String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{out}");
        assert!(out.contains("${TOPIC}") && !out.contains(secret), "{args:?}: {out}");
    }
}

#[test]
fn a_file_without_tests_and_one_with_mistakes() {
    let none = run(home(RULES).path(), ["test"]);
    assert_eq!(none.code, Some(0), "{}", none.err);
    assert!(none.out.contains("has no tests"), "{}", none.out);
    let wrong =
        run(home(&format!("{RULES}tests: [{{name: a, steps: [{{adda: online}}]}}]\n")).path(), ["test"]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.err);
    for told in ["unknown person or group `adda`", "a test without `expect`"] {
        assert!(wrong.out.contains(told), "{told}: {}", wrong.out);
    }
    assert_eq!(run(tempdir().unwrap().path(), ["test", "elsewhere.yaml"]).code, Some(2));
}

#[test]
fn a_file_with_tests_can_be_piped() {
    let here = tempdir().unwrap();
    let mut test = doorchime(here.path(), ["test", "-"]);
    let mut child = test.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{RULES}{GOOD}").as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    assert!(String::from_utf8(ended.stdout).unwrap().ends_with("<stdin>: 2 tests passed\n"));
}

#[test]
fn check_plays_them_too() {
    let good = run(home(&format!("{RULES}{GOOD}")).path(), ["check"]);
    assert_eq!(good.code, Some(0), "{}", good.out);
    assert_eq!(good.out, "rules.yaml is fine: 1 person, 2 targets, 1 rule, 2 tests passed\n");
    let here = home(&format!("{RULES}{GOOD}{BAD}"));
    let bad = run(here.path(), ["check"]);
    assert_eq!(bad.code, Some(1), "{}", bad.out);
    assert!(bad.out.contains("failed  fails") && bad.out.contains("1 of 3 tests failed"), "{}", bad.out);
    let told: Value = serde_json::from_str(&run(here.path(), ["check", "--json"]).out).unwrap();
    assert_eq!((&told["ok"], &told["tests"]["passed"]), (&json!(false), &json!(2)));
    assert_eq!(told["tests"]["failed"][0]["name"], json!("fails"));
}

#[test]
fn the_examples_tests_pass() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.example.yaml");
    let ran = run(tempdir().unwrap().path(), ["test".as_ref(), example.as_os_str()]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.lines().filter(|line| line.starts_with("passed")).count() > 3, "{}", ran.out);
}

#[test]
fn run_refuses_a_file_whose_tests_fail_where_they_are_required() {
    let here = home(&format!("{RULES}{GOOD}{BAD}"));
    let ran = run(here.path(), ["run", "--require-tests", "--listen", "none"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    for told in ["fails (line 8)", "it rang at 5s", "error: 1 of 3 tests failed: `fails`"] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert!(!here.path().join("data").exists(), "nothing was begun");
}
