//! One request over the network, and what came of it in words. No retries, no redirects: those are judged.

use std::collections::HashMap;
use std::error::Error as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, Response, redirect, retry};
use rustls::CertificateError;
use secrecy::{ExposeSecret, SecretString};

use super::delivery::{Answer, Reply, Request};
use crate::AGENT;
use crate::proxies::Proxies;
use crate::tls::{self, TlsError};

/// An answer is read up to here; the rest is cut off.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Time to resolve, connect and agree on TLS. Shorter than a target's usual timeout, so that a host that is
/// not there is told apart from one that does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are given up before most servers do, so that few requests meet one that just closed.
const KEPT_ALIVE: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A proxy in the environment that is no address, for one.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// What each request says it takes.
pub const ACCEPTED: &str = "*/*";

/// Clients by whom they trust; connections are kept alive in each.
#[derive(Clone)]
pub struct Sender {
    usual: Client,
    private: HashMap<PathBuf, Client>,
}

impl Sender {
    pub fn new() -> Result<Self, SenderError> {
        Ok(Self { usual: client(None)?, private: HashMap::new() })
    }

    /// The same, and one that trusts each of these CA files as well, read now.
    pub fn trusting<'p>(&self, cas: impl IntoIterator<Item = &'p Path>) -> Result<Self, SenderError> {
        let mut private = HashMap::new();
        for ca in cas {
            if !private.contains_key(ca) {
                private.insert(ca.to_owned(), client(Some(ca))?);
            }
        }
        Ok(Self { usual: self.usual.clone(), private })
    }

    /// Sends one request and reads the answer, all of it within `timeout`. Takes the body out of `request`.
    pub async fn send(&self, request: &mut Request, timeout: Duration, ca: Option<&Path>) -> Reply {
        let client = ca.and_then(|ca| self.private.get(ca)).unwrap_or(&self.usual);
        let Some(built) = build(client, request) else { return Reply::Unsent { why: UNFIT.to_owned() } };
        let mut answer = None;
        let attempt = async {
            let response = client.execute(built).await?;
            read(response, &mut answer).await;
            Ok(())
        };
        let ended: Result<Result<(), reqwest::Error>, _> = tokio::time::timeout(timeout, attempt).await;
        match (answer, ended) {
            // Its status has been heard: a body that breaks off, or never ends, does not make it unheard.
            (Some(answer), _) => Reply::Answer(answer),
            (None, Ok(Err(error))) if error.is_builder() => {
                Reply::Unsent { why: "its address cannot be used".to_owned() }
            }
            (None, Ok(Err(error))) if error.is_connect() => {
                Reply::Unsent { why: why_unsent(&error).to_owned() }
            }
            (None, Ok(Err(error))) if !error.is_timeout() => {
                Reply::Unanswered { why: "the connection broke off before an answer came".to_owned() }
            }
            (None, _) => Reply::Unanswered { why: format!("no answer within {timeout:?}") },
        }
    }
}

/// One request as it would be sent: with what the client makes of its address, and with its own headers.
/// Everything in it may be secret.
pub struct Built {
    pub url: SecretString,
    /// Names in lower case.
    pub headers: Vec<(String, SecretString)>,
    pub body: Vec<u8>,
}

impl Sender {
    /// What `send` would send; why it cannot be sent, if so. Takes the body out of `request`.
    pub fn built(&self, request: &mut Request) -> Result<Built, &'static str> {
        let mut built = build(&self.usual, request).ok_or(UNFIT)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned().into();
        let headers = built.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = built.body_mut().take();
        let body = body.as_ref().and_then(reqwest::Body::as_bytes).unwrap_or_default().to_vec();
        Ok(Built { url: built.url().to_string().into(), headers, body })
    }
}

const UNFIT: &str = "its address or one of its headers cannot be sent";

fn client(ca: Option<&Path>) -> Result<Client, SenderError> {
    let mut trust = tls::client_config(ca)?;
    trust.alpn_protocols = vec![b"http/1.1".to_vec()];
    let unusable = |error: reqwest::Error| SenderError::Client(error.without_url().to_string());
    Proxies::from_env()
        .give(Client::builder())
        .map_err(unusable)?
        .tls_backend_preconfigured(trust)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(KEPT_ALIVE)
        .build()
        .map_err(unusable)
}

/// None for what HTTP cannot carry.
fn build(client: &Client, request: &mut Request) -> Option<reqwest::Request> {
    let method = Method::from_bytes(request.method.as_bytes()).ok()?;
    let ours = [(USER_AGENT, AGENT), (ACCEPT, ACCEPTED)];
    let ours =
        ours.into_iter().filter(|(name, _)| request.headers.iter().all(|(own, _)| own != name.as_str()));
    let ours: HeaderMap = ours.map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    let body = std::mem::take(&mut request.body);
    let builder = client.request(method, request.url.expose_secret()).headers(ours).body(body);
    let mut built = builder.build().ok()?;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_bytes(value.expose_secret().as_bytes()).ok()?;
        value.set_sensitive(true);
        // A header that is written counts more than a user in the address.
        if name == AUTHORIZATION {
            built.headers_mut().remove(AUTHORIZATION);
        }
        built.headers_mut().append(name, value);
    }
    Some(built)
}

/// Puts what matters of an answer into `answer` as it comes.
async fn read(mut response: Response, answer: &mut Option<Answer>) {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers =
        response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let answer =
        answer.insert(Answer { status: response.status().as_u16(), headers, body: Vec::new(), whole: false });
    while let Ok(chunk) = response.chunk().await {
        let Some(chunk) = chunk else {
            answer.whole = true;
            return;
        };
        let room = ANSWER_BYTES_MAX - answer.body.len();
        answer.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return;
        }
    }
}

/// Why no connection came about, without the host: that is part of a secret address.
fn why_unsent(error: &reqwest::Error) -> &'static str {
    if error.is_dns() {
        return "its host does not resolve";
    }
    if error.is_timeout() {
        return "no connection within 5 s";
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return why_no_tls(tls);
        }
        let io = error.downcast_ref::<std::io::Error>();
        // What an I/O error wraps says more than its kind, and its `source` would skip it.
        if let Some(wrapped) = io.and_then(std::io::Error::get_ref) {
            cause = Some(wrapped);
            continue;
        }
        if let Some(why) = io.and_then(|io| why_no_connection(io.kind())) {
            return why;
        }
        cause = error.source();
    }
    "no connection could be made"
}

fn why_no_connection(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("connection refused: nothing listens there"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => {
            Some("the connection was closed while it was set up")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some("its host cannot be reached"),
        _ => None,
    }
}

fn why_no_tls(error: &rustls::Error) -> &'static str {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return "no TLS could be agreed on: perhaps its port speaks plain `http`";
    };
    match certificate {
        CertificateError::UnknownIssuer => {
            "its certificate does not verify: nobody we trust has signed it (`tls: {ca: FILE}` adds a CA)"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is the clock right?"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another host"
        }
        _ => "its certificate does not verify",
    }
}
