use std::process::ExitCode;

fn main() -> ExitCode {
    doorchime::cli::entry::start()
}
