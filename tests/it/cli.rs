//! The command line: help, exit codes, and one clear sentence where something cannot be done.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use tempfile::tempdir;

use crate::program::{doorchime, run};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["run"],
    &["check"],
    &["watch"],
    &["record"],
    &["replay"],
    &["demo"],
    &["init"],
    &["send"],
    &["outbox"],
    &["outbox", "list"],
    &["outbox", "show"],
    &["outbox", "retry"],
    &["outbox", "drop"],
    &["schema"],
    &["completions"],
    &["healthcheck"],
];

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let ran = run(Path::new("."), command.iter().chain(&["--help"]));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{command:?}");
        assert!(ran.out.contains("Usage: doorchime"), "{command:?}: {}", ran.out);
        if !command.is_empty() && *command != ["outbox"] {
            assert!(ran.out.contains("Example"), "{command:?} shows no example: {}", ran.out);
        }
        let version = run(Path::new("."), command.iter().chain(&["--version"]));
        assert_eq!(version.code, Some(0), "{command:?}");
        let number = concat!(" ", env!("CARGO_PKG_VERSION"), "\n");
        assert!(version.out.starts_with("doorchime") && version.out.ends_with(number), "{}", version.out);
    }
}

#[test]
fn a_mistyped_command_line_is_answered_with_the_nearest() {
    let here = tempdir().unwrap();
    let table: &[(&[&str], &str)] = &[
        (&[], "Usage: doorchime"),
        (&["chek"], "'check'"),
        (&["run", "--dryrun"], "'--dry-run'"),
        (&["outbox", "lsit"], "'list'"),
        (&["run", "--listen", "9090"], "127.0.0.1:9090"),
        (&["healthcheck", "--log-level", "loud"], "`loud` is no log level"),
        (&["outbox", "retry"], "<ID>"),
        (&["completions", "tcsh"], "[possible values: bash,"),
    ];
    for (args, told) in table {
        let ran = run(here.path(), *args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut command = doorchime(Path::new("."), ["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(Path::new("."), ["completions", shell]);
        assert_eq!(ran.code, Some(0), "{shell}");
        for command in ["run", "check", "healthcheck", "retry"] {
            assert!(ran.out.contains(command), "{shell} lacks {command}");
        }
    }
}

#[test]
fn init_writes_once() {
    let here = tempdir().unwrap();
    let first = run(here.path(), ["init"]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(first.out.contains("doorchime check --online") && first.out.contains("doorchime run"));
    let written = fs::read_to_string(here.path().join("rules.yaml")).unwrap();
    fs::write(here.path().join("rules.yaml"), "mine").unwrap();
    for told in ["doorchime check --online", "doorchime send", "Home Assistant", "doorchime run"] {
        assert!(first.out.contains(told), "{told}: {}", first.out);
    }
    let again = run(here.path(), ["init"]);
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("--force"), "{}", again.err);
    assert_eq!(fs::read_to_string(here.path().join("rules.yaml")).unwrap(), "mine");
    assert_eq!(run(here.path(), ["init", "--force"]).code, Some(0));
    assert_eq!(fs::read_to_string(here.path().join("rules.yaml")).unwrap(), written);
    assert_eq!(run(here.path(), ["init", "-"]).out, written);
    let nowhere = run(here.path(), ["init", "no/such/rules.yaml"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.err.contains("no/such/rules.yaml"), "{}", nowhere.err);
}

#[test]
fn healthcheck_says_what_the_bot_says() {
    let table = [
        ("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nok\n", 0, "ok\n"),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n{}", 1, "{}"),
        ("", 1, ""),
        ("SSH-2.0-x\r\n", 1, ""),
    ];
    for (answer, code, out) in table {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let server = std::thread::Builder::new().spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 512];
            let length = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let ran = run(Path::new("."), ["healthcheck", "--ready", "--listen", &at]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), out), "{answer:?}: {}", ran.err);
        assert!(server.unwrap().join().unwrap().starts_with("GET /readyz HTTP/1.0\r\n"));
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ran = run(Path::new("."), ["healthcheck", "--listen", &free]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&format!("no answer from `http://{free}/healthz`")), "{}", ran.err);
}
