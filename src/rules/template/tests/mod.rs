//! What templates say, who said it, and what is said of wrong ones.

mod anything;
mod mistakes;

use super::*;
use crate::presence::change::{Change, ChangeKind, Subject};
use crate::presence::model::Presence;
use crate::rules::cause::Cause;
use crate::rules::scope::{Changed, Keys, Now, Object, People, Sight};
use jiff::tz::TimeZone;

const ALICE: &str = r#"{"discord_user":{"id":"94490510688792576","username":"alice","display_name":"Alice <3","avatar":"a_b1"},
  "discord_status":"dnd","active_on_discord_desktop":true,"kv":{"scene":"movie","a key":"v\u0007\u001b[2J","count":"3"},
  "activities":[
    {"type":0,"name":"Factorio","application_id":"42","details":"Nauvis","assets":{"large_image":"123","small_image":"mp:external/x/https/e.org/a.png","large_text":"L"},
     "timestamps":{"start":1767221700000},"party":{"size":[2,4]},"new_field":{"deep":[1,2]}},
    {"type":2,"id":"spotify:1","name":"Spotify"},
    {"type":4,"state":"so tired","emoji":{"name":"😴"}}],
  "spotify":{"track_id":"t1","song":"Song","artist":"A; B","album":"Album","album_art_url":"https://i.scdn.co/image/x",
    "timestamps":{"start":1767225540000,"end":1767225720000}},"listening_to_spotify":true}"#;
const BOB: &str =
    r#"{"discord_user":{"id":"7","username":"bob","discriminator":"0007"},"discord_status":"offline"}"#;
/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;

struct Crowd<'a>(Vec<Sight<'a>>);

impl People for Crowd<'_> {
    fn person(&self, at: usize) -> Option<Sight<'_>> {
        self.0.get(at).copied()
    }
    fn group(&self, _: usize) -> Vec<Sight<'_>> {
        self.0.clone()
    }
}

/// Compiles for a rule about alice, with groups and a change of track, and renders.
fn compiled(source: &str) -> Result<Template, Vec<Mistake>> {
    compiled_with(source, &[])
}

fn compiled_with(source: &str, inlays: &[Inlay]) -> Result<Template, Vec<Mistake>> {
    let people: Keys = ["alice".to_owned(), "bob".to_owned()].into_iter().collect();
    let groups: Keys = ["squad".to_owned()].into_iter().collect();
    let change = Some(Some(Subject::Track));
    Template::compile_inlaid(
        source,
        inlays,
        &Names {
            people: &people,
            groups: &groups,
            has_person: true,
            change,
            in_template: true,
            gathered: None,
        },
    )
}

