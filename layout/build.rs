//! Has the linker put what an idle bot runs into one place (`idle.ld`): the kernel keeps code in memory by neighbourhood,
//! and what is run now and then is strewn over the whole program otherwise. It changes nothing else, and where the linker
//! knows no such scripts, the program is linked without.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=layout");
    let link_arg = format!("-T{}/layout/idle.ld", variable("CARGO_MANIFEST_DIR"));
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" && links_with(&link_arg)
    {
        println!("cargo::rustc-link-arg-bins={link_arg}");
    }
}

/// Whether a program that does nothing can be linked so, with whatever linker is in use.
fn links_with(link_arg: &str) -> bool {
    let dir = variable("OUT_DIR");
    let trial = Path::new(&dir).join("trial.rs");
    if std::fs::write(&trial, "fn main() {}\n").is_err() {
        return false;
    }
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.args(["--target", &variable("TARGET"), "-C", &format!("link-arg={link_arg}")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.args(["-C", &format!("linker={linker}")]);
    }
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\u{1f}').filter(|flag| !flag.is_empty()));
    rustc.arg("--out-dir").arg(&dir).arg(&trial);
    rustc.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
