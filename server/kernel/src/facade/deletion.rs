//! The end of a tenant, carried out: its keys destroyed, that proved, everything else removed, and
//! an account of it signed. Each step can be broken off and done again.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

use super::{Kernel, system_scope};
use crate::audit::AuditEntry;
use crate::auth::{Action, Permit, ProviderScope};
use crate::db::deletion::Due;
use crate::db::jobs::{JobClaim, PURGE};
use crate::error::{Error, Reason, Result};
use crate::ids::TenantId;
use crate::keys::keyring::LIFETIME;
use crate::names::Name;
use crate::statement::{Digest, Subject, sign};

/// The kind of predicate of a deletion certificate.
pub const DELETION: &str = "urn:cordon:tenant-deletion:v1";

/// How long after the keys were destroyed what is left is removed: no server holds them unwrapped in
/// memory any more.
const REMOVAL_DELAY: SignedDuration = SignedDuration::from_secs(LIFETIME.as_secs() + 60);

/// How the removal of what a deleted tenant leaves begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Objects and rows may go now.
    Begun,
    /// Only then.
    NotBefore(Timestamp),
    /// All is gone, and certified.
    Done,
}

/// The predicate of a deletion certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion<'a> {
    tenant: String,
    /// When the waiting period ended; none for who was deleted otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_until: Option<Timestamp>,
    deleted: Timestamp,
    method: Method,
    wrapping_key: WrappingKey<'a>,
    removed: BTreeMap<&'a str, i64>,
    verified: Verified<'a>,
    /// What is not gone, in words.
    remains: [&'static str; 4],
}

/// NIST SP 800-88's words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Method {
    standard: &'static str,
    technique: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrappingKey<'a> {
    id: &'a str,
    key_service: &'static str,
    destroyed: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified<'a> {
    time: Timestamp,
    /// When the key service refused to open what the key had wrapped.
    key_refused: Timestamp,
    /// Objects that a listing of the tenant's place in the object store still showed.
    objects_listed: usize,
    /// Rows that were still counted, by table.
    rows_counted: BTreeMap<&'a str, i64>,
    journal: ChainEnd,
    audit_log: ChainEnd,
}

/// Where a hash chain of the tenant's ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainEnd {
    last: i64,
    hash: String,
}

impl From<(i64, Vec<u8>)> for ChainEnd {
    fn from((last, hash): (i64, Vec<u8>)) -> Self {
        Self {
            last,
            hash: hex::encode(hash),
        }
    }
}

impl Kernel {
    /// Deletes the claim's tenant if its waiting period is over and nothing holds it, and destroys
    /// its keys, so that nothing of its data can be read again. Done again after a crash, it goes
    /// on where it was.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` when the claim has lapsed; `UNAVAILABLE` when database or key service can't
    /// be reached: call again.
    pub async fn delete_due(&self, claim: &JobClaim) -> Result<Due> {
        let scope = ProviderScope::for_job(claim.job());
        let permit = Permit::for_provider(Action::RunJob, &scope);
        let mut tx = self.db.provider_tx(&scope, &permit).await?;
        let due = tx.delete_due(claim).await?;
        if due == Due::Deleted {
            let entry = AuditEntry::new(&permit).resource(Name::Tenant(claim.tenant().clone()));
            tx.commit(entry.detail("state", "deleted")).await?;
        }
        if matches!(due, Due::Deleted | Due::DeletedBefore) {
            self.db.keyring().destroy_tenant(claim.tenant()).await?;
        }
        Ok(due)
    }

    /// Begins to remove what is left of the claim's tenant: proves that its keys are destroyed, and
    /// that so long ago that no server has them in memory any more.
    ///
    /// # Errors
    /// `INTERNAL` when the key service still opens what it should refuse; nothing may be certified
    /// then. Otherwise as [`Db::open`](crate::db::Db::open).
    pub async fn begin_removal(&self, claim: &JobClaim) -> Result<Removal> {
        let (scope, _) = system_scope(claim.tenant(), claim.job());
        let removal = self.db.removal(&scope).await?;
        if removal.certified {
            return Ok(Removal::Done);
        }
        // Also for who was deleted by a process that died before the key service heard of it.
        self.db.keyring().destroy_tenant(claim.tenant()).await?;
        self.db.keyring().prove_destroyed(claim.tenant()).await?;
        self.db.note_refusal(claim.tenant()).await?;
        let now = self.env.now();
        let forgotten = removal
            .refused
            .unwrap_or(now)
            .checked_add(REMOVAL_DELAY)
            .map_err(Error::internal)?;
        Ok(match now < forgotten {
            true => Removal::NotBefore(forgotten),
            false => Removal::Begun,
        })
    }

