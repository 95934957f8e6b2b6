//! Spans, and how OTLP writes them down as JSON.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: ids are hexadecimal, whole numbers of 64 bits
//! are texts.

use serde_json::{Map, Value, json};

use super::ids;
use crate::outbox::delivery::DeliveryId;

/// A stretch of a notification's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub notification: DeliveryId,
    pub id: u64,
    /// Nothing for the whole.
    pub parent: Option<u64>,
    pub name: String,
    pub kind: Kind,
    /// Since 1970.
    pub began_ns: i64,
    pub ended_ns: i64,
    /// Texts and whole numbers.
    pub attributes: Vec<(&'static str, Value)>,
    /// A notification that goes on where this one ends.
    pub goes_on: Option<DeliveryId>,
    /// Why it is a failure, if it is one.
    pub failed: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Client = 3,
}

const FAILED: u8 = 2;

/// The body of one request. `resource` says who tells it.
pub fn written(resource: &[(String, String)], spans: &[Span]) -> Vec<u8> {
    let resource = resource.iter().map(|(key, value)| attribute(key, &value.as_str().into()));
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": resource.collect::<Vec<_>>()},
        "scopeSpans": [{
            "scope": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }]});
    body.to_string().into_bytes()
}

fn span(span: &Span) -> Value {
    let attributes = span.attributes.iter().map(|(key, value)| attribute(key, value));
    let mut written = Map::from_iter([
        ("traceId".to_owned(), ids::trace(span.notification).into()),
        ("spanId".to_owned(), id(span.id)),
        ("name".to_owned(), span.name.as_str().into()),
        ("kind".to_owned(), (span.kind as u8).into()),
        ("startTimeUnixNano".to_owned(), span.began_ns.to_string().into()),
        ("endTimeUnixNano".to_owned(), span.ended_ns.to_string().into()),
        ("attributes".to_owned(), attributes.collect()),
    ]);
    if let Some(parent) = span.parent {
        written.insert("parentSpanId".to_owned(), id(parent));
    }
    if let Some(next) = span.goes_on {
        let link = json!({"traceId": ids::trace(next), "spanId": id(ids::root(next))});
        written.insert("links".to_owned(), json!([link]));
    }
    if let Some(why) = &span.failed {
        written.insert("status".to_owned(), json!({"code": FAILED, "message": why}));
    }
    Value::Object(written)
}

fn id(span: u64) -> Value {
    format!("{span:016x}").into()
}

fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": key, "value": value})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_the_protocol_has_it() {
        let span = Span {
            notification: DeliveryId::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001),
            id: 0xff,
            parent: Some(0x8000_0000_0000_0001),
            name: "attempt".to_owned(),
            kind: Kind::Client,
            began_ns: 1_700_000_000_123_456_789,
            ended_ns: 1_700_000_001_000_000_000,
            attributes: vec![("doorchime.target", "api".into()), ("http.response.status_code", 503.into())],
            goes_on: Some(DeliveryId::from_u128(2)),
            failed: Some("503".to_owned()),
        };
        let whole = Span { parent: None, goes_on: None, failed: None, ..span.clone() };
        let resource = [("service.name".to_owned(), "doorchime".to_owned())];
        let told: Value = serde_json::from_slice(&written(&resource, &[span, whole])).unwrap();
        let told = &told["resourceSpans"][0];
        let name = json!([{"key": "service.name", "value": {"stringValue": "doorchime"}}]);
        assert_eq!(told["resource"]["attributes"], name);
        assert_eq!(told["scopeSpans"][0]["scope"]["name"], "doorchime");
        let spans = &told["scopeSpans"][0]["spans"];
        let expected = json!({
            "traceId": "01980000000070008000000000000001",
            "spanId": "00000000000000ff",
            "parentSpanId": "8000000000000001",
            "name": "attempt",
            "kind": 3,
            "startTimeUnixNano": "1700000000123456789",
            "endTimeUnixNano": "1700000001000000000",
            "attributes": [
                {"key": "doorchime.target", "value": {"stringValue": "api"}},
                {"key": "http.response.status_code", "value": {"intValue": "503"}},
            ],
            "links": [{"traceId": "00000000000000000000000000000002", "spanId": "0000000000000002"}],
            "status": {"code": 2, "message": "503"},
        });
        assert_eq!(spans[0], expected);
        let own = spans[1].as_object().unwrap();
        assert!(!["parentSpanId", "links", "status"].iter().any(|key| own.contains_key(*key)), "{own:?}");
    }
}
