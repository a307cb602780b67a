//! What ingest needs of the provider's registers to attribute events.

use sqlx::Row as _;

use super::Db;
use super::jobs::JobClaim;
use crate::auth::IngestScope;
use crate::error::{Error, Result};
use crate::ids::{AccountId, TenantId};

/// Who had an account, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSpan {
    /// Whose.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// From this time, in ns.
    pub valid_from: i64,
    /// Until before this time, in ns; `None`: still.
    pub valid_to: Option<i64>,
}

/// Who had a resource, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceSpan {
    /// Whose.
    pub tenant: TenantId,
    /// What kind: `address`, `instance`, `arn`, …
    pub kind: String,
    /// The address, instance id, ARN, …
    pub identifier: String,
    /// From this time, in ns.
    pub valid_from: i64,
    /// Until before this time, in ns; `None`: still.
    pub valid_to: Option<i64>,
}

/// All that attribution needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryRows {
    /// Which state of the registers this is.
    pub version: i64,
    /// Accounts of tenants that are not deleted.
    pub accounts: Vec<AccountSpan>,
    /// Resources of tenants that are not deleted.
    pub resources: Vec<ResourceSpan>,
    /// The provider's address ranges, in CIDR notation.
    pub ranges: Vec<String>,
}

impl Db {
    /// The directory for attribution, or `None` when it is still at `known`: ask at most every
    /// second or two, and after a change in this process.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn directory(
        &self,
        _scope: &IngestScope,
        known: Option<i64>,
    ) -> Result<Option<DirectoryRows>> {
        self.load_directory(known).await
    }

    /// The same for a backfill job.
    ///
    /// # Errors
    /// As [`Db::directory`].
    pub async fn directory_for_job(
        &self,
        _claim: &JobClaim,
        known: Option<i64>,
    ) -> Result<Option<DirectoryRows>> {
        self.load_directory(known).await
    }

    async fn load_directory(&self, known: Option<i64>) -> Result<Option<DirectoryRows>> {
        let begin = self.inner.dialect.begin_read();
        let mut tx = self.system().begin_with(begin).await?;
        let version: i64 = sqlx::query_scalar("SELECT version FROM directory_version WHERE id = 1")
            .fetch_one(&mut *tx)
            .await?;
        if known == Some(version) {
            return Ok(None);
        }
        let mut accounts = Vec::new();
        for row in sqlx::query(
            "SELECT a.tenant_id, a.account, a.valid_from, a.valid_to FROM accounts a \
               JOIN tenants t ON t.tenant_id = a.tenant_id WHERE t.status <> 'deleted' \
              ORDER BY a.tenant_id, a.account, a.valid_from",
        )
        .fetch_all(&mut *tx)
        .await?
        {
            accounts.push(AccountSpan {
                tenant: parse(&row.try_get::<String, _>(0)?)?,
                account: parse(&row.try_get::<String, _>(1)?)?,
                valid_from: row.try_get(2)?,
                valid_to: row.try_get(3)?,
            });
        }
        let mut resources = Vec::new();
        for row in sqlx::query(
            "SELECT r.tenant_id, r.kind, r.identifier, r.valid_from, r.valid_to FROM resources r \
               JOIN tenants t ON t.tenant_id = r.tenant_id WHERE t.status <> 'deleted' \
              ORDER BY r.tenant_id, r.resource_id",
        )
        .fetch_all(&mut *tx)
        .await?
        {
            resources.push(ResourceSpan {
                tenant: parse(&row.try_get::<String, _>(0)?)?,
                kind: row.try_get(1)?,
                identifier: row.try_get(2)?,
                valid_from: row.try_get(3)?,
                valid_to: row.try_get(4)?,
            });
        }
        let ranges = sqlx::query_scalar("SELECT cidr FROM address_ranges ORDER BY range_id")
            .fetch_all(&mut *tx)
            .await?;
        Ok(Some(DirectoryRows {
            version,
            accounts,
            resources,
            ranges,
        }))
    }

    /// Which state the registers are in: rises with every change.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn directory_version(&self, _scope: &IngestScope) -> Result<i64> {
        Ok(
            sqlx::query_scalar("SELECT version FROM directory_version WHERE id = 1")
                .fetch_one(self.system())
                .await?,
        )
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::internal("an id in the database is malformed"))
}
