//! The paper that the page is printed on: its templates, its style and its script in one document, and what a
//! browser may do with it.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
    StringOutput,
};
use serde_json::{Value, json};
use tracing::error;

use super::asked::View;
use super::clockwork::Clockwork;
use super::views::Shown;
use crate::printable;
use crate::targets::address;
use crate::web::api::status;
use crate::web::gate;
use crate::web::login::{HTML, hash};
use crate::web::server::{PLAIN, Web, answer};

/// The whole document; the other templates are parts of it.
const PAGE: &str = "page";
const TEMPLATES: [(&str, &str); 21] = [
    (PAGE, include_str!("views/page.html")),
    ("people", include_str!("views/people.html")),
    ("person", include_str!("views/person.html")),
    ("day", include_str!("views/day.html")),
    ("rules", include_str!("views/rules.html")),
    ("rule", include_str!("views/rule.html")),
    ("activity", include_str!("views/activity.html")),
    ("deliveries", include_str!("views/deliveries.html")),
    ("delivery", include_str!("views/delivery.html")),
    ("try", include_str!("views/try.html")),
    ("letter", include_str!("views/letter.html")),
    ("nothing", include_str!("views/nothing.html")),
    ("card", include_str!("views/card.html")),
    ("named", include_str!("views/named.html")),
    ("value", include_str!("views/value.html")),
    ("entries", include_str!("views/entries.html")),
    ("facts", include_str!("views/facts.html")),
    ("parcel", include_str!("views/parcel.html")),
    ("became", include_str!("views/became.html")),
    ("acts", include_str!("views/acts.html")),
    ("pick", include_str!("views/pick.html")),
];

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

static PAPER: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    registry.register_helper("query", Box::new(query));
    for (name, text) in TEMPLATES {
        registry.register_template_string(name, text).expect("a test renders each of them");
    }
    registry
});

/// Its own style and script by their hashes, pictures, forms and answers from here, and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT),
    );
    HeaderValue::from_str(&policy).expect("it is ASCII")
});

pub fn page(web: &Web, headers: &HeaderMap, shown: Shown) -> Response {
    let clock = Clockwork::now(web);
    let status = shown.status;
    let door = json!({"token": web.access.token().is_some(), "inside": gate::shows_pass(web, headers)});
    match document(&clock, &status::told(web), &door, shown) {
        Ok(text) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(HTML)),
                (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
            ];
            (status, headers, text).into_response()
        }
        Err(fault) => {
            error!(error = %fault, "the page cannot be made");
            let said = "the page could not be made: the log says why, and /api/v1 has what it shows\n";
            answer(axum::http::StatusCode::INTERNAL_SERVER_ERROR, PLAIN, said.to_owned())
        }
    }
}

fn document(clock: &Clockwork, status: &Value, door: &Value, shown: Shown) -> Result<String, RenderError> {
    let content = render(clock, shown.template, shown.value)?;
    let views = View::ALL
        .map(|view| json!({"word": view.word(), "title": view.title(), "current": view == shown.view}));
    render(
        clock,
        PAGE,
        json!({
            "title": shown.title,
            "views": views,
            "status": status,
            "door": door,
            "now_ms": clock.now_ms,
            "hears": shown.hears,
            "follow": shown.follow,
            "content": content,
            "style": STYLE,
            "script": SCRIPT,
        }),
    )
}

fn render(clock: &Clockwork, template: &'static str, value: Value) -> Result<String, RenderError> {
    let found = PAPER
        .get_template(template)
        .ok_or_else(|| RenderErrorReason::TemplateNotFound(template.to_owned()))?;
    let mut out = StringOutput::new();
    let context = Context::from(value);
    handlebars::Renderable::render(found, &PAPER, &context, &mut clock.context(), &mut out)?;
    Ok(out.into_string()?)
}

/// A text from outside, between marks or in a value: it is read, and does nothing.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '`' => safe.push_str("&#96;"),
            '\n' | '\t' => safe.push(c),
            c if printable::moves(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A text as part of an address.
fn query(
    called: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let text = called.param(0).map_or("", |param| param.value().as_str().unwrap_or(""));
    out.write(&address::encode(text)).map_err(|error| RenderErrorReason::Other(error.to_string()).into())
}
