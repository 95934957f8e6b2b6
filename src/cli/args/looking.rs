//! What can be typed after the commands that only look on.

use clap::Args as ClapArgs;

use super::RulesOption;

/// Watch people's changes live, by the names that rules use
///
/// First says how everybody is, then prints each change as a rule would see it: what may only be a blip is held
/// back as `smoothing:` says. Of a rules file it reads the people and where Lanyard is, nothing else. That the
/// connection is lost or back is told on stderr. Goes on until Ctrl-C, and then ends with 0.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime watch                       the people of the rules file\n  doorchime watch \
                        94490510688792576     somebody, without a rules file\n  doorchime watch squad ada             a \
                        group and a person of the rules file\n  doorchime watch --all --lanyard ws://localhost:4001/socket\n  \
                        doorchime watch --json | jq 'select(.change == \"changed_track\").to'",
    after_long_help = "Examples:\n  doorchime watch                       the people of the rules file\n  doorchime \
                        watch 94490510688792576     somebody, without a rules file\n  doorchime watch squad ada             \
                        a group and a person of the rules file\n  doorchime watch --all --lanyard \
                        ws://localhost:4001/socket\n  doorchime watch --json | jq 'select(.change == \
                        \"changed_track\").to'\n\nWith --json each line is one object:\n  at        when, RFC 3339 in \
                        UTC\n  person    the id\n  called    the person's name in the rules file, or null\n  name      \
                        the `name:` in the rules file, else the one Discord shows\n  change    as in `when:`; or `seen`: how somebody is \
                        when first heard of\n  key       the KV key of `changed_kv`, else null\n  from, to  in words; \
                        null where there is nothing\n  late      true if it was found after a gap, such as a lost \
                        connection\n  gap_ms    how long the gap was, else null\nand for `seen` also: platforms, \
                        playing, streaming, listening, watching, competing, custom_status."
)]
pub struct Watch {
    /// People's ids, or names of people and groups in the rules file [default: everybody in it]
    #[arg(value_name = "WHO", conflicts_with = "all")]
    pub who: Vec<String>,
    #[command(flatten)]
    pub look: Look,
    /// Show changes at once, without holding back what may only be a blip
    #[arg(long, visible_alias = "no-smoothing")]
    pub raw: bool,
    /// For scripts: one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Who is looked at, and where.
#[derive(Debug, ClapArgs)]
pub struct Look {
    #[command(flatten)]
    pub rules: RulesOption,
    /// Everybody whom Lanyard knows
    #[arg(long)]
    pub all: bool,
    /// Lanyard's address [default: the rules file's, else that of its public server]
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub lanyard: Option<String>,
}
