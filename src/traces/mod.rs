//! What becomes of a notification, from Lanyard's frame to the target's answer, told to a collector of traces.
//!
//! The rest of the program tells [`bridge::Traces`] what happens, and knows nothing else of this room. In a build
//! without the feature `otlp` nobody listens there: the bridge is closed, and what stands beside it is not built.

pub mod happening;

#[cfg_attr(not(any(test, feature = "otlp")), path = "closed.rs")]
pub mod bridge;

#[cfg(any(test, feature = "otlp"))]
pub mod book;
#[cfg(any(test, feature = "otlp"))]
pub mod export;
#[cfg(any(test, feature = "otlp"))]
pub mod ids;
#[cfg(any(test, feature = "otlp"))]
pub mod otlp;
#[cfg(any(test, feature = "otlp"))]
pub mod settings;
