//! Sessions as stories: what happens, and below it, indented, what the session does about it.

use std::fmt::Write;
use std::time::Duration;

use proptest::prelude::*;

use super::notice::Notice;
use super::observation::Observation;
use super::session::{Input, Output, Session};
use super::settings::Subscribe;
use crate::presence::model::UserId;

/// Each file in `stories/` is told again with what the session does now, and compared.
/// `UPDATE_STORIES=1 cargo test` writes what it does into the files, for reading the difference.
#[test]
fn stories() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lanyard/stories");
    let mut differing = Vec::new();
    let mut stories = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let wanted = std::fs::read_to_string(&path).unwrap();
        let told = tell(&wanted);
        stories += 1;
        if told != wanted {
            if std::env::var_os("UPDATE_STORIES").is_some() {
                std::fs::write(&path, &told).unwrap();
            }
            differing.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(stories > 10);
}

fn tell(story: &str) -> String {
    let mut told = String::new();
    let mut session = None;
    for line in story.lines() {
        if line.starts_with("    ") {
            continue;
        }
        writeln!(told, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some(session) = &mut session else {
            session = Some(begin(line));
            continue;
        };
        let (at, event) = line.split_once(' ').unwrap();
        let now = if at == "then" { session.deadline().unwrap() } else { seconds(at) };
        happen(session, now, event);
        while let Some(output) = session.poll() {
            writeln!(told, "    {}", shown(&output, now)).unwrap();
        }
    }
    told
}

/// `ids, resync 300s`
fn begin(line: &str) -> Session {
    let (subscribe, resync) = line.split_once(", resync ").unwrap();
    let subscribe = match subscribe {
        "auto" => Subscribe::Auto,
        "ids" => Subscribe::Ids,
        "id" => Subscribe::Id,
        "all" => Subscribe::All,
        other => panic!("no such form: {other}"),
    };
    Session::new(subscribe, seconds(resync), 1)
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs_f64(text.strip_suffix('s').unwrap().parse().unwrap())
}

fn people(text: &str) -> Vec<UserId> {
    let span = |word: &str| {
        let (first, last) = word.split_once("..").unwrap_or((word, word));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.split_whitespace().filter_map(span).flatten().map(UserId).collect()
}

fn happen(session: &mut Session, now: Duration, event: &str) {
    let (word, rest) = event.split_once(' ').unwrap_or((event, ""));
    let input = match word {
        "tick" => Input::Tick,
        "opened" => Input::Opened,
        "failed" => Input::Failed { why: rest.to_owned() },
        "hello" => Input::Hello { heartbeat: seconds(rest) },
        "heard" => Input::Heard,
        "deaf" => Input::Deaf,
        "broken" => Input::Broken { why: rest.to_owned() },
        "eof" => Input::Closed { code: None, reason: String::new() },
        "closed" => Input::Closed { code: rest.parse().ok(), reason: String::new() },
        "want" => Input::Want { people: people(rest), everyone: rest.contains("everyone") },
        "leave" => Input::Leave,
        "init" | "spoilt" => {
            session.handle(now, Input::InitStateBegins);
            for id in people(rest) {
                session.seen(id);
            }
            Input::InitStateEnds { whole: word == "init" }
        }
        "update" => {
            for id in people(rest) {
                session.updated(now, id);
            }
            Input::Tick
        }
        // Updates as they are sent: a letter each, about the person.
        "says" => {
            let (id, letters) = rest.split_once(' ').unwrap();
            let id = UserId(id.parse().unwrap());
            for letter in letters.chars() {
                let doubled = session.hears_double(id, &letter.to_string());
                session.updated(now, id);
                if doubled {
                    session.handle(now, Input::Doubled);
                }
            }
            Input::Tick
        }
        "doubt" => Input::Doubt,
        other => panic!("nothing called {other} happens"),
    };
    session.handle(now, input);
}

fn shown(output: &Output, now: Duration) -> String {
    let later = |wait: Duration| format!("{:.1}s", (now + wait).as_secs_f64());
    match output {
        Output::Connect => format!("connect (at {:.1}s)", now.as_secs_f64()),
        Output::Heartbeat => format!("heartbeat (at {:.1}s)", now.as_secs_f64()),
        Output::Ping => format!("ping (at {:.1}s)", now.as_secs_f64()),
        Output::Send(text) if text.len() > 120 => {
            format!("send {}… {} ids", &text[..60], text.matches(',').count())
        }
        Output::Send(text) => format!("send {text}"),
        Output::Drop => "drop".to_owned(),
        Output::Close => "close".to_owned(),
        Output::Observe(Observation::SnapshotEnd { absent }) => {
            format!("tell: snapshot ends, absent: {}", named(absent))
        }
        Output::Observe(observation) => format!("tell: {observation:?}"),
        Output::Note(Notice::ConnectFailed { why, failures, again_in }) => {
            format!("note: cannot connect ({why}), failure {failures}, again at {}", later(*again_in))
        }
        Output::Note(Notice::Lost { why, failures, again_in, .. }) => {
            format!("note: lost ({why}), failure {failures}, again at {}", later(*again_in))
        }
        Output::Note(Notice::Refused { code, again_in }) => {
            format!("note: refused {code}, again at {}", later(*again_in))
        }
        Output::Note(Notice::NeverSeen { people }) => format!("note: never seen: {}", named(people)),
        Output::Note(Notice::GoneMissing { people }) => format!("note: gone missing: {}", named(people)),
        Output::Note(notice) => format!("note: {notice:?}"),
    }
}

fn named(people: &[UserId]) -> String {
    match people {
        [] => "nobody".to_owned(),
        [first, .., last] if people.len() > 4 => format!("{} people, {first} to {last}", people.len()),
        few => few.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => Just(Input::Tick),
        4 => Just(Input::Opened),
        1 => Just(Input::Failed { why: "no".to_owned() }),
        4 => (0_u64..400_000).prop_map(|ms| Input::Hello { heartbeat: Duration::from_millis(ms.max(1_000)) }),
        4 => Just(Input::InitStateBegins),
        4 => any::<bool>().prop_map(|whole| Input::InitStateEnds { whole }),
        2 => Just(Input::Heard),
        1 => Just(Input::Deaf),
        2 => proptest::option::of(prop_oneof![Just(1000), Just(1011), Just(4004), any::<u16>()])
            .prop_map(|code| Input::Closed { code, reason: "x".to_owned() }),
        1 => Just(Input::Doubled),
        1 => Just(Input::Doubt),
        1 => Just(Input::Broken { why: "no".to_owned() }),
        3 => (proptest::collection::vec(0_u64..40, 0..30), any::<bool>())
            .prop_map(|(ids, everyone)| Input::Want { people: ids.into_iter().map(UserId).collect(), everyone }),
    ]
}

fn any_form() -> impl Strategy<Value = Subscribe> {
    prop_oneof![Just(Subscribe::Auto), Just(Subscribe::Ids), Just(Subscribe::Id), Just(Subscribe::All)]
}

proptest! {
    /// Whatever happened before, a session that was not told to leave becomes live again once a server is there,
    /// and never wants to be woken twice for the same moment.
    #[test]
    fn any_script_leaves_a_session_that_connects_again(
        form in any_form(),
        seed in any::<u64>(),
        script in proptest::collection::vec((0_u64..40_000, any_input(), 0_u64..40), 0..60),
    ) {
        let mut session = Session::new(form, Duration::from_secs(300), seed);
        let mut now = Duration::ZERO;
        for (wait_ms, input, person) in script {
            now += Duration::from_millis(wait_ms);
            session.handle(now, input);
            session.updated(now, UserId(person));
            session.seen(UserId(person + 1));
        }
        // A server as it should be, within an hour and a half: the longest pause is an hour.
        let begun = now;
        let mut wakes = 0;
        while !session.live() {
            prop_assert!(now < begun + Duration::from_secs(5400));
            let mut asked = None;
            while let Some(output) = session.poll() {
                match output {
                    Output::Connect => asked = Some(Input::Opened),
                    Output::Send(text) if text.contains("\"op\":2") => asked = Some(Input::InitStateBegins),
                    _ => {}
                }
            }
            let quiet = asked.is_none();
            session.handle(now, asked.unwrap_or(Input::Tick));
            session.handle(now, Input::Hello { heartbeat: Duration::from_secs(30) });
            if quiet && !session.live() {
                let deadline = session.deadline().unwrap();
                prop_assert!(deadline >= now);
                wakes = if deadline > now { 0 } else { wakes + 1 };
                prop_assert!(wakes < 5, "woken again and again at {now:?}");
                now = deadline;
            }
        }
    }

    /// At its deadline a session does what is due, so that the next deadline lies ahead.
    #[test]
    fn no_deadline_comes_twice(
        form in any_form(),
        script in proptest::collection::vec((0_u64..40_000, any_input()), 0..60),
    ) {
        let mut session = Session::new(form, Duration::from_secs(60), 3);
        let mut now = Duration::ZERO;
        for (wait_ms, input) in script {
            now += Duration::from_millis(wait_ms);
            session.handle(now, input);
            for _ in 0..4 {
                let Some(deadline) = session.deadline() else { return Ok(()) };
                now = now.max(deadline);
                session.handle(now, Input::Tick);
                prop_assert!(session.deadline().is_none_or(|next| next > now), "{now:?}");
            }
        }
    }
}
