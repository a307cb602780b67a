//! A database in a temporary directory, for tests of this crate.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;

use cordon_fixtures::{Database, Postgres};
use jiff::Timestamp;
use secrecy::{SecretBox, SecretString};
use sqlx::Row as _;
use tempfile::TempDir;

use super::registers::NewTenant;
use super::{BatchOutcome, Db, DbConfig, Flush, FlushBatch, RolePasswords, TenantBlock};
use crate::audit::AuditEntry;
use crate::auth::principal::tests::principal;
use crate::auth::{Action, IngestScope, Permit, Principal, ProviderScope, Role, TenantScope};
use crate::clock::{Env, ManualClock};
use crate::ids::{SourceId, TenantId};
use crate::keys::{KeyService, SealedFile};

pub(crate) const START: &str = "2026-11-24T04:00:00Z";

pub(crate) struct World {
    pub(crate) dir: Arc<TempDir>,
    /// The server behind the database, when the run is for PostgreSQL.
    pub(crate) postgres: Option<Arc<Postgres>>,
    pub(crate) env: Env,
    pub(crate) clock: ManualClock,
    pub(crate) config: DbConfig,
    pub(crate) keys: Arc<dyn KeyService>,
    pub(crate) db: Db,
}

pub(crate) fn tenant_id(name: &str) -> TenantId {
    name.parse().unwrap()
}

pub(crate) fn source_id(name: &str) -> SourceId {
    name.parse().unwrap()
}

/// One of the tenant's own people.
pub(crate) fn own(tenant: &str) -> Principal {
    principal(7, &format!("tenants/{tenant}"), Role::Admin)
}

pub(crate) fn scope(tenant: &str) -> TenantScope {
    TenantScope::own(tenant_id(tenant), own(tenant))
}

pub(crate) fn job_scope(tenant: &str) -> TenantScope {
    TenantScope::for_job(tenant_id(tenant), "test")
}

pub(crate) fn permit(scope: &TenantScope) -> Permit {
    Permit::for_tenant(Action::RevokeCredential, scope)
}

pub(crate) fn provider() -> (ProviderScope, Permit) {
    let scope = ProviderScope::new(principal(9, "provider", Role::Operator));
    let permit = Permit::for_provider(Action::CreateTenant, &scope);
    (scope, permit)
}

pub(crate) fn ingest(source: &str) -> IngestScope {
    let who = principal(8, &format!("sources/{source}"), Role::Source);
    IngestScope::new(source_id(source), who)
}

/// A block of `rows` rows whose plain bytes are `text`.
pub(crate) fn block(tenant: &str, rows: u32, text: &str) -> TenantBlock {
    TenantBlock {
        tenant: tenant_id(tenant),
        rows,
        min_time: 10,
        max_time: 20,
        plain: text.as_bytes().to_vec(),
    }
}

/// A batch whose content hash follows from its blocks.
pub(crate) fn batch(id: &str, blocks: Vec<TenantBlock>) -> FlushBatch {
    let mut hash = blake3::Hasher::new();
    for block in &blocks {
        hash.update(block.tenant.as_str().as_bytes())
            .update(&block.plain);
    }
    FlushBatch {
        batch_id: id.to_owned(),
        content_hash: *hash.finalize().as_bytes(),
        blocks,
        ..FlushBatch::default()
    }
}

