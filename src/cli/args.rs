//! What can be typed.

pub mod asking;
pub mod looking;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use secrecy::SecretString;

use self::asking::Explain;
use self::looking::{Record, Replay, Watch};
use super::style;
use crate::logging::Format;
use crate::web::avatars::source::AvatarsFrom;
use crate::web::listen::Listen;

/// Watches people's Discord presence through Lanyard and rings webhooks.
#[derive(Debug, Parser)]
#[command(
    name = "doorchime",
    version,
    about,
    long_about = "Watches people's Discord presence through Lanyard and rings webhooks: a friend comes online, a \
                  song changes, a game starts. One YAML file says who is watched, what is looked for, and whom to \
                  tell.",
    after_help = "To begin:\n  doorchime demo          see it ring, with invented people and no network\n  \
                  doorchime init          write a rules file to change\n  doorchime check         look for \
                  mistakes in it\n  doorchime run           go",
    after_long_help = "To begin:\n  doorchime demo          see it ring, with invented people and no network\n  \
                       doorchime init          write a rules file to change\n  doorchime check         look for \
                       mistakes in it\n  doorchime run           go\n\nThe rules file is RULES, else \
                       $DOORCHIME_RULES, else ./rules.yaml, else /etc/doorchime/rules.yaml.\n\nExit codes: 0 fine; \
                       1 something to look at was found; 2 it cannot be done as asked (arguments, rules file, data \
                       directory, address); 70 something broke.",
    styles = style::HELP,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Args {
    #[command(flatten)]
    pub log: Log,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Log (to stderr)")]
pub struct Log {
    /// How a line of the log looks
    #[arg(long, global = true, env = "DOORCHIME_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: Format,
    /// error, warn, info, debug, trace, or directives such as `info,doorchime::outbox=debug`
    #[arg(long, global = true, env = "RUST_LOG", value_name = "LEVEL")]
    pub log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Run),
    Check(Check),
    Test(Test),
    Watch(Watch),
    Record(Record),
    Replay(Replay),
    Explain(Explain),
    Demo(Demo),
    Init(Init),
    Send(Send),
    Outbox(Outbox),
    Schema(Schema),
    Completions(Completions),
    Healthcheck(Healthcheck),
}

/// The rules file, where it comes first.
#[derive(Debug, ClapArgs)]
pub struct Rules {
    /// The rules file [default: ./rules.yaml, else /etc/doorchime/rules.yaml]
    #[arg(value_name = "RULES", env = "DOORCHIME_RULES", value_hint = clap::ValueHint::FilePath)]
    pub rules: Option<PathBuf>,
}

/// The rules file, where something else comes first.
#[derive(Debug, ClapArgs)]
pub struct RulesOption {
    /// The rules file [default: ./rules.yaml, else /etc/doorchime/rules.yaml]
    #[arg(long, value_name = "RULES", env = "DOORCHIME_RULES", value_hint = clap::ValueHint::FilePath)]
    pub rules: Option<PathBuf>,
}

/// Where `run` keeps it.
#[derive(Debug, ClapArgs)]
pub struct Data {
    /// Where the outbox lives; made if it is missing
    #[arg(long = "data", value_name = "DIR", env = "DOORCHIME_DATA", default_value = "./data",
          value_hint = clap::ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// Where `outbox` looks for it.
#[derive(Debug, ClapArgs)]
pub struct DataThere {
    /// The data directory of `doorchime run`
    #[arg(long = "data", value_name = "DIR", env = "DOORCHIME_DATA", default_value = "./data",
          value_hint = clap::ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// Watch people and ring: the bot
///
/// Connects to Lanyard, watches the people in the rules file and sends what the rules ask for. What is to be
/// sent is on disk first, and is sent until it has arrived, has expired, or was refused for good. A changed
/// rules file is taken within seconds, and on SIGHUP; one with mistakes changes nothing. SIGTERM or Ctrl-C:
/// finishes the requests under way, at most 10 seconds, and ends with 0.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime run\n  doorchime run my-rules.yaml --data /var/lib/doorchime\n  \
                        doorchime run --dry-run --log-level debug    everything but the requests\n\nA rules file \
                        with mistakes, a data directory that cannot be written, and an address in use end it with 2."
)]
pub struct Run {
    #[command(flatten)]
    pub rules: Rules,
    #[command(flatten)]
    pub data: Data,
    /// Where the page, its API, /metrics, /healthz and /readyz are served; `none` for nowhere
    #[arg(long, value_name = "HOST:PORT", env = "DOORCHIME_LISTEN", default_value = "127.0.0.1:9090")]
    pub listen: Listen,
    /// What opens the HTTP side to those who may read it from elsewhere, or change something
    #[arg(long, value_name = "TOKEN", env = "DOORCHIME_TOKEN", hide_env_values = true, value_parser = secret)]
    pub token: Option<SecretString>,
    /// Where the page's pictures of people come from, through doorchime; `none` draws their initials instead
    #[arg(long, value_name = "URL", env = "DOORCHIME_AVATARS", default_value = "https://cdn.discordapp.com")]
    pub avatars: AvatarsFrom,
    /// Do everything but the requests: print them instead. Best with a --data of its own: cooldowns are kept there
    #[arg(long, env = "DOORCHIME_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    pub dry_run: bool,
    /// Refuse a rules file whose own tests fail, at the start and when it is read again
    #[arg(long, env = "DOORCHIME_REQUIRE_TESTS", value_parser = clap::builder::FalseyValueParser::new())]
    pub require_tests: bool,
    /// Keep what Lanyard says in this file too, for `doorchime replay`; goes on with one that is there
    #[arg(long, value_name = "FILE", env = "DOORCHIME_RECORD", value_hint = clap::ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// How much of it is kept, in FILE and FILE.1 together
    #[arg(long, value_name = "SIZE", env = "DOORCHIME_RECORD_SIZE", default_value = "100MiB",
          value_parser = looking::size)]
    pub record_size: u64,
}

