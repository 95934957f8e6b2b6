//! What can be typed after the commands that ask a running bot.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use secrecy::SecretString;

use super::secret;
use crate::web::listen::Listen;

/// Ask a running bot, or a recording, why a rule rings or not
///
/// Shows each gate of the rule as it stands now, in the order in which they are asked: whom it is about, what it
/// waits for and how near to that things are, its condition with the values that decide it, and what keeps it
/// quiet. Then what became of it last, and why. With --recording, a recording is played through the rules file
/// instead, and no bot is asked: the gates are those at its end, or --at a time in it. Ends with 0 if there is an
/// answer, with 2 if not, and with 1 if there is one but a place in the recording could not be read.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime explain friend-online\n  doorchime explain friend-online --person ada\n  doorchime \
                        explain friend-online --json | jq '.explained[].shut'\n  doorchime explain friend-online --url \
                        https://bot.example.org    with DOORCHIME_TOKEN\n  doorchime explain friend-online --person ada \
                        --recording week.jsonl.gz --at '2026-11-24 18:30'"
)]
pub struct Explain {
    /// The rule's id
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// The rules file for --recording [default: ./rules.yaml, else /etc/doorchime/rules.yaml]
    #[arg(value_name = "RULES", requires = "recording", value_hint = clap::ValueHint::FilePath)]
    pub rules: Option<PathBuf>,
    #[arg(long = "rules", env = "DOORCHIME_RULES", hide = true)]
    pub usual_rules: Option<PathBuf>,
    /// Play this recording, and ask no bot; a FILE.1 that belongs to it is played first
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub recording: Option<PathBuf>,
    /// As it was then: `2026-11-24 18:30`, or `90m` from the recording's beginning [default: its end]
    #[arg(long, value_name = "TIME", requires = "recording")]
    pub at: Option<String>,
    /// A name in the rules file, or an id [default: those whom the rule is about]
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    #[arg(long, help = "Where the bot listens [default: http://127.0.0.1:9090, or what DOORCHIME_LISTEN says]", value_name = "URL", env = "DOORCHIME_URL", value_hint = clap::ValueHint::Url)]
    pub url: Option<String>,
    #[arg(long, env = "DOORCHIME_LISTEN", default_value = "127.0.0.1:9090", hide = true)]
    pub listen: Listen,
    /// The token that the bot was started with, if it asks for one
    #[arg(long, value_name = "TOKEN", env = "DOORCHIME_TOKEN", hide_env_values = true, value_parser = secret)]
    pub token: Option<SecretString>,
    /// For scripts: one JSON object
    #[arg(long)]
    pub json: bool,
}
