//! Whatever is written, and whatever strangers write: it ends, and it has an answer.

use proptest::prelude::*;

use super::super::*;
use super::{compiled, rendered, with_scope, with_scope_of};

#[test]
fn deep_and_long_templates_are_refused() {
    for source in [
        "{{#if online}}".repeat(10_000),
        format!("{{{{#if online}}}}a{}{{{{/if}}}}", "{{else if online}}b".repeat(10_000)),
        format!("{{{{upper {}", "(upper ".repeat(9_000)),
        "x".repeat(SOURCE_BYTES_MAX + 1),
        "{{name}}".repeat(1_001),
        format!("{{{{upper {}", "[".repeat(9_000)),
    ] {
        assert!(compiled(&source).is_err());
    }
}

#[test]
fn what_is_as_deep_as_it_may_be_is_rendered() {
    let (deep, parens) = ("{{#if online}}".repeat(47), "(not ".repeat(16));
    let source = format!("{deep}{{{{not {parens}online{}}}}}{}", ")".repeat(16), "{{/if}}".repeat(47));
    assert_eq!(rendered(&source), "false");
    let chain = "{{else if streaming}}b".repeat(46);
    assert_eq!(rendered(&format!("{{{{#if streaming}}}}a{chain}{{{{else}}}}c{{{{/if}}}}")), "c");
}

#[test]
fn loops_over_a_strangers_data_end() {
    let pairs: Vec<String> = (0..512).map(|at| format!(r#""k{at}":"{}""#, "x".repeat(200))).collect();
    let raw = format!(r#"{{"user_id":"7","kv":{{{}}}}}"#, pairs.join(","));
    for source in [
        "{{#each kv}}{{#each ../kv}}{{#each ../../kv}}{{this}}{{/each}}{{/each}}{{/each}}",
        "{{#each kv}}{{#each ../kv}}{{#each ../../kv}}{{#each ../../../kv}}{{/each}}{{/each}}{{/each}}{{/each}}",
        "{{#each kv}}{{join ../kv}}{{/each}}",
    ] {
        let template = compiled(source).unwrap();
        let text = with_scope_of(&raw, |scope| template.render_plain(scope));
        assert!(text.len() <= RENDERED_BYTES_MAX, "{source}: {}", text.len());
    }
}

proptest! {
    /// Any text compiles or is refused with places inside of it; what compiles renders.
    #[test]
    fn any_text_is_a_template_or_a_mistake(source in r#"(\{\{|\}\}|\{|\}|#if|/if|else|each| |name|user|\.\.|/|\.|@index|\(|\)|'|"|=|as|\||~|upper|é|\\|!|--|\n|1|this|kv|\[|\]){0,24}"#) {
        match compiled(&source) {
            Ok(template) => {
                with_scope(|scope| template.render_plain(scope));
                prop_assert_eq!(template.untold_fault(), None);
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    prop_assert!(source.get(mistake.at.clone()).is_some(), "{mistake:?}");
                }
            }
        }
    }
}

/// Whatever passes the check is rendered, however its parts are put together.
fn put_together() -> impl Strategy<Value = String> {
    const PARTS: [&str; 30] = [
        "{{#each squad}}",
        "{{#each activities}}",
        "{{#each ../activities}}",
        "{{#each kv as |v k|}}",
        "{{#each raw.activities as |it at|}}",
        "{{#with playing}}",
        "{{#with user}}",
        "{{#if online}}",
        "{{#unless @first}}",
        "{{#eq @index 1}}",
        "{{#each (where squad 'online')}}",
        "{{#with (lookup squad 1)}}",
        "{{else}}",
        "{{else if playing}}",
        "{{name}}",
        "{{this.name}}",
        "{{../name}}",
        "{{../../status}}",
        "{{@index}}",
        "{{@../key}}",
        "{{k}}{{v}}",
        "{{it.name.x}}{{at}}",
        "{{activities.length}}{{activities.7.name}}",
        "{{raw.kv.x.0.y}}",
        "{{join (pluck @root.squad 'playing.name') @root.name}}",
        "{{json this}}",
        "{{this}}",
        "{{{default ../kv.x @root.track.song}}}",
        " \n",
        "{{ago @root.since}}",
    ];
    proptest::collection::vec(proptest::sample::select(&PARTS[..]), 1..7).prop_map(|parts| {
        let (mut source, mut open) = (String::new(), Vec::new());
        for part in parts {
            source.push_str(part);
            let head = part.strip_prefix("{{#").and_then(|head| head.split(' ').next());
            open.extend(head);
        }
        let ends = open.iter().rev().map(|name| format!("{{{{/{name}}}}}"));
        ends.fold(source, |source, end| source + &end)
    })
}

proptest! {
    #[test]
    fn what_passes_the_check_is_rendered(source in put_together()) {
        if let Ok(template) = compiled(&source) {
            let text = with_scope(|scope| template.render_plain(scope));
            prop_assert!(text.len() <= RENDERED_BYTES_MAX);
            prop_assert_eq!(template.untold_fault(), None);
        }
    }
}
