//! What keeps snapshots from being deleted: holds of several parties, each by itself.

use cordon_evidence::custody::{Act, Recheck};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::sealed::object;
use cordon_kernel::db::{TenantTx, nanos, timestamp};
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::custody::{self, Done, person};
use super::model::Command;
use super::service::{Named, Service, no_such_snapshot};
use super::store::{self, text, uuid};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

const TABLE: &str = "snapshot_holds";
/// Most holds of a snapshot, released ones too.
const MOST: i64 = 100;

/// How strong a hold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Governance,
    Compliance,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    #[serde(with = "crate::rooms::uuid_text")]
    pub(super) id: Uuid,
    #[serde(with = "crate::rooms::uuid_text")]
    pub(super) snapshot: Uuid,
    pub(super) mode: Mode,
    pub(super) until: Option<Timestamp>,
    pub(super) reason: String,
    pub(super) by: String,
    /// Whose it is: the tenant's name, or `provider`.
    pub(super) party: String,
    pub(super) created: Timestamp,
    pub(super) released: Option<Timestamp>,
}

impl Hold {
    /// Whether it holds at a moment.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        self.released.is_none() && self.until.is_none_or(|until| until > now)
    }

    /// What the chain of custody calls it.
    fn name(&self) -> String {
        text(self.id)
    }

    /// Ends it for a party.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for another party's; `FAILED_PRECONDITION` when it is over, or in compliance
    /// mode and its time has not come.
    fn release(mut self, party: &str, now: Timestamp) -> Result<Self> {
        if self.party != party {
            return Err(Error::permission_denied());
        }
        if self.released.is_some() {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the hold was released before",
            ));
        }
        if self.mode == Mode::Compliance
            && let Some(until) = self.until.filter(|until| *until > now)
        {
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!("the hold is in compliance mode: nobody can end it before {until}"),
            )
            .with_metadata("until_time", until.to_string()));
        }
        self.released = Some(now);
        Ok(self)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewHold {
    pub(super) mode: Mode,
    pub(super) until: Option<Timestamp>,
    pub(super) reason: String,
}

impl Service {
    pub(super) async fn hold(
        &self,
        caller: &Caller,
        (tenant, id): Named,
        new: NewHold,
        request: RequestId,
    ) -> Result<Disclosed<Hold>> {
        let action = Action::HoldSnapshot;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        if let Some(answer) = request.answered::<Hold>(&mut tx, &cipher, now).await? {
            return Ok(Disclosed::own(&scope, answer));
        }
        if new.until.is_some_and(|until| until <= now) {
            let rule = "expected a time that is to come";
            return Err(Error::invalid("hold.until_time", rule));
        }
        let found = store::find(tx.conn(), &cipher, id).await?;
        let snapshot = found.ok_or_else(no_such_snapshot)?;
        let by = person(caller, &scope);
        if list(tx.conn(), &cipher, id).await?.len() as i64 >= MOST {
            return Err(Error::new(
                Reason::QuotaExceeded,
                format!("a snapshot has at most {MOST} holds"),
            ));
        }
        let hold = Hold {
            id: self.kernel.env().uuid_v7(),
            snapshot: id,
            mode: new.mode,
            until: new.until,
            reason: new.reason.clone(),
            by: by.name.clone(),
            party: by.party.clone(),
            created: now,
            released: None,
        };
        let done = Done {
            act: Act::Held { hold: hold.name() },
            by,
            purpose: new.reason,
            items: snapshot
                .items
                .iter()
                .map(|item| item.name.clone())
                .collect(),
            recheck: Recheck::NotDone {},
        };
        custody::enter(
            &mut tx,
            &self.kernel,
            &cipher,
            snapshot,
            done,
            Command::Note,
        )
        .await?;
        write(&mut tx, &cipher, &hold).await?;
        request.keep(&mut tx, &cipher, &hold, now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::SnapshotHold(tenant, id, hold.id))
            .detail("mode", hold.mode.as_str());
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, hold))
    }

    pub(super) async fn release(
        &self,
        caller: &Caller,
        (tenant, id, hold): (TenantId, Uuid, Uuid),
        reason: String,
    ) -> Result<Disclosed<Hold>> {
        let action = Action::ReleaseSnapshotHold;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let found = store::find(tx.conn(), &cipher, id).await?;
        let snapshot = found.ok_or_else(no_such_snapshot)?;
        let all = list(tx.conn(), &cipher, id).await?;
        let before = all.into_iter().find(|one| one.id == hold);
        let before = before.ok_or_else(|| Error::new(Reason::NotFound, "no such hold"))?;
        let by = person(caller, &scope);
        let after = before.release(&by.party, now)?;
        let done = Done {
            act: Act::Released { hold: after.name() },
            by,
            purpose: reason,
            items: snapshot
                .items
                .iter()
                .map(|item| item.name.clone())
                .collect(),
            recheck: Recheck::NotDone {},
        };
        custody::enter(
            &mut tx,
            &self.kernel,
            &cipher,
            snapshot,
            done,
            Command::Note,
        )
        .await?;
        write(&mut tx, &cipher, &after).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::SnapshotHold(tenant, id, hold))
            .detail("state", "released");
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, after))
    }

    pub(super) async fn holds(
        &self,
        caller: &Caller,
        (tenant, id): Named,
    ) -> Result<Disclosed<Vec<Hold>>> {
        let action = Action::ListSnapshotHolds;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        self.find(&scope, id).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let all = list(read.conn(), &cipher, id).await?;
        drop(read);
        let entry = AuditEntry::new(&permit)
            .resource(Name::Snapshot(tenant, id))
            .detail("count", all.len());
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, all))
    }
}

