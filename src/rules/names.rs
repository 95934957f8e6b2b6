//! What may be a name in the rules file, and what may be an id.

use super::diagnostic::Problem;
use super::reading::{Name, Reader};
use super::scope::ObjectKind;
use super::tree::Node;
use crate::presence::model::UserId;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// Discord's ids have grown to 17 digits before anybody could sign up.
const USER_ID_DIGITS_MIN: usize = 17;

/// First words that mean something in conditions and templates, beside a person's fields.
const RESERVED: [&str; 18] = [
    "everyone", "now", "before", "change", "rule", "late", "late_by", "since", "lasted", "raw", "true",
    "false", "null", "in", "this", "else", "firings", "target",
];

/// A person or a group: a name that conditions can use.
pub fn check_person(reader: &mut Reader<'_>, name: Name<'_>, sort: &str) {
    let starts_well = name.text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    if !starts_well
        || name.text.chars().any(|c| !(c.is_alphanumeric() || c == '_' || c == '-'))
        || too_long(name)
    {
        let help = "names begin with a letter and are made of letters, digits, `_` and `-`";
        reader.problems.bad_name(name.at, sort, help);
    } else if RESERVED.contains(&name.text)
        || ObjectKind::Person.fields().iter().any(|field| field.name == name.text)
    {
        reader.problems.reserved_name(name.at, name.text);
    }
}

pub fn check_target(reader: &mut Reader<'_>, name: Name<'_>) {
    let well_made = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.text.is_empty() || !name.text.chars().all(well_made) || too_long(name) {
        reader.problems.bad_name(name.at, "target", "names are made of letters, digits, `_`, `-` and `.`");
    }
}

pub fn check_rule(reader: &mut Reader<'_>, name: Name<'_>) -> bool {
    let bad = name.text.is_empty() || name.text.chars().any(char::is_control) || too_long(name);
    if bad {
        let help =
            format!("an id is a text of one line, at most {NAME_BYTES_MAX} bytes, such as `friend-online`");
        reader.problems.bad_name(name.at, "rule", &help);
    }
    !bad
}

/// A Discord user id, exact.
pub fn user_id(reader: &mut Reader<'_>, person: Name<'_>, node: &Node) -> Option<UserId> {
    let text = reader.text(person.text, node)?.text.trim();
    let problem = |what: String| Problem::error(node.at, what);
    let copied = "in Discord, with developer mode on: right-click the person, `Copy User ID`";
    if let Ok(id) = text.parse::<UserId>() {
        if id.0 == 0 {
            reader.problems.add(problem("no Discord user has the id 0".to_owned()).help(copied));
            return None;
        }
        if text.len() < USER_ID_DIGITS_MIN {
            let what = format!("`{text}` is too short to be a Discord user id");
            reader.problems.add(Problem::warning(node.at, what).help(copied));
        }
        return Some(id);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let what = if digits {
        format!("`{text}` is too large to be a Discord user id")
    } else if text.parse::<f64>().is_ok() {
        format!("`{text}` is a rounded number, and a Discord user id must be exact")
    } else {
        format!("`{text}` is not a Discord user id")
    };
    reader.problems.add(problem(what).help(if text.starts_with("<@") {
        "write the digits alone, without `<@` and `>`"
    } else {
        copied
    }));
    None
}

/// Names out of a map, so that a mistake is told in the same words each time.
pub fn in_order<'k>(names: impl Iterator<Item = &'k str>) -> Vec<&'k str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

fn too_long(name: Name<'_>) -> bool {
    name.text.len() > NAME_BYTES_MAX
}
