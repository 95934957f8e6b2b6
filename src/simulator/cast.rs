//! Five invented people and twenty seconds of their lives, for `demo`: the same ones each time.

use std::time::Duration;

use crate::presence::model::UserId;
use crate::presence::writing::PresenceJson;

/// Somebody in the play. The parts go by place: the first is the one who games, listens and sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub id: UserId,
    pub name: String,
}

/// Something that somebody does.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Since the play began.
    pub at: Duration,
    pub who: UserId,
    /// In words, without the name: "comes online on the desktop".
    pub what: String,
    pub presence: PresenceJson,
}

/// The play, and then the pause before it may begin again.
pub const LENGTH: Duration = Duration::from_secs(20);

/// The five whom `rules.example.yaml` names.
pub fn usual_cast() -> [Actor; 5] {
    [
        (94_490_510_688_792_576, "Alice"),
        (156_114_103_033_790_464, "Bob"),
        (268_473_310_986_240_001, "Carol"),
        (819_287_687_121_993_768, "Dora"),
        (175_928_847_299_117_063, "Erik"),
    ]
    .map(|(id, name)| Actor { id: UserId(id), name: name.to_owned() })
}

/// How everybody is before the play: what Lanyard tells at first.
pub fn opening(cast: &[Actor; 5], began_ms: i64) -> Vec<PresenceJson> {
    let [alice, bob, carol, dora, erik] = cast.each_ref().map(|actor| offstage(actor, began_ms));
    let carol = carol.status("online").listening("Teardrop", "Massive Attack", "Mezzanine");
    vec![alice.kv("scene", "day"), bob, carol, dora, erik.status("idle")]
}

/// The play, in order of time. It gives each rule of `rules.example.yaml` something to ring for, and some of
/// them something not to ring for.
pub fn scenes(cast: &[Actor; 5], began_ms: i64) -> Vec<Scene> {
    let mut play = Play { began_ms, scenes: Vec::new() };
    let [alice, bob, carol, dora, erik] = cast;

    let day = |p: PresenceJson| p.kv("scene", "day");
    let factory = |p: PresenceJson, state: &str| p.playing_at("Factorio", "Nauvis", state);
    let on_phone = |p: PresenceJson| p.status("online").on(&["mobile"]);
    let with_phone = |p: PresenceJson| p.status("online").on(&["desktop", "mobile"]);
    let calling = |p: PresenceJson| p.status("dnd").custom("📞", "in a call");
    play.add(1_000, alice, "comes online on the desktop", |p| day(p.status("online")));
    play.add(1_800, bob, "comes online on the phone", on_phone);
    play.add(2_600, alice, "starts Factorio", |p| day(factory(p, "First steps")));
    play.add(3_200, alice, "is sent again, unchanged", |p| day(factory(p, "First steps")));
    play.add(4_000, dora, "comes online on the phone", on_phone);
    play.add(4_800, dora, "plays a song on the phone", |p| {
        on_phone(p).listening("Windowlicker", "Aphex Twin", "Windowlicker")
    });
    play.add(5_600, bob, "sits down at the desktop, too", with_phone);
    play.add(6_400, bob, "starts Factorio, with the phone in hand", |p| {
        factory(with_phone(p), "Multiplayer")
    });
    play.add(7_200, erik, "starts Counter-Strike 2", |p| {
        p.status("idle").playing_at("Counter-Strike 2", "Competitive", "In the lobby")
    });
    play.add(8_000, dora, "hears the next song", |p| on_phone(p).listening("Roads", "Portishead", "Dummy"));
    play.add(8_800, bob, "loses the connection", |p| p.status("offline"));
    play.add(9_600, bob, "is back: nothing has happened", |p| factory(with_phone(p), "Multiplayer"));
    play.add(10_400, dora, "hears the first song once more", |p| {
        on_phone(p).listening("Windowlicker", "Aphex Twin", "Windowlicker")
    });
    play.add(11_200, carol, "sets a custom status", |p| p.status("online").custom("📞", "in a call"));
    play.add(12_000, carol, "is not to be disturbed", calling);
    play.add(12_800, alice, "sets the scene in Lanyard's KV", |p| {
        factory(p, "First steps").kv("scene", "movie")
    });
    play.add(13_600, alice, "gets on in Factorio", |p| factory(p, "Rocket silo").kv("scene", "movie"));
    play.add(14_400, erik, "goes live", |p| {
        p.status("idle")
            .playing_at("Counter-Strike 2", "Competitive", "In the lobby")
            .streaming("Ranked, no mercy", "https://twitch.tv/erik_plays")
    });
    play.add(15_200, dora, "hears something on Tidal", |p| {
        on_phone(p).listening_on("Tidal", "Hyperballad", "Björk")
    });
    play.add(16_000, carol, "writes \"<!channel> @everyone\" as custom status", |p| {
        p.status("dnd").custom("", "<!channel> @everyone")
    });
    play.add(16_800, erik, "ends the stream, but plays on", |p| {
        p.status("idle").playing_at("Counter-Strike 2", "Competitive", "In the lobby")
    });
    play.add(17_600, alice, "puts Factorio away (told when it stays so for 10 s)", |p| {
        p.status("online").kv("scene", "movie")
    });
    play.add(18_400, alice, "goes offline (told when it stays so for 60 s)", |p| {
        p.status("offline").kv("scene", "movie")
    });
    play.scenes
}

