//! Five invented people and twenty seconds of their lives, for `demo`: the same ones each time.

use std::time::Duration;

use super::presence_json::PresenceJson;
use crate::presence::model::UserId;

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
    let erik = erik.status("idle").on(&["mobile"]);
    vec![alice, bob.kv("scene", "day"), carol, dora, erik]
}

/// The play, in order of time.
pub fn scenes(cast: &[Actor; 5], began_ms: i64) -> Vec<Scene> {
    let mut play = Play { began_ms, scenes: Vec::new() };
    let [alice, bob, carol, dora, erik] = cast;

    let day = |presence: PresenceJson| presence.kv("scene", "day");
    let song = |presence: PresenceJson| presence.listening("Weird Fishes", "Radiohead", "In Rainbows");
    play.add(1_000, alice, "comes online on the desktop", |p| p.status("online"));
    play.add(2_200, bob, "comes online on the phone", |p| day(p.status("online").on(&["mobile"])));
    play.add(3_000, carol, "hears the next song", |p| {
        p.status("online").listening("Angel", "Massive Attack", "Mezzanine")
    });
    play.add(4_000, alice, "starts Factorio", |p| p.playing_at("Factorio", "Nauvis", "First steps"));
    play.add(4_400, alice, "is sent again, unchanged", |p| p.playing_at("Factorio", "Nauvis", "First steps"));
    play.add(5_200, dora, "comes online, and so the squad is complete", |p| p.status("online"));
    play.add(6_200, bob, "sits down at the desktop, too", |p| {
        day(p.status("online").on(&["desktop", "mobile"]))
    });
    play.add(7_000, dora, "sets a custom status", |p| p.status("online").custom("☕", "back in five"));
    play.add(8_000, carol, "changes the track", |p| song(p.status("online")).custom("🎧", "on repeat"));
    play.add(8_300, carol, "is sent again, in another order", |p| song(p.custom("🎧", "on repeat")));
    play.add(9_200, alice, "gets on in Factorio", |p| p.playing_at("Factorio", "Nauvis", "Rocket silo"));
    play.add(10_000, erik, "is not to be disturbed", |p| p.status("dnd").on(&["desktop"]));
    play.add(11_000, bob, "writes scene=movie to Lanyard's KV", |p| {
        p.status("online").on(&["desktop", "mobile"]).kv("scene", "movie")
    });
    play.add(12_000, erik, "goes live", |p| {
        p.status("dnd").on(&["desktop"]).streaming("Speedrun, any%", "https://twitch.tv/erik_runs")
    });
    play.add(13_000, bob, "starts Factorio", |p| {
        p.on(&["desktop", "mobile"]).playing_at("Factorio", "Nauvis", "Multiplayer").kv("scene", "movie")
    });
    play.add(14_000, dora, "hears something on Tidal", |p| {
        p.status("online").custom("☕", "back in five").listening_on("Tidal", "Windowlicker", "Aphex Twin")
    });
    play.add(15_000, carol, "stops the music", |p| p.status("online"));
    play.add(16_000, alice, "puts Factorio away", |p| p.status("online"));
    play.add(17_000, dora, "clears the custom status", |p| p.status("online"));
    play.add(17_800, erik, "ends the stream", |p| p.status("online").on(&["desktop"]));
    play.add(18_600, alice, "goes offline", |p| p.status("offline"));
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
            assert_eq!(changes.is_empty(), what.contains("again"), "{what}: {changes:?}");
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
