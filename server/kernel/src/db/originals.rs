//! Originals of events that concern several tenants. Each lies under a key of its own that every
//! party's key wraps in turn: reading one takes a scope on every party, and the destruction of any
//! party's keys destroys it. Who its parties are lies under the server's key `~originals`.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::Row as _;
use uuid::Uuid;

use super::jobs::JobRunner;
use super::{Db, confine, purge};
use crate::auth::TenantScope;
use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::ids::{EventName, TenantId};
use crate::keys::KeyId;
use crate::keys::envelope::OwnerKeys;
use crate::keys::once::{Shared, open_shared};

/// A tenant that an event concerns, and the event's name there.
pub type Party = (TenantId, EventName);

/// Originals that are looked at together.
const STEP: i64 = 256;

/// The original of an event, sealed.
pub(crate) struct SealedOriginal {
    id: Uuid,
    /// Ascending.
    pub(crate) parties: Vec<Party>,
    shared: Shared,
}

/// What a check of all originals found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginalsReport {
    /// Originals that opened, and are found by each of their parties' events.
    pub sound: u64,
    /// Originals that a party took along when it was deleted.
    pub destroyed: u64,
    /// What does not hold, in words for the operator.
    pub faults: Vec<String>,
}

pub(super) fn object(id: Uuid) -> String {
    format!("original/{}", id.hyphenated())
}

fn parties_object(id: Uuid) -> String {
    format!("original-parties/{}", id.hyphenated())
}

fn reference_object((tenant, event): &Party) -> String {
    format!("original-of/{tenant}/{event}")
}

pub(super) fn seal_parties(
    index: &OwnerKeys,
    env: &Env,
    id: Uuid,
    parties: &[Party],
) -> Result<Vec<u8>> {
    let lines: Vec<String> = parties.iter().map(|(t, e)| format!("{t} {e}")).collect();
    index.seal_once(env, &parties_object(id), lines.join("\n").as_bytes())
}

pub(super) fn open_parties(index: &OwnerKeys, id: Uuid, sealed: &[u8]) -> Result<Vec<Party>> {
    let damaged = || Error::internal(format!("the parties of {} are damaged", object(id)));
    let plain = index.open_once(&parties_object(id), sealed)?;
    let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
    text.lines()
        .map(|line| {
            let (tenant, event) = line.split_once(' ').ok_or_else(damaged)?;
            let tenant = tenant.parse().map_err(|_| damaged())?;
            Ok((tenant, event.parse().map_err(|_| damaged())?))
        })
        .collect()
}

pub(super) fn seal_reference(
    index: &OwnerKeys,
    env: &Env,
    party: &Party,
    id: Uuid,
) -> Result<Vec<u8>> {
    index.seal_once(env, &reference_object(party), id.as_bytes())
}

pub(super) fn open_reference(index: &OwnerKeys, party: &Party, sealed: &[u8]) -> Result<Uuid> {
    let plain = index.open_once(&reference_object(party), sealed)?;
    Uuid::from_slice(&plain).map_err(|_| Error::internal("a reference to an original is damaged"))
}

fn destroyed() -> Error {
    Error::new(Reason::NotFound, "the event's original was destroyed")
}

impl Db {
    async fn originals_key(&self) -> Result<Arc<OwnerKeys>> {
        self.keyring().system(&KeyId::originals()).await
    }

