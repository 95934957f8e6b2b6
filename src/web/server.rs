//! The HTTP server of `run --listen`: whether the bot is alive, whether it is ready, what it has counted.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use super::listen::Bounded;
use super::status::Status;
use crate::metrics::{self, Metrics};

/// Nothing in here reads a body; whoever sends a larger one is cut off.
const BODY_BYTES_MAX: usize = 16 << 10;

const PLAIN: &str = "text/plain; charset=utf-8";
const FRONT: &str = concat!(
    "doorchime ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/healthz  whether it is alive\n/readyz   whether each part of it works\n/metrics  what it has counted\n",
);

#[derive(Clone)]
struct Shown {
    metrics: Arc<Metrics>,
    status: Arc<Status>,
}

/// Serves until `leaving` is cancelled, then lets requests under way finish.
pub async fn serve(
    listener: Bounded,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    leaving: CancellationToken,
) -> io::Result<()> {
    let router = router(metrics, status);
    axum::serve(listener, router).with_graceful_shutdown(leaving.cancelled_owned()).await
}

fn router(metrics: Arc<Metrics>, status: Arc<Status>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(counted))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Shown { metrics, status })
}

async fn front() -> Response {
    answer(StatusCode::OK, PLAIN, FRONT.to_owned())
}

async fn healthz() -> Response {
    answer(StatusCode::OK, PLAIN, "ok\n".to_owned())
}

async fn readyz(State(shown): State<Shown>) -> Response {
    let report = shown.status.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string_pretty(&report) {
        Ok(text) => answer(status, "application/json", text + "\n"),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn counted(State(shown): State<Shown>) -> Response {
    match shown.metrics.encode() {
        Ok(text) => answer(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text).into_response()
}
