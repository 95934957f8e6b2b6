//! The outbox as `outbox list | show | retry | drop` see it: beside a running bot, or without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::error::StoreError;
use super::{place, rows, schema};
use crate::outbox::delivery::{Attempt, Delivery, End, Fate, Owed, Sibling};
use crate::presence::model::UserId;

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
    /// What took over from it.
    pub successor: Option<Sibling>,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Counted from 1, over all that a person had it sent again.
    pub number: i64,
    /// When it had ended; `None` for one from before that was written down.
    pub at_ms: Option<i64>,
    pub attempt: Attempt,
    /// When the next one was due; `None` if at once, or if nobody could say.
    pub next_ms: Option<i64>,
}

/// How a target does, as far as what it is owed tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// The last attempt that left something owed.
    pub attempt: Attempt,
    /// When the next one was due then.
    pub next_ms: Option<i64>,
}

/// Which rows to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A state's word: `pending`, `delivered`, `dry-run`, `dead`, `expired`.
    pub state: Option<String>,
    pub target: Option<String>,
    pub rule: Option<String>,
    pub person: Option<UserId>,
    /// Only those with a lower number.
    pub before: Option<i64>,
    pub limit: usize,
}

/// Something that a rule sent: a mark in somebody's day, or beside the firing that it came of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub seq: i64,
    pub target: Arc<str>,
    pub rule: Arc<str>,
    pub person: Option<UserId>,
    pub created_ms: i64,
    /// Its state's word.
    pub state: String,
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

const ENTRY: &str = "state, status, answer, took_ms, settled_ms,
    (SELECT end FROM attempts WHERE attempts.seq = deliveries.seq ORDER BY number DESC LIMIT 1),
    (SELECT MIN(seq) FROM deliveries AS next WHERE next.origin = deliveries.seq),
    (SELECT target FROM deliveries AS next WHERE next.origin = deliveries.seq ORDER BY seq LIMIT 1)";

