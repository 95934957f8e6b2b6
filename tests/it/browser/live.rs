//! What changes while somebody looks: it is there without the page being loaded again, and nobody loses their
//! place.

use std::sync::atomic::Ordering;

use super::page::{At, Page};
use super::town::{ALICE, Town, alice, bob};

/// Still the page that was opened: whoever loads it again loses this.
fn is_the_same(page: &Page) -> bool {
    page.run("return window.opened === true") == true
}

fn open(page: &Page, path: &str) {
    page.open(path);
    page.run("window.opened = true");
    page.until_says(At::Css("#live"), "live");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_is_there_without_loading_again() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("live") else { return };
    open(&page, "/");
    let card = format!("#person-{ALICE}");
    page.run(&format!("document.querySelector('{card} h2 a').focus()"));
    page.type_into(At::Css("select[name=person]"), "al");
    town.home.lanyard.set(&alice().status("idle").playing("Tetris"));
    page.until_says(At::Css(&card), "Tetris");
    assert!(page.text_at(At::Css(&card)).contains("idle"));
    // Where somebody writes, nothing is taken from under their hands.
    assert_eq!(
        page.run("return document.activeElement.name + '=' + document.activeElement.value"),
        "person=alice"
    );
    page.run(&format!("document.querySelector('{card} h2 a').focus()"));
    town.home.lanyard.set(&alice().status("dnd"));
    page.until_says(At::Css(&card), "dnd");
    assert_eq!(page.run("return document.activeElement.textContent"), "Alice", "the focus is lost");

    // A song goes on by itself.
    let done = || page.run("return document.querySelector('progress').value").as_f64().unwrap();
    let before = done();
    page.until("the song goes on", |_| done() > before);
    assert!(is_the_same(&page));

    // Its own page, and that of a rule.
    open(&page, "/?view=people&person=alice");
    page.click(At::Css("#day-table summary"));
    town.home.lanyard.set(&alice().playing("Braid"));
    page.until_says(At::Css(".entries"), "Braid");
    // What somebody has opened stays open, and goes on.
    page.until_says(At::Css("#day-table"), "Braid");
    page.until("it is drawn", |page| page.count(At::Css(".bar.playing")) > 0);
    assert!(is_the_same(&page));
    open(&page, "/?view=rules&rule=gaming");
    town.home.lanyard.set(&alice());
    town.home.lanyard.set(&alice().playing("Braid"));
    page.until_says(At::Css(".gates"), "\"Braid\"");
    page.until("the firing is told", |page| page.count(At::Css(".entries .rings")) > 0);
    assert!(is_the_same(&page));
    page.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_is_told_as_it_comes_filtered_and_paused() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("activity") else { return };
    open(&page, "/?view=activity");
    let entries = At::Css(".entries");
    let first = At::Css(".entries > li:first-child");
    town.home.lanyard.set(&alice().kv("scene", "curtain"));
    page.until_says(entries, "curtain");
    page.click(At::Button("Pause"));
    page.until_says(At::Css("#live"), "paused");
    town.home.lanyard.set(&alice().kv("scene", "applause"));
    page.until_says(At::Css("#live"), "new");
    assert!(!page.text_at(entries).contains("applause"));
    page.picture("paused");
    page.click(At::Button("Go on"));
    page.until_says(entries, "applause");
    assert!(is_the_same(&page));

    page.type_into(At::Css("select[name=person]"), "bob");
    page.type_into(At::Css("select[name=rule]"), "heard");
    page.click(At::Button("Filter"));
    page.until("it is filtered", |page| page.path().contains("person=bob&rule=heard"));
    let told = page.text_at(entries);
    assert!(told.contains("heard") && !told.contains("applause"), "{told}");
    open(&page, &page.path());
    town.home.lanyard.set(&alice().kv("scene", "unheard"));
    town.home.lanyard.set(&bob().kv("mood", "fine"));
    page.until("Bob's is told", |page| page.text_at(entries).matches("heard").count() >= 2);
    assert!(page.text_at(first).contains("Bob"), "{}", page.text_at(first));
    assert!(!page.text_at(entries).contains("scene"), "{}", page.text_at(entries));
    page.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_sent_again_and_dropped_while_one_looks() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("deliveries") else { return };
    open(&page, "/?view=deliveries");
    let dead = format!("#delivery-{}", town.dead);
    let retry = format!("Retry delivery {}", town.dead);
    page.until_says(At::Css(&dead), "dead");
    let tried = || town.home.receiver.heard().iter().filter(|heard| heard.path == "/broken").count();
    // Still refused.
    page.click(At::Button(&retry));
    town.home.until("it is tried again", || tried() == 2).await;
    town.kind.store(true, Ordering::Relaxed);
    page.click(At::Button(&retry));
    page.until_says(At::Css(&dead), "delivered");
    // What has arrived is not sent again by one click.
    let arrived = tried();
    page.click(At::Css(&format!("#again-{} summary", town.dead)));
    page.until_says(At::Css(&dead), "will come twice");
    assert_eq!(tried(), arrived);
    page.click(At::Button(&format!("Send delivery {} once more", town.dead)));
    town.home.until("it is sent once more", || tried() == arrived + 1).await;
    page.until_says(At::Css(&dead), "delivered");
    assert!(is_the_same(&page));
    page.picture("delivered");
    page.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_goes_and_what_one_points_at_stays() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("dropped") else { return };
    for mood in ["worse", "worst"] {
        town.home.lanyard.set(&bob().kv("mood", mood));
    }
    open(&page, "/?view=deliveries&state=pending");
    page.until("all three wait", |page| page.count(At::Css(".delivery")) == 3);
    let numbers =
        page.run("return [...document.querySelectorAll('.delivery')].map(card => card.id.split('-')[1])");
    let number = |at: usize| numbers[at].as_str().unwrap().to_owned();
    let focused = || page.run("return document.activeElement.getAttribute('aria-label')");
    let drop = format!("Drop delivery {}", number(1));
    // It is asked for first, and stays open while one thinks.
    page.click(At::Css(&format!("#drop-{} summary", number(1))));
    page.run(&format!("document.querySelector('[aria-label=\"{drop}\"]').focus()"));
    // Somebody else drops the one above.
    let (status, said) =
        town.home.post(&town.address, &format!("/api/v1/deliveries/{}/drop", number(0))).await;
    assert_eq!(status, 200, "{said}");
    page.until("it goes", |page| page.count(At::Css(".delivery")) == 2);
    assert_eq!(focused(), drop.as_str(), "the focus is lost");
    page.click(At::Button(&drop));
    page.until("it goes, too", |page| page.count(At::Css(".delivery")) == 1);
    assert!(is_the_same(&page));
    // What arrives is no longer among what waits.
    town.kind.store(true, Ordering::Relaxed);
    page.click(At::Button(&format!("Send delivery {} now", number(2))));
    page.until_says(At::Css("main"), "Nothing of that kind");
    page.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_open_and_a_button_asks_for_the_token() {
    const TOKEN: &str = "0123456789abcdef-token";
    let town = Town::new(&["--token", TOKEN]).await;
    let Some(page) = town.page("token") else { return };
    let there = format!("/?view=deliveries&delivery={}", town.dead);
    open(&page, &there);
    let retry = format!("Retry delivery {}", town.dead);
    let before = town.home.receiver.heard().iter().filter(|heard| heard.path == "/broken").count();
    page.click(At::Button(&retry));
    page.type_into(At::Css("#token"), "wrong");
    page.click(At::Button("Enter"));
    page.until_says(At::Css("[role=alert]"), "not the token");
    page.type_into(At::Css("#token"), TOKEN);
    page.click(At::Button("Enter"));
    page.until("it is back", |page| page.count(At::Css("#main")) == 1 && page.path() == there);
    let tried = || town.home.receiver.heard().iter().filter(|heard| heard.path == "/broken").count();
    assert_eq!(tried(), before);
    page.click(At::Button(&retry));
    town.home.until("it is sent again", || tried() > before).await;
    let console = page.console();
    assert!(console.iter().all(|line| line.contains("401")), "{console:#?}");
    page.click(At::Button("Log out"));
    page.until_says(At::Css("footer"), "Log in");
    assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    page.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_was_away_is_followed_again() {
    let town = Town::new(&[]).await;
    let Some(page) = town.page("restart") else { return };
    open(&page, "/?view=people&person=alice");
    let town = town.restart().await;
    page.until("it is live again", |page| {
        town.home.lanyard.set(&alice().playing("Tetris"));
        page.text_at(At::Css("#live")) == "live" && page.text_at(At::Css("main")).contains("Tetris")
    });
    assert!(is_the_same(&page));
    // That it could not be reached for a while.
    let console = page.console();
    assert!(console.iter().all(|line| line.contains("ERR_")), "{console:#?}");
    page.leave();
}
