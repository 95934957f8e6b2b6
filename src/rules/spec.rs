//! The rules file as written: every part read, nothing looked up yet.

use std::time::Duration;

use super::diagnostic::Problem;
use super::keys::{self, SUBSCRIBE};
use super::places::Span;
use super::reading::{Fields, Name, Reader};
use super::tree::{Entry, Node, Value};
use crate::lanyard::settings::{LanyardSettings, Subscribe};
use crate::presence::settle::Smoothing;

const EXPIRE: Duration = Duration::from_hours(1);
const CATCH_UP: Duration = Duration::from_mins(15);
const DOWN_AFTER: Duration = Duration::from_mins(5);
const DEDUPE_WINDOW: Duration = Duration::from_hours(1);
const HOLD_MAX: Duration = Duration::from_hours(1);
const RESYNC: (Duration, Duration) = (Duration::from_secs(10), Duration::from_hours(24));
/// `expire`, cooldowns and windows are kept on disk.
const KEPT_MAX: Duration = Duration::from_hours(24 * 366);
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
    pub cooldown: Option<Duration>,
    pub dedupe: Option<(&'n Node, Duration)>,
    pub send: Option<(Span, Vec<SendSpec<'n>>)>,
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
        reader.check_keys(fields, "the file", keys::FILE, &[]);
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
        self.check_keys(fields, "`lanyard`", keys::LANYARD, &[]);
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
            Some(("http", rest)) => format!("it is spoken to over a WebSocket: `ws://{rest}`"),
            Some(("https", rest)) => format!("it is spoken to over a WebSocket: `wss://{rest}`"),
            _ => "it begins with `wss://` or `ws://`, such as `wss://api.lanyard.rest/socket`".to_owned(),
        }));
        None
    }

    fn smoothing(&mut self, entry: Option<&Entry>, default: Smoothing) -> Smoothing {
        let Some(entry) = entry else { return default };
        let fields = self.mapping("smoothing", &entry.value);
        self.check_keys(fields, "`smoothing`", keys::SMOOTHING, &[]);
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
        self.check_keys(fields, "a person", keys::PERSON, &[]);
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
        let expire = fields.get("expire").and_then(|it| self.kept("expire", &it.value)).unwrap_or(EXPIRE);
        TargetSpec { key, kind, expire, settings: &entry.value }
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
        self.check_keys(fields, "a rule", keys::RULE, &[]);
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
            cooldown: fields.get("cooldown").and_then(|it| self.kept("cooldown", &it.value)),
            dedupe: fields.get("dedupe").and_then(|it| self.dedupe(it)),
            send: fields.get("send").map(|send| (send.key_at, self.send(send))),
        })
    }

    /// A name, a mapping of narrowed changes, or a list of both.
    fn when<'n>(&mut self, node: &'n Node) -> Vec<TriggerSpec<'n>> {
        let mut triggers = Vec::new();
        for item in self.list(node) {
            if let Value::Map(entries) = &item.value {
                for entry in entries {
                    let change = Name { text: &entry.key, at: entry.key_at };
                    let narrows = self.mapping(&entry.key, &entry.value);
                    triggers.push(TriggerSpec { change, narrows: narrows.entries() });
                }
            } else {
                let change = self.name("when", item);
                triggers.extend(change.map(|change| TriggerSpec { change, narrows: &[] }));
            }
        }
        triggers
    }

    /// A template alone, or with its window.
    fn dedupe<'n>(&mut self, entry: &'n Entry) -> Option<(&'n Node, Duration)> {
        if !matches!(entry.value.value, Value::Map(_)) {
            return self.text("dedupe", &entry.value).map(|_| (&entry.value, DEDUPE_WINDOW));
        }
        let fields = Fields::of(&entry.value);
        self.check_keys(fields, "`dedupe`", keys::DEDUPE, &[]);
        let window = fields.get("window").and_then(|it| self.kept("window", &it.value));
        let Some(key) = fields.get("key") else {
            self.problems.missing_key(
                entry.key_at,
                "key",
                "`dedupe`",
                "write what must not ring twice: `key: \"{{track.id}}\"`",
            );
            return None;
        };
        self.text("key", &key.value).map(|_| (&key.value, window.unwrap_or(DEDUPE_WINDOW)))
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
            return Some(SendSpec { at, to: Some(to), expire: None, parts: None });
        }
        let fields = Fields::of(node);
        let to = fields.get("to");
        if to.is_none() {
            self.problems.missing_key(at, "to", "a message", "name its target: `to: phone`");
        }
        let to = to.and_then(|to| self.name("to", &to.value));
        let expire = fields.get("expire").and_then(|it| self.kept("expire", &it.value));
        Some(SendSpec { at, to, expire, parts: Some(node) })
    }

    fn kept(&mut self, key: &str, node: &Node) -> Option<Duration> {
        self.duration_within(key, node, Duration::ZERO, KEPT_MAX)
    }
}
