//! What people write out of habit, and what it is called here: a table for each sort of word.

use super::scope::ObjectKind;

/// A word of other programs, of Lanyard or of everyday speech, and what to do instead.
pub type Elsewhere = (&'static str, &'static str);

const PEOPLE: &str = "write `people`";
const TARGETS: &str = "write `targets`";

/// Keys of the file.
pub const FILE: &[Elsewhere] = &[
    ("person", PEOPLE),
    ("user", PEOPLE),
    ("users", PEOPLE),
    ("friends", PEOPLE),
    ("members", PEOPLE),
    ("ids", PEOPLE),
    ("target", TARGETS),
    ("webhook", TARGETS),
    ("webhooks", TARGETS),
    ("notifiers", TARGETS),
    ("receivers", TARGETS),
    ("outputs", TARGETS),
    ("sinks", TARGETS),
    ("test", "write `tests`"),
    ("triggers", "write `rules`"),
    ("automations", "write `rules`"),
    ("alerts", "write `rules`"),
    ("tz", "write `timezone`"),
    ("time_zone", "write `timezone`"),
    ("locale", "there is no such setting: texts are as you write them"),
    ("url", "Lanyard's address is `lanyard: {url: …}`"),
    ("debounce", "write `smoothing`"),
    ("listen", "it is an option of the command: `doorchime run --listen HOST:PORT`"),
    ("log_level", "it is an option of the command: `doorchime run --log-level debug`"),
    ("data", "it is an option of the command: `doorchime run --data DIR`"),
];

/// Keys of `lanyard`.
pub const LANYARD: &[Elsewhere] = &[
    ("server", "write `url`"),
    ("socket", "write `url`"),
    ("host", "write `url`"),
    ("address", "write `url`"),
    ("compress", "write `compression`"),
    ("subscription", "write `subscribe`"),
];

/// Keys of a person.
pub const PERSON: &[Elsewhere] = &[
    ("user_id", "write `id`"),
    ("discord_id", "write `id`"),
    ("userid", "write `id`"),
    ("display_name", "write `name`"),
    ("nick", "write `name`"),
    ("nickname", "write `name`"),
    ("alias", "write `name`"),
];

