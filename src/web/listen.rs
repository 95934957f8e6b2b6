//! Where the HTTP side listens.

use std::fmt;
use std::io;
use std::str::FromStr;

use tokio::net::TcpListener;

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
pub async fn bind(listen: &Listen) -> Result<Option<TcpListener>, ListenError> {
    let Listen::At { host, port } = listen else { return Ok(None) };
    let at = listen.to_string();
    match TcpListener::bind((host.trim_start_matches('[').trim_end_matches(']'), *port)).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { at },
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed { at },
            io::ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress { at },
            _ => ListenError::Other { at, source: error },
        }),
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
