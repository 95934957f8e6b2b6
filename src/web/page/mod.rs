//! The page for people at `/`: one document, made here, which reads without its script and is live with it.
//!
//! What it shows are the answers of `/api/v1`, through templates that escape whatever they are given. The script
//! holds no template: when something happened it asks for the page again and takes over what differs.

mod asked;
mod clockwork;
mod day;
mod groups;
pub(super) mod paper;
mod pick;
mod refused;
mod suggestion;
mod trial;
mod views;

use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;

use self::asked::{View, Wanted};
use super::api::asked::{Asked, No};
use super::api::deliveries;
use super::gate;
use super::server::Web;
use crate::targets::address::encode;

const SVG: &str = "image/svg+xml";

pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(look))
        .route("/icon.svg", get(icon))
        .route("/try", get(try_it).post(tried).layer(DefaultBodyLimit::max(trial::FORM_BYTES_MAX)))
        .route("/deliveries/{delivery}/retry", get(button).post(retry))
        .route("/deliveries/{delivery}/drop", get(button).post(drop))
}

async fn look(State(web): State<Web>, headers: HeaderMap, asked: Result<Asked<Wanted>, No>) -> Response {
    let shown = match asked {
        Ok(Asked(wanted)) => views::show(&web, wanted).await,
        Err(no) => views::Shown::refused(View::People, no),
    };
    paper::page(&web, &headers, shown)
}

/// Where the form's answer stands, there is a form for whoever only looks.
async fn try_it(State(web): State<Web>, headers: HeaderMap) -> Response {
    let wanted = Wanted { view: View::Try, ..Wanted::default() };
    let shown = views::show(&web, wanted).await;
    paper::page(&web, &headers, shown)
}

async fn tried(
    State(web): State<Web>,
    headers: HeaderMap,
    filled: Result<Form<trial::Filled>, FormRejection>,
) -> Response {
    let shown = trial::tried(&web, filled).await;
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

/// A button of the page. What has arrived meanwhile is not sent again by one that does not say so: it is shown.
async fn retry(
    State(web): State<Web>,
    headers: HeaderMap,
    Path(named): Path<String>,
    Asked(again): Asked<Again>,
) -> Response {
    match deliveries::sent_again(&web, named.clone(), again.force).await {
        Err(no) if no.status() != StatusCode::CONFLICT => refused(&web, &headers, no),
        _ => button(Path(named)).await.into_response(),
    }
}

/// A button of the page.
async fn drop(State(web): State<Web>, headers: HeaderMap, Path(named): Path<String>) -> Response {
    match deliveries::given_up(&web, named).await {
        Ok(_) => Redirect::to("/?view=deliveries").into_response(),
        Err(no) => refused(&web, &headers, no),
    }
}

fn refused(web: &Web, headers: &HeaderMap, no: No) -> Response {
    paper::page(web, headers, views::Shown::refused(View::Deliveries, no))
}

/// Whoever comes to a button's address another way is shown where the button is.
async fn button(Path(named): Path<String>) -> Redirect {
    Redirect::to(&format!("/?view=deliveries&delivery={}", encode(&named)))
}

/// Where there is nothing.
pub async fn nowhere(State(web): State<Web>, headers: HeaderMap, uri: Uri) -> Response {
    let no = No::nothing_there(format!("there is nothing at `{}`", uri.path()));
    if gate::wants_page(&headers) {
        return paper::page(&web, &headers, views::Shown::refused(View::People, no));
    }
    no.into_response()
}
