//! Chromium through its driver: W3C's `WebDriver` over a plain socket, as much of it as the tests need.
//!
//! It blocks. A test's own thread has nothing else to do, and what it looks at runs on other threads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";

/// The longest that any single command may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Nothing of the machine's own, nothing in the background, and no name but the invented ones, which mean this
/// machine. The pipe is what ends the browser when its driver ends.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--window-size=1280,900",
];

/// One browser of its own; ends when it is dropped.
pub struct Driver {
    port: u16,
    session: String,
    process: Child,
    /// The browser's profile, and what the driver says.
    dir: TempDir,
}

/// What the driver says instead of an answer.
#[derive(Debug)]
pub struct Fault {
    /// W3C's words: `no such element`.
    pub kind: String,
    pub message: String,
}

impl Driver {
    /// `None` where there is no browser.
    pub fn start() -> Option<Self> {
        if ![DRIVER, BROWSER].iter().all(|program| Path::new(program).exists()) {
            return None;
        }
        let mut driver = (0..5).find_map(|_| Self::listening()).expect("the driver finds no free port");
        let profile = driver.dir.path().join("profile");
        let flags =
            FLAGS.map(str::to_owned).into_iter().chain([format!("--user-data-dir={}", profile.display())]);
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "timeouts": {"script": 20_000, "pageLoad": 30_000, "implicit": 0},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {
                "binary": BROWSER,
                "args": flags.collect::<Vec<_>>(),
                "perfLoggingPrefs": {"enableNetwork": true, "enablePage": false},
            },
        }}});
        let begun = ask(driver.port, "POST", "/session", &wanted);
        let begun = begun.unwrap_or_else(|fault| panic!("{}: {}", fault.kind, fault.message));
        begun["sessionId"].as_str().unwrap().clone_into(&mut driver.session);
        Some(driver)
    }

    /// A driver without a browser; `None` where the port that it chose is taken under the other kind of address.
    fn listening() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let said = dir.path().join("said");
        let words = File::create(&said).unwrap();
        // The driver ends when its standard input does, so even with a test program that is killed.
        let process = Command::new("sh")
            .args(["-c", "\"$@\" & read -r _; kill -KILL $!", "sh", DRIVER, "--port=0"])
            .stdin(Stdio::piped())
            .stdout(words.try_clone().unwrap())
            .stderr(words)
            .spawn()
            .unwrap();
        let mut driver = Self { port: 0, session: String::new(), process, dir };
        driver.port = until("the driver says its port", || {
            let said = std::fs::read_to_string(&said).unwrap();
            if said.contains("Exiting") { Some(None) } else { port_in(&said).map(Some) }
        })?;
        Some(driver)
    }

    /// A command to the browser: `POST /session/…/path`.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        ask(self.port, "POST", &format!("/session/{}/{path}", self.session), body)
    }

    pub fn get(&self, path: &str) -> Result<Value, Fault> {
        ask(self.port, "GET", &format!("/session/{}/{path}", self.session), &Value::Null)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Whether it is heard or not, the browser ends with its driver.
            let _ = ask(self.port, "DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// `ChromeDriver was started successfully on port 41017.`
fn port_in(said: &str) -> Option<u16> {
    said.split("successfully on port ").nth(1)?.split('.').next()?.parse().ok()
}

/// Waits until there is something.
pub fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    const PAUSE: Duration = Duration::from_millis(25);
    for _ in 0..(ANSWER_MAX.as_millis() / PAUSE.as_millis()) {
        if let Some(found) = look() {
            return found;
        }
        sleep(PAUSE);
    }
    panic!("not within {ANSWER_MAX:?}: {what}");
}

/// One request to the driver, on a connection of its own.
fn ask(port: u16, method: &str, path: &str, body: &Value) -> Result<Value, Fault> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(lost)?;
    stream.set_read_timeout(Some(ANSWER_MAX)).map_err(lost)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).map_err(lost)?;
    let mut answer = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while answer.read_line(&mut line).map_err(lost)? > 2 {
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).map_err(lost)?;
    let mut answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let value = answer["value"].take();
    match value["error"].as_str() {
        Some(kind) => {
            let message = value["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
            Err(Fault { kind: kind.to_owned(), message: message.to_owned() })
        }
        None => Ok(value),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn lost(error: std::io::Error) -> Fault {
    Fault { kind: "the driver does not answer".to_owned(), message: error.to_string() }
}