struct Play {
    began_ms: i64,
    scenes: Vec<Scene>,
}

impl Play {
    fn add(
        &mut self,
        at_ms: u32,
        actor: &Actor,
        what: &str,
        does: impl FnOnce(PresenceJson) -> PresenceJson,
    ) {
        let presence = does(offstage(actor, self.began_ms + i64::from(at_ms)));
        let at = Duration::from_millis(at_ms.into());
        self.scenes.push(Scene { at, who: actor.id, what: what.to_owned(), presence });
    }
}

fn offstage(actor: &Actor, at_ms: i64) -> PresenceJson {
    PresenceJson::new(actor.id).named(&actor.name).at(at_ms)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;
    use crate::presence::change::diff;
    use crate::presence::model::Presence;

    /// What the play says, as the changes that rules know.
    fn told() -> Vec<(String, Vec<&'static str>)> {
        let cast = usual_cast();
        let mut now: HashMap<UserId, String> =
            opening(&cast, 0).into_iter().map(|presence| (presence.id(), presence.json())).collect();
        let mut told = Vec::new();
        for scene in scenes(&cast, 0) {
            let after = scene.presence.json();
            let before = now.insert(scene.who, after.clone()).unwrap();
            let mut changes = Vec::new();
            let read = |json| Presence::parse(json, None).unwrap().1;
            diff(&read(&before), &read(&after), &mut changes);
            told.push((scene.what, changes.iter().map(|change| change.kind.name()).collect()));
        }
        told
    }

    #[test]
    fn every_scene_changes_something_but_the_repeated_ones() {
        for (what, changes) in told() {
            assert_eq!(changes.is_empty(), what.contains("unchanged"), "{what}: {changes:?}");
        }
    }

    #[test]
    fn the_play_shows_most_kinds_of_change() {
        let kinds: BTreeSet<&str> = told().into_iter().flat_map(|(_, changes)| changes).collect();
        for kind in [
            "went_online",
            "went_offline",
            "changed_status",
            "joined_platform",
            "left_platform",
            "changed_track",
            "started_listening",
            "stopped_listening",
            "started_playing",
            "stopped_playing",
            "started_streaming",
            "stopped_streaming",
            "started_activity",
            "changed_activity",
            "stopped_activity",
            "changed_custom_status",
            "changed_kv",
        ] {
            assert!(kinds.contains(kind), "{kind} is missing in {kinds:?}");
        }
    }

    #[test]
    fn scenes_are_in_order_and_within_the_length() {
        let scenes = scenes(&usual_cast(), 0);
        assert!(scenes.is_sorted_by_key(|scene| scene.at));
        assert!(scenes.last().unwrap().at < LENGTH);
    }
}
