//! The names that conditions and templates may use, what each of them is, and how it is read.
//!
//! One table serves the type check, the evaluation, the templates' context, the reference and the editors:
//! a name that is not in it does not exist.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::presence::change::{Change, Subject};
use crate::presence::model::{
    Activity, ActivityType, Platform, Platforms, Presence, Text, Track, User, UserId,
};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Text,
    Bool,
    Number,
    /// A point in time, Unix milliseconds.
    Time,
    /// A length of time, milliseconds.
    Duration,
    Object(ObjectKind),
    List(ObjectKind),
    /// Texts by name: Lanyard's KV.
    TextMap,
    /// Anything at all: unchecked below this name (`raw`, or `change.from` of a rule with unlike changes).
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Person,
    User,
    Platforms,
    Activity,
    Party,
    Emoji,
    CustomStatus,
    Track,
    Change(Option<Subject>),
    Now,
}

/// A person as the rules see them: who they are in the file, and their presence.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    pub id: UserId,
    /// The key under `people`, empty for `everyone`.
    pub key: &'a str,
    /// The `name` given in the file, empty if none.
    pub name: &'a str,
    pub presence: &'a Presence<'a>,
}

/// A change together with the presences it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    pub change: Change,
    pub before: &'a Presence<'a>,
    pub after: &'a Presence<'a>,
}

/// The calendar's view of the moment, in the file's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub wall_ms: i64,
    pub year: i16,
    pub month: i8,
    pub day: i8,
    pub hour: i8,
    pub minute: i8,
    /// `monday` to `sunday`.
    pub weekday: &'static str,
}

impl Now {
    pub fn at(wall_ms: i64, zone: &jiff::tz::TimeZone) -> Self {
        const DAYS: [&str; 7] =
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let moment = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default();
        let here = zone.to_datetime(moment);
        let weekday = DAYS[usize::from(here.weekday().to_monday_zero_offset().unsigned_abs())];
        Self {
            wall_ms,
            year: here.year(),
            month: here.month(),
            day: here.day(),
            hour: here.hour(),
            minute: here.minute(),
            weekday,
        }
    }
}

/// Whatever has fields.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    Person(Sight<'a>),
    User(Sight<'a>),
    Platforms(Platforms),
    Activity(&'a Activity<'a>),
    Party(&'a Activity<'a>),
    Emoji(&'a Activity<'a>),
    CustomStatus(&'a Activity<'a>),
    Track(&'a Track<'a>),
    Change(Changed<'a>),
    Now(Now),
}

/// What a name is worth right now. `Missing` is false, empty and 0, never a failure.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Missing,
    Text(Cow<'a, str>),
    Bool(bool),
    Number(f64),
    Time(i64),
    Duration(i64),
    Object(Object<'a>),
    List(Vec<Object<'a>>),
    TextMap(&'a [(Text<'a>, Text<'a>)]),
}

/// One name of an object.
#[derive(Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// One sentence for the reference and for editors.
    pub doc: &'static str,
    pub read: for<'a> fn(Object<'a>) -> Value<'a>,
}

impl ObjectKind {
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Person => PERSON,
            Self::User => USER,
            Self::Platforms => PLATFORMS,
            Self::Activity => ACTIVITY,
            Self::Party => PARTY,
            Self::Emoji => EMOJI,
            Self::CustomStatus => CUSTOM_STATUS,
            Self::Track => TRACK,
            Self::Now => NOW,
            Self::Change(None) => CHANGE_ANY,
            Self::Change(Some(subject)) => match subject {
                Subject::Status | Subject::Platform => CHANGE_TEXT,
                Subject::Track => CHANGE_TRACK,
                Subject::Activity => CHANGE_ACTIVITY,
                Subject::CustomStatus => CHANGE_CUSTOM_STATUS,
                Subject::Profile => CHANGE_PROFILE,
                Subject::Kv => CHANGE_KV,
                Subject::Person => CHANGE_PERSON,
            },
        }
    }

    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// How a mistake names such a thing: "an activity".
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Person => "a person",
            Self::User => "a user",
            Self::Platforms => "platforms",
            Self::Activity => "an activity",
            Self::Party => "a party",
            Self::Emoji => "an emoji",
            Self::CustomStatus => "a custom status",
            Self::Track => "a track",
            Self::Change(_) => "a change",
            Self::Now => "now",
        }
    }
}

