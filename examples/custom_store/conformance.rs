//! The last line runs every law of the suite; the rest says how to get a fresh store, and how
//! to look into it.

use std::path::PathBuf;

use fastlimit::ManualClock;
use fastlimit::store::Key;
use fastlimit_conformance::{
    Fixture, FixtureError, Inspect, StoreFactory, async_trait, conformance_tests,
};
use rusqlite::{Connection, OptionalExtension, params};
use tempfile::TempDir;

use crate::sqlite_store::SqliteStore;

struct SqliteStores;

#[async_trait]
impl StoreFactory for SqliteStores {
    async fn create(&self) -> Result<Fixture, FixtureError> {
        let folder = TempDir::new()?;
        let path = folder.path().join("limits.sqlite3");
        let clock = ManualClock::default();
        Ok(Fixture::new(SqliteStore::open(&path, clock.clone())?)
            // A second connection, as another process would have.
            .with_instance(SqliteStore::open(&path, clock.clone())?)
            .with_clock(clock)
            .with_inspector(File(path))
            .with_guard(folder))
    }

    fn name(&self) -> &str {
        "SqliteStore"
    }

    fn histories(&self) -> u32 {
        500
    }
}

/// The database, past the store.
struct File(PathBuf);

#[async_trait]
impl Inspect for File {
    async fn state(&self, key: Key<'_>) -> Result<Option<Vec<u8>>, FixtureError> {
        let select = "SELECT state FROM entries WHERE key = ?1";
        Ok(Connection::open(&self.0)?
            .query_row(select, [key.to_string()], |row| row.get(0))
            .optional()?)
    }

    async fn plant(&self, key: Key<'_>, bytes: &[u8]) -> Result<bool, FixtureError> {
        Connection::open(&self.0)?.execute(
            "INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3)",
            params![key.to_string(), bytes, i64::MAX],
        )?;
        Ok(true)
    }
}

conformance_tests!(SqliteStores);
