//! The embedded store: one SQLite file, or memory.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row as _, SqlStr, Sqlite as Db};
use tokio::sync::OnceCell;

use super::{Answer, Config, End, Favourite, MAX_FAVOURITES, Notes, Outcome, Past, Person, Record, Search, Store};
use super::{StoreError, Via, Who};
use crate::id::SessionId;

/// Each runs once; one that has run never changes.
const MIGRATIONS: [(&str, &str); 1] = [("history", include_str!("../../migrations/0001_history.sql"))];

/// For one question, opening the file included.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(2);

pub struct Sqlite {
    path: Option<PathBuf>,
    /// Opened by the first question that finds it can be: a disk may come back.
    pool: OnceCell<SqlitePool>,
}

impl Sqlite {
    pub fn new(config: &Config) -> Self {
        Self { path: config.path.clone(), pool: OnceCell::new() }
    }

    /// Says early whether the store can be used.
    ///
    /// # Errors
    /// [`StoreError`] with the cause.
    pub async fn open(&self) -> Result<(), StoreError> {
        ask(async { self.pool().await.map(|_| ()) }).await
    }

    async fn pool(&self) -> Result<&SqlitePool, StoreError> {
        self.pool.get_or_try_init(|| connect(self.path.as_deref())).await
    }
}

fn ask<'a, T>(question: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Answer<'a, T> {
    Box::pin(async { tokio::time::timeout(PATIENCE, question).await.unwrap_or(Err(StoreError::Slow(PATIENCE))) })
}

async fn connect(path: Option<&Path>) -> Result<SqlitePool, StoreError> {
    let options = match path {
        Some(path) => {
            private_file(path).map_err(|error| StoreError::Broken(format!("{}: {error}", path.display())))?;
            SqliteConnectOptions::new().filename(path)
        }
        None => SqliteConnectOptions::from_str("sqlite::memory:")?,
    };
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        // What is forgotten is overwritten, too.
        .pragma("secure_delete", "on")
        .busy_timeout(BUSY);
    // One connection: what is asked takes microseconds, and a database in memory is its connection's.
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.acquire_timeout(BUSY).connect_with(options).await?;
    migrator().run(&pool).await.map_err(|error| StoreError::Broken(error.to_string()))?;
    // Sessions end with the process: those without an end were cut off.
    sqlx::query("UPDATE session SET ended_by = 'restart' WHERE ended IS NULL").execute(&pool).await?;
    Ok(pool)
}

// `sqlx::migrate!` would do the same, and have all of sqlx compiled twice.
fn migrator() -> Migrator {
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    Migrator::with_migrations((1..).zip(MIGRATIONS).map(migration).collect())
}

/// Notes are nobody's but the company's: the file is its owner's alone.
fn private_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

impl Store for Sqlite {
    fn favourites<'a>(&'a self, who: Who<'a>) -> Answer<'a, Vec<Favourite>> {
        ask(async move {
            let pool = self.pool().await?;
            let rows =
                sqlx::query("SELECT site, name FROM favourite WHERE company = ? AND agent = ? ORDER BY name, site")
                    .bind(who.company)
                    .bind(who.agent)
                    .fetch_all(pool)
                    .await?;
            rows.iter().map(|row| Ok(Favourite { site: row.try_get("site")?, name: row.try_get("name")? })).collect()
        })
    }

