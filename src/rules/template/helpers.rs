//! The helpers that templates may call, as a table for the checker, the reference and the engine.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::atomic::AtomicUsize;

use jiff::tz::TimeZone;
use unicode_segmentation::UnicodeSegmentation;

use super::format;
use super::value::Val;
use crate::rules::scope::Kind;
use crate::rules::slug::slug;
use crate::targets::address;
use crate::time;

/// One helper.
pub struct Helper {
    pub name: &'static str,
    pub takes: &'static [Takes],
    /// How many of `takes` must be given.
    pub least: usize,
    /// The last of `takes` may be given any number of times.
    pub many: bool,
    pub(super) gives: Gives,
    /// How it is written, and what it does, for hints, the reference and editors.
    pub usage: &'static str,
    pub doc: &'static str,
    pub(super) run: for<'a> fn(&Surroundings<'_>, &[Val<'a>]) -> Val<'a>,
}

/// One argument: the name it may be given by, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    pub name: &'static str,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A text, a number, a truth, a time.
    Plain,
    Anything,
    List,
    /// A number, or a time or a length of time, which are counted in milliseconds.
    Number,
    /// A point in time.
    Time,
    /// A format for times, checked when it is given as a text.
    Format,
    /// A person or a user.
    User,
    /// An activity, a track, or a picture's key.
    Image,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Kind(Kind),
    /// What its first argument is.
    First,
}

/// What a helper may look at besides its arguments.
pub(super) struct Surroundings<'a> {
    pub zone: &'a TimeZone,
    pub now_ms: i64,
    /// Items that loops and lists have looked at so far.
    pub steps: AtomicUsize,
}

/// What one helper makes at most; the whole of a rendered text takes no more.
const TEXT_BYTES_MAX: usize = 64 << 10;

macro_rules! helpers {
    ($($name:literal ($($arg:ident $what:ident),*) $least:literal $(.. $many:ident)? => $gives:expr, $usage:literal, $doc:literal, $run:expr;)*) => {
        /// Every helper but those that the grammar treats apart: `if`, `unless`, `each`, `with`, and those
        /// that look at fields by name: `lookup`, `pluck`, `where`.
        pub const HELPERS: &[Helper] = &[$(Helper {
            name: $name,
            takes: &[$(Takes { name: stringify!($arg), what: What::$what }),*],
            least: $least,
            many: helpers!(@many $($many)?),
            gives: $gives,
            usage: $usage,
            doc: $doc,
            run: $run,
        }),*];
    };
    (@many many) => { true };
    (@many) => { false };
}

const TEXT: Gives = Gives::Kind(Kind::Text);
const BOOL: Gives = Gives::Kind(Kind::Bool);

