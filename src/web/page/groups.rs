//! What happened, told as it came about: what one update led to stands together, each change before what rules made
//! of it and what was sent, and the newest update comes first.

use serde_json::{Value, json};

use super::clockwork::ms_of;
use crate::outbox::store::ledger::Sent;

/// What a rule sends is created before its verdict is written down, and no longer than this.
pub const WRITTEN_WITHIN_MS: i64 = 1000;

/// Groups of entries that come the oldest first; `more`: whether there are others before them.
pub struct Groups(Vec<Vec<Value>>);

impl Groups {
    pub fn of(entries: &mut Value, more: bool) -> Self {
        let entries = entries.as_array_mut().map(std::mem::take).unwrap_or_default();
        let mut groups: Vec<Vec<Value>> = Vec::new();
        for entry in entries {
            match groups.last_mut().filter(|group| belongs(&group[0], &entry)) {
                Some(group) => group.push(entry),
                None => groups.push(vec![entry]),
            }
        }
        // The beginning of the oldest one may be among those before.
        if more && groups.len() > 1 {
            groups.remove(0);
        }
        Self(groups)
    }

    /// Where the list goes on.
    pub fn oldest(&self) -> Option<&Value> {
        Some(&self.0.first()?.first()?["number"])
    }

    /// When the first and the last of those were that rang.
    pub fn rang_between(&self) -> Option<(i64, i64)> {
        let rang =
            self.0.iter().flatten().filter(|entry| rings(entry)).filter_map(|entry| ms_of(&entry["at"]));
        let (mut first, mut last) = (rang.clone(), rang);
        Some((first.next()? - WRITTEN_WITHIN_MS, last.next_back()?))
    }

    /// The newest first, with what was sent (the youngest first) beside what rang.
    pub fn told(mut self, sent: &[Sent]) -> Value {
        for sent in sent.iter().rev() {
            let whom = sent.person.map(|id| id.to_string());
            let fits = |entry: &&mut Value| {
                let after = ms_of(&entry["at"]).unwrap_or_default() - sent.created_ms;
                rings(entry)
                    && entry["rule"] == *sent.rule
                    && entry["person"]["id"].as_str() == whom.as_deref()
                    && (0..=WRITTEN_WITHIN_MS).contains(&after)
            };
            // What it was sent by is the first to be written down after it.
            if let Some(entry) = self.0.iter_mut().flatten().find(fits) {
                let sent = json!({"number": sent.seq, "target": &*sent.target, "state": sent.state});
                push(entry, sent);
            }
        }
        self.0.into_iter().rev().map(group).collect()
    }
}

fn push(entry: &mut Value, sent: Value) {
    match entry["sent"].as_array_mut() {
        Some(list) => list.push(sent),
        None => entry["sent"] = json!([sent]),
    }
}

/// Whether both came of one update: they were written down at once, and are about one person, or about nobody.
fn belongs(first: &Value, entry: &Value) -> bool {
    let whom = |entry: &Value| entry["person"]["id"].clone();
    let known = |entry: &Value| entry["type"] != "left_out";
    known(first)
        && known(entry)
        && first["at"] == entry["at"]
        && (entry["person"].is_null() || whom(first) == whom(entry))
}

fn rings(entry: &Value) -> bool {
    entry["verdict"]["rings"] == true
}

