use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastlimit::store::{AsyncStore, Entry, OwnedRequest, Request, async_trait};
use fastlimit::{Clock, Decision, StoreError, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// How long a request waits while another process writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A store in a SQLite file.
///
/// All that a store has to do is here: read the entry of a key, let [`Entry::apply`] decide,
/// write the entry back if it changed, in one transaction.
#[derive(Clone)]
pub(crate) struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, and creates it if there is none.
    pub(crate) fn open(path: &Path, clock: impl Clock) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS entries (
                 key TEXT PRIMARY KEY, state BLOB NOT NULL, expires_at INTEGER NOT NULL
             ) WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS entries_by_expiry ON entries (expires_at);",
        )?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            clock: Arc::new(clock),
        })
    }

    fn apply_blocking(&self, request: &OwnedRequest) -> Result<Decision, StoreError> {
        let request = request.as_request();
        let key = request.key().to_string();
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Immediate: it takes the write lock before it reads, so nothing comes in between.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(not_sent)?;
        let state: Option<Vec<u8>> = transaction
            .prepare_cached("SELECT state FROM entries WHERE key = ?1")
            .and_then(|mut select| select.query_row([&key], |row| row.get(0)).optional())
            .map_err(not_sent)?;
        let mut entry = match state {
            Some(bytes) => Entry::from_bytes(&bytes).map_err(|error| {
                // Without the identifier, which may be a secret.
                let shown = request.key().redacted();
                let message = format!("the state of {shown} is not ours: {error}");
                StoreError::new(StoreErrorKind::ForeignData, message).with_source(error)
            })?,
            None => Entry::new(),
        };

        let now = self.clock.now();
        let applied = entry.apply(request.limits(), request.operation(), now);
        if !applied.changed {
            return Ok(applied.decision);
        }

        let written = if entry.is_empty() {
            transaction.execute("DELETE FROM entries WHERE key = ?1", [&key])
        } else {
            let mut bytes = Vec::new();
            entry.write_to(&mut bytes);
            transaction
                .prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| {
                    insert.execute(params![key, bytes, sql_time(entry.expires_at())])
                })
        };
        written.map_err(not_sent)?;
        // Each write takes a few dead entries along, so that the file stays small.
        transaction
            .prepare_cached(
                "DELETE FROM entries WHERE key IN
                     (SELECT key FROM entries WHERE expires_at < ?1 LIMIT 4)",
            )
            .and_then(|mut delete| delete.execute([sql_time(now)]))
            .map_err(not_sent)?;
        // Only a failed commit leaves open whether the charge was kept.
        transaction.commit().map_err(|error| {
            let message = "the transaction may or may not be committed";
            StoreError::new(StoreErrorKind::OutcomeUnknown, message).with_source(error)
        })?;
        Ok(applied.decision)
    }
}

#[async_trait]
impl AsyncStore for SqliteStore {
    async fn apply(&self, request: Request<'_>) -> Result<Decision, StoreError> {
        // SQLite blocks, so it gets a thread that may.
        let (store, request) = (self.clone(), request.to_owned());
        tokio::task::spawn_blocking(move || store.apply_blocking(&request))
            .await
            .map_err(|error| {
                let message = "the thread that asked the database is gone";
                StoreError::new(StoreErrorKind::OutcomeUnknown, message).with_source(error)
            })?
    }
}

/// Before the commit nothing is charged: a dropped transaction is rolled back.
fn not_sent(error: rusqlite::Error) -> StoreError {
    StoreError::new(StoreErrorKind::NotSent, "the database refused").with_source(error)
}

/// SQLite's integers have a sign; timestamps stay far below it.
fn sql_time(time: fastlimit::Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
