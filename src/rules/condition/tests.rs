//! Conditions as tables: what they are worth, and what is said about wrong ones.

use std::fmt::Write as _;

use super::*;
use crate::presence::change::{ChangeKind, Subject, diff};
use crate::presence::model::{Presence, UserId};
use crate::rules::cause::Cause;
use crate::rules::scope::{Changed, Keys, Now, People, Sight};

const BEFORE: &str = r#"{"user_id":"1","discord_status":"idle","kv":{"scene":"work"}}"#;
const ALICE: &str = r#"{"user_id":"1","discord_user":{"id":"1","username":"al","global_name":"Älice"},
    "discord_status":"dnd","active_on_discord_desktop":true,
    "activities":[
        {"type":0,"name":"Factorio","details":"Nauvis: \"base\"","party":{"size":[2,4]},"timestamps":{"start":1000000}},
        {"type":3,"name":"Film"},
        {"type":4,"state":"brb"}],
    "spotify":{"track_id":"t1","song":"Song","artist":"A; B","timestamps":{"start":4600000,"end":5000000}},
    "kv":{"empty":"","scene":"movie","volume":"60"}}"#;
const BOB: &str = r#"{"user_id":"2","discord_status":"online","activities":[{"type":0,"name":"Factorio"}]}"#;
const IDLE: &str = r#"{"user_id":"3"}"#;

/// Alice, bob and carol, of whom nothing is known; `squad` is alice, bob and dave, who is offline.
struct Three<'t> {
    alice: Sight<'t>,
    bob: Sight<'t>,
    dave: Sight<'t>,
}

impl People for Three<'_> {
    fn person(&self, at: usize) -> Option<Sight<'_>> {
        [Some(self.alice), Some(self.bob), None, Some(self.dave), None][at]
    }
    fn group(&self, _: usize) -> Vec<Sight<'_>> {
        vec![self.alice, self.bob, self.dave]
    }
}

