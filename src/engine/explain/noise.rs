//! What may hold a firing back once the rule matches, each as it stands now.

use super::{Engine, Gate, Stands, shown_values};
use crate::outbox::delivery::MarkKind;
use crate::presence::model::UserId;
use crate::rules::duration::spell_duration;
use crate::rules::noise::Dedupe;
use crate::rules::noise::active::{Active, Otherwise};
use crate::rules::noise::group::Group;
use crate::rules::scope::Scope;
use crate::rules::set::Rule;
use crate::time::{Moment, date, millis};

impl Engine {
    /// In the order in which they are asked.
    pub(super) fn explain_noise(
        &self,
        now: Moment,
        rule: &Rule,
        person: Option<UserId>,
        scope: &Scope<'_>,
        gates: &mut Vec<Gate>,
    ) {
        let (kept, noise) = (&self.bell.gates, &rule.noise);
        if let Some(active) = &noise.active {
            gates.push(hours(active, now, scope, kept.deferred.count(&rule.id, person)));
        }
        if let Some(wait) = noise.cooldown {
            let left = kept.marks.left_ms(now, &rule.id, person, MarkKind::Cooldown, "");
            gates.push(match left {
                Some(left) => {
                    shut("cooldown", format!("it has rung, and is quiet until {}", until(now, left)))
                }
                None => open("cooldown", format!("it has not rung within {}", spell_duration(wait))),
            });
        }
        gates.extend(
            noise.dedupe.as_ref().map(|dedupe| self.explain_dedupe(now, rule, dedupe, person, scope)),
        );
        if let Some(limit) = noise.limit {
            let often = format!("{} in {}", limit.count, spell_duration(limit.per));
            gates.push(match kept.limits.left_ms(now, &rule.id, person, limit) {
                Some(left) => {
                    shut("limit", format!("it has rung {often}, and may again at {}", until(now, left)))
                }
                None => open("limit", format!("it has rung less than {often}")),
            });
        }
        gates.extend(noise.group.map(|group| self.explain_group(now, rule, group, person)));
    }

    fn explain_dedupe(
        &self,
        now: Moment,
        rule: &Rule,
        dedupe: &Dedupe,
        person: Option<UserId>,
        scope: &Scope<'_>,
    ) -> Gate {
        let key = dedupe.key.render_plain(scope);
        let left = self.bell.gates.marks.left_ms(now, &rule.id, person, MarkKind::Dedupe, &key);
        let gate = match left {
            _ if key.trim().is_empty() => {
                open("dedupe", "its key is empty now, and an empty key is nobody's duplicate".to_owned())
            }
            Some(left) => {
                let forgotten = until(now, left);
                shut("dedupe", format!("it has rung for the same key, which is forgotten at {forgotten}"))
            }
            None => open("dedupe", "its key as it would be now was not used lately".to_owned()),
        };
        gate.with(shown_values(&self.rules, vec![("key".to_owned(), format!("{key:?}"))]))
    }

    fn explain_group(&self, now: Moment, rule: &Rule, group: Group, person: Option<UserId>) -> Gate {
        let gathered = self.bell.gates.gathering.gathered(&rule.id, group, person);
        let why = if let Some((count, at)) = gathered {
            let told = until(now, millis(at.saturating_sub(now.mono)));
            format!("{count} gathered so far, told in one message at {told}")
        } else {
            let wait = spell_duration(group.wait);
            format!("the first that gets here is told with those of the next {wait}")
        };
        Gate::new("group", Stands::Waits, why)
    }
}

fn hours(active: &Active, now: Moment, scope: &Scope<'_>, deferred: usize) -> Gate {
    if active.is_open(scope.zone, now.wall_ms) {
        return open("active", "it is within its hours".to_owned());
    }
    let opens = active.opens_ms(scope.zone, now.wall_ms);
    let opens = opens.map_or_else(String::new, |ms| format!(" until {}", date(ms)));
    let why = format!("it is outside of its hours{opens}");
    match active.otherwise {
        Otherwise::Drop => shut("active", why),
        Otherwise::Defer => {
            let gate = Gate::new(
                "active",
                Stands::Waits,
                format!("{why}; what rings until then waits, and rings if it is still true"),
            );
            gate.with(vec![("waiting".to_owned(), deferred.to_string())])
        }
    }
}

fn open(name: &'static str, why: String) -> Gate {
    Gate::new(name, Stands::Open, why)
}

fn shut(name: &'static str, why: String) -> Gate {
    Gate::new(name, Stands::Shut, why)
}

/// When that will be.
fn until(now: Moment, left_ms: i64) -> String {
    date(now.wall_ms.saturating_add(left_ms))
}