pub(crate) fn flush(batches: Vec<FlushBatch>) -> Flush {
    Flush { batches }
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (env, clock) = Env::fixed(START.parse::<Timestamp>().unwrap(), 1);
        Self::with(dir, env, clock, |_| {}).await
    }

    /// On PostgreSQL, whatever the run is for.
    pub(crate) async fn on_postgres() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (env, clock) = Env::fixed(START.parse::<Timestamp>().unwrap(), 1);
        let postgres = Some(Arc::new(Postgres::start()));
        Self::open(dir, postgres, env, clock, |_| {}).await
    }

    pub(crate) async fn with(
        dir: Arc<TempDir>,
        env: Env,
        clock: ManualClock,
        tune: impl FnOnce(&mut DbConfig),
    ) -> Self {
        let postgres = match Database::of_this_run() {
            Database::Sqlite => None,
            Database::Postgres => Some(Arc::new(Postgres::start())),
        };
        Self::open(dir, postgres, env, clock, tune).await
    }

    async fn open(
        dir: Arc<TempDir>,
        postgres: Option<Arc<Postgres>>,
        env: Env,
        clock: ManualClock,
        tune: impl FnOnce(&mut DbConfig),
    ) -> Self {
        let mut config = match &postgres {
            None => DbConfig::new(format!("sqlite:{}", dir.path().join("cordon.db").display())),
            Some(postgres) => {
                let mut config = DbConfig::new(postgres.url());
                config.roles = passwords(postgres);
                config
            }
        };
        tune(&mut config);
        let keys: Arc<dyn KeyService> = Arc::new(key_file(dir.path().join("keys"), &env).await);
        Db::migrate(&config, &env).await.unwrap();
        let db = Db::open(&config, env.clone(), Arc::clone(&keys))
            .await
            .unwrap();
        Self {
            dir,
            postgres,
            env,
            clock,
            config,
            keys,
            db,
        }
    }

    /// Closes and opens everything again, on the same files.
    pub(crate) async fn reopened(self) -> Self {
        self.db.close().await;
        let config = self.config.clone();
        Self::open(self.dir, self.postgres, self.env, self.clock, |c| {
            *c = config
        })
        .await
    }

    pub(crate) async fn create(&self, tenants: &[&str]) {
        let (scope, permit) = provider();
        let mut tx = self.db.provider_tx(&scope, &permit).await.unwrap();
        for tenant in tenants {
            let new = NewTenant {
                tenant: tenant_id(tenant),
                display_name: tenant.to_uppercase(),
                parent: None,
                home_region: "local".to_owned(),
                billing_organisation: None,
            };
            let keys = self.db.first_keys(&scope, &new.tenant).await.unwrap();
            tx.create_tenant(&new, keys).await.unwrap();
        }
        tx.commit(AuditEntry::new(&permit)).await.unwrap();
    }

    pub(crate) async fn append(&self, source: &str, batches: Vec<FlushBatch>) -> Vec<BatchOutcome> {
        self.db
            .append(&ingest(source), flush(batches))
            .await
            .unwrap()
            .batches
    }

    /// The tenant's unsealed blocks: first sequence number, rows and text.
    pub(crate) async fn journal(&self, tenant: &str) -> Vec<(u64, u32, String)> {
        let read = self
            .db
            .journal_read(&scope(tenant), 0, u64::MAX >> 1)
            .await
            .unwrap();
        read.blocks
            .iter()
            .map(|b| {
                (
                    b.meta.first_seq,
                    b.meta.rows,
                    String::from_utf8(b.plain.to_vec()).unwrap(),
                )
            })
            .collect()
    }

    /// The PostgreSQL of a test that is about it.
    pub(crate) fn pg(&self) -> &Postgres {
        self.postgres.as_ref().unwrap()
    }

    /// The same database, opened by another process.
    pub(crate) async fn replica(&self) -> Db {
        Db::open(&self.config, self.env.clone(), Arc::clone(&self.keys))
            .await
            .unwrap()
    }

    /// On SQLite, whatever the run is for: what is SQLite's own.
    pub(crate) async fn on_sqlite() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (env, clock) = Env::fixed(START.parse::<Timestamp>().unwrap(), 1);
        Self::open(dir, None, env, clock, |_| {}).await
    }

    /// Runs a statement behind the kernel's back, as somebody with the file would, or
    /// PostgreSQL's superuser. Bytes are written as SQLite does: `x'00'`.
    pub(crate) async fn tamper(&self, sql: &str) -> u64 {
        let Some(postgres) = &self.postgres else {
            return sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
                .execute(self.db.system())
                .await
                .unwrap()
                .rows_affected();
        };
        // `UPDATE 1`, `INSERT 0 1`
        let said = postgres.superuser(&self.words(sql));
        said.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// A statement as the database writes bytes.
    pub(crate) fn words(&self, sql: &str) -> String {
        match self.postgres {
            None => sql.to_owned(),
            Some(_) => sql.replace("(x'", "('\\x").replace(" x'", " '\\x"),
        }
    }

    /// As [`World::tamper`], where the two databases need words of their own.
    pub(crate) async fn tamper_in(&self, sqlite: &'static str, postgres: &'static str) -> u64 {
        self.tamper(match self.postgres {
            None => sqlite,
            Some(_) => postgres,
        })
        .await
    }

    /// What lies in the database, for whom no wall holds: one column, bytes in hex.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        if let Some(postgres) = &self.postgres {
            let said = postgres.superuser(sql);
            return said
                .lines()
                .map(|line| line.trim_start_matches("\\x").to_owned())
                .collect();
        }
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_all(self.db.system())
            .await
            .unwrap();
        rows.iter()
            .map(|row| {
                row.try_get::<i64, _>(0)
                    .map(|number| number.to_string())
                    .or_else(|_| row.try_get::<String, _>(0))
                    .or_else(|_| row.try_get::<Vec<u8>, _>(0).map(hex::encode))
                    .unwrap()
            })
            .collect()
    }

    /// The same, of bytes.
    pub(crate) async fn ask_bytes(&self, sql: &str) -> Vec<Vec<u8>> {
        let said = self.ask(sql).await;
        said.iter().map(|text| hex::decode(text).unwrap()).collect()
    }

    /// `SELECT count(*) FROM` this.
    pub(crate) async fn count(&self, of: &str) -> i64 {
        self.ask(&format!("SELECT count(*) FROM {of}")).await[0]
            .parse()
            .unwrap()
    }

    /// The journal with its blocks.
    pub(crate) fn journal_and_payloads(&self) -> &'static str {
        match self.postgres {
            None => "journal LEFT JOIN journal_payloads USING (payload_id)",
            Some(_) => "journal LEFT JOIN journal_payloads USING (tenant_id, first_seq)",
        }
    }
}

pub(crate) fn passwords(postgres: &Postgres) -> RolePasswords {
    let password = |role: &str| Some(SecretString::from(postgres.password(role)));
    RolePasswords {
        owner: Some((Postgres::OWNER.to_owned(), password(Postgres::OWNER))),
        app: password("cordon_app"),
        ingest: password("cordon_ingest"),
        provider: password("cordon_provider"),
        kernel: password("cordon_kernel"),
    }
}

pub(crate) async fn key_file(path: PathBuf, env: &Env) -> SealedFile {
    SealedFile::open(path, SecretBox::new(Box::new([5; 32])), env.clone())
        .await
        .unwrap()
}
