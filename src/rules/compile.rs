//! The file as written to the rule set: every name looked up, every text compiled, every mistake told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::diagnostic::{Findings, Problem, Problems};
use super::elsewhere;
use super::fallback;
use super::mask::Mask;
use super::names;
use super::onlookers::Onlookers;
use super::parts;
use super::places::{Source, Span};
use super::reading::{Name, Reader};
use super::scope::Keys;
use super::set::{Group, Index, Person, RuleSet};
use super::spec::{GroupSpec, PersonSpec, RuleSpec, Spec, TargetSpec, Unread};
use super::story::{self, Story};
use super::tree::Node;
use super::vars::{self, Vars};
use super::yaml;
use crate::lanyard::settings::Subscribe;
use crate::presence::model::UserId;
use crate::targets::filled::Values;
use crate::targets::{KINDS, Kind, Target};

/// A file that can be used, and what is odd about it.
pub struct Loaded {
    pub set: RuleSet,
    /// Its tests: dropped by whoever does not play them.
    pub stories: Vec<Story>,
    pub warnings: Findings,
}

/// Compiles a file's text. `vars` fills in what the text leaves to its surroundings; `TZ` is asked of it, too.
pub fn compile(source: Source, vars: &dyn Vars) -> Result<Loaded, Findings> {
    compile_after(|_| (), source, vars)
}

/// What tells who is watched and where Lanyard is.
const PEOPLE_KEYS: &[&str] =
    &["version", "timezone", "lanyard", "smoothing", "catch_up", "down_after", "people", "groups"];

/// Compiles who is watched and where Lanyard is: a rule set without targets and rules, for whoever only looks
/// on. Nothing else in the file need be right, or have its variables.
pub fn compile_people(source: Source, vars: &dyn Vars) -> Result<RuleSet, Findings> {
    compile_after(|root| root.keep_only(PEOPLE_KEYS), source, vars).map(|loaded| loaded.set)
}

fn compile_after(trim: impl FnOnce(&mut Node), source: Source, vars: &dyn Vars) -> Result<Loaded, Findings> {
    let (mut problems, mut mask) = (Problems::default(), Mask::default());
    let set = yaml::read(&source, &mut problems).map(|mut root| {
        parts::hide_secrets(&root, &source, &mut mask);
        trim(&mut root);
        vars::fill(&mut root, &source, vars, &mut problems);
        let mut reader = Reader { source: &source, problems: &mut problems };
        let spec = Spec::read(&root, &mut reader);
        resolve(&spec, &root, &mut reader, vars)
    });
    let failed = problems.any_errors();
    let findings = problems.into_findings(source, mask);
    match set {
        Some((set, stories)) if !failed => Ok(Loaded { set, stories, warnings: findings }),
        _ => Err(findings),
    }
}

/// A target by itself, and what is odd about it.
pub struct Alone {
    pub target: Arc<Target>,
    pub warnings: Findings,
}

/// Compiles one target of a file and nothing else; `None` if the file has no such target.
pub fn compile_target(source: Source, vars: &dyn Vars, name: &str) -> Result<Option<Alone>, Findings> {
    let (mut problems, mut mask) = (Problems::default(), Mask::default());
    let target = yaml::read(&source, &mut problems).and_then(|mut root| {
        parts::hide_secrets(&root, &source, &mut mask);
        root.keep_only(&["targets"]);
        root.entry_mut("targets")?.keep_only(&[name]);
        vars::fill(&mut root, &source, vars, &mut problems);
        let mut reader = Reader { source: &source, problems: &mut problems };
        let spec = Spec::read(&root, &mut reader);
        targets(&spec.targets, &Arc::default(), &mut reader, vars).0.into_values().next()
    });
    let failed = problems.any_errors();
    let warnings = problems.into_findings(source, mask);
    if failed { Err(warnings) } else { Ok(target.map(|target| Alone { target, warnings })) }
}

/// A name that rules use for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referent {
    Person(usize),
    Group(usize),
}

/// What has been looked up before the rules are.
pub struct Known<'k> {
    pub referents: HashMap<&'k str, Referent>,
    /// Keys in the file's order: what conditions and templates are told.
    pub person_keys: Keys,
    pub group_keys: Keys,
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    /// `None` for a target that is there but could not be built.
    pub targets: HashMap<&'k str, KnownTarget<'k>>,
    pub unread: Unread,
}

pub struct KnownTarget<'k> {
    pub spec: &'k TargetSpec<'k>,
    pub kind: Option<&'static Kind>,
    /// `None` if it could not be built.
    pub built: Option<Arc<Target>>,
}