    /// The original from which a tenant's view of an event was made.
    ///
    /// # Errors
    /// `NOT_FOUND` when none is kept, because the event concerns the tenant alone, because there
    /// is no such event, or because it was destroyed.
    pub(crate) async fn original_of(
        &self,
        scope: &TenantScope,
        event: &EventName,
    ) -> Result<SealedOriginal> {
        let party = (scope.tenant().clone(), *event);
        let reference: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT original FROM event_originals WHERE tenant_id = $1 AND event_name = $2",
        )
        .bind(scope.tenant().as_str())
        .bind(event.as_bytes().to_vec())
        .fetch_optional(self.system())
        .await?;
        let reference = reference.ok_or_else(|| {
            Error::new(
                Reason::NotFound,
                "no original is kept of such an event; what concerns one tenant alone is stored \
                 as it was sent",
            )
        })?;
        let index = self.originals_key().await?;
        let id = open_reference(&index, &party, &reference)?;
        let row = sqlx::query(
            "SELECT parties, wrapped_key, sealed FROM originals WHERE original_id = $1",
        )
        .bind(id.hyphenated().to_string())
        .fetch_optional(self.system())
        .await?
        .ok_or_else(destroyed)?;
        let parties = open_parties(&index, id, row.try_get(0)?)?;
        if !parties.contains(&party) {
            return Err(Error::internal("an original of other parties"));
        }
        Ok(SealedOriginal {
            id,
            parties,
            shared: Shared {
                wrapped_key: row.try_get(1)?,
                sealed: row.try_get(2)?,
            },
        })
    }

    /// Opens an original for whom has entered every party: `scopes` are those entries.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` when a party was not entered; `NOT_FOUND` when the keys of one were
    /// destroyed.
    pub(crate) async fn open_original(
        &self,
        original: &SealedOriginal,
        scopes: &[TenantScope],
    ) -> Result<Vec<u8>> {
        let entered: BTreeSet<&TenantId> = scopes
            .iter()
            .filter(|scope| scope.entered().is_some())
            .map(TenantScope::tenant)
            .collect();
        if !original.parties.iter().all(|(t, _)| entered.contains(t)) {
            return Err(Error::permission_denied());
        }
        let mut plain = self.unseal(original).await?.ok_or_else(destroyed)?;
        Ok(std::mem::take(&mut *plain))
    }

    /// `None` when a party's keys are gone.
    async fn unseal(
        &self,
        original: &SealedOriginal,
    ) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
        let tenants: BTreeSet<TenantId> = original.parties.iter().map(|p| p.0.clone()).collect();
        let keys = self.keyring().tenants(&tenants).await?;
        if keys.len() < tenants.len() {
            return Ok(None);
        }
        // Ascending, as they were sealed.
        let keys: Vec<Arc<OwnerKeys>> = keys.into_values().collect();
        open_shared(&keys, &object(original.id), &original.shared).map(Some)
    }

    /// Drops some of the originals that a deleted tenant took along; how many of its events had
    /// one, nothing when there are no more.
    pub(super) async fn purge_originals(&self, tenant: &TenantId) -> Result<usize> {
        // Asked first: the key is made when it is first wanted, and there may never have been one.
        let any = sqlx::query("SELECT 1 FROM event_originals WHERE tenant_id = $1 LIMIT 1")
            .bind(tenant.as_str())
            .fetch_optional(self.system())
            .await?;
        if any.is_none() {
            return Ok(0);
        }
        let index = self.originals_key().await?;
        let mut system = self.system_tx().await?;
        confine(&mut system.tx, tenant.as_str()).await?;
        let rows = sqlx::query(
            "SELECT event_name, original FROM event_originals WHERE tenant_id = $1 LIMIT $2",
        )
        .bind(tenant.as_str())
        .bind(STEP)
        .fetch_all(&mut *system.tx)
        .await?;
        for row in &rows {
            let name: Vec<u8> = row.try_get(0)?;
            let event = <[u8; 16]>::try_from(name.as_slice())
                .map(EventName::from_bytes)
                .map_err(|_| Error::internal("an event's name in the database is malformed"))?;
            // What does not open names nothing any more.
            let reference: Vec<u8> = row.try_get(1)?;
            if let Ok(id) = open_reference(&index, &(tenant.clone(), event), &reference) {
                sqlx::query("DELETE FROM originals WHERE original_id = $1")
                    .bind(id.hyphenated().to_string())
                    .execute(&mut *system.tx)
                    .await?;
            }
            sqlx::query("DELETE FROM event_originals WHERE tenant_id = $1 AND event_name = $2")
                .bind(tenant.as_str())
                .bind(name)
                .execute(&mut *system.tx)
                .await?;
        }
        let gone = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        purge::count(&mut system.tx, tenant.as_str(), "originals", gone).await?;
        system.commit().await?;
        Ok(rows.len())
    }

    /// Opens every original, and follows each party's event to it.
    ///
    /// # Errors
    /// `UNAVAILABLE` when database or key service can't be reached. What does not hold is in the
    /// report.
    pub async fn verify_originals(&self, _runner: &JobRunner) -> Result<OriginalsReport> {
        let mut report = OriginalsReport::default();
        let mut after = String::new();
        loop {
            let rows = sqlx::query(
                "SELECT original_id, parties, wrapped_key, sealed FROM originals \
                  WHERE original_id > $1 ORDER BY original_id LIMIT $2",
            )
            .bind(after.as_str())
            .bind(STEP)
            .fetch_all(self.system())
            .await?;
            if rows.is_empty() {
                return Ok(report);
            }
            let index = self.originals_key().await?;
            for row in rows {
                after = row.try_get(0)?;
                let id = Uuid::try_parse(&after)
                    .map_err(|_| Error::internal("an original's id is malformed"))?;
                let shared = Shared {
                    wrapped_key: row.try_get(2)?,
                    sealed: row.try_get(3)?,
                };
                let held = async {
                    let parties = open_parties(&index, id, row.try_get(1)?)?;
                    let original = SealedOriginal {
                        id,
                        parties,
                        shared,
                    };
                    self.verify_original(&index, &original).await
                };
                match held.await {
                    Ok(true) => report.sound += 1,
                    Ok(false) => report.destroyed += 1,
                    Err(error) if error.reason() == Reason::Internal => {
                        report.faults.push(error.to_string());
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    async fn any_deleted(&self, parties: &[Party]) -> Result<bool> {
        for (tenant, _) in parties {
            let status: Option<String> =
                sqlx::query_scalar("SELECT status FROM tenants WHERE tenant_id = $1")
                    .bind(tenant.as_str())
                    .fetch_optional(self.system())
                    .await?;
            if status.as_deref() == Some("deleted") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn verify_original(&self, index: &OwnerKeys, original: &SealedOriginal) -> Result<bool> {
        if self.unseal(original).await?.is_none() {
            return match self.any_deleted(&original.parties).await? {
                true => Ok(false),
                false => Err(Error::internal(format!(
                    "{}: the keys of a party are gone that was not deleted",
                    object(original.id)
                ))),
            };
        }
        let mut found = false;
        for party in &original.parties {
            let reference: Option<Vec<u8>> = sqlx::query_scalar(
                "SELECT original FROM event_originals WHERE tenant_id = $1 AND event_name = $2",
            )
            .bind(party.0.as_str())
            .bind(party.1.as_bytes().to_vec())
            .fetch_optional(self.system())
            .await?;
            let reference = reference.ok_or_else(|| {
                Error::internal(format!(
                    "{}: {}'s event {} does not lead there",
                    object(original.id),
                    party.0,
                    party.1
                ))
            })?;
            // One party may have gone on to an original with more parties.
            found |= open_reference(index, party, &reference)? == original.id;
        }
        match found {
            true => Ok(true),
            false => Err(Error::internal(format!(
                "{} is nobody's",
                object(original.id)
            ))),
        }
    }
}
