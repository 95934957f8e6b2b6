//! What changed in meaning between two presences of one person; and the names of what changes of ourselves.

use super::model::{Activity, ActivityType, Platform, Presence, Status};

macro_rules! change_kinds {
    ($($variant:ident $word:literal $doc:literal,)*) => {
        /// Each kind of change, in the order in which one update's changes are told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChangeKind { $(#[doc = $doc] $variant,)* }

        impl ChangeKind {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that rules use.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// One sentence for the reference and for editors.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

change_kinds! {
    WentOnline "went_online" "From offline to anything else.",
    WentOffline "went_offline" "From anything else to offline; invisible looks the same.",
    ChangedStatus "changed_status" "Any move between online, idle, dnd and offline.",
    JoinedPlatform "joined_platform" "Signed in on desktop, mobile, web, embedded or vr.",
    LeftPlatform "left_platform" "Signed out of desktop, mobile, web, embedded or vr.",
    StartedListening "started_listening" "Began to hear something, on any player.",
    ChangedTrack "changed_track" "Hears another track than before.",
    StoppedListening "stopped_listening" "Hears nothing any more.",
    StartedPlaying "started_playing" "A game began.",
    StoppedPlaying "stopped_playing" "A game ended.",
    StartedStreaming "started_streaming" "A stream began.",
    StoppedStreaming "stopped_streaming" "A stream ended.",
    StartedWatching "started_watching" "Began to watch something.",
    StoppedWatching "stopped_watching" "Stopped watching something.",
    StartedCompeting "started_competing" "A competition began.",
    StoppedCompeting "stopped_competing" "A competition ended.",
    StartedActivity "started_activity" "Any activity began, but a custom status.",
    ChangedActivity "changed_activity" "An activity that goes on reads differently: details, state, party, …",
    StoppedActivity "stopped_activity" "Any activity ended, but a custom status.",
    ChangedCustomStatus "changed_custom_status" "The custom status was set, changed or cleared.",
    ChangedProfile "changed_profile" "Another username, display name or avatar.",
    ChangedKv "changed_kv" "A Lanyard KV key was set, changed or deleted.",
    BecameMonitored "became_monitored" "Lanyard begins to know the person.",
    BecameUnmonitored "became_unmonitored" "Lanyard has not known the person for five minutes.",
    LanyardDown "lanyard_down" "Lanyard has been gone for `down_after`: nobody is watched.",
    LanyardUp "lanyard_up" "Lanyard is back, after `lanyard_down`.",
    TargetFailing "target_failing" "A target is disabled, took nothing for `down_after`, or refused three messages in a row.",
    TargetRecovered "target_recovered" "A target has taken a message, after `target_failing`.",
}

impl ChangeKind {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it is about doorchime itself, and about nobody.
    pub fn is_own(self) -> bool {
        self.subject() == Subject::Own
    }

    /// What `from` and `to` of such a change are.
    pub fn subject(self) -> Subject {
        match self {
            Self::WentOnline | Self::WentOffline | Self::ChangedStatus => Subject::Status,
            Self::JoinedPlatform | Self::LeftPlatform => Subject::Platform,
            Self::StartedListening | Self::ChangedTrack | Self::StoppedListening => Subject::Track,
            Self::ChangedCustomStatus => Subject::CustomStatus,
            Self::ChangedProfile => Subject::Profile,
            Self::ChangedKv => Subject::Kv,
            Self::BecameMonitored | Self::BecameUnmonitored => Subject::Person,
            Self::LanyardDown | Self::LanyardUp | Self::TargetFailing | Self::TargetRecovered => Subject::Own,
            _ => Subject::Activity,
        }
    }
}

/// The part of a presence that a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// `from`, `to`: a status word.
    Status,
    /// `from`, `to`: a platform's name, the other one empty.
    Platform,
    Track,
    Activity,
    CustomStatus,
    Profile,
    /// `from`, `to`: the values; beside them, `key`.
    Kv,
    /// Nothing but the person.
    Person,
    /// Doorchime's own ways: Lanyard, or a target.
    Own,
}

impl Subject {
    pub const ALL: [Self; 9] = [
        Self::Status,
        Self::Platform,
        Self::Track,
        Self::Activity,
        Self::CustomStatus,
        Self::Profile,
        Self::Kv,
        Self::Person,
        Self::Own,
    ];
}

/// One change. What it is about is found in the two presences it was made from: `from` and `to` are places
/// in the list its kind speaks of (platforms, activities, KV), empty where the kind names the place alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    pub from: Option<u16>,
    pub to: Option<u16>,
}

impl Change {
    pub fn plain(kind: ChangeKind) -> Self {
        Self { kind, from: None, to: None }
    }
}

/// Appends to `changes` what differs in meaning, in the order of `ChangeKind`.
pub fn diff(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    let begun = changes.len();
    diff_status(before, after, changes);
    diff_platforms(before, after, changes);
    diff_track(before, after, changes);
    diff_activities(before, after, changes);
    diff_custom_status(before, after, changes);
    if profile(before) != profile(after) {
        changes.push(Change::plain(ChangeKind::ChangedProfile));
    }
    diff_kv(before, after, changes);
    // Activities tell two changes each (`started_playing`, `started_activity`); the sort keeps the order of
    // equals, so that two games started at once stay in the order of their names.
    changes[begun..].sort_by_key(|change| change.kind);
}

fn diff_status(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    if before.status == after.status {
        return;
    }
    if before.status == Status::Offline {
        changes.push(Change::plain(ChangeKind::WentOnline));
    } else if after.status == Status::Offline {
        changes.push(Change::plain(ChangeKind::WentOffline));
    }
    changes.push(Change::plain(ChangeKind::ChangedStatus));
}

fn diff_platforms(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    if before.platforms == after.platforms {
        return;
    }
    for platform in Platform::ALL {
        let place = Some(platform as u16);
        match (before.platforms.has(platform), after.platforms.has(platform)) {
            (false, true) => changes.push(Change { kind: ChangeKind::JoinedPlatform, from: None, to: place }),
            (true, false) => changes.push(Change { kind: ChangeKind::LeftPlatform, from: place, to: None }),
            _ => {}
        }
    }
}

fn diff_track(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    let kind = match (&before.track, &after.track) {
        (None, Some(_)) => ChangeKind::StartedListening,
        (Some(_), None) => ChangeKind::StoppedListening,
        (Some(before), Some(after)) if !before.same_as(after) => ChangeKind::ChangedTrack,
        _ => return,
    };
    changes.push(Change::plain(kind));
}

fn diff_activities(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    // Both lists are sorted by identity, so one walk over the two pairs what is the same.
    let (mut old, mut new) = (0, 0);
    loop {
        let old_group = group_at(&before.activities, old);
        let new_group = group_at(&after.activities, new);
        let order = match (old_group.first(), new_group.first()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.identity().cmp(&b.identity()),
        };
        let olds = if order.is_le() { old_group } else { &[] };
        let news = if order.is_ge() { new_group } else { &[] };
        diff_group(olds, old, news, new, changes);
        old += olds.len();
        new += news.len();
    }
}

/// The activities from `start` on that share one identity.
fn group_at<'g, 'a>(activities: &'g [Activity<'a>], start: usize) -> &'g [Activity<'a>] {
    let rest = &activities[start.min(activities.len())..];
    let alike = rest.iter().take_while(|activity| activity.identity() == rest[0].identity()).count();
    &rest[..alike]
}

