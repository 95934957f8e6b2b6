//! What a test expects to ring.

use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::said::said;
use super::{Cast, EXPECTED_MAX, Expected};
use crate::presence::model::UserId;
use crate::rules::diagnostic::Problem;
use crate::rules::elsewhere::{self, instead};
use crate::rules::keys;
use crate::rules::pattern::Pattern;
use crate::rules::places::Span;
use crate::rules::reading::{Allowed, Fields, Name, Reader};
use crate::rules::set::{Rule, Who};
use crate::rules::tree::{Entry, Node, Value};

impl Cast<'_> {
    pub(super) fn expect(
        &self,
        entry: &Entry,
        clock: Clock<'_>,
        reader: &mut Reader<'_>,
    ) -> Vec<(Span, Expected)> {
        let nodes = reader.list(&entry.value);
        if nodes.len() > EXPECTED_MAX {
            reader.problems.too_many(entry.key_at, "expectations of one test", EXPECTED_MAX);
            return Vec::new();
        }
        if entry.value.is_nothing() {
            let help = "write `expect: []` for a test in which nothing rings";
            reader.problems.add(Problem::error(entry.key_at, "`expect` is empty").help(help));
        }
        nodes.iter().filter_map(|node| self.expected(node, clock, reader)).collect()
    }

    /// A rule's id alone, or a mapping.
    fn expected(&self, node: &Node, clock: Clock<'_>, reader: &mut Reader<'_>) -> Option<(Span, Expected)> {
        let here = reader.source.first_line_of(node.at);
        let mut expected = Expected {
            said: said(reader.source, node, &[]),
            line: reader.source.line_column(here.start).0,
            rule: None,
            person: None,
            to: None,
            at: None,
            text: Vec::new(),
        };
        if !matches!(node.value, Value::Map(_)) {
            let name = reader.name("expect", node)?;
            expected.rule = Some(self.ringing_rule(name, reader)?);
            return Some((here, expected));
        }
        let fields = Fields::of(node);
        reader.check_keys(
            fields,
            &Allowed::fixed("an expectation", keys::EXPECT, &|key| instead(elsewhere::EXPECT, key)),
        );
        if fields.entries().is_empty() {
            let help = "name the rule: `{rule: friend-online}`";
            reader.problems.add(Problem::error(here, "this expects nothing in particular").help(help));
        }
        let rule = fields.get("rule").and_then(|it| reader.name("rule", &it.value));
        expected.rule = rule.and_then(|name| self.ringing_rule(name, reader));
        let rule = expected.rule.as_ref().and_then(|id| self.rules.get(&**id)).copied();
        expected.person = fields.get("person").and_then(|it| {
            let name = reader.name("person", &it.value)?;
            self.expected_person(name, rule, reader)
        });
        expected.to = fields.get("to").and_then(|it| {
            let name = reader.name("to", &it.value)?;
            self.expected_target(name, rule, reader)
        });
        expected.at = fields.get("at").and_then(|it| clock.moment(reader, "at", &it.value, Duration::ZERO));
        if let Some(text) = fields.get("text") {
            expected.text = patterns(text, reader);
        }
        Some((here, expected))
    }

    /// A rule that can ring.
    fn ringing_rule(&self, name: Name<'_>, reader: &mut Reader<'_>) -> Option<Arc<str>> {
        let id = self.rule(name, reader)?;
        if self.rules.get(&*id).is_some_and(|rule| !rule.enabled) {
            let what = format!("`{id}` is not enabled, so it never rings");
            reader.problems.add(Problem::error(name.at, what));
        }
        Some(id)
    }

    fn expected_person(
        &self,
        name: Name<'_>,
        rule: Option<&Rule>,
        reader: &mut Reader<'_>,
    ) -> Option<UserId> {
        let id = match self.people(name.text).as_deref() {
            Some([at]) => self.known.people[*at].id,
            Some(_) => {
                let what = format!("`{}` is a group, and a rule rings for one person at a time", name.text);
                reader.problems.add(Problem::error(name.at, what).help("name one person"));
                return None;
            }
            None => match name.text.parse::<UserId>() {
                Ok(id) => id,
                Err(_) if self.known.unread.people => return None,
                Err(_) => {
                    let known = self.known.person_keys.as_slice().iter().map(String::as_str);
                    reader.problems.unknown_name(name.at, "person", name.text, None, known);
                    return None;
                }
            },
        };
        if let Some(rule) = rule
            && let Some(Who::People(people)) = &rule.who
            && people.binary_search(&id).is_err()
        {
            let what = format!("the rule `{}` is not about `{}`", rule.id, name.text);
            reader.problems.add(Problem::error(name.at, what));
        }
        Some(id)
    }

    fn expected_target(
        &self,
        name: Name<'_>,
        rule: Option<&Rule>,
        reader: &mut Reader<'_>,
    ) -> Option<Arc<str>> {
        if !self.known.targets.contains_key(name.text) {
            if !self.known.unread.targets {
                let known = self.known.targets.keys().copied();
                reader.problems.unknown_name(
                    name.at,
                    "target",
                    name.text,
                    elsewhere::as_list(name.text),
                    known,
                );
            }
            return None;
        }
        if let Some(rule) = rule
            && !rule.sends().any(|send| &*send.to == name.text)
        {
            let what = format!("the rule `{}` sends nothing to `{}`", rule.id, name.text);
            let mut to: Vec<String> = rule.sends().map(|send| format!("`{}`", send.to)).collect();
            to.dedup();
            reader.problems.add(Problem::error(name.at, what).help(format!("it sends to {}", to.join(", "))));
        }
        Some(Arc::from(name.text))
    }
}

fn patterns(entry: &Entry, reader: &mut Reader<'_>) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for node in reader.list(&entry.value) {
        let Some(scalar) = reader.text("text", node) else { continue };
        match Pattern::compile(&scalar.text) {
            Ok(pattern) => patterns.push(pattern),
            Err(mistake) => reader.tell(node, [mistake]),
        }
    }
    patterns
}
