//! `check --online`: whether Lanyard knows the people, and whether the targets are there.

use std::io::{IsTerminal, Write};

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};

use super::exit::Failure;
use super::style::{self, paint, plain};
use crate::clock::Clock;
use crate::lanyard::rest::{Lookup, Rest};
use crate::outbox::delivery::{Reading, Reply};
use crate::outbox::excerpt::excerpt;
use crate::outbox::sender::Sender;
use crate::rules::set::{Person, RuleSet};
use crate::targets::Target;
use crate::tls;

/// Questions under way at once: Lanyard's public server is shared by everybody.
const QUESTIONS_AT_ONCE: usize = 4;
/// Where to join to be seen, if the server does not say.
const INVITE: &str = "https://discord.gg/lanyard";

/// What was answered.
pub(super) struct Online {
    people: Vec<(String, Said)>,
    targets: Vec<(String, Said)>,
    invite: String,
}

enum Said {
    Fine(&'static str),
    /// What is wrong, in words.
    Wrong(String),
    /// There is nothing that could be asked.
    Untold(&'static str),
}

/// Asks everybody; `quiet` shows no progress.
pub(super) fn ask(set: &RuleSet, quiet: bool) -> Result<Online, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    runtime.block_on(ask_all(set, quiet))
}

async fn ask_all(set: &RuleSet, quiet: bool) -> Result<Online, Failure> {
    let rest =
        Rest::new(&set.lanyard, tls::client_config(None).map_err(Failure::usage)?).map_err(Failure::usage)?;
    let sender = Sender::new().map_err(Failure::usage)?;
    let mut progress = Progress::new(set.people.len() + set.targets.len(), quiet);
    let mut people = Vec::with_capacity(set.people.len());
    let mut asked =
        stream::iter(&set.people).map(|person| about_person(&rest, person)).buffered(QUESTIONS_AT_ONCE);
    while let Some(said) = asked.next().await {
        people.push(said);
        progress.step();
    }
    let mut targets = Vec::with_capacity(set.targets.len());
    let each = set.targets.values().map(AsRef::as_ref);
    let mut asked =
        stream::iter(each).map(|target| about_target(&sender, target)).buffered(QUESTIONS_AT_ONCE);
    while let Some(said) = asked.next().await {
        targets.push(said);
        progress.step();
    }
    progress.clear();
    let strangers = people.iter().any(|(_, said)| matches!(said, Said::Wrong(_)));
    let invite = if strangers { rest.about().await.ok().and_then(|about| about.invite) } else { None };
    Ok(Online { people, targets, invite: invite.unwrap_or_else(|| INVITE.to_owned()) })
}

async fn about_person(rest: &Rest, person: &Person) -> (String, Said) {
    let said = match rest.user(person.id).await {
        Lookup::Monitored(_) => Said::Fine("monitored"),
        Lookup::NotMonitored => Said::Wrong("not monitored".to_owned()),
        Lookup::Failed(why) => Said::Wrong(why),
    };
    (person.key.clone(), said)
}

async fn about_target(sender: &Sender, target: &Target) -> (String, Said) {
    let Some(mut request) = target.health() else {
        return (target.name().to_string(), Said::Untold("cannot be asked; `doorchime send` tries it"));
    };
    let settings = target.delivery_settings();
    // One bad CA file is one target's trouble.
    let sender = match sender.trusting(settings.ca.as_deref()) {
        Ok(sender) => sender,
        Err(error) => return (target.name().to_string(), Said::Wrong(error.to_string())),
    };
    let said = match sender.send(&mut request, settings.timeout, settings.ca.as_deref()).await {
        Reply::Answer(answer) => match target.read_health(&answer, Clock::start().now().wall_ms) {
            Reading::Delivered | Reading::DeliveredThenPause(_) => Said::Fine("well"),
            _ => {
                Said::Wrong(format!("answered {} {}", answer.status, first_line(&excerpt(&answer, &request))))
            }
        },
        Reply::Unsent { why } | Reply::Unanswered { why } => Said::Wrong(why),
    };
    (target.name().to_string(), said)
}

/// The first line of an answer, for people.
fn first_line(answer: &str) -> String {
    const CHARS_MAX: usize = 200;
    plain(answer.lines().next().unwrap_or_default()).chars().take(CHARS_MAX).collect()
}

impl Online {
    pub(super) fn fine(&self) -> bool {
        !self.people.iter().chain(&self.targets).any(|(_, said)| matches!(said, Said::Wrong(_)))
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let width =
            |list: &[(String, Said)]| list.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let width = width(&self.people).max(width(&self.targets));
        let mut lines = Vec::new();
        for (head, list) in [("People, as Lanyard knows them", &self.people), ("Targets", &self.targets)] {
            lines.push(paint(style::HEAD, head));
            for (name, said) in list {
                let said = match said {
                    Said::Fine(word) => paint(style::GOOD, word),
                    Said::Wrong(why) => paint(style::BAD, plain(why)),
                    Said::Untold(why) => paint(style::FAINT, why),
                };
                lines.push(format!("  {:<width$}  {said}", plain(name)));
            }
        }
        if self.people.iter().any(|(_, said)| matches!(said, Said::Wrong(why) if why == "not monitored")) {
            let invite = plain(&self.invite);
            lines.push(format!(
                "Whoever is not monitored has to join {invite}; until then nothing is known of them."
            ));
        }
        lines.push(String::new());
        lines
    }

    pub(super) fn as_json(&self) -> Value {
        let list = |list: &[(String, Said)]| -> Value {
            let each = list.iter().map(|(name, said)| match said {
                Said::Fine(word) => json!({"name": name, "ok": true, "said": word}),
                Said::Wrong(why) => json!({"name": name, "ok": false, "said": why}),
                Said::Untold(why) => json!({"name": name, "ok": null, "said": why}),
            });
            each.collect()
        };
        json!({"people": list(&self.people), "targets": list(&self.targets), "invite": self.invite})
    }
}

/// "asking, 3 of 12" on a terminal, and nothing elsewhere.
struct Progress {
    shown: bool,
    done: usize,
    of: usize,
}

impl Progress {
    fn new(of: usize, quiet: bool) -> Self {
        let mut progress = Self { shown: !quiet && std::io::stderr().is_terminal(), done: 0, of };
        progress.show();
        progress
    }

    fn step(&mut self) {
        self.done += 1;
        self.show();
    }

    fn show(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\u{1b}[Kasking, {} of {}", self.done, self.of);
        }
    }

    fn clear(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}