/// Keys of a rule.
pub const RULE: &[Elsewhere] = &[
    ("name", "write `id`; a sentence about it goes into `description`"),
    ("alias", "write `id`; a sentence about it goes into `description`"),
    ("comment", "write `description`"),
    ("title", "it belongs to a message: `send: {to: phone, title: …}`"),
    ("message", "it belongs to a message: `send: {to: phone, message: …}`"),
    ("to", "it belongs to a message: `send: {to: phone}`"),
    ("target", "write `send`"),
    ("targets", "write `send`"),
    ("notify", "write `send`"),
    ("action", "write `send`"),
    ("actions", "write `send`"),
    ("then", "write `send`, or in a rule with `while`, `enter`"),
    (
        "else",
        "what is sent when a `while` is over is `exit`; for the opposite of a change write a second rule",
    ),
    (
        "otherwise",
        "what is sent when a `while` is over is `exit`; for the opposite of a change write a second rule",
    ),
    ("until", "a rule holds as long as the condition of its `while` is true; what is sent then is `exit`"),
    ("as_long_as", "write `while`"),
    ("during", "write `while`"),
    ("state", "write `while`, with a condition such as `playing.name == \"Factorio\"`"),
    ("hold", "write `for`"),
    ("held", "write `for`"),
    ("hold_for", "write `for`"),
    ("duration", "write `for`"),
    ("after", "write `for`"),
    ("delay", "write `for`"),
    ("wait", "write `for`"),
    ("linger", "write `grace`"),
    ("hysteresis", "write `grace`"),
    ("on_enter", "write `enter`"),
    ("on_start", "write `enter`"),
    ("start", "write `enter`"),
    ("begin", "write `enter`"),
    ("on_exit", "write `exit`"),
    ("on_leave", "write `exit`"),
    ("on_end", "write `exit`"),
    ("leave", "write `exit`"),
    ("end", "write `exit`"),
    ("stop", "write `exit`"),
    ("do", "write `send`"),
    ("user", "write `who`"),
    ("users", "write `who`"),
    ("person", "write `who`"),
    ("people", "write `who`"),
    ("on", "write `when`"),
    ("event", "write `when`"),
    ("events", "write `when`"),
    ("trigger", "write `when`"),
    ("triggers", "write `when`"),
    ("change", "write `when`"),
    ("changes", "write `when`"),
    ("condition", "write `if`"),
    ("conditions", "write `if`"),
    ("where", "write `if`"),
    ("filter", "write `if`"),
    ("unless", "write `if`, with `!( … )` around it; in a rule with `while`, `&& !( … )`"),
    ("throttle", "write `cooldown`, or `limit: {count: 5, per: 1h}`"),
    ("rate_limit", "write `limit: {count: 5, per: 1h}`, or `cooldown`"),
    ("ratelimit", "write `limit: {count: 5, per: 1h}`, or `cooldown`"),
    ("max_per_hour", "write `limit: {count: 5, per: 1h}`"),
    ("limits", "write `limit`"),
    ("max", "write `limit: {count: 5, per: 1h}`"),
    ("debounce", "write `cooldown`"),
    ("every", "write `cooldown`"),
    ("repeat_interval", "write `cooldown`"),
    ("quiet_hours", QUIET),
    ("quiet", QUIET),
    ("mute", QUIET),
    ("silence", QUIET),
    ("silent", QUIET),
    ("dnd", QUIET),
    ("mute_time_intervals", QUIET),
    ("schedule", HOURS),
    ("hours", HOURS),
    ("active_hours", HOURS),
    ("active_time_intervals", HOURS),
    ("time", HOURS),
    ("times", HOURS),
    ("between", HOURS),
    ("days", "write `active: {days: [mon..fri]}`"),
    ("only_between", HOURS),
    ("batch", GATHER),
    ("digest", GATHER),
    ("group_wait", GATHER),
    ("group_by", "write `group: {wait: 30s, by: person}`"),
    ("group_interval", GATHER),
    ("bundle", GATHER),
    ("collect", GATHER),
    ("aggregate", GATHER),
    ("dedup", "write `dedupe`"),
    ("unique", "write `dedupe`"),
    ("disabled", "write `enabled: false`"),
    ("expire", "it belongs to a message: `send: {to: phone, expire: 10m}`"),
    ("ttl", "it belongs to a message: `send: {to: phone, expire: 10m}`"),
];

const HOURS: &str = "write `active: {from: \"09:00\", to: \"23:00\"}`";
const QUIET: &str = "say when it may ring: `active: {from: \"08:00\", to: \"22:00\"}`";

const GATHER: &str = "write `group: {wait: 30s}`";

/// Keys of `group`.
pub const GROUP: &[Elsewhere] = &[
    ("for", "write `wait`"),
    ("window", "write `wait`"),
    ("every", "write `wait`"),
    ("interval", "write `wait`"),
    ("group_wait", "write `wait`"),
    ("within", "write `wait`"),
    ("time", "write `wait`"),
    ("count", "write `max`"),
    ("size", "write `max`"),
    ("limit", "write `max`"),
    ("key", "write `by: rule` or `by: person`"),
    ("per", "write `by`"),
];

/// Whose firings go together.
pub const GROUP_BY: &[Elsewhere] = &[
    ("user", "write `person`"),
    ("who", "write `person`"),
    ("everyone", "write `rule`"),
    ("all", "write `rule`"),
    ("target", "each message of a rule gathers them all: write `rule`"),
];

/// Keys of `limit`.
pub const LIMIT: &[Elsewhere] = &[
    ("max", "write `count`"),
    ("times", "write `count`"),
    ("rate", "write `count`"),
    ("burst", "write `count`"),
    ("window", "write `per`"),
    ("in", "write `per`"),
    ("within", "write `per`"),
    ("every", "write `per`"),
    ("period", "write `per`"),
    ("interval", "write `per`"),
    ("for", "write `per`"),
    ("by", "each person has a limit of their own"),
];

