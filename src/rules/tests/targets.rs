//! What targets take, and what they need of the messages that go to them.

use super::*;

#[test]
fn a_message_must_fit_the_target_it_goes_to() {
    check(
        "people: {alice: 94490510688792576}
targets:
  hook: {type: home_assistant, url: \"http://ha:8123\", webhook_id: doors}
  house: {type: home_assistant, url: \"http://ha:8123\", token: t}
  cloud: {type: webhook, url: \"https://example.org/x\", format: cloudevents}
rules:
  - id: r
    who: alice
    when: went_online
    send:
      - {to: hook, event: rang}
      - {to: house, json: {a: 1}}
      - {to: house, service: light.turn_on, event: rang}
      - {to: cloud, form: {a: \"{{nmae}}\"}}
",
        "
        3:3 warning: Home Assistant says yes to any `webhook_id`, even one that no automation has (fire an `event`, with a token: then nothing gets lost in silence)
        11:27 error: `event` needs `token` at the target (or send `json` to the webhook)
        12:21 error: `json` needs `webhook_id` at the target (or fire an `event`, with `data`: a token is enough for that)
        13:30 error: `service` and `event` exclude each other (send twice to do both)
        14:21 error: a CloudEvent has no `form` (write `json`: it becomes the event's `data`)
        14:34 error: unknown name `nmae` (did you mean `name`?)
        ",
    );
}
