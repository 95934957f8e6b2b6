//! What holds for every condition there can be.

use proptest::prelude::*;

use super::tests::in_scope;
use super::tree::STEPS_MAX;
use super::*;
use crate::presence::change::ChangeKind;
use crate::presence::model::Presence;
use crate::rules::scope::{Nobody, Sight};

/// Conditions of the right types: `boolean()` are conditions, `number()` and `text()` parts of them.
fn boolean() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "online",
        "playing",
        "!streaming",
        "platforms.desktop",
        "carol",
        "bob.online",
        "before.playing",
        "kv.scene == null",
        "has(playing.details)",
        "status == \"dnd\"",
        "change.to in ['idle', 'dnd']",
        "squad.exists(p, p.online)",
        "squad.all(p, squad.exists(q, q.playing.name == p.playing.name))",
        "activities.filter(a, a.type == 'playing').size() > 0",
        "kv.exists(k, kv[k] == 'movie')",
        "now.time - track.started_at > duration('5m')",
    ]);
    let leaf = prop_oneof![
        leaf.prop_map(str::to_owned),
        (number(), relation(), number()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (text(), relation(), text()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (text(), text()).prop_map(|(a, b)| format!("{a}.contains({b})")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("squad.filter(x, {a}).exists(x, {b})")),
        ]
    })
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        prop::sample::select(vec!["0", "now.hour", "playing.party.size", "streaming.party.max", "kv.size()"])
            .prop_map(str::to_owned),
        text().prop_map(|text| format!("int({text})")),
        text().prop_map(|text| format!("size({text})")),
    ];
    let sign = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
    leaf.prop_recursive(3, 8, 2, move |inner| {
        (inner.clone(), sign.clone(), inner).prop_map(|(a, sign, b)| format!("({a} {sign} {b})"))
    })
}

fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-zé😀]{0,4}".prop_map(|text| format!("'{text}'")),
        prop::sample::select(vec![
            "playing.name",
            "streaming.details",
            "kv.volume",
            "track.song",
            "carol.name",
            "activities[3].name",
            "string(now.hour)",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
            inner.prop_map(|a| format!("{a}.lowerAscii()")),
        ]
    })
}

fn relation() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="])
}

/// Words and signs in any order: near enough to conditions to come far into the parser.
fn soup() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "online",
        "playing",
        "squad",
        "kv",
        "now",
        "p",
        "exists",
        "map",
        "has",
        "size",
        "duration",
        "in",
        "and",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "==",
        "<",
        "?",
        ":",
        ".",
        ",",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "=",
        "1",
        "2u",
        "1.5",
        "'x'",
        "\"\\u0041\"",
        "r'\\'",
        "`a-b`",
        "null",
        "true",
        " ",
        "\n",
        "//",
        "é",
        "'",
        "\"",
        "\\",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

/// The mistakes of a text that is no condition are in it.
fn compiles_or_tells(source: &str) -> Result<(), TestCaseError> {
    in_scope(ChangeKind::ChangedStatus, |scope, names| {
        match Condition::compile(source, names) {
            Ok(condition) => {
                condition.judge(scope);
                condition.values(scope);
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    prop_assert!(source.get(mistake.at.clone()).is_some(), "{mistake:?}");
                }
            }
        }
        Ok(())
    })
}