const ZONE: &str = "the zone is that of the file: `timezone` at its top";

/// Keys of `active`.
pub const ACTIVE: &[Elsewhere] = &[
    ("day", "write `days`"),
    ("on", "write `days`"),
    ("weekdays", "write `days: weekdays`"),
    ("weekday", "write `days`"),
    ("start", "write `from`"),
    ("begin", "write `from`"),
    ("after", "write `from`"),
    ("end", "write `to`"),
    ("until", "write `to`"),
    ("till", "write `to`"),
    ("before", "write `to`"),
    ("else", "write `otherwise`"),
    ("hours", "write `from` and `to`"),
    ("timezone", ZONE),
    ("tz", ZONE),
    ("location", ZONE),
    ("except", "a list of windows says when it rings: `active: [{days: mon, …}, {days: tue, …}]`"),
    ("defer", "write `otherwise: defer`"),
];

/// Days of the week.
pub const DAYS: &[Elsewhere] = &[
    ("mo", "write `mon`"),
    ("tu", "write `tue`"),
    ("tues", "write `tue`"),
    ("di", "write `tue`"),
    ("we", "write `wed`"),
    ("mi", "write `wed`"),
    ("th", "write `thu`"),
    ("thur", "write `thu`"),
    ("thurs", "write `thu`"),
    ("do", "write `thu`"),
    ("fr", "write `fri`"),
    ("sa", "write `sat`"),
    ("su", "write `sun`"),
    ("so", "write `sun`"),
    ("weekday", "write `weekdays`"),
    ("workdays", "write `weekdays`"),
    ("weekend", "write `weekends`"),
    ("everyday", EVERY_DAY),
    ("every_day", EVERY_DAY),
    ("daily", EVERY_DAY),
    ("all", EVERY_DAY),
    ("*", EVERY_DAY),
];

const EVERY_DAY: &str = "without `days`, it is every day";

/// Keys of `dedupe`.
pub const DEDUPE: &[Elsewhere] = &[
    ("by", "write `key`"),
    ("on", "write `key`"),
    ("for", "write `window`"),
    ("time", "write `window`"),
    ("ttl", "write `window`"),
    ("within", "write `window`"),
];

/// Keys of any target.
pub const TARGET: &[Elsewhere] = &[
    ("kind", "write `type`"),
    ("ttl", "write `expire`"),
    ("expires", "write `expire`"),
    ("backup", "write `fallback`"),
    ("failover", "write `fallback`"),
    ("on_failure", "write `fallback`"),
    ("or_else", "write `fallback`"),
    ("ca", "write `tls: {ca: FILE}`"),
    ("verify", "certificates are always verified; for a private CA write `tls: {ca: FILE}`"),
    ("insecure", "certificates are always verified; for a private CA write `tls: {ca: FILE}`"),
    ("retry", "what is owed is always tried again; see `retry_on_timeout` and `expire`"),
    ("retries", "what is owed is always tried again; see `retry_on_timeout` and `expire`"),
];

/// Keys of any message.
pub const SEND: &[Elsewhere] = &[
    ("target", "write `to`"),
    ("ttl", "write `expire`"),
    ("expires", "write `expire`"),
    ("template", "each text of a message is a template"),
];

/// Keys of a test.
pub const TEST: &[Elsewhere] = &[
    ("id", "write `name`"),
    ("title", "write `name`"),
    ("description", "write `name`"),
    ("given", "write `steps`; what is so at `0s` is how things are at the start"),
    ("when", "write `steps`"),
    ("events", "write `steps`"),
    ("timeline", "write `steps`"),
    ("input", "write `steps`"),
    ("then", "write `expect`"),
    ("expected", "write `expect`"),
    ("expects", "write `expect`"),
    ("assert", "write `expect`"),
    ("rings", "write `expect`"),
    ("rules", "write `only`"),
    ("rule", "write `only`"),
    ("now", "write `start`"),
    ("date", "write `start`"),
    ("time", "write `start`"),
    ("timezone", "times are in the file's `timezone`"),
    ("end", "write `until`"),
    ("ends", "write `until`"),
    ("duration", "write `until`"),
    ("wait", "write `until`"),
];

