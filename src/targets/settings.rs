//! A target's settings, read from the mapping that the table has already been held against.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Key, Placed, Shape, address};
use crate::rules::duration::parse_duration;
use crate::rules::mistake::Mistake;

/// How deliveries to a target are made, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverySettings {
    /// From the first byte sent to the last one read.
    pub timeout: Duration,
    /// Whether an attempt is repeated when the request went out and no answer came.
    pub retry_on_timeout: bool,
    /// Requests under way at once.
    pub concurrency: usize,
    /// A private CA's certificates (PEM), trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// The least time between the beginnings of two requests.
    pub min_gap: Duration,
}

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const TIMEOUT_MAX: Duration = Duration::from_secs(300);
const CONCURRENCY_DEFAULT: usize = 4;
const CONCURRENCY_MAX: usize = 256;

pub const TIMEOUT: Key =
    Key::new("timeout", Shape::Duration, "How long a request may take, up to `5m`; `10s` if not given.");
pub const TLS: Key = Key::new(
    "tls",
    Shape::Tree,
    "`{ca: FILE}`: trust this PEM file beside the system's certificates; the path counts from the rules file's folder.",
);
pub const RETRY_ON_TIMEOUT: Key = Key::new(
    "retry_on_timeout",
    Shape::Bool,
    "Whether to send again when a request was sent and no answer came; `true` if not given.",
);
pub const CONCURRENCY: Key = Key::new(
    "concurrency",
    Shape::Number,
    "Requests under way at once, 1 to 256; 4 if not given, and 1 where the service has a pace of its own.",
);

/// A table of settings, with those that every kind has at its end.
macro_rules! with_common_settings {
    ($($key:expr),* $(,)?) => {
        &[
            $($key,)*
            $crate::targets::settings::TIMEOUT,
            $crate::targets::settings::TLS,
            $crate::targets::settings::RETRY_ON_TIMEOUT,
            $crate::targets::settings::CONCURRENCY,
        ]
    };
}
pub(super) use with_common_settings;

/// Reads settings one by one and gathers what is wrong with them.
pub struct Settings<'s> {
    map: &'s Map<String, Value>,
    problems: Vec<Placed>,
}

impl<'s> Settings<'s> {
    pub fn new(map: &'s Map<String, Value>) -> Self {
        Self { map, problems: Vec::new() }
    }

