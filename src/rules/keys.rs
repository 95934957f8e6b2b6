//! Every fixed key of the rules file: one table for the reader, the schema and the reference.

/// One key.
pub struct Setting {
    pub name: &'static str,
    /// What it takes: the name of a definition in the schema.
    pub takes: &'static str,
    /// One sentence for the reference and for editors.
    pub doc: &'static str,
}

const fn key(name: &'static str, takes: &'static str, doc: &'static str) -> Setting {
    Setting { name, takes, doc }
}

pub const FILE: &[Setting] = &[
    key("version", "version", "The version of this format: 1."),
    key(
        "timezone",
        "text",
        "The time zone of `now` and of times in messages, such as `Europe/Berlin`; `TZ` or UTC if not given.",
    ),
    key("lanyard", "lanyard", "How to talk to Lanyard; all of it may be left out."),
    key("smoothing", "smoothing", "How long a thing must be gone before it counts as gone."),
    key(
        "catch_up",
        "duration",
        "Changes found after a gap longer than this stay silent; `15m` if not given, at most `7d`.",
    ),
    key(
        "down_after",
        "duration",
        "Lanyard counts as down when it was gone this long, and a target as failing when it took nothing for this long; `5m` if not given, at most `7d`.",
    ),
    key("people", "people", "Whom to watch: a name of your choice, and the Discord user id."),
    key("groups", "groups", "Names for several people together."),
    key("targets", "targets", "Where messages go: a name of your choice, and what it is."),
    key("rules", "rules", "What to look for, and what to send."),
    key("tests", "tests", "Stories of what happens and what is to ring: `doorchime test` plays them."),
];

pub const LANYARD: &[Setting] = &[
    key("url", "text", "The server's WebSocket: `wss://api.lanyard.rest/socket` if not given."),
    key("compression", "boolean", "Ask for compressed frames; `true` if not given."),
    key(
        "subscribe",
        "subscribe",
        "How to ask for people: `ids` in one message, `id` one by one (for old servers), `all`, or `auto`, which is `all` if a rule is for `everyone`, else `ids`; `auto` if not given.",
    ),
    key("resync", "duration", "How often everything is asked for again, `10s` to `1d`; `5m` if not given."),
    key("frame_max", "size", "The largest frame taken from the network; `256MiB` if not given."),
    key("inflated_max", "size", "The largest frame after decompression; `512MiB` if not given."),
];

pub const SMOOTHING: &[Setting] = &[
    key("offline", "duration", "For going offline and leaving platforms; `60s` if not given, at most `1h`."),
    key("listening", "duration", "For songs; `15s` if not given, at most `1h`."),
    key("activity", "duration", "For games and other activities; `10s` if not given, at most `1h`."),
];

pub const PERSON: &[Setting] = &[
    key("id", "user_id", "The Discord user id: a number of 17 to 20 digits."),
    key("name", "text", "The name for messages; the one that Discord shows if not given."),
    key("smoothing", "smoothing", "This person's own smoothing."),
];

/// Beside the keys of its kind.
pub const TARGET: &[Setting] = &[
    key("type", "anything", "What kind of target it is."),
    key(
        "expire",
        "duration",
        "After this nobody wants a message any more; `1h` if not given, at most `366d`.",
    ),
    key(
        "fallback",
        "text",
        "Another target, for what this one refuses or has not taken when it expires; see [Fallbacks](#fallbacks).",
    ),
];

pub const RULE: &[Setting] = &[
    key("id", "rule_id", "The rule's name. Its state is kept under it, across reloads."),
    key("description", "text", "What the rule is for, for those who read the file."),
    key("enabled", "boolean", "`false` rests the rule and keeps its state; `true` if not given."),
    key(
        "who",
        "who",
        "Whom the rule is about: a person, a group, a list of both, or `everyone`. Left out where it is about nobody: for changes of doorchime itself, and for a `while` over everybody.",
    ),
    key("when", "when", "The change, or the list of changes, that rings."),
    key("if", "text", "A condition that must hold, such as `platforms.desktop && now.hour >= 18`."),
    key(
        "cooldown",
        "duration",
        "After it rang for a person, the rule is silent for them this long, at most `366d`.",
    ),
    key("dedupe", "dedupe", "The same key rings only once in a window."),
    key("limit", "limit", "So many in any stretch of time, for each person."),
    key(
        "active",
        "active",
        "The hours in which the rule rings, by the file's time zone; always if not given.",
    ),
    key("group", "group", "Gathers firings for a while, and tells them in one message."),
    key("send", "send", "The messages: a target's name, one message, or a list of them."),
    key(
        "while",
        "text",
        "Instead of `when`: a condition, such as `playing && platforms.desktop`. The rule holds as long as it is true.",
    ),
    key(
        "for",
        "duration",
        "How long it must have been so before it rings: what a `when` led to, or the condition of a `while`; 0 if not given, at most `366d`.",
    ),
    key(
        "grace",
        "duration",
        "How long the condition of a `while` must have been false before it is over, and may begin anew; 0 if not given, at most `366d`.",
    ),
    key("enter", "send", "The messages when a `while` begins, written like `send`."),
    key("exit", "send", "The messages when a `while` is over; sent only if those of `enter` were."),
];

