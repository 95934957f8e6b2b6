//! The rules file on disk: what cannot be read, and what is read beside it.

use std::fs;

use crate::rules::file::{load, load_with};

fn told(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    fs::write(&path, bytes).unwrap();
    let Err(findings) = load(&path) else { return "fine".to_owned() };
    for colour in [false, true] {
        assert!(!findings.render(colour).is_empty());
    }
    findings.problems().iter().map(|problem| problem.what.clone()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_file_that_cannot_be_read_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.yaml");
    let Err(findings) = load(&missing) else { panic!() };
    let shown = findings.render(false);
    assert!(shown.contains("none.yaml` is not there") && shown.contains("doorchime init"), "{shown}");
    let Err(findings) = load(folder.path()) else { panic!() };
    assert!(findings.render(false).contains("is a folder"));
    for (bytes, expected) in [
        (&b"people: {}\n# caf\xe9\n"[..], "the file is not UTF-8: this is no character"),
        (b"\xe9", "the file is not UTF-8: this is no character"),
        (b"\xff\xfev\0e\0r\0", "the file is not UTF-8: it looks like UTF-16"),
        (b"\xfe\xff\0v\0e\0r", "the file is not UTF-8: it looks like UTF-16"),
        (b"v\0e\0r\0", "the file is not UTF-8: it looks like UTF-16"),
        (b"", "the file is empty"),
        (b"version: 1\r\ncatch_up: 5m\r\n", "fine"),
        (b"\xef\xbb\xbfversion: 1\n", "fine"),
    ] {
        assert_eq!(told(bytes), expected);
    }
    let large = vec![b'#'; (16 << 20) + 1];
    assert!(told(&large).ends_with("is larger than 16384 KiB"));
}

#[test]
fn a_bad_byte_is_found_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    for mark in [&b""[..], b"\xef\xbb\xbf"] {
        fs::write(&path, [mark, b"version: 1\ntimezone: caf\xe9\xe9 \xe9\n"].concat()).unwrap();
        let Err(findings) = load(&path) else { panic!() };
        let first = &findings.to_json()[0];
        assert_eq!((&first["line"], &first["column"]), (&2.into(), &14.into()), "{first}");
        assert_eq!((&first["end_line"], &first["end_column"]), (&2.into(), &15.into()), "{first}");
        assert_eq!(first["severity"], "error");
    }
}

#[test]
fn files_beside_the_rules_are_read_from_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("zone"), "Europe/Berlin\r\n").unwrap();
    let path = folder.path().join("rules.yaml");
    fs::write(&path, "timezone: ${file:zone}\ncatch_up: ${AWAY}\n").unwrap();
    let loaded = load_with(&path, |name| (name == "AWAY").then(|| "3m".to_owned()));
    let set = loaded.unwrap_or_else(|findings| panic!("{}", findings.render(false))).set;
    assert_eq!((set.timezone.iana_name(), set.catch_up.as_secs()), (Some("Europe/Berlin"), 180));
}

#[test]
fn a_ca_file_is_looked_at_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    let own = rcgen::generate_simple_self_signed(["house.test".to_owned()]).unwrap();
    fs::write(folder.path().join("ca.pem"), own.cert.pem()).unwrap();
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    for (ca, expected) in [
        ("ca.pem", None),
        ("none.pem", Some("the file `none.pem` is not there")),
        (
            "empty.pem",
            Some(
                "the file `empty.pem` holds no certificate; it must be PEM, with `-----BEGIN CERTIFICATE-----`",
            ),
        ),
        (".", Some("the file `.` cannot be read: Is a directory (os error 21)")),
    ] {
        let text = format!("targets:\n  a:\n    type: ntfy\n    topic: t\n    tls:\n      ca: {ca}\n");
        fs::write(&path, text).unwrap();
        match (load(&path), expected) {
            (Ok(loaded), None) => {
                let ca = loaded.set.targets["a"].delivery_settings().ca.clone().unwrap();
                assert_eq!(ca, folder.path().join("ca.pem"));
            }
            (Err(findings), Some(expected)) => {
                let first = &findings.to_json()[0];
                assert_eq!(
                    (first["message"].as_str(), &first["line"]),
                    (Some(expected), &6.into()),
                    "{first}"
                );
            }
            (Ok(_), Some(expected)) => panic!("{expected} was fine"),
            (Err(findings), None) => panic!("{}", findings.render(false)),
        }
    }
}
