//! Where pictures come from: Discord's CDN, or what stands in for it. One small request for each, without
//! redirects, and nothing but a picture is taken for an answer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url, header, redirect};

use super::Name;
use super::shelf::Picture;
use crate::AGENT;
use crate::proxies::Proxies;

/// The largest picture that is taken; at this size Discord's have a tenth of it.
pub const PICTURE_BYTES_MAX: usize = 64 << 10;
/// In Discord's pixels, which it scales to.
const SIZE: u32 = 64;
const TIMEOUT: Duration = Duration::from_millis(2500);

/// What a browser shows without running anything: a drawing that can hold a script is not among them.
const KINDS: [&str; 4] = ["image/png", "image/webp", "image/jpeg", "image/gif"];

/// The value of `--avatars`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AvatarsFrom {
    /// `none`: nobody is asked, all are drawn.
    Nowhere,
    /// An address without a slash at its end.
    Url(String),
}

impl FromStr for AvatarsFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Nowhere);
        }
        let wrong = || "this is neither an address such as https://cdn.discordapp.com nor `none`".to_owned();
        let url = Url::parse(text).map_err(|_| wrong())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let bare = url.query().is_none() && url.fragment().is_none();
        if !(plain && bare && ["http", "https"].contains(&url.scheme()) && url.has_host()) {
            return Err(wrong());
        }
        Ok(Self::Url(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for AvatarsFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "none",
            Self::Url(url) => url,
        })
    }
}

pub struct Source {
    client: Client,
    url: String,
}

/// What became of asking for a picture.
pub enum Fetched {
    Picture(Picture),
    /// The answer was no picture.
    Missing(&'static str),
    /// There was no answer.
    Away(&'static str),
}

impl Source {
    /// Nothing where nobody is to be asked, or nobody can be.
    pub fn new(from: &AvatarsFrom) -> Option<Self> {
        let AvatarsFrom::Url(url) = from else { return None };
        let client = Proxies::from_env()
            .give(Client::builder())
            .ok()?
            .tls_backend_preconfigured(crate::tls::client_config(None).ok()?)
            .user_agent(AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .build()
            .ok()?;
        Some(Self { client, url: url.clone() })
    }

    pub async fn fetch(&self, name: &Name) -> Fetched {
        // Asked for like this, a picture that moves stands still.
        let url = format!("{}/avatars/{}/{}.webp?size={SIZE}", self.url, name.person, name.hash);
        match self.client.get(url).header(header::ACCEPT, KINDS.join(", ")).send().await {
            Ok(answer) => read(answer).await,
            Err(error) if error.is_timeout() => Fetched::Away("no answer in time"),
            Err(_) => Fetched::Away("no answer"),
        }
    }
}

async fn read(mut answer: Response) -> Fetched {
    if answer.status().is_server_error() || answer.status() == StatusCode::TOO_MANY_REQUESTS {
        return Fetched::Away("it does not answer now");
    }
    if answer.status() != StatusCode::OK {
        return Fetched::Missing("there is none");
    }
    let said = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let said = said.split(';').next().unwrap_or("").trim();
    let Some(kind) = KINDS.into_iter().find(|kind| said.eq_ignore_ascii_case(kind)) else {
        return Fetched::Missing("the answer is no picture");
    };
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > PICTURE_BYTES_MAX => {
                return Fetched::Missing("it is too large");
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) if bytes.is_empty() => return Fetched::Missing("the answer is empty"),
            Ok(None) => return Fetched::Picture(Picture { kind, bytes: bytes.into() }),
            Err(_) => return Fetched::Away("the answer broke off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_pictures_come_from_is_an_address_or_nowhere() {
        for (text, expected) in [
            ("none", Some("none")),
            ("https://cdn.discordapp.com", Some("https://cdn.discordapp.com")),
            ("http://127.0.0.1:8080/cdn/", Some("http://127.0.0.1:8080/cdn")),
            ("cdn.discordapp.com", None),
            ("ftp://cdn.discordapp.com", None),
            ("https://user:word@cdn.discordapp.com", None),
            ("https://cdn.discordapp.com?size=1", None),
            ("", None),
        ] {
            let parsed = text.parse::<AvatarsFrom>().map(|from| from.to_string());
            assert_eq!(parsed.as_deref().ok(), expected, "{text}");
        }
    }
}
