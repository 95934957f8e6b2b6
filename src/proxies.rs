//! Which proxy a connection goes through: the one that the environment names, but none for this machine itself.
//!
//! The last is what other tools do, and what a Lanyard or a Home Assistant on the same host needs.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy};

/// Never reached through a proxy.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// The environment's words: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case.
pub struct Proxies {
    https: Option<String>,
    http: Option<String>,
    all: Option<String>,
    none: String,
}

/// A proxy's own password may stand in the value, so only the name is told.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` does not name a proxy as `http://proxy:3128` or `socks5://proxy:1080` would")]
pub struct BadProxy(&'static str);

impl Proxies {
    /// Whether what the environment names can be a proxy: a mistyped one must not mean "none".
    pub fn check(&self) -> Result<(), BadProxy> {
        let each = [("HTTPS_PROXY", &self.https), ("HTTP_PROXY", &self.http), ("ALL_PROXY", &self.all)];
        for (name, value) in each {
            let known = value.as_deref().is_none_or(|value| {
                let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
                let known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(&scheme);
                known && reqwest::Url::parse(&format!("http://{rest}")).is_ok_and(|url| url.has_host())
            });
            if !known {
                return Err(BadProxy(name));
            }
        }
        Ok(())
    }

    pub fn from_env() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = |name: &str| {
            let value = variable(name).or_else(|| variable(&name.to_lowercase()))?;
            let value = value.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let none = named("NO_PROXY").map_or_else(String::new, |none| none + ",") + THIS_MACHINE;
        Self { https: named("HTTPS_PROXY"), http: named("HTTP_PROXY"), all: named("ALL_PROXY"), none }
    }

    /// For connections that are made by hand.
    pub fn matcher(&self) -> Matcher {
        let named = |name: &Option<String>| name.clone().unwrap_or_default();
        Matcher::builder()
            .https(named(&self.https))
            .http(named(&self.http))
            .all(named(&self.all))
            .no(self.none.clone())
            .build()
    }

    /// For an HTTP client. Fails if a proxy's address is none.
    pub fn give(&self, mut client: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        client = client.no_proxy();
        let none = NoProxy::from_string(&self.none);
        let each = [
            self.https.as_deref().map(Proxy::https),
            self.http.as_deref().map(Proxy::http),
            self.all.as_deref().map(Proxy::all),
        ];
        for proxy in each.into_iter().flatten() {
            client = client.proxy(proxy?.no_proxy(none.clone()));
        }
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_followed_but_for_this_machine() {
        let proxies = Proxies::from(|name| match name {
            "https_proxy" => Some("http://user:word@proxy:3128".to_owned()),
            "ALL_PROXY" => Some("socks5://socks:1080".to_owned()),
            "NO_PROXY" => Some("example.org".to_owned()),
            _ => None,
        });
        let matcher = proxies.matcher();
        for (address, expected) in [
            ("https://api.lanyard.rest", Some("proxy")),
            ("http://homeassistant.local:8123", Some("socks")),
            ("https://example.org", None),
            ("https://localhost:1", None),
            ("http://127.0.0.53", None),
            ("http://[::1]:4001", None),
        ] {
            let chosen = matcher.intercept(&address.parse().unwrap());
            assert_eq!(chosen.as_ref().and_then(|proxy| proxy.uri().host()), expected, "{address}");
        }
        assert!(proxies.give(reqwest::Client::builder()).is_ok());
    }

    #[test]
    fn what_is_no_proxy_is_told_by_its_name() {
        let with =
            |value: &str| Proxies::from(|name| (name == "HTTP_PROXY").then(|| value.to_owned())).check();
        for good in ["http://u:p@proxy:3128", "proxy:3128", "socks5h://[::1]:1080", "https://proxy"] {
            assert_eq!(with(good), Ok(()), "{good}");
        }
        for bad in ["::bad::", "ftp://proxy:21", "http://", "http://proxy:port"] {
            assert_eq!(with(bad), Err(BadProxy("HTTP_PROXY")), "{bad}");
        }
    }

    #[test]
    fn without_names_there_is_none() {
        for empty in [None, Some(" ".to_owned())] {
            let matcher = Proxies::from(|_| empty.clone()).matcher();
            assert!(matcher.intercept(&"https://api.lanyard.rest".parse().unwrap()).is_none());
        }
    }
}
