//! The HTTP side against whoever can connect to it: real sockets that hold on to it, and whether others are heard.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use doorchime::web::places::Limits;
use doorchime::web::token::Token;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::web::{Door, ask};

/// More than there are places.
const CROWD: usize = 200;
const TOKEN: &str = "0123456789abcdef-token";

/// What somebody says first on connections that stay open, and how many of them there are.
async fn crowd(at: SocketAddr, many: usize, first: &str) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..many {
        crowd.push(hold(at, first).await);
    }
    crowd
}

async fn hold(at: SocketAddr, first: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let _ = stream.write_all(first.as_bytes()).await;
    stream
}

/// The answer to a request, which must not take long.
async fn soon(at: SocketAddr, request: &str) -> String {
    let answer = tokio::time::timeout(Duration::from_secs(5), ask(at, request)).await;
    answer.unwrap_or_else(|_| panic!("no answer: {request}"))
}

/// All that still comes over a connection, which must be closed before long.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut told)).await;
    assert!(closed.is_ok(), "not closed: {}", String::from_utf8_lossy(&told));
    String::from_utf8(told).unwrap()
}

/// Short enough for a test, and long enough for a machine that is busy.
fn impatient() -> Limits {
    let short = Duration::from_millis(500);
    Limits { head_max: short, body_max: short, idle_max: short, unread_max: short, ..Limits::default() }
}

const FOLLOWS: &str = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn whoever_keeps_connections_open_keeps_nobody_out() {
    for first in [
        // Nothing at all, a head that never ends, an answer after which nothing comes, one that says no, and a body
        // that never comes.
        "",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/v1/events HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ntoken=",
    ] {
        let door = Door::open("127.0.0.1", None).await;
        let crowd = crowd(door.at, CROWD, first).await;
        for path in ["/healthz", "/readyz", "/metrics"] {
            let answer = soon(door.at, &format!("GET {path} HTTP/1.0\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.0 "), "{first:?}: {answer}");
        }
        let other = soon(door.at, "GET /api/v1/openapi.json HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
        assert!(other.starts_with("HTTP/1.0 200"), "{first:?}: {other}");
        drop(crowd);
    }
}

#[tokio::test]
async fn where_everybody_is_being_answered_the_bot_still_says_how_it_is() {
    let limits = Limits { places: 3, reserve: 2, ..Limits::default() };
    let door = Door::open_within("127.0.0.1", None, limits).await;
    let followers = crowd(door.at, 3, FOLLOWS).await;
    for follower in &followers {
        follower.readable().await.unwrap();
    }
    let full = soon(door.at, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(full.starts_with("HTTP/1.1 503") && full.contains("all connections are taken"), "{full}");
    assert!(full.contains("retry-after: 5\r\n") && full.contains("connection: close\r\n"), "{full}");
    for (path, status) in [("/healthz", 200), ("/metrics", 200), ("/readyz", 503)] {
        let answer = soon(door.at, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    // Those who have nothing to ask give their places to those who do.
    let silent = crowd(door.at, 20, "").await;
    assert!(soon(door.at, "GET /healthz HTTP/1.0\r\n\r\n").await.contains("\r\n\r\nok\n"));
    drop((followers, silent));
    let told = door.metrics.encode(0).unwrap();
    assert!(told.contains("doorchime_http_turned_away_total{cause=\"gave_way\"}"), "{told}");
}

#[tokio::test]
async fn whoever_finds_no_place_is_told_so() {
    let limits = Limits { places: 1, reserve: 0, ..Limits::default() };
    let door = Door::open_within("127.0.0.1", None, limits).await;
    let follower = hold(door.at, FOLLOWS).await;
    follower.readable().await.unwrap();
    let told = until_closed(&mut hold(door.at, "").await).await;
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("retry-after: 5\r\n"), "{told}");
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{told}");
    drop(follower);
    let answer = async { while !ask(door.at, "GET /healthz HTTP/1.0\r\n\r\n").await.ends_with("ok\n") {} };
    assert!(tokio::time::timeout(Duration::from_secs(5), answer).await.is_ok(), "the place is free again");
}

#[tokio::test]
async fn a_request_comes_in_time_or_not_at_all() {
    let door = Door::open_within("127.0.0.1", None, impatient()).await;
    let slow = async |first: &str| until_closed(&mut hold(door.at, first).await).await;
    assert_eq!(slow("").await, "");
    assert_eq!(slow("GET /healthz HTTP/1.1\r\nHost: ").await, "");
    // Byte by byte is no faster.
    let mut drop_by_drop = hold(door.at, "GET /healthz HTTP/1.1\r\nX: ").await;
    let dropping = async {
        while drop_by_drop.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), dropping).await.is_ok());
    let told = door.metrics.encode(0).unwrap();
    assert!(told.contains("doorchime_http_turned_away_total{cause=\"slow\"} 3"), "{told}");

    let whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answered = slow(&format!("{whole}{whole}")).await;
    assert_eq!(answered.matches("HTTP/1.1 200 OK").count(), 2, "{answered}");
    let half = slow(&format!("{whole}GET /healthz")).await;
    assert_eq!(half.matches("HTTP/1.1 200 OK").count(), 1, "{half}");
    let told = slow("POST /api/v1/try HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await;
    assert!(told.starts_with("HTTP/1.1 408") && told.contains("connection: close\r\n"), "{told}");
}

#[tokio::test]
async fn whoever_follows_what_happens_is_not_idle() {
    let limits = Limits { idle_scarce: Duration::from_millis(500), ..impatient() };
    let door = Door::open_within("127.0.0.1", None, limits).await;
    let mut follower = hold(door.at, FOLLOWS).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    door.leaving.cancel();
    let told = until_closed(&mut follower).await;
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("0\r\n\r\n"), "{told}");
}

#[tokio::test]
async fn an_answer_that_says_no_ends_the_connection() {
    let door = Door::open("127.0.0.1", Some(TOKEN)).await;
    for (first, status) in [
        ("GET /metrics HTTP/1.1\r\nHost: bot.example\r\n\r\n", 401),
        ("GET /api/v1/events HTTP/1.1\r\nHost: bot.example\r\nAuthorization: Bearer nonsense\r\n\r\n", 401),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403),
        ("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", 503),
    ] {
        let told = until_closed(&mut hold(door.at, first).await).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
        assert!(told.contains("connection: close\r\n"), "{told}");
    }
}