    fn add_favourite<'a>(&'a self, who: Who<'a>, favourite: &'a Favourite) -> Answer<'a, ()> {
        ask(async move {
            let pool = self.pool().await?;
            // One statement, so that two tabs cannot pass the limit together.
            let done = sqlx::query(
                "INSERT INTO favourite (company, agent, site, name) SELECT ?1, ?2, ?3, ?4 \
                 WHERE (SELECT count(*) FROM favourite WHERE company = ?1 AND agent = ?2 AND site <> ?3) < ?5 \
                 ON CONFLICT DO UPDATE SET name = excluded.name",
            )
            .bind(who.company)
            .bind(who.agent)
            .bind(&favourite.site)
            .bind(&favourite.name)
            .bind(i64::try_from(MAX_FAVOURITES).unwrap_or(i64::MAX))
            .execute(pool)
            .await?;
            if done.rows_affected() == 0 { Err(StoreError::Full) } else { Ok(()) }
        })
    }

    fn remove_favourite<'a>(&'a self, who: Who<'a>, site: &'a str) -> Answer<'a, ()> {
        ask(async move {
            let pool = self.pool().await?;
            sqlx::query("DELETE FROM favourite WHERE company = ? AND agent = ? AND site = ?")
                .bind(who.company)
                .bind(who.agent)
                .bind(site)
                .execute(pool)
                .await?;
            Ok(())
        })
    }

    fn record<'a>(&'a self, record: &'a Record) -> Answer<'a, ()> {
        ask(async move {
            let pool = self.pool().await?;
            let mut change = pool.begin().await?;
            sqlx::query(
                "INSERT INTO session (id, company, site, via, created, active, ended, ended_by) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
                 active = excluded.active, ended = excluded.ended, ended_by = excluded.ended_by \
                 WHERE excluded.ended IS NOT NULL OR session.ended IS NULL",
            )
            .bind(record.id.as_str())
            .bind(&record.company)
            .bind(&record.site)
            .bind(record.via.as_str())
            .bind(millis(record.created))
            .bind(record.active.map(millis))
            .bind(record.end.as_ref().map(|end| millis(end.at)))
            .bind(record.end.as_ref().map(|end| end.by.as_str()))
            .execute(&mut *change)
            .await?;
            for person in &record.people {
                sqlx::query(
                    "INSERT INTO participant (session, agent, display) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                )
                .bind(record.id.as_str())
                .bind(&person.name)
                .bind(&person.display)
                .execute(&mut *change)
                .await?;
            }
            change.commit().await?;
            Ok(())
        })
    }

    fn note<'a>(&'a self, id: SessionId, notes: &'a Notes) -> Answer<'a, ()> {
        ask(async move {
            let pool = self.pool().await?;
            sqlx::query("UPDATE session SET notes = ?, outcome = ? WHERE id = ?")
                .bind(&notes.text)
                .bind(notes.outcome.map(Outcome::as_str))
                .bind(id.as_str())
                .execute(pool)
                .await?;
            Ok(())
        })
    }

    fn past<'a>(&'a self, search: Search<'a>) -> Answer<'a, Vec<Past>> {
        ask(async move {
            let pool = self.pool().await?;
            let rows = sqlx::query(
                "SELECT * FROM session WHERE company = ?1 \
                 AND (?2 IS NULL OR EXISTS (SELECT 1 FROM participant WHERE session = session.id AND agent = ?2)) \
                 AND (?3 = '' OR site LIKE ?4 ESCAPE '\\' OR notes LIKE ?4 ESCAPE '\\' \
                      OR EXISTS (SELECT 1 FROM participant WHERE session = session.id AND display LIKE ?4 ESCAPE '\\')) \
                 AND (?5 IS NULL OR (created, id) < (SELECT created, id FROM session WHERE id = ?5 AND company = ?1)) \
                 ORDER BY created DESC, id DESC LIMIT ?6",
            )
            .bind(search.company)
            .bind(search.agent)
            .bind(search.text)
            .bind(pattern(search.text))
            .bind(search.before.as_ref().map(SessionId::as_str))
            .bind(search.limit)
            .fetch_all(pool)
            .await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in &rows {
                found.push(past(row, pool).await?);
            }
            Ok(found)
        })
    }

    fn past_one<'a>(&'a self, company: &'a str, id: SessionId) -> Answer<'a, Option<Past>> {
        ask(async move {
            let pool = self.pool().await?;
            let row = sqlx::query("SELECT * FROM session WHERE company = ? AND id = ?")
                .bind(company)
                .bind(id.as_str())
                .fetch_optional(pool)
                .await?;
            match row {
                Some(row) => Ok(Some(past(&row, pool).await?)),
                None => Ok(None),
            }
        })
    }

    fn forget(&self, before: SystemTime) -> Answer<'_, u64> {
        ask(async move {
            let pool = self.pool().await?;
            let done = sqlx::query("DELETE FROM session WHERE coalesce(ended, created) < ? AND ended_by IS NOT NULL")
                .bind(millis(before))
                .execute(pool)
                .await?;
            Ok(done.rows_affected())
        })
    }
}

async fn past(row: &SqliteRow, pool: &SqlitePool) -> Result<Past, StoreError> {
    let id: String = row.try_get("id")?;
    let people = sqlx::query::<Db>("SELECT agent, display FROM participant WHERE session = ? ORDER BY display, agent")
        .bind(&id)
        .fetch_all(pool)
        .await?;
    let people = people.iter().map(|row| Ok(Person { name: row.try_get("agent")?, display: row.try_get("display")? }));
    let ended: Option<i64> = row.try_get("ended")?;
    let by: Option<String> = row.try_get("ended_by")?;
    let via: String = row.try_get("via")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    Ok(Past {
        cut_off: ended.is_none() && by.is_some(),
        record: Record {
            id: SessionId::parse(&id).map_err(|error| StoreError::Broken(error.to_string()))?,
            company: row.try_get("company")?,
            site: row.try_get("site")?,
            via: if via == Via::Pin.as_str() { Via::Pin } else { Via::Link },
            created: time(row.try_get("created")?),
            active: row.try_get::<Option<i64>, _>("active")?.map(time),
            end: ended.map(time).zip(by).map(|(at, by)| End { at, by }),
            people: people.collect::<Result<_, sqlx::Error>>()?,
        },
        notes: Notes { text: row.try_get("notes")?, outcome: outcome.as_deref().and_then(Outcome::parse) },
    })
}

/// What people type stands for itself: neither `%` nor `_` means anything.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Broken(error.to_string())
    }
}
