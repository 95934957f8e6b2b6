//! The task that makes spans of what it is told, and sends them to the collector. Nobody waits for it: what a
//! collector does not take in time is lost, counted, and told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::book::Book;
use super::bridge::Heard;
use super::happening::Happening;
use super::otlp::{self, Span};
use super::settings::Settings;
use crate::clock::Clock;
use crate::outbox::delivery::{Reading, Reply, Request};
use crate::outbox::excerpt::excerpt;
use crate::outbox::sender::Sender;
use crate::printable::moves;
use crate::rarely::{Rarely, Spell};
use crate::targets::reading::{by_status, json};
use crate::time::Backoff;

/// So many spans are kept until the collector has them.
const SPANS_MAX: usize = 8_192;
/// So many go in one request …
const BATCH_MAX: usize = 512;
/// … which waits so long for them.
const LINGER: Duration = Duration::from_secs(1);
/// So long the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between tries while it takes nothing.
const AGAIN: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
/// So long the end waits for it.
const LEAVE_MAX: Duration = Duration::from_millis(1_500);
/// Of what a collector says of spans that it did not want, so much is told.
const SAID_CHARS_MAX: usize = 200;

pub struct Export {
    settings: Arc<Settings>,
    heard: Heard,
    sender: Arc<Sender>,
    clock: Clock,
    book: Book,
    /// What the collector does not have; the first `flying` are on their way.
    spans: VecDeque<Span>,
    flying: usize,
    /// Since when the others wait, and before when none is sent.
    since: Duration,
    not_before: Duration,
    /// In a row.
    failures: u32,
    trouble: Spell,
    lost: u64,
    losses: Rarely,
}

/// A request on its way.
type Post = BoxFuture<'static, (Request, Reply)>;

impl Export {
    pub fn new(settings: Settings, heard: Heard, sender: Sender, clock: Clock) -> Self {
        Self {
            book: Book::new(settings.sampler),
            settings: Arc::new(settings),
            heard,
            sender: Arc::new(sender),
            clock,
            spans: VecDeque::new(),
            flying: 0,
            since: Duration::ZERO,
            not_before: Duration::ZERO,
            failures: 0,
            trouble: Spell::default(),
            lost: 0,
            losses: Rarely::default(),
        }
    }

    /// Exports until `leave`, by when all others have told what they had to; then sends what is left, if that is
    /// quickly done.
    pub async fn run(mut self, leave: CancellationToken) -> Result<(), String> {
        let mut post: Option<Post> = None;
        loop {
            let due = self.due().filter(|_| post.is_none());
            tokio::select! {
                () = leave.cancelled() => break,
                Some(happening) = self.heard.inbox.recv() => self.note(happening),
                (request, reply) = landed(&mut post) => {
                    post = None;
                    self.come_back(&request, &reply);
                }
                () = self.clock.sleep_until_some(due) => post = Some(self.post()),
            }
            self.tell_losses();
        }
        while let Ok(happening) = self.heard.inbox.try_recv() {
            self.note(happening);
        }
        let until = self.clock.now().mono + LEAVE_MAX;
        let clock = self.clock;
        tokio::select! {
            () = self.send_all(post) => {}
            () = clock.sleep_until(until) => {}
        }
        self.lost += self.spans.len() as u64 + self.heard.lost.swap(0, Ordering::Relaxed);
        if self.lost > 0 {
            warn!(spans = self.lost, "left with parts of traces that the collector did not take");
        }
        Ok(())
    }

    /// Sends what is left; gives up when something is not taken.
    async fn send_all(&mut self, mut post: Option<Post>) {
        loop {
            if let Some(post) = post.take() {
                let (request, reply) = post.await;
                self.come_back(&request, &reply);
                if self.failures > 0 {
                    return;
                }
            }
            if self.spans.is_empty() {
                return;
            }
            post = Some(self.post());
        }
    }