    /// Notes how many objects there were before they are removed.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn note_objects(&self, claim: &JobClaim, objects: u64, bytes: u64) -> Result<()> {
        let tenant = claim.tenant();
        self.db.note_found(tenant, "objects", objects).await?;
        self.db.note_found(tenant, "objectBytes", bytes).await
    }

    /// Removes what the database has of the claim's tenant, verifies that nothing is left there or
    /// among the objects (of which a listing showed `objects`), and signs the certificate.
    ///
    /// # Errors
    /// `INTERNAL` when something is left; `ETAG_MISMATCH` when the claim has lapsed.
    pub async fn finish_removal(&self, claim: &JobClaim, objects: usize) -> Result<()> {
        let (scope, _) = system_scope(claim.tenant(), claim.job());
        self.db.purge_tenant(&scope).await?;
        let left = self.db.left(&scope).await?;
        let rows: i64 = left.iter().map(|(_, rows)| rows).sum();
        if rows > 0 || objects > 0 {
            return Err(Error::internal(format!(
                "of a deleted tenant {objects} objects and {rows} rows are left: {left:?}"
            )));
        }
        let destroyed = self.db.keyring().prove_destroyed(claim.tenant()).await?;
        let removal = self.db.removal(&scope).await?;
        let tenant = Name::Tenant(claim.tenant().clone());
        let refused = removal.refused.ok_or_else(|| {
            Error::internal("the key service was not seen to refuse a deleted tenant's key")
        })?;
        let log = removal.log;
        let subject = [Subject {
            name: tenant.to_string(),
            digest: Digest {
                sha256: hex::encode(&log.1),
            },
        }];
        let predicate = Deletion {
            tenant: tenant.to_string(),
            waited_until: removal.purge_time,
            deleted: removal.deleted,
            method: Method {
                standard: "NIST SP 800-88",
                technique: "cryptographic erase, then removal",
            },
            wrapping_key: WrappingKey {
                id: claim.tenant().as_str(),
                key_service: self.db.keyring().kind(),
                destroyed,
            },
            removed: removal
                .counts
                .iter()
                .map(|(what, count)| (what.as_str(), *count))
                .collect(),
            verified: Verified {
                time: self.env.now(),
                key_refused: refused,
                objects_listed: objects,
                rows_counted: left.into_iter().collect(),
                journal: removal.journal.into(),
                audit_log: log.into(),
            },
            remains: [
                "the tenant's id, so that it is never given out again, and where its journal and log ended",
                "which accounts and resources were registered for the tenant and until when, so that nobody is brought what still comes of that time",
                "entries about the tenant in the provider's own log",
                "under the quarantine's key, for 90 days at most: records that concern somebody unknown as well, and late records of the tenant's time; and records that could not be read, within their source's bound",
            ],
        };
        let envelope = sign(self.gate.issuer(), &subject, DELETION, &predicate)?;
        let provider = ProviderScope::for_job(claim.job());
        let permit = Permit::for_provider(Action::RunJob, &provider);
        let digest = ring::digest::digest(&ring::digest::SHA256, &envelope);
        let entry = AuditEntry::new(&permit)
            .resource(Name::DeletionCertificate(claim.tenant().clone()))
            .detail("sha256", hex::encode(digest.as_ref()));
        self.db
            .store_certificate(&provider, claim, &envelope, entry)
            .await
    }

    /// Makes what the database and the key service say of deleted tenants agree: either may have
    /// come back from a backup, or a process may have died between the two.
    pub(super) async fn agree_on_deleted(&self) -> Result<()> {
        let keyring = self.db.keyring();
        let listed = keyring.destroyed().await?;
        let is_listed = |tenant: &TenantId| {
            let id = crate::keys::KeyId::tenant(tenant);
            listed.iter().any(|gone| gone.id == id)
        };
        // Sub-accounts first, as they were deleted.
        let there = self
            .tenant_ids(
                "SELECT tenant_id FROM tenants WHERE status <> 'deleted' ORDER BY parent IS NULL, tenant_id",
            )
            .await?;
        for tenant in there.into_iter().filter(&is_listed) {
            tracing::warn!(%tenant, "a tenant whose keys were destroyed had come back: deleted again");
            self.delete_again(&tenant).await?;
        }
        let deleted = self
            .tenant_ids("SELECT tenant_id FROM tenants WHERE status = 'deleted'")
            .await?;
        for tenant in deleted {
            if !is_listed(&tenant) {
                tracing::warn!(%tenant, "destroying the keys of a deleted tenant");
                keyring.destroy_tenant(&tenant).await?;
            }
        }
        Ok(())
    }

    async fn delete_again(&self, tenant: &TenantId) -> Result<()> {
        let scope = ProviderScope::for_job(PURGE);
        let permit = Permit::for_provider(Action::RunJob, &scope);
        let mut tx = self.db.provider_tx(&scope, &permit).await?;
        match tx.delete_tenant(tenant).await {
            Ok(()) => {}
            // Another server that starts now was quicker.
            Err(error) if error.reason() == Reason::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant.clone()));
        tx.commit(entry.detail("restored", "its keys were destroyed before"))
            .await?;
        Ok(())
    }
}
