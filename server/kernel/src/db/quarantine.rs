//! Events of nobody yet, and records that could not be read. Both lie under the quarantine's own
//! key; nobody's scope opens them but a backfill job's and the provider's.

use jiff::Timestamp;
use sqlx::Row as _;
use uuid::Uuid;

use super::jobs::JobRunner;
use super::{Db, from_sql, nanos, timestamp};
use crate::auth::{ProviderScope, Role, TenantScope};
use crate::error::{Error, Reason, Result};
use crate::ids::SourceId;
use crate::keys::KeyId;

/// The label under which parties are hashed.
pub(crate) const PARTY: &[u8] = b"party";

/// An opened record of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineItem {
    /// Its id.
    pub id: Uuid,
    /// Who sent it.
    pub source: SourceId,
    /// In which batch.
    pub batch_id: String,
    /// When it was stored.
    pub stored_time: Timestamp,
    /// What ingest kept for the backfill.
    pub plain: Vec<u8>,
}

/// A record that could not be read, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// Its id; later ones are greater.
    pub id: Uuid,
    /// In which batch.
    pub batch_id: String,
    /// Its line, or number, in the upload.
    pub line: u64,
    /// A stable reason code.
    pub reason: String,
    /// When it was stored.
    pub stored_time: Timestamp,
    /// How long it was as sent.
    pub full_bytes: u64,
}

