//! What stands around the bot in the demo: a Lanyard server, receivers, and the example's rules with their
//! addresses.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::receiver::{Got, Receiver, Service};
use crate::rules::compile::compile;
use crate::rules::diagnostic::Findings;
use crate::rules::places::Source;
use crate::rules::set::RuleSet;
use crate::rules::vars::Vars;
use crate::simulator::server::Simulator;

/// The example, as everybody gets it.
const EXAMPLE: &str = include_str!("../../../rules.example.yaml");
pub const EXAMPLE_NAME: &str = "rules.example.yaml";
/// So many arrivals can wait to be shown.
const GOT_MAX: usize = 256;

const fn service(
    kind: &'static str,
    target: &'static str,
    variable: &'static str,
    path: &'static str,
) -> Service {
    Service { kind, target, hook: None, variable, path, stumbles: false }
}

const SERVICES: [Service; 12] = [
    service("ntfy", "phone", "NTFY_SERVER", ""),
    service("gotify", "tablet", "GOTIFY_URL", ""),
    Service { stumbles: true, ..service("slack", "team", "SLACK_WEBHOOK_URL", "/services/T0/B0/invented") },
    service("discord", "club", "DISCORD_WEBHOOK_URL", "/api/webhooks/1/invented"),
    service("mattermost", "work", "MATTERMOST_WEBHOOK_URL", "/hooks/invented"),
    service("teams", "office", "TEAMS_WEBHOOK_URL", "/workflows/invented"),
    service("matrix", "room", "MATRIX_SERVER", ""),
    service("pushover", "pager", "PUSHOVER_SERVER", ""),
    service("apprise", "all", "APPRISE_URL", ""),
    service("telegram", "chat", "TELEGRAM_SERVER", ""),
    Service { hook: Some("scenes"), ..service("home_assistant", "house", "HA_URL", "") },
    service("webhook", "api", "WEBHOOK_URL", "/hook"),
];

pub struct Stage {
    pub lanyard: Simulator,
    pub rules: Arc<RuleSet>,
    /// What arrives at the receivers.
    pub got: mpsc::Receiver<Got>,
    pub receivers: JoinSet<io::Result<()>>,
}

/// Why the stage could not be set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("cannot listen on this machine: {0}")]
    Listen(#[from] io::Error),
    #[error("{EXAMPLE_NAME} cannot be used:\n{}", .0.render(false))]
    Example(Findings),
}

impl Stage {
    /// Sets everything up; the receivers serve until `leaving`.
    pub async fn set(leaving: &CancellationToken) -> Result<Self, StageError> {
        let lanyard = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let mut addresses = HashMap::from([("LANYARD_URL", lanyard.url())]);
        let (arrived, got) = mpsc::channel(GOT_MAX);
        let mut receivers = JoinSet::new();
        for service in SERVICES {
            let (receiver, address) = Receiver::bind(service).await?;
            addresses.insert(service.variable, address);
            receivers.spawn(receiver.serve(arrived.clone(), leaving.clone()));
        }
        let loaded = compile(Source::new(EXAMPLE_NAME, EXAMPLE), &Addresses(addresses));
        let rules = Arc::new(loaded.map_err(StageError::Example)?.set);
        Ok(Self { lanyard, rules, got, receivers })
    }
}

/// The addresses, and nothing of this machine's environment.
struct Addresses(HashMap<&'static str, String>);

impl Vars for Addresses {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("is not read by the demo".to_owned())
    }
}
