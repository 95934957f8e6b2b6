//! The ways to Lanyard: TLS, proxies, and a sentence for each way that leads nowhere.

use doorchime::lanyard::settings::LanyardSettings;
use doorchime::lanyard::socket::Client;
use doorchime::simulator::server::{Mood, Simulator};
use doorchime::tls::client_config;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::lanyard::{ALICE, Watcher, online, settings, simulator};
use crate::tls_front::{Listening, TlsFront, listen};

fn settings_of(tls: &TlsFront) -> LanyardSettings {
    LanyardSettings { url: format!("wss://localhost:{}/socket", tls.port()), ..LanyardSettings::default() }
}

/// An HTTP proxy that knows CONNECT and wants this `Proxy-Authorization`, if any.
async fn connect_proxy(wanted: Option<&'static str>) -> Listening {
    listen(move |mut stream| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let given = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
        if given != wanted {
            return stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        }
        let target =
            head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or("").to_owned();
        let mut outer = TcpStream::connect(target).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        copy_bidirectional(&mut stream, &mut outer).await.map(|_| ())
    })
    .await
}

/// A SOCKS5 proxy that wants this user and password.
async fn socks_proxy(user: &'static str, password: &'static str) -> Listening {
    listen(move |mut stream| async move {
        let mut offered = [0; 2];
        stream.read_exact(&mut offered).await?;
        let mut methods = vec![0; offered[1].into()];
        stream.read_exact(&mut methods).await?;
        assert!(methods.contains(&2), "no password offered");
        stream.write_all(&[5, 2]).await?;
        assert_eq!(stream.read_u8().await?, 1);
        for wanted in [user, password] {
            let mut given = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut given).await?;
            assert_eq!(given, wanted.as_bytes());
        }
        stream.write_all(&[1, 0]).await?;
        let mut request = [0; 4];
        stream.read_exact(&mut request).await?;
        let host = match request[3] {
            1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
            3 => {
                let mut name = vec![0; stream.read_u8().await?.into()];
                stream.read_exact(&mut name).await?;
                String::from_utf8(name).unwrap()
            }
            other => panic!("address type {other}"),
        };
        let mut outer = TcpStream::connect((host, stream.read_u16().await?)).await?;
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        copy_bidirectional(&mut stream, &mut outer).await.map(|_| ())
    })
    .await
}

async fn with_alice() -> Simulator {
    let simulator = simulator().await;
    simulator.set(&online(ALICE));
    simulator
}

/// Why this client does not get through.
async fn trouble(client: Client) -> String {
    let mut watcher = Watcher::of(client, &[ALICE], false);
    watcher.until("trouble", |watcher| watcher.client.trouble().is_some()).await;
    watcher.client.trouble().unwrap().to_owned()
}

fn client(settings: &LanyardSettings) -> Client {
    Client::new(settings, client_config(None).unwrap(), 7).unwrap()
}

fn at(url: String) -> LanyardSettings {
    LanyardSettings { url, ..LanyardSettings::default() }
}

#[tokio::test]
async fn a_private_ca_is_trusted_when_it_is_named() {
    let simulator = with_alice().await;
    let tls = TlsFront::before(simulator.address(), "localhost").await;
    let trusting = client_config(Some(&tls.ca())).unwrap();
    let mut watcher = Watcher::of(Client::new(&settings_of(&tls), trusting, 7).unwrap(), &[ALICE], false);
    watcher.until_heard(&format!("seen {ALICE} online")).await;
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_is_refused() {
    let simulator = with_alice().await;
    let tls = TlsFront::before(simulator.address(), "localhost").await;
    let why = trouble(client(&settings_of(&tls))).await;
    assert!(
        why.contains("the certificate of `localhost` does not verify") && why.contains("SSL_CERT_FILE"),
        "{why}"
    );

    let other = TlsFront::before(simulator.address(), "elsewhere.test").await;
    let trusting = client_config(Some(&other.ca())).unwrap();
    let why = trouble(Client::new(&settings_of(&other), trusting, 7).unwrap()).await;
    assert!(why.contains("the certificate of `localhost` does not verify"), "{why}");
    assert_eq!(simulator.connects(), 0);
}

#[tokio::test]
async fn through_an_http_proxy() {
    let simulator = with_alice().await;
    let tls = TlsFront::before(simulator.address(), "localhost").await;
    // `me:secret`, as Basic has it.
    let proxy = connect_proxy(Some("Basic bWU6c2VjcmV0")).await;
    let url = format!("http://me:secret@127.0.0.1:{}", proxy.port);
    for settings in [settings(&simulator), settings_of(&tls)] {
        let trusting = client_config(Some(&tls.ca())).unwrap();
        let client = Client::through(&url, &settings, trusting, 7).unwrap();
        Watcher::of(client, &[ALICE], false).until_heard(&format!("seen {ALICE} online")).await;
    }

    let wrong = format!("http://me:hunter2@127.0.0.1:{}", proxy.port);
    let why =
        trouble(Client::through(&wrong, &settings_of(&tls), client_config(None).unwrap(), 7).unwrap()).await;
    assert!(
        why.contains(&format!("the proxy `127.0.0.1:{}`", proxy.port)) && !why.contains("hunter2"),
        "{why}"
    );
}

#[tokio::test]
async fn through_a_socks_proxy() {
    let simulator = with_alice().await;
    let tls = TlsFront::before(simulator.address(), "localhost").await;
    let proxy = socks_proxy("me", "secret").await;
    let trusting = client_config(Some(&tls.ca())).unwrap();
    let url = format!("socks5h://me:secret@127.0.0.1:{}", proxy.port);
    let client = Client::through(&url, &settings_of(&tls), trusting, 7).unwrap();
    Watcher::of(client, &[ALICE], false).until_heard(&format!("seen {ALICE} online")).await;
}

#[tokio::test]
async fn each_way_that_leads_nowhere_has_its_sentence() {
    let simulator = with_alice().await;
    let address = simulator.address();
    let silent = listen(|_stream| async { Ok(()) }).await;
    let tls = TlsFront::before(address, "localhost").await;
    for (url, expected) in [
        ("ws://nowhere.invalid/socket".to_owned(), "`nowhere.invalid` does not resolve"),
        ("ws://127.0.0.1:1/socket".to_owned(), "`127.0.0.1:1` refuses the connection"),
        (format!("ws://me:hunter2@{address}/v1"), "HTTP 404 instead of a WebSocket; is the path `/socket`?"),
        (format!("ws://{address}/"), "HTTP 200 instead of a WebSocket; is the path `/socket`?"),
        (format!("wss://{address}/socket"), "a server without TLS wants `ws://`"),
        (format!("ws://localhost:{}/socket", tls.port()), "a server with TLS wants `wss://`"),
        (format!("ws://127.0.0.1:{}/socket", silent.port), "does not speak WebSocket: it closes"),
    ] {
        let why = trouble(client(&at(url.clone()))).await;
        assert!(why.contains(expected), "{url}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
    }

    simulator.set_mood(Mood { refuses: true, ..Mood::default() });
    let why = trouble(client(&settings(&simulator))).await;
    assert!(why.contains("does not speak WebSocket"), "{why}");
}