const WHOSE: &str = "the person's name is the key: `ada: {status: online}`";

/// Keys of a step.
pub const STEP: &[Elsewhere] = &[
    ("time", "write `at`, which counts from the start, or `after`, which counts from the step before"),
    ("t", "write `at`, which counts from the start, or `after`, which counts from the step before"),
    ("in", "write `after`"),
    ("wait", "write `after`"),
    ("delay", "write `after`"),
    ("then", "write `after`"),
    ("who", WHOSE),
    ("person", WHOSE),
    ("user", WHOSE),
    ("presence", WHOSE),
    ("everyone", "name the people, or a group"),
    ("disconnect", "write `lanyard: down`"),
    ("reconnect", "write `lanyard: up`"),
    ("crash", "write `restart: 5m`"),
    ("reboot", "write `restart: 5m`"),
    ("expect", "it stands beside `steps`"),
];

/// Keys of what a test expects.
pub const EXPECT: &[Elsewhere] = &[
    ("id", "write `rule`"),
    ("who", "write `person`"),
    ("user", "write `person`"),
    ("target", "write `to`"),
    ("send", "write `to`"),
    ("message", "write `text`"),
    ("title", "write `text`"),
    ("body", "write `text`"),
    ("content", "write `text`"),
    ("json", "write `text`"),
    ("time", "write `at`"),
    ("when", "write `at`"),
    ("after", "write `at`, counted from the start"),
];

/// Keys of a message's `fallback`.
pub const FALLBACK: &[Elsewhere] = &[("to", "the fallback is named at the target, under `targets:`")];

const NO_WORD_FOR_ALL: &str = "name the changes that ring; there is no word for all of them";

/// Changes.
pub const CHANGES: &[Elsewhere] = &[
    ("online", "write `went_online`"),
    ("goes_online", "write `went_online`"),
    ("comes_online", "write `went_online`"),
    ("came_online", "write `went_online`"),
    ("is_online", "write `went_online`"),
    ("offline", "write `went_offline`"),
    ("goes_offline", "write `went_offline`"),
    ("is_offline", "write `went_offline`"),
    ("idle", "write `{changed_status: {to: idle}}`"),
    ("dnd", "write `{changed_status: {to: dnd}}`"),
    ("status", "write `changed_status`"),
    ("status_change", "write `changed_status`"),
    ("status_changed", "write `changed_status`"),
    ("platform", "write `joined_platform` or `left_platform`"),
    ("mobile", "write `{joined_platform: {platform: mobile}}`"),
    ("desktop", "write `{joined_platform: {platform: desktop}}`"),
    ("web", "write `{joined_platform: {platform: web}}`"),
    ("song", "write `changed_track`"),
    ("track", "write `changed_track`"),
    ("music", "write `changed_track`"),
    ("spotify", "write `changed_track`"),
    ("new_song", "write `changed_track`"),
    ("song_changed", "write `changed_track`"),
    ("track_changed", "write `changed_track`"),
    ("changed_song", "write `changed_track`"),
    ("started_track", "write `changed_track`; the first one is `started_listening`"),
    ("listening", "write `started_listening` or `stopped_listening`"),
    ("listens", "write `started_listening`"),
    ("game", "write `started_playing`"),
    ("plays", "write `started_playing`"),
    ("playing", "write `started_playing` or `stopped_playing`"),
    ("started_game", "write `started_playing`"),
    ("stopped_game", "write `stopped_playing`"),
    ("streaming", "write `started_streaming` or `stopped_streaming`"),
    ("watching", "write `started_watching` or `stopped_watching`"),
    ("activity", "write `started_activity`, `changed_activity` or `stopped_activity`"),
    ("custom_status", "write `changed_custom_status`"),
    ("profile", "write `changed_profile`"),
    ("avatar", "write `changed_profile`"),
    ("username", "write `changed_profile`"),
    ("kv", "write `changed_kv`"),
    ("monitored", "write `became_monitored` or `became_unmonitored`"),
    ("disconnected", "write `lanyard_down`"),
    ("connection_lost", "write `lanyard_down`"),
    ("down", "write `lanyard_down`"),
    ("lanyard_offline", "write `lanyard_down`"),
    ("connected", "write `lanyard_up`"),
    ("reconnected", "write `lanyard_up`"),
    ("lanyard_back", "write `lanyard_up`"),
    ("error", "write `target_failing` or `lanyard_down`"),
    ("failed", "write `target_failing`"),
    ("failure", "write `target_failing`"),
    ("target_failed", "write `target_failing`"),
    ("target_down", "write `target_failing`"),
    ("target_disabled", "write `target_failing`"),
    ("target_up", "write `target_recovered`"),
    ("recovered", "write `target_recovered`"),
    ("any", NO_WORD_FOR_ALL),
    ("all", NO_WORD_FOR_ALL),
    ("*", NO_WORD_FOR_ALL),
    ("everything", NO_WORD_FOR_ALL),
    ("change", NO_WORD_FOR_ALL),
    ("changed", NO_WORD_FOR_ALL),
    ("presence", NO_WORD_FOR_ALL),
    ("presence_update", NO_WORD_FOR_ALL),
    ("update", NO_WORD_FOR_ALL),
];

