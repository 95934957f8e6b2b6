//! What `while` rules do, as stories.

use super::story::check;

const LIGHT: &str = r#"
rules:
  - id: light
    who: ada
    while: playing.name == "Factorio" && platforms.desktop
    for: 30s
    grace: 120s
    enter: {to: screen, text: "on{{#if late}} late{{/if}}"}
    exit: {to: screen, text: "off after {{duration lasted}}{{#if late}} late{{/if}}"}
"#;

#[test]
fn it_begins_after_for_and_is_over_after_grace() {
    check(
        &[LIGHT],
        "0 all ada online desktop
         10 ada online desktop playing=Factorio
         100 ada online desktop
         300",
        "10 light ada enter (waiting)
         40 light: on
         100 light ada exit (waiting)
         220 light: off after 1 min 30 s",
    );
}
