//! The task between a bridge and a real collector.

use tokio::task::JoinHandle;

use super::super::bridge::Traces;
use super::super::happening::About;
use super::super::ids::Sampler;
use super::*;
use crate::outbox::delivery::DeliveryId;
use crate::simulator::receiver::{Heard as Got, Play, Receiver};
use crate::time::Moment;

struct Running {
    traces: Traces,
    leave: CancellationToken,
    task: JoinHandle<Result<(), String>>,
}

impl Running {
    #[expect(clippy::disallowed_methods, reason = "a test waits for it by itself")]
    fn start(collector: &Receiver) -> Self {
        let settings = Settings {
            from: "TEST",
            url: collector.url("/v1/traces").into(),
            headers: vec![("authorization".to_owned(), "Bearer T0P".to_owned().into())],
            resource: vec![("service.name".to_owned(), "bell".to_owned())],
            sampler: Sampler::All,
            other_protocol: false,
            passed_on: false,
        };
        let (traces, heard) = Traces::wired(None);
        let export = Export::new(settings, heard, Sender::new().unwrap(), Clock::start());
        let leave = CancellationToken::new();
        let task = tokio::spawn(export.run(leave.clone()));
        Self { traces, leave, task }
    }

    /// Tells of so many notifications, each of them one span.
    fn decide(&self, notifications: u128) {
        for id in 0..notifications {
            let about = About {
                id: DeliveryId::from_u128(id),
                number: None,
                target: "phone".into(),
                rule: "r".into(),
                person: None,
                cause: None,
                created_ms: 0,
                instead_of: None,
                fallback: None,
            };
            self.traces.tell(|| Happening::Decided { about, came: None, at: Moment::default() });
        }
    }

    async fn leave(self) {
        self.leave.cancel();
        self.task.await.unwrap().unwrap();
    }
}

async fn collector(script: impl Fn(&Got) -> Play + Send + Sync + 'static) -> Receiver {
    Receiver::start("127.0.0.1:0".parse().unwrap(), script).await.unwrap()
}

/// How many spans are in each request.
fn sizes(collector: &Receiver) -> Vec<usize> {
    let spans =
        |got: &Got| got.json()["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len();
    collector.heard().iter().map(spans).collect()
}

#[tokio::test]
async fn spans_go_in_batches_with_the_headers_that_were_asked_for() {
    let collector = collector(|_| Play::body(200, "{}")).await;
    let running = Running::start(&collector);
    running.decide(BATCH_MAX as u128 + 3);
    running.leave().await;
    assert_eq!(sizes(&collector), [BATCH_MAX, 3]);
    let got = &collector.heard()[0];
    assert_eq!((got.method.as_str(), got.path.as_str()), ("POST", "/v1/traces"));
    let headers = [got.header("content-type"), got.header("authorization")];
    assert_eq!(headers, [Some("application/json"), Some("Bearer T0P")]);
    let name = &got.json()["resourceSpans"][0]["resource"]["attributes"][0];
    assert_eq!(name["value"]["stringValue"], "bell");
}

#[tokio::test]
async fn what_the_collector_cannot_take_now_is_sent_again_and_what_it_refuses_is_not() {
    let tries = std::sync::atomic::AtomicU64::new(0);
    let collector = collector(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Play::status(503),
        1 => Play::status(400),
        _ => Play::body(200, r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#),
    });
    let collector = collector.await;
    let running = Running::start(&collector);
    running.decide(2);
    collector.hears(2).await;
    running.decide(1);
    collector.hears(3).await;
    running.leave().await;
    assert_eq!(sizes(&collector), [2, 2, 1]);
}

#[tokio::test]
async fn a_collector_that_says_nothing_keeps_nobody() {
    let collector = collector(|_| Play::Silence).await;
    let running = Running::start(&collector);
    running.decide(3 * SPANS_MAX as u128);
    let began = Clock::start();
    running.leave().await;
    let took = began.now().mono;
    assert!(took < LEAVE_MAX + Duration::from_secs(5), "{took:?}");
    assert_eq!(collector.heard().len(), 1);
}
