//! From an address to an open WebSocket: name, proxy, TCP, TLS, upgrade; and a sentence for each way to fail.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use tower_service::Service;

use super::address::Address;
use crate::AGENT;

/// One address of a host; the others are tried meanwhile.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a SOCKS proxy listens that names no port.
const SOCKS_PORT: u16 = 1080;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<Metered>>;

/// Everything that dialling needs, kept from one connection to the next.
pub(super) struct Dialer {
    pub(super) address: Address,
    pub(super) compression: bool,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) limits: WebSocketConfig,
    pub(super) proxies: Matcher,
}

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("`{host}` does not resolve; check `lanyard.url`, and this machine's network and DNS")]
    Unresolved { host: String },
    #[error("`{place}` refuses the connection; is Lanyard running there, and is the port right?")]
    Refused { place: String },
    #[error("`{place}` cannot be reached: {why}")]
    Unreachable { place: String, why: String },
    #[error(
        "the proxy `{proxy}` does not lead to Lanyard: {why}; check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
    )]
    Proxy { proxy: String, why: String },
    #[error(
        "the certificate of `{host}` does not verify: {why}; for a private CA, name its file in SSL_CERT_FILE"
    )]
    Certificate { host: String, why: String },
    #[error("no TLS with `{host}`: {why}; a server without TLS wants `ws://`")]
    Tls { host: String, why: String },
    #[error("`{place}` answers HTTP {status} instead of a WebSocket; {hint}")]
    NoWebSocket { place: String, status: u16, hint: &'static str },
    #[error("`{place}` does not speak WebSocket: {why}{hint}")]
    Handshake { place: String, why: String, hint: &'static str },
}

impl Dialer {
    pub(super) async fn dial(&self) -> Result<Box<Socket>, DialError> {
        let tcp = self.connect().await?;
        let stream = Metered { inner: tcp, bytes: 0 };
        let place = self.address.place();
        let broken =
            |error: WsError| DialError::Handshake { place: place.clone(), why: plain(&error), hint: "" };
        let mut request = self.address.socket_url(self.compression).into_client_request().map_err(broken)?;
        let ours = HeaderValue::from_static(AGENT);
        request.headers_mut().insert(USER_AGENT, ours);
        if let Some(mut user) = self.address.authorization().and_then(|user| HeaderValue::try_from(user).ok())
        {
            user.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, user);
        }
        let connector =
            if self.address.tls { Connector::Rustls(Arc::clone(&self.tls)) } else { Connector::Plain };
        let upgraded =
            client_async_tls_with_config(request, stream, Some(self.limits), Some(connector)).await;
        upgraded.map(|(socket, _)| Box::new(socket)).map_err(|error| self.no_web_socket(&error))
    }

    async fn connect(&self) -> Result<TcpStream, DialError> {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_nodelay(true);
        direct.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let target = self.address.http_origin();
        match self.proxies.intercept(&target) {
            None => {
                let connected = direct.call(target).await;
                connected.map(TokioIo::into_inner).map_err(|error| self.no_connection(&error))
            }
            Some(proxy) => through(direct, &proxy, target).await,
        }
    }

    fn no_connection(&self, error: &(dyn Error + 'static)) -> DialError {
        let place = self.address.place();
        match deepest_io(error).map(io::Error::kind) {
            _ if is_dns(error) => DialError::Unresolved { host: self.address.host.clone() },
            Some(io::ErrorKind::ConnectionRefused) => DialError::Refused { place },
            Some(io::ErrorKind::TimedOut) => {
                DialError::Unreachable { place, why: "it does not answer".to_owned() }
            }
            _ => DialError::Unreachable { place, why: plain(error) },
        }
    }

    fn no_web_socket(&self, error: &WsError) -> DialError {
        let host = self.address.host.clone();
        let place = self.address.place();
        if let WsError::Http(answer) = error {
            let status = answer.status().as_u16();
            return DialError::NoWebSocket { place, status, hint: hint(status) };
        }
        match tls_error(error) {
            Some(why @ rustls::Error::InvalidCertificate(_)) => {
                DialError::Certificate { host, why: why.to_string() }
            }
            Some(why) => DialError::Tls { host, why: why.to_string() },
            None => {
                let hint = if self.address.tls { "" } else { "; a server with TLS wants `wss://`" };
                DialError::Handshake { place, why: unfinished(error), hint }
            }
        }
    }
}

async fn through(direct: HttpConnector, proxy: &Intercept, target: Uri) -> Result<TcpStream, DialError> {
    let name = proxy.uri().authority().map_or("", |authority| authority.as_str());
    let name = name.rsplit('@').next().unwrap_or(name).to_owned();
    let failed = |why: String| DialError::Proxy { proxy: name.clone(), why };
    let stream = match proxy.uri().scheme_str() {
        Some("http") => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(user) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(user.clone());
            }
            tunnel.call(target).await.map_err(|error| failed(plain(&error)))?
        }
        Some("socks5" | "socks5h") => {
            let mut socks = SocksV5::new(with_port(proxy.uri(), SOCKS_PORT), direct);
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            socks.call(target).await.map_err(|error| failed(plain(&error)))?
        }
        other => {
            let other = other.unwrap_or("");
            return Err(failed(format!(
                "`{other}://` proxies are not known, only `http://` and `socks5://`"
            )));
        }
    };
    Ok(stream.into_inner())
}

fn with_port(uri: &Uri, port: u16) -> Uri {
    let host = uri.host().filter(|_| uri.port().is_none());
    let built = host
        .map(|host| Uri::builder().scheme("socks5").authority(format!("{host}:{port}")).path_and_query("/"));
    built.and_then(|parts| parts.build().ok()).unwrap_or_else(|| uri.clone())
}

fn hint(status: u16) -> &'static str {
    match status {
        200..=299 | 404 => "is the path `/socket`?",
        400 | 426 => "it may not be a Lanyard server, or a proxy before it strips the upgrade",
        401 | 403 | 407 => "it wants to be signed in to, or refuses this address",
        429 => "it was asked too often; the next attempt waits longer",
        301..=308 => "it has moved; write the new address in `lanyard.url`",
        500.. => "the server is in trouble; it is tried again",
        _ => "is it a Lanyard server?",
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn deepest_io<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last()
}

fn is_dns(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with("dns error"))
}

fn tls_error(error: &WsError) -> Option<&rustls::Error> {
    match error {
        WsError::Io(error) => error.get_ref()?.downcast_ref(),
        WsError::Tls(tokio_tungstenite::tungstenite::error::TlsError::Rustls(error)) => Some(error),
        _ => None,
    }
}

/// The innermost cause in words; none of the layers between puts a URL there.
fn plain(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

fn unfinished(error: &WsError) -> String {
    match error {
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => {
            "it closes the connection instead".to_owned()
        }
        WsError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => {
            "it closes the connection instead".to_owned()
        }
        other => plain(other),
    }
}

/// Counts what is read: the only sign of life while a large frame is on its way.
#[derive(Debug)]
pub(super) struct Metered {
    inner: TcpStream,
    bytes: u64,
}

impl Metered {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.bytes += (buf.filled().len() - before) as u64;
        read
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socks_proxy_has_its_usual_port() {
        for (proxy, expected) in [
            ("socks5://proxy", "socks5://proxy:1080/"),
            ("socks5h://[::1]", "socks5://[::1]:1080/"),
            ("socks5://proxy:9050", "socks5://proxy:9050/"),
        ] {
            assert_eq!(with_port(&Uri::from_static(proxy), SOCKS_PORT).to_string(), expected);
        }
    }
}
