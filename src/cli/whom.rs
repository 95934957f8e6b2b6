//! Whom a command that only looks on is about, and where Lanyard is.

use std::io::Write;
use std::path::Path;

use super::args::looking::Look;
use super::exit::{Exit, Failure};
use super::rules_file;
use super::style::plain;
use crate::lanyard::settings::Subscribe;
use crate::presence::model::UserId;
use crate::rules::file;
use crate::rules::mistake::hint;
use crate::rules::set::{Person, RuleSet};

pub(super) struct Whom {
    /// Without a rule in it.
    pub(super) rules: RuleSet,
    pub(super) everyone: bool,
}

/// Those who are named, else those of the rules file. Without `--rules`, a file in the usual places is taken if
/// there is one, and is not missed if there is none.
pub(super) fn find(look: &Look, who: &[String]) -> Result<Whom, Failure> {
    let file = match &look.rules.rules {
        Some(named) => Some(named.clone()),
        None => rules_file::find(None).ok(),
    };
    let mut rules = read(file.as_deref())?;
    if let Some(url) = &look.lanyard {
        rules.lanyard.url.clone_from(url);
    }
    if look.all {
        rules.lanyard.subscribe = Subscribe::All;
    } else if who.is_empty() && rules.people.is_empty() {
        return Err(Failure::Usage(match file {
            Some(file) => format!("there are no people in `{}`: name ids, or use --all", file.display()),
            None => {
                "nobody is named: name people's ids, or a rules file with --rules, or use --all".to_owned()
            }
        }));
    }
    if !who.is_empty() {
        rules.people = named(&rules, who, file.as_deref())?;
        rules.groups.clear();
    }
    Ok(Whom { rules, everyone: look.all })
}

fn read(path: Option<&Path>) -> Result<RuleSet, Failure> {
    let read = match path {
        Some(path) => file::load_people(path),
        None => file::nobody(),
    };
    read.or_else(|findings| {
        write!(anstream::stderr().lock(), "{}", findings.render(true))?;
        Err(Failure::Told(Exit::Usage))
    })
}

/// The people that the words mean, each once, in the words' order.
pub(super) fn named(rules: &RuleSet, who: &[String], file: Option<&Path>) -> Result<Vec<Person>, Failure> {
    let mut people: Vec<Person> = Vec::new();
    let mut add = |person: Person| {
        if people.iter().all(|known| known.id != person.id) {
            people.push(person);
        }
    };
    for word in who {
        if let Some(person) = rules.people.iter().find(|person| person.key == *word) {
            add(person.clone());
        } else if let Some(group) = rules.groups.iter().find(|group| group.key == *word) {
            group.members.iter().for_each(|&at| add(rules.people[at].clone()));
        } else if let Ok(id) = word.parse::<UserId>() {
            let known = rules.people.iter().find(|person| person.id == id).cloned();
            add(known.unwrap_or_else(|| Person {
                key: word.clone(),
                id,
                name: String::new(),
                smoothing: rules.smoothing,
            }));
        } else {
            return Err(Failure::Usage(unknown(rules, word, file)));
        }
    }
    Ok(people)
}

fn unknown(rules: &RuleSet, word: &str, file: Option<&Path>) -> String {
    let word = plain(word);
    let Some(file) = file.map(Path::display) else {
        return format!("`{word}` is no id, and there is no rules file in which it could be a name");
    };
    let known = rules.people.iter().map(|person| &*person.key);
    let known = known.chain(rules.groups.iter().map(|group| &*group.key));
    let hint = hint(&word, known).map_or_else(String::new, |hint| format!("; {hint}"));
    format!("`{word}` is neither an id nor a person or group in `{file}`{hint}")
}
