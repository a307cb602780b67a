//! Bringing incidents in.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantId};
use uuid::Uuid;

use super::super::model::{self, Foreign, Seal};
use super::super::service::{Service, actor, credential, etag};
use super::super::store;
use super::convert::from_here;
use crate::transport::Caller;

/// An incident as it arrives.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) external_id: String,
    /// Or what is wrong with it.
    pub(super) foreign: Result<Box<Foreign>>,
}

/// What became of one.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) external_id: String,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Imported(Uuid),
    Known(Uuid),
    Differs(Uuid),
    Refused(Error),
}

impl Service {
    /// Brings incidents in, in one transaction.
    pub(super) async fn import_incidents(
        &self,
        caller: &Caller,
        tenant: TenantId,
        arrivals: Vec<Arrival>,
    ) -> Result<Disclosed<Vec<Told>>> {
        let action = Action::ImportIncidents;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let (mut told, mut imported) = (Vec::with_capacity(arrivals.len()), 0);
        for arrival in arrivals {
            let outcome = match arrival.foreign {
                Ok(foreign) => self.bring_in(&mut tx, &cipher, caller, *foreign).await?,
                Err(error) => Outcome::Refused(error),
            };
            imported += usize::from(matches!(outcome, Outcome::Imported(_)));
            told.push(Told {
                external_id: arrival.external_id,
                outcome,
            });
        }
        let refused = |told: &&Told| matches!(told.outcome, Outcome::Refused(_));
        let entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(tenant))
            .detail("imported", imported)
            .detail("refused", told.iter().filter(refused).count())
            .detail("count", told.len());
        if imported == 0 {
            drop(tx);
            self.kernel.db().audit_read(&scope, entry).await?;
        } else {
            tx.require_keys(&cipher).await?;
            tx.commit(entry).await?;
        }
        Ok(Disclosed::own(&scope, told))
    }

    /// Brings one in, unless it is here. The transaction has the tenant to itself, so nobody else
    /// brings it in meanwhile.
    async fn bring_in(
        &self,
        tx: &mut TenantTx<'_>,
        cipher: &TenantCipher,
        caller: &Caller,
        foreign: Foreign,
    ) -> Result<Outcome> {
        let external_id = &foreign.origin.external_id;
        if let Some(id) = from_here(cipher.tenant(), external_id)
            && store::find(tx.conn(), cipher, id).await?.is_some()
        {
            return Ok(Outcome::Known(id));
        }
        let id = imported_id(cipher, external_id);
        if let Some(found) = store::find(tx.conn(), cipher, id).await? {
            let same = |origin: model::Origin| origin.digest == foreign.origin.digest;
            return Ok(match found.words.origin.is_some_and(same) {
                true => Outcome::Known(id),
                false => Outcome::Differs(id),
            });
        }
        let env = self.kernel.env();
        let seal = Seal {
            id,
            number: store::next_number(tx).await?,
            etag: etag(env),
            by: actor(caller),
            credential: credential(caller),
            comments: foreign.comments.iter().map(|_| env.uuid_v7()).collect(),
            now: env.now(),
        };
        let import = model::import(foreign, seal);
        store::apply_import(tx, cipher, &import).await?;
        Ok(Outcome::Imported(id))
    }
}

/// The id here of an incident that has this one elsewhere: always the same within a tenant, and
/// without the tenant's keys nobody can tell one from the other.
fn imported_id(cipher: &TenantCipher, external_id: &str) -> Uuid {
    let hash = cipher.event_name(&[b"incident from elsewhere", external_id.as_bytes()]);
    uuid::Builder::from_custom_bytes(*hash.as_bytes()).into_uuid()
}
