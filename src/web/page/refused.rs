//! Why something is not shown, or was not done, and where to go on from there.

use axum::http::StatusCode;
use serde_json::json;

use super::asked::{View, Wanted};
use super::views::Shown;
use crate::rules::mistake::nearest;
use crate::rules::set::RuleSet;
use crate::targets::address::encode;
use crate::web::api::asked::No;

impl Shown {
    /// In place of what was asked of a view.
    pub fn refused(view: View, no: No) -> Self {
        let status = no.status();
        let next = match status {
            StatusCode::SERVICE_UNAVAILABLE => "In a moment, try again with",
            _ => "Go on with",
        };
        let to = match view {
            View::People => "all people",
            View::Rules => "all rules",
            View::Activity => "all activity",
            View::Deliveries => "all deliveries",
            View::Try => "the form as it is at first",
        };
        let title = title(status);
        let href = format!("/?view={}", view.word());
        let value =
            json!({"title": title, "why": no.why(), "next": next, "href": href, "to": to, "near": null});
        let mut shown = Self::new(view, "nothing", value, "");
        (shown.status, shown.title) = (status, title.to_owned());
        // What is wrong with the question stays wrong.
        if status != StatusCode::SERVICE_UNAVAILABLE {
            shown.follow.clear();
        }
        shown
    }

    /// With the way to what was probably meant, if a name was not known.
    pub fn or_near(mut self, rules: &RuleSet, asked: &Wanted) -> Self {
        let Wanted { view, person, rule, .. } = asked;
        let people = || rules.people.iter().map(|person| person.key.as_str());
        let ids = || rules.rules.iter().map(|rule| &*rule.id);
        let word = view.word();
        let near = match (person, rule) {
            (_, Some(rule)) if rules.place(rule).is_none() => {
                nearest(rule, ids()).map(|name| (name, format!("/?view={word}&rule={}", encode(name))))
            }
            (Some(person), rule) => nearest(person, people()).filter(|name| name != person).map(|name| {
                let rule = rule.as_ref().map_or_else(String::new, |rule| format!("&rule={}", encode(rule)));
                (name, format!("/?view={word}{rule}&person={}", encode(name)))
            }),
            _ => None,
        };
        if let Some((name, href)) = near.filter(|_| self.status == StatusCode::NOT_FOUND) {
            self.value["near"] = json!({"name": name, "href": href});
        }
        self
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "This cannot be asked",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::CONFLICT => "Not done",
        StatusCode::PAYLOAD_TOO_LARGE => "Too much",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ => "This cannot be shown",
    }
}
