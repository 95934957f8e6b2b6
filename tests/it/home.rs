//! A home to live in: the real program between a simulated Lanyard and a real receiver.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use doorchime::outbox::store::ledger::{Filter, Ledger};
use doorchime::presence::model::UserId;
use doorchime::simulator::receiver::{Heard, Play, Receiver};
use doorchime::simulator::server::Simulator;
use doorchime::targets::address::encode;
use tempfile::TempDir;

use super::program::doorchime;

pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// How long anything may take that should happen at once; a machine that is busy is no fault.
const SOON: Duration = Duration::from_secs(60);

pub struct Home {
    pub lanyard: Simulator,
    pub receiver: Receiver,
    dir: TempDir,
}

impl Home {
    /// `rules` is a rules file in which `LANYARD` and `RECEIVER` stand for the two addresses.
    pub async fn new(rules: &str, script: impl Fn(&Heard) -> Play + Send + Sync + 'static) -> Self {
        let lanyard = Simulator::start(LOOPBACK).await.unwrap();
        let receiver = Receiver::start(LOOPBACK, script).await.unwrap();
        let home = Self { lanyard, receiver, dir: TempDir::new().unwrap() };
        home.write_rules(rules);
        home
    }

    pub fn write_rules(&self, rules: &str) {
        let rules = rules.replace("LANYARD", &self.lanyard.url()).replace("RECEIVER", &self.receiver.url(""));
        std::fs::write(self.path("rules.yaml"), rules).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts the program; returns before it has connected.
    pub fn start(&self) -> Bot {
        self.start_with_args(&["run", "--listen", "none"])
    }

    /// Starts the program with its HTTP side on a free port, and waits until Lanyard has been asked.
    pub async fn start_listening(&self) -> (Bot, String) {
        self.start_listening_with(&[]).await
    }

    /// The same, with more arguments.
    pub async fn start_listening_with(&self, more: &[&str]) -> (Bot, String) {
        self.start_listening_at("127.0.0.1:0", more).await
    }

    /// The same, at an address.
    pub async fn start_listening_at(&self, at: &str, more: &[&str]) -> (Bot, String) {
        let asked = self.subscriptions();
        let bot = self.start_with_args(&[&["run", "--listen", at], more].concat());
        self.until("it subscribes", || self.subscriptions() > asked).await;
        let log = self.log();
        // The log of an earlier run stands before it.
        let said = log.rsplit("INFO listening").next().and_then(|rest| rest.split("address=").nth(1));
        let address = said.and_then(|rest| rest.split_whitespace().next());
        (bot, address.unwrap().to_owned())
    }

    /// What it says at its HTTP side, whose address `start_listening` gives.
    pub async fn ask(&self, address: &str, path: &str) -> String {
        http().get(format!("http://{address}{path}")).send().await.unwrap().text().await.unwrap()
    }

    /// What it answers to a `POST` there.
    pub async fn post(&self, address: &str, path: &str) -> (u16, String) {
        let answer = http().post(format!("http://{address}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What it answers to a form that is sent there, by a browser.
    pub async fn post_form(&self, address: &str, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let written = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let request = http()
            .post(format!("http://{address}{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html")
            .header("origin", format!("http://{address}"))
            .body(written.collect::<Vec<_>>().join("&"));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until it says something there, and returns all that it says.
    pub async fn until_said(&self, address: &str, path: &str, so: impl Fn(&str) -> bool) -> String {
        let asked = async {
            loop {
                let said = self.ask(address, path).await;
                if so(&said) {
                    return said;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let Ok(said) = tokio::time::timeout(SOON, asked).await else {
            panic!("not within {SOON:?}: {}\n{}", self.ask(address, path).await, self.log());
        };
        said
    }

    /// Starts the program with a wall clock that `set_clock` sets, and waits until Lanyard has been asked for
    /// people. `None` where the library that does it (Debian: `libfaketime`) is not there.
    pub async fn start_with_clock(&self) -> Option<Bot> {
        let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
            .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"))
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())?;
        let asked = self.subscriptions();
        let mut command = doorchime(self.dir.path(), ["run", "--listen", "none"]);
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", self.path("clock"))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_NO_CACHE", "1");
        let bot = self.spawn(command.stdout(Stdio::null()));
        self.until("it subscribes", || self.subscriptions() > asked).await;
        Some(bot)
    }

    /// By how much the wall clock of `start_with_clock` is ahead: `+0`, `+1h`, `-1h`.
    pub fn set_clock(&self, ahead: &str) {
        std::fs::write(self.path("clock.new"), ahead).unwrap();
        std::fs::rename(self.path("clock.new"), self.path("clock")).unwrap();
    }

    /// Starts the program, which keeps what Lanyard says in this file.
    pub fn start_recording(&self, file: &str) -> Bot {
        self.start_with_args(&["run", "--listen", "none", "--record", file])
    }

    /// Starts a dry run, and waits until Lanyard has been asked for people.
    pub async fn start_dry(&self) -> Bot {
        let asked = self.subscriptions();
        let printed = std::fs::File::create(self.path("printed")).unwrap();
        let mut command = doorchime(self.dir.path(), ["run", "--listen", "none", "--dry-run"]);
        let bot = self.spawn(command.stdout(printed));
        self.until("it subscribes", || self.subscriptions() > asked).await;
        bot
    }

    /// What a dry run has printed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.path("printed")).unwrap_or_default()
    }

    /// Starts the program with the address of a collector of traces, of which targets are told too, and waits until Lanyard has been asked for
    /// people.
    pub async fn start_with_collector(&self, address: &str) -> Bot {
        let asked = self.subscriptions();
        let mut command = doorchime(self.dir.path(), ["run", "--listen", "none"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address).env("DOORCHIME_TRACEPARENT", "true");
        let bot = self.spawn(command.stdout(Stdio::null()));
        self.until("it subscribes", || self.subscriptions() > asked).await;
        bot
    }

    /// Starts the program with these arguments.
    pub fn start_with_args(&self, args: &[&str]) -> Bot {
        self.spawn(doorchime(self.dir.path(), args).stdout(Stdio::null()))
    }

    fn spawn(&self, command: &mut Command) -> Bot {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let child = command.stderr(log).spawn().unwrap();
        Bot { pid: child.id(), child, left: false }
    }

    /// Starts the program, and waits until Lanyard has been asked for people.
    pub async fn start_and_subscribe(&self) -> Bot {
        let asked = self.subscriptions();
        let bot = self.start();
        self.until("it subscribes", || self.subscriptions() > asked).await;
        bot
    }

    /// How often Lanyard has been asked for people.
    pub fn subscriptions(&self) -> usize {
        self.lanyard.received().iter().filter(|(_, frame)| frame.contains(r#""op":2"#)).count()
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, so: impl Fn() -> bool) {
        let waited = async {
            while !so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waited).await;
        assert!(waited.is_ok(), "not within {SOON:?}: {what}\n{}", self.log());
    }

    /// Waits until so many notifications have come, and returns their texts.
    pub async fn rings(&self, times: usize) -> Vec<String> {
        self.until(&format!("{times} rings"), || self.receiver.heard().len() >= times).await;
        self.rung()
    }

    /// What has rung so far.
    pub fn rung(&self) -> Vec<String> {
        self.receiver.heard().iter().map(Heard::text).collect()
    }

    /// How many deliveries were ever owed: they are numbered.
    pub fn owed(&self) -> usize {
        let ledger = Ledger::open(&self.path("data")).unwrap();
        let newest = ledger.list(&Filter { limit: 1, ..Filter::default() }).unwrap();
        newest.first().map_or(0, |entry| usize::try_from(entry.seq).unwrap())
    }

    /// Waits until exactly this has rung, in whatever order, leaves, and sees to it that nothing else is owed.
    /// Whatever should not ring must have been fired, if at all, before the last of `expected` was.
    pub async fn rings_only(&self, bot: Bot, expected: &[&str]) {
        let mut rung = self.rings(expected.len()).await;
        assert!(bot.stop().await.success(), "{}", self.log());
        rung.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(rung, expected, "{}", self.log());
        assert_eq!(self.owed(), expected.len(), "more is owed: {}", self.log());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

/// The program while it runs; killed when it is dropped.
pub struct Bot {
    child: Child,
    pid: u32,
    left: bool,
}

impl Bot {
    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.left = true;
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGTERM, and its end.
    pub async fn stop(self) -> ExitStatus {
        self.signal("TERM");
        self.end().await
    }

    /// Its end, after whatever signal.
    pub async fn end(mut self) -> ExitStatus {
        self.left = true;
        let mut child = std::mem::replace(&mut self.child, Command::new("true").spawn().unwrap());
        tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        if !self.left {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// People with ids that no other test means.
pub fn people(count: u64) -> impl Iterator<Item = UserId> {
    (0..count).map(|n| UserId(900_000_000_000_000_000 + n))
}

fn http() -> reqwest::Client {
    let tls = doorchime::tls::client_config(None).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}