proptest! {
    #[test]
    fn any_text_is_a_condition_or_has_mistakes(source in ".{0,80}") {
        compiles_or_tells(&source)?;
    }

    #[test]
    fn any_words_are_a_condition_or_have_mistakes(source in soup()) {
        compiles_or_tells(&source)?;
    }

    #[test]
    fn every_condition_comes_to_an_end_whatever_is_missing(source in boolean()) {
        let found = in_scope(ChangeKind::ChangedStatus, |scope, names| {
            let condition = Condition::compile(&source, names).map_err(|mistakes| format!("{mistakes:?}"))?;
            let full = condition.judge(scope);
            condition.values(scope);
            let presence = Presence::default();
            let nobody = Scope {
                person: None, before: None, change: None, people: &Nobody, zone: &jiff::tz::TimeZone::UTC, ..*scope
            };
            condition.judge(&nobody);
            condition.values(&nobody);
            // With too few steps the answer is that there were too few, or the same.
            for steps in [0, 1, 7, 50] {
                let few = condition.judge_within(scope, steps);
                if few != Judged::TooCostly && few != full {
                    return Err(format!("{few:?} with {steps} steps, else {full:?}"));
                }
            }
            let empty = Sight { id: crate::presence::model::UserId(9), key: "", name: "", presence: &presence };
            condition.judge(&Scope { person: Some(empty), ..nobody });
            Ok(full)
        });
        match found {
            Ok(judged) => prop_assert_ne!(judged, Judged::TooCostly),
            Err(why) => {
                // A long one may be deeper or longer than is allowed, but nothing else.
                let bounded = why.contains("levels deep") || why.contains("is the most") || why.contains("nested more");
                prop_assert!(bounded, "{}: {}", source, why);
            }
        }
    }

    #[test]
    fn negation_is_the_opposite(source in boolean()) {
        in_scope(ChangeKind::ChangedStatus, |scope, names| {
            let judged = |source: &str| Condition::compile(source, names).ok().map(|c| c.judge(scope));
            if let (Some(plain), Some(negated)) = (judged(&source), judged(&format!("!({source})"))) {
                prop_assert_ne!(plain, negated, "{}", source);
            }
            Ok(())
        })?;
    }

    #[test]
    fn whole_numbers_are_reckoned_exactly(a in any::<i64>(), b in any::<i64>(), c in -20_i64..20, d in -20_i64..20) {
        let minus = |number: i64| if number < 0 { format!("({number})") } else { number.to_string() };
        in_scope(ChangeKind::ChangedStatus, |scope, names| {
            let holds = |source: String| Condition::compile(&source, names).unwrap().holds(scope);
            for (x, y) in [(a, b), (c, d), (a, c)] {
                prop_assert_eq!(holds(format!("{x} < {y}")), x < y);
                prop_assert_eq!(holds(format!("{x} == {y}")), x == y);
                for (sign, expected) in [
                    ("+", x.checked_add(y)), ("-", x.checked_sub(y)), ("*", x.checked_mul(y)),
                    ("/", x.checked_div(y)), ("%", x.checked_rem(y)),
                ] {
                    let sum = format!("{x} {sign} {}", minus(y));
                    match expected {
                        Some(expected) => prop_assert!(holds(format!("{sum} == {expected}")), "{}", sum),
                        None => prop_assert!(holds(format!("{sum} == null")), "{}", sum),
                    }
                }
            }
            let mixed = c + d * c - d * (c - d);
            let (d_, c_) = (minus(d), minus(c));
            let whole = holds(format!("{c_} + {d_} * {c_} - {d_} * ({c_} - {d_}) == {mixed}"));
            prop_assert!(whole, "{} {}", c, d);
            Ok(())
        })?;
    }

    #[test]
    fn booleans_are_reckoned_by_precedence(
        a in any::<bool>(), b in any::<bool>(), c in any::<bool>(), d in any::<bool>()
    ) {
        in_scope(ChangeKind::ChangedStatus, |scope, names| {
            let holds = |source: String| Condition::compile(&source, names).unwrap().holds(scope);
            prop_assert_eq!(holds(format!("{a} && {b} || {c} && !{d}")), a && b || c && !d);
            prop_assert_eq!(holds(format!("{a} || {b} && {c} ? {c} : {d} ? {a} : {b}")),
                if a || b && c { c } else if d { a } else { b });
            prop_assert_eq!(holds(format!("!{a} == {b} || {c} != {d}")), a != b || c != d);
            prop_assert_eq!(holds(format!("[{a}, {b}, {c}].all(x, x == {d})")), [a, b, c].iter().all(|x| *x == d));
            prop_assert_eq!(
                holds(format!("[{a}, {b}, {c}].exists_one(x, x)")),
                [a, b, c].into_iter().filter(|x| *x).count() == 1
            );
            Ok(())
        })?;
    }

    #[test]
    fn every_text_can_be_written_as_a_literal(text in any::<String>()) {
        let escaped: String = text.chars().map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_ascii_graphic() => c.to_string(),
            c => format!("\\U{:08x}", u32::from(c)),
        }).collect();
        let parsed = super::parser::parse(&format!("\"{escaped}\""));
        match parsed {
            Ok(expr) => prop_assert_eq!(expr.kind, super::expr::ExprKind::Text(text)),
            Err(mistake) => prop_assert!(mistake.what.contains("is the most"), "{:?}", mistake),
        }
    }
}

#[test]
fn the_budget_is_enough_for_what_people_write() {
    // A thousand friends, each compared with each other: beyond it. Each looked at: far below.
    let people: Vec<&str> = vec!["x"; 900];
    let list = format!("[\"{}\"]", people.join("\",\""));
    in_scope(ChangeKind::ChangedStatus, |scope, names| {
        let condition =
            Condition::compile(&format!("{list}.filter(x, x == playing.name).size() == 0"), names).unwrap();
        assert_eq!(condition.judge_within(scope, STEPS_MAX / 20), Judged::True);
    });
}
