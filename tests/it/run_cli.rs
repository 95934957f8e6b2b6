//! `run` and `demo` as processes: what they say when they cannot start, and how they leave.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::server::Simulator;
use serde_json::Value;
use tempfile::tempdir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::program::{Ran, doorchime, ran, run};

const ADA: UserId = UserId(94_490_510_688_792_576);
/// Longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

fn write_rules(here: &Path, lanyard: &str, hook: &str) {
    let rules = format!(
        "lanyard: {{url: \"{lanyard}\"}}\n\
         people: {{ada: \"{ADA}\", bob: 156114103033790464}}\n\
         targets: {{api: {{type: webhook, url: \"{hook}\"}}}}\n\
         rules: [{{id: online, who: [ada, bob], when: went_online, send: {{to: api, json: {{who: \"{{{{user.name}}}}\"}}}}}}]\n"
    );
    fs::write(here.join("rules.yaml"), rules).unwrap();
}

#[test]
fn what_cannot_start_says_why() {
    let here = tempdir().unwrap();
    write_rules(here.path(), "ws://127.0.0.1:9/socket", "http://127.0.0.1:9/x");
    fs::write(here.path().join("file"), "").unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = taken.local_addr().map(|at| (at.to_string(), taken)).unwrap();
    let table: &[(&[&str], &str)] = &[
        (&["--data", "file"], "`file` is not a directory"),
        (&["--data", "no/such/data"], "`no/such/data` cannot be made because its parent is missing"),
        (&["--listen", &taken.0], "is in use by another program: choose another address with --listen"),
        (&["elsewhere.yaml"], "elsewhere.yaml"),
        (&["--token", ""], "`--token` is empty"),
        (&["--token", "hush hush"], "a character that no header can carry"),
        (&["--listen", "0.0.0.0:0", "--token", "hush123"], "has less than 8 characters and is guessed soon"),
    ];
    for (args, told) in table {
        let free = ["run", "--listen", "none"];
        let usual = if args[0] == "--listen" { &free[..1] } else { &free[..] };
        let ran = run(here.path(), usual.iter().chain(*args));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(told) && !ran.err.contains("hush"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn help_shows_no_token() {
    let here = tempdir().unwrap();
    for command in ["run", "healthcheck"] {
        let helped = ran(doorchime(here.path(), [command, "--help"]).env("DOORCHIME_TOKEN", "hush-hush"));
        assert!(helped.out.contains("DOORCHIME_TOKEN") && !helped.out.contains("hush"), "{}", helped.out);
    }
}

#[test]
fn a_target_without_its_ca_file_is_told_before_anything_starts() {
    let here = tempdir().unwrap();
    fs::write(
        here.path().join("rules.yaml"),
        "people: {ada: 94490510688792576}\n\
         targets: {api: {type: webhook, url: \"https://127.0.0.1:9/x\", tls: {ca: ./none.pem}}}\n\
         rules: [{id: r, who: ada, when: went_online, send: api}]\n",
    )
    .unwrap();
    for args in [&["run", "--listen", "none"][..], &["send", "api"]] {
        let ran = run(here.path(), args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        assert!(ran.err.contains("none.pem"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn empty_variables_are_as_good_as_none() {
    let here = tempdir().unwrap();
    write_rules(here.path(), "ws://127.0.0.1:9/socket", "http://127.0.0.1:9/x");
    for args in [&["check"][..], &["outbox", "list"], &["healthcheck"], &["run", "--listen", "nowhere"]] {
        let mut command = doorchime(here.path(), args);
        let told = ran(&mut command);
        for name in ["RULES", "DATA", "LISTEN", "LOG_FORMAT", "DRY_RUN", "TOKEN"] {
            command.env(format!("DOORCHIME_{name}"), "");
        }
        let same = ran(command.env("RUST_LOG", ""));
        assert_eq!((same.code, same.out, same.err), (told.code, told.out, told.err), "{args:?}");
    }
}

#[tokio::test]
async fn a_dry_run_says_what_it_is() {
    let here = tempdir().unwrap();
    let lanyard = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let ada = PresenceJson::new(ADA).named("Ada");
    lanyard.set(&ada.clone().status("offline"));
    write_rules(here.path(), &lanyard.url(), "http://127.0.0.1:9/hook-with-a-secret");
    let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    let bot = Bot::start_with(here.path(), &["--listen", &listen, "--dry-run"]);
    until("ready", async || healthcheck(here.path(), &listen).await.code == Some(0)).await;
    lanyard.set(&ada.clone().status("online"));
    let list = || run(here.path(), ["outbox", "list"]).out;
    until("rehearsed", async || list().contains("dry-run")).await;
    assert!(!list().contains("delivered"), "{}", list());
    let left = bot.leave();
    assert_eq!(
        (left.code, left.out.as_str()),
        (Some(0), "dry run: api <- online (ada): {\"json\":{\"who\":\"Ada\"}}\n")
    );
    let warned: Value = serde_json::from_str(
        left.err.lines().find(|line| line.contains("nothing is sent")).expect("it says what it is"),
    )
    .unwrap();
    assert_eq!(warned["level"], "WARN");
    assert!(left.err.contains("in good order") && !left.err.contains("secret"), "{}", left.err);
}

#[tokio::test]
async fn whoever_leaves_attempts_behind_does_not_call_it_good_order() {
    let here = tempdir().unwrap();
    let lanyard = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let ada = PresenceJson::new(ADA).named("Ada");
    lanyard.set(&ada.clone().status("offline"));
    // Takes connections and says nothing.
    let mute = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let rules = format!(
        "lanyard: {{url: \"{}\"}}\n\
         people: {{ada: {ADA}}}\n\
         targets: {{api: {{type: webhook, url: \"http://{}/\", timeout: 60s}}}}\n\
         rules: [{{id: online, who: ada, when: went_online, send: api}}]\n",
        lanyard.url(),
        mute.local_addr().unwrap()
    );
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    let bot = Bot::start(here.path(), &listen);
    until("ready", async || healthcheck(here.path(), &listen).await.code == Some(0)).await;
    lanyard.set(&ada.clone().status("online"));
    let _held = tokio::time::timeout(PATIENCE, mute.accept()).await.unwrap().unwrap();
    let left = tokio::task::spawn_blocking(|| bot.leave()).await.unwrap();
    assert_eq!(left.code, Some(0), "{}", left.err);
    assert!(!left.err.contains("good order") && left.err.contains("still owed"), "{}", left.err);
}

/// A bot that is running; killed if a test fails.
struct Bot(Option<Child>);

impl Bot {
    fn start(here: &Path, listen: &str) -> Self {
        Self::start_with(here, &["--listen", listen])
    }

    fn start_with(here: &Path, args: &[&str]) -> Self {
        let mut command = doorchime(here, ["run", "--log-format", "json"].iter().chain(args));
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Asks it to leave, and waits until it has.
    fn leave(mut self) -> Ran {
        let child = self.0.take().unwrap();
        let asked = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(asked.success());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
        }
    }
}

async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "still not: {what}");
}

async fn healthcheck(here: &Path, listen: &str) -> Ran {
    let (here, args) = (here.to_owned(), ["healthcheck", "--ready", "--listen", listen].map(str::to_owned));
    tokio::task::spawn_blocking(move || run(&here, args)).await.unwrap()
}

#[tokio::test]
async fn a_bot_rings_and_leaves_in_good_order() {
    let here = tempdir().unwrap();
    let lanyard = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let ada = PresenceJson::new(ADA).named("Ada");
    lanyard.set(&ada.clone().status("offline"));
    let (got, mut arrived) = mpsc::unbounded_channel();
    let hook = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = hook.local_addr().unwrap();
    let router =
        Router::new().fallback(|State(got): State<Got>, headers: HeaderMap, body: String| async move {
            got.send((headers, body)).unwrap();
        });
    let mut servers = JoinSet::new();
    servers.spawn(async move { axum::serve(hook, router.with_state(got)).await.unwrap() });
    write_rules(here.path(), &lanyard.url(), &format!("http://{at}/hook-with-a-secret"));
    let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();

    let bot = Bot::start(here.path(), &listen);
    until("ready", async || healthcheck(here.path(), &listen).await.code == Some(0)).await;
    let stranger = async || healthcheck(here.path(), &listen).await.out.contains(r#""unmonitored": 1"#);
    until("bob is found not to be monitored", stranger).await;
    lanyard.set(&ada.clone().status("online"));
    let (headers, body) = tokio::time::timeout(PATIENCE, arrived.recv()).await.unwrap().unwrap();
    assert_eq!(body, r#"{"who":"Ada"}"#);
    assert!(headers.contains_key("webhook-id") || headers.contains_key("idempotency-key"), "{headers:?}");
    until("settled", async || run(here.path(), ["outbox", "list"]).out.contains("delivered")).await;
    let left = bot.leave();
    assert_eq!((left.code, left.out.as_str()), (Some(0), ""), "{}", left.err);
    for line in left.err.lines() {
        let told: Value = serde_json::from_str(line).unwrap();
        assert!(told["timestamp"].is_string() && told["level"].is_string(), "{line}");
    }
    assert!(!left.err.contains("secret"), "{}", left.err);

    // Nobody has changed: a restart rings nothing.
    let bot = Bot::start(here.path(), &listen);
    until("ready again", async || healthcheck(here.path(), &listen).await.code == Some(0)).await;
    lanyard.set(&ada.clone().status("online"));
    let second = doorchime(here.path(), ["run", "--listen", "none"]).output().unwrap();
    assert_eq!(second.status.code(), Some(2), "two bots on one data directory");
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another doorchime"));
    assert_eq!(bot.leave().code, Some(0));
    assert!(arrived.try_recv().is_err(), "rang again");
}

#[tokio::test]
async fn somebody_whom_lanyard_does_not_know_is_counted() {
    let here = tempdir().unwrap();
    let lanyard = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    for subscribe in ["auto", "id", "ids", "all"] {
        let rules = format!(
            "lanyard: {{url: \"{}\", subscribe: {subscribe}}}\n\
             people: {{bob: 156114103033790464}}\n\
             targets: {{screen: {{type: console}}}}\n\
             rules: [{{id: online, who: bob, when: went_online, send: {{to: screen, text: x}}}}]\n",
            lanyard.url()
        );
        fs::write(here.path().join("rules.yaml"), rules).unwrap();
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
        let bot = Bot::start(here.path(), &listen);
        let counted = async || healthcheck(here.path(), &listen).await.out.contains(r#""unmonitored": 1"#);
        until(&format!("counted with {subscribe}"), counted).await;
        assert_eq!(bot.leave().code, Some(0));
    }
}

type Got = mpsc::UnboundedSender<(HeaderMap, String)>;

#[test]
fn the_demo_rings_every_target() {
    let here = tempdir().unwrap();
    let mut demo = doorchime(here.path(), ["demo", "--speed", "8"]);
    // What is on this machine is reached without the proxy that leads out of it.
    let ran = ran(demo.env("HTTP_PROXY", "http://127.0.0.1:9").env("ALL_PROXY", "socks5://127.0.0.1:9"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    for told in [
        "rings friend-online → phone, pager, screen",
        "quiet game-night: `if` is false",
        "quiet new-track: `dedupe`",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    let arrived = ran.out.split("What arrived\n").nth(1).unwrap();
    let targets: Vec<&str> = arrived.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(targets.len(), 14, "{arrived}");
    assert!(targets.iter().all(|line| !line.contains(" 0 messages") && !line.contains(" not")), "{arrived}");
    assert!(arrived.contains("at the second try"), "{arrived}");
    assert!(!ran.out.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn a_start_is_not_buried_under_warnings() {
    let here = tempdir().unwrap();
    let people =
        |count: u64| (0..count).map(|n| format!("p{n}: \"{}\"", ADA.0 + n)).collect::<Vec<_>>().join(", ");
    let rules = |count| {
        format!(
            "people: {{{}}}\ntargets: {{screen: {{type: console}}}}\nrules: [{{id: r, who: p0, when: went_online, send: screen}}]\n",
            people(count)
        )
    };
    for (count, shown) in
        [(4, "no rule uses the person `p3`"), (100, "99 warnings in rules.yaml: `doorchime check`")]
    {
        fs::write(here.path().join("rules.yaml"), rules(count)).unwrap();
        // A data directory that cannot be: it ends before it connects.
        let ran = run(here.path(), ["run", "--listen", "none", "--data", "rules.yaml/data"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(shown) && ran.err.lines().count() < 40, "{ran:?}");
    }
}
