//! Times on the page: helpers for its templates that know now and the rules file's time zone. The script keeps
//! what they write going.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson, RenderContext,
    RenderErrorReason,
};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;

use super::paper::escape;
use crate::clock::Clock;
use crate::printable;
use crate::web::server::Web;

/// Now, and where.
#[derive(Clone)]
pub struct Clockwork {
    pub now_ms: i64,
    pub zone: TimeZone,
}

/// What a helper writes of its arguments.
type Say = fn(&Clockwork, &[&Value]) -> String;

const HELPERS: [(&str, Say); 7] = [
    ("at", at),
    ("for", past),
    ("until", ahead),
    ("progress", progress),
    ("said", said),
    ("sentence", sentence),
    ("worth", worth),
];

impl Clockwork {
    pub fn now(web: &Web) -> Self {
        let zone = web.desk.in_force().rules.timezone.clone();
        Self { now_ms: Clock::start().now().wall_ms, zone }
    }

    /// The helpers, bound to this moment.
    pub fn context(&self) -> RenderContext<'static, '_> {
        let mut context = RenderContext::new(None);
        for (name, say) in HELPERS {
            context.register_local_helper(name, Box::new(Bound { say, clock: self }));
        }
        context
    }

    pub fn local(&self, ms: i64) -> Option<ZonedDateTime> {
        Some(ZonedDateTime::new(Timestamp::from_millisecond(ms).ok()?, self.zone.clone()))
    }

    pub fn written(&self, ms: i64, format: &str) -> String {
        self.local(ms).and_then(|local| strtime::format(format, &local).ok()).unwrap_or_default()
    }

    fn clock(&self, ms: i64) -> String {
        let today = self.written(self.now_ms, "%F") == self.written(ms, "%F");
        self.written(ms, if today { "%H:%M:%S" } else { "%b %-d, %H:%M" })
    }

    /// "15:03:22" as an element.
    fn moment(&self, ms: i64) -> String {
        self.element(ms, "", &self.clock(ms))
    }

    /// A time as an element, with what is to be read in it.
    fn element(&self, ms: i64, runs: &str, text: &str) -> String {
        let (date, full) = (crate::time::date(ms), self.written(ms, "%F %H:%M:%S %Z"));
        format!("<time datetime=\"{date}\" title=\"{full}\"{runs}>{text}</time>")
    }
}

/// "15:03:22", with the day where it is another one.
fn at(clock: &Clockwork, args: &[&Value]) -> String {
    time(args, 0).map_or_else(String::new, |ms| clock.moment(ms))
}

/// "5 min": how long ago it was.
fn past(clock: &Clockwork, args: &[&Value]) -> String {
    let text = |ms| clock.element(ms, " data-runs=\"for\"", &length(clock.now_ms - ms));
    time(args, 0).map_or_else(String::new, text)
}

/// "5 min": how far ahead it is.
fn ahead(clock: &Clockwork, args: &[&Value]) -> String {
    let text = |ms| clock.element(ms, " data-runs=\"until\"", &length(ms - clock.now_ms));
    time(args, 0).map_or_else(String::new, text)
}

/// A bar from one time to another.
fn progress(clock: &Clockwork, args: &[&Value]) -> String {
    let Some((from, to)) = time(args, 0).zip(time(args, 1)).filter(|(from, to)| from < to) else {
        return String::new();
    };
    let (whole, done) = (to - from, (clock.now_ms - from).clamp(0, to - from));
    let said = format!("{} of {}", minutes(done), minutes(whole));
    format!(
        "<progress max=\"{whole}\" value=\"{done}\" data-from=\"{from}\" aria-label=\"{said}\"></progress>"
    )
}

/// One of the bot's own sentences, with its `code` and its times made readable.
fn said(clock: &Clockwork, args: &[&Value]) -> String {
    readable(clock, text(args))
}

/// The same with a capital letter and a full stop, where it stands by itself.
fn sentence(clock: &Clockwork, args: &[&Value]) -> String {
    readable(clock, &printable::sentence(text(args)))
}

/// What a part of a condition is worth: a text, or a time.
fn worth(clock: &Clockwork, args: &[&Value]) -> String {
    let text = text(args);
    let (before, time) = text.strip_prefix("until ").map_or(("", text), |time| ("until ", time));
    time.parse::<Timestamp>()
        .map_or_else(|_| escape(text), |time| format!("{before}{}", clock.moment(time.as_millisecond())))
}

fn text<'v>(args: &[&'v Value]) -> &'v str {
    args.first().and_then(|text| text.as_str()).unwrap_or_default()
}

