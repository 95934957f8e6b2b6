//! The bridge of a build without the feature `otlp`: nobody is told anything, and it costs nothing.

use std::convert::Infallible;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::happening::Happening;
use crate::clock::Clock;
use crate::outbox::delivery::{DeliveryId, Request};
use crate::time::Moment;

#[derive(Clone, Debug, Default)]
pub struct Traces(());

/// None is ever made.
pub type Task = BoxFuture<'static, Result<(), String>>;

/// Whoever says where traces are to go, and starts a build that has none, is told so.
pub fn open(_: Clock, _: CancellationToken) -> Result<(Traces, Option<Task>), Infallible> {
    let names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let set = |name: &&&str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    if let Some(variable) = names.iter().find(set) {
        warn!(
            variable,
            "traces are asked for, and this build has none: `cargo build --features otlp` makes one"
        );
    }
    Ok((Traces::default(), None))
}

impl Traces {
    pub fn pass_on(&self, _: &mut Request, _: DeliveryId, _: u32, _: Moment) {}

    pub fn tell(&self, _: impl FnOnce() -> Happening) {}
}
