//! The rules file as written: every part read, nothing looked up yet.

use std::time::Duration;

use super::diagnostic::Problem;
use super::elsewhere::{self, instead};
use super::keys::{self, SUBSCRIBE};
use super::matcher;
use super::noise::NoiseSpec;
use super::places::Span;
use super::reading::{Allowed, Fields, Name, Reader};
use super::tree::{Entry, Node, Value};
use crate::lanyard::settings::{LanyardSettings, Subscribe};
use crate::presence::change::ChangeKind;
use crate::presence::settle::Smoothing;

const EXPIRE: Duration = Duration::from_hours(1);
const CATCH_UP: Duration = Duration::from_mins(15);
const DOWN_AFTER: Duration = Duration::from_mins(5);
const HOLD_MAX: Duration = Duration::from_hours(1);
const RESYNC: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(24));
/// `expire`, cooldowns and windows are kept on disk.
pub const KEPT_MAX: Duration = Duration::from_hours(24 * 366);
pub const PEOPLE_MAX: usize = 250_000;
pub const GROUPS_MAX: usize = 10_000;
pub const TARGETS_MAX: usize = 1_000;
pub const RULES_MAX: usize = 100_000;
/// Messages of one rule.
pub const SENDS_MAX: usize = 64;

pub struct Spec<'n> {
    pub timezone: Option<Name<'n>>,
    pub lanyard: LanyardSettings,
    pub smoothing: Smoothing,
    pub catch_up: Duration,
    pub down_after: Duration,
    pub people: Vec<PersonSpec<'n>>,
    pub groups: Vec<GroupSpec<'n>>,
    pub targets: Vec<TargetSpec<'n>>,
    pub rules: Vec<RuleSpec<'n>>,
    /// Read when everything else is known.
    pub tests: Option<&'n Entry>,
    pub unread: Unread,
}

/// The sections that are there but in a form that cannot be read: names from them are not unknown.
#[derive(Clone, Copy, Debug)]
pub struct Unread {
    pub people: bool,
    pub targets: bool,
}

pub struct PersonSpec<'n> {
    pub key: Name<'n>,
    pub id: Option<&'n Node>,
    pub name: &'n str,
    pub smoothing: Smoothing,
}

pub struct GroupSpec<'n> {
    pub key: Name<'n>,
    pub members: Vec<Name<'n>>,
}

pub struct TargetSpec<'n> {
    pub key: Name<'n>,
    pub kind: Option<Name<'n>>,
    pub expire: Duration,
    /// The target for what this one does not take.
    pub fallback: Option<Name<'n>>,
    /// All of it, with the keys of its kind.
    pub settings: &'n Node,
}