fn keys(words: &[&str]) -> Keys {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Runs `test` in the scope of alice, who went from `BEFORE` to `ALICE` at a quarter past nine in the evening.
pub fn in_scope<T>(kind: ChangeKind, test: impl FnOnce(&Scope<'_>, &Names<'_>) -> T) -> T {
    let [before, alice, bob, dave] =
        [BEFORE, ALICE, BOB, IDLE].map(|raw| Presence::parse(raw, None).unwrap().1);
    let sight = |id, key, presence| Sight { id: UserId(id), key, name: "", presence };
    let three = Three {
        alice: sight(1, "alice", &alice),
        bob: sight(2, "bob", &bob),
        dave: sight(3, "dave-2", &dave),
    };
    let mut changes = Vec::new();
    diff(&before, &alice, &mut changes);
    let change = changes.into_iter().find(|change| change.kind == kind).unwrap();
    let scope = Scope {
        cause: Some(Cause::Change(change.kind)),
        person: Some(three.alice),
        before: Some(sight(1, "alice", &before)),
        change: Some(Changed { change, before: &before, after: &alice }.into()),
        now: Now {
            wall_ms: 5_000_000,
            year: 2026,
            month: 11,
            day: 24,
            hour: 21,
            minute: 15,
            weekday: "tuesday",
        },
        zone: &jiff::tz::TimeZone::UTC,
        people: &three,
        rule: "r",
        late_ms: None,
        since_ms: Some(4_000_000),
        lasted_ms: Some(7_300_000),
        firings: &[],
    };
    let (people, groups) = (keys(&["alice", "bob", "carol", "dave-2", "dave-friend"]), keys(&["squad"]));
    let names = Names {
        people: &people,
        groups: &groups,
        has_person: true,
        change: Some(Some(kind.subject())),
        in_template: false,
        gathered: None,
    };
    test(&scope, &names)
}

/// Each mistake under its line of the source, as the file's diagnostics will show it.
fn drawn(source: &str, mistakes: &[Mistake]) -> String {
    let mut text = format!("{source}\n");
    for mistake in mistakes {
        let before = source[..mistake.at.start].chars().count();
        let under = source[mistake.at.clone()].chars().count().max(1);
        let _ = write!(text, "{}{} {}", " ".repeat(before), "^".repeat(under), mistake.what);
        if let Some(help) = &mistake.help {
            let _ = write!(text, "; {help}");
        }
        text.push('\n');
    }
    text
}

#[track_caller]
fn check(table: &[(&str, bool)]) {
    in_scope(ChangeKind::ChangedStatus, |scope, names| {
        for (source, expected) in table {
            let condition = Condition::compile(source, names)
                .unwrap_or_else(|mistakes| panic!("{}", drawn(source, &mistakes)));
            assert_eq!(condition.holds(scope), *expected, "{source}: {:?}", condition.values(scope));
        }
    });
}

#[test]
fn fields_and_what_is_missing() {
    check(&[
        (r#"playing.name == "Factorio" && platforms.desktop"#, true),
        (r#"playing.name == "factorio""#, false),
        (r#"playing.name != "Factorio""#, false),
        ("playing", true),
        ("!playing", false),
        ("streaming", false),
        ("streaming == null", true),
        ("streaming != null", false),
        ("null == streaming", true),
        ("null == null", true),
        (r#"streaming.name == """#, true),
        (r#"streaming.name != "x""#, true),
        ("streaming.party.size == 0", true),
        ("streaming.party.size > 0", false),
        ("streaming.party.size < 1", true),
        ("has(playing.details)", true),
        ("has(playing.state)", false),
        ("has(streaming.name)", false),
        ("has(kv.scene) && has(kv.empty) && !has(kv.nothing)", true),
        ("kv.nothing == null && kv.empty != null && kv.empty == \"\"", true),
        (r#"kv.scene == "movie" && kv["scene"] == "movie" && before.kv.scene == "work""#, true),
        ("kv.`scene` == kv['sce' + 'ne']", true),
        (r#""scene" in kv && !("nothing" in kv)"#, true),
        (r#"kv[playing.name] == """#, true),
        (r#"custom_status.text == "brb""#, true),
        ("custom_status.emoji", false),
        (r#"user.id == "1" && id == "1""#, true),
        (r#"status == "dnd" && before.status == "idle""#, true),
        (r#"status in ["idle", "dnd"]"#, true),
        (r#"!(status in ["idle", "online"])"#, true),
        ("status in []", false),
        (r#"change.from == "idle" && change.to == "dnd" && change.kind == "changed_status""#, true),
        ("bob.playing.name == playing.name", true),
        ("carol", false),
        ("carol == null", true),
        (r#"carol.status == """#, true),
        ("carol.online || bob.online", true),
        ("`dave-2`.online", false),
        (r#"`dave-2`.status == "offline""#, true),
    ]);
}

#[test]
fn numbers_texts_and_their_operators() {
    check(&[
        ("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9", true),
        ("10 - 4 - 3 == 3 && 100 / 10 / 2 == 5", true),
        ("7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1 && 7 % -3 == 1", true),
        ("7.0 / 2.0 == 3.5 && 1e3 == 1000.0 && .5 < 1.0", true),
        ("0x1F == 31 && 3u == 3u && 3u + 4u == 7u", true),
        ("1 == 1.0 && 1u < 2 && 2.5 > 2 && 2 < 2.5 && -1 < 1u", true),
        ("9007199254740993 == 9007199254740992.0", false),
        ("9007199254740993 > 9007199254740992.0", true),
        ("9223372036854775807 < 9223372036854775808.0 && 18446744073709551615u < 1e30", true),
        ("-9223372036854775808 < -9223372036854775807 && - 5 == -5 && --5 == 5", true),
        ("9223372036854775807 + 1 == 0 && 9223372036854775807 + 1 == null", true),
        ("1 / 0 == null && 1 % 0 == null && 3u - 4u == null && !(1 / 0 > 5)", true),
        ("1.0 / 0.0 > 1e300 && !(0.0 / 0.0 == 0.0 / 0.0)", true),
        ("double(now.hour) / 2.0 == 10.5", true),
        (r#"int(kv.volume) > 50 && int(kv.scene) == null && int(" 1") == null"#, true),
        (
            r#"double("1.5") == 1.5 && uint("7") == 7u && uint(-1) == null && int(1.9) == 1 && int(-1.9) == -1"#,
            true,
        ),
        (r#"string(now.hour) + ":" + string(now.minute) == "21:15" && string(online) == "true""#, true),
        (r#"playing.name + "!" == "Factorio!" && streaming.name + "x" == "x""#, true),
        (r#""a" < "b" && "B" < "a" && "a" < "aa" && "" < "a""#, true),
        (r#"size("äöü") == 3 && "äöü".size() == 3 && kv.size() == 3 && size(activities) == 2"#, true),
        (
            r#"playing.name.contains("tor") && playing.name.startsWith("Fac") && playing.name.endsWith("rio")"#,
            true,
        ),
        (r#"playing.name.contains("TOR") || streaming.name.contains("x")"#, false),
        (r#"streaming.name.contains("") && "".startsWith("")"#, true),
        (r#"playing.name.matches("^fac")"#, false),
        (r#"playing.name.matches("(?i)^fac") && matches(playing.name, r"\w+o$")"#, true),
        (r#"playing.name.lowerAscii() == "factorio" && "äB".upperAscii() == "äB""#, true),
        (r#"playing.name.lowerAscii() in ["factorio"]"#, true),
        (r#"playing.details == 'Nauvis: "base"' && playing.details == "Nauvis: \"base\"""#, true),
        (r#""\u00e4\x41\101\n\t\\\?\`\'" == 'äAA' + "\n" + '\t\\' + "?`'""#, true),
        (r#"'\U0001F600' == "😀" && "\ud83d\ude00" == "😀" && r"\n" == '\\n'"#, true),
        ("'''a'b\n''' == \"a'b\\n\" && \"\"\"x\"y\"\"\" == 'x\"y'", true),
        ("online // and nothing else\n && true", true),
        (r#"online ? status == "dnd" : false"#, true),
        (r#"(online ? "a" : "b") == "a" && (false ? 1 : true ? 2 : 3) == 2"#, true),
        ("online ? playing : false", true),
        ("online ? 'a' == 'b' : playing", false),
        ("(true ? playing : watching).name == 'Factorio'", true),
        ("false && true || true && !false", true),
        ("true || false && false", true),
        ("!online == false", true),
        ("1 < 2 == true", true),
        ("[1, 2] == [1, 2] && [1] != [2] && [] == [] && [1] != [1, 2]", true),
        ("2 in [1, 2] && !(3 in [1, 2]) && 2.0 in [2]", true),
        ("[1, 2, 3][1] == 2 && [1][7] == null && [1][-1] == null", true),
    ]);
}

#[test]
fn lists_and_their_macros() {
    check(&[
        ("squad.exists(p, p.online) && !squad.all(p, p.online)", true),
        ("squad.filter(p, p.online).size() >= 2", true),
        ("squad.filter(p, p.online).size() >= 3", false),
        ("size(squad) == 3 && squad.size() == 3", true),
        ("squad.exists_one(p, p.status == 'online') && !squad.exists_one(p, p.online)", true),
        ("squad.existsOne(p, p.status == 'offline')", true),
        ("squad.all(p, p.online || p.status == 'offline')", true),
        ("squad.exists(p, p.id != id && p.playing.name == playing.name)", true),
        (
            "squad.exists(p, squad.exists(q, p.id != q.id && p.playing && p.playing.name == q.playing.name))",
            true,
        ),
        ("squad.map(p, p.playing.name) == ['Factorio', 'Factorio', '']", true),
        ("squad.map(p, p.online, p.id) == ['1', '2']", true),
        ("'2' in squad.map(p, p.id)", true),
        ("squad.filter(p, p.online).map(q, q.status).filter(s, s == 'dnd').size() == 1", true),
        ("squad.filter(p, p.online)[1].id == '2'", true),
        ("squad.filter(p, p.streaming).size() == 0 && [].all(x, x == 1) && ![].exists(x, x == 1)", true),
        ("activities.exists(a, a.type == 'watching') && activities.map(a, a.name).size() == 2", true),
        ("activities[0].name == 'Factorio' && activities[9].name == '' && !activities[9]", true),
        ("kv.exists(k, k.startsWith('sc')) && kv.filter(k, kv[k] != '').size() == 2", true),
        ("(online ? squad : []).exists(p, p.online)", true),
        ("squad.map(p, p.activities.filter(a, a.type == 'playing').size()) == [1, 1, 0]", true),
        // A variable hides the name outside.
        ("squad.exists(status, status.id == '2') && status == 'dnd'", true),
    ]);
}

#[test]
fn times_and_lengths() {
    check(&[
        ("now.time - track.started_at > duration('5m')", true),
        ("now.time - track.started_at > duration('7m')", false),
        ("now.time - track.started_at == duration('400s')", true),
        ("track.started_at + duration('6m40s') == now.time && duration('1m') + now.time > now.time", true),
        ("track.started_at < now.time && playing.started_at < track.started_at", true),
        ("(now.time - playing.started_at).getMinutes() == 66 && duration('90m').getHours() == 1", true),
        (
            "duration('1h30m') == duration('5400s') && duration('-1.5s') < duration('0') && duration('100ms') == duration('0.1s')",
            true,
        ),
        // Bob hears nothing: nothing is before, after or since.
        ("now.time - bob.track.started_at > duration('5m')", false),
        ("now.time - bob.track.started_at < duration('5m')", false),
        ("bob.track.started_at <= bob.track.started_at", false),
        ("bob.track.started_at < now.time || bob.track.started_at > now.time", false),
        ("bob.track.started_at == null && bob.track.started_at != now.time", true),
        ("now.time - bob.track.started_at + duration('1h') > duration('5m')", false),
        (
            "timestamp('1970-01-01T01:23:20Z') == now.time && timestamp('1970-01-01T02:23:20+01:00') == now.time",
            true,
        ),
        ("timestamp(kv.scene) == null && duration(kv.scene) == null && int(now.time) == 5000", true),
        ("lasted > duration('2h') && !(lasted > duration('3h')) && lasted.getHours() == 2", true),
        ("now.time - since > duration('16m') && since < now.time && !late && late_by == null", true),
        ("now.hour >= 21 && now.hour < 22 && now.weekday == 'tuesday' && !now.weekend", true),
    ]);
}

#[test]
fn changes_that_are_unlike_are_looked_at_as_they_come() {
    in_scope(ChangeKind::StartedPlaying, |scope, names| {
        let names = Names { change: Some(None), ..*names };
        for (source, expected) in [
            ("change.to.name == 'Factorio'", true),
            ("change.to.name == 3", false),
            ("change.from.name == ''", true),
            ("change.to.song == ''", true),
            ("change.to.name.startsWith('Fac') && change.to.name.size() == 8", true),
            ("change.to && !change.from", true),
            ("change.to == 'online'", false),
            ("change.to == ''", false),
            ("change.to.party.size >= 2", true),
            ("change.to.name in ['Factorio']", true),
            ("change.to < 3 || change.to > 'x'", false),
        ] {
            let condition = Condition::compile(source, &names)
                .unwrap_or_else(|mistakes| panic!("{}", drawn(source, &mistakes)));
            assert_eq!(condition.holds(scope), expected, "{source}");
        }
        let mistakes = Condition::compile("change.to.nmae == ''", &names).unwrap_err();
        assert_eq!(mistakes[0].help.as_deref(), Some("did you mean `name`?"));
        let typed = Names { change: Some(Some(Subject::Activity)), ..names };
        assert!(Condition::compile("change.to.song == ''", &typed).is_err());
    });
}

/// What is said about wrong conditions, one after another.
fn said(sources: &[&str]) -> String {
    in_scope(ChangeKind::ChangedStatus, |_, names| {
        let mut text = String::new();
        for source in sources {
            match Condition::compile(source, names) {
                Ok(_) => panic!("`{source}` compiled"),
                Err(mistakes) => text.push_str(&drawn(source, &mistakes)),
            }
        }
        text
    })
}

#[test]
fn mistakes_of_grammar() {
    let told = said(&[
        "",
        "// nothing",
        r#"status = "dnd""#,
        r#"status === "dnd""#,
        r#"status is "dnd""#,
        "online and playing",
        "now.hour between 9 and 17",
        "now.hour in 9..17",
        "now.hour > 22:00",
        r#"custom_status contains "brb""#,
        "online OR playing",
        "not online",
        "not(online)",
        "online & playing",
        "online | playing",
        "online <> playing",
        "(online",
        "online)",
        "(online]",
        "squad.exists(p, p.online",
        "activities[0",
        "online &&",
        "&& online",
        "online playing",
        "online ? true",
        "playing.",
        "playing.3",
        r#"status == "dnd"#,
        "status == “dnd”",
        r#"status == "\d""#,
        r#"status == b"dnd""#,
        "{{playing.name}}",
        "online && {'a': 1}",
        "playing{name: 1}",
        "now.time - track.started_at > 5m",
        "3abc == 3",
        "99999999999999999999 > 1",
        "9223372036854775808 > 1",
        "if",
        "`dave-2",
        "größe > 3",
        "online # comment",
        "!-now.hour == 1",
        "in [1]",
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn mistakes_of_names_and_types() {
    let told = said(&[
        "plying",
        "playing.nmae == 'x' && platfroms.desktop && status == 'onlin'",
        "True",
        "dave-2.online",
        "bob && dave-friend.online",
        "rule == 'x'",
        "desktop && hour > 3 && song == 'x' && details == 'y' && weekday == monday",
        "playing != None",
        "playing == true",
        "kv.light == true",
        "kv.volume > 3",
        "status == idle",
        "status == online",
        "status in ['idle', 'bussy']",
        "before.status == 'Online'",
        "now.weekday == 'Mon'",
        "now.weekday == ''",
        "activities.exists(a, a.type == 'custom')",
        "change.kind == 'went_onlin'",
        "change.to == 'away'",
        "online == 'yes'",
        "playing.name > 3",
        "playing.name == 3",
        "now.hour == '22'",
        "now.hour == 'late'",
        "playing == 'Factorio'",
        "playing == bob.playing",
        "now >= '22:00'",
        "now.time > '22:00'",
        "user.id == 94490510688792576",
        "now.time - track.started_at > 300",
        "now.time - track.started_at > '5m'",
        "now.time - 5 < now.time",
        "playing.name",
        "'Factorio'",
        "now.hour",
        "squad",
        "activities",
        "kv",
        "now.time",
        "duration('5m')",
        "null",
        "online && playing.name || 3",
        "squad.online",
        "activities.name == 'x'",
        "playing.name.size > 3",
        "playing.name.foo == 1",
        "squad.exists(p, p.onlien)",
        "squad.exists(p.online)",
        "squad.exists('p', true)",
        "squad.map(p, p.playing.name)",
        "squad.exists(a, squad.exists(b, squad.exists(c, true)))",
        "alice.exists(p, p.online)",
        "playing.name.toLowerCase() == 'x'",
        "playing.name.contain('x')",
        "playing.name.contains(3)",
        "playing.name.contains()",
        "playing.name.matches('(')",
        "playing.name.matches(kv.regex)",
        r"playing.name.matches('\\w{1000}{1000}')",
        "contains(playing.name, 'x')",
        "lower(playing.name) == 'x'",
        "len(activities) > 1",
        "siez(activities) > 1",
        "size(online) > 1",
        "size() > 1",
        "has(playing)",
        "has(kv['x'])",
        "has()",
        "duration('5 minutes') > duration('1d')",
        "duration(300) > duration('1s')",
        "timestamp('2026-12-24') < now.time",
        "now.time.getHours() > 3",
        "platforms.desktop()",
        "'desktop' in platforms",
        "'Fac' in playing.name",
        "playing in activities",
        "3 in ['a']",
        "3 in kv",
        "'x' in 3",
        "1 < now.hour < 5",
        "online < true",
        "playing.name + 3 == 'x'",
        "now.hour / 2.0 > 1.0",
        "playing.name - 'x' == ''",
        "-playing.name == 'x'",
        "-online",
        "[1, 'a'].size() > 0",
        "(online ? 1 : 'a') == 1",
        "kv[1] == 'x'",
        "activities['a'].name == ''",
        "playing['name'] == ''",
        "kv == 'x'",
        "squad == 3",
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn mistakes_of_counting_and_time() {
    let told = said(&[
        "squad.count(p, p.online) > 2",
        "count(squad, online) > 2",
        "squad.count() > 2",
        "playing.duration > duration('2h')",
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn names_that_this_rule_has_not() {
    let people = keys(&["alice", "bob"]);
    let names = Names {
        people: &people,
        groups: &Keys::default(),
        has_person: false,
        change: None,
        in_template: false,
        gathered: None,
    };
    for (source, help) in [
        ("online", "a rule without `who` is about nobody: say whose it is, as in `alice.online`"),
        ("before.online", "a rule without `who` is about nobody: say whose it is, as in `alice.before`"),
        ("change.kind == 'x'", "only rules with `when` have a change"),
        ("lasted > duration('2h')", "only rules with `when` know it: it is about what began or ended"),
        ("alcie.online", "did you mean `alice`?"),
    ] {
        let mistakes = Condition::compile(source, &names).unwrap_err();
        assert_eq!(mistakes[0].help.as_deref(), Some(help), "{source}");
    }
    assert!(Condition::compile("alice.online && bob.online", &names).is_ok());
}

#[test]
fn what_a_condition_sees() {
    in_scope(ChangeKind::ChangedStatus, |_, names| {
        let sees = |source: &str| Condition::compile(source, names).unwrap().sees().clone();
        assert_eq!(sees("true"), Sees::default());
        assert_eq!(sees("online && status == 'dnd'"), Sees { person: true, ..Sees::default() });
        assert_eq!(
            sees("squad.exists(p, p.online) && bob.online && alice.online && bob.playing && now.hour > 3"),
            Sees { now: true, people: vec![0, 1], groups: vec![0], ..Sees::default() }
        );
        assert_eq!(
            sees("before.online && change.to == 'dnd'"),
            Sees { before: true, change: true, ..Sees::default() }
        );
        assert_eq!(sees("lasted > duration('1h') && !late"), Sees { change: true, ..Sees::default() });
    });
}

#[test]
fn what_decides_is_shown_with_its_value() {
    in_scope(ChangeKind::ChangedStatus, |scope, names| {
        let source = "playing.name == \"Factorio\" && (platforms.desktop || !bob.online) && streaming == null \
                      && now.time - track.started_at > duration('5m') && squad.filter(p, p.online).size() >= 2 \
                      && playing.details.contains('base') && playing.name in ['x', kv.scene] && track \
                      && has(kv.scene) && activities.size() > 0 && playing.name != '' && kv.exists(k, true)";
        let values = Condition::compile(source, names).unwrap().values(scope);
        let lines: Vec<String> =
            values.iter().map(|(written, value)| format!("{written} = {value}")).collect();
        assert_eq!(
            lines,
            [
                "playing.name = \"Factorio\"",
                "platforms.desktop = true",
                "bob.online = true",
                "streaming = missing",
                "now.time - track.started_at = 6m40s",
                "squad.filter(p, p.online).size() = 2",
                "playing.details = \"Nauvis: \\\"base\\\"\"",
                "kv.scene = \"movie\"",
                "track = \"Song\"",
                "activities.size() = 2",
                "kv.exists(k, true) = true",
            ]
        );
    });
}

#[test]
fn hostile_text_is_shown_without_its_teeth() {
    let raw = "\u{1b}[2J\n\u{202e}".to_owned() + &"x".repeat(5000);
    let shown = worth::shown(&worth::Worth::Text(raw.into()));
    assert!(shown.starts_with(r#""\u{1b}[2J\n\u{202e}xxx"#), "{shown}");
    assert!(shown.chars().count() < 150 && shown.ends_with("…\""), "{shown}");
}

#[test]
fn what_is_too_costly_is_given_up_and_counts_as_false() {
    in_scope(ChangeKind::ChangedStatus, |scope, names| {
        let many = format!("[{}]", vec!["1"; 900].join(","));
        let source = format!("{many}.all(x, {many}.exists(y, y == 2 && x == 1) || true)");
        let condition = Condition::compile(&source, names).unwrap();
        assert_eq!(condition.judge(scope), Judged::TooCostly);
        assert!(!condition.holds(scope));
        let negated = Condition::compile(&format!("!{source}"), names).unwrap();
        assert_eq!(negated.judge(scope), Judged::TooCostly);
        assert!(!negated.holds(scope));
    });
}

#[test]
fn length_and_depth_are_bounded() {
    in_scope(ChangeKind::ChangedStatus, |_, names| {
        let compiles = |source: &str| Condition::compile(source, names).is_ok();
        for (level, compiled) in [(32, true), (60, true), (70, false), (1500, false)] {
            let sources = [
                format!("{}online{}", "(".repeat(level), ")".repeat(level)),
                format!("{}online", "!".repeat(level)),
                format!("1{} > 0", "+1".repeat(level)),
                format!("{}1 in [1]{}", "1 in [".repeat(0), "]".repeat(0)) + &" == true".repeat(level),
                format!("{}true", "true?true:".repeat(level)),
            ];
            for source in sources.iter().filter(|source| source.len() <= 4096) {
                assert_eq!(compiles(source), compiled, "{source}");
            }
        }
        assert!(compiles(&vec!["online"; 400].join(" && ")));
        assert!(compiles(&vec!["online"; 400].join(" || ")));
        assert!(!compiles(&vec!["online"; 600].join(" || ")));
    });
}

#[test]
fn every_function_is_written_as_its_table_says() {
    use super::functions::{DURATION_METHODS, FUNCTIONS, LIST_METHODS, TEXT_METHODS};
    in_scope(ChangeKind::ChangedStatus, |_, names| {
        for table in [FUNCTIONS, TEXT_METHODS, LIST_METHODS, DURATION_METHODS] {
            for function in table {
                let source = format!("({0}) == ({0})", function.usage);
                let compiled = Condition::compile(&source, names);
                assert!(compiled.is_ok(), "{}", drawn(&source, &compiled.err().unwrap_or_default()));
                assert!(function.usage.contains(&format!("{}(", function.name)), "{}", function.usage);
            }
        }
    });
}