const EVERYONE: &str = "write `everyone`";

/// People.
pub const WHO: &[Elsewhere] = &[
    ("all", EVERYONE),
    ("any", EVERYONE),
    ("anyone", EVERYONE),
    ("anybody", EVERYONE),
    ("everybody", EVERYONE),
    ("*", EVERYONE),
];

/// Types of target.
pub const KINDS: &[Elsewhere] = &[
    ("http", "write `webhook`"),
    ("https", "write `webhook`"),
    ("post", "write `webhook`"),
    ("rest", "write `webhook`"),
    ("url", "write `webhook`"),
    ("hass", "write `home_assistant`"),
    ("ha", "write `home_assistant`"),
    ("stdout", "write `console`"),
    ("terminal", "write `console`"),
    ("log", "write `console`"),
    (
        "email",
        "there is no such target; `ntfy` can send a mail with `email:`, and any mail service takes a `webhook`",
    ),
    (
        "mail",
        "there is no such target; `ntfy` can send a mail with `email:`, and any mail service takes a `webhook`",
    ),
    ("pushover", "there is no such target; write a `webhook` with `form: {token: …, user: …, message: …}`"),
];

/// First names in conditions and templates: most are Lanyard's own.
pub const NAMES: &[Elsewhere] = &[
    ("spotify", "write `track`"),
    ("music", "write `track`"),
    ("listening_to_spotify", "write `track`"),
    ("discord_user", "write `user`"),
    ("discord_status", "write `status`"),
    ("active_on_discord_desktop", "write `platforms.desktop`"),
    ("active_on_discord_mobile", "write `platforms.mobile`"),
    ("active_on_discord_web", "write `platforms.web`"),
    ("active_on_discord_embedded", "write `platforms.embedded`"),
    ("active_on_discord_vr", "write `platforms.vr`"),
    ("user_id", "write `id`"),
    ("person", "the person's fields stand alone: `name`, `status`, `user.username`"),
    ("who", "the person's fields stand alone: `name`, `status`, `user.username`"),
    ("game", "write `playing`"),
    (
        "activity",
        "write `playing`, `streaming`, `listening`, `watching` or `competing`, or look at `activities`",
    ),
    ("event", "write `change.kind`"),
    ("old", "write `before`, the person before the change, or `change.from`"),
    ("new", "the person's fields stand alone, and what is new is `change.to`"),
    ("previous", "write `before`, the person before the change, or `change.from`"),
    ("date", "write `now.time`"),
    ("offline", "write `!online`"),
    ("dnd", "write `status == \"dnd\"`"),
    ("idle", "write `status == \"idle\"`"),
    ("invisible", "who is invisible looks offline: write `!online`"),
    ("today", "write `now`"),
];

