//! `explain`: asks a running bot, or a recording, why a rule rings or not.

mod recorded;

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::{Client, StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use super::args::asking::Explain;
use super::exit::{Ended, Exit, Failure};
use super::replay::ring::day_and_time;
use super::style::{self, paint, plain};
use super::words::ago;
use crate::clock::Clock;
use crate::printable;
use crate::proxies::Proxies;
use crate::tls;

const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 4 << 20;

pub(super) fn explain(args: &Explain) -> Ended {
    if let Some(recording) = &args.recording {
        return recorded::explain(args, recording);
    }
    let url = address(args)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    let answer = runtime.block_on(ask(&url, args))?;
    tell(args, answer, &AsOf { now_ms: Clock::start().now().wall_ms, then: None })?;
    Ok(Exit::Fine)
}

/// When it is so.
struct AsOf {
    now_ms: i64,
    /// In a recording: the zone in which times are shown.
    then: Option<TimeZone>,
}

fn tell(args: &Explain, answer: Value, as_of: &AsOf) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{}", printable::json(&answer))?;
        return Ok(());
    }
    let told: Told = serde_json::from_value(answer)
        .map_err(|error| Failure::fault(format!("what answers is no doorchime of this version: {error}")))?;
    for (at, one) in told.explained.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        for line in lines(&told.rule, one, as_of) {
            writeln!(out, "{line}")?;
        }
    }
    if told.more > 0 {
        let more = format!("\nIt is about {} more: name one with --person.", told.more);
        writeln!(out, "{}", paint(style::FAINT, more))?;
    }
    Ok(())
}

/// Where to ask about the rule. The path's parts are escaped, whatever the rule is called.
fn address(args: &Explain) -> Result<Url, Failure> {
    let base = match (&args.url, args.listen.reachable()) {
        (Some(url), _) => url.clone(),
        (None, Some(address)) => format!("http://{address}"),
        (None, None) => {
            return Err(Failure::Usage("nothing to ask: DOORCHIME_LISTEN is `none`; use --url".to_owned()));
        }
    };
    let wrong = || Failure::Usage(format!("`{}` is no http:// or https:// address", plain(&base)));
    let mut url: Url = base.parse().map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    url.path_segments_mut()
        .map_err(|()| wrong())?
        .pop_if_empty()
        .extend(["api", "v1", "rules", &args.rule, "explain"]);
    if let Some(person) = &args.person {
        url.query_pairs_mut().append_pair("person", person);
    }
    Ok(url)
}

async fn ask(url: &Url, args: &Explain) -> Result<Value, Failure> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let at = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    let client = client(&host)?;
    let mut request = client.get(url.clone());
    if let Some(token) = &args.token {
        request = request.bearer_auth(token.expose_secret());
    }
    let silent = |error: reqwest::Error| {
        let why = innermost(&error.without_url());
        Failure::Usage(format!(
            "no doorchime answers at `{at}`: {why}; is `doorchime run` running, and is --url what it listens on?"
        ))
    };
    let mut answer = request.send().await.map_err(silent)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(silent)? {
        body.extend_from_slice(&piece);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(Failure::fault(format!("the answer of `{at}` does not end")));
        }
    }
    let text = String::from_utf8_lossy(&body);
    let value: Option<Value> = serde_json::from_str(&text).ok();
    if status == StatusCode::OK
        && let Some(value) = value
    {
        return Ok(value);
    }
    let said = value.as_ref().and_then(|value| value["error"].as_str()).unwrap_or(text.trim());
    let said: String = plain(said.lines().next().unwrap_or_default()).chars().take(300).collect();
    Err(Failure::Usage(match status {
        StatusCode::UNAUTHORIZED if args.token.is_some() => {
            format!("`{at}` has another token than the one in --token or DOORCHIME_TOKEN")
        }
        StatusCode::UNAUTHORIZED => {
            format!("`{at}` wants its token: give it with --token or DOORCHIME_TOKEN")
        }
        _ => format!("`{at}` answered {}: {said}", status.as_u16()),
    }))
}

fn client(host: &str) -> Result<Client, Failure> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let client = Client::builder()
        .tls_backend_preconfigured(tls::client_config(None).map_err(Failure::usage)?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE);
    let client =
        if local { client.no_proxy() } else { Proxies::from_env().give(client).map_err(Failure::usage)? };
    client.build().map_err(|error| Failure::fault(error.without_url()))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[derive(Deserialize)]
struct Told {
    rule: String,
    explained: Vec<One>,
    more: usize,
}

#[derive(Deserialize)]
struct One {
    person: Option<Person>,
    shut: Option<String>,
    gates: Vec<Gate>,
    last: Option<Last>,
    last_values: Vec<Part>,
}

#[derive(Deserialize)]
struct Person {
    id: String,
    key: Option<String>,
}

#[derive(Deserialize)]
struct Gate {
    #[serde(rename = "gate")]
    name: String,
    stands: String,
    why: String,
    values: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    part: String,
    value: String,
}

#[derive(Deserialize)]
struct Last {
    at: String,
    cause: String,
    verdict: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    text: String,
}

fn lines(rule: &str, one: &One, as_of: &AsOf) -> Vec<String> {
    let head = paint(style::HEAD, plain(rule));
    let mut lines = vec![match &one.person {
        Some(Person { id, key: Some(key) }) => format!("{head} for {} ({})", plain(key), plain(id)),
        Some(Person { id, key: None }) => format!("{head} for {}", plain(id)),
        None => head,
    }];
    let width = one.gates.iter().map(|gate| gate.name.chars().count()).max().unwrap_or_default();
    for gate in &one.gates {
        let colour = match gate.stands.as_str() {
            "open" => style::GOOD,
            "shut" => style::BAD,
            _ => style::FAINT,
        };
        let (name, stands) = (plain(&gate.name), paint(colour, format!("{:<5}", plain(&gate.stands))));
        lines.push(format!("  {name:<width$}  {stands}  {}", plain(&gate.why)));
        lines.extend(parts(&gate.values, width + 11));
    }
    let AsOf { now_ms, then } = as_of;
    let now =
        then.as_ref().map_or_else(|| "Now".to_owned(), |zone| format!("At {}", day_and_time(*now_ms, zone)));
    lines.push(match &one.shut {
        Some(gate) => format!("{now} `{}` holds it back.", plain(gate)),
        None => format!("{now} nothing holds it back: what it waits for decides."),
    });
    if let Some(last) = &one.last {
        let at = last.at.parse::<jiff::Timestamp>().map_or(*now_ms, jiff::Timestamp::as_millisecond);
        let (cause, verdict) = (plain(&last.cause), plain(&last.verdict.text));
        let since = ago(now_ms - at);
        let when = match then {
            Some(zone) => format!("{} ({since} before)", day_and_time(at, zone)),
            None => format!("{since} ago"),
        };
        lines.push(format!("Last asked {when} at `{cause}`: {verdict}"));
        lines.extend(parts(&one.last_values, 2));
    } else {
        let since = if then.is_some() { "the recording began" } else { "doorchime was started" };
        lines.push(format!("It was not asked yet since {since}."));
    }
    lines
}

fn parts(parts: &[Part], indent: usize) -> impl Iterator<Item = String> {
    parts.iter().map(move |part| {
        let (name, value) = (plain(&part.part), plain(&part.value));
        format!("{:indent$}{}", "", paint(style::FAINT, format!("{name} = {value}")))
    })
}
