//! Fields of a form in which something known is picked: from a list where few are known, else typed with the known
//! ones at hand.

use serde_json::{Value, json};

use crate::outbox::delivery::Fate;
use crate::rules::set::RuleSet;

/// From a list of more than so many nobody picks.
const LISTED_MAX: usize = 50;
/// So many are at hand while one types; where there are more, none.
const AT_HAND_MAX: usize = 500;

/// A field whose name is `name`, with what is picked in it.
pub fn pick(name: &str, rules: &RuleSet, picked: Option<&str>) -> Value {
    let label = match name {
        "person" => "Person",
        "rule" => "Rule",
        "target" => "Target",
        _ => "State",
    };
    let named = |name: &str| (name.to_owned(), name.to_owned());
    let (known, others) = match name {
        "person" => (people(rules), rules.for_everyone()),
        "rule" => (rules.rules.iter().take(AT_HAND_MAX + 1).map(|rule| named(&rule.id)).collect(), false),
        "target" => (rules.targets.keys().take(AT_HAND_MAX + 1).map(|name| named(name)).collect(), false),
        _ => (Fate::WORDS.iter().map(|word| named(word)).collect(), false),
    };
    of(name, label, known, others, picked)
}

fn people(rules: &RuleSet) -> Vec<(String, String)> {
    let people = rules.people.iter().take(AT_HAND_MAX + 1);
    let shown = people.map(|person| match person.name.as_str() {
        "" => (person.key.clone(), person.key.clone()),
        name => (person.key.clone(), format!("{} ({name})", person.key)),
    });
    shown.collect()
}

/// `known`: words, and how they are shown. `others`: whether it may be something else.
fn of(
    name: &str,
    label: &str,
    mut known: Vec<(String, String)>,
    others: bool,
    picked: Option<&str>,
) -> Value {
    let typed = others || known.len() > LISTED_MAX;
    if known.len() > AT_HAND_MAX {
        known.clear();
    }
    // What was picked stays picked, also where it is known no more.
    if let Some(picked) = picked.filter(|picked| !typed && known.iter().all(|(word, _)| word != picked)) {
        known.push((picked.to_owned(), picked.to_owned()));
    }
    let option = |(word, shown): &(String, String)| json!({"word": word, "shown": shown, "picked": Some(&**word) == picked});
    json!({
        "name": name,
        "label": label,
        "typed": typed,
        "others": others,
        "any": true,
        "value": picked.unwrap_or_default(),
        "options": known.iter().map(option).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(count: usize) -> Vec<(String, String)> {
        (0..count).map(|number| (number.to_string(), format!("number {number}"))).collect()
    }

    #[test]
    fn few_are_a_list_and_many_are_typed() {
        for (count, others, typed, at_hand) in [
            (3, false, false, 3),
            (50, false, false, 50),
            (51, false, true, 51),
            (501, false, true, 0),
            (3, true, true, 3),
        ] {
            let field = of("rule", "Rule", known(count), others, None);
            let options = field["options"].as_array().unwrap().len();
            assert_eq!((field["typed"] == true, options), (typed, at_hand), "{count}");
        }
    }

    #[test]
    fn what_is_picked_stays_picked() {
        let picked = |word| {
            let field = of("rule", "Rule", known(3), false, Some(word));
            let options = field["options"].as_array().unwrap().clone();
            let picked = options.iter().filter(|option| option["picked"] == true);
            picked.map(|option| option["shown"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((picked("1"), picked("gone")), (vec!["number 1".to_owned()], vec!["gone".to_owned()]));
    }
}
