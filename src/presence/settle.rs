//! Smoothing: going up is immediate, coming down is held.
//!
//! A blip of the network, the gap between two songs, a game that restarts: if the thing comes back within its
//! hold, nothing happened at all. What rules see is the presence as observed, with what is held put back.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{Activity, ActivityType, Platform, Presence, UserId};
use crate::time::Moment;

/// How long a thing must be gone before it counts as gone. Zero: at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smoothing {
    /// The whole person, and each platform.
    pub offline: Duration,
    pub listening: Duration,
    pub activity: Duration,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self {
            offline: Duration::from_secs(60),
            listening: Duration::from_secs(15),
            activity: Duration::from_secs(10),
        }
    }
}

impl Smoothing {
    pub const NONE: Self =
        Self { offline: Duration::ZERO, listening: Duration::ZERO, activity: Duration::ZERO };

    pub fn longest(self) -> Duration {
        self.offline.max(self.listening).max(self.activity)
    }

    fn of_activity(self, kind: ActivityType) -> Duration {
        if kind == ActivityType::Listening { self.listening } else { self.activity }
    }
}

/// Something that has gone and may come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub what: Held,
    /// The presence it was last seen in.
    pub raw: Arc<str>,
    /// Monotonic time at which it counts as gone.
    pub until: Duration,
    /// Wall time at which it was gone.
    pub gone_ms: i64,
    /// How long we had been away when we found it gone.
    pub late_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The person went offline: everything that shows is held.
    Everything,
    Platform(String),
    Track,
    /// By what makes it the same activity: its type's word, and application or name.
    Activity(String, String),
}

/// The holds that follow when `seen` is observed after `shown` (which has `held` put back) was.
/// `last_raw` is the presence observed before, where what is missing now was last seen.
pub fn holds_after(
    now: Moment,
    held: &[Hold],
    shown: &Presence<'_>,
    last_raw: &str,
    seen: &Presence<'_>,
    smoothing: Smoothing,
    late_ms: Option<i64>,
) -> Vec<Hold> {
    let mut keeper = Keeper { now, held, last_raw, late_ms, shared: None, holds: Vec::new() };
    if !seen.online() {
        // What was missing before the person went keeps its own deadline; the rest hangs on this one.
        if shown.online() {
            keeper.keep(Held::Everything, smoothing.offline);
            if !keeper.holds.is_empty() {
                keeper.holds.extend(held.iter().filter(|hold| hold.what != Held::Everything).cloned());
            }
        }
        return keeper.holds;
    }
    for platform in shown.platforms.iter().filter(|&platform| !seen.platforms.has(platform)) {
        keeper.keep(Held::Platform(platform.word().to_owned()), smoothing.offline);
    }
    if shown.track.is_some() && seen.track.is_none() {
        keeper.keep(Held::Track, smoothing.listening);
    }
    for activity in shown.activities.iter().filter(|activity| activity.kind != ActivityType::Custom) {
        if seen.activities.iter().all(|other| other.identity() != activity.identity()) {
            keeper.keep(held_activity(activity), smoothing.of_activity(activity.kind));
        }
    }
    keeper.holds
}

/// Whether anything of `before` is missing in `after` that smoothing would hold: the cheap question that
/// most updates answer with no.
pub fn anything_gone(before: &Presence<'_>, after: &Presence<'_>) -> bool {
    (before.online() && !after.online())
        || before.platforms.iter().any(|platform| !after.platforms.has(platform))
        || (before.track.is_some() && after.track.is_none())
        || before
            .activities
            .iter()
            .filter(|activity| activity.kind != ActivityType::Custom)
            .any(|activity| after.activities.iter().all(|other| other.identity() != activity.identity()))
}

