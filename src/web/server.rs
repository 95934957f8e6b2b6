//! The HTTP server of `run --listen`: whether the bot is alive, whether it is ready, what it has counted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::listen::Bounded;
use super::status::Status;
use crate::clock::Clock;
use crate::metrics::{self, Metrics};

/// Nothing in here reads a body; whoever sends a larger one is cut off.
const BODY_BYTES_MAX: usize = 16 << 10;

/// How long requests under way hold up the leaving.
const FINISH_MAX: Duration = Duration::from_secs(1);

const PLAIN: &str = "text/plain; charset=utf-8";
const FRONT: &str = concat!(
    "doorchime ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/healthz  whether it is alive\n/readyz   whether each part of it works\n/metrics  what it has counted\n/-/reload POST: reads the rules file again\n",
);

#[derive(Clone)]
struct Shown {
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    reload: Option<mpsc::Sender<Asked>>,
}

/// Somebody asks for the rules file to be read again, and wants to know what became of it.
pub struct Asked(pub oneshot::Sender<Result<String, String>>);

/// Serves until `leaving` is cancelled; requests under way have a moment to finish.
pub async fn serve(
    listener: Bounded,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    reload: Option<mpsc::Sender<Asked>>,
    leaving: CancellationToken,
) -> io::Result<()> {
    let router = router(Shown { metrics, status, reload });
    let served = axum::serve(listener, router).with_graceful_shutdown(leaving.clone().cancelled_owned());
    let too_long = async {
        leaving.cancelled().await;
        tokio::time::sleep(FINISH_MAX).await;
    };
    tokio::select! {
        served = served => served,
        () = too_long => Ok(()),
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(counted))
        .route("/-/reload", post(reload))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shown)
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
    match shown.metrics.encode(Clock::start().now().wall_ms) {
        Ok(text) => answer(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn reload(State(shown): State<Shown>, headers: HeaderMap) -> Response {
    // A browser says for which page it asks; no page of ours does.
    if headers.contains_key(header::ORIGIN) {
        return answer(StatusCode::FORBIDDEN, PLAIN, "not for browsers: use curl -X POST\n".to_owned());
    }
    let (answer_to, answered) = oneshot::channel();
    let asked = match shown.reload {
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

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text).into_response()
}
