//! What a try tells: what rings and why not, the requests as they would be sent, and nothing that is secret.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::*;
use crate::engine::effects::Effects;
use crate::engine::machine::Engine;
use crate::lanyard::observation::Observation;
use crate::outbox::delivery::Memory;
use crate::presence::model::Presence;
use crate::presence::writing::PresenceJson;
use crate::rules::compile::compile;
use crate::rules::places::Source;
use crate::rules::vars::Vars;
use crate::time::Moment;

const NOW_NOTED: &str = "2026-11-27 21:30";

/// Variables, each with a secret.
struct Env;

impl Vars for Env {
    fn variable(&self, name: &str) -> Option<String> {
        name.starts_with("SECRET").then(|| format!("Zq9/{name}+T0P=\"x"))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("`{path}` is not there"))
    }

    fn ca(&self, path: &str) -> Result<String, String> {
        Ok(path.to_owned())
    }
}

const HEAD: &str =
    "timezone: Europe/Berlin\npeople: {ada: {id: 7, name: Ada}, bob: 8}\ngroups: {squad: [ada, bob]}\n";

fn in_force(rest: &str) -> Arc<InForce> {
    let source = Source::new("rules.yaml", format!("{HEAD}{rest}"));
    let loaded = compile(source, &Env).unwrap_or_else(|findings| panic!("{}", findings.render(false)));
    InForce::new(Arc::new(loaded.set))
}

fn rules(rules: &str) -> Arc<InForce> {
    in_force(&format!("targets: {{screen: {{type: console}}}}\nrules:\n{rules}\n"))
}

fn wanted(before: &str, after: &str) -> Wanted {
    let (before, after, at) = (before.to_owned(), after.to_owned(), NOW_NOTED.to_owned());
    Wanted { before, after, at, ..Wanted::default() }
}

/// As the engine knows her.
fn ada() -> PersonView {
    let mut engine = Engine::new(
        rules("  - {id: r, who: ada, when: went_online, send: screen}").rules.clone(),
        Memory::default(),
        Moment::default(),
        1,
    );
    let raw = PresenceJson::new(UserId(7)).named("Ada L.").json();
    let (id, presence) = Presence::parse(&raw, None).unwrap();
    engine.observe(Moment::default(), Observation::Seen(id, presence), &mut Effects::default());
    engine.person(id)
}

fn tried(in_force: &InForce, wanted: &Wanted) -> Value {
    match play(in_force, &Sender::new().unwrap(), &ada(), wanted) {
        Ok(value) => value,
        Err(refused) => panic!("{}", No::from(refused).why()),
    }
}

fn refused(in_force: &InForce, wanted: &Wanted) -> String {
    match play(in_force, &Sender::new().unwrap(), &ada(), wanted) {
        Ok(value) => panic!("{value:#}"),
        Err(refused) => No::from(refused).why(),
    }
}

/// Each rule and what is said of it, with the lines that it would print.
fn said(value: &Value) -> Vec<String> {
    let of_rule = |rule: &Value| {
        let messages =
            rule["rang"].as_array().unwrap().iter().flat_map(|ring| ring["messages"].as_array().unwrap());
        let lines: Vec<&str> = messages.map(|message| message["line"].as_str().unwrap()).collect();
        let values = rule["values"].as_array().unwrap().iter();
        let values: Vec<String> = values
            .map(|value| format!("{}={}", value["part"].as_str().unwrap(), value["value"].as_str().unwrap()))
            .collect();
        let tail = [lines.join(", "), values.join(", ")].into_iter().filter(|text| !text.is_empty());
        let mut all = vec![format!("{}: {}", rule["rule"].as_str().unwrap(), rule["why"].as_str().unwrap())];
        all.extend(tail);
        all.join(" | ")
    };
    value["rules"].as_array().unwrap().iter().map(of_rule).collect()
}

