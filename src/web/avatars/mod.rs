//! Pictures of people, handed on: the page loads nothing from elsewhere. Where there is none, or none can be had,
//! one is drawn from the person's initials.

mod drawn;
mod shelf;
pub mod source;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OnceCell, Semaphore};

use self::shelf::{Found, Picture, Shelf};
use self::source::{AvatarsFrom, Fetched, Source};
use super::gate::Keep;
use super::questions::Question;
use super::server::{PLAIN, Web, answer};
use crate::clock::Clock;
use crate::engine::person::Standing;
use crate::engine::view::PersonView;
use crate::presence::model::UserId;

/// So many are fetched at once.
const FETCHING_MAX: usize = 2;
/// Nobody waits longer for a picture, in the queue and for the answer: then its place is taken.
const WAIT_MAX: Duration = Duration::from_secs(4);
/// A picture that could not be had is not asked for again for so long …
const MISSING_FOR: Duration = Duration::from_secs(600);
/// … and a network that is not there is not asked for any.
const AWAY_FOR: Duration = Duration::from_secs(120);

/// How long a browser keeps a picture.
const PICTURE_KEPT: Duration = Duration::from_secs(3600);
/// How long it keeps one that was drawn: for somebody who has none, and in place of one that may come.
const DRAWN_KEPT: Duration = Duration::from_secs(600);
const STAND_IN_KEPT: Duration = Duration::from_secs(20);

/// Where pictures come from, and those that were had lately.
#[derive(Clone)]
pub struct Avatars(Arc<Inner>);

struct Inner {
    from: AvatarsFrom,
    /// Made when the first picture is wanted: most bots never are asked for one.
    source: OnceCell<Option<Source>>,
    shelf: Mutex<Shelf>,
    places: Semaphore,
    clock: Clock,
}

/// The picture of a person as Discord names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    pub person: UserId,
    hash: Box<str>,
}

impl Name {
    /// Nothing for what is no picture's name: the address is made of it.
    fn new(person: UserId, hash: &str) -> Option<Self> {
        let fits = (1..=64).contains(&hash.len())
            && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        fits.then(|| Self { person, hash: hash.into() })
    }
}

impl Avatars {
    pub fn new(from: AvatarsFrom) -> Self {
        Self(Arc::new(Inner {
            from,
            source: OnceCell::new(),
            shelf: Mutex::default(),
            places: Semaphore::new(FETCHING_MAX),
            clock: Clock::start(),
        }))
    }

    /// The picture, as long as it comes soon.
    async fn picture(&self, name: &Name) -> Option<Picture> {
        match self.find(name) {
            Found::Picture(picture) => return Some(picture),
            Found::Missing => return None,
            Found::Nothing => {}
        }
        tokio::time::timeout(WAIT_MAX, self.fetch(name)).await.ok().flatten()
    }

    /// Whether anybody is asked for pictures.
    fn asks(&self) -> bool {
        self.0.from != AvatarsFrom::Nowhere
    }

    async fn fetch(&self, name: &Name) -> Option<Picture> {
        let _place = self.0.places.acquire().await.ok()?;
        // Somebody else may have asked for it meanwhile, or have found that nobody answers.
        match self.find(name) {
            Found::Picture(picture) => return Some(picture),
            Found::Missing => return None,
            Found::Nothing => {}
        }
        let source = self.0.source.get_or_init(async || Source::new(&self.0.from)).await.as_ref()?;
        let fetched = source.fetch(name).await;
        let now = self.0.clock.now().mono;
        let mut shelf = self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Fetched::Picture(picture) => {
                shelf.put(name.clone(), picture.clone());
                Some(picture)
            }
            Fetched::Missing(why) => {
                tracing::debug!(person = %name.person, why, "no picture of this person");
                shelf.note_missing(name.clone(), now + MISSING_FOR);
                None
            }
            Fetched::Away(why) => {
                tracing::debug!(why, "pictures of people cannot be had");
                shelf.note_away(now + AWAY_FOR);
                None
            }
        }
    }

    fn find(&self, name: &Name) -> Found {
        if !self.asks() {
            return Found::Missing;
        }
        let now = self.0.clock.now().mono;
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner).find(now, name)
    }
}

/// `GET /avatar/ID`, for whom the bot knows: nobody can have it ask for anybody else.
pub async fn avatar(State(web): State<Web>, Path(id): Path<String>) -> Response {
    let nobody = || answer(StatusCode::NOT_FOUND, PLAIN, "nobody here has this id\n".to_owned());
    let Ok(id) = id.parse::<UserId>() else { return nobody() };
    let Ok(person) = web.desk.ask(|answer| Question::Person { id, answer }).await else {
        return answer(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "doorchime is leaving\n".to_owned());
    };
    let known = web.desk.in_force().person(id).map(|known| (known.name.clone(), known.key.clone()));
    if person.standing == Standing::Unknown && known.is_none() {
        return nobody();
    }
    let (own_name, picture) = profile(&person);
    let has_one = picture.is_some();
    if let Some(name) = picture
        && let Some(Picture { kind, bytes }) = web.avatars.picture(&name).await
    {
        return shown(kind, bytes, PICTURE_KEPT);
    }
    let (name, key) = known.unwrap_or_default();
    let drawn = drawn::initials(id, [name, own_name, key]);
    let kept = if has_one && web.avatars.asks() { STAND_IN_KEPT } else { DRAWN_KEPT };
    shown("image/svg+xml", drawn.into(), kept)
}

/// What a person calls themselves, and their picture if they have one.
fn profile(person: &PersonView) -> (String, Option<Name>) {
    let Some(presence) = person.shown() else { return (String::new(), None) };
    let user = &presence.user;
    (user.shown_name().to_string(), Name::new(person.id, &user.avatar))
}

fn shown(kind: &'static str, picture: Bytes, kept: Duration) -> Response {
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, kind)], picture).into_response();
    response.extensions_mut().insert(Keep(kept));
    response
}
