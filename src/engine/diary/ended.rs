//! What a change ends.

use std::borrow::Cow;

use super::book::KEPT_MS;
use super::stretch::{Lane, Stretch, track_name};
use crate::engine::bell::Step;
use crate::engine::person::Since;
use crate::presence::change::{Change, ChangeKind};

/// The stretch that a change ends, if it ends one. `since` is as it was before the change.
pub fn ended(step: &Step<'_>, change: Change, since: &Since) -> Option<Stretch> {
    use ChangeKind as K;
    let now_ms = step.now.wall_ms;
    let (lane, name, began_ms, to_ms) = match change.kind {
        K::WentOnline => (Lane::Status, Cow::from(step.before.status.word()), since.online_ms(), now_ms),
        K::ChangedStatus if step.before.online() => {
            let to_ms = if step.after.online() { now_ms } else { step.ended_ms };
            (Lane::Status, Cow::from(step.before.status.word()), since.status_ms(), to_ms)
        }
        K::ChangedTrack | K::StoppedListening => {
            let track = step.before.track.as_ref()?;
            let to_ms = if change.kind == K::ChangedTrack { now_ms } else { step.ended_ms };
            (Lane::Listening, Cow::from(track_name(track)), since.track_ms(), to_ms)
        }
        K::StoppedPlaying | K::StoppedStreaming | K::StoppedWatching | K::StoppedCompeting => {
            let activity = step.before.activities.get(usize::from(change.from?))?;
            let lane = Lane::of_activity(activity.kind)?;
            (lane, Cow::from(&*activity.name), since.seen_ms(activity), step.ended_ms)
        }
        _ => return None,
    };
    // What we met in its middle has been so for as long as we have watched.
    let from_ms = began_ms.unwrap_or(i64::MIN).max(to_ms.saturating_sub(KEPT_MS));
    (from_ms < to_ms).then(|| Stretch::new(lane, &name, from_ms, to_ms))
}
