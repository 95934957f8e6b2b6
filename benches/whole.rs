//! The whole program measured from outside: a Lanyard that writes prepared frames as fast as the socket takes
//! them, the release binary as a process, a receiver.
//!
//! `cargo bench --bench whole -- [start] [idle] [updates] [snapshot] [posts] [latency] [page] [--people N] [--rules N]
//! [--updates N] [--crowd N] [--posts N] [--rate N] [--idle SECONDS]`; without a word, all of them.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a benchmark tells its figures, and a panic is its message"
)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Play, Receiver};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// Ticks of `/proc/PID/stat`, as Linux has them everywhere.
const TICKS_A_SECOND: f64 = 100.0;
/// For twenty seconds.
const PAGE_UPDATES: usize = 2000;

struct Sizes {
    people: usize,
    rules: usize,
    updates: usize,
    crowd: usize,
    posts: usize,
    rate: usize,
    idle: usize,
}

#[tokio::main]
async fn main() {
    let mut sizes = Sizes {
        people: 10_000,
        rules: 1000,
        updates: 500_000,
        crowd: 100_000,
        posts: 20_000,
        rate: 500,
        idle: 60,
    };
    let mut wanted: Vec<String> = Vec::new();
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let size = match arg.as_str() {
            "--people" => &mut sizes.people,
            "--rules" => &mut sizes.rules,
            "--updates" => &mut sizes.updates,
            "--crowd" => &mut sizes.crowd,
            "--posts" => &mut sizes.posts,
            "--rate" => &mut sizes.rate,
            "--idle" => &mut sizes.idle,
            _ => {
                wanted.push(arg);
                continue;
            }
        };
        *size = args.next().and_then(|number| number.parse().ok()).expect("each size takes a number");
    }
    let all = wanted.is_empty();
    let on = |name: &str| all || wanted.iter().any(|one| one == name);
    if on("start") {
        start().await;
    }
    if on("idle") {
        idle(&sizes).await;
    }
    if on("updates") {
        updates(&sizes).await;
    }
    if on("snapshot") {
        snapshot(&sizes).await;
    }
    if on("posts") {
        posts(&sizes).await;
    }
    if on("latency") {
        latency(&sizes).await;
    }
    if on("page") {
        page(&sizes).await;
    }
}

