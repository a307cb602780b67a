//! Destroying a snapshot.

use std::sync::Arc;

use cordon_evidence::custody::{Act, Head, Recheck};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Error, Name, Permit, Reason, Result, TenantScope};
use jiff::Timestamp;
use serde::Serialize;

use super::custody::{self, Done, no_chain, person};
use super::holds;
use super::model::{Command, Snapshot, State};
use super::remove::{self, Removed};
use super::service::{Named, Service, no_such_snapshot};
use super::store;
use crate::rooms::tenants;
use crate::transport::Caller;

/// What is signed of a destruction is a statement of this type.
const DELETION_TYPE: &str = "urn:cordon:snapshot-deletion:v1";

/// A snapshot that was destroyed, and what was signed of that.
pub(super) struct Deleted {
    pub(super) snapshot: Snapshot,
    pub(super) certificate: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate<'a> {
    snapshot: String,
    method: Method,
    key_service: &'static str,
    key_destroyed: Timestamp,
    objects_deleted: usize,
    custody: Head,
    items: Vec<Gone<'a>>,
    remains: [&'static str; 3],
    signed: Timestamp,
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[derive(Serialize)]
struct Method {
    standard: &'static str,
    technique: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gone<'a> {
    name: &'a str,
    bytes: u64,
    sha256: String,
}

impl Service {
    /// Called again for one that was destroyed, it finishes what was broken off, and says the same.
    pub(super) async fn delete(
        &self,
        caller: &Caller,
        (tenant, id): Named,
        purpose: String,
    ) -> Result<Disclosed<Deleted>> {
        let action = Action::DeleteSnapshot;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let scope = Arc::new(scope);
        let before = self.find(&scope, id).await?;
        let snapshot = match before.state {
            State::Deleted => before,
            _ => self.decide(caller, (&scope, &permit), id, purpose).await?,
        };
        let removed = remove::remains(&self.kernel, &self.objects, &scope, &permit, id).await?;
        let certificate = self.certify(&scope, &snapshot, removed)?;
        Ok(Disclosed::own(
            &scope,
            Deleted {
                snapshot,
                certificate,
            },
        ))
    }

    /// Decides that it is to be no more: nothing takes that back.
    async fn decide(
        &self,
        caller: &Caller,
        (scope, permit): (&TenantScope, &Permit),
        id: uuid::Uuid,
        purpose: String,
    ) -> Result<Snapshot> {
        let cipher = self.kernel.cipher(scope).await?;
        let mut tx = self.kernel.db().tenant_tx(scope, permit).await?;
        let now = self.kernel.env().now();
        let found = store::find(tx.conn(), &cipher, id).await?;
        let snapshot = found.ok_or_else(no_such_snapshot)?;
        if snapshot.state == State::Deleted {
            return Ok(snapshot);
        }
        if tenants::is_held(tx.conn(), scope.tenant()).await? {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "a legal hold keeps everything of the tenant's: have the provider end it first",
            ));
        }
        let all = holds::list(tx.conn(), &cipher, id).await?;
        let holding: Vec<_> = all.iter().filter(|hold| hold.holds(now)).collect();
        if let Some(first) = holding.first() {
            let until = first.until.map_or_else(
                || "until it is released".to_owned(),
                |until| format!("until {until}"),
            );
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!(
                    "the snapshot is held {}: one hold of {}'s keeps it {until}",
                    times(holding.len()),
                    first.party
                ),
            ));
        }
        // One whose time is over never was released: the chain wants that said first.
        let mut snapshot = snapshot;
        let items: Vec<String> = snapshot
            .items
            .iter()
            .map(|item| item.name.clone())
            .collect();
        let by = person(caller, scope);
        for over in all.iter().filter(|hold| hold.released.is_none()) {
            let done = Done {
                act: Act::Released {
                    hold: store::text(over.id),
                },
                by: by.clone(),
                purpose: "its time is over".to_owned(),
                items: items.clone(),
                recheck: Recheck::NotDone {},
            };
            let entered = custody::enter(
                &mut tx,
                &self.kernel,
                &cipher,
                snapshot,
                done,
                Command::Note,
            );
            snapshot = entered.await?;
        }
        let done = Done {
            act: Act::Deleted {},
            by,
            purpose,
            items,
            recheck: Recheck::NotDone {},
        };
        let entered = custody::enter(
            &mut tx,
            &self.kernel,
            &cipher,
            snapshot,
            done,
            Command::Delete,
        );
        let snapshot = entered.await?;
        tx.require_keys(&cipher).await?;
        let head = snapshot.custody.as_ref().ok_or_else(no_chain)?.head();
        let entry = AuditEntry::new(permit)
            .resource(Name::Snapshot(scope.tenant().clone(), id))
            .detail("state", snapshot.state.as_str())
            .detail("custody_sha256", head.hash);
        tx.commit(entry).await?;
        Ok(snapshot)
    }

    fn certify(
        &self,
        scope: &TenantScope,
        snapshot: &Snapshot,
        removed: Removed,
    ) -> Result<Vec<u8>> {
        let name = Name::Snapshot(scope.tenant().clone(), snapshot.id);
        let chain = snapshot.custody.as_ref().ok_or_else(no_chain)?;
        let certificate = Certificate {
            snapshot: name.to_string(),
            method: Method {
                standard: "NIST SP 800-88",
                technique: "cryptographic erase, then removal",
            },
            key_service: self.kernel.key_service(),
            key_destroyed: removed.destroyed,
            objects_deleted: removed.objects,
            custody: chain.head(),
            items: snapshot
                .items
                .iter()
                .map(|item| Gone {
                    name: &item.name,
                    bytes: item.size,
                    sha256: item.sha256.to_string(),
                })
                .collect(),
            remains: [
                "the manifest, with the digests and the ranges of what was taken, and the chain of custody",
                "blocks that other snapshots of the tenant have too, under those snapshots' keys",
                "what was downloaded, wherever that is",
            ],
            signed: self.kernel.env().now(),
        };
        let digest = snapshot.manifest.clone().unwrap_or_default();
        self.kernel
            .sign_statement(scope, &name, digest, DELETION_TYPE, &certificate)
    }
}
