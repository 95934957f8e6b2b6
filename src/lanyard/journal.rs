//! A session's notices as log lines: once for what goes on, again only when it gets worse.

use std::collections::HashMap;

use tracing::{debug, error, info, warn};

use super::notice::{Loss, Notice, refusal};
use crate::presence::model::UserId;

/// Named in one line; the rest are counted.
const NAMED_PEOPLE_MAX: usize = 20;

/// What people are called in the rules file.
pub(super) type Names = HashMap<UserId, String>;

pub(super) struct Journal {
    pub(super) names: Names,
    /// There was no connection yet, or it was told that there is none: then it is told once there is.
    missed: bool,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self { names: Names::new(), missed: true }
    }

    pub(super) fn write(&mut self, notice: &Notice, place: &str) {
        let told = match notice {
            Notice::ConnectFailed { failures, .. } => failures.is_power_of_two(),
            Notice::Lost { why, failures, .. } => *why != Loss::Renewed && failures.is_power_of_two(),
            Notice::Refused { .. } => true,
            _ => false,
        };
        self.missed |= told;
        write(notice, place, &self.names, self.missed);
        self.missed &= *notice != Notice::Subscribed;
    }
}

/// `missed` says whether anybody waits to be told of a connection.
fn write(notice: &Notice, place: &str, names: &Names, missed: bool) {
    match notice {
        Notice::Greeted { heartbeat } if missed => {
            info!(server = place, heartbeat_ms = heartbeat.as_millis() as u64, "connected to Lanyard");
        }
        Notice::Subscribed if missed => info!(server = place, "subscribed"),
        Notice::Greeted { .. } => debug!(server = place, "connected to Lanyard"),
        Notice::Subscribed => debug!(server = place, "subscribed"),
        Notice::ConnectFailed { why, failures, again_in } => {
            let again_in_ms = again_in.as_millis() as u64;
            if failures.is_power_of_two() {
                warn!(why, failures, again_in_ms, "cannot connect to Lanyard");
            } else {
                debug!(why, failures, again_in_ms, "cannot connect to Lanyard");
            }
        }
        Notice::Lost { why: Loss::Renewed, .. } => {
            debug!(server = place, "connecting afresh, to ask for everybody again");
        }
        Notice::Lost { why, lived, failures, again_in } => {
            let (lived_ms, again_in_ms) = (lived.as_millis() as u64, again_in.as_millis() as u64);
            if failures.is_power_of_two() {
                warn!(%why, lived_ms, failures, again_in_ms, "lost Lanyard");
            } else {
                debug!(%why, lived_ms, failures, again_in_ms, "lost Lanyard");
            }
        }
        Notice::Refused { code, again_in } => {
            let meaning = refusal(*code).unwrap_or("unknown");
            let again_in_ms = again_in.as_millis() as u64;
            error!(
                code,
                meaning,
                again_in_ms,
                "Lanyard refuses what doorchime sends: is `lanyard.url` a Lanyard server, and this doorchime up to date?"
            );
        }
        Notice::NeverSeen { people } => warn!(
            people = %named(people, names),
            "Lanyard does not know these people: they are heard of once they join its Discord server, https://discord.gg/lanyard (or your own server's); asked for again meanwhile"
        ),
        Notice::GoneMissing { people } => {
            warn!(people = %named(people, names), "Lanyard does not know these people any more; asked for again");
        }
        Notice::Found { person } => {
            info!(person = %named(&[*person], names), "Lanyard knows this person now");
        }
        Notice::Spoilt { unseen } => warn!(unseen, "an INIT_STATE could not be read to its end"),
    }
}

fn named(people: &[UserId], names: &Names) -> String {
    let shown = |id: &UserId| names.get(id).map_or_else(|| id.to_string(), |name| format!("{name} ({id})"));
    let mut shown: Vec<String> = people.iter().take(NAMED_PEOPLE_MAX).map(shown).collect();
    if people.len() > NAMED_PEOPLE_MAX {
        shown.push(format!("and {} more", people.len() - NAMED_PEOPLE_MAX));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_told_if_its_loss_was() {
        let mut journal = Journal::new();
        let again_in = std::time::Duration::ZERO;
        let lost = |failures| Notice::Lost { why: Loss::NoHello, lived: again_in, failures, again_in };
        let renewed = Notice::Lost { why: Loss::Renewed, lived: again_in, failures: 1, again_in };
        let failed = Notice::ConnectFailed { why: String::new(), failures: 5, again_in };
        for (notice, missed) in [
            (Notice::Greeted { heartbeat: again_in }, true),
            (Notice::Subscribed, false),
            (renewed, false),
            (lost(3), false),
            (Notice::Subscribed, false),
            (lost(4), true),
            (failed, true),
            (Notice::Subscribed, false),
            (Notice::Refused { code: 4005, again_in }, true),
        ] {
            journal.write(&notice, "lanyard");
            assert_eq!(journal.missed, missed, "{notice:?}");
        }
    }

    #[test]
    fn people_are_named_as_the_rules_name_them() {
        let names = Names::from([(UserId(1), "alice".to_owned())]);
        assert_eq!(named(&[UserId(1), UserId(2)], &names), "alice (1), 2");
        let many: Vec<UserId> = (10..40).map(UserId).collect();
        assert!(named(&many, &names).ends_with("29, and 10 more"));
    }
}