#[test]
fn each_rule_says_whether_it_rings_and_why_not() {
    let rules = rules(
        r#"
  - {id: game, who: ada, when: {started_playing: {name: Factorio}}, send: {to: screen, text: "{{user.name}} ({{user.username}}): {{change.to.name}}"}}
  - {id: other-game, who: ada, when: {started_playing: {name: Braid}}, send: screen}
  - {id: mobile, who: ada, when: started_playing, if: platforms.mobile && playing.name != "", send: screen}
  - {id: long, who: ada, when: started_playing, for: 2m, send: {to: screen, text: long}}
  - {id: light, who: ada, while: playing.name == "Factorio", for: 30s, enter: {to: screen, text: on}, exit: {to: screen, text: off}}
  - {id: here, who: ada, while: online, enter: {to: screen, text: here}}
  - {id: off, who: ada, when: went_offline, send: screen}
  - {id: asleep, enabled: false, who: ada, when: started_playing, send: screen}
  - {id: night, who: ada, when: started_playing, active: {from: "23:00", to: "06:00"}, send: screen}
  - {id: crowd, while: "squad.filter(p, p.online).size() >= 2", enter: {to: screen, text: both}}
  - {id: bobs, who: bob, when: went_online, send: screen}
"#,
    );
    let value = tried(&rules, &wanted("online", "{status: online, playing: Factorio}"));
    assert_eq!(
        said(&value),
        [
            "game: rings at once | Ada (ada_l.): Factorio",
            "long: rings after 2m | long",
            "light: rings after 30s | on",
            "mobile: started_playing: `if` is false | platforms.mobile=false, playing.name=\"Factorio\"",
            "night: started_playing: outside of its `active` hours",
            "other-game: started_playing: `when` is narrowed to something else",
            "here: not asked: `while`: true: `online`: it had begun before, and has not ended | online=true",
            "off: not asked: it is asked at `went_offline`; what is so now would do, once it ends",
            "asleep: not asked: `enabled`: the rule is switched off: `enabled: false`",
            "crowd: not asked: `while`: false: `squad.filter(p, p.online).size() >= 2` | squad.filter(p, p.online).size()=1",
        ]
    );
    assert_eq!((&value["others"], &value["more"], &value["given_up"]), (&1.into(), &0.into(), &false.into()));
    let changes: Vec<&str> = value["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["change"].as_str().unwrap())
        .collect();
    assert_eq!(changes, ["started_playing", "started_activity"]);
    assert_eq!(value["at"], "2026-11-27T20:30:00Z");
    assert_eq!(
        (&value["before"], &value["after"]),
        (&"online".into(), &"status: online, playing: Factorio".into())
    );
}

#[test]
fn what_ends_is_held_first_and_the_watching_goes_on_for_as_long_as_it_takes() {
    let rules = rules(
        r#"
  - {id: off, who: ada, when: went_offline, send: {to: screen, text: "gone after {{lasted}}, {{#if late}}late{{/if}}"}}
  - {id: light, who: ada, while: online, for: 3h, grace: 5m, enter: {to: screen, text: on}, exit: {to: screen, text: off}}
"#,
    );
    let value = tried(&rules, &wanted("{status: dnd}", "offline"));
    assert_eq!(said(&value), ["off: rings after 1m | gone after 3 h 2 min, ", "light: rings after 6m | off"]);
    let short = Wanted { wait: "30s".to_owned(), ..wanted("{status: dnd}", "offline") };
    let value = tried(&rules, &short);
    assert_eq!(value["watched_ms"], 30_000);
    assert!(value["rules"].as_array().unwrap().iter().all(|rule| rule["rings"] == false), "{value:#}");
}

#[test]
fn a_presence_is_taken_as_lanyard_says_it_and_as_tests_do() {
    let rules =
        rules(r#"  - {id: song, who: ada, when: changed_track, send: {to: screen, text: "{{track.song}}"}}"#);
    let lanyards = PresenceJson::new(UserId(7)).listening("Kick 🥁", "Ed", "A").json();
    let escaped = lanyards.replace('🥁', "\\ud83e\\udd41");
    assert_ne!(escaped, lanyards);
    let rest = format!("{{\"success\":true,\"data\":{lanyards}}}");
    let frame = format!("{{\"op\":0,\"t\":\"PRESENCE_UPDATE\",\"seq\":3,\"d\":{lanyards}}}");
    let short = "status: online\ntrack:\n  song: Kick 🥁\n  artist: Ed\n";
    for after in [&*lanyards, &*escaped, &*rest, &*frame, short] {
        let value = tried(&rules, &wanted("{track: {song: Other, artist: Ed}}", after));
        assert_eq!(said(&value), ["song: rings at once | Kick 🥁"], "{after}");
    }
}

#[test]
fn mistakes_say_where_and_what_to_do() {
    let rules = rules("  - {id: on, who: ada, when: went_online, send: screen}");
    let somebody = PresenceJson::new(UserId(8)).status("online").json();
    for (before, after, expected) in [
        ("", "", "`after`: `after` is empty (say how the person is, such as"),
        (
            "",
            "{status: onlien}",
            "`after`, line 1, column 10: unknown word for `status`: `onlien` (did you mean `online`?)",
        ),
        (
            "onlin",
            "online",
            "`before`, line 1, column 1: unknown word for `before`: `onlin` (did you mean `online`?)",
        ),
        ("", "status: online\nplayin: Factorio", "`after`, line 2, column 1: unknown"),
        ("", "{status: online", "`after`, line "),
        ("", "{\"status\": \"online\", \"discord_status\": \"online\"}", "is written one way or the other"),
        ("", &somebody, "this is the presence of somebody else"),
        ("", "[1, 2]", "`after`, line 1, column 1: `after` takes"),
        ("", "a: &a [x]\nb: [*a, *a]\n<<: *a", "`after`, line "),
        ("{status: x}", "{status: y}", "; `after`, line 1, column 10"),
    ] {
        let why = refused(&rules, &wanted(before, after));
        assert!(why.contains(expected), "{before} {after}: {why}");
    }
    // The words for what they are if they are not given.
    let words = Wanted { at: "Now".to_owned(), wait: " long enough ".to_owned(), ..wanted("", "online") };
    assert!(play(&rules, &Sender::new().unwrap(), &ada(), &words).is_ok());
    for (at, wait, expected) in [
        ("25:00", "", "`at`: `25:00` is no time of day (write it like `2026-11-24 21:30`"),
        ("21:30Z", "", "`at`: "),
        ("", "soon", "`wait`: "),
        ("", "8d", "`wait`: `8d` is too long (at most `7d`)"),
        ("", "99999w", "longer than ten years (at most `7d`)"),
    ] {
        let wrong = Wanted { at: at.to_owned(), wait: wait.to_owned(), ..wanted("", "online") };
        let why = refused(&rules, &wrong);
        assert!(why.contains(expected), "{at} {wait}: {why}");
    }
}

#[test]
fn input_that_would_grow_is_refused() {
    let rules = rules("  - {id: on, who: ada, when: went_online, send: screen}");
    let mut bomb = "a0: &a0 [xxxxxxxxxxxxxxxx, xxxxxxxxxxxxxxxx]\n".to_owned();
    for at in 1..20 {
        let _ = writeln!(bomb, "a{at}: &a{at} [*a{0}, *a{0}, *a{0}]", at - 1);
    }
    assert!(refused(&rules, &wanted("", &bomb)).contains("aliases grow too large"));
    let deep = "[".repeat(30_000);
    let why = refused(&rules, &wanted("", &deep));
    assert!(why.contains("recursion limit exceeded"), "{why}");
}

#[test]
fn what_takes_too_long_is_given_up() {
    let rules = rules(
        r"  - {id: clock, who: ada, while: now.minute < 30, enter: {to: screen, text: on}, exit: {to: screen, text: off}}",
    );
    let asked = reading::Asked { after: "online", wait: "3h", ..reading::Asked::default() };
    let trial = reading::read(&rules.rules, UserId(7), asked, 1_767_225_600_000).unwrap();
    assert!(trial::play(&rules.rules, &trial, Arc::new(|| false)).is_none());
    let steps = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&steps);
    let count = Arc::new(move || counted.fetch_add(1, Ordering::Relaxed) >= 0);
    let all = trial::play(&rules.rules, &trial, count).unwrap();
    assert_eq!((all.broken_off, all.until, all.rules[0].rings.len()), (false, Duration::from_hours(3), 7));
    let go_on = Arc::new(move || steps.fetch_sub(1, Ordering::Relaxed) > 10);
    let some = trial::play(&rules.rules, &trial, go_on).unwrap();
    assert!(some.broken_off && some.until < Duration::from_hours(3), "{some:?}");
}

#[test]
fn what_one_change_makes_too_much_of_is_given_up() {
    let many = |at| {
        format!(
            "  - {{id: r{at}, who: ada, when: changed_kv, send: {{to: screen, text: \"{{{{json kv}}}}\"}}}}\n"
        )
    };
    let rules = rules(&(0..200).map(many).collect::<String>());
    let kv: Vec<String> = (0..60).map(|key| format!("\"k{key}\":\"{}\"", "v".repeat(500))).collect();
    let after = format!("{{\"discord_status\":\"online\",\"kv\":{{{}}}}}", kv.join(","));
    let asked = reading::Asked { before: "online", after: &after, ..reading::Asked::default() };
    let trial = reading::read(&rules.rules, UserId(7), asked, 1_767_225_600_000).unwrap();
    // 12,000 messages of 30 KiB each.
    let tried = trial::play(&rules.rules, &trial, Arc::new(|| true)).unwrap();
    assert!(tried.broken_off && tried.flooded, "{} {}", tried.broken_off, tried.flooded);
    let asked = AtomicI64::new(5_000);
    let go_on = Arc::new(move || asked.fetch_sub(1, Ordering::Relaxed) > 0);
    assert!(trial::play(&rules.rules, &trial, go_on).unwrap().broken_off, "within one observation");
}

/// One target of each kind, and what in it is secret.
const TARGETS: &str = r#"
targets:
  webhook: {type: webhook, url: "https://user1:Pw%2Fsecret1@key-host1.example/HOOKSECRET1/x?sig=SIGSECRET1", headers: {X-Api-Key: "${SECRET_KEY}", Authorization: "Bearer BEARERSECRET1"}, query: {k: QUERYSECRET1}, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
  basic: {type: webhook, url: "http://homeassistant.local:8123/", headers: {authorization: "Basic bWU6QkFTSUNTRUNSRVQ="}}
  variable: {type: webhook, url: "https://hooks.example/${SECRET_PATH}", method: PUT}
  slack: {type: slack, url: "https://hooks.slack.com/services/T0SLACK/B0SLACK/SLACKSECRET1"}
  discord: {type: discord, url: "https://discord.com/api/webhooks/123456789/DISCORDSECRET1", thread_id: "987654321"}
  ntfy: {type: ntfy, server: "https://ntfy-secret-host.example", topic: NTFYSECRET1, token: tk_NTFYSECRET2}
  ntfy-login: {type: ntfy, topic: doorbell, user: ntfyuser, password: NTFYSECRET3}
  house: {type: home_assistant, url: "http://192.168.1.5:8123", token: HASECRET1}
  house-hook: {type: home_assistant, url: "https://abcdefgh.ui.nabu.casa", webhook_id: HASECRET2}
  gotify: {type: gotify, url: "https://gotify.example/GOTIFYPATH1", token: GOTIFYSECRET1}
  telegram: {type: telegram, token: "123456:TELEGRAMSECRET1", chat_id: "-1001234567890"}
  mattermost: {type: mattermost, url: "https://chat.example/hooks/MMSECRET1"}
  teams: {type: teams, url: "https://prod-1.westeurope.logic.azure.com/workflows/TEAMSSECRET1/triggers/manual/paths/invoke?sig=TEAMSSECRET2"}
  matrix: {type: matrix, server: "https://matrix.example", token: MATRIXSECRET1, room: "!ROOMSECRET1:matrix.example"}
  pushover: {type: pushover, token: PUSHOVERSECRET1, user: PUSHOVERSECRET2}
  apprise: {type: apprise, url: "http://apprise:8000", key: APPRISESECRET1}
  apprise-urls: {type: apprise, url: "http://apprise:8000", urls: "tgram://APPRISESECRET2/1,json://me:APPRISESECRET3@host"}
  screen: {type: console}
rules:
  - id: all
    who: ada
    when: started_playing
    send:
      - webhook
      - {to: webhook, json: {name: "{{playing.name}}", key: "x ${SECRET_KEY} y"}, path: "people/{{user.name}}.x/{{playing.name}} y", query: {who: "${SECRET_KEY}"}, headers: {x-more: HEADERSECRET1}}
      - {to: webhook, form: {a: "{{playing.name}} ${SECRET_KEY}"}}
      - {to: basic, body: "<p>${SECRET_KEY}</p>", content_type: text/html}
      - {to: variable, body: "{\"b\": \"${SECRET_KEY}\", \"a\": \"{{playing.name}}\"}"}
      - {to: slack, text: "${SECRET_KEY} {{playing.name}}"}
      - discord
      - ntfy
      - ntfy-login
      - {to: house, service: light.turn_on, data: {entity_id: light.desk}}
      - {to: house-hook, json: {a: HASECRET2}}
      - gotify
      - telegram
      - mattermost
      - teams
      - matrix
      - pushover
      - apprise
      - apprise-urls
      - {to: screen, text: "${SECRET_KEY} {{playing.name}}"}
"#;

const SECRETS: [&str; 33] = [
    "user1",
    "Pw/secret1",
    "key-host1",
    "HOOKSECRET1",
    "SIGSECRET1",
    "BEARERSECRET1",
    "QUERYSECRET1",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "BASICSECRET",
    "me:BASICSECRET",
    "T0SLACK",
    "SLACKSECRET1",
    "DISCORDSECRET1",
    "987654321",
    "ntfy-secret-host",
    "NTFYSECRET",
    "HASECRET",
    "nabu.casa",
    "GOTIFYPATH1",
    "GOTIFYSECRET1",
    "TELEGRAMSECRET1",
    "1001234567890",
    "MMSECRET1",
    "TEAMSSECRET",
    "MATRIXSECRET1",
    "ROOMSECRET1",
    "PUSHOVERSECRET",
    "APPRISESECRET",
    "HEADERSECRET1",
    "Zq9/SECRET_KEY+T0P=\"x",
    "Zq9/SECRET_PATH+T0P=\"x",
    "T0P=",
    "Zq9",
];

/// A secret in the ways in which a request may spell it.
fn spellings(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let html = secret.replace('"', "&quot;").replace('=', "&#x3D;");
    let hex: Vec<String> = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex = hex.concat();
    let encoded = crate::targets::address::encode(secret);
    let base64 = STANDARD.encode(secret);
    let plain = [secret, json.trim_matches('"'), &html, &hex, &encoded, base64.trim_end_matches('=')];
    let safe = URL_SAFE.encode(secret);
    plain.iter().map(ToString::to_string).chain([safe.trim_end_matches('=').to_owned()]).collect()
}

#[test]
fn no_secret_of_any_kind_of_target_is_told_however_it_is_spelled() {
    let value = tried(&in_force(TARGETS), &wanted("online", "{playing: Factorio}"));
    let answer = value.to_string();
    let lowered = answer.to_lowercase();
    for secret in SECRETS {
        for spelled in spellings(secret) {
            assert!(!lowered.contains(&spelled.to_lowercase()), "{secret} as {spelled}: {value:#}");
        }
        let twice = json!(json!(secret).to_string()).to_string();
        assert!(!answer.contains(twice.trim_matches(['"', '\\'])), "{secret}: {value:#}");
    }
    let messages = value["rules"][0]["rang"][0]["messages"].as_array().unwrap();
    let kinds: std::collections::BTreeSet<&str> =
        messages.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), crate::targets::KINDS.len(), "each kind has its secrets here: {kinds:?}");
    assert!(messages.iter().all(|message| message["unready"].is_null()), "{value:#}");
}

