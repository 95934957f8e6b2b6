//! What can be typed after the commands that ask a running bot.

use clap::Args as ClapArgs;
use secrecy::SecretString;

use super::secret;
use crate::web::listen::Listen;

/// Ask a running bot why a rule rings or not
///
/// Shows each gate of the rule as it stands now, in the order in which they are asked: whom it is about, what it
/// waits for and how near to that things are, its condition with the values that decide it, and what keeps it
/// quiet. Then what became of it last, and why. Ends with 0 if the bot has answered, with 2 if not.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime explain friend-online\n  doorchime explain friend-online --person ada\n  doorchime \
                        explain friend-online --json | jq '.explained[].shut'\n  doorchime explain friend-online --url \
                        https://bot.example.org    with DOORCHIME_TOKEN"
)]
pub struct Explain {
    /// The rule's id
    #[arg(value_name = "RULE")]
    pub rule: String,
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
