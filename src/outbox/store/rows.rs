//! Words to rows and back. Every statement that the store's thread runs is here.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, params};

use super::fallbacks;
use crate::outbox::delivery::{
    Attempt, Baseline, Commit, Delivery, DeliveryId, DiaryNote, End, Failure, Fate, Mark, MarkKind, Memory,
    Note, NoteKind, Owed, Part, Settled, Sibling,
};
use crate::presence::model::UserId;
use crate::time::millis;

/// The columns that make an `Owed`, in the order in which `owed` reads them.
pub const OWED: &str =
    "seq, id, target, rule, person, parts, created_ms, expires_ms, attempts, next_ms, called, fallbacks,
     origin, origin_target";

/// People as `SQLite` keeps them: the same 64 bits, signed.
fn person(id: Option<UserId>) -> i64 {
    id.map_or(0, |id| id.0.cast_signed())
}

pub(super) fn person_back(number: i64) -> Option<UserId> {
    (number != 0).then_some(UserId(number.cast_unsigned()))
}

fn kind(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Cooldown => "cooldown",
        MarkKind::Dedupe => "dedupe",
    }
}

/// Writes a commit; its deliveries get the numbers from `seq` on.
pub fn write_commit(db: &Transaction<'_>, commit: &Commit, mut seq: i64) -> Result<()> {
    if !commit.baselines.is_empty() {
        let mut upsert = db.prepare_cached(
            "INSERT OR REPLACE INTO baselines (person, raw, notes, heard_ms) VALUES (?, ?, ?, ?)",
        )?;
        for Baseline { person: id, raw, notes, heard_ms } in &commit.baselines {
            upsert.execute(params![person(Some(*id)), raw, notes, heard_ms])?;
        }
    }
    for id in &commit.forgotten {
        db.prepare_cached("DELETE FROM baselines WHERE person = ?")?.execute([person(Some(*id))])?;
    }
    for rule in &commit.retired {
        db.prepare_cached("DELETE FROM marks WHERE rule = ?")?.execute([rule])?;
        db.prepare_cached("DELETE FROM notes WHERE rule = ?")?.execute([rule])?;
    }
    write_notes(db, &commit.notes)?;
    if !commit.marks.is_empty() {
        let mut upsert = db.prepare_cached(
            "INSERT OR REPLACE INTO marks (rule, person, kind, key, until_ms) VALUES (?, ?, ?, ?, ?)",
        )?;
        for mark in &commit.marks {
            upsert.execute(params![
                mark.rule,
                person(mark.person),
                kind(mark.kind),
                mark.key,
                mark.until_ms
            ])?;
        }
    }
    if let Some(heard_ms) = commit.heard_ms {
        db.prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES ('heard_ms', ?)")?
            .execute([heard_ms])?;
    }
    if let Some(diary) = &commit.diary {
        write_diary(db, diary)?;
    }
    write_failures(db, &commit.failures)?;
    if commit.deliveries.is_empty() {
        return Ok(());
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO deliveries
            (seq, id, target, rule, person, parts, created_ms, expires_ms, state, called, fallbacks, origin,
             origin_target)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)",
    )?;
    for delivery in &commit.deliveries {
        let Delivery { id, target, rule, person: about, called, parts, created_ms, expires_ms, .. } =
            delivery;
        let parts = serde_json::to_string(parts).expect("a map of JSON values is JSON");
        insert.execute(params![
            seq,
            id.as_bytes(),
            target,
            rule,
            person(*about),
            parts,
            created_ms,
            expires_ms,
            called,
            fallbacks::written(&delivery.fallbacks),
            delivery.origin.as_ref().map(|origin| origin.seq),
            delivery.origin.as_ref().map(|origin| &origin.target),
        ])?;
        seq += 1;
    }
    Ok(())
}

