//! What `watch` and `record` say of the connection, on stderr.

use std::io::Write;
use std::time::Duration;

use crate::cli::style::{self, paint, plain};
use crate::cli::words::{ago, count};
use crate::lanyard::address::Address;
use crate::presence::model::UserId;
use crate::rules::set::RuleSet;
use crate::time::millis;

/// Named one by one; of further strangers it is only said that there are more.
const STRANGERS_MAX: usize = 20;

pub struct News {
    place: String,
    people: Vec<(UserId, String)>,
    everyone: bool,
    link: Link,
    strangers: usize,
    waiting: Vec<String>,
}

enum Link {
    /// Not yet, and what was said of it.
    Never(Option<String>),
    Live,
    Lost {
        since: Duration,
        why: String,
    },
}

impl News {
    pub fn new(rules: &RuleSet, everyone: bool) -> Self {
        Self {
            place: Address::parse(&rules.lanyard.url)
                .map_or_else(|_| String::new(), |address| address.place()),
            people: rules.people.iter().map(|person| (person.id, person.key.clone())).collect(),
            everyone,
            link: Link::Never(None),
            strangers: 0,
            waiting: Vec::new(),
        }
    }

    /// Lanyard does not know somebody.
    pub fn stranger(&mut self, id: UserId) {
        self.strangers += 1;
        let called = self.people.iter().find(|(known, _)| *known == id);
        let named = called.filter(|(_, key)| *key != id.to_string());
        let named = named.map_or_else(|| id.to_string(), |(_, key)| format!("{} ({id})", plain(key)));
        self.waiting.extend(match self.strangers {
            0..STRANGERS_MAX => Some(format!(
                "Lanyard does not know {named}: they have to join its Discord server, https://discord.gg/lanyard (or \
                 your own server's)"
            )),
            STRANGERS_MAX => Some("Lanyard does not know more of them; they are not named here".to_owned()),
            _ => None,
        });
    }

    /// What there is to say, now that the connection is like this.
    pub fn look(&mut self, now: Duration, live: bool, trouble: Option<&str>) -> Vec<String> {
        let mut said = Vec::new();
        match (&mut self.link, live, trouble) {
            (Link::Never(_), true, _) => {
                let whom = if self.everyone {
                    "everybody".to_owned()
                } else {
                    count(self.people.len(), "person", "people")
                };
                said.push(format!("connected to {}, watching {whom}", plain(&self.place)));
                self.link = Link::Live;
            }
            (Link::Never(known), false, Some(why)) if known.as_deref() != Some(why) => {
                said.push(format!("cannot connect to Lanyard: {}; trying again", plain(why)));
                *known = Some(why.to_owned());
            }
            (Link::Live, false, why) => {
                let why = why.unwrap_or("connecting afresh").to_owned();
                said.push(format!("lost Lanyard: {}; trying again", plain(&why)));
                self.link = Link::Lost { since: now, why };
            }
            (Link::Lost { why, .. }, false, Some(other)) if why != other => {
                said.push(format!("still without Lanyard: {}", plain(other)));
                other.clone_into(why);
            }
            (Link::Lost { since, .. }, true, _) => {
                let lost_ms = millis(now.saturating_sub(*since));
                said.push(format!("Lanyard is back after {}", ago(lost_ms)));
                self.link = Link::Live;
            }
            _ => {}
        }
        said.append(&mut self.waiting);
        said.into_iter().map(|line| paint(style::ODD, line)).collect()
    }
}

/// Nobody need hear it.
pub fn tell(lines: &[String]) {
    let mut err = anstream::stderr().lock();
    let _ = lines.iter().try_for_each(|line| writeln!(err, "{line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_of_the_connection_is_told_once() {
        let rules = crate::rules::file::nobody().unwrap_or_else(|_| panic!("nobody is somebody"));
        let mut news = News::new(&rules, true);
        let table = [
            (0, false, None, None),
            (
                1,
                false,
                Some("no route\u{1b}[2J"),
                Some("cannot connect to Lanyard: no route\u{fffd}[2J; trying again"),
            ),
            (2, false, Some("no route\u{1b}[2J"), None),
            (3, true, None, Some("connected to api.lanyard.rest:443, watching everybody")),
            (4, true, None, None),
            (5, false, Some("closed"), Some("lost Lanyard: closed; trying again")),
            (6, false, Some("closed"), None),
            (7, false, Some("refused"), Some("still without Lanyard: refused")),
            (70, true, None, Some("Lanyard is back after 1m")),
            (71, true, None, None),
        ];
        for (at, live, trouble, expected) in table {
            let said = news.look(Duration::from_secs(at), live, trouble);
            let bare: Vec<String> =
                said.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
            assert_eq!(bare.first().map(String::as_str), expected, "{at}");
            assert!(bare.len() < 2, "{at}");
        }
        (0..25).for_each(|id| news.stranger(UserId(id)));
        assert_eq!(news.look(Duration::from_secs(80), true, None).len(), STRANGERS_MAX);
    }
}
