//! The client against the simulated server, over real sockets.

use std::time::Duration;

use doorchime::clock::Clock;
use doorchime::lanyard::observation::Observation;
use doorchime::lanyard::rest::{Lookup, Rest};
use doorchime::lanyard::settings::{LanyardSettings, Subscribe};
use doorchime::lanyard::socket::Client;
use doorchime::presence::model::UserId;
use doorchime::presence::writing::PresenceJson;
use doorchime::simulator::server::{Mood, Simulator};
use doorchime::time::Moment;

pub const ALICE: UserId = UserId(94_490_510_688_792_576);
const BOB: UserId = UserId(156_114_103_033_790_464);
const CAROL: UserId = UserId(268_473_310_986_240_001);

/// A client, and what it said so far, a line each.
pub struct Watcher {
    pub client: Client,
    clock: Clock,
    /// Time that has only passed for the client.
    skew: Duration,
    heard: Vec<String>,
}

impl Watcher {
    pub fn new(settings: &LanyardSettings, people: &[UserId], everyone: bool) -> Self {
        let tls = doorchime::tls::client_config(None).unwrap();
        Self::of(Client::new(settings, tls, 7).unwrap(), people, everyone)
    }

    pub fn of(mut client: Client, people: &[UserId], everyone: bool) -> Self {
        let clock = Clock::start();
        client.want(clock.now(), people.iter().copied(), everyone);
        Self { client, clock, skew: Duration::ZERO, heard: Vec::new() }
    }

    /// Drives the client until its lines, taken together, pass.
    pub async fn until(&mut self, what: &str, passes: impl Fn(&Self) -> bool) {
        let done = async {
            while !passes(self) {
                let tick = tokio::time::sleep(Duration::from_millis(20));
                let now = self.now();
                tokio::select! {
                    () = self.client.ready(now, true) => {}
                    () = tick => {}
                }
                let (now, heard) = (self.now(), &mut self.heard);
                self.client.take(now, &mut |seen| heard.push(told(&seen)));
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), done).await;
        assert!(in_time.is_ok(), "waited in vain for {what}; heard {:#?}", self.heard);
    }

    /// Takes what comes until nothing has come for a moment.
    async fn until_quiet(&mut self) {
        loop {
            let now = self.now();
            let waited = tokio::time::timeout(Duration::from_millis(5), self.client.ready(now, true)).await;
            let (now, heard) = (self.now(), &mut self.heard);
            self.client.take(now, &mut |seen| heard.push(told(&seen)));
            if waited.is_err() {
                return;
            }
        }
    }

    fn now(&self) -> Moment {
        self.clock.now().plus(self.skew)
    }

    pub async fn until_heard(&mut self, line: &str) {
        self.until(line, |watcher| watcher.heard.iter().any(|heard| heard == line)).await;
    }

    fn take_heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.heard)
    }
}

fn told(seen: &Observation<'_>) -> String {
    match seen {
        Observation::Connected => "connected".to_owned(),
        Observation::Disconnected => "disconnected".to_owned(),
        Observation::Seen(id, presence) => format!("seen {id} {}", presence.status.word()),
        Observation::Updated(id, presence) => format!("updated {id} {}", presence.status.word()),
        Observation::SnapshotEnd { absent } => {
            let absent: Vec<String> = absent.iter().map(ToString::to_string).collect();
            format!("end, absent: {}", absent.join(" "))
        }
        Observation::Unmonitored(id) => format!("unmonitored {id}"),
    }
}