pub const DEDUPE: &[Setting] = &[
    key("key", "text", "A template; what it renders to rings once in the window."),
    key("window", "duration", "The window; `1h` if not given, at most `366d`."),
];

pub const LIMIT: &[Setting] = &[
    key("count", "count", "How often the rule may ring for a person, 1 to 1000."),
    key("per", "duration", "In how long a time, `1s` to `366d`: however it is laid, no such time has more."),
];

pub const ACTIVE: &[Setting] = &[
    key(
        "days",
        "days",
        "The days on which the window begins: `mon`, `monday`, `mon..fri`, `weekdays`, `weekends`, or a list of these; every day if not given.",
    ),
    key("from", "clock", "When it opens, such as `\"09:00\"`; `00:00` if not given."),
    key(
        "to",
        "clock",
        "When it closes, such as `\"23:00\"`; at the end of the day if not given. Earlier than `from`, it is on the next day.",
    ),
    key(
        "otherwise",
        "otherwise",
        "`drop` forgets what would ring at another time, `defer` rings when the window opens, if it is still true; `drop` if not given.",
    ),
];

/// What becomes of a firing outside of its hours.
pub const OTHERWISE: [&str; 2] = ["drop", "defer"];

pub const GROUP: &[Setting] = &[
    key("wait", "duration", "How long to gather, from the first firing on, `1s` to `1d`."),
    key(
        "by",
        "group_by",
        "`rule` gathers the firings of all people, `person` those of each; `rule` if not given.",
    ),
    key(
        "max",
        "group_max",
        "With so many, 2 to 500, the message is sent at once and the next firing begins another; `100` if not given.",
    ),
];

/// Whose firings go together.
pub const GROUP_BY: [&str; 2] = ["rule", "person"];

/// Beside the keys of the target's kind.
pub const SEND: &[Setting] = &[
    key("to", "text", "The target's name."),
    key(
        "expire",
        "duration",
        "After this nobody wants the message any more; the target's `expire` if not given.",
    ),
    key(
        "fallback",
        "fallback",
        "What the target's fallback is told, in the parts of its type; this message's title and text if not given.",
    ),
];

pub const TEST: &[Setting] = &[
    key("name", "text", "What the test shows, in a few words; `test --only` picks tests by it."),
    key(
        "start",
        "start",
        "When it begins, in the file's time zone: `2026-11-24 21:30`, `saturday 21:30` or `21:30`; a Monday at 12:00 if not given.",
    ),
    key("steps", "steps", "What happens, in the order of time."),
    key("expect", "expected", "What rings, in any order; `[]` if nothing does."),
    key("only", "who", "The rules that the test is about; what others ring is not looked at."),
    key(
        "until",
        "moment",
        "When it is over, at most `62d`; if not given, long enough after its last step for whatever is held or waits.",
    ),
];

/// Beside the people and groups to whom something happens.
pub const STEP: &[Setting] = &[
    key(
        "at",
        "moment",
        "When, counted from the start; or a time of day such as `22:00`. What is so at `0s` is how things are when doorchime starts.",
    ),
    key("after", "duration", "The same, counted from the step before."),
    key("lanyard", "lanyard_step", "`down`: the connection is lost, and nothing is heard; `up`: it is back."),
    key("restart", "restart", "doorchime ends, and starts again after so long; `true` is a second."),
];

pub const EXPECT: &[Setting] = &[
    key("rule", "rule_id", "The rule that rings."),
    key("person", "text", "The person it rings for."),
    key("to", "text", "A target that it sends to."),
    key("at", "moment", "When, to the second: counted from the start, or a time of day such as `22:00`."),
    key("text", "texts", "A pattern, or a list of them, that fits one of the texts which are sent."),
];

/// What becomes of Lanyard in a test.
pub const LANYARD_STEPS: [&str; 2] = ["down", "up"];

/// How to ask Lanyard for people.
pub const SUBSCRIBE: [&str; 4] = ["auto", "ids", "id", "all"];