fn write_notes(db: &Transaction<'_>, notes: &[Note]) -> Result<()> {
    for Note { rule, person: about, kind, key, text } in notes {
        if text.is_empty() {
            db.prepare_cached("DELETE FROM notes WHERE rule = ? AND person = ? AND kind = ? AND key = ?")?
                .execute(params![rule, person(*about), kind.word(), key])?;
        } else {
            db.prepare_cached(
                "INSERT OR REPLACE INTO notes (rule, person, kind, key, text) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![rule, person(*about), kind.word(), key, text])?;
        }
    }
    Ok(())
}

/// How the diary is called, and the fact that says until when it is complete.
const DIARY: &str = "diary";
const DIARY_UPTO: &str = "diary_ms";

fn write_diary(db: &Transaction<'_>, DiaryNote { upto_ms, text }: &DiaryNote) -> Result<()> {
    if let Some(text) = text {
        db.prepare_cached("INSERT OR REPLACE INTO texts (name, text) VALUES (?, ?)")?
            .execute(params![DIARY, text])?;
    }
    db.prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)")?
        .execute(params![DIARY_UPTO, upto_ms])?;
    Ok(())
}

fn diary(db: &Connection) -> Result<Option<DiaryNote>> {
    db.query_row(
        "SELECT value, text FROM facts JOIN texts ON texts.name = ? WHERE facts.name = ?",
        [DIARY, DIARY_UPTO],
        |row| Ok(DiaryNote { upto_ms: row.get(0)?, text: row.get(1)? }),
    )
    .optional()
}

/// How the fact that Lanyard is down is called, and how that a target fails, before the target's name.
const LANYARD_DOWN: &str = "lanyard_down_ms";
const TARGET_FAILING: &str = "target_failing_ms ";

fn write_failures(db: &Transaction<'_>, failures: &[Failure]) -> Result<()> {
    for Failure { part, since_ms } in failures {
        let name = match part {
            Part::Lanyard => LANYARD_DOWN.to_owned(),
            Part::Target(target) => format!("{TARGET_FAILING}{target}"),
        };
        match since_ms {
            Some(since_ms) => db
                .prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)")?
                .execute(params![name, since_ms])?,
            None => db.prepare_cached("DELETE FROM facts WHERE name = ?")?.execute([name])?,
        };
    }
    Ok(())
}

fn failure(name: &str, since_ms: i64) -> Option<Failure> {
    let part = match name.strip_prefix(TARGET_FAILING) {
        Some(target) => Part::Target(target.into()),
        None if name == LANYARD_DOWN => Part::Lanyard,
        None => return None,
    };
    Some(Failure { part, since_ms: Some(since_ms) })
}

/// Writes down an outcome; false if the row is not owed any more (dropped by a person meanwhile).
pub fn write_settled(db: &Transaction<'_>, settled: &Settled) -> Result<bool> {
    let Settled { seq, fate, attempt, at_ms } = settled;
    let (next_ms, settled_ms) = match fate {
        Fate::Pending { next_ms } => (*next_ms, None),
        _ => (0, Some(at_ms)),
    };
    let changed = match attempt {
        Some(Attempt { status, answer, took, .. }) => db
            .prepare_cached(
                "UPDATE deliveries SET state = ?, next_ms = ?, settled_ms = ?, attempts = attempts + 1,
                 status = ?, answer = ?, took_ms = ? WHERE seq = ? AND state = 'pending'",
            )?
            .execute(params![fate.word(), next_ms, settled_ms, status, answer, millis(*took), seq])?,
        None => db
            .prepare_cached(
                "UPDATE deliveries SET state = ?, next_ms = ?, settled_ms = ? WHERE seq = ? AND state = 'pending'",
            )?
            .execute(params![fate.word(), next_ms, settled_ms, seq])?,
    };
    if changed > 0
        && let Some(attempt) = attempt
        && attempt.end != End::Delivered
    {
        write_attempt(db, *seq, attempt, *at_ms, *fate)?;
    }
    Ok(changed > 0)
}

/// Of one delivery, so many attempts are kept.
pub const ATTEMPTS_KEPT: i64 = 20;

