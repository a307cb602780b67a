//! Events of nobody yet, and records that could not be read. Both lie under the quarantine's own
//! key; nobody's scope opens them but a backfill job's and the provider's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
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
/// The same for the networks around addresses: whatever a resource is called, it is none.
pub(crate) const NETWORK: &[u8] = b"network";

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

/// Addresses are found by a network of so many bits, and so many networks are looked into for one
/// block at most: a tenant has no wider one.
const NETWORK_BITS: (u8, u8) = (16, 32);
const MOST_NETWORKS: usize = 65_536;

fn address_of(party: &str) -> Option<IpAddr> {
    party.strip_prefix("ip:")?.parse().ok()
}

fn block_of(party: &str) -> Option<IpNet> {
    let net: IpNet = party.strip_prefix("ip:")?.parse().ok()?;
    Some(net.trunc())
}

fn network_bits(net: &IpNet) -> u8 {
    match net {
        IpNet::V4(_) => NETWORK_BITS.0,
        IpNet::V6(_) => NETWORK_BITS.1,
    }
}

fn network_name(net: IpNet) -> Option<String> {
    let wide = IpNet::new(net.addr(), network_bits(&net)).ok()?.trunc();
    Some(wide.to_string())
}

/// The network by which an address (`ip:192.0.2.1`) is found; `None` for what is no address.
pub(crate) fn network_of(party: &str) -> Option<String> {
    network_name(IpNet::from(address_of(party)?))
}

/// The networks that a block lies in or is made of.
fn networks_around(block: IpNet) -> Vec<String> {
    let bits = network_bits(&block).max(block.prefix_len());
    let parts = block.subnets(bits).into_iter().flatten();
    let mut names: Vec<String> = parts.take(MOST_NETWORKS).filter_map(network_name).collect();
    names.dedup();
    names
}

impl Db {
    /// In a backfill job: records in quarantine that name `party` (an account such as
    /// `aws:123456789012`, an address such as `ip:192.0.2.1`, or another resource's identifier),
    /// which must be registered for the tenant; after `after`, by id, at most `limit`. A block of
    /// addresses (`ip:10.20.0.0/20`) gives what names an address near it: whether that lies in the
    /// block is for the caller to see.
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
        self.own_party(scope, party).await?;
        let keys = self.keyring().system(&KeyId::quarantine()).await?;
        let after = after.map_or_else(String::new, |id| id.hyphenated().to_string());
        let hashes = match block_of(party) {
            None => vec![keys.keyed_hash(PARTY, party.as_bytes())],
            Some(block) => networks_around(block)
                .iter()
                .map(|network| keys.keyed_hash(NETWORK, network.as_bytes()))
                .collect(),
        };
        // Of all networks' items the first ones, ids alone: never more than are asked for.
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut ids: BTreeSet<String> = BTreeSet::new();
        for hash in hashes {
            let found: Vec<String> = sqlx::query_scalar(
                "SELECT item_id FROM quarantine_parties \
                  WHERE party_hash = $1 AND item_id > $2 ORDER BY item_id LIMIT $3",
            )
            .bind(hash.to_vec())
            .bind(after.as_str())
            .bind(i64::from(limit))
            .fetch_all(self.system())
            .await?;
            ids.extend(found);
            while ids.len() > most {
                ids.pop_last();
            }
        }
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            let row = sqlx::query(
                "SELECT source_id, batch_id, stored_time, sealed FROM quarantine WHERE item_id = $1",
            )
            .bind(id.as_str())
            .fetch_optional(self.system())
            .await?;
            // Released or swept meanwhile.
            let Some(row) = row else { continue };
            let sealed: Vec<u8> = row.try_get(3)?;
            let mut plain = keys.open(&format!("quarantine/{id}"), 0, &sealed)?;
            items.push(QuarantineItem {
                id: parse_uuid(&id)?,
                source: parse_source(&row.try_get::<String, _>(0)?)?,
                batch_id: row.try_get(1)?,
                stored_time: timestamp(row.try_get(2)?),
                plain: std::mem::take(&mut *plain),
            });
        }
        Ok(items)
    }

    /// In a backfill job: says that what the items hold for `party` is stored with the tenant; an
    /// address is named by itself, also when it is the tenant's by a block around it. An item goes
    /// once no unknown party is left in it.
    ///
    /// # Errors
    /// As [`Db::quarantined`].
    pub async fn release_quarantined(
        &self,
        scope: &TenantScope,
        party: &str,
        items: &[Uuid],
    ) -> Result<()> {
        self.own_party(scope, party).await?;
        let keys = self.keyring().system(&KeyId::quarantine()).await?;
        let hash = keys.keyed_hash(PARTY, party.as_bytes());
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
                    AND NOT EXISTS (SELECT 1 FROM quarantine_parties p WHERE p.item_id = $1 AND p.network = 0)",
            )
            .bind(id.as_str())
            .execute(&mut *system.tx)
            .await?;
        }
        system.commit().await
    }

    async fn own_party(&self, scope: &TenantScope, party: &str) -> Result<()> {
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
        if own.is_some() {
            return Ok(());
        }
        // Or by a block around it.
        let Some(ip) = address_of(party) else {
            return Err(Error::permission_denied());
        };
        let blocks: Vec<String> = sqlx::query_scalar(
            "SELECT identifier FROM resources \
              WHERE tenant_id = $1 AND kind = 'address' AND identifier LIKE '%/%'",
        )
        .bind(scope.tenant().as_str())
        .fetch_all(self.system())
        .await?;
        let around = |block: &String| block.parse::<IpNet>().is_ok_and(|net| net.contains(&ip));
        match blocks.iter().any(around) {
            true => Ok(()),
            false => Err(Error::permission_denied()),
        }
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