/// One update. Whom it is about is said once, and to what a verdict belongs only where it does not follow it.
fn group(mut entries: Vec<Value>) -> Value {
    let mut cause = Value::Null;
    let mut said = Value::Null;
    for entry in &mut entries {
        let whom = entry["person"]["id"].clone();
        entry["named"] = (!whom.is_null() && whom != said).into();
        if !whom.is_null() {
            said = whom;
        }
        if entry["type"] == "change" {
            cause = entry["change"].clone();
        }
        entry["follows"] = (entry["type"] == "verdict" && !cause.is_null()).into();
        entry["caused"] = (entry["cause"] != cause).into();
        if entry["sent"].is_null() {
            entry["sent"] = json!([]);
        }
    }
    // The last one stays, wherever a page begins.
    json!({
        "id": entries.last().map(|entry| entry["number"].clone()),
        "at": entries.first().map(|entry| entry["at"].clone()),
        "entries": entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::model::UserId;
    use crate::time::date;

    fn change(number: u64, at_ms: i64, person: u64, kind: &str) -> Value {
        let id = UserId(person);
        json!({"number": number, "at": date(at_ms), "type": "change", "person": {"id": id}, "change": kind})
    }

    fn verdict(number: u64, at_ms: i64, person: Option<u64>, rule: &str, cause: &str, rings: bool) -> Value {
        let person = person.map(|id| json!({"id": UserId(id)}));
        json!({
            "number": number, "at": date(at_ms), "type": "verdict", "person": person, "rule": rule,
            "cause": cause, "verdict": {"rings": rings},
        })
    }

    fn story() -> Value {
        json!([
            change(1, 5000, 7, "went_online"),
            verdict(2, 5000, Some(7), "a", "went_online", true),
            change(3, 5000, 7, "started_playing"),
            verdict(4, 5000, Some(7), "b", "started_playing", false),
            verdict(5, 5000, None, "crowd", "enter", true),
            change(6, 5000, 8, "went_online"),
            verdict(7, 9000, Some(7), "a", "exit", true),
            {"number": 8, "at": date(9000), "type": "left_out", "changes": 1, "verdicts": 0},
        ])
    }

    fn numbers(told: &Value) -> Vec<Vec<u64>> {
        let groups = told.as_array().unwrap().iter();
        let entries = groups.map(|group| group["entries"].as_array().unwrap().iter());
        entries.map(|entries| entries.map(|entry| entry["number"].as_u64().unwrap()).collect()).collect()
    }

    #[test]
    fn what_one_update_led_to_stands_together_in_its_order_and_the_newest_comes_first() {
        let groups = Groups::of(&mut story(), false);
        assert_eq!(groups.oldest(), Some(&json!(1)));
        let told = groups.told(&[]);
        assert_eq!(numbers(&told), [vec![8], vec![7], vec![6], vec![1, 2, 3, 4, 5]]);
        let update = &told[3];
        assert_eq!((&update["id"], &update["at"]), (&json!(5), &json!(date(5000))));
        let flags = |name: &str| {
            let entries = update["entries"].as_array().unwrap().iter();
            entries.map(|entry| entry[name] == true).collect::<Vec<_>>()
        };
        assert_eq!(flags("named"), [true, false, false, false, false]);
        assert_eq!(flags("follows"), [false, true, false, true, true]);
        // The crowd's verdict is at something else than the change before it.
        assert_eq!([flags("caused")[1], flags("caused")[3], flags("caused")[4]], [false, false, true]);
        assert!(told[1]["entries"][0]["caused"] == true && told[1]["entries"][0]["named"] == true);
    }

    #[test]
    fn where_more_came_before_no_update_is_shown_by_halves() {
        let groups = Groups::of(&mut story(), true);
        assert_eq!(groups.oldest(), Some(&json!(6)));
        assert_eq!(numbers(&groups.told(&[])), [[8], [7], [6]]);
        let mut one = json!([change(1, 5000, 7, "went_online")]);
        assert_eq!(numbers(&Groups::of(&mut one, true).told(&[])), [[1]]);
        assert_eq!(Groups::of(&mut json!([]), true).oldest(), None);
    }

    #[test]
    fn what_was_sent_stands_beside_what_rang() {
        let sent = |seq, rule: &str, person: Option<u64>, created_ms| Sent {
            seq,
            target: "hook".into(),
            rule: rule.into(),
            person: person.map(UserId),
            created_ms,
            state: "delivered".to_owned(),
        };
        let groups = Groups::of(&mut story(), false);
        assert_eq!(groups.rang_between(), Some((4000, 9000)));
        let told = groups.told(&[
            sent(6, "a", Some(7), 8990),
            sent(5, "b", Some(7), 4995),
            sent(4, "crowd", None, 4995),
            sent(3, "a", Some(7), 4995),
            sent(2, "a", Some(7), 4995),
            sent(1, "a", Some(7), 3000),
        ]);
        let sent = |group: usize, entry: usize| {
            let sent = told[group]["entries"][entry]["sent"].as_array().unwrap().iter();
            sent.map(|sent| sent["number"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((sent(3, 1), sent(3, 4), sent(1, 0)), (vec![2, 3], vec![4], vec![6]));
        assert_eq!(sent(3, 3), [0; 0], "it did not ring");
    }
}
