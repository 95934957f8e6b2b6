//! `check` and `send`, against servers that say yes and servers that say no.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::server::Simulator;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};

use crate::program::{Ran, doorchime, run};

async fn ran(here: &Path, args: &[&str]) -> Ran {
    let (here, args) = (here.to_owned(), args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
    spawn_blocking(move || run(&here, args)).await.unwrap()
}

/// A server on loopback that lives as long as the set.
async fn serve(router: Router, servers: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
    at
}

#[test]
fn mistakes_are_findings_and_no_file_is_not() {
    let here = tempdir().unwrap();
    let none = run(here.path(), ["check"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    for told in ["rules.yaml", "/etc/doorchime/rules.yaml", "doorchime init"] {
        assert!(none.err.contains(told), "{}", none.err);
    }
    assert_eq!(run(here.path(), ["check", "elsewhere.yaml"]).code, Some(2));
    fs::write(here.path().join("rules.yaml"), "people: {ada: 94490510688792576}\ntargts: {}\n").unwrap();
    let wrong = run(here.path(), ["check"]);
    assert_eq!(wrong.code, Some(1));
    for told in ["rules.yaml:2:1", "unknown key `targts`", "did you mean `targets`?", "error"] {
        assert!(wrong.out.contains(told), "{told}: {}", wrong.out);
    }
    assert!(!wrong.out.contains('\u{1b}'), "colours in a pipe: {:?}", wrong.out);
    let wrong = run(here.path(), ["check", "--json"]);
    let told: Value = serde_json::from_str(&wrong.out).unwrap();
    assert_eq!((wrong.code, &told["ok"]), (Some(1), &json!(false)));
    assert_eq!(
        (&told["problems"][0]["line"], &told["problems"][0]["severity"]),
        (&json!(2), &json!("error"))
    );
    for command in [&["run"][..], &["send", "phone"]] {
        let ran = run(here.path(), command);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{command:?}");
        assert!(ran.err.contains("unknown key `targts`"), "{command:?}: {}", ran.err);
    }
}

#[test]
fn a_file_can_be_piped() {
    let here = tempdir().unwrap();
    for (text, code, told) in [
        ("people: {ada: 94490510688792576}\ntargts: {}\n", 1, "<stdin>:2:1"),
        (include_str!("../../src/cli/starter.yaml"), 0, "<stdin> is fine"),
    ] {
        let mut check = doorchime(here.path(), ["check", "-"]);
        let mut child = check.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let out = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{out}");
        assert!(out.contains(told), "{out}");
    }
}

#[test]
fn a_test_of_one_target_wants_nothing_of_the_others() {
    let here = tempdir().unwrap();
    fs::write(
        here.path().join("rules.yaml"),
        "people: {ada: 94490510688792576}\n\
         targets:\n\
         \x20 screen: {type: console}\n\
         \x20 phone: {type: ntfy, topic: \"${NOT_SET_ANYWHERE}\"}\n\
         \x20 house: {type: home_assistant, url: http://127.0.0.1:9, webhook_id: x}\n\
         rules: [{id: r, who: ada, when: went_online, send: screen}]\n",
    )
    .unwrap();
    let screen = run(here.path(), ["send", "screen"]);
    assert_eq!((screen.code, screen.err.as_str()), (Some(0), ""), "{}", screen.out);
    let phone = run(here.path(), ["send", "phone"]);
    assert_eq!(phone.code, Some(2));
    assert!(phone.err.contains("NOT_SET_ANYWHERE"), "{}", phone.err);
    let house = run(here.path(), ["send", "house"]);
    assert_eq!(house.code, Some(1));
    assert!(house.err.contains("webhook_id") && !house.err.contains("phone"), "{}", house.err);
}

#[test]
fn the_schema_is_json() {
    let ran = run(Path::new("."), ["schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(schema["$schema"].is_string() && schema["properties"]["rules"].is_object(), "{schema:#}");
}

#[tokio::test]
async fn online_asks_lanyard_and_the_targets() {
    let here = tempdir().unwrap();
    let lanyard = Simulator::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    lanyard.set(&PresenceJson::new(UserId(94_490_510_688_792_576)).named("Ada"));
    let mut servers = JoinSet::new();
    let well = Router::new().route("/v1/health", get(|| async { r#"{"healthy":true}"# }));
    let well = serve(well, &mut servers).await;
    let strict =
        Router::new().fallback(|| async { (StatusCode::UNAUTHORIZED, "no such token: s3cr3t-t0ken") });
    let strict = serve(strict, &mut servers).await;
    let (url, free) =
        (lanyard.url(), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap());
    let rules = format!(
        "lanyard: {{url: \"{url}\"}}\n\
         people: {{ada: 94490510688792576, bob: 156114103033790464}}\n\
         targets:\n\
         \x20 phone: {{type: ntfy, server: \"http://{well}\", topic: t}}\n\
         \x20 house: {{type: home_assistant, url: \"http://{strict}\", token: s3cr3t-t0ken}}\n\
         \x20 tablet: {{type: gotify, url: \"http://{free}\", token: Axxxxxxxxxxxxxx}}\n\
         \x20 screen: {{type: console}}\n\
         rules: [{{id: r, who: [ada, bob], when: went_online, send: [phone, house, tablet, screen]}}]\n"
    );
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    let told = ran(here.path(), &["check", "--online"]).await;
    assert_eq!(told.code, Some(1), "{}", told.err);
    for line in [
        "ada     monitored",
        "bob     not monitored",
        "phone   well",
        "house   answered 401",
        "tablet  connection refused",
    ] {
        assert!(told.out.contains(line), "{line}: {}", told.out);
    }
    assert!(told.out.contains("has to join https://discord.gg/lanyard"), "{}", told.out);
    assert!(!told.out.contains("s3cr3t"), "{}", told.out);
    let told = ran(here.path(), &["check", "--online", "--json"]).await;
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["online"]["people"][1], json!({"name": "bob", "ok": false, "said": "not monitored"}));
    assert_eq!(told["online"]["targets"][2]["ok"], json!(null), "{told:#}");
}

#[tokio::test]
async fn send_shows_what_a_target_says() {
    let here = tempdir().unwrap();
    let mut servers = JoinSet::new();
    let slack = Router::new()
        .route(
            "/services/good-and-secret",
            post(|body: String| async move {
                if body.contains("a &lt;!channel&gt; b") {
                    (StatusCode::OK, "ok")
                } else {
                    (StatusCode::BAD_REQUEST, "not so")
                }
            }),
        )
        .route(
            "/services/gone-and-secret",
            post(|| async { (StatusCode::NOT_FOUND, "no_service /services/gone-and-secret") }),
        )
        .route(
            "/services/moved-and-secret",
            post(|| async { (StatusCode::FOUND, [("location", "/services/good-and-secret")], "") }),
        );
    let at = serve(slack, &mut servers).await;
    let target =
        |name: &str| format!("  {name}: {{type: slack, url: \"http://{at}/services/{name}-and-secret\"}}\n");
    let rules = format!(
        "people: {{ada: 94490510688792576}}\ntargets:\n{}{}{}\
         rules: [{{id: r, who: ada, when: went_online, send: [good, gone, moved]}}]\n",
        target("good"),
        target("gone"),
        target("moved"),
    );
    fs::write(here.path().join("rules.yaml"), rules).unwrap();
    let good = ran(here.path(), &["send", "good", "--text", "a <!channel> b"]).await;
    assert_eq!((good.code, good.err.as_str()), (Some(0), ""), "{}", good.out);
    assert!(good.out.starts_with("good (slack): has it (HTTP 200, "), "{}", good.out);
    let gone = ran(here.path(), &["send", "gone"]).await;
    assert_eq!(gone.code, Some(1));
    assert!(
        gone.out.contains("not valid (any more) (HTTP 404, ") && gone.out.contains("no_service"),
        "{}",
        gone.out
    );
    assert!(!gone.out.contains("secret/") && !gone.out.contains("gone-and-secret"), "{}", gone.out);
    let moved = ran(here.path(), &["send", "moved", "--json"]).await;
    let told: Value = serde_json::from_str(&moved.out).unwrap();
    assert_eq!((moved.code, &told["ok"], &told["status"]), (Some(1), &json!(false), &json!(302)));
    assert!(told["said"].as_str().unwrap().contains("follows no redirects"), "{told}");
    let unknown = ran(here.path(), &["send", "god"]).await;
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""));
    assert!(unknown.err.contains("did you mean `good`?"), "{}", unknown.err);
}
