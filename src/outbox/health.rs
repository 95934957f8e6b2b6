//! How each target does, told when it changes and not at each attempt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::delivery::{Delivery, Outcome};
use crate::time::{Moment, millis};

/// How a target does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ok,
    /// Attempts fail and are repeated.
    Failing {
        since_ms: i64,
        /// In a row.
        failures: u32,
        why: String,
    },
    /// It asked for silence.
    Paused {
        until_ms: i64,
    },
    /// It is gone or has revoked us; everything for it waits for a person.
    Disabled {
        since_ms: i64,
        why: String,
    },
}

/// From here on a pause is worth a line in the log.
const LONG_PAUSE: Duration = Duration::from_secs(60);

pub type Healths = BTreeMap<Arc<str>, Health>;

/// Keeps the healths, and says in the log when one begins to fail and when it recovers.
#[derive(Default)]
pub struct Ward {
    healths: watch::Sender<Healths>,
    /// Refusals in a row, by target: one lost delivery is told, a thousand of them are not told one by one.
    refusals: BTreeMap<Arc<str>, u32>,
    /// The same of what expired.
    expiries: BTreeMap<Arc<str>, u32>,
}

impl Ward {
    pub fn watch(&self) -> watch::Receiver<Healths> {
        self.healths.subscribe()
    }

    /// Other targets are in place: nobody is disabled any more, and those that are gone are forgotten.
    pub fn retarget(&mut self, known: impl Fn(&str) -> bool) {
        self.refusals.retain(|name, _| known(name));
        self.expiries.retain(|name, _| known(name));
        self.healths.send_modify(|healths| {
            healths.retain(|name, _| known(name));
            for health in healths.values_mut() {
                if matches!(health, Health::Disabled { .. }) {
                    *health = Health::Ok;
                }
            }
        });
    }

    /// A person asked for a delivery again: the target gets another chance.
    pub fn reprieve(&mut self, target: &Arc<str>) {
        if matches!(self.healths.borrow().get(target), Some(Health::Disabled { .. })) {
            self.set(target, Health::Ok);
        }
    }

    /// A delivery ran out of time before the target took it. Told for the first, the second, the fourth, …
    pub fn note_expiry(&mut self, delivery: &Delivery) {
        let expiries = self.expiries.entry(delivery.target.clone()).or_default();
        *expiries = expiries.saturating_add(1);
        if expiries.is_power_of_two() {
            warn!(
                target = %delivery.target, rule = %delivery.rule, person = delivery.called.as_deref(), id = %delivery.id, expiries,
                "delivery expired before its target took it"
            );
        } else {
            debug!(target = %delivery.target, id = %delivery.id, "delivery expired");
        }
    }

    /// Notes an attempt. `why` says how it failed, in words that may be shown.
    pub fn note(&mut self, now: Moment, delivery: &Delivery, outcome: &Outcome, why: impl Fn() -> String) {
        let target = &delivery.target;
        let before = self.healths.borrow().get(target).cloned();
        match *outcome {
            Outcome::Delivered { .. } => {
                self.refusals.remove(target);
                self.expiries.remove(target);
                match before {
                    Some(Health::Ok) => return,
                    Some(Health::Failing { since_ms, failures, .. }) => {
                        let failed_for =
                            Duration::from_millis((now.wall_ms - since_ms).max(0).unsigned_abs());
                        info!(%target, failures, ?failed_for, "target takes deliveries again");
                    }
                    Some(Health::Disabled { .. }) => info!(%target, "target takes deliveries again"),
                    Some(Health::Paused { .. }) | None => {}
                }
                self.set(target, Health::Ok);
            }
            Outcome::Later { after, pause_target: true } => {
                // A pause of seconds is how busy targets pace us.
                if after >= LONG_PAUSE {
                    warn!(%target, wait_ms = millis(after), why = why(), "target asks for a long pause");
                } else {
                    debug!(%target, wait_ms = millis(after), "target asks for a pause");
                }
                self.set(target, Health::Paused { until_ms: now.wall_after(after) });
            }
            Outcome::Later { after, pause_target: false } => {
                self.note_failure(now, target, before.as_ref(), after, why());
            }
            Outcome::AgainPlain => {
                debug!(%target, id = %delivery.id, "markup refused: once more as plain text");
            }
            Outcome::Refused => self.note_refusal(delivery, &why()),
            Outcome::Disabled => {
                let why = why();
                if !matches!(before, Some(Health::Disabled { .. })) {
                    error!(
                        %target, why,
                        "target is gone or has revoked us: its deliveries wait; mend it in the rules file and reload"
                    );
                }
                self.set(target, Health::Disabled { since_ms: now.wall_ms, why });
            }
        }
    }

    fn note_failure(
        &mut self,
        now: Moment,
        target: &Arc<str>,
        before: Option<&Health>,
        after: Duration,
        why: String,
    ) {
        match before {
            Some(&Health::Failing { since_ms, failures, .. }) => {
                debug!(%target, failures = failures + 1, why, wait_ms = millis(after), "delivery put off again");
                // Whoever watches wants to know that it fails, not how often.
                self.healths.send_if_modified(|healths| {
                    let failures = failures.saturating_add(1);
                    healths.insert(target.clone(), Health::Failing { since_ms, failures, why });
                    false
                });
            }
            // What was under way when the target was disabled changes nothing about that.
            Some(Health::Disabled { .. }) => {}
            _ => {
                warn!(%target, why, wait_ms = millis(after), "target fails: its deliveries are put off and tried again");
                self.set(target, Health::Failing { since_ms: now.wall_ms, failures: 1, why });
            }
        }
    }

    /// The first refusal in a row is told, then the second, the fourth, the eighth.
    fn note_refusal(&mut self, delivery: &Delivery, why: &str) {
        let refusals = self.refusals.entry(delivery.target.clone()).or_default();
        *refusals = refusals.saturating_add(1);
        if refusals.is_power_of_two() {
            error!(
                target = %delivery.target, rule = %delivery.rule, person = delivery.called.as_deref(), id = %delivery.id, refusals, why,
                "delivery refused for good: `doorchime outbox show` has the answer"
            );
        } else {
            debug!(target = %delivery.target, id = %delivery.id, why, "delivery refused for good");
        }
    }

    fn set(&mut self, target: &Arc<str>, health: Health) {
        self.healths.send_modify(|healths| {
            healths.insert(target.clone(), health);
        });
    }
}
