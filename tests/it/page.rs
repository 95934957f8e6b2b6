//! The page of a running bot as a browser gets it: what it says, and what nobody's text can do in it.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::Play;

use crate::home::{Bot, Home};

const ALICE: UserId = UserId(94_490_510_688_792_576);

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0s, listening: 0s, activity: 0s}
people: {alice: 94490510688792576, stranger: {id: "156114103033790464", name: Stranger}}
targets:
  hook: {type: webhook, url: "RECEIVER/T0PSECRET-PATH", headers: {authorization: "Bearer T0PSECRET-TOKEN"}}
  broken: {type: webhook, url: RECEIVER/broken}
rules:
  - {id: around, who: alice, while: online, enter: hook}
  - {id: gaming, who: alice, when: started_playing, if: 'playing.name == "Braid"', send: hook}
  - {id: refused, who: alice, when: changed_custom_status, send: {to: broken, body: "{{custom_status.text}}"}}
  - {id: everybody, who: everyone, when: became_unmonitored, send: hook}
  - {id: off, enabled: false, who: [alice, stranger], when: {went_offline: {from: dnd}}, send: hook, cooldown: 5m}
  - {id: soon, who: alice, while: online, for: 2h, enter: hook}
"#;

const SECRETS: [&str; 2] = ["T0PSECRET-PATH", "T0PSECRET-TOKEN"];

/// Every view, each with something in it.
const VIEWS: [&str; 16] = [
    "/",
    "/?view=people&person=alice",
    "/?view=people&person=stranger",
    "/?view=rules",
    "/?view=rules&rule=around",
    "/?view=rules&rule=gaming&person=alice",
    "/?view=rules&rule=everybody",
    "/?view=rules&after=around",
    "/?view=activity",
    "/?view=activity&person=alice&rule=",
    "/?view=deliveries",
    "/?view=deliveries&state=dead&target=broken",
    "/?view=try",
    "/?view=try&person=156114103033790464",
    "/?view=try&person=alice&example=song",
    "/try",
];

