//! The ways to Lanyard: TLS, proxies, and a sentence for each way that leads nowhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use doorchime::lanyard::settings::LanyardSettings;
use doorchime::lanyard::socket::Client;
use doorchime::simulator::server::{Mood, Simulator};
use doorchime::tls::client_config;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::lanyard::{ALICE, Watcher, online, settings, simulator};

/// Something that listens on loopback as long as it is held.
struct Listening {
    port: u16,
    _task: JoinSet<()>,
}

/// Lets `serve` have every connection, one task for all of them.
async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Listening
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream));
        }
    });
    Listening { port, _task: task }
}

/// A private CA in a file, and a TLS server before `target` with a certificate of it.
struct Tls {
    folder: tempfile::TempDir,
    server: Listening,
}

impl Tls {
    async fn before(target: SocketAddr, host: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key.into())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let server = listen(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut inner = acceptor.accept(stream).await?;
                copy_bidirectional(&mut inner, &mut TcpStream::connect(target).await?).await.map(|_| ())
            }
        })
        .await;
        Self { folder, server }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn settings(&self) -> LanyardSettings {
        LanyardSettings {
            url: format!("wss://localhost:{}/socket", self.server.port),
            ..LanyardSettings::default()
        }
    }
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
    let tls = Tls::before(simulator.address(), "localhost").await;
    let trusting = client_config(Some(&tls.ca())).unwrap();
    let mut watcher = Watcher::of(Client::new(&tls.settings(), trusting, 7).unwrap(), &[ALICE], false);
    watcher.until_heard(&format!("seen {ALICE} online")).await;
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_is_refused() {
    let simulator = with_alice().await;
    let tls = Tls::before(simulator.address(), "localhost").await;
    let why = trouble(client(&tls.settings())).await;
    assert!(
        why.contains("the certificate of `localhost` does not verify") && why.contains("SSL_CERT_FILE"),
        "{why}"
    );

    let other = Tls::before(simulator.address(), "elsewhere.test").await;
    let trusting = client_config(Some(&other.ca())).unwrap();
    let why = trouble(Client::new(&other.settings(), trusting, 7).unwrap()).await;
    assert!(why.contains("the certificate of `localhost` does not verify"), "{why}");
    assert_eq!(simulator.connects(), 0);
}

#[tokio::test]
async fn through_an_http_proxy() {
    let simulator = with_alice().await;
    let tls = Tls::before(simulator.address(), "localhost").await;
    // `me:secret`, as Basic has it.
    let proxy = connect_proxy(Some("Basic bWU6c2VjcmV0")).await;
    let url = format!("http://me:secret@127.0.0.1:{}", proxy.port);
    for settings in [settings(&simulator), tls.settings()] {
        let trusting = client_config(Some(&tls.ca())).unwrap();
        let client = Client::through(&url, &settings, trusting, 7).unwrap();
        Watcher::of(client, &[ALICE], false).until_heard(&format!("seen {ALICE} online")).await;
    }

    let wrong = format!("http://me:hunter2@127.0.0.1:{}", proxy.port);
    let why =
        trouble(Client::through(&wrong, &tls.settings(), client_config(None).unwrap(), 7).unwrap()).await;
    assert!(
        why.contains(&format!("the proxy `127.0.0.1:{}`", proxy.port)) && !why.contains("hunter2"),
        "{why}"
    );
}

#[tokio::test]
async fn through_a_socks_proxy() {
    let simulator = with_alice().await;
    let tls = Tls::before(simulator.address(), "localhost").await;
    let proxy = socks_proxy("me", "secret").await;
    let trusting = client_config(Some(&tls.ca())).unwrap();
    let url = format!("socks5h://me:secret@127.0.0.1:{}", proxy.port);
    let client = Client::through(&url, &tls.settings(), trusting, 7).unwrap();
    Watcher::of(client, &[ALICE], false).until_heard(&format!("seen {ALICE} online")).await;
}

#[tokio::test]
async fn each_way_that_leads_nowhere_has_its_sentence() {
    let simulator = with_alice().await;
    let address = simulator.address();
    let silent = listen(|_stream| async { Ok(()) }).await;
    let tls = Tls::before(address, "localhost").await;
    for (url, expected) in [
        ("ws://nowhere.invalid/socket".to_owned(), "`nowhere.invalid` does not resolve"),
        ("ws://127.0.0.1:1/socket".to_owned(), "`127.0.0.1:1` refuses the connection"),
        (format!("ws://me:hunter2@{address}/v1"), "HTTP 404 instead of a WebSocket; is the path `/socket`?"),
        (format!("ws://{address}/"), "HTTP 200 instead of a WebSocket; is the path `/socket`?"),
        (format!("wss://{address}/socket"), "a server without TLS wants `ws://`"),
        (format!("ws://localhost:{}/socket", tls.server.port), "a server with TLS wants `wss://`"),
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
