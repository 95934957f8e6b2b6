//! Lanyard's REST side: whether it knows a person. Asked by `check --online`, and before a person is called
//! unmonitored.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::{Address, AddressError};
use super::settings::LanyardSettings;
use crate::AGENT;
use crate::presence::model::UserId;
use crate::proxies::Proxies;

const TIMEOUT: Duration = Duration::from_secs(10);
/// A presence with a full KV, and room beside it.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// What Lanyard says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Known, with the presence as it was sent.
    Monitored(Box<str>),
    NotMonitored,
    /// A sentence for people; no URL in it.
    Failed(String),
}

/// What the server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub monitored_users: Option<u64>,
    /// Where to join to become monitored.
    pub invite: Option<String>,
}

pub struct Rest {
    http: reqwest::Client,
    /// `…/v1`, without a slash at its end.
    base: String,
    authorization: Option<String>,
    place: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RestError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: String,
}

impl Rest {
    /// Finds the REST side beside the socket.
    pub fn new(settings: &LanyardSettings, tls: rustls::ClientConfig) -> Result<Self, RestError> {
        let address = Address::parse(&settings.url)?;
        let unusable = |error| RestError::Client(plain(error));
        let http = Proxies::from_env()
            .give(reqwest::Client::builder())
            .map_err(unusable)?
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(AGENT)
            .build()
            .map_err(unusable)?;
        Ok(Self {
            http,
            base: address.rest_url(),
            authorization: address.authorization(),
            place: address.place(),
        })
    }

    /// `GET /v1/users/:id`.
    pub async fn user(&self, id: UserId) -> Lookup {
        match self.fetch(&format!("{}/users/{id}", self.base)).await {
            Ok((status, body)) => read_user(status, &body, &self.place),
            Err(why) => Lookup::Failed(why),
        }
    }

    /// `GET /`, above `/v1`.
    pub async fn about(&self) -> Result<About, String> {
        let (status, body) = self.fetch(&format!("{}/", self.base.trim_end_matches("/v1"))).await?;
        read_about(&body)
            .ok_or_else(|| format!("`{}` answers HTTP {status}, and not as Lanyard does", self.place))
    }

    async fn fetch(&self, url: &str) -> Result<(u16, Vec<u8>), String> {
        let mut request = self.http.get(url);
        if let Some(authorization) = &self.authorization {
            request = request.header(reqwest::header::AUTHORIZATION, authorization);
        }
        let failed = |error| format!("`{}` cannot be asked: {}", self.place, plain(error));
        let mut answer = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("`{}` answers with more than {ANSWER_BYTES_MAX} bytes", self.place));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((answer.status().as_u16(), body))
    }
}

fn read_user(status: u16, body: &[u8], place: &str) -> Lookup {
    match serde_json::from_slice::<Answer<'_>>(body) {
        Ok(Answer { data: Some(presence), .. }) if status == 200 && presence.get().starts_with('{') => {
            Lookup::Monitored(presence.get().into())
        }
        Ok(Answer { error: Some(fault), .. }) if fault.code == "user_not_monitored" => Lookup::NotMonitored,
        _ => Lookup::Failed(format!("`{place}` answers HTTP {status}, and not as Lanyard does")),
    }
}

fn read_about(body: &[u8]) -> Option<About> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        monitored_user_count: Option<u64>,
        discord_invite: Option<String>,
    }
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let told: Told = serde_json::from_str(answer.data?.get()).ok()?;
    Some(About { monitored_users: told.monitored_user_count, invite: told.discord_invite })
}

/// The innermost cause; the outer layers would show the URL.
fn plain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_about_a_person() {
        let monitored = |raw: &str| Lookup::Monitored(raw.into());
        let failed = |status| Lookup::Failed(format!("`h:1` answers HTTP {status}, and not as Lanyard does"));
        let not_monitored =
            r#"{"success":false,"error":{"code":"user_not_monitored","message":"User is not"}}"#;
        for (status, body, expected) in [
            (200, r#"{"success":true,"data":{"kv":{}}}"#, monitored(r#"{"kv":{}}"#)),
            (404, not_monitored, Lookup::NotMonitored),
            (404, r#"{"success":false,"error":{"code":"other"}}"#, failed(404)),
            (404, "<html>", failed(404)),
            (200, r#"{"data":null}"#, failed(200)),
            (502, "", failed(502)),
        ] {
            assert_eq!(read_user(status, body.as_bytes(), "h:1"), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_the_server_says_of_itself() {
        let body = br#"{"data":{"info":"x","discord_invite":"https://discord.gg/lanyard","monitored_user_count":3}}"#;
        let about = About { monitored_users: Some(3), invite: Some("https://discord.gg/lanyard".to_owned()) };
        assert_eq!(read_about(body), Some(about));
        assert_eq!(read_about(b"{}"), None);
    }
}