impl Db {
    /// In a backfill job: records in quarantine that name `party` (an account such as
    /// `aws:123456789012`, an address such as `ip:192.0.2.1`, or another resource's identifier), which must be registered for the tenant;
    /// after `after`, by id, at most `limit`.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside a job, or when the party is not the tenant's.
    pub async fn quarantined(
        &self,
        scope: &TenantScope,
        party: &str,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<QuarantineItem>> {
        let hash = self.own_party(scope, party).await?;
        let after = after.map_or_else(String::new, |id| id.hyphenated().to_string());
        let rows = sqlx::query(
            "SELECT q.item_id, q.source_id, q.batch_id, q.stored_time, q.sealed \
               FROM quarantine_parties p JOIN quarantine q ON q.item_id = p.item_id \
              WHERE p.party_hash = $1 AND p.item_id > $2 ORDER BY p.item_id LIMIT $3",
        )
        .bind(hash.to_vec())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.system())
        .await?;
        let keys = self.keyring().system(&KeyId::quarantine()).await?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get(0)?;
                let sealed: Vec<u8> = row.try_get(4)?;
                let mut plain = keys.open(&format!("quarantine/{id}"), 0, &sealed)?;
                Ok(QuarantineItem {
                    id: parse_uuid(&id)?,
                    source: parse_source(&row.try_get::<String, _>(1)?)?,
                    batch_id: row.try_get(2)?,
                    stored_time: timestamp(row.try_get(3)?),
                    plain: std::mem::take(&mut *plain),
                })
            })
            .collect()
    }

    /// In a backfill job: says that what the items hold for `party` is stored with the tenant.
    /// An item goes once no unknown party is left in it.
    ///
    /// # Errors
    /// As [`Db::quarantined`].
    pub async fn release_quarantined(
        &self,
        scope: &TenantScope,
        party: &str,
        items: &[Uuid],
    ) -> Result<()> {
        let hash = self.own_party(scope, party).await?;
        let mut system = self.system_tx().await?;
        for item in items {
            let id = item.hyphenated().to_string();
            sqlx::query("DELETE FROM quarantine_parties WHERE party_hash = $1 AND item_id = $2")
                .bind(hash.to_vec())
                .bind(id.as_str())
                .execute(&mut *system.tx)
                .await?;
            sqlx::query(
                "DELETE FROM quarantine WHERE item_id = $1 \
                    AND NOT EXISTS (SELECT 1 FROM quarantine_parties p WHERE p.item_id = $1)",
            )
            .bind(id.as_str())
            .execute(&mut *system.tx)
            .await?;
        }
        system.commit().await
    }

    async fn own_party(&self, scope: &TenantScope, party: &str) -> Result<[u8; 32]> {
        if scope.principal().role() != Role::System {
            return Err(Error::permission_denied());
        }
        let own = sqlx::query(
            "SELECT 1 AS own FROM accounts WHERE tenant_id = $1 AND account = $2 \
             UNION ALL SELECT 1 AS own FROM resources WHERE tenant_id = $1 AND \
                (identifier = $2 OR (kind = 'address' AND 'ip:' || identifier = $2)) LIMIT 1",
        )
        .bind(scope.tenant().as_str())
        .bind(party)
        .fetch_optional(self.system())
        .await?;
        if own.is_none() {
            return Err(Error::permission_denied());
        }
        let keys = self.keyring().system(&KeyId::quarantine()).await?;
        Ok(keys.keyed_hash(PARTY, party.as_bytes()))
    }

    /// Records of the source that could not be read, oldest first, after `after`.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn dead_letters(
        &self,
        _scope: &ProviderScope,
        source: &SourceId,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<DeadLetterRow>> {
        let rows = sqlx::query(
            "SELECT letter_id, batch_id, line, reason, stored_time, full_bytes FROM dead_letters \
              WHERE source_id = $1 AND letter_id > $2 ORDER BY letter_id LIMIT $3",
        )
        .bind(source.as_str())
        .bind(after.map_or_else(String::new, |id| id.hyphenated().to_string()))
        .bind(i64::from(limit))
        .fetch_all(self.system())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(DeadLetterRow {
                    id: parse_uuid(&row.try_get::<String, _>(0)?)?,
                    batch_id: row.try_get(1)?,
                    line: from_sql(row.try_get(2)?)?,
                    reason: row.try_get(3)?,
                    stored_time: timestamp(row.try_get(4)?),
                    full_bytes: from_sql(row.try_get(5)?)?,
                })
            })
            .collect()
    }

    /// The bytes of a record that could not be read. Write it to the provider's log first.
    ///
    /// # Errors
    /// `NOT_FOUND` when it is not there (any more).
    pub async fn dead_letter(
        &self,
        _scope: &ProviderScope,
        source: &SourceId,
        id: Uuid,
    ) -> Result<Vec<u8>> {
        let name = id.hyphenated().to_string();
        let row =
            sqlx::query("SELECT sealed FROM dead_letters WHERE source_id = $1 AND letter_id = $2")
                .bind(source.as_str())
                .bind(name.as_str())
                .fetch_optional(self.system())
                .await?
                .ok_or_else(|| Error::new(Reason::NotFound, "no such dead letter"))?;
        let sealed: Vec<u8> = row.try_get(0)?;
        let keys = self.keyring().system(&KeyId::quarantine()).await?;
        let mut plain = keys.open(&format!("dead-letter/{source}/{name}"), 0, &sealed)?;
        Ok(std::mem::take(&mut *plain))
    }

    /// Drops a record that was replayed.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn forget_dead_letter(
        &self,
        _scope: &ProviderScope,
        source: &SourceId,
        id: Uuid,
    ) -> Result<()> {
        let mut system = self.system_tx().await?;
        let freed = sqlx::query(
            "DELETE FROM dead_letters WHERE source_id = $1 AND letter_id = $2 RETURNING kept_bytes",
        )
        .bind(source.as_str())
        .bind(id.hyphenated().to_string())
        .fetch_optional(&mut *system.tx)
        .await?;
        if let Some(row) = freed {
            sqlx::query("UPDATE dead_letter_usage SET bytes = bytes - $2 WHERE source_id = $1")
                .bind(source.as_str())
                .bind(row.try_get::<i64, _>(0)?)
                .execute(&mut *system.tx)
                .await?;
        }
        system.commit().await
    }

    /// Forgets batch ids that were stored before `before` (30 days ago). Returns how many.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn prune_batches(&self, _runner: &JobRunner, before: Timestamp) -> Result<u64> {
        self.prune(
            "DELETE FROM batches WHERE (source_id, batch_id) IN \
                (SELECT source_id, batch_id FROM batches WHERE stored_time < $1 LIMIT 4096)",
            before,
        )
        .await
    }

    /// Drops records that have been in quarantine since before `before`. Returns how many.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn prune_quarantine(&self, _runner: &JobRunner, before: Timestamp) -> Result<u64> {
        self.prune(
            "DELETE FROM quarantine WHERE item_id IN \
                (SELECT item_id FROM quarantine WHERE stored_time < $1 LIMIT 1024)",
            before,
        )
        .await
    }

    /// Step by step, so that ingest gets its turns in between.
    async fn prune(&self, step: &'static str, before: Timestamp) -> Result<u64> {
        let mut pruned = 0;
        loop {
            let mut system = self.system_tx().await?;
            let done = sqlx::query(step)
                .bind(nanos(before))
                .execute(&mut *system.tx)
                .await?;
            system.commit().await?;
            if done.rows_affected() == 0 {
                return Ok(pruned);
            }
            pruned += done.rows_affected();
        }
    }
}

fn parse_uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| Error::internal("an id in the database is malformed"))
}

fn parse_source(text: &str) -> Result<SourceId> {
    text.parse()
        .map_err(|_| Error::internal("a source id in the database is malformed"))
}