fn resolve<'n>(
    spec: &'n Spec<'n>,
    root: &'n Node,
    reader: &mut Reader<'_>,
    vars: &dyn Vars,
) -> (RuleSet, Vec<Story>) {
    let timezone = timezone(spec.timezone, reader, vars);
    let (people, mut referents) = people(&spec.people, reader);
    let groups = groups(&spec.groups, &mut referents, spec.unread.people, reader);
    let sends = spec.rules.iter().flat_map(RuleSpec::sends);
    let values: Values = sends.filter_map(|send| send.parts).flat_map(Node::values).collect();
    let (built, targets) = targets(&spec.targets, &Arc::new(values), reader, vars);
    if !spec.unread.targets {
        fallback::check(&spec.targets, &targets, reader);
    }
    let known = Known {
        referents,
        person_keys: people.iter().map(|person| person.key.clone()).collect(),
        group_keys: groups.iter().map(|group| group.key.clone()).collect(),
        people,
        groups,
        targets,
        unread: spec.unread,
    };
    let rules = super::rule::compile_all(&spec.rules, &known, reader);
    tell_unused(spec, root, reader);
    let ids = spec.rules.iter().filter_map(|rule| Some(rule.id?.text)).collect();
    let stories = story::compile_all(spec.tests, &known, (ids, &rules), (&timezone, spec.down_after), reader);
    let usable = if reader.problems.any_errors() { &[][..] } else { &rules };
    let index = Index::new(usable);
    let onlookers = Onlookers::new(usable, &known.people, &known.groups);
    let set = RuleSet {
        timezone,
        lanyard: spec.lanyard.clone(),
        smoothing: spec.smoothing,
        catch_up: spec.catch_up,
        down_after: spec.down_after,
        people: known.people,
        groups: known.groups,
        targets: built,
        rules,
        index,
        values: root.values(),
        onlookers,
    };
    (set, stories)
}

fn timezone(given: Option<Name<'_>>, reader: &mut Reader<'_>, vars: &dyn Vars) -> TimeZone {
    let Some(name) = given else {
        let here = vars.variable("TZ").and_then(|name| TimeZone::get(name.trim_start_matches(':')).ok());
        return here.unwrap_or(TimeZone::UTC);
    };
    TimeZone::get(name.text).unwrap_or_else(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|known| known.as_str().to_owned()).collect();
        // People write the city alone, or with a space for the underscore.
        let city = name.text.rsplit('/').next().unwrap_or("").replace(' ', "_").to_lowercase();
        let by_city = known
            .iter()
            .find(|zone| !city.is_empty() && zone.to_lowercase().rsplit('/').next() == Some(city.as_str()));
        let problem = Problem::error(name.at, format!("unknown time zone `{}`", name.text));
        let hint = by_city.map(|zone| format!("did you mean `{zone}`?")).or_else(|| {
            let near = super::mistake::nearest(name.text, known.iter().map(String::as_str));
            near.map(|zone| format!("did you mean `{zone}`?"))
        });
        let help = hint.unwrap_or_else(|| "write it like `Europe/Berlin` or `America/New_York`".to_owned());
        reader.problems.add(problem.help(help));
        TimeZone::UTC
    })
}

fn people<'n>(
    specs: &'n [PersonSpec<'n>],
    reader: &mut Reader<'_>,
) -> (Vec<Person>, HashMap<&'n str, Referent>) {
    let mut people = Vec::with_capacity(specs.len());
    let mut referents = HashMap::new();
    let mut by_id: HashMap<UserId, Span> = HashMap::new();
    for spec in specs {
        names::check_person(reader, spec.key, "person");
        let id = spec.id.and_then(|id| names::user_id(reader, spec.key, id));
        if let Some(id) = id {
            if let Some(&first) = by_id.get(&id) {
                let what = format!("`{}` has the id of somebody else", spec.key.text);
                reader.problems.add(Problem::warning(spec.key.at, what).also(first, "the same id"));
            } else {
                by_id.insert(id, spec.key.at);
            }
        }
        referents.insert(spec.key.text, Referent::Person(people.len()));
        people.push(Person {
            key: spec.key.text.to_owned(),
            id: id.unwrap_or(UserId(0)),
            name: spec.name.to_owned(),
            smoothing: spec.smoothing,
        });
    }
    (people, referents)
}

