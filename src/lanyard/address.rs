//! Lanyard's address, taken apart. What may be secret in it is never shown.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::uri::Scheme;

use crate::targets::address::decoded;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    #[error("Lanyard's address is not a URL; write it like `wss://api.lanyard.rest/socket`")]
    NoUrl,
    #[error("Lanyard's address has no scheme; write `wss://` before it, or `ws://` for a server without TLS")]
    NoScheme,
    #[error("Lanyard's address begins with `{found}://`; a WebSocket begins with `{wanted}://`")]
    WrongScheme { found: String, wanted: &'static str },
    #[error("Lanyard's address has no host; write it like `wss://api.lanyard.rest/socket`")]
    NoHost,
}

/// A WebSocket's address. Has no `Debug`: there may be a password in it, or in its query.
#[derive(Clone)]
pub struct Address {
    pub(super) tls: bool,
    /// As it stands in the URL: IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    path: String,
    query: Option<String>,
    /// `user:password`, percent-encoded, as in the URL.
    user: Option<String>,
}

impl Address {
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let url = url.trim();
        if !url.contains("://") {
            return Err(if url.is_empty() { AddressError::NoUrl } else { AddressError::NoScheme });
        }
        let uri: Uri = url.parse().map_err(|_| AddressError::NoUrl)?;
        let tls = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            Some(other) => {
                let wanted = if other == "http" { "ws" } else { "wss" };
                return Err(AddressError::WrongScheme { found: other.to_owned(), wanted });
            }
            None => return Err(AddressError::NoScheme),
        };
        let authority = uri.authority().ok_or(AddressError::NoHost)?;
        if authority.host().is_empty() {
            return Err(AddressError::NoHost);
        }
        Ok(Self {
            tls,
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            user: authority.as_str().rsplit_once('@').map(|(user, _)| user.to_owned()),
        })
    }

    /// Host and port: what may be shown.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The request's target for the WebSocket; the rest of a query stays.
    pub(super) fn socket_url(&self, compression: bool) -> String {
        let kept = self.query.iter().flat_map(|query| query.split('&'));
        let kept = kept.filter(|part| !part.is_empty() && !part.starts_with("compression="));
        let query: Vec<&str> = kept.chain(compression.then_some("compression=zlib_json")).collect();
        let scheme = if self.tls { "wss" } else { "ws" };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{scheme}://{}:{}{}{mark}{}", self.host, self.port, self.path, query.join("&"))
    }

    /// Where a proxy is to lead, and what proxies are chosen by.
    pub(super) fn http_origin(&self) -> Uri {
        let scheme = if self.tls { Scheme::HTTPS } else { Scheme::HTTP };
        let origin = Uri::builder().scheme(scheme).authority(self.place()).path_and_query("/").build();
        origin.expect("its parts were parts of a URL already")
    }

    /// The REST side: `…/socket` becomes `…/v1`, whatever stands before it.
    pub(super) fn rest_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let path = self.path.trim_end_matches('/');
        let before = path.strip_suffix("/socket").unwrap_or(path);
        format!("{scheme}://{}:{}{before}/v1", self.host, self.port)
    }

    /// The value of an `Authorization` header, if the URL names a user.
    pub(super) fn authorization(&self) -> Option<String> {
        let user = decoded(self.user.as_deref()?);
        let user = if user.contains(&b':') { user } else { [user, b":".to_vec()].concat() };
        Some(format!("Basic {}", BASE64_STANDARD.encode(user)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_socket_and_rest() {
        let table = [
            (
                "wss://api.lanyard.rest/socket",
                "wss://api.lanyard.rest:443/socket",
                "https://api.lanyard.rest:443/v1",
            ),
            ("ws://host:4001/socket", "ws://host:4001/socket", "http://host:4001/v1"),
            ("ws://[::1]:4001/x/socket?k=1", "ws://[::1]:4001/x/socket?k=1", "http://[::1]:4001/x/v1"),
            ("ws://host", "ws://host:80/", "http://host:80/v1"),
        ];
        for (url, socket, rest) in table {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.socket_url(false).as_str(), address.rest_url().as_str()), (socket, rest));
            assert!(address.http_origin().port_u16().is_some());
        }
    }

    #[test]
    fn compression_is_added_once_and_other_parts_stay() {
        let table = [
            ("ws://h/socket", "ws://h:80/socket?compression=zlib_json"),
            ("ws://h/socket?a=b", "ws://h:80/socket?a=b&compression=zlib_json"),
            ("ws://h/socket?compression=none&a", "ws://h:80/socket?a&compression=zlib_json"),
        ];
        for (url, expected) in table {
            assert_eq!(Address::parse(url).unwrap().socket_url(true), expected);
        }
        assert_eq!(
            Address::parse("ws://h/s?compression=zlib_json").unwrap().socket_url(false),
            "ws://h:80/s"
        );
    }

    #[test]
    fn a_wrong_address_is_named_without_its_secrets() {
        for (url, part) in [
            ("", "not a URL"),
            ("api.lanyard.rest/socket", "no scheme"),
            ("https://user:hunter2@api.lanyard.rest/socket", "begins with `wss://`"),
            ("http://host/socket", "begins with `ws://`"),
            ("wss:///socket", "not a URL"),
            ("wss://a b/", "not a URL"),
        ] {
            let error = Address::parse(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(part) && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn a_user_in_the_url_becomes_a_header() {
        let address = Address::parse("wss://me:p%40ss@host/socket").unwrap();
        assert_eq!(address.authorization().unwrap(), format!("Basic {}", BASE64_STANDARD.encode("me:p@ss")));
        assert_eq!(
            (address.place(), address.socket_url(false)),
            ("host:443".into(), "wss://host:443/socket".into())
        );
        assert_eq!(Address::parse("wss://host/socket").unwrap().authorization(), None);
    }
}
