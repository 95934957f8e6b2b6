//! The door, in a browser: the token, the pass, and pages elsewhere.

use doorchime::simulator::receiver::{Heard, Play};
use serde_json::json;

use super::page::{At, Page};
use crate::home::Home;

const TOKEN: &str = "0123456789abcdef-token";

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576}
targets: {hook: {type: webhook, url: RECEIVER}}
rules:
  - {id: kv, who: alice, when: changed_kv, send: hook}
"#;

/// The receiver is a page elsewhere, which asks whoever its query names.
fn elsewhere(heard: &Heard) -> Play {
    let to = heard.path.split_once("?to=").map_or("", |(_, to)| to);
    let html = format!(
        "<!doctype html><title>elsewhere</title><form method=\"post\" action=\"http://{to}/-/reload\">\
         <button>Go</button></form><iframe src=\"http://{to}/healthz\"></iframe>"
    );
    Play::Answer { status: 200, headers: vec![("content-type", "text/html".to_owned())], body: html }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_door_and_a_wrong_one_does_not() {
    let home = Home::new(RULES, elsewhere).await;
    let (_bot, address) = home.start_listening_with(&["--token", TOKEN]).await;
    // Under a name that could be anybody's, as behind a proxy, reading needs the token, too.
    let address = address.replace("127.0.0.1", "bot.example");
    let Some(page) = Page::new("login", &address) else { return };
    page.open("/?view=rules");
    assert_eq!(page.title(), "doorchime");
    page.picture("door");
    page.on_a_phone();
    page.picture("door-phone");
    page.type_into(At::Css("#token"), "guess");
    page.click(At::Button("Enter"));
    page.until_says(At::Css("[role=alert]"), "This is not the token.");
    page.picture("wrong");
    page.type_into(At::Css("#token"), TOKEN);
    page.click(At::Button("Enter"));
    page.until("it is let in", |page| page.count(At::Css("#token")) == 0 && page.path() == "/?view=rules");
    let cookies = page.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let pass = &cookies[0];
    assert_eq!(
        (&pass["name"], &pass["httpOnly"], &pass["sameSite"]),
        (&json!("doorchime_pass"), &json!(true), &json!("Strict"))
    );
    assert!(!pass["value"].as_str().unwrap().contains(TOKEN));
    page.open("/api/v1/status");
    assert!(page.text().contains("\"ready\""), "{}", page.text());
    // What the browser says of a page that it was not let into, and of any page without TLS under such a name.
    let usual = |line: &String| ["401", "Cross-Origin-Opener-Policy"].iter().any(|word| line.contains(word));
    let console = page.console();
    assert!(console.iter().all(usual), "{console:#?}");
    page.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_neither_changes_nor_reads_anything() {
    let home = Home::new(RULES, elsewhere).await;
    let (_bot, address) = home.start_listening().await;
    let Some(page) = Page::new("elsewhere", &address) else { return };
    let (_, port) = home
        .receiver
        .url("")
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .unwrap();
    let there = format!("http://evil.example:{port}/?to={address}");
    page.open_elsewhere(&there);
    let fetched = page.run(&format!(
        "return fetch('http://{address}/api/v1/people').then(answer => answer.text(), error => String(error))"
    ));
    assert!(fetched.as_str().unwrap().contains("TypeError"), "{fetched}");
    let framed =
        page.run("try { return frames[0].document.body.innerText } catch (refused) { return refused.name }");
    assert_eq!(framed, "SecurityError");
    page.click(At::Button("Go"));
    page.until_says(At::Css("body"), "Pages elsewhere may not ask this.");
    assert_eq!(page.text_at(At::Css("a")), "Go on with doorchime's own page");
    assert!(!home.log().contains("rules read again"), "{}", home.log());
    // A name that somebody else has made to point here.
    page.open_elsewhere(&format!("http://evil.example:{}/", address.rsplit_once(':').unwrap().1));
    page.until_says(At::Css("body"), "This name could be anybody's: ask for localhost");
    page.picture("refused");
}
