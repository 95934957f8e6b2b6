//! `/api/v1`: what the bot knows, did and did not do, as JSON. `openapi` describes it, and is served.

pub(super) mod activity;
pub(crate) mod asked;
mod changes;
pub(super) mod day;
pub(super) mod deliveries;
mod events;
pub(crate) mod explain;
mod openapi;
pub(super) mod people;
pub(super) mod rules;
mod schemas;
pub(super) mod status;
pub(super) mod trial;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::server::Web;

/// Of what is listed, so many come at once unless somebody asks for less.
const PAGE_MAX: usize = 200;

pub use deliveries::Outbox;
pub use events::Followers;

pub fn router() -> Router<Web> {
    Router::new()
        .route("/status", get(status::status))
        .route("/people", get(people::list))
        .route("/people/{person}", get(people::one))
        .route("/people/{person}/day", get(day::one))
        .route("/rules", get(rules::list))
        .route("/rules/{rule}", get(rules::one))
        .route("/rules/{rule}/explain", get(explain::explain))
        .route("/activity", get(activity::list))
        .route("/events", get(events::follow))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{delivery}", get(deliveries::one))
        .route("/deliveries/{delivery}/retry", post(deliveries::retry))
        .route("/deliveries/{delivery}/drop", post(deliveries::drop))
        .route("/try", post(trial::post).layer(DefaultBodyLimit::max(trial::BODY_BYTES_MAX)))
        .route("/openapi.json", get(openapi::document))
        .fallback(asked::nowhere)
        .method_not_allowed_fallback(asked::not_like_that)
}
