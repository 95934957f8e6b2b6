//! Lanyard: its frames, a session with it, and the socket.

pub mod observation;
pub mod settings;
