//! What stands before every request: who asks is looked at, and every answer forbids browsers what none of
//! ours needs.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::access::{Grant, Head, Purpose, Refusal};
use super::guest::Guest;
use super::peer::Caller;
use super::server::{PLAIN, Web, answer};
use super::{brake, login};

/// What asks how the bot is: it is answered on the places that are kept for that, too.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// After such an answer the connection is closed: whoever gets it holds no place with it.
const ENDS_THERE: [StatusCode; 6] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// What is not to be had now may be so many seconds later.
const AGAIN_AFTER: &str = "5";

/// What proxies say of those for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where the token is asked for, and shown.
const LOGIN: &str = "/login";
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
pub async fn gate(
    State(web): State<Web>,
    Extension(guest): Extension<Arc<Guest>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let caller = caller(&guest, request.headers());
    let judged = web.access.judge(purpose(method, path), caller, &head(request.uri(), request.headers()));
    let mut response = match judged {
        _ if guest.only_probes() && !PROBES.contains(&path) => crowded(),
        Ok(grant) => {
            if grant == Grant::Keyholder {
                guest.is_known();
            }
            request.extensions_mut().insert(grant);
            answered_in_time(request, next, &guest).await
        }
        Err(refusal) => {
            let with_page = wants_page(request.headers());
            // Whoever opens the page for the first time has no token yet, and is asked for it.
            if !(with_page && refusal == Refusal::NoToken) {
                turned_away(&web, caller, refusal, path);
            }
            refuse(refusal, with_page.then(|| way_back(&request)))
        }
    };
    let (status, keep) = (response.status(), response.extensions().get::<Keep>().copied());
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
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static(AGAIN_AFTER));
    }
    if guest.only_probes() || ENDS_THERE.contains(&status) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Has it answered, unless what comes with it does not come.
async fn answered_in_time(request: Request, next: Next, guest: &Guest) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Let go of when all of the body was read, or nobody wants it.
    let read = CancellationToken::new();
    let reading = read.clone().drop_guard();
    let request = request.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            let _ = &reading;
        }))
    });
    let late = async {
        if guest.brings(read.cancelled()).await {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        response = next.run(request) => response,
        () = late => answer(StatusCode::REQUEST_TIMEOUT, PLAIN, "the rest of this did not come in time\n".to_owned()),
    }
}

fn crowded() -> Response {
    let text = "all connections are taken: just now only /healthz, /readyz and /metrics are answered\n";
    answer(StatusCode::SERVICE_UNAVAILABLE, PLAIN, text.to_owned())
}

/// Somebody is turned away: that is counted, and told now and then.
fn turned_away(web: &Web, caller: Caller, refusal: Refusal, path: &str) {
    web.metrics.http.turned_away(refusal.cause());
    web.access.tell_refusal(refusal, caller, path);
}

/// Who asks, and for whom, where a proxy says so.
fn caller(guest: &Guest, headers: &HeaderMap) -> Caller {
    let mut lists = headers.get_all(FORWARDED_FOR).iter();
    Caller::new(guest.peer, lists.next_back().and_then(|list| list.to_str().ok()))
}

fn purpose(method: &Method, path: &str) -> Purpose {
    match path {
        "/healthz" => Purpose::Life,
        "/readyz" => Purpose::Readiness,
        LOGIN => Purpose::Login,
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
    let mut hosts = named.chain(uri.authority().map(Authority::as_str));
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
        forwarded: ["forwarded", FORWARDED_FOR, "x-real-ip"].iter().any(|name| headers.contains_key(*name)),
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

/// Says no; in a browser with the page that asks for the token, which leads back there.
fn refuse(refusal: Refusal, page: Option<String>) -> Response {
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
        Refusal::Braked => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many wrong tokens came from this address: no token from there is looked at for a few seconds",
        ),
        Refusal::ForeignHost => (
            StatusCode::FORBIDDEN,
            "this name could be anybody's: ask for localhost or 127.0.0.1, name it in --listen, or start doorchime \
             with --token",
        ),
        Refusal::ForeignPage => (StatusCode::FORBIDDEN, "pages elsewhere may not ask this"),
    };
    let mut response = match (refusal, page) {
        (Refusal::NoToken, Some(back)) => login::page(status, None, &back),
        (Refusal::WrongToken, Some(back)) => login::page(status, Some(login::WRONG), &back),
        (Refusal::Braked, Some(back)) => login::page(status, Some(login::BRAKED), &back),
        (_, Some(_)) => login::refusal(status, what, refusal == Refusal::ForeignPage),
        (_, None) => answer(status, PLAIN, format!("{what}\n")),
    };
    if status == StatusCode::UNAUTHORIZED {
        let ask = HeaderValue::from_static("Bearer realm=\"doorchime\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let again = HeaderValue::from(brake::AGAIN_AFTER.as_secs());
        response.headers_mut().insert(header::RETRY_AFTER, again);
    }
    response
}

/// Where a browser wants to be once it has the token: where it wanted to go, or where the button stands.
fn way_back(request: &Request) -> String {
    let headers = request.headers();
    let looks = [Method::GET, Method::HEAD].contains(request.method()) && request.uri().path() != LOGIN;
    if looks {
        return login::way_back(request.uri().path_and_query().map_or("", |path| path.as_str()));
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let from = text(header::REFERER).and_then(|from| from.parse::<Uri>().ok());
    let own = |from: &Uri| from.authority().map(Authority::as_str) == text(header::HOST);
    let path = from.as_ref().filter(|from| own(from)).and_then(Uri::path_and_query);
    login::way_back(path.map_or("", |path| path.as_str()))
}

#[derive(Deserialize)]
struct Login {
    token: String,
    #[serde(default)]
    back: String,
}

/// The page that asks for the token.
pub async fn ask(request: Request) -> Response {
    login::page(StatusCode::OK, None, &way_back(&request))
}

/// Takes the token from the login page's form, and gives the browser a pass.
pub async fn login(
    State(web): State<Web>,
    Extension(guest): Extension<Arc<Guest>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    // The form's body is written like the query of an address.
    let given = format!("/?{body}").parse::<Uri>().ok();
    let given = given.and_then(|uri| Query::<Login>::try_from_uri(&uri).ok());
    let (given, back) = given.map(|Query(Login { token, back })| (token, back)).unwrap_or_default();
    let back = login::way_back(&back);
    let caller = caller(&guest, &headers);
    let token = match web.access.opens(caller, given.trim()) {
        Ok(token) => token,
        Err(refusal) => {
            turned_away(&web, caller, refusal, LOGIN);
            return refuse(refusal, Some(back));
        }
    };
    guest.is_known();
    let over_tls =
        headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if over_tls { "; Secure" } else { "" };
    let pass = token.pass();
    let cookie = format!("{PASS}={pass}; Path=/; Max-Age={PASS_SECONDS}; HttpOnly; SameSite=Strict{secure}");
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, back)]).into_response()
}

/// Takes the pass back.
pub async fn logout() -> Response {
    let cookie = format!("{PASS}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())])
        .into_response()
}