#[test]
fn requests_are_shown_as_they_would_be_sent_but_for_their_secrets() {
    let value = tried(&in_force(TARGETS), &wanted("online", "{playing: Factorio}"));
    let messages = value["rules"][0]["rang"][0]["messages"].as_array().unwrap();
    let told = |message: &Value| {
        let request = &message["request"];
        let body = request["body"].as_str().unwrap_or_default().chars().take(110).collect::<String>();
        let to = message["to"].as_str().unwrap();
        match message["line"].as_str() {
            Some(line) => format!("{to}: {line}"),
            None => format!(
                "{to}: {} {} {body}",
                request["method"].as_str().unwrap(),
                request["address"].as_str().unwrap()
            ),
        }
    };
    let shown: Vec<String> = messages.iter().map(told).collect();
    insta::assert_snapshot!(shown.join("\n"));
    let headers: Vec<String> = messages[0]["request"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| format!("{}: {}", header["name"].as_str().unwrap(), header["value"].as_str().unwrap()))
        .collect();
    let headers = headers.join("\n").replace(crate::AGENT, "doorchime/VERSION");
    insta::assert_snapshot!(headers);
}

/// A short setting, or one that everybody's requests hold, is hidden where it stands and nowhere else: else what is
/// hidden could be told from where it is missing.
#[test]
fn what_is_secret_is_hidden_where_it_stands_and_nowhere_else() {
    let rules = r#"
targets:
  bell: {type: ntfy, server: "http://10.0.0.1", topic: doorchime}
  chat: {type: telegram, token: "1:abcdefgh", chat_id: "1"}
rules:
  - {id: on, who: ada, when: went_online, send: [{to: bell, message: "${SECRET_KEY} 1"}, {to: chat, text: "{{upper rule}} 1 of 1"}]}
"#;
    let value = tried(&in_force(rules), &wanted("", "online"));
    let messages = value["rules"][0]["rang"][0]["messages"].as_array().unwrap();
    let body = |at: usize| -> Value {
        serde_json::from_str(messages[at]["request"]["body"].as_str().unwrap()).unwrap()
    };
    assert_eq!(body(0), json!({"topic": "[secret]", "message": "${SECRET_KEY} 1"}));
    assert_eq!((&body(1)["chat_id"], &body(1)["text"]), (&json!("[secret]"), &json!("ON 1 of 1")));
    let headers = messages[0]["request"]["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({"name": "user-agent", "value": crate::AGENT})), "{headers:?}");
}