/// Everything a condition or a template can look at when one rule is considered.
pub struct Scope<'a> {
    /// Nobody, for rules without `who`.
    pub person: Option<Sight<'a>>,
    /// The same person before the change.
    pub before: Option<Sight<'a>>,
    pub change: Option<Changed<'a>>,
    pub now: Now,
    /// The file's time zone, in which times are shown.
    pub zone: &'a TimeZone,
    pub people: &'a dyn People,
    /// The rule's id.
    pub rule: &'a str,
    /// How long we were away, for a change found after a gap.
    pub late_ms: Option<i64>,
    /// When the state that began or ended had begun.
    pub since_ms: Option<i64>,
    /// How long the state that ended had lasted.
    pub lasted_ms: Option<i64>,
}

/// Everybody in the file, by their place in it.
pub trait People {
    /// The person at a place in `people`, if anything is known of them.
    fn person(&self, at: usize) -> Option<Sight<'_>>;
    /// The members of a group, by its place in `groups`; those of whom nothing is known are left out.
    fn group(&self, at: usize) -> Vec<Sight<'_>>;
}

/// Nobody at all, for scopes that have no other people.
pub struct Nobody;

impl People for Nobody {
    fn person(&self, _: usize) -> Option<Sight<'_>> {
        None
    }
    fn group(&self, _: usize) -> Vec<Sight<'_>> {
        Vec::new()
    }
}

/// The names a text of one rule may use: what the compiler of conditions and of templates is told.
#[derive(Clone, Copy, Debug)]
pub struct Names<'n> {
    /// The keys of `people` and `groups`, in the file's order.
    pub people: &'n Keys,
    pub groups: &'n Keys,
    /// Whether the rule is about one person: without `who`, the person's own names do not exist.
    pub has_person: bool,
    /// For `when` rules: what their changes are about, if they agree. `None`: the rule has no change.
    pub change: Option<Option<Subject>>,
    /// Templates know more than conditions: `rule`, `late`, `since`, `lasted`, `raw`.
    pub in_template: bool,
}

/// The keys of a part of the file, in its order, and the place of each.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    list: Vec<String>,
    places: HashMap<String, usize>,
}

impl Keys {
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub fn as_slice(&self) -> &[String] {
        &self.list
    }
}

impl FromIterator<String> for Keys {
    fn from_iter<I: IntoIterator<Item = String>>(keys: I) -> Self {
        let list: Vec<String> = keys.into_iter().collect();
        let places = list.iter().enumerate().map(|(at, key)| (key.clone(), at)).collect();
        Self { list, places }
    }
}

/// What a first name stands for, and where its value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A field of the person the rule is about, by its place in the person's fields.
    OwnField(usize),
    Before,
    Change,
    Now,
    Person(usize),
    Group(usize),
    Rule,
    Late,
    LateBy,
    Since,
    Lasted,
    /// The presence as Lanyard sent it, unknown fields and all.
    Raw,
}

