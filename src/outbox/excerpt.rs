//! What is kept of an answer, without what the request held in secret.

use secrecy::ExposeSecret;

use super::delivery::{Answer, Request};

/// So much of an answer is kept.
pub const EXCERPT_BYTES_MAX: usize = 2 * 1024;
/// Shorter texts are words, not secrets.
const SECRET_BYTES_MIN: usize = 8;

/// The beginning of an answer as text. Error pages like to repeat what was asked: whatever of the address and
/// the headers stands in it is blotted out.
pub fn excerpt(answer: &Answer, request: &Request) -> String {
    // Cut after blotting: a secret across the edge would be shown by half. The bound keeps this cheap.
    let read = &answer.body[..answer.body.len().min(EXCERPT_BYTES_MAX * 2)];
    let mut text = String::from_utf8_lossy(read).into_owned();
    for secret in secrets(request) {
        if text.contains(secret) {
            text = text.replace(secret, "[secret]");
        }
    }
    text.truncate(text.floor_char_boundary(EXCERPT_BYTES_MAX));
    text
}

/// The longest first, so that a part does not leave the rest of a whole.
fn secrets(request: &Request) -> Vec<&str> {
    let url = request.url.expose_secret();
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    let mut secrets = vec![url, path];
    secrets.extend(path.split(['/', '?', '&', '=', '#']));
    for (_, value) in &request.headers {
        let value = value.expose_secret();
        secrets.push(value);
        secrets.extend(value.split_whitespace());
    }
    // Words that every request has are no secrets, and answers need them to be understood.
    secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN && !PUBLIC.contains(secret));
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

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
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_repeats_of_the_request_is_blotted_out() {
        let request = Request {
            method: "POST",
            url: "https://hooks.example.org/services/T0000/B0000/abcdefghijkl?key=qwertyuiop"
                .to_owned()
                .into(),
            headers: vec![
                ("authorization".into(), "Bearer tk_verysecret".to_owned().into()),
                ("content-type".into(), "application/json".to_owned().into()),
            ],
            body: Vec::new(),
        };
        for (body, expected) in [
            ("no such token tk_verysecret", "no such token [secret]"),
            ("POST /services/T0000/B0000/abcdefghijkl?key=qwertyuiop not found", "POST [secret] not found"),
            ("services: abcdefghijkl, qwertyuiop", "services: [secret], [secret]"),
            ("expected application/json", "expected application/json"),
            ("\u{fffd}ok", "\u{fffd}ok"),
        ] {
            let answer = Answer { status: 404, headers: Vec::new(), body: body.into() };
            assert_eq!(excerpt(&answer, &request), expected, "{body}");
        }
    }

    #[test]
    fn it_is_cut_between_characters_and_never_inside_a_secret() {
        let secret = "s3cr3t".repeat(20);
        let request = Request {
            method: "POST",
            url: format!("https://example.org/{secret}").into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let body = format!("{}{secret}", "é".repeat(EXCERPT_BYTES_MAX / 2 - 20));
        let answer = Answer { status: 500, headers: Vec::new(), body: body.into_bytes() };
        let kept = excerpt(&answer, &request);
        assert!(kept.len() <= EXCERPT_BYTES_MAX && !kept.contains("s3cr3t"), "{kept}");
        let long = Answer { body: "é€".repeat(5_000).into_bytes(), ..answer };
        assert!((EXCERPT_BYTES_MAX - 3..=EXCERPT_BYTES_MAX).contains(&excerpt(&long, &request).len()));
    }
}
