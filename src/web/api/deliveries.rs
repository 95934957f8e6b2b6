//! What is on its way, what arrived, what did not and why; and the two things that a person can do about it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::asked::{Answer, Asked, No, limit, person, yes};
use crate::clock::Clock;
use crate::outbox::delivery::Fate;
use crate::outbox::shown::{self, Waits};
use crate::outbox::store::ledger::{self, Ledger};
use crate::web::server::Web;

/// So many look into the outbox at once; the bot's own writes do not wait for them.
const READERS_MAX: usize = 2;

/// The outbox, read beside the store's own thread.
#[derive(Clone)]
pub struct Outbox {
    data: Arc<PathBuf>,
    readers: Arc<Semaphore>,
}

impl Outbox {
    pub fn new(data: PathBuf) -> Self {
        Self { data: Arc::new(data), readers: Arc::new(Semaphore::new(READERS_MAX)) }
    }

    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(Ledger) -> Result<T, No> + Send + 'static,
    ) -> Result<T, No> {
        let _place = self.readers.acquire().await.map_err(|_| No::not_now("doorchime is leaving"))?;
        let data = Arc::clone(&self.data);
        let looked = tokio::task::spawn_blocking(move || look(Ledger::open_own(&data)?)).await;
        looked.map_err(|_| No::not_now("the outbox could not be read"))?
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub state: Option<String>,
    pub target: Option<String>,
    pub rule: Option<String>,
    pub person: Option<String>,
    pub before: Option<i64>,
    pub limit: Option<usize>,
}

pub async fn list(State(web): State<Web>, Asked(filter): Asked<Filter>) -> Answer {
    yes(&listed(&web, filter).await?)
}

pub async fn listed(web: &Web, filter: Filter) -> Result<Value, No> {
    let limit = limit(filter.limit)?;
    if let Some(state) = filter.state.as_deref().filter(|state| !Fate::WORDS.contains(state)) {
        return Err(No::bad(format!("there is no state `{state}`: {}", Fate::WORDS.join(", "))));
    }
    let filter = ledger::Filter {
        state: filter.state,
        target: filter.target,
        rule: filter.rule,
        person: filter.person.map(|named| person(&web.desk.in_force(), &named)).transpose()?,
        before: filter.before,
        limit: limit + 1,
    };
    let now_ms = Clock::start().now().wall_ms;
    let listed = web.outbox.look(move |ledger| {
        let (mut entries, troubles) = (ledger.list(&filter)?, ledger.troubles()?);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().map(|entry| entry.seq).filter(|_| more);
        let shown = entries.iter().map(|entry| {
            let mut value = shown::as_json(entry);
            value["waits"] = Waits::of(entry, &troubles, now_ms).map_or(Value::Null, Waits::as_json);
            value
        });
        Ok(json!({"deliveries": shown.collect::<Vec<_>>(), "next": next}))
    });
    listed.await
}

pub async fn one(State(web): State<Web>, Path(named): Path<String>) -> Answer {
    yes(&known(&web, named).await?)
}

pub async fn known(web: &Web, named: String) -> Result<Value, No> {
    web.outbox.look(move |ledger| told(&ledger, &named)).await
}

/// A delivery with each attempt at it.
fn told(ledger: &Ledger, named: &str) -> Result<Value, No> {
    let entry = ledger.find(named)?;
    let troubles = ledger.troubles()?;
    let tries = ledger.attempts(&entry)?;
    let mut value = shown::as_json(&entry);
    value["waits"] =
        Waits::of(&entry, &troubles, Clock::start().now().wall_ms).map_or(Value::Null, Waits::as_json);
    value["tries"] = tries.iter().map(shown::tried_as_json).collect();
    Ok(value)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// Also if it has arrived: it comes twice.
    #[serde(default)]
    force: bool,
}

pub async fn retry(State(web): State<Web>, Path(named): Path<String>, Asked(again): Asked<Again>) -> Answer {
    yes(&sent_again(&web, named, again.force).await?)
}

pub async fn sent_again(web: &Web, named: String, force: bool) -> Result<Value, No> {
    let retried = web.outbox.look(move |mut ledger| {
        let entry = ledger.find(&named)?;
        if entry.fate == Fate::Delivered && !force {
            let what = format!(
                "delivery {} has arrived already: with `?force=true` it is sent once more",
                entry.seq
            );
            return Err(No::conflict(what));
        }
        ledger.retry(entry.seq, Clock::start().now().wall_ms)?;
        told(&ledger, &named)
    });
    retried.await
}

pub async fn drop(State(web): State<Web>, Path(named): Path<String>) -> Answer {
    yes(&given_up(&web, named).await?)
}

pub async fn given_up(web: &Web, named: String) -> Result<Value, No> {
    let dropped = web.outbox.look(move |mut ledger| {
        let entry = ledger.find(&named)?;
        let dropped = ledger.drop(entry.seq)?;
        Ok(json!({"number": entry.seq, "dropped": dropped}))
    });
    dropped.await
}