fn groups<'n>(
    specs: &'n [GroupSpec<'n>],
    referents: &mut HashMap<&'n str, Referent>,
    unread: bool,
    reader: &mut Reader<'_>,
) -> Vec<Group> {
    let mut groups = Vec::with_capacity(specs.len());
    for spec in specs {
        names::check_person(reader, spec.key, "group");
        let mut members: Vec<usize> = Vec::with_capacity(spec.members.len());
        let mut seen = HashSet::new();
        for member in &spec.members {
            match referents.get(member.text) {
                Some(&Referent::Person(at)) => {
                    if seen.insert(at) {
                        members.push(at);
                    }
                }
                Some(Referent::Group(_)) => {
                    let what = format!("`{}` is a group, and groups are made of people", member.text);
                    reader.problems.add(Problem::error(member.at, what).help("name its people here"));
                }
                None => {
                    let known = referents.iter().filter(|(_, it)| matches!(it, Referent::Person(_)));
                    let known = names::in_order(known.map(|(name, _)| *name));
                    let instead = elsewhere::as_list(member.text);
                    if !unread {
                        reader.problems.unknown_name(member.at, "person", member.text, instead, known);
                    }
                }
            }
        }
        if let Some(Referent::Person(_)) = referents.get(spec.key.text) {
            let what = format!("`{}` is already the name of a person", spec.key.text);
            reader.problems.add(Problem::error(spec.key.at, what).help("choose another name"));
        } else {
            referents.insert(spec.key.text, Referent::Group(groups.len()));
        }
        groups.push(Group { key: spec.key.text.to_owned(), members });
    }
    groups
}

type Built = BTreeMap<Arc<str>, Arc<Target>>;

fn targets<'n>(
    specs: &'n [TargetSpec<'n>],
    values: &Arc<Values>,
    reader: &mut Reader<'_>,
    vars: &dyn Vars,
) -> (Built, HashMap<&'n str, KnownTarget<'n>>) {
    let (mut built, mut known) = (BTreeMap::new(), HashMap::new());
    for spec in specs {
        names::check_target(reader, spec.key);
        let kind = spec.kind.and_then(|name| {
            let found = KINDS.iter().find(|kind| kind.name == name.text);
            if found.is_none() {
                let kinds = KINDS.iter().map(|kind| kind.name);
                let instead = elsewhere::instead(elsewhere::KINDS, name.text);
                reader.problems.unknown_name(name.at, "type of target", name.text, instead, kinds);
            }
            found
        });
        let target = kind.and_then(|kind| target(spec, kind, values, reader, vars));
        if let Some(target) = &target {
            built.insert(Arc::from(spec.key.text), Arc::clone(target));
        }
        known.insert(spec.key.text, KnownTarget { spec, kind, built: target });
    }
    (built, known)
}

fn target(
    spec: &TargetSpec<'_>,
    kind: &'static Kind,
    values: &Arc<Values>,
    reader: &mut Reader<'_>,
    vars: &dyn Vars,
) -> Option<Arc<Target>> {
    let mut settings = parts::settings(reader, spec, kind)?;
    if let Some(Json::String(path)) = settings.get_mut("tls").and_then(|tls| tls.get_mut("ca")) {
        match vars.ca(path) {
            // The sender reads it again, from wherever it runs.
            Ok(found) => *path = found,
            Err(why) => {
                let place = spec.settings.find(&["tls".to_owned(), "ca".to_owned()]).at;
                let what = format!("the file `{path}` {why}");
                let help = "the path counts from the rules file's folder";
                reader.problems.add(Problem::error(place, what).help(help));
                return None;
            }
        }
    }
    match Target::build(spec.key.text, kind, &settings) {
        Ok(target) => {
            parts::doubt_placed(reader, spec.key.at, spec.settings, target.warnings());
            Some(Arc::new(target.with_values(values)))
        }
        Err(mistakes) => {
            parts::tell_placed(reader, spec.key.at, spec.settings, mistakes);
            None
        }
    }
}

fn tell_unused(spec: &Spec<'_>, root: &Node, reader: &mut Reader<'_>) {
    if spec.rules.is_empty() {
        if root.entries().is_some() && !reader.problems.any_errors() {
            let what = "there are no rules, so nothing will ever ring";
            reader.problems.add(Problem::warning(Span::default(), what).help("add one under `rules:`"));
        }
        return;
    }
    let sent: HashSet<&str> =
        spec.rules.iter().flat_map(RuleSpec::sends).filter_map(|send| send.to.map(|to| to.text)).collect();
    let used = fallback::with_fallbacks(&spec.targets, sent);
    for target in spec.targets.iter().filter(|target| !used.contains(target.key.text)) {
        reader.problems.unused(target.key.at, "target", target.key.text);
    }
    // Conditions and templates name groups, too: every word of the rules counts.
    let rules = root.entries().and_then(|entries| entries.iter().find(|entry| entry.key == "rules"));
    let text = rules.map_or("", |entry| reader.source.slice(entry.value.at));
    let words: HashSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).collect();
    let everyone = words.contains("everyone") || matches!(spec.lanyard.subscribe, Subscribe::All);
    let members: HashSet<&str> =
        spec.groups.iter().flat_map(|group| &group.members).map(|member| member.text).collect();
    let used = |key: &str| everyone || words.contains(key) || members.contains(key);
    for person in spec.people.iter().filter(|person| !used(person.key.text)) {
        reader.problems.unused(person.key.at, "person", person.key.text);
    }
    for group in spec.groups.iter().filter(|group| !words.contains(group.key.text)) {
        reader.problems.unused(group.key.at, "group", group.key.text);
    }
}
