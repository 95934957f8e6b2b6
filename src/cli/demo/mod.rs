//! `demo`: the bot between a Lanyard server of ours with invented people, and receivers on this machine.

mod folder;
mod receiver;
mod screen;
pub(super) mod show;
mod stage;