/// Puts what is held back into what was observed.
pub fn put_back<'a>(id: UserId, seen: Presence<'a>, holds: &'a [Hold]) -> Presence<'a> {
    let past = |hold: &'a Hold| Presence::parse(&hold.raw, Some(id)).ok().map(|(_, presence)| presence);
    let mut shown = seen;
    for hold in holds.iter().filter(|hold| hold.what == Held::Everything) {
        if let Some(before) = past(hold) {
            // Profile and KV show through: they are told while a person is offline, too.
            shown = Presence { user: shown.user, kv: shown.kv, raw: shown.raw, ..before };
        }
    }
    for hold in holds {
        match &hold.what {
            Held::Everything => {}
            Held::Platform(word) => {
                for platform in Platform::ALL.into_iter().filter(|platform| platform.word() == word) {
                    shown.platforms.set(platform, true);
                }
            }
            Held::Track => shown.track = shown.track.or_else(|| past(hold)?.track),
            Held::Activity(..) => {
                let before = past(hold).map(|presence| presence.activities).unwrap_or_default();
                let gone = before.into_iter().filter(|activity| held_activity(activity) == hold.what);
                shown.activities.extend(gone.map(|activity| Activity { held: true, ..activity }));
            }
        }
    }
    shown.sort_activities();
    shown
}

fn held_activity(activity: &Activity<'_>) -> Held {
    let (kind, who) = activity.identity();
    Held::Activity(kind.word().to_owned(), who.to_owned())
}

struct Keeper<'k> {
    now: Moment,
    held: &'k [Hold],
    last_raw: &'k str,
    late_ms: Option<i64>,
    /// `last_raw`, copied once for all holds that begin now.
    shared: Option<Arc<str>>,
    holds: Vec<Hold>,
}