/// The field that is meant by a name from Lanyard or from everyday speech.
pub fn field(of: ObjectKind, name: &str) -> Option<&'static str> {
    let fields: &[(&str, &'static str)] = match of {
        ObjectKind::Track => &[
            ("title", "song"),
            ("name", "song"),
            ("track", "song"),
            ("artists", "artist"),
            ("track_id", "id"),
            ("album_art", "album_art_url"),
            ("cover", "album_art_url"),
        ],
        ObjectKind::Activity => &[("game", "name"), ("title", "name"), ("description", "details")],
        ObjectKind::CustomStatus => &[("state", "text"), ("status", "text"), ("name", "text")],
        ObjectKind::User | ObjectKind::Person => {
            &[("user_id", "id"), ("discord_status", "status"), ("spotify", "track"), ("discord_user", "user")]
        }
        ObjectKind::Platforms => &[("phone", "mobile"), ("browser", "web"), ("console", "embedded")],
        ObjectKind::Change(_) => &[
            ("old", "from"),
            ("before", "from"),
            ("new", "to"),
            ("after", "to"),
            ("type", "kind"),
            ("name", "kind"),
        ],
        _ => &[],
    };
    let (_, field) = fields.iter().find(|(written, _)| *written == name)?;
    of.field(field).map(|field| field.name)
}

/// What to do instead of `word`.
pub fn instead(table: &[Elsewhere], word: &str) -> Option<String> {
    let plain = word.trim().to_lowercase().replace([' ', '-'], "_");
    table.iter().find(|(written, _)| *written == plain).map(|(_, help)| (*help).to_owned())
}

/// A key of the file, `x-common` included.
pub fn of_file(key: &str) -> Option<String> {
    let own = key.starts_with("x-") || key.starts_with("x_") || key.starts_with('.');
    let help = "there is no place for keys of one's own: put an anchor where the value is first used";
    instead(FILE, key).or_else(|| own.then(|| help.to_owned()))
}

/// Several names in one text: what was meant is a list.
pub fn as_list(text: &str) -> Option<String> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    text.contains(',').then(|| format!("a list has brackets: `[{}]`", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::change::ChangeKind;
    use crate::rules::keys::{self, Setting};

    #[test]
    fn nothing_is_both_known_and_told_of() {
        let tables: [(&[Elsewhere], &[Setting]); 13] = [
            (FILE, keys::FILE),
            (LANYARD, keys::LANYARD),
            (PERSON, keys::PERSON),
            (RULE, keys::RULE),
            (DEDUPE, keys::DEDUPE),
            (LIMIT, keys::LIMIT),
            (ACTIVE, keys::ACTIVE),
            (GROUP, keys::GROUP),
            (TARGET, keys::TARGET),
            (SEND, keys::SEND),
            (TEST, keys::TEST),
            (STEP, keys::STEP),
            (EXPECT, keys::EXPECT),
        ];
        for (table, known) in tables {
            for (written, _) in table {
                assert!(known.iter().all(|key| key.name != *written), "{written}");
            }
        }
        for kind in crate::targets::KINDS {
            for (written, _) in kind.elsewhere {
                let both = kind.settings.iter().chain(kind.parts).filter(|key| key.name == *written).count();
                assert!(both < 2, "{} {written}", kind.name);
            }
        }
        assert!(CHANGES.iter().all(|(written, _)| ChangeKind::from_name(written).is_none()));
        assert_eq!(instead(CHANGES, "Goes Online").as_deref(), Some("write `went_online`"));
        assert_eq!(as_list("a").or(as_list("a , b")).as_deref(), Some("a list has brackets: `[a, b]`"));
    }
}