    fn note(&mut self, happening: Happening) {
        if self.spans.len() == self.flying {
            self.since = self.clock.now().mono;
        }
        self.book.note(happening, &mut self.spans);
        self.lost += self.spans.len().saturating_sub(SPANS_MAX) as u64;
        self.spans.truncate(SPANS_MAX);
    }

    /// When to send what waits.
    fn due(&self) -> Option<Duration> {
        let full = self.spans.len() >= BATCH_MAX;
        let wanted = if full { self.since } else { self.since + LINGER };
        (!self.spans.is_empty()).then_some(wanted.max(self.not_before))
    }

    /// The next request, on its way.
    fn post(&mut self) -> Post {
        self.flying = self.spans.len().min(BATCH_MAX);
        let batch = &self.spans.make_contiguous()[..self.flying];
        let mut headers = self.settings.headers.clone();
        headers.push(("content-type".to_owned(), "application/json".to_owned().into()));
        let mut request = Request {
            method: "POST",
            url: self.settings.url.clone(),
            headers,
            body: otlp::written(&self.settings.resource, batch),
            secrets: Vec::new(),
        };
        let sender = Arc::clone(&self.sender);
        let post = async move {
            let reply = sender.send(&mut request, TIMEOUT, None).await;
            (request, reply)
        };
        post.boxed()
    }

    fn come_back(&mut self, request: &Request, reply: &Reply) {
        let now = self.clock.now();
        let sent = std::mem::take(&mut self.flying);
        let (reading, why) = match reply {
            Reply::Answer(answer) => {
                let said = excerpt(answer, request);
                let said = said.chars().take(SAID_CHARS_MAX).map(|c| if moves(c) { ' ' } else { c });
                let why = format!("HTTP {} {}", answer.status, said.collect::<String>().trim());
                (by_status(answer, now.wall_ms, &[]), why.trim_end().to_owned())
            }
            Reply::Unsent { why } | Reply::Unanswered { why } => (Reading::Again, why.clone()),
        };
        self.since = now.mono;
        let asked = match reading {
            Reading::Delivered => {
                debug!(spans = sent, "traces exported");
                self.spans.drain(..sent);
                self.failures = 0;
                match unwanted(reply) {
                    0 if self.trouble.is_over() => info!("traces are taken by the collector again"),
                    0 => {}
                    some => {
                        self.lost += some;
                        self.tell_trouble(&why);
                    }
                }
                return;
            }
            Reading::Wait(asked) => asked,
            Reading::Again => None,
            _ => {
                // The same would be refused again.
                self.spans.drain(..sent);
                self.lost += sent as u64;
                None
            }
        };
        self.tell_trouble(&why);
        self.failures = self.failures.saturating_add(1);
        let wait = AGAIN.wait(self.failures, 1.0).max(asked.unwrap_or_default().min(AGAIN.most));
        self.not_before = now.mono + wait;
    }

    fn tell_trouble(&mut self, why: &str) {
        if let Some(more) = self.trouble.is_so(self.clock.now().mono) {
            warn!(why, more, "traces are not taken by the collector; nothing else is held up");
        }
    }

    fn tell_losses(&mut self) {
        self.lost += self.heard.lost.swap(0, Ordering::Relaxed);
        if self.lost > 0 && self.losses.tell(self.clock.now().mono).is_some() {
            let spans = std::mem::take(&mut self.lost);
            warn!(spans, "parts of traces were lost: the collector takes fewer than there are");
        }
    }
}

/// Waits for a request, if there is one.
async fn landed(post: &mut Option<Post>) -> (Request, Reply) {
    match post {
        Some(post) => post.await,
        None => std::future::pending().await,
    }
}

/// How many spans a collector did not want that has taken the others.
fn unwanted(reply: &Reply) -> u64 {
    let Reply::Answer(answer) = reply else { return 0 };
    let rejected = &json(answer)["partialSuccess"]["rejectedSpans"];
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
