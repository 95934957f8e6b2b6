//! Each recipe of the cookbook is a rules file without a fault, and does what its own tests say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::program::{Ran, doorchime, ran};

/// What the recipes take from the environment, invented.
const VARIABLES: &[(&str, &str)] = &[
    ("APPRISE_KEY", "invented-key"),
    ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/1/invented"),
    ("GOTIFY_TOKEN", "Ainvented"),
    ("HA_TOKEN", "invented-token"),
    ("MATRIX_TOKEN", "invented-token"),
    ("MATTERMOST_WEBHOOK_URL", "https://mattermost.example.org/hooks/invented"),
    ("NTFY_TOPIC", "invented-topic"),
    ("PUSHOVER_TOKEN", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("PUSHOVER_USER", "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/invented"),
    (
        "TEAMS_WEBHOOK_URL",
        "https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=x",
    ),
    ("TELEGRAM_CHAT", "4242"),
    ("TELEGRAM_TOKEN", "1000:invented"),
];

fn cookbook() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook")
}

fn recipes() -> Vec<PathBuf> {
    let files = std::fs::read_dir(cookbook()).unwrap().map(|entry| entry.unwrap().path());
    let mut recipes: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    recipes.sort();
    recipes
}

#[test]
fn each_recipe_passes_check_and_its_own_tests() {
    let recipes = recipes();
    assert!(recipes.len() >= 20, "{}", recipes.len());
    for recipe in recipes {
        let name = recipe.file_name().unwrap().to_string_lossy().into_owned();
        let Ran { code, out, err } = played(&["check"], &name);
        assert!(code == Some(0) && !err.contains("warning"), "{name}: {out}{err}");
        let Ran { out, err, .. } = played(&["test", "--json"], &name);
        let told: serde_json::Value =
            serde_json::from_str(&out).unwrap_or_else(|_| panic!("{name}: {out}{err}"));
        assert!(told["ok"] == true && told["passed"].as_u64() > Some(0), "{name}: {told:#}");
    }
}

fn played(command: &[&str], recipe: &str) -> Ran {
    let args = command.iter().copied().chain([recipe]);
    ran(doorchime(&cookbook(), args).envs(VARIABLES.iter().copied()))
}

#[test]
fn states_waits_hours_and_gathering_go_together() {
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let Ran { code, out, err } = ran(&mut doorchime(&stories, ["test", "states-and-gates.yaml"]));
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn the_index_lists_each_recipe_once() {
    let index = std::fs::read_to_string(cookbook().join("README.md")).unwrap();
    let listed = index.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut names: Vec<&str> = listed.collect();
    names.sort_unstable();
    let there: Vec<String> =
        recipes().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, there);
    let used: BTreeSet<String> = recipes()
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let names = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
            names.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(used, VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect());
}