    pub fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.map.get(key).and_then(spelled)
    }

    /// A text that may not be empty where it is given.
    pub fn filled(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.trim().is_empty() {
            self.problem(key, Mistake::new(0..text.len(), format!("`{key}` is empty")));
        }
        Some(text)
    }

    /// A text that goes into a header or an address: no spaces around it, nothing unprintable within.
    pub fn secret(&mut self, key: &str) -> Option<SecretString> {
        let text = self.filled(key)?;
        let text = text.trim();
        if text.chars().any(char::is_control) {
            // The text itself is not shown: it is a secret.
            self.problem(
                key,
                Mistake::new(0..0, format!("`{key}` has a line break or a control character in it")),
            );
        }
        Some(SecretString::from(text))
    }

    pub fn url(&mut self, key: &str) -> Option<String> {
        let text = self.filled(key)?;
        let text = text.trim();
        if let Err(why) = address::check(text) {
            let mistake = Mistake::new(0..0, format!("`{key}` is not an address: {why}"));
            self.problem(key, mistake.help("it looks like `https://example.org/path`"));
        }
        Some(text.to_owned())
    }

    /// An address whose last slash makes no difference.
    pub fn base_url(&mut self, key: &str) -> Option<String> {
        self.url(key).map(|url| url.trim_end_matches('/').to_owned())
    }

    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.map.get(key)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn text_map(&self, key: &str) -> Vec<(String, String)> {
        let Some(Value::Object(map)) = self.map.get(key) else { return Vec::new() };
        map.iter().filter_map(|(name, value)| Some((name.clone(), spelled(value)?))).collect()
    }

    fn number(&self, key: &str) -> Option<f64> {
        match self.map.get(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn problem(&mut self, key: &str, mistake: Mistake) {
        self.problems.push((vec![key.to_owned()], mistake));
    }

    /// What every kind has; `min_gap` is the service's own pace.
    pub fn delivery(&mut self, min_gap: Duration) -> DeliverySettings {
        DeliverySettings {
            timeout: self.timeout(),
            retry_on_timeout: self.bool("retry_on_timeout").unwrap_or(true),
            concurrency: self.concurrency(min_gap),
            ca: self.ca(),
            min_gap,
        }
    }

    fn timeout(&mut self) -> Duration {
        let Some(text) = self.text("timeout") else { return TIMEOUT_DEFAULT };
        match parse_duration(&text) {
            Ok(timeout) if !timeout.is_zero() && timeout <= TIMEOUT_MAX => timeout,
            _ => {
                let mistake = Mistake::new(0..text.len(), format!("`{text}` is no timeout"));
                self.problem(
                    "timeout",
                    mistake.help("write a time up to five minutes, like `10s` or `500ms`"),
                );
                TIMEOUT_DEFAULT
            }
        }
    }

    /// A service with a pace of its own is asked one thing at a time.
    fn concurrency(&mut self, min_gap: Duration) -> usize {
        let default = if min_gap.is_zero() { CONCURRENCY_DEFAULT } else { 1 };
        let Some(number) = self.number("concurrency") else { return default };
        if number.fract() == 0.0 && (1.0..=CONCURRENCY_MAX as f64).contains(&number) {
            return number as usize;
        }
        let mistake = Mistake::new(0..0, format!("`concurrency` is {number}"));
        self.problem(
            "concurrency",
            mistake.help(format!("write a whole number from 1 to {CONCURRENCY_MAX}")),
        );
        default
    }

    fn ca(&mut self) -> Option<PathBuf> {
        let tls = self.map.get("tls").filter(|value| !value.is_null())?;
        let only_ca = tls.as_object().filter(|map| map.keys().all(|key| key == "ca"));
        let file =
            only_ca.and_then(|map| map.get("ca")).and_then(Value::as_str).filter(|path| !path.is_empty());
        if file.is_none() {
            let mistake = Mistake::new(0..0, "`tls` takes one key, `ca`, with the name of a PEM file");
            self.problem("tls", mistake.help("write `tls: {ca: /path/to/ca.pem}`"));
        }
        file.map(PathBuf::from)
    }

    /// `built`, or everything that was found to be wrong.
    pub fn done<T>(self, built: Option<T>) -> Result<T, Vec<Placed>> {
        match built {
            Some(built) if self.problems.is_empty() => Ok(built),
            _ if self.problems.is_empty() => {
                // The table's check names missing keys before; this keeps the promise if it did not.
                Err(vec![(Vec::new(), Mistake::new(0..0, "a required setting is missing"))])
            }
            _ => Err(self.problems),
        }
    }
}

/// A scalar as text: YAML makes numbers and booleans of what was meant as a name.
fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(settings: &Value) -> Result<DeliverySettings, Vec<Placed>> {
        let map = settings.as_object().unwrap().clone();
        let mut settings = Settings::new(&map);
        let delivery = settings.delivery(Duration::ZERO);
        settings.done(Some(delivery))
    }

    #[test]
    fn what_every_kind_has() {
        let plain = read(&json!({})).unwrap();
        assert_eq!((plain.timeout, plain.retry_on_timeout, plain.ca), (Duration::from_secs(10), true, None));
        let given = read(&json!({"timeout": "1m30s", "retry_on_timeout": false, "concurrency": 1,
            "tls": {"ca": "/ca.pem"}}))
        .unwrap();
        assert_eq!((given.timeout, given.concurrency), (Duration::from_secs(90), 1));
        assert_eq!((given.retry_on_timeout, given.ca), (false, Some(PathBuf::from("/ca.pem"))));
        let wrong = json!({"timeout": "1 fortnight", "concurrency": 0, "tls": {"verify": false}});
        let problems = read(&wrong).unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|(path, _)| path[0].as_str()).collect();
        assert_eq!(keys, ["timeout", "concurrency", "tls"]);
    }

    #[test]
    fn a_mistake_does_not_show_the_secret() {
        let map = json!({"url": "htp://hooks.example/T0PSECRET", "token": "T0P\nSECRET"})
            .as_object()
            .unwrap()
            .clone();
        let mut settings = Settings::new(&map);
        settings.url("url");
        settings.secret("token");
        let problems = settings.done(Some(())).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(!format!("{problems:?}").contains("SECRET"), "{problems:?}");
    }
}
