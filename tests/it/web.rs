//! The HTTP side, over real sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use doorchime::metrics::Metrics;
use doorchime::outbox::health::Healths;
use doorchime::outbox::pending::Counts;
use doorchime::outbox::sender::Sender;
use doorchime::rules::compile::compile;
use doorchime::rules::places::Source;
use doorchime::rules::set::RuleSet;
use doorchime::rules::vars::NoVars;
use doorchime::time::Moment;
use doorchime::web::access::Access;
use doorchime::web::api::{Followers, Outbox};
use doorchime::web::avatars::Avatars;
use doorchime::web::avatars::source::AvatarsFrom;
use doorchime::web::journal::Journal;
use doorchime::web::listen::{Listen, ListenError, bind};
use doorchime::web::places::Limits;
use doorchime::web::questions::Desk;
use doorchime::web::server::{About, Web, serve};
use doorchime::web::status::{Connection, Loaded, Status};
use doorchime::web::token::Token;
use doorchime::web::trials::Trials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One request as it goes over the wire; the whole answer.
pub async fn ask(at: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// An HTTP side by itself.
pub struct Door {
    pub at: SocketAddr,
    pub status: Arc<Status>,
    pub metrics: Arc<Metrics>,
    pub leaving: CancellationToken,
    pub tasks: JoinSet<()>,
}

impl Door {
    /// One that listens at `host`, on a free port.
    pub async fn open(host: &str, token: Option<&str>) -> Self {
        Self::open_within(host, token, Limits::default()).await
    }

    /// The same, which lets in so many for so long.
    pub async fn open_within(host: &str, token: Option<&str>, limits: Limits) -> Self {
        let listen: Listen = format!("{host}:0").parse().unwrap();
        let listener = bind(&listen).await.unwrap().unwrap();
        let at = listener.local_addr().unwrap();
        let token = token.map(|token| Token::new(token.into()).unwrap());
        let (status, leaving, metrics) = (Status::new(), CancellationToken::new(), Metrics::new());
        let web = Web {
            access: Arc::new(Access::new(token, at, listen.host()).unwrap()),
            metrics: Arc::clone(&metrics),
            status: Arc::clone(&status),
            reload: None,
            desk: Desk::new(&Journal::new(Moment::default()), Arc::new(no_rules())).0,
            outbox: Outbox::new("nowhere".into()),
            followers: Followers::default(),
            avatars: Avatars::new(AvatarsFrom::Nowhere),
            trials: Trials::new(Sender::new().unwrap()),
            about: About {
                started_ms: 0,
                dry_run: false,
                healths: watch::channel(Healths::new()).1,
                pending: watch::channel(Counts::new()).1,
            },
            leaving: leaving.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, web, limits));
        Self { at: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.port()), status, metrics, leaving, tasks }
    }
}

fn no_rules() -> RuleSet {
    compile(Source::new("rules.yaml".to_owned(), "version: 1\n".to_owned()), &NoVars).ok().unwrap().set
}

#[tokio::test]
async fn each_page_answers_for_itself() {
    let Door { at, status, leaving, mut tasks, .. } = Door::open("127.0.0.1", None).await;
    let get = async |path: &str| ask(at, &format!("GET {path} HTTP/1.0\r\n\r\n")).await;

    assert!(get("/").await.contains("/metrics"));
    assert!(get("/healthz").await.starts_with("HTTP/1.0 200 OK"));
    let metrics = get("/metrics").await;
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"), "{metrics}");
    assert!(metrics.contains("doorchime_build_info") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(get("/rules.yaml").await.starts_with("HTTP/1.0 404"));
    assert!(ask(at, "POST /healthz HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 405"));

    let early = get("/readyz").await;
    assert!(early.starts_with("HTTP/1.0 503") && early.contains(r#""state": "starting""#), "{early}");
    status.connection(Connection::Live);
    status.store_writable();
    status.rules(Loaded { people: 1, targets: 1, rules: 1 });
    assert!(get("/readyz").await.starts_with("HTTP/1.0 200 OK"));
    status.target_disabled(&"team".into(), "answered 404");
    let disabled = get("/readyz").await;
    assert!(
        disabled.starts_with("HTTP/1.0 503") && disabled.contains(r#""team": "answered 404""#),
        "{disabled}"
    );

    leaving.cancel();
    assert!(tasks.join_next().await.unwrap().is_ok());
    assert!(TcpStream::connect(at).await.is_err(), "the door is closed after leaving");
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_named() {
    let first = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap().unwrap();
    let at = first.local_addr().unwrap().to_string();
    let error = bind(&at.parse().unwrap()).await.err().unwrap();
    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&at), "{error}");
    let error = bind(&"192.0.2.1:9090".parse().unwrap()).await.err().unwrap();
    assert!(matches!(error, ListenError::NoSuchAddress { .. }), "{error}");
    assert!(bind(&Listen::Off).await.unwrap().is_none());
}
