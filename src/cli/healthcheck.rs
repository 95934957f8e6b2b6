//! `healthcheck`: asks the bot's own HTTP side. Small enough to be started every few seconds.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::args::Healthcheck;
use super::exit::{Ended, Exit, Failure};
use super::style::plain;

const PATIENCE: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: u64 = 64 << 10;

pub(super) fn healthcheck(args: &Healthcheck) -> Ended {
    let Some(address) = args.listen.reachable() else {
        return Err(Failure::Finding("nothing to ask: `--listen none` serves no /healthz".to_owned()));
    };
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let answer = ask(&address, path, args.token.as_ref())
        .map_err(|why| Failure::Finding(format!("no answer from `http://{address}{path}`: {why}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    anstream::stdout().lock().write_all(body.as_bytes())?;
    match head.strip_prefix("HTTP/1.").and_then(|line| line.split_ascii_whitespace().nth(1)) {
        Some("200") => Ok(Exit::Fine),
        Some(status) => Err(Failure::Finding(format!("`http://{address}{path}` answered {}", plain(status)))),
        None => Err(Failure::Finding(format!("what listens on `{address}` does not speak HTTP"))),
    }
}

/// One HTTP/1.0 request: the server closes after its answer, which is then whole.
fn ask(address: &str, path: &str, token: Option<&SecretString>) -> std::io::Result<String> {
    let token = token.map(SecretString::expose_secret).filter(|token| !token.contains(char::is_control));
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{token}\r\n");
    let mut last = None;
    for socket in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                // In one piece: the other side may answer and close at the first one.
                stream.write_all(request.as_bytes())?;
                let mut answer = Vec::new();
                stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
                return Ok(String::from_utf8_lossy(&answer).into_owned());
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()))
}