/// Compares the activities of one identity: by id where both sides know it, and the rest by order.
fn diff_group(
    olds: &[Activity<'_>],
    old_at: usize,
    news: &[Activity<'_>],
    new_at: usize,
    changes: &mut Vec<Change>,
) {
    if olds.first().or(news.first()).is_none_or(|activity| activity.kind == ActivityType::Custom) {
        return;
    }
    if let ([old], [new]) = (olds, news) {
        return note_activity(Some((old_at, old)), Some((new_at, new)), changes);
    }
    let mut left: Vec<usize> = (0..news.len()).collect();
    let mut unpaired = Vec::new();
    for (i, old) in olds.iter().enumerate() {
        match left.iter().position(|&j| news[j].id == old.id) {
            Some(found) => {
                let j = left.remove(found);
                note_activity(Some((old_at + i, old)), Some((new_at + j, &news[j])), changes);
            }
            None => unpaired.push(i),
        }
    }
    let mut left = left.into_iter();
    for i in unpaired {
        let new = left.next().map(|j| (new_at + j, &news[j]));
        note_activity(Some((old_at + i, &olds[i])), new, changes);
    }
    for j in left {
        note_activity(None, Some((new_at + j, &news[j])), changes);
    }
}

type Placed<'g, 'a> = Option<(usize, &'g Activity<'a>)>;

fn note_activity(old: Placed<'_, '_>, new: Placed<'_, '_>, changes: &mut Vec<Change>) {
    let place = |at: Placed<'_, '_>| at.and_then(|(i, _)| u16::try_from(i).ok());
    let mut push = |kind| changes.push(Change { kind, from: place(old), to: place(new) });
    match (old, new) {
        (Some((_, old)), Some((_, new))) => {
            if !old.reads_like(new) {
                push(ChangeKind::ChangedActivity);
            }
        }
        (None, Some((_, new))) => {
            started(new.kind).into_iter().for_each(&mut push);
            push(ChangeKind::StartedActivity);
        }
        (Some((_, old)), None) => {
            stopped(old.kind).into_iter().for_each(&mut push);
            push(ChangeKind::StoppedActivity);
        }
        (None, None) => {}
    }
}

fn started(kind: ActivityType) -> Option<ChangeKind> {
    match kind {
        ActivityType::Playing => Some(ChangeKind::StartedPlaying),
        ActivityType::Streaming => Some(ChangeKind::StartedStreaming),
        ActivityType::Watching => Some(ChangeKind::StartedWatching),
        ActivityType::Competing => Some(ChangeKind::StartedCompeting),
        // Listening is told by the track, a custom status by its own change.
        ActivityType::Listening | ActivityType::Custom | ActivityType::Other => None,
    }
}

fn stopped(kind: ActivityType) -> Option<ChangeKind> {
    match kind {
        ActivityType::Playing => Some(ChangeKind::StoppedPlaying),
        ActivityType::Streaming => Some(ChangeKind::StoppedStreaming),
        ActivityType::Watching => Some(ChangeKind::StoppedWatching),
        ActivityType::Competing => Some(ChangeKind::StoppedCompeting),
        ActivityType::Listening | ActivityType::Custom | ActivityType::Other => None,
    }
}

fn diff_custom_status(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    let said = |presence: &Presence<'_>| {
        let status = presence.custom_status()?;
        let spoken = !status.state.is_empty() || !status.emoji.name.is_empty() || !status.emoji.id.is_empty();
        spoken.then(|| (status.state.to_string(), status.emoji.name.to_string(), status.emoji.id.to_string()))
    };
    if (before.custom_status().is_some() || after.custom_status().is_some()) && said(before) != said(after) {
        changes.push(Change::plain(ChangeKind::ChangedCustomStatus));
    }
}

fn profile<'p>(presence: &'p Presence<'_>) -> (&'p str, &'p str, &'p str) {
    let user = &presence.user;
    (&user.username, user.shown_name(), &user.avatar)
}

