//! Whether what a change has led to still holds: asked of a firing that has waited, for its `for` or its hours.

use crate::presence::change::{Change, ChangeKind, Subject, diff};
use crate::presence::model::{Activity, Presence};
use crate::rules::scope::Changed;

/// Whether nothing of what the change led to is otherwise in `now`. That Lanyard knows a person, or does not,
/// no presence shows: of that it is always true.
pub fn lasts(changed: Changed<'_>, now: &Presence<'_>) -> bool {
    let mut since = Vec::new();
    diff(changed.after, now, &mut since);
    !since.iter().any(|later| undoes(*later, changed, now))
}

/// Whether a later change, from `changed.after` to `now`, is the end of what an earlier one led to.
fn undoes(later: Change, changed: Changed<'_>, now: &Presence<'_>) -> bool {
    use ChangeKind as K;
    let earlier = changed.change;
    match earlier.kind {
        K::WentOnline => later.kind == K::WentOffline,
        K::WentOffline => later.kind == K::WentOnline,
        K::JoinedPlatform => later.kind == K::LeftPlatform && later.from == earlier.to,
        K::LeftPlatform => later.kind == K::JoinedPlatform && later.to == earlier.from,
        K::StartedListening => later.kind == K::StoppedListening,
        K::StoppedListening => later.kind == K::StartedListening,
        K::ChangedTrack => matches!(later.kind, K::ChangedTrack | K::StoppedListening),
        K::ChangedActivity => {
            matches!(later.kind, K::ChangedActivity | K::StoppedActivity) && later.from == earlier.to
        }
        K::ChangedStatus | K::ChangedCustomStatus | K::ChangedProfile => later.kind == earlier.kind,
        K::ChangedKv => {
            later.kind == earlier.kind
                && kv_key(changed) == kv_key(Changed { change: later, before: changed.after, after: now })
        }
        K::BecameMonitored | K::BecameUnmonitored => false,
        // The others are about one activity, which has begun or ended.
        _ => match earlier.to {
            Some(at) => later.kind == K::StoppedActivity && later.from == Some(at),
            None => {
                later.kind == K::StartedActivity
                    && identity(&now.activities, later.to)
                        == identity(&changed.before.activities, earlier.from)
            }
        },
    }
}

/// What a change is about, in words that tell one state of a person from another: of two changes about the
/// same, the later one counts.
pub fn about(changed: Changed<'_>) -> String {
    let Changed { change, before, after } = changed;
    match change.kind.subject() {
        Subject::Status => "status".to_owned(),
        Subject::Platform => format!("platform {}", change.to.or(change.from).unwrap_or_default()),
        Subject::Track => "track".to_owned(),
        Subject::CustomStatus => "custom status".to_owned(),
        Subject::Profile => "profile".to_owned(),
        // Nobody waits for news of our own.
        Subject::Person | Subject::Own => "person".to_owned(),
        Subject::Kv => format!("kv {}", kv_key(changed).unwrap_or_default()),
        Subject::Activity => {
            let of =
                identity(&after.activities, change.to).or_else(|| identity(&before.activities, change.from));
            let (kind, who) = of.unwrap_or_default();
            format!("{kind} {who}")
        }
    }
}

fn identity<'a>(activities: &'a [Activity<'_>], at: Option<u16>) -> Option<(&'static str, &'a str)> {
    let (kind, who) = activities.get(usize::from(at?))?.identity();
    Some((kind.word(), who))
}

