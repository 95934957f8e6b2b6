//! Strangers who write markup, scripts and templates wherever Discord and Lanyard let them.

use doorchime::presence::model::User;
use doorchime::presence::writing::PresenceJson;
use serde_json::json;

use super::checks::{contrast, fits_a_phone, harmless};
use super::page::At;
use super::town::{ALICE, Town};

/// What each of them would do if it were more than text.
const SPELLS: [&str; 10] = [
    "<script>window.hit = 1</script>",
    "</script></style></title></main><script>window.hit = 2</script>",
    "<img src=x onerror=\"window.hit = 3\">",
    "\" autofocus onfocus=\"window.hit = 4\" x=\"",
    "' onmouseover='window.hit = 5' x='",
    "<svg><animate onbegin=window.hit=6 attributeName=x dur=1s>",
    "javascript:window.hit=7",
    "{{constructor.constructor('window.hit = 8')()}} {{{this}}} ${window.hit=9} <%= 1 %>",
    "<iframe srcdoc='<script>parent.hit = 10</script>'></iframe><base href=//evil.example/><meta http-equiv=refresh content='0;url=//evil.example'>",
    "\u{202e}\u{2066}txt.exe\u{200f}\u{2028}\u{0}\u{1b}[2J",
];

fn evil(spell: &str, mood: &str) -> PresenceJson {
    let long = spell.repeat(4000 / spell.len() + 1);
    let user = User {
        username: spell.to_owned().into(),
        global_name: spell.to_owned().into(),
        display_name: spell.to_owned().into(),
        avatar: spell.to_owned().into(),
        ..User::default()
    };
    let more = json!({
        "details": long, "state": spell, "url": spell, "application_id": spell,
        "assets": {"large_image": spell, "large_text": spell, "small_image": spell, "small_text": spell},
        "emoji": {"name": spell, "id": spell}, "buttons": [spell], "party": {"id": spell},
    });
    PresenceJson::new(ALICE)
        .user(user)
        .status("online")
        .doing(0, spell, more.clone())
        .doing(1, spell, more.clone())
        .doing(4, "Custom Status", json!({"id": "custom", "state": long, "emoji": {"name": spell}}))
        .listening(spell, spell, &long)
        .kv(&spell.chars().filter(char::is_ascii_alphanumeric).collect::<String>(), spell)
        .kv(spell, mood)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_write_is_text_and_nothing_else() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("hostile") else { return };
    page.open("/");
    page.until_says(At::Css("#live"), "live");
    for (turn, spell) in SPELLS.iter().enumerate() {
        // First into a page that is open, then into each view as it is loaded.
        let mood = format!("turn {turn}");
        let elements = |word: &str| page.run(&format!("return document.querySelectorAll('{word}').length"));
        town.home.lanyard.set(&evil(spell, &mood));
        let card = format!("#person-{ALICE}");
        let shown: String = spell.chars().take_while(char::is_ascii_graphic).collect();
        page.until_says(At::Css(&card), &shown);
        harmless(&page, &format!("live: {spell}"));
        assert_eq!((elements("main"), elements("body > *")), (json!(1), json!(6)), "{spell}");
    }
    // All of them at once in every view.
    let all = SPELLS.concat();
    town.home.lanyard.set(&evil(&all, "last"));
    town.home.until_said(&town.address, "/api/v1/activity", |said| said.contains("\"last\"")).await;
    for (view, path) in town.views() {
        page.open(&path);
        harmless(&page, view);
    }
    page.open("/?view=activity");
    assert!(page.text_at(At::Css(".entries")).contains(SPELLS[2]), "{}", page.text());
    page.picture("activity");
    contrast(&page, "activity");
    page.on_a_phone();
    for (view, path) in town.views() {
        page.open(&path);
        fits_a_phone(&page, view);
    }
    page.open("/");
    page.picture("people-phone");
    page.leave_after("person=alcie");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_an_address_is_text_and_nothing_else() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("addresses") else { return };
    let backwards: Vec<&str> = SPELLS.into_iter().rev().collect();
    for spell in [SPELLS.concat(), backwards.concat()] {
        let written: String =
            spell.bytes().fold(String::new(), |so_far, byte| so_far + &format!("%{byte:02X}"));
        for path in [
            format!("/?view={written}"),
            format!("/?{written}=1"),
            format!("/?view=people&person={written}"),
            format!("/?view=people&after={written}"),
            format!("/?view=rules&rule={written}"),
            format!("/?view=activity&person=alice&rule={written}"),
            format!("/?view=deliveries&target={written}&state=dead"),
            format!("/?view=deliveries&delivery={written}"),
        ] {
            page.open(&path);
            harmless(&page, &path);
        }
    }
}