fn diff_kv(before: &Presence<'_>, after: &Presence<'_>, changes: &mut Vec<Change>) {
    let (mut old, mut new) = (0, 0);
    loop {
        let order = match (before.kv.get(old), after.kv.get(new)) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.0.cmp(&b.0),
        };
        let from = order.is_le().then_some(old);
        let to = order.is_ge().then_some(new);
        let same = from.zip(to).is_some_and(|(old, new)| before.kv[old].1 == after.kv[new].1);
        if !same {
            let place = |at: Option<usize>| at.and_then(|i| u16::try_from(i).ok());
            changes.push(Change { kind: ChangeKind::ChangedKv, from: place(from), to: place(to) });
        }
        old += usize::from(from.is_some());
        new += usize::from(to.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the changes from one presence to the next, each given as JSON without the id.
    fn told(before: &str, after: &str) -> Vec<&'static str> {
        let whole = |part: &str| format!(r#"{{"discord_user":{{"id":"7"}},{part}"x":0}}"#);
        let (before, after) = (whole(before), whole(after));
        let before = Presence::parse(&before, None).unwrap().1;
        let after = Presence::parse(&after, None).unwrap().1;
        let mut changes = Vec::new();
        diff(&before, &after, &mut changes);
        changes.iter().map(|change| change.kind.name()).collect()
    }

    #[test]
    fn each_change_in_its_order() {
        let game = r#""discord_status":"online","activities":[{"type":0,"id":"a","name":"Factorio","application_id":"1"}],"#;
        let table: &[(&str, &str, &[&str])] = &[
            ("", r#""discord_status":"online","#, &["went_online", "changed_status"]),
            (r#""discord_status":"dnd","#, r#""discord_status":null,"#, &["went_offline", "changed_status"]),
            (r#""discord_status":"dnd","#, r#""discord_status":"idle","#, &["changed_status"]),
            ("", r#""discord_status":"invented","#, &[]),
            (
                r#""active_on_discord_mobile":true,"#,
                r#""active_on_discord_desktop":true,"active_on_discord_vr":true,"#,
                &["joined_platform", "joined_platform", "left_platform"],
            ),
            ("", r#""spotify":{"track_id":"1"},"#, &["started_listening"]),
            (r#""spotify":{"track_id":"1"},"#, r#""spotify":{"track_id":"2"},"#, &["changed_track"]),
            (r#""spotify":{"song":"a"},"#, r#""spotify":{"song":"b"},"#, &["changed_track"]),
            (r#""spotify":{"track_id":"1","song":"a"},"#, r#""spotify":{"track_id":"1","song":"b"},"#, &[]),
            (r#""spotify":{"track_id":"1"},"#, "", &["stopped_listening"]),
            ("", game, &["went_online", "changed_status", "started_playing", "started_activity"]),
            (game, "", &["went_offline", "changed_status", "stopped_playing", "stopped_activity"]),
            ("", r#""activities":[{"type":1,"name":"s"}],"#, &["started_streaming", "started_activity"]),
            ("", r#""activities":[{"type":3,"name":"w"}],"#, &["started_watching", "started_activity"]),
            ("", r#""activities":[{"type":5,"name":"c"}],"#, &["started_competing", "started_activity"]),
            ("", r#""activities":[{"type":2,"name":"t"}],"#, &["started_listening", "started_activity"]),
            ("", r#""activities":[{"type":9,"name":"n"}],"#, &["started_activity"]),
            ("", r#""activities":[{"type":4,"state":"hi"}],"#, &["changed_custom_status"]),
            ("", r#""activities":[{"type":4,"emoji":{"name":"x"}}],"#, &["changed_custom_status"]),
            ("", r#""activities":[{"type":4,"state":null}],"#, &[]),
            (r#""activities":[{"type":4,"state":"hi"}],"#, "", &["changed_custom_status"]),
            ("", r#""kv":{"a":"1"},"#, &["changed_kv"]),
            (r#""kv":{"a":"1","b":"2"},"#, r#""kv":{"b":"3","c":"4"},"#, &["changed_kv"; 3]),
            (r#""kv":{"a":"1","b":"2"},"#, r#""kv":{"b":"2","a":"1"},"#, &[]),
        ];
        for (before, after, expected) in table {
            assert_eq!(&told(before, after), expected, "{before} -> {after}");
        }
    }

    #[test]
    fn a_profile_changes_by_what_is_shown() {
        let user = |more: &str| format!(r#""discord_user":{{"id":"7","username":"u"{more}}},"#);
        assert_eq!(told(&user(""), &user(r#","avatar":"1""#)), ["changed_profile"]);
        assert_eq!(told(&user(""), &user(r#","global_name":"G""#)), ["changed_profile"]);
        assert_eq!(told(&user(""), &user(r#","display_name":"u""#)), [""; 0]);
        assert_eq!(told(&user(""), &user(r#","public_flags":64,"discriminator":"1""#)), [""; 0]);
    }

    #[test]
    fn what_nobody_would_notice_is_no_change() {
        let one = r#""activities":[
            {"type":0,"id":"a","name":"G","details":"d","state":"s","created_at":1,"session_id":"1","flags":1,
             "timestamps":{"start":1},"party":{"id":"p","size":[1,4]},"assets":{"large_text":"l","large_image":"1"}},
            {"type":3,"id":"b","name":"W"}],"#;
        let other = r#""activities":[
            {"type":3,"id":"c","name":"W"},
            {"type":0,"id":"z","name":"G","details":"d","state":"s","created_at":2,"session_id":"2","flags":2,
             "timestamps":{"start":9},"party":{"id":"q","size":[1,4]},"assets":{"large_text":"l","large_image":"2"}}],"#;
        assert_eq!(told(one, other), [""; 0]);
        for (part, moved) in [("\"d\"", "\"e\""), ("\"s\"", "\"t\""), ("[1,4]", "[2,4]"), ("\"l\"", "\"m\"")]
        {
            assert_eq!(told(one, &one.replace(part, moved)), ["changed_activity"], "{part}");
        }
    }

    #[test]
    fn twins_pair_by_id_and_then_by_order() {
        let twins = |list: &[(&str, &str)]| {
            let each = list
                .iter()
                .map(|(id, state)| format!(r#"{{"type":0,"name":"G","id":"{id}","state":"{state}"}}"#));
            format!(r#""activities":[{}],"#, each.collect::<Vec<_>>().join(","))
        };
        let table: &[(&[(&str, &str)], &[(&str, &str)], &[&str])] = &[
            (&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")], &[]),
            (&[("a", "1"), ("b", "2")], &[("a", "1"), ("c", "2")], &[]),
            (&[("a", "1"), ("b", "2")], &[("b", "2")], &["stopped_playing", "stopped_activity"]),
            (&[("a", "1")], &[("a", "1"), ("a", "1")], &["started_playing", "started_activity"]),
            (&[("a", "1"), ("a", "1")], &[("a", "1"), ("a", "9")], &["changed_activity"]),
        ];
        for (before, after, expected) in table {
            assert_eq!(&told(&twins(before), &twins(after)), expected, "{before:?} -> {after:?}");
        }
    }
}
