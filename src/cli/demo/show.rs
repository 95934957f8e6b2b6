//! The demo's course: the stage is set, the bot connects, people live for a while, and then it is told what
//! became of it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::screen::{self, Screen};
use super::stage::{EXAMPLE_NAME, Stage};
use crate::app::bot::Bot;
use crate::app::signals::Signals;
use crate::cli::args::Demo;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::run::spoken;
use crate::cli::style::{self, paint, plain};
use crate::cli::words::count;
use crate::clock::Clock;
use crate::engine::effects::Told;
use crate::outbox::delivery::Fate;
use crate::outbox::store::handle::Durability;
use crate::outbox::store::ledger::{Filter, Ledger};
use crate::rules::set::RuleSet;
use crate::simulator::cast;
use crate::simulator::server::Simulator;
use crate::web::avatars::source::AvatarsFrom;
use crate::web::listen::Listen;

/// So many happenings can wait to be shown; the bot does not wait for the screen.
const TOLD_MAX: usize = 4096;
/// What happens within this time is shown together.
const TOGETHER: Duration = Duration::from_millis(25);
/// What is still on its way at the end gets this long to arrive.
const LAST_WORDS: Duration = Duration::from_secs(8);
/// How often it is looked whether anything still is.
const LOOK: Duration = Duration::from_millis(150);
/// The bot connects to a server on this machine: longer than this means never.
const CONNECT_MAX: Duration = Duration::from_secs(10);

pub(in crate::cli) fn demo(args: &Demo) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::fault)?;
    runtime.block_on(show(args))
}

async fn show(args: &Demo) -> Ended {
    let folder = Folder::new().map_err(|error| Failure::Usage(format!("no temporary folder: {error}")))?;
    let data = folder.path().join("data");
    let leaving = CancellationToken::new();
    let Stage { lanyard, rules, mut got, receivers: _receivers } =
        Stage::set(&leaving).await.map_err(Failure::fault)?;
    let mut screen = Screen::new(&rules);
    let (tap, mut told) = mpsc::channel(TOLD_MAX);
    let bot = Bot {
        rules: Arc::clone(&rules),
        file: None,
        data: data.clone(),
        durability: Durability::default(),
        listen: args.listen.clone(),
        token: None,
        avatars: AvatarsFrom::Nowhere,
        dry_run: false,
        record: None,
        tap: Some(tap),
    };
    say(&head(&rules, &args.listen))?;
    let clock = Clock::start();
    let (scenes, mut played) = mpsc::channel(1);
    let mut bot = pin!(bot.run(leaving.clone()));
    let mut play = pin!(play(&lanyard, args, scenes, clock));
    let bored = CancellationToken::new();
    let mut signals = pin!(Signals::listen().map_err(Failure::fault)?.twice(bored.clone()));
    let mut over: Option<Duration> = None;
    let whole = loop {
        tokio::select! {
            // What somebody does is shown before what follows from it.
            biased;
            ended = &mut bot => {
                ended.map_err(spoken)?;
                return Err(Failure::fault("the bot ended before the demo did"));
            }
            () = &mut signals => return Ok(Exit::Fine),
            () = bored.cancelled() => break false,
            Some(played) = played.recv() => {
                let Played { at, who, what } = played;
                say(&[screen::done(at, &who, &what)])?;
            }
            Some(first) = told.recv() => {
                clock.sleep_until(clock.now().mono + TOGETHER).await;
                let together: Vec<Told> = std::iter::once(first).chain(pending(&mut told)).collect();
                say(&screen.happened(&together))?;
            }
            Some(got) = got.recv() => say(&[screen::arrived(&got)])?,
            waited = &mut play, if over.is_none() => {
                waited?;
                over = Some(clock.now().mono);
            }
            () = clock.sleep_until(clock.now().mono + LOOK), if over.is_some() => {
                let late = over.is_some_and(|over| clock.now().mono > over + LAST_WORDS);
                if late || nothing_owed(&data)? {
                    break true;
                }
            }
        }
    };
    leaving.cancel();
    bot.await.map_err(spoken)?;
    for got in pending(&mut got) {
        say(&[screen::arrived(&got)])?;
    }
    let ends = ends(&data, &rules)?;
    say(&summary(&screen, &rules, &ends))?;
    let silent: Vec<&str> =
        ends.iter().filter(|(_, ends)| ends.delivered == 0).map(|(name, _)| &**name).collect();
    if whole && !silent.is_empty() {
        return Err(Failure::Finding(format!("no message arrived at {}", silent.join(", "))));
    }
    Ok(Exit::Fine)
}

/// Something that somebody did.
struct Played {
    at: Duration,
    who: String,
    what: String,
}

