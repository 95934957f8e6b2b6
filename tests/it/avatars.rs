//! Pictures of people, handed on by a running bot from a CDN that is played.

use std::net::SocketAddr;

use doorchime::presence::model::UserId;
use doorchime::presence::writing::{PresenceJson, called};
use doorchime::simulator::receiver::{Heard, Play};
use doorchime::web::avatars::source::PICTURE_BYTES_MAX;

use crate::home::{Bot, Home};
use crate::web::ask;

/// People by the picture that they have; the last one is in the file, and Lanyard does not know them.
const PEOPLE: [(&str, &str); 12] = [
    ("pictured", "a_0123456789abcdef0123456789abcdef"),
    ("gone", "gone"),
    ("page", "page"),
    ("drawing", "drawing"),
    ("huge", "huge"),
    ("endless", "endless"),
    ("moved", "moved"),
    ("empty", "empty"),
    ("sly", "../../secret?x="),
    ("none", ""),
    ("tardy", "tardy"),
    ("stranger", ""),
];

fn id(name: &str) -> UserId {
    let at = PEOPLE.iter().position(|(person, _)| *person == name).unwrap();
    UserId(800_000_000_000_000_000 + at as u64)
}

fn picture(kind: &str, body: &str) -> Play {
    Play::Answer { status: 200, headers: vec![("content-type", kind.to_owned())], body: body.to_owned() }
}

