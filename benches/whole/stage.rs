//! The program as a process, between a feeder that plays Lanyard and a receiver.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Play, Receiver};
use futures_util::{SinkExt as _, StreamExt as _};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::tls_front::TlsFront;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// What is measured.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_doorchime");
/// Ticks of `/proc/PID/stat`, as Linux has them everywhere.
const TICKS_A_SECOND: f64 = 100.0;

pub const EVERYONE: &str = "
lanyard: {url: LANYARD}
targets: {hook: {type: webhook, url: RECEIVER, concurrency: 64}}
rules:
  - {id: all, who: everyone, when: changed_kv, send: {to: hook, json: {n: '{{change.to}}', who: '{{user.name}}'}}}
";

/// A file with so many people and so many rules that never match.
pub fn named_people(people: usize, rules: usize) -> String {
    let mut file =
        String::from("lanyard: {url: LANYARD}\ntargets: {hook: {type: webhook, url: RECEIVER}}\npeople:\n");
    for person in 0..people {
        file.push_str(&format!("  p{person}: {}\n", id(person)));
    }
    file.push_str("rules:\n");
    for rule in 0..rules {
        let who = rule % people;
        file.push_str(&format!(
            "  - {{id: r{rule}, who: p{who}, when: [went_online, changed_activity], if: 'playing.name == \"Tetris\"', send: hook}}\n"
        ));
    }
    file
}

fn id(person: usize) -> UserId {
    UserId(900_000_000_000_000_000 + person as u64)
}

pub fn somebody(person: usize) -> PresenceJson {
    PresenceJson::new(id(person)).named("somebody").status("online").on(&["desktop"]).custom("🦀", "rusty")
}

