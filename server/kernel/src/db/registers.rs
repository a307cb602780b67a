//! Changes of the provider's registers that more than one row, or the keys, must follow.

use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::jobs::{self, schedule};
use super::{Db, ProviderTx, TenantTx, nanos};
use crate::auth::{Home, Principal, ProviderScope};
use crate::error::{Error, Reason, Result};
use crate::ids::{AccountId, TenantId};
use crate::keys::NewKeys;

/// What a tenant begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTenant {
    /// Its id, never given out before.
    pub tenant: TenantId,
    /// Its name for people.
    pub display_name: String,
    /// The tenant above it, which must be active and have none above itself.
    pub parent: Option<TenantId>,
    /// Fixes bucket and key service; never changes.
    pub home_region: String,
    /// Who pays for it; `None`: it pays itself.
    pub billing_organisation: Option<String>,
}

/// States of a tenant that can be set; deletion is a matter of its own ([`super::deletion`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetStatus {
    /// Served.
    Active,
    /// Refused everywhere at once; ingest for it is still stored.
    Suspended,
}

impl Db {
    /// Makes the keys that a tenant begins with, before the transaction that makes the tenant: the
    /// key service may take its time. If there is no such transaction, a wrapping key that wraps
    /// nothing stays behind, and serves the next attempt.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when the key service has destroyed keys of that id; `UNAVAILABLE` when
    /// it can't be reached.
    pub async fn first_keys(&self, _scope: &ProviderScope, tenant: &TenantId) -> Result<NewKeys> {
        self.keyring().first_keys(tenant).await
    }
}

