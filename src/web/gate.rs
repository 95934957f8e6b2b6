//! What stands before every request: who asks is looked at, and every answer forbids browsers what none of
//! ours needs.

use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::access::{Head, Purpose, Refusal};
use super::login;
use super::server::{PLAIN, Web, answer};

/// How long a wrong token is thought about: guessing takes its time.
const WRONG_WAIT: Duration = Duration::from_millis(250);

/// The cookie that stands for the token.
const PASS: &str = "doorchime_pass";
/// A pass is good for a month, unless the token is changed.
const PASS_SECONDS: u32 = 30 * 24 * 3600;

/// Runs nothing, shows nothing, is framed nowhere. A page of ours says more itself.
const CLOSED_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const GUARDS: [(header::HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Where nothing is told at all, a browser hides even from us that a form is our own.
    (header::REFERRER_POLICY, "same-origin"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// What an answer says of itself that a browser may keep, and for how long; of all others it keeps nothing.
#[derive(Clone, Copy)]
pub struct Keep(pub Duration);

/// Lets a request through to its answer, or says why not.
pub async fn gate(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let purpose = purpose(request.method(), request.uri().path());
    let judged = web.access.judge(purpose, &head(request.uri(), request.headers()));
    let mut response = match judged {
        Ok(grant) => {
            request.extensions_mut().insert(grant);
            next.run(request).await
        }
        Err(refusal) => {
            let with_page = wants_page(request.headers());
            // Whoever opens the page for the first time has no token yet, and is asked for it.
            if !(with_page && refusal == Refusal::NoToken) {
                web.access.tell_refusal(refusal, request.uri().path());
            }
            if refusal == Refusal::WrongToken {
                tokio::time::sleep(WRONG_WAIT).await;
            }
            refuse(refusal, with_page)
        }
    };
    let keep = response.extensions().get::<Keep>().copied();
    let headers = response.headers_mut();
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(Keep(time)) = keep
        && let Ok(keep) = HeaderValue::from_str(&format!("private, max-age={}", time.as_secs()))
    {
        headers.insert(header::CACHE_CONTROL, keep);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CLOSED_POLICY));
    response
}

fn purpose(method: &Method, path: &str) -> Purpose {
    match path {
        "/healthz" => Purpose::Life,
        "/readyz" => Purpose::Readiness,
        "/login" => Purpose::Login,
        _ if method == Method::GET || method == Method::HEAD => Purpose::Reading,
        _ => Purpose::Changing,
    }
}

fn head<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Head<'r> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is = |name: &'static str, value: &str| {
        headers.get(name).is_some_and(|is| is.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    };
    let named = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or(""));
    let mut hosts = named.chain(uri.authority().map(axum::http::uri::Authority::as_str));
    let host = hosts.next().map(|first| if hosts.all(|host| host == first) { first } else { "" });
    let bearer = text(header::AUTHORIZATION).map(|given| match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    });
    Head {
        host,
        // What cannot be read is nobody's origin.
        origin: headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("")),
        fetch_site: headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or("")),
        opens_page: is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document"),
        bearer,
        pass: cookie(headers, PASS),
        forwarded: ["forwarded", "x-forwarded-for", "x-real-ip"]
            .iter()
            .any(|name| headers.contains_key(*name)),
    }
}

/// Whether a browser shows a pass that is good.
pub fn shows_pass(web: &Web, headers: &HeaderMap) -> bool {
    web.access.token().zip(cookie(headers, PASS)).is_some_and(|(token, pass)| token.is_pass(pass))
}

fn cookie<'r>(headers: &'r HeaderMap, name: &str) -> Option<&'r str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether somebody looks with a browser.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|accept| accept.contains("text/html"))
}

fn refuse(refusal: Refusal, with_page: bool) -> Response {
    let (status, what) = match refusal {
        Refusal::Closed => (
            StatusCode::FORBIDDEN,
            "only /healthz and /readyz are open beyond the machine that doorchime runs on: to read the rest from \
             elsewhere, start it with --token or DOORCHIME_TOKEN",
        ),
        Refusal::NoToken => (
            StatusCode::UNAUTHORIZED,
            "this needs the token that doorchime was started with: send `Authorization: Bearer TOKEN`",
        ),
        Refusal::WrongToken => (
            StatusCode::UNAUTHORIZED,
            "this is not the token that doorchime was started with (--token, DOORCHIME_TOKEN)",
        ),
        Refusal::ForeignHost => (
            StatusCode::FORBIDDEN,
            "this name could be anybody's: ask for localhost or 127.0.0.1, name it in --listen, or start doorchime \
             with --token",
        ),
        Refusal::ForeignPage => (StatusCode::FORBIDDEN, "pages elsewhere may not ask this"),
    };
    let mut response = match refusal {
        Refusal::NoToken | Refusal::WrongToken if with_page => {
            login::page(status, refusal == Refusal::WrongToken)
        }
        _ => answer(status, PLAIN, format!("{what}\n")),
    };
    if status == StatusCode::UNAUTHORIZED {
        let ask = HeaderValue::from_static("Bearer realm=\"doorchime\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
    }
    response
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// The page that asks for the token.
pub async fn ask() -> Response {
    login::page(StatusCode::OK, false)
}

/// Takes the token from the login page's form, and gives the browser a pass.
pub async fn login(State(web): State<Web>, headers: HeaderMap, body: String) -> Response {
    // The form's body is written like the query of an address.
    let given = format!("/?{body}").parse::<Uri>().ok();
    let given = given.and_then(|uri| Query::<Login>::try_from_uri(&uri).ok());
    let token = web.access.token().zip(given).filter(|(token, given)| token.is(given.token.trim()));
    let Some((token, _)) = token else {
        web.access.tell_refusal(Refusal::WrongToken, "/login");
        tokio::time::sleep(WRONG_WAIT).await;
        return login::page(StatusCode::UNAUTHORIZED, true);
    };
    let over_tls =
        headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if over_tls { "; Secure" } else { "" };
    let pass = token.pass();
    let cookie = format!("{PASS}={pass}; Path=/; Max-Age={PASS_SECONDS}; HttpOnly; SameSite=Strict{secure}");
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())])
        .into_response()
}

/// Takes the pass back.
pub async fn logout() -> Response {
    let cookie = format!("{PASS}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())])
        .into_response()
}
