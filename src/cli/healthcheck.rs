//! `healthcheck`: asks the bot's own HTTP side. Small enough to be started every few seconds.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::args::Healthcheck;
use super::exit::{Ended, Exit, Failure};

const PATIENCE: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: u64 = 64 << 10;

pub(super) fn healthcheck(args: &Healthcheck) -> Ended {
    let Some(address) = args.listen.reachable() else {
        return Err(Failure::Finding("nothing to ask: `--listen none` serves no /healthz".to_owned()));
    };
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let answer = ask(&address, path)
        .map_err(|why| Failure::Finding(format!("no answer from `http://{address}{path}`: {why}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    anstream::stdout().lock().write_all(body.as_bytes())?;
    Ok(if status == "200" { Exit::Fine } else { Exit::Findings })
}

/// One HTTP/1.0 request: the server closes after its answer, which is then whole.
fn ask(address: &str, path: &str) -> std::io::Result<String> {
    let mut last = None;
    for socket in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
                let mut answer = Vec::new();
                stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
                return Ok(String::from_utf8_lossy(&answer).into_owned());
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()))
}
