//! The real program and a collector of traces: with the feature (`cargo test --features otlp --test it otlp`) and
//! without it.

use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};

use super::home::Home;

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
people: {alice: 94490510688792576}
targets:
  api:
    type: webhook
    url: "RECEIVER/T0PSECRET?key=T0PSECRET"
    headers: {x-key: T0PSECRET}
    secret: whsec_VDBQU0VDUkVUVDBQU0VDUkVUVDBQU0VDUkVU
rules:
  - id: online
    who: alice
    when: went_online
    send: {to: api, json: {text: "{{user.name}} is T0PSECRET"}}
"#;

fn alice(status: &'static str) -> PresenceJson {
    PresenceJson::new(UserId(94_490_510_688_792_576)).named("Alice").status(status)
}

async fn home(script: impl Fn(&Heard) -> Play + Send + Sync + 'static) -> Home {
    let home = Home::new(RULES, script).await;
    home.lanyard.set(&alice("offline"));
    home
}

#[cfg(not(feature = "otlp"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_traces_says_so_when_it_is_asked_for_them() {
    let home = home(|_| Play::status(204)).await;
    let bot = home.start_with_collector("http://127.0.0.1:1/T0PSECRET").await;
    home.lanyard.set(&alice("online"));
    home.rings(1).await;
    assert!(bot.stop().await.success(), "{}", home.log());
    let log = home.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("OTEL_EXPORTER_OTLP_ENDPOINT")).collect();
    assert!(told.len() == 1 && told[0].contains("--features otlp"), "{log}");
    assert!(!log.contains("T0PSECRET"), "{log}");
}

#[cfg(feature = "otlp")]
mod with_traces {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use doorchime::simulator::receiver::Receiver;
    use serde_json::Value;

    use super::super::home::LOOPBACK;
    use super::*;

    /// Every span that a collector has been told of.
    fn spans(collector: &Receiver) -> Vec<Value> {
        let each =
            |body: Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap();
        collector.heard().iter().flat_map(|heard| each(heard.json())).collect()
    }

