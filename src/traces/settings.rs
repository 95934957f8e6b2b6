//! Where traces go: what OpenTelemetry's own variables of the environment say.
//!
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/> and
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use secrecy::SecretString;

use super::ids::Sampler;
use crate::targets::address;

pub struct Settings {
    /// The variable that says where.
    pub from: &'static str,
    pub url: SecretString,
    pub headers: Vec<(String, SecretString)>,
    /// Who we say we are.
    pub resource: Vec<(String, String)>,
    pub sampler: Sampler,
    /// Whether another protocol is asked for than the one that we have.
    pub other_protocol: bool,
    /// Whether targets are told which trace they are part of.
    pub passed_on: bool,
}

/// What it says may be a secret, so only the name is told.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{name}` {why}")]
pub struct BadSetting {
    name: &'static str,
    why: &'static str,
}

const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SHARE: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE: &str = "service.name";

impl Settings {
    /// Nothing where no traces are wanted.
    pub fn from_env() -> Result<Option<Self>, BadSetting> {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadSetting> {
        let named = |name: &str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let is = |name: &str, word: &str| named(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let (from, url) = match (named(TRACES_ENDPOINT), named(ENDPOINT)) {
            (Some(url), _) => (TRACES_ENDPOINT, url),
            (None, Some(url)) => (ENDPOINT, format!("{}/v1/traces", url.trim_end_matches('/'))),
            (None, None) => return Ok(None),
        };
        let known = reqwest::Url::parse(&url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
        if !known {
            return Err(BadSetting { name: from, why: "is no address such as `http://collector:4318`" });
        }
        let pairs = |name: &'static str| match named(name).map(|value| pairs(&value)) {
            Some(None) => Err(BadSetting { name, why: "is no list such as `name=value,other=value`" }),
            pairs => Ok(pairs.flatten().unwrap_or_default()),
        };
        let headers_in = if named(TRACES_HEADERS).is_some() { TRACES_HEADERS } else { HEADERS };
        let headers = pairs(headers_in)?.into_iter().map(|(name, value)| (name.to_lowercase(), value.into()));
        let mut resource = pairs(RESOURCE)?;
        if let Some(service) = named("OTEL_SERVICE_NAME") {
            resource.retain(|(key, _)| key != SERVICE);
            resource.push((SERVICE.to_owned(), service));
        } else if resource.iter().all(|(key, _)| key != SERVICE) {
            resource.push((SERVICE.to_owned(), env!("CARGO_PKG_NAME").to_owned()));
        }
        resource.push(("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
        Ok(Some(Self {
            from,
            url: url.into(),
            headers: headers.collect(),
            resource,
            sampler: sampler(named(SAMPLER).as_deref(), named(SHARE).as_deref())?,
            other_protocol: is("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
                || is("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            passed_on: is("DOORCHIME_TRACEPARENT", "true"),
        }))
    }
}

/// `name=value,other=value`, values percent-encoded where they must be.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let decoded = |text: &str| String::from_utf8(address::decoded(text.trim())).ok();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((decoded(name).filter(|name| !name.is_empty())?, decoded(value)?))
    };
    text.split(',').filter(|piece| !piece.trim().is_empty()).map(pair).collect()
}

/// Nobody decides before us, so that a sampler by its parent is what it is without one.
fn sampler(name: Option<&str>, share: Option<&str>) -> Result<Sampler, BadSetting> {
    let name = name.unwrap_or("always_on");
    match name.strip_prefix("parentbased_").unwrap_or(name) {
        "always_on" => Ok(Sampler::All),
        "always_off" => Ok(Sampler::None),
        "traceidratio" => match share.unwrap_or("1").parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Sampler::Share(share)),
            _ => Err(BadSetting { name: SHARE, why: "is no share from 0 to 1" }),
        },
        _ => Err(BadSetting {
            name: SAMPLER,
            why: "is none of always_on, always_off, traceidratio, or one of these after `parentbased_`",
        }),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Option<Settings>, BadSetting> {
        Settings::from(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn the_environment_says_where_and_who() {
        let settings = from(&[
            (ENDPOINT, "https://collector.test:4318/in/"),
            (HEADERS, "Authorization=Bearer%20T0P, x-scope = a=b,"),
            (RESOURCE, "deployment.environment=home,service.name=lost"),
            ("OTEL_SERVICE_NAME", "bell"),
            (SAMPLER, "parentbased_traceidratio"),
            (SHARE, "0.5"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("DOORCHIME_TRACEPARENT", "true"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.url.expose_secret(), "https://collector.test:4318/in/v1/traces");
        let headers: Vec<_> = settings.headers.iter().map(|(k, v)| (k.as_str(), v.expose_secret())).collect();
        assert_eq!(headers, [("authorization", "Bearer T0P"), ("x-scope", "a=b")]);
        let resource: Vec<_> = settings.resource.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let version = env!("CARGO_PKG_VERSION");
        let expected =
            [("deployment.environment", "home"), ("service.name", "bell"), ("service.version", version)];
        assert_eq!(resource, expected);
        assert!(
            settings.sampler == Sampler::Share(0.5) && settings.other_protocol && settings.from == ENDPOINT
        );
        assert!(settings.passed_on);
        let own = from(&[(TRACES_ENDPOINT, "http://t:1/as/it/is"), (ENDPOINT, "nonsense")]).unwrap().unwrap();
        assert_eq!(own.url.expose_secret(), "http://t:1/as/it/is");
        assert_eq!(own.resource[0].1, "doorchime");
        assert!(!own.passed_on, "unless it is wanted");
    }

    #[test]
    fn no_traces_unless_they_are_wanted() {
        let there = (ENDPOINT, "http://collector:4318");
        for off in [
            &[][..],
            &[(ENDPOINT, " ")],
            &[there, ("OTEL_SDK_DISABLED", "true")],
            &[there, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert!(from(off).unwrap().is_none(), "{off:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_by_its_name() {
        let there = (ENDPOINT, "http://collector:4318");
        for (variables, name) in [
            (vec![(ENDPOINT, "collector:4318")], ENDPOINT),
            (vec![(TRACES_ENDPOINT, "T0PSECRET")], TRACES_ENDPOINT),
            (vec![there, (HEADERS, "T0PSECRET")], HEADERS),
            (vec![there, (SAMPLER, "sometimes")], SAMPLER),
            (vec![there, (SAMPLER, "traceidratio"), (SHARE, "2")], SHARE),
        ] {
            let told = from(&variables).err().unwrap().to_string();
            assert!(told.starts_with(&format!("`{name}` is n")) && !told.contains("T0P"), "{told}");
        }
    }
}