/// From the start of the process to its first question about people.
async fn start() {
    let mut took = Vec::new();
    for _ in 0..20 {
        let mut stage = Stage::new(&named_people(5, 5)).await;
        stage.send_init(5).await;
        took.push(stage.subscribed.unwrap().duration_since(stage.began).as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    println!(
        "start       {:>8.1} ms to the first subscription   {:.1} ms at the most, of 20",
        took[10], took[19]
    );
}

/// Five people who do nothing.
async fn idle(sizes: &Sizes) {
    let mut stage = Stage::new(&named_people(5, 5)).await;
    stage.send_init(5).await;
    stage.listen(Duration::from_secs(15)).await;
    let (cpu, wakes) = (stage.bot.cpu_seconds(), stage.bot.switches());
    stage.listen(Duration::from_secs(sizes.idle as u64)).await;
    println!(
        "idle        {:>8.3} % of a core   {:.2} wake-ups a second   {:.1} MB resident, {:.1} of them its own",
        100.0 * (stage.bot.cpu_seconds() - cpu) / sizes.idle as f64,
        (stage.bot.switches() - wakes) as f64 / sizes.idle as f64,
        stage.bot.memory_mb("VmRSS"),
        stage.bot.memory_mb("RssAnon"),
    );
}

/// Updates that match nothing.
async fn updates(sizes: &Sizes) {
    let mut stage = Stage::new(&named_people(sizes.people, sizes.rules)).await;
    stage.send_init(sizes.people).await;
    let frames: Vec<Bytes> = (0..4)
        .flat_map(|variant| (0..sizes.people).map(move |person| (variant, person)))
        .map(|(variant, person)| {
            let presence =
                somebody(person).playing_at("Factorio", "In the mines", &format!("Rocket {variant}"));
            deflate(&update(&presence.json()))
        })
        .collect();
    stage.until_counted("doorchime_lanyard_seen_total", sizes.people as u64).await;
    let (cpu, began) = (stage.bot.cpu_seconds(), now());
    for sent in 0..sizes.updates {
        stage.socket.feed(Message::Binary(frames[sent % frames.len()].clone())).await.unwrap();
    }
    stage.socket.flush().await.unwrap();
    stage.until_counted("doorchime_lanyard_updates_total", sizes.updates as u64).await;
    let (cpu, wall) = (stage.bot.cpu_seconds() - cpu, began.elapsed().as_secs_f64());
    println!(
        "updates     {:>8.0} a second   {:.1} CPU s a million   {:.0} MB at the most   ({} people, {} rules)",
        sizes.updates as f64 / wall,
        cpu * 1e6 / sizes.updates as f64,
        stage.bot.memory_mb("VmHWM"),
        sizes.people,
        sizes.rules,
    );
}

/// The INIT_STATE of a crowd.
async fn snapshot(sizes: &Sizes) {
    let mut stage = Stage::new(EVERYONE).await;
    let before = stage.bot.cpu_seconds();
    let began = now();
    let bytes = stage.send_init(sizes.crowd).await;
    stage.until_counted("doorchime_lanyard_seen_total", sizes.crowd as u64).await;
    println!(
        "snapshot    {:>8.2} s for {} people ({:.0} MB of JSON)   {:.2} CPU s   {:.0} MB at the most",
        began.elapsed().as_secs_f64(),
        sizes.crowd,
        bytes as f64 / 1e6,
        stage.bot.cpu_seconds() - before,
        stage.bot.memory_mb("VmHWM"),
    );
}

/// Everything rings.
async fn posts(sizes: &Sizes) {
    let people = 1000;
    let mut stage = Stage::new(EVERYONE).await;
    stage.send_init(people).await;
    stage.until_counted("doorchime_lanyard_seen_total", people as u64).await;
    let (cpu, began) = (stage.bot.cpu_seconds(), now());
    for sent in 0..sizes.posts {
        let presence = somebody(sent % people).kv("n", &sent.to_string());
        stage.socket.feed(Message::Binary(deflate(&update(&presence.json())))).await.unwrap();
    }
    stage.socket.flush().await.unwrap();
    stage.until_counted("doorchime_deliveries_owed_total", sizes.posts as u64).await;
    let owed = began.elapsed().as_secs_f64();
    stage.receiver.hears(sizes.posts).await;
    let wall = began.elapsed().as_secs_f64();
    println!(
        "posts       {:>8.0} a second delivered   {:.0} a second into the outbox   {:.2} CPU s for 10,000   {:.0} MB at the most",
        sizes.posts as f64 / wall,
        sizes.posts as f64 / owed,
        (stage.bot.cpu_seconds() - cpu) * 1e4 / sizes.posts as f64,
        stage.bot.memory_mb("VmHWM"),
    );
}

/// From a frame on the socket to the request at the receiver, at a steady rate.
async fn latency(sizes: &Sizes) {
    let people = 100;
    let mut stage = Stage::new(EVERYONE).await;
    stage.send_init(people).await;
    stage.until_counted("doorchime_lanyard_seen_total", people as u64).await;
    let count = sizes.rate * 10;
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / sizes.rate as f64));
    let began = now();
    let mut sent = Vec::with_capacity(count);
    for n in 0..count {
        let frame = deflate(&update(&somebody(n % people).kv("n", &n.to_string()).json()));
        ticks.tick().await;
        sent.push(began.elapsed());
        stage.socket.send(Message::Binary(frame)).await.unwrap();
    }
    stage.receiver.hears(count).await;
    let mut took: Vec<f64> = stage
        .arrivals
        .lock()
        .unwrap()
        .iter()
        .map(|(n, at)| at.duration_since(began).saturating_sub(sent[*n]).as_secs_f64() * 1e3)
        .collect();
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "latency     {:>8.2} ms p50   {:.2} ms p99   {:.2} ms p99.9   (frame to POST, {} a second)",
        at(0.5),
        at(0.99),
        at(0.999),
        sizes.rate
    );
}

/// A hundred updates a second, while nobody looks and while somebody has a view of the page open: its script
/// follows the events and asks for the view again at most once a second.
async fn page(sizes: &Sizes) {
    let mut stage = Stage::new(EVERYONE).await;
    stage.send_init(sizes.people).await;
    stage.until_counted("doorchime_lanyard_seen_total", sizes.people as u64).await;
    // Once before it counts: what is new of everybody is more work than what goes on.
    stage.updated(sizes).await;
    let alone = stage.updated(sizes).await;
    println!(
        "page        {alone:>8.2} % of a core while nobody looks   ({} people, 100 updates a second)",
        sizes.people
    );
    for view in ["", "?view=rules", "?view=activity", "?view=deliveries"] {
        let (http, base) = (http(), stage.metrics.replace("/metrics", "/"));
        let looked: Arc<Mutex<(usize, usize)>> = Arc::default();
        let noted = Arc::clone(&looked);
        let mut browser = JoinSet::new();
        let events =
            http.get(format!("{base}api/v1/events")).send().await.unwrap().error_for_status().unwrap();
        browser.spawn(async move { events.bytes().await.map(drop) });
        browser.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
                let page = http.get(format!("{base}{view}")).send().await?.text().await?;
                let mut noted = noted.lock().unwrap();
                *noted = (noted.0 + 1, page.len());
            }
        });
        let watched = stage.updated(sizes).await;
        browser.shutdown().await;
        let (looks, bytes) = *looked.lock().unwrap();
        println!(
            "            {watched:>8.2} % with somebody who looks at /{view}   ({looks} looks, the last of {:.0} kB)",
            bytes as f64 / 1e3
        );
    }
}

