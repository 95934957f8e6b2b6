//! The outbox as `outbox list | show | retry | drop` see it: beside a running bot, or without one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::error::StoreError;
use super::{place, rows, schema};
use crate::outbox::delivery::{Attempt, Delivery, Fate, Owed};

/// The rows, to read and to mend.
pub struct Ledger {
    path: PathBuf,
    db: Connection,
}

/// One delivery with its story.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub seq: i64,
    pub delivery: Delivery,
    pub fate: Fate,
    pub attempts: u32,
    /// The last attempt's.
    pub attempt: Option<Attempt>,
    pub settled_ms: Option<i64>,
}

/// Which rows to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A state's word: `pending`, `delivered`, `dead`, `expired`.
    pub state: Option<String>,
    pub target: Option<String>,
    pub limit: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("there is no delivery `{0}`: `doorchime outbox list` shows which there are")]
    Unknown(String),
    #[error("`{0}` could be several deliveries: give more of its id")]
    Ambiguous(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How long a delivery that a person asked for again is tried, at least.
const RETRIED_MS: i64 = 3600 * 1000;

const ENTRY: &str = "state, status, answer, took_ms, settled_ms";

impl Ledger {
    /// Opens the outbox in the data directory `dir`, which must have one.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = place::database(dir);
        Ok(Self { db: schema::open_beside(&path)?, path })
    }

    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        let read = || {
            let mut list = self.db.prepare(&format!(
                "SELECT {}, {ENTRY} FROM deliveries
                 WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR target = ?2) ORDER BY seq DESC LIMIT ?3",
                rows::OWED
            ))?;
            let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
            list.query_map(params![filter.state, filter.target, limit], entry)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Finds a delivery by its number, or by its id or the beginning of it.
    pub fn find(&self, name: &str) -> Result<Entry, LookupError> {
        // A UUID of digits alone does not happen before the year 10889.
        let by_number = name.parse::<i64>().ok();
        let prefix: String = name.chars().filter(|&c| c != '-').collect::<String>().to_ascii_uppercase();
        if by_number.is_none() && (prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(LookupError::Unknown(name.to_owned()));
        }
        let read = || {
            let mut find = self.db.prepare(&format!(
                "SELECT {}, {ENTRY} FROM deliveries
                 WHERE CASE WHEN ?1 IS NULL THEN hex(id) LIKE ?2 || '%' ELSE seq = ?1 END LIMIT 2",
                rows::OWED
            ))?;
            find.query_map(params![by_number, prefix], entry)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut found = read().map_err(|error| self.failed(&error))?;
        match (found.pop(), found.pop()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(LookupError::Unknown(name.to_owned())),
            (Some(_), Some(_)) => Err(LookupError::Ambiguous(name.to_owned())),
        }
    }

    /// Owes a delivery again, whatever became of it, and at once, with at least `RETRIED_MS` to go. A running
    /// bot notices within seconds.
    pub fn retry(&mut self, seq: i64, now_ms: i64) -> Result<bool, StoreError> {
        self.mend(
            "UPDATE deliveries SET state = 'pending', next_ms = 0, attempts = 0, settled_ms = NULL,
             expires_ms = MAX(expires_ms, ?2) WHERE seq = ?1",
            seq,
            now_ms.saturating_add(RETRIED_MS),
        )
    }

    /// Forgets a delivery; if it was owed, nobody gets it. An attempt under way is not called back.
    pub fn drop(&mut self, seq: i64) -> Result<bool, StoreError> {
        self.mend("DELETE FROM deliveries WHERE seq = ?1 AND ?2 IS NOT NULL", seq, 0)
    }

    fn mend(&mut self, change: &str, seq: i64, until_ms: i64) -> Result<bool, StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = transaction.execute(change, params![seq, until_ms])? > 0;
            if changed {
                transaction.execute("INSERT OR IGNORE INTO nudges (seq) VALUES (?)", [seq])?;
            }
            transaction.commit()?;
            Ok(changed)
        };
        write(&mut self.db).map_err(|error| StoreError::sqlite(&self.path, &error))
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, error)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let Owed { seq, delivery, attempts, next_ms } = rows::owed(row)?;
    let fate = match row.get_ref(10)?.as_str()? {
        "delivered" => Fate::Delivered,
        "dead" => Fate::Dead,
        "expired" => Fate::Expired,
        _ => Fate::Pending { next_ms },
    };
    let took: Option<i64> = row.get(13)?;
    let attempt = match took {
        Some(took) => Some(Attempt {
            status: row.get(11)?,
            answer: row.get::<_, Option<String>>(12)?.unwrap_or_default(),
            took: Duration::from_millis(took.unsigned_abs()),
        }),
        None => None,
    };
    Ok(Entry { seq, delivery, fate, attempts, attempt, settled_ms: row.get(14)? })
}
