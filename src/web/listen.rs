//! Where the HTTP side listens, and how much of the world it lets in at once.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Connections at once; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 64;
/// A connection on which no answer has left for so long is cut.
pub const SILENT_MAX: Duration = Duration::from_secs(30);
/// Pause after a failed accept (no file handle left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// The value of `--listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `none`
    Off,
    /// `HOST:PORT`
    At { host: String, port: u16 },
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Off);
        }
        let wrong = || format!("`{text}` is not HOST:PORT (as in 127.0.0.1:9090) and not `none`");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_v6 || host.contains('/') {
            return Err(wrong());
        }
        Ok(Self::At { host: host.to_owned(), port: port.parse().map_err(|_| wrong())? })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("none"),
            Self::At { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl Listen {
    /// The host as it is written; nothing where nothing is listened on.
    pub fn host(&self) -> &str {
        match self {
            Self::Off => "",
            Self::At { host, .. } => host,
        }
    }

    /// The same address for someone on this machine who wants to connect: "everywhere" is not a place.
    pub fn reachable(&self) -> Option<String> {
        let Self::At { host, port } = self else { return None };
        let host = match host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "[::]" => "[::1]",
            host => host,
        };
        Some(format!("{host}:{port}"))
    }
}

/// Why `--listen` could not be had. Its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("`{at}` is in use by another program: choose another address with --listen, or `--listen none`")]
    InUse { at: String },
    #[error(
        "not allowed to listen on `{at}`: ports below 1024 are for root, choose a higher one with --listen"
    )]
    NotAllowed { at: String },
    #[error("this machine has no address `{at}`: choose another one with --listen, or `--listen none`")]
    NoSuchAddress { at: String },
    #[error("cannot listen on `{at}`: {source}")]
    Other { at: String, source: io::Error },
}

/// Opens the door, or says in one sentence why not.
pub async fn bind(listen: &Listen) -> Result<Option<Bounded>, ListenError> {
    let Listen::At { host, port } = listen else { return Ok(None) };
    let at = listen.to_string();
    match TcpListener::bind((host.trim_start_matches('[').trim_end_matches(']'), *port)).await {
        Ok(listener) => Ok(Some(Bounded { listener, places: Arc::new(Semaphore::new(CONNECTIONS_MAX)) })),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { at },
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed { at },
            io::ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress { at },
            _ => ListenError::Other { at, source: error },
        }),
    }
}

/// A listener that holds at most `CONNECTIONS_MAX` connections, none of them idle for long.
pub struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl axum::serve::Listener for Bounded {
    type Io = Watched;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Watched, Self::Addr) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is ours and is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    let silent = Box::pin(sleep(SILENT_MAX));
                    return (Watched { stream, silent, _place: place }, from);
                }
                Err(error) => {
                    tracing::debug!(%error, "no connection accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Bounded {
    /// The address that was really taken, with its port where `--listen` said 0.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with its place among the allowed ones and the time at which it has been silent too long. Only
/// an answer that leaves counts: who sends byte by byte, or reads nothing, holds a place no longer than others.
pub struct Watched {
    stream: TcpStream,
    silent: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Watched {
    /// Something to wait for is not there: then it must come before the connection has been silent too long.
    fn not_yet<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.silent.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.not_yet(context),
            read @ Poll::Ready(_) => read,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Pending => self.not_yet(context),
            written @ Poll::Ready(_) => {
                self.silent.set(sleep(SILENT_MAX));
                written
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        for (text, reachable) in [
            ("127.0.0.1:9090", Some("127.0.0.1:9090")),
            ("0.0.0.0:9090", Some("127.0.0.1:9090")),
            ("[::]:80", Some("[::1]:80")),
            ("localhost:0", Some("localhost:0")),
            ("none", None),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(listen.to_string(), text);
            assert_eq!(listen.reachable().as_deref(), reachable, "{text}");
        }
        for wrong in ["", "9090", ":9090", "localhost", "::1:9090", "a:65536", "http://a:80", "a:b"] {
            assert!(wrong.parse::<Listen>().unwrap_err().contains("127.0.0.1:9090"), "{wrong}");
        }
    }
}