const EVERYONE: &str = "
lanyard: {url: LANYARD}
targets: {hook: {type: webhook, url: RECEIVER, concurrency: 64}}
rules:
  - {id: all, who: everyone, when: changed_kv, send: {to: hook, json: {n: '{{change.to}}', who: '{{user.name}}'}}}
";

/// A file with so many people and so many rules that never match.
fn named_people(people: usize, rules: usize) -> String {
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

fn somebody(person: usize) -> PresenceJson {
    PresenceJson::new(id(person)).named("somebody").status("online").on(&["desktop"]).custom("🦀", "rusty")
}

fn update(presence: &str) -> String {
    format!(r#"{{"op":0,"d":{presence},"t":"PRESENCE_UPDATE"}}"#)
}

fn deflate(text: &str) -> Bytes {
    let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflater.write_all(text.as_bytes()).unwrap();
    deflater.finish().unwrap().into()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn http() -> reqwest::Client {
    let tls = doorchime::tls::client_config(None).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

/// The program between its two neighbours.
struct Stage {
    bot: Bot,
    socket: WebSocketStream<TcpStream>,
    receiver: Receiver,
    arrivals: Arc<Mutex<Vec<(usize, Instant)>>>,
    metrics: String,
    began: Instant,
    subscribed: Option<Instant>,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// Starts the program and greets it.
    async fn new(rules: &str) -> Self {
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
        let dir = tempfile::TempDir::new().unwrap();
        let url = format!("ws://{}/socket", listener.local_addr().unwrap());
        let rules = rules.replace("LANYARD", &format!("\"{url}\"")).replace("RECEIVER", &receiver.url(""));
        std::fs::write(dir.path().join("rules.yaml"), rules).unwrap();
        // A port that was free a moment ago: the program says which it takes only in its log.
        let free = TcpListener::bind(LOOPBACK).await.unwrap().local_addr().unwrap();
        let began = now();
        let bot = Bot::start(dir.path().to_owned(), &free.to_string());
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let hello = deflate(r#"{"op":1,"d":{"heartbeat_interval":30000}}"#);
        socket.send(Message::Binary(hello)).await.unwrap();
        let metrics = format!("http://{free}/metrics");
        Self { bot, socket, receiver, arrivals, metrics, began, subscribed: None, _dir: dir }
    }

    /// Answers subscriptions until so many people have been told of. Returns the bytes of JSON.
    async fn send_init(&mut self, people: usize) -> usize {
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
    async fn listen(&mut self, time: Duration) {
        let listening = async { while self.socket.next().await.is_some() {} };
        let _ = tokio::time::timeout(time, listening).await;
    }

    /// A hundred updates a second for a while; the share of a core that it takes.
    async fn updated(&mut self, sizes: &Sizes) -> f64 {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let (cpu, began) = (self.bot.cpu_seconds(), now());
        for sent in 0..PAGE_UPDATES {
            // Pings are answered meanwhile.
            while tokio::select! { _ = ticks.tick() => false, _ = self.socket.next() => true } {}
            let presence = somebody(sent * 61 % sizes.people).playing_at(
                "Factorio",
                "In the mines",
                &format!("Rocket {sent}"),
            );
            self.socket.send(Message::Binary(deflate(&update(&presence.json())))).await.unwrap();
        }
        100.0 * (self.bot.cpu_seconds() - cpu) / began.elapsed().as_secs_f64()
    }

    /// Waits until a counter has reached a number; the socket is read meanwhile, since pings want an answer.
    async fn until_counted(&mut self, counter: &str, number: u64) {
        let http = http();
        loop {
            let text = http.get(&self.metrics).send().await.unwrap().text().await.unwrap();
            let told = text.lines().filter(|line| line.starts_with(counter));
            let sum: f64 = told.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            if sum >= number as f64 {
                return;
            }
            let _ = tokio::time::timeout(Duration::from_millis(20), self.socket.next()).await;
        }
    }
}

struct Bot {
    child: Child,
}

impl Bot {
    fn start(dir: PathBuf, listen: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorchime"));
        command.args(["run", "--listen", listen, "--log-level", "warn"]).current_dir(dir);
        Self { child: command.stdin(Stdio::null()).spawn().unwrap() }
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_A_SECOND
    }

    fn memory_mb(&self, line: &str) -> f64 {
        let status = self.proc("status");
        let kib = status
            .lines()
            .find(|told| told.starts_with(line))
            .and_then(|told| told.split_whitespace().nth(1));
        kib.unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// How often its threads have gone to sleep.
    fn switches(&self) -> u64 {
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
