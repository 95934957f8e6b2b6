//! Times on the page: helpers for its templates that know now and the rules file's time zone. The script keeps
//! what they write going.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason,
};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// Now, and where.
#[derive(Clone)]
pub struct Clockwork {
    pub now_ms: i64,
    pub zone: TimeZone,
}

/// What can be said of a time.
#[derive(Clone, Copy)]
enum Says {
    /// "15:03:22", with the day where it is another one.
    At,
    /// "5 min": how long ago it was.
    For,
    /// "5 min": how far ahead it is.
    Until,
    /// A bar from one time to another.
    Progress,
}

const HELPERS: [(&str, Says); 4] =
    [("at", Says::At), ("for", Says::For), ("until", Says::Until), ("progress", Says::Progress)];

impl Clockwork {
    /// The helpers, bound to this moment.
    pub fn context(&self) -> RenderContext<'static, '_> {
        let mut context = RenderContext::new(None);
        for (name, says) in HELPERS {
            context.register_local_helper(name, Box::new(Bound { says, clock: self }));
        }
        context
    }

    fn local(&self, ms: i64) -> Option<ZonedDateTime> {
        Some(ZonedDateTime::new(Timestamp::from_millisecond(ms).ok()?, self.zone.clone()))
    }

    fn written(&self, ms: i64, format: &str) -> String {
        self.local(ms).and_then(|local| strtime::format(format, &local).ok()).unwrap_or_default()
    }

    fn clock(&self, ms: i64) -> String {
        let today = self.written(self.now_ms, "%F") == self.written(ms, "%F");
        self.written(ms, if today { "%H:%M:%S" } else { "%b %-d, %H:%M" })
    }

    fn say(&self, says: Says, ms: i64, to_ms: Option<i64>) -> String {
        let date = crate::time::date(ms);
        let full = self.written(ms, "%F %H:%M:%S %Z");
        match says {
            Says::At => format!("<time datetime=\"{date}\" title=\"{full}\">{}</time>", self.clock(ms)),
            Says::For => format!(
                "<time datetime=\"{date}\" title=\"{full}\" data-runs=\"for\">{}</time>",
                length(self.now_ms - ms)
            ),
            Says::Until => format!(
                "<time datetime=\"{date}\" title=\"{full}\" data-runs=\"until\">{}</time>",
                length(ms - self.now_ms)
            ),
            Says::Progress => {
                let Some(whole) = to_ms.map(|to| to - ms).filter(|whole| *whole > 0) else {
                    return String::new();
                };
                let done = (self.now_ms - ms).clamp(0, whole);
                format!(
                    "<progress max=\"{whole}\" value=\"{done}\" data-from=\"{ms}\" aria-label=\"{} of {}\"></progress>",
                    minutes(done),
                    minutes(whole)
                )
            }
        }
    }
}

/// "45 s", "5 min", "3 h", "4 days". The script says it in the same words.
fn length(ms: i64) -> String {
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
    says: Says,
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
        let time = |at: usize| {
            let text = called.param(at)?.value().as_str()?;
            text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
        };
        let Some(ms) = time(0) else { return Ok(()) };
        out.write(&self.clock.say(self.says, ms, time(1)))
            .map_err(|error| RenderErrorReason::Other(error.to_string()).into())
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
            clock.say(Says::Progress, clock.now_ms + from * 1000, Some(clock.now_ms + to * 1000))
        };
        assert!(bar(-65, 60).contains("max=\"125000\" value=\"65000\""), "{}", bar(-65, 60));
        assert!(bar(-65, 60).contains("1:05 of 2:05"));
        assert!(bar(-65, -5).contains("value=\"60000\""));
        assert!(bar(5, 60).contains("value=\"0\""));
        assert_eq!(bar(5, 5), "");
    }
}