pub struct RuleSpec<'n> {
    /// Where the rule begins.
    pub at: Span,
    pub id: Option<Name<'n>>,
    pub enabled: bool,
    pub who: Option<(Span, Vec<Name<'n>>)>,
    pub when: Option<(Span, Vec<TriggerSpec<'n>>)>,
    pub condition: Option<&'n Node>,
    /// The condition of a `while`, and where it is named.
    pub hold: Option<(Span, &'n Node)>,
    pub hold_for: Option<(Span, Duration)>,
    pub grace: Option<(Span, Duration)>,
    pub noise: NoiseSpec<'n>,
    pub send: Option<(Span, Vec<SendSpec<'n>>)>,
    pub enter: Option<(Span, Vec<SendSpec<'n>>)>,
    pub exit: Option<(Span, Vec<SendSpec<'n>>)>,
}

impl<'n> RuleSpec<'n> {
    /// Every message, whatever it is for.
    pub fn sends(&self) -> impl Iterator<Item = &SendSpec<'n>> {
        [&self.send, &self.enter, &self.exit].into_iter().flatten().flat_map(|(_, sends)| sends)
    }
}

pub struct TriggerSpec<'n> {
    pub change: Name<'n>,
    pub narrows: &'n [Entry],
}

pub struct SendSpec<'n> {
    /// Where the message begins.
    pub at: Span,
    pub to: Option<Name<'n>>,
    pub expire: Option<Duration>,
    /// What goes to the target's fallback.
    pub fallback: Option<&'n Node>,
    /// All of it, with the keys of the target's kind; `None` when only the target is named.
    pub parts: Option<&'n Node>,
}

impl<'n> Spec<'n> {
    /// Reads the whole file, telling of everything that is not as it should be.
    pub fn read(root: &'n Node, reader: &mut Reader<'_>) -> Self {
        if root.entries().is_none() && !root.is_broken() {
            let what = format!("a rules file is a mapping, and this is {}", root.spoken());
            let at = reader.source.first_line_of(root.at);
            let help = "it begins with keys such as `people:`, `targets:` and `rules:`; see `doorchime init`";
            reader.problems.add(Problem::error(at, what).help(help));
        }
        let fields = Fields::of(root);
        reader.check_keys(fields, &Allowed::fixed("the file", keys::FILE, &elsewhere::of_file));
        if let Some(version) = fields.get("version") {
            reader.version(&version.value);
        }
        let smoothing = reader.smoothing(fields.get("smoothing"), Smoothing::default());
        let mut time = |key: &str, default: Duration| {
            let entry = fields.get(key);
            let read = entry.and_then(|entry| {
                reader.duration_within(key, &entry.value, Duration::ZERO, Duration::from_hours(24 * 7))
            });
            read.unwrap_or(default)
        };
        let unread = |key| fields.get(key).is_some_and(|entry| matches!(entry.value.value, Value::List(_)));
        let (catch_up, down_after) = (time("catch_up", CATCH_UP), time("down_after", DOWN_AFTER));
        Self {
            timezone: fields.get("timezone").and_then(|entry| reader.name("timezone", &entry.value)),
            lanyard: reader.lanyard(fields.get("lanyard")),
            smoothing,
            catch_up,
            down_after,
            people: reader
                .section(fields, "people", PEOPLE_MAX, |reader, entry| reader.person(entry, smoothing)),
            groups: reader.section(fields, "groups", GROUPS_MAX, Reader::group),
            targets: reader.section(fields, "targets", TARGETS_MAX, Reader::target),
            rules: reader.rules(fields.get("rules")),
            tests: fields.get("tests"),
            unread: Unread { people: unread("people") || unread("groups"), targets: unread("targets") },
        }
    }
}

impl Reader<'_> {
    fn version(&mut self, node: &Node) {
        if node.scalar().is_none_or(|scalar| scalar.text != "1") && !node.is_broken() {
            let at = self.source.first_line_of(node.at);
            let what = "unknown version of the rules file";
            self.problems.add(Problem::error(at, what).help("this doorchime reads `version: 1`"));
        }
    }

    fn lanyard(&mut self, entry: Option<&Entry>) -> LanyardSettings {
        let mut settings = LanyardSettings::default();
        let Some(entry) = entry else { return settings };
        let fields = self.mapping("lanyard", &entry.value);
        self.check_keys(
            fields,
            &Allowed::fixed("`lanyard`", keys::LANYARD, &|key| instead(elsewhere::LANYARD, key)),
        );
        if let Some(url) = fields.get("url").and_then(|url| self.lanyard_url(&url.value)) {
            settings.url = url;
        }
        if let Some(on) = fields.get("compression").and_then(|it| self.boolean("compression", &it.value)) {
            settings.compression = on;
        }
        let subscribe =
            fields.get("subscribe").and_then(|it| self.choice("subscribe", &it.value, &SUBSCRIBE));
        settings.subscribe = match subscribe {
            Some("ids") => Subscribe::Ids,
            Some("id") => Subscribe::Id,
            Some("all") => Subscribe::All,
            _ => Subscribe::Auto,
        };
        let (least, most) = RESYNC;
        let resync =
            fields.get("resync").and_then(|it| self.duration_within("resync", &it.value, least, most));
        settings.resync = resync.unwrap_or(settings.resync);
        if let Some(size) = fields.get("frame_max").and_then(|it| self.size("frame_max", &it.value)) {
            settings.frame_bytes_max = size;
        }
        if let Some(size) = fields.get("inflated_max").and_then(|it| self.size("inflated_max", &it.value)) {
            settings.inflated_bytes_max = size;
        }
        settings
    }

    fn lanyard_url(&mut self, node: &Node) -> Option<String> {
        let url = self.text("url", node)?.text.trim();
        let rest = url.strip_prefix("wss://").or_else(|| url.strip_prefix("ws://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
        if !host.is_empty() && !url.contains(char::is_whitespace) {
            return Some(url.to_owned());
        }
        let problem = Problem::error(node.at, "this is not the address of a Lanyard server");
        self.problems.add(problem.help(match url.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                // What is asked over HTTP is somewhere else.
                let path = if path.is_empty() || path.starts_with("v1") { "socket" } else { path };
                let scheme = if scheme == "http" { "ws" } else { "wss" };
                format!("it is spoken to over a WebSocket: `{scheme}://{host}/{path}`")
            }
            _ => "it begins with `wss://` or `ws://`, such as `wss://api.lanyard.rest/socket`".to_owned(),
        }));
        None
    }

    fn smoothing(&mut self, entry: Option<&Entry>, default: Smoothing) -> Smoothing {
        let Some(entry) = entry else { return default };
        let fields = self.mapping("smoothing", &entry.value);
        self.check_keys(fields, &Allowed::fixed("`smoothing`", keys::SMOOTHING, &|_| None));
        let mut hold = |key: &str, default: Duration| {
            let entry = fields.get(key);
            entry
                .and_then(|it| self.duration_within(key, &it.value, Duration::ZERO, HOLD_MAX))
                .unwrap_or(default)
        };
        Smoothing {
            offline: hold("offline", default.offline),
            listening: hold("listening", default.listening),
            activity: hold("activity", default.activity),
        }
    }

    /// A mapping from names of the author's choice, each read by `read`.
    fn section<'n, T>(
        &mut self,
        fields: Fields<'n>,
        key: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Self, &'n Entry) -> T,
    ) -> Vec<T> {
        let Some(entry) = fields.get(key) else { return Vec::new() };
        if matches!(entry.value.value, Value::List(_)) {
            let example = match key {
                "people" => "people: {ada: \"94490510688792576\"}",
                "groups" => "groups: {squad: [ada, bob]}",
                _ => "targets: {phone: {type: ntfy, topic: …}}",
            };
            self.wrong_kind_but(
                key,
                &entry.value,
                "a mapping",
                Some(format!("give each a name: `{example}`")),
            );
            return Vec::new();
        }
        let entries = self.mapping(key, &entry.value);
        if entries.iter().count() > most {
            self.problems.too_many(entry.key_at, key, most);
            return Vec::new();
        }
        entries.iter().map(|entry| read(self, entry)).collect()
    }

    fn person<'n>(&mut self, entry: &'n Entry, smoothing: Smoothing) -> PersonSpec<'n> {
        let key = Name { text: &entry.key, at: entry.key_at };
        if !matches!(entry.value.value, Value::Map(_)) {
            return PersonSpec { key, id: Some(&entry.value), name: "", smoothing };
        }
        let fields = Fields::of(&entry.value);
        self.check_keys(
            fields,
            &Allowed::fixed("a person", keys::PERSON, &|key| instead(elsewhere::PERSON, key)),
        );
        let id = fields.get("id").map(|id| &id.value);
        if id.is_none() {
            self.problems.missing_key(
                entry.key_at,
                "id",
                "a person",
                "write their Discord user id: `id: 94490510688792576`",
            );
        }
        let name = fields.get("name").and_then(|name| self.name("name", &name.value));
        let smoothing = self.smoothing(fields.get("smoothing"), smoothing);
        PersonSpec { key, id, name: name.map_or("", |name| name.text), smoothing }
    }

    fn group<'n>(&mut self, entry: &'n Entry) -> GroupSpec<'n> {
        let key = Name { text: &entry.key, at: entry.key_at };
        if matches!(entry.value.value, Value::Map(_)) {
            self.wrong_kind(&entry.key, &entry.value, "a list of people");
            return GroupSpec { key, members: Vec::new() };
        }
        let members =
            self.list(&entry.value).iter().filter_map(|member| self.name(&entry.key, member)).collect();
        GroupSpec { key, members }
    }

    fn target<'n>(&mut self, entry: &'n Entry) -> TargetSpec<'n> {
        let key = Name { text: &entry.key, at: entry.key_at };
        let fields = self.mapping(&entry.key, &entry.value);
        let kind = fields.get("type");
        if kind.is_none() && (entry.value.entries().is_some() || entry.value.is_nothing()) {
            let kinds = crate::targets::KINDS.iter().map(|kind| format!("`{}`", kind.name));
            let help = format!("one of {}", kinds.collect::<Vec<_>>().join(", "));
            self.problems.missing_key(entry.key_at, "type", "a target", help);
        }
        let kind = kind.and_then(|kind| self.name("type", &kind.value));
        let expire = fields.get("expire").and_then(|it| self.expire(&it.value)).unwrap_or(EXPIRE);
        let fallback = fields.get("fallback").and_then(|it| self.name("fallback", &it.value));
        TargetSpec { key, kind, expire, fallback, settings: &entry.value }
    }

    fn rules<'n>(&mut self, entry: Option<&'n Entry>) -> Vec<RuleSpec<'n>> {
        let Some(entry) = entry else { return Vec::new() };
        if matches!(entry.value.value, Value::Map(_)) {
            self.wrong_kind("rules", &entry.value, "a list, each rule begun with `- id:`");
            return Vec::new();
        }
        let rules = self.list(&entry.value);
        if rules.len() > RULES_MAX {
            self.problems.too_many(entry.key_at, "rules", RULES_MAX);
            return Vec::new();
        }
        rules.iter().filter_map(|rule| self.rule(rule)).collect()
    }

    fn rule<'n>(&mut self, node: &'n Node) -> Option<RuleSpec<'n>> {
        let Value::Map(_) = node.value else {
            self.wrong_kind("rules", node, "mappings, each begun with `- id:`");
            return None;
        };
        let fields = Fields::of(node);
        self.check_keys(fields, &Allowed::fixed("a rule", keys::RULE, &|key| instead(elsewhere::RULE, key)));
        let at = self.source.first_line_of(node.at);
        if fields.get("id").is_none() {
            self.problems.missing_key(at, "id", "a rule", "give it a name of its own: `id: friend-online`");
        }
        Some(RuleSpec {
            at,
            id: fields.get("id").and_then(|id| self.name("id", &id.value)),
            enabled: fields.get("enabled").and_then(|it| self.boolean("enabled", &it.value)).unwrap_or(true),
            who: fields.get("who").map(|who| {
                let names = self.list(&who.value).iter().filter_map(|name| self.name("who", name));
                (who.key_at, names.collect())
            }),
            when: fields.get("when").map(|when| (when.key_at, self.when(&when.value))),
            condition: fields.get("if").and_then(|it| self.text("if", &it.value).map(|_| &it.value)),
            hold: fields
                .get("while")
                .and_then(|it| self.text("while", &it.value).map(|_| (it.key_at, &it.value))),
            hold_for: fields
                .get("for")
                .and_then(|it| self.kept("for", &it.value).map(|hold_for| (it.key_at, hold_for))),
            grace: fields
                .get("grace")
                .and_then(|it| self.kept("grace", &it.value).map(|grace| (it.key_at, grace))),
            noise: NoiseSpec::read(fields, self),
            send: fields.get("send").map(|send| (send.key_at, self.send(send))),
            enter: fields.get("enter").map(|enter| (enter.key_at, self.send(enter))),
            exit: fields.get("exit").map(|exit| (exit.key_at, self.send(exit))),
        })
    }

    /// A name, a mapping of narrowed changes, or a list of both.
    fn when<'n>(&mut self, node: &'n Node) -> Vec<TriggerSpec<'n>> {
        let mut triggers = Vec::new();
        for item in self.list(node) {
            if let Value::Map(entries) = &item.value {
                for (at, entry) in entries.iter().enumerate() {
                    let above = at.checked_sub(1).map(|above| &entries[above]);
                    triggers.extend(self.narrowed(entry, above));
                }
            } else {
                let change = self.name("when", item);
                triggers.extend(change.map(|change| TriggerSpec { change, narrows: &[] }));
            }
        }
        triggers
    }

    /// `started_playing: {name: …}`; `above` is what stands before it in the same mapping.
    fn narrowed<'n>(&mut self, entry: &'n Entry, above: Option<&Entry>) -> Option<TriggerSpec<'n>> {
        let change = Name { text: &entry.key, at: entry.key_at };
        let kind = ChangeKind::from_name(change.text);
        if let (None, Some(above)) = (kind, above.filter(|above| above.value.is_nothing())) {
            let help = format!("if it narrows `{}`, indent it below it", above.key);
            self.problems.unknown_name(change.at, "change", change.text, Some(help), []);
            return None;
        }
        let node = &entry.value;
        if let (Some(kind), Value::Scalar(_) | Value::List(_)) = (kind, &node.value)
            && !node.is_nothing()
        {
            let name = kind.name();
            let help = match matcher::main_field(kind) {
                Some(field) => {
                    let written = self.source.slice(node.at);
                    let patterns = if written.contains('\n') { "[…]" } else { written };
                    format!("write `{{{name}: {{{field}: {patterns}}}}}`")
                }
                None => format!("write `{name}` alone: it cannot be narrowed"),
            };
            self.wrong_kind_but(name, node, "a mapping", Some(help));
        }
        Some(TriggerSpec { change, narrows: Fields::of(node).entries() })
    }

    /// A target's name, a message, or a list of both.
    fn send<'n>(&mut self, entry: &'n Entry) -> Vec<SendSpec<'n>> {
        let items = self.list(&entry.value);
        if items.len() > SENDS_MAX {
            self.problems.too_many(entry.key_at, "messages of one rule", SENDS_MAX);
            return Vec::new();
        }
        items.iter().filter_map(|item| self.message(item)).collect()
    }

    fn message<'n>(&mut self, node: &'n Node) -> Option<SendSpec<'n>> {
        let at = self.source.first_line_of(node.at);
        if !matches!(node.value, Value::Map(_)) {
            let to = self.name("send", node)?;
            return Some(SendSpec { at, to: Some(to), expire: None, fallback: None, parts: None });
        }
        let fields = Fields::of(node);
        let to = fields.get("to");
        if to.is_none() {
            self.problems.missing_key(at, "to", "a message", "name its target: `to: phone`");
        }
        let to = to.and_then(|to| self.to(&to.value));
        let expire = fields.get("expire").and_then(|it| self.expire(&it.value));
        let fallback = fields.get("fallback").and_then(|it| self.fallback(&it.value));
        Some(SendSpec { at, to, expire, fallback, parts: Some(node) })
    }

    /// The parts of a message, without a target's name.
    fn fallback<'n>(&mut self, node: &'n Node) -> Option<&'n Node> {
        if matches!(node.value, Value::Map(_)) {
            return Some(node);
        }
        let help = "the other target is named under `targets:`; here stands what it is told, as `{text: …}`";
        self.wrong_kind_but("fallback", node, "a mapping", Some(help.to_owned()));
        None
    }

    fn to<'n>(&mut self, node: &'n Node) -> Option<Name<'n>> {
        let Value::List(items) = &node.value else { return self.name("to", node) };
        let names: Vec<&str> = items.iter().filter_map(|it| Some(it.scalar()?.text.as_str())).collect();
        let help = format!("write `send: [{}]`, or one message for each", names.join(", "));
        let at = self.source.first_line_of(node.at);
        self.problems.add(Problem::error(at, "`to` names one target, and this is a list").help(help));
        None
    }

    fn expire(&mut self, node: &Node) -> Option<Duration> {
        let expire = self.kept("expire", node)?;
        if expire.is_zero() {
            let help = "leave `expire` out, or give it a time such as `10m`";
            self.problems.add(Problem::warning(node.at, "what expires at once is never sent").help(help));
        }
        Some(expire)
    }

    /// A length of time that is kept on disk.
    pub fn kept(&mut self, key: &str, node: &Node) -> Option<Duration> {
        self.duration_within(key, node, Duration::ZERO, KEPT_MAX)
    }
}
