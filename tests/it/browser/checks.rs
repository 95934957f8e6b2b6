//! What must be so of every view, computed in the browser.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::page::Page;
use doorchime::printable;

/// The key Tab, in W3C's numbers.
const TAB: &str = "\u{e004}";

/// Every text can be read.
pub fn contrast(page: &Page, view: &str) {
    let told = page.run(include_str!("contrast.js"));
    assert!(told["looked"].as_u64().unwrap() > 5, "{view}: hardly any text: {told:#}");
    assert_eq!(told["faults"], json!([]), "{view}: {told:#}");
}

/// Nothing is told as machines tell it, but what a target gets: no time in UTC, no backtick, no word with a line
/// below for what has one of its own.
pub fn for_people(page: &Page, view: &str) {
    let text = page.run(
        "const copy = document.body.cloneNode(true);
        copy.querySelectorAll('pre, textarea, script, style').forEach(part => part.remove());
        return copy.textContent",
    );
    let text = text.as_str().unwrap();
    let machines = |word: &&str| {
        word.contains('`') || word.starts_with("20") && word.contains('-') && word.contains('T')
    };
    let found: Vec<&str> = text.split_whitespace().filter(machines).collect();
    assert!(found.is_empty() && !text.contains("condition_false"), "{view}: {found:?}\n{text}");
}

/// Nothing is wider than a phone, nor too small for a finger.
pub fn fits_a_phone(page: &Page, view: &str) {
    let told = page.run(include_str!("narrow.js"));
    assert_eq!((&told["wide"], &told["faults"]), (&json!(360), &json!([])), "{view}: {told:#}");
}

/// What somebody hears who does not see: each control and picture has a name, there is one main heading and no
/// level is left out, and the page says its language and its parts.
pub fn spoken(page: &Page, view: &str) {
    let tree = page.devtools("Accessibility.getFullAXTree", &json!({}));
    let nodes: Vec<&Value> =
        tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false).collect();
    let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
    let name = |node: &Value| node["name"]["value"].as_str().unwrap_or_default().trim().to_owned();
    let mut faults = Vec::new();
    for node in &nodes {
        let named = [
            "button",
            "link",
            "textbox",
            "searchbox",
            "combobox",
            "listbox",
            "checkbox",
            "radio",
            "switch",
            "slider",
            "img",
            "image",
            "progressbar",
            "meter",
            "graphics-document",
            "SvgRoot",
            "dialog",
            "region",
            "table",
        ];
        if named.contains(&role(node).as_str()) && name(node).is_empty() {
            faults.push(format!("a {} without a name", role(node)));
        }
    }
    let mut last = 0;
    for heading in nodes.iter().filter(|node| role(node) == "heading") {
        let properties = heading["properties"].as_array().unwrap();
        let level = properties.iter().find(|property| property["name"] == "level");
        let level = level.and_then(|level| level["value"]["value"].as_u64()).unwrap();
        if level > last + 1 || (level == 1 && last > 0) || name(heading).is_empty() {
            faults.push(format!("after a heading of level {last}: {:?} of level {level}", name(heading)));
        }
        last = level;
    }
    for part in ["main", "banner", "contentinfo"] {
        let is = nodes.iter().filter(|node| role(node) == part).count();
        if is != 1 {
            faults.push(format!("{is} times {part}"));
        }
    }
    let empty = page.run("return [...document.querySelectorAll('nav, ul, ol, dl, p, h1, h2, h3, section')]
        .filter(e => e.checkVisibility() && !e.textContent.trim() && !e.querySelector('img')).map(e => e.outerHTML)");
    faults.extend(empty.as_array().unwrap().iter().map(|part| format!("nothing in {part}")));
    let page_says = page.run(
        "return [document.documentElement.lang, document.title, [...document.querySelectorAll('[id]')].map(e => e.id)]",
    );
    if page_says[0] != "en" || page_says[1].as_str().is_none_or(str::is_empty) {
        faults.push(format!("language {}, title {}", page_says[0], page_says[1]));
    }
    let ids: Vec<&str> = page_says[2].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
        faults.push(format!("an id is there twice: {ids:?}"));
    }
    assert!(faults.is_empty(), "{view}: {faults:#?}");
}

/// Tab leads to every control, in the order of the page, and it is seen where one is.
pub fn by_keyboard(page: &Page, view: &str) {
    // From the top, wherever a fragment in the address has led.
    page.run("const top = document.body; top.tabIndex = -1; top.focus(); top.removeAttribute('tabindex')");
    let places = page.run(include_str!("focus.js"))["places"].as_array().unwrap().len();
    assert!(places > 0, "{view}: nowhere to go");
    for step in 0..places {
        page.press(TAB);
        let focus = page.run(include_str!("focus.js"));
        assert_eq!(focus["ring"], true, "{view}: nobody sees that the focus is at {}", focus["name"]);
        assert_eq!(focus["at"], step, "{view}: Tab leads to {}\n{:#}", focus["name"], focus["places"]);
    }
}

/// What strangers write is text and nothing else.
pub fn harmless(page: &Page, view: &str) {
    assert!(!page.has_dialog(), "{view}: a dialog");
    let found = page.run(
        "return {
            hit: window.hit ?? null,
            scripts: document.scripts.length,
            strange: [...document.querySelectorAll('iframe, object, embed, base, audio, video, marquee, meta[http-equiv], link')]
              .filter(e => e.tagName !== 'LINK' || e.rel !== 'icon').map(e => e.outerHTML),
            handlers: [...document.querySelectorAll('*')]
              .filter(e => [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style'
                || /^\\s*(javascript|data|\\/\\/)/i.test(['href', 'src', 'action', 'formaction'].includes(a.localName) ? a.value : '')))
              .map(e => e.outerHTML.slice(0, 200)),
            html: document.documentElement.outerHTML,
        }",
    );
    assert_eq!(found["hit"], Value::Null, "{view}: a stranger's script ran");
    assert!(found["scripts"].as_u64().unwrap() <= 1, "{view}: {}", found["scripts"]);
    assert_eq!((&found["strange"], &found["handlers"]), (&json!([]), &json!([])), "{view}");
    let moving: BTreeSet<char> =
        found["html"].as_str().unwrap().chars().filter(|&c| printable::moves(c) && !c.is_ascii()).collect();
    assert!(moving.is_empty(), "{view}: what turns the direction of writing is in the page: {moving:?}");
}
