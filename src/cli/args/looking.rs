//! What can be typed after the commands that only look on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{Rules, RulesOption};
use crate::rules::duration::{parse_duration, parse_size};
use crate::rules::mistake::Mistake;

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

/// Record what people do, to be replayed through any rules
///
/// Writes down whatever Lanyard says of the people in the rules file, with its time, as compressed lines of JSON:
/// what `doorchime replay` plays through rules at full speed. A recording can be read up to its last two seconds
/// even if the recorder is killed. Goes on until Ctrl-C or for the time given, and then ends with 0.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime record week.jsonl.gz                  the people of the rules file\n  \
                        doorchime record day.jsonl.gz --for 24h\n  doorchime record ada.jsonl.gz --person \
                        94490510688792576     somebody, without a rules file\n  zcat day.jsonl.gz | jq .         a \
                        look inside\n\nWhen FILE holds half of --max-size it becomes FILE.1, in place of an older one, \
                        and a new FILE begins: the newest are kept. `replay FILE` reads both."
)]
pub struct Record {
    /// Where to write it, such as week.jsonl.gz
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub rules: Rules,
    /// Only these: ids, or names of people and groups in the rules file; may be given several times
    #[arg(long, value_name = "WHO", conflicts_with = "all")]
    pub person: Vec<String>,
    /// Everybody whom Lanyard knows
    #[arg(long)]
    pub all: bool,
    /// Lanyard's address [default: the rules file's, else that of its public server]
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub lanyard: Option<String>,
    /// End after this time, such as 90m or 24h
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub length: Option<Duration>,
    /// How much is kept, in both files together
    #[arg(long, value_name = "SIZE", default_value = "100MiB", value_parser = size)]
    pub max_size: u64,
    /// Go on with a recording that is there
    #[arg(long, conflicts_with = "force")]
    pub append: bool,
    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
}

impl Record {
    pub fn look(&self) -> Look {
        let rules = RulesOption { rules: self.rules.rules.clone() };
        Look { rules, all: self.all, lanyard: self.lanyard.clone() }
    }
}

/// Less is not worth a file.
const SIZE_LEAST: u64 = 64 << 10;

pub(super) fn size(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text).map_err(|mistake| spoken(&mistake))? as u64;
    if bytes < SIZE_LEAST { Err("give it 64KiB at least".to_owned()) } else { Ok(bytes) }
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|mistake| spoken(&mistake))
}

fn spoken(mistake: &Mistake) -> String {
    match &mistake.help {
        Some(help) => format!("{}: {help}", mistake.what),
        None => mistake.what.clone(),
    }
}

/// Play a recording through rules: what would have rung
///
/// Plays what `doorchime record` wrote through the rules file at full speed, and sends nothing. Prints each
/// notification that would have gone out, and how often each rule rang. With --against it prints only what would be
/// different with another rules file. Nothing is known at the recording's beginning: whoever is seen for the first
/// time has not changed.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  doorchime replay week.jsonl.gz\n  doorchime replay week.jsonl.gz new.yaml --against \
                        rules.yaml    before a change\n  doorchime replay week.jsonl.gz --person ada --from \
                        '2026-11-24 18:00' --to '2026-11-24 23:00'\n  doorchime replay week.jsonl.gz --json | jq \
                        'select(.rule == \"friend-online\").at'\n  doorchime replay week.jsonl.gz --from '2026-11-24 18:00' --to '2026-11-24 \
                        18:30' --as-test 'an evening'\n\nA place that cannot be read is told with its line, and \
                        passed over. Ends with 1 if there was one (other than where a recorder was killed), or if \
                        --against found a difference."
)]
pub struct Replay {
    /// The recording; a FILE.1 that belongs to it is played first
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub rules: Rules,
    /// Another rules file: print what rings with one and not with the other
    #[arg(long, value_name = "OTHER_RULES", value_hint = clap::ValueHint::FilePath)]
    pub against: Option<PathBuf>,
    /// Only what rings from then on: `2026-11-24 18:30`, or `90m` from the beginning
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only what rings before then
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only what rings for these: names of people and groups in the rules file, or ids
    #[arg(long, value_name = "WHO")]
    pub person: Vec<String>,
    /// Print this stretch of the recording as a test for the rules file, with this name, which passes as it stands
    #[arg(long, value_name = "NAME", conflicts_with_all = ["against", "json"])]
    pub as_test: Option<String>,
    /// For scripts: one JSON object a line, the last one a summary
    #[arg(long)]
    pub json: bool,
}