pub fn update(presence: &str) -> String {
    format!(r#"{{"op":0,"d":{presence},"t":"PRESENCE_UPDATE"}}"#)
}

pub fn deflate(text: &str) -> Bytes {
    let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflater.write_all(text.as_bytes()).unwrap();
    deflater.finish().unwrap().into()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

pub fn http() -> reqwest::Client {
    let tls = doorchime::tls::client_config(None).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

/// The program between its two neighbours.
pub struct Stage {
    pub bot: Bot,
    pub socket: WebSocketStream<TcpStream>,
    pub receiver: Receiver,
    pub arrivals: Arc<Mutex<Vec<(usize, Instant)>>>,
    /// Where its HTTP side is, with a slash at the end.
    pub http: String,
    pub began: Instant,
    pub subscribed: Option<Instant>,
    _dir: TempDir,
    _fronts: Vec<TlsFront>,
}

/// How the program talks with its neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wires {
    Plain,
    /// As at people's homes.
    Tls,
}

impl Stage {
    /// Starts the program and greets it.
    pub async fn new(rules: &str) -> Self {
        Self::with(rules, Command::new(PROGRAM), Wires::Plain).await
    }

    /// The same, and it has been told of so many people.
    pub async fn knowing(rules: &str, people: usize) -> Self {
        let mut stage = Self::new(rules).await;
        stage.send_init(people).await;
        stage.until_counted("doorchime_lanyard_seen_total", people as u64).await;
        stage
    }

    /// With this in the program's place, which is given its arguments.
    pub async fn with(rules: &str, mut program: Command, wires: Wires) -> Self {
        let listener = TcpListener::bind(LOOPBACK).await.unwrap();
        let arrivals: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
        let noted = Arc::clone(&arrivals);
        let receiver = Receiver::start(LOOPBACK, move |heard| {
            if let Some(n) = heard.json()["n"].as_str().and_then(|n| n.parse().ok()) {
                noted.lock().unwrap().push((n, now()));
            }
            Play::status(204)
        });
        let receiver = receiver.await.unwrap();
        let dir = TempDir::new().unwrap();
        let (plain_socket, mut fronts) = (listener.local_addr().unwrap(), Vec::new());
        let (socket_url, hook_url) = match wires {
            Wires::Plain => (format!("ws://{plain_socket}/socket"), receiver.url("")),
            Wires::Tls => {
                let mut trusted = Vec::new();
                for plain in [plain_socket, receiver.address()] {
                    let front = TlsFront::before(plain, "localhost").await;
                    trusted.extend(std::fs::read(front.ca()).unwrap());
                    fronts.push(front);
                }
                std::fs::write(dir.path().join("trusted.pem"), trusted).unwrap();
                program.env("SSL_CERT_FILE", dir.path().join("trusted.pem"));
                let [socket, hook] = [0, 1].map(|front| fronts[front].port());
                (format!("wss://localhost:{socket}/socket"), format!("https://localhost:{hook}/"))
            }
        };
        let rules = rules.replace("LANYARD", &format!("\"{socket_url}\"")).replace("RECEIVER", &hook_url);
        std::fs::write(dir.path().join("rules.yaml"), rules).unwrap();
        // A port that was free a moment ago: the program says which it takes only in its log.
        let free = TcpListener::bind(LOOPBACK).await.unwrap().local_addr().unwrap();
        let began = now();
        let bot = Bot::start(program, dir.path(), &free.to_string());
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let hello = deflate(r#"{"op":1,"d":{"heartbeat_interval":30000}}"#);
        socket.send(Message::Binary(hello)).await.unwrap();
        let http = format!("http://{free}/");
        Self { bot, socket, receiver, arrivals, http, began, subscribed: None, _dir: dir, _fronts: fronts }
    }

    /// Answers subscriptions until so many people have been told of. Returns the bytes of JSON.
    pub async fn send_init(&mut self, people: usize) -> usize {
        let (mut told, mut bytes) = (0, 0);
        while told < people {
            let asked = self.socket.next().await.unwrap().unwrap();
            let asked: serde_json::Value = serde_json::from_str(asked.to_text().unwrap()).unwrap_or_default();
            if asked["op"] != 2 {
                continue;
            }
            self.subscribed.get_or_insert_with(now);
            let batch = asked["d"]["subscribe_to_ids"].as_array().map_or(people, Vec::len);
            let each =
                (told..told + batch).map(|person| format!(r#""{}":{}"#, id(person), somebody(person).json()));
            let text =
                format!(r#"{{"op":0,"d":{{{}}},"t":"INIT_STATE"}}"#, each.collect::<Vec<_>>().join(","));
            self.socket.send(Message::Binary(deflate(&text))).await.unwrap();
            (told, bytes) = (told + batch, bytes + text.len());
        }
        bytes
    }

    /// Lets time go by; pings are answered.
    pub async fn listen(&mut self, time: Duration) {
        let listening = async { while self.socket.next().await.is_some() {} };
        let _ = tokio::time::timeout(time, listening).await;
    }

    /// Waits until a counter has reached a number; the socket is read meanwhile, since pings want an answer.
    pub async fn until_counted(&mut self, counter: &str, number: u64) {
        let http = http();
        loop {
            let text = http.get(format!("{}metrics", self.http)).send().await.unwrap().text().await.unwrap();
            let told = text.lines().filter(|line| line.starts_with(counter));
            let sum: f64 = told.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            if sum >= number as f64 {
                return;
            }
            let _ = tokio::time::timeout(Duration::from_millis(20), self.socket.next()).await;
        }
    }
}

pub struct Bot {
    child: Child,
}

impl Bot {
    fn start(mut program: Command, dir: &Path, listen: &str) -> Self {
        program.args(["run", "--listen", listen, "--log-level", "warn"]).current_dir(dir);
        let started = program.stdin(Stdio::null()).spawn();
        Self { child: started.unwrap_or_else(|error| panic!("{}: {error}", program.get_program().display())) }
    }

    /// Has it end by itself.
    pub fn ends(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.unwrap().success() && self.child.wait().unwrap().success());
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    pub fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_A_SECOND
    }

    pub fn memory_mb(&self, line: &str) -> f64 {
        let status = self.proc("status");
        let kib = status
            .lines()
            .find(|told| told.starts_with(line))
            .and_then(|told| told.split_whitespace().nth(1));
        kib.unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// How often its threads have gone to sleep.
    pub fn switches(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let each = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap());
        let slept = each.map(|status| {
            let line =
                status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap().to_owned();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        });
        slept.sum()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
