//! The page that asks a browser for the token.

use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

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

/// The form; after a wrong token it says so.
pub fn page(status: StatusCode, wrong: bool) -> Response {
    let said = if wrong { "<p role=\"alert\">This is not the token.</p>" } else { "" };
    let body = PAGE.replace("<!-- said -->", said);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(HTML)),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
    ];
    (status, headers, body).into_response()
}

/// What a policy calls a style or a script that stands in a page.
pub fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}
