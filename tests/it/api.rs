//! `/api/v1` of a running bot: what it answers, and that it is what the document says.

use std::net::SocketAddr;
use std::time::Duration;

use doorchime::clock::Clock;
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::receiver::{Heard, Play};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::home::{Bot, Home};
use crate::shape::must_fit;
use crate::web::ask;

const ALICE: UserId = UserId(94_490_510_688_792_576);
const NOBODY: UserId = UserId(156_114_103_033_790_464);

const RULES: &str = r#"
lanyard: {url: "LANYARD"}
smoothing: {offline: 0s, listening: 0s, activity: 0s}
people: {alice: 94490510688792576, stranger: {id: "156114103033790464", name: Stranger}}
targets:
  hook: {type: webhook, url: "RECEIVER/T0PSECRET-PATH", headers: {authorization: "Bearer ${HOOK_TOKEN}"}}
  broken: {type: webhook, url: RECEIVER/broken}
  slow: {type: webhook, url: RECEIVER/slow}
rules:
  - {id: around, who: alice, while: online, enter: hook}
  - {id: kv, who: alice, when: changed_kv, send: {to: hook, body: "{{change.to}} ${HOOK_TOKEN}"}}
  - {id: gaming, who: alice, when: started_playing, if: 'playing.name == "${HOOK_TOKEN}"', send: hook}
  - {id: refused, who: alice, when: changed_custom_status, send: {to: broken, body: x}}
  - {id: lonely, who: [alice, stranger], when: {went_offline: {from: dnd}}, send: hook}
  - {id: slow, who: alice, when: {changed_kv: {key: slow, to: "?*"}}, send: {to: slow, body: x}}
  - {id: soon, who: alice, while: online, for: 1h, enter: hook}
"#;

const SECRETS: [&str; 2] = ["T0PSECRET-PATH", "T0PSECRET-TOKEN"];

fn play(heard: &Heard) -> Play {
    Play::status(match &*heard.path {
        "/broken" => 403,
        "/slow" => 503,
        _ => 204,
    })
}

struct Api {
    home: Home,
    at: SocketAddr,
    bot: Bot,
    document: Value,
}

impl Api {
    async fn new() -> Self {
        let home = Home::new(&RULES.replace("${HOOK_TOKEN}", "${file:HOME/token}"), play).await;
        std::fs::write(home.path("token"), "T0PSECRET-TOKEN").unwrap();
        let folder = home.path("").display().to_string();
        home.write_rules(&RULES.replace("${HOOK_TOKEN}", &format!("${{file:{folder}token}}")));
        home.lanyard.set(&alice());
        let (bot, address) = home.start_listening().await;
        let at = address.parse().unwrap();
        let document = body(&ask(at, "GET /api/v1/openapi.json HTTP/1.0\r\n\r\n").await);
        let api = Self { home, at, bot, document };
        api.until("/people/alice", |alice| alice["standing"] == "live").await;
        api
    }

