//! `docs/metrics.md` names every metric, and what is made of metrics names no other.
//!
//! `UPDATE_REFERENCE=1 cargo test --test it metrics` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorchime::engine::verdict::Verdict;
use doorchime::metrics::stages::Stage;
use doorchime::metrics::{ANSWERS, CLOSES, ENDS, GARBAGE, LOADS, Metrics, TURNED_AWAY};
use doorchime::presence::change::ChangeKind;
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::Play;

use super::home::Home;

const HEAD: &str = "# Metrics

`GET /metrics` on `--listen` answers in OpenMetrics.
Labels are names from the rules file and words of doorchime's own, never people or what they write: there are never more series
than the rules file has targets and rules, and what a reload takes out of the file is gone from here. `contrib/` has alert rules for
Prometheus and a Grafana dashboard that use them.

| name | type | labels | |
|---|---|---|---|
";

/// A metric as it is told, by the name of its family.
struct Told {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every metric, with something in it.
fn filled() -> String {
    let metrics = Metrics::new();
    let (target, rule): (Arc<str>, Arc<str>) = ("team".into(), "new-track".into());
    metrics.lanyard.closed(CLOSES[0], 1);
    metrics.lanyard.garbage(GARBAGE[0], 1);
    metrics.rules.fired(&rule, 1);
    metrics.rules.judged(Verdict::WORDS[0], 1);
    metrics.rules.loaded(true);
    metrics.outbox.owed(&target);
    metrics.outbox.attempted(&target, ANSWERS[0], Duration::from_millis(20));
    metrics.outbox.settled(&target, ENDS[0]);
    metrics.outbox.pending(&target, 3);
    metrics.outbox.disabled(&target, true);
    metrics.http.turned_away(TURNED_AWAY[0]);
    metrics.encode(0).unwrap()
}

fn read(text: &str) -> BTreeMap<String, Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            let help = help.trim_end_matches('.').to_owned();
            told.insert(name.to_owned(), Told { kind: String::new(), help, labels: BTreeSet::new() });
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut told.get_mut(name).unwrap().kind);
        } else if let Some((name, rest)) = line.split_once('{') {
            let family = told.keys().rev().find(|family| name.starts_with(*family)).unwrap().clone();
            let labels = rest.split(['{', ',']).filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
            told.get_mut(&family).unwrap().labels.extend(labels.filter(|label| label != "le"));
        }
    }
    told
}

/// As Prometheus keeps it.
fn kept_as(name: &str, kind: &str) -> String {
    match kind {
        "counter" => format!("{name}_total"),
        _ => name.to_owned(),
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (name, Told { kind, help, labels }) in read(&filled()) {
        let labels: Vec<String> = labels.into_iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(page, "| `{}` | {kind} | {} | {help}. |", kept_as(&name, &kind), labels.join(", "));
    }
    page.push_str("\n## Labels\n\n| label | values |\n|---|---|\n");
    let words = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let changes: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.name()).collect();
    for (label, values) in [
        ("answer", words(ANSWERS)),
        ("cause", words(TURNED_AWAY)),
        ("change", words(&changes)),
        ("end", words(ENDS)),
        ("kind", words(GARBAGE)),
        ("le", "the upper bounds of a histogram's buckets, in its unit".to_owned()),
        ("reason", words(CLOSES)),
        ("result", words(LOADS)),
        ("rule", "the rule's `id`".to_owned()),
        ("stage", words(&Stage::ALL.map(Stage::word))),
        ("target", "the target's name".to_owned()),
        ("verdict", words(&Verdict::WORDS)),
        ("version", "doorchime's version".to_owned()),
    ] {
        let _ = writeln!(page, "| `{label}` | {values} |");
    }
    page
}

/// Every word that begins as our metrics do.
fn named_in(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("doorchime_") && word.len() > "doorchime_".len())
        .collect()
}

#[test]
fn the_page_names_every_metric() {
    let (path, page) = (path("docs/metrics.md"), page());
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/metrics.md is not up to date: UPDATE_REFERENCE=1 cargo test --test it metrics"
    );
    let labels: BTreeSet<String> = read(&filled()).into_values().flat_map(|told| told.labels).collect();
    for label in labels {
        assert!(page.contains(&format!("\n| `{label}` |")), "the label `{label}` is not explained");
    }
}

#[test]
fn alerts_and_dashboard_use_what_there_is() {
    let known: BTreeSet<String> = read(&filled())
        .into_iter()
        .flat_map(|(name, Told { kind, .. })| match &*kind {
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
            kind => vec![kept_as(&name, kind)],
        })
        .collect();
    for file in ["contrib/prometheus-alerts.yaml", "contrib/grafana-dashboard.json"] {
        let text = std::fs::read_to_string(path(file)).unwrap();
        let named = named_in(&text);
        assert!(named.len() > 5, "{file} names {named:?} only");
        for name in named {
            assert!(known.contains(name), "{file} uses `{name}`, which is not there");
        }
    }
    let alerts: serde_yaml::Value =
        serde_yaml::from_str(&std::fs::read_to_string(path("contrib/prometheus-alerts.yaml")).unwrap())
            .unwrap();
    for alert in alerts["groups"][0]["rules"].as_sequence().unwrap() {
        assert!(alert["annotations"]["summary"].is_string() && alert["labels"]["severity"].is_string());
    }
    let board: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path("contrib/grafana-dashboard.json")).unwrap())
            .unwrap();
    assert!(board["panels"].as_array().unwrap().iter().all(|panel| panel["title"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_at_work_tells_no_other_and_forgets_what_is_gone() {
    let rules = "lanyard: {url: LANYARD}\nsmoothing: {offline: 0s}\npeople: {ada: 94490510688792576}\n\
        targets: {TARGET: {type: webhook, url: RECEIVER}}\n\
        rules: [{id: RULE, who: ada, when: went_online, send: TARGET}]\n";
    let named = |rule: &str, target: &str| rules.replace("RULE", rule).replace("TARGET", target);
    let home = Home::new(&named("first", "old"), |_| Play::status(200)).await;
    let ada = UserId(94_490_510_688_792_576);
    let flap = || {
        for status in ["offline", "online"] {
            home.lanyard.set(&PresenceJson::new(ada).status(status));
        }
    };
    flap();
    let (bot, address) = home.start_listening().await;
    flap();
    let said = home
        .until_said(&address, "/metrics", |said| {
            said.contains(r#"doorchime_deliveries_total{target="old",end="delivered"} 1"#)
        })
        .await;
    let known = read(&filled());
    for name in read(&said).into_keys() {
        assert!(known.contains_key(&name), "docs/metrics.md does not know `{name}`");
    }
    home.write_rules(&named("second", "new"));
    home.until_said(&address, "/metrics", |said| said.contains(r#"rules_loads_total{result="taken"} 2"#))
        .await;
    flap();
    let said = home
        .until_said(&address, "/metrics", |said| {
            said.contains(r#"doorchime_deliveries_total{target="new",end="delivered"} 1"#)
        })
        .await;
    assert!(!said.contains(r#"rule="first""#), "{said}");
    home.until_said(&address, "/metrics", |said| !said.contains(r#"target="old""#)).await;
    drop(bot);
}