impl Names<'_> {
    /// Finds a first name. A person's own fields come before people, people before groups.
    pub fn root(&self, name: &str) -> Option<(Root, Kind)> {
        self.own_field(name)
            .or_else(|| self.word(name))
            .or_else(|| {
                let at = self.people.place(name)?;
                Some((Root::Person(at), Kind::Object(ObjectKind::Person)))
            })
            .or_else(|| {
                let at = self.groups.place(name)?;
                Some((Root::Group(at), Kind::List(ObjectKind::Person)))
            })
    }

    fn own_field(&self, name: &str) -> Option<(Root, Kind)> {
        let at = PERSON.iter().position(|field| field.name == name)?;
        self.has_person.then_some((Root::OwnField(at), PERSON[at].kind))
    }

    fn word(&self, name: &str) -> Option<(Root, Kind)> {
        let (root, kind) = match name {
            "now" => (Root::Now, Kind::Object(ObjectKind::Now)),
            "before" if self.has_person => (Root::Before, Kind::Object(ObjectKind::Person)),
            "change" => (Root::Change, Kind::Object(ObjectKind::Change(self.change?))),
            "rule" => (Root::Rule, Kind::Text),
            "late" => (Root::Late, Kind::Bool),
            "late_by" => (Root::LateBy, Kind::Duration),
            "since" => (Root::Since, Kind::Time),
            "lasted" => (Root::Lasted, Kind::Duration),
            "raw" if self.has_person => (Root::Raw, Kind::Any),
            _ => return None,
        };
        let template_only =
            matches!(root, Root::Rule | Root::Late | Root::LateBy | Root::Since | Root::Lasted | Root::Raw);
        (self.in_template || !template_only).then_some((root, kind))
    }

    /// The first name of which the thing has a field of this name, for hints.
    pub fn owner(&self, field: &str) -> Option<&'static str> {
        let has_it = |owner: &&str| {
            let root = self.root(owner);
            root.is_some_and(
                |(_, kind)| matches!(kind, Kind::Object(object) if object.field(field).is_some()),
            )
        };
        ["platforms", "now", "track", "playing", "user", "custom_status", "change"].into_iter().find(has_it)
    }

    /// Every first name, for hints.
    pub fn all(&self) -> Vec<&str> {
        const WORDS: [&str; 9] =
            ["now", "before", "change", "rule", "late", "late_by", "since", "lasted", "raw"];
        let own = PERSON.iter().map(|field| field.name).filter(|_| self.has_person);
        let words = WORDS.into_iter().filter(|word| self.word(word).is_some());
        own.chain(words)
            .chain(self.people.as_slice().iter().map(String::as_str))
            .chain(self.groups.as_slice().iter().map(String::as_str))
            .collect()
    }
}

impl<'a> Scope<'a> {
    /// The value of a first name. `Raw` has no value here: templates read it from the presence's text.
    pub fn value(&self, root: Root) -> Value<'a> {
        let person =
            |sight: Option<Sight<'a>>| sight.map_or(Value::Missing, |s| Value::Object(Object::Person(s)));
        match root {
            Root::OwnField(at) => self.own_field(&PERSON[at]),
            Root::Before => person(self.before),
            Root::Change => {
                self.change.map_or(Value::Missing, |change| Value::Object(Object::Change(change)))
            }
            Root::Now => Value::Object(Object::Now(self.now)),
            Root::Person(at) => person(self.people.person(at)),
            Root::Group(at) => Value::List(self.people.group(at).into_iter().map(Object::Person).collect()),
            Root::Rule => Value::Text(Cow::Borrowed(self.rule)),
            Root::Late => Value::Bool(self.late_ms.is_some()),
            Root::LateBy => self.late_ms.map_or(Value::Missing, Value::Duration),
            Root::Since => self.since_ms.map_or(Value::Missing, Value::Time),
            Root::Lasted => self.lasted_ms.map_or(Value::Missing, Value::Duration),
            Root::Raw => Value::Missing,
        }
    }

    /// A field of the person. For a game that has just started, `playing` is that game, whatever else is
    /// being played; the same for the other types.
    fn own_field(&self, field: &Field) -> Value<'a> {
        if field.kind == Kind::Object(ObjectKind::Activity)
            && let Some(activity) = self.change.and_then(Changed::activity_now)
            && activity.kind.word() == field.name
        {
            return Value::Object(Object::Activity(activity));
        }
        self.person.map_or(Value::Missing, |sight| (field.read)(Object::Person(sight)))
    }
}

impl<'a> Changed<'a> {
    /// The activity that began or goes on, if the change is about one.
    pub fn activity_now(self) -> Option<&'a Activity<'a>> {
        let at = self.change.to.filter(|_| self.change.kind.subject() == Subject::Activity)?;
        self.after.activities.get(usize::from(at))
    }

    /// The activity before the change, if the change is about one.
    pub fn activity_before(self) -> Option<&'a Activity<'a>> {
        let at = self.change.from.filter(|_| self.change.kind.subject() == Subject::Activity)?;
        self.before.activities.get(usize::from(at))
    }
}

// The tables.

