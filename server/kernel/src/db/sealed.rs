//! Rows of the rooms in which something is sealed under the tenant's keys: what people wrote. Here
//! is what such rows have in common: how a sealed value is bound to its row, how it is sealed anew
//! when a key ends, and that nothing is stored under a key that has ended.

use sqlx::Row as _;

use super::jobs::{JobClaim, require_claim};
use super::rotation::Rotation;
use super::{Db, TenantTx, confine};
use crate::auth::TenantScope;
use crate::error::{Error, Reason, Result};
use crate::keys::TenantCipher;

/// Rows that are sealed anew in one transaction.
const STEP: i64 = 256;

/// A table with a column `sealed`, and the column that tells a tenant's rows apart.
pub(super) struct SealedTable {
    pub(super) table: &'static str,
    pub(super) id: &'static str,
}

/// All of them; a test compares this with the schema.
pub(super) const TABLES: &[SealedTable] = &[
    SealedTable {
        table: "incidents",
        id: "incident_id",
    },
    SealedTable {
        table: "incident_entries",
        id: "seq",
    },
    SealedTable {
        table: "incident_comments",
        id: "comment_id",
    },
    SealedTable {
        table: "request_ids",
        id: "request_id",
    },
];

/// What a row's sealed value is bound to, besides the tenant.
#[must_use]
pub fn object(table: &str, id: &str) -> String {
    format!("{table}/{id}")
}

impl TenantTx<'_> {
    /// Makes sure that what `cipher` seals can still be opened when this commits. Called after the
    /// last seal.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the key has ended meanwhile: the call can be repeated.
    pub async fn require_keys(&mut self, cipher: &TenantCipher) -> Result<()> {
        let tenant = self.tenant();
        let floor: i64 =
            sqlx::query_scalar("SELECT key_floor FROM tenant_head WHERE tenant_id = $1")
                .bind(tenant.as_str())
                .fetch_one(self.conn())
                .await?;
        if i64::from(cipher.key_version()) < floor {
            let keyring = self.db.keyring();
            keyring.forget(&crate::keys::KeyId::tenant(tenant));
            return Err(Error::new(
                Reason::Unavailable,
                "the tenant's key was changed at this moment: try again",
            ));
        }
        Ok(())
    }
}

impl Db {
    /// Seals anew what rows hold under older keys than the rotation's; how many rows.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed; `UNAVAILABLE` when database or key service can't
    /// be reached.
    pub async fn reseal_rows(
        &self,
        scope: &TenantScope,
        claim: &JobClaim,
        rotation: &Rotation,
    ) -> Result<u64> {
        let keys = self.keyring().tenant(scope.tenant()).await?;
        let cipher = TenantCipher::new(scope.tenant().clone(), keys, self.env().clone());
        let mut resealed = 0;
        for table in TABLES {
            loop {
                let done = self.reseal_some(claim, rotation, &cipher, table).await?;
                resealed += done;
                if done == 0 {
                    break;
                }
            }
        }
        Ok(resealed)
    }

    async fn reseal_some(
        &self,
        claim: &JobClaim,
        rotation: &Rotation,
        cipher: &TenantCipher,
        SealedTable { table, id }: &SealedTable,
    ) -> Result<u64> {
        let tenant = claim.tenant().as_str();
        let older = self.inner.dialect.sealed_before();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        require_claim(&mut system.tx, claim).await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT CAST({id} AS TEXT), sealed FROM {table} \
              WHERE tenant_id = $1 AND {older} LIMIT $3"
        )))
        .bind(tenant)
        .bind(rotation.version.to_be_bytes().as_slice())
        .bind(STEP)
        .fetch_all(&mut *system.tx)
        .await?;
        let mut resealed = 0;
        for row in rows {
            let (name, former): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            let bound = object(table, &name);
            let plain = zeroize::Zeroizing::new(cipher.open(&bound, 0, &former)?);
            let sealed = cipher.seal(&bound, 0, &plain)?;
            resealed += sqlx::query(sqlx::AssertSqlSafe(format!(
                "UPDATE {table} SET sealed = $3 \
                  WHERE tenant_id = $1 AND CAST({id} AS TEXT) = $2 AND sealed = $4"
            )))
            .bind(tenant)
            .bind(name.as_str())
            .bind(sealed)
            .bind(former)
            .execute(&mut *system.tx)
            .await?
            .rows_affected();
        }
        system.commit().await?;
        Ok(resealed)
    }
}
