//! A Lanyard server of our own, for `demo` and for the tests: a real WebSocket on loopback, with people whose
//! doings are scripted, and with every misfortune that a real server has to offer. And a receiver of webhooks.

pub mod cast;
mod connection;
mod http;
pub mod receiver;
pub mod server;
mod world;