fn kv_key(changed: Changed<'_>) -> Option<&str> {
    let Changed { change, before, after } = changed;
    let (kv, at) = match (change.from, change.to) {
        (Some(at), _) => (&before.kv, at),
        (None, at) => (&after.kv, at?),
    };
    kv.get(usize::from(at)).map(|(key, _)| &**key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the changes from one presence to the next that still hold in a third one, and of those that do
    /// not, in brackets.
    fn after(before: &str, after: &str, now: &str) -> String {
        let whole = |part: &str| format!(r#"{{"discord_user":{{"id":"7"}},{part}"x":0}}"#);
        let (before, after, now) = (whole(before), whole(after), whole(now));
        let parse = |raw| Presence::parse(raw, None).unwrap().1;
        let (before, after, now) = (parse(&before), parse(&after), parse(&now));
        let mut changes = Vec::new();
        diff(&before, &after, &mut changes);
        let told = changes.into_iter().map(|change| {
            let name = change.kind.name();
            let lasts = lasts(Changed { change, before: &before, after: &after }, &now);
            if lasts { name.to_owned() } else { format!("({name})") }
        });
        told.collect::<Vec<_>>().join(" ")
    }

    const ON: &str = r#""discord_status":"online","active_on_discord_desktop":true,"#;
    const PHONE: &str = r#""discord_status":"idle","active_on_discord_mobile":true,"#;
    const BOTH: &str =
        r#""discord_status":"online","active_on_discord_desktop":true,"active_on_discord_mobile":true,"#;
    const A: &str = r#""spotify":{"track_id":"a"},"#;
    const B: &str = r#""spotify":{"track_id":"b"},"#;
    const GAME: &str = r#""activities":[{"type":0,"name":"Factorio"}],"#;
    const GAMES: &str = r#""activities":[{"type":0,"name":"Braid"},{"type":0,"name":"Factorio"}],"#;
    const LEVEL: &str = r#""activities":[{"type":0,"name":"Factorio","details":"2"}],"#;
    const SAYS: &str = r#""activities":[{"type":4,"name":"x","state":"hi"}],"#;
    const KV: &str = r#""kv":{"a":"1","scene":"movie"},"#;
    const KEYS: &str = r#""kv":{"0":"1","a":"2","scene":"movie"},"#;
    const NAMED: &str = r#""discord_user":{"id":"7","username":"ada"},"#;

    #[test]
    fn what_a_change_led_to_lasts_until_it_is_undone() {
        for (before, then, now, expected) in [
            ("", ON, ON, "went_online changed_status joined_platform"),
            ("", ON, PHONE, "went_online (changed_status) (joined_platform)"),
            ("", ON, BOTH, "went_online changed_status joined_platform"),
            ("", ON, "", "(went_online) (changed_status) (joined_platform)"),
            (ON, "", "", "went_offline changed_status left_platform"),
            (ON, "", PHONE, "(went_offline) (changed_status) left_platform"),
            (ON, "", ON, "(went_offline) (changed_status) (left_platform)"),
            ("", A, B, "started_listening"),
            ("", A, "", "(started_listening)"),
            (A, "", "", "stopped_listening"),
            (A, "", B, "(stopped_listening)"),
            (A, B, B, "changed_track"),
            (A, B, A, "(changed_track)"),
            (A, B, "", "(changed_track)"),
            ("", GAME, GAMES, "started_playing started_activity"),
            ("", GAME, LEVEL, "started_playing started_activity"),
            ("", GAME, SAYS, "(started_playing) (started_activity)"),
            ("", GAMES, GAME, "(started_playing) started_playing (started_activity) started_activity"),
            (GAMES, GAME, GAME, "stopped_playing stopped_activity"),
            (GAMES, GAME, "", "stopped_playing stopped_activity"),
            (GAMES, GAME, GAMES, "(stopped_playing) (stopped_activity)"),
            (GAME, LEVEL, LEVEL, "changed_activity"),
            (GAME, LEVEL, GAME, "(changed_activity)"),
            (GAME, LEVEL, "", "(changed_activity)"),
            ("", SAYS, SAYS, "changed_custom_status"),
            ("", SAYS, "", "(changed_custom_status)"),
            (SAYS, "", "", "changed_custom_status"),
            ("", KV, KV, "changed_kv changed_kv"),
            ("", KV, KEYS, "(changed_kv) changed_kv"),
            (KV, "", KV, "(changed_kv) (changed_kv)"),
            ("", NAMED, NAMED, "changed_profile"),
            ("", NAMED, "", "(changed_profile)"),
        ] {
            assert_eq!(after(before, then, now), expected, "{before} {then} {now}");
        }
    }

    #[test]
    fn changes_about_the_same_have_the_same_words() {
        let words = |before: &str, after: &str| {
            let whole = |part: &str| format!(r#"{{"discord_user":{{"id":"7"}},{part}"x":0}}"#);
            let (before, after) = (whole(before), whole(after));
            let parse = |raw| Presence::parse(raw, None).unwrap().1;
            let (before, after) = (parse(&before), parse(&after));
            let mut changes = Vec::new();
            diff(&before, &after, &mut changes);
            let words =
                changes.into_iter().map(|change| about(Changed { change, before: &before, after: &after }));
            words.collect::<Vec<_>>()
        };
        assert_eq!(words("", ON), ["status", "status", "platform 0"]);
        assert_eq!(words("", ON), words(ON, ""));
        assert_eq!(
            words("", GAMES),
            ["playing Braid", "playing Factorio", "playing Braid", "playing Factorio"]
        );
        assert_eq!(words(GAMES, GAME), ["playing Braid", "playing Braid"]);
        assert_eq!(words("", KV), words(KV, ""));
        assert_eq!(words(KV, KEYS), ["kv 0", "kv a"]);
        assert_eq!(words(A, B), words("", A));
    }
}
