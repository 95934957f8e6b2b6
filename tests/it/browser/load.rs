//! Ten thousand people and a hundred updates a second: the page stays one that can be used, and asks no more of
//! the bot than when little happens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doorchime::clock::Clock;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::Play;

use super::page::{At, Page};
use crate::home::{Home, people};

const PEOPLE: u64 = 10_000;
const PAUSE: Duration = Duration::from_millis(10);

/// For how long each view is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Generous: both cores of a small machine may be busy with other tests.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const ELEMENTS_MAX: u64 = 4000;
const HEAP_BYTES_MAX: f64 = 30e6;

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0s, listening: 0s, activity: 0s}
targets: {hook: {type: webhook, url: RECEIVER}}
rules:
  - {id: never, who: everyone, when: [changed_status, changed_activity], if: 'user.name == "nobody"', send: hook}
  - {id: often, who: everyone, when: changed_kv, send: hook}
"#;

fn somebody(number: u64, turn: u64) -> PresenceJson {
    let id = people(number + 1).last().unwrap();
    let presence = PresenceJson::new(id).named(&format!("Somebody {number}"));
    let presence = presence.status(["online", "idle", "dnd"][(turn % 3) as usize]);
    let presence = presence.playing_at("Factorio", "Nauvis", &format!("Rocket {turn}"));
    if turn.is_multiple_of(10) { presence.kv("turn", &turn.to_string()) } else { presence }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_stays_usable_however_much_happens() {
    let home = Home::new(RULES, |_| Play::status(204)).await;
    for number in 0..PEOPLE {
        home.lanyard.set(&somebody(number, 1));
    }
    let (_bot, address) = home.start_listening().await;
    let all = format!("doorchime_lanyard_seen_total {PEOPLE}");
    home.until_said(&address, "/metrics", |said| said.contains(&all)).await;
    let Some(page) = Page::new("load", &address) else { return };
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            // Mostly those whom the page shows, since nothing else would move on it.
            for turn in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                home.lanyard
                    .set(&somebody(if turn % 4 == 0 { turn * 7919 % PEOPLE } else { turn % 60 }, turn));
                std::thread::sleep(PAUSE);
            }
        });
        // Also where the looking fails.
        let _done = Done(&done);
        look(&page);
    });
    page.leave();
}

#[expect(clippy::print_stdout, reason = "how near each bound is")]
fn look(page: &Page) {
    let clock = Clock::start();
    page.open("/");
    page.until_says(At::Css("#live"), "live");
    for view in ["Rules", "Activity", "Deliveries", "People"] {
        let clicked = clock.now().mono;
        page.click(At::Link(view));
        page.until_says(At::Css("h1"), view);
        let took = clock.now().mono.saturating_sub(clicked);
        assert!(took < ANSWER_MAX, "{view} takes {took:?}");

        // Pictures are asked for once, as they come into sight.
        let asked_so_far = || page.asked().iter().filter(|url| !url.contains("/avatar/")).count();
        let asked = asked_so_far();
        let began = clock.now().mono;
        std::thread::sleep(LOOK);
        let asked = asked_so_far() - asked;
        let seconds = clock.now().mono.saturating_sub(began).as_secs_f64();
        // One look a second, and the one event stream.
        assert!(asked as f64 <= 2.0 * seconds + 3.0, "{view}: {asked} requests in {seconds:.1} s");
        let late = page.run(
            "return new Promise(done => { const from = performance.now(); setTimeout(() => done(performance.now() - from), 0) })",
        );
        assert!(late.as_f64().unwrap() < 2000.0, "{view}: busy for {late} ms");
        let elements = page.run("return document.querySelectorAll('*').length").as_u64().unwrap();
        assert!(elements < ELEMENTS_MAX, "{view}: {elements} elements");
        let heap = page.heap_bytes();
        assert!(heap < HEAP_BYTES_MAX, "{view}: {heap} bytes");
        println!(
            "{view}: there after {took:?}, {asked} requests in {seconds:.1} s, {elements} elements, {heap} bytes"
        );
    }
    page.picture("people");
    // What happens is really seen, not only borne.
    let first = page.text_at(At::Css(".cards"));
    page.until("people move", |page| page.text_at(At::Css(".cards")) != first);
}

/// Says that it is over when it is dropped.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
