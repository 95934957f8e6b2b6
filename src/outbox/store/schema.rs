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
const VERSION: i64 = 1;
/// Marks the file as ours: "door" in ASCII.
const APPLICATION_ID: i64 = 0x646f_6f72;
/// How long one process waits for the other's transaction: `outbox` commands write beside a running bot.
const BUSY: Duration = Duration::from_secs(5);
/// Files up to this size are looked through page by page when they are opened.
const CHECKED_BYTES_MAX: u64 = 16 << 20;

/// `deliveries` is in order of creation. The two indices part it: an owed row is in the first, a settled one
/// in the second, so that neither a long backlog nor a long history slows the other down. `nudges` is how
/// `outbox retry` and `drop` tell the running bot what they have done. Nobody is person 0.
const SCHEMA: &str = "
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

/// Opens the database for the process that holds the directory; makes it if there is none.
pub fn open(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let fresh = !examine(path)?;
    if fresh {
        place::make_database(path)?;
    }
    let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if db.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(StoreError::ReadOnly(path.into()));
    }
    if fresh {
        create(&mut db).map_err(failed)?;
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    // A file system that cannot share memory answers with its old mode; that is slower, not wrong.
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failed)?;
    db.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
    // After a burst, the write-ahead log gives its space back.
    db.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(())).map_err(failed)?;
    // What `outbox` did while nobody ran is in the rows already. Also the proof that we may write.
    let clear = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    clear.execute("DELETE FROM nudges", []).map_err(failed)?;
    clear.commit().map_err(failed)?;
    Ok(db)
}

/// Opens the database beside the process that runs on it.
pub fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    if !examine(path)? {
        return Err(StoreError::Missing(path.parent().unwrap_or(path).into()));
    }
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// True for a database that we know, false for none yet. Changes nothing, whatever it finds.
fn examine(path: &Path) -> Result<bool, StoreError> {
    let bytes = match path.metadata() {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(StoreError::Foreign(path.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StoreError::io(path, &error)),
    };
    if bytes == 0 {
        return Ok(false);
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
    Ok(true)
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

/// In the old journal mode, so that the file has its schema before there is a write-ahead log that could go
/// missing.
fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let making = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    making.execute_batch(SCHEMA)?;
    making.pragma_update(None, "application_id", APPLICATION_ID)?;
    making.pragma_update(None, "user_version", VERSION)?;
    making.commit()
}
