//! Keeps how each target does, and tells it when it changes and not at each attempt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::delivery::{Delivery, Outcome};
use super::health::{Health, Healths};
use crate::rarely::{Rarely, Spell};
use crate::time::{Moment, millis};

/// From here on a pause is worth a line in the log.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// Keeps the healths, and says in the log when one begins to fail and when it recovers.
#[derive(Default)]
pub struct Ward {
    healths: watch::Sender<Healths>,
    /// Refusals in a row, by target.
    refusals: BTreeMap<Arc<str>, u32>,
    told: BTreeMap<Arc<str>, Told>,
}

/// What the log has been told of a target: one lost delivery is told, a thousand of them are not told one by one.
#[derive(Default)]
struct Told {
    failing: Spell,
    refusals: Rarely,
    /// A refusal was told since it took something.
    refused: bool,
    unfit: Rarely,
    expiries: Rarely,
    pauses: Rarely,
}

impl Ward {
    pub fn watch(&self) -> watch::Receiver<Healths> {
        self.healths.subscribe()
    }

    /// Other targets are in place: those that were disabled get another chance, and those that are gone are
    /// forgotten.
    pub fn retarget(&mut self, known: impl Fn(&str) -> bool) {
        self.refusals.retain(|name, _| known(name));
        self.told.retain(|name, _| known(name));
        self.healths.send_modify(|healths| {
            healths.retain(|name, _| known(name));
            for health in healths.values_mut() {
                if matches!(health, Health::Disabled { .. }) {
                    *health = Health::Untried;
                }
            }
        });
    }

    /// A person asked for a delivery again: the target gets another chance.
    pub fn reprieve(&mut self, target: &Arc<str>) {
        if matches!(self.healths.borrow().get(target), Some(Health::Disabled { .. })) {
            self.set(target, Health::Untried);
        }
    }