fn readable(clock: &Clockwork, text: &str) -> String {
    let mut written = String::new();
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 1 {
            for part in ["<code>", &escape(piece), "</code>"] {
                written.push_str(part);
            }
            continue;
        }
        for word in piece.split_inclusive(' ') {
            let bare = word.trim_end_matches([' ', ',', ';', '.', ':']);
            match bare.parse::<Timestamp>() {
                Ok(time) => {
                    written.push_str(&clock.moment(time.as_millisecond()));
                    written.push_str(&word[bare.len()..]);
                }
                Err(_) => written.push_str(&escape(word)),
            }
        }
    }
    written
}

fn time(args: &[&Value], at: usize) -> Option<i64> {
    ms_of(args.get(at)?)
}

/// A time as the API says it.
pub fn ms_of(time: &Value) -> Option<i64> {
    Some(time.as_str()?.parse::<Timestamp>().ok()?.as_millisecond())
}

/// "45 s", "5 min", "3 h", "4 days". The script says it in the same words.
pub fn length(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// "3:05"
fn minutes(ms: i64) -> String {
    format!("{}:{:02}", ms / 60_000, ms / 1000 % 60)
}

struct Bound<'a> {
    say: Say,
    clock: &'a Clockwork,
}

impl HelperDef for Bound<'_> {
    fn call<'reg: 'rc, 'rc>(
        &self,
        called: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let args: Vec<&Value> = called.params().iter().map(PathAndJson::value).collect();
        let written = (self.say)(self.clock, &args);
        out.write(&written).map_err(|error| RenderErrorReason::Other(error.to_string()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clockwork {
        Clockwork { now_ms: 1_700_000_000_000, zone: TimeZone::get("Europe/Berlin").unwrap() }
    }

    #[test]
    fn a_length_has_one_unit() {
        for (ms, said) in [
            (-5, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (3_599_999, "59 min"),
            (3_600_000, "1 h"),
            (172_799_000, "47 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(length(ms), said);
        }
    }

    #[test]
    fn another_day_is_named() {
        let clock = clock();
        assert_eq!(clock.clock(clock.now_ms), "23:13:20");
        assert_eq!(clock.clock(clock.now_ms - 86_400_000), "Nov 13, 23:13");
        assert_eq!(clock.clock(clock.now_ms + 46 * 60_000 + 40_000), "Nov 15, 00:00");
    }

    #[test]
    fn a_bar_stays_within_itself() {
        let clock = clock();
        let bar = |from: i64, to: i64| {
            let date = |seconds: i64| crate::time::date(clock.now_ms + seconds * 1000).into();
            progress(&clock, &[&date(from), &date(to)])
        };
        assert!(bar(-65, 60).contains("max=\"125000\" value=\"65000\""), "{}", bar(-65, 60));
        assert!(bar(-65, 60).contains("1:05 of 2:05"));
        assert!(bar(-65, -5).contains("value=\"60000\""));
        assert!(bar(5, 60).contains("value=\"0\""));
        assert_eq!(bar(5, 5), "");
    }

    #[test]
    fn a_sentence_is_made_readable_and_nothing_else() {
        let clock = clock();
        for (sentence, written) in [
            ("`if` is false", "<code>if</code> is false"),
            ("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"),
            ("odd ` one", "odd <code> one</code>"),
        ] {
            assert_eq!(said(&clock, &[&sentence.into()]), written);
        }
        for (sentence, written) in [
            ("quiet until 2023-11-14T22:13:20Z, then not", ">23:13:20</time>, then not"),
            ("begun at 2023-11-14T22:13:20Z: `exit`", ">23:13:20</time>: <code>exit</code>"),
        ] {
            let said = said(&clock, &[&sentence.into()]);
            assert!(said.contains(written), "{said}");
        }
        for (text, written) in [
            ("there is no `x`", "There is no <code>x</code>."),
            ("`limit` is 1", "<code>limit</code> is 1."),
            ("did you mean `x`?", "Did you mean <code>x</code>?"),
            ("\u{e4}hm", "\u{c4}hm."),
            ("", ""),
        ] {
            assert_eq!(sentence(&clock, &[&text.into()]), written);
        }
    }

    #[test]
    fn a_worth_that_is_a_time_is_told_as_one() {
        let told = |text: &str| worth(&clock(), &[&text.into()]);
        assert!(told("2023-11-14T22:13:20Z").ends_with(">23:13:20</time>"));
        assert!(told("until 2023-11-14T22:13:20Z").starts_with("until <time "));
        assert_eq!(told("\"<b> until\""), "&quot;&lt;b&gt; until&quot;");
    }
}