macro_rules! fields {
    ($(#[$meta:meta])* $table:ident: $variant:ident($it:pat) => { $($name:literal $kind:expr, $doc:literal, $value:expr;)* }) => {
        $(#[$meta])*
        pub const $table: &[Field] = &[$(Field {
            name: $name,
            kind: $kind,
            doc: $doc,
            read: |object| {
                #[allow(unused_variables, reason = "constant fields look at nothing")]
                let Object::$variant($it) = object else { return Value::Missing };
                $value
            },
        },)*];
    };
}

fields! { PERSON: Person(sight) => {
    "id" Kind::Text, "The Discord user id.", Value::Text(Cow::Owned(sight.id.to_string()));
    "name" Kind::Text, "The name in the rules file, else the one Discord shows.", shown_name(sight);
    "key" Kind::Text, "The name under `people:` in the rules file; missing for somebody who is only in `everyone`.", key(sight);
    "status" Kind::Text, "`online`, `idle`, `dnd` or `offline`.", Value::Text(Cow::Borrowed(sight.presence.status.word()));
    "online" Kind::Bool, "Whether the status is anything but offline.", Value::Bool(sight.presence.online());
    "platforms" Kind::Object(ObjectKind::Platforms), "Where the person is signed in.", Value::Object(Object::Platforms(sight.presence.platforms));
    "playing" Kind::Object(ObjectKind::Activity), "The game that is played.", doing(sight, ActivityType::Playing);
    "streaming" Kind::Object(ObjectKind::Activity), "The stream that is on.", doing(sight, ActivityType::Streaming);
    "listening" Kind::Object(ObjectKind::Activity), "The player that is heard, as an activity; see `track` for the song.", doing(sight, ActivityType::Listening);
    "watching" Kind::Object(ObjectKind::Activity), "What is watched.", doing(sight, ActivityType::Watching);
    "competing" Kind::Object(ObjectKind::Activity), "The competition taken part in.", doing(sight, ActivityType::Competing);
    "track" Kind::Object(ObjectKind::Track), "The song that is heard, on any player.", sight.presence.track.as_ref().map_or(Value::Missing, |track| Value::Object(Object::Track(track)));
    "custom_status" Kind::Object(ObjectKind::CustomStatus), "The custom status.", custom_status(sight.presence);
    "activities" Kind::List(ObjectKind::Activity), "All activities but the custom status.", activities(sight.presence);
    "kv" Kind::TextMap, "The person's Lanyard KV.", Value::TextMap(&sight.presence.kv);
    "user" Kind::Object(ObjectKind::User), "The Discord profile.", Value::Object(Object::User(sight));
} }

fields! { USER: User(sight) => {
    "id" Kind::Text, "The Discord user id.", Value::Text(Cow::Owned(sight.id.to_string()));
    "name" Kind::Text, "The name in the rules file, else the one Discord shows.", shown_name(sight);
    "username" Kind::Text, "The unique Discord username.", text(&sight.presence.user.username);
    "global_name" Kind::Text, "The display name, as Discord calls it.", text(&sight.presence.user.global_name);
    "display_name" Kind::Text, "The display name, as Lanyard calls it.", text(&sight.presence.user.display_name);
    "avatar" Kind::Text, "The avatar's hash; see the helper `avatar_url`.", text(&sight.presence.user.avatar);
    "discriminator" Kind::Text, "The four digits of old accounts, else `0`.", text(&sight.presence.user.discriminator);
    "bot" Kind::Bool, "Whether it is a bot.", Value::Bool(sight.presence.user.bot);
} }

fields! { PLATFORMS: Platforms(platforms) => {
    "desktop" Kind::Bool, "Signed in on a computer.", Value::Bool(platforms.has(Platform::Desktop));
    "mobile" Kind::Bool, "Signed in on a phone.", Value::Bool(platforms.has(Platform::Mobile));
    "web" Kind::Bool, "Signed in in a browser.", Value::Bool(platforms.has(Platform::Web));
    "embedded" Kind::Bool, "Signed in on a console.", Value::Bool(platforms.has(Platform::Embedded));
    "vr" Kind::Bool, "Signed in on a headset.", Value::Bool(platforms.has(Platform::Vr));
} }

fields! { ACTIVITY: Activity(activity) => {
    "type" Kind::Text, "`playing`, `streaming`, `listening`, `watching`, `competing` or `other`.", Value::Text(Cow::Borrowed(activity.kind.word()));
    "name" Kind::Text, "The game, the player, the service.", text(&activity.name);
    "details" Kind::Text, "The first line of what is shown.", text(&activity.details);
    "state" Kind::Text, "The second line of what is shown.", text(&activity.state);
    "url" Kind::Text, "The stream's address.", text(&activity.url);
    "application_id" Kind::Text, "The Discord application behind it.", text(&activity.application_id);
    "large_image" Kind::Text, "The large picture's key; see the helper `image_url`.", text(&activity.large_image);
    "large_text" Kind::Text, "The large picture's text.", text(&activity.large_text);
    "small_image" Kind::Text, "The small picture's key; see the helper `image_url`.", text(&activity.small_image);
    "small_text" Kind::Text, "The small picture's text.", text(&activity.small_text);
    "party" Kind::Object(ObjectKind::Party), "The party, where there is one.", party(activity);
    "started_at" Kind::Time, "When it began, as the application says.", time(activity.started_at_ms);
    "ends_at" Kind::Time, "When it will end, as the application says.", time(activity.ends_at_ms);
} }

fields! { PARTY: Party(activity) => {
    "size" Kind::Number, "How many are in.", Value::Number(activity.party_size as f64);
    "max" Kind::Number, "How many can be in.", Value::Number(activity.party_max as f64);
} }

fields! { CUSTOM_STATUS: CustomStatus(activity) => {
    "text" Kind::Text, "The text.", text(&activity.state);
    "emoji" Kind::Object(ObjectKind::Emoji), "The emoji before the text.", emoji(activity);
} }

fields! { EMOJI: Emoji(activity) => {
    "name" Kind::Text, "The emoji itself, or the name of a server's own one.", text(&activity.emoji.name);
    "id" Kind::Text, "The id of a server's own emoji.", text(&activity.emoji.id);
    "animated" Kind::Bool, "Whether it moves.", Value::Bool(activity.emoji.animated);
} }

fields! { TRACK: Track(track) => {
    "id" Kind::Text, "Spotify's track id; empty for local files and other players.", text(&track.id);
    "song" Kind::Text, "The song.", text(&track.song);
    "artist" Kind::Text, "The artists.", text(&track.artist);
    "album" Kind::Text, "The album.", text(&track.album);
    "album_art_url" Kind::Text, "The album's picture.", text(&track.album_art_url);
    "player" Kind::Text, "The player: `Spotify`, …", text(&track.player);
    "started_at" Kind::Time, "When the song began.", time(track.started_at_ms);
    "ends_at" Kind::Time, "When the song will end.", time(track.ends_at_ms);
} }

fields! { NOW: Now(now) => {
    "year" Kind::Number, "The year.", Value::Number(f64::from(now.year));
    "month" Kind::Number, "1 to 12.", Value::Number(f64::from(now.month));
    "day" Kind::Number, "1 to 31.", Value::Number(f64::from(now.day));
    "hour" Kind::Number, "0 to 23.", Value::Number(f64::from(now.hour));
    "minute" Kind::Number, "0 to 59.", Value::Number(f64::from(now.minute));
    "weekday" Kind::Text, "`monday` to `sunday`.", Value::Text(Cow::Borrowed(now.weekday));
    "weekend" Kind::Bool, "Saturday or Sunday.", Value::Bool(now.weekday.starts_with('s'));
    "time" Kind::Time, "The moment itself.", Value::Time(now.wall_ms);
} }

macro_rules! change_fields {
    ($($table:ident: $from_kind:expr;)*) => {$(
        fields! { $table: Change(changed) => {
            "kind" Kind::Text, "The change's name.", Value::Text(Cow::Borrowed(changed.change.kind.name()));
            "from" $from_kind, "What was before; missing where something began.", side(changed, Side::From);
            "to" $from_kind, "What is now; missing where something ended.", side(changed, Side::To);
        } }
    )*};
}
change_fields! {
    CHANGE_ANY: Kind::Any;
    CHANGE_TEXT: Kind::Text;
    CHANGE_TRACK: Kind::Object(ObjectKind::Track);
    CHANGE_ACTIVITY: Kind::Object(ObjectKind::Activity);
    CHANGE_CUSTOM_STATUS: Kind::Object(ObjectKind::CustomStatus);
    CHANGE_PROFILE: Kind::Object(ObjectKind::User);
}

fields! { CHANGE_KV: Change(changed) => {
    "kind" Kind::Text, "The change's name.", Value::Text(Cow::Borrowed(changed.change.kind.name()));
    "key" Kind::Text, "The KV key.", kv_key(changed);
    "from" Kind::Text, "The value before; empty if the key is new.", side(changed, Side::From);
    "to" Kind::Text, "The value now; empty if the key is gone.", side(changed, Side::To);
} }

fields! { CHANGE_PERSON: Change(changed) => {
    "kind" Kind::Text, "The change's name.", Value::Text(Cow::Borrowed(changed.change.kind.name()));
} }

fn text<'a>(text: &'a Text<'a>) -> Value<'a> {
    if text.is_empty() { Value::Missing } else { Value::Text(Cow::Borrowed(text)) }
}

fn time(unix_ms: i64) -> Value<'static> {
    if unix_ms == 0 { Value::Missing } else { Value::Time(unix_ms) }
}

fn key(sight: Sight<'_>) -> Value<'_> {
    if sight.key.is_empty() { Value::Missing } else { Value::Text(Cow::Borrowed(sight.key)) }
}

fn shown_name(sight: Sight<'_>) -> Value<'_> {
    if sight.name.is_empty() {
        user_name(&sight.presence.user, sight.key)
    } else {
        Value::Text(Cow::Borrowed(sight.name))
    }
}

/// Before Lanyard has said what a person is called, the key in the file has to do.
fn user_name<'a>(user: &'a User<'a>, key: &'a str) -> Value<'a> {
    let shown = user.shown_name();
    Value::Text(Cow::Borrowed(if shown.is_empty() { key } else { shown }))
}

fn doing(sight: Sight<'_>, kind: ActivityType) -> Value<'_> {
    sight.presence.doing(kind).map_or(Value::Missing, |activity| Value::Object(Object::Activity(activity)))
}

fn activities<'a>(presence: &'a Presence<'a>) -> Value<'a> {
    let shown = presence.activities.iter().filter(|activity| activity.kind != ActivityType::Custom);
    Value::List(shown.map(Object::Activity).collect())
}

fn custom_status<'a>(presence: &'a Presence<'a>) -> Value<'a> {
    presence.custom_status().map_or(Value::Missing, |activity| Value::Object(Object::CustomStatus(activity)))
}

fn party<'a>(activity: &'a Activity<'a>) -> Value<'a> {
    if activity.party_size == 0 { Value::Missing } else { Value::Object(Object::Party(activity)) }
}

fn emoji<'a>(activity: &'a Activity<'a>) -> Value<'a> {
    let emoji = &activity.emoji;
    if emoji.name.is_empty() && emoji.id.is_empty() {
        Value::Missing
    } else {
        Value::Object(Object::Emoji(activity))
    }
}

#[derive(Clone, Copy)]
enum Side {
    From,
    To,
}

/// `from` or `to` of a change, whatever it is about.
fn side(changed: Changed<'_>, side: Side) -> Value<'_> {
    let (presence, at) = match side {
        Side::From => (changed.before, changed.change.from),
        Side::To => (changed.after, changed.change.to),
    };
    let at = at.map(usize::from);
    match changed.change.kind.subject() {
        Subject::Status => Value::Text(Cow::Borrowed(presence.status.word())),
        Subject::Platform => at
            .and_then(|at| Platform::NAMES.get(at))
            .map_or(Value::Missing, |name| Value::Text(Cow::Borrowed(name))),
        Subject::Track => {
            presence.track.as_ref().map_or(Value::Missing, |track| Value::Object(Object::Track(track)))
        }
        Subject::Activity => match side {
            Side::From => changed.activity_before(),
            Side::To => changed.activity_now(),
        }
        .map_or(Value::Missing, |activity| Value::Object(Object::Activity(activity))),
        Subject::CustomStatus => custom_status(presence),
        Subject::Profile => presence.user.id.map_or(Value::Missing, |id| {
            Value::Object(Object::User(Sight { id, key: "", name: "", presence }))
        }),
        Subject::Kv => at.and_then(|at| presence.kv.get(at)).map_or(Value::Missing, |(_, value)| text(value)),
        Subject::Person => Value::Missing,
    }
}

fn kv_key(changed: Changed<'_>) -> Value<'_> {
    let Changed { change, before, after } = changed;
    let found = match (change.from, change.to) {
        (Some(at), _) => before.kv.get(usize::from(at)),
        (None, Some(at)) => after.kv.get(usize::from(at)),
        (None, None) => None,
    };
    found.map_or(Value::Missing, |(key, _)| text(key))
}
