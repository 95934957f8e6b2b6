//! The database's shape, and whether a file has it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::StoreError;
use super::handle::Durability;
use super::place;

/// Counted up with each change that an older doorchime would not understand.
const VERSION: i64 = STEPS.len() as i64;
/// What leads from nothing to version 1, from there to 2, and so on. A step that has been released is never
/// changed: files that took it are out there.
const STEPS: [&str; 5] = [FIRST, ATTEMPTS, NOTES, FALLBACKS, TEXTS];
/// Marks the file as ours: "door" in ASCII.
const APPLICATION_ID: i64 = 0x646f_6f72;
/// How long one process waits for the other's transaction: `outbox` commands write beside a running bot.
const BUSY: Duration = Duration::from_secs(5);
/// Files up to this size are looked through page by page when they are opened.
const CHECKED_BYTES_MAX: u64 = 16 << 20;

/// `deliveries` is in order of creation. The two indices part it: an owed row is in the first, a settled one
/// in the second, so that neither a long backlog nor a long history slows the other down. `nudges` is how
/// `outbox retry` and `drop` tell the running bot what they have done. Nobody is person 0.
const FIRST: &str = "
    CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        target TEXT NOT NULL,
        rule TEXT NOT NULL,
        person INTEGER NOT NULL,
        parts TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_ms INTEGER NOT NULL DEFAULT 0,
        settled_ms INTEGER,
        status INTEGER,
        answer TEXT,
        took_ms INTEGER
    ) STRICT;
    CREATE INDEX owed ON deliveries (target, seq) WHERE state = 'pending';
    CREATE INDEX settled ON deliveries (state, settled_ms) WHERE state <> 'pending';
    CREATE TABLE baselines (
        person INTEGER PRIMARY KEY,
        raw TEXT NOT NULL,
        notes TEXT NOT NULL,
        heard_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE marks (
        rule TEXT NOT NULL,
        person INTEGER NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        until_ms INTEGER NOT NULL,
        PRIMARY KEY (rule, person, kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE nudges (seq INTEGER PRIMARY KEY) STRICT;
";

/// `attempts` holds those that did not deliver; the last one of any delivery is in its own row as well, so that
/// what arrives at once costs no second one. They go with their delivery, whoever deletes it.
const ATTEMPTS: &str = "
    ALTER TABLE deliveries ADD COLUMN called TEXT;
    CREATE TABLE attempts (
        seq INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        status INTEGER,
        answer TEXT NOT NULL,
        took_ms INTEGER NOT NULL,
        end TEXT NOT NULL,
        next_ms INTEGER,
        PRIMARY KEY (seq, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER forget_attempts AFTER DELETE ON deliveries BEGIN
        DELETE FROM attempts WHERE seq = OLD.seq;
    END;
";

/// What rules keep in mind beside their marks.
const NOTES: &str = "
    CREATE TABLE notes (
        rule TEXT NOT NULL,
        person INTEGER NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (rule, person, kind, key)
    ) STRICT, WITHOUT ROWID;
";

/// `fallbacks` is where a delivery goes if its target does not take it; it moves on to the delivery that takes
/// over, which names the one before it as `origin`.
const FALLBACKS: &str = "
    ALTER TABLE deliveries ADD COLUMN fallbacks TEXT;
    ALTER TABLE deliveries ADD COLUMN origin INTEGER;
    ALTER TABLE deliveries ADD COLUMN origin_target TEXT;
    CREATE INDEX took_over ON deliveries (origin) WHERE origin IS NOT NULL;
";

/// Facts that are longer than a number.
const TEXTS: &str = "
    CREATE TABLE texts (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
";

/// Opens the database for the process that holds the directory; makes it if there is none.
pub fn open(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let found = examine(path)?;
    if found.is_none() {
        place::make_database(path)?;
    }
    let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if db.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(StoreError::ReadOnly(path.into()));
    }
    raise(&mut db, found.unwrap_or(0)).map_err(failed)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    // A file system that cannot share memory answers with its old mode; that is slower, not wrong.
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failed)?;
    db.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
    // The write-ahead log is put away when it has come to about a megabyte, so that it does not fill a small
    // disk by itself; after a burst it gives its space back.
    db.query_row("PRAGMA wal_autocheckpoint = 256", [], |_| Ok(())).map_err(failed)?;
    db.query_row("PRAGMA journal_size_limit = 1048576", [], |_| Ok(())).map_err(failed)?;
    // What `outbox` did while nobody ran is in the rows already. Also the proof that we may write.
    let clear = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    clear.execute("DELETE FROM nudges", []).map_err(failed)?;
    clear.commit().map_err(failed)?;
    Ok(db)
}

/// Opens the database beside the process that runs on it.
pub fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    let dir = path.parent().unwrap_or(path);
    let Some(found) = examine(path)? else { return Err(StoreError::Missing(dir.into())) };
    if found < VERSION {
        // One that runs would not know what we did to its file.
        let _lock = place::take(dir).map_err(|error| match error {
            StoreError::Locked { dir, pid } => StoreError::Older { dir, pid },
            other => other,
        })?;
        let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        raise(&mut db, found).map_err(|error| StoreError::sqlite(path, &error))?;
        return Ok(db);
    }
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens it once more for the process that holds the directory, and has examined it when it took it.
pub fn open_again(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.parent().unwrap_or(path).into()));
    }
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// The version of a database that we know; `None` for none yet. Changes nothing, whatever it finds.
fn examine(path: &Path) -> Result<Option<i64>, StoreError> {
    let bytes = match path.metadata() {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(StoreError::Foreign(path.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io(path, &error)),
    };
    if bytes == 0 {
        return Ok(None);
    }
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut head))
        .map_err(|error| StoreError::io(path, &error))?;
    if head != *b"SQLite format 3\0" {
        return Err(StoreError::Foreign(path.into()));
    }
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let found = number("PRAGMA user_version")?;
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign(path.into()));
    }
    if found > VERSION {
        return Err(StoreError::Newer { path: path.into(), found, known: VERSION });
    }
    if bytes <= CHECKED_BYTES_MAX {
        let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if verdict != "ok" {
            return Err(StoreError::Damaged { path: path.into(), why: verdict.replace('\n', " ") });
        }
    }
    Ok(Some(found))
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    let open = || {
        let db = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        db.busy_timeout(BUSY)?;
        db.set_prepared_statement_cache_capacity(32);
        Ok(db)
    };
    open().map_err(|error| StoreError::sqlite(path, &error))
}

/// Takes a file from the version it has to ours, all the way or not at all. A fresh one gets its schema before
/// there is a write-ahead log that could go missing.
fn raise(db: &mut Connection, found: i64) -> rusqlite::Result<()> {
    let steps = STEPS.get(usize::try_from(found).unwrap_or(0)..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let raising = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for step in steps {
        raising.execute_batch(step)?;
    }
    raising.pragma_update(None, "application_id", APPLICATION_ID)?;
    raising.pragma_update(None, "user_version", VERSION)?;
    raising.commit()
}

#[cfg(test)]
pub(super) fn create_first(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(FIRST).unwrap();
    db.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
}
