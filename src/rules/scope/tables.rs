//! The tables: each object's names, what they stand for, and how they are read.

use std::borrow::Cow;

use super::{Changed, Field, Kind, Object, ObjectKind, Sight, Value};
use crate::presence::change::Subject;
use crate::presence::model::{Activity, ActivityType, Platform, Presence, Text, User};

macro_rules! fields {
    ($(#[$meta:meta])* $table:ident: $variant:ident($it:pat) => { $($name:literal $kind:expr, $doc:literal, $value:expr;)* }) => {
        $(#[$meta])*
        pub(super) const $table: &[Field] = &[$(Field {
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

fields! { CHANGE_OWN: News(news) => {
    "kind" Kind::Text, "The change's name.", Value::Text(Cow::Borrowed(news.kind.name()));
    "target" Kind::Text, "The target's name, of `target_failing` and `target_recovered`.", known(news.target);
    "why" Kind::Text, "Why it fails, of `target_failing` and `lanyard_down`.", known(news.why);
} }

fn known(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Missing } else { Value::Text(Cow::Borrowed(text)) }
}

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
        Subject::Person | Subject::Own => Value::Missing,
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
