//! Rows of the rooms in which something is sealed under the tenant's keys: what people wrote. Here
//! is what such rows have in common: how a sealed value is bound to its row, how it is sealed anew
//! when a key ends, and that nothing is stored under a key that has ended.

use jiff::Timestamp;
use sqlx::Row as _;

use super::jobs::{JobClaim, JobRunner, require_claim};
use super::rotation::Rotation;
use super::{Db, TenantTx, confine};
use crate::auth::TenantScope;
use crate::error::{Error, Reason, Result};
use crate::keys::TenantCipher;

/// Rows that are sealed anew in one transaction.
const STEP: i64 = 256;

/// A table with a column `sealed`, and the column that tells a tenant's rows apart: text, or a
/// number from 1.
pub(super) struct SealedTable {
    pub(super) table: &'static str,
    pub(super) id: &'static str,
    pub(super) numbered: bool,
}

/// All of them; a test compares this with the schema.
pub(super) const TABLES: &[SealedTable] = &[
    named("incidents", "incident_id"),
    SealedTable {
        table: "incident_entries",
        id: "seq",
        numbered: true,
    },
    named("incident_comments", "comment_id"),
    named("incident_tasks", "task_id"),
    named("detection_rules", "rule_id"),
    named("detection_rule_versions", "version_id"),
    named("detection_windows", "rule_id"),
    named("detection_rule_settings", "rule_id"),
    named("detection_policies", "policy_id"),
    named("detection_baseline_parts", "part_id"),
    named("context_entries", "entry_id"),
    named("findings", "finding_id"),
    named("analyses", "analysis_id"),
    named("analysis_results", "part_id"),
    named("snapshots", "snapshot_id"),
    named("snapshot_manifests", "part_id"),
    named("custody_entries", "entry_id"),
    named("snapshot_holds", "hold_id"),
    named("incident_subscriptions", "subscription_id"),
    named("incident_attachments", "attachment_id"),
    named("incident_notes", "note_id"),
    named("incident_links", "link_id"),
    named("note_keys", "key_id"),
    named("request_ids", "request_id"),
];

const fn named(table: &'static str, id: &'static str) -> SealedTable {
    SealedTable {
        table,
        id,
        numbered: false,
    }
}

/// Where the sealing anew of a table has come to.
enum Place {
    Named(String),
    Numbered(i64),
}

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
    /// `UNAVAILABLE` when the key has ended meanwhile: the call can be repeated;
    /// `PERMISSION_DENIED` when the tenant was deleted.
    pub async fn require_keys(&mut self, cipher: &TenantCipher) -> Result<()> {
        let tenant = self.tenant();
        let row = sqlx::query(
            "SELECT h.key_floor, t.status FROM tenant_head h \
               JOIN tenants t ON t.tenant_id = h.tenant_id WHERE h.tenant_id = $1",
        )
        .bind(tenant.as_str())
        .fetch_one(self.conn())
        .await?;
        let (floor, status): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        // By somebody who was stopped since the call was let in: nothing comes after a removal.
        if status == "deleted" {
            return Err(Error::permission_denied());
        }
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
            let mut after = match table.numbered {
                true => Place::Numbered(0),
                false => Place::Named(String::new()),
            };
            while let Some((done, last)) = self
                .reseal_some(claim, rotation, &cipher, table, &after)
                .await?
            {
                resealed += done;
                after = last;
            }
        }
        Ok(resealed)
    }

    /// Seals some rows after a place anew: how many, and up to where. Writers wait meanwhile.
    async fn reseal_some(
        &self,
        claim: &JobClaim,
        rotation: &Rotation,
        cipher: &TenantCipher,
        SealedTable { table, id, .. }: &SealedTable,
        after: &Place,
    ) -> Result<Option<(u64, Place)>> {
        let tenant = claim.tenant().as_str();
        let older = self.inner.dialect.sealed_before();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        require_claim(&mut system.tx, claim).await?;
        let sql = format!(
            "SELECT {id}, sealed FROM {table} \
              WHERE tenant_id = $1 AND {older} AND {id} > $3 ORDER BY {id} LIMIT $4"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(tenant)
            .bind(rotation.version.to_be_bytes().as_slice());
        let query = match after {
            Place::Named(name) => query.bind(name.as_str()),
            Place::Numbered(number) => query.bind(*number),
        };
        let rows = query.bind(STEP).fetch_all(&mut *system.tx).await?;
        let (mut resealed, mut last) = (0, None);
        for row in rows {
            let former: Vec<u8> = row.try_get(1)?;
            let place = match after {
                Place::Named(_) => Place::Named(row.try_get(0)?),
                Place::Numbered(_) => Place::Numbered(row.try_get(0)?),
            };
            let bound = match &place {
                Place::Named(name) => object(table, name),
                Place::Numbered(number) => object(table, &number.to_string()),
            };
            let plain = zeroize::Zeroizing::new(cipher.open(&bound, 0, &former)?);
            let sealed = cipher.seal(&bound, 0, &plain)?;
            let sql = format!(
                "UPDATE {table} SET sealed = $2 WHERE tenant_id = $1 AND {id} = $4 AND sealed = $3"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(tenant)
                .bind(sealed)
                .bind(former);
            let query = match &place {
                Place::Named(name) => query.bind(name.as_str()),
                Place::Numbered(number) => query.bind(*number),
            };
            resealed += query.execute(&mut *system.tx).await?.rows_affected();
            last = Some(place);
        }
        system.commit().await?;
        Ok(last.map(|last| (resealed, last)))
    }

    /// Forgets the tenant's answers to calls that were kept before `before`; how many.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn prune_request_ids(&self, scope: &TenantScope, before: Timestamp) -> Result<u64> {
        let tenant = scope.tenant().as_str();
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant).await?;
        let gone =
            sqlx::query("DELETE FROM request_ids WHERE tenant_id = $1 AND created_time <= $2")
                .bind(tenant)
                .bind(super::nanos(before))
                .execute(&mut *system.tx)
                .await?
                .rows_affected();
        system.commit().await?;
        Ok(gone)
    }

    /// Forgets the names of the provider's calls that were kept before `before`; how many. One whose
    /// time was not noted, by an older program, is kept as if it came now.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn prune_provider_request_ids(
        &self,
        _runner: &JobRunner,
        before: Timestamp,
    ) -> Result<u64> {
        let mut system = self.system_tx().await?;
        sqlx::query(
            "UPDATE provider_incident_requests SET created_time = $1 WHERE created_time IS NULL",
        )
        .bind(super::nanos(self.env().now()))
        .execute(&mut *system.tx)
        .await?;
        let gone = sqlx::query("DELETE FROM provider_incident_requests WHERE created_time <= $1")
            .bind(super::nanos(before))
            .execute(&mut *system.tx)
            .await?
            .rows_affected();
        let of_rules = sqlx::query("DELETE FROM provider_rule_requests WHERE created_time <= $1")
            .bind(super::nanos(before))
            .execute(&mut *system.tx)
            .await?
            .rows_affected();
        system.commit().await?;
        Ok(gone + of_rules)
    }
}