helpers! {
    "default" (value Anything, otherwise Anything) 2 ..many => Gives::First, "default value 'otherwise'", "The first of these that is not empty.", |_, args| first_filled(args);
    "upper" (value Plain) 1 => TEXT, "upper value", "In capital letters.", |on, args| Val::text(on.text(args, 0).to_uppercase());
    "lower" (value Plain) 1 => TEXT, "lower value", "In small letters.", |on, args| Val::text(on.text(args, 0).to_lowercase());
    "slug" (value Plain) 1 => TEXT, "slug name", "As a name for machines: small letters, digits and `_`, such as `bob_a`; `unknown` if there is none of them.", |on, args| Val::text(slug(&on.text(args, 0)));
    "truncate" (value Plain, length Number, ellipsis Plain) 2 => TEXT, "truncate value 20", "At most so many letters, `…` included where it was cut.", truncate;
    "join" (list List, separator Plain) 1 => TEXT, "join list ', '", "The items of a list as one text.", join;
    "len" (value Anything) 1 => Gives::Kind(Kind::Number), "len list", "How many items a list has, or letters a text.", |_, args| Val::Number(args.first().map_or(0, Val::len) as f64);
    "duration" (value Number) 1 => TEXT, "duration lasted", "A length of time, or a number of milliseconds, as `2 h 5 min`.", |_, args| filled(args, |value| value.number().map(|ms| Val::text(time::length(ms as i64))));
    "ago" (time Time) 1 => TEXT, "ago since", "How long ago a time was, as `5 minutes ago`.", |on, args| filled(args, |value| value.number().map(|ms| Val::text(format::ago(ms as i64, on.now_ms))));
    "time" (time Time, format Format) 1 => TEXT, "time since '%H:%M'", "A time in the file's time zone; as `2026-01-31 18:05` if no format is given.", time;
    "number" (value Number, decimals Number, thousands Plain) 1 => TEXT, "number value 2", "A number with so many decimals, and `,` or what is given third between its thousands.", number;
    "plural" (count Number, one Plain, many Plain) 3 => TEXT, "plural count 'song' 'songs'", "The first word for 1, the second one for any other number.", |on, args| plural(on, args);
    "json" (value Anything) 1 => TEXT, "json value", "The value as JSON; alone in a text of a JSON tree, the value itself.", |on, args| Val::text(args.first().map_or_else(String::new, |value| value.for_reader(on.zone).to_string()));
    "urlencode" (value Plain) 1 => TEXT, "urlencode value", "Percent-encoded, for addresses.", |on, args| Val::text(address::encode(&on.text(args, 0)));
    "avatar_url" (user User, size Number) 1 => TEXT, "avatar_url user", "The address of a user's avatar, or of the one Discord gives to those without.", avatar_url;
    "image_url" (image Image, which Plain) 1 => TEXT, "image_url playing 'small'", "The address of an activity's large or small picture, of a track's cover, or of a picture's key with its application's id.", image_url;
    "eq" (left Plain, right Plain) 2 => BOOL, "eq status 'dnd'", "Whether both are the same.", |_, args| Val::Bool(compare(args, Val::same));
    "ne" (left Plain, right Plain) 2 => BOOL, "ne status 'dnd'", "Whether they differ.", |_, args| Val::Bool(!compare(args, Val::same));
    "gt" (left Plain, right Plain) 2 => BOOL, "gt now.hour 20", "Whether the first is greater.", |_, args| ordered(args, Ordering::is_gt);
    "lt" (left Plain, right Plain) 2 => BOOL, "lt now.hour 6", "Whether the first is less.", |_, args| ordered(args, Ordering::is_lt);
    "ge" (left Plain, right Plain) 2 => BOOL, "ge now.hour 20", "Whether the first is greater, or the same.", |_, args| ordered(args, Ordering::is_ge);
    "le" (left Plain, right Plain) 2 => BOOL, "le now.hour 6", "Whether the first is less, or the same.", |_, args| ordered(args, Ordering::is_le);
    "gte" (left Plain, right Plain) 2 => BOOL, "gte now.hour 20", "`ge` by another name.", |_, args| ordered(args, Ordering::is_ge);
    "lte" (left Plain, right Plain) 2 => BOOL, "lte now.hour 6", "`le` by another name.", |_, args| ordered(args, Ordering::is_le);
    "and" (left Anything, right Anything) 2 ..many => BOOL, "and online platforms.desktop", "Whether all are true.", |_, args| Val::Bool(args.iter().all(Val::holds));
    "or" (left Anything, right Anything) 2 ..many => BOOL, "or playing streaming", "Whether one is true.", |_, args| Val::Bool(args.iter().any(Val::holds));
    "not" (value Anything) 1 => BOOL, "not online", "Whether it is false or empty.", |_, args| Val::Bool(!args.first().is_some_and(Val::holds));
}

