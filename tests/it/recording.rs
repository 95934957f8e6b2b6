//! `record` and `run --record`: what is in the file, whatever became of the recorder.

use std::fs::{self, File};
use std::path::Path;

use doorchime::lanyard::observation::Observation;
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::recording::line::{self, Line};
use doorchime::recording::members::{Break, Found, Unpacker};
use doorchime::simulator::receiver::Play;
use doorchime::simulator::server::Simulator;
use tempfile::TempDir;

use crate::home::{Home, LOOPBACK, people};
use crate::program::run;
use crate::watch::Going;

/// What a recording says, a word or two a line.
pub fn told(path: &Path) -> Vec<String> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let mut unpacker = Unpacker::new(file);
    let mut told = Vec::new();
    while let Some(found) = unpacker.next().unwrap() {
        told.push(match found {
            Found::Broken(_, why) => format!("{why:?}"),
            Found::Line(_, text) => match line::read(text).unwrap() {
                Line::Start(header) => format!("start {:?}", header.people.keys().collect::<Vec<_>>()),
                Line::Ended(_) => "ended".to_owned(),
                Line::Observed(_, observation) => match observation {
                    Observation::Seen(_, seen) => format!("seen {}", seen.status.word()),
                    Observation::Updated(_, seen) => format!("updated {}", seen.status.word()),
                    Observation::SnapshotEnd { absent } => format!("snapshot without {}", absent.len()),
                    Observation::Unmonitored(_) => "unmonitored".to_owned(),
                    Observation::Connected => "connected".to_owned(),
                    Observation::Disconnected => "disconnected".to_owned(),
                },
                other => format!("{other:?}"),
            },
        });
    }
    told
}

fn home(lanyard: &Simulator) -> (TempDir, PresenceJson) {
    let here = TempDir::new().unwrap();
    let ids: Vec<UserId> = people(2).collect();
    let rules =
        format!("lanyard: {{url: \"{}\"}}\npeople: {{ada: {}, bob: {}}}\n", lanyard.url(), ids[0], ids[1]);
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    (here, PresenceJson::new(ids[0]).named("Ada"))
}

#[tokio::test]
async fn what_lanyard_says_is_in_the_file() {
    let lanyard = Simulator::start(LOOPBACK).await.unwrap();
    let (here, ada) = home(&lanyard);
    lanyard.set(&ada.clone().status("online"));
    let record = Going::start(&here, &["record", "day.gz"]);
    record.until_err("watching 2 people").await;
    record.until_err("does not know bob").await;
    lanyard.set(&ada.clone().status("dnd"));
    let file = here.path().join("day.gz");
    record.until("it is flushed", || told(&file).contains(&"updated dnd".to_owned())).await;
    lanyard.drop_all();
    record.until_err("Lanyard is back").await;
    let err = here.path().join("err");
    assert_eq!(record.end("INT").await.code(), Some(0));
    let said = fs::read_to_string(err).unwrap();
    assert!(said.contains("day.gz: 1 update of 1 person in "), "{said}");
    let told = told(&file);
    let once = |word: &str| told.iter().filter(|told| *told == word).count() == 1;
    assert_eq!(told[..4], ["start [\"ada\", \"bob\"]", "connected", "seen online", "snapshot without 1"]);
    assert!(once("updated dnd") && once("disconnected") && once("seen dnd"), "{told:?}");
    assert!(told.contains(&"unmonitored".to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "ended");
    let again = run(here.path(), ["record", "day.gz"]);
    assert!(again.code == Some(2) && again.err.contains("--append"), "{}", again.err);
}

#[tokio::test]
async fn a_killed_recorders_file_is_read_and_gone_on_with() {
    let lanyard = Simulator::start(LOOPBACK).await.unwrap();
    let (here, ada) = home(&lanyard);
    lanyard.set(&ada.clone().status("online"));
    let file = here.path().join("day.gz");
    for (status, args) in [("idle", &["record", "day.gz"][..]), ("dnd", &["record", "day.gz", "--append"])] {
        let record = Going::start(&here, args);
        record.until_err("watching 2 people").await;
        lanyard.set(&ada.clone().status(status));
        let word = format!("updated {status}");
        record.until("it is flushed", || told(&file).contains(&word)).await;
        assert_eq!(record.end("KILL").await.code(), None);
        assert_eq!(told(&file).last(), Some(&format!("{:?}", Break::CutOff)));
    }
    let told = told(&file);
    let starts = told.iter().filter(|told| told.starts_with("start")).count();
    let cuts = told.iter().filter(|told| **told == format!("{:?}", Break::CutOff)).count();
    assert_eq!((starts, cuts), (2, 2), "{told:?}");
    assert!(told.contains(&"updated idle".to_owned()) && told.contains(&"seen idle".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_bot_records_beside_its_work_and_goes_on_at_its_next_start() {
    let id = people(1).next().unwrap();
    let rules = format!(
        "lanyard: {{url: \"LANYARD\"}}\npeople: {{ada: {id}}}\n\
         targets: {{api: {{type: webhook, url: \"RECEIVER\"}}}}\n\
         rules: [{{id: r, who: ada, when: changed_status, send: {{to: api, body: \"{{{{status}}}}\"}}}}]\n"
    );
    let home = Home::new(&rules, |_| Play::status(204)).await;
    let ada = PresenceJson::new(id);
    home.lanyard.set(&ada.clone().status("online"));
    let file = home.path("bot.gz");
    for (rings, status) in [(1, "dnd"), (2, "idle")] {
        let asked = home.subscriptions();
        let bot = home.start_recording("bot.gz");
        home.until("it subscribes", || home.subscriptions() > asked).await;
        home.lanyard.set(&ada.clone().status(status));
        home.rings(rings).await;
        assert!(bot.stop().await.success(), "{}", home.log());
    }
    let told = told(&file);
    let starts = told.iter().filter(|told| told.starts_with("start")).count();
    assert_eq!((starts, told.iter().filter(|told| *told == "ended").count()), (2, 2), "{told:?}");
    assert!(
        told.contains(&"updated dnd".to_owned()) && told.contains(&"updated idle".to_owned()),
        "{told:?}"
    );
    // A file that is something else is left alone.
    fs::write(home.path("notes.txt"), "mine").unwrap();
    let refused = run(&home.path(""), ["run", "--listen", "none", "--record", "notes.txt"]);
    assert!(refused.code == Some(2) && refused.err.contains("is no recording"), "{}", refused.err);
}
