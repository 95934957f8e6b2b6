//! The page that asks a browser for the token, or says why none would help.

use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::page::paper::escape;
use crate::printable;

const PAGE: &str = include_str!("login.html");
pub const HTML: &str = "text/html; charset=utf-8";

/// Its own style by its hash, and a form that leads back here. Nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = PAGE.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let style = style.map_or("", |(style, _)| style);
    let policy = format!(
        "default-src 'none'; style-src {}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(style)
    );
    HeaderValue::from_str(&policy).expect("it is ASCII")
});

pub const WRONG: &str = "This is not the token.";
pub const BRAKED: &str =
    "Too many wrong tokens came from this address: try again a few seconds after that has stopped.";

/// A way back that is longer is none.
const BACK_BYTES_MAX: usize = 2048;
const HOME: &str = "/";

/// The form, with what is said above it; whoever has filled it in gets to `back`.
pub fn page(status: StatusCode, said: Option<&str>, back: &str) -> Response {
    let said = said.map_or_else(String::new, |said| format!("<p role=\"alert\">{said}</p>"));
    shown(status, PAGE.replace("<!-- said -->", &said).replace("<!-- back -->", &escape(back)))
}

/// In place of the form a sentence, and the way to the page if there is one.
pub fn refusal(status: StatusCode, why: &str, leads_on: bool) -> Response {
    let (before, form) = PAGE.split_once("<form").unwrap_or((PAGE, ""));
    let after = form.split_once("</form>").map_or("", |(_, after)| after);
    let why = escape(&printable::sentence(why));
    let on = if leads_on { "<p><a href=\"/\">Go on with doorchime's own page</a>.</p>" } else { "" };
    shown(status, format!("{before}<p role=\"alert\">{why}</p>{on}{after}"))
}

fn shown(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(HTML)),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
    ];
    (status, headers, body).into_response()
}

/// A path of our own to go back to, if that is what is asked for; else the page's beginning.
pub fn way_back(asked: &str) -> String {
    let own = asked.starts_with('/')
        && !asked.starts_with("//")
        // What a browser leaves out, or takes for a slash.
        && asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && asked.len() <= BACK_BYTES_MAX;
    let to_the_door = ["/login", "/logout"].contains(&asked.split(['?', '#']).next().unwrap_or_default());
    if own && !to_the_door { asked.to_owned() } else { HOME.to_owned() }
}

/// What a policy calls a style or a script that stands in a page.
pub fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here() {
        for own in
            ["/", "/?view=deliveries&delivery=1", "/?view=person&person=%2F%2Fevil", "/a//b", "/login/x"]
        {
            assert_eq!(way_back(own), own);
        }
        let long = format!("/?{}", "x".repeat(BACK_BYTES_MAX));
        for none in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "/x\\..\\evil",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\r\nSet-Cookie: x=y",
            "/\u{202e}x",
            " //evil.example",
            "/login",
            "/login?x",
            "/logout",
            &long,
        ] {
            assert_eq!(way_back(none), HOME, "{none:?}");
        }
    }
}