impl ProviderTx<'_> {
    /// Makes a tenant with all that belongs to it: keys ([`Db::first_keys`]), head, log. The
    /// transaction is then [`about`](Self::about) it.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when the id is or was a tenant's; `FAILED_PRECONDITION` when the parent
    /// can't be one; `INTERNAL` when the keys are another tenant's.
    pub async fn create_tenant(&mut self, new: &NewTenant, keys: NewKeys) -> Result<()> {
        if *keys.tenant() != new.tenant {
            return Err(Error::internal("keys that are another tenant's"));
        }
        let now = nanos(self.db.env().now());
        if let Some(parent) = &new.parent {
            let row = sqlx::query("SELECT status, parent FROM tenants WHERE tenant_id = $1")
                .bind(parent.as_str())
                .fetch_optional(&mut *self.tx)
                .await?;
            let fits = match row {
                Some(row) => {
                    row.try_get::<String, _>(0)? == "active"
                        && row.try_get::<Option<String>, _>(1)?.is_none()
                }
                None => false,
            };
            if !fits || *parent == new.tenant {
                return Err(Error::new(
                    Reason::FailedPrecondition,
                    "the parent is no active tenant, or has a parent itself",
                ));
            }
        }
        let made = sqlx::query(
            "INSERT INTO tenants (tenant_id, display_name, status, parent, home_region, created_time, \
                    updated_time, etag, billing_organisation) \
             VALUES ($1, $2, 'active', $3, $4, $5, $5, $6, $7) \
             ON CONFLICT (tenant_id) DO NOTHING",
        )
        .bind(new.tenant.as_str())
        .bind(new.display_name.as_str())
        .bind(new.parent.as_ref().map(|parent| parent.as_str().to_owned()))
        .bind(new.home_region.as_str())
        .bind(now)
        .bind(self.etag())
        .bind(new.billing_organisation.clone())
        .execute(&mut *self.tx)
        .await?;
        if made.rows_affected() == 0 {
            return Err(Error::new(
                Reason::AlreadyExists,
                "the id is or was a tenant's",
            ));
        }
        let nothing = vec![0u8; 32];
        sqlx::query(
            "INSERT INTO tenant_head (tenant_id, seq, chain, sealed_seq, oldest_seq, unsealed_since, \
                    last_stored_time, key_uses, catalogue_version) VALUES ($1, 0, $2, 0, 0, NULL, NULL, 0, 0)",
        )
        .bind(new.tenant.as_str())
        .bind(nothing.as_slice())
        .execute(&mut *self.tx)
        .await?;
        sqlx::query("INSERT INTO audit_head (tenant_id, seq, chain) VALUES ($1, 0, $2)")
            .bind(new.tenant.as_str())
            .bind(nothing.as_slice())
            .execute(&mut *self.tx)
            .await?;
        let keyring = std::sync::Arc::clone(self.db.keyring());
        keyring.store_keys(&mut self.tx, keys).await?;
        self.about(&new.tenant);
        Ok(())
    }

    /// Says who pays for a tenant; `None`: it pays itself. The transaction is then
    /// [`about`](Self::about) it.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such tenant or it was deleted.
    pub async fn bill_tenant(
        &mut self,
        tenant: &TenantId,
        organisation: Option<&str>,
    ) -> Result<()> {
        let billed = sqlx::query(
            "UPDATE tenants SET billing_organisation = $2, updated_time = $3, etag = $4 \
              WHERE tenant_id = $1 AND status <> 'deleted'",
        )
        .bind(tenant.as_str())
        .bind(organisation.map(str::to_owned))
        .bind(nanos(self.db.env().now()))
        .bind(self.etag())
        .execute(&mut *self.tx)
        .await?;
        if billed.rows_affected() == 0 {
            return Err(Error::new(Reason::NotFound, "no such tenant"));
        }
        self.about(tenant);
        Ok(())
    }

    /// Suspends or resumes a tenant. The transaction is then [`about`](Self::about) it.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such tenant or it was deleted.
    pub async fn set_tenant_status(&mut self, tenant: &TenantId, status: SetStatus) -> Result<()> {
        let status = match status {
            SetStatus::Active => "active",
            SetStatus::Suspended => "suspended",
        };
        self.mark_tenant(tenant, status).await
    }

    pub(super) async fn mark_tenant(&mut self, tenant: &TenantId, status: &str) -> Result<()> {
        let marked = sqlx::query(
            "UPDATE tenants SET status = $2, updated_time = $3, etag = $4 \
              WHERE tenant_id = $1 AND status <> 'deleted'",
        )
        .bind(tenant.as_str())
        .bind(status)
        .bind(nanos(self.db.env().now()))
        .bind(self.etag())
        .execute(&mut *self.tx)
        .await?;
        if marked.rows_affected() == 0 {
            return Err(Error::new(Reason::NotFound, "no such tenant"));
        }
        self.about(tenant);
        Ok(())
    }

    /// Registers an account for a tenant from `valid_from` until before `valid_to`, and has what
    /// lies in quarantine for it looked through. The transaction is then
    /// [`about`](Self::about) the tenant.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when a tenant has the account at one of these times; `NOT_FOUND` when there
    /// is no such tenant.
    pub async fn add_account(
        &mut self,
        tenant: &TenantId,
        account: &AccountId,
        valid_from: Timestamp,
        valid_to: Option<Timestamp>,
    ) -> Result<()> {
        let (from, to) = span(valid_from, valid_to)?;
        self.require_tenant(tenant).await?;
        let taken = sqlx::query(
            "SELECT 1 AS taken FROM accounts WHERE account = $1 AND valid_from < $3 \
                AND (valid_to IS NULL OR valid_to > $2) LIMIT 1",
        )
        .bind(account.as_str())
        .bind(from)
        .bind(to.unwrap_or(i64::MAX))
        .fetch_optional(&mut *self.tx)
        .await?;
        if taken.is_some() {
            return Err(Error::new(
                Reason::AlreadyExists,
                "a tenant has this account at that time",
            ));
        }
        let now = self.db.env().now();
        sqlx::query(
            "INSERT INTO accounts (tenant_id, account, valid_from, valid_to, created_time) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(tenant.as_str())
        .bind(account.as_str())
        .bind(from)
        .bind(to)
        .bind(nanos(now))
        .execute(&mut *self.tx)
        .await?;
        self.about(tenant);
        schedule(&mut self.tx, tenant, jobs::BACKFILL, now).await
    }

    /// Ends an account's registration at `at`.
    ///
    /// # Errors
    /// `NOT_FOUND` when the tenant does not have it then.
    pub async fn end_account(
        &mut self,
        tenant: &TenantId,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<()> {
        let ended = sqlx::query(
            "UPDATE accounts SET valid_to = $3 WHERE tenant_id = $1 AND account = $2 \
                AND valid_from < $3 AND (valid_to IS NULL OR valid_to > $3)",
        )
        .bind(tenant.as_str())
        .bind(account.as_str())
        .bind(nanos(at))
        .execute(&mut *self.tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(Error::new(
                Reason::NotFound,
                "the tenant does not have this account then",
            ));
        }
        self.about(tenant);
        Ok(())
    }

    /// Registers a resource for a tenant from `valid_from` until before `valid_to`, and has what
    /// lies in quarantine for it looked through. Returns its id. The transaction is then
    /// [`about`](Self::about) the tenant.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when a tenant has a resource of this kind and identifier at one of these
    /// times; `NOT_FOUND` when there is no such tenant.
    pub async fn add_resource(
        &mut self,
        tenant: &TenantId,
        kind: &str,
        identifier: &str,
        valid_from: Timestamp,
        valid_to: Option<Timestamp>,
    ) -> Result<Uuid> {
        let (from, to) = span(valid_from, valid_to)?;
        self.require_tenant(tenant).await?;
        let taken = sqlx::query(
            "SELECT 1 AS taken FROM resources WHERE kind = $1 AND identifier = $2 AND valid_from < $4 \
                AND (valid_to IS NULL OR valid_to > $3) LIMIT 1",
        )
        .bind(kind)
        .bind(identifier)
        .bind(from)
        .bind(to.unwrap_or(i64::MAX))
        .fetch_optional(&mut *self.tx)
        .await?;
        if taken.is_some() {
            return Err(Error::new(
                Reason::AlreadyExists,
                "a tenant has this resource at that time",
            ));
        }
        let now = self.db.env().now();
        let id = self.db.env().uuid_v7();
        sqlx::query(
            "INSERT INTO resources (tenant_id, resource_id, kind, identifier, valid_from, valid_to, \
                    created_time, updated_time, etag) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        )
        .bind(tenant.as_str())
        .bind(id.hyphenated().to_string())
        .bind(kind)
        .bind(identifier)
        .bind(from)
        .bind(to)
        .bind(nanos(now))
        .bind(self.etag())
        .execute(&mut *self.tx)
        .await?;
        self.about(tenant);
        schedule(&mut self.tx, tenant, jobs::BACKFILL, now).await?;
        Ok(id)
    }

    /// Registers a credential. If it is a tenant's, the transaction is then
    /// [`about`](Self::about) that tenant.
    ///
    /// # Errors
    /// `ALREADY_EXISTS` when the id is taken; `NOT_FOUND` when there is no such tenant.
    pub async fn add_credential(
        &mut self,
        principal: &Principal,
        thumbprint: &[u8; 32],
        expires: Timestamp,
    ) -> Result<()> {
        if let Home::Tenant(tenant) = principal.home() {
            self.require_tenant(tenant).await?;
            self.about(tenant);
        }
        let now = self.db.env().now();
        insert_credential(&mut self.tx, principal, thumbprint, now, expires).await
    }

    async fn require_tenant(&mut self, tenant: &TenantId) -> Result<()> {
        let there = sqlx::query(
            "SELECT 1 AS there FROM tenants WHERE tenant_id = $1 AND status <> 'deleted'",
        )
        .bind(tenant.as_str())
        .fetch_optional(&mut *self.tx)
        .await?;
        if there.is_none() {
            return Err(Error::new(Reason::NotFound, "no such tenant"));
        }
        Ok(())
    }

    /// A fresh etag: 128 random bits, which say nothing about anything.
    #[must_use]
    pub fn etag(&self) -> String {
        hex::encode(self.db.env().bytes::<16>())
    }
}

impl TenantTx<'_> {
    /// Registers a credential of the tenant.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for a principal of any other home; `ALREADY_EXISTS` when the id is taken.
    pub async fn add_credential(
        &mut self,
        principal: &Principal,
        thumbprint: &[u8; 32],
        expires: Timestamp,
    ) -> Result<()> {
        if !matches!(principal.home(), Home::Tenant(tenant) if tenant == self.tenant()) {
            return Err(Error::permission_denied());
        }
        let now = self.db.env().now();
        insert_credential(&mut self.tx, principal, thumbprint, now, expires).await
    }
}

async fn insert_credential(
    conn: &mut AnyConnection,
    principal: &Principal,
    thumbprint: &[u8; 32],
    issued: Timestamp,
    expires: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO credentials (home, credential_id, subject, role, thumbprint, issued_time, expires_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(principal.home().to_string())
    .bind(principal.credential().as_str())
    .bind(principal.subject())
    .bind(principal.role().as_str())
    .bind(thumbprint.as_slice())
    .bind(nanos(issued))
    .bind(nanos(expires))
    .execute(conn)
    .await?;
    Ok(())
}

fn span(from: Timestamp, to: Option<Timestamp>) -> Result<(i64, Option<i64>)> {
    let (from, to) = (nanos(from), to.map(nanos));
    if to.is_some_and(|to| to <= from) {
        return Err(Error::invalid(
            "valid_to",
            "expected a time after valid_from",
        ));
    }
    Ok((from, to))
}