    /// A delivery ran out of time before the target took it.
    pub fn note_expiry(&mut self, now: Moment, delivery: &Delivery) {
        if let Some(more) = self.told(&delivery.target).expiries.tell(now.mono) {
            warn!(
                target = %delivery.target, rule = %delivery.rule, person = delivery.called.as_deref(), id = %delivery.id, more,
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
            Outcome::Unfit => self.tell_unfit(now, delivery, &why()),
            Outcome::Refused => self.note_refusal(now, delivery, before.as_ref(), why()),
            // What was under way when the target was disabled changes nothing about that.
            _ if matches!(before, Some(Health::Disabled { .. })) => {
                debug!(%target, id = %delivery.id, ?outcome, "an attempt at a disabled target has ended");
            }
            Outcome::Delivered { .. } => {
                self.refusals.remove(target);
                if before == Some(Health::Ok) {
                    return;
                }
                self.tell_recovery(now, target, before.as_ref());
                self.set(target, Health::Ok);
            }
            Outcome::Later { after, pause_target: true } => {
                let why = why();
                // A pause of seconds is how busy targets pace us.
                if after >= LONG_PAUSE
                    && let Some(more) = self.told(target).pauses.tell(now.mono)
                {
                    warn!(%target, wait_ms = millis(after), why, more, "target asks for a long pause");
                } else {
                    debug!(%target, wait_ms = millis(after), "target asks for a pause");
                }
                let since_ms = since_ms(before.as_ref(), now);
                self.set(target, Health::Paused { since_ms, until_ms: now.wall_after(after), why });
            }
            Outcome::Later { after, pause_target: false } => {
                self.note_failure(now, target, before.as_ref(), after, why());
            }
            Outcome::AgainPlain => {
                debug!(%target, id = %delivery.id, "markup refused: once more as plain text");
            }
            Outcome::Disabled => {
                let why = why();
                error!(
                    %target, why,
                    "target is gone or has revoked us: its deliveries wait; mend it in the rules file and reload"
                );
                let since_ms = since_ms(before.as_ref(), now);
                self.set(target, Health::Disabled { since_ms, why });
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
        let wait_ms = millis(after);
        if let Some(more) = self.told(target).failing.is_so(now.mono) {
            warn!(%target, why, wait_ms, more, "target fails: its deliveries are put off and tried again");
        } else {
            debug!(%target, why, wait_ms, "delivery put off again");
        }
        if let Some(&Health::Failing { since_ms, failures, .. }) = before {
            // Whoever watches wants to know that it fails, not how often.
            self.healths.send_if_modified(|healths| {
                let failures = failures.saturating_add(1);
                healths.insert(target.clone(), Health::Failing { since_ms, failures, why });
                false
            });
        } else {
            self.set(target, Health::Failing { since_ms: since_ms(before, now), failures: 1, why });
        }
    }

    fn tell_unfit(&mut self, now: Moment, delivery: &Delivery, why: &str) {
        if let Some(more) = self.told(&delivery.target).unfit.tell(now.mono) {
            error!(
                target = %delivery.target, rule = %delivery.rule, person = delivery.called.as_deref(), id = %delivery.id, why, more,
                "delivery cannot be written any more: `doorchime outbox retry` tries it again once the rules file is mended"
            );
        } else {
            debug!(target = %delivery.target, id = %delivery.id, why, "delivery cannot be written any more");
        }
    }

    fn note_refusal(&mut self, now: Moment, delivery: &Delivery, before: Option<&Health>, why: String) {
        let target = &delivery.target;
        let refusals = self.refusals.entry(target.clone()).or_default();
        *refusals = refusals.saturating_add(1);
        let refusals = *refusals;
        let told = self.told.entry(Arc::clone(target)).or_default();
        if let Some(more) = told.refusals.tell(now.mono) {
            told.refused = true;
            error!(
                %target, rule = %delivery.rule, person = delivery.called.as_deref(), id = %delivery.id, why, more,
                "delivery refused for good: `doorchime outbox show` has the answer"
            );
        } else {
            debug!(%target, id = %delivery.id, why, "delivery refused for good");
        }
        // Whatever else is wrong with it is worse.
        if matches!(before, None | Some(Health::Ok | Health::Untried | Health::Refusing { .. })) {
            let since_ms = since_ms(before, now);
            self.set(target, Health::Refusing { since_ms, refusals, why });
        }
    }

    /// It takes deliveries again; told if it was told that it did not.
    fn tell_recovery(&mut self, now: Moment, target: &Arc<str>, before: Option<&Health>) {
        let told = self.told(target);
        let (failed, refused) = (told.failing.is_over(), std::mem::take(&mut told.refused));
        match before {
            Some(Health::Failing { since_ms, failures, .. }) if failed => {
                let failed_for = Duration::from_millis((now.wall_ms - since_ms).max(0).unsigned_abs());
                info!(%target, failures, ?failed_for, "target takes deliveries again");
            }
            Some(Health::Untried) => info!(%target, "target takes deliveries again"),
            _ if failed || refused => info!(%target, "target takes deliveries again"),
            _ => debug!(%target, "target takes deliveries again"),
        }
    }

    fn told(&mut self, target: &Arc<str>) -> &mut Told {
        self.told.entry(Arc::clone(target)).or_default()
    }

    fn set(&mut self, target: &Arc<str>, health: Health) {
        self.healths.send_modify(|healths| {
            healths.insert(target.clone(), health);
        });
    }
}

/// Since when nothing has got through, if nothing does now.
fn since_ms(before: Option<&Health>, now: Moment) -> i64 {
    before.and_then(Health::since_ms).unwrap_or(now.wall_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::delivery::{DeliveryId, Parts};

    const LATER: Outcome = Outcome::Later { after: Duration::from_secs(1), pause_target: false };
    const PAUSED: Outcome = Outcome::Later { after: Duration::from_secs(1), pause_target: true };
    const DELIVERED: Outcome = Outcome::Delivered { pause: None };

    fn delivery() -> Delivery {
        Delivery {
            id: DeliveryId::nil(),
            target: "api".into(),
            rule: "r".into(),
            person: None,
            called: None,
            cause: None,
            parts: Parts::new(),
            created_ms: 0,
            expires_ms: i64::MAX,
            fallbacks: Vec::new(),
            origin: None,
        }
    }

    /// A word for how `api` does after these outcomes, one a second, and since when nothing has got through.
    fn after(outcomes: &[Outcome]) -> (&'static str, Option<i64>) {
        let mut ward = Ward::default();
        for (second, outcome) in outcomes.iter().enumerate() {
            let now = Moment::default().plus(Duration::from_secs(second as u64));
            ward.note(now, &delivery(), outcome, || "HTTP 500".to_owned());
        }
        let healths = ward.watch();
        let health = healths.borrow().get("api").cloned().unwrap();
        let word = match health {
            Health::Ok => "ok",
            Health::Failing { .. } => "failing",
            Health::Paused { .. } => "paused",
            Health::Refusing { .. } => "refusing",
            Health::Disabled { .. } => "disabled",
            Health::Untried => "untried",
        };
        (word, health.since_ms().map(|ms| ms / 1000))
    }

    #[test]
    fn a_target_is_worth_what_it_last_took() {
        use Outcome::{Disabled, Refused};
        for (outcomes, expected) in [
            (&[DELIVERED, LATER, LATER][..], ("failing", Some(1))),
            (&[LATER, PAUSED, LATER], ("failing", Some(0))),
            (&[LATER, DELIVERED, PAUSED], ("paused", Some(2))),
            (&[LATER, LATER, DELIVERED], ("ok", None)),
            (&[Refused, Refused], ("refusing", Some(0))),
            (&[Refused, DELIVERED], ("ok", None)),
            (&[LATER, Refused], ("failing", Some(0))),
            (&[Refused, LATER], ("failing", Some(0))),
            (&[LATER, Disabled], ("disabled", Some(0))),
            // These were under way when it was disabled.
            (&[Disabled, LATER, PAUSED, Refused], ("disabled", Some(0))),
            (&[Disabled, DELIVERED], ("disabled", Some(0))),
        ] {
            assert_eq!(after(outcomes), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn another_chance_is_no_success() {
        let mut ward = Ward::default();
        let healths = ward.watch();
        for give in [(|ward| ward.reprieve(&"api".into())) as fn(&mut Ward), |ward| ward.retarget(|_| true)] {
            ward.note(Moment::default(), &delivery(), &Outcome::Disabled, || "HTTP 410".to_owned());
            give(&mut ward);
            assert_eq!(healths.borrow().get("api"), Some(&Health::Untried));
        }
        ward.note(Moment::default(), &delivery(), &DELIVERED, String::new);
        assert_eq!(healths.borrow().get("api"), Some(&Health::Ok));
    }
}