impl Ledger {
    /// Opens the outbox in the data directory `dir`, which must have one.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = place::database(dir);
        Ok(Self { db: schema::open_beside(&path)?, path })
    }

    /// The same in the process that runs on it: looking must not cost an examination each time.
    pub fn open_own(dir: &Path) -> Result<Self, StoreError> {
        let path = place::database(dir);
        Ok(Self { db: schema::open_again(&path)?, path })
    }

    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        let read = || {
            let mut list = self.db.prepare(&format!(
                "SELECT {}, {ENTRY} FROM deliveries
                 WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR target = ?2) AND (?3 IS NULL OR rule = ?3)
                    AND (?4 IS NULL OR person = ?4) AND (?5 IS NULL OR seq < ?5)
                 ORDER BY seq DESC LIMIT ?6",
                rows::OWED
            ))?;
            let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
            let Filter { state, target, rule, person, before, .. } = filter;
            let person = person.map(|id| id.0.cast_signed());
            list.query_map(params![state, target, rule, person, before, limit], entry)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// What was sent in a stretch of time, its ends included, about a person or about anybody; the youngest first, and
    /// not what took over from another delivery.
    pub fn sent(
        &self,
        about: Option<UserId>,
        (from_ms, to_ms): (i64, i64),
        limit: usize,
    ) -> Result<Vec<Sent>, StoreError> {
        let read = || {
            // There is no index by person; deliveries are in order of time.
            let mut list = self.db.prepare(
                "SELECT seq, target, rule, created_ms, state, person FROM deliveries WHERE origin IS NULL
                 ORDER BY seq DESC",
            )?;
            let mut rows = list.query([])?;
            let mut sent = Vec::new();
            while let Some(row) = rows.next()? {
                let created_ms = row.get(3)?;
                if created_ms < from_ms || sent.len() == limit {
                    break;
                }
                let person = rows::person_back(row.get(5)?);
                if created_ms <= to_ms && (about.is_none() || person == about) {
                    let (seq, target, rule) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    sent.push(Sent { seq, target, rule, person, created_ms, state: row.get(4)? });
                }
            }
            Ok(sent)
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

    /// The attempts at a delivery that are still known, the first one first.
    pub fn attempts(&self, entry: &Entry) -> Result<Vec<Tried>, StoreError> {
        let read = || {
            let mut list = self.db.prepare(
                "SELECT number, at_ms, status, answer, took_ms, end, next_ms FROM attempts
                 WHERE seq = ? ORDER BY number",
            )?;
            list.query_map([entry.seq], tried)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut tried = read().map_err(|error| self.failed(&error))?;
        // One that delivered is in the delivery's own row alone; so are those from before attempts were kept.
        if let Some(attempt) = &entry.attempt
            && (attempt.end == End::Delivered || tried.is_empty())
        {
            let number = tried.last().map_or(i64::from(entry.attempts), |last| last.number + 1);
            let next_ms = match entry.fate {
                Fate::Pending { next_ms } if next_ms > 0 => Some(next_ms),
                _ => None,
            };
            let settled = matches!(entry.fate, Fate::Delivered | Fate::Rehearsed | Fate::Dead);
            let at_ms = entry.settled_ms.filter(|_| settled);
            tried.push(Tried { number, at_ms, attempt: attempt.clone(), next_ms });
        }
        Ok(tried)
    }

    /// The targets whose last attempt left something owed.
    pub fn troubles(&self) -> Result<BTreeMap<Arc<str>, Trouble>, StoreError> {
        let read = || {
            // Beside `MAX`, the other columns are those of the row that has it.
            let mut list = self.db.prepare(
                "SELECT MAX(at_ms), at_ms, attempts.status, attempts.answer, attempts.took_ms, end,
                    attempts.next_ms, target
                 FROM deliveries JOIN attempts USING (seq) WHERE state = 'pending' GROUP BY target",
            )?;
            let trouble = |row: &Row<'_>| {
                let Tried { attempt, next_ms, .. } = tried(row)?;
                Ok((row.get::<_, Arc<str>>(7)?, Trouble { attempt, next_ms }))
            };
            list.query_map([], trouble)?.collect::<rusqlite::Result<BTreeMap<_, _>>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Owes a delivery again, whatever became of it, and at once, with at least `RETRIED_MS` to go. A running
    /// bot notices when the ledger is closed.
    pub fn retry(&mut self, seq: i64, now_ms: i64) -> Result<bool, StoreError> {
        self.mend(seq, |db| {
            // That it had arrived is not forgotten.
            db.execute(
                "INSERT INTO attempts (seq, number, at_ms, status, answer, took_ms, end)
                 SELECT seq, COALESCE((SELECT MAX(number) FROM attempts WHERE attempts.seq = ?1), 0) + 1,
                    settled_ms, status, COALESCE(answer, ''), took_ms, 'delivered'
                 FROM deliveries WHERE seq = ?1 AND state = 'delivered' AND took_ms IS NOT NULL",
                [seq],
            )?;
            let retried = db.execute(
                "UPDATE deliveries SET state = 'pending', next_ms = 0, attempts = 0, settled_ms = NULL,
                 expires_ms = MAX(expires_ms, ?2) WHERE seq = ?1",
                params![seq, now_ms.saturating_add(RETRIED_MS)],
            )?;
            Ok(retried > 0)
        })
    }

    /// Forgets a delivery; if it was owed, nobody gets it. One that had arrived, and was to be sent once more, is as it
    /// was before that. An attempt under way is not called back.
    pub fn drop(&mut self, seq: i64) -> Result<bool, StoreError> {
        self.mend(seq, |db| {
            let arrived: Option<i64> = db.query_row(
                "SELECT MAX(number) FROM attempts JOIN deliveries USING (seq)
                 WHERE seq = ? AND state = 'pending' AND end = 'delivered'",
                [seq],
                |row| row.get(0),
            )?;
            let Some(number) = arrived else {
                return Ok(db.execute("DELETE FROM deliveries WHERE seq = ?", [seq])? > 0);
            };
            let restored = db.execute(
                "UPDATE deliveries SET state = 'delivered', next_ms = 0, attempts = ?2,
                    (settled_ms, status, answer, took_ms) =
                    (SELECT at_ms, status, answer, took_ms FROM attempts WHERE seq = ?1 AND number = ?2)
                 WHERE seq = ?1",
                params![seq, number],
            )?;
            db.execute("DELETE FROM attempts WHERE seq = ? AND number >= ?", params![seq, number])?;
            Ok(restored > 0)
        })
    }

    /// Changes a delivery, which says whether there was anything to change.
    fn mend(
        &mut self,
        seq: i64,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<bool>,
    ) -> Result<bool, StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = change(&transaction)?;
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
    let fate = match row.get_ref(14)?.as_str()? {
        "delivered" => Fate::Delivered,
        "dry-run" => Fate::Rehearsed,
        "dead" => Fate::Dead,
        "expired" => Fate::Expired,
        _ => Fate::Pending { next_ms },
    };
    let took: Option<i64> = row.get(17)?;
    let attempt = match took {
        Some(took) => Some(Attempt {
            status: row.get(15)?,
            answer: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
            took: Duration::from_millis(took.unsigned_abs()),
            end: end(fate, row.get::<_, Option<String>>(19)?.as_deref()),
        }),
        None => None,
    };
    let successor = match row.get(20)? {
        Some(seq) => Some(Sibling { seq, target: row.get(21)? }),
        None => None,
    };
    Ok(Entry { seq, delivery, fate, attempts, attempt, settled_ms: row.get(18)?, successor })
}

/// How the last attempt ended, from what became of its delivery and the word that is kept of a failed one.
fn end(fate: Fate, kept: Option<&str>) -> End {
    match fate {
        Fate::Delivered | Fate::Rehearsed => End::Delivered,
        Fate::Dead => End::Refused,
        Fate::Pending { .. } | Fate::Expired => kept.and_then(End::from_word).unwrap_or_default(),
    }
}

fn tried(row: &Row<'_>) -> rusqlite::Result<Tried> {
    Ok(Tried {
        number: row.get(0)?,
        at_ms: row.get(1)?,
        attempt: Attempt {
            status: row.get(2)?,
            answer: row.get(3)?,
            took: Duration::from_millis(row.get::<_, i64>(4)?.unsigned_abs()),
            end: End::from_word(row.get_ref(5)?.as_str()?).unwrap_or_default(),
        },
        next_ms: row.get(6)?,
    })
}