pub(crate) fn with_scope<T>(look: impl FnOnce(&Scope<'_>) -> T) -> T {
    with_scope_of(ALICE, look)
}

pub(crate) fn with_scope_of<T>(raw: &str, look: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (id, presence) = Presence::parse(raw, None).unwrap();
    let (bob_id, bob) = Presence::parse(BOB, None).unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let alice = Sight { id, key: "alice", name: "", presence: &presence };
    let crowd = Crowd(vec![alice, Sight { id: bob_id, key: "bob", name: "Bobby", presence: &bob }]);
    let change = Change { kind: ChangeKind::ChangedTrack, from: None, to: None };
    look(&Scope {
        cause: Some(Cause::Change(change.kind)),
        person: Some(alice),
        before: None,
        change: Some(Changed { change, before: &bob, after: &presence }.into()),
        now: Now::at(NOW_MS, &zone),
        zone: &zone,
        people: &crowd,
        rule: "new-track",
        late_ms: None,
        since_ms: Some(NOW_MS - 300_000),
        lasted_ms: Some(7_500_000),
        firings: &[],
    })
}

fn rendered(source: &str) -> String {
    let template = compiled(source).unwrap_or_else(|mistakes| panic!("{source}: {mistakes:?}"));
    with_scope(|scope| template.render_plain(scope))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_templates_say() {
    for (source, expected) in [
        ("plain { text } }}", "plain { text } }}"),
        ("{{user.name}} is {{status}}", "Alice <3 is dnd"),
        ("{{ track.song }} by {{{track.artist}}} ({{&track.album}})", "Song by A; B (Album)"),
        ("{{alice.name}} and {{bob.name}}", "Alice <3 and Bobby"),
        ("{{kv.scene}} {{kv.nothing}}|{{kv.[a key]}}", "movie |v[2J"),
        ("{{change.kind}} {{change.to.song}}{{change.from.song}}", "changed_track Song"),
        ("{{rule}} {{late}} {{now.weekday}} {{now.hour}}", "new-track false thursday 1"),
        ("{{streaming.name}}|{{streaming.party.size}}", "|"),
        // Blocks.
        ("{{#if online}}on{{else}}off{{/if}}", "on"),
        ("{{#if streaming}}on{{else}}off{{/if}}", "off"),
        ("{{#unless streaming}}quiet{{/unless}}", "quiet"),
        ("{{#if streaming}}a{{else if playing}}b{{else}}c{{/if}}", "b"),
        ("{{#if streaming}}a{{else if watching}}b{{else if competing}}c{{else}}d{{/if}}!", "d!"),
        (
            "{{#with playing}}{{name}} in {{details}} {{party.size}}/{{party.max}}{{/with}}",
            "Factorio in Nauvis 2/4",
        ),
        ("{{#with streaming}}{{name}}{{else}}none{{/with}}", "none"),
        (
            "{{#each activities}}{{@index}}{{name}}{{#unless @last}}, {{/unless}}{{/each}}",
            "0Factorio, 1Spotify",
        ),
        (
            "{{#each activities}}{{#if @first}}{{../user.name}}: {{/if}}{{this.name}} {{/each}}",
            "Alice <3: Factorio Spotify ",
        ),
        ("{{#each activities as |game at|}}{{at}}={{game.name}};{{/each}}", "0=Factorio;1=Spotify;"),
        ("{{#each kv}}{{@key}};{{/each}}", "a key;count;scene;"),
        ("{{#each kv as |value key|}}{{key}}={{value}};{{/each}}", "a key=v[2J;count=3;scene=movie;"),
        (
            "{{#each squad}}{{name}}{{#each activities}} {{name}} of {{../name}} ({{@root.user.name}}){{/each}};{{/each}}",
            "Alice <3 Factorio of Alice <3 (Alice <3) Spotify of Alice <3 (Alice <3);Bobby;",
        ),
        ("{{#each (where squad 'online')}}{{name}}{{else}}nobody{{/each}}", "Alice <3"),
        ("{{#each (where squad 'streaming')}}{{name}}{{else}}nobody{{/each}}", "nobody"),
        ("{{#each squad}}{{#each activities}}{{@../index}}{{@index}} {{/each}}{{/each}}", "00 01 "),
        ("{{#eq status 'dnd'}}yes{{else}}no{{/eq}}", "yes"),
        (
            "{{activities.0.name}} {{activities.[1].name}} {{activities.7.name}}{{activities.length}}",
            "Factorio Spotify 2",
        ),
        ("{{#if (eq (len activities) 2)}}two{{/if}}", "two"),
        ("{{#if includeZero=true 0}}zero{{/if}}{{#if 0}}none{{/if}}", "zero"),
        // White space.
        ("a\n{{#if online}}\nb\n{{else}}\nc\n{{/if}}\nd", "a\nb\nd"),
        ("a {{~user.username~}} b", "aaliceb"),
        ("a{{! note }}b{{!-- }} --}}c", "abc"),
        ("x\n  {{! alone }}  \ny", "x\ny"),
        (r"\{{name}} \\{{user.username}}", r"{{name}} \alice"),
        // Helpers.
        ("{{default streaming.name playing.name 'none'}} {{default kv.x 'none'}}", "Factorio none"),
        ("{{upper user.username}} {{lower 'ÄB'}}", "ALICE äb"),
        ("{{slug 'Bob Ä.'}} {{key}} {{alice.key}}", "bob_a alice alice"),
        (
            "{{truncate 'abcdef' 4}} {{truncate 'abcd' 4}} {{truncate '👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧' 2}} {{truncate 'abcdef' 4 '..'}}",
            "abc… abcd 👨‍👩‍👧… ab..",
        ),
        ("{{join (pluck (where squad 'online') 'name') ', '}}", "Alice <3"),
        (
            "{{join (pluck squad 'user.username') ' & '}} {{join (pluck squad 'playing.name')}}",
            "alice & bob Factorio",
        ),
        ("{{join (pluck (where squad 'status' 'offline') 'name')}}", "Bobby"),
        (
            "{{duration lasted}} {{duration 61000}} {{lasted}}|{{duration streaming.party.size}}",
            "2 h 5 min 1 min 1 s 2 h 5 min|",
        ),
        (
            "{{ago since}} {{ago playing.started_at}} {{since}}",
            "5 minutes ago 1 hour ago 2026-01-01T00:55:00+01:00",
        ),
        (
            "{{time since}} {{time now.time '%H:%M %Z'}} {{time track.ends_at format='%S'}}",
            "2026-01-01 00:55 01:00 CET 00",
        ),
        (
            "{{number 1234567.5}} {{number 3.14159 2}} {{number 1234 decimals=1 thousands=' '}}",
            "1,234,567.5 3.14 1 234.0",
        ),
        ("{{plural 1 'song' 'songs'}} {{plural kv.count 'song' 'songs'}}", "song songs"),
        (
            "{{json kv.scene}} {{json playing.party}} {{json (pluck squad 'online')}}",
            r#""movie" {"max":4,"size":2} [true,false]"#,
        ),
        ("{{urlencode 'a b&ü/'}}", "a%20b%26%C3%BC%2F"),
        (
            "{{avatar_url user}} {{avatar_url bob size=100}}",
            "https://cdn.discordapp.com/avatars/94490510688792576/a_b1.gif https://cdn.discordapp.com/embed/avatars/2.png?size=128",
        ),
        (
            "{{image_url playing}} {{image_url playing 'small'}} {{image_url track}} {{image_url 'spotify:q'}}{{image_url streaming}}",
            "https://cdn.discordapp.com/app-assets/42/123.png https://media.discordapp.net/external/x/https/e.org/a.png https://i.scdn.co/image/x https://i.scdn.co/image/q",
        ),
        (
            "{{lookup kv 'scene'}} {{lookup kv status}} {{#with (lookup activities 1)}}{{name}}{{/with}}",
            "movie  Spotify",
        ),
        (
            "{{and online true}} {{or streaming watching}} {{not online}} {{ne status 'dnd'}}",
            "true false false false",
        ),
        (
            "{{gt 2 1}} {{lt 2 1}} {{ge 2 2}} {{le 3 2}} {{gt kv.count 2}} {{lt streaming.party.size 1}}",
            "true false true false true true",
        ),
        ("{{eq streaming.name ''}} {{eq kv.count 3}} {{eq online 'true'}}", "true true true"),
        // People in groups are looked at by what is asked of them.
        (
            "{{#each squad}}{{avatar_url this}} {{/each}}",
            "https://cdn.discordapp.com/avatars/94490510688792576/a_b1.gif https://cdn.discordapp.com/embed/avatars/2.png ",
        ),
        (
            "{{#each squad as |one at|}}{{at}}{{@key}}{{one.name}}{{#with one.playing}}{{@index}}{{../id}}{{/with}} {{/each}}",
            "00Alice <3094490510688792576 11Bobby ",
        ),
        ("{{#each (pluck squad 'activities')}}{{this.length}}{{this.0.name}} {{/each}}", "2Factorio 0 "),
        (
            "{{#with (lookup squad 1)}}{{#if platforms}}a{{else}}b{{/if}}{{json platforms}}{{/with}}",
            r#"b{"desktop":false,"embedded":false,"mobile":false,"vr":false,"web":false}"#,
        ),
        ("{{#if platforms}}{{platforms.desktop}}{{platforms.web}}{{/if}}", "truefalse"),
        ("{{lookup bob kv.nothing}}{{lookup bob 'name'}}{{default before.name bob.name}}", "BobbyBobby"),
        (
            "{{json (lookup squad 1) }}{{#each raw.activities as |it|}}{{it.name.x}}{{it.timestamps.start}}{{/each}}",
            concat!(
                r#"{"activities":[],"id":"7","key":"bob","kv":{},"name":"Bobby","online":false,"platforms":{"desktop":false,"embedded":false,"mobile":false,"vr":false,"web":false},"status":"offline","user":{"bot":false,"discriminator":"0007","id":"7","name":"Bobby","username":"bob"}}"#,
                "1767221700000"
            ),
        ),
        ("{{raw.activities.x.y}}{{raw.activities.0.name.z}}{{raw.activities.length}}", "3"),
        // Whatever Lanyard sends.
        (
            "{{raw.activities.0.new_field.deep.1}} {{raw.nothing.here}}{{raw.kv}}",
            "2 {\"a key\":\"v\\u0007\\u001b[2J\",\"count\":\"3\",\"scene\":\"movie\"}",
        ),
        (
            "{{#each raw.activities}}{{type}}{{/each}} {{avatar_url raw.discord_user}}",
            "024 https://cdn.discordapp.com/avatars/94490510688792576/a_b1.gif",
        ),
    ] {
        assert_eq!(rendered(source), expected, "{source}");
    }
}

/// What the checker makes of the tree must say what Handlebars says of the text as written.
#[test]
fn handlebars_alone_says_the_same() {
    let mut handlebars = handlebars::Handlebars::new();
    handlebars.register_escape_fn(handlebars::no_escape);
    for source in [
        "{{user.name}} {{{status}}} {{&status}}",
        "{{#if online}}on{{else}}off{{/if}}{{#if streaming}}on{{^}}off{{/if}}",
        "{{#if streaming}}a{{else if watching}}b{{else if playing}}c{{else}}d{{/if}}",
        "{{#unless streaming}}quiet{{else}}loud{{/unless}}",
        "{{#with playing}}{{name}} {{this.details}} {{../status}} {{party.size}}{{/with}}",
        "{{#with streaming}}{{name}}{{else}}none{{/with}}",
        "{{#each activities}}{{@index}}{{@first}}{{@last}}{{name}}{{#if details}}={{details}}{{/if}};{{/each}}",
        "{{#each activities as |game at|}}{{at}}={{game.name}};{{/each}}",
        "{{#each kv}}{{@key}}={{this}};{{/each}}",
        "{{#each activities}}{{../user.name}}{{#with party}}{{size}}{{../name}}{{../../status}}{{/with}}{{/each}}",
        "{{#each activities}}{{@root.user.name}}{{/each}}",
        "{{kv.scene}}{{kv.[a key]}}{{lookup kv 'scene'}}",
        "{{activities.0.name}}{{activities.[1].name}}",
        "{{#if (eq status 'dnd')}}a{{/if}}{{#if (and online (not streaming))}}b{{/if}}",
        "a\n{{#if online}}\nb\n{{else}}\nc\n{{/if}}\nd\n",
        "a\n  {{#each activities}}  \n  - {{name}}\n  {{/each}}\nb",
        "a\r\n{{#if online}}\r\nb\r\n{{/if}}\r\nc",
        "{{#if online}}\nb{{/if}}\n",
        "a {{~user.username~}} b {{~#if online~}} c {{~else~}} d {{~/if~}} e",
        "x{{! note }}y{{!-- }} --}}z\n{{! alone }}\nend",
        r"\{{name}} a",
        "{{#each activities}}{{#unless @first}}, {{/unless}}{{name}}{{/each}}",
    ] {
        let expected = with_scope(|scope| {
            let context = json_of(Value::Object(Object::Person(scope.person.unwrap())), scope.zone);
            handlebars.render_template(source, &context).unwrap()
        });
        // Handlebars leaves control characters where they are.
        let expected: String =
            expected.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\r').collect();
        assert_eq!(rendered(source), expected, "{source}");
    }
}

#[test]
fn what_handlebars_refuses_comes_out_empty_and_is_told_once() {
    let mut template = compiled("a {{user.name}} b {{status}}").unwrap();
    let refused = Tree::compile("{{no_such_helper 1}}").unwrap().elements.remove(0);
    template.checked.tree.elements[1] = refused;
    let before = faults();
    for _ in 0..2 {
        assert_eq!(with_scope(|scope| template.render_plain(scope)), "a  b dnd");
    }
    assert!(faults() >= before + 2);
    assert_eq!(template.untold_fault(), Some("Helper not found no_such_helper"));
    assert_eq!(template.untold_fault(), None);
}

/// A stranger's words cannot pose as ours, whatever control characters are in them, and neither can the author's.
#[test]
fn marks_cannot_be_forged() {
    let raw = r#"{"discord_user":{"id":"7","username":"\u0003<b>\u0001"},"kv":{"k":"\u0003x"},
        "activities":[{"type":0,"name":"x","new":{"\u0001time":0,"\u0001nothing":"y"}}]}"#;
    for (source, expected) in [
        ("{{user.username}}", vec![("<b>", Origin::Value)]),
        ("{{kv.k}}{{{kv.k}}}", vec![("x", Origin::Value), ("x", Origin::Raw)]),
        ("\u{2}a\u{1}", vec![("a", Origin::Literal)]),
        ("{{upper '\\u0003x'}}", vec![("X", Origin::Value)]),
        ("{{json raw.activities.0.new}}", vec![("{}", Origin::Value)]),
    ] {
        let template = compiled(source).unwrap();
        let segments = with_scope_of(raw, |scope| template.render(scope));
        let expected: Vec<Segment> =
            expected.into_iter().map(|(text, origin)| Segment { text: text.to_owned(), origin }).collect();
        assert_eq!(segments, expected, "{source}");
    }
}

#[test]
fn strangers_and_the_author_are_told_apart() {
    let template = compiled("a {{user.name}}{{{user.name}}} b").unwrap();
    let segment = |text: &str, origin| Segment { text: text.to_owned(), origin };
    let expected = [
        segment("a ", Origin::Literal),
        segment("Alice <3", Origin::Value),
        segment("Alice <3", Origin::Raw),
        segment(" b", Origin::Literal),
    ];
    assert_eq!(with_scope(|scope| template.render(scope)), expected);
}

/// A value is a piece of its own, whatever it says: no tag begins in it, and none ends there.
#[test]
fn a_value_that_is_filled_in_is_a_piece_of_its_own() {
    let source = "a{{1}}{{2}}{{#if online}}\n3 \u{1}{{/if}}\u{4}";
    let at = |text: &str, name: Option<&str>| {
        let begin = source.find(text).unwrap();
        Inlay { at: begin..begin + text.len(), name: name.map(Into::into) }
    };
    let inlays =
        [at("{{1}}", Some("A")), at("{{2}}", Some("A")), at("3 \u{1}", Some("B")), at("\u{4}", None)];
    let template = compiled_with(source, &inlays).unwrap();
    let segments = with_scope(|scope| template.render(scope));
    let segment = |text: &str, origin| Segment { text: text.to_owned(), origin };
    let outside = |name: &str| Origin::Outside(name.into());
    let expected = [
        segment("a", Origin::Literal),
        segment("{{1}}", outside("A")),
        segment("{{2}}", outside("A")),
        segment("\n", Origin::Literal),
        segment("3 ", outside("B")),
    ];
    assert_eq!(segments, expected);
    assert_eq!(with_scope(|scope| template.render_plain(scope)), "a{{1}}{{2}}\n3 ");
}