    fn named<'s>(spans: &'s [Value], name: &str) -> Vec<&'s Value> {
        spans.iter().filter(|span| span["name"] == name).collect()
    }

    fn attribute<'s>(span: &'s Value, key: &str) -> &'s Value {
        let found = span["attributes"].as_array().unwrap().iter().find(|one| one["key"] == key);
        found.map_or(&Value::Null, |one| one["value"].as_object().unwrap().values().next().unwrap())
    }

    fn ns(span: &Value, key: &str) -> i64 {
        span[key].as_str().unwrap().parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_trace_from_the_frame_to_the_webhook_over_a_retry_and_a_kill() {
        let well = Arc::new(AtomicBool::new(false));
        let answer = Arc::clone(&well);
        let home = home(move |_| Play::status(if answer.load(Ordering::Relaxed) { 204 } else { 503 })).await;
        let collector = Receiver::start(LOOPBACK, |_| Play::body(200, "{}")).await.unwrap();
        let bot = home.start_with_collector(&collector.url("/")).await;
        home.lanyard.set(&alice("online"));
        home.until("two attempts are told", || named(&spans(&collector), "attempt").len() >= 2).await;
        bot.kill();
        well.store(true, Ordering::Relaxed);
        let bot = home.start_with_collector(&collector.url("")).await;
        home.until("it is over", || !named(&spans(&collector), "ring online").is_empty()).await;
        assert!(bot.stop().await.success(), "{}", home.log());

        let spans = spans(&collector);
        let traces: BTreeSet<_> = spans.iter().map(|span| span["traceId"].as_str().unwrap()).collect();
        let id = home.receiver.heard()[0].header("webhook-id").unwrap().to_owned();
        assert_eq!(traces, BTreeSet::from([id.replace('-', "").as_str()]));
        let [root] = named(&spans, "ring online")[..] else { panic!("{spans:#?}") };
        assert_eq!(root["parentSpanId"], Value::Null);
        assert_eq!(attribute(root, "doorchime.end"), "delivered");
        assert_eq!(attribute(root, "doorchime.person"), "94490510688792576");
        assert_eq!(attribute(root, "doorchime.delivery.id"), &id);
        let parts: Vec<_> = spans.iter().filter(|span| span["name"] != "ring online").collect();
        // What the target was told of it.
        let header = |heard: &Heard| heard.header("traceparent").unwrap().to_owned();
        let sent: BTreeSet<_> = home.receiver.heard().iter().map(header).collect();
        let text = |span: &Value, key: &str| span[key].as_str().unwrap().to_owned();
        let name = |span: &&Value| format!("00-{}-{}-01", text(span, "traceId"), text(span, "spanId"));
        assert!(named(&spans, "attempt").iter().map(name).all(|name| sent.contains(&name)), "{sent:?}");
        for part in &parts {
            assert_eq!(part["parentSpanId"], root["spanId"], "{part:#}");
            let of = |span: &Value| ns(span, "startTimeUnixNano")..=ns(span, "endTimeUnixNano");
            let (whole, part) = (of(root), of(part));
            // After a restart the beginning is known to the millisecond.
            assert!(
                *whole.start() <= part.start() + 1_000_000 && part.end() <= whole.end(),
                "{whole:?} {part:?}"
            );
        }
        let [decide] = named(&spans, "decide")[..] else { panic!("{spans:#?}") };
        assert_eq!(attribute(decide, "doorchime.cause"), "went_online");
        assert_eq!(named(&spans, "commit").len(), 1);
        let attempts = named(&spans, "attempt");
        assert!(named(&spans, "wait").len() >= 2 && attempts.len() >= 3, "{spans:#?}");
        let statuses: BTreeSet<_> = attempts
            .iter()
            .map(|span| attribute(span, "http.response.status_code").as_str().unwrap())
            .collect();
        assert_eq!(statuses, BTreeSet::from(["204", "503"]));

        // Nothing of what is said, of where to, or of what opens it.
        let told: String = collector.heard().iter().map(Heard::text).collect();
        let host = home.receiver.address().to_string();
        for secret in ["T0PSECRET", "Alice", "VDBQU0VDUkVU", &host] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
        assert_eq!(collector.heard()[0].path, "/v1/traces");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_is_away_holds_nothing_up_and_is_told_once_and_so_is_its_end() {
        let home = home(|_| Play::status(204)).await;
        let away = Receiver::start(LOOPBACK, |_| Play::body(200, "{}")).await.unwrap();
        let address = away.address();
        drop(away);
        let bot = home.start_with_collector(&format!("http://{address}/")).await;
        home.lanyard.set(&alice("online"));
        home.rings(1).await;
        home.until("it is told", || home.log().contains("traces are not taken")).await;
        let collector = Receiver::start(address, |_| Play::body(200, "{}")).await.unwrap();
        home.until("its end is told", || home.log().contains("traces are taken by the collector again"))
            .await;
        assert_eq!(named(&spans(&collector), "ring online").len(), 1, "what was kept is told after all");
        assert!(bot.stop().await.success(), "{}", home.log());
        let log = home.log();
        assert_eq!(log.matches("traces are not taken").count(), 1, "{log}");
        assert!(log.contains("connection refused") && !log.contains(&address.to_string()), "{log}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_an_address_is_refused_at_the_start() {
        let home = home(|_| Play::status(204)).await;
        let mut command = super::super::program::doorchime(&home.path(""), ["run", "--listen", "none"]);
        let ran = super::super::program::ran(command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "T0PSECRET:4318"));
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("`OTEL_EXPORTER_OTLP_ENDPOINT` is no address"), "{}", ran.err);
        assert!(!ran.err.contains("T0PSECRET"), "{}", ran.err);
    }
}
