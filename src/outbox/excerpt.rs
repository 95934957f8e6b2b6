//! What is kept of an answer, without what the request held in secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::blot::Secrets;
use super::delivery::{Answer, Request};
use crate::targets::address;

/// So much of an answer is kept.
pub const EXCERPT_BYTES_MAX: usize = 2 * 1024;
/// Shorter pieces of an address or a header that nobody has called a secret are words.
const SECRET_BYTES_MIN: usize = 8;

/// The beginning of an answer as text. Error pages like to repeat what was asked: whatever of it is secret is
/// blotted out.
pub fn excerpt(answer: &Answer, request: &Request) -> String {
    let mut secrets = Secrets::default();
    add_secrets(&mut secrets, request, |_| false);
    secrets.blot(&String::from_utf8_lossy(&answer.body), EXCERPT_BYTES_MAX, !answer.whole)
}

/// What the target has called a secret, and everything of the address and the headers that may be one and is not
/// `known` to be none.
pub(super) fn add_secrets(secrets: &mut Secrets, request: &Request, known: impl Fn(&str) -> bool) {
    for secret in &request.secrets {
        secrets.add(secret.expose_secret());
    }
    for piece in pieces(request) {
        if piece.len() >= SECRET_BYTES_MIN && !PUBLIC.contains(&piece) && !known(piece) {
            secrets.add(piece);
        }
    }
    if let Some((login, _)) = split(request.url.expose_secret()).0.rsplit_once('@') {
        // The client makes the header of it that carries its Base64.
        add_login(secrets, &String::from_utf8_lossy(&address::decoded(login)));
    }
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("authorization") {
            continue;
        }
        let value = value.expose_secret();
        let credentials = value.split_once(' ').map_or(value, |(_, credentials)| credentials).trim();
        secrets.add(credentials);
        if let Ok(login) = STANDARD.decode(credentials)
            && let Ok(login) = String::from_utf8(login)
        {
            add_login(secrets, &login);
        }
    }
}

/// A name and a password, alone, together, and as they stand in a header.
fn add_login(secrets: &mut Secrets, login: &str) {
    secrets.add(login);
    secrets.add(STANDARD.encode(login).trim_end_matches('='));
    if let Some((name, password)) = login.split_once(':') {
        secrets.add(name);
        secrets.add(password);
    }
}

/// The address and the headers, whole and in parts.
fn pieces(request: &Request) -> Vec<&str> {
    let url = request.url.expose_secret();
    let path = split(url).1;
    let mut pieces = vec![url, path];
    pieces.extend(path.split(['/', '?', '&', '=', '#']));
    for (_, value) in &request.headers {
        let value = value.expose_secret();
        pieces.push(value);
        pieces.extend(value.split_whitespace().map(|word| word.trim_end_matches('=')));
    }
    pieces
}

/// What stands between `//` and the path, and the path with all that follows it.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// Words that every request has are no secrets, and answers need them to be understood.
const PUBLIC: &[&str] = &[
    "application/json",
    "application/json; charset=utf-8",
    "application/cloudevents+json",
    "application/x-www-form-urlencoded",
    "charset=utf-8",
    "services",
    "webhooks",
    "/message",
    "sendMessage",
    "persistent_notification",
    "m.room.message",
    "messages.json",
    "validate.json",
    "automations",
    "powerautomate",
    "workflows",
    "triggers",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        Request {
            method: "POST",
            url: url.to_owned().into(),
            headers: Vec::new(),
            body: Vec::new(),
            secrets: Vec::new(),
        }
    }

    fn kept(body: &str, request: &Request) -> String {
        excerpt(&Answer { status: 404, headers: Vec::new(), body: body.into(), whole: true }, request)
    }

    #[test]
    fn what_an_answer_repeats_of_the_request_is_blotted_out() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned().into());
        let hook = Request {
            headers: vec![
                header("authorization", "Bearer tk_verysecret"),
                header("content-type", "application/json"),
            ],
            ..request("https://hooks.example.org/services/T0000/B0000/abcdefghijkl?key=qwertyuiop")
        };
        let login = request("http://usr:P%40W@host.example/");
        let escaped = request("http://host.example/PCTSECRET%2Bab%2Fcd?sig=PCTSIG%3D%3Dxyz");
        let own =
            Request { headers: vec![header("authorization", "Basic bWU6cHc=")], ..request("http://a/") };
        let told = Request { secrets: vec!["doors".to_owned().into()], ..request("http://a/") };
        for (request, body, expected) in [
            (&hook, "no such token tk_verysecret", "no such token [secret]"),
            (&hook, "/services/T0000/B0000/abcdefghijkl?key=qwertyuiop not found", "[secret] not found"),
            (&hook, "services: abcdefghijkl, qwertyuiop", "services: [secret], [secret]"),
            (&hook, "expected application/json", "expected application/json"),
            (&hook, "\u{fffd}ok", "\u{fffd}ok"),
            (&login, "authorization: Basic dXNyOlBAVw==", "authorization: Basic [secret]=="),
            (&login, "no usr:P@W, no usr, no P@W", "no [secret], no [secret], no [secret]"),
            (&login, "no usr:P%40W", "no [secret]"),
            (&escaped, "GET /PCTSECRET+ab/cd?sig=PCTSIG==xyz", "GET [secret]"),
            (&escaped, "PCTSECRET+ab/cd and PCTSIG==xyz", "[secret] and [secret]"),
            (&own, "Basic bWU6cHc= is me:pw", "[secret] is [secret]"),
            (&told, "topic doors, not indoors", "topic [secret], not indoors"),
        ] {
            assert_eq!(kept(body, request), expected, "{body}");
        }
    }

    #[test]
    fn it_is_cut_between_characters_and_never_inside_a_secret() {
        let secret = "s3cr3t".repeat(20);
        let request = request(&format!("https://example.org/{secret}"));
        let body = format!("{}{secret}", "é".repeat(EXCERPT_BYTES_MAX / 2 - 20));
        let shown = kept(&body, &request);
        assert!(shown.len() <= EXCERPT_BYTES_MAX && !shown.contains("s3cr3t"), "{shown}");
        // Blotting shortens: more of the answer comes to be shown than was meant to be.
        let shown = kept(&format!("{} {secret}", secret.repeat(60)), &request);
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let begun = Answer { body: format!("no {}", &secret[..50]).into(), ..Answer::default() };
        assert_eq!(excerpt(&begun, &request), "no [secret]");
        assert!(
            (EXCERPT_BYTES_MAX - 3..=EXCERPT_BYTES_MAX).contains(&kept(&"é€".repeat(5_000), &request).len())
        );
    }
}
