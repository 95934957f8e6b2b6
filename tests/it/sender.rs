//! One request over a real socket, and what is made of whatever comes back.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use doorchime::outbox::delivery::{Answer, Reply, Request};
use doorchime::outbox::excerpt::excerpt;
use doorchime::outbox::sender::{ANSWER_BYTES_MAX, Sender};
use doorchime::simulator::receiver::{Heard, Play, Receiver};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::tls_front::{acceptor, listen};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const SECRET: &str = "s3cr3t-t0k3n";

fn post(url: String) -> Request {
    Request {
        method: "POST",
        url: url.into(),
        headers: vec![("authorization".into(), SECRET.to_owned().into())],
        body: b"{}".to_vec(),
        secrets: Vec::new(),
    }
}

async fn send(url: String) -> Reply {
    Sender::new().unwrap().send(&mut post(url), Duration::from_millis(400), None).await
}

async fn play(play: Play) -> (Reply, Receiver) {
    let receiver = Receiver::start(LOOPBACK, move |_| play.clone()).await.unwrap();
    let reply = send(receiver.url("/hook?key=value")).await;
    (reply, receiver)
}

fn answered(reply: Reply) -> Answer {
    match reply {
        Reply::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let (reply, receiver) = play(Play::body(200, "ok")).await;
    let answer = answered(reply);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
    assert_eq!(answer.header("content-length"), Some("2"));
    let heard = &receiver.heard()[0];
    assert_eq!(
        (heard.method.as_str(), heard.path.as_str(), heard.text().as_str()),
        ("POST", "/hook?key=value", "{}")
    );
    assert_eq!(heard.header("authorization"), Some(SECRET));
    assert_eq!(heard.header("user-agent"), Some(concat!("doorchime/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn who_it_comes_from_is_said_once() {
    let receiver = Receiver::start(LOOPBACK, |_| Play::status(204)).await.unwrap();
    let with_user = receiver.url("/hook").replace("://", "://user:password@");
    answered(send(with_user.clone()).await);
    let mut without_header = post(with_user);
    without_header.headers.clear();
    answered(Sender::new().unwrap().send(&mut without_header, Duration::from_secs(10), None).await);
    let said = receiver.heard().into_iter().map(|heard| {
        let told = heard.headers.into_iter().filter(|(name, _)| name == "authorization");
        told.map(|(_, value)| value).collect::<Vec<_>>()
    });
    assert_eq!(said.collect::<Vec<_>>(), [[SECRET], ["Basic dXNlcjpwYXNzd29yZA=="]]);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Receiver::start(LOOPBACK, |_| Play::status(200)).await.unwrap();
    for status in [301, 302, 303, 307, 308] {
        let (reply, receiver) = play(Play::header(status, "location", elsewhere.url("/login"))).await;
        assert_eq!(answered(reply).status, status);
        assert_eq!(receiver.heard().len(), 1);
    }
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn nothing_is_repeated_behind_our_back() {
    for status in [429, 500, 502, 503] {
        let (reply, receiver) = play(Play::header(status, "retry-after", "0")).await;
        assert_eq!(answered(reply).status, status);
        assert_eq!(receiver.heard().len(), 1);
    }
}

#[tokio::test]
async fn silence_is_ambiguous_and_a_heard_status_is_not() {
    let (reply, receiver) = play(Play::Silence).await;
    assert!(matches!(&reply, Reply::Unanswered { why } if why == "no answer within 400ms"), "{reply:?}");
    assert_eq!(receiver.heard().len(), 1);
    let beginning = || "begun".to_owned();
    for half in [
        Play::HalfAnswer { status: 202, beginning: beginning() },
        Play::BrokenAnswer { status: 202, beginning: beginning() },
    ] {
        let (reply, _receiver) = play(half).await;
        let answer = answered(reply);
        assert_eq!((answer.status, answer.body.as_slice(), answer.whole), (202, &b"begun"[..], false));
    }
}

/// The client makes a header of a login in the address, which the request itself does not have.
#[tokio::test]
async fn an_answer_that_repeats_the_request_does_not_show_its_login() {
    let script = |heard: &Heard| {
        Play::body(404, &format!("no {} for {:?}", heard.path, heard.header("authorization")))
    };
    let receiver = Receiver::start(LOOPBACK, script).await.unwrap();
    let mut request = post(receiver.url("/").replace("://", "://usr:P%40W@"));
    request.headers.clear();
    let reply = Sender::new().unwrap().send(&mut request, Duration::from_secs(5), None).await;
    let answer = answered(reply);
    assert!(String::from_utf8_lossy(&answer.body).contains("Basic dXNyOlBAVw=="), "{answer:?}");
    assert_eq!(excerpt(&answer, &request), "no / for Some(\"Basic [secret]==\")");
}

#[tokio::test]
async fn an_endless_answer_is_read_up_to_a_bound() {
    let (reply, _receiver) = play(Play::body(200, &"x".repeat(10 * ANSWER_BYTES_MAX))).await;
    let answer = answered(reply);
    assert_eq!((answer.body.len(), answer.whole), (ANSWER_BYTES_MAX, false));
    let (reply, _receiver) = play(Play::body(200, &"x".repeat(ANSWER_BYTES_MAX))).await;
    let answer = answered(reply);
    assert_eq!((answer.body.len(), answer.whole), (ANSWER_BYTES_MAX, true));
}

#[tokio::test]
async fn an_answer_shorter_than_it_says_is_not_whole() {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (reply, ()) = tokio::join!(send(url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await.unwrap();
    });
    let answer = answered(reply);
    assert_eq!((answer.status, answer.body.as_slice(), answer.whole), (200, &b"o"[..], false));
}

#[tokio::test]
async fn a_connection_that_closes_after_the_request_is_ambiguous() {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (reply, ()) = tokio::join!(send(url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).await.unwrap() > 0);
    });
    assert!(matches!(&reply, Reply::Unanswered { why } if why.contains("broke off")), "{reply:?}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_in_words_without_the_address() {
    let unused = TcpListener::bind(LOOPBACK).await.unwrap().local_addr().unwrap();
    for (url, expected) in [
        (format!("http://{unused}/{SECRET}"), "connection refused: nothing listens there"),
        (format!("https://nowhere.invalid/{SECRET}"), "its host does not resolve"),
        (format!("http://[{SECRET}/"), "its address or one of its headers cannot be sent"),
    ] {
        match send(url.clone()).await {
            Reply::Unsent { why } => assert_eq!(why, expected, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn tls_is_verified_and_a_private_ca_can_be_added() {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, signed.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let acceptor = acceptor(signed.cert.der().clone(), key);
    let server = listen(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            let _ = stream.read(&mut [0; 1024]).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await
        }
    })
    .await;
    let port = server.port;
    let usual = Sender::new().unwrap();
    let sender = usual.trusting([ca.as_path()]).unwrap();
    let timeout = Duration::from_secs(5);
    let mut told = Vec::new();
    for (host, trusted) in [("localhost", None), ("localhost", Some(ca.as_path())), ("127.0.0.1", Some(&ca))]
    {
        let mut request = post(format!("https://{host}:{port}/"));
        told.push(match sender.send(&mut request, timeout, trusted).await {
            Reply::Answer(answer) => answer.status.to_string(),
            Reply::Unsent { why } | Reply::Unanswered { why } => why,
        });
    }
    assert_eq!(
        told,
        [
            "its certificate does not verify: nobody we trust has signed it (`tls: {ca: FILE}` adds a CA)",
            "204",
            "its certificate is for another host",
        ]
    );
    let mut plain = post(format!(
        "https://{}/",
        Receiver::start(LOOPBACK, |_| Play::status(200)).await.unwrap().address()
    ));
    let reply = usual.send(&mut plain, timeout, None).await;
    assert!(matches!(reply, Reply::Unsent { .. }), "{reply:?}");
    assert!(usual.trusting([Path::new("/no/such/ca.pem")]).is_err());
}