    /// A good answer, which has been checked against the document and holds no secret.
    async fn get(&self, path: &str) -> Value {
        let (status, value) = self.request("GET", path).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn request(&self, method: &str, path: &str) -> (u16, Value) {
        self.request_with(method, path, "").await
    }

    async fn request_with(&self, method: &str, path: &str, sent: &str) -> (u16, Value) {
        let length = sent.len();
        let head = format!("{method} /api/v1{path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n");
        let answer = ask(self.at, &format!("{head}{sent}")).await;
        assert!(SECRETS.iter().all(|secret| !answer.contains(secret)), "{path}: {answer}");
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let value = body(&answer);
        let schema = self.described(method, path.split('?').next().unwrap(), status);
        must_fit(&self.document, &schema, &value);
        (status, value)
    }

    /// What the document says of an answer.
    fn described(&self, method: &str, path: &str, status: u16) -> Value {
        let steps: Vec<&str> = path.split('/').collect();
        let fits = |known: &&String| {
            let known: Vec<&str> = known.split('/').collect();
            known.len() == steps.len() && known.iter().zip(&steps).all(|(a, b)| a == b || a.starts_with('{'))
        };
        let paths = self.document["paths"].as_object().unwrap();
        let Some(known) = paths.keys().find(fits) else {
            return serde_json::json!({"$ref": "#/components/schemas/Error"});
        };
        let answer = &paths[known][method.to_lowercase()]["responses"][status.to_string()];
        assert!(answer.is_object(), "{method} {path}: {status} is not described");
        answer["content"]["application/json"]["schema"].clone()
    }

    async fn until(&self, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let value = self.get(path).await;
                if so(&value) {
                    return value;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let Ok(value) = tokio::time::timeout(Duration::from_secs(60), asked).await else {
            panic!("{path}: {:#}\n{}", self.get(path).await, self.home.log());
        };
        value
    }
}

fn alice() -> PresenceJson {
    PresenceJson::new(ALICE).named("Alice <b>").status("online").on(&["desktop"])
}

fn body(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bot_knows_is_told_as_the_document_says() {
    let api = Api::new().await;
    let people = api.get("/people").await;
    assert_eq!(people["people"][0]["key"], "alice");
    assert_eq!(people["people"][0]["presence"]["platforms"], serde_json::json!(["desktop"]));
    let stranger = api.until("/people/stranger", |stranger| stranger["standing"] == "unmonitored").await;
    assert!(stranger["advice"].as_str().unwrap().contains("discord.gg/lanyard"), "{stranger}");
    assert_eq!((&stranger["name"], &stranger["presence"]), (&"Stranger".into(), &Value::Null));
    api.home.lanyard.set(
        &alice()
            .playing_at("Braid", "World 4", "in the clouds")
            .listening("Song", "Artist", "Album")
            .kv("k", "1"),
    );
    let rule = api.until("/rules/kv", |rule| rule["verdicts"]["fired"] == 1).await;
    assert_eq!(rule["rang"]["person"]["key"], "alice");
    let alice = api.get(&format!("/people/{ALICE}")).await;
    assert_eq!(alice["presence"]["track"]["song"], "Song");
    let day = api.get("/people/alice/day").await;
    let lane = |at: usize| (&day["lanes"][at]["lane"], &day["lanes"][at]["stretches"][0]["name"]);
    assert_eq!(lane(0), (&"status".into(), &"online".into()));
    assert_eq!(lane(1), (&"listening".into(), &"Song · Artist".into()));
    let first = api.get("/people?limit=1").await;
    let second = api.get(&format!("/people?limit=1&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&second["people"][0]["key"], &second["next"]), (&"stranger".into(), &Value::Null));

    // Why it did not ring: the condition as it is written, and what it was made of.
    let gaming = api.get("/rules/gaming").await;
    assert_eq!(gaming["last"]["verdict"]["word"], "condition_false");
    assert!(gaming["condition"].as_str().unwrap().starts_with("playing.name == \"${file:"), "{gaming}");
    let activity = api.get("/activity?rule=gaming&person=alice").await;
    let verdict = &activity["entries"][0];
    assert_eq!(verdict["values"][0], serde_json::json!({"part": "playing.name", "value": "\"Braid\""}));
    let all = api.get("/activity").await;
    let kinds: Vec<&str> =
        all["entries"].as_array().unwrap().iter().filter_map(|entry| entry["change"].as_str()).collect();
    assert!(kinds.contains(&"changed_kv") && kinds.contains(&"started_playing"), "{kinds:?}");
    let cursor = all["cursor"].as_u64().unwrap();
    let since = api.get(&format!("/activity?since={cursor}")).await;
    assert_eq!((since["entries"].as_array().unwrap().len(), &since["gap"]), (0, &false.into()));

    let explained = api.get("/rules/gaming/explain?person=alice").await;
    let explained = &explained["explained"][0];
    assert_eq!(
        (&explained["shut"], &explained["last_values"][0]["part"]),
        (&"if".into(), &"playing.name".into())
    );
    assert_eq!(api.get("/rules/lonely/explain").await["explained"].as_array().unwrap().len(), 2);

    assert_eq!(api.get("/rules/around").await["on"], 1);
    let timers = api.get("/rules/soon").await["timers"].clone();
    let next = &timers["next"][0];
    assert_eq!(
        (&timers["count"], &next["kind"], &next["person"]["key"]),
        (&1.into(), &"for".into(), &"alice".into())
    );
    assert!(next["at"].is_string(), "{timers}");
    let rules = api.get("/rules?limit=4").await;
    assert_eq!(rules["next"], "refused");
    assert_eq!(api.get("/rules?after=refused").await["rules"][0]["id"], "lonely");
    let status = api.get("/status").await;
    assert_eq!(
        (&status["parts"]["ready"], &status["targets"]["hook"]["kind"]),
        (&true.into(), &"webhook".into())
    );

    for (path, status, told) in [
        ("/nowhere", 404, "openapi.json"),
        ("/people/alcie", 404, "did you mean `alice`?"),
        ("/people/alcie/day", 404, "did you mean `alice`?"),
        ("/people/42/day", 404, "nothing is known of 42"),
        (&*format!("/people/{}", 42), 404, "nothing is known of 42"),
        ("/rules/kw", 404, "did you mean `kv`?"),
        ("/activity?rule=nope", 404, "no rule `nope`"),
        ("/activity?since=x", 400, "since"),
        ("/activity?until=5", 400, "until"),
        ("/people?limit=0", 400, "1 to 200"),
        ("/people?after=x", 400, "`next`"),
        ("/deliveries?state=lost", 400, "pending"),
    ] {
        let (got, value) = api.request("GET", path).await;
        assert_eq!(got, status, "{path}: {value}");
        assert!(value["error"].as_str().unwrap().contains(told), "{path}: {value}");
    }
    assert_eq!(NOBODY.to_string(), stranger["id"]);
    assert!(api.bot.stop().await.success(), "{}", api.home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_shown_sent_again_and_dropped() {
    let api = Api::new().await;
    api.home.lanyard.set(&alice().kv("k", "1").custom("🦀", "rusty"));
    let dead = api.until("/deliveries?state=dead", |dead| dead["deliveries"][0].is_object()).await;
    let dead = &dead["deliveries"][0];
    assert_eq!((&dead["target"], &dead["last_attempt"]["status"]), (&"broken".into(), &403.into()));
    let number = dead["number"].as_i64().unwrap();
    let arrived =
        api.until("/deliveries?state=delivered&rule=kv", |some| some["deliveries"][0].is_object()).await;
    let arrived = &arrived["deliveries"][0];
    assert_eq!(arrived["rule"], "kv");
    assert!(arrived["message"]["body"].as_str().unwrap().starts_with("1 ${file:"), "{arrived}");
    let arrived = arrived["number"].as_i64().unwrap();

    let day = api.get("/people/alice/day").await;
    let marks = day["marks"].as_array().unwrap();
    let mark = marks.iter().find(|mark| mark["rule"] == "refused").unwrap();
    assert_eq!(mark["deliveries"], json!([{"number": number, "target": "broken", "state": "dead"}]));
    assert_eq!((marks.len(), &day["more_marks"]), (3, &false.into()), "{day}");

    let (status, refused) = api.request("POST", &format!("/deliveries/{arrived}/retry")).await;
    assert_eq!(status, 409, "{refused}");
    let before = api.home.receiver.heard().len();
    assert_eq!(api.request("POST", &format!("/deliveries/{arrived}/retry?force=true")).await.0, 200);
    let (status, again) = api.request("POST", &format!("/deliveries/{number}/retry")).await;
    assert_eq!((status, &again["state"]), (200, &"pending".into()));
    api.home.until("both are sent again", || api.home.receiver.heard().len() >= before + 2).await;
    let path = format!("/deliveries/{number}");
    let told = api.until(&path, |told| told["state"] == "dead").await;
    assert_eq!(told["tries"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(told["tries"][1]["then"], "refused");

    assert_eq!(api.get("/deliveries?limit=1").await["next"].as_i64().unwrap(), number.max(arrived));
    let of_alice = api.get("/deliveries?person=alice&rule=refused").await;
    assert_eq!(of_alice["deliveries"].as_array().unwrap().len(), 1);
    let (status, dropped) = api.request("POST", &format!("/deliveries/{number}/drop")).await;
    assert_eq!((status, &dropped["dropped"]), (200, &true.into()));
    assert_eq!(api.request("GET", &path).await.0, 404);
    assert!(api.bot.stop().await.success(), "{}", api.home.log());
}

/// Follows events and gives their names and data.
struct Follower(BufReader<TcpStream>);

impl Follower {
    async fn open(at: SocketAddr, query: &str, more: &str) -> (String, Self) {
        let mut stream = BufReader::new(TcpStream::connect(at).await.unwrap());
        let request = format!("GET /api/v1/events{query} HTTP/1.1\r\nHost: {at}\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
        }
        (head, Self(stream))
    }

    /// The next event about what happened: its name, its number, its data.
    async fn next(&mut self) -> (String, u64, Value) {
        loop {
            let (name, number, data) = self.any().await;
            if !["deliveries", "status"].contains(&&*name) {
                assert_eq!(number.is_none(), name == "lost", "{name}");
                return (name, number.unwrap_or_default(), data);
            }
            assert_eq!(number, None, "{name} would take the place of the last number");
        }
    }

    /// The data of the next event of this name for which something is so.
    async fn until(&mut self, name: &str, so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (called, _, data) = self.any().await;
            if called == name && so(&data) {
                return data;
            }
        }
    }

    /// The next event, whatever it is.
    async fn any(&mut self) -> (String, Option<u64>, Value) {
        let (mut name, mut number, mut data) = (String::new(), None, Value::Null);
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(Duration::from_secs(60), self.0.read_line(&mut line));
            assert!(read.await.unwrap().unwrap() > 0, "the events end");
            // Beside these there are the sizes of chunks, and comments.
            match line.trim_end().split_once(": ") {
                Some(("event", text)) => text.clone_into(&mut name),
                Some(("id", text)) => number = Some(text.parse().unwrap()),
                Some(("data", text)) => data = serde_json::from_str(text).unwrap(),
                None if line.trim().is_empty() && !data.is_null() => return (name, number, data),
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_gap_comes_all_that_is_kept_and_the_oldest_first() {
    let api = Api::new().await;
    api.home.lanyard.set(&alice().kv("k", "1"));
    api.until("/activity?person=alice", |activity| activity["entries"].as_array().unwrap().len() > 2).await;
    let (_, mut kept) = Follower::open(api.at, "?since=0&person=alice", "").await;
    assert_eq!(kept.next().await.0, "lost");
    for entry in api.get("/activity?person=alice").await["entries"].as_array().unwrap() {
        assert_eq!(kept.next().await.1, entry["number"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_happen_and_go_on_where_they_were_left() {
    let api = Api::new().await;
    let entry = api.document["components"]["schemas"]["Entry"].clone();
    let (head, mut follower) = Follower::open(api.at, "?person=alice", "").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    api.home.lanyard.set(&alice().kv("k", "1"));
    let (name, first, data) = follower.next().await;
    assert_eq!((name.as_str(), &data["change"], &data["key"]), ("change", &"changed_kv".into(), &"k".into()));
    must_fit(&api.document, &entry, &data);
    let (name, second, data) = follower.next().await;
    assert_eq!((name.as_str(), &data["verdict"]["rings"]), ("verdict", &true.into()));
    must_fit(&api.document, &entry, &data);
    assert!(second > first && data["number"] == second);

    let (_, mut again) = Follower::open(api.at, "", &format!("Last-Event-ID: {first}\r\n")).await;
    assert_eq!(again.next().await.1, second);
    let (_, mut all) = Follower::open(api.at, "?since=0&rule=kv", "").await;
    assert_eq!((all.next().await.0.as_str(), all.next().await.1), ("lost", second));
    api.home.lanyard.set(&alice().kv("k", "2"));
    assert_eq!(all.next().await.2["verdict"]["word"], "fired");

    // So many and no more; a place that is left is free again.
    let mut followers = Vec::new();
    loop {
        let (head, follower) = Follower::open(api.at, "", "").await;
        if head.starts_with("HTTP/1.1 503") {
            break;
        }
        followers.push(follower);
    }
    assert_eq!(followers.len(), 13);
    followers.clear();
    let free = async || Follower::open(api.at, "", "").await.0.starts_with("HTTP/1.1 200");
    tokio::time::timeout(Duration::from_secs(60), async { while !free().await {} }).await.unwrap();
    // Those who follow do not hold up the leaving.
    assert!(api.bot.stop().await.success(), "{}", api.home.log());
}

/// What is tried, sent as JSON that the document allows.
async fn tried(api: &Api, trial: Value) -> Value {
    must_fit(&api.document, &api.document["components"]["schemas"]["Trial"], &trial);
    let (status, tried) = api.request_with("POST", "/try", &trial.to_string()).await;
    assert_eq!(status, 200, "{trial}: {tried}");
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_is_what_would_be_sent_and_nothing_is() {
    let api = Api::new().await;
    let before = api.get("/activity").await["cursor"].clone();
    let told = tried(
        &api,
        json!({"person": "alice", "before": "{status: online, name: Alice <b>}", "after": {"status": "online", "kv": {"k": "1"}}}),
    )
    .await;
    let rule = &told["rules"][0];
    assert_eq!((&rule["rule"], &rule["why"]), (&"kv".into(), &"rings at once".into()), "{told:#}");
    let around = told["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "around").unwrap();
    assert!(around["why"].as_str().unwrap().contains("had begun before"), "{around:#}");

    // Nothing has come of it in the real world.
    assert_eq!(api.get("/activity").await["cursor"], before);
    assert_eq!(api.get("/rules/kv").await["verdicts"]["fired"], 0);
    let rings = api.home.receiver.heard().len();

    api.home.lanyard.set(&alice().kv("k", "1"));
    api.home.until("it rings", || api.home.receiver.heard().len() > rings).await;
    let heard = api.home.receiver.heard().pop().unwrap();
    let shown = &rule["rang"][0]["messages"][0]["request"];
    assert_eq!(shown["method"], heard.method.as_str());
    assert_eq!(shown["address"], format!("{}/[secret]", api.home.receiver.url("")));
    let names = |headers: Vec<String>| headers.into_iter().collect::<std::collections::BTreeSet<_>>();
    let headers = shown["headers"].as_array().unwrap();
    let shown_names =
        names(headers.iter().map(|header| header["name"].as_str().unwrap().to_owned()).collect());
    // What the connection adds is no part of the request.
    let heard_names = heard.headers.iter().map(|(name, _)| name.clone());
    let of_connection = ["host", "content-length", "connection"];
    let heard_names = names(heard_names.filter(|name| !of_connection.contains(&name.as_str())).collect());
    assert_eq!(shown_names, heard_names);
    for header in headers {
        let (name, value) = (header["name"].as_str().unwrap(), header["value"].as_str().unwrap());
        match name {
            "authorization" => assert_eq!(value, "Bearer [secret]"),
            "idempotency-key" => assert!(value.starts_with("00000000-0000-7000-8000-"), "{value}"),
            _ => assert_eq!(Some(value), heard.header(name), "{name}"),
        }
    }
    let body = shown["body"].as_str().unwrap();
    assert!(body.starts_with("1 ${file:") && heard.text() == "1 T0PSECRET-TOKEN", "{body}");
    assert!(api.bot.stop().await.success(), "{}", api.home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tried_is_told_with_its_place() {
    let api = Api::new().await;
    for (sent, status, told) in [
        (r#"{"person": "alcie", "after": "online"}"#, 404, "did you mean `alice`?"),
        (r#"{"person": "42", "after": "online"}"#, 404, "no rule is about 42"),
        (r#"{"person": "alice"}"#, 400, "missing field `after`"),
        (r#"{"person": "alice", "after": "online", "then": 1}"#, 400, "unknown field `then`"),
        (r#"{"person": "", "after": "online"}"#, 400, "`person`"),
        ("", 400, "this cannot be tried"),
        (
            r#"{"person": "alice", "after": {"status": "onlien"}}"#,
            400,
            "`after`, line 1, column 12: unknown word",
        ),
        (
            r#"{"person": "alice", "after": "status: online\nplayin: x"}"#,
            400,
            "`after`, line 2, column 1: unknown",
        ),
        (r#"{"person": "alice", "after": "online", "at": "soon", "wait": "9w"}"#, 400, "`wait`"),
    ] {
        let (got, value) = api.request_with("POST", "/try", sent).await;
        assert_eq!(got, status, "{sent}: {value}");
        assert!(value["error"].as_str().unwrap().contains(told), "{sent}: {value}");
    }
    let large = json!({"person": "alice", "after": "x".repeat(65 << 10)}).to_string();
    let (status, value) = api.request_with("POST", "/try", &large).await;
    assert_eq!(status, 413, "{value}");

    // A presence of a size that real ones may have, and one that wants to do harm.
    let mut evil = alice()
        .custom("🦀", "</script><b>\u{202e}")
        .kv("k", "\u{1b}[2J")
        .kv("large", &"y".repeat(30 << 10))
        .object();
    evil.insert("more".to_owned(), json!([[[]]]));
    let value = tried(&api, json!({"person": "alice", "before": "offline", "after": evil})).await;
    let answer = value.to_string();
    assert!(value["rules"].as_array().unwrap().iter().any(|rule| rule["rings"] == true), "{answer}");
    assert!(api.bot.stop().await.success(), "{}", api.home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_is_told_when_to_look_at_deliveries_and_at_how_it_is() {
    let api = Api::new().await;
    let shape = |name: &str| api.document["components"]["schemas"][name].clone();
    let (_, mut follower) = Follower::open(api.at, "?person=alice", "").await;
    let told = follower.until("deliveries", |_| true).await;
    must_fit(&api.document, &shape("Owed"), &told);
    let (_, mut other) = Follower::open(api.at, "?rule=kv", "").await;
    let told = other.until("status", |_| true).await;
    must_fit(&api.document, &shape("Status"), &told);
    assert_eq!(
        (&told["parts"]["ready"], &told["targets"]["slow"]["state"]),
        (&true.into(), &"untried".into())
    );

    // What is put off, what a target makes of it, and what has arrived.
    api.home.lanyard.set(&alice().kv("slow", "1"));
    let owed = follower.until("deliveries", |told| told["pending"]["slow"].is_u64()).await;
    must_fit(&api.document, &shape("Owed"), &owed);
    assert_eq!(owed["pending"]["slow"], 1);
    let failing = other.until("status", |told| told["targets"]["slow"]["state"] == "failing").await;
    assert_eq!(failing["targets"]["slow"]["why"], "HTTP 503");
    let listed = api.get("/deliveries?target=slow").await;
    let number = &listed["deliveries"][0]["number"];
    assert_eq!(api.request("POST", &format!("/deliveries/{number}/drop")).await.0, 200);
    follower.until("deliveries", |told| told["pending"] == serde_json::json!({})).await;

    // Other rules, and rules that are not taken.
    let rules = std::fs::read_to_string(api.home.path("rules.yaml")).unwrap();
    std::fs::write(api.home.path("rules.yaml"), rules.replace("id: lonely", "id: alone")).unwrap();
    other.until("status", |told| told["parts"]["rules"]["state"] == "loaded").await;
    std::fs::write(api.home.path("rules.yaml"), "rules: [").unwrap();
    let refused = other.until("status", |told| told["parts"]["rules"]["state"] == "older").await;
    must_fit(&api.document, &shape("Status"), &refused);

    // However much moves, there are few of them, and every change is told.
    let (head, mut all) = Follower::open(api.at, "", "").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for n in 0..60 {
        api.home.lanyard.set(&alice().kv("k", &n.to_string()));
    }
    let (mut changes, mut moves) = (0, 0);
    let clock = Clock::start();
    loop {
        let (name, _, data) = all.any().await;
        moves += usize::from(name == "deliveries");
        changes += usize::from(name == "change");
        if data["to"] == "59" {
            break;
        }
    }
    assert!(changes > 0 && moves <= 2 + clock.now().mono.as_secs() as usize, "{moves} of {changes}");
    assert!(api.bot.stop().await.success(), "{}", api.home.log());
}