/// Writes down an attempt that did not deliver, and forgets those before the last twenty.
fn write_attempt(db: &Transaction<'_>, seq: i64, attempt: &Attempt, at_ms: i64, fate: Fate) -> Result<()> {
    let Attempt { status, answer, took, end } = attempt;
    let next_ms = match fate {
        Fate::Pending { next_ms } if next_ms > 0 => Some(next_ms),
        _ => None,
    };
    db.prepare_cached(
        "INSERT INTO attempts (seq, number, at_ms, status, answer, took_ms, end, next_ms)
         SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM attempts WHERE seq = ?1",
    )?
    .execute(params![seq, at_ms, status, answer, millis(*took), end.word(), next_ms])?;
    db.prepare_cached(
        "DELETE FROM attempts
         WHERE seq = ?1 AND number <= (SELECT MAX(number) FROM attempts WHERE seq = ?1) - ?2",
    )?
    .execute(params![seq, ATTEMPTS_KEPT])?;
    Ok(())
}

pub fn memory(db: &Connection, now_ms: i64) -> Result<Memory> {
    let mut baselines = db.prepare("SELECT person, raw, notes, heard_ms FROM baselines")?;
    let baselines = baselines.query_map([], |row| {
        Ok(Baseline {
            person: UserId(row.get::<_, i64>(0)?.cast_unsigned()),
            raw: row.get(1)?,
            notes: row.get(2)?,
            heard_ms: row.get(3)?,
        })
    })?;
    let mut marks = db.prepare("SELECT rule, person, kind, key, until_ms FROM marks WHERE until_ms > ?")?;
    let marks = marks.query_map([now_ms], |row| {
        let kind = match row.get_ref(2)?.as_str()? {
            "cooldown" => MarkKind::Cooldown,
            _ => MarkKind::Dedupe,
        };
        Ok(Mark {
            rule: row.get(0)?,
            person: person_back(row.get(1)?),
            kind,
            key: row.get(3)?,
            until_ms: row.get(4)?,
        })
    })?;
    let mut notes = db.prepare("SELECT rule, person, kind, key, text FROM notes")?;
    let notes = notes.query_map([], |row| {
        let Some(kind) = NoteKind::from_word(row.get_ref(2)?.as_str()?) else { return Ok(None) };
        let (rule, person) = (row.get(0)?, person_back(row.get(1)?));
        Ok(Some(Note { rule, person, kind, key: row.get(3)?, text: row.get(4)? }))
    })?;
    let mut failures = db.prepare("SELECT name, value FROM facts")?;
    let failures = failures.query_map([], |row| Ok(failure(row.get_ref(0)?.as_str()?, row.get(1)?)))?;
    let heard_ms =
        db.query_row("SELECT value FROM facts WHERE name = 'heard_ms'", [], |row| row.get(0)).optional()?;
    Ok(Memory {
        baselines: baselines.collect::<Result<_>>()?,
        marks: marks.collect::<Result<_>>()?,
        notes: notes.filter_map(Result::transpose).collect::<Result<_>>()?,
        failures: failures.filter_map(Result::transpose).collect::<Result<_>>()?,
        heard_ms,
        diary: diary(db)?,
    })
}

/// A row of `OWED`.
pub fn owed(row: &Row<'_>) -> Result<Owed> {
    let broken =
        |column, error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error);
    let parts = row.get_ref(5)?.as_str()?;
    let parts = serde_json::from_str(parts).map_err(|error| broken(5, error.into()))?;
    let fallbacks = match row.get_ref(11)?.as_str_or_null()? {
        Some(kept) => fallbacks::read(kept).ok_or_else(|| broken(11, "no fallbacks".into()))?,
        None => Vec::new(),
    };
    let origin = match row.get(12)? {
        Some(seq) => Some(Sibling { seq, target: row.get(13)? }),
        None => None,
    };
    Ok(Owed {
        seq: row.get(0)?,
        delivery: Delivery {
            id: DeliveryId::from_bytes(row.get(1)?),
            target: row.get(2)?,
            rule: row.get(3)?,
            person: person_back(row.get(4)?),
            called: row.get(10)?,
            cause: None,
            parts,
            created_ms: row.get(6)?,
            expires_ms: row.get(7)?,
            fallbacks,
            origin,
        },
        attempts: row.get(8)?,
        next_ms: row.get(9)?,
    })
}

/// A stretch of what a target is owed, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub owed: Vec<Owed>,
    /// Everything up to this number has been looked at.
    pub upto: i64,
    /// Nothing was owed beyond, when it was read.
    pub end: bool,
}

