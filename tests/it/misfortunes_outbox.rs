//! What targets, disks and operators do: each with the real program.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorchime::clock::Clock;
use doorchime::outbox::store::ledger::{Filter, Ledger};
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};

use super::home::{Home, people};
use super::program::{doorchime, run};

const ALICE: UserId = UserId(94_490_510_688_792_576);
const BOB: UserId = UserId(156_114_103_033_790_464);

const HOOK: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576, bob: 156114103033790464}
targets: {hook: {type: webhook, url: RECEIVER, timeout: 500ms}}
rules:
  - {id: kv, who: [alice, bob], when: changed_kv, send: {to: hook, body: "{{user.name}} {{change.to}}"}}
"#;

fn alice(n: &str) -> PresenceJson {
    PresenceJson::new(ALICE).named("Alice").status("online").kv("n", n)
}

fn bob(n: &str) -> PresenceJson {
    PresenceJson::new(BOB).named("Bob").status("online").kv("n", n)
}

fn fine(_: &Heard) -> Play {
    Play::status(204)
}

async fn at_home(rules: &str, script: impl Fn(&Heard) -> Play + Send + Sync + 'static) -> Home {
    let home = Home::new(rules, script).await;
    home.lanyard.set(&alice("0"));
    home.lanyard.set(&bob("0"));
    home
}

/// One target for each dialect of "wait", and one that has no part in it.
const DIALECTS: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576, bob: 156114103033790464}
targets:
  slack: {type: slack, url: RECEIVER/slack}
  discord: {type: discord, url: RECEIVER/discord}
  telegram: {type: telegram, server: "RECEIVER/telegram", token: "123456789:AAabcdefghijklmnopqrstuvwxyz012345678", chat_id: "7"}
  ntfy: {type: ntfy, server: "RECEIVER/ntfy", topic: t}
  matrix: {type: matrix, server: "RECEIVER/matrix", token: T0K, room: "!room:example.org"}
  pushover: {type: pushover, server: "RECEIVER/pushover", token: T0K, user: U5E}
  seconds: {type: webhook, url: RECEIVER/seconds}
  date: {type: webhook, url: RECEIVER/date}
  free: {type: webhook, url: RECEIVER/free}
rules:
  - id: kv
    who: [alice, bob]
    when: changed_kv
    send:
      - {to: slack, text: "{{user.name}}"}
      - {to: discord, content: "{{user.name}}"}
      - {to: telegram, text: "{{user.name}}"}
      - {to: ntfy, message: "{{user.name}}"}
      - {to: matrix}
      - {to: pushover}
      - {to: seconds}
      - {to: date}
      - {to: free}
"#;

