//! The real program, started as a person or a script would.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What one run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The program with nothing of this machine's settings, in the folder `here`.
pub fn doorchime<A: AsRef<OsStr>>(here: &Path, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorchime"));
    command.args(args).current_dir(here).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let ours = ["DOORCHIME_", "OTEL_"].iter().any(|ours| name.to_string_lossy().starts_with(ours));
        let loud = ["RUST_LOG", "RUST_BACKTRACE", "CLICOLOR_FORCE", "NO_COLOR", "TZ"];
        if ours || loud.iter().any(|known| name == *known) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end.
pub fn run<A: AsRef<OsStr>>(here: &Path, args: impl IntoIterator<Item = A>) -> Ran {
    ran(&mut doorchime(here, args))
}

/// The same, for a command that has been prepared.
pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
