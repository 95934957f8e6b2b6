//! The functions and methods of conditions, as tables for the checker, its hints and the reference.

/// One function, method or list macro.
pub struct Function {
    pub name: &'static str,
    pub usage: &'static str,
    /// One sentence for the reference.
    pub doc: &'static str,
}

const fn of(name: &'static str, usage: &'static str, doc: &'static str) -> Function {
    Function { name, usage, doc }
}

pub const FUNCTIONS: &[Function] = &[
    of("has", "has(playing.details)", "Whether there is such a field."),
    of("size", "size(activities)", "The letters of a text, the items of a list, the keys of `kv`."),
    of("duration", "duration(\"5m\")", "A length of time, in `h`, `m`, `s` and `ms`."),
    of("timestamp", "timestamp(\"2026-12-24T18:00:00Z\")", "A point in time, with its zone."),
    of("int", "int(kv.volume)", "A whole number, of a text too; 0 if it is none."),
    of("uint", "uint(kv.volume)", "A whole number from 0 up; 0 if it is none."),
    of("double", "double(kv.volume)", "A number, of a text too; 0 if it is none."),
    of("string", "string(now.hour)", "A number or a truth as a text."),
    of("matches", "matches(playing.name, \"^Half-Life\")", "Whether a regex is found anywhere in a text."),
];

pub const TEXT_METHODS: &[Function] = &[
    of(
        "contains",
        "playing.name.contains(\"Life\")",
        "Whether a text is part of it; upper and lower case differ.",
    ),
    of("startsWith", "playing.name.startsWith(\"Half\")", "Whether it begins with a text."),
    of("endsWith", "playing.name.endsWith(\"2\")", "Whether it ends with a text."),
    of("matches", "playing.name.matches(\"(?i)^half-life\")", "Whether a regex is found anywhere in it."),
    of("lowerAscii", "kv.scene.lowerAscii()", "With `A` to `Z` in small letters."),
    of("upperAscii", "kv.scene.upperAscii()", "With `a` to `z` in capital letters."),
    of("size", "custom_status.text.size()", "How many letters it has."),
];

/// Over `kv`, they look at its keys.
pub const LIST_METHODS: &[Function] = &[
    of("exists", "squad.exists(p, p.online)", "Whether a condition holds for one item at least."),
    of("all", "squad.all(p, p.online)", "Whether it holds for every item."),
    of("exists_one", "squad.exists_one(p, p.online)", "Whether it holds for exactly one item."),
    of("filter", "squad.filter(p, p.online).size() > 1", "The items for which it holds."),
    of(
        "map",
        "\"Factorio\" in activities.map(a, a.name)",
        "Something of each item; `map(a, CONDITION, a.name)` of those for which it holds.",
    ),
    of("size", "activities.size()", "How many items there are."),
];

pub const DURATION_METHODS: &[Function] = &[
    of("getHours", "(now.time - track.started_at).getHours()", "Its whole hours."),
    of("getMinutes", "(now.time - track.started_at).getMinutes()", "Its whole minutes."),
    of("getSeconds", "(now.time - track.started_at).getSeconds()", "Its whole seconds."),
];

pub fn names(table: &'static [Function]) -> impl Iterator<Item = &'static str> + Clone {
    table.iter().map(|function| function.name)
}