const SPOILERS: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>`{{7}}</title></main>\u{202e}";

struct Seen {
    home: Home,
    at: String,
    _bot: Bot,
}

impl Seen {
    async fn new() -> Self {
        let home =
            Home::new(RULES, |heard| Play::status(if heard.path == "/broken" { 403 } else { 204 })).await;
        home.lanyard.set(&alice());
        let (bot, at) = home.start_listening().await;
        let seen = Self { home, at, _bot: bot };
        seen.until("/?view=people&person=alice", "status online").await;
        seen
    }

    async fn until(&self, path: &str, says: &str) -> String {
        self.home.until_said(&self.at, path, |said| said.contains(says)).await
    }

    /// A page that is well made and holds no secret.
    async fn page(&self, path: &str) -> String {
        checked(path, self.home.ask(&self.at, path).await)
    }

    /// What the page answers when something is tried.
    async fn tried(&self, before: &str, after: &str, more: &[(&str, &str)]) -> (u16, String) {
        let fields = [&[("person", "alice"), ("before", before), ("after", after)], more].concat();
        let (status, page) = self.home.post_form(&self.at, "/try", &fields).await;
        (status, checked("/try", page))
    }
}

fn checked(path: &str, page: String) -> String {
    assert!(page.starts_with("<!doctype html>"), "{path}: {page}");
    assert!(page.trim_end().ends_with("</html>"), "{path}: {page}");
    assert!(SECRETS.iter().all(|secret| !page.contains(secret)), "{path}: {page}");
    well_nested(path, &page);
    page
}

fn alice() -> PresenceJson {
    PresenceJson::new(ALICE).status("online").named("Alice")
}

/// Each mark that is opened is closed in its turn, and each id is the only one of its name.
fn well_nested(path: &str, page: &str) {
    const ALONE: [&str; 5] = ["meta", "link", "img", "input", "!doctype"];
    let body = page.split("<script>").next().unwrap();
    let body = body.split("<style>").next().unwrap().to_owned() + body.split("</style>").nth(1).unwrap();
    let (mut open, mut ids) = (Vec::new(), std::collections::BTreeSet::new());
    for mark in body.split('<').skip(1) {
        let (mark, _) = mark.split_once('>').unwrap_or_else(|| panic!("{path}: {mark}"));
        let name = mark.split_whitespace().next().unwrap().trim_end_matches('/');
        if let Some(id) = mark.split(" id=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            assert!(ids.insert(id.to_owned()), "{path}: {id} twice");
        }
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed.to_owned()), "{path}: {open:?}\n{body}"),
            None if ALONE.contains(&name) || mark.ends_with('/') => {}
            None => open.push(name.to_owned()),
        }
    }
    // The script stands last in the body.
    assert_eq!(open, ["html", "body"], "{path}");
}

#[tokio::test]
async fn each_view_says_what_the_bot_knows() {
    let seen = Seen::new().await;
    let presence = alice().playing("Braid").custom("", "tea & cake");
    seen.home.lanyard.set(&presence);
    seen.until("/?view=deliveries&state=dead", "fate dead").await;
    for view in VIEWS {
        seen.page(view).await;
    }
    let says = async |path: &str, words: &[&str]| {
        let page = seen.page(path).await;
        for word in words {
            assert!(page.contains(word), "{path} says nothing of {word}: {page}");
        }
    };
    says(
        "/",
        &["<bdi>Alice</bdi>", "status online", "<bdi>Braid</bdi>", "tea &amp; cake", "Lanyard: connected"],
    )
    .await;
    says("/?view=people&person=alice", &["<code>started_playing</code>", "94490510688792576"]).await;
    says("/?view=rules", &["rule=around", "switched off", "Holds now", "since the start"]).await;
    says("/?view=rules&rule=around", &["No: it has begun already", "begun at <time", "class=\"gates\""])
        .await;
    says(
        "/?view=rules&rule=soon",
        &["Timers running", "<code>for</code> of <a ", "for another <time", ">1 h</time>"],
    )
    .await;
    says("/?view=rules&rule=everybody", &["asked about nobody yet"]).await;
    says("/?view=activity&rule=gaming", &["verdict rings", "rule=gaming"]).await;
    says("/?view=deliveries&target=broken", &["fate dead", "403", "Retry", "broken"]).await;
    says("/?view=deliveries&state=delivered", &["fate delivered", "Send once more"]).await;
    says(
        "/?view=people&person=alicf",
        &["did you mean <code>alice</code>?", "Go to <a href=\"/?view=people&amp;person=alice\">alice</a>."],
    )
    .await;
    says(
        "/?view=rules&rule=gamign",
        &["Go to <a href=\"/?view=rules&amp;rule=gaming\">gaming</a>.", ">all rules</a>"],
    )
    .await;
    says(
        "/?view=rules&rule=everybody",
        &["<input type=\"hidden\" name=\"rule\" value=\"everybody\">", "Ask</button>"],
    )
    .await;
    says("/?view=cellar", &["This cannot be asked", "data-follow=\"\""]).await;
    says(
        "/?view=deliveries&delivery=99999",
        &["<p role=\"alert\">There is no delivery <code>99999</code>.</p>", ">all deliveries</a>"],
    )
    .await;
}

#[tokio::test]
async fn a_button_does_its_work_and_leads_back() {
    let seen = Seen::new().await;
    seen.home.lanyard.set(&alice().custom("", "x"));
    seen.until("/?view=deliveries&state=dead", "fate dead").await;
    let page = seen.page("/?view=deliveries&state=dead").await;
    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(action.ends_with("/retry"), "{action}");
    let rung = seen.home.receiver.heard().len();
    let number = action.split('/').nth(2).unwrap();
    let (status, led_to) = seen.home.post(&seen.at, action).await;
    assert!(status == 200 && led_to.contains(&format!("<h1>Delivery {number}")), "{status} {led_to}");
    seen.home.until("it is sent again", || seen.home.receiver.heard().len() > rung).await;
    let page = seen.until(&format!("/?view=deliveries&delivery={number}"), "id=\"try-2\"").await;
    assert!(page.contains("403"), "{page}");
    // What has arrived is not sent again by a button that does not say so.
    let page = seen.page("/?view=deliveries&state=delivered").await;
    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let (status, said) = seen.home.post(&seen.at, action.split('?').next().unwrap()).await;
    assert!(status == 200 && said.contains("fate delivered") && !said.contains("id=\"try-2\""), "{said}");
    assert_eq!(seen.home.post(&seen.at, action).await.0, 200);
    let number = action.split('/').nth(2).unwrap();
    seen.until(&format!("/?view=deliveries&delivery={number}"), "id=\"try-2\"").await;
    // Whoever comes another way sees where the button is; nothing is anywhere else.
    let shown = seen.page(&format!("/deliveries/{number}/drop")).await;
    assert!(shown.contains(&format!("<h1>Delivery {number}</h1>")), "{shown}");
}

#[tokio::test]
async fn nobodys_text_is_more_than_text() {
    let seen = Seen::new().await;
    let presence = alice().named(SPOILERS).playing(SPOILERS).custom(SPOILERS, SPOILERS);
    seen.home.lanyard.set(&presence);
    seen.until("/?view=deliveries&state=dead", "fate dead").await;
    for view in VIEWS.into_iter().chain([
        "/?view=people&person=%3Cscript%3E",
        "/?%3Cscript%3E=1",
        "/?view=%22%3E%3Cb%3E",
    ]) {
        let page = seen.page(view).await;
        assert_eq!(page.matches("<script").count(), 1, "{view}: {page}");
        assert!(!page.contains("<img src=x") && !page.contains('\u{202e}'), "{view}: {page}");
    }
    let page = seen.page("/?view=activity").await;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
}

#[tokio::test]
async fn a_day_is_drawn_and_no_name_does_anything_in_it() {
    let seen = Seen::new().await;
    seen.home.lanyard.set(&alice().playing("Braid").listening(SPOILERS, SPOILERS, SPOILERS));
    seen.until("/?view=people&person=alice", "class=\"bar playing\"").await;
    seen.home.lanyard.set(&alice().playing(SPOILERS));
    for drawn in [">playing</text>", "short ones: "] {
        seen.until("/?view=people&person=alice", drawn).await;
    }
    // What rang is drawn once it is written down.
    let page = seen.until("/?view=people&person=alice", "<title>rang 2 times from ").await;
    for told in [
        "role=\"img\" aria-label=\"The last 24 hours",
        "<title>online: ",
        "<title>not watched: ",
        "class=\"bar listening\"",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<title>rang 2 times from ",
        "href=\"/?view=deliveries&amp;",
        "<details id=\"day-table\">",
    ] {
        assert!(page.contains(told), "it says nothing of {told}: {page}");
    }
    well_nested("the day", &page);
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(!page.contains("<img src=x") && !page.contains('\u{202e}'), "{page}");
    assert!(!page.contains(" style="), "no style but the page's own: {page}");
}

#[tokio::test]
async fn what_is_tried_is_answered_below_the_form() {
    let seen = Seen::new().await;
    seen.home.lanyard.set(&alice().playing("Factorio \"<b>").kv("k", "a: b"));
    seen.until("/?view=try&person=alice", "Factorio").await;
    let form = seen.page("/?view=try&person=alice").await;
    let now =
        "\nplatforms: [desktop]\nplaying: {name: &quot;Factorio \\&quot;&lt;b&gt;&quot;, application_id: ";
    // As they are now, and with a change that a rule looks for.
    assert_eq!(form.matches(now).count(), 2, "{form}");
    assert!(form.contains("kv: {k: &quot;a: b&quot;}"), "{form}");
    assert!(form.contains("list=\"person-known\" autocomplete=\"off\" value=\"alice\""), "{form}");
    let begins =
        "a <code>changed_custom_status</code>, which <a href=\"/?view=rules&amp;rule=refused\">refused</a>";
    assert!(form.contains(begins) && form.contains("\ncustom_status: back soon\n"), "{form}");
    let rung = seen.home.receiver.heard().len();

    let (status, page) = seen.tried("online", "status: online\r\nplaying: Braid", &[("at", "21:30")]).await;
    assert_eq!(status, 200, "{page}");
    for told in [
        "\nstatus: online\nplaying: Braid</textarea>",
        "value=\"21:30\"",
        "aria-label=\"Rule gaming\"",
        "<p>Rings at once.</p>",
        "/[secret]\nuser-agent: doorchime/",
        "\nauthorization: Bearer [secret]\n",
        "idempotency-key: 00000000-0000-7000-8000-000000000001",
        "  &quot;rule&quot;: &quot;gaming&quot;",
        "had begun before",
        "Nothing was sent",
    ] {
        assert!(page.contains(told), "it says nothing of {told}: {page}");
    }
    assert_eq!(seen.home.receiver.heard().len(), rung);

    for (before, after, more, status, told) in [
        ("", "", &[][..], 400, "<code>after</code> is empty"),
        ("online", "status: onlien", &[], 400, "<code>after</code>, line 1, column 9: unknown word"),
        ("online", "a: [", &[], 400, "<code>after</code>, line"),
        ("online", "idle", &[("at", "late"), ("wait", "<b>")], 400, "no time of day"),
        ("online", &*"x".repeat(65 << 10), &[], 413, "at most 64 KiB"),
    ] {
        let (got, page) = seen.tried(before, after, more).await;
        assert_eq!(got, status, "{page}");
        assert!(page.contains(told) && page.contains("role=\"alert\""), "{told}: {page}");
    }
    let (status, page) = seen.tried("x", &"\"".repeat(200 << 10), &[]).await;
    assert!(status == 413 && page.contains("Too much"), "{status} {page}");
    assert_eq!(seen.home.post_form(&seen.at, "/try", &[("then", "x")]).await.0, 400);
    let alike = seen.home.post_form(&seen.at, "/try", &[("person", "alcie"), ("after", "online")]).await;
    assert!(alike.0 == 404 && alike.1.contains("did you mean <code>alice</code>?"), "{}", alike.1);

    // Somebody's presence, pasted.
    let evil =
        alice().named(SPOILERS).playing(SPOILERS).custom(SPOILERS, SPOILERS).kv(SPOILERS, SPOILERS).json();
    let (status, page) = seen.tried("offline", &evil, &[]).await;
    assert_eq!((status, page.matches("<script").count()), (200, 1), "{page}");
    assert!(!page.contains("<img src=x") && !page.contains('\u{202e}'), "{page}");
}