fn cdn(heard: &Heard) -> Play {
    let name = heard.path.rsplit('/').next().unwrap();
    match name.split('.').next().unwrap() {
        "page" => picture("text/html", "<script>alert(1)</script>"),
        "drawing" => picture("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        "huge" => picture("image/png", &"x".repeat(PICTURE_BYTES_MAX + 1)),
        "endless" => Play::HalfAnswer { status: 200, beginning: "x".repeat(2 * PICTURE_BYTES_MAX) },
        "moved" => Play::header(302, "location", "/cdn/avatars/800000000000000000/elsewhere.webp"),
        "empty" => picture("image/png", ""),
        "tardy" => Play::Silence,
        "gone" => Play::status(404),
        _ => picture("Image/WebP; charset=binary", "a picture"),
    }
}

struct Gallery {
    home: Home,
    at: SocketAddr,
    bot: Bot,
}

impl Gallery {
    async fn open(avatars: &str) -> Self {
        let people: Vec<String> = PEOPLE.iter().map(|(name, _)| format!("{name}: {}", id(name))).collect();
        let rules = format!(
            "lanyard: {{url: \"LANYARD\"}}\npeople: {{{}}}\ntargets: {{screen: {{type: console}}}}\nrules: \
             [{{id: r, who: everyone, when: went_online, send: {{to: screen, text: x}}}}]\n",
            people.join(", ")
        );
        let home = Home::new(&rules, cdn).await;
        for (name, avatar) in &PEOPLE[..PEOPLE.len() - 1] {
            let mut user = called(&format!("{name} <script>&\"\u{202e}"));
            user.avatar = (*avatar).into();
            home.lanyard.set(&PresenceJson::new(id(name)).user(user).status("online"));
        }
        let avatars = avatars.replace("CDN", &home.receiver.url("/cdn/"));
        let (bot, address) = home.start_listening_with(&["--avatars", &avatars]).await;
        let first = format!("/api/v1/people/{}", id("tardy"));
        home.until_said(&address, &first, |said| said.contains("\"live\"")).await;
        Self { home, at: address.parse().unwrap(), bot }
    }

    /// The head and the body of an answer.
    async fn get(&self, path: &str) -> (String, String) {
        let answer = ask(self.at, &format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        (head.to_owned(), body.to_owned())
    }

    async fn of(&self, name: &str) -> (String, String) {
        let (head, body) = self.get(&format!("/avatar/{}", id(name))).await;
        assert!(head.starts_with("HTTP/1.0 200"), "{name}: {head}");
        (head, body)
    }

    /// That a picture is drawn for somebody, with this letter, and how long it is kept.
    async fn draws(&self, name: &str, letter: &str) -> u64 {
        let (head, body) = self.of(name).await;
        assert!(head.contains("content-type: image/svg+xml"), "{name}: {head}");
        assert!(
            body.starts_with("<svg xmlns=") && body.contains(&format!(">{letter}</text>")),
            "{name}: {body}"
        );
        assert!(!body.contains("script") && !body.contains("style"), "{body}");
        let kept = head.split("cache-control: private, max-age=").nth(1).unwrap();
        kept.split("\r\n").next().unwrap().parse().unwrap()
    }

    /// What the CDN was asked for.
    fn asked(&self) -> Vec<String> {
        self.home.receiver.heard().into_iter().map(|heard| heard.path).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_fetched_once_and_kept() {
    let gallery = Gallery::open("CDN").await;
    for _ in 0..3 {
        let (head, body) = gallery.of("pictured").await;
        assert!(head.contains("content-type: image/webp\r\n") && body == "a picture", "{head}\n{body}");
        assert!(head.contains("cache-control: private, max-age=3600\r\n"), "{head}");
    }
    let (id, hash) = (id("pictured"), PEOPLE[0].1);
    assert_eq!(gallery.asked(), [format!("/cdn/avatars/{id}/{hash}.webp?size=64")]);
    let heard = &gallery.home.receiver.heard()[0];
    assert_eq!((heard.method.as_str(), heard.header("cookie"), heard.header("referer")), ("GET", None, None));
    assert!(gallery.bot.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_not_handed_on_and_not_asked_for_again() {
    let gallery = Gallery::open("CDN").await;
    for _ in 0..2 {
        for name in ["gone", "page", "drawing", "huge", "endless", "moved", "empty"] {
            let letter = name[..1].to_uppercase();
            assert_eq!(gallery.draws(name, &format!("{letter}S")).await, 20, "{name}");
        }
        assert_eq!(gallery.draws("none", "NS").await, 600);
        assert_eq!(gallery.draws("sly", "SS").await, 600);
        assert_eq!(gallery.draws("stranger", "S").await, 600);
    }
    let asked = gallery.asked();
    assert_eq!(asked.len(), 7, "{asked:?}");
    assert!(!asked.iter().any(|path| path.contains("elsewhere") || path.contains("secret")), "{asked:?}");
    for stranger in
        ["/avatar/1", "/avatar/stranger", "/avatar/", "/avatar/1/2", "/avatar/..%2f1", "/avatar/-1"]
    {
        let (head, _) = gallery.get(stranger).await;
        assert!(
            head.starts_with("HTTP/1.0 404") && head.contains("cache-control: no-store"),
            "{stranger}: {head}"
        );
    }
    assert_eq!(gallery.asked().len(), 7);
    assert!(gallery.bot.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_that_does_not_answer_holds_up_nobody_twice() {
    let gallery = Gallery::open("CDN").await;
    gallery.of("pictured").await;
    // It is asked once; then all others are drawn at once, and what is here is shown.
    assert_eq!(gallery.draws("tardy", "TS").await, 20);
    for _ in 0..2 {
        for name in ["tardy", "gone", "endless"] {
            assert_eq!(gallery.draws(name, &format!("{}S", name[..1].to_uppercase())).await, 20);
        }
    }
    assert_eq!(gallery.of("pictured").await.1, "a picture");
    assert_eq!(gallery.asked().len(), 2);
    assert!(gallery.bot.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_to_be_asked_all_are_drawn() {
    let gallery = Gallery::open("none").await;
    assert_eq!(gallery.draws("pictured", "PS").await, 600);
    assert_eq!(gallery.draws("tardy", "TS").await, 600);
    assert_eq!(gallery.asked(), [""; 0]);
    assert!(gallery.bot.stop().await.success());
}