/// Waits for the bot to listen, and then lets people live.
async fn play(
    lanyard: &Simulator,
    args: &Demo,
    scenes: mpsc::Sender<Played>,
    clock: Clock,
) -> Result<(), Failure> {
    let people = cast::usual_cast();
    let began = clock.now();
    for presence in cast::opening(&people, began.wall_ms) {
        lanyard.set(&presence);
    }
    while !lanyard.received().iter().any(|(_, frame)| frame.contains("\"op\":2")) {
        if clock.now().mono > began.mono + CONNECT_MAX {
            return Err(Failure::fault("the bot does not connect to the Lanyard server on this machine"));
        }
        clock.sleep_until(clock.now().mono + LOOK).await;
    }
    let length = |time: Duration| time.div_f64(args.speed);
    loop {
        let began = clock.now();
        for scene in cast::scenes(&people, began.wall_ms) {
            clock.sleep_until(began.mono + length(scene.at)).await;
            let who = people.iter().find(|actor| actor.id == scene.who).map_or("?", |actor| &actor.name);
            let played = Played { at: clock.now().mono, who: who.to_owned(), what: scene.what };
            // Taken before the presence is sent: nothing is shown before it happens.
            if scenes.send(played).await.is_err() {
                return Ok(());
            }
            lanyard.set(&scene.presence);
        }
        clock.sleep_until(began.mono + length(cast::LENGTH)).await;
        if !args.forever {
            return Ok(());
        }
        for presence in cast::opening(&people, clock.now().wall_ms) {
            lanyard.set(&presence);
        }
    }
}

/// What has come in already.
fn pending<T>(inbox: &mut mpsc::Receiver<T>) -> impl Iterator<Item = T> {
    std::iter::from_fn(|| inbox.try_recv().ok())
}

fn nothing_owed(data: &std::path::Path) -> Result<bool, Failure> {
    let filter = Filter { state: Some("pending".to_owned()), limit: 1, ..Filter::default() };
    let ledger = Ledger::open(data).map_err(Failure::fault)?;
    Ok(ledger.list(&filter).map_err(Failure::fault)?.is_empty())
}

/// What became of one target's messages.
#[derive(Default)]
struct Ends {
    delivered: usize,
    repeated: usize,
    other: usize,
}

/// By target, as the outbox has it.
fn ends(data: &std::path::Path, rules: &RuleSet) -> Result<BTreeMap<Arc<str>, Ends>, Failure> {
    let mut ends: BTreeMap<Arc<str>, Ends> =
        rules.targets.keys().map(|name| (Arc::clone(name), Ends::default())).collect();
    let filter = Filter { limit: usize::MAX, ..Filter::default() };
    let ledger = Ledger::open(data).map_err(Failure::fault)?;
    for entry in ledger.list(&filter).map_err(Failure::fault)? {
        let ends = ends.entry(entry.delivery.target).or_default();
        ends.repeated += usize::from(entry.attempts > 1);
        match entry.fate {
            Fate::Delivered => ends.delivered += 1,
            _ => ends.other += 1,
        }
    }
    Ok(ends)
}

fn head(rules: &RuleSet, listen: &Listen) -> Vec<String> {
    let people = count(rules.people.len(), "invented person", "invented people");
    let around =
        format!("{people}, a Lanyard server, and {} to ring, all on this machine", rules.targets.len());
    let mut lines = vec![format!("{}: {around}", paint(style::HEAD, "doorchime demo"))];
    lines.push(paint(
        style::FAINT,
        format!("The rules are {EXAMPLE_NAME}'s. Its console target prints what is not indented."),
    ));
    lines.push(paint(style::FAINT, "Ctrl-C ends it."));
    if let Some(at) = listen.reachable() {
        lines.push(paint(style::FAINT, format!("http://{at}/metrics and /readyz tell how it does.")));
    }
    lines.push(String::new());
    lines
}

fn summary(screen: &Screen, rules: &RuleSet, ends: &BTreeMap<Arc<str>, Ends>) -> Vec<String> {
    let told = format!(
        "{} and {} later",
        count(rules.people.len(), "person", "people"),
        count(screen.changes(), "change", "changes")
    );
    let mut lines = vec![String::new(), paint(style::HEAD, told)];
    lines.extend(screen.summary());
    lines.push(paint(style::HEAD, "What arrived"));
    let width = ends.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    for (name, ends) in ends {
        let style = if ends.delivered > 0 { style::GOOD } else { style::BAD };
        let arrived = paint(style, count(ends.delivered, "message", "messages"));
        let again = match ends.repeated {
            0 => String::new(),
            times => format!(", {times} at the second try"),
        };
        let other = match ends.other {
            0 => String::new(),
            other => paint(style::BAD, format!(", {other} not")),
        };
        let kind = rules.targets.get(name).map_or("", |target| target.kind().name);
        lines.push(format!("  {:<width$}  {kind:<14}  {arrived}{again}{other}", plain(name)));
    }
    lines.push(format!("Next: {} writes a rules file of your own.", paint(style::NAME, "doorchime init")));
    lines
}

fn say(lines: &[String]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