/// Look for mistakes in the rules file
///
/// Shows every mistake at once, each with its place, a hint, and the name that was probably meant; then plays the
/// file's tests. Ends with 1 if there is a mistake or a test failed, with 2 if there is no file to read.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime check\n  doorchime check my-rules.yaml --online    also ask Lanyard \
                        and the targets\n  doorchime check --json | jq .problems\n  doorchime check - < my-rules.yaml    from the standard input"
)]
pub struct Check {
    #[command(flatten)]
    pub rules: Rules,
    /// Also ask Lanyard about each person, and each target that has a health page how it is
    #[arg(long)]
    pub online: bool,
    /// For scripts: one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Play the tests in the rules file
///
/// What stands under `tests:` says what people do, step by step, and what is to ring. It is played on a virtual
/// clock: nothing is connected to and nothing is sent, and hours pass in no time. A test that fails shows what
/// happened, what rang and what stayed quiet and why. Ends with 1 if one failed.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime test\n  doorchime test my-rules.yaml --only 'night*' --timeline\n  \
                        doorchime test --json | jq '.failed[].name'"
)]
pub struct Test {
    #[command(flatten)]
    pub rules: Rules,
    /// Only those whose name has this in it, or fits it as a pattern: `night*`, `/^a/i`
    #[arg(long, value_name = "PATTERN")]
    pub only: Option<String>,
    /// Show what happened also in tests that passed
    #[arg(long)]
    pub timeline: bool,
    /// For scripts: one JSON object
    #[arg(long)]
    pub json: bool,
}

/// See it ring: invented people, real sockets, no network
///
/// Starts a Lanyard server with invented people and a receiver on this machine, and runs the example rules file
/// between them: who does what, what rings and what does not, and why. Ends by itself after about 20 seconds
/// with a summary; with 1 if a target of the example did not ring.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime demo\n  doorchime demo --forever --listen 127.0.0.1:9090    and \
                        open http://127.0.0.1:9090/"
)]
pub struct Demo {
    /// Go on until Ctrl-C
    #[arg(long)]
    pub forever: bool,
    /// Where the page, its API, /metrics, /healthz and /readyz are served; `none` for nowhere
    #[arg(long, value_name = "HOST:PORT", default_value = "none")]
    pub listen: Listen,
    /// How many times faster the people live
    #[arg(long, hide = true, default_value_t = 1.0)]
    pub speed: f64,
}

/// Write a rules file to begin with
///
/// A short one with comments, for one person and one target, ready to be changed. Nothing is overwritten
/// unless asked for.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  doorchime init\n  doorchime init /etc/doorchime/rules.yaml\n  \
                        doorchime init -          print it instead")]
pub struct Init {
    /// Where to write it; `-` prints it
    #[arg(value_name = "PATH", default_value = "rules.yaml", value_hint = clap::ValueHint::FilePath)]
    pub path: PathBuf,
    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
}