pub async fn simulator() -> Simulator {
    Simulator::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

pub fn settings(simulator: &Simulator) -> LanyardSettings {
    LanyardSettings { url: simulator.url(), ..LanyardSettings::default() }
}

pub fn online(id: UserId) -> PresenceJson {
    PresenceJson::new(id).status("online")
}

#[tokio::test]
async fn the_same_story_in_text_and_in_zlib() {
    for (compression, mood) in [
        (true, Mood::default()),
        (false, Mood::default()),
        (true, Mood { t_first: true, documented: true, ..Mood::default() }),
    ] {
        let simulator = simulator().await;
        simulator.set_mood(mood);
        simulator.set(&online(ALICE));
        let settings = LanyardSettings { compression, ..settings(&simulator) };
        let mut watcher = Watcher::new(&settings, &[ALICE, BOB], false);
        watcher.until_heard(&format!("end, absent: {BOB}")).await;
        simulator.set(&online(ALICE).status("dnd"));
        simulator.set(&online(CAROL));
        simulator.set(&online(ALICE).status("offline"));
        watcher.until_heard(&format!("updated {ALICE} offline")).await;
        let expected = [
            "connected".to_owned(),
            format!("seen {ALICE} online"),
            format!("end, absent: {BOB}"),
            format!("updated {ALICE} dnd"),
            format!("updated {ALICE} offline"),
        ];
        assert_eq!(watcher.take_heard(), expected, "compression {compression}");
        let counts = watcher.client.counts();
        assert_eq!((counts.updates, counts.people, counts.snapshots, counts.garbage), (2, 1, 1, 0));
        assert!(counts.bytes > 500, "{counts:?}");
    }
}

#[tokio::test]
async fn each_form_of_subscription() {
    for (subscribe, everyone, asked, expected) in [
        (Subscribe::Auto, false, "subscribe_to_ids", 1),
        (Subscribe::Ids, true, "subscribe_to_ids", 1),
        (Subscribe::Id, false, "subscribe_to_id", 2),
        (Subscribe::All, false, "subscribe_to_all", 1),
        (Subscribe::Auto, true, "subscribe_to_all", 1),
    ] {
        let simulator = simulator().await;
        simulator.set(&online(ALICE));
        simulator.set(&online(CAROL).status("idle"));
        let settings = LanyardSettings { subscribe, ..settings(&simulator) };
        let mut watcher = Watcher::new(&settings, &[ALICE, BOB], everyone);
        watcher.until_heard(&format!("end, absent: {BOB}")).await;
        let heard = watcher.take_heard();
        assert!(heard.contains(&format!("seen {ALICE} online")), "{subscribe:?} {heard:?}");
        let sees_carol = subscribe == Subscribe::Auto && everyone;
        assert_eq!(heard.contains(&format!("seen {CAROL} idle")), sees_carol, "{subscribe:?} {heard:?}");
        let sent = simulator.received();
        assert_eq!(sent.len(), expected, "{sent:?}");
        assert!(sent.iter().all(|(_, text)| text.contains(asked)), "{sent:?}");
        if everyone && subscribe == Subscribe::Auto {
            simulator.set(&online(CAROL));
            watcher.until_heard(&format!("updated {CAROL} online")).await;
        }
    }
}

#[tokio::test]
async fn people_come_and_go_on_the_live_connection() {
    let simulator = simulator().await;
    for id in [ALICE, BOB] {
        simulator.set(&online(id));
    }
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard(&format!("seen {ALICE} online")).await;
    watcher.client.want(watcher.clock.now(), [BOB], false);
    watcher.until_heard(&format!("seen {BOB} online")).await;
    watcher.until("op 4", |_| simulator.received().iter().any(|(_, text)| text.contains("\"op\":4"))).await;
    watcher.take_heard();
    simulator.set(&online(ALICE).status("idle"));
    simulator.set(&online(BOB).status("idle"));
    watcher.until_heard(&format!("updated {BOB} idle")).await;
    assert_eq!(watcher.take_heard(), [format!("updated {BOB} idle")]);
    assert_eq!((simulator.connections(), simulator.connects()), (1, 1));
}

#[tokio::test]
async fn garbage_is_counted_and_survived() {
    let simulator = simulator().await;
    simulator.set(&online(ALICE));
    let settings = LanyardSettings { inflated_bytes_max: 1 << 20, ..settings(&simulator) };
    let mut watcher = Watcher::new(&settings, &[ALICE], false);
    watcher.until_heard(&format!("seen {ALICE} online")).await;
    simulator.send_text("not json");
    simulator.send_text(r#"{"op":0,"t":"PRESENCE_UPDATE","d":{}}"#);
    simulator.send_binary(b"no zlib");
    simulator.send_binary(&[]);
    simulator.send_bomb(30 << 20);
    simulator.send_frame(r#"{"op":77,"d":{}}"#);
    simulator.send_frame(r#"{"op":0,"t":"NEWS","d":{"a":1}}"#);
    simulator.send_frame(&format!(r#"{{"op":0,"d":{{"{BOB}":null,"{ALICE}":{{"discord_status":"idle"}},"x":{{"a":1}}}},"t":"INIT_STATE"}}"#));
    simulator.set(&online(ALICE).status("dnd"));
    watcher.until_heard(&format!("updated {ALICE} dnd")).await;
    let counts = watcher.client.counts();
    assert_eq!(
        (counts.garbage, counts.oversized, counts.unknown, counts.broken_people),
        (4, 1, 2, 2),
        "{counts:?}"
    );
    assert!(watcher.heard.contains(&format!("seen {ALICE} idle")));
    assert_eq!(simulator.connects(), 1);
}

#[tokio::test]
async fn comes_back_from_every_kind_of_end() {
    type End = fn(&Simulator);
    let ends: [(&str, End); 6] = [
        ("1000", |simulator| simulator.close_all(1000, "")),
        ("1011", |simulator| simulator.close_all(1011, "boom")),
        ("1012", |simulator| simulator.close_all(1012, "")),
        ("eof", Simulator::drop_all),
        ("mid-frame", Simulator::cut_all_mid_frame),
        ("restart with an empty table", |simulator| {
            simulator.forget_everyone();
            simulator.close_all(1000, "");
        }),
    ];
    for (name, end) in ends {
        let simulator = simulator().await;
        simulator.set(&online(ALICE));
        let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
        watcher.until_heard(&format!("seen {ALICE} online")).await;
        watcher.take_heard();
        end(&simulator);
        watcher.until_heard("disconnected").await;
        assert!(!watcher.client.live() && watcher.client.trouble().is_some(), "{name}");
        watcher.until_heard("connected").await;
        assert!(watcher.client.live() && watcher.client.trouble().is_none(), "{name}");
        assert_eq!(watcher.client.counts().losses, 1, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_answered_with_haste() {
    let simulator = simulator().await;
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard("connected").await;
    simulator.close_all(4004, "unknown_opcode");
    watcher.until_heard("disconnected").await;
    assert!(watcher.client.trouble().unwrap().contains("4004"));
    assert_eq!(watcher.client.counts().refusals, 1);
    tokio::time::timeout(Duration::from_millis(2500), watcher.until("nothing", |_| false)).await.unwrap_err();
    assert_eq!(simulator.connects(), 1);
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection_and_is_named() {
    let simulator = simulator().await;
    let settings = LanyardSettings { frame_bytes_max: 4096, ..settings(&simulator) };
    let mut watcher = Watcher::new(&settings, &[ALICE], false);
    watcher.until_heard("connected").await;
    simulator.send_text(&" ".repeat(5000));
    watcher.until_heard("disconnected").await;
    assert!(watcher.client.trouble().unwrap().contains("frame_bytes_max"));
    assert_eq!(watcher.client.counts().oversized, 1);
}

#[tokio::test]
async fn unread_frames_wait_while_heartbeats_go_on() {
    let simulator = simulator().await;
    simulator.set_mood(Mood { heartbeat_interval_ms: 1000, ..Mood::default() });
    simulator.set(&online(ALICE));
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard("end, absent: ").await;
    watcher.take_heard();
    simulator.set(&online(ALICE).status("dnd"));
    let beats = |simulator: &Simulator| {
        simulator.received().iter().filter(|(_, text)| text.contains("\"op\":3")).count()
    };
    let unread = async {
        while beats(&simulator) < 2 {
            tokio::select! {
                () = watcher.client.ready(watcher.clock.now(), false) => {
                    let heard = &mut watcher.heard;
                    watcher.client.take(watcher.clock.now(), &mut |seen| heard.push(told(&seen)));
                }
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), unread).await.unwrap();
    assert_eq!(watcher.take_heard(), [""; 0]);
    watcher.until_heard(&format!("updated {ALICE} dnd")).await;
}

#[tokio::test]
async fn a_flood_is_taken_whole_and_in_order() {
    let simulator = simulator().await;
    simulator.set(&online(ALICE));
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard(&format!("seen {ALICE} online")).await;
    watcher.take_heard();
    for turn in 0..5_000 {
        simulator.set(&online(ALICE).status(if turn % 2 == 0 { "idle" } else { "dnd" }));
    }
    watcher.until("5,000 updates", |watcher| watcher.heard.len() == 5_000).await;
    let expected: Vec<String> = (0..5_000)
        .map(|turn| format!("updated {ALICE} {}", if turn % 2 == 0 { "idle" } else { "dnd" }))
        .collect();
    assert_eq!(watcher.take_heard(), expected);
}

#[tokio::test]
async fn leaves_in_good_order() {
    let simulator = simulator().await;
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard("connected").await;
    watcher.client.close(watcher.clock.now()).await;
    for _ in 0..200 {
        if simulator.connections() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server still holds the connection");
}

#[tokio::test]
async fn rest_knows_who_is_monitored() {
    let simulator = simulator().await;
    simulator.set(&online(ALICE));
    let rest = Rest::new(&settings(&simulator), doorchime::tls::client_config(None).unwrap()).unwrap();
    assert_eq!(rest.user(ALICE).await, Lookup::Monitored(online(ALICE).json().into()));
    assert_eq!(rest.user(BOB).await, Lookup::NotMonitored);
    let about = rest.about().await.unwrap();
    assert_eq!(
        (about.monitored_users, about.invite.as_deref()),
        (Some(1), Some("https://discord.gg/lanyard"))
    );
}

#[tokio::test]
async fn a_quiet_connection_is_pinged_and_a_dead_one_is_noticed() {
    let simulator = simulator().await;
    simulator.set(&online(ALICE));
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard("connected").await;
    // Quiet but alive: each Ping has its Pong.
    for pings in 1..=4 {
        watcher.skew += Duration::from_secs(21);
        watcher.until("a Ping", |watcher| watcher.client.counts().pings == pings).await;
        let bytes = watcher.client.counts().bytes;
        watcher.until("its Pong", |watcher| watcher.client.counts().bytes > bytes).await;
    }
    assert_eq!(watcher.client.counts().losses, 0);

    simulator.stall_all();
    watcher.skew += Duration::from_secs(21);
    watcher.until("a Ping", |watcher| watcher.client.counts().pings == 5).await;
    watcher.skew += Duration::from_secs(21);
    watcher.until_heard("disconnected").await;
    assert!(watcher.client.trouble().unwrap().contains("not even a Pong"));
    watcher.take_heard();
    watcher.until_heard("connected").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    for (mood, seconds, why) in [
        (Mood { mute: true, ..Mood::default() }, 16, "no Hello"),
        (Mood { hangs: true, ..Mood::default() }, 91, "no INIT_STATE"),
    ] {
        let simulator = simulator().await;
        simulator.set_mood(mood);
        let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
        watcher.until("the connection", |watcher| watcher.client.counts().connects == 1).await;
        if mood.hangs {
            watcher.until("op 2", |_| !simulator.received().is_empty()).await;
        }
        // In steps, so that Pings have their Pongs.
        for _ in 0..seconds {
            watcher.skew += Duration::from_secs(1);
            watcher.until_quiet().await;
        }
        watcher.until("the loss", |watcher| watcher.client.counts().losses == 1).await;
        assert!(watcher.client.trouble().unwrap().contains(why), "{:?}", watcher.client.trouble());
        assert_eq!(watcher.take_heard(), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_doubles_updates_is_borne() {
    let simulator = simulator().await;
    simulator.set_mood(Mood { old: true, ..Mood::default() });
    simulator.set(&online(ALICE));
    let settings = LanyardSettings { resync: Duration::from_millis(200), ..settings(&simulator) };
    let mut watcher = Watcher::new(&settings, &[ALICE], false);
    let ends = |watcher: &Watcher| watcher.heard.iter().filter(|heard| heard.starts_with("end")).count();
    watcher.until("a second answer", |watcher| ends(watcher) == 2).await;
    simulator.set(&online(ALICE).status("idle"));
    let idles = |watcher: &Watcher| watcher.heard.iter().filter(|heard| heard.ends_with("idle")).count();
    watcher.until("the update twice", |watcher| idles(watcher) >= 2).await;
}

#[tokio::test]
async fn a_heartbeat_due_while_nothing_is_read_goes_out_at_once() {
    let simulator = simulator().await;
    simulator.set(&online(ALICE));
    let mut watcher = Watcher::new(&settings(&simulator), &[ALICE], false);
    watcher.until_heard(&format!("seen {ALICE} online")).await;
    watcher.until_quiet().await;
    watcher.skew += Duration::from_secs(31);
    let now = watcher.now();
    tokio::time::timeout(Duration::from_secs(5), watcher.client.ready(now, false)).await.unwrap();
    watcher.client.take(now, &mut |_| {});
    assert_eq!(watcher.client.counts().heartbeats, 1);
}