/// Those that the compiler treats apart, for hints.
pub const SPECIAL: &[(&str, &str, &str)] = &[
    ("if", "#if online", "What stands inside, if the value is true and not empty."),
    ("unless", "#unless online", "What stands inside, if the value is false or empty."),
    (
        "each",
        "#each activities",
        "What stands inside, for each item: `this`, its fields, `@index`, `@first`, `@last`, `@key`.",
    ),
    ("with", "#with playing", "What stands inside, with the value's fields at hand, if there is one."),
    ("lookup", "lookup kv 'scene'", "What stands under a name or at a place that is worked out."),
    ("pluck", "pluck squad 'name'", "One field of each item of a list."),
    ("where", "where squad 'online'", "The items of which a field is true, or the same as a third value."),
];

impl std::fmt::Debug for Helper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

pub(super) fn find(name: &str) -> Option<&'static Helper> {
    HELPERS.iter().find(|helper| helper.name == name)
}

/// Every name that can be called.
pub fn names() -> impl Iterator<Item = &'static str> {
    HELPERS.iter().map(|helper| helper.name).chain(SPECIAL.iter().map(|(name, ..)| *name))
}

impl Surroundings<'_> {
    fn text<'v>(&self, args: &[Val<'v>], at: usize) -> Cow<'v, str> {
        args.get(at).map_or_else(Default::default, |value| value.show(self.zone))
    }
}

fn first_filled<'a>(args: &[Val<'a>]) -> Val<'a> {
    let filled = args.iter().find(|value| !value.is_blank());
    filled.or(args.last()).cloned().unwrap_or(Val::Missing)
}

/// Nothing is made of nothing: no "0 s" where there is no time at all.
fn filled<'a>(args: &[Val<'a>], made: impl FnOnce(&Val<'a>) -> Option<Val<'a>>) -> Val<'a> {
    args.first().filter(|value| !value.is_blank()).and_then(made).unwrap_or(Val::Missing)
}

fn compare<'a>(args: &[Val<'a>], same: impl FnOnce(&Val<'a>, &Val<'a>) -> bool) -> bool {
    matches!(args, [left, right, ..] if same(left, right))
}

fn ordered<'a>(args: &[Val<'a>], holds: fn(Ordering) -> bool) -> Val<'a> {
    Val::Bool(compare(args, |left, right| left.order(right).is_some_and(holds)))
}

fn count(args: &[Val<'_>], at: usize) -> Option<usize> {
    args.get(at)?.number().filter(|number| *number >= 0.0).map(|number| number as usize)
}

fn truncate<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    let text = on.text(args, 0);
    let most = count(args, 1).unwrap_or(0);
    let ellipsis = args.get(2).map_or("…".into(), |ellipsis| ellipsis.show(on.zone));
    if text.graphemes(true).nth(most).is_none() {
        return Val::Text(text);
    }
    let kept = most.saturating_sub(ellipsis.graphemes(true).count());
    let mut short: String = text.graphemes(true).take(kept).collect();
    short.truncate(short.trim_end().len());
    short.extend(ellipsis.graphemes(true).take(most));
    Val::text(short)
}

fn join<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    let separator = args.get(1).map_or(", ".into(), |separator| separator.show(on.zone));
    let mut joined = String::new();
    let Some(list) = args.first() else { return Val::Missing };
    for item in list.items() {
        let shown = Val::from(item).show(on.zone);
        if shown.is_empty() {
            continue;
        }
        if !joined.is_empty() {
            joined.push_str(&separator);
        }
        joined.push_str(&shown);
        if joined.len() > TEXT_BYTES_MAX {
            break;
        }
    }
    Val::text(joined)
}

fn time<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    const FORMAT: &str = "%Y-%m-%d %H:%M";
    filled(args, |value| {
        let ms = value.number()? as i64;
        let format = args.get(1).map_or(FORMAT.into(), |format| format.show(on.zone));
        let shown = format::time(ms, &format, on.zone).or_else(|| format::time(ms, FORMAT, on.zone));
        shown.map(Val::text)
    })
}

/// Whether times can be written by this format.
pub(super) fn is_format(format: &str) -> bool {
    format::time(0, format, &TimeZone::UTC).is_some()
}