/// Send a test notification to a target, and show its answer
///
/// One request with what the rules file says of the target, outside the outbox and without retries. Ends with 0
/// if the target took it, with 1 if not.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime send phone\n  doorchime send team --text 'Is this thing on?'\n  \
                        doorchime send api --rules my-rules.yaml --json"
)]
pub struct Send {
    /// The target's name in the rules file
    #[arg(value_name = "TARGET")]
    pub target: String,
    #[command(flatten)]
    pub rules: RulesOption,
    /// What to say
    #[arg(long, value_name = "TEXT", default_value = "doorchime can reach you here.")]
    pub text: String,
    /// For scripts: one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is on its way, what arrived, what did not and why
///
/// Reads the outbox in the data directory; the bot may be running. Addresses, tokens and headers are never
/// shown, only the target's name.
#[derive(Debug, ClapArgs)]
#[command(arg_required_else_help = true)]
pub struct Outbox {
    #[command(subcommand)]
    pub command: OutboxCommand,
}

#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// List deliveries, the youngest first
    #[command(
        after_help = "Examples:\n  doorchime outbox list\n  doorchime outbox list --state dead --target \
                            team\n  doorchime outbox list --json | jq '.[].id'"
    )]
    List(OutboxList),
    /// Show one delivery: its message, and how each attempt at it ended
    #[command(
        after_help = "Example:\n  doorchime outbox show 12\n\nInstead of its number, a delivery's id or the beginning of \
                            it will do."
    )]
    Show(OutboxShow),
    /// Send dead or expired deliveries again, and those that wait at once
    #[command(after_help = "Examples:\n  doorchime outbox retry 12 13\n  doorchime outbox retry --all-dead")]
    Retry(OutboxRetry),
    /// Give deliveries up
    #[command(after_help = "Examples:\n  doorchime outbox drop 12\n  doorchime outbox drop --all-dead")]
    Drop(OutboxSome),
}

#[derive(Debug, ClapArgs)]
pub struct OutboxList {
    #[command(flatten)]
    pub data: DataThere,
    /// Only those in this state
    #[arg(long, value_name = "STATE")]
    pub state: Option<State>,
    /// Only those for this target
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub limit: usize,
    /// For scripts: a JSON list
    #[arg(long)]
    pub json: bool,
}

/// What may have become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum State {
    Pending,
    Delivered,
    /// Printed by a dry run instead of sent
    DryRun,
    Dead,
    Expired,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::DryRun => "dry-run",
            Self::Dead => "dead",
            Self::Expired => "expired",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct OutboxShow {
    /// A delivery's number, or its id or the beginning of it
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub data: DataThere,
    /// For scripts: one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct OutboxRetry {
    #[command(flatten)]
    pub some: OutboxSome,
    /// Also those that have arrived: they come twice
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub struct OutboxSome {
    /// Deliveries' numbers or ids
    #[arg(value_name = "ID", required_unless_present = "all_dead")]
    pub ids: Vec<String>,
    /// All that a target refused, instead of ids
    #[arg(long, conflicts_with = "ids")]
    pub all_dead: bool,
    #[command(flatten)]
    pub data: DataThere,
}

/// Print the rules file's JSON Schema, for editors
///
/// With it an editor completes names and underlines mistakes. Where the YAML language server is used, put
/// `# yaml-language-server: $schema=./doorchime.schema.json` at the top of the rules file.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  doorchime schema > doorchime.schema.json")]
pub struct Schema {}

/// Print a completion script for a shell
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  doorchime completions bash > /etc/bash_completion.d/doorchime\n  \
                        doorchime completions zsh > ~/.zfunc/_doorchime\n  \
                        doorchime completions fish > ~/.config/fish/completions/doorchime.fish")]
pub struct Completions {
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Ask a running bot how it is, for containers without a shell
///
/// Ends with 0 if it answers that it is well, with 1 if not.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime healthcheck\n  doorchime healthcheck --ready    also: connected to \
                        Lanyard, disk writable, no target disabled\n  HEALTHCHECK CMD [\"doorchime\", \
                        \"healthcheck\"]"
)]
pub struct Healthcheck {
    /// Where `doorchime run` listens
    #[arg(long, value_name = "HOST:PORT", env = "DOORCHIME_LISTEN", default_value = "127.0.0.1:9090")]
    pub listen: Listen,
    /// Ask /readyz instead of /healthz
    #[arg(long)]
    pub ready: bool,
    /// The token that `doorchime run` was started with: with it, /readyz says why
    #[arg(long, value_name = "TOKEN", env = "DOORCHIME_TOKEN", hide_env_values = true, value_parser = secret)]
    pub token: Option<SecretString>,
}

/// Takes any text: an error of clap's would repeat it.
#[expect(clippy::unnecessary_wraps, reason = "what clap wants of a parser")]
pub(super) fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_hold_together() {
        Args::command().debug_assert();
    }
}
