//! Who is where, and what they do.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::asked::{Answer, Asked, No, Page, limit, person, yes};
use crate::engine::person::Standing;
use crate::engine::view::{PeopleAfter, PersonView};
use crate::presence::model::{Activity, ActivityType, Platform, Presence, Track, UserId};
use crate::rules::set::Person;
use crate::rules::template::helpers::avatar_of;
use crate::time::date;
use crate::web::questions::{InForce, PeopleAnswer, Question};
use crate::web::server::Web;

/// What can be done about people whom Lanyard does not know.
const JOIN: &str = "Lanyard does not know this person: they have to join its Discord server, \
                    https://discord.gg/lanyard, or the one that your own server's bot is in";

pub async fn list(State(web): State<Web>, Asked(page): Asked<Page>) -> Answer {
    yes(&listed(&web, &page).await?)
}

pub async fn listed(web: &Web, page: &Page) -> Result<Value, No> {
    let limit = limit(page.limit)?;
    let after = page.after.as_deref().map(cursor).transpose()?.unwrap_or_default();
    let in_force = web.desk.in_force();
    let PeopleAnswer { people, next } =
        web.desk.ask(|answer| Question::People { after, limit, answer }).await?;
    Ok(json!({
        "people": people.iter().map(|person| as_json(&in_force, person)).collect::<Vec<_>>(),
        "next": next.map(told_cursor),
    }))
}

pub async fn one(State(web): State<Web>, Path(named): Path<String>) -> Answer {
    yes(&known(&web, &named).await?)
}

pub async fn known(web: &Web, named: &str) -> Result<Value, No> {
    let in_force = web.desk.in_force();
    let id = person(&in_force, named)?;
    let person = web.desk.ask(|answer| Question::Person { id, answer }).await?;
    if person.standing == Standing::Unknown && in_force.person(id).is_none() {
        return Err(nothing_known(id));
    }
    Ok(as_json(&in_force, &person))
}

pub fn nothing_known(id: UserId) -> No {
    No::nothing_there(format!("nothing is known of {id}"))
}

/// Where a list goes on: a place in the file, or somebody's id.
fn cursor(text: &str) -> Result<PeopleAfter, No> {
    let place = text.strip_prefix("place-").and_then(|place| place.parse().ok()).map(PeopleAfter::Place);
    let other = text.strip_prefix("id-").and_then(|id| id.parse::<UserId>().ok()).map(PeopleAfter::Other);
    place.or(other).ok_or_else(|| No::bad("`after` is what `next` of the page before was"))
}

fn told_cursor(after: PeopleAfter) -> String {
    match after {
        PeopleAfter::Nobody => String::new(),
        PeopleAfter::Place(at) => format!("place-{at}"),
        PeopleAfter::Other(id) => format!("id-{id}"),
    }
}

pub fn as_json(in_force: &InForce, person: &PersonView) -> Value {
    let known = in_force.person(person.id);
    let shown = person.shown();
    let name = name_of(known, shown.as_ref());
    let mut value = json!({
        "id": person.id,
        "key": known.map(|known| known.key.as_str()),
        "name": filled(&name),
        "standing": person.standing.word(),
        "advice": (person.standing == Standing::Unmonitored).then_some(JOIN),
        "heard": person.heard_ms.map(date),
        "smoothed": person.holds_anything(),
        "presence": null,
    });
    if let Some(presence) = &shown {
        value["presence"] = presence_as_json(person, presence);
    }
    value
}

/// How a person is called: as the file says, else as they call themselves.
pub fn name_of(known: Option<&Person>, shown: Option<&Presence<'_>>) -> String {
    match (known, shown) {
        (Some(known), _) if !known.name.is_empty() => known.name.clone(),
        (_, Some(presence)) => presence.user.shown_name().to_string(),
        _ => String::new(),
    }
}

fn presence_as_json(person: &PersonView, presence: &Presence<'_>) -> Value {
    let doing = presence.activities.iter().filter(|activity| activity.kind != ActivityType::Custom);
    let user = &presence.user;
    json!({
        "username": filled(&user.username),
        "display_name": filled(user.shown_name()),
        "avatar_url": avatar_of(person.id.0, &user.avatar, &user.discriminator),
        "status": presence.status.word(),
        "status_since": person.since.status_ms().map(date),
        "online": presence.online(),
        "online_since": person.since.online_ms().map(date),
        "platforms": presence.platforms.iter().map(Platform::word).collect::<Vec<_>>(),
        "custom_status": presence.custom_status().map(|status| json!({
            "text": filled(&status.state),
            "emoji": filled(&status.emoji.name),
        })),
        "activities": doing.map(|activity| activity_as_json(person, activity)).collect::<Vec<_>>(),
        "track": presence.track.as_ref().map(track_as_json),
    })
}

fn activity_as_json(person: &PersonView, activity: &Activity<'_>) -> Value {
    json!({
        "type": activity.kind.word(),
        "name": &*activity.name,
        "details": filled(&activity.details),
        "state": filled(&activity.state),
        "since": person.since.activity_ms(activity).map(date),
        "ends": moment(activity.ends_at_ms),
        "smoothed": activity.held,
    })
}

fn track_as_json(track: &Track<'_>) -> Value {
    json!({
        "song": &*track.song,
        "artist": filled(&track.artist),
        "album": filled(&track.album),
        "player": filled(&track.player),
        "album_art_url": filled(&track.album_art_url),
        "started": moment(track.started_at_ms),
        "ends": moment(track.ends_at_ms),
    })
}

/// What is empty means nothing to a person.
fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn moment(ms: i64) -> Option<String> {
    (ms > 0).then(|| date(ms))
}
