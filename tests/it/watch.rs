//! `watch`: people's changes live, from a simulated Lanyard.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::server::Simulator;
use serde_json::Value;
use tempfile::TempDir;

use crate::home::{LOOPBACK, people};
use crate::program::{doorchime, run};

const SOON: Duration = Duration::from_secs(60);

/// A command that goes on, with what it says in files.
pub struct Going {
    child: Option<Child>,
    out: PathBuf,
    err: PathBuf,
}

impl Going {
    pub fn start(here: &TempDir, args: &[&str]) -> Self {
        let (out, err) = (here.path().join("out"), here.path().join("err"));
        let mut command = doorchime(here.path(), args);
        let child =
            command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
        Self { child: Some(child), out, err }
    }

    pub fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    pub fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    pub async fn until_out(&self, told: &str) {
        self.until(told, || self.out().contains(told)).await;
    }

    pub async fn until_err(&self, told: &str) {
        self.until(told, || self.err().contains(told)).await;
    }

    pub async fn until(&self, what: &str, so: impl Fn() -> bool) {
        let waited = async {
            while !so() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waited).await;
        assert!(waited.is_ok(), "not within {SOON:?}: {what}\n{}\n{}", self.out(), self.err());
    }

    /// A signal, and its end.
    pub async fn end(mut self, signal: &str) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test]
async fn changes_are_shown_by_the_names_that_rules_use() {
    let lanyard = Simulator::start(LOOPBACK).await.unwrap();
    let here = TempDir::new().unwrap();
    let ids: Vec<UserId> = people(3).collect();
    // What it sends, and by which secret, is not looked at.
    let rules = format!(
        "lanyard: {{url: \"{}\"}}\npeople: {{ada: {}, bob: {}, cleo: {}}}\ngroups: {{squad: [ada, bob]}}\n\
         targets: {{phone: {{type: ntfy, topic: \"${{NOT_SET_HERE}}\"}}}}\n",
        lanyard.url(),
        ids[0],
        ids[1],
        ids[2]
    );
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    let ada = PresenceJson::new(ids[0]).named("Ada\u{1b}[2J L").status("online").on(&["desktop"]);
    lanyard.set(&ada);
    let watch = Going::start(&here, &["watch", "squad", "--raw"]);
    watch.until_out("ada       is online on desktop").await;
    watch.until_err("watching 2 people").await;
    watch.until_err(&format!("does not know bob ({})", ids[1])).await;
    lanyard.set(&PresenceJson::new(ids[2]).status("online"));
    lanyard.set(&ada.clone().listening("One", "X", "A"));
    lanyard.set(&ada.clone().listening("Two", "Y", "A"));
    watch.until_out("changed_track          One by X → Two by Y").await;
    lanyard.set(&PresenceJson::new(ids[0]).named("Ada\u{1b}[2J L"));
    watch.until_out("went_offline           online → offline").await;
    lanyard.drop_all();
    watch.until_err("lost Lanyard: ").await;
    watch.until_err("Lanyard is back after ").await;
    assert!(!watch.out().contains('\u{1b}') && !watch.err().contains('\u{1b}'), "{}", watch.out());
    assert!(!watch.out().contains("cleo"), "{}", watch.out());
    assert_eq!(watch.end("INT").await.code(), Some(0));
}

#[tokio::test]
async fn a_blip_is_no_change_and_scripts_read_lines_of_json() {
    let lanyard = Simulator::start(LOOPBACK).await.unwrap();
    let here = TempDir::new().unwrap();
    let id = people(1).next().unwrap();
    let ada = PresenceJson::new(id).named("Ada").status("online");
    lanyard.set(&ada);
    let (word, url) = (id.to_string(), lanyard.url());
    for who in [&word, "--all"] {
        let watch = Going::start(&here, &["watch", who, "--json", "--lanyard", &url]);
        watch.until_out(r#""change":"seen""#).await;
        lanyard.set(&PresenceJson::new(id).named("Ada"));
        lanyard.set(&ada);
        lanyard.set(&ada.clone().kv("scene", "movie\u{202e}"));
        watch.until_out(r#""change":"changed_kv""#).await;
        lanyard.set(&ada);
        watch.until("the key is gone", || watch.out().lines().count() == 3).await;
        let lines: Vec<Value> = watch.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<&str> = lines.iter().map(|line| line["change"].as_str().unwrap()).collect();
        assert_eq!(told, ["seen", "changed_kv", "changed_kv"], "{}", watch.out());
        assert_eq!((&lines[1]["person"], &lines[1]["to"]), (&word.clone().into(), &"movie\u{202e}".into()));
        assert!(!watch.out().contains('\u{202e}'));
        assert_eq!(watch.end("TERM").await.code(), Some(0));
    }
}

#[test]
fn who_is_meant_is_told_when_it_is_not_clear() {
    let here = TempDir::new().unwrap();
    let nobody = run(here.path(), ["watch"]);
    assert_eq!(nobody.code, Some(2));
    assert!(
        nobody.err.contains("name people's ids, or a rules file with --rules, or use --all"),
        "{}",
        nobody.err
    );
    let rules = "people: {alice: 94490510688792576}\nrules: [{id: broken}]\n";
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    let table: &[(&[&str], &str)] = &[
        (&["alcie"], "`alcie` is neither an id nor a person or group in `rules.yaml`; did you mean `alice`?"),
        (&["--rules", "none.yaml"], "none.yaml"),
        (&["7", "--lanyard", "http://localhost:4001"], "begins with `ws://`"),
        (&["7", "--all"], "cannot be used with"),
    ];
    for (args, told) in table {
        let ran = run(here.path(), ["watch"].iter().chain(*args));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{args:?}: {}", ran.err);
    }
}
