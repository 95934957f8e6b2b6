//! What is said of wrong templates.

use super::super::*;
use super::compiled;
use crate::rules::scope::Keys;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn mistakes_have_a_place_and_a_way_out() {
    for (source, at, what, help) in [
        ("{{nmae}}", "nmae", "unknown name `nmae`", "did you mean `name`?"),
        ("x {{user.nmae}}", "nmae", "unknown field `nmae` of a user", "did you mean `name`?"),
        ("{{playing.name.first}}", "first", "`first` of a text: it has no fields", ""),
        (
            "{{playing}}",
            "playing",
            "this is an activity, not a text",
            "add a field: `.type`, `.name`, `.details`, `.state`, `.url`, `.application_id`",
        ),
        (
            "{{squad}}",
            "squad",
            "this is a list, not a text",
            "use `{{#each …}}`, or `{{join (pluck … 'name') ', '}}`",
        ),
        ("{{username}}", "username", "unknown name `username`", "did you mean `user.username`?"),
        ("{{hour}}", "hour", "unknown name `hour`", "did you mean `now.hour`?"),
        ("{{spotify.song}}", "spotify", "unknown name `spotify`", "write `track`"),
        ("{{discord_user.username}}", "discord_user", "unknown name `discord_user`", "write `user`"),
        ("{{discord_status}}", "discord_status", "unknown name `discord_status`", "write `status`"),
        ("{{track.title}}", "title", "unknown field `title` of a track", "did you mean `song`?"),
        (
            "{{#if status == 'dnd'}}x{{/if}}",
            "==",
            "`==` is not known in templates",
            "write `{{#if (eq status 'dnd')}}`",
        ),
        (
            "{{#if online}}{{else if now.hour >= 18}}x{{/if}}",
            ">=",
            "`>=` is not known in templates",
            "write `{{else if (ge now.hour 18)}}`",
        ),
        (
            "{{#unless online && playing}}x{{/unless}}",
            "&&",
            "`&&` is not known in templates",
            "write `{{#unless (and online playing)}}`",
        ),
        ("{{#if !online}}x{{/if}}", "!", "`!` is not known in templates", "write `{{#if (not online)}}`"),
        ("{{ name | upper }}", "|", "`|` is not known in templates", "write `{{upper name}}`"),
        (
            "{{name + 'x'}}",
            "+",
            "`+` is not known in templates",
            "texts that follow each other are one text: `{{name}}{{status}}`",
        ),
        ("{{time now}}", "now", "`time` takes a time here, and this is now", "write `now.time`"),
        (
            "{{ago now.hour}}",
            "now.hour",
            "`ago` takes a time here, and this is a number",
            "times are `now.time`, `since`, `track.started_at`, `playing.started_at` and the like",
        ),
        ("{{kv}}", "kv", "this is a map of texts, not a text", "add a key, or use `{{#each …}}`"),
        ("{{uper name}}", "uper", "unknown helper `uper`", "did you mean `upper`?"),
        (
            "{{name upper}}",
            "name",
            "`name` is a name, no helper, and takes nothing",
            "close the braces after it, or begin with a helper's name",
        ),
        ("{{upper}}", "upper", "unknown name `upper`", "`upper` is a helper, written like `{{upper value}}`"),
        (
            "{{upper name status}}",
            "status",
            "`upper` takes one value, and 2 are given",
            "like `{{upper value}}`",
        ),
        (
            "{{truncate name}}",
            "truncate name",
            "`truncate` takes 2 to 3 values, and 1 is given",
            "like `{{truncate value 20}}`",
        ),
        (
            "{{upper playing}}",
            "playing",
            "`upper` takes a text or a number here, and this is an activity",
            "add a field: `.type`, `.name`, `.details`, `.state`, `.url`, `.application_id`",
        ),
        ("{{ago name}}", "name", "`ago` takes a time here, and this is a text", ""),
        ("{{join name}}", "name", "`join` takes a list here, and this is a text", ""),
        (
            "{{time since '%H:%'}}",
            "'%H:%'",
            "`%H:%` is no format for times",
            "like `%H:%M`, `%A`, `%Y-%m-%d`; two `%` write one",
        ),
        (
            "{{number 1 decimal=2}}",
            "decimal",
            "`decimal` is nothing that `number` takes",
            "did you mean `decimals`?",
        ),
        ("{{pluck squad 'nmae'}}", "'nmae'", "unknown field `nmae` of a person", "did you mean `name`?"),
        ("{{join (pluck squad name)}}", "name", "`pluck` takes a field's name as a text", "write `'name'`"),
        (
            "{{#each (where squad 'onlin')}}{{/each}}",
            "'onlin'",
            "unknown field `onlin` of a person",
            "did you mean `online`?",
        ),
        (
            "{{#each activities}}{{user.name}}{{/each}}",
            "user",
            "unknown field `user` of an activity",
            "in this block it is `../user`",
        ),
        (
            "{{#each name}}{{x}}{{/each}}",
            "name",
            "`each` takes a list, and this is a text",
            "lists are `activities`, each group, and `kv`",
        ),
        ("{{#if}}x{{/if}}", "if", "`if` takes one value, and 0 are given", ""),
        (
            "{{#if eq status 'dnd'}}x{{/if}}",
            "status",
            "`if` takes one value, and 3 are given",
            "put parentheses around what `eq` takes: `if (eq …)`",
        ),
        (
            "{{#playing}}x{{/playing}}",
            "playing",
            "`playing` is no block",
            "write `{{#if playing}}`, `{{#with playing}}` or `{{#each playing}}`",
        ),
        ("{{#fi online}}x{{/fi}}", "fi", "`fi` is no block", "did you mean `if`?"),
        ("{{#if online}}x", "if online", "`{{#if}}` is never closed", "end it with `{{/if}}`"),
        (
            "{{#if online}}x{{/each}}",
            "each",
            "`{{/each}}` where `{{#if}}` is open",
            "close it first, with `{{/if}}`",
        ),
        ("x{{/if}}", "if", "`{{/if}}` closes nothing", ""),
        ("{{else}}", "{{else}}", "`{{else}}` outside of any block", ""),
        ("{{name", "{{", "`{{` without `}}`", "close it with `}}`"),
        ("{{{name}}", "{{{", "`{{{` without `}}}`", "close it with `}}}`"),
        ("{{}}", "{{", "nothing between the braces", "write `\\{{` for two braces that are only text"),
        ("{{upper 'abc}}", "'", "a text that begins with ' has no end", "close it with '"),
        ("{{upper (lower name}}", "(", "`(` without `)`", "close it with `)`"),
        ("{{a..b}}", "a..b", "`a..b` is no name", "names are parted by one dot"),
        ("{{> part}}", ">", "partials are not offered", ""),
        ("{{#*inline 'x'}}{{/inline}}", "#", "inline partials are not offered", ""),
        (
            "{{this}}",
            "this",
            "`this` is nothing outside of `{{#each}}` and `{{#with}}`",
            "write a name, like `user.name`",
        ),
        (
            "{{#if online}}{{../name}}{{/if}}",
            "../name",
            "`../` leads out of the template",
            "only `{{#each}}` and `{{#with}}` are steps to come back from, not `{{#if}}`",
        ),
        ("{{@index}}", "@index", "`@index` is nothing outside of `{{#each}}`", ""),
        ("{{#each squad}}{{@indx}}{{/each}}", "@indx", "unknown name `@indx`", "did you mean `@index`?"),
        (
            "{{#each activities as game}}{{/each}}",
            "as",
            "`as` names what the block gives",
            "like `as |item index|`",
        ),
        (
            "{{#each activities as |a b c|}}{{/each}}",
            "as",
            "`as` names what the block gives",
            "like `as |item index|`",
        ),
        ("{{.}}", ".", "`.` is no name", "write `this`"),
        (
            "{{user.name upper}}",
            "user.name",
            "`user.name` is no helper, and something follows it",
            "close the braces after it, or begin with a helper's name",
        ),
        ("{{upper name!}}", "name!", "`name!` is not expected here", ""),
        ("{{{{raw}}}}x{{{{/raw}}}}", "{{{{", "raw blocks are not offered", ""),
        ("{{upper [1]}}", "[1]", "templates have no lists or maps of their own", ""),
        (
            "{{#each squad}}\n\u{e9} {{naem}}{{/each}}",
            "naem",
            "unknown field `naem` of a person",
            "did you mean `name`?",
        ),
        (
            "{{#if streaming}}{{else if onlin}}{{/if}}",
            "onlin",
            "unknown name `onlin`",
            "did you mean `online`?",
        ),
        ("{{eq name 'name' naem}}", "naem", "`eq` takes 2 values, and 3 are given", ""),
        ("{{truncate ellipsis=naem name 3}}", "naem", "unknown name `naem`", ""),
        ("{{!-- open", "{{!", "a comment without an end", "end it with `--}}`"),
        ("{{change.to.name}}", "name", "unknown field `name` of a track", ""),
    ] {
        let mistakes = compiled(source).err().unwrap_or_else(|| panic!("{source} is fine"));
        let first = &mistakes[0];
        assert_eq!(first.what, what, "{source}");
        assert_eq!(&source[first.at.clone()], at, "{source}: {first:?}");
        if !help.is_empty() {
            assert_eq!(first.help.as_deref(), Some(help), "{source}");
        }
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let mistakes = compiled("{{a1}} {{#if b1}}{{c1}}{{/if}} {{upper d1}}").unwrap_err();
    let whats: Vec<&str> = mistakes.iter().map(|mistake| mistake.what.as_str()).collect();
    assert_eq!(whats, ["unknown name `a1`", "unknown name `b1`", "unknown name `c1`", "unknown name `d1`"]);
}

#[test]
fn names_that_this_rule_lacks_are_explained() {
    let names = Names {
        people: &Keys::default(),
        groups: &Keys::default(),
        has_person: false,
        change: None,
        in_template: true,
        gathered: None,
    };
    for (source, help) in [
        ("{{user.name}}", "only a rule with `who` is about one person"),
        ("{{change.kind}}", "only a rule with `when` has a change"),
    ] {
        let mistakes = Template::compile(source, &names).unwrap_err();
        assert_eq!(mistakes[0].help.as_deref(), Some(help), "{source}");
    }
}