fn number<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    const DECIMALS_MAX: usize = 20;
    filled(args, |value| {
        let decimals = count(args, 1).map(|decimals| decimals.min(DECIMALS_MAX));
        let thousands = args.get(2).map_or(",".into(), |thousands| thousands.show(on.zone));
        value.number().map(|number| Val::text(format::number(number, decimals, &thousands)))
    })
}

fn plural<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    let one = args.first().and_then(Val::number).is_some_and(|count| (count - 1.0).abs() < f64::EPSILON);
    Val::Text(on.text(args, if one { 1 } else { 2 }))
}

fn avatar_url<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    let Some(given) = args.first() else { return Val::Missing };
    // A person has a profile, and a user is one.
    let profile = match given.field("user") {
        user @ Val::Object(_) => user,
        _ => given.clone(),
    };
    let text = |of: &Val<'_>, field| of.field(field).show(on.zone).into_owned();
    let Ok(id) = text(given, "id").parse() else { return Val::Missing };
    let url = avatar_of(id, &text(&profile, "avatar"), &text(&profile, "discriminator"));
    // Discord makes pictures of these sizes; it refuses others.
    match count(args, 1) {
        Some(size) => {
            let size = size.checked_next_power_of_two().unwrap_or(usize::MAX).clamp(16, 4_096);
            Val::text(format!("{url}?size={size}"))
        }
        None => Val::text(url),
    }
}

pub fn avatar_of(id: u64, avatar: &str, discriminator: &str) -> String {
    const CDN: &str = "https://cdn.discordapp.com";
    if avatar.is_empty() {
        // Accounts that still have four digits get one of five pictures by them, all others one of six.
        let digits = discriminator.parse::<u64>().unwrap_or(0);
        let at = if digits > 0 { digits % 5 } else { (id >> 22) % 6 };
        return format!("{CDN}/embed/avatars/{at}.png");
    }
    let form = if avatar.starts_with("a_") { "gif" } else { "png" };
    format!("{CDN}/avatars/{id}/{}.{form}", address::encode(avatar))
}

fn image_url<'a>(on: &Surroundings<'_>, args: &[Val<'a>]) -> Val<'a> {
    let second = on.text(args, 1);
    let url = args.first().and_then(|image| match image {
        Val::Object(_) => {
            let text = |field| image.field(field).show(on.zone);
            let cover = text("album_art_url");
            if cover.is_empty() { activity_image(text, &second) } else { asset(&cover, "") }
        }
        key => asset(&key.show(on.zone), &second),
    });
    url.map_or(Val::Missing, Val::text)
}

/// The picture that was asked for; the large one, or else the small one, if none was.
fn activity_image<'a>(text: impl Fn(&'static str) -> Cow<'a, str>, which: &str) -> Option<String> {
    let application = text("application_id");
    let (large, small) = (text("large_image"), text("small_image"));
    match which {
        "small" => asset(&small, &application),
        "large" => asset(&large, &application),
        _ => asset(&large, &application).or_else(|| asset(&small, &application)),
    }
}

/// Where Discord keeps what an activity's `assets` name.
fn asset(key: &str, application: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(path) = key.strip_prefix("mp:") {
        return Some(format!("https://media.discordapp.net/{}", address::tidy_path(path)));
    }
    if let Some(id) = key.strip_prefix("spotify:") {
        return Some(format!("https://i.scdn.co/image/{}", address::encode(id)));
    }
    if let Some(id) = key.strip_prefix("youtube:") {
        return Some(format!("https://i.ytimg.com/vi/{}/hqdefault_live.jpg", address::encode(id)));
    }
    if let Some(name) = key.strip_prefix("twitch:") {
        let name = address::encode(name);
        return Some(format!("https://static-cdn.jtvnw.net/previews-ttv/live_user_{name}-1280x720.jpg"));
    }
    if key.starts_with("https://") || key.starts_with("http://") {
        return address::check(key).is_ok().then(|| key.to_owned());
    }
    (digits(key) && digits(application))
        .then(|| format!("https://cdn.discordapp.com/app-assets/{application}/{key}.png"))
}