impl Keeper<'_> {
    /// Goes on with a hold that runs, or begins one.
    fn keep(&mut self, what: Held, hold_for: Duration) {
        if self.holds.iter().any(|hold| hold.what == what) {
            return;
        }
        if let Some(running) = self.held.iter().find(|hold| hold.what == what) {
            self.holds.push(running.clone());
        } else if !hold_for.is_zero() {
            let raw = Arc::clone(self.shared.get_or_insert_with(|| self.last_raw.into()));
            let until = self.now.mono.saturating_add(hold_for);
            let (gone_ms, late_ms) = (self.now.wall_ms, self.late_ms);
            self.holds.push(Hold { what, raw, until, gone_ms, late_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::change::diff;

    /// Plays observations at seconds and tells the changes that rules would see, with the second of each.
    fn play(smoothing: Smoothing, steps: &[(u64, &str)], until: u64) -> Vec<String> {
        let whole = |part: &str| format!(r#"{{"discord_user":{{"id":"7"}},{part}"x":0}}"#);
        let mut raw = whole(steps[0].1);
        let mut holds: Vec<Hold> = Vec::new();
        let mut told = Vec::new();
        for second in 0..=until {
            let now = Moment { mono: Duration::from_secs(second), wall_ms: 0 };
            let mut next = (raw.clone(), holds.clone());
            next.1.retain(|hold| hold.until > now.mono);
            let at_this_second = steps[1..].iter().filter(|(at, _)| *at == second);
            for (new_raw, new_holds) in std::iter::once(None)
                .chain(at_this_second.map(|(_, part)| Some(whole(part))))
                .scan(next, |state, part| {
                    if let Some(part) = part {
                        let seen = Presence::parse(&part, None).unwrap().1;
                        let last = Presence::parse(&state.0, None).unwrap().1;
                        let shown = put_back(UserId(7), last, &state.1);
                        let after = holds_after(now, &state.1, &shown, &state.0, &seen, smoothing, None);
                        let calm = state.1.is_empty() && !anything_gone(&shown, &seen);
                        assert!(!calm || after.is_empty(), "the cheap question misses a hold");
                        *state = (part.clone(), after);
                    }
                    Some(state.clone())
                })
            {
                let before = put_back(UserId(7), Presence::parse(&raw, None).unwrap().1, &holds);
                let after = put_back(UserId(7), Presence::parse(&new_raw, None).unwrap().1, &new_holds);
                let mut changes = Vec::new();
                diff(&before, &after, &mut changes);
                told.extend(changes.iter().map(|change| format!("{second} {}", change.kind.name())));
                (raw, holds) = (new_raw.clone(), new_holds.clone());
            }
        }
        told
    }

    const ON: &str = r#""discord_status":"online","active_on_discord_desktop":true,"#;
    const GAME: &str = r#""discord_status":"online","active_on_discord_desktop":true,
        "activities":[{"type":0,"name":"Factorio"}],"#;
    const OTHER_GAME: &str = r#""discord_status":"online","active_on_discord_desktop":true,
        "activities":[{"type":0,"name":"Braid"}],"#;
    const SONG_A: &str =
        r#""discord_status":"online","active_on_discord_desktop":true,"spotify":{"track_id":"a"},"#;
    const SONG_B: &str =
        r#""discord_status":"online","active_on_discord_desktop":true,"spotify":{"track_id":"b"},"#;
    const OFF: &str = "";

    #[test]
    fn what_comes_back_in_time_never_went() {
        for steps in [
            &[(0, ON), (5, OFF), (35, ON)][..],
            &[(0, GAME), (5, OFF), (60, GAME)],
            &[(0, GAME), (5, ON), (14, GAME)],
            &[(0, SONG_A), (5, ON), (19, SONG_A)],
        ] {
            assert_eq!(play(Smoothing::default(), steps, 200), [""; 0], "{steps:?}");
        }
    }

    #[test]
    fn what_stays_away_went_once_its_hold_is_over() {
        let all = Smoothing::default();
        assert_eq!(
            play(all, &[(0, ON), (5, OFF)], 200),
            ["65 went_offline", "65 changed_status", "65 left_platform"]
        );
        assert_eq!(play(all, &[(0, GAME), (5, ON)], 200), ["15 stopped_playing", "15 stopped_activity"]);
        assert_eq!(play(all, &[(0, SONG_A), (5, ON)], 200), ["20 stopped_listening"]);
        assert_eq!(play(all, &[(0, SONG_A), (5, ON), (8, SONG_B)], 200), ["8 changed_track"]);
        assert_eq!(
            play(all, &[(0, GAME), (5, OTHER_GAME)], 200),
            ["5 started_playing", "5 started_activity", "15 stopped_playing", "15 stopped_activity"]
        );
    }

    #[test]
    fn without_smoothing_all_is_told_at_once() {
        let told = play(Smoothing::NONE, &[(0, GAME), (5, OFF), (6, GAME)], 20);
        let expected = [
            "5 went_offline",
            "5 changed_status",
            "5 left_platform",
            "5 stopped_playing",
            "5 stopped_activity",
            "6 went_online",
            "6 changed_status",
            "6 joined_platform",
            "6 started_playing",
            "6 started_activity",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_game_held_goes_with_its_own_deadline_while_its_player_is_held() {
        let told = play(Smoothing::default(), &[(0, GAME), (5, ON), (8, OFF)], 200);
        assert_eq!(
            told,
            [
                "15 stopped_playing",
                "15 stopped_activity",
                "68 went_offline",
                "68 changed_status",
                "68 left_platform"
            ]
        );
    }

    #[test]
    fn the_game_that_goes_on_comes_before_the_one_that_is_held() {
        let raw = r#"{"user_id":"7","discord_status":"online","activities":[{"type":0,"name":"Zelda"}]}"#;
        let hold = Hold {
            what: Held::Activity("playing".into(), "Braid".into()),
            raw: r#"{"user_id":"7","activities":[{"type":0,"name":"Braid"}]}"#.into(),
            until: Duration::from_secs(1),
            gone_ms: 0,
            late_ms: None,
        };
        let holds = [hold];
        let shown = put_back(UserId(7), Presence::parse(raw, None).unwrap().1, &holds);
        assert_eq!(shown.activities.len(), 2);
        assert_eq!(shown.doing(ActivityType::Playing).unwrap().name, "Zelda");
    }
}