/// Each target's own way to say "wait", and for how long it must be left alone, in milliseconds.
fn wait_in_dialect(target: &str) -> Option<(Play, u64)> {
    let answer = |headers: &[(&'static str, &str)], body: &str| Play::Answer {
        status: 429,
        headers: headers.iter().map(|&(name, value)| (name, value.to_owned())).collect(),
        body: body.to_owned(),
    };
    Some(match target {
        "slack" => (answer(&[("retry-after", "3")], "rate_limited"), 3_000),
        "discord" => (answer(&[], r#"{"message":"slow down","retry_after":2.75,"global":false}"#), 2_750),
        "telegram" => (
            answer(
                &[],
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":3}}"#,
            ),
            3_000,
        ),
        // It does not say how long: the usual first wait, half a second at least.
        "ntfy" => (answer(&[], r#"{"code":42901,"http":429,"error":"limit reached"}"#), 500),
        "matrix" => (answer(&[], r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2750}"#), 2_750),
        // In whole seconds of the calendar.
        "pushover" => {
            let reset_s = Clock::start().now().wall_ms / 1_000 + 4;
            (answer(&[("x-limit-app-reset", &reset_s.to_string())], r#"{"status":0}"#), 3_000)
        }
        "seconds" => (answer(&[("retry-after", "3")], ""), 3_000),
        "date" => (
            answer(
                &[
                    ("date", "Thu, 01 Jan 2026 05:00:00 GMT"),
                    ("retry-after", "Thu, 01 Jan 2026 05:00:03 GMT"),
                ],
                "",
            ),
            3_000,
        ),
        _ => return None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dialect_of_wait_pauses_its_whole_target_and_no_other() {
    let began = Clock::start();
    let times: Arc<Mutex<HashMap<String, Vec<Duration>>>> = Arc::default();
    let script = {
        let times = Arc::clone(&times);
        move |heard: &Heard| {
            let target = heard.path.split(['/', '?']).nth(1).unwrap().to_owned();
            let mut times = times.lock().unwrap();
            let heard_of = times.entry(target.clone()).or_default();
            heard_of.push(began.now().mono);
            match wait_in_dialect(&target) {
                Some((wait, _)) if heard_of.len() == 1 => wait,
                _ if target == "slack" => Play::body(200, "ok"),
                _ if target == "telegram" => Play::body(200, r#"{"ok":true}"#),
                _ if target == "matrix" => Play::body(200, r#"{"event_id":"$x"}"#),
                _ if target == "pushover" => Play::body(200, r#"{"status":1,"request":"x"}"#),
                _ => Play::status(200),
            }
        }
    };
    let home = at_home(DIALECTS, script).await;
    let (bot, address) = home.start_listening().await;
    home.lanyard.set(&alice("1"));
    home.until_said(&address, "/metrics", |metrics| metrics.matches(r#"answer="paused"} 1"#).count() == 8)
        .await;
    home.lanyard.set(&bob("1"));
    home.rings(9 + 8 * 2 + 1).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let times = times.lock().unwrap().clone();
    let free = &times["free"];
    assert_eq!(free.len(), 2);
    for (target, heard) in times.iter().filter(|(target, _)| *target != "free") {
        let (_, wait_ms) = wait_in_dialect(target).unwrap();
        assert_eq!(heard.len(), 3, "{target}: alice, alice again, bob");
        for later in &heard[1..] {
            let waited = later.saturating_sub(heard[0]);
            assert!(waited >= Duration::from_millis(wait_ms), "{target}: again after {waited:?}");
        }
        assert!(*target == "ntfy" || free[1] < heard[1], "{target} held up the others");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_before_the_answer_is_tried_again_and_one_within_it_is_not() {
    let count = AtomicUsize::new(0);
    let home = at_home(HOOK, move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Play::Silence,
        1 => Play::HalfAnswer { status: 200, beginning: "tha".to_owned() },
        2 => Play::BrokenAnswer { status: 200, beginning: "tha".to_owned() },
        _ => Play::status(200),
    })
    .await;
    let bot = home.start_and_subscribe().await;
    for n in ["1", "2", "3"] {
        home.lanyard.set(&alice(n));
    }
    assert_eq!(home.rings(4).await, ["Alice 1", "Alice 1", "Alice 2", "Alice 3"]);
    assert!(bot.stop().await.success(), "{}", home.log());
    let heard = home.receiver.heard();
    let id = |at: usize| heard[at].header("webhook-id").or(heard[at].header("idempotency-key")).unwrap();
    assert_eq!(id(0), id(1), "a repeat carries the same id");
    assert_eq!((heard.len(), home.owed()), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_the_end_where_repeats_are_not_wanted() {
    let rules = HOOK.replace("timeout: 500ms", "timeout: 500ms, retry_on_timeout: false");
    let home = at_home(&rules, |heard| match heard.text().as_str() {
        "Alice 1" => Play::Silence,
        _ => Play::status(200),
    })
    .await;
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice("1"));
    home.lanyard.set(&alice("2"));
    assert_eq!(home.rings(2).await, ["Alice 1", "Alice 2"]);
    assert!(bot.stop().await.success(), "{}", home.log());
    let list = run(&home.path("."), ["outbox", "list"]).out;
    assert!(list.contains("no answer within 500ms"), "a person can see it: {list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_of_an_attempt_finishes_it() {
    let rules = HOOK.replace("500ms", "8s");
    let slow = |_: &Heard| Play::After(Duration::from_millis(1_500), Box::new(Play::status(200)));
    let home = at_home(&rules, slow).await;
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice("1"));
    home.rings(1).await;
    // What comes while it leaves is for the next run.
    bot.signal("INT");
    assert_eq!(bot.end().await.code(), Some(0), "{}", home.log());
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice("2"));
    assert_eq!(home.rings(2).await, ["Alice 1", "Alice 2"]);
    assert!(bot.stop().await.success());
    assert_eq!((home.rung().len(), home.owed()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_leaves_at_once_and_nothing_is_lost() {
    let rules = HOOK.replace("500ms", "60s");
    let count = AtomicUsize::new(0);
    let home = at_home(&rules, move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Play::Silence,
        _ => Play::status(200),
    })
    .await;
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&alice("1"));
    home.rings(1).await;
    let began = Clock::start();
    bot.signal("TERM");
    home.until("it says that it leaves", || home.log().contains("a second signal leaves at once")).await;
    bot.signal("TERM");
    bot.end().await;
    assert!(began.now().mono < Duration::from_secs(8), "within the time that attempts are given");
    let bot = home.start_and_subscribe().await;
    assert_eq!(home.rings(2).await, ["Alice 1", "Alice 1"]);
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!(home.owed(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_on_one_data_directory_are_one_too_many() {
    let home = at_home(HOOK, fine).await;
    let bot = home.start_and_subscribe().await;
    let second = doorchime(&home.path("."), ["run", "--listen", "none"]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("`./data` is in use by another doorchime (process "), "{said}");
    assert!(said.contains("stop that one, or choose another `--data`"), "{said}");
    // The first goes on.
    home.lanyard.set(&alice("1"));
    home.rings_only(bot, &["Alice 1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_doorchime_is_left_as_it_is() {
    let home = at_home(HOOK, fine).await;
    let bot = home.start_and_subscribe().await;
    assert!(bot.stop().await.success());
    let database = home.path("data").join("doorchime.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(&database).unwrap();
    let refused = run(&home.path("."), ["run", "--listen", "none"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("was written by a newer doorchime (schema 99"), "{}", refused.err);
    assert_eq!(std::fs::read(&database).unwrap(), before);
}

/// The target that fails is told of by another one, and by itself when it is back.
const TOLD_BY_ANOTHER: &str = r#"
lanyard: {url: "LANYARD"}
down_after: 300ms
people: {alice: 94490510688792576, bob: 156114103033790464}
targets:
  hook: {type: webhook, url: RECEIVER/hook}
  gone: {type: webhook, url: RECEIVER/gone}
  other: {type: webhook, url: RECEIVER/other}
rules:
  - {id: kv, who: alice, when: changed_kv, send: {to: hook, body: "{{change.to}}"}}
  - {id: gone, who: bob, when: changed_kv, send: {to: gone, body: "{{change.to}}"}}
  - id: broken
    when: [target_failing, target_recovered]
    send: {to: other, body: "{{change.kind}} {{change.target}} {{change.why}}"}
  - {id: itself, when: {target_failing: {target: hook}}, send: {to: hook, body: "you failed"}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn another_target_tells_of_the_one_that_fails() {
    let well = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let home = at_home(TOLD_BY_ANOTHER, {
        let well = Arc::clone(&well);
        move |heard| match &*heard.path {
            "/hook" if !well.load(Ordering::Relaxed) => Play::body(503, "not now"),
            "/gone" => Play::body(410, "moved away"),
            _ => Play::status(200),
        }
    })
    .await;
    let told = || {
        let heard = home.receiver.heard();
        let mut told: Vec<String> =
            heard.iter().filter(|heard| heard.path == "/other").map(Heard::text).collect();
        told.sort();
        told
    };
    let bot = home.start_and_subscribe().await;
    home.lanyard.set(&bob("1"));
    home.until("a target that is gone is told at once", || told().len() == 1).await;
    home.lanyard.set(&alice("1"));
    home.until("one that only fails when it has lasted", || told().len() == 2).await;
    let fail = ["target_failing gone HTTP 410 moved away", "target_failing hook HTTP 503 not now"];
    assert_eq!(told(), fail);
    // It is known after a restart, and that it is over is told then.
    assert!(bot.stop().await.success(), "{}", home.log());
    let (bot, address) = home.start_listening().await;
    home.until_said(&address, "/readyz", |ready| ready.contains("gone")).await;
    well.store(true, Ordering::Relaxed);
    home.until("its end is told", || told().len() == 3).await;
    assert_eq!(told(), [&fail[..], &["target_recovered hook "]].concat());
    let by_itself = || home.receiver.heard().iter().filter(|heard| heard.text() == "you failed").count();
    home.until("and what it is told of itself arrives", || by_itself() > 0).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    assert_eq!((told().len(), home.owed()), (3, 6), "two messages, three news, and one for itself");
}

/// A disk so small that a test can fill it.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Nothing where this process may not mount.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "doorchime-test"]).arg(at).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self { at: at.to_owned() })
    }

    /// Leaves no byte free.
    fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.at.join("ballast")).unwrap();
        for size in [65_536, 4_096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.at.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a bot may still hold its files while a failing test unwinds.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_says_so() {
    let rules = HOOK.replace("alice: 94", "PEOPLE, alice: 94").replace("[alice, bob]", "everyone");
    let named = people(200).map(|id| format!("p{id}: {id}")).collect::<Vec<_>>().join(", ");
    let home = at_home(&rules.replace("PEOPLE", &named), fine).await;
    let person = |id, n: &str| PresenceJson::new(id).named(&id.to_string()).status("online").kv("n", n);
    people(200).for_each(|id| home.lanyard.set(&person(id, "0")));
    let Some(disk) = SmallDisk::mount(&home.path("data")) else {
        eprintln!(
            "SKIPPED: a_full_disk_loses_nothing_and_says_so needs to mount a tmpfs, so it runs only as root"
        );
        return;
    };
    let (bot, address) = home.start_listening().await;
    home.lanyard.set(&alice("1"));
    home.rings(1).await;
    disk.fill();
    for n in ["1", "2", "3", "4", "5"] {
        people(200).for_each(|id| home.lanyard.set(&person(id, n)));
    }
    let ready = home.until_said(&address, "/readyz", |ready| ready.contains("is full")).await;
    assert!(ready.contains("broken"), "{ready}");
    home.lanyard.set(&alice("2"));
    let rung = home.rung().len();
    disk.make_room();
    home.rings(1 + 200 * 5 + 1).await;
    assert!(rung < 1 + 200 * 5, "the disk was not full");
    home.until("ready again", || home.log().contains("can be written again")).await;
    assert!(home.ask(&address, "/readyz").await.contains("writable"));
    assert!(bot.stop().await.success(), "{}", home.log());
    let mut each: HashMap<String, Vec<String>> = HashMap::new();
    for text in home.rung() {
        let (who, n) = text.split_once(' ').unwrap();
        each.entry(who.to_owned()).or_default().push(n.to_owned());
    }
    for (who, numbers) in &each {
        let expected: &[&str] = if who == "Alice" { &["1", "2"] } else { &["1", "2", "3", "4", "5"] };
        assert_eq!(numbers, expected, "{who}");
    }
    assert_eq!(each.len(), 201);
    let ledger = Ledger::open(&home.path("data")).unwrap();
    assert_eq!(ledger.list(&Filter { limit: 10_000, ..Filter::default() }).unwrap().len(), 1 + 200 * 5 + 1);
}
