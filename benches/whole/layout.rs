//! What a bot runs while nothing happens, told by Valgrind and written down for the linker, so that it lies together in
//! the program and little else is kept in memory with it.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::stage::{PROGRAM, Stage, Wires, deflate, http, named_people, somebody, update};

/// What `layout/build.rs` hands to the linker.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/layout/idle.ld");

/// The rest of the program follows in the same section.
const HEAD: &str = "\
/* What a bot runs first, and together: at its start and while nothing happens, then with TLS and when something rings.
   What is called unlikely is small, and mostly run once. A name that is no longer there does no harm.
   Written by `cargo bench --bench whole -- layout`, read by layout/build.rs. */
SECTIONS
{
  .text :
  {
    *(.text.unlikely.*)
";
const TAIL: &str = "  }\n}\nINSERT BEFORE .init;\n";

/// Writes the script anew.
pub async fn layout() {
    let at_rest = run(Wires::Plain).await;
    assert!(!at_rest.is_empty(), "Valgrind tells no names: is the program stripped of them?");
    let all = run(Wires::Tls).await;
    let mut script = HEAD.to_owned();
    for name in at_rest.iter().chain(all.difference(&at_rest)) {
        writeln!(script, "    *(.text.{name})").unwrap();
    }
    std::fs::write(SCRIPT, script + TAIL).unwrap();
    println!(
        "layout      {:>8} functions, {} of them at rest, written to layout/idle.ld",
        at_rest.union(&all).count(),
        at_rest.len()
    );
}

/// Runs the program under Valgrind; what of it was run. Over plain wires nothing happens; with TLS one thing rings, and
/// somebody asks how the bot is.
async fn run(wires: Wires) -> BTreeSet<String> {
    let counts = tempfile::NamedTempFile::new().unwrap();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--tool=callgrind", "--demangle=no"]);
    valgrind.arg(format!("--callgrind-out-file={}", counts.path().display())).arg(PROGRAM);
    let rules = named_people(5, 5)
        + "  - {id: rings, who: p0, when: changed_kv, send: {to: hook, json: {n: '{{change.to}}', who: '{{user.name}}'}}}\n";
    let mut stage = Stage::with(&rules, valgrind, wires).await;
    stage.send_init(5).await;
    if wires == Wires::Tls {
        let rung = somebody(0).kv("n", "1");
        stage.socket.send(Message::Binary(deflate(&update(&rung.json())))).await.unwrap();
        stage.receiver.hears(1).await;
        for probe in ["healthz", "readyz", "metrics"] {
            http().get(format!("{}{probe}", stage.http)).send().await.unwrap();
        }
    }
    // A heartbeat, two pings, and what is looked at each minute.
    stage.listen(Duration::from_secs(70)).await;
    stage.bot.ends();
    functions(&std::fs::read_to_string(counts.path()).unwrap())
}

/// The functions of the program itself that were run, as the linker is to look for them.
fn functions(counts: &str) -> BTreeSet<String> {
    // Names are told once, as `(1) name`, and then as `(1)`; a call tells those of the called in the same way.
    let (mut objects, mut names) = (HashMap::new(), HashMap::new());
    let (mut ours, mut run) = (false, BTreeSet::new());
    for line in counts.lines() {
        let Some((key, told)) = line.split_once('=') else { continue };
        let known = match key {
            "ob" | "cob" => &mut objects,
            "fn" | "cfn" => &mut names,
            _ => continue,
        };
        let (number, name) = told.split_once(' ').unwrap_or((told, ""));
        let name = *known.entry(number).or_insert(name);
        match key {
            "ob" => ours = name == PROGRAM,
            // Others are Valgrind's own words for code that has no name.
            "fn" if ours && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') => {
                run.insert(pattern(name));
            }
            _ => {}
        }
    }
    run
}

/// Without what differs from one build to the next.
fn pattern(name: &str) -> String {
    // Deeper calls of a function by itself.
    let name = name.split_once('\'').map_or(name, |(name, _)| name);
    let name = name.split_once(".llvm.").map_or(name, |(name, _)| name);
    if name.starts_with("_R") {
        // A crate is `Cs`, its hash, `_` and its name.
        let mut parts = name.split("Cs");
        let mut pattern = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let hash = part.bytes().take_while(u8::is_ascii_alphanumeric).count();
            pattern.push_str("Cs");
            pattern.push_str(if part[hash..].starts_with('_') { "*" } else { &part[..hash] });
            pattern.push_str(&part[hash..]);
        }
        return pattern + "*";
    }
    match name.rfind("17h") {
        Some(hash) if name.starts_with("_ZN") => format!("{}17h*", &name[..hash]),
        _ => name.to_owned(),
    }
}
