//! The page for people at `/`: one document, made here, which reads without its script and is live with it.
//!
//! What it shows are the answers of `/api/v1`, through templates that escape whatever they are given. The script
//! holds no template: when something happened it asks for the page again and takes over what differs.

mod asked;
mod clockwork;
mod paper;
mod views;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use self::asked::Wanted;
use super::api::asked::{Asked, No};
use super::api::deliveries;
use super::server::Web;

const SVG: &str = "image/svg+xml";

pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(look))
        .route("/icon.svg", get(icon))
        .route("/deliveries/{delivery}/retry", post(retry))
        .route("/deliveries/{delivery}/drop", post(drop))
}

async fn look(State(web): State<Web>, headers: HeaderMap, asked: Result<Asked<Wanted>, No>) -> Response {
    let shown = match asked {
        Ok(Asked(wanted)) => views::show(&web, wanted).await,
        Err(no) => views::Shown::instead(no),
    };
    paper::page(&web, &headers, shown)
}

async fn icon() -> Response {
    ([(header::CONTENT_TYPE, SVG)], include_str!("icon.svg")).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Again {
    #[serde(default)]
    force: bool,
}

/// A button of the page.
async fn retry(
    State(web): State<Web>,
    headers: HeaderMap,
    Path(named): Path<String>,
    Asked(again): Asked<Again>,
) -> Response {
    done(&web, &headers, deliveries::sent_again(&web, named.clone(), again.force).await.map(|_| named))
}

/// A button of the page.
async fn drop(State(web): State<Web>, headers: HeaderMap, Path(named): Path<String>) -> Response {
    done(&web, &headers, deliveries::given_up(&web, named.clone()).await.map(|_| named))
}

/// Back to what the button was about.
fn done(web: &Web, headers: &HeaderMap, done: Result<String, No>) -> Response {
    let to = done.map(|named| format!("/?view=deliveries&delivery={named}"));
    match to.map(|to| HeaderValue::from_str(&to)) {
        Ok(Ok(to)) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Ok(Err(_)) => paper::page(web, headers, views::Shown::instead(No::bad("no delivery is called that"))),
        Err(no) => paper::page(web, headers, views::Shown::instead(no)),
    }
}
