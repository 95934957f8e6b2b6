//! Where webhooks go, for `demo` and for the tests: a real HTTP server on loopback that keeps what it hears
//! and answers by a script.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use futures_util::stream::{self, StreamExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Longer requests are cut off with an error; ours have none.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Stops when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    heard: Arc<Ears>,
    _tasks: JoinSet<()>,
}

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The same, but not at once.
    After(Duration, Box<Play>),
    /// Takes the request and never says anything.
    Silence,
    /// Says yes, begins a body, and never ends it.
    HalfAnswer {
        status: u16,
        beginning: String,
    },
    /// Says yes, begins a body, and breaks off.
    BrokenAnswer {
        status: u16,
        beginning: String,
    },
}

impl Play {
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }

    pub fn body(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_owned() }
    }

    pub fn header(status: u16, name: &'static str, value: impl Into<String>) -> Self {
        Self::Answer { status, headers: vec![(name, value.into())], body: String::new() }
    }
}

struct Ears {
    heard: Mutex<Vec<Heard>>,
    count: watch::Sender<usize>,
    script: Box<dyn Fn(&Heard) -> Play + Send + Sync>,
}

impl Receiver {
    /// Listens on a free port of loopback, or on the one given. `script` is called with each request before it
    /// is answered.
    pub async fn start(
        address: SocketAddr,
        script: impl Fn(&Heard) -> Play + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let ears = Ears { heard: Mutex::default(), count: watch::Sender::new(0), script: Box::new(script) };
        let heard = Arc::new(ears);
        let app = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        // Without this each small answer waits for the acknowledgement of the one before.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Ends with its task; a connection that fails is its own affair.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, heard, _tasks: tasks })
    }

    /// The address of a path on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it has heard, in order of arrival.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().clone()
    }

    /// Waits until it has heard so many requests.
    pub async fn hears(&self, requests: usize) -> Vec<Heard> {
        // The sender lives as long as we do, so this cannot fail.
        let _ = self.heard.count.subscribe().wait_for(|&count| count >= requests).await;
        self.heard()
    }
}

impl Ears {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is something else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

async fn hear(State(ears): State<Arc<Ears>>, request: Request) -> Result<Response, StatusCode> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let heard = Heard { method: head.method.to_string(), path: head.uri.to_string(), headers, body };
    let mut play = (ears.script)(&heard);
    ears.lock().push(heard);
    ears.count.send_modify(|count| *count += 1);
    while let Play::After(wait, then) = play {
        tokio::time::sleep(wait).await;
        play = *then;
    }
    answer(play).await
}

async fn answer(play: Play) -> Result<Response, StatusCode> {
    let beginning = |text: String| stream::once(async { Ok::<_, io::Error>(Bytes::from(text)) });
    let (status, headers, body) = match play {
        Play::Answer { status, headers, body } => (status, headers, Body::from(body)),
        Play::After(..) | Play::Silence => std::future::pending().await,
        Play::HalfAnswer { status, beginning: text } => {
            (status, Vec::new(), Body::from_stream(beginning(text).chain(stream::pending())))
        }
        Play::BrokenAnswer { status, beginning: text } => {
            let broken = stream::once(async {
                // Else the beginning would break off before it has left.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(io::Error::other("broken off by script"))
            });
            (status, Vec::new(), Body::from_stream(beginning(text).chain(broken)))
        }
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    // A script that no HTTP can carry.
    response.body(body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
