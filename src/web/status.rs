//! How the bot is: written by those who know, read by `/readyz` and by the page, and told to those who follow.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// The present state of each part. Cheap to write, not meant for each frame.
pub struct Status(watch::Sender<State>);

/// The connection to Lanyard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nothing tried yet.
    #[default]
    Starting,
    /// Not there; `why` is one sentence without an address.
    Down {
        why: String,
    },
    Live,
}

/// What the rules file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loaded {
    pub people: usize,
    pub targets: usize,
    pub rules: usize,
}

/// What those who follow see change.
#[derive(Clone, Default, PartialEq)]
pub struct State {
    connection: Connection,
    unmonitored: usize,
    store_broken: Option<String>,
    store_open: bool,
    rules: Option<Loaded>,
    /// Why the last reload was refused, while the rules before it still run.
    refused: Option<String>,
    disabled: BTreeMap<Arc<str>, String>,
    leaving: bool,
}

impl Status {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::default()))
    }

    /// Changes whenever a part is not as it was.
    pub fn follow(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }

    pub fn connection(&self, connection: Connection) {
        self.set(|state| state.connection = connection);
    }

    /// How many of the people in the rules file Lanyard does not know.
    pub fn unmonitored(&self, people: usize) {
        self.set(|state| state.unmonitored = people);
    }

    /// The database was opened and can be written, again or for the first time.
    pub fn store_writable(&self) {
        self.set(|state| (state.store_open, state.store_broken) = (true, None));
    }

    /// The database cannot be written; `why` is one sentence.
    pub fn store_broken(&self, why: impl Into<String>) {
        self.set(|state| state.store_broken = Some(why.into()));
    }

    /// A rules file was taken.
    pub fn rules(&self, loaded: Loaded) {
        self.set(|state| (state.rules, state.refused) = (Some(loaded), None));
    }

    /// A rules file was refused; the one before it still runs.
    pub fn rules_refused(&self, why: impl Into<String>) {
        self.set(|state| state.refused = Some(why.into()));
    }

    /// A target refuses us for good: everything for it waits for a person.
    pub fn target_disabled(&self, target: &Arc<str>, why: impl Into<String>) {
        self.set(|state| drop(state.disabled.insert(Arc::clone(target), why.into())));
    }

    pub fn target_enabled(&self, target: &str) {
        self.set(|state| drop(state.disabled.remove(target)));
    }

    /// On the way out: not ready any more, still alive.
    pub fn leaving(&self) {
        self.set(|state| state.leaving = true);
    }

    pub fn report(&self) -> Report {
        let state = self.0.borrow().clone();
        let lanyard = LanyardReport {
            ok: state.connection == Connection::Live,
            state: match &state.connection {
                Connection::Starting => "starting",
                Connection::Down { .. } => "down",
                Connection::Live => "connected",
            },
            why: match &state.connection {
                Connection::Down { why } => Some(why.clone()),
                _ => None,
            },
            unmonitored: state.unmonitored,
        };
        let store = PartReport {
            ok: state.store_open && state.store_broken.is_none(),
            state: match (state.store_open, &state.store_broken) {
                (_, Some(_)) => "broken",
                (true, None) => "writable",
                (false, None) => "starting",
            },
            why: state.store_broken.clone(),
        };
        let rules = RulesReport {
            ok: state.rules.is_some(),
            state: match (state.rules, &state.refused) {
                (None, _) => "starting",
                (Some(_), None) => "loaded",
                (Some(_), Some(_)) => "older",
            },
            why: state.refused.clone(),
            loaded: state.rules,
        };
        let targets = TargetsReport {
            ok: state.disabled.is_empty(),
            disabled: state.disabled.iter().map(|(name, why)| (name.to_string(), why.clone())).collect(),
        };
        let ready = lanyard.ok && store.ok && rules.ok && targets.ok && !state.leaving;
        Report { ready, leaving: state.leaving, lanyard, store, rules, targets }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        self.0.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            *state != before
        });
    }
}

/// The whole of it, as `/readyz` shows it.
#[derive(Debug, Serialize)]
pub struct Report {
    pub ready: bool,
    pub leaving: bool,
    pub lanyard: LanyardReport,
    pub store: PartReport,
    pub rules: RulesReport,
    pub targets: TargetsReport,
}

impl Report {
    /// The same for whoever may not read more: which part does not work, but neither why nor whose it is.
    #[must_use]
    pub fn without_reasons(mut self) -> Self {
        (self.lanyard.why, self.store.why, self.rules.why) = (None, None, None);
        self.rules.loaded = None;
        self.targets.disabled.clear();
        self
    }
}

#[derive(Debug, Serialize)]
pub struct LanyardReport {
    pub ok: bool,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub unmonitored: usize,
}

#[derive(Debug, Serialize)]
pub struct PartReport {
    pub ok: bool,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct RulesReport {
    pub ok: bool,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(flatten)]
    pub loaded: Option<Loaded>,
}

#[derive(Debug, Serialize)]
pub struct TargetsReport {
    pub ok: bool,
    /// Each with the reason.
    pub disabled: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part, what breaks it, what mends it.
    type Step<'s> = (&'s str, &'s dyn Fn(&Status), &'s dyn Fn(&Status));

    fn ready() -> Arc<Status> {
        let status = Status::new();
        status.connection(Connection::Live);
        status.store_writable();
        status.rules(Loaded { people: 1, targets: 2, rules: 3 });
        status
    }

    #[test]
    fn ready_means_every_part_is() {
        assert!(!Status::new().report().ready);
        assert!(ready().report().ready);
        let team: Arc<str> = "team".into();
        let steps: &[Step<'_>] = &[
            ("lanyard", &|s| s.connection(Connection::Down { why: "no answer".into() }), &|s| {
                s.connection(Connection::Live);
            }),
            ("store", &|s| s.store_broken("the disk is full"), &Status::store_writable),
            ("targets", &|s| s.target_disabled(&team, "answered 404"), &|s| s.target_enabled("team")),
        ];
        for (part, breaks, mends) in steps {
            let status = ready();
            breaks(&status);
            let told = serde_json::to_value(status.report()).unwrap();
            assert_eq!((&told["ready"], &told[part]["ok"]), (&false.into(), &false.into()), "{told}");
            mends(&status);
            assert!(status.report().ready, "{part}");
        }
    }

    #[test]
    fn those_who_follow_are_told_of_what_is_not_as_it_was() {
        let status = ready();
        let mut follower = status.follow();
        let mut told = |change: fn(&Status)| {
            change(&status);
            let changed = follower.has_changed().unwrap();
            follower.mark_unchanged();
            changed
        };
        assert!(!told(Status::store_writable));
        assert!(told(|status| status.store_broken("the disk is full")));
        assert!(!told(|status| status.store_broken("the disk is full")));
        assert!(!told(|status| status.target_enabled("team")));
        assert!(told(|status| status.target_disabled(&"team".into(), "answered 404")));
    }

    #[test]
    fn a_refused_reload_leaves_the_older_rules_running() {
        let status = ready();
        status.rules_refused("3 mistakes");
        let report = status.report();
        assert_eq!((report.ready, report.rules.state), (true, "older"));
        assert_eq!(report.rules.why.as_deref(), Some("3 mistakes"));
    }
}