/// What a target is owed after `after`.
pub fn pending(db: &Connection, target: &str, after: i64, limit: usize) -> Result<Page> {
    let mut page = db.prepare_cached(&format!(
        "SELECT {OWED} FROM deliveries WHERE state = 'pending' AND target = ? AND seq > ? ORDER BY seq LIMIT ?"
    ))?;
    let mut rows = page.query(params![target, after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut page = Page { owed: Vec::new(), upto: after, end: true };
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        page.upto = row.get(0)?;
        match owed(row) {
            Ok(owed) => page.owed.push(owed),
            // Somebody edited the database by hand. The row stays for them to mend; the others go on.
            Err(error) => tracing::error!(seq = page.upto, %error, "a delivery cannot be read"),
        }
    }
    page.end = seen < limit;
    Ok(page)
}

/// One row, if it is still owed.
pub fn pending_one(db: &Connection, seq: i64) -> Result<Option<Owed>> {
    let mut one =
        db.prepare_cached(&format!("SELECT {OWED} FROM deliveries WHERE state = 'pending' AND seq = ?"))?;
    let mut rows = one.query_map([seq], owed)?;
    rows.next().transpose()
}

/// What waits for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub target: Arc<str>,
    pub count: u64,
    pub oldest_ms: i64,
}

pub fn waiting(db: &Connection) -> Result<Vec<Waiting>> {
    let mut waiting = db.prepare_cached(
        "SELECT owed.target, owed.count, oldest.created_ms FROM
           (SELECT target, COUNT(*) AS count, MIN(seq) AS first FROM deliveries
            WHERE state = 'pending' GROUP BY target) AS owed
         JOIN deliveries AS oldest ON oldest.seq = owed.first",
    )?;
    let rows = waiting.query_map([], |row| {
        Ok(Waiting {
            target: row.get(0)?,
            count: row.get::<_, i64>(1)?.unsigned_abs(),
            oldest_ms: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// The states that are history.
pub const SETTLED: [Fate; 4] = [Fate::Delivered, Fate::Rehearsed, Fate::Dead, Fate::Expired];

/// How many rows of a settled state there are.
pub fn settled_count(db: &Connection, fate: Fate) -> Result<u64> {
    db.prepare_cached("SELECT COUNT(*) FROM deliveries WHERE state <> 'pending' AND state = ?")?
        .query_row([fate.word()], |row| row.get(0).map(i64::unsigned_abs))
}

/// Forgets the oldest `surplus` rows of a settled state.
pub fn prune_surplus(db: &Transaction<'_>, fate: Fate, surplus: u64) -> Result<usize> {
    db.prepare_cached(
        "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries
         WHERE state <> 'pending' AND state = ? ORDER BY settled_ms LIMIT ?)",
    )?
    .execute(params![fate.word(), surplus.cast_signed()])
}

/// Forgets rows of a settled state that were settled before `before_ms`.
pub fn prune_old(db: &Transaction<'_>, fate: Fate, before_ms: i64) -> Result<usize> {
    db.prepare_cached("DELETE FROM deliveries WHERE state <> 'pending' AND state = ? AND settled_ms < ?")?
        .execute(params![fate.word(), before_ms])
}

/// Forgets marks whose time is over.
pub fn prune_marks(db: &Transaction<'_>, now_ms: i64) -> Result<usize> {
    db.prepare_cached("DELETE FROM marks WHERE until_ms <= ?")?.execute([now_ms])
}

/// The number after the last that was given.
pub fn next_seq(db: &Connection) -> Result<i64> {
    db.query_row("SELECT COALESCE(MAX(seq), 0) + 1 FROM deliveries", [], |row| row.get(0))
}

/// What `outbox` commands left for us, and forgets it.
pub fn take_nudges(db: &Transaction<'_>) -> Result<Vec<i64>> {
    let seqs =
        db.prepare_cached("SELECT seq FROM nudges ORDER BY seq")?.query_map([], |row| row.get(0))?.collect();
    db.prepare_cached("DELETE FROM nudges")?.execute([])?;
    seqs
}
