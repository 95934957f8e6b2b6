//! `init`: a rules file to begin with.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::args::Init;
use super::exit::{Ended, Exit, Failure};
use super::style::{NAME, paint};

const STARTER: &str = include_str!("starter.yaml");

pub(super) fn init(args: &Init) -> Ended {
    let mut out = anstream::stdout().lock();
    if args.path == Path::new("-") {
        out.write_all(STARTER.as_bytes())?;
        return Ok(Exit::Fine);
    }
    let path = args.path.display();
    write(&args.path, args.force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Usage(format!(
            "`{path}` is there already: choose another name, or overwrite it with --force"
        )),
        io::ErrorKind::NotFound => {
            Failure::Usage(format!("the folder of `{path}` does not exist: make it first"))
        }
        _ => Failure::Usage(format!("cannot write `{path}`: {error}")),
    })?;
    let say = |command: &str| paint(NAME, command);
    let named = if args.path == Path::new("rules.yaml") { String::new() } else { format!(" {path}") };
    writeln!(out, "Wrote {path}. Next:")?;
    writeln!(out, "  1. put a Discord user's id into it (they must have joined https://discord.gg/lanyard)")?;
    writeln!(out, "  2. {}", say(&format!("doorchime check{named} --online")))?;
    let option = if named.is_empty() { String::new() } else { format!(" --rules{named}") };
    writeln!(
        out,
        "  3. {}    tries a target: ntfy, Slack and Home Assistant are in the file as comments",
        say(&format!("doorchime send screen{option}"))
    )?;
    writeln!(out, "  4. {}", say(&format!("doorchime run{named}")))?;
    Ok(Exit::Fine)
}

fn write(path: &Path, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path)?.write_all(STARTER.as_bytes())
}
