//! The whole program measured from outside: a Lanyard that writes prepared frames as fast as the socket takes
//! them, the release binary as a process, a receiver.
//!
//! `cargo bench --bench whole -- [start] [idle] [updates] [snapshot] [posts] [latency] [page] [--people N] [--rules N]
//! [--updates N] [--crowd N] [--posts N] [--rate N] [--idle SECONDS]`; without a word, all of them. `layout` measures nothing: it writes `layout/idle.ld` anew.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a benchmark tells its figures, and a panic is its message"
)]

mod layout;
mod stage;
#[path = "../../tests/it/tls_front.rs"]
mod tls_front;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use self::stage::{EVERYONE, PROGRAM, Stage, Wires, deflate, http, named_people, now, somebody, update};

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
    // Nothing is measured: only when it is asked for.
    if wanted.iter().any(|one| one == "layout") {
        layout::layout().await;
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
    for (told_as, wires) in [("idle", Wires::Plain), ("  with TLS", Wires::Tls)] {
        let mut stage = Stage::with(&named_people(5, 5), Command::new(PROGRAM), wires).await;
        stage.send_init(5).await;
        stage.listen(Duration::from_secs(15)).await;
        let (cpu, wakes) = (stage.bot.cpu_seconds(), stage.bot.switches());
        stage.listen(Duration::from_secs(sizes.idle as u64)).await;
        println!(
            "{told_as:<12}{:>8.3} % of a core   {:.2} wake-ups a second   {:.1} MB resident, {:.1} of them its own",
            100.0 * (stage.bot.cpu_seconds() - cpu) / sizes.idle as f64,
            (stage.bot.switches() - wakes) as f64 / sizes.idle as f64,
            stage.bot.memory_mb("VmRSS"),
            stage.bot.memory_mb("RssAnon"),
        );
    }
}

/// Updates that match nothing.
async fn updates(sizes: &Sizes) {
    let mut stage = Stage::knowing(&named_people(sizes.people, sizes.rules), sizes.people).await;
    let frames: Vec<_> = (0..4)
        .flat_map(|variant| (0..sizes.people).map(move |person| (variant, person)))
        .map(|(variant, person)| {
            let presence =
                somebody(person).playing_at("Factorio", "In the mines", &format!("Rocket {variant}"));
            deflate(&update(&presence.json()))
        })
        .collect();
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
    let mut stage = Stage::knowing(EVERYONE, people).await;
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
    let mut stage = Stage::knowing(EVERYONE, people).await;
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
    let mut stage = Stage::knowing(EVERYONE, sizes.people).await;
    // Once before it counts: what is new of everybody is more work than what goes on.
    updated(&mut stage, sizes).await;
    let alone = updated(&mut stage, sizes).await;
    println!(
        "page        {alone:>8.2} % of a core while nobody looks   ({} people, 100 updates a second)",
        sizes.people
    );
    for view in ["", "?view=rules", "?view=activity", "?view=deliveries"] {
        let (http, base) = (http(), stage.http.clone());
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
        let watched = updated(&mut stage, sizes).await;
        browser.shutdown().await;
        let (looks, bytes) = *looked.lock().unwrap();
        println!(
            "            {watched:>8.2} % with somebody who looks at /{view}   ({looks} looks, the last of {:.0} kB)",
            bytes as f64 / 1e3
        );
    }
}

/// A hundred updates a second for a while; the share of a core that it takes.
async fn updated(stage: &mut Stage, sizes: &Sizes) -> f64 {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let (cpu, began) = (stage.bot.cpu_seconds(), now());
    for sent in 0..PAGE_UPDATES {
        // Pings are answered meanwhile.
        while tokio::select! { _ = ticks.tick() => false, _ = stage.socket.next() => true } {}
        let presence = somebody(sent * 61 % sizes.people).playing_at(
            "Factorio",
            "In the mines",
            &format!("Rocket {sent}"),
        );
        stage.socket.send(Message::Binary(deflate(&update(&presence.json())))).await.unwrap();
    }
    100.0 * (stage.bot.cpu_seconds() - cpu) / began.elapsed().as_secs_f64()
}
