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
    let policy = format!(
        "default-src 'none'; style-src {}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash_of(PAGE, "style")
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

/// What a policy calls the only element of a kind in a page: the hash of what is between its marks.
pub fn hash_of(page: &str, element: &str) -> String {
    let inner = page.split_once(&format!("<{element}>")).map_or("", |(_, rest)| rest);
    let inner = inner.split_once(&format!("</{element}>")).map_or("", |(inner, _)| inner);
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(inner)))
}