#[tokio::test]
async fn whoever_asks_and_does_not_read_is_cut() {
    let door = Door::open_within("127.0.0.1", None, impatient()).await;
    let (mut reading, mut writing) = TcpStream::connect(door.at).await.unwrap().into_split();
    let asking = async {
        let many = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
        while writing.write_all(many.as_bytes()).await.is_ok() {}
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), asking).await.is_ok(), "it goes on and on");
    let told = door.metrics.encode(0).unwrap();
    assert!(told.contains("doorchime_http_turned_away_total{cause=\"unread\"} 1"), "{told}");
    let mut some = [0; 1024];
    let _ = reading.read(&mut some).await;
}

#[tokio::test]
async fn seventeen_cannot_follow_and_the_last_one_is_told_when_to_come_back() {
    let door = Door::open("127.0.0.1", None).await;
    let followers = crowd(door.at, 16, FOLLOWS).await;
    for follower in &followers {
        follower.readable().await.unwrap();
    }
    let told = soon(door.at, FOLLOWS).await;
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("16 are following already"), "{told}");
    assert!(told.contains("retry-after: 5\r\n"), "{told}");
}

/// Asks from this address.
async fn ask_from(from: [u8; 4], at: SocketAddr, request: String) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(from)), 0)).unwrap();
    let mut stream = socket.connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const GUESSER: [u8; 4] = [127, 0, 0, 2];
const OWNER: [u8; 4] = [127, 0, 0, 3];

#[tokio::test]
async fn whoever_guesses_at_the_token_is_braked_however_many_guesses_come_at_once() {
    let by_bearer = |host: SocketAddr, token: &str| {
        format!("POST /-/reload HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let by_form = |host: SocketAddr, token: &str| {
        let length = "token=".len() + token.len();
        format!("POST /login HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\ntoken={token}")
    };
    for (asks, good) in [(&by_bearer as &dyn Fn(SocketAddr, &str) -> String, "503"), (&by_form, "303")] {
        let door = Door::open("127.0.0.1", Some(TOKEN)).await;
        let at = door.at;
        let mut guesses = JoinSet::new();
        for n in 0..40 {
            guesses.spawn(ask_from(GUESSER, at, asks(at, &format!("guess-{n}"))));
        }
        let answers = guesses.join_all().await;
        let of = |start: &str| answers.iter().filter(|told| told.starts_with(start)).count();
        assert_eq!((of("HTTP/1.0 401"), of("HTTP/1.0 429")), (10, 30), "{answers:#?}");
        let later = answers.iter().filter(|told| told.contains("retry-after: 6\r\n"));
        assert_eq!(later.count(), 30, "{answers:#?}");

        let right = ask_from(GUESSER, at, asks(at, TOKEN)).await;
        assert!(right.starts_with("HTTP/1.0 429"), "else the brake would be none: {right}");
        let owner = ask_from(OWNER, at, asks(at, TOKEN)).await;
        assert!(owner.starts_with(&format!("HTTP/1.0 {good}")), "{owner}");
        let pass = Token::new(TOKEN.into()).unwrap().pass();
        let request =
            format!("POST /-/reload HTTP/1.0\r\nHost: {at}\r\nCookie: doorchime_pass={pass}\r\n\r\n");
        let with_pass = ask_from(GUESSER, at, request).await;
        assert!(with_pass.starts_with("HTTP/1.0 503 "), "who has been let in stays in: {with_pass}");
        let told = door.metrics.encode(0).unwrap();
        for line in ["{cause=\"wrong_token\"} 10", "{cause=\"braked\"} 31"] {
            assert!(told.contains(&format!("doorchime_http_turned_away_total{line}")), "{told}");
        }
    }
}

#[tokio::test]
async fn behind_a_proxy_nobody_is_locked_out_by_somebody_else_who_guesses() {
    let door = Door::open("127.0.0.1", Some(TOKEN)).await;
    let log_in = async |client: &str, token: &str| {
        let (at, length) = (door.at, "token=".len() + token.len());
        let head = format!("POST /login HTTP/1.0\r\nHost: {at}\r\nX-Forwarded-For: 192.0.2.1, {client}\r\n");
        soon(at, &format!("{head}Content-Length: {length}\r\n\r\ntoken={token}")).await
    };
    for _ in 0..20 {
        log_in("203.0.113.7", "guess").await;
    }
    assert!(log_in("203.0.113.7", TOKEN).await.starts_with("HTTP/1.0 429"));
    assert!(log_in("203.0.113.8", TOKEN).await.starts_with("HTTP/1.0 303"));
}