/// A snapshot's holds, oldest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    snapshot: Uuid,
) -> Result<Vec<Hold>> {
    let rows = sqlx::query(
        "SELECT hold_id, released_time, sealed FROM snapshot_holds \
          WHERE tenant_id = $1 AND snapshot_id = $2 ORDER BY hold_id",
    )
    .bind(cipher.tenant().as_str())
    .bind(text(snapshot))
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(cipher, row)).collect()
}

fn read(cipher: &TenantCipher, row: &AnyRow) -> Result<Hold> {
    let id: String = row.try_get("hold_id")?;
    uuid(&id)?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    let plain = cipher.open(&object(TABLE, &id), 0, &sealed)?;
    let hold: Hold = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let released: Option<i64> = row.try_get("released_time")?;
    Ok(Hold {
        released: released.map(timestamp),
        ..hold
    })
}

async fn write(tx: &mut TenantTx<'_>, cipher: &TenantCipher, hold: &Hold) -> Result<()> {
    let id = text(hold.id);
    let plain = serde_json::to_vec(hold).map_err(Error::internal)?;
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO snapshot_holds (tenant_id, hold_id, snapshot_id, mode, until_time, \
                released_time, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (tenant_id, hold_id) DO UPDATE SET released_time = excluded.released_time, \
                sealed = excluded.sealed",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(text(hold.snapshot))
    .bind(hold.mode.as_str())
    .bind(hold.until.map(nanos))
    .bind(hold.released.map(nanos))
    .bind(cipher.seal(&object(TABLE, &id), 0, &plain)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(mode: Mode, until: Option<&str>) -> Hold {
        Hold {
            id: Uuid::from_u128(1),
            snapshot: Uuid::from_u128(2),
            mode,
            until: until.map(|until| until.parse().unwrap()),
            reason: "a trial".to_owned(),
            by: "ada".to_owned(),
            party: "acme".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            released: None,
        }
    }

    #[test]
    fn a_hold_ends_by_its_party_or_its_time() {
        let now: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        let reason = |hold: Hold, party| hold.release(party, now).map_err(|e| e.reason());
        let later = Some("2026-11-25T00:00:00Z");
        let past = Some("2026-11-23T00:00:00Z");
        for (mode, until, party, refused) in [
            (Mode::Governance, None, "acme", None),
            (Mode::Governance, later, "acme", None),
            (
                Mode::Governance,
                None,
                "provider",
                Some(Reason::PermissionDenied),
            ),
            (
                Mode::Compliance,
                later,
                "acme",
                Some(Reason::FailedPrecondition),
            ),
            (
                Mode::Compliance,
                later,
                "provider",
                Some(Reason::PermissionDenied),
            ),
            (Mode::Compliance, past, "acme", None),
        ] {
            let released = reason(hold(mode, until), party);
            assert_eq!(
                released.as_ref().err().copied(),
                refused,
                "{mode:?} {until:?}"
            );
            if let Ok(released) = released {
                assert!(!released.holds(now));
                assert!(released.release(party, now).is_err(), "only once");
            }
        }
        assert!(hold(Mode::Governance, None).holds(now));
        assert!(hold(Mode::Compliance, later).holds(now));
        assert!(!hold(Mode::Compliance, past).holds(now));
    }
}
