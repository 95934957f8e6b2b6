//! Each view: what it says, and whether everybody can read and reach it.

use super::checks::{by_keyboard, contrast, fits_a_phone, for_people, harmless, spoken};
use super::page::At;
use super::town::Town;

/// What a view says of the town, for those who read.
const SAYS: [(&str, &[&str]); 10] = [
    (
        "people",
        &[
            "Alice",
            "online",
            "Factorio",
            "Rocket silo",
            "rusty",
            "Bobby",
            "dnd",
            "Teardrop",
            "Massive Attack",
        ],
    ),
    (
        "person",
        &[
            "Alice",
            "In the rules",
            "User name",
            "Discord id",
            "94490510688792576",
            "The last 24 hours",
            "changed_kv",
            "Lately",
        ],
    ),
    ("unmonitored", &["A stranger", "Unmonitored", "discord.gg/lanyard"]),
    ("rules", &["around", "Holds now", "Timers running", "gaming", "switched off", "condition false"]),
    (
        "rule",
        &["gaming", "Would it ring now?", "No: if is false", "playing.name == \"Braid\"", "\"Factorio\""],
    ),
    ("activity", &["changed_kv", "movie", "started_playing", "gaming", "rings → hook delivered"]),
    ("deliveries", &["dead", "403", "delivered", "pending", "500", "moody", "rusty", "Send once more"]),
    ("delivery", &["Attempts", "403", "never", "rusty"]),
    ("try", &["What would ring", "how alice has been", "a changed_kv, which scene looks for", "at most 7d"]),
    ("refused", &["Not found", "There is no person alcie", "did you mean alice?", "Go on with all people"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_view_is_read_in_every_light_and_on_a_phone() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("views") else { return };
    for ((view, path), (_, words)) in town.views().zip(SAYS) {
        page.open(&path);
        let text = page.text();
        for word in words {
            assert!(text.contains(word), "{view} says nothing of {word}:\n{text}");
        }
        assert!(!text.contains("T0PSECRET"), "{view}: {text}");
        for_people(&page, view);
        for scheme in ["light", "dark"] {
            page.in_scheme(scheme);
            contrast(&page, &format!("{view}, {scheme}"));
            page.picture(&format!("{view}-{scheme}"));
        }
    }
    page.open("/?view=people&person=alice");
    page.click(At::Css("#day-table summary"));
    page.until_says(At::Css("#day-table"), "Factorio");
    spoken(&page, "day");
    by_keyboard(&page, "day");
    for scheme in ["dark", "light"] {
        page.in_scheme(scheme);
        contrast(&page, &format!("day, {scheme}"));
        page.picture(&format!("day-{scheme}"));
    }
    page.on_a_phone();
    fits_a_phone(&page, "day");
    for (view, path) in town.views() {
        page.open(&path);
        fits_a_phone(&page, view);
        page.picture(&format!("{view}-phone"));
    }
    page.leave_after("person=alcie");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_view_is_heard_and_reached_by_keyboard() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("reach") else { return };
    for (view, path) in town.views() {
        page.open(&path);
        spoken(&page, view);
        by_keyboard(&page, view);
        harmless(&page, view);
    }
    // What was refused follows nothing.
    let following = || page.asked().iter().filter(|url| url.contains("/api/v1/events")).count();
    let before = following();
    page.open("/?view=people&person=alcie");
    assert_eq!(page.run("return document.getElementById('pause').hidden"), true);
    assert_eq!(following(), before);
    // By the first key one is past what every view begins with.
    page.open("/?view=rules");
    page.press("\u{e004}\u{e007}");
    assert_eq!(page.run("return document.activeElement.id"), "main");
    page.leave_after("person=alcie");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_each_view_reads_and_each_button_works() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("without-script") else { return };
    page.without_script();
    for ((view, path), (_, words)) in town.views().zip(SAYS) {
        page.open(&path);
        let text = page.text();
        for word in words {
            assert!(text.contains(word), "{view} says nothing of {word}:\n{text}");
        }
        assert!(!text.contains("Pause"), "a button that does nothing: {text}");
    }
    page.open("/");
    page.click(At::Link("Activity"));
    page.type_into(At::Css("select[name=rule]"), "gaming");
    page.click(At::Button("Filter"));
    page.until_says(At::Css("main"), "Show all");
    assert!(!page.text_at(At::Css(".entries")).contains("changed_kv"), "{}", page.text());
    page.open(&format!("/?view=deliveries&delivery={}", town.dead));
    let before = town.home.receiver.heard().len();
    page.click(At::Button(&format!("Retry delivery {}", town.dead)));
    town.home.until("it is sent again", || town.home.receiver.heard().len() > before).await;
    page.until("it is shown", |page| page.path() == format!("/?view=deliveries&delivery={}", town.dead));
    // What takes something away asks first, and leads to what is left.
    page.open("/?view=deliveries&state=pending");
    let number = page.text_at(At::Css(".number"));
    assert!(!page.text().contains("is forgotten"), "{}", page.text());
    page.click(At::Css(&format!("#drop-{number} summary")));
    page.until_says(At::Css("main"), "is forgotten");
    page.picture("drop");
    page.click(At::Button(&format!("Drop delivery {number}")));
    page.until("the rest is shown", |page| page.path() == "/?view=deliveries");
    assert_eq!(page.count(At::Css(&format!("#delivery-{number}"))), 0);
    page.leave_after("person=alcie");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_ring_is_tried_and_nothing_is_sent() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("try") else { return };
    page.open("/?view=rules");
    page.click(At::Link("Try it"));
    page.until_says(At::Css("h1"), "Try it");
    let heard = town.home.receiver.heard().len();
    page.fill(At::Css("#before"), "{status: online}");
    page.fill(At::Css("#after"), "{status: online, playing: \"Braid\", custom_status: \"<b onclick=x>\"}");
    page.click(At::Button("Try it"));
    page.until_says(At::Css("#result"), "gaming");
    for (rule, becomes) in [("gaming", "rings"), ("said", "rings"), ("scene", "does not ring")] {
        let found = page.text_at(At::Css(&format!("[aria-label=\"Rule {rule}\"]")));
        assert!(found.contains(becomes), "{rule}: {found}");
    }
    for (scheme, name) in [("light", "result"), ("dark", "result-dark")] {
        page.in_scheme(scheme);
        contrast(&page, name);
        page.picture(name);
    }
    spoken(&page, "result");
    by_keyboard(&page, "result");
    harmless(&page, "result");
    page.on_a_phone();
    fits_a_phone(&page, "result");
    page.picture("result-phone");
    assert!(!page.text().contains("T0PSECRET"), "{}", page.text());
    // What cannot be read is said where it was written.
    page.fill(At::Css("#after"), "{status: awake}");
    page.click(At::Button("Try it"));
    page.until_says(At::Css("[role=alert]"), "awake");
    page.picture("mistake-phone");
    assert_eq!(
        town.home.receiver.heard().iter().skip(heard).filter(|heard| heard.path != "/moody").count(),
        0
    );
    page.leave_after("/try");
}
