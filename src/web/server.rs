//! The HTTP server of `run --listen`: whether the bot is alive and ready, what it has counted, and under
//! `/api/v1` what it knows and does.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::access::{Access, Grant};
use super::api::{self, Followers, Outbox};
use super::avatars::{self, Avatars};
use super::gate;
use super::hall::Hall;
use super::page;
use super::places::Limits;
use super::questions::Desk;
use super::status::Status;
use super::trials::Trials;
use crate::clock::Clock;
use crate::metrics::{self, Metrics};
use crate::outbox::health::Healths;
use crate::outbox::pending::Counts;

/// Whoever sends a larger body is cut off, but where a presence is expected.
const BODY_BYTES_MAX: usize = 16 << 10;

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

/// What the HTTP side works with.
#[derive(Clone)]
pub struct Web {
    pub access: Arc<Access>,
    pub metrics: Arc<Metrics>,
    pub status: Arc<Status>,
    /// To whoever reads the rules file again; nobody where there is no file.
    pub reload: Option<mpsc::Sender<Asked>>,
    /// To the task that has the engine.
    pub desk: Desk,
    pub outbox: Outbox,
    pub followers: Followers,
    pub avatars: Avatars,
    pub trials: Trials,
    pub about: About,
    /// Cancelled when everything ends.
    pub leaving: CancellationToken,
}

/// What stays as it is while the bot runs, how its targets do, and how much is owed to them.
#[derive(Clone)]
pub struct About {
    pub started_ms: i64,
    pub dry_run: bool,
    pub healths: watch::Receiver<Healths>,
    pub pending: watch::Receiver<Counts>,
}

/// Somebody asks for the rules file to be read again, and wants to know what became of it.
pub struct Asked(pub oneshot::Sender<Result<String, String>>);

/// Serves until `web.leaving` is cancelled; requests under way have a moment to finish.
pub async fn serve(listener: TcpListener, web: Web, limits: Limits) {
    let (hall, leaving) = (Hall::new(limits, web.metrics.http.clone()), web.leaving.clone());
    hall.receive(listener, router(web), leaving).await;
}

/// The probes, and the rest, which is made at the first request for any of it: many bots are asked for nothing but the
/// probes, and then it takes no memory.
fn router(web: Web) -> Router {
    let (rest, with) = (Arc::<OnceLock<Router>>::default(), web.clone());
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(counted))
        .fallback(move |request: Request| rest.get_or_init(|| the_rest(with.clone())).clone().call(request))
        .layer(axum::middleware::from_fn_with_state(web.clone(), gate::gate))
        .with_state(web)
}

fn the_rest(web: Web) -> Router {
    Router::new()
        .route("/avatar/{person}", get(avatars::avatar))
        .route("/login", get(gate::ask).post(gate::login))
        .route("/logout", post(gate::logout))
        .route("/-/reload", post(reload))
        .merge(page::router())
        .nest("/api/v1", api::router())
        .fallback(page::nowhere)
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(web)
}

async fn healthz() -> Response {
    answer(StatusCode::OK, PLAIN, "ok\n".to_owned())
}

/// Anybody may know which part does not work; why, only those who may read.
async fn readyz(State(web): State<Web>, Extension(grant): Extension<Grant>) -> Response {
    let report = web.status.report();
    let report = if grant.reads() { report } else { report.without_reasons() };
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string_pretty(&report) {
        Ok(text) => answer(status, "application/json", text + "\n"),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn counted(State(web): State<Web>) -> Response {
    match web.metrics.encode(Clock::start().now().wall_ms) {
        Ok(text) => answer(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn reload(State(web): State<Web>) -> Response {
    let (answer_to, answered) = oneshot::channel();
    let asked = match web.reload {
        Some(reload) => reload.send(Asked(answer_to)).await.is_ok(),
        None => false,
    };
    match if asked { answered.await.ok() } else { None } {
        Some(Ok(taken)) => answer(StatusCode::OK, PLAIN, format!("taken: {taken}\n")),
        Some(Err(why)) => answer(StatusCode::UNPROCESSABLE_ENTITY, PLAIN, format!("not taken: {why}\n")),
        None => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            PLAIN,
            "there is no rules file to read again\n".to_owned(),
        ),
    }
}

pub(super) fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, content_type)], text).into_response()
}
